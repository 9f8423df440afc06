//! A storm: hooks by the thousand, eight at a time, many of them killed, stopped, or short of space, while
//! days change and journals are folded. What was acknowledged is known afterwards, once.
//!
//! A hook always exits 0, so that says little by itself. *Acknowledged* is what a hook had to record that
//! exited 0, whose input was there, and whose disk was not made to fail. Records hold no text; so every event has a program, or a
//! minute of the audit trail, that no other event of its day has.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

use claude_sync::command::shape::{HostType, Shape, Tool};
use claude_sync::hook::event::{Event as HookEvent, Kind as HookKind};
use claude_sync::hook::observe;
use claude_sync::knowledge::audit::{What, code_of};
use claude_sync::knowledge::snapshot::Snapshot;
use claude_sync::learn::Number;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::draw::Draw;
use crate::hooks::{Hooked, host, installed, snapshot};
use crate::sandbox::{NOON, Sandbox, ran, skipped};
use crate::scenarios::{by_wish, is_thorough};

const AT_ONCE: usize = 8;

const DAY: u64 = 86_400;

/// What is called, and what it should leave behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Ran,
    Failed,
    /// The guard asks about it: that is in the audit trail.
    Asked,
    /// Leaves nothing that is counted.
    Prompt,
}

/// What happens to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Free,
    Killed,
    Stopped,
    /// One of its own calls fails or kills it.
    Faulty,
    /// It may write a few more bytes, then no more: a disk that fills up.
    Cramped,
}

/// One call of a hook.
#[derive(Debug, Clone)]
struct Event {
    now: u64,
    kind: Kind,
    command: &'static str,
}

/// How it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Acknowledged,
    /// It may have recorded or not.
    Unknown,
}

/// A hook that was called.
struct Called {
    number: usize,
    fate: Fate,
    child: Child,
    full_since: u64,
}

struct State {
    draw: Draw,
    next: usize,
    still: Vec<Called>,
    ends: BTreeMap<usize, (End, Fate)>,
}

struct Storm {
    sandbox: Sandbox,
    seed: u64,
    size: usize,
    per_day: usize,
    /// A program for each event of a day.
    programs: Vec<&'static str>,
    /// A disk of its own, which is full at times.
    disk: Option<PathBuf>,
    /// Odd while the disk is full.
    full: AtomicU64,
    /// How long a hook takes, in microseconds, by the last ones.
    usual_us: AtomicU64,
    counts: [AtomicUsize; 5],
    state: Mutex<State>,
}

fn seed() -> u64 {
    let clock = || Duration::as_nanos(&std::time::UNIX_EPOCH.elapsed().expect("after 1970"));
    let named = std::env::var("CS_STORM_SEED").ok().map(|text| text.parse().expect("a number"));
    named.unwrap_or_else(|| u64::try_from(clock() % 1_000_000_007).expect("small"))
}

