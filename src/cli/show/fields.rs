//! Which fields of an entry change: of a server with a dozen of them, the one that does; of a secret never what it is.

use serde_json::Value;

use super::shorten;
use crate::document::EntryChange;
use crate::document::value::equal;
use crate::model::{Key, Pointer, key::dotted, printable};
use crate::plan::Veil;
use crate::plan::secrets::{HIDDEN, shown};

/// Most fields that are told one by one.
const FIELDS_MAX: usize = 3;

/// The fields of an entry that differ before and after.
pub struct Fields {
    /// For people: `env.TOKEN changed (secret)`.
    pub text: String,
    /// Below the entry: `env.TOKEN`.
    pub names: Vec<String>,
    /// No field differs but secrets.
    pub is_secret_only: bool,
}

/// What changes inside an entry that is a table before and after; `None` for any other.
#[must_use]
pub fn of(change: &EntryChange, veil: &Veil, show_secrets: bool) -> Option<Fields> {
    let (Key::Value(pointer), Some(before), Some(after)) = (&change.key, &change.before, &change.after)
    else {
        return None;
    };
    let (Value::Object(_), Value::Object(_)) = (before, after) else { return None };
    let mut found = Found { veil, show_secrets, entry: pointer.len(), fields: Vec::new() };
    found.below(&mut pointer.clone(), Some(before), Some(after));
    let fields = found.fields;
    if fields.is_empty() {
        return None;
    }
    let mut told: Vec<String> = fields.iter().take(FIELDS_MAX).map(|own| own.told.clone()).collect();
    if fields.len() > FIELDS_MAX {
        told.push(format!("{} more", fields.len() - FIELDS_MAX));
    }
    Some(Fields {
        text: printable(&told.join(", ")),
        is_secret_only: fields.iter().all(|own| own.is_secret),
        names: fields.into_iter().map(|own| own.name).collect(),
    })
}

struct Field {
    name: String,
    told: String,
    is_secret: bool,
}

struct Found<'a> {
    veil: &'a Veil,
    show_secrets: bool,
    /// How many names lead to the entry.
    entry: usize,
    fields: Vec<Field>,
}

impl Found<'_> {
    fn below(&mut self, at: &mut Pointer, before: Option<&Value>, after: Option<&Value>) {
        match (before, after) {
            (Some(before), Some(after)) if equal(before, after) => {}
            (Some(Value::Object(old)), Some(Value::Object(new))) => {
                let gone = old.keys().filter(|name| !new.contains_key(*name));
                for name in new.keys().chain(gone) {
                    at.push(name.clone());
                    self.below(at, old.get(name), new.get(name));
                    at.pop();
                }
            }
            (Some(Value::Array(old)), Some(Value::Array(new))) if old.len() == new.len() => {
                for (index, (old, new)) in old.iter().zip(new).enumerate() {
                    at.push(index.to_string());
                    self.below(at, Some(old), Some(new));
                    at.pop();
                }
            }
            (before, after) => self.add(at, before, after),
        }
    }

    fn add(&mut self, at: &[String], before: Option<&Value>, after: Option<&Value>) {
        let name = dotted(&at[self.entry..]);
        let veiled = |value: &Value| match self.show_secrets {
            true => value.clone(),
            false => self.veil.value(at, value),
        };
        let (before, after) = (before.map(veiled), after.map(veiled));
        let is_secret = [&before, &after].into_iter().flatten().any(|own| *own == HIDDEN);
        let is_scalar = |value: &Value| !value.is_object() && !value.is_array();
        let said = |value: &Value| shorten(&shown("", value, self.show_secrets));
        let told = match (&before, &after) {
            (Some(_), Some(_)) if is_secret => format!("{name} changed (secret)"),
            (Some(before), Some(after)) if is_scalar(before) && is_scalar(after) => {
                format!("{name} {} → {}", said(before), said(after))
            }
            (Some(_), Some(_)) => format!("{name} changed"),
            (None, _) if is_secret => format!("{name} new (secret)"),
            (None, _) => format!("{name} new"),
            (_, None) if is_secret => format!("{name} gone (secret)"),
            (_, None) => format!("{name} gone"),
        };
        self.fields.push(Field { name, told, is_secret });
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::document::Action;

    fn told(before: Value, after: Value) -> Option<(String, bool)> {
        let change = EntryChange {
            key: Key::Value(vec!["mcpServers".into(), "github".into()]),
            action: Action::Update,
            before: Some(before),
            after: Some(after),
            origin: None,
        };
        of(&change, &Veil::default(), false).map(|found| (found.text, found.is_secret_only))
    }

    #[test]
    fn the_field_that_changes_is_named_and_a_secret_is_not_said() {
        let server = |token: &str, timeout: u32| json!({"command": "x", "env": {"API_TOKEN": token}, "timeout": timeout});
        assert_eq!(
            told(server("a", 1), server("b", 1)),
            Some(("env.API_TOKEN changed (secret)".into(), true))
        );
        assert_eq!(
            told(server("a", 1), server("b", 2)),
            Some(("env.API_TOKEN changed (secret), timeout 1 → 2".into(), false))
        );
        assert_eq!(
            told(json!({"args": ["a", "b"], "x": {}}), json!({"args": ["a", "c"], "y": [1]})),
            Some(("args.1 \"b\" → \"c\", y new, x gone".into(), false))
        );
        assert_eq!(told(json!({"a": 1}), json!({"a": 1.0})), None);
        let many = |n: u32| json!({"a": n, "b": n, "c": n, "d": n, "e": n});
        assert_eq!(
            told(many(1), many(2)).map(|own| own.0).as_deref(),
            Some("a 1 → 2, b 1 → 2, c 1 → 2, 2 more")
        );
    }
}
