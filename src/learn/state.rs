//! All that is learned, and the one way in which a call changes it: the fold's, a hook's and a replay's.

use std::collections::{BTreeMap, BTreeSet};

use super::correct::{Corrections, Scored};
use super::need::{Agent, Need};
use super::pattern::{Change, News, Patterns};
use super::streak::{Pace, Streak};
use super::{Form, Item, Number, Observed, Schema, Streaks};
use crate::command::shape::{Category, Outcome};
use crate::model::bytes::{Bytes, put_count};

/// What the parts tell each other while a call is taken in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// A tool was called.
    Executed { is_ok: bool },
    /// A form that this machine had not seen.
    Learned(Form),
    /// A form has begun to take much longer, or much less.
    Shifted(Form, Change),
    /// For a form that failed there was one that others have shown to work.
    Offered(Form, Form),
    /// And it did.
    CameRight(Form),
    /// After a form failed something akin to it has worked.
    Mended(Form),
    /// A form failed in a way that teaches.
    Failed(Form),
    /// The guard had a person asked, or refused.
    Guarded,
    /// The machine is another than it was, or does another kind of work.
    HostChanged,
    /// There is enough for an agent to look at.
    ThresholdReached(Agent),
}

/// All that is learned.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct State {
    pub streaks: Streaks,
    pub patterns: Patterns,
    pub corrections: Corrections,
    pub need: Need,
    pub schema: Schema,
}

impl State {
    /// Takes in one entry of the journal.
    pub fn take(&mut self, item: &Item) -> Vec<Event> {
        match item {
            Item::Call(call) => self.observe(call),
            Item::Said(said) => {
                self.streaks.said(said);
                Vec::new()
            }
            Item::Acked(acked) => {
                self.need.acked(*acked);
                Vec::new()
            }
            Item::Suggested(suggested) => {
                self.need.suggested(*suggested);
                Vec::new()
            }
            Item::Undo(undo) => {
                // What can't be undone was something else in the state that was seen: of a snapshot that is gone.
                let _ = self.schema.undo(undo.event, undo.day);
                Vec::new()
            }
        }
    }

    /// A day has begun, by a clock that is believed: what is done once a day.
    pub fn pass(&mut self, day: u16) {
        self.schema.pass(day);
    }

    /// Takes in a call.
    pub fn observe(&mut self, call: &Observed) -> Vec<Event> {
        let mut events = vec![Event::Executed { is_ok: call.record.outcome == Outcome::Ok }];
        events.extend(self.patterns.learn(call).into_iter().map(|news| match news {
            News::New(key) => Event::Learned(key.form),
            News::Shift(key, change) => Event::Shifted(key.form, change),
        }));
        events.extend(self.corrections.learn(call).into_iter().map(|scored| match scored {
            Scored::Offered(failed, form) => Event::Offered(failed, form),
            Scored::Right(form) => Event::CameRight(form),
            Scored::Mended(failed) => Event::Mended(failed),
        }));
        events.extend(call.judged.iter().filter(|own| own.teaches).map(|own| Event::Failed(own.form)));
        self.streaks.learn(call);
        self.need.hear(&events, &self.patterns, call);
        self.schema.count(call);
        events
    }

    /// Takes in calls of the past, in their order, that were not recorded when they happened. Nothing of it is news, and
    /// where something is known already that is newer.
    pub fn take_in(&mut self, calls: &[Observed]) {
        let mut worked: BTreeMap<(Number, Form), bool> = BTreeMap::new();
        for (key, pattern) in self.patterns.iter() {
            let (runs, failed) = pattern.runs();
            *worked.entry((key.project, key.form)).or_default() |= runs > failed;
        }
        let mut patterns = Patterns::default();
        let mut streaks = Streaks::default();
        for call in calls {
            patterns.learn(call);
            streaks.learn(call);
            self.corrections.learn(call);
        }
        self.schema.take_in(calls);
        self.patterns.take_in(patterns);
        self.streaks.take_in_paces(&streaks);
        for (key, older) in streaks.iter() {
            match worked.get(key) {
                // It has worked since.
                Some(true) => {}
                Some(false) | None => self.streaks.take_in(*key, older),
            }
        }
    }

