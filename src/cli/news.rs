//! What came into a root's documents since cs did, and is declared nowhere: the model of a `/model`, a permission
//! that was granted, a plugin, a server.
//!
//! Told by `plan` and `status`, offered by `capture`. What was there before cs is nobody's news; nor is what was
//! shown to somebody who went through it with `cs capture`, whether they kept it or not: `claude-sync/seen.json`
//! remembers both, in digests. An apply in between changes nothing about it.

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::args::Durability;
use super::engine::{Context, Planned};
use super::error::CliError;
use crate::document::merge::name_of;
use crate::draft::{self, Draft, Found, Marks};
use crate::generation::{self, State};
use crate::model::{Declared, DocumentId, How, Key, Want, limits};
use crate::plan::Observed;
use crate::root::{LockedRoot, Side, Store, observe};
use crate::sys::fs;

/// The newest format of `seen.json`: its own, since the file is read whatever becomes of the generations' format. It
/// begins at 2 because the first two followed that; they are the same.
const FORMAT: u32 = 2;

/// `seen.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Seen {
    format: u32,
    marks: Marks,
}

/// The documents that are looked at, as they are now.
struct Now {
    settings: Option<Value>,
    servers: Option<Value>,
}

impl Now {
    /// Of what was observed already, or by looking; what can't be read says nothing.
    fn of(context: &Context, store: &Store, observed: &Observed) -> Self {
        let value = |id| {
            let text = match observed.documents.get(&id) {
                Some(document) => document.text.clone(),
                None => observe::observe_document(store, id).ok().and_then(|document| document.text),
            };
            text.as_deref().and_then(parsed)
        };
        let target = context.target();
        Self { settings: value(target.settings_document), servers: value(target.servers_document) }
    }

    fn draft<R>(&self, context: &Context, make: impl FnOnce(Found<'_>) -> R) -> R {
        let (root, home) = (context.root.text(), context.root.home_text());
        make(Found {
            settings: self.settings.as_ref(),
            servers: self.servers.as_ref(),
            files: &[],
            root: &root,
            home: home.as_deref(),
        })
    }
}

/// A document's value, if it is one.
#[must_use]
pub fn parsed(text: &str) -> Option<Value> {
    serde_json::from_str(text.trim_start_matches('\u{feff}')).ok()
}

/// What is new, as far as it is declared nowhere; `all`: whatever is declared nowhere, new or not.
///
/// # Errors
/// When what was seen can't be read.
pub fn since(
    context: &Context,
    store: &Store,
    side: &Side,
    declared: &State,
    planned: &Planned,
    all: bool,
) -> Result<Draft, CliError> {
    let mut now = Now::of(context, store, &planned.observed);
    let (seen, is_of_servers) = seen(context, store, side, all)?;
    if !is_of_servers {
        now.servers = None;
    }
    let home = context.root.home_text();
    // What is still ours is as little news as what is declared: the next apply lets go of it.
    let owned = side.ledger.documents.values().flat_map(|own| &own.rows);
    let owned = owned.filter(|row| row.how != How::Released).map(|row| &row.key);
    let declared = declared.documents.values().flatten().map(|own| &own.key).chain(owned);
    let declared: BTreeSet<String> = declared.map(|key| name_of(key, home.as_deref())).collect();
    let is_declared = |key: &Key| declared.contains(&name_of(key, home.as_deref()));
    Ok(now.draft(context, |found| Draft::news(found, &seen, is_declared)))
}

/// A default that the user, or the client at a word of theirs, has set to something else.
#[derive(Debug)]
pub struct Changed<'a> {
    pub declared: &'a Declared,
    pub was: &'a Value,
    pub now: Value,
}

/// The defaults that are something else, as far as nobody has gone through it; `all`: whatever is.
///
/// # Errors
/// When what was seen can't be read.
pub fn defaults<'a>(
    context: &Context,
    store: &Store,
    side: &Side,
    declared: &'a State,
    planned: &Planned,
    all: bool,
) -> Result<Vec<Changed<'a>>, CliError> {
    let (seen, _) = seen(context, store, side, all)?;
    let home = context.root.home_text();
    let mut found = Vec::new();
    for (id, entries) in &declared.documents {
        let document = planned.observed.documents.get(id).and_then(|document| document.text.as_deref());
        let Some(live) = document.and_then(parsed) else { continue };
        for declared in entries.iter().filter(|own| own.secrets.is_empty()) {
            let (Want::Default(was), Key::Value(pointer)) = (&declared.want, &declared.key) else { continue };
            let Some(now) = draft::at(&live, pointer) else { continue };
            if !crate::document::value::equal(now, was)
                && !draft::is_seen(&seen, pointer, now, home.as_deref())
            {
                found.push(Changed { declared, was, now: now.clone() });
            }
        }
    }
    Ok(found)
}

