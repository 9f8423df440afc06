//! The disk as data, for planning. Reads only.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::{Path, PathBuf};

use super::{Error, Side, Store, shared};
use crate::document::{Fault, FaultKind, text};
use crate::generation::{State, folder_digest};
use crate::model::{Digest, DocumentId, InstallMode, Ledger, ManagedPath, limits, text::shell_path};
use crate::plan::tree::is_our_link;
use crate::plan::{Observation, Observed, ObservedDocument};
use crate::sys::env;
use crate::sys::fs::{self, Kind};

/// What lies there is nobody's to write.
const NIX_STORE: &str = "/nix/store";

/// Observes everything a plan from `base` to `desired` needs to know.
///
/// # Errors
/// When something can't be read, or a document is no regular file of one hop.
pub fn observe(store: &Store, base: Option<&Side>, desired: &State) -> Result<Observed, Error> {
    let nothing = Ledger::default();
    let ledger = base.map_or(&nothing, |side| &side.ledger);
    let known = ledger.tree.keys().chain(&ledger.gone);
    let paths: BTreeSet<&ManagedPath> = desired.installs.keys().chain(known).collect();
    let mut tree = BTreeMap::new();
    let mut folders = BTreeMap::new();
    // A root that we have made ourselves counts as not there.
    let root = if store.made_root()? { Observation::Absent } else { observe_folder(&store.root.path)? };
    folders.insert(String::new(), root);
    let mut listings = Listings::of(&paths);
    for path in paths {
        for parent in path.parents() {
            if !folders.contains_key(parent) {
                folders.insert(parent.to_owned(), observe_folder(&store.root.path.join(parent))?);
            }
        }
        let seen = match listings.has(store, path)? {
            true => observe_path(store, base.map(|side| &side.manifest.state), path)?,
            false => Observation::Absent,
        };
        let is_folder = desired.installs.get(path).is_some_and(|install| install.folder);
        let seen = match seen {
            Observation::Folder if is_folder => {
                Observation::Tree { digest: foreign_folder(path, &store.root.path.join(path.as_str())) }
            }
            seen => seen,
        };
        tree.insert(path.clone(), seen);
    }
    let ids: BTreeSet<DocumentId> =
        desired.documents.keys().chain(ledger.documents.keys()).copied().collect();
    let documents = ids.into_iter().map(|id| {
        let document = observe_document(store, id)?;
        // What we have entries in already can only be let go of.
        if document.text.is_some() && !ledger.documents.contains_key(&id) {
            shared::check(store, id, &document.path)?;
        }
        Ok((id, document))
    });
    let documents = documents.collect::<Result<_, Error>>()?;
    let displaced = displaced(store, ledger, desired)?;
    let first_links = first_links(store, ledger, &tree)?;
    let disabled = base.map(|side| disabled(store, side)).transpose()?.unwrap_or_default();
    Ok(Observed { tree, folders, documents, displaced, disabled, first_links, ..Observed::default() })
}

/// Files of ours that are to be run, and can't be any more.
fn disabled(store: &Store, side: &Side) -> Result<BTreeSet<ManagedPath>, Error> {
    let mut found = BTreeSet::new();
    for path in side.ledger.tree.keys() {
        if side.manifest.state.files.get(path).is_some_and(|record| record.executable)
            && fs::stat(&store.root.path.join(path.as_str()))?.is_some_and(|stat| stat.mode & 0o100 == 0)
        {
            found.insert(path.clone());
        }
    }
    Ok(found)
}

/// What was edited since it was written, and stands on a link of somebody's.
fn first_links(
    store: &Store,
    ledger: &Ledger,
    tree: &BTreeMap<ManagedPath, Observation>,
) -> Result<BTreeSet<ManagedPath>, Error> {
    let mut found = BTreeSet::new();
    for (path, row) in &ledger.tree {
        let Some(name) = row.how.aside() else { continue };
        let is_edited = tree.get(path).is_some_and(|seen| !seen.shows(row.digest));
        if is_edited && fs::lstat(&store.displaced(name))?.is_some_and(|stat| stat.kind == Kind::Link) {
            found.insert(path.clone());
        }
    }
    Ok(found)
}

