//! Going back, and letting go, after others have written where `cs` did: what was there is never out of reach,
//! and what stays is named.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use crate::sandbox::{Ran, Sandbox, ran};
use crate::session::snapshots;

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

/// What others have written since, and is declared by now, is newer than what stood there before `cs`.
#[test]
fn what_comes_back_of_a_file_is_the_newest_that_was_not_ours() {
    let sandbox = with_agents(&["x"]);
    sandbox.write(".claude/agents/x.md", agent("x", "First"));
    sandbox.cs(&["apply", "--yes", "--profile", "dotfiles/claude-sync.toml", "--on-conflict", "backup"]).ok();
    in_place(&sandbox, ".claude/agents/x.md", &agent("x", "Second"));
    sandbox.cs(&["capture", "--all", "--yes"]).ok();
    sandbox.apply();
    // Undone, it is as before; done again, as after.
    sandbox.cs(&["rollback", "1", "--yes"]).ok();
    assert_eq!(sandbox.read(".claude/agents/x.md"), agent("x", "One"));
    sandbox.cs(&["rollback", "2", "--yes"]).ok();
    sandbox.cs(&["uninstall", "--yes"]).ok();
    assert_eq!(sandbox.read(".claude/agents/x.md"), agent("x", "Second"));
    let gone = sandbox.cs(&["uninstall", "--yes", "--purge"]).ok();
    assert!(gone.out.contains("\n  1/agents/x.md\n"), "{gone}");
}

/// In a clone the copies are what git brought; uninstalling leaves what git has now.
#[test]
fn letting_go_of_a_clone_leaves_what_git_has() {
    let sandbox = with_agents(&["x"]);
    fs::create_dir_all(sandbox.path("clone/.claude/agents")).expect("a folder");
    let there = "clone/.claude/agents/x.md";
    sandbox.write(there, agent("x", "One"));
    let cs = |args: &[&str]| {
        let all = [args, &["--project", "clone", "--profile", "dotfiles/claude-sync.toml"]].concat();
        sandbox.cs(&all)
    };
    cs(&["apply", "--yes"]).ok();
    // A pull brings both.
    sandbox.write(there, agent("x", "Two")).write("dotfiles/agents/x.md", agent("x", "Two"));
    cs(&["apply", "--yes"]).ok();
    sandbox.cs(&["uninstall", "--yes", "--project", "clone"]).ok();
    assert_eq!(sandbox.read(there), agent("x", "Two"));
}

#[test]
fn a_hook_that_can_not_be_run_any_more_is_made_so() {
    for mode in ["link", "copy"] {
        let sandbox = Sandbox::new();
        sandbox
            .script("dotfiles/h", "#!/bin/sh\nexit 0\n")
            .profile(&format!("[hooks.h]\nsource = \"h\"\nmode = \"{mode}\"\nevent = \"Stop\"\n"));
        sandbox.apply();
        let hook = sandbox.path(".claude/hooks/h");
        let is_on = || fs::metadata(&hook).expect("there").permissions().mode() & 0o111 != 0;
        fs::set_permissions(&hook, fs::Permissions::from_mode(0o444)).expect("chmod");
        assert!(!is_on());
        assert_eq!(sandbox.cs(&["plan", "--exit-code"]).code, 3, "{mode}");
        let kept = sandbox.cs(&["capture", "--all", "--yes"]).ok();
        assert!(kept.out.contains("cs apply puts that back"), "{kept}");
        sandbox.apply();
        assert!(is_on(), "{mode}");
        sandbox.cs(&["verify"]).ok();
        assert_eq!(sandbox.cs(&["plan", "--exit-code"]).code, 0, "{mode}");
        // And on the way back, too.
        sandbox.cs(&["rollback", "1", "--yes"]).ok();
        assert!(is_on(), "{mode}");
        sandbox.cs(&["uninstall", "--yes", "--purge"]).ok();
        assert!(!sandbox.root().exists(), "{mode}");
    }
}

