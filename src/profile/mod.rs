//! Text → desired state: parses profiles, composes them, decides their conditions, renders what they ask for.
//!
//! Pure: what a profile may ask of the machine goes through [`World`], which tests answer from
//! memory. [`render`] finds everything that is wrong in one go.
//!
//! ```text
//! load ─ tree ─ check ─ condition ─ compose ─┐        ┌─ settings ─┐
//!   (per file: text → tables → one set)      ├─ tables ┼─ hooks    ─┼─ Desired
//!                                            ┘        ├─ installs ─┤
//!                                                     └─ runtime  ─┘
//! ```
//!
//! # Composition
//! Files are applied in one line, each once, at the first place it is reached: what a file
//! `extends` before the file itself. Later scalars replace, tables merge, lists add up without
//! duplicates. Where an entry's content comes from (`source`, `text`, `builtin`, or `command`
//! with its `args`) is one decision, replaced whole. A key that a later file has under another of
//! `[settings]`, `[defaults]`, `[unset]` moves there.
//!
//! `without` takes out of what was applied before: dotted paths from the profile's tables, and
//! after a `:` one element of a list. A path that names nothing is an error.
//! ```toml
//! without = ["hooks.format-rust", "settings.model", "settings.permissions.allow: Bash(curl:*)"]
//! ```
//!
//! # Conditions
//! `[when."host(login*) and not env(CI)"]` holds the same tables. They are checked everywhere and
//! applied, in file order after the file's other tables, where the condition holds; sources under
//! a condition that does not hold are not read.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};

use crate::model::{Desired, DocumentId, InstallMode, ManagedPath, key};

mod builtin;
mod check;
mod client;
mod compose;
mod condition;
mod conflict;
mod diagnostic;
mod dotted;
mod elsewhere;
mod frontmatter;
mod grammar;
mod hooks;
mod installs;
pub mod judge;
mod load;
pub mod lock;
mod mcp;
mod names;
pub mod remote;
mod rules;
mod runtime;
mod schema;
mod script;
mod secret;
mod settings;
mod shared;
mod suggest;
#[cfg(test)]
mod tests;
mod tree;

pub use builtin::{builtin, builtin_names};
pub use client::EVENTS;
pub use diagnostic::{Diagnostic, Severity};
pub use elsewhere::{FromElsewhere, Switch};
pub use grammar::{BUILTIN_HOOKS, FORMAT};
pub use hooks::FIELDS as HOOK_FIELDS;
pub use lock::is_commit;
pub use remote::Remote;
pub use schema::schema;

/// Why something could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    #[error("there is no such file")]
    NotFound,
    #[error("it is a folder")]
    IsFolder,
    #[error("it is {bytes} bytes long, more than is read")]
    TooLarge { bytes: u64 },
    #[error("{0}")]
    Other(String),
}

/// A file, as one look at it tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileRead {
    pub bytes: Vec<u8>,
    /// Somebody may run it.
    pub executable: bool,
}

/// What a profile may ask of the machine.
pub trait World {
    /// The file at `path`.
    ///
    /// # Errors
    /// Where it can't be read or has more than `bytes_max`.
    fn read(&self, path: &Path, bytes_max: u64) -> Result<FileRead, ReadError>;
    /// The files below `folder`: relative to it, sorted.
    ///
    /// # Errors
    /// Where it is not there or no folder.
    fn walk(&self, folder: &Path) -> Result<Vec<PathBuf>, ReadError>;
    /// Whether anything is at `path`.
    fn exists(&self, path: &Path) -> bool;
    /// Whether `name` is found on PATH, or is the absolute path of an executable.
    fn program(&self, name: &str) -> bool;
    /// A variable of the environment.
    fn env(&self, name: &str) -> Option<String>;
    /// The home folder.
    fn home(&self) -> Option<PathBuf>;
    /// As `std::env::consts::OS` names it.
    fn os(&self) -> &str;
    /// As `std::env::consts::ARCH` names it.
    fn arch(&self) -> &str;
    /// The host's name.
    fn host(&self) -> &str;
    /// One path for all ways to write it; where links can't be resolved, a lexical normalisation.
    fn canonical(&self, path: &Path) -> PathBuf;
    /// The name that the files of a repository are found below.
    ///
    /// # Errors
    /// Where it can't be had.
    fn remote(&self, remote: &Remote) -> Result<PathBuf, ReadError> {
        Err(ReadError::Other(format!("{} can't be reached from here", remote.repository())))
    }
}

