//! From what is there to a profile that declares it: what `cs init` writes.
//!
//! Pure. [`Draft::of`] decides what can be declared and what is left where it is, and why;
//! [`Draft::print`] writes it as TOML with a comment on each part, and says which line is whose, so
//! that whatever the profile's own check refuses can be [left](Draft::leave) too.

mod edit;
mod hooks;
mod print;
mod toml;
mod withheld;

use std::collections::BTreeMap;

use serde_json::Value;

pub use self::edit::{Edit, EditError, edit};
pub use self::hooks::profile_fields;
pub use self::print::{Printed, skeleton};
use crate::document::hooks::meaning;
use crate::document::merge::name_of;
use crate::document::value::digest;
use crate::model::{Digest, Key, ManagedPath, Pointer, key, limits, sets};
use crate::plan::secrets::{holds_in_line, holds_secret, looks_secret};

/// A file of the root, as read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Relative to the root, with `/` between names.
    pub path: String,
    pub bytes: Vec<u8>,
    /// Somebody may run it.
    pub executable: bool,
}

/// A root as it was found.
#[derive(Debug, Clone, Copy)]
pub struct Found<'a> {
    /// Its settings, where there are any.
    pub settings: Option<&'a Value>,
    /// The file with its MCP servers, where there is one.
    pub servers: Option<&'a Value>,
    pub files: &'a [File],
    /// The root's absolute path.
    pub root: &'a str,
    pub home: Option<&'a str>,
}

/// What stays where it is, and why.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Left {
    pub what: String,
    pub why: String,
}

/// The same in a draft, with what more is known of it.
#[derive(Debug, Clone, PartialEq)]
struct Staying {
    left: Left,
    /// The entry, if it is one.
    key: Option<Key>,
    /// What declares it without saying the secret in it, as lines of TOML.
    instead: Option<String>,
}

impl Left {
    fn mark(&self) -> Digest {
        Digest::of(format!("left {} {}", self.what, self.why).as_bytes())
    }
}

/// What stood somewhere, by digests of names and of values: enough to tell what is new, and nothing to be read
/// out of it.
pub type Marks = BTreeMap<Digest, Digest>;

/// Whether a value at a pointer is as it was `seen`.
#[must_use]
pub fn is_seen(seen: &Marks, pointer: &[String], value: &Value, home: Option<&str>) -> bool {
    let has = |key: Key, value: Digest| seen.get(&mark(&key, home)) == Some(&value);
    match value {
        Value::Object(members) if !members.is_empty() => members
            .iter()
            .all(|(name, value)| is_seen(seen, &[pointer, std::slice::from_ref(name)].concat(), value, home)),
        Value::Array(items) if sets::is_set(pointer) => items
            .iter()
            .all(|item| has(Key::Element { list: pointer.to_vec(), value: item.clone() }, Digest::of(b""))),
        value => has(Key::Value(pointer.to_vec()), digest(value)),
    }
}

/// The mark of a file, or of a folder that is declared as one.
#[must_use]
pub fn mark_of_file(path: &str) -> Digest {
    Digest::of(["file ", path].concat().as_bytes())
}

/// What a path is declared with: a skill is a folder, and everything else a file.
#[must_use]
pub fn unit(path: &str) -> &str {
    let Some(name) = path.strip_prefix("skills/") else { return path };
    name.find('/').map_or(path, |end| &path[.."skills/".len() + end])
}

/// Why nobody means a file of this name to be declared: it is hidden, an editor's, or made.
#[must_use]
pub fn litter(path: &str) -> Option<&'static str> {
    let is_backup = |name: &str| {
        let ends = ["~", ".bak", ".orig", ".rej", ".swp", ".swo", ".tmp"];
        ends.iter().any(|end| name.ends_with(end)) || name.starts_with('#') && name.ends_with('#')
    };
    // What lies in the root itself is there because the settings name it.
    path.split('/').skip(1).find_map(|name| match name {
        name if MADE.contains(&name) => Some("it is made, not written"),
        // An editor's swap file is hidden, too.
        name if is_backup(name) => Some("it is an editor's backup"),
        name if name.starts_with('.') => Some("it is hidden"),
        _ => None,
    })
}

