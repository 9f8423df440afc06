//! Small random numbers for projects and sessions.
//!
//! What happened in one project, or in one session, has to be told from what happened in another, without anything
//! that leads back to either. So each gets a number by chance, and a sealed table has, beside the number, a digest
//! under a key that is in the same table: who has the path finds the number, who has the number finds nothing. Table
//! and key never leave the host, and die with the ring.

use std::collections::BTreeSet;
use std::io;
use std::path::PathBuf;

use super::private;
use super::{HostFolder, KeyError};
use crate::crypto::ring::{Context, Ring};
use crate::crypto::{keyed_digest, seal};
use crate::learn::Number;
use crate::model::bytes::{Bytes, put_count};
use crate::sys::{clock, fs, random};

const FILE: &str = "numbers.enc";
const LOCK: &str = "numbers.lock";
const FORMAT: u8 = 1;

/// So many of a kind are remembered; the oldest go.
const ROWS_MAX: usize = 500;

/// Where so many numbers drawn are all taken, there is none.
const DRAWS_MAX: usize = 100;

/// A hook holds the table for less than a millisecond.
const LOCK_TRIES: usize = 20;
const LOCK_PAUSE_MS: u64 = 5;

/// What has a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Of {
    Project,
    Session,
}

type Digest = [u8; 8];

/// The table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Numbers {
    key: [u8; 32],
    projects: Vec<(Digest, Number)>,
    sessions: Vec<(Digest, Number)>,
    /// When the table was made, in minutes since 1970: what happened before was not recorded.
    since: u32,
}

impl Numbers {
    /// An empty table under a key from random bytes.
    #[must_use]
    pub fn new(key: [u8; 32], now: u64) -> Self {
        let since = u32::try_from(now / 60).unwrap_or(u32::MAX);
        Self { key, projects: Vec::new(), sessions: Vec::new(), since }
    }

    /// When recording began here, in minutes since 1970.
    #[must_use]
    pub fn since(&self) -> u32 {
        self.since
    }

    fn rows(&self, of: Of) -> &Vec<(Digest, Number)> {
        match of {
            Of::Project => &self.projects,
            Of::Session => &self.sessions,
        }
    }

    fn rows_mut(&mut self, of: Of) -> &mut Vec<(Digest, Number)> {
        match of {
            Of::Project => &mut self.projects,
            Of::Session => &mut self.sessions,
        }
    }

    fn digest(&self, of: Of, name: &str) -> Digest {
        keyed_digest(&self.key, &[&[of as u8], name.as_bytes()])
    }

    /// The number of a project or session, if it has one.
    #[must_use]
    pub fn find(&self, of: Of, name: &str) -> Option<Number> {
        let digest = self.digest(of, name);
        self.rows(of).iter().find(|(own, _)| *own == digest).map(|(_, number)| *number)
    }

    /// Whether one may have a number, or may have had one that had to go.
    #[must_use]
    pub fn may_have(&self, of: Of, name: &str) -> bool {
        self.rows(of).len() >= ROWS_MAX || self.find(of, name).is_some()
    }

    /// Gives a number to what has none: the first of `draws` that is free.
    pub fn add(&mut self, of: Of, name: &str, draws: impl IntoIterator<Item = u16>) -> Option<Number> {
        let digest = self.digest(of, name);
        let is_free =
            |number: &Number| number.is_known() && self.rows(of).iter().all(|(_, own)| own != number);
        let number = draws.into_iter().map(Number).find(is_free)?;
        let rows = self.rows_mut(of);
        rows.push((digest, number));
        let surplus = rows.len().saturating_sub(ROWS_MAX);
        rows.drain(..surplus);
        Some(number)
    }

    /// Numbers for names of the past, in their order: those that they have, and for the others the first of `draws` that
    /// is free. Where there are more than are remembered, what is going on now keeps its own.
    pub fn add_past(&mut self, of: Of, names: &[&str], draws: &mut impl Iterator<Item = u16>) -> Vec<Number> {
        let mut taken: BTreeSet<u16> = self.rows(of).iter().map(|(_, number)| number.0).collect();
        taken.insert(Number::UNKNOWN.0);
        let mut past = Vec::new();
        let mut give = |name: &&str| {
            self.find(of, name).unwrap_or_else(|| {
                let drawn = draws.take(DRAWS_MAX).find(|draw| taken.insert(*draw));
                let number = drawn.map_or(Number::UNKNOWN, Number);
                past.push((self.digest(of, name), number));
                number
            })
        };
        let given = names.iter().map(&mut give).collect();
        past.retain(|(_, number)| number.is_known());
        let rows = self.rows_mut(of);
        rows.splice(0..0, past);
        let surplus = rows.len().saturating_sub(ROWS_MAX);
        rows.drain(..surplus);
        given
    }

