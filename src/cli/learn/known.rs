//! `cs learn show` and `cs learn export`: what is known, for people and for programs.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Serialize, Serializer};
use serde_json::{Value, json};

use super::store::Store;
use crate::cli::engine::Context;
use crate::cli::error::{CliError, exit};
use crate::cli::output::{columns, count, paint, style};
use crate::command::shape::ErrorClass;
use crate::learn::correct::Shadow;
use crate::learn::pattern::{self, Day, Pattern, Tier};
use crate::learn::{Form, Number, State, Streak, judge};
use crate::mesh::advice::{self as mesh, Confidence, Count, Elsewhere};

/// So many commands are listed, those that ran most.
const ROWS_SHOWN: usize = 20;

/// Runs `cs learn show`.
///
/// # Errors
/// When nothing was learned here, or it can't be read.
pub fn show(context: &Context, command: Option<&str>, is_all: bool) -> Result<u8, CliError> {
    let store = Store::locate(context)?;
    let known = store.known()?;
    if known.is_damaged {
        context.out.warn(context.spell(
            "what was learned can't be read: this is what its predecessor and the journals have. More of it: cs doctor",
        ));
    }
    let forms = command.map(judge::forms_of);
    let is_meant =
        |form: &Form| forms.as_ref().is_none_or(|forms| forms.iter().any(|own| is_same(own, form)));
    let here = known.here();
    let project = here.as_ref().map(|(number, _)| *number).filter(|_| !is_all);
    let others = known.others(&store);
    let view =
        View { state: &known.snapshot.state, today: known.today, project, is_meant: &is_meant, others };
    let mut lines = vec![match (&here, project) {
        (Some((_, folder)), Some(_)) => format!("In {}", context.root.show(folder)),
        _ => "In all projects of this machine".to_owned(),
    }];
    lines.extend(view.failing(store.streak_sessions()));
    lines.extend(view.elsewhere());
    lines.extend(view.corrections());
    lines.extend(view.commands(context.out.verbose));
    lines.extend(view.counts_elsewhere(context.out.verbose));
    if lines.len() == 1 {
        lines.push(match command {
            Some(command) => format!("\nNothing is known of `{command}`."),
            None => "\nNothing is known yet.".to_owned(),
        });
    }
    let others = known.snapshot.state.patterns.iter().any(|(key, _)| Some(key.project) != project);
    if project.is_some() && others {
        lines.push(String::new());
        lines.push(paint(style::DIM, context.spell("Of all projects: cs learn show --all")));
    }
    context.out.lines(&lines);
    let name = |number| known.name(&store, number);
    context.out.object(&view.json(name));
    Ok(exit::DONE)
}

/// Runs `cs learn export`.
///
/// # Errors
/// When nothing was learned here, or it can't be read.
pub fn export(context: &Context) -> Result<u8, CliError> {
    let store = Store::locate(context)?;
    let known = store.known()?;
    let (state, today, others) = (&known.snapshot.state, known.today, known.others(&store));
    let view = View { state, today, project: None, is_meant: &|_: &Form| true, others };
    let text =
        serde_json::to_string_pretty(&view.json(|_| None)).expect("BUG: it is made of words and numbers");
    context.out.document(&(text + "\n"))?;
    Ok(exit::DONE)
}

/// Whether a form is meant by another one: without flags, whatever its flags.
pub fn is_same(meant: &Form, form: &Form) -> bool {
    meant == form || *meant == form.without_flags()
}

/// What of all that is known is looked at.
struct View<'a> {
    state: &'a State,
    today: u16,
    project: Option<Number>,
    is_meant: &'a dyn Fn(&Form) -> bool,
    /// What other machines say.
    others: Option<mesh::View<'a>>,
}

/// How a form does, in all the projects that are looked at.
#[derive(Default)]
struct Row {
    pattern: Pattern,
    shift: bool,
}

