//! Profiles from git repositories: fetched once, pinned to a commit, read from its objects.
//!
//! Nothing is checked out: a file of a remote profile is read by its name in the commit, so what is
//! applied is what the commit says, whatever lies about on this machine. What was fetched is kept in a
//! cache outside the root; when that is lost, exactly the pinned commits are fetched again.
//!
//! A pin is a person's word for a commit: it is written when somebody has seen what the commit holds and
//! said yes. What is not pinned is looked up anew each time.

pub mod git;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use git::{Blob, BlobKind, Git};

use crate::model::Digest;
use crate::profile::lock::{Lock, Pin};
use crate::profile::remote::Remote;
use crate::profile::{FileRead, ReadError};
use crate::sys::process::Talk;
use crate::sys::{env, fs};

/// Why a remote profile can't be had.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("git is not installed, and remote profiles come through it")]
    NoGit,
    #[error("{repository} can't be reached: {said}")]
    Unreachable { repository: String, said: String },
    #[error("{repository} refused the push: {said}")]
    PushRefused { repository: String, said: String },
    #[error("nothing could be pushed to {repository}: {said}")]
    PushFailed { repository: String, said: String },
    #[error("{repository} has no branch or tag {reference}")]
    NoSuchReference { repository: String, reference: String },
    #[error("{repository} has no commit {commit} any more, and it is not on this machine")]
    Gone { repository: String, commit: String },
    #[error("git {what} failed: {said}")]
    Git { what: String, said: String },
    #[error("{} can't be used: {why}", path.display())]
    Lock { path: PathBuf, why: String },
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

impl Error {
    /// What to do about it.
    #[must_use]
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::NoGit => "install git, or use a profile that lies on this machine",
            Self::Unreachable { .. } => {
                "look whether the network is there and you may read it: git ls-remote with the same URL"
            }
            Self::PushRefused { .. } | Self::PushFailed { .. } => {
                "look whether you may write there, and whether there is room on its disk"
            }
            Self::NoSuchReference { .. } => "?ref= names a branch, a tag or a whole commit",
            Self::Gone { .. } => {
                "its history was rewritten; cs update pins what is there now, and shows it first"
            }
            Self::Git { .. } => "if it fails again, remove ~/.cache/claude-sync: it is fetched anew",
            Self::Lock { .. } => "correct it, or remove it and pin anew: apply shows everything and asks",
            Self::Io(_) => "look at the disk and who may read there",
        }
    }
}

/// A repository at a commit, as it was used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Used {
    pub remote: Remote,
    /// All its digits.
    pub commit: String,
    /// What the lock says; `None` where there is no pin yet.
    pub pinned: Option<String>,
}

impl Used {
    /// Nobody has said yes to this commit.
    #[must_use]
    pub fn is_new(&self) -> bool {
        self.pinned.as_ref() != Some(&self.commit)
    }
}

/// Which commits are used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Policy {
    /// Those in the lock; the newest of what is not in it.
    Pinned,
    /// Those in the lock, and only what is here already: nobody goes to the network.
    Offline,
    /// The newest of each repository whose name holds one of these; of every one if there are none.
    Newest(Vec<String>),
}

/// Every repository that a profile asks for.
#[derive(Debug)]
pub struct Remotes {
    lock: Lock,
    policy: Policy,
    cache: PathBuf,
    trees: RefCell<BTreeMap<PathBuf, Tree>>,
    used: RefCell<Vec<Used>>,
}

/// One commit's files.
#[derive(Debug)]
struct Tree {
    files: BTreeMap<PathBuf, Blob>,
    reader: Talk,
}

/// The lock at `path`; none is an empty one.
///
/// # Errors
/// When it can't be read.
pub fn read_lock(path: &Path) -> Result<Lock, Error> {
    /// A pin is some 150 bytes.
    const BYTES_MAX: u64 = 1 << 20;
    let Some(bytes) = fs::read_if_there(path, BYTES_MAX)? else { return Ok(Lock::default()) };
    let parsed = String::from_utf8(bytes).map_err(|_| "it is not UTF-8".to_owned());
    parsed.and_then(|text| Lock::parse(&text)).map_err(|why| Error::Lock { path: path.to_owned(), why })
}

/// Puts a lock in the place of the one at `path`.
fn write_lock(path: &Path, lock: &Lock) -> Result<(), Error> {
    // A link stays one.
    let path = &fs::canonical(path).unwrap_or_else(|_| path.to_owned());
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    let temporary = PathBuf::from(name);
    fs::remove_file(&temporary)?;
    fs::write_new(&temporary, lock.print().as_bytes(), 0o644)?;
    fs::sync(&temporary)?;
    fs::rename(&temporary, path)?;
    if let Some(folder) = path.parent() {
        fs::sync(folder)?;
    }
    Ok(())
}

