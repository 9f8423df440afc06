//! `cs mesh`: what hosts learned, exchanged between them.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::args::{MeshArgs, MeshCommand, SyncArgs};
use super::engine::Context;
use super::error::{CliError, exit, refused};
use super::learn::store::Store;
use super::output::{columns, count, paint, style};
use super::trust::failed;
use crate::crypto::NodeKey;
use crate::crypto::node::NodeId;
use crate::knowledge::shared::{self, Shared, Tale};
use crate::knowledge::{HostFolder, fold};
use crate::mesh::frame::Line;
use crate::mesh::replica::BUNDLE_BYTES_MAX;
use crate::mesh::row::WINDOW_DAYS;
use crate::mesh::talk::{self, Met, Own, Side};
use crate::mesh::trust::Entry;
use crate::mesh::{Mesh, Rows, Taken, Trusted, rows_of};
use crate::model::{Digest, printable};
use crate::remote::git::{Found, Git};
use crate::sys::process::{self, Call};
use crate::sys::{clock, random};

/// So long a peer is talked to.
const TALK_MS: u64 = 20_000;

/// Runs it.
///
/// # Errors
/// When what was learned can't be read or written, or nobody could be reached.
pub fn run(context: &Context, args: &MeshArgs) -> Result<u8, CliError> {
    match &args.command {
        None | Some(MeshCommand::Status) => status(context),
        Some(MeshCommand::Sync(args)) => sync(context, args),
        Some(MeshCommand::Serve { .. }) => serve(context),
    }
}

/// This host, and whom it listens to.
struct Here {
    host: HostFolder,
    key: NodeKey,
    entries: Vec<Entry>,
    trust: Trusted,
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
        let trust = Trusted::of(&entries).with(&key.public());
        let known = fold::known_of(&host, now).map_err(|error| super::learn::store::failed(error.into()))?;
        let window = store.rules().retention_days.min(WINDOW_DAYS);
        let rows = rows_of(&known.state, day(now));
        Ok(Self { host, key, entries, trust, rows, window, now })
    }

    fn today(&self) -> u16 {
        day(self.now)
    }

    fn tale(&self) -> Tale<'_> {
        Tale { key: &self.key, rows: &self.rows, today: self.today(), window: self.window }
    }

    fn own(&self) -> Result<Own<'_>, CliError> {
        let nonce = random::bytes()?;
        Ok(Own { key: &self.key, trust: &self.trust, today: self.today(), nonce })
    }

    /// What people call a node.
    fn name(&self, node: &NodeId) -> String {
        if *node == self.key.public() {
            return "this host".to_owned();
        }
        let fingerprint = node.fingerprint();
        let own = self.entries.iter().find(|entry| entry.fingerprint.to_string() == fingerprint);
        own.map_or(fingerprint, |entry| entry.name.clone())
    }
}

fn day(now: u64) -> u16 {
    u16::try_from(now / 86_400).unwrap_or(u16::MAX)
}

/// What came of one exchange.
#[derive(Debug, Default)]
struct Came {
    taken: usize,
    sent: usize,
    refused: Vec<String>,
    declined: u32,
    bytes_in: usize,
    bytes_out: usize,
    node: Option<NodeId>,
}

impl From<Met> for Came {
    fn from(met: Met) -> Self {
        let Met { node, taken, refused, sent, declined } = met;
        Self { taken, sent, refused, declined, node: Some(node), ..Self::default() }
    }
}

fn sync(context: &Context, args: &SyncArgs) -> Result<u8, CliError> {
    if args.git.is_empty() && args.ssh.is_empty() {
        return Err(refused(
            "there is nobody to exchange with",
            "A host: cs mesh sync --ssh HOST. A repository that hosts share: cs mesh sync --git URL.",
        ));
    }
    let here = Here::of(context)?;
    if here.entries.is_empty() {
        context.out.warn("no other host is trusted, so nothing will come in: cs trust add FINGERPRINT");
    }
    let mut told = Vec::new();
    for host in &args.ssh {
        told.push((host, "ssh", over_ssh(&here, host)?));
        report(context, &here, &told[told.len() - 1]);
    }
    for url in &args.git {
        told.push((url, "git", through_git(context, &here, url)?));
        report(context, &here, &told[told.len() - 1]);
    }
    super::trust::refresh(context)?;
    let ring = here.host.ring()?;
    let digest = shared::read(&here.host, &ring, here.now).map_err(failed)?.mesh.digest(&here.trust);
    let peers: Vec<Value> = told
        .iter()
        .map(|(peer, kind, came)| match came {
            Ok(came) => {
                json!({"peer": peer, "by": kind, "success": true, "taken": came.taken, "sent": came.sent,
                "refused": came.refused, "declined": came.declined, "bytes_in": came.bytes_in,
                "bytes_out": came.bytes_out})
            }
            Err(why) => json!({"peer": peer, "by": kind, "success": false, "error": why}),
        })
        .collect();
    context.out.object(&json!({"version": 1, "peers": peers, "digest": digest.to_string()}));
    let is_any = told.iter().any(|(.., came)| came.is_ok());
    Ok(if is_any { exit::DONE } else { exit::REFUSED })
}

