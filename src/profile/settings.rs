//! `[settings]`, `[defaults]` and `[unset]`: checked per file, rendered into entries of a document.

use std::collections::HashSet;

use super::check::{one_of, table_expected};
use super::client::{self, Kind};
use super::diagnostic::{Report, Spot, named};
use super::tree::{Entry, Node, Table, Value, table};
use super::{World, dotted, rules, secret, suggest};
use crate::model::{Declared, Key, Pointer, Want, key, limits, sets};

/// How far from a known setting an unknown one is still taken for a slip.
const SLIP_EDITS_MAX: usize = 2;

/// Checks `[settings]` or `[defaults]`; `false` if it can't be used at all.
pub(super) fn check(entry: &mut Entry, report: &mut Report) -> bool {
    if !table_expected(&"settings", entry, report) {
        return false;
    }
    let Some(table) = entry.node.table_mut() else { return false };
    refuse_raw(table, report);
    refuse_deep(table, report);
    for (name, entry) in table.iter() {
        if !client::settings().any(|known| known == name) {
            let near = suggest::within(name, client::settings(), SLIP_EDITS_MAX);
            if near.is_some() && name.len() > SLIP_EDITS_MAX {
                report
                    .warning(entry.at, format!("the client knows no setting {}", named(name)))
                    .suggest(near);
            }
        }
    }
    table.iter_mut().for_each(|(_, entry)| secret::take(&mut entry.node, report));
    check_table(table, &mut Vec::new(), report);
    true
}

/// What has a table of its own in a profile, and which.
pub(super) const RAW: [(&str, &str); 2] = [("hooks", "[hooks.NAME]"), ("mcpServers", "[mcp.NAME]")];

fn refuse_raw(table: &mut Table, report: &mut Report) {
    for (raw, instead) in RAW {
        if let Some(entry) = table.remove(raw) {
            report
                .error(entry.at, format!("`{raw}` is not written as a setting"))
                .help(format!("declare each one under {instead}: only so can `cs` own it and let it go"));
        }
    }
}

/// What the document could not hold.
fn refuse_deep(table: &mut Table, report: &mut Report) {
    table.retain(|name, entry| {
        let fits = depth(&entry.node) < limits::DOCUMENT_DEPTH_MAX;
        if !fits {
            report.error(entry.at, format!("{} is nested too deeply", named(name)));
        }
        fits
    });
}

fn depth(node: &Node) -> usize {
    let below = match &node.value {
        Value::List(items) => items.iter().map(depth).max(),
        Value::Table(table) => table.values().map(|entry| depth(&entry.node)).max(),
        _ => return 0,
    };
    1 + below.unwrap_or_default()
}

fn check_table(table: &mut Table, pointer: &mut Pointer, report: &mut Report) {
    let known = client::nested(pointer);
    for (name, entry) in table.iter_mut() {
        if let Some(known) = known.clone().filter(|known| known.clone().all(|known| known != name)) {
            remark(&pointer.join("."), name, known, entry.at, report);
        }
        pointer.push(name.clone());
        if let Some(kind) = client::kind(pointer) {
            check_kind(kind, pointer, &entry.node, report);
        }
        match &mut entry.node.value {
            Value::Table(inner) => check_table(inner, pointer, report),
            Value::List(items) if sets::is_set(pointer) => {
                if rules::are_at(pointer) {
                    check_rules(items, report);
                }
                check_set(items, pointer, report);
            }
            _ => {}
        }
        pointer.pop();
    }
}

/// Remarks on a name that the client does not know in `table`, where it looks like a slip.
fn remark(table: &str, name: &str, known: impl Iterator<Item = &'static str>, at: Spot, report: &mut Report) {
    let near = suggest::within(name, known, SLIP_EDITS_MAX).filter(|_| name.len() > SLIP_EDITS_MAX);
    if near.is_some() {
        report.warning(at, format!("the client knows no {} in `{table}`", named(name))).suggest(near);
    }
}

