//! `cs capture`: what changed outside `cs` goes back into the profile, and into nothing else.

use std::fs;

use serde_json::{Value, json};

use crate::sandbox::Sandbox;
use crate::session::snapshots;

const PROFILE: &str = r#"# How I work.
format = 1

[settings]
env.RUST_LOG = "info"   # quiet
permissions.allow = [
  "Bash(ls:*)",   # everyday
  "Bash(make:*)",
]

[defaults]
model = "opus"

[hooks.fmt]
event = ["PostToolUse", "Stop"]
source = "hooks/fmt.sh"
timeout = 5

[agents.reviewer]
source = "agents/reviewer.md"

[agents.other]
source = "agents/other.md"

[skills.pdf]
source = "skills/pdf"
"#;

/// A root as this profile wants it.
fn applied() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox
        .script("dotfiles/hooks/fmt.sh", "#!/bin/sh\n")
        .write("dotfiles/agents/reviewer.md", "---\nname: reviewer\ndescription: d\n---\nOne.\n")
        .write("dotfiles/agents/other.md", "---\nname: other\ndescription: d\n---\n")
        .write("dotfiles/skills/pdf/SKILL.md", "---\nname: pdf\ndescription: d\n---\n")
        .write("dotfiles/skills/pdf/old.py", "1\n")
        .write(
            ".claude/settings.json",
            "{\n  \"permissions\": { \"allow\": [\"mine\"] },\n  \"theirs\": 1\n}\n",
        )
        .write("dotfiles/claude-sync.toml", PROFILE);
    sandbox.apply();
    sandbox
}

fn change(sandbox: &Sandbox, edit: impl FnOnce(&mut Value)) {
    let mut value: Value = serde_json::from_str(&sandbox.read(".claude/settings.json")).expect("JSON");
    edit(&mut value);
    sandbox.write(".claude/settings.json", serde_json::to_string_pretty(&value).expect("JSON"));
}

/// Replaces what a link of ours shows by a file of the user's.
fn rewrite(sandbox: &Sandbox, path: &str, text: &str) {
    fs::remove_file(sandbox.path(path)).expect("a link");
    sandbox.write(path, text);
}

#[test]
fn what_changed_goes_into_the_profile_and_then_nothing_is_pending() {
    let sandbox = applied();
    change(&sandbox, |settings| {
        settings["model"] = json!("haiku");
        settings["env"]["RUST_LOG"] = json!("debug");
        settings["permissions"]["allow"] = json!(["mine", "Bash(make:*)", "Bash(cargo test:*)"]);
        settings["enabledPlugins"] = json!({"a@b": true});
        settings["theirs"] = json!(2);
        settings["env"]["MY_TOKEN"] = json!("sk-ant-0123456789abcdef");
        settings["hooks"].as_object_mut().expect("hooks").remove("Stop");
        settings["hooks"]["PostToolUse"][0]["hooks"][0]["timeout"] = json!(9);
        settings["hooks"]["SessionEnd"] =
            json!([{"hooks": [{"type": "command", "command": "npm run tidy"}]}]);
    });
    rewrite(&sandbox, ".claude/agents/reviewer.md", "---\nname: reviewer\ndescription: d\n---\nTwo.\n");
    fs::remove_file(sandbox.path(".claude/agents/other.md")).expect("a link");
    fs::remove_file(sandbox.path(".claude/skills/pdf")).expect("a link");
    sandbox.write(".claude/skills/pdf/SKILL.md", "---\nname: pdf\ndescription: d\n---\n");
    sandbox.write(".claude/skills/pdf/new.py", "2\n");

    let before = sandbox.read("dotfiles/claude-sync.toml");
    let dry = sandbox.cs(&["capture", "--dry-run"]).ok();
    assert_eq!(sandbox.read("dotfiles/claude-sync.toml"), before);
    assert!(dry.out.contains("Nothing was changed."), "{dry}");
    let said = sandbox.cs(&["capture", "--all", "--yes"]).ok();
    let shown = format!("{}\n---- claude-sync.toml\n{}", said.out, sandbox.read("dotfiles/claude-sync.toml"));
    snapshots().bind(|| insta::assert_snapshot!("capture", sandbox.tidy(&shown)));
    assert!(sandbox.read("dotfiles/agents/reviewer.md").ends_with("Two.\n"));
    assert!(
        sandbox.path("dotfiles/skills/pdf/new.py").exists()
            && !sandbox.path("dotfiles/skills/pdf/old.py").exists()
    );

    let settings = sandbox.read(".claude/settings.json");
    let plan = sandbox.cs(&["plan", "--json", "--on-conflict", "adopt"]).ok().json();
    let entries = plan["entries"].as_array().expect("entries");
    let is_left = |entry: &Value| matches!(entry["action"].as_str(), Some("coincide" | "release"));
    let changes: Vec<&Value> = entries.iter().filter(|entry| !is_left(entry)).collect();
    assert!(changes.is_empty(), "{changes:#?}");
    sandbox.cs(&["apply", "--yes", "--on-conflict", "adopt"]).ok();
    assert_eq!(sandbox.read(".claude/settings.json"), settings);
    assert_eq!(sandbox.cs(&["plan", "--exit-code"]).code, 0);
    let nothing = sandbox.cs(&["capture", "--all", "--yes"]).ok();
    assert_eq!(nothing.out, "Nothing was changed outside cs.\n");
}

