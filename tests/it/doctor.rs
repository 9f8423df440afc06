//! `cs doctor`: what it finds in a busy root and in files from the world, and that it changes nothing.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

use serde_json::Value;

use crate::sandbox::{Ran, Sandbox, cases, ran};
use crate::session::{Session, snapshot};

/// In a sealed world: no administrator, and no client but one that a test puts there.
fn doctor(sandbox: &Sandbox, args: &[&str]) -> Ran {
    let mut command = sandbox.command(args);
    command.env("CS_MANAGED", sandbox.path("managed"));
    command.env("PATH", format!("{}:/usr/bin:/bin", sandbox.path("bin").display()));
    ran(command.output().expect("cs runs"))
}

fn findings(sandbox: &Sandbox, args: &[&str]) -> Vec<Value> {
    let args: Vec<&str> = ["doctor", "--json"].iter().chain(args).copied().collect();
    doctor(sandbox, &args).json()["findings"].as_array().expect("a list").clone()
}

fn codes(found: &[Value]) -> BTreeSet<&str> {
    found.iter().map(|own| own["code"].as_str().expect("a code")).collect()
}

fn with_client(sandbox: &Sandbox, version: &str) {
    sandbox.script(
        "bin/claude",
        &format!("#!/bin/sh\n[ \"$*\" = --version ] && echo '{version} (Claude Code)'\n"),
    );
}

fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("chmod");
}

/// What the umask of whoever runs the tests would add.
fn close(sandbox: &Sandbox) {
    let status =
        std::process::Command::new("chmod").args(["-R", "go-w"]).arg(sandbox.home()).status().expect("chmod");
    assert!(status.success());
}

const SETTINGS: &str = r#"{
  "model": "sonnet",
  "modle": "opus",
  "model": "opus",
  "permissions": {
    "allow": ["Bash(ls:*)", "Bash(ls", "Read(./.env)"],
    "deny": ["Read(./.env)"]
  },
  "env": { "API_TOKEN": "hunter2hunter2" },
  "hooks": {
    "PreToolUes": [{ "hooks": [{ "type": "command", "command": "true" }] }],
    "PreToolUse": [
      { "matcher": "bash", "hooks": [{ "type": "command", "command": "~/.claude/hooks/gone" }] },
      { "hooks": [{ "type": "command", "command": "$HOME/.claude/hooks/crlf", "timeout": 5000 }] },
      { "hooks": [{ "type": "command", "command": "~/.claude/hooks/closed", "onFailure": "block" }] }
    ],
    "Stop": [{ "hooks": [{ "type": "command" }] }]
  }
}
"#;

/// A home in which much is wrong.
fn busy() -> Sandbox {
    let sandbox = Sandbox::new();
    with_client(&sandbox, "2.1.200");
    sandbox
        .profile("[settings]\ntheme = \"dark\"\n[agents.ours]\ntext = \"---\\nname: ours\\ndescription: x\\n---\\n\"\n")
        .apply();
    sandbox
        .write(".claude/settings.json", SETTINGS)
        .write(".claude/settings.local.json", "{}")
        .write(
            ".claude.json",
            "{\"mcpServers\": {\"a\": {\"args\": []}, \"b\": {\"command\": \"no-such-program\"}}}",
        )
        .script(".claude/hooks/crlf", "#!/bin/sh\r\nexit 0\r\n")
        .write(".claude/hooks/closed", "#!/bin/sh\n")
        .write(".claude/agents/one.md", "---\nname: twin\ndescription: x\n---\n")
        .write(".claude/agents/deep/two.md", "---\nname: twin\ndescription: y\n---\n")
        .write(".claude/agents/broken.md", "---\nname: broken\ndescription: Use: this\n  and more\n---\n")
        .write(".claude/agents/README.md", "# Agents\n")
        .write(".claude/commands/empty.md", "")
        .write(".claude/rules/latin.md", b"caf\xe9\n")
        .write(".claude/skills/none/notes.md", "x\n")
        .write(".claude/skills/plain/SKILL.md", "Do it.\n")
        .write(".claude/skills/loose.md", "x\n")
        .write("managed/managed-settings.json", "{\"model\": \"haiku\", \"allowManagedHooksOnly\": true}")
        .write(".claude/claude-sync/displaced/9/agents/lost.md", "mine\n")
        .write(".claude/claude-sync/generations/.staging/x", "x");
    symlink("nowhere.md", sandbox.path(".claude/output-styles.md")).expect("a link");
    fs::create_dir_all(sandbox.path(".claude/output-styles")).expect("a folder");
    symlink("nowhere.md", sandbox.path(".claude/output-styles/dangling.md")).expect("a link");
    let stored = sandbox.path(".claude/claude-sync/generations/1/files/agents/ours.md");
    mode(&stored, 0o644);
    fs::write(&stored, "something else\n").expect("written");
    close(&sandbox);
    for open in [sandbox.home(), sandbox.root(), sandbox.path(".claude/claude-sync")] {
        mode(&open, 0o755);
    }
    // Whether others can get at it depends on where the sandboxes lie.
    mode(&sandbox.settings(), 0o600);
    mode(&sandbox.path(".claude.json"), 0o600);
    sandbox
}

