//! Calls out of the client's own transcripts: what a tool was asked to do, and what came of it.
//!
//! A transcript has a JSON object a line. The assistant's messages ask for tools (`tool_use`, with an id), the
//! user's bring their results (`tool_result`, with that id); all else is passed over, and so is what can't be read.
//! Formats come and go with the client's versions: whatever is not as expected is no call.

use std::collections::HashMap;

use serde_json::Value;

use super::Told;
use crate::command::shape::{HostType, Outcome};
use crate::learn::{Number, Observed};

/// So many calls may wait for their results: more are of sessions that were cut off.
const WAITING_MAX: usize = 10_000;

/// What a result begins with when the tool did not run: somebody said no, a hook did, or the call was none.
const NOT_RUN: &[&str] = &[
    "The user doesn't want to",
    "This command requires approval",
    "Permission to use",
    "Claude requested permissions",
    "<tool_use_error>",
    "[Request interrupted",
    "PreToolUse:",
    "Hook PreToolUse",
    "InputValidationError",
];

/// A call that has come to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Called {
    /// The client's name for the session; empty where the line does not say.
    pub session: String,
    /// Seconds since 1970, of the result.
    pub at: u64,
    pub tool: String,
    pub command: Option<String>,
    pub outcome: Outcome,
    /// What a call that failed has printed.
    pub printed: String,
}

impl Called {
    /// What is kept of it: the same as of a hook's event. How long it took is not known: the transcript's times
    /// include the wait for somebody's yes.
    #[must_use]
    pub fn observe(&self, host: HostType, project: Number, session: Number) -> Observed {
        let day = u16::try_from(self.at / 86_400).unwrap_or(u16::MAX);
        let told = Told {
            tool: &self.tool,
            command: self.command.as_deref(),
            outcome: self.outcome,
            printed: &self.printed,
            status: None,
            duration_ms: 0,
        };
        told.observe(host, day, project, session)
    }
}

#[derive(Debug)]
struct Asked {
    tool: String,
    command: Option<String>,
}

/// Reads one transcript, line by line.
#[derive(Debug, Default)]
pub struct Reader {
    waiting: HashMap<String, Asked>,
    /// Lines that were no JSON, and what in them is said in no way that is known: messages, and times of results.
    pub damaged: usize,
}

impl Reader {
    /// What has come to its end with this line.
    pub fn line(&mut self, line: &[u8]) -> Vec<Called> {
        // Some editors put a mark at the beginning of what they save.
        let line = line.strip_prefix("\u{feff}".as_bytes()).unwrap_or(line);
        // Nearly all of a transcript is something else, and large.
        if !has(line, b"\"tool_use\"") && !has(line, b"\"tool_result\"") {
            self.damaged += usize::from(!is_object(line));
            return Vec::new();
        }
        let Ok(line) = serde_json::from_slice::<Value>(line) else {
            self.damaged += 1;
            return Vec::new();
        };
        self.damaged += usize::from(line["message"].is_string());
        let blocks = line.pointer("/message/content").and_then(Value::as_array);
        let mut called = Vec::new();
        for block in blocks.into_iter().flatten() {
            match block["type"].as_str() {
                Some("tool_use") => self.ask(block),
                Some("tool_result") => called.extend(self.end(block, &line)),
                _ => {}
            }
        }
        called
    }

    fn ask(&mut self, block: &Value) {
        let (Some(id), Some(tool)) = (block["id"].as_str(), block["name"].as_str()) else { return };
        if self.waiting.len() >= WAITING_MAX {
            self.waiting.clear();
        }
        let command = block.pointer("/input/command").and_then(Value::as_str).map(str::to_owned);
        self.waiting.insert(id.to_owned(), Asked { tool: tool.to_owned(), command });
    }

    fn end(&mut self, block: &Value, line: &Value) -> Option<Called> {
        let Asked { tool, command } = self.waiting.remove(block["tool_use_id"].as_str()?)?;
        let Some(at) = line["timestamp"].as_str().and_then(seconds) else {
            self.damaged += 1;
            return None;
        };
        let printed = text(&block["content"]);
        let is_refused = line.pointer("/permissionDecision/decision").is_some_and(|word| word == "reject")
            || NOT_RUN.iter().any(|start| printed.trim_start().starts_with(start));
        let is_error = block["is_error"].as_bool().unwrap_or(false);
        let outcome = if line.pointer("/toolUseResult/interrupted").is_some_and(|word| word == true) {
            Outcome::Interrupted
        } else if !is_error {
            Outcome::Ok
        } else if is_refused {
            Outcome::Denied
        } else {
            Outcome::Failed
        };
        let session = line["sessionId"].as_str().unwrap_or_default().to_owned();
        let printed = if outcome == Outcome::Failed { printed } else { String::new() };
        Some(Called { session, at, tool, command, outcome, printed })
    }
}

