//! Hosts in networks of their own, that reach each other by OpenSSH's real server and client alone.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::fleet;
use crate::mesh::{Hosts, NAMES, NOTE, fails_in_three_sessions};
use crate::notes::before;
use crate::sandbox::{NOON, Sandbox, missing, ran};
use crate::scenarios::by_wish;

/// Where programs for administrators are looked for.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

fn program(name: &str) -> Option<PathBuf> {
    PATH.split(':').map(|folder| Path::new(folder).join(name)).find(|path| path.is_file())
}

/// Whether OpenSSH is there, and networks of one's own may be made; what is missing is said.
fn can_connect() -> bool {
    for name in ["sshd", "ssh", "ssh-keygen", "ip", "unshare"] {
        if program(name).is_none() {
            missing(name);
            return false;
        }
    }
    let mut own = Command::new("unshare");
    own.args(["-mn", "--propagation", "private", "true"]).stderr(Stdio::null());
    if !own.status().is_ok_and(|status| status.success()) {
        missing("the right to make networks");
        return false;
    }
    true
}

/// A key of a host's own, as `~/.ssh/NAME`.
fn make_key(host: &Sandbox, name: &str) {
    fs::create_dir_all(host.path(".ssh")).expect("a folder");
    let file = host.path(".ssh").join(name);
    let made = Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(file).status();
    assert!(made.expect("ssh-keygen runs").success());
}

/// A `ssh` that keeps to these machines and the host's own keys: its usual files lie in the home of the account, which is
/// nobody's here.
fn make_client(host: &Sandbox, machines: &str) {
    let ssh = host.path(".ssh").display().to_string();
    let usual = format!(
        "Host *\n  User root\n  IdentitiesOnly yes\n  IdentityFile {ssh}/mesh\n  UserKnownHostsFile {ssh}/known\n  \
         StrictHostKeyChecking accept-new\n"
    );
    host.write(".ssh/config", format!("{machines}{usual}"));
    let program = program("ssh").expect("it is there").display().to_string();
    host.script("bin/ssh", &format!("#!/bin/sh\nexec {program} -F {ssh}/config \"$@\"\n"));
}

/// The configuration of a server, as `~/sshd`.
fn make_server(host: &Sandbox) {
    let ssh = host.path(".ssh").display().to_string();
    host.write(
        "sshd",
        format!(
            "Port 22\nHostKey {ssh}/host\nAuthorizedKeysFile {ssh}/authorized\nStrictModes no\nUsePAM no\n\
             PidFile none\nPermitRootLogin prohibit-password\nPasswordAuthentication no\n\
             KbdInteractiveAuthentication no\n"
        ),
    );
}

/// The line of a key that may use repositories, and nothing else.
fn may_use_repositories(key: &str) -> String {
    format!("restrict,command=\"git-shell -c \\\"$SSH_ORIGINAL_COMMAND\\\"\" {key}")
}

/// Lets in those keys and nobody else.
fn let_in(server: &Sandbox, lines: &str) {
    let file = server.path(".ssh/authorized");
    fs::write(&file, lines).expect("written");
    fs::set_permissions(file, fs::Permissions::from_mode(0o600)).expect("chmod");
}

/// Three machines on one wire: each with a server that lets the others ask `cs`, and one that keeps a repository.
struct Wire {
    hosts: Hosts,
}

impl Wire {
    fn new() -> Option<Self> {
        if !can_connect() {
            return None;
        }
        let wire = Self { hosts: Hosts::new() };
        for at in 0..NAMES.len() {
            wire.equip(at);
        }
        Some(wire)
    }

    fn home(&self, at: usize) -> PathBuf {
        self.hosts.0[at].home()
    }

    /// Keys, configurations and programs.
    fn equip(&self, at: usize) {
        let host = &self.hosts.0[at];
        ["host", "mesh", "store"].into_iter().for_each(|key| make_key(host, key));
        let mut machines = String::new();
        for (other, name) in NAMES.iter().enumerate() {
            machines.push_str(&format!("Host {name}\n  HostName 10.9.0.{}\n", other + 1));
        }
        machines.push_str("Host store\n  HostName 10.9.0.1\n  IdentityFile ");
        machines.push_str(&format!("{}/.ssh/store\n", host.home().display()));
        make_client(host, &machines);
        make_server(host);
        host.script("bin/cs", &format!("#!/bin/sh\nexec '{}' \"$@\"\n", env!("CARGO_BIN_EXE_cs")));
    }

