//! A repository that hosts share holds whatever anybody with a login put there: each thing is said, the others go on,
//! and nothing that is known changes.

use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

use crate::hooked::installed;
use crate::hooks::host;
use crate::mesh::{Hosts, fails_in_three_sessions, fingerprint, index_of};
use crate::notes::{after, fold};
use crate::sandbox::Ran;

/// Somebody with a login there, who writes what the protocol does not foresee.
struct Vandal {
    repository: PathBuf,
    hosts: Hosts,
    url: String,
}

impl Vandal {
    /// A repository to which three hosts have told what they know.
    fn new() -> Self {
        let hosts = Hosts::new();
        let url = hosts.repository();
        let repository = hosts.0[0].path("shared.git");
        fails_in_three_sessions(&hosts.0[0]);
        let own = Self { repository, hosts, url };
        (0..3).chain(0..3).for_each(|host| drop(own.sync(host)));
        own
    }

    fn sync(&self, host: usize) -> Ran {
        self.hosts.sync(host, &["--git", &self.url]).ok()
    }

    fn git(&self, args: &[&str], input: &[u8]) -> String {
        use std::io::Write as _;
        let mut command = Command::new("git");
        command.args(args).current_dir(&self.repository).env_clear().env("PATH", "/usr/bin:/bin");
        for name in ["AUTHOR", "COMMITTER"] {
            command.env(format!("GIT_{name}_NAME"), "v").env(format!("GIT_{name}_EMAIL"), "v@invalid");
        }
        command.stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped());
        let mut child = command.spawn().expect("git runs");
        child.stdin.take().expect("piped").write_all(input).expect("written");
        let output = child.wait_with_output().expect("it ends");
        assert!(output.status.success(), "git {args:?}");
        String::from_utf8(output.stdout).expect("text").trim().to_owned()
    }

    fn reference(&self, host: usize) -> String {
        format!("refs/cs/hosts/{}", index_of(&self.hosts.0[host]))
    }

    fn bundle(&self, host: usize) -> Vec<u8> {
        let output = Command::new("git")
            .args(["cat-file", "blob", &format!("{}:bundle", self.reference(host))])
            .current_dir(&self.repository)
            .output();
        output.expect("git runs").stdout
    }

    /// Puts a tree entry of these words under a host's ref.
    fn put_entry(&self, host: usize, entry: &str) {
        let tree = self.git(&["mktree", "-z"], format!("{entry}\0").as_bytes());
        let commit = self.git(&["commit-tree", "-m", "x", &tree], b"");
        self.git(&["update-ref", &self.reference(host), &commit], b"");
    }

    fn put(&self, host: usize, bundle: &[u8]) {
        let object = self.git(&["hash-object", "-w", "--stdin"], bundle);
        self.put_entry(host, &format!("100644 blob {object}\tbundle"));
    }

    fn digest(&self, host: usize) -> Value {
        self.hosts.0[host].cs(&["mesh", "status", "--json"]).ok().json()["digest"].clone()
    }
}

#[test]
fn whatever_lies_under_a_host_s_ref_is_said_and_nothing_changes() {
    let vandal = Vandal::new();
    let good = vandal.bundle(0);
    let before = vandal.digest(2);
    assert_eq!(vandal.digest(0), before);
    let mut bent = good.clone();
    bent[60] ^= 1;
    let mut newer = good.clone();
    newer[0] = 9;
    let other = vandal.bundle(1);
    let large = vec![good[0]; 2 << 20];
    let bundles: [(&[u8], &str); 7] = [
        (&bent, "the bundle is not signed by the node that it names"),
        (&good[..good.len() / 2], "the bundle is damaged"),
        (b"", "the bundle is damaged"),
        (&newer, "a newer cs made it"),
        (b"<!doctype html><title>404</title>", "the bundle is damaged"),
        (&large, "and 1048576 are the most"),
        (&[&good[..], b"\n"].concat(), "the bundle is not signed by the node that it names"),
    ];
    for (bytes, expected) in bundles {
        vandal.put(0, bytes);
        let told = vandal.sync(2);
        let said = told.err.lines().find(|line| line.starts_with("warning: not taken: ant: "));
        assert!(said.is_some_and(|said| said.contains(expected)), "{expected}: {told}");
        assert_eq!(vandal.digest(2), before, "{expected}");
    }
    // What another host signed, under this one's name.
    vandal.put(0, &other);
    let told = vandal.sync(2);
    assert!(told.err.contains("not taken: ant: what lies there is another host's bundle"), "{told}");
    assert_eq!(vandal.digest(2), before);
    for entry in [
        format!("100644 blob {}\tother", vandal.git(&["hash-object", "-w", "--stdin"], &good)),
        format!("040000 tree {}\tbundle", vandal.git(&["mktree"], b"")),
    ] {
        vandal.put_entry(0, &entry);
        let told = vandal.sync(2);
        assert!(told.err.contains("not taken: ant: it "), "{entry}: {told}");
        assert_eq!(vandal.digest(2), before);
    }
    let blob = vandal.git(&["hash-object", "-w", "--stdin"], b"no commit");
    vandal.git(&["update-ref", &vandal.reference(0), &blob], b"");
    let told = vandal.sync(2);
    assert!(told.err.contains("not taken: ant: it has no file `bundle`"), "{told}");
    assert_eq!(vandal.digest(2), before);
    // A ref that leads nowhere, which the whole of a fetch fails at: bee is heard all the same.
    after(&vandal.hosts.0[1], "cargo doc", None, ("x", "n"));
    fold(&vandal.hosts.0[1]);
    vandal.sync(1);
    let file = vandal.repository.join(vandal.reference(0));
    std::fs::create_dir_all(file.parent().expect("a folder")).expect("a folder");
    std::fs::write(&file, format!("{:040}\n", 7)).expect("written");
    let told = vandal.sync(2);
    assert!(told.err.contains("not taken: ant: ") && told.out.contains("1 bundle taken"), "{told}");
    std::fs::remove_file(&file).expect("removed");
    // The owner puts it right, and begins anew: what it had left is gone.
    vandal.sync(0);
    assert!(!vandal.sync(2).err.contains("not taken"));
    assert_eq!(vandal.digest(2), vandal.digest(0));
}

