//! What there is to say of the commands of a category, as far as use has shown: its *schema*.
//!
//! | change | comes about when, over the last thirty days |
//! |---|---|
//! | a *field* is taken in | at least a fifth of at least 50 commands have it, on at least 3 days; or with it a sub-category splits off |
//! | and dropped | it was in for thirty days, and fewer than one in fifty had it |
//! | a *sub-category* splits off: the commands with a field | that tells at least 0.05 bit about how commands end or how long they take, of at least 100 (20 on either side, 3 days each, at most four fifths with the field), and it is no chance |
//! | and goes back | it was there for thirty days, and fewer than one in fifty belonged to it |
//!
//! So `slurm_job` gains `gpu_type`; `gpu_slurm_job` splits off; later, below it, `bioinformatics_gpu_job`.
//!
//! # No chance
//! A step looks at many fields, and there is one a day: what happens to one in twenty would be found on the first
//! day. Each contrast (failed or not; eight seconds or two minutes long or not) is held to Fisher's exact test
//! ([`chance::fisher`]) at a millionth divided by the number of contrasts that the step looks at (Bonferroni: C. E.
//! Bonferroni 1936; O. J. Dunn, *Multiple Comparisons Among Means*, JASA 56, 1961). Whatever the number of fields,
//! a step splits off something that is not there once in a million; 365 a year, once in 2,700 years. The test
//! takes commands to be drawn one by one. One that is tried thirty times in an afternoon is not, which is what the
//! days are asked for.
//!
//! # What is kept
//! No commands: how many there were of each field and each class of ending, by day ([`table`]), each counted in the
//! narrowest sub-category it belongs to. There is nothing of projects or sessions in it. A sub-category begins to
//! count when it splits off; what was counted before stays where it was, serves for shares, and is not used to split
//! again. A field that is known of the whole is taken in and dropped in its parts without an event: it is no news.
//!
//! # When
//! One step for each day that begins ([`Schema::pass`]), which looks at whole days only. The days are those of the
//! journal's segments, which a clock that is wrong for a moment does not move. So it makes no difference whether
//! what is recorded is taken in at once or little by little.

pub mod chance;
pub mod event;
pub mod field;
mod step;
mod store;
pub mod table;
pub mod view;

use std::collections::BTreeMap;

pub use event::{About, Change, Event, Share};
pub use field::{Aspect, Field};
use table::{Class, Table};

use super::Observed;
use crate::command::shape::Category;

/// So many days are looked back upon, however long anything else is kept.
pub const WINDOW_DAYS: u16 = 30;
/// The history is kept for so many days: it is what people look back upon, and holds no more than its figures.
pub const HISTORY_DAYS: u16 = 360;
/// And so many changes, the oldest go.
const EVENTS_MAX: usize = 1_000;
/// How deep sub-categories of sub-categories go.
const DEPTH_MAX: usize = 4;
/// How many sub-categories there are, over all.
const NODES_MAX: usize = 64;
/// How many fields one schema has.
const TAKEN_MAX: usize = 24;
/// More rows than this, and the oldest days go: about 400 KB.
const ROWS_MAX: usize = 40_000;
/// More changes than this are not kept back; the oldest may come again.
const BLOCKS_MAX: usize = 256;

/// A field that was taken in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kept {
    /// A day since 1970.
    pub since: u16,
    /// The event that says so.
    pub event: u32,
}

/// A category, or a sub-category.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Node {
    /// When it split off.
    since: u16,
    /// The event that says so; 0 for a category.
    event: u32,
    /// What told it from the rest when it split off.
    about: Option<About>,
    fields: BTreeMap<Field, Kept>,
    /// The commands that belong to none of the children.
    table: Table,
    /// Since when these are the same children.
    rest_since: u16,
    /// A command belongs to the first whose field it has.
    children: Vec<(Field, Node)>,
}

/// The schema of one category.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Root {
    version: u32,
    node: Node,
}

/// What was undone, and does not come back before as many commands again speak for it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Block {
    category: Category,
    path: Vec<Field>,
    field: Field,
    kind: Kind,
    /// How many commands are still to come.
    left: u32,
    /// The event that undid it.
    event: u32,
}

/// What kind of change is not made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
enum Kind {
    Taken,
    Dropped,
    Split,
    Joined,
}

/// The schemas of all categories, and how they came to be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Schema {
    roots: BTreeMap<Category, Root>,
    /// By number.
    events: Vec<Event>,
    /// The number of the last event.
    last: u32,
    /// The day of the last step.
    reached: u16,
    blocks: Vec<Block>,
}

