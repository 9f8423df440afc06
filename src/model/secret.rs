//! Values that a profile does not say, but says where to find.
//!
//! What is kept of one is where it comes from and a [`Mark`]: enough to tell whether a text is the one
//! that was written, and nothing to get it back from.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use zeroize::Zeroizing;

use super::{Digest, Origin};

/// Where a secret is found.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Source {
    /// A variable of `cs`'s environment.
    Env(String),
    /// The content of a file, by its absolute path.
    File(String),
    /// What a program prints.
    Command {
        /// The program and its arguments; no shell is between.
        argv: Vec<String>,
        /// Where it runs: the profile's folder, absolute.
        folder: String,
    },
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Env(name) => write!(f, "${name}"),
            Self::File(path) => f.write_str(path),
            Self::Command { argv, .. } => write!(f, "`{}`", argv.join(" ")),
        }
    }
}

/// A text of a declared value that stands elsewhere. In the value itself an empty text stands for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Secret {
    /// Where it stands in the entry's value: names, and numbers in lists. Empty: it is the value.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub at: Vec<String>,
    pub source: Source,
    /// What is put before it (`Bearer `), and behind it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub prefix: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub suffix: String,
    pub origin: Origin,
    /// Of the whole text; `None` until it was looked up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mark: Option<Mark>,
}

impl Secret {
    /// The text that is written, of what the source gave.
    #[must_use]
    pub fn text(&self, found: &str) -> String {
        [&self.prefix, found, &self.suffix].concat()
    }

    /// Whether another is the same one: from the same source, in the same dress.
    #[must_use]
    pub fn is_alike(&self, other: &Self) -> bool {
        let key = |own: &Self| (own.at.clone(), own.source.clone(), own.prefix.clone(), own.suffix.clone());
        key(self) == key(other)
    }

    /// Whether another is the same one and had the same text, wherever it was declared.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        self.is_alike(other) && self.mark == other.mark
    }
}

/// What tells a text without holding it: a salt of its own, and the digest of both. Who can read it can try
/// texts, one at a time: it protects what nobody guesses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mark {
    salt: String,
    digest: Digest,
}

impl Mark {
    /// The mark of `text` under a salt from the system's randomness.
    #[must_use]
    pub fn new(salt: [u8; 16], text: &str) -> Self {
        let salt = salt.iter().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"));
        let digest = Self::digest(&salt, text);
        Self { salt, digest }
    }

    /// Whether `text` is the one.
    #[must_use]
    pub fn fits(&self, text: &str) -> bool {
        Self::digest(&self.salt, text) == self.digest
    }

    fn digest(salt: &str, text: &str) -> Digest {
        // The salt has one length, so nothing is taken for a part of the other.
        Digest::of(Zeroizing::new([salt, text].concat()).as_bytes())
    }
}

/// A place in a value that was written, and the mark of what was written there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Marked {
    pub at: Vec<String>,
    pub mark: Mark,
}

impl Marked {
    /// Those of `secrets` that were looked up.
    #[must_use]
    pub fn of(secrets: &[Secret]) -> Vec<Self> {
        let marked = |own: &Secret| Some(Self { at: own.at.clone(), mark: own.mark.clone()? });
        secrets.iter().filter_map(marked).collect()
    }
}

/// A value that was written, with an empty text for each of its secrets.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wrote {
    pub value: Value,
    pub secrets: Vec<Marked>,
}

/// What was found at the sources that were looked at. Wiped when dropped, and not printable.
#[derive(Default, Clone, PartialEq)]
pub struct Secrets(BTreeMap<Source, Zeroizing<String>>);

impl Secrets {
    /// Remembers what a source gave.
    pub fn insert(&mut self, source: Source, found: String) {
        self.0.insert(source, Zeroizing::new(found));
    }

    /// What a source gave, if it was looked at.
    #[must_use]
    pub fn get(&self, source: &Source) -> Option<&str> {
        self.0.get(source).map(|found| found.as_str())
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secrets({})", self.0.len())
    }
}

/// What stands at `at` below `value`.
#[must_use]
pub fn find<'v>(value: &'v Value, at: &[String]) -> Option<&'v Value> {
    at.iter().try_fold(value, |value, name| match value {
        Value::Object(members) => members.get(name),
        Value::Array(items) => items.get(name.parse::<usize>().ok()?),
        _ => None,
    })
}

/// Puts a text at `at` below `value`, where there is something.
pub fn put(value: &mut Value, at: &[String], text: String) {
    let place = at.iter().try_fold(value, |value, name| match value {
        Value::Object(members) => members.get_mut(name),
        Value::Array(items) => items.get_mut(name.parse::<usize>().ok()?),
        _ => None,
    });
    if let Some(place) = place {
        *place = Value::String(text);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_mark_tells_its_text_and_says_nothing_else() {
        let mark = Mark::new([7; 16], "hunter2");
        assert!(mark.fits("hunter2"));
        assert!(!mark.fits("hunter3") && !mark.fits(""));
        assert_ne!(mark, Mark::new([8; 16], "hunter2"), "a salt of its own");
        let text = serde_json::to_string(&mark).expect("serializes");
        assert!(!text.contains("hunter2"), "{text}");
        assert_eq!(serde_json::from_str::<Mark>(&text).expect("reads"), mark);
    }

    #[test]
    fn what_was_found_is_not_printed() {
        let mut secrets = Secrets::default();
        secrets.insert(Source::Env("A".into()), "hunter2".into());
        assert_eq!(format!("{secrets:?}"), "Secrets(1)");
        assert_eq!(secrets.get(&Source::Env("A".into())), Some("hunter2"));
    }

    #[test]
    fn places_are_names_and_numbers() {
        let mut value = json!({"args": ["-k", null], "headers": {"a.b": null}});
        let at = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
        put(&mut value, &at(&["args", "1"]), "x".into());
        put(&mut value, &at(&["headers", "a.b"]), "y".into());
        put(&mut value, &at(&["nothing", "here"]), "z".into());
        assert_eq!(value, json!({"args": ["-k", "x"], "headers": {"a.b": "y"}}));
        assert_eq!(find(&value, &at(&["args", "1"])), Some(&json!("x")));
        assert_eq!(find(&value, &at(&["args", "2"])), None);
    }
}
