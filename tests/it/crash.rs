//! Dying at every single mutating call, and what the next `cs` makes of it.

use std::fs;

use serde_json::{Value, json};

use crate::sandbox::Ran;
use crate::scenarios::{
    ADOPT, APPLY, Bench, COPIES, COPIES_GO, EDITED, EDITED_GO, FIRST, LET_GO, LINKED_AGAIN, PURGE,
    REMOVED_GO, ROLLBACK, SECRETS, SECRETS_BACK, Scenario, UNINSTALL, difference, stride,
};

/// SIGABRT.
pub const KILLED: i32 = 134;

/// How many points ended where.
#[derive(Default)]
struct Tally {
    points: usize,
    old: usize,
    new: usize,
}

impl Tally {
    fn count(&mut self, is_new: bool) {
        self.points += 1;
        *(if is_new { &mut self.new } else { &mut self.old }) += 1;
    }

    fn print(&self, what: &str) {
        let Self { points, old, new } = self;
        println!("{what}: {points} points, {old} old, {new} new, 0 others");
        assert!(*points > 0 && *old > 0, "{what}");
    }
}

fn kill(n: usize) -> String {
    format!("kill:{n}")
}

impl Bench {
    /// Dies at call `n` of the operation; `false` when there is no such call.
    pub fn die(&self, n: usize) -> bool {
        self.sandbox.fresh("ready");
        let ran = self.run(&[("CS_FAULT", &kill(n))]);
        if ran.code != KILLED {
            assert_eq!(ran.code, 0, "{ran}");
            return false;
        }
        self.check_hooks(&format!("{} killed at {n}", self.scenario.name));
        true
    }

    /// All that holds after a recovery; whether it led to the new state.
    pub fn check_recovered(&self, what: &str, recovered: &Ran) -> bool {
        assert_eq!(recovered.code, 0, "{what}: {recovered}");
        let is_new = self.side(what);
        self.check_tidy(what);
        self.check_hooks(what);
        let verified = self.sandbox.cs(&["verify"]);
        // Before the operation one hook is edited: that is drift, and no fault of the recovery.
        let is_drift =
            !is_new && ["outside cs", "edited in place"].iter().any(|words| verified.out.contains(words));
        assert!(verified.code == 0 || is_drift, "{what}: {verified}");
        is_new
    }

    /// The operation works again after a recovery.
    pub fn check_again(&self, what: &str) {
        let again = self.run(&[]);
        assert_eq!(again.code, 0, "{what}, once more: {again}");
        assert!(self.side(what), "{what}: once more came to nothing");
        self.check_tidy(what);
    }

    fn settings(&self) -> Value {
        let text = fs::read_to_string(self.sandbox.settings()).unwrap_or_else(|_| "{}".to_owned());
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
    }

    /// What the client does with what it has read: change, print anew, rename.
    fn rewrite(&self, n: usize, mut settings: Value) {
        settings["theirs"] = json!(n);
        let text = serde_json::to_string_pretty(&settings).expect("prints") + "\n";
        let temporary = self.sandbox.root().join("settings.json.tmp");
        fs::create_dir_all(self.sandbox.root()).expect("a root");
        fs::write(&temporary, text).expect("written");
        fs::rename(&temporary, self.sandbox.settings()).expect("renamed");
    }
}

/// Every point: die, recover, do it again.
fn crash(scenario: Scenario, durability: Option<&'static str>, step: usize) {
    let bench = Bench::new(scenario, durability);
    let mut tally = Tally::default();
    for n in (1..).step_by(stride(step)) {
        if !bench.die(n) {
            break;
        }
        let what = format!("{} killed at {n}", scenario.name);
        let recovered = bench.cs(&["recover"], &[]);
        tally.count(bench.check_recovered(&what, &recovered));
        bench.check_again(&what);
    }
    tally.print(&format!("{} ({})", scenario.name, durability.unwrap_or("fsync")));
}

/// When the client has read what it writes anew after the death.
#[derive(Clone, Copy, PartialEq)]
enum Read {
    /// Then.
    Fresh,
    /// Before the operation: it takes our entries out, or brings them back.
    Stale,
}

