//! The daily fold: what the journals say goes into the snapshot, sealed anew under the newest key;
//! segments that are covered go, and with them the last thing that their key could open.
//!
//! Order: predecessor and snapshot durable → segments removed that both of them cover → (the caller) keys
//! dropped that nothing refers to. Each step may be killed and run again: the snapshot says how far into
//! each segment it has read. Since a segment outlives the fold that has read it, a snapshot that turns out
//! to be damaged costs nothing: its predecessor and the segments say the same.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use serde_json::Value;

use super::audit::{Entry, What};
use super::journal::{self, Journal};
use super::snapshot::{Snapshot, SnapshotError};
use super::{HostFolder, KeyError, hints, private};
use crate::command::shape::{ErrorClass, HostType};
use crate::crypto::node::NodeId;
use crate::crypto::ring::{Context, Epoch, Ring};
use crate::crypto::seal;
use crate::learn::need::{Agent, Thresholds};
use crate::learn::streak::SESSIONS_MAX;
use crate::learn::{Event, Form, Item, Number, State, Streak};
use crate::mesh::advice::{Elsewhere, View};
use crate::mesh::{Mesh, Trusted};
use crate::model::limits;
use crate::sys::{append, fs, random};

const MINUTES_PER_DAY: u32 = 24 * 60;

/// The file that the snapshot lies in.
pub const SNAPSHOT: &str = "knowledge.enc";
const PREDECESSOR: &str = "knowledge.old.enc";
/// A snapshot that no key of the ring opens is kept: the ring may have been put back from an old copy.
/// A snapshot that could not be read, set aside by the fold that took its place.
pub const UNREADABLE: &str = "knowledge.unreadable.enc";

/// Why a fold, or reading what is known, did not work out.
#[derive(Debug, thiserror::Error)]
pub enum FoldError {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error(transparent)]
    Key(#[from] KeyError),
    #[error("{SNAPSHOT} {0}")]
    Snapshot(SnapshotError),
}

/// What a fold did.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Folded {
    /// Records taken into the snapshot.
    pub records: usize,
    /// Lines that were no record.
    pub damaged: usize,
    /// Segments removed.
    pub removed: usize,
    /// The oldest epoch that something on disk is still sealed under.
    pub oldest: Option<Epoch>,
    /// Agents for which there is enough to look at, since this fold.
    pub reached: Vec<Agent>,
}

/// What a fold goes by.
#[derive(Debug, Clone, PartialEq)]
pub struct Rules {
    /// Days after which knowledge is forgotten.
    pub retention_days: u16,
    /// When an agent has enough to look at.
    pub thresholds: Thresholds,
    /// What kind of host this is.
    pub host: HostType,
}

/// What other hosts know, and who is listened to.
#[derive(Debug)]
pub struct Foreign {
    pub mesh: Mesh,
    pub trust: Trusted,
    /// This host's own node.
    pub own: NodeId,
}

impl Foreign {
    /// What may be made of it, beside what is known here.
    #[must_use]
    pub fn view<'a>(&'a self, local: &'a State, host: HostType, today: u16) -> View<'a> {
        let Self { mesh, trust, own } = self;
        View { local, mesh, trust, own: *own, host, today }
    }

    /// What there is to say of it beside what is known here, as hooks look it up: under no project, a session for each
    /// machine.
    fn streaks(&self, state: &State, host: HostType, today: u16) -> Vec<((Number, Form), Streak)> {
        let row = |told: Elsewhere| {
            let machines = u16::try_from(told.machines.min(SESSIONS_MAX)).expect("BUG: they are few");
            let class = told.class.unwrap_or(ErrorClass::Other);
            let sessions = (1..=machines).map(Number).collect();
            ((Number::UNKNOWN, told.form), Streak { sessions, class, day: today, said: Vec::new() })
        };
        self.view(state, host, today).streaks().into_iter().map(row).collect()
    }
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            retention_days: limits::RETENTION_DAYS,
            thresholds: Thresholds::default(),
            host: HostType::Other,
        }
    }
}

