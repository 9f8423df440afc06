//! One step of evolution: a pure function of the counts of the days before.

use std::collections::BTreeMap;

use super::chance::{fisher, gain};
use super::event::{About, Change, Share};
use super::field::Field;
use super::table::Sum;
use super::{Block, DEPTH_MAX, Kept, Kind, NODES_MAX, Node, ROWS_MAX, Root, Schema, TAKEN_MAX, WINDOW_DAYS};
use crate::command::shape::Category;
use crate::learn::pattern::Tier;

/// A field is taken in when so many commands …
const TAKE_COMMANDS_MIN: u32 = 50;
/// … on so many days …
const DAYS_MIN: u32 = 3;
/// … have it as at least every so manieth of all.
const TAKE_EVERY: u32 = 5;
/// It is dropped when fewer than every so manieth has it.
const DROP_EVERY: u32 = 50;
/// What splits off must say so much about endings or durations.
const GAIN_BITS_MIN: f64 = 0.05;
/// Of so many commands …
const SPLIT_COMMANDS_MIN: u32 = 100;
/// … so many on either side.
pub(super) const SIDE_COMMANDS_MIN: u32 = 20;
/// How often a step may split off what is not there.
const CHANCE_MAX: f64 = 1e-6;

/// All commands of a category, and those with each field.
pub(super) struct Totals {
    pub all: Sum,
    pub fields: BTreeMap<Field, Sum>,
}

impl Node {
    pub(super) fn totals(&self, from: u16, to: u16) -> Totals {
        let own = |field| (field, self.table.sum_of(field, from, to));
        let mut totals =
            Totals { all: self.table.sum(from, to), fields: self.table.fields().map(own).collect() };
        for (_, child) in &self.children {
            let below = child.totals(from, to);
            totals.all.join(&below.all);
            below.fields.iter().for_each(|(field, sum)| totals.fields.entry(*field).or_default().join(sum));
        }
        totals
    }

    pub(super) fn is_bare(&self) -> bool {
        self.fields.is_empty() && self.children.is_empty()
    }
}

/// Where a step is at.
struct Place<'a> {
    day: u16,
    category: Category,
    blocks: &'a [Block],
    path: Vec<Field>,
    /// What happened, and where.
    changes: Vec<(Vec<Field>, Change)>,
    looks: Vec<Look>,
}

impl Place<'_> {
    fn first(&self) -> u16 {
        self.day.saturating_sub(WINDOW_DAYS)
    }

    fn is_old(&self, since: u16) -> bool {
        since <= self.first()
    }

    fn is_blocked(&self, field: Field, kind: Kind) -> bool {
        let is_own = |block: &Block| match kind {
            // What was undone of the whole is not found again in a part.
            Kind::Taken => self.path.starts_with(&block.path),
            _ => self.path == block.path,
        };
        let is_meant =
            |block: &&Block| block.category == self.category && block.field == field && block.kind == kind;
        self.blocks.iter().filter(is_meant).any(is_own)
    }

    fn note(&mut self, change: Change) {
        self.changes.push((self.path.clone(), change));
    }
}

/// A field that may split off.
struct Look {
    category: Category,
    path: Vec<Field>,
    field: Field,
    /// How it is taken in with that, if it is not in the schema yet: in silence where it is known of the whole.
    taking: Option<(Change, Option<Kept>)>,
    contrasts: Vec<Contrast>,
}

/// One way to tell those with the field from the rest.
struct Contrast {
    about: About,
    with: Share,
    rest: Share,
    gain_bits: f64,
}

impl Contrast {
    fn is_no_chance(&self, looked: usize) -> bool {
        let Self { with, rest, .. } = self;
        let looked = f64::from(u32::try_from(looked).unwrap_or(u32::MAX));
        self.gain_bits >= GAIN_BITS_MIN
            && fisher(with.hit, with.of, with.hit + rest.hit, with.of + rest.of) <= CHANCE_MAX / looked
    }
}

impl Schema {
    /// The days up to `day` have begun: takes the steps that are due, one for each. However many there are: when
    /// nothing has happened for thirty of them, there is nothing to look at any more.
    pub fn pass(&mut self, day: u16) {
        while self.reached < day {
            let rows =
                self.roots.values().flat_map(|root| root.node.nodes()).any(|node| node.table.rows() > 0);
            if !rows && self.roots.values().all(|root| root.node.is_bare()) {
                self.reached = day;
                return;
            }
            if self.reached == 0 {
                let mut ages = BTreeMap::new();
                self.roots
                    .values()
                    .flat_map(|root| root.node.nodes())
                    .for_each(|node| node.table.ages(&mut ages));
                self.reached = ages.keys().next().map_or(day - 1, |first| (*first).min(day - 1));
            }
            self.reached += 1;
            self.step(self.reached);
        }
    }

