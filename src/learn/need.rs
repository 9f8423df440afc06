//! How much there is to look at for an agent, and when that is enough to say so.
//!
//! The parts of the learning tell each other what happened ([`Event`]); here it is counted. Counts only grow, and
//! each agent remembers how far it has seen: who resets one starves no other. An agent whose news come to its
//! threshold is *due*. That is said once a session, until somebody answers ([`Acked`]) or a week has gone; and the
//! answer moves the threshold. No agent is started by it.

pub mod brief;
mod hpc;
mod table;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

pub use self::hpc::{is_cluster, is_hpc};
pub use self::table::Thresholds;
use super::pattern::{Key, Patterns};
use super::{Event, Form, Number, Observed};
use crate::command::shape::HostType;
use crate::model::bytes::{Bytes, put_count};

/// The agents that ship with `cs`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Agent {
    Analyst,
    Advisor,
    Detective,
}

impl Agent {
    pub const COUNT: usize = 3;
    /// All there are; the place is the code on disk.
    pub const ALL: [Self; Self::COUNT] = [Self::Analyst, Self::Advisor, Self::Detective];

    /// The name Claude Code knows it by.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Analyst => "learning-analyst",
            Self::Advisor => "hpc-advisor",
            Self::Detective => "troubleshooting-detective",
        }
    }

    /// The agent of a name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|agent| agent.name() == name)
    }

    fn place(self) -> usize {
        self as usize
    }

    /// The byte it is stored as.
    #[must_use]
    pub fn code(self) -> u8 {
        u8::try_from(self.place()).expect("BUG: they are few")
    }

    /// What was stored as `code`.
    #[must_use]
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.get(usize::from(code)).copied()
    }

    /// Its bit in a set of agents.
    #[must_use]
    pub fn bit(self) -> u8 {
        1 << self.place()
    }

    /// What it hears of.
    #[must_use]
    pub fn scope(self) -> Scope {
        if self == Self::Advisor { Scope::Hpc } else { Scope::All }
    }
}

/// The kinds of news.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Counter {
    NewCommands,
    Failures,
    Optimizations,
    PerformanceShifts,
    HostChanges,
    SecurityEvents,
}

impl Counter {
    pub const COUNT: usize = 6;
    /// All there are; the place is the place on disk.
    pub const ALL: [Self; Self::COUNT] = [
        Self::NewCommands,
        Self::Failures,
        Self::Optimizations,
        Self::PerformanceShifts,
        Self::HostChanges,
        Self::SecurityEvents,
    ];

    /// As profiles spell it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::NewCommands => "new-commands",
            Self::Failures => "failures",
            Self::Optimizations => "optimizations",
            Self::PerformanceShifts => "performance-shifts",
            Self::HostChanges => "host-changes",
            Self::SecurityEvents => "security-events",
        }
    }

    /// So many of them, for people: `1 new command`.
    #[must_use]
    pub fn count(self, number: u32) -> String {
        let (one, many) = match self {
            Self::NewCommands => ("new command", "new commands"),
            Self::Failures => ("failure", "failures"),
            Self::Optimizations => ("better way", "better ways"),
            Self::PerformanceShifts => ("performance shift", "performance shifts"),
            Self::HostChanges => ("host change", "host changes"),
            Self::SecurityEvents => ("security event", "security events"),
        };
        format!("{number} {}", if number == 1 { one } else { many })
    }

    fn place(self) -> usize {
        self as usize
    }
}

/// Which news are counted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    All,
    /// Work on a cluster.
    Hpc,
}

const SCOPES: [Scope; 2] = [Scope::All, Scope::Hpc];

/// What is counted of one kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Total {
    pub count: u32,
    /// Their significance, in parts of [`UNIT`].
    pub units: u32,
}

/// Full significance.
pub const UNIT: u32 = 64;

/// Of each [`Counter`], in their order.
pub type Totals = [Total; Counter::COUNT];

/// Of each [`Scope`].
type Sums = [Totals; SCOPES.len()];

/// There is enough for an agent to look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    /// The day it came to that, since 1970.
    pub day: u16,
    /// What it came to.
    pub news: Totals,
    /// The last sessions that were told, the newest last.
    told: Vec<Number>,
}

