//! What the process was started with, and what machine it is on.

use std::path::{Path, PathBuf};

/// An environment variable, if it is set, not empty and UTF-8.
#[must_use]
pub fn var(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// The home folder: `$HOME`, if it is absolute.
#[must_use]
pub fn home() -> Option<PathBuf> {
    var("HOME").map(PathBuf::from).filter(|home| home.is_absolute())
}

/// The working folder.
///
/// # Errors
/// When it is gone.
pub fn current_dir() -> std::io::Result<PathBuf> {
    std::env::current_dir()
}

/// The name the process was called by, and its arguments.
pub fn args() -> impl Iterator<Item = std::ffi::OsString> {
    std::env::args_os()
}

/// The running executable.
///
/// # Errors
/// When the system can't tell.
pub fn executable() -> std::io::Result<PathBuf> {
    std::env::current_exe()
}

/// Who we are to the file system.
#[must_use]
pub fn uid() -> u32 {
    rustix::process::geteuid().as_raw()
}

/// The machine's name, without its domain.
#[must_use]
pub fn host() -> String {
    let name = rustix::system::uname().nodename().to_string_lossy().into_owned();
    name.split('.').next().unwrap_or_default().to_owned()
}

/// Where the client looks for the administrator's settings.
#[must_use]
pub fn managed_folder() -> PathBuf {
    // Tests have no administrator.
    if cfg!(debug_assertions)
        && let Some(folder) = var("CS_MANAGED")
    {
        return folder.into();
    }
    PathBuf::from(match os() {
        "macos" => "/Library/Application Support/ClaudeCode",
        _ => "/etc/claude-code",
    })
}

/// `linux`, `macos`, …
#[must_use]
pub fn os() -> &'static str {
    std::env::consts::OS
}

/// `x86_64`, `aarch64`, …
#[must_use]
pub fn arch() -> &'static str {
    std::env::consts::ARCH
}

/// The first program `name` on `$PATH`, or `name` itself if it has a slash.
#[must_use]
pub fn program(name: &str) -> Option<PathBuf> {
    let is_program = |path: &Path| super::fs::is_executable(path);
    if name.contains('/') {
        return Some(PathBuf::from(name)).filter(|path| is_program(path));
    }
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|path| is_program(path))
}
