//! What `cs mesh sync` ends with: who could not be exchanged with, why, and what to do next; and what a timer is told.

use std::fs::File;
use std::io::Read as _;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::hooks::host;
use crate::mesh::{Hosts, fingerprint, index_of};
use crate::notes::{after, fold};
use crate::sandbox::{Ran, Sandbox, ran};

/// A `cs mesh sync` that finds programs in `tools`, and in these folders besides.
fn command(host: &Sandbox, path: &str, args: &[&str]) -> Command {
    let mut command = host.command(&[&["mesh", "sync"], args].concat());
    command.env("PATH", format!("{}{path}", host.path("tools").display()));
    command
}

fn sync(host: &Sandbox, args: &[&str]) -> Ran {
    ran(command(host, ":/usr/local/bin:/usr/bin:/bin", args).output().expect("cs runs"))
}

fn git(host: &Sandbox, args: &[&str], input: &str) -> String {
    host.write("input", input);
    let mut command = Command::new("git");
    command.args(args).current_dir(host.path("shared.git")).env_clear().env("PATH", "/usr/bin:/bin");
    for name in ["AUTHOR", "COMMITTER"] {
        command.env(format!("GIT_{name}_NAME"), "v").env(format!("GIT_{name}_EMAIL"), "v@invalid");
    }
    let output = command.stdin(File::open(host.path("input")).expect("written")).output().expect("git runs");
    assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text").trim().to_owned()
}

/// Whether it says what is wrong in one line, what to do in the next, and nothing else.
#[track_caller]
fn ends_with(told: &Ran, what: &str, hint: &str) {
    assert_eq!(told.code, 1, "{told}");
    let lines: Vec<&str> = told.err.lines().collect();
    let [first, "", next] = lines[..] else { panic!("three lines: {told}") };
    assert_eq!(first, format!("error: {what}"), "{told}");
    assert!(next.starts_with(hint), "{told}");
}

#[test]
fn a_repository_that_takes_nothing_is_no_success() {
    let hosts = Hosts::new();
    let ant = &hosts.0[0];
    let url = hosts.repository();
    git(ant, &["config", "transfer.hideRefs", "refs/cs"], "");
    let why =
        "what this host knows could not be left there: the push was refused: deny updating a hidden ref";
    for _ in 0..2 {
        let told = sync(ant, &["--git", &url]);
        ends_with(&told, &format!("{url}: {why}"), "Look whether you may write there");
        let told = sync(ant, &["--git", &url, "--json"]).code(1).json();
        assert_eq!((&told["success"], &told["exit_code"]), (&json!(false), &json!(1)), "{told}");
        assert_eq!(told["message"], format!("{url}: {why}"));
        let peer = &told["peers"][0];
        assert_eq!((&peer["success"], &peer["error"]), (&json!(false), &json!(why)), "{told}");
        assert!(peer["unsent"].is_string() && peer["hint"].is_string(), "{told}");
    }
    // Where another one was told, it is as where one of two can't be reached.
    let second = ant.path("second.git");
    assert!(Command::new("git").args(["init", "-q", "--bare"]).arg(&second).status().expect("git").success());
    let second = second.to_str().expect("text");
    let told = sync(ant, &["--git", &url, "--git", second]).ok();
    assert!(told.err.starts_with(&format!("warning: {url}: {why}\n  Look whether")), "{told}");
    let told = sync(ant, &["--git", &url, "--git", second, "--json"]).ok().json();
    let success: Vec<&Value> = [0, 1].map(|at| &told["peers"][at]["success"]).to_vec();
    assert_eq!((&told["success"], success), (&json!(true), vec![&json!(false), &json!(true)]), "{told}");
}

