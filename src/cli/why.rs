//! `cs why KEY`: who owns an entry, since when, and where it is declared.

use serde_json::{Value, json};

use super::args::WhyArgs;
use super::engine::Context;
use super::error::{CliError, exit, refused};
use super::secrets::told;
use crate::document::hooks::meaning;
use crate::document::merge::name_of;
use crate::model::key::dotted;
use crate::model::{DocumentId, Generation, How, Key, ManagedPath, Origin, Row, Secret, TreeHow};
use crate::root::{Side, Store};
use crate::sys::fs;

/// Runs it.
///
/// # Errors
/// When nothing of that name is owned or there.
pub fn run(context: &Context, args: &WhyArgs) -> Result<u8, CliError> {
    let args = &spelled_out(args);
    let store = context.store()?;
    let Some(side) = store.current_side()? else {
        return Err(refused(
            "nothing was applied here, so cs owns nothing",
            "See what a first profile would do: cs plan --profile builtin:default. Or make one of what is there: cs init DIR.",
        ));
    };
    let mut answers = Vec::new();
    let spelled = crate::profile::path_of(&args.key);
    paths(&store, &side, spelled.as_ref().map_or(&args.key, |path| path.as_str()), &mut answers);
    entries(context, &store, &side, args, spelled.as_ref(), &mut answers);
    if answers.is_empty() {
        answers
            .extend(foreign(context, &store, args).or_else(|| undeclared(context, args, spelled.as_ref())));
    }
    if answers.is_empty() {
        let name = args.value.as_ref().map_or(args.key.clone(), |value| format!("{} {value}", args.key));
        let known = known(&side);
        let near = match args.value {
            Some(_) => None,
            None => crate::profile::judge::meant(&args.key, known.iter().map(String::as_str)),
        };
        let hint = match (near, &args.value) {
            (Some(near), _) => format!("Did you mean {near}?"),
            (None, Some(_)) => format!(
                "`cs why {}` without a value lists what cs owns there; `cs plan --explain` lists all.",
                args.key
            ),
            (None, None) => "`cs plan --explain` lists all that is declared.".to_owned(),
        };
        return Err(refused(format!("there is no {name}, neither cs's nor yours"), hint));
    }
    for (text, _) in &answers {
        context.out.line(text);
    }
    let values: Vec<&Value> = answers.iter().map(|(_, value)| value).collect();
    context.out.object(&json!({"version": 1, "entries": values}));
    Ok(exit::DONE)
}

/// What is asked for, from any spelling that our own output has: `settings.json  permissions.allow  Bash(ls:*)` as
/// well as `permissions.allow 'Bash(ls:*)'`, and the profile's `settings.model`.
fn spelled_out(args: &WhyArgs) -> WhyArgs {
    let mut key = args.key.trim();
    for id in DocumentId::ALL {
        key = key.strip_prefix(id.name()).and_then(|rest| rest.strip_prefix("  ")).unwrap_or(key);
    }
    let (mut key, value) = match (key.split_once("  "), &args.value) {
        (Some((key, value)), None) => (key, Some(value.trim().to_owned())),
        (_, value) => (key, value.clone()),
    };
    for table in ["settings.", "defaults.", "unset."] {
        key = key.strip_prefix(table).filter(|rest| !rest.is_empty()).unwrap_or(key);
    }
    WhyArgs { key: key.to_owned(), value }
}

/// Every name under which something of ours can be asked for.
fn known(side: &Side) -> Vec<String> {
    let rows = side.ledger.documents.values().flat_map(|own| &own.rows);
    let mut known: Vec<String> = rows
        .map(|row| match &row.key {
            Key::Value(pointer) => match pointer.as_slice() {
                [first, name] if first == SERVERS => format!("mcp.{name}"),
                _ => dotted(pointer),
            },
            key => dotted(&key.pointer()),
        })
        .collect();
    known.extend(side.ledger.tree.keys().map(ToString::to_string));
    known.extend(side.manifest.state.installs.keys().filter_map(|path| {
        let (folder, name) = path.as_str().split_once('/')?;
        Some(format!("{folder}.{}", name.strip_suffix(".md").unwrap_or(name)))
    }));
    known.sort();
    known.dedup();
    known
}

/// Where servers stand in their document.
const SERVERS: &str = "mcpServers";

type Answer = (String, Value);

fn paths(store: &Store, side: &Side, key: &str, answers: &mut Vec<Answer>) {
    for (path, row) in &side.ledger.tree {
        let is_it =
            path.as_str() == key || key.strip_prefix(path.as_str()).is_some_and(|rest| rest.starts_with('/'));
        if !is_it {
            continue;
        }
        let since = since(store, side, |other| {
            other.ledger.tree.get(path).is_some_and(|own| own.digest == row.digest)
        });
        let origin = side.manifest.state.installs.get(path).map(|install| &install.origin);
        let how = match &row.how {
            TreeHow::Added => "added by cs".to_owned(),
            TreeHow::MovedAside(name) => {
                format!("put there by cs; what was there is in claude-sync/displaced/{name}")
            }
            TreeHow::Adopted(_) => "yours, taken over by cs".to_owned(),
        };
        let text = format!("{path}   {how} in generation {since}{}", declared(origin));
        answers.push((text, json!({"path": path, "how": how, "since": since, "declared": origin})));
    }
}

