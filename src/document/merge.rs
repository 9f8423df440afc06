//! The keyed three-way merge: base (what we wrote), live (what is there), desired (what
//! the profile says), decided entry by entry.
//!
//! One question decides everything: *what would be there without us?* If what is there now is
//! what we wrote, the ledger knows (nothing, a displaced value, or the same by
//! coincidence). If it is not, somebody else has spoken since, and what is there is the answer.
//! Hence `before` is always the newest value that no generation of ours wrote, and it does
//! not matter whether an interrupted apply had written the document or not.
//!
//! The verdicts are in `decide`, pure; here and in `let_go` they are carried out, with
//! `containers` and `displaced` for the white space around and what comes back.

mod containers;
mod decide;
mod displaced;
mod let_go;
mod veiled;

use std::collections::{HashMap, HashSet};

use serde_json::Value;

use super::hooks;
use super::splice::Splice;
use super::text::Fault;
use super::tree::{Document, Node, names};
use super::value::canonical;
use crate::model::{
    Container, Declared, Digest, Displaced, DocumentLedger, HookId, How, Key, Origin, Pointer, Row, Want,
};
use decide::{Known, Verdict, decide, decide_default, earlier};
pub use veiled::{Found, merge_found};

/// Everything a merge looks at.
#[derive(Debug, Clone, Copy)]
pub struct MergeInput<'a> {
    pub bases: Bases<'a>,
    /// The document's text; `None` when there is no file.
    pub live: Option<&'a str>,
    pub desired: &'a [Declared],
    /// What is there already, and as declared, is taken over.
    pub adopts: bool,
    pub letting_go: LettingGo,
    /// Meanings of the commands of hook files that leave the root: whatever runs exactly
    /// one of them goes too, or the client would report a missing hook at every call.
    pub leaving: &'a [String],
    /// The same of hook files that had left and are declared again: whatever runs one of them was
    /// written back by somebody with a stale copy of the document, and is ours again.
    pub returning: &'a [String],
    /// The home folder, for comparing commands.
    pub home: Option<&'a str>,
}

/// The ledgers a merge starts from.
#[derive(Debug, Clone, Copy)]
pub struct Bases<'a> {
    /// Of the generation that is left.
    pub current: &'a DocumentLedger,
    /// During recovery: of the generation whose apply or undoing was interrupted. What it
    /// wrote may or may not be in the document.
    pub other: Option<&'a DocumentLedger>,
}

/// Why entries are let go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LettingGo {
    /// The profile no longer declares them.
    Undeclared,
    /// Everything goes, or it is gone back to before they were declared; what was taken over stays.
    Back,
}

/// What comes of a merge.
#[derive(Debug, Clone, PartialEq)]
pub struct Merged {
    /// The new text; `None` when there is to be no file.
    pub text: Option<String>,
    /// What it says.
    pub value: Value,
    pub ledger: DocumentLedger,
    /// Entry by entry, in the order in which the profile has them, then what is let go.
    pub changes: Vec<EntryChange>,
    /// The edits as an RFC 6902 patch of the live value (`{}` when there was no file).
    pub patch: Value,
    pub splices: Vec<Splice>,
}

/// What happens to one entry.
#[derive(Debug, Clone, PartialEq)]
pub struct EntryChange {
    pub key: Key,
    pub action: Action,
    /// What is there now.
    pub before: Option<Value>,
    /// What will be there.
    pub after: Option<Value>,
    /// Where it is declared, if it is.
    pub origin: Option<Origin>,
}

/// What is done with an entry, and so why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Declared and not there.
    Add,
    /// Declared; the user has another value, which comes back when it is let go.
    Override,
    /// Ours, declared differently now.
    Update,
    /// Ours, changed by others, and asserted again.
    Reassert,
    /// Declared, and the user has the same already: nothing is written.
    Coincide,
    /// The same, and the profile takes over what is as it declares.
    Adopt,
    /// Ours and no longer declared.
    Remove,
    /// No longer declared: what it stood on comes back.
    Restore,
    /// Ours once, changed by others and no longer declared: theirs now, nothing is written.
    Release,
    /// No longer declared, but the user had it too or we had only adopted it: it stays.
    Leave,
    /// Not ours, but it runs a hook file of ours that leaves.
    RemoveDangling,
}

