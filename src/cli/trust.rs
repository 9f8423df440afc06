//! `cs trust`: the hosts whose word counts here, by the fingerprints of their keys.

use serde_json::json;

use super::args::{TrustArgs, TrustCommand};
use super::engine::Context;
use super::error::{CliError, exit, refused};
use super::identity::learning;
use super::learn::store::{Store, failed as store_failed};
use super::output::{columns, count};
use crate::crypto::Epoch;
use crate::knowledge::audit::{Entry, What};
use crate::knowledge::journal::{self, Journal};
use crate::knowledge::shared::{self, SharedError};
use crate::knowledge::{Learning, upkeep};
use crate::mesh::trust::{self, EditError, Fingerprint};
use crate::model::text::shell_path;
use crate::sys::{clock, env};

/// Runs it.
///
/// # Errors
/// When the list can't be read or written, or there is nothing to do as it was asked.
pub fn run(context: &Context, args: &TrustArgs) -> Result<u8, CliError> {
    match &args.command {
        None | Some(TrustCommand::List) => list(context),
        Some(TrustCommand::Add { fingerprint, name }) => add(context, fingerprint, name.as_deref()),
        Some(TrustCommand::Revoke { host }) => revoke(context, host),
    }
}

fn list(context: &Context) -> Result<u8, CliError> {
    let learning = learning(context)?;
    let (_, entries) = shared::trusted(&learning).map_err(failed)?;
    let rows: Vec<Vec<String>> = entries
        .iter()
        .map(|entry| {
            vec![entry.name.clone(), entry.fingerprint.to_string(), format!("since {}", entry.day.date())]
        })
        .collect();
    if rows.is_empty() {
        context.out.line("No other host is trusted: nothing that others learned counts here.");
        context
            .out
            .line("On the other host, cs identity shows its fingerprint; here, cs trust add FINGERPRINT.");
    } else {
        context.out.lines(&columns(&rows, 3));
    }
    context.out.object(&json!({
        "version": 1,
        "trusted": entries.iter().map(|entry| json!({"name": entry.name, "fingerprint": entry.fingerprint.to_string(),
            "since": entry.day.date()})).collect::<Vec<_>>(),
    }));
    Ok(exit::DONE)
}

fn add(context: &Context, fingerprint: &str, name: Option<&str>) -> Result<u8, CliError> {
    let learning = learning(context)?;
    let own = learning.known_host()?.and_then(|host| host.node().ok());
    let given = Fingerprint::copied(fingerprint).map_err(|error| not_edited(error.into()))?;
    if own.is_some_and(|own| Fingerprint::of(&own.public()) == given) {
        return Err(refused(
            "that is this host's own fingerprint",
            "Run cs identity on the other one: its fingerprint is what goes here.",
        ));
    }
    let made_up = || {
        let given = given.to_string();
        let letters = given.trim_start_matches("SHA256:").chars();
        format!("host-{}", letters.filter(char::is_ascii_alphanumeric).take(6).collect::<String>())
    };
    let name = name.map_or_else(made_up, str::to_owned);
    let day = Epoch::of(clock::now());
    shared::edit_trusted(&learning, |text| Ok((trust::add(text, fingerprint, &name, day)?, ())))
        .map_err(failed)?
        .map_err(not_edited)?;
    audited(&learning, What::Trusted)?;
    refresh(context, &format!("{name} is trusted"))?;
    let message = format!("{name} is trusted: what it learned makes hints here, once it has told.");
    context.out.line(&message);
    context.out.object(&json!({"version": 1, "success": true, "message": message, "name": name}));
    Ok(exit::DONE)
}

fn revoke(context: &Context, which: &str) -> Result<u8, CliError> {
    let learning = learning(context)?;
    let entry = shared::edit_trusted(&learning, |text| trust::revoke(text, which))
        .map_err(failed)?
        .map_err(not_edited)?;
    audited(&learning, What::Revoked)?;
    refresh(context, &format!("{} is not trusted any more", entry.name))?;
    let (_, left) = shared::trusted(&learning).map_err(failed)?;
    let message = format!("{} is not trusted any more: nothing that it told counts from now on.", entry.name);
    context.out.line(&message);
    context.out.line(format!("{} left.", count(left.len(), "host is", "hosts are")));
    context.out.object(&json!({"version": 1, "success": true, "message": message, "name": entry.name}));
    Ok(exit::DONE)
}

/// Puts it into the trail, where there is one.
fn audited(learning: &Learning, what: What) -> Result<(), CliError> {
    let Some(host) = learning.known_host()? else { return Ok(()) };
    let now = clock::now();
    journal::record(&host, Journal::Audit, &Entry::new(now, what, 0).encode(), now)?;
    Ok(())
}

/// Lays out anew what hooks may say: at once, and not with the next day's upkeep. `done`: what was done before, and stays
/// so.
///
/// # Errors
/// When it can't be written.
pub fn refresh(context: &Context, done: &str) -> Result<(), CliError> {
    let store = Store::locate(context)?;
    let Some(host) = store.learning.known_host()? else { return Ok(()) };
    let laid = upkeep::with(&store.learning, &host, &store.rules(), clock::now(), |_| Ok(()));
    laid.map(drop).map_err(|error| {
        let why = store_failed(error).report(context.home()).message;
        refused(
            format!("{done}, but the notes that hooks make could not be laid out anew: {why}"),
            "The next session's start does it; to do it now, mend that, then: cs apply.",
        )
    })
}

fn not_edited(error: EditError) -> CliError {
    refused(error.to_string(), "Nothing was changed. What is there: cs trust list.")
}

/// What went wrong with what is shared.
#[must_use]
pub fn failed(error: SharedError) -> CliError {
    match error {
        SharedError::Key(error) => error.into(),
        SharedError::Busy => CliError::Busy {
            message: error.to_string(),
            hint: "Nothing was changed. Try again in a moment.".to_owned(),
        },
        SharedError::Newer(_) => refused(error.to_string(), "Nothing was changed. Update cs on this host."),
        SharedError::Open(ref path) => {
            let path = shell_path(path, env::home().as_deref());
            let message =
                format!("{path} belongs to others, or they can write to it: it says whom this host believes");
            refused(message, format!("Look at what stands in it; then: chmod go-w {path}"))
        }
        SharedError::NoText(_) => {
            refused(error.to_string(), "Nothing was changed. Put it right, or remove it.")
        }
        SharedError::Trusted { .. } => refused(error.to_string(), "Correct that line, or remove it."),
        error => refused(error.to_string(), "Nothing was changed."),
    }
}