impl View<'_> {
    fn is_here(&self, project: Number) -> bool {
        self.project.is_none_or(|own| own == project)
    }

    fn streaks(&self) -> Vec<(Number, Form, &Streak)> {
        let rows = self.state.streaks.iter().map(|((project, form), streak)| (*project, *form, streak));
        // Of some there is nothing but that somebody was told what others know.
        let rows = rows.filter(|(.., streak)| !streak.sessions.is_empty());
        let mut rows: Vec<_> =
            rows.filter(|(project, form, _)| self.is_here(*project) && (self.is_meant)(form)).collect();
        rows.sort_by_key(|(_, form, streak)| (std::cmp::Reverse((streak.sessions.len(), streak.day)), *form));
        rows
    }

    fn failing(&self, sessions_min: usize) -> Vec<String> {
        let rows: Vec<Vec<String>> = self
            .streaks()
            .into_iter()
            .map(|(_, form, streak)| {
                let sessions = streak.sessions.len();
                // More are not remembered.
                let more = if sessions == crate::learn::streak::SESSIONS_MAX { " or more" } else { "" };
                let said = match sessions {
                    few if few < sessions_min => {
                        format!("said once it has failed in {sessions_min}")
                    }
                    _ => match streak.said.len() {
                        0 => "said before the next one runs it".to_owned(),
                        said => format!("said in {}", count(said, "session", "sessions")),
                    },
                };
                let class = streak.class.text().unwrap_or_default();
                vec![
                    form.to_string(),
                    format!("in {sessions}{more} {}", if sessions == 1 { "session" } else { "sessions" }),
                    class,
                    self.ago(streak.day),
                    said,
                ]
            })
            .collect();
        let mut lines = section("Failing, and has not worked since", &rows);
        let pace = self.state.streaks.paces().find(|(project, _)| Some(*project) == self.project);
        let waits = pace.map_or(0, |(_, pace)| pace.waits());
        if !lines.is_empty() && waits > 0 {
            let calls = count(waits as usize, "shell call", "shell calls");
            lines.push(paint(
                style::DIM,
                format!("  Something was said a short while ago; the next thing in {calls}."),
            ));
        }
        lines
    }

    /// What is said of other machines, unless it has worked here.
    fn told_elsewhere(&self) -> Vec<Elsewhere> {
        let told = self.others.as_ref().map(mesh::View::streaks).unwrap_or_default();
        told.into_iter().filter(|own| (self.is_meant)(&own.form)).collect()
    }

    fn elsewhere(&self) -> Vec<String> {
        let row = |own: &Elsewhere| {
            let class = own.class.and_then(ErrorClass::text).unwrap_or_default();
            let machines = count(own.machines, "other machine", "other machines");
            vec![own.form.to_string(), format!("on {machines}"), class]
        };
        section(
            "Failing elsewhere, and never worked here",
            &self.told_elsewhere().iter().map(row).collect::<Vec<_>>(),
        )
    }

    /// What other machines told, as they count it.
    fn told_counts(&self) -> Vec<Count> {
        let told = self.others.as_ref().map(mesh::View::counts_elsewhere).unwrap_or_default();
        told.into_iter().filter(|own| (self.is_meant)(&own.form)).collect()
    }

    fn counts_elsewhere(&self, is_verbose: bool) -> Vec<String> {
        let told = self.told_counts();
        let shown = if is_verbose { told.len() } else { ROWS_SHOWN };
        let row = |own: &Count| {
            let class = own.class.and_then(ErrorClass::text).map(|class| format!(", {class}"));
            let failing = format!("{}{}", own.failing, class.unwrap_or_default());
            vec![
                own.form.to_string(),
                own.machines.to_string(),
                own.runs.to_string(),
                share(own.runs, own.failed),
                self.ago(own.day),
                if own.failing > 0 { failing } else { String::new() },
            ]
        };
        let head = ["On other machines", "known on", "runs", "worked", "last", "failing on"];
        let mut lines = table_of(&head, told.iter().take(shown).map(row).collect());
        lines.extend(and_more(told.len(), shown));
        if !lines.is_empty() {
            for note in [
                "  What machines that you trust have told. Before a command something is said once it fails on two of them;",
                "  of what is known of a command here it is a quarter at most.",
            ] {
                lines.push(paint(style::DIM, note));
            }
        }
        lines
    }

    /// How sure it is that something works, and how much of that is the word of other machines.
    fn confidence(&self, form: &Form, own: &Pattern) -> Confidence {
        let alone = || Confidence { value: own.confidence(self.today), foreign: 0.0 };
        self.others.as_ref().map_or_else(alone, |others| others.confidence(own, form))
    }

    fn corrections(&self) -> Vec<String> {
        let mut rows: Vec<(usize, Vec<String>)> = Vec::new();
        for (project, failed, worked, sessions) in self.state.corrections.iter() {
            if self.is_here(project) && (self.is_meant)(&failed) {
                let row = vec![
                    failed.to_string(),
                    format!("{} {worked}", paint(style::DIM, "then")),
                    format!("in {}", count(sessions, "session", "sessions")),
                ];
                rows.push((sessions, row));
            }
        }
        rows.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
        // With and without flags it is the same to a reader.
        rows.dedup_by(|a, b| a.1 == b.1);
        let rows: Vec<Vec<String>> = rows.into_iter().map(|(_, row)| row).take(ROWS_SHOWN).collect();
        let mut lines = section("Failed, and what worked soon after", &rows);
        if !lines.is_empty() {
            lines.push(paint(style::DIM, format!("  {}", self.shadow())));
        }
        lines
    }

    /// The shadow record: why offers are shown, or are not.
    fn shadow(&self) -> String {
        let shadows = self.state.corrections.shadows().filter(|(project, _)| self.is_here(*project));
        let shadows: Vec<Shadow> = shadows.map(|(_, shadow)| shadow).collect();
        let (offers, right) =
            shadows.iter().fold((0, 0), |(offers, right), own| (offers + own.offers, right + own.right));
        let made = format!("Offered on paper {offers} times, right {right} times");
        match shadows.as_slice() {
            [] => "Nothing of it was offered yet, on paper: that takes two other sessions.".to_owned(),
            [own] => match own.why_not() {
                None => format!("{made}: it is said after a failure."),
                Some(why) => format!("{made}; not said: {why}."),
            },
            all => format!(
                "{made}; said in {} of {} projects.",
                all.iter().filter(|own| own.is_armed()).count(),
                all.len()
            ),
        }
    }

    fn rows(&self) -> Vec<(Form, Row)> {
        let mut rows: BTreeMap<Form, Row> = BTreeMap::new();
        for (key, pattern) in self.state.patterns.iter() {
            if self.is_here(key.project) && (self.is_meant)(&key.form) {
                let row = rows.entry(key.form).or_default();
                row.shift |= pattern.is_shifted();
                row.pattern.join(pattern);
            }
        }
        let mut rows: Vec<(Form, Row)> = rows.into_iter().collect();
        rows.sort_by_key(|(form, row)| (std::cmp::Reverse(row.pattern.runs().0), *form));
        rows
    }

    fn commands(&self, is_verbose: bool) -> Vec<String> {
        let rows = self.rows();
        let shown = if is_verbose { rows.len() } else { ROWS_SHOWN };
        let mut is_shared = false;
        let table: Vec<Vec<String>> = rows
            .iter()
            .take(shown)
            .map(|(form, row)| {
                let (runs, failed) = row.pattern.runs();
                let takes = row.pattern.tier().map_or("", Tier::text);
                let sure = self.confidence(form, &row.pattern);
                let is_by_others = sure.foreign > 0.0;
                is_shared |= is_by_others;
                vec![
                    form.to_string(),
                    runs.to_string(),
                    share(runs.into(), failed.into()),
                    format!("{:.2}{}", sure.value, if is_by_others { " *" } else { "" }),
                    format!("{takes}{}", if row.shift { ", other than it was" } else { "" }),
                    self.ago(row.pattern.last_day()),
                ]
            })
            .collect();
        let head = ["Commands", "runs", "worked", "sure to work", "takes", "last"];
        let mut lines = table_of(&head, table);
        lines.extend(and_more(rows.len(), shown));
        if is_shared {
            let note = "  * what other machines told is in it, and is a quarter of it at most";
            lines.push(paint(style::DIM, note));
        }
        lines
    }

    fn ago(&self, day: u16) -> String {
        match self.today.saturating_sub(day) {
            0 => "today".to_owned(),
            1 => "yesterday".to_owned(),
            days => format!("{days} days ago"),
        }
    }

    /// All of it for programs, a row at a time: of many, none is there twice.
    fn json(&self, name: impl Fn(Number) -> Option<String>) -> impl Serialize {
        let State { patterns, corrections, .. } = self.state;
        let is_meant = |project: Number, form: &Form| self.is_here(project) && (self.is_meant)(form);
        let pattern_rows = move || patterns.iter().filter(move |(key, _)| is_meant(key.project, &key.form));
        let correction_rows =
            move || corrections.iter().filter(move |(project, failed, ..)| is_meant(*project, failed));
        let shadows = move || corrections.shadows().filter(|(project, _)| self.is_here(*project));
        let mut numbers: BTreeSet<Number> = self.streaks().into_iter().map(|(number, ..)| number).collect();
        numbers.extend(correction_rows().map(|(number, ..)| number));
        numbers.extend(shadows().map(|(number, _)| number));
        numbers.extend(pattern_rows().map(|(key, _)| key.project));
        Document {
            version: 1,
            today: self.today,
            projects: numbers
                .into_iter()
                .map(|number| json!({"project": number.0, "name": name(number)}))
                .collect(),
            streaks: Rows(|| {
                self.streaks().into_iter().map(|(number, form, streak)| {
                    json!({"project": number.0, "form": form.to_string(), "sessions": streak.sessions.len(),
                        "error": streak.class.word(), "day": streak.day, "said": streak.said.len()})
                })
            }),
            elsewhere: self
                .told_elsewhere()
                .into_iter()
                .map(|own| {
                    json!({"form": own.form.to_string(), "machines": own.machines,
                        "error": own.class.map(ErrorClass::word)})
                })
                .collect(),
            others: self
                .told_counts()
                .into_iter()
                .map(|own| {
                    json!({"form": own.form.to_string(), "machines": own.machines, "runs": own.runs,
                        "failed": own.failed, "day": own.day, "failing": own.failing,
                        "error": own.class.map(ErrorClass::word)})
                })
                .collect(),
            corrections: Rows(move || {
                correction_rows().map(|(number, failed, worked, sessions)| {
                    json!({"project": number.0, "failed": failed.to_string(), "worked": worked.to_string(),
                        "sessions": sessions})
                })
            }),
            shadow: Rows(move || {
                shadows().map(|(number, own)| {
                    json!({"project": number.0, "offers": own.offers, "right": own.right, "later": own.later,
                        "armed": own.is_armed(), "why_not": own.why_not()})
                })
            }),
            patterns: Rows(move || {
                pattern_rows().map(|(key, own)| pattern_json(key, own, &self.confidence(&key.form, own)))
            }),
        }
    }
}

