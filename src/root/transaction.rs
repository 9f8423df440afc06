//! Commit, converge, verify; and what to do when that was interrupted.
//!
//! Writing `pending` is the commit. From there on whoever comes next finds two whole
//! generations and decides: an apply that had *arrived* (its generation is current, every document
//! has what it declares) is finished; any other is undone. A process that dies and one that
//! fails leave the same bytes behind, so both are told the same: until it has arrived, it did not happen.

use std::collections::BTreeSet;

use super::converge::{Course, Direction, converge, has_arrived};
use super::stage::Staged;
use super::store::{LockedRoot, Side, Store};
use super::{Error, observe, swap};
use crate::generation::{self, LedgerFile, Pending};
use crate::model::{Digest, DocumentId, Generation, InstallMode, Ledger, ManagedPath};
use crate::plan::tree::{is_our_link, link_text};
use crate::plan::{Observation, Plan, PlanInput};
use crate::sys::fs;

/// What an apply came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied {
    pub generation: Generation,
    /// Things that went wrong after it had happened.
    pub warnings: Vec<String>,
}

/// Commits a staged generation and converges to it.
///
/// # Errors
/// [`Error::Undone`] when it failed and everything is as before; [`Error::Stuck`] when going
/// back failed too, and the next `cs` will do it.
pub fn commit(locked: &LockedRoot, old: Option<&Side>, staged: Staged) -> Result<Applied, Error> {
    let new = staged.side;
    let to = new.manifest.generation;
    let from = old.map(|side| side.manifest.generation);
    write_pending(locked, Pending { format: generation::FORMAT, from, to })?;
    let there = converge(locked, Course { old, new: &new, direction: Direction::Forward })
        .and_then(|ledger| verify(locked, &new, &ledger).map(|()| ledger));
    match there {
        Ok(ledger) => Ok(Applied { generation: to, warnings: finish(locked, &new, &ledger) }),
        Err(cause) if has_arrived(locked, old, &new).unwrap_or(false) => {
            let warnings = vec![format!("{cause}; it will be tidied up by the next cs")];
            Ok(Applied { generation: to, warnings })
        }
        Err(cause) => {
            let cause = Box::new(cause);
            match go_back(locked, old, &new) {
                Ok(()) => Err(Error::Undone { cause, back_at: from }),
                Err(second) => Err(Error::Stuck { cause, second: Box::new(second) }),
            }
        }
    }
}

fn write_pending(locked: &LockedRoot, pending: Pending) -> Result<(), Error> {
    let store = &locked.store;
    let temporary = store.folder().join("pending.new");
    fs::remove_all(&temporary)?;
    fs::write_new(&temporary, &generation::write(&pending), 0o600)?;
    locked.sync(&temporary)?;
    fs::rename(&temporary, &store.pending_file())?;
    locked.sync(&store.folder())
}

/// Whether everything is as planned; what others did to a document meanwhile was merged.
fn verify(locked: &LockedRoot, new: &Side, ledger: &Ledger) -> Result<(), Error> {
    let store = &locked.store;
    if store.current()? != Some(new.manifest.generation) {
        return Err(Error::Busy(store.current_link()));
    }
    let arrived = Side { manifest: new.manifest.clone(), ledger: ledger.clone() };
    for (path, row) in &ledger.tree {
        let seen = observe::observe_path(store, Some(&arrived), path)?;
        let is_right = match (&seen, row.mode) {
            (Observation::Link { target, digest }, InstallMode::Link) => {
                *target == link_text(path) && *digest == Some(row.digest)
            }
            (Observation::File { digest, .. }, InstallMode::Copy) => *digest == row.digest,
            _ => false,
        };
        if !is_right {
            return Err(Error::InTheWay(store.root.path.join(path.as_str())));
        }
    }
    Ok(())
}

