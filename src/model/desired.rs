//! What a profile asks for, rendered: nothing here depends on what is on the disk.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Digest, Key, ManagedPath, Secret};

/// A document that is merged rather than linked. The list is closed: a plan can write
/// nothing but these and managed paths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum DocumentId {
    /// `settings.json` in the root.
    #[serde(rename = "settings.json")]
    Settings,
    /// `settings.local.json` in the root, where a project's unshared entries go.
    #[serde(rename = "settings.local.json")]
    LocalSettings,
    /// `.claude.json` beside the user's root, or in one that the environment names: the client's own
    /// state, with the user's MCP servers in it.
    #[serde(rename = ".claude.json")]
    Servers,
    /// A project's `.mcp.json`.
    #[serde(rename = ".mcp.json")]
    ProjectServers,
}

impl DocumentId {
    /// Every document there is.
    pub const ALL: [Self; 4] = [Self::Settings, Self::LocalSettings, Self::Servers, Self::ProjectServers];

    /// The name shown to people, and the file's.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Settings => "settings.json",
            Self::LocalSettings => "settings.local.json",
            Self::Servers => ".claude.json",
            Self::ProjectServers => ".mcp.json",
        }
    }

    /// Whether it holds settings, which the client drops as a whole for one bad entry.
    #[must_use]
    pub fn is_settings(self) -> bool {
        matches!(self, Self::Settings | Self::LocalSettings)
    }
}

impl fmt::Display for DocumentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Where in a profile something is declared: `base.toml:12`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Origin {
    /// The file as people should read it: its path, or `builtin:NAME`.
    pub file: String,
    /// From 1.
    pub line: usize,
    /// What the profile calls a hook: its entry says it nowhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hook: Option<String>,
}

impl fmt::Display for Origin {
    /// The file's last name and the line: enough to find it, short enough for a column.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.file.rsplit('/').next().unwrap_or(&self.file);
        write!(f, "{name}:{}", self.line)
    }
}

/// The whole of what a profile declares for one root.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Desired {
    /// Contents kept in the generation, by their path below its `files/`.
    pub files: BTreeMap<ManagedPath, FileSpec>,
    /// What appears in the root, by its path there.
    pub installs: BTreeMap<ManagedPath, Install>,
    /// Entries per document, in the order they are to be written; keys are unique.
    pub documents: BTreeMap<DocumentId, Vec<Declared>>,
    /// Everything a hook reads of the profile (`runtime.json`).
    pub runtime: Value,
    /// What is there already, and as declared, is taken over: it goes when it is no longer declared.
    pub adopts: bool,
}

/// One content in the generation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileSpec {
    pub content: Content,
    /// 0555 rather than 0444.
    pub executable: bool,
}

/// Where a content comes from.
#[derive(Clone, PartialEq, Eq)]
pub enum Content {
    Bytes(Vec<u8>),
    /// The running `cs` itself, under a bundled hook's name.
    RunningExecutable,
    /// Already in an earlier generation, with this digest (rollback needs no source).
    Kept(Digest),
}

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bytes(bytes) => write!(f, "Bytes({}, {:?})", bytes.len(), Digest::of(bytes)),
            Self::RunningExecutable => f.write_str("RunningExecutable"),
            Self::Kept(digest) => write!(f, "Kept({digest:?})"),
        }
    }
}

/// One thing that appears in the root: a link to (or copy of) `files/<the same path>`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Install {
    pub kind: Kind,
    pub mode: InstallMode,
    /// The path is a folder in `files/`, linked as one (a skill).
    pub folder: bool,
    /// Where the profile takes the content from, for `capture` and for people.
    pub source: Option<String>,
    pub origin: Origin,
}

/// What an install is to the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    Hook,
    Agent,
    Command,
    Skill,
    Rule,
    OutputStyle,
    File,
}

/// How an install appears in the root.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum InstallMode {
    #[default]
    Link,
    /// A regular file, for kinds or hosts where links don't serve. Never a folder: a
    /// copied folder is one install per file.
    Copy,
}

/// One declared entry of a document.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Declared {
    pub key: Key,
    pub want: Want,
    pub origin: Origin,
    /// Texts of the value that are found elsewhere.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<Secret>,
}

impl Declared {
    /// Whether the same is wanted, wherever it is declared.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        let Self { key, want, origin: _, secrets } = self;
        let of_secrets = |(own, other): (&Secret, &Secret)| own.is_same(other);
        *key == other.key
            && *want == other.want
            && secrets.len() == other.secrets.len()
            && secrets.iter().zip(&other.secrets).all(of_secrets)
    }
}

/// What is wanted of an entry.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Want {
    /// `[settings]`, `[hooks]`: it is there with this value. For an element the value is
    /// the element, for a hook the whole hook entry.
    Enforced(Value),
    /// `[defaults]`: written where nothing is, then the user's.
    Default(Value),
    /// `[unset]`: it is not there.
    Absent,
}