/// What is known, as programs read it.
#[derive(Serialize)]
struct Document<Streaks, Corrections, Shadows, Patterns> {
    version: u8,
    today: u16,
    projects: Vec<Value>,
    elsewhere: Vec<Value>,
    others: Vec<Value>,
    streaks: Streaks,
    corrections: Corrections,
    shadow: Shadows,
    patterns: Patterns,
}

/// A list of rows that are made one after the other.
struct Rows<F>(F);

impl<F: Fn() -> I, I: Iterator<Item = Value>> Serialize for Rows<F> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq((self.0)())
    }
}

fn pattern_json(key: &pattern::Key, own: &Pattern, sure: &Confidence) -> Value {
    let (runs, failed) = own.runs();
    let days: serde_json::Map<String, Value> =
        own.days.iter().map(|(day, Day { ok, failed, .. })| (day.to_string(), json!([ok, failed]))).collect();
    let durations: serde_json::Map<String, Value> =
        own.durations.iter().map(|(bucket, count)| (bucket.to_string(), json!(count))).collect();
    json!({"project": key.project.0, "form": key.form.to_string(), "category": key.category.word(),
        "host": key.host.word(), "runs": runs, "failed": failed, "confidence": sure.value, "by_others": sure.foreign,
        "tier": own.tier().map(Tier::word), "last_error": own.failing.map(ErrorClass::word), "days": days,
        "durations": durations})
}