impl Rules {
    /// As `runtime.json` has them; what it doesn't say is as always.
    #[must_use]
    pub fn from_runtime(runtime: &Value) -> Self {
        let days = runtime.pointer("/learning/retention-days").and_then(Value::as_u64);
        let days = days.and_then(|days| u16::try_from(days).ok());
        Self {
            retention_days: days.unwrap_or(limits::RETENTION_DAYS),
            thresholds: Thresholds::from_runtime(runtime),
            host: HostType::of_profile(runtime.pointer("/learning/host-type").and_then(Value::as_str)),
        }
    }
}

/// All that is known now: the snapshot and the segments since.
///
/// # Errors
/// When something can't be read, or the snapshot is of a newer format.
pub fn known(folder: &Path, ring: &Ring, now: u64) -> Result<(Snapshot, Folded), FoldError> {
    let Loaded { snapshot, .. } = load(folder, ring, now)?;
    read_on(snapshot, folder, ring, now)
}

/// Whether the snapshot can't be read, and its predecessor has to serve.
#[must_use]
pub fn is_damaged(folder: &Path, ring: &Ring, now: u64) -> bool {
    let snapshot = load_one(&folder.join(SNAPSHOT), ring, now);
    matches!(snapshot, Err(FoldError::Snapshot(SnapshotError::Damaged)))
}

/// How often a ring is read again that was replaced meanwhile.
const TRIES: usize = 8;

/// The same for who has not read the ring yet. A fold that goes on meanwhile seals all of it under a newer key, and
/// removes what an older one opens: then it is read again.
///
/// # Errors
/// As [`known`], or when the ring can't be read.
pub fn known_of(host: &HostFolder, now: u64) -> Result<Snapshot, FoldError> {
    let mut tries = 0;
    loop {
        let (ring, stat) = host.ring_with_stat()?;
        let found = known(&host.path, &ring, now).map(|(snapshot, _)| snapshot);
        tries += 1;
        if fs::lstat(&host.ring_path())? == Some(stat) || tries == TRIES {
            return found;
        }
    }
}

/// Takes in what the segments have beyond what the snapshot has read.
fn read_on(
    mut snapshot: Snapshot,
    folder: &Path,
    ring: &Ring,
    now: u64,
) -> Result<(Snapshot, Folded), FoldError> {
    let mut folded = Folded::default();
    // What is sealed under a key that came after this ring was read waits for the next.
    let own = segments(folder)?.into_iter().filter(|(_, epoch, _)| *epoch <= ring.newest());
    for (journal, epoch, name) in own {
        let bytes = append::tail(&folder.join(name), limits::JOURNAL_DAY_BYTES_MAX)?;
        if journal == Journal::Patterns {
            // Of days the calendar knows best: what is recorded may be dated by a clock that was wrong.
            snapshot.state.pass(short_day(epoch));
        }
        let from = snapshot.read.get(&(journal, epoch)).copied().unwrap_or(0);
        // Who has been standing still may write days later, under a newer key. What is dated a week before its
        // key was dated by a wrong clock, and is not forgotten for that.
        let is_misdated = |day: u32| day.saturating_add(limits::KEY_DAYS_MAX) < epoch.0;
        let read = journal::read(&bytes, from, ring, journal, epoch, now);
        folded.damaged += read.damaged;
        if let Some(at) = read.full_since {
            snapshot.audit.push(Entry::new(at, What::Sampled, 0));
        }
        for (_, plain) in read.records {
            folded.records += 1;
            match journal {
                Journal::Patterns => match Item::decode(&plain) {
                    Ok(mut item) => {
                        let day = item.day_mut();
                        if is_misdated((*day).into()) {
                            *day = short_day(epoch);
                        }
                        snapshot.take(&item);
                    }
                    Err(_) => folded.damaged += 1,
                },
                Journal::Audit => match Entry::decode(&plain) {
                    Some(entry) => {
                        let is_misdated = is_misdated(entry.minute / MINUTES_PER_DAY);
                        let first = epoch.0.saturating_mul(MINUTES_PER_DAY);
                        let minute = if is_misdated { first } else { entry.minute };
                        snapshot.record(Entry { minute, ..entry });
                    }
                    None => folded.damaged += 1,
                },
            }
        }
        snapshot.read.insert((journal, epoch), read.end);
    }
    Ok((snapshot, folded))
}

/// What a fold does to what is known, beside taking in the journals.
pub trait Change {
    /// Does it: to the snapshot, and to its predecessor, so that nothing of it is undone where that has to serve.
    fn change(&self, snapshot: &mut Snapshot);
}

