//! What a program says, read so that nobody can keep us waiting: a pipe ends when the last one lets go of it, and that may
//! be somebody whom the program started and left behind.

use std::collections::VecDeque;
use std::io::Read;
use std::process::ChildStdout;
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};

/// So long something may still come of a program that has ended, or was ended.
const GRACE: Duration = Duration::from_millis(500);
/// How often it is looked whether it has.
const LOOK: Timespec = Timespec { tv_sec: 0, tv_nsec: 20_000_000 };

/// What a program prints, until it lets go of it, has ended, or its time is over.
#[derive(Debug)]
pub struct Heard {
    pipe: ChildStdout,
    child: Option<Pid>,
    /// When its time is over, if that is limited.
    end: Option<Instant>,
    /// When it was seen that it has ended.
    ended: Option<Instant>,
}

impl Heard {
    /// Of the child of that number, which may have `limit_ms` from now on and no more.
    pub(super) fn new(pipe: ChildStdout, child: u32, limit_ms: Option<u64>) -> Self {
        let end = limit_ms.map(|limit_ms| Instant::now() + Duration::from_millis(limit_ms) + GRACE);
        Self { pipe, child: Pid::from_raw(child.cast_signed()), end, ended: None }
    }

    fn is_late(&self) -> bool {
        self.end.is_some_and(|end| Instant::now() >= end)
    }

    /// Nothing is there just now: whether nothing is to come.
    fn is_over(&mut self) -> bool {
        if self.ended.is_none() && self.child.is_none_or(has_ended) {
            self.ended = Some(Instant::now());
        }
        self.ended.is_some_and(|ended| ended.elapsed() >= GRACE)
    }
}

impl Read for Heard {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        while !self.is_late() {
            match poll(&mut [PollFd::new(&self.pipe, PollFlags::IN)], Some(&LOOK)) {
                Ok(0) if self.is_over() => break,
                Ok(0) | Err(rustix::io::Errno::INTR) => {}
                // What can't be waited for can still be read.
                Ok(_) | Err(_) => return self.pipe.read(buffer),
            }
        }
        Ok(0)
    }
}

/// Whether a child has ended; it can still be waited for.
fn has_ended(child: Pid) -> bool {
    let looked =
        waitid(WaitId::Pid(child), WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT);
    !matches!(looked, Ok(None) | Err(rustix::io::Errno::INTR))
}

/// What a program complains of: of much, the beginning and the end.
#[derive(Debug)]
pub(super) struct Complaint {
    ends: Arc<Mutex<Ends>>,
    /// Nobody says anything there: it is closed when there is no more.
    over: Receiver<()>,
}

impl Complaint {
    pub(super) fn new(mut pipe: impl Read + Send + 'static) -> Self {
        let ends = Arc::<Mutex<Ends>>::default();
        let (open, over) = channel();
        let kept = Arc::clone(&ends);
        // To its end, since it must not stand still for want of a reader. Whoever holds the other end may never let go of
        // it: the thread ends with us then.
        std::thread::spawn(move || {
            let mut piece = vec![0; 8 << 10];
            loop {
                match pipe.read(&mut piece) {
                    Ok(0) => break,
                    Ok(read) => kept.lock().unwrap_or_else(PoisonError::into_inner).keep(&piece[..read]),
                    Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                    Err(_) => break,
                }
            }
            drop(open);
        });
        Self { ends, over }
    }

    /// As much as has come, and comes within a moment.
    pub(super) fn text(&self) -> String {
        let _ = self.over.recv_timeout(GRACE);
        self.ends.lock().unwrap_or_else(PoisonError::into_inner).text()
    }
}

#[derive(Debug, Default)]
struct Ends {
    first: Vec<u8>,
    last: VecDeque<u8>,
    /// Something between them was thrown away.
    is_cut: bool,
}

impl Ends {
    /// More than this of either nobody reads.
    const BYTES_MAX: usize = 2 << 10;

    fn keep(&mut self, bytes: &[u8]) {
        let (first, rest) = bytes.split_at(bytes.len().min(Self::BYTES_MAX - self.first.len()));
        self.first.extend(first);
        self.last.extend(rest);
        let more = self.last.len().saturating_sub(Self::BYTES_MAX);
        self.is_cut |= more > 0;
        self.last.drain(..more);
    }

    fn text(&self) -> String {
        let last: Vec<u8> = self.last.iter().copied().collect();
        let between: &[u8] = if self.is_cut { "\n…\n".as_bytes() } else { b"" };
        String::from_utf8_lossy(&[&self.first, between, &last].concat()).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_much_the_beginning_and_the_end_are_kept() {
        let text = |pieces: &[&[u8]]| {
            let mut ends = Ends::default();
            pieces.iter().for_each(|piece| ends.keep(piece));
            ends.text()
        };
        assert_eq!(text(&[b"", b"ab", b"c"]), "abc");
        let half = vec![b'x'; 2 << 10];
        assert_eq!(text(&[b"a", &half, b"b"]), format!("a{}b", "x".repeat(2 << 10)));
        let much = text(&[b"first ", &vec![b'x'; 3 << 20], b" last"]);
        assert!(much.starts_with("first x") && much.ends_with("x last") && much.contains("x\n…\nx"));
        assert!(much.len() < (4 << 10) + 8, "{}", much.len());
    }
}
