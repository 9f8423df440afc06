//! A document from nothing: what declared entries say by themselves, for a file that nobody else writes.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::hooks;
use crate::model::{Declared, Key, Want};

/// The document that holds these entries and nothing else, defaults among them. Keys are sorted, so that the
/// order in which they were declared changes nothing; lists and hooks stay in that order, which may matter.
#[must_use]
pub fn fresh(declared: &[Declared]) -> Value {
    let mut document = Value::Object(Map::new());
    let mut events: BTreeMap<&str, Vec<Value>> = BTreeMap::new();
    for Declared { key, want, .. } in declared {
        let (Want::Enforced(value) | Want::Default(value)) = want else { continue };
        match key {
            Key::Value(pointer) => *place(&mut document, pointer) = value.clone(),
            Key::Element { list, value } => match place(&mut document, list) {
                Value::Array(items) => items.push(value.clone()),
                other => *other = json!([value]),
            },
            Key::Hook(id) => events.entry(&id.event).or_default().push(hooks::group(id, value)),
        }
    }
    document.sort_all_objects();
    // Behind the sorting of everything: in a hook, the client's order is the one that people know.
    if let (Value::Object(members), false) = (&mut document, events.is_empty()) {
        members.insert("hooks".to_owned(), json!(events));
        members.sort_keys();
    }
    document
}

/// The value at `pointer`, with the objects above it.
fn place<'v>(document: &'v mut Value, pointer: &[String]) -> &'v mut Value {
    pointer.iter().fold(document, |value, name| {
        if !value.is_object() {
            *value = Value::Object(Map::new());
        }
        &mut value[name.as_str()]
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{HookId, Origin};

    fn declared(key: Key, want: Want) -> Declared {
        Declared { key, want, origin: Origin::default(), secrets: Vec::new() }
    }

    fn pointer(text: &str) -> Vec<String> {
        text.split('.').map(str::to_owned).collect()
    }

    #[test]
    fn entries_make_a_document_with_sorted_keys() {
        let element = |text: &str| {
            let key = Key::Element { list: pointer("permissions.allow"), value: json!(text) };
            declared(key, Want::Enforced(json!(text)))
        };
        let hook = |event: &str, matcher: Option<&str>, command: &str| {
            let id = HookId::new(event, matcher, command);
            declared(Key::Hook(id), Want::Enforced(json!({"type": "command", "command": command})))
        };
        let entries = [
            declared(Key::Value(pointer("theme")), Want::Default(json!("dark"))),
            element("z"),
            element("a"),
            declared(Key::Value(pointer("env.B")), Want::Enforced(json!("1"))),
            declared(Key::Value(pointer("env.A")), Want::Enforced(json!("2"))),
            declared(Key::Value(pointer("model")), Want::Absent),
            hook("Stop", None, "z"),
            hook("PreToolUse", Some("Bash"), "x"),
            hook("Stop", None, "a"),
        ];
        let expected = r#"{"env":{"A":"2","B":"1"},"hooks":{"PreToolUse":[{"matcher":"Bash","hooks":[{"type":"command","command":"x"}]}],"Stop":[{"hooks":[{"type":"command","command":"z"}]},{"hooks":[{"type":"command","command":"a"}]}]},"permissions":{"allow":["z","a"]},"theme":"dark"}"#;
        assert_eq!(fresh(&entries).to_string(), expected);
        assert_eq!(fresh(&[]).to_string(), "{}");
    }
}
