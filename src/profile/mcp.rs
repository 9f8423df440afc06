//! `[mcp.NAME]`: the MCP servers that Claude Code starts or connects to.

use serde_json::{Map, Value as Json, json};

use super::diagnostic::{Report, named};
use super::grammar::SERVER;
use super::suggest;
use super::tree::{self, Entry, Table};
use crate::model::{Declared, Key, Want};

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

fn server(name: &str, entry: &mut Entry, report: &mut Report) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    if name.is_empty() || !name.chars().all(is_plain) {
        report
            .error(entry.at, format!("{} can't be a server's name", named(name)))
            .help("Claude Code takes letters, digits, `-` and `_`");
        return false;
    }
    let (at, found) = (entry.at, entry.node.value.kind());
    let Some(table) = entry.node.table_mut() else {
        report.error(at, format!("[mcp.{name}] must be a table, found {found}"));
        return false;
    };
    let mut is_sound = true;
    for (field, entry) in table.iter_mut() {
        match SERVER.iter().find(|known| known.name == field) {
            Some(known) => {
                let path = format!("mcp.{name}.{field}");
                is_sound &= super::check::value(&path, &mut entry.node, &known.shape, report);
            }
            None => {
                let near = suggest::nearest(field, SERVER.iter().map(|field| field.name));
                report
                    .warning(entry.at, format!("Claude Code knows no {} of a server", named(field)))
                    .suggest(near);
            }
        }
    }
    if table.contains_key("command") == table.contains_key("url") {
        let what = if table.contains_key("url") {
            "both a `command` and a `url`"
        } else {
            "neither a `command` nor a `url`"
        };
        report
            .error(at, format!("[mcp.{name}] has {what}"))
            .help("give it the `command` that starts it, or the `url` it is at");
        return false;
    }
    is_sound
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
    let known = |name: &str| SERVER.iter().any(|field| field.name == name);
    let named = SERVER.iter().filter_map(|field| Some((field.name, table.get(field.name)?)));
    let others = table.iter().filter(|(name, _)| !known(name)).map(|(name, entry)| (name.as_str(), entry));
    for (name, entry) in named.chain(others) {
        server.insert(name.to_owned(), entry.node.to_json());
    }
    Json::Object(server)
}
