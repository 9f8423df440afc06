//! `cs capture`: what changed outside `cs`, written back into the profile.

mod ask;
mod hunt;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use self::ask::{Chosen, choose, consent, tell};
use self::hunt::Hunt;
pub(super) use self::hunt::left;
use super::args::{CaptureArgs, Durability};
use super::engine::{Context, Planned, Wanted};
use super::error::{CliError, exit, refused};
use super::news::{self, Source};
use super::output::{count, paint, style};
use super::show::{self, Detail};
use crate::draft::{self, Edit};
use crate::generation::Cause;
use crate::model::{Key, ManagedPath, limits};
use crate::plan::OnConflict;
use crate::plan::secrets::shown;
use crate::profile::ProfileRef;
use crate::remote::Policy;
use crate::root::Store;
use crate::sys::fs;

/// One thing that can be kept, and what it takes.
#[derive(Debug, Clone)]
struct Offer {
    what: String,
    /// What was and what is, for people.
    how: String,
    edits: Vec<(PathBuf, Edit)>,
    sources: Vec<Source>,
    /// It is a file or folder of the root that is new.
    is_file: bool,
    /// Where it goes, as `file:line`; told to people.
    to: String,
}

/// What changed and can't be written back, and why.
#[derive(Debug, Clone)]
struct Passed {
    what: String,
    why: String,
}

/// Runs it.
///
/// # Errors
/// When nothing was applied yet, the profile can't be changed, or a person is needed and none is there.
pub fn run(context: &Context, args: &CaptureArgs) -> Result<u8, CliError> {
    let store = context.store()?;
    let Some(base) = context.base(&store)? else {
        return Err(refused("nothing is applied here yet", "Make a profile of what is there: cs init DIR."));
    };
    let wanted = context.wanted(Some(&base))?;
    if let ProfileRef::Remote(remote) = &wanted.which {
        return Err(refused(
            format!("{} can't be written to from here", remote.repository()),
            format!("Make a profile of your own that builds on it: extends = [\"{remote}\"]."),
        ));
    }
    let ProfileRef::File(profile) = &wanted.which else {
        return Err(refused(
            format!("{} can't be written to", wanted.which),
            format!("Make a profile of your own that builds on it: cs init --from {} DIR.", wanted.which),
        ));
    };
    // What stands in the way was put there by somebody: that is what this is about.
    let planned = context.plan(&store, Some(&base), &wanted.state, Cause::Apply, OnConflict::Backup)?;
    let mut hunt = Hunt::new(context, profile, &store, &base, (&wanted, &planned));
    hunt.drift();
    hunt.defaults(args.undeclared)?;
    hunt.files()?;
    hunt.news(args.undeclared)?;
    hunt.without_secrets();
    let Hunt { mut offers, passed, .. } = hunt;
    if !args.only.is_empty() {
        let found = offers.len();
        offers.retain(|offer| args.only.iter().any(|pattern| matches(pattern, &offer.what)));
        if offers.is_empty() && found > 0 {
            let changes = count(found, "change", "changes");
            return Err(refused(
                format!("nothing that changed matches {}", args.only.join(", ")),
                format!("There are {changes}: cs capture --dry-run shows them."),
            ));
        }
    }
    for offer in &mut offers {
        offer.to = place(context, offer);
    }
    tell(context, &offers, &passed);
    if offers.is_empty() {
        if !passed.is_empty() {
            context.out.line("Nothing was changed: none of it can be written into the profile.");
        }
        context.out.object(&json!({"version": 1, "success": true, "captured": [], "passed": passed_json(&passed), "files": []}));
        return Ok(exit::DONE);
    }
    let Chosen { offers: chosen, is_all_seen } = choose(context, args, offers)?;
    let changed = rewritten(&chosen)?;
    let files: Vec<PathBuf> = changed
        .keys()
        .cloned()
        .chain(chosen.iter().flat_map(|offer| offer.sources.iter().map(|source| source.path.clone())))
        .collect();
    show_changes(context, &changed, false);
    let is_meant = !args.dry_run && !chosen.is_empty() && consent(context, args)?;
    if is_meant {
        write(context, &store, (&wanted, &planned), &changed, &chosen)?;
    }
    // What somebody went through, and did not keep, is no news any more.
    if is_all_seen
        && (is_meant || chosen.is_empty())
        && let Err(error) = news::remember_locked(context, &planned.observed)
    {
        context.out.warn(error.report(context.home()).message);
    }
    if is_meant {
        let names = files.iter().collect::<BTreeSet<_>>().len();
        context.out.line(format!(
            "Kept: {} in {}.   {}",
            count(chosen.len(), "entry", "entries"),
            count(names, "file", "files"),
            paint(style::DIM, format!("{} stores it", context.spell("cs apply")))
        ));
    } else {
        context.out.line("Nothing was changed.");
    }
    context.out.object(&json!({"version": 1, "success": true, "written": is_meant,
        "captured": chosen.iter().map(|offer| json!({"entry": offer.what, "change": offer.how, "to": offer.to})).collect::<Vec<_>>(),
        "passed": passed_json(&passed), "files": files}));
    Ok(exit::DONE)
}