impl Storm {
    fn new(sandbox: Sandbox, size: usize, per_day: usize, disk: Option<PathBuf>) -> Self {
        let seed = seed();
        // Some words of the vocabulary are no command by themselves.
        let stands_for_itself = |tool: &Tool| Shape::of_text(tool.name()).tool == Some(*tool);
        let tools = (0..Tool::COUNT).filter_map(Tool::from_code).filter(stands_for_itself);
        let programs: Vec<&'static str> = tools.map(Tool::name).take(per_day).collect();
        assert_eq!(programs.len(), per_day);
        assert!(size / per_day < 28, "what is older than a month is forgotten");
        let state = State { draw: Draw::new(seed), next: 0, still: Vec::new(), ends: BTreeMap::new() };
        Self {
            sandbox,
            seed,
            size,
            per_day,
            programs,
            disk,
            full: AtomicU64::new(0),
            usual_us: AtomicU64::new(10_000),
            counts: Default::default(),
            state: Mutex::new(state),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("a lock")
    }

    /// The n-th event. It is the only one of its minute.
    fn event(&self, number: usize) -> Event {
        let (day, of_day) = (number / self.per_day, number % self.per_day);
        let kind = match of_day % 20 {
            0 | 1 => Kind::Asked,
            2 => Kind::Prompt,
            3 | 4 => Kind::Failed,
            _ => Kind::Ran,
        };
        let minute = u64::try_from(of_day).expect("small") * 60;
        let now = NOON / DAY * DAY + u64::try_from(day).expect("small") * DAY + minute;
        Event { now, kind, command: self.programs[of_day] }
    }

    fn payload(&self, event: &Event) -> (&'static str, Value) {
        let cwd = self.sandbox.home();
        let bash = |name: &str, command: &str| {
            json!({"session_id": "s", "cwd": cwd, "hook_event_name": name, "tool_name": "Bash",
                "tool_input": {"command": command}, "duration_ms": 53})
        };
        match event.kind {
            Kind::Ran => ("learning-collector", bash("PostToolUse", event.command)),
            Kind::Failed => {
                let mut payload = bash("PostToolUseFailure", event.command);
                payload["error"] = json!("Exit code 127\nbash: command not found");
                ("learning-collector", payload)
            }
            Kind::Asked => ("intelligent-optimizer", bash("PreToolUse", "git push --force origin main")),
            Kind::Prompt => (
                "context-enhancer",
                json!({"session_id": "s", "cwd": cwd, "hook_event_name": "UserPromptSubmit", "prompt": "hello"}),
            ),
        }
    }

    fn fate(draw: &mut Draw) -> Fate {
        match draw.below(100) {
            0..18 => Fate::Killed,
            18..30 => Fate::Stopped,
            30..34 => Fate::Faulty,
            34..38 => Fate::Cramped,
            _ => Fate::Free,
        }
    }

    fn hook(&self, name: &str, fate: Fate, draw: &mut Draw, now: u64) -> Command {
        let mut command = self.sandbox.hook_command(name);
        if fate == Fate::Cramped {
            // So many bytes more than the day's segment has: a call writes less than it wants to.
            let host = host(&self.sandbox);
            let newest = host.ring().map(|ring| ring.newest()).expect("a ring");
            let segment = host.path.join(format!("patterns_{}.enc", newest.date()));
            let size = fs::metadata(segment).map_or(0, |metadata| metadata.len());
            let limit = size + draw.next() % 200;
            let plain = command;
            command = Command::new("sh");
            // What is sent for a file that is too large is ignored: the call fails instead.
            let text = "trap '' XFSZ; exec prlimit --fsize=\"$0\" \"$1\"";
            command.args(["-c", text, &limit.to_string()]).arg(plain.get_program());
            command.env_clear().envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?))));
            command.current_dir(self.sandbox.home()).stdout(Stdio::piped()).stderr(Stdio::piped());
        }
        if fate == Fate::Faulty {
            let kind = ["error:ENOSPC", "once:EIO", "kill", "error:EACCES"][draw.below(4)];
            command.env("CS_FAULT", format!("{kind}:{}", draw.below(5) + 1));
        }
        command.env("CS_NOW", now.to_string());
        command
    }

    /// A moment in the life of a hook.
    fn moment(&self, draw: &mut Draw) {
        let usual = self.usual_us.load(Ordering::Relaxed).max(1);
        std::thread::sleep(Duration::from_micros(draw.next() % (usual + usual / 4)));
    }

    fn call(&self, number: usize, draw: &mut Draw) {
        let event = self.event(number);
        let fate = Self::fate(draw);
        self.counts[fate as usize].fetch_add(1, Ordering::Relaxed);
        let (name, payload) = self.payload(&event);
        let full_since = self.full.load(Ordering::SeqCst);
        let begun = Instant::now();
        let mut command = self.hook(name, fate, draw, event.now);
        // It is all there when the hook begins: one that waits in vain for a second has nothing to record.
        let (input, mut filled) = std::io::pipe().expect("a pipe");
        filled.write_all(payload.to_string().as_bytes()).expect("it fits");
        drop(filled);
        let child = command.stdin(input).spawn().expect("the hook runs");
        let mut called = Called { number, fate, child, full_since };
        match fate {
            Fate::Killed => {
                self.moment(draw);
                called.child.kill().expect("killed");
            }
            Fate::Stopped => {
                self.moment(draw);
                signal(&called.child, Signal::STOP);
                return self.state().still.push(called);
            }
            Fate::Free | Fate::Faulty | Fate::Cramped => {}
        }
        self.ended(called);
        if fate == Fate::Free {
            let us = u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX);
            self.usual_us.store((self.usual_us.load(Ordering::Relaxed) * 7 + us) / 8, Ordering::Relaxed);
        }
    }

    fn ended(&self, called: Called) {
        use std::os::unix::process::ExitStatusExt as _;
        let Called { number, fate, child, full_since } = called;
        let output = child.wait_with_output().expect("it ends");
        let full = self.full.load(Ordering::SeqCst);
        let was_full = full_since % 2 == 1 || full != full_since;
        let is_killed = output.status.signal().is_some();
        let event = self.event(number);
        if !is_killed {
            let ran = ran(output);
            assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{} {event:?}", self.what());
            match event.kind {
                Kind::Asked => {
                    let decision = &ran.json()["hookSpecificOutput"]["permissionDecision"];
                    assert_eq!(decision, "ask", "{}", self.what());
                }
                // There may be news for an agent by then.
                Kind::Prompt if !ran.out.is_empty() => {
                    let context = ran.json()["hookSpecificOutput"]["additionalContext"].clone();
                    let is_news = context.as_str().is_some_and(|text| text.starts_with("From cs: "));
                    assert!(is_news, "{} {context}", self.what());
                }
                _ => assert_eq!(ran.out, "", "{} {event:?}", self.what()),
            }
        }
        let may_fail = was_full || matches!(fate, Fate::Faulty | Fate::Cramped);
        let end = if is_killed || may_fail { End::Unknown } else { End::Acknowledged };
        self.state().ends.insert(number, (end, fate));
    }

    fn what(&self) -> String {
        format!("CS_STORM_SEED={}:", self.seed)
    }

    /// One that stands still goes on, or dies.
    fn release(&self, mut still: Called, draw: &mut Draw) {
        if draw.percent(30) {
            still.child.kill().expect("killed");
        }
        signal(&still.child, Signal::CONT);
        self.ended(still);
    }

    fn upkeep(&self, now: u64, draw: &mut Draw) {
        let mut command = self.sandbox.command(&["hook", "upkeep"]);
        command.env("CS_NOW", now.to_string());
        let kills = draw.percent(40);
        if draw.percent(15) {
            command.env("CS_FAULT", format!("error:ENOSPC:{}", draw.below(30) + 1));
        }
        let mut child = command.spawn().expect("cs runs");
        if kills {
            std::thread::sleep(Duration::from_micros(draw.next() % 60_000));
            child.kill().expect("killed");
        }
        child.wait().expect("it ends");
    }

    fn fill_or_empty(&self, number: usize) {
        let Some(disk) = &self.disk else { return };
        let filler = disk.join("filler");
        match number * 10 / self.size % 3 {
            1 if !filler.exists() => {
                self.full.fetch_add(1, Ordering::SeqCst);
                let mut file = fs::File::create(&filler).expect("made");
                for bytes in [4_096, 1] {
                    while file.write_all(&vec![0; bytes]).is_ok() {}
                }
            }
            0 | 2 if filler.exists() => {
                fs::remove_file(&filler).expect("removed");
                self.full.fetch_add(1, Ordering::SeqCst);
            }
            _ => {}
        }
    }

    fn worker(&self) {
        loop {
            let mut state = self.state();
            let number = state.next;
            if number == self.size {
                return;
            }
            state.next += 1;
            let mut draw = Draw::new(state.draw.next());
            // One of those that stand still, now and then: days may have passed for it.
            let count = state.still.len();
            let released = (count > 6 || (count > 0 && draw.percent(9))).then(|| draw.below(count));
            let released = released.map(|place| state.still.swap_remove(place));
            if number.is_multiple_of(self.per_day / 4) {
                self.fill_or_empty(number);
            }
            drop(state);
            if let Some(still) = released {
                self.release(still, &mut draw);
            }
            if number % (self.per_day / 2) == 1 {
                self.upkeep(self.event(number).now, &mut draw);
            }
            if number % (self.per_day * 3) == 5 {
                let mut rotate = self.sandbox.command(&["keys", "rotate", "--quiet"]);
                rotate.env("CS_NOW", self.event(number).now.to_string());
                rotate.stderr(Stdio::null()).status().expect("cs runs");
            }
            self.call(number, &mut draw);
        }
    }

    fn rage(&self) {
        std::thread::scope(|scope| {
            let workers: Vec<_> = (0..AT_ONCE).map(|_| scope.spawn(|| self.worker())).collect();
            for worker in workers {
                if let Err(panic) = worker.join() {
                    std::panic::resume_unwind(panic);
                }
            }
        });
        self.fill_or_empty(0);
        let mut draw = Draw::new(self.seed ^ 1);
        let still = std::mem::take(&mut self.state().still);
        still.into_iter().for_each(|still| self.release(still, &mut draw));
    }

    /// The row that a record is counted in.
    fn row(event: &Event) -> (Vec<u8>, u16) {
        let of = HookEvent {
            kind: HookKind::PostToolUse,
            tool: Some("Bash".to_owned()),
            commands: vec![event.command.to_owned()],
            ..HookEvent::default()
        };
        let nobody = (Number::UNKNOWN, Number::UNKNOWN);
        let call = observe::observe(&of, HostType::Other, event.now, nobody).expect("it tells of a run");
        let mut one = Snapshot::default();
        one.add(&call.record);
        one.counts.into_keys().next().expect("counted")
    }

    /// Compares what is known with what was acknowledged.
    fn check(&self, when: &str, now: u64) -> String {
        let what = format!("{} {when}", self.what());
        let state = self.state();
        let known = snapshot(&self.sandbox, now);
        let mut rows = known.counts.clone();
        let asked = |entry: &&claude_sync::knowledge::audit::Entry| entry.what == What::Asked;
        let mut minutes: BTreeMap<u32, usize> = BTreeMap::new();
        for entry in known.audit.iter().filter(asked) {
            assert_eq!(entry.detail, code_of("git"), "{what}");
            *minutes.entry(entry.minute).or_default() += 1;
        }
        let (mut lost, mut doubled, mut told, mut kept) = (Vec::new(), Vec::new(), 0, 0);
        assert_eq!(state.ends.len(), self.size, "{what}");
        for (number, (end, fate)) in &state.ends {
            let event = self.event(*number);
            let found = match event.kind {
                Kind::Prompt => continue,
                Kind::Asked => {
                    minutes.remove(&u32::try_from(event.now / 60).expect("this century")).unwrap_or(0)
                }
                Kind::Ran | Kind::Failed => {
                    let counts = rows.remove(&Self::row(&event)).unwrap_or_default();
                    let (right, wrong) = match event.kind {
                        Kind::Failed => (counts.failed, counts.ok),
                        _ => (counts.ok, counts.failed),
                    };
                    assert_eq!(wrong, 0, "{what}: {event:?}");
                    usize::try_from(right).expect("small")
                }
            };
            match (found, end) {
                (0, End::Acknowledged) => lost.push((event, fate)),
                (0, End::Unknown) => {}
                (1, End::Acknowledged) => told += 1,
                (1, End::Unknown) => kept += 1,
                _ => doubled.push((event, fate)),
            }
        }
        assert!(rows.is_empty() && minutes.is_empty(), "{what}: from nowhere: {rows:?} {minutes:?}");
        let count = (lost.len(), doubled.len());
        assert_eq!(count, (0, 0), "{what}: lost {lost:#?}, doubled {doubled:#?}");
        let damaged: u32 =
            known.audit.iter().filter(|entry| entry.what == What::Damaged).map(|e| e.detail).sum();
        format!("{told} acknowledged, 0 lost, 0 doubled; {kept} more kept, {damaged} torn lines")
    }

    fn run(self) {
        self.rage();
        let end = self.event(self.size - 1).now;
        let before = self.check("before the last folds", end);
        for day in 1..3 {
            let mut command = self.sandbox.command(&["hook", "upkeep"]);
            ran(command.env("CS_NOW", (end + day * DAY).to_string()).output().expect("cs runs")).ok();
        }
        let after = self.check("after the last folds", end + 2 * DAY);
        println!("{before}");
        let counts: Vec<usize> = self.counts.iter().map(|count| count.load(Ordering::Relaxed)).collect();
        println!(
            "storm {}: {} hooks over {} days (free, killed, stopped, faulty, cramped: {counts:?}): {after}",
            self.seed,
            self.size,
            self.size.div_ceil(self.per_day),
        );
        let rows: BTreeSet<_> = (0..self.per_day).map(|number| Self::row(&self.event(number))).collect();
        assert_eq!(rows.len(), self.per_day, "BUG: two events of a day look the same");
    }
}