/// `init` takes over what is there; what the profile says otherwise later is overridden, not forgotten.
#[test]
fn what_was_taken_over_and_declared_otherwise_comes_back_on_letting_go() {
    let sandbox = Sandbox::new();
    let theirs = "{\n  \"model\": \"opus\",\n  \"env\": {\"FOO\":  \"bar\", \"BAZ\": \"1\"}\n}\n";
    sandbox.write(".claude/settings.json", theirs);
    let adopting =
        |text: &str| sandbox.profile(&format!("adopt = true\n[settings]\nmodel = \"opus\"\n{text}"));
    adopting("env.FOO = \"bar\"\nenv.BAZ = \"1\"\n");
    sandbox.apply();
    assert_eq!(sandbox.read(".claude/settings.json"), theirs);
    adopting("env.FOO = \"qux\"\nenv.BAZ = \"1\"\n");
    let plan = sandbox.cs(&["plan"]).ok();
    assert!(plan.out.contains("yours until now; it comes back when you let go of cs"), "{plan}");
    sandbox.apply();
    let why = sandbox.cs(&["why", "env.FOO"]).ok();
    assert!(why.out.contains("over your \"bar\", which comes back when you let go of cs"), "{why}");
    // Once more, and it is still the first that comes back.
    adopting("env.FOO = \"quux\"\nenv.BAZ = \"1\"\n");
    sandbox.apply();
    sandbox.cs(&["uninstall", "--yes"]).ok();
    assert_eq!(sandbox.read(".claude/settings.json"), theirs);

    // No longer declared it goes, as what is taken over does; also where it is said as it was in between.
    for steps in [&["qux"][..], &["qux", "bar"], &["qux", "bar", "qux"]] {
        sandbox.cs(&["uninstall", "--yes", "--purge"]).ok();
        sandbox.write(".claude/settings.json", theirs);
        for foo in [&["bar"], steps].concat() {
            adopting(&format!("env.FOO = \"{foo}\"\nenv.BAZ = \"1\"\n"));
            sandbox.apply();
            assert_eq!(
                sandbox.read(".claude/settings.json"),
                theirs.replace("\"bar\"", &format!("\"{foo}\""))
            );
        }
        adopting("env.BAZ = \"1\"\n");
        sandbox.apply();
        assert!(!sandbox.read(".claude/settings.json").contains("FOO"), "{steps:?}");
    }
}

#[test]
fn what_ours_stood_on_comes_back_where_ours_was_removed() {
    let sandbox = with_agents(&["x"]);
    sandbox.write(".claude/agents/x.md", "mine\n");
    sandbox.cs(&["apply", "--yes", "--profile", "dotfiles/claude-sync.toml", "--on-conflict", "backup"]).ok();
    fs::remove_file(sandbox.path(".claude/agents/x.md")).expect("removed");
    let gone = sandbox.cs(&["uninstall", "--yes"]).ok();
    assert!(!gone.err.contains("displaced"), "{gone}");
    assert_eq!(sandbox.read(".claude/agents/x.md"), "mine\n");
}

#[test]
fn going_back_shows_all_it_would_do_with_what_is_in_the_way_among_it() {
    let sandbox = with_agents(&["x", "y"]);
    sandbox.apply();
    sandbox.profile("[settings]\nmodel = \"a\"\n").apply();
    sandbox.write(".claude/agents/x.md", "mine\n");
    let refused = sandbox.cs(&["rollback", "1", "--yes"]);
    assert_eq!(refused.code, 1, "{refused}");
    snapshots().bind(|| {
        insta::assert_snapshot!(
            "rollback_taken",
            sandbox.tidy(&format!("{}---\n{}", refused.out, refused.err))
        );
    });
    assert_eq!(sandbox.read(".claude/agents/x.md"), "mine\n");
}

