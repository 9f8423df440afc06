//! Whether a file keeps to the [`grammar`](super::grammar).
//!
//! Checked per file and before anything is composed, also where a condition does not hold, so
//! that a slip meant for another machine is found on this one.

use std::fmt::{self, Display};

use super::client::EVENTS;
use super::diagnostic::{Diagnostic, Report, Spot, named};
use super::grammar::{BUNDLED_AGENTS, Field, SECTIONS, Shape, TOP};
use super::tree::{self, Entry, Node, Table, Value};
use super::{client, conflict, names, remote, settings, suggest};
use crate::model::key::dotted;

/// Checks one layer of a file: its unconditional tables (`top`), or those under one condition.
/// What is unknown is reported and taken out, so that it is not stumbled over again.
pub(super) fn layer(tables: &mut Table, top: bool, report: &mut Report) {
    let found: Vec<String> = tables.keys().cloned().collect();
    for name in found {
        let known = TOP.iter().filter(|_| top).chain(SECTIONS).find(|field| field.name == name);
        let Some(entry) = tables.get_mut(&name) else { continue };
        let keep = match known {
            Some(field) => section(field, entry, report),
            None => unknown_section(&name, entry, top, report),
        };
        if !keep {
            tables.remove(&name);
        }
    }
    conflict::within(tables, report);
}

fn section(field: &Field, entry: &mut Entry, report: &mut Report) -> bool {
    match field.shape {
        Shape::Settings => settings::check(entry, report),
        Shape::Unset => settings::check_unset(entry, report),
        Shape::Conditions => table_expected(&field.name, entry, report),
        Shape::Servers(_) => super::mcp::check(entry, report),
        _ => {
            if let (Shape::Named(_), Some(table)) = (&field.shape, entry.node.table_mut()) {
                table_names(field.name, table, report);
            }
            if field.name == "thresholds" {
                threshold_agents(entry, report);
            }
            value(&field.name, &mut entry.node, &field.shape, report)
                && (field.name != "mesh" || mesh_places(entry, report))
        }
    }
}

fn table_names(section: &str, table: &mut Table, report: &mut Report) {
    let found: Vec<String> = table.keys().cloned().collect();
    for name in found {
        let Some(entry) = table.get(&name) else { continue };
        if let Err(refusal) = names::path(section, &name) {
            report
                .error(entry.at, format!("{} can't be a name in [{section}]: {}", named(&name), refusal.why))
                .help = refusal.help;
            table.remove(&name);
        }
    }
}

/// What ssh and git are given is a host and a repository, and never an option, a program or a login.
fn mesh_places(entry: &Entry, report: &mut Report) -> bool {
    let mut all_are = true;
    let Some(mesh) = entry.node.table() else { return false };
    for name in ["git", "ssh"] {
        for node in mesh.get(name).into_iter().flat_map(|entry| entry.node.one_or_many()) {
            let Value::Text(text) = &node.value else { continue };
            let checked =
                if name == "git" { remote::check_repository(text) } else { remote::check_host(text) };
            if let Err(misnamed) = checked {
                let message = format!("`mesh.{name}`: {}", misnamed.why);
                report.error(node.at, message).help(misnamed.help);
                all_are = false;
            }
        }
    }
    all_are
}

/// The hooks suggest the agents that ship with `cs`, and know of no others: a threshold of one of those is never
/// looked at.
fn threshold_agents(entry: &Entry, report: &mut Report) {
    let agents = entry.node.table().and_then(|table| tree::table(table, "agents"));
    for (name, entry) in
        agents.into_iter().flatten().filter(|(name, _)| !BUNDLED_AGENTS.contains(&name.as_str()))
    {
        let finding =
            report.warning(entry.at, format!("no agent that ships with cs is named {}", named(name)));
        match suggest::nearest(name, BUNDLED_AGENTS) {
            None => finding.help("only these are suggested, so nothing ever looks at it"),
            near => finding.suggest(near),
        };
    }
}

