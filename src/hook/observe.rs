//! From an event to what is recorded of it: a [`Record`], in which there is no text.

use super::event::{Event, Kind};
use crate::command::shape::{
    ErrorClass, HostType, Outcome, Piece, Record, Shape, Structure, ToolKind, Word, Wrapper, duration_bucket,
};
use crate::command::{self, RedirectKind, Script, Simple};

/// The record of a tool's run; `None` for events that tell of none.
#[must_use]
pub fn record(event: &Event, host: HostType, now: u64) -> Option<Record> {
    let outcome = match event.kind {
        Kind::PostToolUse => Outcome::Ok,
        Kind::PostToolUseFailure if event.is_interrupt => Outcome::Interrupted,
        Kind::PostToolUseFailure => Outcome::Failed,
        _ => return None,
    };
    let tool = ToolKind::named(event.tool.as_deref()?);
    let error = match (&event.error, outcome) {
        (Some(text), Outcome::Failed) => ErrorClass::of(text, exit_code(text)),
        _ => ErrorClass::Other,
    };
    Some(Record {
        tool,
        outcome,
        error,
        duration: duration_bucket(event.duration_ms.unwrap_or(0)),
        host,
        day: u16::try_from(now / 86_400).unwrap_or(u16::MAX),
        shape: event.commands.first().filter(|_| tool == ToolKind::Bash).map(|command| shape(command)),
    })
}

/// The kind of host that the profile's word stands for.
#[must_use]
pub fn host(word: Option<&str>) -> HostType {
    match word {
        Some("laptop" | "desktop") => HostType::Workstation,
        Some("server") => HostType::Server,
        Some("hpc") => HostType::LoginNode,
        Some("ci") => HostType::Ci,
        Some("container") => HostType::Container,
        _ => HostType::Other,
    }
}

/// The client begins a failure with `Exit code 1`.
fn exit_code(error: &str) -> Option<i32> {
    let rest = error.trim_start().strip_prefix("Exit code ")?;
    rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

/// The shape of a shell command.
#[must_use]
pub fn shape(text: &str) -> Shape {
    let script = command::parse(text);
    let commands = script.commands.iter().filter(|simple| !simple.is_aside);
    let owned: Vec<(Vec<Word<'_>>, Vec<Word<'_>>)> = commands.map(words).collect();
    let pieces: Vec<Piece<'_>> =
        owned.iter().map(|(words, files)| Piece { words, wrapper: Wrapper::None, files }).collect();
    Shape::of(&pieces, structure(&script))
}

fn words(simple: &Simple) -> (Vec<Word<'_>>, Vec<Word<'_>>) {
    let files = simple.redirects.iter().filter(|redirect| redirect.kind != RedirectKind::Duplicate);
    let words = if simple.as_typed.is_empty() { &simple.words } else { &simple.as_typed };
    (words.iter().map(word).collect(), files.map(|redirect| word(&redirect.target)).collect())
}

fn word(word: &command::Word) -> Word<'_> {
    match word.quoted_at {
        None => Word::bare(&word.text),
        Some(0) => Word::quoted(&word.text),
        Some(at) => Word::quoted_from(word.text.get(..at).unwrap_or_default()),
    }
}

fn structure(script: &Script) -> Structure {
    let commands = || script.commands.iter().filter(|simple| !simple.is_aside);
    let redirects = || commands().flat_map(|simple| &simple.redirects);
    let has = |kind| redirects().any(|redirect| redirect.kind == kind);
    let pipes = commands().filter(|simple| simple.reads.is_some()).count();
    Structure {
        pipes,
        lists: commands().count().saturating_sub(pipes + 1),
        has_input: has(RedirectKind::Read),
        has_output: has(RedirectKind::Write),
        has_append: has(RedirectKind::Append),
        has_error_output: redirects().any(|redirect| redirect.fd == Some(2)),
        has_here_document: commands().any(|simple| simple.here.is_some()),
        // A hole without a name is a value that was too long, or came in as data.
        has_substitution: commands()
            .flat_map(|simple| &simple.words)
            .any(|word| word.holes.iter().any(|hole| !hole.is_empty())),
        ..Structure::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(kind: Kind, command: &str, error: Option<&str>) -> Event {
        Event {
            kind,
            tool: Some("Bash".to_owned()),
            commands: vec![command.to_owned()],
            error: error.map(str::to_owned),
            duration_ms: Some(66),
            ..Event::default()
        }
    }

    #[test]
    fn what_is_private_makes_no_difference() {
        for (one, other) in [
            ("mysql -p1234 -h db1 shop", "mysql -phunter2 -h prod payroll"),
            ("cat /home/ann/secret.txt", "cat /home/bob/notes.txt"),
            ("git commit -m 'fix login'", "git commit -m 'rotate the keys of X'"),
            (
                "curl -H \"Authorization: Bearer abc\" https://a.example/x",
                "curl -H \"X: y\" https://b.example/z/w",
            ),
            ("ssh ann@host1", "ssh bob@host2"),
        ] {
            let record = |command| record(&event(Kind::PostToolUse, command, None), HostType::Other, 0);
            assert_eq!(record(one).map(|r| r.encode()), record(other).map(|r| r.encode()), "{one} / {other}");
        }
    }

    #[test]
    fn a_failure_has_a_class() {
        let failed =
            event(Kind::PostToolUseFailure, "npm test", Some("Exit code 127\nbash: npm: command not found"));
        let record = record(&failed, HostType::Other, 86_400 * 3).expect("a record");
        assert_eq!(
            (record.outcome, record.error, record.day),
            (Outcome::Failed, ErrorClass::CommandNotFound, 3)
        );
        assert!(super::record(&event(Kind::PreToolUse, "x", None), HostType::Other, 0).is_none());
    }
}
