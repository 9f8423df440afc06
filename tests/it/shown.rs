//! What people see of hooks, keys and the trail: compared with `snapshots/`.

use std::fs;

use claude_sync::hook::Hook;
use claude_sync::hook::health::Run;
use claude_sync::knowledge::audit::{Entry, What, code_of};
use claude_sync::knowledge::journal::{self, Journal};
use claude_sync::knowledge::{Learning, sources};

use crate::machines::{ID_A, ID_B, Machine};
use crate::sandbox::{NOON, Sandbox};
use crate::session::{Session, snapshot};

/// Writes the durations of a hook's runs, one a second up to just now.
fn took(sandbox: &Sandbox, hook: Hook, us: &[u32]) {
    let folder = sandbox.root().join("learning/durations");
    fs::create_dir_all(&folder).expect("a folder");
    let first = NOON - us.len() as u64;
    let entries = (first..).zip(us).flat_map(|(at, us)| Run { at, us: *us }.encode());
    fs::write(folder.join(hook.name()), entries.collect::<Vec<u8>>()).expect("written");
}

/// A few hundred runs around a time, a tenth of them slower.
fn usual(count: u32, us: u32) -> Vec<u32> {
    (0..count).map(|run| us / 2 + us * (run % 7) / 6 + if run % 10 == 9 { us * 2 } else { 0 }).collect()
}

#[test]
fn durations_of_hooks() {
    let sandbox = Sandbox::new();
    let mut session = Session::new(&sandbox);
    session.cs(&["stats"]);
    sandbox.cs(&["apply", "--yes", "--profile", "builtin:learning"]).ok();
    took(&sandbox, Hook::IntelligentOptimizer, &usual(1_000, 900));
    took(&sandbox, Hook::LearningCollector, &usual(612, 1_100));
    session.note("They have run for a while.").cs(&["stats"]).cs(&["stats", "--check"]).cs(&["status"]);
    let late = [usual(300, 1_000), vec![23_000, 900, 1_100]].concat();
    took(&sandbox, Hook::ContextEnhancer, &late);
    let slow = [usual(600, 1_100), vec![47_000; 10]].concat();
    took(&sandbox, Hook::LearningCollector, &slow);
    session.note("One was late, and one has become slow.").cs(&["stats"]).cs(&["stats", "--check"]);
    session.cs(&["status"]);
    let better = [slow, usual(10, 1_100)].concat();
    took(&sandbox, Hook::LearningCollector, &better);
    took(&sandbox, Hook::ContextEnhancer, &[late, usual(10, 1_000)].concat());
    session.note("Ten runs later.").cs(&["stats", "--check"]);
    took(&sandbox, Hook::IntelligentOptimizer, &[vec![14_000; 60], usual(500, 900)].concat());
    session.note("A guard that was slow for more than one run in twenty.").cs(&["stats", "--check"]);
    snapshot!("durations", session);
}

#[test]
fn the_trail_and_the_keys() {
    let sandbox = Sandbox::new();
    let machine = Machine::metal(&sandbox, "a", ID_A, "tux");
    let mut session = Session::new(&sandbox);
    let mut cs = |args: &[&str]| {
        session.ran(args, machine.cs(args));
    };
    cs(&["audit"]);
    cs(&["keys", "status"]);
    let learning = Learning::on(sources::Machine::simulated(machine.folder()), &sandbox.root());
    let host = learning.enrol(NOON - 86_400).expect("enrolled").host;
    cs(&["audit"]);
    cs(&["keys", "status"]);
    let ring = host.ring().expect("a ring");
    for (age_s, what, detail) in [
        (80_000, What::Rotated, 0),
        (70_000, What::Asked, code_of("git")),
        (9_000, What::Denied, code_of("filesystem")),
        (8_000, What::Sampled, 0),
        (7_000, What::Damaged, 3),
        (600, What::GaveUp, 0),
        (300, What::SnapshotDamaged, 0),
        (20, What::KeyDropped, 0),
    ] {
        let entry = Entry::new(NOON - age_s, what, detail);
        journal::write(&host.path, &ring, Journal::Audit, &entry.encode(), NOON - age_s).expect("written");
    }
    cs(&["audit"]);
    cs(&["keys", "rotate"]);
    cs(&["keys", "status"]);
    snapshot!("trail-and-keys", session);
}

#[test]
fn which_machine_this_is() {
    let sandbox = Sandbox::new();
    let mut session = Session::new(&sandbox);
    let mut cs = |machine: &Machine<'_>, args: &[&str]| {
        let mut ran = machine.cs(args);
        // It is random.
        let fingerprint = ran.out.find("SHA256:").map(|at| ran.out[at..at + 50].to_owned());
        if let Some(fingerprint) = fingerprint {
            ran.out = ran.out.replace(&fingerprint, "SHA256:…");
        }
        session.ran(args, ran);
    };
    let metal = Machine::metal(&sandbox, "a", ID_A, "tux");
    cs(&metal, &["identity"]);
    cs(&metal, &["identity", "adopt"]);
    cs(&metal, &["identity"]);
    // The folder goes to another machine of the same name.
    cs(&Machine::metal(&sandbox, "b", ID_A, "tux"), &["identity"]);
    cs(&Machine::bare(&sandbox, "c", ID_B, "cloud"), &["identity"]);
    snapshot!("identity", session);
}
