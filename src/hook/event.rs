//! What the client says on a hook's standard input.
//!
//! The client's own JSON is read by the library. What the library refuses (cut off at our limit, a
//! lone surrogate, bytes that are no UTF-8) still holds the command that is about to run, so a
//! lenient reader looks for it: a guard that falls silent on odd input guards nothing.

use std::borrow::Cow;
use std::fmt;

use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// What is known of one call of a hook.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Event {
    pub kind: Kind,
    /// Whether the text says what kind it is; its kind may be one we don't know.
    pub has_kind: bool,
    pub cwd: Option<String>,
    pub session: Option<String>,
    /// Where the client keeps what was said: in a folder of the project's.
    pub transcript: Option<String>,
    pub tool: Option<String>,
    /// Shell commands the tool is about to run or has run; several only where the text was odd.
    pub commands: Vec<String>,
    /// Files it is about to write or has written.
    pub paths: Vec<String>,
    /// What a failed call said.
    pub error: Option<String>,
    pub is_interrupt: bool,
    pub duration_ms: Option<u64>,
    /// The client itself speaks, not a person.
    pub is_synthetic: bool,
    /// The text was not read as JSON.
    pub is_odd: bool,
    /// There was more than was read.
    pub is_cut: bool,
}

/// The events the bundled hooks know.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    SessionStart,
    SessionEnd,
    UserPromptSubmit,
    PreToolUse,
    PostToolUse,
    PostToolUseFailure,
    #[default]
    Other,
}

impl Kind {
    fn of(name: &str) -> Self {
        match name {
            "SessionStart" => Self::SessionStart,
            "SessionEnd" => Self::SessionEnd,
            "UserPromptSubmit" => Self::UserPromptSubmit,
            "PreToolUse" => Self::PreToolUse,
            "PostToolUse" => Self::PostToolUse,
            "PostToolUseFailure" => Self::PostToolUseFailure,
            _ => Self::Other,
        }
    }

    /// Whether it tells how a tool's run ended.
    #[must_use]
    pub fn is_outcome(self) -> bool {
        matches!(self, Self::PostToolUse | Self::PostToolUseFailure)
    }

    /// The client's name for it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::SessionStart => "SessionStart",
            Self::SessionEnd => "SessionEnd",
            Self::UserPromptSubmit => "UserPromptSubmit",
            Self::PreToolUse => "PreToolUse",
            Self::PostToolUse => "PostToolUse",
            Self::PostToolUseFailure => "PostToolUseFailure",
            Self::Other => "",
        }
    }
}

#[derive(Deserialize)]
struct Wire<'a> {
    #[serde(borrow)]
    hook_event_name: Cow<'a, str>,
    #[serde(borrow, default)]
    cwd: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    session_id: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    transcript_path: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    tool_name: Option<Cow<'a, str>>,
    #[serde(default)]
    tool_input: Input,
    #[serde(borrow, default)]
    error: Option<Cow<'a, str>>,
    #[serde(default)]
    is_interrupt: bool,
    #[serde(default)]
    duration_ms: Option<f64>,
    #[serde(borrow, default)]
    prompt: Option<Cow<'a, str>>,
}

/// The tool's own fields: an object. A list is not taken for one with its fields in order.
#[derive(Default)]
struct Input(Fields);

impl<'de> Deserialize<'de> for Input {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Fields;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Fields, A::Error> {
                Fields::deserialize(MapAccessDeserializer::new(map))
            }
        }
        from.deserialize_map(Object).map(Self)
    }
}

#[derive(Deserialize, Default)]
struct Fields {
    #[serde(default)]
    command: Option<String>,
    #[serde(default)]
    file_path: Option<String>,
    #[serde(default)]
    notebook_path: Option<String>,
}

/// How prompts begin that the client makes up.
const SYNTHETIC: &str = "<task-notification>";

