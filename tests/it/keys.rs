//! The ring on disk: made once, never lost to a crash, never readable by others, never made anew
//! where something was sealed.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use claude_sync::crypto::{Epoch, Ring};
use claude_sync::knowledge::calendar::Sealed;
use claude_sync::knowledge::keys::Outcome;
use claude_sync::knowledge::{KeyError, Learning};

use crate::crash::KILLED;
use crate::machines::{ID_A, Machine, hosts};
use crate::sandbox::{NOON, Sandbox, ran};
use crate::scenarios::stride;

const TODAY: u32 = 20_454;

/// The host's folder; there must be one, and one only.
#[track_caller]
fn folder(sandbox: &Sandbox) -> PathBuf {
    let hosts = hosts(sandbox);
    assert_eq!(hosts.len(), 1, "{hosts:?}");
    sandbox.path(".claude/learning").join(&hosts[0])
}

fn ring_text(sandbox: &Sandbox) -> Option<String> {
    let host = hosts(sandbox).pop()?;
    fs::read_to_string(sandbox.path(".claude/learning").join(host).join("keys/ring")).ok()
}

fn ring(sandbox: &Sandbox) -> Ring {
    Ring::parse(ring_text(sandbox).expect("a ring").as_bytes()).expect("whole")
}

/// Every file and folder of `learning/` with its mode and content.
fn tree(sandbox: &Sandbox) -> Vec<String> {
    sandbox.tree().into_iter().filter(|line| line.starts_with("learning")).collect()
}

#[test]
fn an_enrolment_killed_anywhere_comes_to_one_ring() {
    let sandbox = Sandbox::new();
    let machine = Machine::metal(&sandbox, "a", ID_A, "tux");
    sandbox.keep("empty");
    let mut points = 0;
    for n in (1..).step_by(stride(2)) {
        sandbox.fresh("empty");
        let ran = machine.faulty(&["identity", "adopt"], &format!("kill:{n}"));
        if ran.code != KILLED {
            assert_eq!(ran.code, 0, "{ran}");
            break;
        }
        let before = ring_text(&sandbox);
        let id = machine.adopt()["host_id"].clone();
        let after = ring_text(&sandbox).expect("a ring");
        assert!(before.is_none_or(|before| before == after), "killed at {n}: another ring");
        let settled = tree(&sandbox);
        assert!(!settled.iter().any(|line| line.contains(".new ")), "killed at {n}: {settled:#?}");
        assert_eq!(machine.adopt()["host_id"], id);
        assert_eq!(tree(&sandbox), settled, "killed at {n}: not settled");
        folder(&sandbox);
        points += 1;
    }
    println!("enrolment: {points} points, one ring each");
    assert!(points > 15, "{points}");
}

/// Without sources the id is random: a kill makes no second one either.
#[test]
fn an_enrolment_of_a_machine_that_says_nothing_comes_to_one_ring() {
    let sandbox = Sandbox::new();
    let machine = Machine::bare(&sandbox, "a", "", "tux");
    sandbox.keep("empty");
    for n in (1..).step_by(stride(3)) {
        sandbox.fresh("empty");
        if machine.faulty(&["identity", "adopt"], &format!("kill:{n}")).code != KILLED {
            break;
        }
        machine.adopt();
        folder(&sandbox);
    }
}

#[test]
fn a_rotation_killed_anywhere_happened_or_did_not() {
    let sandbox = Sandbox::new();
    let machine = Machine::metal(&sandbox, "a", ID_A, "tux");
    machine.adopt();
    sandbox.keep("ready");
    let old = ring_text(&sandbox).expect("a ring");
    let (mut olds, mut news) = (0, 0);
    for n in 1.. {
        sandbox.fresh("ready");
        if machine.faulty(&["keys", "rotate"], &format!("kill:{n}")).code != KILLED {
            break;
        }
        let is_old = ring_text(&sandbox).expect("a ring") == old;
        let newest = ring(&sandbox).newest();
        assert_eq!(newest, Epoch(if is_old { TODAY } else { TODAY + 1 }), "killed at {n}");
        *(if is_old { &mut olds } else { &mut news }) += 1;
        machine.cs(&["keys", "rotate"]).ok();
        assert!(ring(&sandbox).newest() > newest, "killed at {n}");
    }
    println!("rotation: {olds} old, {news} new, 0 others");
    assert!(olds > 0 && news > 0);
}

