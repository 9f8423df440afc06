//! The journals: sealed records, one a line, appended by any number of hooks at once.
//!
//! A segment holds what was sealed under one epoch's key, and is named by the epoch's day. A record
//! is a line end, a Fernet token, a line end: a tail that was cut off can't swallow its neighbour. A
//! record's place is its segment and offset; it needs no number.

use std::io;
use std::path::Path;

use super::{HostFolder, KeyError};
use crate::crypto::ring::{Context, Epoch, Ring};
use crate::crypto::seal;
use crate::model::limits;
use crate::sys::append;
use crate::sys::fs::{self, Stat};

/// The journals there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Journal {
    /// What tools did.
    Patterns,
    /// What a person may want to look up: refusals, rotations, damage.
    Audit,
}

impl Journal {
    /// All there are.
    pub const ALL: [Self; 2] = [Self::Patterns, Self::Audit];

    fn prefix(self) -> &'static str {
        match self {
            Self::Patterns => "patterns",
            Self::Audit => "audit",
        }
    }

    fn context(self) -> Context {
        match self {
            Self::Patterns => Context::Events,
            Self::Audit => Context::Audit,
        }
    }

    /// How large a segment may become.
    #[must_use]
    pub fn bytes_max(self) -> u64 {
        match self {
            Self::Patterns => limits::PATTERNS_DAY_BYTES_MAX,
            Self::Audit => limits::AUDIT_DAY_BYTES_MAX,
        }
    }

    /// From this size on, records are sampled.
    fn full_bytes(self) -> u64 {
        self.bytes_max() / 4 * 3
    }

    /// The segment of an epoch.
    #[must_use]
    pub fn segment(self, epoch: Epoch) -> String {
        format!("{}_{}.enc", self.prefix(), epoch.date())
    }

    /// Whose segment a file is, by its name.
    #[must_use]
    pub fn of_segment(name: &str) -> Option<(Self, Epoch)> {
        let (prefix, date) = name.strip_suffix(".enc")?.split_once('_')?;
        let journal = Self::ALL.into_iter().find(|journal| journal.prefix() == prefix)?;
        Some((journal, Epoch::of_date(date)?))
    }
}

/// What became of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// It is in the segment: the bytes from one place to another.
    Written { from: u64, to: u64 },
    /// The day has so many that this one was left out.
    LeftOut,
}

impl Kept {
    /// Whether the segment has grown past a multiple of so many bytes.
    #[must_use]
    pub fn has_passed(self, step_bytes: u64) -> bool {
        matches!(self, Self::Written { from, to } if from / step_bytes != to / step_bytes)
    }
}

/// Of the records that come when a day is nearly full, one in so many is kept.
const SAMPLE: u8 = 16;

/// How often a ring is read again that was replaced meanwhile.
const TRIES: usize = 8;

/// Appends one record of a host, sealed under the key that is the newest while it is written: one that
/// is not may be gone before anybody reads what it sealed.
///
/// # Errors
/// When the ring can't be read or the record can't be written; then it was not acknowledged.
pub fn record(host: &HostFolder, journal: Journal, plain: &[u8], now: u64) -> Result<Kept, KeyError> {
    record_with(host, host.ring_with_stat()?, journal, plain, now)
}

/// The same for who has read the ring already, with what its file was.
///
/// # Errors
/// As [`record`].
pub fn record_with(
    host: &HostFolder,
    (mut ring, mut stat): (Ring, Stat),
    journal: Journal,
    plain: &[u8],
    now: u64,
) -> Result<Kept, KeyError> {
    for _ in 0..TRIES {
        let is_newest = || Ok(fs::lstat(&host.ring_path())? == Some(stat));
        if let Some(kept) = write_if(&host.path, &ring, journal, plain, now, is_newest)? {
            return Ok(kept);
        }
        (ring, stat) = host.ring_with_stat()?;
    }
    Err(io::Error::from(io::ErrorKind::ResourceBusy).into())
}

