//! What lies under `claude-sync/`: generations, which one is current, and what is pending.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::{Error, Root, sealed};
use crate::generation::{self, LedgerFile, Manifest, Pending, retention::Candidate};
use crate::model::{Generation, Ledger, limits};
use crate::sys::{clock, env, fs};

/// A manifest larger than this is damaged: one entry takes some 300 bytes.
const STORE_FILE_BYTES_MAX: u64 = 256 << 20;

/// Files in `claude-sync/` that are written and then take another's place: what is left of an interrupted run.
pub const UNFINISHED: [&str; 6] =
    ["current.new", "pending.new", "seen.new", "gitignore.new", "claude-sync.lock.new", sealed::NEW_KEY];

/// Read access to a root's store.
#[derive(Debug, Clone)]
pub struct Store {
    pub root: Root,
}

/// One generation, read.
#[derive(Debug, Clone, PartialEq)]
pub struct Side {
    pub manifest: Manifest,
    pub ledger: Ledger,
}

impl Store {
    /// The store of `root`.
    #[must_use]
    pub fn new(root: Root) -> Self {
        Self { root }
    }

    /// `claude-sync/`.
    #[must_use]
    pub fn folder(&self) -> PathBuf {
        self.root.path.join("claude-sync")
    }

    /// `claude-sync/current`.
    #[must_use]
    pub fn current_link(&self) -> PathBuf {
        self.folder().join("current")
    }

    /// `claude-sync/pending`.
    #[must_use]
    pub fn pending_file(&self) -> PathBuf {
        self.folder().join("pending")
    }

    /// `claude-sync/generations`.
    #[must_use]
    pub fn generations(&self) -> PathBuf {
        self.folder().join("generations")
    }

    /// `claude-sync/generations/N`.
    #[must_use]
    pub fn generation(&self, generation: Generation) -> PathBuf {
        self.generations().join(generation.to_string())
    }

    /// Where a generation is written before it has its number.
    #[must_use]
    pub fn staging(&self) -> PathBuf {
        self.generations().join(".staging")
    }

    /// `claude-sync/displaced/NAME`.
    #[must_use]
    pub fn displaced(&self, name: &str) -> PathBuf {
        self.folder().join("displaced").join(name)
    }

    /// Present when the root was not there before us: it goes with a purge, if it is empty then.
    #[must_use]
    pub fn made_root_file(&self) -> PathBuf {
        self.folder().join("made-root")
    }

    /// Where a purge puts the store before it removes it.
    #[must_use]
    pub fn gone(&self) -> PathBuf {
        self.root.path.join(".claude-sync-gone")
    }

    /// Whether we made the root.
    ///
    /// # Errors
    /// When it can't be told.
    pub fn made_root(&self) -> Result<bool, Error> {
        Ok(fs::lstat(&self.made_root_file())?.is_some())
    }

    /// The number `current` names; `None` before the first apply.
    ///
    /// # Errors
    /// When it is something else than a link to a generation.
    pub fn current(&self) -> Result<Option<Generation>, Error> {
        let link = self.current_link();
        let damaged = |why: &str| Error::Format {
            path: link.clone(),
            error: generation::FormatError::Damaged(why.to_owned()),
        };
        match fs::lstat(&link)?.map(|stat| stat.kind) {
            None => Ok(None),
            Some(fs::Kind::Link) => {
                let target = fs::read_link(&link)?;
                let name = target.strip_prefix("generations").ok().and_then(Path::to_str);
                let number = name.and_then(Generation::parse);
                number.map(Some).ok_or_else(|| damaged(&format!("it leads to {}", target.display())))
            }
            Some(_) => Err(damaged("it is no link")),
        }
    }

    /// What is pending.
    ///
    /// # Errors
    /// When it can't be read, is damaged or of a newer format.
    pub fn pending(&self) -> Result<Option<Pending>, Error> {
        let path = self.pending_file();
        match fs::read_if_there(&path, STORE_FILE_BYTES_MAX)? {
            None => Ok(None),
            Some(text) => generation::read(&text).map(Some).map_err(|error| Error::Format { path, error }),
        }
    }

