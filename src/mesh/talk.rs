//! How two hosts exchange what they know: each proves which node it is, says which bundles it has, and gets those that
//! it has not.
//!
//! ```text
//! who asks                          who answers
//! Hello ───────────────────────────►
//!                       ◄─────────── Hello
//! Proof ───────────────────────────►
//!                       ◄─────────── Proof          or No, and nothing else
//! Have ────────────────────────────►
//!                       ◄─────────── Have, Bundle …, End
//! Bundle …, End ───────────────────►
//!                       ◄─────────── Done
//! ```
//! Neither says anything of what it knows before the other one has proved that it is trusted: a login on this machine is
//! none. Both write only what the other one is about to read, so neither waits for the other to make room.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::sync::Arc;

use thiserror::Error;

use super::frame::{Frame, FrameError, Has, Line, PROTOCOL, Reason};
use super::state::BYTES_MAX;
use super::{Bundle, Mesh, Refused, Taken, Trusted};
use crate::crypto::NodeKey;
use crate::crypto::node::NodeId;

/// What a proof is worth nothing outside of.
const DOMAIN: &str = "mesh-talk";

/// Which end of the conversation one is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    Asks,
    Answers,
}

/// Who one is in a conversation.
#[derive(Debug, Clone, Copy)]
pub struct Own<'a> {
    pub key: &'a NodeKey,
    pub trust: &'a Trusted,
    /// A day since 1970.
    pub today: u16,
    /// Drawn for this conversation alone.
    pub nonce: [u8; 32],
    /// How many bytes of bundles may be sent.
    pub may_send: usize,
}

/// Puts one's own bundle into what is known: the newest, of a new incarnation where what came in shows that this one was
/// used by somebody else, or is no longer known here. What shows it is signed with one's own key: nobody's word for it is
/// enough.
pub type Renew<'a> = dyn FnMut(&mut Mesh) + 'a;

/// More bad bundles than this nobody has any reason to send.
const BUNDLES_MAX: usize = 1_000;

/// So many reasons why bundles were not taken are told one by one.
const REASONS_MAX: usize = 8;

/// What came of a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Met {
    pub node: NodeId,
    /// Bundles that are news here.
    pub taken: usize,
    /// Bundles that were not taken.
    pub refused: u32,
    /// Of the first of them, why.
    pub reasons: Vec<String>,
    /// Bundles of nodes that are not trusted here. Whoever trusts them tells them on, and does not know.
    pub untrusted: u32,
    /// Bundles that were sent.
    pub sent: usize,
    /// Of those, how many the other one would not take; only who asks is told.
    pub declined: u32,
    /// Bundles that would have been news there, and were more than may be sent.
    pub held: usize,
}

