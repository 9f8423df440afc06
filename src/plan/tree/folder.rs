//! A folder that was linked as one and becomes copies, file by file; and the way back.
//!
//! The rows of the two forms are at different paths: one at the folder, one at each file below it. What
//! the folder stood on is handed from the one to the others.

use super::{Planner, Seen, TreeChange, is_our_link};
use crate::generation::State;
use crate::model::{Digest, InstallMode, ManagedPath, TreeHow, TreeRow};
use crate::plan::Observation;

impl Planner<'_> {
    /// The link of ours above `path` that becomes a folder, because copies are declared in it.
    pub(super) fn unfolds(&self, path: &ManagedPath, state: &State) -> Option<(ManagedPath, TreeRow)> {
        let base = self.base()?;
        path.parents().find_map(|parent| {
            let Some(Observation::Link { target, .. }) = self.input.observed.folders.get(parent) else {
                return None;
            };
            let folder = ManagedPath::new(parent).ok().filter(|folder| is_our_link(folder, target))?;
            let row = base.ledger.tree.get(&folder).filter(|row| row.mode == InstallMode::Link)?;
            (!state.installs.contains_key(&folder)).then(|| (folder, row.clone()))
        })
    }

    /// Whether the folder, which is there once `link` has become one, is the user's: what `link` stands on has it.
    pub(super) fn is_given_back(&self, link: &ManagedPath, row: &TreeRow, folder: &str) -> bool {
        let displaced = self.input.observed.displaced.get(link).filter(|_| row.how.aside().is_some());
        displaced.is_some_and(|files| {
            link.as_str() == folder || files.iter().any(|file| file.parents().any(|above| above == folder))
        })
    }

    /// A file that was seen through `link`, which becomes a folder: how it comes to be ours, and what happens to it.
    pub(super) fn unfolded(
        &self,
        path: &ManagedPath,
        (link, row): &(ManagedPath, TreeRow),
        wanted: Digest,
        aside: String,
    ) -> (TreeHow, TreeChange) {
        let has = |files: &std::collections::BTreeSet<ManagedPath>| files.contains(path);
        let stands_on = self.input.observed.displaced.get(link).is_some_and(has);
        let below = |name: &String| format!("{name}{}", &path.as_str()[link.as_str().len()..]);
        let how = match &row.how {
            TreeHow::MovedAside(name) if stands_on => TreeHow::MovedAside(below(name)),
            TreeHow::Adopted(name) if stands_on => TreeHow::Adopted(below(name)),
            _ => TreeHow::Added,
        };
        let written = self.base().and_then(|base| base.state.files.get(path)).map(|record| record.digest);
        let found = self.found(path);
        let change = match &found {
            Observation::Absent => TreeChange::Create,
            found if found.shows(wanted) || written.is_some_and(|written| found.shows(written)) => {
                TreeChange::Mode(InstallMode::Copy)
            }
            _ => TreeChange::Reassert(aside),
        };
        (how, change)
    }

    /// A folder of ours with nothing in it but our copies, as they were written: a link can stand for it.
    pub(super) fn folds(&self, path: &ManagedPath, found: &Observation) -> Option<Seen> {
        let base = self.base()?;
        let mut below = path.below(&base.ledger.tree).peekable();
        below.peek()?;
        let is_ours = base.ledger.folders.iter().any(|own| own == path.as_str())
            && below.all(|(_, row)| row.mode == InstallMode::Copy && row.how == TreeHow::Added);
        let written = base.state.install_digest(path)?;
        (is_ours && matches!(found, Observation::Tree { digest } if *digest == written))
            .then_some(Seen::AsWritten)
    }

    /// What the row at `path` stands on and no other row takes over.
    pub(super) fn left_behind(&self, path: &ManagedPath, row: &TreeRow, state: &State) -> Option<String> {
        let name = row.how.aside()?;
        let is_folder = self.input.observed.displaced.contains_key(path);
        let is_unfolded = path.below(&state.installs).next().is_some();
        (!(is_unfolded && is_folder)).then(|| {
            format!("{path} is installed differently now, so what was there first stays in claude-sync/displaced/{name}")
        })
    }

    /// Whether the row at `path` goes on in others: at its folder, or at the files below it.
    pub(super) fn is_regrouped(path: &ManagedPath, state: &State) -> bool {
        path.above(&state.installs).is_some() || path.below(&state.installs).next().is_some()
    }
}
