//! The real client has the last word: what cs writes, Claude Code loads, runs and rewrites.
//!
//! `CS_CLIENT` names the folder where npm installed it; without it these tests are skipped, loudly.
//! The client talks to a scripted model (`tests/client/run`) and can reach nothing else.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};

use serde_json::{Value, json};

use crate::sandbox::{Ran, Sandbox, cases, ran, skipped};
use crate::scenarios::by_wish;

/// One client at a time: it is large, and a test that waits for it should not wait for others.
static TURN: Mutex<()> = Mutex::new(());

/// The client's executable.
pub struct Client(PathBuf);

impl Client {
    /// The one to test with; `None`, and a word about it, where there is none.
    pub fn find() -> Option<Self> {
        let Some(folder) = std::env::var_os("CS_CLIENT").map(PathBuf::from) else {
            skipped("CS_CLIENT names no folder with the real client");
            return None;
        };
        let packages = folder.join("node_modules/@anthropic-ai");
        let entries = fs::read_dir(&packages)
            .unwrap_or_else(|error| panic!("CS_CLIENT: {}: {error}", packages.display()));
        let mut found =
            entries.map(|entry| entry.expect("an entry").path().join("claude")).filter(|path| path.is_file());
        Some(Self(found.next().unwrap_or_else(|| panic!("CS_CLIENT: no client in {}", packages.display()))))
    }

    /// Runs it in a sandbox's home.
    pub fn run(&self, sandbox: &Sandbox, args: &[&str]) -> Ran {
        self.start(sandbox, &[], args)
    }

    /// Holds a conversation in which the model does what `turns` says; what the client tells of it.
    #[track_caller]
    fn talk(&self, sandbox: &Sandbox, turns: &[Value]) -> Told {
        sandbox.write("turns.json", json!(turns).to_string());
        let turns = sandbox.path("turns.json").display().to_string();
        let args = [
            "-p",
            "go",
            "--output-format=stream-json",
            "--verbose",
            "--include-hook-events",
            "--allowedTools=Bash",
        ];
        let heard = sandbox.path("heard.jsonl").display().to_string();
        let ran = self.start(sandbox, &["--turns", &turns, "--heard", &heard], &args).ok();
        let messages = ran.out.lines().map(|line| serde_json::from_str(line).expect("a line of JSON"));
        Told(messages.collect())
    }

    /// Lets the model run `command`, and grants it `rule` for good when the client asks.
    #[track_caller]
    pub fn granted(&self, sandbox: &Sandbox, rule: &str, command: &str) {
        sandbox.write("turns.json", json!([{"bash": command}, {"say": "Done."}]).to_string());
        let turns = sandbox.path("turns.json").display().to_string();
        let args = [
            "-p",
            "--input-format=stream-json",
            "--output-format=stream-json",
            "--permission-prompt-tool=stdio",
            "--verbose",
        ];
        let ran = self.start(sandbox, &["--turns", &turns, "--grant", rule], &args).ok();
        assert!(ran.out.contains("can_use_tool"), "nothing was asked: {}", ran.out);
    }

    fn start(&self, sandbox: &Sandbox, options: &[&str], args: &[&str]) -> Ran {
        let project = sandbox.path("project");
        fs::create_dir_all(&project).expect("a project");
        let mut command = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/client/run"));
        command.args(options).arg(&self.0).arg(sandbox.home()).arg(project).args(args);
        let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        ran(command.output().expect("python3 runs tests/client/run"))
    }
}

/// What the client told about a conversation: its `stream-json`.
struct Told(Vec<Value>);

impl Told {
    fn messages<'a>(&'a self, subtype: &'a str) -> impl Iterator<Item = &'a Value> {
        self.0.iter().filter(move |message| message["subtype"] == subtype)
    }

