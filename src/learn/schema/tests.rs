//! Schemas that grow, shrink and are taken back, day by day.

use proptest::prelude::*;

use super::*;
use crate::learn::observed::tests::call;
use crate::model::bytes::Bytes;
use crate::model::properties::few;

const FIRST: u16 = 20_000;

const PLAIN: &str = "sbatch run.sh";
const GPU: &str = "sbatch --gres=gpu:1 train.sh";
const BLAST: &str = "sbatch --gres=gpu:1 blast.sh reads.fasta";
const ARRAY: &str = "sbatch --array=1-9 run.sh";

/// Some days alike: of each line so many a day, of which so many fail.
fn live(schema: &mut Schema, days: std::ops::Range<u16>, lines: &[(&str, usize, usize)]) {
    for day in days {
        schema.pass(FIRST + day);
        for (line, count, failed) in lines {
            let mut ok = call(line, None, (1, 1));
            ok.record.day = FIRST + day;
            let mut bad = call(line, Some("no"), (1, 1));
            bad.record.day = FIRST + day;
            (0..*failed).for_each(|_| schema.count(&bad));
            (*failed..*count).for_each(|_| schema.count(&ok));
        }
    }
}

fn told(event: &Event) -> String {
    let Event { number, day, version, change, undone, .. } = event;
    let what = match change {
        Change::Taken { field, share, days } => {
            format!("{} + {}: {} of {} on {days} days", event.name(), field.word(), share.hit, share.of)
        }
        Change::Dropped { field, share } => {
            format!("{} - {}: {} of {}", event.name(), field.word(), share.hit, share.of)
        }
        Change::Split { about, with, rest, millibits, .. } => format!(
            "{} > {}: {about:?} {} of {}, others {} of {}, {millibits} millibits",
            event.name(),
            event.name_below(),
            with.hit,
            with.of,
            rest.hit,
            rest.of
        ),
        Change::Joined { share, .. } => {
            format!("{} < {}: {} of {}", event.name(), event.name_below(), share.hit, share.of)
        }
        Change::Lapsed => format!("{} lapsed", event.name()),
        Change::Undone { event: undone, others } => {
            format!("{}: {undone} undone, and {others} others", event.name())
        }
    };
    let undone = undone.map(|by| format!(" (undone by {by})")).unwrap_or_default();
    format!("{number} day {} v{version} {what}{undone}", day - FIRST)
}

fn history(schema: &Schema) -> String {
    schema.events().iter().map(told).collect::<Vec<_>>().join("\n")
}

fn names(schema: &Schema, today: u16) -> Vec<String> {
    fn below(seen: &view::Seen, names: &mut Vec<String>) {
        let fields: Vec<String> = seen.fields.iter().map(|(field, ..)| field.word()).collect();
        names.push(format!("{}: {}", seen.name(), fields.join(" ")));
        seen.children.iter().for_each(|child| below(child, names));
    }
    let mut names = Vec::new();
    schema.seen(FIRST + today).iter().for_each(|seen| below(seen, &mut names));
    names
}

const JOBS: [(&str, usize, usize); 2] = [(PLAIN, 20, 1), (GPU, 10, 5)];

