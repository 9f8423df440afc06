//! Finding and naming hook entries in a settings document.
//!
//! Hook groups have no ids and the client drops whatever one could mark them with, so a
//! hook is found by event, matcher and command, the command compared by what it means
//! rather than how it is spelled: `~/x`, `$HOME/x` and `"/home/me/x"` are one.

use serde_json::Value;

use super::tree::{Document, Node, Seg};
use crate::model::HookId;

/// Where one hook stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Place {
    /// Index of its group in the event's list.
    pub group: usize,
    /// Index in the group's `hooks`.
    pub index: usize,
    /// How many hooks the group has.
    pub siblings: usize,
    /// The entry.
    pub entry: Value,
}

/// The path of an event's list.
#[must_use]
pub fn event_path(event: &str) -> Vec<Seg> {
    vec![Seg::Name("hooks".into()), Seg::Name(event.into())]
}

/// The path of a group.
#[must_use]
pub fn group_path(event: &str, group: usize) -> Vec<Seg> {
    let mut path = event_path(event);
    path.push(Seg::Index(group));
    path
}

/// The path of a hook entry.
#[must_use]
pub fn entry_path(event: &str, place: &Place) -> Vec<Seg> {
    let mut path = group_path(event, place.group);
    path.extend([Seg::Name("hooks".into()), Seg::Index(place.index)]);
    path
}

/// Every hook of `event`, with its matcher in its one form; groups of a shape that the
/// client would not run are passed over.
fn all<'d>(document: &'d Document, event: &str) -> impl Iterator<Item = (HookId, Place)> + 'd {
    let event_name = event.to_owned();
    let groups = document.get(&event_path(event)).filter(|node| node.is_list());
    let groups = groups.into_iter().flat_map(Node::children).enumerate();
    groups.flat_map(move |(group, node)| {
        let matcher = node.member("matcher");
        let is_sound = matcher.is_none_or(|m| m.as_str().is_some());
        let matcher = matcher.and_then(Node::as_str).map(str::to_owned);
        let entries = node.member("hooks").filter(|node| is_sound && node.is_list());
        let siblings = entries.and_then(Node::len).unwrap_or_default();
        let event = event_name.clone();
        entries.into_iter().flat_map(Node::children).enumerate().filter_map(move |(index, entry)| {
            let command = entry.member("command")?.as_str()?;
            let id = HookId::new(&event, matcher.as_deref(), command);
            Some((id, Place { group, index, siblings, entry: entry.to_value() }))
        })
    })
}

/// Where the hook `id` stands; of several that are the same, one alone in its group before
/// others and the last before the first, because that is how ours are added.
#[must_use]
pub fn find(document: &Document, id: &HookId, home: Option<&str>) -> Option<Place> {
    let wanted = meaning(&id.command, home);
    let same = |own: &HookId| own.matcher == id.matcher && meaning(&own.command, home) == wanted;
    let found: Vec<Place> =
        all(document, &id.event).filter(|(own, _)| same(own)).map(|(_, place)| place).collect();
    found.iter().rev().find(|place| place.siblings == 1).or(found.last()).cloned()
}

/// Whether `event` has a hook with this command under another matcher: an edited one.
#[must_use]
pub fn find_edited(document: &Document, id: &HookId, home: Option<&str>) -> Option<HookId> {
    let wanted = meaning(&id.command, home);
    all(document, &id.event)
        .map(|(own, _)| own)
        .find(|own| own.matcher != id.matcher && meaning(&own.command, home) == wanted)
}

/// Hooks of any event that run exactly one of `commands` (meanings), and where they stand.
#[must_use]
pub fn running(document: &Document, commands: &[String], home: Option<&str>) -> Vec<HookId> {
    if commands.is_empty() {
        return Vec::new();
    }
    let events: Vec<String> = document
        .root()
        .member("hooks")
        .map(|hooks| hooks.keys().map(str::to_owned).collect())
        .unwrap_or_default();
    let ids = events.iter().flat_map(|event| all(document, event).map(|(id, _)| id));
    ids.filter(|id| commands.contains(&meaning(&id.command, home))).collect()
}

/// Every command that some hook of the document names, as it is written.
#[must_use]
pub fn commands(document: &Document) -> Vec<String> {
    let Some(hooks) = document.root().member("hooks") else { return Vec::new() };
    hooks.keys().flat_map(|event| all(document, event).map(|(id, _)| id.command)).collect()
}

/// What a command line means to `sh`, as far as it is one word or starts with one: quotes
/// taken off, `~/`, `$HOME` and `${HOME}` expanded. Two commands with one meaning run the
/// same thing; anything more complicated is compared as it is written.
#[must_use]
pub fn meaning(command: &str, home: Option<&str>) -> String {
    let command = command.trim();
    let Some(home) = home else { return command.to_owned() };
    let home = home.trim_end_matches('/');
    if let Some(word) = single_word(command, home) {
        return word;
    }
    let expanded = command.strip_prefix("~/").map(|rest| format!("{home}/{rest}"));
    let expanded = expanded.unwrap_or_else(|| command.to_owned());
    expanded
        .replace("${HOME}", home)
        .replace("$HOME/", &format!("{home}/"))
        .replace(" ~/", &format!(" {home}/"))
}