#[test]
fn a_busy_home_is_told_all_of_it() {
    let sandbox = busy();
    let before = tree(&sandbox);
    let mut session = Session::new(&sandbox);
    session.ran(&["doctor"], doctor(&sandbox, &["doctor"]));
    let found = findings(&sandbox, &[]);
    assert!(found.iter().all(|own| own["remedy"].as_str().is_some_and(|remedy| !remedy.is_empty())));
    assert!(!session.to_string().contains("hunter2"), "{session}");
    assert_eq!(tree(&sandbox), before, "it changed something");
    snapshot!("doctor", session);
}

/// Everything in the home with its mode and time, our own state included.
fn tree(sandbox: &Sandbox) -> String {
    let output = std::process::Command::new("find")
        .arg(sandbox.home())
        .args(["-printf", "%p %m %T@ %l\n"])
        .output()
        .expect("find runs");
    let mut lines: Vec<_> = String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect();
    lines.sort();
    lines.join("\n")
}

#[test]
fn nothing_wrong_is_one_line() {
    let sandbox = Sandbox::new();
    with_client(&sandbox, "2.1.330");
    close(&sandbox);
    assert_eq!(
        doctor(&sandbox, &["doctor"]).ok().out,
        "Nothing wrong: 0 files looked at, Claude Code 2.1.330\n"
    );
    // What cs itself installs is fine, too.
    let ran = sandbox.cs(&["apply", "--yes", "--profile", "builtin:learning"]).ok();
    assert_eq!(ran.err, "");
    close(&sandbox);
    let ran = doctor(&sandbox, &["doctor"]).ok();
    assert!(ran.out.starts_with("Nothing wrong: "), "{ran}");
}

#[test]
fn a_client_that_hangs_is_not_waited_for() {
    let sandbox = Sandbox::new();
    sandbox.script("bin/claude", "#!/bin/sh\nsleep 600 & sleep 600\n");
    let found = findings(&sandbox, &[]);
    assert_eq!(codes(&found), BTreeSet::from(["client-silent"]));
}

