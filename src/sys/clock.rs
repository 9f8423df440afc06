//! The time, which tests can fix (`CS_NOW`, seconds since 1970, with debug assertions only).

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

/// A stopwatch for people's eyes; a fixed clock shows no time passing.
#[derive(Debug, Clone, Copy)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    /// Starts it.
    #[must_use]
    pub fn start() -> Self {
        Self(Instant::now())
    }

    /// Time since the start, in milliseconds.
    #[must_use]
    pub fn ms(self) -> u128 {
        let is_fixed = cfg!(debug_assertions) && super::env::var("CS_NOW").is_some();
        if is_fixed { 0 } else { self.0.elapsed().as_millis() }
    }
}

/// A stopwatch for measuring: real time, whatever a test says the clock is.
#[derive(Debug, Clone, Copy)]
pub struct Timer(Instant);

impl Timer {
    /// Starts it.
    #[must_use]
    pub fn start() -> Self {
        Self(Instant::now())
    }

    /// Time since the start, in microseconds.
    #[must_use]
    pub fn us(self) -> u64 {
        u64::try_from(self.0.elapsed().as_micros()).unwrap_or(u64::MAX)
    }
}

/// Waits; only for polling a lock.
pub fn pause_ms(ms: u64) {
    std::thread::sleep(Duration::from_millis(ms));
}