/// Everything is in place: the ledger says so, `pending` goes. Errors are warnings from here on.
fn finish(locked: &LockedRoot, new: &Side, ledger: &Ledger) -> Vec<String> {
    let mut warnings = Vec::new();
    let mut note = |result: Result<(), Error>| {
        if let Err(error) = result {
            warnings.push(format!("{error}; it will be tidied up by the next cs"));
        }
    };
    let written = settle_ledger(locked, new, ledger);
    let is_written = written.is_ok();
    note(written);
    if is_written {
        note(forget_pending(locked));
        note(clear_swaps(locked, new));
    }
    warnings
}

fn settle_ledger(locked: &LockedRoot, side: &Side, ledger: &Ledger) -> Result<(), Error> {
    let folder = locked.store.generation(side.manifest.generation);
    let temporary = folder.join("ledger.new");
    fs::remove_all(&temporary)?;
    if side.ledger == *ledger {
        return Ok(());
    }
    let file = LedgerFile { format: generation::FORMAT, ledger: ledger.clone() };
    fs::write_new(&temporary, &generation::write(&file), 0o600)?;
    locked.sync(&temporary)?;
    fs::rename(&temporary, &folder.join("ledger.json"))?;
    locked.sync(&folder)
}

fn forget_pending(locked: &LockedRoot) -> Result<(), Error> {
    locked.sync(&locked.store.root.path)?;
    locked.sync(&locked.store.folder())?;
    fs::remove_file(&locked.store.pending_file())?;
    locked.sync(&locked.store.folder())
}

fn clear_swaps(locked: &LockedRoot, new: &Side) -> Result<(), Error> {
    for record in new.manifest.documents.values() {
        swap::clear(std::path::Path::new(&record.path))?;
    }
    for id in DocumentId::ALL {
        swap::clear(&locked.store.root.path.join(id.name()))?;
    }
    Ok(())
}

fn go_back(locked: &LockedRoot, old: Option<&Side>, new: &Side) -> Result<(), Error> {
    let ledger = converge(locked, Course { old, new, direction: Direction::Back })?;
    if let Some(old) = old {
        settle_ledger(locked, old, &ledger)?;
    }
    forget_pending(locked)?;
    clear_swaps(locked, new)?;
    // It never was: nothing refers to it any more, and what it moved aside is back.
    forget_generation(locked, new.manifest.generation)
}

/// Removes a generation that never was, and what was kept for it: copies of what is still in its
/// place, and our own links.
fn forget_generation(locked: &LockedRoot, number: Generation) -> Result<(), Error> {
    let store = &locked.store;
    fs::remove_all(&store.generation(number))?;
    fs::remove_all(&store.displaced(&number.to_string()))?;
    let displaced = store.displaced("");
    if fs::lstat(&displaced)?.is_some() && fs::list(&displaced)?.is_empty() {
        fs::remove_folder(&displaced)?;
    }
    Ok(())
}

/// What is done about an interrupted apply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recovered {
    /// There was none.
    Nothing,
    /// It had arrived, or was asked to be finished.
    Finished(Generation),
    /// It was undone; this is current again.
    Undone { was: Generation, back_at: Option<Generation> },
}

/// Finishes or undoes what is pending, and removes what a run that died before its commit
/// left behind.
///
/// # Errors
/// [`Error::Undecided`] when it can't be told or done.
pub fn recover(locked: &LockedRoot, asked: Option<Direction>) -> Result<Recovered, Error> {
    let recovered = match locked.store.pending()? {
        None => Recovered::Nothing,
        Some(pending) => settle_pending(locked, pending, asked)?,
    };
    leftovers(locked)?;
    Ok(recovered)
}

