//! A project's `.gitignore`: what an apply there makes and nobody should commit, offered as lines for it.
//!
//! What is written is remembered in `claude-sync/gitignore.json` first, so that uninstall takes out exactly that.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::args::{ApplyArgs, Common};
use super::engine::Context;
use super::error::CliError;
use super::hint;
use super::output::{paint, style};
use crate::generation;
use crate::model::{DocumentId, ManagedPath, limits};
use crate::plan::tree::is_our_link;
use crate::root::{LockedRoot, Scope, Store};
use crate::sys::{env, fs, process};

/// The newest format of `gitignore.json`: its own, since the file is read whatever becomes of the generations' format.
/// It begins at 2 because the first two followed that; they are the same.
const FORMAT: u32 = 2;

/// `gitignore.json`: what was added, in the order in which it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Record {
    format: u32,
    /// The file; `made` if it was not there.
    path: PathBuf,
    made: bool,
    /// Each time: the bytes that were put at the end.
    texts: Vec<String>,
}

/// After an apply: writes the lines that are wanted, where somebody says so; tells of them else. Silent where
/// git ignores all of it already, and outside of repositories.
///
/// # Errors
/// When the file can't be read or written.
pub fn offer(
    context: &Context,
    locked: &LockedRoot,
    args: &ApplyArgs,
    is_first: bool,
) -> Result<(), CliError> {
    let Scope::Project(project) = &context.root.scope else { return Ok(()) };
    let lines = missing(context, &locked.store, project)?;
    if lines.is_empty() || !(args.gitignore || is_first) {
        return Ok(());
    }
    let named = named(&lines);
    let file = context.root.show(&project.join(".gitignore"));
    let is_wanted = args.gitignore
        || !context.common.yes && context.out.ask(&format!("Add {named} to {file}?")).unwrap_or(false);
    if is_wanted {
        write(&locked.store, &project.join(".gitignore"), &lines)?;
        context.out.line(format!(
            "{file} has {named}.   {}",
            paint(style::DIM, format!("{} takes it out", context.spell("cs uninstall")))
        ));
    } else {
        let common = Common { profile: None, ..context.common.clone() };
        let hint = hint::carry(&common, context.home(), "cs apply --gitignore");
        let hint = paint(style::DIM, format!("{hint} adds it to {file}"));
        context.out.line(format!("Not ignored by git: {named}.   {hint}"));
    }
    Ok(())
}

fn named(lines: &[String]) -> String {
    match lines {
        [first, second, third, _, ..] => format!("{first}, {second}, {third} and {} more", lines.len() - 3),
        [first @ .., last] if !first.is_empty() => format!("{} and {last}", first.join(", ")),
        lines => lines.concat(),
    }
}

/// The links in a project's root that git does not ignore, though what they lead to is ignored: they lead nowhere in
/// a clone. Paths from the root; none outside of repositories, and where there is no git to be asked.
#[must_use]
pub fn shared_links(context: &Context, store: &Store) -> Vec<ManagedPath> {
    let Scope::Project(project) = &context.root.scope else { return Vec::new() };
    let is_repository = project.ancestors().any(|above| is_there(&above.join(".git")));
    let Ok(root) = context.root.path.strip_prefix(project) else { return Vec::new() };
    if !is_repository || env::program("git").is_none() {
        return Vec::new();
    }
    let ledger = store.current_side().ok().flatten().map(|side| side.ledger).unwrap_or_default();
    let is_link = |path: &ManagedPath| {
        let target = fs::read_link(&context.root.path.join(path.as_str())).ok();
        target.is_some_and(|target| is_our_link(path, &target.to_string_lossy()))
    };
    let links: Vec<ManagedPath> = ledger.tree.into_keys().filter(is_link).collect();
    let files: Vec<String> =
        links.iter().map(|path| root.join(path.as_str()).display().to_string()).collect();
    let ask = ["-c", "core.quotePath=false", "check-ignore", "--"];
    let args: Vec<&str> = ask.into_iter().chain(files.iter().map(String::as_str)).collect();
    // It ends badly where it ignores none.
    let ignored = if files.is_empty() { None } else { process::output("git", &args, project) };
    let ignored = ignored.unwrap_or_default();
    let is_ignored = |file: &String| ignored.lines().any(|own| own == file);
    links.into_iter().zip(&files).filter(|(_, file)| !is_ignored(file)).map(|(path, _)| path).collect()
}

fn is_there(path: &Path) -> bool {
    fs::lstat(path).ok().flatten().is_some()
}

/// A path as a line of `.gitignore` that means it and nothing else.
fn line_of(path: &str) -> String {
    path.chars()
        .flat_map(|c| matches!(c, '*' | '?' | '[' | '\\').then_some('\\').into_iter().chain([c]))
        .collect()
}

