//! Where other hosts are found: what the profile names, the ssh configuration, Tailscale; and what is said where it
//! can't be had.

use std::process::Command;

use serde_json::{Value, json};

use crate::sandbox::{Ran, Sandbox, missing, ran, skipped};

fn hosts(mesh: &str) -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.profile(&format!("extends = [\"builtin:learning\"]\n[mesh]\n{mesh}"));
    sandbox
}

/// `cs` in a world with a `tailscale` that is this script, or none.
fn with_tailscale(sandbox: &Sandbox, tailscale: Option<&str>, args: &[&str]) -> Ran {
    let _ = std::fs::remove_dir_all(sandbox.path("bin"));
    if let Some(text) = tailscale {
        sandbox.script("bin/tailscale", &format!("#!/bin/sh\n{text}\n"));
    }
    let mut command = sandbox.command(args);
    command.env("PATH", format!("{}:/usr/local/bin:/usr/bin:/bin", sandbox.path("bin").display()));
    ran(command.output().expect("cs runs"))
}

fn found(sandbox: &Sandbox, tailscale: Option<&str>) -> Value {
    with_tailscale(sandbox, tailscale, &["mesh", "peers", "--json"]).ok().json()
}

const STATUS: &str = r#"cat <<'END'
{"Version": "1.96.2", "BackendState": "Running", "Self": {"ID": "n1", "UserID": 7, "DNSName": "ant.tail1.ts.net."},
 "Peer": {"nodekey:1": {"UserID": 7, "DNSName": "bee.tail1.ts.net.", "OS": "linux", "Online": true, "New": {"a": 1}},
          "nodekey:2": {"UserID": 7, "DNSName": "cat.tail1.ts.net.", "OS": "macOS", "Online": false},
          "nodekey:3": {"UserID": 7, "DNSName": "lent.tail2.ts.net.", "Online": true, "ShareeNode": true},
          "nodekey:4": {"UserID": 8, "DNSName": "boss.tail1.ts.net.", "OS": "linux", "Online": true},
          "nodekey:5": {"UserID": 7, "DNSName": "ci.tail1.ts.net.", "OS": "linux", "Online": true, "Tags": ["tag:ci"]},
          "nodekey:6": {"UserID": 7, "DNSName": "se-sto-wg-001.mullvad.ts.net.", "Online": true, "ExitNodeOption": true}}}
END"#;

const STOPPED: &str = "echo '{\"BackendState\": \"Stopped\", \"Peer\": null}'; exit 1";

#[test]
fn hosts_are_found_by_the_profile_the_ssh_configuration_and_tailscale() {
    let sandbox = hosts(
        "git = [\"git@example.org:me/mesh.git\"]\nssh = [\"ann@elk.example.org\", \"lab-*\", \"none-*\"]\ntailscale = true\n",
    );
    sandbox.apply();
    sandbox.write(".ssh/config", "Host lab-1 lab-* db\n  User ann\nInclude more.d/*.conf ~/absent\n");
    sandbox.write(".ssh/more.d/a.conf", "Host lab-2 ann@elk.example.org\nInclude more.d/*.conf\n");
    sandbox.write(".ssh/more.d/b.off", "Host lab-3\n");
    let shown = found(&sandbox, Some(STATUS));
    let peer = |name: &str, by: &str, online: bool| json!({"name": name, "by": by, "online": online});
    assert_eq!(
        shown["peers"],
        json!([
            peer("ann@elk.example.org", "profile", true),
            peer("lab-1", "ssh-config", true),
            peer("lab-2", "ssh-config", true),
            peer("bee.tail1.ts.net", "tailscale", true),
            peer("cat.tail1.ts.net", "tailscale", false),
        ])
    );
    assert_eq!(shown["others"], 4);
    assert_eq!(shown["git"], json!(["git@example.org:me/mesh.git"]));
    assert_eq!(shown["warnings"], json!(["none-* in [mesh] ssh fits no other name in ~/.ssh/config"]));
    let told = with_tailscale(&sandbox, Some(STATUS), &["mesh", "peers"]).ok();
    let expected = "  ann@elk.example.org           over ssh   named in the profile
  lab-1                         over ssh   a name of ~/.ssh/config
  lab-2                         over ssh   a name of ~/.ssh/config
  bee.tail1.ts.net              over ssh   online in the tailnet
  cat.tail1.ts.net              over ssh   in the tailnet, not online
  git@example.org:me/mesh.git   git        a repository
4 machines of the tailnet not asked: of other users, tagged, or a service's.
cs mesh sync asks 5 of these.
";
    assert_eq!(told.out, expected);
}

