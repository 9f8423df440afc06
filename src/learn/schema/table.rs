//! How often, by day and by how it ended: all that is kept of the commands themselves.

use std::collections::BTreeMap;

use super::field::Field;
use crate::command::shape::Outcome;
use crate::learn::Observed;
use crate::learn::pattern::Tier;
use crate::model::bytes::{Bytes, put_count};

/// How a command ended, and how long it took: a failure's time says nothing of the work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Whoever stopped it had reasons of his own.
    Stopped,
    Failed,
    /// It succeeded; how long it took, nobody has said.
    Untimed,
    Took(Tier),
}

const CLASSES: usize = 6;
const FAILED: usize = 1;
const TOOK: usize = 3;

impl Class {
    /// The class of a call.
    #[must_use]
    pub fn of(call: &Observed) -> Self {
        match (call.record.outcome, call.record.duration) {
            (Outcome::Interrupted | Outcome::Denied, _) => Self::Stopped,
            (Outcome::Failed, _) => Self::Failed,
            (Outcome::Ok, 0) => Self::Untimed,
            (Outcome::Ok, bucket) => Self::Took(Tier::of(bucket)),
        }
    }

    fn place(self) -> usize {
        match self {
            Self::Stopped => 0,
            Self::Failed => FAILED,
            Self::Untimed => 2,
            Self::Took(Tier::Brief | Tier::Quick) => TOOK,
            Self::Took(Tier::Slow) => TOOK + 1,
            Self::Took(Tier::Long) => TOOK + 2,
        }
    }
}

/// The commands of one day, by class.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Cells([u16; CLASSES]);

/// Commands by class, of many days.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sum {
    classes: [u32; CLASSES],
    /// On how many days there were any.
    pub days: u32,
}

impl Sum {
    /// How many.
    #[must_use]
    pub fn all(&self) -> u32 {
        self.classes.iter().sum()
    }

    /// How many failed, and how many succeeded.
    #[must_use]
    pub fn outcomes(&self) -> [u32; 2] {
        let [_, failed, took @ ..] = self.classes;
        [failed, took.iter().sum()]
    }

    /// How many of those that succeeded took how long: under eight seconds, for which nobody waits; under two
    /// minutes; longer.
    #[must_use]
    pub fn durations(&self) -> [u32; 3] {
        let [.., swift, slow, long] = self.classes;
        [swift, slow, long]
    }

    /// Takes in those of other commands. On how many days there were any of either is not known: on as many as
    /// there were of one of them.
    pub fn join(&mut self, other: &Self) {
        self.classes.iter_mut().zip(other.classes).for_each(|(own, more)| *own += more);
        self.days = self.days.max(other.days);
    }
}

/// By days since 1970.
type Days = BTreeMap<u16, Cells>;

/// More fields of a category than this are not counted: the ones that came first are.
const FIELDS_MAX: usize = 128;

/// The commands of one category, or sub-category, that belong to none of its own.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Table {
    all: Days,
    fields: BTreeMap<Field, Days>,
}

impl Table {
    /// Counts a command.
    pub fn add(&mut self, day: u16, fields: &[Field], class: Class) {
        let count = |days: &mut Days| {
            let cell = &mut days.entry(day).or_default().0[class.place()];
            *cell = cell.saturating_add(1);
        };
        count(&mut self.all);
        for field in fields {
            if self.fields.len() < FIELDS_MAX || self.fields.contains_key(field) {
                count(self.fields.entry(*field).or_default());
            }
        }
    }

    /// All of them from one day to before another.
    #[must_use]
    pub fn sum(&self, from: u16, to: u16) -> Sum {
        sum(&self.all, from, to)
    }

    /// Those that have a field.
    #[must_use]
    pub fn sum_of(&self, field: Field, from: u16, to: u16) -> Sum {
        self.fields.get(&field).map(|days| sum(days, from, to)).unwrap_or_default()
    }

    /// Those that have a field, and those that don't.
    #[must_use]
    pub fn sides(&self, field: Field, from: u16, to: u16) -> (Sum, Sum) {
        let with = self.sum_of(field, from, to);
        let mut rest = self.sum(from, to);
        rest.classes.iter_mut().zip(with.classes).for_each(|(own, other)| *own = own.saturating_sub(other));
        let of = self.fields.get(&field);
        let is_all = |day: &u16, cells: &Cells| of.and_then(|days| days.get(day)) == Some(cells);
        let full = self.all.iter().filter(|(day, cells)| (from..to).contains(*day) && is_all(day, cells));
        rest.days -= u32::try_from(full.count()).unwrap_or_default();
        (with, rest)
    }

