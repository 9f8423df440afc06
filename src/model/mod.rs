//! The nouns everything else is written in. Pure: imports nothing of ours.
//!
//! - [`ManagedPath`]: a place inside a root, valid by construction
//! - [`Digest`]: what stands for a content
//! - [`Generation`]: a generation's number
//! - [`Desired`]: what a profile asks for, rendered
//! - [`Key`], [`Row`], [`Ledger`]: the entries `cs` owns and how it came to them
//! - [`Secret`]: a value that is found elsewhere, and what is kept of it
//! - [`sets`]: which of the client's lists are sets
//! - [`printable`]: texts of others, for a terminal
//! - [`bytes`]: reading what was packed
//! - [`limits`]: every bound, with its reason

pub mod bytes;
pub mod desired;
pub mod digest;
pub mod generation;
pub mod key;
pub mod ledger;
pub mod limits;
pub mod path;
pub mod secret;
pub mod sets;
pub mod text;

pub use desired::{
    Content, Declared, Desired, DocumentId, FileSpec, Install, InstallMode, Kind, Origin, Want,
};
pub use digest::Digest;
pub use generation::Generation;
pub use key::{HookId, Key, Pointer, SHARED_HOOKS};
pub use ledger::{Container, Displaced, DocumentLedger, How, Ledger, Place, Row, TreeHow, TreeRow};
pub use path::{ManagedPath, PathError};
pub use secret::{Mark, Marked, Secret, Secrets, Source, Wrote};
pub use text::{fits_glob, printable};

#[cfg(test)]
pub mod properties;
