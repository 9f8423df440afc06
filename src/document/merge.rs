//! The keyed three-way merge: base (what we wrote), live (what is there), desired (what
//! the profile says), decided entry by entry.
//!
//! One question decides everything: *what would be there without us?* If what is there now is
//! what we wrote, the ledger knows (nothing, a displaced value, or the same by
//! coincidence). If it is not, somebody else has spoken since, and what is there is the answer.
//! Hence `before` is always the newest value that no generation of ours wrote, and it does
//! not matter whether an interrupted apply had written the document or not.

use std::collections::{HashMap, HashSet};

use serde_json::Value;

use super::hooks;
use super::splice::Splice;
use super::text::Fault;
use super::tree::{Document, Node, Restored, Seg, names};
use super::value::{canonical, digest, equal};
use crate::model::{
    Container, Declared, Digest, Displaced, DocumentLedger, HookId, How, Key, Origin, Place, Pointer, Row,
    Want, limits,
};

/// Everything a merge looks at.
#[derive(Debug, Clone, Copy)]
pub struct MergeInput<'a> {
    pub bases: Bases<'a>,
    /// The document's text; `None` when there is no file.
    pub live: Option<&'a str>,
    pub desired: &'a [Declared],
    pub letting_go: LettingGo,
    /// Meanings of the commands of hook files that leave the root: whatever runs exactly
    /// one of them goes too, or the client would report a missing hook at every call.
    pub leaving: &'a [String],
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
    /// Everything goes; what was adopted stays.
    Uninstall,
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
        !matches!(self, Self::Coincide | Self::Release | Self::Leave)
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
    for declared in input.desired {
        merger.assert(declared)?;
    }
    merger.let_go()?;
    Ok(merger.finish())
}

/// What to do about one entry, before it is done.
#[derive(Debug, Clone, PartialEq)]
enum Verdict {
    /// As it should be; the row stays or becomes this.
    Keep(How),
    /// Nothing to do and nothing to remember.
    Nothing,
    /// A default the user took over.
    Released,
    /// Write the wanted state; the row then says this.
    Write(How, Action),
    /// Write the wanted state over a value of the user's, which is remembered.
    Displace(Action),
    /// The wanted value is what it stands on: bring that back, byte for byte.
    Reveal(Displaced),
}

/// What the ledgers say of one entry.
#[derive(Clone, Copy)]
struct Known<'a> {
    current: Option<&'a Row>,
    other: Option<&'a Row>,
    /// The entry is its own name (an element, a hook): what is there under that name is
    /// ours if a row says so, whatever else has been changed about it.
    by_name: bool,
}

impl<'a> Known<'a> {
    fn owned(self) -> impl Iterator<Item = &'a Row> {
        self.other.into_iter().chain(self.current).filter(|row| row.how != How::Released)
    }

    /// The row that wrote what is there now, if one of ours did.
    fn wrote(self, live: Option<&Value>) -> Option<&'a Row> {
        let exactly = self.owned().find(|row| same(row.wrote.as_ref(), live));
        let by_name = || self.owned().find(|row| self.by_name && row.wrote.is_some() == live.is_some());
        let earlier = || {
            let stale = digest(live?);
            self.owned().find(|row| row.earlier.contains(&stale))
        };
        exactly.or_else(by_name).or_else(earlier)
    }
}

fn same(a: Option<&Value>, b: Option<&Value>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => equal(a, b),
        (None, None) => true,
        _ => false,
    }
}

