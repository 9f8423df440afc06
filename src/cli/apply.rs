//! `cs apply`: make it so.

use std::path::{Path, PathBuf};

use serde_json::json;

use super::args::{self, ApplyArgs};
use super::engine::{Context, Planned, Wanted, Work, find_revision, policy};
use super::error::{CliError, exit, refused};
use super::output::{count, paint, style};
use super::plan::{Saved, is_nothing, load, print, taken, warn};
use super::secrets::{self, Programs};
use super::show::{self, Detail, plan_json};
use crate::generation::{Cause, retention};
use crate::model::{Secrets, limits, text::shell_path};
use crate::plan::{OnConflict, Plan, TreeChange};
use crate::root::transaction::Applied;
use crate::root::{self, LockedRoot, Side, Store};
use crate::sys::clock::Stopwatch;
use crate::sys::fs;

/// Runs it.
///
/// # Errors
/// When nothing was changed, or when the error says what was.
pub fn run(context: &Context, args: &ApplyArgs) -> Result<u8, CliError> {
    let is_here = context.common.project.as_deref() == Some(Path::new("."));
    let saved = args.plan.as_deref().map(|file| load(file, is_here)).transpose()?;
    let mut context =
        Context { common: context.common.clone(), out: context.out, root: context.root.clone() };
    if let Some(saved) = &saved {
        context.common.profile = Some(saved.profile().to_owned());
    }
    let store = Store::new(context.root.clone());
    let made = missing(&store.folder());
    // Where nothing of cs's is yet, not even a lock, nothing is made before somebody has said yes: whoever doesn't, in
    // whatever way, finds everything as it was. Of a purge that was killed something is there still.
    let is_first = !made.is_empty() && fs::lstat(&store.gone())?.is_none();
    let looked = match is_first {
        true => Some(agree(&context, args, saved.as_ref(), &context.store()?)?),
        false => None,
    };
    if let Some(Looked::Declined) = looked {
        return Ok(declined(&context));
    }
    let locked = context.lock(args.durability.durability)?;
    let result = with_lock(&context, args, saved.as_ref(), &locked, looked);
    if !made.is_empty() && !matches!(result, Ok(exit::DONE)) {
        // Nothing was applied: what locking has made for it goes. What is in use by then stays.
        let _ = root::purge::withdraw(locked);
        made.iter().for_each(|folder| drop(fs::remove_folder(folder)));
    }
    result
}

fn with_lock(
    context: &Context,
    args: &ApplyArgs,
    saved: Option<&Saved>,
    locked: &LockedRoot,
    looked: Option<Looked>,
) -> Result<u8, CliError> {
    let looked = match looked {
        Some(Looked::Agreed(agreed)) if !is_still_so(context, locked, &agreed)? => {
            context.out.note("What is there has changed since this was shown. Now it comes to:");
            agree(context, args, saved, &locked.store)?
        }
        Some(looked) => looked,
        None => agree(context, args, saved, &locked.store)?,
    };
    match looked {
        Looked::Agreed(agreed) => carry_out(context, args, locked, *agreed),
        Looked::UpToDate(agreed) => {
            let code =
                up_to_date(context, agreed.base.as_ref(), &agreed.wanted, agreed.planned.checked.plan());
            super::gitignore::offer(context, locked, args, false)?;
            Ok(code)
        }
        Looked::Declined => Ok(declined(context)),
    }
}

fn declined(context: &Context) -> u8 {
    context.out.line("Nothing was changed.");
    exit::REFUSED
}

/// A plan that somebody said yes to.
struct Agreed {
    base: Option<Side>,
    wanted: Wanted,
    secrets: Secrets,
    planned: Planned,
    on_conflict: OnConflict,
    /// How long that took, less what a person took to say yes.
    planned_in_ms: u128,
}

/// What looking came to.
enum Looked {
    Agreed(Box<Agreed>),
    UpToDate(Box<Agreed>),
    Declined,
}

