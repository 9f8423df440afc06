//! Which entries are ours and how we came to them. Kept beside the files, never in them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Digest, DocumentId, InstallMode, Key, ManagedPath, Marked, Wrote};

/// Everything `cs` owns in one root. Carried from generation to generation.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ledger {
    /// Links and copies in the root.
    pub tree: BTreeMap<ManagedPath, TreeRow>,
    /// Folders in the root that we made (`agents`), to be removed when empty. The root
    /// itself is the empty string.
    pub folders: Vec<String>,
    pub documents: BTreeMap<DocumentId, DocumentLedger>,
    /// Hook files that we once had in the root and have taken away, newest last: an editor with a
    /// stale buffer, or a stale client, may write a hook back that runs one of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gone: Vec<ManagedPath>,
}

impl Ledger {
    /// The entries whose displaced values can't be opened, and so not given back.
    pub fn sealed(&self) -> impl Iterator<Item = (DocumentId, &Key)> {
        let rows = self.documents.iter().flat_map(|(id, own)| own.rows.iter().map(|row| (*id, row)));
        rows.filter_map(|(id, row)| match &row.how {
            How::Replaced(before) if before.sealed.is_some() => Some((id, &row.key)),
            _ => None,
        })
    }

    /// Hook files that were gone and that `next` has again where nothing was in between.
    pub fn returning<'a>(&'a self, next: &'a Self) -> impl Iterator<Item = &'a ManagedPath> {
        self.gone.iter().filter(|path| next.tree.get(*path).is_some_and(|row| row.how == TreeHow::Added))
    }
}

/// A link or copy of ours in the root.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TreeRow {
    pub mode: InstallMode,
    /// Of the content behind it when it was written (a folder: of its listing).
    pub digest: Digest,
    pub how: TreeHow,
}

/// How a place in the root came to be ours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TreeHow {
    /// Nothing was there.
    Added,
    /// What was there lies under `claude-sync/displaced/NAME` and comes back.
    MovedAside(String),
    /// What was there was identical and lies under `claude-sync/displaced/NAME`; the profile
    /// took it over. Gone when undeclared, back on uninstall.
    Adopted(String),
}

impl TreeHow {
    /// Where below `claude-sync/displaced/` the thing lies that was there before.
    #[must_use]
    pub fn aside(&self) -> Option<&str> {
        match self {
            Self::Added => None,
            Self::MovedAside(name) | Self::Adopted(name) => Some(name),
        }
    }
}

/// Everything owned in one document.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DocumentLedger {
    pub rows: Vec<Row>,
    /// Containers that would not be there, or not like that, without us.
    pub containers: Vec<(super::Pointer, Container)>,
    /// Of the whole text as we last left it; `None` when we left no file.
    pub wrote: Option<Digest>,
}

/// Why a container is in the ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Container {
    /// We made it; it goes when it is empty. At the empty pointer: we made the file.
    Made,
    /// It was the user's and empty, with this white space inside; that comes back.
    Filled(String),
}

/// One owned entry.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Row {
    pub key: Key,
    /// What we wrote; `None` where we made sure that nothing is there.
    pub wrote: Option<Value>,
    pub how: How,
    /// From `[defaults]`.
    pub default: bool,
    /// Digests of what earlier generations wrote here, newest last: a stale client may
    /// write our own old value back, and that is not the user speaking.
    pub earlier: Vec<Digest>,
    /// The texts in what we wrote that are secrets: an empty text stands for them there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<Marked>,
    /// What earlier generations wrote here, where it held secrets: a bare digest could be guessed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub earlier_secrets: Vec<Wrote>,
}

/// How an entry came to be ours.
#[expect(
    clippy::large_enum_variant,
    reason = "a ledger has some hundred rows; a box is one more thing to take apart"
)]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum How {
    /// Nothing was there. Goes when it is let go.
    Added,
    /// It stands on the newest value that no generation of ours wrote, which comes back.
    Replaced(Displaced),
    /// The user had the same. Stays when it is let go.
    Coincident,
    /// Taken over by `init` or `capture`: goes when no longer declared, stays on uninstall.
    Adopted,
    /// A default that the user has changed or deleted: theirs, until its declared value
    /// changes. Remembered, not owned.
    Released,
}

/// What an entry of ours stands on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Displaced {
    /// The value's own bytes.
    pub text: String,
    /// Where it was, if it was taken out whole (`[unset]`).
    pub place: Option<Place>,
    /// Further copies of the same element, in the order in which they were taken out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<Self>,
    /// It was taken over before another value was declared over it: it comes back on uninstall, and not when
    /// the entry is no longer declared.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub taken: bool,
    /// All of the above, sealed: so it lies on the disk where it looks like a secret. In memory only where
    /// the key that opens it is gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sealed: Option<String>,
}

impl Displaced {
    /// A value's own bytes, and where it was if it was taken out whole.
    #[must_use]
    pub fn new(text: String, place: Option<Place>) -> Self {
        Self { text, place, also: Vec::new(), taken: false, sealed: None }
    }

    /// Every place that is remembered.
    pub fn places_mut(&mut self) -> Vec<&mut Place> {
        let also = self.also.iter_mut().flat_map(Self::places_mut);
        self.place.iter_mut().chain(also).collect()
    }
}

/// Where a member or element was, and the white space that was its own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Place {
    /// What stood before it, nearest first: names, or in a list how many equal ones before and the
    /// value. Empty: it was the first.
    pub after: Vec<String>,
    /// White space before it, and between it and the comma or bracket that followed.
    pub lead: String,
    pub trail: String,
    /// A member's name as it was written, with the colon and the space around it.
    pub name: String,
    /// Nothing else was there: there is no neighbour's white space to give back.
    pub alone: bool,
    /// White space that moved to a neighbour when it left: of the first one's successor.
    pub neighbour: String,
}
