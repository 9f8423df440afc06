//! The client's own verdicts (2.1.330, observed) on frontmatter that is nearly right.

use super::*;

/// Whether the client would load an agent with this frontmatter.
fn loads(text: &str) -> bool {
    let is_text = |fields: &Fields, key| {
        matches!(last(fields, key), Some(Scalar::SomeText))
            || matches!(last(fields, key), Some(Scalar::Text(text)) if !text.trim().is_empty())
    };
    let fields = block(text).and_then(|(_, block)| fields(block).ok());
    fields.is_some_and(|fields| is_text(&fields, "name") && is_text(&fields, "description"))
}

fn description(value: &str) -> String {
    format!("---\nname: a\ndescription: {value}\n---\nbody\n")
}

#[test]
fn one_line_values_the_client_reads() {
    for value in [
        "yes",
        "2024-01-01",
        "1_000",
        "on",
        "\"5\"",
        "a: b:",
        "a :b",
        "x: \"q",
        "x: it's",
        "'it''s'",
        "\"a\" # c",
        "[a",
        "> x: y",
        "| x",
        "*",
        "!!str x",
        "%a",
        ",a",
        "]a",
        "a #b: c",
        "<b>: c",
        ": c",
        "-a",
        "\"a\\\\q\"",
        "\"a: b\" c: d",
        "don't: x",
        "Use this: now",
        "[abc] def",
        "{abc} def",
        "*abc def",
        "&abc def",
        "!abc def",
        "@abc def",
        "`abc` def",
        "Say \"a: b\" now",
        ":abc",
        "a # b",
        "http://x",
    ] {
        assert!(loads(&description(value)), "{value}");
    }
}

#[test]
fn one_line_values_the_client_skips() {
    for value in [
        "1.5",
        "0x1F",
        ".inf",
        "Null",
        "~",
        "TRUE",
        "1e3",
        "-5",
        "# c",
        "True",
        ".nan",
        "0o17",
        "- a",
        "a:",
        "'a",
        "\"a\"b",
        "[a, b]",
        "{a: b}",
        "|2",
        ">+",
        "&a",
        "#a",
        "-",
        "?",
        "? a",
        "",
        "\"\"",
        "42",
        "\"abc\" def",
        "\"abc def",
        "\"abc \\d\"",
    ] {
        assert!(!loads(&description(value)), "{value}");
    }
}

#[test]
fn whole_files_the_client_reads() {
    for text in [
        "---\nname: s\ndescription: Use\n  more lines\n  again\n---\n",
        "---\nname: s\ndescription: abc\n\tmore\n---\n",
        "---\nname: s\ndescription:\tabc\n---\n",
        "\u{feff}---\nname: s\ndescription: abc\n---\n",
        "---\r\nname: s\r\ndescription: abc\r\n---\r\n",
        "---\nname: s\ndescription: abc\n----\nbody",
        "---  \nname: s\ndescription: abc\n---  \nbody",
        "---\n\"name\": s\n\"description\": abc\n---\n",
        "---\n{name: s, description: abc}\n---\n",
        "---\nname: s\ndescription: >-\n  a: b\n  c: d\n---\n",
        "---\nname: s\ndescription: | # c\n    a\n---\n",
        "---\n# c\nname: s # x\ndescription: abc\n---\n",
        "---\nname: s\ndescription: abc\ncolor: a: b\n---\n",
        "---\nname: s\nname: t\ndescription: abc\n---\n",
        "---\n name: s\n description: abc\n---\n",
        "---\nname: s\ndescription: abc\ntools: [Read, Write\n---\n",
        "---\nname: s\ndescription: \"abc\n\n  def: x\"\n---\n",
        "---\nname: s\ndescription: Use [this\n  more\n---\n",
        "---\nname: s\ndescription: Use this\n\n  more\n---\n",
        "---\nname: s\ndescription: a\nskills:\n- a\n- b: c\n---\n",
        "---\nname: s\ndescription: a\ntools: Read\n  - x\n---\n",
        "---\nname: s\ndescription: a\nmy key: b\n---\n",
        "---\nname: s\ndescription : a\n---\n",
        "---\nname: s\ndescription: a --- b\n---\n",
        "---\nname: s\ndescription: a\n   ---\nx",
        "---\nname: s\ndescription: a\n---",
        "---\nname: &n s\ndescription: *n\n---\n",
    ] {
        assert!(loads(text), "{text}");
    }
}

#[test]
fn whole_files_the_client_skips() {
    for text in [
        "",
        "# Title\n",
        "---",
        "---\n---\nbody\n",
        "\n---\nname: s\ndescription: abc\n---\n",
        "   ---\nname: s\ndescription: abc\n---\n",
        "---\nname: s\ndescription: abc\n",
        "---\nname: s\ndescription: abc\n...\nbody",
        "---\ndescription: abc\n---\n",
        "---\nName: s\nDescription: abc\n---\n",
        "---\nname:s\ndescription: abc\n---\n",
        "---\nname: s\ndescription: Use\n  more: lines\n---\n",
        "---\nname: s\ndescription: Use\nmore lines\n---\n",
        "---\nname: s\ndescription: Use: this\n  more lines\n---\n",
        "---\nname: s\ndescription: Use this\n  ends:\n---\n",
        "---\nname: s\ndescription: Use this\n# comment\n  more\n---\n",
        "---\nname: s\ndescription: |\n  a\n b\n---\n",
        "---\nname: s\ndescription: >\n    a\n  b: c\n---\n",
        "---\nname: s\ndescription: |\na\n---\n",
        "---\nname: s\ndescription: |\n---\n",
        "---\nname: s\ndescription:\n  - a\n---\n",
        "---\nname: s\ndescription: \"a\nb: c\"\n---\n",
        "---\nname: s\ndescription: \"a\n  b\n---\n",
        "---\n\tname: s\ndescription: a\n---\n",
        "---\nname: s\n description: a\n---\n",
        "---\n  name: s\ndescription: a\n---\n",
        "---\nname: \"s\ndescription: a\"\n---\n",
    ] {
        assert!(!loads(text), "{text}");
    }
}
