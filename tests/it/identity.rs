//! Which machine it is: simulated ones, reinstalled, cloned, copied, and sharing a home.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use claude_sync::knowledge::{Learning, sources};
use serde_json::json;

use crate::machines::{ID_A, ID_B, Machine, hosts};
use crate::sandbox::{NOON, Sandbox, coverage, ran, skipped};

#[test]
fn a_look_makes_nothing() {
    let sandbox = Sandbox::new();
    let machine = Machine::metal(&sandbox, "a", ID_A, "tux");
    let seen = machine.identity();
    assert_eq!(seen["tier"], "hardware");
    assert_eq!(seen["sources"], json!(["disk", "mac"]));
    assert_eq!(seen["survives_reinstall"], true);
    assert_eq!(seen["enrolled"], false);
    assert_eq!(seen["fingerprint"], json!(null));
    assert!(!sandbox.root().exists());
    // Enrolled it is who it would have been.
    let enrolled = machine.adopt();
    assert_eq!(enrolled["host_id"], seen["host_id"]);
    assert_eq!(machine.identity()["binding"], "same");
    assert!(enrolled["fingerprint"].as_str().is_some_and(|text| text.starts_with("SHA256:")));
}

#[test]
fn words_say_whether_it_survives_a_reinstall() {
    let sandbox = Sandbox::new();
    let metal = Machine::metal(&sandbox, "a", ID_A, "tux").cs(&["identity"]).ok().out;
    assert!(metal.contains("survives it: the id follows from the disk and the mac"), "{metal}");
    let bare = Machine::bare(&sandbox, "b", ID_B, "tux").cs(&["identity"]).ok().out;
    assert!(bare.contains("does not survive it") && bare.contains("machine-id"), "{bare}");
    let none = Machine::bare(&sandbox, "c", "uninitialized", "tux").cs(&["identity"]).ok().out;
    assert!(none.contains("does not survive it") && none.contains("made up"), "{none}");
    assert!(none.starts_with("no id yet"), "{none}");
    // What identifies the machine is not shown.
    assert!(!metal.contains("a4:bb") && !bare.contains(ID_B), "{metal}{bare}");
}

/// Nothing that only root may read has a part in it.
#[test]
fn root_and_everybody_else_get_the_same() {
    let sandbox = Sandbox::new();
    let machine = Machine::metal(&sandbox, "a", ID_A, "tux");
    let before = machine.identity()["host_id"].clone();
    machine.says("sys/class/dmi/id/product_uuid", "4c4c4544-0042-3510-8054-b7c04f4a5931");
    machine.says("sys/class/dmi/id/board_serial", "/ABC123/");
    assert_eq!(machine.identity()["host_id"], before);

    let open = fs::Permissions::from_mode(0o755);
    fs::set_permissions(sandbox.home().parent().expect("a folder"), open).expect("chmod");
    let secret = machine.folder().join("sys/class/dmi/id/product_uuid");
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o400)).expect("chmod");
    let mut command = Command::new("setpriv");
    let user = ["--reuid=65534", "--regid=65534", "--clear-groups", "--", env!("CARGO_BIN_EXE_cs")];
    command.args(user).args(["identity", "--json", "--root", "/nonexistent/claude"]);
    command.env_clear().envs(coverage()).env("HOME", "/nonexistent").env("PATH", "/usr/bin:/bin");
    command.env("CS_SOURCES", machine.folder()).current_dir("/");
    match command.output() {
        Ok(output) if output.status.success() => assert_eq!(ran(output).json()["host_id"], before),
        _ => skipped("only root can try what another user gets"),
    }
}

#[test]
fn a_reinstalled_machine_is_known_by_its_hardware() {
    let sandbox = Sandbox::new();
    let machine = Machine::metal(&sandbox, "a", ID_A, "tux");
    let before = machine.adopt();
    machine.says("etc/machine-id", ID_B);
    assert_eq!(machine.identity()["enrolled"], false);
    let after = machine.adopt();
    assert_eq!((&after["host_id"], &after["fingerprint"]), (&before["host_id"], &before["fingerprint"]));
    assert_eq!(after["message"], "This machine is known again, under its new system.");
    assert_eq!(machine.identity()["binding"], "same");
    assert_eq!(hosts(&sandbox).len(), 1);
    // And with an empty home, too.
    fs::remove_dir_all(sandbox.root()).expect("removed");
    let anew = machine.adopt();
    assert_eq!(anew["host_id"], before["host_id"]);
    assert_ne!(anew["fingerprint"], before["fingerprint"]);
}

