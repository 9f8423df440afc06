//! `extends`, `without`, and what later layers do to earlier ones.

use super::*;

#[test]
fn later_wins_lists_add_up_and_tables_merge() {
    let machine = Machine::new(
        r#"
        format = 1
        extends = ["a.toml", "./b.toml"]
        [settings]
        model = "main"
        permissions.allow = ["Bash(b)", "Bash(main)"]
        "#,
    )
    .file(
        "/p/a.toml",
        r#"format = 1
[settings]
model = "a"
language = "a"
env.A = "1"
permissions.allow = ["Bash(a)"]
fallbackModel = ["x"]
"#,
    )
    .file(
        "/p/b.toml",
        r#"format = 1
[settings]
language = "b"
env.B = "2"
permissions.allow = ["Bash(b)", "Bash(a)"]
fallbackModel = ["y", "x"]
"#,
    );
    let rendered = machine.good();
    insta::assert_snapshot!(entries(&rendered), @r#"
    = model "main"
    = language "b"
    = env.A "1"
    = env.B "2"
    = permissions.allow  Bash(a)
    = permissions.allow  Bash(b)
    = permissions.allow  Bash(main)
    = fallbackModel ["x","y"]
    "#);
    let origin = |line| Origin { file: "/p/main.toml".to_owned(), line, hook: None };
    assert_eq!(documents(&rendered)[0].origin, origin(5), "the winner's");
    assert_eq!(rendered.files, ["/p/main.toml", "/p/a.toml", "/p/b.toml"].map(PathBuf::from));
}

#[test]
fn an_entry_of_the_same_name_is_changed_not_repeated() {
    let machine = Machine::new(
        r#"format = 1
extends = ["base.toml"]
[hooks.x]
timeout = 9
[hooks.y]
command = "mine"
"#,
    )
    .file(
        "/p/base.toml",
        r#"format = 1
[hooks.x]
event = "Stop"
command = "x"
args = ["-v"]
timeout = 5
[hooks.y]
event = "Stop"
command = "theirs"
args = ["-v"]
"#,
    );
    let rendered = machine.good();
    let values: Vec<Value> = documents(&rendered)
        .iter()
        .filter_map(|declared| match &declared.want {
            Want::Enforced(value) => Some(value.clone()),
            _ => None,
        })
        .collect();
    assert_eq!(values[0], json!({"type": "command", "command": "x", "args": ["-v"], "timeout": 9}));
    assert_eq!(values[1], json!({"type": "command", "command": "mine"}), "another command, other arguments");
}

#[test]
fn a_shared_base_is_applied_once_and_never_comes_back() {
    let machine = Machine::new("format = 1\nextends = [\"a.toml\", \"b.toml\"]")
        .file(
            "/p/a.toml",
            r#"format = 1
extends = ["base.toml"]
[settings]
model = "a"
"#,
        )
        .file(
            "/p/b.toml",
            r#"format = 1
extends = ["../p/base.toml"]
[settings]
language = "b"
"#,
        )
        .file(
            "/p/base.toml",
            r#"format = 1
[settings]
model = "base"
language = "base"
claudeMdExcludes = ["x"]
"#,
        );
    insta::assert_snapshot!(entries(&machine.good()), @r#"
    = model "a"
    = language "b"
    = claudeMdExcludes  x
    "#);
    assert_eq!(machine.reads.borrow().iter().filter(|path| path.ends_with("base.toml")).count(), 1);
}

#[test]
fn without_takes_out_what_was_extended() {
    let machine = Machine::new(
        r#"
        format = 1
        extends = ["base.toml"]
        without = ["hooks.x", "settings.model", "settings.permissions.allow: Bash(curl:*)", 'settings.env."A.B"', "agents.r"]
        [settings.permissions]
        allow = ["Bash(own)"]
        "#,
    )
    .file(
        "/p/base.toml",
        r#"
        format = 1
        [settings]
        model = "m"
        language = "l"
        env."A.B" = "1"
        permissions.allow = ["Bash(curl:*)", "Bash(ls)"]
        [hooks.x]
        event = "Stop"
        command = "x"
        [agents.r]
        source = "never-read.md"
        "#,
    );
    insta::assert_snapshot!(entries(&machine.good()), @r#"
    = language "l"
    = permissions.allow  Bash(ls)
    = permissions.allow  Bash(own)
    "#);
}

#[test]
fn two_siblings_may_take_out_the_same() {
    Machine::new("format = 1\nextends = [\"a.toml\", \"b.toml\"]")
        .file("/p/a.toml", "format = 1\nextends = [\"base.toml\"]\nwithout = [\"settings.model\"]")
        .file("/p/b.toml", "format = 1\nextends = [\"base.toml\"]\nwithout = [\"settings.model\"]")
        .file("/p/base.toml", "format = 1\n[settings]\nmodel = \"base\"")
        .good();
}

#[test]
fn without_must_take_something_out() {
    let machine = Machine::new(
        r#"format = 1
extends = ["base.toml"]
without = ["model", "hooks.fromat", "settings.permissions.allow: Bash(ls)", "a b", "settings.x"]
"#,
    )
    .file(
        "/p/base.toml",
        r#"format = 1
[settings]
model = "m"
permissions.allow = ["Bash(pwd)"]
[hooks.format]
event = "Stop"
command = "x"
"#,
    );
    insta::assert_snapshot!(machine.bad(), @r#"
    error: `model` takes nothing out
      /p/main.toml:3:12
        3 | without = ["model", "hooks.fromat", "settings.permissions.allow: Bash(ls)", "a b", "settings.x"]
          |            ^^^^^^^
      help: did you mean `settings.model`?

    error: `hooks.fromat` takes nothing out
      /p/main.toml:3:21
        3 | without = ["model", "hooks.fromat", "settings.permissions.allow: Bash(ls)", "a b", "settings.x"]
          |                     ^^^^^^^^^^^^^^
      help: did you mean `hooks.format`?

    error: `settings.permissions.allow: Bash(ls)` takes nothing out
      /p/main.toml:3:37
        3 | without = ["model", "hooks.fromat", "settings.permissions.allow: Bash(ls)", "a b", "settings.x"]
          |                                     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      help: what is extended declares no such thing; a path starts at a table of the profile, as `hooks.NAME` or `settings.permissions.allow: ELEMENT`

    error: `a b` is no dotted key: expected `.` before `b`
      /p/main.toml:3:77
        3 | without = ["model", "hooks.fromat", "settings.permissions.allow: Bash(ls)", "a b", "settings.x"]
          |                                                                             ^^^^^

    error: `settings.x` takes nothing out
      /p/main.toml:3:84
        3 | without = ["model", "hooks.fromat", "settings.permissions.allow: Bash(ls)", "a b", "settings.x"]
          |                                                                                    ^^^^^^^^^^^^
      help: what is extended declares no such thing; a path starts at a table of the profile, as `hooks.NAME` or `settings.permissions.allow: ELEMENT`
    "#);
}

#[test]
fn a_later_layer_moves_a_key_between_the_three_tables() {
    let base = r#"format = 1
[settings]
model = "m"
env.A = "1"
permissions.allow = ["a", "b"]
[defaults]
language = "l"
[unset]
env.B = true
verbose = true
"#;
    let machine = Machine::new(
        r#"format = 1
extends = ["base.toml"]
unset = ["env.A"]
[defaults]
model = "soft"
[settings]
language = "hard"
env.B = "2"
"#,
    )
    .file("/p/base.toml", base);
    insta::assert_snapshot!(entries(&machine.good()), @r#"
    = permissions.allow  a
    = permissions.allow  b
    = language "hard"
    = env.B "2"
    ? model "soft"
    - env.A
    - verbose
    "#);
    let machine = Machine::new(
        r#"format = 1
extends = ["base.toml"]
[unset]
permissions.allow = ["a"]
env = true
"#,
    )
    .file("/p/base.toml", base);
    insta::assert_snapshot!(entries(&machine.good()), @r#"
    = model "m"
    = permissions.allow  b
    ? language "l"
    - env
    - verbose
    - permissions.allow  a
    "#);
}

#[test]
fn cycles_name_their_chain() {
    let machine = Machine::new("format = 1\nextends = [\"a.toml\"]")
        .file("/p/a.toml", "format = 1\nextends = [\"./b.toml\"]")
        .file("/p/b.toml", "format = 1\nextends = [\"../p/main.toml\"]");
    insta::assert_snapshot!(machine.bad(), @r#"
    error: `/p/../p/main.toml` extends itself
      /p/b.toml:2:12
        2 | extends = ["../p/main.toml"]
          |            ^^^^^^^^^^^^^^^^
      help: the chain is /p/main.toml → /p/a.toml → /p/b.toml → /p/../p/main.toml
    "#);
    let machine = Machine::new("format = 1\nextends = [\"main.toml\"]");
    assert_eq!(machine.message(), "`/p/main.toml` extends itself");
}

#[test]
fn a_chain_that_is_too_long_is_refused() {
    let chain = |length: usize| {
        (0..length).fold(Machine::new("format = 1\nextends = [\"0.toml\"]"), |machine, at| {
            let next =
                if at + 1 < length { format!("extends = [\"{}.toml\"]", at + 1) } else { String::new() };
            machine.file(&format!("/p/{at}.toml"), format!("format = 1\n{next}"))
        })
    };
    chain(crate::model::limits::EXTENDS_DEPTH_MAX - 1).good();
    assert_eq!(
        chain(crate::model::limits::EXTENDS_DEPTH_MAX + 1).message(),
        "profiles extend each other more than 32 deep"
    );
}

#[test]
fn what_is_extended_must_be_there() {
    let machine = Machine::new("format = 1\nextends = [\"no.toml\", \"builtin:lerning\", \"builtin:x\", \"sub\"]\nwithout = [\"hooks.maybe\"]")
        .file("/p/sub/x.toml", "");
    insta::assert_snapshot!(machine.bad(), @r#"
    error: can't read the profile `/p/no.toml`: there is no such file
      /p/main.toml:2:12
        2 | extends = ["no.toml", "builtin:lerning", "builtin:x", "sub"]
          |            ^^^^^^^^^

    error: there is no built-in profile `lerning`
      /p/main.toml:2:23
        2 | extends = ["no.toml", "builtin:lerning", "builtin:x", "sub"]
          |                       ^^^^^^^^^^^^^^^^^
      help: did you mean `builtin:learning`?

    error: there is no built-in profile `x`
      /p/main.toml:2:42
        2 | extends = ["no.toml", "builtin:lerning", "builtin:x", "sub"]
          |                                          ^^^^^^^^^^^
      help: there are `default`, `guarded`, `hpc`, `learning`, `minimal` or `team`

    error: can't read the profile `/p/sub`: it is a folder
      /p/main.toml:2:55
        2 | extends = ["no.toml", "builtin:lerning", "builtin:x", "sub"]
          |                                                       ^^^^^
      help: name the file in it
    "#);
}

#[test]
fn a_profile_extends_builtins_and_home_files() {
    let machine = Machine::new("format = 1\nextends = [\"builtin:default\", \"~/base.toml\"]")
        .file("/home/me/base.toml", "format = 1\n[settings]\nmodel = \"home\"");
    let rendered = machine.good();
    assert!(rendered.desired.installs.contains_key(&path("commands/cs.md")));
    assert!(entries(&rendered).contains("= model \"home\""));
}

#[test]
fn sources_are_relative_to_the_file_that_names_them() {
    let machine = Machine::new(
        r#"format = 1
extends = ["sub/base.toml"]
[rules.b]
source = "b.md"
"#,
    )
    .file(
        "/p/sub/base.toml",
        r#"format = 1
[rules.a]
source = "a.md"
[rules.c]
source = "~/c.md"
"#,
    )
    .file("/p/sub/a.md", "a")
    .file("/home/me/c.md", "c")
    .file("/p/b.md", "b");
    let rendered = machine.good();
    let sources: Vec<_> =
        rendered.desired.installs.values().map(|i| i.source.clone().unwrap_or_default()).collect();
    assert_eq!(sources, ["/p/sub/a.md", "/p/b.md", "/home/me/c.md"]);
}
