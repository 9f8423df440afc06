//! Profiles from elsewhere: shown whole before somebody's yes makes a pin, and `cs update`, which shows what moving it
//! changes, and moves it.

mod moved;

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::json;

use super::args::{OnConflict, UpdateArgs};
use super::engine::{Context, Wanted, policy};
use super::error::{CliError, exit, refused};
use super::output::{Output, count, paint, style};
use super::show;
use crate::generation::Cause;
use crate::generation::difference::difference;
use crate::model::text::shell_word;
use crate::model::{Declared, DocumentId, Install, Key, Kind, ManagedPath, Origin, Want, printable};
use crate::profile::{ProfileRef, Switch, is_commit};
use crate::remote::git::short;
use crate::remote::{self, Policy, Remotes, Used};
use crate::root::Side;

/// Most commits that are listed of a repository; the rest is counted.
const COMMITS_MAX: usize = 20;

/// The repositories nobody has said yes to, at the commit they are used at.
#[must_use]
pub fn unseen(wanted: &Wanted) -> Vec<&Used> {
    wanted.remotes.iter().filter(|used| used.is_new()).collect()
}

/// Says what an apply will ask about.
pub fn announce(context: &Context, wanted: &Wanted) {
    for used in unseen(wanted) {
        let (name, commit) = (used.remote.repository(), short(&used.commit));
        context
            .out
            .note(format!("{name} is not pinned yet: cs apply shows {commit} in full, asks, and pins it"));
    }
}

/// Whether what a repository says of this machine may differ from what somebody said yes to: a condition that
/// did not hold then holds now.
fn is_another(base: Option<&Side>, wanted: &Wanted) -> bool {
    !wanted.remotes.is_empty() && base.is_some_and(|side| side.manifest.facts != wanted.facts)
}

/// Shows everything, if something of it comes from a repository that nobody has said yes to, and asks; whether
/// it may be applied. `--yes` is no answer: it was said to a profile, and this is somebody else's.
///
/// # Errors
/// When nobody is there to ask, and `trust` names no such commit. `command` is what was typed, but for that.
pub fn consent(
    context: &Context,
    base: Option<&Side>,
    wanted: &Wanted,
    trust: &[String],
    command: &str,
) -> Result<bool, CliError> {
    let asked: Vec<&Used> = match is_another(base, wanted) {
        true => wanted.remotes.iter().collect(),
        false => unseen(wanted),
    };
    if asked.is_empty() {
        return Ok(true);
    }
    // Whoever asked for quiet did not ask to say yes unseen.
    let loud = Output { quiet: false, ..context.out };
    loud.lines(&whole(context, wanted, &asked)?);
    // Where nobody can be asked for this, nobody can be asked for the plan: that is what --yes is for.
    let question = "You have seen all of it, and its hooks run as you. Trust it?";
    agreed(context, &asked, trust, question, &format!("{command} --yes"))
}

/// A person's yes, or the commits by name.
fn agreed(
    context: &Context,
    asked: &[&Used],
    trust: &[String],
    question: &str,
    command: &str,
) -> Result<bool, CliError> {
    let left: Vec<&&Used> = asked.iter().filter(|used| !trust.contains(&used.commit)).collect();
    if left.is_empty() {
        return Ok(true);
    }
    context.out.ask(question).ok_or_else(|| {
        let names: Vec<String> =
            left.iter().map(|used| format!("{} at {}", used.remote.repository(), short(&used.commit))).collect();
        // Those that were named already, too: it is typed anew.
        let flags: Vec<String> = asked.iter().map(|used| format!("--trust {}", used.commit)).collect();
        let of_trust = match trust.iter().find(|own| asked.iter().all(|used| used.commit != **own)) {
            Some(own) if asked.iter().any(|used| used.commit.starts_with(own.as_str())) => {
                format!("--trust {} is not enough: it takes the whole id of the commit. ", shell_word(own))
            }
            Some(own) => format!("--trust {} names another commit. ", shell_word(own)),
            None => String::new(),
        };
        refused(
            format!("nobody has said yes to {}", names.join(" and to ")),
            format!(
                "Nothing was changed. {of_trust}There is no terminal to ask on, and --yes is not said to others' hooks. \
                 Read what it holds, then: {} {}",
                context.spell(command),
                flags.join(" ")
            ),
        )
    })
}

