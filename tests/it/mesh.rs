//! Hosts that tell each other what they learned: through a repository, and by a program that stands for ssh.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::hooked::installed;
use crate::notes::{GONE, after, before, fold};
use crate::sandbox::{Ran, Sandbox, ran};

/// Three hosts that trust each other.
pub struct Hosts(pub [Sandbox; 3]);

pub const NAMES: [&str; 3] = ["ant", "bee", "cat"];

pub fn fingerprint(host: &Sandbox) -> String {
    host.cs(&["identity", "--json"]).ok().json()["fingerprint"].as_str().expect("a fingerprint").to_owned()
}

/// How a host's ref is called in a repository: by its key, in hexadecimal.
pub fn index_of(host: &Sandbox) -> String {
    let key = host.cs(&["identity", "--json"]).ok().json();
    key["node"].as_str().expect("a key").to_owned()
}

impl Hosts {
    pub fn new() -> Self {
        let hosts = Self([installed(), installed(), installed()]);
        // Whoever has run nothing has no key yet.
        for host in &hosts.0 {
            after(host, "git status", None, ("x", "0"));
            fold(host);
        }
        for (at, host) in hosts.0.iter().enumerate() {
            for other in (0..3).filter(|other| *other != at) {
                host.cs(&["trust", "add", &fingerprint(&hosts.0[other]), NAMES[other]]).ok();
            }
        }
        hosts
    }

    /// A repository that all can reach.
    pub fn repository(&self) -> String {
        self.repository_at("shared.git")
    }

    /// The same, by another name.
    pub fn repository_at(&self, name: &str) -> String {
        let folder = self.0[0].path(name);
        let made =
            Command::new("git").args(["init", "-q", "--bare"]).arg(&folder).status().expect("git runs");
        assert!(made.success());
        format!("file://{}", folder.display())
    }

    /// What stands for ssh: it runs what it is told as the host of that name, and keeps what goes to and fro.
    fn ssh(&self) -> PathBuf {
        let bin = self.0[0].path("bin");
        std::fs::create_dir_all(&bin).expect("a folder");
        let homes = NAMES.iter().zip(&self.0);
        let homes: Vec<String> =
            homes.map(|(name, host)| format!("{name}) HOME='{}';;", host.home().display())).collect();
        let homes = homes.join("\n");
        let text = format!(
            "#!/bin/sh\nwhile [ \"$1\" != -- ]; do shift; done\ncase $2 in\n{homes}\n\
             *) echo \"ssh: Could not resolve hostname $2\" >&2; exit 255;; esac\nexport HOME\n\
             tee -a '{0}/up' | '{1}' mesh serve --stdio | tee -a '{0}/down'\n",
            bin.display(),
            env!("CARGO_BIN_EXE_cs")
        );
        let ssh = bin.join("ssh");
        std::fs::write(&ssh, text).expect("written");
        std::fs::set_permissions(&ssh, std::fs::Permissions::from_mode(0o755)).expect("a program");
        bin
    }

    pub fn sync(&self, host: usize, to: &[&str]) -> Ran {
        let mut command = self.0[host].command(&[&["mesh", "sync"], to].concat());
        command.env("PATH", format!("{}:/usr/local/bin:/usr/bin:/bin", self.ssh().display()));
        ran(command.output().expect("cs runs"))
    }

    fn digests(&self) -> Vec<Value> {
        let status = |host: &Sandbox| host.cs(&["mesh", "status", "--json"]).ok().json();
        self.0.iter().map(|host| status(host)["digest"].clone()).collect()
    }
}

/// Puts a copy of a folder in the place of another one, as a backup does.
pub fn copy(from: &Path, to: &Path) {
    let _ = std::fs::remove_dir_all(to);
    assert!(Command::new("cp").arg("-a").args([from, to]).status().expect("cp runs").success());
}

pub fn fails_in_three_sessions(host: &Sandbox) {
    for session in ["a", "b", "c"] {
        after(host, "npm ci", Some(GONE), ("x", session));
    }
    fold(host);
}

pub const NOTE: &str = "`npm ci` failed in session after session on 2 other machines of this user (command not found), and has not \
                    worked there since.";

