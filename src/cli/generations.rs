//! `cs generations`, `cs diff`, `cs rollback`.

use std::collections::BTreeMap;

use serde_json::json;

use super::args::{DiffArgs, Durability, GenerationsArgs, GenerationsCommand, RollbackArgs};
use super::engine::{Context, Work, executable_digest, number, policy};
use super::error::{CliError, exit, refused};
use super::news::parsed;
use super::output::{ago, paint, style};
use super::show::{self, Detail};
use crate::generation::difference::{Change, difference};
use crate::generation::retention::{Policy, parse_age, prunable};
use crate::generation::{Cause, Manifest, State};
use crate::model::{Generation, ManagedPath};
use crate::plan::{OnConflict, Plan, TreeChange, TreeStep};
use crate::root::{LockedRoot, Side, Store, observe};
use crate::sys::clock::{self, Stopwatch};
use crate::sys::fs;

/// Runs `cs generations`.
///
/// # Errors
/// When the store can't be read or changed.
pub fn run(context: &Context, args: &GenerationsArgs) -> Result<u8, CliError> {
    match &args.command {
        None | Some(GenerationsCommand::List) => list(context),
        Some(GenerationsCommand::Prune { keep, older_than }) => prune(context, *keep, older_than.as_deref()),
        Some(GenerationsCommand::Pin { generation }) => pin(context, *generation, true),
        Some(GenerationsCommand::Unpin { generation }) => pin(context, *generation, false),
    }
}

fn list(context: &Context) -> Result<u8, CliError> {
    let store = context.store()?;
    let current = store.current()?;
    let mut rows = Vec::new();
    let mut numbers = store.numbers()?;
    numbers.reverse();
    if numbers.is_empty() {
        context.out.line(context.spell(
            "No generations yet.   cs plan --profile builtin:default shows what a first one would do",
        ));
    }
    for generation in numbers {
        let manifest = match store.manifest(generation) {
            Ok(manifest) => manifest,
            Err(error) => {
                context.out.line(format!("  {generation:>3}  can't be read: {error}"));
                rows.push(json!({"generation": generation, "error": error.to_string()}));
                continue;
            }
        };
        let pinned = store.is_pinned(generation)?;
        let changes = changes_since_parent(&store, &manifest);
        context.out.line(row(&manifest, current, pinned, &changes));
        rows.push(json!({"generation": generation, "current": current == Some(generation), "made_at": manifest.made_at,
            "parent": manifest.parent, "cause": manifest.cause, "profile": manifest.profile, "pinned": pinned,
            "changes": changes, "version": manifest.version}));
    }
    context.out.object(&json!({"version": 1, "current": current, "generations": rows}));
    Ok(exit::DONE)
}

fn changes_since_parent(store: &Store, manifest: &Manifest) -> String {
    let empty = State::default();
    let parent = manifest.parent.map(|parent| store.manifest(parent));
    let before = match &parent {
        Some(Ok(parent)) => &parent.state,
        Some(Err(_)) => return String::new(),
        None => &empty,
    };
    let differences = difference(before, &manifest.state);
    let count = |change| differences.iter().filter(|difference| difference.change == change).count();
    let parts = [('+', Change::Added), ('~', Change::Changed), ('-', Change::Removed)];
    let parts: Vec<String> = parts
        .iter()
        .map(|(sign, change)| (sign, count(*change)))
        .filter(|(_, number)| *number > 0)
        .map(|(sign, number)| format!("{sign}{number}"))
        .collect();
    parts.join(" ")
}

