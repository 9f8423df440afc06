//! `[mcp.NAME]`: the MCP servers that Claude Code starts or connects to.

use super::diagnostic::{Report, named};
use super::grammar::SERVER;
use super::secret;
use super::suggest;
use super::tree::{self, Entry, Node, Table, Value};
use super::{World, diagnostic::Spot};
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
        secret::take(&mut entry.node, report);
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
    for field in idle(table) {
        let at = table[field].at;
        let (has, help) = match field {
            "headers" => (
                "a `command`",
                "headers go to a server that is at a `url`: one that is started takes `env` or `args`",
            ),
            "env" => (
                "a `url`",
                "nothing is started, so nothing has that environment; what a server at a `url` is told goes into `headers`",
            ),
            _ => (
                "a `url`",
                "nothing is started, so nothing gets arguments; what a server at a `url` is told goes into `headers`",
            ),
        };
        let message = format!("[mcp.{name}] has {has}, and `{field}` does nothing there");
        report.warning(at, message).help(help);
    }
    is_sound
}

/// Fields that Claude Code has no use for: what a program is started with, of a server that is not started; what
/// is sent to a URL, of one that has none.
fn idle(table: &Table) -> impl Iterator<Item = &'static str> {
    let fields: &[&str] = if table.contains_key("url") { &["args", "env"] } else { &["headers"] };
    fields.iter().copied().filter(|field| table.contains_key(*field))
}

/// An entry per server, in the order they are declared.
pub(super) fn render(tables: &Table, world: &dyn World, report: &Report) -> Vec<Declared> {
    let servers = tree::table(tables, "mcp").into_iter().flatten();
    servers
        .filter_map(|(name, entry)| {
            let key = Key::Value(vec!["mcpServers".to_owned(), name.clone()]);
            let server = ordered(entry.at, entry.node.table()?);
            let (value, secrets) = secret::render(&server, world, report);
            Some(Declared { key, want: Want::Enforced(value), origin: report.origin(entry.at), secrets })
        })
        .collect()
}

/// In the client's order, whatever the order in the profile.
fn ordered(at: Spot, table: &Table) -> Node {
    let mut server = Table::new();
    // Without a type the client takes what has a URL for one that it has to start.
    if table.contains_key("url") && !table.contains_key("type") {
        let node = Node { at, value: Value::Text("http".to_owned()) };
        server.insert("type".to_owned(), Entry { at, node });
    }
    let known = |name: &str| SERVER.iter().any(|field| field.name == name);
    let named = SERVER.iter().filter_map(|field| Some((field.name, table.get(field.name)?)));
    let others = table.iter().filter(|(name, _)| !known(name)).map(|(name, entry)| (name.as_str(), entry));
    for (name, entry) in named.chain(others) {
        server.insert(name.to_owned(), entry.clone());
    }
    Node { at, value: Value::Table(server) }
}

/// A project's servers stand in a file that is committed.
pub(super) fn refuse_secrets(tables: &Table, report: &mut Report) {
    let servers = tree::table(tables, "mcp").into_iter().flatten();
    let spots: Vec<Spot> = servers.flat_map(|(_, entry)| secret::spots(&entry.node)).collect();
    for at in spots {
        report.error(at, "a secret can't go into a project's .mcp.json: that file is committed").help(
            "write \"${NAME}\": Claude Code puts in the variable of its environment; or declare the server in a \
             profile of your own, not the project's",
        );
    }
}
