//! `cs status` and `cs verify`.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::args::StatusArgs;
use super::capture;
use super::engine::{Context, Planned, Wanted, show_profile};
use super::error::{CliError, exit};
use super::news;
use super::output::{ago, count, paint, style};
use super::plan::is_nothing;
use super::show::plan_json;
use super::stats;
use crate::document::{Action, Document, EntryChange, claude};
use crate::generation::Cause;
use crate::knowledge::Learning;
use crate::model::{Declared, Digest, DocumentId, InstallMode, Key, Kind, ManagedPath, Want, limits};
use crate::plan::{OnConflict, Plan, Problem, Sign, TreeChange, TreeStep, runs};
use crate::profile::ProfileRef;
use crate::remote::Policy;
use crate::root::sealed::KEY as SEAL_KEY;
use crate::root::{Side, Store, observe};
use crate::sys::{clock, fs};

/// What there is to say of a root.
struct Status {
    side: Side,
    outside: Outside,
    /// What the profile has that is not applied; `None` when it can't be told.
    pending: Option<usize>,
    /// Nothing of that is a change: what is there already is to be remembered as declared.
    is_remembering: bool,
    /// What others added, and nobody declares; `None` when it can't be told.
    undeclared: Option<news::News>,
    /// Defaults that are something else by now.
    defaults: Vec<String>,
    /// The profile is one that `cs capture` can write to.
    is_writable: bool,
    hooks: Hooks,
}

/// What of ours others changed since the last apply.
#[derive(Default)]
pub(super) struct Outside {
    pub drift: Vec<Drift>,
    /// How much of it the profile declares by now as it is there: it was captured, and is no drift any more.
    pub captured: usize,
    /// It can be written back into the profile at all.
    is_keepable: bool,
    /// It could not be looked at.
    is_unclear: bool,
    put_back: PutBack,
}

/// What puts back what is declared, where something of it is no longer as written.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum PutBack {
    /// Nothing, before something else is mended: a document can't be read, or the profile can't.
    #[default]
    Unclear,
    Apply,
    /// Something of others' stands where ours was.
    Backup,
}

/// One thing of ours that is no longer as written.
pub(super) struct Drift {
    /// Its name, as `cs capture` has it.
    what: String,
    /// What became of it, in words.
    pub told: String,
    /// Why `cs capture` does not keep it, where it does not.
    left: Option<String>,
}

impl Outside {
    /// What stands in the way of looking: nothing is captured then.
    fn unclear(told: impl IntoIterator<Item = String>) -> Self {
        let drift = told.into_iter().map(|told| Drift { what: String::new(), told, left: None });
        Self { drift: drift.collect(), is_unclear: true, ..Self::default() }
    }

    fn told(&self) -> Vec<&str> {
        self.drift.iter().map(|own| own.told.as_str()).collect()
    }

    /// What to do next, where nothing of it is to be kept.
    pub fn put_back(&self, context: &Context) -> String {
        match self.put_back {
            PutBack::Unclear => format!("{} says what to do first", context.spell("cs plan")),
            PutBack::Apply => format!("{} puts back what is declared", context.spell("cs apply")),
            PutBack::Backup => {
                format!("{} puts back what is declared", context.spell("cs apply --on-conflict backup"))
            }
        }
    }

    /// What `cs capture` would do about it; nothing where it would do nothing.
    fn capture(&self, context: &Context) -> Option<String> {
        let left = self.drift.iter().filter(|own| own.left.is_some()).count();
        let capture = context.spell("cs capture");
        match left {
            _ if !self.is_keepable || self.drift.is_empty() => None,
            0 => Some(format!("{capture} keeps it")),
            left if left < self.drift.len() => Some(format!("{capture} keeps the rest")),
            _ => None,
        }
    }
}

