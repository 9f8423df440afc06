//! What a hook may make of what others know: a hint where several of them met the same, and a little more or less
//! confidence. Never more: other machines are other machines, and one of them may lie.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use super::replica::{Bundle, GRACE_DAYS};
use super::row::{Key, Row, WINDOW_DAYS, is_within};
use super::state::{Mesh, tally};
use super::trust::Trusted;
use crate::command::shape::{ErrorClass, HostType};
use crate::crypto::node::NodeId;
use crate::learn::pattern::{self, Pattern};
use crate::learn::streak::SESSIONS_MIN;
use crate::learn::{Form, State};

/// So many other machines have to know of a streak before it is told here.
pub const MACHINES_MIN: usize = 2;

/// Others together weigh at most as much as a third of what is known here: a quarter of the whole.
const FOREIGN_PER_OWN_MAX: f64 = 1.0 / 3.0;

/// What is known, here and elsewhere.
#[derive(Debug, Clone, Copy)]
pub struct View<'a> {
    pub local: &'a State,
    pub mesh: &'a Mesh,
    pub trust: &'a Trusted,
    /// This host's own node: what it told others is nothing new to it.
    pub own: NodeId,
    /// What kind of host this is.
    pub host: HostType,
    /// A day since 1970.
    pub today: u16,
}

/// A form that failed in session after session on other machines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Elsewhere {
    pub form: Form,
    /// On so many.
    pub machines: usize,
    /// How it failed, where most of them agree.
    pub class: Option<ErrorClass>,
}

/// What others count of a form, as they tell it; nothing is said of it by this alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Count {
    pub form: Form,
    /// So many have told of it.
    pub machines: usize,
    pub runs: u64,
    pub failed: u64,
    /// The last day on which it ran on one of them.
    pub day: u16,
    /// On so many it failed in session after session: those that a note counts.
    pub failing: usize,
    /// How it fails there, where most of them agree.
    pub class: Option<ErrorClass>,
}

/// How sure it is that something works.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Confidence {
    /// From 0 to 1.
    pub value: f64,
    /// How much of that is the word of others, from 0 to a quarter.
    pub foreign: f64,
}

/// What a machine says of a form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Says {
    Nothing,
    Works,
    Fails(ErrorClass),
}