fn passed_json(passed: &[Passed]) -> Vec<Value> {
    passed.iter().map(|passed| json!({"entry": passed.what, "why": passed.why})).collect()
}

/// `*` stands for anything; without one the pattern is the beginning of what it means.
fn matches(pattern: &str, what: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else { return what.starts_with(pattern) };
    let Some(mut left) = what.strip_prefix(first) else { return false };
    let parts: Vec<&str> = rest.split('*').collect();
    for (index, part) in parts.iter().enumerate() {
        let is_last = index + 1 == parts.len();
        match if is_last && !part.is_empty() {
            left.ends_with(part).then_some(left.len())
        } else {
            left.find(part).map(|at| at + part.len())
        } {
            Some(end) => left = &left[end..],
            None => return false,
        }
    }
    true
}

/// The file and line that an offer changes.
fn place(context: &Context, offer: &Offer) -> String {
    let Some((file, edit)) = offer.edits.first() else {
        return offer.sources.first().map(|source| context.root.show(&source.path)).unwrap_or_default();
    };
    let text = fs::read(file, limits::SOURCE_BYTES_MAX).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let shown = context.root.show(file);
    match draft::edit(&text, std::slice::from_ref(edit)) {
        Ok(new) => {
            let same = text.lines().zip(new.lines()).take_while(|(old, new)| old == new).count();
            // A blank line that sets it off is not what people look for.
            let blank = new.lines().skip(same).take_while(|line| line.is_empty()).count();
            format!("{shown}:{}", same + blank + 1)
        }
        Err(_) => shown,
    }
}

fn words(key: &Key) -> String {
    key.to_string()
}

fn told(key: &Key, value: Option<&Value>) -> String {
    let name = key.pointer().last().cloned().unwrap_or_default();
    match (key, value) {
        (_, None) => "(absent)".to_owned(),
        (Key::Value(_), Some(value)) => shown(&name, value, false),
        (Key::Hook(_), Some(entry)) => {
            let fields = entry
                .as_object()
                .into_iter()
                .flatten()
                .filter(|(name, _)| !matches!(name.as_str(), "type" | "command"));
            let fields: Vec<String> =
                fields.map(|(name, value)| format!("{name} {}", shown(name, value, false))).collect();
            if fields.is_empty() { "as it is".to_owned() } else { fields.join(", ") }
        }
        (Key::Element { .. }, Some(_)) => "(there)".to_owned(),
    }
}

/// Each profile that changes: what it was and what it becomes.
fn rewritten(chosen: &[Offer]) -> Result<BTreeMap<PathBuf, (String, String)>, CliError> {
    let mut edits: BTreeMap<PathBuf, Vec<Edit>> = BTreeMap::new();
    for (file, edit) in chosen.iter().flat_map(|offer| &offer.edits) {
        edits.entry(file.clone()).or_default().push(edit.clone());
    }
    let mut changed = BTreeMap::new();
    for (file, edits) in edits {
        let text = String::from_utf8_lossy(&fs::read(&file, limits::SOURCE_BYTES_MAX)?).into_owned();
        let new = draft::edit(&text, &edits).map_err(|error| {
            refused(
                format!("{} can't be changed: {error}", file.display()),
                "Nothing was changed. Edit it by hand; cs plan shows what drifted.",
            )
        })?;
        changed.insert(file, (text, new));
    }
    Ok(changed)
}

/// What an offer does to the files it is about.
fn difference(context: &Context, offer: &Offer, indent: &str, detail: Detail) -> Vec<String> {
    let mut lines = Vec::new();
    let text =
        |bytes: &[u8]| std::str::from_utf8(bytes).ok().filter(|text| !text.contains('\0')).map(str::to_owned);
    for Source { path, bytes, .. } in &offer.sources {
        let old = fs::read_if_there(path, limits::SOURCE_BYTES_MAX).ok().flatten();
        if old.is_none() && offer.is_file && !detail.verbose {
            lines.push(format!("{indent}copied to {}", context.root.show(path)));
            continue;
        }
        let old = old.unwrap_or_default();
        if offer.sources.len() > 1 {
            let gone = if bytes.is_none() { "  goes" } else { "" };
            lines.push(format!("{indent}{}{gone}", context.root.show(path)));
        }
        match (text(&old), text(bytes.as_deref().unwrap_or_default())) {
            (Some(old), Some(new)) => lines.extend(show::diff(&old, &new, indent, detail)),
            _ => lines.push(format!("{indent}it is no text")),
        }
    }
    lines
}

