//! What could be kept, and what could not, and why: drift, defaults, files, and what is new.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{Offer, Passed, told, words};
use crate::cli::engine::{Context, Planned, Wanted};
use crate::cli::error::CliError;
use crate::cli::news::{self, New, Source};
use crate::document::{Action, EntryChange};
use crate::draft::{self, Edit};
use crate::model::{Declared, Install, Key, ManagedPath, Origin, Secret, limits};
use crate::plan::TreeChange;
use crate::profile::{self, ProfileRef};
use crate::root::{Side, Store};
use crate::sys::fs;

/// Why what has drifted would not be written back, by its name; what would be has none.
///
/// # Errors
/// When a file that was edited can't be read.
pub(in crate::cli) fn left(
    context: &Context,
    store: &Store,
    base: &Side,
    of: (&Wanted, &Planned),
) -> Result<BTreeMap<String, String>, CliError> {
    let ProfileRef::File(profile) = &of.0.which else { return Ok(BTreeMap::new()) };
    let mut hunt = Hunt::new(context, profile, store, base, of);
    hunt.drift();
    hunt.files()?;
    hunt.without_secrets();
    let Hunt { offers, passed, .. } = hunt;
    let is_left = |passed: &Passed| offers.iter().all(|offer| offer.what != passed.what);
    Ok(passed.into_iter().filter(is_left).map(|passed| (passed.what, passed.why)).collect())
}

/// What is found.
pub(super) struct Hunt<'a> {
    context: &'a Context,
    profile: &'a Path,
    store: &'a Store,
    base: &'a Side,
    wanted: &'a Wanted,
    planned: &'a Planned,
    pub(super) offers: Vec<Offer>,
    pub(super) passed: Vec<Passed>,
}

impl<'a> Hunt<'a> {
    pub(super) fn new(
        context: &'a Context,
        profile: &'a Path,
        store: &'a Store,
        base: &'a Side,
        (wanted, planned): (&'a Wanted, &'a Planned),
    ) -> Self {
        Self { context, profile, store, base, wanted, planned, offers: Vec::new(), passed: Vec::new() }
    }

    fn pass(&mut self, what: impl Into<String>, why: impl Into<String>) {
        let what = what.into();
        // The first reason is the nearest.
        if self.passed.iter().all(|own| own.what != what) {
            self.passed.push(Passed { what, why: why.into() });
        }
    }

    fn offer(&mut self, what: String, how: String, file: PathBuf, edit: Edit) {
        self.offers.push(Offer {
            what,
            how,
            edits: vec![(file, edit)],
            sources: Vec::new(),
            is_file: false,
            to: String::new(),
        });
    }

    /// The profile file that declares something; `None` for one that ships with `cs`.
    fn file_of(origin: Option<&Origin>) -> Option<PathBuf> {
        let file = &origin?.file;
        (!file.starts_with("builtin:") && !file.starts_with("git+")).then(|| PathBuf::from(file))
    }

    /// Entries of ours that others changed.
    pub(super) fn drift(&mut self) {
        let changes: Vec<_> = self
            .planned
            .checked
            .plan()
            .documents
            .values()
            .flat_map(|document| document.merged.changes.clone())
            .collect();
        for change in changes.into_iter().filter(|change| change.action == Action::Reassert) {
            let what = words(&change.key);
            let how = format!(
                "{} → {}",
                told(&change.key, change.after.as_ref()),
                told(&change.key, change.before.as_ref())
            );
            let Some(file) = Self::file_of(change.origin.as_ref()) else {
                let value = change.before.clone();
                match (&change.key, value) {
                    _ if self.veiled(&change.key).is_some() => self.pass(what, A_SECRET),
                    (Key::Value(pointer), Some(_)) if pointer[0] == SERVERS => {
                        self.pass(what, "a profile that ships with cs, or comes from elsewhere, declares it");
                    }
                    // Later wins: the user's own file says otherwise.
                    (Key::Value(pointer), Some(value)) => {
                        let edit = Edit::Set { section: "settings", pointer: pointer.clone(), value };
                        self.offer(what, how, self.profile.to_owned(), edit);
                    }
                    _ => self
                        .pass(what, "a profile that ships with cs, or comes from elsewhere, declares it: take it out with `without`"),
                }
                continue;
            };
            // One that was taken away holds nothing any more.
            if let Some(declared) = self.veiled(&change.key).filter(|_| change.before.is_some()) {
                self.drift_of_secret(&change, &declared, what, file);
                continue;
            }
            let hook = change.origin.as_ref().and_then(|origin| origin.hook.clone()).unwrap_or_default();
            if let Some(edit) = server(&change.key, change.before.as_ref(), change.after.as_ref()) {
                self.offer(what, how, file, edit);
                continue;
            }
            let edit = match (&change.key, &change.before, change.after.is_some()) {
                (Key::Value(pointer), Some(value), true) => {
                    Edit::Set { section: "settings", pointer: pointer.clone(), value: value.clone() }
                }
                (Key::Value(pointer), None, _) => {
                    Edit::Drop { section: "settings", pointer: pointer.clone() }
                }
                (Key::Value(pointer), Some(_), false) => {
                    Edit::Drop { section: "unset", pointer: pointer.clone() }
                }
                (Key::Element { list, value }, None, _) => {
                    Edit::Take { section: "settings", pointer: list.clone(), value: value.clone() }
                }
                (Key::Element { list, value }, Some(_), _) => {
                    Edit::Take { section: "unset", pointer: list.clone(), value: value.clone() }
                }
                (Key::Hook(id), None, _) => Edit::Event { name: hook, event: id.event.clone() },
                (Key::Hook(_), Some(entry), _) => {
                    Edit::Fields { section: "hooks", name: hook, fields: draft::profile_fields(entry) }
                }
            };
            self.offer(what, how, file, edit);
        }
    }