fn mark(key: &Key, home: Option<&str>) -> Digest {
    Digest::of(name_of(key, home).as_bytes())
}

/// One thing that a profile declares.
#[derive(Debug, Clone, PartialEq)]
enum Item {
    /// An entry of the settings; an element of a set is one of its own.
    Setting {
        section: Section,
        pointer: Pointer,
        value: Value,
    },
    Hook(hooks::Hook),
    /// `[mcp.name]`.
    Server {
        name: String,
        fields: serde_json::Map<String, Value>,
    },
    /// A file or folder: `[section.name]`, from `source`, which is also its path in the root.
    Install {
        section: &'static str,
        name: String,
        source: String,
    },
}

/// Where a setting goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Section {
    Settings,
    Defaults,
}

impl Section {
    fn name(self) -> &'static str {
        match self {
            Self::Settings => "settings",
            Self::Defaults => "defaults",
        }
    }
}

/// What stands at a pointer.
#[must_use]
pub fn at<'v>(value: &'v Value, pointer: &[String]) -> Option<&'v Value> {
    pointer.iter().try_fold(value, |value, name| value.as_object()?.get(name))
}

/// A profile in the making.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Draft {
    items: Vec<Item>,
    left: Vec<Staying>,
    /// Lines of copied files that look like secrets: `path:line`.
    suspects: Vec<String>,
}

/// Settings that the client writes by itself, at a word of the user's: declared as defaults, or each
/// `/model` would be drift.
const CLIENTS_OWN: &[&str] = &[
    "model",
    "effortLevel",
    "outputStyle",
    "theme",
    "editorMode",
    "language",
    "verbose",
    "fastMode",
    "alwaysThinkingEnabled",
    "autoCompactEnabled",
    "enabledPlugins",
    "extraKnownMarketplaces",
];

/// What belongs to the file and says nothing to the client.
const FILES_OWN: &[&str] = &["$schema", "hooks", "mcpServers"];

/// Folders in which nobody keeps a source.
const MADE: &[&str] = &["node_modules", "__pycache__", ".git", ".venv", "target"];

/// The most that is copied of one folder, in bytes.
const FOLDER_BYTES_MAX: usize = 16 << 20;

impl Draft {
    /// What can be declared of what was found.
    #[must_use]
    pub fn of(found: Found<'_>) -> Self {
        let mut draft = Self::default();
        let settings = found.settings.and_then(Value::as_object);
        for (name, value) in settings.into_iter().flatten() {
            if !FILES_OWN.contains(&name.as_str()) {
                let own = CLIENTS_OWN.contains(&name.as_str());
                let section = if own { Section::Defaults } else { Section::Settings };
                draft.setting(section, &mut vec![name.clone()], value);
            }
        }
        draft.servers(found.servers);
        let scripts = draft.hooks(found, settings.and_then(|settings| settings.get("hooks")));
        draft.installs(found, &scripts);
        draft
    }

