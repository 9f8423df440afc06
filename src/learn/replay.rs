//! How good hints would have been on calls that happened: what is known at a call is only what came before it.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::{Value, json};

use super::{Event, Form, Number, Said, State, Told, judge};
use crate::command::shape::{ErrorClass, HostType, Outcome};

/// A call of a trace: a line of JSON. What is missing is not known.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Call {
    pub session: String,
    /// Of the session; all of one trace are of one project where it is missing.
    pub project: String,
    pub tool: Option<String>,
    pub command: Option<String>,
    pub ok: Option<bool>,
    pub exit_code: Option<i32>,
    pub duration_ms: Option<u64>,
    /// The beginning of what a call that failed has printed.
    pub error_head: Option<String>,
}

impl Call {
    /// Whether it is what hints are about: a shell command, and how it ended.
    #[must_use]
    pub fn is_shell(&self) -> bool {
        self.command.is_some() && self.ok.is_some() && self.tool.as_deref().is_none_or(|tool| tool == "Bash")
    }
}

/// How a kind of hint did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Score {
    pub shown: u32,
    pub right: u32,
    /// How many could have been right, for who knows what comes.
    pub oracle: u32,
}

impl Score {
    /// For programs; of `calls` calls.
    #[must_use]
    pub fn json(&self, calls: u32, is_on: bool) -> Value {
        let Self { shown, right, oracle } = *self;
        let share = |part: u32, of: u32| (of > 0).then(|| f64::from(part) / f64::from(of));
        json!({"shown": shown, "right": right, "wrong": shown - right, "precision": share(right, shown),
            "recall": share(right, oracle), "per_100_calls": share(shown, calls).map(|share| share * 100.0),
            "oracle": oracle, "on_by_default": is_on})
    }
}

/// A hint that was shown, for who wants to look at each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// Which call it stood before.
    pub at: usize,
    pub form: Form,
    pub class: ErrorClass,
    pub sessions: usize,
    pub is_right: bool,
}

/// What a replay came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    pub calls: u32,
    pub sessions: u32,
    pub failed: u32,
    /// Notes before a command.
    pub streaks: Score,
    /// Offers after a failure, all of them, shown or not.
    pub corrections: Score,
    /// How many of the offers were shown, and how many of these were right.
    pub armed: (u32, u32),
    pub shown: Vec<Shown>,
}

/// Replays calls in their order. `sessions_min`: a streak is as many sessions.
#[must_use]
pub fn replay(calls: &[Call], sessions_min: usize) -> Report {
    let mut report = Report::default();
    let mut state = State::default();
    let mut numbers = (Numbers::default(), Numbers::default());
    // Where each form failed before, for the oracle.
    let mut failed: BTreeMap<(Number, Form), BTreeSet<Number>> = BTreeMap::new();
    for (at, call) in calls.iter().enumerate() {
        let (Some(text), Some(is_ok)) = (&call.command, call.ok) else { continue };
        if !call.is_shell() {
            continue;
        }
        report.calls += 1;
        report.failed += u32::from(!is_ok);
        let (project, session) = (numbers.0.of(&call.project), numbers.1.of(&call.session));
        let forms = judge::forms_of(text);
        if let Some((form, streak)) = state.streaks.before(project, session, &forms, sessions_min) {
            report.streaks.shown += 1;
            report.streaks.right += u32::from(!is_ok);
            let (class, sessions) = (streak.class, streak.sessions.len());
            report.shown.push(Shown { at, form, class, sessions, is_right: !is_ok });
            state.streaks.said(&Said { project, session, form, day: 0 });
        }
        let told = Told {
            tool: "Bash",
            command: Some(text),
            outcome: if is_ok { Outcome::Ok } else { Outcome::Failed },
            printed: call.error_head.as_deref().unwrap_or_default(),
            status: call.exit_code,
            duration_ms: call.duration_ms.unwrap_or_default(),
        };
        let observed = told.observe(HostType::Other, 0, project, session);
        for own in observed.judged.iter().filter(|own| own.teaches) {
            let before = failed.entry((project, own.form)).or_default();
            let is_first = before.insert(session);
            report.streaks.oracle += u32::from(is_first && before.len() > 1);
        }
        let was_armed = state.corrections.is_armed(project);
        let mut came_right = 0;
        for event in state.observe(&observed) {
            match event {
                Event::Offered(..) => {
                    report.corrections.shown += 1;
                    report.armed.0 += u32::from(was_armed);
                }
                Event::CameRight(_) => came_right += 1,
                Event::Mended(_) => report.corrections.oracle += 1,
                _ => {}
            }
        }
        report.corrections.right += came_right;
        report.armed.1 += if was_armed { came_right } else { 0 };
    }
    report.sessions = numbers.1.count();
    report
}

