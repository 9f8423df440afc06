//! From an error's kind to what a person reads and what a script gets. The only place that
//! knows exit codes and remedies.

use std::path::Path;

use serde_json::json;

use crate::document::claude::Voiding;
use crate::document::{Fault, Refusal};
use crate::knowledge::KeyError;
use crate::model::{DocumentId, Origin, key::dotted, text::shell_path};
use crate::plan::secrets::mask_line;
use crate::plan::{Conflict, Plan, Problem};
use crate::profile::Diagnostic;
use crate::root::{self, locate::show, sealed::KEY as SEAL_KEY};
use crate::sys::env;

/// Why a command did not do what was asked.
#[derive(Debug)]
pub enum CliError {
    Root(root::Error),
    Profile(Vec<Diagnostic>),
    Problems(Vec<Problem>),
    /// Paths are taken; with what would be done but for them.
    Taken {
        problems: Vec<Problem>,
        plan: Box<Plan>,
    },
    /// Somebody else is at work.
    Busy {
        message: String,
        hint: String,
    },
    /// Refused with words of its own.
    Refused {
        message: String,
        hint: String,
    },
    /// Refused with words of its own, beside which programs are told what came of each part.
    Partly {
        message: String,
        hint: String,
        is_busy: bool,
        told: serde_json::Value,
    },
    Usage(String),
    /// A bug of ours.
    Bug(String),
}

impl From<root::Error> for CliError {
    fn from(error: root::Error) -> Self {
        Self::Root(error)
    }
}

impl From<std::io::Error> for CliError {
    fn from(error: std::io::Error) -> Self {
        Self::Root(root::Error::Io(error))
    }
}

impl From<crate::remote::Error> for CliError {
    fn from(error: crate::remote::Error) -> Self {
        let remedy = error.remedy();
        match error {
            crate::remote::Error::Io(error) => error.into(),
            error => refused(
                error.to_string(),
                format!("{UNCHANGED} {}{}.", remedy[..1].to_uppercase(), &remedy[1..]),
            ),
        }
    }
}

impl From<KeyError> for CliError {
    fn from(error: KeyError) -> Self {
        if let KeyError::Locked(path) = error {
            return Self::Root(root::Error::Locked(path));
        }
        let home = env::home().map(|home| format!("{}/", home.display()));
        let short = |text: String| match &home {
            Some(home) => text.replace(home.as_str(), "~/"),
            None => text,
        };
        refused(short(error.to_string()), short(error.remedy()))
    }
}

impl From<crate::plan::check::Flaw> for CliError {
    fn from(flaw: crate::plan::check::Flaw) -> Self {
        Self::Bug(flaw.to_string())
    }
}

/// Exit codes, as documented in `cs --help`.
pub mod exit {
    pub const DONE: u8 = 0;
    pub const REFUSED: u8 = 1;
    pub const USAGE: u8 = 2;
    pub const PENDING: u8 = 3;
    pub const LOCKED: u8 = 4;
    pub const UNDECIDED: u8 = 5;
    pub const BUG: u8 = 70;
}

/// A refusal with what to do about it.
pub fn refused(message: impl Into<String>, hint: impl Into<String>) -> CliError {
    CliError::Refused { message: message.into(), hint: hint.into() }
}

/// An error as people read it.
#[derive(Debug, Default)]
pub struct Report {
    /// The first line, after `error: `.
    pub message: String,
    /// Places and details, each line as it is.
    pub details: Vec<String>,
    /// What to do next.
    pub hints: Vec<String>,
}

impl CliError {
    /// The exit code.
    #[must_use]
    pub fn code(&self) -> u8 {
        match self {
            Self::Root(root::Error::Locked(_)) | Self::Busy { .. } | Self::Partly { is_busy: true, .. } => {
                exit::LOCKED
            }
            Self::Root(root::Error::Undecided { .. } | root::Error::Stuck { .. }) => exit::UNDECIDED,
            Self::Usage(_) => exit::USAGE,
            Self::Bug(_) => exit::BUG,
            Self::Root(_)
            | Self::Profile(_)
            | Self::Problems(_)
            | Self::Taken { .. }
            | Self::Partly { .. }
            | Self::Refused { .. } => exit::REFUSED,
        }
    }

