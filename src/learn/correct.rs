//! What worked after something failed.
//!
//! Every failure opens a window of a few calls of its session. What succeeds in it, and is akin to what failed, is
//! evidence; what two other sessions have shown is offered, at first only on paper: each offer is scored by what the
//! session then did by itself. Shown it is once a project's own score says that it is worth it. (Over seven real
//! traces, 22 of 34 were right, but 15 of these the model did at once without being told.)

use std::collections::BTreeMap;

use super::judge::may_be_mended;
use super::{Form, Judged, Number, Observed};
use crate::command::shape::{Category, Wrapper};
use crate::model::bytes::{Bytes, put_count};

/// A window is so many shell calls.
pub const CALLS_MAX: u8 = 5;
/// What as many other sessions have shown is offered.
const SESSIONS_MIN: usize = 2;
const SESSIONS_MAX: usize = 4;
/// So many forms are remembered for one that failed.
const CORRECTIONS_MAX: usize = 8;
/// More forms that failed than this, and the oldest go.
const ROWS_MAX: usize = 5_000;
/// More sessions with open windows than this, and the smallest numbers go.
const OPEN_MAX: usize = 500;

/// A project's offers are shown from so many on …
const OFFERS_MIN: u32 = 20;
/// … if, as sure as a Wilson bound of 95 % can be, so many of them are right …
const PRECISION_MIN: f64 = 0.6;
/// … and so many of the right ones were not done at once anyway.
const LATER_MIN: f64 = 1.0 / 3.0;

/// What worked, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Correction {
    form: Form,
    sessions: Vec<Number>,
    day: u16,
}

/// A failure that may still be mended.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Open {
    project: Number,
    failed: Form,
    /// How many calls came since.
    calls: u8,
    /// What was offered, on paper or in fact; `None` when nothing was, or it has come right.
    offered: Option<Form>,
    /// What prepares and has worked since.
    steps: Vec<Form>,
    /// Whether something that corrects it has worked since.
    is_mended: bool,
}

/// How offers did in one project.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Shadow {
    pub offers: u32,
    pub right: u32,
    /// Of these, those that came at the second call or later.
    pub later: u32,
}

impl Shadow {
    /// Whether offers are shown.
    #[must_use]
    pub fn is_armed(&self) -> bool {
        self.offers >= OFFERS_MIN
            && wilson(self.right, self.offers) >= PRECISION_MIN
            && f64::from(self.later) >= f64::from(self.right) * LATER_MIN
    }

    /// Why offers are not shown; `None` when they are.
    #[must_use]
    pub fn why_not(&self) -> Option<&'static str> {
        if self.is_armed() {
            None
        } else if self.offers < OFFERS_MIN {
            Some("fewer than 20 were made")
        } else if wilson(self.right, self.offers) < PRECISION_MIN {
            Some("it is not certain that 60 % of them are right")
        } else {
            Some("two of three that were right were done at once anyway")
        }
    }
}

/// The lower end of Wilson's interval of 95 % for a share.
/// (E. B. Wilson, Probable inference, the law of succession, and statistical inference, 1927.)
#[must_use]
pub fn wilson(right: u32, of: u32) -> f64 {
    const Z: f64 = 1.96;
    if of == 0 {
        return 0.0;
    }
    let (of, share) = (f64::from(of), f64::from(right) / f64::from(of));
    let middle = share + Z * Z / (2.0 * of);
    let reach = Z * (share * (1.0 - share) / of + Z * Z / (4.0 * of * of)).sqrt();
    (middle - reach) / (1.0 + Z * Z / of)
}

/// How an offer came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scored {
    /// For the first form, the second was offered.
    Offered(Form, Form),
    Right(Form),
    /// Something has worked that could have been offered.
    Mended(Form),
}

/// What corrects what, with the score of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Corrections {
    rows: BTreeMap<(Number, Form), Vec<Correction>>,
    open: BTreeMap<Number, Vec<Open>>,
    shadow: BTreeMap<Number, Shadow>,
}

