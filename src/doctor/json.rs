//! Texts that are no JSON, and keys that stand twice.

use serde_json::Value;

use super::Finding;
use super::place::Standing;
use crate::document::{Fault, FaultKind, Outline};
use crate::plan::secrets::looks_secret;

/// What the client does with the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Settings,
    /// `~/.claude.json`: the client's own state.
    State,
    /// `.mcp.json`
    Servers,
}

impl Kind {
    fn consequence(self) -> &'static str {
        match self {
            Self::Settings => "so Claude Code ignores the whole file",
            // It falls back on a copy of its own if there is one.
            Self::State => "so Claude Code does not start with it",
            Self::Servers => "so Claude Code knows none of its servers",
        }
    }
}

/// Reads a text; what is wrong with its form goes to `found`.
pub fn read(bytes: &[u8], kind: Kind, found: &mut Vec<Finding>) -> Option<Outline> {
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            let before = String::from_utf8_lossy(&bytes[..error.valid_up_to()]);
            let line = before.matches('\n').count() + 1;
            let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
            found.push(
                Finding::error("json-encoding", format!("is not UTF-8, {}", kind.consequence()))
                    .at((line, column))
                    .remedy("Save it as UTF-8."),
            );
            return None;
        }
    };
    let outline = match Outline::parse(text) {
        Ok(outline) => outline,
        Err(fault) => {
            found.push(of_fault(&fault, kind));
            return None;
        }
    };
    for own in outline.duplicates() {
        let finding = match own.is_same {
            true => {
                Finding::warning("json-duplicate-key", format!("{} stands twice, with one value", own.path))
            }
            false => Finding::error(
                "json-duplicate-key",
                format!("{} stands twice: Claude Code takes the last and drops this one", own.path),
            ),
        };
        found.push(finding.at(own.place).remedy("Keep one of the two, or put them together."));
    }
    if !outline.value().is_object() {
        found.push(
            Finding::error("json-not-object", format!("is no object, {}", kind.consequence()))
                .at((1, 1))
                .remedy("Begin it with `{` and end it with `}`."),
        );
        return None;
    }
    Some(outline)
}

fn of_fault(fault: &Fault, kind: Kind) -> Finding {
    let (code, remedy) = match &fault.kind {
        FaultKind::Empty => ("json-empty", "Write {} into it, or delete it."),
        FaultKind::Comment => ("json-comment", "Remove the comment: JSON has none."),
        FaultKind::TrailingComma => ("json-trailing-comma", "Remove the comma."),
        FaultKind::Syntax(_) => ("json-syntax", "Correct it there."),
        FaultKind::DuplicateKey(_) => ("json-duplicate-key", "Keep one of the two."),
        FaultKind::NoObject(_) => ("json-not-object", "Begin it with `{` and end it with `}`."),
        FaultKind::Encoding => ("json-encoding", "Save it as UTF-8."),
        FaultKind::TooDeep => ("json-too-deep", "Look at what wrote it: such files are flat."),
        FaultKind::TooLarge(_) => ("json-too-large", "Look at what wrote it: such files are small."),
    };
    let message = format!("{}, {}", fault.kind, kind.consequence());
    let remedy = match kind {
        Kind::State => "Correct it there, or move it away; ~/.claude/backups may have a copy.",
        Kind::Settings | Kind::Servers => remedy,
    };
    Finding::error(code, message).at((fault.line, fault.column)).remedy(remedy)
}

/// Values that look like secrets in a file that others may read.
#[must_use]
pub fn exposed(outline: &Outline, standing: &Standing, shown: &str) -> Option<Finding> {
    if !standing.is_readable_by_others() {
        return None;
    }
    let mut names = Vec::new();
    secrets(&mut Vec::new(), outline.value(), &mut names);
    let first = names.first()?;
    let more = match names.len() {
        1 => String::new(),
        n => format!(" and {} more", n - 1),
    };
    let message =
        format!("others may read it (mode {:o}), and {first}{more} looks like a secret", standing.mode);
    Some(
        Finding::warning("secret-exposed", message)
            .at(outline.place(first))
            .remedy(format!("chmod go-rwx {shown}")),
    )
}

/// The paths of texts that look like secrets. Permission rules quote commands, which name variables.
fn secrets(path: &mut Vec<String>, value: &Value, names: &mut Vec<String>) {
    let join = |path: &[String]| path.concat().trim_start_matches('.').to_owned();
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                path.push(format!(".{name}"));
                if looks_secret(name, value) && !is_reference(value) {
                    names.push(join(path));
                } else {
                    secrets(path, value, names);
                }
                path.pop();
            }
        }
        Value::Array(items) => {
            for (index, value) in items.iter().enumerate() {
                path.push(format!("[{index}]"));
                if looks_secret("", value) && !is_reference(value) {
                    names.push(join(path));
                } else {
                    secrets(path, value, names);
                }
                path.pop();
            }
        }
        _ => {}
    }
}

/// `${TOKEN}` names a secret and is none.
fn is_reference(value: &Value) -> bool {
    value.as_str().is_some_and(|text| text.starts_with('$') || text.contains("${"))
}

#[cfg(test)]
mod tests {
    use super::super::place::tests::file;
    use super::*;

    fn told(bytes: &[u8]) -> Vec<(&'static str, Option<(usize, usize)>)> {
        let mut found = Vec::new();
        read(bytes, Kind::Settings, &mut found);
        assert!(found.iter().all(|own| !own.remedy.is_empty()));
        found.iter().map(|own| (own.code, own.place)).collect()
    }

    #[test]
    fn texts_that_void_a_file_are_told_with_their_place() {
        for (text, code, place) in [
            ("", "json-empty", (1, 1)),
            ("{\n  // x\n}", "json-comment", (2, 3)),
            ("{\"a\": 1,\n}", "json-trailing-comma", (1, 8)),
            ("{\"a\" 1}", "json-syntax", (1, 6)),
            ("[]", "json-not-object", (1, 1)),
            ("{\"a\": 1, \"a\": 2}", "json-duplicate-key", (1, 2)),
        ] {
            assert_eq!(told(text.as_bytes()), [(code, Some(place))], "{text}");
        }
        assert_eq!(told(b"{\n\"a\": \"\xff\"}"), [("json-encoding", Some((2, 7)))]);
        assert!(told(b"\xef\xbb\xbf{\"a\": [1, 2]}").is_empty());
        let mut deep = "[".repeat(200);
        deep.push_str(&"]".repeat(200));
        assert_eq!(told(deep.as_bytes())[0].0, "json-too-deep");
    }

    #[test]
    fn secrets_that_others_may_read_are_told_without_their_value() {
        let text = "{\"env\": {\"A\": \"b\",\n \"API_TOKEN\": \"hunter2hunter2\", \"GH_TOKEN\": \"${GH}\"}}";
        let outline = Outline::parse(text).expect("valid");
        let told = exposed(&outline, &file(), "f").expect("found");
        assert_eq!((told.code, told.place), ("secret-exposed", Some((2, 2))));
        assert!(
            told.message.contains("env.API_TOKEN") && !told.message.contains("hunter"),
            "{}",
            told.message
        );
        for closed in [Standing { mode: 0o600, ..file() }, Standing { is_reachable: false, ..file() }] {
            assert_eq!(exposed(&outline, &closed, "f"), None);
        }
    }
}
