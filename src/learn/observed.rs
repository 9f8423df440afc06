//! What is kept of a call: its record, and what became of the commands in it, as they are learned from.

use super::judge::{Ended, judge};
use super::need::{Acked, Agent, Suggested};
use super::{Form, Judged, Number};
use crate::command;
use crate::command::shape::{
    ErrorClass, HostType, Outcome, Record, Refused, Shape, ToolKind, duration_bucket,
};
use crate::model::bytes::Bytes;

/// The format. Its predecessor is a bare [`Record`], and is read as well.
const VERSION: u8 = 2;
const VERSION_OF_RECORDS: u8 = 1;

const CALL: u8 = 1;
const SAID: u8 = 2;
const ACKED: u8 = 3;
const SUGGESTED: u8 = 4;
const UNDO: u8 = 5;

/// Of a longer line, the last commands are kept.
const JUDGED_MAX: usize = 8;

const IS_OK: u8 = 1;
const TEACHES: u8 = 2;

/// One entry of the journal of what happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item {
    Call(Observed),
    Said(Said),
    Acked(Acked),
    Suggested(Suggested),
    Undo(Undo),
}

/// How a call went, where, and what that tells of the commands in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observed {
    pub record: Record,
    pub project: Number,
    pub session: Number,
    pub judged: Vec<Judged>,
}

/// A session was told of a form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Said {
    pub project: Number,
    pub session: Number,
    pub form: Form,
    /// A day since 1970.
    pub day: u16,
}

/// A person undid a change of the schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Undo {
    /// The number of the change.
    pub event: u32,
    /// A day since 1970.
    pub day: u16,
}

impl From<Record> for Observed {
    /// What is known of a call of which only the record was kept.
    fn from(record: Record) -> Self {
        Self { record, project: Number::UNKNOWN, session: Number::UNKNOWN, judged: Vec::new() }
    }
}

/// A call as somebody tells of it: a hook's event, a transcript, a trace. Nothing of its text is kept.
#[derive(Debug, Clone, Copy)]
pub struct Told<'a> {
    /// The client's name for the tool.
    pub tool: &'a str,
    /// Of a shell command: all of it.
    pub command: Option<&'a str>,
    pub outcome: Outcome,
    /// What a call that failed has printed, or said.
    pub printed: &'a str,
    /// The status it ended with, if that is known by other means than the text.
    pub status: Option<i32>,
    pub duration_ms: u64,
}

impl Told<'_> {
    /// What is kept of it.
    #[must_use]
    pub fn observe(&self, host: HostType, day: u16, project: Number, session: Number) -> Observed {
        let Self { command, outcome, printed, .. } = *self;
        let tool = ToolKind::named(self.tool);
        let status = self.status.or_else(|| exit_code(printed));
        let error =
            if outcome == Outcome::Failed { ErrorClass::of(printed, status) } else { ErrorClass::Other };
        let command = command.filter(|_| tool == ToolKind::Bash);
        let ended = match outcome {
            Outcome::Ok => Some(Ended::Well),
            Outcome::Failed => Some(Ended::Badly { text: printed, class: error }),
            // Whoever stopped it had reasons of his own.
            Outcome::Interrupted | Outcome::Denied => None,
        };
        let judged = command.zip(ended).map(|(command, ended)| judge(&command::parse(command), ended));
        let shape = command.map(Shape::of_text);
        let duration = duration_bucket(self.duration_ms);
        let record = Record { tool, outcome, error, duration, host, day, shape };
        Observed { record, project, session, judged: judged.unwrap_or_default() }
    }
}

