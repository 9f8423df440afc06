//! What is destroyed stays destroyed: forty days of a life, after which no key of a day gone by opens
//! anything that is left.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, UNIX_EPOCH};

use claude_sync::crypto::ring::Context;
use claude_sync::crypto::{Epoch, Ring, seal};
use claude_sync::knowledge::journal::Journal;
use claude_sync::knowledge::snapshot::Snapshot;

use crate::hooks::{Hooked, host, installed, known, start};
use crate::sandbox::{NOON, Ran, Sandbox, ran};
use crate::scenarios::is_thorough;

const DAY: u64 = 86_400;

fn run_at(mut command: Command, now: u64) -> Ran {
    ran(command.env("CS_NOW", now.to_string()).output().expect("cs runs"))
}

fn upkeep(sandbox: &Sandbox, now: u64) {
    let ran = run_at(sandbox.command(&["hook", "upkeep"]), now).ok();
    assert_eq!((ran.out.as_str(), ran.err.as_str()), ("", ""));
}

fn post(sandbox: &Sandbox, now: u64, command: &str) {
    let mut hook = sandbox.hook_command("learning-collector");
    hook.env("CS_NOW", now.to_string());
    let child = start(&mut hook, sandbox.post_payload(command, None).as_bytes());
    ran(child.wait_with_output().expect("it ends")).ok();
}

fn audited(sandbox: &Sandbox, now: u64) {
    let payload = serde_json::json!({"hook_event_name": "PreToolUse", "tool_name": "Bash", "cwd": "/",
        "tool_input": {"command": "rm -rf /"}});
    let mut hook = sandbox.hook_command("intelligent-optimizer");
    hook.env("CS_NOW", now.to_string());
    let child = start(&mut hook, payload.to_string().as_bytes());
    assert!(ran(child.wait_with_output().expect("it ends")).ok().out.contains("deny"));
}

fn ring_text(sandbox: &Sandbox) -> String {
    fs::read_to_string(host(sandbox).ring_path()).expect("a ring")
}

/// Everything that looks like a token in the files of the host, with where it is.
fn tokens(sandbox: &Sandbox) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for path in sandbox.learning() {
        let bytes = fs::read(&path).expect("readable");
        let lines = bytes.split(|byte| *byte == b'\n').filter(|line| seal::token_time(line).is_some());
        found.extend(lines.map(|line| (path.clone(), line.to_vec())));
    }
    found
}

/// All that the keys of a ring open, as far as it has them.
fn opens(ring: &Ring, epoch: Epoch, token: &[u8]) -> bool {
    let keys = Context::ALL.into_iter().filter_map(|context| ring.key(epoch, context));
    keys.into_iter().any(|key| seal::open(&key, token, 0).is_ok())
}

/// A ring as it was, by every epoch it had.
type Rings = BTreeMap<Epoch, Ring>;

/// No key that is gone opens what is left, each token is opened by one that lives, and no secret that is
/// gone lies about in the open. How many tries that were.
#[track_caller]
fn check_destroyed(sandbox: &Sandbox, all: &Rings, what: &str) -> usize {
    let text = ring_text(sandbox);
    let living = Ring::parse(text.as_bytes()).expect("whole");
    let gone: Vec<Epoch> =
        all.keys().copied().filter(|own| living.epochs().all(|epoch| epoch != *own)).collect();
    let mut tries = 0;
    for (path, token) in tokens(sandbox) {
        for epoch in &gone {
            assert!(!opens(&all[epoch], *epoch, &token), "{what}: {epoch} opens {}", path.display());
            tries += 1;
        }
        let openers = living.epochs().filter(|epoch| opens(&living, *epoch, &token)).count();
        assert_eq!(openers, 1, "{what}: a token in {}", path.display());
    }
    for path in sandbox.learning() {
        let bytes = fs::read(&path).expect("readable");
        for epoch in &gone {
            let line = all[epoch].to_text();
            let start = format!("epoch {epoch} ");
            let line =
                line.lines().find(|line| line.starts_with(&start)).expect("a secret").as_bytes().to_vec();
            let has = bytes.windows(line.len()).any(|window| window == line);
            assert!(!has, "{what}: the secret of {epoch} is in {}", path.display());
        }
    }
    tries
}

