//! Whom this host listens to: a text that a person keeps, and the fingerprints in it.
//!
//! ```text
//! # Compared over the phone with Ben.
//! SHA256:ObQ5eA8T3e5qDbmvcXEvG0zq1b0fJX1tPZ0Cr4CLdzM laptop 2026-11-29
//! ```
//! One node a line: its fingerprint, a name, the day on which it was trusted. A node is trusted or it is not, and by
//! the whole of its fingerprint: what agrees in its first letters can be made by anybody with some patience.

use std::collections::BTreeSet;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use sha2::{Digest as _, Sha256};

use crate::crypto::Epoch;
use crate::crypto::node::NodeId;
use crate::model::printable;

/// What a fingerprint begins with, and how many letters follow.
const PREFIX: &str = "SHA256:";
const LETTERS: usize = 43;

/// A name longer than this is none.
const NAME_BYTES_MAX: usize = 64;

/// What stands for a node's key: `SHA256:` and 43 letters, as `cs identity` shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// That of a node.
    #[must_use]
    pub fn of(node: &NodeId) -> Self {
        // Asked of each node at each reading: not by way of its text.
        Self(Sha256::digest(node.to_bytes()).into())
    }

    /// Reads a whole one.
    ///
    /// # Errors
    /// When it is only the beginning of one, or none.
    pub fn parse(text: &str) -> Result<Self, FingerprintError> {
        let letters = text.strip_prefix(PREFIX).unwrap_or(text);
        let is_word = letters.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'+' || c == b'/');
        if !is_word || letters.len() > LETTERS || letters.is_empty() {
            return Err(FingerprintError::None);
        }
        if letters.len() == text.len() {
            return Err(FingerprintError::None);
        }
        if letters.len() < LETTERS {
            return Err(FingerprintError::Part(letters.len()));
        }
        let bytes = STANDARD_NO_PAD.decode(letters).ok().and_then(|bytes| bytes.try_into().ok());
        bytes.map(Self).ok_or(FingerprintError::None)
    }

    /// Reads one as it was copied: with blanks around it, its mark in small letters, and the `=` that other programs put
    /// behind it. In the text it is written one way.
    ///
    /// # Errors
    /// When it is only the beginning of one, or none.
    pub fn copied(text: &str) -> Result<Self, FingerprintError> {
        let text = text.trim();
        let (mark, letters) = text.split_at_checked(PREFIX.len()).unwrap_or_default();
        if !mark.eq_ignore_ascii_case(PREFIX) {
            return Self::parse(text);
        }
        // Where all of it is in small letters, it is another one.
        if mark != PREFIX && !letters.contains(|c: char| c.is_ascii_uppercase()) {
            return Err(FingerprintError::None);
        }
        let whole = letters.strip_suffix('=').filter(|whole| whole.len() == LETTERS).unwrap_or(letters);
        Self::parse(&format!("{PREFIX}{whole}"))
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}{}", STANDARD_NO_PAD.encode(self.0))
    }
}

/// Why a text is no fingerprint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FingerprintError {
    #[error(
        "this is only the beginning of a fingerprint, {0} of {LETTERS} letters: others may begin with the same, so \
         give the whole of it, as `cs identity` shows it on that host"
    )]
    Part(usize),
    #[error(
        "this is no fingerprint: one is `{PREFIX}` and {LETTERS} letters, as `cs identity` shows it on that host"
    )]
    None,
}

/// A line of the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub fingerprint: Fingerprint,
    pub name: String,
    /// When it was trusted.
    pub day: Epoch,
    /// Where it stands, from 1.
    pub line: usize,
}

/// What is wrong with a line of the text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {what}")]
pub struct TrustError {
    /// From 1.
    pub line: usize,
    pub what: Wrong,
}

