//! What is done once a day and never in a hook's own time: enrolment, a new epoch, the fold, and keys
//! that go. At `cs apply`, and by a process that a session's start leaves behind.

use std::collections::BTreeSet;
use std::io;

use super::audit::{Entry, What};
use super::calendar::Sealed;
use super::fold::{self, Change, FoldError, Folded, Rules};
use super::imported;
use super::journal::{self, Journal};
use super::keys::Outcome;
use super::numbers::{self, NumbersError};
use super::shared::{self, SharedError};
use super::{Enrolled, HostFolder, KeyError, Learning, Rotation};
use crate::crypto::Ring;
use crate::crypto::identity::Standing;
use crate::crypto::ring::Epoch;
use crate::crypto::seal;
use crate::model::limits;
use crate::sys::{append, clock, fs};

/// Why upkeep did not work out. Nothing is lost by it; the next one goes on.
#[derive(Debug, thiserror::Error)]
pub enum UpkeepError {
    #[error(transparent)]
    Key(#[from] KeyError),
    #[error(transparent)]
    Fold(#[from] FoldError),
    #[error(transparent)]
    Numbers(#[from] NumbersError),
    #[error(transparent)]
    Shared(#[from] SharedError),
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error("another process is at it")]
    Busy,
}

const LOCK: &str = "fold.lock";
/// A fold takes some tens of milliseconds.
const LOCK_TRIES: usize = 100;
const LOCK_PAUSE_MS: u64 = 50;

/// What upkeep did.
#[derive(Debug, Clone)]
pub struct Kept {
    pub host: HostFolder,
    /// `None`: another process is at it.
    pub folded: Option<Folded>,
    /// Keys destroyed.
    pub dropped: usize,
}

/// Does all of it; knowledge is forgotten, and agents become due, as `rules` say.
///
/// # Errors
/// When something can't be read or written.
pub fn run(learning: &Learning, rules: &Rules, now: u64) -> Result<Kept, UpkeepError> {
    let Enrolled { host, standing } = learning.enrol(now)?;
    let Some(_lock) = fs::try_lock(&host.path.join(LOCK))? else {
        return Ok(Kept { host, folded: None, dropped: 0 });
    };
    locked(learning, (host, standing), rules, now, |_| Ok(()))
}

/// Does all of it, and a change to what is known, which is prepared once nobody else is at it.
///
/// # Errors
/// When something can't be read or written, or others are at it all the time.
pub fn with<C: Change>(
    learning: &Learning,
    host: &HostFolder,
    rules: &Rules,
    now: u64,
    prepare: impl FnOnce(&Ring) -> Result<C, UpkeepError>,
) -> Result<Kept, UpkeepError> {
    for _ in 0..LOCK_TRIES {
        if let Some(_lock) = fs::try_lock(&host.path.join(LOCK))? {
            return locked(learning, (host.clone(), None), rules, now, prepare);
        }
        clock::pause_ms(LOCK_PAUSE_MS);
    }
    Err(UpkeepError::Busy)
}

fn locked<C: Change>(
    learning: &Learning,
    (host, standing): (HostFolder, Option<Standing>),
    rules: &Rules,
    now: u64,
    prepare: impl FnOnce(&Ring) -> Result<C, UpkeepError>,
) -> Result<Kept, UpkeepError> {
    let sealed = sealed(&host)?;
    let Rotation { ring, outcome, is_clock_believed } = host.rotate(now, &sealed)?;
    // Before anything is destroyed that it may want to read.
    let change = prepare(&ring)?;
    // Where the list of trusted hosts can't be read, none of them counts; doctor says so.
    let foreign = shared::foreign(learning, &host, &ring, now).unwrap_or_default();
    let folded = fold::fold(&host.path, &ring, rules, ring.newest(), now, (&change, foreign.as_ref()))?;
    imported::keep_up(&host, &ring, now)?;
    match numbers::keep_up(&host, &ring, now) {
        // Of a newer cs, which keeps it up.
        Ok(()) | Err(NumbersError::Newer) => {}
        Err(error) => return Err(error.into()),
    }
    shared::keep_up(&host, &ring, now)?;
    // Both snapshots are sealed under the newest key; older ones serve only the segments that are left.
    let dropped = host.drop_keys(folded.oldest.unwrap_or(ring.newest()))?;
    if is_clock_believed {
        expire_aside(&host, now)?;
        learning.expire(&host, now)?;
    }
    let news = [
        (outcome == Outcome::New, What::Rotated),
        (dropped > 0, What::KeyDropped),
        (standing == Some(Standing::Reinstalled), What::HostChanged),
    ];
    for (_, what) in news.into_iter().filter(|(is_so, _)| *is_so) {
        journal::record(&host, Journal::Audit, &Entry::new(now, what, 0).encode(), now)?;
    }
    Ok(Kept { host, folded: Some(folded), dropped })
}

/// Removes what was put aside a week ago: keys that are older than keys may be, and what they sealed.
fn expire_aside(host: &HostFolder, now: u64) -> io::Result<()> {
    let kept_ns = i64::from(limits::KEY_DAYS_MAX) * 86_400 * 1_000_000_000;
    let now_ns = i64::try_from(now).unwrap_or(i64::MAX).saturating_mul(1_000_000_000);
    for path in [host.ring_aside_path(), host.path.join(fold::UNREADABLE)] {
        if fs::lstat(&path)?.is_some_and(|stat| now_ns.saturating_sub(stat.modified_ns) >= kept_ns) {
            fs::remove_file(&path)?;
        }
    }
    Ok(())
}

/// The days on which what lies in the journals was sealed. A segment's name says nothing of it: until a
/// rotation, records go on under the old epoch.
fn sealed(host: &HostFolder) -> Result<Sealed, UpkeepError> {
    let newest = host.ring()?.newest();
    let mut sealed = Sealed::default();
    for name in fs::list_if_there(&host.path)? {
        let Some((_, epoch)) = name.to_str().and_then(Journal::of_segment) else { continue };
        let bytes = append::tail(&host.path.join(name), limits::JOURNAL_DAY_BYTES_MAX)?;
        let times = bytes.split(|byte| *byte == b'\n').filter_map(seal::token_time);
        let days: BTreeSet<u32> = times.map(|time| Epoch::of(time).0).collect();
        if epoch == newest {
            sealed.newest_since = sealed.newest_since.into_iter().chain(days.first().copied()).min();
        }
        sealed.days.extend(days);
    }
    Ok(sealed)
}
