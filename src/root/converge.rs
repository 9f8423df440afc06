//! From whatever is on the disk to one generation, in either direction.
//!
//! Level-triggered: every step looks at what is there and does what is missing; there is no
//! log of steps and no stored inverse. So it can be killed anywhere and run again, there or back.
//!
//! The order keeps one promise at every instant and in both directions: settings.json never
//! names a hook that is not there. Links come in, links of what leaves are pinned to their own
//! generation, `current` flips, documents follow, and only then links go out.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::store::{LockedRoot, Side};
use super::{Error, observe, stage, swap};
use crate::document::{Bases, LettingGo, MergeInput, merge};
use crate::generation::{Cause, State};
use crate::model::{
    Digest, DocumentId, DocumentLedger, Generation, InstallMode, Ledger, ManagedPath, TreeHow, TreeRow,
    limits,
};
use crate::plan::tree::{is_our_link, link_text, pinned_link_text};
use crate::sys::fs::{self, Kind};

/// Which way it goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    Forward,
    Back,
}

/// Two generations, and which of them is to be.
#[derive(Debug, Clone, Copy)]
pub struct Course<'a> {
    /// The one before the transaction; `None`: there was none.
    pub old: Option<&'a Side>,
    /// The one of the transaction.
    pub new: &'a Side,
    pub direction: Direction,
}

static NO_LEDGER: std::sync::LazyLock<Ledger> = std::sync::LazyLock::new(Ledger::default);
static NO_STATE: std::sync::LazyLock<State> = std::sync::LazyLock::new(State::default);

impl<'a> Course<'a> {
    fn sides(&self) -> (Option<&'a Side>, Option<&'a Side>) {
        match self.direction {
            Direction::Forward => (Some(self.new), self.old),
            Direction::Back => (self.old, Some(self.new)),
        }
    }

    /// The generation that is to be.
    fn to(&self) -> Option<&'a Side> {
        self.sides().0
    }

    fn to_ledger(&self) -> &'a Ledger {
        self.sides().0.map_or(&NO_LEDGER, |side| &side.ledger)
    }

    fn from_ledger(&self) -> &'a Ledger {
        self.sides().1.map_or(&NO_LEDGER, |side| &side.ledger)
    }

    fn to_state(&self) -> &'a State {
        self.sides().0.map_or(&NO_STATE, |side| &side.manifest.state)
    }

    fn leaving(&self) -> impl Iterator<Item = (&'a ManagedPath, &'a TreeRow)> + use<'a> {
        let to = self.to_ledger();
        self.from_ledger().tree.iter().filter(move |(path, _)| !to.tree.contains_key(*path))
    }

    fn from_generation(&self) -> Option<Generation> {
        self.sides().1.map(|side| side.manifest.generation)
    }

    fn letting_go(&self) -> LettingGo {
        match (self.direction, self.new.manifest.cause) {
            (Direction::Forward, Cause::Uninstall) => LettingGo::Uninstall,
            _ => LettingGo::Undeclared,
        }
    }

    fn documents(&self) -> std::collections::BTreeSet<DocumentId> {
        let planned = self.new.manifest.documents.keys();
        let known = self.to_ledger().documents.keys().chain(self.from_ledger().documents.keys());
        planned.chain(known).copied().collect()
    }
}

/// Converges. Returns the ledger that is true afterwards: the planned one, but for
/// documents that somebody rewrote meanwhile.
///
/// # Errors
/// When a step fails; what was done stays done, and converging can be tried again either way.
pub fn converge(locked: &LockedRoot, course: Course<'_>) -> Result<Ledger, Error> {
    let worker = Worker { locked, course };
    worker.folders_in()?;
    worker.links_in()?;
    worker.pin_leaving()?;
    worker.flip()?;
    worker.settle_links()?;
    let documents = worker.documents()?;
    worker.out()?;
    let mut ledger = course.to_ledger().clone();
    ledger.documents = documents;
    Ok(ledger)
}

