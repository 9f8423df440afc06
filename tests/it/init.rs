//! `cs init`: from a living folder to a profile that changes nothing and is the whole of it.

use std::fs;
use std::path::Path;

use crate::sandbox::{Sandbox, cases};
use crate::session::snapshots;

/// What stays for a secret in it can be declared by taking the example as it stands.
#[test]
fn the_example_for_a_secret_is_the_one_that_was_found() {
    let sandbox = Sandbox::new();
    busy(&sandbox);
    sandbox.cs(&["init", "dotfiles/claude"]).ok();
    let profile = sandbox.read("dotfiles/claude/claude-sync.toml");
    let (declared, example) = profile.split_once("To declare what was left for one:\n").expect("an example");
    assert!(!example.contains("ghp_") && !example.contains("sk-ant"), "{example}");
    let lines = example.lines().map(|line| line.trim_start_matches("#   "));
    let (of_settings, tables): (Vec<&str>, Vec<&str>) =
        lines.partition(|line| line.ends_with("# in [settings]"));
    assert_eq!(of_settings.len(), 1, "{example}");
    let declared = declared.replace("\n[settings]\n", &format!("\n[settings]\n{}\n", of_settings[0]));
    sandbox.write("dotfiles/claude/claude-sync.toml", format!("{declared}\n{}\n", tables.join("\n")));
    let mut plan = sandbox.command(&["plan", "--explain", "--profile", "dotfiles/claude/claude-sync.toml"]);
    plan.env("MY_API_KEY", "sk-ant-0123456789abcdef").env("TOKEN", "ghp_0123456789abcdefABCDEF");
    let plan = crate::sandbox::ran(plan.output().expect("cs runs")).ok();
    for entry in ["env.MY_API_KEY", "mcpServers.private"] {
        let line = plan.out.lines().find(|line| line.contains(entry)).unwrap_or_else(|| panic!("{plan}"));
        assert!(line.trim_start().starts_with('='), "as it is there: {line}");
    }
}

/// README's own order: try it, take it away, and begin with what one has.
#[test]
fn after_an_uninstall_all_that_is_there_can_be_declared() {
    let sandbox = Sandbox::new();
    sandbox.write(".claude/settings.json", "{\"model\": \"opus\"}\n");
    sandbox.cs(&["apply", "--profile", "builtin:default", "--yes"]).ok();
    let said = sandbox.cs(&["init", "dotfiles"]).code(1);
    assert!(said.err.contains("is cs's already (generation 1)"), "{said}");
    sandbox.cs(&["uninstall", "--yes"]).ok();
    sandbox.cs(&["init", "dotfiles"]).ok();
    assert!(sandbox.read("dotfiles/claude-sync.toml").contains("model = \"opus\""));
    sandbox.cs(&["apply", "--profile", "dotfiles/claude-sync.toml", "--yes"]).ok();
    assert_eq!(sandbox.read(".claude/settings.json"), "{\"model\": \"opus\"}\n");
}

#[test]
fn links_are_told_as_what_they_are() {
    let sandbox = Sandbox::new();
    sandbox
        .write("dotfiles/claude/CLAUDE.md", "Mine.\n")
        .write("elsewhere/hi.md", "Say hi.\n")
        .write("dotfiles/claude/agents/x.md", "---\nname: x\ndescription: y\n---\n");
    for (at, target) in [
        (".claude/CLAUDE.md", "../dotfiles/claude/CLAUDE.md"),
        (".claude/agents/x.md", "../../dotfiles/claude/agents/x.md"),
        (".claude/commands/hi.md", "../../elsewhere/hi.md"),
        (".claude/commands/gone.md", "../../elsewhere/gone.md"),
    ] {
        fs::create_dir_all(sandbox.path(at).parent().expect("a folder")).expect("made");
        std::os::unix::fs::symlink(target, sandbox.path(at)).expect("a link");
    }
    let said = sandbox.cs(&["init", "dotfiles/claude"]).ok();
    assert!(said.out.contains("\n1 file was copied beside it."), "{said}");
    assert!(said.out.contains("  commands/hi.md   ~/elsewhere/hi.md\n"), "{said}");
    assert!(!said.out.contains("  CLAUDE.md") && !said.out.contains("  agents/x.md"), "{said}");
    assert!(said.out.contains("it is a link to ~/elsewhere/gone.md, where nothing is"), "{said}");
}

