//! The difference of two states, entry by entry.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::State;
use crate::model::{Declared, Key, Marked, Want, secret};

/// One difference.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Difference {
    pub change: Change,
    /// A path in the root, or a document and the entry in it.
    pub what: String,
    /// For an entry with a value: what it was and is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
}

/// How it differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Change {
    Added,
    Changed,
    Removed,
}

/// What is different in `b`, seen from `a`.
#[must_use]
pub fn difference(a: &State, b: &State) -> Vec<Difference> {
    let mut found = Vec::new();
    let paths: BTreeSet<_> = a.installs.keys().chain(b.installs.keys()).collect();
    for path in paths {
        let (was, is) = (a.install_digest(path), b.install_digest(path));
        let (there, here) = (a.installs.get(path), b.installs.get(path));
        let change = match (there, here) {
            (None, _) => Change::Added,
            (_, None) => Change::Removed,
            (Some(there), Some(here)) if was == is && there.mode == here.mode => continue,
            _ => Change::Changed,
        };
        found.push(Difference { change, what: path.to_string(), before: None, after: None });
    }
    let documents: BTreeSet<_> = a.documents.keys().chain(b.documents.keys()).collect();
    for id in documents {
        let (was, is) = (entries(a.documents.get(id)), entries(b.documents.get(id)));
        let shown = |own: Option<&Shown>| own.map(|(value, _)| value.clone());
        let names: BTreeSet<_> = was.keys().chain(is.keys()).collect();
        for name in names {
            let (before, after) = (was.get(name), is.get(name));
            let change = match (before, after) {
                (Some(before), Some(after)) if before == after => continue,
                (Some(_), Some(_)) => Change::Changed,
                (None, _) => Change::Added,
                (_, None) => Change::Removed,
            };
            let what = format!("{id}  {name}");
            found.push(Difference { change, what, before: shown(before), after: shown(after) });
        }
    }
    // Before the first generation there was no runtime, and nobody declared that.
    if a.runtime != b.runtime && !a.runtime.is_null() {
        found.push(Difference {
            change: Change::Changed,
            what: "runtime.json".to_owned(),
            before: None,
            after: None,
        });
    }
    found
}

/// What is shown of an entry, and the marks that tell one secret from another.
type Shown = (String, Vec<Marked>);

fn entries(list: Option<&Vec<Declared>>) -> BTreeMap<String, Shown> {
    let show = |declared: &Declared| {
        let value = match (&declared.key, &with_sources(declared)) {
            (_, Want::Absent) => "(absent)".to_owned(),
            (Key::Element { .. }, _) => "(present)".to_owned(),
            (_, Want::Enforced(value)) => value.to_string(),
            (_, Want::Default(value)) => format!("{value} (default)"),
        };
        (declared.key.to_string(), (value, Marked::of(&declared.secrets)))
    };
    list.into_iter().flatten().map(show).collect()
}

/// What is wanted, with where it comes from in the place of each secret.
fn with_sources(declared: &Declared) -> Want {
    let mut want = declared.want.clone();
    if let Want::Enforced(value) | Want::Default(value) = &mut want {
        for own in &declared.secrets {
            secret::put(value, &own.at, format!("(secret: {})", own.source));
        }
    }
    want
}
