//! How much a field says about how commands end, and how likely it is that chance alone would say as much.

/// Classes that a share is about.
pub type Classes<const N: usize> = [u32; N];

/// The information gain in bits: how much less uncertain the class of a command is, once it is told on which side
/// it stands (C. E. Shannon, 1948: the mutual information of side and class). Never below zero.
#[must_use]
pub fn gain<const N: usize>(with: &Classes<N>, rest: &Classes<N>) -> f64 {
    let mut both = *with;
    both.iter_mut().zip(rest).for_each(|(sum, own)| *sum += own);
    let all = total(&both);
    if all == 0.0 {
        return 0.0;
    }
    let conditional = (total(with) * entropy(with) + total(rest) * entropy(rest)) / all;
    (entropy(&both) - conditional).max(0.0)
}

fn total(classes: &[u32]) -> f64 {
    classes.iter().copied().map(f64::from).sum()
}

fn entropy(classes: &[u32]) -> f64 {
    let all = total(classes);
    let of = |share: f64| if share > 0.0 { -share * share.log2() } else { 0.0 };
    classes.iter().map(|count| of(f64::from(*count) / all.max(1.0))).sum()
}

/// How likely it is that of `all` commands, `marked` of them marked, `drawn` drawn blindly would differ from the
/// others at least as much, in whichever direction, as ones of which `hit` are marked.
///
/// Fisher's exact test (R. A. Fisher, *Statistical Methods for Research Workers*, 5th ed. 1934, § 21.02): the
/// number of marked among the drawn is hypergeometric, P(x) = C(marked, x) · C(all − marked, drawn − x) / C(all,
/// drawn); the tail from `hit` on, doubled for both directions. Unlike the G-test's chi-square, to which
/// 2 · N · ln 2 · gain tends, it holds for few commands and rare failures too: a test at 10⁻⁸ lives far out in
/// the tail, where an approximation is worst.
#[must_use]
pub fn fisher(hit: u32, drawn: u32, marked: u32, all: u32) -> f64 {
    let (drawn, marked) = (drawn.min(all), marked.min(all));
    let hit = hit.max((drawn + marked).saturating_sub(all)).min(drawn).min(marked);
    let float = f64::from;
    let is_above = float(hit) * float(all) >= float(drawn) * float(marked);
    // Few marked is many unmarked.
    let (hit, marked) = if is_above { (hit, marked) } else { (drawn - hit, all - marked) };
    let unmarked = all - marked;
    let mut left = unmarked.saturating_sub(drawn - hit);
    let ln = ln_choose(marked, hit) + ln_choose(unmarked, drawn - hit) - ln_choose(all, drawn);
    let (mut term, mut sum) = (ln.exp(), 0.0);
    for at in hit..=marked.min(drawn) {
        sum += term;
        if term < sum * 1e-17 {
            break;
        }
        left += 1;
        term *= float(marked - at) * float(drawn - at) / (float(at + 1) * float(left));
    }
    (2.0 * sum).min(1.0)
}

fn ln_choose(of: u32, take: u32) -> f64 {
    ln_factorial(of) - ln_factorial(take) - ln_factorial(of - take)
}

/// ln n!, by Stirling's series from 16 on: three terms are right to 10⁻¹¹ there.
fn ln_factorial(number: u32) -> f64 {
    if number < 16 {
        return (2..=number).map(|factor| f64::from(factor).ln()).sum();
    }
    let x = f64::from(number);
    let series = 1.0 / (12.0 * x) - 1.0 / (360.0 * x.powi(3)) + 1.0 / (1260.0 * x.powi(5));
    (x + 0.5) * x.ln() - x + 0.5 * (2.0 * std::f64::consts::PI).ln() + series
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn near(one: f64, other: f64) -> bool {
        (one - other).abs() <= 1e-9 * one.abs().max(other.abs()).max(1e-300)
    }

    #[test]
    fn gains_are_what_they_are_known_to_be() {
        assert!(near(gain(&[5, 0], &[0, 5]), 1.0));
        assert!(near(gain(&[3, 1, 4], &[6, 2, 8]) + 1.0, 1.0));
        assert!(near(gain(&[0, 0], &[0, 0]) + 1.0, 1.0));
        // 31 % of 100 fail, 4 % of 100 others.
        assert!((gain(&[31, 69], &[4, 96]) - 0.1012).abs() < 1e-3);
    }

    #[test]
    fn the_lady_tasting_tea() {
        // Fisher's own: four of four cups right, 1 in 70; doubled.
        assert!(near(fisher(4, 4, 4, 8), 2.0 / 70.0));
        assert!(near(fisher(0, 4, 4, 8), 2.0 / 70.0));
        assert!(near(fisher(2, 4, 4, 8), 1.0));
        assert!(near(fisher(0, 0, 0, 0), 1.0));
        // scipy.stats.hypergeom.sf(30, 200, 35, 100) * 2
        assert!(fisher(31, 100, 35, 200) < 1e-6);
    }

    #[test]
    fn factorials_meet() {
        for number in 14..200_u32 {
            let sum: f64 = (2..=number).map(|factor| f64::from(factor).ln()).sum();
            assert!((ln_factorial(number) - sum).abs() < 1e-9, "{number}");
        }
    }

    proptest! {
        /// By the definition: every table of these margins that lies as far out, or further, on the same side.
        #[test]
        fn tails_are_sums(all in 1..40_u32, marked in 0..40_u32, drawn in 0..40_u32, hit in 0..40_u32) {
            let (marked, drawn) = (marked.min(all), drawn.min(all));
            let (low, high) = ((drawn + marked).saturating_sub(all), drawn.min(marked));
            let hit = hit.clamp(low, high);
            let choose = |of: u32, take: u32| (0..take).fold(1.0, |product, at| product * f64::from(of - at) / f64::from(at + 1));
            let p = |x: u32| choose(marked, x) * choose(all - marked, drawn - x) / choose(all, drawn);
            let is_above = u64::from(hit) * u64::from(all) >= u64::from(drawn) * u64::from(marked);
            let tail: f64 = if is_above { (hit..=high).map(p).sum() } else { (low..=hit).map(p).sum() };
            prop_assert!((fisher(hit, drawn, marked, all) - (2.0 * tail).min(1.0)).abs() < 1e-9);
        }
    }
}
