//! Forms that failed in session after session, with no success between.
//!
//! Sessions forget; a machine does not. A program that is not installed, an option that this cluster refuses, a test
//! that needs something installed first: each session finds out anew, unless it is told.

use std::collections::{BTreeMap, BTreeSet};

use super::{Form, Judged, Number};
use crate::command::shape::ErrorClass;

/// So many sessions are remembered of a streak.
pub const SESSIONS_MAX: usize = 4;

/// What a form has been doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Streak {
    /// The last sessions in which it failed, the newest last.
    pub sessions: Vec<Number>,
    /// How it failed the last time.
    pub class: ErrorClass,
}

/// The streaks of all projects.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Streaks {
    rows: BTreeMap<(Number, Form), Streak>,
    /// What was said already: once for each form and session.
    said: BTreeSet<(Number, Form)>,
}

impl Streaks {
    /// Takes in what became of a line's commands.
    pub fn learn(&mut self, project: Number, session: Number, judged: &[Judged], class: ErrorClass) {
        for own in judged {
            let key = (project, own.form);
            if own.is_ok {
                self.rows.remove(&key);
            } else if own.teaches {
                let streak = self.rows.entry(key).or_insert(Streak { sessions: Vec::new(), class });
                streak.class = class;
                if streak.sessions.last() != Some(&session) {
                    streak.sessions.retain(|other| *other != session);
                    streak.sessions.push(session);
                    let surplus = streak.sessions.len().saturating_sub(SESSIONS_MAX);
                    streak.sessions.drain(..surplus);
                }
            }
        }
    }

    /// The first of these forms that failed in at least `sessions_min` other sessions of the project, and not yet in
    /// this one, where it is known.
    #[must_use]
    pub fn before(
        &self,
        project: Number,
        session: Number,
        forms: &[Form],
        sessions_min: usize,
    ) -> Option<(Form, &Streak)> {
        forms.iter().find_map(|form| {
            let streak = self.rows.get(&(project, *form))?;
            let is_known_here = streak.sessions.contains(&session) || self.said.contains(&(session, *form));
            (!is_known_here && streak.sessions.len() >= sessions_min).then_some((*form, streak))
        })
    }

    /// Notes that a session was told of a form.
    pub fn said(&mut self, session: Number, form: Form) {
        self.said.insert((session, form));
    }
}