    /// Lets each ask the others: the line that the security page shows, in this world.
    fn authorize(&self) {
        for at in 0..NAMES.len() {
            let home = self.home(at);
            let mut text = String::new();
            for other in (0..NAMES.len()).filter(|other| *other != at) {
                let key = |name: &str| {
                    fs::read_to_string(self.home(other).join(format!(".ssh/{name}.pub"))).expect("a key")
                };
                let cs = format!(
                    "env HOME={} CS_NOW={NOON} {} mesh serve --stdio",
                    home.display(),
                    env!("CARGO_BIN_EXE_cs")
                );
                text.push_str(&format!("restrict,command=\"{cs}\" {}", key("mesh")));
                text.push_str(&may_use_repositories(&key("store")));
            }
            if at == 0 {
                text.push_str(&may_use_repositories(&self.hosts.0[0].read(".ssh/store.pub")));
            }
            let_in(&self.hosts.0[at], &text);
        }
    }

    /// Runs these commands of `cs`, each on its machine, and what each said.
    fn run(&self, commands: &[(usize, &str)]) -> Vec<(bool, String, String)> {
        self.authorize();
        let out = self.home(0).join("said");
        let _ = fs::remove_dir_all(&out);
        fs::create_dir_all(&out).expect("a folder");
        let mut script =
            "set -e\nmount -t tmpfs none /run\nmkdir -p /run/netns /run/sshd\nchmod 755 /run/sshd\n\
            ip link add wire type bridge\nip link set wire up\n"
                .to_owned();
        for (at, _) in NAMES.iter().enumerate() {
            let number = at + 1;
            let home = self.home(at);
            script.push_str(&format!(
                "ip netns add n{number}\nip link add v{number} type veth peer name e0 netns n{number}\n\
                 ip link set v{number} master wire up\n\
                 ip -n n{number} addr add 10.9.0.{number}/24 dev e0\nip -n n{number} link set e0 up\n\
                 ip -n n{number} link set lo up\n\
                 ip netns exec n{number} {} -f {}/sshd\n",
                program("sshd").expect("it is there").display(),
                home.display()
            ));
        }
        script.push_str("set +e\n");
        for (number, (at, command)) in commands.iter().enumerate() {
            let (home, out) = (self.home(*at), out.join(number.to_string()));
            script.push_str(&format!(
                "ip netns exec n{} env -i HOME={1} CS_NOW={NOON} PATH={1}/bin:{PATH} cs {command} >{2}.out 2>{2}.err \
                 </dev/null\necho $? >{2}.code\n",
                at + 1,
                home.display(),
                out.display()
            ));
        }
        let ran = Command::new("unshare")
            .args(["-mnpf", "--kill-child", "--propagation", "private", "sh", "-c", &script])
            .env("PATH", PATH)
            .current_dir("/")
            .output()
            .expect("unshare runs");
        assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
        let read = |number: usize, name: &str| {
            fs::read_to_string(out.join(format!("{number}.{name}"))).unwrap_or_else(|error| {
                panic!("{number}.{name}: {error}\n{}", String::from_utf8_lossy(&ran.stderr))
            })
        };
        (0..commands.len())
            .map(|number| (read(number, "code").trim() == "0", read(number, "out"), read(number, "err")))
            .collect()
    }
}

fn digest(said: &str) -> Value {
    let said: Value = serde_json::from_str(said).unwrap_or_else(|error| panic!("{error}: {said}"));
    said["digest"].clone()
}

