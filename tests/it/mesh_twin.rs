//! A home that was copied: two machines with one key. They find out, say so and fall silent, until one of them has a key
//! of its own. And what is remembered of each repository, which must not be taken for a sign of the like.

use claude_sync::mesh::replica::Telling;
use claude_sync::mesh::row::WINDOW_DAYS;
use claude_sync::mesh::{Bundle, Rows};
use serde_json::{Value, json};

use crate::mesh::{Hosts, copy, fails_in_three_sessions, fingerprint};
use crate::notes::{after, fold};
use crate::sandbox::{NOON, Ran, Sandbox};

const SAID: &str = "another machine has this host's key";

fn learn(host: &Sandbox, line: &str, session: &str) {
    after(host, line, None, ("x", session));
    fold(host);
}

/// What a host knows of another one.
fn known(at: &Sandbox, fingerprint: &str) -> Value {
    let status = at.cs(&["mesh", "status", "--json"]).ok().json();
    let hosts = status["hosts"].as_array().expect("hosts").clone();
    hosts.into_iter().find(|host| host["fingerprint"] == fingerprint).unwrap_or_default()
}

fn twin_since(at: &Sandbox) -> Value {
    at.cs(&["mesh", "status", "--json"]).ok().json()["twin_since"].clone()
}

/// Whether anything was sent.
fn is_silent(told: &Ran) -> bool {
    told.out.contains("nothing new") || told.out.contains(" 0 sent")
}

#[test]
fn two_machines_with_one_key_fall_silent_until_one_has_a_key_of_its_own() {
    for (by_git, who) in [(true, 1), (false, 0)] {
        let hosts = Hosts::new();
        let [ant, bee, cat] = &hosts.0;
        let url = hosts.repository();
        let to: [&str; 2] = if by_git { ["--git", &url] } else { ["--ssh", "cat"] };
        let meet = |host| {
            let told = hosts.sync(host, &to);
            if by_git {
                hosts.sync(2, &to).ok();
            }
            told
        };
        meet(0).ok();
        copy(&ant.root().join("learning"), &bee.root().join("learning"));
        let both = fingerprint(ant);
        assert_eq!(fingerprint(bee), both, "a copy has the key");
        // The first time it may be a backup that came back.
        learn(ant, "cargo test", "b");
        learn(bee, "make check", "b");
        meet(0).ok();
        meet(1).ok();
        assert_eq!((twin_since(ant), twin_since(bee)), (Value::Null, Value::Null));
        let mut last = Vec::new();
        for round in 0..8 {
            last = [0, 1].map(&meet).into();
            learn([ant, bee][round % 2], ["git pull", "git fetch"][round / 2 % 2], &format!("r{round}"));
        }
        let was = known(cat, &both);
        for host in [0, 1] {
            last.push(meet(host));
        }
        for told in last {
            let told = told.code(1);
            assert!(told.err.contains(SAID) && told.err.contains("cs identity adopt"), "{told}");
            assert!(is_silent(&told), "{told}");
        }
        let day = NOON / 86_400;
        assert_eq!((twin_since(ant), twin_since(bee)), (json!(day), json!(day)));
        assert_eq!(known(cat, &both), was, "nothing is begun any more");
        assert_eq!((&was["patterns"], &was["set_aside"]), (&json!(0), &Value::Null), "{was}");
        assert!(was["incarnation"].as_u64().is_some_and(|own| own < 9), "{was}");
        for host in [ant, bee] {
            assert!(host.cs(&["mesh", "status"]).ok().err.contains(SAID));
            let doctor = host.cs(&["doctor", "--json"]).code(1).json();
            let found = doctor["findings"].as_array().expect("findings");
            let own = found.iter().find(|own| own["code"] == "key-in-two-hands").expect("found");
            assert!(own["remedy"].as_str().is_some_and(|own| own.contains("cs identity adopt")), "{own}");
            assert!(host.cs(&["audit"]).ok().out.contains("another machine has this host's key"));
            let told = host.cs(&["mesh", "sync", "--git", &url, "--json"]).code(1).json();
            assert_eq!(told["twin_since"], json!(day));
            let nowhere = ["mesh", "sync", "--git", "/nope"];
            let told = host.cs(&nowhere).code(1);
            assert!(told.err.contains(SAID) && told.err.contains("/nope: "), "{told}");
            let told = host.cs(&[&nowhere[..], &["--json"]].concat()).code(1).json();
            assert_eq!(told["twin_since"], json!(day));
        }
        // Either of the two.
        let (new, old) = (&hosts.0[who], &hosts.0[1 - who]);
        let said = new.cs(&["identity", "adopt"]).ok();
        assert!(said.out.contains("a key of its own now") && !said.out.contains(&both), "{said}");
        let said = new.cs(&["identity", "adopt"]).ok();
        assert!(said.out.contains("enrolled already"), "{said}");
        let own = fingerprint(new);
        assert_ne!(own, both);
        cat.cs(&["trust", "add", &own, "new"]).ok();
        meet(who).ok();
        let told = meet(1 - who).ok();
        assert!(!told.err.contains(SAID), "{told}");
        assert_eq!((twin_since(new), twin_since(old)), (Value::Null, Value::Null));
        learn(new, "npm ci", "z");
        for host in [who, 1 - who, 2] {
            if host < 2 || by_git {
                meet(host).ok();
            }
        }
        let seen = || [&both, &own].map(|host| known(cat, host));
        let before = seen();
        for host in &before {
            assert!(host["patterns"].as_u64().is_some_and(|own| own > 1), "{host}");
            assert_eq!(host["set_aside"], Value::Null);
        }
        assert_eq!(before[1]["incarnation"], 1, "{}", before[1]);
        for host in [0, 1, 0, 1] {
            assert!(is_silent(&meet(host).ok()));
        }
        assert_eq!(seen(), before, "both go on, and neither begins anew");
    }
}

