//! What the hooks say of what they learned: the same as a replay of the same calls says, whenever it was folded.

use claude_sync::learn::replay::{Call, replay};
use serde_json::{Value, json};

use crate::draw::Draw;
use crate::hooked::{Input, call, command, installed, shell};
use crate::sandbox::Sandbox;

pub const GONE: &str = "Exit code 127\n/bin/bash: line 1: npm: command not found";

/// An event of a session in a project.
fn event(kind: &str, line: &str, (project, session): (&str, &str)) -> Value {
    let mut event = shell(kind, line);
    event["session_id"] = session.into();
    event["transcript_path"] = format!("/home/u/.claude/projects/{project}/{session}.jsonl").into();
    event
}

fn hook(sandbox: &Sandbox, name: &str, event: &Value) -> Option<String> {
    let said = call(command(sandbox, name, ""), Input::Bytes(event.to_string().into_bytes()), name)?;
    said["additionalContext"].as_str().map(str::to_owned)
}

/// What is said before a command.
pub fn before(sandbox: &Sandbox, line: &str, of: (&str, &str)) -> Option<String> {
    hook(sandbox, "intelligent-optimizer", &event("PreToolUse", line, of))
}

/// And after it ran.
pub fn after(sandbox: &Sandbox, line: &str, failed: Option<&str>, of: (&str, &str)) -> Option<String> {
    let kind = if failed.is_some() { "PostToolUseFailure" } else { "PostToolUse" };
    let mut event = event(kind, line, of);
    if let Some(error) = failed {
        event["error"] = error.into();
    }
    hook(sandbox, "learning-collector", &event)
}

pub fn fold(sandbox: &Sandbox) {
    sandbox.cs(&["hook", "upkeep"]).ok();
}

#[test]
fn what_failed_in_three_sessions_is_told_once_in_the_fourth() {
    for folds in [false, true] {
        let sandbox = installed();
        for session in ["a", "b", "c"] {
            assert_eq!(before(&sandbox, "npm ci", ("x", session)), None, "{session}");
            after(&sandbox, "npm ci", Some(GONE), ("x", session));
            // Whoever fails twice in a session knows it already.
            after(&sandbox, "npm ci --no-audit", Some(GONE), ("x", session));
            if folds {
                fold(&sandbox);
            }
        }
        assert_eq!(before(&sandbox, "npm ci", ("x", "c")), None, "it was there");
        assert_eq!(before(&sandbox, "npm ci", ("y", "d")), None, "another project");
        assert_eq!(before(&sandbox, "npm install", ("x", "d")), None, "another form");
        let said = before(&sandbox, "cd app && npm ci", ("x", "d"));
        insta::allow_duplicates! {
            insta::assert_snapshot!(said.unwrap_or_default(), @"`npm ci` failed in the last 3 sessions here (command not found), and has not worked since.");
        }
        if folds {
            fold(&sandbox);
        }
        assert_eq!(before(&sandbox, "npm ci", ("x", "d")), None, "once");
        assert_eq!(before(&sandbox, "npm ci", ("x", "e")), None, "not again so soon");
        for _ in 0..200 {
            after(&sandbox, "git status", None, ("x", "z"));
        }
        assert!(before(&sandbox, "npm ci", ("x", "e")).is_some(), "another session");
        after(&sandbox, "npm ci", None, ("x", "e"));
        assert_eq!(before(&sandbox, "npm ci", ("x", "f")), None, "it has worked");
    }
}

#[test]
fn nothing_is_said_where_nothing_is_learned() {
    let sandbox = Sandbox::new();
    sandbox
        .profile("extends = [\"builtin:learning\"]\n[learning]\nenabled = false\n")
        .cs(&["apply", "--yes", "--profile", "dotfiles/claude-sync.toml"])
        .ok();
    for session in ["a", "b", "c"] {
        after(&sandbox, "npm ci", Some(GONE), ("x", session));
    }
    assert_eq!(before(&sandbox, "npm ci", ("x", "d")), None);
}

#[test]
fn the_guard_s_answer_is_the_only_one() {
    let sandbox = installed();
    for session in ["a", "b", "c"] {
        after(
            &sandbox,
            "sudo apt-get purge x",
            Some(GONE.replace("npm", "apt-get").as_str()),
            ("x", session),
        );
    }
    let event = event("PreToolUse", "sudo apt-get purge x", ("x", "d"));
    let bytes = event.to_string().into_bytes();
    let said = call(command(&sandbox, "intelligent-optimizer", ""), Input::Bytes(bytes), "guarded");
    let said = said.expect("an answer");
    assert_eq!((&said["permissionDecision"], said.get("additionalContext")), (&json!("ask"), None));
}

/// The replay and the hooks, on the same events, with a fold now and then.
#[test]
fn hooks_say_what_a_replay_says() {
    const LINES: &[(&str, &str)] = &[
        ("npm ci", "sh: 1: npm: command not found"),
        ("cd a && npm ci && git status", "sh: 1: npm: command not found"),
        ("sbatch --gpus=1 job.sh", "sbatch: error: unrecognized option '--gpus'"),
        ("module load gcc", "Lmod has detected the following error: it is not there"),
        ("uv run pytest -x", "ModuleNotFoundError: No module named 'x'"),
        ("git status", "fatal: not a git repository"),
        ("pytest | tail", "x"),
        ("squeue; terraform plan", "terraform: command not found"),
    ];
    let (sandbox, mut draw) = (installed(), Draw::new(1));
    let (mut calls, mut noted) = (Vec::new(), Vec::new());
    let mut session = 0;
    for at in 0..800_usize {
        session += usize::from(draw.percent(12));
        // Two at a time, now and then.
        let own = session - usize::from(session > 0 && draw.percent(20));
        let project = format!("p{}", own % 2);
        let (line, error) = LINES[draw.below(LINES.len())];
        let is_ok = draw.percent(8);
        let of = (project.as_str(), own.to_string());
        let of = (of.0, of.1.as_str());
        noted.extend(before(&sandbox, line, of).map(|_| at));
        after(&sandbox, line, (!is_ok).then_some(error), of);
        if draw.percent(4) {
            fold(&sandbox);
        }
        calls.push(Call {
            session: of.1.to_owned(),
            project: of.0.to_owned(),
            command: Some(line.to_owned()),
            ok: Some(is_ok),
            error_head: (!is_ok).then(|| error.to_owned()),
            ..Call::default()
        });
    }
    let shown: Vec<usize> = replay(&calls, 3).shown.iter().map(|own| own.at).collect();
    assert!(shown.len() >= 4, "{} notes", shown.len());
    assert_eq!(noted, shown);
}
