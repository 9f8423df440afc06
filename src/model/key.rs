//! Names of the entries that can be owned inside a document.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The names from a document's root to a value; empty is the root itself.
pub type Pointer = Vec<String>;

/// The smallest thing in a document that can be owned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Key {
    /// The value at a pointer: a scalar, a list that is no set, or an empty object.
    Value(Pointer),
    /// One element of a list that is a set.
    Element {
        /// Where the list is.
        list: Pointer,
        /// The element itself.
        value: Value,
    },
    /// One hook.
    Hook(HookId),
}

/// What identifies a hook: event, matcher and command; nothing else does, because the
/// client drops whatever else one could mark it with.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HookId {
    /// The client's name of the event.
    pub event: String,
    /// As written; an absent matcher, `""` and `"*"` all mean "every" and are kept as `""`.
    pub matcher: String,
    /// The command as it would be written.
    pub command: String,
}

/// How a hook that a project shares begins: its command is found wherever the project lies, by the variable that
/// the client sets for every hook.
pub const SHARED_HOOKS: &str = "\"$CLAUDE_PROJECT_DIR\"/.claude/hooks/";

impl HookId {
    /// An id with the matcher brought to its one form.
    #[must_use]
    pub fn new(event: &str, matcher: Option<&str>, command: &str) -> Self {
        let matcher = matcher.filter(|m| *m != "*").unwrap_or_default();
        Self { event: event.to_owned(), matcher: matcher.to_owned(), command: command.to_owned() }
    }
}

impl Key {
    /// The pointer of the value, list or event list the entry lies in or at.
    #[must_use]
    pub fn pointer(&self) -> Pointer {
        match self {
            Self::Value(pointer) => pointer.clone(),
            Self::Element { list, .. } => list.clone(),
            Self::Hook(hook) => vec!["hooks".to_owned(), hook.event.clone()],
        }
    }
}

/// Writes a pointer the way people do: `permissions.allow`, `env."a.b"`.
#[must_use]
pub fn dotted(pointer: &[String]) -> String {
    let bare = |name: &str| {
        !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '$'))
    };
    let names = pointer.iter().map(|name| if bare(name) { name.clone() } else { format!("{name:?}") });
    names.collect::<Vec<_>>().join(".")
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Value(pointer) => f.write_str(&dotted(pointer)),
            Self::Element { list, value: Value::String(text) } => write!(f, "{}  {text}", dotted(list)),
            Self::Element { list, value } => write!(f, "{}  {value}", dotted(list)),
            Self::Hook(HookId { event, matcher, command }) if matcher.is_empty() => {
                write!(f, "hooks.{event}  {command}")
            }
            Self::Hook(HookId { event, matcher, command }) => {
                write!(f, "hooks.{event}  {matcher} → {command}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_to_write_all_is_one_matcher() {
        let ids = [None, Some(""), Some("*")].map(|m| HookId::new("Stop", m, "true"));
        assert!(ids.iter().all(|id| id == &ids[0]));
        assert_ne!(HookId::new("Stop", Some("Bash"), "true"), ids[0]);
    }

    #[test]
    fn keys_read_as_people_write_them() {
        let pointer = vec!["enabledPlugins".to_owned(), "a@b.c".to_owned()];
        assert_eq!(Key::Value(pointer).to_string(), "enabledPlugins.\"a@b.c\"");
        let element =
            Key::Element { list: vec!["permissions".into(), "allow".into()], value: "Bash(ls)".into() };
        assert_eq!(element.to_string(), "permissions.allow  Bash(ls)");
    }
}
