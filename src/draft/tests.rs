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
    let names: Vec<String> = news.edits(str::to_owned).map(|(name, ..)| name).collect();
    assert_eq!(names, ["model", "permissions.allow  b", "new", "hooks.Stop  npm test"]);
}

#[test]
fn news_of_files_is_told_with_what_declares_them() {
    let settings = json!({"hooks": {"Stop": [{"hooks": [{"type": "command", "command": "~/.claude/hooks/known"}]}],
        "SessionEnd": [{"hooks": [{"type": "command", "command": "~/.claude/hooks/new"}]}]}});
    let before =
        json!({"hooks": {"Stop": [{"hooks": [{"type": "command", "command": "~/.claude/hooks/known"}]}]}});
    let mut seen = Draft::of(found(&before, &[])).marks(Some("/home/ada"));
    let old = ["skills/old", "hooks/known"];
    seen.extend(old.map(|path| (mark_of_file(path), Digest::of(b""))));
    let files = [
        file("agents/a.md", ""),
        file("hooks/known", ""),
        file("hooks/new", ""),
        file("rules/x.md", "export API_TOKEN=\"ghp_0123456789abcdefghijABCDEF\"\n"),
        file("skills/new/SKILL.md", ""),
        file("skills/old/SKILL.md", ""),
    ];
    let news = Draft::news(found(&settings, &files), &seen, |_| false);
    let told: Vec<String> = news
        .edits(|source| format!("claude/{source}"))
        .map(|(name, edit, source)| format!("{name} {source:?} {edit:?}"))
        .collect();
    assert_eq!(
        told,
        [
            r#"hooks.SessionEnd  ~/.claude/hooks/new Some("hooks/new") Append("[hooks.new]\nevent = \"SessionEnd\"\nsource = \"claude/hooks/new\"\n")"#,
            r#"agents/a.md Some("agents/a.md") Append("[agents.a]\nsource = \"claude/agents/a.md\"\n")"#,
            r#"skills/new Some("skills/new") Append("[skills.new]\nsource = \"claude/skills/new\"\n")"#,
        ]
    );
    let left = news.left();
    assert_eq!(left.len(), 1, "{left:?}");
    assert_eq!((left[0].what.as_str(), left[0].why.contains("secret")), ("rules/x.md", true));
}

#[test]
fn what_editors_leave_behind_is_nothing_to_declare() {
    for path in
        ["agents/x.md~", "agents/.x.md.swp", "hooks/#a#", "hooks/.env", "hooks/node_modules/x", "a/x.orig"]
    {
        assert!(litter(path).is_some(), "{path}");
    }
    for path in ["agents/x.md", "commands/git/commit.md", "CLAUDE.md", "hooks/a.b"] {
        assert_eq!(litter(path), None, "{path}");
    }
    assert_eq!(
        (unit("skills/a/b/c"), unit("skills/a"), unit("agents/a/b")),
        ("skills/a", "skills/a", "agents/a/b")
    );
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
