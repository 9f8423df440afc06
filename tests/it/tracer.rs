//! Faults from outside: `strace` kills, stops or fails a program at one system call of its own, in the
//! program's real paths and the libraries below them.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::sandbox::skipped;

/// The calls that touch files, of those our programs make. Starting a program makes some of them, too.
pub const FILE_CALLS: [&str; 18] = [
    "openat",
    "read",
    "write",
    "statx",
    "newfstatat",
    "lseek",
    "getdents64",
    "mkdir",
    "rename",
    "renameat2",
    "unlink",
    "rmdir",
    "fsync",
    "flock",
    "ftruncate",
    "chmod",
    "fchmod",
    "readlink",
];

/// Those that only look.
pub const LOOKS: [&str; 4] = ["statx", "newfstatat", "lseek", "readlink"];

/// `strace`, if it is there and may be used. On CI it must be.
pub fn strace() -> Option<&'static Path> {
    let found = ["/usr/bin/strace", "/usr/local/bin/strace", "/bin/strace"].map(Path::new);
    let works = |path: &&Path| {
        let args = ["-qq", "-o", "/dev/null", "-e", "trace=fsync", "true"];
        Command::new(path).args(args).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
    };
    let strace = found.into_iter().find(works);
    if strace.is_none() {
        let is_ci =
            std::env::var("CI").is_ok_and(|ci| ci == "true") || std::env::var_os("CS_CLIENT").is_some();
        assert!(!is_ci, "strace is missing, or may not trace");
        skipped("no strace that may trace: faults from outside were not tried");
    }
    strace
}

/// The same program with the same surroundings, under `strace` with these arguments.
fn under(strace: &Path, command: &Command, args: &[&str], log: &Path) -> Command {
    let mut traced = Command::new(strace);
    traced.args(["-f", "-qq", "-o"]).arg(log).args(args).arg(command.get_program()).args(command.get_args());
    traced.env_clear().envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    if let Some(folder) = command.get_current_dir() {
        traced.current_dir(folder);
    }
    traced.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    traced
}

/// How often a program makes each of the calls that touch files.
pub fn calls(
    strace: &Path,
    command: &Command,
    log: &Path,
    input: Option<&Path>,
) -> BTreeMap<&'static str, usize> {
    // A `?` before a name: not every machine has each of them.
    let trace = format!("trace={}", FILE_CALLS.map(|call| format!("?{call}")).join(","));
    let mut traced = under(strace, command, &["-e", &trace], log);
    feed(&mut traced, input);
    let output = traced.output().expect("strace runs");
    assert!(output.status.success(), "{output:?}");
    let text = fs::read_to_string(log).expect("a log");
    let mut counts = BTreeMap::new();
    for line in text.lines() {
        let call = line.split_once(' ').map_or("", |(_, rest)| rest.trim_start());
        if let Some(known) = FILE_CALLS.iter().find(|known| call.starts_with(&format!("{known}("))) {
            *counts.entry(*known).or_default() += 1;
        }
    }
    counts
}

fn feed(command: &mut Command, input: Option<&Path>) {
    if let Some(input) = input {
        command.stdin(fs::File::open(input).expect("an input"));
    }
}

/// A program with a fault at the n-th of its calls of one name, ready to be run.
pub fn injected(
    strace: &Path,
    command: &Command,
    (call, fault, n): (&str, &str, usize),
    log: &Path,
    input: Option<&Path>,
) -> Command {
    let inject = format!("inject={call}:{fault}:when={n}");
    let mut traced = under(strace, command, &["-e", &format!("trace={call}"), "-e", &inject], log);
    feed(&mut traced, input);
    traced
}

/// A program that stands still at one of its calls.
pub struct Stopped {
    strace: Child,
    pid: Pid,
}

impl Stopped {
    /// Runs it until it is stopped at the n-th call; `None` when it ended before that.
    pub fn at(mut traced: Command, log: &Path) -> Option<Self> {
        let _ = fs::remove_file(log);
        // When whoever started the tests ends, what stands still in their process group is woken and hung up on.
        let mut strace = traced.process_group(0).spawn().expect("strace runs");
        loop {
            let text = fs::read_to_string(log).unwrap_or_default();
            if let Some(line) = text.lines().find(|line| line.contains("stopped by SIGSTOP")) {
                let pid = line.split_whitespace().next().and_then(|pid| pid.parse().ok()).expect("a number");
                return Some(Self { strace, pid: Pid::from_raw(pid).expect("a process") });
            }
            if let Some(status) = strace.try_wait().expect("waited for") {
                assert!(status.success(), "{status}: {text}");
                return None;
            }
            std::thread::sleep(Duration::from_micros(300));
        }
    }

    /// Lets it go on to its end.
    pub fn go_on(self) -> std::process::Output {
        kill_process(self.pid, Signal::CONT).expect("it stands still");
        self.strace.wait_with_output().expect("it ends")
    }

    pub fn kill(self) {
        kill_process(self.pid, Signal::KILL).expect("it stands still");
        let _ = self.strace.wait_with_output();
    }
}

/// A path for a log that no other test writes to.
pub fn log(folder: &Path) -> PathBuf {
    static NUMBER: AtomicUsize = AtomicUsize::new(0);
    folder.join(format!("trace-{}", NUMBER.fetch_add(1, Ordering::Relaxed)))
}
