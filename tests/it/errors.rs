//! Every mutating call fails instead of the process dying: with a full disk, without permission,
//! with a broken disk; once, or from then on.

use crate::crash::KILLED;
use crate::sandbox::Ran;
use crate::scenarios::{
    APPLY, Bench, FIRST, PURGE, REMOVED_GO, ROLLBACK, Scenario, UNINSTALL, difference, stride,
};

/// How many runs ended how.
#[derive(Default)]
struct Tally {
    points: usize,
    refused: usize,
    stuck: usize,
    done: usize,
    warned: usize,
}

/// How many mutating calls an operation makes.
fn calls(bench: &Bench) -> usize {
    let is_killed = |n: usize| {
        bench.sandbox.fresh("ready");
        bench.run(&[("CS_FAULT", &format!("kill:{n}"))]).code == KILLED
    };
    let mut beyond = 1;
    while is_killed(beyond) {
        beyond *= 2;
    }
    let mut last = beyond / 2;
    while beyond - last > 1 {
        let middle = usize::midpoint(last, beyond);
        if is_killed(middle) { last = middle } else { beyond = middle }
    }
    last
}

/// A person can see what failed, where, and what to do.
fn check_words(what: &str, ran: &Ran) {
    let text = &ran.err;
    assert!(!text.contains("panicked") && ran.code != 101, "{what}: {ran}");
    assert!(text.starts_with("error: ") || text.contains("\nerror: "), "{what}: {ran}");
    assert!(text.contains(".claude"), "{what} names no path: {ran}");
    let next = ["try again", "cs recover", "whether you may write", "dmesg"];
    assert!(next.iter().any(|next| text.contains(next)), "{what} says nothing to do: {ran}");
}

/// One fault at one call.
fn point(bench: &Bench, fault: &str, tally: &mut Tally) {
    bench.sandbox.fresh("ready");
    let what = format!("{} with {fault}", bench.scenario.name);
    let ran = bench.run(&[("CS_FAULT", fault)]);
    let is_pending = bench.sandbox.root().join("claude-sync/pending").exists();
    bench.check_hooks(&what);
    tally.points += 1;
    match ran.code {
        0 => {
            tally.done += 1;
            tally.warned += usize::from(ran.err.contains("warning: "));
            let is_whole = !is_pending && bench.sandbox.tree() == bench.new;
            assert!(is_whole || ran.err.contains("warning: "), "{what}: unfinished, and not a word: {ran}");
        }
        1 => {
            tally.refused += 1;
            check_words(&what, &ran);
            assert!(!is_pending, "{what}: not stuck, but pending: {ran}");
            let is_ready = |line: &String| line.starts_with(".settings.json.cs-swap");
            let mut tree = bench.sandbox.tree();
            // A disk that takes no writes at all lets nobody tidy up.
            tree.retain(|line| !(fault.starts_with("error") && is_ready(line)));
            assert!(tree == bench.old, "{what}: {}", difference(&bench.old, &bench.new, &tree));
        }
        5 => {
            tally.stuck += 1;
            check_words(&what, &ran);
        }
        other => panic!("{what}: {other}: {ran}"),
    }
    let recovered = bench.cs(&["recover"], &[]);
    let is_new = bench.check_recovered(&what, &recovered);
    assert_eq!(is_new, ran.code == 0, "{what}: {ran}\nand then {recovered}");
    bench.check_again(&what);
}

/// Every call of a scenario, with every error.
fn fail(scenario: Scenario, step: usize) {
    let bench = Bench::new(scenario, Some("none"));
    let mut tally = Tally::default();
    let calls = calls(&bench);
    for (offset, error) in ["ENOSPC", "EACCES", "EIO"].into_iter().enumerate() {
        for n in (1 + offset..=calls).step_by(stride(step)) {
            point(&bench, &format!("error:{error}:{n}"), &mut tally);
            point(&bench, &format!("once:{error}:{n}"), &mut tally);
        }
    }
    let Tally { points, refused, stuck, done, warned } = tally;
    println!(
        "{}: {points} faults at {calls} calls: {refused} refused, {stuck} stuck, {done} done ({warned} warned), 0 others",
        scenario.name
    );
}

#[test]
fn an_apply_that_fails_anywhere_says_so_and_changes_nothing() {
    fail(APPLY, 9);
}

#[test]
fn a_first_apply_that_fails_anywhere_says_so_and_changes_nothing() {
    fail(FIRST, 9);
}

#[test]
fn a_rollback_that_fails_anywhere_says_so_and_changes_nothing() {
    fail(ROLLBACK, 9);
}

#[test]
fn an_uninstall_that_fails_anywhere_says_so_and_changes_nothing() {
    fail(UNINSTALL, 6);
    fail(REMOVED_GO, 3);
}

/// A purge that fails can be run again, and then finishes.
#[test]
fn a_purge_that_fails_anywhere_can_be_finished() {
    let bench = Bench::new(PURGE, Some("none"));
    let (calls, mut points) = (calls(&bench), 0);
    for n in (1..=calls).step_by(stride(7)) {
        for fault in [format!("error:EIO:{n}"), format!("once:ENOSPC:{n}")] {
            bench.sandbox.fresh("ready");
            let what = format!("purge with {fault}");
            let ran = bench.run(&[("CS_FAULT", &fault)]);
            match ran.code {
                0 => {}
                1 | 5 => check_words(&what, &ran),
                _ => panic!("{what}: {ran}"),
            }
            bench.check_hooks(&what);
            bench.run(&[]).ok();
            assert_eq!(bench.sandbox.tree(), bench.new, "{what}: {ran}");
            assert!(!bench.sandbox.root().join("claude-sync").exists(), "{what}");
            points += 1;
        }
    }
    println!("uninstall --purge: {points} faults at {calls} calls, all finished");
}

/// A recovery that fails can be tried again, and says so.
#[test]
fn a_recovery_that_fails_anywhere_is_recovered() {
    let (mut points, mut failed) = (0, 0);
    for (scenario, step) in [(APPLY, 9), (UNINSTALL, 8)] {
        let bench = Bench::new(scenario, Some("none"));
        for n in (1..).step_by(step * stride(3)) {
            if !bench.die(n) {
                break;
            }
            bench.sandbox.keep("dead");
            for m in (1..40).step_by(stride(5)) {
                for fault in [format!("error:EIO:{m}"), format!("once:ENOSPC:{m}")] {
                    bench.sandbox.fresh("dead");
                    let what = format!("{} killed at {n}, recovery with {fault}", scenario.name);
                    let ran = bench.cs(&["recover"], &[("CS_FAULT", &fault)]);
                    bench.check_hooks(&what);
                    if ran.code != 0 {
                        check_words(&what, &ran);
                        failed += 1;
                    }
                    let recovered = bench.cs(&["recover"], &[]);
                    bench.check_recovered(&what, &recovered);
                    points += 1;
                }
            }
        }
    }
    println!("recovery: {points} faults, {failed} failed, 0 others");
}
