//! The time, which tests can fix (`CS_NOW`, seconds since 1970, with debug assertions only).

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Seconds since 1970; 0 for a clock before that.
#[must_use]
pub fn now() -> u64 {
    let fixed = || super::env::var("CS_NOW").and_then(|text| text.parse().ok());
    if let Some(fixed) = cfg!(debug_assertions).then(fixed).flatten() {
        return fixed;
    }
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// A stopwatch; a fixed clock shows no time passing.
#[derive(Debug, Clone, Copy)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    /// Starts it.
    #[must_use]
    pub fn start() -> Self {
        Self(Instant::now())
    }

    /// Time since the start, in microseconds.
    #[must_use]
    pub fn us(self) -> u128 {
        if is_fixed() { 0 } else { self.0.elapsed().as_micros() }
    }

    /// Time since the start, in milliseconds.
    #[must_use]
    pub fn ms(self) -> u128 {
        self.us() / 1_000
    }
}

/// How long this process's first thread has been ready to run and was not let, in microseconds, since it began;
/// 0 where the kernel doesn't say, and with a fixed clock.
#[must_use]
pub fn waited_us() -> u128 {
    // Linux: "time on the processor, time waiting for one (both in nanoseconds), turns".
    let told = || super::fs::read(std::path::Path::new("/proc/self/schedstat"), 256).ok();
    let waited = |text: Vec<u8>| String::from_utf8(text).ok()?.split(' ').nth(1)?.parse::<u128>().ok();
    if is_fixed() { 0 } else { told().and_then(waited).unwrap_or(0) / 1_000 }
}

fn is_fixed() -> bool {
    cfg!(debug_assertions) && super::env::var("CS_NOW").is_some()
}

/// As much stack as a program's first thread has.
const STACK_BYTES: usize = 8 << 20;

/// Does `work`, but for at most `ms` (as long as it takes where the clock is fixed): `None` when that was
/// not enough, or when it panicked. Work that takes too long goes on until the process ends.
pub fn within<T: Send + 'static>(ms: u64, work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    let limit = if is_fixed() { Duration::MAX } else { Duration::from_millis(ms) };
    let (result, done) = mpsc::sync_channel(1);
    let run = move || drop(result.send(work()));
    std::thread::Builder::new().stack_size(STACK_BYTES).spawn(run).ok()?;
    done.recv_timeout(limit).ok()
}

/// Does `work` on this thread: `None` when that has less stack than [`within`] would give, or when it
/// panicked or came to nothing. For what is known to be small: to make another thread and to be woken
/// by it takes longer than such work does, and far longer on a busy machine.
pub fn at_once<T>(work: impl FnOnce() -> Option<T>) -> Option<T> {
    let has_stack = super::process::stack_bytes().is_none_or(|bytes| bytes >= STACK_BYTES as u64);
    has_stack.then(|| catch_unwind(AssertUnwindSafe(work)).ok().flatten()).flatten()
}

/// Waits; only for polling a lock.
pub fn pause_ms(ms: u64) {
    std::thread::sleep(Duration::from_millis(ms));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_is_done_or_given_up() {
        assert_eq!(within(60_000, || 5), Some(5));
        assert_eq!(within(60_000, || -> u8 { panic!("as it should") }), None);
        assert_eq!(at_once(|| Some(5)), Some(5));
        assert_eq!(at_once(|| -> Option<u8> { panic!("as it should") }), None);
        // It waits for what never comes: no time is enough, so none is given.
        let (sender, never) = mpsc::channel::<()>();
        assert_eq!(within(0, move || never.recv().is_ok()), None);
        drop(sender);
    }
}