    /// A generation's manifest.
    ///
    /// # Errors
    /// When it is not there, damaged, or of a newer format.
    pub fn manifest(&self, number: Generation) -> Result<Manifest, Error> {
        let path = self.generation(number).join("manifest.json");
        let text = fs::read_if_there(&path, STORE_FILE_BYTES_MAX)?;
        let Some(text) = text else {
            let is_there = fs::lstat(&self.generation(number))?.is_some();
            return Err(if is_there { Error::Missing(path) } else { Error::NoGeneration(number) });
        };
        let manifest: Manifest =
            generation::read(&text).map_err(|error| Error::Format { path: path.clone(), error })?;
        if manifest.generation != number {
            let error =
                generation::FormatError::Damaged(format!("it is of generation {}", manifest.generation));
            return Err(Error::Format { path, error });
        }
        Ok(manifest)
    }

    /// What hooks read of the current generation's profile; `None` before the first apply.
    ///
    /// # Errors
    /// When it can't be read or is no JSON.
    pub fn runtime(&self) -> Result<Option<serde_json::Value>, Error> {
        let Some(number) = self.current()? else { return Ok(None) };
        let path = self.generation(number).join("runtime.json");
        let Some(text) = fs::read_if_there(&path, STORE_FILE_BYTES_MAX)? else { return Ok(None) };
        let damaged = |error: serde_json::Error| Error::Format {
            path: path.clone(),
            error: generation::FormatError::Damaged(error.to_string()),
        };
        serde_json::from_slice(&text).map(Some).map_err(damaged)
    }

    /// A generation with its ledger.
    ///
    /// # Errors
    /// When either can't be read.
    pub fn side(&self, number: Generation) -> Result<Side, Error> {
        let manifest = self.manifest(number)?;
        Ok(Side { manifest, ledger: self.ledger(number)? })
    }

    /// A generation's ledger.
    ///
    /// # Errors
    /// When it can't be read.
    pub fn ledger(&self, number: Generation) -> Result<Ledger, Error> {
        let path = self.generation(number).join("ledger.json");
        let text =
            fs::read_if_there(&path, STORE_FILE_BYTES_MAX)?.ok_or_else(|| Error::Missing(path.clone()))?;
        let file: LedgerFile = generation::read(&text).map_err(|error| Error::Format { path, error })?;
        sealed::opened(self, file.ledger)
    }

    /// The current generation, read.
    ///
    /// # Errors
    /// When it can't be.
    pub fn current_side(&self) -> Result<Option<Side>, Error> {
        self.current()?.map(|number| self.side(number)).transpose()
    }

    /// The numbers of all generations, oldest first.
    ///
    /// # Errors
    /// When the folder can't be read.
    pub fn numbers(&self) -> Result<Vec<Generation>, Error> {
        if fs::lstat(&self.generations())?.is_none() {
            return Ok(Vec::new());
        }
        let names = fs::list(&self.generations())?;
        let mut numbers: Vec<_> = names.iter().filter_map(|name| Generation::parse(name.to_str()?)).collect();
        numbers.sort();
        Ok(numbers)
    }

    /// The number the next generation gets.
    ///
    /// # Errors
    /// When the folder can't be read.
    pub fn next(&self) -> Result<Generation, Error> {
        let highest = self.numbers()?.last().copied().max(self.current()?);
        Ok(highest.map_or(Generation::FIRST, |n| n.next().expect("BUG: 2^64 generations")))
    }

    /// Whether `number` is pinned.
    ///
    /// # Errors
    /// When it can't be told.
    pub fn is_pinned(&self, number: Generation) -> Result<bool, Error> {
        Ok(fs::lstat(&self.generation(number).join("pinned"))?.is_some())
    }

    /// What retention looks at. A generation that can't be read is left out, and so stays.
    ///
    /// # Errors
    /// When the folder can't be read.
    pub fn candidates(&self) -> Result<Vec<Candidate>, Error> {
        let candidate = |number| {
            let made_at = self.manifest(number).ok()?.made_at;
            Some(Candidate { generation: number, made_at, pinned: self.is_pinned(number).ok()? })
        };
        Ok(self.numbers()?.into_iter().filter_map(candidate).collect())
    }