#[test]
fn a_source_that_was_edited_too_is_left_alone() {
    let sandbox = applied();
    rewrite(&sandbox, ".claude/agents/reviewer.md", "---\nname: reviewer\ndescription: d\n---\nTwo.\n");
    sandbox.write("dotfiles/agents/reviewer.md", "---\nname: reviewer\ndescription: d\n---\nThree.\n");
    let said = sandbox.cs(&["capture", "--all", "--yes"]).ok();
    assert!(said.out.contains("so was ~/dotfiles/agents/reviewer.md"), "{said}");
    assert!(sandbox.read("dotfiles/agents/reviewer.md").ends_with("Three.\n"));
    let plan = sandbox.cs(&["plan"]).code(1);
    assert!(plan.err.contains("cs capture"), "{plan}");
    sandbox.cs(&["capture", "--only", "nothing"]).ok();
}

#[test]
fn servers_are_kept_field_by_field() {
    let sandbox = Sandbox::new();
    let profile = "format = 1\n[mcp.a]   # mine\ncommand = \"a\"   # the old one\nargs = [\"x\"]\n\n[mcp.b]\nurl = \"https://b.example.org\"\n";
    sandbox.write("dotfiles/claude-sync.toml", profile);
    sandbox.apply();
    let mut state: Value = serde_json::from_str(&sandbox.read(".claude.json")).expect("JSON");
    state["mcpServers"]["a"] = json!({"command": "aa", "env": {"A": "1"}});
    state["mcpServers"].as_object_mut().expect("servers").remove("b");
    state["mcpServers"]["c"] = json!({"command": "c"});
    sandbox.write(".claude.json", state.to_string());
    sandbox.cs(&["capture", "--all", "--yes"]).ok();
    assert_eq!(
        sandbox.read("dotfiles/claude-sync.toml"),
        "format = 1\n[mcp.a]   # mine\ncommand = \"aa\"   # the old one\nenv = { A = \"1\" }\n\n[mcp.c]\ncommand = \"c\"\n"
    );
    sandbox.cs(&["apply", "--yes"]).ok();
    assert_eq!(sandbox.read(".claude.json"), state.to_string());
    assert_eq!(sandbox.cs(&["plan", "--exit-code"]).code, 0);
}

#[test]
fn some_of_it_can_be_kept() {
    let sandbox = applied();
    change(&sandbox, |settings| {
        settings["model"] = json!("haiku");
        settings["env"]["RUST_LOG"] = json!("debug");
    });
    sandbox.cs(&["capture"]).code(1);
    sandbox.cs(&["capture", "--only", "env.*", "--yes"]).ok();
    let profile = sandbox.read("dotfiles/claude-sync.toml");
    assert_eq!(profile, PROFILE.replace("\"info\"   # quiet", "\"debug\"   # quiet"));
    let json = sandbox.cs(&["capture", "--all", "--yes", "--json"]).ok().json();
    assert_eq!(
        json["captured"],
        json!([{"entry": "model", "change": "\"opus\" → \"haiku\"", "to": "~/dotfiles/claude-sync.toml:12"}])
    );
    assert_eq!(json["written"], true);
}