/// Where there is but one other host, too: what this one knows goes there all the same.
#[test]
fn one_damaged_ref_keeps_nobody_s_own_words_back() {
    let vandal = Vandal::new();
    let blob = vandal.git(&["hash-object", "-w", "--stdin"], b"x");
    vandal.put_entry(0, &format!("100644 blob {blob}\t.git"));
    let before = vandal.bundle(1);
    after(&vandal.hosts.0[1], "cargo doc", None, ("x", "n"));
    fold(&vandal.hosts.0[1]);
    let told = vandal.sync(1);
    assert!(told.err.contains("not taken: ant: ") && told.err.contains("hasDotgit"), "{told}");
    assert!(told.out.contains("0 bundles taken, 1 sent"), "{told}");
    assert_ne!(vandal.bundle(1), before);
}

#[test]
fn refs_of_others_are_not_asked_for() {
    let vandal = Vandal::new();
    let before = vandal.digest(2);
    let object = vandal.git(&["hash-object", "-w", "--stdin"], b"x");
    let tree = vandal.git(&["mktree"], format!("100644 blob {object}\tbundle\n").as_bytes());
    let commit = vandal.git(&["commit-tree", "-m", "x", &tree], b"");
    for name in [
        "refs/heads/main".to_owned(),
        "refs/tags/v1".to_owned(),
        "refs/cs/hosts/nobody".to_owned(),
        "refs/cs/hosts/a/b".to_owned(),
        format!("refs/cs/hosts/{}", "0".repeat(64)),
        format!("refs/cs/hosts/{}", "f".repeat(64)),
        vandal.reference(0).to_uppercase().replace("REFS/CS/HOSTS", "refs/cs/hosts"),
    ] {
        vandal.git(&["update-ref", &name, &commit], b"");
    }
    let told = vandal.hosts.sync(2, &["-v", "--git", &vandal.url]).ok();
    assert!(
        told.out.contains("8 hosts are in the repository, 5 of them not trusted here and not asked for"),
        "{told}"
    );
    assert!(!told.err.contains("not taken"), "{told}");
    assert_eq!(vandal.digest(2), before);
    // Nothing of it stays on the disk, where it would lie unsealed.
    let left = std::fs::read_dir(host(&vandal.hosts.0[2]).path).expect("a folder");
    assert!(left.map(|entry| entry.expect("an entry").file_name()).all(|name| name != "mesh.git"));
}

#[test]
fn an_old_bundle_and_a_second_machine_with_the_key_are_found_out() {
    let vandal = Vandal::new();
    let Hosts([ant, _, cat]) = &vandal.hosts;
    let old = vandal.bundle(0);
    after(ant, "git fetch", None, ("x", "n"));
    fold(ant);
    vandal.sync(0);
    vandal.sync(2);
    let before = vandal.digest(2);
    // Played back, it is an old one, and its owner puts the newest back.
    vandal.put(0, &old);
    let told = vandal.sync(2);
    assert!(told.out.contains("0 bundles taken, 2 sent"), "its owner is shown what it told since: {told}");
    assert_eq!(vandal.digest(2), before);
    vandal.sync(0);
    assert_ne!(vandal.bundle(0), old);
    // A home that was copied to a second machine, with its key: both tell, and differ.
    let twin = installed();
    let (from, to) = (ant.root().join("learning"), twin.root().join("learning"));
    let copied =
        Command::new("sh").args(["-c", "rm -rf \"$1\" && cp -a \"$0\" \"$1\""]).arg(from).arg(to).status();
    assert!(copied.expect("sh runs").success());
    for (host, line) in [(ant, "cargo test"), (&twin, "make check")] {
        after(host, line, None, ("x", "o"));
        fold(host);
    }
    vandal.sync(0);
    vandal.sync(2);
    let both = fingerprint(&twin);
    assert_eq!(both, fingerprint(ant), "a copy has the key");
    let at_twin = twin.cs(&["mesh", "sync", "--git", &vandal.url]).ok();
    assert!(
        at_twin.err.contains("not taken: this host: ") && at_twin.err.contains("two machines have its key"),
        "{at_twin}"
    );
    assert!(twin.cs(&["audit"]).ok().out.contains("1 bundle of other hosts not taken"));
    vandal.sync(2);
    let incarnation = || {
        let status = cat.cs(&["mesh", "status", "--json"]).ok().json();
        let hosts = status["hosts"].as_array().expect("hosts");
        let ant = hosts.iter().find(|host| host["name"] == "ant").expect("ant");
        assert_eq!(ant["set_aside"], Value::Null, "{ant}");
        ant["incarnation"].as_u64().expect("a number")
    };
    assert_eq!(incarnation(), 2, "the twin began anew");
    // Whoever finds words of its own that it never said begins anew: nobody is shut out, and both still tell.
    vandal.sync(0);
    vandal.sync(2);
    assert_eq!(incarnation(), 3);
    assert!(cat.cs(&["audit"]).ok().out.contains("an exchange with other hosts"));
}