/// A disk that fails costs a message, never a key.
#[test]
fn a_failing_disk_loses_no_ring() {
    let sandbox = Sandbox::new();
    let machine = Machine::metal(&sandbox, "a", ID_A, "tux");
    sandbox.keep("empty");
    let mut points = 0;
    for fault in ["once:EIO:", "error:ENOSPC:", "once:EACCES:"] {
        for n in (1..).step_by(stride(3)) {
            sandbox.fresh("empty");
            let ran = machine.faulty(&["identity", "adopt"], &format!("{fault}{n}"));
            if ran.code == 0 && n > 1 {
                break;
            }
            assert_eq!(ran.code, 1, "{fault}{n}: {ran}");
            assert!(ran.err.starts_with("error: ") && ran.err.contains(".claude"), "{fault}{n}: {ran}");
            let before = ring_text(&sandbox);
            machine.adopt();
            assert!(before.is_none_or(|before| Some(before) == ring_text(&sandbox)), "{fault}{n}");
            points += 1;
        }
    }
    println!("enrolment on a failing disk: {points} points, no ring lost");
}

/// Every look and every reading fails once: whoever takes that for "not there" makes a second ring.
#[test]
fn a_failing_look_is_not_taken_for_absence() {
    let sandbox = Sandbox::new();
    let metal = Machine::metal(&sandbox, "a", ID_A, "tux");
    let bare = Machine::bare(&sandbox, "b", ID_A, "tux");
    for machine in [metal, bare] {
        if sandbox.root().exists() {
            fs::remove_dir_all(sandbox.root()).expect("removed");
        }
        machine.adopt();
        let (host, ring) = (folder(&sandbox), ring_text(&sandbox));
        fs::write(host.join("knowledge.enc"), "x").expect("written");
        let files = || -> Vec<String> {
            tree(&sandbox).into_iter().filter(|line| !line.contains("/binding ")).collect()
        };
        let before = files();
        let (mut points, mut refused) = (0, 0);
        // There are no more looks than that.
        for n in 1..60 {
            let ran = machine.faulty(&["identity", "adopt"], &format!("look:EIO:{n}"));
            assert!([0, 1].contains(&ran.code), "{n}: {ran}");
            assert_eq!(ring_text(&sandbox), ring, "{n}: {ran}");
            assert_eq!(files(), before, "{n}: {ran}");
            points += 1;
            refused += i32::from(ran.code == 1);
        }
        println!("enrolled again with a failing look: {points} points, {refused} refused, one ring");
        assert!(refused > 10, "{refused}");
    }
}

#[test]
fn nothing_is_readable_by_others_whatever_the_umask() {
    for umask in ["000", "022", "077", "177"] {
        let sandbox = Sandbox::new();
        let machine = Machine::metal(&sandbox, "a", ID_A, "tux");
        fs::create_dir(sandbox.root()).expect("a root");
        for args in
            [&["identity", "adopt"][..], &["keys", "rotate"], &["keys", "export", "x", "--unprotected"]]
        {
            let inner = machine.command(args);
            let mut command = Command::new("sh");
            command.args(["-c", &format!("umask {umask}; exec \"$0\" \"$@\"")]).arg(inner.get_program());
            command.args(inner.get_args()).env_clear().current_dir(sandbox.home());
            command.envs(inner.get_envs().filter_map(|(name, value)| Some((name, value?))));
            ran(command.output().expect("sh runs")).ok();
        }
        let mode = |path: &Path| fs::metadata(path).expect("there").permissions().mode() & 0o7777;
        let mut open = vec![sandbox.path(".claude/learning")];
        let mut seen = 0;
        while let Some(path) = open.pop() {
            let is_folder = path.is_dir();
            let wanted = if is_folder { 0o700 } else { 0o600 };
            assert_eq!(mode(&path), wanted, "umask {umask}: {}", path.display());
            if is_folder {
                open.extend(
                    fs::read_dir(&path).expect("readable").map(|entry| entry.expect("an entry").path()),
                );
            }
            seen += 1;
        }
        assert_eq!(mode(&sandbox.path("x")), 0o600);
        assert!(seen >= 10, "{seen}");
    }
}

/// What is done to a ring.
type Harm = fn(&Path);

