//! The command line as people meet it, written down from the first plan to the last trace gone.

use crate::sandbox::Sandbox;
use crate::session::{Session, snapshot};
use crate::story;

const PROFILE: &str = "dotfiles/claude-sync.toml";

#[test]
fn first_steps() {
    let sandbox = story::home();
    let mut session = Session::new(&sandbox);
    session
        .cs(&["status"])
        .cs(&["plan", "--profile", PROFILE])
        .cs(&["apply", "--profile", PROFILE])
        .cs(&["apply", "--profile", PROFILE, "--yes"])
        .cs(&["apply"])
        .cs(&["status"])
        .cs(&["status", "--short"])
        .cs(&["verify"])
        .cs(&["why", "permissions.allow", "Bash(git log:*)"])
        .cs(&["why", "permissions.allow", "Bash(git status:*)"])
        .cs(&["why", "agents/reviewer.md"])
        .cs(&["why", "theme"])
        .cs(&["generations"]);
    snapshot!("first-steps", session);
}

#[test]
fn a_change_of_mind() {
    let sandbox = story::home();
    sandbox.apply();
    story::change_profile(&sandbox);
    let mut session = Session::new(&sandbox);
    session
        .cs(&["plan", "--exit-code"])
        .cs(&["plan", "--explain"])
        .cs(&["apply", "--yes"])
        .cs(&["why", "model"])
        .cs(&["why", "hooks.PostToolUse"])
        .cs(&["diff", "1", "2"])
        .cs(&["rollback", "--yes"])
        .cs(&["generations"]);
    snapshot!("a-change-of-mind", session);
}

#[test]
fn somebody_else_writes_too() {
    let sandbox = story::home();
    sandbox.apply();
    let mut session = Session::new(&sandbox);
    session.note("env.RUST_LOG is set to debug by hand");
    story::drift(&sandbox);
    session
        .cs(&["status"])
        .cs(&["status", "--short", "--exit-code"])
        .cs(&["diff", "1"])
        .cs(&["verify"])
        .cs(&["plan"])
        .cs(&["apply", "--yes"])
        .cs(&["status"]);
    snapshot!("somebody-else-writes-too", session);
}

#[test]
fn letting_go() {
    let sandbox = story::home();
    let before = sandbox.tree();
    sandbox.apply();
    story::change_profile(&sandbox);
    sandbox.apply();
    let mut session = Session::new(&sandbox);
    session
        .cs(&["uninstall", "--dry-run"])
        .cs(&["uninstall"])
        .cs(&["uninstall", "--yes"])
        .cs(&["uninstall", "--yes"])
        .cs(&["status"])
        .cs(&["uninstall", "--purge", "--yes"]);
    snapshot!("letting-go", session);
    assert_eq!(sandbox.tree(), before);
    assert!(!sandbox.path(".claude/claude-sync").exists());
}

#[test]
fn what_is_in_the_way() {
    let sandbox = story::home();
    let mut session = Session::new(&sandbox);
    session.note("there is no profile").cs(&["plan"]);

    session.note("settings.json has a comment");
    let settings = sandbox.read(".claude/settings.json");
    sandbox.write(".claude/settings.json", settings.replacen('\n', "\n  // my model\n", 1));
    session.cs(&["plan", "--profile", PROFILE]).cs(&["apply", "--yes", "--profile", PROFILE]);

    session.note("agents/reviewer.md is the user's own");
    sandbox.write(".claude/settings.json", settings).write(".claude/agents/reviewer.md", "mine\n");
    session
        .cs(&["apply", "--yes", "--profile", PROFILE])
        .cs(&["plan", "--on-conflict", "backup", "--profile", PROFILE])
        .cs(&["plan", "--on-conflict", "skip", "--profile", PROFILE]);

    session.note("the profile has slips");
    sandbox.profile("[setings]\nmodel = 5\n[hooks.lint]\nevent = \"PreToolUs\"\nsource = \"lint.sh\"\n");
    session.cs(&["plan", "--profile", PROFILE]).cs(&["rollback", "7"]).cs(&["diff", "1", "2"]);
    snapshot!("what-is-in-the-way", session);
}

/// A profile that somebody put into a folder is not applied because cs was called there.
#[test]
fn a_profile_that_was_only_found() {
    let sandbox = Sandbox::new();
    sandbox.write("claude-sync.toml", "format = 1\nsettings.model = \"opus\"\n");
    let mut session = Session::new(&sandbox);
    session.cs(&["plan"]).cs(&["apply", "--yes"]).cs(&["apply", "--yes", "--profile", "claude-sync.toml"]);
    snapshot!("a-profile-that-was-only-found", session);
}

#[test]
fn an_explanation_does_not_advise_itself_and_fits_a_terminal() {
    let sandbox = story::home();
    sandbox.apply();
    story::change_profile(&sandbox);
    story::drift(&sandbox);
    let explained = sandbox.cs(&["plan", "--explain"]).ok().out;
    assert!(!explained.contains("cs plan --explain"), "{explained}");
    for said in [explained, sandbox.cs(&["plan"]).ok().out] {
        // What is quoted from files, and the last line, may be as long as they are.
        let told = said.lines().filter(|line| line.starts_with("  ") && !line.starts_with("      +   "));
        for line in told.filter(|line| line.contains("claude-sync.toml") || line.contains("outside cs")) {
            assert!(line.chars().count() <= 80, "{line}");
        }
    }
}
