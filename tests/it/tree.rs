//! Links and copies: what is taken, what drifts, what comes back.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use crate::sandbox::Sandbox;

const AGENT: &str = "---\nname: reviewer\ndescription: reviews\n---\nReview.\n";

fn with_agent() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox
        .write("dotfiles/agents/reviewer.md", AGENT)
        .profile("[agents.reviewer]\nsource = \"agents/reviewer.md\"\n")
        .write(".claude/settings.json", "{}");
    sandbox
}

fn apply(sandbox: &Sandbox, on_conflict: &str) -> crate::sandbox::Ran {
    sandbox.cs(&["apply", "--yes", "--profile", "dotfiles/claude-sync.toml", "--on-conflict", on_conflict])
}

#[test]
fn every_kind_is_linked_into_its_place() {
    let sandbox = with_agent();
    sandbox
        .script("dotfiles/format.py", "#!/usr/bin/env python3\n")
        .write("dotfiles/skill/SKILL.md", "---\nname: s\ndescription: d\n---\n")
        .script("dotfiles/skill/bin/run", "#!/bin/sh\n")
        .write("dotfiles/any", "any")
        .profile(
            "[hooks.format]\nevent = \"Stop\"\nsource = \"format.py\"\n[agents.reviewer]\nsource = \"agents/reviewer.md\"\n\
             [commands.c]\nsource = \"any\"\n[skills.s]\nsource = \"skill\"\n[rules.r]\nsource = \"any\"\n\
             [output-styles.o]\nsource = \"any\"\n[files.\"deep/er/file\"]\nsource = \"any\"\n\
             [files.\"copied\"]\nsource = \"any\"\nmode = \"copy\"\n",
        );
    apply(&sandbox, "refuse").ok();
    for (path, target) in [
        ("hooks/format", "../claude-sync/current/files/hooks/format"),
        ("agents/reviewer.md", "../claude-sync/current/files/agents/reviewer.md"),
        ("commands/c.md", "../claude-sync/current/files/commands/c.md"),
        ("skills/s", "../claude-sync/current/files/skills/s"),
        ("rules/r.md", "../claude-sync/current/files/rules/r.md"),
        ("output-styles/o.md", "../claude-sync/current/files/output-styles/o.md"),
        ("deep/er/file", "../../claude-sync/current/files/deep/er/file"),
    ] {
        let link = sandbox.root().join(path);
        assert_eq!(fs::read_link(&link).expect(path).to_str(), Some(target));
        assert!(link.exists(), "{path} dangles");
    }
    let mode = |path: &str| fs::metadata(sandbox.root().join(path)).expect(path).permissions().mode() & 0o777;
    assert_eq!(
        (mode("hooks/format"), mode("agents/reviewer.md"), mode("skills/s/bin/run")),
        (0o555, 0o444, 0o555)
    );
    assert!(!sandbox.root().join("copied").is_symlink());
    sandbox.cs(&["verify"]).ok();
    sandbox.cs(&["uninstall", "--yes"]).ok();
    assert_eq!(sandbox.tree(), ["settings.json 644 {}"]);
}

#[test]
fn all_conflicts_are_found_before_anything_is_touched() {
    let sandbox = with_agent();
    sandbox
        .write("dotfiles/b", "b")
        .profile(
            "settings.model = \"x\"\n[agents.reviewer]\nsource = \"agents/reviewer.md\"\n[files.b]\nsource = \"b\"\n\
             [files.\"c/d\"]\nsource = \"b\"\n[files.fine]\nsource = \"b\"\n",
        )
        .write(".claude/agents/reviewer.md", "mine")
        .write(".claude/b", "b")
        .write(".claude/c", "where a folder has to be");
    let before = sandbox.tree();
    let ran = apply(&sandbox, "refuse").code(1);
    for word in
        ["3 paths are taken", "agents/reviewer.md  is a file", "b  is a file  with the same content", "c  is"]
    {
        assert!(ran.err.contains(word), "{word}: {ran}");
    }
    assert_eq!(sandbox.tree(), before);
}