/// The entries that are meant: by their own name, by the profile's, or because they run the file that is.
fn entries(
    context: &Context,
    store: &Store,
    side: &Side,
    args: &WhyArgs,
    spelled: Option<&ManagedPath>,
    answers: &mut Vec<Answer>,
) {
    let home = context.root.home_text();
    let file = spelled.map(|path| format!("{}/{path}", context.root.text()));
    let runs_it = |key: &Key| match (key, &file) {
        (Key::Hook(id), Some(file)) => args.value.is_none() && meaning(&id.command, home.as_deref()) == *file,
        _ => false,
    };
    let hook = crate::profile::hook_of(&args.key);
    for (id, ledger) in &side.ledger.documents {
        let declared_at = side.manifest.state.documents.get(id).into_iter().flatten();
        for row in &ledger.rows {
            let name = name_of(&row.key, home.as_deref());
            let declared =
                declared_at.clone().find(|declared| name_of(&declared.key, home.as_deref()) == name);
            let origin = declared.map(|declared| &declared.origin);
            let secrets = declared.map_or(&[][..], |declared| &declared.secrets);
            let is_called_so = hook.is_some()
                && origin.is_some_and(|origin| origin.hook == hook)
                && is_value(&row.key, args, home.as_deref());
            if !is_called_so && !is_meant(&row.key, args, home.as_deref()) && !runs_it(&row.key) {
                continue;
            }
            let own = |other: &Side| {
                let rows = other.ledger.documents.get(id).map(|own| own.rows.as_slice()).unwrap_or_default();
                rows.iter().any(|own| {
                    name_of(&own.key, home.as_deref()) == name
                        && own.wrote == row.wrote
                        && own.secrets == row.secrets
                })
            };
            let since = since(store, side, own);
            let text = format!("{}   {}{}", row.key, story(row, since, origin), sources(context, secrets));
            let how = how(row);
            answers.push((
                text,
                json!({"document": id, "entry": row.key.to_string(), "how": how, "since": since, "declared": origin,
                       "secrets": secrets.iter().map(|own| told(&own.source, context.home())).collect::<Vec<_>>()}),
            ));
        }
    }
}

/// How cs came to it, in a word for programs.
fn how(row: &Row) -> &'static str {
    match row.how {
        How::Added => "added",
        How::Replaced(_) => "replaced",
        How::Coincident => "coincident",
        How::Adopted => "adopted",
        How::Released => "released",
    }
}

/// How cs came to it, since when, and where it is declared.
fn story(row: &Row, since: Generation, origin: Option<&Origin>) -> String {
    let at = declared(origin);
    match (&row.how, &row.wrote) {
        (How::Added, Some(_)) if row.default => format!("added by cs as a default in generation {since}{at}"),
        (How::Added, Some(_)) => format!("added by cs in generation {since}{at}"),
        (How::Replaced(before), Some(_)) => {
            let value = serde_json::from_str(&before.text).unwrap_or(Value::Null);
            let taken = before.taken;
            let is_hidden = before.sealed.is_some() || !row.secrets.is_empty();
            let before = match is_hidden {
                true => "value, a secret".to_owned(),
                false => crate::plan::secrets::shown(&dotted(&row.key.pointer()), &value, false),
            };
            let when = if taken { " when you let go of cs" } else { "" };
            format!("set by cs in generation {since} over your {before}, which comes back{when}{at}")
        }
        (How::Replaced(_), None) => {
            format!("kept absent by cs since generation {since}; your value comes back{at}")
        }
        (How::Coincident, Some(_)) => format!("yours: it was there already, and stays{at}"),
        (_, None) => format!("kept absent by cs since generation {since}{at}"),
        (How::Adopted, _) => format!("yours, taken over by cs in generation {since}{at}"),
        (How::Released, _) => format!("yours: cs's default that you changed{at}"),
    }
}

/// Where the secrets in an entry come from.
fn sources(context: &Context, secrets: &[Secret]) -> String {
    let mut sources: Vec<String> = secrets.iter().map(|own| told(&own.source, context.home())).collect();
    sources.dedup();
    if sources.is_empty() { String::new() } else { format!("; a secret, from {}", sources.join(" and ")) }
}

fn declared(origin: Option<&Origin>) -> String {
    origin.map(|origin| format!(", declared in {origin}")).unwrap_or_default()
}

/// The oldest generation in an unbroken line to the current one that has the same.
fn since(store: &Store, side: &Side, has: impl Fn(&Side) -> bool) -> Generation {
    let mut since = side.manifest.generation;
    let mut parent = side.manifest.parent;
    while let Some(number) = parent {
        match store.side(number) {
            Ok(older) if has(&older) => {
                since = number;
                parent = older.manifest.parent;
            }
            _ => break,
        }
    }
    since
}