/// The client skips it; with the type that a declaration is given it would start it.
#[test]
fn a_server_that_is_skipped_is_not_switched_on() {
    let sandbox = Sandbox::new();
    sandbox.write(".claude.json", "{\"mcpServers\": {\"a\": {\"url\": \"https://mcp.example.org\"}}}\n");
    let said = sandbox.cs(&["init", "dots"]).ok();
    assert!(said.out.contains("it has no type, so Claude Code skips it"), "{said}");
    sandbox.cs(&["apply", "--profile", "dots/claude-sync.toml", "--yes"]).ok();
    assert!(!sandbox.read(".claude.json").contains("type"));
}

#[test]
fn a_secret_in_a_script_is_seen_however_it_is_written() {
    let sandbox = Sandbox::new();
    let script = "#!/bin/sh\nexport GITHUB_TOKEN=ghp_q8Zr3LmNx7VbT2cYwK5sHd9Jf4GpRa1Eu6Xo\n";
    sandbox
        .script(".claude/hooks/h.sh", script)
        .write(".claude/skills/s/SKILL.md", "---\nname: s\ndescription: y\n---\n")
        .write(".claude/skills/s/.env", "# mine\n\nAPI_TOKEN=4f9a7c1e0b3d\n")
        .write(
            ".claude/settings.json",
            r#"{"hooks": {"Stop": [{"hooks": [{"type": "command", "command": "~/.claude/hooks/h.sh"}]}]}}"#,
        );
    let said = sandbox.cs(&["init", "dots"]).ok();
    for suspect in ["hooks/h.sh:2", "skills/s/.env:3"] {
        assert!(said.err.contains(&format!("{suspect} looks as if it held a secret")), "{said}");
    }
}

/// A root with something of everything in it, and some things that can't be declared.
fn busy(sandbox: &Sandbox) {
    sandbox
        .script(".claude/hooks/format.sh", "#!/bin/sh\nexit 0\n")
        .script(".claude/hooks/twice.sh", "#!/bin/sh\nexit 0\n")
        .script(".claude/hooks/odd", "#!/usr/bin/env no-such-interpreter\n")
        .write(".claude/hooks/lib/util.py", "x = 1\n")
        .write(".claude/hooks/lib/__pycache__/util.pyc", "made")
        .write(".claude/agents/reviewer.md", "---\nname: reviewer\ndescription: reviews\n---\nBe kind.\n")
        .write(".claude/agents/nameless.md", "no frontmatter\n")
        .write(".claude/agents/notes.txt", "not an agent\n")
        .write(".claude/commands/hi.md", "Say hi.\n")
        .write(".claude/commands/git/commit.md", "Commit.\n")
        .write(".claude/skills/pdf/SKILL.md", "---\nname: pdf\ndescription: reads\n---\n")
        .write(".claude/skills/pdf/scripts/a.py", "print(1)\n")
        .write(".claude/skills/empty/notes.md", "no skill\n")
        .write(".claude/CLAUDE.md", "# Rules\nexport API_TOKEN=\"ghp_0123456789abcdefghijABCDEF\"\n")
        .script(".claude/status.sh", "#!/bin/sh\n")
        .write(".claude/projects/x/transcript.jsonl", "{}\n")
        .write(
            ".claude.json",
            r#"{ "numStartups": 1, "mcpServers": { "docs": { "type": "http", "url": "https://mcp.example.org" },
  "files": { "type": "stdio", "command": "npx", "args": ["-y", "files"], "env": { "ROOT": "${HOME}" } },
  "private": { "command": "x", "env": { "TOKEN": "ghp_0123456789abcdefABCDEF" } } } }
"#,
        )
        .write(
            ".claude/settings.json",
            r#"{
  "$schema": "https://example.org/schema.json",
  "model": "opus",
  "env": { "RUST_LOG": "info", "MY_API_KEY": "sk-ant-0123456789abcdef" },
  "permissions": { "allow": ["Bash(ls:*)", "Bash(git status)"], "defaultMode": "acceptEdits" },
  "statusLine": { "type": "command", "command": "~/.claude/status.sh" },
  "enabledPlugins": { "a@b": true },
  "hooks": {
    "PostToolUse": [
      { "matcher": "Edit|Write", "hooks": [{ "type": "command", "command": "$HOME/.claude/hooks/format.sh", "timeout": 5 }] },
      { "matcher": "Bash", "hooks": [{ "type": "command", "command": "~/.claude/hooks/twice.sh" }] },
      { "matcher": "Read", "hooks": [{ "type": "command", "command": "~/.claude/hooks/twice.sh" }] }
    ],
    "Stop": [{ "hooks": [{ "type": "command", "command": "npx prettier --check ." }, { "type": "prompt", "prompt": "x" }] }],
    "SessionEnd": [{ "hooks": [{ "type": "command", "command": "npx prettier --check ." }] }],
    "Invented": [{ "hooks": [{ "type": "command", "command": "true" }] }],
    "PreToolUse": [{ "matcher": "Bash", "hooks": [{ "type": "command", "command": "~/.claude/hooks/odd" }] }]
  },
  "odd": null
}
"#,
        );
}

