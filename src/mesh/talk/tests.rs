//! Two that keep to what is agreed come to the same; of one that does not, nothing is taken that was not signed.

use std::thread;

use proptest::prelude::*;

use super::super::replica::tests::{key, telling, told};
use super::super::row::tests::{TODAY, failures};
use super::*;
use crate::mesh::frame::{FRAME_BYTES_MAX, TALK_BYTES_MAX};
use crate::model::properties::few;

const NONCES: [[u8; 32]; 2] = [[1; 32], [2; 32]];

fn trust(nodes: u8) -> Trusted {
    (0..nodes).fold(Trusted::default(), |trust, number| trust.with(&key(number).public()))
}

/// What is known where these nodes have told so often.
fn mesh(told_by: &[(u8, u64)]) -> Mesh {
    let mut mesh = Mesh::default();
    for (node, sequence) in told_by {
        let failed = u16::try_from(*sequence).expect("few");
        let bundle = told(*node, telling(*sequence), &failures("npm ci", 1, failed, TODAY));
        mesh.receive(bundle, &trust(9), TODAY).expect("trusted");
    }
    mesh
}

/// A conversation of two; what came of it for each, and what was written by each.
fn both(
    keys: [u8; 2],
    trusted: &[Trusted; 2],
    meshes: &mut [Mesh; 2],
    may_send: usize,
) -> [Result<Met, TalkError>; 2] {
    let (from_asker, to_answerer) = std::io::pipe().expect("a pipe");
    let (from_answerer, to_asker) = std::io::pipe().expect("a pipe");
    let [asks, answers] = meshes;
    let own = |at: usize, key| Own { key, trust: &trusted[at], today: TODAY, nonce: NONCES[at], may_send };
    let (one, other) = (key(keys[0]), key(keys[1]));
    thread::scope(|scope| {
        let first = scope.spawn(|| {
            let mut line = Line::new(from_answerer, to_answerer);
            talk(&mut line, Side::Asks, &own(0, &one), asks, &mut |_| {})
        });
        let second = scope.spawn(|| {
            let mut line = Line::new(from_asker, to_asker);
            talk(&mut line, Side::Answers, &own(1, &other), answers, &mut |_| {})
        });
        [first.join().expect("no panic"), second.join().expect("no panic")]
    })
}

#[test]
fn both_know_the_same_afterwards() {
    let trusted = [trust(4), trust(4)];
    let mut meshes = [mesh(&[(0, 2), (2, 1)]), mesh(&[(0, 1), (1, 3), (2, 4), (3, 1)])];
    let met = both([0, 1], &trusted, &mut meshes, usize::MAX).map(|met| met.expect("well"));
    assert_eq!(met.each_ref().map(|met| (met.taken, met.sent)), [(3, 1), (1, 3)]);
    assert_eq!(met[0].node, key(1).public());
    assert_eq!(meshes[0].digest(&trusted[0]), meshes[1].digest(&trusted[1]));
    let again = both([0, 1], &trusted, &mut meshes, usize::MAX).map(|met| met.expect("well"));
    assert!(again.iter().all(|met| (met.taken, met.sent, met.held) == (0, 0, 0)));
}

#[test]
fn what_is_too_much_for_a_day_waits_and_one_s_own_goes_first() {
    let trusted = [trust(4), trust(4)];
    let mut meshes = [mesh(&[(0, 1), (2, 1), (3, 1)]), mesh(&[])];
    let bytes = meshes[0].newest(&key(2).public()).expect("it is there").bytes().len();
    let met = both([2, 1], &trusted, &mut meshes, bytes + 1).map(|met| met.expect("well"));
    assert_eq!((met[0].sent, met[0].held, met[1].taken), (1, 2, 1));
    assert!(meshes[1].newest(&key(2).public()).is_some());
}

#[test]
fn who_is_not_trusted_hears_nothing() {
    for (trusted, asker, answerer) in [
        ([trust(2), trust(0)], "there, cs trust add SHA256:", "which is not trusted here"),
        ([trust(0), trust(2)], "which is not trusted here", "there, cs trust add SHA256:"),
    ] {
        let mut meshes = [mesh(&[(0, 2)]), mesh(&[(1, 2)])];
        let before = meshes.clone();
        let said =
            both([0, 1], &trusted, &mut meshes, usize::MAX).map(|met| met.expect_err("no").to_string());
        assert!(said[0].contains(asker) && said[1].contains(answerer), "{said:?}");
        assert_eq!(meshes, before);
    }
    let mut meshes = [mesh(&[(0, 2)]), mesh(&[(0, 2)])];
    let said = both([0, 0], &[trust(2), trust(2)], &mut meshes, usize::MAX);
    assert!(said.iter().all(|met| matches!(met, Err(TalkError::Own))), "{said:?}");
}