#[test]
fn a_tailscale_that_is_of_no_use_is_said_and_the_others_are_found() {
    let sandbox = hosts("ssh = [\"bee\"]\ntailscale = true\n");
    sandbox.apply();
    let hangs = "trap '' TERM; while :; do read -r line < /dev/zero; done";
    let late = with_tailscale(&sandbox, Some(hangs), &["mesh", "peers"]).ok();
    assert!(late.err.contains("tailscale said nothing for 5 s"), "{late}");
    assert!(late.out.starts_with("  bee   over ssh   named in the profile\n"), "{late}");
    let no_status = "tailscale said something that is no status: look at what tailscale status says";
    for (script, expected) in [
        (None, "tailscale is not on this machine: install it, or leave it out of [mesh]"),
        (
            Some("echo 'failed to connect to local tailscaled' >&2; exit 1"),
            "tailscale: failed to connect to local tailscaled: is its service well?",
        ),
        (Some(STOPPED), "tailscale is stopped: tailscale up starts it"),
        (
            Some("echo '{\"BackendState\": \"NeedsLogin\", \"Peer\": null}'; echo logged out >&2"),
            "tailscale is logged out: tailscale up logs in",
        ),
        (Some("exit 0"), "tailscale said nothing: look at what tailscale status says"),
        (Some("kill -9 $$"), "tailscale broke off and said nothing: look at what tailscale status says"),
        (Some("echo 'Tailscale is odd.'"), no_status),
        (Some("echo '[1, 2'"), no_status),
        (Some("exec yes 1"), no_status),
    ] {
        let shown = found(&sandbox, script);
        assert_eq!(shown["warnings"], json!([expected]));
        assert_eq!(shown["peers"], json!([{"name": "bee", "by": "profile", "online": true}]), "{expected}");
    }
    // Who syncs is told, too; and nobody where the profile does not ask for it.
    sandbox.profile("extends = [\"builtin:learning\"]\n[mesh]\ntailscale = true\n").apply();
    let told = with_tailscale(&sandbox, Some(STOPPED), &["mesh", "sync"]).code(1);
    assert!(told.err.contains("warning: tailscale is stopped: tailscale up starts it"), "{told}");
    sandbox.profile("extends = [\"builtin:learning\"]\n").apply();
    let told = with_tailscale(&sandbox, Some(STOPPED), &["mesh", "sync"]).code(1);
    assert!(!told.err.contains("tailscale is"), "{told}");
}

#[test]
fn a_profile_without_hosts_says_how_to_name_some() {
    let sandbox = hosts("");
    sandbox.apply();
    let told = sandbox.cs(&["mesh", "peers"]).ok();
    assert!(told.out.starts_with("The profile names no other host"), "{told}");
    let told = sandbox.cs(&["mesh", "sync"]).code(1);
    assert!(told.err.contains("there is nobody to exchange with") && told.err.contains("[mesh]"), "{told}");
}

#[test]
fn what_names_no_host_and_no_repository_is_refused_where_it_stands() {
    for (mesh, expected) in [
        ("ssh = [\"-oProxyCommand=touch x\"]", "`mesh.ssh`: that names no host"),
        ("ssh = [\"a b\"]", "`mesh.ssh`: that names no host"),
        ("git = [\"ext::sh -c touch% x\"]", "`mesh.git`: it names no repository"),
        ("git = [\"ext::sh\"]", "`mesh.git`: git would run a program to reach it"),
        ("git = [\"--upload-pack=x\"]", "`mesh.git`: it names no repository"),
        ("git = [\"https://ann:pass@example.org/x\"]", "`mesh.git`: there is a login in it"),
        ("git = [\"https://example.org/x?ref=y\"]", "`mesh.git`: a `?` has no place in it"),
        ("git = [\"relative/path\"]", "`mesh.git`: it is no URL"),
        ("tailscale = \"yes\"", "`mesh.tailscale` must be true or false"),
        ("hosts = [\"x\"]", "unknown key"),
    ] {
        let sandbox = hosts(mesh);
        let told = sandbox.cs(&["plan", "--profile", "dotfiles/claude-sync.toml"]);
        assert!(told.code != 0 && told.err.contains(expected), "{mesh}: {told}");
    }
    let sandbox = hosts("");
    sandbox.apply();
    let told = sandbox.cs(&["mesh", "sync", "--git", "https://ann:pass@example.org/x"]).code(1);
    assert!(told.err.contains("--git: there is a login in it") && !told.err.contains("pass"), "{told}");
    for (option, value) in [("--ssh", "-oProxyCommand=x"), ("--git", "ext::sh -c x"), ("--git", "relative")] {
        let told = sandbox.cs(&["mesh", "sync", &format!("{option}={value}")]).code(1);
        assert!(told.err.contains("names no") || told.err.contains("no URL"), "{told}");
    }
}

fn template(name: &str) -> std::path::PathBuf {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("templates/mesh").join(name)
}

#[test]
fn the_timers_are_understood_by_those_they_are_for() {
    let sandbox = Sandbox::new();
    let python = "import plistlib, sys; print(plistlib.load(open(sys.argv[1], 'rb'))['ProgramArguments'][2])";
    let plist = Command::new("python3").args(["-c", python]).arg(template("claude-sync-mesh.plist")).output();
    match plist {
        Ok(read) => {
            let line = String::from_utf8_lossy(&read.stdout);
            assert!(
                line.trim_end().ends_with("exec cs mesh sync"),
                "{line}{}",
                String::from_utf8_lossy(&read.stderr)
            );
        }
        Err(_) => missing("python3"),
    }
    let verify = Command::new("systemd-analyze")
        .args(["verify", "--user"])
        .arg(template("claude-sync-mesh.timer"))
        .env("XDG_RUNTIME_DIR", sandbox.home())
        .env("HOME", sandbox.home())
        .output();
    match verify {
        Ok(said) => {
            let complaint = String::from_utf8_lossy(&said.stderr);
            let ours: Vec<&str> = complaint.lines().filter(|line| line.contains("claude-sync")).collect();
            assert!(ours.is_empty(), "{ours:?}");
        }
        Err(_) => skipped("systemd-analyze is not on this machine: nobody looks at the timer"),
    }
}