/// Every point: die, the client rewrites settings.json, recover, uninstall.
fn crash_and_rewrite(scenario: Scenario, read: Read, step: usize) {
    let bench = Bench::new(scenario, Some("none"));
    let new = bench.settings();
    bench.sandbox.fresh("ready");
    let old = bench.settings();
    let rest = |tree: &[String]| -> Vec<String> {
        tree.iter().filter(|line| !line.starts_with("settings.json ")).cloned().collect()
    };
    let mut tally = Tally::default();
    for n in (1..).step_by(stride(step)) {
        if !bench.die(n) {
            break;
        }
        let what = format!("{} killed at {n}, settings rewritten", scenario.name);
        let is_over = !bench.sandbox.root().join("claude-sync/pending").exists();
        if read == Read::Stale && is_over && bench.settings() == new {
            // No transaction is open any more: that would be drift.
            continue;
        }
        bench.rewrite(n, if read == Read::Fresh { bench.settings() } else { old.clone() });
        let recovered = bench.cs(&["recover"], &[]);
        assert_eq!(recovered.code, 0, "{what}: {recovered}");
        let (mut value, tree) = (bench.settings(), rest(&bench.sandbox.tree()));
        let theirs = value.as_object_mut().and_then(|object| object.shift_remove("theirs"));
        assert_eq!(theirs, Some(json!(n)), "{what}: their entry is gone");
        let is_new = tree == rest(&bench.new);
        assert!(
            is_new || tree == rest(&bench.old),
            "{what}: neither\n{}",
            difference(&rest(&bench.old), &rest(&bench.new), &tree)
        );
        assert_eq!(value, if is_new { new.clone() } else { old.clone() }, "{what} ({is_new})");
        bench.check_tidy(&what);
        tally.count(is_new);
        bench.cs(&["uninstall", "--yes"], &[]).ok();
        let mut wanted = bench.original.clone();
        wanted["theirs"] = json!(n);
        assert_eq!(bench.settings(), wanted, "{what}, uninstalled");
    }
    let read = if read == Read::Fresh { "client rewrites" } else { "client writes what it read before" };
    tally.print(&format!("{} ({read})", scenario.name));
}

#[test]
fn an_apply_killed_anywhere_happened_or_did_not() {
    crash(APPLY, None, 2);
}

#[test]
fn a_first_apply_killed_anywhere_happened_or_did_not() {
    crash(FIRST, Some("none"), 2);
}

#[test]
fn a_rollback_killed_anywhere_happened_or_did_not() {
    crash(ROLLBACK, Some("none"), 3);
}

#[test]
fn an_uninstall_killed_anywhere_happened_or_did_not() {
    crash(UNINSTALL, Some("none"), 2);
}

#[test]
fn an_adoption_killed_anywhere_happened_or_did_not() {
    crash(ADOPT, Some("none"), 2);
    crash(LET_GO, Some("none"), 2);
    crash(REMOVED_GO, Some("none"), 1);
}

#[test]
fn an_edit_that_is_declared_is_stored_or_not() {
    crash(EDITED, Some("none"), 1);
    crash(EDITED_GO, Some("none"), 1);
}

#[test]
fn links_that_become_copies_killed_anywhere_are_either() {
    crash(COPIES, Some("none"), 1);
    crash(LINKED_AGAIN, Some("none"), 1);
    crash(COPIES_GO, Some("none"), 1);
}

/// Wherever it dies: nothing below `claude-sync/` has a secret in it once the next `cs` has settled it.
#[test]
fn an_apply_with_secrets_killed_anywhere_happened_or_did_not_and_leaves_none() {
    crash(SECRETS, Some("none"), 1);
    crash(SECRETS_BACK, Some("none"), 1);
}

#[test]
fn an_apply_with_secrets_killed_anywhere_keeps_what_the_client_writes() {
    for scenario in [SECRETS, SECRETS_BACK] {
        crash_and_rewrite(scenario, Read::Fresh, 2);
        crash_and_rewrite(scenario, Read::Stale, 3);
    }
}

#[test]
fn an_apply_killed_anywhere_keeps_what_the_client_writes() {
    crash_and_rewrite(APPLY, Read::Fresh, 3);
}

#[test]
fn a_first_apply_killed_anywhere_keeps_what_the_client_writes() {
    crash_and_rewrite(FIRST, Read::Fresh, 3);
}

#[test]
fn a_rollback_killed_anywhere_keeps_what_the_client_writes() {
    crash_and_rewrite(ROLLBACK, Read::Fresh, 3);
}

#[test]
fn an_uninstall_killed_anywhere_keeps_what_the_client_writes() {
    crash_and_rewrite(UNINSTALL, Read::Fresh, 3);
}

#[test]
fn a_stale_client_cannot_undo_half_of_it() {
    for scenario in [APPLY, FIRST, ROLLBACK, UNINSTALL] {
        crash_and_rewrite(scenario, Read::Stale, 5);
    }
}

