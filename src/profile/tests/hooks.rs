//! `[hooks.*]`: entries, files, and what is looked at in a script.

use super::*;

fn hook(declared: &Declared) -> (&HookId, &Value) {
    match (&declared.key, &declared.want) {
        (Key::Hook(id), Want::Enforced(value)) => (id, value),
        other => panic!("{other:?}"),
    }
}

/// A profile with one hook from `x.sh`, which is `text`.
fn script(text: &str) -> Machine {
    Machine::new(
        r#"format = 1
[hooks.x]
event = "Stop"
source = "x.sh"
"#,
    )
    .script("/p/x.sh", text)
}

#[test]
fn a_script_is_installed_and_called() {
    let machine = Machine::new(
        r#"format = 1
[hooks.format-rust]
event = "PostToolUse"
matcher = "Edit|Write"
source = "hooks/f.sh"
timeout = 5
"#,
    )
    .script("/p/hooks/f.sh", "#!/usr/bin/env bash\n");
    let rendered = machine.good();
    let (id, value) = hook(&documents(&rendered)[0]);
    assert_eq!(id, &HookId::new("PostToolUse", Some("Edit|Write"), "~/.claude/hooks/format-rust"));
    assert_eq!(value, &json!({"type": "command", "command": "~/.claude/hooks/format-rust", "timeout": 5}));
    assert_eq!(
        documents(&rendered)[0].origin,
        Origin { file: "/p/main.toml".into(), line: 2, hook: Some("format-rust".to_owned()) }
    );
    let spec = &rendered.desired.files[&path("hooks/format-rust")];
    assert_eq!(spec.content, Content::Bytes(b"#!/usr/bin/env bash\n".to_vec()));
    assert!(spec.executable);
    let install = &rendered.desired.installs[&path("hooks/format-rust")];
    assert_eq!((install.kind, install.mode, install.folder), (Kind::Hook, InstallMode::Link, false));
    assert_eq!(install.source.as_deref(), Some("/p/hooks/f.sh"));
    assert_eq!(machine.reads.borrow().len(), 2, "the source's bytes are read once");
}

#[test]
fn every_field_gets_the_clients_name() {
    let rendered = Machine::new(
        r#"
        format = 1
        [hooks.x]
        event = ["PreToolUse", "PostToolUse", "PreToolUse"]
        matcher = "*"
        command = "prettier"
        args = ["--write"]
        if = "Bash(git *)"
        shell = "bash"
        timeout = 2.5
        on-failure = "block"
        status-message = "formatting"
        async = true
        async-rewake = false
        "#,
    )
    .good();
    let both: Vec<_> = documents(&rendered).iter().map(|declared| hook(declared).0.to_owned()).collect();
    assert_eq!(both, ["PreToolUse", "PostToolUse"].map(|event| HookId::new(event, None, "prettier")));
    assert_eq!(
        hook(&documents(&rendered)[0]).1.to_string(),
        r#"{"type":"command","command":"prettier","args":["--write"],"if":"Bash(git *)","shell":"bash","timeout":2.5,"onFailure":"block","statusMessage":"formatting","async":true,"asyncRewake":false}"#
    );
    assert!(rendered.desired.files.is_empty(), "a command installs no file");
}

