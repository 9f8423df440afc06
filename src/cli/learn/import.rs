//! `cs learn import`: so that the first day is not empty.

use serde_json::json;

use super::store::{Store, failed};
use crate::cli::engine::Context;
use crate::cli::error::{CliError, exit, refused};
use crate::cli::output::{Progress, count};
use crate::knowledge::import::{Report, Wanted, import};
use crate::root::locate::normal;
use crate::sys::{clock, env, fs};

/// Runs it.
///
/// # Errors
/// When there is nothing to read, or what is learned can't be kept.
pub fn run(context: &Context, from: Option<&std::path::Path>, is_dry: bool) -> Result<u8, CliError> {
    let store = Store::locate(context)?;
    let projects = match from {
        Some(from) => normal(&env::current_dir()?.join(from)),
        None => store.projects.clone(),
    };
    let shown = context.root.show(&projects);
    let Some(stat) = fs::stat(&projects)? else {
        return Err(refused(
            format!("there are no transcripts: {shown} is not there"),
            "Claude Code keeps them in projects/ of its folder. Those of another place: cs learn import --from FOLDER.",
        ));
    };
    let is_folder = stat.kind == fs::Kind::Folder;
    let lies_in_it = |name: &std::ffi::OsString| name.to_string_lossy().ends_with(".jsonl");
    if !is_folder || fs::list(&projects).is_ok_and(|names| names.iter().any(lies_in_it)) {
        let what =
            if is_folder { "has transcripts in it, as a project's folder has" } else { "is no folder" };
        return Err(refused(
            format!("{shown} {what}: what is read is a folder with one folder for each project"),
            "As Claude Code keeps them: cs learn import --from ~/.claude/projects",
        ));
    }
    let rules = store.rules();
    let wanted = Wanted { projects: &projects, host: store.host_type(), rules: &rules, is_dry };
    let mut progress = Progress::new(context.out, format!("Reading {shown}"));
    let report = import(&store.learning, wanted, clock::now(), |done, all| progress.at(done, all));
    drop(progress);
    let report = report.map_err(failed)?;
    say(context, &store, &report, is_dry);
    let Report { transcripts, projects, sessions, calls, commands, old, known, future, damaged, unread } =
        report;
    context.out.object(&json!({"version": 1, "success": true, "dry_run": is_dry, "transcripts": transcripts,
        "projects": projects, "sessions": sessions, "calls": calls, "commands": commands, "old": old,
        "known": known, "future": future, "damaged": damaged, "unread": unread}));
    Ok(exit::DONE)
}

fn say(context: &Context, store: &Store, report: &Report, is_dry: bool) {
    let out = context.out;
    let days = store.rules().retention_days;
    if report.transcripts == 0 {
        out.line(format!("There is no transcript of the last {days} days."));
    } else if report.calls == 0 {
        out.line(format!("Nothing new in {}.", count(report.transcripts, "transcript", "transcripts")));
    } else {
        out.line(format!(
            "{} {}, {} of them shell commands, of {} in {}.",
            if is_dry { "There is something to learn from" } else { "Learned from" },
            count(report.calls, "call", "calls"),
            report.commands,
            count(report.sessions, "session", "sessions"),
            count(report.projects, "project", "projects"),
        ));
    }
    let passed = [
        (report.old, format!("older than {days} days")),
        (report.known, "known already".to_owned()),
        (report.future, "dated in the future".to_owned()),
    ];
    let passed: Vec<String> = passed
        .into_iter()
        .filter(|(calls, _)| *calls > 0)
        .map(|(calls, why)| format!("{calls} {why}"))
        .collect();
    if !passed.is_empty() {
        out.line(format!("Passed over: {}.", passed.join(", ")));
    }
    if report.damaged > 0 {
        let lines = count(report.damaged, "line", "lines");
        out.line(format!("{lines} could not be made out: cut off, or of another format."));
    }
    for name in &report.unread {
        out.warn(format!("{name} could not be read"));
    }
    if report.calls > 0 && !is_dry {
        out.line(context.spell("\nNothing of what was said or written is kept, only which kinds of commands ran and how that went. What is known now: cs learn show"));
        if !store.is_learning() {
            out.line(format!("No hook here speaks of it yet. {}", context.spell(&store.to_learn())));
        }
    }
}
