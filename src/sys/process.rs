//! Other processes: running one, and seeing whether the client runs.

mod heard;

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use heard::Complaint;
pub use heard::Heard;

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

/// What a program prints, called by the name `arg0`, if it ends well within a time. It gets no input, and
/// neither it nor what it started outlives its time.
///
/// # Errors
/// When it can't be started.
pub fn asked(program: &Path, arg0: &str, args: &[&str], limit_ms: u64) -> std::io::Result<Option<String>> {
    use std::io::Read as _;
    use std::os::unix::process::CommandExt as _;
    /// More than this is no answer to a short question.
    const BYTES_MAX: u64 = 64 << 10;
    super::fault::spawn();
    let mut command = Command::new(program);
    command.arg0(arg0).args(args).process_group(0);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn()?;
    let (say, said) = std::sync::mpsc::channel();
    let pipe = child.stdout.take();
    // Whoever holds the other end of the pipe may never let go of it: the thread ends with us then.
    std::thread::spawn(move || {
        let mut text = Vec::new();
        let read = pipe.map(|pipe| pipe.take(BYTES_MAX).read_to_end(&mut text));
        let _ = say.send(read.is_some_and(|read| read.is_ok()).then_some(text));
    });
    let limit = Duration::from_millis(limit_ms);
    let started = Instant::now();
    let text = said.recv_timeout(limit).ok().flatten();
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break Some(status);
        }
        if started.elapsed() > limit {
            break None;
        }
        std::thread::sleep(Duration::from_millis(1));
    };
    if status.is_none()
        && let Some(group) = rustix::process::Pid::from_raw(child.id().cast_signed())
    {
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        child.wait()?;
    }
    let is_well = status.is_some_and(|status| status.success());
    Ok(text.filter(|_| is_well).and_then(|text| String::from_utf8(text).ok()))
}

/// How a program ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    Well,
    /// By which code or signal, in words.
    Badly(String),
    /// It was killed: its time was over.
    Late,
    /// It printed more than anybody asked for.
    Much,
}

/// What a program had to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub ending: Ending,
    /// What it printed. Nobody is shown that unless it ended well.
    pub text: Vec<u8>,
    /// The end of what it said on its standard error.
    pub complaint: String,
}

