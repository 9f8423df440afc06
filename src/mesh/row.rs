//! The rows that move between hosts: how a form has been doing on one kind of host, day by day, and nothing else.
//!
//! A row has no number of a project or a session in it. All of its bytes are codes of the compiled vocabulary, days and
//! counts, and there is one way to write each:
//!
//! ```text
//! count of rows; then each, in the order of their keys, every key once:
//!   form  category  host type
//!   u32    which days: bit 0 is the bundle's own, bit 1 the one before, …
//!   for each of these, the newest first:   2 × ok, and 1 if any failed;   then   failed  taught
//!   u8     how it failed, 255: nothing to say
//!   u8     the sessions of its streak, 0: none;   then   u8   how many days ago it failed
//! ```
//! Counts take seven bits a byte, the lowest first: most days of most forms are one byte.

use std::collections::BTreeMap;

use crate::command::shape::{Category, ErrorClass, HostType};
use crate::learn::pattern::Day;
use crate::learn::streak::SESSIONS_MAX;
use crate::learn::{Form, Number, State};
use crate::model::bytes::{Bytes, put_count};

/// Counts are kept for so many days, today among them.
pub const WINDOW_DAYS: u16 = 30;

/// No form runs more often than this in a day, with the same end: a host that says so is not counted for more.
pub const COUNT_DAY_MAX: u32 = 100_000;

/// No bundle has more rows: a host that has used 2,000 forms in a month has used many.
pub const ROWS_MAX: usize = 20_000;

/// The fewest bytes of a row: a form without flags, its kind, its days, one of them, its failure and its streak.
const ROW_BYTES_MIN: usize = 14;

const NO_CLASS: u8 = u8::MAX;

/// What a row is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    pub form: Form,
    pub category: Category,
    pub host: HostType,
}

impl Key {
    /// The first key that a form can have.
    #[must_use]
    pub fn first_of(form: Form) -> Self {
        Self { form, category: Category::ALL[0], host: HostType::ALL[0] }
    }
}

/// A form failed in session after session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Streak {
    /// In so many sessions of one project, up to four, and nothing that worked since.
    pub sessions: u8,
    /// When it did the last time: a day since 1970.
    pub day: u16,
}

/// How a form has been doing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Row {
    /// By days since 1970; never empty, and no day without a run.
    pub days: BTreeMap<u16, Day>,
    /// How its streak has failed; without one, how it failed the last time, if it did.
    pub failing: Option<ErrorClass>,
    pub streak: Option<Streak>,
}

/// The rows of one host, each by what it is about.
pub type Rows = BTreeMap<Key, Row>;

/// Why bytes are no rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RowError {
    #[error("it has a word that this cs does not know")]
    Word,
    #[error("its rows are not in their order")]
    Order,
    #[error("it counts what cannot be")]
    Count,
    #[error("it has {0} rows, and {ROWS_MAX} are the most")]
    TooMany(usize),
    #[error("it is about a day that is not its own to tell of")]
    Day,
    #[error("it ends too early")]
    Short,
}

/// Whether a day is one of the `window` days up to `today`.
#[must_use]
pub fn is_within(day: u16, today: u16, window: u16) -> bool {
    day <= today && today - day < window
}