/// Somebody with the key, or a fault, has counted to the end.
#[test]
fn who_finds_no_incarnation_left_under_its_key_is_told_the_way_out() {
    let hosts = Hosts::new();
    let [ant, bee, cat] = &hosts.0;
    let url = hosts.repository();
    hosts.sync(0, &["--git", &url]).ok();
    let key = crate::hooks::host(ant).node().expect("a key");
    let today = u16::try_from(NOON / 86_400).expect("a day");
    let telling = Telling { incarnation: u32::MAX, sequence: 1, day: today, window: WINDOW_DAYS };
    let bundle = Bundle::sign(&key, telling, &Rows::new()).expect("signed").bytes();
    crate::mesh_restores::put(ant, &key, &bundle);
    let told = hosts.sync(0, &["--git", &url]).code(1);
    assert!(told.err.contains(SAID) && told.err.contains("cs identity adopt"), "{told}");
    ant.cs(&["identity", "adopt"]).ok();
    let told = hosts.sync(0, &["--git", &url]).ok();
    assert!(!told.err.contains("warning: "), "{told}");
    for host in [bee, cat] {
        host.cs(&["trust", "add", &fingerprint(ant), "ant-again"]).ok();
    }
    hosts.sync(1, &["--git", &url]).ok();
    assert_eq!(known(bee, &fingerprint(ant))["incarnation"], 1);
}

#[test]
fn each_repository_is_remembered_by_itself() {
    let hosts = Hosts::new();
    let [ant, bee, _] = &hosts.0;
    let first = hosts.repository();
    let more: Vec<String> = ["two", "three"]
        .iter()
        .map(|name| {
            let url = hosts.repository_at(name);
            assert!(url.ends_with(name));
            url
        })
        .collect();
    let all = ["--git", &first, "--git", &more[0], "--git", &more[1]];
    let incarnation = || known(ant, &fingerprint(ant))["incarnation"].clone();
    hosts.sync(0, &["--git", &first]).ok();
    hosts.sync(1, &["--git", &more[0]]).ok();
    hosts.sync(0, &all).ok();
    assert_eq!(incarnation(), 1, "what is not there yet was never left there");
    for _ in 0..2 {
        let told = hosts.sync(0, &all).ok();
        assert_eq!(told.out.matches("nothing new   0 bytes in, 0 out").count(), 3, "{told}");
    }
    // What bee tells in one of them only is not had from the other one again and again.
    hosts.sync(1, &all).ok();
    learn(bee, "cargo test", "b");
    hosts.sync(1, &["--git", &more[0]]).ok();
    hosts.sync(0, &all).ok();
    hosts.sync(0, &all).ok();
    let told = hosts.sync(0, &all).ok();
    assert_eq!(told.out.matches("nothing new   0 bytes in, 0 out").count(), 3, "{told}");
    assert_eq!(incarnation(), 1);
    // What is gone from one is missed there.
    std::fs::remove_dir_all(ant.path("three")).expect("removed");
    hosts.repository_at("three");
    hosts.sync(0, &all).ok();
    assert_eq!(incarnation(), 2);
    hosts.sync(0, &all).ok();
    assert_eq!(incarnation(), 2, "once");
}

