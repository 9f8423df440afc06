//! `cs status` and `cs verify`.

use serde_json::{Value, json};

use super::args::StatusArgs;
use super::engine::{Context, show_profile};
use super::error::{CliError, exit};
use super::news;
use super::output::{ago, count, paint, style};
use super::plan::is_nothing;
use super::show::plan_json;
use super::stats;
use crate::document::{Action, Document, EntryChange, claude};
use crate::draft::Draft;
use crate::generation::Cause;
use crate::knowledge::Learning;
use crate::model::{Digest, DocumentId, InstallMode, Kind, ManagedPath, limits};
use crate::plan::{OnConflict, Plan, Problem, Sign, TreeChange, TreeStep};
use crate::remote::Policy;
use crate::root::sealed::KEY as SEAL_KEY;
use crate::root::{Side, Store, observe};
use crate::sys::{clock, fs};

/// What there is to say of a root.
struct Status {
    side: Side,
    /// What others changed since, one line each.
    drift: Vec<String>,
    /// What the profile has that is not applied; `None` when it can't be told.
    pending: Option<usize>,
    /// What others added, and nobody declares; `None` when it can't be told.
    undeclared: Option<Draft>,
    hooks: (usize, usize, Vec<String>),
}

/// Runs `cs status`.
///
/// # Errors
/// When the root or store can't be read.
pub fn run(context: &Context, args: &StatusArgs) -> Result<u8, CliError> {
    let store = context.store()?;
    let root = context.root.show(&context.root.path);
    if let Some(pending) = store.pending()? {
        let words = format!("interrupted while applying generation {}", pending.to);
        context.out.line(if args.short {
            format!("cs: {words}")
        } else {
            format!("{root}   {words}   cs recover")
        });
        context.out.object(&json!({"version": 1, "root": context.root.path, "generation": store.current()?,
            "interrupted": pending.to, "installed": true}));
        return Ok(if args.exit_code { exit::PENDING } else { exit::DONE });
    }
    let current = store.current_side()?;
    let last = current.clone();
    let Some(side) = current.filter(|side| side.manifest.cause != Cause::Uninstall) else {
        context.out.line(if args.short {
            "cs: not installed".to_owned()
        } else {
            let next = match context.which(last.as_ref()) {
                Ok((_, true)) => context.spell("cs plan"),
                Ok(_) => context.spell("cs apply"),
                // There is no profile yet.
                Err(_) => context.spell("cs init DIR · cs plan --profile builtin:default"),
            };
            format!("{root}   nothing applied   {next}")
        });
        context.out.object(
            &json!({"version": 1, "root": context.root.path, "generation": null, "installed": false}),
        );
        return Ok(exit::DONE);
    };
    let status = look(context, &store, side)?;
    let is_off = !status.drift.is_empty() || status.pending.unwrap_or(0) > 0;
    if args.short {
        context.out.line(short(&status));
    } else {
        long(context, &root, &status);
    }
    context.out.object(&status_json(context, &status));
    Ok(if args.exit_code && is_off { exit::PENDING } else { exit::DONE })
}

fn look(context: &Context, store: &Store, side: Side) -> Result<Status, CliError> {
    let wanted = context.wanted_by(Some(&side), Policy::Offline).and_then(|wanted| {
        let planned = context.plan(store, Some(&side), &wanted.state, Cause::Apply, OnConflict::Backup)?;
        Ok((wanted, planned))
    });
    let wanted = wanted.ok();
    let next = wanted.as_ref().map(|(_, planned)| planned.checked.plan());
    let drift = match context.plan(store, Some(&side), &side.manifest.state, Cause::Apply, OnConflict::Backup)
    {
        Ok(planned) => drift(planned.checked.plan(), next),
        Err(CliError::Problems(problems)) => problems.iter().map(problem_line).collect(),
        Err(CliError::Root(
            error @ (crate::root::Error::Document { .. }
            | crate::root::Error::DocumentPlace { .. }
            | crate::root::Error::SharedDocument { .. }),
        )) => {
            vec![error.to_string()]
        }
        Err(error) => return Err(error),
    };
    let pending = wanted.as_ref().map(|(wanted, planned)| {
        let plan = planned.checked.plan();
        let tally = plan.tally();
        let changes = (tally.added + tally.changed + tally.removed).saturating_sub(drift.len());
        // What was captured is declared, and there: what is left to do is remembering it.
        let is_news = !wanted.state.is_same(&side.manifest.state);
        match changes {
            _ if is_nothing(plan, Some(&side), wanted) => 0,
            0 => usize::from(is_news),
            changes => changes,
        }
    });
    let undeclared = wanted
        .as_ref()
        .and_then(|(wanted, planned)| news::since(context, store, &side, &wanted.state, planned, false).ok());
    let hooks = hooks(context, &side);
    Ok(Status { side, drift, pending, undeclared, hooks })
}