    /// What can be declared of what is there `now`, was not there when it was `seen`, and is declared nowhere. The
    /// files are those that are not declared. One that seems to hold a secret stays where it is.
    #[must_use]
    pub fn news(now: Found<'_>, seen: &Marks, is_declared: impl Fn(&Key) -> bool) -> Self {
        let mut draft = Self::of(now);
        let is_known =
            |key: &Key, value: Digest| seen.get(&mark(key, now.home)) == Some(&value) || is_declared(key);
        let mut scripts = Vec::new();
        for item in &mut draft.items {
            let value = item.digest();
            if let Item::Hook(hook) = item {
                let keys = hook.keys();
                let mut fresh = keys.iter().map(|key| !is_known(key, value));
                hook.events.retain(|_| fresh.next().unwrap_or_default());
                // The script is new, and what runs it is not.
                scripts.extend(hook.source.take_if(|_| hook.events.is_empty()));
            }
        }
        draft.items.extend(scripts.into_iter().map(Item::file));
        let is_file_known = |path: &str| seen.contains_key(&mark_of_file(unit(path)));
        draft.items.retain(|item| match item {
            Item::Install { source, .. } => !is_file_known(source),
            item => {
                let (keys, value) = (item.keys(), item.digest());
                !keys.is_empty() && !keys.iter().all(|key| is_known(key, value))
            }
        });
        draft.left.retain(|own| {
            !seen.contains_key(&own.left.mark())
                && !is_file_known(&own.left.what)
                && !own.key.as_ref().is_some_and(&is_declared)
        });
        draft.leave_suspects();
        draft
    }

    /// Leaves where they are the files that seem to hold a secret.
    fn leave_suspects(&mut self) {
        for suspect in std::mem::take(&mut self.suspects) {
            let Some((path, line)) = suspect.rsplit_once(':') else { continue };
            let why = format!("it looks as if it held a secret, in line {line}");
            let is_of = |item: &Item| item.source().is_some_and(|source| is_below(path, &source));
            let Some(index) = self.items.iter().position(is_of) else { continue };
            match &mut self.items[index] {
                // Such a hook is declared by its command alone.
                Item::Hook(hook) => hook.source = None,
                _ => drop(self.items.remove(index)),
            }
            self.skip(path, why);
        }
    }

    /// Everything that stands there.
    #[must_use]
    pub fn marks(&self, home: Option<&str>) -> Marks {
        let of_item = |item: &Item| -> Vec<(Digest, Digest)> {
            let value = item.digest();
            item.keys().iter().map(|key| (mark(key, home), value)).collect()
        };
        let left = self.left.iter().map(|own| (own.left.mark(), own.left.mark()));
        self.items.iter().flat_map(of_item).chain(left).collect()
    }

    /// Each thing in words, what declares it, and the file or folder of the root that is its source, if it has one:
    /// the profile calls that as `place` says.
    pub fn edits(
        &self,
        place: impl Fn(&str) -> String,
    ) -> impl Iterator<Item = (String, Edit, Option<String>)> {
        self.items.iter().map(move |item| (item.name(), item.edit(&place), item.source()))
    }

    /// What stays where it is.
    #[must_use]
    pub fn left(&self) -> Vec<Left> {
        let mut left: Vec<Left> = self.left.iter().map(|own| own.left.clone()).collect();
        left.sort();
        left.dedup();
        left
    }

    /// What declares the entries that stay for a secret in them: TOML in which that is said by where it is found.
    fn instead(&self) -> impl Iterator<Item = &str> {
        self.left.iter().filter_map(|own| own.instead.as_deref())
    }

    /// Where copied files hold what looks like a secret: `path:line`.
    #[must_use]
    pub fn suspects(&self) -> &[String] {
        &self.suspects
    }

    /// How many settings, hooks and files or folders are declared.
    #[must_use]
    pub fn counts(&self) -> (usize, usize, usize) {
        self.items.iter().fold((0, 0, 0), |(settings, hooks, installs), item| match item {
            Item::Setting { .. } => (settings + 1, hooks, installs),
            Item::Hook(_) => (settings, hooks + 1, installs),
            Item::Server { .. } => (settings + 1, hooks, installs),
            Item::Install { .. } => (settings, hooks, installs + 1),
        })
    }