#[test]
fn an_enrolled_machine_keeps_its_id_when_parts_are_replaced() {
    let sandbox = Sandbox::new();
    let machine = Machine::metal(&sandbox, "a", ID_A, "tux");
    let before = machine.adopt();
    machine.says("sys/block/nvme0n1/wwid", "eui.0011223344556677");
    assert_eq!(machine.adopt()["host_id"], before["host_id"]);
    machine.says("sys/class/net/eth0/address", "a4:bb:6d:77:77:77");
    let after = machine.adopt();
    assert_eq!((&after["host_id"], &after["fingerprint"]), (&before["host_id"], &before["fingerprint"]));
}

#[test]
fn a_home_that_was_copied_to_another_machine_is_not_taken_for_it() {
    let sandbox = Sandbox::new();
    let first = Machine::metal(&sandbox, "first", ID_A, "tux");
    let before = first.adopt();
    // An image that was cloned whole: same name, same machine-id, other hardware.
    let second = Machine::metal(&sandbox, "second", ID_A, "tux");
    let seen = second.identity();
    assert_eq!((&seen["host_id"], &seen["binding"]), (&before["host_id"], &json!("copied")));
    let words = second.cs(&["identity"]).ok().out;
    assert!(words.contains("another one: this folder was copied here"), "{words}");
    let after = second.adopt();
    assert_ne!(after["host_id"], before["host_id"]);
    assert_ne!(after["fingerprint"], before["fingerprint"]);
    let message = after["message"].as_str().expect("a message");
    assert!(message.contains(before["host_id"].as_str().expect("an id")), "{message}");
    assert_eq!(after["copied_from"], json!(null));
    assert_eq!(hosts(&sandbox).len(), 2);
    // The old folder is as it was; and it is the second machine's home now.
    let ring = format!(".claude/learning/{}/keys/ring", before["host_id"].as_str().expect("an id"));
    assert!(sandbox.read(&ring).starts_with("cs-ring 1\n"));
    assert_eq!(second.identity()["binding"], "same");
    // Back on the first machine it finds its own keys again.
    let back = first.adopt();
    assert_eq!((&back["host_id"], &back["fingerprint"]), (&before["host_id"], &before["fingerprint"]));
    assert_eq!(hosts(&sandbox).len(), 2);
}

#[test]
fn clones_of_an_image_without_hardware_are_not_called_the_same() {
    let sandbox = Sandbox::new();
    let machine = Machine::bare(&sandbox, "a", ID_A, "tux");
    let before = machine.adopt();
    assert_eq!((&before["tier"], &before["binding"]), (&json!("install"), &json!("unverifiable")));
    let words = machine.cs(&["identity"]).ok().out;
    assert!(words.contains("a clone would look the same"), "{words}");
}

#[test]
fn hosts_on_one_home_have_folders_and_keys_of_their_own() {
    let sandbox = Sandbox::new();
    let machines = [
        Machine::metal(&sandbox, "node1", ID_A, "node1"),
        Machine::metal(&sandbox, "node2", ID_B, "node2"),
        Machine::bare(&sandbox, "node3", "", "node3"),
        Machine::bare(&sandbox, "node4", "", "node4"),
    ];
    let enrolled: Vec<_> = machines.iter().map(Machine::adopt).collect();
    assert_eq!(hosts(&sandbox).len(), machines.len());
    for (machine, enrolled) in machines.iter().zip(&enrolled) {
        let again = machine.adopt();
        assert_eq!(again["message"], "This machine was enrolled already.");
        assert_eq!(
            (&again["host_id"], &again["fingerprint"]),
            (&enrolled["host_id"], &enrolled["fingerprint"])
        );
    }
    let mut fingerprints: Vec<_> = enrolled.iter().map(|host| host["fingerprint"].to_string()).collect();
    fingerprints.sort();
    fingerprints.dedup();
    assert_eq!(fingerprints.len(), machines.len());
    assert_eq!(
        fs::read_dir(sandbox.path(".claude/learning/hosts")).expect("an index").count(),
        machines.len()
    );
}

#[test]
fn a_machine_that_was_renamed_is_the_same() {
    let sandbox = Sandbox::new();
    let machine = Machine::metal(&sandbox, "a", ID_A, "tux");
    let before = machine.adopt();
    machine.says("etc/hostname", "penguin");
    let after = machine.adopt();
    assert_eq!((&after["host_id"], &after["fingerprint"]), (&before["host_id"], &before["fingerprint"]));
    assert_eq!(hosts(&sandbox).len(), 1);
}

