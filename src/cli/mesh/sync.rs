//! `cs mesh sync` and `cs mesh serve`: both ends of an exchange.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::failure::Failure;
use super::{Here, peers};
use crate::cli::args::SyncArgs;
use crate::cli::engine::Context;
use crate::cli::error::{CliError, exit, refused};
use crate::cli::output::{Progress, count, paint, style};
use crate::cli::trust::{failed, refresh};
use crate::crypto::node::NodeId;
use crate::knowledge::audit::{self, What};
use crate::knowledge::journal::{self, Journal};
use crate::knowledge::shared::{self, DAY_BYTES_MAX, Head, Shared, TWIN, TWIN_REMEDY};
use crate::mesh::frame::Line;
use crate::mesh::replica::BUNDLE_BYTES_MAX;
use crate::mesh::talk::{self, Met, NotTaken, Own, Side};
use crate::mesh::{Bundle, Mesh, Taken};
use crate::model::{Digest, printable};
use crate::remote::git::{Found, Git, Left, SHOWN_MAX};
use crate::sys::process::{self, Call};
use crate::sys::{clock, fs};

/// So long a peer is talked to.
const TALK_MS: u64 = 20_000;

/// What the other host is asked to run: wherever people have cs installed, whatever their shell is there; a command of
/// `authorized_keys` takes its place. What a login sets up is not there for it.
const SERVE: &str = "env PATH=\"$HOME/.cargo/bin:$HOME/.local/bin:$HOME/.nix-profile/bin:/opt/homebrew/bin:\
                     /usr/local/bin:$PATH\" cs mesh serve --stdio";

/// How ssh is called: it asks nobody, and of what the configuration wants for logins nothing is done. Whoever is asked gets
/// no way to this machine, no agent, and no other command.
const SSH: [&str; 6] = [
    "BatchMode=yes",
    "ConnectTimeout=5",
    "ClearAllForwardings=yes",
    "ForwardAgent=no",
    "PermitLocalCommand=no",
    "RemoteCommand=none",
];

/// What is fetched lies here while it is looked at, and no longer: it is not sealed.
const REPOSITORY: &str = "mesh.git";
const REPOSITORY_LOCK: &str = "mesh-git.lock";

/// How often, and in milliseconds after how long, another process's repository is waited for.
const LOCK_TRIES: usize = 200;
const LOCK_PAUSE_MS: u64 = 100;

/// What came of one exchange.
#[derive(Debug, Default)]
struct Came {
    taken: usize,
    sent: usize,
    /// How many bundles were not taken, and of the first of them why.
    refused: u32,
    reasons: Vec<String>,
    untrusted: u32,
    declined: u32,
    held: usize,
    /// Why this host's own bundle could not be left there.
    unsent: Option<Failure>,
    bytes_in: usize,
    bytes_out: usize,
    node: Option<NodeId>,
}

impl From<Met> for Came {
    fn from(met: Met) -> Self {
        let Met { node, taken, refused, reasons, untrusted, sent, declined, held } = met;
        let node = Some(node);
        Self { taken, sent, refused, reasons, untrusted, declined, held, node, ..Self::default() }
    }
}

/// An exchange with one peer, or why there was none; an error of this host's own is another matter.
type Outcome = Result<Came, Failure>;

/// What went wrong with it as a whole: nothing was exchanged, or this host was not heard.
fn failure(outcome: &Outcome) -> Option<Failure> {
    match outcome {
        Ok(Came { unsent: None, .. }) => None,
        Ok(Came { unsent: Some(failure), .. }) => Some(Failure {
            why: format!("what this host knows could not be left there: {}", failure.why),
            ..failure.clone()
        }),
        Err(failure) => Some(failure.clone()),
    }
}

