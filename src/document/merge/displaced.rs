//! Taking things out of a document, and bringing back what an entry of ours stood on.

use serde_json::Value;

use super::{Merger, Refusal, name_of};
use crate::document::hooks;
use crate::document::tree::{Node, Restored, Seg, names};
use crate::document::value::{canonical, equal};
use crate::model::{Displaced, How, Key, Place, Pointer, Want, limits};

impl Merger<'_> {
    /// Takes out what is under `key`, and with a hook its group if that is left empty.
    pub(super) fn take(&mut self, key: &Key) -> (String, Place) {
        let path = self.path_of(key).expect("BUG: what is taken is there");
        let taken = self.document.remove(&path, "");
        self.moves += 1;
        match key {
            Key::Element { list, value } => {
                if let Some(count) = self.set(list).get_mut(&canonical(value)) {
                    *count -= 1;
                }
            }
            Key::Hook(_) => {
                let group = &path[..path.len() - 2];
                let is_bare = self.document.get(group).is_some_and(|node| {
                    node.keys().all(|name| name == "matcher" || name == "hooks")
                        && node.member("hooks").is_some_and(Node::is_empty)
                });
                if is_bare {
                    self.document.remove(group, "");
                }
            }
            Key::Value(_) => {}
        }
        let holder = key.pointer();
        let holder = if matches!(key, Key::Value(_)) { &holder[..holder.len() - 1] } else { &holder[..] };
        self.restore_inner(holder);
        taken
    }

    /// Takes out every copy of what is under `key`.
    pub(super) fn take_all(&mut self, key: &Key) -> Displaced {
        let displaced = |(text, place)| Displaced::new(text, Some(place));
        let mut first = displaced(self.take(key));
        while self.path_of(key).is_some_and(|path| self.document.get(&path).is_some()) {
            first.also.push(displaced(self.take(key)));
        }
        first
    }

    /// Where elements come back into a list from which others are kept absent, all that went come back
    /// first, in reverse of the order in which they did: only so does each find its place. What
    /// stays away is then taken out anew.
    pub(super) fn reshuffle(&mut self) -> Result<(), Refusal> {
        // During recovery nobody knows which of them are out.
        if self.input.bases.other.is_some() {
            return Ok(());
        }
        let home = self.input.home;
        let absent = self.input.desired.iter().filter(|declared| declared.want == Want::Absent);
        let absent: Vec<(String, &Key)> = absent.map(|own| (name_of(&own.key, home), &own.key)).collect();
        let stays = |name: &String| absent.iter().any(|(own, _)| own == name);
        let rows = self.input.bases.current.rows.iter().rev();
        let rows = rows.filter(|row| row.wrote.is_none() && matches!(row.key, Key::Element { .. }));
        let mut away: Vec<(String, &Key, &Displaced)> = Vec::new();
        for row in rows {
            if let (How::Replaced(before), None) = (&row.how, self.live(&row.key)) {
                away.push((name_of(&row.key, home), &row.key, before));
            }
        }
        let is_mixed = |list: &Pointer| {
            away.iter().any(|(name, key, _)| key.pointer() == *list && !stays(name))
                && absent.iter().any(|(_, key)| key.pointer() == *list)
        };
        for (name, key, before) in away.iter().filter(|(_, key, _)| is_mixed(&key.pointer())) {
            let before = self.displaced.remove(name).unwrap_or_else(|| (*before).clone());
            self.put_back(key, &before, false)?;
            if self.live(key).is_some() {
                self.revealed.insert(name.clone());
            }
        }
        for (name, key) in absent {
            if self.revealed.remove(&name) {
                let before = self.take_all(key);
                self.displaced.insert(name.clone(), before);
                self.retaken.insert(name);
            }
        }
        Ok(())
    }

    /// Brings back what an entry of ours stands on, unless it is back already.
    pub(super) fn bring_back(
        &mut self,
        name: &str,
        key: &Key,
        before: &Displaced,
        is_there: bool,
    ) -> Result<(), Refusal> {
        if self.revealed.remove(name) { Ok(()) } else { self.put_back(key, before, is_there) }
    }

    fn put_back(&mut self, key: &Key, before: &Displaced, is_there: bool) -> Result<(), Refusal> {
        if before.sealed.is_some() {
            return Err(Refusal::Sealed { key: key.clone() });
        }
        if is_there {
            let path = self.path_of(key).expect("BUG: it is there");
            self.document.replace_text(&path, &before.text)?;
            return Ok(());
        }
        let (holder, name) = match key {
            Key::Value(pointer) => {
                let (last, holder) = pointer.split_last().expect("BUG: a value has a name");
                (holder, Some(last.as_str()))
            }
            Key::Element { list, .. } => (&list[..], None),
            Key::Hook(_) => return Ok(()),
        };
        let path = names(holder);
        let has_room = |node: &Node| if name.is_some() { node.is_object() } else { node.is_list() };
        // The place itself is gone: its owner took it away, and what was in it too.
        if !self.document.get(&path).is_some_and(has_room) {
            return Ok(());
        }
        for Displaced { text, place, .. } in before.also.iter().rev().chain([before]) {
            let place = place.clone().unwrap_or_else(|| Place {
                after: Vec::new(),
                lead: String::new(),
                trail: String::new(),
                name: name.map(|name| format!("{}: ", Value::from(name))).unwrap_or_default(),
                alone: false,
                neighbour: String::new(),
            });
            let restored = self.document.restore(&path, name, text, &place)?;
            self.moves += 1;
            self.reanchor(holder, key, &place, &restored);
            if let Key::Element { list, value } = key {
                *self.set(list).entry(canonical(value)).or_default() += 1;
            }
        }
        Ok(())
    }

    /// What was taken out of the same place later, and still is, came after what is back now, unless
    /// it is known to have come before.
    fn reanchor(&mut self, holder: &[String], key: &Key, place: &Place, restored: &Restored) {
        let is_member = matches!(key, Key::Value(_));
        let path = names(holder);
        let home = self.input.home;
        let base = &self.input.bases.current.rows;
        let at = |name: &str| base.iter().position(|row| name_of(&row.key, home) == name);
        let own = at(&name_of(key, home));
        let document = &self.document;
        let adjust = |row_key: &Key, is_later: bool, displaced: &mut Displaced| {
            let label = match row_key {
                Key::Value(pointer) if is_member => {
                    pointer.split_last().filter(|(_, above)| *above == holder).map(|(last, _)| last.clone())
                }
                Key::Element { list, value } if !is_member && list == holder => {
                    Some(format!("0 {}", canonical(value)))
                }
                _ => None,
            };
            let is_after = label.is_some_and(|label| !place.after.contains(&label));
            if !is_after || !is_later {
                return;
            }
            // The nearest that is there, or is known to have come before what is back.
            let is_known = |label: &String| place.after.contains(label) || document.has_label(&path, label);
            for other in displaced.places_mut() {
                let at = other.after.iter().position(is_known).unwrap_or(other.after.len());
                let is_same_place = match other.after.get(at) {
                    Some(label) => Some(label) == restored.anchor.as_ref() || place.after.contains(label),
                    None => restored.anchor.is_none(),
                };
                if is_same_place {
                    other.after.insert(at, restored.label.clone());
                    other.after.truncate(limits::NEIGHBOURS_MAX);
                }
            }
        };
        for entry in &mut self.rows {
            // Moved just now, or further down in the ledger: taken later.
            let is_later = entry.moved || at(&entry.name) > own;
            if let How::Replaced(displaced) = &mut entry.row.how {
                adjust(&entry.row.key, is_later, displaced);
            }
        }
        for (index, row) in base.iter().enumerate() {
            let How::Replaced(displaced) = &row.how else { continue };
            let name = name_of(&row.key, home);
            if displaced.place.is_some() && !self.rows.iter().any(|entry| entry.name == name) {
                let displaced = self.displaced.entry(name).or_insert_with(|| displaced.clone());
                adjust(&row.key, Some(index) > own, displaced);
            }
        }
    }

    fn path_of(&self, key: &Key) -> Option<Vec<Seg>> {
        match key {
            Key::Value(pointer) => Some(names(pointer)),
            Key::Element { list, value } => {
                let mut path = names(list);
                // The last of several: ours are added after the user's.
                let elements: Vec<_> = self.document.get(&path)?.children().collect();
                let index = elements.iter().rposition(|element| equal(&element.to_value(), value))?;
                path.push(Seg::Index(index));
                Some(path)
            }
            Key::Hook(id) => {
                let place = hooks::find(&self.document, id, self.input.home)?;
                Some(hooks::entry_path(&id.event, &place))
            }
        }
    }
}
