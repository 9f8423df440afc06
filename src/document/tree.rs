//! A JSON document that remembers every byte of its text.
//!
//! Each member or element is a slot with the white space before and after it; a text is the
//! concatenation of all of them. So what is not edited is not changed, and an edit can be
//! undone exactly, even when others have edited elsewhere meanwhile: taking a slot out gives
//! its neighbours the white space they had before it came, and the other way round.

use std::ops::Range;

use jsonc_parser::ast;
use jsonc_parser::common::Ranged;
use serde_json::{Value, json};

use super::splice::Splice;
use super::text::{self, Fault, FaultKind};
use super::value::{canonical, equal};
use crate::model::{Place, limits};

/// One step from a container to what it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seg {
    /// A member's name.
    Name(String),
    /// An element's index.
    Index(usize),
}

/// Where something that was put back stands now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    /// What it is found by.
    pub label: String,
    /// What stands before it; `None`: it is the first.
    pub anchor: Option<String>,
}

/// A path of names.
#[must_use]
pub fn names(pointer: &[String]) -> Vec<Seg> {
    pointer.iter().cloned().map(Seg::Name).collect()
}

/// A stretch of text: as it was read, or as we wrote it.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Text {
    Source(Range<usize>),
    New(String),
    /// A bracket or comma: the source's where the source has it at that place, else ours.
    Mark(&'static str),
}

impl Text {
    const NONE: Self = Self::New(String::new());

    fn new(text: impl Into<String>) -> Self {
        Self::New(text.into())
    }

    fn get<'a>(&'a self, source: &'a str) -> &'a str {
        match self {
            Self::Source(range) => &source[range.clone()],
            Self::New(text) => text,
            Self::Mark(text) => text,
        }
    }
}

/// A value in the document.
#[derive(Debug, Clone)]
pub struct Node(Kind);

#[derive(Debug, Clone)]
enum Kind {
    Scalar { text: Text, value: Value },
    Container(Container),
}

#[derive(Debug, Clone)]
struct Container {
    is_object: bool,
    slots: Vec<Slot>,
    /// White space inside, when there are no slots.
    inner: Text,
}

#[derive(Debug, Clone)]
struct Slot {
    lead: Text,
    name: Option<Name>,
    node: Node,
    trail: Text,
}

#[derive(Debug, Clone)]
struct Name {
    key: String,
    /// As written, with the colon and the white space around it.
    text: Text,
}

/// A parsed document under edit.
#[derive(Debug, Clone)]
pub struct Document {
    source: String,
    bom: bool,
    lead: Text,
    root: Node,
    tail: Text,
    style: Style,
    operations: Vec<Value>,
}

/// How the document writes what we add to it.
#[derive(Debug, Clone)]
struct Style {
    newline: &'static str,
    unit: String,
    colon: String,
    comma_space: &'static str,
}

