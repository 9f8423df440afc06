//! The client's version, its folder, the administrator's settings.

use std::fmt;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::Finding;
use super::settings::differing;

/// A version of the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(pub u32, pub u32, pub u32);

impl Version {
    /// Reads what `claude --version` prints: `2.1.330 (Claude Code)`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let word = text.split_whitespace().next()?;
        let mut numbers = word.split('.').map(|part| part.parse().ok());
        let version = Self(numbers.next()??, numbers.next()??, numbers.next()??);
        numbers.next().is_none().then_some(version)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.0, self.1, self.2)
    }
}

/// What asking for the client's version came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Client {
    /// There is none on PATH.
    Missing,
    /// It is there and did not say.
    Silent(PathBuf),
    Known(PathBuf, Version),
}

impl Client {
    /// From its path and what it printed.
    #[must_use]
    pub fn of(path: Option<PathBuf>, said: Option<&str>) -> Self {
        match (path, said.and_then(Version::parse)) {
            (None, _) => Self::Missing,
            (Some(path), None) => Self::Silent(path),
            (Some(path), Some(version)) => Self::Known(path, version),
        }
    }

    /// Its version, if that is known.
    #[must_use]
    pub fn version(&self) -> Option<Version> {
        match self {
            Self::Known(_, version) => Some(*version),
            Self::Missing | Self::Silent(_) => None,
        }
    }

    /// What is worth saying of it.
    #[must_use]
    pub fn finding(&self) -> Option<Finding> {
        match self {
            Self::Known(..) => None,
            Self::Missing => Some(
                Finding::note("client-missing", "there is no `claude` on PATH")
                    .remedy("If it is installed elsewhere, its version was not looked at."),
            ),
            Self::Silent(path) => Some(
                Finding::warning("client-silent", "`claude --version` did not say its version in time")
                    .remedy("See what it says: claude --version")
                    .file(path),
            ),
        }
    }
}

/// `CLAUDE_CONFIG_DIR` leads the client elsewhere than where we look. Both without links.
#[must_use]
pub fn folder(root: &Path, config_dir: Option<&Path>, default: Option<&Path>) -> Option<Finding> {
    let read = config_dir.or(default)?;
    if read == root {
        return None;
    }
    let remedy = match config_dir {
        Some(_) => "Look there with `cs doctor`, or: unset CLAUDE_CONFIG_DIR".to_owned(),
        None => format!("It reads this one with: export CLAUDE_CONFIG_DIR={}", super::place::quoted(root)),
    };
    let because = if config_dir.is_some() { " (CLAUDE_CONFIG_DIR)" } else { "" };
    let message =
        format!("started from here, Claude Code reads {}{because}, not this folder", read.display());
    Some(Finding::warning("config-dir-differs", message).remedy(remedy).file(root))
}

/// Keys of the administrator's that silence what is not theirs.
const SILENCING: &[(&str, &str)] = &[
    ("allowManagedHooksOnly", "no other hook runs"),
    ("disableAllHooks", "no hook runs"),
    ("allowManagedPermissionRulesOnly", "no other permission rule counts"),
    ("allowManagedMcpServersOnly", "no other MCP server is used"),
];

/// What the administrator's settings do to those we look at.
#[must_use]
pub fn managed(ours: &Value, managed: &[(PathBuf, Value)]) -> Vec<Finding> {
    let mut found = Vec::new();
    for (file, theirs) in managed {
        for (name, effect) in SILENCING {
            if theirs.get(*name) == Some(&Value::Bool(true)) {
                let message = format!("{name} is set by your administrator: {effect}");
                found.push(
                    Finding::warning("managed-only", message)
                        .remedy("Ask who administers this machine.")
                        .file(file),
                );
            }
        }
        let mut names = Vec::new();
        differing(ours, theirs, &mut Vec::new(), &mut names);
        if !names.is_empty() {
            let message = format!("your administrator's value overrides yours: {}", names.join(", "));
            found.push(
                Finding::note("managed-override", message)
                    .remedy("Nothing in your own files changes that.")
                    .file(file),
            );
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn versions_are_compared_by_number() {
        assert_eq!(Version::parse("2.1.330 (Claude Code)\n"), Some(Version(2, 1, 330)));
        for other in ["", "claude", "2.1", "2.1.x", "1.2.3.4"] {
            assert_eq!(Version::parse(other), None, "{other}");
        }
        assert!(Version(2, 1, 99) < Version(2, 1, 295));
    }

    #[test]
    fn a_client_that_is_missing_or_silent_is_mentioned() {
        let code = |client: Client| client.finding().map(|own| own.code);
        assert_eq!(code(Client::of(None, None)), Some("client-missing"));
        assert_eq!(code(Client::of(Some("/c".into()), Some("what?"))), Some("client-silent"));
        assert_eq!(code(Client::of(Some("/c".into()), Some("2.1.0 (Claude Code)"))), None);
    }

    #[test]
    fn another_folder_than_the_client_s_is_told() {
        let (root, other) = (Path::new("/r"), Path::new("/o"));
        assert!(
            folder(root, Some(other), Some(root))
                .is_some_and(|own| own.message.contains("CLAUDE_CONFIG_DIR"))
        );
        assert!(folder(root, None, Some(other)).is_some_and(|own| own.remedy.contains("=/r")));
        assert_eq!(folder(root, Some(root), Some(other)), None);
        assert_eq!(folder(root, None, None), None);
    }

    #[test]
    fn the_administrator_s_settings_are_mentioned() {
        let ours = json!({"model": "opus", "env": {"A": "1", "B": "2"}, "permissions": {"allow": ["x"]}});
        let theirs = json!({"model": "haiku", "env": {"A": "1", "B": "3"}, "permissions": {"allow": []},
                            "allowManagedHooksOnly": true});
        let found = managed(&ours, &[("/etc/m.json".into(), theirs)]);
        let told: Vec<_> = found.iter().map(|own| own.code).collect();
        assert_eq!(told, ["managed-only", "managed-override"]);
        assert!(found[1].message.ends_with(": model, env.B"), "{}", found[1].message);
    }
}