/// The rows of what a host has learned itself, of the days up to `today`. Projects and sessions are summed up and gone.
///
/// A streak is only told where nothing contradicts it: had the form worked in another project on the last day of it or
/// later, whoever reads "nothing that worked since" would be misled.
#[must_use]
pub fn rows_of(state: &State, today: u16) -> Rows {
    let mut rows = Rows::new();
    let mut failing: BTreeMap<Key, (u16, ErrorClass)> = BTreeMap::new();
    let mut worked: BTreeMap<Form, BTreeMap<Number, u16>> = BTreeMap::new();
    for (key, pattern) in state.patterns.iter() {
        let own = Key { form: key.form, category: key.category, host: key.host };
        for (day, counts) in pattern.days.iter().filter(|(day, _)| is_within(**day, today, WINDOW_DAYS)) {
            let Day { ok, failed, taught } = *counts;
            if (ok, failed) == (0, 0) {
                continue;
            }
            let sum = rows.entry(own).or_default().days.entry(*day).or_default();
            sum.ok = sum.ok.saturating_add(ok).min(COUNT_DAY_MAX);
            sum.failed = sum.failed.saturating_add(failed).min(COUNT_DAY_MAX);
            sum.taught = sum.taught.saturating_add(taught);
            if ok > 0 {
                let last = worked.entry(key.form).or_default().entry(key.project).or_default();
                *last = (*last).max(*day);
            }
        }
        if let Some(class) = pattern.failing {
            let last = (pattern.last_day(), class);
            failing.entry(own).and_modify(|known| *known = last.max(*known)).or_insert(last);
        }
    }
    for (key, row) in &mut rows {
        row.failing = failing.get(key).map(|(_, class)| *class);
    }
    put_streaks(state, today, &worked, &mut rows);
    rows
}

/// Each form's longest streak, in the row that it belongs to.
fn put_streaks(state: &State, today: u16, worked: &BTreeMap<Form, BTreeMap<Number, u16>>, rows: &mut Rows) {
    let mut longest: BTreeMap<Form, (u8, u16, ErrorClass)> = BTreeMap::new();
    for ((project, form), streak) in state.streaks.iter() {
        // Within the project it is the streak that knows what came first.
        let contradicts =
            |(own, day): (&Number, &u16)| *day > streak.day || own != project && *day == streak.day;
        let is_contradicted = worked.get(form).is_some_and(|projects| projects.iter().any(contradicts));
        let sessions = u8::try_from(streak.sessions.len().min(SESSIONS_MAX)).expect("BUG: they are few");
        if sessions == 0 || is_contradicted || !is_within(streak.day, today, WINDOW_DAYS) {
            continue;
        }
        let told = (sessions, streak.day, streak.class);
        longest.entry(*form).and_modify(|known| *known = told.max(*known)).or_insert(told);
    }
    for (form, (sessions, day, class)) in longest {
        let of_form = rows.range_mut(Key::first_of(form)..).take_while(|(key, _)| key.form == form);
        let failed_then = |row: &Row| row.days.get(&day).is_some_and(|counts| counts.failed > 0);
        let newest = |row: &Row| row.days.last_key_value().map(|(day, _)| *day);
        // A host may have changed its kind since.
        if let Some((_, row)) = of_form.max_by_key(|(key, row)| (failed_then(row), newest(row), **key)) {
            row.streak = Some(Streak { sessions, day });
            row.failing = Some(class);
        }
    }
}

/// Their bytes in a bundle of `day` that tells of `window` days. Other days are left out.
pub fn encode(rows: &Rows, day: u16, window: u16, bytes: &mut Vec<u8>) {
    let mut told = Vec::new();
    let mut count = 0;
    for (Key { form, category, host }, Row { days, failing, streak }) in rows {
        let days = days.iter().rev().filter(|(own, _)| is_within(**own, day, window));
        let days: Vec<(u16, Day)> = days.map(|(own, counts)| (day - own, *counts)).collect();
        if days.is_empty() {
            continue;
        }
        count += 1;
        form.encode(&mut told);
        told.extend([category.code(), host.code()]);
        told.extend(days.iter().fold(0_u32, |set, (ago, _)| set | 1 << ago).to_le_bytes());
        for (_, Day { ok, failed, taught }) in days {
            put_number(&mut told, u64::from(ok) << 1 | u64::from(failed > 0));
            if failed > 0 {
                put_number(&mut told, failed.into());
                told.push(taught);
            }
        }
        told.push(failing.map_or(NO_CLASS, ErrorClass::code));
        match streak.filter(|streak| is_within(streak.day, day, window)) {
            Some(Streak { sessions, day: last }) => {
                told.extend([sessions, u8::try_from(day - last).expect("BUG: the window is a month")]);
            }
            None => told.push(0),
        }
    }
    put_count(bytes, count);
    bytes.extend(told);
}

