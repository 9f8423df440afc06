//! Going back, and letting go, after others have written where `cs` did: what was there is never out of reach,
//! and what stays is named.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use crate::sandbox::{Ran, Sandbox, ran};

fn agent(name: &str, says: &str) -> String {
    format!("---\nname: {name}\ndescription: d\n---\n{says}.\n")
}

/// Writes a file in place, through links and whatever its mode: as root does, and an editor that puts the mode back.
fn in_place(sandbox: &Sandbox, path: &str, text: &str) {
    let path = sandbox.path(path);
    let mode = fs::metadata(&path).expect("there").permissions();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).expect("chmod");
    fs::write(&path, text).expect("written");
    fs::set_permissions(&path, mode).expect("chmod");
}

fn with_agents(names: &[&str]) -> Sandbox {
    let sandbox = Sandbox::new();
    let mut profile = String::new();
    for name in names {
        sandbox.write(&format!("dotfiles/agents/{name}.md"), agent(name, "One"));
        profile.push_str(&format!("[agents.{name}]\nsource = \"agents/{name}.md\"\n"));
    }
    sandbox.profile(&profile);
    sandbox
}

#[test]
fn an_edit_that_was_captured_bars_no_way_back() {
    let sandbox = with_agents(&["x", "y"]);
    sandbox.apply();
    // A second generation shares what the first one has.
    sandbox.profile(
        &(sandbox.read("dotfiles/claude-sync.toml").replacen("format = 1\n", "", 1)
            + "[settings]\nmodel = \"a\"\n"),
    );
    sandbox.apply();
    let edited = agent("x", "Two");
    in_place(&sandbox, ".claude/agents/x.md", &edited);
    sandbox.cs(&["capture", "--all", "--yes"]).ok();
    assert_eq!(sandbox.read("dotfiles/agents/x.md"), edited);
    sandbox.apply();
    // What is told of it: there is a way back.
    let doctor = sandbox.cs(&["doctor"]);
    assert!(!doctor.out.contains("no way back"), "{doctor}");
    // The one that shared it may go, the other has what it was all the same.
    sandbox.cs(&["rollback", "1", "--yes"]).ok();
    assert_eq!(sandbox.read(".claude/agents/x.md"), agent("x", "One"));
    sandbox.cs(&["rollback", "3", "--yes"]).ok();
    assert_eq!(sandbox.read(".claude/agents/x.md"), edited);
    sandbox.cs(&["rollback", "2", "--yes"]).ok();
    assert_eq!(sandbox.read(".claude/agents/x.md"), agent("x", "One"));
    sandbox.cs(&["uninstall", "--yes", "--purge"]).ok();
    assert!(!sandbox.root().exists());
}

#[test]
fn of_a_folder_too() {
    let sandbox = Sandbox::new();
    sandbox
        .write("dotfiles/skills/s/SKILL.md", "---\nname: s\ndescription: d\n---\nOne.\n")
        .write("dotfiles/skills/s/more/notes.md", "one\n")
        .profile("[skills.s]\nsource = \"skills/s\"\n");
    sandbox.apply();
    in_place(&sandbox, ".claude/skills/s/more/notes.md", "two\n");
    sandbox.cs(&["capture", "--all", "--yes"]).ok();
    assert_eq!(sandbox.read("dotfiles/skills/s/more/notes.md"), "two\n");
    sandbox.apply();
    sandbox.cs(&["rollback", "1", "--yes"]).ok();
    assert_eq!(sandbox.read(".claude/skills/s/more/notes.md"), "one\n");
}

