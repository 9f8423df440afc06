//! The grammar as a JSON Schema, for editors: they complete by it, underline what is wrong, and show what
//! a key is for.
//!
//! Of draft 7, the newest that taplo (and with it Even Better TOML) knows well. It says no more than the
//! checker does, and sometimes less: whether a source is there, or a condition well formed, only `cs plan` knows.

use serde_json::{Map, Value as Json, json};

use super::client::{self, EVENTS, Kind};
use super::grammar::{FORMAT, Field, SECTIONS, Shape, TOP};
use super::{builtin_names, names, settings};
use crate::model::sets;

/// The JSON Schema of a profile.
#[must_use]
pub fn schema() -> Json {
    let mut schema = json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "Profile of cs (claude-sync)",
        "description": "What Claude Code's configuration is to be. `cs plan` shows what that would change, `cs apply` changes it.",
    });
    add(&mut schema, closed(TOP.iter().chain(SECTIONS)));
    schema["required"] = json!(["format"]);
    // A file of a newer format is refused before anything in it is looked at.
    schema["properties"]["format"]["maximum"] = json!(FORMAT);
    schema["definitions"] = json!({ "secret": secret(), "unset": unset() });
    schema
}

/// Puts the members of `more` behind those of `schema`.
fn add(schema: &mut Json, more: Json) {
    let (Json::Object(schema), Json::Object(more)) = (schema, more) else {
        unreachable!("BUG: schemas are objects")
    };
    schema.extend(more);
}

/// A table with these keys and no others.
fn closed<'f>(fields: impl Iterator<Item = &'f Field>) -> Json {
    let properties: Map<String, Json> =
        fields.map(|field| (field.name.to_owned(), property(field))).collect();
    json!({ "type": "object", "additionalProperties": false, "properties": properties })
}

fn property(field: &Field) -> Json {
    let mut property = json!({ "description": field.about });
    add(&mut property, shape(&field.shape));
    if let (Shape::Named(_), Some(pattern)) = (&field.shape, names::pattern(field.name)) {
        property["propertyNames"] = json!({ "pattern": pattern });
    }
    property
}

fn shape(shape: &Shape) -> Json {
    match shape {
        Shape::Text => json!({ "type": "string", "minLength": 1 }),
        Shape::AnyText | Shape::Matcher => json!({ "type": "string" }),
        Shape::Bool => json!({ "type": "boolean" }),
        Shape::Integer(least, i64::MAX) => json!({ "type": "integer", "minimum": least }),
        Shape::Integer(least, most) => json!({ "type": "integer", "minimum": least, "maximum": most }),
        Shape::Number => json!({ "type": "number", "minimum": 0 }),
        Shape::Positive => json!({ "type": "number", "exclusiveMinimum": 0 }),
        Shape::Texts => json!({ "type": "array", "items": { "type": "string", "minLength": 1 } }),
        Shape::Profiles => {
            let builtins: Vec<String> = builtin_names().map(|name| format!("builtin:{name}")).collect();
            let items = json!({ "anyOf": [{ "enum": builtins }, { "type": "string", "minLength": 1 }] });
            json!({ "type": "array", "items": items })
        }
        Shape::OneOf(known) => json!({ "type": "string", "enum": known }),
        Shape::Events => {
            let event = json!({ "type": "string", "enum": EVENTS.as_slice() });
            json!({ "anyOf": [event, { "type": "array", "items": event }] })
        }
        Shape::Table(fields) => closed(fields.iter()),
        Shape::Named(fields) => json!({ "type": "object", "additionalProperties": closed(fields.iter()) }),
        Shape::Settings => client_settings(),
        Shape::Unset => {
            let mut table = json!({ "type": "object" });
            add(&mut table, raw());
            table["additionalProperties"] = json!({ "$ref": "#/definitions/unset" });
            json!({ "anyOf": [{ "type": "array", "items": { "type": "string", "minLength": 1 } }, table] })
        }
        Shape::Conditions => {
            let same = |field: &Field| json!({ "$ref": format!("#/properties/{}", field.name) });
            let properties: Map<String, Json> =
                SECTIONS.iter().map(|field| (field.name.to_owned(), same(field))).collect();
            let layer = json!({ "type": "object", "additionalProperties": false, "properties": properties });
            json!({ "type": "object", "additionalProperties": layer })
        }
        Shape::Secret => or_secret(json!({ "type": "string", "minLength": 1 })),
        Shape::Secrets => {
            json!({ "type": "array", "items": or_secret(json!({ "type": "string", "minLength": 1 })) })
        }
        Shape::TextTable => {
            json!({ "type": "object", "additionalProperties": or_secret(json!({ "type": "string" })) })
        }
        Shape::Servers(fields) => {
            let mut server = closed(fields.iter());
            // What newer clients take is not refused.
            server["additionalProperties"] = json!(true);
            server["oneOf"] = json!([{ "required": ["command"] }, { "required": ["url"] }]);
            let names = json!({ "pattern": "^[A-Za-z0-9_-]+$" });
            json!({ "type": "object", "propertyNames": names, "additionalProperties": server })
        }
        Shape::Free => json!({}),
    }
}