/// Where what was fetched is kept; `None` without a home.
#[must_use]
pub fn cache() -> Option<PathBuf> {
    let cache = env::var("XDG_CACHE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    Some(cache.or_else(|| Some(env::home()?.join(".cache")))?.join("claude-sync"))
}

/// In the cache, where the folder that it is in was made for it.
const MADE_ABOVE: &str = "made-above";

/// Makes `folder` of the cache, and remembers whether there was a folder for caches before.
fn make_cache(folder: &Path) -> Result<(), Error> {
    let Some(cache) = folder.parent() else { return Ok(fs::make_folders(folder, 0o700)?) };
    let is_first = cache.parent().map(fs::lstat).transpose()?.flatten().is_none();
    fs::make_folders(folder, 0o700)?;
    let mark = cache.join(MADE_ABOVE);
    if is_first && fs::lstat(&mark)?.is_none() {
        fs::write_new(&mark, b"", 0o600)?;
    }
    Ok(())
}

/// Removes the cache, and the folder for caches if it was made for it and nobody else uses it.
///
/// # Errors
/// When something can't be removed.
pub fn clear_cache() -> Result<(), Error> {
    let Some(cache) = cache() else { return Ok(()) };
    let was_made = fs::lstat(&cache.join(MADE_ABOVE))?.is_some();
    fs::remove_all(&cache)?;
    if let Some(above) = cache.parent().filter(|_| was_made)
        && fs::list_if_there(above)?.is_empty()
        && fs::lstat(above)?.is_some()
    {
        fs::remove_folder(above)?;
    }
    Ok(())
}

impl Remotes {
    /// By a lock and a policy.
    #[must_use]
    pub fn new(lock: Lock, policy: Policy, cache: PathBuf) -> Self {
        Self { lock, policy, cache, trees: RefCell::default(), used: RefCell::default() }
    }

    /// What was used, in the order it was asked for.
    #[must_use]
    pub fn used(&self) -> Vec<Used> {
        self.used.borrow().clone()
    }

    /// The name that the files of `remote` are found below.
    ///
    /// # Errors
    /// When it can't be had.
    pub fn tree(&self, remote: &Remote) -> Result<PathBuf, Error> {
        let same = |used: &&Used| used.remote.repository() == remote.repository();
        if let Some(used) = self.used.borrow().iter().find(same) {
            return Ok(root(remote, &used.commit));
        }
        if self.policy == Policy::Offline && fs::stat(&self.folder(remote))?.is_none() {
            return Err(Self::absent(remote));
        }
        let git = self.git(remote)?;
        let pinned = self.lock.commit(remote).map(str::to_owned);
        let (commit, name) = match (&pinned, self.is_moved(remote)) {
            (Some(commit), false) => (commit.clone(), None),
            _ if self.policy == Policy::Offline => return Err(Self::absent(remote)),
            _ => {
                let (commit, name) = git.newest(remote)?;
                (commit, Some(name))
            }
        };
        let git = self.sound(git, remote, &commit, name.as_deref())?;
        let root = root(remote, &commit);
        let files = git.files(&commit)?.into_iter().map(|(path, blob)| (PathBuf::from(path), blob)).collect();
        self.trees.borrow_mut().insert(root.clone(), Tree { files, reader: git.reader()? });
        self.used.borrow_mut().push(Used { remote: remote.clone(), commit, pinned });
        Ok(root)
    }

    /// With the commit, as it was committed: what is damaged is thrown away and fetched again.
    fn sound(&self, git: Git, remote: &Remote, commit: &str, name: Option<&str>) -> Result<Git, Error> {
        let has = git.has(commit)?;
        if has && git.is_sound(commit)? {
            return Ok(git);
        }
        if self.policy == Policy::Offline {
            return Err(Self::absent(remote));
        }
        let git = if has {
            fs::remove_all(&self.folder(remote))?;
            self.git(remote)?
        } else {
            git
        };
        git.fetch(remote, commit, name)?;
        if git.is_sound(commit)? {
            return Ok(git);
        }
        Err(Error::Git { what: "fetch".to_owned(), said: "what came is damaged".to_owned() })
    }

    fn absent(remote: &Remote) -> Error {
        let said = "it is not on this machine, and this goes nowhere for it".to_owned();
        Error::Unreachable { repository: remote.repository(), said }
    }

    fn is_moved(&self, remote: &Remote) -> bool {
        match &self.policy {
            Policy::Pinned | Policy::Offline => false,
            Policy::Newest(names) => names.is_empty() || names.iter().any(|name| is_meant(remote, name)),
        }
    }

    fn git(&self, remote: &Remote) -> Result<Git, Error> {
        Git::open(&self.folder(remote))
    }

    /// One for each repository: what one of them sends is never taken for another's.
    fn folder(&self, remote: &Remote) -> PathBuf {
        let name = Digest::of(remote.url.as_bytes()).to_string();
        self.cache.join("git").join(format!("{}.git", &name[..16]))
    }

    /// What came between two commits of a repository, one line each; at most so many.
    ///
    /// # Errors
    /// When it can't be read.
    pub fn log(&self, remote: &Remote, from: &str, to: &str, most: usize) -> Result<Vec<String>, Error> {
        let git = self.git(remote)?;
        // The old one may never have been here, or be gone there: then there is nothing to list.
        if !git.has(from)? && git.fetch(remote, from, None).is_err() {
            return Ok(Vec::new());
        }
        git.log(from, to, most)
    }

    /// The file at `path`, if that lies in a repository that was asked for.
    pub fn read(&self, path: &Path, bytes_max: u64) -> Option<Result<FileRead, ReadError>> {
        let mut trees = self.trees.borrow_mut();
        let (tree, inner) = found(&mut trees, path)?;
        Some(tree.read(inner, bytes_max))
    }

    /// The files below `folder`, if that lies in a repository that was asked for.
    pub fn walk(&self, folder: &Path) -> Option<Result<Vec<PathBuf>, ReadError>> {
        let mut trees = self.trees.borrow_mut();
        let (tree, inner) = found(&mut trees, folder)?;
        if tree.files.contains_key(inner) {
            return Some(Err(ReadError::Other("it is not a folder".to_owned())));
        }
        let below = tree.files.keys().filter_map(|path| path.strip_prefix(inner).ok());
        let below: Vec<PathBuf> = below.map(Path::to_owned).collect();
        Some(if below.is_empty() { Err(ReadError::NotFound) } else { Ok(below) })
    }

    /// Whether anything is at `path`, if that lies in a repository that was asked for.
    pub fn exists(&self, path: &Path) -> Option<bool> {
        let mut trees = self.trees.borrow_mut();
        let (tree, inner) = found(&mut trees, path)?;
        Some(tree.files.contains_key(inner) || tree.is_folder(inner))
    }
}

fn found<'a, 'b>(trees: &'a mut BTreeMap<PathBuf, Tree>, path: &'b Path) -> Option<(&'a mut Tree, &'b Path)> {
    trees.iter_mut().find_map(|(root, tree)| Some((tree, path.strip_prefix(root).ok()?)))
}

impl Tree {
    fn is_folder(&self, path: &Path) -> bool {
        self.files.keys().any(|file| file != path && file.starts_with(path))
    }

    fn read(&mut self, path: &Path, bytes_max: u64) -> Result<FileRead, ReadError> {
        let Some(blob) = self.files.get(path) else {
            return Err(if self.is_folder(path) { ReadError::IsFolder } else { ReadError::NotFound });
        };
        let executable = match blob.kind {
            BlobKind::File => false,
            BlobKind::Program => true,
            // Where it points is decided on the machine it is read on, and that is none.
            BlobKind::Link => {
                let why = "it is a symbolic link, and these are not followed in a remote profile";
                return Err(ReadError::Other(why.to_owned()));
            }
            BlobKind::Module => {
                return Err(ReadError::Other(
                    "it is another repository, and that was not fetched".to_owned(),
                ));
            }
        };
        if blob.bytes > bytes_max {
            return Err(ReadError::TooLarge { bytes: blob.bytes });
        }
        let bytes =
            git::content(&mut self.reader, blob).map_err(|error| ReadError::Other(error.to_string()))?;
        Ok(FileRead { bytes, executable })
    }
}

/// Whether somebody who typed `name` means `remote`: it is part of the repository's name. The path behind a `#`, which
/// a profile has and a pin has not, may be typed along.
#[must_use]
pub fn is_meant(remote: &Remote, name: &str) -> bool {
    let name = name.split('#').next().unwrap_or_default();
    !name.is_empty() && remote.repository().contains(name)
}

/// No path of this machine begins like this: the name says where a file comes from.
fn root(remote: &Remote, commit: &str) -> PathBuf {
    PathBuf::from(format!("git+{}@{commit}", remote.url))
}

/// Pins what was used in the lock at `path`. What else is pinned there may be another profile's, and stays.
///
/// # Errors
/// When it can't be read or written.
pub fn pin(path: &Path, used: &[Used]) -> Result<(), Error> {
    let mut lock = read_lock(path)?;
    for Used { remote, commit, .. } in used {
        let (url, reference) = (remote.url.clone(), remote.reference.clone());
        lock.set(Pin { url, reference, commit: commit.clone() });
    }
    write_lock(path, &lock)
}
