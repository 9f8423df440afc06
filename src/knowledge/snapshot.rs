//! What all journals together say: the snapshot that a fold makes, and its bytes.
//!
//! The snapshot holds counts, by what was done and on which day; so days can go one by one. It also
//! holds how far into each segment it has read: a fold that is killed and run again counts nothing
//! twice.

use std::collections::{BTreeMap, BTreeSet};

use super::audit::{ENTRY_BYTES, Entry, What};
use super::journal::Journal;
use crate::command::shape::{ErrorClass, Outcome, Record};
use crate::crypto::ring::Epoch;
use crate::learn::{Event, Form, Item, Observed, State};
use crate::model::bytes::{Bytes, put_count};
use crate::model::limits;

/// Counts of one kind of call on one day.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Counts {
    pub ok: u32,
    pub failed: u32,
    /// Calls by the log2 bucket of their duration.
    pub durations: BTreeMap<u8, u32>,
}

/// All that is known.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// How much of each segment is in here.
    pub read: BTreeMap<(Journal, Epoch), u64>,
    /// By what was called (a record without outcome and day) and by day.
    pub counts: BTreeMap<(Vec<u8>, u16), Counts>,
    pub audit: Vec<Entry>,
    /// Which import was the last that is in here; 0: none was.
    pub import: u64,
    /// What is learned from it.
    pub state: State,
}

/// More rows than this, and the oldest go: about 2 MB.
const ROWS_MAX: usize = 40_000;

/// More entries of the trail than this, and the oldest go.
const AUDIT_MAX: usize = 10_000;

const FORMAT: u8 = 2;
/// The format before, of counts and the trail only; it is read.
const FORMAT_OF_COUNTS: u8 = 1;

/// Why bytes are no snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SnapshotError {
    #[error("is of format {0}, which this cs does not know")]
    Newer(u8),
    #[error("is damaged")]
    Damaged,
}

impl Snapshot {
    /// Takes in one entry of the journal.
    pub fn take(&mut self, item: &Item) -> Vec<Event> {
        if let Item::Call(call) = item {
            self.add(&call.record);
        }
        self.state.take(item)
    }

    /// Takes in calls of the past that no journal has.
    pub fn take_in(&mut self, calls: &[Observed], import: u64) {
        calls.iter().for_each(|call| self.add(&call.record));
        self.state.take_in(calls);
        self.import = import;
    }

    /// Forgets all that was learned. What was read stays read, and the trail stays.
    pub fn forget_all(&mut self) {
        self.counts.clear();
        self.state = State::default();
        self.import = 0;
    }

    /// Whether anything is known of some forms.
    pub fn knows(&self, is_meant: impl Fn(&Form) -> bool) -> bool {
        self.counts.keys().any(|(name, _)| form_of(name).is_some_and(|form| is_meant(&form)))
            || self.state.knows(&is_meant)
    }

    /// Forgets what is known of some forms.
    pub fn forget_forms(&mut self, is_meant: impl Fn(&Form) -> bool) {
        self.counts.retain(|(name, _), _| !form_of(name).is_some_and(|form| is_meant(&form)));
        self.state.forget(|_, form| is_meant(form));
    }

    /// Takes in one entry of the trail.
    pub fn record(&mut self, entry: Entry) {
        let event = match entry.what {
            What::Asked | What::Denied => Some(Event::Guarded),
            What::HostChanged => Some(Event::HostChanged),
            _ => None,
        };
        let day = u16::try_from(entry.minute / 24 / 60).unwrap_or(u16::MAX);
        event.into_iter().for_each(|event| self.state.need.note(event, day));
        self.audit.push(entry);
    }

    /// Counts one record.
    pub fn add(&mut self, record: &Record) {
        let name = Record { outcome: Outcome::Ok, error: ErrorClass::Other, duration: 0, day: 0, ..*record };
        let counts = self.counts.entry((name.encode(), record.day)).or_default();
        let count = if record.outcome == Outcome::Ok { &mut counts.ok } else { &mut counts.failed };
        *count = count.saturating_add(1);
        let bucket = counts.durations.entry(record.duration).or_default();
        *bucket = bucket.saturating_add(1);
    }