#[test]
fn what_a_base_profile_declares_is_written_there() {
    let sandbox = Sandbox::new();
    sandbox
        .write("dotfiles/base.toml", "format = 1\n[settings]\ncleanupPeriodDays = 30\n[when.\"os(linux) or os(macos)\".settings]\nenv.A = \"1\"\n")
        .write("dotfiles/claude-sync.toml", "format = 1\nextends = [\"base.toml\", \"builtin:default\"]\n");
    sandbox.apply();
    change(&sandbox, |settings| {
        settings["cleanupPeriodDays"] = json!(7);
        settings["env"]["A"] = json!("2");
    });
    sandbox.cs(&["capture", "--all", "--yes"]).ok();
    let base = sandbox.read("dotfiles/base.toml");
    assert!(base.contains("cleanupPeriodDays = 7\n") && base.contains("env.A = \"2\"\n"), "{base}");
    assert_eq!(
        sandbox.read("dotfiles/claude-sync.toml"),
        "format = 1\nextends = [\"base.toml\", \"builtin:default\"]\n"
    );
    // What ships with cs can't be written to: what is taken out of it is told.
    change(&sandbox, |settings| settings["permissions"]["deny"] = json!([]));
    let said = sandbox.cs(&["capture", "--all", "--yes"]).ok();
    assert!(said.out.contains("ships with cs"), "{said}");
}

#[test]
fn without_a_profile_of_ones_own_there_is_nothing_to_write_to() {
    let sandbox = Sandbox::new();
    sandbox.cs(&["capture"]).code(1);
    sandbox.cs(&["apply", "--yes", "--profile", "builtin:default"]).ok();
    let refused = sandbox.cs(&["capture"]).code(1);
    assert!(refused.err.contains("cs init --from builtin:default DIR"), "{refused}");
}

/// What can't be kept is not promised, and a capture that keeps nothing says so.
#[test]
fn a_secret_that_drifted_is_promised_to_nobody() {
    let sandbox = Sandbox::new();
    sandbox.write("dotfiles/token", "hunter2").profile(
        "settings.env.A_TOKEN = { file = \"token\" }\n[mcp.gh]\ncommand = \"true\"\nenv.GITHUB_TOKEN = { file = \"token\" }\n",
    );
    sandbox.apply();
    // What is declared is no find, whatever it looks like.
    for more in [&[][..], &["--undeclared"]] {
        let said = sandbox.cs(&[&["capture", "--dry-run"], more].concat()).ok();
        assert_eq!(said.out, "Nothing was changed outside cs.\n");
    }
    change(&sandbox, |settings| settings["env"]["A_TOKEN"] = json!("swordfish"));
    for command in ["status", "verify"] {
        let said = sandbox.cs(&[command]);
        assert!(said.out.contains("env.A_TOKEN changed outside cs"), "{said}");
        assert!(!said.out.contains("cs capture"), "{said}");
    }
    let status = sandbox.cs(&["status"]).ok();
    assert!(status.out.contains("not captured: it is declared as a secret"), "{status}");
    let said = sandbox.cs(&["capture", "--all", "--yes"]).ok();
    assert!(
        said.out.ends_with("\nNothing was changed: none of it can be written into the profile.\n"),
        "{said}"
    );
    let text = sandbox.read(".claude.json").replace("\"true\"", "\"false\"");
    sandbox.write(".claude.json", text);
    assert!(sandbox.cs(&["status"]).ok().out.contains("cs capture keeps the rest"));
}

