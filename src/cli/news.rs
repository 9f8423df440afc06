//! What came into a root since cs did, and is declared nowhere: the model of a `/model`, a permission that was
//! granted, a plugin, a server; an agent, a command, a skill, a rule.
//!
//! Told by `plan` and `status`, offered by `capture`. What was there before cs is nobody's news; nor is what was
//! shown to somebody who went through it with `cs capture`, whether they kept it or not: `claude-sync/seen.json`
//! remembers both, in digests. An apply in between changes nothing about it.
//! Of a file the path is remembered: what is the user's own may change without being told of.

mod files;

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::args::Durability;
use super::engine::{Context, Planned};
use super::error::CliError;
use crate::document::merge::name_of;
use crate::draft::{self, Draft, Edit, File, Found, Left, Marks};
use crate::generation::{self, State};
use crate::model::{Declared, Digest, DocumentId, How, Key, ManagedPath, Want, limits};
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
    /// What `cs capture` has declared as it lies there, and no apply has taken over yet: the mark of each path, and
    /// the digest of what lay there.
    #[serde(default, skip_serializing_if = "Marks::is_empty")]
    captured: Marks,
}

impl Seen {
    /// Whether it tells of files; that of an older cs does not.
    fn is_of_files(&self) -> bool {
        self.marks.contains_key(&of_files())
    }
}