fn row(manifest: &Manifest, current: Option<Generation>, pinned: bool, changes: &str) -> String {
    let is_current = current == Some(manifest.generation);
    let when = if is_current { "now".to_owned() } else { ago(manifest.made_at, clock::now()) };
    let cause = match manifest.cause {
        Cause::Apply => "apply".to_owned(),
        Cause::Rollback { of } => format!("rollback of {of}"),
        Cause::Uninstall => "uninstall".to_owned(),
    };
    let profile = manifest.profile.as_ref().map(|record| {
        let name = record.reference.rsplit('/').next().unwrap_or_default();
        let revision = record.revision.as_ref().map(|revision| format!(" {revision}")).unwrap_or_default();
        let dirty = if record.dirty { " (dirty)" } else { "" };
        format!("{name}{revision}{dirty}")
    });
    let profile = profile.filter(|_| manifest.cause == Cause::Apply).unwrap_or_default();
    let pinned = if pinned { "   pinned" } else { "" };
    let text =
        format!("  {:>3}  {when:<15} {cause:<14} {changes:<12} {profile}{pinned}", manifest.generation.get());
    let text = text.trim_end().to_owned();
    if is_current { paint(style::BOLD, text) } else { text }
}

fn prune(context: &Context, keep: Option<usize>, older_than: Option<&str>) -> Result<u8, CliError> {
    let older_than_s = older_than
        .map(|text| {
            parse_age(text).ok_or_else(|| CliError::Usage(format!("{text} is no age; write 30d, 12h, 2w")))
        })
        .transpose()?;
    let policy = Policy { keep, older_than_s };
    if policy == Policy::default() {
        return Err(CliError::Usage("say what to keep: --keep N, --older-than AGE, or both".to_owned()));
    }
    applied_before(context)?;
    let locked = context.lock(Durability::Full)?;
    let gone = prune_by(&locked, policy)?;
    let list: Vec<String> = gone.iter().map(ToString::to_string).collect();
    context.out.line(match list.is_empty() {
        true => "Nothing to remove.".to_owned(),
        false => format!("Removed {}.", list.join(", ")),
    });
    context.out.object(&json!({"version": 1, "success": true, "removed": gone}));
    Ok(exit::DONE)
}

/// Refuses where there is nothing yet; locking would make the folder.
fn applied_before(context: &Context) -> Result<(), CliError> {
    let store = context.store()?;
    let is_there = fs::lstat(&store.generations())?.is_some();
    let hint = "Apply something first: cs apply --profile FILE";
    if is_there { Ok(()) } else { Err(refused("nothing was ever applied here", hint)) }
}

/// Removes what a policy lets go; returns what went.
///
/// # Errors
/// When something can't be removed.
pub fn prune_by(locked: &LockedRoot, policy: Policy) -> Result<Vec<Generation>, CliError> {
    let store = &locked.store;
    let current = store.current()?;
    let parent = current.and_then(|current| store.manifest(current).ok()?.parent);
    let gone = prunable(&store.candidates()?, current, parent, policy, clock::now());
    for generation in &gone {
        super::apply::remove_generation(locked, *generation)?;
    }
    Ok(gone)
}

fn pin(context: &Context, typed: u64, pinned: bool) -> Result<u8, CliError> {
    let generation = number(typed)?;
    applied_before(context)?;
    let locked = context.lock(Durability::Full)?;
    locked.store.manifest(generation)?;
    let file = locked.store.generation(generation).join("pinned");
    match (pinned, locked.store.is_pinned(generation)?) {
        (true, false) => fs::write_new(&file, b"", 0o600)?,
        (false, true) => fs::remove_file(&file)?,
        _ => {}
    }
    context
        .out
        .line(format!("Generation {generation} is {}.", if pinned { "pinned" } else { "no longer pinned" }));
    context.out.object(&json!({"version": 1, "success": true, "generation": generation, "pinned": pinned}));
    Ok(exit::DONE)
}