fn show_changes(context: &Context, changed: &BTreeMap<PathBuf, (String, String)>, is_whole: bool) {
    let detail = Detail { verbose: is_whole || context.out.verbose, ..Detail::default() };
    for (file, (old, new)) in changed {
        context.out.line(format!("\n  {}", paint(style::BOLD, context.root.show(file))));
        context.out.lines(&show::diff(old, new, "    ", detail));
    }
    if !changed.is_empty() {
        context.out.line("");
    }
}

/// Sources first, then profiles; a profile that would not be one is put back.
fn write(
    context: &Context,
    store: &Store,
    (wanted, planned): (&Wanted, &Planned),
    changed: &BTreeMap<PathBuf, (String, String)>,
    chosen: &[Offer],
) -> Result<(), CliError> {
    let overwritten =
        chosen.iter().flat_map(|offer| &offer.sources).map(|source| source.path.as_path()).collect();
    // Nobody takes a generation away meanwhile.
    let locked = context.lock(Durability::Full)?;
    super::sound::keep_originals(store, &overwritten)?;
    let machine = context.machine(&wanted.which, Policy::Pinned)?;
    let sources = || chosen.iter().flat_map(|offer| &offer.sources);
    let profiles = |text: fn(&(String, String)) -> &String| {
        let source = move |(path, texts): (&PathBuf, &(String, String))| {
            let (path, bytes) = (path.clone(), Some(text(texts).as_bytes().to_vec()));
            Source { path, bytes, executable: false }
        };
        changed.iter().map(source).collect::<Vec<_>>()
    };
    let mut before: Vec<Source> = Vec::new();
    for source in sources() {
        let bytes = fs::read_if_there(&source.path, limits::SOURCE_BYTES_MAX)?;
        before.push(Source { bytes, ..source.clone() });
    }
    before.extend(profiles(|(old, _)| old));
    let after: Vec<Source> = sources().cloned().chain(profiles(|(_, new)| new)).collect();
    let written = after.iter().try_for_each(put);
    let checked = written.and_then(|()| context.render(wanted.which.clone(), wanted.found, &machine, None));
    if checked.is_err() {
        // All of it or nothing.
        before.iter().try_for_each(put)?;
    }
    let state = checked?.state;
    // What it declares as it lies there the next apply takes over; what was edited since, as it is now.
    let is_news = |path: &ManagedPath| {
        !wanted.state.installs.contains_key(path) && chosen.iter().any(|own| own.is_file)
            || planned.observed.captured.contains(path)
    };
    let news = state.installs.keys().filter(|path| is_news(path));
    let taken = news.filter_map(|path| Some((path.clone(), state.install_digest(path)?)));
    news::captured(context, (&locked, &planned.observed), taken)
}

/// Makes a file what it is to be: with this content, or gone.
fn put(source: &Source) -> Result<(), CliError> {
    match &source.bytes {
        Some(bytes) => replace_with(&source.path, bytes, if source.executable { 0o755 } else { 0o644 }),
        None => Ok(fs::remove_file(&source.path)?),
    }
}

/// Writes a file of the user's whole, with the permissions it had; through a link to where it lies.
///
/// # Errors
/// When it can't be written.
pub(super) fn replace(path: &Path, bytes: &[u8]) -> Result<(), CliError> {
    replace_with(path, bytes, 0o644)
}

/// The same, with what a new file's permissions are.
fn replace_with(path: &Path, bytes: &[u8], new: u32) -> Result<(), CliError> {
    let path = fs::canonical(path).unwrap_or_else(|_| path.to_owned());
    let mode = fs::stat(&path)?.map_or(new, |stat| stat.mode);
    let parent = path.parent().unwrap_or(Path::new("/"));
    fs::make_folders(parent, 0o755)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let temporary = parent.join(format!(".{name}.cs-new"));
    fs::remove_file(&temporary)?;
    fs::write_new(&temporary, bytes, mode | 0o200)?;
    Ok(fs::rename(&temporary, &path)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        for (pattern, what, is) in [
            ("model", "model", true),
            ("permissions", "permissions.allow  Bash(ls:*)", true),
            ("*allow*", "permissions.allow  x", true),
            ("*.md", "agents/a.md", true),
            ("*.md", "agents/a.md.bak", false),
            ("env.*", "model", false),
            ("a*b*c", "axxbyyc", true),
            ("a*b*c", "axxcyyb", false),
        ] {
            assert_eq!(matches(pattern, what), is, "{pattern} {what}");
        }
    }
}
