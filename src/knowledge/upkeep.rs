//! What is done once a day and never in a hook's own time: enrolment, a new epoch, the fold, and keys
//! that go. At `cs apply`, and by a process that a session's start leaves behind.

use std::io;

use serde_json::Value;

use super::audit::{Entry, What};
use super::fold::{self, FoldError, Folded};
use super::journal::{self, Journal};
use super::keys::Outcome;
use super::{HostFolder, KeyError, Learning, Rotation};
use crate::crypto::ring::Epoch;
use crate::crypto::seal;
use crate::model::limits;
use crate::sys::{append, fs};

/// Why upkeep did not work out. Nothing is lost by it; the next one goes on.
#[derive(Debug, thiserror::Error)]
pub enum UpkeepError {
    #[error(transparent)]
    Key(#[from] KeyError),
    #[error(transparent)]
    Fold(#[from] FoldError),
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// What upkeep did.
#[derive(Debug, Clone)]
pub struct Kept {
    pub host: HostFolder,
    /// `None`: another process is at it.
    pub folded: Option<Folded>,
    /// Keys destroyed.
    pub dropped: usize,
}

/// Does all of it. Knowledge older than `retention_days` is forgotten.
///
/// # Errors
/// When something can't be read or written.
pub fn run(learning: &Learning, retention_days: u16, now: u64) -> Result<Kept, UpkeepError> {
    let host = learning.enrol(now)?.host;
    let Some(_lock) = fs::try_lock(&host.path.join("fold.lock"))? else {
        return Ok(Kept { host, folded: None, dropped: 0 });
    };
    let newest_record_day = newest_record_day(&host)?;
    let Rotation { ring, outcome } = host.rotate(now, newest_record_day)?;
    // Nothing is forgotten on the word of a clock that jumped.
    let newest = newest_record_day.unwrap_or(0).max(ring.newest().0);
    let today = Epoch::of(now).min(Epoch(newest.saturating_add(limits::CLOCK_JUMP_DAYS_MAX)));
    let folded = fold::fold(&host.path, &ring, retention_days, today, now)?;
    // Both snapshots are sealed under the newest key; older ones serve only the segments that are left.
    let week_ago = Epoch(ring.newest().0.saturating_sub(limits::KEY_DAYS_MAX - 1));
    let dropped = host.drop_keys(folded.oldest.unwrap_or(ring.newest()).max(week_ago))?;
    if !matches!(outcome, Outcome::ClockNotBelieved { .. }) {
        learning.expire(&host, now)?;
    }
    let news = [(outcome == Outcome::New, What::Rotated), (dropped > 0, What::KeyDropped)];
    for (_, what) in news.into_iter().filter(|(is_so, _)| *is_so) {
        journal::write(&host.path, &ring, Journal::Audit, &Entry::new(now, what, 0).encode(), now)?;
    }
    Ok(Kept { host, folded: Some(folded), dropped })
}

/// How long knowledge is kept, as `runtime.json` has it.
#[must_use]
pub fn retention_days(runtime: &Value) -> u16 {
    let days = runtime.pointer("/learning/retention-days").and_then(Value::as_u64);
    days.and_then(|days| u16::try_from(days).ok()).unwrap_or(limits::RETENTION_DAYS)
}

/// The day on which the newest record was sealed: a clock far beyond it is not believed. The
/// segment's name says nothing of it: until a rotation, records go on under the old epoch.
fn newest_record_day(host: &HostFolder) -> io::Result<Option<u32>> {
    const TAIL_BYTES: u64 = 4_096;
    let names = fs::list_if_there(&host.path)?;
    let segments = names.iter().filter(|name| name.to_str().and_then(Journal::of_segment).is_some());
    let mut newest = None;
    for name in segments {
        let bytes = append::tail(&host.path.join(name), TAIL_BYTES)?;
        let times = bytes.split(|byte| *byte == b'\n').filter_map(seal::token_time);
        newest = newest.max(times.map(|time| Epoch::of(time).0).max());
    }
    Ok(newest)
}
