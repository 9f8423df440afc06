//! `runtime.json`: all that a hook, or `cs mesh`, reads of the profile. Only what was declared, in one order.

use std::collections::BTreeSet;

use serde_json::{Map, Value as Json, json};

use super::grammar::{self, BUNDLED_AGENTS, Field, Shape};
use super::tree::{Node, Table, Value};

/// The format of `runtime.json`.
const FORMAT: u32 = 1;

/// Renders `[guard]`, `[thresholds]`, `[learning]` and `[mesh]`.
pub(super) fn render(tables: &Table) -> Json {
    let mut runtime = Map::new();
    runtime.insert("format".to_owned(), json!(FORMAT));
    let sections = [
        ("guard", grammar::GUARD),
        ("thresholds", grammar::THRESHOLDS),
        ("learning", grammar::LEARNING),
        ("mesh", grammar::MESH),
    ];
    for (name, fields) in sections {
        if let Some(section) = super::tree::table(tables, name) {
            insert(&mut runtime, name, closed(section, fields));
        }
    }
    Json::Object(runtime)
}

/// Adds which of the agents that ship with `cs` are installed, by the names of all that are: of one that nobody can
/// ask nothing is said.
pub(super) fn name_agents(runtime: &mut Json, installed: &BTreeSet<String>) {
    let own: Vec<&str> = BUNDLED_AGENTS.into_iter().filter(|name| installed.contains(*name)).collect();
    if !own.is_empty() {
        runtime["agents"] = json!(own);
    }
}

/// Empty tables say nothing.
fn insert(object: &mut Map<String, Json>, name: &str, value: Json) {
    if value.as_object().is_none_or(|inner| !inner.is_empty()) {
        object.insert(name.to_owned(), value);
    }
}

/// In the order of the grammar, so that the order in the profile changes nothing.
fn closed(table: &Table, fields: &[Field]) -> Json {
    let mut object = Map::new();
    for field in fields {
        if let Some(entry) = table.get(field.name) {
            insert(&mut object, field.name, value(&entry.node, &field.shape));
        }
    }
    Json::Object(object)
}

fn value(node: &Node, shape: &Shape) -> Json {
    match (shape, &node.value) {
        (Shape::Table(fields), Value::Table(table)) => closed(table, fields),
        (Shape::Named(fields), Value::Table(table)) => names(table, fields),
        (Shape::Number | Shape::Positive, Value::Integer(number)) => number_json(*number),
        _ => node.to_json(),
    }
}

fn names(table: &Table, fields: &[Field]) -> Json {
    let mut names: Vec<&String> = table.keys().collect();
    names.sort();
    let mut object = Map::new();
    for name in names {
        if let Some(inner) = table.get(name).and_then(|entry| entry.node.table()) {
            insert(&mut object, name, closed(inner, fields));
        }
    }
    Json::Object(object)
}

/// A weight of `2` and one of `2.0` are the same weight.
#[expect(clippy::cast_precision_loss, reason = "a weight beyond 2^53 is none")]
fn number_json(number: i64) -> Json {
    json!(number as f64)
}