    /// The declaration of an entry that has secrets in it.
    fn veiled(&self, key: &Key) -> Option<Declared> {
        let declared = self.wanted.state.documents.values().flatten();
        declared.into_iter().find(|own| own.key == *key && !own.secrets.is_empty()).cloned()
    }

    /// What of a drifted entry is no secret is kept; the secret is where it comes from, and stays there.
    fn drift_of_secret(&mut self, change: &EntryChange, declared: &Declared, what: String, file: PathBuf) {
        let edit = server(&change.key, change.before.as_ref(), change.after.as_ref());
        let Some(Edit::Fields { section, name, mut fields }) = edit else {
            return self.pass(what, A_SECRET);
        };
        let all = fields.len();
        fields.retain(|(field, _)| !declared.secrets.iter().any(|own| own.at.first() == Some(field)));
        if fields.len() < all {
            self.pass(what.clone(), A_SECRET);
        }
        if !fields.is_empty() {
            let names: Vec<&str> = fields.iter().map(|(field, _)| field.as_str()).collect();
            let how = format!("{} changed", names.join(", "));
            self.offer(what, how, file, Edit::Fields { section, name, fields });
        }
    }

    /// Nothing that a declared secret says is written anywhere else either.
    pub(super) fn without_secrets(&mut self) {
        let applied = &self.base.manifest.state;
        let secrets: Vec<&Secret> = [applied, &self.wanted.state]
            .into_iter()
            .flat_map(|state| state.secrets().map(|(_, secret)| secret))
            .collect();
        let (kept, left): (Vec<Offer>, Vec<Offer>) =
            std::mem::take(&mut self.offers).into_iter().partition(|offer| {
                let is_told = offer.edits.iter().any(|(_, edit)| says(edit, &secrets));
                let is_held = || offer.sources.iter().any(|source| holds(source, &secrets));
                !(is_told || offer.is_file && is_held())
            });
        self.offers = kept;
        left.into_iter()
            .for_each(|offer| self.pass(offer.what, "it says what is declared as a secret elsewhere"));
    }

    /// Defaults that were set to something else.
    pub(super) fn defaults(&mut self, all: bool) -> Result<(), CliError> {
        let declared = &self.wanted.state;
        let changed = news::defaults(self.context, self.store, self.base, declared, self.planned, all)?;
        for news::Changed { declared, was, now } in changed {
            let key = &declared.key;
            let how = format!("{} → {}", told(key, Some(was)), told(key, Some(&now)));
            let own = Self::file_of(Some(&declared.origin));
            let file = own.unwrap_or_else(|| self.profile.to_owned());
            let edit = Edit::Set { section: "defaults", pointer: key.pointer(), value: now };
            self.offer(words(key), how, file, edit);
        }
        Ok(())
    }