/// Reads an event. `is_cut`: there was more than we read.
#[must_use]
pub fn parse(bytes: &[u8], is_cut: bool) -> Event {
    // A list would be taken for an object with its fields in order.
    let is_object = bytes.trim_ascii_start().starts_with(b"{");
    let strict = (!is_cut && is_object).then(|| serde_json::from_slice::<Wire<'_>>(bytes).ok()).flatten();
    let Some(wire) = strict else { return Event { is_cut, ..lenient(&String::from_utf8_lossy(bytes)) } };
    let Wire { hook_event_name, cwd, session_id, transcript_path, tool_name, tool_input, .. } = wire;
    let Wire { error, is_interrupt, duration_ms, prompt, .. } = wire;
    let Fields { command, file_path, notebook_path } = tool_input.0;
    Event {
        kind: Kind::of(&hook_event_name),
        has_kind: true,
        cwd: cwd.map(Cow::into_owned),
        session: session_id.map(Cow::into_owned),
        transcript: transcript_path.map(Cow::into_owned),
        tool: tool_name.map(Cow::into_owned),
        commands: command.into_iter().collect(),
        paths: file_path.into_iter().chain(notebook_path).collect(),
        error: error.map(Cow::into_owned),
        is_interrupt,
        duration_ms: duration_ms.and_then(whole_ms),
        is_synthetic: prompt.is_some_and(|prompt| prompt.trim_start().starts_with(SYNTHETIC)),
        is_odd: false,
        is_cut,
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "bounded just before")]
fn whole_ms(ms: f64) -> Option<u64> {
    (ms.is_finite() && (0.0..1e15).contains(&ms)).then_some(ms as u64)
}

/// Goes through text that may be no JSON and takes every string that stands behind a name we know.
fn lenient(text: &str) -> Event {
    let mut event = Event { is_odd: true, ..Event::default() };
    let mut rest = text;
    let mut name: Option<String> = None;
    while let Some(start) = rest.find(['"', ',', '{', '}', '[', ']']) {
        let is_string = rest.as_bytes()[start] == b'"';
        let is_value = rest[..start].trim() == ":";
        rest = &rest[start + 1..];
        if !is_string {
            name = None;
            continue;
        }
        let (string, after) = string(rest);
        rest = after;
        match name.take().filter(|_| is_value) {
            Some(name) => event.take(&name, string),
            None => name = Some(string),
        }
    }
    event
}

impl Event {
    /// What the client calls the project: a folder's name, which stays when the session goes elsewhere. The working
    /// folder where there is none.
    #[must_use]
    pub fn project(&self) -> Option<&str> {
        let folder = self.transcript.as_deref().and_then(|path| {
            let mut parts = path.split('/').skip_while(|part| *part != "projects").skip(1);
            parts.next().filter(|_| parts.next().is_some())
        });
        folder.or(self.cwd.as_deref()).filter(|name| !name.is_empty())
    }

    /// How much there is for the guard to look at.
    #[must_use]
    pub fn text_bytes(&self) -> usize {
        self.commands.iter().chain(&self.paths).map(String::len).sum()
    }

    /// The first of a name counts, but for what is guarded: there, all do.
    fn take(&mut self, name: &str, value: String) {
        match name {
            "hook_event_name" => {
                self.has_kind = true;
                if self.kind == Kind::Other {
                    self.kind = Kind::of(&value);
                }
            }
            "cwd" if self.cwd.is_none() => self.cwd = Some(value),
            "session_id" if self.session.is_none() => self.session = Some(value),
            "transcript_path" if self.transcript.is_none() => self.transcript = Some(value),
            "tool_name" if self.tool.is_none() => self.tool = Some(value),
            "command" => self.commands.push(value),
            "file_path" | "notebook_path" => self.paths.push(value),
            _ => {}
        }
    }
}

/// The string that begins at `text`, and what follows its closing quote. One that is cut off ends where
/// the text does.
fn string(text: &str) -> (String, &str) {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return (value, &text[at + 1..]),
            '\\' => match chars.next().map(|(_, c)| c) {
                Some('n') => value.push('\n'),
                Some('t') => value.push('\t'),
                Some('r') => value.push('\r'),
                Some('b') => value.push('\u{8}'),
                Some('f') => value.push('\u{c}'),
                Some('u') => {
                    let digits = text.get(at + 2..at + 6).and_then(|hex| u32::from_str_radix(hex, 16).ok());
                    // Half a pair stands for no letter.
                    value.push(digits.and_then(char::from_u32).unwrap_or('\u{fffd}'));
                    if digits.is_some() {
                        chars.nth(3);
                    }
                }
                Some(other) => value.push(other),
                None => {}
            },
            other => value.push(other),
        }
    }
    (value, "")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pre(command: &str) -> String {
        serde_json::json!({"hook_event_name": "PreToolUse", "cwd": "/p", "tool_name": "Bash",
            "tool_input": {"command": command, "description": "d"}})
        .to_string()
    }

    #[test]
    fn the_client_s_own_words() {
        let event = parse(pre("rm -rf /").as_bytes(), false);
        assert_eq!((event.kind, event.cwd.as_deref()), (Kind::PreToolUse, Some("/p")));
        assert_eq!((event.commands, event.is_odd), (vec!["rm -rf /".to_owned()], false));
        let failed = r#"{"hook_event_name":"PostToolUseFailure","tool_name":"Bash","tool_input":{"command":"x"},
            "error":"Exit code 1","is_interrupt":true,"duration_ms":66.5}"#;
        let event = parse(failed.as_bytes(), false);
        assert_eq!((event.is_interrupt, event.duration_ms), (true, Some(66)));
        assert!(
            parse(br#"{"hook_event_name":"UserPromptSubmit","prompt":" <task-notification>x"}"#, false)
                .is_synthetic
        );
        assert_eq!(parse(br#"{"hook_event_name":"Later"}"#, false).kind, Kind::Other);
    }

    #[test]
    fn a_project_is_known_by_where_its_transcripts_are() {
        let of = |transcript: &str| {
            let transcript = Some(transcript.to_owned());
            let event = Event { transcript, cwd: Some("/home/u/proj/src".to_owned()), ..Event::default() };
            event.project().map(str::to_owned)
        };
        assert_eq!(of("/home/u/.claude/projects/-home-u-proj/222.jsonl").as_deref(), Some("-home-u-proj"));
        assert_eq!(
            of("/home/u/.claude/projects/-home-u-proj/222/sub/1.jsonl").as_deref(),
            Some("-home-u-proj")
        );
        for other in ["", "/t", "/home/u/.claude/projects/222.jsonl"] {
            assert_eq!(of(other).as_deref(), Some("/home/u/proj/src"), "{other}");
        }
        assert_eq!(Event::default().project(), None);
    }

    #[test]
    fn a_command_is_found_in_text_that_is_no_json() {
        let whole = pre("rm -rf \"/x\"\ny");
        let cut = &whole[..whole.len() - 3];
        let surrogate = whole.replace("/x", "\\ud800");
        let twice = whole.replace("\"cwd\"", "\"tool_input\": {\"command\": \"b\"}, \"cwd\"");
        let mut bytes = whole.clone().into_bytes();
        bytes.push(0xff);
        let deep = format!("{}{}", "{\"a\":[".repeat(5_000), &whole[1..]);
        for (text, has) in [
            (cut.as_bytes(), "rm -rf \"/x\"\ny"),
            (surrogate.as_bytes(), "rm -rf \"\u{fffd}\"\ny"),
            (twice.as_bytes(), "rm -rf \"/x\"\ny"),
            (&bytes, "rm -rf \"/x\"\ny"),
            (deep.as_bytes(), "rm -rf \"/x\"\ny"),
        ] {
            let event = parse(text, false);
            assert!(event.is_odd && event.commands.iter().any(|own| own == has), "{event:?}");
            assert_eq!((event.kind, event.tool.as_deref()), (Kind::PreToolUse, Some("Bash")));
        }
        assert_eq!(parse(whole.as_bytes(), true).commands.len(), 1);
        let list = br#"["PreToolUse", "/p", "Bash", {"command": "ls"}]"#;
        assert_eq!(parse(list, false).kind, Kind::Other);
        let words =
            br#"{"hook_event_name": "PreToolUse", "tool_name": "Bash", "tool_input": ["rm", "-rf", "~"]}"#;
        assert_eq!((parse(words, false).commands, parse(words, false).kind), (vec![], Kind::PreToolUse));
    }

    #[test]
    fn what_is_not_asked_about_may_be_anything() {
        let big = "1e400";
        let text = pre("ls").replacen('{', &format!("{{\"n\":{big},\"s\":[[[{{}}]]],"), 1);
        assert_eq!(parse(text.as_bytes(), false).commands, ["ls"]);
        for text in ["", "null", "[]", "{", "\0", "{\"hook_event_name\":5}", "\"\\u12"] {
            assert_eq!(parse(text.as_bytes(), false).kind, Kind::Other, "{text}");
        }
    }

    proptest! {
        #[test]
        fn nothing_makes_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400), text in ".*\"command\": ?\".*") {
            let _ = parse(&bytes, false);
            let _ = parse(text.as_bytes(), false);
        }

        #[test]
        fn both_readers_find_the_same_command(command in ".*") {
            let text = pre(&command);
            prop_assert_eq!(parse(text.as_bytes(), false).commands, parse(text.as_bytes(), true).commands);
        }
    }
}
