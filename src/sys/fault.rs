//! Failures of the world as data: dying or failing at the n-th mutating call.
//!
//! `CS_FAULT` is read in builds with debug assertions only:
//! - `kill:N`: the process aborts just before the N-th mutating call (a write: after half of it)
//! - `error:ERRNO:N`: the N-th call and every later one fail (`ENOSPC`, `EACCES`, `EIO`)
//! - `once:ERRNO:N`: only the N-th fails
//! - `look:ERRNO:N`: the N-th look at a file, or reading of one, fails
//! - `ban:WHAT`: the process aborts at the first call of that kind (`fsync`, `spawn`)
//! - `lone`: nothing is left running that would outlive the process: it dies before anybody sees it

use std::io;

/// What a mutating call may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gate {
    Pass,
    /// Do half of it, then die.
    DieHalfway,
}

/// Counts a mutating call.
///
/// # Errors
/// When the fault asked for says so.
pub fn gate(what: &'static str) -> io::Result<Gate> {
    if cfg!(debug_assertions) { active::gate(what) } else { Ok(Gate::Pass) }
}

/// Counts a look at a file, or a reading.
///
/// # Errors
/// When the fault asked for says so.
pub fn look() -> io::Result<()> {
    if cfg!(debug_assertions) { active::look() } else { Ok(()) }
}

/// Notes that another process is about to be started; not counted.
pub fn spawn() {
    if cfg!(debug_assertions) {
        active::spawn();
    }
}

/// Whether what was left running behind a process is lost.
#[must_use]
pub fn is_lone() -> bool {
    cfg!(debug_assertions) && active::is_lone()
}

mod active {
    use std::io;
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::Gate;

    enum Fault {
        None,
        Kill(u64),
        Error { errno: rustix::io::Errno, from: u64, sticks: bool },
        Look { errno: rustix::io::Errno, at: u64 },
        Ban(String),
        Lone,
    }

    static CALLS: AtomicU64 = AtomicU64::new(0);
    static LOOKS: AtomicU64 = AtomicU64::new(0);
    static FAULT: OnceLock<Fault> = OnceLock::new();

    fn fault() -> &'static Fault {
        FAULT.get_or_init(|| parse(&crate::sys::env::var("CS_FAULT").unwrap_or_default()))
    }

    pub fn look() -> io::Result<()> {
        let number = LOOKS.fetch_add(1, Ordering::Relaxed) + 1;
        match fault() {
            Fault::Look { errno, at } if *at == number => {
                Err(io::Error::from_raw_os_error(errno.raw_os_error()))
            }
            _ => Ok(()),
        }
    }

    pub fn spawn() {
        if matches!(fault(), Fault::Ban(banned) if banned == "spawn") {
            std::process::abort();
        }
    }

    pub fn is_lone() -> bool {
        matches!(fault(), Fault::Lone)
    }

    pub fn gate(what: &'static str) -> io::Result<Gate> {
        let number = CALLS.fetch_add(1, Ordering::Relaxed) + 1;
        match fault() {
            Fault::Kill(at) if *at == number && what == "write" => Ok(Gate::DieHalfway),
            Fault::Kill(at) if *at == number => std::process::abort(),
            Fault::Ban(banned) if banned == what => std::process::abort(),
            Fault::Error { errno, from, sticks } if number == *from || (*sticks && number > *from) => {
                Err(io::Error::from_raw_os_error(errno.raw_os_error()))
            }
            _ => Ok(Gate::Pass),
        }
    }

    fn parse(text: &str) -> Fault {
        let parts: Vec<&str> = text.split(':').collect();
        let number = |text: &str| text.parse().expect("CS_FAULT: a number");
        let errno = |text: &str| match text {
            "ENOSPC" => rustix::io::Errno::NOSPC,
            "EACCES" => rustix::io::Errno::ACCESS,
            "EIO" => rustix::io::Errno::IO,
            other => panic!("CS_FAULT: unknown error {other}"),
        };
        match parts[..] {
            ["kill", at] => Fault::Kill(number(at)),
            ["error", name, from] => Fault::Error { errno: errno(name), from: number(from), sticks: true },
            ["once", name, from] => Fault::Error { errno: errno(name), from: number(from), sticks: false },
            ["look", name, at] => Fault::Look { errno: errno(name), at: number(at) },
            ["ban", what] => Fault::Ban(what.to_owned()),
            ["lone"] => Fault::Lone,
            _ => Fault::None,
        }
    }
}