    /// The names under `key` in the first message, which lists all that was loaded.
    #[track_caller]
    fn loaded(&self, key: &str) -> Vec<&str> {
        let init = self.messages("init").next().expect("an init message");
        init[key].as_array().into_iter().flatten().filter_map(Value::as_str).collect()
    }

    /// Event, exit code and output of every hook that ran.
    fn hooks(&self) -> Vec<(&str, &Value, &str)> {
        let told = self.messages("hook_response");
        told.map(|hook| {
            let text = |key: &str| hook[key].as_str().unwrap_or_default();
            (text("hook_event"), &hook["exit_code"], text("output"))
        })
        .collect()
    }
}

/// A hook that leaves a mark of its event in the home.
const MARK: &str = "#!/bin/sh\nevent=$(sed 's/.*\"hook_event_name\":\"\\([A-Za-z]*\\)\".*/\\1/')\n: >\"$HOME/mark.$event\"\n";

#[test]
fn what_is_declared_is_loaded_and_runs() {
    let Some(client) = Client::find() else { return };
    let sandbox = Sandbox::new();
    sandbox
        .script("dotfiles/mark.sh", MARK)
        .write("dotfiles/reviewer.md", "---\nname: reviewer\ndescription: Reviews changes\n---\nBe kind.\n")
        .write("dotfiles/dig/SKILL.md", "---\nname: dig\ndescription: Digs for causes\n---\nDig.\n")
        .write("dotfiles/terse.md", "---\nname: terse\ndescription: Few words\n---\nBe terse.\n")
        .write(".claude/settings.json", "{\n  \"permissions\": {\n    \"allow\": [\"Bash(ls:*)\"]\n  }\n}\n")
        .profile(
            r#"
            [settings]
            model = "claude-haiku-4-5"
            outputStyle = "terse"
            permissions.allow = ["Bash(echo:*)"]
            permissions.deny = ["Bash(echo forbidden)"]
            [hooks.mark]
            event = ["PreToolUse", "PostToolUse", "SessionStart"]
            source = "mark.sh"
            [agents.reviewer]
            source = "reviewer.md"
            [commands.hello]
            text = "---\ndescription: Says hello\n---\nSay hello."
            [skills.dig]
            source = "dig"
            [output-styles.terse]
            source = "terse.md"
            "#,
        )
        .apply();
    let told = client.talk(
        &sandbox,
        &[json!({"bash": "echo forbidden"}), json!({"bash": "echo hi"}), json!({"say": "Done."})],
    );

    for event in ["PreToolUse", "PostToolUse", "SessionStart"] {
        assert!(sandbox.path(&format!("mark.{event}")).exists(), "{event} ran no hook: {:?}", told.hooks());
    }
    assert!(told.loaded("agents").contains(&"reviewer"), "{:?}", told.loaded("agents"));
    assert!(told.loaded("skills").contains(&"dig"), "{:?}", told.loaded("skills"));
    assert!(told.loaded("slash_commands").contains(&"hello"), "{:?}", told.loaded("slash_commands"));
    let init = told.messages("init").next().expect("an init message");
    assert_eq!(init["model"], "claude-haiku-4-5");
    assert_eq!(init["output_style"], "terse");
    assert_eq!(told.messages("permission_denied").count(), 1, "the denied command ran");
    let doctor = client.run(&sandbox, &["doctor"]).ok();
    assert!(!doctor.out.is_empty() && !doctor.out.contains("Invalid settings"), "{doctor}");
}

#[test]
fn every_builtin_profile_is_loaded() {
    let Some(client) = Client::find() else { return };
    for name in claude_sync::profile::builtin_names() {
        let sandbox = Sandbox::new();
        sandbox.cs(&["apply", "--yes", "--profile", &format!("builtin:{name}")]).ok();
        let doctor = client.run(&sandbox, &["doctor"]).ok();
        assert!(!doctor.out.is_empty() && !doctor.out.contains("Invalid settings"), "{name}: {doctor}");
        let told = client.talk(&sandbox, &[json!({"bash": "echo hi"}), json!({"say": "Done."})]);
        let guards = told.hooks().iter().any(|(event, code, _)| *event == "PreToolUse" && **code == 0);
        assert_eq!(guards, ["guarded", "hpc", "learning"].contains(&name), "{name}: {:?}", told.hooks());
    }
}

