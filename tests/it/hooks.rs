//! The bundled hooks as the client calls them: a payload on standard input, an answer or silence, and
//! always 0.

use std::fs;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use claude_sync::knowledge::snapshot::Snapshot;
use claude_sync::knowledge::{HostFolder, Learning, fold};
use serde_json::{Value, json};

use crate::sandbox::{NOON, Ran, Sandbox, ran};
use crate::scenarios::by_wish;

const HOOKS: [&str; 3] = ["context-enhancer", "intelligent-optimizer", "learning-collector"];

/// A sandbox with `builtin:learning` applied.
pub fn installed() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.cs(&["apply", "--yes", "--profile", "builtin:learning"]).ok();
    sandbox
}

fn with_profile(text: &str) -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.profile(&format!("extends = [\"builtin:learning\"]\n{text}")).apply();
    sandbox
}

/// What the client does with hooks.
pub trait Hooked {
    fn hook_command(&self, name: &str) -> Command;
    fn hook(&self, name: &str, input: &[u8]) -> Ran;
    fn pre(&self, command: &str) -> Value;
    fn post_payload(&self, command: &str, error: Option<&str>) -> String;
    fn post(&self, command: &str, error: Option<&str>) -> Ran;
    fn learning(&self) -> Vec<PathBuf>;
}

/// Starts a hook and gives it its input.
pub fn start(command: &mut Command, input: &[u8]) -> Child {
    let mut child = command.spawn().expect("the hook runs");
    // A hook that has read enough closes its input.
    let _ = child.stdin.take().expect("piped").write_all(input);
    child
}

impl Hooked for Sandbox {
    /// A hook by its link, as the client calls it.
    fn hook_command(&self, name: &str) -> Command {
        let plain = self.command(&[]);
        let mut own = Command::new(self.root().join("hooks").join(name));
        own.env_clear().envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?))));
        own.current_dir(self.home()).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        own
    }

    fn hook(&self, name: &str, input: &[u8]) -> Ran {
        let child = start(&mut self.hook_command(name), input);
        ran(child.wait_with_output().expect("it ends"))
    }

    /// What the guard answers, or null.
    #[track_caller]
    fn pre(&self, command: &str) -> Value {
        let payload = json!({"session_id": "s", "cwd": self.home().join("project"), "hook_event_name": "PreToolUse",
            "tool_name": "Bash", "tool_input": {"command": command, "description": "d"}});
        let ran = self.hook("intelligent-optimizer", payload.to_string().as_bytes()).ok();
        assert_eq!(ran.err, "");
        if ran.out.is_empty() { Value::Null } else { ran.json()["hookSpecificOutput"].clone() }
    }

    fn post_payload(&self, command: &str, error: Option<&str>) -> String {
        let event = if error.is_some() { "PostToolUseFailure" } else { "PostToolUse" };
        json!({"session_id": "s", "cwd": self.home(), "hook_event_name": event, "tool_name": "Bash",
            "tool_input": {"command": command}, "error": error, "duration_ms": 53})
        .to_string()
    }

    #[track_caller]
    fn post(&self, command: &str, error: Option<&str>) -> Ran {
        let ran = self.hook("learning-collector", self.post_payload(command, error).as_bytes()).ok();
        assert_eq!((ran.out.as_str(), ran.err.as_str()), ("", ""));
        ran
    }

    /// Every file below `learning/`.
    fn learning(&self) -> Vec<PathBuf> {
        let mut open = vec![self.root().join("learning")];
        let mut found = Vec::new();
        while let Some(folder) = open.pop() {
            for entry in fs::read_dir(&folder).into_iter().flatten() {
                let path = entry.expect("an entry").path();
                if path.is_dir() { open.push(path) } else { found.push(path) }
            }
        }
        found.sort();
        found
    }
}