/// The client begins a failure with `Exit code 1`.
fn exit_code(printed: &str) -> Option<i32> {
    let rest = printed.trim_start().strip_prefix("Exit code ")?;
    rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

impl Item {
    /// The day it is dated.
    pub fn day_mut(&mut self) -> &mut u16 {
        match self {
            Self::Call(call) => &mut call.record.day,
            Self::Said(said) => &mut said.day,
            Self::Acked(acked) => &mut acked.day,
            Self::Suggested(suggested) => &mut suggested.day,
            Self::Undo(undo) => &mut undo.day,
        }
    }

    /// Its bytes, to be sealed.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = vec![VERSION];
        match self {
            Self::Call(Observed { record, project, session, judged }) => {
                bytes.push(CALL);
                put_numbers(*project, *session, &mut bytes);
                let kept = &judged[judged.len().saturating_sub(JUDGED_MAX)..];
                bytes.push(u8::try_from(kept.len()).expect("BUG: they are few"));
                for Judged { form, is_ok, teaches } in kept {
                    bytes.push((u8::from(*is_ok) * IS_OK) | (u8::from(*teaches) * TEACHES));
                    form.encode(&mut bytes);
                }
                bytes.extend(record.encode());
            }
            Self::Said(Said { project, session, form, day }) => {
                bytes.push(SAID);
                put_numbers(*project, *session, &mut bytes);
                bytes.extend(day.to_le_bytes());
                form.encode(&mut bytes);
            }
            Self::Acked(Acked { agent, useful, day }) => {
                bytes.extend([ACKED, agent.code(), u8::from(*useful)]);
                bytes.extend(day.to_le_bytes());
            }
            Self::Suggested(Suggested { agents, session, day }) => {
                bytes.extend([SUGGESTED, *agents]);
                bytes.extend(session.0.to_le_bytes());
                bytes.extend(day.to_le_bytes());
            }
            Self::Undo(Undo { event, day }) => {
                bytes.push(UNDO);
                bytes.extend(event.to_le_bytes());
                bytes.extend(day.to_le_bytes());
            }
        }
        bytes
    }

    /// What was written, by this version or an earlier one.
    ///
    /// # Errors
    /// The bytes are of another format or kind, or not such as [`Self::encode`] makes.
    pub fn decode(bytes: &[u8]) -> Result<Self, Refused> {
        let mut rest = Bytes(bytes);
        match rest.byte() {
            Some(VERSION) => {}
            Some(VERSION_OF_RECORDS) => return Record::decode(bytes).map(|record| Self::Call(record.into())),
            Some(version) => return Err(Refused::Version(version)),
            None => return Err(Refused::Damaged),
        }
        match rest.byte() {
            Some(CALL) => decode_call(&mut rest),
            Some(SAID) => decode_said(&mut rest).ok_or(Refused::Damaged),
            Some(ACKED) => decode_acked(&mut rest).ok_or(Refused::Damaged),
            Some(SUGGESTED) => decode_suggested(&mut rest).ok_or(Refused::Damaged),
            Some(UNDO) => decode_undo(&mut rest).ok_or(Refused::Damaged),
            Some(kind) => Err(Refused::Kind(kind)),
            None => Err(Refused::Damaged),
        }
    }
}

fn put_numbers(project: Number, session: Number, bytes: &mut Vec<u8>) {
    bytes.extend(project.0.to_le_bytes());
    bytes.extend(session.0.to_le_bytes());
}

fn decode_call(rest: &mut Bytes<'_>) -> Result<Item, Refused> {
    let mut before = || {
        let (project, session) = (Number(rest.u16()?), Number(rest.u16()?));
        let count = usize::from(rest.byte()?);
        let judged = || {
            let bits = rest.byte()?;
            let (is_ok, teaches) = (bits & IS_OK > 0, bits & TEACHES > 0);
            let is_known = bits & !(IS_OK | TEACHES) == 0 && !(is_ok && teaches);
            Form::decode(rest).filter(|_| is_known).map(|form| Judged { form, is_ok, teaches })
        };
        let judged: Vec<Judged> = std::iter::repeat_with(judged).take(count).collect::<Option<_>>()?;
        (count <= JUDGED_MAX).then_some((project, session, judged))
    };
    let (project, session, judged) = before().ok_or(Refused::Damaged)?;
    let record = Record::decode(rest.0)?;
    Ok(Item::Call(Observed { record, project, session, judged }))
}

fn decode_said(rest: &mut Bytes<'_>) -> Option<Item> {
    let (project, session, day) = (Number(rest.u16()?), Number(rest.u16()?), rest.u16()?);
    let form = Form::decode(rest)?;
    rest.is_empty().then_some(Item::Said(Said { project, session, form, day }))
}

fn decode_undo(rest: &mut Bytes<'_>) -> Option<Item> {
    let undo = Undo { event: rest.u32()?, day: rest.u16()? };
    rest.is_empty().then_some(Item::Undo(undo))
}