fn report(context: &Context, here: &Here, (peer, _, came): &(&String, &str, Result<Came, String>)) {
    let peer = printable(peer);
    match came {
        Ok(came) => {
            let who = came.node.map(|node| here.name(&node)).filter(|name| *name != peer);
            let who = who.map(|name| format!(" ({name})")).unwrap_or_default();
            let bytes = format!("{} bytes in, {} out", came.bytes_in, came.bytes_out);
            let news = match (came.taken, came.sent) {
                (0, 0) => "nothing new".to_owned(),
                (taken, sent) => {
                    format!("{} taken, {sent} sent", count(taken, "bundle", "bundles"))
                }
            };
            context.out.line(format!("{peer}{who}   {news}   {}", paint(style::DIM, bytes)));
            for why in &came.refused {
                context.out.line(format!("  not taken: {why}"));
            }
            if came.declined > 0 {
                context.out.line(format!(
                    "  {} not taken there",
                    count(came.declined as usize, "bundle was", "bundles were")
                ));
            }
        }
        Err(why) => context.out.warn(format!("{peer}: {why}")),
    }
}

/// With a host, over the system's ssh.
fn over_ssh(here: &Here, host: &str) -> Result<Result<Came, String>, CliError> {
    if host.starts_with('-') {
        return Ok(Err("that is an option of ssh, and no host".to_owned()));
    }
    let call = Call::new("ssh").args([
        "-o",
        "BatchMode=yes",
        "-o",
        "ConnectTimeout=5",
        "--",
        host,
        "cs mesh serve --stdio",
    ]);
    let (from, to, conversation) = match call.converse(TALK_MS) {
        Ok(started) => started,
        Err(error) => return Ok(Err(format!("ssh can't be run: {error}"))),
    };
    let own = here.own()?;
    let mut line = Line::new(from, to);
    let met = exchange(here, |mesh, renew| talk::talk(&mut line, Side::Asks, &own, mesh, renew))?;
    let (bytes_in, bytes_out) = (line.heard(), line.said);
    drop(line);
    let (is_late, complaint) = conversation.end();
    Ok(match met {
        Ok(met) => Ok(Came { bytes_in, bytes_out, ..met.into() }),
        Err(_) if is_late => Err(format!("it took longer than {} s", TALK_MS / 1000)),
        Err(error) => {
            let mut lines = complaint.lines().map(str::trim).filter(|line| !line.is_empty());
            // A cs that refuses says why in its first line; a ssh that gives up in its last.
            let of_cs = lines.clone().find_map(|line| line.strip_prefix("error: "));
            let said = of_cs.or_else(|| lines.next_back()).map(printable);
            // What ssh has to say is why nothing came.
            let is_silent = bytes_in == 0;
            Err(said.filter(|_| is_silent).unwrap_or_else(|| error.to_string()))
        }
    })
}

