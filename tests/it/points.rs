//! The slow work and the hooks with a fault at every system call that touches files: killed, failed, or
//! stopped while the world goes on. What was acknowledged is known afterwards, once, and there is one ring.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use claude_sync::crypto::Epoch;
use claude_sync::hook::Hook;

use crate::hooks::{Hooked, host, known};
use crate::sandbox::{NOON, Ran, Sandbox, ran};
use crate::scenarios::by_wish;
use crate::tracer::{FILE_CALLS, LOOKS, Stopped, calls, injected, log, strace};

const DAY: u64 = 86_400;
const YESTERDAY: u64 = NOON + DAY;
const TODAY: u64 = NOON + 2 * DAY;

/// SIGKILL.
const KILLED: i32 = 137;

/// Three days of a life, kept as they were on the second and on the third.
struct Bench {
    sandbox: Sandbox,
    strace: &'static Path,
    payload: PathBuf,
    log: PathBuf,
    incarnation: u64,
}

/// Where the work begins, and how many records are known then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum From {
    /// A segment with records that no snapshot has; by [`TODAY`] a rotation is due.
    Yesterday,
    /// The same, and yesterday's segment, which is in one snapshot of two; segment and key are due to go.
    Today,
}

impl From {
    fn name(self) -> &'static str {
        match self {
            Self::Yesterday => "yesterday",
            Self::Today => "today",
        }
    }

    fn known(self) -> u32 {
        match self {
            Self::Yesterday => 12,
            Self::Today => 14,
        }
    }
}

/// What is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Work {
    Rotate,
    Upkeep,
    Collect,
}

/// A fault at the n-th call of a name.
type Point = (&'static str, &'static str, usize);

impl Bench {
    fn new(strace: &'static Path) -> Self {
        let mut bench = Self::empty(strace);
        bench.upkeep(NOON);
        bench.post(NOON, 5);
        bench.upkeep(NOON);
        bench.post(NOON, 3);
        bench.upkeep(YESTERDAY);
        bench.post(YESTERDAY, 4);
        bench.keep(From::Yesterday);
        bench.upkeep(TODAY);
        bench.post(TODAY, 2);
        bench.keep(From::Today);
        bench.incarnation = host(&bench.sandbox).ring().expect("a ring").incarnation();
        bench
    }

    /// No more than hooks and their names: all that is learned is made as it is needed.
    fn empty(strace: &'static Path) -> Self {
        let sandbox = Sandbox::new();
        fs::create_dir_all(sandbox.root().join("hooks")).expect("folders");
        for hook in Hook::ALL {
            let link = sandbox.root().join("hooks").join(hook.name());
            std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_cs"), link).expect("a link");
        }
        let payload = sandbox.path("payload");
        fs::write(&payload, sandbox.post_payload("cargo build", None)).expect("written");
        let log = log(&sandbox.home());
        Self { sandbox, strace, payload, log, incarnation: 0 }
    }

    /// Another one with the same life.
    fn twin(&self) -> Self {
        let twin = Self { incarnation: self.incarnation, ..Self::empty(self.strace) };
        for from in [From::Yesterday, From::Today] {
            copy(&self.sandbox.path(from.name()), &twin.sandbox.path(from.name()));
        }
        twin
    }

    #[track_caller]
    fn keep(&self, from: From) {
        assert_eq!(known(&self.sandbox, TODAY), from.known());
        copy(&self.learning(), &self.sandbox.path(from.name()));
    }

    fn learning(&self) -> PathBuf {
        self.sandbox.root().join("learning")
    }

    fn fresh(&self, from: From) {
        if self.learning().exists() {
            fs::remove_dir_all(self.learning()).expect("removed");
        }
        copy(&self.sandbox.path(from.name()), &self.learning());
    }

    fn work(&self, work: Work, now: u64) -> Command {
        let mut command = match work {
            Work::Rotate => self.sandbox.command(&["keys", "rotate"]),
            Work::Upkeep => self.sandbox.command(&["hook", "upkeep"]),
            Work::Collect => self.sandbox.hook_command("learning-collector"),
        };
        command.env("CS_NOW", now.to_string());
        command
    }

    fn input(&self, work: Work) -> Option<&Path> {
        (work == Work::Collect).then_some(self.payload.as_path())
    }

