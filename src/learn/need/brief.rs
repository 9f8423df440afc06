//! What an agent needs of what was learned, in words of the vocabulary and numbers: short tables, the most telling
//! rows first.

use serde_json::{Map, Value, json};

use super::{Agent, is_hpc};
use crate::command::shape::{ErrorClass, HostType};
use crate::learn::pattern::{Change, Key, Pattern};
use crate::learn::{Form, Number, State};

/// A table has no more rows than this: whoever reads it pays for each.
pub const ROWS_MAX: usize = 20;

/// One table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    pub name: &'static str,
    /// What it shows, for people.
    pub about: &'static str,
    pub columns: &'static [&'static str],
    pub rows: Vec<Vec<Cell>>,
    /// Rows that there are besides.
    pub left_out: usize,
}

/// What stands in a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cell {
    Form(Form),
    Word(&'static str),
    Number(u64),
    /// How many runs took less than so many milliseconds, and not less than half of it.
    Durations(Vec<(u64, u32)>),
    /// Nothing is known.
    None,
}

impl Cell {
    /// As a program reads it.
    #[must_use]
    pub fn json(&self) -> Value {
        match self {
            Self::Form(form) => json!(form.to_string()),
            Self::Word(word) => json!(word),
            Self::Number(number) => json!(number),
            Self::Durations(buckets) => {
                buckets.iter().map(|(ms, runs)| json!({"under_ms": ms, "runs": runs})).collect()
            }
            Self::None => Value::Null,
        }
    }

    /// As a person reads it.
    #[must_use]
    pub fn text(&self) -> String {
        match self {
            Self::Form(form) => form.to_string(),
            Self::Word(word) => word.replace('_', " "),
            Self::Number(number) => number.to_string(),
            Self::Durations(buckets) => {
                let told = buckets.iter().map(|(ms, runs)| format!("{runs} under {}", time(*ms)));
                told.collect::<Vec<_>>().join(", ")
            }
            Self::None => "-".to_owned(),
        }
    }
}

fn time(ms: u64) -> String {
    match ms {
        0..1_000 => format!("{ms} ms"),
        1_000..120_000 => format!("{} s", ms / 1_000),
        _ => format!("{} min", ms / 60_000),
    }
}

impl Table {
    fn new(
        (name, about): (&'static str, &'static str),
        columns: &'static [&'static str],
        mut rows: Vec<Vec<Cell>>,
    ) -> Self {
        let left_out = rows.len().saturating_sub(ROWS_MAX);
        rows.truncate(ROWS_MAX);
        Self { name, about, columns, rows, left_out }
    }

    /// As a program reads it.
    #[must_use]
    pub fn json(&self) -> Value {
        let row = |cells: &Vec<Cell>| -> Value {
            let cells = self.columns.iter().zip(cells).map(|(name, cell)| ((*name).to_owned(), cell.json()));
            Value::Object(cells.collect::<Map<_, _>>())
        };
        json!({"rows": self.rows.iter().map(row).collect::<Vec<_>>(), "left_out": self.left_out})
    }
}

/// What an agent reads; `since` is the day from which on its news are counted.
#[must_use]
pub fn brief(agent: Agent, state: &State, since: u16, today: u16) -> Vec<Table> {
    match agent {
        Agent::Analyst => vec![new_forms(state, since), shifts(state), corrections(state), offers(state)],
        Agent::Advisor => vec![jobs(state), exhausted(state)],
        Agent::Detective => vec![streaks(state, today), failing(state), classes(state), corrections(state)],
    }
}

fn number(number: impl Into<u64>) -> Cell {
    Cell::Number(number.into())
}

fn size(count: usize) -> Cell {
    Cell::Number(count as u64)
}

fn project(project: Number) -> Cell {
    if project.is_known() { number(project.0) } else { Cell::None }
}

fn class(class: Option<ErrorClass>) -> Cell {
    class.map_or(Cell::None, |class| Cell::Word(class.word()))
}

fn durations(pattern: &Pattern) -> Cell {
    let known = pattern.durations.iter().filter(|(bucket, _)| **bucket > 0);
    Cell::Durations(known.map(|(bucket, runs)| (1 << (*bucket).min(40), *runs)).collect())
}

/// Patterns for which `is_meant` says so, those with the most of `weight` first.
fn patterns(
    state: &State,
    is_meant: impl Fn(&Key, &Pattern) -> bool,
    weight: impl Fn(&Pattern) -> u32,
) -> Vec<(&Key, &Pattern)> {
    let mut found: Vec<_> = state.patterns.iter().filter(|(key, pattern)| is_meant(key, pattern)).collect();
    found.sort_by_key(|(key, pattern)| (std::cmp::Reverse(weight(pattern)), **key));
    found
}

/// Forms that nobody had seen before that day, whatever the project.
fn new_forms(state: &State, since: u16) -> Table {
    let is_new = |key: &Key, pattern: &Pattern| {
        pattern.first_day() >= since
            && state.patterns.iter().all(|(other, own)| other.form != key.form || own.first_day() >= since)
    };
    let rows = patterns(state, is_new, |pattern| pattern.runs().0).into_iter().map(|(key, pattern)| {
        let (runs, failed) = pattern.runs();
        let tier = pattern.tier().map_or(Cell::None, |tier| Cell::Word(tier.word()));
        let (form, category) = (Cell::Form(key.form), Cell::Word(key.category.word()));
        vec![project(key.project), form, category, number(runs), number(failed), tier]
    });
    let columns = &["project", "form", "category", "runs", "failed", "takes"];
    Table::new(("new", "Seen for the first time"), columns, rows.collect())
}