/// How far an agent has seen, and what was said of its use.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Standing {
    seen: Totals,
    /// The day from which on its news are counted; 0 before there were any.
    since: u16,
    /// How often the threshold was raised, less how often it was lowered.
    steps: i8,
    /// The day of the last answer.
    acked: u16,
    /// The first day on which it may be due.
    rests_until: u16,
    due: Option<Due>,
}

/// Somebody has looked, and says whether it was of use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Acked {
    pub agent: Agent,
    pub useful: bool,
    /// A day since 1970.
    pub day: u16,
}

/// A session was told that agents are due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Suggested {
    /// Of each, its [`Agent::bit`].
    pub agents: u8,
    pub session: Number,
    /// A day since 1970.
    pub day: u16,
}

/// A report is put away after so many days.
pub const DUE_DAYS: u16 = 7;
/// Who has reported rests for so many days.
const REST_DAYS: u16 = 1;
/// So many sessions are remembered that were told.
const TOLD_MAX: usize = 16;
/// A threshold is raised by this factor, and lowered by its inverse: × 0.8.
const STEP: f64 = 1.25;
/// After so many steps one way it is about four times as high, or a quarter.
const STEPS_MAX: i8 = 6;

/// All counts, and how far each agent has seen.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Need {
    sums: Sums,
    /// What they were on some days: what is older than knowledge is kept is no news any more.
    history: BTreeMap<u16, Sums>,
    agents: [Standing; Agent::COUNT],
    host: Option<HostType>,
}

/// What there is to say of an agent.
#[derive(Debug, Clone, PartialEq)]
pub struct Status<'a> {
    pub agent: Agent,
    /// Its news, and the day from which on they are counted.
    pub news: Totals,
    pub since: u16,
    /// What they come to.
    pub score: f64,
    /// What they must come to, and what the profile says of that.
    pub threshold: f64,
    pub declared: f64,
    /// Whether there was anything of the work that it is for.
    pub is_gate_open: bool,
    /// The first day on which it may be due, if that is to come.
    pub rests_until: Option<u16>,
    pub due: Option<&'a Due>,
}

impl Need {
    /// Counts what a call has told the other parts.
    ///
    /// Not every event says as much as the first of its kind, so each is weighed by its *significance*, from 0 to 1:
    /// - A program that was never seen here is news. A known program told to do something else is half as much, and
    ///   with other flags a quarter: on a machine's first day nearly everything is new, and hardly any of it worth a
    ///   report.
    /// - A failure that teaches is news the first time; the same form's next one says half as much, and so on, down
    ///   to nothing after the seventh. So one thing that fails over and over makes one report, two things that fail
    ///   make one, too, and the tenth failure of something known makes none. It counts anew once the others are
    ///   forgotten. A failure that does not teach (a test, a build, a `grep` without a match) is everyday work and
    ///   says nothing to anybody who was not there.
    /// - What mends a failure says as much as that failure did; that a known correction came right, a quarter.
    /// - A shift is three runs in a row already, and what changes a host is rare: each counts in full. So does what
    ///   the guard asked about, but that weighs nothing unless the profile says so.
    pub fn hear(&mut self, events: &[Event], patterns: &Patterns, call: &Observed) {
        let day = call.record.day;
        let host = call.record.host;
        if self.host.is_some_and(|known| known != host) {
            self.add(Counter::HostChanges, UNIT, is_cluster(host), day);
        }
        self.host = Some(host);
        let taught = |form: &Form| {
            let key = Key { project: call.project, host, category: form.category(), form: *form };
            let times = patterns.get(&key).map_or(1, |pattern| pattern.taught().max(1));
            UNIT.checked_shr(times - 1).unwrap_or(0)
        };
        for event in events {
            let (counter, units, form) = match event {
                Event::Learned(form) => (Counter::NewCommands, novelty(form, patterns), form),
                Event::Failed(form) => (Counter::Failures, taught(form), form),
                Event::Mended(form) => (Counter::Optimizations, taught(form), form),
                Event::CameRight(form) => (Counter::Optimizations, UNIT / 4, form),
                Event::Shifted(form, _) => (Counter::PerformanceShifts, UNIT, form),
                Event::Executed { .. }
                | Event::Offered(..)
                | Event::Guarded
                | Event::HostChanged
                | Event::ThresholdReached(_) => continue,
            };
            self.add(counter, units, is_hpc(form), day);
        }
    }

