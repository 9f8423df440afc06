//! Things that are not ours and make room for ours: moved aside, and brought back.
//!
//! What lies under the displaced name tells how far an earlier run came, in either direction:
//! our own link: the user's thing is in its place; the user's thing: ours stands in its place,
//! or nothing does; nothing: it was never moved, or is back. That holds with and
//! without exchange, because ours is always a link while the two change places: a copy could
//! be mistaken for the user's file when both have the same bytes.

use std::path::Path;

use super::Error;
use super::converge::{Direction, Worker, clear_temporary, temporary};
use super::{observe, stage};
use crate::model::{InstallMode, ManagedPath, TreeRow};
use crate::plan::tree::is_our_link;
use crate::sys::fs::{self, Kind};

/// How bringing something back went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Back {
    /// It is in its place.
    There,
    /// There is nothing to bring back.
    Nothing,
    /// Something that is neither stands in its place.
    Blocked,
}

/// What lies under a displaced name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Aside {
    Nothing,
    OurLink,
    Theirs,
}

impl Worker<'_> {
    fn aside(&self, path: &ManagedPath, name: &str) -> Result<Aside, Error> {
        let aside = self.locked.store.displaced(name);
        Ok(match fs::lstat(&aside)? {
            None => Aside::Nothing,
            Some(stat) if stat.kind == Kind::Link => {
                let text = fs::read_link(&aside)?;
                if is_our_link(path, &text.to_string_lossy()) { Aside::OurLink } else { Aside::Theirs }
            }
            Some(_) => Aside::Theirs,
        })
    }

    /// The name under which this transaction moves something away from `path`.
    pub(super) fn moved_by_this(&self, path: &ManagedPath) -> Option<&str> {
        let new = self.course.new;
        let name = new.ledger.tree.get(path)?.how.aside()?;
        (name == new.manifest.generation.aside(path.as_str())).then_some(name)
    }

    /// Going back, a path from which this transaction moves something away: that is put back,
    /// and nothing else is done there, whatever the old generation had there once.
    pub(super) fn is_as_found(&self, path: &ManagedPath) -> Result<bool, Error> {
        let Some(name) = self.moved_by_this(path).filter(|_| self.course.direction == Direction::Back) else {
            return Ok(false);
        };
        match self.bring_back(path, name)? {
            Back::There => Ok(true),
            Back::Nothing => Ok(fs::lstat(&self.path(path))?.is_some() && self.our_link(path)?.is_none()),
            Back::Blocked => Err(Error::InTheWay(self.path(path))),
        }
    }

    /// Whether something that comes back later still stands where ours is to be.
    pub(super) fn has_to_move(&self, path: &ManagedPath, row: &TreeRow) -> Result<bool, Error> {
        let Some(name) = row.how.aside() else { return Ok(false) };
        let is_due = match self.course.direction {
            Direction::Forward => self.moved_by_this(path).is_some(),
            // Brought back by the transaction that is being undone.
            Direction::Back => !self.course.new.ledger.tree.contains_key(path),
        };
        Ok(is_due && self.aside(path, name)? != Aside::Theirs && self.our_link(path)?.is_none())
    }

    /// Puts ours where something foreign is, and the foreign thing under its displaced name,
    /// at one instant where the file system can.
    pub(super) fn move_aside(&self, path: &ManagedPath, row: &TreeRow) -> Result<(), Error> {
        let full = self.path(path);
        let Some(name) = row.how.aside() else { return Err(Error::InTheWay(full)) };
        let aside = self.locked.store.displaced(name);
        if self.aside(path, name)? == Aside::Nothing {
            fs::make_folders(aside.parent().unwrap_or(Path::new("/")), 0o700)?;
            fs::symlink(Path::new(&self.pinned(path)), &aside)?;
        }
        if fs::lstat(&full)?.is_none() {
            fs::rename_new(&aside, &full)?;
        } else if !fs::exchange(&full, &aside)? {
            fs::remove_file(&aside)?;
            fs::rename(&full, &aside)?;
            fs::symlink(Path::new(&self.pinned(path)), &full)?;
        }
        if row.mode == InstallMode::Copy { self.write_copy(path) } else { Ok(()) }
    }

    /// Puts a displaced thing back in its place, if ours or nothing is there.
    pub(super) fn bring_back(&self, path: &ManagedPath, name: &str) -> Result<Back, Error> {
        let (full, aside) = (self.path(path), self.locked.store.displaced(name));
        match self.aside(path, name)? {
            Aside::Nothing => return Ok(Back::Nothing),
            Aside::OurLink => {
                fs::remove_file(&aside)?;
                let is_theirs = self.our_link(path)?.is_none();
                return Ok(if is_theirs { Back::There } else { Back::Nothing });
            }
            Aside::Theirs => {}
        }
        if fs::lstat(&full)?.is_none() {
            fs::rename_new(&aside, &full)?;
            return Ok(Back::There);
        }
        if self.our_link(path)?.is_none() {
            if !self.is_our_copy(path)? {
                return Ok(Back::Blocked);
            }
            self.replace_by_link(path, &self.pinned(path))?;
        }
        if fs::exchange(&full, &aside)? {
            fs::remove_file(&aside)?;
        } else {
            fs::remove_file(&full)?;
            fs::rename(&aside, &full)?;
        }
        Ok(Back::There)
    }

    /// Where staging has kept what somebody had made of our file at `path`.
    fn kept(&self, path: &ManagedPath) -> Option<std::path::PathBuf> {
        let name = self.course.new.manifest.generation.aside(path.as_str());
        self.moved_by_this(path).is_none().then(|| self.locked.store.displaced(&name))
    }

    /// Whether what stands at `path` was kept by staging, so that it can be replaced.
    pub(super) fn is_kept(&self, path: &ManagedPath) -> Result<bool, Error> {
        self.kept(path).map_or(Ok(false), |kept| observe::is_same_content(&self.path(path), &kept))
    }

    /// Puts back what was made of our copy before this transaction; `false` when nothing was.
    pub(super) fn restore_kept(&self, path: &ManagedPath) -> Result<bool, Error> {
        let Some(kept) = self.kept(path) else { return Ok(false) };
        if fs::lstat(&kept)?.is_none_or(|stat| stat.kind != Kind::File) {
            return Ok(false);
        }
        let full = self.path(path);
        let temporary = temporary(&full);
        clear_temporary(&temporary)?;
        stage::copy_tree(&kept, &temporary)?;
        fs::rename(&temporary, &full)?;
        Ok(true)
    }
}