/// What somebody has seen, and whether that tells of servers; `all`: nothing.
fn seen(context: &Context, store: &Store, side: &Side, all: bool) -> Result<(Marks, bool), CliError> {
    Ok(match (all, read(store)?) {
        (true, _) => (Marks::new(), true),
        (false, Some(seen)) => (seen, true),
        // Applied by a cs that did not write it: the oldest generation tells what was there, but not of servers.
        (false, None) => (first_seen(context, store, side), false),
    })
}

/// The names of what is new, each once.
#[must_use]
pub fn names(news: &Draft) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for (name, _) in news.edits() {
        // Of an element, the list is enough.
        let name = name.split("  ").next().unwrap_or_default().to_owned();
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

/// `3 changes outside cs are declared nowhere: model, permissions.allow, …`.
#[must_use]
pub fn told(news: &Draft) -> Option<(usize, String)> {
    let number = news.edits().count();
    (number > 0).then(|| (number, some(&names(news))))
}

/// As many of the names as are read at a glance.
#[must_use]
pub fn some(names: &[String]) -> String {
    const NAMED: usize = 4;
    let more = if names.len() > NAMED { ", …" } else { "" };
    names.iter().take(NAMED).map(String::as_str).collect::<Vec<_>>().join(", ") + more
}

/// Each of them in words, for programs.
#[must_use]
pub fn listed(news: &Draft) -> Vec<String> {
    news.edits().map(|(name, _)| name).collect()
}

fn file(store: &Store) -> PathBuf {
    store.folder().join("seen.json")
}

fn read(store: &Store) -> Result<Option<Marks>, CliError> {
    let path = file(store);
    let Some(text) = fs::read_if_there(&path, limits::DOCUMENT_READ_BYTES_MAX)? else { return Ok(None) };
    let seen: Seen =
        generation::read_up_to(&text, FORMAT).map_err(|error| crate::root::Error::Format { path, error })?;
    Ok(Some(seen.marks))
}

/// What the oldest generation found in the settings.
fn first_seen(context: &Context, store: &Store, side: &Side) -> Marks {
    let id: DocumentId = context.target().settings_document;
    let numbers = store.numbers().unwrap_or_default();
    let numbers = numbers.into_iter().filter(|number| *number <= side.manifest.generation);
    let mut text = numbers.flat_map(|number| {
        let folder = store.generation(number).join("documents");
        ["before", "seen"].map(|name| folder.join(format!("{id}.{name}")))
    });
    let text = text.find_map(|path| fs::read_if_there(&path, limits::DOCUMENT_READ_BYTES_MAX).ok().flatten());
    let settings = text.and_then(|bytes| parsed(std::str::from_utf8(&bytes).ok()?));
    let before = Now { settings, servers: None };
    before.draft(context, |found| Draft::of(found).marks(found.home))
}

/// Remembers what is there now as seen.
///
/// # Errors
/// When it can't be written.
pub fn remember(context: &Context, locked: &LockedRoot, observed: &Observed) -> Result<(), CliError> {
    // What a newer cs has noted is not ours to replace.
    if let Err(CliError::Root(error)) = read(&locked.store)
        && error.is_newer()
    {
        return Err(error.into());
    }
    let now = Now::of(context, &locked.store, observed);
    let marks = now.draft(context, |found| Draft::of(found).marks(found.home));
    let path = file(&locked.store);
    let temporary = path.with_extension("new");
    fs::remove_all(&temporary)?;
    fs::write_new(&temporary, &generation::write(&Seen { format: FORMAT, marks }), 0o600)?;
    Ok(fs::rename(&temporary, &path)?)
}

/// The same, for a command that has not locked the root.
///
/// # Errors
/// When the root can't be locked or written.
pub fn remember_locked(context: &Context, observed: &Observed) -> Result<(), CliError> {
    let locked = context.lock(Durability::Full)?;
    remember(context, &locked, observed)
}