#[test]
fn links_and_what_is_no_file_are_told() {
    let link = |text: &str| {
        let sandbox = Sandbox::new();
        with_client(&sandbox, "2.1.330");
        sandbox.write("elsewhere/settings.json", "{}");
        symlink("settings.json", sandbox.path("elsewhere/middle.json")).expect("a link");
        fs::create_dir_all(sandbox.root()).expect("a root");
        symlink(text, sandbox.settings()).expect("a link");
        close(&sandbox);
        let found = findings(&sandbox, &[]);
        codes(&found).into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    assert!(link("../elsewhere/settings.json").is_empty());
    assert_eq!(link("../elsewhere/middle.json"), ["link-two-hops"]);
    assert_eq!(link("../elsewhere/none.json"), ["link-dangling"]);
    assert_eq!(link("settings.json"), ["link-dangling"], "a circle");
    assert_eq!(link("../elsewhere"), ["not-a-file"]);
    assert_eq!(link("/dev/null"), ["not-a-file"]);
}

#[test]
fn a_project_is_looked_at_with_its_own_files() {
    let sandbox = Sandbox::new();
    with_client(&sandbox, "2.1.330");
    sandbox
        .write("work/.claude/settings.json", "{\"hooks\": {\"Stop\": [{\"hooks\": [{\"type\": \"command\", \"command\": \"$CLAUDE_PROJECT_DIR/gone\"}]}]}}")
        .write("work/.claude/settings.local.json", "{\"model\": 5}")
        .write("work/.mcp.json", "{\"mcpServers\": {},}")
        .write("work/CLAUDE.md", "");
    close(&sandbox);
    let found = findings(&sandbox, &["--project", "work"]);
    let expected = ["file-empty", "hook-program-missing", "json-trailing-comma", "settings-void"];
    assert_eq!(codes(&found), BTreeSet::from(expected), "{found:#?}");
}

#[test]
fn what_an_interrupted_or_damaged_store_needs_is_told() {
    let broken = |damage: &dyn Fn(&Sandbox)| {
        let sandbox = Sandbox::new();
        with_client(&sandbox, "2.1.330");
        sandbox.profile("[settings]\ntheme = \"dark\"\n").apply();
        damage(&sandbox);
        close(&sandbox);
        codes(&findings(&sandbox, &[])).into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    let store = ".claude/claude-sync";
    assert!(broken(&|_| ()).is_empty());
    let written = |path: &str, text: &str| {
        broken(&|sandbox| {
            sandbox.write(path, text);
        })
    };
    let in_store = |name: &str, text: &str| written(&format!("{store}/{name}"), text);
    assert_eq!(in_store("pending", "{\"format\":1,\"from\":null,\"to\":1}"), ["pending"]);
    assert_eq!(in_store("pending", "x"), ["pending-damaged"]);
    assert_eq!(in_store("generations/1/manifest.json", "x"), ["generation-damaged"]);
    let gone = |s: &Sandbox| fs::remove_dir_all(s.path(&format!("{store}/generations/1"))).expect("removed");
    assert_eq!(broken(&gone), ["current-dangling"]);
    assert_eq!(broken(&|s| mode(&s.path(store), 0o755)), ["own-open"]);
    assert_eq!(written(".claude/settings.json", "{\n  \"theme\": \"light\"\n}\n"), ["drift"]);
}

#[test]
fn the_folder_that_the_client_reads_is_compared() {
    let sandbox = Sandbox::new();
    with_client(&sandbox, "2.1.330");
    sandbox.write("other/settings.json", "{}");
    close(&sandbox);
    assert_eq!(codes(&findings(&sandbox, &["--root", "other"])), BTreeSet::from(["config-dir-differs"]));
    assert!(findings(&sandbox, &[]).is_empty());
}

/// Findings about what is not in the sandbox: the programs and scripts that a real file names.
const ABOUT_OTHERS: &[&str] =
    &["hook-program-missing", "hook-interpreter-missing", "hook-not-executable", "client-missing"];

fn found_in(bytes: &[u8]) -> Vec<Value> {
    let sandbox = Sandbox::new();
    with_client(&sandbox, "2.1.330");
    sandbox.write(".claude/settings.json", bytes);
    close(&sandbox);
    let mut found = findings(&sandbox, &[]);
    found.retain(|own| !ABOUT_OTHERS.contains(&own["code"].as_str().unwrap_or_default()));
    found
}

#[test]
fn real_files_get_no_errors_but_for_what_the_client_drops() {
    let Some(cases) = cases() else { return };
    let mut dropped = Vec::new();
    let (mut files, mut warnings) = (0, 0);
    for file in json_files(&cases.join("settings")) {
        files += 1;
        for own in found_in(&fs::read(&file).expect("readable")) {
            if own["severity"] == "error" {
                let text = |key: &str| own[key].as_str().unwrap_or_default().to_owned();
                dropped.push(format!(
                    "{} {}:{} {}  {}",
                    file.file_name().expect("a name").display(),
                    own["line"],
                    own["column"],
                    text("code"),
                    text("message")
                ));
            } else {
                warnings += 1;
            }
        }
    }
    println!(
        "{files} files, {warnings} warnings and notes; dropped by the client:\n  {}",
        dropped.join("\n  ")
    );
    // The client's own `doctor` says the same of each: 016 has a mode that is none, 031 a port that is null.
    let is_dropped = |line: &String| {
        let is_entry =
            ["rule-ignored", "event-unknown", "hook-ignored"].iter().any(|code| line.contains(code));
        is_entry || line.contains("settings-void") && (line.starts_with("016") || line.starts_with("031"))
    };
    assert!(dropped.iter().all(is_dropped), "a file that is sound is said to be void");
}

#[test]
fn every_odd_file_is_found_odd() {
    let Some(cases) = cases() else { return };
    // Odd for an editor of such files, and nothing that the client minds.
    let fine = ["empty-object", "event-empty-list", "hooks-empty", "tabs"];
    let index = fs::read_to_string(cases.join("settings-odd/index.tsv")).expect("an index");
    let mut quiet = Vec::new();
    for file in json_files(&cases.join("settings-odd")) {
        let name = file.file_name().expect("a name").to_string_lossy().into_owned();
        let because =
            index.lines().find_map(|line| line.strip_prefix(&name)).expect("listed").trim().to_owned();
        let found = found_in(&fs::read(&file).expect("readable"));
        let told = found.iter().any(|own| own["severity"] != "note");
        println!("{name} {because}: {:?}", codes(&found));
        let is_fine =
            because.split('\t').next().is_some_and(|all| all.split(';').all(|one| fine.contains(&one)));
        if !told && !is_fine {
            quiet.push(format!("{name} {because}"));
        }
    }
    assert!(quiet.is_empty(), "{quiet:#?}");
}

#[test]
fn agents_with_broken_frontmatter_are_found() {
    let Some(cases) = cases() else { return };
    let sandbox = Sandbox::new();
    let mut files = 0;
    for entry in fs::read_dir(cases.join("agents")).expect("cases") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        sandbox.write(&format!(".claude/agents/{name}"), fs::read(&path).expect("readable"));
        files += 1;
    }
    close(&sandbox);
    let found = findings(&sandbox, &[]);
    let errors: Vec<String> = found
        .iter()
        .filter(|own| own["severity"] == "error")
        .map(|own| format!("{} {} {}", own["file"], own["line"], own["message"]))
        .collect();
    println!("{} of {files}:\n  {}", errors.len(), errors.join("\n  "));
    assert!(codes(&found).contains("agent-frontmatter-broken"));
    assert!(errors.len() * 10 >= files, "{errors:#?}");
}

fn json_files(folder: &Path) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(folder).expect("cases").map(|entry| entry.expect("an entry").path());
    let mut files: Vec<_> = entries.filter(|path| path.extension().is_some_and(|e| e == "json")).collect();
    files.sort();
    files
}

