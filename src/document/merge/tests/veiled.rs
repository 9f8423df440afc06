//! Secrets in declarations and ledgers: the merge decides as if they stood there in plain, and no ledger does.

use proptest::prelude::*;

use super::*;
use crate::model::{Mark, Marked, Secret, Secrets, Source, Wrote};

fn source() -> Source {
    Source::Env("TOKEN".into())
}

/// `env.TOKEN`, declared as a secret; its mark is of `text`.
fn token(text: Option<&str>) -> Declared {
    let mark = text.map(|text| Mark::new([text.as_bytes()[0]; 16], text));
    let secret = Secret {
        at: Vec::new(),
        source: source(),
        prefix: String::new(),
        suffix: String::new(),
        origin: origin(),
        mark,
    };
    Declared { secrets: vec![secret], ..value("env.TOKEN", json!("")) }
}

fn found(text: &str) -> Secrets {
    let mut secrets = Secrets::default();
    secrets.insert(source(), text.to_owned());
    secrets
}

fn run(
    base: &DocumentLedger,
    other: Option<&DocumentLedger>,
    live: Option<&str>,
    desired: &[Declared],
    look: Found<'_>,
) -> Merged {
    let input = MergeInput {
        bases: Bases { current: base, other },
        live,
        desired,
        adopts: false,
        letting_go: LettingGo::Undeclared,
        leaving: &[],
        returning: &[],
        home: None,
    };
    merge_found(&input, look).expect("merges")
}

fn known(secrets: &Secrets) -> Found<'_> {
    Found { secrets, texts: &[], leaves_unknown: false }
}

fn actions(merged: &Merged) -> Vec<Action> {
    merged.changes.iter().map(|change| change.action).collect()
}

fn says(ledger: &DocumentLedger, text: &str) -> bool {
    let digest = crate::document::value::digest(&Value::from(text)).to_string();
    let ledger = serde_json::to_string(&ledger.rows).expect("serializes");
    ledger.contains(text) || ledger.contains(&digest)
}

const NONE: &str = "{\"env\": {\"TOKEN\": \"theirs\"}, \"x\": 1}";

#[test]
fn a_secret_is_written_and_only_its_mark_remembered() {
    let (nothing, secrets) = (DocumentLedger::default(), found("hunter2"));
    let merged = run(&nothing, None, Some(NONE), &[token(Some("hunter2"))], known(&secrets));
    assert_eq!(merged.value, json!({"env": {"TOKEN": "hunter2"}, "x": 1}));
    assert!(!says(&merged.ledger, "hunter2"));
    let row = &merged.ledger.rows[0];
    assert_eq!(row.wrote, Some(json!("")));
    assert_eq!(row.secrets, Marked::of(&token(Some("hunter2")).secrets));
    // Once more: nothing to do, and nothing else is remembered.
    let again = run(&merged.ledger, None, merged.text.as_deref(), &[token(Some("hunter2"))], known(&secrets));
    assert_eq!(
        (again.text.clone(), again.ledger.clone(), actions(&again)),
        (merged.text.clone(), merged.ledger.clone(), vec![])
    );
    // Looked at without the secret: the mark tells.
    let none = Secrets::default();
    let looked = run(&merged.ledger, None, merged.text.as_deref(), &[token(Some("hunter2"))], known(&none));
    assert_eq!(actions(&looked), []);
    // Drift is seen, with and without.
    for secrets in [&secrets, &none] {
        let live = "{\"env\": {\"TOKEN\": \"(secret )\"}, \"x\": 1}";
        let drifted = run(&merged.ledger, None, Some(live), &[token(Some("hunter2"))], known(secrets));
        assert_eq!(actions(&drifted), [Action::Reassert]);
    }
    // Let go, without knowing it: the user's value is back.
    let gone = run(&merged.ledger, None, merged.text.as_deref(), &[], known(&none));
    assert_eq!((gone.text.as_deref(), actions(&gone)), (Some(NONE), vec![Action::Restore]));
}

#[test]
fn a_stale_client_that_brings_an_old_secret_back_is_not_the_user() {
    let nothing = DocumentLedger::default();
    let first = run(&nothing, None, Some(NONE), &[token(Some("one"))], known(&found("one")));
    let second =
        run(&first.ledger, None, first.text.as_deref(), &[token(Some("three"))], known(&found("three")));
    assert_eq!(actions(&second), [Action::Update]);
    let earlier = &second.ledger.rows[0].earlier_secrets;
    assert_eq!(*earlier, [Wrote { value: json!(""), secrets: first.ledger.rows[0].secrets.clone() }]);
    assert!(!says(&second.ledger, "one") && !says(&second.ledger, "three"));
    let gone = run(&second.ledger, None, first.text.as_deref(), &[], known(&Secrets::default()));
    assert_eq!(gone.text.as_deref(), Some(NONE));
}

#[test]
fn a_default_that_the_user_changed_is_theirs_though_nobody_looks_it_up() {
    let default = |text| {
        let own = token(Some(text));
        Declared { want: Want::Default(json!("")), ..own }
    };
    let nothing = DocumentLedger::default();
    let first = run(&nothing, None, Some("{}"), &[default("one")], known(&found("one")));
    let live = "{\"env\": {\"TOKEN\": \"theirs\"}}";
    for secrets in [found("one"), Secrets::default()] {
        let merged = run(&first.ledger, None, Some(live), &[default("one")], known(&secrets));
        assert_eq!((merged.text.as_deref(), actions(&merged)), (Some(live), vec![]));
        assert_eq!(merged.ledger.rows[0].how, How::Released);
    }
    let said_anew = run(&first.ledger, None, Some(live), &[default("three")], known(&found("three")));
    assert_eq!(said_anew.value, json!({"env": {"TOKEN": "three"}}));
}