#[test]
fn the_guard_asks_refuses_and_is_silent() {
    let sandbox = installed();
    assert_eq!(sandbox.pre("cargo test"), Value::Null);
    assert_eq!(sandbox.pre("grep 'rm -rf /' notes"), Value::Null);
    let asked = sandbox.pre("git push --force origin main");
    assert_eq!(
        (&asked["hookEventName"], &asked["permissionDecision"]),
        (&json!("PreToolUse"), &json!("ask"))
    );
    assert!(asked["permissionDecisionReason"].as_str().expect("a reason").starts_with("git/"), "{asked}");
    assert_eq!(sandbox.pre("sudo rm -rf /")["permissionDecision"], "deny");
    let ring = sandbox.root().join("learning/install");
    let write = json!({"hook_event_name": "PreToolUse", "tool_name": "Write", "cwd": "/", "tool_input":
        {"file_path": ring, "content": "x"}});
    let answer = sandbox.hook("intelligent-optimizer", write.to_string().as_bytes()).ok().json();
    assert_ne!(
        answer["hookSpecificOutput"]["permissionDecision"],
        Value::Null,
        "our own state is not to be written"
    );
}

/// Where the first thread has little stack, another one judges.
#[test]
fn the_guard_needs_no_stack_of_its_callers() {
    let sandbox = installed();
    let hook = sandbox.root().join("hooks/intelligent-optimizer");
    let deep = format!("{}rm -rf /{}", "( ".repeat(60), " )".repeat(60));
    for command in ["rm -rf /", &deep] {
        let payload = json!({"hook_event_name": "PreToolUse", "tool_name": "Bash", "cwd": "/", "tool_input":
            {"command": command}});
        for limit in ["256", "8192", "unlimited"] {
            let line = format!("ulimit -s {limit} && printf %s \"$1\" | \"$0\"");
            let output = Command::new("sh")
                .args(["-c", &line])
                .arg(&hook)
                .arg(payload.to_string())
                .env_clear()
                .env("HOME", sandbox.home())
                .output();
            let answer = ran(output.expect("sh runs")).ok().json();
            assert_eq!(answer["hookSpecificOutput"]["permissionDecision"], "deny", "{limit}: {command}");
        }
    }
}

#[test]
fn the_profile_says_what_the_guard_does() {
    let sandbox = with_profile("[guard]\ngit = \"off\"\nfilesystem = \"deny\"\n");
    assert_eq!(sandbox.pre("git push --force origin main"), Value::Null);
    assert_eq!(sandbox.pre("rm -rf /srv/data")["permissionDecision"], "deny");
}

#[test]
fn odd_input_is_judged_by_what_is_in_it_and_never_breaks_the_client() {
    let sandbox = installed();
    let whole = json!({"hook_event_name": "PreToolUse", "tool_name": "Bash", "cwd": "/p",
        "tool_input": {"command": "rm -rf / #"}})
    .to_string();
    let filler = "x".repeat(2 << 20);
    let odd: Vec<Vec<u8>> = vec![
        whole[..whole.len() - 3].into(),
        whole.replace('#', &filler).into_bytes(),
        whole.replace('#', "\\ud800").into_bytes(),
        [whole.as_bytes(), b"\xff\xfe"].concat(),
        whole.replacen('{', "{\"tool_input\": {}, ", 1).into_bytes(),
        whole
            .replacen('{', &format!("{{\"a\":{}1{},", "[".repeat(10_000), "]".repeat(10_000)), 1)
            .into_bytes(),
        whole.replacen('{', "{\"n\": 1e400, ", 1).into_bytes(),
        whole.replace('#', "\\u0000").into_bytes(),
    ];
    for input in &odd {
        let ran = sandbox.hook("intelligent-optimizer", input).ok();
        let answer = ran.json();
        assert_eq!(
            answer["hookSpecificOutput"]["permissionDecision"],
            "deny",
            "{}",
            String::from_utf8_lossy(&input[..200.min(input.len())])
        );
        assert_eq!(ran.err, "");
    }
    // What hides behind more than is read, or more than is followed, is asked about.
    let hidden = [format!("echo {filler}; rm -rf /"), "echo x;".repeat(100_000) + "rm -rf /"];
    for command in hidden {
        assert_eq!(sandbox.pre(&command)["permissionDecision"], "ask");
    }
    let large = json!({"hook_event_name": "PreToolUse", "tool_name": "Write", "cwd": "/p",
        "tool_input": {"file_path": "/p/data", "content": filler}});
    assert_eq!(sandbox.hook("intelligent-optimizer", large.to_string().as_bytes()).ok().out, "");
    let nothing: [&[u8]; 6] = [b"", b"null", b"{}", b"\0\0\0", b"{\"hook_event_name\": \"Later\"}", b"[[[["];
    for name in HOOKS {
        for input in nothing {
            assert_eq!(sandbox.hook(name, input), Ran { code: 0, out: String::new(), err: String::new() });
        }
    }
}