    /// The files that the profile's sources name, of those found: they go beside it, under the same path.
    pub fn copies<'f>(&self, files: &'f [File]) -> impl Iterator<Item = &'f File> {
        let sources: Vec<String> = self.items.iter().filter_map(Item::source).collect();
        files.iter().filter(move |file| sources.iter().any(|source| is_below(&file.path, source)))
    }

    /// Takes out what stands at `line` of what was printed; `false` where nothing of ours does.
    pub fn leave(&mut self, printed: &Printed, line: usize, why: &str) -> bool {
        let Some(index) = printed.item_at(line) else { return false };
        self.take(index, why);
        true
    }

    fn take(&mut self, index: usize, why: &str) {
        // A script that can't be a hook of ours is run as it is, and is a file all the same.
        if let Item::Hook(hook) = &mut self.items[index]
            && let Some(source) = hook.source.take()
        {
            self.items.push(Item::file(source));
            return;
        }
        let item = self.items.remove(index);
        self.skip(item.name(), why);
    }

    /// Takes out what is made of the file at `path`; `false` where nothing is.
    pub fn leave_file(&mut self, path: &str, why: &str) -> bool {
        let is_of = |item: &Item| item.source().is_some_and(|source| is_below(path, &source));
        let Some(index) = self.items.iter().position(is_of) else { return false };
        self.take(index, why);
        true
    }

    fn skip(&mut self, what: impl Into<String>, why: impl Into<String>) {
        let left = Left { what: what.into(), why: why.into() };
        self.left.push(Staying { left, key: None, instead: None });
    }

    /// The same of an entry that holds a secret; `instead` declares it without.
    fn withhold(&mut self, key: Key, why: &str, instead: Option<String>) {
        let left = Left { what: key::dotted(&key.pointer()), why: why.to_owned() };
        self.left.push(Staying { left, key: Some(key), instead });
    }

    fn setting(&mut self, section: Section, pointer: &mut Pointer, value: &Value) {
        let name = pointer.last().cloned().unwrap_or_default();
        match value {
            Value::Object(members) if !members.is_empty() => {
                for (name, value) in members {
                    pointer.push(name.clone());
                    self.setting(section, pointer, value);
                    pointer.pop();
                }
            }
            Value::Array(items) if sets::is_set(pointer) => self.set(section, pointer, items),
            value if holds_secret(&name, value) => {
                let instead = withheld::setting(pointer, value);
                self.withhold(Key::Value(pointer.clone()), "it looks like a secret", Some(instead));
            }
            value => match toml::value(value) {
                Some(_) if depth(value) + pointer.len() >= limits::DOCUMENT_DEPTH_MAX => {
                    self.skip(key::dotted(pointer), "it is nested too deeply");
                }
                Some(_) => {
                    self.items.push(Item::Setting {
                        section,
                        pointer: pointer.clone(),
                        value: value.clone(),
                    });
                }
                None => self.skip(key::dotted(pointer), "TOML has no such value"),
            },
        }
    }

    fn set(&mut self, section: Section, pointer: &Pointer, items: &[Value]) {
        let mut seen = std::collections::HashSet::new();
        for item in items {
            let Value::String(text) = item else {
                self.skip(format!("{}  {item}", key::dotted(pointer)), "only texts stand in this list");
                continue;
            };
            if looks_secret("", item) {
                let key = Key::Element { list: pointer.clone(), value: item.clone() };
                self.withhold(key, "one of its texts looks like a secret", None);
            } else if seen.insert(text) {
                self.items.push(Item::Setting { section, pointer: pointer.clone(), value: item.clone() });
            }
        }
    }

    fn servers(&mut self, document: Option<&Value>) {
        let servers = document.and_then(|document| document.get("mcpServers")).and_then(Value::as_object);
        for (name, server) in servers.into_iter().flatten() {
            let what = || key::dotted(&["mcpServers".to_owned(), name.clone()]);
            let Some(fields) = server.as_object() else {
                self.skip(what(), "it is no server");
                continue;
            };
            if holds_secret(name, server) {
                let key = Key::Value(vec!["mcpServers".to_owned(), name.clone()]);
                self.withhold(
                    key,
                    "it looks as if it held a secret: Claude Code takes \"${NAME}\" from its environment",
                    Some(withheld::server(name, fields)),
                );
            } else if toml::value(server).is_none() {
                self.skip(what(), "TOML has no such value");
            } else if fields.contains_key("url") && !fields.contains_key("type") {
                // Declared it would get one, and so be switched on.
                self.skip(what(), "it has no type, so Claude Code skips it");
            } else {
                self.items.push(Item::Server { name: name.clone(), fields: fields.clone() });
            }
        }
    }

    fn installs(&mut self, found: Found<'_>, scripts: &[String]) {
        let mut folders: BTreeMap<&str, Vec<&File>> = BTreeMap::new();
        for file in found.files {
            let names: Vec<&str> = file.path.split('/').collect();
            if names.iter().any(|name| matches!(*name, ".DS_Store" | ".gitkeep"))
                || scripts.contains(&file.path)
            {
                continue;
            }
            if let ["skills", name, _, ..] = names[..] {
                folders.entry(name).or_default().push(file);
            } else if let Some(made) = names.iter().find(|name| MADE.contains(name)) {
                let end = file.path.find(made).unwrap_or_default() + made.len();
                self.skip(&file.path[..end], "it is made, not written");
            } else if let Some(why) = litter(&file.path) {
                self.skip(&file.path, why);
            } else {
                self.file(file, &names);
            }
        }
        for (name, files) in folders {
            self.skill(name, &files);
        }
    }

    fn file(&mut self, file: &File, names: &[&str]) {
        if let Err(error) = ManagedPath::new(file.path.as_str()) {
            return self.skip(&file.path, format!("such a path can't be declared: {error}"));
        }
        let (section, name) = match names {
            [section @ ("agents" | "commands" | "rules" | "output-styles"), name] => {
                let stem =
                    name.strip_suffix(".md").filter(|stem| !stem.is_empty() && !stem.starts_with(['-', '.']));
                let Some(stem) = stem else {
                    return self.skip(&file.path, "Claude Code reads no such file there");
                };
                let section = crate::profile::section(section).unwrap_or("files");
                (section, stem.to_owned())
            }
            _ => ("files", file.path.clone()),
        };
        self.suspect(file);
        self.items.push(Item::Install { section, name, source: file.path.clone() });
    }

    fn skill(&mut self, name: &str, files: &[&File]) {
        let source = format!("skills/{name}");
        let bytes: usize = files.iter().map(|file| file.bytes.len()).sum();
        let has_skill = files.iter().any(|file| file.path == format!("{source}/SKILL.md"));
        let bad = files.iter().find(|file| ManagedPath::new(file.path.as_str()).is_err());
        if !has_skill {
            self.skip(source, "it has no SKILL.md");
        } else if bytes > FOLDER_BYTES_MAX {
            self.skip(source, "it is larger than 16 MiB");
        } else if name.starts_with('-') || bad.is_some() {
            self.skip(source, "a path in it can't be declared");
        } else {
            files.iter().for_each(|file| self.suspect(file));
            self.items.push(Item::Install { section: "skills", name: name.to_owned(), source });
        }
    }

    /// Notes where a file that goes along holds what looks like a secret.
    fn suspect(&mut self, file: &File) {
        let Ok(text) = std::str::from_utf8(&file.bytes) else { return };
        let mut lines = text.lines().enumerate();
        let found = lines.find(|(_, line)| line.len() < 65_536 && holds_in_line(line));
        self.suspects.extend(found.map(|(number, _)| format!("{}:{}", file.path, number + 1)));
    }
}