/// Runs `cs mesh sync`.
///
/// # Errors
/// When what was learned can't be read or written, there is nobody to ask, or with nobody it went well.
pub(super) fn run(context: &Context, args: &SyncArgs) -> Result<u8, CliError> {
    let places = peers::Places::of(context, args)?;
    for warning in &places.warnings {
        context.out.warn(warning);
    }
    if places.ssh.is_empty() && places.git.is_empty() {
        return Err(refused(
            "there is nobody to exchange with",
            "A host: cs mesh sync --ssh HOST. A repository that hosts share: cs mesh sync --git URL. For good: \
             [mesh] in the profile.",
        ));
    }
    let here = Here::of(context)?;
    if here.entries.is_empty() {
        context.out.warn("no other host is trusted, so nothing will come in: cs trust add FINGERPRINT");
    }
    let before = here.shared()?;
    let all = places.ssh.iter().map(|name| (name, "ssh")).chain(places.git.iter().map(|url| (url, "git")));
    let count_all = (places.ssh.len() + places.git.len()) as u64;
    let mut told: Vec<(&String, &str, Outcome)> = Vec::new();
    for (peer, kind) in all {
        let mut progress = Progress::new(context.out, format!("Asking {}", printable(peer)));
        progress.at(told.len() as u64, count_all);
        let came = match kind {
            "ssh" => over_ssh(&here, peer)?,
            _ => through_git(context, &here, peer)?,
        };
        drop(progress);
        // What is wrong with the only one is what the command ends with.
        report(context, &here, peer, &came, count_all > 1);
        told.push((peer, kind, came));
    }
    let came = || told.iter().filter_map(|(.., came)| came.as_ref().ok());
    let counts = (came().map(|came| came.taken).sum(), came().map(|came| came.refused as usize).sum());
    here.audit(came().next().is_some().then_some(counts), &before)?;
    let laid = refresh(context, "what hosts told is kept");
    let failures: Vec<(&String, Failure)> =
        told.iter().filter_map(|(peer, _, came)| Some((*peer, failure(came)?))).collect();
    let peers: Vec<Value> = told.iter().map(|(peer, kind, came)| value(peer, kind, came)).collect();
    let known = here.shared()?;
    let twin = known.twin_since();
    if failures.len() == told.len() {
        if twin.is_some() {
            context.out.warn(format!("{TWIN}. {TWIN_REMEDY}"));
        }
        return Err(none_went_well(&failures, json!({"peers": peers, "twin_since": twin})));
    }
    laid?;
    let digest = known.mesh.digest(&here.trust).to_string();
    if let Some(since) = twin {
        // Who has nothing to say to anybody is to look at it.
        return Err(CliError::Partly {
            message: TWIN.to_owned(),
            hint: TWIN_REMEDY.to_owned(),
            is_busy: false,
            told: json!({"peers": peers, "digest": digest, "twin_since": since}),
        });
    }
    context.out.object(&json!({"version": 1, "success": true, "peers": peers, "digest": digest}));
    Ok(exit::DONE)
}

/// What the command ends with where it went well with nobody.
fn none_went_well(failures: &[(&String, Failure)], told: Value) -> CliError {
    let (message, hint) = match failures {
        [(peer, Failure { why, hint, .. })] => (format!("{}: {why}", printable(peer)), hint.clone()),
        _ => (
            format!("it went well with none of the {} that were asked", failures.len()),
            "The warnings say why. What this host knows it tells with the next cs mesh sync that goes well."
                .to_owned(),
        ),
    };
    let is_busy = failures.iter().any(|(_, failure)| failure.is_busy);
    CliError::Partly { message, hint, is_busy, told }
}

fn value(peer: &str, kind: &str, outcome: &Outcome) -> Value {
    let mut value = match outcome {
        Ok(came) => json!({"peer": peer, "by": kind, "taken": came.taken, "sent": came.sent,
            "refused": came.refused, "reasons": came.reasons, "untrusted": came.untrusted,
            "unsent": came.unsent.as_ref().map(|failure| &failure.why), "declined": came.declined,
            "held": came.held, "bytes_in": came.bytes_in, "bytes_out": came.bytes_out,
            "fingerprint": came.node.map(|node| node.fingerprint())}),
        Err(_) => json!({"peer": peer, "by": kind}),
    };
    let failure = failure(outcome);
    value["success"] = failure.is_none().into();
    if let Some(Failure { why, hint, .. }) = failure {
        value["error"] = why.into();
        value["hint"] = hint.into();
    }
    value
}

