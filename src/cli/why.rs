//! `cs why KEY`: who owns an entry, since when, and where it is declared.

use serde_json::{Value, json};

use super::args::WhyArgs;
use super::engine::Context;
use super::error::{CliError, exit, refused};
use super::secrets::told;
use crate::document::hooks::meaning;
use crate::document::merge::name_of;
use crate::model::key::dotted;
use crate::model::{Generation, How, Key, ManagedPath, Origin, Row, Secret, TreeHow};
use crate::root::{Side, Store};

/// Runs it.
///
/// # Errors
/// When nothing of that name is owned or there.
pub fn run(context: &Context, args: &WhyArgs) -> Result<u8, CliError> {
    let store = context.store()?;
    let Some(side) = store.current_side()? else {
        return Err(refused(
            "nothing was applied here, so cs owns nothing",
            "cs apply --profile builtin:default",
        ));
    };
    let mut answers = Vec::new();
    let spelled = crate::profile::path_of(&args.key);
    paths(&store, &side, spelled.as_ref().map_or(&args.key, |path| path.as_str()), &mut answers);
    entries(context, &store, &side, args, spelled.as_ref(), &mut answers);
    if answers.is_empty() {
        answers.extend(foreign(&store, args));
    }
    if answers.is_empty() {
        let name = args.value.as_ref().map_or(args.key.clone(), |value| format!("{} {value}", args.key));
        let hint = format!(
            "`cs why {}` without a value lists what cs owns there; `cs plan --explain` lists all.",
            args.key
        );
        return Err(refused(format!("there is no {name}, neither cs's nor yours"), hint));
    }
    for (text, _) in &answers {
        context.out.line(text);
    }
    let values: Vec<&Value> = answers.iter().map(|(_, value)| value).collect();
    context.out.object(&json!({"version": 1, "entries": values}));
    Ok(exit::DONE)
}

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
            let is_hidden = before.sealed.is_some() || !row.secrets.is_empty();
            let before = match is_hidden {
                true => "value, a secret".to_owned(),
                false => crate::plan::secrets::shown(&dotted(&row.key.pointer()), &value, false),
            };
            format!("set by cs in generation {since} over your {before}, which comes back{at}")
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
    let is_there = at == args.key || at.starts_with(&format!("{}.", args.key));
    is_there && is_value(key, args, home)
}

/// Whether it has the value that was asked for, if one was.
fn is_value(key: &Key, args: &WhyArgs, home: Option<&str>) -> bool {
    match (&args.value, key) {
        (None, _) => true,
        (Some(value), Key::Element { value: own, .. }) => {
            own.as_str() == Some(value) || own.to_string() == *value
        }
        (Some(value), Key::Hook(id)) => {
            meaning(&id.command, home) == meaning(value, home) || id.matcher == *value
        }
        (Some(_), Key::Value(_)) => false,
    }
}

/// An entry that is there and not ours.
fn foreign(store: &Store, args: &WhyArgs) -> Option<Answer> {
    let document = crate::root::observe::observe_document(store, crate::model::DocumentId::Settings).ok()?;
    let value: Value = serde_json::from_str(document.text?.trim_start_matches('\u{feff}')).ok()?;
    let found = args.key.split('.').try_fold(&value, |value, name| value.get(name))?;
    let name = match (&args.value, found) {
        (None, _) => args.key.clone(),
        (Some(wanted), Value::Array(items)) => {
            let is_there =
                items.iter().any(|item| item.as_str() == Some(wanted) || item.to_string() == *wanted);
            is_there.then(|| format!("{}  {wanted}", args.key))?
        }
        _ => return None,
    };
    let text = format!("{name}   yours: cs did not put it there and does not touch it");
    Some((
        text,
        json!({"document": "settings.json", "entry": name, "how": "foreign", "since": null, "declared": null}),
    ))
}