fn settle_pending(
    locked: &LockedRoot,
    pending: Pending,
    asked: Option<Direction>,
) -> Result<Recovered, Error> {
    let store = &locked.store;
    let undecided = |error: Error| Error::Undecided { to: pending.to, why: error.to_string() };
    let new = store.side(pending.to).map_err(undecided)?;
    let old = pending.from.map(|number| store.side(number)).transpose().map_err(undecided)?;
    let old = old.as_ref();
    let direction = match asked {
        Some(direction) => direction,
        None if has_arrived(locked, old, &new).map_err(undecided)? => Direction::Forward,
        None => Direction::Back,
    };
    match direction {
        Direction::Back => {
            go_back(locked, old, &new).map_err(undecided)?;
            Ok(Recovered::Undone { was: pending.to, back_at: pending.from })
        }
        Direction::Forward => {
            let ledger = converge(locked, Course { old, new: &new, direction }).map_err(undecided)?;
            verify(locked, &new, &ledger).map_err(undecided)?;
            settle_ledger(locked, &new, &ledger)?;
            forget_pending(locked)?;
            clear_swaps(locked, &new)?;
            Ok(Recovered::Finished(pending.to))
        }
    }
}

/// Without a `pending`, a staging folder, a generation past the current one that nobody committed,
/// and swap files are leftovers.
fn leftovers(locked: &LockedRoot) -> Result<(), Error> {
    let store = &locked.store;
    fs::remove_all(&store.gone())?;
    for name in fs::list(&store.generations())? {
        let is_going = name.to_str().is_some_and(|name| name == ".staging" || name.starts_with(".gone-"));
        if is_going {
            fs::remove_all(&store.generations().join(name))?;
        }
    }
    let current = store.current()?;
    if current.is_some() || is_virgin(store)? {
        for number in uncommitted(store, current)? {
            forget_generation(locked, number)?;
        }
    }
    if let Some(current) = current {
        fs::remove_all(&store.generation(current).join("ledger.new"))?;
    }
    for name in ["current.new", "pending.new"] {
        fs::remove_all(&store.folder().join(name))?;
    }
    for id in DocumentId::ALL {
        swap::clear(&store.root.path.join(id.name()))?;
        if let Ok(document) = observe::observe_document(store, id) {
            swap::clear(&document.path)?;
        }
    }
    Ok(())
}

/// Numbers past the current one: of generations, and of what was kept for one.
fn uncommitted(store: &Store, current: Option<Generation>) -> Result<BTreeSet<Generation>, Error> {
    let mut numbers: BTreeSet<Generation> = store.numbers()?.into_iter().collect();
    if fs::lstat(&store.displaced(""))?.is_some() {
        let names = fs::list(&store.displaced(""))?;
        numbers.extend(names.iter().filter_map(|name| Generation::parse(name.to_str()?)));
    }
    numbers.retain(|number| current.is_none_or(|current| *number > current));
    Ok(numbers)
}

/// Whether nothing was ever committed, as opposed to: `current` was lost. Then there is at most
/// the first generation, and nothing of it is in the root.
fn is_virgin(store: &Store) -> Result<bool, Error> {
    match store.numbers()?.as_slice() {
        [] => Ok(true),
        [Generation::FIRST] => {
            let Ok(side) = store.side(Generation::FIRST) else { return Ok(true) };
            let is_linked = |path: &ManagedPath| -> Result<bool, Error> {
                let seen = observe::observe_path(store, Some(&side), path)?;
                Ok(matches!(seen, Observation::Link { target, .. } if is_our_link(path, &target)))
            };
            for path in side.ledger.tree.keys() {
                if is_linked(path)? {
                    return Ok(false);
                }
            }
            for (id, own) in &side.ledger.documents {
                let Ok(document) = observe::observe_document(store, *id) else { return Ok(false) };
                let digest = document.text.map(|text| Digest::of(text.as_bytes()));
                if digest == own.wrote && side.manifest.documents.contains_key(id) {
                    return Ok(false);
                }
            }
            Ok(true)
        }
        _ => Ok(false),
    }
}

/// The parts of a plan's input that a root knows.
#[must_use]
pub fn is_current(plan: &Plan, input: &PlanInput<'_>) -> bool {
    plan.from == input.base.map(|base| base.generation)
}