/// Why a change can't be undone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotUndone {
    /// There is no such event, or it is long past.
    Unknown,
    /// The event of that number has done it.
    Already(u32),
    /// What it changed has changed since.
    Past,
    /// A category that nobody used any more: it comes again with use.
    Lapsed,
}

impl Node {
    fn at_mut(&mut self, path: &[Field]) -> Option<&mut Self> {
        path.iter().try_fold(self, |node, field| {
            node.children.iter_mut().find(|(own, _)| own == field).map(|(_, child)| child)
        })
    }

    fn nodes(&self) -> impl Iterator<Item = &Self> {
        let mut open = vec![self];
        std::iter::from_fn(move || {
            let node = open.pop()?;
            open.extend(node.children.iter().map(|(_, child)| child));
            Some(node)
        })
    }

    fn tables_mut(&mut self, change: &mut impl FnMut(&mut Table)) {
        change(&mut self.table);
        self.children.iter_mut().for_each(|(_, child)| child.tables_mut(change));
    }

    fn days_mut(&mut self, change: &mut impl FnMut(&mut u16)) {
        change(&mut self.since);
        change(&mut self.rest_since);
        self.fields.values_mut().for_each(|kept| change(&mut kept.since));
        self.children.iter_mut().for_each(|(_, child)| child.days_mut(change));
    }

    /// Has no sub-category of a field any more: its commands are this one's.
    fn rejoin(&mut self, field: Field, day: u16) -> bool {
        let Some(at) = self.children.iter().position(|(own, _)| *own == field) else { return false };
        let (_, mut child) = self.children.remove(at);
        child.tables_mut(&mut |table| self.table.join(std::mem::take(table)));
        self.rest_since = day;
        true
    }

    /// Lets go of a field that was taken in by an event, here and below, and of the sub-categories it makes.
    fn let_go(&mut self, field: Field, event: u32, day: u16) {
        self.fields.retain(|own, kept| *own != field || kept.event != event);
        self.rejoin(field, day);
        self.children.iter_mut().for_each(|(_, child)| child.let_go(field, event, day));
    }

    /// Has a sub-category from now on, which begins to count.
    fn split(&mut self, field: Field, about: Option<About>, event: u32, day: u16) {
        let child = Self { since: day, event, about, rest_since: day, ..Self::default() };
        self.children.push((field, child));
        self.rest_since = day;
    }
}

impl Schema {
    /// Counts a call.
    pub fn count(&mut self, call: &Observed) {
        let Some(shape) = &call.record.shape else { return };
        let fields = Field::of(call);
        let category = shape.category;
        let mut node = &mut self.roots.entry(category).or_default().node;
        let mut path = Vec::new();
        while let Some(at) = node.children.iter().position(|(field, _)| fields.contains(field)) {
            path.push(node.children[at].0);
            node = &mut node.children[at].1;
        }
        node.table.add(call.record.day, &fields, Class::of(call));
        let own = self.blocks.iter_mut().filter(|block| block.category == category);
        own.filter(|block| path.starts_with(&block.path))
            .for_each(|block| block.left = block.left.saturating_sub(1));
    }

    /// Takes in calls of the past that were not recorded when they happened, and looks at them at once: a step more
    /// on that day.
    pub fn take_in(&mut self, calls: &[Observed]) {
        calls.iter().for_each(|call| self.count(call));
        if !calls.is_empty() && self.reached > 0 {
            self.step(self.reached);
        }
    }

    /// All changes there are, the oldest first.
    #[must_use]
    pub fn events(&self) -> &[Event] {
        &self.events
    }