/// Whether the root has arrived at the new generation: `current` names it and every
/// document has what it declares. What is left then is tidying up.
///
/// # Errors
/// When something can't be read.
pub fn has_arrived(locked: &LockedRoot, old: Option<&Side>, new: &Side) -> Result<bool, Error> {
    if locked.store.current()? != Some(new.manifest.generation) {
        return Ok(false);
    }
    let course = Course { old, new, direction: Direction::Forward };
    let worker = Worker { locked, course };
    for id in course.documents() {
        let path = worker.document_path(id)?;
        let live = swap::see(&path)?;
        let digest = live.as_ref().map(swap::Seen::digest);
        let is_written = new.manifest.documents.get(&id).is_some_and(|record| record.after == digest);
        if !is_written && !matches!(worker.target(id, &path, live.as_ref())?, Target::AsItIs(_)) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// What a document is to become.
enum Target {
    /// It is right; this is the ledger that goes with it.
    AsItIs(DocumentLedger),
    Put(Option<Vec<u8>>, DocumentLedger),
}

struct Worker<'a> {
    locked: &'a LockedRoot,
    course: Course<'a>,
}

impl Worker<'_> {
    fn path(&self, path: &ManagedPath) -> PathBuf {
        self.locked.store.root.path.join(path.as_str())
    }

    fn folders_in(&self) -> Result<(), Error> {
        for folder in &self.course.to_ledger().folders {
            let path = self.locked.store.root.path.join(folder);
            if fs::lstat(&path)?.is_none() {
                fs::make_folder(&path, 0o755)?;
            }
        }
        Ok(())
    }

    /// The text of our link at `path`; `None` when there is something else, or nothing.
    fn our_link(&self, path: &ManagedPath) -> Result<Option<String>, Error> {
        let full = self.path(path);
        if fs::lstat(&full)?.is_none_or(|stat| stat.kind != Kind::Link) {
            return Ok(None);
        }
        let text = fs::read_link(&full)?.to_string_lossy().into_owned();
        Ok(Some(text).filter(|text| is_our_link(path, text)))
    }

    /// A path that a transaction moved something aside from gets it back when going back.
    fn undo_aside(&self, path: &ManagedPath, row: &TreeRow) -> Result<bool, Error> {
        let before = self.course.from_ledger().tree.get(path);
        let name = before.and_then(|before| before.how.aside()).filter(|name| row.how.aside() != Some(name));
        match name.filter(|_| self.course.direction == Direction::Back) {
            Some(name) => self.bring_back(path, name),
            None => Ok(false),
        }
    }

    fn links_in(&self) -> Result<(), Error> {
        for (path, row) in &self.course.to_ledger().tree {
            if self.undo_aside(path, row)? {
                continue;
            }
            let full = self.path(path);
            let is_there = fs::lstat(&full)?;
            match (row.mode, is_there) {
                (InstallMode::Link, Some(_)) if self.our_link(path)?.is_some() => {}
                (InstallMode::Link, None) => fs::symlink(Path::new(&link_text(path)), &full)?,
                (InstallMode::Copy, Some(stat)) if stat.kind == Kind::File && self.is_our_copy(path)? => {}
                (InstallMode::Copy, None) => self.write_copy(path)?,
                (InstallMode::Link, Some(_)) if self.is_our_copy(path)? => {
                    self.replace_by_link(path, &self.pinned(path))?;
                }
                (InstallMode::Copy, Some(_)) if self.our_link(path)?.is_some() => {}
                (_, Some(_)) => self.move_aside(path, row)?,
            }
        }
        Ok(())
    }

    /// The text of a link that works before `current` is flipped.
    fn pinned(&self, path: &ManagedPath) -> String {
        let to = self.course.to().map(|side| side.manifest.generation);
        to.map_or_else(|| link_text(path), |to| pinned_link_text(path, to))
    }

    /// Whether the file at `path` is a copy that one of the two generations made.
    fn is_our_copy(&self, path: &ManagedPath) -> Result<bool, Error> {
        let rows = [self.course.from_ledger(), self.course.to_ledger()];
        let mut rows = rows.iter().filter_map(|ledger| ledger.tree.get(path));
        let full = self.path(path);
        if fs::lstat(&full)?.is_none_or(|stat| stat.kind != Kind::File) {
            return Ok(false);
        }
        let digest = Digest::of(&fs::read(&full, limits::SOURCE_BYTES_MAX)?);
        Ok(rows.any(|row| row.mode == InstallMode::Copy && row.digest == digest))
    }

    /// Puts ours where something foreign is, and the foreign thing under its displaced name,
    /// in one instant where the file system can.
    fn move_aside(&self, path: &ManagedPath, row: &TreeRow) -> Result<(), Error> {
        let full = self.path(path);
        let Some(name) = row.how.aside() else { return Err(Error::InTheWay(full)) };
        let aside = self.locked.store.displaced(name);
        match fs::lstat(&aside)? {
            // Staged for the exchange by a run that was interrupted.
            Some(stat) if stat.kind == Kind::Link && is_our_link(path, &link_of(&aside)?) => {}
            // Already moved aside: what stands here now came later, and is nobody's we know.
            Some(_) => return Err(Error::InTheWay(full)),
            None => {
                fs::make_folders(aside.parent().unwrap_or(Path::new("/")), 0o700)?;
                fs::symlink(Path::new(&self.pinned(path)), &aside)?;
            }
        }
        if !fs::exchange(&full, &aside)? {
            fs::remove_file(&aside)?;
            fs::rename(&full, &aside)?;
            fs::symlink(Path::new(&self.pinned(path)), &full)?;
        }
        if row.mode == InstallMode::Copy {
            self.write_copy(path)?;
        }
        Ok(())
    }

    /// Puts a displaced thing back; `false` when there is none.
    fn bring_back(&self, path: &ManagedPath, name: &str) -> Result<bool, Error> {
        let (full, aside) = (self.path(path), self.locked.store.displaced(name));
        let Some(stat) = fs::lstat(&aside)? else { return Ok(false) };
        if stat.kind == Kind::Link && is_our_link(path, &link_of(&aside)?) {
            // Exchanged already, or never: what is aside is our own link.
            fs::remove_file(&aside)?;
            return Ok(self.our_link(path)?.is_none() && !self.is_our_copy(path)?);
        }
        let ours_is_there = self.our_link(path)?.is_some() || self.is_our_copy(path)?;
        match fs::lstat(&full)? {
            None => fs::rename_new(&aside, &full)?,
            Some(_) if ours_is_there => {
                if fs::exchange(&full, &aside)? {
                    fs::remove_file(&aside)?;
                } else {
                    fs::remove_file(&full)?;
                    fs::rename(&aside, &full)?;
                }
            }
            Some(_) => return Ok(false),
        }
        Ok(true)
    }

    /// Points our link elsewhere in one instant.
    fn replace_by_link(&self, path: &ManagedPath, text: &str) -> Result<(), Error> {
        let full = self.path(path);
        let temporary = temporary(&full);
        clear_temporary(&temporary)?;
        fs::symlink(Path::new(text), &temporary)?;
        Ok(fs::rename(&temporary, &full)?)
    }

    /// Writes the copy of a managed file in one instant.
    fn write_copy(&self, path: &ManagedPath) -> Result<(), Error> {
        let Some(to) = self.course.to() else { return Ok(()) };
        let source = self.locked.store.generation(to.manifest.generation).join("files").join(path.as_str());
        let full = self.path(path);
        let temporary = temporary(&full);
        clear_temporary(&temporary)?;
        let executable = to.manifest.state.files.get(path).is_some_and(|record| record.executable);
        fs::copy_new(&source, &temporary, if executable { 0o755 } else { 0o644 })?;
        self.locked.sync(&temporary)?;
        Ok(fs::rename(&temporary, &full)?)
    }

    /// Links of what leaves stay good after the flip, while settings.json still names them.
    fn pin_leaving(&self) -> Result<(), Error> {
        let Some(from) = self.course.from_generation() else { return Ok(()) };
        for (path, _) in self.course.leaving() {
            let pinned = pinned_link_text(path, from);
            if self.our_link(path)?.is_some_and(|text| text != pinned) {
                self.replace_by_link(path, &pinned)?;
            }
        }
        Ok(())
    }

    fn flip(&self) -> Result<(), Error> {
        let store = &self.locked.store;
        let link = store.current_link();
        let Some(to) = self.course.to() else {
            return if fs::lstat(&link)?.is_some() { Ok(fs::remove_file(&link)?) } else { Ok(()) };
        };
        if store.current()? == Some(to.manifest.generation) {
            return Ok(());
        }
        let temporary = store.folder().join("current.new");
        clear_temporary(&temporary)?;
        fs::symlink(&Path::new("generations").join(to.manifest.generation.to_string()), &temporary)?;
        Ok(fs::rename(&temporary, &link)?)
    }

    /// After the flip: links that were pinned for it follow `current` again, copies get their content.
    fn settle_links(&self) -> Result<(), Error> {
        for (path, row) in &self.course.to_ledger().tree {
            let link = self.our_link(path)?;
            match (row.mode, link) {
                (InstallMode::Link, Some(text)) if text != link_text(path) => {
                    self.replace_by_link(path, &link_text(path))?;
                }
                (InstallMode::Copy, Some(_)) => self.write_copy(path)?,
                (InstallMode::Copy, None) if self.is_our_copy(path)? => {
                    let bytes = fs::read(&self.path(path), limits::SOURCE_BYTES_MAX)?;
                    if Digest::of(&bytes) != row.digest {
                        self.write_copy(path)?;
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// The file of a document: where it was when the transaction was planned.
    fn document_path(&self, id: DocumentId) -> Result<PathBuf, Error> {
        match self.course.new.manifest.documents.get(&id) {
            Some(record) => Ok(PathBuf::from(&record.path)),
            None => Ok(observe::observe_document(&self.locked.store, id)?.path),
        }
    }

    fn documents(&self) -> Result<BTreeMap<DocumentId, DocumentLedger>, Error> {
        let mut ledgers = BTreeMap::new();
        for id in self.course.documents() {
            let ledger = self.document(id)?;
            if ledger.rows.is_empty() && ledger.containers.is_empty() {
                continue;
            }
            ledgers.insert(id, ledger);
        }
        Ok(ledgers)
    }

    fn document(&self, id: DocumentId) -> Result<DocumentLedger, Error> {
        let path = self.document_path(id)?;
        for _ in 0..limits::SWAP_TRIES_MAX {
            let live = swap::see(&path)?;
            let (want, ledger) = match self.target(id, &path, live.as_ref())? {
                Target::AsItIs(ledger) => return Ok(ledger),
                Target::Put(want, ledger) => (want, ledger),
            };
            let planned = self.course.new.manifest.documents.get(&id).map(|record| record.mode);
            let mode = live.as_ref().map(|live| live.mode).or(planned).unwrap_or(0o600);
            if swap::swap(&path, live.as_ref(), want.as_deref(), mode)? == swap::Swapped::Done {
                if let Some(folder) = path.parent() {
                    self.locked.sync(folder)?;
                }
                return Ok(ledger);
            }
        }
        Err(Error::Busy(path))
    }

    /// What the document is to become: its saved bytes where it is as one of the two generations left
    /// it, else the same merge as in planning, over both ledgers.
    fn target(&self, id: DocumentId, path: &Path, live: Option<&swap::Seen>) -> Result<Target, Error> {
        let nothing = DocumentLedger::default();
        let own = |ledger: &Ledger| ledger.documents.get(&id).cloned().unwrap_or_default();
        let planned = own(self.course.to_ledger());
        let digest = live.map(swap::Seen::digest);
        if let Some(record) = self.course.new.manifest.documents.get(&id) {
            let (goal, start) = match self.course.direction {
                Direction::Forward => (record.after, record.before),
                Direction::Back => (record.before, record.after),
            };
            if digest == goal {
                return Ok(Target::AsItIs(planned));
            }
            if digest == start {
                return Ok(Target::Put(self.saved(id, goal)?, planned));
            }
            // Rewritten by others, and never yet by us: there is nothing to undo.
            let is_untouched = record.after.is_some()
                && swap::see(&swap::path_of(path))?.map(|ready| ready.digest()) == record.after;
            if self.course.direction == Direction::Back && is_untouched {
                return Ok(Target::AsItIs(planned));
            }
        }
        let text = live.map(|live| String::from_utf8_lossy(&live.bytes).into_owned());
        let old = self.course.old.map_or(&NO_LEDGER as &Ledger, |side| &side.ledger);
        let root = &self.locked.store.root;
        let leaving: Vec<String> = self
            .course
            .leaving()
            .filter(|(_, row)| row.how.aside().is_none())
            .map(|(path, _)| format!("{}/{path}", root.text()))
            .collect();
        let merged = merge(&MergeInput {
            bases: Bases {
                current: old.documents.get(&id).unwrap_or(&nothing),
                other: self.course.new.ledger.documents.get(&id),
            },
            live: text.as_deref(),
            desired: self.course.to_state().documents.get(&id).map(Vec::as_slice).unwrap_or_default(),
            letting_go: self.course.letting_go(),
            leaving: &leaving,
            home: root.home_text().as_deref(),
        });
        let merged = merged.map_err(|refusal| Error::Undecided {
            to: self.course.new.manifest.generation,
            why: format!("{} was changed into something cs can't merge: {refusal:?}", path.display()),
        })?;
        if merged.text == text {
            return Ok(Target::AsItIs(merged.ledger));
        }
        Ok(Target::Put(merged.text.map(String::into_bytes), merged.ledger))
    }

    fn saved(&self, id: DocumentId, goal: Option<Digest>) -> Result<Option<Vec<u8>>, Error> {
        let Some(goal) = goal else { return Ok(None) };
        let generation = self.course.new.manifest.generation;
        let name = match self.course.direction {
            Direction::Forward => "after",
            Direction::Back => "before",
        };
        let path = self.locked.store.generation(generation).join("documents").join(format!("{id}.{name}"));
        let bytes = fs::read(&path, limits::DOCUMENT_BYTES_MAX * 2)?;
        if Digest::of(&bytes) != goal {
            return Err(Error::Corrupt { generation, path: format!("documents/{id}.{name}") });
        }
        Ok(Some(bytes))
    }

    /// What leaves goes, what it stood on comes back, and folders of ours that are empty go too.
    fn out(&self) -> Result<(), Error> {
        for (path, row) in self.course.leaving() {
            let full = self.path(path);
            clear_temporary(&temporary(&full))?;
            let comes_back = match (&row.how, self.course.letting_go(), self.course.direction) {
                (TreeHow::Adopted(_), LettingGo::Undeclared, Direction::Forward) => None,
                (how, ..) => how.aside(),
            };
            if let Some(name) = comes_back
                && self.bring_back(path, name)?
            {
                continue;
            }
            match row.mode {
                InstallMode::Link if self.our_link(path)?.is_some() => self.let_link_go(path, row)?,
                InstallMode::Copy if self.is_our_copy(path)? => fs::remove_file(&full)?,
                _ => {}
            }
        }
        self.folders_out()
    }

    /// Removes our link; if somebody has edited what is behind it, that becomes theirs.
    fn let_link_go(&self, path: &ManagedPath, row: &TreeRow) -> Result<(), Error> {
        let full = self.path(path);
        let side = self.course.sides().1;
        let seen = observe::observe_path(&self.locked.store, side, path)?;
        let is_edited = matches!(seen, crate::plan::Observation::Link { digest: Some(digest), .. } if digest != row.digest);
        if is_edited && self.course.direction == Direction::Forward {
            let temporary = temporary(&full);
            fs::remove_all(&temporary)?;
            stage::copy_tree(&full, &temporary)?;
            let is_folder = fs::stat(&full)?.is_some_and(|stat| stat.kind == Kind::Folder);
            if is_folder {
                fs::remove_file(&full)?;
            }
            return Ok(fs::rename(&temporary, &full)?);
        }
        Ok(fs::remove_file(&full)?)
    }

    fn folders_out(&self) -> Result<(), Error> {
        let kept = &self.course.to_ledger().folders;
        let mut leaving: Vec<&String> = self
            .course
            .from_ledger()
            .folders
            .iter()
            .filter(|own| !own.is_empty() && !kept.contains(own))
            .collect();
        leaving.sort_by_key(|folder| std::cmp::Reverse(folder.matches('/').count()));
        for folder in leaving {
            let path = self.locked.store.root.path.join(folder);
            let is_folder = fs::lstat(&path)?.is_some_and(|stat| stat.kind == Kind::Folder);
            if is_folder && fs::list(&path)?.is_empty() {
                fs::remove_folder(&path)?;
            }
        }
        Ok(())
    }
}

fn link_of(path: &Path) -> Result<String, Error> {
    Ok(fs::read_link(path)?.to_string_lossy().into_owned())
}

/// A name beside `path` that only we use.
fn temporary(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.cs-new"))
}

fn clear_temporary(path: &Path) -> Result<(), Error> {
    match fs::lstat(path)? {
        None => Ok(()),
        Some(_) => Ok(fs::remove_all(path)?),
    }
}
