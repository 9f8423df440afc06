//! What the checks of profiles say of things that no profile declares: for `cs doctor`, which looks at
//! whatever is there.

use super::client::{EVENTS, TOOL_EVENTS, nested, settings};
use super::frontmatter::Of;
use super::{frontmatter, rules, suggest};

pub use super::frontmatter::{Flaw, FlawKind, Judged};
pub use super::rules::Slip;
pub use super::script::{Interpreter, is_program};

/// How far from a known name an unknown one is still taken for a slip.
const SLIP_EDITS_MAX: usize = 2;

/// What the client makes of an agent's frontmatter.
#[must_use]
pub fn agent(text: &str) -> Judged {
    frontmatter::judge(Of::Agent, text)
}

/// What the client makes of a skill's frontmatter.
#[must_use]
pub fn skill(text: &str) -> Judged {
    frontmatter::judge(Of::Skill, text)
}

/// What is clearly wrong with a permission rule.
#[must_use]
pub fn rule(rule: &str) -> Option<Slip> {
    rules::slip(rule)
}

/// Whether the client fires an event of this name.
#[must_use]
pub fn is_event(name: &str) -> bool {
    EVENTS.contains(&name)
}

/// The event that was probably meant.
#[must_use]
pub fn event_meant(name: &str) -> Option<&'static str> {
    suggest::nearest(name, EVENTS)
}

/// Whether an event is about a tool: only there the client looks at matchers for tools, and at `if`.
#[must_use]
pub fn is_tool_event(name: &str) -> bool {
    TOOL_EVENTS.contains(&name)
}

/// The tool that was probably meant by a name which is none, because of its capitals only.
#[must_use]
pub fn tool_meant(name: &str) -> Option<&'static str> {
    let known = rules::TOOLS.iter().copied();
    known.clone().find(|tool| tool.eq_ignore_ascii_case(name)).filter(|tool| *tool != name)
}

/// The setting that was probably meant by a name which is none.
#[must_use]
pub fn setting_meant(name: &str) -> Option<&'static str> {
    if name.len() <= SLIP_EDITS_MAX || settings().any(|known| known == name) {
        return None;
    }
    suggest::within(name, settings(), SLIP_EDITS_MAX)
}

/// The same in a table of the settings, at its pointer.
#[must_use]
pub fn nested_setting_meant(pointer: &[String], name: &str) -> Option<&'static str> {
    let known = nested(pointer)?;
    if name.len() <= SLIP_EDITS_MAX || known.clone().any(|known| known == name) {
        return None;
    }
    suggest::within(name, known, SLIP_EDITS_MAX)
}

/// The one of `known` that was probably meant.
#[must_use]
pub fn meant<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    suggest::nearest(name, known)
}