/// What the links of folders stand on below which something else is declared.
fn displaced(
    store: &Store,
    ledger: &Ledger,
    desired: &State,
) -> Result<BTreeMap<ManagedPath, BTreeSet<ManagedPath>>, Error> {
    let mut found = BTreeMap::new();
    for (path, row) in &ledger.tree {
        let Some(name) = row.how.aside().filter(|_| row.mode == InstallMode::Link) else { continue };
        if path.below(&desired.installs).next().is_none() {
            continue;
        }
        let folder = store.displaced(name);
        if fs::lstat(&folder)?.is_some_and(|stat| stat.kind == Kind::Folder) {
            let below = fs::walk(&folder)?;
            let files =
                below.iter().filter_map(|file| ManagedPath::new(format!("{path}/{}", file.to_str()?)).ok());
            found.insert(path.clone(), files.collect());
        }
    }
    Ok(found)
}

/// The names in folders that are asked about often: one listing tells of a hundred paths that
/// nothing is there, where a look at each would be a call.
struct Listings<'a> {
    asked: BTreeMap<&'a str, usize>,
    /// In lower case, since some file systems hold `A` and `a` for one name; `None` where a name
    /// has letters of which we can't say what else they are taken for.
    names: BTreeMap<&'a str, Option<HashSet<String>>>,
}

impl<'a> Listings<'a> {
    /// Fewer paths than this in one folder are looked at one by one.
    const MANY: usize = 8;

    fn of(paths: &BTreeSet<&'a ManagedPath>) -> Self {
        let mut asked = BTreeMap::new();
        for path in paths {
            *asked.entry(split(path).0).or_insert(0) += 1;
        }
        Self { asked, names: BTreeMap::new() }
    }

    /// Whether anything can be at `path`.
    fn has(&mut self, store: &Store, path: &'a ManagedPath) -> Result<bool, Error> {
        let (folder, name) = split(path);
        if self.asked.get(folder).is_none_or(|asked| *asked < Self::MANY) {
            return Ok(true);
        }
        if !self.names.contains_key(folder) {
            let names = fs::list_if_there(&store.root.path.join(folder))?;
            self.names.insert(folder, names.iter().map(|name| plain(name.to_str()?)).collect());
        }
        let names = self.names.get(folder).and_then(Option::as_ref);
        Ok(names.zip(plain(name)).is_none_or(|(names, name)| names.contains(&name)))
    }
}

fn plain(name: &str) -> Option<String> {
    name.is_ascii().then(|| name.to_ascii_lowercase())
}

/// The folder and the name of a path.
fn split(path: &ManagedPath) -> (&str, &str) {
    path.as_str().rsplit_once('/').unwrap_or(("", path.as_str()))
}

fn observe_folder(path: &Path) -> Result<Observation, Error> {
    Ok(match fs::stat(path)? {
        Some(stat) if stat.kind == Kind::Folder => match fs::lstat(path)? {
            // The root may be a link to a folder; a folder in it may not: what we put there would
            // lie in somebody else's place, and our relative links would lead elsewhere.
            Some(own) if own.kind == Kind::Link => link_to_folder(path)?,
            _ => Observation::Folder,
        },
        Some(_) => Observation::Other,
        None if fs::lstat(path)?.is_some() => Observation::Other,
        None => Observation::Absent,
    })
}

fn link_to_folder(path: &Path) -> Result<Observation, Error> {
    let target = fs::read_link(path)?.to_string_lossy().into_owned();
    Ok(Observation::Link { target, digest: Some(Digest::of(b"")) })
}

/// What stands at one managed path.
///
/// # Errors
/// When it can't be read.
pub fn observe_path(store: &Store, base: Option<&State>, path: &ManagedPath) -> Result<Observation, Error> {
    let full = store.root.path.join(path.as_str());
    match fs::probe(&full)? {
        fs::Probe::Absent => return Ok(Observation::Absent),
        fs::Probe::Other => {}
        fs::Probe::Link(target) => {
            let target = target.to_string_lossy().into_owned();
            let digest = match base.filter(|_| is_our_link(path, &target)) {
                Some(state) => own_content(state, path, &full)?,
                None => foreign_content(path, &full)?,
            };
            return Ok(Observation::Link { target, digest });
        }
    }
    let Some(stat) = fs::lstat(&full)? else { return Ok(Observation::Absent) };
    Ok(match stat.kind {
        Kind::File => Observation::File { digest: Digest::of(&read_content(&full)?), mode: stat.mode },
        Kind::Folder => Observation::Folder,
        // A link that was made in between is not what was looked at.
        Kind::Link | Kind::Other => Observation::Other,
    })
}

fn read_content(path: &Path) -> Result<Vec<u8>, Error> {
    Ok(fs::read(path, limits::SOURCE_BYTES_MAX)?)
}