impl Document {
    /// Parses a settings text.
    ///
    /// # Errors
    /// Whatever [`text::with_ast`] refuses, and a root that is no object.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        let (bom, text) = text::split_bom(text);
        let source = text.to_owned();
        let (root, range) = text::with_ast(text, |ast| (build(ast, text), ast.range()))?;
        if let Some(found) = root.describe_unless_object() {
            return Err(text::fault_at(text, range.start..range.end, FaultKind::NoObject(found)));
        }
        let style = Style::of(&root, &source);
        let (lead, tail) = (Text::Source(0..range.start), Text::Source(range.end..source.len()));
        Ok(Self { source, bom, lead, root, tail, style, operations: Vec::new() })
    }

    /// A new, empty document as the client would write it.
    #[must_use]
    pub fn empty() -> Self {
        Self::parse("{}\n").expect("BUG: an empty object parses")
    }

    /// The root.
    #[must_use]
    pub fn root(&self) -> &Node {
        &self.root
    }

    /// What stands at `path`.
    #[must_use]
    pub fn get(&self, path: &[Seg]) -> Option<&Node> {
        path.iter().try_fold(&self.root, |node, seg| node.child(seg))
    }

    /// The edits so far as an RFC 6902 patch.
    #[must_use]
    pub fn patch(&self) -> Value {
        Value::Array(self.operations.clone())
    }

    /// The text.
    #[must_use]
    pub fn render(&self) -> String {
        let mut out = String::with_capacity(self.source.len() + 256);
        if self.bom {
            out.push('\u{feff}');
        }
        self.for_each_text(&mut |text| out.push_str(text.get(&self.source)));
        out
    }

    /// The edits so far as byte splices of the text that was parsed (with its BOM).
    #[must_use]
    pub fn splices(&self) -> Vec<Splice> {
        let shift = if self.bom { '\u{feff}'.len_utf8() } else { 0 };
        let mut splices: Vec<Splice> = Vec::new();
        let mut cursor = 0;
        let mut gap = |cursor: usize, upto: usize, inserted: &str| {
            let removed = &self.source[cursor..upto];
            match splices.last_mut() {
                Some(last) if last.at + last.removed.len() == cursor + shift => {
                    last.removed.push_str(removed);
                    last.inserted.push_str(inserted);
                }
                _ if removed.is_empty() && inserted.is_empty() => {}
                _ => splices.push(Splice {
                    at: cursor + shift,
                    removed: removed.to_owned(),
                    inserted: inserted.to_owned(),
                }),
            }
        };
        self.for_each_text(&mut |text| match text {
            Text::New(new) => gap(cursor, cursor, new),
            Text::Source(range) if range.is_empty() => {}
            Text::Mark(mark) if self.source[cursor..].starts_with(mark) => cursor += mark.len(),
            Text::Mark(mark) => gap(cursor, cursor, mark),
            Text::Source(range) => {
                gap(cursor, range.start, "");
                cursor = range.end;
            }
        });
        gap(cursor, self.source.len(), "");
        splices.retain(|splice| splice.removed != splice.inserted);
        splices
    }

    fn for_each_text(&self, each: &mut dyn FnMut(&Text)) {
        each(&self.lead);
        self.root.for_each_text(each);
        each(&self.tail);
    }

    /// Adds a member or element after the last one of the container at `path`.
    ///
    /// # Panics
    /// When there is no container at `path`: callers have made sure of it.
    pub fn push(&mut self, path: &[Seg], name: Option<&str>, value: &Value) {
        let indent = self.indent_at(path);
        let is_inline = self.is_inline_at(path);
        let style = self.style.clone();
        let source = std::mem::take(&mut self.source);
        let container = self.container_mut(path);
        let (lead, trail) = match container.slots.last_mut() {
            Some(_) => {
                let lead = container.lead_for_next(&source, &style);
                let last = container.slots.last_mut().expect("BUG: just seen");
                (lead, std::mem::replace(&mut last.trail, Text::NONE))
            }
            None if is_inline => (String::new(), Text::NONE),
            None => {
                let lead = format!("{}{indent}{}", style.newline, style.unit);
                (lead, Text::new(format!("{}{indent}", style.newline)))
            }
        };
        let own_indent = lead.rsplit_once('\n').map(|(_, indent)| indent.to_owned());
        let node = style.write(value, own_indent.as_deref());
        let name = name.map(|key| Name {
            key: key.to_owned(),
            text: Text::new(format!("{}{}", Value::from(key), style.colon)),
        });
        let index = container.slots.len();
        let last = name.as_ref().map_or(Seg::Index(index), |name| Seg::Name(name.key.clone()));
        container.slots.push(Slot { lead: Text::new(lead), name, node, trail });
        self.source = source;
        self.log("add", path, Some(last), Some(value.clone()));
    }

    /// Puts another value where one stands, and returns the text that stood there.
    ///
    /// # Panics
    /// When nothing is at `path`.
    pub fn replace(&mut self, path: &[Seg], value: &Value) -> String {
        let (holder, _) = path.split_at(path.len().saturating_sub(1));
        let indent = (!self.is_inline_at(holder)).then(|| {
            let base = self.indent_at(holder);
            format!("{base}{}", self.style.unit)
        });
        let node = self.style.write(value, indent.as_deref());
        self.replace_node(path, node, value.clone())
    }

    /// Puts the bytes of a value where another stands, and returns what stood there.
    ///
    /// # Errors
    /// When `text` is no JSON value.
    pub fn replace_text(&mut self, path: &[Seg], text: &str) -> Result<String, Fault> {
        let node = text::with_ast(text, |ast| build(ast, text))?.owned(text);
        let value = node.to_value();
        Ok(self.replace_node(path, node, value))
    }

    fn replace_node(&mut self, path: &[Seg], node: Node, value: Value) -> String {
        let target = self.node_mut(path);
        let old = std::mem::replace(target, node);
        self.log("replace", path, None, Some(value));
        old.text(&self.source)
    }

    /// Takes out what stands at `path`; returns its text and where it was.
    /// `emptied` is the white space left inside a container that becomes empty.
    ///
    /// # Panics
    /// When nothing is at `path`, or `path` is empty.
    pub fn remove(&mut self, path: &[Seg], emptied: &str) -> (String, Place) {
        let (seg, holder) = path.split_last().expect("BUG: the root is never removed");
        let source = std::mem::take(&mut self.source);
        let container = self.container_mut(holder);
        let index = container.index_of(seg).expect("BUG: what is removed was there");
        let after = container.labels_before(index);
        let slot = container.slots.remove(index);
        let mut place = Place {
            after,
            lead: slot.lead.get(&source).to_owned(),
            trail: slot.trail.get(&source).to_owned(),
            name: slot.name.as_ref().map(|name| name.text.get(&source).to_owned()).unwrap_or_default(),
            alone: container.slots.is_empty(),
            neighbour: String::new(),
        };
        let text = slot.node.text(&source);
        let moved = match index.checked_sub(1) {
            Some(before) => Some(std::mem::replace(&mut container.slots[before].trail, slot.trail)),
            None => container.slots.first_mut().map(|next| std::mem::replace(&mut next.lead, slot.lead)),
        };
        match moved {
            Some(moved) => moved.get(&source).clone_into(&mut place.neighbour),
            None => container.inner = Text::new(emptied),
        }
        self.source = source;
        self.log("remove", path, None, None);
        (text, place)
    }

    /// Puts back what [`Document::remove`] took out of the container at `path`: after the
    /// same neighbour where that is still there, else at the end.
    ///
    /// # Errors
    /// When `text` is no JSON value.
    pub fn restore(
        &mut self,
        path: &[Seg],
        key: Option<&str>,
        text: &str,
        place: &Place,
    ) -> Result<Restored, Fault> {
        let node = text::with_ast(text, |ast| build(ast, text))?.owned(text);
        let value = node.to_value();
        let closing = format!("{}{}", self.style.newline, self.indent_at(path));
        let source = std::mem::take(&mut self.source);
        let container = self.container_mut(path);
        let index = container.index_after(&place.after);
        let name = key.map(|key| Name { key: key.to_owned(), text: Text::new(&*place.name) });
        let mut slot = Slot { lead: Text::new(&*place.lead), name, node, trail: Text::new(&*place.trail) };
        let neighbour = Text::new(&*place.neighbour);
        let is_astray = place.alone || index == 0 && !place.after.is_empty();
        if let Some(next) = container.slots.first().filter(|_| is_astray) {
            // The neighbours it had are not there, others are: it stands like them.
            slot.lead = Text::new(next.lead.get(&source));
            slot.trail = Text::NONE;
        } else if let Some(before) = index.checked_sub(1) {
            slot.trail = std::mem::replace(&mut container.slots[before].trail, neighbour);
        } else if let Some(next) = container.slots.first_mut() {
            slot.lead = std::mem::replace(&mut next.lead, neighbour);
        } else if !place.alone && place.trail.is_empty() && place.lead.contains('\n') {
            // Whoever stood after it and before the bracket is gone.
            slot.trail = Text::new(closing);
        }
        let anchor = index.checked_sub(1).map(|before| container.label(before));
        container.slots.insert(index, slot);
        let restored = Restored { label: container.label(index), anchor };
        self.source = source;
        self.log(
            "add",
            path,
            Some(key.map_or(Seg::Index(index), |key| Seg::Name(key.to_owned()))),
            Some(value),
        );
        Ok(restored)
    }

    /// Whether the container at `path` has a slot with this label.
    #[must_use]
    pub fn has_label(&self, path: &[Seg], label: &str) -> bool {
        match self.get(path).map(|node| &node.0) {
            Some(Kind::Container(own)) => (0..own.slots.len()).any(|at| own.label(at) == label),
            _ => false,
        }
    }

    /// The white space inside the container at `path`, if it is an empty one.
    #[must_use]
    pub fn inner(&self, path: &[Seg]) -> Option<&str> {
        match &self.get(path)?.0 {
            Kind::Container(container) if container.slots.is_empty() => {
                Some(container.inner.get(&self.source))
            }
            _ => None,
        }
    }

    /// Gives an empty container its white space back.
    pub fn set_inner(&mut self, path: &[Seg], inner: &str) {
        self.container_mut(path).inner = Text::new(inner);
    }

    fn container_mut(&mut self, path: &[Seg]) -> &mut Container {
        match &mut self.node_mut(path).0 {
            Kind::Container(container) => container,
            Kind::Scalar { .. } => panic!("BUG: a scalar at {path:?} was taken for a container"),
        }
    }

    fn node_mut(&mut self, path: &[Seg]) -> &mut Node {
        path.iter().fold(&mut self.root, |node, seg| {
            node.child_mut(seg).unwrap_or_else(|| panic!("BUG: nothing at {path:?}"))
        })
    }

    /// The indentation of the line on which the container at `path` opens.
    fn indent_at(&self, path: &[Seg]) -> String {
        let mut indent = "";
        let mut node = &self.root;
        for seg in path {
            let Some(slot) = node.slot(seg) else { break };
            if let Some((_, after)) = slot.lead.get(&self.source).rsplit_once('\n') {
                indent = after;
            }
            node = &slot.node;
        }
        indent.to_owned()
    }

    /// Whether what is put into the container at `path` stays on one line with it.
    fn is_inline_at(&self, path: &[Seg]) -> bool {
        let has_break = |text: &Text| text.get(&self.source).contains('\n');
        let mut is_inline = false;
        let mut node = &self.root;
        for upto in 0..=path.len() {
            if let Kind::Container(Container { slots, .. }) = &node.0
                && let Some(first) = slots.first()
            {
                // The first and the last tell; a list of thousands is not looked through for each.
                let last = slots.last().unwrap_or(first);
                is_inline = ![&first.lead, &first.trail, &last.lead, &last.trail].into_iter().any(has_break);
            }
            let Some(seg) = path.get(upto) else { break };
            let Some(child) = node.child(seg) else { break };
            node = child;
        }
        is_inline
    }

    fn log(&mut self, op: &str, path: &[Seg], last: Option<Seg>, value: Option<Value>) {
        let path: String = path.iter().chain(&last).map(token).collect();
        let mut operation = json!({"op": op, "path": path});
        if let Some(value) = value {
            operation["value"] = value;
        }
        self.operations.push(operation);
    }
}