/// A result's text: as it is, or in blocks.
fn text(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(blocks) => {
            blocks.iter().filter_map(|block| block["text"].as_str()).collect::<Vec<_>>().join("\n")
        }
        _ => String::new(),
    }
}

fn is_object(line: &[u8]) -> bool {
    let line = line.trim_ascii();
    line.starts_with(b"{") && line.ends_with(b"}")
}

fn has(line: &[u8], word: &[u8]) -> bool {
    memchr::memmem::find(line, word).is_some()
}

/// Seconds since 1970 of a time as the client writes it, `2026-01-31T23:59:59.123Z`; or with an offset in place of `Z`.
#[must_use]
pub fn seconds(time: &str) -> Option<u64> {
    let bytes = time.as_bytes();
    let is_shape = bytes.len() >= 20
        && [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':')]
            .iter()
            .all(|(at, sign)| bytes[*at] == *sign);
    let zone = time.get(19..)?.trim_start_matches(|c: char| c == '.' || c.is_ascii_digit());
    let number = |from: usize, to: usize| time.get(from..to)?.parse::<u64>().ok();
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    let is_in_range = is_shape
        && year >= 1970
        && (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && hour < 24
        && minute < 60
        && second <= 60;
    if !is_in_range {
        return None;
    }
    let there = ((days(year, month, day) * 24 + hour) * 60 + minute) * 60 + second;
    match zone.as_bytes() {
        b"Z" => Some(there),
        [sign @ (b'+' | b'-'), _, _, b':', _, _] => {
            let part = |from: usize| zone.get(from..from + 2)?.parse::<u64>().ok();
            let ahead = (part(1)? * 60 + part(4)?) * 60;
            if *sign == b'+' { there.checked_sub(ahead) } else { Some(there + ahead) }
        }
        _ => None,
    }
}