/// The decision for a declared entry. `want` is the value, or `None` for "not there".
fn decide(known: Known<'_>, live: Option<&Value>, want: Option<&Value>) -> Verdict {
    let ours = known.wrote(live);
    let as_wanted = same(live, want) || is_satisfied(live, want);
    let changed = match (ours, known.current.is_some_and(|row| row.how != How::Released)) {
        (Some(row), _) if same(row.wrote.as_ref(), live) => Action::Update,
        (_, true) => Action::Reassert,
        (_, false) if live.is_none() => Action::Add,
        (_, false) => Action::Override,
    };
    match ours.map(|row| &row.how) {
        None | Some(How::Released) if as_wanted => Verdict::Keep(How::Coincident),
        // A hook is its name: the user's own, with other fields, is the one that is declared.
        None if known.by_name && live.is_some() && want.is_some() => Verdict::Keep(How::Coincident),
        None | Some(How::Released) if live.is_none() => Verdict::Write(How::Added, changed),
        None | Some(How::Released) => Verdict::Displace(changed),
        Some(how) if as_wanted => Verdict::Keep(how.clone()),
        // A coincident hook of the user's with other fields stays as the user wrote it.
        Some(How::Coincident) if known.by_name && want.is_some() => Verdict::Keep(How::Coincident),
        Some(How::Coincident) if live.is_none() => Verdict::Write(How::Added, changed),
        Some(How::Coincident) => Verdict::Displace(changed),
        Some(How::Replaced(before)) if displaced_is(before, want) => Verdict::Reveal(before.clone()),
        Some(how) => Verdict::Write(how.clone(), changed),
    }
}

/// The decision for a default.
fn decide_default(known: Known<'_>, live: Option<&Value>, want: &Value) -> Verdict {
    match known.current.or(known.other.filter(|row| same(row.wrote.as_ref(), live))) {
        None if live.is_none() => Verdict::Write(How::Added, Action::Add),
        None => Verdict::Nothing,
        // The declared value has changed: it is said anew.
        Some(row) if row.default && !same(row.wrote.as_ref(), Some(want)) => decide(known, live, Some(want)),
        Some(Row { how: How::Released, .. }) => Verdict::Released,
        Some(_) if known.wrote(live).is_some() => decide(known, live, Some(want)),
        Some(_) => Verdict::Released,
    }
}

/// An empty object is declared to be there, not to be empty.
fn is_satisfied(live: Option<&Value>, want: Option<&Value>) -> bool {
    matches!((live, want), (Some(Value::Object(_)), Some(Value::Object(wanted))) if wanted.is_empty())
}

