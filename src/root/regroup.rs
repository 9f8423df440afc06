//! A folder of ours that was a link and becomes copies, or the other way round.
//!
//! Either way one thing stands at the folder's path before and after: link and folder change
//! places at one instant, where the file system can, and the folder is whole by then. So nothing in it is
//! ever missing, and dying in between leaves one of the two.

use std::path::Path;

use super::aside::Back;
use super::converge::{Direction, Worker, is_folder, temporary};
use super::{Error, observe, stage};
use crate::model::{Digest, InstallMode, ManagedPath, TreeRow, limits};
use crate::sys::fs::{self, Kind};

impl Worker<'_> {
    /// Before anything else: links that are to be folders become folders.
    pub(super) fn unfold_links(&self) -> Result<(), Error> {
        let goal = &self.course.goal_ledger().tree;
        for (path, row) in self.course.leaving() {
            if row.mode != InstallMode::Link || path.below(goal).next().is_none() {
                continue;
            }
            match self.moved_by_this(path) {
                Some(name) if self.course.direction == Direction::Back => {
                    if self.bring_back(path, name)? == Back::Blocked {
                        return Err(Error::InTheWay(self.path(path)));
                    }
                }
                _ if self.our_link(path)?.is_some() => self.unfold(path, row)?,
                _ => self.finish_unfolding(path)?,
            }
        }
        Ok(())
    }

    /// What stands at `path` goes on in other rows: at its folder, or at the files below it.
    pub(super) fn is_regrouped(&self, path: &ManagedPath) -> bool {
        let goal = &self.course.goal_ledger().tree;
        path.above(goal).is_some() || path.below(goal).next().is_some()
    }

    /// Where there is no exchange: the link is gone, and the folder not yet in its place.
    fn finish_unfolding(&self, path: &ManagedPath) -> Result<(), Error> {
        let full = self.path(path);
        let temporary = temporary(&full);
        if fs::lstat(&full)?.is_none() && is_folder(&temporary)? {
            fs::rename(&temporary, &full)?;
        }
        Ok(())
    }

    /// Puts a folder in the place of our link: what the link stands on, what others have put behind it, and our copies.
    fn unfold(&self, path: &ManagedPath, row: &TreeRow) -> Result<(), Error> {
        let full = self.path(path);
        let temporary = temporary(&full);
        fs::remove_all(&temporary)?;
        match self.displaced_folder(row)? {
            Some(displaced) => stage::copy_tree(&displaced, &temporary)?,
            None => fs::make_folder(&temporary, 0o755)?,
        }
        let goal = &self.course.goal_ledger().tree;
        for below in fs::walk(&full)? {
            let own = ManagedPath::new(format!("{path}/{}", below.to_string_lossy())).ok();
            let is_replaced = own.as_ref().is_some_and(|own| goal.contains_key(own));
            if !is_replaced && !self.is_as_stored(own.as_ref(), &full.join(&below))? {
                put(&full.join(&below), &temporary.join(&below), None)?;
            }
        }
        for (own, _) in path.below(goal) {
            let Some((source, mode)) = self.stored(own) else { continue };
            let target = temporary.join(&own.as_str()[path.as_str().len() + 1..]);
            put(&source, &target, Some(mode))?;
            self.locked.sync(&target)?;
        }
        if fs::exchange(&full, &temporary)? {
            return Ok(fs::remove_file(&temporary)?);
        }
        fs::remove_file(&full)?;
        Ok(fs::rename(&temporary, &full)?)
    }

    /// The folder of the user's that a link of ours stands on.
    fn displaced_folder(&self, row: &TreeRow) -> Result<Option<std::path::PathBuf>, Error> {
        let displaced = row.how.aside().map(|name| self.locked.store.displaced(name));
        Ok(match displaced {
            Some(displaced) if is_folder(&displaced)? => Some(displaced),
            _ => None,
        })
    }

    /// Whether a file behind a link is as the generation that is left has it.
    fn is_as_stored(&self, own: Option<&ManagedPath>, file: &Path) -> Result<bool, Error> {
        let files = self.course.sides().1.map(|side| &side.manifest.state.files);
        let Some(record) = own.and_then(|own| files?.get(own)) else { return Ok(false) };
        let is_file = fs::lstat(file)?.is_some_and(|stat| stat.kind == Kind::File);
        Ok(is_file && Digest::of(&fs::read(file, u64::MAX - 1)?) == record.digest)
    }

    /// Whether all that is in the folder at `path` is known elsewhere, so that a link can stand for it: copies of
    /// ours, and what [`Self::unfold`] has put beside them.
    pub(super) fn is_our_folder(&self, path: &ManagedPath, row: &TreeRow) -> Result<bool, Error> {
        let full = self.path(path);
        let start = &self.course.start_ledger().tree;
        if row.mode != InstallMode::Link || path.below(start).next().is_none() || !is_folder(&full)? {
            return Ok(false);
        }
        let displaced = self.displaced_folder(row)?;
        let goal = self.course.goal().filter(|_| self.course.direction == Direction::Back);
        let behind = goal.map(|goal| {
            self.locked.store.generation(goal.manifest.generation).join("files").join(path.as_str())
        });
        for below in fs::walk(&full)? {
            let file = full.join(&below);
            let own = ManagedPath::new(format!("{path}/{}", below.to_string_lossy())).ok();
            let is_copy = match own.and_then(|own| start.get(&own)) {
                Some(row) if fs::lstat(&file)?.is_some_and(|stat| stat.kind == Kind::File) => {
                    Digest::of(&fs::read(&file, limits::SOURCE_BYTES_MAX)?) == row.digest
                }
                _ => false,
            };
            let mut others = [&displaced, &behind].into_iter().flatten();
            if !is_copy
                && !others.any(|other| observe::is_same_content(&file, &other.join(&below)).unwrap_or(false))
            {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// Copies a file or link over whatever is there, with the folders above it.
fn put(source: &Path, target: &Path, mode: Option<u32>) -> Result<(), Error> {
    fs::make_folders(target.parent().unwrap_or(Path::new("/")), 0o755)?;
    fs::remove_file(target)?;
    let Some(stat) = fs::lstat(source)? else { return Err(Error::Missing(source.to_owned())) };
    match stat.kind {
        Kind::Link => Ok(fs::symlink(&fs::read_link(source)?, target)?),
        _ => Ok(fs::copy_new(source, target, mode.unwrap_or(stat.mode | 0o200))?),
    }
}
