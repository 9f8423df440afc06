//! What two hosts say to each other, a frame at a time: pure, from bytes and to bytes, within limits that no peer can
//! exceed.
//!
//! ```text
//! kind u8 │ length u32 │ so many bytes
//! ```
//! A conversation has frames of [`FRAME_BYTES_MAX`] and, in one direction, [`TALK_BYTES_MAX`] in all. What is longer,
//! cut off, of an unknown kind or has bytes left over is an error, and the end of it.

use std::io::{Read, Write};

use thiserror::Error;

use super::replica::BUNDLE_BYTES_MAX;
use crate::crypto::node::NodeId;
use crate::model::Digest;
use crate::model::bytes::{Bytes, put_count};

/// The largest frame: a bundle is the largest thing that is said.
pub const FRAME_BYTES_MAX: usize = BUNDLE_BYTES_MAX;

/// So much is listened to in one conversation.
pub const TALK_BYTES_MAX: usize = 8 << 20;

/// The protocol. Who speaks another one says so, and is not talked to.
pub const PROTOCOL: u8 = 1;

/// More bundles than this nobody has: one of each host.
const HAVE_MAX: usize = 10_000;

const HELLO: u8 = 1;
const PROOF: u8 = 2;
const HAVE: u8 = 3;
const BUNDLE: u8 = 4;
const END: u8 = 5;
const DONE: u8 = 6;
const NO: u8 = 7;

/// Which bundle of a node somebody has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Has {
    pub node: NodeId,
    pub incarnation: u32,
    pub sequence: u64,
    pub digest: Digest,
    /// Whether nothing of it counts there: it told two things under one number.
    pub is_aside: bool,
}

/// Why nobody goes on talking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Reason {
    /// The other node is not trusted here.
    Untrusted = 1,
    /// What it signed, it did not sign.
    Unproven = 2,
    /// Another protocol.
    Protocol = 3,
    /// Something that can't be read.
    Garbled = 4,
}

impl Reason {
    const ALL: [Self; 4] = [Self::Untrusted, Self::Unproven, Self::Protocol, Self::Garbled];
}

/// A thing that is said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame {
    /// Who one is, and what the other one is to sign.
    Hello { protocol: u8, node: NodeId, nonce: [u8; 32] },
    /// The signature that was asked for.
    Proof([u8; 64]),
    /// What one has.
    Have(Vec<Has>),
    /// A bundle that the other one has not.
    Bundle(Vec<u8>),
    /// There are no more.
    End,
    /// How many of them were taken, and how many refused.
    Done { taken: u32, refused: u32 },
    /// That is all that is said.
    No(Reason),
}

/// What is wrong with what a peer says.
#[derive(Debug, Error)]
pub enum FrameError {
    #[error("it broke off")]
    Short,
    #[error("it said {0} bytes at once, and {FRAME_BYTES_MAX} are the most")]
    Long(usize),
    #[error("it said more than {TALK_BYTES_MAX} bytes")]
    Much,
    #[error(
        "it answered with a text: is something printed there at every login, or is that cs another program?"
    )]
    Text,
    #[error("it said something that is no frame")]
    Garbled,
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

