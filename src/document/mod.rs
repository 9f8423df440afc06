//! Keyed three-way merge of JSON documents that others write too. Pure.
//!
//! - [`text`]: strict parsing, with the place and the remedy when a text is refused
//! - [`tree`]: a document that remembers every byte; edits are exactly invertible
//! - [`splice`]: the same edits as byte splices
//! - [`value`]: when two values are equal
//! - [`hooks`]: finding and naming hook entries
//! - [`mod@merge`]: who owns what, decided entry by entry
//! - [`mod@fresh`]: a document that nobody else writes
//! - [`claude`]: what makes the client drop a whole settings file, or pass over an entry
//! - [`outline`]: values with the places they stand at

pub mod census;
pub mod claude;
pub mod fresh;
pub mod hooks;
pub mod merge;
pub mod outline;
pub mod splice;
pub mod text;
pub mod tree;
pub mod value;

pub use fresh::fresh;
pub use merge::{
    Action, Bases, EntryChange, Found, LettingGo, MergeInput, Merged, Refusal, merge, merge_found,
};
pub use outline::Outline;
pub use splice::Splice;
pub use text::{Fault, FaultKind};
pub use tree::Document;
