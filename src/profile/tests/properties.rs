//! What holds for every profile.

use proptest::prelude::*;

use super::*;

/// Lines that profiles are made of, good and bad.
fn line() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::sample::select(vec![
            "model = \"x\"",
            "permissions.allow = [\"a\", \"b\"]",
            "permissions.allow = [\"b\", \"c\"]",
            "env.A = \"1\"",
            "env.B = \"2\"",
            "fallbackModel = [\"m\", \"m\", \"n\"]",
            "worktree = {}",
            "language = \"de\"",
        ])
        .prop_map(str::to_owned),
    ]
}

fn tables() -> impl Strategy<Value = String> {
    let section = prop::sample::select(vec![
        "settings",
        "defaults",
        "when.'os(linux)'.settings",
        "when.'os(macos)'.settings",
    ]);
    let hook = prop::sample::select(vec!["Stop", "PreToolUse", "SessionStart"]);
    (
        prop::collection::btree_map(section, prop::collection::vec(line(), 0..4), 0..4),
        prop::collection::vec(hook, 0..3),
    )
        .prop_map(|(sections, hooks)| {
            let mut text = String::new();
            for (name, lines) in sections {
                let mut lines = lines;
                // One key is in a table once.
                lines.sort();
                lines.dedup_by_key(|line| line.split(" =").next().unwrap_or_default().to_owned());
                text += &format!("[{name}]\n{}\n", lines.join("\n"));
            }
            for (at, event) in hooks.iter().enumerate() {
                text += &format!("[hooks.h{at}]\nevent = \"{event}\"\ncommand = \"c{at}\"\n");
            }
            text
        })
}

proptest! {
    #[test]
    fn arbitrary_text_never_panics(text in "\\PC{0,200}") {
        let _ = Machine::new(&text).render();
    }

    #[test]
    fn arbitrary_toml_like_text_never_panics(
        text in "(format = 1\n)?([a-z.\"'\\[\\]{}=,#: 0-9-]{0,12}\n?){0,20}",
        condition in "[a-z()\"' =*~]{0,30}",
    ) {
        let _ = Machine::new(&text).render();
        let _ = Machine::new(&format!("format = 1\n[when.'''{condition}''']")).render();
        let _ = Machine::new(&format!("format = 1\nwithout = ['''{condition}''']\nunset = ['''{condition}''']")).render();
    }

    #[test]
    fn arbitrary_sources_never_panic(head in "(#!|---\n|# /// script\n|name: |description: |[ \t]|[a-z:'\"|>\\[{#/é]|\n){0,40}") {
        let text = r#"format = 1
[agents.a]
source = "f"
[hooks.h]
event = "Stop"
source = "f"
"#;
        let _ = Machine::new(text).script("/p/f", &head).render();
        let _ = Machine::new(text).script("/p/f", &format!("#!/usr/bin/env uv\n{head}")).render();
    }

    #[test]
    fn rendering_is_deterministic(text in tables()) {
        let machine = Machine::new(&format!("format = 1\n{text}"));
        prop_assert_eq!(machine.render(), machine.render());
    }

    /// A profile extended by an equal one renders what it renders alone.
    #[test]
    fn composing_a_profile_with_itself_changes_nothing(text in tables()) {
        let alone = Machine::new(&format!("format = 1\n{text}"));
        let twice = Machine::new(&format!("format = 1\nextends = [\"same.toml\"]\n{text}"))
            .file("/p/same.toml", format!("format = 1\n{text}"));
        let entries = |machine: &Machine| {
            let rendered = machine.render().ok()?;
            // A key that moves between two tables and back moves to the end.
            let mut entries: Vec<_> = documents(&rendered).iter().map(|d| format!("{} {:?}", d.key, d.want)).collect();
            entries.sort();
            Some((entries, rendered.facts))
        };
        prop_assert_eq!(entries(&alone), entries(&twice));
    }
}

/// Ten thousand of everything: what is quadratic would take minutes.
#[test]
fn many_files_render_in_linear_time() {
    let mut text = "format = 1\n".to_owned();
    for at in 0..10_000 {
        text += &format!("[files.\"a/b{}/c{at}\"]\ntext = \"x\"\n", at % 100);
    }
    for at in 0..10_000 {
        text += &format!("[when.\"env(X{at})\"]\n");
    }
    let elements: Vec<String> = (0..10_000).map(|at| format!("\"Bash(x{at})\"")).collect();
    text += &format!("[settings]\npermissions.allow = [{}]\n", elements.join(","));
    let rendered = Machine::new(&text).good();
    assert_eq!(rendered.desired.installs.len(), 10_000);
    assert_eq!(documents(&rendered).len(), 10_000);
}
