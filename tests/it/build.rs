//! `cs build --managed`: what a fleet gets is what apply would have written.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use serde_json::Value;

use crate::hooked::{Input, call, shell};
use crate::sandbox::Sandbox;
use crate::session::{Session, snapshot};

const BUILD: [&str; 4] = ["build", "--managed", "--profile", "dotfiles/claude-sync.toml"];

fn profile(sandbox: &Sandbox) {
    sandbox
        .script("dotfiles/hooks/fmt.sh", "#!/bin/sh\nexit 0\n")
        .write("dotfiles/reviewer.md", "---\nname: reviewer\ndescription: Reviews\n---\n")
        .profile(
            r#"
[settings]
theme = "dark"
env.B = "1"
env.A = "2"
permissions.allow = ["Bash(ls:*)", "Bash(git log:*)"]
[defaults]
model = "opus"
[unset]
env.OLD = true
[hooks.fmt]
event = ["PostToolUse", "Stop"]
matcher = "Edit|Write"
source = "hooks/fmt.sh"
timeout = 5
[hooks.note]
event = "Stop"
command = "true"
[hooks.intelligent-optimizer]
event = "PreToolUse"
matcher = "Bash"
builtin = "intelligent-optimizer"
[guard]
git = "deny"
[learning]
enabled = false
[agents.reviewer]
source = "reviewer.md"
[when."os(linux) or os(macos)"]
settings.env.C = "3"
[when."host(nowhere)"]
settings.env.D = "4"
"#,
        );
}

#[test]
fn it_says_what_apply_would_write() {
    let sandbox = Sandbox::new();
    profile(&sandbox);
    // Outside the home hooks are spelled with their whole path there, too.
    let elsewhere = sandbox.home().with_file_name("elsewhere");
    let hooks = elsewhere.join("hooks").display().to_string();
    let built = sandbox.cs(&[&BUILD[..], &["--hooks-dir", &hooks]].concat()).ok();
    let root = elsewhere.display().to_string();
    sandbox.cs(&["apply", "--yes", "--root", &root, "--profile", "dotfiles/claude-sync.toml"]).ok();
    let applied = fs::read_to_string(elsewhere.join("settings.json")).expect("written");
    assert_eq!(built.json(), serde_json::from_str::<Value>(&applied).expect("JSON"));
    assert_eq!(sandbox.tree(), Vec::<String>::new(), "nothing is written where Claude Code looks");
}

#[test]
fn a_fleet_s_file_and_what_is_told_beside_it() {
    let sandbox = Sandbox::new();
    profile(&sandbox);
    let mut session = Session::new(&sandbox);
    let with_folder = [&BUILD[..], &["--hooks-dir", "/usr/local/lib/cs/hooks/"]].concat();
    session.cs(&BUILD).cs(&with_folder);
    snapshot!("build-managed", session);

    let built = sandbox.cs(&with_folder).ok();
    assert!(built.out.ends_with("}\n"));
    // The order in which a profile says it changes nothing.
    let text = sandbox.read("dotfiles/claude-sync.toml");
    let turned = text.replace("env.B = \"1\"\nenv.A = \"2\"\n", "env.A = \"2\"\nenv.B = \"1\"\n");
    assert_ne!(turned, text);
    sandbox.write("dotfiles/claude-sync.toml", turned);
    let quiet = sandbox.cs(&[&with_folder[..], &["-q"]].concat()).ok();
    assert_eq!((quiet.out.as_str(), quiet.err.as_str()), (built.out.as_str(), ""));
}

#[test]
fn what_can_t_be_built_is_said() {
    let sandbox = Sandbox::new();
    profile(&sandbox);
    let relative = sandbox.cs(&[&BUILD[..], &["--hooks-dir", "hooks"]].concat()).code(2);
    assert!(relative.err.contains("--hooks-dir must be absolute"), "{relative}");
    sandbox.cs(&["build"]).code(2);
    sandbox.cs(&[&BUILD[..], &["--files", "x"]].concat()).code(2);
    // A command is no file, and a profile without hooks needs no folder.
    let team = sandbox.cs(&["build", "--managed", "--profile", "builtin:team"]).ok();
    assert!(team.json()["permissions"]["allow"].is_array(), "{team}");
    sandbox.profile("[hooks.note]\nevent = \"Stop\"\ncommand = \"true\"\n");
    assert_eq!(sandbox.cs(&BUILD).ok().err, "");
    // What the client would not load is not rolled out.
    sandbox.profile("settings.tui = 5\n");
    let void = sandbox.cs(&BUILD).code(1);
    assert!(void.err.contains("tui is 5, so Claude Code would ignore the whole file"), "{void}");
    assert!(void.out.is_empty() && !sandbox.path(".claude").exists(), "{void}");
}

#[test]
fn what_has_to_lie_there_is_collected_and_works() {
    let sandbox = Sandbox::new();
    profile(&sandbox);
    let flags = ["--hooks-dir", "/opt/cs/hooks", "--files", "roll/out", "--out", "managed.json", "--json"];
    let told = sandbox.cs(&[&BUILD[..], &flags].concat()).ok().json();
    sandbox.cs(&[&BUILD[..], &flags].concat()).ok();
    let written: Value = serde_json::from_str(&sandbox.read("managed.json")).expect("JSON");
    assert_eq!(told["settings"], written);
    assert_eq!(told["left_out"], serde_json::json!(["agents/reviewer.md"]));
    assert_eq!(told["conditions"]["host(nowhere)"], false);
    let mode = |path: &str| fs::metadata(sandbox.path(path)).expect(path).permissions().mode() & 0o777;
    assert_eq!(
        (mode("roll/out/fmt"), mode("roll/out/runtime.json"), mode("managed.json")),
        (0o755, 0o644, 0o644)
    );
    let mut names: Vec<String> = fs::read_dir(sandbox.path("roll/out"))
        .expect("a folder")
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    assert_eq!(names, ["fmt", "intelligent-optimizer", "runtime.json"]);
    // The guard goes by what lies beside it: here, and on whichever machine the folder comes to.
    let guard = || {
        let like = sandbox.command(&[]);
        let mut command = Command::new(sandbox.path("roll/out/intelligent-optimizer"));
        command.env_clear().envs(like.get_envs().filter_map(|(name, value)| Some((name, value?))));
        let event = shell("PreToolUse", "git push --force origin main");
        call(command, Input::Bytes(event.to_string().into_bytes()), "a fleet's guard").expect("an answer")
    };
    assert_eq!(guard()["permissionDecision"], "deny");
    fs::remove_file(sandbox.path("roll/out/runtime.json")).expect("removed");
    assert_eq!(guard()["permissionDecision"], "ask");
}