/// A reference token of RFC 6901.
fn token(seg: &Seg) -> String {
    match seg {
        Seg::Name(name) => format!("/{}", name.replace('~', "~0").replace('/', "~1")),
        Seg::Index(index) => format!("/{index}"),
    }
}

impl Node {
    /// The value.
    #[must_use]
    pub fn to_value(&self) -> Value {
        match &self.0 {
            Kind::Scalar { value, .. } => value.clone(),
            Kind::Container(Container { is_object: false, slots, .. }) => {
                slots.iter().map(|slot| slot.node.to_value()).collect()
            }
            Kind::Container(Container { slots, .. }) => {
                let member = |slot: &Slot| (slot.key().to_owned(), slot.node.to_value());
                Value::Object(slots.iter().map(member).collect())
            }
        }
    }

    /// Whether it is an object.
    #[must_use]
    pub fn is_object(&self) -> bool {
        matches!(&self.0, Kind::Container(Container { is_object: true, .. }))
    }

    /// Whether it is a list.
    #[must_use]
    pub fn is_list(&self) -> bool {
        matches!(&self.0, Kind::Container(Container { is_object: false, .. }))
    }

    /// The string, if it is one.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match &self.0 {
            Kind::Scalar { value, .. } => value.as_str(),
            Kind::Container(_) => None,
        }
    }

    /// How many members or elements it has; `None` for a scalar.
    #[must_use]
    pub fn len(&self) -> Option<usize> {
        match &self.0 {
            Kind::Container(container) => Some(container.slots.len()),
            Kind::Scalar { .. } => None,
        }
    }

    /// Whether it is a container without anything in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == Some(0)
    }

    /// A list's elements or an object's values, in order.
    pub fn children(&self) -> impl Iterator<Item = &Self> {
        let slots = match &self.0 {
            Kind::Container(container) => container.slots.as_slice(),
            Kind::Scalar { .. } => &[],
        };
        slots.iter().map(|slot| &slot.node)
    }

    /// An object's names, in order.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        let slots = match &self.0 {
            Kind::Container(container) if container.is_object => container.slots.as_slice(),
            _ => &[],
        };
        slots.iter().map(Slot::key)
    }

    /// The member `name`.
    #[must_use]
    pub fn member(&self, name: &str) -> Option<&Self> {
        match &self.0 {
            Kind::Container(container) => container.slot_named(name).map(|slot| &slot.node),
            Kind::Scalar { .. } => None,
        }
    }

    /// What kind of value it is, for people.
    #[must_use]
    pub fn describe(&self) -> &'static str {
        match &self.0 {
            Kind::Container(Container { is_object: true, .. }) => "an object",
            Kind::Container(_) => "a list",
            Kind::Scalar { value: Value::String(_), .. } => "a string",
            Kind::Scalar { value: Value::Number(_), .. } => "a number",
            Kind::Scalar { value: Value::Bool(_), .. } => "a boolean",
            Kind::Scalar { .. } => "null",
        }
    }

    fn describe_unless_object(&self) -> Option<&'static str> {
        (!self.is_object()).then(|| self.describe())
    }

    fn slot(&self, seg: &Seg) -> Option<&Slot> {
        match (&self.0, seg) {
            (Kind::Container(container), Seg::Name(name)) => container.slot_named(name),
            (Kind::Container(container), Seg::Index(index)) => container.slots.get(*index),
            (Kind::Scalar { .. }, _) => None,
        }
    }

    fn child(&self, seg: &Seg) -> Option<&Self> {
        self.slot(seg).map(|slot| &slot.node)
    }

    fn child_mut(&mut self, seg: &Seg) -> Option<&mut Self> {
        let Kind::Container(container) = &mut self.0 else { return None };
        let index = container.index_of(seg)?;
        container.slots.get_mut(index).map(|slot| &mut slot.node)
    }

    fn text(&self, source: &str) -> String {
        let mut out = String::new();
        self.for_each_text(&mut |text| out.push_str(text.get(source)));
        out
    }

    fn for_each_text(&self, each: &mut dyn FnMut(&Text)) {
        match &self.0 {
            Kind::Scalar { text, .. } => each(text),
            Kind::Container(Container { is_object, slots, inner }) => {
                let (open, close) = if *is_object { ("{", "}") } else { ("[", "]") };
                each(&Text::Mark(open));
                if slots.is_empty() {
                    each(inner);
                }
                for (index, Slot { lead, name, node, trail }) in slots.iter().enumerate() {
                    if index > 0 {
                        each(&Text::Mark(","));
                    }
                    each(lead);
                    if let Some(name) = name {
                        each(&name.text);
                    }
                    node.for_each_text(each);
                    each(trail);
                }
                each(&Text::Mark(close));
            }
        }
    }

    /// The same value with texts of its own, no longer ranges of `source`.
    fn owned(self, source: &str) -> Self {
        let own = |text: Text| Text::new(text.get(source));
        match self.0 {
            Kind::Scalar { text, value } => Self(Kind::Scalar { text: own(text), value }),
            Kind::Container(Container { is_object, slots, inner }) => {
                let slots = slots.into_iter().map(|Slot { lead, name, node, trail }| Slot {
                    lead: own(lead),
                    name: name.map(|name| Name { key: name.key, text: own(name.text) }),
                    node: node.owned(source),
                    trail: own(trail),
                });
                let slots = slots.collect();
                Self(Kind::Container(Container { is_object, slots, inner: own(inner) }))
            }
        }
    }
}

