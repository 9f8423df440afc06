//! Letting go of what the ledgers have and the profile does not.

use std::collections::HashSet;

use super::{Action, LettingGo, Merger, Refusal, name_of};
use crate::document::hooks;
use crate::model::{How, Key, Row};

impl Merger<'_> {
    /// Lets go of whatever the ledgers have and the profile does not, newest first.
    pub(super) fn let_go(&mut self) -> Result<(), Refusal> {
        self.remove_dangling(|_| false);
        let home = self.input.home;
        let mut seen: HashSet<String> =
            self.input.desired.iter().map(|declared| name_of(&declared.key, home)).collect();
        let rows = self.input.bases.current.rows.iter();
        let others = self.input.bases.other.into_iter().flat_map(|ledger| &ledger.rows);
        let named = rows.chain(others).map(|row| (name_of(&row.key, home), row));
        let leaving: Vec<_> = named.filter(|(name, _)| seen.insert(name.clone())).collect();
        for (name, row) in leaving.iter().rev() {
            self.let_go_of(name, &row.key)?;
        }
        // A second copy that somebody wrote beside ours runs nothing any more either.
        self.remove_dangling(|row| row.how != How::Coincident);
        self.prune();
        Ok(())
    }

    pub(super) fn let_go_of(&mut self, name: &str, key: &Key) -> Result<(), Refusal> {
        let known = self.known(name, key);
        let live = self.found(name, key);
        let Some(row) = known.wrote(live.as_ref()) else {
            if known.current.is_some_and(|row| row.how != How::Released) {
                self.change(key, Action::Release, live.as_ref(), live.as_ref(), None);
            }
            return Ok(());
        };
        // Where the generation that is gone back to has no row, the one undone had only taken it over.
        let adopted_stays = self.input.letting_go == LettingGo::Uninstall || known.current.is_none();
        let action = match (&row.how, live.is_some()) {
            (How::Replaced(before), is_there) => {
                let before = self.displaced.get(name).unwrap_or(before).clone();
                self.bring_back(name, key, &before, is_there)?;
                Action::Restore
            }
            (How::Adopted, _) if adopted_stays => Action::Leave,
            (How::Added | How::Adopted, true) => {
                self.take(key);
                self.prune();
                Action::Remove
            }
            _ => Action::Leave,
        };
        let after = self.live(key);
        self.change(key, action, live.as_ref(), after.as_ref(), None);
        Ok(())
    }

    /// Hooks that are not ours but run a file of ours that leaves.
    /// Of those that the ledgers know, only the rows that `counts` says.
    pub(super) fn remove_dangling(&mut self, counts: impl Fn(&Row) -> bool) {
        let declared: Vec<String> = self
            .input
            .desired
            .iter()
            .filter(|declared| matches!(declared.key, Key::Hook(_)))
            .map(|declared| name_of(&declared.key, self.input.home))
            .collect();
        for id in hooks::running(&self.document, self.input.leaving, self.input.home) {
            let key = Key::Hook(id);
            let name = name_of(&key, self.input.home);
            let rows = [self.current.get(&name), self.other.get(&name)];
            let is_known = rows.into_iter().flatten().any(|row| !counts(row));
            if !declared.contains(&name) && !is_known {
                let live = self.live(&key);
                self.take(&key);
                self.change(&key, Action::RemoveDangling, live.as_ref(), None, None);
            }
        }
    }
}