    #[track_caller]
    fn run(&self, work: Work, now: u64) -> Ran {
        let mut command = self.work(work, now);
        if let Some(input) = self.input(work) {
            command.stdin(fs::File::open(input).expect("an input"));
        }
        ran(command.output().expect("cs runs")).ok()
    }

    #[track_caller]
    fn upkeep(&self, now: u64) {
        let ran = self.run(Work::Upkeep, now);
        assert!(ran.out.is_empty() && ran.err.is_empty(), "{ran}");
    }

    #[track_caller]
    fn post(&self, now: u64, count: usize) {
        for _ in 0..count {
            self.run(Work::Collect, now);
        }
    }

    fn calls(&self, work: Work, from: From, now: u64) -> BTreeMap<&'static str, usize> {
        self.fresh(from);
        let counts = calls(self.strace, &self.work(work, now), &self.log, self.input(work));
        assert!(counts.values().sum::<usize>() > 20, "{counts:?}");
        counts
    }

    fn traced(&self, work: Work, now: u64, point: Point) -> Command {
        injected(self.strace, &self.work(work, now), point, &self.log, self.input(work))
    }

    /// The ring is the one there was, or what followed from it.
    #[track_caller]
    fn check_ring(&self, what: &str) -> u32 {
        let host = host(&self.sandbox);
        let ring = host.ring().unwrap_or_else(|error| panic!("{what}: {error}"));
        assert_eq!(ring.incarnation(), self.incarnation, "{what}: another ring");
        ring.newest().0
    }

    /// All is as it should be after the work was done again, and after all that follows.
    #[track_caller]
    fn check_settled(&self, what: &str, wanted: u32, today: u64) {
        for _ in 0..2 {
            self.upkeep(today);
            assert_eq!(known(&self.sandbox, today), wanted, "{what}, settled");
        }
        self.post(today, 1);
        assert_eq!(known(&self.sandbox, today), wanted + 1, "{what}, and one more");
        self.check_ring(what);
        let left: Vec<PathBuf> = self.sandbox.learning();
        let is_over = |path: &&PathBuf| {
            let name = path.file_name().expect("a name").to_string_lossy().into_owned();
            name.ends_with(".new") || name.contains("2026-01-01") || name.contains("2026-01-02")
        };
        let over: Vec<_> = left.iter().filter(is_over).collect();
        assert!(over.is_empty(), "{what}: {over:?} left over");
    }
}

fn copy(from: &Path, to: &Path) {
    let status = Command::new("cp").arg("-a").args([from, to]).status().expect("cp runs");
    assert!(status.success());
}

/// Does something with each point, on two threads.
fn each(bench: &Bench, points: &[Point], act: impl Fn(&Bench, Point) + Sync) {
    let next = AtomicUsize::new(0);
    let panicked = Mutex::new(None);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let bench = bench.twin();
                while let Some(point) = points.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let acted = std::panic::AssertUnwindSafe(|| act(&bench, *point));
                    if let Err(panic) = std::panic::catch_unwind(acted) {
                        *panicked.lock().expect("a lock") = Some(panic);
                        return;
                    }
                }
            });
        }
    });
    if let Some(panic) = panicked.into_inner().expect("a lock") {
        std::panic::resume_unwind(panic);
    }
}

fn points(counts: &BTreeMap<&'static str, usize>, faults: &[(&'static str, &[&str])]) -> Vec<Point> {
    let mut points = Vec::new();
    for (fault, of) in faults {
        for (call, count) in counts.iter().filter(|(call, _)| of.contains(*call)) {
            points.extend((1..=*count).map(|n| (*call, *fault, n)));
        }
    }
    points
}

fn changes() -> Vec<&'static str> {
    FILE_CALLS.into_iter().filter(|call| !LOOKS.contains(call)).collect()
}