impl Slot {
    fn key(&self) -> &str {
        self.name.as_ref().map(|name| name.key.as_str()).unwrap_or_default()
    }
}

impl Container {
    /// The labels of the slots before `index`, nearest first, as many as are remembered.
    fn labels_before(&self, index: usize) -> Vec<String> {
        (0..index).rev().take(limits::NEIGHBOURS_MAX).map(|at| self.label(at)).collect()
    }

    /// The place after the nearest of these that is still there. When none is: the front if these were
    /// all that stood before it, else the end.
    fn index_after(&self, labels: &[String]) -> usize {
        let find = |label: &String| (0..self.slots.len()).find(|at| self.label(*at) == *label);
        let otherwise = if labels.len() < limits::NEIGHBOURS_MAX { 0 } else { self.slots.len() };
        labels.iter().find_map(find).map_or(otherwise, |at| at + 1)
    }

    /// What the slot at `index` is found again by: its name, or in a list its value and
    /// how many equal ones stand before it.
    fn label(&self, index: usize) -> String {
        let slot = &self.slots[index];
        if let Some(name) = &slot.name {
            return name.key.clone();
        }
        let value = slot.node.to_value();
        let before = self.slots[..index].iter().filter(|slot| equal(&slot.node.to_value(), &value));
        format!("{} {}", before.count(), canonical(&value))
    }

