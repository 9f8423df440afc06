//! What a hook answers, in the client's own contract: nothing at all, or one JSON object.

use serde_json::json;

use super::event::Kind;

/// What is to be said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Nothing: empty output, which changes nothing.
    Silent,
    /// Text for the model.
    Context(String),
    /// The person is asked, with this reason.
    Ask(String),
    /// The tool does not run, for this reason.
    Deny(String),
}

/// More than this a hook never adds to a conversation.
pub const CONTEXT_CHARS_MAX: usize = 400;

/// The answer's text; empty for silence. A decision that the event has no form for is silence: a
/// wrong form would void the answer.
#[must_use]
pub fn text(kind: Kind, decision: &Decision) -> String {
    let name = kind.name();
    let output = match (decision, kind) {
        (Decision::Silent, _) | (_, Kind::Other | Kind::SessionEnd) => return String::new(),
        (Decision::Ask(reason), Kind::PreToolUse) => {
            json!({"hookEventName": name, "permissionDecision": "ask", "permissionDecisionReason": reason})
        }
        (Decision::Deny(reason), Kind::PreToolUse) => {
            json!({"hookEventName": name, "permissionDecision": "deny", "permissionDecisionReason": reason})
        }
        (Decision::Context(text), _) => {
            let text: String = text.chars().take(CONTEXT_CHARS_MAX).collect();
            json!({"hookEventName": name, "additionalContext": text})
        }
        (Decision::Ask(_) | Decision::Deny(_), _) => return String::new(),
    };
    json!({"hookSpecificOutput": output}).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_nothing_or_one_object_of_the_clients_form() {
        assert_eq!(text(Kind::PreToolUse, &Decision::Silent), "");
        assert_eq!(text(Kind::Other, &Decision::Context("x".into())), "");
        assert_eq!(text(Kind::PostToolUse, &Decision::Deny("x".into())), "");
        assert_eq!(
            text(Kind::PreToolUse, &Decision::Ask("why".into())),
            r#"{"hookSpecificOutput":{"hookEventName":"PreToolUse","permissionDecision":"ask","permissionDecisionReason":"why"}}"#
        );
        let long = text(Kind::SessionStart, &Decision::Context("ü".repeat(1_000)));
        assert_eq!(long.matches('ü').count(), CONTEXT_CHARS_MAX);
    }
}