/// Days since 1970 in the Gregorian calendar, from 1970 on: years begin in March, so that the day which some have and
/// others have not is their last.
fn days(year: u64, month: u64, day: u64) -> u64 {
    let (year, month) = if month < 3 { (year - 1, month + 9) } else { (year, month - 3) };
    let leap_days = year / 4 - year / 100 + year / 400;
    // Of March 1st of the year 0 to January 1st, 1970: 719,468 days.
    year * 365 + leap_days + (153 * month + 2) / 5 + day - 1 - 719_468
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::command::shape::ErrorClass;

    const AT: &str = "2026-11-29T17:07:15.626Z";

    fn asks(id: &str, name: &str, command: &str) -> Value {
        json!({"type": "assistant", "sessionId": "s", "timestamp": AT, "message": {"role": "assistant", "content": [
            {"type": "text", "text": "Running it."},
            {"type": "tool_use", "id": id, "name": name, "input": {"command": command, "description": "d"}}]}})
    }

    fn result(id: &str, content: Value, is_error: bool) -> Value {
        json!({"type": "user", "sessionId": "s", "timestamp": AT, "toolUseResult": {"interrupted": false},
            "message": {"role": "user",
                "content": [{"type": "tool_result", "tool_use_id": id, "content": content, "is_error": is_error}]}})
    }

    fn read(lines: &[Value]) -> Vec<Called> {
        let mut reader = Reader::default();
        let called = lines.iter().flat_map(|line| reader.line(line.to_string().as_bytes())).collect();
        assert_eq!(reader.damaged, 0);
        called
    }

    #[test]
    fn a_call_is_what_was_asked_and_what_came_of_it() {
        let gone = "Exit code 127\n/bin/bash: line 1: npm: command not found";
        let called = read(&[
            json!({"type": "summary", "summary": "tool_use"}),
            asks("1", "Bash", "npm ci"),
            asks("2", "Bash", "ls"),
            asks("3", "Read", "x"),
            result("2", json!([{"type": "text", "text": "a"}, {"type": "image"}]), false),
            result("1", gone.into(), true),
            result("1", gone.into(), true),
            result("9", "of nobody".into(), true),
        ]);
        let told: Vec<_> =
            called.iter().map(|own| (own.command.as_deref().unwrap_or_default(), own.outcome)).collect();
        assert_eq!(told, [("ls", Outcome::Ok), ("npm ci", Outcome::Failed)]);
        assert_eq!((called[0].printed.as_str(), called[1].printed.as_str()), ("", gone));
        let seen = called[1].observe(HostType::Other, Number(1), Number(2));
        assert_eq!(seen.record.error, ErrorClass::CommandNotFound);
        assert_eq!((seen.record.day, seen.record.duration, seen.judged.len()), (20_786, 0, 1));
    }

    #[test]
    fn a_time_is_read_with_its_offset() {
        let at = seconds("2026-11-29T17:07:15.626Z").expect("a time");
        for same in ["2026-11-29T17:07:15+00:00", "2026-11-29T18:37:15.6+01:30", "2026-11-29T07:07:15-10:00"]
        {
            assert_eq!(seconds(same), Some(at), "{same}");
        }
        for none in [
            "2026-11-29T17:07:15",
            "2026-11-29T17:07:15+0000",
            "2026-13-01T00:00:00Z",
            "2026-11-29 17:07:15Z",
            "yesterday",
            "",
            "2026-11-29T17:07:15+é0:0",
        ] {
            assert_eq!(seconds(none), None, "{none}");
        }
    }

    #[test]
    fn what_did_not_run_has_not_failed() {
        let mut interrupted = result("1", "x".into(), true);
        interrupted["toolUseResult"]["interrupted"] = true.into();
        let mut refused = result("1", "No.".into(), true);
        refused["permissionDecision"] = json!({"decision": "reject"});
        for (line, outcome) in [
            (interrupted, Outcome::Interrupted),
            (refused, Outcome::Denied),
            (
                result("1", "The user doesn't want to proceed with this tool use.".into(), true),
                Outcome::Denied,
            ),
            (
                result("1", "<tool_use_error>InputValidationError: x</tool_use_error>".into(), true),
                Outcome::Denied,
            ),
        ] {
            let called = read(&[asks("1", "Bash", "npm ci"), line]);
            assert_eq!(called[0].outcome, outcome);
            assert!(called[0].observe(HostType::Other, Number(1), Number(2)).judged.is_empty());
        }
    }

    #[test]
    fn what_can_not_be_read_is_counted_and_passed_over() {
        let mut reader = Reader::default();
        let cut = asks("1", "Bash", "npm ci").to_string();
        for line in
            [&b"{\"type\": \"tool_use\""[..], b"\xff\xfe", b"[1, 2]", &cut.as_bytes()[..cut.len() - 3]]
        {
            assert!(reader.line(line).is_empty());
        }
        assert_eq!(reader.damaged, 4);
        // Of other versions: fields are missing, or something else.
        for line in [
            json!({"tool_use": 1, "message": {"content": [{"type": "tool_use", "id": 1}, 7, null]}}),
            json!({"message": {"content": {"type": "tool_result"}}, "x": "tool_use"}),
            json!({"message": {"content": [{"type": "tool_result", "tool_use_id": "1"}]}}),
        ] {
            assert!(reader.line(line.to_string().as_bytes()).is_empty());
        }
        assert_eq!(reader.damaged, 4);
        // Without its time nobody knows when.
        let mut timeless = result("1", "x".into(), true);
        timeless.as_object_mut().expect("an object").remove("timestamp");
        for line in [asks("1", "Bash", "ls"), timeless, json!({"message": "tool_use"})] {
            assert!(reader.line(line.to_string().as_bytes()).is_empty());
        }
        assert_eq!(reader.damaged, 6);
    }

    #[test]
    fn times_are_read() {
        assert_eq!(seconds("1970-01-01T00:00:00Z"), Some(0));
        assert_eq!(seconds("2000-02-29T12:00:00.000Z"), Some(951_825_600));
        assert_eq!(seconds(AT), Some(1_795_972_035));
        assert_eq!(seconds("1969-12-31T23:59:59Z"), None);
        assert_eq!(seconds("20é6-11-29T17:07:15.62Z"), None);
    }
}
