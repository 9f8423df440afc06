//! A generation written whole, before anything changes.
//!
//! Afterwards everything that converging needs is there: contents, runtime, the documents' old
//! and new bytes, manifest and ledger. So neither direction needs space.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::store::{Durability, LockedRoot, Side};
use super::{Error, sealed, swap};
use crate::generation::{self, DocumentRecord, Manifest, ProfileRecord};
use crate::model::{Digest, DocumentId, Generation, InstallMode, Kind, ManagedPath, limits};
use crate::plan::{CheckedPlan, DocumentPlan, ObservedDocument, Plan, TreeChange};
use crate::sys::{clock, env, fs, process};

/// Where the contents of a plan come from, and what is written about it.
#[derive(Debug)]
pub struct Staging<'a> {
    pub plan: &'a CheckedPlan,
    pub base: Option<&'a Side>,
    /// Contents from the profile.
    pub contents: &'a BTreeMap<ManagedPath, Vec<u8>>,
    /// Contents from this generation, where the profile has none (rollback).
    pub from: Option<&'a Side>,
    /// The executable that goes under the bundled hooks' names.
    pub executable: Option<&'a Path>,
    pub observed: &'a BTreeMap<DocumentId, ObservedDocument>,
    pub profile: Option<ProfileRecord>,
    pub facts: BTreeMap<String, bool>,
}

/// Beside the texts of a document that has secrets in it: they go when the transaction is over.
pub(super) const SECRET: &str = "secret";

/// A generation that is written and not yet committed.
#[must_use = "a staged generation is committed or discarded"]
#[derive(Debug)]
pub struct Staged {
    pub side: Side,
}

/// Writes the generation of `staging.plan`.
///
/// # Errors
/// When something can't be written, or what was written can't be run. Nothing outside
/// `claude-sync/` has changed then, but for swap files beside documents that could not be removed
/// either; the next `cs` does that.
pub fn stage(locked: &LockedRoot, staging: &Staging<'_>) -> Result<Staged, Error> {
    let staged = write(locked, staging);
    if staged.is_err() {
        for document in staging.observed.values() {
            let _ = swap::clear(&document.path);
        }
        // The disk may be full: what was staged is in nobody's way but takes room.
        let _ = clean(locked, staging.plan.plan().to);
    }
    staged
}

fn write(locked: &LockedRoot, staging: &Staging<'_>) -> Result<Staged, Error> {
    let store = &locked.store;
    let plan = staging.plan.plan();
    clean(locked, plan.to)?;
    let folder = store.staging();
    fs::make_folder(&folder, 0o700)?;
    let mut writer =
        Writer { locked, staging, folder: folder.clone(), folders: BTreeSet::new(), executable: None };
    writer.sub_folder("files")?;
    let mut state = plan.state.clone();
    for (path, record) in &mut state.files {
        record.modified_ns = writer.content(path, record)?;
        if record.is_cs {
            record.bytes = fs::lstat(&folder.join("files").join(path.as_str()))?.map_or(0, |stat| stat.size);
        }
    }
    writer.keep_edits(plan)?;
    let documents = writer.documents(plan)?;
    let runtime = serde_json::to_vec(&state.runtime).expect("BUG: a JSON value serializes");
    fs::write_new(&folder.join("runtime.json"), &runtime, 0o600)?;
    let has_secrets = state.secrets().next().is_some();
    let manifest = Manifest {
        format: generation::format(has_secrets),
        generation: plan.to,
        parent: plan.from,
        made_at: clock::now(),
        cause: plan.cause,
        profile: staging.profile.clone(),
        facts: staging.facts.clone(),
        os: env::os().to_owned(),
        arch: env::arch().to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        state,
        documents,
        missing: plan.missing(),
    };
    let ledger = sealed::file(locked, &plan.ledger)?;
    fs::write_new(&folder.join("manifest.json"), &generation::write(&manifest), 0o600)?;
    fs::write_new(&folder.join("ledger.json"), &generation::write(&ledger), 0o600)?;
    writer.check_runs(plan)?;
    writer.sync()?;
    fs::rename(&folder, &store.generation(plan.to))?;
    locked.sync(&store.generations())?;
    Ok(Staged { side: Side { manifest, ledger: plan.ledger.clone() } })
}

