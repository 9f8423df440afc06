//! Whether what a hook or the status line names can be run. A hook that can't be fails open: the tool
//! runs as if there were none.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::Finding;
use super::place::{Standing, quoted};
use crate::command::{self, Simple, Site, UNKNOWN, Word};
use crate::document::Outline;
use crate::model::limits;
use crate::profile::judge::{Interpreter, is_event, is_program};
use crate::profile::{ReadError, World};

/// Where hooks run, and whom to ask about files.
#[derive(Clone, Copy)]
pub struct Around<'a> {
    pub home: Option<&'a Path>,
    /// What `$CLAUDE_PROJECT_DIR` stands for, if there is one project only.
    pub project: Option<&'a Path>,
    pub world: &'a dyn World,
    /// What stands at a path; `None` where nothing does, or it can't be told.
    pub standing: &'a dyn Fn(&Path) -> Option<Standing>,
    /// Whether programs on the file system of a path can't be run.
    pub is_noexec: &'a dyn Fn(&Path) -> bool,
}

impl std::fmt::Debug for Around<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Around")
            .field("home", &self.home)
            .field("project", &self.project)
            .finish_non_exhaustive()
    }
}

/// Programs that run a file they are given.
const RUNNERS: &[&str] = &[
    "bash", "bun", "dash", "deno", "fish", "ksh", "node", "perl", "php", "python", "python3", "ruby", "sh",
    "tsx", "uv", "zsh",
];

/// Words between such a program and its file.
const RUNNER_WORDS: &[&str] = &["run", "exec"];

/// What the shell does by itself.
const BUILTINS: &[&str] = &[
    "!", ".", ":", "[", "[[", "alias", "bg", "break", "case", "cd", "command", "continue", "declare", "echo",
    "eval", "exec", "exit", "export", "false", "fg", "for", "function", "getopts", "hash", "if", "jobs",
    "let", "local", "printf", "pwd", "read", "readonly", "return", "set", "shift", "source", "test", "time",
    "times", "trap", "true", "type", "typeset", "ulimit", "umask", "unalias", "unset", "until", "wait",
    "while", "{",
];

/// Everything that can't be run, each told once however many events name it.
#[must_use]
pub fn check(outline: &Outline, around: Around<'_>) -> Vec<Finding> {
    let mut told = HashSet::new();
    let mut found = Vec::new();
    for (path, entry) in commands(outline.value()) {
        let Some(command) = entry.get("command").and_then(Value::as_str) else { continue };
        let at = outline.place(&format!("{path}.command"));
        let is_direct = entry.get("args").is_some_and(Value::is_array);
        let own = if is_direct { direct(command, around) } else { shell(command, around) };
        let fresh = own.into_iter().filter(|own| told.insert((own.code, own.message.clone())));
        found.extend(
            fresh.map(|own| if own.place.is_some() || own.file.is_some() { own } else { own.at(at) }),
        );
    }
    found
}

/// The entries that are commands, by their path.
fn commands(settings: &Value) -> Vec<(String, &Value)> {
    let mut found = Vec::new();
    let events = settings.get("hooks").and_then(Value::as_object).into_iter().flatten();
    for (event, groups) in events.filter(|(event, _)| is_event(event)) {
        for (group, own) in groups.as_array().into_iter().flatten().enumerate() {
            let entries = own.get("hooks").and_then(Value::as_array);
            for (index, entry) in entries.into_iter().flatten().enumerate() {
                if entry.get("type").is_none_or(|kind| kind == "command") {
                    found.push((format!("hooks.{event}[{group}].hooks[{index}]"), entry));
                }
            }
        }
    }
    found.extend(settings.get("statusLine").map(|line| ("statusLine".to_owned(), line)));
    found
}

/// With `args` the program is started as it is written: no `~`, no variables but the project's folder.
fn direct(command: &str, around: Around<'_>) -> Vec<Finding> {
    if command.starts_with('~') || command.starts_with("$HOME") || command.starts_with("${HOME}") {
        let message =
            format!("{command} is taken as it is written: with `args` there is no shell to expand it");
        let remedy = "Write the whole path, or put all of it into `command` and leave out `args`.";
        return vec![Finding::error("hook-program-missing", message).remedy(remedy)];
    }
    let expanded = match around.project {
        Some(project) => command.replace("${CLAUDE_PROJECT_DIR}", &project.to_string_lossy()),
        None => command.to_owned(),
    };
    if expanded.contains('$') { Vec::new() } else { program(&expanded, true, around) }
}