    fn slot_named(&self, name: &str) -> Option<&Slot> {
        self.slots.iter().find(|slot| slot.name.as_ref().is_some_and(|own| own.key == name))
    }

    fn index_of(&self, seg: &Seg) -> Option<usize> {
        match seg {
            Seg::Index(index) => (*index < self.slots.len()).then_some(*index),
            Seg::Name(name) => {
                self.slots.iter().position(|slot| slot.name.as_ref().is_some_and(|own| own.key == *name))
            }
        }
    }

    /// White space for a slot after the last one, as the last one has it; a blank line
    /// that separates groups is not repeated.
    fn lead_for_next(&self, source: &str, style: &Style) -> String {
        let last = self.slots.last().map(|slot| slot.lead.get(source)).unwrap_or_default();
        match last.rsplit_once('\n') {
            Some((_, indent)) => format!("{}{indent}", style.newline),
            None if self.slots.len() > 1 => last.to_owned(),
            None => style.comma_space.to_owned(),
        }
    }
}

impl Style {
    fn of(root: &Node, source: &str) -> Self {
        let newline = match source.find('\n') {
            Some(at) if source[..at].ends_with('\r') => "\r\n",
            _ => "\n",
        };
        let Kind::Container(Container { slots, .. }) = &root.0 else {
            unreachable!("BUG: roots are objects")
        };
        let first = slots.first();
        let unit = first.and_then(|slot| slot.lead.get(source).rsplit_once('\n')).map(|(_, indent)| indent);
        let unit = unit.filter(|indent| !indent.is_empty()).unwrap_or("  ").to_owned();
        let colon = first.and_then(|slot| slot.name.as_ref()).map(|name| {
            let text = name.text.get(source);
            // The name ends at its closing quote; a colon can stand inside it.
            text.rfind('"').map_or(": ", |quote| &text[quote + 1..]).to_owned()
        });
        let colon = colon.filter(|colon| !colon.contains('\n')).unwrap_or_else(|| ": ".to_owned());
        let comma_space = if colon.ends_with(':') { "" } else { " " };
        Self { newline, unit, colon, comma_space }
    }