/// The digest behind a link of ours: by size and time where those are as staged, so that
/// thousands of untouched files are not read again; else by reading.
fn own_content(state: &State, path: &ManagedPath, full: &Path) -> Result<Option<Digest>, Error> {
    let Some(stat) = fs::stat(full)? else { return Ok(None) };
    if stat.kind != Kind::Folder {
        if let Some(record) = state.files.get(path)
            && (record.bytes, record.modified_ns) == (stat.size, stat.modified_ns)
        {
            return Ok(Some(record.digest));
        }
        return Ok(Some(Digest::of(&read_content(full)?)));
    }
    let mut listing = Vec::new();
    for below in fs::walk(full)? {
        let name = format!("{path}/{}", below.to_string_lossy());
        let file = full.join(&below);
        let Some(stat) = fs::lstat(&file)? else { continue };
        let record = ManagedPath::new(&*name).ok().and_then(|path| state.files.get(&path));
        let digest = match record {
            Some(record) if (record.bytes, record.modified_ns) == (stat.size, stat.modified_ns) => {
                record.digest
            }
            _ if stat.kind == Kind::File => Digest::of(&read_content(&file)?),
            _ => Digest::of(b"not a file"),
        };
        listing.push((name, digest, stat.mode & 0o111 != 0));
    }
    listing.sort();
    Ok(Some(folder_digest(listing.iter().map(|(name, digest, exec)| (name.as_str(), *digest, *exec)))))
}

/// Whether two paths show the same: equal files, or folders of equal files. Links count as
/// what they are; what is not there is like nothing.
///
/// # Errors
/// When something can't be read.
pub fn is_same_content(a: &Path, b: &Path) -> Result<bool, Error> {
    let kinds = (fs::lstat(a)?.map(|stat| stat.kind), fs::lstat(b)?.map(|stat| stat.kind));
    match kinds {
        (Some(Kind::File), Some(Kind::File)) => Ok(read_content(a)? == read_content(b)?),
        (Some(Kind::Link), Some(Kind::Link)) => Ok(fs::read_link(a)? == fs::read_link(b)?),
        (Some(Kind::Folder), Some(Kind::Folder)) => {
            let names = fs::list(a)?;
            if names != fs::list(b)? {
                return Ok(false);
            }
            for name in names {
                if !is_same_content(&a.join(&name), &b.join(&name))? {
                    return Ok(false);
                }
            }
            Ok(true)
        }
        _ => Ok(false),
    }
}

/// The digest of a folder that is not ours, as of one of ours that holds the same.
fn foreign_folder(path: &ManagedPath, full: &Path) -> Digest {
    // What can't be read is like nothing that is declared.
    own_content(&State::default(), path, full).ok().flatten().unwrap_or_else(|| Digest::of(b""))
}

fn foreign_content(path: &ManagedPath, full: &Path) -> Result<Option<Digest>, Error> {
    Ok(match fs::stat(full)?.map(|stat| stat.kind) {
        Some(Kind::File) => Some(Digest::of(&read_content(full)?)),
        Some(Kind::Folder) => Some(foreign_folder(path, full)),
        Some(_) => Some(Digest::of(b"")),
        None => None,
    })
}

/// Reads a document, through one link if it is one.
///
/// # Errors
/// When it is no regular file of at most one hop that we can replace, or no UTF-8.
pub fn observe_document(store: &Store, id: DocumentId) -> Result<ObservedDocument, Error> {
    let path = document_path(store, id)?;
    let Some(stat) = fs::lstat(&path)? else {
        return Ok(ObservedDocument { text: None, mode: 0o600, path });
    };
    read_at(id, path, stat)
}

fn read_at(id: DocumentId, path: PathBuf, stat: fs::Stat) -> Result<ObservedDocument, Error> {
    let fault = |path: PathBuf, kind| {
        let fault = Box::new(text::fault_at("", 0..0, kind));
        Error::Document { id, path, fault }
    };
    if stat.size > limits::DOCUMENT_READ_BYTES_MAX {
        return Err(fault(path, FaultKind::TooLarge(stat.size)));
    }
    let bytes = fs::read(&path, limits::DOCUMENT_READ_BYTES_MAX)?;
    match String::from_utf8(bytes) {
        Ok(text) => Ok(ObservedDocument { text: Some(text), mode: stat.mode, path }),
        Err(error) => {
            let valid =
                String::from_utf8_lossy(&error.as_bytes()[..error.utf8_error().valid_up_to()]).into_owned();
            let at = valid.len();
            let fault: Fault = text::fault_at(&valid, at..at, FaultKind::Encoding);
            Err(Error::Document { id, path, fault: Box::new(fault) })
        }
    }
}

