//! What a hook has of the store: opened once, and only as far as it is needed.

use super::event::Event;
use crate::crypto::Ring;
use crate::knowledge::journal::{self, Journal, Kept};
use crate::knowledge::numbers;
use crate::knowledge::{HostFolder, KeyError, Learning, hints};
use crate::learn::need::{Agent, Report, Suggested};
use crate::learn::{Form, Item, Number, Observed, Said, State, Streak};
use crate::sys::fs::Stat;

/// What there is to say before a form.
#[derive(Debug, Clone)]
pub enum Before {
    /// It failed in session after session of this project.
    Here(Form, Streak),
    /// It did on other machines, one for each session.
    Elsewhere(Form, Streak),
}

/// The store of this host, and the numbers of the session that is going on.
pub struct Recall {
    host: HostFolder,
    ring: (Ring, Stat),
    pub project: Number,
    pub session: Number,
    now: u64,
}

impl Recall {
    /// Opens it; `None` where nothing is recorded on this machine.
    ///
    /// # Errors
    /// When something is there and can't be read.
    pub fn open(learning: &Learning, event: &Event, now: u64) -> Result<Option<Self>, KeyError> {
        let Some(host) = learning.known_host()? else { return Ok(None) };
        let ring = host.ring_with_stat()?;
        let names = event.project().zip(event.session.as_deref());
        // Without numbers the call is recorded all the same.
        let numbers = names.and_then(|names| numbers::of(&host, &ring.0, names, now).ok());
        let (project, session) = numbers.unwrap_or((Number::UNKNOWN, Number::UNKNOWN));
        Ok(Some(Self { host, ring, project, session, now }))
    }

    /// Records a call.
    ///
    /// # Errors
    /// When it could not be written; then it was not acknowledged.
    pub fn record(self, call: Observed) -> Result<Kept, KeyError> {
        journal::record_with(&self.host, self.ring, Journal::Patterns, &Item::Call(call).encode(), self.now)
    }

    /// What is known of some forms in this project.
    fn known(&self, forms: &[Form]) -> Option<State> {
        if !self.project.is_known() || !self.session.is_known() || forms.is_empty() {
            return None;
        }
        hints::known(&self.host, &self.ring.0, self.project, forms, self.now).ok()
    }

    /// What the session should be told before it runs these, and was not told yet. That it is, is recorded first:
    /// what can't be would be said again and again.
    #[must_use]
    pub fn before(self, forms: &[Form], sessions_min: usize) -> Option<Before> {
        let known = self.known(forms)?;
        let here = known.streaks.before(self.project, self.session, forms, sessions_min);
        let here = here.map(|(form, streak)| (form, Before::Here(form, streak.clone())));
        let elsewhere = || {
            let (form, told) = known.streaks.elsewhere(self.project, self.session, forms)?;
            Some((form, Before::Elsewhere(form, told.clone())))
        };
        let (form, before) = here.or_else(elsewhere)?;
        let said = Item::Said(Said { project: self.project, session: self.session, form, day: self.today() });
        let kept = journal::record_with(&self.host, self.ring, Journal::Patterns, &said.encode(), self.now);
        matches!(kept, Ok(Kept::Written { .. })).then_some(before)
    }

    /// The agents that have something to look at, of those that are installed, if the session was not told yet.
    #[must_use]
    pub fn due(&self, installed: &[Agent]) -> Option<Vec<Report>> {
        if !self.session.is_known() {
            return None;
        }
        let is_meant = |agent| installed.contains(&agent);
        let due = hints::due(&self.host, &self.ring.0, self.session, is_meant, self.now).ok()?;
        (!due.is_empty()).then_some(due)
    }

    /// Records that the session is told of them; whether that worked out, as what was not would be said again and
    /// again.
    #[must_use]
    pub fn suggested(self, due: &[Report]) -> bool {
        let agents = due.iter().fold(0, |set, report| set | report.agent.bit());
        let told = Item::Suggested(Suggested { agents, session: self.session, day: self.today() });
        let kept = journal::record_with(&self.host, self.ring, Journal::Patterns, &told.encode(), self.now);
        matches!(kept, Ok(Kept::Written { .. }))
    }

    fn today(&self) -> u16 {
        u16::try_from(self.now / 86_400).unwrap_or(u16::MAX)
    }

    /// What has worked in other sessions where one of these failed, if that may be said.
    #[must_use]
    pub fn after(&self, failed: &[Form]) -> Option<(Form, Form)> {
        let known = self.known(failed)?;
        let is_armed = known.corrections.is_armed(self.project);
        let offer = |form: &Form| known.corrections.offer(self.project, self.session, *form);
        failed.iter().filter(|_| is_armed).find_map(|form| Some((*form, offer(form)?)))
    }
}