/// Managed settings are settings: what a fleet gets is loaded where they are read from everywhere.
#[test]
fn what_is_built_for_a_fleet_is_loaded() {
    let Some(client) = Client::find() else { return };
    let sandbox = Sandbox::new();
    let hooks = sandbox.path("fleet").display().to_string();
    for profile in ["builtin:team", "builtin:learning"] {
        let out = [".claude/settings.json", "--hooks-dir", &hooks, "--files", &hooks];
        fs::create_dir_all(sandbox.root()).expect("a root");
        sandbox.cs(&[&["build", "--managed", "--profile", profile, "--out"][..], &out].concat()).ok();
        let told = client.talk(&sandbox, &[json!({"bash": "echo hi"}), json!({"say": "Done."})]);
        let doctor = client.run(&sandbox, &["doctor"]).ok();
        assert!(!doctor.out.is_empty() && !doctor.out.contains("Invalid settings"), "{profile}: {doctor}");
        let ran: Vec<&str> = told.hooks().iter().map(|(event, ..)| *event).collect();
        assert_eq!(ran.contains(&"PreToolUse"), profile == "builtin:learning", "{ran:?}");
    }
}

#[test]
fn an_apply_takes_effect_in_the_session_that_is_running() {
    let Some(client) = Client::find() else { return };
    let sandbox = Sandbox::new();
    sandbox.script("dotfiles/mark.sh", MARK).profile("[settings]\nenv.CS_TEST = \"1\"\n").apply();
    sandbox.profile("[hooks.mark]\nevent = \"PreToolUse\"\nmatcher = \"Bash\"\nsource = \"mark.sh\"\n");
    let apply = format!("{} apply --yes", env!("CARGO_BIN_EXE_cs"));
    let mark = sandbox.path("mark.PreToolUse");
    let told = client.talk(
        &sandbox,
        &[json!({"bash": apply}), json!({"bash": "true", "until": mark}), json!({"say": "Done."})],
    );
    assert!(mark.exists(), "the new hook did not run in the old session");
    assert!(
        told.hooks().iter().all(|(event, code, _)| *event == "PreToolUse" && **code == 0),
        "{:?}",
        told.hooks()
    );
}

#[test]
fn the_bundled_hooks_run_by_their_names() {
    let Some(client) = Client::find() else { return };
    let sandbox = Sandbox::new();
    sandbox.cs(&["apply", "--yes", "--profile", "builtin:learning"]).ok();
    let turns = [json!({"bash": "echo hi"}), json!({"bash": "exit 3"}), json!({"say": "Done."})];
    let told = client.talk(&sandbox, &turns);
    let hooks = told.hooks();
    for event in ["SessionStart", "UserPromptSubmit", "PreToolUse", "PostToolUse", "PostToolUseFailure"] {
        let ran = hooks.iter().find(|(ran, ..)| *ran == event);
        let (_, code, output) = ran.unwrap_or_else(|| panic!("{event} ran no hook: {hooks:?}"));
        assert_eq!(**code, 0, "{event}: {output}");
        assert!(output.is_empty() || serde_json::from_str::<Value>(output).is_ok(), "{event}: {output}");
    }
}