/// A heading and its rows, in columns; nothing where there are no rows.
fn section(heading: &str, rows: &[Vec<String>]) -> Vec<String> {
    let heading = vec![String::new(), paint(style::BOLD, heading)];
    if rows.is_empty() { Vec::new() } else { [heading, columns(rows, COLUMN_GAP)].concat() }
}

/// Rows under a heading for each column; nothing where there are no rows.
fn table_of(heads: &[&str], rows: Vec<Vec<String>>) -> Vec<String> {
    if rows.is_empty() {
        return rows.concat();
    }
    let heads = heads.iter().map(|head| (*head).to_owned()).collect();
    let mut lines = columns(&[vec![heads], rows].concat(), COLUMN_GAP);
    // The first stands as far left as the other headings do.
    let (first, others) = lines[0][2..].split_once("   ").unwrap_or_default();
    lines[0] = paint(style::BOLD, format!("{first}     {others}"));
    [vec![String::new()], lines].concat()
}

/// What of a table is left out.
fn and_more(all: usize, shown: usize) -> Option<String> {
    let more = all.checked_sub(shown).filter(|more| *more > 0)?;
    let more = count(more, "more command", "more commands");
    Some(paint(style::DIM, format!("  and {more}: --verbose")))
}

/// How many of some runs worked.
fn share(runs: u64, failed: u64) -> String {
    let many = |count: u64| f64::from(u32::try_from(count).unwrap_or(u32::MAX));
    format!("{:.0} %", many(runs.saturating_sub(failed)) / many(runs.max(1)) * 100.0)
}

const COLUMN_GAP: usize = 3;