/// Pins what was said yes to.
///
/// # Errors
/// When the lock can't be written.
pub fn pin(context: &Context, wanted: &Wanted) -> Result<(), CliError> {
    if unseen(wanted).is_empty() {
        return Ok(());
    }
    let Some(file) = context.lock_file(&wanted.which) else { return Ok(()) };
    remote::pin(&file, &wanted.remotes)?;
    context.out.line(format!("Pinned in {}.", context.root.show(&file)));
    Ok(())
}

/// All that comes from elsewhere, hooks first; also what a file of one's own has only changed something of, and what it
/// leaves out: who said yes is asked no more when that changes. Nothing is masked, or a command could be made to look
/// like a secret.
///
/// # Errors
/// When one of them can't be read by itself, so that nobody could see all of it.
fn whole(context: &Context, wanted: &Wanted, asked: &[&Used]) -> Result<Vec<String>, CliError> {
    let mut lines = Vec::new();
    for used in asked {
        let (name, commit) = (used.remote.repository(), short(&used.commit));
        lines.push(paint(style::BOLD, format!("From {name} at {commit}, which you have not said yes to:")));
    }
    let all = parts(context, wanted, None);
    if all.is_empty() {
        lines.push("  nothing that the profile comes to here".to_owned());
    }
    lines.extend(all);
    for alone in alone(wanted)? {
        let left_out = parts(context, alone, Some(wanted));
        if !left_out.is_empty() {
            lines.push(String::new());
            lines.push(paint(style::BOLD, left_out_heading(&alone.which.to_string())));
            lines.extend(left_out);
        }
    }
    lines.push(String::new());
    Ok(lines)
}

fn left_out_heading(name: &str) -> String {
    format!("In {name}, and left out or changed by your profile; it counts as soon as yours lets it:")
}

/// What the profiles from elsewhere come to, each by itself.
fn alone(wanted: &Wanted) -> Result<Vec<&Wanted>, CliError> {
    wanted
        .alone
        .iter()
        .map(|own| {
            own.as_ref().map_err(|error| {
                let report = error.report(None);
                refused(
                    format!(
                        "a profile from elsewhere can't be shown whole: by itself it is no valid one: {}",
                        report.message
                    ),
                    "Nothing was changed. Whoever keeps it has to mend that.",
                )
            })
        })
        .collect()
}

/// What comes from elsewhere, in parts with headings; but for what is the same in `than`.
fn parts(context: &Context, wanted: &Wanted, than: Option<&Wanted>) -> Vec<String> {
    let elsewhere = &wanted.elsewhere;
    let is_known = |id: &DocumentId, entry: &Declared| {
        let others = than.and_then(|than| than.state.documents.get(id)).into_iter().flatten();
        others.into_iter().any(|own| own.key == entry.key && own.want == entry.want)
    };
    let all = wanted.state.documents.iter().flat_map(|(id, own)| own.iter().map(move |own| (id, own)));
    let declared = all.filter(|(id, entry)| {
        let is_theirs = match entry.key {
            Key::Element { .. } => elsewhere.is_whole(&entry.origin),
            Key::Value(_) | Key::Hook(_) => elsewhere.is_in(&entry.origin),
        };
        is_theirs && !is_known(id, entry)
    });
    let declared = declared.map(|(_, entry)| entry);
    let (hooks, entries): (Vec<_>, Vec<_>) = declared.partition(|entry| matches!(entry.key, Key::Hook(_)));
    let installs = wanted.state.installs.iter().filter(|(_, install)| elsewhere.is_in(&install.origin));
    let (programs, files): (Vec<_>, Vec<_>) = installs.partition(|(_, install)| install.kind == Kind::Hook);
    let origins = [&hooks, &entries].into_iter().flatten().map(|entry| &entry.origin);
    let installed = [&programs, &files].into_iter().flatten().map(|(_, install)| &install.origin);
    let switched = wanted.elsewhere.switches.iter().map(|own| &own.origin);
    let places = Places::of(context, wanted, origins.chain(installed).chain(switched));
    let mut lines = Vec::new();
    let mut part = |heading: &str, part: Vec<String>| {
        if !part.is_empty() {
            lines.push(String::new());
            lines.push(heading.to_owned());
            lines.extend(part);
        }
    };
    let entry = |entry: &&Declared| said(entry, &places.name(&entry.origin));
    let file =
        |(path, install): &(&ManagedPath, &Install)| file(wanted, than, path, &places.name(&install.origin));
    let mut first: Vec<String> = hooks.iter().map(entry).collect();
    first.extend(programs.iter().flat_map(file));
    part("Hooks, which run as you", first);
    part("Settings and servers", entries.iter().map(entry).collect());
    part("Files", files.iter().flat_map(file).collect());
    let runtime = &wanted.state.runtime;
    let says_more = runtime.as_object().is_some_and(|own| own.keys().any(|key| key != "format"));
    if says_more && elsewhere.runtime && than.is_none_or(|than| than.state.runtime != *runtime) {
        let text = serde_json::to_string_pretty(runtime).expect("BUG: JSON prints");
        part(
            "The guard, thresholds, learning, mesh",
            text.lines().map(|line| format!("  {}", printable(line))).collect(),
        );
    }
    part("How it is applied", switches(wanted, than, &places));
    lines
}