    /// Its bytes, to be sealed.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = vec![FORMAT];
        bytes.extend(self.key);
        bytes.extend(self.since.to_le_bytes());
        for rows in [&self.projects, &self.sessions] {
            put_count(&mut bytes, rows.len());
            for (digest, number) in rows {
                bytes.extend(digest);
                bytes.extend(number.0.to_le_bytes());
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
            let since = rest.u32()?;
            let mut rows = || -> Option<Vec<(Digest, Number)>> {
                let count = rest.count(10)?;
                (0..count).map(|_| Some((rest.take(8)?.try_into().ok()?, Number(rest.u16()?)))).collect()
            };
            let (projects, sessions) = (rows()?, rows()?);
            rest.is_empty().then_some(Self { key, projects, sessions, since })
        };
        read().ok_or(false)
    }
}

/// Why there is no table.
#[derive(Debug, thiserror::Error)]
pub enum NumbersError {
    #[error(transparent)]
    Key(#[from] KeyError),
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error("{FILE} is of a newer format")]
    Newer,
    #[error("{FILE} is damaged")]
    Damaged,
}

/// Where a host has its table.
#[must_use]
pub fn path(host: &HostFolder) -> PathBuf {
    host.path.join(FILE)
}

/// The table of a host; `None` where none was made yet.
///
/// # Errors
/// When it is there and can't be read.
pub fn read(host: &HostFolder, ring: &Ring, now: u64) -> Result<Option<Numbers>, NumbersError> {
    let Some(token) = private::read(&path(host))? else { return Ok(None) };
    let plain = private::open(ring, Context::Projects, &token, now).ok_or(NumbersError::Damaged)?;
    let own = Numbers::decode(&plain);
    own.map(Some).map_err(|is_newer| if is_newer { NumbersError::Newer } else { NumbersError::Damaged })
}

/// The numbers of a session and its project, for a hook: given where there are none yet. Unknown where there is no
/// table, or somebody else is writing it: the next call has them.
///
/// # Errors
/// When the table can't be read or written.
pub fn of(
    host: &HostFolder,
    ring: &Ring,
    (project, session): (&str, &str),
    now: u64,
) -> Result<(Number, Number), NumbersError> {
    let unknown = (Number::UNKNOWN, Number::UNKNOWN);
    let found =
        |numbers: &Numbers| Some((numbers.find(Of::Project, project)?, numbers.find(Of::Session, session)?));
    let Some(numbers) = read(host, ring, now)? else { return Ok(unknown) };
    if let Some(found) = found(&numbers) {
        return Ok(found);
    }
    let Some(_lock) = fs::try_lock(&host.path.join(LOCK))? else { return Ok(unknown) };
    // Whoever had the lock may have given them; and the ring may be a newer one by now.
    let (ring, stat) = host.ring_with_stat()?;
    let Some(mut numbers) = read(host, &ring, now)? else { return Ok(unknown) };
    for (of, name) in [(Of::Project, project), (Of::Session, session)] {
        if numbers.find(of, name).is_none() {
            numbers.add(of, name, draws()?);
        }
    }
    // Who has been standing still would seal it under a key that is gone.
    if fs::lstat(&host.ring_path())? != Some(stat) {
        return Ok(unknown);
    }
    write(host, &ring, &numbers, now, false)?;
    Ok(found(&numbers).unwrap_or(unknown))
}

/// Numbers for what happened in the past, in the order of the names.
///
/// # Errors
/// When the table can't be read or written.
pub fn give(
    host: &HostFolder,
    ring: &Ring,
    of: Of,
    names: &[&str],
    now: u64,
) -> Result<Vec<Number>, NumbersError> {
    let _lock = wait_for_lock(host)?;
    let mut numbers = kept(host, ring, now)?;
    let mut draws = std::iter::from_fn(|| draws().ok()).flatten();
    let given = numbers.add_past(of, names, &mut draws);
    write(host, ring, &numbers, now, true)?;
    Ok(given)
}

fn draws() -> io::Result<impl Iterator<Item = u16>> {
    let bytes: [u8; 32] = random::bytes()?;
    Ok((0..16).map(move |at| u16::from_le_bytes([bytes[2 * at], bytes[2 * at + 1]])))
}

/// Makes the table where there is none, and seals it anew under the newest key. What can't be read is replaced: the
/// numbers in it lead nowhere any more.
///
/// # Errors
/// When it can't be written, or is of a newer format.
pub fn keep_up(host: &HostFolder, ring: &Ring, now: u64) -> Result<(), NumbersError> {
    let _lock = wait_for_lock(host)?;
    let numbers = kept(host, ring, now)?;
    Ok(write(host, ring, &numbers, now, true)?)
}