/// What a string may be instead.
fn or_secret(string: Json) -> Json {
    json!({ "anyOf": [string, { "$ref": "#/definitions/secret" }] })
}

/// Where a string is found that the profile does not say.
fn secret() -> Json {
    let form = |name: &str, value: Json, about: &str| {
        let mut properties = json!({
            "prefix": { "type": "string", "description": "What is put before it: \"Bearer \"." },
            "suffix": { "type": "string", "description": "What is put behind it." },
        });
        properties[name] = value;
        properties[name]["description"] = json!(about);
        json!({ "type": "object", "additionalProperties": false, "required": [name], "properties": properties })
    };
    let text = json!({ "type": "string", "minLength": 1 });
    let argv = json!({ "type": "array", "minItems": 1, "items": { "type": "string" } });
    json!({
        "anyOf": [
            form("env", text.clone(), "The variable of cs's environment that holds it."),
            form("file", text, "The file that holds it, relative to this profile, or below \"~\"."),
            form("command", argv, "The program that prints it, with its arguments; no shell runs it."),
        ]
    })
}

/// What is not to be there: a key, elements of a list, or that within a table.
fn unset() -> Json {
    json!({
        "anyOf": [
            { "const": true },
            { "type": "array", "items": { "type": "string" } },
            { "type": "object", "minProperties": 1, "additionalProperties": { "$ref": "#/definitions/unset" } },
        ]
    })
}

/// Keys of the client's settings that a profile declares elsewhere.
fn raw() -> Json {
    let refused =
        |instead: &str| json!({ "description": format!("Declare each under {instead}."), "not": {} });
    let properties: Map<String, Json> =
        settings::RAW.iter().map(|(name, instead)| ((*name).to_owned(), refused(instead))).collect();
    json!({ "properties": properties })
}

/// The client's own file, open: what a wrong type would void is said, the rest is the client's to judge.
fn client_settings() -> Json {
    let mut schema = json!({ "type": "object" });
    add(&mut schema, raw());
    for (pointer, kind, about) in client::typed() {
        let (last, parents) = pointer.split_last().expect("BUG: a setting has a name");
        let mut table = &mut schema;
        for name in parents {
            table = &mut table["properties"][*name];
        }
        if table.get("properties").is_none() {
            table["properties"] = json!({});
        }
        let mut setting = json!({ "description": about });
        add(&mut setting, client_kind(pointer, kind));
        table["properties"][*last] = setting;
    }
    schema
}

fn client_kind(pointer: &[&str], kind: Kind) -> Json {
    let pointer: &[String] = &pointer.iter().map(ToString::to_string).collect::<Vec<_>>();
    match kind {
        Kind::Text => or_secret(json!({ "type": "string" })),
        Kind::Bool => json!({ "type": "boolean" }),
        Kind::Number => json!({ "type": "number" }),
        Kind::Texts if sets::is_set(pointer) => json!({ "type": "array", "items": { "type": "string" } }),
        Kind::Texts => json!({ "type": "array", "items": or_secret(json!({ "type": "string" })) }),
        Kind::Table => json!({ "type": "object" }),
        Kind::TextTable => {
            json!({ "type": "object", "additionalProperties": or_secret(json!({ "type": "string" })) })
        }
        Kind::OneOf(known) => json!({ "type": "string", "enum": known }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every key a person can write in a profile says what it is for.
    #[test]
    fn every_key_has_a_description() {
        fn look(schema: &Json, at: &str, missing: &mut Vec<String>) {
            let properties = schema.get("properties").and_then(Json::as_object);
            for (name, property) in properties.into_iter().flatten() {
                let at = format!("{at}.{name}");
                let said = property.get("description").and_then(Json::as_str).unwrap_or_default();
                if property.get("$ref").is_none() && !said.ends_with('.') {
                    missing.push(at.clone());
                }
                look(property, &at, missing);
            }
            for below in ["additionalProperties", "items"] {
                schema.get(below).into_iter().for_each(|schema| look(schema, at, missing));
            }
            let branches = schema.get("anyOf").and_then(Json::as_array);
            branches.into_iter().flatten().for_each(|schema| look(schema, at, missing));
        }
        let mut missing = Vec::new();
        look(&schema(), "", &mut missing);
        assert_eq!(missing, Vec::<String>::new());
    }

    #[test]
    fn every_table_but_the_clients_is_closed() {
        let schema = schema();
        for pointer in ["", "/properties/guard", "/properties/hooks/additionalProperties"] {
            assert_eq!(schema.pointer(pointer).expect(pointer)["additionalProperties"], false, "{pointer}");
        }
        assert_eq!(schema["properties"]["settings"].get("additionalProperties"), None);
        assert!(!schema["properties"]["settings"].to_string().contains("definitions/unset"));
    }
}