fn shell(text: &str, around: Around<'_>) -> Vec<Finding> {
    let script = command::parse(&with_variables(text, around));
    if script.is_undecided {
        return Vec::new();
    }
    let here = |simple: &&Simple| simple.site == Site::Here && !simple.is_aside && simple.folders.is_empty();
    let mut all = script.commands.iter().filter(here);
    let first = all.next().into_iter();
    // What runs only under a condition may well be missing: that is what the condition is for.
    let is_conditional =
        text.contains("||") || text.contains("&&") || text.contains("if ") || text.contains("[ ");
    let rest = all.filter(|_| !is_conditional);
    first
        .map(|simple| (simple, true))
        .chain(rest.map(|simple| (simple, false)))
        .flat_map(|(simple, is_first)| one(simple, is_first && !is_conditional, around))
        .collect()
}

fn one(simple: &Simple, is_certain: bool, around: Around<'_>) -> Vec<Finding> {
    let Some(name) = simple.words.first().and_then(|word| expanded(word, around)) else { return Vec::new() };
    let is_path = name.contains('/');
    if !is_path && (!is_certain || BUILTINS.contains(&name.as_str()) || name.contains('=')) {
        return script_of(&name, simple, around);
    }
    let mut found = program(&name, false, around);
    if found.is_empty() {
        found = script_of(&name, simple, around);
    }
    found
}

/// Stands for a variable of which nothing is known: what is read for guarding leaves it out.
const VARIABLE: char = '\u{E000}';

/// The text with the variables put in that are known wherever a hook runs.
fn with_variables(text: &str, around: Around<'_>) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        let (before, after) = rest.split_at(at);
        out.push_str(before);
        let inner = after[1..].strip_prefix('{').unwrap_or(&after[1..]);
        let is_braced = inner.len() + 1 < after.len();
        let end = inner.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(inner.len());
        let (name, tail) = inner.split_at(end);
        let value = match name {
            "HOME" => around.home,
            "CLAUDE_PROJECT_DIR" => around.project,
            _ => None,
        };
        let tail = if is_braced { tail.strip_prefix('}') } else { Some(tail) };
        if let (Some(value), Some(tail)) = (value, tail) {
            out.push_str(&value.to_string_lossy());
            rest = tail;
        } else {
            let is_name = is_braced || name.starts_with(|c: char| !c.is_ascii_digit());
            out.push(if is_name { VARIABLE } else { '$' });
            rest = &after[1..];
        }
    }
    out + rest
}

/// What a word comes to, where that can be told.
fn expanded(word: &Word, around: Around<'_>) -> Option<String> {
    if word.is_glob || word.has_unknown() || word.text.contains([UNKNOWN, VARIABLE]) {
        return None;
    }
    if !word.is_tilde {
        return Some(word.text.clone());
    }
    // Other people's homes are not looked up.
    let rest = word.text.strip_prefix('~').filter(|rest| rest.is_empty() || rest.starts_with('/'))?;
    Some(format!("{}{rest}", around.home?.display()))
}

/// A program that is named, by its path or to be found on PATH.
fn program(name: &str, is_direct: bool, around: Around<'_>) -> Vec<Finding> {
    if !name.contains('/') {
        let is_there = name.is_empty() || around.world.program(name);
        let message = format!("there is no program {name:?} on PATH, so this runs nothing");
        let remedy = "Install it, or name it with its whole path.";
        let finding = Finding::warning("hook-program-missing", message).remedy(remedy);
        return if is_there { Vec::new() } else { vec![finding] };
    }
    match absolute(name, around) {
        Some(path) => file(&path, true, is_direct, around),
        // Relative to wherever a session is.
        None => Vec::new(),
    }
}

fn absolute(name: &str, around: Around<'_>) -> Option<PathBuf> {
    let path = Path::new(name);
    if path.is_absolute() {
        return Some(path.to_owned());
    }
    around.project.map(|project| project.join(path))
}

/// The file that an interpreter is given: `bash ~/x.sh`.
fn script_of(name: &str, simple: &Simple, around: Around<'_>) -> Vec<Finding> {
    let base = name.rsplit('/').next().unwrap_or_default();
    if !RUNNERS.contains(&base) {
        return Vec::new();
    }
    for word in simple.args() {
        let Some(text) = expanded(word, around) else { return Vec::new() };
        if RUNNER_WORDS.contains(&text.as_str())
            || matches!(text.as_str(), "--script" | "--quiet" | "-q" | "-u" | "-e")
        {
            continue;
        }
        // Any other option may take the next word, or a program in its place.
        let is_path =
            text.contains('/') && !text.starts_with('-') && !text.contains("://") && !text.contains(' ');
        let path = is_path.then(|| absolute(&text, around)).flatten();
        return path.map(|path| file(&path, false, false, around)).unwrap_or_default();
    }
    Vec::new()
}

