//! What the bundled hooks go by, before and after: guard, thresholds, learning.
//!
//! It lies in a generation's `runtime.json`, so that no file of anybody's changes with it: it is said by itself.

use serde_json::{Map, Value};

use crate::model::key::dotted;

/// One setting that is something else from now on.
#[derive(Debug, Clone, PartialEq)]
pub struct Setting {
    /// As the profile spells it: `guard.git`.
    pub name: String,
    /// `None`: nothing was said.
    pub before: Option<Value>,
    /// `None`: nothing is said any more.
    pub after: Option<Value>,
}

/// What differs, in the order of what is said now, then of what was said. Where nothing was applied, or was let go
/// of, nothing differs.
#[must_use]
pub fn changes(before: &Value, after: &Value) -> Vec<Setting> {
    let mut found = Vec::new();
    if before.is_null() {
        return found;
    }
    below(&mut Vec::new(), Some(before), Some(after), &mut found);
    found
}

fn below(at: &mut Vec<String>, before: Option<&Value>, after: Option<&Value>, found: &mut Vec<Setting>) {
    if before == after {
        return;
    }
    let nothing = Map::new();
    let members = |value: Option<&Value>| value.and_then(Value::as_object).cloned();
    let (old, new) = (members(before), members(after));
    let is_table = |value: Option<&Value>, own: &Option<Map<String, Value>>| own.is_some() || value.is_none();
    // A table that comes or goes is told by what is in it.
    if (old.is_some() || new.is_some()) && is_table(before, &old) && is_table(after, &new) {
        let (old, new) = (old.as_ref().unwrap_or(&nothing), new.as_ref().unwrap_or(&nothing));
        let gone = old.keys().filter(|name| !new.contains_key(*name));
        for name in new.keys().chain(gone) {
            // The format is how it is written, and says nothing; which agents there are is told by their files.
            if at.is_empty() && (name == "format" || name == "agents") {
                continue;
            }
            at.push(name.clone());
            below(at, old.get(name), new.get(name), found);
            at.pop();
        }
        return;
    }
    found.push(Setting { name: dotted(at), before: before.cloned(), after: after.cloned() });
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_setting_that_differs_is_named_and_no_other() {
        let before =
            json!({"format": 1, "guard": {"git": "ask", "paths": ["~/a"]}, "learning": {"enabled": true}});
        let after = json!({"format": 2, "agents": ["hpc-advisor"], "guard": {"git": "deny", "paths": ["~/a"]},
            "thresholds": {"agents": {"a.b": {"threshold": 5.0}}}});
        let told: Vec<(String, Option<Value>, Option<Value>)> =
            changes(&before, &after).into_iter().map(|own| (own.name, own.before, own.after)).collect();
        let expected = [
            ("guard.git", Some(json!("ask")), Some(json!("deny"))),
            ("thresholds.agents.\"a.b\".threshold", None, Some(json!(5.0))),
            ("learning.enabled", Some(json!(true)), None),
        ];
        assert_eq!(told, expected.map(|(name, was, is)| (name.to_owned(), was, is)));
        assert_eq!(changes(&before, &before), []);
        assert_eq!(changes(&json!(null), &after), []);
    }
}