/// Runs a program in `folder` without input, for what it prints: in our own process group, so that it may ask
/// a person on the terminal. What it printed is not kept anywhere else.
///
/// # Errors
/// When it can't be started.
pub fn answer(program: &Path, args: &[String], folder: &Path, limit_ms: u64) -> std::io::Result<Answer> {
    use std::io::Read;
    /// More than this is no secret (`limits::SECRET_BYTES_MAX`), and no complaint that anybody reads.
    const TEXT_BYTES_MAX: u64 = 64 << 10;
    const COMPLAINT_BYTES_MAX: usize = 2 << 10;
    fn reader(pipe: Option<impl Read + Send + 'static>) -> std::sync::mpsc::Receiver<Vec<u8>> {
        let (say, said) = std::sync::mpsc::channel();
        // Whoever holds the other end of the pipe may never let go of it: the thread ends with us then.
        std::thread::spawn(move || {
            let mut text = Vec::new();
            let _ = pipe.map(|pipe| pipe.take(TEXT_BYTES_MAX + 1).read_to_end(&mut text));
            let _ = say.send(text);
        });
        said
    }
    super::fault::spawn();
    let mut command = Command::new(program);
    command.args(args).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    if folder.is_absolute() {
        command.current_dir(folder);
    }
    let mut child = command.spawn()?;
    let (text, complaint) = (reader(child.stdout.take()), reader(child.stderr.take()));
    let limit = Duration::from_millis(limit_ms);
    let started = Instant::now();
    let left = || limit.saturating_sub(started.elapsed());
    let text = text.recv_timeout(left()).ok();
    let is_much = text.as_ref().is_some_and(|text| text.len() as u64 > TEXT_BYTES_MAX);
    let status = loop {
        match child.try_wait()? {
            Some(status) => break Some(status),
            None if is_much || left().is_zero() => break None,
            None => std::thread::sleep(Duration::from_millis(1)),
        }
    };
    if status.is_none() {
        child.kill()?;
        child.wait()?;
    }
    // What it started may still hold the pipe: nothing is worth waiting for then.
    let complaint = complaint.recv_timeout(Duration::from_millis(100)).unwrap_or_default();
    let from = complaint.len().saturating_sub(COMPLAINT_BYTES_MAX);
    let complaint = String::from_utf8_lossy(&complaint[from..]).into_owned();
    let ending = match (status, &text) {
        _ if is_much => Ending::Much,
        (None, _) | (_, None) => Ending::Late,
        (Some(status), Some(_)) if status.success() => Ending::Well,
        (Some(status), _) => Ending::Badly(status.to_string()),
    };
    Ok(Answer { ending, text: text.unwrap_or_default(), complaint })
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

/// A program to be run with some variables of its own.
#[derive(Debug, Clone, Default)]
pub struct Call {
    program: String,
    args: Vec<String>,
    /// With a value they are set, without one they are not there.
    env: Vec<(&'static str, Option<String>)>,
}

/// How it ended, and what it printed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    pub is_well: bool,
    pub out: Vec<u8>,
    /// What it complained of: of much, the beginning and the end.
    pub err: String,
}

/// More than this nobody asks a program for.
const OUT_BYTES_MAX: u64 = 64 << 20;

impl Call {
    /// Calls `program`.
    #[must_use]
    pub fn new(program: &str) -> Self {
        Self { program: program.to_owned(), ..Self::default() }
    }

    /// Sets or removes a variable.
    #[must_use]
    pub fn env(mut self, name: &'static str, value: Option<&str>) -> Self {
        self.env.push((name, value.map(str::to_owned)));
        self
    }

    /// Adds arguments.
    #[must_use]
    pub fn args<'a>(mut self, args: impl IntoIterator<Item = &'a str>) -> Self {
        self.args.extend(args.into_iter().map(str::to_owned));
        self
    }

    fn command(&self) -> Command {
        super::fault::spawn();
        let mut command = Command::new(&self.program);
        command.args(&self.args);
        for (name, value) in &self.env {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        command
    }

    /// Runs it to its end, without input. It may ask a person on the terminal.
    ///
    /// # Errors
    /// When it can't be started, or prints more than anybody asked for.
    pub fn run(&self) -> std::io::Result<Ended> {
        use std::io::Read as _;
        let mut command = self.command();
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn()?;
        let (Some(from), Some(said)) = (child.stdout.take(), child.stderr.take()) else {
            unreachable!("BUG: both ends are ours")
        };
        let (from, complaint) = (Heard::new(from, child.id(), None), Complaint::new(said));
        let mut out = Vec::new();
        let read = from.take(OUT_BYTES_MAX + 1).read_to_end(&mut out);
        if read.is_err() || self.check_size(&out).is_err() {
            child.kill()?;
        }
        let is_well = child.wait()?.success();
        read?;
        self.check_size(&out)?;
        Ok(Ended { is_well, out, err: complaint.text() })
    }

    /// Runs it as [`Call::run`] does, but for so long and no longer: `None` where it was not done by then. Where a person
    /// may be asked something it can't be used: it has no terminal.
    ///
    /// # Errors
    /// When it can't be started, or prints more than anybody asked for.
    pub fn run_within(&self, limit_ms: u64) -> std::io::Result<Option<Ended>> {
        use std::io::Read as _;
        let (from, to, conversation) = self.converse(limit_ms)?;
        drop(to);
        let mut out = Vec::new();
        from.take(OUT_BYTES_MAX + 1).read_to_end(&mut out)?;
        let (is_well, is_late, err) = conversation.ended();
        self.check_size(&out)?;
        Ok((!is_late).then_some(Ended { is_well, out, err }))
    }

    fn check_size(&self, out: &[u8]) -> std::io::Result<()> {
        if out.len() as u64 <= OUT_BYTES_MAX {
            return Ok(());
        }
        let much = format!(
            "{} printed more than {} MiB, and was not listened to",
            self.program,
            OUT_BYTES_MAX >> 20
        );
        Err(std::io::Error::other(much))
    }

    /// Starts it for questions and answers.
    ///
    /// # Errors
    /// When it can't be started.
    pub fn talk(&self) -> std::io::Result<Talk> {
        let mut command = self.command();
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn()?;
        let (Some(to), Some(from)) = (child.stdin.take(), child.stdout.take()) else {
            unreachable!("BUG: both ends are ours")
        };
        Ok(Talk { child, to: Some(to), from: std::io::BufReader::new(from) })
    }
}

/// A program that is talked to for so long and no longer: then it is killed, and whoever reads from it finds the end.
#[derive(Debug)]
pub struct Conversation {
    child: std::process::Child,
    complaint: Complaint,
    /// Dropped when it is over, which the one who watches the time hears.
    over: Option<std::sync::mpsc::Sender<()>>,
    watch: Option<std::thread::JoinHandle<bool>>,
}

impl Call {
    /// Starts it for a conversation of at most `limit_ms`: what it says, what is said to it, and itself.
    ///
    /// # Errors
    /// When it can't be started.
    pub fn converse(
        &self,
        limit_ms: u64,
    ) -> std::io::Result<(Heard, std::process::ChildStdin, Conversation)> {
        use std::os::unix::process::CommandExt as _;
        let mut command = self.command();
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
        let mut child = command.spawn()?;
        let pipes = (child.stdout.take(), child.stdin.take(), child.stderr.take());
        let (Some(from), Some(to), Some(said)) = pipes else { unreachable!("BUG: all ends are ours") };
        let (from, complaint) = (Heard::new(from, child.id(), Some(limit_ms)), Complaint::new(said));
        let (over, ends) = std::sync::mpsc::channel::<()>();
        let group = rustix::process::Pid::from_raw(child.id().cast_signed());
        let watch = std::thread::spawn(move || {
            let waited = ends.recv_timeout(Duration::from_millis(limit_ms));
            let is_late = waited == Err(std::sync::mpsc::RecvTimeoutError::Timeout);
            if let Some(group) = group.filter(|_| is_late) {
                let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
            }
            is_late
        });
        Ok((from, to, Conversation { child, complaint, over: Some(over), watch: Some(watch) }))
    }
}

impl Conversation {
    /// Ends it: whether its time was over, and what it complained of. Both pipes are to be dropped before.
    #[must_use]
    pub fn end(mut self) -> (bool, String) {
        let text = self.complaint.text();
        (self.stop(), text)
    }

    /// The same of one that is waited for: whether it ended well, whether its time was over, and what it complained of.
    #[must_use]
    pub fn ended(mut self) -> (bool, bool, String) {
        let text = self.complaint.text();
        // Its time is still watched.
        let is_well = self.child.wait().is_ok_and(|status| status.success());
        (is_well, self.stop(), text)
    }

    fn stop(&mut self) -> bool {
        drop(self.over.take());
        let is_late = self.watch.take().is_some_and(|watch| watch.join().unwrap_or_default());
        let started = Instant::now();
        while matches!(self.child.try_wait(), Ok(None)) {
            if started.elapsed() > Duration::from_millis(500) {
                if let Some(group) = rustix::process::Pid::from_raw(self.child.id().cast_signed()) {
                    let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
                }
                let _ = self.child.wait();
                break;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        is_late
    }
}

impl Drop for Conversation {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Ends this process after so many milliseconds, whatever it is waiting for.
pub fn end_after(limit_ms: u64) {
    std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(limit_ms));
        std::process::exit(1);
    });
}

/// A program that answers one line after another. It ends when this is dropped.
#[derive(Debug)]
pub struct Talk {
    child: std::process::Child,
    to: Option<std::process::ChildStdin>,
    from: std::io::BufReader<std::process::ChildStdout>,
}

impl Talk {
    /// Writes a line, and reads the line that answers.
    ///
    /// # Errors
    /// When it does not listen or answer any more.
    pub fn ask(&mut self, line: &str) -> std::io::Result<String> {
        use std::io::{BufRead as _, Write as _};
        let to = self.to.as_mut().expect("BUG: open until it is dropped");
        to.write_all(format!("{line}\n").as_bytes())?;
        to.flush()?;
        let mut answer = String::new();
        self.from.read_line(&mut answer)?;
        Ok(answer.trim_end().to_owned())
    }

    /// The next `count` bytes of an answer.
    ///
    /// # Errors
    /// When there are fewer.
    pub fn bytes(&mut self, count: usize) -> std::io::Result<Vec<u8>> {
        use std::io::Read as _;
        let mut bytes = vec![0; count];
        self.from.read_exact(&mut bytes)?;
        Ok(bytes)
    }
}

impl Drop for Talk {
    fn drop(&mut self) {
        drop(self.to.take());
        let _ = self.child.wait();
    }
}

/// Starts a program that goes on when we have ended, in a process group of its own: the client
/// ends a hook by its group.
///
/// # Errors
/// When it can't be started.
pub fn detach(program: &Path, arg0: &str, args: &[&str]) -> std::io::Result<()> {
    use std::os::unix::process::CommandExt as _;
    super::fault::spawn();
    if super::fault::is_lone() {
        return Ok(());
    }
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

/// Whether a Claude Code client runs that was started with this home. Scans all processes (some ms): never
/// call it on a hook's path. Of a process that may not be looked into it says nothing: it is somebody else's.
#[must_use]
pub fn client_runs(home: &Path) -> bool {
    use sysinfo::{ProcessRefreshKind, ProcessesToUpdate, System, UpdateKind};
    let Ok(mut system) = System::new() else { return false };
    let what = ProcessRefreshKind::nothing().with_environ(UpdateKind::OnlyIfNotSet);
    let _ = system.refresh_processes_specifics(ProcessesToUpdate::All, true, what);
    let is_home = |variable: &std::ffi::OsString| {
        variable
            .to_str()
            .and_then(|text| text.strip_prefix("HOME="))
            .is_some_and(|own| Path::new(own) == home)
    };
    let mut clients = system.processes().values().filter(|process| process.name() == "claude");
    clients.any(|process| process.environ().iter().any(is_home))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sh(text: &str, limit_ms: u64) -> Option<String> {
        asked(Path::new("/bin/sh"), "sh", &["-c", text], limit_ms).expect("sh starts")
    }

    #[test]
    fn an_answer_comes_with_how_it_ended() {
        let run = |text: &str, limit_ms| {
            let args = ["-c".to_owned(), text.to_owned()];
            answer(Path::new("/bin/sh"), &args, Path::new("/"), limit_ms).expect("sh starts")
        };
        let well = run("pwd; echo fine >&2", 10_000);
        assert_eq!(
            (well.ending, well.text.as_slice(), well.complaint.as_str()),
            (Ending::Well, &b"/\n"[..], "fine\n")
        );
        let badly = run("echo half; echo no key >&2; exit 2", 10_000);
        assert!(matches!(badly.ending, Ending::Badly(_)));
        assert_eq!(badly.complaint, "no key\n");
        assert_eq!(run("exec sleep 60", 50).ending, Ending::Late);
        assert_eq!(run("head -c 100000 /dev/zero; exec sleep 60", 10_000).ending, Ending::Much);
        assert!(answer(Path::new("/nowhere/at/all"), &[], Path::new("/"), 50).is_err());
    }

    /// Somebody else's client is none of ours.
    #[test]
    fn a_client_is_known_by_its_home() {
        let dir = tempfile::tempdir().expect("a folder");
        let client = dir.path().join("claude");
        std::os::unix::fs::symlink("/bin/sh", &client).expect("a link");
        let mut command = Command::new(&client);
        command.args(["-c", "read line"]).env("HOME", dir.path()).stdin(Stdio::piped());
        let mut child = command.spawn().expect("it starts");
        let (own, others) = (client_runs(dir.path()), client_runs(&dir.path().join("others")));
        child.kill().expect("it runs");
        child.wait().expect("it ends");
        assert_eq!((own, others), (true, false));
    }

    #[test]
    fn a_call_is_given_up_with_all_that_it_started() {
        let run = |text: &str, limit_ms| {
            Call::new("/bin/sh").args(["-c", text]).run_within(limit_ms).expect("it starts")
        };
        let done = run("echo said; echo why >&2; exit 3", 10_000).expect("it is done");
        assert_eq!((done.is_well, &*done.out, &*done.err), (false, &b"said\n"[..], "why\n"));
        assert!(run("cat", 10_000).is_some_and(|done| done.is_well), "there is nothing to read");
        assert!(run("sleep 600 & wait", 50).is_none());
        // What it says without end is read without end, and no longer than that.
        assert!(run("while :; do echo y; done", 50).is_none());
        let much = Call::new("/bin/sh").args(["-c", "exec yes"]);
        let error = much.run_within(60_000).expect_err("too much");
        assert_eq!(error.to_string(), "/bin/sh printed more than 64 MiB, and was not listened to");
        assert!(much.run().is_err_and(|error| error.to_string().contains("more than 64 MiB")));
    }

    /// The time is the program's own: whoever it left behind with its pipes is not waited for.
    #[test]
    fn a_call_is_over_when_it_has_ended_whoever_holds_its_pipes() {
        // Whom it leaves behind is there still when we go on.
        let is_there = |pid: &str| {
            let pid = pid.trim().parse().ok().and_then(rustix::process::Pid::from_raw).expect("a number");
            rustix::process::kill_process(pid, rustix::process::Signal::KILL).is_ok()
        };
        let call = Call::new("/bin/sh").args(["-c", "echo why >&2; setsid sleep 600 & echo $!; exit 0"]);
        for done in [call.run_within(50_000).expect("it starts"), call.run().ok()] {
            let done = done.expect("it is done");
            assert!(done.is_well && done.err == "why\n" && is_there(&String::from_utf8_lossy(&done.out)));
        }
        let (mut from, to, conversation) = call.converse(50_000).expect("it starts");
        let mut out = String::new();
        std::io::Read::read_to_string(&mut from, &mut out).expect("a text");
        drop((from, to));
        assert_eq!(conversation.end(), (false, "why\n".to_owned()));
        assert!(is_there(&out));
    }

    #[test]
    fn an_answer_is_waited_for_so_long_and_no_longer() {
        assert_eq!(sh("echo hi", 10_000).as_deref(), Some("hi\n"));
        assert_eq!(sh("echo hi; exit 3", 10_000), None);
        let started = Instant::now();
        assert_eq!(sh("sleep 60", 50), None);
        assert_eq!(sh("sleep 60 & echo started", 50), None, "somebody holds the pipe");
        assert!(started.elapsed() < Duration::from_secs(30));
        assert!(asked(Path::new("/nowhere/at/all"), "x", &[], 50).is_err());
    }
}
