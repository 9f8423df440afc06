//! What a generation is, on disk and in memory. Pure: formats, retention, differences, and
//! what to do about an apply that was interrupted.

pub mod difference;
pub mod retention;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::model::{
    Content, Declared, Desired, Digest, DocumentId, Generation, Install, Key, Ledger, ManagedPath, Mark,
    Secret,
};

/// The newest format of manifest, ledger and pending file that this version knows. Older
/// ones are read, newer ones refused.
pub const FORMAT: u32 = 2;

/// The format of what has no secret in it, sealed or by its source: so much an older `cs` can read, too.
pub const FORMAT_PLAIN: u32 = 1;

/// `manifest.json`: what a generation is. Never changed once written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    pub format: u32,
    pub generation: Generation,
    /// The one that was current when it was made.
    pub parent: Option<Generation>,
    /// Seconds since 1970.
    pub made_at: u64,
    pub cause: Cause,
    pub profile: Option<ProfileRecord>,
    /// Each condition of the profile, and whether it held.
    pub facts: BTreeMap<String, bool>,
    /// A root that another system applied last is refused: its hooks would not run.
    pub os: String,
    pub arch: String,
    /// The `cs` that made it.
    pub version: String,
    pub state: State,
    /// Each document this generation rewrote: what it was and became.
    pub documents: BTreeMap<DocumentId, DocumentRecord>,
    /// Paths of ours from which somebody had taken what was there: undoing leaves them so.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<ManagedPath>,
}

/// What made a generation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    Apply,
    Rollback { of: Generation },
    Uninstall,
}

/// Which profile a generation was rendered from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProfileRecord {
    /// `builtin:NAME` or an absolute path.
    pub reference: String,
    /// The commit of the repository it lies in.
    pub revision: Option<String>,
    /// The repository had changes that were not committed.
    pub dirty: bool,
}

/// A profile rendered and kept: all that is needed to go back to it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct State {
    pub files: BTreeMap<ManagedPath, FileRecord>,
    pub installs: BTreeMap<ManagedPath, Install>,
    pub documents: BTreeMap<DocumentId, Vec<Declared>>,
    pub runtime: Value,
    /// What was there already, and as declared, was taken over.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub adopts: bool,
}

/// One content under `files/`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileRecord {
    pub digest: Digest,
    pub executable: bool,
    /// It is `cs` itself, under a bundled hook's name: a rollback brings the newest, never this.
    pub is_cs: bool,
    pub bytes: u64,
    /// Of the content when it was staged, in nanoseconds since 1970: together with the size, what tells
    /// an untouched file without reading it. 0 before it is staged.
    pub modified_ns: i64,
}

/// A document as a generation found and left it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DocumentRecord {
    /// The file itself, behind a link if there is one.
    pub path: String,
    /// `None`: there was no file.
    pub before: Option<Digest>,
    /// `None`: there is to be no file.
    pub after: Option<Digest>,
    /// Permission bits of the file.
    pub mode: u32,
    pub splices: Vec<crate::document::Splice>,
    pub patch: Value,
}

/// `ledger.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LedgerFile {
    pub format: u32,
    pub ledger: Ledger,
}

/// `pending`: present only while a transaction is open. Writing it is the commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pending {
    pub format: u32,
    pub from: Option<Generation>,
    pub to: Generation,
}

/// A text of ours that can't be used, and whose fault it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FormatError {
    #[error("was written by a newer cs (format {found}; this one knows up to {known})")]
    Newer { found: u64, known: u32 },
    #[error("is damaged: {0}")]
    Damaged(String),
}

/// Reads a file of a generation's: the version first, so that a newer format is told from damage.
///
/// # Errors
/// A newer format, or text that is none of ours.
pub fn read<T: serde::de::DeserializeOwned>(text: &[u8]) -> Result<T, FormatError> {
    read_up_to(text, FORMAT)
}

/// Reads another of our JSON files, with formats of its own: `known` is the newest of them that is read.
///
/// # Errors
/// A newer format, or text that is none of ours.
pub fn read_up_to<T: serde::de::DeserializeOwned>(text: &[u8], known: u32) -> Result<T, FormatError> {
    #[derive(Deserialize)]
    struct Version {
        format: u64,
    }
    let damaged = |error: serde_json::Error| FormatError::Damaged(error.to_string());
    let version: Version = serde_json::from_slice(text).map_err(damaged)?;
    if version.format > u64::from(known) {
        return Err(FormatError::Newer { found: version.format, known });
    }
    serde_json::from_slice(text).map_err(damaged)
}

/// Writes one of our JSON files.
#[must_use]
pub fn write<T: Serialize>(file: &T) -> Vec<u8> {
    let mut text = serde_json::to_vec(file).expect("BUG: our own types serialize");
    text.push(b'\n');
    text
}

/// The format to write: the newest only for who needs it.
#[must_use]
pub fn format(has_secrets: bool) -> u32 {
    if has_secrets { FORMAT } else { FORMAT_PLAIN }
}

impl State {
    /// Every secret that is declared, with its entry.
    pub fn secrets(&self) -> impl Iterator<Item = (&Declared, &Secret)> {
        let declared = self.documents.values().flatten();
        declared.flat_map(|own| own.secrets.iter().map(move |secret| (own, secret)))
    }