    /// What is dated in a future that no clock explains was done today, or not long before. Only where it is
    /// certain that this is today. Days that follow one another from today on are no such future: whoever folds
    /// may have been told the time days ago, and others have gone on.
    pub fn date_back(&mut self, today: u16) {
        let days = self.counts.keys().map(|(_, day)| u32::from(*day));
        let days: BTreeSet<u32> = days.chain(self.audit.iter().map(|entry| entry.minute / 24 / 60)).collect();
        let near = |day: u32| day + limits::CLOCK_JUMP_DAYS_MAX;
        let follow =
            |reached: u32, day: &u32| if *day <= near(reached) { reached.max(*day) } else { reached };
        let future = near(days.iter().fold(u32::from(today), follow));
        let is_future = |(_, day): &(Vec<u8>, u16)| u32::from(*day) > future;
        let names: Vec<_> = self.counts.keys().filter(|key| is_future(key)).cloned().collect();
        for key in names {
            let Some(Counts { ok, failed, durations }) = self.counts.remove(&key) else { continue };
            let counts = self.counts.entry((key.0, today)).or_default();
            counts.ok = counts.ok.saturating_add(ok);
            counts.failed = counts.failed.saturating_add(failed);
            for (bucket, count) in durations {
                let own = counts.durations.entry(bucket).or_default();
                *own = own.saturating_add(count);
            }
        }
        let (now, future) = (u32::from(today) * 24 * 60, (future + 1) * 24 * 60);
        self.audit.iter_mut().filter(|entry| entry.minute >= future).for_each(|entry| entry.minute = now);
        self.state.date_back(u16::try_from(future / 24 / 60).unwrap_or(u16::MAX), today);
    }

    /// Forgets what is older than `days` days, and the oldest of what is too much.
    pub fn expire(&mut self, today: u16, days: u16) {
        self.counts.retain(|(_, day), _| today.saturating_sub(*day) < days);
        if self.counts.len() > ROWS_MAX {
            let mut ages: Vec<u16> = self.counts.keys().map(|(_, day)| *day).collect();
            ages.sort_unstable();
            let oldest = ages[ages.len() - ROWS_MAX];
            self.counts.retain(|(_, day), _| *day > oldest);
        }
        self.audit.retain(|entry| u32::from(today).saturating_sub(entry.minute / 24 / 60) < u32::from(days));
        self.state.expire(today, days);
        let too_many = self.audit.len().saturating_sub(AUDIT_MAX);
        self.audit.drain(..too_many);
    }

    /// Its bytes, to be sealed.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let Self { read, counts, audit, import, state } = self;
        let mut bytes = vec![FORMAT];
        put_count(&mut bytes, read.len());
        for ((journal, epoch), offset) in read {
            bytes.push(u8::from(*journal == Journal::Audit));
            bytes.extend(epoch.0.to_le_bytes());
            bytes.extend(offset.to_le_bytes());
        }
        put_count(&mut bytes, counts.len());
        for ((name, day), Counts { ok, failed, durations }) in counts {
            bytes.push(u8::try_from(name.len()).expect("BUG: a record is short"));
            bytes.extend(name);
            bytes.extend(day.to_le_bytes());
            bytes.extend(ok.to_le_bytes());
            bytes.extend(failed.to_le_bytes());
            bytes.push(u8::try_from(durations.len()).expect("BUG: there are 32 buckets"));
            for (bucket, count) in durations {
                bytes.push(*bucket);
                bytes.extend(count.to_le_bytes());
            }
        }
        put_count(&mut bytes, audit.len());
        bytes.extend(audit.iter().flat_map(|entry| entry.encode()));
        bytes.extend(import.to_le_bytes());
        state.encode(&mut bytes);
        bytes
    }

    /// The snapshot of some bytes.
    ///
    /// # Errors
    /// When they are of a newer format, or not whole.
    pub fn decode(bytes: &[u8]) -> Result<Self, SnapshotError> {
        match bytes.first() {
            Some(&FORMAT | &FORMAT_OF_COUNTS) => Self::read(bytes).ok_or(SnapshotError::Damaged),
            Some(newer) if *newer > FORMAT => Err(SnapshotError::Newer(*newer)),
            _ => Err(SnapshotError::Damaged),
        }
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let mut rest = Bytes(bytes);
        let format = rest.byte()?;
        let mut snapshot = Self::default();
        for _ in 0..rest.count(13)? {
            let journal = if rest.byte()? == 0 { Journal::Patterns } else { Journal::Audit };
            let epoch = Epoch(rest.u32()?);
            snapshot.read.insert((journal, epoch), rest.u64()?);
        }
        for _ in 0..rest.count(12)? {
            let len = usize::from(rest.byte()?);
            let name = rest.take(len)?.to_vec();
            // Every byte in it is of the vocabulary, or it is not taken.
            Record::decode(&name).ok()?;
            let day = rest.u16()?;
            let mut counts = Counts { ok: rest.u32()?, failed: rest.u32()?, ..Counts::default() };
            for _ in 0..rest.byte()? {
                let bucket = rest.byte()?;
                counts.durations.insert(bucket, rest.u32()?);
            }
            snapshot.counts.insert((name, day), counts);
        }
        for _ in 0..rest.count(ENTRY_BYTES)? {
            snapshot.audit.push(Entry::decode(rest.take(ENTRY_BYTES)?)?);
        }
        if format == FORMAT {
            snapshot.import = rest.u64()?;
            snapshot.state = State::decode(&mut rest)?;
        }
        rest.is_empty().then_some(snapshot)
    }
}

/// The form of what a count is kept under.
fn form_of(name: &[u8]) -> Option<Form> {
    Form::of(&Record::decode(name).ok()?.shape?)
}