/// The hooks of a generation.
struct Hooks {
    /// Installed files: those that ship with cs, and the user's.
    bundled: usize,
    own: usize,
    /// Those that are a command and no file.
    commands: usize,
    /// Files that can't be run.
    broken: Vec<String>,
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
    let is_off = !status.outside.drift.is_empty() || status.pending.unwrap_or(0) > 0;
    if args.short {
        context.out.line(short(&status));
    } else {
        long(context, &root, &status);
        if let Some(hint) = context.unused_here(&status.side)? {
            context.out.line(hint);
        }
    }
    context.out.object(&status_json(context, &status));
    Ok(if args.exit_code && is_off { exit::PENDING } else { exit::DONE })
}

/// What is declared now, and the plan to it; `None` where it can't be had.
fn declared(context: &Context, store: &Store, side: &Side) -> Option<(Wanted, Planned)> {
    let wanted = context.wanted_by(Some(side), Policy::Offline).ok()?;
    let planned = context.plan(store, Some(side), &wanted.state, Cause::Apply, OnConflict::Backup).ok()?;
    Some((wanted, planned))
}

fn look(context: &Context, store: &Store, side: Side) -> Result<Status, CliError> {
    let declared = declared(context, store, &side);
    let mut outside = match outside_of(context, store, &side, declared.as_ref()) {
        Ok((_, outside)) => outside,
        Err(CliError::Problems(problems)) => Outside::unclear(problems.iter().map(problem_line)),
        Err(CliError::Root(
            error @ (crate::root::Error::Document { .. }
            | crate::root::Error::DocumentPlace { .. }
            | crate::root::Error::SharedDocument { .. }),
        )) => Outside::unclear([CliError::Root(error).report(context.home()).message]),
        Err(error) => return Err(error),
    };
    let mut is_remembering = false;
    let pending = declared.as_ref().map(|(wanted, planned)| {
        let plan = planned.checked.plan();
        let tally = plan.tally();
        let changes = (tally.added + tally.changed + tally.removed).saturating_sub(outside.drift.len());
        // What was captured is declared, and there: what is left to do is remembering it.
        let is_news = !wanted.state.is_same(&side.manifest.state);
        match changes {
            _ if is_nothing(plan, Some(&side), wanted) => 0,
            0 => {
                is_remembering = is_news;
                outside.captured += usize::from(is_news) * taken_over(plan, &side);
                usize::from(is_news)
            }
            changes => changes,
        }
    });
    let undeclared = declared
        .as_ref()
        .and_then(|(wanted, planned)| news::since(context, store, &side, &wanted.state, planned, false).ok());
    let defaults = declared
        .as_ref()
        .and_then(|(wanted, planned)| {
            let changed = news::defaults(context, store, &side, &wanted.state, planned, false).ok()?;
            Some(changed.iter().map(|own| own.declared.key.to_string()).collect())
        })
        .unwrap_or_default();
    let hooks = hooks(context, &side);
    let is_writable = declared.is_some_and(|(wanted, _)| matches!(wanted.which, ProfileRef::File(_)));
    Ok(Status { side, outside, pending, is_remembering, undeclared, defaults, is_writable, hooks })
}

/// How much is declared since, and as it is there.
fn taken_over(next: &Plan, side: &Side) -> usize {
    let state = &side.manifest.state;
    let is_new_path =
        |step: &&TreeStep| step.change.sign() == Sign::Adopt && !state.installs.contains_key(&step.path);
    let is_new = |id: &DocumentId, change: &EntryChange| {
        let mut known = state.documents.get(id).into_iter().flatten();
        matches!(change.action, Action::Coincide | Action::Adopt) && known.all(|own| own.key != change.key)
    };
    let entries = next
        .documents
        .iter()
        .map(|(id, document)| document.merged.changes.iter().filter(|change| is_new(id, change)).count());
    next.steps.iter().filter(is_new_path).count() + entries.sum::<usize>()
}

/// What of ours changed outside cs.
///
/// # Errors
/// When there is no plan back to the current generation.
pub(super) fn outside(context: &Context, store: &Store, side: &Side) -> Result<Outside, CliError> {
    let declared = declared(context, store, side);
    outside_of(context, store, side, declared.as_ref()).map(|(_, outside)| outside)
}