    /// Files that were edited, replaced or removed.
    pub(super) fn files(&mut self) -> Result<(), CliError> {
        for step in self.planned.checked.plan().steps.iter().filter(|step| step.is_drift) {
            let Some(install) = self.wanted.state.installs.get(&step.path) else { continue };
            let what = step.path.to_string();
            let live = self.store.root.path.join(step.path.as_str());
            let own = Self::file_of(Some(&install.origin));
            if step.change == TreeChange::Create {
                self.removed(&step.path, install, own);
                continue;
            }
            let own = install.source.as_ref().filter(|source| !source.starts_with("git+"));
            let Some(source) = own.map(PathBuf::from) else {
                let why = match &install.source {
                    Some(source) => {
                        format!("it was edited, but it comes from {source}: it can be changed there only")
                    }
                    None => "it was edited, but its text stands in the profile: edit it there".to_owned(),
                };
                self.pass(what, why);
                continue;
            };
            let known = self.base.manifest.state.install_digest(&step.path);
            let is_captured = self.planned.observed.captured.contains(&step.path);
            if self.wanted.state.install_digest(&step.path) != known && !is_captured {
                let source = self.context.root.show(&source);
                self.pass(what, format!("it was edited, and so was {source}: bring them together by hand"));
                continue;
            }
            let sources = if install.folder {
                folder(&live, &source)?
            } else {
                let now = fs::read(&live, limits::SOURCE_BYTES_MAX)?;
                let is_same = fs::read_if_there(&source, limits::SOURCE_BYTES_MAX)?.as_ref() == Some(&now);
                let source = Source { path: source, bytes: Some(now), executable: false };
                if is_same { Vec::new() } else { vec![source] }
            };
            if sources.is_empty() {
                let apply = self.context.spell("cs apply");
                self.pass(what, format!("only who may do what with it was changed: {apply} puts that back"));
                continue;
            }
            let how = "edited".to_owned();
            let offer = Offer { what, how, edits: Vec::new(), sources, is_file: false, to: String::new() };
            self.offers.push(offer);
        }
        Ok(())
    }

    /// A path that somebody has taken away. Of a folder of copies the source goes, and with the last of them the folder.
    fn removed(&mut self, path: &ManagedPath, install: &Install, own: Option<PathBuf>) {
        let Some((file, (edit, declared))) = own.and_then(|file| {
            let declaring = declaring(&file, path)?;
            Some((file, declaring))
        }) else {
            return self.pass(path.as_str(), "it was removed, and is declared where it can't be taken out");
        };
        let is_gone = |other: &ManagedPath| {
            let mut steps = self.planned.checked.plan().steps.iter();
            steps.any(|step| step.path == *other && step.is_drift && step.change == TreeChange::Create)
        };
        let folder = ManagedPath::new(declared.as_str()).ok();
        let mut others = self.wanted.state.installs.keys();
        let is_whole = others
            .all(|other| folder.as_ref().is_none_or(|folder| !folder.contains(other)) || is_gone(other));
        if declared == path.as_str() || is_whole {
            if self.offers.iter().all(|offer| offer.what != declared) {
                self.offer(declared, "removed".to_owned(), file, edit);
            }
            return;
        }
        match &install.source {
            Some(source) if !source.starts_with("git+") => {
                let source = Source { path: PathBuf::from(source), bytes: None, executable: false };
                let (what, how) = (path.to_string(), "removed".to_owned());
                let (edits, sources, to) = (Vec::new(), vec![source], String::new());
                self.offers.push(Offer { what, how, edits, sources, is_file: false, to });
            }
            _ => {
                self.pass(path.as_str(), "it was removed, and its text stands in the profile: edit it there");
            }
        }
    }

    /// What others added since cs is here, and nobody declares.
    pub(super) fn news(&mut self, all: bool) -> Result<(), CliError> {
        let declared = &self.wanted.state;
        let news = news::since(self.context, self.store, self.base, declared, self.planned, all)?;
        for left in news.left {
            self.pass(left.what, left.why);
        }
        for New { what, edit, sources, is_file } in news.new {
            let how = match &edit {
                Some(Edit::Set { pointer, value, .. }) => {
                    format!("new: {}", told(&Key::Value(pointer.clone()), Some(value)))
                }
                _ => "new".to_owned(),
            };
            let edits = edit.into_iter().map(|edit| (self.profile.to_owned(), edit)).collect();
            self.offers.push(Offer { what, how, edits, sources, is_file, to: String::new() });
        }
        Ok(())
    }
}

/// Why a drifted secret is not written back.
const A_SECRET: &str = "it is declared as a secret: change it where it comes from, or declare it otherwise";

