//! `[guard]` of the profile, as it stands in `runtime.json`.

use serde_json::Value;

use super::Decision;

/// What a family answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    Ask,
    Deny,
    Off,
}

impl Answer {
    fn of(value: &Value) -> Option<Self> {
        match value.as_str()? {
            "ask" => Some(Self::Ask),
            "deny" => Some(Self::Deny),
            "off" => Some(Self::Off),
            _ => None,
        }
    }
}

/// The families that a profile can set.
pub const FAMILY_NAMES: [&str; 10] = [
    "filesystem",
    "git",
    "devices",
    "permissions",
    "databases",
    "containers",
    "cloud",
    "packages",
    "remote-code",
    "secrets",
];

/// What the profile says about guarding.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Config {
    /// What families answer that say nothing themselves; `None` is what each rule would.
    default: Option<Answer>,
    families: [Option<Answer>; 10],
    exceptions: Vec<String>,
    /// Folders in which nothing is asked about; absolute, or starting with `~`.
    paths: Vec<String>,
    /// Folders in which everything is.
    protected: Vec<String>,
    is_blocking: bool,
    /// The home folder that `~` in paths stands for.
    home: String,
}

impl Config {
    /// Reads the object under `guard`; what is unknown or has the wrong shape is left out.
    #[must_use]
    pub fn from_json(value: &Value) -> Self {
        let texts = |name: &str| {
            let list = value.get(name).and_then(Value::as_array);
            let texts = list.into_iter().flatten().filter_map(Value::as_str);
            texts.map(str::to_owned).collect::<Vec<_>>()
        };
        Self {
            default: value.get("default").and_then(Answer::of),
            families: FAMILY_NAMES.map(|name| value.get(name).and_then(Answer::of)),
            exceptions: texts("exceptions"),
            paths: texts("paths"),
            protected: texts("protected-paths"),
            is_blocking: value.get("on-failure").and_then(Value::as_str) == Some("block"),
            home: String::new(),
        }
    }

    /// With `~` in its paths put in.
    #[must_use]
    pub fn at_home(mut self, home: &str) -> Self {
        let full = |path: &mut String| {
            if let Some(rest) = path.strip_prefix('~') {
                *path = format!("{}{rest}", home.trim_end_matches('/'));
            }
            path.truncate(path.trim_end_matches('/').len());
        };
        self.paths.iter_mut().for_each(full);
        self.protected.iter_mut().for_each(full);
        home.clone_into(&mut self.home);
        self
    }

    /// Whether the profile wants a stop where the guard itself fails.
    #[must_use]
    pub fn blocks_on_failure(&self) -> bool {
        self.is_blocking
    }

    /// What to do where `rule` would answer `usual`.
    pub(super) fn decide(&self, rule: &str, usual: Decision) -> Option<Decision> {
        if self.exceptions.iter().any(|exception| exception == rule) {
            return None;
        }
        let family = rule.split('/').next().unwrap_or_default();
        let place = FAMILY_NAMES.iter().position(|name| *name == family);
        let own = place.and_then(|place| self.families[place]);
        match own.or(self.default) {
            Some(Answer::Off) => None,
            Some(Answer::Deny) => Some(Decision::Deny),
            // What can't be meant is denied, unless the family itself is set to ask.
            Some(Answer::Ask) if own.is_some() => Some(Decision::Ask),
            Some(Answer::Ask) | None => Some(usual),
        }
    }

    pub(super) fn is_excepted_path(&self, path: &str) -> bool {
        !self.protects(path) && self.paths.iter().any(|folder| is_in(path, folder))
    }

    /// Whether the profile protects what is at `path`.
    pub(super) fn protects(&self, path: &str) -> bool {
        self.protected.iter().any(|folder| is_in(path, folder))
    }

    /// Whether the profile protects something at or below `path`.
    pub(super) fn protects_below(&self, path: &str) -> bool {
        self.protects(path) || self.protected.iter().any(|folder| is_in(folder, path))
    }
}

/// Whether `path` is `folder` or below it.
fn is_in(path: &str, folder: &str) -> bool {
    !folder.is_empty()
        && path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}