/// What of ours changed outside cs, one line each, by a plan back to the current generation. What `next`, the plan
/// to what is declared now, has as it is there was captured, and is none.
pub(super) fn drift(back: &Plan, next: Option<&Plan>) -> Vec<String> {
    let is_path_declared = |step: &&TreeStep| {
        let steps = next.iter().flat_map(|next| &next.steps);
        steps.into_iter().any(|own| own.path == step.path && own.change.sign() == Sign::Adopt)
    };
    let steps = back.steps.iter().filter(|step| !is_path_declared(step));
    let steps = steps.map(|step| format!("{} {}", step.path, drifted(back, step)));
    let entries = back.documents.iter().flat_map(|(id, document)| {
        let own = next.and_then(|next| next.documents.get(id));
        let is_declared = move |change: &EntryChange| {
            let mut news = own.into_iter().flat_map(|own| &own.merged.changes);
            news.any(|own| own.key == change.key && matches!(own.action, Action::Coincide | Action::Adopt))
        };
        let edits = document.merged.changes.iter().filter(|change| change.action.is_edit());
        let edits = edits.filter(move |change| !is_declared(change));
        edits.map(move |change| {
            let how = if change.before.is_none() { "was removed" } else { "changed" };
            format!("{id}  {} {how} outside cs", change.key)
        })
    });
    steps.chain(entries).collect()
}

/// What others did at a path of ours. What was edited in place lies in the generation, and in every other that
/// shares it.
fn drifted(plan: &Plan, step: &TreeStep) -> &'static str {
    let is_link = plan.state.installs.get(&step.path).is_some_and(|own| own.mode == InstallMode::Link);
    match &step.change {
        TreeChange::Create => "was removed outside cs",
        TreeChange::MoveAside(_) | TreeChange::Adopt(_) => "was replaced outside cs",
        TreeChange::Reassert(_) if is_link => {
            "was edited in place, so what cs has stored of it is changed, too"
        }
        TreeChange::Reassert(_) => "was edited outside cs",
        _ => "changed outside cs",
    }
}

fn problem_line(problem: &Problem) -> String {
    CliError::Problems(vec![problem.clone()]).report(None).message
}

/// How many hooks are bundled and how many the user's, and which can't be run.
fn hooks(context: &Context, side: &Side) -> (usize, usize, Vec<String>) {
    let mut broken = Vec::new();
    let (mut bundled, mut own) = (0, 0);
    for (path, install) in &side.manifest.state.installs {
        if install.kind != Kind::Hook {
            continue;
        }
        let is_cs = side.manifest.state.files.get(path).is_some_and(|record| record.is_cs);
        *(if is_cs { &mut bundled } else { &mut own }) += 1;
        let full = context.root.path.join(path.as_str());
        let runs = fs::is_executable(&full) && interpreter_is_there(&full);
        if !runs {
            broken.push(path.to_string());
        }
    }
    (bundled, own, broken)
}

fn interpreter_is_there(script: &std::path::Path) -> bool {
    let bytes = match fs::read(script, limits::SOURCE_BYTES_MAX) {
        Ok(bytes) => bytes,
        // No script is that large.
        Err(error) => return error.kind() == std::io::ErrorKind::FileTooLarge,
    };
    let line = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let Some(line) = std::str::from_utf8(line).ok().and_then(|line| line.strip_prefix("#!")) else {
        return true;
    };
    let program = line.split_whitespace().next().unwrap_or_default();
    fs::is_executable(std::path::Path::new(program))
}

