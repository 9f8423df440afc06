//! A generation's number: from 1, never reused.

use std::fmt;
use std::num::NonZeroU64;

use serde::{Deserialize, Serialize};

/// The number of a generation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Generation(NonZeroU64);

impl Generation {
    /// The first one a root gets.
    pub const FIRST: Self = Self(NonZeroU64::MIN);

    /// Generation `number`; there is no generation 0.
    #[must_use]
    pub fn new(number: u64) -> Option<Self> {
        NonZeroU64::new(number).map(Self)
    }

    /// The number.
    #[must_use]
    pub fn get(self) -> u64 {
        self.0.get()
    }

    /// The one after it; `None` past 2⁶⁴ − 1.
    #[must_use]
    pub fn next(self) -> Option<Self> {
        self.0.checked_add(1).map(Self)
    }

    /// The name below `displaced/` under which this generation keeps what it finds at `path`.
    #[must_use]
    pub fn aside(self, path: &str) -> String {
        format!("{self}/{path}")
    }

    /// The name below `displaced/` under which this generation keeps what somebody has made of its file at `path`,
    /// and what is declared by now. Unlike [`Self::aside`] nothing was moved there.
    #[must_use]
    pub fn edited(self, path: &str) -> String {
        format!("{self}/.edited/{path}")
    }

    /// Whether a name below `displaced/` is of [`Self::edited`].
    #[must_use]
    pub fn is_edited(name: &str) -> bool {
        name.split('/').nth(1) == Some(".edited")
    }

    /// Reads a folder's name: digits without sign or leading zero.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let canonical = text.bytes().all(|b| b.is_ascii_digit()) && !text.starts_with('0');
        canonical.then(|| text.parse().ok().and_then(Self::new)).flatten()
    }
}

impl fmt::Display for Generation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_canonical_names_are_generations() {
        assert_eq!(Generation::parse("12"), Generation::new(12));
        for text in ["", "0", "012", "+1", "-1", "1 ", "1.0", "99999999999999999999999"] {
            assert_eq!(Generation::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn the_last_has_no_next() {
        assert_eq!(Generation::FIRST.next(), Generation::new(2));
        assert_eq!(Generation::new(u64::MAX).and_then(Generation::next), None);
    }
}