impl Item {
    /// What it is called in a document.
    fn keys(&self) -> Vec<Key> {
        match self {
            Self::Setting { pointer, value, .. } if sets::is_set(pointer) => {
                vec![Key::Element { list: pointer.clone(), value: value.clone() }]
            }
            Self::Setting { pointer, .. } => vec![Key::Value(pointer.clone())],
            Self::Hook(hook) => hook.keys(),
            Self::Server { name, .. } => vec![Key::Value(vec!["mcpServers".to_owned(), name.clone()])],
            Self::Install { .. } => Vec::new(),
        }
    }

    /// What it says, where its name does not say all.
    fn digest(&self) -> Digest {
        match self {
            Self::Setting { pointer, value, .. } if !sets::is_set(pointer) => digest(value),
            Self::Server { fields, .. } => digest(&Value::Object(fields.clone())),
            Self::Setting { .. } | Self::Hook(_) | Self::Install { .. } => Digest::of(b""),
        }
    }

    fn edit(&self, place: &impl Fn(&str) -> String) -> Edit {
        match self {
            Self::Setting { section, pointer, value } => {
                let section = section.name();
                let (pointer, value) = (pointer.clone(), value.clone());
                match sets::is_set(&pointer) {
                    true => Edit::Add { section, pointer, value },
                    false => Edit::Set { section, pointer, value },
                }
            }
            Self::Hook(hook) => {
                let source = hook.source.as_deref().map(place);
                Edit::Append(print::hook_text(&hooks::Hook { source, ..hook.clone() }))
            }
            Self::Server { name, fields } => Edit::Append(print::server_text(name, fields)),
            Self::Install { section, name, source } => {
                Edit::Append(print::install_text(section, name, &place(source)))
            }
        }
    }