    /// Takes in what a hook needs to know of an entry.
    pub fn follow(&mut self, item: &Item) {
        match item {
            Item::Call(call) => self.streaks.learn(call),
            Item::Said(said) => self.streaks.said(said),
            Item::Acked(_) | Item::Suggested(_) => {}
            Item::Undo(_) => {}
        }
    }

    /// How many rows there are that a hook may have something to say of.
    #[must_use]
    pub fn hint_rows(&self) -> usize {
        self.streaks.iter().count() + self.corrections.shown_rows()
    }

    /// These rows in `count` parts, by what `part` says of each form.
    #[must_use]
    pub fn split(&self, count: usize, part: impl Fn(Number, &Form) -> usize) -> Vec<Self> {
        let mut parts = vec![Self::default(); count];
        for (key, streak) in self.streaks.iter() {
            parts[part(key.0, &key.1)].streaks.put(*key, streak.clone());
        }
        let mut corrections = vec![Corrections::default(); count];
        self.corrections.split(&mut corrections, part);
        parts.iter_mut().zip(corrections).for_each(|(part, own)| part.corrections = own);
        parts
    }

    /// Takes in the rows of another part.
    pub fn join(&mut self, other: Self) {
        other.streaks.iter().for_each(|(key, streak)| self.streaks.put(*key, streak.clone()));
        self.corrections.join(other.corrections);
    }

    /// What is dated `future` or later was done today.
    pub fn date_back(&mut self, future: u16, today: u16) {
        self.streaks.date_back(future, today);
        self.patterns.date_back(future, today);
        self.corrections.date_back(future, today);
        self.need.date_back(future, today);
        self.schema.date_back(future, today);
    }

    /// Forgets what is older than `days` days, and the oldest of what is too much.
    pub fn expire(&mut self, today: u16, days: u16) {
        self.streaks.expire(today, days);
        self.patterns.expire(today, days);
        self.corrections.expire(today, days);
        self.need.expire(today, days);
        self.schema.expire(today, days);
    }

    /// Forgets what is known of the forms, or of the projects, for which `is_meant` says so. The counts of the
    /// schema know neither: those of a category go, with its history, once nothing else is known of its forms.
    pub fn forget(&mut self, mut is_meant: impl FnMut(Number, &Form) -> bool) {
        let categories = |patterns: &Patterns| {
            let of = |form: &Form| form.wrapper.category().unwrap_or_else(|| form.category());
            patterns.iter().map(|(key, _)| of(&key.form)).collect::<BTreeSet<Category>>()
        };
        let (before, count) = (categories(&self.patterns), self.patterns.len());
        self.streaks.retain(|(project, form), _| !is_meant(*project, form));
        self.patterns.retain(|key, _| !is_meant(key.project, &key.form));
        self.corrections.retain(|project, form| !is_meant(project, form));
        if self.patterns.len() != count {
            self.need.forget();
        }
        let left = categories(&self.patterns);
        let is_all = left.is_empty() && !before.is_empty();
        self.schema.forget(|category| is_all || (before.contains(&category) && !left.contains(&category)));
    }

    /// Whether anything is known of some forms.
    pub fn knows(&self, is_meant: impl Fn(&Form) -> bool) -> bool {
        self.patterns.iter().any(|(key, _)| is_meant(&key.form))
            || self.streaks.iter().any(|((_, form), _)| is_meant(form))
            || self.corrections.iter().any(|(_, failed, form, _)| is_meant(&failed) || is_meant(&form))
    }

    /// Forgets all that is known of a project.
    pub fn forget_project(&mut self, project: Number) {
        self.forget(|own, _| own == project);
        self.corrections.forget_project(project);
        self.streaks.forget_pace(project);
    }

    /// Its bytes.
    pub fn encode(&self, bytes: &mut Vec<u8>) {
        put_count(bytes, self.streaks.iter().count());
        for ((project, form), streak) in self.streaks.iter() {
            bytes.extend(project.0.to_le_bytes());
            form.encode(bytes);
            streak.encode(bytes);
        }
        put_count(bytes, self.streaks.paces().len());
        for (project, pace) in self.streaks.paces() {
            bytes.extend(project.0.to_le_bytes());
            pace.encode(bytes);
        }
        self.patterns.encode(bytes);
        self.corrections.encode(bytes);
        self.need.encode(bytes);
        self.schema.encode(bytes);
    }