/// Every file below a folder, with its bytes.
fn contents(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(next) = open.pop() {
        for entry in fs::read_dir(&next).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() && !path.is_symlink() {
                open.push(path);
            } else {
                let bytes = fs::read(&path).expect("readable");
                found.push((path.strip_prefix(folder).expect("below").display().to_string(), bytes));
            }
        }
    }
    found.sort();
    found
}

#[test]
fn a_busy_folder_becomes_a_profile_that_changes_nothing() {
    let sandbox = Sandbox::new();
    busy(&sandbox);
    let before = contents(&sandbox.root());
    let said = sandbox.cs(&["init", "dots"]).ok();
    assert_eq!(contents(&sandbox.root()), before);
    let profile = sandbox.read("dots/claude-sync.toml");
    let shown = format!("{}{}\n---- claude-sync.toml\n{profile}", said.out, said.err);
    snapshots().bind(|| insta::assert_snapshot!("init", sandbox.tidy(&shown)));

    let plan = sandbox.cs(&["plan", "--json", "--profile", "dots/claude-sync.toml"]).ok().json();
    let is_taken = |step: &serde_json::Value| step["action"] == "adopt";
    let steps = plan["paths"].as_array().expect("paths");
    assert!(steps.len() > 8 && steps.iter().all(is_taken), "{plan:#}");
    let written = plan["entries"].as_array().expect("entries");
    assert!(
        written.iter().all(|entry| matches!(entry["action"].as_str(), Some("adopt" | "coincide"))),
        "{plan:#}"
    );

    let state = sandbox.read(".claude.json");
    sandbox.cs(&["apply", "--yes", "--profile", "dots/claude-sync.toml"]).ok();
    assert_eq!(sandbox.read(".claude.json"), state);
    assert_eq!(
        fs::read(sandbox.settings()).expect("there"),
        before.iter().find(|(name, _)| name == "settings.json").expect("there").1
    );
    assert_eq!(sandbox.cs(&["plan", "--exit-code"]).code, 0);
    sandbox.cs(&["uninstall", "--purge", "--yes"]).ok();
    assert_eq!(contents(&sandbox.root()), before);
}

#[test]
fn what_was_taken_over_goes_when_it_is_taken_out() {
    let sandbox = Sandbox::new();
    busy(&sandbox);
    sandbox.cs(&["init", "dots"]).ok();
    sandbox.cs(&["apply", "--yes", "--profile", "dots/claude-sync.toml"]).ok();
    let profile = sandbox.read("dots/claude-sync.toml");
    let without = profile
        .replace("  \"Bash(ls:*)\",\n", "")
        .replace("[agents.reviewer]\nsource = \"agents/reviewer.md\"\n", "");
    assert_eq!(without.lines().count() + 3, profile.lines().count());
    sandbox.write("dots/claude-sync.toml", without);
    sandbox.cs(&["apply", "--yes"]).ok();
    assert!(!sandbox.read(".claude/settings.json").contains("Bash(ls:*)"));
    assert!(sandbox.read(".claude/settings.json").contains("Bash(git status)"));
    assert!(!sandbox.path(".claude/agents/reviewer.md").exists());
}