impl Action {
    /// Whether the document is edited.
    #[must_use]
    pub fn is_edit(self) -> bool {
        !matches!(self, Self::Coincide | Self::Adopt | Self::Release | Self::Leave)
    }
}

/// Why a document can't be merged into.
#[derive(Debug, Clone, PartialEq)]
pub enum Refusal {
    /// The text itself.
    Fault(Fault),
    /// Something on the way to an entry is no object (or, for a set, no list).
    Shape {
        /// What is in the way.
        pointer: Pointer,
        found: &'static str,
        wanted: &'static str,
        /// The entry that needs it.
        key: Key,
        origin: Option<Origin>,
    },
    /// What the entry stands on is to come back, and the key that opens it is gone.
    Sealed { key: Key },
}

impl From<Fault> for Refusal {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

/// Merges.
///
/// # Errors
/// A text that is refused, or a shape that has no room for a declared entry. Nothing that
/// is not declared is ever a reason to refuse.
pub fn merge(input: &MergeInput<'_>) -> Result<Merged, Refusal> {
    let mut merger = Merger::new(input)?;
    merger.reshuffle()?;
    merger.make_room()?;
    for declared in input.desired {
        merger.assert(declared)?;
    }
    merger.let_go()?;
    Ok(merger.finish())
}

/// A row of the new ledger.
struct Entry {
    name: String,
    row: Row,
    /// A slot was put in or taken out for it just now. The ledger is in the order in which
    /// that was done, so that letting go in reverse gives every neighbour its white space back.
    moved: bool,
}

struct Merger<'a> {
    input: &'a MergeInput<'a>,
    document: Document,
    /// The live file is absent.
    is_new: bool,
    current: HashMap<String, &'a Row>,
    other: HashMap<String, &'a Row>,
    /// Elements of set-like lists that have been looked at: canonical text -> how many.
    sets: HashMap<Pointer, HashMap<String, usize>>,
    containers: Vec<(Pointer, Container)>,
    rows: Vec<Entry>,
    /// Slots put in or taken out so far.
    moves: usize,
    /// What entries of the ledger stand on, where putting something else back has moved it.
    displaced: HashMap<String, Displaced>,
    /// Kept absent until now, and back before its turn (see `reshuffle`).
    revealed: HashSet<String>,
    /// Still kept absent, and taken out anew.
    retaken: HashSet<String>,
    /// Let go before their turn (see `make_room`).
    let_gone: HashSet<String>,
    changes: Vec<EntryChange>,
}

