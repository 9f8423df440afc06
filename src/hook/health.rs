//! How long the hooks took, and what follows from it: the ring of durations, its figures, the breaker.
//!
//! It is their own time, from when the client has written what it had to write. Of a run that took longer than half of
//! its budget the time is taken off in which it waited for a processor: others' work is no reason for a hook to rest.
//!
//! Durations are no learning data: they are plain. An entry is 8 bytes, written by one appending
//! call, so that any number of hooks can write at once without a lock:
//!
//! ```text
//! seconds since 1970 (4 bytes, little endian) · microseconds (3 bytes) · check (1 byte)
//! ```
//!
//! The check tells where an entry begins after one that was cut off by a full disk.

/// Runs that are kept of each hook.
pub const RUNS_KEPT: usize = 1_000;

/// A file of twice as many is cut back to [`RUNS_KEPT`].
pub const RUNS_MAX: usize = 2 * RUNS_KEPT;

/// Bytes of one entry.
pub const ENTRY_BYTES: usize = 8;

/// Runs that the breaker looks at.
pub const RUNS_RECENT: usize = 10;

/// After one late run the learned part is skipped this long …
const LATE_S: u64 = 60;

/// … and this long when late is what the recent ones are on the whole.
const DEGRADED_S: u64 = 300;

const DAY_S: u64 = 86_400;

/// One run of a hook.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Run {
    /// When, in seconds since 1970.
    pub at: u64,
    /// How long, in microseconds; at most 16.7 s.
    pub us: u32,
}

const US_MAX: u32 = (1 << 24) - 1;

impl Run {
    /// The entry's bytes.
    #[must_use]
    pub fn encode(self) -> [u8; ENTRY_BYTES] {
        let at = u32::try_from(self.at).unwrap_or(u32::MAX).to_le_bytes();
        let us = self.us.min(US_MAX).to_le_bytes();
        let bytes = [at[0], at[1], at[2], at[3], us[0], us[1], us[2], 0];
        let mut entry = bytes;
        entry[7] = check(&bytes);
        entry
    }
}

fn check(entry: &[u8]) -> u8 {
    entry[..ENTRY_BYTES - 1].iter().fold(0xA5, |sum, byte| sum.rotate_left(1) ^ byte)
}

fn is_entry(bytes: &[u8]) -> bool {
    bytes.len() >= ENTRY_BYTES && check(bytes) == bytes[ENTRY_BYTES - 1]
}

/// The runs in a file's bytes, oldest first; what is no entry is stepped over. A check alone is right by
/// chance once in 256 times, and a run that never was could open the breaker: so what follows an entry must
/// be one, too, or the end.
#[must_use]
pub fn decode(mut bytes: &[u8]) -> Vec<Run> {
    let mut runs = Vec::with_capacity(bytes.len() / ENTRY_BYTES);
    while let Some(entry) = bytes.get(..ENTRY_BYTES) {
        let rest = &bytes[ENTRY_BYTES..];
        if is_entry(entry) && (rest.is_empty() || is_entry(rest)) {
            let at = u32::from_le_bytes([entry[0], entry[1], entry[2], entry[3]]);
            runs.push(Run { at: at.into(), us: u32::from_le_bytes([entry[4], entry[5], entry[6], 0]) });
            bytes = rest;
        } else {
            bytes = &bytes[1..];
        }
    }
    runs
}

/// How a hook has been doing lately.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    Good,
    /// One of the recent runs was over its target.
    Late,
    /// Their mean is over 80 % of it.
    Degraded,
}

/// Looks at the last runs.
#[must_use]
pub fn health(runs: &[Run], target_us: u32) -> Health {
    let recent = recent(runs);
    let total: u64 = recent.iter().map(|run| u64::from(run.us)).sum();
    let count = recent.len() as u64;
    // One slow run alone is late, not a trend.
    if count >= 3 && total * 10 > u64::from(target_us) * 8 * count {
        return Health::Degraded;
    }
    if recent.iter().any(|run| run.us > target_us) { Health::Late } else { Health::Good }
}

/// The last runs, which the breaker looks at.
#[must_use]
pub fn recent(runs: &[Run]) -> &[Run] {
    &runs[runs.len().saturating_sub(RUNS_RECENT)..]
}

/// Whether the learned part is skipped now: for a while after runs that were late. It closes by
/// itself, since the runs that skip it are fast.
#[must_use]
pub fn is_open(runs: &[Run], target_us: u32, now: u64) -> bool {
    rests_s(runs, target_us, now) > 0
}