/// Appends one record, sealed under the newest key of a ring that nobody replaces meanwhile.
///
/// # Errors
/// When it can't be written; then it was not acknowledged.
pub fn write(folder: &Path, ring: &Ring, journal: Journal, plain: &[u8], now: u64) -> io::Result<Kept> {
    write_if(folder, ring, journal, plain, now, || Ok(true)).map(|kept| kept.expect("BUG: it always is"))
}

fn write_if(
    folder: &Path,
    ring: &Ring,
    journal: Journal,
    plain: &[u8],
    now: u64,
    is_newest: impl Fn() -> io::Result<bool>,
) -> io::Result<Option<Kept>> {
    let (epoch, key) = ring.newest_key(journal.context());
    // A token has its time in the clear, and to the second that would be a diary. The day is enough.
    let token = seal::seal(&key, plain, now - now % 86_400);
    let path = folder.join(journal.segment(epoch));
    let before = fs::lstat(&path)?.map_or(0, |stat| stat.size);
    if before >= journal.full_bytes() && !is_sample(&token) {
        return Ok(Some(Kept::LeftOut));
    }
    let line = format!("\n{token}\n");
    match append::append_if(&path, line.as_bytes(), 0o600, journal.bytes_max(), is_newest) {
        Ok(appended) => Ok(appended.map(|from| Kept::Written { from, to: from + line.len() as u64 })),
        Err(error) if error.kind() == io::ErrorKind::FileTooLarge => Ok(Some(Kept::LeftOut)),
        Err(error) => Err(error),
    }
}

/// A token ends in its HMAC, which is as good as a draw.
fn is_sample(token: &str) -> bool {
    let sum = token.bytes().rev().take(24).fold(0_u8, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte));
    sum % SAMPLE == 0
}

/// What a segment holds from an offset on.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Read {
    /// The records' plain bytes, with the time each was sealed at.
    pub records: Vec<(u64, Vec<u8>)>,
    /// Lines that are no record of this key: torn, or damaged.
    pub damaged: usize,
    /// Where the last whole line ends.
    pub end: u64,
    /// On which day there were so many that from there on they were sampled, if that is in what was read.
    pub full_since: Option<u64>,
}

/// Reads a segment's bytes, of which the first `from` are known already.
#[must_use]
pub fn read(bytes: &[u8], from: u64, ring: &Ring, journal: Journal, epoch: Epoch, now: u64) -> Read {
    let start = usize::try_from(from).unwrap_or(usize::MAX).min(bytes.len());
    let rest = &bytes[start..];
    // What has no line end yet may still be being written.
    let whole = rest.iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last + 1);
    let key = ring.key(epoch, journal.context());
    let mut read = Read { end: (start + whole) as u64, ..Read::default() };
    let full = journal.full_bytes();
    let mut end = start as u64;
    for line in rest[..whole].split_inclusive(|byte| *byte == b'\n') {
        end += line.len() as u64;
        let line = &line[..line.len() - 1];
        if line.is_empty() {
            continue;
        }
        let Some(opened) = key.as_ref().and_then(|key| seal::open(key, line, now).ok()) else {
            read.damaged += 1;
            continue;
        };
        if (start as u64) < full && end >= full {
            read.full_since = read.full_since.or(Some(opened.sealed_at));
        }
        read.records.push((opened.sealed_at, opened.plain));
    }
    read
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_are_named_by_their_day() {
        for (epoch, name) in [
            (0, "patterns_1970-01-01.enc"),
            (11_016, "patterns_2000-02-29.enc"),
            (20_782, "patterns_2026-11-25.enc"),
            (47_541, "patterns_2100-03-01.enc"),
        ] {
            assert_eq!(Journal::Patterns.segment(Epoch(epoch)), name);
            assert_eq!(Journal::of_segment(name), Some((Journal::Patterns, Epoch(epoch))));
        }
        for day in (0..60_000).step_by(7) {
            let name = Journal::Audit.segment(Epoch(day));
            assert_eq!(Journal::of_segment(&name), Some((Journal::Audit, Epoch(day))), "{name}");
        }
        for other in ["knowledge.enc", "patterns_2026-02-30.enc", "patterns_2026-1-01.enc", "patterns_.enc"] {
            assert_eq!(Journal::of_segment(other), None, "{other}");
        }
    }
}
