//! A JSON text as values and the places they stand at. Read like the client reads it: of a key
//! that stands twice the last counts, and the others are told.

use std::ops::Range;

use jsonc_parser::ast;
use jsonc_parser::common::Ranged;
use serde_json::{Map, Value};

use super::text::{self, Fault};
use super::value::equal;
use crate::model::key::dotted;

/// A parsed text.
#[derive(Debug, Clone)]
pub struct Outline {
    text: String,
    root: Piece,
    value: Value,
}

/// A value and where it stands.
#[derive(Debug, Clone)]
struct Piece {
    at: usize,
    shape: Shape,
}

#[derive(Debug, Clone)]
enum Shape {
    Scalar,
    List(Vec<Piece>),
    Object(Vec<Member>),
}

#[derive(Debug, Clone)]
struct Member {
    name: String,
    /// Where the name stands.
    at: usize,
    piece: Piece,
}

/// A key that stands twice in one object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Duplicate {
    /// `hooks.PreToolUse`
    pub path: String,
    /// Where the one stands that does not count.
    pub place: (usize, usize),
    /// Both have the same value.
    pub is_same: bool,
}

impl Outline {
    /// Parses a text; a byte order mark is no part of it.
    ///
    /// # Errors
    /// What is no JSON, with the place.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        let (_, text) = text::split_bom(text);
        let root = text::with_any_ast(text, build)?;
        let value = value_of(text, &root)?;
        Ok(Self { text: text.to_owned(), root, value })
    }

    /// The value as the client sees it.
    #[must_use]
    pub fn value(&self) -> &Value {
        &self.value
    }

    /// Line and column, from 1, of what stands at `path` (`hooks.Stop[0].matcher`), or of the last thing on
    /// the way there that is there.
    #[must_use]
    pub fn place(&self, path: &str) -> (usize, usize) {
        let (mut piece, mut at, mut rest) = (&self.root, self.root.at, path);
        loop {
            rest = rest.strip_prefix('.').unwrap_or(rest);
            let next = match &piece.shape {
                Shape::Object(members) => member(members, rest).map(|(own, rest)| (&own.piece, own.at, rest)),
                Shape::List(items) => item(items, rest).map(|(own, rest)| (own, own.at, rest)),
                Shape::Scalar => None,
            };
            match next {
                Some((own, own_at, after)) if !rest.is_empty() => (piece, at, rest) = (own, own_at, after),
                _ => return self.line_column(at),
            }
        }
    }

    fn line_column(&self, at: usize) -> (usize, usize) {
        let fault = text::fault_at(&self.text, at..at, text::FaultKind::Empty);
        (fault.line, fault.column)
    }

    /// Every key that stands more than once, in the order of those that don't count.
    #[must_use]
    pub fn duplicates(&self) -> Vec<Duplicate> {
        let mut found = Vec::new();
        self.find_duplicates(&self.root, &mut Vec::new(), &mut found);
        found
    }

    fn find_duplicates(&self, piece: &Piece, path: &mut Vec<String>, found: &mut Vec<Duplicate>) {
        match &piece.shape {
            Shape::Scalar => {}
            Shape::List(items) => items.iter().for_each(|item| self.find_duplicates(item, path, found)),
            Shape::Object(members) => {
                for (index, own) in members.iter().enumerate() {
                    path.push(own.name.clone());
                    if let Some(later) = members[index + 1..].iter().rev().find(|m| m.name == own.name) {
                        let value = |piece| value_of(&self.text, piece).ok();
                        let is_same =
                            value(&own.piece).zip(value(&later.piece)).is_some_and(|(a, b)| equal(&a, &b));
                        let (path, place) = (dotted(path), self.line_column(own.at));
                        found.push(Duplicate { path, place, is_same });
                    }
                    self.find_duplicates(&own.piece, path, found);
                    path.pop();
                }
            }
        }
    }
}

/// The member that `path` begins with; names may hold dots, so the longest counts.
fn member<'m, 'p>(members: &'m [Member], path: &'p str) -> Option<(&'m Member, &'p str)> {
    let fits = |own: &&Member| {
        let rest = path.strip_prefix(own.name.as_str());
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
    };
    // Of a key that stands twice the last counts.
    let own = members.iter().filter(fits).max_by_key(|own| own.name.len())?;
    Some((own, &path[own.name.len()..]))
}

