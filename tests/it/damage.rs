//! Our own files damaged, lost, or written by a newer `cs`: refused with a way out, nothing changed.

#![expect(clippy::disallowed_types, reason = "tests take the lock themselves")]

use std::fs;
use std::os::unix::fs::symlink;
use std::time::Duration;

use crate::sandbox::{Ran, Sandbox, ran};
use crate::scenarios::{APPLY, Bench, FIRST, ROLLBACK};

/// Does something to the files of `claude-sync/`.
type Harm = fn(&Sandbox);

fn store(sandbox: &Sandbox, path: &str) -> std::path::PathBuf {
    sandbox.root().join("claude-sync").join(path)
}

fn overwrite(sandbox: &Sandbox, path: &str, text: &str) {
    let path = store(sandbox, path);
    let _ = fs::remove_file(&path);
    fs::write(path, text).expect("written");
}

/// Whatever changes something is refused, and nothing changes.
fn check_refused(sandbox: &Sandbox, what: &str, codes: &[i32], way_out: &str) {
    let before = sandbox.tree();
    for args in [FIRST.args, &["rollback", "--yes"], &["uninstall", "--yes", "--purge"], &["recover"]] {
        let Ran { code, err, .. } = &sandbox.cs(args);
        let is_harmless = *code == 0 && args == ["recover"];
        assert!(codes.contains(code) || is_harmless, "{what}: {args:?}: {code} {err}");
        assert!(is_harmless || err.contains(way_out), "{what}: {args:?} shows no way out: {err}");
        assert!(sandbox.tree() == before, "{what}: {args:?} was refused, and changed something");
    }
}

#[test]
fn a_pending_that_says_nothing_is_undone_when_asked() {
    let harms: [(&str, Harm); 3] = [
        ("no JSON", |sandbox| overwrite(sandbox, "pending", "{\"format\":1,\"fr")),
        ("empty", |sandbox| overwrite(sandbox, "pending", "")),
        ("something else", |sandbox| overwrite(sandbox, "pending", "{\"format\":1}")),
    ];
    for scenario in [APPLY, FIRST] {
        let bench = Bench::new(scenario, Some("none"));
        let is_open = |n: &usize| bench.die(*n) && store(&bench.sandbox, "pending").exists();
        let first = (1..200).find(is_open).expect("a transaction");
        for (n, (what, harm)) in [first, first + 5, first + 20].into_iter().zip(harms) {
            assert!(is_open(&n), "{n} is in the transaction");
            harm(&bench.sandbox);
            check_refused(&bench.sandbox, what, &[1], "cs recover --back");
            bench.sandbox.cs(&["recover", "--back"]).ok();
            assert!(!bench.side(what), "{what}: not back");
            bench.check_tidy(what);
            bench.check_again(what);
        }
    }
}

#[test]
fn a_pending_of_a_generation_that_is_gone_is_undone_when_asked() {
    let bench = Bench::new(APPLY, Some("none"));
    bench.sandbox.fresh("ready");
    overwrite(&bench.sandbox, "pending", "{\"format\":1,\"from\":1,\"to\":9}");
    check_refused(&bench.sandbox, "to 9", &[5], "cs recover --back");
    bench.sandbox.cs(&["recover", "--back"]).ok();
    // What others had changed about the tree is drift; what is declared is asserted.
    bench.check_tidy("to 9");
    bench.check_hooks("to 9");
    bench.check_again("to 9");
}

#[test]
fn what_a_newer_cs_wrote_is_left_alone() {
    let bench = Bench::new(APPLY, Some("none"));
    for path in ["pending", "generations/1/manifest.json", "generations/1/ledger.json"] {
        bench.sandbox.fresh("ready");
        overwrite(&bench.sandbox, path, "{\"format\":3,\"news\":true}\n");
        check_refused(&bench.sandbox, path, &[1], "Update cs");
        let back = bench.sandbox.cs(&["recover", "--back"]).code(1);
        assert!(back.err.contains("Update cs"), "{back}");
        assert!(!bench.side(path));
        let text = fs::read_to_string(store(&bench.sandbox, path)).expect("there");
        assert!(text.contains("news"), "{path} was rewritten");
    }
}

#[test]
fn a_lost_current_removes_no_generation_and_is_found_again() {
    let harms: [(&str, Harm); 4] = [
        ("lost", |sandbox| fs::remove_file(store(sandbox, "current")).expect("removed")),
        ("leads to nothing", |sandbox| {
            fs::remove_file(store(sandbox, "current")).expect("removed");
            symlink("generations/99", store(sandbox, "current")).expect("a link");
        }),
        ("leads elsewhere", |sandbox| {
            fs::remove_file(store(sandbox, "current")).expect("removed");
            symlink("/etc/passwd", store(sandbox, "current")).expect("a link");
        }),
        ("is a file", |sandbox| overwrite(sandbox, "current", "2")),
    ];
    for scenario in [APPLY, ROLLBACK] {
        let bench = Bench::new(scenario, Some("none"));
        for (what, harm) in harms {
            bench.sandbox.fresh("ready");
            bench.run(&[]).ok();
            harm(&bench.sandbox);
            check_refused(&bench.sandbox, what, &[1], "cs recover --back");
            bench.sandbox.cs(&["recover", "--back"]).ok();
            assert!(bench.side(what), "{what}: not the newest");
            bench.check_tidy(what);
            bench.sandbox.cs(&["verify"]).ok();
        }
    }
}