impl Change for () {
    fn change(&self, _: &mut Snapshot) {}
}

/// Folds. The caller holds the lock of folds and has rotated the ring; `today` is the day it believes.
///
/// # Errors
/// When something can't be read or written; nothing is lost then, and it can be run again.
pub fn fold(
    folder: &Path,
    ring: &Ring,
    rules: &Rules,
    today: Epoch,
    now: u64,
    (change, foreign): (&dyn Change, Option<&Foreign>),
) -> Result<Folded, FoldError> {
    let Loaded { snapshot: mut before, is_damaged } = load(folder, ring, now)?;
    let (mut snapshot, mut folded) = read_on(before.clone(), folder, ring, now)?;
    let is_certain = Epoch::of(now).0.abs_diff(today.0) <= limits::CLOCK_JUMP_DAYS_MAX;
    let today = short_day(today);
    if folded.damaged > 0 {
        let count = u32::try_from(folded.damaged).unwrap_or(u32::MAX);
        snapshot.audit.push(Entry::new(now, What::Damaged, count));
    }
    let there: BTreeMap<(Journal, Epoch), String> =
        segments(folder)?.into_iter().map(|(journal, epoch, name)| ((journal, epoch), name)).collect();
    // Not of what has not read yesterday's yet.
    snapshot.state.pass(today);
    for snapshot in [&mut before, &mut snapshot] {
        change.change(snapshot);
        if is_certain {
            snapshot.date_back(today);
        }
        snapshot.expire(today, rules.retention_days);
        snapshot.read.retain(|segment, _| there.contains_key(segment));
    }
    let reached = snapshot.state.need.queue(&rules.thresholds, today).into_iter();
    folded.reached = reached
        .filter_map(|event| match event {
            Event::ThresholdReached(agent) => Some(agent),
            _ => None,
        })
        .collect();
    if is_damaged {
        keep_unreadable(folder)?;
    }
    save(&folder.join(PREDECESSOR), ring, &before, now)?;
    save(&folder.join(SNAPSHOT), ring, &snapshot, now)?;
    let of_patterns = |((journal, epoch), read): (&(Journal, Epoch), &u64)| {
        (*journal == Journal::Patterns).then_some((*epoch, *read))
    };
    let read = snapshot.read.iter().filter_map(of_patterns).collect();
    let told = foreign.map(|foreign| foreign.streaks(&snapshot.state, rules.host, today)).unwrap_or_default();
    if told.is_empty() {
        hints::write(folder, ring, &snapshot.state, read, random::bytes()?, now)?;
    } else {
        let State { streaks, corrections, need, .. } = &snapshot.state;
        let mut state = State {
            streaks: streaks.clone(),
            corrections: corrections.clone(),
            need: need.clone(),
            ..State::default()
        };
        told.into_iter().for_each(|(key, streak)| state.streaks.put(key, streak));
        hints::write(folder, ring, &state, read, random::bytes()?, now)?;
    }
    for (segment, name) in &there {
        let epoch = segment.1;
        let read = |snapshot: &Snapshot| snapshot.read.get(segment).copied().unwrap_or(0);
        let is_in_both = read(&before) == read(&snapshot);
        // Days since another key took its place: there may be more between two epochs.
        let next = ring.epochs().find(|other| *other > epoch);
        let unused_days = next.map(|next| ring.newest().0.saturating_sub(next.0));
        // It goes with its key.
        let is_due = unused_days.is_some_and(|days| days + 1 >= limits::KEY_DAYS_MAX);
        let path = folder.join(name);
        let is_removed = unused_days.is_some() && (is_in_both || is_due) && remove(&path, read(&snapshot))?;
        // Nobody writes under it any more but who has been standing still since.
        let is_held_on_to = !is_removed && is_due && unused_days > Some(0);
        if is_held_on_to {
            append::remove_anyway(&path)?;
        }
        if is_removed || is_held_on_to {
            folded.removed += 1;
        } else {
            folded.oldest = Some(folded.oldest.map_or(epoch, |oldest| oldest.min(epoch)));
        }
    }
    Ok(folded)
}

fn short_day(epoch: Epoch) -> u16 {
    u16::try_from(epoch.0).unwrap_or(u16::MAX)
}

