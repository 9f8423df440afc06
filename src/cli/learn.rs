//! `cs learn`: what is kept of a command, and how good hints would have been on calls that happened.

use std::io::Read as _;
use std::path::Path;

use serde_json::{Value, json};

use super::args::{Common, LearnArgs, LearnCommand};
use super::error::{CliError, exit, refused};
use super::output::{Output, count, paint, style};
use crate::command::shape::{Record, Shape};
use crate::learn::replay::{Call, Report, replay};
use crate::model::limits;
use crate::sys::fs;

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
        LearnCommand::Replay { trace, sessions } => {
            replayed(out, trace, usize::from(*sessions))?;
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
    let mut text = String::new();
    std::io::stdin().lock().read_to_string(&mut text)?;
    let mut printed = String::new();
    for line in text.lines() {
        let shape = Shape::of_text(&super::guard::decoded(line)).to_json();
        printed.push_str(&shape.to_string());
        printed.push('\n');
    }
    std::io::Write::write_all(&mut anstream::stdout(), printed.as_bytes())?;
    Ok(())
}

/// Reads a trace; what is no call is counted and passed over.
fn calls(path: &Path) -> Result<(Vec<Call>, usize), CliError> {
    let bytes = fs::read(path, limits::TRACE_BYTES_MAX)?;
    let lines = || bytes.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty());
    let calls: Vec<Call> = lines().filter_map(|line| serde_json::from_slice(line).ok()).collect();
    let passed = lines().count() - calls.len();
    if calls.is_empty() && passed > 0 {
        return Err(refused(
            format!("{} is no trace", path.display()),
            "A trace has a JSON object a line, with session, command, ok and error_head.",
        ));
    }
    Ok((calls, passed))
}

fn replayed(out: Output, path: &Path, sessions: usize) -> Result<(), CliError> {
    let (calls, passed) = calls(path)?;
    let report = replay(&calls, sessions);
    let Report { calls: number, sessions: of, failed, streaks, shown } = &report;
    out.line(format!(
        "{} in {}, {failed} failed",
        count(usize::try_from(*number).unwrap_or(usize::MAX), "call", "calls"),
        count(usize::try_from(*of).unwrap_or(usize::MAX), "session", "sessions")
    ));
    if passed > 0 {
        out.line(format!("{} no calls, passed over", count(passed, "line is", "lines are")));
    }
    out.line(format!(
        "\n  {:<10} {:>6} {:>6} {:>6} {:>10} {:>7} {:>8} {:>7}",
        "hint", "shown", "right", "wrong", "precision", "recall", "per 100", "oracle"
    ));
    let told = streaks.json(*number, true);
    let figure =
        |name: &str| told[name].as_f64().map_or_else(|| "-".to_owned(), |value| format!("{value:.2}"));
    out.line(format!(
        "  {:<10} {:>6} {:>6} {:>6} {:>10} {:>7} {:>8} {:>7}",
        "streak",
        streaks.shown,
        streaks.right,
        streaks.shown - streaks.right,
        figure("precision"),
        figure("recall"),
        figure("per_100_calls"),
        streaks.oracle
    ));
    if out.verbose {
        out.line("");
        for own in shown {
            let (sign, style) = if own.is_right { ('+', style::ADD) } else { ('-', style::REMOVE) };
            out.line(format!(
                "  {} line {:<6} {}   failed in {} sessions before ({})",
                paint(style, sign),
                own.at + 1,
                own.form,
                own.sessions,
                own.class.word().replace('_', " ")
            ));
        }
    }
    out.object(
        &json!({"version": 1, "calls": number, "sessions": of, "failed": failed, "passed_over": passed,
        "kinds": {"streak": told}}),
    );
    Ok(())
}