    /// A file that is nothing more to the client.
    fn file(source: String) -> Self {
        Self::Install { section: "files", name: source.clone(), source }
    }

    fn name(&self) -> String {
        match self {
            Self::Setting { pointer, value, .. } if sets::is_set(pointer) => {
                format!("{}  {}", key::dotted(pointer), value.as_str().unwrap_or_default())
            }
            Self::Setting { pointer, .. } => key::dotted(pointer),
            Self::Hook(hook) => format!("hooks.{}  {}", hook.events.join(", "), hook.command),
            Self::Server { name, .. } => key::dotted(&["mcpServers".to_owned(), name.clone()]),
            Self::Install { source, .. } => source.clone(),
        }
    }

    fn source(&self) -> Option<String> {
        match self {
            Self::Setting { .. } | Self::Server { .. } => None,
            Self::Hook(hook) => hook.source.clone(),
            Self::Install { source, .. } => Some(source.clone()),
        }
    }
}

/// Whether a path is `source`, or lies in that folder.
fn is_below(path: &str, source: &str) -> bool {
    path.strip_prefix(source).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn depth(value: &Value) -> usize {
    match value {
        Value::Object(members) => 1 + members.values().map(depth).max().unwrap_or_default(),
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or_default(),
        _ => 0,
    }
}

/// The file in the root that `command` runs and nothing else.
fn runs_file(command: &str, found: Found<'_>) -> Option<String> {
    let path = meaning(command, found.home);
    Some(path.strip_prefix(found.root)?.strip_prefix('/')?.to_owned())
}

/// Files of the root that `text` names anywhere, however it spells the root.
#[must_use]
pub fn named_in(text: &str, root: &str, home: Option<&str>) -> Vec<String> {
    let under_home = home.and_then(|home| root.strip_prefix(home));
    let mut spellings = vec![root.to_owned()];
    spellings.extend(
        under_home.into_iter().flat_map(|rest| ["~", "$HOME", "${HOME}"].map(|home| format!("{home}{rest}"))),
    );
    let mut named = Vec::new();
    for spelling in spellings {
        for (at, _) in text.match_indices(&format!("{spelling}/")) {
            let rest = &text[at + spelling.len() + 1..];
            let end =
                rest.find(|c: char| c.is_whitespace() || "'\";|&<>()$`".contains(c)).unwrap_or(rest.len());
            // What is written to is no source.
            let is_target = text[..at].trim_end_matches(['\'', '"']).trim_end().ends_with('>');
            if end > 0 && !is_target && ManagedPath::new(&rest[..end]).is_ok() {
                named.push(rest[..end].to_owned());
            }
        }
    }
    named.sort();
    named.dedup();
    named
}

#[cfg(test)]
mod tests;
