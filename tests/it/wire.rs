//! Nothing but abstracted rows leaves a host: what goes over the wire and into a repository is read back to the last
//! byte, is the same whatever private things were typed, and none of these is found in it.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use claude_sync::mesh::Bundle;
use claude_sync::mesh::frame::{Frame, Line};

use crate::mesh::Hosts;
use crate::notes::fold;
use crate::sandbox::NOON;
use crate::scenarios::is_thorough;
use crate::zero_knowledge::{Planted, call_all, found, opened, workload};

/// The frames of one direction. Every byte is of one.
fn frames(bytes: &[u8]) -> Vec<Frame> {
    let mut line = Line::new(bytes, Vec::new());
    let mut all = Vec::new();
    while line.heard() < bytes.len() {
        all.push(line.hear().expect("a frame"));
    }
    assert_eq!(all.iter().flat_map(Frame::encode).collect::<Vec<u8>>(), bytes, "there is more in it");
    all
}

/// What a bundle tells, beside whose it is and that it is signed.
fn rows(bytes: &[u8]) -> String {
    let today = u16::try_from(NOON / 86_400).expect("days");
    let bundle = Bundle::open(bytes, today).expect("a bundle");
    assert_eq!(bundle.bytes(), bytes, "there is more in it than is read");
    format!("{:?}", bundle.rows())
}

/// Everything in a repository: what its objects hold, and its own files.
fn contents(repository: &Path) -> Vec<u8> {
    let git = |args: &[&str]| {
        let output = Command::new("git").args(args).current_dir(repository).output().expect("git runs");
        assert!(output.status.success(), "git {args:?}");
        output.stdout
    };
    let mut all = git(&["cat-file", "--batch-all-objects", "--batch", "--unordered"]);
    all.extend(git(&["for-each-ref"]));
    all.extend(git(&["config", "--list"]));
    all
}

/// What left one host in both ways, and what the other one keeps of it.
struct Left {
    rows: Vec<String>,
    bytes: Vec<u8>,
    kept: Vec<String>,
}

fn left(seed: u64) -> (Left, Planted) {
    let hosts = Hosts::new();
    let [ant, bee, _] = &hosts.0;
    let (events, planted) = workload(seed, if is_thorough() { 4 } else { 1 });
    call_all(ant, &events, 1);
    fold(ant);
    hosts.sync(0, &["--ssh", "bee"]).ok();
    let url = hosts.repository();
    hosts.sync(0, &["--git", &url]).ok();
    hosts.sync(1, &["--git", &url]).ok();
    let wire = |name: &str| std::fs::read(ant.path(&format!("bin/{name}"))).expect("it was kept");
    let (up, down) = (wire("up"), wire("down"));
    let mut told = Vec::new();
    for frame in frames(&up).into_iter().chain(frames(&down)) {
        if let Frame::Bundle(bytes) = frame {
            told.push(rows(&bytes));
        }
    }
    let repository = contents(&ant.path("shared.git"));
    // Each bundle lies there as it went over the wire.
    let kept = opened(bee).into_iter().filter(|line| line.ends_with(" rows of a host")).collect();
    (Left { rows: told, bytes: [up, down, repository].concat(), kept }, planted)
}

#[test]
fn what_leaves_a_host_is_the_same_whatever_private_things_were_typed() {
    let (one, planted) = left(11);
    let (other, more) = left(12);
    assert_eq!(one.rows, other.rows);
    assert_eq!(one.kept, other.kept);
    assert!(one.rows.iter().any(|told| told.len() > 10_000), "it has something to tell");
    assert_eq!(one.kept.len(), 2, "{:?}", one.kept);
    let long: BTreeSet<&str> =
        planted.0.iter().chain(&more.0).map(String::as_str).filter(|own| own.len() > 8).collect();
    for left in [&one, &other] {
        let text = String::from_utf8_lossy(&left.bytes);
        assert_eq!(found(&long, &text), Vec::<&str>::new());
        for ours in ["/tmp/", "home", "dotfiles", "learning"] {
            assert!(!text.contains(ours), "{ours}");
        }
    }
    println!("{} bytes, {} planted things looked for", one.bytes.len() + other.bytes.len(), long.len());
}
