//! What a person does with the client from day to day, beside what a profile declares: the client
//! does the writing itself.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use serde_json::{Value, json};

use crate::client::Client;
use crate::sandbox::Sandbox;
use crate::session::snapshots;

fn value(sandbox: &Sandbox, path: &str) -> Value {
    serde_json::from_str(&sandbox.read(path)).expect("JSON")
}

/// A model chosen, a permission granted for good, a plugin installed: `cs capture` takes all three
/// into the profile, and then nothing is left to plan.
#[test]
fn a_day_with_the_client_is_captured() {
    let Some(client) = Client::find() else { return };
    let sandbox = Sandbox::new();
    sandbox
        .write(".claude/settings.json", "{\n  \"theme\": \"dark\"\n}\n")
        .write(
            "project/market/.claude-plugin/marketplace.json",
            r#"{"name": "market", "owner": {"name": "nobody"}, "plugins": [{"name": "tool", "source": "./tool"}]}"#,
        )
        .write("project/market/tool/.claude-plugin/plugin.json", r#"{"name": "tool", "version": "1.0.0"}"#)
        .write(
            "dotfiles/claude-sync.toml",
            "# How I work.\nformat = 1\n\n[settings]\nmodel = \"sonnet\" # enough for most days\n\
             permissions.allow = [\n  \"Bash(cargo test:*)\", # everyday\n]\n",
        );
    sandbox.apply();
    client.run(&sandbox, &["plugin", "marketplace", "add", "./market"]).ok();
    client.run(&sandbox, &["plugin", "install", "tool@market"]).ok();
    client.run(&sandbox, &["-p", "/config model=opus"]).ok();
    client.granted(&sandbox, "Bash(touch:*)", "touch made");
    let settings = value(&sandbox, ".claude/settings.json");
    assert_eq!(settings["model"], "opus");
    assert_eq!(settings["permissions"]["allow"], json!(["Bash(cargo test:*)", "Bash(touch:*)"]));
    assert_eq!(settings["enabledPlugins"], json!({"tool@market": true}));

    sandbox.cs(&["capture", "--all", "--yes"]).ok();
    let profile = sandbox.tidy(&sandbox.read("dotfiles/claude-sync.toml"));
    snapshots().bind(|| insta::assert_snapshot!("a-day-with-the-client", profile));
    // Nothing is left to write; that all of it is declared now is remembered by the next apply.
    let plan = sandbox.cs(&["plan", "--json"]).ok().json();
    for what in ["added", "changed", "removed", "drifted"] {
        assert_eq!(plan["summary"][what], 0, "{plan:#}");
    }
    sandbox.cs(&["apply", "--yes"]).ok();
    assert_eq!(value(&sandbox, ".claude/settings.json"), settings);
    sandbox.cs(&["plan", "--exit-code"]).ok();
}

/// The client adds and removes servers of the user's while applies go on without a pause, both in one
/// file, which either reads, changes and writes as a whole. `CS_SERVERS` says how often; many.
#[test]
fn no_server_is_lost_between_the_client_and_apply() {
    let Some(client) = Client::find() else { return };
    let times: usize = std::env::var("CS_SERVERS").map_or(40, |text| text.parse().expect("a number"));
    let sandbox = Sandbox::new();
    sandbox
        .write("dotfiles/a.toml", "format = 1\n[mcp.ours]\ncommand = \"a\"\n[mcp.first]\ncommand = \"x\"\n")
        .write("dotfiles/b.toml", "format = 1\n[mcp.ours]\ncommand = \"b\"\n[mcp.second]\ncommand = \"x\"\n");
    let profiles =
        ["a", "b"].map(|name| sandbox.path(&format!("dotfiles/{name}.toml")).display().to_string());
    let done = AtomicBool::new(false);
    let mut expected = BTreeSet::new();
    let applied = thread::scope(|scope| {
        let applies = scope.spawn(|| {
            let mut applied = 0;
            while applied < times || !done.load(Ordering::Relaxed) {
                let args = ["apply", "--yes", "--durability", "none", "--profile", &profiles[applied % 2]];
                sandbox.cs(&args).ok();
                applied += 1;
            }
            applied
        });
        for number in 0..times {
            let name = format!("user-{number}");
            client.run(&sandbox, &["mcp", "add", "--scope", "user", &name, "--", "echo"]).ok();
            expected.insert(name);
            // Every second one goes again, a little later.
            if number % 2 == 1 {
                let name = format!("user-{}", number - 1);
                client.run(&sandbox, &["mcp", "remove", "--scope", "user", &name]).ok();
                expected.remove(&name);
            }
        }
        done.store(true, Ordering::Relaxed);
        applies.join().expect("every apply worked")
    });
    sandbox.cs(&["apply", "--yes", "--profile", &profiles[0]]).ok();
    let servers = value(&sandbox, ".claude.json")["mcpServers"].clone();
    let servers = servers.as_object().expect("servers");
    let (ours, users): (BTreeSet<_>, BTreeSet<_>) =
        servers.keys().cloned().partition(|name| !name.starts_with("user-"));
    println!("{} of the client, {applied} applies", times + times / 2);
    assert_eq!(users, expected);
    // A client that had read the file before an apply took a server out may have written it back since:
    // then nobody can tell it from one of the user's, and it stays.
    let ours: Vec<&str> = ours.iter().map(String::as_str).filter(|name| *name != "second").collect();
    assert_eq!(ours, ["first", "ours"]);
    assert_eq!(servers["ours"]["command"], "a");
}