/// Why a conversation came to nothing, or to less than all.
#[derive(Debug, Error)]
pub enum TalkError {
    #[error(transparent)]
    Frame(#[from] FrameError),
    #[error("it speaks protocol {0}, and this cs speaks {PROTOCOL}: one of the two is older")]
    Protocol(u8),
    #[error("it does not speak protocol {PROTOCOL}, which this cs speaks: one of the two is older")]
    OtherProtocol,
    #[error("it is {}, which is not trusted here", .0.fingerprint())]
    Untrusted(NodeId),
    #[error("it says that it is {}, and can't prove it", .0.fingerprint())]
    Unproven(NodeId),
    #[error("it is this host itself, or has its key")]
    Own,
    #[error("it does not trust this host: there, cs trust add {own}")]
    NotTrusted { own: String },
    #[error("it says that this host can't prove that it is {own}: is something between the two?")]
    Doubted { own: String },
    #[error("it could not read what this host said")]
    Misunderstood,
    #[error("it said something out of turn")]
    Turn,
}

/// What is signed: by which side, for which conversation, to whom.
fn signed(side: Side, own: [u8; 32], theirs: [u8; 32], to: NodeId) -> Vec<u8> {
    let mut bytes = vec![match side {
        Side::Asks => b'a',
        Side::Answers => b'b',
    }];
    bytes.extend(own);
    bytes.extend(theirs);
    bytes.extend(to.to_bytes());
    bytes
}

/// Holds a conversation, and takes in what comes of it, as far as it gets.
///
/// # Errors
/// When the other one is not trusted, is not who it says, or does not keep to what is agreed. What it told until then
/// stays: each bundle stands for itself.
pub fn talk<R: Read, W: Write>(
    line: &mut Line<R, W>,
    side: Side,
    own: &Own<'_>,
    mesh: &mut Mesh,
    renew: &mut Renew<'_>,
) -> Result<Met, TalkError> {
    let node = meet(line, side, own)?;
    let mut met =
        Met { node, taken: 0, refused: 0, reasons: Vec::new(), untrusted: 0, sent: 0, declined: 0, held: 0 };
    if side == Side::Asks {
        line.say(&Frame::Have(has(mesh, own.trust)))?;
        let theirs = listed(line, own)?;
        hear_bundles(line, own, mesh, &mut met)?;
        renew(mesh);
        send(line, own, mesh, &theirs, &mut met)?;
        let Frame::Done { refused, .. } = expect(line, own)? else { return Err(TalkError::Turn) };
        // It can't have refused more than there was.
        met.declined = refused.min(u32::try_from(met.sent).unwrap_or(u32::MAX));
    } else {
        let theirs = listed(line, own)?;
        renew(mesh);
        line.say(&Frame::Have(has(mesh, own.trust)))?;
        send(line, own, mesh, &theirs, &mut met)?;
        hear_bundles(line, own, mesh, &mut met)?;
        let taken = u32::try_from(met.taken).unwrap_or(u32::MAX);
        line.say(&Frame::Done { taken, refused: met.refused })?;
    }
    Ok(met)
}

/// Until both know who the other one is.
fn meet<R: Read, W: Write>(line: &mut Line<R, W>, side: Side, own: &Own<'_>) -> Result<NodeId, TalkError> {
    let hello = Frame::Hello { protocol: PROTOCOL, node: own.key.public(), nonce: own.nonce };
    if side == Side::Asks {
        line.say(&hello)?;
    }
    let Frame::Hello { protocol, node, nonce } = expect(line, own)? else { return Err(TalkError::Turn) };
    if protocol != PROTOCOL {
        let _ = line.say(&Frame::No(Reason::Protocol));
        return Err(TalkError::Protocol(protocol));
    }
    if node == own.key.public() {
        if side == Side::Answers {
            // Who asks finds out by the same.
            let _ = line.say(&hello);
        }
        return Err(TalkError::Own);
    }
    let proof = Frame::Proof(own.key.sign(DOMAIN, &signed(side, own.nonce, nonce, node)));
    match side {
        Side::Asks => line.say(&proof)?,
        Side::Answers => line.say(&hello)?,
    }
    let Frame::Proof(theirs) = expect(line, own)? else { return Err(TalkError::Turn) };
    let other = match side {
        Side::Asks => Side::Answers,
        Side::Answers => Side::Asks,
    };
    let message = signed(other, nonce, own.nonce, own.key.public());
    let refused = if !node.verify(DOMAIN, &message, &theirs) {
        Some((Reason::Unproven, TalkError::Unproven(node)))
    } else if !own.trust.has(&node) {
        Some((Reason::Untrusted, TalkError::Untrusted(node)))
    } else {
        None
    };
    if let Some((reason, error)) = refused {
        let _ = line.say(&Frame::No(reason));
        return Err(error);
    }
    if side == Side::Answers {
        line.say(&proof)?;
    }
    Ok(node)
}

/// The next thing that is said, if it is not a refusal.
fn expect<R: Read, W: Write>(line: &mut Line<R, W>, own: &Own<'_>) -> Result<Frame, TalkError> {
    let fingerprint = || own.key.public().fingerprint();
    match line.hear() {
        Ok(Frame::No(reason)) => Err(match reason {
            Reason::Untrusted => TalkError::NotTrusted { own: fingerprint() },
            Reason::Unproven => TalkError::Doubted { own: fingerprint() },
            Reason::Protocol => TalkError::OtherProtocol,
            Reason::Garbled => TalkError::Misunderstood,
        }),
        Ok(frame) => Ok(frame),
        Err(error) => {
            if matches!(
                error,
                FrameError::Garbled | FrameError::Text | FrameError::Long(_) | FrameError::Much
            ) {
                let _ = line.say(&Frame::No(Reason::Garbled));
            }
            Err(error.into())
        }
    }
}

fn listed<R: Read, W: Write>(
    line: &mut Line<R, W>,
    own: &Own<'_>,
) -> Result<BTreeMap<NodeId, Has>, TalkError> {
    let Frame::Have(all) = expect(line, own)? else { return Err(TalkError::Turn) };
    Ok(all.into_iter().map(|has| (has.node, has)).collect())
}

/// What is told on: of nodes that are trusted.
fn has(mesh: &Mesh, trust: &Trusted) -> Vec<Has> {
    mesh.bundles(trust).map(|bundle| has_of(mesh, bundle)).collect()
}

fn has_of(mesh: &Mesh, bundle: &Bundle) -> Has {
    let (telling, replica) = (bundle.telling(), bundle.replica());
    Has {
        node: replica.node,
        incarnation: telling.incarnation,
        sequence: telling.sequence,
        digest: bundle.digest(),
        is_aside: mesh.is_aside(&replica.node),
    }
}

/// Whether it is news to somebody who has `theirs` of the same node.
fn is_news(ours: &Has, theirs: Option<&Has>) -> bool {
    theirs.is_none_or(|has| {
        let is_known_fork = has.is_aside && has.incarnation == ours.incarnation;
        // The same number with another content is a fork: they have to see it.
        !is_known_fork
            && ((ours.incarnation, ours.sequence) > (has.incarnation, has.sequence)
                || (ours.incarnation, ours.sequence) == (has.incarnation, has.sequence)
                    && ours.digest != has.digest)
    })
}

/// Whether the other one has another thing of this host than this host told: it sends that, and this host begins anew if
/// it is so. Until then what it has to tell might be taken for a lie.
fn is_doubtful(own: &Has, theirs: Option<&Has>) -> bool {
    theirs.is_some_and(|has| {
        let (here, there) = ((own.incarnation, own.sequence), (has.incarnation, has.sequence));
        there > here
            || there == here && own.digest != has.digest
            || has.is_aside && !own.is_aside && has.incarnation >= own.incarnation
    })
}

fn send<R: Read, W: Write>(
    line: &mut Line<R, W>,
    own: &Own<'_>,
    mesh: &Mesh,
    theirs: &BTreeMap<NodeId, Has>,
    met: &mut Met,
) -> Result<(), TalkError> {
    let node = own.key.public();
    let mut all: Vec<&Arc<Bundle>> = Vec::new();
    for bundle in mesh.bundles(own.trust) {
        let ours = has_of(mesh, bundle);
        let has = theirs.get(&ours.node);
        let shows =
            ours.is_aside && has.is_none_or(|has| !has.is_aside && has.incarnation == ours.incarnation);
        // Whoever does not know that a host is set aside is shown all that it told here, also what is older than what it
        // tells now: its own host most of all, which begins anew by it.
        let is_told = is_news(&ours, has) || shows && has.is_none_or(|has| has.digest != ours.digest);
        if is_told && !(ours.node == node && is_doubtful(&ours, has)) {
            all.push(bundle);
        }
        let proof = mesh.evidence(&ours.node).filter(|bundle| bundle.digest() != ours.digest);
        all.extend(proof.filter(|bundle| shows && has.is_none_or(|has| has.digest != bundle.digest())));
    }
    // What nobody else can tell goes first.
    all.sort_by_key(|bundle| bundle.replica().node != node);
    let mut left = own.may_send;
    for bundle in all {
        let bytes = bundle.bytes();
        let Some(after) = left.checked_sub(bytes.len()) else {
            met.held += 1;
            continue;
        };
        left = after;
        line.say(&Frame::Bundle(bytes))?;
        met.sent += 1;
    }
    line.say(&Frame::End)?;
    Ok(())
}

fn hear_bundles<R: Read, W: Write>(
    line: &mut Line<R, W>,
    own: &Own<'_>,
    mesh: &mut Mesh,
    met: &mut Met,
) -> Result<(), TalkError> {
    loop {
        match expect(line, own)? {
            Frame::Bundle(bytes) => match take(&bytes, None, own, mesh) {
                Ok(Taken::New) => met.taken += 1,
                Ok(Taken::Known | Taken::Old) => {}
                Err(NotTaken::Untrusted) => met.untrusted += 1,
                Err(NotTaken::Bad(why)) => {
                    met.refused += 1;
                    if met.reasons.len() < REASONS_MAX {
                        met.reasons.push(why);
                    }
                    if met.refused as usize > BUNDLES_MAX {
                        return Err(TalkError::Turn);
                    }
                }
            },
            Frame::End => return Ok(()),
            _ => return Err(TalkError::Turn),
        }
    }
}

/// Why a bundle was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotTaken {
    /// It is well, but of a node that is not trusted here.
    Untrusted,
    /// In words.
    Bad(String),
}

/// Takes in a bundle from wherever it came; where it says whose it is (`of`), it has to be that.
///
/// # Errors
/// Why it was not taken.
pub fn take(bytes: &[u8], of: Option<NodeId>, own: &Own<'_>, mesh: &mut Mesh) -> Result<Taken, NotTaken> {
    let bundle = Bundle::open(bytes, own.today).map_err(|error| NotTaken::Bad(error.to_string()))?;
    if of.is_some_and(|of| of != bundle.replica().node) {
        return Err(NotTaken::Bad("what lies there is another host's bundle".to_owned()));
    }
    if bundle.replica().node != own.key.public()
        && own.trust.has(&bundle.replica().node)
        && !mesh.has_room(&bundle)
    {
        let most = BYTES_MAX >> 20;
        return Err(NotTaken::Bad(format!(
            "with it more than {most} MiB would be known of other hosts, and that is the most"
        )));
    }
    mesh.receive(bundle, own.trust, own.today).map_err(|refused| match refused {
        Refused::Untrusted(_) => NotTaken::Untrusted,
        refused => NotTaken::Bad(refused.to_string()),
    })
}

#[cfg(test)]
mod tests;