/// Puts an empty table in the place of what is there: the numbers lead nowhere any more.
///
/// # Errors
/// When it can't be written.
pub fn renew(host: &HostFolder, ring: &Ring, now: u64) -> Result<(), NumbersError> {
    let _lock = wait_for_lock(host)?;
    Ok(write(host, ring, &Numbers::new(random::bytes()?, now), now, true)?)
}

/// The table as it is kept; a new one where there is none, or none that can be read.
fn kept(host: &HostFolder, ring: &Ring, now: u64) -> Result<Numbers, NumbersError> {
    match read(host, ring, now) {
        Ok(Some(numbers)) => Ok(numbers),
        Ok(None) | Err(NumbersError::Damaged) => Ok(Numbers::new(random::bytes()?, now)),
        Err(error) => Err(error),
    }
}

/// The lock, if it can be had: whoever stands still with it in his hand must not keep old keys alive.
fn wait_for_lock(host: &HostFolder) -> io::Result<Option<fs::FileLock>> {
    for _ in 0..LOCK_TRIES {
        let lock = fs::try_lock(&host.path.join(LOCK))?;
        if lock.is_some() {
            return Ok(lock);
        }
        clock::pause_ms(LOCK_PAUSE_MS);
    }
    Ok(None)
}

fn write(
    host: &HostFolder,
    ring: &Ring,
    numbers: &Numbers,
    now: u64,
    is_durable: bool,
) -> Result<(), KeyError> {
    let (_, key) = ring.newest_key(Context::Projects);
    let token = seal::seal(&key, &numbers.encode(), now - now % 86_400);
    private::replace(&host.path.join(FILE), token.as_bytes(), is_durable)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Numbers {
        Numbers::new([7; 32], 60)
    }

    #[test]
    fn each_has_a_number_of_its_own_and_keeps_it() {
        let mut numbers = table();
        let one = numbers.add(Of::Project, "-home-ann-x", [0, 5]).expect("zero stands for nothing");
        assert_eq!(one, Number(5));
        assert_eq!(numbers.add(Of::Project, "-home-ann-y", [5, 5]), None, "taken");
        assert_eq!(numbers.add(Of::Session, "-home-ann-x", [5]), Some(Number(5)), "another kind");
        assert_eq!(numbers.find(Of::Project, "-home-ann-x"), Some(one));
        assert_eq!(numbers.find(Of::Project, "-home-ann-y"), None);
        assert_eq!(Numbers::decode(&numbers.encode()), Ok(numbers.clone()));
        assert_eq!((Numbers::decode(&[]), Numbers::decode(&[9])), (Err(false), Err(true)));
        let mut other = Numbers::new([8; 32], 0);
        other.add(Of::Project, "-home-ann-x", [5]);
        assert_ne!(other.projects, numbers.projects, "under another key it is another digest");
    }

    #[test]
    fn what_is_past_makes_room_for_what_is_not() {
        let mut numbers = table();
        for at in 1..=400_u16 {
            numbers.add(Of::Session, &at.to_string(), [at]);
        }
        let names: Vec<String> = (0..200).map(|at| format!("old{at}")).chain(["7".to_owned()]).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let given = numbers.add_past(Of::Session, &names, &mut (760..).map(|at: u16| at / 2));
        let distinct: BTreeSet<_> = given.iter().collect();
        assert_eq!((given.len(), distinct.len(), given[200]), (201, 201, Number(7)));
        assert!(given[..200].iter().all(|number| number.0 > 400), "of others, or nobody's");
        assert_eq!((numbers.sessions.len(), numbers.find(Of::Session, "1")), (ROWS_MAX, Some(Number(1))));
        assert_eq!(numbers.find(Of::Session, "old99"), None);
        assert_eq!(numbers.find(Of::Session, "old100"), Some(given[100]));
        assert!(numbers.may_have(Of::Session, "old99"), "it may be one that had to go");
        assert_eq!(numbers.add_past(Of::Project, &["x"], &mut [0, 0].into_iter()), [Number::UNKNOWN]);
    }

    #[test]
    fn the_oldest_go() {
        let mut numbers = table();
        for at in 1..=600_u16 {
            numbers.add(Of::Session, &at.to_string(), [at]);
        }
        assert_eq!((numbers.sessions.len(), numbers.find(Of::Session, "100")), (ROWS_MAX, None));
        assert_eq!(numbers.find(Of::Session, "600"), Some(Number(600)));
    }
}
