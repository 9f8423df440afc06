//! `cs build --managed`: a profile as one file of managed settings, for whatever rolls it out to a fleet.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::args::BuildArgs;
use super::engine::{Context, target_in};
use super::error::{CliError, exit, refused};
use super::secrets;
use crate::document::{claude, fresh};
use crate::model::{Content, Declared, DocumentId, FileSpec, Install, Kind, ManagedPath, Want};
use crate::profile::{self, Rendered};
use crate::remote::Policy;
use crate::root::locate;
use crate::sys::{env, fs};

/// Where hooks would lie if nobody says it: only to find out whether there are any.
const NOWHERE: &str = "/";

/// Runs it. What can't be in the file is told beside it, on the standard error.
///
/// # Errors
/// When the profile has errors, or hooks are files and nobody says where they will lie.
pub fn run(context: &Context, args: &BuildArgs) -> Result<u8, CliError> {
    let hooks_dir = args.hooks_dir.as_deref();
    if hooks_dir.is_some_and(Path::is_relative) {
        return Err(CliError::Usage(
            "--hooks-dir must be absolute: it is a folder on the machines that get the file".to_owned(),
        ));
    }
    let base = context.store()?.current_side()?;
    let (which, found) = context.which(base.as_ref())?;
    context.check_there(&which)?;
    let hooks_dir = hooks_dir.map(locate::normal);
    let target = target_in(hooks_dir.as_deref().unwrap_or(Path::new(NOWHERE)));
    let machine = context.machine(&which, Policy::Pinned)?;
    let rendered = profile::render(&which, &target, &machine).map_err(CliError::Profile)?;
    if found {
        context
            .out
            .note(format!("Of the profile found here: {}", context.root.show(Path::new(&which.to_string()))));
    }
    for warning in &rendered.diagnostics {
        context.out.note(warning.to_string());
    }
    let empty = Vec::new();
    let entries = rendered.desired.documents.get(&DocumentId::Settings).unwrap_or(&empty);
    refuse_secrets(context, entries)?;
    let settings = fresh(entries);
    let scripts = Scripts::of(&rendered);
    let folder = match (&hooks_dir, scripts.files.is_empty()) {
        (Some(folder), false) => Some(folder.as_path()),
        (None, false) => return Err(nowhere(&rendered)),
        (_, true) => None,
    };
    if let Some(voiding) = claude::voiding(&settings) {
        return Err(refused(
            format!("{} is {}, so Claude Code would ignore the whole file", voiding.what, voiding.found),
            format!("Claude Code wants {} there. Correct it in the profile.", voiding.wanted),
        ));
    }
    if let Some(into) = &args.files {
        scripts.collect(&env::current_dir()?.join(into))?;
    }
    let text = format!("{settings:#}\n");
    if let Some(file) = &args.out {
        write(&env::current_dir()?.join(file), text.as_bytes(), 0o644)?;
    }
    tell(context, args, &rendered, entries, &scripts, folder);
    if context.out.json {
        let mut object = json!({"version": 1, "success": true, "profile": which.to_string(), "settings": settings,
            "files": scripts.json(folder), "left_out": left_out(&rendered), "not_unset": not_unset(entries),
            "conditions": rendered.facts});
        if let Some(runtime) = &scripts.runtime {
            object["runtime"] = runtime.clone();
        }
        context.out.object(&object);
    } else if let Some(file) = &args.out {
        context.out.line(format!("Written: {}", file.display()));
    } else {
        context.out.document(&text)?;
    }
    Ok(exit::DONE)
}

/// What has to lie in the hooks' folder.
struct Scripts<'r> {
    /// By the name they have there.
    files: Vec<(&'r str, &'r Install, &'r FileSpec)>,
    /// What the bundled hooks read of the profile, where it says anything to them.
    runtime: Option<Value>,
}

/// The file in the hooks' folder that the bundled ones read.
const RUNTIME: &str = "runtime.json";

impl<'r> Scripts<'r> {
    fn of(rendered: &'r Rendered) -> Self {
        let name = |path: &'r ManagedPath| path.as_str().trim_start_matches("hooks/");
        let files: Vec<_> = hooks(rendered)
            .filter_map(|(path, install)| Some((name(path), install, rendered.desired.files.get(path)?)))
            .collect();
        let runs_cs = files.iter().any(|(.., spec)| spec.content == Content::RunningExecutable);
        let says = rendered.desired.runtime.as_object().is_some_and(|runtime| runtime.len() > 1);
        let runtime = (runs_cs && says).then(|| rendered.desired.runtime.clone());
        Self { files, runtime }
    }

    /// Puts all of it into a folder here.
    fn collect(&self, into: &Path) -> Result<(), CliError> {
        fs::make_folders(into, 0o755)?;
        for (name, _, spec) in &self.files {
            let bytes = match &spec.content {
                Content::Bytes(bytes) => bytes.clone(),
                Content::RunningExecutable | Content::Kept(_) => fs::read(&env::executable()?, u64::MAX - 1)?,
            };
            write(&into.join(name), &bytes, 0o755)?;
        }
        if let Some(runtime) = &self.runtime {
            write(&into.join(RUNTIME), format!("{runtime:#}\n").as_bytes(), 0o644)?;
        }
        Ok(())
    }

