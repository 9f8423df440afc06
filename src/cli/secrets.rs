//! Looking up the secrets that a profile declares: in the environment, in files, by asking programs.
//!
//! Variables and files are looked at whenever something is planned that could be applied. A program runs
//! then only if the current generation has it already, so that a person has applied it before; a new one
//! runs when its plan was agreed to. What only looks (`status`, `verify`, `why`, `capture`, `doctor`, `diff`)
//! looks nothing up: the marks tell whether what is there is what was written.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::engine::Context;
use super::error::{CliError, refused};
use crate::generation::State;
use crate::model::secret::find;
use crate::model::{Key, Mark, Origin, Secret, Secrets, Source, limits};
use crate::plan::secrets::{looks_secret, mask_line};
use crate::root::locate::show;
use crate::sys::{env, fs, process, random};

/// Which programs may be run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Programs {
    /// Those that an applied state has.
    Known,
    All,
}

/// Takes over from an applied state what is known of the secrets that `state` declares like it.
pub fn recall(state: &mut State, applied: Option<&State>) {
    let Some(applied) = applied else { return };
    for (key, secret) in state.secrets_mut() {
        secret.mark = secret.mark.take().or_else(|| applied.marked(key, secret).cloned());
    }
}

/// Looks up what `state` declares and marks it: as it was marked where it has not changed, so that the same
/// state is the same.
///
/// # Errors
/// When one can't be had: all that can't are named.
pub fn look_up(
    context: &Context,
    state: &mut State,
    applied: &[&State],
    programs: Programs,
) -> Result<Secrets, CliError> {
    let (secrets, missing) = look(context, state, applied, programs)?;
    let hint = "Nothing was changed. What can be told without secrets: cs plan --no-secrets";
    if missing.is_empty() { Ok(secrets) } else { Err(refusal(&missing, hint)) }
}

/// As [`look_up`], for going back: one that can't be had, and stands in the documents as it was applied once,
/// stays as it is. Those are named beside what was found.
///
/// # Errors
/// When one can't be had, and is not there either.
pub fn look_up_or_keep(
    context: &Context,
    state: &mut State,
    applied: &[&State],
    documents: impl FnOnce() -> Result<Vec<Value>, CliError>,
) -> Result<(Secrets, Vec<String>), CliError> {
    let (secrets, mut missing) = look(context, state, applied, Programs::All)?;
    if missing.is_empty() {
        return Ok((secrets, Vec::new()));
    }
    let documents = documents()?;
    let mut kept = Vec::new();
    for (key, secret) in state.secrets_mut().filter(|(_, secret)| secrets.get(&secret.source).is_none()) {
        let place = [key.pointer(), secret.at.clone()].concat();
        let mut texts = documents.iter().filter_map(|value| find(value, &place)?.as_str());
        let marks: Vec<&Mark> =
            secret.mark.iter().chain(applied.iter().filter_map(|state| state.marked(key, secret))).collect();
        if let Some(mark) = texts.find_map(|text| marks.iter().find(|mark| mark.fits(text)).copied().cloned())
        {
            let name = name(key, secret);
            missing.retain(|own| own.key != name);
            secret.mark = Some(mark);
            kept.push(name);
        }
    }
    let hint = context.spell(
        "Nothing was changed. Other generations to go back to: cs generations. To let go of everything, which takes \
         no secrets: cs uninstall",
    );
    if missing.is_empty() { Ok((secrets, kept)) } else { Err(refusal(&missing, &hint)) }
}

