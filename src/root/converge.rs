//! From whatever is on the disk to one generation, in either direction.
//!
//! Level-triggered: every step looks at what is there and does what is missing; there is no
//! log of steps and no stored inverse. So it can be killed anywhere and run again, there or back.
//!
//! The order keeps one promise at every instant and in both directions: settings.json never
//! names a hook that is not there. Links come in, links of what leaves are pinned to their own
//! generation, `current` flips, documents follow, and only then links go out.
//!
//! Going back puts back what the transaction changed. What others had changed before it, and
//! what they put where ours was, is left to them: it was drift, and is drift again.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::aside::Back;
use super::store::{LockedRoot, Side};
use super::{Error, observe, stage};
use crate::document::LettingGo;
use crate::generation::State;
use crate::model::{
    Digest, DocumentId, Generation, InstallMode, Ledger, ManagedPath, TreeHow, TreeRow, limits,
};
use crate::plan::Observation;
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

pub(super) static NO_LEDGER: std::sync::LazyLock<Ledger> = std::sync::LazyLock::new(Ledger::default);
pub(super) static NO_STATE: std::sync::LazyLock<State> = std::sync::LazyLock::new(State::default);

impl<'a> Course<'a> {
    pub(super) fn sides(&self) -> (Option<&'a Side>, Option<&'a Side>) {
        match self.direction {
            Direction::Forward => (Some(self.new), self.old),
            Direction::Back => (self.old, Some(self.new)),
        }
    }

    /// The generation that is to be.
    pub(super) fn goal(&self) -> Option<&'a Side> {
        self.sides().0
    }

    pub(super) fn goal_ledger(&self) -> &'a Ledger {
        self.sides().0.map_or(&NO_LEDGER, |side| &side.ledger)
    }

    pub(super) fn start_ledger(&self) -> &'a Ledger {
        self.sides().1.map_or(&NO_LEDGER, |side| &side.ledger)
    }

    pub(super) fn goal_state(&self) -> &'a State {
        self.sides().0.map_or(&NO_STATE, |side| &side.manifest.state)
    }

    pub(super) fn leaving(&self) -> impl Iterator<Item = (&'a ManagedPath, &'a TreeRow)> + use<'a> {
        let to = self.goal_ledger();
        self.start_ledger().tree.iter().filter(move |(path, _)| !to.tree.contains_key(*path))
    }

    fn start_generation(&self) -> Option<Generation> {
        self.sides().1.map(|side| side.manifest.generation)
    }

    pub(super) fn letting_go(&self) -> LettingGo {
        let is_back = self.direction == Direction::Forward && self.new.manifest.cause.gives_back();
        if is_back { LettingGo::Back } else { LettingGo::Undeclared }
    }

    pub(super) fn documents(&self) -> BTreeSet<DocumentId> {
        let planned = self.new.manifest.documents.keys();
        let known = self.goal_ledger().documents.keys().chain(self.start_ledger().documents.keys());
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
    worker.unfold_links()?;
    worker.folders_in()?;
    let unsettled = worker.links_in()?;
    worker.pin_leaving()?;
    worker.flip()?;
    worker.settle_links(&unsettled)?;
    worker.documents(true)?;
    worker.out()?;
    worker.clear_temporaries()?;
    let mut ledger = course.goal_ledger().clone();
    // Once more: who has read a document before us may have written it since.
    ledger.documents = worker.documents(false)?;
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
        if !worker.document_has_arrived(id)? {
            return Ok(false);
        }
    }
    Ok(true)
}

pub(super) struct Worker<'a> {
    pub(super) locked: &'a LockedRoot,
    pub(super) course: Course<'a>,
}

