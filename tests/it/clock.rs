//! A clock that is wrong: by a second, a day, a year, forwards and back, for a moment or for good.
//! What was recorded stays, there is one ring, and no epoch has two keys.

use std::collections::BTreeMap;

use claude_sync::command::shape::{ErrorClass, HostType, Outcome, Record, ToolKind};
use claude_sync::knowledge::fold::Rules;
use claude_sync::knowledge::journal::{self, Journal, Kept};
use claude_sync::knowledge::{HostFolder, Learning, fold, sources, upkeep};

use crate::machines::{ID_A, Machine, hosts};
use crate::sandbox::{NOON, Sandbox};
use crate::scenarios::{by_wish, is_thorough};

const DAY: i64 = 86_400;
const YEAR: i64 = 365 * DAY;
const STEPS: [i64; 6] = [1, -1, DAY, -DAY, YEAR, -YEAR];

#[derive(Clone, Copy)]
enum Act {
    Event,
    Upkeep,
}
use Act::{Event, Upkeep};

/// Three days of work: the day, and what is done on it. There is knowledge of a month before.
const WORK: [(i64, Act); 12] = [
    (0, Event),
    (0, Upkeep),
    (0, Event),
    (0, Upkeep),
    (1, Upkeep),
    (1, Event),
    (1, Upkeep),
    (1, Event),
    (2, Upkeep),
    (2, Event),
    (2, Upkeep),
    (2, Upkeep),
];

/// A host and all that was ever seen of it.
struct World<'a> {
    sandbox: &'a Sandbox,
    learning: Learning,
    host: HostFolder,
    written: u32,
    /// The secret of each epoch, and whether the ring has it still.
    keys: BTreeMap<String, (String, bool)>,
}

impl<'a> World<'a> {
    fn new(sandbox: &'a Sandbox, now: i64) -> Self {
        let machine = sources::Machine::simulated(Machine::metal(sandbox, "a", ID_A, "tux").folder());
        let learning = Learning::on(machine, &sandbox.root());
        let host = learning.enrol(time(now)).expect("enrolled").host;
        Self { sandbox, learning, host, written: 0, keys: BTreeMap::new() }
    }

    fn act(&mut self, act: Act, now: i64) {
        match act {
            Event => {
                let record = Record {
                    tool: ToolKind::Bash,
                    outcome: Outcome::Ok,
                    error: ErrorClass::Other,
                    duration: 3,
                    host: HostType::Other,
                    day: u16::try_from(now / DAY).expect("a day"),
                    shape: None,
                };
                let ring = self.host.ring().expect("a ring");
                let kept =
                    journal::write(&self.host.path, &ring, Journal::Patterns, &record.encode(), time(now));
                assert!(matches!(kept.expect("written"), Kept::Written { .. }));
                self.written += 1;
            }
            Upkeep => {
                upkeep::run(&self.learning, &Rules::default(), time(now)).expect("done");
            }
        }
        self.look();
    }

    /// No epoch ever has another secret than it had, and none that went comes back.
    fn look(&mut self) {
        let text = self.sandbox.read(&format!(".claude/learning/{}/keys/ring", self.host.id));
        let lines = text.lines().filter_map(|line| line.strip_prefix("epoch ")?.split_once(' '));
        let now: BTreeMap<String, String> =
            lines.map(|(epoch, secret)| (epoch.to_owned(), secret.to_owned())).collect();
        for (epoch, (_, is_there)) in &mut self.keys {
            *is_there &= now.contains_key(epoch);
        }
        for (epoch, secret) in now {
            let known = self.keys.entry(epoch.clone()).or_insert_with(|| (secret.clone(), true));
            assert_eq!(*known, (secret, true), "epoch {epoch} has two keys");
        }
    }

    fn known(&self, now: i64) -> u32 {
        let ring = self.host.ring().expect("a ring");
        let (snapshot, folded) = fold::known(&self.host.path, &ring, time(now)).expect("readable");
        assert_eq!(folded.damaged, 0);
        snapshot.counts.values().map(|counts| counts.ok + counts.failed).sum()
    }
}

fn time(now: i64) -> u64 {
    u64::try_from(now).expect("after 1970")
}

fn start() -> i64 {
    i64::try_from(NOON).expect("in range")
}

/// A month of it, with something on each day, as it is before anything goes wrong.
fn month(sandbox: &Sandbox) -> u32 {
    let mut world = World::new(sandbox, start() - 29 * DAY);
    // Not on each day: most of a month's weight is in the snapshot whatever its days.
    for day in [-24, -1] {
        world.act(Upkeep, start() + day * DAY);
        world.act(Event, start() + day * DAY + 60);
        world.act(Upkeep, start() + day * DAY + 120);
    }
    assert_eq!(world.known(start()), world.written);
    world.written
}

