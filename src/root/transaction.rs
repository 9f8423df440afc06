//! Commit, converge, verify. What becomes of one that was interrupted is `recovery`'s.
//!
//! Writing `pending` is the commit. From there on whoever comes next finds two whole
//! generations and decides: an apply that had *arrived* (its generation is current, every document
//! has what it declares) is finished; any other is undone. A process that dies and one that
//! fails leave the same bytes behind, so both are told the same: until it has arrived, it did not happen.

use super::converge::{Course, Direction, converge, has_arrived};
pub use super::recovery::{Recovered, recover};
use super::stage::Staged;
use super::store::{LockedRoot, Side};
use super::{Error, observe, sealed, stage, swap};
use crate::generation::{self, Pending};
use crate::model::{DocumentId, Generation, InstallMode, Ledger};
use crate::plan::Observation;
use crate::plan::tree::link_text;
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
    write_pending(locked, Pending { format: generation::FORMAT_PLAIN, from, to })
        .map_err(|cause| abandon(locked, &new, cause))?;
    let there = converge(locked, Course { old, new: &new, direction: Direction::Forward })
        .and_then(|ledger| verify(locked, &new, &ledger, Contents::Staged).map(|()| ledger));
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

pub(super) fn write_pending(locked: &LockedRoot, pending: Pending) -> Result<(), Error> {
    let store = &locked.store;
    let temporary = store.folder().join("pending.new");
    fs::remove_all(&temporary)?;
    fs::write_new(&temporary, &generation::write(&pending), 0o600)?;
    locked.sync(&temporary)?;
    fs::rename(&temporary, &store.pending_file())?;
    locked.sync(&store.folder())
}

/// Takes back a commit that failed: nothing has been converged yet.
fn abandon(locked: &LockedRoot, new: &Side, cause: Error) -> Error {
    if let Err(second) = fs::remove_file(&locked.store.pending_file()) {
        let is_there = fs::lstat(&locked.store.pending_file()).is_ok_and(|stat| stat.is_some());
        if is_there {
            return Error::Stuck { cause: Box::new(cause), second: Box::new(second.into()) };
        }
    }
    let _ = clear_swaps(locked, new);
    let _ = forget_generation(locked, new.manifest.generation);
    cause
}

/// What is known of the contents behind links.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Contents {
    /// This process has just staged them, and no write failed: looking again tells nothing new.
    Staged,
    /// A crash may have torn them.
    Unknown,
}

/// Whether everything is as planned; what others did to a document meanwhile was merged.
pub(super) fn verify(
    locked: &LockedRoot,
    new: &Side,
    ledger: &Ledger,
    contents: Contents,
) -> Result<(), Error> {
    let store = &locked.store;
    if store.current()? != Some(new.manifest.generation) {
        return Err(Error::Busy(store.current_link()));
    }
    for (path, row) in &ledger.tree {
        let is_right = if (row.mode, contents) == (InstallMode::Link, Contents::Staged) {
            let full = store.root.path.join(path.as_str());
            matches!(fs::probe(&full)?, fs::Probe::Link(target) if target.as_os_str() == link_text(path).as_str())
        } else {
            match (observe::observe_path(store, Some(&new.manifest.state), path)?, row.mode) {
                (Observation::Link { target, digest }, InstallMode::Link) => {
                    target == link_text(path) && digest == Some(row.digest)
                }
                (Observation::File { digest, .. }, InstallMode::Copy) => digest == row.digest,
                _ => false,
            }
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
        note(forget_texts(locked, new.manifest.generation));
        note(clear_swaps(locked, new));
    }
    warnings
}

pub(super) fn settle_ledger(locked: &LockedRoot, side: &Side, ledger: &Ledger) -> Result<(), Error> {
    let folder = locked.store.generation(side.manifest.generation);
    let temporary = folder.join("ledger.new");
    fs::remove_all(&temporary)?;
    if side.ledger == *ledger {
        return Ok(());
    }
    let file = sealed::file(locked, ledger)?;
    fs::write_new(&temporary, &generation::write(&file), 0o600)?;
    locked.sync(&temporary)?;
    fs::rename(&temporary, &folder.join("ledger.json"))?;
    locked.sync(&folder)
}

pub(super) fn forget_pending(locked: &LockedRoot) -> Result<(), Error> {
    locked.sync(&locked.store.root.path)?;
    locked.sync(&locked.store.folder())?;
    fs::remove_file(&locked.store.pending_file())?;
    locked.sync(&locked.store.folder())
}

/// Removes the bytes kept of documents that have secrets in them, and of the client's own state, which holds more
/// than settings: what undoes the apply from here on is the ledger.
pub(super) fn forget_texts(locked: &LockedRoot, number: Generation) -> Result<(), Error> {
    let folder = locked.store.generation(number).join("documents");
    let names = fs::list_if_there(&folder)?;
    let is_there = |name: &str| names.iter().any(|own| own == name);
    for id in DocumentId::ALL {
        let secret = format!("{id}.{}", stage::SECRET);
        if id.is_settings() && !is_there(&secret) {
            continue;
        }
        for name in [format!("{id}.before"), format!("{id}.after"), secret] {
            if is_there(&name) {
                fs::remove_file(&folder.join(name))?;
            }
        }
    }
    Ok(())
}

pub(super) fn clear_swaps(locked: &LockedRoot, new: &Side) -> Result<(), Error> {
    for record in new.manifest.documents.values() {
        swap::clear(std::path::Path::new(&record.path))?;
    }
    for id in DocumentId::ALL {
        swap::clear(&locked.store.root.document(id))?;
    }
    Ok(())
}

pub(super) fn go_back(locked: &LockedRoot, old: Option<&Side>, new: &Side) -> Result<(), Error> {
    let ledger = converge(locked, Course { old, new, direction: Direction::Back })?;
    if let Some(old) = old {
        settle_ledger(locked, old, &ledger)?;
    }
    forget_pending(locked)?;
    // It is undone. What is tidying up from here on, the next cs does if we can't.
    let _ = clear_swaps(locked, new);
    // It never was: nothing refers to it any more, and what it moved aside is back.
    let _ = forget_generation(locked, new.manifest.generation);
    Ok(())
}

/// Removes a generation that never was, and what was kept for it: copies of what is still in its
/// place, and our own links.
pub(super) fn forget_generation(locked: &LockedRoot, number: Generation) -> Result<(), Error> {
    let store = &locked.store;
    fs::remove_all(&store.generation(number))?;
    fs::remove_all(&store.displaced(&number.to_string()))?;
    let displaced = store.displaced("");
    if fs::lstat(&displaced)?.is_some() && fs::list(&displaced)?.is_empty() {
        fs::remove_folder(&displaced)?;
    }
    Ok(())
}
