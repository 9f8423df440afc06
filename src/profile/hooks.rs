//! `[hooks.NAME]`: the hook's file and its entry per event.

use std::collections::{BTreeSet, HashMap, HashSet};

use serde_json::{Map, Value as Json, json};

use super::Target;
use super::client::TOOL_EVENTS;
use super::diagnostic::{Spot, named};
use super::installs::Out;
use super::script;
use super::shared;
use super::tree::{self, Entry, Node, Table};
use crate::model::{Content, Declared, FileSpec, HookId, Key, Kind, ManagedPath, Origin, SHARED_HOOKS, Want};

/// The profile's key and the client's, in the order the client prints them: what a hook has beside its command.
pub const FIELDS: [(&str, &str); 8] = [
    ("args", "args"),
    ("if", "if"),
    ("shell", "shell"),
    ("timeout", "timeout"),
    ("on-failure", "onFailure"),
    ("status-message", "statusMessage"),
    ("async", "async"),
    ("async-rewake", "asyncRewake"),
];

/// The bundled hook that guards.
const GUARD: &str = "intelligent-optimizer";

/// The entries of hooks, in the order they are declared.
pub(super) struct Rendered {
    /// For whoever applies the profile.
    pub own: Vec<Declared>,
    /// For whoever has the project.
    pub shared: Vec<Declared>,
    /// What is left out, since it runs anyway.
    pub left_out: BTreeSet<String>,
}

/// Renders every hook; files and installs go into `out`. `guard` is the profile's own.
pub(super) fn render(tables: &Table, target: &Target, guard: &Json, out: &mut Out<'_>) -> Rendered {
    // One that would answer differently has something to say beside the other.
    let is_own = !guard.is_null() && *guard != target.elsewhere.guard;
    let runs_anyway = |name: &String| !(is_own && name == GUARD);
    let mut hooks = Hooks {
        target,
        elsewhere: target.elsewhere.hooks.iter().filter(|name| runs_anyway(name)).collect(),
        left_out: BTreeSet::new(),
        blocks: tree::table(tables, "guard")
            .and_then(|guard| tree::text(guard, "on-failure"))
            .map(|(v, _)| v)
            == Some("block"),
        seen: HashMap::new(),
        declared: Vec::new(),
        shared: Vec::new(),
    };
    for (name, entry) in tree::table(tables, "hooks").into_iter().flatten() {
        hooks.hook(name, entry, out);
    }
    Rendered { own: hooks.declared, shared: hooks.shared, left_out: hooks.left_out }
}

struct Hooks<'t> {
    target: &'t Target,
    /// Bundled hooks that run here anyway: a second run would ask twice and count twice.
    elsewhere: BTreeSet<&'t String>,
    left_out: BTreeSet<String>,
    /// `[guard] on-failure = "block"`: holds for a guard that is missing or killed as well.
    blocks: bool,
    seen: HashMap<HookId, Spot>,
    declared: Vec<Declared>,
    shared: Vec<Declared>,
}