    /// Counts what is no call's doing.
    pub fn note(&mut self, event: Event, day: u16) {
        let is_cluster = self.host.is_some_and(is_cluster);
        match event {
            Event::Guarded => self.add(Counter::SecurityEvents, UNIT, is_cluster, day),
            Event::HostChanged => self.add(Counter::HostChanges, UNIT, is_cluster, day),
            _ => {}
        }
    }

    fn add(&mut self, counter: Counter, units: u32, is_hpc: bool, day: u16) {
        let of_agents = self.agents.iter_mut().filter(|own| own.since == 0);
        of_agents.for_each(|own| own.since = day);
        for scope in SCOPES.into_iter().filter(|scope| *scope == Scope::All || is_hpc) {
            let total = &mut self.sums[scope as usize][counter.place()];
            total.count = total.count.saturating_add(1);
            total.units = total.units.saturating_add(units);
        }
    }

    /// How an agent stands.
    #[must_use]
    pub fn status(&self, agent: Agent, thresholds: &Thresholds, today: u16) -> Status<'_> {
        let Standing { seen, since, steps, rests_until, due, .. } = &self.agents[agent.place()];
        let news = less(&self.sums[agent.scope() as usize], seen);
        let points = |counter: Counter| {
            f64::from(news[counter.place()].units) / f64::from(UNIT) * thresholds.points(agent, counter)
        };
        let declared = thresholds.threshold(agent);
        let is_work =
            |counter: &Counter| *counter != Counter::HostChanges && *counter != Counter::SecurityEvents;
        let has_work = Counter::ALL.iter().filter(|own| is_work(own)).any(|own| news[own.place()].count > 0);
        Status {
            agent,
            news,
            since: *since,
            score: Counter::ALL.into_iter().map(points).sum(),
            threshold: declared * STEP.powi(i32::from(*steps)),
            declared,
            is_gate_open: agent.scope() == Scope::All || has_work,
            rests_until: Some(*rests_until).filter(|day| *day > today),
            due: due.as_ref(),
        }
    }

    /// Makes due who has enough to look at; [`Event::ThresholdReached`] of each.
    pub fn queue(&mut self, thresholds: &Thresholds, today: u16) -> Vec<Event> {
        self.history.entry(today).or_insert(self.sums);
        let mut reached = Vec::new();
        for agent in Agent::ALL {
            let Status { news, score, threshold, is_gate_open, rests_until, due, .. } =
                self.status(agent, thresholds, today);
            if due.is_none() && is_gate_open && rests_until.is_none() && score >= threshold {
                self.agents[agent.place()].due = Some(Due { day: today, news, told: Vec::new() });
                reached.push(Event::ThresholdReached(agent));
            }
        }
        reached
    }

    /// Takes an answer. What led to the report is seen with it, and the threshold moves: once a day, however often
    /// it is said.
    pub fn acked(&mut self, acked: Acked) {
        let Acked { agent, useful, day } = acked;
        let own = self.reset(agent, day);
        if own.acked != day {
            let steps = if useful { own.steps - 1 } else { own.steps + 1 };
            own.steps = steps.clamp(-STEPS_MAX, STEPS_MAX);
            own.acked = day;
        }
    }

    fn reset(&mut self, agent: Agent, day: u16) -> &mut Standing {
        let seen = self.sums[agent.scope() as usize];
        let own = &mut self.agents[agent.place()];
        own.seen = seen;
        own.since = day;
        own.rests_until = day.saturating_add(REST_DAYS);
        own.due = None;
        own
    }

    /// Something was forgotten: what was counted may be of it, so no report stands on that any more.
    pub fn forget(&mut self) {
        for agent in Agent::ALL {
            let seen = self.sums[agent.scope() as usize];
            let own = &mut self.agents[agent.place()];
            (own.seen, own.due) = (seen, None);
        }
    }

    /// Notes that a session was told.
    pub fn suggested(&mut self, suggested: Suggested) {
        for (agent, due) in self.due_mut() {
            if suggested.agents & agent.bit() != 0 {
                due.tell(suggested.session);
            }
        }
    }

    fn due_mut(&mut self) -> impl Iterator<Item = (Agent, &mut Due)> {
        let both = Agent::ALL.into_iter().zip(&mut self.agents);
        both.filter_map(|(agent, own)| own.due.as_mut().map(|due| (agent, due)))
    }

    /// Who is due, for those who only need to know that.
    #[must_use]
    pub fn due(&self) -> Vec<Report> {
        let both = Agent::ALL.into_iter().zip(&self.agents);
        let report = |(agent, own): (Agent, &Standing)| {
            own.due.clone().map(|due| Report { agent, since: own.since, due })
        };
        both.filter_map(report).collect()
    }

    /// What is dated `future` or later was done today.
    pub fn date_back(&mut self, future: u16, today: u16) {
        let back = |day: &mut u16| {
            if *day >= future {
                *day = today;
            }
        };
        for own in &mut self.agents {
            let Standing { seen: _, since, steps: _, acked, rests_until, due } = own;
            [since, acked, rests_until].into_iter().for_each(back);
            due.iter_mut().for_each(|due| back(&mut due.day));
        }
        self.history.retain(|day, _| *day < future);
    }

    /// Puts away what nobody has answered for a week, and forgets news that are older than `days` days.
    pub fn expire(&mut self, today: u16, days: u16) {
        for agent in Agent::ALL {
            let due = self.agents[agent.place()].due.as_ref();
            if due.is_some_and(|due| today.saturating_sub(due.day) >= DUE_DAYS) {
                self.reset(agent, today);
            }
        }
        let oldest = today.saturating_sub(days);
        let Some((&day, &floor)) = self.history.range(..=oldest).next_back() else { return };
        self.history.retain(|own, _| *own >= day);
        for agent in Agent::ALL {
            let own = &mut self.agents[agent.place()];
            for (seen, floor) in own.seen.iter_mut().zip(floor[agent.scope() as usize]) {
                seen.count = seen.count.max(floor.count);
                seen.units = seen.units.max(floor.units);
            }
            if own.since > 0 {
                own.since = own.since.max(oldest.saturating_add(1));
            }
        }
    }

    /// Its bytes: one where nothing was counted.
    pub fn encode(&self, bytes: &mut Vec<u8>) {
        if *self == Self::default() {
            bytes.push(0);
            return;
        }
        let Self { sums, history, agents, host } = self;
        bytes.push(1);
        put_sums(sums, bytes);
        put_count(bytes, history.len());
        for (day, sums) in history {
            bytes.extend(day.to_le_bytes());
            put_sums(sums, bytes);
        }
        for Standing { seen, since, steps, acked, rests_until, due } in agents {
            put_totals(seen, bytes);
            [since, acked, rests_until].into_iter().for_each(|day| bytes.extend(day.to_le_bytes()));
            bytes.extend(steps.to_le_bytes());
            bytes.push(u8::from(due.is_some()));
            due.iter().for_each(|due| due.encode(bytes));
        }
        bytes.push(host.map_or(u8::MAX, HostType::code));
    }

    /// What [`Self::encode`] has written; `None` for anything else.
    pub fn decode(rest: &mut Bytes<'_>) -> Option<Self> {
        let mut own = Self::default();
        if rest.byte()? == 0 {
            return Some(own);
        }
        own.sums = sums(rest)?;
        for _ in 0..rest.count(2)? {
            let day = rest.u16()?;
            own.history.insert(day, sums(rest)?);
        }
        for agent in &mut own.agents {
            *agent = Standing {
                seen: totals(rest)?,
                since: rest.u16()?,
                acked: rest.u16()?,
                rests_until: rest.u16()?,
                steps: i8::from_le_bytes([rest.byte()?]).clamp(-STEPS_MAX, STEPS_MAX),
                due: match rest.byte()? {
                    0 => None,
                    _ => Some(Due::decode(rest)?),
                },
            };
        }
        own.host = match rest.byte()? {
            u8::MAX => None,
            code => Some(HostType::from_code(code)?),
        };
        Some(own)
    }
}

