//! `cs agents`: how much there is for each agent to look at, what it reads, and what somebody says of its use.

use serde_json::{Map, Value, json};

use super::args::{AgentName, AgentsArgs, AgentsCommand, Useful};
use super::engine::Context;
use super::error::{CliError, exit, refused};
use super::identity::learning;
use super::output::{columns, count, paint, style};
use crate::crypto::Epoch;
use crate::knowledge::journal::{self, Journal, Kept};
use crate::knowledge::{HostFolder, fold};
use crate::learn::need::brief::{Cell, Table, brief};
use crate::learn::need::{Acked, Agent, Counter, DUE_DAYS, Scope, Status, Thresholds, heaviest};
use crate::learn::{Item, State};
use crate::root::{Root, Store};
use crate::sys::clock;

/// A busy day's journal leaves most records out. An answer is written again until it is kept: one in sixteen is.
const ACK_TRIES: usize = 1_000;

/// Runs it.
///
/// # Errors
/// When what was learned can't be read, or an answer not written.
pub fn run(context: &Context, args: &AgentsArgs) -> Result<u8, CliError> {
    match &args.command {
        None | Some(AgentsCommand::Status) => status(context),
        Some(AgentsCommand::Brief { name }) => briefed(context, agent(*name)),
        Some(AgentsCommand::Ack { name, useful }) => ack(context, agent(*name), *useful == Useful::Yes),
    }
}

fn agent(name: AgentName) -> Agent {
    match name {
        AgentName::LearningAnalyst => Agent::Analyst,
        AgentName::HpcAdvisor => Agent::Advisor,
        AgentName::TroubleshootingDetective => Agent::Detective,
    }
}

/// All that is known now, and what the current generation says of agents.
struct Known {
    state: State,
    thresholds: Thresholds,
    /// The names of those that are installed.
    installed: Vec<String>,
    is_recorded: bool,
    today: u16,
}

impl Known {
    fn of(context: &Context) -> Result<Self, CliError> {
        let root = Root::locate(context.common.root.as_deref(), None)?;
        let runtime = Store::new(root).runtime()?.unwrap_or_default();
        let names = runtime.get("agents").and_then(Value::as_array);
        let installed =
            names.into_iter().flatten().filter_map(|name| name.as_str().map(str::to_owned)).collect();
        let thresholds = Thresholds::from_runtime(&runtime);
        let now = clock::now();
        let mut known = Self {
            state: State::default(),
            thresholds,
            installed,
            is_recorded: false,
            today: u16::try_from(now / 86_400).unwrap_or(u16::MAX),
        };
        let Some(host) = learning(context)?.known_host()? else { return Ok(known) };
        let snapshot = fold::known_of(&host, now)
            .map_err(|error| refused(format!("what was learned can't be read: {error}"), "cs keys status"))?;
        known.state = snapshot.state;
        known.is_recorded = true;
        // As the next fold will see it.
        known.state.need.expire(known.today, fold::Rules::from_runtime(&runtime).retention_days);
        known.state.need.queue(&known.thresholds, known.today);
        Ok(known)
    }

    fn status(&self, agent: Agent) -> Status<'_> {
        self.state.need.status(agent, &self.thresholds, self.today)
    }

    fn is_installed(&self, agent: Agent) -> bool {
        self.installed.iter().any(|name| name == agent.name())
    }
}

fn status(context: &Context) -> Result<u8, CliError> {
    let known = Known::of(context)?;
    let out = context.out;
    for agent in Agent::ALL {
        out.line(line(&known, agent));
    }
    let security = known.status(Agent::Analyst).of(Counter::SecurityEvents, &known.thresholds).0;
    for remark in remarks(&known) {
        out.line(remark);
    }
    out.object(&json!({
        "version": 1,
        "recorded": known.is_recorded,
        "agents": Agent::ALL.map(|agent| told(&known, agent)),
        "security_events": security,
    }));
    Ok(exit::DONE)
}

/// Why an agent isn't due, in a word and for people; `None` when it is.
fn why_not(known: &Known, agent: Agent) -> Option<(&'static str, &'static str)> {
    let status = known.status(agent);
    if status.due.is_some() {
        None
    } else if !status.is_gate_open {
        Some(("gate-closed", "no work on a cluster was seen"))
    } else if status.rests_until.is_some() {
        Some(("rests", "rests until tomorrow"))
    } else {
        Some(("below-threshold", ""))
    }
}

fn line(known: &Known, agent: Agent) -> String {
    let Status { score, threshold, news, since, .. } = known.status(agent);
    let why = why_not(known, agent);
    let how_far = format!("{score:.0} of {threshold:.0}");
    let how_far = if why.is_some_and(|(word, _)| word == "gate-closed") { "-".to_owned() } else { how_far };
    let news = heaviest(&news, agent, &known.thresholds);
    let news: Vec<String> = news.into_iter().map(|(counter, number)| counter.count(number)).collect();
    let when = if since == known.today { "today".to_owned() } else { format!("since {}", date(since)) };
    let news = match (news.as_slice(), why) {
        ([], Some((_, text))) if !text.is_empty() => String::new(),
        ([], _) => "nothing new".to_owned(),
        (several, _) => format!("{} {when}", several.join(", ")),
    };
    let told = match why {
        None => format!("{}: {news}", paint(style::CHANGE, "due")),
        Some((_, text)) => [text, news.as_str()]
            .iter()
            .filter(|part| !part.is_empty())
            .copied()
            .collect::<Vec<_>>()
            .join("; "),
    };
    format!("{:<27}{how_far:<12}{told}", agent.name())
}

fn date(day: u16) -> String {
    Epoch(day.into()).date()
}