#[test]
fn a_builtin_bears_its_own_name_and_is_installed_once() {
    let rendered = Machine::new(
        r#"format = 1
[hooks.guard]
event = "PreToolUse"
matcher = "Bash"
builtin = "intelligent-optimizer"
[hooks.guard-edits]
event = "PreToolUse"
matcher = "Edit"
builtin = "intelligent-optimizer"
[guard]
on-failure = "block"
"#,
    )
    .good();
    insta::assert_snapshot!(installs(&rendered), @"Hook Link hooks/intelligent-optimizer main.toml:2");
    insta::assert_snapshot!(entries(&rendered), @r#"
    = hooks.PreToolUse  Bash → ~/.claude/hooks/intelligent-optimizer
    = hooks.PreToolUse  Edit → ~/.claude/hooks/intelligent-optimizer
    "#);
    assert_eq!(
        hook(&documents(&rendered)[0]).1["onFailure"],
        "block",
        "the guard's own choice closes the client's hole"
    );
}

#[test]
fn commands_are_quoted_for_the_shell_where_they_need_it() {
    let text = r#"format = 1
[hooks.'my hook']
event = "Stop"
source = "x.sh"
[hooks.plain]
event = "Stop"
source = "x.sh"
"#;
    let machine = Machine::new(text).script("/p/x.sh", "#!/bin/sh\n");
    let commands = |target: &Target| {
        let rendered = render(&ProfileRef::parse("/p/main.toml"), target, &machine).expect("valid");
        documents(&rendered).iter().map(|declared| hook(declared).0.command.clone()).collect::<Vec<_>>()
    };
    assert_eq!(commands(&target()), ["~/.claude/hooks/'my hook'", "~/.claude/hooks/plain"]);
    let elsewhere = Target { hooks_prefix: "/o'b/c d/hooks".to_owned(), quoted: true, ..target() };
    assert_eq!(commands(&elsewhere), [r"'/o'\''b/c d/hooks/my hook'", r"'/o'\''b/c d/hooks/plain'"]);
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table: what is written, what is said")]
fn slips_in_hooks_are_errors() {
    let bad = Machine::new(
        r#"format = 1
[hooks.a]
evnt = "Stop"
command = "x"
[hooks.b]
event = "PreToolUes"
command = "x"
timeout = 0
[hooks.c]
event = ["Stop", 5, "Whatever"]
command = ""
timeout = "5"
[hooks.d]
event = "Stop"
command = "x"
builtin = "guard"
mode = "hardlink"
[hooks.e]
event = []
[hooks.f]
event = "Stop"
builtin = "learning-collector"
args = ["x"]
[hooks.g]
event = "Stop"
command = "g"
mode = "copy"
matcher = ["Edit", "Write"]
on-failure = "allow"
shell = "zsh"
description = "?"
[hooks.h]
event = "Stop"
command = "h"
source = "h.sh"
[hooks]
i = "x"
"#,
    );
    insta::assert_snapshot!(bad.bad(), @r#"
    error: [hooks.a] has no event
      /p/main.toml:2:8
        2 | [hooks.a]
          |        ^
      help: say when it runs: `event = "PostToolUse"`

    error: unknown key `evnt` in [hooks.a]
      /p/main.toml:3:1
        3 | evnt = "Stop"
          | ^^^^
      help: did you mean `event`?

    error: `hooks.b.event` can't be `PreToolUes`
      /p/main.toml:6:9
        6 | event = "PreToolUes"
          |         ^^^^^^^^^^^^
      help: did you mean `PreToolUse`?

    error: `hooks.b.timeout` must be greater than 0
      /p/main.toml:8:11
        8 | timeout = 0
          |           ^

    error: `hooks.c.event` must be a string, found an integer
      /p/main.toml:10:18
        10 | event = ["Stop", 5, "Whatever"]
           |                  ^

    error: `hooks.c.event` can't be `Whatever`
      /p/main.toml:10:21
        10 | event = ["Stop", 5, "Whatever"]
           |                     ^^^^^^^^^^
      help: the client fires no such event

    error: `hooks.c.command` is empty
      /p/main.toml:11:11
        11 | command = ""
           |           ^^

    error: `hooks.c.timeout` must be a number, found a string
      /p/main.toml:12:11
        12 | timeout = "5"
           |           ^^^

    error: [hooks.d] says more than one thing to run
      /p/main.toml:13:8
        13 | [hooks.d]
           |        ^
      help: give it one of `source` (a script), `builtin` or `command`

    error: `hooks.d.builtin` can't be `guard`
      /p/main.toml:16:11
        16 | builtin = "guard"
           |           ^^^^^^^
      help: it is `context-enhancer`, `intelligent-optimizer` or `learning-collector`

    error: `hooks.d.mode` can't be `hardlink`
      /p/main.toml:17:8
        17 | mode = "hardlink"
           |        ^^^^^^^^^^
      help: it is `link` or `copy`

    error: [hooks.e] says nothing to run
      /p/main.toml:18:8
        18 | [hooks.e]
           |        ^
      help: give it one of `source` (a script), `builtin` or `command`

    error: [hooks.e] lists no event
      /p/main.toml:19:1
        19 | event = []
           | ^^^^^

    error: `args` goes with `command` only
      /p/main.toml:23:1
        23 | args = ["x"]
           | ^^^^
      help: read arguments from the hook's own file

    error: `mode` means nothing here: a `command` installs no file
      /p/main.toml:27:1
        27 | mode = "copy"
           | ^^^^

    error: `hooks.g.matcher` must be a string, found a list
      /p/main.toml:28:11
        28 | matcher = ["Edit", "Write"]
           |           ^^^^^^^^^^^^^^^^^
      help: several tools are one string: "Edit|Write"

    error: `hooks.g.on-failure` can't be `allow`
      /p/main.toml:29:14
        29 | on-failure = "allow"
           |              ^^^^^^^
      help: it is `block` or `continue`

    error: `hooks.g.shell` can't be `zsh`
      /p/main.toml:30:9
        30 | shell = "zsh"
           |         ^^^^^
      help: it is `bash` or `powershell`

    error: unknown key `description` in [hooks.g]
      /p/main.toml:31:1
        31 | description = "?"
           | ^^^^^^^^^^^
      help: it takes `event`, `matcher`, `source`, `builtin`, `command`, `args`, `if`, `shell`, `timeout`, `on-failure`, `status-message`, `async`, `async-rewake`, `shared` or `mode`

    error: [hooks.h] says more than one thing to run
      /p/main.toml:32:8
        32 | [hooks.h]
           |        ^
      help: give it one of `source` (a script), `builtin` or `command`

    error: `hooks.i` must be a table, found a string
      /p/main.toml:37:5
        37 | i = "x"
           |     ^^^
    "#);
}

#[test]
fn two_hooks_are_not_the_same_hook() {
    let bad = Machine::new(
        r#"format = 1
[hooks.a]
event = ["Stop", "SubagentStop"]
command = "x"
[hooks.b]
event = "Stop"
matcher = "*"
command = "x"
"#,
    );
    insta::assert_snapshot!(bad.bad(), @r#"
    error: [hooks.b] is the same hook as the one at main.toml:2
      /p/main.toml:5:8
        5 | [hooks.b]
          |        ^
      help: event, matcher and command are what a hook is
    "#);
}

#[test]
fn an_if_that_is_never_evaluated_is_remarked_on() {
    let rendered = Machine::new(
        r#"format = 1
[hooks.a]
event = "Stop"
command = "x"
if = "Bash(ls)"
"#,
    )
    .render();
    insta::assert_snapshot!(shown(&rendered.expect("a warning").diagnostics), @r#"
    warning: a hook with `if` never runs on Stop
      /p/main.toml:5:1
        5 | if = "Bash(ls)"
          | ^^
      help: the client evaluates `if` on tool events only
    "#);
}

#[test]
fn sources_that_cannot_be_run_are_refused() {
    let text = r#"format = 1
[hooks.a]
event = "Stop"
source = "missing.sh"
[hooks.b]
event = "Stop"
source = "folder"
[hooks.c]
event = "Stop"
source = "plain.sh"
[hooks.d]
event = "Stop"
source = "empty.sh"
"#;
    let machine = Machine::new(text)
        .file("/p/folder/x", "")
        .file("/p/plain.sh", "#!/bin/sh\n")
        .script("/p/empty.sh", "");
    insta::assert_snapshot!(machine.bad(), @r#"
    error: can't read `/p/missing.sh`: there is no such file
      /p/main.toml:4:10
        4 | source = "missing.sh"
          |          ^^^^^^^^^^^^
      help: a source is relative to the profile it is written in

    error: can't read `/p/folder`: it is a folder
      /p/main.toml:7:10
        7 | source = "folder"
          |          ^^^^^^^^

    error: the hook `/p/plain.sh` is not executable
      /p/main.toml:10:10
        10 | source = "plain.sh"
           |          ^^^^^^^^^^
      help: chmod +x /p/plain.sh

    error: the hook `/p/empty.sh` is empty
      /p/main.toml:13:10
        13 | source = "empty.sh"
           |          ^^^^^^^^^^
    "#);
}

#[test]
fn a_source_that_is_too_large_is_refused() {
    let long = vec![b'x'; usize::try_from(crate::model::limits::SOURCE_BYTES_MAX).expect("fits") + 1];
    let machine = Machine::new("format = 1\n[rules.a]\nsource = \"x\"").file("/p/x", long);
    assert_eq!(machine.message(), "can't read `/p/x`: it is 67108865 bytes long, more than is read");
}

#[test]
fn scripts_need_an_interpreter_that_is_there() {
    for good in [
        "#!/bin/sh\n",
        "#! /bin/sh -e\n",
        "#!/usr/bin/env bash\n",
        "#!/usr/bin/env -S uv run --script\n",
        "#!/usr/bin/env -S A=1 bash\n",
        "\u{7f}ELF\u{2}",
    ] {
        script(good).good();
    }
    assert_eq!(script("echo hi\n").message(), "the hook's first line names no interpreter");
    assert_eq!(script("#!\n").message(), "the `#!` line names no interpreter");
    assert_eq!(script("#!bash\n").message(), "`bash` is no absolute path");
    assert_eq!(script("#!/usr/bin/env zsh\n").message(), "the interpreter `zsh` is not installed");
    assert_eq!(script("#!/opt/perl\n").message(), "the interpreter `/opt/perl` is not installed");
    insta::assert_snapshot!(script("#!/usr/bin/env -S deno run\n").bad(), @r#"
    error: the interpreter `deno` is not installed
      /p/x.sh:1:1
        1 | #!/usr/bin/env -S deno run
          | ^^^^^^^^^^^^^^^^^^^^^^^^^^
      help: install it, or declare the hook under [when."command(deno)"]
    "#);
    assert!(script("#!/bin/sh\r\n").message().contains("carriage return"));
    let warned = script("#!/usr/bin/env bash -e\n").render().expect("a warning");
    assert_eq!(warned.diagnostics[0].severity, Severity::Warning);
}

#[test]
fn machine_code_needs_no_interpreter() {
    let machine = Machine::new(
        r#"format = 1
[hooks.x]
event = "Stop"
source = "x"
"#,
    );
    machine.put("/p/x", b"\xcf\xfa\xed\xfe\0\0", true).good();
}

#[test]
fn uv_scripts_have_a_well_formed_header() {
    let uv = |header: &str| script(&format!("#!/usr/bin/env -S uv run --script\n{header}print()\n"));
    uv("# /// script\n# requires-python = \">=3.11\"\n# dependencies = [\n#   \"rich\",\n# ]\n# ///\n")
        .good();
    uv("").good();
    insta::assert_snapshot!(uv("# /// script\n# dependencies = [\"rich\"\n# ///\n").bad(), @r#"
    error: invalid TOML: unclosed array, expected `]`
      /p/x.sh:3:25
        3 | # dependencies = ["rich"
          |                         ^
    "#);
    insta::assert_snapshot!(uv("# /// script\n# requires-python = 3.11\n# dependencies = [\"a\", 1]\n# ///\n").bad(), @r#"
    error: `requires-python` must be a string, found a number
      /p/x.sh:3:21
        3 | # requires-python = 3.11
          |                     ^^^^

    error: `dependencies` holds strings only, found an integer
      /p/x.sh:4:24
        4 | # dependencies = ["a", 1]
          |                        ^
    "#);
    insta::assert_snapshot!(uv("# /// script\n# dependencies = []\n").bad(), @r#"
    error: the `script` header is not closed by `# ///`
      /p/x.sh:2:1
        2 | # /// script
          | ^^^^^^^^^^^^
      help: the header is `# /// script`, lines that are `#` or start with `# `, then `# ///`
    "#);
    insta::assert_snapshot!(uv("# /// script\n#dependencies = []\n# ///\n").bad(), @r#"
    error: in a `script` header a line is `#` or starts with `# `
      /p/x.sh:3:1
        3 | #dependencies = []
          | ^^^^^^^^^^^^^^^^^^
      help: the header is `# /// script`, lines that are `#` or start with `# `, then `# ///`
    "#);
    insta::assert_snapshot!(uv("# /// script\n# ///\n\n# /// script\n# ///\n").bad(), @r#"
    error: a script can have one `script` header only
      /p/x.sh:5:1
        5 | # /// script
          | ^^^^^^^^^^^^
      help: the header is `# /// script`, lines that are `#` or start with `# `, then `# ///`
    "#);
    let python = script("#!/usr/bin/env python3\n# /// script\n# dependencies = [\"rich\"]\n# ///\n");
    insta::assert_snapshot!(shown(&python.render().expect("a warning").diagnostics), @r#"
    warning: the script declares dependencies, and its interpreter does not install them
      /p/x.sh:1:1
        1 | #!/usr/bin/env python3
          | ^^^^^^^^^^^^^^^^^^^^^^
      help: write `#!/usr/bin/env -S uv run --script`
    "#);
}

#[test]
fn what_looks_like_a_header_elsewhere_is_none() {
    script("#!/bin/sh\n# /// script\n# not toml\n").good();
}

/// What of a hook has to travel with the repository, or it is not shared.
#[test]
fn a_hook_is_shared_where_all_of_it_is_in_the_project() {
    let machine = |more: &str, script: &str| {
        let text = format!(
            "format = 1\n[hooks.own]\nevent = \"Stop\"\ncommand = \"true\"\n[hooks.'my check']\nshared = true\n{more}"
        );
        Machine::new(&text).script("/p/x.sh", script).script("/q/x.sh", script)
    };
    let project = Target {
        hooks_document: DocumentId::LocalSettings,
        mode: InstallMode::Copy,
        project: Some(PathBuf::from("/p")),
        ..target()
    };
    let by = |machine: &Machine, target: &Target| render(&ProfileRef::parse("/p/main.toml"), target, machine);
    let source = "event = \"Stop\"\nsource = \"x.sh\"\n";
    let rendered = by(&machine(source, "#!/bin/sh\n"), &project).expect("valid");
    let commands = |id| -> Vec<String> {
        rendered.desired.documents[&id].iter().map(|own| hook(own).0.command.clone()).collect()
    };
    assert_eq!(commands(DocumentId::Settings), ["\"$CLAUDE_PROJECT_DIR\"/.claude/hooks/'my check'"]);
    assert_eq!(commands(DocumentId::LocalSettings), ["true"]);
    assert_eq!(installs(&rendered), "Hook Copy hooks/my check main.toml:5");
    // Said to be none, it is as any other.
    let text = "format = 1\n[hooks.x]\nshared = false\nevent = \"Stop\"\nsource = \"x.sh\"\n";
    let none = Machine::new(text).script("/p/x.sh", "#!/bin/sh\n").good();
    assert_eq!(entries(&none), "= hooks.Stop  ~/.claude/hooks/x");

    let user = target();
    for (more, script, target, expected) in [
        (source, "#!/bin/sh\n", &user, "this is no project's root, so nobody has it but you"),
        (
            "event = \"Stop\"\nbuiltin = \"context-enhancer\"\n",
            "",
            &project,
            "a bundled hook is this machine's cs",
        ),
        (
            "event = \"Stop\"\ncommand = \"npx x\"\n",
            "",
            &project,
            "what a `command` runs is not in the repository",
        ),
        (&format!("{source}mode = \"link\"\n"), "#!/bin/sh\n", &project, "a link leads nowhere in a clone"),
        (
            "event = \"Stop\"\nsource = \"../q/x.sh\"\n",
            "#!/bin/sh\n",
            &project,
            "`/p/../q/x.sh` lies outside the project",
        ),
        (
            source,
            "#!/home/me/venv/bin/python3\n",
            &project,
            "`/home/me/venv/bin/python3` is this machine's interpreter",
        ),
    ] {
        let mut machine = machine(more, script);
        machine.programs.insert("/home/me/venv/bin/python3".to_owned());
        let found = shown(&by(&machine, target).expect_err(expected));
        assert!(
            found.contains("[hooks.my check] can't be shared: ") && found.contains(expected),
            "{expected}: {found}"
        );
        assert!(found.contains("help: "), "{found}");
    }
}