fn short(status: &Status) -> String {
    let mut text = format!("cs {}", status.side.manifest.generation);
    if !status.drift.is_empty() {
        text.push_str(&format!(" !{}", status.drift.len()));
    }
    if let Some(pending @ 1..) = status.pending {
        text.push_str(&format!(" +{pending}"));
    }
    if let Some((number, _)) = status.undeclared.as_ref().and_then(news::told) {
        text.push_str(&format!(" ?{number}"));
    }
    if !status.hooks.2.is_empty() {
        text.push_str(" hooks broken");
    }
    text
}

fn long(context: &Context, root: &str, status: &Status) {
    let manifest = &status.side.manifest;
    let from =
        manifest.profile.as_ref().map(|record| format!(" from {}", show_profile(record, context.home())));
    let when = ago(manifest.made_at, clock::now());
    context.out.line(format!(
        "{root}   generation {}, applied {when}{}",
        manifest.generation,
        from.unwrap_or_default()
    ));
    match status.drift.split_first() {
        None => context.out.line("drift       none"),
        Some((first, rest)) => {
            let what = paint(style::DRIFT, format!("{:<3}", status.drift.len()));
            context.out.line(format!("drift       {what} {first}"));
            rest.iter().for_each(|line| context.out.line(format!("                {line}")));
            context.out.line(paint(
                style::DIM,
                format!(
                    "                {} shows it · {} keeps it · {} puts back what is declared",
                    context.spell("cs plan"),
                    context.spell("cs capture"),
                    context.spell("cs apply")
                ),
            ));
        }
    }
    if let Some((number, named)) = status.undeclared.as_ref().and_then(news::told) {
        let what = paint(style::DRIFT, format!("{number:<3}"));
        let next = paint(style::DIM, context.spell("cs capture"));
        context.out.line(format!("undeclared  {what} {named} changed outside cs   {next}"));
    }
    let plan = context.spell("cs plan");
    match status.pending {
        Some(0) => {}
        Some(pending) => context
            .out
            .line(format!("profile     {} not applied   {plan}", count(pending, "change", "changes"))),
        None => context.out.line(format!("profile     can't be rendered now   {plan} says why")),
    }
    let (bundled, own, broken) = &status.hooks;
    if bundled + own > 0 {
        let state = if broken.is_empty() {
            "all runnable".to_owned()
        } else {
            format!("{} can't be run: {}", broken.len(), broken.join(", "))
        };
        context.out.line(format!("hooks       {bundled} bundled, {own} yours, {state}{}", speed(context)));
    }
}

/// How long the bundled hooks take, where they have run.
fn speed(context: &Context) -> String {
    // Figures that can't be read are `cs stats`' to complain about.
    let rows = stats::rows(&Learning::locate(&context.root.path)).unwrap_or_default();
    if rows.iter().all(|row| row.runs == 0) {
        return String::new();
    }
    let figures: Vec<String> = rows.iter().map(stats::Row::p95).collect();
    let over: Vec<&str> = rows.iter().filter(|row| !row.is_within()).map(|row| row.hook.name()).collect();
    let over = match over.is_empty() {
        true => String::new(),
        false => format!(", {} {}   cs stats", paint(style::ERROR, "over budget:"), over.join(", ")),
    };
    format!("; p95 {} ms{over}", figures.join(" / "))
}

fn status_json(context: &Context, status: &Status) -> Value {
    let manifest = &status.side.manifest;
    let (bundled, own, broken) = &status.hooks;
    json!({"version": 1, "root": context.root.path, "installed": true, "generation": manifest.generation,
           "made_at": manifest.made_at, "cause": manifest.cause, "profile": manifest.profile, "drift": status.drift,
           "pending": status.pending, "undeclared": status.undeclared.as_ref().map(news::listed).unwrap_or_default(), "hooks": {"bundled": bundled, "own": own, "broken": broken}})
}