    /// Looks at the days before `day`.
    pub(super) fn step(&mut self, day: u16) {
        self.bound(day);
        self.blocks.retain(|block| block.left > 0);
        let mut looks = Vec::new();
        let mut changes = Vec::new();
        for (category, root) in &mut self.roots {
            let mut place = Place {
                day,
                category: *category,
                blocks: &self.blocks,
                path: Vec::new(),
                changes: Vec::new(),
                looks,
            };
            let Root { node, .. } = root;
            if node.totals(place.first(), day).all.all() > 0 {
                evolve(node, &BTreeMap::new(), &mut place);
            } else if !node.is_bare() && node.table.rows() == 0 {
                node.fields.clear();
                node.children.clear();
                place.note(Change::Lapsed);
            }
            changes.push((*category, place.changes));
            looks = place.looks;
        }
        for (category, changes) in changes {
            for (path, change) in changes {
                let number = self.note(day, category, path.clone(), change);
                self.mark(category, &path, change, Kept { since: day, event: number });
            }
        }
        self.split_off(looks, day);
        // One that nothing is known of any more has its version still.
        self.roots.retain(|_, root| root.version > 0 || root.node.table.rows() > 0 || !root.node.is_bare());
    }

    /// A field that was taken in has its event, here and below.
    fn mark(&mut self, category: Category, path: &[Field], change: Change, kept: Kept) {
        let Change::Taken { field, .. } = change else { return };
        let node = self.roots.get_mut(&category).and_then(|root| root.node.at_mut(path));
        if let Some(own) = node.and_then(|node| node.fields.get_mut(&field)) {
            *own = kept;
        }
    }

    /// The fields that say most split off, one of each category and sub-category.
    fn split_off(&mut self, looks: Vec<Look>, day: u16) {
        let looked: usize = looks.iter().map(|look| look.contrasts.len()).sum();
        let mut best: BTreeMap<(Category, Vec<Field>), (Look, Contrast)> = BTreeMap::new();
        for mut look in looks {
            let told = std::mem::take(&mut look.contrasts).into_iter();
            let told = told.filter(|contrast| contrast.is_no_chance(looked));
            // Of two that say as much, the first.
            let Some(told) =
                told.reduce(|one, other| if other.gain_bits > one.gain_bits { other } else { one })
            else {
                continue;
            };
            let key = (look.category, look.path.clone());
            if best.get(&key).is_none_or(|(_, other)| other.gain_bits < told.gain_bits) {
                best.insert(key, (look, told));
            }
        }
        for ((category, path), (look, Contrast { about, with, rest, gain_bits })) in best {
            let Look { field, taking, .. } = look;
            let nodes: usize = self.roots.values().map(|root| root.node.nodes().count() - 1).sum();
            if nodes >= NODES_MAX {
                return;
            }
            if let Some((change, known)) = taking {
                let note = || Kept { since: day, event: self.note(day, category, path.clone(), change) };
                let kept = known.unwrap_or_else(note);
                let node = self.roots.get_mut(&category).and_then(|root| root.node.at_mut(&path));
                node.expect("BUG: it was looked at").fields.insert(field, kept);
            }
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is 2 at most")]
            let millibits = (gain_bits * 1000.0).round() as u16;
            let change = Change::Split { field, about, with, rest, millibits };
            let number = self.note(day, category, path.clone(), change);
            let node = self.roots.get_mut(&category).and_then(|root| root.node.at_mut(&path));
            node.expect("BUG: it was looked at").split(field, Some(about), number, day);
        }
    }

    /// Nothing is kept that is not looked at, nor more than there may be.
    fn bound(&mut self, day: u16) {
        let mut ages = BTreeMap::new();
        self.roots.values().flat_map(|root| root.node.nodes()).for_each(|node| node.table.ages(&mut ages));
        let mut first = day.saturating_sub(WINDOW_DAYS);
        let mut rows = 0;
        for (age, count) in ages.into_iter().rev() {
            rows += count;
            if rows > ROWS_MAX {
                first = first.max(age + 1);
                break;
            }
        }
        for root in self.roots.values_mut() {
            root.node.tables_mut(&mut |table| table.expire(first));
        }
    }
}

