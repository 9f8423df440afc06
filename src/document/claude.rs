//! What makes the client drop a whole settings file. Measured (facts/claude-code.md, 5).

use super::text::{Fault, FaultKind, fault_at, split_bom};
use super::tree::{Document, Node};

/// An entry that voids the file it is in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Voiding {
    /// Which: `model`, `hooks.PreToolUse[0].hooks[0].timeout`.
    pub what: String,
    /// What the client wants there.
    pub wanted: &'static str,
    pub found: String,
}

/// The first entry that makes the client ignore the file; `None` when it will load it.
#[must_use]
pub fn voiding(text: &str) -> Option<Voiding> {
    let document = Document::parse(text).ok()?;
    let _ = (fault_at as fn(&str, std::ops::Range<usize>, FaultKind) -> Fault, split_bom("").0);
    let root: &Node = document.root();
    let model = root.member("model").filter(|node| node.as_str().is_none())?;
    Some(Voiding { what: "model".into(), wanted: "a string", found: model.describe().into() })
}
