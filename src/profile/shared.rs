//! `shared = true`: a hook of a project's that runs for whoever has the repository, and so what of it has to travel.
//!
//! Any other hook of a project is wired in `settings.local.json`, which git ignores: its command names this machine's
//! path. A shared one stands in `settings.json`, is a copy in the project, and is named by the variable that the client
//! sets.

use super::Target;
use super::diagnostic::{Spot, named};
use super::installs::{Out, SourceFile};
use super::script::{Interpreter, is_program};
use super::tree::{Table, Value};
use crate::model::InstallMode;

/// Where interpreters are on every machine.
const SYSTEM: [&str; 2] = ["/bin/", "/usr/bin/"];

/// Whether a hook's table says that it is.
pub(super) fn is_asked_for(table: &Table) -> bool {
    table.get("shared").is_some_and(|entry| matches!(entry.node.value, Value::Bool(true)))
}

/// Whether a hook may be what its table says of this: one that is shared has to be a copied script of a project.
pub(super) fn check(name: &str, table: &Table, target: &Target, out: &mut Out<'_>) -> bool {
    let Some(entry) = table.get("shared").filter(|_| is_asked_for(table)) else { return true };
    let (why, help) = if table.contains_key("builtin") {
        (
            "a bundled hook is this machine's cs, and not in the repository",
            "leave `shared` out: everybody who wants it applies a profile of their own",
        )
    } else if table.contains_key("command") {
        (
            "what a `command` runs is not in the repository",
            "make it a script in the project, and that its `source`; or leave `shared` out",
        )
    } else if target.project.is_none() {
        (
            "this is no project's root, so nobody has it but you",
            "apply it with --project DIR; or leave `shared` out",
        )
    } else if out.mode(table) == InstallMode::Link {
        ("a link leads nowhere in a clone", "leave out `mode = \"link\"`: in a project files are copied")
    } else {
        return true;
    };
    out.report.error(entry.at, format!("[hooks.{name}] can't be shared: {why}")).help(help);
    false
}

/// Refuses a script that others can't change, or can't run.
pub(super) fn check_file(name: &str, file: &SourceFile, at: Spot, target: &Target, out: &mut Out<'_>) {
    let Some(project) = &target.project else { return };
    if !out.world.canonical(&file.path).starts_with(out.world.canonical(project)) {
        let shown = file.path.display().to_string();
        out.report
            .error(at, format!("[hooks.{name}] can't be shared: {} lies outside the project", named(&shown)))
            .help("put it into the project, where everybody can change it; or leave `shared` out");
    }
    let text = String::from_utf8_lossy(&file.bytes);
    let first = text.lines().next().and_then(|line| line.strip_prefix("#!"));
    let Some(first) = first.filter(|_| !is_program(&file.bytes)) else { return };
    let program = Interpreter::parse(first.trim()).program;
    if program.starts_with('/') && !SYSTEM.iter().any(|folder| program.starts_with(folder)) {
        let short = program.rsplit('/').next().unwrap_or_default();
        out.report
            .error(
                at,
                format!("[hooks.{name}] can't be shared: {} is this machine's interpreter", named(&program)),
            )
            .help(format!("begin the script with `#!/usr/bin/env {short}`"));
    }
}