fn unknown_section(name: &str, entry: &Entry, top: bool, report: &mut Report) -> bool {
    let shown = named(name);
    if !top && TOP.iter().any(|field| field.name == name) {
        report
            .error(entry.at, format!("{shown} can't depend on a condition"))
            .help("it belongs at the top of the file");
        return false;
    }
    let known = SECTIONS.iter().chain(TOP.iter().filter(|_| top)).map(|field| field.name);
    let near = suggest::nearest(name, known);
    let finding = report.error(entry.at, format!("unknown key {shown}"));
    if near.is_none() && client::settings().any(|setting| setting == name) {
        finding.help(format!("{shown} is one of the client's settings: it belongs under [settings]"));
    } else {
        finding.suggest(near);
    }
    false
}

/// Whether `node` has the shape; if not, that is reported.
pub(super) fn value(path: &dyn Display, node: &mut Node, shape: &Shape, report: &mut Report) -> bool {
    let at = node.at;
    match (shape, &mut node.value) {
        (Shape::Settings | Shape::Unset | Shape::Conditions | Shape::Servers(_) | Shape::Free, _) => true,
        (Shape::TextTable, Value::Table(table)) => {
            let is_text = |node: &Node| matches!(node.value, Value::Text(_) | Value::Secret(_));
            let odd = table.iter().find(|(_, entry)| !is_text(&entry.node));
            if let Some((name, entry)) = odd {
                let found = entry.node.value.kind();
                let message = format!("`{path}.{name}` must be a string, found {found}");
                let finding = report.error(entry.node.at, message);
                if matches!(entry.node.value, Value::Table(_)) {
                    finding.help(super::secret::help(&entry.node));
                }
            }
            odd.is_none()
        }
        (Shape::Bool, Value::Bool(_)) => true,
        (Shape::AnyText | Shape::Matcher, Value::Text(_)) => true,
        (Shape::Secret, Value::Secret(_)) => true,
        (Shape::Text | Shape::Secret, Value::Text(text)) => not_empty(path, text, at, report),
        (Shape::Secrets, Value::List(items)) => each(path, items, &Shape::Secret, report),
        (Shape::OneOf(known), Value::Text(text)) => one_of(path, text, known, at, report),
        (Shape::Integer(least, most), Value::Integer(number)) => {
            within(path, (*least..=*most).contains(number), &range(*least, *most), at, report)
        }
        (Shape::Positive, number @ (Value::Integer(_) | Value::Float(_))) => {
            within(path, as_number(number) > 0.0, "greater than 0", at, report)
        }
        (Shape::Number, number @ (Value::Integer(_) | Value::Float(_))) => {
            within(path, as_number(number) >= 0.0, "at least 0", at, report)
        }
        (Shape::Texts | Shape::Profiles, Value::List(items)) => each(path, items, &Shape::Text, report),
        (Shape::Events, Value::List(items)) => each(path, items, &Shape::OneOf(&EVENTS), report),
        (Shape::Events, Value::Text(text)) => one_of(path, text, &EVENTS, at, report),
        (Shape::Table(fields), Value::Table(table)) => {
            closed(path, table, fields, report);
            true
        }
        (Shape::Named(fields), Value::Table(table)) => {
            entries(path, table, fields, report);
            true
        }
        (shape, found) => {
            let finding =
                report.error(at, format!("`{path}` must be {}, found {}", expected(shape), found.kind()));
            if let (Shape::Matcher, Value::List(_)) = (shape, &found) {
                finding.help("several tools are one string: \"Edit|Write\"");
            } else if let (Shape::Secret, Value::Table(_)) = (shape, &found) {
                finding.help(super::secret::help(&Node { at, value: found.clone() }));
            } else if let (Shape::Texts | Shape::Secrets | Shape::Profiles, Value::Text(_)) = (shape, &found)
            {
                finding.help("a single one is written in brackets, too");
            }
            false
        }
    }
}

fn each(path: &dyn Display, items: &mut [Node], shape: &Shape, report: &mut Report) -> bool {
    // Every item is looked at, also after a bad one.
    let mut good = true;
    for item in items {
        good &= value(path, item, shape, report);
    }
    good
}

