//! What is on the disk, as data.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{Digest, DocumentId, ManagedPath};

/// Everything a plan needs to know of a root.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Observed {
    /// Every path that is declared or owned.
    pub tree: BTreeMap<ManagedPath, Observation>,
    /// Every folder above one of those, relative to the root.
    pub folders: BTreeMap<String, Observation>,
    pub documents: BTreeMap<DocumentId, ObservedDocument>,
    /// Of a link of ours that is to become a folder, and stands on a folder of the user's: the files of
    /// that, by where they were.
    pub displaced: BTreeMap<ManagedPath, BTreeSet<ManagedPath>>,
    /// Files of ours that are to be run, and can't be any more: somebody has changed who may do what with them.
    pub disabled: BTreeSet<ManagedPath>,
    /// Declared as they lie there by somebody who wanted just that: what is the same is taken over.
    pub captured: BTreeSet<ManagedPath>,
}

/// What stands at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Observation {
    Absent,
    File {
        digest: Digest,
        mode: u32,
    },
    Link {
        /// Its text.
        target: String,
        /// Of the file or folder behind it; `None` when it dangles.
        digest: Option<Digest>,
    },
    Folder,
    /// A folder where one is declared: of somebody else's, with this in it.
    Tree {
        digest: Digest,
    },
    /// A socket, a device, a pipe.
    Other,
}

impl Observation {
    /// Whether what is behind it has this digest.
    #[must_use]
    pub fn shows(&self, wanted: Digest) -> bool {
        match self {
            Self::File { digest, .. } | Self::Tree { digest } | Self::Link { digest: Some(digest), .. } => {
                *digest == wanted
            }
            Self::Absent | Self::Link { digest: None, .. } | Self::Folder | Self::Other => false,
        }
    }

    /// In words.
    #[must_use]
    pub fn describe(&self) -> String {
        match self {
            Self::Absent => "nothing".to_owned(),
            Self::File { .. } => "a file".to_owned(),
            Self::Link { target, digest: Some(_) } => format!("a link to {target}"),
            Self::Link { target, digest: None } => format!("a dangling link to {target}"),
            Self::Folder | Self::Tree { .. } => "a folder".to_owned(),
            Self::Other => "neither file, link nor folder".to_owned(),
        }
    }
}

/// A document as it was read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ObservedDocument {
    /// `None`: no file.
    pub text: Option<String>,
    /// Permission bits of the file.
    pub mode: u32,
    /// The file itself, behind a link if there is one.
    pub path: std::path::PathBuf,
}
