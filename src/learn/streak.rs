//! Forms that failed in session after session, with no success between.
//!
//! Sessions forget; a machine does not. A program that is not installed, an option that this cluster refuses, a test
//! that needs something installed first: each session finds out anew, unless it is told.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Form, Number, Observed, Said};
use crate::command::shape::ErrorClass;
use crate::model::bytes::Bytes;

/// So many sessions are a streak where the profile says nothing.
pub const SESSIONS_MIN: usize = 3;

/// In how many sessions something must have failed before it is told, as `runtime.json` has it.
#[must_use]
pub fn sessions_min(runtime: &Value) -> usize {
    let declared = runtime.pointer("/learning/streak-sessions").and_then(Value::as_u64);
    declared.and_then(|count| usize::try_from(count).ok()).unwrap_or(SESSIONS_MIN)
}

/// So many sessions are remembered of a streak.
pub const SESSIONS_MAX: usize = 4;

/// More streaks than this, and the oldest go.
const ROWS_MAX: usize = 10_000;

/// So many shell calls of a project for each note. Whoever is told at every turn stops listening, however right it is.
const CALLS_PER_NOTE: i16 = 100;
/// So many notes a project can save up for.
const NOTES_SAVED_MAX: i16 = 3;
/// More projects than this, and some begin anew.
const PACES_MAX: usize = 2_000;

/// How soon a project may be told something again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pace {
    /// Shell calls that no note has used up; below zero: those that the first one, which is free, has to wait for.
    credit: i16,
    has_spoken: bool,
}

impl Pace {
    fn may_speak(self) -> bool {
        self.waits() == 0
    }

    /// How many shell calls it takes until the project may be told something again; 0: it may.
    #[must_use]
    pub fn waits(self) -> u32 {
        let left = CALLS_PER_NOTE.saturating_sub(self.credit).max(0);
        if self.has_spoken { u32::from(left.cast_unsigned()) } else { 0 }
    }

    fn call(&mut self, calls: i16) {
        self.credit = self.credit.saturating_add(calls).min(NOTES_SAVED_MAX * CALLS_PER_NOTE);
    }

    fn speak(&mut self) {
        self.credit = self.credit.saturating_sub(CALLS_PER_NOTE);
        self.has_spoken = true;
    }

    /// Its bytes.
    pub fn encode(self, bytes: &mut Vec<u8>) {
        bytes.extend(self.credit.to_le_bytes());
        bytes.push(u8::from(self.has_spoken));
    }

    /// What [`Self::encode`] has written; `None` for anything else.
    pub fn decode(rest: &mut Bytes<'_>) -> Option<Self> {
        let credit = rest.u16()?.cast_signed();
        let has_spoken = match rest.byte()? {
            0 => false,
            1 => true,
            _ => return None,
        };
        Some(Self { credit, has_spoken })
    }
}

/// What a form has been doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Streak {
    /// The last sessions in which it failed, the newest last.
    pub sessions: Vec<Number>,
    /// How it failed the last time.
    pub class: ErrorClass,
    /// When it did: a day since 1970.
    pub day: u16,
    /// The last sessions that were told of it.
    pub said: Vec<Number>,
}

/// The streaks of all projects.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Streaks {
    rows: BTreeMap<(Number, Form), Streak>,
    paces: BTreeMap<Number, Pace>,
}

impl Streaks {
    /// Takes in what became of a call's commands.
    pub fn learn(&mut self, call: &Observed) {
        let Observed { record, project, session, judged } = call;
        if !project.is_known() || !session.is_known() {
            return;
        }
        if record.shape.is_some() {
            self.paces.entry(*project).or_default().call(1);
        }
        for own in judged {
            let key = (*project, own.form);
            if own.is_ok {
                self.rows.remove(&key);
                // It works here, whatever others say.
                self.rows.remove(&(Number::UNKNOWN, own.form));
            } else if own.teaches {
                let streak = self.rows.entry(key).or_insert_with(|| Streak {
                    sessions: Vec::new(),
                    class: record.error,
                    day: record.day,
                    said: Vec::new(),
                });
                streak.class = record.error;
                streak.day = record.day.max(streak.day);
                note(&mut streak.sessions, *session);
            }
        }
    }

    /// The first of these forms that failed in at least `sessions_min` other sessions of the project, and not yet in
    /// this one, where it is known; if it is time for the project to be told something again.
    #[must_use]
    pub fn before(
        &self,
        project: Number,
        session: Number,
        forms: &[Form],
        sessions_min: usize,
    ) -> Option<(Form, &Streak)> {
        let may_speak = self.paces.get(&project).is_none_or(|pace| pace.may_speak());
        forms.iter().filter(|_| may_speak && session.is_known()).find_map(|form| {
            let streak = self.rows.get(&(project, *form))?;
            let is_known_here = streak.sessions.contains(&session) || streak.said.contains(&session);
            (!is_known_here && streak.sessions.len() >= sessions_min).then_some((*form, streak))
        })
    }

