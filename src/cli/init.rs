//! `cs init`: from a living folder to a profile in one's dotfiles.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::args::InitArgs;
use super::engine::Context;
use super::error::{CliError, exit, refused};
use super::found::{self, Beside, pass};
use super::output::{count, paint, style};
use super::world::Machine;
use crate::document::text;
use crate::draft::{self, Draft, File, Found};
use crate::generation::Cause;
use crate::model::{DocumentId, limits, text::shell_path};
use crate::profile::{self, Diagnostic, ProfileRef, Severity};
use crate::root::{locate, observe};
use crate::sys::{env, fs};

/// The profile's name in the folder that is made.
const PROFILE: &str = "claude-sync.toml";

/// What editors complete and check it by, beside it.
const SCHEMA: &str = "claude-sync.schema.json";

/// How many of the things that stay are told; the profile has them all.
const LEFT_SHOWN: usize = 12;

/// Runs it.
///
/// # Errors
/// When a profile is there already, or what is there can't be read; nothing was written then.
pub fn run(context: &Context, args: &InitArgs) -> Result<u8, CliError> {
    let folder = locate::normal(&env::current_dir()?.join(&args.dir));
    let profile = folder.join(PROFILE);
    if fs::lstat(&profile)?.is_some() {
        return Err(refused(
            format!("there is a profile already: {}", context.root.show(&profile)),
            "Nothing was changed. Take another folder, or look at it: cs plan --profile FILE.",
        ));
    }
    if args.empty || args.from.is_some() {
        return skeleton(context, &folder, args.from.as_deref());
    }
    if folder.starts_with(&context.root.path) {
        return Err(refused(
            format!("{} is what the profile is made of", context.root.show(&context.root.path)),
            "Nothing was changed. Take a folder of your dotfiles, outside of it: cs init DIR.",
        ));
    }
    // After an uninstall all that is there is the user's.
    let current = context.store()?.current_side()?.filter(|side| side.manifest.cause != Cause::Uninstall);
    if let Some(current) = current {
        let number = current.manifest.generation;
        return Err(refused(
            format!("{} is cs's already (generation {number})", context.root.show(&context.root.path)),
            "Its profile is the one that cs status names. For a new one beside it: cs init --empty DIR.",
        ));
    }
    let target = context.target();
    let settings = document(context, target.settings_document)?;
    let mut passed = Vec::new();
    let servers = document(context, target.servers_document).unwrap_or_else(|_| {
        pass(&mut passed, target.servers_document.name(), "it can't be read");
        None
    });
    let paths = found::paths(context, settings.as_ref(), &|_| true, &mut passed);
    let files = found::read(context, &paths, &mut passed)?;
    let (root, home) = (context.root.text(), context.root.home_text());
    let found = Found {
        settings: settings.as_ref(),
        servers: servers.as_ref(),
        files: &files,
        root: &root,
        home: home.as_deref(),
    };
    let mut draft = Draft::of(found);
    let shown = context.root.show(&context.root.path);
    let (printed, warnings) = loop {
        let printed = draft.print(&shown);
        let copies = draft.copies(&files).map(|file| (folder.join(&file.path), file));
        let world = Beside::new(Machine::new(), (&profile, printed.text.as_bytes()), copies);
        let checked = profile::render(&ProfileRef::File(profile.clone()), &context.target(), &world);
        let diagnostics = match checked {
            Ok(rendered) => {
                break (printed, rendered.diagnostics.len());
            }
            Err(diagnostics) => diagnostics,
        };
        let error = diagnostics.iter().find(|found| found.severity == Severity::Error);
        let is_left = error
            .is_some_and(|error| leave(&mut draft, &printed, error, &folder, &context.root.show(&profile)));
        if !is_left {
            return Err(CliError::Profile(diagnostics));
        }
    };
    let copies: Vec<&File> = draft.copies(&files).collect();
    let made = write(context, &folder, &copies, &printed.text)?;
    let linked: Vec<(&str, PathBuf)> = copies
        .iter()
        .filter_map(|file| Some((file.path.as_str(), found::led_to(context, &file.path)?)))
        // One that leads right there was not copied.
        .filter(|(path, from)| *from != folder.join(path))
        .collect();
    tell(context, &profile, &draft, &Told { copies: made, linked: &linked, passed: &passed, warnings });
    Ok(exit::DONE)
}