/// How new a form is that was never seen: by what is known of its program.
fn novelty(form: &Form, patterns: &Patterns) -> u32 {
    let others = || patterns.iter().map(|(key, _)| &key.form).filter(|other| *other != form);
    if others().any(|other| other.tool == form.tool && other.subcommand == form.subcommand) {
        UNIT / 4
    } else if others().any(|other| other.tool == form.tool) {
        UNIT / 2
    } else {
        UNIT
    }
}

fn less(totals: &Totals, seen: &Totals) -> Totals {
    std::array::from_fn(|at| Total {
        count: totals[at].count.saturating_sub(seen[at].count),
        units: totals[at].units.saturating_sub(seen[at].units),
    })
}

fn put_totals(totals: &Totals, bytes: &mut Vec<u8>) {
    for Total { count, units } in totals {
        bytes.extend(count.to_le_bytes());
        bytes.extend(units.to_le_bytes());
    }
}

fn totals(rest: &mut Bytes<'_>) -> Option<Totals> {
    let mut totals = Totals::default();
    for total in &mut totals {
        *total = Total { count: rest.u32()?, units: rest.u32()? };
    }
    Some(totals)
}

fn put_sums(sums: &Sums, bytes: &mut Vec<u8>) {
    sums.iter().for_each(|own| put_totals(own, bytes));
}