impl Corrections {
    /// Takes in a call; what was offered for it, and what came right by it.
    pub fn learn(&mut self, call: &Observed) -> Vec<Scored> {
        let Observed { record, project, session, judged } = call;
        if !project.is_known() || !session.is_known() || record.shape.is_none() {
            return Vec::new();
        }
        let mut scored = self.mend(call);
        for own in judged.iter().filter(|own| !own.is_ok && may_be_mended(&own.form, record.error)) {
            let offered = self.offer(*project, *session, own.form);
            if let Some(form) = offered {
                self.shadow.entry(*project).or_default().offers += 1;
                scored.push(Scored::Offered(own.form, form));
            }
            let open = Open {
                project: *project,
                failed: own.form,
                calls: 0,
                offered,
                steps: Vec::new(),
                is_mended: false,
            };
            self.open.entry(*session).or_default().push(open);
        }
        if self.open.len() > OPEN_MAX {
            self.open.pop_first();
        }
        scored
    }

    /// What a call does to the windows of its session.
    fn mend(&mut self, call: &Observed) -> Vec<Scored> {
        let Observed { record, project, session, judged } = call;
        let mut scored = Vec::new();
        let mut learned = Vec::new();
        let worked: Vec<Form> = judged.iter().filter(|own| own.is_ok).map(|own| own.form).collect();
        let windows = self.open.get_mut(session).map(std::mem::take).unwrap_or_default();
        let mut left = Vec::new();
        for mut open in windows {
            open.calls += 1;
            if let Some(offered) = open.offered.filter(|offered| worked.contains(offered)) {
                let shadow = self.shadow.entry(open.project).or_default();
                shadow.right += 1;
                shadow.later += u32::from(open.calls > 1);
                scored.push(Scored::Right(offered));
                open.offered = None;
            }
            let works_again = worked.contains(&open.failed);
            let from = learned.len();
            if works_again {
                learned.extend(open.steps.iter().map(|step| (open.failed, *step)));
            } else {
                let akin = worked.iter().filter(|form| corrects(&open.failed, form));
                learned.extend(akin.map(|form| (open.failed, *form)));
                let steps = worked.iter().filter(|form| prepares(form) && may_be_said(form));
                open.steps.extend(steps);
                open.steps.truncate(CORRECTIONS_MAX);
            }
            if learned.len() > from && !open.is_mended {
                scored.push(Scored::Mended(open.failed));
                open.is_mended = true;
            }
            if !works_again && open.calls < CALLS_MAX {
                left.push(open);
            }
        }
        if left.is_empty() {
            self.open.remove(session);
        } else {
            self.open.insert(*session, left);
        }
        for (failed, form) in learned {
            for key in [failed, failed.without_flags()] {
                self.note((*project, key), form, *session, record.day);
            }
        }
        scored
    }

    fn note(&mut self, key: (Number, Form), form: Form, session: Number, day: u16) {
        let row = self.rows.entry(key).or_default();
        let at = row.iter().position(|own| own.form == form).unwrap_or_else(|| {
            row.push(Correction { form, sessions: Vec::new(), day });
            row.len() - 1
        });
        let own = &mut row[at];
        own.day = own.day.max(day);
        own.sessions.retain(|other| *other != session);
        own.sessions.push(session);
        let surplus = own.sessions.len().saturating_sub(SESSIONS_MAX);
        own.sessions.drain(..surplus);
        if row.len() > CORRECTIONS_MAX {
            let fewest = (0..row.len() - 1).min_by_key(|at| (row[*at].sessions.len(), row[*at].day));
            fewest.map(|at| row.remove(at));
        }
    }

    /// What other sessions have shown to work where this form failed.
    #[must_use]
    pub fn offer(&self, project: Number, session: Number, failed: Form) -> Option<Form> {
        let others = |own: &Correction| own.sessions.iter().filter(|other| **other != session).count();
        [failed, failed.without_flags()].iter().find_map(|key| {
            let row = self.rows.get(&(project, *key))?;
            let shown = row.iter().filter(|own| others(own) >= SESSIONS_MIN && own.form != failed);
            shown.max_by_key(|own| (others(own), own.day)).map(|own| own.form)
        })
    }

    /// How offers did, by project.
    pub fn shadows(&self) -> impl Iterator<Item = (Number, Shadow)> {
        self.shadow.iter().map(|(project, shadow)| (*project, *shadow))
    }

