//! Several programs at once: many `cs`, and a client that rewrites settings.json all the time.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};

use crate::sandbox::{Sandbox, ran};
use crate::scenarios::{commands, is_thorough};

/// `dotfiles/profile-N.toml`, each with a hook, permissions and a scalar of its own.
fn profile(sandbox: &Sandbox, n: usize) -> String {
    let text = format!(
        "format = 1\nsettings.model = \"model-{n}\"\nsettings.permissions.allow = [\"P({n})\", \"P(all)\"]\n\
         [hooks.hook-{n}]\nevent = \"Stop\"\nsource = \"hooks/{n}.sh\"\n\
         [agents.shared]\nsource = \"agents/{n}.md\"\n"
    );
    sandbox
        .script(&format!("dotfiles/hooks/{n}.sh"), &format!("#!/bin/sh\necho {n}\n"))
        .write(
            &format!("dotfiles/agents/{n}.md"),
            format!("---\nname: shared\ndescription: agent {n}\n---\n"),
        )
        .write(&format!("dotfiles/profile-{n}.toml"), text);
    format!("dotfiles/profile-{n}.toml")
}

fn settings(sandbox: &Sandbox) -> Value {
    serde_json::from_str(&sandbox.read(".claude/settings.json")).expect("JSON at every instant")
}

