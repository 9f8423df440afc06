//! The frontmatter of agents and skills, judged as the client judges it.
//!
//! Measured against the client (2.1.330): it parses the YAML between the `---` lines; where that
//! fails, it puts quotes around every one-line value with special characters and tries once more
//! ([`rescue`]); where that fails too, it ignores the frontmatter. So `description: Use this: now`
//! loads, and the same with a second line does not. An agent without a readable name and
//! description is skipped without a word; a skill is loaded all the same, described by the first
//! line of its text.

use std::ops::Range;
use std::path::Path;

use self::reader::{Broken, Fields, Scalar, read};
use super::diagnostic::{Severity, Source, Spot};
use super::installs::Out;

mod reader;
#[cfg(test)]
mod tests;

/// Whose frontmatter it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Of {
    Agent,
    Skill,
}

impl Of {
    /// The keys the client needs, and what it does without them.
    fn needs(self) -> (&'static [&'static str], Severity, &'static str) {
        match self {
            Self::Agent => (
                &["name", "description"],
                Severity::Error,
                "Claude Code skips such an agent without a word; put text there, in quotes if need be",
            ),
            Self::Skill => (
                &["description"],
                Severity::Warning,
                "Claude chooses skills by their description; without one it sees the first line of the text",
            ),
        }
    }
}

/// What the client makes of a frontmatter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judged {
    /// The value of `name`, if it is known.
    pub name: Option<String>,
    pub flaws: Vec<Flaw>,
}

/// Something that keeps the client from reading what was meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flaw {
    pub kind: FlawKind,
    /// In bytes of the text.
    pub range: Range<usize>,
    pub message: String,
    pub help: &'static str,
}

/// What kind of flaw it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FlawKind {
    /// There is none.
    Missing,
    /// It can't be read.
    Broken,
    /// This key is missing, empty or no text.
    Lacks(&'static str),
}

/// Judges a text's frontmatter.
pub(super) fn judge(of: Of, text: &str) -> Judged {
    let flaw =
        |kind, range, message, help| Judged { name: None, flaws: vec![Flaw { kind, range, message, help }] };
    let Some((start, block)) = block(text) else {
        let range = 0..text.find('\n').unwrap_or(text.len());
        let help = "begin with a line `---`, then `name: …` and `description: …`, then a line `---`";
        let message = "there is no frontmatter between two lines `---` at the top".to_owned();
        return flaw(FlawKind::Missing, range, message, help);
    };
    let fields = match fields(block) {
        Ok(fields) => fields,
        Err(broken) => {
            let range = broken.range.start + start..broken.range.end + start;
            return flaw(FlawKind::Broken, range, broken.message, broken.help);
        }
    };
    let (required, _, help) = of.needs();
    let lacks = |key: &&'static str| {
        let message = problem(of, key, last(&fields, key))?;
        Some(Flaw { kind: FlawKind::Lacks(key), range: 0..3, message, help })
    };
    let flaws = required.iter().filter_map(lacks).collect();
    let name = match last(&fields, "name") {
        Some(Scalar::Text(name)) => Some(name.clone()),
        _ => None,
    };
    Judged { name, flaws }
}

/// Checks the frontmatter of `bytes`, of the file at `path` or in the profile itself at `at`.
/// Gives back the value of `name`, if it is known.
pub(super) fn check(
    of: Of,
    path: Option<&Path>,
    bytes: &[u8],
    at: Spot,
    out: &mut Out<'_>,
) -> Option<String> {
    // The client reads invalid UTF-8 with replacement characters, too.
    let text = String::from_utf8_lossy(bytes);
    let Judged { name, flaws } = judge(of, &text);
    for Flaw { kind, range, message, help } in flaws {
        let severity = match kind {
            FlawKind::Missing | FlawKind::Lacks(_) => of.needs().1,
            FlawKind::Broken => Severity::Error,
        };
        let finding = match path {
            Some(path) => {
                let source = Source::new(&path.display().to_string(), &text, None);
                out.report.push(source.at(severity, range, message))
            }
            None => out.report.note(severity, at, message),
        };
        finding.help(help);
    }
    name
}

/// What is wrong with a value that must be there.
fn problem(of: Of, key: &str, value: Option<&Scalar>) -> Option<String> {
    match value {
        None => Some(format!("the frontmatter has no `{key}`")),
        Some(Scalar::Text(text)) if !text.trim().is_empty() => None,
        Some(Scalar::Null | Scalar::Text(_)) => Some(format!("`{key}` in the frontmatter is empty")),
        Some(Scalar::Other(kind)) if of == Of::Agent => {
            Some(format!("`{key}` in the frontmatter is {kind}, not text"))
        }
        Some(_) => None,
    }
}

/// Of a key that is there twice the client takes the last.
fn last<'f>(fields: &'f Fields, key: &str) -> Option<&'f Scalar> {
    fields.iter().rev().find(|(name, _)| name == key).map(|(_, value)| value)
}

fn fields(block: &str) -> Result<Fields, Broken> {
    // What is told is about the text as it was written, not as it was rescued.
    read(block).or_else(|broken| read(&rescue(block)).map_err(|_| broken))
}

/// The lines between the two `---`, and where they begin.
fn block(text: &str) -> Option<(usize, &str)> {
    let bom = text.len() - text.trim_start_matches('\u{feff}').len();
    let first = text[bom..].split_inclusive('\n').next()?;
    if !first.strip_prefix("---")?.trim().is_empty() {
        return None;
    }
    let start = bom + first.len();
    let mut at = start;
    for line in text[start..].split_inclusive('\n') {
        if line.trim_start().starts_with("---") {
            return Some((start, &text[start..at]));
        }
        at += line.len();
    }
    None
}

/// The client's second try: quotes around one-line values that hold special characters.
fn rescue(block: &str) -> String {
    let mut rescued = String::with_capacity(block.len() + 16);
    for line in block.split_inclusive('\n') {
        match rescue_line(line) {
            Some(quoted) => rescued.push_str(&quoted),
            None => rescued.push_str(line),
        }
    }
    rescued
}

fn rescue_line(line: &str) -> Option<String> {
    let (key, value) = line.split_once(':')?;
    let plain_key = !key.is_empty() && key.chars().all(|c| c.is_ascii_alphabetic() || c == '_' || c == '-');
    if !plain_key || !value.starts_with([' ', '\t']) {
        return None;
    }
    let value = value.trim();
    let quoted = |quote: char| value.len() > 1 && value.starts_with(quote) && value.ends_with(quote);
    let special = value.contains(": ") || value.contains(|c| "{}[]*&#!|>%@`".contains(c));
    if quoted('"') || quoted('\'') || !special {
        return None;
    }
    Some(format!("{key}: \"{}\"\n", value.replace('\\', "\\\\").replace('"', "\\\"")))
}