    /// Whether a project's offers are shown.
    #[must_use]
    pub fn is_armed(&self, project: Number) -> bool {
        self.shadow.get(&project).is_some_and(Shadow::is_armed)
    }

    /// What is known to correct what: project, what failed, what worked, in how many sessions.
    pub fn iter(&self) -> impl Iterator<Item = (Number, Form, Form, usize)> {
        let one = |((project, failed), row): (&(Number, Form), &Vec<Correction>)| {
            let (project, failed) = (*project, *failed);
            row.iter().map(move |own| (project, failed, own.form, own.sessions.len())).collect::<Vec<_>>()
        };
        self.rows.iter().flat_map(one)
    }

    /// How many forms there is something to offer for.
    #[must_use]
    pub fn shown_rows(&self) -> usize {
        self.rows.keys().filter(|(project, _)| self.is_armed(*project)).count()
    }

    /// Puts what may be shown of each form into the part that `part` says.
    pub fn split(&self, parts: &mut [Self], part: impl Fn(Number, &Form) -> usize) {
        for ((project, failed), row) in &self.rows {
            let Some(shadow) = self.shadow.get(project).filter(|shadow| shadow.is_armed()) else { continue };
            let part = &mut parts[part(*project, failed)];
            part.rows.insert((*project, *failed), row.clone());
            part.shadow.insert(*project, *shadow);
        }
    }

    /// Takes in the rows of another part.
    pub fn join(&mut self, other: Self) {
        self.rows.extend(other.rows);
        self.shadow.extend(other.shadow);
    }

    /// Forgets those for which `keep` says no: of a project, what failed and what worked.
    pub fn retain(&mut self, mut keep: impl FnMut(Number, &Form) -> bool) {
        self.rows.retain(|(project, failed), row| {
            row.retain(|own| keep(*project, &own.form));
            !row.is_empty() && keep(*project, failed)
        });
        for windows in self.open.values_mut() {
            windows.retain(|own| keep(own.project, &own.failed));
            for own in windows {
                own.offered = own.offered.filter(|form| keep(own.project, form));
                own.steps.retain(|form| keep(own.project, form));
            }
        }
        self.open.retain(|_, windows| !windows.is_empty());
    }

    /// Forgets all of a project, and how offers did there.
    pub fn forget_project(&mut self, project: Number) {
        self.retain(|own, _| own != project);
        self.shadow.remove(&project);
    }

    /// What is dated `future` or later was done today.
    pub fn date_back(&mut self, future: u16, today: u16) {
        let all = self.rows.values_mut().flatten();
        all.filter(|own| own.day >= future).for_each(|own| own.day = today);
    }

    /// Forgets what was not seen for `days` days, and the oldest of what is too much.
    pub fn expire(&mut self, today: u16, days: u16) {
        let last = |row: &[Correction]| row.iter().map(|own| own.day).max().unwrap_or_default();
        for row in self.rows.values_mut() {
            row.retain(|own| today.saturating_sub(own.day) < days);
        }
        self.rows.retain(|_, row| !row.is_empty());
        if self.rows.len() > ROWS_MAX {
            let mut ages: Vec<u16> = self.rows.values().map(|row| last(row)).collect();
            ages.sort_unstable();
            let oldest = ages[ages.len() - ROWS_MAX];
            self.rows.retain(|_, row| last(row) > oldest);
        }
    }

    /// Their bytes.
    pub fn encode(&self, bytes: &mut Vec<u8>) {
        put_count(bytes, self.rows.len());
        for ((project, failed), row) in &self.rows {
            bytes.extend(project.0.to_le_bytes());
            failed.encode(bytes);
            put_count(bytes, row.len());
            for Correction { form, sessions, day } in row {
                form.encode(bytes);
                bytes.extend(day.to_le_bytes());
                put_count(bytes, sessions.len());
                sessions.iter().for_each(|session| bytes.extend(session.0.to_le_bytes()));
            }
        }
        put_count(bytes, self.open.len());
        for (session, windows) in &self.open {
            bytes.extend(session.0.to_le_bytes());
            put_count(bytes, windows.len());
            for Open { project, failed, calls, offered, steps, is_mended } in windows {
                bytes.extend(project.0.to_le_bytes());
                failed.encode(bytes);
                bytes.extend([*calls, u8::from(offered.is_some()), u8::from(*is_mended)]);
                offered.iter().for_each(|form| form.encode(bytes));
                put_count(bytes, steps.len());
                steps.iter().for_each(|form| form.encode(bytes));
            }
        }
        put_count(bytes, self.shadow.len());
        for (project, Shadow { offers, right, later }) in &self.shadow {
            bytes.extend(project.0.to_le_bytes());
            [offers, right, later].iter().for_each(|number| bytes.extend(number.to_le_bytes()));
        }
    }

