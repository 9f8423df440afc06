//! A profile's values, each with the place it was written at.

use serde_json::Value as Json;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::diagnostic::{Report, Spot};
use super::secret::Written;

/// A table in the order it was written (`toml`'s map, with `preserve_order`).
pub(super) type Table = toml::map::Map<String, Entry>;

/// A name and what stands under it.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    /// Where the name is.
    pub at: Spot,
    pub node: Node,
}

/// A value and where it is.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub at: Spot,
    pub value: Value,
}

/// What JSON can hold, without `null`; and texts that stand elsewhere.
#[derive(Debug, Clone)]
pub(super) enum Value {
    Text(String),
    Integer(i64),
    Float(f64),
    Bool(bool),
    List(Vec<Node>),
    Table(Table),
    Secret(Box<Written>),
}

impl Value {
    /// With its article, for "found …".
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Text(_) => "a string",
            Self::Integer(_) => "an integer",
            Self::Float(_) => "a number",
            Self::Bool(_) => "a boolean",
            Self::List(_) => "a list",
            Self::Table(_) => "a table",
            Self::Secret(_) => "a secret",
        }
    }

    pub fn to_json(&self) -> Json {
        match self {
            Self::Text(text) => Json::from(text.as_str()),
            Self::Integer(number) => Json::from(*number),
            Self::Float(number) => Json::from(*number),
            Self::Bool(value) => Json::from(*value),
            Self::List(nodes) => nodes.iter().map(Node::to_json).collect(),
            Self::Table(table) => {
                Json::Object(table.iter().map(|(k, e)| (k.clone(), e.node.to_json())).collect())
            }
            Self::Secret(written) => written.to_json(),
        }
    }
}

impl Node {
    pub fn to_json(&self) -> Json {
        self.value.to_json()
    }

    pub fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    pub fn table(&self) -> Option<&Table> {
        match &self.value {
            Value::Table(table) => Some(table),
            _ => None,
        }
    }

    pub fn table_mut(&mut self) -> Option<&mut Table> {
        match &mut self.value {
            Value::Table(table) => Some(table),
            _ => None,
        }
    }

    pub fn list(&self) -> Option<&[Node]> {
        match &self.value {
            Value::List(nodes) => Some(nodes),
            _ => None,
        }
    }

    /// A single value as a list of one.
    pub fn one_or_many(&self) -> &[Node] {
        self.list().unwrap_or(std::slice::from_ref(self))
    }
}

/// The table under `name`.
pub(super) fn table<'t>(tables: &'t Table, name: &str) -> Option<&'t Table> {
    tables.get(name).and_then(|entry| entry.node.table())
}

/// The string under `name`, with its place.
pub(super) fn text<'t>(table: &'t Table, name: &str) -> Option<(&'t str, Spot)> {
    table.get(name).and_then(|entry| entry.node.text().map(|text| (text, entry.node.at)))
}

/// Parses source number `source` of the report; every TOML error is reported. `None` if there was one.
pub(super) fn parse(source: u32, report: &mut Report) -> Option<Table> {
    let text = report.source(source)?.text.clone();
    let (table, errors) = DeTable::parse_recoverable(&text);
    for error in &errors {
        let range = error.span().unwrap_or_default();
        report.error(spot(source, range), format!("invalid TOML: {}", error.message()));
    }
    errors.is_empty().then(|| convert_table(table.into_inner(), source, report))
}

fn spot(source: u32, range: std::ops::Range<usize>) -> Spot {
    // Profiles are at most `PROFILE_BYTES_MAX` long, so the offsets fit.
    let offset = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
    Spot { source, start: offset(range.start), end: offset(range.end) }
}

fn convert_table(table: DeTable<'_>, source: u32, report: &mut Report) -> Table {
    let mut converted = Table::with_capacity(table.len());
    for (key, value) in table {
        let at = spot(source, key.span());
        if let Some(node) = convert(value, at, report) {
            converted.insert(key.into_inner().into_owned(), Entry { at, node });
        }
    }
    converted
}

/// The recursion is as deep as the parser's own, which stops at 80 levels.
fn convert(value: Spanned<DeValue<'_>>, key: Spot, report: &mut Report) -> Option<Node> {
    let at = match value.span() {
        // A table that only exists through its parts has no place but its name's.
        range if range.is_empty() => key,
        range => spot(key.source, range),
    };
    let value = match value.into_inner() {
        DeValue::String(text) => Value::Text(text.into_owned()),
        DeValue::Boolean(value) => Value::Bool(value),
        DeValue::Integer(number) => match i64::from_str_radix(number.as_str(), number.radix()) {
            Ok(number) => Value::Integer(number),
            Err(_) => return refuse(report, at, "an integer beyond 64 bits"),
        },
        DeValue::Float(number) => match number.as_str().parse() {
            Ok(number) if f64::is_finite(number) => Value::Float(number),
            _ => return refuse(report, at, "a number that JSON can't hold"),
        },
        DeValue::Datetime(_) => return refuse(report, at, "a date, which JSON has no type for"),
        DeValue::Array(items) => {
            Value::List(items.into_iter().filter_map(|item| convert(item, at, report)).collect())
        }
        DeValue::Table(table) => Value::Table(convert_table(table, key.source, report)),
    };
    Some(Node { at, value })
}

fn refuse(report: &mut Report, at: Spot, what: &str) -> Option<Node> {
    report.error(at, format!("this is {what}")).help("write it as a string, in quotes");
    None
}
