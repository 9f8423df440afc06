//! Laws of the ring.

use proptest::prelude::*;

use super::*;
use crate::crypto::seal::{open, seal};
use crate::model::properties::few;

fn secret(byte: u8) -> Secret<32> {
    Secret::take(&mut [byte; 32])
}

fn host() -> HostId {
    HostId::parse("cs-0123456789abcdef").expect("a host id")
}

fn ring(first: u32, byte: u8) -> Ring {
    Ring::new(host(), 1, Epoch(first), secret(byte))
}

/// What can only be opened by the same key.
fn opens(
    from: &Ring,
    epoch: Epoch,
    context: Context,
    to: &Ring,
    to_epoch: Epoch,
    to_context: Context,
) -> bool {
    let token = seal(&from.key(epoch, context).expect("a key"), b"x", 0);
    to.key(to_epoch, to_context).is_some_and(|key| open(&key, token, 0).is_ok())
}

#[test]
fn every_epoch_and_context_has_a_key_of_its_own() {
    let mut ring = ring(10, 1);
    assert!(ring.advance(Epoch(11), &secret(2)));
    let places: Vec<(Epoch, Context)> =
        ring.epochs().flat_map(|epoch| Context::ALL.map(|context| (epoch, context))).collect();
    for a in &places {
        for b in &places {
            assert_eq!(opens(&ring, a.0, a.1, &ring, b.0, b.1), a == b, "{a:?} {b:?}");
        }
    }
}

/// Computed apart from this code, with Python's hashlib and hmac: frozen, for every ring written
/// since depends on it.
#[test]
fn derivations_are_the_published_ones() {
    let mut ring = ring(20_000, 1);
    assert!(ring.advance(Epoch(20_001), &secret(2)));
    let text = ring.to_text();
    let line = text.lines().find(|line| line.starts_with("epoch 20001 ")).expect("the epoch");
    assert_eq!(line, "epoch 20001 a431c07f1a3957d3e3abb7cee20b6dede8c1d60558204026f4a8d12cc81fbcaa");
    let mut derived =
        from_hex("56b3b2bdf5146ac30a3799b2e4c4e98006716803a18399e01cfdd7f695d75c75").expect("hex");
    let key = Key::from_bytes(&derived);
    derived.fill(0);
    let token = seal(&ring.key(Epoch(20_001), Context::Events).expect("a key"), b"x", 0);
    assert!(open(&key, token, 0).is_ok());
}

#[test]
fn days_have_dates() {
    let dates = [
        (0, "1970-01-01"),
        (58, "1970-02-28"),
        (59, "1970-03-01"),
        (11_016, "2000-02-29"),
        (11_017, "2000-03-01"),
        (20_453, "2025-12-31"),
        (20_454, "2026-01-01"),
        (47_541, "2100-03-01"),
    ];
    for (day, date) in dates {
        assert_eq!(Epoch(day).date(), date);
    }
    assert_eq!(Epoch::of(1_767_268_800), Epoch(20_454));
}

#[test]
fn going_back_re_creates_nothing_and_the_newest_stays() {
    let mut ring = ring(10, 1);
    assert!(!ring.advance(Epoch(10), &secret(2)));
    assert!(!ring.advance(Epoch(3), &secret(2)));
    assert_eq!(ring.epochs().collect::<Vec<_>>(), [Epoch(10)]);
    assert!(ring.advance(Epoch(15), &secret(2)));
    assert_eq!(ring.drop_older(Epoch(15)), 1);
    assert!(ring.key(Epoch(10), Context::Events).is_none());
    assert!(!ring.advance(Epoch(10), &secret(3)));
    assert_eq!(ring.drop_older(Epoch(99)), 0);
    assert_eq!(ring.newest(), Epoch(15));
}

#[test]
fn the_next_secret_hangs_on_all_that_enters_it() {
    let advanced = |first: u8, fresh: u8, to: u32| {
        let mut ring = ring(10, first);
        ring.advance(Epoch(to), &secret(fresh));
        ring
    };
    let base = advanced(1, 2, 11);
    let opens_at =
        |ring: &Ring, to: u32| opens(&base, Epoch(11), Context::Events, ring, Epoch(to), Context::Events);
    assert!(opens_at(&advanced(1, 2, 11), 11));
    assert!(!opens_at(&advanced(3, 2, 11), 11), "the secret before");
    assert!(!opens_at(&advanced(1, 3, 11), 11), "the fresh bytes");
    assert!(!opens_at(&advanced(1, 2, 12), 12), "the epoch");
}