    /// What [`Self::encode`] has written; `None` for anything else.
    pub fn decode(rest: &mut Bytes<'_>) -> Option<Self> {
        let mut streaks = Streaks::default();
        for _ in 0..rest.count(12)? {
            let key = (Number(rest.u16()?), Form::decode(rest)?);
            streaks.put(key, Streak::decode(rest)?);
        }
        for _ in 0..rest.count(5)? {
            let project = Number(rest.u16()?);
            streaks.put_pace(project, Pace::decode(rest)?);
        }
        let patterns = Patterns::decode(rest)?;
        let corrections = Corrections::decode(rest)?;
        let need = Need::decode(rest)?;
        Some(Self { streaks, patterns, corrections, need, schema: Schema::decode(rest)? })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::learn::observed::tests::call;
    use crate::model::properties::few;

    const LINES: &[&str] = &[
        "pytest -x",
        "uv run pytest",
        "npm test",
        "git push --force",
        "cd x && npm ci && npm test",
        "sbatch --gpus=1 a.sh",
        "module load gcc",
        "pip install x",
        "pip3 install x",
        "python3 a.py",
        "ls",
        "frobnicate",
    ];

    /// Counts know no projects: a category goes with the last of its forms.
    #[test]
    fn a_category_is_forgotten_with_the_last_of_its_forms() {
        let mut state = State::default();
        for (line, project) in [("pytest -x", 1), ("npm test", 2), ("git status", 1), ("sbatch a.sh", 2)] {
            state.observe(&call(line, None, (project, 1)));
        }
        let commands = |state: &mut State, project| {
            state.forget(|own, _| own == Number(project));
            state.schema.commands(20_000)
        };
        assert_eq!(commands(&mut state, 3), 4);
        assert_eq!(commands(&mut state, 1), 3, "of git there is nothing else");
        assert_eq!(commands(&mut state, 2), 0);
        assert!(state.schema.is_empty());
    }

    /// Whatever happened: what is kept is what there was, and forgetting all of it leaves nothing.
    #[test]
    fn what_is_kept_is_what_there_was() {
        few(
            4,
            prop::collection::vec(
                (0..LINES.len(), 0..6_u16, 0..3_u16, any::<bool>(), 0..40_u16, 0..20_u8),
                0..120,
            ),
            |calls| {
                let mut state = State::default();
                for (line, session, project, is_ok, day, duration) in calls {
                    let text = if is_ok { None } else { Some("sh: 1: command not found") };
                    let mut call = call(LINES[line], text, (project, session));
                    call.record.day = 20_000 + day;
                    call.record.duration = duration;
                    prop_assert_eq!(call.record.outcome == Outcome::Ok, is_ok);
                    state.pass(call.record.day);
                    state.observe(&call);
                }
                let mut bytes = Vec::new();
                state.encode(&mut bytes);
                let mut rest = Bytes(&bytes);
                let read = State::decode(&mut rest);
                prop_assert!(rest.is_empty());
                prop_assert_eq!(read.as_ref(), Some(&state));
                // Some sixty of the places to break off at: thousands of runs see all kinds.
                for at in (0..bytes.len()).step_by(1 + bytes.len() / 64) {
                    let _ = State::decode(&mut Bytes(&bytes[..at]));
                }
                state.forget(|project, _| project == Number(1));
                let none_left = state.patterns.iter().all(|(key, _)| key.project != Number(1))
                    && state.streaks.iter().all(|((project, _), _)| *project != Number(1))
                    && state.corrections.iter().all(|(project, ..)| project != Number(1));
                prop_assert!(none_left);
                state.pass(20_100);
                state.expire(20_100, 30);
                prop_assert!(state.schema.seen(20_100).is_empty() && state.schema.commands(20_100) == 0);
                prop_assert!(state.patterns.is_empty() && state.streaks.iter().next().is_none());
                prop_assert!(state.corrections.iter().next().is_none());
                Ok(())
            },
        );
    }
}