    /// The first of these forms that other machines say of that it failed in session after session, if the project
    /// knows nothing of it itself and this session was not told; and what they say: a session stands for a machine.
    #[must_use]
    pub fn elsewhere(&self, project: Number, session: Number, forms: &[Form]) -> Option<(Form, &Streak)> {
        let may_speak = self.paces.get(&project).is_none_or(|pace| pace.may_speak());
        forms.iter().filter(|_| may_speak && session.is_known()).find_map(|form| {
            let told = self.rows.get(&(Number::UNKNOWN, *form))?;
            let own = self.rows.get(&(project, *form));
            let is_known_here =
                own.is_some_and(|own| !own.sessions.is_empty() || own.said.contains(&session));
            (!is_known_here).then_some((*form, told))
        })
    }

    /// Takes in what happened before all that is known of a form.
    pub fn take_in(&mut self, key: (Number, Form), older: &Streak) {
        let Some(own) = self.rows.get_mut(&key) else {
            self.put(key, older.clone());
            return;
        };
        let newer = std::mem::replace(&mut own.sessions, older.sessions.clone());
        newer.into_iter().for_each(|session| note(&mut own.sessions, session));
    }

    /// Takes in calls that came before all that is known.
    pub fn take_in_paces(&mut self, older: &Self) {
        for (project, pace) in &older.paces {
            self.paces.entry(*project).or_default().call(pace.credit);
        }
    }

    /// How soon each project may be told something.
    #[must_use]
    pub fn paces(&self) -> impl ExactSizeIterator<Item = (Number, Pace)> {
        self.paces.iter().map(|(project, pace)| (*project, *pace))
    }

    /// Puts one in the place of what was known of it.
    pub fn put_pace(&mut self, project: Number, pace: Pace) {
        self.paces.insert(project, pace);
    }

    /// Forgets how soon a project may be told something.
    pub fn forget_pace(&mut self, project: Number) {
        self.paces.remove(&project);
    }

    /// Notes that a session was told of a form.
    pub fn said(&mut self, said: &Said) {
        self.paces.entry(said.project).or_default().speak();
        // What only others know of is noted as well: it is said once in a session.
        let nothing =
            || Streak { sessions: Vec::new(), class: ErrorClass::Other, day: said.day, said: Vec::new() };
        let streak = self.rows.entry((said.project, said.form)).or_insert_with(nothing);
        note(&mut streak.said, said.session);
    }

    /// All of them: the project, the form, and what it has been doing.
    pub fn iter(&self) -> impl Iterator<Item = (&(Number, Form), &Streak)> {
        self.rows.iter()
    }

    /// Puts one in the place of what was known of it.
    pub fn put(&mut self, key: (Number, Form), streak: Streak) {
        self.rows.insert(key, streak);
    }

    /// Forgets those for which `keep` says no.
    pub fn retain(&mut self, mut keep: impl FnMut(&(Number, Form), &Streak) -> bool) {
        self.rows.retain(|key, streak| keep(key, streak));
    }

    /// What is dated `future` or later was done today.
    pub fn date_back(&mut self, future: u16, today: u16) {
        self.rows.values_mut().filter(|row| row.day >= future).for_each(|row| row.day = today);
    }

    /// Forgets what did not fail for `days` days, and the oldest of what is too much.
    pub fn expire(&mut self, today: u16, days: u16) {
        self.rows.retain(|_, streak| today.saturating_sub(streak.day) < days);
        while self.paces.len() > PACES_MAX {
            self.paces.pop_first();
        }
        if self.rows.len() > ROWS_MAX {
            let mut ages: Vec<u16> = self.rows.values().map(|streak| streak.day).collect();
            ages.sort_unstable();
            let oldest = ages[ages.len() - ROWS_MAX];
            self.rows.retain(|_, streak| streak.day > oldest);
        }
    }
}

/// The newest last, each once, and no more than are remembered.
fn note(sessions: &mut Vec<Number>, session: Number) {
    if sessions.last() != Some(&session) {
        sessions.retain(|other| *other != session);
        sessions.push(session);
        let surplus = sessions.len().saturating_sub(SESSIONS_MAX);
        sessions.drain(..surplus);
    }
}

impl Streak {
    /// Its bytes.
    pub fn encode(&self, bytes: &mut Vec<u8>) {
        bytes.push(self.class.code());
        bytes.extend(self.day.to_le_bytes());
        for sessions in [&self.sessions, &self.said] {
            bytes.push(u8::try_from(sessions.len()).expect("BUG: they are few"));
            sessions.iter().for_each(|session| bytes.extend(session.0.to_le_bytes()));
        }
    }

    /// What [`Self::encode`] has written; `None` for anything else.
    pub fn decode(rest: &mut Bytes<'_>) -> Option<Self> {
        let class = ErrorClass::from_code(rest.byte()?)?;
        let day = rest.u16()?;
        let mut numbers = || -> Option<Vec<Number>> {
            let count = usize::from(rest.byte()?);
            let numbers = (0..count).map(|_| rest.u16().map(Number)).collect::<Option<_>>()?;
            (count <= SESSIONS_MAX).then_some(numbers)
        };
        Some(Self { class, day, sessions: numbers()?, said: numbers()? })
    }
}