/// As in recovery: nobody looks anything up, and what is kept of the transaction may have it.
#[test]
fn a_secret_that_nobody_knows_is_left_alone_and_stays_known() {
    let nothing = DocumentLedger::default();
    let first = run(&nothing, None, Some(NONE), &[token(Some("hunter2"))], known(&found("hunter2")));
    let stale = Some("{\"env\": {\"TOKEN\": \"other\"}, \"x\": 2}");
    let none = Secrets::default();
    let blind = Found { secrets: &none, texts: &[], leaves_unknown: true };
    let merged = run(&nothing, Some(&first.ledger), stale, &[token(Some("hunter2"))], blind);
    assert_eq!(merged.text.as_deref(), stale);
    assert_eq!(merged.ledger.rows, first.ledger.rows, "what it stands on is not lost");
    let kept = [serde_json::from_str(first.text.as_deref().expect("a text")).expect("JSON")];
    let seeing = Found { texts: &kept, ..blind };
    let merged = run(&nothing, Some(&first.ledger), stale, &[token(Some("hunter2"))], seeing);
    assert_eq!(merged.value, json!({"env": {"TOKEN": "hunter2"}, "x": 2}));
}

#[test]
fn what_is_sealed_for_good_is_refused_only_where_it_is_needed() {
    let nothing = DocumentLedger::default();
    let mut first = run(&nothing, None, Some(NONE), &[token(Some("hunter2"))], known(&found("hunter2")));
    let How::Replaced(before) = &mut first.ledger.rows[0].how else { panic!("it stands on theirs") };
    *before = Displaced { sealed: Some("…".into()), ..Displaced::new(String::new(), None) };
    let again =
        run(&first.ledger, None, first.text.as_deref(), &[token(Some("hunter2"))], known(&found("hunter2")));
    assert_eq!(again.ledger, first.ledger);
    let input = MergeInput {
        bases: Bases { current: &first.ledger, other: None },
        live: first.text.as_deref(),
        desired: &[],
        adopts: false,
        letting_go: LettingGo::Back,
        leaving: &[],
        returning: &[],
        home: None,
    };
    let none = Secrets::default();
    let key = Key::Value(vec!["env".into(), "TOKEN".into()]);
    assert_eq!(merge_found(&input, known(&none)), Err(Refusal::Sealed { key }));
    // Set by hand it is theirs, and nothing is needed.
    let theirs = "{\"env\": {\"TOKEN\": \"set\"}, \"x\": 1}";
    assert_eq!(
        merge_found(&MergeInput { live: Some(theirs), ..input }, known(&none))
            .expect("merges")
            .text
            .as_deref(),
        Some(theirs)
    );
}

proptest! {
    /// Whatever is there and whatever was written: the texts, changes and rows are those of the same merge
    /// with the value said in plain.
    #[test]
    fn a_secret_is_merged_like_the_same_text_said_in_plain(
        lives in prop::collection::vec(prop_oneof![
            Just(None), Just(Some("p")), Just(Some("qq")), Just(Some("www")), Just(Some("theirs")),
        ], 1..5),
        wants in prop::collection::vec(prop::option::of(prop_oneof![Just("p"), Just("qq"), Just("www")]), 5),
        is_default: bool,
    ) {
        let mut veiled = DocumentLedger::default();
        let mut plain = DocumentLedger::default();
        for (live, want) in lives.iter().zip(&wants) {
            let live = live.map(|text| format!("{{ \"env\": {{\"TOKEN\": {text:?}}} }}"));
            let wrap = |value: Value| if is_default { Want::Default(value) } else { Want::Enforced(value) };
            let own: Vec<Declared> = want.iter().map(|text| {
                Declared { want: wrap(json!("")), ..token(Some(text)) }
            }).collect();
            let said: Vec<Declared> = want.iter().map(|text| {
                Declared { want: wrap(json!(text)), ..value("env.TOKEN", Value::Null) }
            }).collect();
            let secrets = want.map(found).unwrap_or_default();
            let live = live.as_deref();
            let a = run(&veiled, None, live, &own, known(&secrets));
            let b = run(&plain, None, live, &said, known(&Secrets::default()));
            prop_assert_eq!(&a.text, &b.text);
            prop_assert_eq!(&a.changes, &b.changes);
            let hows = |ledger: &DocumentLedger| ledger.rows.iter().map(|row| row.how.clone()).collect::<Vec<_>>();
            prop_assert_eq!(hows(&a.ledger), hows(&b.ledger));
            prop_assert_eq!(&a.ledger.containers, &b.ledger.containers);
            for text in ["qq", "www"] {
                let is_theirs = b.ledger.rows.iter().any(|row| matches!(&row.how, How::Replaced(before) if before.text.contains(text)));
                prop_assert!(is_theirs || !says(&a.ledger, text), "{}", text);
            }
            (veiled, plain) = (a.ledger, b.ledger);
        }
    }
}