#[test]
fn sixteen_applies_at_once_happen_one_after_another() {
    const MANY: usize = 16;
    let sandbox = Sandbox::new();
    sandbox.write(".claude/settings.json", "{\n  \"theme\": \"dark\"\n}\n");
    let profiles: Vec<String> = (1..=MANY).map(|n| profile(&sandbox, n)).collect();
    let start = |profile: &String| {
        let mut command: Command =
            sandbox.command(&["apply", "--yes", "--durability", "none", "--profile", profile]);
        command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
        command.spawn().expect("cs starts")
    };
    let children: Vec<_> = profiles.iter().map(start).collect();
    let ran: Vec<_> =
        children.into_iter().map(|child| ran(child.wait_with_output().expect("cs ends"))).collect();
    assert!(ran.iter().all(|ran| ran.code == 0 || ran.code == 4), "{ran:#?}");
    let done = ran.iter().filter(|ran| ran.code == 0).count();
    sandbox.cs(&["verify"]).ok();
    let generations = sandbox.cs(&["generations", "--json"]).ok().json();
    let numbers: BTreeSet<u64> = generations["generations"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|generation| generation["generation"].as_u64().expect("a number"))
        .collect();
    assert_eq!(numbers, (1..=done as u64).collect(), "consecutive, one per apply");
    let settings = settings(&sandbox);
    let model = settings["model"].as_str().expect("a model").to_owned();
    let n = model.strip_prefix("model-").expect("one of ours");
    let mut allowed: Vec<&str> = settings["permissions"]["allow"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(Value::as_str)
        .collect();
    allowed.sort_unstable();
    assert_eq!(allowed, [format!("P({n})").as_str(), "P(all)"]);
    assert_eq!(sandbox.read(".claude/agents/shared.md"), sandbox.read(&format!("dotfiles/agents/{n}.md")));
    let hooks: Vec<_> = fs::read_dir(sandbox.path(".claude/hooks")).expect("hooks").collect();
    assert_eq!(hooks.len(), 1);
    println!("16 applies at once: {done} done, {} gave up waiting", MANY - done);
    assert_eq!(done, MANY);
}

/// How many entries of its own the other program keeps in the file.
const KEPT: usize = 50;

/// What came of the other program's writes.
struct Contended {
    writes: usize,
    /// Entries of its own that it did not find again.
    lost: usize,
    applies: usize,
    /// Applies that gave up because the file never rested.
    gave_up: usize,
    /// Entries of ours that the other program had read, and wrote back after they were let go.
    stale: usize,
}

impl Contended {
    fn print(&self, how: &str) {
        let Self { writes, lost, applies, gave_up, stale } = self;
        println!(
            "{how}: {lost} of {writes} entries lost during {applies} applies ({gave_up} gave up); \
             {stale} of ours written back after they were let go"
        );
    }
}

/// Reads, adds an entry of its own, takes out its oldest, renames, over and over; how many of its
/// entries were gone when it looked again.
fn rewrite(settings: &Path, writes: usize, pause: Duration) -> usize {
    let temporary = settings.with_file_name("settings.json.theirs");
    let mut own: BTreeSet<usize> = BTreeSet::new();
    let mut lost = 0;
    for n in 0..=writes {
        let text = fs::read_to_string(settings).expect("it is there at every instant");
        let mut value: Value = serde_json::from_str(&text).expect("it is JSON at every instant");
        let gone: Vec<usize> =
            own.iter().copied().filter(|n| value["theirs"].get(n.to_string()).is_none()).collect();
        lost += gone.len();
        own.retain(|n| !gone.contains(n));
        if n == writes {
            break;
        }
        value["theirs"][n.to_string()] = json!(true);
        own.insert(n);
        if own.len() > KEPT
            && let Some(oldest) = own.pop_first()
        {
            value["theirs"].as_object_mut().expect("an object").shift_remove(&oldest.to_string());
        }
        fs::write(&temporary, serde_json::to_string_pretty(&value).expect("prints") + "\n").expect("written");
        fs::rename(&temporary, settings).expect("renamed");
        if !pause.is_zero() {
            std::thread::sleep(pause);
        }
    }
    lost
}

/// What the other program had read and wrote back after we had let go of it is its own now, as if
/// its user had typed it: nothing tells the two apart. No value of ours is among it, and nothing
/// but what it had read.
fn check_stale(left: &Value) -> usize {
    assert_eq!(left.get("model"), None, "{left}");
    let hooks = commands(left);
    assert!(hooks.iter().all(|command| command.starts_with("~/.claude/hooks/hook-")), "{left}");
    let allowed = left["permissions"]["allow"].as_array().map(Vec::as_slice).unwrap_or_default();
    assert!(allowed.iter().all(|rule| rule.as_str().is_some_and(|rule| rule.starts_with("P("))), "{left}");
    allowed.len() + hooks.len()
}

/// Applies two profiles in turn while another program rewrites settings.json.
fn contend(env: &[(&str, &str)], pause: Duration) -> Contended {
    let sandbox = Sandbox::new();
    sandbox.write(".claude/settings.json", "{\n  \"theirs\": {}\n}\n");
    let profiles = [profile(&sandbox, 1), profile(&sandbox, 2)];
    let writes = if is_thorough() { 3000 } else { 300 };
    let path = sandbox.settings();
    let (mut applies, mut gave_up) = (0, 0);
    let lost = std::thread::scope(|scope| {
        let writer = scope.spawn(|| rewrite(&path, writes, pause));
        while !writer.is_finished() {
            let args = ["apply", "--yes", "--durability", "none", "--profile", &profiles[applies % 2]];
            let mut command = sandbox.command(&args);
            let ran = ran(command.envs(env.iter().copied()).output().expect("cs runs"));
            // A file that never rests long enough is given up on, and everything is as before.
            let is_busy = ran.err.contains("kept changing") && [1, 5].contains(&ran.code);
            assert!(ran.code == 0 || is_busy, "{ran}");
            applies += 1;
            gave_up += usize::from(is_busy);
        }
        writer.join().expect("the other program ends")
    });
    // In peace again, everything is asserted and nothing of theirs is touched.
    // A hook of ours that was written back while it was let go of, and then declared again, passes for the user's
    // and stays behind once; the next apply sees that it runs nothing.
    sandbox.cs(&["apply", "--yes", "--profile", &profiles[0]]).ok();
    sandbox.cs(&["apply", "--yes", "--profile", &profiles[0]]).ok();
    sandbox.cs(&["verify"]).ok();
    let theirs = settings(&sandbox)["theirs"].clone();
    sandbox.cs(&["uninstall", "--yes"]).ok();
    let mut left = settings(&sandbox);
    assert_eq!(left["theirs"].take(), theirs, "uninstalled");
    let stale = check_stale(&left);
    Contended { writes, lost, applies, gave_up, stale }
}

/// Between writing a file and reading it again even a busy program does something else.
const BREATH: Duration = Duration::from_micros(500);

#[test]
fn what_another_program_writes_meanwhile_is_not_lost() {
    let contended = contend(&[], BREATH);
    contended.print("exchange");
    assert_eq!(contended.lost, 0);
}

#[test]
fn without_exchange_a_write_in_between_can_be_lost() {
    contend(&[("CS_NO_EXCHANGE", "1")], BREATH).print("look and rename");
}

/// A program that never rests can read what is on show for the microseconds between an exchange
/// and the exchange back, and lose its own last entry by that (see `swap.rs`).
#[test]
fn a_program_that_never_rests_loses_next_to_nothing() {
    let contended = contend(&[], Duration::ZERO);
    contended.print("exchange, without rest");
    assert!(contended.lost <= 3, "{}", contended.lost);
    contend(&[("CS_NO_EXCHANGE", "1")], Duration::ZERO).print("look and rename, without rest");
}
