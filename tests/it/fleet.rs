//! Many hosts and one repository: who is killed at any call loses nothing and is taken for no liar, and all come to know
//! the same.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use serde_json::Value;

use crate::crash::KILLED;
use crate::draw::Draw;
use crate::hooked::{Input, call, command, shell};
use crate::mesh::{Hosts, fails_in_three_sessions, fingerprint};
use crate::notes::{after, fold};
use crate::sandbox::{NOON, Ran, Sandbox, ran};
use crate::scenarios::{by_wish, is_all, stride};

fn status(host: &Sandbox, now: u64) -> Value {
    let mut command = host.command(&["mesh", "status", "--json"]);
    ran(command.env("CS_NOW", now.to_string()).output().expect("cs runs")).ok().json()
}

fn sync(host: &Sandbox, url: &str, now: u64, fault: Option<&str>) -> Ran {
    let mut command = host.command(&["mesh", "sync", "--git", url, "--json"]);
    command.env("CS_NOW", now.to_string());
    // Where a host has programs of its own, they come first.
    command.env("PATH", format!("{}:/usr/local/bin:/usr/bin:/bin", host.path("bin").display()));
    if let Some(fault) = fault {
        command.env("CS_FAULT", fault);
    }
    ran(command.output().expect("cs runs"))
}

fn none_is_aside(status: &Value) -> bool {
    status["hosts"].as_array().expect("hosts").iter().all(|host| host["set_aside"].is_null())
}

/// Dying, and failing, at every call that changes something: the next sync makes up for it.
#[test]
fn a_sync_that_is_cut_off_anywhere_is_made_up_for_by_the_next() {
    let hosts = Hosts::new();
    let [ant, bee, _] = &hosts.0;
    let url = hosts.repository();
    fails_in_three_sessions(bee);
    for host in [ant, bee, ant] {
        sync(host, &url, NOON, None).ok();
    }
    after(ant, "cargo test", None, ("x", "n"));
    after(bee, "cargo doc", None, ("x", "n"));
    fold(ant);
    fold(bee);
    sync(bee, &url, NOON, None).ok();
    ant.keep("ready");
    bee.keep("ready");
    for fault in ["kill", "once:ENOSPC", "error:EIO"] {
        let mut points = 0;
        // Each of them takes half a second and more. With `CS_THOROUGH=all` there is none that is not tried.
        let step = if is_all() {
            1
        } else if fault == "kill" {
            stride(3).max(2)
        } else {
            4 * stride(3).max(2)
        };
        for n in (1..).step_by(step) {
            ant.fresh("ready");
            bee.fresh("ready");
            let what = format!("{fault}:{n}");
            let cut = sync(ant, &url, NOON, Some(&what));
            let is_over = sync_is_whole(&cut, ant);
            if fault == "kill" && cut.code != KILLED || n > 400 {
                break;
            }
            points += 1;
            if fault != "kill" && cut.code != 0 {
                let said = cut.json();
                let why = if said["peers"].is_null() { &said["message"] } else { &said["peers"][0]["error"] };
                assert!(why.as_str().is_some_and(|why| !why.is_empty()), "{what}: {cut}");
            }
            for host in [ant, bee, ant] {
                sync(host, &url, NOON, None).ok();
            }
            let (one, other) = (status(ant, NOON), status(bee, NOON));
            assert_eq!(one["digest"], other["digest"], "{what}");
            assert!(none_is_aside(&one) && none_is_aside(&other), "{what}: {one}");
            let own = one["hosts"].as_array().expect("hosts").iter().find(|host| host["is_own"] == true);
            assert_eq!(own.expect("itself")["incarnation"], 1, "{what}: it did not have to begin anew");
            if is_over && fault != "kill" {
                break;
            }
        }
        assert!(points > 4, "{fault}: {points}");
        println!("{fault}: {points} points");
    }
}

/// Whether nothing went wrong in it.
fn sync_is_whole(cut: &Ran, host: &Sandbox) -> bool {
    let left = std::fs::read_dir(crate::hooks::host(host).path).expect("a folder");
    let is_clean = left.map(|entry| entry.expect("an entry").file_name()).all(|name| name != "mesh.git");
    let peer = |name: &str| cut.json()["peers"][0][name].clone();
    cut.code == 0 && is_clean && peer("success") == true && peer("unsent").is_null()
}

/// Lines that hosts of a user may run.
const LINES: &[&str] = &[
    "cargo build",
    "cargo test",
    "git push",
    "git pull --rebase",
    "npm ci",
    "npm test",
    "pytest -q",
    "make -j8",
    "ls -la",
    "docker compose up -d",
    "kubectl get pods",
    "ssh host uptime",
    "sbatch job.sh",
    "squeue --me",
    "python3 train.py",
    "rg -n fn",
    "terraform plan",
    "psql -c 'select 1'",
    "uv run main.py",
    "go test ./...",
];