/// The next session enrols the copy, and nothing is shared before somebody has said so.
#[test]
fn a_copied_folder_is_in_quarantine_until_it_is_adopted() {
    let sandbox = Sandbox::new();
    let learning = |name: &str| {
        let folder = Machine::metal(&sandbox, name, ID_A, "tux").folder();
        Learning::on(sources::Machine::simulated(folder), &sandbox.root())
    };
    let first = learning("first").enrol(NOON).expect("enrolled");
    assert_eq!(first.standing, None);
    assert!(first.host.may_share().expect("readable"));
    let second = learning("second");
    for _ in 0..2 {
        let enrolled = second.enrol(NOON).expect("enrolled");
        assert_ne!(enrolled.host.id, first.host.id);
        assert_eq!(second.known_host().expect("readable"), Some(enrolled.host.clone()));
        assert!(!enrolled.host.may_share().expect("readable"));
    }
    let host = second.known_host().expect("readable").expect("known");
    assert_eq!(second.look().expect("readable").copied_from.as_ref(), Some(&first.host.id));
    assert_eq!(second.adopt(&host).expect("adopted"), Some(first.host.id.clone()));
    assert_eq!(second.adopt(&host).expect("adopted"), None);
    assert!(host.may_share().expect("readable"));
    assert!(first.host.ring().is_ok() && first.host.may_share().expect("readable"));
}

#[test]
fn a_host_that_was_away_for_a_month_is_forgotten() {
    let sandbox = Sandbox::new();
    let learning = |name: &str, id: &str| {
        let folder = Machine::metal(&sandbox, name, id, name).folder();
        Learning::on(sources::Machine::simulated(folder), &sandbox.root())
    };
    let (here, away) = (learning("here", ID_A), learning("away", ID_B));
    let own = here.enrol(NOON).expect("enrolled").host;
    let other = away.enrol(NOON).expect("enrolled").host;
    // What is on the disk has the time of the machine's clock.
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("a clock").as_secs();
    let day = 86_400;
    assert_eq!(here.expire(&own, now + 29 * day).expect("done"), []);
    assert!(other.ring().is_ok());
    assert_eq!(here.expire(&own, now + 31 * day).expect("done"), std::slice::from_ref(&other.id));
    assert_eq!(hosts(&sandbox), [own.id.as_str()]);
    assert!(own.ring().is_ok() && !other.path.exists());
    // It comes back as a new one under its old id.
    let again = away.enrol(NOON).expect("enrolled");
    assert_eq!((again.host.id, again.standing), (other.id, None));
    let left = fs::read_dir(&here.path).expect("readable").map(|entry| entry.expect("an entry").file_name());
    assert!(!left.into_iter().any(|name| name.to_string_lossy().starts_with(".gone")));
}

#[test]
fn what_can_be_pulled_out_or_is_emulated_has_no_part_in_it() {
    let sandbox = Sandbox::new();
    let machine = Machine::metal(&sandbox, "a", ID_A, "tux");
    let before = machine.identity();
    let device = |class: &str, name: &str, bus: &str| {
        let real = format!("sys/devices/{bus}/{name}");
        let link = machine.folder().join(class).join(name);
        let up = if class == "sys/block" { ".." } else { "../.." };
        std::os::unix::fs::symlink(format!("{up}/devices/{bus}/{name}"), link).expect("a link");
        real
    };
    let disk = device("sys/block", "sdc", "pci0/usb1/host6");
    machine
        .says(&format!("{disk}/removable"), "0")
        .says(&format!("{disk}/device/wwid"), "naa.5002538e40b5f8c1");
    for (name, bus) in [("enx1", "pci0/usb1/net"), ("ens3", "pci0/virtio0/net"), ("bond0", "virtual/net")] {
        let card = device("sys/class/net", name, bus);
        machine.says(&format!("{card}/address"), "a4:bb:6d:55:55:55");
        machine.says(&format!("{card}/addr_assign_type"), "0").says(&format!("{card}/device/vendor"), "0x1");
    }
    // An address that was set by hand; one that a bond wears beside its own.
    machine.says("sys/class/net/eth0/bonding_slave/perm_hwaddr", "a4:bb:6d:00:00:61");
    machine.says("sys/class/net/eth0/address", "a4:bb:6d:44:44:44");
    assert_eq!(machine.identity(), before);
}

/// A project's root has no keys: they are the user's.
#[test]
fn learning_is_in_the_users_root_alone() {
    let sandbox = Sandbox::new();
    let machine = Machine::metal(&sandbox, "a", ID_A, "tux");
    machine.cs(&["identity", "adopt", "--project", "dotfiles"]).ok();
    assert!(!sandbox.path("dotfiles/.claude").exists());
    assert_eq!(sandbox.read(".claude/learning/.gitignore"), "*\n");
}