    /// Message, details and hints.
    #[must_use]
    pub fn report(&self, home: Option<&Path>) -> Report {
        match self {
            Self::Root(error) => root_report(error, home),
            Self::Profile(diagnostics) => profile_report(diagnostics, home),
            Self::Problems(problems) | Self::Taken { problems, .. } => problems_report(problems, home),
            Self::Refused { message, hint }
            | Self::Busy { message, hint }
            | Self::Partly { message, hint, .. } => {
                Report { message: message.clone(), hints: vec![hint.clone()], ..Report::default() }
            }
            Self::Usage(message) => Report { message: message.clone(), ..Report::default() },
            Self::Bug(message) => Report {
                message: message.clone(),
                hints: vec![
                    "Nothing was changed. This is a bug in cs; please report it with the command you ran."
                        .into(),
                ],
                ..Report::default()
            },
        }
    }

    /// For programs.
    #[must_use]
    pub fn json(&self, home: Option<&Path>) -> serde_json::Value {
        let Report { message, details, hints } = self.report(home);
        let mut object = json!({"version": 1, "success": false, "message": message, "errors": details, "hints": hints,
               "exit_code": self.code(), "rolled_back": matches!(self, Self::Root(root::Error::Undone { .. }))});
        if let Self::Partly { told: serde_json::Value::Object(told), .. } = self {
            told.iter().for_each(|(name, value)| object[name] = value.clone());
        }
        object
    }
}

const UNCHANGED: &str = "Nothing was changed.";
const BACK: &str = "`cs recover --back` makes the newest one current that can.";

fn root_report(error: &root::Error, home: Option<&Path>) -> Report {
    use root::Error;
    let path_of = |path: &Path| show(path, home);
    let mut report = Report { message: error.to_string(), ..Report::default() };
    let hint = match error {
        Error::Io(io) => format!("{UNCHANGED} {}", io_remedy(io)),
        Error::Missing(_) => {
            format!("{UNCHANGED} `cs generations` shows which ones can still be read. {BACK}")
        }
        Error::NoHome => "Set HOME, or say where: cs --root DIR.".to_owned(),
        Error::NoProject { path, is_taken } => {
            report.message = format!("there is no folder {}", path_of(path));
            match is_taken {
                true => format!("{UNCHANGED} It is something else: after --project comes the folder of a project."),
                false => {
                    let path = shell_path(path, home);
                    format!("{UNCHANGED} Look whether the path is right; for a new project: mkdir -p {path}")
                }
            }
        }
        Error::NotAFolder(path) => {
            report.message = format!("{} is not a folder", path_of(path));
            format!("{UNCHANGED} Move it away, or say where the configuration is: cs --root DIR.")
        }
        Error::ForeignOwner { .. } => {
            format!("{UNCHANGED} Run cs as that user (under sudo HOME may still be yours: use sudo -H, or no sudo at all).")
        }
        Error::OtherSystem { .. } => format!(
            "{UNCHANGED} Hooks are programs: one folder can't serve two kinds of machine. Give each its own: \
             export CLAUDE_CONFIG_DIR=~/.claude-$(uname -m)"
        ),
        Error::Locked(_) => "Wait for it to end, then try again.".to_owned(),
        Error::Format { error: crate::generation::FormatError::Newer { .. }, .. } => {
            format!("{UNCHANGED} Update cs on this machine.")
        }
        Error::Damaged(_) => format!("{UNCHANGED} `cs recover --back` makes the newest generation current that can still be read."),
        Error::Format { .. } => format!("{UNCHANGED} `cs generations` shows which ones can still be read. {BACK}"),
        Error::NoGeneration(_) => "`cs generations` lists them.".to_owned(),
        Error::SealKey(path) => {
            report.message = error.to_string();
            report.details.push(format!("  {}", path_of(path)));
            format!(
                "{UNCHANGED} Put it back from a backup. `cs verify` names what is sealed with it, and what to do without."
            )
        }
        Error::Corrupt { .. } => format!("{UNCHANGED} Apply your profile instead: cs apply."),
        Error::Document { id, path, fault } => {
            document_report(&mut report, *id, &path_of(path), fault);
            return report;
        }
        Error::DocumentPlace { id, path, why, remedy } => {
            report.message = format!("{id} can't be written: {why}");
            report.details.push(format!("  {}", path_of(path)));
            format!("{UNCHANGED} {remedy}")
        }
        Error::SharedDocument { id, path, other } => {
            report.message = format!("{id} has entries of another root's already");
            report.details.push(format!("  {} is the settings file of {}, too", path_of(path), path_of(other)));
            format!(
                "{UNCHANGED} Each would take the other's entries for yours. Give this root a file of its own, or \
                 let go there first: cs uninstall --root {}",
                shell_path(other, home)
            )
        }
        Error::Busy(_) => format!("{UNCHANGED} Stop whatever keeps writing it, then try again."),
        Error::NoExec(path) => {
            report.message = format!("programs can't be run from {}", path_of(path));
            format!(
                "{UNCHANGED} The file system is mounted noexec (or the program is for another machine). Remount it, or \
                 put the configuration elsewhere: export CLAUDE_CONFIG_DIR=DIR."
            )
        }
        Error::InTheWay(path) => {
            report.message = format!("{} is in the way: cs did not put it there", path_of(path));
            "Move it away, then run cs recover.".to_owned()
        }
        Error::Undecided { .. } => {
            "Remove what is in the way and run `cs recover`; `cs recover --back` undoes it, `cs recover --forward` \
             finishes it."
                .to_owned()
        }
        Error::Undone { back_at, cause } => {
            let at = back_at.map(|at| format!(": generation {at} is current")).unwrap_or_default();
            let remedy = match &**cause {
                Error::Io(io) => io_remedy(io),
                _ => "When that is mended, try again.",
            };
            format!("Everything is as it was{at}. {remedy}")
        }
        Error::Stuck { .. } => "Nothing is lost: the next cs undoes it, or finishes it if it had arrived. To do it now: cs recover.".to_owned(),
    };
    report.hints.push(hint);
    report
}