fn sums(rest: &mut Bytes<'_>) -> Option<Sums> {
    Some([totals(rest)?, totals(rest)?])
}

impl Due {
    fn tell(&mut self, session: Number) {
        self.told.retain(|other| *other != session);
        self.told.push(session);
        let surplus = self.told.len().saturating_sub(TOLD_MAX);
        self.told.drain(..surplus);
    }

    fn encode(&self, bytes: &mut Vec<u8>) {
        let Self { day, news, told } = self;
        bytes.extend(day.to_le_bytes());
        put_totals(news, bytes);
        bytes.push(u8::try_from(told.len()).expect("BUG: they are few"));
        told.iter().for_each(|session| bytes.extend(session.0.to_le_bytes()));
    }

    fn decode(rest: &mut Bytes<'_>) -> Option<Self> {
        let (day, news) = (rest.u16()?, totals(rest)?);
        let count = usize::from(rest.byte()?);
        let told = (0..count).map(|_| rest.u16().map(Number)).collect::<Option<_>>()?;
        (count <= TOLD_MAX).then_some(Self { day, news, told })
    }
}

/// What a hook has to know of an agent that is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    pub agent: Agent,
    /// The day from which on its news were counted.
    pub since: u16,
    pub due: Due,
}

impl Report {
    /// Whether a session was told of it.
    #[must_use]
    pub fn was_told(&self, session: Number) -> bool {
        self.due.told.contains(&session)
    }

    /// The news that it is about, those that weigh most first.
    #[must_use]
    pub fn news(&self, thresholds: &Thresholds) -> Vec<(Counter, u32)> {
        heaviest(&self.due.news, self.agent, thresholds)
    }

    /// Its bytes.
    pub fn encode(&self, bytes: &mut Vec<u8>) {
        bytes.push(self.agent.code());
        bytes.extend(self.since.to_le_bytes());
        self.due.encode(bytes);
    }

    /// What [`Self::encode`] has written; `None` for anything else.
    pub fn decode(rest: &mut Bytes<'_>) -> Option<Self> {
        let agent = Agent::from_code(rest.byte()?)?;
        Some(Self { agent, since: rest.u16()?, due: Due::decode(rest)? })
    }
}

/// What news weigh something for an agent, and how many of each: those that come to most first.
#[must_use]
pub fn heaviest(news: &Totals, agent: Agent, thresholds: &Thresholds) -> Vec<(Counter, u32)> {
    let points =
        |counter: &Counter| f64::from(news[counter.place()].units) * thresholds.points(agent, *counter);
    let mut found: Vec<Counter> = Counter::ALL.into_iter().filter(|own| points(own) > 0.0).collect();
    found.sort_by(|one, other| points(other).total_cmp(&points(one)));
    found.into_iter().map(|own| (own, news[own.place()].count)).collect()
}

impl Status<'_> {
    /// Of one kind: how many, their significance, and what that comes to.
    #[must_use]
    pub fn of(&self, counter: Counter, thresholds: &Thresholds) -> (u32, f64, f64) {
        let Total { count, units } = self.news[counter.place()];
        let significance = f64::from(units) / f64::from(UNIT);
        (count, significance, significance * thresholds.points(self.agent, counter))
    }
}
