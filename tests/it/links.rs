//! Links of the user's own that make room for ours, and files that become links: what is said, and what comes back.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::PathBuf;

use crate::sandbox::Sandbox;

const AGENT: &str = "---\nname: x\ndescription: mine\n---\nBe kind.\n";

/// As stow or a person made it: two links into a folder of dotfiles, and a file of its own.
fn stowed() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox
        .write("dot/claude/CLAUDE.md", "# Mine\n")
        .write("dot/claude/x.md", AGENT)
        .write(".claude/commands/hi.md", "Say hi.\n");
    fs::create_dir_all(sandbox.path(".claude/agents")).expect("a folder");
    symlink("../dot/claude/CLAUDE.md", sandbox.path(".claude/CLAUDE.md")).expect("a link");
    symlink(sandbox.path("dot/claude/x.md"), sandbox.path(".claude/agents/x.md")).expect("a link");
    sandbox
}

fn link(sandbox: &Sandbox, path: &str) -> PathBuf {
    fs::read_link(sandbox.path(path)).expect("a link")
}

#[test]
fn init_names_the_links_it_read_through_and_plan_says_what_becomes_of_them() {
    let sandbox = stowed();
    let before = sandbox.tree();
    let said = sandbox.cs(&["init", "dotfiles/c"]).ok();
    insta::assert_snapshot!(said.out, @r"
    ~/dotfiles/c/claude-sync.toml   0 settings, 0 hooks, 3 files and folders
    3 files were copied beside it.

    2 of them are links of yours; their content was copied from where they lead:
      CLAUDE.md     ~/dot/claude/CLAUDE.md
      agents/x.md   ~/dot/claude/x.md
    From the first apply on, Claude Code reads what the profile has: edit the copies, not those files.

    Next: cs plan --profile ~/dotfiles/c/claude-sync.toml   ·   cs apply --profile ~/dotfiles/c/claude-sync.toml
    ");
    let plan = sandbox.cs(&["plan", "--profile", "dotfiles/c/claude-sync.toml"]).ok();
    insta::assert_snapshot!(plan.out, @r"
    Profile  ~/dotfiles/c/claude-sync.toml
    Root     ~/.claude  (nothing of cs's there yet)

      = CLAUDE.md                     the same, in the place of a link of yours   claude-sync.toml:10
          your link led to ~/dot/claude/CLAUDE.md, which stays; cs uninstall puts the link back
          edits there no longer reach Claude Code: edit ~/dotfiles/c/CLAUDE.md
      = agents/x.md                   the same, in the place of a link of yours   claude-sync.toml:13
          your link led to ~/dot/claude/x.md, which stays; cs uninstall puts the link back
          edits there no longer reach Claude Code: edit ~/dotfiles/c/agents/x.md
      = commands/hi.md                the same is there: becomes a link to it   claude-sync.toml:16

    No content changes: 1 file becomes a link to the same content, 2 links of yours make room for cs's.   cs apply --profile dotfiles/c/claude-sync.toml   ·   cs plan --profile dotfiles/c/claude-sync.toml --explain
    ");
    let json = sandbox.cs(&["plan", "--json", "--profile", "dotfiles/c/claude-sync.toml"]).json();
    let notes: Vec<usize> = json["paths"]
        .as_array()
        .expect("paths")
        .iter()
        .map(|own| own["notes"].as_array().expect("a list").len())
        .collect();
    assert_eq!(notes.into_iter().sum::<usize>(), 4);
    sandbox.cs(&["apply", "--yes", "--profile", "dotfiles/c/claude-sync.toml"]).ok();
    sandbox.write("dot/claude/CLAUDE.md", "# Edited where it was\n");
    assert_eq!(sandbox.read(".claude/CLAUDE.md"), "# Mine\n");
    sandbox.write("dot/claude/CLAUDE.md", "# Mine\n");
    sandbox.cs(&["uninstall", "--yes"]).ok();
    assert_eq!(sandbox.tree(), before, "each link leads where it led");
    assert_eq!(link(&sandbox, ".claude/CLAUDE.md"), PathBuf::from("../dot/claude/CLAUDE.md"));
    assert_eq!(sandbox.read("dot/claude/CLAUDE.md"), "# Mine\n");
}

/// With another content it makes room only where somebody says so; with its own file declared, edits go on counting.
#[test]
fn what_becomes_of_edits_is_said_where_a_link_makes_room() {
    let sandbox = stowed();
    sandbox.write("dotfiles/x.md", AGENT.replace("kind", "strict"));
    sandbox.profile(
        "[agents.x]\nsource = \"x.md\"\n[files.\"CLAUDE.md\"]\nsource = \"../dot/claude/CLAUDE.md\"\n",
    );
    let args = ["--profile", "dotfiles/claude-sync.toml", "--on-conflict", "backup"];
    let plan = sandbox.cs(&[&["plan"][..], &args].concat()).ok();
    insta::assert_snapshot!(plan.out, @r"
    Profile  ~/dotfiles/claude-sync.toml
    Root     ~/.claude  (nothing of cs's there yet)

      + CLAUDE.md                     new, in the place of a link of yours   claude-sync.toml:4
          your link led to ~/dot/claude/CLAUDE.md, which stays; cs uninstall puts the link back
          it is what is declared: edits there reach Claude Code with the next cs apply
      + agents/x.md                   new, in the place of a link of yours   claude-sync.toml:2
          your link led to ~/dot/claude/x.md, which stays; cs uninstall puts the link back
          edits there no longer reach Claude Code: edit ~/dotfiles/x.md

    2 to add.   cs apply --profile dotfiles/claude-sync.toml   ·   cs plan --profile dotfiles/claude-sync.toml --explain
    ");
    sandbox.cs(&[&["apply", "--yes"][..], &args].concat()).ok();
    assert_eq!(sandbox.read("dot/claude/x.md"), AGENT);
    sandbox.write("dot/claude/CLAUDE.md", "# Edited where it is declared\n");
    sandbox.cs(&[&["apply", "--yes"][..], &args].concat()).ok();
    assert_eq!(sandbox.read(".claude/CLAUDE.md"), "# Edited where it is declared\n");
    sandbox.cs(&["uninstall", "--yes"]).ok();
    assert_eq!(link(&sandbox, ".claude/CLAUDE.md"), PathBuf::from("../dot/claude/CLAUDE.md"));
    assert_eq!(link(&sandbox, ".claude/agents/x.md"), sandbox.path("dot/claude/x.md"));
}

/// Who may write a hook's file, or its folder, decides what runs with its user's rights.
#[test]
fn doctor_tells_of_hooks_that_others_may_write() {
    let sandbox = Sandbox::new();
    sandbox.script("scripts/mine.sh", "#!/bin/sh\n").script("dotfiles/own.sh", "#!/bin/sh\n");
    sandbox.write(
        ".claude/settings.json",
        r#"{"hooks": {"Stop": [{"hooks": [{"type": "command", "command": "~/scripts/mine.sh"}]}]}}"#,
    );
    sandbox.profile("[hooks.own]\nevent = \"Stop\"\nsource = \"own.sh\"\n").apply();
    let open = |path: &str, mode: u32| {
        fs::set_permissions(sandbox.path(path), fs::Permissions::from_mode(mode)).expect("chmod");
    };
    let told = || {
        let found = sandbox.cs(&["doctor", "--json"]).json();
        let all = found["findings"].as_array().expect("a list").clone();
        let own = all.iter().filter(|own| own["code"] == "hook-writable-by-others");
        own.map(|own| sandbox.tidy(own["remedy"].as_str().expect("text"))).collect::<Vec<_>>()
    };
    assert_eq!(told(), [""; 0]);
    open("scripts/mine.sh", 0o757);
    open("dotfiles", 0o777);
    open(".claude/hooks", 0o777);
    insta::assert_snapshot!(told().join("\n"), @r"
    chmod go-w SANDBOX/home/.claude/hooks
    chmod go-w SANDBOX/home/dotfiles
    chmod go-w SANDBOX/home/scripts/mine.sh
    ");
}
