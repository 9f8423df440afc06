//! A day of ten thousand events, and a fortnight of such days: what is kept stays within its limits, and the
//! trail says that some was left out.

use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering};

use claude_sync::command::shape::Record;
use claude_sync::knowledge::fold::Rules;
use claude_sync::knowledge::journal::{self, Journal};
use claude_sync::knowledge::{Learning, upkeep};

use crate::hooks::{Hooked, host, installed, known, start};
use crate::sandbox::{NOON, Sandbox, ran};
use crate::scenarios::is_thorough;
use crate::store::Habits;

const DAY: u64 = 86_400;

/// Mission L7.
const DAY_BYTES_MAX: u64 = 1_000_000;
const ALL_BYTES_MAX: u64 = 30_000_000;

/// Bytes of the files whose name begins so.
fn bytes(sandbox: &Sandbox, prefixes: &[&str]) -> u64 {
    let is_meant = |name: &str| prefixes.iter().any(|prefix| name.starts_with(prefix));
    let files = sandbox.learning();
    let meant = files.iter().filter(|path| is_meant(&path.file_name().expect("a name").to_string_lossy()));
    meant.map(|path| fs::metadata(path).expect("there").len()).sum()
}

/// How often the trail says that events were left out.
fn said(sandbox: &Sandbox, now: u64) -> usize {
    let mut command = sandbox.command(&["audit", "--json", "--most", "1000"]);
    let trail = ran(command.env("CS_NOW", now.to_string()).output().expect("cs runs")).ok().json();
    let entries = trail["entries"].as_array().expect("a list");
    entries.iter().filter(|entry| entry["what"] == "sampled").count()
}

fn habits() -> Habits {
    Habits::new(7, 2_000)
}

/// Writes what the hooks of a day would have, until the segment has `most` bytes or all are written.
fn fill(sandbox: &Sandbox, habits: &mut Habits, now: u64, count: usize, most: u64) -> usize {
    let host = host(sandbox);
    let ring = host.ring().expect("a ring");
    let segment = host.path.join(Journal::Patterns.segment(ring.newest()));
    for number in 0..count {
        if fs::metadata(&segment).map_or(0, |metadata| metadata.len()) >= most {
            return number;
        }
        let record: Record = habits.next(u16::try_from(now / DAY).expect("this century"));
        journal::write(&host.path, &ring, Journal::Patterns, &record.encode(), now).expect("written");
    }
    count
}

#[test]
fn ten_thousand_events_in_a_day_stay_within_its_limit_and_that_is_said() {
    const EVENTS: usize = 10_000;
    let sandbox = installed();
    // Real hooks from where it becomes interesting; CI takes them from the start.
    let near = if is_thorough() { 0 } else { 3 * Journal::Patterns.bytes_max() / 4 - 2_000 };
    let filled = fill(&sandbox, &mut habits(), NOON, EVENTS, near);
    let hooks = if is_thorough() { EVENTS } else { 120 };
    assert_eq!(said(&sandbox, NOON), 0);
    let next = AtomicUsize::new(0);
    let payload = sandbox.post_payload("cargo test --release 2>&1 | tail -n 20", None);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                while next.fetch_add(1, Ordering::Relaxed) < hooks {
                    let child = start(&mut sandbox.hook_command("learning-collector"), payload.as_bytes());
                    ran(child.wait_with_output().expect("it ends")).ok();
                }
            });
        }
    });
    // The rest of the day, of which hardly anything is kept.
    fill(&sandbox, &mut habits(), NOON, EVENTS.saturating_sub(filled + hooks), u64::MAX);
    let kept = known(&sandbox, NOON);
    let size = bytes(&sandbox, &["patterns_", "audit_"]);
    println!("{EVENTS} events in a day: {kept} kept in {size} bytes");
    assert!(size <= DAY_BYTES_MAX, "{size}");
    assert!(kept > 3_000 && kept < 9_000, "{kept}");
    assert_eq!(said(&sandbox, NOON), 1);
    for now in [NOON, NOON + DAY, NOON + 2 * DAY] {
        let mut upkeep = sandbox.command(&["hook", "upkeep"]);
        ran(upkeep.env("CS_NOW", now.to_string()).output().expect("cs runs")).ok();
        assert_eq!((known(&sandbox, now), said(&sandbox, now)), (kept, 1));
    }
}

/// The hook whose record filled the day may die before it can say so.
#[test]
fn a_full_day_is_said_also_when_the_one_who_filled_it_died() {
    let sandbox = installed();
    // The session has its number: what is written next is records.
    sandbox.post("cargo test", None);
    let full = 3 * Journal::Patterns.bytes_max() / 4;
    fill(&sandbox, &mut habits(), NOON, 10_000, full - 300);
    assert_eq!(said(&sandbox, NOON), 0);
    while bytes(&sandbox, &["patterns_"]) < full {
        // All that it does after its record fails.
        let mut hook = sandbox.hook_command("learning-collector");
        hook.env("CS_FAULT", "error:ENOSPC:3");
        let child = start(&mut hook, sandbox.post_payload("cargo test", None).as_bytes());
        ran(child.wait_with_output().expect("it ends")).ok();
    }
    for _ in 0..30 {
        sandbox.post("cargo test", None);
    }
    assert_eq!(said(&sandbox, NOON), 1);
}

#[test]
fn a_fortnight_of_such_days_stays_within_the_limit_of_all() {
    // That comes near as many rows as a snapshot may have. Past its limit a day grows by hardly anything:
    // two hundred events show that as well as all.
    let (days, events) = if is_thorough() { (14, 10_000) } else { (2, 500) };
    let sandbox = installed();
    let learning = Learning::locate(&sandbox.root());
    let mut habits = Habits::new(7, 50_000);
    let mut most = 0;
    for day in 0..days {
        let now = NOON + day * DAY;
        upkeep::run(&learning, &Rules::default(), now).expect("kept up");
        let written = fill(&sandbox, &mut habits, now, events, 3 * Journal::Patterns.bytes_max() / 4);
        fill(&sandbox, &mut habits, now, 200.min(events - written), u64::MAX);
        most = most.max(bytes(&sandbox, &[""]));
        assert!(bytes(&sandbox, &["patterns_", "audit_"]) <= 2 * DAY_BYTES_MAX);
    }
    println!("{days} days of {events} events: {most} bytes at most");
    assert!(most <= ALL_BYTES_MAX, "{most}");
}
