//! A sealed world: its own home, a cleared environment, a fixed clock. Nothing of the machine's
//! real home is ever read or written.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

/// 2026-01-01, noon: what the clock says unless a test says otherwise.
pub const NOON: u64 = 1_767_268_800;

pub struct Sandbox {
    folder: TempDir,
}

/// What a run of `cs` came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ran {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Ran {
    /// Panics unless it ended well.
    #[track_caller]
    pub fn ok(self) -> Self {
        assert_eq!(self.code, 0, "{self}");
        self
    }

    /// Panics unless it ended with `code`.
    #[track_caller]
    pub fn code(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{self}");
        self
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self}"))
    }
}

impl std::fmt::Display for Ran {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "exit {}\n--- stdout\n{}--- stderr\n{}", self.code, self.out, self.err)
    }
}

/// Where a run that measures coverage collects its counts (`.ci/coverage`): all that gets into a sandbox.
pub fn coverage() -> Option<(&'static str, std::ffi::OsString)> {
    std::env::var_os("LLVM_PROFILE_FILE").map(|file| ("LLVM_PROFILE_FILE", file))
}

impl Sandbox {
    pub fn new() -> Self {
        let folder = tempfile::Builder::new().prefix("cs-").tempdir().expect("a temporary folder");
        fs::create_dir_all(folder.path().join("home/dotfiles")).expect("a home");
        Self { folder }
    }

    pub fn home(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    pub fn root(&self) -> PathBuf {
        self.home().join(".claude")
    }

    pub fn settings(&self) -> PathBuf {
        self.root().join("settings.json")
    }

    /// Keeps the home as it is now under a name, for [`Self::fresh`].
    pub fn keep(&self, name: &str) {
        let kept = self.folder.path().join(name);
        if kept.exists() {
            fs::remove_dir_all(&kept).expect("removed");
        }
        copy(&self.home(), &kept);
    }

    /// Puts the home back as it was kept: same paths, links, modes, times and shared inodes.
    pub fn fresh(&self, name: &str) {
        fs::remove_dir_all(self.home()).expect("removed");
        copy(&self.folder.path().join(name), &self.home());
    }

    /// A path in the home.
    pub fn path(&self, relative: &str) -> PathBuf {
        self.home().join(relative)
    }

    /// Writes a file in the home, with its folders.
    pub fn write(&self, relative: &str, content: impl AsRef<[u8]>) -> &Self {
        let path = self.path(relative);
        fs::create_dir_all(path.parent().expect("a folder")).expect("folders");
        fs::write(&path, content).expect("written");
        self
    }

    /// Writes an executable script.
    pub fn script(&self, relative: &str, content: &str) -> &Self {
        self.write(relative, content);
        fs::set_permissions(self.path(relative), fs::Permissions::from_mode(0o755)).expect("chmod");
        self
    }

    pub fn read(&self, relative: &str) -> String {
        fs::read_to_string(self.path(relative)).unwrap_or_else(|error| panic!("{relative}: {error}"))
    }

    /// Writes `dotfiles/claude-sync.toml`; `format = 1` goes first.
    pub fn profile(&self, text: &str) -> &Self {
        self.write("dotfiles/claude-sync.toml", format!("format = 1\n{text}"))
    }

    /// `cs` with these arguments, not yet run.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cs"));
        command
            .args(args)
            .env_clear()
            .env("HOME", self.home())
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("CS_NOW", NOON.to_string())
            .envs(coverage())
            .current_dir(self.home())
            .stdin(Stdio::null());
        command
    }

    pub fn cs(&self, args: &[&str]) -> Ran {
        ran(self.command(args).output().expect("cs runs"))
    }

    /// A line as people type it, in a shell that knows `cs`.
    pub fn shell(&self, line: &str) -> Ran {
        let own = self.command(&[]);
        let mut shell = Command::new("/bin/sh");
        shell
            .args(["-c", &format!("cs() {{ \"$CS\" \"$@\"; }}; {line}")])
            .env_clear()
            .envs(own.get_envs().filter_map(|(name, value)| Some((name, value?))))
            .env("CS", own.get_program())
            .current_dir(self.home())
            .stdin(Stdio::null());
        ran(shell.output().expect("a shell"))
    }

    /// `cs apply --yes` of `dotfiles/claude-sync.toml`.
    #[track_caller]
    pub fn apply(&self) -> Ran {
        self.cs(&["apply", "--yes", "--profile", "dotfiles/claude-sync.toml"]).ok()
    }

    /// With the sandbox's paths replaced, for snapshots.
    pub fn tidy(&self, text: &str) -> String {
        text.replace(&*self.folder.path().to_string_lossy(), "SANDBOX")
    }

    /// Everything below the root but `claude-sync/`: path, kind, mode and content.
    pub fn tree(&self) -> Vec<String> {
        let mut found = Vec::new();
        walk(&self.root(), &self.root(), &mut found);
        found.sort();
        found
    }
}

fn copy(from: &Path, to: &Path) {
    let status = Command::new("cp").arg("-a").args([from, to]).status().expect("cp runs");
    assert!(status.success(), "cp -a {} {}", from.display(), to.display());
}

/// What a finished process came to; a signal counts as 128 and its number.
pub fn ran(output: Output) -> Ran {
    use std::os::unix::process::ExitStatusExt as _;
    let code = output.status.code().unwrap_or_else(|| 128 + output.status.signal().unwrap_or(0));
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    Ran { code, out: text(output.stdout), err: text(output.stderr) }
}

fn walk(root: &Path, folder: &Path, found: &mut Vec<String>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.map(|entry| entry.expect("an entry")) {
        let path = entry.path();
        let name = path.strip_prefix(root).expect("below").display().to_string();
        if name == "claude-sync" {
            continue;
        }
        let metadata = fs::symlink_metadata(&path).expect("there");
        let mode = metadata.permissions().mode() & 0o7777;
        if metadata.is_symlink() {
            found.push(format!("{name} -> {}", fs::read_link(&path).expect("a link").display()));
        } else if metadata.is_dir() {
            found.push(format!("{name}/ {mode:o}"));
            walk(root, &path, found);
        } else {
            let content = fs::read(&path).expect("readable");
            found.push(format!("{name} {mode:o} {}", String::from_utf8_lossy(&content)));
        }
    }
}

/// The folder with cases from the world, if it is there. CI sets `CS_CASES`, which makes it
/// a failure when it is not.
pub fn cases() -> Option<PathBuf> {
    let named = std::env::var_os("CS_CASES").map(PathBuf::from);
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/cases");
    match named {
        Some(named) => {
            assert!(named.is_dir(), "CS_CASES is {}, which is no folder", named.display());
            Some(named)
        }
        None if beside.is_dir() => Some(beside),
        None => {
            skipped("the cases from the world are not on this machine");
            None
        }
    }
}

/// Says that a test did not test. Past the harness, which keeps what a test that passes prints.
pub fn skipped(why: &str) {
    let line = format!("SKIPPED: {why}\n");
    let _ = std::io::stderr().write_all(line.as_bytes());
}

/// Says that a test could not test for want of something; CI has no excuse.
#[track_caller]
pub fn missing(what: &str) {
    let is_ci = std::env::var_os("CI").is_some_and(|ci| ci == "true");
    assert!(!is_ci, "{what} is not on this machine, and on CI it must be");
    skipped(&format!("{what} is not on this machine"));
}
