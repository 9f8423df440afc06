//! From an event to what is recorded of it: a [`Record`], in which there is no text.

use super::event::{Event, Kind};
use crate::command::shape::{ErrorClass, HostType, Outcome, Record, Shape, ToolKind, duration_bucket};

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
        shape: event
            .commands
            .first()
            .filter(|_| tool == ToolKind::Bash)
            .map(|command| Shape::of_text(command)),
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