fn look(
    context: &Context,
    state: &mut State,
    applied: &[&State],
    programs: Programs,
) -> Result<(Secrets, Vec<Missing>), CliError> {
    let known: BTreeSet<Source> =
        applied.iter().flat_map(|state| state.secrets()).map(|(_, own)| own.source.clone()).collect();
    let mut secrets = Secrets::default();
    let mut missing = Vec::new();
    for (key, secret) in state.secrets_mut() {
        let is_program = matches!(secret.source, Source::Command { .. });
        if is_program && programs == Programs::Known && !known.contains(&secret.source) {
            secret.mark = None;
            continue;
        }
        if secrets.get(&secret.source).is_none() {
            match found(&secret.source, context.home()) {
                Ok(text) => secrets.insert(secret.source.clone(), text),
                Err(fault) => {
                    missing.push(Missing { key: name(key, secret), origin: secret.origin.clone(), fault });
                    continue;
                }
            }
        }
        let text = secret.text(secrets.get(&secret.source).unwrap_or_default());
        let marks = applied.iter().filter_map(|state| state.marked(key, secret));
        let mark = secret.mark.iter().chain(marks).find(|mark| mark.fits(&text)).cloned();
        secret.mark = Some(match mark {
            Some(mark) => mark,
            None => Mark::new(random::bytes()?, &text),
        });
    }
    Ok((secrets, missing))
}

/// Whether a secret of the state was not looked up.
#[must_use]
pub fn is_open(state: &State) -> bool {
    state.secrets().any(|(_, secret)| secret.mark.is_none())
}

/// What a declared secret is called: its entry, and where in it.
#[must_use]
pub fn name(key: &Key, secret: &Secret) -> String {
    crate::model::key::dotted(&[key.pointer(), secret.at.clone()].concat())
}

/// A source as people read it; an argument that looks like a secret is none of their business.
#[must_use]
pub fn told(source: &Source, home: Option<&Path>) -> String {
    match source {
        Source::Env(name) => format!("${name}"),
        Source::File(path) => show(Path::new(path), home),
        Source::Command { argv, .. } => {
            let word = |word: &String| match looks_secret("", &Value::from(word.as_str())) {
                true => "(secret)".to_owned(),
                false => word.clone(),
            };
            format!("`{}`", argv.iter().map(word).collect::<Vec<_>>().join(" "))
        }
    }
}

/// The declared secrets for programs; never what they are.
#[must_use]
pub fn json(state: &State, home: Option<&Path>) -> Value {
    let own = state.secrets().map(|(declared, secret)| {
        json!({"entry": name(&declared.key, secret), "source": told(&secret.source, home),
               "declared": format!("{}:{}", secret.origin.file, secret.origin.line), "known": secret.mark.is_some()})
    });
    own.collect()
}

/// The programs that are run only when the plan is agreed to, one line each.
#[must_use]
pub fn waiting(state: &State, home: Option<&Path>) -> Vec<String> {
    let is_waiting =
        |secret: &Secret| secret.mark.is_none() && matches!(secret.source, Source::Command { .. });
    let own = state.secrets().filter(|(_, secret)| is_waiting(secret));
    own.map(|(declared, secret)| {
        let (what, source) = (name(&declared.key, secret), told(&secret.source, home));
        format!("{what} is what {source} prints; it is run when you apply  ({})", secret.origin)
    })
    .collect()
}

/// A secret that can't be had.
struct Missing {
    key: String,
    origin: Origin,
    fault: Fault,
}

/// Why, and what to do about it.
struct Fault {
    why: String,
    remedy: String,
}

fn fault(why: impl Into<String>, remedy: impl Into<String>) -> Fault {
    Fault { why: why.into(), remedy: remedy.into() }
}

fn refusal(missing: &[Missing], hint: &str) -> CliError {
    let what = match missing.len() {
        1 => "a secret can't be had".to_owned(),
        many => format!("{many} secrets can't be had"),
    };
    let lines: Vec<String> = missing
        .iter()
        .map(|Missing { key, origin, fault: Fault { why, remedy } }| {
            format!("\n  {key}  ({origin})\n    {}\n    {remedy}", why.replace('\n', "\n      "))
        })
        .collect();
    refused(format!("{what}{}", lines.concat()), hint)
}

/// What a source gives now.
fn found(source: &Source, home: Option<&Path>) -> Result<String, Fault> {
    let text = match source {
        Source::Env(name) => env::var(name).ok_or_else(|| {
            fault(format!("the environment has no {name}"), format!("Set it: export {name}=…"))
        })?,
        Source::File(path) => file(Path::new(path), home)?,
        Source::Command { argv, folder } => command(argv, folder, &told(source, home), home)?,
    };
    if text.is_empty() {
        let remedy = "Put something there, or take the entry out of the profile.";
        return Err(fault(format!("{} is empty", told(source, home)), remedy));
    }
    if text.contains('\0') {
        let remedy = "A secret is text.";
        return Err(fault(format!("{} has a NUL in it", told(source, home)), remedy));
    }
    Ok(text)
}