/// Removes what an earlier run that died before its commit left behind.
fn clean(locked: &LockedRoot, to: Generation) -> Result<(), Error> {
    let store = &locked.store;
    fs::remove_all(&store.staging())?;
    // Not current and not pending: it was never committed, so nothing of anybody's lies there.
    fs::remove_all(&store.generation(to))?;
    fs::remove_all(&store.displaced(&to.to_string()))?;
    Ok(())
}

struct Writer<'a> {
    locked: &'a LockedRoot,
    staging: &'a Staging<'a>,
    folder: PathBuf,
    folders: BTreeSet<PathBuf>,
    /// The first copy of the executable; the others are further names of it.
    executable: Option<(PathBuf, i64)>,
}

impl Writer<'_> {
    fn sub_folder(&mut self, relative: impl AsRef<Path>) -> Result<(), Error> {
        let relative = relative.as_ref();
        if relative.as_os_str().is_empty() || self.folders.contains(relative) {
            return Ok(());
        }
        if let Some(parent) = relative.parent() {
            self.sub_folder(parent)?;
        }
        fs::make_folder(&self.folder.join(relative), 0o700)?;
        self.folders.insert(relative.to_owned());
        Ok(())
    }

    /// Writes or shares one content; returns when it was modified.
    fn content(&mut self, path: &ManagedPath, record: &generation::FileRecord) -> Result<i64, Error> {
        let relative = Path::new("files").join(path.as_str());
        let target = self.folder.join(&relative);
        self.sub_folder(relative.parent().unwrap_or(Path::new("")))?;
        let sources = self.staging.base.into_iter().chain(self.staging.from);
        for side in sources {
            if let Some(modified_ns) = self.share(side, path, record, &target)? {
                return Ok(modified_ns);
            }
        }
        let mode = if record.executable { 0o555 } else { 0o444 };
        if record.is_cs {
            return self.executable(&target);
        }
        let Some(bytes) = self.staging.contents.get(path) else {
            let generation =
                self.staging.from.map_or(self.staging.plan.plan().to, |side| side.manifest.generation);
            return Err(Error::Corrupt { generation, path: path.to_string() });
        };
        Ok(fs::write_new_with_stat(&target, bytes, mode)?.modified_ns)
    }

    /// Gives the content a second name, if a generation has the same and nobody has touched it.
    fn share(
        &self,
        side: &Side,
        path: &ManagedPath,
        wanted: &generation::FileRecord,
        target: &Path,
    ) -> Result<Option<i64>, Error> {
        let same = |own: &&generation::FileRecord| {
            (own.digest, own.executable, own.is_cs) == (wanted.digest, wanted.executable, wanted.is_cs)
        };
        let Some(own) = side.manifest.state.files.get(path).filter(same) else { return Ok(None) };
        let source = self.locked.store.generation(side.manifest.generation).join("files").join(path.as_str());
        let Some(stat) = fs::lstat(&source)?.filter(|stat| stat.kind == fs::Kind::File) else {
            return Ok(None);
        };
        if own.executable && stat.mode & 0o100 == 0 {
            return Ok(None);
        }
        let is_untouched = (stat.size, stat.modified_ns) == (own.bytes, own.modified_ns);
        // A rollback trusts nothing it has not read; the next apply needs only what it knows.
        let is_rollback = !self.staging.contents.contains_key(path) && !wanted.is_cs;
        if !is_untouched || is_rollback {
            let is_sound = Digest::of(&fs::read(&source, limits::SOURCE_BYTES_MAX)?) == own.digest;
            if !is_sound {
                return Ok(None);
            }
        }
        match fs::hard_link(&source, target) {
            Ok(()) => Ok(Some(stat.modified_ns)),
            Err(error) if error.kind() == std::io::ErrorKind::StorageFull => Err(error.into()),
            // Too many names, or a file system without: a copy does as well.
            Err(_) => {
                fs::copy_new(&source, target, if own.executable { 0o555 } else { 0o444 })?;
                Ok(Some(fs::lstat(target)?.map_or(0, |stat| stat.modified_ns)))
            }
        }
    }

    fn executable(&mut self, target: &Path) -> Result<i64, Error> {
        if let Some((first, modified_ns)) = &self.executable
            && fs::hard_link(first, target).is_ok()
        {
            return Ok(*modified_ns);
        }
        let source = self.staging.executable.expect("BUG: a bundled hook without an executable");
        fs::copy_new(source, target, 0o555)?;
        let modified_ns = fs::lstat(target)?.map_or(0, |stat| stat.modified_ns);
        self.executable = Some((target.to_owned(), modified_ns));
        Ok(modified_ns)
    }

    /// What somebody edited through a link of ours is kept, since it is about to be replaced.
    fn keep_edits(&self, plan: &Plan) -> Result<(), Error> {
        for step in &plan.steps {
            let (TreeChange::Reassert(name) | TreeChange::Store(Some(name))) = &step.change else { continue };
            let source = self.locked.store.root.path.join(step.path.as_str());
            let target = self.locked.store.displaced(name);
            copy_tree(&source, &target)?;
            // What comes back is no more open to others than what stood there first.
            let base = self.staging.base.and_then(|base| base.ledger.tree.get(&step.path));
            if let Some(first) = base.and_then(|row| row.how.aside()) {
                take_modes(&self.locked.store.displaced(first), &target)?;
            }
        }
        for step in &plan.steps {
            if let TreeChange::MoveAside(name) | TreeChange::Adopt(name) = &step.change {
                let target = self.locked.store.displaced(name);
                fs::make_folders(target.parent().unwrap_or(Path::new("/")), 0o700)?;
            }
        }
        Ok(())
    }

    /// Old and new bytes of each document that changes, and the new ones beside it, ready to be swapped in.
    fn documents(&mut self, plan: &Plan) -> Result<BTreeMap<DocumentId, DocumentRecord>, Error> {
        let mut records = BTreeMap::new();
        for (id, document) in &plan.documents {
            self.sub_folder("documents")?;
            let is_plain = is_plain(document);
            if !is_plain {
                let path = self.folder.join("documents").join(format!("{id}.{SECRET}"));
                fs::write_new(&path, b"", 0o600)?;
            }
            if !is_plain || !document.is_edit() {
                self.seen(*id, document)?;
            }
            if !document.is_edit() {
                // Its secrets may be needed while the transaction is open: nothing else has them.
                if let Some(text) = document.before.as_ref().filter(|_| !document.veil.is_clear()) {
                    let path = self.folder.join("documents").join(format!("{id}.after"));
                    fs::write_new(&path, text.as_bytes(), 0o600)?;
                }
                continue;
            }
            let observed = self.staging.observed.get(id).expect("BUG: a planned document was observed");
            let texts = [("before", &document.before), ("after", &document.merged.text)];
            for (name, text) in texts {
                if let Some(text) = text {
                    let path = self.folder.join("documents").join(format!("{id}.{name}"));
                    fs::write_new(&path, text.as_bytes(), 0o600)?;
                }
            }
            if let Some(after) = &document.merged.text {
                swap::prepare(&observed.path, after.as_bytes(), observed.mode)?;
            }
            let digest = |text: &Option<String>| text.as_ref().map(|text| Digest::of(text.as_bytes()));
            records.insert(
                *id,
                DocumentRecord {
                    path: observed.path.to_string_lossy().into_owned(),
                    before: digest(&document.before),
                    after: digest(&document.merged.text),
                    mode: observed.mode,
                    splices: if is_plain { document.merged.splices.clone() } else { Vec::new() },
                    patch: document.veil.patch(&document.merged.patch),
                },
            );
        }
        Ok(records)
    }

    /// The document as this generation leaves it, without secrets. What comes after it and is declared
    /// nowhere is news: `cs capture` asks about it.
    fn seen(&self, id: DocumentId, document: &DocumentPlan) -> Result<(), Error> {
        // Of the client's own state nothing is kept.
        if !id.is_settings() || document.merged.text.is_none() {
            return Ok(());
        }
        let value = document.veil.stand_in(&document.merged.value);
        let text = serde_json::to_vec(&value).expect("BUG: a JSON value serializes");
        let path = self.folder.join("documents").join(format!("{id}.seen"));
        Ok(fs::write_new(&path, &text, 0o600)?)
    }

    /// A hook that can't be run from there would fail at every call of the client.
    fn check_runs(&self, plan: &Plan) -> Result<(), Error> {
        let has_hooks = plan.state.installs.values().any(|install| install.kind == Kind::Hook);
        if has_hooks && fs::is_noexec(&self.locked.store.root.path) {
            return Err(Error::NoExec(self.locked.store.root.path.clone()));
        }
        if let Some((path, _)) = &self.executable
            && !process::runs(path, &[], limits::SELF_TEST_MS_MAX).unwrap_or(false)
        {
            return Err(Error::NoExec(path.clone()));
        }
        Ok(())
    }

    /// Makes all of it durable: one call for the whole file system where there are many files.
    fn sync(&self) -> Result<(), Error> {
        const MANY: usize = 8;
        if self.locked.durability == Durability::None {
            return Ok(());
        }
        let files = fs::walk(&self.folder)?;
        if files.len() > MANY {
            return Ok(fs::sync_all_around(&self.folder)?);
        }
        for file in files {
            fs::sync(&self.folder.join(file))?;
        }
        for folder in self.folders.iter().rev() {
            fs::sync(&self.folder.join(folder))?;
        }
        Ok(fs::sync(&self.folder)?)
    }
}

