//! What can go wrong with a root.

use std::io;
use std::path::PathBuf;

use crate::document::Fault;
use crate::generation::FormatError;
use crate::model::{DocumentId, Generation};

/// Anything that keeps us from reading or changing a root.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("there is no home folder to find ~/.claude in: $HOME is not set to an absolute path")]
    NoHome,
    #[error("there is no folder {}", .path.display())]
    NoProject {
        path: PathBuf,
        /// Something else is there.
        is_taken: bool,
    },
    #[error("{} is a file, not a folder", .0.display())]
    NotAFolder(PathBuf),
    #[error("{} belongs to user {owner}, and you are user {us}", .path.display())]
    ForeignOwner { path: PathBuf, owner: u32, us: u32 },
    #[error("{} was last applied on {os} ({arch}), and this is {} ({})", .path.display(), crate::sys::env::os(), crate::sys::env::arch())]
    OtherSystem { path: PathBuf, os: String, arch: String },
    #[error("another cs is at work on {}", .0.display())]
    Locked(PathBuf),
    #[error("{} {error}", .path.display())]
    Format { path: PathBuf, error: FormatError },
    #[error("{} is missing", .0.display())]
    Missing(PathBuf),
    #[error("generation {0} does not exist")]
    NoGeneration(Generation),
    #[error("{path} of generation {generation} is no longer what was stored")]
    Corrupt { generation: Generation, path: String },
    #[error("{} {fault}", .id.name(), fault = .fault.kind)]
    Document { id: DocumentId, path: PathBuf, fault: Box<Fault> },
    #[error("{}: {why}", .path.display())]
    DocumentPlace { id: DocumentId, path: PathBuf, why: &'static str, remedy: String },
    #[error("{} is the settings file of {}, too", .path.display(), .other.display())]
    SharedDocument { id: DocumentId, path: PathBuf, other: PathBuf },
    #[error("the key that seals what cs displaced is not there, or is none, and something is sealed with it")]
    SealKey(PathBuf),
    #[error("{} kept changing while cs was writing it", .0.display())]
    Busy(PathBuf),
    #[error("programs can't be run from {}", .0.display())]
    NoExec(PathBuf),
    #[error("{} is in the way: it is not cs's", .0.display())]
    InTheWay(PathBuf),
    /// Our own files say nothing sound.
    #[error("cs's own files are damaged: {0}")]
    Damaged(Box<Self>),
    #[error("an apply of generation {to} was interrupted, and {why}")]
    Undecided { to: Generation, why: String },
    #[error("the apply failed: {cause}")]
    Undone {
        cause: Box<Self>,
        /// The generation that is current again.
        back_at: Option<Generation>,
    },
    #[error("the apply failed ({cause}), and so did going back ({second})")]
    Stuck { cause: Box<Self>, second: Box<Self> },
}

impl Error {
    /// Whether a newer `cs` has written what can't be read.
    #[must_use]
    pub fn is_newer(&self) -> bool {
        matches!(self, Self::Format { error: FormatError::Newer { .. }, .. })
    }
}
