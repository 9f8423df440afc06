//! `cs audit`: the trail of what the hooks and the keys did that a person may want to look up.

use serde_json::{Value, json};

use super::args::AuditArgs;
use super::engine::Context;
use super::error::{CliError, exit, refused};
use super::output::count;
use crate::guard;
use crate::knowledge::audit::{Entry, What, code_of};
use crate::knowledge::{Learning, fold};
use crate::sys::clock;

/// Runs it.
///
/// # Errors
/// When the trail can't be opened.
pub fn run(context: &Context, args: &AuditArgs) -> Result<u8, CliError> {
    let learning = Learning::locate(&context.root.path);
    let Some(host) = learning.known_host()? else {
        context.out.line("Nothing was recorded here yet.");
        context.out.object(&json!({"version": 1, "entries": []}));
        return Ok(exit::DONE);
    };
    let now = clock::now();
    let mut snapshot = fold::known_of(&host, now)
        .map_err(|error| refused(format!("the trail can't be read: {error}"), "cs keys status"))?;
    // Of one minute, what was recorded last.
    snapshot.audit.reverse();
    snapshot.audit.sort_by_key(|entry| std::cmp::Reverse(entry.minute));
    snapshot.audit.truncate(args.most);
    for entry in &snapshot.audit {
        context.out.line(text(*entry, now));
    }
    if snapshot.audit.is_empty() {
        context.out.line("Nothing was recorded yet.");
    }
    let entries: Vec<Value> = snapshot.audit.iter().map(|entry| value(*entry)).collect();
    context.out.object(&json!({"version": 1, "entries": entries}));
    Ok(exit::DONE)
}

fn family(entry: Entry) -> Option<&'static str> {
    let is_guard = matches!(entry.what, What::Asked | What::Denied);
    guard::FAMILY_NAMES.into_iter().find(|family| is_guard && code_of(family) == entry.detail)
}

fn text(entry: Entry, now: u64) -> String {
    let ago = super::output::ago(u64::from(entry.minute) * 60, now);
    let many = |one, more| count(usize::try_from(entry.detail).unwrap_or(usize::MAX), one, more);
    let damaged = format!("{} of a journal damaged or torn", many("line", "lines"));
    let exchanged = format!("an exchange with other hosts: {} taken", many("bundle", "bundles"));
    let refused = format!("{} of other hosts not taken", many("bundle", "bundles"));
    let aside = format!("{} set aside: two things told under one number", many("host", "hosts"));
    let what = match entry.what {
        What::Asked => "the guard asked about a command",
        What::Denied => "the guard refused a command",
        What::Sampled => "a busy day: from here on some events were left out",
        What::Damaged => &damaged,
        What::Rotated => "a new day's key",
        What::KeyDropped => "old keys were destroyed, and what they sealed with them",
        What::GaveUp => "a hook gave up on what it had to look at",
        What::SnapshotDamaged => {
            "the snapshot was damaged: what its predecessor and the journals still had serves"
        }
        What::HostChanged => "this machine was known again, under a new system",
        What::Exchanged => &exchanged,
        What::NotTaken => &refused,
        What::SetAside => &aside,
        What::Trusted => "another host was trusted",
        What::Revoked => "another host was trusted no more",
        What::Twin => "another machine has this host's key: nothing is told any more",
    };
    let detail = family(entry).map(|family| format!("   {family}")).unwrap_or_default();
    format!("{ago:<16} {what}{detail}")
}

fn value(entry: Entry) -> Value {
    json!({"minute": entry.minute, "what": entry.what.word(), "family": family(entry)})
}
