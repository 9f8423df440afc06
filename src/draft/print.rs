//! A draft as TOML, with a comment on each part.

use std::fmt::Write as _;

use serde_json::{Map, Value};

use super::hooks::Hook;
use super::toml::{key, spelled};
use super::{Draft, Item, Section};
use crate::model::sets;

/// A profile's text, and which of its lines is whose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Printed {
    pub text: String,
    /// The item that each line belongs to.
    owners: Vec<Option<usize>>,
}

impl Printed {
    /// The item at a line, from 1.
    pub(super) fn item_at(&self, line: usize) -> Option<usize> {
        self.owners.get(line.checked_sub(1)?).copied().flatten()
    }

    fn line(&mut self, owner: Option<usize>, text: &str) {
        self.text.push_str(text);
        self.text.push('\n');
        self.owners.extend(text.split('\n').map(|_| owner));
    }

    fn comment(&mut self, lines: &[&str]) {
        self.line(None, "");
        lines.iter().for_each(|line| self.line(None, &format!("# {line}")));
    }
}

/// What a profile begins with that declares nothing yet.
#[must_use]
pub fn skeleton(extends: Option<&str>) -> String {
    let mut text = format!(
        "{SCHEMA}\n# A profile for Claude Code. cs plan shows what it would change, cs apply changes it.\nformat = 1\n"
    );
    match extends {
        Some(name) => {
            let _ = writeln!(text, "extends = [{}]", spelled(&Value::from(name)));
        }
        None => text.push_str(
            "# extends = [\"builtin:default\"]            # or builtin:learning, for the bundled hooks\n",
        ),
    }
    text.push_str(SKELETON);
    text
}

/// What an editor goes by: the schema lies beside the profile.
const SCHEMA: &str = "#:schema ./claude-sync.schema.json";

const SKELETON: &str = r#"
# Entries of settings.json that are enforced. Everything else in that file stays yours.
# [settings]
# permissions.allow = ["Bash(cargo test:*)"]

# Written only where there is none; yours once you, or Claude Code, change them.
# [defaults]
# model = "opus"

# A hook. `source` is a file beside this one; it becomes ~/.claude/hooks/NAME.
# [hooks.format-rust]
# event = "PostToolUse"
# matcher = "Edit|Write"
# source = "hooks/format-rust.sh"

# Files: likewise [commands.NAME], [skills.NAME] (a folder), [rules.NAME], [output-styles.NAME].
# [agents.reviewer]
# source = "agents/reviewer.md"
# [files."CLAUDE.md"]
# source = "CLAUDE.md"
"#;

impl Draft {
    /// The profile. `from` is the folder it was made from, as people write it.
    #[must_use]
    pub fn print(&self, from: &str) -> Printed {
        let mut out = Printed { text: String::new(), owners: Vec::new() };
        out.line(None, SCHEMA);
        out.line(
            None,
            &format!(
                "# Made from {from} by cs init. cs plan shows what it would change, cs apply changes it."
            ),
        );
        out.line(None, "format = 1");
        out.comment(&[
            "What is there already, and as it is declared here, is cs's from the first apply on: taken out of this",
            "file, it goes for good; cs uninstall gives back everything else as it was.",
        ]);
        out.line(None, "adopt = true");
        self.settings(
            &mut out,
            Section::Settings,
            &["Enforced. Other entries of settings.json stay as they are."],
        );
        self.settings(
            &mut out,
            Section::Defaults,
            &["Written only where there is none: Claude Code changes these itself (/model, plugins), and then", "they are yours."],
        );
        self.hook_tables(&mut out);
        self.server_tables(&mut out);
        self.installs_tables(&mut out);
        let left = self.left();
        if !left.is_empty() {
            out.comment(&["Left where it is, and not declared:"]);
            let is_secret = left.iter().any(|left| left.why.contains("secret"));
            for left in left {
                let what = left.what.replace(|c: char| c.is_control(), " ");
                out.line(None, &format!("#   {what}: {}", left.why));
            }
            if is_secret {
                self.secrets(&mut out);
            }
        }
        out
    }

    /// How the secrets that stay could be declared: those that were found, as far as they can be.
    fn secrets(&self, out: &mut Printed) {
        out.comment(&[
            "A secret is declared by where it is found, and cs puts it in: { env = \"NAME\" }, { file = \"path\" } or",
            "{ command = [\"pass\", \"show\", \"x\"] }. To declare what was left for one:",
        ]);
        let (tables, lines): (Vec<&str>, Vec<&str>) = self.instead().partition(|text| text.starts_with('['));
        let example = "env.MY_TOKEN = { env = \"MY_TOKEN\" }   # in [settings]";
        let is_none = tables.is_empty() && lines.is_empty();
        for text in lines.into_iter().chain(is_none.then_some(example)).chain(tables) {
            text.lines().for_each(|line| out.line(None, &format!("#   {line}")));
        }
    }