/// Removes a segment that has been read to its last whole line, unless somebody has written to it
/// since. What may stand behind that line is a record that was never acknowledged.
fn remove(path: &Path, read: u64) -> io::Result<bool> {
    let bytes = append::tail(path, limits::JOURNAL_DAY_BYTES_MAX)?;
    let rest = usize::try_from(read).ok().and_then(|read| bytes.get(read..)).unwrap_or_default();
    if rest.contains(&b'\n') {
        return Ok(false);
    }
    append::remove_if_long(path, bytes.len() as u64)
}

fn keep_unreadable(folder: &Path) -> io::Result<()> {
    let kept = folder.join(UNREADABLE);
    fs::remove_file(&kept)?;
    fs::copy_new(&folder.join(SNAPSHOT), &kept, 0o600)
}

fn segments(folder: &Path) -> io::Result<Vec<(Journal, Epoch, String)>> {
    let names = fs::list_if_there(folder)?;
    let named = names.into_iter().filter_map(|name| {
        let name = name.into_string().ok()?;
        let (journal, epoch) = Journal::of_segment(&name)?;
        Some((journal, epoch, name))
    });
    Ok(named.collect())
}

/// Where a fold starts from.
struct Loaded {
    snapshot: Snapshot,
    /// The snapshot itself could not be used.
    is_damaged: bool,
}

/// The snapshot, or its predecessor where it is damaged or missing; an empty one where there is neither.
fn load(folder: &Path, ring: &Ring, now: u64) -> Result<Loaded, FoldError> {
    let is_damaged = match load_one(&folder.join(SNAPSHOT), ring, now) {
        Err(FoldError::Snapshot(SnapshotError::Damaged)) => true,
        Ok(None) => false,
        other => return other.map(|found| Loaded { snapshot: found.unwrap_or_default(), is_damaged: false }),
    };
    let mut snapshot = match load_one(&folder.join(PREDECESSOR), ring, now) {
        Err(FoldError::Snapshot(SnapshotError::Damaged)) => Snapshot::default(),
        other => other?.unwrap_or_default(),
    };
    if is_damaged {
        snapshot.audit.push(Entry::new(now, What::SnapshotDamaged, 0));
    }
    Ok(Loaded { snapshot, is_damaged })
}

fn load_one(path: &Path, ring: &Ring, now: u64) -> Result<Option<Snapshot>, FoldError> {
    let token = append::tail(path, limits::KNOWLEDGE_BYTES_MAX)?;
    if token.is_empty() {
        return Ok(None);
    }
    let damaged = FoldError::Snapshot(SnapshotError::Damaged);
    let plain = private::open(ring, Context::Knowledge, &token, now).ok_or(damaged)?;
    Snapshot::decode(&plain).map(Some).map_err(FoldError::Snapshot)
}