/// The same, with the plan back to the current generation that tells it.
fn outside_of(
    context: &Context,
    store: &Store,
    side: &Side,
    declared: Option<&(Wanted, Planned)>,
) -> Result<(Planned, Outside), CliError> {
    let back = context.plan(store, Some(side), &side.manifest.state, Cause::Apply, OnConflict::Backup)?;
    let next = declared.map(|(_, planned)| planned.checked.plan());
    let mut outside = drift(back.checked.plan(), next);
    if let Some((wanted, planned)) = declared {
        outside.put_back = put_back(context, store, side, (wanted, planned));
        outside.is_keepable = matches!(wanted.which, ProfileRef::File(_));
        // What can't be read now is told by who reads it.
        let left = capture::left(context, store, side, (wanted, planned)).unwrap_or_default();
        outside.drift.iter_mut().for_each(|own| own.left = left.get(&own.what).cloned());
    }
    Ok((back, outside))
}

/// What is to be typed for what is declared now to be there: a `cs apply` moves nothing aside unless it is told to.
fn put_back(context: &Context, store: &Store, side: &Side, declared: (&Wanted, &Planned)) -> PutBack {
    let (wanted, planned) = declared;
    let is_taken = |step: &TreeStep| matches!(step.change, TreeChange::MoveAside(_));
    let refuses = || {
        let plan = context.plan(store, Some(side), &wanted.state, Cause::Apply, OnConflict::Refuse);
        matches!(plan, Err(CliError::Problems(_)))
    };
    match planned.checked.plan().steps.iter().any(is_taken) && refuses() {
        true => PutBack::Backup,
        false => PutBack::Apply,
    }
}