/// Runs `cs diff A [B|live]`.
///
/// # Errors
/// When a generation can't be read.
pub fn diff(context: &Context, args: &DiffArgs) -> Result<u8, CliError> {
    let store = context.store()?;
    let a = store.manifest(number(args.a)?)?;
    if args.b == "live" {
        return diff_live(context, &store, &a, args.show_secrets);
    }
    let b = args
        .b
        .parse()
        .map_err(|_| CliError::Usage(format!("{} is neither a generation nor `live`", args.b)))?;
    let b = store.manifest(number(b)?)?;
    let differences = difference(&a.state, &b.state);
    if differences.is_empty() {
        context.out.line(format!("Generations {} and {} declare the same.", a.generation, b.generation));
    }
    for found in &differences {
        let (sign, style) = match found.change {
            Change::Added => ('+', style::ADD),
            Change::Changed => ('~', style::CHANGE),
            Change::Removed => ('-', style::REMOVE),
        };
        let name = found.what.split("  ").nth(1).unwrap_or_default().to_owned();
        let show = |text: &Option<String>| {
            let value = text.as_ref().and_then(|text| serde_json::from_str(text).ok());
            value.map_or_else(
                || text.clone().unwrap_or_default(),
                |value| crate::plan::secrets::shown(&name, &value, args.show_secrets),
            )
        };
        let values = match found.change {
            // What is told of a secret is where it comes from: that may be the same.
            Change::Changed if found.before.is_some() && found.before == found.after => {
                format!("  {} → another", show(&found.before))
            }
            Change::Changed if found.before.is_some() => {
                format!("  {} → {}", show(&found.before), show(&found.after))
            }
            _ => String::new(),
        };
        context.out.line(format!("  {} {}{values}", paint(style, sign), found.what));
    }
    let shown: Vec<_> =
        differences.iter().map(|found| json!({"change": found.change, "what": found.what})).collect();
    context.out.object(&json!({"version": 1, "a": a.generation, "b": b.generation, "differences": shown}));
    Ok(exit::DONE)
}

/// From the generation to the disk as it is: what going back would undo.
fn diff_live(context: &Context, store: &Store, a: &Manifest, show_secrets: bool) -> Result<u8, CliError> {
    let base = context.base(store)?;
    let cause = Cause::Rollback { of: a.generation };
    let planned = context.plan(store, base.as_ref(), &a.state, cause, OnConflict::Backup)?;
    let plan = planned.checked.plan();
    let detail = Detail { show_secrets, verbose: context.out.verbose, ..Detail::default() };
    let lines = show::live::lines(plan, store, &kept_contents(store, a, plan), detail);
    if lines.is_empty() {
        context.out.line(format!("What is on the disk is generation {}.", a.generation));
    } else {
        context.out.line(format!("From generation {} to the disk as it is:\n", a.generation));
    }
    context.out.lines(&lines);
    let differences = show::live::json(plan);
    context.out.object(&json!({"version": 1, "a": a.generation, "b": "live", "differences": differences}));
    Ok(exit::DONE)
}

/// The contents that a generation has kept of the files that change; what can't be read is not shown.
fn kept_contents(store: &Store, of: &Manifest, plan: &Plan) -> BTreeMap<ManagedPath, Vec<u8>> {
    let files = store.generation(of.generation).join("files");
    let is_content = |step: &&TreeStep| {
        matches!(step.change, TreeChange::Content | TreeChange::Reassert(_))
            && of.state.files.get(&step.path).is_some_and(|record| !record.is_cs)
    };
    let steps = plan.steps.iter().filter(is_content);
    steps
        .filter_map(|step| {
            Some((step.path.clone(), fs::read(&files.join(step.path.as_str()), 1 << 20).ok()?))
        })
        .collect()
}