    /// Each file, and where it comes from.
    fn lines(&self, context: &Context) -> Vec<(String, String)> {
        let source = |install: &Install| match &install.source {
            Some(source) => context.root.show(Path::new(source)),
            None => "cs itself, under this name".to_owned(),
        };
        let mut lines: Vec<_> =
            self.files.iter().map(|(name, install, _)| ((*name).to_owned(), source(install))).collect();
        if self.runtime.is_some() {
            lines.push((RUNTIME.to_owned(), "what [guard], [learning] and [thresholds] say".to_owned()));
        }
        lines
    }

    fn json(&self, folder: Option<&Path>) -> Vec<Value> {
        let path = |name: &str| folder.map_or_else(|| PathBuf::from(name), |folder| folder.join(name));
        let files = self.files.iter();
        files.map(|(name, install, _)| json!({"path": path(name), "source": install.source})).collect()
    }
}

fn hooks(rendered: &Rendered) -> impl Iterator<Item = (&ManagedPath, &Install)> {
    rendered.desired.installs.iter().filter(|(_, install)| install.kind == Kind::Hook)
}

/// What is no setting and no hook.
fn left_out(rendered: &Rendered) -> Vec<String> {
    let installs = rendered.desired.installs.iter().filter(|(_, install)| install.kind != Kind::Hook);
    let servers = rendered.desired.documents.get(&DocumentId::Servers).into_iter().flatten();
    let servers = servers.map(|declared| declared.key.to_string());
    installs.map(|(path, _)| path.to_string()).chain(servers).collect()
}

fn not_unset(entries: &[Declared]) -> Vec<String> {
    let absent = entries.iter().filter(|declared| declared.want == Want::Absent);
    absent.map(|declared| declared.key.to_string()).collect()
}

/// A file for a whole fleet is no place for one person's secrets: whoever has it, reads them.
fn refuse_secrets(context: &Context, entries: &[Declared]) -> Result<(), CliError> {
    let secrets = entries.iter().flat_map(|own| own.secrets.iter().map(move |secret| (own, secret)));
    let lines: Vec<String> = secrets
        .map(|(own, secret)| {
            let (name, source) =
                (secrets::name(&own.key, secret), secrets::told(&secret.source, context.home()));
            format!("\n  {name}  is {source}  ({})", secret.origin)
        })
        .collect();
    if lines.is_empty() {
        return Ok(());
    }
    Err(refused(
        format!("managed settings hold no secrets, since they are rolled out in plain{}", lines.concat()),
        "Nothing was written. Each machine puts them in when it applies a profile of its own; for the key to \
         log in with there is `apiKeyHelper`.",
    ))
}

fn nowhere(rendered: &Rendered) -> CliError {
    let lines: Vec<String> =
        hooks(rendered).map(|(path, install)| format!("\n  {path}  ({})", install.origin)).collect();
    let what = if lines.len() == 1 { "a hook is a file" } else { "hooks are files" };
    refused(
        format!("{what}, and managed settings hold none{}", lines.concat()),
        "Nothing was written. Say in which folder they will lie on every machine: --hooks-dir DIR. (A hook with \
         a `command` needs no file.)",
    )
}

/// What is not in the file, and what is to be done about that.
fn tell(
    context: &Context,
    args: &BuildArgs,
    rendered: &Rendered,
    entries: &[Declared],
    scripts: &Scripts<'_>,
    folder: Option<&Path>,
) {
    let out = context.out;
    let without = left_out(rendered);
    if !without.is_empty() {
        out.warn(format!(
            "left out, since managed settings hold no files: {}. Roll them out as files, or with cs apply on each machine.",
            without.join(", ")
        ));
    }
    let unset = not_unset(entries);
    if !unset.is_empty() {
        out.warn(format!("left out, since managed settings take nothing away: [unset] {}", unset.join(", ")));
    }
    if out.json {
        return;
    }
    if !rendered.facts.is_empty() {
        let fact = |(text, holds): (&String, &bool)| {
            format!("{text} {}", if *holds { "holds" } else { "does not hold" })
        };
        let facts: Vec<String> = rendered.facts.iter().map(fact).collect();
        out.note(format!("Conditions were judged on this machine: {}.", facts.join("; ")));
    }
    let Some(folder) = folder else { return };
    let how = match &args.files {
        Some(into) => format!("collected in {}", into.display()),
        None => "--files DIR collects them".to_owned(),
    };
    out.note(format!("In {} on every machine ({how}):", folder.display()));
    let lines = scripts.lines(context);
    let width = lines.iter().map(|(name, _)| name.chars().count()).max().unwrap_or_default();
    for (name, source) in lines {
        out.note(format!("  {name:width$}  {source}"));
    }
}

/// Whoever reads it meanwhile reads the old file or the new one.
fn write(file: &Path, bytes: &[u8], mode: u32) -> Result<(), CliError> {
    let name = file
        .file_name()
        .ok_or_else(|| CliError::Usage(format!("{} is no name for a file", file.display())))?;
    let staged = file.with_file_name(format!(".{}.cs-new", name.to_string_lossy()));
    fs::remove_file(&staged)?;
    let written = fs::write_new(&staged, bytes, mode).and_then(|()| fs::rename(&staged, file));
    if written.is_err() {
        let _ = fs::remove_file(&staged);
    }
    Ok(written?)
}