/// Numbers for names, in the order they come.
#[derive(Debug, Default)]
struct Numbers(BTreeMap<String, u16>);

impl Numbers {
    fn of(&mut self, name: &str) -> Number {
        let next = u16::try_from(self.0.len() + 1).unwrap_or(u16::MAX);
        Number(*self.0.entry(name.to_owned()).or_insert(next))
    }

    fn count(&self) -> u32 {
        u32::try_from(self.0.len()).unwrap_or(u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(session: &str, command: &str, error: Option<&str>) -> Call {
        Call {
            session: session.to_owned(),
            command: Some(command.to_owned()),
            ok: Some(error.is_none()),
            error_head: error.map(str::to_owned),
            ..Call::default()
        }
    }

    const GONE: Option<&str> = Some("bash: pytest: command not found");

    #[test]
    fn a_form_that_failed_in_three_sessions_is_told_of_once_in_the_fourth() {
        let mut calls: Vec<Call> = ["a", "b", "c"].map(|session| call(session, "pytest -x", GONE)).into();
        // Twice in one session is once.
        calls.push(call("c", "pytest -x", GONE));
        assert_eq!(replay(&calls, 3).streaks, Score { shown: 0, right: 0, oracle: 2 });
        calls.extend([call("d", "cd y && pytest -x tests", GONE), call("d", "pytest -x", GONE)]);
        let report = replay(&calls, 3);
        assert_eq!(report.streaks, Score { shown: 1, right: 1, oracle: 3 });
        assert_eq!((report.calls, report.failed, report.sessions), (6, 6, 4));
        assert_eq!(report.shown[0].at, 4);
        // Another form is another matter, and so is another project.
        calls[4].command = Some("pytest".to_owned());
        calls[5].project = "other".to_owned();
        assert_eq!(replay(&calls, 3).streaks.shown, 0);
    }

    #[test]
    fn a_success_ends_it() {
        let mut calls: Vec<Call> = ["a", "b", "c"].map(|session| call(session, "pytest", GONE)).into();
        calls.push(call("d", "pytest", None));
        assert_eq!(replay(&calls, 3).streaks, Score { shown: 1, right: 0, oracle: 2 });
        calls.push(call("e", "pytest", GONE));
        assert_eq!(replay(&calls, 3).streaks.shown, 1);
        // A pipeline's end says nothing of its beginning.
        calls[3].command = Some("pytest | tail".to_owned());
        assert_eq!(replay(&calls, 3).streaks, Score { shown: 1, right: 1, oracle: 3 });
    }

    #[test]
    fn a_project_is_told_once_in_a_hundred_calls() {
        for quiet in [0, 10, 90, 250] {
            let mut calls: Vec<Call> = Vec::new();
            for session in 0..60 {
                calls.push(call(&session.to_string(), "pytest", GONE));
                calls.extend((0..quiet).map(|_| call(&session.to_string(), "ls", None)));
            }
            let report = replay(&calls, 3);
            let most = (report.calls / 100).max(1);
            assert!(report.streaks.shown <= most, "{} of {}", report.streaks.shown, report.calls);
            // Each session at most, from the fourth on.
            assert!(report.streaks.shown + 2 >= most.min(57), "{} of {most}", report.streaks.shown);
        }
    }

    #[test]
    fn what_is_missing_is_not_known() {
        let calls: Vec<Call> =
            ["{}", r#"{"command": "ls"}"#, r#"{"ok": true, "tool": "Read", "command": "x"}"#]
                .iter()
                .map(|line| serde_json::from_str(line).expect("a call"))
                .collect();
        assert_eq!(replay(&calls, 3), Report::default());
        let empty = Score::default().json(0, true);
        assert!(empty["precision"].is_null() && empty["per_100_calls"].is_null());
    }
}