/// Of a document with a secret in it nothing is kept, and that is no damage; also where it is gone again.
#[test]
fn a_secret_that_was_taken_away_leaves_nothing_wrong() {
    let sandbox = Sandbox::new();
    with_client(&sandbox, "2.1.330");
    sandbox.profile("[settings]\nenv.T = { env = \"GHT\" }\n");
    let apply = || {
        let mut command = sandbox.command(&["apply", "--yes", "--profile", "dotfiles/claude-sync.toml"]);
        ran(command.env("GHT", "hunter2hunter2").output().expect("cs runs")).ok();
    };
    let damaged = || {
        let found = findings(&sandbox, &[]);
        codes(&found).into_iter().filter(|code| code.contains("damaged")).count()
    };
    apply();
    sandbox.cs(&["uninstall", "--yes"]).ok();
    assert_eq!(damaged(), 0, "{:?}", findings(&sandbox, &[]));
    apply();
    sandbox.cs(&["uninstall", "--yes"]).ok();
    assert_eq!(damaged(), 0, "{:?}", findings(&sandbox, &[]));
    // What is kept and lost is damage all the same.
    sandbox.profile("[settings]\nenv.T = \"x\"\n");
    apply();
    sandbox.cs(&["uninstall", "--yes"]).ok();
    assert_eq!(damaged(), 0);
    fs::remove_file(sandbox.path(".claude/claude-sync/generations/6/documents/settings.json.before"))
        .expect("there");
    assert_eq!(damaged(), 1);
}