/// The lines that are needed, as `.gitignore` has them.
fn missing(context: &Context, store: &Store, project: &Path) -> Result<Vec<String>, CliError> {
    if !project.ancestors().any(|above| is_there(&above.join(".git"))) {
        return Ok(Vec::new());
    }
    // A root elsewhere, or above the repository, is none of the project's.
    let Ok(root) = context.root.path.strip_prefix(project) else { return Ok(Vec::new()) };
    let root = root.to_string_lossy();
    let local = DocumentId::LocalSettings.name();
    // Of the store, a file in it: it has a `.gitignore` of its own.
    let wanted = [
        (format!("{root}/{local}"), format!("{root}/{local}")),
        (format!("{root}/claude-sync/"), format!("{root}/claude-sync/lock")),
    ];
    let text = text_of(&project.join(".gitignore"))?.unwrap_or_default();
    let has_git = env::program("git").is_some();
    let is_ignored = |line: &str, file: &str| match has_git {
        true => process::output("git", &["check-ignore", file], project).is_some(),
        false => {
            let plain = |line: &str| line.trim().trim_matches('/').to_owned();
            text.lines().any(|own| plain(own) == plain(line)) || line.ends_with('/')
        }
    };
    let needed =
        wanted.into_iter().filter(|(line, file)| is_there(&project.join(file)) && !is_ignored(line, file));
    let links = shared_links(context, store).into_iter().map(|path| line_of(&format!("{root}/{path}")));
    let needed = needed.map(|(line, _)| line).chain(links);
    // What is committed all the same is not ignored, whatever the file says.
    Ok(needed.filter(|line| !text.lines().any(|own| own == line)).collect())
}

fn text_of(path: &Path) -> Result<Option<String>, CliError> {
    let bytes = fs::read_if_there(path, limits::SOURCE_BYTES_MAX)?;
    Ok(bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
}

fn record_file(store: &Store) -> PathBuf {
    store.folder().join("gitignore.json")
}

fn write(store: &Store, path: &Path, lines: &[String]) -> Result<(), CliError> {
    let before = text_of(path)?;
    let is_open = before.as_ref().is_some_and(|text| !text.is_empty() && !text.ends_with('\n'));
    let text = format!("{}{}\n", if is_open { "\n" } else { "" }, lines.join("\n"));
    let mut record = read(store)?.filter(|record| record.path == path).unwrap_or(Record {
        format: FORMAT,
        path: path.to_owned(),
        made: before.is_none(),
        texts: Vec::new(),
    });
    record.texts.push(text.clone());
    let file = record_file(store);
    let temporary = file.with_extension("new");
    fs::remove_all(&temporary)?;
    fs::write_new(&temporary, &generation::write(&record), 0o600)?;
    fs::rename(&temporary, &file)?;
    super::capture::replace(path, (before.unwrap_or_default() + &text).as_bytes())
}

fn read(store: &Store) -> Result<Option<Record>, CliError> {
    let path = record_file(store);
    let Some(text) = fs::read_if_there(&path, limits::DOCUMENT_READ_BYTES_MAX)? else { return Ok(None) };
    let read =
        generation::read_up_to(&text, FORMAT).map_err(|error| crate::root::Error::Format { path, error })?;
    Ok(Some(read))
}

/// Refuses where a newer `cs` has noted what was added: it could not be taken out.
///
/// # Errors
/// As said.
pub fn check(store: &Store) -> Result<(), CliError> {
    match read(store) {
        Err(CliError::Root(error)) if error.is_newer() => Err(error.into()),
        _ => Ok(()),
    }
}

/// Takes out what was added; what others wrote stays, and so does what they have changed of ours.
///
/// # Errors
/// When the file can't be read or written; running it again does the rest.
pub fn undo(store: &Store) -> Result<(), CliError> {
    let Some(record) = read(store)? else { return Ok(()) };
    if let Some(before) = text_of(&record.path)? {
        let after = record.texts.iter().rev().fold(before.clone(), |text, own| without(&text, own));
        if record.made && after.is_empty() {
            fs::remove_file(&record.path)?;
        } else if after != before {
            super::capture::replace(&record.path, after.as_bytes())?;
        }
    }
    fs::remove_file(&record_file(store))?;
    Ok(())
}

/// The text without what was put at its end, wherever that is by now.
fn without(text: &str, own: &str) -> String {
    if let Some(before) = text.strip_suffix(own) {
        return before.to_owned();
    }
    let lines = own.trim_start_matches('\n');
    let at = text.match_indices(lines).map(|(at, _)| at).find(|at| *at == 0 || text[..*at].ends_with('\n'));
    at.map_or_else(|| text.to_owned(), |at| format!("{}{}", &text[..at], &text[at + lines.len()..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_added_goes_and_nothing_else() {
        for (before, own, after) in [
            ("", "a\n", ""),
            ("x\na\n", "a\n", "x\n"),
            ("x\na\n", "\na\n", "x"),
            ("x\na\ny\n", "\na\n", "x\ny\n"),
            ("a\ny\n", "a\n", "y\n"),
            ("xa\ny\n", "a\n", "xa\ny\n"),
            ("x\nb\n", "a\n", "x\nb\n"),
        ] {
            assert_eq!(without(before, own), after, "{before:?} {own:?}");
        }
    }
}
