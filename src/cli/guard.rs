//! `cs guard check`: what the guard makes of a command, and why. Nothing is run.

use std::io::Read as _;

use serde_json::{Value, json};

use super::args::{Common, GuardArgs, GuardCommand};
use super::error::{CliError, exit};
use super::output::{Output, paint, style};
use crate::guard::{self, Config, Decision, Scene, Verdict};
use crate::root::{Error, Root, Store};
use crate::sys::env;

/// Runs it.
///
/// # Errors
/// When the current generation can't be read, or the input.
pub fn run(common: &Common, args: &GuardArgs) -> Result<u8, CliError> {
    let out = Output::new(common);
    let GuardCommand::Check { command, batch } = &args.command;
    let scene = scene();
    let config = config(common, &scene)?;
    if *batch {
        return check_all(out, &scene, &config);
    }
    let command = command.as_deref().unwrap_or_default();
    let verdict = guard::judge(command, &scene, &config);
    out.object(&object(command, verdict.as_ref()));
    explain(out, command, verdict.as_ref());
    Ok(exit::DONE)
}

fn scene() -> Scene {
    let text = |path: std::path::PathBuf| path.to_string_lossy().into_owned();
    Scene {
        cwd: env::current_dir().map(text).unwrap_or_default(),
        home: env::home().map(text).unwrap_or_default(),
        temp: env::var("TMPDIR"),
    }
}

/// As the current generation says; what every rule says by itself where there is none.
fn config(common: &Common, scene: &Scene) -> Result<Config, CliError> {
    let root = match Root::locate(common.root.as_deref(), common.project.as_deref()) {
        Ok(root) => root,
        Err(error @ Error::NoProject { .. }) => return Err(error.into()),
        Err(_) => return Ok(Config::default()),
    };
    let runtime = Store::new(root).runtime()?;
    let guard = runtime.as_ref().and_then(|runtime| runtime.get("guard"));
    Ok(guard.map_or_else(Config::default, Config::from_json).at_home(&scene.home))
}

fn word(verdict: Option<&Verdict>) -> &'static str {
    match verdict.map(|verdict| verdict.decision) {
        Some(Decision::Deny) => "deny",
        Some(Decision::Ask) => "ask",
        None => "silent",
    }
}

fn object(command: &str, verdict: Option<&Verdict>) -> Value {
    json!({
        "command": command,
        "verdict": word(verdict),
        "rule": verdict.map(|verdict| verdict.rule),
        "loss": verdict.map(|verdict| verdict.loss),
        "safer": verdict.map(|verdict| verdict.safer),
        "subject": verdict.and_then(|verdict| verdict.subject.as_ref()),
    })
}

fn explain(out: Output, command: &str, verdict: Option<&Verdict>) {
    let Some(Verdict { decision, rule, loss, safer, subject }) = verdict else {
        return out.line("silent   no rule speaks about it: Claude Code decides as it always does");
    };
    let color = match decision {
        Decision::Deny => style::ERROR,
        Decision::Ask => style::WARNING,
    };
    out.line(format!("{}   {rule}", paint(color, format!("{:4}", word(verdict)))));
    // What is not seen at once: the folder that `*` is, the command in the script.
    if let Some(subject) = subject.as_ref().filter(|subject| bare(subject) != bare(command)) {
        out.line(format!("       {subject}"));
    }
    out.line(format!("       at stake: {loss}"));
    out.line(format!("       safer: {safer}"));
    // What can't be meant needs no way around it.
    if *decision == Decision::Deny {
        return;
    }
    out.line(paint(
        style::DIM,
        format!("       if it is always fine: exceptions = [\"{rule}\"] under [guard]"),
    ));
}

/// A command without its quotes.
fn bare(command: &str) -> String {
    command.trim().replace(['\'', '"'], "")
}

/// What is read from the input, a command a line; [`decoded`] is each of them.
pub(super) fn batch() -> Result<String, CliError> {
    let mut input = Vec::new();
    std::io::stdin().lock().read_to_end(&mut input)?;
    Ok(String::from_utf8_lossy(&input).into_owned())
}

/// One command a line; the answers in the same order.
fn check_all(out: Output, scene: &Scene, config: &Config) -> Result<u8, CliError> {
    let input = batch()?;
    let mut objects = Vec::new();
    for line in input.lines() {
        let command = decoded(line);
        let verdict = guard::judge(&command, scene, config);
        if out.json {
            objects.push(object(&command, verdict.as_ref()));
        } else {
            let rule = verdict.as_ref().map_or("-", |verdict| verdict.rule);
            out.line(format!("{}\t{rule}\t{line}", word(verdict.as_ref())));
        }
    }
    out.object(&json!({ "commands": objects }));
    Ok(exit::DONE)
}

/// A line of a batch: `\n`, `\t` and `\\` as what they stand for; anything else stays.
pub(super) fn decoded(line: &str) -> String {
    let mut text = String::with_capacity(line.len());
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            text.push(c);
            continue;
        }
        match chars.next() {
            Some('n') => text.push('\n'),
            Some('t') => text.push('\t'),
            Some('\\') => text.push('\\'),
            Some(other) => text.extend(['\\', other]),
            None => text.push('\\'),
        }
    }
    text
}