/// All that capture would ask about, status has counted.
#[test]
fn status_and_capture_count_the_same() {
    let sandbox = Sandbox::new();
    sandbox.write(".claude/settings.json", "{\"theme\": \"light\"}");
    sandbox.profile("[settings]\ncleanupPeriodDays = 30\n[defaults]\nmodel = \"opus\"\ntheme = \"dark\"\n");
    sandbox.apply();
    // The user had another theme before cs: that is nobody's news.
    assert_eq!(sandbox.cs(&["capture", "--dry-run"]).ok().out, "Nothing was changed outside cs.\n");
    change(&sandbox, |settings| {
        settings["model"] = json!("haiku");
        settings["cleanupPeriodDays"] = json!(7);
        settings["verbose"] = json!(true);
    });
    let status = sandbox.cs(&["status", "--json"]).ok().json();
    let count = |of: &Value| of.as_array().map_or(0, Vec::len);
    assert_eq!([&status["drift"], &status["undeclared"], &status["defaults"]].map(count), [1, 1, 1]);
    let capture = sandbox.cs(&["capture", "--all", "--dry-run", "--json"]).ok().json();
    assert_eq!(count(&capture["captured"]), 3);
    let status = sandbox.cs(&["status"]).ok();
    assert!(status.out.contains("defaults    1   model changed outside cs   cs capture"), "{status}");
    assert_eq!(sandbox.cs(&["status", "--short"]).ok().out, "cs 1 !1 ?2\n");
    assert!(sandbox.cs(&["plan"]).ok().out.contains("1 default was changed outside cs: model.   cs capture"));
    sandbox.cs(&["capture", "--only", "model", "--yes"]).ok();
    assert!(!sandbox.cs(&["status"]).ok().out.contains("defaults"));
}

#[test]
fn what_was_captured_is_no_fault_until_it_is_applied() {
    let sandbox = applied();
    change(&sandbox, |settings| {
        settings["env"]["RUST_LOG"] = json!("debug");
        settings["permissions"]["allow"] = json!(["mine", "Bash(make:*)"]);
    });
    rewrite(&sandbox, ".claude/agents/reviewer.md", "---\nname: reviewer\ndescription: d\n---\nTwo.\n");
    fs::remove_file(sandbox.path(".claude/agents/other.md")).expect("a link");
    assert!(sandbox.cs(&["verify"]).code(1).out.contains("4 faults"));
    let said = sandbox.cs(&["capture", "--all", "--yes"]).ok();
    assert!(said.out.contains("      -   One.\n      +   Two.\n"), "{said}");
    let said = sandbox.cs(&["verify"]).ok();
    assert!(said.out.contains("4 changes are captured: cs apply makes that part of a generation"), "{said}");
    let said = sandbox.cs(&["status"]).ok();
    assert!(said.out.contains("drift       none") && said.out.contains("captured    4 "), "{said}");
    assert!(!said.out.contains("not applied"), "{said}");
    assert!(!sandbox.cs(&["doctor"]).out.contains("changed outside cs"));
    sandbox.cs(&["apply", "--yes"]).ok();
    assert!(sandbox.cs(&["verify"]).ok().out.contains("nothing wrong"));
    assert!(!sandbox.cs(&["status"]).ok().out.contains("captured"));
}

#[test]
fn hooks_that_are_commands_are_counted() {
    let sandbox = Sandbox::new();
    sandbox.script("dotfiles/h.sh", "#!/bin/sh\n").profile(
        "[hooks.a]\nevent = [\"Stop\", \"SessionEnd\"]\ncommand = \"npm run tidy\"\n[hooks.b]\nevent = \"Stop\"\nsource = \"h.sh\"\n",
    );
    sandbox.apply();
    let status = sandbox.cs(&["status"]).ok();
    assert!(status.out.contains("hooks       0 bundled, 1 yours, all runnable; 1 by command\n"), "{status}");
    sandbox.profile("[hooks.a]\nevent = \"Stop\"\ncommand = \"true\"\n");
    sandbox.cs(&["apply", "--yes"]).ok();
    assert!(sandbox.cs(&["status"]).ok().out.contains("hooks       1 by command\n"));
    assert_eq!(sandbox.cs(&["status", "--json"]).ok().json()["hooks"]["commands"], 1);
}