/// What can be wrong with a line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Wrong {
    #[error("a line has a fingerprint, a name and a day, like `{PREFIX}… laptop 2026-11-29`")]
    Fields,
    #[error(transparent)]
    Fingerprint(#[from] FingerprintError),
    #[error(transparent)]
    Name(#[from] NameError),
    #[error("`{0}` is no day: one is written 2026-11-29")]
    Day(String),
    #[error("this fingerprint stands in line {0} already: remove one of the two")]
    Again(usize),
    #[error("line {0} has this name already: give one of the two another")]
    NameAgain(usize),
}

/// Why a name won't do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no name: it has letters, digits, `-`, `_` and `.`, up to {NAME_BYTES_MAX} of them")]
pub struct NameError(String);

fn check_name(name: &str) -> Result<(), NameError> {
    let is_letter = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let is_name =
        (1..=NAME_BYTES_MAX).contains(&name.len()) && !name.starts_with('-') && name.chars().all(is_letter);
    if is_name { Ok(()) } else { Err(NameError(quoted(name, NAME_BYTES_MAX))) }
}

/// In a message: no longer than it is worth, and nothing that moves a cursor or turns a line around.
fn quoted(text: &str, letters_max: usize) -> String {
    printable(&text.chars().take(letters_max).collect::<String>())
}

/// The nodes of a text, in its order. What follows `#` is a comment.
///
/// # Errors
/// For the first line that says anything else.
pub fn parse(text: &str) -> Result<Vec<Entry>, TrustError> {
    let mut entries: Vec<Entry> = Vec::new();
    for (at, line) in text.lines().enumerate() {
        let line_number = at + 1;
        let wrong = |what: Wrong| TrustError { line: line_number, what };
        let said = line.split('#').next().unwrap_or_default();
        let fields: Vec<&str> = said.split_ascii_whitespace().collect();
        let [fingerprint, name, day] = fields[..] else {
            if fields.is_empty() {
                continue;
            }
            return Err(wrong(Wrong::Fields));
        };
        let fingerprint = Fingerprint::parse(fingerprint).map_err(|error| wrong(error.into()))?;
        check_name(name).map_err(|error| wrong(error.into()))?;
        let day = Epoch::of_date(day).ok_or_else(|| wrong(Wrong::Day(quoted(day, 20))))?;
        if let Some(other) = entries.iter().find(|other| other.fingerprint == fingerprint) {
            return Err(wrong(Wrong::Again(other.line)));
        }
        if let Some(other) = entries.iter().find(|other| other.name == name) {
            return Err(wrong(Wrong::NameAgain(other.line)));
        }
        entries.push(Entry { fingerprint, name: name.to_owned(), day, line: line_number });
    }
    Ok(entries)
}

/// Why a text was not edited.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    #[error(transparent)]
    Text(#[from] TrustError),
    #[error(transparent)]
    Fingerprint(#[from] FingerprintError),
    #[error(transparent)]
    Name(#[from] NameError),
    #[error("this node is trusted already, as {0}")]
    Already(String),
    #[error("{0} is another node's name already: give this one another, or revoke the other first")]
    Taken(String),
    #[error("no such node is trusted: give a name of the list, or a whole fingerprint")]
    Unknown,
}

/// The text with one node more. Everything else in it stays.
///
/// # Errors
/// When the text can't be read, the fingerprint is not whole, or it or the name is there already.
pub fn add(text: &str, fingerprint: &str, name: &str, day: Epoch) -> Result<String, EditError> {
    let fingerprint = Fingerprint::copied(fingerprint)?;
    check_name(name)?;
    let entries = parse(text)?;
    if let Some(known) = entries.iter().find(|known| known.fingerprint == fingerprint) {
        return Err(EditError::Already(known.name.clone()));
    }
    if entries.iter().any(|known| known.name == name) {
        return Err(EditError::Taken(name.to_owned()));
    }
    let line_end = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let before = if text.is_empty() || text.ends_with('\n') { "" } else { line_end };
    Ok(format!("{text}{before}{fingerprint} {name} {}{line_end}", day.date()))
}

/// The text without a node, by its name or its whole fingerprint; and what it said of it. Its line goes, and
/// everything else in the text stays.
///
/// # Errors
/// When the text can't be read, or has no such node.
pub fn revoke(text: &str, which: &str) -> Result<(String, Entry), EditError> {
    let entries = parse(text)?;
    let named = entries.iter().find(|entry| entry.name == which);
    let found = match (named, Fingerprint::copied(which)) {
        (Some(entry), _) => entry,
        (None, Ok(own)) => entries.iter().find(|entry| entry.fingerprint == own).ok_or(EditError::Unknown)?,
        (None, Err(error @ FingerprintError::Part(_))) => return Err(error.into()),
        (None, Err(_)) => return Err(EditError::Unknown),
    };
    let lines = text.split_inclusive('\n').enumerate();
    let kept = lines.filter(|(at, _)| at + 1 != found.line).map(|(_, line)| line).collect();
    Ok((kept, found.clone()))
}

/// Whom to listen to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trusted(BTreeSet<Fingerprint>);

impl Trusted {
    /// The nodes of a text.
    #[must_use]
    pub fn of(entries: &[Entry]) -> Self {
        entries.iter().map(|entry| entry.fingerprint).collect()
    }

    /// And this host itself, whose own rows count like those of any other.
    #[must_use]
    pub fn with(mut self, own: &NodeId) -> Self {
        self.0.insert(Fingerprint::of(own));
        self
    }

    /// Whether a node is listened to.
    #[must_use]
    pub fn has(&self, node: &NodeId) -> bool {
        self.0.contains(&Fingerprint::of(node))
    }
}

impl FromIterator<Fingerprint> for Trusted {
    fn from_iter<I: IntoIterator<Item = Fingerprint>>(fingerprints: I) -> Self {
        Self(fingerprints.into_iter().collect())
    }
}

#[cfg(test)]
mod tests;
