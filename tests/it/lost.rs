//! What was learned, damaged or forgotten: whoever looks is told, and what is said next is true.

use std::fs;
use std::path::PathBuf;

use serde_json::Value;

use crate::hooked::installed;
use crate::notes::{after, fold};
use crate::sandbox::Sandbox;

const GONE: &str = "Exit code 127\n/bin/bash: line 1: npm: command not found";

/// With something learned and folded, twice: there is a predecessor.
fn learned() -> (Sandbox, PathBuf) {
    let sandbox = installed();
    for session in ["a", "b", "c"] {
        after(&sandbox, "npm ci", Some(GONE), ("x", session));
        fold(&sandbox);
    }
    let host = crate::hooks::host(&sandbox).path;
    (sandbox, host)
}

/// What doctor says of a file that a code is about: the remedy.
fn remedy(sandbox: &Sandbox, code: &str, name: &str) -> Option<String> {
    let told: Value = sandbox.cs(&["doctor", "--json"]).json();
    let found = told["findings"]
        .as_array()
        .expect("findings")
        .iter()
        .find(|own| own["code"] == code && own["file"].as_str().is_some_and(|file| file.ends_with(name)));
    found.map(|own| own["remedy"].as_str().expect("a remedy").to_owned())
}

#[test]
fn a_snapshot_that_can_t_be_read_is_said_wherever_one_looks() {
    let (sandbox, host) = learned();
    assert_eq!(remedy(&sandbox, "learning-damaged", ""), None);
    for name in fs::read_dir(&host).expect("listed").flatten().map(|entry| entry.path()) {
        let text = name.to_string_lossy().into_owned();
        if text.contains("patterns_") || text.ends_with("knowledge.old.enc") {
            fs::remove_file(name).expect("removed");
        }
    }
    fs::write(host.join("knowledge.enc"), "junk").expect("written");
    let shown = sandbox.cs(&["learn", "show"]).ok();
    assert!(
        shown.err.contains("warning: what was learned can't be read") && shown.err.contains("cs doctor"),
        "{shown}"
    );
    assert!(remedy(&sandbox, "learning-damaged", "knowledge.enc").is_some());
    assert!(sandbox.cs(&["audit"]).ok().out.contains("the snapshot was damaged: what its predecessor"));
    // A new one takes its place, and it is kept beside it.
    after(&sandbox, "npm ci", Some(GONE), ("x", "d"));
    fold(&sandbox);
    assert!(!sandbox.cs(&["learn", "show"]).ok().err.contains("warning"));
    assert_eq!(remedy(&sandbox, "learning-damaged", "knowledge.enc"), None);
    let way_out = remedy(&sandbox, "learning-lost", "knowledge.unreadable.enc").expect("found");
    assert!(way_out.contains("rm ") && way_out.contains("knowledge.unreadable.enc"), "{way_out}");
}

#[test]
fn a_table_of_numbers_that_is_damaged_is_found_and_its_remedy_works() {
    let (sandbox, host) = learned();
    fs::write(host.join("numbers.enc"), "xx").expect("written");
    let shown = sandbox.cs(&["learn", "show"]).code(1);
    assert!(shown.err.contains("numbers.enc is damaged") && shown.err.contains("cs doctor"), "{shown}");
    let way_out = remedy(&sandbox, "learning-damaged", "numbers.enc").expect("found");
    assert!(way_out.contains("rm "), "{way_out}");
    fs::remove_file(host.join("numbers.enc")).expect("removed");
    assert!(sandbox.cs(&["learn", "show", "--all"]).ok().out.contains("npm ci"));
    assert_eq!(remedy(&sandbox, "learning-damaged", "numbers.enc"), None);
}

#[test]
fn without_its_ring_what_is_sealed_is_not_promised_back() {
    let (sandbox, host) = learned();
    fs::remove_dir_all(host.join("keys")).expect("removed");
    for args in [&["keys"][..], &["learn", "show"], &["identity", "adopt"]] {
        let told = sandbox.cs(args).code(1);
        assert!(
            told.err.contains("cs keys restore FILE") && !told.err.contains("makes what is missing"),
            "{told}"
        );
    }
    assert!(remedy(&sandbox, "learning-damaged", "").is_some_and(|own| own.contains("cs keys restore FILE")));
}

#[test]
fn what_is_forgotten_is_no_agents_business() {
    let (sandbox, _) = learned();
    for (at, line) in
        ["pip install x", "cargo build", "make", "go vet", "npm run x", "uv sync"].iter().enumerate()
    {
        after(&sandbox, line, Some(GONE), ("x", &format!("s{at}")));
        fold(&sandbox);
    }
    let detective = || {
        let told = sandbox.cs(&["agents", "status", "--json"]).ok().json();
        let agents = told["agents"].as_array().expect("agents").clone();
        agents.into_iter().find(|own| own["name"] == "troubleshooting-detective").expect("it")
    };
    assert!(!detective()["due"].is_null(), "{}", detective());
    // What was never known changes nothing.
    let before = sandbox.tree();
    let told = sandbox.cs(&["learn", "forget", "terraform apply", "--yes"]).ok();
    assert!(told.out.contains("Nothing is known of `terraform apply`"), "{told}");
    assert!(sandbox.tree() == before, "nothing was written");
    assert!(!detective()["due"].is_null());
    sandbox.cs(&["learn", "forget", "npm ci", "--yes"]).ok();
    assert!(detective()["due"].is_null(), "{}", detective());
}

#[test]
fn of_one_minute_the_last_comes_first() {
    let sandbox = installed();
    for line in ["rm -rf /", "git push --force origin main"] {
        crate::notes::before(&sandbox, line, ("x", "a"));
    }
    let families = |args: &[&str]| -> Vec<Value> {
        let told = sandbox.cs(args).ok().json();
        told["entries"].as_array().expect("entries").iter().map(|own| own["family"].clone()).collect()
    };
    assert_eq!(families(&["audit", "--json"])[..2], ["git", "filesystem"]);
    assert_eq!(families(&["audit", "--most", "1", "--json"]), ["git"]);
}

#[test]
fn a_trace_is_counted_by_its_calls() {
    let sandbox = Sandbox::new();
    let replay = |text: &str| {
        sandbox.write("trace", text);
        sandbox.cs(&["learn", "replay", "trace", "--json"])
    };
    let good = r#"{"session": "a", "command": "ls", "ok": true}"#;
    let told = replay(&format!("\u{feff}{good}\n{{\"session\":\"a\"}}\n{{\"command\":\"ls\"}}\n[]\nnull\n"))
        .ok()
        .json();
    assert_eq!((&told["calls"], &told["passed_over"]), (&1.into(), &4.into()), "{told}");
    for none in ["{\"session\":\"a\"}\n[]\n", "{\"command\": \"ls\", \"okay\": true}\n"] {
        let told = replay(none).code(1).json();
        let hint = told["hints"][0].as_str().unwrap_or_default();
        assert!(hint.contains("session, command, ok and error_head"), "{told}");
    }
    let said = sandbox.cs(&["learn", "replay", "trace"]).code(1);
    assert!(said.err.contains("no line of it is a call of the shell"), "{said}");
}

#[test]
fn what_is_missing_on_a_command_line_is_said_to_programs_too() {
    let told = Sandbox::new().cs(&["learn", "shape", "--json"]).code(2).json();
    assert!(told["message"].as_str().is_some_and(|own| own.contains("COMMAND")), "{told}");
}