/// Whether what somebody said yes to is still what would be done: nothing was locked while they were asked.
fn is_still_so(context: &Context, locked: &LockedRoot, agreed: &Agreed) -> Result<bool, CliError> {
    if context.base(&locked.store)?.is_some() {
        return Ok(false);
    }
    match plan_of(context, &locked.store, None, agreed) {
        Ok(now) => Ok(now.checked == agreed.planned.checked),
        // Said when it is shown anew.
        Err(CliError::Taken { .. }) => Ok(false),
        Err(error) => Err(error),
    }
}

fn plan_of(
    context: &Context,
    store: &Store,
    base: Option<&Side>,
    agreed: &Agreed,
) -> Result<Planned, CliError> {
    let (state, secrets) = (&agreed.wanted.state, &agreed.secrets);
    context.survey(store, base, state, Cause::Apply, agreed.on_conflict, secrets)
}

/// The folder and those above it that are not there, the deepest first.
fn missing(folder: &Path) -> Vec<PathBuf> {
    let is_missing = |path: &&Path| fs::lstat(path).is_ok_and(|stat| stat.is_none());
    folder.ancestors().take_while(is_missing).map(Path::to_owned).collect()
}

/// Looks, shows what would be done, and asks. Nothing is written.
fn agree(
    context: &Context,
    args: &ApplyArgs,
    saved: Option<&Saved>,
    store: &Store,
) -> Result<Looked, CliError> {
    let watch = Stopwatch::start();
    let base = context.base(store)?;
    let mut wanted = context.wanted(base.as_ref())?;
    warn(context, &wanted);
    let secrets = wanted.look_up(context, base.as_ref(), Programs::Known)?;
    let detail = Detail { explain: false, show_secrets: args.show_secrets, verbose: context.out.verbose };
    let on_conflict = policy(saved.map_or(args.conflict.on_conflict, Saved::on_conflict));
    let planned = context
        .survey(store, base.as_ref(), &wanted.state, Cause::Apply, on_conflict, &secrets)
        .or_else(|error| taken(context, store, base.as_ref(), &wanted, error, detail))?;
    if let Some(saved) = saved {
        saved.check_fresh(context, &wanted, &planned, &secrets)?;
    }
    let plan = planned.checked.plan();
    // What nobody has said yes to is asked about and pinned, also where it changes nothing.
    let is_pinned = super::remote::unseen(&wanted).is_empty();
    let is_nothing = is_nothing(plan, base.as_ref(), &wanted) && is_pinned;
    if !is_nothing {
        print(context, store, base.as_ref(), &wanted, plan, detail);
    }
    let planned_in_ms = watch.ms();
    let is_agreed = is_nothing
        || super::remote::consent(context, base.as_ref(), &wanted, &args.trust, &typed(context, args))?
            && consent(context, args, base.as_ref(), &wanted, plan)?;
    let agreed = Box::new(Agreed { base, wanted, secrets, planned, on_conflict, planned_in_ms });
    Ok(match (is_nothing, is_agreed) {
        (true, _) => Looked::UpToDate(agreed),
        (false, true) => Looked::Agreed(agreed),
        (false, false) => Looked::Declined,
    })
}

/// Does what was agreed to.
fn carry_out(
    context: &Context,
    args: &ApplyArgs,
    locked: &LockedRoot,
    mut agreed: Agreed,
) -> Result<u8, CliError> {
    super::remote::pin(context, &agreed.wanted)?;
    let watch = Stopwatch::start();
    if secrets::is_open(&agreed.wanted.state) {
        // Agreed to, and so are the programs in it that print secrets.
        agreed.secrets = agreed.wanted.look_up(context, agreed.base.as_ref(), Programs::All)?;
        agreed.planned = plan_of(context, &locked.store, agreed.base.as_ref(), &agreed)?;
    }
    let Agreed { base, wanted, planned, planned_in_ms, .. } = agreed;
    let mut profile = wanted.record.clone();
    find_revision(&wanted.which, &mut profile);
    let work = Work {
        planned: &planned,
        contents: &wanted.contents,
        from: None,
        profile: Some(profile),
        facts: wanted.facts.clone(),
    };
    let mut applied = context.carry_out(locked, base.as_ref(), &work)?;
    let is_first = base.as_ref().is_none_or(|side| side.manifest.cause == Cause::Uninstall);
    let remembered = match is_first {
        true => super::news::remember(context, locked, &planned.observed),
        false => super::news::applied(context, locked, &planned.observed),
    };
    if let Err(error) = remembered {
        let warning = error.report(context.home()).message;
        applied.warnings.push(format!("what was there before cs could not be noted: {warning}"));
    }
    prune(locked, &mut applied);
    applied.warnings.extend(super::learning::keep_up(context, &wanted.state));
    done(context, &planned, base.as_ref(), &applied, planned_in_ms + watch.ms());
    super::gitignore::offer(context, locked, args, is_first)?;
    // The process ends here: taking thousands of paths apart gives nobody anything.
    std::mem::forget((planned, wanted, base));
    Ok(exit::DONE)
}