    /// A new value; `indent` is that of its own line, `None` to write it on one line.
    fn write(&self, value: &Value, indent: Option<&str>) -> Node {
        let (is_object, children): (bool, Vec<(Option<&str>, &Value)>) = match value {
            Value::Object(members) => (true, members.iter().map(|(k, v)| (Some(k.as_str()), v)).collect()),
            Value::Array(items) => (false, items.iter().map(|v| (None, v)).collect()),
            scalar => {
                return Node(Kind::Scalar { text: Text::new(scalar.to_string()), value: scalar.clone() });
            }
        };
        let inner_indent = indent.map(|indent| format!("{indent}{}", self.unit));
        let break_to = |indent: &str| Text::new(format!("{}{indent}", self.newline));
        let count = children.len();
        let slots = children.into_iter().enumerate().map(|(index, (key, value))| Slot {
            lead: match &inner_indent {
                Some(inner) => break_to(inner),
                None if index == 0 => Text::NONE,
                None => Text::new(self.comma_space),
            },
            name: key.map(|key| Name {
                key: key.to_owned(),
                text: Text::new(format!("{}{}", Value::from(key), self.colon)),
            }),
            node: self.write(value, inner_indent.as_deref()),
            trail: indent.filter(|_| index + 1 == count).map_or(Text::NONE, break_to),
        });
        Node(Kind::Container(Container { is_object, slots: slots.collect(), inner: Text::NONE }))
    }
}