/// The one word a command line consists of, unquoted and expanded; `None` where the shell
/// would see more than a word or we can't tell.
fn single_word(command: &str, home: &str) -> Option<String> {
    let mut out = String::new();
    let mut rest = command;
    if let Some(after) = rest.strip_prefix('~')
        && (after.is_empty() || after.starts_with('/'))
    {
        out.push_str(home);
        rest = after;
    }
    let mut quote = None;
    while let Some(char) = rest.chars().next() {
        let after = &rest[char.len_utf8()..];
        rest = match (quote, char) {
            (None, '\'' | '"') => {
                quote = Some(char);
                after
            }
            (Some(open), close) if open == close => {
                quote = None;
                after
            }
            (Some('\''), other) => {
                out.push(other);
                after
            }
            (_, '$') => {
                let name = after.strip_prefix("{HOME}").or_else(|| after.strip_prefix("HOME"))?;
                if name.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
                    && !after.starts_with('{')
                {
                    return None;
                }
                out.push_str(home);
                name
            }
            (_, '`' | '\\') => return None,
            (
                None,
                ' ' | '\t' | '\n' | ';' | '&' | '|' | '<' | '>' | '(' | ')' | '*' | '?' | '[' | '#' | '{',
            ) => {
                return None;
            }
            (_, other) => {
                out.push(other);
                after
            }
        };
    }
    quote.is_none().then_some(out)
}

/// Fields of a hook entry that survive when the client rewrites the file; equality looks at
/// no others (facts/claude-code.md, 3 and "How a hook runs").
pub const KEPT_FIELDS: &[&str] = &[
    "type",
    "command",
    "args",
    "if",
    "shell",
    "timeout",
    "onFailure",
    "statusMessage",
    "once",
    "async",
    "asyncRewake",
    "holdsTools",
    "rewakeMessage",
    "rewakeSummary",
    "cloud",
    "prompt",
    "model",
    "continueOnBlock",
    "url",
    "headers",
    "allowedEnvVars",
    "server",
    "tool",
    "input",
];

/// A hook entry without the fields the client drops.
#[must_use]
pub fn comparable(entry: &Value) -> Value {
    match entry {
        Value::Object(members) => {
            let kept = members.iter().filter(|(name, _)| KEPT_FIELDS.contains(&name.as_str()));
            Value::Object(kept.map(|(name, value)| (name.clone(), value.clone())).collect())
        }
        other => other.clone(),
    }
}

/// The group a declared hook gets for itself.
#[must_use]
pub fn group(id: &HookId, entry: &Value) -> Value {
    let mut group = serde_json::Map::new();
    if !id.matcher.is_empty() {
        group.insert("matcher".into(), Value::from(id.matcher.as_str()));
    }
    group.insert("hooks".into(), Value::Array(vec![entry.clone()]));
    Value::Object(group)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOME: Option<&str> = Some("/home/me");

    #[test]
    fn one_command_is_found_however_it_is_spelled() {
        let same = [
            "~/.claude/hooks/x",
            "$HOME/.claude/hooks/x",
            "${HOME}/.claude/hooks/x",
            "/home/me/.claude/hooks/x",
            "\"$HOME/.claude/hooks/x\"",
            "\"$HOME\"/.claude/hooks/x",
            "'/home/me/.claude/hooks/x'",
            " ~/.claude/hooks/x ",
        ];
        for spelling in same {
            assert_eq!(meaning(spelling, HOME), "/home/me/.claude/hooks/x", "{spelling}");
        }
        assert_eq!(meaning("bash ~/x", HOME), meaning("bash $HOME/x", HOME));
    }

    #[test]
    fn what_is_not_expanded_by_sh_is_not_expanded_here() {
        for other in
            ["'~/.claude/hooks/x'", "'$HOME/.claude/hooks/x'", "\"~/.claude/hooks/x\"", "~you/x", "$HOMER/x"]
        {
            assert_ne!(meaning(other, HOME), "/home/me/.claude/hooks/x", "{other}");
            assert!(!meaning(other, HOME).starts_with("/home/me"), "{other}: {}", meaning(other, HOME));
        }
    }

    #[test]
    fn groups_of_a_wrong_shape_are_passed_over() {
        let text = r#"{"hooks":{"Stop":["x",{"type":"command","command":"a"},{"matcher":{"t":1},"hooks":[{"command":"a"}]},
            {"hooks":[{"type":"command","command":"b"},{"type":"command","command":"a"}]}]}}"#;
        let document = Document::parse(text).expect("valid");
        let place = find(&document, &HookId::new("Stop", None, "a"), HOME).expect("there");
        assert_eq!((place.group, place.index, place.siblings), (3, 1, 2));
        assert_eq!(find(&document, &HookId::new("Start", None, "a"), HOME), None);
    }
}
