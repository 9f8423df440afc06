//! Everything else that can be wrong with a profile, and how it is shown.

use super::*;

#[test]
fn a_profile_says_its_format() {
    insta::assert_snapshot!(Machine::new("[settings]\nmodel = \"x\"").bad(), @r#"
    error: the profile doesn't say its format
      /p/main.toml:1:1
        1 | [settings]
          | ^
      help: write `format = 1` as its first line
    "#);
    insta::assert_snapshot!(Machine::new("format = 2\nnew-thing = 5").bad(), @r#"
    error: this profile is of format 2; this cs reads up to 1
      /p/main.toml:1:10
        1 | format = 2
          |          ^
      help: it was written for a newer cs: update cs
    "#);
    insta::assert_snapshot!(Machine::new("format = \"1\"\n").bad(), @r#"
    error: `format` must be an integer, found a string
      /p/main.toml:1:10
        1 | format = "1"
          |          ^^^
    "#);
    assert_eq!(Machine::new("format = 0").message(), "`format` must be at least 1");
}

#[test]
fn unknown_keys_are_errors_with_a_suggestion() {
    insta::assert_snapshot!(Machine::new(r#"format = 1
extend = []
permissions = {}
xyzzy = 1
[hoks.a]
event = "Stop"
"#).bad(), @r#"
    error: unknown key `extend`
      /p/main.toml:2:1
        2 | extend = []
          | ^^^^^^
      help: did you mean `extends`?

    error: unknown key `permissions`
      /p/main.toml:3:1
        3 | permissions = {}
          | ^^^^^^^^^^^
      help: `permissions` is one of the client's settings: it belongs under [settings]

    error: unknown key `xyzzy`
      /p/main.toml:4:1
        4 | xyzzy = 1
          | ^^^^^

    error: unknown key `hoks`
      /p/main.toml:5:2
        5 | [hoks.a]
          |  ^^^^
      help: did you mean `hooks`?
    "#);
}

#[test]
fn wrong_types_say_what_was_expected_and_found() {
    insta::assert_snapshot!(
        Machine::new(r#"format = 1
extends = "a.toml"
without = [5]
mode = true
settings = 5
hooks = []
guard = "ask"
when = 1
unset = true
agents = { a = 5 }
"#).bad(),
        @r#"
        error: `extends` must be a list of strings, found a string
          /p/main.toml:2:11
            2 | extends = "a.toml"
              |           ^^^^^^^^
          help: a single one is written in brackets, too

        error: `without` must be a string, found an integer
          /p/main.toml:3:12
            3 | without = [5]
              |            ^

        error: `mode` must be a string, found a boolean
          /p/main.toml:4:8
            4 | mode = true
              |        ^^^^

        error: `settings` must be a table, found an integer
          /p/main.toml:5:12
            5 | settings = 5
              |            ^

        error: `hooks` must be a table, found a list
          /p/main.toml:6:9
            6 | hooks = []
              |         ^^

        error: `guard` must be a table, found a string
          /p/main.toml:7:9
            7 | guard = "ask"
              |         ^^^^^

        error: `when` must be a table, found an integer
          /p/main.toml:8:8
            8 | when = 1
              |        ^

        error: `unset` must be a table or a list of keys, found a boolean
          /p/main.toml:9:9
            9 | unset = true
              |         ^^^^

        error: `agents.a` must be a table, found an integer
          /p/main.toml:10:16
            10 | agents = { a = 5 }
               |                ^
        "#
    );
}

#[test]
fn toml_errors_are_all_located() {
    insta::assert_snapshot!(Machine::new(r#"format = 1
[settings
model = "x"
a = = 5
"#).bad(), @r#"
    error: invalid TOML: unclosed table, expected `]`
      /p/main.toml:2:10
        2 | [settings
          |          ^

    error: invalid TOML: extra `=`, expected nothing
      /p/main.toml:4:5
        4 | a = = 5
          |     ^

    error: invalid TOML: unexpected key or value, expected newline, `#`
      /p/main.toml:4:7
        4 | a = = 5
          |       ^
    "#);
    insta::assert_snapshot!(Machine::new(r"format = 1
[hooks.a]
[hooks.a]
").bad(), @r#"
    error: invalid TOML: duplicate key
      /p/main.toml:3:8
        3 | [hooks.a]
          |        ^
    "#);
}

#[test]
fn a_profile_that_cannot_be_read_is_named() {
    let nowhere = render(&ProfileRef::parse("/no/profile.toml"), &target(), &Machine::new(""));
    insta::assert_snapshot!(shown(&nowhere.expect_err("missing")), @r#"
    error: can't read the profile `/no/profile.toml`: there is no such file
      /no/profile.toml
    "#);
    let folder = render(&ProfileRef::parse("/p"), &target(), &Machine::new(""));
    insta::assert_snapshot!(shown(&folder.expect_err("a folder")), @r#"
    error: can't read the profile `/p`: it is a folder
      /p
      help: name the file in it
    "#);
    let unknown = render(&ProfileRef::parse("builtin:teem"), &target(), &Machine::new(""));
    insta::assert_snapshot!(shown(&unknown.expect_err("unknown")), @r#"
    error: there is no built-in profile `teem`
      builtin:teem
      help: did you mean `builtin:team`?
    "#);
    let long = vec![b'#'; usize::try_from(crate::model::limits::PROFILE_BYTES_MAX).expect("fits") + 1];
    assert!(
        Machine::new("")
            .file("/p/main.toml", long)
            .message()
            .ends_with("4194305 bytes long, more than is read")
    );
}

#[test]
fn what_is_not_utf8_is_located() {
    insta::assert_snapshot!(Machine::new("").file("/p/main.toml", b"format = 1\nx = \"\xff\"\n").bad(), @r#"
    error: this is not UTF-8
      /p/main.toml:2:6
        2 | x = "�"
          |      ^
    "#);
}

#[test]
fn a_byte_order_mark_and_windows_line_ends_are_fine() {
    Machine::new("\u{feff}format = 1\r\n[settings]\r\nmodel = \"x\"\r\n").good();
}

#[test]
fn all_errors_are_found_in_one_go_in_order() {
    let machine = Machine::new(
        r#"format = 1
extends = ["base.toml"]
[agents.a]
source = "a.md"
[hooks.h]
event = "Stpo"
[rules.r]
source = "no"
"#,
    )
    .file("/p/base.toml", "format = 1\nx = 1\n")
    .file("/p/a.md", "no frontmatter");
    let found = machine.render().expect_err("errors");
    let places: Vec<_> = found.iter().map(|d| format!("{}:{}", d.file, d.line)).collect();
    assert_eq!(places, ["/p/main.toml:5", "/p/main.toml:6", "/p/main.toml:8", "/p/base.toml:2", "/p/a.md:1"]);
}

#[test]
fn names_in_messages_are_short_and_printable() {
    let long = "x".repeat(4096);
    let found = Machine::new(&format!("format = 1\n\"a\\u0007{long}\" = 5")).render().expect_err("unknown");
    let text = shown(&found);
    assert!(text.len() < 1000 && !text.contains('\u{7}'), "{text}");
}

#[test]
fn nesting_without_end_is_refused_and_not_followed() {
    for text in [
        format!("format = 1\na = {}", "[".repeat(100_000)),
        format!("format = 1\n[{}a]\nx = 1", "a.".repeat(100_000)),
        format!("format = 1\n{}a = 1", "a.".repeat(100_000)),
        format!("format = 1\nsettings = {}", "{a = ".repeat(100_000)),
        format!("format = 1\n[when.\"{}\"]", "(".repeat(100_000)),
    ] {
        assert!(Machine::new(&text).render().is_err());
    }
}

#[test]
fn a_builtin_has_no_files_beside_it() {
    let mut report = diagnostic::Report::default();
    let number = report.add(diagnostic::Source::new("builtin:x", "source = \"a\"", None));
    let table = tree::parse(number, &mut report).expect("valid");
    let machine = Machine::new("");
    let mut out = super::super::installs::Out::new(&machine, &table, &target(), &mut report);
    assert!(out.read(&table["source"].node).is_none());
    assert_eq!(report.finish()[0].message, "a built-in profile has no files beside it");
}