fn shifts(state: &State) -> Table {
    let has_shifted = |_: &Key, pattern: &Pattern| pattern.change().is_some();
    let rows = patterns(state, has_shifted, |pattern| pattern.runs().0).into_iter().map(|(key, pattern)| {
        let change = match pattern.change() {
            Some(Change::Slower) => Cell::Word("slower"),
            Some(Change::Quicker) => Cell::Word("quicker"),
            None => Cell::None,
        };
        vec![project(key.project), Cell::Form(key.form), change, durations(pattern)]
    });
    let columns = &["project", "form", "now", "durations"];
    Table::new(("shifts", "Takes four times as long as it did, or a quarter"), columns, rows.collect())
}

/// What worked after something failed, in however many sessions.
fn corrections(state: &State) -> Table {
    let mut found: Vec<_> = state.corrections.iter().collect();
    found.sort_by_key(|own| (std::cmp::Reverse(own.3), *own));
    let rows = found.into_iter().map(|(own, failed, worked, sessions)| {
        vec![project(own), Cell::Form(failed), Cell::Form(worked), size(sessions)]
    });
    let columns = &["project", "failed", "worked", "sessions"];
    Table::new(("corrections", "What worked after a failure"), columns, rows.collect())
}

fn offers(state: &State) -> Table {
    let rows = state.corrections.shadows().map(|(own, shadow)| {
        let is_shown = Cell::Word(if shadow.is_armed() { "shown" } else { "paper" });
        vec![project(own), number(shadow.offers), number(shadow.right), number(shadow.later), is_shown]
    });
    let mut rows: Vec<_> = rows.collect();
    rows.sort_by_key(|row| match row[1] {
        Cell::Number(offers) => std::cmp::Reverse(offers),
        _ => std::cmp::Reverse(0),
    });
    let columns = &["project", "offers", "right", "later", "on"];
    Table::new(("offers", "How good such corrections would have been"), columns, rows)
}

fn streaks(state: &State, today: u16) -> Table {
    let mut found: Vec<_> = state.streaks.iter().filter(|(_, streak)| !streak.sessions.is_empty()).collect();
    found.sort_by_key(|(key, streak)| {
        (std::cmp::Reverse(streak.sessions.len()), std::cmp::Reverse(streak.day), **key)
    });
    let rows = found.into_iter().map(|((own, form), streak)| {
        let days_ago = number(today.saturating_sub(streak.day));
        vec![
            project(*own),
            Cell::Form(*form),
            size(streak.sessions.len()),
            class(Some(streak.class)),
            days_ago,
        ]
    });
    let columns = &["project", "form", "sessions", "class", "days_ago"];
    Table::new(
        ("streaks", "Failed, and has not worked since (sessions: up to 4 are told apart)"),
        columns,
        rows.collect(),
    )
}

fn failing(state: &State) -> Table {
    let teaches = |_: &Key, pattern: &Pattern| pattern.taught() > 0;
    let rows = patterns(state, teaches, Pattern::taught).into_iter().map(|(key, pattern)| {
        let (runs, failed) = pattern.runs();
        let (form, host) = (Cell::Form(key.form), Cell::Word(key.host.word()));
        vec![project(key.project), form, host, number(runs), number(failed), class(pattern.failing)]
    });
    let columns = &["project", "form", "host", "runs", "failed", "failing"];
    Table::new(("failing", "Failed in a way that others could learn from"), columns, rows.collect())
}

fn classes(state: &State) -> Table {
    let rows = ErrorClass::ALL.iter().filter_map(|own| {
        let of_class = || state.patterns.iter().filter(|(_, pattern)| pattern.failing == Some(*own));
        let failures: u32 = of_class().map(|(_, pattern)| pattern.runs().1).sum();
        (failures > 0)
            .then(|| (failures, vec![class(Some(*own)), size(of_class().count()), number(failures)]))
    });
    let mut rows: Vec<_> = rows.collect();
    rows.sort_by_key(|(failures, _)| std::cmp::Reverse(*failures));
    let rows = rows.into_iter().map(|(_, row)| row).collect();
    Table::new(("classes", "What fails now, by how"), &["class", "forms", "failures"], rows)
}

fn jobs(state: &State) -> Table {
    let rows = patterns(state, |key, _| is_hpc(&key.form), |pattern| pattern.runs().0);
    let rows = rows.into_iter().map(|(key, pattern)| {
        let (runs, failed) = pattern.runs();
        let host = match key.host {
            HostType::Other => Cell::None,
            host => Cell::Word(host.word()),
        };
        let (form, category) = (Cell::Form(key.form), Cell::Word(key.category.word()));
        let ends = [number(runs), number(failed), class(pattern.failing), durations(pattern)];
        [project(key.project), form, category, host].into_iter().chain(ends).collect()
    });
    let columns = &["project", "form", "category", "host", "runs", "failed", "failing", "durations"];
    Table::new(("jobs", "Work on the cluster"), columns, rows.collect())
}

/// What ran out of something, whether or not it is a cluster's program: under a job it is `Rscript` that dies.
fn exhausted(state: &State) -> Table {
    let is_short = |class: ErrorClass| {
        matches!(class, ErrorClass::OutOfMemory | ErrorClass::TimeOut | ErrorClass::Quota)
    };
    let ran_out = |_: &Key, pattern: &Pattern| pattern.failing.is_some_and(is_short);
    let rows = patterns(state, ran_out, |pattern| pattern.runs().1).into_iter().map(|(key, pattern)| {
        let of = class(pattern.failing);
        vec![project(key.project), Cell::Form(key.form), of, number(pattern.runs().1), durations(pattern)]
    });
    let columns = &["project", "form", "ran_out_of", "failed", "durations"];
    Table::new(("exhausted", "Ran out of memory, time or room"), columns, rows.collect())
}