/// Permission rules that the client drops, so that they would drift for ever.
fn check_rules(items: &[Node], report: &mut Report) {
    for (node, rule) in items.iter().filter_map(|node| Some((node, node.text()?))) {
        let Some(slip) = rules::slip(rule) else { continue };
        let message = match rule.is_empty() {
            true => "Claude Code drops a permission rule that is empty".to_owned(),
            false => format!("Claude Code drops the permission rule {}: {}", named(rule), slip.why),
        };
        report.warning(node.at, message).suggest(slip.meant.as_deref());
    }
}

/// Types that would make the client drop the whole file.
fn check_kind(kind: Kind, pointer: &Pointer, node: &Node, report: &mut Report) {
    let path = key::dotted(pointer);
    let expected = match (kind, &node.value) {
        (Kind::Text, Value::Text(_) | Value::Secret(_))
        | (Kind::Bool, Value::Bool(_))
        | (Kind::Number, Value::Integer(_) | Value::Float(_))
        | (Kind::Table, Value::Table(_)) => return,
        (Kind::Texts, Value::List(items)) => return all_texts(&path, items.iter(), report),
        (Kind::TextTable, Value::Table(table)) => {
            return all_texts(&path, table.iter().map(|(_, entry)| &entry.node), report);
        }
        (Kind::OneOf(known), Value::Text(text)) => {
            one_of(&path, text, known, node.at, report);
            return;
        }
        (Kind::Text | Kind::OneOf(_), _) => "a string",
        (Kind::Bool, _) => "true or false",
        (Kind::Number, _) => "a number",
        (Kind::Table | Kind::TextTable, _) => "a table",
        (Kind::Texts, _) => "a list of strings",
    };
    report
        .error(node.at, format!("`{path}` must be {expected}, found {}", node.value.kind()))
        .help("with a wrong type here Claude Code ignores the whole settings file");
}

fn all_texts<'n>(path: &str, nodes: impl Iterator<Item = &'n Node>, report: &mut Report) {
    for node in nodes.filter(|node| !matches!(node.value, Value::Text(_) | Value::Secret(_))) {
        let finding =
            report.error(node.at, format!("`{path}` holds strings only, found {}", node.value.kind()));
        if matches!(node.value, Value::Integer(_) | Value::Float(_) | Value::Bool(_)) {
            finding.help(format!("write it as \"{}\"", node.to_json()));
        } else if matches!(node.value, Value::Table(_)) {
            finding.help(secret::help(node));
        }
    }
}

/// A set holds strings, each once.
fn check_set(items: &mut Vec<Node>, pointer: &Pointer, report: &mut Report) {
    let path = key::dotted(pointer);
    if client::kind(pointer).is_none() {
        all_texts(&path, items.iter(), report);
    }
    for node in items.iter().filter(|node| matches!(node.value, Value::Secret(_))) {
        report
            .error(node.at, format!("`{path}` is a set, and what is in it can't be a secret"))
            .help("cs tells the elements of a set by what they say: write it as it is");
    }
    let mut seen = HashSet::new();
    items.retain(|node| {
        let fresh = node.text().is_none_or(|text| seen.insert(text.to_owned()));
        if !fresh {
            report.warning(node.at, format!("`{path}` has this twice"));
        }
        fresh
    });
}

/// Checks `[unset]`, and brings its list form to the table form.
pub(super) fn check_unset(entry: &mut Entry, report: &mut Report) -> bool {
    let at = entry.node.at;
    if let Value::List(items) = &entry.node.value {
        let mut table = Table::new();
        for item in items {
            unset_key(item, &mut table, report);
        }
        entry.node = Node { at, value: Value::Table(table) };
    } else if !matches!(entry.node.value, Value::Table(_)) {
        let found = entry.node.value.kind();
        report.error(at, format!("`unset` must be a table or a list of keys, found {found}"));
        return false;
    }
    let Some(table) = entry.node.table_mut() else { return false };
    refuse_raw(table, report);
    check_unset_table(table, &mut Vec::new(), report);
    true
}

