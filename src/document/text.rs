//! Strict parsing: what the client would refuse, we refuse first, with the place and what
//! to do about it.

use std::ops::Range;

use jsonc_parser::ast;
use jsonc_parser::errors::ParseErrorKind;
use jsonc_parser::{CollectOptions, ParseOptions, parse_to_ast};

use crate::model::limits;

/// Why a text is no document we can merge into, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    pub kind: FaultKind,
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    /// The line itself.
    pub source_line: String,
    /// How many characters of the line are at fault; at least 1.
    pub width: usize,
}

/// What is wrong with a text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FaultKind {
    #[error("is empty")]
    Empty,
    #[error("has a comment")]
    Comment,
    #[error("has a trailing comma")]
    TrailingComma,
    #[error("is not JSON: {0}")]
    Syntax(String),
    #[error("has the key {0:?} twice in one object")]
    DuplicateKey(String),
    #[error("is {0}, not an object")]
    NoObject(&'static str),
    #[error("is not UTF-8")]
    Encoding,
    #[error("is nested more than {} levels deep", limits::DOCUMENT_DEPTH_MAX)]
    TooDeep,
    #[error("is {0} bytes large; {max} is the most", max = limits::DOCUMENT_BYTES_MAX)]
    TooLarge(u64),
}

impl FaultKind {
    /// Whether the client reads nothing of such a file (facts/claude-code.md, 5).
    #[must_use]
    pub fn is_void(&self) -> bool {
        !matches!(self, Self::DuplicateKey(_) | Self::TooDeep)
    }

    /// What the person should do.
    #[must_use]
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::Empty => "Write `{}` into it or delete it, then try again.",
            Self::Comment => {
                "Remove the comment (Claude Code isn't reading any of this file now), then try again."
            }
            Self::TrailingComma => {
                "Remove the comma (Claude Code isn't reading any of this file now), then try again."
            }
            Self::Syntax(_) | Self::Encoding => {
                "Correct it there (Claude Code isn't reading any of this file now), then try again."
            }
            Self::DuplicateKey(_) => {
                "Keep one of the two (Claude Code uses the last and ignores the others), then try again."
            }
            Self::NoObject(_) => "Settings are an object, `{ … }`. Correct it there, then try again.",
            Self::TooDeep => "Claude Code reads 64 levels at most. Look at what wrote it: settings are flat.",
            Self::TooLarge(_) => "Look at what wrote it: settings are small.",
        }
    }
}

/// Strips a byte order mark, which the client accepts.
#[must_use]
pub fn split_bom(text: &str) -> (bool, &str) {
    text.strip_prefix('\u{feff}').map_or((false, text), |rest| (true, rest))
}