#[test]
fn a_damaged_text_is_no_ring_and_a_newer_one_is_told_apart() {
    let text = ring(10, 1).to_text();
    for at in 0..text.len() {
        for bit in 0..8 {
            let mut bytes = text.as_bytes().to_vec();
            bytes[at] ^= 1 << bit;
            assert!(Ring::parse(&bytes).is_err(), "bit {bit} of byte {at}");
        }
        assert_eq!(Ring::parse(&text.as_bytes()[..at]).err(), Some(RingError::Damaged), "cut at {at}");
    }
    assert_eq!(Ring::parse(b"cs-ring 2\nanything").err(), Some(RingError::Newer(2)));
    assert_eq!(Ring::parse(b"").err(), Some(RingError::Damaged));
}

#[test]
fn nothing_secret_is_printed() {
    let shown = format!("{:?} {:?}", ring(10, 0xab), ring(10, 0xab).key(Epoch(10), Context::Mesh));
    assert!(!shown.contains("ab, ") && !shown.contains("abab") && !shown.contains("171"), "{shown}");
}

#[test]
fn the_text_form_round_trips() {
    few(
        8,
        (prop::collection::btree_map(any::<u32>(), any::<[u8; 32]>(), 1..40), any::<u64>(), any::<u32>()),
        |(epochs, incarnation, cut)| {
            let secrets = epochs
                .iter()
                .map(|(epoch, bytes)| (Epoch(*epoch), Secret::take(&mut bytes.clone())))
                .collect();
            let mut ring = Ring { host: host(), incarnation, secrets };
            let again = Ring::parse(ring.to_text().as_bytes()).expect("whole");
            prop_assert_eq!(ring.to_text(), again.to_text());
            let newest = ring.newest();
            let before = ring.epochs().count();
            let dropped = ring.drop_older(Epoch(cut));
            prop_assert_eq!(ring.epochs().count() + dropped, before);
            prop_assert_eq!(ring.newest(), newest);
            prop_assert!(ring.epochs().all(|epoch| epoch == newest || epoch >= Epoch(cut)));
            Ok(())
        },
    );
}

/// What a ring may be put through.
#[derive(Debug, Clone)]
enum Deed {
    Advance(u32),
    Drop(u32),
    Reopen,
}

fn deeds() -> impl Strategy<Value = Vec<Deed>> {
    let deed =
        prop_oneof![(0u32..60).prop_map(Deed::Advance), (0u32..60).prop_map(Deed::Drop), Just(Deed::Reopen),];
    prop::collection::vec(deed, 1..8)
}

#[test]
fn what_is_gone_is_gone_and_what_is_kept_opens() {
    // The laws don't hang on how much work a step is: a few rounds do.
    few(4, deeds(), |deeds| {
        let mut ring = ring(10, 1);
        let token = |ring: &Ring| seal(&ring.newest_key(Context::Events).1, b"x", 0);
        let mut tokens = BTreeMap::from([(ring.newest(), token(&ring))]);
        for (number, deed) in deeds.into_iter().enumerate() {
            let newest = ring.newest();
            match deed {
                Deed::Advance(to) => {
                    let fresh = secret(u8::try_from(number).expect("few"));
                    prop_assert_eq!(ring.advance_by(Epoch(to), &fresh, 10), Epoch(to) > newest);
                    tokens.entry(ring.newest()).or_insert_with(|| token(&ring));
                }
                Deed::Drop(than) => drop(ring.drop_older(Epoch(than))),
                Deed::Reopen => ring = Ring::parse(ring.to_text().as_bytes()).expect("whole"),
            }
            prop_assert!(ring.newest() >= newest);
            for (epoch, token) in &tokens {
                let opens = |key: Key| open(&key, token, 0).is_ok();
                let is_kept = ring.epochs().any(|kept| kept == *epoch);
                prop_assert_eq!(ring.key(*epoch, Context::Events).map(opens), is_kept.then_some(true));
            }
            let openers = |token: &String| {
                ring.epochs()
                    .filter(|epoch| {
                        ring.key(*epoch, Context::Events).is_some_and(|key| open(&key, token, 0).is_ok())
                    })
                    .count()
            };
            prop_assert!(tokens.values().all(|token| openers(token) <= 1));
        }
        Ok(())
    });
}