fn up_to_date(context: &Context, base: Option<&Side>, wanted: &Wanted, plan: &Plan) -> u8 {
    let generation = base.map(|side| side.manifest.generation);
    let warning = super::learning::keep_up(context, &wanted.state);
    if let Some(warning) = &warning {
        context.out.note(format!("warning: {warning}"));
    }
    let at = generation.map(|generation| format!(": generation {generation}")).unwrap_or_default();
    context.out.line(format!("Up to date{at}."));
    context.out.lines(&show::skipped(plan, Detail::default()));
    let skipped = plan_json(plan, &context.root, false)["skipped"].take();
    context.out.object(&json!({"version": 1, "success": true, "message": "up to date", "generation": generation,
        "new_generation": false, "actions": [], "skipped": skipped, "backups": [], "warnings": warning.as_slice(), "errors": [], "rolled_back": false}));
    exit::DONE
}

/// The command as it was typed, for who has to type it again: but for `--yes`, which is to be said, and `--trust`.
fn typed(context: &Context, args: &ApplyArgs) -> String {
    let mut command = "cs apply".to_owned();
    if let Some(plan) = &args.plan {
        command.push_str(&format!(" {}", shell_path(plan, context.home())));
    }
    command + conflict_flag(args) + if args.gitignore { " --gitignore" } else { "" }
}

/// What was said to do about paths that are taken.
fn conflict_flag(args: &ApplyArgs) -> &'static str {
    match args.conflict.on_conflict {
        args::OnConflict::Refuse => "",
        args::OnConflict::Backup => " --on-conflict backup",
        args::OnConflict::Adopt => " --on-conflict adopt",
        args::OnConflict::Skip => " --on-conflict skip",
    }
}

/// A profile that nobody named may come with a cloned repository: it is confirmed by a person, whatever
/// the flags say.
fn consent(
    context: &Context,
    args: &ApplyArgs,
    base: Option<&Side>,
    wanted: &Wanted,
    plan: &Plan,
) -> Result<bool, CliError> {
    if wanted.found {
        let name = context.root.show(Path::new(&wanted.record.reference));
        context.out.line(format!("This profile was found, not named: {name}"));
        let word = shell_path(Path::new(&wanted.record.reference), context.home());
        let hint = format!("Name it, if you mean it: cs apply --profile {word}");
        return context.out.ask("Apply it?").ok_or_else(|| {
            refused("a profile that was only found is not applied without a person's yes", hint)
        });
    }
    if context.common.yes || args.plan.is_some() {
        return Ok(true);
    }
    context.out.line(format!("{}.", show::summary(plan)));
    if is_only_named(base, plan) {
        context.out.line("From now on cs plan and cs apply go by it.");
        return Ok(true);
    }
    context.out.ask("Apply?").ok_or_else(|| {
        // The yes to others' hooks was said with this command, and is lost with it.
        let is_theirs = |own: &&String| wanted.remotes.iter().any(|used| used.commit == **own);
        let trust: Vec<&str> =
            args.trust.iter().filter(is_theirs).flat_map(|own| [" --trust ", own.as_str()]).collect();
        let trust = trust.concat();
        refused(
            "this wants a yes, and there is no terminal to ask on",
            format!(
                "Nothing was changed. Look at it with {}, then: {} --yes{trust}",
                context.spell(&format!("cs plan{}", conflict_flag(args))),
                context.spell(&typed(context, args)),
            ),
        )
    })
}