#[test]
fn a_repository_of_which_nothing_can_be_had_is_no_success() {
    let hosts = Hosts::new();
    let [ant, bee, _] = &hosts.0;
    let url = hosts.repository();
    [ant, bee].into_iter().for_each(|host| drop(sync(host, &["--git", &url]).ok()));
    let blob = git(ant, &["hash-object", "-w", "--stdin"], "x");
    let tree = git(ant, &["mktree", "-z"], &format!("100644 blob {blob}\t.git\0"));
    let commit = git(ant, &["commit-tree", "-m", "x", &tree], "");
    git(ant, &["update-ref", &format!("refs/cs/hosts/{}", index_of(bee)), &commit], "");
    let told = sync(ant, &["--git", &url]).code(1);
    assert!(
        told.err.starts_with(&format!("error: {url}: it can't be fetched: object …: hasDotgit")),
        "{told}"
    );
    // What there is to tell is told all the same.
    after(ant, "cargo doc", None, ("x", "n"));
    fold(ant);
    let told = sync(ant, &["--git", &url]).ok();
    assert!(
        told.err.contains("not taken: bee: it can't be fetched") && told.out.contains("1 sent"),
        "{told}"
    );
}

#[test]
fn who_can_t_be_exchanged_with_is_said_in_a_line_with_what_to_do() {
    let hosts = Hosts::new();
    let ant = &hosts.0[0];
    let told = sync(ant, &["--git", "/nope"]);
    let nope = "/nope: can't be reached: '/nope' does not appear to be a git repository";
    ends_with(&told, nope, "Look whether the repository and the network are there");
    assert!(told.err.ends_with("git ls-remote /nope\n"), "{told}");
    let told = ran(command(ant, "", &["--git", "/nope"]).output().expect("cs runs"));
    ends_with(&told, "/nope: git is not installed here", "Install git");
    let told = ran(command(ant, "", &["--ssh", "bee"]).output().expect("cs runs"));
    ends_with(&told, "bee: ssh is not installed here", "Install OpenSSH's client");
    let other = "it does not speak protocol 1, which this cs speaks: one of the two is older";
    for (script, what, hint) in [
        (
            "echo 'bash: line 1: cs: command not found' >&2; exit 127",
            "there is no cs there, or a login that only runs a command does not find it",
            "Install cs on it.",
        ),
        ("echo 'ssh: no route' >&2; exit 255", "ssh: no route", "Look whether ssh gets there"),
        ("echo 'error: no key' >&2; exit 1", "no key", "Put it right there: ssh bee cs mesh status"),
        ("exit 1", "it broke off", "Try again; if it fails again"),
        // Another protocol than what was said: no, because of that.
        ("printf '\\007\\001\\000\\000\\000\\003'; cat >/dev/null", other, "Update cs on that one"),
    ] {
        ant.script("tools/ssh", &format!("#!/bin/sh\n{script}\n"));
        ends_with(&sync(ant, &["--ssh", "bee"]), &format!("bee: {what}"), hint);
    }
    let told = sync(ant, &["--ssh", "bee", "--git", "/nope"]).code(1);
    let lines: Vec<&str> = told.err.lines().collect();
    assert_eq!(lines[0], format!("warning: bee: {other}"), "{told}");
    assert_eq!(lines[2], format!("warning: {nope}"), "{told}");
    assert_eq!(lines[4..6], ["error: it went well with none of the 2 that were asked", ""], "{told}");
    assert!(lines[1].starts_with("  Update cs") && lines[3].starts_with("  Look whether"), "{told}");
    let told = sync(ant, &["--ssh", "bee", "--git", "/nope", "--json"]).code(1).json();
    assert_eq!((&told["success"], &told["exit_code"]), (&json!(false), &json!(1)), "{told}");
    assert_eq!(told["message"], "it went well with none of the 2 that were asked");
    assert!(told["peers"][1]["error"].as_str().is_some_and(|why| nope.ends_with(why)), "{told}");
}