fn item<'m, 'p>(items: &'m [Piece], path: &'p str) -> Option<(&'m Piece, &'p str)> {
    let (index, rest) = path.strip_prefix('[')?.split_once(']')?;
    Some((items.get(index.parse::<usize>().ok()?)?, rest))
}

fn build(value: &ast::Value<'_>) -> Piece {
    let shape = match value {
        ast::Value::Object(object) => {
            let members = object.properties.iter().map(|property| Member {
                name: property.name.as_str().to_owned(),
                at: property.range.start,
                piece: build(&property.value),
            });
            Shape::Object(members.collect())
        }
        ast::Value::Array(array) => Shape::List(array.elements.iter().map(build).collect()),
        _ => Shape::Scalar,
    };
    Piece { at: value.range().start, shape }
}

/// The value of a piece; numbers and strings are read from the text by the strict parser.
fn value_of(text: &str, piece: &Piece) -> Result<Value, Fault> {
    match &piece.shape {
        Shape::Object(members) => {
            let mut object = Map::with_capacity(members.len());
            for own in members {
                object.insert(own.name.clone(), value_of(text, &own.piece)?);
            }
            Ok(Value::Object(object))
        }
        Shape::List(items) => items.iter().map(|item| value_of(text, item)).collect(),
        Shape::Scalar => {
            let mut values = serde_json::Deserializer::from_str(&text[piece.at..]).into_iter();
            match values.next() {
                Some(Ok(value)) => Ok(value),
                _ => {
                    let kind = text::FaultKind::Syntax("expected a value".to_owned());
                    Err(text::fault_at(text, piece.at..piece.at, kind))
                }
            }
        }
    }
}

/// The names and indices on the way to a scalar, and its bytes in the text.
pub type Scalar = (Vec<String>, Range<usize>);

/// Every scalar of a text, in order.
///
/// # Errors
/// What is no JSON, with the place.
pub fn scalars(text: &str) -> Result<Vec<Scalar>, Fault> {
    let (has_bom, bare) = text::split_bom(text);
    let before = if has_bom { text.len() - bare.len() } else { 0 };
    let mut found = Vec::new();
    text::with_any_ast(bare, |root| collect(root, &mut Vec::new(), &mut found))?;
    found.iter_mut().for_each(|(_, range): &mut Scalar| {
        *range = range.start + before..range.end + before;
    });
    Ok(found)
}

fn collect(value: &ast::Value<'_>, at: &mut Vec<String>, found: &mut Vec<Scalar>) {
    match value {
        ast::Value::Object(object) => {
            for property in &object.properties {
                at.push(property.name.as_str().to_owned());
                collect(&property.value, at, found);
                at.pop();
            }
        }
        ast::Value::Array(array) => {
            for (index, item) in array.elements.iter().enumerate() {
                at.push(index.to_string());
                collect(item, at, found);
                at.pop();
            }
        }
        scalar => {
            let range = scalar.range();
            found.push((at.clone(), range.start..range.end));
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn places_are_found_by_the_paths_that_messages_name() {
        let text = "{\n  \"a\": {\"b.c\": [1,\n   {\"d\": 2}]},\n  \"e\": 1e2\n}";
        let outline = Outline::parse(text).expect("valid");
        assert_eq!(outline.value(), &json!({"a": {"b.c": [1, {"d": 2}]}, "e": 100.0}));
        for (path, place) in [
            ("", (1, 1)),
            ("a", (2, 3)),
            ("a.b.c", (2, 9)),
            ("a.b.c[0]", (2, 17)),
            ("a.b.c[1].d", (3, 5)),
            ("a.b.c[1].missing", (3, 4)),
            ("a.b.c[7]", (2, 9)),
            ("e", (4, 3)),
            ("nothing", (1, 1)),
        ] {
            assert_eq!(outline.place(path), place, "{path}");
        }
    }

    #[test]
    fn keys_that_stand_twice_are_told_and_the_last_counts() {
        let outline =
            Outline::parse("\u{feff}{\"a\": 1,\n\"a\": 2, \"l\": [{\"x\": 1, \"x\": 1.0}]}").expect("read");
        assert_eq!(outline.value(), &json!({"a": 2, "l": [{"x": 1.0}]}));
        let duplicate = |path: &str, place, is_same| Duplicate { path: path.to_owned(), place, is_same };
        assert_eq!(outline.duplicates(), [duplicate("a", (1, 2), false), duplicate("l.x", (2, 16), true)]);
        assert_eq!(outline.place("a"), (2, 1));
        assert!(Outline::parse("{\"a\": 1,}").is_err());
    }
}