/// What the profile's own check refuses is not kept, and then nothing is.
#[test]
fn a_capture_that_would_break_the_profile_changes_nothing() {
    let sandbox = Sandbox::new();
    let agent = "---\nname: x\ndescription: d\n---\nOne.\n";
    sandbox
        .write("dotfiles/agents/x.md", agent)
        .profile("settings.env.A = \"1\"\n[agents.x]\nsource = \"agents/x.md\"\n");
    sandbox.apply();
    fs::remove_file(sandbox.path(".claude/agents/x.md")).expect("there");
    sandbox.write(".claude/agents/x.md", "no frontmatter\n");
    let settings = sandbox.read(".claude/settings.json").replace("\"1\"", "\"2\"");
    sandbox.write(".claude/settings.json", settings);
    let profile = sandbox.read("dotfiles/claude-sync.toml");
    let refused = sandbox.cs(&["capture", "--all", "--yes"]).code(1);
    assert!(refused.err.contains("frontmatter") && refused.err.contains("Nothing was changed"), "{refused}");
    assert_eq!(sandbox.read("dotfiles/agents/x.md"), agent);
    assert_eq!(sandbox.read("dotfiles/claude-sync.toml"), profile);
    // The rest can be kept without it.
    sandbox.cs(&["capture", "--only", "env", "--yes"]).ok();
    assert!(sandbox.read("dotfiles/claude-sync.toml").contains("\"2\""));
}

/// What was taken over and then changed is captured like anything else: nothing of it drifts any more.
#[test]
fn what_was_taken_over_and_captured_is_no_drift() {
    let sandbox = Sandbox::new();
    let agent = |name: &str, text: &str| format!("---\nname: {name}\ndescription: d\n---\n{text}\n");
    sandbox
        .write(".claude/agents/x.md", agent("x", "One."))
        .write(".claude/agents/y.md", agent("y", "One."))
        .write(".claude.json", r#"{"mcpServers":{"a":{"command":"a"}}}"#)
        .write(
            ".claude/settings.json",
            r#"{"env":{"A":"1"},"permissions":{"allow":["a","b"]},"hooks":{"Stop":[{"hooks":[{"type":"command","command":"npx x","timeout":5}]}]}}"#,
        );
    sandbox.cs(&["init", "dotfiles"]).ok();
    sandbox.apply();
    change(&sandbox, |settings| {
        settings["env"]["A"] = json!("2");
        settings["permissions"]["allow"] = json!(["a"]);
        settings["hooks"]["Stop"][0]["hooks"][0]["timeout"] = json!(9);
    });
    sandbox.write(".claude.json", r#"{"mcpServers":{"a":{"command":"b"}}}"#);
    rewrite(&sandbox, ".claude/agents/x.md", &agent("x", "Two."));
    fs::remove_file(sandbox.path(".claude/agents/y.md")).expect("a link");
    assert!(sandbox.cs(&["status"]).ok().out.contains("drift       6 "));
    sandbox.cs(&["capture", "--all", "--yes"]).ok();
    let status = sandbox.cs(&["status"]).ok();
    assert!(status.out.contains("drift       none\n"), "{status}");
    assert!(
        status.out.contains("captured    6   changes are declared by now   cs apply makes them"),
        "{status}"
    );
    let plan = sandbox.cs(&["plan"]).ok();
    assert!(!plan.out.contains("drifted") && !plan.out.contains("yours now"), "{plan}");
    assert!(
        plan.out.contains("agents/y.md                   removed outside cs, and no longer declared"),
        "{plan}"
    );
    let there = [sandbox.read(".claude/settings.json"), sandbox.read(".claude.json")];
    sandbox.cs(&["apply", "--yes"]).ok();
    assert_eq!([sandbox.read(".claude/settings.json"), sandbox.read(".claude.json")], there);
    assert_eq!(sandbox.cs(&["plan", "--exit-code"]).ok().out, "Up to date: generation 2.\n");
    assert!(!sandbox.cs(&["status"]).ok().out.contains("captured"));
}
