//! `cs recover`: finish or undo an apply that was interrupted.

use serde_json::json;

use super::args::{Durability as Flag, RecoverArgs};
use super::engine::{Context, recovered_json};
use super::error::{CliError, exit};
use crate::root::LockedRoot;
use crate::root::converge::Direction;
use crate::root::store::Durability;
use crate::root::transaction::{self, Recovered};

/// Runs it.
///
/// # Errors
/// When it can't be done without a decision.
pub fn run(context: &Context, args: &RecoverArgs) -> Result<u8, CliError> {
    context.root.check()?;
    let store = context.store()?;
    if crate::sys::fs::lstat(&store.folder())?.is_none() {
        return Ok(nothing(context));
    }
    let asked = match (args.back, args.forward) {
        (true, _) => Some(Direction::Back),
        (_, true) => Some(Direction::Forward),
        _ => None,
    };
    let durability = match args.durability.durability {
        Flag::Full => Durability::Full,
        Flag::None => Durability::None,
    };
    let mut waiting = || context.out.note("Waiting for another cs …");
    let locked = LockedRoot::lock(context.root.clone(), durability, &mut waiting)?;
    let recovered = transaction::recover(&locked, asked)?;
    if recovered == Recovered::Nothing {
        return Ok(nothing(context));
    }
    let words = words(recovered);
    context.out.line(&words);
    context.out.object(
        &json!({"version": 1, "success": true, "message": words, "recovered": recovered_json(recovered)}),
    );
    Ok(exit::DONE)
}

fn nothing(context: &Context) -> u8 {
    context.out.line("Nothing to recover.");
    context
        .out
        .object(&json!({"version": 1, "success": true, "message": "nothing to recover", "recovered": null}));
    exit::DONE
}

fn words(recovered: Recovered) -> String {
    match recovered {
        Recovered::Nothing => String::new(),
        Recovered::Finished(generation) => {
            format!("The interrupted apply of generation {generation} is finished; it is current.")
        }
        Recovered::Undone { was, back_at: Some(back_at) } => {
            format!("The interrupted apply of generation {was} is undone; generation {back_at} is current.")
        }
        Recovered::Undone { was, back_at: None } => {
            format!("The interrupted apply of generation {was} is undone; everything is as it was before.")
        }
    }
}

/// Tells what was recovered on the way to something else.
pub fn tell(context: &Context, recovered: Recovered) {
    if recovered != Recovered::Nothing {
        context.out.note(words(recovered));
    }
}