/// Runs `cs verify`: reads everything, changes nothing.
///
/// # Errors
/// When the root or store can't be read at all.
pub fn verify(context: &Context) -> Result<u8, CliError> {
    let store = context.store()?;
    let Some(side) = store.current_side()? else {
        context.out.line("Nothing was applied here.");
        context.out.object(&json!({"version": 1, "success": true, "checked": 0, "faults": []}));
        return Ok(exit::DONE);
    };
    let mut faults = Vec::new();
    if let Some(pending) = store.pending()? {
        faults.push(format!("an apply of generation {} was interrupted   cs recover", pending.to));
    }
    let mut damaged = Vec::new();
    let mut checked = verify_files(&store, &side, &mut faults, &mut damaged)?;
    checked += verify_hooks(context, &side, &mut faults);
    match context.plan(&store, Some(&side), &side.manifest.state, Cause::Apply, OnConflict::Backup) {
        Ok(planned) => {
            let plan = planned.checked.plan();
            checked += side.ledger.tree.len()
                + side.ledger.documents.values().map(|own| own.rows.len()).sum::<usize>();
            let edited: Vec<_> =
                plan.steps.iter().filter(|step| matches!(step.change, TreeChange::Reassert(_))).collect();
            // Told as what it is, and once.
            damaged.retain(|path| !edited.iter().any(|step| step.path == *path || step.path.contains(path)));
            faults.extend(drift(plan, None));
            if context.out.verbose {
                context.out.note(plan_json(plan, &context.root, false).to_string());
            }
        }
        Err(CliError::Problems(problems)) => faults.extend(problems.iter().map(problem_line)),
        Err(CliError::Root(error)) => faults.push(error.to_string()),
        Err(error) => return Err(error),
    }
    faults.extend(sealed(&side));
    faults.extend(damaged.iter().map(|path| format!("{path} has another content than was stored")));
    checked += verify_documents(&store, &mut faults);
    for fault in &faults {
        context.out.line(format!("  {} {fault}", paint(style::REMOVE, "✗")));
    }
    let generation = side.manifest.generation;
    context.out.line(match faults.len() {
        0 => format!("Generation {generation} is as written: {checked} checked, nothing wrong."),
        n => format!(
            "{} of {checked} checked.   {} keeps what was edited · {} puts back what is declared",
            count(n, "fault", "faults"),
            context.spell("cs capture"),
            context.spell("cs apply")
        ),
    });
    context.out.object(&json!({"version": 1, "success": faults.is_empty(), "generation": generation, "checked": checked, "faults": faults}));
    Ok(if faults.is_empty() { exit::DONE } else { exit::REFUSED })
}

/// Values of the user's that can't be given back, one line each.
fn sealed(side: &Side) -> impl Iterator<Item = String> {
    side.ledger.sealed().map(|(id, key)| {
        format!(
            "{id}  what {key} stands on is sealed, and the key is gone: put {SEAL_KEY} back from a backup"
        )
    })
}

fn verify_files(
    store: &Store,
    side: &Side,
    faults: &mut Vec<String>,
    damaged: &mut Vec<ManagedPath>,
) -> Result<usize, CliError> {
    let folder = store.generation(side.manifest.generation).join("files");
    for (path, record) in &side.manifest.state.files {
        // What cs itself weighs depends on how it was built.
        let bytes_max = if record.is_cs { u64::MAX - 1 } else { limits::SOURCE_BYTES_MAX };
        let bytes = fs::read_if_there(&folder.join(path.as_str()), bytes_max)?;
        match bytes {
            Some(bytes) if Digest::of(&bytes) == record.digest => {}
            Some(_) => damaged.push(path.clone()),
            None => faults.push(format!("{path} is missing from generation {}", side.manifest.generation)),
        }
    }
    Ok(side.manifest.state.files.len())
}

fn verify_hooks(context: &Context, side: &Side, faults: &mut Vec<String>) -> usize {
    let (bundled, own, broken) = hooks(context, side);
    faults.extend(broken.iter().map(|path| format!("{path} can't be run")));
    bundled + own
}

/// Whether the client will load each settings file.
fn verify_documents(store: &Store, faults: &mut Vec<String>) -> usize {
    let settings = || DocumentId::ALL.into_iter().filter(|id| id.is_settings());
    for id in settings() {
        let Ok(document) = observe::observe_document(store, id) else { continue };
        let Some(text) = document.text else { continue };
        match Document::parse(&text) {
            Ok(document) => {
                if let Some(voiding) = claude::voiding(&document.root().to_value()) {
                    faults.push(format!(
                        "{id}: {} is {}, so Claude Code ignores the whole file",
                        voiding.what, voiding.found
                    ));
                }
            }
            Err(fault) if !faults.iter().any(|known| known.starts_with(id.name())) => {
                faults.push(format!("{id} {} (line {})", fault.kind, fault.line));
            }
            Err(_) => {}
        }
    }
    settings().count()
}