/// Puts the key that `item` names into `table`, with the item's place.
fn unset_key(item: &Node, table: &mut Table, report: &mut Report) {
    let Some(text) = item.text() else {
        report.error(item.at, format!("`unset` lists keys as strings, found {}", item.value.kind()));
        return;
    };
    let names = match dotted::key(text) {
        Ok(names) => names,
        Err(why) => {
            report.error(item.at, format!("{} is no dotted key: {why}", named(text)));
            return;
        }
    };
    let Some((last, parents)) = names.split_last() else { return };
    let mut inner = table;
    for name in parents {
        let empty = Entry { at: item.at, node: Node { at: item.at, value: Value::Table(Table::new()) } };
        let entry = inner.entry(name.as_str()).or_insert(empty);
        match &mut entry.node.value {
            Value::Table(next) => inner = next,
            // A parent is unset whole: that covers this key.
            _ => return,
        }
    }
    inner.insert(last.clone(), Entry { at: item.at, node: Node { at: item.at, value: Value::Bool(true) } });
}

fn check_unset_table(table: &mut Table, pointer: &mut Pointer, report: &mut Report) {
    for (name, entry) in table.iter_mut() {
        pointer.push(name.clone());
        let path = key::dotted(pointer);
        let set = sets::is_set(pointer);
        let at = entry.node.at;
        match &mut entry.node.value {
            Value::Table(inner) if !inner.is_empty() => check_unset_table(inner, pointer, report),
            Value::Bool(true) if !set => {}
            Value::List(items) if set => check_set(items, pointer, report),
            _ if set => {
                report
                    .error(at, format!("`{path}` is a set: its elements are taken out one by one"))
                    .help(format!("name them under [unset]: `{path} = [\"…\"]`"));
            }
            _ => {
                report.error(at, format!("`{path}` must be `true` to be taken out")).help("write `= true`");
            }
        }
        pointer.pop();
    }
}

/// The entries of a settings document, in the order they are declared.
pub(super) fn render(tables: &Table, world: &dyn World, report: &Report) -> Vec<Declared> {
    let mut declared = Vec::new();
    for (section, wish) in
        [("settings", Wish::Enforced), ("defaults", Wish::Default), ("unset", Wish::Absent)]
    {
        if let Some(table) = table(tables, section) {
            leaves(table, &mut Vec::new(), &mut |pointer, entry| {
                declare(wish, pointer, entry, (world, report), &mut declared);
            });
        }
    }
    declared
}

#[derive(Clone, Copy, PartialEq)]
enum Wish {
    Enforced,
    Default,
    Absent,
}

fn leaves(table: &Table, pointer: &mut Pointer, visit: &mut dyn FnMut(&Pointer, &Entry)) {
    for (name, entry) in table {
        pointer.push(name.clone());
        match &entry.node.value {
            Value::Table(inner) if !inner.is_empty() => leaves(inner, pointer, visit),
            _ => visit(pointer, entry),
        }
        pointer.pop();
    }
}

fn declare(
    wish: Wish,
    pointer: &Pointer,
    entry: &Entry,
    (world, report): (&dyn World, &Report),
    declared: &mut Vec<Declared>,
) {
    let origin = report.origin(entry.at);
    if let (true, Some(items)) = (wish != Wish::Default && sets::is_set(pointer), entry.node.list()) {
        declared.extend(items.iter().map(|item| {
            let value = item.to_json();
            let want = if wish == Wish::Absent { Want::Absent } else { Want::Enforced(value.clone()) };
            let key = Key::Element { list: pointer.clone(), value };
            Declared { key, want, origin: report.origin(item.at), secrets: Vec::new() }
        }));
        return;
    }
    let (value, secrets) = secret::render(&entry.node, world, report);
    let want = match wish {
        Wish::Enforced => Want::Enforced(value),
        Wish::Default => Want::Default(value),
        Wish::Absent => Want::Absent,
    };
    declared.push(Declared { key: Key::Value(pointer.clone()), want, origin, secrets });
}
