//! From an event to what is recorded of it: an [`Observed`], in which there is no text.

use serde_json::Value;

use super::event::{Event, Kind};
use crate::command::shape::{HostType, Outcome};
use crate::learn::{Number, Observed, Told};

/// What is kept of a tool's run; `None` for events that tell of none.
#[must_use]
pub fn observe(
    event: &Event,
    host: HostType,
    now: u64,
    (project, session): (Number, Number),
) -> Option<Observed> {
    let outcome = match event.kind {
        Kind::PostToolUse => Outcome::Ok,
        Kind::PostToolUseFailure if event.is_interrupt => Outcome::Interrupted,
        Kind::PostToolUseFailure => Outcome::Failed,
        _ => return None,
    };
    let told = Told {
        tool: event.tool.as_deref()?,
        command: event.commands.first().map(String::as_str),
        outcome,
        printed: event.error.as_deref().unwrap_or_default(),
        status: None,
        duration_ms: event.duration_ms.unwrap_or(0),
    };
    Some(told.observe(host, u16::try_from(now / 86_400).unwrap_or(u16::MAX), project, session))
}

/// The profile's word for the kind of host, as `runtime.json` has it.
#[must_use]
pub fn host_type(runtime: &Value) -> Option<&str> {
    runtime.pointer("/learning/host-type").and_then(Value::as_str)
}

/// The kind of host that the profile's word stands for.
#[must_use]
pub fn host(word: Option<&str>) -> HostType {
    HostType::of_profile(word)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::shape::ErrorClass;
    use crate::learn::Item;

    const NOBODY: (Number, Number) = (Number::UNKNOWN, Number::UNKNOWN);

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
            let bytes = |command| {
                let event = event(Kind::PostToolUse, command, None);
                Item::Call(observe(&event, HostType::Other, 0, NOBODY).expect("observed")).encode()
            };
            assert_eq!(bytes(one), bytes(other), "{one} / {other}");
        }
    }

    #[test]
    fn a_failure_has_a_class() {
        let failed =
            event(Kind::PostToolUseFailure, "npm test", Some("Exit code 127\nbash: npm: command not found"));
        let record = observe(&failed, HostType::Other, 86_400 * 3, NOBODY).expect("a record").record;
        assert_eq!(
            (record.outcome, record.error, record.day),
            (Outcome::Failed, ErrorClass::CommandNotFound, 3)
        );
        assert!(observe(&event(Kind::PreToolUse, "x", None), HostType::Other, 0, NOBODY).is_none());
    }
}