#[test]
fn the_guard_s_reason_reaches_the_model_and_what_ran_is_recorded() {
    let Some(client) = Client::find() else { return };
    let sandbox = Sandbox::new();
    sandbox.cs(&["apply", "--yes", "--profile", "builtin:learning"]).ok();
    // Harmless even if they ran: there is no such disk, and no repository.
    let turns = [
        json!({"bash": "mkfs.ext4 /dev/no-such-group/disk"}),
        json!({"bash": "git push --force origin main"}),
        json!({"bash": "echo fine"}),
        json!({"bash": "exit 3"}),
        json!({"say": "Done."}),
    ];
    let told = client.talk(&sandbox, &turns);
    let results: Vec<String> =
        told.0.iter().filter(|message| message["type"] == "user").map(Value::to_string).collect();
    let has = |word: &str| results.iter().filter(|result| result.contains(word)).count();
    assert_eq!((has("devices/"), has("git/"), has("fine")), (1, 1, 1), "{results:#?}");
    assert!(told.hooks().iter().all(|(_, code, _)| **code == 0), "{:?}", told.hooks());
    let stats = sandbox.cs(&["stats", "--json"]).ok().json();
    assert_eq!((&stats["hooks"][1]["runs"], &stats["hooks"][2]["runs"]), (&json!(4), &json!(3)), "{stats}");
    let audit = sandbox.cs(&["audit", "--json"]).ok().json();
    let trail = audit["entries"].as_array().expect("a list");
    for what in ["asked", "denied"] {
        assert!(trail.iter().any(|entry| entry["what"] == what), "{audit}");
    }
}

/// The first day: sessions of before `cs` are imported from the client's own transcripts, and the next one is told.
#[test]
fn what_failed_in_earlier_sessions_is_told_to_the_model_once() {
    let Some(client) = Client::find() else { return };
    let sandbox = Sandbox::new();
    // Of no machine that runs this; if it is there, there is nothing to check.
    let fails = json!({"bash": "helm lint"});
    for _ in 0..3 {
        client.talk(&sandbox, &[fails.clone(), json!({"say": "That fails."})]);
    }
    // The client has the machine's clock.
    let today =
        |args: &[&str]| ran(sandbox.command(args).env_remove("CS_NOW").output().expect("cs runs")).ok();
    today(&["apply", "--yes", "--profile", "builtin:learning"]);
    let told = today(&["learn", "import", "--json"]).json();
    assert_eq!((&told["sessions"], &told["commands"]), (&json!(3), &json!(3)), "{told}");
    fs::remove_file(sandbox.path("heard.jsonl")).expect("the model was asked");
    client.talk(&sandbox, &[fails.clone(), fails, json!({"say": "Done."})]);
    let heard = sandbox.read("heard.jsonl");
    let note = "`helm lint` failed in the last 3 sessions here";
    let times: Vec<usize> = heard.lines().map(|request| request.matches(note).count()).collect();
    assert_eq!(times, [0, 1, 1], "{heard}");
}

/// What one session found out is enough for an agent: the next session's model hears of it with its first prompt.
#[test]
fn an_agent_that_has_something_to_look_at_is_named_to_the_model() {
    let Some(client) = Client::find() else { return };
    let sandbox = Sandbox::new();
    let today =
        |args: &[&str]| ran(sandbox.command(args).env_remove("CS_NOW").output().expect("cs runs")).ok();
    today(&["apply", "--yes", "--profile", "builtin:learning"]);
    let say = json!({"say": "Done."});
    // Of no machine that runs this.
    let fails = ["helm lint", "minikube status", "flyctl status"].map(|line| json!({"bash": line}));
    client.talk(&sandbox, &[fails.as_slice(), std::slice::from_ref(&say)].concat());
    let note = "From cs: the troubleshooting-detective agent has something to look at: ";
    assert!(!sandbox.read("heard.jsonl").contains(note), "it was not enough before");
    // The next session's start leaves this to a process that nobody waits for.
    today(&["hook", "upkeep"]);
    fs::remove_file(sandbox.path("heard.jsonl")).expect("the model was asked");
    client.talk(&sandbox, &[json!({"bash": "echo fine"}), say]);
    let heard = sandbox.read("heard.jsonl");
    let times: Vec<usize> = heard.lines().map(|request| request.matches(note).count()).collect();
    assert_eq!(times, [1, 1], "{heard}");
}

