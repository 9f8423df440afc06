//! The daily fold: what the journals say goes into the snapshot, sealed anew under the newest key;
//! segments that are covered go, and with them the last thing that their key could open.
//!
//! Order: snapshot written and durable → covered segments removed → (the caller) keys dropped that
//! nothing refers to. Each step may be killed and run again: the snapshot says how far into each
//! segment it has read.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use super::audit::{Entry, What};
use super::journal::{self, Journal};
use super::snapshot::{Snapshot, SnapshotError};
use crate::command::shape::Record;
use crate::crypto::ring::{Context, Epoch, Ring};
use crate::crypto::seal;
use crate::model::limits;
use crate::sys::{append, fs};

const SNAPSHOT: &str = "knowledge.enc";
const PREDECESSOR: &str = "knowledge.old.enc";

/// Why a fold, or reading what is known, did not work out.
#[derive(Debug, thiserror::Error)]
pub enum FoldError {
    #[error(transparent)]
    Io(#[from] io::Error),
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
}

/// All that is known now: the snapshot and the segments since.
///
/// # Errors
/// When something can't be read, or the snapshot is of a newer format.
pub fn known(folder: &Path, ring: &Ring, now: u64) -> Result<(Snapshot, Folded), FoldError> {
    let mut snapshot = load(folder, ring, now)?;
    let mut folded = Folded::default();
    for (journal, epoch, name) in segments(folder)? {
        let bytes = append::tail(&folder.join(name), limits::JOURNAL_DAY_BYTES_MAX)?;
        let from = snapshot.read.get(&(journal, epoch)).copied().unwrap_or(0);
        let read = journal::read(&bytes, from, ring, journal, epoch, now);
        folded.damaged += read.damaged;
        for (_, plain) in read.records {
            folded.records += 1;
            match journal {
                Journal::Patterns => match Record::decode(&plain) {
                    Ok(record) => snapshot.add(&record),
                    Err(_) => folded.damaged += 1,
                },
                Journal::Audit => match Entry::decode(&plain) {
                    Some(entry) => snapshot.audit.push(entry),
                    None => folded.damaged += 1,
                },
            }
        }
        snapshot.read.insert((journal, epoch), read.end);
    }
    Ok((snapshot, folded))
}

/// Folds. The caller holds the lock of folds and has rotated the ring; `today` is the day it believes.
///
/// # Errors
/// When something can't be read or written; nothing is lost then, and it can be run again.
pub fn fold(
    folder: &Path,
    ring: &Ring,
    retention_days: u16,
    today: Epoch,
    now: u64,
) -> Result<Folded, FoldError> {
    let (mut snapshot, mut folded) = known(folder, ring, now)?;
    let today = u16::try_from(today.0).unwrap_or(u16::MAX);
    if folded.damaged > 0 {
        let count = u32::try_from(folded.damaged).unwrap_or(u32::MAX);
        snapshot.audit.push(Entry::new(now, What::Damaged, count));
    }
    snapshot.expire(today, retention_days);
    let there: BTreeMap<(Journal, Epoch), String> =
        segments(folder)?.into_iter().map(|(journal, epoch, name)| ((journal, epoch), name)).collect();
    snapshot.read.retain(|segment, _| there.contains_key(segment));
    save(folder, ring, &snapshot, now)?;
    for ((journal, epoch), name) in &there {
        let read = snapshot.read.get(&(*journal, *epoch)).copied().unwrap_or(0);
        if *epoch < ring.newest() && remove(&folder.join(name), read, *epoch, ring.newest())? {
            folded.removed += 1;
        } else {
            folded.oldest = Some(folded.oldest.map_or(*epoch, |oldest| oldest.min(*epoch)));
        }
    }
    Ok(folded)
}

/// A segment that is read to its end goes. One with a torn tail goes too once nobody can be
/// writing to it any more: a week after its day its key has to go.
fn remove(path: &Path, read: u64, epoch: Epoch, newest: Epoch) -> io::Result<bool> {
    if append::remove_if_long(path, read)? {
        return Ok(true);
    }
    let size = fs::lstat(path)?.map_or(0, |stat| stat.size);
    let is_torn = size > read && newest.0.saturating_sub(epoch.0) >= 1;
    let is_old = newest.0.saturating_sub(epoch.0) >= limits::KEY_DAYS_MAX;
    if is_torn && append::tail(path, 1)? != b"\n" && append::remove_if_long(path, size)? {
        return Ok(true);
    }
    if is_old {
        fs::remove_file(path)?;
    }
    Ok(is_old)
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

/// The snapshot, or its predecessor where it is damaged; an empty one where there is neither.
fn load(folder: &Path, ring: &Ring, now: u64) -> Result<Snapshot, FoldError> {
    match load_one(&folder.join(SNAPSHOT), ring, now) {
        Err(FoldError::Snapshot(SnapshotError::Damaged)) => {}
        Ok(None) => return Ok(Snapshot::default()),
        other => return other.map(Option::unwrap_or_default),
    }
    let mut older = match load_one(&folder.join(PREDECESSOR), ring, now) {
        Err(FoldError::Snapshot(SnapshotError::Damaged)) => Snapshot::default(),
        other => other?.unwrap_or_default(),
    };
    older.audit.push(Entry::new(now, What::SnapshotDamaged, 0));
    Ok(older)
}

fn load_one(path: &Path, ring: &Ring, now: u64) -> Result<Option<Snapshot>, FoldError> {
    let token = append::tail(path, limits::KNOWLEDGE_BYTES_MAX)?;
    if token.is_empty() {
        return Ok(None);
    }
    let epochs: Vec<Epoch> = ring.epochs().collect();
    let opened = epochs.into_iter().rev().find_map(|epoch| {
        let key = ring.key(epoch, Context::Knowledge)?;
        seal::open(&key, &token, now).ok()
    });
    let damaged = FoldError::Snapshot(SnapshotError::Damaged);
    let plain = opened.ok_or(damaged)?.plain;
    Snapshot::decode(&plain).map(Some).map_err(FoldError::Snapshot)
}

fn save(folder: &Path, ring: &Ring, snapshot: &Snapshot, now: u64) -> io::Result<()> {
    let (_, key) = ring.newest_key(Context::Knowledge);
    let token = seal::seal(&key, &snapshot.encode(), now);
    let path = folder.join(SNAPSHOT);
    let temporary = folder.join("knowledge.new");
    fs::remove_all(&temporary)?;
    fs::write_new(&temporary, token.as_bytes(), 0o600)?;
    fs::sync(&temporary)?;
    // What is there now serves if the new one turns out to be damaged; only while its key lives.
    let predecessor = folder.join(PREDECESSOR);
    fs::remove_file(&predecessor)?;
    let opens = |epoch| {
        let token = append::tail(&path, limits::KNOWLEDGE_BYTES_MAX).unwrap_or_default();
        ring.key(epoch, Context::Knowledge).is_some_and(|key| seal::open(&key, &token, now).is_ok())
    };
    let newest = ring.newest();
    if ring.epochs().any(|epoch| newest.0 - epoch.0 < limits::KEY_DAYS_MAX && opens(epoch)) {
        // A file system without second names does without a predecessor.
        let _ = fs::hard_link(&path, &predecessor);
    }
    fs::rename(&temporary, &path)?;
    fs::sync(folder)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::shape::{ErrorClass, HostType, Outcome, ToolKind};
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
        assert_eq!(kept.expect("written"), journal::Kept::Written);
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
        assert_eq!(fold(folder, &ring, 30, Epoch::of(NOON), NOON).expect("folded").records, 5);
        assert_eq!(fold(folder, &ring, 30, Epoch::of(NOON), NOON).expect("folded").records, 0);
        write(folder, &ring, NOON);
        assert!(ring.advance(Epoch::of(NOON + DAY), &Secret::take(&mut [9; 32])));
        write(folder, &ring, NOON + DAY);
        let folded = fold(folder, &ring, 30, Epoch::of(NOON + DAY), NOON + DAY).expect("folded");
        assert_eq!((folded.records, folded.removed), (2, 1), "yesterday's segment is covered and goes");
        let (snapshot, since) = known(folder, &ring, NOON + DAY).expect("known");
        assert_eq!((total(&snapshot), since.records), (7, 0));
        assert_eq!(Snapshot::decode(&snapshot.encode()), Ok(snapshot));
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
        fold(folder, &ring, 30, Epoch::of(NOON), NOON).expect("folded");
        write(folder, &ring, NOON);
        fold(folder, &ring, 30, Epoch::of(NOON), NOON).expect("folded");
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
        assert!(fold(folder, &ring, 30, Epoch::of(NOON), NOON).is_err());
    }

    #[test]
    fn what_is_old_is_forgotten_and_a_full_day_is_sampled() {
        let temp = tempfile::tempdir().expect("a folder");
        let (folder, ring) = (temp.path(), ring());
        write(folder, &ring, NOON);
        fold(folder, &ring, 30, Epoch::of(NOON + 31 * DAY), NOON + 31 * DAY).expect("folded");
        assert_eq!(total(&known(folder, &ring, NOON).expect("known").0), 0);
        let mut kept = [0, 0, 0];
        for _ in 0..10_000 {
            match journal::write(folder, &ring, Journal::Patterns, &record(NOON).encode(), NOON)
                .expect("fine")
            {
                journal::Kept::Written => kept[0] += 1,
                journal::Kept::WrittenAndFull => kept[1] += 1,
                journal::Kept::LeftOut => kept[2] += 1,
            }
        }
        let size = fs::lstat(&folder.join(Journal::Patterns.segment(ring.newest())))
            .expect("there")
            .expect("there")
            .size;
        assert!(size <= limits::JOURNAL_DAY_BYTES_MAX, "{size}");
        assert_eq!(kept[1], 1, "{kept:?}");
        assert!(kept[2] > 1_000, "{kept:?}");
    }
}