/// Whether neither text of a document has a secret in it.
fn is_plain(document: &DocumentPlan) -> bool {
    let parsed = |text: &String| serde_json::from_str(text.trim_start_matches('\u{feff}')).ok();
    let before: Option<serde_json::Value> = document.before.as_ref().and_then(parsed);
    let mut values = before.iter().chain([&document.merged.value]);
    values.all(|value| document.veil.is_plain(value))
}

/// Copies a file or folder, following a link at its top. Its owner may write the copy.
///
/// # Errors
/// When it can't.
pub fn copy_tree(source: &Path, target: &Path) -> Result<(), Error> {
    fs::make_folders(target.parent().unwrap_or(Path::new("/")), 0o700)?;
    let Some(stat) = fs::stat(source)? else { return Err(Error::Missing(source.to_owned())) };
    if stat.kind != fs::Kind::Folder {
        return Ok(fs::copy_new(source, target, stat.mode | 0o200)?);
    }
    fs::make_folder(target, 0o755)?;
    for name in fs::list(source)? {
        copy_tree(&source.join(&name), &target.join(&name))?;
    }
    Ok(())
}

/// Gives files the modes of those of the same names in another folder, or a file that of another.
fn take_modes(from: &Path, to: &Path) -> Result<(), Error> {
    let Some(was) = fs::lstat(from)? else { return Ok(()) };
    match (was.kind, fs::lstat(to)?.map(|is| is.kind)) {
        (fs::Kind::Folder, Some(fs::Kind::Folder)) => {
            fs::set_mode(to, was.mode)?;
            fs::list(to)?.iter().try_for_each(|name| take_modes(&from.join(name), &to.join(name)))
        }
        (fs::Kind::File, Some(fs::Kind::File)) => Ok(fs::set_mode(to, was.mode)?),
        _ => Ok(()),
    }
}

/// The install mode of a path in a generation, `Link` where it says nothing.
#[must_use]
pub fn mode_of(side: &Side, path: &ManagedPath) -> InstallMode {
    side.ledger.tree.get(path).map(|row| row.mode).unwrap_or_default()
}
