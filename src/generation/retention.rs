//! Which generations may go. Pure: takes the time, touches nothing.

use crate::model::Generation;

/// What retention looks at of one generation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Candidate {
    pub generation: Generation,
    /// Seconds since 1970.
    pub made_at: u64,
    pub pinned: bool,
}

/// What is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Policy {
    /// The newest so many stay.
    pub keep: Option<usize>,
    /// Those younger than this stay, in seconds.
    pub older_than_s: Option<u64>,
}

/// The generations that may go, oldest first. Never the current one, its parent, a pinned
/// one, or the highest number there is (numbers are never reused). With both limits set, a
/// generation has to be past both.
#[must_use]
pub fn prunable(
    all: &[Candidate],
    current: Option<Generation>,
    parent: Option<Generation>,
    policy: Policy,
    now: u64,
) -> Vec<Generation> {
    if policy == Policy::default() {
        return Vec::new();
    }
    let mut newest_first = all.to_vec();
    newest_first.sort_by_key(|candidate| std::cmp::Reverse(candidate.generation));
    let highest = newest_first.first().map(|candidate| candidate.generation);
    let is_held = |candidate: &Candidate| {
        let held = [current, parent, highest];
        candidate.pinned || held.contains(&Some(candidate.generation))
    };
    let is_old = |candidate: &Candidate| {
        policy.older_than_s.is_none_or(|limit| now.saturating_sub(candidate.made_at) > limit)
    };
    let surplus = newest_first.iter().skip(policy.keep.unwrap_or(0));
    let mut gone: Vec<_> =
        surplus.filter(|candidate| !is_held(candidate) && is_old(candidate)).map(|c| c.generation).collect();
    gone.reverse();
    gone
}

/// Reads `30d`, `12h`, `90m`, `45s` or `2w`, in seconds.
#[must_use]
pub fn parse_age(text: &str) -> Option<u64> {
    let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit())?);
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        "w" => 604_800,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn generation(number: u64) -> Generation {
        Generation::new(number).expect("not 0")
    }

    fn pruned(current: u64, pinned: &[u64], policy: Policy) -> Vec<u64> {
        let candidate = |number| Candidate {
            generation: generation(number),
            made_at: number * 100,
            pinned: pinned.contains(&number),
        };
        let all: Vec<_> = (1..=10).map(candidate).collect();
        let parent = generation(current - 1);
        let gone = prunable(&all, Some(generation(current)), Some(parent), policy, 1_000);
        gone.into_iter().map(Generation::get).collect()
    }

    #[test]
    fn the_newest_stay() {
        let keep = |n| Policy { keep: Some(n), older_than_s: None };
        assert_eq!(pruned(10, &[], keep(3)), [1, 2, 3, 4, 5, 6, 7]);
        assert_eq!(pruned(10, &[], keep(0)), [1, 2, 3, 4, 5, 6, 7, 8]);
        assert_eq!(pruned(10, &[], Policy::default()), [0; 0]);
    }

    #[test]
    fn current_parent_pinned_and_highest_stay() {
        let none = Policy { keep: Some(0), older_than_s: None };
        assert_eq!(pruned(5, &[2], none), [1, 3, 6, 7, 8, 9]);
    }

    #[test]
    fn both_limits_have_to_be_passed() {
        assert_eq!(pruned(10, &[], Policy { keep: Some(2), older_than_s: Some(650) }), [1, 2, 3]);
        assert_eq!(pruned(10, &[], Policy { keep: None, older_than_s: Some(650) }), [1, 2, 3]);
    }

    #[test]
    fn ages_are_read() {
        assert_eq!(parse_age("30d"), Some(2_592_000));
        assert_eq!(parse_age("12h"), Some(43_200));
        for bad in ["", "d", "30", "30x", "-1d", "3.5d", "99999999999999999999d"] {
            assert_eq!(parse_age(bad), None, "{bad}");
        }
    }
}