/// What of ours changed outside cs, by a plan back to the current generation. What `next`, the plan to what is
/// declared now, leaves as it is there was captured.
fn drift(back: &Plan, next: Option<&Plan>) -> Outside {
    let is_path_declared = |step: &TreeStep| {
        next.is_some_and(|next| match next.state.installs.contains_key(&step.path) {
            true => next.steps.iter().any(|own| own.path == step.path && own.change.sign() == Sign::Adopt),
            false => step.change == TreeChange::Create,
        })
    };
    let mut drift = Vec::new();
    let mut captured = 0;
    for step in &back.steps {
        if is_path_declared(step) {
            captured += 1;
            continue;
        }
        let told = format!("{} {}", step.path, drifted(back, step));
        drift.push(Drift { what: step.path.to_string(), told, left: None });
    }
    for (id, document) in &back.documents {
        let is_declared = |change: &EntryChange| {
            let Some(next) = next else { return false };
            let mut declared = next.state.documents.get(id).into_iter().flatten();
            if declared.all(|own| own.key != change.key) {
                // Taken away, and not asked for any more; or there, and not to be absent any more. What goes though
                // nobody declares it, a hook of ours that is gone, is no such thing.
                return change.action == Action::Reassert
                    && (change.before.is_none() || change.after.is_none());
            }
            // Nothing is to be done about it, or nothing but remembering.
            let mut news = next.documents.get(id).into_iter().flat_map(|own| &own.merged.changes);
            news.all(|own| own.key != change.key || !own.action.is_edit())
        };
        for change in document.merged.changes.iter().filter(|change| change.action.is_edit()) {
            if is_declared(change) {
                captured += 1;
                continue;
            }
            let how = if change.before.is_none() { "was removed" } else { "changed" };
            let told = format!("{id}  {} {how} outside cs", change.key);
            drift.push(Drift { what: change.key.to_string(), told, left: None });
        }
    }
    Outside { drift, captured, ..Outside::default() }
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

fn hooks(context: &Context, side: &Side) -> Hooks {
    let state = &side.manifest.state;
    let mut hooks = Hooks { bundled: 0, own: 0, commands: 0, broken: Vec::new() };
    let files: Vec<&ManagedPath> =
        state.installs.iter().filter(|(_, own)| own.kind == Kind::Hook).map(|(path, _)| path).collect();
    for path in &files {
        let is_cs = state.files.get(path).is_some_and(|record| record.is_cs);
        *(if is_cs { &mut hooks.bundled } else { &mut hooks.own }) += 1;
        let full = context.root.path.join(path.as_str());
        let runs = fs::is_executable(&full) && interpreter_is_there(&full);
        if !runs {
            hooks.broken.push(path.to_string());
        }
    }
    // One hook of the profile's may be several entries, for several events.
    let home = context.root.home_text();
    let is_of_file = |own: &Declared, path: &ManagedPath| {
        let is_named_so = |name: &String| path.as_str() == format!("hooks/{name}");
        own.origin.hook.as_ref().is_some_and(is_named_so)
            || runs(own, &format!("{}/{path}", context.root.text()), home.as_deref())
    };
    let entries = state.documents.values().flatten();
    let commands: BTreeSet<String> = entries
        .filter(|own| {
            matches!(own.want, Want::Enforced(_)) && !files.iter().any(|path| is_of_file(own, path))
        })
        .filter_map(|own| match &own.key {
            Key::Hook(id) => Some(own.origin.hook.clone().unwrap_or_else(|| id.command.clone())),
            _ => None,
        })
        .collect();
    hooks.commands = commands.len();
    hooks
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
    if !status.outside.drift.is_empty() {
        text.push_str(&format!(" !{}", status.outside.drift.len()));
    }
    if let Some(pending @ 1..) = status.pending {
        text.push_str(&format!(" +{pending}"));
    }
    let undeclared = status.undeclared.as_ref().and_then(news::told).map_or(0, |(number, _)| number);
    if undeclared + status.defaults.len() > 0 {
        text.push_str(&format!(" ?{}", undeclared + status.defaults.len()));
    }
    if !status.hooks.broken.is_empty() {
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
    told_drift(context, &status.outside);
    let next = match status.is_writable {
        true => format!("   {}", paint(style::DIM, context.spell("cs capture"))),
        // What ships with cs, or comes from elsewhere, is not written to.
        false => String::new(),
    };
    if let Some((number, named)) = status.undeclared.as_ref().and_then(news::told) {
        let what = paint(style::DRIFT, format!("{number:<3}"));
        let became = status.undeclared.as_ref().map_or("changed", news::became);
        context.out.line(format!("undeclared  {what} {named} {became} outside cs{next}"));
    }
    if !status.defaults.is_empty() {
        let what = paint(style::DRIFT, format!("{:<3}", status.defaults.len()));
        let named = news::some(&status.defaults);
        context.out.line(format!("defaults    {what} {named} changed outside cs{next}"));
    }
    let captured = status.outside.captured;
    if captured > 0 {
        let [they, them] = if captured == 1 { ["change is", "it"] } else { ["changes are", "them"] };
        let apply =
            paint(style::DIM, format!("{} makes {them} part of a generation", context.spell("cs apply")));
        context.out.line(format!("declared    {captured:<3} {they} declared by now   {apply}"));
    }
    let plan = context.spell("cs plan");
    match status.pending {
        Some(0) => {}
        Some(_) if status.is_remembering && captured > 0 => {}
        Some(pending) => context
            .out
            .line(format!("profile     {} not applied   {plan}", count(pending, "change", "changes"))),
        // A document is at fault, and not the profile: that was said.
        None if status.outside.is_unclear => {}
        None => context.out.line(format!("profile     can't be rendered now   {plan} says why")),
    }
    let Hooks { bundled, own, commands, broken } = &status.hooks;
    let mut parts = Vec::new();
    if bundled + own > 0 {
        let state = if broken.is_empty() {
            "all runnable".to_owned()
        } else {
            format!("{} can't be run: {}", broken.len(), broken.join(", "))
        };
        parts.push(format!("{bundled} bundled, {own} yours, {state}"));
    }
    if *commands > 0 {
        parts.push(format!("{commands} by command"));
    }
    if !parts.is_empty() {
        context.out.line(format!("hooks       {}{}", parts.join("; "), speed(context)));
    }
}

fn told_drift(context: &Context, outside: &Outside) {
    let number = outside.drift.len();
    if number == 0 {
        return context.out.line("drift       none");
    }
    for (index, own) in outside.drift.iter().enumerate() {
        let what = if index == 0 { paint(style::DRIFT, format!("{number:<3}")) } else { " ".repeat(3) };
        let label = if index == 0 { "drift" } else { "" };
        context.out.line(format!("{label:12}{what} {}", own.told));
        if let Some(why) = &own.left {
            context
                .out
                .line(format!("                {}", paint(style::DIM, format!("not captured: {why}"))));
        }
    }
    let mut next = Vec::new();
    if outside.put_back != PutBack::Unclear {
        next.push(format!("{} shows it", context.spell("cs plan")));
    }
    next.extend(outside.capture(context));
    next.push(outside.put_back(context));
    context.out.line(paint(style::DIM, format!("                {}", next.join(" · "))));
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
    let Hooks { bundled, own, commands, broken } = &status.hooks;
    json!({"version": 1, "root": context.root.path, "installed": true, "generation": manifest.generation,
           "made_at": manifest.made_at, "cause": manifest.cause, "profile": manifest.profile, "drift": status.outside.told(),
           "captured": status.outside.captured, "defaults": status.defaults, "pending": status.pending, "undeclared": status.undeclared.as_ref().map(news::listed).unwrap_or_default(), "hooks": {"bundled": bundled, "own": own, "commands": commands, "broken": broken}})
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
    let declared = declared(context, &store, &side);
    let mut found = Outside::default();
    match outside_of(context, &store, &side, declared.as_ref()) {
        Ok((planned, outside)) => {
            let plan = planned.checked.plan();
            checked += side.ledger.tree.len()
                + side.ledger.documents.values().map(|own| own.rows.len()).sum::<usize>();
            let edited: Vec<_> =
                plan.steps.iter().filter(|step| matches!(step.change, TreeChange::Reassert(_))).collect();
            // Told as what it is, and once.
            damaged.retain(|path| !edited.iter().any(|step| step.path == *path || step.path.contains(path)));
            faults.extend(outside.told().into_iter().map(str::to_owned));
            found = outside;
            if context.out.verbose {
                context.out.note(plan_json(plan, &context.root, false).to_string());
            }
        }
        Err(CliError::Problems(problems)) => faults.extend(problems.iter().map(problem_line)),
        Err(error @ CliError::Root(_)) => faults.push(error.report(context.home()).message),
        Err(error) => return Err(error),
    }
    faults.extend(damaged.iter().map(|path| format!("{path} has another content than was stored")));
    let mut next: Vec<String> = found.capture(context).into_iter().collect();
    if !faults.is_empty() {
        next.push(found.put_back(context));
    }
    faults.extend(sealed(&side));
    let known = faults.len();
    checked += verify_documents(&store, &mut faults);
    if faults.len() > known {
        next.push(format!("{} says where, and what to do", context.spell("cs doctor")));
    }
    for fault in &faults {
        context.out.line(format!("  {} {fault}", paint(style::REMOVE, "✗")));
    }
    let generation = side.manifest.generation;
    if found.captured > 0 {
        let captured = count(found.captured, "change is declared by now", "changes are declared by now");
        let apply = context.spell("cs apply");
        context.out.line(format!(
            "  {} {captured}: {apply} makes that part of a generation",
            paint(style::DIM, "=")
        ));
    }
    context.out.line(match faults.len() {
        0 if found.captured > 0 => {
            format!("Nothing else is other than generation {generation} wrote it: {checked} checked.")
        }
        0 => format!("Generation {generation} is as written: {checked} checked, nothing wrong."),
        n if next.is_empty() => format!("{} of {checked} checked.", count(n, "fault", "faults")),
        n => format!("{} of {checked} checked.   {}", count(n, "fault", "faults"), next.join(" · ")),
    });
    context.out.object(&json!({"version": 1, "success": faults.is_empty(), "generation": generation, "checked": checked, "faults": faults, "captured": found.captured}));
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
    let Hooks { bundled, own, commands: _, broken } = hooks(context, side);
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