fn save(path: &Path, ring: &Ring, snapshot: &Snapshot, now: u64) -> Result<(), FoldError> {
    let (_, key) = ring.newest_key(Context::Knowledge);
    Ok(private::write(path, seal::seal(&key, &snapshot.encode(), now).as_bytes())?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::shape::{ErrorClass, HostType, Outcome, Record, ToolKind};
    use crate::crypto::{HostId, Secret};

    const NOON: u64 = 1_767_268_800;
    const DAY: u64 = 86_400;

    fn ring() -> Ring {
        let host = HostId::parse("cs-0123456789abcdef").expect("an id");
        Ring::new(host, 1, Epoch::of(NOON), Secret::take(&mut [7; 32]))
    }

    fn record(now: u64) -> Record {
        Record {
            tool: ToolKind::Bash,
            outcome: Outcome::Ok,
            error: ErrorClass::Other,
            duration: 3,
            host: HostType::Other,
            day: u16::try_from(now / DAY).expect("in this century"),
            shape: None,
        }
    }

    fn write(folder: &Path, ring: &Ring, now: u64) {
        let kept = journal::write(folder, ring, Journal::Patterns, &record(now).encode(), now);
        assert!(matches!(kept.expect("written"), journal::Kept::Written { .. }));
    }

    fn total(snapshot: &Snapshot) -> u32 {
        snapshot.counts.values().map(|counts| counts.ok + counts.failed).sum()
    }

    #[test]
    fn every_record_is_counted_once_however_often_it_is_folded() {
        let temp = tempfile::tempdir().expect("a folder");
        let (folder, mut ring) = (temp.path(), ring());
        for _ in 0..5 {
            write(folder, &ring, NOON);
        }
        assert_eq!(
            fold(folder, &ring, &Rules::default(), Epoch::of(NOON), NOON, (&(), None))
                .expect("folded")
                .records,
            5
        );
        assert_eq!(
            fold(folder, &ring, &Rules::default(), Epoch::of(NOON), NOON, (&(), None))
                .expect("folded")
                .records,
            0
        );
        write(folder, &ring, NOON);
        assert!(ring.advance(Epoch::of(NOON + DAY), &Secret::take(&mut [9; 32])));
        write(folder, &ring, NOON + DAY);
        let tomorrow = || {
            fold(folder, &ring, &Rules::default(), Epoch::of(NOON + DAY), NOON + DAY, (&(), None))
                .expect("folded")
        };
        let folded = tomorrow();
        assert_eq!((folded.records, folded.removed), (2, 0), "its predecessor has not read all of it");
        assert_eq!(tomorrow().removed, 1, "yesterday's segment is in both and goes");
        let (snapshot, since) = known(folder, &ring, NOON + DAY).expect("known");
        assert_eq!((total(&snapshot), since.records), (7, 0));
        assert_eq!(Snapshot::decode(&snapshot.encode()), Ok(snapshot));
    }

    /// The first fold of a day has a new key, and the old ones go soon: that must not be the end of
    /// what serves when the snapshot is damaged.
    #[test]
    fn a_damaged_snapshot_costs_nothing_also_when_days_and_keys_change() {
        let temp = tempfile::tempdir().expect("a folder");
        let (folder, mut ring) = (temp.path(), ring());
        let mut written = 0;
        for day in 0..10 {
            let now = NOON + day * DAY;
            let _ = ring.advance(Epoch::of(now), &Secret::take(&mut [9; 32]));
            for _ in 0..3 {
                write(folder, &ring, now);
                written += 1;
                let folded =
                    fold(folder, &ring, &Rules::default(), Epoch::of(now), now, (&(), None)).expect("folded");
                ring.drop_older(folded.oldest.unwrap_or(ring.newest()));
                let path = folder.join(SNAPSHOT);
                let whole = fs::read(&path, 1 << 20).expect("read");
                fs::remove_file(&path).expect("removed");
                assert_eq!(total(&known(folder, &ring, now).expect("known").0), written, "gone");
                fs::write_new(&path, b"nonsense", 0o600).expect("written");
                assert_eq!(total(&known(folder, &ring, now).expect("known").0), written, "damaged");
                fs::remove_file(&path).expect("removed");
                fs::write_new(&path, &whole, 0o600).expect("written");
            }
        }
        let segments = segments(folder).expect("listed").len();
        assert!(segments <= 2, "{segments} segments are left");
    }

    /// Who folds may have been told the time days ago, and what was recorded since is no less true.
    #[test]
    fn what_was_recorded_after_a_fold_began_is_not_taken_for_the_future() {
        let temp = tempfile::tempdir().expect("a folder");
        let (folder, ring) = (temp.path(), ring());
        write(folder, &ring, NOON);
        write(folder, &ring, NOON + 2 * DAY);
        write(folder, &ring, NOON + 4 * DAY);
        fold(folder, &ring, &Rules::default(), Epoch::of(NOON), NOON, (&(), None)).expect("folded");
        let days = |snapshot: &Snapshot| snapshot.counts.keys().map(|(_, day)| *day).collect::<Vec<_>>();
        let today = short_day(Epoch::of(NOON));
        assert_eq!(days(&known(folder, &ring, NOON).expect("known").0), [today, today + 2, today + 4]);
        // A clock that was wrong for a moment explains nothing.
        write(folder, &ring, NOON + 300 * DAY);
        fold(folder, &ring, &Rules::default(), Epoch::of(NOON), NOON, (&(), None)).expect("folded");
        let known = known(folder, &ring, NOON).expect("known").0;
        assert_eq!(days(&known), [today, today + 2, today + 4]);
        assert_eq!(total(&known), 4);
    }

    #[test]
    fn a_snapshot_that_no_key_opens_is_kept() {
        let temp = tempfile::tempdir().expect("a folder");
        let (folder, ring) = (temp.path(), ring());
        fs::write_new(&folder.join(SNAPSHOT), b"of another ring", 0o600).expect("written");
        fold(folder, &ring, &Rules::default(), Epoch::of(NOON), NOON, (&(), None)).expect("folded");
        assert_eq!(fs::read(&folder.join(UNREADABLE), 100).expect("kept"), b"of another ring");
    }

    #[test]
    fn torn_and_damaged_lines_cost_only_themselves() {
        let temp = tempfile::tempdir().expect("a folder");
        let (folder, ring) = (temp.path(), ring());
        let segment = folder.join(Journal::Patterns.segment(ring.newest()));
        write(folder, &ring, NOON);
        append::append(&segment, b"\ngAAAA-torn", 0o600, 1 << 20).expect("written");
        write(folder, &ring, NOON);
        append::append(&segment, b"\ngAAAA-not-done", 0o600, 1 << 20).expect("written");
        let (snapshot, read) = known(folder, &ring, NOON).expect("known");
        assert_eq!((total(&snapshot), read.damaged), (2, 1), "the last line may still be being written");
    }

    #[test]
    fn a_damaged_snapshot_has_a_predecessor_and_a_newer_one_is_left_alone() {
        let temp = tempfile::tempdir().expect("a folder");
        let (folder, ring) = (temp.path(), ring());
        write(folder, &ring, NOON);
        fold(folder, &ring, &Rules::default(), Epoch::of(NOON), NOON, (&(), None)).expect("folded");
        write(folder, &ring, NOON);
        fold(folder, &ring, &Rules::default(), Epoch::of(NOON), NOON, (&(), None)).expect("folded");
        let path = folder.join(SNAPSHOT);
        fs::remove_file(&path).expect("removed");
        fs::write_new(&path, b"nonsense", 0o600).expect("written");
        let (snapshot, _) = known(folder, &ring, NOON).expect("known");
        assert_eq!(total(&snapshot), 2, "the predecessor, and the segment since");
        assert!(snapshot.audit.iter().any(|entry| entry.what == What::SnapshotDamaged));
        let (_, key) = ring.newest_key(Context::Knowledge);
        fs::remove_file(&path).expect("removed");
        fs::write_new(&path, seal::seal(&key, &[9], NOON).as_bytes(), 0o600).expect("written");
        assert!(matches!(known(folder, &ring, NOON), Err(FoldError::Snapshot(SnapshotError::Newer(9)))));
        assert!(fold(folder, &ring, &Rules::default(), Epoch::of(NOON), NOON, (&(), None)).is_err());
    }

    #[test]
    fn what_is_old_is_forgotten_and_a_full_day_is_sampled() {
        let temp = tempfile::tempdir().expect("a folder");
        let (folder, ring) = (temp.path(), ring());
        write(folder, &ring, NOON);
        fold(folder, &ring, &Rules::default(), Epoch::of(NOON + 31 * DAY), NOON + 31 * DAY, (&(), None))
            .expect("folded");
        assert_eq!(total(&known(folder, &ring, NOON).expect("known").0), 0);
        let mut kept = [0, 0];
        for _ in 0..10_000 {
            match journal::write(folder, &ring, Journal::Patterns, &record(NOON).encode(), NOON)
                .expect("fine")
            {
                journal::Kept::Written { .. } => kept[0] += 1,
                journal::Kept::LeftOut => kept[1] += 1,
            }
        }
        let size = fs::lstat(&folder.join(Journal::Patterns.segment(ring.newest())))
            .expect("there")
            .expect("there")
            .size;
        assert!(size <= limits::PATTERNS_DAY_BYTES_MAX, "{size}");
        assert!(kept[1] > 1_000, "{kept:?}");
        let sampled = |snapshot: &Snapshot| {
            // A token says on which day it was sealed, and no more.
            let midnight = Entry::new(NOON / DAY * DAY, What::Sampled, 0);
            snapshot.audit.iter().filter(|entry| **entry == midnight).count()
        };
        assert_eq!(sampled(&known(folder, &ring, NOON).expect("known").0), 1);
        fold(folder, &ring, &Rules::default(), Epoch::of(NOON), NOON, (&(), None)).expect("folded");
        assert_eq!(sampled(&known(folder, &ring, NOON).expect("known").0), 1, "said once");
    }
}