/// Whether an edit would write down what one of the secrets says, as it stands in the document or as it is found.
fn says(edit: &Edit, secrets: &[&Secret]) -> bool {
    fn any(value: &Value, is_it: &dyn Fn(&str) -> bool) -> bool {
        match value {
            Value::String(text) => is_it(text),
            Value::Array(items) => items.iter().any(|item| any(item, is_it)),
            Value::Object(members) => members.values().any(|value| any(value, is_it)),
            _ => false,
        }
    }
    let is_it = |text: &str| {
        secrets.iter().any(|secret| {
            secret.mark.as_ref().is_some_and(|mark| mark.fits(text) || mark.fits(&secret.text(text)))
        })
    };
    match edit {
        Edit::Set { value, .. } | Edit::Add { value, .. } => any(value, &is_it),
        Edit::Fields { fields, .. } => {
            fields.iter().any(|(_, value)| value.iter().any(|value| any(value, &is_it)))
        }
        Edit::Append(text) => text.split('"').any(is_it),
        // What takes something out writes nothing down.
        Edit::Drop { .. } | Edit::Take { .. } | Edit::Event { .. } | Edit::Table { .. } => false,
    }
}

/// Whether a word of a file is what one of the secrets says.
fn holds(source: &Source, secrets: &[&Secret]) -> bool {
    let text = source.bytes.as_deref().and_then(|bytes| std::str::from_utf8(bytes).ok()).unwrap_or_default();
    let marks: Vec<_> = secrets.iter().filter_map(|secret| secret.mark.as_ref()).collect();
    let is_end = |c: char| c.is_whitespace() || "'\"`,;=()<>".contains(c);
    !marks.is_empty() && text.split(is_end).any(|word| marks.iter().any(|mark| mark.fits(word)))
}

/// Where servers stand in their document.
const SERVERS: &str = "mcpServers";

/// What changes `[mcp.NAME]` from what was declared to what is there.
fn server(key: &Key, now: Option<&Value>, declared: Option<&Value>) -> Option<Edit> {
    let Key::Value(pointer) = key else { return None };
    let [first, name] = pointer.as_slice() else { return None };
    if first != SERVERS {
        return None;
    }
    let name = name.clone();
    let Some(now) = now.and_then(Value::as_object) else { return Some(Edit::Table { section: "mcp", name }) };
    let was = declared.and_then(Value::as_object);
    let is_news = |field: &String| was.is_none_or(|was| was.get(field) != now.get(field));
    let names =
        now.keys().chain(was.into_iter().flat_map(serde_json::Map::keys)).filter(|field| is_news(field));
    let names: BTreeSet<&String> = names.collect();
    let fields = names.into_iter().map(|field| (field.clone(), now.get(field).cloned())).collect();
    Some(Edit::Fields { section: "mcp", name, fields })
}

/// The table that declares a path: `agents/x.md` is `[agents.x]`.
fn table(path: &str) -> Option<(&'static str, String)> {
    let (folder, name) = path.split_once('/')?;
    if folder == "hooks" && !name.contains('/') {
        return Some(("hooks", name.to_owned()));
    }
    let section = profile::section(folder).filter(|_| !name.contains('/'));
    match section {
        Some(section) => Some((section, name.strip_suffix(".md").unwrap_or(name).to_owned())),
        None => Some(("files", path.to_owned())),
    }
}

/// What takes the table out of a profile file that declares a path, and what that declares: the path, or a folder above.
fn declaring(file: &Path, path: &ManagedPath) -> Option<(Edit, String)> {
    let text = fs::read(file, limits::PROFILE_BYTES_MAX).ok()?;
    let text = String::from_utf8_lossy(&text).into_owned();
    let above = path.as_str().match_indices('/').map(|(end, _)| &path.as_str()[..end]);
    let mut above: Vec<&str> = above.chain([path.as_str()]).collect();
    above.reverse();
    above.into_iter().find_map(|path| {
        let (section, name) = table(path)?;
        let edit = Edit::Table { section, name };
        draft::edit(&text, std::slice::from_ref(&edit)).is_ok().then(|| (edit, path.to_owned()))
    })
}

/// What makes the source folder like the live one.
fn folder(live: &Path, source: &Path) -> Result<Vec<Source>, CliError> {
    let mut sources = Vec::new();
    let now = fs::walk(live)?;
    for below in &now {
        let bytes = fs::read(&live.join(below), limits::SOURCE_BYTES_MAX)?;
        let there = fs::read_if_there(&source.join(below), limits::SOURCE_BYTES_MAX)?;
        if there.as_ref() != Some(&bytes) {
            let executable = fs::is_executable(&live.join(below));
            sources.push(Source { path: source.join(below), bytes: Some(bytes), executable });
        }
    }
    let gone = fs::walk(source)?.into_iter().filter(|below| !now.contains(below));
    sources.extend(gone.map(|below| Source { path: source.join(below), bytes: None, executable: false }));
    Ok(sources)
}