#[test]
fn what_is_moved_aside_comes_back() {
    for uninstall in [true, false] {
        let sandbox = with_agent();
        sandbox.write(".claude/agents/reviewer.md", "mine").write("dotfiles/x", "x");
        fs::create_dir_all(sandbox.path(".claude/skills/s/deep")).expect("a folder");
        sandbox
            .write(".claude/skills/s/deep/file", "theirs")
            .write("dotfiles/skill/SKILL.md", "---\ndescription: d\n---\n");
        symlink("/nowhere", sandbox.path(".claude/x")).expect("a link");
        sandbox.profile(
            "[agents.reviewer]\nsource = \"agents/reviewer.md\"\n[skills.s]\nsource = \"skill\"\n[files.x]\nsource = \"x\"\n",
        );
        let before = sandbox.tree();
        apply(&sandbox, "backup").ok();
        assert_eq!(sandbox.read(".claude/agents/reviewer.md"), AGENT);
        if uninstall {
            sandbox.cs(&["uninstall", "--yes"]).ok();
        } else {
            sandbox.profile("settings.model = \"x\"\n");
            apply(&sandbox, "refuse").ok();
            sandbox.profile("");
            apply(&sandbox, "refuse").ok();
        }
        assert_eq!(sandbox.tree(), before, "uninstall: {uninstall}");
    }
}

#[test]
fn adopted_goes_when_undeclared_and_comes_back_on_uninstall() {
    let sandbox = with_agent();
    sandbox.write(".claude/agents/reviewer.md", AGENT);
    let before = sandbox.tree();
    apply(&sandbox, "adopt").ok();
    assert!(sandbox.path(".claude/agents/reviewer.md").is_symlink());
    sandbox.cs(&["uninstall", "--yes"]).ok();
    assert_eq!(sandbox.tree(), before);
    apply(&sandbox, "adopt").ok();
    sandbox.profile("");
    apply(&sandbox, "refuse").ok();
    assert!(!sandbox.path(".claude/agents/reviewer.md").exists());
}

#[test]
fn adopt_refuses_what_is_not_the_same() {
    let sandbox = with_agent();
    sandbox.write(".claude/agents/reviewer.md", "mine");
    assert!(apply(&sandbox, "adopt").code(1).err.contains("--on-conflict backup"));
}

#[test]
fn a_hook_that_was_written_back_and_is_declared_again_is_ours_again() {
    for other_fields in [false, true] {
        let sandbox = Sandbox::new();
        let hook = "[hooks.h]\nevent = \"Stop\"\nsource = \"h.sh\"\ntimeout = 5\n";
        let mine = "{\n  \"model\": \"x\"\n}\n";
        sandbox.script("dotfiles/h.sh", "#!/bin/sh\n").write(".claude/settings.json", mine);
        sandbox.profile(hook).apply();
        let mut stale = sandbox.read(".claude/settings.json");
        sandbox.profile("").apply();
        if other_fields {
            stale = stale.replace(": 5", ": 7");
        }
        sandbox.write(".claude/settings.json", &stale);
        sandbox.profile(hook).apply();
        assert!(sandbox.read(".claude/settings.json").contains("\"timeout\": 5"));
        sandbox.profile("").apply();
        assert!(!sandbox.read(".claude/settings.json").contains("hooks/h"));
        sandbox.cs(&["verify"]).ok();
    }
}