/// Says what came of it; where it is one of several, also why it did not go well.
fn report(context: &Context, here: &Here, peer: &str, outcome: &Outcome, is_one_of_several: bool) {
    let peer = printable(peer);
    let wrong = failure(outcome).filter(|_| is_one_of_several);
    let wrong = wrong.map(|Failure { why, hint, .. }| format!("{peer}: {why}\n  {hint}"));
    let Ok(came) = outcome else {
        return wrong.iter().for_each(|wrong| context.out.wrong(wrong));
    };
    let who = came.node.map(|node| here.name(&node)).filter(|name| *name != peer);
    let who = who.map(|name| format!(" ({name})")).unwrap_or_default();
    let bytes = format!("{} bytes in, {} out", came.bytes_in, came.bytes_out);
    let news = match (came.taken, came.sent) {
        (0, 0) => "nothing new".to_owned(),
        (taken, sent) => format!("{} taken, {sent} sent", count(taken, "bundle", "bundles")),
    };
    context.out.line(format!("{peer}{who}   {news}   {}", paint(style::DIM, bytes)));
    for why in &came.reasons {
        context.out.wrong(format!("  not taken: {why}"));
    }
    let more = (came.refused as usize).saturating_sub(came.reasons.len());
    if more > 0 {
        context.out.wrong(format!("  not taken: {more} more"));
    }
    if came.untrusted > 0 && context.out.verbose {
        let untrusted = count(came.untrusted as usize, "bundle", "bundles");
        context.out.line(format!("  {untrusted} of hosts that are trusted there and not here"));
    }
    wrong.iter().for_each(|wrong| context.out.wrong(wrong));
    if came.declined > 0 {
        let declined = count(came.declined as usize, "bundle was", "bundles were");
        context
            .out
            .wrong(format!("  {declined} not taken there; there, cs mesh status and cs audit say more"));
    }
    if came.held > 0 {
        let held = count(came.held, "bundle was", "bundles were");
        context.out.line(format!("  {held} not sent: {} KB a day are the most", DAY_BYTES_MAX / 1000));
    }
}

impl Here {
    /// Puts into the trail what came of it: how many bundles were taken and refused where there was an exchange, how
    /// many more hosts are set aside than before, and that another machine has this host's key, if it had not before.
    fn audit(&self, counts: Option<(usize, usize)>, before: &Shared) -> Result<(), CliError> {
        let (taken, refused) = counts.unzip();
        let now = self.shared()?;
        let aside = now.mesh.aside().count().saturating_sub(before.mesh.aside().count());
        let is_twin = now.twin_since().is_some() && before.twin_since().is_none();
        let told = [
            (What::Exchanged, taken),
            (What::NotTaken, refused.filter(|refused| *refused > 0)),
            (What::SetAside, Some(aside).filter(|aside| *aside > 0)),
            (What::Twin, is_twin.then_some(0)),
        ];
        for (what, many) in told.into_iter().filter_map(|(what, many)| Some((what, many?))) {
            let entry = audit::Entry::new(self.now, what, u32::try_from(many).unwrap_or(u32::MAX));
            journal::record(&self.host, Journal::Audit, &entry.encode(), self.now)?;
        }
        Ok(())
    }

    fn count_sent(&self, bytes: usize) -> Result<(), CliError> {
        let count = |shared: &mut Shared| shared.count_sent(self.today(), bytes);
        shared::with(&self.host, self.now, count).map_err(failed)
    }
}

/// With a host, over the system's ssh.
fn over_ssh(here: &Here, host: &str) -> Result<Outcome, CliError> {
    let options = SSH.into_iter().flat_map(|option| ["-o", option]);
    let call = Call::new("ssh").args(["-T", "-a", "-x"]).args(options).args(["--", host, SERVE]);
    let (from, to, conversation) = match call.converse(TALK_MS) {
        Ok(started) => started,
        Err(error) => return Ok(Err(Failure::of_start(&error))),
    };
    let own = here.own()?;
    let mut line = Line::new(from, to);
    let met = exchange(here, |mesh, renew| talk::talk(&mut line, Side::Asks, &own, mesh, renew))?;
    let (bytes_in, bytes_out) = (line.heard(), line.said);
    drop(line);
    here.count_sent(bytes_out)?;
    let (is_late, complaint) = conversation.end();
    Ok(match met {
        Ok(met) => Ok(Came { bytes_in, bytes_out, ..met.into() }),
        Err(_) if is_late => Err(Failure::late(host, TALK_MS / 1000)),
        Err(error) => {
            // What ssh has to say is why nothing came.
            let said = (bytes_in == 0).then(|| Failure::of_complaint(host, &complaint)).flatten();
            Err(said.unwrap_or_else(|| Failure::of_talk(host, &error)))
        }
    })
}