/// What to do about an error of the system.
fn io_remedy(error: &std::io::Error) -> &'static str {
    match error.kind() {
        std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => {
            "The disk is full: free some space and try again."
        }
        std::io::ErrorKind::PermissionDenied => {
            "Look at who owns it (ls -ld) and whether you may write there."
        }
        std::io::ErrorKind::ReadOnlyFilesystem => "It is mounted read-only: remount it and try again.",
        std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory => {
            "It is not there, or no folder that it could be in: look whether the path is right."
        }
        std::io::ErrorKind::IsADirectory => {
            "It is a folder, and should be a file: look whether the path is right."
        }
        std::io::ErrorKind::AlreadyExists => {
            "Something else is there already: move it away, or take another path."
        }
        std::io::ErrorKind::InvalidFilename => "The name is too long: take another one.",
        std::io::ErrorKind::FileTooLarge => "Look whether it is the file that you mean.",
        _ => "If it fails again, look at what the system says of the disk (dmesg).",
    }
}

/// The headline, the place and the remedy for a document that can't be used.
fn document_report(report: &mut Report, id: DocumentId, path: &str, fault: &Fault) {
    report.message = match fault.kind.is_void() {
        true => format!("{id} {}, so Claude Code ignores the whole file", fault.kind),
        false => format!("{id} {}", fault.kind),
    };
    report.details.push(format!("  {path}:{}:{}", fault.line, fault.column));
    if !fault.source_line.is_empty() {
        let number = fault.line.to_string();
        let pad = " ".repeat(fault.column - 1);
        let line = mask_line(&fault.source_line.replace('\t', " "));
        report.details.push(format!("    {number} | {line}"));
        report.details.push(format!(
            "    {} | {pad}{}",
            " ".repeat(number.len()),
            "^".repeat(fault.width.min(60))
        ));
    }
    report.hints.push(format!("{UNCHANGED} {}", fault.kind.remedy()));
}

fn profile_report(diagnostics: &[Diagnostic], home: Option<&Path>) -> Report {
    let errors = diagnostics.iter().filter(|d| d.severity == crate::profile::Severity::Error).count();
    let message = if errors == 1 {
        "the profile has an error".into()
    } else {
        format!("the profile has {errors} errors")
    };
    let details = diagnostics.iter().map(|found| shown(found, home)).collect::<Vec<_>>().join("\n\n");
    Report { message, details: vec![details], hints: vec![UNCHANGED.to_owned()] }
}

/// What the profile's reader says, for people: its file under `~`, and no secret in the line.
#[must_use]
pub fn shown(diagnostic: &Diagnostic, home: Option<&Path>) -> String {
    let file = show(Path::new(&diagnostic.file), home);
    let source_line = mask_line(&diagnostic.source_line);
    Diagnostic { file, source_line, ..diagnostic.clone() }.to_string()
}

