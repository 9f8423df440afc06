//! What voids a settings file, and what the client passes over in it.

use std::collections::BTreeSet;

use serde_json::Value;

use super::Finding;
use super::environment::Version;
use crate::document::Outline;
use crate::document::claude::{Voiding, every_voiding, passed_over};
use crate::document::hooks::KEPT_FIELDS;
use crate::model::key::dotted;
use crate::profile::judge;

/// A `timeout` above this is hardly meant in seconds: it is more than the client waits by itself.
const TIMEOUT_SECONDS_MAX: f64 = 600.0;

/// Features by the version of the client that has them, for entries of hooks.
const SINCE: &[(&str, Version)] = &[("onFailure", Version(2, 1, 295))];

/// Everything about one settings file that can be told from its text. `client` is the version that is
/// installed, if that is known.
#[must_use]
pub fn check(outline: &Outline, client: Option<Version>) -> Vec<Finding> {
    let settings = outline.value();
    let mut found = Vec::new();
    found.extend(every_voiding(settings).iter().map(|own| void(outline, own)));
    // Of an event that is unknown nothing else is told.
    let is_known = |own: &&Voiding| own.what == "hooks" || judge::is_event(event_of(&own.what));
    found.extend(passed_over(settings).iter().filter(is_known).map(|own| ignored(outline, own)));
    found.extend(events(outline));
    found.extend(rules(outline));
    found.extend(names(outline));
    let entries = entries(settings);
    found.extend(entries.iter().flat_map(|entry| fields(outline, entry, client)));
    found.extend(matchers(outline));
    if settings.get("disableAllHooks") == Some(&Value::Bool(true)) {
        let finding = Finding::warning("hooks-disabled", "disableAllHooks is true: no hook runs at all");
        found.push(finding.at(outline.place("disableAllHooks")).remedy("Remove it, if hooks are to run."));
    }
    found
}

fn void(outline: &Outline, own: &Voiding) -> Finding {
    let message = format!("{} is {}, so Claude Code ignores the whole file", own.what, shown(&own.found));
    Finding::error("settings-void", message)
        .at(outline.place(&own.what))
        .remedy(format!("It wants {} there. Correct it or take it out.", own.wanted))
}

/// `Stop` of `hooks.Stop[0].matcher`.
fn event_of(what: &str) -> &str {
    let rest = what.strip_prefix("hooks.").unwrap_or(what);
    rest.split('[').next().unwrap_or(rest)
}

fn ignored(outline: &Outline, own: &Voiding) -> Finding {
    let message = format!("{} is {}, so Claude Code ignores this entry", own.what, shown(&own.found));
    Finding::error("hook-ignored", message)
        .at(outline.place(&own.what))
        .remedy(format!("It wants {} there. Correct it or take it out.", own.wanted))
}

/// What stands there, not longer than a line; `null` stands for what is missing.
fn shown(found: &str) -> String {
    const CHARS_MAX: usize = 40;
    if found == "null" {
        return "missing".to_owned();
    }
    match found.chars().count() > CHARS_MAX {
        true => found.chars().take(CHARS_MAX).collect::<String>() + "…",
        false => found.to_owned(),
    }
}

/// Names that are written to be passed over: `// note`, `_comment`.
fn is_comment(name: &str) -> bool {
    !name.starts_with(|c: char| c.is_ascii_alphabetic())
}

fn events(outline: &Outline) -> Vec<Finding> {
    let hooks = outline.value().get("hooks").and_then(Value::as_object);
    let unknown = hooks.into_iter().flatten().filter(|(name, _)| !judge::is_event(name));
    let told = unknown.map(|(name, _)| {
        let at = outline.place(&format!("hooks.{name}"));
        if is_comment(name) {
            let message = format!("{name:?} is no event: Claude Code complains of it and passes over it");
            let remedy = "As a comment it stands better outside of `hooks`, where any name may be.";
            return Finding::warning("event-comment", message).at(at).remedy(remedy);
        }
        let remedy = match judge::event_meant(name) {
            Some(meant) => format!("Did you mean {meant}?"),
            None => "Events are PreToolUse, PostToolUse, Stop, SessionStart, …: https://code.claude.com/docs/en/hooks"
                .to_owned(),
        };
        let message = format!("Claude Code knows no event {name:?}, and ignores its hooks");
        Finding::error("event-unknown", message).at(at).remedy(remedy)
    });
    told.collect()
}

