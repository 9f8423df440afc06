//! `cs uninstall`: let go of everything.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::json;

use super::args::UninstallArgs;
use super::engine::{Context, Work};
use super::error::{CliError, exit, refused};
use super::output::{paint, style};
use super::show::{self, Detail, plan_json};
use crate::document::Action;
use crate::generation::{Cause, State};
use crate::plan::{Observation, OnConflict, Plan, TreeChange, TreeStep};
use crate::remote;
use crate::root::locate::Scope;
use crate::root::{self, LockedRoot, Side, Store};
use crate::sys::{fs, process};

/// Runs it.
///
/// # Errors
/// When it fails; nothing has changed then.
pub fn run(context: &Context, args: &UninstallArgs) -> Result<u8, CliError> {
    let store = context.store()?;
    if fs::lstat(&store.folder())?.is_none() {
        let finished = args.purge && !args.dry_run && root::purge::finish(&store)?;
        context.out.line(if finished { "Everything of cs's is gone." } else { "Nothing of cs's is there." });
        context.out.object(&json!({"version": 1, "success": true, "message": "nothing to uninstall"}));
        return Ok(exit::DONE);
    }
    if args.dry_run {
        return dry_run(context, &store, args.purge);
    }
    let locked = context.lock(args.durability.durability)?;
    let base = locked.store.current_side()?;
    let is_installed = base.as_ref().is_some_and(owns_something);
    super::gitignore::check(&locked.store)?;
    if is_installed || args.purge {
        ask(context, base.as_ref().filter(|_| is_installed), &locked.store, args.purge)?;
    } else {
        context.out.line(context.spell(
            "Nothing is installed; the generations are still there.   cs uninstall --purge removes them",
        ));
    }
    let gone = match base.as_ref().filter(|_| is_installed) {
        Some(base) => let_go(context, &locked, base)?,
        None => LetGo::default(),
    };
    super::gitignore::undo(&locked.store)?;
    let folders = base.map(|side| side.ledger.folders).unwrap_or_default();
    if args.purge {
        purge(context, locked, &folders)?;
    } else if is_installed {
        let apply = if gone.is_taken { "cs apply --on-conflict backup" } else { "cs apply" };
        let hint = context
            .spell(&format!("{apply} brings it back · cs uninstall --purge removes the generations too"));
        let hint = paint(style::DIM, hint);
        context.out.line(match gone.stays.as_slice() {
            [] => format!("Everything is as it was without cs.   {hint}"),
            stays => {
                let (which, are) = (stays.join(", "), if stays.len() == 1 { "stays" } else { "stay" });
                format!("{which} {are} as others made it; everything else is as it was without cs.   {hint}")
            }
        });
        if fs::lstat(&context.root.path.join("learning"))?.is_some() {
            context.out.line("What was learned stays in learning/; --purge removes it, too.");
        }
    }
    if is_installed
        && !context.out.json
        && !context.out.quiet
        && context.home().is_some_and(process::client_runs)
    {
        context.out.line("A running Claude Code stops calling the hooks within about a second.");
    }
    context.out.object(&json!({"version": 1, "success": true, "message": "uninstalled", "purged": args.purge, "plan": gone.plan}));
    Ok(exit::DONE)
}

fn owns_something(side: &Side) -> bool {
    side.manifest.cause != Cause::Uninstall
        || !side.ledger.tree.is_empty()
        || !side.ledger.documents.is_empty()
}

fn dry_run(context: &Context, store: &Store, purge: bool) -> Result<u8, CliError> {
    let base = store.current_side()?;
    let Some(base) = base.filter(owns_something) else {
        context.out.line("Nothing is installed.");
        if purge {
            show_purge(context);
        }
        context.out.object(&json!({"version": 1, "success": true, "message": "nothing is installed"}));
        return Ok(exit::DONE);
    };
    let planned =
        context.plan(store, Some(&base), &State::default(), Cause::Uninstall, OnConflict::Backup)?;
    show_plan(context, store, planned.checked.plan());
    if purge {
        show_purge(context);
    }
    context.out.object(&plan_json(planned.checked.plan(), &context.root, false));
    Ok(exit::DONE)
}

/// What a purge removes beside what is installed.
fn show_purge(context: &Context) {
    context.out.line("  - claude-sync/  all generations\n  - learning/     everything learned");
    if let Some(cache) = remote::cache().filter(|cache| fs::stat(cache).is_ok_and(|stat| stat.is_some())) {
        context.out.line(format!("  - {}  what remote profiles were read from", context.root.show(&cache)));
    }
}