#[test]
fn what_two_hosts_know_is_said_on_the_third_until_one_is_trusted_no_more() {
    for by_git in [true, false] {
        let hosts = Hosts::new();
        let [ant, bee, cat] = &hosts.0;
        fails_in_three_sessions(ant);
        fails_in_three_sessions(bee);
        assert_eq!(before(cat, "npm ci", ("x", "d")), None, "nobody has told");
        if by_git {
            let url = hosts.repository();
            (0..3).chain(0..3).for_each(|host| drop(hosts.sync(host, &["--git", &url]).ok()));
            let fsck =
                Command::new("git").args(["fsck", "--strict"]).current_dir(ant.path("shared.git")).output();
            assert!(fsck.expect("git runs").status.success());
        } else {
            hosts.sync(0, &["--ssh", "bee"]).ok();
            // What ant told bee, bee tells cat.
            hosts.sync(2, &["--ssh", "bee"]).ok();
            hosts.sync(0, &["--ssh", "cat"]).ok();
            hosts.sync(1, &["--ssh", "cat"]).ok();
        }
        let digests = hosts.digests();
        assert!(digests[0] == digests[1] && digests[1] == digests[2], "{by_git}: {digests:?}");
        let said = before(cat, "npm ci", ("x", "d"));
        assert_eq!(said.as_deref(), Some(NOTE), "{by_git}");
        assert_eq!(before(cat, "npm ci", ("x", "d")), None, "once");
        fold(cat);
        assert_eq!(before(cat, "npm ci", ("x", "d")), None, "once, also after a fold");
        let own = cat.cs(&["learn", "export"]).ok().json();
        assert!(!own["patterns"].to_string().contains("npm"), "it knows nothing of it itself");
        assert_eq!(own["streaks"], json!([]));
        let new_project = |session| before(cat, "npm ci", ("y", session));
        assert_eq!(new_project("e").as_deref(), Some(NOTE));
        cat.cs(&["trust", "revoke", "bee"]).ok();
        assert_eq!(before(cat, "npm ci", ("z", "f")), None, "one host's word is not enough");
        cat.cs(&["trust", "add", &fingerprint(bee), "bee"]).ok();
        assert_eq!(before(cat, "npm ci", ("z", "g")).as_deref(), Some(NOTE), "nothing has to be told again");
        after(cat, "npm ci", None, ("w", "h"));
        assert_eq!(before(cat, "npm ci", ("v", "i")), None, "it works here");
        fold(cat);
        assert_eq!(before(cat, "npm ci", ("u", "j")), None, "it works here");
    }
}

/// What the README shows, on two machines of which only one trusts the other yet.
#[test]
fn the_readme_s_commands_do_what_they_are_shown_for() {
    let hosts = Hosts::new();
    let [ant, bee, _] = &hosts.0;
    ant.cs(&["trust", "revoke", "bee"]).ok();
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).expect("a README");
    let (_, block) = text.split_once("```sh\ncs identity").expect("its block");
    let (block, rest) = block.split_once("```").expect("its end");
    let mut count = 0;
    for line in format!("cs identity{block}").lines() {
        let line = line.split('#').next().unwrap_or_default().trim();
        let line = line.replace("SHA256:FINGERPRINT", &fingerprint(bee));
        let args: Vec<&str> = line.split_whitespace().skip(1).collect();
        let host = if count == 0 { bee } else { ant };
        let mut command = host.command(&args);
        command.env("PATH", format!("{}:/usr/local/bin:/usr/bin:/bin", hosts.ssh().display()));
        let said = ran(command.output().expect("cs runs")).ok();
        match count {
            0 => assert!(said.out.contains(&fingerprint(bee)), "{said}"),
            2 => assert!(said.out.starts_with("bee   1 bundle taken, 1 sent   "), "{said}"),
            3 => assert!(said.out.contains("bee"), "{said}"),
            _ => {}
        }
        count += 1;
    }
    assert_eq!(count, 5);
    let (_, profile) = rest.split_once("```toml\n").expect("a profile");
    let (profile, _) = profile.split_once("```").expect("its end");
    ant.profile(&format!("extends = [\"builtin:learning\"]\n{profile}"));
    ant.apply();
    let peers = ant.cs(&["mesh", "peers", "--json"]).ok().json();
    assert_eq!(peers["peers"][0]["name"], "bee");
}