/// The mark of files being remembered at all.
fn of_files() -> Digest {
    Digest::of(b"files")
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

    fn draft<R>(&self, context: &Context, files: &[File], make: impl FnOnce(Found<'_>) -> R) -> R {
        let (root, home) = (context.root.text(), context.root.home_text());
        make(Found {
            settings: self.settings.as_ref(),
            servers: self.servers.as_ref(),
            files,
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

/// A file of the user's that is written, with its new content; without one it goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    pub path: PathBuf,
    pub bytes: Option<Vec<u8>>,
    /// Somebody may run it; of a file that is there already this stays as it is.
    pub executable: bool,
}

/// One thing that is new, and what declares it.
#[derive(Debug, Clone, PartialEq)]
pub struct New {
    pub what: String,
    /// The change to the profile; none where that declares the folder it lies in.
    pub edit: Option<Edit>,
    /// What is copied beside the profile.
    pub sources: Vec<Source>,
    /// It is a file or folder of the root.
    pub is_file: bool,
}

/// What is new.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct News {
    pub new: Vec<New>,
    /// What is new, and stays where it is.
    pub left: Vec<Left>,
}

/// What is new, as far as it is declared nowhere; `all`: whatever is declared nowhere, new or not.
///
/// # Errors
/// When what was seen, or a file, can't be read.
pub fn since(
    context: &Context,
    store: &Store,
    side: &Side,
    declared: &State,
    planned: &Planned,
    all: bool,
) -> Result<News, CliError> {
    let mut now = Now::of(context, store, &planned.observed);
    let (seen, is_of) = seen(context, store, side, all)?;
    if !is_of.servers {
        now.servers = None;
    }
    let (strange, mut passed) = match is_of.files {
        true => files::strange(context, (store, side), declared, &seen, now.settings.as_ref())?,
        false => (files::Strange::default(), Vec::new()),
    };
    let home = context.root.home_text();
    // What is still ours is as little news as what is declared: the next apply lets go of it.
    let owned = side.ledger.documents.values().flat_map(|own| &own.rows);
    let owned = owned.filter(|row| row.how != How::Released).map(|row| &row.key);
    let keys = declared.documents.values().flatten().map(|own| &own.key).chain(owned);
    let keys: BTreeSet<String> = keys.map(|key| name_of(key, home.as_deref())).collect();
    let is_declared = |key: &Key| keys.contains(&name_of(key, home.as_deref()));
    let draft = now.draft(context, &strange.files, |found| Draft::news(found, &seen, is_declared));
    passed.extend(draft.left());
    files::place(context, side, declared, &draft, (strange, passed))
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

/// What is told by what somebody has seen.
struct IsOf {
    servers: bool,
    files: bool,
}

/// What somebody has seen, and of what that tells; `all`: nothing, of everything.
fn seen(context: &Context, store: &Store, side: &Side, all: bool) -> Result<(Marks, IsOf), CliError> {
    Ok(match (all, read(store)?) {
        (true, _) => (Marks::new(), IsOf { servers: true, files: true }),
        (false, Some(seen)) => {
            let files = seen.is_of_files();
            (seen.marks, IsOf { servers: true, files })
        }
        // Applied by a cs that did not write it: the oldest generation tells what was there, but of settings alone.
        (false, None) => (first_seen(context, store, side), IsOf { servers: false, files: false }),
    })
}

/// The names of what is new, each once.
#[must_use]
pub fn names(news: &News) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for new in &news.new {
        // Of an element, the list is enough.
        let name = new.what.split("  ").next().unwrap_or_default().to_owned();
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

/// `3 changes outside cs are declared nowhere: model, permissions.allow, …`.
#[must_use]
pub fn told(news: &News) -> Option<(usize, String)> {
    let number = news.new.len();
    (number > 0).then(|| (number, some(&names(news))))
}

/// What became of it, in a word: a file came, an entry may have been another.
#[must_use]
pub fn became(news: &News) -> &'static str {
    if news.new.iter().any(|new| new.is_file) { "new or changed" } else { "changed" }
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
pub fn listed(news: &News) -> Vec<String> {
    news.new.iter().map(|new| new.what.clone()).collect()
}

fn file(store: &Store) -> PathBuf {
    store.folder().join("seen.json")
}

fn read(store: &Store) -> Result<Option<Seen>, CliError> {
    let path = file(store);
    let Some(text) = fs::read_if_there(&path, limits::DOCUMENT_READ_BYTES_MAX)? else { return Ok(None) };
    let seen = generation::read_up_to(&text, FORMAT);
    Ok(Some(seen.map_err(|error| crate::root::Error::Format { path, error })?))
}

fn write(store: &Store, seen: &Seen) -> Result<(), CliError> {
    let path = file(store);
    let temporary = path.with_extension("new");
    fs::remove_all(&temporary)?;
    fs::write_new(&temporary, &generation::write(seen), 0o600)?;
    Ok(fs::rename(&temporary, &path)?)
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
    before.draft(context, &[], |found| Draft::of(found).marks(found.home))
}

/// Remembers what is there now as seen.
///
/// # Errors
/// When it can't be written.
pub fn remember(context: &Context, locked: &LockedRoot, observed: &Observed) -> Result<(), CliError> {
    let captured = match read(&locked.store) {
        // What a newer cs has noted is not ours to replace.
        Err(CliError::Root(error)) if error.is_newer() => return Err(error.into()),
        // What else can't be read is written anew.
        seen => seen.ok().flatten().map(|seen| seen.captured).unwrap_or_default(),
    };
    let now = now(context, &locked.store, observed)?;
    write(&locked.store, &Seen { captured, ..now })
}

/// What is there now, as seen.
fn now(context: &Context, store: &Store, observed: &Observed) -> Result<Seen, CliError> {
    let now = Now::of(context, store, observed);
    let mut marks = now.draft(context, &[], |found| Draft::of(found).marks(found.home));
    marks.extend(files::marks(context, store, now.settings.as_ref())?);
    Ok(Seen { format: FORMAT, marks, captured: Marks::new() })
}

/// Remembers what an apply changes about it: what was captured is taken over by now. Of files an older cs has not
/// remembered any: those that are there are nobody's news.
///
/// # Errors
/// When it can't be read or written.
pub fn applied(context: &Context, locked: &LockedRoot, observed: &Observed) -> Result<(), CliError> {
    let Some(mut seen) = read(&locked.store)? else { return Ok(()) };
    if seen.captured.is_empty() && seen.is_of_files() {
        return Ok(());
    }
    if !seen.is_of_files() {
        let now = Now::of(context, &locked.store, observed);
        seen.marks.extend(files::marks(context, &locked.store, now.settings.as_ref())?);
    }
    seen.captured.clear();
    write(&locked.store, &seen)
}

/// Remembers what was declared as it lies there: the next apply may take it over.
///
/// # Errors
/// When it can't be read or written.
pub fn captured(
    context: &Context,
    (locked, observed): (&LockedRoot, &Observed),
    taken: impl Iterator<Item = (ManagedPath, Digest)>,
) -> Result<(), CliError> {
    let mut taken = taken.peekable();
    if taken.peek().is_none() {
        return Ok(());
    }
    let mut seen = match read(&locked.store)? {
        Some(seen) => seen,
        None => now(context, &locked.store, observed)?,
    };
    seen.captured.extend(taken.map(|(path, digest)| (draft::mark_of_file(path.as_str()), digest)));
    write(&locked.store, &seen)
}

/// Which of the paths of a state were captured as they are declared.
#[must_use]
pub fn is_captured(store: &Store, state: &State) -> BTreeSet<ManagedPath> {
    // What can't be read is told by who asks for news.
    let Some(seen) = read(store).ok().flatten() else { return BTreeSet::new() };
    let is_it = |path: &&ManagedPath| {
        let digest = seen.captured.get(&draft::mark_of_file(path.as_str()));
        digest.is_some() && digest.copied() == state.install_digest(path)
    };
    state.installs.keys().filter(is_it).cloned().collect()
}

/// The same, for a command that has not locked the root.
///
/// # Errors
/// When the root can't be locked or written.
pub fn remember_locked(context: &Context, observed: &Observed) -> Result<(), CliError> {
    let locked = context.lock(Durability::Full)?;
    remember(context, &locked, observed)
}
