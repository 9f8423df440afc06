//! What there is to show of the schemas.

use super::event::{About, Change, Share};
use super::field::{Field, name};
use super::step::SIDE_COMMANDS_MIN;
use super::table::Sum;
use super::{Kept, Node, Schema, WINDOW_DAYS};
use crate::command::shape::Category;
use crate::learn::pattern::Tier;

/// A category, or a sub-category, as it is today.
#[derive(Debug, Clone)]
pub struct Seen {
    pub category: Category,
    /// How often its schema has changed; of the category.
    pub version: u32,
    /// The fields that lead here.
    pub path: Vec<Field>,
    /// Commands in the last thirty days.
    pub commands: u32,
    /// How many of them have each field, and since when it is one; the commonest first.
    pub fields: Vec<(Field, Share, Kept)>,
    /// Of a sub-category: when it split off, and the event that says so.
    pub kept: Option<Kept>,
    /// What tells it from the rest: its own share, and the others'.
    pub told: Option<(About, Share, Share)>,
    pub children: Vec<Seen>,
}

impl Seen {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> String {
        name(self.category, &self.path)
    }
}

impl Schema {
    /// The categories that have a field, the ones that are used most first.
    #[must_use]
    pub fn seen(&self, today: u16) -> Vec<Seen> {
        let known = self.roots.iter().filter(|(_, root)| !root.node.is_bare());
        let seen = known.map(|(category, root)| self.see(&root.node, (*category, root.version), &[], today));
        let mut seen: Vec<Seen> = seen.collect();
        seen.sort_by_key(|seen| std::cmp::Reverse(seen.commands));
        seen
    }

    fn see(&self, node: &Node, (category, version): (Category, u32), path: &[Field], today: u16) -> Seen {
        let (first, end) = (today.saturating_sub(WINDOW_DAYS), today.saturating_add(1));
        let totals = node.totals(first, end);
        let of = totals.all.all();
        let share = |field: &Field| Share { hit: totals.fields.get(field).map_or(0, Sum::all), of };
        let mut fields: Vec<_> =
            node.fields.iter().map(|(field, kept)| (*field, share(field), *kept)).collect();
        fields.sort_by_key(|(_, share, _)| std::cmp::Reverse(share.hit));
        let rest = node.table.sum(first.max(node.rest_since), end);
        let below = |(field, child): &(Field, Node)| {
            let path: Vec<Field> = path.iter().copied().chain([*field]).collect();
            let mut seen = self.see(child, (category, version), &path, today);
            seen.kept = Some(Kept { since: child.since, event: child.event });
            let own = child.totals(first, end).all;
            let now = child.about.map(|about| (about, share_of(about, &own), share_of(about, &rest)));
            // Where there is little to go by, as it was when it split off.
            let then =
                || self.events().iter().find(|event| event.number == child.event).map(|event| event.change);
            seen.told =
                now.filter(|(_, own, rest)| own.of.min(rest.of) >= SIDE_COMMANDS_MIN).or_else(
                    || match then()? {
                        Change::Split { about, with, rest, .. } => Some((about, with, rest)),
                        _ => None,
                    },
                );
            seen
        };
        let children = node.children.iter().map(below).collect();
        Seen {
            category,
            version,
            path: path.to_vec(),
            commands: of,
            fields,
            kept: None,
            told: None,
            children,
        }
    }

    /// How many commands are counted.
    #[must_use]
    pub fn commands(&self, today: u16) -> u32 {
        let first = today.saturating_sub(WINDOW_DAYS);
        self.roots.values().map(|root| root.node.totals(first, today.saturating_add(1)).all.all()).sum()
    }
}

fn share_of(about: About, sum: &Sum) -> Share {
    match about {
        About::Failing => {
            let [failed, ok] = sum.outcomes();
            Share { hit: failed, of: failed + ok }
        }
        About::Taking(tier) => {
            let took = sum.durations();
            let at = if tier == Tier::Long { 2 } else { 1 };
            Share { hit: took[at..].iter().sum(), of: took.iter().sum() }
        }
    }
}