fn signal(child: &Child, signal: Signal) {
    let pid = Pid::from_raw(child.id().cast_signed()).expect("a process");
    // It is waited for only by us: until then the number is its own.
    let _ = kill_process(pid, signal);
}

#[test]
fn a_storm_of_hooks_loses_and_doubles_nothing() {
    let (size, per_day) = by_wish([(10_000, 400), (4_000, 160), (240, 60)]);
    Storm::new(installed(), size, per_day, None).run();
}

/// The same on a disk of its own that is full for a while. It is mounted where nobody else sees it.
#[test]
fn a_storm_on_a_full_disk_loses_and_doubles_nothing() {
    let has = Command::new("unshare").args(["-rm", "true"]).stderr(Stdio::null()).status();
    if !has.is_ok_and(|status| status.success()) {
        assert!(std::env::var_os("CS_CLIENT").is_none(), "unshare -rm does not work");
        return skipped("nothing can be mounted here: no disk was full");
    }
    let mut inner = Command::new("unshare");
    inner.args(["-rm", "--"]).arg(std::env::current_exe().expect("a test"));
    inner.args(["storm::on_a_full_disk", "--exact", "--ignored", "--nocapture"]);
    let ran = ran(inner.output().expect("the test runs"));
    assert_eq!(ran.code, 0, "{ran}");
    assert!(ran.out.contains("1 passed"), "{ran}");
    ran.out.lines().filter(|line| line.starts_with("storm")).for_each(|line| println!("full disk: {line}"));
}

#[test]
#[ignore = "mounts a disk: run by the test above, in a name space of its own"]
fn on_a_full_disk() {
    let sandbox = installed();
    let learning = sandbox.root().join("learning");
    let kept = sandbox.path("kept");
    fs::rename(&learning, &kept).expect("moved");
    fs::create_dir(&learning).expect("made");
    let mount = |args: &[&str], at: &Path| {
        assert!(Command::new("mount").args(args).arg(at).status().expect("mount runs").success());
    };
    mount(&["-t", "tmpfs", "-o", "size=2m,mode=0700", "none"], &learning);
    let copied = Command::new("cp").arg("-a").arg(kept.join(".")).arg(&learning).status().expect("cp runs");
    assert!(copied.success());
    let (size, per_day) = if is_thorough() { (2_000, 100) } else { (120, 40) };
    Storm::new(sandbox, size, per_day, Some(learning)).run();
}
