//! What of a document nobody is shown: the places where declared secrets stand, before and after, and the
//! texts that stand there, wherever else they are.
//!
//! A place hides whatever it holds, however little it looks like a secret.

use std::collections::BTreeSet;
use std::fmt;

use serde_json::{Value, json};

use super::secrets::{HIDDEN, looks_secret, mask_line};
use crate::document::outline;
use crate::model::secret::find;
use crate::model::{Declared, DocumentLedger, How, Pointer, Secrets};

/// A text as short as that may stand anywhere in others without being told by it.
const PART_BYTES_MIN: usize = 6;

/// Stands for a secret in what is kept of a document: it looks like one, and is none.
const STAND_IN: &str = "sk-not-kept-by-claude-sync";

/// What is hidden in one document. Not printable.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Veil {
    places: Vec<Pointer>,
    texts: BTreeSet<String>,
}

impl fmt::Debug for Veil {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Veil({} places)", self.places.len())
    }
}

impl Veil {
    /// What is to be hidden where these are declared, and were written by `known`; `values` are the document
    /// before and after.
    #[must_use]
    pub fn of(
        declared: &[Declared],
        known: &[&DocumentLedger],
        secrets: &Secrets,
        values: [Option<&Value>; 2],
    ) -> Self {
        let mut veil = Self::default();
        for own in declared {
            for secret in &own.secrets {
                veil.places.push([own.key.pointer(), secret.at.clone()].concat());
                if let Some(found) = secrets.get(&secret.source) {
                    veil.texts.insert(found.to_owned());
                    veil.texts.insert(secret.text(found));
                }
            }
        }
        let rows = known.iter().flat_map(|own| &own.rows);
        for row in rows.clone() {
            let earlier = row.earlier_secrets.iter().flat_map(|wrote| &wrote.secrets);
            for marked in row.secrets.iter().chain(earlier) {
                veil.places.push([row.key.pointer(), marked.at.clone()].concat());
            }
        }
        veil.places.sort();
        veil.places.dedup();
        for value in values.into_iter().flatten() {
            let found: Vec<&Value> = veil.places.iter().filter_map(|place| find(value, place)).collect();
            found.into_iter().for_each(|value| veil.add(value));
        }
        for row in rows {
            let How::Replaced(before) = &row.how else { continue };
            let Ok(value) = serde_json::from_str::<Value>(&before.text) else { continue };
            let at = row.key.pointer();
            let below = veil.places.iter().filter_map(|place| place.strip_prefix(at.as_slice()));
            let found: Vec<Value> = below.filter_map(|below| find(&value, below).cloned()).collect();
            found.iter().for_each(|value| veil.add(value));
        }
        veil
    }

    fn add(&mut self, value: &Value) {
        match value {
            Value::String(text) if !text.is_empty() => drop(self.texts.insert(text.clone())),
            Value::Object(members) => members.values().for_each(|value| self.add(value)),
            Value::Array(items) => items.iter().for_each(|value| self.add(value)),
            _ => {}
        }
    }

    /// Whether nothing is hidden but what looks like a secret.
    #[must_use]
    pub fn is_clear(&self) -> bool {
        self.places.is_empty()
    }

    fn is_place(&self, at: &[String]) -> bool {
        self.places.iter().any(|place| at.starts_with(place))
    }

    /// Whether a text is one of the hidden ones, or has one in it.
    #[must_use]
    pub fn hides(&self, text: &str) -> bool {
        self.texts.contains(text)
            || self.texts.iter().any(|own| own.len() >= PART_BYTES_MIN && text.contains(own.as_str()))
    }

    /// The value that stands at `at` for people's eyes: what looks like a secret is hidden, too.
    #[must_use]
    pub fn value(&self, at: &[String], value: &Value) -> Value {
        match value {
            Value::Object(members) => {
                let below = |(name, own): (&String, &Value)| {
                    (name.clone(), self.value(&[at, std::slice::from_ref(name)].concat(), own))
                };
                members.iter().map(below).collect()
            }
            Value::Array(items) => {
                let below =
                    |(index, own): (usize, &Value)| self.value(&[at, &[index.to_string()]].concat(), own);
                items.iter().enumerate().map(below).collect()
            }
            value if self.is_hidden(at, value) => json!(HIDDEN),
            value => value.clone(),
        }
    }

    fn is_hidden(&self, at: &[String], value: &Value) -> bool {
        let index = |name: &&String| name.parse::<usize>().is_err();
        let name = at.iter().rev().find(index).map(String::as_str).unwrap_or_default();
        self.is_place(at)
            || looks_secret(name, value)
            || value.as_str().is_some_and(|text| !text.is_empty() && self.hides(text))
    }

    /// The document with something in each secret's place that looks like one: what compares it with what
    /// comes later passes over such places, then and now.
    #[must_use]
    pub fn stand_in(&self, value: &Value) -> Value {
        fn replaced(value: Value) -> Value {
            match value {
                Value::Object(members) => {
                    members.into_iter().map(|(name, own)| (name, replaced(own))).collect()
                }
                Value::Array(items) => items.into_iter().map(replaced).collect(),
                value if value == HIDDEN => json!(STAND_IN),
                value => value,
            }
        }
        replaced(self.value(&[], value))
    }

