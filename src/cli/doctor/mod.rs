//! `cs doctor`: looks at everything, changes nothing. What it sees is judged in [`crate::doctor`].

mod look;
mod own;

use serde_json::{Value, json};

use self::look::Look;
use super::engine::Context;
use super::error::{CliError, exit};
use super::output::{count, paint, style};
use crate::doctor::environment::Client;
use crate::doctor::{Finding, Severity, finding};
use crate::model::limits;
use crate::sys::{env, process};

/// Runs it.
///
/// # Errors
/// None that are known: what can't be looked at is a finding.
pub fn run(context: &Context) -> Result<u8, CliError> {
    let client = client();
    let mut look = Look::new(context, client.version());
    look.root();
    look.found.extend(client.finding());
    own::look(context, &mut look.found);
    let found = finding::sorted(look.found);
    tell(context, &found, &client, look.looked_at);
    context.out.object(&object(&found, &client, look.looked_at));
    let is_broken = found.iter().any(|own| own.severity == Severity::Error);
    Ok(if is_broken { exit::REFUSED } else { exit::DONE })
}

/// The client on PATH. It is asked its version and nothing else.
fn client() -> Client {
    let path = env::program("claude");
    let said = path.as_deref().and_then(|path| {
        process::asked(path, "claude", &["--version"], limits::CLIENT_ANSWER_MS_MAX).ok().flatten()
    });
    Client::of(path, said.as_deref())
}

fn tell(context: &Context, found: &[Finding], client: &Client, looked_at: usize) {
    let mut lines = Vec::new();
    let mut last = None;
    let is_told = |own: &&Finding| context.out.verbose || !is_harmless(own);
    let harmless = found.iter().filter(|own| !is_told(own)).count();
    for own in found.iter().filter(is_told) {
        if last != Some(&own.file) {
            let title = own.file.as_ref().map_or("elsewhere".to_owned(), |file| context.root.show(file));
            lines.push(paint(style::BOLD, title));
            last = Some(&own.file);
        }
        lines.extend(shown(context, own));
    }
    if harmless > 0 {
        let notes = count(harmless, "note", "notes");
        let hint = paint(style::DIM, context.spell("cs doctor") + " -v");
        lines.push(format!("{notes} on what is unusual, and not wrong   {hint}"));
    }
    if !found.is_empty() {
        lines.push(String::new());
    }
    lines.push(summary(found, client, looked_at));
    context.out.lines(&lines);
}

/// Whether nothing has to be done about it.
fn is_harmless(own: &Finding) -> bool {
    own.severity == Severity::Note && own.remedy.starts_with("Nothing is")
}

/// What, and what to do about it.
fn shown(context: &Context, own: &Finding) -> [String; 2] {
    let style = match own.severity {
        Severity::Error => style::ERROR,
        Severity::Warning => style::WARNING,
        Severity::Note => style::DIM,
    };
    let severity = paint(style, format!("{:<7}", own.severity.word()));
    let place = own.place.map(|(line, column)| format!("{line}:{column}  ")).unwrap_or_default();
    [
        format!("  {severity}  {place}{}", at_home(context, &own.message)),
        format!("           {}", paint(style::DIM, at_home(context, &own.remedy))),
    ]
}

/// Paths as people read them.
fn at_home(context: &Context, text: &str) -> String {
    let Some(home) = context.home() else { return text.to_owned() };
    let home = format!("{}/", home.display());
    let text = text.strip_prefix(&home).map_or_else(|| text.to_owned(), |rest| format!("~/{rest}"));
    // Not after a quote: the shell would not expand it there.
    [" ", "(", "="]
        .iter()
        .fold(text, |text, before| text.replace(&format!("{before}{home}"), &format!("{before}~/")))
}

fn summary(found: &[Finding], client: &Client, looked_at: usize) -> String {
    let [errors, warnings, notes] = finding::tally(found);
    let client = client.version().map(|version| format!(", Claude Code {version}")).unwrap_or_default();
    let seen = format!("{} looked at{client}", count(looked_at, "file", "files"));
    let words: Vec<String> = [(errors, "error"), (warnings, "warning"), (notes, "note")]
        .into_iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, word)| count(number, word, &format!("{word}s")))
        .collect();
    match (errors + warnings, notes) {
        (0, 0) => format!("Nothing wrong: {seen}"),
        (0, _) => format!("Nothing wrong, {}: {seen}", words.join(", ")),
        _ => format!("{}: {seen}", words.join(", ")),
    }
}

fn object(found: &[Finding], client: &Client, looked_at: usize) -> Value {
    let finding = |own: &Finding| {
        json!({"severity": own.severity.word(), "code": own.code, "file": own.file,
               "line": own.place.map(|(line, _)| line), "column": own.place.map(|(_, column)| column),
               "message": own.message, "remedy": own.remedy})
    };
    let client = match client {
        Client::Missing => Value::Null,
        Client::Silent(path) => json!({"path": path, "version": null}),
        Client::Known(path, version) => json!({"path": path, "version": version.to_string()}),
    };
    json!({"version": 1, "findings": found.iter().map(finding).collect::<Vec<_>>(), "client": client,
           "looked_at": looked_at})
}