/// Killed or failed at one point, then as it should be. `steps`: how many points are taken for one that is
/// tried, when every one is wanted, on CI, and otherwise.
fn interrupted(bench: &Bench, work: Work, from: From, steps: [usize; 3]) {
    let counts = bench.calls(work, from, TODAY);
    let full: &[&str] = &["openat", "write", "mkdir", "rename", "fsync", "fchmod", "chmod"];
    let again: &[&str] = &["openat", "read", "write", "fsync", "flock", "getdents64"];
    let denied: &[&str] = &["openat", "statx", "newfstatat", "mkdir", "rename", "unlink", "chmod", "fchmod"];
    let changes = changes();
    let all = points(
        &counts,
        &[
            ("signal=KILL", &changes),
            ("error=EIO", &FILE_CALLS),
            ("error=ENOSPC", full),
            ("error=EINTR", again),
            ("error=EACCES", denied),
        ],
    );
    let chosen: Vec<Point> = all.iter().copied().step_by(by_wish(steps)).collect();
    let (killed, told) = (AtomicUsize::new(0), AtomicUsize::new(0));
    each(bench, &chosen, |bench, point| {
        let what = format!("{work:?} with {point:?}");
        bench.fresh(from);
        let old = bench.check_ring(&what);
        let ran = ran(bench.traced(work, TODAY, point).output().expect("strace runs"));
        let is_killed = point.1 == "signal=KILL";
        if is_killed {
            assert_eq!(ran.code, KILLED, "{what}: {ran}");
            killed.fetch_add(1, Ordering::Relaxed);
        }
        let is_silent = ran == Ran { code: 0, out: String::new(), err: String::new() };
        let newest = bench.check_ring(&what);
        let mut now_known = known(&bench.sandbox, TODAY);
        match work {
            Work::Collect => {
                assert!([from.known(), from.known() + 1].contains(&now_known), "{what}: {now_known}");
                assert!(is_killed || is_silent, "{what}: {ran}");
            }
            Work::Upkeep => {
                assert!(is_killed || is_silent, "{what}: {ran}");
                assert_eq!(now_known, from.known(), "{what}");
            }
            Work::Rotate => {
                assert!(is_killed || [0, 1].contains(&ran.code), "{what}: {ran}");
                assert!(ran.code != 1 || ran.err.starts_with("error: "), "{what}: {ran}");
                assert!(newest == old || newest == old + 1, "{what}: {old} {newest}");
                assert!(ran.code != 0 || newest > old, "{what}: said to be done");
                told.fetch_add(usize::from(ran.code == 1), Ordering::Relaxed);
                now_known = from.known();
                // A derivation is slow in a build for tests: not after every fault.
                if point.2 % 4 == 1 {
                    bench.run(Work::Rotate, TODAY);
                    assert!(bench.check_ring(&what) > newest, "{what}: the next did not work");
                }
            }
        }
        // The next run, and now and then all that follows.
        bench.upkeep(TODAY);
        assert_eq!(known(&bench.sandbox, TODAY), now_known, "{what}, the next run");
        bench.check_ring(&what);
        if point.2 % 4 == 1 {
            bench.check_settled(&what, now_known, TODAY);
        }
    });
    let (killed, told) = (killed.into_inner(), told.into_inner());
    println!(
        "{work:?} from {}: {} of {} points, {killed} killed, {told} refused, 0 lost",
        from.name(),
        chosen.len(),
        all.len()
    );
    assert!(killed > 0 && all.len() > 100, "{}", all.len());
}

#[test]
fn a_fault_at_any_call_costs_no_ring_and_no_record() {
    let Some(strace) = strace() else { return };
    let bench = Bench::new(strace);
    interrupted(&bench, Work::Collect, From::Today, [1, 1, 19]);
    interrupted(&bench, Work::Rotate, From::Today, [1, 3, 47]);
    interrupted(&bench, Work::Upkeep, From::Today, [1, 5, 71]);
    // A derivation is slow in a build for tests, and the same as that of a rotation.
    interrupted(&bench, Work::Upkeep, From::Yesterday, [1, 29, 331]);
}