/// A file that is to be run, by itself or by an interpreter.
fn file(path: &Path, is_program: bool, is_direct: bool, around: Around<'_>) -> Vec<Finding> {
    let mut found = runnable(path, is_program, is_direct, around);
    found.extend(writers(path, "what it runs, it runs with your rights", around.standing));
    found
}

/// Who else may change the file at `path`: by writing it, or by putting another in its place. `so` says what comes of
/// that.
#[must_use]
pub fn writers(path: &Path, so: &str, standing: &dyn Fn(&Path) -> Option<Standing>) -> Vec<Finding> {
    let Some(own) = standing(path) else { return Vec::new() };
    let real = own.hops.last().map_or(path, PathBuf::as_path);
    let mut places = vec![real];
    places.extend([path, real].into_iter().filter_map(Path::parent));
    places.dedup();
    let told = places.into_iter().filter_map(|place| {
        let who = standing(place)?.other_writers()?;
        let message = match place == real {
            true => format!("{who} may write it, and {so}"),
            false => format!("{who} may put another file here in the place of {}, and {so}", path.display()),
        };
        let remedy = format!("chmod go-w {}", quoted(place));
        Some(Finding::warning("hook-writable-by-others", message).remedy(remedy).file(place))
    });
    told.collect()
}

fn runnable(path: &Path, is_program: bool, is_direct: bool, around: Around<'_>) -> Vec<Finding> {
    let shown = path.display();
    let finding = |code, message: String, remedy: String| vec![Finding::error(code, message).remedy(remedy)];
    let read = match around.world.read(path, limits::SOURCE_BYTES_MAX) {
        Ok(read) => read,
        Err(ReadError::NotFound) => {
            let remedy = "Bring the file back, or take the hook out.".to_owned();
            return finding(
                "hook-program-missing",
                format!("{shown} is not there, so this runs nothing"),
                remedy,
            );
        }
        Err(ReadError::IsFolder) => {
            let remedy = "Name a file in it.".to_owned();
            return finding(
                "hook-program-missing",
                format!("{shown} is a folder, so this runs nothing"),
                remedy,
            );
        }
        // Nobody writes a script of that size, and a program may be closed to readers.
        Err(ReadError::TooLarge { .. } | ReadError::Other(_)) => return Vec::new(),
    };
    if read.bytes.is_empty() {
        let remedy = "Write something into it, or take the hook out.".to_owned();
        return finding("hook-empty", format!("{shown} is empty, so this does nothing"), remedy);
    }
    if !is_program {
        return Vec::new();
    }
    if !read.executable {
        let remedy = format!("chmod +x {}", quoted(path));
        return finding(
            "hook-not-executable",
            format!("{shown} is not executable, so this runs nothing"),
            remedy,
        );
    }
    if (around.is_noexec)(path) {
        let remedy = "Remount it without noexec, or keep hooks elsewhere.".to_owned();
        let message = format!("{shown} lies on a file system that runs no programs (noexec)");
        return finding("hook-noexec", message, remedy);
    }
    first_line(path, &read.bytes, is_direct, around).map(|own| own.file(path)).into_iter().collect()
}

/// What its `#!` line asks for.
fn first_line(path: &Path, bytes: &[u8], is_direct: bool, around: Around<'_>) -> Option<Finding> {
    if is_program(bytes) {
        return None;
    }
    let end = bytes.iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len());
    let line = String::from_utf8_lossy(&bytes[..end]);
    let Some(shebang) = line.strip_prefix("#!") else {
        let message = "its first line names no interpreter (`#!`)";
        let remedy = "Begin it with #!/bin/sh, #!/usr/bin/env python3 or the like.";
        return Some(match is_direct {
            true => Finding::error("hook-no-interpreter", format!("{message}, so it can't be started")),
            false => Finding::warning(
                "hook-no-interpreter",
                format!("{message}: sh runs it, whatever it is written in"),
            ),
        })
        .map(|own| own.at((1, 1)).remedy(remedy));
    };
    if shebang.ends_with('\r') {
        let message = "its `#!` line ends in a carriage return, which becomes part of the interpreter's name";
        let remedy = format!("Save it with Unix line ends: sed -i 's/\\r$//' {}", quoted(path));
        return Some(Finding::error("hook-crlf", message).at((1, 1)).remedy(remedy));
    }
    let interpreter = Interpreter::parse(shebang.trim());
    if interpreter.unsplit && around.world.os() == "linux" {
        let message = "Linux hands everything after `env` over as one name, and there is no such program";
        let remedy = "Write #!/usr/bin/env -S …";
        return Some(Finding::error("hook-interpreter-missing", message).at((1, 1)).remedy(remedy));
    }
    if around.world.program(&interpreter.program) {
        return None;
    }
    let message =
        format!("its interpreter {:?} is not installed, so it can't be started", interpreter.program);
    let remedy = "Install it, or correct the `#!` line.";
    Some(Finding::error("hook-interpreter-missing", message).at((1, 1)).remedy(remedy))
}