/// Permission rules that are dropped, and ones that another defeats.
fn rules(outline: &Outline) -> Vec<Finding> {
    let list = |name: &str| {
        let list = outline.value().pointer(&format!("/permissions/{name}")).and_then(Value::as_array);
        list.map(Vec::as_slice).unwrap_or_default()
    };
    let mut found = Vec::new();
    for name in ["allow", "ask", "deny"] {
        for (index, rule) in list(name).iter().enumerate() {
            let at = outline.place(&format!("permissions.{name}[{index}]"));
            let Some(text) = rule.as_str() else {
                let message = format!("permissions.{name} holds {rule}, which is no text and is dropped");
                found.push(
                    Finding::error("rule-ignored", message).at(at).remedy("Rules are texts, in quotes."),
                );
                continue;
            };
            if let Some(slip) = judge::rule(text) {
                let message =
                    format!("Claude Code drops the permission rule {:?}: {}", shown(text), slip.why);
                let remedy = match slip.meant {
                    Some(meant) => format!("Did you mean {meant:?}?"),
                    None => "Correct it or take it out.".to_owned(),
                };
                found.push(Finding::error("rule-ignored", message).at(at).remedy(remedy));
            }
        }
    }
    let denied: BTreeSet<&str> = list("deny").iter().filter_map(Value::as_str).collect();
    for (index, rule) in list("allow").iter().enumerate() {
        let Some(rule) = rule.as_str() else { continue };
        let tool = rule.split('(').next().unwrap_or(rule);
        let by = [rule, tool].into_iter().find(|own| denied.contains(own));
        if let Some(by) = by {
            let message = format!("allowing {:?} has no effect: {by:?} is denied", shown(rule));
            found.push(
                Finding::warning("rule-defeated", message)
                    .at(outline.place(&format!("permissions.allow[{index}]")))
                    .remedy("Take one of the two out: a denial always wins."),
            );
        }
    }
    found
}

/// Settings that are nearly ones the client knows.
fn names(outline: &Outline) -> Vec<Finding> {
    let names = outline.value().as_object().into_iter().flat_map(|members| members.keys());
    let slips = names.filter_map(|name| Some((name, judge::setting_meant(name)?)));
    let told = slips.map(|(name, meant)| {
        Finding::warning("setting-unknown", format!("Claude Code knows no setting {name:?}"))
            .at(outline.place(name))
            .remedy(format!("Did you mean {meant:?}?"))
    });
    let mut told: Vec<Finding> = told.collect();
    nested_names(outline, outline.value(), &mut Vec::new(), &mut told);
    told
}

/// The same in tables in which the client knows every name.
fn nested_names(outline: &Outline, value: &Value, pointer: &mut Vec<String>, found: &mut Vec<Finding>) {
    for (name, value) in value.as_object().into_iter().flatten() {
        if let Some(meant) = judge::nested_setting_meant(pointer, name) {
            let table = pointer.join(".");
            found.push(
                Finding::warning("setting-unknown", format!("Claude Code knows no {name:?} in {table}"))
                    .at(outline.place(&format!("{table}.{name}")))
                    .remedy(format!("Did you mean {meant:?}?")),
            );
        }
        // None of those tables lies deeper.
        if pointer.len() < 2 {
            pointer.push(name.clone());
            nested_names(outline, value, pointer, found);
            pointer.pop();
        }
    }
}

/// One hook entry of an event that the client fires.
struct Entry<'v> {
    event: &'v str,
    /// `hooks.Stop[0].hooks[1]`
    path: String,
    value: &'v Value,
}

