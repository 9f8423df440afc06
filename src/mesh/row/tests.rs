//! What is told of a state, what is not, and that there is one way to write it.

use proptest::prelude::*;

use super::*;
use crate::command::shape::{Outcome, Shape, Tool};
use crate::learn::{Item, Told};
use crate::model::properties::few;

/// The day that tests take place on.
pub(in crate::mesh) const TODAY: u16 = 20_000;

pub(in crate::mesh) const LINES: &[&str] = &[
    "npm ci",
    "pytest -x",
    "uv run pytest",
    "git push --force",
    "module load gcc",
    "sbatch --gpus=1 a.sh",
    "frobnicate",
    "python3 a.py",
];

/// A form of the vocabulary.
pub(in crate::mesh) fn form(line: &str) -> Form {
    Form::of(&Shape::of_text(line)).expect("a known program")
}

/// One run of a line: where, when, and whether there was such a program.
#[derive(Debug, Clone, Copy)]
pub(in crate::mesh) struct Run {
    pub line: &'static str,
    pub project: u16,
    pub session: u16,
    pub day: u16,
    pub is_ok: bool,
}

/// What a host learns of some runs.
pub(in crate::mesh) fn learned(runs: &[Run], host: HostType) -> State {
    let mut state = State::default();
    for Run { line, project, session, day, is_ok } in runs {
        let told = Told {
            tool: "Bash",
            command: Some(line),
            outcome: if *is_ok { Outcome::Ok } else { Outcome::Failed },
            printed: if *is_ok { "" } else { "sh: 1: x: command not found" },
            status: None,
            duration_ms: 0,
        };
        state.take(&Item::Call(told.observe(host, *day, Number(*project), Number(*session))));
    }
    state
}

/// Failures of a line in so many sessions of a project.
pub(in crate::mesh) fn failures(line: &'static str, project: u16, sessions: u16, day: u16) -> Vec<Run> {
    (1..=sessions).map(|session| Run { line, project, session, day, is_ok: false }).collect()
}

pub(in crate::mesh) fn any_run() -> impl Strategy<Value = Run> {
    (0..LINES.len(), 1..4_u16, 1..6_u16, 0..40_u16, any::<bool>()).prop_map(
        |(line, project, session, ago, is_ok)| Run {
            line: LINES[line],
            project,
            session,
            day: TODAY - ago,
            is_ok,
        },
    )
}

fn bytes_of(rows: &Rows) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode(rows, TODAY, WINDOW_DAYS, &mut bytes);
    bytes
}

fn read(bytes: &[u8]) -> Result<Rows, RowError> {
    let mut rest = Bytes(bytes);
    let rows = decode(&mut rest, TODAY, WINDOW_DAYS)?;
    if rest.is_empty() { Ok(rows) } else { Err(RowError::Short) }
}

/// The row of a line on some kind of host.
fn row<'a>(rows: &'a Rows, line: &str, host: HostType) -> Option<&'a Row> {
    rows.get(&Key { form: form(line), category: form(line).category(), host })
}

#[test]
fn projects_and_sessions_are_summed_up() {
    let mut runs = failures("npm ci", 1, 3, TODAY);
    runs.extend(failures("npm ci", 2, 2, TODAY));
    runs.push(Run { line: "pytest -x", project: 2, session: 1, day: TODAY - 1, is_ok: true });
    let rows = rows_of(&learned(&runs, HostType::Server), TODAY);
    assert_eq!(rows.len(), 2);
    let npm = row(&rows, "npm ci", HostType::Server).expect("it ran");
    assert_eq!(npm.days, [(TODAY, Day { ok: 0, failed: 5, taught: 5 })].into());
    assert_eq!(npm.streak, Some(Streak { sessions: 3, day: TODAY }), "the most of any project");
    assert_eq!(npm.failing, Some(ErrorClass::CommandNotFound));
    let pytest = row(&rows, "pytest -x", HostType::Server).expect("it ran");
    assert_eq!((pytest.failing, pytest.streak), (None, None));
    // Whatever the numbers are, the same is told.
    let others: Vec<Run> = runs
        .iter()
        .map(|run| Run { project: run.project + 700, session: run.session + 9_000, ..*run })
        .collect();
    assert_eq!(bytes_of(&rows_of(&learned(&others, HostType::Server), TODAY)), bytes_of(&rows));
}

#[test]
fn a_streak_that_something_contradicts_is_not_told() {
    let streak_with = |project, day| {
        let mut runs = failures("npm ci", 1, 3, TODAY - 2);
        runs.push(Run { line: "npm ci", project, session: 9, day, is_ok: true });
        // Where it worked and failed again in another session.
        runs.extend(failures("npm ci", 3, 1, TODAY - 2));
        row(&rows_of(&learned(&runs, HostType::Other), TODAY), "npm ci", HostType::Other)
            .and_then(|row| row.streak)
            .map(|streak| streak.sessions)
    };
    assert_eq!(streak_with(2, TODAY - 3), Some(3), "it worked before");
    assert_eq!(streak_with(2, TODAY - 2), None, "perhaps after");
    assert_eq!(streak_with(2, TODAY), None);
    assert_eq!(streak_with(1, TODAY - 5), Some(1), "it is over, and another one is short");
}

