//! MCP servers: declared ones go into the client's own files, and what is there besides stays.

use std::fs;

use serde_json::{Value, json};

use crate::sandbox::Sandbox;

const PROFILE: &str = r#"
[settings]
permissions.allow = ["Bash(ls:*)"]
[mcp.github]
command = "npx"
args = ["-y", "server-github"]
env = { GITHUB_TOKEN = "${GITHUB_TOKEN}" }
[mcp.docs]
url = "https://mcp.example.org/mcp"
"#;

/// As the client writes it: its state, with servers and projects in it.
const STATE: &str = "{\n  \"numStartups\": 3,\n  \"mcpServers\": {\n    \"mine\": {\n      \"type\": \"stdio\",\n      \"command\": \"mine\",\n      \"args\": []\n    }\n  },\n  \"projects\": {\n    \"/a\": { \"mcpServers\": {} }\n  }\n}\n";

fn value(sandbox: &Sandbox, path: &str) -> Value {
    serde_json::from_str(&sandbox.read(path)).expect("JSON")
}

#[test]
fn servers_go_into_the_clients_state_and_come_out_again() {
    let sandbox = Sandbox::new();
    sandbox.write(".claude.json", STATE).profile(PROFILE);
    sandbox.apply();
    let state = value(&sandbox, ".claude.json");
    assert_eq!(state["mcpServers"]["mine"]["command"], "mine");
    assert_eq!(
        state["mcpServers"]["github"],
        json!({"command": "npx", "args": ["-y", "server-github"], "env": {"GITHUB_TOKEN": "${GITHUB_TOKEN}"}})
    );
    assert_eq!(state["mcpServers"]["docs"], json!({"type": "http", "url": "https://mcp.example.org/mcp"}));
    assert_eq!(sandbox.cs(&["plan", "--exit-code"]).code, 0);
    sandbox.cs(&["verify"]).ok();
    // Its bytes are the client's: nothing of them is kept.
    let kept = sandbox.path(".claude/claude-sync/current/documents");
    let names: Vec<String> = fs::read_dir(kept)
        .expect("there")
        .map(|e| e.expect("entry").file_name().display().to_string())
        .collect();
    assert!(names.iter().all(|name| !name.starts_with(".claude.json")), "{names:?}");

    // One is edited, one removed, one added by the user: the first two are drift.
    let mut state = state;
    state["mcpServers"]["github"]["command"] = json!("bunx");
    state["mcpServers"].as_object_mut().expect("servers").remove("docs");
    state["mcpServers"]["new"] = json!({"command": "new"});
    sandbox.write(".claude.json", serde_json::to_string_pretty(&state).expect("JSON") + "\n");
    let plan = sandbox.cs(&["plan", "--json"]).ok().json();
    assert_eq!(plan["summary"]["drifted"], 2, "{plan:#}");
    sandbox.cs(&["apply", "--yes"]).ok();
    assert_eq!(value(&sandbox, ".claude.json")["mcpServers"]["github"]["command"], "npx");
    sandbox.cs(&["uninstall", "--yes"]).ok();
    let left = value(&sandbox, ".claude.json");
    let servers: Vec<&String> = left["mcpServers"].as_object().expect("servers").keys().collect();
    // What the user had made of ours is theirs, and comes back.
    assert_eq!(servers, ["mine", "github", "new"]);
    assert_eq!(left["mcpServers"]["github"]["command"], "bunx");
}

#[test]
fn every_byte_of_the_state_comes_back() {
    for before in [STATE, "{}\n", "{\"numStartups\":1}", "{\n\t\"mcpServers\": {}\r\n}"] {
        let sandbox = Sandbox::new();
        sandbox.write(".claude.json", before).profile(PROFILE);
        sandbox.apply();
        sandbox.cs(&["uninstall", "--purge", "--yes"]).ok();
        assert_eq!(sandbox.read(".claude.json"), before);
    }
    let sandbox = Sandbox::new();
    sandbox.profile(PROFILE).apply();
    assert!(sandbox.path(".claude.json").exists());
    sandbox.cs(&["uninstall", "--purge", "--yes"]).ok();
    assert!(!sandbox.path(".claude.json").exists());
}

#[test]
fn another_root_has_its_own_state() {
    let sandbox = Sandbox::new();
    sandbox.profile(PROFILE);
    sandbox.cs(&["apply", "--yes", "--root", "other", "--profile", "dotfiles/claude-sync.toml"]).ok();
    assert!(sandbox.path("other/.claude.json").exists() && !sandbox.path(".claude.json").exists());
}

