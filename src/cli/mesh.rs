//! `cs mesh`: what hosts learned, exchanged between them.

mod failure;
mod peers;
mod status;
mod sync;

use super::args::{MeshArgs, MeshCommand};
use super::engine::Context;
use super::error::CliError;
use super::learn::store::Store;
use super::trust::failed;
use crate::crypto::NodeKey;
use crate::crypto::node::NodeId;
use crate::knowledge::shared::{self, Shared, Tale};
use crate::knowledge::{HostFolder, fold};
use crate::mesh::row::WINDOW_DAYS;
use crate::mesh::talk::Own;
use crate::mesh::trust::{Entry, Fingerprint};
use crate::mesh::{Rows, Trusted, rows_of};
use crate::sys::{clock, random};

/// Runs it.
///
/// # Errors
/// When what was learned can't be read or written, or nobody could be reached.
pub fn run(context: &Context, args: &MeshArgs) -> Result<u8, CliError> {
    if context.common.profile.is_some() {
        context.out.warn("--profile changes nothing here: cs mesh goes by the profile that was applied");
    }
    match &args.command {
        None | Some(MeshCommand::Status) => status::run(context),
        Some(MeshCommand::Peers) => peers::run(context),
        Some(MeshCommand::Sync(args)) => sync::run(context, args),
        Some(MeshCommand::Serve { .. }) => sync::serve(context),
    }
}

/// This host, and whom it listens to.
struct Here {
    host: HostFolder,
    key: NodeKey,
    entries: Vec<Entry>,
    trust: Trusted,
    /// The key that this host had before, as long as others may have to hear that it has let go of it.
    former: Option<NodeId>,
    rows: Rows,
    window: u16,
    now: u64,
}

impl Here {
    fn of(context: &Context) -> Result<Self, CliError> {
        let store = Store::locate(context)?;
        let (host, now) = (store.host()?, clock::now());
        let key = host.node()?;
        let (_, entries) = shared::trusted(&store.learning).map_err(failed)?;
        let ring = host.ring()?;
        let shared = shared::read(&host, &ring, now).map_err(failed)?;
        let former = shared.parting().map(|parting| parting.replica().node);
        let trust = Trusted::of(&entries).with(&key.public());
        let trust = former.iter().fold(trust, Trusted::with);
        if shared::is_lost(&host, &ring, now).map_err(failed)? {
            context.out.warn(
                "what other hosts told can't be read any more: they tell it again at the next exchange",
            );
        }
        let known = fold::known_of(&host, now).map_err(|error| super::learn::store::failed(error.into()))?;
        let window = store.rules().retention_days.min(WINDOW_DAYS);
        let rows = rows_of(&known.state, day(now));
        Ok(Self { host, key, entries, trust, former, rows, window, now })
    }

    fn today(&self) -> u16 {
        day(self.now)
    }

    fn tale(&self) -> Tale<'_> {
        Tale { key: &self.key, rows: &self.rows, today: self.today(), window: self.window }
    }

    /// What is known of others by now.
    fn shared(&self) -> Result<Shared, CliError> {
        shared::read(&self.host, &self.host.ring()?, self.now).map_err(failed)
    }

    /// Who this host is to another one, and how much it may send today.
    fn own(&self) -> Result<Own<'_>, CliError> {
        let nonce = random::bytes()?;
        let may_send = self.shared()?.may_send(self.today());
        Ok(Own { key: &self.key, trust: &self.trust, today: self.today(), nonce, may_send })
    }

    /// What people call a node.
    fn name(&self, node: &NodeId) -> String {
        if *node == self.key.public() {
            return "this host".to_owned();
        }
        if self.former == Some(*node) {
            return "its former key".to_owned();
        }
        let fingerprint = Fingerprint::of(node);
        let own = self.entries.iter().find(|entry| entry.fingerprint == fingerprint);
        own.map_or_else(|| fingerprint.to_string(), |entry| entry.name.clone())
    }
}

fn day(now: u64) -> u16 {
    u16::try_from(now / 86_400).unwrap_or(u16::MAX)
}
