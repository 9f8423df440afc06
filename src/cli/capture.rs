//! `cs capture`: what changed outside `cs`, written back into the profile.

mod ask;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use self::ask::{Chosen, choose, consent, tell};
use super::args::{CaptureArgs, Durability};
use super::engine::{Context, Planned, Wanted};
use super::error::{CliError, exit, refused};
use super::news;
use super::output::{count, paint, style};
use super::show::{self, Detail};
use crate::document::{Action, EntryChange};
use crate::draft::{self, Edit};
use crate::generation::Cause;
use crate::model::{Declared, Key, Origin, Secret, limits};
use crate::plan::secrets::shown;
use crate::plan::{OnConflict, TreeChange};
use crate::profile::{self, ProfileRef};
use crate::remote::Policy;
use crate::root::{Side, Store};
use crate::sys::fs;

/// A source and its new content; without one the file goes.
type Source = (PathBuf, Option<Vec<u8>>);

/// One thing that can be kept, and what it takes.
#[derive(Debug, Clone)]
struct Offer {
    what: String,
    /// What was and what is, for people.
    how: String,
    edits: Vec<(PathBuf, Edit)>,
    sources: Vec<Source>,
    /// Where it goes, as `file:line`; told to people.
    to: String,
}

/// What changed and can't be written back, and why.
#[derive(Debug, Clone)]
struct Passed {
    what: String,
    why: String,
}

/// Runs it.
///
/// # Errors
/// When nothing was applied yet, the profile can't be changed, or a person is needed and none is there.
pub fn run(context: &Context, args: &CaptureArgs) -> Result<u8, CliError> {
    let store = context.store()?;
    let Some(base) = context.base(&store)? else {
        return Err(refused("nothing is applied here yet", "Make a profile of what is there: cs init DIR."));
    };
    let wanted = context.wanted(Some(&base))?;
    if let ProfileRef::Remote(remote) = &wanted.which {
        return Err(refused(
            format!("{} can't be written to from here", remote.repository()),
            format!("Make a profile of your own that builds on it: extends = [\"{remote}\"]."),
        ));
    }
    let ProfileRef::File(profile) = &wanted.which else {
        return Err(refused(
            format!("{} can't be written to", wanted.which),
            format!("Make a profile of your own that builds on it: cs init --from {} DIR.", wanted.which),
        ));
    };
    // What stands in the way was put there by somebody: that is what this is about.
    let planned = context.plan(&store, Some(&base), &wanted.state, Cause::Apply, OnConflict::Backup)?;
    let mut hunt = Hunt::new(context, profile, &store, &base, (&wanted, &planned));
    hunt.drift();
    hunt.defaults(args.undeclared)?;
    hunt.files()?;
    hunt.news(args.undeclared)?;
    hunt.without_secrets();
    let Hunt { mut offers, passed, .. } = hunt;
    if !args.only.is_empty() {
        let found = offers.len();
        offers.retain(|offer| args.only.iter().any(|pattern| matches(pattern, &offer.what)));
        if offers.is_empty() && found > 0 {
            let changes = count(found, "change", "changes");
            return Err(refused(
                format!("nothing that changed matches {}", args.only.join(", ")),
                format!("There are {changes}: cs capture --dry-run shows them."),
            ));
        }
    }
    for offer in &mut offers {
        offer.to = place(context, offer);
    }
    tell(context, &offers, &passed);
    if offers.is_empty() {
        if !passed.is_empty() {
            context.out.line("Nothing was changed: none of it can be written into the profile.");
        }
        context.out.object(&json!({"version": 1, "success": true, "captured": [], "passed": passed_json(&passed), "files": []}));
        return Ok(exit::DONE);
    }
    let Chosen { offers: chosen, is_all_seen } = choose(context, args, offers)?;
    let changed = rewritten(&chosen)?;
    let files: Vec<PathBuf> = changed
        .keys()
        .cloned()
        .chain(chosen.iter().flat_map(|offer| offer.sources.iter().map(|(path, _)| path.clone())))
        .collect();
    show_changes(context, &changed, false);
    let is_meant = !args.dry_run && !chosen.is_empty() && consent(context, args)?;
    // What somebody went through, and did not keep, is no news any more.
    if is_all_seen
        && (is_meant || chosen.is_empty())
        && let Err(error) = news::remember_locked(context, &planned.observed)
    {
        context.out.warn(error.report(context.home()).message);
    }
    if is_meant {
        write(context, &store, &wanted, &changed, &chosen)?;
        let names = files.iter().collect::<BTreeSet<_>>().len();
        context.out.line(format!(
            "Kept: {} in {}.   {}",
            count(chosen.len(), "entry", "entries"),
            count(names, "file", "files"),
            paint(style::DIM, format!("{} stores it", context.spell("cs apply")))
        ));
    } else {
        context.out.line("Nothing was changed.");
    }
    context.out.object(&json!({"version": 1, "success": true, "written": is_meant,
        "captured": chosen.iter().map(|offer| json!({"entry": offer.what, "change": offer.how, "to": offer.to})).collect::<Vec<_>>(),
        "passed": passed_json(&passed), "files": files}));
    Ok(exit::DONE)
}