#[test]
fn each_peer_stands_for_itself_and_what_went_wrong_is_said() {
    let hosts = &Hosts::new();
    let [ant, bee, _] = &hosts.0;
    let told = hosts.sync(0, &["--ssh", "nowhere", "--ssh", "bee", "--git", "file:///nowhere/at/all"]).ok();
    assert!(told.err.contains("nowhere: ssh: Could not resolve hostname nowhere"), "{}", told.err);
    assert!(told.err.contains("file:///nowhere/at/all: "), "{}", told.err);
    assert!(told.out.starts_with("bee   1 bundle taken, 1 sent"), "{}", told.out);
    hosts.sync(0, &["--ssh", "nowhere"]).code(1);
    hosts.sync(0, &[]).code(1);
    let told = hosts.sync(0, &["--ssh", "ant"]).code(1);
    assert!(told.err.contains("it is this host itself"), "{}", told.err);
    // Both at once: neither waits for the other.
    let both = std::thread::scope(|scope| {
        [(0, "bee"), (1, "ant")]
            .map(|(host, to)| scope.spawn(move || hosts.sync(host, &["--ssh", to])))
            .map(|sync| sync.join().expect("done"))
    });
    for ran in both {
        ran.ok();
    }
    bee.cs(&["trust", "revoke", "ant"]).ok();
    let told = hosts.sync(0, &["--ssh", "bee"]).code(1);
    assert!(told.err.contains("it does not trust this host: there, cs trust add SHA256:"), "{}", told.err);
    ant.cs(&["trust", "revoke", "bee"]).ok();
    let told = hosts.sync(0, &["--ssh", "bee"]).code(1);
    assert!(told.err.contains("trust"), "{}", told.err);
    let short = fingerprint(bee).chars().take(20).collect::<String>();
    ant.cs(&["trust", "add", &short]).code(1);
    ant.cs(&["trust", "add", &fingerprint(ant)]).code(1);
    ant.cs(&["trust", "revoke", "nobody"]).code(1);
}

#[test]
fn what_others_told_is_shown_and_marked_as_theirs() {
    let hosts = Hosts::new();
    let [ant, bee, cat] = &hosts.0;
    fails_in_three_sessions(ant);
    fails_in_three_sessions(bee);
    // It works there, and here nobody has tried it often.
    for session in ["d", "e", "f", "g"] {
        after(ant, "cargo test", None, ("x", session));
    }
    after(cat, "cargo test", Some("Exit code 1\nerror: no such thing"), ("x", "d"));
    [ant, bee, cat].into_iter().for_each(fold);
    let alone = cat.cs(&["learn", "export"]).ok().json();
    hosts.sync(2, &["--ssh", "ant", "--ssh", "bee"]).ok();
    let shown = cat.cs(&["learn", "show", "--all"]).ok();
    let expected =
        "Failing elsewhere, and never worked here\n  npm ci   on 2 other machines   command not found\n";
    assert!(shown.out.contains(expected), "{shown}");
    assert!(shown.out.contains(" *") && shown.out.contains("a quarter of it at most"), "{shown}");
    let told = cat.cs(&["learn", "export"]).ok().json();
    assert_eq!(told["elsewhere"], json!([{"form": "npm ci", "machines": 2, "error": "command_not_found"}]));
    let sure = |all: &Value| {
        let rows = all["patterns"].as_array().expect("rows");
        let row = rows.iter().find(|row| row["form"] == "cargo test").expect("it was run").clone();
        (row["confidence"].as_f64().expect("a number"), row["by_others"].as_f64().expect("a number"))
    };
    let ((before, none), (after, some)) = (sure(&alone), sure(&told));
    assert!(none == 0.0 && after > before && some > 0.2 && some <= 0.25, "{before} {none} {after} {some}");
    // A list that somebody wrote by hand and that is none: learning goes on, and who looks is told.
    let trusted = cat.read(".claude/learning/trusted");
    cat.write(".claude/learning/trusted", format!("{trusted}SHA256:short friend 2026-01-01\n"));
    fold(cat);
    assert!(cat.cs(&["learn", "show"]).ok().out.contains("cargo test"));
    let told = cat.cs(&["doctor"]);
    assert!(told.out.contains("learning/trusted") && told.out.contains("correct that line"), "{told}");
    cat.cs(&["mesh", "status"]).code(1);
}