fn groups(settings: &Value) -> impl Iterator<Item = (&str, String, &Value)> {
    let events = settings.get("hooks").and_then(Value::as_object).into_iter().flatten();
    let known = events.filter(|(event, _)| judge::is_event(event));
    known.flat_map(|(event, groups)| {
        let groups = groups.as_array().into_iter().flatten().enumerate();
        groups.map(move |(index, group)| (event.as_str(), format!("hooks.{event}[{index}]"), group))
    })
}

fn entries(settings: &Value) -> Vec<Entry<'_>> {
    let all = groups(settings).flat_map(|(event, path, group)| {
        let entries = group.get("hooks").and_then(Value::as_array).into_iter().flatten().enumerate();
        entries.map(move |(index, value)| Entry { event, path: format!("{path}.hooks[{index}]"), value })
    });
    all.collect()
}

/// Fields that are odd, unknown or too new.
fn fields(outline: &Outline, entry: &Entry<'_>, client: Option<Version>) -> Vec<Finding> {
    let Some(members) = entry.value.as_object() else { return Vec::new() };
    let at = |name: &str| outline.place(&format!("{}.{name}", entry.path));
    let mut found = Vec::new();
    if let Some(seconds) = members.get("timeout").and_then(Value::as_f64).filter(|s| *s > TIMEOUT_SECONDS_MAX)
    {
        let message = format!("a timeout of {seconds} seconds; Claude Code waits 600 by itself");
        let meant = seconds / 1_000.0;
        let remedy = format!("It counts seconds: {meant} if milliseconds were meant.");
        found.push(Finding::warning("hook-timeout", message).at(at("timeout")).remedy(remedy));
    }
    if members.contains_key("if") && !judge::is_tool_event(entry.event) {
        let message =
            format!("a hook with `if` never runs on {}: only events of tools have one", entry.event);
        found.push(Finding::warning("hook-if", message).at(at("if")).remedy("Take the `if` out."));
    }
    for name in members.keys().filter(|name| !KEPT_FIELDS.contains(&name.as_str()) && !is_comment(name)) {
        if let Some(meant) = judge::meant(name, KEPT_FIELDS.iter().copied()) {
            let message =
                format!("{name:?} means nothing in a hook, and is dropped when Claude Code writes the file");
            let remedy = format!("Did you mean {meant:?}?");
            found.push(Finding::warning("hook-key-unknown", message).at(at(name)).remedy(remedy));
        }
    }
    for (name, since) in SINCE.iter().filter(|(name, _)| members.contains_key(*name)) {
        if let Some(client) = client.filter(|client| client < since) {
            let message = format!("{name:?} is known since Claude Code {since}, and {client} is installed");
            let remedy = "Update it: claude update";
            found.push(Finding::warning("client-too-old", message).at(at(name)).remedy(remedy));
        }
    }
    found
}

/// Matchers are told apart by capitals: `bash` matches nothing.
fn matchers(outline: &Outline) -> Vec<Finding> {
    let of_tools = groups(outline.value()).filter(|(event, ..)| judge::is_tool_event(event));
    let told = of_tools.filter_map(|(_, path, group)| {
        let matcher = group.get("matcher")?.as_str()?;
        // A comma divides, too (measured).
        let mut words = matcher.split(['|', ',']).map(str::trim);
        let (word, meant) = words.find_map(|word| Some((word, judge::tool_meant(word)?)))?;
        let finding = Finding::warning("hook-matcher", format!("the matcher {word:?} matches no tool"));
        Some(finding.at(outline.place(&format!("{path}.matcher"))).remedy(format!("Did you mean {meant:?}?")))
    });
    told.collect()
}

/// A settings file that the client does not read where it lies (measured with 2.1.330).
#[must_use]
pub fn unread() -> Finding {
    let message =
        "Claude Code passes over this file, except in sessions started in the very folder that holds .claude";
    Finding::warning("settings-local-unread", message)
        .remedy("Move its entries into settings.json beside it.")
}

