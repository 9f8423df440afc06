//! Other processes: running one, and seeing whether the client runs.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Runs a program without input or output and says whether it ended well in time.
///
/// # Errors
/// When it can't be started.
pub fn runs(program: &Path, args: &[&str], limit_ms: u64) -> std::io::Result<bool> {
    super::fault::spawn();
    let mut command = Command::new(program);
    command.args(args).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn()?;
    let end = Instant::now() + Duration::from_millis(limit_ms);
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status.success());
        }
        if Instant::now() > end {
            child.kill()?;
            child.wait()?;
            return Ok(false);
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// What a program prints, if it ends well.
#[must_use]
pub fn output(program: &str, args: &[&str], folder: &Path) -> Option<String> {
    super::fault::spawn();
    let mut command = Command::new(program);
    command.args(args).current_dir(folder).stdin(Stdio::null()).stderr(Stdio::null());
    let output = command.output().ok().filter(|output| output.status.success())?;
    String::from_utf8(output.stdout).ok()
}

/// Starts a program that goes on when we have ended, in a process group of its own: the client
/// ends a hook by its group.
///
/// # Errors
/// When it can't be started.
pub fn detach(program: &Path, arg0: &str, args: &[&str]) -> std::io::Result<()> {
    use std::os::unix::process::CommandExt as _;
    super::fault::spawn();
    let mut command = Command::new(program);
    command.arg0(arg0).args(args).process_group(0);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().map(drop)
}

/// Leaves the folder we were started in, which somebody may want to unmount. For what [`detach`]
/// started: to start it there would take a copy of the whole process first.
pub fn leave_folder() {
    // Where even that can't be entered there is nothing to do about it.
    let _ = std::env::set_current_dir("/");
}

/// How far the first thread's stack may grow; `None` for no limit.
#[must_use]
pub fn stack_bytes() -> Option<u64> {
    rustix::process::getrlimit(rustix::process::Resource::Stack).current
}

/// Whether a Claude Code client of this user runs. Scans all processes (some ms): never
/// call it on a hook's path.
#[must_use]
pub fn client_runs() -> bool {
    use sysinfo::{ProcessRefreshKind, ProcessesToUpdate, System};
    let Ok(mut system) = System::new() else { return false };
    let _ = system.refresh_processes_specifics(ProcessesToUpdate::All, true, ProcessRefreshKind::nothing());
    system.processes().values().any(|process| process.name() == "claude")
}