#[test]
fn a_record_is_sealed_and_says_nothing_private() {
    let sandbox = installed();
    sandbox.post("mysql -pSECRETWORD -h HOSTNAME payroll", None);
    sandbox.post("npm test --TOKENFLAG", Some("Exit code 1\nCannot find module 'PRIVATEMODULE'"));
    sandbox.pre("rm -rf /srv/FOLDERNAME");
    let files = sandbox.learning();
    let journals = |prefix: &str| {
        files
            .iter()
            .filter(|path| path.file_name().expect("a name").to_string_lossy().starts_with(prefix))
            .count()
    };
    assert_eq!((journals("patterns_"), journals("audit_")), (1, 1), "{files:?}");
    for file in &files {
        let bytes = fs::read(file).expect("readable");
        let text = String::from_utf8_lossy(&bytes);
        for canary in
            ["SECRETWORD", "HOSTNAME", "payroll", "TOKENFLAG", "PRIVATEMODULE", "FOLDERNAME", "mysql"]
        {
            assert!(!text.contains(canary), "{} has {canary}", file.display());
        }
    }
    let audit = sandbox.cs(&["audit"]).ok().out;
    assert!(audit.contains("filesystem") && !audit.contains("FOLDERNAME"), "{audit}");
}

/// The folder of this machine in a sandbox.
#[track_caller]
pub fn host(sandbox: &Sandbox) -> HostFolder {
    Learning::locate(&sandbox.root()).known_host().expect("readable").expect("enrolled")
}

/// What is known, in the snapshot and in the segments since.
#[track_caller]
pub fn snapshot(sandbox: &Sandbox, now: u64) -> Snapshot {
    let host = host(sandbox);
    fold::known(&host.path, &host.ring().expect("a ring"), now).expect("known").0
}

/// How many records are known.
#[track_caller]
pub fn known(sandbox: &Sandbox, now: u64) -> u32 {
    snapshot(sandbox, now).counts.values().map(|counts| counts.ok + counts.failed).sum()
}

/// The slow work of a day's first session, killed and failed at each of its changes in turn: whatever
/// was acknowledged is counted, once.
#[test]
fn upkeep_that_is_interrupted_loses_nothing_and_counts_nothing_twice() {
    let sandbox = installed();
    for _ in 0..5 {
        sandbox.post("cargo test", None);
    }
    sandbox.keep("ready");
    let tomorrow = NOON + 86_400;
    let upkeep = |fault: &str| {
        let mut command = sandbox.command(&["hook", "upkeep"]);
        ran(command.env("CS_NOW", tomorrow.to_string()).env("CS_FAULT", fault).output().expect("cs runs"))
    };
    let mut points = 0;
    let mut calls = usize::MAX;
    for kind in ["kill", "error:EIO", "error:ENOSPC", "once:EIO"] {
        for n in (1..calls).step_by(by_wish([1, 2, 4])) {
            sandbox.fresh("ready");
            let ran = upkeep(&format!("{kind}:{n}"));
            assert!(ran.out.is_empty() && ran.err.is_empty(), "{kind}:{n}: {ran}");
            assert_eq!(known(&sandbox, tomorrow), 5, "{kind}:{n}");
            // Once for what was left, once for the segment that both snapshots have read by then.
            upkeep("");
            upkeep("");
            assert_eq!(known(&sandbox, tomorrow), 5, "{kind}:{n}, settled");
            let files = sandbox.learning();
            let left = files.iter().filter(|path| path.to_string_lossy().contains("patterns_")).count();
            assert_eq!(left, 0, "{kind}:{n}: yesterday's segment is in the snapshot and goes with its key");
            points += 1;
            if kind == "kill" && ran.code == 0 {
                calls = n;
                break;
            }
        }
    }
    println!("{points} points, {calls} calls");
    assert!((20..1_000).contains(&calls), "{calls}");
}