/// What [`encode`] has written.
///
/// # Errors
/// For anything else: what is wrong with it.
pub fn decode(rest: &mut Bytes<'_>, day: u16, window: u16) -> Result<Rows, RowError> {
    let mut rows = Rows::new();
    let count = rest.count(ROW_BYTES_MIN).ok_or(RowError::Short)?;
    if count > ROWS_MAX {
        return Err(RowError::TooMany(count));
    }
    for _ in 0..count {
        let form = Form::decode(rest).ok_or(RowError::Word)?;
        let category = Category::from_code(byte(rest)?).ok_or(RowError::Word)?;
        let host = HostType::from_code(byte(rest)?).ok_or(RowError::Word)?;
        let key = Key { form, category, host };
        if rows.last_key_value().is_some_and(|(last, _)| *last >= key) {
            return Err(RowError::Order);
        }
        rows.insert(key, decode_row(rest, day, window)?);
    }
    Ok(rows)
}

fn decode_row(rest: &mut Bytes<'_>, day: u16, window: u16) -> Result<Row, RowError> {
    let set = rest.u32().ok_or(RowError::Short)?;
    let mut row = Row::default();
    for ago in (0..32).filter(|ago| set >> ago & 1 == 1) {
        row.days.insert(told(day, ago, window)?, decode_day(rest)?);
    }
    if row.days.is_empty() {
        return Err(RowError::Count);
    }
    row.failing = match byte(rest)? {
        NO_CLASS => None,
        code => Some(ErrorClass::from_code(code).ok_or(RowError::Word)?),
    };
    let sessions = byte(rest)?;
    if sessions > 0 {
        if usize::from(sessions) > SESSIONS_MAX || row.failing.is_none() {
            return Err(RowError::Count);
        }
        row.streak = Some(Streak { sessions, day: told(day, byte(rest)?.into(), window)? });
    }
    Ok(row)
}

/// The day so long ago, if the bundle may tell of it.
fn told(day: u16, ago: u16, window: u16) -> Result<u16, RowError> {
    day.checked_sub(ago).filter(|_| ago < window).ok_or(RowError::Day)
}

fn decode_day(rest: &mut Bytes<'_>) -> Result<Day, RowError> {
    let packed = number(rest)?;
    let mut day = Day { ok: u32::try_from(packed >> 1).map_err(|_| RowError::Count)?, ..Day::default() };
    if packed & 1 == 1 {
        day.failed = u32::try_from(number(rest)?).map_err(|_| RowError::Count)?;
        day.taught = byte(rest)?;
        if day.failed == 0 {
            return Err(RowError::Count);
        }
    }
    let is_possible = day.ok.max(day.failed) <= COUNT_DAY_MAX && u32::from(day.taught) <= day.failed;
    if is_possible && day != Day::default() { Ok(day) } else { Err(RowError::Count) }
}

fn byte(rest: &mut Bytes<'_>) -> Result<u8, RowError> {
    rest.byte().ok_or(RowError::Short)
}

fn put_number(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push(u8::try_from(number & 0x7f).expect("BUG: seven bits") | 0x80);
        number >>= 7;
    }
    bytes.push(u8::try_from(number).expect("BUG: seven bits"));
}

/// A number in as few bytes as it takes, five at most.
fn number(rest: &mut Bytes<'_>) -> Result<u64, RowError> {
    let mut number = 0;
    for shift in (0..35).step_by(7) {
        let byte = byte(rest)?;
        number |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            // There is one way to write it.
            return if byte == 0 && shift > 0 { Err(RowError::Count) } else { Ok(number) };
        }
    }
    Err(RowError::Count)
}

#[cfg(test)]
pub(super) mod tests;
