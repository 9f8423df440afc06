//! Hosts that come back from a backup, and what they knew no longer: whatever way they hear of each other, nobody stays
//! shut out, and no amount of what others told stands in the way of anything.

use std::process::Command;

use claude_sync::command::shape::{HostType, Outcome, Tool};
use claude_sync::crypto::{NodeKey, Secret};
use claude_sync::learn::{Item, Number, State, Told};
use claude_sync::mesh::replica::Telling;
use claude_sync::mesh::row::WINDOW_DAYS;
use claude_sync::mesh::{Bundle, rows_of};
use claude_sync::model::Digest;
use serde_json::Value;

use crate::mesh::{Hosts, copy, fails_in_three_sessions, fingerprint, index_of};
use crate::notes::{after, fold};
use crate::sandbox::{NOON, Sandbox};

fn learn(host: &Sandbox, line: &str, session: &str) {
    after(host, line, None, ("x", session));
    fold(host);
}

fn status(host: &Sandbox) -> Value {
    host.cs(&["mesh", "status", "--json"]).ok().json()
}

/// Why one host is set aside by another; nothing where it is not.
fn aside(at: &Sandbox, of: &Sandbox) -> Option<String> {
    let status = status(at);
    let hosts = status["hosts"].as_array().expect("hosts");
    let found = hosts.iter().find(|host| host["fingerprint"] == fingerprint(of))?;
    found["set_aside"].as_str().map(str::to_owned)
}

/// All know the same, and nobody of the others is set aside.
fn agree(hosts: &[&Sandbox]) {
    for at in hosts {
        for of in hosts {
            assert_eq!(aside(at, of), None);
        }
        assert_eq!(status(at)["digest"], status(hosts[0])["digest"]);
    }
}

/// What a host told over ssh is known there under a number that it uses again in a repository, since it was restored in
/// between.
#[test]
fn a_backup_that_came_back_between_two_ways_is_shown_both_halves() {
    let hosts = Hosts::new();
    let [ant, bee, _] = &hosts.0;
    let url = hosts.repository();
    learn(bee, "git status", "a");
    let learning = bee.root().join("learning");
    copy(&learning, &bee.path("backup"));
    hosts.sync(1, &["--ssh", "ant"]).ok();
    copy(&bee.path("backup"), &learning);
    learn(bee, "cargo test", "b");
    hosts.sync(1, &["--git", &url]).ok();
    hosts.sync(0, &["--git", &url]);
    assert!(aside(ant, bee).is_some_and(|why| why.contains("two things as its number 1")));
    for line in ["git pull", "npm ci"] {
        learn(bee, line, line);
        hosts.sync(1, &["--git", &url]).ok();
    }
    hosts.sync(0, &["--ssh", "bee"]);
    hosts.sync(1, &["--ssh", "ant"]);
    hosts.sync(0, &["--ssh", "bee"]).ok();
    agree(&[ant, bee]);
}

/// Some hosts exchange through a repository, one after the other.
fn exchange(hosts: &Hosts, url: &str, order: &[usize]) {
    order.iter().for_each(|host| drop(hosts.sync(*host, &["--git", url]).ok()));
}

/// The first host tells twice more, of which the second one hears, and is then as it was before. `saved`: what else is
/// done when its backup is made.
fn goes_back(hosts: &Hosts, url: &str, saved: impl Fn()) {
    let ant = &hosts.0[0];
    fails_in_three_sessions(ant);
    exchange(hosts, url, &[0, 1]);
    copy(&ant.root().join("learning"), &ant.path("backup"));
    saved();
    for line in ["git fetch", "git pull"] {
        learn(ant, line, line);
        exchange(hosts, url, &[0, 1]);
    }
    copy(&ant.path("backup"), &ant.root().join("learning"));
}

/// The repository lies on the machine that was restored: nothing there tells it that it had told more.
#[test]
fn a_backup_of_a_host_and_its_repository_is_told_by_whoever_knows_better() {
    let hosts = Hosts::new();
    let [ant, bee, _] = &hosts.0;
    let (url, repository) = (hosts.repository(), ant.path("shared.git"));
    goes_back(&hosts, &url, || copy(&repository, &ant.path("backup.git")));
    copy(&ant.path("backup.git"), &repository);
    learn(ant, "cargo test", "c");
    // It may be found out before it has used a number twice, or after.
    exchange(&hosts, &url, &[0, 1, 0, 1, 0, 1]);
    agree(&[ant, bee]);
    learn(ant, "npm ci", "d");
    exchange(&hosts, &url, &[0, 1, 0]);
    agree(&[ant, bee]);
    // What was shown is shown no longer.
    let listed = Command::new("git")
        .args(["ls-tree", "-r", "--name-only", &format!("refs/cs/hosts/{}", index_of(bee))])
        .current_dir(&repository)
        .output();
    assert_eq!(String::from_utf8_lossy(&listed.expect("git runs").stdout), "bundle\n");
}

