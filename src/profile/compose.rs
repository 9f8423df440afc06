//! Putting one layer of tables on another: scalars and names replace, lists add up, tables merge.

use std::collections::HashSet;

use super::conflict;
use super::tree::{Entry, Node, Table, Value};

/// Sections of named entries that say where their content comes from.
const NAMED: [&str; 7] = ["hooks", "agents", "commands", "skills", "rules", "output-styles", "files"];

/// An entry's content comes from one of these; `args` belongs to `command`.
const CONTENT: [&str; 5] = ["source", "text", "builtin", "command", "args"];

/// Puts `over` on `base`.
pub(super) fn merge(base: &mut Table, over: Table) {
    for (section, entry) in over {
        conflict::give_way(base, &section, &entry);
        match base.get_mut(&section) {
            Some(existing) if NAMED.contains(&section.as_str()) => named(existing, entry),
            Some(existing) => deep(existing, entry),
            None => {
                base.insert(section, entry);
            }
        }
    }
}

/// Later entries change earlier ones of the same name; where the content comes from is one decision.
fn named(base: &mut Entry, over: Entry) {
    let (Some(table), Value::Table(entries)) = (base.node.table_mut(), over.node.value) else { return };
    for (name, entry) in entries {
        let Some(existing) = table.get_mut(&name) else {
            table.insert(name, entry);
            continue;
        };
        let replaces = entry.node.table().is_some_and(|t| CONTENT.iter().any(|key| t.contains_key(*key)));
        if let (true, Some(inner)) = (replaces, existing.node.table_mut()) {
            inner.retain(|key, _| !CONTENT.contains(&key));
        }
        deep(existing, entry);
    }
}

fn deep(base: &mut Entry, over: Entry) {
    base.at = over.at;
    base.node.at = over.node.at;
    match (&mut base.node.value, over.node.value) {
        (Value::Table(table), Value::Table(entries)) => {
            for (name, entry) in entries {
                match table.get_mut(&name) {
                    Some(existing) => deep(existing, entry),
                    None => {
                        table.insert(name, entry);
                    }
                }
            }
        }
        (Value::List(items), Value::List(more)) => add_up(items, more),
        (value, later) => *value = later,
    }
}

/// Appends what is not there yet.
fn add_up(items: &mut Vec<Node>, more: Vec<Node>) {
    // As JSON text: nodes carry places, which are no part of their value.
    let have: HashSet<String> = items.iter().map(|node| node.to_json().to_string()).collect();
    items.extend(more.into_iter().filter(|node| !have.contains(&node.to_json().to_string())));
}

/// Takes out what a dotted path (and, in a list, an element) names; tables that are empty then go too.
/// Whether there was anything to take.
pub(super) fn take(tables: &mut Table, path: &[String], element: Option<&str>) -> bool {
    let Some((name, rest)) = path.split_first() else { return false };
    let Some(entry) = tables.get_mut(name) else { return false };
    let (taken, emptied) = match (&mut entry.node.value, rest, element) {
        (_, [], None) => (true, true),
        (Value::List(items), [], Some(element)) => {
            let before = items.len();
            items.retain(|node| !is_element(node, element));
            (items.len() < before, items.is_empty())
        }
        (Value::Table(inner), [_, ..], _) => {
            let taken = take(inner, rest, element);
            (taken, inner.is_empty())
        }
        _ => (false, false),
    };
    if taken && emptied {
        tables.remove(name);
    }
    taken
}

/// A string is named as it is, anything else as JSON.
fn is_element(node: &Node, element: &str) -> bool {
    match node.text() {
        Some(text) => text == element,
        None => serde_json::from_str(element).is_ok_and(|value: serde_json::Value| value == node.to_json()),
    }
}