/// A process that stands still may go on days later, with keys that are long gone. It ends well, so
/// what it had to record is there.
#[test]
fn a_hook_that_stands_still_while_days_pass_still_records() {
    let Some(strace) = strace() else { return };
    let bench = Bench::new(strace);
    let counts = bench.calls(Work::Collect, From::Yesterday, YESTERDAY);
    let all = points(&counts, &[("signal=STOP", &FILE_CALLS)]);
    // When the record's place is open, when it is locked, and when it is written; and any other.
    let telling = all.iter().filter(|(call, _, n)| ["flock", "write"].contains(call) && *n == 1);
    let chosen: Vec<Point> = all.iter().step_by(by_wish([1, 3, 19])).chain(telling).copied().collect();
    let stopped = AtomicUsize::new(0);
    each(&bench, &chosen, |bench, point| {
        // The next day, and so many days that keys go whatever is sealed with them.
        let is_telling = ["flock", "write"].contains(&point.0);
        let far = is_telling || by_wish([1, 0, 0]) == 1 && point.2 % 4 == 1;
        let lives: [&[u64]; 2] = [&[1], &[2, 4, 6, 8, 9]];
        for days in lives.iter().take(if far { 2 } else { 1 }) {
            let what = format!("{point:?}, {days:?} days");
            bench.fresh(From::Yesterday);
            let traced = bench.traced(Work::Collect, YESTERDAY, point);
            let hook = Stopped::at(traced, &bench.log).unwrap_or_else(|| panic!("{what}: it ended"));
            for day in *days {
                bench.upkeep(YESTERDAY + day * DAY);
                bench.upkeep(YESTERDAY + day * DAY);
            }
            let today = YESTERDAY + days[days.len() - 1] * DAY;
            if days.len() > 1 {
                let oldest =
                    host(&bench.sandbox).ring().expect("a ring").epochs().next().expect("never empty");
                assert!(oldest.0 + 7 > Epoch::of(today).0, "{what}: a key of {oldest}");
            }
            assert_eq!(ran(hook.go_on()), Ran { code: 0, out: String::new(), err: String::new() }, "{what}");
            assert_eq!(known(&bench.sandbox, today), From::Yesterday.known() + 1, "{what}");
            bench.check_settled(&what, From::Yesterday.known() + 1, today);
            stopped.fetch_add(1, Ordering::Relaxed);
        }
    });
    println!("a hook stood still {} times at {} points, 0 lost", stopped.into_inner(), chosen.len());
}

/// Whoever holds a lock may stand still: hooks wait for none. Meanwhile keys may change under it.
#[test]
fn hooks_go_on_while_the_slow_work_stands_still() {
    let Some(strace) = strace() else { return };
    let bench = Bench::new(strace);
    for (work, steps) in [(Work::Upkeep, [1, 7, 31]), (Work::Rotate, [1, 5, 23])] {
        let counts = bench.calls(work, From::Today, TODAY);
        let all = points(&counts, &[("signal=STOP", &changes())]);
        let chosen: Vec<Point> = all.iter().copied().step_by(by_wish(steps)).collect();
        let (rotated, posted) = (AtomicUsize::new(0), From::Today.known() + 2);
        each(&bench, &chosen, |bench, point| {
            let what = format!("{work:?} at {point:?}");
            bench.fresh(From::Today);
            let traced = bench.traced(work, TODAY, point);
            let stopped = Stopped::at(traced, &bench.log).unwrap_or_else(|| panic!("{what}: it ended"));
            let lock = fs::File::options().write(true).open(host(&bench.sandbox).path.join("keys/lock"));
            // Unless it would wait for the one that stands still.
            if work == Work::Upkeep && lock.is_ok_and(|lock| lock.try_lock().is_ok()) {
                bench.run(Work::Rotate, TODAY);
                rotated.fetch_add(1, Ordering::Relaxed);
            }
            // It may stand still for days.
            let later = if point.2 % 3 == 2 { TODAY + 4 * DAY } else { TODAY };
            bench.post(TODAY, 1);
            bench.post(later, 1);
            assert_eq!(bench.sandbox.pre("rm -rf /")["permissionDecision"], "deny", "{what}");
            assert_eq!(known(&bench.sandbox, TODAY), posted, "{what}");
            if point.2 % 2 == 0 {
                stopped.kill();
            } else {
                assert_eq!(ran(stopped.go_on()).code, 0, "{what}");
            }
            assert_eq!(known(&bench.sandbox, TODAY), posted, "{what}, ended");
            bench.check_settled(&what, posted, later);
        });
        let rotated = rotated.into_inner();
        println!(
            "{work:?} stood still at {} points, {rotated} with a rotation meanwhile, 0 lost",
            chosen.len()
        );
        assert!(rotated > 0 || work == Work::Rotate);
    }
}