#[cfg(test)]
pub(super) mod tests {
    use std::collections::HashMap;

    use serde_json::json;

    use super::*;
    use crate::profile::FileRead;

    /// A machine in memory: files with their text and whether they are executable; programs by name.
    pub struct Memory {
        files: HashMap<PathBuf, (Vec<u8>, bool)>,
        programs: Vec<String>,
    }

    impl Memory {
        pub fn new(files: &[(&str, &str, bool)]) -> Self {
            let file = |(path, text, exec): &(&str, &str, bool)| {
                (PathBuf::from(path), (text.as_bytes().to_vec(), *exec))
            };
            Self { files: files.iter().map(file).collect(), programs: vec!["/bin/sh".to_owned()] }
        }

        pub fn with_program(mut self, name: &str) -> Self {
            self.programs.push(name.to_owned());
            self
        }
    }

    impl World for Memory {
        fn read(&self, path: &Path, _: u64) -> Result<FileRead, ReadError> {
            let found = self.files.get(path).ok_or(ReadError::NotFound)?;
            Ok(FileRead { bytes: found.0.clone(), executable: found.1 })
        }
        fn walk(&self, _: &Path) -> Result<Vec<PathBuf>, ReadError> {
            Err(ReadError::NotFound)
        }
        fn exists(&self, path: &Path) -> bool {
            self.files.contains_key(path)
        }
        fn program(&self, name: &str) -> bool {
            self.programs.iter().any(|own| own == name)
        }
        fn env(&self, _: &str) -> Option<String> {
            None
        }
        fn home(&self) -> Option<PathBuf> {
            None
        }
        fn os(&self) -> &'static str {
            "linux"
        }
        fn arch(&self) -> &'static str {
            "x86_64"
        }
        fn host(&self) -> &'static str {
            "host"
        }
        fn canonical(&self, path: &Path) -> PathBuf {
            path.to_owned()
        }
    }

    fn world() -> Memory {
        Memory::new(&[
            ("/h/ok", "#!/bin/sh\n", true),
            ("/h/closed", "#!/bin/sh\n", false),
            ("/h/crlf", "#!/bin/sh\r\nexit\r\n", true),
            ("/h/ruby", "#!/usr/bin/env ruby\n", true),
            ("/h/unsplit", "#!/usr/bin/env ruby -w\n", true),
            ("/h/plain", "echo hi\n", true),
            ("/h/empty", "", true),
            ("/h/elf", "\u{7f}ELF", true),
            ("/p/in-project", "#!/bin/sh\n", false),
            ("/noexec/x", "#!/bin/sh\n", true),
        ])
        .with_program("bash")
        .with_program("jq")
    }

    fn told(entry: Value) -> Vec<(&'static str, super::super::Severity)> {
        let text = json!({"hooks": {"Stop": [{"hooks": [entry]}]}}).to_string();
        let world = world();
        let around = Around {
            home: Some(Path::new("/h")),
            project: Some(Path::new("/p")),
            world: &world,
            standing: &|_| None,
            is_noexec: &|path| path.starts_with("/noexec"),
        };
        let found = check(&Outline::parse(&text).expect("valid"), around);
        assert!(found.iter().all(|own| !own.remedy.is_empty() && own.place.is_some()), "{found:?}");
        found.iter().map(|own| (own.code, own.severity)).collect()
    }

    fn codes(command: &str) -> Vec<&'static str> {
        told(json!({"type": "command", "command": command})).iter().map(|(code, _)| *code).collect()
    }

    /// By writing it, or by putting another file in its place, where it is named and where it lies.
    #[test]
    fn whoever_may_change_a_hook_is_told_of() {
        use super::super::place::{End, tests::file};
        let told = |open: &'static [(&'static str, u32)]| {
            let standing = |path: &Path| {
                let mode =
                    open.iter().find(|(own, _)| Path::new(own) == path).map_or(0o755, |(_, mode)| *mode);
                let end =
                    if path.ends_with("hooks") || path.ends_with("d") { End::Folder } else { End::File };
                let hops = if path == Path::new("/r/hooks/x") { vec!["/d/x".into()] } else { Vec::new() };
                Some(Standing { hops, end, mode, ..file() })
            };
            let found = writers(Path::new("/r/hooks/x"), "so", &standing);
            found.into_iter().map(|own| own.remedy).collect::<Vec<_>>()
        };
        assert_eq!(told(&[]), [""; 0]);
        assert_eq!(told(&[("/d/x", 0o757), ("/d", 0o777)]), ["chmod go-w /d/x", "chmod go-w /d"]);
        assert_eq!(told(&[("/r/hooks", 0o777)]), ["chmod go-w /r/hooks"]);
        assert_eq!(told(&[("/r/hooks", 0o1777), ("/d", 0o775)]), [""; 0], "sticky; a group of one's own");
    }

    #[test]
    fn what_can_be_run_is_fine() {
        for command in [
            "~/ok",
            "$HOME/ok",
            "\"$HOME\"/ok --flag",
            "\"${HOME}/ok\"",
            "/h/elf",
            "bash ~/closed",
            "bash \"$CLAUDE_PROJECT_DIR\"/in-project",
            "jq -r .x | ~/ok",
            "echo hi",
            "[ -x /nope ] && /nope",
            "command -v nope && nope",
            "$OTHER/nope",
            "~other/nope",
            "FOO=1 ~/ok",
            "bash -c 'echo /nope/x'",
            "if [ -f /nope ]; then /nope; fi",
            "true",
            "",
        ] {
            assert!(codes(command).is_empty(), "{command}: {:?}", codes(command));
        }
    }

    #[test]
    fn what_can_t_be_run_is_told_with_its_reason() {
        for (command, code) in [
            ("~/gone", "hook-program-missing"),
            ("$HOME/gone --x", "hook-program-missing"),
            ("FOO=1 \"${HOME}/gone\"", "hook-program-missing"),
            ("jq . | ~/gone", "hook-program-missing"),
            ("nope", "hook-program-missing"),
            ("bash ~/gone.sh", "hook-program-missing"),
            ("bash -e \"$HOME/gone.sh\" x", "hook-program-missing"),
            ("$CLAUDE_PROJECT_DIR/gone", "hook-program-missing"),
            ("./gone", "hook-program-missing"),
            ("~/closed", "hook-not-executable"),
            ("\"$CLAUDE_PROJECT_DIR\"/in-project", "hook-not-executable"),
            ("~/crlf", "hook-crlf"),
            ("~/ruby", "hook-interpreter-missing"),
            ("~/unsplit", "hook-interpreter-missing"),
            ("~/plain", "hook-no-interpreter"),
            ("~/empty", "hook-empty"),
            ("/noexec/x", "hook-noexec"),
        ] {
            assert_eq!(codes(command), [code], "{command}");
        }
    }

    #[test]
    fn with_args_nothing_is_expanded() {
        let direct = |command: &str| {
            let found = told(json!({"type": "command", "command": command, "args": ["x"]}));
            found.iter().map(|(code, _)| *code).collect::<Vec<_>>()
        };
        assert_eq!(direct("~/ok"), ["hook-program-missing"]);
        assert_eq!(direct("${CLAUDE_PROJECT_DIR}/in-project"), ["hook-not-executable"]);
        assert_eq!(direct("/h/plain"), ["hook-no-interpreter"]);
        assert!(direct("/h/ok").is_empty());
        assert!(direct("jq").is_empty());
    }

    #[test]
    fn the_status_line_is_run_too_and_a_command_is_told_once() {
        let text = json!({
            "statusLine": {"type": "command", "command": "~/gone"},
            "hooks": {"Stop": [{"hooks": [{"type": "command", "command": "~/gone"}]}],
                      "Nope": [{"hooks": [{"type": "command", "command": "~/other"}]}]},
        });
        let world = world();
        let around = Around {
            home: Some(Path::new("/h")),
            project: None,
            world: &world,
            standing: &|_| None,
            is_noexec: &|_| false,
        };
        let found = check(&Outline::parse(&text.to_string()).expect("valid"), around);
        assert_eq!(found.len(), 1, "{found:?}");
    }
}