#[test]
fn fields_come_and_sub_categories_split_off() {
    let mut schema = Schema::default();
    live(&mut schema, 0..8, &JOBS);
    insta::assert_snapshot!(history(&schema), @r"
    1 day 3 v1 slurm_job + gpu_type: 30 of 90 on 3 days
    2 day 3 v2 slurm_job + script_data: 90 of 90 on 3 days
    3 day 4 v3 slurm_job > gpu_slurm_job: Failing 20 of 40, others 4 of 80, 198 millibits
    ");
    live(&mut schema, 8..30, &[(PLAIN, 20, 1), (GPU, 10, 5), (BLAST, 10, 0)]);
    insta::assert_snapshot!(history(&schema), @r"
    1 day 3 v1 slurm_job + gpu_type: 30 of 90 on 3 days
    2 day 3 v2 slurm_job + script_data: 90 of 90 on 3 days
    3 day 4 v3 slurm_job > gpu_slurm_job: Failing 20 of 40, others 4 of 80, 198 millibits
    4 day 11 v4 gpu_slurm_job + bioinformatics: 30 of 100 on 3 days
    5 day 11 v5 gpu_slurm_job > bioinformatics_gpu_job: Failing 0 of 30, others 35 of 70, 234 millibits
    ");
    insta::assert_snapshot!(names(&schema, 30).join("\n"), @r"
    slurm_job: script_data gpu_type
    gpu_slurm_job: script_data bioinformatics
    bioinformatics_gpu_job: script_data
    ");
}

#[test]
fn what_is_not_used_goes() {
    let mut schema = Schema::default();
    live(&mut schema, 0..10, &JOBS);
    live(&mut schema, 10..45, &[(PLAIN, 20, 1), (ARRAY, 15, 1)]);
    live(&mut schema, 80..81, &[("ls", 1, 0)]);
    insta::assert_snapshot!(history(&schema), @r"
    1 day 3 v1 slurm_job + gpu_type: 30 of 90 on 3 days
    2 day 3 v2 slurm_job + script_data: 90 of 90 on 3 days
    3 day 4 v3 slurm_job > gpu_slurm_job: Failing 20 of 40, others 4 of 80, 198 millibits
    4 day 18 v4 slurm_job + array: 120 of 580 on 8 days
    5 day 38 v5 slurm_job < gpu_slurm_job: 20 of 1040
    6 day 38 v6 slurm_job - gpu_type: 20 of 1040
    7 day 75 v7 slurm_job lapsed
    ");
    assert_eq!(names(&schema, 81), Vec::<String>::new());
}

#[test]
fn what_is_undone_comes_back_when_the_evidence_has_doubled() {
    let mut schema = Schema::default();
    live(&mut schema, 0..8, &JOBS);
    let split =
        schema.events().iter().find(|event| matches!(event.change, Change::Split { .. })).expect("one");
    let (split, evidence) = (split.number, split.change.evidence());
    assert_eq!(schema.undo(99, FIRST + 8), Err(NotUndone::Unknown));
    let own = schema.undo(split, FIRST + 8).expect("undone");
    assert_eq!(schema.undo(split, FIRST + 8), Err(NotUndone::Already(own)));
    assert_eq!(names(&schema, 8), ["slurm_job: script_data gpu_type"]);
    // Thirty a day.
    let due = 8 + u16::try_from(evidence.div_ceil(30)).expect("small");
    live(&mut schema, 8..due, &JOBS);
    assert_eq!(schema.events().len(), 4, "{}", history(&schema));
    live(&mut schema, due..due + 4, &JOBS);
    insta::assert_snapshot!(history(&schema), @r"
    1 day 3 v1 slurm_job + gpu_type: 30 of 90 on 3 days
    2 day 3 v2 slurm_job + script_data: 90 of 90 on 3 days
    3 day 4 v3 slurm_job > gpu_slurm_job: Failing 20 of 40, others 4 of 80, 198 millibits (undone by 4)
    4 day 8 v4 slurm_job: 3 undone, and 0 others
    5 day 12 v5 slurm_job > gpu_slurm_job: Failing 20 of 40, others 4 of 80, 198 millibits
    ");
}

#[test]
fn what_rests_on_it_goes_with_it_and_an_undo_can_be_undone() {
    let mut schema = Schema::default();
    live(&mut schema, 0..8, &JOBS);
    live(&mut schema, 8..30, &[(PLAIN, 20, 1), (GPU, 10, 5), (BLAST, 10, 0)]);
    let mut other = schema.clone();
    let taken =
        schema.events().iter().find(|event| event.change.field() == Some(Field::Aspect(Aspect::GpuType)));
    let taken = taken.expect("taken").number;
    let own = schema.undo(taken, FIRST + 30).expect("undone");
    insta::assert_snapshot!(history(&schema), @r"
    1 day 3 v1 slurm_job + gpu_type: 30 of 90 on 3 days (undone by 6)
    2 day 3 v2 slurm_job + script_data: 90 of 90 on 3 days
    3 day 4 v3 slurm_job > gpu_slurm_job: Failing 20 of 40, others 4 of 80, 198 millibits (undone by 6)
    4 day 11 v4 gpu_slurm_job + bioinformatics: 30 of 100 on 3 days (undone by 6)
    5 day 11 v5 gpu_slurm_job > bioinformatics_gpu_job: Failing 0 of 30, others 35 of 70, 234 millibits (undone by 6)
    6 day 30 v6 slurm_job: 1 undone, and 3 others
    ");
    insta::assert_snapshot!(names(&schema, 30).join("\n"), @"slurm_job: script_data");
    schema.undo(own, FIRST + 30).expect("undone");
    live(&mut schema, 30..32, &JOBS);
    insta::assert_snapshot!(names(&schema, 32).join("\n"), @"slurm_job: script_data gpu_type");
    // Of all that is undone nothing that was counted is lost.
    let before = other.commands(FIRST + 30);
    let splits: Vec<u32> = other.events().iter().map(|event| event.number).collect();
    for number in splits {
        let _ = other.undo(number, FIRST + 30);
    }
    assert_eq!((other.commands(FIRST + 30), names(&other, 30)), (before, Vec::new()));
}

#[test]
fn what_was_dropped_or_went_back_can_be_had_again() {
    let mut schema = Schema::default();
    live(&mut schema, 0..10, &JOBS);
    live(&mut schema, 10..45, &[(PLAIN, 20, 1)]);
    let of = |schema: &Schema, is: fn(&Change) -> bool| {
        schema.events().iter().find(|event| is(&event.change)).expect("there").number
    };
    let (joined, dropped) = (
        of(&schema, |change| matches!(change, Change::Joined { .. })),
        of(&schema, |change| matches!(change, Change::Dropped { .. })),
    );
    let split = of(&schema, |change| matches!(change, Change::Split { .. }));
    assert_eq!(schema.undo(split, FIRST + 45), Err(NotUndone::Past));
    schema.undo(joined, FIRST + 45).expect("undone");
    schema.undo(dropped, FIRST + 45).expect("undone");
    live(&mut schema, 45..50, &[(PLAIN, 20, 1)]);
    assert_eq!(names(&schema, 50), ["slurm_job: script_data gpu_type", "gpu_slurm_job: "]);
}

/// Of a first day that is not empty: what is taken in later is looked at at once.
#[test]
fn what_happened_before_is_looked_at_at_once() {
    let calls = |days: std::ops::Range<u16>| {
        let of = |day| {
            let lines = JOBS.iter().flat_map(|(line, count, failed)| {
                (0..*count).map(move |at| call(line, (at < *failed).then_some("no"), (1, 1)))
            });
            lines.map(move |mut call| {
                call.record.day = FIRST + day;
                call
            })
        };
        days.flat_map(of).collect::<Vec<Observed>>()
    };
    let mut schema = Schema::default();
    schema.pass(FIRST + 20);
    schema.take_in(&calls(0..20));
    insta::assert_snapshot!(history(&schema), @r"
    1 day 20 v1 slurm_job + gpu_type: 200 of 600 on 20 days
    2 day 20 v2 slurm_job + script_data: 600 of 600 on 20 days
    3 day 20 v3 slurm_job > gpu_slurm_job: Failing 100 of 200, others 20 of 400, 198 millibits
    ");
    schema.pass(FIRST + 21);
    assert_eq!(schema.events().len(), 3, "{}", history(&schema));
}

#[test]
fn one_busy_day_is_no_evidence() {
    let mut schema = Schema::default();
    live(&mut schema, 0..2, &[(PLAIN, 300, 1), (GPU, 300, 200)]);
    live(&mut schema, 2..6, &[(PLAIN, 30, 1)]);
    assert!(!history(&schema).contains("gpu_type"), "{}", history(&schema));
    live(&mut schema, 6..9, &[(PLAIN, 30, 1), (GPU, 1, 1)]);
    assert!(history(&schema).contains("+ gpu_type"), "{}", history(&schema));
}

#[test]
fn what_is_forgotten_leaves_no_trace() {
    let mut schema = Schema::default();
    live(&mut schema, 0..10, &[(PLAIN, 20, 1), (GPU, 10, 5), ("pytest -x --quiet", 10, 3)]);
    schema.undo(1, FIRST + 10).expect("undone");
    schema.forget(|category| category == Category::SlurmSubmission);
    let left: Vec<Category> = schema.events().iter().map(|event| event.category).collect();
    assert!(left.iter().all(|category| *category == Category::Test) && !left.is_empty(), "{left:?}");
    schema.forget(|_| true);
    assert!(schema.is_empty());
}

const LINES: &[&str] = &[
    PLAIN,
    GPU,
    BLAST,
    ARRAY,
    "srun blastn -query x",
    "git push --force origin main",
    "git status",
    "docker run --rm -it --gpus all x",
    "ls /tmp | head",
    "./own --flag",
];

/// Whenever it is folded, and kept in between: the same comes of it. And nothing is lost of what is kept, or
/// counted twice, whatever is undone.
#[test]
fn little_by_little_is_all_at_once() {
    // Hundreds of steps each.
    few(
        20,
        (
            prop::collection::vec((0..LINES.len(), any::<bool>(), 0..16_u8, 1..40_usize), 1..120),
            prop::collection::vec(0..4_u16, 120),
            prop::collection::vec((0..120_usize, 1..30_u32), 0..4),
            any::<u8>(),
        ),
        |(calls, gaps, undone, kept)| {
            let (mut one, mut other) = (Schema::default(), Schema::default());
            let (mut day, mut counted) = (FIRST, 0_usize);
            for (at, (line, is_ok, duration, times)) in calls.into_iter().enumerate() {
                for _ in 0..gaps[at] {
                    day += 1;
                    // Whoever folds each day, and who does not.
                    one.pass(day);
                }
                let mut own = call(LINES[line], (!is_ok).then_some("no"), (1, 1));
                (own.record.day, own.record.duration) = (day, duration);
                for schema in [&mut one, &mut other] {
                    schema.pass(day);
                    (0..times).for_each(|_| schema.count(&own));
                }
                counted += times;
                for (_, number) in undone.iter().filter(|(when, _)| *when == at) {
                    let of = [one.undo(*number, day), other.undo(*number, day)];
                    prop_assert_eq!(of[0], of[1]);
                }
                if at % 16 == usize::from(kept % 16) {
                    let mut bytes = Vec::new();
                    one.encode(&mut bytes);
                    let mut rest = Bytes(&bytes);
                    let read = Schema::decode(&mut rest).expect("whole");
                    prop_assert!(rest.is_empty() && read == one);
                    one = read;
                    for cut in (0..bytes.len()).step_by(bytes.len() / 50 + 1) {
                        let _ = Schema::decode(&mut Bytes(&bytes[..cut]));
                    }
                }
            }
            prop_assert_eq!(&one, &other);
            if day < FIRST + WINDOW_DAYS {
                prop_assert_eq!(usize::try_from(one.commands(day)).expect("few"), counted);
            }
            let numbers: Vec<u32> = one.events().iter().map(|event| event.number).collect();
            prop_assert!(numbers.windows(2).all(|pair| pair[0] < pair[1]));
            one.pass(day + 1);
            one.expire(day + 1, 30);
            one.pass(day + 40);
            one.expire(day + 400, 30);
            prop_assert!(one.seen(day + 400).is_empty() && one.events().is_empty(), "{:?}", one);
            Ok(())
        },
    );
}

/// A clock that was years ahead for a moment costs nothing.
#[test]
fn what_is_dated_in_the_future_was_done_today() {
    few(20, (40..3_000_u16, prop::collection::vec(0..LINES.len(), 1..30)), |(ahead, lines)| {
        let mut schema = Schema::default();
        live(&mut schema, 0..8, &JOBS);
        let events = schema.events().len();
        for line in &lines {
            let mut own = call(LINES[*line], None, (1, 1));
            own.record.day = FIRST + 8 + ahead;
            schema.count(&own);
        }
        let before = schema.commands(FIRST + 8);
        schema.date_back(FIRST + 8 + 30, FIRST + 8);
        schema.pass(FIRST + 8);
        schema.expire(FIRST + 8, 30);
        prop_assert_eq!(usize::try_from(schema.commands(FIRST + 8) - before).expect("few"), lines.len());
        prop_assert_eq!(schema.events().len(), events);
        Ok(())
    });
}

/// Every category there is, with as many fields as are counted, every day: what a step may cost. Prints the rows and the
/// bytes; `cargo test --release` and a profiler say the rest.
#[test]
fn a_schema_stays_within_its_bounds() {
    let mut schema = Schema::default();
    let lines = [
        GPU,
        BLAST,
        "git push --force",
        "docker run --rm --name x y",
        "ls -la --color /tmp",
        "curl --silent https://x",
    ];
    let fields: Vec<Field> = lines.iter().flat_map(|line| Field::of(&call(line, None, (1, 1)))).collect();
    let tools = (0..120).filter_map(crate::command::shape::Tool::from_code).map(Field::Inside);
    let fields: Vec<Field> = fields.into_iter().chain(tools).collect();
    for day in 0..40 {
        schema.pass(FIRST + day);
        for category in Category::ALL {
            let table = &mut schema.roots.entry(*category).or_default().node.table;
            (0..4).for_each(|_| table.add(FIRST + day, &fields, Class::Untimed));
        }
    }
    schema.pass(FIRST + 40);
    let rows: usize = schema.roots.values().map(|root| root.node.table.rows()).sum();
    let mut bytes = Vec::new();
    schema.encode(&mut bytes);
    println!("{rows} rows, {} bytes, {} events", bytes.len(), schema.events.len());
    assert!(
        rows <= ROWS_MAX && rows > ROWS_MAX / 2 && bytes.len() < 1 << 20 && schema.events.len() <= EVENTS_MAX
    );
    assert!(schema.roots.values().all(|root| root.node.fields.len() <= TAKEN_MAX));
}
