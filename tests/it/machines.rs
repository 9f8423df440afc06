//! Simulated machines: folders that stand for what `/sys`, `/proc` and `/etc` say.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::sandbox::{Ran, Sandbox, ran};

pub const ID_A: &str = "3d1219c7c4c5404aaa1f6d2a48adfda4";
pub const ID_B: &str = "b08dfa6083e7567a1921a715000001fb";

/// A machine in a folder of the sandbox.
pub struct Machine<'a> {
    sandbox: &'a Sandbox,
    name: String,
}

impl<'a> Machine<'a> {
    /// One that says nothing but its names.
    pub fn bare(sandbox: &'a Sandbox, name: &str, machine_id: &str, host: &str) -> Self {
        let machine = Self { sandbox, name: name.to_owned() };
        machine.says("etc/machine-id", machine_id).says("etc/hostname", host);
        machine
    }

    /// A computer of metal: one disk, one card, and things that identify nothing.
    pub fn metal(sandbox: &'a Sandbox, name: &str, machine_id: &str, host: &str) -> Self {
        let machine = Self::bare(sandbox, name, machine_id, host);
        let number: u32 = name.bytes().map(u32::from).sum();
        machine
            .says("sys/block/nvme0n1/wwid", &format!("eui.00253854{number:08x}"))
            .says("sys/block/loop0/wwid", &format!("eui.00253855{number:08x}"))
            .says("sys/block/sdb/removable", "1")
            .says("sys/block/sdb/device/wwid", "naa.50014ee20b1b5a3c")
            .says(
                "sys/class/net/eth0/address",
                &format!("a4:bb:6d:00:{:02x}:{:02x}", number >> 8, number & 255),
            )
            .says("sys/class/net/eth0/addr_assign_type", "0")
            .says("sys/class/net/eth0/device/vendor", "0x8086")
            .says("sys/class/net/docker0/address", "02:42:ac:11:00:02")
            .says("sys/class/net/docker0/addr_assign_type", "3");
        machine
    }

    /// Puts a line into one of its files.
    pub fn says(&self, file: &str, text: &str) -> &Self {
        self.sandbox.write(&format!("machines/{}/{file}", self.name), format!("{text}\n"));
        self
    }

    pub fn folder(&self) -> PathBuf {
        self.sandbox.path(&format!("machines/{}", self.name))
    }

    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = self.sandbox.command(args);
        command.env("CS_SOURCES", self.folder());
        command
    }

    /// `cs` on this machine.
    pub fn cs(&self, args: &[&str]) -> Ran {
        ran(self.command(args).output().expect("cs runs"))
    }

    /// `cs` on this machine, with a fault.
    pub fn faulty(&self, args: &[&str], fault: &str) -> Ran {
        ran(self.command(args).env("CS_FAULT", fault).output().expect("cs runs"))
    }

    pub fn identity(&self) -> serde_json::Value {
        self.cs(&["identity", "--json"]).ok().json()
    }

    pub fn adopt(&self) -> serde_json::Value {
        self.cs(&["identity", "adopt", "--json"]).ok().json()
    }
}

/// What stands for the host in `learning/`: its folders.
pub fn hosts(sandbox: &Sandbox) -> Vec<String> {
    let names = fs::read_dir(sandbox.path(".claude/learning")).into_iter().flatten();
    let names = names.map(|entry| entry.expect("an entry").file_name().into_string().expect("text"));
    let mut hosts: Vec<String> = names.filter(|name| name.starts_with("cs-")).collect();
    hosts.sort();
    hosts
}
