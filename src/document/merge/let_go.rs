//! Letting go of what the ledgers have and the profile does not.

use std::collections::HashSet;

use serde_json::Value;

use super::{Action, LettingGo, Merger, Refusal, name_of};
use crate::document::hooks;
use crate::document::tree::{Document, Node, names};
use crate::document::value::equal;
use crate::model::{How, Key, Row, Want};

impl<'a> Merger<'a> {
    /// Lets go of what lies where a value is declared now, before that is written: `a = 1` is not to stand on our
    /// own `a.b = 1`, as if somebody had put that there.
    pub(super) fn make_room(&mut self) -> Result<(), Refusal> {
        let wanted = self.input.desired.iter().filter_map(|declared| match (&declared.key, &declared.want) {
            // An object that is declared is declared to be there, whatever is in it.
            (Key::Value(pointer), Want::Enforced(value)) if !value.is_object() => Some(pointer.as_slice()),
            _ => None,
        });
        let wanted: HashSet<&[String]> = wanted.collect();
        let is_below = |key: &Key| {
            let (pointer, most) = match key {
                Key::Value(pointer) => (pointer, pointer.len() - 1),
                Key::Element { list, .. } => (list, list.len()),
                Key::Hook(_) => return false,
            };
            (1..=most).any(|length| wanted.contains(&pointer[..length]))
        };
        let others = self.input.bases.other.into_iter().flat_map(|ledger| &ledger.rows);
        if !self.input.bases.current.rows.iter().chain(others).any(|row| is_below(&row.key)) {
            return Ok(());
        }
        for (name, row) in self.leaving().into_iter().rev() {
            if is_below(&row.key) {
                self.let_go_of(&name, &row.key)?;
                self.let_gone.insert(name);
            }
        }
        self.prune();
        Ok(())
    }

    /// What the ledgers have and the profile does not, oldest first.
    fn leaving(&self) -> Vec<(String, &'a Row)> {
        let home = self.input.home;
        let mut seen: HashSet<String> =
            self.input.desired.iter().map(|declared| name_of(&declared.key, home)).collect();
        let rows = self.input.bases.current.rows.iter();
        let others = self.input.bases.other.into_iter().flat_map(|ledger| &ledger.rows);
        let named = rows.chain(others).map(|row| (name_of(&row.key, home), row));
        named.filter(|(name, _)| !self.let_gone.contains(name) && seen.insert(name.clone())).collect()
    }

    /// Lets go of whatever the ledgers have and the profile does not, newest first.
    pub(super) fn let_go(&mut self) -> Result<(), Refusal> {
        self.remove_dangling(|_| false);
        for (name, row) in self.leaving().iter().rev() {
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
                // What is there instead may be our own doing: `a = 1` takes away what `a.b = 1` had put there.
                let was = self.at_first(key).filter(|was| live.is_none() && known.wrote(Some(was)).is_some());
                let action = if was.is_some() { Action::Remove } else { Action::Release };
                self.change(key, action, was.as_ref().or(live.as_ref()), live.as_ref(), None);
            }
            return Ok(());
        };
        // Where the generation that is gone back to has no row, the one undone had only taken it over.
        let adopted_stays = self.input.letting_go == LettingGo::Back || known.current.is_none();
        let action = match (&row.how, live.is_some()) {
            (How::Replaced(before), is_there) if adopted_stays || !before.taken => {
                let before = self.displaced.get(name).unwrap_or(before).clone();
                self.bring_back(name, key, &before, is_there)?;
                Action::Restore
            }
            (How::Adopted, _) if adopted_stays => Action::Leave,
            (How::Added | How::Adopted | How::Replaced(_), true) => {
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

    /// What was there under `key` before this merge wrote anything.
    fn at_first(&self, key: &Key) -> Option<Value> {
        let document = Document::parse(self.input.live?).ok()?;
        match key {
            Key::Value(pointer) => document.get(&names(pointer)).map(Node::to_value),
            Key::Element { list, value } => {
                let list = document.get(&names(list)).filter(|node| node.is_list())?;
                let is_there = list.children().any(|element| equal(&element.to_value(), value));
                is_there.then(|| value.clone())
            }
            Key::Hook(id) => {
                let place = hooks::find(&document, id, self.input.home)?;
                Some(hooks::comparable(&place.entry))
            }
        }
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