fn passed_json(passed: &[Passed]) -> Vec<Value> {
    passed.iter().map(|passed| json!({"entry": passed.what, "why": passed.why})).collect()
}

/// `*` stands for anything; without one the pattern is the beginning of what it means.
fn matches(pattern: &str, what: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else { return what.starts_with(pattern) };
    let Some(mut left) = what.strip_prefix(first) else { return false };
    let parts: Vec<&str> = rest.split('*').collect();
    for (index, part) in parts.iter().enumerate() {
        let is_last = index + 1 == parts.len();
        match if is_last && !part.is_empty() {
            left.ends_with(part).then_some(left.len())
        } else {
            left.find(part).map(|at| at + part.len())
        } {
            Some(end) => left = &left[end..],
            None => return false,
        }
    }
    true
}

/// Why what has drifted would not be written back, by its name; what would be has none.
///
/// # Errors
/// When a file that was edited can't be read.
pub(super) fn left(
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

struct Hunt<'a> {
    context: &'a Context,
    profile: &'a Path,
    store: &'a Store,
    base: &'a Side,
    wanted: &'a Wanted,
    planned: &'a Planned,
    offers: Vec<Offer>,
    passed: Vec<Passed>,
}

impl<'a> Hunt<'a> {
    fn new(
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
            to: String::new(),
        });
    }

    /// The profile file that declares something; `None` for one that ships with `cs`.
    fn file_of(origin: Option<&Origin>) -> Option<PathBuf> {
        let file = &origin?.file;
        (!file.starts_with("builtin:") && !file.starts_with("git+")).then(|| PathBuf::from(file))
    }

    /// Entries of ours that others changed.
    fn drift(&mut self) {
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
    fn without_secrets(&mut self) {
        let applied = &self.base.manifest.state;
        let secrets: Vec<&Secret> = [applied, &self.wanted.state]
            .into_iter()
            .flat_map(|state| state.secrets().map(|(_, secret)| secret))
            .collect();
        let (kept, left): (Vec<Offer>, Vec<Offer>) = std::mem::take(&mut self.offers)
            .into_iter()
            .partition(|offer| !offer.edits.iter().any(|(_, edit)| says(edit, &secrets)));
        self.offers = kept;
        left.into_iter()
            .for_each(|offer| self.pass(offer.what, "it says what is declared as a secret elsewhere"));
    }

    /// Defaults that were set to something else.
    fn defaults(&mut self, all: bool) -> Result<(), CliError> {
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
    fn files(&mut self) -> Result<(), CliError> {
        for step in self.planned.checked.plan().steps.iter().filter(|step| step.is_drift) {
            let Some(install) = self.wanted.state.installs.get(&step.path) else { continue };
            let what = step.path.to_string();
            let live = self.store.root.path.join(step.path.as_str());
            let own = Self::file_of(Some(&install.origin));
            if step.change == TreeChange::Create {
                match (own, table(step.path.as_str())) {
                    (Some(file), Some((section, name))) => {
                        let edit = Edit::Table { section, name };
                        self.offer(what, "removed".to_owned(), file, edit);
                    }
                    _ => self.pass(what, "it was removed, and is declared where it can't be taken out"),
                }
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
            if self.wanted.state.install_digest(&step.path) != known {
                let source = self.context.root.show(&source);
                self.pass(what, format!("it was edited, and so was {source}: bring them together by hand"));
                continue;
            }
            let sources = if install.folder {
                folder(&live, &source)?
            } else {
                let now = fs::read(&live, limits::SOURCE_BYTES_MAX)?;
                let is_same = fs::read_if_there(&source, limits::SOURCE_BYTES_MAX)?.as_ref() == Some(&now);
                if is_same { Vec::new() } else { vec![(source, Some(now))] }
            };
            if sources.is_empty() {
                let apply = self.context.spell("cs apply");
                self.pass(what, format!("only who may do what with it was changed: {apply} puts that back"));
                continue;
            }
            let how = "edited".to_owned();
            self.offers.push(Offer { what, how, edits: Vec::new(), sources, to: String::new() });
        }
        Ok(())
    }

    /// What others added since cs is here, and nobody declares.
    fn news(&mut self, all: bool) -> Result<(), CliError> {
        let declared = &self.wanted.state;
        let news = news::since(self.context, self.store, self.base, declared, self.planned, all)?;
        for left in news.left() {
            self.pass(left.what, left.why);
        }
        for (what, edit) in news.edits() {
            let how = match &edit {
                Edit::Set { pointer, value, .. } => {
                    format!("new: {}", told(&Key::Value(pointer.clone()), Some(value)))
                }
                _ => "new".to_owned(),
            };
            self.offer(what, how, self.profile.to_owned(), edit);
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

/// What makes the source folder like the live one.
fn folder(live: &Path, source: &Path) -> Result<Vec<Source>, CliError> {
    let mut sources = Vec::new();
    let now = fs::walk(live)?;
    for below in &now {
        let bytes = fs::read(&live.join(below), limits::SOURCE_BYTES_MAX)?;
        let there = fs::read_if_there(&source.join(below), limits::SOURCE_BYTES_MAX)?;
        if there.as_ref() != Some(&bytes) {
            sources.push((source.join(below), Some(bytes)));
        }
    }
    let gone = fs::walk(source)?.into_iter().filter(|below| !now.contains(below));
    sources.extend(gone.map(|below| (source.join(below), None)));
    Ok(sources)
}

/// The file and line that an offer changes.
fn place(context: &Context, offer: &Offer) -> String {
    let Some((file, edit)) = offer.edits.first() else {
        return offer.sources.first().map(|(path, _)| context.root.show(path)).unwrap_or_default();
    };
    let text = fs::read(file, limits::SOURCE_BYTES_MAX).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let shown = context.root.show(file);
    match draft::edit(&text, std::slice::from_ref(edit)) {
        Ok(new) => {
            let same = text.lines().zip(new.lines()).take_while(|(old, new)| old == new).count();
            // A blank line that sets it off is not what people look for.
            let blank = new.lines().skip(same).take_while(|line| line.is_empty()).count();
            format!("{shown}:{}", same + blank + 1)
        }
        Err(_) => shown,
    }
}

fn words(key: &Key) -> String {
    key.to_string()
}

fn told(key: &Key, value: Option<&Value>) -> String {
    let name = key.pointer().last().cloned().unwrap_or_default();
    match (key, value) {
        (_, None) => "(absent)".to_owned(),
        (Key::Value(_), Some(value)) => shown(&name, value, false),
        (Key::Hook(_), Some(entry)) => {
            let fields = entry
                .as_object()
                .into_iter()
                .flatten()
                .filter(|(name, _)| !matches!(name.as_str(), "type" | "command"));
            let fields: Vec<String> =
                fields.map(|(name, value)| format!("{name} {}", shown(name, value, false))).collect();
            if fields.is_empty() { "as it is".to_owned() } else { fields.join(", ") }
        }
        (Key::Element { .. }, Some(_)) => "(there)".to_owned(),
    }
}

/// Each profile that changes: what it was and what it becomes.
fn rewritten(chosen: &[Offer]) -> Result<BTreeMap<PathBuf, (String, String)>, CliError> {
    let mut edits: BTreeMap<PathBuf, Vec<Edit>> = BTreeMap::new();
    for (file, edit) in chosen.iter().flat_map(|offer| &offer.edits) {
        edits.entry(file.clone()).or_default().push(edit.clone());
    }
    let mut changed = BTreeMap::new();
    for (file, edits) in edits {
        let text = String::from_utf8_lossy(&fs::read(&file, limits::SOURCE_BYTES_MAX)?).into_owned();
        let new = draft::edit(&text, &edits).map_err(|error| {
            refused(
                format!("{} can't be changed: {error}", file.display()),
                "Nothing was changed. Edit it by hand; cs plan shows what drifted.",
            )
        })?;
        changed.insert(file, (text, new));
    }
    Ok(changed)
}

/// What an offer does to the files it is about.
fn difference(context: &Context, offer: &Offer, indent: &str, detail: Detail) -> Vec<String> {
    let mut lines = Vec::new();
    let text =
        |bytes: &[u8]| std::str::from_utf8(bytes).ok().filter(|text| !text.contains('\0')).map(str::to_owned);
    for (path, bytes) in &offer.sources {
        let old = fs::read_if_there(path, limits::SOURCE_BYTES_MAX).ok().flatten().unwrap_or_default();
        if offer.sources.len() > 1 {
            let gone = if bytes.is_none() { "  goes" } else { "" };
            lines.push(format!("{indent}{}{gone}", context.root.show(path)));
        }
        match (text(&old), text(bytes.as_deref().unwrap_or_default())) {
            (Some(old), Some(new)) => lines.extend(show::diff(&old, &new, indent, detail)),
            _ => lines.push(format!("{indent}it is no text")),
        }
    }
    lines
}

fn show_changes(context: &Context, changed: &BTreeMap<PathBuf, (String, String)>, is_whole: bool) {
    let detail = Detail { verbose: is_whole || context.out.verbose, ..Detail::default() };
    for (file, (old, new)) in changed {
        context.out.line(format!("\n  {}", paint(style::BOLD, context.root.show(file))));
        context.out.lines(&show::diff(old, new, "    ", detail));
    }
    if !changed.is_empty() {
        context.out.line("");
    }
}

/// Sources first, then profiles; a profile that would not be one is put back.
fn write(
    context: &Context,
    store: &Store,
    wanted: &Wanted,
    changed: &BTreeMap<PathBuf, (String, String)>,
    chosen: &[Offer],
) -> Result<(), CliError> {
    let overwritten =
        chosen.iter().flat_map(|offer| &offer.sources).map(|(path, _)| path.as_path()).collect();
    // Nobody takes a generation away meanwhile.
    let _locked = context.lock(Durability::Full)?;
    super::sound::keep_originals(store, &overwritten)?;
    let machine = context.machine(&wanted.which, Policy::Pinned)?;
    let sources = || chosen.iter().flat_map(|offer| &offer.sources);
    let mut before: Vec<Source> = Vec::new();
    for (path, _) in sources() {
        before.push((path.clone(), fs::read_if_there(path, limits::SOURCE_BYTES_MAX)?));
    }
    before.extend(changed.iter().map(|(file, (old, _))| (file.clone(), Some(old.as_bytes().to_vec()))));
    let after = sources().cloned();
    let after =
        after.chain(changed.iter().map(|(file, (_, new))| (file.clone(), Some(new.as_bytes().to_vec()))));
    let written = after.collect::<Vec<_>>().iter().try_for_each(put);
    let checked = written.and_then(|()| {
        let rendered = profile::render(&wanted.which, &context.target(), &machine);
        rendered.map(drop).map_err(CliError::Profile)
    });
    if checked.is_err() {
        // All of it or nothing.
        before.iter().try_for_each(put)?;
    }
    checked
}

/// Makes a file what it is to be: with this content, or gone.
fn put((path, bytes): &Source) -> Result<(), CliError> {
    match bytes {
        Some(bytes) => replace(path, bytes),
        None => Ok(fs::remove_file(path)?),
    }
}

/// Writes a file of the user's whole, with the permissions it had; through a link to where it lies.
///
/// # Errors
/// When it can't be written.
pub(super) fn replace(path: &Path, bytes: &[u8]) -> Result<(), CliError> {
    let path = fs::canonical(path).unwrap_or_else(|_| path.to_owned());
    let mode = fs::stat(&path)?.map_or(0o644, |stat| stat.mode);
    let parent = path.parent().unwrap_or(Path::new("/"));
    fs::make_folders(parent, 0o755)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let temporary = parent.join(format!(".{name}.cs-new"));
    fs::remove_file(&temporary)?;
    fs::write_new(&temporary, bytes, mode | 0o200)?;
    Ok(fs::rename(&temporary, &path)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        for (pattern, what, is) in [
            ("model", "model", true),
            ("permissions", "permissions.allow  Bash(ls:*)", true),
            ("*allow*", "permissions.allow  x", true),
            ("*.md", "agents/a.md", true),
            ("*.md", "agents/a.md.bak", false),
            ("env.*", "model", false),
            ("a*b*c", "axxbyyc", true),
            ("a*b*c", "axxcyyb", false),
        ] {
            assert_eq!(matches(pattern, what), is, "{pattern} {what}");
        }
    }
}