fn skeleton(context: &Context, folder: &Path, from: Option<&str>) -> Result<u8, CliError> {
    if let Some(from) = from {
        let name = from.strip_prefix("builtin:").filter(|name| profile::builtin(name).is_some());
        if name.is_none() {
            let names: Vec<String> = profile::builtin_names().map(|name| format!("builtin:{name}")).collect();
            return Err(refused(format!("there is no {from}"), format!("There are {}.", names.join(", "))));
        }
    }
    write(context, folder, &[], &draft::skeleton(from))?;
    let shown = context.root.show(&folder.join(PROFILE));
    context.out.line(format!("{shown} is there, with the commonest entries as comments."));
    next(context, &folder.join(PROFILE));
    context.out.object(&json!({"version": 1, "success": true, "profile": folder.join(PROFILE), "copied": 0,
        "declared": {"settings": 0, "hooks": 0, "files": 0}, "left": [], "linked": [], "suspects": [], "warnings": 0}));
    Ok(exit::DONE)
}

/// Leaves out what an error is about; `false` where it is about nothing of the draft's.
fn leave(
    draft: &mut Draft,
    printed: &draft::Printed,
    error: &Diagnostic,
    folder: &Path,
    profile: &str,
) -> bool {
    if error.line > 0 && (error.file == profile || Path::new(&error.file) == folder.join(PROFILE)) {
        return draft.leave(printed, error.line, &error.message);
    }
    let file = Path::new(&error.file);
    let below = file.strip_prefix(folder).ok().and_then(Path::to_str);
    below.is_some_and(|below| draft.leave_file(below, &error.message))
}

/// A document as it is, if it can be read at all.
fn document(context: &Context, id: DocumentId) -> Result<Option<Value>, CliError> {
    let store = context.store()?;
    // It is only read here, so it may lie anywhere, as one of the Nix store's does.
    let observed = observe::read_document(&store, id)?;
    let Some(text) = observed.text else { return Ok(None) };
    // What the client would not read can't be declared either: the fault is told with its place.
    text::with_ast(&text, |_| ()).map_err(|fault| {
        CliError::Root(crate::root::Error::Document { id, path: observed.path, fault: Box::new(fault) })
    })?;
    let (_, body) = text::split_bom(&text);
    Ok(serde_json::from_str(body).ok())
}

/// Writes all of it, the profile last: where that is there, all is. How many copies were made: a file that is there
/// already is the source itself, where the root has a link to it.
fn write(context: &Context, folder: &Path, copies: &[&File], profile: &str) -> Result<usize, CliError> {
    for file in copies {
        let target = folder.join(&file.path);
        let there = fs::read_if_there(&target, limits::SOURCE_BYTES_MAX).unwrap_or(Some(Vec::new()));
        if there.is_some_and(|bytes| bytes != file.bytes) {
            return Err(refused(
                format!("{} is there already, with something else in it", context.root.show(&target)),
                "Nothing was changed. Take an empty folder: cs init DIR.",
            ));
        }
    }
    let mut made = 0;
    for file in copies {
        let target = folder.join(&file.path);
        if fs::lstat(&target)?.is_some() {
            continue;
        }
        made += 1;
        fs::make_folders(target.parent().unwrap_or(folder), 0o755)?;
        fs::write_new(&target, &file.bytes, if file.executable { 0o755 } else { 0o644 })?;
    }
    fs::make_folders(folder, 0o755)?;
    let schema = folder.join(SCHEMA);
    if fs::lstat(&schema)?.is_none() {
        fs::write_new(&schema, super::schema::text().as_bytes(), 0o644)?;
    }
    fs::write_new(&folder.join(PROFILE), profile.as_bytes(), 0o644)?;
    Ok(made)
}