/// What host 0 makes of a peer that says this, and what it said itself.
fn hears(side: Side, theirs: &[u8]) -> (Result<Met, TalkError>, Vec<u8>, Mesh) {
    let (trust, key, mut mesh) = (trust(2), key(0), mesh(&[(0, 1)]));
    let mut said = Vec::new();
    let own = Own { key: &key, trust: &trust, today: TODAY, nonce: NONCES[0], may_send: usize::MAX };
    let mut line = Line::new(theirs, &mut said);
    let met = talk(&mut line, side, &own, &mut mesh, &mut |_| {});
    (met, said, mesh)
}

fn frames(all: &[Frame]) -> Vec<u8> {
    all.iter().flat_map(Frame::encode).collect()
}

fn hello(node: u8) -> Frame {
    Frame::Hello { protocol: PROTOCOL, node: key(node).public(), nonce: NONCES[1] }
}

/// What host `signer` signs, of a conversation in which the other one drew `nonce`.
fn proof(signer: u8, side: Side, nonce: [u8; 32]) -> Frame {
    Frame::Proof(key(signer).sign(DOMAIN, &signed(side, NONCES[1], nonce, key(0).public())))
}

/// All that an honest host 1 would say when it is asked.
fn answers(bundles: &[Vec<u8>]) -> Vec<Frame> {
    let mut all = vec![hello(1), proof(1, Side::Answers, NONCES[0]), Frame::Have(vec![])];
    all.extend(bundles.iter().map(|bytes| Frame::Bundle(bytes.clone())));
    all.extend([Frame::End, Frame::Done { taken: 1, refused: 0 }]);
    all
}

#[test]
fn who_does_not_keep_to_it_is_not_talked_to() {
    let good = answers(&[]);
    assert!(hears(Side::Asks, &frames(&good)).0.is_ok());
    let with = |at: usize, frame: Frame| {
        let mut all = good.clone();
        all[at] = frame;
        frames(&all)
    };
    let older = Frame::Hello { protocol: 9, node: key(1).public(), nonce: NONCES[1] };
    let has = Has {
        node: key(1).public(),
        incarnation: 1,
        sequence: 1,
        digest: crate::model::Digest::of(b""),
        is_aside: false,
    };
    let cases: Vec<(Vec<u8>, &str)> = vec![
        (vec![], "it broke off"),
        (frames(&good[..2]), "it broke off"),
        (frames(&good)[..40].to_vec(), "it broke off"),
        (b"Welcome to Ubuntu 24.04 LTS\n".to_vec(), "it answered with a text"),
        (vec![0; 64], "it said something that is no frame"),
        (vec![0xff; 64], "bytes at once"),
        (with(0, older), "it speaks protocol 9"),
        (with(0, hello(0)), "it is this host itself"),
        (with(0, Frame::End), "it said something out of turn"),
        (with(1, Frame::End), "it said something out of turn"),
        (with(1, proof(1, Side::Answers, NONCES[1])), "can't prove it"),
        // Its own words, sent back to it: signed for the other side of another conversation.
        (with(1, proof(1, Side::Asks, NONCES[0])), "can't prove it"),
        // A node that is trusted, by whom it is not.
        (with(1, proof(2, Side::Answers, NONCES[0])), "can't prove it"),
        (frames(&[hello(3), proof(3, Side::Answers, NONCES[0])]), "which is not trusted here"),
        (with(2, Frame::End), "it said something out of turn"),
        (with(2, Frame::Have(vec![has; 10_001])), "it said something that is no frame"),
        (with(3, hello(1)), "it said something out of turn"),
        (with(4, Frame::End), "it said something out of turn"),
        (with(1, Frame::No(Reason::Untrusted)), "it does not trust this host: there, cs trust add SHA256:"),
        (with(1, Frame::No(Reason::Garbled)), "it could not read what this host said"),
        (with(0, Frame::No(Reason::Protocol)), "which this cs speaks: one of the two is older"),
        (with(1, Frame::No(Reason::Unproven)), "it says that this host can't prove that it is SHA256:"),
    ];
    for (bytes, expected) in cases {
        let (met, _, after) = hears(Side::Asks, &bytes);
        let said = met.expect_err(expected).to_string();
        assert!(said.contains(expected), "{said}, and not {expected}");
        assert_eq!(after, mesh(&[(0, 1)]), "{expected}");
    }
}