/// The tree of a parsed text; every byte between two things belongs to one of them.
fn build(ast: &ast::Value<'_>, source: &str) -> Node {
    let range = ast.range();
    let scalar = |value: Value| Node(Kind::Scalar { text: Text::Source(range.start..range.end), value });
    match ast {
        ast::Value::StringLit(literal) => scalar(Value::from(&*literal.value)),
        ast::Value::BooleanLit(literal) => scalar(Value::from(literal.value)),
        ast::Value::NullKeyword(_) => scalar(Value::Null),
        ast::Value::NumberLit(literal) => scalar(serde_json::from_str(literal.value).unwrap_or(Value::Null)),
        ast::Value::Object(object) => {
            container(true, range.start..range.end, source, &object.properties, |property| {
                (property.range.start, Some(property.name.as_str()), &property.value)
            })
        }
        ast::Value::Array(array) => {
            container(false, range.start..range.end, source, &array.elements, |value| {
                (value.range().start, None, value)
            })
        }
    }
}

fn container<'a, T>(
    is_object: bool,
    range: Range<usize>,
    source: &str,
    parts: &'a [T],
    read: impl Fn(&'a T) -> (usize, Option<&'a str>, &'a ast::Value<'a>),
) -> Node {
    let mut slots: Vec<Slot> = Vec::with_capacity(parts.len());
    let mut cursor = range.start + 1;
    for part in parts {
        let (start, key, value) = read(part);
        if let Some(before) = slots.last_mut() {
            // Between two values there is white space and one comma.
            let comma = cursor + source[cursor..start].find(',').unwrap_or_default();
            before.trail = Text::Source(cursor..comma);
            cursor = comma + 1;
        }
        let value_range = value.range();
        slots.push(Slot {
            lead: Text::Source(cursor..start),
            name: key.map(|key| Name { key: key.to_owned(), text: Text::Source(start..value_range.start) }),
            node: build(value, source),
            trail: Text::NONE,
        });
        cursor = value_range.end;
    }
    let inner = Text::Source(cursor..range.end - 1);
    if let Some(last) = slots.last_mut() {
        last.trail = inner.clone();
    }
    Node(Kind::Container(Container { is_object, slots, inner }))
}