/// Runs `cs rollback [N]`.
///
/// # Errors
/// When there is no such generation, or going back fails.
pub fn rollback(context: &Context, args: &RollbackArgs) -> Result<u8, CliError> {
    let watch = Stopwatch::start();
    applied_before(context)?;
    let locked = context.lock(args.durability.durability)?;
    let store = &locked.store;
    let base = context.base(store)?;
    let Some(base) = base else {
        return Err(refused(
            "there is nothing to roll back: nothing was ever applied here",
            "Apply something first: cs apply --profile FILE",
        ));
    };
    let target = match args.generation {
        Some(typed) => number(typed)?,
        None => before(store, &base)?,
    };
    let side = store.side(target)?;
    store.check_system(&side)?;
    let mut state = with_newest_cs(&side.manifest.state)?;
    // They were applied once, so the programs that print them may run.
    let applied = [&side.manifest.state, &base.manifest.state];
    let documents = || {
        let observed = observe::observe(store, Some(&base), &side.manifest.state)?;
        Ok(observed.documents.values().filter_map(|own| parsed(own.text.as_deref()?)).collect())
    };
    let (secrets, kept) = super::secrets::look_up_or_keep(context, &mut state, &applied, documents)?;
    for name in kept {
        context
            .out
            .note(format!("{name} can't be looked up now; what is there is what was applied, and stays"));
    }
    let cause = Cause::Rollback { of: target };
    let policy = policy(args.conflict.on_conflict);
    let show = |plan: &Plan| {
        let detail = Detail { explain: false, show_secrets: args.show_secrets, verbose: context.out.verbose };
        context.out.line(match base.manifest.generation {
            // What is left to go back from is what others did since.
            at if at == target => {
                format!(
                    "Generation {at} is current already; what changed since, outside cs, goes back to it\n"
                )
            }
            at => format!("Back to generation {target}, from {at}\n"),
        });
        context.out.lines(&show::plan(plan, store, &BTreeMap::new(), detail));
        context.out.line("");
    };
    let planned =
        context.survey(store, Some(&base), &state, cause, policy, &secrets).inspect_err(|error| {
            // Where paths are taken, all that would go back otherwise is shown, with them in it.
            if let CliError::Taken { plan, .. } = error {
                show(plan);
            }
        })?;
    let plan = planned.checked.plan();
    if plan.is_empty() {
        let at = base.manifest.generation;
        context.out.line(match at == target {
            true => format!(
                "Generation {at} is current already, and everything is as it wrote it: nothing to do."
            ),
            false => format!("Up to date: generation {at} is the same as {target}."),
        });
        context.out.object(&json!({"version": 1, "success": true, "message": "up to date", "generation": at, "new_generation": false}));
        return Ok(exit::DONE);
    }
    let contents = super::sound::contents(context, store, &side)?;
    show(plan);
    let planned_in = watch.ms();
    if !context.common.yes {
        let (diff, back) = (format!("cs diff {target}"), format!("cs rollback {target}"));
        let hint = format!(
            "Nothing was changed. Look at it with {}, then: {} --yes",
            context.spell(&diff),
            context.spell(&back)
        );
        let answer = context
            .out
            .ask("Roll back?")
            .ok_or_else(|| refused("this wants a yes, and there is no terminal to ask on", hint))?;
        if !answer {
            context.out.line("Nothing was changed.");
            return Ok(exit::REFUSED);
        }
    }
    let watch = Stopwatch::start();
    let work = Work {
        planned: &planned,
        contents: &contents,
        from: Some(&side),
        profile: side.manifest.profile.clone().or(base.manifest.profile.clone()),
        facts: side.manifest.facts.clone(),
    };
    let applied = context.carry_out(&locked, Some(&base), &work)?;
    super::apply::done(context, &planned, Some(&base), &applied, planned_in + watch.ms());
    Ok(exit::DONE)
}

/// The newest generation before the current one that is still there.
fn before(store: &Store, base: &Side) -> Result<Generation, CliError> {
    let current = base.manifest.generation;
    let older = store.numbers()?.into_iter().filter(|number| *number < current).max();
    older.ok_or_else(|| {
        refused(
            format!("generation {current} is the oldest there is"),
            "To let go of everything: cs uninstall. To see what there is: cs generations.",
        )
    })
}

/// A rollback brings back the user's hooks, never an older runtime.
fn with_newest_cs(state: &State) -> Result<State, CliError> {
    let mut state = state.clone();
    if state.files.values().any(|record| record.is_cs) {
        let (digest, bytes) = executable_digest()?;
        for record in state.files.values_mut().filter(|record| record.is_cs) {
            (record.digest, record.bytes, record.modified_ns) = (digest, bytes, 0);
        }
    }
    Ok(state)
}