/// A way in which the client rewrites settings.json without asking.
#[derive(Debug)]
struct Rewrite {
    args: &'static [&'static str],
    /// It sets a key that the profile sets, too. The client appends a key or finds it there, so its
    /// place depends on cs; values are compared then, else bytes.
    meets_ours: bool,
}

const ADD_MARKET: Rewrite =
    Rewrite { args: &["plugin", "marketplace", "add", "./market"], meets_ours: false };
const DISABLE_PLUGIN: Rewrite = Rewrite { args: &["plugin", "disable", "tool@market"], meets_ours: true };
const SET_THEME: Rewrite = Rewrite { args: &["-p", "/config theme=light"], meets_ours: true };

/// What `rewrite` makes of a settings file; `None` when the client leaves it alone.
fn rewritten(client: &Client, sandbox: &Sandbox, rewrite: &Rewrite) -> Option<String> {
    let before = fs::read(sandbox.settings()).expect("there");
    client.run(sandbox, rewrite.args);
    let after = fs::read(sandbox.settings()).expect("still there");
    (after != before).then(|| String::from_utf8(after).expect("UTF-8"))
}

/// A home with the given settings, a market for plugins, and a profile that has an opinion on much.
fn opinionated(settings: &[u8]) -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox
        .write(".claude/settings.json", settings)
        .write(
            "project/market/.claude-plugin/marketplace.json",
            r#"{"name": "market", "owner": {"name": "nobody"}, "plugins": [{"name": "tool", "source": "./tool"}]}"#,
        )
        .write("project/market/tool/.claude-plugin/plugin.json", r#"{"name": "tool", "version": "1.0.0"}"#)
        .script("dotfiles/mark.sh", MARK)
        .profile(
            r#"
            [settings]
            model = "cs-declared"
            theme = "dark"
            enabledPlugins."tool@market" = true
            permissions.allow = ["Bash(cs-1)", "Bash(cs-2)"]
            permissions.deny = ["Bash(cs-3)"]
            env.CS_TEST = "1"
            [hooks.mark]
            event = ["PreToolUse", "Stop"]
            matcher = "Bash"
            source = "mark.sh"
            "#,
        );
    sandbox
}

/// Asserts that apply, rewrite, uninstall leaves what the rewrite alone would have. Whether there was
/// a rewrite at all: some settings are such that the client leaves them alone.
#[track_caller]
fn survives(client: &Client, name: &str, settings: &[u8], rewrite: &Rewrite) -> bool {
    let sandbox = opinionated(settings);
    let Some(expected) = rewritten(client, &sandbox, rewrite) else { return false };
    fs::remove_dir_all(sandbox.root()).expect("removed");
    sandbox.write(".claude/settings.json", settings).apply();
    let Some(applied) = rewritten(client, &sandbox, rewrite) else {
        panic!("{name}: after apply the client leaves the file alone");
    };
    assert!(applied.contains("Bash(cs-1)"), "{name}: {applied}");
    sandbox.cs(&["uninstall", "--yes"]).ok();
    let found = fs::read_to_string(sandbox.settings()).expect("there");
    if rewrite.meets_ours {
        let value = |text: &str| serde_json::from_str::<Value>(text).expect("JSON");
        assert_eq!(value(&found), value(&expected), "{name}, {rewrite:?}");
    } else {
        assert_eq!(found, expected, "{name}, {rewrite:?}");
    }
    true
}