/// What a repository says at the top of its profile that shows in no entry.
fn switches(wanted: &Wanted, than: Option<&Wanted>, places: &Places<'_>) -> Vec<String> {
    let line =
        |own: &Switch| format!("  {}   {}", printable(&own.text), printable(&places.name(&own.origin)));
    let is_new = |own: &&Switch| {
        let mut others = than.into_iter().flat_map(|than| &than.elsewhere.switches);
        !others.any(|other| other.text == own.text)
    };
    wanted.elsewhere.switches.iter().filter(is_new).map(line).collect()
}

/// How the files that something is declared in are named.
struct Places<'a> {
    context: &'a Context,
    /// Names that several of the files end with; `None`: every file is named whole.
    ambiguous: Option<BTreeSet<String>>,
    /// All of a repository's files are of the same one.
    is_one: bool,
}

impl<'a> Places<'a> {
    fn of<'o>(context: &'a Context, wanted: &Wanted, origins: impl Iterator<Item = &'o Origin>) -> Self {
        let files: BTreeSet<&str> = origins.map(|origin| origin.file.as_str()).collect();
        let mut seen = BTreeSet::new();
        let names = files.iter().map(|file| last(file));
        let ambiguous = names.filter(|name| !seen.insert(*name)).map(str::to_owned).collect();
        Self { context, ambiguous: Some(ambiguous), is_one: wanted.remotes.len() == 1 }
    }

    /// Every file by its path in the repository.
    fn whole(context: &'a Context, wanted: &Wanted) -> Self {
        Self { context, ambiguous: None, is_one: wanted.remotes.len() == 1 }
    }

    /// The last name and the line; more of it where two files end alike.
    fn name(&self, origin: &Origin) -> String {
        if self.ambiguous.as_ref().is_some_and(|names| !names.contains(last(&origin.file))) {
            return origin.to_string();
        }
        format!("{}:{}", self.path(&origin.file), origin.line)
    }

    /// A file by its path in the repository, or by its own where it is in none.
    fn path(&self, file: &str) -> String {
        match in_repository(file) {
            Some(inner) if self.is_one => inner.to_owned(),
            Some(_) => file.to_owned(),
            None => self.context.root.show(Path::new(file)),
        }
    }
}

fn last(file: &str) -> &str {
    file.rsplit(['/', '#']).next().unwrap_or(file)
}

/// The path in its repository: `git+URL#PATH`, or what stands below a commit, as `git+URL@COMMIT/PATH`.
fn in_repository(file: &str) -> Option<&str> {
    let rest = file.strip_prefix("git+")?;
    if let Some((_, path)) = rest.split_once('#') {
        return Some(path);
    }
    let mut ats = rest.match_indices('@').map(|(at, _)| &rest[at + 1..]);
    ats.find_map(|after| after.split_once('/').filter(|(commit, _)| is_commit(commit)).map(|(_, path)| path))
}