fn decode_acked(rest: &mut Bytes<'_>) -> Option<Item> {
    let agent = Agent::from_code(rest.byte()?)?;
    let useful = match rest.byte()? {
        0 => false,
        1 => true,
        _ => return None,
    };
    let acked = Acked { agent, useful, day: rest.u16()? };
    rest.is_empty().then_some(Item::Acked(acked))
}

fn decode_suggested(rest: &mut Bytes<'_>) -> Option<Item> {
    let agents = rest.byte()?;
    let suggested = Suggested { agents, session: Number(rest.u16()?), day: rest.u16()? };
    rest.is_empty().then_some(Item::Suggested(suggested))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A shell command that failed with a text, or succeeded.
    pub(crate) fn call(line: &str, failed: Option<&str>, (project, session): (u16, u16)) -> Observed {
        let told = Told {
            tool: "Bash",
            command: Some(line),
            outcome: if failed.is_some() { Outcome::Failed } else { Outcome::Ok },
            printed: failed.unwrap_or_default(),
            status: None,
            duration_ms: 0,
        };
        told.observe(HostType::Other, 20_000, Number(project), Number(session))
    }

    fn items() -> Vec<Item> {
        let call = |line, failed| call(line, failed, (7, 65_535));
        let failed = call("cd x && git stash pop && uv run pytest -x", Some("pytest: command not found"));
        let form = failed.judged[0].form;
        let said = Said { project: Number(1), session: Number(2), form, day: 3 };
        let acked = Acked { agent: Agent::Detective, useful: true, day: 3 };
        let suggested = Suggested { agents: 5, session: Number(2), day: 3 };
        vec![
            Item::Call(failed),
            Item::Call(call("", None)),
            Item::Said(said),
            Item::Acked(acked),
            Item::Suggested(suggested),
            Item::Undo(Undo { event: 7, day: 3 }),
        ]
    }

    #[test]
    fn a_call_is_its_record_and_its_commands() {
        let failed = call("cd x && npm ci", Some("Exit code 127\nsh: 1: npm: command not found"), (1, 2));
        let forms: Vec<_> =
            failed.judged.iter().map(|own| (own.form.to_string(), own.is_ok, own.teaches)).collect();
        assert_eq!(forms, [("cd".to_owned(), true, false), ("npm ci".to_owned(), false, true)]);
        assert_eq!(
            (failed.record.error, failed.record.outcome),
            (ErrorClass::CommandNotFound, Outcome::Failed)
        );
        let other = Told {
            tool: "Read",
            command: Some("npm ci"),
            outcome: Outcome::Ok,
            printed: "",
            status: None,
            duration_ms: 0,
        };
        let other = other.observe(HostType::Other, 1, Number(1), Number(2));
        assert!(other.record.shape.is_none() && other.judged.is_empty(), "what is no shell runs no commands");
    }

    #[test]
    fn what_is_written_is_read() {
        for item in items() {
            let bytes = item.encode();
            assert_eq!(Item::decode(&bytes), Ok(item));
        }
        let record = call("ls", None, (0, 0)).record;
        assert_eq!(Item::decode(&record.encode()), Ok(Item::Call(record.into())), "of an earlier version");
        assert_eq!(Item::decode(&[3, 1]), Err(Refused::Version(3)));
        assert_eq!(Item::decode(&[2, 9]), Err(Refused::Kind(9)));
    }

    #[test]
    fn of_a_long_line_the_last_commands_are_kept() {
        let long = call(&format!("{}git status", "ls && ".repeat(20)), None, (0, 0));
        let Ok(Item::Call(read)) = Item::decode(&Item::Call(long.clone()).encode()) else { panic!("a call") };
        assert_eq!(read.judged, long.judged[long.judged.len() - JUDGED_MAX..]);
    }

    #[test]
    fn whatever_is_read_is_written_the_same() {
        for bytes in items().iter().map(Item::encode) {
            for at in 0..bytes.len() {
                assert!(Item::decode(&bytes[..at]).is_err(), "cut at {at}");
                for to in [0, 1, 2, 3, 127, 255] {
                    let mut other = bytes.clone();
                    other[at] = to;
                    if let Ok(item) = Item::decode(&other) {
                        assert!(other[0] == VERSION_OF_RECORDS || item.encode() == other, "{at}: {to}");
                    }
                }
            }
        }
    }
}
