//! `[when."…"]`.

use super::*;

fn holds(condition: &str) -> bool {
    let text = format!("format = 1\n[when.'{condition}']\nsettings.model = \"x\"");
    let machine =
        Machine::new(&text).env("A", "hello").env("EMPTY", "").file("/home/me/x/y", "").file("/p/here", "");
    let rendered = machine.good();
    let held = !documents(&rendered).is_empty();
    assert_eq!(rendered.facts, BTreeMap::from([(condition.to_owned(), held)]));
    held
}

#[test]
fn each_fact_is_asked_of_the_world() {
    for condition in [
        "os(linux)",
        "arch(x86_64)",
        "host(login*)",
        "host(LOGIN1)",
        "host(*.edu)",
        "host(login?.cluster.edu)",
        "env(A)",
        "env(A=hello)",
        "env(A=h*o)",
        "env(EMPTY)",
        "env(EMPTY=)",
        "exists(~/x)",
        "exists(~/x/y)",
        "exists(here)",
        "exists(/p/here)",
        "command(uv)",
        "command(/bin/sh)",
        "not os(macos)",
        "os(macos) or os(linux) and not env(CI)",
        "(os(macos) or os(linux)) and arch(x86_64)",
        "not not os(linux)",
        "os( \"linux\" )",
        "  os (linux)  ",
    ] {
        assert!(holds(condition), "{condition}");
    }
    for condition in [
        "os(macos)",
        "arch(aarch64)",
        "host(node*)",
        "env(NO)",
        "env(A=HELLO)",
        "exists(~/no)",
        "command(no)",
        "not os(linux)",
        "os(linux) and os(macos)",
        "os(macos) and os(linux) or env(CI)",
        "host(login)",
    ] {
        assert!(!holds(condition), "{condition}");
    }
}

#[test]
fn conditional_tables_come_after_the_files_own_in_order() {
    let rendered = Machine::new(
        r#"
        format = 1
        extends = ["base.toml"]
        [when."os(linux)"]
        settings.model = "linux"
        settings.permissions.allow = ["Bash(squeue)"]
        [when."host(login*)"]
        settings.model = "login"
        without = ["hooks.heavy"]
        [when."os(macos)"]
        settings.model = "mac"
        [settings]
        model = "plain"
        "#,
    )
    .file(
        "/p/base.toml",
        r#"format = 1
[when."os(linux)"]
settings.model = "base"
settings.language = "b"
[hooks.heavy]
event = "Stop"
command = "x"
"#,
    )
    .good();
    insta::assert_snapshot!(entries(&rendered), @r#"
    = model "login"
    = language "b"
    = permissions.allow  Bash(squeue)
    "#);
    assert_eq!(rendered.facts.len(), 3);
}

#[test]
fn where_it_does_not_hold_tables_are_checked_but_sources_not_read() {
    let machine = Machine::new(
        r#"format = 1
[when."os(macos)".hooks.x]
event = "Stop"
source = "mac.sh"
"#,
    );
    assert!(machine.good().desired.installs.is_empty());
    assert_eq!(machine.reads.borrow().len(), 1);
    let bad = Machine::new(
        r#"format = 1
[when."os(macos)"]
hooks.x.evnt = "Stop"
extends = ["x"]
when.x = {}
format = 1
"#,
    );
    insta::assert_snapshot!(bad.bad(), @r#"
    error: unknown key `evnt` in [hooks.x]
      /p/main.toml:3:9
        3 | hooks.x.evnt = "Stop"
          |         ^^^^
      help: did you mean `event`?

    error: `extends` can't depend on a condition
      /p/main.toml:4:1
        4 | extends = ["x"]
          | ^^^^^^^
      help: it belongs at the top of the file

    error: `when` can't depend on a condition
      /p/main.toml:5:1
        5 | when.x = {}
          | ^^^^
      help: it belongs at the top of the file

    error: `format` can't depend on a condition
      /p/main.toml:6:1
        6 | format = 1
          | ^^^^^^
      help: it belongs at the top of the file
    "#);
}

#[test]
fn mistakes_are_shown_inside_the_condition() {
    let bad = Machine::new(
        r#"format = 1
[when."os(linux) and hots(x)"]
[when.'os(darwin)']
[when."os(linux"]
[when.""]
[when."arch(arm64) x"]
[when]
"os(linux) or" = 5
"#,
    );
    insta::assert_snapshot!(bad.bad(), @r#"
    error: in the condition: unknown condition `hots`
      /p/main.toml:2:22
        2 | [when."os(linux) and hots(x)"]
          |                      ^
      help: did you mean `host`?

    error: in the condition: unknown operating system `darwin`
      /p/main.toml:3:8
        3 | [when.'os(darwin)']
          |        ^
      help: did you mean `macos`?

    error: in the condition: expected `)`
      /p/main.toml:4:11
        4 | [when."os(linux"]
          |           ^

    error: in the condition: expected a condition
      /p/main.toml:5:8
        5 | [when.""]
          |        ^
      help: conditions are os(…), arch(…), host(…), env(NAME) or env(NAME=…), exists(PATH) and command(NAME)

    error: in the condition: unknown architecture `arm64`
      /p/main.toml:6:8
        6 | [when."arch(arm64) x"]
          |        ^
      help: did you mean `aarch64`?

    error: `when."os(linux) or"` must be a table, found an integer
      /p/main.toml:8:18
        8 | "os(linux) or" = 5
          |                  ^
    "#);
}
