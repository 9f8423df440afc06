//! How a form has been doing: how often, how well, and how long it takes.

use std::collections::BTreeMap;

use super::{Form, Judged, Number, Observed};
use crate::command::shape::{Category, ErrorClass, HostType, Outcome};
use crate::model::bytes::{Bytes, put_count};

/// What a pattern is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    pub project: Number,
    pub host: HostType,
    pub category: Category,
    pub form: Form,
}

/// How often on one day.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Day {
    pub ok: u32,
    pub failed: u32,
    /// Failures that teach, up to 255.
    pub taught: u8,
}

/// How it has been doing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pattern {
    /// By days since 1970.
    pub days: BTreeMap<u16, Day>,
    /// How many runs took so long, by the logarithm of milliseconds.
    pub durations: BTreeMap<u8, u32>,
    /// How it failed, if it did the last time.
    pub failing: Option<ErrorClass>,
    /// The last sessions it ran in, the newest last.
    pub sessions: Vec<Number>,
    /// How many of the last runs were slow, up to [`SLOW_RUNS`]; or quick, below zero.
    drift: i8,
}

/// How long something usually takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tier {
    /// Under a quarter of a second.
    Brief,
    /// Under eight seconds.
    Quick,
    /// Under two minutes.
    Slow,
    Long,
}

impl Tier {
    /// The word it is shown by.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Brief => "brief",
            Self::Quick => "quick",
            Self::Slow => "slow",
            Self::Long => "long",
        }
    }

    /// The same, for people.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            Self::Brief => "under 0.3 s",
            Self::Quick => "under 8 s",
            Self::Slow => "under 2 min",
            Self::Long => "longer",
        }
    }

    /// The tier of a bucket of durations.
    #[must_use]
    pub(super) fn of(bucket: u8) -> Self {
        match bucket {
            0..=8 => Self::Brief,
            9..=13 => Self::Quick,
            14..=17 => Self::Slow,
            _ => Self::Long,
        }
    }
}

/// What is new about a pattern after a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// Three runs in a row took at least four times as long as the median.
    Slower,
    /// Three in a row took a quarter of it or less.
    Quicker,
}

/// So many runs in a row are a shift.
const SLOW_RUNS: i8 = 3;
const QUICK_RUNS: i8 = -SLOW_RUNS;
/// Four times the median: two steps of the logarithm.
const SHIFT_STEPS: u8 = 2;
/// Fewer runs have no median to go by.
const RUNS_MIN: u32 = 8;
const SESSIONS_MAX: usize = 4;
/// A day's weight halves in so many days.
const HALF_LIFE_DAYS: f64 = 7.0;
/// More patterns than this, and the oldest go: about 2 MB.
const ROWS_MAX: usize = 20_000;

/// What a day counts for, from 1 for today down: half after a week.
#[must_use]
pub fn weight(day: u16, today: u16) -> f64 {
    0.5_f64.powf(f64::from(today.saturating_sub(day)) / HALF_LIFE_DAYS)
}

impl Pattern {
    fn add(&mut self, record_day: u16, own: &Judged, class: ErrorClass, session: Number) {
        let day = self.days.entry(record_day).or_default();
        let count = if own.is_ok { &mut day.ok } else { &mut day.failed };
        *count = count.saturating_add(1);
        day.taught = day.taught.saturating_add(u8::from(own.teaches && !own.is_ok));
        self.failing = (!own.is_ok).then_some(class);
        if session.is_known() && self.sessions.last() != Some(&session) {
            self.sessions.retain(|other| *other != session);
            self.sessions.push(session);
            let surplus = self.sessions.len().saturating_sub(SESSIONS_MAX);
            self.sessions.drain(..surplus);
        }
    }

    fn time(&mut self, bucket: u8) -> Option<Change> {
        let median = (self.durations.values().sum::<u32>() >= RUNS_MIN).then(|| self.median()).flatten();
        *self.durations.entry(bucket).or_default() += 1;
        let median = median?;
        let way = if bucket >= median + SHIFT_STEPS {
            1
        } else if bucket + SHIFT_STEPS <= median {
            -1
        } else {
            self.drift = 0;
            return None;
        };
        self.drift = if self.drift.signum() == -way { way } else { (self.drift + way).clamp(-100, 100) };
        match self.drift {
            SLOW_RUNS => Some(Change::Slower),
            QUICK_RUNS => Some(Change::Quicker),
            _ => None,
        }
    }