/// What is to be said besides: what to do about those that are due, what moved, and who is told nothing.
fn remarks(known: &Known) -> Vec<String> {
    let mut remarks = Vec::new();
    if !known.is_recorded {
        remarks.push(
            "Nothing was recorded here yet: the bundled hooks do that, once a session has begun.".to_owned(),
        );
        return remarks;
    }
    for agent in Agent::ALL {
        let Status { threshold, declared, due, .. } = known.status(agent);
        let name = agent.name();
        if threshold.to_bits() != declared.to_bits() {
            let way = if threshold < declared { "lowered" } else { "raised" };
            remarks.push(format!(
                "{name}: its threshold was {way} from {declared:.0}, by what was said of its use."
            ));
        }
        if due.is_some() && known.is_installed(agent) {
            remarks
                .push(format!("Ask Claude for the {name} agent; what it would read: cs agents brief {name}"));
        }
    }
    let missing = |agent: &&Agent| known.status(**agent).due.is_some() && !known.is_installed(**agent);
    let missing: Vec<&str> = Agent::ALL.iter().filter(missing).map(|agent| agent.name()).collect();
    if !missing.is_empty() {
        let it = if missing.len() == 1 { "it" } else { "them" };
        remarks.push(format!(
            "{}: not installed, so no session is told. [agents.NAME] with builtin = \"NAME\" declares {it}.",
            missing.join(", ")
        ));
    }
    if !remarks.is_empty() {
        remarks.insert(0, String::new());
    }
    remarks
}

fn told(known: &Known, agent: Agent) -> Value {
    let status = known.status(agent);
    let Status { score, threshold, declared, since, is_gate_open, rests_until, due, .. } = &status;
    let counters = Counter::ALL.map(|counter| {
        let (number, significance, score) = status.of(counter, &known.thresholds);
        let (weight, factor) = known.thresholds.of(agent, counter);
        json!({"name": counter.name(), "count": number, "significance": significance, "weight": weight,
            "factor": factor, "score": score})
    });
    let gate = if agent.scope() == Scope::Hpc { "hpc" } else { "any" };
    json!({
        "name": agent.name(),
        "installed": known.is_installed(agent),
        "due": due.map(|due| json!({"day": due.day, "until": due.day.saturating_add(DUE_DAYS)})),
        "why_not": why_not(known, agent).map(|(word, _)| word),
        "score": score,
        "threshold": threshold,
        "declared_threshold": declared,
        "since_day": if *since == 0 { Value::Null } else { json!(since) },
        "gate": {"name": gate, "open": is_gate_open},
        "rests_until_day": rests_until,
        "counters": counters,
    })
}

fn briefed(context: &Context, agent: Agent) -> Result<u8, CliError> {
    let known = Known::of(context)?;
    let status = known.status(agent);
    let tables = brief(agent, &known.state, status.since, known.today);
    let out = context.out;
    let is_empty = tables.iter().all(|table| table.rows.is_empty());
    if is_empty {
        out.line(format!("There is nothing for the {} to look at yet.", agent.name()));
    }
    let shown: Vec<String> = tables.iter().filter(|own| !own.rows.is_empty()).map(text).collect();
    out.line(shown.join("\n\n"));
    let news: Map<String, Value> = heaviest(&status.news, agent, &known.thresholds)
        .into_iter()
        .map(|(counter, number)| (counter.name().to_owned(), json!(number)))
        .collect();
    let tables: Map<String, Value> =
        tables.iter().map(|table| (table.name.to_owned(), table.json())).collect();
    out.object(&json!({
        "version": 1,
        "agent": agent.name(),
        "today": known.today,
        "since_day": status.since,
        "news": news,
        "tables": tables,
    }));
    Ok(exit::DONE)
}

fn text(table: &Table) -> String {
    let mut lines = vec![table.columns.iter().map(|name| name.replace('_', " ")).collect::<Vec<_>>()];
    lines.extend(table.rows.iter().map(|row| row.iter().map(Cell::text).collect()));
    let mut shown = vec![paint(style::BOLD, table.about)];
    shown.extend(columns(&lines, 2));
    if table.left_out > 0 {
        shown.push(format!("  and {} more", table.left_out));
    }
    shown.join("\n")
}

fn ack(context: &Context, agent: Agent, useful: bool) -> Result<u8, CliError> {
    let Some(host) = learning(context)?.known_host()? else {
        return Err(refused(
            "nothing was recorded here yet, so no agent has looked at it",
            super::learn::store::Store::locate(context)?.to_learn(),
        ));
    };
    let now = clock::now();
    let acked = Acked { agent, useful, day: u16::try_from(now / 86_400).unwrap_or(u16::MAX) };
    record(&host, &Item::Acked(acked), now)?;
    let known = Known::of(context)?;
    let Status { threshold, declared, .. } = known.status(agent);
    let message = format!(
        "Noted. The {} has seen all there is, and is suggested again once there is news for {threshold:.0} points.",
        agent.name()
    );
    context.out.line(&message);
    context.out.object(&json!({"version": 1, "success": true, "message": message, "agent": agent.name(),
        "useful": useful, "threshold": threshold, "declared_threshold": declared}));
    Ok(exit::DONE)
}

/// Writes what a person said so that it is kept.
///
/// # Errors
/// When it can't be written, or there is no room for it.
pub fn record(host: &HostFolder, item: &Item, now: u64) -> Result<(), CliError> {
    let plain = item.encode();
    for _ in 0..ACK_TRIES {
        if journal::record(host, Journal::Patterns, &plain, now)? != Kept::LeftOut {
            return Ok(());
        }
    }
    Err(refused(
        format!("today's journal is full ({})", count(ACK_TRIES, "try", "tries")),
        "Say it again after the next session's start, which reads and empties it.",
    ))
}