#[test]
fn a_month_is_told_and_no_more() {
    let run = |day| Run { line: "npm ci", project: 1, session: 1, day, is_ok: true };
    let runs = [TODAY - 30, TODAY - 29, TODAY, TODAY + 1].map(run);
    let rows = rows_of(&learned(&runs, HostType::Other), TODAY);
    let days: Vec<u16> = rows.values().flat_map(|row| row.days.keys().copied()).collect();
    assert_eq!(days, [TODAY - 29, TODAY]);
    let old = rows_of(&learned(&failures("npm ci", 1, 4, TODAY - 30), HostType::Other), TODAY);
    assert!(old.is_empty());
    let mut narrow = Vec::new();
    encode(&rows, TODAY, 7, &mut narrow);
    let read = decode(&mut Bytes(&narrow), TODAY, 7).expect("whole");
    assert_eq!(
        read.values().next().expect("a row").days.len(),
        1,
        "a host that keeps a week tells of a week"
    );
    assert_eq!(decode(&mut Bytes(&bytes_of(&rows)), TODAY, 7), Err(RowError::Day));
}

#[test]
fn a_host_that_became_another_kind_tells_of_both() {
    let mut state = learned(&failures("npm ci", 1, 2, TODAY - 5), HostType::Workstation);
    let later = learned(&failures("npm ci", 1, 3, TODAY), HostType::Server);
    state.patterns.take_in(later.patterns);
    state.streaks = later.streaks;
    let rows = rows_of(&state, TODAY);
    let streak = |host| row(&rows, "npm ci", host).expect("it ran").streak;
    assert_eq!(streak(HostType::Workstation), None);
    assert_eq!(streak(HostType::Server), Some(Streak { sessions: 3, day: TODAY }));
}

#[test]
fn numbers_are_written_one_way() {
    for value in [0, 1, 127, 128, 300, u64::from(COUNT_DAY_MAX) << 1 | 1, u64::from(u32::MAX) << 1 | 1] {
        let mut bytes = Vec::new();
        put_number(&mut bytes, value);
        let mut rest = Bytes(&bytes);
        assert_eq!((number(&mut rest), rest.is_empty()), (Ok(value), true));
    }
    for longer in [&[0x80, 0][..], &[0xff, 0x80, 0], &[0x80; 6]] {
        assert_eq!(number(&mut Bytes(longer)), Err(RowError::Count));
    }
    assert_eq!(number(&mut Bytes(&[0x80])), Err(RowError::Short));
}

#[test]
fn what_cannot_be_is_refused() {
    let rows = rows_of(&learned(&failures("npm ci", 1, 3, TODAY), HostType::Other), TODAY);
    let key = *rows.keys().next().expect("a row");
    let with = |change: &dyn Fn(&mut Row)| {
        let mut row = rows[&key].clone();
        change(&mut row);
        read(&bytes_of(&[(key, row)].into()))
    };
    let day = |ok, failed, taught| {
        move |row: &mut Row| *row = Row { days: [(TODAY, Day { ok, failed, taught })].into(), ..row.clone() }
    };
    assert!(with(&|_| ()).is_ok());
    for (ok, failed, taught) in [(0, 0, 0), (COUNT_DAY_MAX + 1, 1, 0), (1, COUNT_DAY_MAX + 1, 0), (0, 2, 3)] {
        assert_eq!(with(&day(ok, failed, taught)), Err(RowError::Count), "{ok} {failed} {taught}");
    }
    let streak = |sessions| move |row: &mut Row| row.streak = Some(Streak { sessions, day: TODAY });
    assert_eq!(with(&streak(5)), Err(RowError::Count));
    assert_eq!(with(&|row| row.failing = None), Err(RowError::Count), "a streak without a failure");
    // A program that is not in the vocabulary.
    let mut bytes = bytes_of(&rows);
    bytes[5..7].copy_from_slice(&Tool::COUNT.to_le_bytes());
    assert_eq!(read(&bytes), Err(RowError::Word));
    // One row twice.
    let one = bytes_of(&rows)[4..].to_vec();
    assert_eq!(read(&[&[2, 0, 0, 0], &one[..], &one[..]].concat()), Err(RowError::Order));
}

/// What is told is read as it was told; other bytes are another telling, or none.
#[test]
fn there_is_one_way_to_write_rows() {
    few(4, (prop::collection::vec(any_run(), 0..60), any::<usize>(), any::<u8>()), |(runs, at, to)| {
        let rows = rows_of(&learned(&runs, HostType::Workstation), TODAY);
        let bytes = bytes_of(&rows);
        prop_assert_eq!(read(&bytes), Ok(rows));
        let mut other = bytes.clone();
        let at = at % other.len();
        other[at] = to;
        if let Ok(rows) = read(&other) {
            prop_assert_eq!(bytes_of(&rows), other);
        }
        prop_assert!(read(&bytes[..at]).is_err());
        Ok(())
    });
}

#[test]
fn no_bytes_are_too_much() {
    few(4, prop::collection::vec(any::<u8>(), 0..400), |bytes| {
        if let Ok(rows) = read(&bytes) {
            prop_assert_eq!(bytes_of(&rows), bytes);
        }
        Ok(())
    });
}
