//! What to write in the place of a secret that a draft leaves where it is: all of the entry but the secret, which
//! is said by where it is found.

use serde_json::{Map, Value};

use super::toml::{key, spelled};
use crate::plan::secrets::looks_secret;

/// What a header's secret may begin with that is none of it.
const PREFIXES: &[&str] = &["Bearer ", "Basic ", "token "];

/// A line of `[settings]` that declares the setting at a pointer.
pub(super) fn setting(pointer: &[String], value: &Value) -> String {
    let name = pointer.last().map_or("", String::as_str);
    let at = pointer.iter().map(|name| key(name)).collect::<Vec<_>>().join(".");
    format!("{at} = {}   # in [settings]", Said { server: "" }.value(name, value))
}

/// The table that declares a server.
pub(super) fn server(name: &str, fields: &Map<String, Value>) -> String {
    // A variable has a name already.
    let said = |field: &str| Said { server: if field == "env" { "" } else { name } };
    let line = |(field, value): (&String, &Value)| match value {
        // One a line: a secret is easier to see.
        Value::Object(members) if !members.is_empty() => {
            let line = |(name, value): (&String, &Value)| {
                format!("{}.{} = {}", key(field), key(name), said(field).value(name, value))
            };
            members.iter().map(line).collect::<Vec<_>>().join("\n")
        }
        value => format!("{} = {}", key(field), said(field).value(field, value)),
    };
    let lines = fields.iter().map(line).collect::<Vec<_>>();
    format!("[mcp.{}]\n{}", key(name), lines.join("\n"))
}

/// How the secrets of an entry are said.
struct Said<'a> {
    /// The server they are of; empty where the name says enough.
    server: &'a str,
}

impl Said<'_> {
    /// A value with what looks like a secret in it said by where it is found.
    fn value(&self, name: &str, value: &Value) -> String {
        match value {
            Value::Object(members) => {
                let members = members
                    .iter()
                    .map(|(name, value)| format!("{} = {}", key(name), self.value(name, value)));
                format!("{{ {} }}", members.collect::<Vec<_>>().join(", "))
            }
            Value::Array(items) => {
                let items = items.iter().map(|item| self.value(name, item));
                format!("[{}]", items.collect::<Vec<_>>().join(", "))
            }
            Value::String(text) if looks_secret(name, value) => {
                let prefix = PREFIXES.iter().find(|prefix| text.starts_with(**prefix));
                let prefix = prefix.map(|prefix| format!(", prefix = {prefix:?}")).unwrap_or_default();
                format!("{{ env = {:?}{prefix} }}", self.variable(name))
            }
            plain => spelled(plain),
        }
    }

    /// The variable to keep it in: one that tells whose it is.
    fn variable(&self, name: &str) -> String {
        let name = match self.server {
            "" => name.to_owned(),
            server => format!("{server}_{name}"),
        };
        let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
        name.chars().map(plain).collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_secret_is_said_by_where_it_is_found_and_the_rest_as_it_is() {
        let at = ["env".to_owned(), "MY_TOKEN".to_owned()];
        assert_eq!(setting(&at, &json!("x")), "env.MY_TOKEN = { env = \"MY_TOKEN\" }   # in [settings]");
        let fields = json!({
            "type": "http", "url": "https://me:pw@example.org",
            "headers": {"Authorization": "Bearer abcdefgh12345678", "X-Team": "a"},
        });
        assert_eq!(
            server("git-hub", fields.as_object().expect("an object")),
            "[mcp.git-hub]\ntype = \"http\"\nurl = { env = \"GIT_HUB_URL\" }\n\
             headers.Authorization = { env = \"GIT_HUB_AUTHORIZATION\", prefix = \"Bearer \" }\nheaders.X-Team = \"a\""
        );
        let fields = json!({
            "command": "x", "args": ["--token=ghp_0123456789abcdefABCDEF", "-v"], "env": {"DB_PASSWORD": "hunter2"},
        });
        assert_eq!(
            server("a", fields.as_object().expect("an object")),
            "[mcp.a]\ncommand = \"x\"\nargs = [{ env = \"A_ARGS\" }, \"-v\"]\nenv.DB_PASSWORD = { env = \"DB_PASSWORD\" }"
        );
    }
}