/// The user's root and two projects, with entries that overlap: each has its own, and lets go of its own.
#[test]
fn scopes_are_apart() {
    let sandbox = Sandbox::new();
    sandbox
        .script("dotfiles/hooks/fmt.sh", "#!/bin/sh\n")
        .profile(&format!("{PROFILE}\n[hooks.fmt]\nevent = \"Stop\"\nsource = \"hooks/fmt.sh\"\n"));
    let before = "{\n  \"permissions\": { \"allow\": [\"Bash(ls:*)\"] }\n}\n";
    for project in ["one", "two"] {
        sandbox.write(&format!("{project}/.claude/settings.json"), before);
        sandbox.write(&format!("{project}/.mcp.json"), "{ \"mcpServers\": { } }");
    }
    let profile = "dotfiles/claude-sync.toml";
    let scopes: [&[&str]; 3] = [&[], &["--project", "one"], &["--project", "two"]];
    for scope in scopes {
        sandbox.cs(&[&["apply", "--yes", "--profile", profile], scope].concat()).ok();
        assert_eq!(sandbox.cs(&[&["plan", "--exit-code"], scope].concat()).code, 0, "{scope:?}");
    }
    assert!(sandbox.read("one/.claude/settings.local.json").contains("/one/.claude/hooks/fmt"));
    assert!(sandbox.read(".claude/settings.json").contains("~/.claude/hooks/fmt"));
    assert!(sandbox.read("one/.mcp.json").contains("server-github"));
    // One changes; the others have nothing to do.
    sandbox.write(profile, sandbox.read(profile).replace("server-github", "server-gitlab"));
    sandbox.cs(&["apply", "--yes", "--project", "one"]).ok();
    assert!(
        sandbox.read("one/.mcp.json").contains("gitlab") && sandbox.read("two/.mcp.json").contains("github")
    );
    sandbox.cs(&["rollback", "--yes", "--project", "one"]).ok();
    assert!(sandbox.read("one/.mcp.json").contains("github"));
    sandbox.cs(&["uninstall", "--purge", "--yes", "--project", "one"]).ok();
    assert_eq!(sandbox.read("one/.mcp.json"), "{ \"mcpServers\": { } }");
    assert_eq!(sandbox.read("one/.claude/settings.json"), before);
    assert!(!sandbox.path("one/.claude/settings.local.json").exists());
    assert!(
        sandbox.read("two/.mcp.json").contains("github") && sandbox.read(".claude.json").contains("github")
    );
    sandbox.cs(&["uninstall", "--purge", "--yes"]).ok();
    sandbox.cs(&["uninstall", "--purge", "--yes", "--project", "two"]).ok();
    assert_eq!(sandbox.read("two/.mcp.json"), "{ \"mcpServers\": { } }");
    assert!(!sandbox.path(".claude.json").exists() && !sandbox.path(".claude").exists());
}

/// A client that adds and removes servers while `cs` applies two profiles in turn.
#[test]
fn none_of_the_users_servers_is_lost_between_applies() {
    let sandbox = Sandbox::new();
    sandbox.write(".claude.json", STATE).write("a.toml", "format = 1\n[mcp.a]\ncommand = \"a\"\n");
    sandbox.write("b.toml", "format = 1\n[mcp.a]\ncommand = \"b\"\n[mcp.b]\ncommand = \"b\"\n");
    let rounds = if std::env::var_os("CS_THOROUGH").is_some() { 1_000 } else { 40 };
    let path = sandbox.path(".claude.json");
    let mut mine: Vec<String> = vec!["mine".to_owned()];
    for round in 0..rounds {
        // As `claude mcp add` and `remove` do: read, change, write beside, rename.
        let mut state: Value =
            serde_json::from_str(&fs::read_to_string(&path).expect("there")).expect("JSON");
        let servers = state["mcpServers"].as_object_mut().expect("servers");
        if round % 3 == 2 {
            servers.remove(&mine.remove(0));
        } else {
            mine.push(format!("server-{round}"));
            servers.insert(
                format!("server-{round}"),
                json!({"type": "stdio", "command": "x", "args": [], "env": {}}),
            );
        }
        let new = path.with_extension("tmp");
        fs::write(&new, serde_json::to_string_pretty(&state).expect("JSON")).expect("written");
        fs::rename(&new, &path).expect("renamed");
        let profile = if round % 2 == 0 { "a.toml" } else { "b.toml" };
        sandbox.cs(&["apply", "--yes", "--durability", "none", "--profile", profile]).ok();
        let state = value(&sandbox, ".claude.json");
        let servers = state["mcpServers"].as_object().expect("servers");
        assert!(mine.iter().all(|name| servers.contains_key(name)), "{round}: {servers:?}");
        assert_eq!(servers.len(), mine.len() + 1 + round % 2, "{round}: {servers:?}");
    }
    println!("{rounds} rounds, {} servers of the user's, none lost", mine.len());
}
