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
use super::{Bundle, Mesh, Taken, Trusted};
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

/// Puts one's own bundle into what is known: the newest, and newer than an incarnation that others have of it, if there
/// is one above.
pub type Renew<'a> = dyn FnMut(&mut Mesh, Option<u32>) + 'a;

/// What came of a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Met {
    pub node: NodeId,
    /// Bundles that are news here.
    pub taken: usize,
    /// Bundles that were not taken, each with the reason.
    pub refused: Vec<String>,
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
    #[error("it is {}, which is not trusted here", .0.fingerprint())]
    Untrusted(NodeId),
    #[error("it says that it is {}, and can't prove it", .0.fingerprint())]
    Unproven(NodeId),
    #[error("it is this host itself, or has its key")]
    Own,
    #[error("it does not trust this host: there, cs trust add {own}")]
    NotTrusted { own: String },
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
    let mut met = Met { node, taken: 0, refused: Vec::new(), sent: 0, declined: 0, held: 0 };
    if side == Side::Asks {
        line.say(&Frame::Have(has(mesh, own.trust)))?;
        let theirs = listed(line, own)?;
        hear_bundles(line, own, mesh, &mut met)?;
        renew(mesh, above(mesh, own, &theirs));
        send(line, own, mesh, &theirs, &mut met)?;
        let Frame::Done { refused, .. } = expect(line, own)? else { return Err(TalkError::Turn) };
        met.declined = refused;
    } else {
        let theirs = listed(line, own)?;
        renew(mesh, above(mesh, own, &theirs));
        line.say(&Frame::Have(has(mesh, own.trust)))?;
        send(line, own, mesh, &theirs, &mut met)?;
        hear_bundles(line, own, mesh, &mut met)?;
        let few = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        line.say(&Frame::Done { taken: few(met.taken), refused: few(met.refused.len()) })?;
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
    match line.hear() {
        Ok(Frame::No(Reason::Untrusted)) => {
            Err(TalkError::NotTrusted { own: own.key.public().fingerprint() })
        }
        Ok(Frame::No(Reason::Unproven | Reason::Garbled | Reason::Protocol)) => Err(TalkError::Misunderstood),
        Ok(frame) => Ok(frame),
        Err(error) => {
            if matches!(error, FrameError::Garbled | FrameError::Long(_) | FrameError::Much) {
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
    mesh.bundles(trust).map(|bundle| has_of(bundle)).collect()
}

fn has_of(bundle: &Bundle) -> Has {
    let (telling, replica) = (bundle.telling(), bundle.replica());
    Has {
        node: replica.node,
        incarnation: telling.incarnation,
        sequence: telling.sequence,
        digest: bundle.digest(),
    }
}

/// The incarnation of this host that others know, where it is none that this host has told of: it was restored from a
/// backup, or something else has its key.
fn above(mesh: &Mesh, own: &Own<'_>, theirs: &BTreeMap<NodeId, Has>) -> Option<u32> {
    let node = own.key.public();
    let known = theirs.get(&node)?;
    let is_own = mesh.newest(&node).map(|bundle| has_of(bundle)).is_some_and(|has| {
        let (here, there) = ((has.incarnation, has.sequence), (known.incarnation, known.sequence));
        there < here || has == *known
    });
    (!is_own).then_some(known.incarnation)
}

fn send<R: Read, W: Write>(
    line: &mut Line<R, W>,
    own: &Own<'_>,
    mesh: &Mesh,
    theirs: &BTreeMap<NodeId, Has>,
    met: &mut Met,
) -> Result<(), TalkError> {
    let is_news = |bundle: &&Arc<Bundle>| {
        let ours = has_of(bundle);
        theirs.get(&ours.node).is_none_or(|has| {
            // The same number with another content is a fork: they have to see it.
            (ours.incarnation, ours.sequence) > (has.incarnation, has.sequence)
                || (ours.incarnation, ours.sequence) == (has.incarnation, has.sequence)
                    && ours.digest != has.digest
        })
    };
    let node = own.key.public();
    // What nobody else can tell goes first.
    let (first, rest): (Vec<_>, Vec<_>) =
        mesh.bundles(own.trust).filter(is_news).partition(|bundle| bundle.replica().node == node);
    let mut left = own.may_send;
    for bundle in first.into_iter().chain(rest) {
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
            Frame::Bundle(bytes) => match take(&bytes, own, mesh) {
                Ok(Taken::New) => met.taken += 1,
                Ok(Taken::Known | Taken::Old) => {}
                Err(why) => met.refused.push(why),
            },
            Frame::End => return Ok(()),
            _ => return Err(TalkError::Turn),
        }
    }
}

/// Takes in a bundle from wherever it came.
///
/// # Errors
/// Why it was not taken, in words.
pub fn take(bytes: &[u8], own: &Own<'_>, mesh: &mut Mesh) -> Result<Taken, String> {
    let bundle = Bundle::open(bytes, own.today).map_err(|error| error.to_string())?;
    mesh.receive(bundle, own.trust, own.today).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests;
