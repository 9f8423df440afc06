//! A place inside a root: relative, normalised, and never one of our own.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize, Serializer};

use super::limits;

/// A path relative to a root, with `/` between its components.
///
/// Only [`ManagedPath::new`] makes one, so whoever holds one knows that joining it to a
/// root stays inside the root and names none of the files `cs` or the client keep there.
///
/// Each is a key of several tables (contents, installs, ledger, steps), which share the one text.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct ManagedPath(Arc<str>);

/// Why a text can't be a managed path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    #[error("it is empty")]
    Empty,
    #[error("it is absolute; managed paths are relative to the root")]
    Absolute,
    #[error("`{0}` is not a name: it would leave the root or mean nothing")]
    Component(String),
    #[error("it holds a control character")]
    Control,
    #[error("it is {0} bytes long; {max} is the most", max = limits::PATH_BYTES_MAX)]
    TooLong(usize),
    #[error("a name in it is {0} bytes long; {max} is the most", max = limits::NAME_BYTES_MAX)]
    NameTooLong(usize),
    #[error("`{0}` belongs to {1}")]
    Reserved(String, &'static str),
}

/// First components nobody may declare, and whose they are.
const RESERVED: &[(&str, &str)] = &[
    ("claude-sync", "cs itself"),
    ("learning", "cs itself"),
    ("projects", "Claude Code (transcripts)"),
    ("settings.json", "Claude Code; declare its entries under [settings]"),
    ("settings.local.json", "Claude Code; declare its entries under [settings]"),
    (".claude.json", "Claude Code"),
    (".credentials.json", "Claude Code (your login)"),
];

impl ManagedPath {
    /// Validates `text`.
    ///
    /// # Errors
    /// Anything that is absolute, empty, too long, has a `.`, `..` or empty component, a
    /// backslash or a control character, or names a file that `cs` or the client owns.
    pub fn new(text: impl Into<String>) -> Result<Self, PathError> {
        let text = text.into();
        if text.is_empty() {
            return Err(PathError::Empty);
        }
        if text.len() > limits::PATH_BYTES_MAX {
            return Err(PathError::TooLong(text.len()));
        }
        if text.starts_with('/') {
            return Err(PathError::Absolute);
        }
        if text.chars().any(char::is_control) {
            return Err(PathError::Control);
        }
        for component in text.split('/') {
            if matches!(component, "" | "." | "..") || component.contains('\\') {
                return Err(PathError::Component(component.to_owned()));
            }
            if component.len() > limits::NAME_BYTES_MAX {
                return Err(PathError::NameTooLong(component.len()));
            }
        }
        let first = text.split('/').next().unwrap_or_default();
        // Case-insensitive file systems would make `Claude-Sync` ours as well.
        if let Some((name, owner)) = RESERVED.iter().find(|(name, _)| first.eq_ignore_ascii_case(name)) {
            return Err(PathError::Reserved((*name).to_owned(), owner));
        }
        Ok(Self(text.into()))
    }

    /// The text, with `/` between components.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The folders above it, outermost first, without the root: `a/b/c` gives `a`, `a/b`.
    pub fn parents(&self) -> impl Iterator<Item = &str> {
        self.0.match_indices('/').map(|(at, _)| &self.0[..at])
    }

    /// How many folders lie between the root and the entry.
    #[must_use]
    pub fn depth(&self) -> usize {
        self.0.matches('/').count()
    }

    /// Whether `other` lies below this path.
    #[must_use]
    pub fn contains(&self, other: &Self) -> bool {
        other.0.strip_prefix(&*self.0).is_some_and(|rest| rest.starts_with('/'))
    }

    /// What `map` has below this path, in order.
    pub fn below<'a, V>(&'a self, map: &'a BTreeMap<Self, V>) -> impl Iterator<Item = (&'a Self, &'a V)> {
        // No name begins with anything before a space.
        let first = Self::new(format!("{self}/ ")).ok();
        let from = first.into_iter().flat_map(|first| map.range(first..));
        from.take_while(|(path, _)| self.contains(path))
    }

    /// What `map` has at a folder above this path.
    #[must_use]
    pub fn above<'a, V>(&self, map: &'a BTreeMap<Self, V>) -> Option<(&'a Self, &'a V)> {
        self.parents().find_map(|parent| map.get_key_value(&Self::new(parent).ok()?))
    }
}

impl TryFrom<String> for ManagedPath {
    type Error = PathError;
    fn try_from(text: String) -> Result<Self, PathError> {
        Self::new(text)
    }
}

impl Serialize for ManagedPath {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl fmt::Display for ManagedPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for ManagedPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_paths_are_valid() {
        for text in ["hooks/format-rust", "agents/reviewer.md", "CLAUDE.md", "a/b/c d", "skills/ü/SKILL.md"]
        {
            assert_eq!(ManagedPath::new(text).expect(text).as_str(), text);
        }
    }

    #[test]
    fn what_leaves_the_root_or_means_nothing_is_refused() {
        for text in
            ["", "/etc/passwd", "..", "../x", "a/../b", "a//b", "a/", "./a", "a/.", "a\\b", "a\0b", "a\nb"]
        {
            assert!(ManagedPath::new(text).is_err(), "{text:?}");
        }
        assert!(ManagedPath::new("x".repeat(4096)).is_err());
        assert!(ManagedPath::new("x".repeat(256)).is_err());
    }

    #[test]
    fn what_belongs_to_others_is_refused() {
        for text in
            ["claude-sync/current", "settings.json", "Settings.JSON", "learning/x", ".credentials.json"]
        {
            assert!(matches!(ManagedPath::new(text), Err(PathError::Reserved(..))), "{text:?}");
        }
    }

    #[test]
    fn parents_are_outermost_first() {
        let path = ManagedPath::new("a/b/c").expect("valid");
        assert_eq!(path.parents().collect::<Vec<_>>(), ["a", "a/b"]);
        assert!(ManagedPath::new("a/b").expect("valid").contains(&path));
        assert!(!ManagedPath::new("a/bc").expect("valid").contains(&path));
    }
}