/// A repository is looked at by one process of a host at a time.
#[test]
fn a_second_sync_waits_for_the_first() {
    let hosts = Hosts::new();
    let ant = &hosts.0[0];
    let url = hosts.repository();
    let lock = File::create(host(ant).path.join("mesh-git.lock")).expect("a file");
    lock.lock().expect("nobody has it");
    let asked = ant.path("asked");
    assert!(Command::new("mkfifo").arg(&asked).status().expect("mkfifo runs").success());
    ant.script("tools/ssh", &format!("#!/bin/sh\necho x >'{}'\nexit 255\n", asked.display()));
    let path = ":/usr/local/bin:/usr/bin:/bin";
    let mut second = command(ant, path, &["--ssh", "bee", "--git", &url]);
    let second = second.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("cs runs");
    // It is past the host then, and comes to the repository.
    let mut word = String::new();
    File::open(&asked).and_then(|mut fifo| fifo.read_to_string(&mut word)).expect("it asks");
    lock.unlock().expect("it was held");
    let told = ran(second.wait_with_output().expect("it ends")).ok();
    assert!(told.out.contains("0 bundles taken, 1 sent"), "{told}");
    // Not for ever.
    lock.lock().expect("nobody has it");
    let told = sync(ant, &["--git", &url, "--json"]).code(4).json();
    assert_eq!((&told["success"], &told["exit_code"]), (&json!(false), &json!(4)), "{told}");
    assert_eq!(told["message"], format!("{url}: another process is exchanging what was learned"));
    assert!(told["hints"][0].as_str().is_some_and(|hint| hint.contains("try again")), "{told}");
}

#[test]
fn only_what_was_done_is_said_to_be_done() {
    let hosts = Hosts::new();
    let [ant, bee, _] = &hosts.0;
    let full = |args: &[&str], at: usize| {
        let mut command = ant.command(args);
        ran(command.env("CS_FAULT", format!("error:ENOSPC:{at}")).output().expect("cs runs"))
    };
    for at in 1..12 {
        let told = full(&["mesh", "sync", "--git", "/nope"], at).code(1);
        assert!(!told.err.contains("done") && !told.err.contains("notes"), "{at}: {told}");
    }
    let node = fingerprint(bee);
    let mut count = 0;
    for at in 1..60 {
        let told = full(&["trust", "revoke", "bee"], at);
        let is_left = ant.cs(&["trust", "list"]).ok().out.contains(&node);
        if told.err.contains("the notes that hooks make") {
            let begins =
                "error: bee is not trusted any more, but the notes that hooks make could not be laid";
            assert!(told.err.starts_with(begins) && !is_left, "{at}: {told}");
            count += 1;
        }
        if told.code == 0 {
            break;
        }
        if !is_left {
            ant.cs(&["trust", "add", &node, "bee"]).ok();
        }
    }
    assert!(count > 0, "the disk was full in time");
}

#[test]
fn what_was_copied_and_what_was_typed_from_here_is_taken() {
    let hosts = Hosts::new();
    let [ant, bee, _] = &hosts.0;
    let node = fingerprint(bee);
    let letters = node.strip_prefix("SHA256:").expect("its mark");
    for copied in [format!(" {node}\n"), format!("sha256:{letters}"), format!("{node}=")] {
        ant.cs(&["trust", "revoke", "bee"]).ok();
        ant.cs(&["trust", "add", &copied, "bee"]).ok();
        assert!(ant.cs(&["trust", "list"]).ok().out.contains(&node), "{copied}");
        let own = format!("sha256:{}=", &fingerprint(ant)["SHA256:".len()..]);
        assert!(ant.cs(&["trust", "add", &own]).code(1).err.contains("this host's own fingerprint"));
    }
    hosts.repository();
    ant.write("folder/file", "");
    for (url, folder) in [("./shared.git", ""), ("../shared.git", "folder"), ("~/shared.git", "folder")] {
        let mut command = ant.command(&["mesh", "sync", "--git", url, "--json"]);
        let told = ran(command.current_dir(ant.path(folder)).output().expect("cs runs")).ok().json();
        let whole = std::fs::canonicalize(ant.path("shared.git")).expect("it is there");
        assert_eq!(told["peers"][0]["peer"], whole.to_str().expect("text"), "{url}");
    }
    assert!(ant.cs(&["mesh", "sync", "--git", "shared.git"]).code(1).err.contains("it is no URL"));
}
