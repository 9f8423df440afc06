//! What to do about one entry, before it is done: functions of the ledgers, what is there and what is wanted.

use serde_json::Value;

use super::Action;
use crate::document::value::{digest, equal};
use crate::model::{Digest, Displaced, How, Row, limits};

/// What to do about one entry, before it is done.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Verdict {
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
pub(super) struct Known<'a> {
    pub(super) current: Option<&'a Row>,
    pub(super) other: Option<&'a Row>,
    /// The entry is its own name (an element, a hook): what is there under that name is
    /// ours if a row says so, whatever else has been changed about it.
    pub(super) by_name: bool,
    /// A hook that runs a file of ours which had left: nobody else can mean it.
    pub(super) is_returning: bool,
}

impl<'a> Known<'a> {
    fn owned(self) -> impl Iterator<Item = &'a Row> {
        self.other.into_iter().chain(self.current).filter(|row| row.how != How::Released)
    }

    /// The row that wrote what is there now, if one of ours did.
    pub(super) fn wrote(self, live: Option<&Value>) -> Option<&'a Row> {
        let exactly = self.owned().find(|row| same(row.wrote.as_ref(), live));
        let by_name = || self.owned().find(|row| self.by_name && row.wrote.is_some() == live.is_some());
        let earlier = || {
            let stale = digest(live?);
            self.owned().find(|row| row.earlier.contains(&stale))
        };
        exactly.or_else(by_name).or_else(earlier)
    }
}

pub(super) fn same(a: Option<&Value>, b: Option<&Value>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => equal(a, b),
        (None, None) => true,
        _ => false,
    }
}

/// The decision for a declared entry. `want` is the value, or `None` for "not there".
pub(super) fn decide(known: Known<'_>, live: Option<&Value>, want: Option<&Value>) -> Verdict {
    let ours = known.wrote(live);
    let as_wanted = same(live, want) || is_satisfied(live, want);
    let changed = match (ours, known.current.is_some_and(|row| row.how != How::Released)) {
        (Some(row), _) if same(row.wrote.as_ref(), live) => Action::Update,
        (_, true) => Action::Reassert,
        (_, false) if live.is_none() => Action::Add,
        (_, false) => Action::Override,
    };
    match ours.map(|row| &row.how) {
        None if known.is_returning && live.is_some() && want.is_some() => match as_wanted {
            true => Verdict::Keep(How::Added),
            false => Verdict::Write(How::Added, Action::Update),
        },
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
        // It was the user's before it was taken over: uninstall gives it back.
        Some(How::Adopted) if live.is_some() => Verdict::Displace(changed),
        Some(How::Replaced(before)) if displaced_is(before, want) => Verdict::Reveal(before.clone()),
        Some(how) => Verdict::Write(how.clone(), changed),
    }
}

/// The decision for a default.
pub(super) fn decide_default(known: Known<'_>, live: Option<&Value>, want: &Value) -> Verdict {
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
pub(super) fn is_satisfied(live: Option<&Value>, want: Option<&Value>) -> bool {
    matches!((live, want), (Some(Value::Object(_)), Some(Value::Object(wanted))) if wanted.is_empty())
}

pub(super) fn displaced_is(before: &Displaced, want: Option<&Value>) -> bool {
    let Some(want) = want else { return false };
    serde_json::from_str::<Value>(&before.text).is_ok_and(|before| equal(&before, want))
}

/// Digests of what was written before under the same key, without what is written now.
pub(super) fn earlier(known: Known<'_>, want: Option<&Value>) -> Vec<Digest> {
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