#[test]
fn a_damaged_generation_is_left_for_the_newest_that_can_be_read() {
    let bench = Bench::new(ROLLBACK, Some("none"));
    for path in ["generations/2/manifest.json", "generations/2/ledger.json"] {
        for text in ["", "{\"format\":1,\"gen"] {
            bench.sandbox.fresh("ready");
            overwrite(&bench.sandbox, path, text);
            check_refused(&bench.sandbox, path, &[1], "cs recover --back");
            let back = bench.sandbox.cs(&["recover", "--back"]).ok();
            assert!(back.out.contains("generation 1 is current"), "{back}");
            bench.check_hooks(path);
            // Nothing of the user's is gone, wherever it lies now.
            let everything = everything(&bench.sandbox);
            for text in ["the user's own\n", "description: mine\n", "../../elsewhere/command.md"] {
                assert!(everything.contains(text), "{path}: {text} is gone");
            }
            let args =
                ["apply", "--yes", "--profile", "dotfiles/claude-sync.toml", "--on-conflict", "backup"];
            bench.sandbox.cs(&args).ok();
            bench.sandbox.cs(&["verify"]).ok();
        }
    }
}

/// All file contents and link targets below the root.
fn everything(sandbox: &Sandbox) -> String {
    fn walk(folder: &std::path::Path, text: &mut String) {
        for entry in fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry")) {
            let path = entry.path();
            let kind = entry.file_type().expect("a kind");
            if kind.is_dir() {
                walk(&path, text);
            } else if kind.is_symlink() {
                text.push_str(&fs::read_link(&path).expect("a link").to_string_lossy());
            } else {
                text.push_str(&String::from_utf8_lossy(&fs::read(&path).expect("readable")));
            }
        }
    }
    let mut text = String::new();
    walk(&sandbox.root(), &mut text);
    text
}

#[test]
fn leftovers_of_a_prune_and_of_staging_go_with_the_next_command() {
    let bench = Bench::new(APPLY, Some("none"));
    bench.sandbox.fresh("ready");
    for folder in
        ["generations/.gone-7/files", "generations/.staging/files", "generations/2/files", "displaced/2"]
    {
        fs::create_dir_all(store(&bench.sandbox, folder)).expect("folders");
        fs::write(store(&bench.sandbox, folder).join("x"), "x").expect("written");
    }
    overwrite(&bench.sandbox, "pending.new", "{");
    symlink("generations/2", store(&bench.sandbox, "current.new")).expect("a link");
    bench.check_again("leftovers");
}

#[test]
fn a_lock_that_is_removed_while_waiting_keeps_nobody_out() {
    let bench = Bench::new(APPLY, Some("none"));
    bench.sandbox.fresh("ready");
    let path = store(&bench.sandbox, "lock");
    let held = fs::File::options().write(true).open(&path).expect("a lock");
    held.lock().expect("locked");
    let mut command = bench.sandbox.command(APPLY.args);
    let child = command
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .expect("cs starts");
    std::thread::sleep(Duration::from_millis(100));
    assert!(!bench.side("while the lock is held"), "it did not wait");
    fs::remove_file(&path).expect("removed");
    let ran = ran(child.wait_with_output().expect("cs ends")).ok();
    assert!(ran.err.contains("Waiting for another cs"), "{ran}");
    assert!(bench.side("after the wait"));
}

#[test]
fn an_apply_that_waits_for_a_purge_starts_anew() {
    let bench = Bench::new(ROLLBACK, Some("none"));
    for _ in 0..5 {
        bench.sandbox.fresh("ready");
        let held = fs::File::options().write(true).open(store(&bench.sandbox, "lock")).expect("a lock");
        held.lock().expect("locked");
        let start = |args: &[&str]| {
            let mut command = bench.sandbox.command(args);
            command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
            command.spawn().expect("cs starts")
        };
        let children = [start(&["uninstall", "--yes", "--purge"]), start(APPLY.args)];
        std::thread::sleep(Duration::from_millis(60));
        drop(held);
        for child in children {
            ran(child.wait_with_output().expect("cs ends")).ok();
        }
        bench.sandbox.cs(&["uninstall", "--yes", "--purge"]).ok();
        assert!(!bench.sandbox.root().join("claude-sync").exists());
        let left = bench.sandbox.tree();
        assert!(left.iter().any(|line| line == "agents/taken.md 600 the user's own\n"), "{left:#?}");
        assert!(!left.iter().any(|line| line.contains("claude-sync")), "{left:#?}");
    }
}

#[test]
fn a_root_that_cs_made_goes_with_a_purge() {
    let sandbox = Sandbox::new();
    (FIRST.prepare)(&sandbox);
    assert!(!sandbox.root().exists());
    sandbox.apply();
    sandbox.cs(&["uninstall", "--yes", "--purge"]).ok();
    assert!(!sandbox.root().exists(), "{:?}", sandbox.tree());
    // And one that was there stays, even when it was empty.
    fs::create_dir(sandbox.root()).expect("a root");
    sandbox.apply();
    sandbox.cs(&["uninstall", "--yes", "--purge"]).ok();
    assert!(sandbox.root().exists());
}