/// Two machines: what the README's reader has.
#[test]
fn what_a_single_other_machine_told_is_shown_for_what_it_is() {
    let hosts = Hosts::new();
    let [ant, bee, cat] = &hosts.0;
    let url = hosts.repository();
    fails_in_three_sessions(ant);
    learn(ant, "cargo test", "d");
    for host in [0, 1] {
        hosts.sync(host, &["--git", &url]).ok();
    }
    let shown = |args: &[&str]| bee.cs(&[&["learn", "show"], args].concat()).ok();
    let told = shown(&["--all"]);
    for expected in [
        "On other machines     known on   runs   worked   last    failing on\n",
        "  npm ci              1          3      0 %      today   1, command not found\n",
        "  cargo test          1          1      100 %    today\n",
        "something is said once it fails on two of them",
    ] {
        assert!(told.out.contains(expected), "{expected}: {told}");
    }
    let table = told.out.find("On other machines").expect("there");
    assert!(told.out[table..].find("npm ci") < told.out[table..].find("cargo test"), "{told}");
    let told = shown(&["npm ci"]);
    assert!(told.out.contains("npm ci") && !told.out.contains("cargo test"), "{told}");
    let row = json!({"form": "npm ci", "machines": 1, "runs": 3, "failed": 3, "day": NOON / 86_400,
        "failing": 1, "error": "command_not_found"});
    for args in [&["learn", "export"][..], &["learn", "show", "--json"]] {
        let told = bee.cs(args).ok().json();
        assert_eq!((&told["others"][0], &told["elsewhere"]), (&row, &json!([])), "{told}");
    }
    assert_eq!(crate::notes::before(bee, "npm ci", ("x", "e")), None, "one host's word is not enough");
    // What nobody tells is not shown, and what somebody told who is trusted no more.
    assert!(!cat.cs(&["learn", "show", "--all"]).ok().out.contains("On other machines"));
    bee.cs(&["trust", "revoke", "ant"]).ok();
    assert!(!shown(&["--all"]).out.contains("npm ci"));
    assert_eq!(bee.cs(&["learn", "export"]).ok().json()["others"], json!([]));
}

/// Of much the first rows are shown, as of one's own.
#[test]
fn what_others_told_is_a_table_of_so_many_rows() {
    let hosts = Hosts::new();
    let [ant, bee, _] = &hosts.0;
    let url = hosts.repository();
    for line in "pull fetch push log diff add commit stash merge rebase tag".split(' ') {
        after(ant, &format!("git {line}"), None, ("x", "b"));
    }
    for line in "build check doc run fmt clean bench add tree update install test".split(' ') {
        after(ant, &format!("cargo {line}"), None, ("x", "b"));
    }
    fold(ant);
    for host in [0, 1] {
        hosts.sync(host, &["--git", &url]).ok();
    }
    let told = bee.cs(&["learn", "show", "--all"]).ok();
    let (_, table) = told.out.split_once("On other machines").expect("a table");
    assert_eq!(table.lines().skip(1).take_while(|line| line.ends_with("today")).count(), 20, "{told}");
    assert!(table.contains("more commands: --verbose"), "{told}");
    let told = bee.cs(&["learn", "show", "--all", "--verbose"]).ok();
    let (_, table) = told.out.split_once("On other machines").expect("a table");
    assert!(table.lines().filter(|line| line.ends_with("today")).count() > 20, "{told}");
}
