//! What stands in a document, entry by entry: as small as anything in it could be owned.

use std::collections::HashMap;

use serde_json::Value;

use super::value::canonical;
use crate::model::sets;

/// How many entries of a document stay as they are between two of its values, wherever they stand.
#[must_use]
pub fn untouched(before: &Value, after: &Value) -> usize {
    let after = count(after);
    count(before).iter().map(|(entry, number)| after.get(entry).map_or(0, |own| *number.min(own))).sum()
}

/// Every entry, and how many times it is there.
fn count(document: &Value) -> HashMap<String, usize> {
    let mut counts = HashMap::new();
    entries(document, &mut Vec::new(), &mut |entry| *counts.entry(entry).or_default() += 1);
    counts
}

/// A member that is no object and no set is one entry; so is each element of a set, each hook, each MCP server,
/// and an object with nothing in it.
fn entries(value: &Value, pointer: &mut Vec<String>, visit: &mut dyn FnMut(String)) {
    let is_server = pointer.len() == 2 && pointer[0] == "mcpServers";
    match value {
        Value::Object(members) if !is_server && (!members.is_empty() || pointer.is_empty()) => {
            for (name, value) in members {
                pointer.push(name.clone());
                entries(value, pointer, visit);
                pointer.pop();
            }
        }
        Value::Array(items) if sets::is_set(pointer) => {
            items.iter().for_each(|item| visit(format!("{pointer:?} {}", canonical(item))));
        }
        Value::Array(groups) if pointer.len() == 2 && pointer[0] == "hooks" => {
            groups.iter().for_each(|group| hooks(group, pointer, visit));
        }
        value => visit(format!("{pointer:?} {}", canonical(value))),
    }
}

/// The hooks of a group; one that is no group counts as it is.
fn hooks(group: &Value, event: &[String], visit: &mut dyn FnMut(String)) {
    let matcher = group.get("matcher").filter(|matcher| !matches!(matcher.as_str(), Some("" | "*")));
    let matcher = matcher.map(canonical).unwrap_or_default();
    match group.get("hooks").and_then(Value::as_array) {
        Some(hooks) => {
            hooks.iter().for_each(|hook| visit(format!("{event:?} {matcher} {}", canonical(hook))));
        }
        None => visit(format!("{event:?} {}", canonical(group))),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::document::merge::{Bases, LettingGo, MergeInput, merge};
    use crate::model::{Declared, DocumentLedger, Key, Origin, Want};

    fn total(document: &Value) -> usize {
        untouched(document, document)
    }

    #[test]
    fn entries_are_what_could_be_owned() {
        for (document, number) in [
            (json!({}), 0),
            (json!({"model": "x", "env": {"A": "1", "B": "2"}, "empty": {}}), 4),
            (
                json!({"permissions": {"allow": ["a", "b", "a"], "deny": []}, "availableModels": ["a", "b"]}),
                4,
            ),
            (json!({"statusLine": {"type": "command", "command": "x", "padding": 0}}), 3),
            (
                json!({"hooks": {"Stop": [
                    {"matcher": "x", "hooks": [{"type": "command", "command": "a", "timeout": 1}, {"type": "prompt", "prompt": "p"}]},
                    {"hooks": []}, "odd",
                ], "Other": "odd"}}),
                4,
            ),
            (
                json!({"mcpServers": {"a": {"command": "a", "args": ["b"]}, "b": {"url": "u"}}, "numStartups": 3}),
                3,
            ),
        ] {
            assert_eq!(total(&document), number, "{document}");
        }
    }

    /// A few settings by a name and a number each, so that declared and present ones often meet.
    fn settings() -> impl Strategy<Value = Vec<(u8, u8)>> {
        proptest::collection::vec((0..9u8, 0..3u8), 0..8)
    }

    fn key(which: u8, number: u8) -> (Key, Value) {
        let element = |list: &str| Key::Element {
            list: vec!["permissions".to_owned(), list.to_owned()],
            value: json!(format!("Bash({number})")),
        };
        match which {
            0..=2 => (Key::Value(vec![format!("v{which}")]), json!(number)),
            3..=5 => (Key::Value(vec!["env".to_owned(), format!("E{which}")]), json!(number.to_string())),
            6 => (element("deny"), json!(format!("Bash({number})"))),
            _ => (element("allow"), json!(format!("Bash({number})"))),
        }
    }

    fn document(entries: &[(u8, u8)]) -> Value {
        let mut document = json!({});
        for (key, value) in entries.iter().map(|(which, number)| key(*which, *number)) {
            match key {
                Key::Value(pointer) if pointer.len() == 1 => document[&pointer[0]] = value,
                Key::Value(pointer) => document[&pointer[0]][&pointer[1]] = value,
                Key::Element { list, value } => {
                    let list = &mut document[&list[0]][&list[1]];
                    if list.is_null() {
                        *list = json!([]);
                    }
                    list.as_array_mut().expect("a list").push(value);
                }
                Key::Hook(_) => {}
            }
        }
        document
    }

    proptest! {
        /// What a merge leaves untouched are the entries that no edit of it names; entries that others put
        /// beside them are so many more, and nothing else.
        #[test]
        fn others_are_the_entries_that_no_edit_touches(there in settings(), wanted in settings(), more in 0..5usize) {
            let mut declared: Vec<Declared> = Vec::new();
            for (which, number) in wanted {
                let (key, value) = key(which, number);
                if !declared.iter().any(|own| own.key == key) {
                    let origin = Origin::default();
                    declared.push(Declared { key, want: Want::Enforced(value), origin, secrets: Vec::new() });
                }
            }
            let others = |live: &Value| {
                let (text, nothing) = (live.to_string(), DocumentLedger::default());
                let merged = merge(&MergeInput {
                    bases: Bases { current: &nothing, other: None },
                    live: Some(&text),
                    desired: &declared,
                    adopts: false,
                    letting_go: LettingGo::Undeclared,
                    leaving: &[],
                    returning: &[],
                    home: None,
                }).expect("it merges");
                let touched = merged.changes.iter().filter(|own| own.action.is_edit() && own.before.is_some());
                (untouched(live, &merged.value), touched.count())
            };
            let live = document(&there);
            let (number, touched) = others(&live);
            prop_assert_eq!(number + touched, total(&live));
            let mut crowded = live;
            for at in 0..more {
                crowded[format!("other{at}")] = json!({"a": at, "b": [1, 2]});
            }
            prop_assert_eq!(others(&crowded), (number + 2 * more, touched));
        }
    }
}
