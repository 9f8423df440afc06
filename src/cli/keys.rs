//! `cs keys`: the ring that everything learned is sealed with.

use std::path::Path;

use serde_json::{Value, json};

use super::args::{KeysArgs, KeysCommand};
use super::engine::Context;
use super::error::{CliError, exit, refused};
use super::identity::learning;
use super::output::count;
use crate::crypto::{Epoch, Ring};
use crate::knowledge::{HostFolder, Learning};
use crate::root::locate::{normal, show};
use crate::sys::{clock, env};

/// Runs it.
///
/// # Errors
/// When the ring can't be read or written.
pub fn run(context: &Context, args: &KeysArgs) -> Result<u8, CliError> {
    let learning = learning(context)?;
    match &args.command {
        None | Some(KeysCommand::Status) => status(context, &learning),
        Some(KeysCommand::Rotate) => rotate(context, &learning),
        Some(KeysCommand::Export { file, unprotected }) => export(context, &learning, file, *unprotected),
        Some(KeysCommand::Restore { file }) => restore(context, &learning, file),
    }
}

fn host(learning: &Learning) -> Result<HostFolder, CliError> {
    learning.known_host()?.ok_or_else(|| {
        refused(
            "this machine has no keys yet",
            "A session with the learning hooks makes them, or do it now: cs identity adopt.",
        )
    })
}

fn status(context: &Context, learning: &Learning) -> Result<u8, CliError> {
    let host = host(learning)?;
    let ring = host.ring()?;
    let newest = ring.newest();
    let oldest = ring.epochs().next().unwrap_or(newest);
    let span = match oldest == newest {
        true => newest.date(),
        false => format!("{} to {}", oldest.date(), newest.date()),
    };
    let epochs = count(ring.epochs().count(), "key", "keys");
    let due = match newest < Epoch::of(clock::now()) {
        true => "   the next session begins today's",
        false => "",
    };
    context.out.line(format!("{}   {epochs}, {span}{due}", context.root.show(&host.ring_path())));
    context.out.object(&told(&host, &ring, None));
    Ok(exit::DONE)
}

fn told(host: &HostFolder, ring: &Ring, message: Option<&str>) -> Value {
    let epochs: Vec<Value> =
        ring.epochs().map(|epoch| json!({"epoch": epoch.0, "date": epoch.date()})).collect();
    json!({
        "version": 1,
        "success": true,
        "message": message,
        "host_id": host.id,
        "ring": host.ring_path(),
        "incarnation": format!("{:016x}", ring.incarnation()),
        "newest": ring.newest().0,
        "epochs": epochs,
    })
}

fn rotate(context: &Context, learning: &Learning) -> Result<u8, CliError> {
    let host = host(learning)?;
    let ring = host.rotate_now(clock::now())?;
    let message = format!(
        "A new key is current, that of {}. Who has a copy of the ring from before opens nothing sealed from now on.",
        ring.newest().date()
    );
    context.out.line(&message);
    context.out.object(&told(&host, &ring, Some(&message)));
    Ok(exit::DONE)
}

fn absolute(file: &Path) -> Result<std::path::PathBuf, CliError> {
    Ok(normal(&env::current_dir()?.join(file)))
}

fn export(context: &Context, learning: &Learning, file: &Path, is_meant: bool) -> Result<u8, CliError> {
    let host = host(learning)?;
    if !is_meant {
        return Err(refused(
            "the file would hold the secret keys as they are",
            "Whoever has it can read everything that was learned here. If that is meant: cs keys export FILE \
             --unprotected",
        ));
    }
    let file = absolute(file)?;
    host.export(&file)?;
    let shown = show(&file, context.home());
    let message = format!("The secret keys are in {shown}, unprotected: keep it where only you can read it.");
    context.out.line(&message);
    context.out.object(&json!({"version": 1, "success": true, "message": message, "file": file}));
    Ok(exit::DONE)
}

fn restore(context: &Context, learning: &Learning, file: &Path) -> Result<u8, CliError> {
    let (host, ring) = learning.restore(&absolute(file)?, clock::now())?;
    let message = format!(
        "The ring is back, with {}. To other machines this host begins anew; what it shared before stays.",
        count(ring.epochs().count(), "key", "keys")
    );
    context.out.line(&message);
    context.out.object(&told(&host, &ring, Some(&message)));
    Ok(exit::DONE)
}
