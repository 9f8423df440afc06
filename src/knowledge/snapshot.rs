//! What all journals together say: the snapshot that a fold makes, and its bytes.
//!
//! The snapshot holds counts, by what was done and on which day; so days can go one by one. It also
//! holds how far into each segment it has read: a fold that is killed and run again counts nothing
//! twice.

use std::collections::{BTreeMap, BTreeSet};

use super::audit::{ENTRY_BYTES, Entry};
use super::journal::Journal;
use crate::command::shape::{ErrorClass, Outcome, Record};
use crate::crypto::ring::Epoch;
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
}

/// More rows than this, and the oldest go: about 2 MB.
const ROWS_MAX: usize = 40_000;

/// More entries of the trail than this, and the oldest go.
const AUDIT_MAX: usize = 10_000;

const FORMAT: u8 = 1;

/// Why bytes are no snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SnapshotError {
    #[error("is of format {0}, which this cs does not know")]
    Newer(u8),
    #[error("is damaged")]
    Damaged,
}

impl Snapshot {
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
        let too_many = self.audit.len().saturating_sub(AUDIT_MAX);
        self.audit.drain(..too_many);
    }

    /// Its bytes, to be sealed.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let Self { read, counts, audit } = self;
        let mut bytes = vec![FORMAT];
        let len = |bytes: &mut Vec<u8>, len: usize| {
            bytes.extend(u32::try_from(len).expect("BUG: bounded by expire").to_le_bytes());
        };
        len(&mut bytes, read.len());
        for ((journal, epoch), offset) in read {
            bytes.push(u8::from(*journal == Journal::Audit));
            bytes.extend(epoch.0.to_le_bytes());
            bytes.extend(offset.to_le_bytes());
        }
        len(&mut bytes, counts.len());
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
        len(&mut bytes, audit.len());
        bytes.extend(audit.iter().flat_map(|entry| entry.encode()));
        bytes
    }

    /// The snapshot of some bytes.
    ///
    /// # Errors
    /// When they are of a newer format, or not whole.
    pub fn decode(bytes: &[u8]) -> Result<Self, SnapshotError> {
        let mut rest = Bytes(bytes);
        match rest.take(1)?[0] {
            FORMAT => {}
            0 => return Err(SnapshotError::Damaged),
            newer => return Err(SnapshotError::Newer(newer)),
        }
        let mut snapshot = Self::default();
        for _ in 0..rest.u32()? {
            let journal = if rest.take(1)?[0] == 0 { Journal::Patterns } else { Journal::Audit };
            let epoch = Epoch(rest.u32()?);
            snapshot.read.insert((journal, epoch), rest.u64()?);
        }
        for _ in 0..rest.u32()? {
            let len = usize::from(rest.take(1)?[0]);
            let name = rest.take(len)?.to_vec();
            // Every byte in it is of the vocabulary, or it is not taken.
            Record::decode(&name).map_err(|_| SnapshotError::Damaged)?;
            let day = u16::from_le_bytes(rest.array()?);
            let mut counts = Counts { ok: rest.u32()?, failed: rest.u32()?, ..Counts::default() };
            for _ in 0..rest.take(1)?[0] {
                let bucket = rest.take(1)?[0];
                counts.durations.insert(bucket, rest.u32()?);
            }
            snapshot.counts.insert((name, day), counts);
        }
        for _ in 0..rest.u32()? {
            snapshot.audit.push(Entry::decode(rest.take(ENTRY_BYTES)?).ok_or(SnapshotError::Damaged)?);
        }
        if rest.0.is_empty() { Ok(snapshot) } else { Err(SnapshotError::Damaged) }
    }
}

struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], SnapshotError> {
        let (head, tail) = self.0.split_at_checked(count).ok_or(SnapshotError::Damaged)?;
        self.0 = tail;
        Ok(head)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], SnapshotError> {
        self.take(N)?.try_into().map_err(|_| SnapshotError::Damaged)
    }

    fn u32(&mut self) -> Result<u32, SnapshotError> {
        self.array().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Result<u64, SnapshotError> {
        self.array().map(u64::from_le_bytes)
    }
}