/// The ages, in days, of all that has a day: segments, keys, and what both snapshots hold.
struct Ages {
    segment: u32,
    key: u32,
    knowledge: u32,
}

fn ages(sandbox: &Sandbox, now: u64) -> Ages {
    let (host, today) = (host(sandbox), Epoch::of(now).0);
    let ring = host.ring().expect("a ring");
    let mut ages = Ages { segment: 0, key: 0, knowledge: 0 };
    for entry in fs::read_dir(&host.path).expect("readable").map(|entry| entry.expect("an entry")) {
        let name = entry.file_name().into_string().expect("text");
        if let Some((_, epoch)) = Journal::of_segment(&name) {
            ages.segment = ages.segment.max(today - epoch.0);
        } else if name.starts_with("knowledge") {
            let token = fs::read(entry.path()).expect("readable");
            let keys = ring.epochs().filter_map(|epoch| ring.key(epoch, Context::Knowledge));
            let opened = keys.into_iter().find_map(|key| seal::open(&key, &token, now).ok()).expect("opened");
            let snapshot = Snapshot::decode(&opened.plain).expect("whole");
            let days = snapshot.counts.keys().map(|(_, day)| u32::from(*day));
            let days = days.chain(snapshot.audit.iter().map(|entry| entry.minute / 24 / 60));
            ages.knowledge = days.map(|day| today - day).chain([ages.knowledge]).max().expect("some");
        }
    }
    ages.key = ring.epochs().map(|epoch| today - epoch.0).max().expect("never empty");
    ages
}

#[test]
fn after_forty_days_old_keys_open_nothing_and_old_knowledge_is_gone() {
    let sandbox = installed();
    let mut all = Rings::new();
    let mut keep = |sandbox: &Sandbox| {
        let text = ring_text(sandbox);
        for epoch in Ring::parse(text.as_bytes()).expect("whole").epochs() {
            all.entry(epoch).or_insert_with(|| Ring::parse(text.as_bytes()).expect("whole"));
        }
    };
    let mut oldest = Ages { segment: 0, key: 0, knowledge: 0 };
    let mut held = None;
    // A new key takes long in a build for tests: forty days are for CI.
    let days = if is_thorough() { 40 } else { 9 };
    for day in 0..days {
        let now = NOON + day * DAY;
        upkeep(&sandbox, now);
        keep(&sandbox);
        for number in 0..3 {
            post(&sandbox, now, ["cargo test", "git status", "ls -la | head"][number]);
        }
        audited(&sandbox, now);
        if day % 3 == 1 {
            // More than one session a day.
            upkeep(&sandbox, now);
        }
        if day == 1 {
            // Somebody holds on to a segment, for good.
            let host = host(&sandbox);
            let segment = host.path.join(Journal::Patterns.segment(Epoch::of(now)));
            let file = fs::File::open(segment).expect("there");
            file.lock_shared().expect("locked");
            held = Some(file);
        }
        let ages = ages(&sandbox, now);
        assert!(ages.segment < 7 && ages.key < 7, "day {day}: {} {}", ages.segment, ages.key);
        assert!(ages.knowledge < 30, "day {day}: {}", ages.knowledge);
        oldest.segment = oldest.segment.max(ages.segment);
        oldest.key = oldest.key.max(ages.key);
        oldest.knowledge = oldest.knowledge.max(ages.knowledge);
    }
    drop(held);
    assert_eq!(oldest.segment, 6, "the one that was held on to went with its week");
    let tries = check_destroyed(&sandbox, &all, "at the end");
    println!(
        "{days} days: segments at most {} days old, keys {}, knowledge {}; {} keys, {tries} tries of dead keys, 0 opened",
        oldest.segment,
        oldest.key,
        oldest.knowledge,
        all.len()
    );
    assert!(all.len() as u64 == days && tries > 50, "{tries}");
    // The last thirty days are known, and nothing before.
    assert_eq!(u64::from(known(&sandbox, NOON + (days - 1) * DAY)), days.min(30) * 3);
}

