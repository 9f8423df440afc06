//! What an apply does for the hooks it installs: the host is enrolled and its keys are of today, so that
//! the first event is recorded already.

use super::engine::Context;
use crate::crypto::ring::Epoch;
use crate::generation::State;
use crate::knowledge::fold::Rules;
use crate::knowledge::{Learning, upkeep};
use crate::root::locate::Scope;
use crate::sys::clock;

/// Does it where it is due: bundled hooks are installed for the user, and learning is not off. What
/// goes wrong is a warning: the hooks guard without it.
#[must_use]
pub fn keep_up(context: &Context, state: &State) -> Option<String> {
    let has_hooks = state.files.values().any(|record| record.is_cs);
    let is_off = state.runtime.pointer("/learning/enabled").is_some_and(|enabled| *enabled == false);
    if !has_hooks || is_off || context.root.scope != Scope::User {
        return None;
    }
    let learning = Learning::locate(&context.root.path);
    if is_of_today(&learning) {
        return None;
    }
    upkeep::run(&learning, &Rules::from_runtime(&state.runtime), clock::now())
        .err()
        .map(|error| format!("the hooks will guard but not learn: {error}. `cs keys status` says more"))
}

/// Nothing is written where nothing is due.
fn is_of_today(learning: &Learning) -> bool {
    let host = learning.known_host().ok().flatten();
    host.and_then(|host| host.ring().ok()).is_some_and(|ring| ring.newest() >= Epoch::of(clock::now()))
}
