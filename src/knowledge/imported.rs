//! How far each transcript has been read, so that nothing in it is learned twice.
//!
//! The table has, for a transcript, a digest of its name under a key that is in the same table, and the time of the last
//! call that was taken from it. It is written before the fold that takes the calls in; which of its two states is true
//! says the snapshot, which has the number of the last import that is in it. So an import that is killed anywhere was
//! done, or was not.

use super::numbers::NumbersError;
use super::{HostFolder, private};
use crate::crypto::ring::{Context, Ring};
use crate::crypto::{keyed_digest, seal};
use crate::model::bytes::{Bytes, put_count};
use crate::sys::fs;

const FILE: &str = "imported.enc";
const FORMAT: u8 = 1;

/// So many transcripts are remembered; those that were longest without news go.
const ROWS_MAX: usize = 5_000;

type Digest = [u8; 8];
type Rows = Vec<(Digest, u32)>;

/// The table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Imported {
    key: [u8; 32],
    /// The import that this is of.
    import: u64,
    /// By transcript, when the last call was made that was taken from it, in seconds since 1970.
    rows: Rows,
    /// What was so before that import.
    before: Rows,
}

impl Imported {
    /// An empty table under a key from random bytes.
    #[must_use]
    pub fn new(key: [u8; 32]) -> Self {
        Self { key, import: 0, rows: Rows::new(), before: Rows::new() }
    }

    fn digest(&self, name: &str) -> Digest {
        keyed_digest(&self.key, &[name.as_bytes()])
    }

    /// What is true where the snapshot has `import` as the last.
    #[must_use]
    pub fn at(mut self, import: u64) -> Self {
        if self.import != import {
            self.rows = std::mem::take(&mut self.before);
        }
        self
    }

    /// Up to when a transcript has been read.
    #[must_use]
    pub fn until(&self, name: &str) -> Option<u32> {
        let digest = self.digest(name);
        self.rows.iter().find(|(own, _)| *own == digest).map(|(_, until)| *until)
    }

    /// The table after an import that has read some transcripts up to these times.
    #[must_use]
    pub fn with<'a>(&self, import: u64, read: impl IntoIterator<Item = (&'a str, u32)>) -> Self {
        let mut rows = self.rows.clone();
        for (name, until) in read {
            let digest = self.digest(name);
            rows.retain(|(own, _)| *own != digest);
            rows.push((digest, until));
        }
        let surplus = rows.len().saturating_sub(ROWS_MAX);
        rows.drain(..surplus);
        Self { key: self.key, import, rows, before: self.rows.clone() }
    }

    /// Its bytes, to be sealed.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = vec![FORMAT];
        bytes.extend(self.key);
        bytes.extend(self.import.to_le_bytes());
        for rows in [&self.rows, &self.before] {
            put_count(&mut bytes, rows.len());
            for (digest, until) in rows {
                bytes.extend(digest);
                bytes.extend(until.to_le_bytes());
            }
        }
        bytes
    }

    /// What [`Self::encode`] has written.
    ///
    /// # Errors
    /// For anything else: whether it is of a newer format.
    pub fn decode(bytes: &[u8]) -> Result<Self, bool> {
        let (format, rest) = bytes.split_first().ok_or(false)?;
        if *format != FORMAT {
            return Err(*format > FORMAT);
        }
        let mut rest = Bytes(rest);
        let mut read = || {
            let key = rest.take(32)?.try_into().ok()?;
            let import = rest.u64()?;
            let mut rows = || -> Option<Rows> {
                let count = rest.count(12)?;
                (0..count).map(|_| Some((rest.take(8)?.try_into().ok()?, rest.u32()?))).collect()
            };
            let (rows, before) = (rows()?, rows()?);
            rest.is_empty().then_some(Self { key, import, rows, before })
        };
        read().ok_or(false)
    }
}

/// The table of a host; `None` where nothing was imported yet, or what is there can't be opened any more: its keys go
/// with the ring's, and what was learned under them has gone as well.
///
/// # Errors
/// When it can't be read, or is of a newer format.
pub fn read(host: &HostFolder, ring: &Ring, now: u64) -> Result<Option<Imported>, NumbersError> {
    let Some(token) = private::read(&host.path.join(FILE))? else { return Ok(None) };
    let opened = private::open(ring, Context::Projects, &token, now);
    match opened.map(|plain| Imported::decode(&plain)) {
        Some(Ok(table)) => Ok(Some(table)),
        Some(Err(true)) => Err(NumbersError::Newer),
        Some(Err(false)) | None => Ok(None),
    }
}

/// Seals and writes it; under the lock of folds.
///
/// # Errors
/// When it can't be written.
pub fn write(host: &HostFolder, ring: &Ring, table: &Imported, now: u64) -> Result<(), NumbersError> {
    let (_, key) = ring.newest_key(Context::Projects);
    let token = seal::seal(&key, &table.encode(), now - now % 86_400);
    Ok(private::replace(&host.path.join(FILE), token.as_bytes(), true)?)
}

/// Removes it: all may be read again.
///
/// # Errors
/// When it can't be removed.
pub fn remove(host: &HostFolder) -> Result<(), NumbersError> {
    Ok(fs::remove_file(&host.path.join(FILE))?)
}

/// Seals it anew under the newest key, where it is.
///
/// # Errors
/// When it can't be read or written.
pub(super) fn keep_up(host: &HostFolder, ring: &Ring, now: u64) -> Result<(), NumbersError> {
    match read(host, ring, now)? {
        Some(table) => write(host, ring, &table, now),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_read_is_known_once_the_snapshot_says_so() {
        let none = Imported::new([7; 32]);
        let first = none.with(11, [("a/1", 100), ("a/2", 200)]);
        assert_eq!(first.clone().at(0).until("a/1"), None, "killed before the fold");
        assert_eq!(first.clone().at(11).until("a/1"), Some(100));
        let second = first.at(11).with(12, [("a/1", 300)]);
        assert_eq!(second.clone().at(11).until("a/1"), Some(100));
        let second = second.at(12);
        assert_eq!(
            (second.until("a/1"), second.until("a/2"), second.until("b/1")),
            (Some(300), Some(200), None)
        );
        assert_eq!(Imported::decode(&second.encode()), Ok(second));
        assert_eq!((Imported::decode(&[]), Imported::decode(&[9])), (Err(false), Err(true)));
    }
}