impl<'a> Merger<'a> {
    fn new(input: &'a MergeInput<'a>) -> Result<Self, Refusal> {
        let document = input.live.map_or_else(|| Ok(Document::empty()), Document::parse)?;
        let index = |ledger: &'a DocumentLedger| {
            ledger.rows.iter().map(|row| (name_of(&row.key, input.home), row)).collect::<HashMap<_, _>>()
        };
        let mut containers = input.bases.current.containers.clone();
        let others = input.bases.other.map(|ledger| ledger.containers.as_slice()).unwrap_or_default();
        let known = |pointer: &Pointer| input.bases.current.containers.iter().any(|(own, _)| own == pointer);
        containers.extend(others.iter().filter(|(pointer, _)| !known(pointer)).cloned());
        let is_new = input.live.is_none();
        containers.retain(|(pointer, _)| !is_new && document.get(&names(pointer)).is_some());
        Ok(Self {
            input,
            document,
            is_new,
            current: index(input.bases.current),
            other: input.bases.other.map(index).unwrap_or_default(),
            sets: HashMap::new(),
            containers,
            rows: Vec::new(),
            moves: 0,
            displaced: HashMap::new(),
            revealed: HashSet::new(),
            retaken: HashSet::new(),
            let_gone: HashSet::new(),
            changes: Vec::new(),
        })
    }

    fn known(&self, name: &str, key: &Key) -> Known<'a> {
        let is_returning = matches!(key, Key::Hook(id)
            if self.input.returning.contains(&hooks::meaning(&id.command, self.input.home)));
        Known {
            current: self.current.get(name).copied(),
            other: self.other.get(name).copied(),
            by_name: !matches!(key, Key::Value(_)),
            is_returning,
        }
    }

    /// Makes one declared entry so.
    fn assert(&mut self, declared: &Declared) -> Result<(), Refusal> {
        let Declared { key, want, origin, secrets: _ } = declared;
        let name = name_of(key, self.input.home);
        let known = self.known(&name, key);
        let live = self.found(&name, key);
        let (want, is_default) = match want {
            Want::Enforced(value) => (Some(value), false),
            Want::Default(value) => (Some(value), true),
            Want::Absent => (None, false),
        };
        let verdict = match want {
            Some(value) if is_default => decide_default(known, live.as_ref(), value),
            want => decide(known, live.as_ref(), want),
        };
        let moves = self.moves;
        let (how, action) = match verdict {
            Verdict::Nothing => return Ok(()),
            Verdict::Released => (How::Released, None),
            Verdict::Keep(how) => {
                let is_news =
                    how == How::Coincident && known.current.is_none_or(|row| row.how != How::Coincident);
                // A hook with other fields stays the user's: asserting ours would rewrite it.
                let is_taken =
                    is_news && self.input.adopts && want.is_some() && decide::same(live.as_ref(), want);
                let how = match how {
                    How::Coincident if is_taken => How::Adopted,
                    How::Replaced(before) => How::Replaced(self.displaced.remove(&name).unwrap_or(before)),
                    how => how,
                };
                (how, is_news.then_some(if is_taken { Action::Adopt } else { Action::Coincide }))
            }
            Verdict::Write(how, action) => {
                let how = match (want, how) {
                    // It was kept absent: back to its place with it first, then the new value over it.
                    (Some(value), How::Replaced(before)) if live.is_none() && before.place.is_some() => {
                        let before = self.displaced.remove(&name).unwrap_or(before);
                        self.bring_back(&name, key, &before, false)?;
                        self.put(key, value, origin)?;
                        How::Replaced(Displaced { place: None, ..before })
                    }
                    (Some(value), how) => {
                        self.put(key, value, origin)?;
                        how
                    }
                    (None, How::Replaced(before)) => {
                        How::Replaced(Displaced { place: self.take_all(key).place, ..before })
                    }
                    (None, _) => {
                        self.take_all(key);
                        How::Coincident
                    }
                };
                (how, Some(action))
            }
            Verdict::Displace(action) => {
                let taken = known.wrote(live.as_ref()).is_some_and(|row| row.how == How::Adopted);
                let before = match want {
                    Some(value) => Displaced::new(self.put(key, value, origin)?, None),
                    None => self.take_all(key),
                };
                let before = Displaced { taken, ..before };
                (How::Replaced(before), Some(action))
            }
            Verdict::Reveal(before) => {
                let before = self.displaced.remove(&name).unwrap_or(before);
                self.bring_back(&name, key, &before, live.is_some())?;
                let how = if before.taken { How::Adopted } else { How::Coincident };
                (how, Some(Action::Restore))
            }
        };
        if let Some(action) = action {
            self.change(key, action, live.as_ref(), want, Some(origin));
        }
        let row = Row {
            key: key.clone(),
            wrote: want.cloned(),
            how,
            default: is_default,
            earlier: earlier(known, want),
            secrets: Vec::new(),
            earlier_secrets: Vec::new(),
        };
        let moved = self.moves > moves || self.retaken.contains(&name);
        self.rows.push(Entry { name, row, moved });
        Ok(())
    }

    fn change(
        &mut self,
        key: &Key,
        action: Action,
        before: Option<&Value>,
        after: Option<&Value>,
        origin: Option<&Origin>,
    ) {
        self.changes.push(EntryChange {
            key: key.clone(),
            action,
            before: before.cloned(),
            after: after.cloned(),
            origin: origin.cloned(),
        });
    }

    /// What was there under `key` when the merge began.
    fn found(&mut self, name: &str, key: &Key) -> Option<Value> {
        if self.revealed.contains(name) { None } else { self.live(key) }
    }

    /// What is there under `key`.
    fn live(&mut self, key: &Key) -> Option<Value> {
        match key {
            Key::Value(pointer) => self.document.get(&names(pointer)).map(Node::to_value),
            Key::Element { list, value } => {
                let is_there = self.set(list).get(&canonical(value)).is_some_and(|count| *count > 0);
                is_there.then(|| value.clone())
            }
            Key::Hook(id) => {
                let place = hooks::find(&self.document, id, self.input.home)?;
                Some(hooks::comparable(&place.entry))
            }
        }
    }

    fn set(&mut self, list: &Pointer) -> &mut HashMap<String, usize> {
        let document = &self.document;
        self.sets.entry(list.clone()).or_insert_with(|| {
            let mut counts = HashMap::new();
            let node = document.get(&names(list)).filter(|node| node.is_list());
            for element in node.into_iter().flat_map(Node::children) {
                *counts.entry(canonical(&element.to_value())).or_default() += 1;
            }
            counts
        })
    }

    /// Writes a value under `key`; returns the text it replaced, if any.
    fn put(&mut self, key: &Key, value: &Value, origin: &Origin) -> Result<String, Refusal> {
        match key {
            Key::Value(pointer) => {
                let (last, holder) = pointer.split_last().expect("BUG: a value has a name");
                if self.document.get(&names(pointer)).is_some() {
                    return Ok(self.document.replace(&names(pointer), value));
                }
                self.make_containers(holder, false, key, origin)?;
                self.push(holder, Some(last), value);
            }
            Key::Element { list, value } => {
                self.make_containers(list, true, key, origin)?;
                self.push(list, None, value);
                *self.set(list).entry(canonical(value)).or_default() += 1;
            }
            Key::Hook(id) => {
                if let Some(place) = hooks::find(&self.document, id, self.input.home) {
                    return Ok(self.document.replace(&hooks::entry_path(&id.event, &place), value));
                }
                let list = key.pointer();
                self.make_containers(&list, true, key, origin)?;
                self.push(&list, None, &hooks::group(id, value));
            }
        }
        Ok(String::new())
    }

    fn finish(mut self) -> Merged {
        let base = self.input.bases.current.rows.iter().enumerate();
        let order: HashMap<String, usize> =
            base.map(|(at, row)| (name_of(&row.key, self.input.home), at)).collect();
        let retaken = &self.retaken;
        let place = |entry: &Entry| match order.get(&entry.name) {
            _ if retaken.contains(&entry.name) => usize::MAX - 1,
            Some(place) if !entry.moved => *place,
            _ => usize::MAX,
        };
        self.rows.sort_by_key(place);
        let containers = self.kept_containers();
        let made_file = self.is_new || self.containers.contains(&(Vec::new(), Container::Made));
        let text = (!(made_file && self.document.root().is_empty())).then(|| self.document.render());
        let ledger = DocumentLedger {
            rows: self.rows.into_iter().map(|entry| entry.row).collect(),
            containers,
            wrote: text.as_ref().map(|text| Digest::of(text.as_bytes())),
        };
        let (patch, splices) = (self.document.patch(), self.document.splices());
        let value = self.document.root().to_value();
        Merged { text, value, ledger, changes: self.changes, patch, splices }
    }
}

/// One text per entry, the same for two spellings of one command.
#[must_use]
pub fn name_of(key: &Key, home: Option<&str>) -> String {
    match key {
        Key::Value(pointer) => format!("value {}", canonical(&Value::from(pointer.as_slice()))),
        Key::Element { list, value } => {
            format!("element {} {}", canonical(&Value::from(list.as_slice())), canonical(value))
        }
        Key::Hook(HookId { event, matcher, command }) => {
            let id = [event.as_str(), matcher, &hooks::meaning(command, home)];
            format!("hook {}", canonical(&Value::from(id.as_slice())))
        }
    }
}

#[cfg(test)]
mod tests;