struct Told<'a> {
    copies: usize,
    /// Those of them that are links of the user's, and where they lead.
    linked: &'a [(&'a str, PathBuf)],
    passed: &'a [draft::Left],
    warnings: usize,
}

fn tell(context: &Context, profile: &Path, draft: &Draft, told: &Told<'_>) {
    let out = context.out;
    let (settings, hooks, installs) = draft.counts();
    let parts = [
        count(settings, "setting", "settings"),
        count(hooks, "hook", "hooks"),
        count(installs, "file or folder", "files and folders"),
    ];
    out.line(format!("{}   {}", paint(style::BOLD, context.root.show(profile)), parts.join(", ")));
    if told.copies > 0 {
        out.line(format!("{} copied beside it.", count(told.copies, "file was", "files were")));
    }
    linked(context, told.linked);
    let left: Vec<draft::Left> = told.passed.iter().cloned().chain(draft.left()).collect();
    if !left.is_empty() {
        out.line("\nLeft where it is:");
        let width = left
            .iter()
            .take(LEFT_SHOWN)
            .map(|left| left.what.chars().count())
            .max()
            .unwrap_or_default()
            .min(48);
        for left in left.iter().take(LEFT_SHOWN) {
            out.line(format!("  {:width$}   {}", left.what, paint(style::DIM, &left.why)));
        }
        if left.len() > LEFT_SHOWN {
            out.line(format!("  and {} more, listed at the end of the profile", left.len() - LEFT_SHOWN));
        }
    }
    for suspect in draft.suspects() {
        out.warn(format!(
            "{suspect} looks as if it held a secret, and was copied: look before you publish it"
        ));
    }
    if told.warnings > 0 {
        out.line(format!("\n{} about it: cs plan tells.", count(told.warnings, "warning", "warnings")));
    }
    for id in [context.target().settings_document, context.target().hooks_document] {
        if let Ok(store) = context.store()
            && let Err(error @ crate::root::Error::DocumentPlace { .. }) =
                observe::observe_document(&store, id)
        {
            let report = CliError::Root(error).report(context.home());
            let remedy = report.hints.join(" ").replace("Nothing was changed. ", "");
            out.warn(format!("{}: cs apply will refuse until that is mended. {remedy}", report.message));
            break;
        }
    }
    next(context, profile);
    let left: Vec<Value> = left.iter().map(|left| json!({"what": left.what, "why": left.why})).collect();
    out.object(&json!({"version": 1, "success": true, "profile": profile, "copied": told.copies,
        "declared": {"settings": settings, "hooks": hooks, "files": installs}, "left": left,
        "linked": told.linked.iter().map(|(path, from)| json!({"what": path, "from": from})).collect::<Vec<_>>(),
        "suspects": draft.suspects(), "warnings": told.warnings}));
}

/// Links of the user's own, whose content was copied: what they lead to counts no longer, once the profile is applied.
fn linked(context: &Context, linked: &[(&str, PathBuf)]) {
    let out = context.out;
    if linked.is_empty() {
        return;
    }
    let what = match linked.len() {
        1 => "One of them is a link of yours; its content was copied from where it leads:".to_owned(),
        number => {
            format!("{number} of them are links of yours; their content was copied from where they lead:")
        }
    };
    out.line(format!("\n{what}"));
    let width = linked.iter().map(|(path, _)| path.chars().count()).max().unwrap_or_default().min(48);
    for (path, from) in linked.iter().take(LEFT_SHOWN) {
        out.line(format!("  {path:width$}   {}", paint(style::DIM, context.root.show(from))));
    }
    if linked.len() > LEFT_SHOWN {
        out.line(format!("  and {} more", linked.len() - LEFT_SHOWN));
    }
    out.line(
        "From the first apply on, Claude Code reads what the profile has: edit the copies, not those files.",
    );
}

fn next(context: &Context, profile: &Path) {
    let quoted = shell_path(profile, context.home());
    let next = format!("\nNext: cs plan --profile {quoted}   ·   cs apply --profile {quoted}");
    context.out.line(context.spell(&next));
}