    /// The same, to be marked.
    pub fn secrets_mut(&mut self) -> impl Iterator<Item = (&Key, &mut Secret)> {
        let declared = self.documents.values_mut().flatten();
        declared.flat_map(|own| own.secrets.iter_mut().map(|secret| (&own.key, secret)))
    }

    /// The same secret in this state, if its text is known by its mark.
    #[must_use]
    pub fn marked(&self, key: &Key, secret: &Secret) -> Option<&Mark> {
        let mut own = self.secrets().filter(|(own, other)| own.key == *key && other.is_alike(secret));
        own.find_map(|(_, own)| own.mark.as_ref())
    }

    /// The state a rendered profile asks for. `cs` is the digest and size of the running executable.
    #[must_use]
    pub fn of(desired: &Desired, cs: Option<(Digest, u64)>) -> Self {
        let record = |spec: &crate::model::FileSpec| {
            let (digest, bytes) = match &spec.content {
                Content::Bytes(bytes) => (Digest::of(bytes), bytes.len() as u64),
                Content::RunningExecutable => cs.expect("BUG: the executable was read for a bundled hook"),
                Content::Kept(digest) => (*digest, 0),
            };
            let is_cs = spec.content == Content::RunningExecutable;
            FileRecord { digest, executable: spec.executable, is_cs, bytes, modified_ns: 0 }
        };
        Self {
            files: desired.files.iter().map(|(path, spec)| (path.clone(), record(spec))).collect(),
            installs: desired.installs.clone(),
            documents: desired.documents.clone(),
            runtime: desired.runtime.clone(),
            adopts: desired.adopts,
        }
    }

    /// Whether two states are one: where in a profile something is declared does not count.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        let files = |state: &Self| -> Vec<_> {
            let key = |record: &FileRecord| (record.digest, record.executable);
            state.files.iter().map(|(path, record)| (path.clone(), key(record))).collect()
        };
        let installs = |state: &Self| -> Vec<_> {
            let key = |install: &Install| (install.mode, install.folder, install.kind);
            state.installs.iter().map(|(path, install)| (path.clone(), key(install))).collect()
        };
        let are_documents = self.documents.keys().eq(other.documents.keys())
            && self.documents.values().zip(other.documents.values()).all(|(own, other)| {
                own.len() == other.len() && own.iter().zip(other).all(|(own, other)| own.is_same(other))
            });
        files(self) == files(other)
            && installs(self) == installs(other)
            && are_documents
            && self.runtime == other.runtime
    }

    /// The digest of what an install shows: of its file, or of its folder's listing.
    #[must_use]
    pub fn install_digest(&self, path: &ManagedPath) -> Option<Digest> {
        if let Some(record) = self.files.get(path) {
            return Some(record.digest);
        }
        let below =
            self.files_below(path).map(|(path, record)| (path.as_str(), record.digest, record.executable));
        let mut below = below.peekable();
        below.peek()?;
        Some(folder_digest(below))
    }

    /// The files of a folder install, in order.
    pub fn files_below<'a>(
        &'a self,
        folder: &'a ManagedPath,
    ) -> impl Iterator<Item = (&'a ManagedPath, &'a FileRecord)> {
        // Everything below `a/b` sorts after `a/b/` and before `a/b0`.
        self.files
            .range(folder.clone()..)
            .skip_while(move |(path, _)| !folder.contains(path))
            .take_while(move |(path, _)| folder.contains(path))
    }
}

/// The digest of a folder's listing: path (from the root), content and executable bit of each file.
#[must_use]
pub fn folder_digest<'a>(files: impl Iterator<Item = (&'a str, Digest, bool)>) -> Digest {
    let mut listing = String::new();
    for (path, digest, executable) in files {
        listing.push_str(&format!("{digest} {} {path}\n", if executable { 'x' } else { '-' }));
    }
    Digest::of(listing.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_newer_format_is_told_from_damage() {
        let pending = Pending { format: FORMAT, from: None, to: Generation::FIRST };
        assert_eq!(read::<Pending>(&write(&pending)), Ok(pending));
        let newer = br#"{"format": 3, "something": "else"}"#;
        assert_eq!(read::<Pending>(newer), Err(FormatError::Newer { found: 3, known: FORMAT }));
        for damaged in [&b""[..], b"{", b"[]", b"{\"format\":1}", b"{\"format\":1,\"from\":null,\"to\":0}"] {
            assert!(matches!(read::<Pending>(damaged), Err(FormatError::Damaged(_))), "{damaged:?}");
        }
    }

    #[test]
    fn files_below_a_folder_are_its_own() {
        let path = |text: &str| ManagedPath::new(text).expect("valid");
        let record =
            FileRecord { digest: Digest::of(b""), executable: false, is_cs: false, bytes: 0, modified_ns: 0 };
        let names = ["s/a", "s/a-b/x", "s/a.md", "s/a/x", "s/a/y/z", "s/a0", "s/b/x"];
        let files = names.iter().map(|name| (path(name), record.clone())).collect();
        let state = State { files, ..State::default() };
        let folder = path("s/a");
        let found: Vec<_> = state.files_below(&folder).map(|(path, _)| path.as_str()).collect();
        assert_eq!(found, ["s/a/x", "s/a/y/z"]);
        assert_eq!(state.files_below(&path("s/c")).count(), 0);
    }
}
