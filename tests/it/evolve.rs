//! How schemas grow with use: eight weeks of somebody on a cluster, as the library and as `cs learn schema` tell
//! them; and that nothing grows out of chance.

use claude_sync::command::shape::{Category, ErrorClass, HostType, Outcome};
use claude_sync::knowledge::fold::Rules;
use claude_sync::knowledge::journal::{self, Journal};
use claude_sync::knowledge::{Learning, sources, upkeep};
use claude_sync::learn::schema::{Change, Event, Field};
use claude_sync::learn::{Item, Number, Observed, Schema, State, Told};

use crate::draw::Draw;
use crate::machines::{ID_A, Machine};
use crate::sandbox::{NOON, Sandbox};
use crate::scenarios::is_thorough;
use crate::session::{Session, snapshot};

const DAY: u64 = 86_400;
const WEEKS: u16 = 8;

fn today() -> u16 {
    u16::try_from(NOON / DAY).expect("this century")
}

/// The line, how many of a hundred fail, and how long the others take, from one to another number of milliseconds.
type Habit = (&'static str, usize, (u64, u64));

const SUBMITTED: (u64, u64) = (80, 2_000);

const ELSEWHERE: &[Habit] = &[
    ("git status", 1, (20, 400)),
    ("git push --force-with-lease", 9, (700, 6_000)),
    ("git commit -m x", 12, (50, 12_000)),
    ("ls -la /scratch", 1, (4, 40)),
    ("rg -n todo src", 20, (10, 900)),
    ("squeue --me", 2, (150, 3_000)),
    ("sacct --format=State", 2, (200, 4_000)),
    ("pytest -x --quiet", 35, (2_000, 300_000)),
    ("python3 plot.py out.csv", 15, (1_000, 60_000)),
    ("module load gcc && make -j8", 22, (1_000, 200_000)),
];

const JOBS: &[Habit] = &[
    ("sbatch --partition=cpu --time=01:00:00 run.sh", 4, SUBMITTED),
    ("sbatch -p cpu --time=02:00:00 --array=1-40 run.sh", 5, SUBMITTED),
    ("sbatch -p cpu --mem=8G --time=10 run.sh /scratch/in.csv", 4, SUBMITTED),
];

/// What is asked for is often not there.
const GPU_JOBS: &[Habit] = &[
    ("sbatch -p gpu --gres=gpu:1 --time=04:00:00 train.sh", 32, SUBMITTED),
    ("sbatch -p gpu --gpus=2 --time=08:00:00 --mem=32G train.sh", 30, SUBMITTED),
];

/// They are waited for.
const BLAST_JOBS: &[Habit] = &[
    ("sbatch --wait -p gpu --gpus=1 --time=12:00:00 blast.sh reads.fasta", 6, (90_000, 900_000)),
    ("sbatch --wait -p gpu --gpus=1 --time=6:0:0 blast.sh /scratch/genome.fa", 8, (90_000, 900_000)),
];

fn observed(draw: &mut Draw, (line, failing, took): Habit, day: u16) -> Observed {
    let is_ok = !draw.percent(failing);
    let told = Told {
        tool: "Bash",
        command: Some(line),
        outcome: if is_ok { Outcome::Ok } else { Outcome::Failed },
        printed: if is_ok { "" } else { "error" },
        status: None,
        // Twice as long as likely as half as long.
        duration_ms: if is_ok { took.0 << draw.below((took.1 / took.0).ilog2() as usize + 1) } else { 90 },
    };
    told.observe(HostType::LoginNode, day, Number(1), Number(1))
}

/// Eight weeks up to yesterday, five days each: jobs; from the fourth week on half of them on GPUs; from the seventh
/// on half of these for BLAST.
fn story(seed: u64) -> Vec<Observed> {
    let mut draw = Draw::new(seed);
    let of = |draw: &mut Draw, habits: &[Habit]| habits[draw.below(habits.len())];
    let mut calls = Vec::new();
    for at in (0..7 * WEEKS).filter(|at| at % 7 < 5) {
        for _ in 0..60 + draw.below(20) {
            let habit = if !draw.percent(45) {
                of(&mut draw, ELSEWHERE)
            } else if at < 21 || draw.percent(45) {
                of(&mut draw, JOBS)
            } else if at < 42 || draw.percent(50) {
                of(&mut draw, GPU_JOBS)
            } else {
                of(&mut draw, BLAST_JOBS)
            };
            calls.push(observed(&mut draw, habit, today() - 7 * WEEKS + at));
        }
    }
    calls
}

fn of_jobs(schema: &Schema) -> Vec<&Event> {
    schema.events().iter().filter(|event| event.category == Category::SlurmSubmission).collect()
}

/// What has to come, in this order.
const ORDER: [&str; 4] = [
    "slurm_job + gpu_type",
    "slurm_job > gpu_slurm_job",
    "gpu_slurm_job + bioinformatics",
    "gpu_slurm_job > bioinformatics_gpu_job",
];

fn in_short(event: &Event) -> String {
    match event.change {
        Change::Taken { field, .. } => format!("{} + {}", event.name(), field.word()),
        Change::Split { .. } => format!("{} > {}", event.name(), event.name_below()),
        other => format!("{} {other:?}", event.name()),
    }
}

#[test]
fn fields_and_sub_categories_come_in_their_order() {
    let seeds = if is_thorough() { 40 } else { 4 };
    for seed in 1..=seeds {
        let mut state = State::default();
        for call in story(seed) {
            state.pass(call.record.day);
            state.observe(&call);
        }
        state.pass(today());
        let told: Vec<String> = of_jobs(&state.schema).into_iter().map(in_short).collect();
        let places = ORDER.map(|what| told.iter().position(|own| own == what));
        assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{seed}: {told:#?}");
        // What is found is what there is, and nothing else: nothing differs but GPUs and BLAST.
        let all = state.schema.events().iter();
        let splits: Vec<String> =
            all.filter(|event| matches!(event.change, Change::Split { .. })).map(in_short).collect();
        let jobs: Vec<&String> = splits.iter().filter(|split| split.contains("_job")).collect();
        assert_eq!(jobs, [ORDER[1], ORDER[3]], "{seed}: {splits:?}");
    }
}

/// Commands of which no field says anything of how they end or how long they take.
#[test]
fn nothing_splits_off_by_chance() {
    const LINES: [&str; 10] = [
        "sbatch run.sh",
        "sbatch --gres=gpu:1 run.sh",
        "sbatch --array=1-9 --mem=8G run.sh",
        "sbatch --gpus=1 blast.sh /scratch/x.fasta",
        "srun blastn -query x",
        "git push --force origin main",
        "git status --short",
        "git commit --amend --message x",
        "docker run --rm --gpus all x | tee log.txt",
        "docker run --rm --volume /tmp:/x y",
    ];
    let pool: Vec<Observed> =
        LINES.iter().map(|line| observed(&mut Draw::new(1), (line, 0, (1, 2)), today())).collect();
    let runs = if is_thorough() { 1_000 } else { 100 };
    let (mut looked, mut split) = (0_usize, Vec::new());
    for run in 0..runs {
        let mut draw = Draw::new(run);
        // How often things fail, and how long they take, differs from life to life.
        let (failing, longest) = (draw.below(60), 1 + draw.below(22));
        let weights: Vec<usize> = LINES.iter().map(|_| 1 + draw.below(20)).collect();
        let mut schema = Schema::default();
        for day in today() - 7 * WEEKS..today() {
            schema.pass(day);
            for _ in 0..30 {
                let mut at = draw.below(weights.iter().sum());
                let line = weights.iter().position(|weight| {
                    let is_it = at < *weight;
                    at = at.saturating_sub(*weight);
                    is_it
                });
                let mut call = pool[line.expect("one of them")].clone();
                let is_ok = !draw.percent(failing);
                call.record.outcome = if is_ok { Outcome::Ok } else { Outcome::Failed };
                call.record.error = ErrorClass::Other;
                call.record.duration = u8::try_from(1 + draw.below(longest)).expect("small");
                call.record.day = day;
                schema.count(&call);
            }
        }
        schema.pass(today());
        looked += schema.events().len();
        let splits = schema.events().iter().filter(|event| matches!(event.change, Change::Split { .. }));
        split.extend(splits.map(|event| format!("{run}: {}", in_short(event))));
    }
    println!("{runs} lives of {} days, {looked} changes, {} splits", 7 * WEEKS, split.len());
    assert!(looked > 0 && split.is_empty(), "{split:?}");
}

/// All that is ever counted: every category, two dozen lines of it each day, sub-categories among them. Without
/// optimisations a step takes many times as long as a user waits for it.
#[test]
#[ignore = "prints how long a step takes; its budget is 200 ms"]
fn what_a_step_costs() {
    const FLAGS: [&str; 24] = [
        "sbatch --account=x --array=1 --begin=1",
        "sbatch --chdir=x --dependency=1 --hold",
        "sbatch --licenses=x --clusters=x --distribution=x",
        "sbatch --nodes=1 --output=x --partition=x",
        "sbatch --quiet --qos=x --time=1",
        "sbatch --wait --exclude=x --comment=x",
        "sbatch --contiguous --deadline=1 --exclusive",
        "sbatch --export=x --hint=x --mem=1",
        "sbatch --mail-type=x --network=x --requeue",
        "sbatch --priority=1 --profile=x --propagate",
        "sbatch --reboot --reservation=x --signal=x",
        "sbatch --switches=1 --tmp=1 --wckey=x",
        "git push --force --tags --dry-run",
        "git commit --amend --message x --no-verify",
        "git log --oneline --graph --all",
        "docker run --rm --volume x --gpus all y",
        "docker build --tag x --no-cache --pull .",
        "curl --silent --location --output x https://y",
        "cargo test --workspace --release --locked",
        "npm install --save-dev --global --force x",
        "pip install --user --upgrade --requirement x.txt",
        "ls --all --human-readable --recursive /tmp",
        "sbatch --gres=gpu:1 a.fasta",
        "rsync --archive --verbose --delete /home/x host:/scratch",
    ];
    let mut draw = Draw::new(1);
    let (mut schema, mut slowest) = (Schema::default(), std::time::Duration::ZERO);
    let pool: Vec<Observed> =
        FLAGS.iter().map(|line| observed(&mut draw, (line, 0, (1, 2)), today())).collect();
    for day in today() - 40..today() {
        let began = std::time::Instant::now();
        schema.pass(day);
        slowest = slowest.max(began.elapsed());
        for (place, category) in Category::ALL.iter().enumerate() {
            for (at, call) in pool.iter().enumerate() {
                let mut call = call.clone();
                call.record.day = day;
                call.record.shape.as_mut().expect("a command").category = *category;
                // Some fail more than others, each category in its own way.
                call.record.outcome = if at % 4 == place % 4 { Outcome::Failed } else { Outcome::Ok };
                let times = if at < 4 { 8 } else { 1 };
                (0..times).for_each(|_| schema.count(&call));
            }
        }
    }
    let mut bytes = Vec::new();
    schema.encode(&mut bytes);
    println!("the slowest step took {slowest:?}; {} changes, {} bytes", schema.events().len(), bytes.len());
}

/// Fields are named by compiled words only, whatever was typed.
#[test]
fn names_say_nothing_of_what_was_typed() {
    for line in
        ["sbatch --gres=gpu:hunter2 ann.fasta", "git push --force hunter2", "ssh ann@hunter2 ls /home/ann"]
    {
        let call = observed(&mut Draw::new(1), (line, 0, (1, 2)), 1);
        let words: Vec<String> = Field::of(&call).into_iter().map(Field::word).collect();
        assert!(
            !words.is_empty() && words.iter().all(|word| !word.contains("hunter") && !word.contains("ann")),
            "{words:?}"
        );
    }
}

/// Folds every morning, and records the day's calls, as the hooks and upkeep do.
fn live(learning: &Learning, calls: &[Observed]) {
    for day in calls.chunk_by(|one, other| one.record.day == other.record.day) {
        let morning = u64::from(day[0].record.day) * DAY + 6 * 3_600;
        upkeep::run(learning, &Rules::default(), morning).expect("kept up");
        let host = learning.known_host().expect("readable").expect("enrolled");
        let ring = host.ring().expect("a ring");
        for call in day {
            let bytes = Item::Call(call.clone()).encode();
            journal::write(&host.path, &ring, Journal::Patterns, &bytes, morning).expect("written");
        }
    }
}

#[test]
fn what_came_of_eight_weeks_is_shown_and_taken_back() {
    let sandbox = Sandbox::new();
    let machine = Machine::metal(&sandbox, "a", ID_A, "tux");
    let mut session = Session::new(&sandbox);
    let mut cs = |note: &str, args: &[&str]| {
        if !note.is_empty() {
            session.note(note);
        }
        let ran = machine.cs(args);
        session.ran(args, ran.clone());
        ran
    };
    cs("", &["learn", "schema"]);
    cs("", &["learn", "schema", "--undo", "1"]).code(1);
    let learning = Learning::on(sources::Machine::simulated(machine.folder()), &sandbox.root());
    let calls = story(1);
    let (first, rest) = calls.split_at(40);
    live(&learning, first);
    cs("The first day.", &["learn", "schema"]);
    live(&learning, rest);
    machine.cs(&["hook", "upkeep"]).ok();
    cs("Eight weeks later.", &["learn", "schema"]);
    cs("", &["learn", "schema", "gpu_slurm_job"]);
    cs("", &["learn", "schema", "--history"]);
    let json = machine.cs(&["learn", "schema", "--history", "--json"]).ok().json();
    let changes = json["changes"].as_array().expect("changes");
    let gpu = changes.iter().find(|change| change["sub_category"] == "gpu_slurm_job").expect("it split off");
    let number = gpu["number"].to_string();
    cs("The GPUs are like any other.", &["learn", "schema", "--undo", &number]).ok();
    cs("", &["learn", "schema", "--undo", &number]).code(1);
    cs("", &["learn", "schema", "slurm_job"]);
    machine.cs(&["hook", "upkeep"]).ok();
    cs(
        "It is so after the next fold, too; and can be had back.",
        &["learn", "schema", "slurm_submission", "--history"],
    );
    let last =
        machine.cs(&["learn", "schema", "--history", "--json"]).json()["changes"][0]["number"].to_string();
    cs("", &["learn", "schema", "--undo", &last]).ok();
    cs("", &["learn", "schema", "gpu_job"]).code(1);
    cs("", &["learn", "schema", "--undo", "999"]).code(1);
    cs("", &["learn", "schema", "search", "--json"]);
    snapshot!("schema", session);
}