/// Which profile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProfileRef {
    /// One that ships with `cs`.
    Builtin(String),
    /// The user's.
    File(PathBuf),
    /// Somebody's, in a git repository.
    Remote(Remote),
}

impl ProfileRef {
    /// `builtin:NAME`, `git+URL#PATH`, or a path.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        match (text.strip_prefix("builtin:"), text.strip_prefix("git+")) {
            (Some(name), _) => Self::Builtin(name.to_owned()),
            (None, Some(rest)) => Self::Remote(Remote::parse(rest)),
            (None, None) => Self::File(PathBuf::from(text)),
        }
    }
}

impl fmt::Display for ProfileRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Builtin(name) => write!(f, "builtin:{name}"),
            Self::File(path) => path.display().fmt(f),
            Self::Remote(remote) => remote.fmt(f),
        }
    }
}

/// How hooks are spelled and where entries go: depends on the root, not on the profile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// `~/.claude/hooks`, or the folder's absolute path; unquoted.
    pub hooks_prefix: String,
    /// The command is to be quoted as a whole. Where it is not, only a name that needs quotes gets
    /// them, so that a `~` in the prefix is still expanded.
    pub quoted: bool,
    /// Where hooks go.
    pub hooks_document: DocumentId,
    /// Where everything else goes.
    pub settings_document: DocumentId,
    /// Where MCP servers go.
    pub servers_document: DocumentId,
    /// How files are installed where the profile does not say it: a link leads into a folder that git
    /// ignores, so what a project shares is copies.
    pub mode: InstallMode,
    /// The project whose root it is: there a hook can be shared with whoever else has the project.
    pub project: Option<PathBuf>,
    /// What the user's own root runs wherever a session is, this root's project included.
    pub elsewhere: Elsewhere,
}

/// The bundled hooks that run here without being declared here.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Elsewhere {
    /// By their names.
    pub hooks: BTreeSet<String>,
    /// `[guard]` of the profile they come from, as `runtime.json` has it.
    pub guard: serde_json::Value,
}

/// A profile, rendered.
#[derive(Debug, Clone, PartialEq)]
pub struct Rendered {
    pub desired: Desired,
    /// Warnings only.
    pub diagnostics: Vec<Diagnostic>,
    /// The profile files that were read, in the order they were applied or asked for.
    pub files: Vec<PathBuf>,
    /// Each condition's text, and whether it held.
    pub facts: BTreeMap<String, bool>,
    /// Bundled hooks that are declared and left out, because they run here anyway.
    pub left_out: BTreeSet<String>,
    /// What of it comes from repositories.
    pub elsewhere: FromElsewhere,
    /// The profiles in repositories that it builds on.
    pub asked: Vec<Remote>,
}

/// The path in the root of what a profile spells `hooks.NAME`, `agents.NAME`, `files."any/path"`, …
#[must_use]
pub fn path_of(key: &str) -> Option<ManagedPath> {
    let (section, name) = section_and_name(key)?;
    let is_section = section == "hooks" || names::PLACES.iter().any(|place| place.section == section);
    is_section.then(|| names::path(section, &name).ok()).flatten()
}

/// How a profile declares what stands at `path` of a root: the name of its table, and what `source` it would have
/// beside the profile. Of a file in a skill that is the skill.
#[must_use]
pub fn table_of(path: &ManagedPath) -> (String, String) {
    let text = path.as_str();
    let (folder, rest) = text.split_once('/').unwrap_or(("", text));
    let (section, name, source) = match (section(folder), folder) {
        (_, "hooks") => ("hooks", Some(rest), text),
        (_, "skills") => {
            let name = rest.split('/').next().unwrap_or(rest);
            ("skills", Some(name), &text[..folder.len() + 1 + name.len()])
        }
        (Some(section), _) => (section, rest.strip_suffix(".md"), text),
        (None, _) => ("files", None, text),
    };
    let table = match name.filter(|name| names::path(section, name).is_ok()) {
        Some(name) => [section.to_owned(), name.to_owned()],
        None => ["files".to_owned(), text.to_owned()],
    };
    (key::dotted(&table), source.to_owned())
}

