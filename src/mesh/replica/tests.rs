//! What is opened is what was signed, and nothing else is.

use proptest::prelude::*;

use super::super::row::tests::{Run, TODAY, any_run, failures, learned};
use super::super::row::{Key, Row, rows_of};
use super::*;
use crate::command::shape::{ErrorClass, HostType, Tool, Wrapper};
use crate::crypto::Secret;
use crate::learn::Form;
use crate::learn::pattern::Day;
use crate::model::properties::few;

/// The key of a node.
pub(in crate::mesh) fn key(number: u8) -> NodeKey {
    NodeKey::new(&Secret::take(&mut [number + 1; 32]))
}

pub(in crate::mesh) fn telling(sequence: u64) -> Telling {
    Telling { incarnation: 1, sequence, day: TODAY, window: WINDOW_DAYS }
}

/// What a node tells of some runs.
pub(in crate::mesh) fn told(number: u8, telling: Telling, runs: &[Run]) -> Bundle {
    let rows = rows_of(&learned(runs, HostType::Workstation), telling.day);
    Bundle::sign(&key(number), telling, &rows).expect("it is little")
}

fn bundle() -> Bundle {
    told(0, telling(1), &failures("npm ci", 1, 3, TODAY))
}

/// The bytes of a body, rightly signed.
fn signed(mut body: Vec<u8>) -> Vec<u8> {
    body.extend(key(0).sign(DOMAIN, &body));
    body
}

#[test]
fn what_was_signed_is_opened() {
    let bundle = bundle();
    let bytes = bundle.bytes();
    assert_eq!(Bundle::open(&bytes, TODAY).as_ref(), Ok(&bundle));
    assert_eq!(bundle.digest(), Digest::of(&bytes));
    assert_eq!(bundle.replica(), Replica { node: key(0).public(), incarnation: 1 });
    assert_eq!(bundle.rows().len(), 1);
}

#[test]
fn every_bit_is_signed_and_every_end_is_missed() {
    let bytes = bundle().bytes();
    for bit in 0..bytes.len() * 8 {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert!(Bundle::open(&flipped, TODAY).is_err(), "bit {bit}");
    }
    for at in 0..bytes.len() {
        assert!(Bundle::open(&bytes[..at], TODAY).is_err(), "cut at {at}");
    }
    assert_eq!(Bundle::open(&[&bytes[..], &[0]].concat(), TODAY), Err(BundleError::Unsigned));
}

#[test]
fn what_is_signed_is_checked_all_the_same() {
    let whole = bundle().bytes();
    let body = &whole[..whole.len() - SIGNATURE_BYTES];
    assert!(Bundle::open(&signed(body.to_vec()), TODAY).is_ok());
    assert_eq!(Bundle::open(&signed([body, &[0]].concat()), TODAY), Err(BundleError::Damaged));
    assert_eq!(Bundle::open(&signed(body[..body.len() - 1].to_vec()), TODAY), Err(RowError::Short.into()));
    // Of a program that is not in the vocabulary.
    let mut foreign = body.to_vec();
    foreign[53..55].copy_from_slice(&Tool::COUNT.to_le_bytes());
    assert_eq!(Bundle::open(&signed(foreign), TODAY), Err(RowError::Word.into()));
    for window in [0, WINDOW_DAYS + 1] {
        let mut odd = body.to_vec();
        odd[47] = u8::try_from(window).expect("small");
        assert_eq!(Bundle::open(&signed(odd), TODAY), Err(BundleError::Damaged), "{window}");
    }
    // Whoever signs for another.
    let mut anothers = body.to_vec();
    anothers[1..33].copy_from_slice(&key(1).public().to_bytes());
    assert_eq!(Bundle::open(&signed(anothers), TODAY), Err(BundleError::Unsigned));
    let mut newer = whole.clone();
    newer[0] = 2;
    assert_eq!(Bundle::open(&newer, TODAY), Err(BundleError::Newer(2)));
    let large = vec![FORMAT; BUNDLE_BYTES_MAX + 1];
    assert_eq!(Bundle::open(&large, TODAY), Err(BundleError::TooLarge(BUNDLE_BYTES_MAX + 1)));
}

#[test]
fn a_month_old_is_too_old_and_tomorrow_is_soon_enough() {
    let bytes = bundle().bytes();
    assert!(Bundle::open(&bytes, TODAY + 31).is_ok() && Bundle::open(&bytes, TODAY - 1).is_ok());
    assert_eq!(Bundle::open(&bytes, TODAY + 32), Err(BundleError::Old(32)));
    assert_eq!(Bundle::open(&bytes, TODAY - 2), Err(BundleError::Future(2)));
}