/// Nothing would be done but to remember which profile was named: not even the bundled hooks would go by something
/// else.
fn is_only_named(base: Option<&Side>, plan: &Plan) -> bool {
    let is_bare = plan.state.installs.is_empty() && plan.state.documents.values().all(Vec::is_empty);
    let says_more = plan.state.runtime.as_object().is_some_and(|own| own.keys().any(|key| key != "format"));
    match base {
        Some(_) => plan.is_empty(),
        None => is_bare && !says_more && plan.steps.is_empty() && plan.skipped.is_empty(),
    }
}

fn prune(locked: &LockedRoot, applied: &mut Applied) {
    let policy = retention::Policy { keep: Some(limits::GENERATIONS_KEPT), older_than_s: None };
    let numbers = locked.store.numbers().unwrap_or_default();
    if numbers.len() <= limits::GENERATIONS_KEPT {
        return;
    }
    if let Err(error) = super::generations::prune_by(locked, policy) {
        let warning = error.report(None).message;
        applied.warnings.push(format!("old generations could not be removed: {warning}"));
    }
}

/// Tells what was done, by the plan that was carried out. `ms` is the time it took, without
/// the time a person took to say yes.
pub fn done(context: &Context, planned: &Planned, base: Option<&Side>, applied: &Applied, ms: u128) {
    let plan = planned.checked.plan();
    let from = base.map(|side| format!(" (from {})", side.manifest.generation)).unwrap_or_default();
    let edits = plan.documents.values().flat_map(|document| &document.merged.changes);
    let entries = edits.filter(|change| change.action.is_edit()).count();
    let paths = plan.steps.iter().filter(|step| step.change.sign() != crate::plan::Sign::Leave).count();
    let mut parts = Vec::new();
    if entries > 0 {
        parts.push(count(entries, "entry", "entries"));
    }
    if paths > 0 {
        parts.push(count(paths, "path", "paths"));
    }
    if !plan.runtime.is_empty() {
        let [one, many] = show::RUNTIME;
        parts.push(count(plan.runtime.len(), one, many));
    }
    parts.push(format!("{ms} ms"));
    for warning in &applied.warnings {
        context.out.warn(warning);
    }
    let back = match base {
        Some(_) => format!("Back: {}", context.spell("cs rollback")),
        None => format!("Undo: {}", context.spell("cs uninstall")),
    };
    context.out.line(format!(
        "{} is current{from}.  {}.   {}",
        paint(style::BOLD, format!("Generation {}", applied.generation)),
        parts.join(", "),
        paint(style::DIM, back)
    ));
    if context.out.json {
        context.out.object(&done_json(context, plan, applied));
    }
}

fn done_json(context: &Context, plan: &Plan, applied: &Applied) -> serde_json::Value {
    let backups: Vec<String> = plan.steps.iter().filter_map(|step| backup(&step.change)).collect();
    let plan_value = plan_json(plan, &context.root, false);
    let warnings: Vec<&String> = plan.warnings.iter().chain(&applied.warnings).collect();
    json!({"version": 1, "success": true, "message": format!("generation {} is current", applied.generation),
        "generation": applied.generation, "new_generation": true, "from": plan.from,
        "actions": {"paths": plan_value["paths"], "entries": plan_value["entries"]},
        "summary": plan_value["summary"], "skipped": plan_value["skipped"], "backups": backups, "warnings": warnings, "errors": [], "rolled_back": false})
}

fn backup(change: &TreeChange) -> Option<String> {
    match change {
        TreeChange::MoveAside(name) | TreeChange::Adopt(name) | TreeChange::Reassert(name) => {
            Some(format!("claude-sync/displaced/{name}"))
        }
        _ => None,
    }
}

/// Removes a generation's folder.
///
/// # Errors
/// When it can't.
pub fn remove_generation(locked: &LockedRoot, number: crate::model::Generation) -> Result<(), CliError> {
    // Named away first: a kill halfway leaves no generation that lacks a part.
    let folder = locked.store.generation(number);
    let going = locked.store.generations().join(format!(".gone-{number}"));
    fs::remove_all(&going)?;
    fs::rename(&folder, &going)?;
    Ok(fs::remove_all(&going)?)
}