/// For a moment: one, two or three things in a row are done while the clock is wrong.
#[test]
fn a_clock_that_is_wrong_for_a_moment_costs_nothing() {
    let sandbox = Sandbox::new();
    let before = month(&sandbox);
    sandbox.keep("a month");
    let moments = STEPS.into_iter().flat_map(|step| (0..WORK.len()).map(move |from| (step, from)));
    let moments: Vec<_> = moments.flat_map(|(step, from)| (1..4).map(move |len| (step, from, len))).collect();
    let mut tried = 0;
    for (step, from, len) in moments.into_iter().step_by(by_wish([5, 13, 37])) {
        sandbox.fresh("a month");
        let mut world = World::new(&sandbox, start());
        world.written = before;
        for (at, (day, act)) in WORK.into_iter().enumerate() {
            // Within one day: a clock that is ahead on two days in a row is the clock.
            let is_wrong = (from..from + len).contains(&at) && day == WORK[from].0;
            let at = i64::try_from(at).expect("few");
            let now = start() + day * DAY + at * 60 + if is_wrong { step } else { 0 };
            world.act(act, now);
            assert_eq!(world.known(now), world.written, "{step:+} s from {from} for {len}, at {at}");
        }
        assert_eq!(hosts(&sandbox).len(), 1);
        let newest = world.host.ring().expect("a ring").newest().0;
        let today = u32::try_from((start() + 2 * DAY) / DAY).expect("a day");
        assert!(newest.abs_diff(today) <= 2, "{step:+} s from {from} for {len}: {newest} on day {today}");
        tried += 1;
    }
    println!("{tried} moments of a wrong clock, nothing lost");
}

/// For good: from some point on the clock shows another time. Back, nothing is lost; ahead, what is then
/// older than a month goes, but only when the clock has been there on two days.
#[test]
fn a_clock_that_was_set_is_followed() {
    let sandbox = Sandbox::new();
    let before = month(&sandbox);
    sandbox.keep("a month");
    let cases: Vec<_> =
        STEPS.into_iter().flat_map(|step| (0..WORK.len()).map(move |from| (step, from))).collect();
    for (step, from) in cases.into_iter().step_by(by_wish([5, 7, 13])) {
        sandbox.fresh("a month");
        let mut world = World::new(&sandbox, start());
        world.written = before;
        let mut since = 0;
        for (at, (day, act)) in WORK.into_iter().enumerate() {
            let is_set = at >= from;
            let now =
                start() + day * DAY + i64::try_from(at).expect("few") * 60 + if is_set { step } else { 0 };
            world.act(act, now);
            since += u32::from(is_set && matches!(act, Event));
            let known = world.known(now);
            let is_first_day = day == WORK[from].0;
            let least = if step == YEAR && is_set && !is_first_day { since } else { world.written };
            assert!(known >= least && known <= world.written, "{step:+} s from {from}, at {at}: {known}");
        }
        assert_eq!(hosts(&sandbox).len(), 1);
        // Keys go on changing daily, and old ones go, whatever the calendar says.
        for day in (3..6).take(if is_thorough() { 3 } else { 0 }) {
            let now = start() + day * DAY + step;
            world.act(Upkeep, now);
            world.act(Event, now + 60);
            world.act(Upkeep, now + 120);
        }
        let epochs = world.host.ring().expect("a ring").epochs().count();
        assert!(epochs <= 3, "{step:+} s from {from}: {epochs} keys");
        assert!(world.keys.len() >= if is_thorough() { 5 } else { 2 }, "{:?}", world.keys.keys());
    }
}

/// Nobody used it for a month: its keys go on where they were, and what is old goes when that is sure.
#[test]
fn a_machine_that_was_off_is_back_in_a_day() {
    let sandbox = Sandbox::new();
    month(&sandbox);
    let mut world = World::new(&sandbox, start());
    let back = start() + 60 * DAY;
    world.written = world.known(start());
    world.act(Upkeep, back);
    world.act(Event, back + 60);
    assert_eq!(world.known(back), world.written, "it could be the clock");
    world.act(Upkeep, back + DAY);
    world.act(Event, back + DAY + 60);
    world.act(Upkeep, back + DAY + 120);
    assert_eq!(world.known(back + DAY), 2, "what is two months old is gone, and nothing else");
    let ring = world.host.ring().expect("a ring");
    assert_eq!(i64::from(ring.newest().0), (back + DAY) / DAY);
}

/// One session a week, each a week after the newest record, is no clock gone wrong.
#[test]
fn a_session_a_week_has_a_key_of_its_own() {
    let sandbox = Sandbox::new();
    let mut world = World::new(&sandbox, start());
    for week in 1..5 {
        let now = start() + week * 7 * DAY;
        world.act(Upkeep, now);
        world.act(Event, now + 60);
    }
    assert!(world.keys.len() >= 4, "{:?}", world.keys.keys());
    assert!(world.host.ring().expect("a ring").epochs().count() <= 3);
    assert_eq!(world.known(start() + 28 * DAY), world.written);
}
