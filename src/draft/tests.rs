//! What is declared of what is there, and what is left.

use serde_json::{Value, json};

use super::*;

fn file(path: &str, text: &str) -> File {
    File { path: path.to_owned(), bytes: text.as_bytes().to_vec(), executable: path.starts_with("hooks/") }
}

fn found<'a>(settings: &'a Value, files: &'a [File]) -> Found<'a> {
    Found {
        settings: Some(settings),
        servers: None,
        files,
        root: "/home/ada/.claude",
        home: Some("/home/ada"),
    }
}

fn lines(draft: &Draft) -> Vec<String> {
    let text = draft.print("~/.claude").text;
    let own = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    own.skip_while(|line| *line != "adopt = true").skip(1).map(str::to_owned).collect()
}

#[test]
fn a_script_that_one_matcher_runs_is_a_source_and_else_a_command() {
    let hook = |command: &str| json!({"hooks": [{"type": "command", "command": command}]});
    let both = |matcher: &str| json!({"matcher": matcher, "hooks": [{"type": "command", "command": "~/.claude/hooks/b"}]});
    let settings = json!({"hooks": {
        "Stop": [hook("\"$HOME/.claude/hooks/a\"")],
        "SessionEnd": [hook("\"$HOME/.claude/hooks/a\"")],
        "PreToolUse": [both("Bash"), both("Edit")],
    }});
    let files = [file("hooks/a", "#!/bin/sh\n"), file("hooks/b", "#!/bin/sh\n")];
    assert_eq!(
        lines(&Draft::of(found(&settings, &files))),
        [
            "[hooks.a]",
            "event = [\"Stop\", \"SessionEnd\"]",
            "source = \"hooks/a\"",
            "[hooks.b]",
            "event = \"PreToolUse\"",
            "matcher = \"Bash\"",
            "command = \"~/.claude/hooks/b\"",
            "[hooks.b-2]",
            "event = \"PreToolUse\"",
            "matcher = \"Edit\"",
            "command = \"~/.claude/hooks/b\"",
            "[files.\"hooks/b\"]",
            "source = \"hooks/b\"",
        ]
    );
}

#[test]
fn what_can_not_be_declared_is_left_and_told() {
    let settings = json!({
        "env": {"API_KEY": "sk-ant-0123456789abcdef", "big": u64::MAX},
        "nothing": null,
        "permissions": {"allow": ["a", "a", 5]},
        "hooks": {"Stop": "no list", "SessionEnd": [{"hooks": [{"type": "prompt"}]}]},
    });
    let files =
        [file("skills/x/notes.md", ""), file("agents/x.txt", ""), file("hooks/__pycache__/x.pyc", "")];
    let draft = Draft::of(found(&settings, &files));
    assert_eq!(lines(&draft), ["[settings]", "permissions.allow = [", "  \"a\",", "]"]);
    let left: Vec<String> = draft.left().into_iter().map(|left| left.what).collect();
    assert_eq!(
        left,
        [
            "agents/x.txt",
            "env.API_KEY",
            "env.big",
            "hooks.SessionEnd",
            "hooks.Stop",
            "hooks/__pycache__",
            "nothing",
            "permissions.allow  5",
            "skills/x"
        ]
    );
}

#[test]
fn news_is_what_came_since_and_nobody_declares() {
    let before = json!({"model": "opus", "theirs": 1, "permissions": {"allow": ["a"]}});
    let now = json!({"model": "haiku", "theirs": 1, "permissions": {"allow": ["a", "b", "c"]}, "new": true,
        "hooks": {"Stop": [{"hooks": [{"type": "command", "command": "npm test"}]}]}});
    let is_declared = |key: &Key| key.to_string().ends_with("  c");
    let news =
        Draft::news(found(&now, &[]), &Draft::of(found(&before, &[])).marks(Some("/home/ada")), is_declared);
    let names: Vec<String> = news.edits().map(|(name, _)| name).collect();
    assert_eq!(names, ["model", "permissions.allow  b", "new", "hooks.Stop  npm test"]);
}

#[test]
fn files_that_a_command_names_are_found_however_they_are_spelled() {
    let named = |text| named_in(text, "/home/ada/.claude", Some("/home/ada"));
    assert_eq!(
        named("bash ~/.claude/a.sh; \"$HOME/.claude/b/c.py\" /home/ada/.claude/d"),
        ["a.sh", "b/c.py", "d"]
    );
    assert_eq!(named("date >> ~/.claude/log.txt; cat > \"$HOME/.claude/x\" < ~/.claude/y"), ["y"]);
    assert_eq!(named("~/.claudex/a ~/.claude/../x ~/.claude/ ls"), [""; 0]);
}