fn problems_report(problems: &[Problem], home: Option<&Path>) -> Report {
    let conflicts: Vec<&Conflict> = problems
        .iter()
        .filter_map(|problem| if let Problem::Conflict(conflict) = problem { Some(conflict) } else { None })
        .collect();
    let mut report = Report::default();
    if !conflicts.is_empty() {
        report.message = match conflicts.len() {
            1 => "a path is taken by something that is not cs's".to_owned(),
            n => format!("{n} paths are taken by something that is not cs's"),
        };
        report.details.extend(conflicts.iter().map(|conflict| conflict_line(conflict)));
        report.hints.push(format!("{UNCHANGED} {}", conflict_hint(&conflicts)));
    }
    for problem in problems {
        match problem {
            Problem::Conflict(_) => {}
            Problem::Document(id, Refusal::Fault(fault)) => {
                let mut own = Report::default();
                document_report(&mut own, *id, id.name(), fault);
                append(&mut report, own);
            }
            Problem::Document(id, Refusal::Shape { pointer, found, wanted, key, origin }) => {
                let by = origin.as_ref().map(|origin| format!(", declared in {origin},")).unwrap_or_default();
                let message =
                    format!("{} in {id} is {found}, and {key}{by} needs {wanted} there", dotted(pointer));
                let hint =
                    format!("{UNCHANGED} Correct or remove {} there, then try again.", dotted(pointer));
                append(&mut report, Report { message, details: Vec::new(), hints: vec![hint] });
            }
            Problem::Document(id, Refusal::Sealed { key }) => {
                let message = format!(
                    "what {key} in {id} stands on can't be given back: it is sealed, and the key is gone"
                );
                let hint = format!(
                    "{UNCHANGED} Put {SEAL_KEY} back from a backup. Without one: set {} in {id} to what you want there; \
                     then it is yours, and stays.",
                    dotted(&key.pointer())
                );
                append(&mut report, Report { message, details: Vec::new(), hints: vec![hint] });
            }
            Problem::Void(id, voiding, origin) => {
                append(&mut report, void_report(*id, voiding, origin.as_ref(), home));
            }
        }
    }
    report
}

/// A document that the client would ignore, by the user's doing or by the profile's.
fn void_report(id: DocumentId, voiding: &Voiding, origin: Option<&Origin>, home: Option<&Path>) -> Report {
    let Voiding { what, wanted, found } = voiding;
    let Some(origin) = origin else {
        let message = format!("{what} in {id} is {found}, so Claude Code ignores the whole file");
        let hint = format!("{UNCHANGED} Claude Code wants {wanted} there. Correct it, then try again.");
        return Report { message, details: Vec::new(), hints: vec![hint] };
    };
    let message = format!("by the profile {what} is {found}, and Claude Code would ignore the whole {id}");
    let details = vec![format!("  {}:{}", show(Path::new(&origin.file), home), origin.line)];
    let hint = match found.as_str() {
        "missing" => format!("{UNCHANGED} Declare {what}, too: Claude Code wants {wanted} there."),
        _ => format!("{UNCHANGED} Correct it there: Claude Code wants {wanted}."),
    };
    Report { message, details, hints: vec![hint] }
}

fn append(report: &mut Report, other: Report) {
    if report.message.is_empty() {
        report.message = other.message;
    } else {
        report.details.push(format!("error: {}", other.message));
    }
    report.details.extend(other.details);
    report.hints.extend(other.hints);
}

fn conflict_line(conflict: &Conflict) -> String {
    let Conflict { path, found: _, identical, is_parent, was_ours, origin } = conflict;
    let note = match (identical, is_parent, was_ours) {
        (true, ..) => "  with the same content",
        (_, true, _) => "  where a folder has to be",
        (_, _, true) => "  put there by others since the last apply",
        _ => "",
    };
    format!("  {path}  is {}{note}  ({origin})", conflict.describe())
}

/// All that can be done about it, for each kind that there is.
fn conflict_hint(conflicts: &[&Conflict]) -> String {
    let (parents, paths): (Vec<&Conflict>, Vec<&Conflict>) =
        conflicts.iter().copied().partition(|conflict| conflict.is_parent);
    let mut hints = Vec::new();
    if !parents.is_empty() {
        hints.push("cs only puts things into real folders: move that away, or make it a folder.");
    }
    let is_any_same = paths.iter().any(|conflict| conflict.identical);
    let is_any_ours = paths.iter().any(|conflict| conflict.was_ours && !conflict.identical);
    if !paths.is_empty() && paths.iter().all(|conflict| conflict.identical) {
        hints.push("Take them over: --on-conflict adopt (or backup, which brings them back on uninstall).");
    } else if !paths.is_empty() {
        hints.push(match is_any_ours {
            true => {
                "What was put there since the last apply goes into the profile's own files with cs capture. Or move it \
                 aside, and get it back on uninstall: --on-conflict backup."
            }
            false => "Move aside what is there, and get it back on uninstall: --on-conflict backup.",
        });
        hints.push("Leave it, and leave out what was declared there: --on-conflict skip.");
        if is_any_same {
            hints.push("What has the same content can be taken over, where nothing else is in the way: --on-conflict adopt.");
        }
    }
    hints.join(" ")
}