    /// Whether nothing of the document is hidden.
    #[must_use]
    pub fn is_plain(&self, value: &Value) -> bool {
        fn below(veil: &Veil, at: &mut Pointer, value: &Value) -> bool {
            let mut look = |name: String, own: &Value| {
                at.push(name);
                let is_plain = below(veil, at, own);
                at.pop();
                is_plain
            };
            match value {
                Value::Object(members) => members.iter().all(|(name, own)| look(name.clone(), own)),
                Value::Array(items) => {
                    items.iter().enumerate().all(|(index, own)| look(index.to_string(), own))
                }
                value => !veil.is_hidden(at, value),
            }
        }
        below(self, &mut Vec::new(), value)
    }

    /// A patch of the document for people's eyes.
    #[must_use]
    pub fn patch(&self, patch: &Value) -> Value {
        let mut patch = patch.clone();
        for operation in patch.as_array_mut().into_iter().flatten() {
            let path = operation.get("path").and_then(Value::as_str).unwrap_or_default();
            let part = |part: &str| part.replace("~1", "/").replace("~0", "~");
            let at: Vec<String> = path.split('/').skip(1).map(part).collect();
            if let Some(value) = operation.get_mut("value") {
                *value = self.value(&at, value);
            }
        }
        patch
    }

    /// The lines of a document for people's eyes, as many as it has.
    #[must_use]
    pub fn lines(&self, text: &str) -> Vec<String> {
        let scalars = if self.is_clear() { Vec::new() } else { outline::scalars(text).unwrap_or_default() };
        let mut out = String::with_capacity(text.len());
        let mut from = 0;
        for (at, range) in scalars {
            let value = serde_json::from_str::<Value>(&text[range.clone()]).unwrap_or_default();
            // What only looks like one is told by its line.
            if self.is_place(&at) || value.as_str().is_some_and(|text| !text.is_empty() && self.hides(text)) {
                out.push_str(&text[from..range.start]);
                out.push_str(HIDDEN);
                from = range.end;
            }
        }
        out.push_str(&text[from..]);
        out.lines().map(mask_line).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Key, Mark, Origin, Secret, Source, Want};

    fn pointer(at: &str) -> Pointer {
        at.split('.').map(str::to_owned).collect()
    }

    fn veil(text: &str) -> (Veil, Value) {
        let secret = |at: &[&str]| Secret {
            at: at.iter().map(ToString::to_string).collect(),
            source: Source::Env("X".into()),
            prefix: String::new(),
            suffix: String::new(),
            origin: Origin::default(),
            mark: Some(Mark::new([0; 16], "a")),
        };
        let own = |at: &str, secrets| Declared {
            key: Key::Value(pointer(at)),
            want: Want::Enforced(Value::Null),
            origin: Origin::default(),
            secrets,
        };
        let declared = [own("env.FOO", vec![secret(&[])]), own("s", vec![secret(&["args", "1"])])];
        let value: Value = serde_json::from_str(text).expect("valid");
        (Veil::of(&declared, &[], &Secrets::default(), [Some(&value), None]), value)
    }

    #[test]
    fn a_place_hides_whatever_stands_there_and_that_text_everywhere() {
        let text = "{\n \"env\": {\"FOO\": \"hunter2\", \"BAR\": \"x\"},\n \"s\": {\"args\": [\"-k\", \"pw\",\n\"pw\"]},\n \
                    \"note\": \"it is hunter2!\", \"pw\": \"pwd\"\n}";
        let (veil, value) = veil(text);
        let shown = json!({"env": {"FOO": "(secret)", "BAR": "x"}, "s": {"args": ["-k", "(secret)", "(secret)"]},
            "note": "(secret)", "pw": "pwd"});
        assert_eq!(veil.value(&[], &value), shown);
        assert!(!veil.is_plain(&value) && veil.is_plain(&json!({"env": {"BAR": ["x"]}})));
        let lines = veil.lines(text);
        assert_eq!(lines.len(), text.lines().count());
        assert_eq!(lines[1], " \"env\": {\"FOO\": (secret), \"BAR\": \"x\"},");
        assert_eq!(lines[3], "(secret)]},");
        assert_eq!(lines[4], " \"note\": (secret), \"pw\": \"pwd\"");
    }

    #[test]
    fn patches_are_hidden_at_and_below_and_above_a_place() {
        let (veil, _) = veil(r#"{"env": {"FOO": "hunter2"}}"#);
        let patch = json!([
            {"op": "add", "path": "/env/FOO", "value": "a"},
            {"op": "add", "path": "/env", "value": {"FOO": "a", "B": "b"}},
            {"op": "replace", "path": "/env/FOO/deep", "value": 1},
            {"op": "remove", "path": "/env/FOO"},
        ]);
        let shown = json!([
            {"op": "add", "path": "/env/FOO", "value": "(secret)"},
            {"op": "add", "path": "/env", "value": {"FOO": "(secret)", "B": "b"}},
            {"op": "replace", "path": "/env/FOO/deep", "value": "(secret)"},
            {"op": "remove", "path": "/env/FOO"},
        ]);
        assert_eq!(veil.patch(&patch), shown);
    }
}