/// Sets when a file was written last.
fn set_written(path: &Path, at: u64) {
    let file = fs::File::options().write(true).open(path).expect("there");
    file.set_modified(UNIX_EPOCH + Duration::from_secs(at)).expect("set");
}

/// What is put aside when something is damaged holds old keys and old knowledge: it goes, too.
#[test]
fn what_was_put_aside_goes_with_its_week() {
    let sandbox = installed();
    sandbox.cs(&["keys", "export", "copy", "--unprotected"]).ok();
    let host = host(&sandbox);
    fs::write(host.ring_path(), "rubbish").expect("written");
    sandbox.cs(&["keys", "restore", "copy"]).ok();
    fs::write(host.path.join("knowledge.enc"), "of another ring").expect("written");
    upkeep(&sandbox, NOON);
    let aside = [host.path.join("keys/ring.before-restore"), host.path.join("knowledge.unreadable.enc")];
    for (days, is_kept) in [(0, true), (6, true), (7, false)] {
        aside.iter().for_each(|path| set_written(path, NOON - days * DAY));
        upkeep(&sandbox, NOON);
        assert!(aside.iter().all(|path| path.exists() == is_kept), "after {days} days");
    }
}

/// Journals, trail, snapshots, durations, locks: whatever the umask, nobody else may read them.
#[test]
fn nothing_that_is_recorded_is_readable_by_others_whatever_the_umask() {
    for umask in ["000", "022", "077"] {
        let sandbox = Sandbox::new();
        let masked = |inner: &Command, now: u64, input: &str| {
            let mut command = Command::new("sh");
            command.args(["-c", &format!("umask {umask}; exec \"$0\" \"$@\"")]).arg(inner.get_program());
            command.args(inner.get_args()).env_clear().current_dir(sandbox.home());
            command.envs(inner.get_envs().filter_map(|(name, value)| Some((name, value?))));
            command.env("CS_NOW", now.to_string()).stdin(std::process::Stdio::piped());
            command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
            ran(start(&mut command, input.as_bytes()).wait_with_output().expect("it ends")).ok();
        };
        masked(&sandbox.command(&["apply", "--yes", "--profile", "builtin:learning"]), NOON, "");
        let denied = serde_json::json!({"hook_event_name": "PreToolUse", "tool_name": "Bash", "cwd": "/",
            "tool_input": {"command": "rm -rf /"}});
        let prompt =
            serde_json::json!({"hook_event_name": "UserPromptSubmit", "prompt": "hello", "cwd": "/"});
        for day in 0..2 {
            let now = NOON + day * DAY;
            let hook = |name, input: &str| masked(&sandbox.hook_command(name), now, input);
            hook("learning-collector", &sandbox.post_payload("ls", None));
            hook("intelligent-optimizer", &denied.to_string());
            hook("context-enhancer", &prompt.to_string());
            masked(&sandbox.command(&["hook", "upkeep"]), now, "");
            hook("learning-collector", &sandbox.post_payload("ls", None));
        }
        masked(&sandbox.command(&["keys", "rotate"]), NOON + DAY, "");
        let learning = sandbox.root().join("learning");
        let files = sandbox.learning();
        let names: Vec<String> = files
            .iter()
            .map(|path| path.file_name().expect("a name").to_string_lossy().into_owned())
            .collect();
        let wanted = [
            "patterns_",
            "audit_",
            "knowledge.enc",
            "knowledge.old.enc",
            "fold.lock",
            "lock",
            "ring",
            "node",
            "binding",
            "install",
            "learning-collector",
            "intelligent-optimizer",
            "context-enhancer",
        ];
        for wanted in wanted {
            assert!(names.iter().any(|name| name.starts_with(wanted)), "{wanted} was not written: {names:?}");
        }
        let mode = |path: &Path| fs::metadata(path).expect("there").permissions().mode() & 0o7777;
        for file in &files {
            assert_eq!(mode(file), 0o600, "umask {umask}: {}", file.display());
            let folders = file.ancestors().skip(1).take_while(|folder| folder.starts_with(&learning));
            for folder in folders {
                assert_eq!(mode(folder), 0o700, "umask {umask}: {}", folder.display());
            }
        }
    }
}
