//! `cs mesh status`: which hosts have told what, and when.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::Here;
use crate::cli::engine::Context;
use crate::cli::error::{CliError, exit};
use crate::cli::output::{columns, count};
use crate::crypto::node::NodeId;
use crate::knowledge::shared::{TWIN, TWIN_REMEDY};
use crate::mesh::trust::{Entry, Fingerprint};

/// Runs it.
///
/// # Errors
/// When what is known can't be read.
pub(super) fn run(context: &Context) -> Result<u8, CliError> {
    let here = Here::of(context)?;
    let shared = here.shared()?;
    let (known, twin) = (&shared.mesh, shared.twin_since());
    let aside: BTreeMap<NodeId, String> =
        known.aside().map(|aside| (aside.replica.node, aside.why.to_string())).collect();
    let newest: Vec<_> = known.bundles(&here.trust).collect();
    let ago = |day: u16| match here.today().saturating_sub(day) {
        0 => "today".to_owned(),
        1 => "yesterday".to_owned(),
        days => format!("{days} days ago"),
    };
    let rows: Vec<Vec<String>> = newest
        .iter()
        .map(|bundle| {
            let node = bundle.replica().node;
            let why = aside.get(&node).map(|why| format!("set aside: {why}")).unwrap_or_default();
            vec![
                here.name(&node),
                count(bundle.rows().len(), "pattern", "patterns"),
                format!("told {}", ago(bundle.telling().day)),
                why,
            ]
        })
        .collect();
    let silent: Vec<&Entry> = here
        .entries
        .iter()
        .filter(|entry| !newest.iter().any(|own| Fingerprint::of(&own.replica().node) == entry.fingerprint))
        .collect();
    if rows.is_empty() && silent.is_empty() {
        context.out.line("Nothing was exchanged yet, and no other host is trusted.");
        context
            .out
            .line("On the other host, cs identity shows its fingerprint; here, cs trust add FINGERPRINT.");
    }
    let waiting =
        silent.iter().map(|entry| vec![entry.name.clone(), String::new(), "has told nothing yet".to_owned()]);
    context.out.lines(&columns(&rows.into_iter().chain(waiting).collect::<Vec<_>>(), 3));
    if let Some(since) = twin {
        context.out.wrong(format!("{TWIN} ({}). {TWIN_REMEDY}", ago(since)));
    }
    let digest = known.digest(&here.trust);
    let hosts: Vec<Value> = newest
        .iter()
        .map(|bundle| {
            let (replica, telling) = (bundle.replica(), bundle.telling());
            json!({"name": here.name(&replica.node), "fingerprint": replica.node.fingerprint(),
                "is_own": replica.node == here.key.public(), "incarnation": replica.incarnation,
                "sequence": telling.sequence, "day": telling.day, "patterns": bundle.rows().len(),
                "bytes": bundle.bytes().len(), "set_aside": aside.get(&replica.node)})
        })
        .collect();
    context.out.object(&json!({
        "version": 1,
        "digest": digest.to_string(),
        "hosts": hosts,
        "twin_since": twin,
        "silent": silent.iter().map(|entry| &entry.name).collect::<Vec<_>>(),
    }));
    Ok(exit::DONE)
}