/// A restored backup that tells under numbers which only the third host knows as used: each side finds out, and both are
/// heard again.
#[test]
fn a_restored_backup_is_told_by_whoever_knows_better() {
    let hosts = Hosts::new();
    let [ant, bee, cat] = &hosts.0;
    let learn = |line: &str, session: &str| {
        after(ant, line, None, ("x", session));
        fold(ant);
    };
    let learning = ant.root().join("learning");
    hosts.sync(0, &["--ssh", "bee", "--ssh", "cat"]).ok();
    copy(&learning, &ant.path("backup"));
    learn("git pull", "b");
    hosts.sync(0, &["--ssh", "bee"]).ok();
    copy(&ant.path("backup"), &learning);
    learn("git fetch", "c");
    // Of the number that bee knows the other half of.
    hosts.sync(0, &["--ssh", "cat"]).ok();
    hosts.sync(2, &["--ssh", "bee"]).ok();
    let aside = |host: &Sandbox| {
        let status = host.cs(&["mesh", "status", "--json"]).ok().json();
        let own = status["hosts"]
            .as_array()
            .expect("hosts")
            .iter()
            .find(|own| own["fingerprint"] == fingerprint(ant));
        own.map(|own| own["set_aside"].clone())
    };
    assert!(aside(bee).is_some_and(|why| why.is_string()), "bee has seen both");
    let told = hosts.sync(0, &["--ssh", "bee"]).ok();
    assert!(
        told.err.contains("not taken: SHA256:") && told.err.contains("two machines have its key"),
        "{told}"
    );
    // It began anew in that very conversation, and tells as that.
    assert_eq!(aside(bee), Some(Value::Null));
    learn("git log", "d");
    for _ in 0..2 {
        hosts.sync(0, &["--ssh", "cat"]).ok();
        hosts.sync(2, &["--ssh", "bee"]).ok();
    }
    let digests = hosts.digests();
    assert!(digests[0] == digests[1] && digests[1] == digests[2], "{digests:?}");
    assert_eq!(aside(cat), Some(Value::Null));
}

#[test]
fn one_change_of_trust_after_the_other() {
    let hosts = Hosts::new();
    let [ant, bee, _] = &hosts.0;
    let others: Vec<String> = (0..6_u8)
        .map(|number| {
            let key =
                claude_sync::crypto::NodeKey::new(&claude_sync::crypto::Secret::take(&mut [number + 1; 32]));
            key.public().fingerprint()
        })
        .collect();
    std::thread::scope(|scope| {
        for other in &others {
            scope.spawn(|| ant.cs(&["trust", "add", other]).ok());
        }
        scope.spawn(|| ant.cs(&["trust", "revoke", "bee"]).ok());
    });
    let list = ant.cs(&["trust", "list"]).ok().out;
    assert!(others.iter().all(|other| list.contains(other)) && !list.contains(&fingerprint(bee)), "{list}");
    // Whoever else can write to it says whom this host believes.
    let file = ant.root().join("learning/trusted");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o666)).expect("chmod");
    let told = hosts.sync(0, &["--ssh", "cat"]).code(1);
    assert!(told.err.contains("they can write to it") && told.err.contains("chmod go-w"), "{told}");
}

/// A host that forgot something, or came back from a backup, is not taken for a liar.
#[test]
fn a_forget_and_a_restored_backup_shut_no_host_out() {
    let hosts = Hosts::new();
    let [ant, _, cat] = &hosts.0;
    let url = hosts.repository();
    let all = || (0..3).chain(0..3).for_each(|host| drop(hosts.sync(host, &["--git", &url]).ok()));
    fails_in_three_sessions(ant);
    all();
    let backup = ant.path("backup");
    copy(&ant.root().join("learning"), &backup);
    for session in ["d", "e"] {
        after(ant, "git fetch", None, ("x", session));
    }
    fold(ant);
    all();
    copy(&backup, &ant.root().join("learning"));
    after(ant, "git pull", None, ("x", "f"));
    fold(ant);
    all();
    ant.cs(&["learn", "forget", "git status", "--yes"]).ok();
    all();
    let digests = hosts.digests();
    assert!(digests[0] == digests[1] && digests[1] == digests[2], "{digests:?}");
    let status = cat.cs(&["mesh", "status", "--json"]).ok().json();
    let told = status["hosts"].as_array().expect("hosts").iter().find(|host| host["name"] == "ant");
    let told = told.expect("ant").clone();
    assert_eq!((&told["set_aside"], &told["incarnation"]), (&Value::Null, &json!(3)), "{status}");
}