impl View<'_> {
    fn others(&self) -> impl Iterator<Item = &Bundle> {
        self.mesh.counted(self.trust).filter(|bundle| bundle.replica().node != self.own)
    }

    /// All that there is to say of forms that others say something of.
    #[must_use]
    pub fn streaks(&self) -> Vec<Elsewhere> {
        let rows = self.others().flat_map(Bundle::rows);
        let told: BTreeSet<Form> =
            rows.filter(|(_, row)| row.streak.is_some()).map(|(key, _)| key.form).collect();
        told.iter().filter_map(|form| self.streak(form)).collect()
    }

    /// What to say before a form that has never worked here, and that failed in session after session on at least two
    /// other machines of the same kind, and on more of them than it works on.
    #[must_use]
    pub fn streak(&self, form: &Form) -> Option<Elsewhere> {
        let works_here = |(key, known): (&pattern::Key, &Pattern)| {
            key.form == *form && known.days.values().any(|counts| counts.ok > 0)
        };
        if self.local.patterns.iter().any(works_here) {
            return None;
        }
        let (mut working, mut failing) = (0, Vec::new());
        for bundle in self.others() {
            match self.word_of(bundle, form) {
                Says::Nothing => {}
                Says::Works => working += 1,
                Says::Fails(class) => failing.push(class),
            }
        }
        let machines = failing.len();
        if machines < MACHINES_MIN || machines <= working {
            return None;
        }
        Some(Elsewhere { form: *form, machines, class: of_most(&failing) })
    }

    /// All that others tell of, whether anything is made of it here or not: what fails there first, then what runs most.
    #[must_use]
    pub fn counts_elsewhere(&self) -> Vec<Count> {
        let mut counts: BTreeMap<Form, (Count, Vec<ErrorClass>)> = BTreeMap::new();
        for bundle in self.others() {
            let rows = bundle.rows().iter().map(|(key, row)| (key.form, &row.days));
            let days =
                rows.flat_map(|(form, days)| days.iter().map(move |(day, counts)| (form, *day, counts)));
            let mut told: BTreeSet<Form> = BTreeSet::new();
            for (form, day, counted) in days.filter(|(_, day, _)| self.counts(*day)) {
                let none = Count { form, machines: 0, runs: 0, failed: 0, day, failing: 0, class: None };
                let (sum, failing) = counts.entry(form).or_insert((none, Vec::new()));
                let (ok, failed) = (u64::from(counted.ok), u64::from(counted.failed));
                sum.runs = sum.runs.saturating_add(ok).saturating_add(failed);
                sum.failed = sum.failed.saturating_add(failed);
                sum.day = sum.day.max(day);
                if told.insert(form) {
                    sum.machines += 1;
                    if let Says::Fails(class) = self.word_of(bundle, &form) {
                        failing.push(class);
                    }
                }
            }
        }
        let whole = |(sum, failing): (Count, Vec<ErrorClass>)| Count {
            failing: failing.len(),
            class: of_most(&failing),
            ..sum
        };
        let mut counts: Vec<Count> = counts.into_values().map(whole).collect();
        counts.sort_by_key(|own| (Reverse((own.failing, own.runs)), own.form));
        counts
    }

    /// What a machine of the same kind says of a form; that it has not worked since, by its own counts.
    fn word_of(&self, bundle: &Bundle, form: &Form) -> Says {
        let of_form = bundle.rows().range(Key::first_of(*form)..).take_while(|(key, _)| key.form == *form);
        let rows: Vec<(&Key, &Row)> = of_form.collect();
        let works_after = |after: Option<u16>| {
            let days = rows.iter().flat_map(|(_, row)| &row.days);
            days.filter(|(day, counts)| counts.ok > 0 && self.counts(**day))
                .any(|(day, _)| after.is_none_or(|after| *day > after))
        };
        let streak = rows.iter().filter(|(key, _)| key.host == self.host).find_map(|(_, row)| {
            let (streak, class) = row.streak.zip(row.failing)?;
            let is_long = usize::from(streak.sessions) >= SESSIONS_MIN && self.counts(streak.day);
            // What runs something by a name that nobody else knows may be anything there.
            let is_telling = class == ErrorClass::CommandNotFound || form.is_whole();
            (is_long && is_telling && !works_after(Some(streak.day))).then_some(class)
        });
        match streak {
            Some(class) => Says::Fails(class),
            None if works_after(None) => Says::Works,
            None => Says::Nothing,
        }
    }

    /// Whether a day still counts.
    fn counts(&self, day: u16) -> bool {
        is_within(day, self.today.saturating_add(GRACE_DAYS), WINDOW_DAYS + GRACE_DAYS)
    }

    /// How sure it is that a form works here, from what came of it here (`own`), what is a week old counting half. What
    /// others say weighs as much as what is known here, until it is a quarter of the whole; no more, however much it is.
    #[must_use]
    pub fn confidence(&self, own: &Pattern, form: &Form) -> Confidence {
        let own = own.days.iter().map(|(day, counts)| (*day, counts.ok.into(), counts.failed.into()));
        let own = self.weigh(own);
        // One success and one failure that nobody has seen: to begin with it is even.
        let (right, tries) = (own.right + 1.0, own.tries + 2.0);
        let key = Key { form: *form, category: form.category(), host: self.host };
        let tallies = tally(self.others(), &key, self.today);
        let others = self.weigh(tallies.into_iter().map(|(day, tally)| (day, tally.ok, tally.failed)));
        let most = tries * FOREIGN_PER_OWN_MAX;
        let scale = if others.tries > most { most / others.tries } else { 1.0 };
        let whole = tries + others.tries * scale;
        Confidence { value: (right + others.right * scale) / whole, foreign: others.tries * scale / whole }
    }

    /// What some days weigh, each a number of successes and of failures.
    fn weigh(&self, days: impl Iterator<Item = (u16, u64, u64)>) -> Weight {
        let many = |count: u64| f64::from(u32::try_from(count).unwrap_or(u32::MAX));
        days.fold(Weight { right: 0.0, tries: 0.0 }, |sum, (day, ok, failed)| {
            let weight = pattern::weight(day, self.today);
            Weight {
                right: sum.right + many(ok) * weight,
                tries: sum.tries + (many(ok) + many(failed)) * weight,
            }
        })
    }
}

/// How more than half of them fail.
fn of_most(failing: &[ErrorClass]) -> Option<ErrorClass> {
    let is_most = |class: &&ErrorClass| failing.iter().filter(|own| own == class).count() * 2 > failing.len();
    failing.iter().find(is_most).copied()
}

#[derive(Debug, Clone, Copy)]
struct Weight {
    right: f64,
    tries: f64,
}

#[cfg(test)]
mod tests;
