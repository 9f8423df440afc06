//! Two roots over one document: each would take the other's entries for the user's.
//!
//! Links make it possible (a hard link is refused anyway). Which roots there are is known nowhere;
//! those looked at are the usual one, the one the environment names, and the one a link leads into.

use std::path::{Path, PathBuf};

use super::locate::{Root, Scope};
use super::{Error, Store};
use crate::model::DocumentId;
use crate::sys::{env, fs};

/// Refuses a document that another root has entries in. `file` is where it lies, behind a link if
/// there is one.
///
/// # Errors
/// As said, or when the file or our own root can't be looked at.
pub(super) fn check(store: &Store, id: DocumentId, file: &Path) -> Result<(), Error> {
    let (Some(own), Some(stat)) = (fs::stat(&store.root.path)?, fs::stat(file)?) else { return Ok(()) };
    for path in others(&store.root, file) {
        // What can't be read there is not our concern here.
        let Ok(Some(folder)) = fs::stat(&path) else { continue };
        if (folder.device, folder.inode) == (own.device, own.inode) {
            continue;
        }
        let root = Root { path, scope: Scope::User, home: store.root.home.clone() };
        let Ok(Some(side)) = Store::new(root.clone()).current_side() else { continue };
        let is_it = |other: &&DocumentId| {
            let seen = fs::stat(&root.document(**other));
            seen.is_ok_and(|seen| seen.is_some_and(|s| (s.device, s.inode) == (stat.device, stat.inode)))
        };
        if side.ledger.documents.keys().any(|other| is_it(&other)) {
            return Err(Error::SharedDocument { id, path: file.to_owned(), other: root.path });
        }
    }
    Ok(())
}

/// Roots that may be there beside `root`.
fn others(root: &Root, file: &Path) -> impl Iterator<Item = PathBuf> {
    let usual = root.home.as_ref().map(|home| home.join(".claude"));
    let named = env::var("CLAUDE_CONFIG_DIR").map(PathBuf::from).filter(|path| path.is_absolute());
    let around = file.parent().map(Path::to_owned);
    let own = root.path.clone();
    [usual, named, around].into_iter().flatten().filter(move |path| *path != own)
}
