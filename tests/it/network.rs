//! Hosts in networks of their own, that reach each other by OpenSSH's real server and client alone.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::mesh::{Hosts, NAMES, NOTE, fails_in_three_sessions};
use crate::notes::before;
use crate::sandbox::{NOON, missing};

/// Where programs for administrators are looked for.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

fn program(name: &str) -> Option<PathBuf> {
    PATH.split(':').map(|folder| Path::new(folder).join(name)).find(|path| path.is_file())
}

/// Three machines on one wire: each with a server that lets the others ask `cs`, and one that keeps a repository.
struct Wire {
    hosts: Hosts,
}

impl Wire {
    fn new() -> Option<Self> {
        for name in ["sshd", "ssh", "ssh-keygen", "ip", "unshare"] {
            if program(name).is_none() {
                missing(name);
                return None;
            }
        }
        let mut own = Command::new("unshare");
        own.args(["-mn", "--propagation", "private", "true"]).stderr(Stdio::null());
        if !own.status().is_ok_and(|status| status.success()) {
            missing("the right to make networks");
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

    /// Keys, configurations and a `ssh` that keeps to them: its own looks into the home of the account, which is nobody's
    /// here.
    fn equip(&self, at: usize) {
        let host = &self.hosts.0[at];
        let home = host.home();
        fs::create_dir_all(home.join(".ssh")).expect("a folder");
        for key in ["host", "mesh", "store"] {
            let file = home.join(".ssh").join(key);
            let made =
                Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(file).status();
            assert!(made.expect("ssh-keygen runs").success());
        }
        let mut config = String::new();
        for (other, name) in NAMES.iter().enumerate() {
            config.push_str(&format!("Host {name}\n  HostName 10.9.0.{}\n", other + 1));
        }
        config.push_str("Host store\n  HostName 10.9.0.1\n  IdentityFile ");
        config.push_str(&format!("{}/.ssh/store\n", home.display()));
        config.push_str(&format!(
            "Host *\n  User root\n  IdentitiesOnly yes\n  IdentityFile {0}/.ssh/mesh\n  UserKnownHostsFile {0}/.ssh/known\n  \
             StrictHostKeyChecking accept-new\n",
            home.display()
        ));
        host.write(".ssh/config", config);
        host.script(
            "bin/ssh",
            &format!(
                "#!/bin/sh\nexec {} -F {}/.ssh/config \"$@\"\n",
                program("ssh").expect("it is there").display(),
                home.display()
            ),
        );
        host.script("bin/cs", &format!("#!/bin/sh\nexec '{}' \"$@\"\n", env!("CARGO_BIN_EXE_cs")));
        host.write(
            "sshd",
            format!(
                "Port 22\nHostKey {0}/.ssh/host\nAuthorizedKeysFile {0}/.ssh/authorized\nStrictModes no\nUsePAM no\n\
                 PidFile none\nPermitRootLogin prohibit-password\nPasswordAuthentication no\n\
                 KbdInteractiveAuthentication no\n",
                home.display()
            ),
        );
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
                text.push_str(&format!(
                    "restrict,command=\"git-shell -c \\\"$SSH_ORIGINAL_COMMAND\\\"\" {}",
                    key("store")
                ));
            }
            if at == 0 {
                let own = fs::read_to_string(home.join(".ssh/store.pub")).expect("a key");
                text.push_str(&format!(
                    "restrict,command=\"git-shell -c \\\"$SSH_ORIGINAL_COMMAND\\\"\" {own}"
                ));
            }
            let file = home.join(".ssh/authorized");
            fs::write(&file, text).expect("written");
            fs::set_permissions(file, fs::Permissions::from_mode(0o600)).expect("chmod");
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
