//! `[settings]`, `[defaults]`, `[unset]`.

use super::*;

#[test]
fn leaves_are_scalars_lists_and_empty_tables() {
    let rendered = Machine::new(
        r#"
        format = 1
        [settings]
        "$schema" = "s"
        cleanupPeriodDays = 30
        feedbackSurveyRate = 0.5
        fallbackModel = ["a", "a"]
        worktree = {}
        enabledPlugins."x@y" = true
        permissions.allow = ["Bash(ls)"]
        sandbox.network.allowedDomains = ["x.org"]
        [defaults]
        model = "opus"
        permissions.ask = ["Bash(a)", "Bash(b)"]
        [unset]
        env.FOO = true
        permissions.deny = ["Bash(c)"]
        "#,
    )
    .good();
    insta::assert_snapshot!(entries(&rendered), @r#"
    = $schema "s"
    = cleanupPeriodDays 30
    = feedbackSurveyRate 0.5
    = fallbackModel ["a","a"]
    = worktree {}
    = enabledPlugins."x@y" true
    = permissions.allow  Bash(ls)
    = sandbox.network.allowedDomains  x.org
    ? model "opus"
    ? permissions.ask ["Bash(a)","Bash(b)"]
    - env.FOO
    - permissions.deny  Bash(c)
    "#);
}

#[test]
fn unset_is_also_a_list_of_keys() {
    let rendered = Machine::new("format = 1\nunset = [\"env.FOO\", \"model\", 'env.\"A.B\"']").good();
    insta::assert_snapshot!(entries(&rendered), @r#"
    - env.FOO
    - env."A.B"
    - model
    "#);
    let bad = Machine::new("format = 1\nunset = [\"permissions.allow\", \"a b\", 5, \"\", \"hooks.Stop\"]");
    insta::assert_snapshot!(bad.bad(), @r#"
    error: `permissions.allow` is a set: its elements are taken out one by one
      /p/main.toml:2:10
        2 | unset = ["permissions.allow", "a b", 5, "", "hooks.Stop"]
          |          ^^^^^^^^^^^^^^^^^^^
      help: name them under [unset]: `permissions.allow = ["…"]`

    error: `a b` is no dotted key: expected `.` before `b`
      /p/main.toml:2:31
        2 | unset = ["permissions.allow", "a b", 5, "", "hooks.Stop"]
          |                               ^^^^^

    error: `unset` lists keys as strings, found an integer
      /p/main.toml:2:38
        2 | unset = ["permissions.allow", "a b", 5, "", "hooks.Stop"]
          |                                      ^

    error: `` is no dotted key: a name is missing
      /p/main.toml:2:41
        2 | unset = ["permissions.allow", "a b", 5, "", "hooks.Stop"]
          |                                         ^^

    error: `hooks` is not written as a setting
      /p/main.toml:2:45
        2 | unset = ["permissions.allow", "a b", 5, "", "hooks.Stop"]
          |                                             ^^^^^^^^^^^^
      help: declare each one under [hooks.NAME]: only so can `cs` own it and let it go
    "#);
}

#[test]
fn unset_leaves_are_true_or_elements() {
    let bad = Machine::new(
        r#"format = 1
[unset]
env.A = false
model = "x"
permissions.allow = true
fallbackModel = ["a"]
"#,
    );
    insta::assert_snapshot!(bad.bad(), @r#"
    error: `env.A` must be `true` to be taken out
      /p/main.toml:3:9
        3 | env.A = false
          |         ^^^^^
      help: write `= true`

    error: `model` must be `true` to be taken out
      /p/main.toml:4:9
        4 | model = "x"
          |         ^^^
      help: write `= true`

    error: `permissions.allow` is a set: its elements are taken out one by one
      /p/main.toml:5:21
        5 | permissions.allow = true
          |                     ^^^^
      help: name them under [unset]: `permissions.allow = ["…"]`

    error: `fallbackModel` must be `true` to be taken out
      /p/main.toml:6:17
        6 | fallbackModel = ["a"]
          |                 ^^^^^
      help: write `= true`
    "#);
}

#[test]
fn a_key_is_in_one_of_the_three_tables() {
    let bad = Machine::new(
        r#"format = 1
[settings]
model = "a"
env.X = "1"
permissions.allow = ["a", "b"]
[defaults]
model = "b"
permissions.allow = ["c"]
[unset]
env = true
permissions.allow = ["b"]
permissions.deny = ["b"]
"#,
    );
    insta::assert_snapshot!(bad.bad(), @r#"
    error: `model` is under [defaults] here and under [settings] at main.toml:3
      /p/main.toml:7:1
        7 | model = "b"
          | ^^^^^
      help: a key is enforced, a default or absent: keep one of them

    error: `permissions.allow` is under [defaults] here and under [settings] at main.toml:5
      /p/main.toml:8:13
        8 | permissions.allow = ["c"]
          |             ^^^^^
      help: a key is enforced, a default or absent: keep one of them

    error: `env` is under [unset] here and under [settings] at main.toml:4
      /p/main.toml:10:1
        10 | env = true
           | ^^^
      help: a key is enforced, a default or absent: keep one of them

    error: `permissions.allow` is under [unset] here and under [defaults] at main.toml:8
      /p/main.toml:11:13
        11 | permissions.allow = ["b"]
           |             ^^^^^
      help: a key is enforced, a default or absent: keep one of them

    error: `permissions.allow` is under [unset] here and under [settings] at main.toml:5
      /p/main.toml:11:22
        11 | permissions.allow = ["b"]
           |                      ^^^
      help: a key is enforced, a default or absent: keep one of them
    "#);
}

#[test]
fn types_that_void_the_clients_file_are_refused() {
    let bad = Machine::new(
        r#"format = 1
[settings]
model = 5
verbose = "yes"
cleanupPeriodDays = "30"
statusLine = "x"
env.DEBUG = 1
env.NESTED = { a = "b" }
permissions.allow = "Bash"
permissions.deny = ["ok", 5]
permissions.defaultMode = "acceptedits"
sandbox.excludedCommands = [1]
skippedPlugins = [true]
"#,
    );
    insta::assert_snapshot!(bad.bad(), @r#"
    error: `model` must be a string, found an integer
      /p/main.toml:3:9
        3 | model = 5
          |         ^
      help: with a wrong type here Claude Code ignores the whole settings file

    error: `verbose` must be true or false, found a string
      /p/main.toml:4:11
        4 | verbose = "yes"
          |           ^^^^^
      help: with a wrong type here Claude Code ignores the whole settings file

    error: `cleanupPeriodDays` must be a number, found a string
      /p/main.toml:5:21
        5 | cleanupPeriodDays = "30"
          |                     ^^^^
      help: with a wrong type here Claude Code ignores the whole settings file

    error: `statusLine` must be a table, found a string
      /p/main.toml:6:14
        6 | statusLine = "x"
          |              ^^^
      help: with a wrong type here Claude Code ignores the whole settings file

    error: `env` holds strings only, found an integer
      /p/main.toml:7:13
        7 | env.DEBUG = 1
          |             ^
      help: write it as "1"

    error: `env` holds strings only, found a table
      /p/main.toml:8:14
        8 | env.NESTED = { a = "b" }
          |              ^^^^^^^^^^^
      help: a secret is written { env = "NAME" }, { file = "path" } or { command = ["program", "argument"] }, if need be with a `prefix` and a `suffix`

    error: `permissions.allow` must be a list of strings, found a string
      /p/main.toml:9:21
        9 | permissions.allow = "Bash"
          |                     ^^^^^^
      help: with a wrong type here Claude Code ignores the whole settings file

    error: `permissions.deny` holds strings only, found an integer
      /p/main.toml:10:27
        10 | permissions.deny = ["ok", 5]
           |                           ^
      help: write it as "5"

    error: `permissions.defaultMode` can't be `acceptedits`
      /p/main.toml:11:27
        11 | permissions.defaultMode = "acceptedits"
           |                           ^^^^^^^^^^^^^
      help: did you mean `acceptEdits`?

    error: `sandbox.excludedCommands` holds strings only, found an integer
      /p/main.toml:12:29
        12 | sandbox.excludedCommands = [1]
           |                             ^
      help: write it as "1"

    error: `skippedPlugins` holds strings only, found a boolean
      /p/main.toml:13:19
        13 | skippedPlugins = [true]
           |                   ^^^^
      help: write it as "true"
    "#);
}

#[test]
fn values_json_cannot_hold_are_refused() {
    let bad = Machine::new(
        r"format = 1
[settings]
a = 1979-05-27
b = nan
c = -inf
d = 1e999
e = 9223372036854775808
f = [1, 07:32:00]
",
    );
    insta::assert_snapshot!(bad.bad(), @r#"
    error: this is a date, which JSON has no type for
      /p/main.toml:3:5
        3 | a = 1979-05-27
          |     ^^^^^^^^^^
      help: write it as a string, in quotes

    error: this is a number that JSON can't hold
      /p/main.toml:4:5
        4 | b = nan
          |     ^^^
      help: write it as a string, in quotes

    error: this is a number that JSON can't hold
      /p/main.toml:5:5
        5 | c = -inf
          |     ^^^^
      help: write it as a string, in quotes

    error: this is a number that JSON can't hold
      /p/main.toml:6:5
        6 | d = 1e999
          |     ^^^^^
      help: write it as a string, in quotes

    error: this is an integer beyond 64 bits
      /p/main.toml:7:5
        7 | e = 9223372036854775808
          |     ^^^^^^^^^^^^^^^^^^^
      help: write it as a string, in quotes

    error: this is a date, which JSON has no type for
      /p/main.toml:8:9
        8 | f = [1, 07:32:00]
          |         ^^^^^^^^
      help: write it as a string, in quotes
    "#);
    let rendered = Machine::new(
        r"format = 1
[settings]
a = 0xff
b = 0o17
c = 0b11
d = 1_000
e = 1.5e3
f = -9223372036854775808
",
    )
    .render();
    let rendered = rendered.unwrap_or_else(|found| panic!("{}", shown(&found)));
    insta::assert_snapshot!(entries(&rendered), @r#"
    = a 255
    = b 15
    = c 3
    = d 1000
    = e 1500.0
    = f -9223372036854775808
    "#);
}

#[test]
fn hooks_and_servers_have_tables_of_their_own() {
    let bad = Machine::new(
        r#"format = 1
[settings]
hooks.Stop = []
mcpServers = {}
[defaults]
hooks = {}
[mcp.x]
command = "y"
"#,
    );
    insta::assert_snapshot!(bad.bad(), @r#"
    error: `hooks` is not written as a setting
      /p/main.toml:3:1
        3 | hooks.Stop = []
          | ^^^^^
      help: declare each one under [hooks.NAME]: only so can `cs` own it and let it go

    error: `mcpServers` is not written as a setting
      /p/main.toml:4:1
        4 | mcpServers = {}
          | ^^^^^^^^^^
      help: declare each one under [mcp.NAME]: only so can `cs` own it and let it go

    error: `hooks` is not written as a setting
      /p/main.toml:6:1
        6 | hooks = {}
          | ^^^^^
      help: declare each one under [hooks.NAME]: only so can `cs` own it and let it go
    "#);
}

#[test]
fn slips_in_settings_are_remarked_on_and_strangers_are_not() {
    let rendered = Machine::new(
        r#"format = 1
[settings]
modle = "x"
somethingNew = 1
sandbox.enabled = true
"#,
    )
    .render();
    insta::assert_snapshot!(shown(&rendered.expect("warnings only").diagnostics), @r#"
    warning: the client knows no setting `modle`
      /p/main.toml:3:1
        3 | modle = "x"
          | ^^^^^
      help: did you mean `model`?
    "#);
}

#[test]
fn elements_of_a_set_are_there_once() {
    let rendered = Machine::new(
        r#"format = 1
[settings]
permissions.allow = [
  "a",
  "b",
  "a",
]
"#,
    )
    .render();
    let rendered = rendered.expect("a warning only");
    insta::assert_snapshot!(shown(&rendered.diagnostics), @r#"
    warning: `permissions.allow` has this twice
      /p/main.toml:6:3
        6 |   "a",
          |   ^^^
    "#);
    assert_eq!(documents(&rendered).len(), 2);
    assert_eq!(documents(&rendered)[1].origin.line, 5, "each element has its own line");
}

#[test]
fn hooks_and_settings_may_go_to_different_documents() {
    let machine = Machine::new(
        r#"format = 1
settings.model = "x"
[hooks.a]
event = "Stop"
command = "true"
"#,
    );
    let target = Target { hooks_document: DocumentId::LocalSettings, ..target() };
    let rendered = render(&ProfileRef::parse("/p/main.toml"), &target, &machine).expect("valid");
    let lengths: Vec<_> =
        rendered.desired.documents.iter().map(|(id, entries)| (*id, entries.len())).collect();
    assert_eq!(lengths, [(DocumentId::Settings, 1), (DocumentId::LocalSettings, 1)]);
}

#[test]
fn a_permission_rule_that_the_client_drops_is_told() {
    let rendered = Machine::new(
        r#"format = 1
[settings.permissions]
allow = ["Bash(ls:*)", "Bash(ls", "mcp__x"]
deny = ["", "Read()"]
[defaults]
permissions.ask = ["bash(rm:*)"]
[unset]
permissions.allow = ["Bash(pwd"]
"#,
    )
    .render()
    .expect("warnings only");
    insta::assert_snapshot!(shown(&rendered.diagnostics), @r#"
    warning: Claude Code drops the permission rule `Bash(ls`: its parentheses do not match
      /p/main.toml:3:24
        3 | allow = ["Bash(ls:*)", "Bash(ls", "mcp__x"]
          |                        ^^^^^^^^^
      help: did you mean `Bash(ls)`?

    warning: Claude Code drops a permission rule that is empty
      /p/main.toml:4:9
        4 | deny = ["", "Read()"]
          |         ^^

    warning: Claude Code drops the permission rule `Read()`: there is nothing between its parentheses
      /p/main.toml:4:13
        4 | deny = ["", "Read()"]
          |             ^^^^^^^^

    warning: Claude Code drops the permission rule `bash(rm:*)`: it names no tool: those begin with a capital
      /p/main.toml:6:20
        6 | permissions.ask = ["bash(rm:*)"]
          |                    ^^^^^^^^^^^^
      help: did you mean `Bash(rm:*)`?
    "#);
}

#[test]
fn servers_are_checked_and_rendered_in_the_clients_order() {
    let profile = "format = 1\n[mcp.a]\nargs = [\"x\"]\ncommand = \"c\"\n[mcp.b]\nheaders = { H = \"v\" }\nurl = \"https://e.org\"\n";
    let rendered = Machine::new(profile).good();
    let servers: Vec<String> = rendered.desired.documents[&DocumentId::Servers]
        .iter()
        .map(|declared| format!("{} {:?}", declared.key, declared.want))
        .collect();
    assert_eq!(
        servers,
        [
            r#"mcpServers.a Enforced(Object {"command": String("c"), "args": Array [String("x")]})"#,
            r#"mcpServers.b Enforced(Object {"type": String("http"), "url": String("https://e.org"), "headers": Object {"H": String("v")}})"#
        ]
    );
    for (wrong, message) in [
        ("[mcp.a]\n", "[mcp.a] has neither a `command` nor a `url`"),
        ("[mcp.a]\ncommand = \"c\"\nurl = \"u\"\n", "[mcp.a] has both a `command` and a `url`"),
        ("[mcp.a]\ncommand = 1\n", "`mcp.a.command` must be a string, found an integer"),
        ("[mcp.a]\ncommand = \"c\"\nenv = { A = 1 }\n", "`mcp.a.env.A` must be a string, found an integer"),
        ("[mcp.\"a b\"]\ncommand = \"c\"\n", "`a b` can't be a server's name"),
    ] {
        assert_eq!(Machine::new(&format!("format = 1\n{wrong}")).message(), message, "{wrong}");
    }
}