/// Does something with what is known, and with what this host tells. Nobody is kept waiting meanwhile, least of all the
/// one who is talked to and asks back: it is done with a copy, and what came of it is taken in afterwards. What this
/// host tells is made under the lock, since a number that was given twice is a lie.
fn exchange<T>(here: &Here, talk: impl FnOnce(&mut Mesh, &mut talk::Renew<'_>) -> T) -> Result<T, CliError> {
    let tale = here.tale();
    let keep = |mesh: &mut Mesh, above: Option<u32>| {
        shared::with(&here.host, here.now, |shared: &mut Shared| {
            shared.mesh.merge(mesh);
            let (known, mut teller) = shared.parts(&tale);
            let renewed = teller.renew(known, above);
            mesh.clone_from(known);
            renewed
        })
        .flatten()
    };
    let mut mesh = Mesh::default();
    keep(&mut mesh, None).map_err(failed)?;
    let mut failure = None;
    let result =
        talk(&mut mesh, &mut |mesh: &mut Mesh, above| failure = failure.take().or(keep(mesh, above).err()));
    keep(&mut mesh, None).map_err(failed)?;
    failure.map_or(Ok(result), |error| Err(failed(error)))
}

/// Through a repository that hosts share.
fn through_git(context: &Context, here: &Here, url: &str) -> Result<Result<Came, String>, CliError> {
    if url.starts_with('-') {
        return Ok(Err("that is an option of git, and no repository".to_owned()));
    }
    let git = match Git::open(&here.host.path.join("mesh.git")) {
        Ok(git) => git,
        Err(error) => return Ok(Err(error.to_string())),
    };
    let found = match git.fetch_hosts(url, BUNDLE_BYTES_MAX as u64) {
        Ok(found) => found,
        Err(error) => return Ok(Err(error.to_string())),
    };
    let own = here.own()?;
    let mut came = Came::default();
    let id = id_of(&here.key.public());
    let bundle = exchange(here, |mesh, renew| {
        for (name, found) in &found {
            take(name, found, &own, mesh, &mut came);
        }
        renew(mesh, None);
        mesh.newest(&here.key.public()).map(|bundle| (bundle.bytes(), bundle.telling().day))
    })?;
    let Some((bytes, day)) = bundle else { return Ok(Ok(came)) };
    match git.push_host(url, &id, &bytes, day) {
        Ok(is_news) => {
            came.sent = usize::from(is_news);
            came.bytes_out = if is_news { bytes.len() } else { 0 };
        }
        Err(error) => return Ok(Err(error.to_string())),
    }
    if context.out.verbose {
        context.out.line(format!("{} in the repository", count(found.len(), "host is", "hosts are")));
    }
    Ok(Ok(came))
}

/// Takes in what lies under a host's ref.
fn take(name: &str, found: &Found, own: &Own<'_>, mesh: &mut Mesh, came: &mut Came) {
    match found {
        Found::Bundle(bytes) => {
            came.bytes_in += bytes.len();
            match talk::take(bytes, own, mesh) {
                Ok(Taken::New) => came.taken += 1,
                Ok(Taken::Known | Taken::Old) => {}
                Err(why) => came.refused.push(format!("{name}: {why}")),
            }
        }
        Found::None(why) => came.refused.push(format!("{name}: {why}")),
    }
}

/// How a host is called in a repository: by its key.
fn id_of(node: &NodeId) -> String {
    Digest::from_bytes(node.to_bytes()).to_string()
}

/// Answers a host that asks over ssh.
fn serve(context: &Context) -> Result<u8, CliError> {
    process::end_after(TALK_MS);
    let here = Here::of(context)?;
    let own = here.own()?;
    let mut line = Line::new(std::io::stdin().lock(), std::io::stdout().lock());
    let met = exchange(&here, |mesh, renew| talk::talk(&mut line, Side::Answers, &own, mesh, renew))?;
    drop(line);
    super::trust::refresh(context)?;
    match met {
        Ok(_) => Ok(exit::DONE),
        Err(error) => Err(refused(
            format!("the host that asked: {error}"),
            "Nothing of it was taken that was not signed.",
        )),
    }
}

fn status(context: &Context) -> Result<u8, CliError> {
    let here = Here::of(context)?;
    let ring = here.host.ring()?;
    let known = shared::read(&here.host, &ring, here.now).map_err(failed)?.mesh;
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
        .filter(|entry| {
            !newest.iter().any(|own| own.replica().node.fingerprint() == entry.fingerprint.to_string())
        })
        .collect();
    if rows.is_empty() && silent.is_empty() {
        context.out.line("Nothing was exchanged yet, and no other host is trusted.");
        context
            .out
            .line("On the other host, cs identity shows its fingerprint; here, cs trust add FINGERPRINT.");
    }
    context.out.lines(&columns(&rows, 3));
    for entry in &silent {
        context.out.line(format!("{}   has told nothing yet", entry.name));
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
        "silent": silent.iter().map(|entry| &entry.name).collect::<Vec<_>>(),
    }));
    Ok(exit::DONE)
}