/// The section of a profile for what lies in `folder` of a root.
#[must_use]
pub fn section(folder: &str) -> Option<&'static str> {
    names::PLACES.iter().map(|place| place.section).find(|section| *section == folder)
}

/// The name of what a profile spells `hooks.NAME`.
#[must_use]
pub fn hook_of(key: &str) -> Option<String> {
    section_and_name(key).filter(|(section, _)| *section == "hooks").map(|(_, name)| name)
}

/// The names of a dotted key as people and our own output spell it: `env."a.b"`. What can't be read so is taken
/// apart at its dots.
#[must_use]
pub fn names_in(key: &str) -> Vec<String> {
    dotted::key(key).unwrap_or_else(|_| key.split('.').map(str::to_owned).collect())
}

/// The name of what a profile spells `mcp.NAME`.
#[must_use]
pub fn server_of(key: &str) -> Option<String> {
    section_and_name(key).filter(|(section, _)| *section == "mcp").map(|(_, name)| name)
}

fn section_and_name(key: &str) -> Option<(&str, String)> {
    let (section, rest) = key.split_once('.')?;
    // A name with a dot in it may be typed as it is.
    let name = match dotted::key(rest) {
        Ok(names) if names.len() == 1 => names.into_iter().next()?,
        _ => rest.to_owned(),
    };
    Some((section, name))
}

/// Renders a profile for a root.
///
/// # Errors
/// Everything that is wrong with it, warnings included, in the order of files and lines.
pub fn render(which: &ProfileRef, target: &Target, world: &dyn World) -> Result<Rendered, Vec<Diagnostic>> {
    rendered(which, false, target, world)
}

/// Renders what a profile builds on, by itself.
///
/// # Errors
/// Everything that is wrong with it where nothing else is added to it.
pub fn render_part(
    which: &ProfileRef,
    target: &Target,
    world: &dyn World,
) -> Result<Rendered, Vec<Diagnostic>> {
    rendered(which, true, target, world)
}

fn rendered(
    which: &ProfileRef,
    is_part: bool,
    target: &Target,
    world: &dyn World,
) -> Result<Rendered, Vec<Diagnostic>> {
    let mut report = diagnostic::Report::default();
    let load::Composed { tables, files, facts, without, asked } =
        load::compose(which, is_part, world, &mut report);
    let (desired, left_out) = desired(&tables, target, world, &mut report);
    let failed = report.has_errors();
    let elsewhere = FromElsewhere::of(&tables, &without, &report);
    let diagnostics = report.finish();
    if failed {
        return Err(diagnostics);
    }
    Ok(Rendered { desired, diagnostics, files, facts, left_out, elsewhere, asked })
}

fn desired(
    tables: &tree::Table,
    target: &Target,
    world: &dyn World,
    report: &mut diagnostic::Report,
) -> (Desired, BTreeSet<String>) {
    let mut out = installs::Out::new(world, tables, target, report);
    let mut runtime = runtime::render(tables);
    let hooks::Rendered { own: hooks, shared: shared_hooks, left_out } =
        hooks::render(tables, target, &runtime["guard"], &mut out);
    runtime::name_agents(&mut runtime, &installs::render(tables, &mut out));
    let (files, installs) = out.finish();
    // In a project there is a file that is committed and one that is not: a secret goes into the latter.
    let has_own_file = target.hooks_document != target.settings_document;
    let (unshared, shared) = settings::render(tables, world, report)
        .into_iter()
        .partition(|own| has_own_file && !own.secrets.is_empty());
    let servers = mcp::render(tables, world, report);
    if target.servers_document == DocumentId::ProjectServers {
        mcp::refuse_secrets(tables, report);
    }
    let mut documents = BTreeMap::new();
    let parts = [
        (target.settings_document, shared),
        (target.settings_document, shared_hooks),
        (target.hooks_document, unshared),
        (target.hooks_document, hooks),
        (target.servers_document, servers),
    ];
    for (document, declared) in parts {
        if !declared.is_empty() {
            documents.entry(document).or_insert_with(Vec::new).extend(declared);
        }
    }
    let adopts = tables.get("adopt").is_some_and(|entry| matches!(entry.node.value, tree::Value::Bool(true)));
    (Desired { files, installs, documents, runtime, adopts }, left_out)
}