/// Without exchange the displaced things and the documents go another way.
#[test]
fn where_names_cannot_be_exchanged_a_kill_is_as_harmless() {
    const FALLBACK: (&str, &str) = ("CS_NO_EXCHANGE", "1");
    for scenario in [APPLY, ROLLBACK, UNINSTALL] {
        let bench = Bench::new(scenario, Some("none"));
        let mut tally = Tally::default();
        for n in (1..).step_by(stride(5)) {
            bench.sandbox.fresh("ready");
            if bench.run(&[("CS_FAULT", &kill(n)), FALLBACK]).code != KILLED {
                break;
            }
            let what = format!("{} without exchange killed at {n}", scenario.name);
            bench.check_hooks(&what);
            let recovered = bench.cs(&["recover"], &[FALLBACK]);
            tally.count(bench.check_recovered(&what, &recovered));
            bench.check_again(&what);
        }
        tally.print(&format!("{} (no exchange)", scenario.name));
    }
}

/// The recovery dies too, at every point of its own; then it is recovered in full.
#[test]
fn a_recovery_killed_anywhere_is_recovered() {
    for (scenario, step) in [(APPLY, 7), (UNINSTALL, 11)] {
        let bench = Bench::new(scenario, Some("none"));
        let mut tally = Tally::default();
        let mut n = 1;
        while bench.die(n) {
            bench.sandbox.keep("dead");
            for m in (1..).step_by(stride(4)) {
                let what = format!("{} killed at {n}, recovery at {m}", scenario.name);
                let ran = bench.cs(&["recover"], &[("CS_FAULT", &kill(m))]);
                bench.check_hooks(&what);
                if ran.code != KILLED {
                    break;
                }
                let recovered = bench.cs(&["recover"], &[]);
                tally.count(bench.check_recovered(&what, &recovered));
                bench.sandbox.fresh("dead");
            }
            n += step * stride(3);
        }
        tally.print(&format!("{}, recovery killed", scenario.name));
    }
}

/// A purge is undone before it commits; afterwards the same command finishes it.
#[test]
fn a_purge_killed_anywhere_can_be_finished() {
    let bench = Bench::new(PURGE, Some("none"));
    let mut tally = Tally::default();
    let users = |tree: Vec<String>| -> Vec<String> {
        let ours = |line: &String| line.starts_with(".claude-sync-gone") || line.starts_with("learning");
        tree.into_iter().filter(|line| !ours(line)).collect()
    };
    let (old, new) = (users(bench.old.clone()), users(bench.new.clone()));
    for n in (1..).step_by(stride(4)) {
        if !bench.die(n) {
            break;
        }
        let what = format!("purge killed at {n}");
        let recovered = bench.cs(&["recover"], &[]);
        assert_eq!(recovered.code, 0, "{what}: {recovered}");
        let tree = users(bench.sandbox.tree());
        assert!(tree == old || tree == new, "{what}: {}", difference(&old, &new, &tree));
        tally.count(tree == new);
        bench.check_hooks(&what);
        bench.run(&[]).ok();
        assert!(
            bench.sandbox.tree() == bench.new,
            "{what}, finished: {}",
            difference(&bench.old, &bench.new, &bench.sandbox.tree())
        );
        assert!(!bench.sandbox.root().join("claude-sync").exists(), "{what}");
    }
    tally.print("uninstall --purge");
}

/// A prune removes whole generations, or none: what it was at goes with the next command.
#[test]
fn a_prune_killed_anywhere_leaves_whole_generations() {
    let bench = Bench::new(ROLLBACK, Some("none"));
    bench.sandbox.fresh("ready");
    for scenario in [ROLLBACK, APPLY, ROLLBACK] {
        bench.cs(scenario.args, &[]).ok();
    }
    bench.sandbox.keep("ready");
    let (tree, args) = (bench.sandbox.tree(), ["generations", "prune", "--keep", "1"]);
    let mut points = 0;
    for n in (1..).step_by(stride(5)) {
        bench.sandbox.fresh("ready");
        if bench.cs(&args, &[("CS_FAULT", &kill(n))]).code != KILLED {
            break;
        }
        let what = format!("prune killed at {n}");
        bench.cs(&["recover"], &[]).ok();
        bench.check_tidy(&what);
        let list = bench.cs(&["generations", "--json"], &[]).ok().json();
        let list = list["generations"].as_array().expect("a list").clone();
        assert!(list.iter().all(|generation| generation.get("error").is_none()), "{what}: {list:?}");
        bench.cs(&["verify"], &[]).ok();
        bench.cs(&args, &[]).ok();
        assert!(bench.sandbox.tree() == tree, "{what}");
        points += 1;
    }
    println!("generations prune: {points} points, all whole");
    assert!(points > 5);
}