#[test]
fn what_is_skipped_takes_its_hook_along() {
    let sandbox = Sandbox::new();
    sandbox
        .script("dotfiles/h.sh", "#!/bin/sh\n")
        .profile("settings.model = \"x\"\n[hooks.h]\nevent = \"Stop\"\nsource = \"h.sh\"\n")
        .write(".claude/settings.json", "{}")
        .write(".claude/hooks/h", "mine");
    let plan = ["plan", "--profile", "dotfiles/claude-sync.toml", "--on-conflict", "skip"];
    let said = sandbox.cs(&plan).ok().out;
    for words in [
        "= hooks/h                       skipped: a file is there   claude-sync.toml:3",
        "= hooks.Stop  ~/.claude/hooks/h   left out: it would run hooks/h",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
    let json = sandbox.cs(&[&plan[..], &["--json"]].concat()).ok().json();
    assert_eq!(
        json["skipped"],
        serde_json::json!([{"path": "hooks/h", "found": "a file", "declared": "claude-sync.toml:3",
            "entries": [{"document": "settings.json", "entry": "hooks.Stop", "item": "~/.claude/hooks/h"}]}])
    );
    apply(&sandbox, "skip").ok();
    let again = apply(&sandbox, "skip").ok().out;
    assert!(again.contains("Up to date: generation 1.\n  = hooks/h"), "{again}");
    assert_eq!(sandbox.read(".claude/hooks/h"), "mine");
    assert!(!sandbox.read(".claude/settings.json").contains("hooks/h"));
    sandbox.cs(&["verify"]).ok();
}

#[test]
fn content_edited_through_the_link_is_drift_and_the_edit_is_kept() {
    let sandbox = with_agent();
    apply(&sandbox, "refuse").ok();
    let stored = fs::canonicalize(sandbox.path(".claude/agents/reviewer.md")).expect("there");
    fs::set_permissions(&stored, fs::Permissions::from_mode(0o644)).expect("chmod");
    fs::write(&stored, "edited by hand, at length").expect("written");
    let plan = sandbox.cs(&["plan", "--exit-code"]).code(3);
    assert!(
        plan.out.contains("! agents/reviewer.md")
            && plan.out.contains("edited outside cs since generation 1"),
        "{plan}"
    );
    assert!(plan.out.contains("-   edited by hand") && plan.out.contains("+   Review."), "{plan}");
    sandbox.cs(&["verify"]).code(1);
    apply(&sandbox, "refuse").ok();
    assert_eq!(sandbox.read(".claude/agents/reviewer.md"), AGENT);
    assert_eq!(
        sandbox.read(".claude/claude-sync/displaced/2/agents/reviewer.md"),
        "edited by hand, at length"
    );
}

#[test]
fn content_edited_through_the_link_stays_when_it_is_let_go() {
    let sandbox = with_agent();
    apply(&sandbox, "refuse").ok();
    let stored = fs::canonicalize(sandbox.path(".claude/agents/reviewer.md")).expect("there");
    fs::set_permissions(&stored, fs::Permissions::from_mode(0o644)).expect("chmod");
    fs::write(&stored, "edited by hand, at length").expect("written");
    sandbox.cs(&["uninstall", "--yes"]).ok();
    assert_eq!(sandbox.read(".claude/agents/reviewer.md"), "edited by hand, at length");
    assert!(!sandbox.path(".claude/agents/reviewer.md").is_symlink());
}

#[test]
fn a_link_that_others_replaced_is_a_conflict_and_stays_theirs_when_let_go() {
    let sandbox = with_agent();
    apply(&sandbox, "refuse").ok();
    fs::remove_file(sandbox.path(".claude/agents/reviewer.md")).expect("there");
    sandbox.write(".claude/agents/reviewer.md", "saved by an editor");
    let ran = apply(&sandbox, "refuse").code(1);
    assert!(ran.err.contains("put there by others since the last apply"), "{ran}");
    assert!(sandbox.cs(&["status"]).ok().out.contains("drift"));
    sandbox.cs(&["uninstall", "--yes"]).ok();
    assert_eq!(sandbox.read(".claude/agents/reviewer.md"), "saved by an editor");
}

#[test]
fn a_link_that_others_removed_is_made_again() {
    let sandbox = with_agent();
    apply(&sandbox, "refuse").ok();
    fs::remove_dir_all(sandbox.path(".claude/agents")).expect("there");
    assert!(sandbox.cs(&["plan"]).ok().out.contains("removed outside cs since generation 1"));
    apply(&sandbox, "refuse").ok();
    assert_eq!(sandbox.read(".claude/agents/reviewer.md"), AGENT);
}

const APPLY_QUICKLY: [&str; 6] =
    ["apply", "--yes", "--profile", "dotfiles/claude-sync.toml", "--durability", "none"];

#[test]
fn undoing_does_not_bring_back_a_link_that_others_removed_before() {
    let hook = "[hooks.h]\nevent = \"Stop\"\nsource = \"h.sh\"\n";
    let agent = "[agents.reviewer]\nsource = \"agents/reviewer.md\"\n";
    let copy = format!("{agent}mode = \"copy\"\n");
    for (first, then) in [(agent, agent), (agent, ""), (&copy, &copy), (agent, &copy)] {
        let sandbox = with_agent();
        sandbox.script("dotfiles/h.sh", "#!/bin/sh\n").write(".claude/settings.json", "{}");
        sandbox.profile(first);
        apply(&sandbox, "refuse").ok();
        fs::remove_file(sandbox.path(".claude/agents/reviewer.md")).expect("there");
        sandbox.profile(&format!("settings.model = \"x\"\n{then}{hook}"));
        let before = sandbox.tree();
        sandbox.keep("ready");
        let (mut undone, mut n) = (0, 1);
        loop {
            sandbox.fresh("ready");
            let mut command = sandbox.command(&APPLY_QUICKLY);
            let ran =
                crate::sandbox::ran(command.env("CS_FAULT", format!("kill:{n}")).output().expect("cs runs"));
            if ran.code != crate::crash::KILLED {
                ran.ok();
                break;
            }
            sandbox.cs(&["recover"]).ok();
            let is_old = !sandbox.read(".claude/settings.json").contains("model");
            if is_old {
                assert_eq!(sandbox.tree(), before, "{first} then {then}, killed at {n}");
                undone += 1;
            }
            n += 3;
        }
        assert!(undone > 5, "{undone} of {n} were undone");
    }
}

#[test]
fn a_link_becomes_a_copy_and_a_link_again() {
    let sandbox = with_agent();
    let before = sandbox.tree();
    let link = "[agents.reviewer]\nsource = \"agents/reviewer.md\"\n";
    for (mode, is_link) in [("link", true), ("copy", false), ("link", true), ("copy", false)] {
        sandbox.profile(&format!("{link}mode = \"{mode}\"\n"));
        apply(&sandbox, "refuse").ok();
        let path = sandbox.path(".claude/agents/reviewer.md");
        assert_eq!(
            (path.is_symlink(), sandbox.read(".claude/agents/reviewer.md").as_str()),
            (is_link, AGENT),
            "{mode}"
        );
        sandbox.cs(&["verify"]).ok();
    }
    sandbox.write("dotfiles/agents/reviewer.md", AGENT.replace("Review.", "Review well."));
    apply(&sandbox, "refuse").ok();
    assert!(sandbox.read(".claude/agents/reviewer.md").contains("well"));
    sandbox.cs(&["uninstall", "--yes"]).ok();
    assert_eq!(sandbox.tree(), before);
}

#[test]
fn a_folder_that_is_a_link_is_not_written_into() {
    let sandbox = with_agent();
    fs::create_dir_all(sandbox.path("elsewhere")).expect("a folder");
    symlink("../elsewhere", sandbox.path(".claude/agents")).expect("a link");
    let ran = apply(&sandbox, "backup").code(1);
    assert!(ran.err.contains("agents  is a link to ../elsewhere"), "{ran}");
    assert_eq!(fs::read_dir(sandbox.path("elsewhere")).expect("there").count(), 0);
}

#[test]
fn folders_of_ours_go_when_they_are_empty_and_stay_when_not() {
    let sandbox = with_agent();
    sandbox.profile("[agents.reviewer]\nsource = \"agents/reviewer.md\"\n[files.\"a/b/c\"]\ntext = \"x\"\n");
    apply(&sandbox, "refuse").ok();
    sandbox.write(".claude/agents/mine.md", "mine");
    sandbox.cs(&["uninstall", "--yes"]).ok();
    assert!(sandbox.path(".claude/agents/mine.md").exists());
    assert!(!sandbox.path(".claude/a").exists());
}

#[test]
fn bundled_hooks_are_this_executable_under_their_names() {
    let sandbox = Sandbox::new();
    sandbox.cs(&["apply", "--yes", "--profile", "builtin:learning", "--durability", "none"]).ok();
    for name in ["context-enhancer", "intelligent-optimizer", "learning-collector"] {
        let link = sandbox.root().join("hooks").join(name);
        let output = std::process::Command::new(&link)
            .env_clear()
            .stdin(std::process::Stdio::null())
            .output()
            .expect("runs");
        assert!(
            output.status.success() && output.stdout.is_empty() && output.stderr.is_empty(),
            "{name}: {output:?}"
        );
    }
    sandbox.cs(&["verify"]).ok();
    sandbox.cs(&["apply", "--yes", "--profile", "builtin:minimal", "--durability", "none"]).ok();
    assert!(!sandbox.root().join("hooks").exists());
    sandbox.cs(&["rollback", "1", "--yes", "--durability", "none"]).ok();
    sandbox.cs(&["verify"]).ok();
}

#[test]
fn a_project_has_settings_and_generations_of_its_own() {
    let sandbox = Sandbox::new();
    sandbox
        .script("dotfiles/h.sh", "#!/bin/sh\n")
        .profile("settings.model = \"x\"\n[hooks.h]\nevent = \"Stop\"\nsource = \"h.sh\"\n")
        .write("project/README.md", "");
    sandbox.cs(&["apply", "--yes", "--project", "project", "--profile", "dotfiles/claude-sync.toml"]).ok();
    assert!(sandbox.read("project/.claude/settings.json").contains("\"x\""));
    assert!(sandbox.read("project/.claude/settings.local.json").contains("~/project/.claude/hooks/h"));
    assert!(!sandbox.root().exists());
    sandbox.cs(&["uninstall", "--yes", "--purge", "--project", "project"]).ok();
    assert!(!sandbox.path("project/.claude").exists());
}

#[test]
fn learned_data_go_only_with_purge() {
    let sandbox = with_agent();
    apply(&sandbox, "refuse").ok();
    sandbox.write(".claude/learning/x/journal", "sealed");
    sandbox.cs(&["uninstall", "--yes"]).ok();
    assert!(
        sandbox.path(".claude/learning/x/journal").exists() && sandbox.path(".claude/claude-sync").exists()
    );
    apply(&sandbox, "refuse").ok();
    let numbers = sandbox.cs(&["generations", "--json"]).ok().json();
    assert_eq!(numbers["current"], 3);
    sandbox.cs(&["uninstall", "--yes", "--purge"]).ok();
    assert_eq!(sandbox.tree(), ["settings.json 644 {}"]);
    assert!(!sandbox.path(".claude/claude-sync").exists());
}

#[test]
fn a_hook_that_a_stale_buffer_wrote_back_goes_again() {
    let sandbox = Sandbox::new();
    sandbox.script("dotfiles/h.sh", "#!/bin/sh\n").write(".claude/settings.json", "{}");
    let hook = |name: &str| format!("[hooks.{name}]\nevent = \"Stop\"\nsource = \"h.sh\"\n");
    sandbox.profile(&hook("one"));
    apply(&sandbox, "refuse").ok();
    let stale = sandbox.read(".claude/settings.json");
    sandbox.profile(&hook("two"));
    apply(&sandbox, "refuse").ok();
    sandbox.write(".claude/settings.json", &stale);
    assert!(sandbox.cs(&["verify"]).code(1).out.contains("hooks/one"));
    apply(&sandbox, "refuse").ok();
    let settings = sandbox.read(".claude/settings.json");
    assert!(!settings.contains("hooks/one") && settings.contains("hooks/two"), "{settings}");
    sandbox.cs(&["verify"]).ok();
    // And after everything has gone, for whoever comes back; a hook of the user's own there is theirs.
    sandbox.cs(&["uninstall", "--yes"]).ok();
    sandbox.write(".claude/settings.json", &stale);
    sandbox.script(".claude/hooks/one", "#!/bin/sh\n").profile("");
    apply(&sandbox, "refuse").ok();
    assert_eq!(sandbox.read(".claude/settings.json"), stale);
    fs::remove_file(sandbox.path(".claude/hooks/one")).expect("there");
    sandbox.profile("settings.model = \"x\"\n");
    apply(&sandbox, "refuse").ok();
    assert!(!sandbox.read(".claude/settings.json").contains("hooks/one"));
}

#[test]
fn a_name_as_long_as_names_may_be_comes_and_goes() {
    let sandbox = Sandbox::new();
    let name = "x".repeat(252);
    sandbox.write(".claude/settings.json", "{}").profile(&format!("[commands.{name}]\ntext = \"t\"\n"));
    apply(&sandbox, "refuse").ok();
    sandbox.cs(&["verify"]).ok();
    sandbox.cs(&["uninstall", "--yes"]).ok();
    assert_eq!(sandbox.tree(), ["settings.json 644 {}"]);
}
