//! Values that a profile does not say.

use super::*;
use crate::model::{Secret, Source};

/// Every declared secret: entry, place in it, source, prefix and suffix, where it is declared.
fn secrets(rendered: &Rendered) -> String {
    let of = |declared: &Declared| -> Vec<String> {
        let line = |own: &Secret| {
            let dress = format!("{:?} {:?}", own.prefix, own.suffix);
            format!("{} @ {} : {} {dress} {}", declared.key, own.at.join("/"), own.source, own.origin)
        };
        declared.secrets.iter().map(line).collect()
    };
    rendered.desired.documents.values().flatten().flat_map(of).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_string_may_be_said_to_stand_elsewhere() {
    let rendered = Machine::new(
        r#"
        format = 1
        [settings]
        env.TOKEN = { env = "TOKEN" }
        env.PLAIN = "x"
        env.KEY = { file = "secrets/key" }
        companyAnnouncements = ["hello", { command = ["./say", "it"], suffix = "!" }]
        pluginConfigs.x.options.key = { file = "~/key" }
        statusLine = { type = "command", command = "x" }
        [defaults]
        model = { command = ["~/bin/model"] }
        [mcp.github]
        url = { env = "URL" }
        headers.Authorization = { env = "TOKEN", prefix = "Bearer " }
        [mcp.local]
        command = "npx"
        args = ["-k", { file = "/abs" }]
        env = { A = { env = "A" } }
        "#,
    )
    .good();
    insta::assert_snapshot!(secrets(&rendered), @r#"
    env.TOKEN @  : $TOKEN "" "" main.toml:4
    env.KEY @  : /p/secrets/key "" "" main.toml:6
    companyAnnouncements @ 1 : `./say it` "" "!" main.toml:7
    pluginConfigs.x.options.key @  : /home/me/key "" "" main.toml:8
    model @  : `/home/me/bin/model` "" "" main.toml:11
    mcpServers.github @ url : $URL "" "" main.toml:13
    mcpServers.github @ headers/Authorization : $TOKEN "Bearer " "" main.toml:14
    mcpServers.local @ args/1 : /abs "" "" main.toml:17
    mcpServers.local @ env/A : $A "" "" main.toml:18
    "#);
    insta::assert_snapshot!(entries(&rendered), @r#"
    = env.TOKEN ""
    = env.PLAIN "x"
    = env.KEY ""
    = companyAnnouncements ["hello",""]
    = pluginConfigs.x.options.key ""
    = statusLine.type "command"
    = statusLine.command "x"
    ? model ""
    "#);
}

/// A table that is no secret by the letter is the client's.
#[test]
fn other_tables_stay_what_they_are() {
    let rendered = Machine::new(
        r#"
        format = 1
        [settings]
        a.env = { X = "1" }
        b = { command = "x" }
        c = { file = "x", more = 1 }
        d = { command = ["x", 1] }
        e = { prefix = "x" }
        f = { env = 5 }
        "#,
    )
    .good();
    assert_eq!(secrets(&rendered), "");
    insta::assert_snapshot!(entries(&rendered), @r#"
    = a.env.X "1"
    = b.command "x"
    = c.file "x"
    = c.more 1
    = d.command ["x",1]
    = e.prefix "x"
    = f.env 5
    "#);
}

#[test]
fn what_can_only_be_meant_as_a_secret_and_is_none_is_an_error() {
    let bad = Machine::new(
        r#"
        format = 1
        [settings]
        env.A = { env = "A", file = "x" }
        env.B = { command = "pass show x" }
        env.C = { command = [] }
        env.D = { env = "$D" }
        env.E = { env = "E", prefx = "Bearer " }
        permissions.allow = [{ env = "A" }]
        cleanupPeriodDays = { env = "DAYS" }
        [mcp.x]
        command = "x"
        type = { env = "A" }
        headers.A = { command = "pass" }
        [hooks.h]
        event = "Stop"
        command = { env = "A" }
        "#,
    );
    insta::assert_snapshot!(bad.bad(), @r#"
    error: a secret has one source, and this names several
      /p/main.toml:4:17
        4 |         env.A = { env = "A", file = "x" }
          |                 ^^^^^^^^^^^^^^^^^^^^^^^^^
      help: a secret is written { env = "NAME" }, { file = "path" } or { command = ["program", "argument"] }, if need be with a `prefix` and a `suffix`

    error: `env` holds strings only, found a table
      /p/main.toml:5:17
        5 |         env.B = { command = "pass show x" }
          |                 ^^^^^^^^^^^^^^^^^^^^^^^^^^^
      help: a secret's command is a list, since no shell runs it: { command = ["pass", "show", "x"] }

    error: the secret's command names no program
      /p/main.toml:6:17
        6 |         env.C = { command = [] }
          |                 ^^^^^^^^^^^^^^^^
      help: a secret is written { env = "NAME" }, { file = "path" } or { command = ["program", "argument"] }, if need be with a `prefix` and a `suffix`

    error: no environment variable has such a name: it is written without `$` and `=`
      /p/main.toml:7:17
        7 |         env.D = { env = "$D" }
          |                 ^^^^^^^^^^^^^^
      help: a secret is written { env = "NAME" }, { file = "path" } or { command = ["program", "argument"] }, if need be with a `prefix` and a `suffix`

    error: `env` holds strings only, found a table
      /p/main.toml:8:17
        8 |         env.E = { env = "E", prefx = "Bearer " }
          |                 ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      help: a secret is written { env = "NAME" }, { file = "path" } or { command = ["program", "argument"] }, if need be with a `prefix` and a `suffix`

    error: `permissions.allow` is a set, and what is in it can't be a secret
      /p/main.toml:9:30
        9 |         permissions.allow = [{ env = "A" }]
          |                              ^^^^^^^^^^^^^
      help: cs tells the elements of a set by what they say: write it as it is

    error: `cleanupPeriodDays` must be a number, found a secret
      /p/main.toml:10:29
        10 |         cleanupPeriodDays = { env = "DAYS" }
           |                             ^^^^^^^^^^^^^^^^
      help: with a wrong type here Claude Code ignores the whole settings file

    error: `mcp.x.type` must be a string, found a secret
      /p/main.toml:13:16
        13 |         type = { env = "A" }
           |                ^^^^^^^^^^^^^

    warning: [mcp.x] has a `command`, and `headers` does nothing there
      /p/main.toml:14:9
        14 |         headers.A = { command = "pass" }
           |         ^^^^^^^
      help: headers go to a server that is at a `url`: one that is started takes `env` or `args`

    error: `mcp.x.headers.A` must be a string, found a table
      /p/main.toml:14:21
        14 |         headers.A = { command = "pass" }
           |                     ^^^^^^^^^^^^^^^^^^^^
      help: a secret's command is a list, since no shell runs it: { command = ["pass"] }

    error: `hooks.h.command` must be a string, found a table
      /p/main.toml:17:19
        17 |         command = { env = "A" }
           |                   ^^^^^^^^^^^^^
    "#);
}

#[test]
fn a_later_profile_replaces_one_whole() {
    let rendered = Machine::new(
        "format = 1\nextends = [\"base.toml\"]\n[settings]\nenv.A = { file = \"here\" }\nenv.B = \"plain\"\nenv.C = { env = \"C\" }\n[mcp.x]\ncommand = \"y\"\nargs = [{ env = \"ARG\" }, { env = \"MORE\" }]\n",
    )
    .file(
        "/p/base.toml",
        "format = 1\n[settings]\nenv.A = { env = \"A\", prefix = \"x\" }\nenv.B = { env = \"B\" }\nenv.C = \"plain\"\n[mcp.x]\ncommand = \"x\"\nargs = [{ env = \"ARG\" }]\n",
    )
    .good();
    insta::assert_snapshot!(secrets(&rendered), @r#"
    env.A @  : /p/here "" "" main.toml:4
    env.C @  : $C "" "" main.toml:6
    mcpServers.x @ args/0 : $ARG "" "" base.toml:8
    mcpServers.x @ args/1 : $MORE "" "" main.toml:9
    "#);
}

/// In a project there is a file that is committed and one that is not.
#[test]
fn in_a_project_secrets_go_where_nobody_commits_them() {
    let project = Target {
        hooks_document: DocumentId::LocalSettings,
        servers_document: DocumentId::ProjectServers,
        ..target()
    };
    let at = ProfileRef::parse("/p/main.toml");
    let machine = Machine::new("format = 1\n[settings]\nmodel = \"opus\"\nenv.A = { env = \"A\" }\n");
    let documents = render(&at, &project, &machine).expect("renders").desired.documents;
    let keys = |id| documents[&id].iter().map(|own| own.key.to_string()).collect::<Vec<_>>();
    assert_eq!(keys(DocumentId::Settings), ["model"]);
    assert_eq!(keys(DocumentId::LocalSettings), ["env.A"]);
    let machine =
        Machine::new("format = 1\n[mcp.x]\nurl = \"https://x\"\nheaders = { A = { env = \"A\" } }\n");
    let refused = render(&at, &project, &machine).expect_err("refused");
    insta::assert_snapshot!(shown(&refused), @r#"
    error: a secret can't go into a project's .mcp.json: that file is committed
      /p/main.toml:4:17
        4 | headers = { A = { env = "A" } }
          |                 ^^^^^^^^^^^^^
      help: write "${NAME}": Claude Code puts in the variable of its environment; or declare the server in a profile of your own, not the project's
    "#);
}

/// A command is found and run beside the profile; `~` is the home.
#[test]
fn paths_are_absolute_from_here_on() {
    let rendered = Machine::new(
        "format = 1\n[settings]\nenv.A = { command = [\"./bin/x\", \"~/y\"] }\nenv.B = { command = [\"~/bin/x\"] }\n",
    )
    .good();
    let sources: Vec<&Source> =
        documents(&rendered).iter().flat_map(|own| &own.secrets).map(|own| &own.source).collect();
    let command = |argv: &[&str]| Source::Command {
        argv: argv.iter().map(ToString::to_string).collect(),
        folder: "/p".to_owned(),
    };
    assert_eq!(sources, [&command(&["./bin/x", "~/y"]), &command(&["/home/me/bin/x"])]);
}