#[test]
fn what_stays_on_letting_go_is_named_and_what_it_stood_on_too() {
    let sandbox = with_agents(&["x", "y"]);
    sandbox
        .write(".claude/agents/x.md", agent("x", "Mine x"))
        .write(".claude/agents/y.md", agent("y", "Mine y"));
    sandbox.cs(&["apply", "--yes", "--profile", "dotfiles/claude-sync.toml", "--on-conflict", "backup"]).ok();
    let edited = agent("y", "Edited");
    in_place(&sandbox, ".claude/agents/y.md", &edited);
    let dry = sandbox.cs(&["uninstall", "--dry-run"]).ok();
    assert!(
        dry.err.contains("agents/y.md was changed by others") && dry.err.contains("displaced/1/agents/y.md"),
        "{dry}"
    );
    let gone = sandbox.cs(&["uninstall", "--yes"]).ok();
    assert!(gone.out.contains("agents/y.md stays as others made it; everything else is as it was"), "{gone}");
    assert_eq!(sandbox.read(".claude/agents/y.md"), edited);
    assert!(sandbox.read(".claude/agents/x.md").contains("Mine x"));
    // The hint that it gives does what it says.
    assert!(gone.out.contains("cs apply --on-conflict backup brings it back"), "{gone}");
    sandbox.cs(&["apply", "--yes"]).code(1);
    sandbox.cs(&["apply", "--yes", "--on-conflict", "backup"]).ok();
    assert_eq!(sandbox.read(".claude/agents/y.md"), agent("y", "One"));
    let gone = sandbox.cs(&["uninstall", "--yes", "--purge"]).ok();
    assert!(gone.out.contains("claude-sync-displaced"), "{gone}");
    assert!(gone.out.contains("\n  1/agents/y.md\n"), "{gone}");
    assert!(sandbox.read(".claude/claude-sync-displaced/1/agents/y.md").contains("Mine y"));
    // And nothing but what is somebody's.
    let kept: Vec<_> = fs::read_dir(sandbox.path(".claude/claude-sync-displaced")).expect("there").collect();
    assert_eq!(kept.len(), 1, "{kept:?}");
}

#[test]
fn where_nothing_stays_it_says_so() {
    let sandbox = with_agents(&["x"]);
    sandbox.write(".claude/settings.json", "{}");
    sandbox.apply();
    let gone = sandbox.cs(&["uninstall", "--yes"]).ok();
    assert!(gone.out.contains("Everything is as it was without cs.   cs apply brings it back"), "{gone}");
    sandbox.cs(&["apply", "--yes"]).ok();
}

fn with(sandbox: &Sandbox, args: &[&str], env: &[(&str, &str)]) -> Ran {
    ran(sandbox.command(args).envs(env.iter().copied()).output().expect("cs runs"))
}

#[test]
fn going_back_needs_no_secret_that_is_there_already() {
    let sandbox = Sandbox::new();
    let profile = |model: &str| {
        format!("[settings]\nmodel = \"{model}\"\nenv.TOKEN = {{ env = \"TOKEN\", prefix = \"Bearer \" }}\n")
    };
    let apply: &[&str] = &["apply", "--yes", "--profile", "dotfiles/claude-sync.toml"];
    sandbox.profile(&profile("a"));
    with(&sandbox, apply, &[("TOKEN", "tok-1")]).ok();
    sandbox.profile(&profile("b"));
    with(&sandbox, apply, &[("TOKEN", "tok-1")]).ok();
    let back = sandbox.cs(&["rollback", "--yes"]).ok();
    assert!(back.err.contains("env.TOKEN can't be looked up now"), "{back}");
    let settings = sandbox.read(".claude/settings.json");
    assert!(settings.contains("\"a\"") && settings.contains("Bearer tok-1"), "{settings}");
    // As if it had been looked up.
    let plan = with(&sandbox, &["diff", "1", "live"], &[]).ok();
    assert!(plan.out.contains("What is on the disk is generation 1"), "{plan}");

    // Where it is nowhere, there are ways that need none.
    sandbox.write(".claude/settings.json", settings.replace("tok-1", "tok-2"));
    let back = sandbox.cs(&["rollback", "2", "--yes"]).code(1);
    assert!(back.err.contains("TOKEN") && back.err.contains("cs uninstall"), "{back}");
    assert!(!back.err.contains("cs plan --no-secrets"), "{back}");
    with(&sandbox, &["rollback", "2", "--yes"], &[("TOKEN", "tok-3")]).ok();
    assert!(sandbox.read(".claude/settings.json").contains("Bearer tok-3"));
    sandbox.cs(&["uninstall", "--yes"]).ok();
}