    /// The fields there are.
    pub fn fields(&self) -> impl Iterator<Item = Field> {
        self.fields.keys().copied()
    }

    fn days_mut(&mut self) -> impl Iterator<Item = &mut Days> {
        std::iter::once(&mut self.all).chain(self.fields.values_mut())
    }

    /// How many rows it has.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.all.len() + self.fields.values().map(BTreeMap::len).sum::<usize>()
    }

    /// How many rows there are of each day.
    pub fn ages(&self, ages: &mut BTreeMap<u16, usize>) {
        for day in std::iter::once(&self.all).chain(self.fields.values()).flat_map(BTreeMap::keys) {
            *ages.entry(*day).or_default() += 1;
        }
    }

    /// Forgets what was before a day.
    pub fn expire(&mut self, first: u16) {
        self.days_mut().for_each(|days| *days = days.split_off(&first));
        self.fields.retain(|_, days| !days.is_empty());
    }

    /// What is dated `future` or later was done today.
    pub fn date_back(&mut self, future: u16, today: u16) {
        for days in self.days_mut() {
            for cells in days.split_off(&future).into_values() {
                join(days.entry(today).or_default(), &cells);
            }
        }
    }

    /// Takes in the commands of another.
    pub fn join(&mut self, other: Self) {
        let into = |own: &mut Days, more: Days| {
            more.into_iter().for_each(|(day, cells)| join(own.entry(day).or_default(), &cells));
        };
        into(&mut self.all, other.all);
        other.fields.into_iter().for_each(|(field, days)| into(self.fields.entry(field).or_default(), days));
    }

    /// Its bytes.
    pub fn encode(&self, bytes: &mut Vec<u8>) {
        put_days(bytes, &self.all);
        put_count(bytes, self.fields.len());
        for (field, days) in &self.fields {
            field.encode(bytes);
            put_days(bytes, days);
        }
    }

    /// What [`Self::encode`] has written; `None` for anything else.
    pub fn decode(rest: &mut Bytes<'_>) -> Option<Self> {
        let mut table = Self { all: days(rest)?, fields: BTreeMap::new() };
        for _ in 0..rest.count(8)? {
            // Two names may have become one in a vocabulary that has grown.
            let field = Field::decode(rest)?;
            let own = table.fields.entry(field).or_default();
            days(rest)?.into_iter().for_each(|(day, cells)| join(own.entry(day).or_default(), &cells));
        }
        Some(table)
    }
}

fn sum(days: &Days, from: u16, to: u16) -> Sum {
    let mut sum = Sum::default();
    if from < to {
        for Cells(cells) in days.range(from..to).map(|(_, cells)| cells) {
            sum.classes.iter_mut().zip(cells).for_each(|(own, cell)| *own += u32::from(*cell));
            sum.days += 1;
        }
    }
    sum
}

fn join(own: &mut Cells, other: &Cells) {
    own.0.iter_mut().zip(other.0).for_each(|(own, more)| *own = own.saturating_add(more));
}

/// A day is which classes there are, and how many of each of these: most days have one or two.
fn put_days(bytes: &mut Vec<u8>, days: &Days) {
    put_count(bytes, days.len());
    for (day, Cells(cells)) in days {
        bytes.extend(day.to_le_bytes());
        let some = || cells.iter().enumerate().filter(|(_, cell)| **cell > 0);
        bytes.push(some().fold(0, |bits, (class, _)| bits | 1 << class));
        some().for_each(|(_, cell)| bytes.extend(cell.to_le_bytes()));
    }
}

fn days(rest: &mut Bytes<'_>) -> Option<Days> {
    let mut days = Days::new();
    for _ in 0..rest.count(3)? {
        let (day, bits) = (rest.u16()?, rest.byte()?);
        let mut cells = Cells::default();
        for (class, cell) in cells.0.iter_mut().enumerate() {
            if bits >> class & 1 == 1 {
                *cell = rest.u16()?;
            }
        }
        (bits >> CLASSES == 0).then_some(())?;
        days.insert(day, cells);
    }
    Some(days)
}
