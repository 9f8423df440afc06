//! Which day it is for keys and for what gets old, where the clock may be wrong.
//!
//! A clock that was wrong for a moment (a battery that is empty, a time server that lied) must cost
//! nothing: no key, no knowledge. So the newest epoch is the calendar that data grow old by, and it follows
//! the clock only as far as that is believed: two days beyond what was sealed last, or further once
//! something was sealed there on an earlier day as well. A clock that is not believed, or that stands
//! behind the newest epoch, still moves the calendar on by one for each day on which the newest key was used.

use std::collections::BTreeSet;

use crate::crypto::ring::Epoch;
use crate::model::limits;

/// The days on which what lies in the journals was sealed, as its sealers' clocks had it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sealed {
    pub days: BTreeSet<u32>,
    /// The first day on which the newest key was used.
    pub newest_since: Option<u32>,
}

/// What to make of the clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reading {
    /// The epoch to go on to, if there is one.
    pub next: Option<Epoch>,
    /// Whether the clock shows a day that can be.
    pub is_believed: bool,
}

/// Reads the clock: it shows `today`, and `newest` is the ring's newest epoch.
#[must_use]
pub fn read(today: Epoch, newest: Epoch, sealed: &Sealed) -> Reading {
    let Epoch(today) = today;
    let Epoch(newest) = newest;
    let near = |day: u32| day.saturating_add(limits::CLOCK_JUMP_DAYS_MAX);
    // As far as what was sealed leads from day to day.
    let reached = sealed
        .days
        .iter()
        .fold(newest, |reached, day| if *day <= near(reached) { reached.max(*day) } else { reached });
    let was_there = |day: &u32| *day > near(reached) && *day < today;
    let is_believed = today <= near(reached) || sealed.days.iter().any(was_there);
    if is_believed && today > newest {
        return Reading { next: Some(Epoch(today)), is_believed };
    }
    let is_far = today > newest || near(today) < newest;
    let was_used = sealed.newest_since.is_some_and(|day| day < today);
    let next = (is_far && was_used).then(|| Epoch(newest.saturating_add(1)));
    Reading { next, is_believed }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(today: u32, newest: u32, days: &[u32], newest_since: Option<u32>) -> (Option<u32>, bool) {
        let sealed = Sealed { days: days.iter().copied().collect(), newest_since };
        let Reading { next, is_believed } = read(Epoch(today), Epoch(newest), &sealed);
        (next.map(|epoch| epoch.0), is_believed)
    }

    #[test]
    fn a_day_goes_by() {
        assert_eq!(reading(100, 100, &[100], Some(100)), (None, true));
        assert_eq!(reading(101, 100, &[100], Some(100)), (Some(101), true));
        assert_eq!(reading(102, 100, &[], None), (Some(102), true));
        // Upkeep was late, and hooks went on under the old key.
        assert_eq!(reading(106, 100, &[101, 103, 104], Some(100)), (Some(106), true));
    }

    #[test]
    fn a_jump_is_believed_on_the_second_day() {
        assert_eq!(reading(465, 100, &[99, 100], Some(100)), (Some(101), false));
        assert_eq!(reading(465, 101, &[100, 465], Some(465)), (None, false));
        assert_eq!(reading(466, 101, &[100, 465], Some(465)), (Some(466), true));
        assert_eq!(reading(472, 101, &[100, 465], Some(465)), (Some(472), true), "a session a week");
        // It was wrong: nothing of it counts when it is right again.
        assert_eq!(reading(101, 101, &[100, 465], Some(101)), (None, true));
        assert_eq!(reading(102, 101, &[100, 101, 465], Some(101)), (Some(102), true));
    }

    #[test]
    fn keys_go_on_changing_where_the_calendar_is_ahead() {
        assert_eq!(reading(99, 100, &[99, 100], Some(99)), (None, true));
        assert_eq!(reading(98, 100, &[97, 98], Some(97)), (None, true), "it will be caught up with");
        assert_eq!(reading(100, 465, &[100], Some(100)), (None, true));
        assert_eq!(reading(101, 465, &[100, 101], Some(100)), (Some(466), true));
        assert_eq!(reading(0, 100, &[100], Some(100)), (None, true));
    }
}
