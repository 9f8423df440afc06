//! Events by the thousand: draws that can be repeated, commands of every kind, and a full store to
//! measure with.

use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use claude_sync::command::shape::{ErrorClass, HostType, Outcome, Record, Shape, Tool, ToolKind};
use claude_sync::hook::health::{ENTRY_BYTES, RUNS_MAX, Run};
use claude_sync::hook::{Hook, observe};
use claude_sync::knowledge::fold::Rules;
use claude_sync::knowledge::journal::{self, Journal};
use claude_sync::knowledge::{Learning, durations, hints, numbers, upkeep};
use claude_sync::learn::judge::forms_of;
use claude_sync::learn::{Item, Number, State, Streak, Told};

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

/// The project that `tests/bench/hooks.py` calls the hooks for, as the client names its folder.
const BUSIEST: &str = "-home-ann-project";

/// What `tests/bench/hooks.py` calls the hooks with: each has failed there once, which is nothing to tell.
const ASKED: &[&str] = &[
    "cargo test --workspace 2>&1 | tail -20",
    "git status --short",
    "ls -la src",
    "cd build && make -j4",
    "rg -n 'fn main' src | head",
    "git commit -qm 'Say why'",
    "python3 -m pytest tests/unit -x -q",
    "npm run lint",
    "sbatch --array=1-40 run.sh",
    "rm -rf build/tmp",
    "docker ps -a",
    "sed -n '10,40p' README.md",
];

/// Who works where: half of all in one project, the rest in eleven, six sessions a day. In each, one thing in
/// twelve never works.
struct Life {
    kinds: Vec<String>,
    draw: Draw,
}

impl Life {
    fn new(seed: u64, kinds: usize) -> Self {
        let mut draw = Draw::new(seed);
        Self { kinds: (0..kinds).map(|_| command(&mut draw)).collect(), draw }
    }

    /// The project's name and the session's, and what is called there.
    fn next(&mut self, day: u16) -> (String, String, Told<'_>) {
        let Self { kinds, draw } = self;
        let project = if draw.percent(50) { 0 } else { draw.below(11) + 1 };
        let session = format!("{day}-{}-{project}", draw.below(6));
        let within = draw.below(kinds.len()) + 1;
        let at = draw.below(within);
        let is_bad = (at + project * 5) % 12 == 0 || draw.percent(3);
        let told = Told {
            tool: if draw.percent(40) { "Read" } else { "Bash" },
            command: Some(&kinds[at]),
            outcome: if is_bad { Outcome::Failed } else { Outcome::Ok },
            printed: if is_bad { "Exit code 127\nsh: command not found" } else { "" },
            status: None,
            duration_ms: 1 << draw.below(14),
        };
        let name = if project == 0 { BUSIEST.to_owned() } else { format!("-srv-{project}") };
        (name, session, told)
    }
}

/// Fills the root in `CS_STORE` with thirty days of 1,556 events each, the busiest day that was seen, the
/// way hooks and upkeep would have. The last upkeep was yesterday's: the next one has a rotation and a fold
/// of two full days before it.
#[test]
#[ignore = "makes a store to measure with, in the root that CS_STORE names; see tests/bench/store.py"]
fn make_a_full_store() {
    let root = PathBuf::from(std::env::var_os("CS_STORE").expect("CS_STORE names a root"));
    let (days, events) = (number("CS_STORE_DAYS", 30), number("CS_STORE_EVENTS", 1_556));
    let mut life = Life::new(1, number("CS_STORE_KINDS", 2_000));
    let learning = Learning::locate(&root);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
    // What `cs apply` has enrolled is of today, and a clock that goes back is not believed.
    std::fs::remove_dir_all(&learning.path).expect("enrolled by now");
    learning.enrol(now - days as u64 * 86_400).expect("enrolled");
    for ago in (0..days as u64).rev() {
        let morning = now - ago * 86_400;
        if ago > 0 {
            upkeep::run(&learning, &Rules::default(), morning).expect("kept up");
        }
        let host = learning.known_host().expect("readable").expect("enrolled");
        let ring = host.ring().expect("a ring");
        let day = u16::try_from(morning / 86_400).expect("this century");
        let record = |(project, session, told): (String, String, Told<'_>)| {
            let names = (project.as_str(), session.as_str());
            let (project, session) = numbers::of(&host, &ring, names, morning).expect("numbers");
            let call = Item::Call(told.observe(HostType::Other, day, project, session));
            journal::write(&host.path, &ring, Journal::Patterns, &call.encode(), morning).expect("written");
        };
        for command in ASKED.iter().filter(|_| ago == 2) {
            let told = Told {
                tool: "Bash",
                command: Some(command),
                outcome: Outcome::Failed,
                printed: "Exit code 127\nsh: command not found",
                status: None,
                duration_ms: 90,
            };
            record((BUSIEST.to_owned(), "asked".to_owned(), told));
        }
        (0..events).for_each(|_| record(life.next(day)));
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

/// Lays out `CS_STORE_HINTS` patterns for hooks, in the store of the root in `CS_STORE`: more than a fold keeps, to
/// see what a look-up costs by how much there is.
#[test]
#[ignore = "lays out hints to measure with, in the root that CS_STORE names; see tests/bench/hooks.py"]
fn lay_out_many_hints() {
    let root = PathBuf::from(std::env::var_os("CS_STORE").expect("CS_STORE names a root"));
    let count = number("CS_STORE_HINTS", 1_000);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
    let day = u16::try_from(now / 86_400).expect("this century");
    let host = Learning::locate(&root).known_host().expect("readable").expect("enrolled");
    let ring = host.ring().expect("a ring");
    let (busiest, session) = numbers::of(&host, &ring, (BUSIEST, "asked"), now).expect("numbers");
    let kinds = Life::new(1, 4_000).kinds;
    let asked = ASKED.iter().copied().flat_map(forms_of).map(|form| (busiest, form));
    let others = (1..=u16::MAX).map(Number).filter(|project| *project != busiest);
    let mut rows = others
        .flat_map(|project| kinds.iter().flat_map(|line| forms_of(line)).map(move |form| (project, form)));
    let mut state = State::default();
    let streak =
        || Streak { class: ErrorClass::CommandNotFound, day, sessions: vec![session], said: Vec::new() };
    asked.for_each(|key| state.streaks.put(key, streak()));
    while state.hint_rows() < count {
        state.streaks.put(rows.next().expect("there are more"), streak());
    }
    let segments = ring.epochs().map(|epoch| {
        let file = host.path.join(Journal::Patterns.segment(epoch));
        (epoch, file.metadata().map_or(0, |data| data.len()))
    });
    hints::write(&host.path, &ring, &state, segments.collect(), [7; 32], now).expect("written");
}