#[test]
fn bundles_without_end_come_to_an_end() {
    let large = Frame::Bundle(vec![7; FRAME_BYTES_MAX]);
    let mut all = answers(&[]);
    all.truncate(3);
    all.extend(vec![large; TALK_BYTES_MAX / FRAME_BYTES_MAX + 1]);
    let (met, _, after) = hears(Side::Asks, &frames(&all));
    assert!(matches!(met, Err(TalkError::Frame(FrameError::Much))), "{met:?}");
    assert_eq!(after, mesh(&[(0, 1)]));
}

#[test]
fn each_bundle_stands_for_itself() {
    let good = told(1, telling(1), &failures("npm ci", 1, 3, TODAY)).bytes();
    let mut bent = good.clone();
    *bent.last_mut().expect("bytes") ^= 1;
    let strange = told(5, telling(1), &failures("npm ci", 1, 3, TODAY)).bytes();
    let (met, ..) = hears(Side::Asks, &frames(&answers(&[bent, strange, vec![], good])));
    let met = met.expect("it goes on");
    assert_eq!((met.taken, met.refused, met.untrusted, met.reasons.len()), (1, 2, 1, 2), "{met:?}");
}

#[test]
fn who_asks_and_is_not_trusted_learns_only_who_answers() {
    let asks = |node: u8| frames(&[hello(node), proof(node, Side::Asks, NONCES[0])]);
    let (met, said, _) = hears(Side::Answers, &asks(3));
    assert!(matches!(met, Err(TalkError::Untrusted(_))), "{met:?}");
    let own = Frame::Hello { protocol: PROTOCOL, node: key(0).public(), nonce: NONCES[0] };
    assert_eq!(said, frames(&[own, Frame::No(Reason::Untrusted)]));
}

/// Whatever a peer says, and whatever becomes of it on the way: only what was signed by a trusted node is taken.
#[test]
fn nothing_that_is_said_is_too_much() {
    few(
        4,
        (
            any::<bool>(),
            prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
            prop::option::of(any::<prop::sample::Index>()),
            prop::option::of((any::<prop::sample::Index>(), any::<prop::sample::Index>())),
        ),
        |(asks, bends, cut, twice)| {
            let good = told(1, telling(1), &failures("npm ci", 1, 3, TODAY)).bytes();
            let strange = told(5, telling(1), &failures("npm ci", 1, 3, TODAY)).bytes();
            let side = if asks { Side::Asks } else { Side::Answers };
            let mut all = answers(&[good.clone(), strange]);
            if !asks {
                all[1] = proof(1, Side::Asks, NONCES[0]);
            }
            let mut bytes = frames(&all);
            for (at, to) in bends {
                let at = at.index(bytes.len());
                bytes[at] = to;
            }
            if let Some((from, to)) = twice {
                let (from, to) = (from.index(bytes.len()), to.index(bytes.len()));
                let again = bytes[from.min(to)..from.max(to)].to_vec();
                bytes.extend(again);
            }
            if let Some(cut) = cut {
                bytes.truncate(cut.index(bytes.len()));
            }
            let (_, _, after) = hears(side, &bytes);
            let mut with_it = mesh(&[(0, 1)]);
            let bundle = Bundle::open(&good, TODAY).expect("it is good");
            with_it.receive(bundle, &trust(2), TODAY).expect("trusted");
            prop_assert!(after == mesh(&[(0, 1)]) || after == with_it);
            Ok(())
        },
    );
}

#[test]
fn no_bytes_are_too_many() {
    few(4, (prop::collection::vec(any::<u8>(), 0..300), any::<bool>()), |(bytes, asks)| {
        let (met, _, after) = hears(if asks { Side::Asks } else { Side::Answers }, &bytes);
        prop_assert!(met.is_err());
        prop_assert_eq!(after, mesh(&[(0, 1)]));
        Ok(())
    });
}