/// One entry with all it says.
fn said(entry: &Declared, place: &str) -> String {
    let what = match (&entry.want, &entry.key) {
        (Want::Absent, _) => " is to be absent".to_owned(),
        (_, Key::Element { .. }) => String::new(),
        (Want::Enforced(value), Key::Hook(_)) => format!("  {value}"),
        (Want::Enforced(value), _) => format!(" = {value}"),
        (Want::Default(value), _) => format!(" = {value}, where nothing is said"),
    };
    format!("  {}   {}", printable(&format!("{}{what}", entry.key)), printable(place))
}

/// One installed path with everything in it, but for what is the same in `than`.
fn file(wanted: &Wanted, than: Option<&Wanted>, path: &ManagedPath, place: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let is_new =
        |name: &ManagedPath, bytes: &Vec<u8>| than.is_none_or(|than| than.contents.get(name) != Some(bytes));
    let own = wanted.contents.iter().filter(|(name, _)| *name == path || path.contains(name));
    for (name, bytes) in own.filter(|(name, bytes)| is_new(name, bytes)) {
        lines.push(format!("  {}   {}", printable(name.as_str()), printable(place)));
        lines.extend(whole_file(bytes));
    }
    lines
}

fn whole_file(bytes: &[u8]) -> Vec<String> {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.lines().map(|line| format!("    │ {}", printable(line))).collect(),
        Err(_) => vec![format!("    │ {}, not text", count(bytes.len(), "byte", "bytes"))],
    }
}

/// Runs `cs update`.
///
/// # Errors
/// When a repository can't be reached, or what is there now is no valid profile.
pub fn update(context: &Context, args: &UpdateArgs) -> Result<u8, CliError> {
    let store = context.store()?;
    let base = context.base(&store)?;
    let (which, found) = context.which(base.as_ref())?;
    context.check_there(&which)?;
    let machine = context.machine(&which, Policy::Newest(args.names.clone()))?;
    let wanted = context.render(which.clone(), found, &machine, base.as_ref())?;
    let remotes = machine.remotes().map(Remotes::used).unwrap_or_default();
    if remotes.is_empty() {
        return Err(refused(
            format!("{} asks for nothing from elsewhere", wanted.which),
            "A remote profile is named git+URL#PATH, by --profile or in `extends`.",
        ));
    }
    all_meant(&remotes, &args.names)?;
    super::plan::warn(context, &wanted);
    let moved = unseen(&wanted);
    let pins: Vec<serde_json::Value> = remotes
        .iter()
        .map(|used| json!({"repository": used.remote.repository(), "was": used.pinned, "is": used.commit}))
        .collect();
    if moved.is_empty() {
        // What was not asked for was not looked up.
        let is_asked = |used: &&Used| {
            args.names.is_empty() || args.names.iter().any(|n| remote::is_meant(&used.remote, n))
        };
        let asked: Vec<&Used> = remotes.iter().filter(is_asked).collect();
        let newest = if asked.len() == 1 { "It is" } else { "All are" };
        context.out.line(format!("{newest} at the newest commit: {}.", commits(&asked)));
        context.out.object(&json!({"version": 1, "success": true, "moved": false, "pins": pins}));
        return Ok(exit::DONE);
    }
    for used in &moved {
        context.out.lines(&news(&machine, used)?);
    }
    let planned =
        context.plan(&store, base.as_ref(), &wanted.state, Cause::Apply, policy(OnConflict::Backup))?;
    // What is said yes to here is applied without another question: somebody's yes to what was pinned stands, and
    // all else is shown.
    let loud = Output { quiet: false, ..context.out };
    let was = pinned(context, which, found, base.as_ref(), &moved);
    let (told, question) = match &was {
        Some(was) => (
            moved_lines(context, was, &wanted)?,
            "You have seen what changes, and its hooks run as you. Move the pin?",
        ),
        None => (
            whole(context, &wanted, &moved)?,
            "You have seen what it is now, and its hooks run as you. Move the pin?",
        ),
    };
    match told.is_empty() {
        true => loud.line("Nothing of it changes what the profile comes to here.\n"),
        false => loud.lines(&told),
    }
    let names = args.names.iter().map(|name| format!(" {}", shell_word(name)));
    let command = format!("cs update{}", names.collect::<String>());
    let is_meant = !args.dry_run && agreed(context, &moved, &args.trust, question, &command)?;
    if is_meant {
        let file = context.lock_file(&wanted.which).expect("BUG: a profile with repositories has a lock");
        let locked = context.lock(super::args::Durability::Full)?;
        remote::pin(&file, &remotes)?;
        drop(locked);
        let next = paint(style::DIM, context.spell("cs apply"));
        context.out.line(format!("Pinned in {}.   {next}", context.root.show(&file)));
    } else {
        context.out.line("Nothing was changed.");
    }
    let plan = show::plan_json(planned.checked.plan(), &context.root, false);
    let changes = was.map(|was| difference(&was.state, &wanted.state));
    let changes: Option<Vec<_>> = changes
        .map(|found| found.iter().map(|own| json!({"change": own.change, "what": own.what})).collect());
    context.out.object(&json!({"version": 1, "success": true, "moved": is_meant, "pins": pins,
        "changes": changes, "plan": plan}));
    Ok(if is_meant || args.dry_run { exit::DONE } else { exit::REFUSED })
}