    /// What [`Self::encode`] has written; `None` for anything else.
    pub fn decode(rest: &mut Bytes<'_>) -> Option<Self> {
        let mut own = Self::default();
        for _ in 0..rest.count(11)? {
            let key = (Number(rest.u16()?), Form::decode(rest)?);
            let mut row = Vec::new();
            for _ in 0..rest.count(11)? {
                let (form, day) = (Form::decode(rest)?, rest.u16()?);
                let sessions = (0..rest.count(2)?).map(|_| rest.u16().map(Number)).collect::<Option<_>>()?;
                row.push(Correction { form, sessions, day });
            }
            own.rows.insert(key, row);
        }
        for _ in 0..rest.count(6)? {
            let session = Number(rest.u16()?);
            let mut windows = Vec::new();
            for _ in 0..rest.count(14)? {
                let (project, failed) = (Number(rest.u16()?), Form::decode(rest)?);
                let (calls, has_offer, is_mended) = (rest.byte()?, rest.byte()? == 1, rest.byte()? == 1);
                let offered = if has_offer { Some(Form::decode(rest)?) } else { None };
                let steps = (0..rest.count(5)?).map(|_| Form::decode(rest)).collect::<Option<_>>()?;
                windows.push(Open { project, failed, calls, offered, steps, is_mended });
            }
            own.open.insert(session, windows);
        }
        for _ in 0..rest.count(14)? {
            let project = Number(rest.u16()?);
            let shadow = Shadow { offers: rest.u32()?, right: rest.u32()?, later: rest.u32()? };
            own.shadow.insert(project, shadow);
        }
        Some(own)
    }
}

/// Whether one form may be what was meant by another that failed.
fn corrects(failed: &Form, form: &Form) -> bool {
    let is_akin = failed.tool == form.tool || (failed.category() == form.category() && !is_general(form));
    form != failed && is_akin && may_be_said(form)
}

/// What makes something else possible.
fn prepares(form: &Form) -> bool {
    matches!(form.category(), Category::PackageManagement | Category::Environment)
}

/// Categories of programs that have nothing in common but that they are in it.
fn is_general(form: &Form) -> bool {
    matches!(
        form.category(),
        Category::Other
            | Category::LocalProgram
            | Category::Shell
            | Category::Language
            | Category::SystemAdmin
    )
}

/// Not what only looks, and not what loses something, ends something, or goes around a protection.
fn may_be_said(form: &Form) -> bool {
    let only_looks = matches!(
        form.category(),
        Category::Search
            | Category::FileInspection
            | Category::TextProcessing
            | Category::Documentation
            | Category::Process
            | Category::Shell
            | Category::Other
    );
    let is_harsh = form.words().any(|word| HARSH.contains(&word));
    !only_looks && !is_harsh && !matches!(form.wrapper, Wrapper::Privilege | Wrapper::Shielded)
}

/// Programs, subcommands and flags that a person asks for, and nobody suggests.
const HARSH: &[&str] = &[
    "rm",
    "rmdir",
    "shred",
    "dd",
    "kill",
    "killall",
    "pkill",
    "truncate",
    "unlink",
    "mkfs",
    "reset",
    "commit",
    "drop",
    "clean",
    "prune",
    "purge",
    "delete",
    "destroy",
    "push",
    "publish",
    "force",
    "hard",
    "no-verify",
    "yes",
    "scancel",
    "remove",
    "uninstall",
    "restore",
    "checkout",
    "rebase",
];

impl Judged {
    /// A command that succeeded, and so teaches nothing but that.
    #[must_use]
    pub fn well(form: Form) -> Self {
        Self { form, is_ok: true, teaches: false }
    }
}
