//! Events by the thousand: draws that can be repeated, commands of every kind, and a full store to
//! measure with.

use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use claude_sync::command::shape::{HostType, Outcome, Record, Shape, Tool, ToolKind};
use claude_sync::hook::health::{ENTRY_BYTES, RUNS_MAX, Run};
use claude_sync::hook::{Hook, observe};
use claude_sync::knowledge::fold::Rules;
use claude_sync::knowledge::journal::{self, Journal};
use claude_sync::knowledge::{Learning, durations, upkeep};
use claude_sync::learn::Number;

use crate::draw::Draw;

/// A command line of a program, with some of the subcommands and flags it has.
fn command(draw: &mut Draw) -> String {
    let code = u16::try_from(draw.below(usize::from(Tool::COUNT))).expect("small");
    let tool = Tool::from_code(code).expect("there");
    let mut words = vec![tool.name().to_owned()];
    let subcommands: Vec<&str> = tool.subcommands().map(|(name, _)| name).collect();
    if !subcommands.is_empty() {
        words.push(subcommands[draw.below(subcommands.len())].replace('/', " "));
    }
    let flags: Vec<&str> = tool.flags().filter_map(|(names, _)| names.split(',').next()).collect();
    for _ in 0..draw.below(4).min(flags.len()) {
        words.push(flags[draw.below(flags.len())].to_owned());
    }
    words
        .push(["", "src/main.rs", "/tmp/x", "| head -n 5", "2>&1", "&& make test"][draw.below(6)].to_owned());
    words.join(" ")
}

/// What a busy machine does: few things often, many things rarely.
pub struct Habits {
    commands: Vec<Record>,
    draw: Draw,
}

impl Habits {
    pub fn new(seed: u64, kinds: usize) -> Self {
        let mut draw = Draw::new(seed);
        let of = |command: String| Record { shape: Some(Shape::of_text(&command)), ..other(ToolKind::Bash) };
        Self { commands: (0..kinds).map(|_| of(command(&mut draw))).collect(), draw }
    }

    pub fn next(&mut self, day: u16) -> Record {
        const OTHERS: [&str; 5] = ["Read", "Edit", "Write", "Grep", "Glob"];
        let draw = &mut self.draw;
        let mut record = if draw.percent(40) {
            other(ToolKind::named(OTHERS[draw.below(OTHERS.len())]))
        } else {
            // The n-th kind about as often as 1/n.
            let kinds = self.commands.len();
            let within = draw.below(kinds) + 1;
            self.commands[draw.below(within)]
        };
        record.day = day;
        record.duration = u8::try_from(draw.below(14)).expect("small");
        record.outcome = if draw.percent(8) { Outcome::Failed } else { Outcome::Ok };
        record
    }
}

fn other(tool: ToolKind) -> Record {
    let event = claude_sync::hook::event::Event {
        kind: claude_sync::hook::event::Kind::PostToolUse,
        tool: Some("Bash".to_owned()),
        ..Default::default()
    };
    let nobody = (Number::UNKNOWN, Number::UNKNOWN);
    let record = observe::observe(&event, HostType::Other, 0, nobody).expect("it tells of a run").record;
    Record { tool, shape: None, ..record }
}

fn number(name: &str, otherwise: usize) -> usize {
    std::env::var(name).map_or(otherwise, |text| text.parse().expect("a number"))
}

/// Fills the root in `CS_STORE` with thirty days of 1,556 events each, the busiest day that was seen, the
/// way hooks and upkeep would have. The last upkeep was yesterday's: the next one has a rotation and a fold
/// of two full days before it.
#[test]
#[ignore = "makes a store to measure with, in the root that CS_STORE names; see tests/bench/store.py"]
fn make_a_full_store() {
    let root = PathBuf::from(std::env::var_os("CS_STORE").expect("CS_STORE names a root"));
    let (days, events) = (number("CS_STORE_DAYS", 30), number("CS_STORE_EVENTS", 1_556));
    let mut habits = Habits::new(1, number("CS_STORE_KINDS", 2_000));
    let learning = Learning::locate(&root);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
    for ago in (0..days as u64).rev() {
        let morning = now - ago * 86_400;
        if ago > 0 {
            upkeep::run(&learning, &Rules::default(), morning).expect("kept up");
        }
        let host = learning.known_host().expect("readable").expect("enrolled");
        let ring = host.ring().expect("a ring");
        for _ in 0..events {
            let record = habits.next(u16::try_from(morning / 86_400).expect("this century"));
            journal::write(&host.path, &ring, Journal::Patterns, &record.encode(), morning).expect("written");
        }
    }
    let entries = |hook: Hook| -> Vec<u8> {
        let us = hook.target_us() / 4;
        (0..RUNS_MAX as u64).flat_map(|run| Run { at: now - run, us }.encode()).collect()
    };
    for hook in Hook::ALL {
        let max = (RUNS_MAX * ENTRY_BYTES) as u64;
        durations::add(&learning.path, hook.name(), &entries(hook), max, 2 * max).expect("written");
    }
}
