//! Calls of the bundled hooks in every way a client, or a broken machine, might call them.

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use serde_json::{Value, json};

use crate::sandbox::{Ran, Sandbox, ran};

pub const HOOKS: [&str; 3] = ["context-enhancer", "intelligent-optimizer", "learning-collector"];

/// Longer than any hook may take on however busy a machine: what takes longer hangs.
const HANGS: Duration = Duration::from_secs(30);

/// A sandbox with `builtin:learning` applied.
pub fn installed() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.cs(&["apply", "--yes", "--profile", "builtin:learning"]).ok();
    sandbox
}

/// What comes in.
#[derive(Clone)]
pub enum Input {
    Bytes(Vec<u8>),
    /// These, and then the pipe stays open.
    Unclosed(Vec<u8>),
    /// These, and then letters without end.
    Endless(Vec<u8>),
}

/// A hook of the sandbox, not yet run. `before` is a shell's text that sets limits.
pub fn command(sandbox: &Sandbox, hook: &str, before: &str) -> Command {
    let like = sandbox.command(&[]);
    let path = sandbox.root().join("hooks").join(hook);
    let mut command = if before.is_empty() {
        Command::new(path)
    } else {
        let mut shell = Command::new("/bin/sh");
        shell.arg("-c").arg(format!("{before}; exec \"$0\"")).arg(path);
        shell
    };
    command.env_clear().envs(like.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command.current_dir(sandbox.home());
    command
}

/// Runs it to its end; one that hangs is killed, and that is a failure.
#[track_caller]
pub fn feed(mut command: Command, input: Input, what: &str) -> Ran {
    command.stdin(Stdio::piped());
    let mut child = command.spawn().expect("the hook runs");
    let mut pipe = child.stdin.take().expect("piped");
    let (ended, end) = mpsc::channel::<()>();
    let writer = std::thread::spawn(move || match input {
        // A hook that has read enough closes its input.
        Input::Bytes(bytes) => drop(pipe.write_all(&bytes)),
        Input::Unclosed(bytes) => {
            let _ = pipe.write_all(&bytes);
            let _ = end.recv_timeout(HANGS);
        }
        Input::Endless(bytes) => {
            let _ = pipe.write_all(&bytes);
            while pipe.write_all(&[b'a'; 4096]).is_ok() {}
        }
    });
    let pid = child.id();
    let (done, result) = mpsc::channel();
    std::thread::spawn(move || done.send(child.wait_with_output().expect("it ends")));
    let output = result.recv_timeout(HANGS).unwrap_or_else(|_| {
        let _ = Command::new("/bin/kill").args(["-9", &pid.to_string()]).status();
        panic!("{what}: it hangs");
    });
    drop(ended);
    writer.join().expect("a writer");
    ran(output)
}

/// Calls a hook and checks what must hold whatever comes in: it exits 0 and says nothing, or one answer of the
/// client's form.
#[track_caller]
pub fn call(command: Command, input: Input, what: &str) -> Option<Value> {
    let mut command = command;
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let ran = feed(command, input, what);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{what}: {ran}");
    if ran.out.is_empty() {
        return None;
    }
    let answer: Value =
        serde_json::from_str(&ran.out).unwrap_or_else(|error| panic!("{what}: {error}: {ran}"));
    let fields = answer["hookSpecificOutput"].as_object().unwrap_or_else(|| panic!("{what}: {ran}"));
    let known = ["hookEventName", "permissionDecision", "permissionDecisionReason", "additionalContext"];
    assert!(fields.keys().all(|name| known.contains(&name.as_str())), "{what}: {ran}");
    Some(answer["hookSpecificOutput"].clone())
}

/// An event as the client sends it.
pub fn payload(event: &str, fields: Value) -> Value {
    let mut payload = json!({"session_id": "s", "transcript_path": "/t", "cwd": "/work", "prompt_id": "p",
        "permission_mode": "default", "hook_event_name": event});
    let object = payload.as_object_mut().expect("an object");
    object.extend(fields.as_object().expect("an object").clone());
    payload
}

/// A tool call of the shell's.
pub fn shell(event: &str, command: &str) -> Value {
    payload(
        event,
        json!({"tool_name": "Bash", "tool_input": {"command": command, "description": "d"},
        "tool_use_id": "t", "duration_ms": 53}),
    )
}