/// Does something with what is known, and with what this host tells. Nobody is kept waiting meanwhile, least of all the
/// one who is talked to and asks back: it is done with a copy, and what came of it is taken in afterwards. What this
/// host tells is made under the lock, since a number that was given twice is a lie.
fn exchange<T>(here: &Here, talk: impl FnOnce(&mut Mesh, &mut talk::Renew<'_>) -> T) -> Result<T, CliError> {
    let tale = here.tale();
    let keep = |mesh: &mut Mesh| {
        shared::with(&here.host, here.now, |shared: &mut Shared| {
            shared.mesh.merge(mesh);
            let (known, mut teller) = shared.parts(&tale);
            let renewed = teller.renew(known);
            mesh.clone_from(known);
            renewed
        })
        .flatten()
    };
    let mut mesh = Mesh::default();
    keep(&mut mesh).map_err(failed)?;
    let mut failure = None;
    let result = talk(&mut mesh, &mut |mesh: &mut Mesh| failure = failure.take().or(keep(mesh).err()));
    keep(&mut mesh).map_err(failed)?;
    failure.map_or(Ok(result), |error| Err(failed(error)))
}

/// Through a repository that hosts share.
fn through_git(context: &Context, here: &Here, url: &str) -> Result<Outcome, CliError> {
    let Some(_lock) = lock(here)? else { return Ok(Err(Failure::busy())) };
    let folder = here.host.path.join(REPOSITORY);
    // Of one that was killed.
    fs::remove_all(&folder)?;
    let came = with_git(context, here, &folder, url);
    fs::remove_all(&folder)?;
    came
}

/// Only one of this host's processes has the repository that is looked at; `None` where another one has it all the time.
fn lock(here: &Here) -> std::io::Result<Option<fs::FileLock>> {
    let path = here.host.path.join(REPOSITORY_LOCK);
    for _ in 0..LOCK_TRIES {
        if let Some(lock) = fs::try_lock(&path)? {
            return Ok(Some(lock));
        }
        clock::pause_ms(LOCK_PAUSE_MS);
    }
    Ok(None)
}

fn with_git(
    context: &Context,
    here: &Here,
    folder: &std::path::Path,
    url: &str,
) -> Result<Outcome, CliError> {
    let listed = Git::open(folder).and_then(|git| Ok((git.hosts(url)?, git)));
    let (listed, git) = match listed {
        Ok(listed) => listed,
        Err(error) => return Ok(Err(Failure::of_git(error, url))),
    };
    let shared = here.shared()?;
    let is_news = |(id, commit): &(&String, &String)| {
        node_of(id).is_some_and(|node| here.trust.has(&node) && !shared.has_head(url, &node, commit))
    };
    let wanted: Vec<String> = listed.iter().filter(is_news).map(|(id, _)| id.clone()).collect();
    let own = here.own()?;
    let mut came = Came::default();
    let fetch = |ids: &[String]| git.fetch_hosts(url, ids, BUNDLE_BYTES_MAX as u64);
    let mut unfetched = Vec::new();
    let found = match fetch(&wanted) {
        Ok(found) => found,
        // One that is damaged there: what it is with that is said, and the others are had one by one.
        Err(error) => {
            let mut first = Some(error).filter(|_| wanted.len() == 1);
            let one = |id: &String| {
                let fetched = first.take().map_or_else(|| fetch(std::slice::from_ref(id)), Err);
                let found = match fetched {
                    Ok(found) => found.into_iter().next()?.1,
                    Err(error) => {
                        let failure = Failure::of_fetch(error, url);
                        let why = failure.why.clone();
                        unfetched.push(failure);
                        Found::None(why)
                    }
                };
                Some((id.clone(), found))
            };
            wanted.iter().filter_map(one).collect()
        }
    };
    let mut heads: BTreeMap<NodeId, Head> = BTreeMap::new();
    let node = here.key.public();
    // What this host had left there is gone, or can't be read: whatever took it away, what others know of this host may
    // be newer than what it knows itself.
    let is_there = match found.get(&id_of(&node)) {
        Some(Found::Bundle(bytes, _)) => Bundle::reopen(bytes).is_ok_and(|own| own.replica().node == node),
        Some(Found::None(_)) => false,
        None => listed.contains_key(&id_of(&node)),
    };
    if shared.has_left(url, &node) && !is_there {
        let anew = |shared: &mut Shared| shared.begin_anew(url, &node);
        shared::with(&here.host, here.now, anew).map_err(failed)?;
    }
    // Its own ref says less than it has told: it was restored, and does not know.
    let is_known = |id: &&String| !found.contains_key(*id);
    let nodes = listed.keys().filter(is_known).filter_map(|id| node_of(id));
    let mut outdated: Vec<NodeId> = nodes.filter(|node| shared.is_old(url, node)).collect();
    let told = exchange(here, |mesh, renew| {
        for (name, found) in &found {
            let Some(node) = node_of(name) else { continue };
            if take(here, name, found, &own, mesh, &mut came) {
                let is_old = matches!(found, Found::Bundle(bytes, _) if !is_newest(mesh, &node, bytes));
                outdated.extend(is_old.then_some(node));
                heads.insert(node, Head { commit: listed[name].clone(), is_old });
            }
        }
        renew(mesh);
        let bundle = mesh.newest(&node)?;
        let shown = shown(mesh, &listed, &outdated, &own);
        Some(Left { bundle: bundle.bytes(), shown, day: bundle.telling().day })
    })?;
    // Where nothing can be left there, what was taken was taken all the same.
    for (node, left) in to_leave(here, told, &listed)? {
        match push(&git, url, node, &left, &own, &listed, &mut came) {
            Ok(commit) => heads.extend(commit.map(|commit| (node, Head { commit, is_old: false }))),
            Err(failure) => came.unsent = Some(failure),
        }
    }
    let sent = came.bytes_out;
    shared::with(&here.host, here.now, |shared: &mut Shared| {
        shared.put_heads(url, here.today(), heads);
        shared.count_sent(here.today(), sent);
    })
    .map_err(failed)?;
    // Nothing went out, and of what others have there nothing can be had.
    let is_other = |id: &&String| node_of(id).is_some_and(|id| id != node && here.trust.has(&id));
    let is_all = unfetched.len() >= listed.keys().filter(is_other).count();
    if came.sent == 0
        && came.taken == 0
        && came.unsent.is_none()
        && let Some(failure) = unfetched.into_iter().next().filter(|_| is_all)
    {
        return Ok(Err(failure));
    }
    if context.out.verbose {
        let others = listed.keys().filter(|id| node_of(id).is_none_or(|node| !here.trust.has(&node))).count();
        let hosts = count(listed.len(), "host is", "hosts are");
        context
            .out
            .line(format!("{hosts} in the repository, {others} of them not trusted here and not asked for"));
    }
    Ok(Ok(came))
}

/// What hosts who have a ref there are to find out about themselves: what shows that they are set aside, and what they
/// told that is newer than what their ref has.
fn shown(mesh: &Mesh, listed: &BTreeMap<String, String>, outdated: &[NodeId], own: &Own<'_>) -> Vec<Vec<u8>> {
    let mut shown = Vec::new();
    for node in listed.keys().filter_map(|id| node_of(id)) {
        let is_aside = mesh.is_aside(&node);
        if node == own.key.public() || !own.trust.has(&node) || !is_aside && !outdated.contains(&node) {
            continue;
        }
        let proof = mesh.evidence(&node).filter(|_| is_aside);
        let mut all: Vec<&Bundle> = proof.chain(mesh.newest(&node)).map(|bundle| &**bundle).collect();
        all.sort_by_key(|bundle| bundle.digest());
        all.dedup_by_key(|bundle| bundle.digest());
        shown.extend(all.into_iter().map(Bundle::bytes));
    }
    shown.truncate(SHOWN_MAX);
    shown
}

/// What is left there, and under whose ref: what this host tells, unless another machine tells under its key; and where
/// it had another key before, that it has let go of it.
fn to_leave(
    here: &Here,
    told: Option<Left>,
    listed: &BTreeMap<String, String>,
) -> Result<Vec<(NodeId, Left)>, CliError> {
    let shared = here.shared()?;
    let own = told.filter(|left| shared.is_to_leave(&left.bundle)).map(|left| match shared.twin_since() {
        // Its last word is left once: there is nothing more to show to anybody.
        Some(_) => Left { shown: Vec::new(), ..left },
        None => left,
    });
    let parting = shared.parting().filter(|own| listed.contains_key(&id_of(&own.replica().node)));
    let parting = parting.map(|own| {
        let left = Left { bundle: own.bytes(), shown: Vec::new(), day: own.telling().day };
        (own.replica().node, left)
    });
    Ok(own.map(|left| (here.key.public(), left)).into_iter().chain(parting).collect())
}

/// Leaves a bundle there under its host's ref, if another one is; the commit that is there then.
fn push(
    git: &Git,
    url: &str,
    node: NodeId,
    left: &Left,
    own: &Own<'_>,
    listed: &BTreeMap<String, String>,
    came: &mut Came,
) -> Result<Option<String>, Failure> {
    let id = id_of(&node);
    let commit = git.commit(left).map_err(|error| Failure::of_git(error, url))?;
    if listed.get(&id) == Some(&commit) {
        return Ok(Some(commit));
    }
    let size = left.bundle.len() + left.shown.iter().map(Vec::len).sum::<usize>();
    if size + came.bytes_out > own.may_send {
        came.held += 1 + left.shown.len();
        return Ok(None);
    }
    let commit = git.push_host(url, &id, &commit, left).map_err(|error| Failure::of_git(error, url))?;
    came.sent += 1 + left.shown.len();
    came.bytes_out += size;
    Ok(Some(commit))
}

/// Whether these bytes are the newest that is known of a host.
fn is_newest(mesh: &Mesh, node: &NodeId, bytes: &[u8]) -> bool {
    mesh.newest(node).is_some_and(|newest| newest.digest() == Digest::of(bytes))
}

/// Takes in what lies under a host's ref; whether it was one of its bundles.
fn take(here: &Here, name: &str, found: &Found, own: &Own<'_>, mesh: &mut Mesh, came: &mut Came) -> bool {
    let called = node_of(name).map_or_else(|| name.to_owned(), |node| here.name(&node));
    let refused = match found {
        Found::Bundle(bytes, shown) => {
            came.bytes_in += bytes.len();
            // Others' bundles stand for themselves, whoever shows them; what is set aside by them is said below.
            for other in shown {
                came.bytes_in += other.len();
                came.taken += usize::from(talk::take(other, None, own, mesh) == Ok(Taken::New));
            }
            match talk::take(bytes, node_of(name), own, mesh) {
                Ok(taken) => {
                    came.taken += usize::from(taken == Taken::New);
                    return true;
                }
                Err(NotTaken::Untrusted) => {
                    came.untrusted += 1;
                    return false;
                }
                Err(NotTaken::Bad(why)) => why,
            }
        }
        Found::None(why) => why.clone(),
    };
    came.refused += 1;
    came.reasons.push(format!("{called}: {refused}"));
    false
}

/// How a host is called in a repository: by its key.
fn id_of(node: &NodeId) -> String {
    Digest::from_bytes(node.to_bytes()).to_string()
}

/// Which host is called that.
fn node_of(id: &str) -> Option<NodeId> {
    let node = NodeId::from_bytes(&Digest::try_from(id.to_owned()).ok()?.to_bytes())?;
    // One way of writing it is its name, and no other.
    (id_of(&node) == id).then_some(node)
}

/// Answers a host that asks over ssh.
///
/// # Errors
/// When what was learned can't be read or written, or the other one is not to be talked to.
pub(super) fn serve(context: &Context) -> Result<u8, CliError> {
    process::end_after(TALK_MS);
    let here = Here::of(context)?;
    // What is asked for is for those to count who ask: else one of them could use up what this host may send.
    let own = Own { may_send: usize::MAX, ..here.own()? };
    let before = here.shared()?;
    let mut line = Line::new(std::io::stdin().lock(), std::io::stdout().lock());
    let met = exchange(&here, |mesh, renew| talk::talk(&mut line, Side::Answers, &own, mesh, renew))?;
    drop(line);
    here.audit(met.as_ref().ok().map(|met| (met.taken, met.refused as usize)), &before)?;
    let laid = refresh(context, "what the host that asked told is kept");
    match met {
        Ok(_) => laid.map(|()| exit::DONE),
        Err(error) => Err(refused(
            format!("the host that asked: {error}"),
            "Nothing of it was taken that was not signed.",
        )),
    }
}