impl Hooks<'_> {
    fn hook(&mut self, name: &str, entry: &Entry, out: &mut Out<'_>) {
        let Some(table) = entry.node.table() else { return };
        let events = events(name, entry, table, out);
        if !shared::check(name, table, self.target, out) {
            return;
        }
        let Some(command) = self.command(name, entry, table, out) else { return };
        let json = self.json(table, &command);
        let matcher = tree::text(table, "matcher").map(|(matcher, _)| matcher);
        for (event, at) in events {
            let id = HookId::new(event, matcher, &command);
            if let Some(first) = self.seen.insert(id.clone(), entry.at) {
                let first = out.report.origin(first);
                let message = format!("[hooks.{name}] is the same hook as the one at {first}");
                out.report.error(entry.at, message).help("event, matcher and command are what a hook is");
                continue;
            }
            let origin = Origin { hook: Some(name.to_owned()), ..out.report.origin(at) };
            let (key, want) = (Key::Hook(id), Want::Enforced(json.clone()));
            let declared = Declared { key, want, origin, secrets: Vec::new() };
            match shared::is_asked_for(table) {
                true => self.shared.push(declared),
                false => self.declared.push(declared),
            }
        }
        warn_if(table, out);
    }

    /// The command the client runs; what it needs is installed.
    fn command(&mut self, name: &str, entry: &Entry, table: &Table, out: &mut Out<'_>) -> Option<String> {
        let given: Vec<&str> =
            ["source", "builtin", "command"].into_iter().filter(|key| table.contains_key(*key)).collect();
        if given.len() != 1 {
            let what = if given.is_empty() { "nothing" } else { "more than one thing" };
            out.report
                .error(entry.at, format!("[hooks.{name}] says {what} to run"))
                .help("give it one of `source` (a script), `builtin` or `command`");
            return None;
        }
        if let (false, Some(args)) = (given == ["command"], table.get("args")) {
            out.report
                .error(args.at, "`args` goes with `command` only")
                .help("read arguments from the hook's own file");
        }
        if let Some((command, _)) = tree::text(table, "command") {
            if let Some(mode) = table.get("mode") {
                out.report.error(mode.at, "`mode` means nothing here: a `command` installs no file");
            }
            return Some(command.to_owned());
        }
        if let Some((builtin, _)) = tree::text(table, "builtin") {
            return self.builtin(builtin, entry, table, out);
        }
        let source = table.get("source")?;
        self.script(name, entry, &source.node, table, out)
    }

    /// Several hooks may run one bundled program: the file is installed once.
    fn builtin(&mut self, builtin: &str, entry: &Entry, table: &Table, out: &mut Out<'_>) -> Option<String> {
        if self.elsewhere.iter().any(|own| *own == builtin) {
            self.left_out.insert(builtin.to_owned());
            return None;
        }
        let path = ManagedPath::new(format!("hooks/{builtin}")).ok()?;
        let spec = FileSpec { content: Content::RunningExecutable, executable: true };
        if out.spec(&path) != Some(&spec) {
            let mode = out.own_mode(table);
            if out.claim(&path, false, entry.at) {
                out.install(&path, Kind::Hook, mode, None, entry.at);
                out.file(path, spec);
            }
        }
        Some(self.spelled(builtin))
    }

    fn script(
        &self,
        name: &str,
        entry: &Entry,
        source: &Node,
        table: &Table,
        out: &mut Out<'_>,
    ) -> Option<String> {
        let path = ManagedPath::new(format!("hooks/{name}")).ok()?;
        let file = out.read(source)?;
        if !file.executable {
            let shown = file.path.display().to_string();
            out.report
                .error(source.at, format!("the hook {} is not executable", named(&shown)))
                .help(format!("chmod +x {}", quote(&shown)));
        }
        script::check(&file, source.at, out);
        let is_shared = shared::is_asked_for(table);
        if is_shared {
            shared::check_file(name, &file, source.at, self.target, out);
        }
        let mode = out.mode(table);
        if out.claim(&path, false, entry.at) {
            out.install(&path, Kind::Hook, mode, Some(&file.path), entry.at);
            out.file(path, FileSpec { content: Content::Bytes(file.bytes), executable: true });
        }
        Some(if is_shared { format!("{SHARED_HOOKS}{}", quote(name)) } else { self.spelled(name) })
    }

    fn spelled(&self, name: &str) -> String {
        let prefix = &self.target.hooks_prefix;
        if self.target.quoted {
            return always_quote(&format!("{prefix}/{name}"));
        }
        format!("{prefix}/{}", quote(name))
    }

    fn json(&self, table: &Table, command: &str) -> Json {
        let mut hook = Map::new();
        hook.insert("type".to_owned(), json!("command"));
        hook.insert("command".to_owned(), json!(command));
        for (ours, theirs) in FIELDS {
            if let Some(entry) = table.get(ours) {
                hook.insert(theirs.to_owned(), entry.node.to_json());
            } else if ours == "on-failure" && self.blocks && is_guard(table) {
                hook.insert(theirs.to_owned(), json!("block"));
            }
        }
        Json::Object(hook)
    }
}

fn is_guard(table: &Table) -> bool {
    tree::text(table, "builtin").is_some_and(|(name, _)| name == GUARD)
}

/// Each event once, with its place.
fn events<'e>(name: &str, entry: &Entry, table: &'e Table, out: &mut Out<'_>) -> Vec<(&'e str, Spot)> {
    let Some(event) = table.get("event") else {
        out.report
            .error(entry.at, format!("[hooks.{name}] has no event"))
            .help("say when it runs: `event = \"PostToolUse\"`");
        return Vec::new();
    };
    let mut seen = HashSet::new();
    let nodes = event.node.one_or_many().iter();
    let events = nodes.filter_map(|node| node.text().map(|text| (text, entry.at)));
    let events: Vec<_> = events.filter(|(text, _)| seen.insert(*text)).collect();
    if events.is_empty() && event.node.list().is_some() {
        out.report.error(event.at, format!("[hooks.{name}] lists no event"));
    }
    events
}

/// The client evaluates `if` on tool events only; elsewhere such a hook is silently never run.
fn warn_if(table: &Table, out: &mut Out<'_>) {
    let (Some(filter), Some(event)) = (table.get("if"), table.get("event")) else { return };
    for node in event.node.one_or_many() {
        if let Some(event) = node.text().filter(|event| !TOOL_EVENTS.contains(event)) {
            out.report
                .warning(filter.at, format!("a hook with `if` never runs on {event}"))
                .help("the client evaluates `if` on tool events only");
        }
    }
}

/// One word for `sh`: as it is where nothing in it is special.
fn quote(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./+:,@%".contains(c);
    if !text.is_empty() && text.chars().all(plain) { text.to_owned() } else { always_quote(text) }
}

fn always_quote(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}