fn displaced_is(before: &Displaced, want: Option<&Value>) -> bool {
    let Some(want) = want else { return false };
    serde_json::from_str::<Value>(&before.text).is_ok_and(|before| equal(&before, want))
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
            changes: Vec::new(),
        })
    }

    fn known(&self, name: &str, key: &Key) -> Known<'a> {
        Known {
            current: self.current.get(name).copied(),
            other: self.other.get(name).copied(),
            by_name: !matches!(key, Key::Value(_)),
        }
    }

    /// Makes one declared entry so.
    fn assert(&mut self, declared: &Declared) -> Result<(), Refusal> {
        let Declared { key, want, origin } = declared;
        let name = name_of(key, self.input.home);
        let known = self.known(&name, key);
        let live = self.live(key);
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
                (how, is_news.then_some(Action::Coincide))
            }
            Verdict::Write(how, action) => {
                let how = match (want, how) {
                    // It was kept absent: back to its place with it first, then the new value over it.
                    (Some(value), How::Replaced(before)) if live.is_none() && before.place.is_some() => {
                        let before = self.displaced.remove(&name).unwrap_or(before);
                        self.put_back(key, &before, false)?;
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
                let before = match want {
                    Some(value) => {
                        Displaced { text: self.put(key, value, origin)?, place: None, also: Vec::new() }
                    }
                    None => self.take_all(key),
                };
                (How::Replaced(before), Some(action))
            }
            Verdict::Reveal(before) => {
                let before = self.displaced.remove(&name).unwrap_or(before);
                self.put_back(key, &before, live.is_some())?;
                (How::Coincident, Some(Action::Restore))
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
        };
        self.rows.push(Entry { name, row, moved: self.moves > moves });
        Ok(())
    }

    /// Lets go of whatever the ledgers have and the profile does not, newest first.
    fn let_go(&mut self) -> Result<(), Refusal> {
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

    fn let_go_of(&mut self, name: &str, key: &Key) -> Result<(), Refusal> {
        let known = self.known(name, key);
        let live = self.live(key);
        let Some(row) = known.wrote(live.as_ref()) else {
            if known.current.is_some_and(|row| row.how != How::Released) {
                self.change(key, Action::Release, live.as_ref(), live.as_ref(), None);
            }
            return Ok(());
        };
        let adopted_stays = self.input.letting_go == LettingGo::Uninstall;
        let action = match (&row.how, live.is_some()) {
            (How::Replaced(before), is_there) => {
                let before = self.displaced.get(name).unwrap_or(before).clone();
                self.put_back(key, &before, is_there)?;
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
    fn remove_dangling(&mut self, counts: impl Fn(&Row) -> bool) {
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

    fn push(&mut self, holder: &[String], name: Option<&String>, value: &Value) {
        let path = names(holder);
        let is_known = self.containers.iter().any(|(pointer, _)| pointer == holder);
        if let (Some(inner), false) = (self.document.inner(&path), is_known) {
            self.containers.push((holder.to_vec(), Container::Filled(inner.to_owned())));
        }
        self.document.push(&path, name.map(String::as_str), value);
        self.moves += 1;
    }

    /// Makes the objects on the way to `holder`, and `holder` itself (a list if `list`).
    fn make_containers(
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

    /// Takes out what is under `key`, and with a hook its group if that is left empty.
    fn take(&mut self, key: &Key) -> (String, Place) {
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
    fn take_all(&mut self, key: &Key) -> Displaced {
        let displaced = |(text, place)| Displaced { text, place: Some(place), also: Vec::new() };
        let mut first = displaced(self.take(key));
        while self.path_of(key).is_some_and(|path| self.document.get(&path).is_some()) {
            first.also.push(displaced(self.take(key)));
        }
        first
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

    /// Brings back what an entry of ours stands on.
    fn put_back(&mut self, key: &Key, before: &Displaced, is_there: bool) -> Result<(), Refusal> {
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

    /// A container of the user's that is empty again gets the white space it had.
    fn restore_inner(&mut self, pointer: &[String]) {
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
    fn was_reprinted(&self) -> bool {
        let Some(live) = self.input.live else { return false };
        let wrote = |ledger: &DocumentLedger| ledger.wrote == Some(Digest::of(live.as_bytes()));
        if wrote(self.input.bases.current) || self.input.bases.other.is_some_and(wrote) {
            return false;
        }
        let printed = serde_json::from_str::<Value>(super::text::split_bom(live).1)
            .and_then(|value| serde_json::to_string_pretty(&value));
        printed.is_ok_and(|printed| printed.trim_end() == live.trim_end())
    }

    /// Containers that we made go when they are empty, innermost first. What remains of
    /// them and of those we filled stays in the ledger only while something of ours is inside.
    fn prune(&mut self) {
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
    fn is_declared(&self, pointer: &Pointer) -> bool {
        let key = Key::Value(pointer.clone());
        self.rows.iter().any(|entry| entry.row.wrote.is_some() && entry.row.key == key)
    }

    /// Containers the next merge has to know of: those that are still there with something
    /// of ours inside.
    fn kept_containers(&self) -> Vec<(Pointer, Container)> {
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

    fn finish(mut self) -> Merged {
        let base = self.input.bases.current.rows.iter().enumerate();
        let order: HashMap<String, usize> =
            base.map(|(at, row)| (name_of(&row.key, self.input.home), at)).collect();
        let place = |entry: &Entry| order.get(&entry.name).filter(|_| !entry.moved).copied();
        self.rows.sort_by_key(|entry| place(entry).unwrap_or(usize::MAX));
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

/// Digests of what was written before under the same key, without what is written now.
fn earlier(known: Known<'_>, want: Option<&Value>) -> Vec<Digest> {
    let mut earlier: Vec<Digest> = Vec::new();
    for row in known.current.into_iter().chain(known.other) {
        for digest in row.earlier.iter().copied().chain(row.wrote.as_ref().map(digest)) {
            if !earlier.contains(&digest) {
                earlier.push(digest);
            }
        }
    }
    let now = want.map(digest);
    earlier.retain(|digest| Some(*digest) != now);
    let surplus = earlier.len().saturating_sub(limits::EARLIER_VALUES_MAX);
    earlier.split_off(surplus)
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
