//! The objects and lists that hold entries: made on the way, gone when they are empty.

use serde_json::Value;

use super::{Merger, Refusal};
use crate::document::text::split_bom;
use crate::document::tree::{Node, names};
use crate::model::{Container, Digest, DocumentLedger, How, Key, Origin, Pointer, Row};

impl Merger<'_> {
    pub(super) fn push(&mut self, holder: &[String], name: Option<&String>, value: &Value) {
        let path = names(holder);
        let is_known = self.containers.iter().any(|(pointer, _)| pointer == holder);
        if let (Some(inner), false) = (self.document.inner(&path), is_known) {
            self.containers.push((holder.to_vec(), Container::Filled(inner.to_owned())));
        }
        self.document.push(&path, name.map(String::as_str), value);
        self.moves += 1;
    }

    /// Makes the objects on the way to `holder`, and `holder` itself (a list if `list`).
    pub(super) fn make_containers(
        &mut self,
        holder: &[String],
        list: bool,
        key: &Key,
        origin: &Origin,
    ) -> Result<(), Refusal> {
        if self.is_new && !self.containers.iter().any(|(pointer, _)| pointer.is_empty()) {
            self.containers.push((Vec::new(), Container::Made));
        }
        for upto in 1..=holder.len() {
            let pointer = &holder[..upto];
            let wants_list = list && upto == holder.len();
            match self.document.get(&names(pointer)) {
                Some(node) if wants_list && node.is_list() || !wants_list && node.is_object() => {}
                Some(node) => {
                    return Err(Refusal::Shape {
                        pointer: pointer.to_vec(),
                        found: node.describe(),
                        wanted: if wants_list { "a list" } else { "an object" },
                        key: key.clone(),
                        origin: Some(origin.clone()),
                    });
                }
                None => {
                    let (last, parent) = pointer.split_last().expect("BUG: from 1");
                    let empty = if wants_list {
                        Value::Array(Vec::new())
                    } else {
                        Value::Object(serde_json::Map::new())
                    };
                    self.push(parent, Some(last), &empty);
                    self.containers.push((pointer.to_vec(), Container::Made));
                }
            }
        }
        Ok(())
    }

    /// A container of the user's that is empty again gets the white space it had.
    pub(super) fn restore_inner(&mut self, pointer: &[String]) {
        let path = names(pointer);
        let Some((_, Container::Filled(inner))) = self.containers.iter().find(|(own, _)| own == pointer)
        else {
            return;
        };
        if self.document.inner(&path).is_some() {
            let inner = if self.was_reprinted() { "" } else { inner.as_str() }.to_owned();
            self.document.set_inner(&path, &inner);
        }
    }

    /// Whether another program has printed the whole file anew since we wrote it: then the
    /// white space we remember is not what it would have written.
    pub(super) fn was_reprinted(&self) -> bool {
        let Some(live) = self.input.live else { return false };
        let wrote = |ledger: &DocumentLedger| ledger.wrote == Some(Digest::of(live.as_bytes()));
        if wrote(self.input.bases.current) || self.input.bases.other.is_some_and(wrote) {
            return false;
        }
        let printed = serde_json::from_str::<Value>(split_bom(live).1)
            .and_then(|value| serde_json::to_string_pretty(&value));
        printed.is_ok_and(|printed| printed.trim_end() == live.trim_end())
    }

    /// Containers that we made go when they are empty, innermost first. What remains of
    /// them and of those we filled stays in the ledger only while something of ours is inside.
    pub(super) fn prune(&mut self) {
        self.containers.sort_by_key(|(pointer, _)| std::cmp::Reverse(pointer.len()));
        for index in 0..self.containers.len() {
            let (pointer, container) = self.containers[index].clone();
            let path = names(&pointer);
            let is_empty = self.document.get(&path).is_some_and(Node::is_empty);
            let Some((_, parent)) = pointer.split_last() else { continue };
            if is_empty && container == Container::Made && !self.is_declared(&pointer) {
                self.document.remove(&path, "");
                self.restore_inner(parent);
            }
        }
    }

    /// Whether the profile declares the object at `pointer` itself.
    pub(super) fn is_declared(&self, pointer: &Pointer) -> bool {
        let key = Key::Value(pointer.clone());
        self.rows.iter().any(|entry| entry.row.wrote.is_some() && entry.row.key == key)
    }

    /// Containers the next merge has to know of: those that are still there with something
    /// of ours inside.
    pub(super) fn kept_containers(&self) -> Vec<(Pointer, Container)> {
        let rows = || self.rows.iter().map(|entry| &entry.row);
        let is_ours = |row: &&Row| row.how != How::Coincident;
        let holds_ours =
            |pointer: &Pointer| rows().filter(is_ours).any(|row| row.key.pointer().starts_with(pointer));
        let is_there = |pointer: &Pointer| self.document.get(&names(pointer)).is_some();
        let kept = self.containers.iter().filter(|(pointer, _)| is_there(pointer) && holds_ours(pointer));
        let mut kept: Vec<_> = kept.cloned().collect();
        kept.sort_by(|(a, _), (b, _)| a.cmp(b));
        kept
    }
}