impl Worker<'_> {
    pub(super) fn path(&self, path: &ManagedPath) -> PathBuf {
        self.locked.store.root.path.join(path.as_str())
    }

    fn folders_in(&self) -> Result<(), Error> {
        for folder in &self.course.goal_ledger().folders {
            let path = self.locked.store.root.path.join(folder);
            if fs::lstat(&path)?.is_none() {
                fs::make_folder(&path, 0o755)?;
            }
        }
        Ok(())
    }

    /// The text of our link at `path`; `None` when there is something else, or nothing.
    pub(super) fn our_link(&self, path: &ManagedPath) -> Result<Option<String>, Error> {
        let fs::Probe::Link(target) = fs::probe(&self.path(path))? else { return Ok(None) };
        Ok(Some(target.to_string_lossy().into_owned()).filter(|text| is_our_link(path, text)))
    }

    /// Returns the paths that have to be looked at again after the flip.
    fn links_in(&self) -> Result<Vec<&ManagedPath>, Error> {
        let mut unsettled = Vec::new();
        for (path, row) in &self.course.goal_ledger().tree {
            if self.stays_missing(path) {
                continue;
            }
            if self.is_as_found(path)? {
                unsettled.push(path);
            } else if self.has_to_move(path, row)? {
                self.move_aside(path, row)?;
                unsettled.push(path);
            } else if !self.is_linked(path, row)? {
                self.link_in(path, row)?;
                unsettled.push(path);
            }
        }
        Ok(unsettled)
    }

    /// Whether somebody had taken ours away from `path` before the transaction that is undone.
    fn stays_missing(&self, path: &ManagedPath) -> bool {
        self.course.direction == Direction::Back && self.course.new.manifest.missing.contains(path)
    }

    /// Whether our link is there as it is to be, now or by making it where nothing is.
    fn is_linked(&self, path: &ManagedPath, row: &TreeRow) -> Result<bool, Error> {
        if row.mode != InstallMode::Link {
            return Ok(false);
        }
        let text = link_text(path);
        if self.course.start_ledger().tree.contains_key(path) {
            return Ok(self.our_link(path)? == Some(text));
        }
        // Nothing of ours was there, and nearly always nothing at all: trying is cheaper than looking.
        match fs::symlink(Path::new(&text), &self.path(path)) {
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
                Ok(self.our_link(path)? == Some(text))
            }
            made => Ok(made.map(|()| true)?),
        }
    }

    fn link_in(&self, path: &ManagedPath, row: &TreeRow) -> Result<(), Error> {
        let full = self.path(path);
        if fs::lstat(&full)?.is_none() {
            return match row.mode {
                InstallMode::Link => Ok(fs::symlink(Path::new(&link_text(path)), &full)?),
                InstallMode::Copy => self.write_copy(path),
            };
        }
        if self.our_link(path)?.is_some() {
            return Ok(());
        }
        let is_ours = self.is_our_copy(path)?;
        match (row.mode, self.course.direction) {
            (InstallMode::Copy, _) if is_ours => Ok(()),
            (InstallMode::Link, _) if is_ours || self.is_left_edit(path)? => {
                self.replace_by_link(path, &self.pinned(path))
            }
            (InstallMode::Link, _) if self.is_our_folder(path, row)? => {
                self.replace_by_link(path, &self.pinned(path))
            }
            (InstallMode::Copy, Direction::Forward) if self.is_kept(path)? => self.write_copy(path),
            (InstallMode::Link, Direction::Forward) if self.is_kept(path)? => {
                self.replace_by_link(path, &self.pinned(path))
            }
            (_, Direction::Back) => Ok(()),
            (_, Direction::Forward) => Err(Error::InTheWay(full)),
        }
    }

    /// The text of a link that works before `current` is flipped.
    pub(super) fn pinned(&self, path: &ManagedPath) -> String {
        let to = self.course.goal().map(|side| side.manifest.generation);
        to.map_or_else(|| link_text(path), |to| pinned_link_text(path, to))
    }

    /// Whether the file at `path` is a copy that one of the two generations made.
    pub(super) fn is_our_copy(&self, path: &ManagedPath) -> Result<bool, Error> {
        let rows = [self.course.start_ledger(), self.course.goal_ledger()];
        let mut rows = rows.iter().filter_map(|ledger| ledger.tree.get(path));
        let full = self.path(path);
        if fs::lstat(&full)?.is_none_or(|stat| stat.kind != Kind::File) {
            return Ok(false);
        }
        let digest = Digest::of(&fs::read(&full, limits::SOURCE_BYTES_MAX)?);
        Ok(rows.any(|row| row.mode == InstallMode::Copy && row.digest == digest))
    }

    /// Puts our link where one is, or a file or folder whose content we have.
    pub(super) fn replace_by_link(&self, path: &ManagedPath, text: &str) -> Result<(), Error> {
        let full = self.path(path);
        let temporary = temporary(&full);
        clear_temporary(&temporary)?;
        fs::symlink(Path::new(text), &temporary)?;
        if !is_folder(&full)? {
            return Ok(fs::rename(&temporary, &full)?);
        }
        // A link can't be renamed over a folder.
        if !fs::exchange(&full, &temporary)? {
            fs::remove_file(&temporary)?;
            fs::rename(&full, &temporary)?;
            fs::symlink(Path::new(text), &full)?;
        }
        Ok(fs::remove_all(&temporary)?)
    }

    /// Where the generation that is to be has a file, and the mode of its copy.
    pub(super) fn stored(&self, path: &ManagedPath) -> Option<(PathBuf, u32)> {
        let to = self.course.goal()?;
        let source = self.locked.store.generation(to.manifest.generation).join("files").join(path.as_str());
        let executable = to.manifest.state.files.get(path).is_some_and(|record| record.executable);
        Some((source, if executable { 0o755 } else { 0o644 }))
    }

    /// Writes the copy of a managed file in one instant.
    pub(super) fn write_copy(&self, path: &ManagedPath) -> Result<(), Error> {
        let Some((source, mode)) = self.stored(path) else { return Ok(()) };
        let full = self.path(path);
        let temporary = temporary(&full);
        clear_temporary(&temporary)?;
        fs::copy_new(&source, &temporary, mode)?;
        self.locked.sync(&temporary)?;
        Ok(fs::rename(&temporary, &full)?)
    }

    /// Links of what leaves stay good after the flip, while settings.json still names them.
    fn pin_leaving(&self) -> Result<(), Error> {
        let Some(from) = self.course.start_generation() else { return Ok(()) };
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
        let Some(to) = self.course.goal() else {
            return if fs::lstat(&link)?.is_some() { Ok(fs::remove_file(&link)?) } else { Ok(()) };
        };
        // One that is damaged is replaced like any other.
        if store.current().is_ok_and(|current| current == Some(to.manifest.generation)) {
            return Ok(());
        }
        let temporary = store.folder().join("current.new");
        clear_temporary(&temporary)?;
        fs::symlink(&Path::new("generations").join(to.manifest.generation.to_string()), &temporary)?;
        Ok(fs::rename(&temporary, &link)?)
    }

    /// After the flip: links that were pinned for it follow `current` again, copies get their content.
    fn settle_links(&self, unsettled: &[&ManagedPath]) -> Result<(), Error> {
        for path in unsettled {
            let row = &self.course.goal_ledger().tree[*path];
            match (row.mode, self.our_link(path)?) {
                (InstallMode::Link, Some(text)) if text != link_text(path) => {
                    self.replace_by_link(path, &link_text(path))?;
                }
                (InstallMode::Copy, link) if link.is_some() || self.is_our_copy(path)? => {
                    self.settle_copy(path, row, link.is_some())?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn settle_copy(&self, path: &ManagedPath, row: &TreeRow, is_link: bool) -> Result<(), Error> {
        if self.course.direction == Direction::Back && self.restore_kept(path)? {
            return Ok(());
        }
        let is_disabled = || -> Result<bool, Error> {
            let is_to_run = self.stored(path).is_some_and(|(_, mode)| mode & 0o100 != 0);
            Ok(is_to_run && fs::lstat(&self.path(path))?.is_some_and(|stat| stat.mode & 0o100 == 0))
        };
        let is_written = !is_link
            && Digest::of(&fs::read(&self.path(path), limits::SOURCE_BYTES_MAX)?) == row.digest
            && !is_disabled()?;
        if is_written { Ok(()) } else { self.write_copy(path) }
    }

    /// What leaves goes, what it stood on comes back, and folders of ours that are empty go too.
    fn out(&self) -> Result<(), Error> {
        for (path, row) in self.course.leaving() {
            self.let_go(path, row)?;
        }
        for path in self.course.new.manifest.missing.iter().filter(|path| self.stays_missing(path)) {
            if self.our_link(path)?.is_some() || self.is_our_copy(path)? {
                fs::remove_file(&self.path(path))?;
            }
        }
        self.folders_out()
    }

    fn let_go(&self, path: &ManagedPath, row: &TreeRow) -> Result<(), Error> {
        if self.is_regrouped(path) {
            return Ok(());
        }
        if self.course.direction == Direction::Forward && self.is_edited_link(path, row)? {
            return self.leave_edit(path);
        }
        let full = self.path(path);
        if fs::lstat(&full)?.is_none() && is_folder(&temporary(&full))? {
            // `leave_edit` was interrupted between its two steps.
            return Ok(fs::rename(&temporary(&full), &full)?);
        }
        // As it is planned: see `plan::tree`.
        let new = &self.course.new.manifest;
        let is_own = row.mode == InstallMode::Copy && !new.state.adopts && !new.missing.contains(path);
        let name = match (&row.how, self.course.letting_go(), self.course.direction) {
            (TreeHow::Adopted(_), LettingGo::Undeclared, Direction::Forward) if !is_own => None,
            (how, ..) => how.aside(),
        };
        let back = name.map(|name| self.bring_back(path, name)).transpose()?;
        match (back, row.mode) {
            (Some(Back::There), _) => Ok(()),
            (Some(Back::Blocked), _) if self.course.direction == Direction::Back => {
                Err(Error::InTheWay(self.path(path)))
            }
            (_, InstallMode::Link) if self.our_link(path)?.is_some() => {
                Ok(fs::remove_file(&self.path(path))?)
            }
            // With nothing to bring back, a file that is like ours may be the one that came back.
            (None, InstallMode::Copy) if self.is_our_copy(path)? => Ok(fs::remove_file(&self.path(path))?),
            _ => Ok(()),
        }
    }

    /// Whether somebody has edited what is behind our link.
    fn is_edited_link(&self, path: &ManagedPath, row: &TreeRow) -> Result<bool, Error> {
        if row.mode != InstallMode::Link || self.our_link(path)?.is_none() {
            return Ok(false);
        }
        let seen = observe::observe_path(
            &self.locked.store,
            self.course.sides().1.map(|side| &side.manifest.state),
            path,
        )?;
        Ok(matches!(seen, Observation::Link { digest: Some(digest), .. } if digest != row.digest))
    }

    /// Puts what is behind our link in its place: it has become somebody's own.
    fn leave_edit(&self, path: &ManagedPath) -> Result<(), Error> {
        let full = self.path(path);
        let temporary = temporary(&full);
        fs::remove_all(&temporary)?;
        stage::copy_tree(&full, &temporary)?;
        // A folder can't be renamed over a link.
        if is_folder(&temporary)? {
            if fs::exchange(&full, &temporary)? {
                return Ok(fs::remove_file(&temporary)?);
            }
            fs::remove_file(&full)?;
        }
        Ok(fs::rename(&temporary, &full)?)
    }

    /// Whether what stands at `path` is what [`Self::leave_edit`] left there.
    fn is_left_edit(&self, path: &ManagedPath) -> Result<bool, Error> {
        let Some(to) = self.course.goal().filter(|_| self.course.direction == Direction::Back) else {
            return Ok(false);
        };
        let behind = self.locked.store.generation(to.manifest.generation).join("files").join(path.as_str());
        observe::is_same_content(&self.path(path), &behind)
    }

    /// What an interrupted run was about to rename into place.
    fn clear_temporaries(&self) -> Result<(), Error> {
        let ledgers = [self.course.start_ledger(), self.course.goal_ledger()];
        let paths = || ledgers.iter().flat_map(|ledger| ledger.tree.keys());
        let folders: BTreeSet<&str> =
            paths().map(|path| path.as_str().rsplit_once('/').map_or("", |(folder, _)| folder)).collect();
        let mut found = Vec::new();
        for folder in folders {
            let folder = self.locked.store.root.path.join(folder);
            let names = fs::list_if_there(&folder)?;
            let ours = names.iter().filter(|name| name.as_encoded_bytes().ends_with(TEMPORARY.as_bytes()));
            found.extend(ours.map(|name| folder.join(name)));
        }
        if found.is_empty() {
            return Ok(());
        }
        let temporaries: BTreeSet<PathBuf> = paths().map(|path| temporary(&self.path(path))).collect();
        found.retain(|path| temporaries.contains(path));
        found.iter().try_for_each(|path| clear_temporary(path))
    }

    fn folders_out(&self) -> Result<(), Error> {
        let kept = &self.course.goal_ledger().folders;
        let mut leaving: Vec<&String> = self
            .course
            .start_ledger()
            .folders
            .iter()
            .filter(|own| !own.is_empty() && !kept.contains(own))
            .collect();
        leaving.sort_by_key(|folder| std::cmp::Reverse(folder.matches('/').count()));
        let goal = &self.course.goal_ledger().tree;
        // What is seen through a link of ours lies in a generation.
        let is_behind = |folder: &str| {
            ManagedPath::new(folder).is_ok_and(|path| goal.contains_key(&path) || path.above(goal).is_some())
        };
        for folder in leaving.into_iter().filter(|folder| !is_behind(folder)) {
            let path = self.locked.store.root.path.join(folder);
            if is_folder(&path)? && fs::list(&path)?.is_empty() {
                fs::remove_folder(&path)?;
            }
        }
        Ok(())
    }
}

pub(super) fn is_folder(path: &Path) -> Result<bool, Error> {
    Ok(fs::lstat(path)?.is_some_and(|stat| stat.kind == Kind::Folder))
}

/// How the names end that only we use.
const TEMPORARY: &str = ".cs-new";

/// A name beside `path` that only we use.
pub(super) fn temporary(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let plain = format!(".{name}{TEMPORARY}");
    if plain.len() <= limits::NAME_BYTES_MAX {
        return path.with_file_name(plain);
    }
    // The name is as long as names may be: something shorter has to stand for it.
    path.with_file_name(format!(".{}{TEMPORARY}", Digest::of(name.as_bytes())))
}

pub(super) fn clear_temporary(path: &Path) -> Result<(), Error> {
    match fs::lstat(path)? {
        None => Ok(()),
        Some(_) => Ok(fs::remove_all(path)?),
    }
}