fn show_plan(context: &Context, store: &Store, plan: &Plan) {
    let detail = Detail { verbose: context.out.verbose, ..Detail::default() };
    let lines = show::plan(plan, store, &BTreeMap::new(), detail);
    context.out.lines(&lines);
    let goes = plan.steps.iter().any(|step| step.change == TreeChange::Remove);
    if goes && matches!(context.root.scope, Scope::Project(_)) && is_in_git(&context.root.path) {
        context.out.line(
            "What of this is committed is git's to keep: to commit that it is gone takes it from everybody who has the \
             repository.",
        );
    }
    plan.warnings.iter().for_each(|warning| context.out.warn(warning));
}

/// Whether a folder is in a repository.
fn is_in_git(folder: &Path) -> bool {
    folder.ancestors().any(|folder| fs::lstat(&folder.join(".git")).is_ok_and(|stat| stat.is_some()))
}

fn ask(context: &Context, base: Option<&Side>, store: &Store, purge: bool) -> Result<(), CliError> {
    if context.common.yes {
        return Ok(());
    }
    if let Some(base) = base {
        let planned =
            context.plan(store, Some(base), &State::default(), Cause::Uninstall, OnConflict::Backup)?;
        show_plan(context, store, planned.checked.plan());
    }
    let question =
        if purge { "Uninstall, and remove all generations and everything learned?" } else { "Uninstall?" };
    match context.out.ask(question) {
        Some(true) => Ok(()),
        Some(false) => Err(refused("not uninstalled", "Nothing was changed.")),
        None => Err(refused(
            "this wants a yes, and there is no terminal to ask on",
            context.spell(&format!(
                "Nothing was changed. See what would go: cs uninstall{purge} --dry-run; then: cs uninstall{purge} --yes",
                purge = if purge { " --purge" } else { "" }
            )),
        )),
    }
}

/// What letting go came to.
#[derive(Debug, Default)]
struct LetGo {
    plan: serde_json::Value,
    /// What others have made of ours: it is theirs, and stays.
    stays: Vec<String>,
    /// Something stands where ours was, so that applying again has to move it aside.
    is_taken: bool,
}

impl LetGo {
    fn by(plan: &Plan, value: serde_json::Value) -> Self {
        let is_there = |step: &&TreeStep| step.found != Observation::Absent;
        let left = |change: &TreeChange| matches!(change, TreeChange::LeaveEdited | TreeChange::Forget);
        let stays = plan.steps.iter().filter(|step| left(&step.change)).filter(is_there);
        let stays: Vec<String> = stays.map(|step| step.path.to_string()).collect();
        let entries = plan.documents.values().flat_map(|document| &document.merged.changes);
        let released = entries.filter(|entry| entry.action == Action::Release && entry.before.is_some());
        let is_back = |step: &TreeStep| matches!(step.change, TreeChange::Restore(_));
        let is_taken = !stays.is_empty() || plan.steps.iter().any(is_back);
        let stays = stays.into_iter().chain(released.map(|entry| entry.key.to_string())).collect();
        Self { plan: value, stays, is_taken }
    }
}

fn let_go(context: &Context, locked: &LockedRoot, base: &Side) -> Result<LetGo, CliError> {
    let planned =
        context.plan(&locked.store, Some(base), &State::default(), Cause::Uninstall, OnConflict::Backup)?;
    if context.common.yes {
        planned.checked.plan().warnings.iter().for_each(|warning| context.out.warn(warning));
    }
    let work = Work {
        planned: &planned,
        contents: &BTreeMap::new(),
        from: None,
        profile: base.manifest.profile.clone(),
        facts: BTreeMap::new(),
    };
    let applied = context.carry_out(locked, Some(base), &work)?;
    applied.warnings.iter().for_each(|warning| context.out.warn(warning));
    let plan = planned.checked.plan();
    Ok(LetGo::by(plan, plan_json(plan, &context.root, false)))
}

fn purge(context: &Context, locked: LockedRoot, folders: &[String]) -> Result<(), CliError> {
    let kept = root::purge::purge(locked, folders.iter().any(String::is_empty))?;
    if let Some(kept) = kept {
        let names: Vec<String> = fs::walk(&kept)?.iter().map(|below| below.display().to_string()).collect();
        context.out.line(format!(
            "Kept in {}: it was moved aside, and has not gone back to its place:",
            context.root.show(&kept)
        ));
        names
            .iter()
            .filter(|name| *name != ".gitignore")
            .for_each(|name| context.out.line(format!("  {name}")));
    }
    // What was fetched can be fetched again, also for another root.
    remote::clear_cache()?;
    context.out.line("Everything of cs's is gone.");
    Ok(())
}