#[test]
fn three_machines_learn_from_each_other_over_openssh() {
    let Some(wire) = Wire::new() else { return };
    let [ant, bee, cat] = &wire.hosts.0;
    fails_in_three_sessions(ant);
    fails_in_three_sessions(bee);
    // By a list, and by a pattern of names in the ssh configuration.
    cat.profile("extends = [\"builtin:learning\"]\n[mesh]\nssh = [\"ant\", \"b??\", \"10.9.0.9\"]\n");
    cat.apply();
    let said = wire.run(&[
        (2, "mesh peers --json"),
        (2, "mesh sync"),
        (2, "mesh sync --json"),
        (0, "mesh sync --ssh bee --json"),
        (1, "mesh sync --ssh cat"),
        (0, "mesh status --json"),
        (1, "mesh status --json"),
        (2, "mesh status --json"),
    ]);
    for (at, (is_well, out, err)) in said.iter().enumerate() {
        assert!(is_well, "{at}: {out}{err}");
    }
    let peers: Value = serde_json::from_str(&said[0].1).expect("JSON");
    let names: Vec<&str> =
        peers["peers"].as_array().expect("peers").iter().filter_map(|peer| peer["name"].as_str()).collect();
    assert_eq!(names, ["ant", "bee", "10.9.0.9"]);
    assert!(said[1].1.starts_with("ant   1 bundle taken, 1 sent   "), "{}", said[1].1);
    assert!(said[1].1.contains("\nbee   1 bundle taken, 2 sent   "), "{}", said[1].1);
    let dead = said[1].2.contains("10.9.0.9: ") && said[1].2.contains("No route to host");
    assert!(dead || said[1].2.contains("timed out"), "a dead one is passed: {}", said[1].2);
    let digests: Vec<Value> = said[5..].iter().map(|(_, out, _)| digest(out)).collect();
    assert!(digests[0] == digests[1] && digests[1] == digests[2], "{digests:?}");
    assert_eq!(before(cat, "npm ci", ("x", "d")).as_deref(), Some(NOTE));
    cat.cs(&["trust", "revoke", "bee"]).ok();
    assert_eq!(before(cat, "npm ci", ("z", "f")), None, "one host's word is not enough");
    // Who is not trusted is not talked to, although ssh lets it in.
    let said = wire.run(&[(1, "mesh sync --ssh cat"), (2, "mesh sync --ssh bee")]);
    assert!(
        !said[0].0 && said[0].2.contains("it does not trust this host: there, cs trust add SHA256:"),
        "{said:?}"
    );
    assert!(!said[1].0 && said[1].2.contains("which is not trusted here"), "{said:?}");
}

#[test]
fn a_repository_is_reached_over_openssh() {
    let Some(wire) = Wire::new() else { return };
    fails_in_three_sessions(&wire.hosts.0[0]);
    wire.hosts.repository();
    let sync = format!("mesh sync --git ssh://store{}/shared.git --json", wire.home(0).display());
    let said = wire.run(&[(0, &sync), (1, &sync), (2, &sync), (0, &sync), (1, &sync), (2, &sync)]);
    for (at, (is_well, out, err)) in said.iter().enumerate() {
        assert!(is_well, "{at}: {out}{err}");
    }
    let digests: Vec<Value> = said[3..].iter().map(|(_, out, _)| digest(out)).collect();
    assert!(digests[0] == digests[1] && digests[1] == digests[2], "{digests:?}");
    let again = wire.run(&[(0, &sync), (2, &sync)]);
    for (_, out, _) in again {
        let said: Value = serde_json::from_str(&out).expect("JSON");
        let peer = &said["peers"][0];
        assert_eq!((&peer["bytes_in"], &peer["bytes_out"]), (&Value::from(0), &Value::from(0)), "{peer}");
    }
}

/// A fleet whose repository is reached over OpenSSH, in a network where nobody else is.
#[test]
fn a_fleet_on_one_repository_comes_to_know_the_same_over_openssh() {
    if !can_connect() {
        return;
    }
    let mut inner = Command::new("unshare");
    inner.args(["-mnpf", "--kill-child", "--propagation", "private"]);
    inner.arg(std::env::current_exe().expect("a test"));
    inner.args(["network::a_fleet_in_a_network_of_its_own", "--exact", "--ignored", "--nocapture"]);
    let ran = ran(inner.output().expect("the test runs"));
    assert_eq!(ran.code, 0, "{ran}");
    assert!(ran.out.contains("1 passed"), "{ran}");
    ran.out.lines().filter(|line| line.contains(" hosts, ")).for_each(|line| println!("over ssh: {line}"));
}

#[test]
#[ignore = "has a network of its own: run by the test above"]
fn a_fleet_in_a_network_of_its_own() {
    let (count, rounds) = by_wish([(64, 20), (5, 3), (3, 2)]);
    let hosts: Vec<Sandbox> = (0..count).map(|_| Sandbox::new()).collect();
    let store = &hosts[0];
    make_key(store, "host");
    make_server(store);
    let mut lines = String::new();
    for host in &hosts {
        make_key(host, "mesh");
        make_client(host, "Host store\n  HostName 127.0.0.1\n");
        lines.push_str(&may_use_repositories(&host.read(".ssh/mesh.pub")));
    }
    let_in(store, &lines);
    let script = format!(
        "set -e\nmount -t tmpfs none /run\nmkdir /run/sshd\nchmod 755 /run/sshd\nip link set lo up\n{} -f {}/sshd\n",
        program("sshd").expect("it is there").display(),
        store.home().display()
    );
    let began = Command::new("sh").args(["-c", &script]).env("PATH", PATH).status().expect("sh runs");
    assert!(began.success());
    fleet::comes_to_know_the_same(&hosts, rounds, |repository| {
        format!("ssh://store{}", repository.display())
    });
}
