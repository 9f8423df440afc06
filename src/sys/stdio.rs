//! A hook's standard input and output: bounded in size and in time.

use std::io::{Read as _, Write as _};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// What came in.
#[derive(Debug, PartialEq, Eq)]
pub struct Input {
    pub bytes: Vec<u8>,
    /// There was more, or its end did not come in time.
    pub is_cut: bool,
}

/// What is asked for first: most of what comes fits, and memory that is never used need not be cleared.
const CHUNK_BYTES: usize = 4 << 10;

/// And then: as much as a pipe holds.
const PIPE_BYTES: usize = 64 << 10;

/// Reads standard input to its end, but at most `bytes_max` bytes and for at most `wait_ms`. A
/// pipe that nobody closes does not hold us.
#[must_use]
pub fn read(bytes_max: usize, wait_ms: u64) -> Input {
    let end = Instant::now() + Duration::from_millis(wait_ms);
    let mut stdin = std::io::stdin().lock();
    let mut bytes = Vec::new();
    let mut chunk = vec![0; CHUNK_BYTES];
    loop {
        let left = end.saturating_duration_since(Instant::now());
        let wait = Timespec::try_from(left).ok();
        let source = rustix::stdio::stdin();
        let mut sources = [PollFd::new(&source, PollFlags::IN)];
        match poll(&mut sources, wait.as_ref()) {
            Ok(0) => return Input { bytes, is_cut: true },
            Err(rustix::io::Errno::INTR) => continue,
            // What can't be waited for can still be read.
            Ok(_) | Err(_) => {}
        }
        match stdin.read(&mut chunk) {
            Ok(0) => return Input { bytes, is_cut: false },
            Ok(read) => {
                bytes.extend_from_slice(&chunk[..read]);
                if read == CHUNK_BYTES {
                    chunk.resize(PIPE_BYTES, 0);
                }
            }
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(_) => return Input { bytes, is_cut: true },
        }
        if bytes.len() > bytes_max {
            bytes.truncate(bytes_max);
            return Input { bytes, is_cut: true };
        }
    }
}

/// Writes to standard output; whether all of it went.
#[must_use]
pub fn write(text: &str) -> bool {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).is_ok()
}

/// Whether a person can be asked.
#[must_use]
pub fn is_terminal() -> bool {
    use std::io::IsTerminal as _;
    std::io::stdin().is_terminal()
}
