//! Values that a profile does not say: `{ env = "NAME" }`, `{ file = "path" }`, `{ command = ["program", "argument"] }`.
//!
//! In `[settings]`, `[defaults]` and `[mcp]` a table is a secret exactly where one of these is in it, of
//! that type, and nothing else but `prefix` and `suffix`, which are texts. Any other table is the client's:
//! a status line with a `type` beside its `command`, a table that holds an `env` table.

use serde_json::{Value as Json, json};

use super::World;
use super::condition::expand;
use super::diagnostic::{Report, Spot};
use super::tree::{Node, Table, Value};
use crate::model::{Secret, Source};

/// A secret as it was written.
#[derive(Debug, Clone)]
pub(super) struct Written {
    source: From,
    prefix: String,
    suffix: String,
}

#[derive(Debug, Clone)]
enum From {
    Env(String),
    File(String),
    Command(Vec<String>),
}

/// The keys that name a source.
const SOURCES: [&str; 3] = ["env", "file", "command"];

/// How one is written, for messages.
const FORMS: &str = "a secret is written { env = \"NAME\" }, { file = \"path\" } or { command = [\"program\", \"argument\"] }, \
     if need be with a `prefix` and a `suffix`";

impl Written {
    fn nowhere() -> Self {
        Self { source: From::Env(String::new()), prefix: String::new(), suffix: String::new() }
    }

    /// The same as it stands in the profile: for comparing.
    pub fn to_json(&self) -> Json {
        let mut json = match &self.source {
            From::Env(name) => json!({ "env": name }),
            From::File(path) => json!({ "file": path }),
            From::Command(argv) => json!({ "command": argv }),
        };
        for (name, text) in [("prefix", &self.prefix), ("suffix", &self.suffix)] {
            if !text.is_empty() {
                json[name] = json!(text);
            }
        }
        json
    }
}

/// Turns every table at or below `node` that is a secret into one; reports those that can't be meant.
pub(super) fn take(node: &mut Node, report: &mut Report) {
    let at = node.at;
    match &mut node.value {
        Value::Table(table) => match read(table) {
            Reading::None => table.iter_mut().for_each(|(_, entry)| take(&mut entry.node, report)),
            Reading::Secret(_) if report.source(at.source).is_some_and(|source| source.tree.is_some()) => {
                report
                    .error(
                        at,
                        "a profile from a repository can't say where a secret of this machine is found",
                    )
                    .help("say it in a profile of your own that extends it");
                node.value = Value::Secret(Box::new(Written::nowhere()));
            }
            Reading::Secret(written) => node.value = Value::Secret(Box::new(written)),
            Reading::Slip(why) => {
                report.error(at, why).help(FORMS);
                // It was meant as one: nobody is to complain of a table.
                node.value = Value::Secret(Box::new(Written::nowhere()));
            }
        },
        Value::List(items) => items.iter_mut().for_each(|item| take(item, report)),
        _ => {}
    }
}

/// What to say of a table where a string is wanted.
pub(super) fn help(node: &Node) -> String {
    let command = node.table().and_then(|table| table.get("command")?.node.text());
    match command {
        Some(line) if !line.contains(['"', '\\']) => {
            let words: Vec<String> = line.split_whitespace().map(|word| format!("\"{word}\"")).collect();
            format!(
                "a secret's command is a list, since no shell runs it: {{ command = [{}] }}",
                words.join(", ")
            )
        }
        _ => FORMS.to_owned(),
    }
}

enum Reading {
    /// A table like any other.
    None,
    Secret(Written),
    /// Only a secret can be meant, and it is none.
    Slip(&'static str),
}

fn read(table: &Table) -> Reading {
    let sources: Vec<&str> = SOURCES.into_iter().filter(|name| table.contains_key(*name)).collect();
    let is_known = |name: &String| matches!(name.as_str(), "env" | "file" | "command" | "prefix" | "suffix");
    if sources.is_empty() || !table.keys().all(is_known) {
        return Reading::None;
    }
    let node = |name: &str| table.get(name).map(|entry| &entry.node);
    let text = |name: &str| node(name).and_then(Node::text).map(str::to_owned);
    let argv = || {
        let items = node("command")?.list()?;
        items.iter().map(|item| item.text().map(str::to_owned)).collect::<Option<Vec<String>>>()
    };
    let found = [text("env").map(From::Env), text("file").map(From::File), argv().map(From::Command)];
    let found: Vec<From> = found.into_iter().flatten().collect();
    let dress = ["prefix", "suffix"]
        .map(|name| if table.contains_key(name) { text(name) } else { Some(String::new()) });
    let [Some(prefix), Some(suffix)] = dress else { return Reading::None };
    if found.len() < sources.len() {
        return Reading::None;
    }
    let mut found = found.into_iter();
    match (found.next(), found.next()) {
        (Some(_), Some(_)) => Reading::Slip("a secret has one source, and this names several"),
        (Some(From::Env(name)), _) if name.is_empty() || name.contains(['=', '\0', '$']) => {
            Reading::Slip("no environment variable has such a name: it is written without `$` and `=`")
        }
        (Some(From::File(path)), _) if path.is_empty() => Reading::Slip("the secret's file has no name"),
        (Some(From::Command(argv)), _) if argv.first().is_none_or(String::is_empty) => {
            Reading::Slip("the secret's command names no program")
        }
        (Some(source), _) => Reading::Secret(Written { source, prefix, suffix }),
        (None, _) => Reading::None,
    }
}

/// Where the secrets at and below `node` are written.
pub(super) fn spots(node: &Node) -> Vec<Spot> {
    let mut spots = Vec::new();
    walk(node, &mut Vec::new(), &mut |_, node, _| spots.push(node.at));
    spots
}

/// The value with an empty text for each secret, and the secrets: paths are absolute from here on.
pub(super) fn render(node: &Node, world: &dyn World, report: &Report) -> (Json, Vec<Secret>) {
    let mut secrets = Vec::new();
    let value = walk(node, &mut Vec::new(), &mut |written, node, at| {
        let folder = report.source(node.at.source).and_then(|source| source.folder.as_deref());
        let absolute = |path: &str| expand(path, world, folder).display().to_string();
        let source = match &written.source {
            From::Env(name) => Source::Env(name.clone()),
            From::File(path) => Source::File(absolute(path)),
            From::Command(argv) => {
                let mut argv = argv.clone();
                if argv[0].starts_with("~/") {
                    argv[0] = absolute(&argv[0]);
                }
                let folder = folder.map(|folder| folder.display().to_string()).unwrap_or_default();
                Source::Command { argv, folder }
            }
        };
        let (prefix, suffix) = (written.prefix.clone(), written.suffix.clone());
        let origin = report.origin(node.at);
        secrets.push(Secret { at: at.to_vec(), source, prefix, suffix, origin, mark: None });
    });
    (value, secrets)
}

fn walk(node: &Node, at: &mut Vec<String>, visit: &mut dyn FnMut(&Written, &Node, &[String])) -> Json {
    let mut below = |name: String, node: &Node| {
        at.push(name);
        let value = walk(node, at, visit);
        at.pop();
        value
    };
    match &node.value {
        Value::Secret(written) => {
            visit(written, node, at);
            // Not `null`: of a value that is one nothing would be left in the ledger.
            Json::from("")
        }
        Value::List(items) => {
            items.iter().enumerate().map(|(index, item)| below(index.to_string(), item)).collect()
        }
        Value::Table(table) => {
            table.iter().map(|(name, entry)| (name.clone(), below(name.clone(), &entry.node))).collect()
        }
        _ => node.to_json(),
    }
}