/// Whatever stands in the ring's place, or keeps us from it: an error with a remedy, and nothing made.
#[test]
fn only_not_found_means_there_is_no_ring() {
    let sandbox = Sandbox::new();
    let machine = Machine::metal(&sandbox, "a", ID_A, "tux");
    machine.adopt();
    sandbox.keep("ready");
    let harms: [(&str, &str, Harm); 9] = [
        ("damaged", "cs keys restore", |ring| fs::write(ring, "cs-ring 1\nhost").expect("written")),
        ("damaged", "cs keys restore", |ring| fs::write(ring, "").expect("written")),
        ("newer cs", "Update cs", |ring| fs::write(ring, "cs-ring 2\n").expect("written")),
        ("others may read", "chmod go= ", |ring| chmod(ring, 0o640)),
        ("others may read", "chmod go= ", |ring| chmod(ring.parent().expect("a folder"), 0o711)),
        ("not a regular file", "away", |ring| {
            fs::rename(ring, ring.with_file_name("elsewhere")).expect("renamed");
            std::os::unix::fs::symlink("elsewhere", ring).expect("a link");
        }),
        ("not a regular file", "away", |ring| {
            fs::remove_file(ring).expect("removed");
            fs::create_dir(ring).expect("a folder");
        }),
        ("not a regular file", "away", |ring| {
            fs::remove_file(ring).expect("removed");
            assert!(Command::new("mkfifo").arg(ring).status().expect("mkfifo").success());
        }),
        ("belongs to host cs-0000000000000000", "away", |ring| {
            let host = claude_sync::crypto::HostId::parse("cs-0000000000000000").expect("a host id");
            let secret = claude_sync::crypto::Secret::take(&mut [1; 32]);
            let other = Ring::new(host, 1, Epoch(TODAY), secret);
            fs::write(ring, other.to_text().as_bytes()).expect("written");
        }),
    ];
    for (says, remedy, harm) in harms {
        sandbox.fresh("ready");
        harm(&folder(&sandbox).join("keys/ring"));
        let before = if says.contains("regular") { Vec::new() } else { tree(&sandbox) };
        for args in [&["keys"][..], &["keys", "rotate"], &["identity", "adopt"]] {
            // Enrolling closes a folder that was left open.
            let is_closed_by_it = says == "others may read" && args[0] == "identity";
            let ran = machine.cs(args);
            if is_closed_by_it && ran.code == 0 {
                continue;
            }
            assert_eq!(ran.code, 1, "{says}, {args:?}: {ran}");
            assert!(ran.err.contains(says) && ran.err.contains(remedy), "{says}, {args:?}: {ran}");
            assert!(before.is_empty() || tree(&sandbox) == before, "{says}, {args:?}");
        }
    }
}

fn chmod(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("chmod");
}

#[test]
fn a_ring_is_never_made_where_something_is_sealed() {
    let sandbox = Sandbox::new();
    let machine = Machine::metal(&sandbox, "a", ID_A, "tux");
    machine.adopt();
    let host = folder(&sandbox);
    fs::write(host.join("patterns_2026-01-01.enc"), "x").expect("written");
    machine.cs(&["keys", "export", "copy", "--unprotected"]).ok();
    fs::remove_file(host.join("keys/ring")).expect("removed");
    let refused = machine.cs(&["identity", "adopt"]).code(1);
    assert!(refused.err.contains("the key ring is missing"), "{refused}");
    assert!(refused.err.contains("cs keys restore FILE"), "{refused}");
    assert!(!host.join("keys/ring").exists());
    machine.cs(&["keys", "rotate"]).code(1);
    assert!(!host.join("keys/ring").exists());
    // With the copy all is well again.
    machine.cs(&["keys", "restore", "copy"]).ok();
    machine.cs(&["keys", "status"]).ok();
    // Also where the whole folder but the data is gone.
    for gone in ["keys", "binding"] {
        let path = host.join(gone);
        if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) }.expect("removed");
    }
    fs::remove_dir_all(sandbox.path(".claude/learning/hosts")).expect("removed");
    machine.cs(&["identity", "adopt"]).code(1);
    machine.cs(&["keys", "restore", "copy"]).ok();
    assert_eq!(machine.identity()["binding"], "same");
}

#[test]
fn a_copy_gives_back_a_lost_ring_as_another_incarnation() {
    let sandbox = Sandbox::new();
    let machine = Machine::metal(&sandbox, "a", ID_A, "tux");
    machine.adopt();
    let refused = machine.cs(&["keys", "export", "copy"]).code(1);
    assert!(refused.err.contains("secret keys") && refused.err.contains("--unprotected"), "{refused}");
    assert!(!sandbox.path("copy").exists());
    machine.cs(&["keys", "export", "copy", "--unprotected"]).ok();
    let taken = machine.cs(&["keys", "export", "copy", "--unprotected"]).code(1);
    assert!(taken.err.contains("not there yet"), "{taken}");
    let before = machine.cs(&["keys", "--json"]).ok().json();
    let host = folder(&sandbox);
    fs::write(host.join("knowledge.enc"), "x").expect("written");
    let in_use = machine.cs(&["keys", "restore", "copy"]).code(1);
    assert!(in_use.err.contains("data sealed with it"), "{in_use}");
    fs::write(host.join("keys/ring"), "rubbish").expect("written");
    let after = machine.cs(&["keys", "restore", "copy", "--json"]).ok().json();
    assert_eq!(after["epochs"], before["epochs"]);
    assert_ne!(after["incarnation"], before["incarnation"]);
    assert_eq!(fs::read_to_string(host.join("keys/ring.before-restore")).expect("kept"), "rubbish");
    let missing = machine.cs(&["keys", "restore", "nowhere"]).code(1);
    assert!(missing.err.contains("nowhere") && missing.err.contains("the path"), "{missing}");
}

