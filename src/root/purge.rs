//! Removing the store itself, when nothing of ours is in the root any more.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::converge::Direction;
use super::locate::Scope;
use super::store::LockedRoot;
use super::{Error, Store, transaction};
use crate::sys::fs;

/// Removes `claude-sync/` and `learning/`, and the root if we made it and it is empty. What was
/// moved aside and could not go back to its place is somebody's: it stays in the root, and its
/// new place is returned.
///
/// # Errors
/// When something can't be removed; running it again goes on where it stopped.
pub fn purge(locked: LockedRoot, owns_root: bool) -> Result<Option<PathBuf>, Error> {
    // An uninstall that had only warnings may have left something to be tidied up; without its
    // store nobody could.
    transaction::recover(&locked, Some(Direction::Forward))?;
    let store = locked.store.clone();
    let kept = keep_displaced(&store)?;
    fs::remove_all(&store.root.path.join("learning"))?;
    if owns_root && !store.made_root()? {
        fs::write_new(&store.made_root_file(), b"", 0o600)?;
    }
    fs::remove_all(&store.gone())?;
    // Named away first, so that a kill halfway leaves nothing that looks like a store.
    fs::rename(&store.folder(), &store.gone())?;
    finish(&store)?;
    drop(locked);
    Ok(kept)
}

/// Removes `claude-sync/`, and the root if we made it and it is empty, where nothing was ever applied: an apply that
/// was refused has made it for nothing.
///
/// # Errors
/// When something can't be removed.
pub fn withdraw(locked: LockedRoot) -> Result<(), Error> {
    let store = locked.store.clone();
    let is_unused = store.numbers()?.is_empty()
        && store.current()?.is_none()
        && store.pending()?.is_none()
        && fs::lstat(&store.displaced(""))?.is_none();
    if !is_unused {
        return Ok(());
    }
    fs::remove_all(&store.gone())?;
    fs::rename(&store.folder(), &store.gone())?;
    finish(&store)?;
    drop(locked);
    Ok(())
}

/// Removes what a purge that was killed has left behind; whether there was anything.
///
/// # Errors
/// When something can't be removed.
pub fn finish(store: &Store) -> Result<bool, Error> {
    let gone = store.gone();
    if fs::lstat(&gone)?.is_none() {
        return Ok(false);
    }
    let made_root = gone.join("made-root");
    let owns_root = fs::lstat(&made_root)?.is_some();
    for name in fs::list_if_there(&gone)? {
        let path = gone.join(name);
        // Last, so that whoever goes on after a kill knows it as well.
        if path != made_root {
            fs::remove_all(&path)?;
        }
    }
    fs::remove_all(&gone)?;
    let root = &store.root.path;
    if owns_root && fs::list_if_there(root)?.is_empty() {
        match fs::remove_folder(root) {
            // Somebody has put something there just now: it stays.
            Err(error) if matches!(error.kind(), ErrorKind::DirectoryNotEmpty | ErrorKind::NotFound) => {}
            result => result?,
        }
    }
    Ok(true)
}

fn keep_displaced(store: &Store) -> Result<Option<PathBuf>, Error> {
    let displaced = store.displaced("");
    if fs::lstat(&displaced)?.is_none() || clear_empty(&displaced)? {
        return Ok(None);
    }
    // In a project it would be committed with the next `git add --all`.
    let ignore = displaced.join(".gitignore");
    if matches!(store.root.scope, Scope::Project(_)) && fs::lstat(&ignore)?.is_none() {
        fs::write_new(&ignore, b"*\n", 0o600)?;
    }
    let root = &store.root.path;
    let names = (1u32..).map(|n| match n {
        1 => root.join("claude-sync-displaced"),
        n => root.join(format!("claude-sync-displaced-{n}")),
    });
    for kept in names {
        match fs::rename_new(&displaced, &kept) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            result => return Ok(result.map(|()| Some(kept))?),
        }
    }
    Ok(None)
}

/// Removes the empty folders that were made for what was moved aside: named by a generation, and below it those
/// on the way to a managed path. Whether all of it went.
fn clear_empty(folder: &Path) -> Result<bool, Error> {
    let mut is_empty = true;
    for name in fs::list(folder)? {
        let path = folder.join(name);
        let is_folder = fs::lstat(&path)?.is_some_and(|stat| stat.kind == fs::Kind::Folder);
        is_empty &= is_folder && clear_empty(&path)?;
    }
    if is_empty {
        fs::remove_folder(folder)?;
    }
    Ok(is_empty)
}