fn is_meant(key: &Key, args: &WhyArgs, home: Option<&str>) -> bool {
    let at = dotted(&key.pointer());
    let is_there = at == args.key
        || at.starts_with(&format!("{}.", args.key))
        || spelled_bare(&key.pointer()).starts_with(&format!("{}.", args.key))
        || pointers(&args.key).iter().any(|asked| key.pointer().starts_with(asked));
    is_there && is_value(key, args, home)
}

/// Without quotes, as it may be typed, and with a dot at its end.
fn spelled_bare(pointer: &[String]) -> String {
    pointer.join(".") + "."
}

/// Where a key may be meant to lead: `mcp.NAME` is a server, and `hooks.Stop, PreToolUse` are two events.
fn pointers(key: &str) -> Vec<Vec<String>> {
    if let Some(name) = crate::profile::server_of(key) {
        return vec![vec![SERVERS.to_owned(), name]];
    }
    match key.strip_prefix("hooks.").filter(|events| events.contains(", ")) {
        Some(events) => events.split(", ").map(|event| vec!["hooks".to_owned(), event.to_owned()]).collect(),
        None => vec![crate::profile::names_in(key)],
    }
}

/// Whether it has the value that was asked for, if one was.
fn is_value(key: &Key, args: &WhyArgs, home: Option<&str>) -> bool {
    match (&args.value, key) {
        (None, _) => true,
        (Some(value), Key::Element { value: own, .. }) => {
            own.as_str() == Some(value) || own.to_string() == *value
        }
        (Some(value), Key::Hook(id)) => {
            let command = match value.split_once(" → ") {
                Some((matcher, command)) if matcher == id.matcher => command,
                _ => value,
            };
            meaning(&id.command, home) == meaning(command, home) || id.matcher == *value
        }
        (Some(_), Key::Value(_)) => false,
    }
}

/// An entry that is there and not ours.
fn foreign(context: &Context, store: &Store, args: &WhyArgs) -> Option<Answer> {
    let target = context.target();
    let ids = [target.settings_document, target.hooks_document, target.servers_document];
    ids.into_iter().find_map(|id| {
        let document = crate::root::observe::observe_document(store, id).ok()?;
        let value: Value = serde_json::from_str(document.text?.trim_start_matches('\u{feff}')).ok()?;
        pointers(&args.key).iter().find_map(|pointer| foreign_in(id, &value, pointer, args))
    })
}

/// A file or folder that is there and not ours, and how it would be declared.
fn undeclared(context: &Context, args: &WhyArgs, spelled: Option<&ManagedPath>) -> Option<Answer> {
    let typed = args.key.strip_prefix(context.root.text().as_str()).unwrap_or(&args.key);
    let typed = typed.strip_prefix("~/.claude/").unwrap_or(typed).trim_matches('/');
    let asked = ManagedPath::new(typed).ok();
    let is_there = |path: &&ManagedPath| {
        fs::lstat(&context.root.path.join(path.as_str())).is_ok_and(|stat| stat.is_some())
    };
    let path = [spelled, asked.as_ref()].into_iter().flatten().find(is_there)?;
    if args.value.is_some() {
        return None;
    }
    // Of `agents` or `skills` not all that is in it is one thing to declare.
    let is_many = crate::profile::section(path.as_str()).is_some() || path.as_str() == "hooks";
    let next = if is_many {
        "Its files are declared one by one; cs init DIR makes a profile of all that is there".to_owned()
    } else {
        let (table, source) = crate::profile::table_of(path);
        let event = if table.starts_with("hooks.") { "event = \"…\" and " } else { "" };
        format!(
            "To declare it, copy it beside the profile as {source}, with [{table}] {event}source = \"{source}\""
        )
    };
    let text = format!("{path}   yours, declared nowhere: cs does not touch it\n\n{next}.");
    Some((text, json!({"path": path, "how": "foreign", "since": null, "declared": null})))
}

fn foreign_in(id: DocumentId, document: &Value, pointer: &[String], args: &WhyArgs) -> Option<Answer> {
    let found = crate::draft::at(document, pointer)?;
    let name = match (&args.value, found) {
        (None, _) => args.key.clone(),
        (Some(wanted), Value::Array(items)) => {
            let is_it = |item: &Value| item.as_str() == Some(wanted) || item.to_string() == *wanted;
            let is_hook = |group: &Value| {
                let hooks = group.get("hooks").and_then(Value::as_array);
                let command = wanted.split_once(" → ").map_or(wanted.as_str(), |(_, command)| command);
                let is_run = |hook: &Value| hook.get("command").and_then(Value::as_str) == Some(command);
                hooks.into_iter().flatten().any(is_run)
            };
            let is_there = items.iter().any(|item| is_it(item) || is_hook(item));
            is_there.then(|| format!("{}  {wanted}", args.key))?
        }
        _ => return None,
    };
    let text = format!("{name}   yours: cs did not put it there and does not touch it");
    Some((text, json!({"document": id, "entry": name, "how": "foreign", "since": null, "declared": null})))
}