/// What changes of a node and those below: what goes, what comes, and what may split off.
/// `above` is what is known of all that it belongs to.
fn evolve(node: &mut Node, above: &BTreeMap<Field, Kept>, place: &mut Place<'_>) {
    let (first, day) = (place.first(), place.day);
    let totals = node.totals(first, day);
    let of = totals.all.all();
    let sum = |field: &Field| totals.fields.get(field).copied().unwrap_or_default();
    let has_few = |hit: u32| hit.saturating_mul(DROP_EVERY) < of;
    let aged = |node: &Node| place.is_old(node.since) && has_few(node.totals(first, day).all.all());
    let gone = node.children.iter().filter(|(_, child)| aged(child));
    let gone = gone.map(|(field, child)| (*field, child.totals(first, day).all.all()));
    let gone: Vec<(Field, u32)> = gone.filter(|(field, _)| !place.is_blocked(*field, Kind::Joined)).collect();
    for (field, hit) in gone {
        node.rejoin(field, day);
        place.note(Change::Joined { field, share: Share { hit, of } });
    }
    let is_dropped = |field: &Field, kept: &Kept| {
        let splits = node.children.iter().any(|(own, _)| own == field);
        place.is_old(kept.since)
            && !splits
            && has_few(sum(field).all())
            && !place.is_blocked(*field, Kind::Dropped)
    };
    let dropped: Vec<Field> =
        node.fields.iter().filter(|(field, kept)| is_dropped(field, kept)).map(|(field, _)| *field).collect();
    for field in dropped {
        let kept = node.fields.remove(&field);
        // What is known of the whole was no news here, and is none now.
        if kept != above.get(&field).copied() {
            place.note(Change::Dropped { field, share: Share { hit: sum(&field).all(), of } });
        }
    }
    for (field, sum) in &totals.fields {
        // Where everything is run says nothing of any of it.
        let is_everywhere = matches!(field, Field::Host(_)) && sum.all() == of;
        let is_new = !node.fields.contains_key(field) && !place.path.contains(field) && !is_everywhere;
        let is_common =
            of >= TAKE_COMMANDS_MIN && sum.all().saturating_mul(TAKE_EVERY) >= of && sum.days >= DAYS_MIN;
        if is_new && is_common && node.fields.len() < TAKEN_MAX && !place.is_blocked(*field, Kind::Taken) {
            let known = above.get(field).copied();
            // Its number it gets once it has one.
            node.fields.insert(*field, known.unwrap_or(Kept { since: day, event: 0 }));
            if known.is_none() {
                let days = u16::try_from(sum.days).unwrap_or(u16::MAX);
                place.note(Change::Taken { field: *field, share: Share { hit: sum.all(), of }, days });
            }
        }
    }
    look(node, &totals, above, place);
    let Node { fields, children, .. } = node;
    let known = above.iter().chain(fields.iter()).filter(|(_, kept)| kept.event > 0);
    let known: BTreeMap<Field, Kept> = known.map(|(field, kept)| (*field, *kept)).collect();
    for (field, child) in children {
        place.path.push(*field);
        evolve(child, &known, place);
        place.path.pop();
    }
}

/// Looks at the fields that may split off, in the schema or not: what is only beginning may say more than what has long
/// been usual, and that would only stand for it.
fn look(node: &Node, totals: &Totals, above: &BTreeMap<Field, Kept>, place: &mut Place<'_>) {
    if place.path.len() >= DEPTH_MAX {
        return;
    }
    let from = place.first().max(node.rest_since);
    let is_free = |field: &Field| {
        let splits = node.children.iter().any(|(own, _)| own == field);
        let is_blocked = [Kind::Split, Kind::Taken].iter().any(|kind| place.is_blocked(*field, *kind));
        !splits && !is_blocked
    };
    let looks = node.table.fields().filter(is_free).filter_map(|field| {
        let (with, rest) = node.table.sides(field, from, place.day);
        let contrasts = contrasts(&with, &rest);
        let (category, path) = (place.category, place.path.clone());
        let all = totals.fields.get(&field).copied().unwrap_or_default();
        let share = Share { hit: all.all(), of: totals.all.all() };
        let days = u16::try_from(all.days).unwrap_or(u16::MAX);
        let known = above.get(&field).copied();
        let is_new = !node.fields.contains_key(&field);
        let taking = is_new.then_some((Change::Taken { field, share, days }, known));
        (!contrasts.is_empty()).then_some(Look { category, path, field, taking, contrasts })
    });
    let looks: Vec<Look> = looks.collect();
    place.looks.extend(looks);
}

/// All contrasts between two sides that are large enough to be looked at.
fn contrasts(with: &Sum, rest: &Sum) -> Vec<Contrast> {
    let are_large = |with: u32, rest: u32| {
        let (least, all) = (with.min(rest), with + rest);
        all >= SPLIT_COMMANDS_MIN
            && least >= SIDE_COMMANDS_MIN
            && with.saturating_mul(5) <= all.saturating_mul(4)
    };
    let mut contrasts = Vec::new();
    if with.days.min(rest.days) < DAYS_MIN {
        return contrasts;
    }
    let (ended, others) = (with.outcomes(), rest.outcomes());
    let [of, of_others] = [ended.iter().sum(), others.iter().sum()];
    if are_large(of, of_others) {
        contrasts.push(Contrast {
            about: About::Failing,
            with: Share { hit: ended[0], of },
            rest: Share { hit: others[0], of: of_others },
            gain_bits: gain(&ended, &others),
        });
    }
    let (took, others) = (with.durations(), rest.durations());
    let [of, of_others] = [took.iter().sum(), others.iter().sum()];
    if are_large(of, of_others) {
        let gain_bits = gain(&took, &others);
        for (at, tier) in [Tier::Slow, Tier::Long].into_iter().enumerate() {
            let long = |classes: &[u32; 3]| classes[at + 1..].iter().sum();
            contrasts.push(Contrast {
                about: About::Taking(tier),
                with: Share { hit: long(&took), of },
                rest: Share { hit: long(&others), of: of_others },
                gain_bits,
            });
        }
    }
    contrasts
}