    /// Undoes a change, and what rests on it: a sub-category on its field, and everything within it. What was
    /// undone comes back by itself only once the evidence has doubled: when as many commands as it rested on have
    /// come since. To undo that is to let it come back with the next step. Its number.
    ///
    /// # Errors
    /// When there is nothing to undo.
    pub fn undo(&mut self, number: u32, day: u16) -> Result<u32, NotUndone> {
        let event =
            self.events.iter().find(|event| event.number == number).ok_or(NotUndone::Unknown)?.clone();
        if let Some(by) = event.undone {
            return Err(NotUndone::Already(by));
        }
        let own = self.last + 1;
        let Event { category, path, change, .. } = event;
        if let Change::Undone { .. } = change {
            let before = self.blocks.len();
            self.blocks.retain(|block| block.event != number);
            if self.blocks.len() == before {
                return Err(NotUndone::Past);
            }
        } else {
            let field = change.field().ok_or(NotUndone::Lapsed)?;
            let root = self.roots.get_mut(&category).ok_or(NotUndone::Past)?;
            let node = root.node.at_mut(&path).ok_or(NotUndone::Past)?;
            let kind = undo_at(node, change, field, (number, own, day)).ok_or(NotUndone::Past)?;
            let left = change.evidence();
            self.blocks.push(Block { category, path: path.clone(), field, kind, left, event: own });
            let surplus = self.blocks.len().saturating_sub(BLOCKS_MAX);
            self.blocks.drain(..surplus);
        }
        let mut others = 0_u16;
        for other in
            self.events.iter_mut().filter(|other| other.category == category && other.undone.is_none())
        {
            if other.number == number {
                other.undone = Some(own);
            } else if other.number > number && rests(other, &path, change) {
                other.undone = Some(own);
                others = others.saturating_add(1);
            }
        }
        Ok(self.note(day, category, path, Change::Undone { event: number, others }))
    }

    fn note(&mut self, day: u16, category: Category, path: Vec<Field>, change: Change) -> u32 {
        self.last += 1;
        let root = self.roots.entry(category).or_default();
        root.version += 1;
        let version = root.version;
        self.events.push(Event { number: self.last, day, category, version, path, change, undone: None });
        let surplus = self.events.len().saturating_sub(EVENTS_MAX);
        self.events.drain(..surplus);
        self.last
    }

    /// What is dated `future` or later was done today.
    pub fn date_back(&mut self, future: u16, today: u16) {
        let mut back = |day: &mut u16| *day = if *day >= future { today } else { *day };
        for root in self.roots.values_mut() {
            root.node.tables_mut(&mut |table| table.date_back(future, today));
            root.node.days_mut(&mut back);
        }
        self.events.iter_mut().for_each(|event| back(&mut event.day));
        back(&mut self.reached);
    }

    /// Forgets counts that are older than `days` days, and events of long ago.
    pub fn expire(&mut self, today: u16, days: u16) {
        let first = (today + 1).saturating_sub(days.min(WINDOW_DAYS + 1));
        for root in self.roots.values_mut() {
            root.node.tables_mut(&mut |table| table.expire(first));
        }
        self.events.retain(|event| today.saturating_sub(event.day) < HISTORY_DAYS);
    }

    /// Forgets the categories for which `is_meant` says so, with their history.
    pub fn forget(&mut self, is_meant: impl Fn(Category) -> bool) {
        self.roots.retain(|category, _| !is_meant(*category));
        self.events.retain(|event| !is_meant(event.category));
        self.blocks.retain(|block| !is_meant(block.category));
    }

    /// Whether nothing is known of any category.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.roots.is_empty() && self.events.is_empty()
    }
}

/// Undoes one change of a node; `None` where there is nothing left of it.
fn undo_at(
    node: &mut Node,
    change: Change,
    field: Field,
    (number, own, day): (u32, u32, u16),
) -> Option<Kind> {
    let child = node.children.iter().find(|(own, _)| *own == field).map(|(_, child)| child.event);
    let kept = node.fields.get(&field).map(|kept| kept.event);
    match change {
        Change::Taken { .. } => {
            (kept == Some(number)).then(|| node.let_go(field, number, day))?;
            Some(Kind::Taken)
        }
        Change::Dropped { .. } => {
            let kept = kept.is_none().then_some(Kept { since: day, event: own })?;
            node.fields.insert(field, kept);
            Some(Kind::Dropped)
        }
        Change::Split { .. } => {
            (child == Some(number)).then(|| node.rejoin(field, day))?;
            Some(Kind::Split)
        }
        Change::Joined { .. } => {
            child.is_none().then(|| node.split(field, None, own, day))?;
            Some(Kind::Joined)
        }
        Change::Lapsed | Change::Undone { .. } => None,
    }
}

/// Whether a later event rests on a change at a path.
fn rests(later: &Event, path: &[Field], change: Change) -> bool {
    let Some(below) = later.path.strip_prefix(path) else { return false };
    match change {
        Change::Taken { field, .. } => {
            let splits = matches!(later.change, Change::Split { field: own, .. } if own == field);
            splits || below.contains(&field)
        }
        Change::Split { field, .. } => below.first() == Some(&field),
        _ => false,
    }
}

#[cfg(test)]
mod tests;