/// What moving the pins changes, also of what the profile leaves out or changes itself.
fn moved_lines(context: &Context, was: &Wanted, is: &Wanted) -> Result<Vec<String>, CliError> {
    let mut lines = moved::lines(was, is, &Places::whole(context, is));
    for new in alone(is)? {
        let old = was.alone.iter().flatten().find(|old| old.which == new.which);
        let is_all_here = |of: &Wanted, than: &Wanted| parts(context, of, Some(than)).is_empty();
        if is_all_here(new, is) && old.is_some_and(|old| is_all_here(old, was)) {
            continue;
        }
        let changes = match old {
            Some(old) => moved::lines(old, new, &Places::whole(context, new)),
            None => parts(context, new, Some(is)),
        };
        if !changes.is_empty() {
            lines.push(paint(style::BOLD, left_out_heading(&new.which.to_string())));
            lines.extend(changes);
        }
    }
    Ok(lines)
}

/// Refuses a name that no repository has: whoever mistyped it would take "newest" for an answer.
fn all_meant(remotes: &[Used], names: &[String]) -> Result<(), CliError> {
    let is_unknown = |name: &&String| !remotes.iter().any(|used| remote::is_meant(&used.remote, name));
    let Some(unknown) = names.iter().find(is_unknown) else { return Ok(()) };
    let known: Vec<String> = remotes.iter().map(|used| used.remote.repository()).collect();
    let there = if known.len() == 1 { "There is only" } else { "There are" };
    Err(refused(
        format!("no remote profile has {unknown:?} in its name"),
        format!(
            "Nothing was changed. {there} {}; any part of a name will do, and none means all.",
            known.join(", ")
        ),
    ))
}

/// The profile at the commits that somebody has said yes to; `None` where that can't be had.
fn pinned(
    context: &Context,
    which: ProfileRef,
    found: bool,
    base: Option<&Side>,
    moved: &[&Used],
) -> Option<Wanted> {
    // Of what is not pinned nobody has seen anything.
    if moved.iter().any(|used| used.pinned.is_none()) {
        return None;
    }
    let machine = context.machine(&which, Policy::Pinned).ok()?;
    context.render(which, found, &machine, base).ok()
}

fn commits(remotes: &[&Used]) -> String {
    let named = remotes.iter().map(|used| format!("{} at {}", used.remote.repository(), short(&used.commit)));
    named.collect::<Vec<_>>().join(", ")
}

/// What came since the pin.
fn news(machine: &super::world::Machine, used: &Used) -> Result<Vec<String>, CliError> {
    let (name, new) = (used.remote.repository(), short(&used.commit));
    let Some(old) = &used.pinned else {
        return Ok(vec![format!("{name}  not pinned yet → {new}"), String::new()]);
    };
    let mut lines = vec![format!("{name}  {} → {new}", short(old))];
    let remotes = machine.remotes().expect("BUG: it was read through them");
    let mut log = remotes.log(&used.remote, old, &used.commit, COMMITS_MAX + 1)?;
    let is_cut = log.len() > COMMITS_MAX;
    log.truncate(COMMITS_MAX);
    if log.is_empty() {
        lines.push(
            "  no commit of before is in what is there now: its history was rewritten, or went back"
                .to_owned(),
        );
    }
    lines.extend(log.iter().map(|line| format!("  {line}")));
    if is_cut {
        lines.push("  …".to_owned());
    }
    lines.push(String::new());
    Ok(lines)
}