/// The repository is gone, or only the ref in it, and the host that comes back does not know what it had told.
#[test]
fn a_host_that_finds_nothing_where_it_had_left_something_begins_anew() {
    for is_whole in [true, false] {
        let hosts = Hosts::new();
        let [ant, bee, _] = &hosts.0;
        let (url, repository) = (hosts.repository(), ant.path("shared.git"));
        goes_back(&hosts, &url, || ());
        if is_whole {
            std::fs::remove_dir_all(&repository).expect("removed");
            hosts.repository();
        } else {
            let name = format!("refs/cs/hosts/{}", index_of(ant));
            let gone =
                Command::new("git").args(["update-ref", "-d", &name]).current_dir(&repository).status();
            assert!(gone.expect("git runs").success());
        }
        for line in ["cargo test", "npm ci", "make check"] {
            learn(ant, line, line);
            exchange(&hosts, &url, &[0, 1, 0]);
            agree(&[ant, bee]);
        }
        let status = status(bee);
        let known = status["hosts"].as_array().expect("hosts").iter().find(|own| own["name"] == "ant");
        assert_eq!(known.expect("ant")["incarnation"], 2, "once, and not each time");
    }
}

/// A trusted host that tells much: what is known is read, sealed anew and taken back like little.
#[test]
fn much_that_was_told_stands_in_nobody_s_way() {
    let hosts = Hosts::new();
    let [ant, bee, _] = &hosts.0;
    let url = hosts.repository();
    fails_in_three_sessions(ant);
    hosts.sync(0, &["--git", &url]).ok();
    let today = u16::try_from(NOON / 86_400).expect("a day");
    let mut talkers = Vec::new();
    for number in 0..3_u8 {
        let mut seed = [number + 1; 32];
        let key = NodeKey::new(&Secret::take(&mut seed));
        let bytes = large(&key, today);
        assert!(bytes.len() > 80_000, "{}", bytes.len());
        bee.cs(&["trust", "add", &key.public().fingerprint(), &format!("talker-{number}")]).ok();
        put(ant, &key, &bytes);
        talkers.push(key);
    }
    let told = hosts.sync(1, &["--git", &url]).ok();
    assert!(told.out.contains("4 bundles taken"), "{told}");
    for args in [&["mesh", "status"][..], &["learn", "forget", "cargo doc", "--yes"], &["hook", "upkeep"]] {
        bee.cs(args).ok();
    }
    assert!(hosts.sync(1, &["--git", &url]).ok().out.contains("nothing new"));
    let known = |host: &Sandbox| status(host)["hosts"].as_array().expect("hosts").len();
    assert_eq!(known(bee), 5);
    for key in &talkers {
        bee.cs(&["trust", "revoke", &key.public().fingerprint()]).ok();
    }
    // More than is ever written is none of ours: it is told again.
    let file = crate::hooks::host(bee).path.join("mesh.enc");
    std::fs::write(&file, vec![b'A'; 40 << 20]).expect("written");
    let told = bee.cs(&["mesh", "status"]).ok();
    assert!(told.err.contains("they tell it again"), "{told}");
    bee.cs(&["hook", "upkeep"]).ok();
    hosts.sync(1, &["--git", &url]).ok();
    hosts.sync(0, &["--git", &url]).ok();
    assert_eq!(status(bee)["digest"], status(ant)["digest"]);
}

/// A bundle of somebody who ran everything there is, every day of a month.
fn large(key: &NodeKey, today: u16) -> Vec<u8> {
    let mut state = State::default();
    for code in (0..Tool::COUNT).step_by(7) {
        let name = Tool::from_code(code).expect("there").name();
        for day in today - 29..=today {
            let told = Told {
                tool: "Bash",
                command: Some(name),
                outcome: Outcome::Ok,
                printed: "",
                status: None,
                duration_ms: 0,
            };
            let numbers = [1, 2].map(Number);
            state.take(&Item::Call(told.observe(HostType::Workstation, day, numbers[0], numbers[1])));
        }
    }
    let telling = Telling { incarnation: 1, sequence: 1, day: today, window: WINDOW_DAYS };
    Bundle::sign(key, telling, &rows_of(&state, today)).expect("told").bytes()
}

/// Leaves it in the repository, under the ref of its host.
pub fn put(keeper: &Sandbox, key: &NodeKey, bytes: &[u8]) {
    let repository = keeper.path("shared.git");
    let file = keeper.path("large");
    std::fs::write(&file, bytes).expect("written");
    let name = Digest::from_bytes(key.public().to_bytes()).to_string();
    let script = "set -e; o=$(git hash-object -w \"$0\"); t=$(printf '100644 blob %s\\tbundle\\n' $o | git mktree); \
                  git update-ref refs/cs/hosts/$1 $(git -c user.name=v -c user.email=v@invalid commit-tree -m x $t)";
    let done = Command::new("sh").args(["-c", script]).arg(&file).arg(name).current_dir(&repository).status();
    assert!(done.expect("sh runs").success());
}