/// The client may be busy itself: what it takes to write is no time of the hook's, and what happened is recorded.
#[test]
fn a_client_that_is_slow_to_write_is_waited_for() {
    let sandbox = installed();
    let mut command = sandbox.hook_command("learning-collector");
    // A fixed clock sees no time pass.
    let mut child = command.env_remove("CS_NOW").spawn().expect("the hook runs");
    let (begun, budget) = (Instant::now(), Duration::from_millis(50));
    while begun.elapsed() < budget {
        sandbox.cs(&["--version"]).ok();
    }
    let _ = child.stdin.take().expect("piped").write_all(sandbox.post_payload("ls", None).as_bytes());
    ran(child.wait_with_output().expect("it ends")).ok();
    let records = |path: &&PathBuf| path.to_string_lossy().contains("patterns_");
    assert_eq!(sandbox.learning().iter().filter(records).count(), 1);
}

#[test]
fn durations_are_kept_and_shown() {
    let sandbox = installed();
    for _ in 0..3 {
        sandbox.pre("ls");
    }
    let stats = sandbox.cs(&["stats", "--json"]).ok().json();
    let row = &stats["hooks"][1];
    assert_eq!((&row["hook"], &row["runs"]), (&json!("intelligent-optimizer"), &json!(3)));
    // One that took longer than it may, just now.
    let file = sandbox.root().join("learning/durations/learning-collector");
    let late = claude_sync::hook::health::Run { at: NOON, us: 60_000 };
    fs::write(&file, late.encode()).expect("written");
    assert_eq!(sandbox.cs(&["stats", "--json"]).ok().json()["hooks"][2]["breaker"], "open");
    sandbox.cs(&["stats", "--check"]).code(1);
    let records =
        || sandbox.learning().iter().filter(|path| path.to_string_lossy().contains("patterns_")).count();
    sandbox.post("ls", None);
    assert_eq!(records(), 0, "while the breaker is open the learned part rests");
    fs::remove_file(&file).expect("removed");
    sandbox.post("ls", None);
    assert_eq!(records(), 1);
}

#[test]
fn nothing_of_ours_that_is_missing_or_damaged_breaks_a_hook() {
    let sandbox = installed();
    let learning = sandbox.root().join("learning");
    let check = |what: &str| {
        assert_eq!(sandbox.pre("ls"), Value::Null, "{what}");
        assert_eq!(sandbox.pre("rm -rf /")["permissionDecision"], "deny", "{what}");
        sandbox.post("ls", None);
    };
    for file in sandbox.learning() {
        let content = fs::read(&file).expect("readable");
        fs::write(&file, b"damaged").expect("written");
        check(&format!("{} damaged", file.display()));
        fs::remove_file(&file).expect("removed");
        std::os::unix::fs::symlink("/etc/passwd", &file).expect("linked");
        check(&format!("{} a link", file.display()));
        fs::remove_file(&file).expect("removed");
        check(&format!("{} gone", file.display()));
        let _ = fs::remove_file(&file);
        fs::write(&file, content).expect("written");
    }
    fs::remove_dir_all(&learning).expect("removed");
    check("no learning");
    let runtime = sandbox.root().join("claude-sync/current/runtime.json");
    fs::remove_file(&runtime).expect("removed");
    fs::write(&runtime, "{").expect("written");
    check("runtime.json damaged");
}

#[test]
fn a_session_on_an_hpc_host_is_told_so_and_leaves_the_slow_work_behind() {
    let sandbox = with_profile("[learning]\nhost-type = \"hpc\"\n");
    let start =
        json!({"hook_event_name": "SessionStart", "source": "startup", "cwd": sandbox.home()}).to_string();
    let answer = sandbox.hook("context-enhancer", start.as_bytes()).ok().json();
    assert!(answer["hookSpecificOutput"]["additionalContext"].as_str().expect("text").contains("sbatch"));
    let plain = installed();
    assert_eq!(plain.hook("context-enhancer", start.as_bytes()).ok().out, "");
    let prompt = json!({"hook_event_name": "UserPromptSubmit", "prompt": "hello", "cwd": "/"}).to_string();
    assert_eq!(sandbox.hook("context-enhancer", prompt.as_bytes()).ok().out, "");
}