    /// The bucket in which the middle one of the runs lies.
    #[must_use]
    pub fn median(&self) -> Option<u8> {
        let all: u32 = self.durations.values().sum();
        let mut seen = 0;
        self.durations.iter().find_map(|(bucket, count)| {
            seen += count;
            (seen * 2 >= all).then_some(*bucket)
        })
    }

    /// How long it usually takes; `None` where nothing has said.
    #[must_use]
    pub fn tier(&self) -> Option<Tier> {
        self.median().filter(|bucket| *bucket > 0).map(Tier::of)
    }

    /// Whether the last runs took much longer, or much less, than the median.
    #[must_use]
    pub fn is_shifted(&self) -> bool {
        self.drift.abs() >= SLOW_RUNS
    }

    /// Takes in how another one has been doing, of the same form elsewhere.
    pub fn join(&mut self, other: &Self) {
        for (day, counts) in &other.days {
            let own = self.days.entry(*day).or_default();
            own.ok = own.ok.saturating_add(counts.ok);
            own.failed = own.failed.saturating_add(counts.failed);
            own.taught = own.taught.saturating_add(counts.taught);
        }
        for (bucket, count) in &other.durations {
            let own = self.durations.entry(*bucket).or_default();
            *own = own.saturating_add(*count);
        }
    }

    /// How often it ran, and how often of these it failed.
    #[must_use]
    pub fn runs(&self) -> (u32, u32) {
        let failed = self.days.values().map(|day| day.failed).sum();
        (self.days.values().map(|day| day.ok).sum::<u32>() + failed, failed)
    }

    /// How often it failed in a way that teaches.
    #[must_use]
    pub fn taught(&self) -> u32 {
        self.days.values().map(|day| u32::from(day.taught)).sum()
    }

    /// The day of its first run, as far as it is remembered.
    #[must_use]
    pub fn first_day(&self) -> u16 {
        self.days.first_key_value().map_or(0, |(day, _)| *day)
    }

    /// How its last runs differ from its usual ones, if they do.
    #[must_use]
    pub fn change(&self) -> Option<Change> {
        match self.drift {
            SLOW_RUNS.. => Some(Change::Slower),
            ..=QUICK_RUNS => Some(Change::Quicker),
            _ => None,
        }
    }

    /// How sure it is that it works, from 0 to 1: (right + 1) / (tries + 2), what is a week old counting half.
    #[must_use]
    pub fn confidence(&self, today: u16) -> f64 {
        let weigh = |count: fn(&Day) -> u32| -> f64 {
            self.days.iter().map(|(day, counts)| f64::from(count(counts)) * weight(*day, today)).sum()
        };
        let right = weigh(|day| day.ok);
        (right + 1.0) / (right + weigh(|day| day.failed) + 2.0)
    }

    /// The day of its last run.
    #[must_use]
    pub fn last_day(&self) -> u16 {
        self.days.last_key_value().map_or(0, |(day, _)| *day)
    }
}

/// All patterns.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Patterns {
    rows: BTreeMap<Key, Pattern>,
}

/// What a call has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum News {
    /// A form that was never seen on this machine.
    New(Key),
    Shift(Key, Change),
}

impl Patterns {
    /// Takes in what happened before all that is known.
    pub fn take_in(&mut self, older: Self) {
        for (key, older) in older.rows {
            let Some(own) = self.rows.get_mut(&key) else {
                self.rows.insert(key, older);
                continue;
            };
            own.join(&older);
            let mut sessions = older.sessions;
            sessions.retain(|session| !own.sessions.contains(session));
            sessions.append(&mut own.sessions);
            own.sessions = sessions.split_off(sessions.len().saturating_sub(SESSIONS_MAX));
        }
    }

    /// Takes in a call.
    pub fn learn(&mut self, call: &Observed) -> Vec<News> {
        let Observed { record, project, session, judged } = call;
        let mut news = Vec::new();
        for own in judged {
            let key =
                Key { project: *project, host: record.host, category: own.form.category(), form: own.form };
            if !self.rows.contains_key(&key) && self.rows.keys().all(|other| other.form != own.form) {
                news.push(News::New(key));
            }
            let pattern = self.rows.entry(key).or_default();
            pattern.add(record.day, own, record.error, *session);
            // What a line took is one command's only where there is but one; what was cut short says nothing.
            let is_timed = judged.len() == 1 && record.duration > 0 && record.outcome == Outcome::Ok;
            let change = is_timed.then(|| pattern.time(record.duration)).flatten();
            news.extend(change.map(|change| News::Shift(key, change)));
        }
        news
    }

