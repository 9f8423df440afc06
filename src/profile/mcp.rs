//! `[mcp.NAME]`: the MCP servers that Claude Code starts or connects to.

use serde_json::{Map, Value as Json, json};

use super::diagnostic::{Report, named};
use super::suggest;
use super::tree::{self, Entry, Node, Table, Value};
use crate::model::{Declared, Key, Want};

/// The client's fields of a server, in the order it writes them.
const FIELDS: [&str; 12] = [
    "type",
    "command",
    "args",
    "env",
    "url",
    "headers",
    "headersHelper",
    "oauth",
    "timeout",
    "alwaysLoad",
    "cwd",
    "disabled",
];

const TYPES: [&str; 4] = ["stdio", "http", "sse", "ws"];

/// Checks `[mcp]`; `false` if it can't be used at all.
pub(super) fn check(entry: &mut Entry, report: &mut Report) -> bool {
    let found = entry.node.value.kind();
    let at = entry.at;
    let Some(servers) = entry.node.table_mut() else {
        report.error(at, format!("`mcp` must be a table of servers, found {found}")).help("write [mcp.NAME]");
        return false;
    };
    servers.retain(|name, entry| server(name, entry, report));
    true
}

fn server(name: &str, entry: &Entry, report: &mut Report) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    if name.is_empty() || !name.chars().all(is_plain) {
        report
            .error(entry.at, format!("{} can't be a server's name", named(name)))
            .help("Claude Code takes letters, digits, `-` and `_`");
        return false;
    }
    let Some(table) = entry.node.table() else {
        report.error(entry.at, format!("[mcp.{name}] must be a table, found {}", entry.node.value.kind()));
        return false;
    };
    let mut is_sound = true;
    let mut wrong = |entry: &Entry, what: String| {
        report.error(entry.node.at, what);
        is_sound = false;
    };
    for (field, entry) in table {
        let expected = match field.as_str() {
            "command" | "url" | "cwd" | "headersHelper" => entry.node.text().is_none().then_some("a string"),
            "args" => (!texts(&entry.node)).then_some("a list of strings"),
            "env" | "headers" => (!text_table(&entry.node)).then_some("a table of strings"),
            "type" => entry
                .node
                .text()
                .is_none_or(|kind| !TYPES.contains(&kind))
                .then_some("one of stdio, http, sse, ws"),
            _ => None,
        };
        if let Some(expected) = expected {
            wrong(entry, format!("`mcp.{name}.{field}` must be {expected}"));
        }
    }
    if table.contains_key("command") == table.contains_key("url") {
        let what = if table.contains_key("url") {
            "both a `command` and a `url`"
        } else {
            "neither a `command` nor a `url`"
        };
        report
            .error(entry.at, format!("[mcp.{name}] has {what}"))
            .help("give it the `command` that starts it, or the `url` it is at");
        return false;
    }
    for (field, entry) in table.iter().filter(|(field, _)| !FIELDS.contains(&field.as_str())) {
        report
            .warning(entry.at, format!("Claude Code knows no {} of a server", named(field)))
            .suggest(suggest::nearest(field, FIELDS));
    }
    is_sound
}

fn texts(node: &Node) -> bool {
    node.list().is_some_and(|items| items.iter().all(|item| item.text().is_some()))
}

fn text_table(node: &Node) -> bool {
    node.table().is_some_and(|table| table.values().all(|entry| matches!(entry.node.value, Value::Text(_))))
}

/// An entry per server, in the order they are declared.
pub(super) fn render(tables: &Table, report: &Report) -> Vec<Declared> {
    let servers = tree::table(tables, "mcp").into_iter().flatten();
    servers
        .filter_map(|(name, entry)| {
            let key = Key::Value(vec!["mcpServers".to_owned(), name.clone()]);
            let want = Want::Enforced(json(entry.node.table()?));
            Some(Declared { key, want, origin: report.origin(entry.at) })
        })
        .collect()
}

/// In the client's order, whatever the order in the profile.
fn json(table: &Table) -> Json {
    let mut server = Map::new();
    // Without a type the client takes what has a URL for one that it has to start.
    if table.contains_key("url") && !table.contains_key("type") {
        server.insert("type".to_owned(), json!("http"));
    }
    for field in FIELDS {
        if let Some(entry) = table.get(field) {
            server.insert(field.to_owned(), entry.node.to_json());
        }
    }
    for (field, entry) in table.iter().filter(|(field, _)| !FIELDS.contains(&field.as_str())) {
        server.insert(field.clone(), entry.node.to_json());
    }
    Json::Object(server)
}