/// The paths of plain values that `a` and `b` both have and that differ.
pub(super) fn differing(a: &Value, b: &Value, path: &mut Vec<String>, found: &mut Vec<String>) {
    match (a, b) {
        (Value::Object(a), Value::Object(b)) => {
            for (name, own) in a {
                if let Some(other) = b.get(name) {
                    path.push(name.clone());
                    differing(own, other, path, found);
                    path.pop();
                }
            }
        }
        // Lists add up over scopes.
        (Value::Array(_), Value::Array(_)) => {}
        (a, b) if a != b => found.push(dotted(path)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> Vec<(&'static str, (usize, usize))> {
        let found = check(&Outline::parse(text).expect("valid"), Some(Version(2, 1, 294)));
        assert!(found.iter().all(|own| !own.remedy.is_empty() && own.place.is_some()), "{found:?}");
        found.iter().map(|own| (own.code, own.place.expect("a place"))).collect()
    }

    #[test]
    fn what_voids_a_file_and_what_is_only_passed_over_are_told_apart() {
        assert_eq!(
            told(
                "{\"model\": 5,\n\"hooks\": {\"PreToolUse\": [{\"hooks\": [{\"type\": \"command\"}]}],\n\
                 \"Stop\": [{\"hooks\": [{\"type\": \"command\"}]}]}}"
            ),
            [("settings-void", (1, 2)), ("settings-void", (2, 37)), ("hook-ignored", (3, 21))]
        );
    }

    #[test]
    fn names_that_the_client_does_not_know_are_told() {
        assert_eq!(
            told(
                "{\"hooks\": {\"PreToolUes\": [], \"// x\": [], \"_y\": 1}, \"modle\": 1, \"unheardOf\": 1}"
            ),
            [
                ("event-unknown", (1, 12)),
                ("event-comment", (1, 30)),
                ("event-comment", (1, 42)),
                ("setting-unknown", (1, 52)),
            ]
        );
        let hooks = |entry: &str| {
            told(&format!(
                "{{\"hooks\":{{\"Stop\":[{{\"hooks\":[{{\"type\":\"command\",\"command\":\"x\",{entry}}}]}}]}}}}"
            ))
        };
        assert_eq!(hooks("\"timeout\":5000")[0].0, "hook-timeout");
        assert_eq!(hooks("\"timeout_ms\":50")[0].0, "hook-key-unknown");
        assert_eq!(hooks("\"if\":\"Bash(ls)\"")[0].0, "hook-if");
        assert_eq!(hooks("\"onFailure\":\"block\"")[0].0, "client-too-old");
        assert!(hooks("\"timeout\":60,\"description\":\"x\",\"// timeout\":1").is_empty());
    }

    #[test]
    fn rules_that_have_no_effect_are_told() {
        assert_eq!(
            told(
                "{\"permissions\": {\"allow\": [\"Bash(ls\", 5, \"Read(x)\", \"Edit(y)\", \"Write\"],\n\
                 \"deny\": [\"Read\", \"Edit(y)\", \"bash(x)\"]}}"
            ),
            [
                ("rule-ignored", (1, 28)),
                ("rule-ignored", (1, 39)),
                ("rule-ignored", (2, 29)),
                ("rule-defeated", (1, 42)),
                ("rule-defeated", (1, 53)),
            ]
        );
    }

    #[test]
    fn matchers_that_match_nothing_are_told() {
        let group = |event: &str, matcher: &str| {
            told(&format!("{{\"hooks\":{{\"{event}\":[{{\"matcher\":\"{matcher}\",\"hooks\":[]}}]}}}}"))
        };
        assert_eq!(group("PreToolUse", "Edit,bash"), [("hook-matcher", (1, 26))]);
        for (event, matcher) in
            [("PreToolUse", "Edit, Bash"), ("PreToolUse", "mcp__x"), ("SessionStart", "bash")]
        {
            assert!(group(event, matcher).is_empty(), "{event} {matcher}");
        }
        assert_eq!(told("{\"disableAllHooks\": true}"), [("hooks-disabled", (1, 2))]);
    }
}