impl Frame {
    /// Its bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut body = Vec::new();
        let kind = match self {
            Self::Hello { protocol, node, nonce } => {
                body.push(*protocol);
                body.extend(node.to_bytes());
                body.extend(nonce);
                HELLO
            }
            Self::Proof(signature) => {
                body.extend(signature);
                PROOF
            }
            Self::Have(all) => {
                put_count(&mut body, all.len());
                for Has { node, incarnation, sequence, digest, is_aside } in all {
                    body.extend(node.to_bytes());
                    body.extend(incarnation.to_le_bytes());
                    body.extend(sequence.to_le_bytes());
                    body.extend(digest.to_bytes());
                    body.push(u8::from(*is_aside));
                }
                HAVE
            }
            Self::Bundle(bytes) => {
                body.extend(bytes);
                BUNDLE
            }
            Self::End => END,
            Self::Done { taken, refused } => {
                body.extend(taken.to_le_bytes());
                body.extend(refused.to_le_bytes());
                DONE
            }
            Self::No(reason) => {
                body.push(*reason as u8);
                NO
            }
        };
        let mut bytes = vec![kind];
        put_count(&mut bytes, body.len());
        bytes.extend(body);
        bytes
    }

    fn decode(kind: u8, body: &[u8]) -> Option<Self> {
        let mut rest = Bytes(body);
        let node = |rest: &mut Bytes<'_>| NodeId::from_bytes(rest.take(32)?.try_into().ok()?);
        let frame = match kind {
            HELLO => Self::Hello {
                protocol: rest.byte()?,
                node: node(&mut rest)?,
                nonce: rest.take(32)?.try_into().ok()?,
            },
            PROOF => Self::Proof(rest.take(64)?.try_into().ok()?),
            HAVE => {
                let count = rest.count(77).filter(|count| *count <= HAVE_MAX)?;
                let has = |rest: &mut Bytes<'_>| {
                    Some(Has {
                        node: node(rest)?,
                        incarnation: rest.u32()?,
                        sequence: rest.u64()?,
                        digest: Digest::from_bytes(rest.take(32)?.try_into().ok()?),
                        is_aside: match rest.byte()? {
                            0 => false,
                            1 => true,
                            _ => return None,
                        },
                    })
                };
                Self::Have((0..count).map(|_| has(&mut rest)).collect::<Option<_>>()?)
            }
            BUNDLE => Self::Bundle(std::mem::take(&mut rest.0).to_vec()),
            END => Self::End,
            DONE => Self::Done { taken: rest.u32()?, refused: rest.u32()? },
            NO => {
                let code = rest.byte()?;
                Self::No(Reason::ALL.into_iter().find(|reason| *reason as u8 == code)?)
            }
            _ => return None,
        };
        rest.is_empty().then_some(frame)
    }
}

/// One end of a conversation.
#[derive(Debug)]
pub struct Line<R, W> {
    from: R,
    to: W,
    heard: usize,
    /// How many bytes were said.
    pub said: usize,
}

impl<R: Read, W: Write> Line<R, W> {
    /// Over what is read and written.
    pub const fn new(from: R, to: W) -> Self {
        Self { from, to, heard: 0, said: 0 }
    }

    /// How many bytes were heard.
    #[must_use]
    pub const fn heard(&self) -> usize {
        self.heard
    }

    /// Says something.
    ///
    /// # Errors
    /// When nobody listens any more.
    pub fn say(&mut self, frame: &Frame) -> Result<(), FrameError> {
        let bytes = frame.encode();
        self.to.write_all(&bytes)?;
        self.to.flush()?;
        self.said += bytes.len();
        Ok(())
    }

    /// Hears the next thing.
    ///
    /// # Errors
    /// When it is none, or too long; or nothing more comes.
    pub fn hear(&mut self) -> Result<Frame, FrameError> {
        let mut head = [0; 5];
        self.fill(&mut head)?;
        let [kind, length @ ..] = head;
        let length = usize::try_from(u32::from_le_bytes(length)).unwrap_or(usize::MAX);
        // The first thing a peer says is of 70 bytes or fewer. What is no frame there is a text, in whatever letters:
        // it may begin with one that moves the cursor, and only these two bytes are no part of any.
        let is_frame = (HELLO..=NO).contains(&kind) && length <= FRAME_BYTES_MAX;
        if self.heard == head.len() && !is_frame && !head.iter().any(|byte| matches!(byte, 0 | 0xff)) {
            return Err(FrameError::Text);
        }
        if length > FRAME_BYTES_MAX {
            return Err(FrameError::Long(length));
        }
        if self.heard + length > TALK_BYTES_MAX {
            return Err(FrameError::Much);
        }
        let mut body = vec![0; length];
        self.fill(&mut body)?;
        Frame::decode(kind, &body).ok_or(FrameError::Garbled)
    }

    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), FrameError> {
        self.from.read_exact(bytes).map_err(|error| match error.kind() {
            std::io::ErrorKind::UnexpectedEof => FrameError::Short,
            _ => error.into(),
        })?;
        self.heard += bytes.len();
        Ok(())
    }
}