#[test]
fn a_fleet_on_one_repository_comes_to_know_the_same() {
    let (count, rounds) = by_wish([(64, 20), (8, 5), (5, 4)]);
    let hosts: Vec<Sandbox> = (0..count).map(|_| Sandbox::new()).collect();
    comes_to_know_the_same(&hosts, rounds, |repository| format!("file://{}", repository.display()));
}

/// Some rounds of a day each, in which hosts learn, are killed and sync as it comes; then all know the same. `url`: how
/// they reach the repository at a path.
pub fn comes_to_know_the_same(hosts: &[Sandbox], rounds: u64, url: impl Fn(&Path) -> String) {
    let mut draw = Draw::new(64);
    let count = hosts.len();
    let mut trusted = String::new();
    for (at, host) in hosts.iter().enumerate() {
        // One of them forgets sooner than the others.
        let days = if at == 1 { "\n[learning]\nretention-days = 3\n" } else { "" };
        host.profile(&format!("extends = [\"builtin:learning\"]{days}"));
        host.apply();
        run_line(host, "git status", false, NOON);
        upkeep(host, NOON);
        writeln!(trusted, "{} host-{at} 2026-01-01", fingerprint(host)).expect("a string");
    }
    for host in hosts {
        let own = fingerprint(host);
        let others: String = trusted
            .lines()
            .filter(|line| !line.starts_with(&own))
            .fold(String::new(), |all, line| all + line + "\n");
        host.write(".claude/learning/trusted", others);
    }
    let repository = hosts[0].path("shared.git");
    let made =
        Command::new("git").args(["init", "-q", "--bare"]).arg(&repository).status().expect("git runs");
    assert!(made.success());
    let url = url(&repository);
    let (mut killed, mut whole, mut bytes_out, mut bytes_in) = (0, 0, 0, 0);
    let mut seconds = Vec::new();
    for round in 0..rounds {
        let now = NOON + round * 86_400;
        let begun = Instant::now();
        for host in hosts {
            if draw.percent(80) {
                for _ in 0..3 {
                    run_line(host, draw.pick(LINES), draw.percent(30), now);
                }
            }
            upkeep(host, now);
            let fault = draw.percent(20).then(|| format!("kill:{}", draw.below(40) + 1));
            let said = sync(host, &url, now, fault.as_deref());
            if said.code == KILLED {
                killed += 1;
                continue;
            }
            let peer = &said.ok().json()["peers"][0];
            assert_eq!(peer["success"], true, "{peer}");
            assert_eq!((&peer["refused"], &peer["unsent"]), (&0.into(), &Value::Null), "{peer}");
            bytes_out += peer["bytes_out"].as_u64().expect("a number");
            bytes_in += peer["bytes_in"].as_u64().expect("a number");
            whole += 1;
        }
        seconds.push(begun.elapsed().as_secs_f64());
    }
    let now = NOON + (rounds - 1) * 86_400;
    for _ in 0..2 {
        hosts.iter().for_each(|host| drop(sync(host, &url, now, None).ok()));
    }
    let statuses: Vec<Value> = hosts.iter().map(|host| status(host, now)).collect();
    for one in &statuses {
        assert_eq!(one["digest"], statuses[0]["digest"], "{one}");
        assert_eq!(one["hosts"].as_array().expect("hosts").len(), count);
        assert!(none_is_aside(one), "{one}");
    }
    let fsck =
        Command::new("git").args(["fsck", "--strict"]).current_dir(&repository).output().expect("git runs");
    assert!(fsck.status.success(), "{}", String::from_utf8_lossy(&fsck.stderr));
    let refs = Command::new("git").arg("for-each-ref").current_dir(&repository).output().expect("git runs");
    assert_eq!(String::from_utf8_lossy(&refs.stdout).lines().count(), count);
    seconds.sort_by(f64::total_cmp);
    println!(
        "{count} hosts, {rounds} rounds, {whole} syncs and {killed} killed; {} bytes out and {} in a host and day; a round \
         {:.1} s in the middle",
        bytes_out / (count as u64 * rounds),
        bytes_in / (count as u64 * rounds),
        seconds[seconds.len() / 2],
    );
}

fn run_line(host: &Sandbox, line: &str, fails: bool, now: u64) {
    let mut event = shell(if fails { "PostToolUseFailure" } else { "PostToolUse" }, line);
    event["session_id"] = format!("s{now}").into();
    event["transcript_path"] = format!("/home/u/.claude/projects/x/s{now}.jsonl").into();
    if fails {
        event["error"] = "Exit code 1\nerror: no such thing".into();
    }
    let mut hook = command(host, "learning-collector", "");
    hook.env("CS_NOW", now.to_string());
    call(hook, Input::Bytes(event.to_string().into_bytes()), line);
}

fn upkeep(host: &Sandbox, now: u64) {
    let mut command = host.command(&["hook", "upkeep"]);
    ran(command.env("CS_NOW", now.to_string()).output().expect("cs runs")).ok();
}