    /// What is known of one.
    #[must_use]
    pub fn get(&self, key: &Key) -> Option<&Pattern> {
        self.rows.get(key)
    }

    pub fn iter(&self) -> impl Iterator<Item = (&Key, &Pattern)> {
        self.rows.iter()
    }

    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Forgets those for which `keep` says no.
    pub fn retain(&mut self, mut keep: impl FnMut(&Key, &Pattern) -> bool) {
        self.rows.retain(|key, pattern| keep(key, pattern));
    }

    /// What is dated `future` or later was done today.
    pub fn date_back(&mut self, future: u16, today: u16) {
        for pattern in self.rows.values_mut() {
            let later = pattern.days.split_off(&future);
            for Day { ok, failed, taught } in later.into_values() {
                let day = pattern.days.entry(today).or_default();
                day.ok = day.ok.saturating_add(ok);
                day.failed = day.failed.saturating_add(failed);
                day.taught = day.taught.saturating_add(taught);
            }
        }
    }

    /// Forgets what is older than `days` days, and the oldest of what is too much.
    pub fn expire(&mut self, today: u16, days: u16) {
        for pattern in self.rows.values_mut() {
            pattern.days.retain(|day, _| today.saturating_sub(*day) < days);
        }
        self.rows.retain(|_, pattern| !pattern.days.is_empty());
        if self.rows.len() > ROWS_MAX {
            let mut ages: Vec<u16> = self.rows.values().map(Pattern::last_day).collect();
            ages.sort_unstable();
            let oldest = ages[ages.len() - ROWS_MAX];
            self.rows.retain(|_, pattern| pattern.last_day() > oldest);
        }
    }

    /// Their bytes.
    pub fn encode(&self, bytes: &mut Vec<u8>) {
        put_count(bytes, self.rows.len());
        for (Key { project, host, category, form }, pattern) in &self.rows {
            let Pattern { days, durations, failing, sessions, drift } = pattern;
            bytes.extend(project.0.to_le_bytes());
            bytes.extend([host.code(), category.code()]);
            form.encode(bytes);
            put_count(bytes, days.len());
            for (day, Day { ok, failed, taught }) in days {
                bytes.extend(day.to_le_bytes());
                bytes.extend(ok.to_le_bytes());
                bytes.extend(failed.to_le_bytes());
                bytes.push(*taught);
            }
            put_count(bytes, durations.len());
            for (bucket, count) in durations {
                bytes.push(*bucket);
                bytes.extend(count.to_le_bytes());
            }
            bytes.push(failing.map_or(u8::MAX, ErrorClass::code));
            bytes.push(u8::try_from(sessions.len()).expect("BUG: they are few"));
            sessions.iter().for_each(|session| bytes.extend(session.0.to_le_bytes()));
            bytes.extend(drift.to_le_bytes());
        }
    }

    /// What [`Self::encode`] has written; `None` for anything else.
    pub fn decode(rest: &mut Bytes<'_>) -> Option<Self> {
        let mut patterns = Self::default();
        for _ in 0..rest.count(16)? {
            let project = Number(rest.u16()?);
            let host = HostType::from_code(rest.byte()?)?;
            let category = Category::from_code(rest.byte()?)?;
            let form = Form::decode(rest)?;
            let mut pattern = Pattern::default();
            for _ in 0..rest.count(11)? {
                let day = rest.u16()?;
                let counts = Day { ok: rest.u32()?, failed: rest.u32()?, taught: rest.byte()? };
                pattern.days.insert(day, counts);
            }
            for _ in 0..rest.count(5)? {
                let bucket = rest.byte()?;
                pattern.durations.insert(bucket, rest.u32()?);
            }
            pattern.failing = match rest.byte()? {
                u8::MAX => None,
                code => Some(ErrorClass::from_code(code)?),
            };
            for _ in 0..rest.byte()? {
                pattern.sessions.push(Number(rest.u16()?));
            }
            pattern.drift = i8::from_le_bytes([rest.byte()?]);
            patterns.rows.insert(Key { project, host, category, form }, pattern);
        }
        Some(patterns)
    }
}
