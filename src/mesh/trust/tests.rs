//! A text that a person keeps: read strictly, edited with care.

use proptest::prelude::*;

use super::super::replica::tests::key;
use super::*;

const DAY: Epoch = Epoch(20_786);

fn fingerprint(number: u8) -> String {
    key(number).public().fingerprint()
}

fn text() -> String {
    format!(
        "# Compared over the phone.\n\n{} laptop 2026-11-29\n\t{}\tserver-1 2026-11-30   # in the cellar\r\n",
        fingerprint(0),
        fingerprint(1)
    )
}

#[test]
fn a_line_a_node() {
    let entries = parse(&text()).expect("it is in order");
    let seen: Vec<_> =
        entries.iter().map(|entry| (entry.name.as_str(), entry.day.date(), entry.line)).collect();
    let expected = [("laptop", "2026-11-29".to_owned(), 3), ("server-1", "2026-11-30".to_owned(), 4)];
    assert_eq!(seen, expected);
    let trusted = Trusted::of(&entries);
    let of = |number| trusted.has(&key(number).public());
    assert_eq!((of(0), of(1), of(2)), (true, true, false));
    assert!(trusted.clone().with(&key(2).public()).has(&key(2).public()));
    assert_eq!(parse(" \n# nobody\n"), Ok(Vec::new()));
    assert_eq!(Fingerprint::of(&key(0).public()).to_string(), fingerprint(0));
}

#[test]
fn what_is_wrong_is_said_with_its_line() {
    let whole = fingerprint(0);
    let told = |line: &str| parse(&format!("# one\n{line}\n")).expect_err("it is wrong").to_string();
    let lines = [
        (
            format!("{whole} laptop"),
            "line 2: a line has a fingerprint, a name and a day, like `SHA256:… laptop 2026-11-29`",
        ),
        (
            format!("{whole} my laptop 2026-11-29"),
            "line 2: a line has a fingerprint, a name and a day, like `SHA256:… laptop 2026-11-29`",
        ),
        (format!("{whole} laptop 29.11.2026"), "line 2: `29.11.2026` is no day: one is written 2026-11-29"),
        (format!("{whole} laptop 2026-02-30"), "line 2: `2026-02-30` is no day: one is written 2026-11-29"),
        (
            format!("{whole} läptop 2026-11-29"),
            "line 2: `läptop` is no name: it has letters, digits, `-`, `_` and `.`, up to 64 of them",
        ),
        (
            format!("{} laptop 2026-11-29", &whole[..12]),
            "line 2: this is only the beginning of a fingerprint, 5 of 43 letters: others may begin with the same, so \
             give the whole of it, as `cs identity` shows it on that host",
        ),
        (
            "hello laptop. 2026-11-29!".to_owned(),
            "line 2: this is no fingerprint: one is `SHA256:` and 43 letters, as `cs identity` shows it on that host",
        ),
        (
            format!("{whole}= laptop 2026-11-29"),
            "line 2: this is no fingerprint: one is `SHA256:` and 43 letters, as `cs identity` shows it on that host",
        ),
        (
            format!("{whole} a 2026-11-29\n{whole} b 2026-11-29"),
            "line 3: this fingerprint stands in line 2 already: remove one of the two",
        ),
        (
            format!("{whole} a 2026-11-29\n{} a 2026-11-29", fingerprint(1)),
            "line 3: line 2 has this name already: give one of the two another",
        ),
    ];
    for (line, expected) in lines {
        assert_eq!(told(&line), expected, "{line}");
    }
}

#[test]
fn a_fingerprint_is_whole_and_written_one_way() {
    let whole = fingerprint(0);
    for at in PREFIX.len() + 1..whole.len() {
        assert_eq!(Fingerprint::parse(&whole[..at]), Err(FingerprintError::Part(at - PREFIX.len())), "{at}");
    }
    let letters = &whole[PREFIX.len()..];
    for other in [
        letters.to_owned(),
        format!("{whole}A"),
        whole.to_lowercase(),
        format!("MD5:{letters}"),
        String::new(),
        PREFIX.to_owned(),
        format!("{whole}=="),
        format!("{}=", &whole[..whole.len() - 1]),
        format!("{letters}="),
        format!("SHA256: {letters}"),
    ] {
        assert_eq!(Fingerprint::parse(&other), Err(FingerprintError::None), "{other}");
        assert_eq!(Fingerprint::copied(&other), Err(FingerprintError::None), "{other}");
    }
    for copied in [format!(" {whole}\n"), format!("sha256:{letters}"), format!("\tSha256:{letters}= ")] {
        assert_eq!(Fingerprint::copied(&copied).map(|own| own.to_string()), Ok(whole.clone()), "{copied}");
        assert_eq!(Fingerprint::parse(&copied), Err(FingerprintError::None), "{copied}");
    }
    // The last letter says two bits that are of no byte.
    let ends: Vec<String> = ('A'..='Z')
        .chain('a'..='z')
        .chain('0'..='9')
        .map(|end| format!("{}{end}", &whole[..whole.len() - 1]))
        .collect();
    let read =
        ends.iter().filter(|text| Fingerprint::parse(text).is_ok_and(|read| read.to_string() == **text));
    assert_eq!(read.count(), ends.iter().filter(|text| Fingerprint::parse(text).is_ok()).count());
}

#[test]
fn a_node_is_added_at_the_end_and_taken_out_where_it_stands() {
    let more = add(&text(), &fingerprint(2), "cluster", DAY).expect("it is new");
    assert_eq!(more, format!("{}{} cluster 2026-11-29\r\n", text(), fingerprint(2)));
    assert_eq!(add("", &fingerprint(2), "a", DAY), Ok(format!("{} a 2026-11-29\n", fingerprint(2))));
    assert_eq!(add("# x", &fingerprint(2), "a", DAY), Ok(format!("# x\n{} a 2026-11-29\n", fingerprint(2))));
    for which in ["laptop", &fingerprint(0)] {
        let (less, entry) = revoke(&more, which).expect("it is there");
        assert_eq!((entry.name.as_str(), less.lines().count()), ("laptop", 4));
        assert!(less.starts_with("# Compared over the phone.\n\n\t") && less.contains("# in the cellar\r\n"));
    }
    assert_eq!(revoke(&more, "cluster").map(|(less, _)| less), Ok(text()));
}

#[test]
fn what_is_not_clear_is_refused() {
    let part = &fingerprint(2)[..20];
    assert_eq!(add(&text(), part, "a", DAY), Err(FingerprintError::Part(13).into()));
    assert_eq!(revoke(&text(), &fingerprint(0)[..20]), Err(FingerprintError::Part(13).into()));
    assert_eq!(revoke(&text(), "desktop"), Err(EditError::Unknown));
    assert_eq!(revoke(&text(), &fingerprint(2)), Err(EditError::Unknown));
    assert_eq!(add(&text(), &fingerprint(0), "a", DAY), Err(EditError::Already("laptop".to_owned())));
    assert_eq!(add(&text(), &fingerprint(2), "laptop", DAY), Err(EditError::Taken("laptop".to_owned())));
    assert!(matches!(add(&text(), &fingerprint(2), "a\nb", DAY), Err(EditError::Name(_))));
    // What can't be read is not edited either.
    assert!(matches!(add("x y z\n", &fingerprint(2), "a", DAY), Err(EditError::Text(_))));
    assert!(matches!(revoke("x y z\n", "z"), Err(EditError::Text(_))));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_is_too_much(text: String, which: String) {
        let _ = (parse(&text), Fingerprint::parse(&text), add(&text, &fingerprint(0), &which, DAY), revoke(&text, &which));
    }
}
