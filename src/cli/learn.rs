//! `cs learn`: what is kept of a command, how good hints would have been on calls that happened, and all that is
//! known.

use std::path::Path;

use serde_json::{Value, json};

use super::args::{Common, LearnArgs, LearnCommand};
use super::engine::Context;
use super::error::{CliError, exit, refused};
use super::output::{Output, count, paint, style};
use super::schema_learned;
use crate::command::shape::{Record, Shape};
use crate::learn::replay::{Call, Report, Score, Shown, replay};
use crate::model::limits;
use crate::sys::fs;

mod forget;
mod import;
mod known;
pub(super) mod store;

/// Runs it.
///
/// # Errors
/// When the input can't be read.
pub fn run(common: &Common, args: &LearnArgs) -> Result<u8, CliError> {
    let out = Output::new(common);
    match &args.command {
        LearnCommand::Shape { bits: true, .. } => bits(out),
        LearnCommand::Shape { batch: true, .. } => shapes()?,
        LearnCommand::Shape { command, .. } => shape(out, command.as_deref().unwrap_or_default()),
        LearnCommand::Schema { category, history, undo } => {
            let wanted =
                schema_learned::Wanted { category: category.as_deref(), history: *history, undo: *undo };
            return schema_learned::run(common, wanted);
        }
        LearnCommand::Replay { trace, sessions, shadow } => {
            replayed(out, trace, usize::from(*sessions), *shadow)?;
        }
        LearnCommand::Import { from, dry_run } => {
            return import::run(&Context::new(common.clone())?, from.as_deref(), *dry_run);
        }
        LearnCommand::Show { command, all } => {
            return known::show(&Context::new(common.clone())?, command.as_deref(), *all);
        }
        LearnCommand::Export => return known::export(&Context::new(common.clone())?),
        LearnCommand::Forget { command, project_of, .. } => {
            return forget::run(&Context::new(common.clone())?, command.as_deref(), project_of.as_deref());
        }
    }
    Ok(exit::DONE)
}

fn bits(out: Output) {
    let (record, shape) = (Record::bits(), Shape::bits());
    out.line(format!(
        "A record can carry at most {record:.0} bits, {shape:.0} of them in the shape of a command."
    ));
    out.object(&json!({"version": 1, "record_bits": record, "shape_bits": shape}));
}

fn shape(out: Output, text: &str) {
    let shape = Shape::of_text(text).to_json();
    for (name, value) in shape.as_object().into_iter().flatten() {
        let text = match value {
            Value::String(word) => word.clone(),
            Value::Array(words) => words.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" "),
            other => other.to_string(),
        };
        out.line(format!("{name:<14} {}", if text.is_empty() { "-".to_owned() } else { text }));
    }
    out.object(&shape);
}

/// One command a line, one object a line.
fn shapes() -> Result<(), CliError> {
    let mut printed = String::new();
    for line in super::guard::batch()?.lines() {
        let shape = Shape::of_text(&super::guard::decoded(line)).to_json();
        printed.push_str(&shape.to_string());
        printed.push('\n');
    }
    std::io::Write::write_all(&mut anstream::stdout(), printed.as_bytes())?;
    Ok(())
}

/// Reads a trace; what is no call of the shell is counted and passed over.
fn calls(path: &Path) -> Result<(Vec<Call>, usize), CliError> {
    let bytes = fs::read(path, limits::TRACE_BYTES_MAX).map_err(|error| {
        refused(
            format!("{} can't be read: {}", path.display(), error.kind()),
            "Name a file with a JSON object a line.",
        )
    })?;
    let bytes = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(&bytes);
    let lines = || bytes.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty());
    let calls: Vec<Call> = lines().filter_map(|line| serde_json::from_slice(line).ok()).collect();
    let shell = calls.iter().filter(|call| call.is_shell()).count();
    let passed = lines().count() - shell;
    if shell == 0 && passed > 0 {
        return Err(refused(
            format!("{} is no trace: no line of it is a call of the shell", path.display()),
            "A trace has a JSON object a line, with session, command, ok and error_head.",
        ));
    }
    Ok((calls, passed))
}

fn replayed(out: Output, path: &Path, sessions: usize, is_shadow: bool) -> Result<(), CliError> {
    let (calls, passed) = calls(path)?;
    let report = replay(&calls, sessions);
    let Report { calls: number, sessions: of, failed, streaks, corrections, armed, shown } = &report;
    // What is not shown was neither right nor wrong.
    let offered =
        if is_shadow { *corrections } else { Score { shown: armed.0, right: armed.1, ..*corrections } };
    let kinds = [("streak", streaks.json(*number, true)), ("correction", offered.json(*number, false))];
    let calls = count(*number as usize, "call", "calls");
    out.line(format!("{calls} in {}, {failed} failed", count(*of as usize, "session", "sessions")));
    if passed > 0 {
        let lines = count(passed, "line", "lines");
        out.line(format!("{lines} passed over: no call of the shell, or not said whether it was ok"));
    }
    let figures = ["shown", "right", "wrong", "precision", "recall", "per_100_calls", "oracle"];
    let wide =
        |cells: Vec<String>| cells.iter().fold(String::new(), |line, cell| line + &format!("{cell:>15}"));
    let head = wide(figures.iter().map(|name| name.replace('_', " ")).collect());
    out.line(format!("\n  {:<10}{head}", "hint"));
    for (name, told) in &kinds {
        let row = wide(figures.iter().map(|name| figure(&told[name])).collect());
        out.line(format!("  {name:<10}{row}"));
    }
    if !is_shadow && corrections.shown > armed.0 {
        let made = count(corrections.shown as usize, "correction was", "corrections were");
        out.line(format!(
            "\n{made} offered on paper only, {} of them right: --shadow counts them.",
            corrections.right
        ));
    }
    if out.verbose {
        out.line("");
        shown.iter().for_each(|own| out.line(hint(own)));
    }
    let kinds: serde_json::Map<String, Value> =
        kinds.into_iter().map(|(name, told)| (name.to_owned(), told)).collect();
    out.object(&json!({"version": 1, "calls": number, "sessions": of, "failed": failed,
        "passed_over": passed, "kinds": kinds}));
    Ok(())
}

fn figure(value: &Value) -> String {
    match (value.as_u64(), value.as_f64()) {
        (Some(number), _) => number.to_string(),
        (None, Some(share)) => format!("{share:.2}"),
        (None, None) => "-".to_owned(),
    }
}

/// A hint that was shown, and whether it was right.
fn hint(own: &Shown) -> String {
    let (sign, style) = if own.is_right { ('+', style::ADD) } else { ('-', style::REMOVE) };
    format!(
        "  {} line {:<6} {}   failed in {} before ({})",
        paint(style, sign),
        own.at + 1,
        own.form,
        count(own.sessions, "session", "sessions"),
        own.class.text().unwrap_or_else(|| "of another kind".to_owned())
    )
}