/// For how many seconds from now the learned part is skipped; 0 when it isn't.
#[must_use]
pub fn rests_s(runs: &[Run], target_us: u32, now: u64) -> u64 {
    // What looks like an entry and is none has any time; what is long ago opens nothing.
    let is_of_late = |run: &&Run| now.abs_diff(run.at) < DAY_S;
    let recent: Vec<Run> = recent(runs).iter().filter(is_of_late).copied().collect();
    let since = |run: &Run| now.abs_diff(run.at);
    let (since, rest_s) = match health(&recent, target_us) {
        Health::Good => return 0,
        Health::Late => (recent.iter().rev().find(|run| run.us > target_us).map(since), LATE_S),
        Health::Degraded => (recent.last().map(since), DEGRADED_S),
    };
    rest_s.saturating_sub(since.unwrap_or(u64::MAX))
}

/// The value below which `percent` of the runs are, in microseconds (nearest rank); 0 for none.
#[must_use]
pub fn percentile_us(sorted_us: &[u32], percent: usize) -> u32 {
    let rank = (sorted_us.len() * percent).div_ceil(100).max(1);
    sorted_us.get(rank - 1).copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn runs(us: &[u32]) -> Vec<Run> {
        us.iter().map(|us| Run { at: 1_000, us: *us }).collect()
    }

    #[test]
    fn one_late_run_and_a_slow_mean_are_told_apart() {
        let target = 10_000;
        assert_eq!(health(&[], target), Health::Good);
        assert_eq!(health(&runs(&[1_000; 20]), target), Health::Good);
        assert_eq!(health(&runs(&[1_000, 1_000, 1_000, 10_001]), target), Health::Late);
        assert_eq!(health(&runs(&[8_001; 10]), target), Health::Degraded);
        assert_eq!(health(&runs(&[8_000; 10]), target), Health::Good);
        let mut recovered = runs(&[50_000; 10]);
        recovered.extend(runs(&[1_000; 10]));
        assert_eq!(health(&recovered, target), Health::Good, "only the last ten count");
    }

    #[test]
    fn the_breaker_opens_and_closes_again() {
        let late = runs(&[1_000, 20_000, 1_000]);
        assert!(is_open(&late, 15_000, 1_059) && !is_open(&late, 15_000, 1_060));
        let degraded = runs(&[20_000; 10]);
        assert!(is_open(&degraded, 10_000, 1_299) && !is_open(&degraded, 10_000, 1_300));
        assert!(!is_open(&degraded, 10_000, 900_000), "a clock that jumped does not keep it open");
    }

    #[test]
    fn percentiles_are_of_the_nearest_rank() {
        let sorted: Vec<u32> = (1..=100).collect();
        assert_eq!([50, 95, 99].map(|percent| percentile_us(&sorted, percent)), [50, 95, 99]);
        assert_eq!((percentile_us(&[7], 50), percentile_us(&[], 50)), (7, 0));
    }

    /// Hooks that die while they write leave parts of entries, and around them others begin anywhere.
    #[test]
    fn an_entry_that_was_cut_opens_no_breaker() {
        let (mut opened, mut tries) = (0, 0);
        for start in (1_767_225_600..1_767_225_600 + 86_400 * 20).step_by(17_183) {
            for cut in 1..ENTRY_BYTES {
                for place in 0..12 {
                    let entries =
                        (0..12).map(|number| (number, Run { at: start + number * 60, us: 0 }.encode()));
                    let bytes: Vec<u8> = entries
                        .flat_map(|(number, entry)| entry[..if number == place { cut } else { 8 }].to_vec())
                        .collect();
                    let tail = &bytes[bytes.len() - RUNS_RECENT * ENTRY_BYTES..];
                    opened += usize::from(is_open(&decode(tail), 50_000, start + 12 * 60));
                    tries += 1;
                }
            }
        }
        assert!(tries > 5_000 && opened == 0, "{opened} of {tries}");
    }

    proptest! {
        #[test]
        fn entries_come_back_also_behind_one_that_was_cut(entries in proptest::collection::vec((any::<u32>(), 0..=US_MAX), 0..20), cut in 0..ENTRY_BYTES) {
            let runs: Vec<Run> = entries.iter().map(|(at, us)| Run { at: (*at).into(), us: *us }).collect();
            let bytes: Vec<u8> = runs.iter().flat_map(|run| run.encode()).collect();
            prop_assert_eq!(decode(&bytes), runs.clone());
            let mut torn = Run { at: 1, us: 1 }.encode()[..cut].to_vec();
            torn.extend(&bytes);
            // What is cut can look like an entry once in 256 times; what follows is found all the same.
            prop_assert!(decode(&torn).len() + 1 >= runs.len());
        }
    }
}