#[test]
fn before_there_are_keys_that_is_said() {
    let sandbox = Sandbox::new();
    let machine = Machine::metal(&sandbox, "a", ID_A, "tux");
    for args in [&["keys"][..], &["keys", "rotate"], &["keys", "export", "x", "--unprotected"]] {
        let ran = machine.cs(args).code(1);
        assert!(ran.err.contains("no keys yet") && ran.err.contains("cs identity adopt"), "{ran}");
    }
    assert!(!sandbox.root().exists());
}

#[test]
fn a_leftover_of_the_users_is_not_followed() {
    let sandbox = Sandbox::new();
    let machine = Machine::metal(&sandbox, "a", ID_A, "tux");
    fs::create_dir_all(sandbox.path("elsewhere")).expect("a folder");
    fs::create_dir_all(sandbox.root()).expect("a root");
    std::os::unix::fs::symlink("../elsewhere", sandbox.path(".claude/learning")).expect("a link");
    let refused = machine.cs(&["identity", "adopt"]).code(1);
    assert!(refused.err.contains("~/.claude/learning is not a folder"), "{refused}");
    assert_eq!(fs::read_dir(sandbox.path("elsewhere")).expect("readable").count(), 0);
}

/// The clock forwards, backwards, and further than can be believed; `calendar` has the rules.
#[test]
fn epochs_follow_the_clock_as_far_as_it_is_believed() {
    let sandbox = Sandbox::new();
    let learning = Learning::locate(&sandbox.root());
    let host = learning.enrol(NOON).expect("enrolled").host;
    assert_eq!(learning.known_host().expect("readable").as_ref(), Some(&host));
    let day = 86_400;
    let rotate = |now: u64, days: &[u32]| {
        let sealed = Sealed { days: days.iter().copied().collect(), newest_since: days.last().copied() };
        let rotation = host.rotate(now, &sealed).expect("rotated");
        assert_eq!(rotation.ring.newest(), host.ring().expect("a ring").newest());
        (rotation.outcome, rotation.is_clock_believed, rotation.ring.newest().0)
    };
    assert_eq!(rotate(NOON, &[TODAY]), (Outcome::UpToDate, true, TODAY));
    assert_eq!(rotate(NOON - 5 * day, &[]), (Outcome::UpToDate, true, TODAY));
    assert_eq!(rotate(NOON + day, &[TODAY]), (Outcome::New, true, TODAY + 1));
    assert_eq!(rotate(NOON + 3 * day, &[TODAY + 1]), (Outcome::New, true, TODAY + 3));
    assert_eq!(rotate(NOON + 6 * day, &[]), (Outcome::UpToDate, false, TODAY + 3));
    assert_eq!(rotate(NOON + 6 * day, &[TODAY + 3]), (Outcome::New, false, TODAY + 4));
    assert_eq!(rotate(NOON + 30 * day, &[TODAY + 29]), (Outcome::New, true, TODAY + 30));
    assert_eq!(rotate(NOON, &[]), (Outcome::UpToDate, true, TODAY + 30));
    assert_eq!(host.drop_keys(Epoch(TODAY + 3)).expect("dropped"), 2);
    assert_eq!(host.ring().expect("a ring").epochs().count(), 3);
    fs::remove_file(host.ring_path()).expect("removed");
    assert!(matches!(host.ring(), Err(KeyError::Absent(_))));
}

/// Two at once: the lock lets one after the other, and both see one ring.
#[test]
fn enrolments_at_once_come_to_one_ring() {
    let sandbox = Sandbox::new();
    let machine = Machine::metal(&sandbox, "a", ID_A, "tux");
    let children: Vec<_> = (0..8)
        .map(|_| {
            let mut command = machine.command(&["identity", "adopt", "--json"]);
            command.stdout(std::process::Stdio::piped()).spawn().expect("cs runs")
        })
        .collect();
    let mut fingerprints: Vec<String> = children
        .into_iter()
        .map(|child| ran(child.wait_with_output().expect("ended")).ok().json()["fingerprint"].to_string())
        .collect();
    fingerprints.dedup();
    assert_eq!(fingerprints.len(), 1);
    folder(&sandbox);
}