/// Killed between the commit and the first step: nothing had been written, so there is nothing to take back.
#[test]
fn undoing_an_apply_that_only_took_over_changes_nothing() {
    let before = "{\"cleanupPeriodDays\":7,\"permissions\":{\"allow\":[\"A\",\"B\"]}}";
    for first in ["", "[settings]\ncleanupPeriodDays = 7\n"] {
        let sandbox = Sandbox::new();
        sandbox.write(".claude/settings.json", before);
        let whole = "[settings]\ncleanupPeriodDays = 7\npermissions.allow = [\"A\", \"B\"]\n";
        let from = if first.is_empty() { "null" } else { "1" };
        if !first.is_empty() {
            sandbox.profile(&format!("adopt = true\n{first}")).apply();
        }
        sandbox.profile(&format!("adopt = true\n{whole}")).apply();
        let current = sandbox.path(".claude/claude-sync/current");
        fs::remove_file(&current).expect("a link");
        let to = if first.is_empty() { 1 } else { 2 };
        if to == 2 {
            std::os::unix::fs::symlink("generations/1", &current).expect("a link");
        }
        sandbox.write(".claude/claude-sync/pending", format!("{{\"format\":1,\"from\":{from},\"to\":{to}}}"));
        sandbox.cs(&["recover"]).ok();
        assert_eq!(sandbox.read(".claude/settings.json"), before);
        sandbox.cs(&["uninstall", "--purge", "--yes"]).ok();
        assert_eq!(sandbox.read(".claude/settings.json"), before);
    }
}

#[test]
fn nothing_is_overwritten() {
    let inside = Sandbox::new();
    inside.write(".claude/CLAUDE.md", "mine\n");
    inside.cs(&["init", ".claude/dots"]).code(1);
    inside.cs(&["init", ".claude"]).code(1);
    assert_eq!(inside.tree().len(), 1);

    let sandbox = Sandbox::new();
    busy(&sandbox);
    sandbox.write("dots/CLAUDE.md", "mine\n");
    let refused = sandbox.cs(&["init", "dots"]).code(1);
    assert!(refused.err.contains("dots/CLAUDE.md is there already"), "{refused}");
    assert_eq!(fs::read_dir(sandbox.path("dots")).expect("a folder").count(), 1);
    sandbox.cs(&["init", "--empty", "empty"]).ok();
    sandbox.cs(&["init", "--empty", "empty"]).code(1);
    sandbox.cs(&["init", "--from", "builtin:learning", "from"]).ok();
    sandbox.cs(&["init", "--from", "builtin:no-such", "other"]).code(1);
    sandbox.cs(&["plan", "--profile", "empty/claude-sync.toml"]).ok();
    sandbox.cs(&["apply", "--yes", "--profile", "from/claude-sync.toml"]).ok();
    let again = sandbox.cs(&["init", "again"]).code(1);
    assert!(again.err.contains("is cs's already"), "{again}");
}

#[test]
fn real_settings_become_profiles_that_change_nothing() {
    let Some(cases) = cases() else { return };
    let agents: Vec<_> =
        fs::read_dir(cases.join("agents")).expect("cases").map(|e| e.expect("entry").path()).collect();
    let mut files: Vec<_> =
        fs::read_dir(cases.join("settings")).expect("cases").map(|e| e.expect("entry").path()).collect();
    files.sort();
    let (mut tried, mut declared) = (0, 0);
    for (number, file) in
        files.iter().filter(|file| file.extension().is_some_and(|e| e == "json")).enumerate()
    {
        let sandbox = Sandbox::new();
        sandbox.write(".claude/settings.json", fs::read(file).expect("readable"));
        for agent in agents
            .iter()
            .skip(number % 7)
            .step_by(7)
            .filter(|agent| agent.extension().is_some_and(|e| e == "md"))
        {
            let name = agent.file_name().expect("a name").display().to_string();
            sandbox.write(&format!(".claude/agents/{name}"), fs::read(agent).expect("readable"));
        }
        let before = contents(&sandbox.root());
        let made = sandbox.cs(&["init", "--json", "dots"]).ok().json();
        declared += made["declared"]["settings"].as_u64().expect("a number");
        let name = file.display();
        let plan = sandbox.cs(&["plan", "--json", "--profile", "dots/claude-sync.toml"]).ok().json();
        let changes = |list: &str, own: &[&str]| {
            plan[list]
                .as_array()
                .expect("a list")
                .iter()
                .filter(|step| !own.contains(&step["action"].as_str().expect("a word")))
                .count()
        };
        assert_eq!(
            (changes("paths", &["adopt"]), changes("entries", &["adopt", "coincide"])),
            (0, 0),
            "{name}: {plan:#}"
        );
        sandbox.cs(&["apply", "--yes", "--profile", "dots/claude-sync.toml"]).ok();
        assert_eq!(sandbox.cs(&["plan", "--exit-code"]).code, 0, "{name}");
        sandbox.cs(&["uninstall", "--purge", "--yes"]).ok();
        assert!(contents(&sandbox.root()) == before, "{name}");
        tried += 1;
    }
    println!("{tried} files, {declared} settings declared");
    assert!(tried >= 43);
}
