//! Everything at once: what voids a file, and what the client passes over in it, for who wants to see the
//! whole of it before mending anything.

use serde_json::{Map, Value, json};

use super::{GUARDING, Voiding, entry, group, void, voiding};

/// More than these nobody reads.
const FOUND_MAX: usize = 100;

/// Every entry that makes the client ignore the file; of one hook entry the first fault.
#[must_use]
pub fn every_voiding(settings: &Value) -> Vec<Voiding> {
    let mut rest = settings.clone();
    let mut found: Vec<Voiding> = Vec::new();
    while found.len() < FOUND_MAX
        && let Some(one) = voiding(&rest).filter(|one| !found.contains(one))
    {
        mend(&mut rest, &one.what);
        found.push(one);
    }
    found
}

/// Takes what is at fault out of the way, and leaves all others where they were.
fn mend(settings: &mut Value, what: &str) {
    if let Some(rest) = what.strip_prefix("hooks.")
        && let Some(hooks) = settings.get_mut("hooks").and_then(Value::as_object_mut)
    {
        return mend_hooks(hooks, rest);
    }
    let Some(members) = settings.as_object_mut() else { return };
    // A status line is judged as a whole.
    let path = if what.starts_with("statusLine.") { "statusLine" } else { what };
    remove(members, path);
}

/// Removes the member at a dotted path; names may hold dots.
fn remove(members: &mut Map<String, Value>, path: &str) {
    if members.shift_remove(path).is_some() {
        return;
    }
    let below = |name: &String| path.strip_prefix(name.as_str()).and_then(|rest| rest.strip_prefix('.'));
    let next = members.keys().find_map(|name| below(name).map(|rest| (name.clone(), rest)));
    if let Some((name, rest)) = next
        && let Some(inner) = members.get_mut(&name).and_then(Value::as_object_mut)
    {
        remove(inner, rest);
    }
}

fn mend_hooks(hooks: &mut Map<String, Value>, path: &str) {
    let (event, rest) = path.split_once('[').unwrap_or((path, ""));
    let mut numbers = rest.split(['[', ']']).filter_map(|part| part.parse::<usize>().ok());
    let Some(group) = numbers.next() else {
        hooks.shift_remove(event);
        return;
    };
    let Some(group) = hooks.get_mut(event).and_then(|groups| groups.get_mut(group)) else { return };
    match numbers.next().and_then(|index| group.get_mut("hooks").and_then(|entries| entries.get_mut(index))) {
        Some(entry) => *entry = json!({"type": "command", "command": "sound"}),
        None => *group = json!({"hooks": []}),
    }
}

/// Hook entries of a wrong shape for which the client only passes over the entry: those of events that
/// guard nothing.
#[must_use]
pub fn passed_over(settings: &Value) -> Vec<Voiding> {
    let Some(hooks) = settings.get("hooks").filter(|hooks| !hooks.is_null()) else { return Vec::new() };
    let Some(events) = hooks.as_object() else { return vec![void("hooks", "an object", hooks)] };
    let events =
        events.iter().filter(|(event, value)| !GUARDING.contains(&event.as_str()) && !value.is_null());
    let found = events.flat_map(|(event, groups)| event_faults(&format!("hooks.{event}"), groups));
    found.take(FOUND_MAX).collect()
}

fn event_faults(at: &str, groups: &Value) -> Vec<Voiding> {
    let Some(groups) = groups.as_array() else { return vec![void(at, "a list of groups", groups)] };
    let of_group = |(index, own): (usize, &Value)| {
        let at = format!("{at}[{index}]");
        let entries = own.get("hooks").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let hollow = match own {
            Value::Object(members) => {
                let mut members = members.clone();
                members.entry("hooks").and_modify(|entries| {
                    if entries.is_array() {
                        *entries = json!([]);
                    }
                });
                Value::Object(members)
            }
            other => other.clone(),
        };
        let faults = entries.iter().enumerate().filter_map({
            let at = at.clone();
            move |(index, own)| entry(&format!("{at}.hooks[{index}]"), own)
        });
        group(&at, &hollow).into_iter().chain(faults).collect::<Vec<_>>()
    };
    groups.iter().enumerate().flat_map(of_group).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(found: &[Voiding]) -> Vec<&str> {
        found.iter().map(|voiding| voiding.what.as_str()).collect()
    }

    #[test]
    fn everything_that_voids_a_file_is_told_at_once() {
        let settings = json!({
            "model": 5,
            "statusLine": {"command": 5, "padding": "x"},
            "permissions": {"allow": "x", "defaultMode": "yolo"},
            "enabledPlugins": {"a.b@c": "yes", "d@e": 5},
            "sandbox": {"enabled": 1, "network": {"httpProxyPort": null}},
            "disabledHooks": {"PreToolUse": [1]},
            "hooks": {
                "PreToolUse": [
                    "x",
                    {"matcher": 5, "hooks": []},
                    {"hooks": [{"type": "command"}, {"type": "command", "command": "x", "timeout": "5"}]},
                ],
                "PermissionRequest": "x",
            },
        });
        assert_eq!(
            names(&every_voiding(&settings)),
            [
                "model",
                "permissions.allow",
                "permissions.defaultMode",
                "statusLine.type",
                "enabledPlugins.a.b@c",
                "enabledPlugins.d@e",
                "sandbox.enabled",
                "sandbox.network.httpProxyPort",
                "hooks.PreToolUse[0]",
                "hooks.PreToolUse[1].matcher",
                "hooks.PreToolUse[2].hooks[0].command",
                "hooks.PreToolUse[2].hooks[1].timeout",
                "hooks.PermissionRequest",
                "disabledHooks.PreToolUse",
            ]
        );
        assert!(every_voiding(&json!({"hooks": {"Stop": 5}})).is_empty());
    }

    #[test]
    fn what_is_only_passed_over_is_told_entry_by_entry() {
        let settings = json!({"hooks": {
            "Stop": [{"hooks": [{"type": "command"}, {"type": "command", "command": "x", "timeout": 0}]}, 5],
            "PostToolUse": {"a": 1},
            "SessionStart": [{"type": "command", "command": "flat"}],
            "PreToolUse": "not here",
            "Notification": null,
        }});
        assert_eq!(
            names(&passed_over(&settings)),
            [
                "hooks.Stop[0].hooks[0].command",
                "hooks.Stop[0].hooks[1].timeout",
                "hooks.Stop[1]",
                "hooks.PostToolUse",
                "hooks.SessionStart[0].hooks",
            ]
        );
        assert_eq!(names(&passed_over(&json!({"hooks": "x"}))), ["hooks"]);
    }
}