#[test]
fn a_link_of_ones_own_comes_back_and_so_does_a_mode() {
    let sandbox = with_agents(&["x", "y"]);
    sandbox
        .write("dot/x.md", agent("x", "One"))
        .write(".claude/agents/y.md", agent("y", "One"))
        .script("dotfiles/skills/s/run.sh", "#!/bin/sh\n")
        .write("dotfiles/skills/s/SKILL.md", "---\nname: s\ndescription: d\n---\n")
        .script(".claude/skills/s/run.sh", "#!/bin/sh\n")
        .write(".claude/skills/s/SKILL.md", "---\nname: s\ndescription: d\n---\n");
    let link = sandbox.path(".claude/agents/x.md");
    std::os::unix::fs::symlink("../../dot/x.md", &link).expect("a link");
    let mode = |path: &str| fs::metadata(sandbox.path(path)).expect("there").permissions().mode() & 0o777;
    let closed = [(".claude/agents/y.md", 0o600), (".claude/skills/s/run.sh", 0o750)];
    for (path, mode) in closed {
        fs::set_permissions(sandbox.path(path), fs::Permissions::from_mode(mode)).expect("chmod");
    }
    let profile = sandbox.read("dotfiles/claude-sync.toml");
    sandbox.write("dotfiles/claude-sync.toml", profile + "[skills.s]\nsource = \"skills/s\"\n");
    sandbox.cs(&["apply", "--yes", "--profile", "dotfiles/claude-sync.toml", "--on-conflict", "adopt"]).ok();
    for path in [".claude/agents/x.md", ".claude/agents/y.md"] {
        in_place(&sandbox, path, &agent(&path[15..16], "Two"));
    }
    in_place(&sandbox, ".claude/skills/s/run.sh", "#!/bin/sh\necho two\n");
    sandbox.cs(&["capture", "--all", "--yes"]).ok();
    sandbox.apply();
    let dry = sandbox.cs(&["uninstall", "--dry-run"]).ok();
    assert!(dry.out.contains("what was there before comes back, as it was last edited"), "{dry}");
    sandbox.cs(&["uninstall", "--yes"]).ok();
    let leads = fs::read_link(&link).expect("a link again");
    assert_eq!(leads, std::path::Path::new("../../dot/x.md"));
    assert_eq!(sandbox.read("dotfiles/agents/x.md"), agent("x", "Two"), "nothing of it is lost");
    assert_eq!(sandbox.read(".claude/agents/y.md"), agent("y", "Two"));
    assert_eq!(sandbox.read(".claude/skills/s/run.sh"), "#!/bin/sh\necho two\n");
    for (path, was) in closed {
        assert_eq!(mode(path), was, "{path}");
    }
}

#[test]
fn going_back_gives_back_what_was_only_taken_over() {
    let sandbox = with_agents(&[]);
    let users = "{\"permissions\":{\"allow\":[\"A\"]},\"env\":{\"E\":\"1\"}}";
    sandbox.write(".claude/settings.json", users).write(".claude/agents/z.md", agent("z", "One"));
    sandbox.write("dotfiles/agents/z.md", agent("z", "One"));
    sandbox.profile("adopt = true\n").apply();
    sandbox.profile(
        "adopt = true\n[settings]\npermissions.allow = [\"A\"]\nenv.E = \"1\"\n[agents.z]\nsource = \"agents/z.md\"\n",
    );
    sandbox.apply();
    sandbox.cs(&["rollback", "--yes"]).ok();
    assert_eq!(sandbox.read(".claude/settings.json"), users);
    assert_eq!(sandbox.read(".claude/agents/z.md"), agent("z", "One"));
    sandbox.cs(&["rollback", "--yes"]).ok();
    sandbox.cs(&["uninstall", "--yes", "--purge"]).ok();
    assert_eq!(sandbox.read(".claude/settings.json"), users);
    assert_eq!(sandbox.read(".claude/agents/z.md"), agent("z", "One"));
}
