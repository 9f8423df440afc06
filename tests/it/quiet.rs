//! What a hook never does while the client waits: make anything durable, start a process, open a socket. The
//! one exception is the start of a session, which leaves the slow work to a process of its own.

use std::fs;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::crash::KILLED;
use crate::hooked::{Input, call, command, feed, installed, payload, shell};
use crate::sandbox::{NOON, Sandbox, ran, skipped};

/// A call of every kind the profile installs, and whether it may start a process.
fn events() -> Vec<(&'static str, Value, bool)> {
    vec![
        ("context-enhancer", payload("SessionStart", json!({"source": "startup"})), true),
        ("context-enhancer", payload("UserPromptSubmit", json!({"prompt": "hello"})), false),
        ("intelligent-optimizer", shell("PreToolUse", "ls"), false),
        ("intelligent-optimizer", shell("PreToolUse", "rm -rf ~"), false),
        (
            "intelligent-optimizer",
            payload("PreToolUse", json!({"tool_name": "Write", "tool_input": {"file_path": "/etc/passwd"}})),
            false,
        ),
        ("learning-collector", shell("PostToolUse", "cargo test"), false),
        ("learning-collector", shell("PostToolUseFailure", "cargo test"), false),
        ("learning-collector", payload("SessionEnd", json!({"reason": "other"})), false),
    ]
}

/// The same on the first run there is, on a later one, and on another day.
const DAYS: [u64; 3] = [NOON, NOON, NOON + 86_400];

#[test]
fn a_hook_makes_nothing_durable_and_starts_nothing() {
    let sandbox = installed();
    let mut calls = 0;
    for now in DAYS {
        for (hook, event, may_start) in events() {
            for ban in ["fsync", "spawn"] {
                let what = format!("{hook}, {}, {ban} banned", event["hook_event_name"]);
                let mut command = command(&sandbox, hook, "");
                command.env("CS_FAULT", format!("ban:{ban}")).env("CS_NOW", now.to_string());
                let input = Input::Bytes(event.to_string().into_bytes());
                if ban == "spawn" && may_start {
                    // So it would be seen if another did.
                    command.stdout(Stdio::piped()).stderr(Stdio::piped());
                    assert_eq!(feed(command, input, &what).code, KILLED, "{what}");
                } else {
                    call(command, input, &what);
                }
                calls += 1;
            }
        }
    }
    // In a home of its own: here one that a session's start left behind may be at it, and then another does nothing.
    let alone = installed();
    let mut upkeep = alone.command(&["hook", "upkeep"]);
    upkeep.env("CS_FAULT", "ban:fsync");
    assert_eq!(ran(upkeep.output().expect("cs runs")).code, KILLED, "upkeep does make things durable");
    println!("{calls} calls");
}

/// The same, as the system sees it.
#[test]
fn the_system_sees_none_of_it() {
    let is_there =
        Command::new("strace").args(["-f", "-o", "/dev/null", "true"]).stderr(Stdio::null()).status();
    if !is_there.is_ok_and(|status| status.success()) {
        return skipped("strace is not on this machine, or may not be used");
    }
    let sandbox = installed();
    let mut calls = 0;
    for now in DAYS {
        for (hook, event, may_start) in events() {
            let seen = trace(&sandbox, hook, &event, now);
            let what = format!("{hook}, {}", event["hook_event_name"]);
            let own = own_calls(&seen);
            let has = |names: &[&str]| {
                own.iter().filter(|line| names.iter().any(|name| line.starts_with(name))).count()
            };
            assert!(has(&["execve("]) == 1, "{what}: {seen}");
            assert_eq!(has(&["fsync(", "fdatasync(", "sync", "msync("]), 0, "{what}: {seen}");
            assert_eq!(has(&["socket(", "connect(", "socketpair("]), 0, "{what}: {seen}");
            let started = own.iter().filter(|line| starts_process(line)).count();
            assert_eq!(started, usize::from(may_start), "{what}: {seen}");
            calls += 1;
        }
    }
    println!("{calls} calls");
}

fn trace(sandbox: &Sandbox, hook: &str, event: &Value, now: u64) -> String {
    let out = sandbox.path("trace");
    let like = command(sandbox, hook, "");
    let mut strace = Command::new("strace");
    strace.args(["-f", "-qq", "-e"]);
    strace.arg("trace=execve,fork,vfork,clone,clone3,fsync,fdatasync,sync,syncfs,sync_file_range,msync,socket,connect,socketpair");
    strace.arg("-o").arg(&out).arg(like.get_program());
    strace.env_clear().envs(like.get_envs().filter_map(|(name, value)| Some((name, value?))));
    strace.env("CS_NOW", now.to_string()).stdout(Stdio::null()).stderr(Stdio::null());
    let ran = feed(strace, Input::Bytes(event.to_string().into_bytes()), hook);
    assert_eq!(ran.code, 0, "{ran}");
    fs::read_to_string(&out).expect("a trace")
}

fn starts_process(call: &str) -> bool {
    let is_start = ["fork(", "vfork(", "clone(", "clone3("].iter().any(|name| call.starts_with(name));
    is_start && !call.contains("CLONE_THREAD")
}

/// The calls of the traced process and its threads, without those of processes it left behind.
fn own_calls(trace: &str) -> Vec<&str> {
    let mut own: Vec<&str> = Vec::new();
    let mut pids: Vec<&str> = Vec::new();
    for line in trace.lines() {
        let (pid, call) = line.split_once(' ').expect("a process and what it did");
        let call = call.trim_start();
        if pids.is_empty() {
            pids.push(pid);
        }
        if pids.contains(&pid) {
            own.push(call);
            if call.contains("CLONE_THREAD") {
                pids.extend(call.rsplit("= ").next());
            }
        }
    }
    own
}