/// Parses `text` as JSON in the strict sense and hands the syntax tree to `read`.
///
/// # Errors
/// The first fault in reading order.
pub fn with_ast<T>(text: &str, read: impl FnOnce(&ast::Value<'_>) -> T) -> Result<T, Fault> {
    with_any_ast(text, |root| match duplicate_key(root) {
        Some((name, range)) => Err(fault_at(text, range, FaultKind::DuplicateKey(name))),
        None => Ok(read(root)),
    })?
}

/// The same, for who wants to look into a text where a key stands twice: the client reads those.
///
/// # Errors
/// The first fault in reading order.
pub fn with_any_ast<T>(text: &str, read: impl FnOnce(&ast::Value<'_>) -> T) -> Result<T, Fault> {
    if text.len() as u64 > limits::DOCUMENT_READ_BYTES_MAX {
        return Err(fault_at(text, 0..0, FaultKind::TooLarge(text.len() as u64)));
    }
    if text.trim().is_empty() {
        return Err(fault_at(text, 0..0, FaultKind::Empty));
    }
    if let Some(at) = too_deep(text) {
        return Err(fault_at(text, at..at + 1, FaultKind::TooDeep));
    }
    let parsed = parse_to_ast(text, &CollectOptions::default(), &strict()).map_err(|error| {
        let range = error.range();
        fault_at(text, range.start..range.end, kind_of(error.kind(), text))
    })?;
    let root = parsed.value.ok_or_else(|| fault_at(text, 0..0, FaultKind::Empty))?;
    // The parser for ranges is lenient in corners (control characters, lone surrogates);
    // the one for values is not.
    if let Err(error) = strictly_valid(text) {
        let at = offset_of(text, error.line(), error.column());
        let message = error.to_string();
        let message = message.split(" at line ").next().unwrap_or_default().to_owned();
        return Err(fault_at(text, at..at + 1, FaultKind::Syntax(message)));
    }
    Ok(read(&root))
}

/// Only texts with escapes can hold what needs their values built to be seen.
fn strictly_valid(text: &str) -> serde_json::Result<()> {
    // `1e999` is a number to the grammar and none to whoever has to hold it.
    let bytes = text.as_bytes();
    let has_exponent =
        bytes.windows(2).any(|pair| pair[0].is_ascii_digit() && matches!(pair[1], b'e' | b'E'));
    if has_exponent || text.contains("\\u") {
        return serde_json::from_str::<serde_json::Value>(text).map(drop);
    }
    serde_json::from_str::<serde::de::IgnoredAny>(text).map(drop)
}

fn strict() -> ParseOptions {
    ParseOptions {
        allow_comments: false,
        allow_loose_object_property_names: false,
        allow_trailing_commas: false,
        allow_missing_commas: false,
        allow_single_quoted_strings: false,
        allow_hexadecimal_numbers: false,
        allow_unary_plus_numbers: false,
        allow_bare_decimal_point_numbers: false,
        allow_non_finite_numbers: false,
        allow_extended_string_escapes: false,
    }
}

fn kind_of(kind: &ParseErrorKind, text: &str) -> FaultKind {
    match kind {
        ParseErrorKind::CommentsNotAllowed => FaultKind::Comment,
        ParseErrorKind::TrailingCommasNotAllowed => FaultKind::TrailingComma,
        ParseErrorKind::NestingDepthExceeded => FaultKind::TooDeep,
        ParseErrorKind::UnterminatedObject | ParseErrorKind::UnterminatedArray => {
            FaultKind::Syntax(if text.trim_end().ends_with(['}', ']']) {
                "a bracket is not closed".to_owned()
            } else {
                "it ends in the middle".to_owned()
            })
        }
        other => FaultKind::Syntax(lower_first(&other.to_string())),
    }
}

fn lower_first(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_lowercase().chain(chars).collect())
}

/// Where brackets outside strings nest deeper than allowed. Linear, and needs no stack.
fn too_deep(text: &str) -> Option<usize> {
    let (mut depth, mut in_string, mut escaped) = (0usize, false, false);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'{' | b'[' if !in_string => {
                depth += 1;
                if depth > limits::DOCUMENT_DEPTH_MAX {
                    return Some(at);
                }
            }
            b'}' | b']' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    None
}

fn duplicate_key(value: &ast::Value<'_>) -> Option<(String, Range<usize>)> {
    match value {
        ast::Value::Object(object) => {
            let mut seen = std::collections::HashSet::with_capacity(object.properties.len());
            object.properties.iter().find_map(|property| {
                let name = property.name.as_str();
                if seen.insert(name) {
                    return duplicate_key(&property.value);
                }
                let start = property.range.start;
                Some((name.to_owned(), start..start + name.len() + 2))
            })
        }
        ast::Value::Array(array) => array.elements.iter().find_map(duplicate_key),
        _ => None,
    }
}

/// A fault at a byte range of `text`.
#[must_use]
pub fn fault_at(text: &str, range: Range<usize>, kind: FaultKind) -> Fault {
    let start = floor_boundary(text, range.start);
    let line_start = text[..start].rfind('\n').map_or(0, |at| at + 1);
    let source_line = text[line_start..].lines().next().unwrap_or_default();
    let line_end = line_start + source_line.len();
    let end = floor_boundary(text, range.end).clamp(start, line_end.max(start));
    Fault {
        kind,
        line: text[..start].matches('\n').count() + 1,
        column: text[line_start..start].chars().count() + 1,
        source_line: shorten(source_line, text[line_start..start].chars().count()),
        width: text[start..end].chars().count().max(1),
    }
}

/// A very long line (a minified file) is cut, so that the message stays readable.
fn shorten(line: &str, keep_chars: usize) -> String {
    const WIDE: usize = 160;
    let wanted = WIDE.max(keep_chars + 20);
    if line.chars().count() <= wanted {
        line.to_owned()
    } else {
        line.chars().take(wanted).collect::<String>() + "…"
    }
}

fn floor_boundary(text: &str, at: usize) -> usize {
    let at = at.min(text.len());
    (0..=at).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

fn offset_of(text: &str, line: usize, column: usize) -> usize {
    let start = text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum::<usize>();
    (start + column.saturating_sub(1)).min(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(text: &str) -> (FaultKind, usize, usize) {
        let fault = with_ast(text, |_| ()).expect_err(text);
        (fault.kind, fault.line, fault.column)
    }

    #[test]
    fn comments_and_trailing_commas_are_named_with_their_place() {
        assert_eq!(fault("{\n  // my model\n  \"a\": 1\n}"), (FaultKind::Comment, 2, 3));
        assert_eq!(fault("{\n  \"a\": 1, /* x */\n  \"b\": 2}"), (FaultKind::Comment, 2, 11));
        let (kind, line, _) = fault("{\n  \"a\": [1,\n  ]\n}");
        assert_eq!((kind, line), (FaultKind::TrailingComma, 2));
    }

    #[test]
    fn what_is_no_json_is_refused() {
        assert_eq!(fault("").0, FaultKind::Empty);
        assert_eq!(fault(" \n ").0, FaultKind::Empty);
        let bad = [
            "{",
            "{\"a\":}",
            "{'a':1}",
            "{a:1}",
            "{\"a\":1}}",
            "{\"a\":+1}",
            "{\"a\":01}",
            "{\"a\":.5}",
            "{\"a\":1e999}",
            "{\"a\":\"\t\"}",
            "{\"a\":\"\\ud800\"}",
            "{\"a\" 1}",
            "{\"a\":1 \"b\":2}",
            "{\"a\":NaN}",
            "[1,2",
            "{\"a\":\"\\x41\"}",
        ];
        for text in bad {
            assert!(matches!(fault(text).0, FaultKind::Syntax(_)), "{text}: {:?}", fault(text));
        }
    }

    #[test]
    fn a_key_that_stands_twice_is_refused_wherever_it_is() {
        assert_eq!(fault("{\"a\":1,\n\"a\":2}"), (FaultKind::DuplicateKey("a".into()), 2, 1));
        assert_eq!(fault("{\"x\":[{\"b\":1,\"\\u0062\":2}]}").0, FaultKind::DuplicateKey("b".into()));
    }

    #[test]
    fn depth_is_bounded_before_anything_recurses() {
        let deep = |n: usize| format!("{{\"a\":{}{}}}", "[".repeat(n), "]".repeat(n));
        assert_eq!(with_ast(&deep(limits::DOCUMENT_DEPTH_MAX - 1), |_| ()), Ok(()));
        assert_eq!(fault(&deep(10_000)).0, FaultKind::TooDeep);
        assert_eq!(with_ast("{\"a\":\"[[[[\\\"{{{{\"}", |_| ()), Ok(()));
        assert_eq!(fault(&"[".repeat(1_000_000)).0, FaultKind::TooDeep);
    }
}
