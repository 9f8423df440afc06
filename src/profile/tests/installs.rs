//! Agents, commands, skills, rules, output styles, files: where they go, and what is refused.

use super::*;

const AGENT: &str = "---\nname: reviewer\ndescription: Reviews\n---\nBe kind.\n";

#[test]
fn each_kind_has_its_place() {
    let rendered = Machine::new(
        r#"
        format = 1
        [agents.reviewer]
        source = "a.md"
        [commands.go]
        text = "Go."
        [skills.pdf]
        source = "skills/pdf"
        [rules.style]
        source = "a.md"
        mode = "copy"
        [output-styles.terse]
        source = "a.md"
        [files."CLAUDE.md"]
        source = "a.md"
        [files."bin/tool"]
        source = "tool"
        [files.themes]
        source = "themes"
        "#,
    )
    .file("/p/a.md", AGENT)
    .script("/p/tool", "x")
    .file("/p/skills/pdf/SKILL.md", "---\ndescription: d\n---\n")
    .script("/p/skills/pdf/scripts/run.sh", "x")
    .file("/p/themes/dark.json", "{}")
    .good();
    insta::assert_snapshot!(installs(&rendered), @r#"
    File Link CLAUDE.md main.toml:14
    Agent Link agents/reviewer.md main.toml:3
    File Link bin/tool main.toml:16
    Command Link commands/go.md main.toml:5
    OutputStyle Link output-styles/terse.md main.toml:12
    Rule Copy rules/style.md main.toml:9
    Skill Link skills/pdf/ main.toml:7
    File Link themes/ main.toml:18
    "#);
    let executable: Vec<_> =
        rendered.desired.files.iter().filter(|(_, spec)| spec.executable).map(|(p, _)| p.as_str()).collect();
    assert_eq!(executable, ["bin/tool", "skills/pdf/scripts/run.sh"]);
    assert_eq!(rendered.desired.files.len(), 9);
    assert_eq!(rendered.desired.installs[&path("commands/go.md")].source, None);
}

#[test]
fn copied_folders_are_one_install_per_file() {
    let rendered = Machine::new("format = 1\nmode = \"copy\"\n[skills.pdf]\nsource = \"s\"\n[rules.r]\ntext = \"x\"\nmode = \"link\"\n[skills.inline]\ntext = \"---\\ndescription: d\\n---\\n\"\nmode = \"link\"")
        .file("/p/s/SKILL.md", "---\nname: pdf\ndescription: d\n---\n")
        .file("/p/s/more/a", "x")
        .good();
    insta::assert_snapshot!(installs(&rendered), @r#"
    Rule Link rules/r.md main.toml:5
    Skill Link skills/inline/ main.toml:8
    Skill Copy skills/pdf/SKILL.md main.toml:3
    Skill Copy skills/pdf/more/a main.toml:3
    "#);
    assert_eq!(rendered.desired.installs[&path("skills/pdf/more/a")].source.as_deref(), Some("/p/s/more/a"));
}

#[test]
fn the_later_files_mode_is_everybodys() {
    let machine = Machine::new("format = 1\nextends = [\"base.toml\"]\nmode = \"copy\"").file(
        "/p/base.toml",
        r#"format = 1
mode = "link"
[rules.r]
text = "x"
"#,
    );
    assert_eq!(machine.good().desired.installs[&path("rules/r.md")].mode, InstallMode::Copy);
}

#[test]
fn an_entry_has_one_source() {
    let bad = Machine::new(
        r#"format = 1
[rules.a]
[rules.b]
source = "b"
text = "b"
[rules.c]
sorce = "c"
[rules.d]
source = 5
[rules.e]
source = "no.md"
[rules]
f = "x"
"#,
    );
    insta::assert_snapshot!(bad.bad(), @r#"
    error: [rules.a] has no source
      /p/main.toml:2:8
        2 | [rules.a]
          |        ^
      help: give it a `source`, a path relative to the profile, or its `text` itself

    error: [rules.b] has both a `source` and a `text`
      /p/main.toml:3:8
        3 | [rules.b]
          |        ^
      help: give it a `source`, a path relative to the profile, or its `text` itself

    error: [rules.c] has no source
      /p/main.toml:6:8
        6 | [rules.c]
          |        ^
      help: give it a `source`, a path relative to the profile, or its `text` itself

    error: unknown key `sorce` in [rules.c]
      /p/main.toml:7:1
        7 | sorce = "c"
          | ^^^^^
      help: did you mean `source`?

    error: `rules.d.source` must be a string, found an integer
      /p/main.toml:9:10
        9 | source = 5
          |          ^

    error: can't read `/p/no.md`: there is no such file
      /p/main.toml:11:10
        11 | source = "no.md"
           |          ^^^^^^^
      help: a source is relative to the profile it is written in

    error: `rules.f` must be a table, found a string
      /p/main.toml:13:5
        13 | f = "x"
           |     ^^^
    "#);
}

#[test]
fn agents_the_client_would_skip_are_errors() {
    let agent = |text: &str| Machine::new("format = 1\n[agents.a]\nsource = \"a.md\"").file("/p/a.md", text);
    insta::assert_snapshot!(agent("# Reviewer\n").bad(), @r#"
    error: there is no frontmatter between two lines `---` at the top
      /p/a.md:1:1
        1 | # Reviewer
          | ^^^^^^^^^^
      help: begin with a line `---`, then `name: …` and `description: …`, then a line `---`
    "#);
    insta::assert_snapshot!(agent("---\ndescription: d\n---\n").bad(), @r#"
    error: the frontmatter has no `name`
      /p/a.md:1:1
        1 | ---
          | ^^^
      help: Claude Code skips such an agent without a word; put text there, in quotes if need be
    "#);
    insta::assert_snapshot!(agent("---\nname: n\ndescription:\n---\n").bad(), @r#"
    error: `description` in the frontmatter is empty
      /p/a.md:1:1
        1 | ---
          | ^^^
      help: Claude Code skips such an agent without a word; put text there, in quotes if need be
    "#);
    insta::assert_snapshot!(agent("---\nname: n\ndescription: Use when: x\n  or: y\n---\n").bad(), @r#"
    error: a `:` in a value that is not in quotes
      /p/a.md:3:1
        3 | description: Use when: x
          | ^^^^^^^^^^^^^^^^^^^^^^^^
      help: put the value in quotes, or after `|` on lines of their own
    "#);
    insta::assert_snapshot!(agent("---\nname: 42\ndescription: d\n---\n").bad(), @r#"
    error: `name` in the frontmatter is a number, not text
      /p/a.md:1:1
        1 | ---
          | ^^^
      help: Claude Code skips such an agent without a word; put text there, in quotes if need be
    "#);
    let inline = Machine::new("format = 1\n[agents.a]\ntext = \"hello\"");
    insta::assert_snapshot!(inline.bad(), @r#"
    error: there is no frontmatter between two lines `---` at the top
      /p/main.toml:3:8
        3 | text = "hello"
          |        ^^^^^^^
      help: begin with a line `---`, then `name: …` and `description: …`, then a line `---`
    "#);
}

#[test]
fn an_agents_name_is_its_own() {
    let bad = Machine::new(
        r#"format = 1
[agents.a]
source = "a.md"
[agents.b]
source = "b.md"
"#,
    )
    .file("/p/a.md", AGENT)
    .file("/p/b.md", AGENT);
    insta::assert_snapshot!(bad.bad(), @r#"
    error: two agents are named `reviewer` in their frontmatter
      /p/main.toml:5:10
        5 | source = "b.md"
          |          ^^^^^^
      help: the client loads one of them only; the other one is at main.toml:3
    "#);
}

#[test]
fn skills_have_a_skill_file() {
    let bad = Machine::new(
        r#"format = 1
[skills.a]
source = "a"
[skills.b]
source = "b"
[skills.c]
source = "c"
[skills.d]
source = "d.md"
"#,
    )
    .file("/p/a/README.md", "x")
    .file("/p/b/SKILL.md", "---\ndescription: Use\n  when: x\n---\n")
    .file("/p/d.md", "x");
    insta::assert_snapshot!(bad.bad(), @r#"
    error: `/p/a` has no SKILL.md
      /p/main.toml:3:10
        3 | source = "a"
          |          ^^^
      help: a skill is a folder with a SKILL.md in it

    error: can't read `/p/c`: there is no such file
      /p/main.toml:7:10
        7 | source = "c"
          |          ^^^
      help: a source is relative to the profile it is written in

    error: `/p/d.md` has no SKILL.md
      /p/main.toml:9:10
        9 | source = "d.md"
          |          ^^^^^^
      help: a skill is a folder with a SKILL.md in it

    error: a `:` in a value that is not in quotes
      /p/b/SKILL.md:3:1
        3 |   when: x
          | ^^^^^^^^^
      help: put the value in quotes, or after `|` on lines of their own
    "#);
}

/// The client loads them, and shows the model the first line of their text instead.
#[test]
fn a_skill_without_description_is_remarked_on() {
    for text in ["---\nname: b\n---\nBody", "Just text", "---\ndescription: ''\n---\n"] {
        let machine = Machine::new("format = 1\n[skills.a]\nsource = \"a\"").file("/p/a/SKILL.md", text);
        let found = machine.render().expect("a warning only").diagnostics;
        assert_eq!((found.len(), found[0].severity), (1, Severity::Warning), "{text}");
    }
    Machine::new("format = 1\n[skills.a]\nsource = \"a\"")
        .file("/p/a/SKILL.md", "---\ndescription: 5\n---\n")
        .good();
}

#[test]
fn names_that_leave_their_folder_or_mean_nothing_are_refused() {
    let long = "x".repeat(4096);
    for name in [
        "..",
        ".",
        "",
        "a/b",
        "/etc/passwd",
        "../x",
        "a\\u0000b",
        "a\\nb",
        "-rf",
        "a\\\\b",
        &long,
        &"x".repeat(253),
    ] {
        for section in ["agents", "commands", "rules", "output-styles"] {
            let machine = Machine::new(&format!("format = 1\n[{section}.\"{name}\"]\ntext = '''{AGENT}'''"));
            assert!(machine.message().contains("can't be a name"), "{section} {name}: {}", machine.bad());
        }
    }
    for name in ["..", "a/b", "", "-x", "a\\u0000b", &long] {
        let machine = Machine::new(&format!(
            r#"format = 1
[hooks."{name}"]
event = "Stop"
command = "x"
"#
        ));
        assert!(machine.message().contains("can't be a name"), "{name}");
    }
    for name in
        ["..", "/etc/passwd", "a/../b", "", "settings.json", "claude-sync/x", "a//b", "a\\u0000b", &long]
    {
        let machine = Machine::new(&format!("format = 1\n[files.\"{name}\"]\ntext = \"x\""));
        assert!(machine.message().contains("can't be a name"), "{name}");
    }
    insta::assert_snapshot!(Machine::new(r"format = 1
[agents.'a.md']
text = 'x'
[rules.'a/b']
text = 'x'
[files.'settings.json']
text = 'x'
").bad(), @r#"
    error: `a.md` can't be a name in [agents]: `.md` is added by itself
      /p/main.toml:2:9
        2 | [agents.'a.md']
          |         ^^^^^^
      help: write [agents.a]

    error: `a/b` can't be a name in [rules]: it holds a `/`
      /p/main.toml:4:8
        4 | [rules.'a/b']
          |        ^^^^^
      help: put it in a folder with [files."rules/…"]

    error: `settings.json` can't be a name in [files]: `settings.json` belongs to Claude Code; declare its entries under [settings]
      /p/main.toml:6:8
        6 | [files.'settings.json']
          |        ^^^^^^^^^^^^^^^
    "#);
}

#[test]
fn a_path_belongs_to_one_entry() {
    let machine = Machine::new(
        r#"format = 1
[agents.a]
source = "a.md"
[files."agents/a.md"]
text = "x"
[files."Agents/A.md"]
text = "x"
[skills.s]
source = "s"
[files."skills/s/extra"]
text = "x"
[files."b/c"]
text = "x"
[files.b]
text = "x"
[hooks.h]
event = "Stop"
source = "h.sh"
[files."hooks/h"]
text = "x"
[files."learning-collector"]
text = "fine"
"#,
    )
    .file("/p/a.md", AGENT)
    .script("/p/h.sh", "#!/bin/sh\n")
    .file("/p/s/SKILL.md", "---\ndescription: d\n---\n");
    insta::assert_snapshot!(machine.bad(), @r#"
    error: `agents/a.md` is declared twice
      /p/main.toml:4:8
        4 | [files."agents/a.md"]
          |        ^^^^^^^^^^^^^
      help: the other one is at main.toml:2

    error: `Agents/A.md` is declared twice
      /p/main.toml:6:8
        6 | [files."Agents/A.md"]
          |        ^^^^^^^^^^^^^
      help: the other one is at main.toml:2

    error: `skills/s/extra` lies below another entry
      /p/main.toml:10:8
        10 | [files."skills/s/extra"]
           |        ^^^^^^^^^^^^^^^^
      help: the other one is at main.toml:8

    error: `b` has another entry below it
      /p/main.toml:14:8
        14 | [files.b]
           |        ^
      help: the other one is at main.toml:12

    error: `hooks/h` is declared twice
      /p/main.toml:19:8
        19 | [files."hooks/h"]
           |        ^^^^^^^^^
      help: the other one is at main.toml:16
    "#);
}

#[test]
fn a_copied_folder_may_be_added_to() {
    let machine = Machine::new(
        r#"format = 1
[skills.s]
source = "s"
mode = "copy"
[files."skills/s/extra"]
text = "x"
"#,
    )
    .file("/p/s/SKILL.md", "---\ndescription: d\n---\n");
    assert_eq!(machine.good().desired.installs.len(), 2);
}

/// Real agent files; a tenth of them has frontmatter that is none. The client's verdicts were observed.
#[test]
#[expect(clippy::disallowed_methods, reason = "the cases lie outside the machine the tests make up")]
fn real_agents_are_judged_as_the_client_judges_them() {
    let cases = std::env::var_os("CS_CASES")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/cases"), PathBuf::from);
    let Ok(folder) = std::fs::read_dir(cases.join("agents")) else { return };
    let (mut accepted, mut refused) = (0, Vec::new());
    for entry in folder {
        let file = entry.expect("readable").path();
        let bytes = std::fs::read(&file).expect("readable");
        let machine = Machine::new("format = 1\n[agents.a]\nsource = \"a.md\"").file("/p/a.md", bytes);
        match machine.render() {
            Ok(_) => accepted += 1,
            Err(_) => refused.push(file.file_stem().unwrap_or_default().to_string_lossy().into_owned()),
        }
    }
    refused.sort();
    println!("{accepted} accepted, refused: {refused:?}");
    if accepted + refused.len() == 25 {
        assert_eq!(refused, ["0110", "0124", "0274", "0421", "0445", "0454"]);
    }
}