#[test]
fn taking_back_shows_and_growing_old_does_not() {
    let ran = |days: &[(u16, u16)], telling: Telling| {
        let run = |(day, session): &(u16, u16)| Run {
            line: "npm ci",
            project: 1,
            session: *session,
            day: *day,
            is_ok: true,
        };
        told(0, telling, &days.iter().map(run).collect::<Vec<_>>())
    };
    let before = ran(&[(TODAY, 1), (TODAY, 2), (TODAY - 10, 1)], telling(1));
    let more = ran(&[(TODAY, 1), (TODAY, 2), (TODAY, 3), (TODAY - 10, 1)], telling(2));
    assert_eq!((more.shrinks(&before), before.shrinks(&more)), (None, Some(TODAY)));
    assert_eq!(ran(&[], telling(2)).shrinks(&before), Some(TODAY - 10));
    assert_eq!(before.shrinks(&before), None);
    let later = |day| Telling { day, ..telling(2) };
    assert_eq!(ran(&[(TODAY, 1), (TODAY, 2)], later(TODAY + 20)).shrinks(&before), None, "one fell out");
    assert_eq!(ran(&[(TODAY, 1), (TODAY, 2)], later(TODAY + 19)).shrinks(&before), Some(TODAY - 10));
    // Who keeps a week from now on.
    let week = ran(&[(TODAY, 1), (TODAY, 2)], Telling { window: 7, ..telling(2) });
    assert_eq!(week.shrinks(&before), None);
    // A clock that was put back: what it had told of tomorrow is missing today.
    assert_eq!(ran(&[], later(TODAY - 1)).shrinks(&before), Some(TODAY - 10));
}

/// A host that has used so many forms on each of 30 days.
fn busy(forms: u16) -> Rows {
    let form = |number: u16| {
        let tool = number % Tool::COUNT;
        let flags = Tool::from_code(tool).map_or(0, |tool| tool.flags().len().min(2));
        let mut bytes = vec![Wrapper::ALL[usize::from(number / Tool::COUNT)].code()];
        bytes.extend(tool.to_le_bytes());
        bytes.extend([u8::MAX, u8::try_from(flags).expect("two")]);
        bytes.extend((0..flags).map(|place| u8::try_from(place).expect("two")));
        Form::decode(&mut Bytes(&bytes)).expect("a form")
    };
    let counts = |number: u16, day: u16| {
        let mix = u32::from(number).wrapping_mul(2_654_435_761).wrapping_add(u32::from(day) * 40_503) >> 7;
        // Most runs succeed; one day in four has failures.
        let failed = if mix % 4 == 0 { mix % 5 + 1 } else { 0 };
        Day { ok: mix % 90 + 1, failed, taught: u8::from(failed > 0) }
    };
    let row = |number: u16| {
        let form = form(number);
        let days = (0..WINDOW_DAYS).map(|ago| (TODAY - ago, counts(number, ago))).collect();
        let key = Key { form, category: form.category(), host: HostType::Workstation };
        (key, Row { days, failing: Some(ErrorClass::Usage), streak: None })
    };
    (0..forms).map(row).collect()
}

#[test]
fn a_busy_host_fits_well() {
    let bundle = Bundle::sign(&key(0), telling(1), &busy(2_000)).expect("it fits");
    let bytes = bundle.bytes().len();
    println!("2,000 forms, each of them used on all of 30 days: {bytes} bytes");
    assert_eq!((bundle.rows().len(), bundle.telling().window), (2_000, 30));
    assert!(bytes < 200 << 10, "{bytes}");
}

#[test]
fn of_what_is_too_much_the_newest_days_are_told() {
    let rows = busy(ROWS);
    let bundle = Bundle::sign(&key(0), telling(1), &rows).expect("fewer days fit");
    let window = bundle.telling().window;
    assert!((1..30).contains(&window) && bundle.bytes().len() <= BUNDLE_BYTES_MAX, "{window}");
    assert!(bundle.rows().values().all(|row| row.days.len() == usize::from(window)));
    assert_eq!(bundle.rows().len(), rows.len());
    // That is no taking back.
    let earlier = Bundle::sign(&key(0), telling(0), &rows.into_iter().take(100).collect()).expect("it fits");
    assert_eq!(bundle.shrinks(&earlier), None);
}

/// More than a bundle holds of a whole month.
const ROWS: u16 = 19_000;

#[test]
fn no_bytes_are_too_much() {
    few(4, (prop::collection::vec(any::<u8>(), 0..400), any::<bool>()), |(bytes, sign)| {
        let mut body = vec![FORMAT];
        body.extend(key(0).public().to_bytes());
        body.extend(bytes);
        let bytes = if sign { signed(body) } else { body };
        let opened = Bundle::open(&bytes, TODAY);
        prop_assert!(opened.is_err() || opened.is_ok_and(|opened| opened.bytes() == bytes));
        Ok(())
    });
}

/// What somebody who is trusted has signed is still looked at, letter by letter.
#[test]
fn what_is_bent_and_signed_is_refused_or_written_the_same() {
    few(
        4,
        (
            prop::collection::vec(any_run(), 0..12),
            prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
            prop::option::of(any::<prop::sample::Index>()),
        ),
        |(runs, bends, cut)| {
            let whole = told(0, telling(1), &runs).bytes();
            let mut body = whole[..whole.len() - SIGNATURE_BYTES].to_vec();
            for (at, to) in bends {
                let at = at.index(body.len());
                body[at] = to;
            }
            if let Some(cut) = cut {
                body.truncate(cut.index(body.len()));
            }
            let bytes = signed(body);
            if let Ok(bundle) = Bundle::open(&bytes, TODAY) {
                prop_assert_eq!(bundle.bytes(), bytes);
            }
            Ok(())
        },
    );
}

#[test]
fn what_is_opened_is_written_the_same() {
    few(4, (prop::collection::vec(any_run(), 0..40), any::<u64>(), 1..40_u16), |(runs, sequence, window)| {
        let bundle = told(3, Telling { window, ..telling(sequence) }, &runs);
        let opened = Bundle::open(&bundle.bytes(), TODAY);
        prop_assert_eq!(opened, Ok(bundle));
        Ok(())
    });
}