/// Unknown keys are taken out; values of a wrong type stay, so that nobody takes them for missing.
fn closed(path: &dyn Display, table: &mut Table, fields: &'static [Field], report: &mut Report) {
    table.retain(|name, entry| match fields.iter().find(|field| field.name == name) {
        Some(field) => {
            value(&format_args!("{path}.{name}"), &mut entry.node, &field.shape, report);
            true
        }
        None => {
            unknown_key(path, name, entry.at, fields, report);
            false
        }
    });
}

/// The names under a section.
fn entries(path: &dyn Display, table: &mut Table, fields: &'static [Field], report: &mut Report) {
    table.retain(|name, entry| {
        // Written out only for those that something is wrong with.
        let name = fmt::from_fn(|f| f.write_str(&dotted(&[name.to_owned()])));
        let path = fmt::from_fn(|f| write!(f, "{path}.{name}"));
        match entry.node.table_mut() {
            Some(inner) => {
                closed(&path, inner, fields, report);
                true
            }
            None => table_expected(&path, entry, report),
        }
    });
}

fn unknown_key(path: &dyn Display, name: &str, at: Spot, fields: &'static [Field], report: &mut Report) {
    let near = suggest::nearest(name, fields.iter().map(|field| field.name));
    let finding = report.error(at, format!("unknown key {} in [{path}]", named(name)));
    match near {
        Some(_) => finding.suggest(near),
        None => finding.help(format!("it takes {}", suggest::listed(fields.iter().map(|field| field.name)))),
    };
}

/// Reports an entry that is no table, and whether it is one.
pub(super) fn table_expected(path: &dyn Display, entry: &Entry, report: &mut Report) -> bool {
    let found = &entry.node.value;
    if !matches!(found, Value::Table(_)) {
        report.error(entry.node.at, format!("`{path}` must be a table, found {}", found.kind()));
        return false;
    }
    true
}

fn not_empty(path: &dyn Display, text: &str, at: Spot, report: &mut Report) -> bool {
    if text.is_empty() {
        report.error(at, format!("`{path}` is empty"));
    }
    !text.is_empty()
}

/// Whether `text` is one of `known`.
pub(super) fn one_of(
    path: &dyn Display,
    text: &str,
    known: &[&'static str],
    at: Spot,
    report: &mut Report,
) -> bool {
    if known.contains(&text) {
        return true;
    }
    let near = suggest::nearest(text, known.iter().copied());
    let finding: &mut Diagnostic = report.error(at, format!("`{path}` can't be {}", named(text)));
    match near {
        Some(_) => finding.suggest(near),
        None if known.len() > 12 => finding.help("the client fires no such event"),
        None => finding.help(format!("it is {}", suggest::listed(known.iter().copied()))),
    };
    false
}

fn within(path: &dyn Display, holds: bool, range: &str, at: Spot, report: &mut Report) -> bool {
    if !holds {
        report.error(at, format!("`{path}` must be {range}"));
    }
    holds
}

fn range(least: i64, most: i64) -> String {
    if most == i64::MAX { format!("at least {least}") } else { format!("from {least} to {most}") }
}

#[expect(clippy::cast_precision_loss, reason = "only compared with 0")]
fn as_number(value: &Value) -> f64 {
    match value {
        Value::Integer(number) => *number as f64,
        Value::Float(number) => *number,
        _ => f64::NAN,
    }
}

fn expected(shape: &Shape) -> &'static str {
    match shape {
        Shape::Text | Shape::AnyText | Shape::Matcher | Shape::Secret | Shape::OneOf(_) => "a string",
        Shape::Bool => "true or false",
        Shape::Integer(..) => "an integer",
        Shape::Number | Shape::Positive => "a number",
        Shape::Texts | Shape::Profiles | Shape::Secrets => "a list of strings",
        Shape::Events => "an event or a list of events",
        Shape::Table(_)
        | Shape::Named(_)
        | Shape::Settings
        | Shape::Conditions
        | Shape::Servers(_)
        | Shape::Free => "a table",
        Shape::TextTable => "a table of strings",
        Shape::Unset => "a table or a list of keys",
    }
}
