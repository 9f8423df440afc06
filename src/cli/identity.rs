//! `cs identity`: which machine this is to others, and how well that holds.

use serde_json::json;

use super::args::{IdentityArgs, IdentityCommand};
use super::engine::Context;
use super::error::{CliError, exit};
use super::output::{paint, style};
use super::trust::failed;
use crate::crypto::HostId;
use crate::crypto::identity::{Standing, Tier};
use crate::knowledge::home::Seen;
use crate::knowledge::{KeyError, Learning, shared};
use crate::model::Digest;
use crate::root::Root;
use crate::sys::clock;

/// Runs it.
///
/// # Errors
/// When what is there can't be read, or what is missing not made.
pub fn run(context: &Context, args: &IdentityArgs) -> Result<u8, CliError> {
    let learning = learning(context)?;
    match args.command {
        None => show(context, &learning, None),
        Some(IdentityCommand::Adopt) => adopt(context, &learning),
    }
}

/// Where this user's keys and knowledge are: never in a project's root.
///
/// # Errors
/// When the root is somebody else's or can't be found.
pub fn learning(context: &Context) -> Result<Learning, CliError> {
    let root = Root::locate(context.common.root.as_deref(), None)?;
    root.check()?;
    Ok(Learning::locate(&root.path))
}

fn adopt(context: &Context, learning: &Learning) -> Result<u8, CliError> {
    let now = clock::now();
    let enrolled = learning.enrol(now)?;
    let from = learning.adopt(&enrolled.host)?;
    let has_parted = shared::part(learning, &enrolled.host, now).map_err(failed)?;
    let message = match (&from, enrolled.standing) {
        (Some(from), _) => {
            format!("This machine goes on by itself; what {from} learned stays, as another host's.")
        }
        (None, _) if has_parted => {
            "This machine has a key of its own now, and what it learned; the other one keeps the key that both had, and \
             goes on once it hears of this. On your other hosts, cs trust add with the fingerprint below: they hear this \
             one again. To hear the other one: cs trust add with the fingerprint that it shows."
                .to_owned()
        }
        (None, None) => "This machine is enrolled.".to_owned(),
        (None, Some(Standing::Reinstalled)) => {
            "This machine is known again, under its new system.".to_owned()
        }
        (None, Some(_)) => "This machine was enrolled already.".to_owned(),
    };
    show(context, learning, Some(message))
}

fn show(context: &Context, learning: &Learning, message: Option<String>) -> Result<u8, CliError> {
    let Seen { host, identity, standing, copied_from } = learning.look()?;
    let node = match &host {
        Some(host) => match host.node() {
            Ok(node) => Some(node.public()),
            Err(KeyError::Absent(_)) => None,
            Err(error) => return Err(error.into()),
        },
        None => None,
    };
    let fingerprint = node.map(|node| node.fingerprint());
    // As its ref is called in a repository that hosts share.
    let node = node.map(|node| Digest::from_bytes(node.to_bytes()));
    let out = context.out;
    let used: Vec<&str> = identity.used.iter().map(|kind| kind.name()).collect();
    let (tier, survives) = (identity.tier, identity.tier.survives_reinstall());
    let say = |name: &str, text: String| out.line(format!("{name:<13}{text}"));
    if let Some(message) = &message {
        out.line(message);
    }
    // What would be made up is not made up yet.
    let id = (host.is_some() || tier != Tier::Random).then(|| identity.host.to_string());
    let shown = id.as_deref().unwrap_or("no id yet");
    out.line(format!("{}   {}", paint(style::BOLD, shown), provenance(tier, &used)));
    say("reinstall", reinstall(tier, &used));
    let none =
        || format!("none yet: the key that has one is made by   {}", context.spell("cs identity adopt"));
    say("fingerprint", fingerprint.clone().unwrap_or_else(none));
    say("machine", machine(host.is_some(), standing, copied_from.as_ref()));
    if let Some(host) = &host {
        say("folder", context.root.show(&host.path));
    }
    out.object(&json!({
        "version": 1,
        "success": true,
        "message": message,
        "host_id": id,
        "enrolled": host.is_some(),
        "tier": tier.name(),
        "survives_reinstall": survives,
        "sources": used,
        "fingerprint": fingerprint,
        "node": node,
        "binding": standing.map(Standing::name),
        "copied_from": copied_from,
        "folder": host.map(|host| host.path),
    }));
    Ok(exit::DONE)
}

fn provenance(tier: Tier, used: &[&str]) -> String {
    match tier {
        Tier::Hardware => format!("from this machine's hardware ({})", used.join(", ")),
        Tier::Install => format!("from this installation ({})", used.join(", ")),
        Tier::Random => "made up: nothing here tells this machine from others".to_owned(),
    }
}

fn reinstall(tier: Tier, used: &[&str]) -> String {
    match tier {
        Tier::Hardware => format!(
            "survives it: the id follows from the {} (keys and what was learned only with ~/.claude/learning)",
            used.join(" and the ")
        ),
        Tier::Install => {
            "does not survive it: a new installation has a new machine-id, and the hardware tells nothing"
                .to_owned()
        }
        Tier::Random => {
            "does not survive it: the id is kept in ~/.claude/learning and nowhere else".to_owned()
        }
    }
}

fn machine(is_enrolled: bool, standing: Option<Standing>, copied_from: Option<&HostId>) -> String {
    if !is_enrolled {
        return "not enrolled yet   cs identity adopt   (or cs apply with the hooks that learn)".to_owned();
    }
    if let Some(from) = copied_from {
        return format!("holds a copy of {from}'s folder; nothing is shared until   cs identity adopt");
    }
    match standing {
        Some(Standing::Same) => "the one that was enrolled".to_owned(),
        Some(Standing::Reinstalled) => "the one that was enrolled, under a new system".to_owned(),
        Some(Standing::Copied) => {
            "another one: this folder was copied here. It gets an id and keys of its own   cs identity adopt"
                .to_owned()
        }
        Some(Standing::Unverifiable) => {
            "perhaps the one that was enrolled: its hardware tells nothing, so a clone would look the same"
                .to_owned()
        }
        None => "not bound yet   cs identity adopt".to_owned(),
    }
}
