//! JSON values as TOML spells them.

use serde_json::Value;
use toml_edit::{Array, InlineTable};

/// The value, where TOML has it: it knows no `null` and no integer past 64 bits with a sign.
pub(super) fn value(json: &Value) -> Option<toml_edit::Value> {
    Some(match json {
        Value::Null => return None,
        Value::Bool(is) => (*is).into(),
        Value::Number(number) => match number.as_i64() {
            Some(integer) => integer.into(),
            None if number.is_u64() => return None,
            None => number.as_f64()?.into(),
        },
        Value::String(text) => text.as_str().into(),
        Value::Array(items) => items.iter().map(value).collect::<Option<Array>>()?.into(),
        Value::Object(members) => {
            let members = members.iter().map(|(name, member)| Some((name.as_str(), value(member)?)));
            members.collect::<Option<InlineTable>>()?.into()
        }
    })
}

/// The value as it stands behind a `=`; empty where TOML has none.
pub(super) fn spelled(json: &Value) -> String {
    value(json).map(|value| value.to_string().trim().to_owned()).unwrap_or_default()
}

/// A name as it stands in a key.
pub(super) fn key(name: &str) -> String {
    let is_bare =
        !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'));
    if is_bare { name.to_owned() } else { spelled(&Value::from(name)) }
}
