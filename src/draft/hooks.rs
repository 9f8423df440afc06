//! Hooks of a settings file as a profile declares them.

use serde_json::{Map, Value};

use crate::model::{HookId, Key};
use crate::profile::HOOK_FIELDS;

use super::{Draft, File, Found, Item, runs_file, toml};
use crate::plan::secrets::holds_secret;

/// `[hooks.NAME]`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Hook {
    pub name: String,
    /// The client's names, each once.
    pub events: Vec<String>,
    pub matcher: Option<String>,
    /// As the settings spell it.
    pub command: String,
    /// The file in the root that is all of the command.
    pub source: Option<String>,
    /// By the profile's names.
    pub fields: Vec<(&'static str, Value)>,
}

impl Hook {
    pub(super) fn keys(&self) -> Vec<Key> {
        let id = |event: &String| HookId::new(event, self.matcher.as_deref(), &self.command);
        self.events.iter().map(|event| Key::Hook(id(event))).collect()
    }
}

/// The profile's fields of a hook entry, each with its value there.
#[must_use]
pub fn profile_fields(entry: &Value) -> Vec<(String, Option<Value>)> {
    HOOK_FIELDS.iter().map(|(ours, theirs)| ((*ours).to_owned(), entry.get(*theirs).cloned())).collect()
}

impl Draft {
    /// Takes the hooks; returns the files in the root that are declared with them.
    pub(super) fn hooks(&mut self, found: Found<'_>, settings: Option<&Value>) -> Vec<String> {
        let mut hooks: Vec<Hook> = Vec::new();
        for (event, groups) in settings.and_then(Value::as_object).into_iter().flatten() {
            for group in groups.as_array().into_iter().flatten() {
                self.group(event, group, &mut hooks);
            }
            if !groups.is_array() {
                self.skip(format!("hooks.{event}"), "Claude Code does not read it");
            }
        }
        let mut scripts = Vec::new();
        for at in 0..hooks.len() {
            let file = runs_file(&hooks[at].command, found).and_then(|path| script(&path, found.files));
            let others = hooks.iter().enumerate().filter(|(other, _)| *other != at);
            let is_alone = file.is_some_and(|file| {
                others
                    .into_iter()
                    .all(|(_, other)| runs_file(&other.command, found).as_deref() != Some(&file.path))
            });
            if let Some(file) =
                file.filter(|_| is_alone && !hooks[at].fields.iter().any(|(name, _)| *name == "args"))
            {
                self.suspect(file);
                scripts.push(file.path.clone());
                hooks[at].source = Some(file.path.clone());
            }
        }
        let mut taken: Vec<String> = scripts.iter().map(|path| path["hooks/".len()..].to_owned()).collect();
        for mut hook in hooks {
            hook.name = match &hook.source {
                Some(source) => source["hooks/".len()..].to_owned(),
                None => fresh(&hook, &mut taken),
            };
            self.items.push(Item::Hook(hook));
        }
        scripts
    }

    fn group(&mut self, event: &str, group: &Value, hooks: &mut Vec<Hook>) {
        let matcher = match group.get("matcher") {
            None => None,
            Some(Value::String(matcher)) => Some(matcher.clone()),
            Some(_) => return self.skip(format!("hooks.{event}"), "its matcher is no text"),
        };
        let Some(entries) = group.get("hooks").and_then(Value::as_array) else {
            return self.skip(format!("hooks.{event}"), "Claude Code does not read it");
        };
        for entry in entries {
            let kind = entry.get("type").and_then(Value::as_str).unwrap_or("none");
            let Some(command) = entry.get("command").and_then(Value::as_str).filter(|_| kind == "command")
            else {
                self.skip(format!("hooks.{event}"), format!("a hook of type {kind} is not declared"));
                continue;
            };
            if holds_secret("command", entry) {
                self.skip(format!("hooks.{event}"), "its command looks as if it held a secret");
                continue;
            }
            let Some(entry) = entry.as_object() else { continue };
            add(hooks, event, matcher.clone(), command, fields(entry));
        }
    }
}

fn fields(entry: &Map<String, Value>) -> Vec<(&'static str, Value)> {
    let fields = HOOK_FIELDS.iter().filter_map(|(ours, theirs)| Some((*ours, entry.get(*theirs)?.clone())));
    fields.filter(|(_, value)| toml::value(value).is_some()).collect()
}

/// One hook may run on several events.
fn add(
    hooks: &mut Vec<Hook>,
    event: &str,
    matcher: Option<String>,
    command: &str,
    fields: Vec<(&'static str, Value)>,
) {
    let matcher = matcher.filter(|matcher| !matcher.is_empty() && matcher != "*");
    let event = event.to_owned();
    let same = |hook: &&mut Hook| hook.matcher == matcher && hook.command == command;
    // The same once more on one event is nothing new; with other fields it is the user's.
    if let Some(hook) =
        hooks.iter_mut().filter(same).find(|hook| hook.events.contains(&event) || hook.fields == fields)
    {
        if !hook.events.contains(&event) {
            hook.events.push(event);
        }
        return;
    }
    let name = String::new();
    hooks.push(Hook {
        name,
        events: vec![event],
        matcher,
        command: command.to_owned(),
        source: None,
        fields,
    });
}

/// A file right in `hooks/` that can be run as it is.
fn script<'f>(path: &str, files: &'f [File]) -> Option<&'f File> {
    let name = path.strip_prefix("hooks/")?;
    let is_name = !name.contains('/') && !name.starts_with(['-', '.']);
    files.iter().find(|file| is_name && file.path == path && file.executable)
}

/// A name that says what runs, and that nobody has.
fn fresh(hook: &Hook, taken: &mut Vec<String>) -> String {
    const RUNNERS: [&str; 14] = [
        "bash", "sh", "zsh", "python", "python3", "node", "npx", "bunx", "bun", "uv", "uvx", "run", "env",
        "deno",
    ];
    let words = hook.command.split([' ', '\t', '\n', '\'', '"', ';', '|', '&', '(', ')']);
    let base = |word: &str| {
        let name = word.rsplit('/').next().unwrap_or_default();
        let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
        let plain =
            stem.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_')).collect::<String>();
        plain.trim_matches(['-', '_']).to_ascii_lowercase()
    };
    let is_verb = |word: &&str| !word.starts_with(['-', '$', '{', '[']) && !word.contains('=');
    let names = words.filter(is_verb).map(base);
    let name =
        names.into_iter().find(|name| (1..=40).contains(&name.len()) && !RUNNERS.contains(&name.as_str()));
    let stem = name.unwrap_or_else(|| hook.events[0].to_ascii_lowercase());
    let mut numbers = 1..;
    let is_free = |name: &String| !taken.contains(name);
    let name = numbers
        .by_ref()
        .map(|number| if number == 1 { stem.clone() } else { format!("{stem}-{number}") })
        .find(is_free)
        .unwrap_or(stem);
    taken.push(name.clone());
    name
}