fn file(path: &Path, home: Option<&Path>) -> Result<String, Fault> {
    let shown = show(path, home);
    let remedy = "Put it there, or name another file: paths are relative to the profile.";
    let bytes = match fs::read(path, limits::SECRET_BYTES_MAX) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(fault(format!("there is no file {shown}"), remedy));
        }
        Err(error) => return Err(fault(format!("{shown} can't be read: {}", error.kind()), remedy)),
    };
    let text =
        String::from_utf8(bytes).map_err(|_| fault(format!("{shown} is not UTF-8"), "A secret is text."))?;
    Ok(without_newline(text))
}

fn command(argv: &[String], folder: &str, shown: &str, home: Option<&Path>) -> Result<String, Fault> {
    let Some((program, args)) = argv.split_first() else {
        return Err(fault("it names no program", "Name one."));
    };
    // As the profile has it: relative to its folder, or on PATH.
    let program = match program.contains('/') {
        true => Path::new(folder).join(program),
        false => PathBuf::from(program),
    };
    let remedy = format!(
        "Run it yourself in {}, and try again when it prints the secret.",
        show(Path::new(folder), home)
    );
    let ran = process::answer(&program, args, Path::new(folder), limits::SECRET_MS_MAX);
    let answer =
        ran.map_err(|error| fault(format!("{shown} can't be started: {}", why_not(&error)), remedy.clone()))?;
    let complaint = answer.complaint.lines().map(clean).filter(|line| !line.is_empty());
    let said = complaint.fold(String::new(), |said, line| said + "\n" + &line);
    match (answer.ending, String::from_utf8(answer.text)) {
        (process::Ending::Well, Ok(text)) => Ok(without_newline(text)),
        (process::Ending::Well, Err(_)) => {
            Err(fault(format!("what {shown} prints is not UTF-8"), "A secret is text."))
        }
        (process::Ending::Badly(how), _) => Err(fault(format!("{shown} failed ({how}){said}"), remedy)),
        (process::Ending::Late, _) => {
            let seconds = limits::SECRET_MS_MAX / 1000;
            Err(fault(format!("{shown} did not end within {seconds} s{said}"), remedy))
        }
        (process::Ending::Much, _) => {
            Err(fault(format!("{shown} prints more than {} bytes", limits::SECRET_BYTES_MAX), remedy))
        }
    }
}

fn why_not(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "there is no such program".to_owned(),
        std::io::ErrorKind::PermissionDenied => "it is not executable".to_owned(),
        other => other.to_string(),
    }
}

/// A program's complaint for the terminal: nothing that steers it, and nothing that looks like a secret.
fn clean(line: &str) -> String {
    let line: String = line.chars().filter(|c| !c.is_control()).take(200).collect();
    if looks_secret("", &Value::from(line.as_str())) { "(secret)".to_owned() } else { mask_line(&line) }
}

/// Editors and programs end a line; that one is not the secret's.
fn without_newline(mut text: String) -> String {
    if text.ends_with('\n') {
        text.pop();
        if text.ends_with('\r') {
            text.pop();
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_end_of_line_is_not_the_secrets() {
        for (text, is) in
            [("x\n", "x"), ("x\n\n", "x\n"), ("x\r\n", "x"), ("x", "x"), (" x ", " x "), ("", "")]
        {
            assert_eq!(without_newline(text.to_owned()), is);
        }
    }

    #[test]
    fn a_complaint_steers_no_terminal_and_quotes_no_secret() {
        assert_eq!(clean("gpg: \u{1b}[31mno key\u{7}"), "gpg: [31mno key");
        assert_eq!(clean("token ghp_0123456789abcdefABCDEF refused"), "(secret)");
    }
}