/// Reads a document that is only to be looked at: through any links, and wherever it lies.
///
/// # Errors
/// When it can't be read, is too large, or is no UTF-8.
pub fn read_document(store: &Store, id: DocumentId) -> Result<ObservedDocument, Error> {
    let path = store.root.document(id);
    let Some(stat) = fs::stat(&path)? else { return Ok(ObservedDocument { text: None, mode: 0o600, path }) };
    read_at(id, path, stat)
}

/// The file that is a document: in the root, or where one link leads.
fn document_path(store: &Store, id: DocumentId) -> Result<PathBuf, Error> {
    let path = store.root.document(id);
    let refuse = |path: &Path, why, remedy: &str| {
        Err(Error::DocumentPlace { id, path: path.to_owned(), why, remedy: remedy.to_owned() })
    };
    let Some(stat) = fs::lstat(&path)? else { return Ok(path) };
    let (file, stat) = match stat.kind {
        Kind::Link => {
            let target = fs::read_link(&path)?;
            let folder = path.parent().unwrap_or(Path::new("/"));
            let target = super::locate::normal(&folder.join(target));
            match fs::lstat(&target)? {
                None => {
                    let remedy = "Remove the link, or make the file it leads to, then try again.";
                    return refuse(&path, "it is a link that leads nowhere", remedy);
                }
                Some(stat) if stat.kind == Kind::Link => {
                    let remedy = "Let it lead to the file directly, or put a regular file there. Claude Code \
                                  would replace the middle link and leave the real file stale.";
                    return refuse(&path, "it is a link to another link", remedy);
                }
                Some(stat) => (target, stat),
            }
        }
        _ => (path, stat),
    };
    match stat.kind {
        Kind::File if stat.links > 1 => {
            let remedy = "Make it a file of its own (cp it aside and back), then try again.";
            refuse(&file, "it has a second name (a hard link), which replacing it would cut off", remedy)
        }
        Kind::File if !can_replace(&file) => {
            let why = "it can't be replaced: its folder is read-only";
            let folder = file.parent().unwrap_or(Path::new("/"));
            if is_closed_by_us(folder)? {
                let folder = shell_path(folder, store.root.home.as_deref());
                return refuse(&file, why, &format!("Open the folder: chmod u+w {folder}"));
            }
            let remedy = "Put a regular, writable file there: Claude Code writes its own settings to it. \
                          A file from the Nix store can be copied: cp --remove-destination \"$(readlink -f FILE)\" FILE.";
            refuse(&file, why, remedy)
        }
        Kind::File => Ok(file),
        _ => refuse(&file, "it is not a regular file", "Move it away, then try again."),
    }
}

/// Whether a folder is our own, and its mode all that is in the way.
fn is_closed_by_us(folder: &Path) -> Result<bool, Error> {
    let is_closed = |stat: fs::Stat| stat.uid == env::uid() && stat.mode & 0o200 == 0;
    Ok(!folder.starts_with(NIX_STORE) && fs::stat(folder)?.is_some_and(is_closed))
}

fn can_replace(file: &Path) -> bool {
    let folder = file.parent().unwrap_or(Path::new("/"));
    !file.starts_with(NIX_STORE) && fs::is_writable(folder)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::root::locate::{Root, Scope};

    /// Many paths in one folder are told from its listing; that must see what single looks see.
    #[test]
    fn a_listing_sees_what_looks_see() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path();
        let store = Store::new(Root { path: root.to_owned(), scope: Scope::User, home: None });
        let names = ["plain", "Mixed", "z\u{fc}rich", "absent", "a", "b", "c", "d", "e"];
        let paths: Vec<_> = names.iter().map(|name| ManagedPath::new(*name).expect("valid")).collect();
        let see = |there: &[&str]| -> Vec<bool> {
            there.iter().for_each(|name| fs::write_new(&root.join(name), b"x", 0o600).expect("written"));
            let asked = paths.iter().collect();
            let mut listings = Listings::of(&asked);
            paths.iter().map(|path| listings.has(&store, path).expect("readable")).collect()
        };
        let f = false;
        assert_eq!(see(&[]), [f, f, true, f, f, f, f, f, f], "what we can't say of a name is looked at");
        assert_eq!(see(&["plain", "mixed"]), [true, true, true, f, f, f, f, f, f]);
        assert_eq!(see(&["\u{17f}"]), [true; 9], "a long s may be taken for an s");
    }
}