#[test]
fn what_the_client_rewrote_comes_back_as_if_cs_had_never_been() {
    let Some(client) = Client::find() else { return };
    let files = [
        "{}",
        "{\n  \"model\": \"opus\",\n  \"theme\": \"dark\"\n}\n",
        "{\"zebra\": {\"b\": 1, \"a\": [1, {\"k\": null}]}, \"permissions\": {\"allow\": [], \"deny\": [\"Bash(cs-3)\"]}, \"hooks\": {}}",
        "{\n    \"hooks\": {\n        \"Stop\": [{\"hooks\": [{\"note\": 1, \"type\": \"command\", \"command\": \"true\"}], \"by\": \"me\"}]\n    },\n    \
         \"env\": {\"A\": \"1\"},\n    \"enabledPlugins\": {\"tool@market\": true}\n}",
        "{\n\t\"enabledPlugins\": {},\n\t\"permissions\": {\"defaultMode\": \"plan\", \"allow\": [\"Bash(cs-1)\", \"Bash(z)\", \"Bash(a)\"]}\n}\n",
    ];
    let mut rewrites = 0;
    for file in files {
        for rewrite in [ADD_MARKET, DISABLE_PLUGIN, SET_THEME] {
            rewrites += usize::from(survives(&client, file, file.as_bytes(), &rewrite));
        }
    }
    assert!(rewrites >= 10, "the client rewrote only {rewrites} times: the test tests nothing");
}

#[test]
fn real_files_survive_a_rewrite_in_between() {
    let (Some(client), Some(cases)) = (Client::find(), cases()) else { return };
    let mut files: Vec<_> = fs::read_dir(cases.join("settings"))
        .expect("cases")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    files.sort();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "json"));
    // Each of them starts the client.
    let files: Vec<_> = files.into_iter().step_by(by_wish([1, 2, 2])).collect();
    let mut rewrites = 0;
    for file in &files {
        let settings = fs::read(file).expect("readable");
        rewrites += usize::from(survives(&client, &file.display().to_string(), &settings, &ADD_MARKET));
    }
    assert!(rewrites * 10 >= files.len() * 9, "the client rewrote only {rewrites} of {}", files.len());
}

/// Whether the client's own `doctor` complains of its settings, and how often.
fn complaints(client: &Client, sandbox: &Sandbox) -> Vec<String> {
    let out = client.run(sandbox, &["doctor"]).out;
    let section = out.split("Invalid settings\n").nth(1).unwrap_or_default();
    let lines = section.lines().take_while(|line| !line.is_empty());
    lines.filter(|line| line.starts_with("- ")).map(str::to_owned).collect()
}

/// What the client's doctor says of settings, ours says too, and of no file more.
#[test]
fn our_doctor_agrees_with_the_client_s() {
    let (Some(client), Some(cases)) = (Client::find(), cases()) else { return };
    let (mut files, mut faulty) = (0, 0);
    // Most of what is as it should be says the same.
    for (folder, step) in [("settings", by_wish([1, 3, 3])), ("settings-odd", 1)] {
        let entries = fs::read_dir(cases.join(folder)).expect("cases");
        let mut paths: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
        paths.sort();
        for path in paths.into_iter().step_by(step) {
            let settings = fs::read(&path).expect("readable");
            // An empty file is ignored without a word.
            if path.extension().is_none_or(|extension| extension != "json") || settings.is_empty() {
                continue;
            }
            let sandbox = Sandbox::new();
            sandbox.write(".claude/settings.json", settings);
            let theirs = complaints(&client, &sandbox);
            let found = sandbox.cs(&["doctor", "--json"]).json()["findings"].take();
            // Not about what the file names, and about no key that is dropped without a word.
            let is_of_settings = |own: &&Value| {
                let code = own["code"].as_str().unwrap_or_default();
                let codes = ["settings-", "event-", "rule-ignored", "hook-ignored", "json-"];
                codes.iter().any(|own| code.starts_with(own)) && code != "json-duplicate-key"
            };
            let ours = found.as_array().into_iter().flatten().filter(is_of_settings).count();
            assert_eq!(theirs.is_empty(), ours == 0, "{}: {theirs:#?}\n{found:#}", path.display());
            files += 1;
            faulty += usize::from(ours > 0);
        }
    }
    println!("{files} files, {faulty} of them faulty to both");
    assert!(faulty > 10);
}