    fn settings(&self, out: &mut Printed, wanted: Section, comment: &[&str]) {
        let of = |at: usize| match &self.items[at] {
            Item::Setting { section, pointer, value } if *section == wanted => Some((pointer, value)),
            _ => None,
        };
        let mine: Vec<usize> = (0..self.items.len()).filter(|at| of(*at).is_some()).collect();
        if mine.is_empty() {
            return;
        }
        out.comment(comment);
        out.line(None, &format!("[{}]", wanted.name()));
        let mut done = 0;
        while let Some(&at) = mine.get(done) {
            let Some((pointer, value)) = of(at) else { break };
            let name = pointer.iter().map(|name| key(name)).collect::<Vec<_>>().join(".");
            if !sets::is_set(pointer) {
                out.line(Some(at), &format!("{name} = {}", spelled(value)));
                done += 1;
                continue;
            }
            let list: Vec<usize> = mine[done..]
                .iter()
                .copied()
                .take_while(|at| of(*at).is_some_and(|(p, _)| p == pointer))
                .collect();
            out.line(None, &format!("{name} = ["));
            for &at in &list {
                if let Some((_, value)) = of(at) {
                    out.line(Some(at), &format!("  {},", spelled(value)));
                }
            }
            out.line(None, "]");
            done += list.len();
        }
    }

    fn hook_tables(&self, out: &mut Printed) {
        let mut is_first = true;
        for (at, item) in self.items.iter().enumerate() {
            let Item::Hook(hook) = item else { continue };
            if is_first {
                out.comment(&["Hooks. `source` is a file beside this one and becomes hooks/NAME; a `command` is run as it stands."]);
                is_first = false;
            } else {
                out.line(None, "");
            }
            hook_table(hook, at, out);
        }
    }

    fn server_tables(&self, out: &mut Printed) {
        let mut is_first = true;
        for (at, item) in self.items.iter().enumerate() {
            let Item::Server { name, fields } = item else { continue };
            if is_first {
                out.comment(&["MCP servers, in Claude Code's own file."]);
                is_first = false;
            } else {
                out.line(None, "");
            }
            server_table(name, fields, at, out);
        }
    }

    fn installs_tables(&self, out: &mut Printed) {
        let mut is_first = true;
        for (at, item) in self.items.iter().enumerate() {
            let Item::Install { section, name, source } = item else { continue };
            if is_first {
                out.comment(&["Files and folders, by what they are to Claude Code."]);
                is_first = false;
            } else {
                out.line(None, "");
            }
            install_table((section, name, source), at, out);
        }
    }
}

/// The table of one file or folder.
pub(super) fn install_text(section: &str, name: &str, source: &str) -> String {
    let mut out = Printed { text: String::new(), owners: Vec::new() };
    install_table((section, name, source), 0, &mut out);
    out.text
}

fn install_table((section, name, source): (&str, &str, &str), at: usize, out: &mut Printed) {
    out.line(Some(at), &format!("[{section}.{}]", key(name)));
    out.line(Some(at), &format!("source = {}", spelled(&Value::from(source))));
}

/// The table of one server.
pub(super) fn server_text(name: &str, fields: &Map<String, Value>) -> String {
    let mut out = Printed { text: String::new(), owners: Vec::new() };
    server_table(name, fields, 0, &mut out);
    out.text
}

fn server_table(name: &str, fields: &Map<String, Value>, at: usize, out: &mut Printed) {
    out.line(Some(at), &format!("[mcp.{}]", key(name)));
    for (field, value) in fields {
        out.line(Some(at), &format!("{} = {}", key(field), spelled(value)));
    }
}

/// The table of one hook.
pub(super) fn hook_text(hook: &Hook) -> String {
    let mut out = Printed { text: String::new(), owners: Vec::new() };
    hook_table(hook, 0, &mut out);
    out.text
}

fn hook_table(hook: &Hook, at: usize, out: &mut Printed) {
    let events = match hook.events.as_slice() {
        [one] => Value::from(one.as_str()),
        several => Value::from(several.to_vec()),
    };
    let mut lines = vec![("event", events)];
    lines.extend(hook.matcher.as_ref().map(|matcher| ("matcher", Value::from(matcher.as_str()))));
    lines.push(match &hook.source {
        Some(source) => ("source", Value::from(source.as_str())),
        None => ("command", Value::from(hook.command.as_str())),
    });
    lines.extend(hook.fields.iter().cloned());
    out.line(Some(at), &format!("[hooks.{}]", key(&hook.name)));
    for (name, value) in &lines {
        out.line(Some(at), &format!("{name} = {}", spelled(value)));
    }
}