    /// Refuses a root that another kind of system applied last: its hooks would not run.
    ///
    /// # Errors
    /// As said.
    pub fn check_system(&self, side: &Side) -> Result<(), Error> {
        let Manifest { os, arch, .. } = &side.manifest;
        if (os.as_str(), arch.as_str()) == (env::os(), env::arch()) {
            return Ok(());
        }
        Err(Error::OtherSystem { path: self.root.path.clone(), os: os.clone(), arch: arch.clone() })
    }
}

/// A root nobody else is changing. Everything that writes demands one.
#[derive(Debug)]
pub struct LockedRoot {
    pub store: Store,
    /// Whether what is written is made durable.
    pub durability: Durability,
    _lock: fs::FileLock,
}

/// Whether a commit survives the machine as well as the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Durability {
    /// fsync before the commit and before it is forgotten.
    #[default]
    Full,
    /// For benches and tests.
    None,
}

impl LockedRoot {
    /// Makes the root and `claude-sync/` if need be, and locks it, waiting a while for
    /// another `cs`.
    ///
    /// # Errors
    /// When the root is somebody else's or no folder, or the lock stays taken.
    pub fn lock(root: Root, durability: Durability, waiting: &mut dyn FnMut()) -> Result<Self, Error> {
        root.check()?;
        let store = Store::new(root);
        let mut waited_ms = 0;
        loop {
            if let Some(lock) = try_lock(&store)? {
                return Ok(Self { store, durability, _lock: lock });
            }
            if waited_ms == 0 {
                waiting();
            }
            if waited_ms >= limits::LOCK_WAIT_MS_MAX {
                return Err(Error::Locked(store.root.path));
            }
            clock::pause_ms(LOCK_PAUSE_MS);
            waited_ms += LOCK_PAUSE_MS;
        }
    }

    /// fsync, if that is wanted.
    ///
    /// # Errors
    /// When the system says it could not.
    pub fn sync(&self, path: &Path) -> Result<(), Error> {
        match self.durability {
            Durability::Full => Ok(fs::sync(path)?),
            Durability::None => Ok(()),
        }
    }
}

/// How long to wait before looking at the lock again.
const LOCK_PAUSE_MS: u64 = 10;

/// Makes what is missing and tries the lock once.
fn try_lock(store: &Store) -> Result<Option<fs::FileLock>, Error> {
    let is_gone = |error: &Error| matches!(error, Error::Io(io) if io.kind() == ErrorKind::NotFound);
    let lock = prepare(store).and_then(|()| Ok(fs::try_lock(&store.folder().join("lock"))?));
    match lock {
        // A purge takes the folder away while we look: that counts as a lock taken.
        Err(error) if is_gone(&error) => Ok(None),
        lock => lock,
    }
}

fn prepare(store: &Store) -> Result<(), Error> {
    let is_there = |path: &Path| Ok::<_, Error>(fs::stat(path)?.is_some());
    // A purge that was killed may have left word that the root is ours.
    let mut made_root = is_there(&store.gone().join("made-root"))?;
    if !is_there(&store.root.path)? {
        let parent = store.root.path.parent().unwrap_or(Path::new("/"));
        fs::make_folders(parent, 0o755)?;
        made_root |= tolerate_existing(fs::make_folder(&store.root.path, 0o700))?;
    }
    if !is_there(&store.folder())? {
        tolerate_existing(fs::make_folder(&store.folder(), 0o700))?;
        if made_root {
            tolerate_existing(fs::write_new(&store.made_root_file(), b"", 0o600))?;
        }
    }
    if !is_there(&store.generations())? {
        tolerate_existing(fs::make_folder(&store.generations(), 0o700))?;
    }
    let ignore = store.folder().join(".gitignore");
    if fs::stat(&ignore)?.is_none_or(|stat| stat.size == 0) {
        fs::remove_all(&ignore)?;
        tolerate_existing(fs::write_new(&ignore, b"*\n", 0o644))?;
    }
    Ok(())
}

/// Another `cs` may be making the same things; whether it was we.
fn tolerate_existing(result: std::io::Result<()>) -> Result<bool, Error> {
    match result {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error.into()),
    }
}
