//! What a hook may have to say, laid out so that it opens only what it needs.
//!
//! ```text
//! magic, format, epoch, length  17 bytes, in the clear
//! header                        a token: how far into each segment this has read, and what is due
//! count, offsets                of the buckets
//! buckets                       a token each: what is known of a few forms
//! ```
//! Which bucket a form is in follows from a digest under the epoch's key; so neither the file's sizes nor its order
//! say what is in it. Made by every fold from the snapshot, after it: what is missing or damaged here is made again,
//! and a hook meanwhile says nothing.

use std::io;
use std::path::Path;

use super::journal::{self, Journal};
use super::private;
use super::{HostFolder, KeyError};
use crate::crypto::ring::{Context, Epoch, Ring};
use crate::crypto::{Key, keyed_digest, seal};
use crate::learn::need::{Agent, Report};
use crate::learn::streak::Pace;
use crate::learn::{Form, Item, Number, State};
use crate::model::bytes::{Bytes, put_count};
use crate::sys::append;
use crate::sys::pieces::Pieces;

const FILE: &str = "hints.enc";
const MAGIC: &[u8; 8] = b"cs-hints";
const FORMAT: u8 = 2;
const START_BYTES: usize = 17;

/// So many rows are to share a bucket: more, and one look-up opens much; fewer, and most of the file is tokens.
const ROWS_PER_BUCKET: usize = 8;
const BUCKETS_MAX: usize = 1 << 14;

/// A header is small: some bytes for each segment.
const HEADER_BYTES_MAX: usize = 64 << 10;

/// More of a segment than this no hook reads: a fold is due long before.
const TAIL_BYTES_MAX: u64 = 64 << 10;

/// What stands at the head.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Header {
    /// How much of each segment is in here.
    read: Vec<(Epoch, u64)>,
    /// How soon each project may be told something again.
    paces: Vec<(Number, Pace)>,
    /// The agents that have something to look at.
    due: Vec<Report>,
}

impl Header {
    fn encode(&self, digest_key: &[u8; 32]) -> Vec<u8> {
        let mut bytes = digest_key.to_vec();
        put_count(&mut bytes, self.read.len());
        for (epoch, offset) in &self.read {
            bytes.extend(epoch.0.to_le_bytes());
            bytes.extend(offset.to_le_bytes());
        }
        put_count(&mut bytes, self.paces.len());
        for (project, pace) in &self.paces {
            bytes.extend(project.0.to_le_bytes());
            pace.encode(&mut bytes);
        }
        put_count(&mut bytes, self.due.len());
        self.due.iter().for_each(|report| report.encode(&mut bytes));
        bytes
    }

    fn decode(bytes: &[u8]) -> Option<(Self, [u8; 32])> {
        let mut rest = Bytes(bytes);
        let digest_key = rest.take(32)?.try_into().ok()?;
        let read =
            (0..rest.count(12)?).map(|_| Some((Epoch(rest.u32()?), rest.u64()?))).collect::<Option<_>>()?;
        let count = rest.count(5)?;
        let paces = (0..count)
            .map(|_| Some((Number(rest.u16()?), Pace::decode(&mut rest)?)))
            .collect::<Option<_>>()?;
        let due = (0..rest.count(1)?).map(|_| Report::decode(&mut rest)).collect::<Option<_>>()?;
        rest.is_empty().then_some((Self { read, paces, due }, digest_key))
    }
}

fn bucket(digest_key: &[u8; 32], project: Number, form: &Form, count: usize) -> usize {
    let mut bytes = Vec::new();
    // With and without flags, a form is in one bucket.
    form.without_flags().encode(&mut bytes);
    let digest = keyed_digest(digest_key, &[&project.0.to_le_bytes(), &bytes]);
    usize::try_from(u64::from_le_bytes(digest) % count as u64).expect("BUG: below a small number")
}

/// The bytes of the file.
#[must_use]
pub fn build(
    state: &State,
    read: Vec<(Epoch, u64)>,
    (epoch, key): (Epoch, &Key),
    digest_key: [u8; 32],
    now: u64,
) -> Vec<u8> {
    let rows = state.hint_rows();
    let count = (rows / ROWS_PER_BUCKET).max(1).next_power_of_two().min(BUCKETS_MAX);
    let parts = state.split(count, |project, form| bucket(&digest_key, project, form, count));
    // The day is enough; a token has its time in the clear.
    let now = now - now % 86_400;
    let sealed = |plain: &[u8]| seal::seal(key, plain, now).into_bytes();
    let mut bytes = MAGIC.to_vec();
    bytes.push(FORMAT);
    bytes.extend(epoch.0.to_le_bytes());
    let paces = state.streaks.paces().collect();
    let header = sealed(&Header { read, paces, due: state.need.due() }.encode(&digest_key));
    put_count(&mut bytes, header.len());
    bytes.extend(header);
    put_count(&mut bytes, count);
    let buckets: Vec<Vec<u8>> = parts
        .iter()
        .map(|part| {
            if part.hint_rows() == 0 {
                return Vec::new();
            }
            let mut plain = Vec::new();
            part.encode(&mut plain);
            sealed(&plain)
        })
        .collect();
    let mut at = 0;
    put_count(&mut bytes, at);
    for bucket in &buckets {
        at += bucket.len();
        put_count(&mut bytes, at);
    }
    bytes.extend(buckets.concat());
    bytes
}

/// Writes the file; under the lock of folds.
///
/// # Errors
/// When it can't be written.
pub fn write(
    folder: &Path,
    ring: &Ring,
    state: &State,
    read: Vec<(Epoch, u64)>,
    digest_key: [u8; 32],
    now: u64,
) -> Result<(), KeyError> {
    let (epoch, key) = ring.newest_key(Context::Knowledge);
    private::replace(&folder.join(FILE), &build(state, read, (epoch, &key), digest_key, now), false)
}

/// Reads so many bytes from a place on; `None` where there are fewer.
pub trait ReadAt {
    fn at(&self, offset: u64, count: usize) -> Option<Vec<u8>>;
}

impl ReadAt for Pieces {
    fn at(&self, offset: u64, count: usize) -> Option<Vec<u8>> {
        self.read_at(offset, count).ok()
    }
}

impl ReadAt for [u8] {
    fn at(&self, offset: u64, count: usize) -> Option<Vec<u8>> {
        let start = usize::try_from(offset).ok()?;
        Some(self.get(start..start.checked_add(count)?)?.to_vec())
    }
}

/// A file of hints of which the head was read.
#[derive(Debug)]
pub struct Hints<'a, R: ReadAt + ?Sized> {
    file: &'a R,
    epoch: Epoch,
    key: Key,
    header: Header,
    digest_key: [u8; 32],
    count: usize,
    /// Where the offsets begin.
    offsets: u64,
}

impl<'a, R: ReadAt + ?Sized> Hints<'a, R> {
    /// Reads the file's head; `None` when it is not such as [`build`] makes, or the ring has not its key.
    #[must_use]
    pub fn open(file: &'a R, ring: &Ring, now: u64) -> Option<Self> {
        let start = file.at(0, START_BYTES)?;
        let mut rest = Bytes(&start);
        if rest.take(MAGIC.len())? != MAGIC || rest.byte()? != FORMAT {
            return None;
        }
        let epoch = Epoch(rest.u32()?);
        let key = ring.key(epoch, Context::Knowledge)?;
        let len = usize::try_from(rest.u32()?).ok().filter(|len| *len <= HEADER_BYTES_MAX)?;
        let head = file.at(START_BYTES as u64, len + 4)?;
        let mut rest = Bytes(&head);
        let opened = seal::open(&key, rest.take(len)?, now).ok()?;
        let (header, digest_key) = Header::decode(&opened.plain)?;
        let count = usize::try_from(rest.u32()?).ok().filter(|count| (1..=BUCKETS_MAX).contains(count))?;
        Some(Self { file, epoch, key, header, digest_key, count, offsets: (START_BYTES + len + 4) as u64 })
    }

    /// What is known of some forms of a project; of others there may be something, too.
    #[must_use]
    pub fn of(&self, project: Number, forms: &[Form], now: u64) -> Option<State> {
        // What other machines know is of no project.
        let of = |project: Number| {
            forms.iter().map(move |form| bucket(&self.digest_key, project, form, self.count))
        };
        let mut buckets: Vec<usize> = of(project).chain(of(Number::UNKNOWN)).collect();
        buckets.sort_unstable();
        buckets.dedup();
        let mut state = self.read_buckets(buckets, now)?;
        let own = self.header.paces.iter().find(|(own, _)| *own == project);
        own.into_iter().for_each(|(project, pace)| state.streaks.put_pace(*project, *pace));
        Some(state)
    }

    /// All that is in it.
    #[must_use]
    pub fn all(&self, now: u64) -> Option<State> {
        self.read_buckets((0..self.count).collect(), now)
    }

    fn read_buckets(&self, buckets: Vec<usize>, now: u64) -> Option<State> {
        let start = self.offsets + 4 * (self.count as u64 + 1);
        let mut state = State::default();
        for at in buckets {
            let span = self.file.at(self.offsets + 4 * at as u64, 8)?;
            let mut span = Bytes(&span);
            let (from, to) = (span.u32()?, span.u32()?);
            let len = usize::try_from(to.checked_sub(from)?).ok()?;
            if len == 0 {
                continue;
            }
            let token = self.file.at(start + u64::from(from), len)?;
            let plain = seal::open(&self.key, token, now).ok()?.plain;
            state.join(State::decode(&mut Bytes(&plain))?);
        }
        Some(state)
    }

    /// The agents that were due when it was made.
    #[must_use]
    pub fn due(&self) -> &[Report] {
        &self.header.due
    }

    fn read(&self, epoch: Epoch) -> u64 {
        self.header.read.iter().find(|(own, _)| *own == epoch).map_or(0, |(_, offset)| *offset)
    }
}

/// What is known now of some forms of a project: from the file, and from what was recorded since it was made.
///
/// # Errors
/// When something is there and can't be read.
pub fn known(host: &HostFolder, ring: &Ring, project: Number, forms: &[Form], now: u64) -> io::Result<State> {
    let file = Pieces::open(&host.path.join(FILE))?;
    let hints = file.as_ref().and_then(|file| Hints::open(file, ring, now));
    let mut state = hints.as_ref().and_then(|hints| hints.of(project, forms, now)).unwrap_or_default();
    since(host, ring, hints.as_ref(), now)?.iter().for_each(|item| state.follow(item));
    Ok(state)
}

/// What was recorded since the file was made. Records go on under the newest key only, and what is under older ones
/// is read when that comes: so there are two segments at most, while the file is being made anew.
fn since<R: ReadAt + ?Sized>(
    host: &HostFolder,
    ring: &Ring,
    hints: Option<&Hints<'_, R>>,
    now: u64,
) -> io::Result<Vec<Item>> {
    let before = hints.map(|hints| hints.epoch).filter(|epoch| *epoch < ring.newest());
    let mut items = Vec::new();
    for epoch in before.into_iter().chain([ring.newest()]) {
        let from = hints.map_or(0, |hints| hints.read(epoch));
        let segment = host.path.join(Journal::Patterns.segment(epoch));
        let tail = append::tail_from(&segment, from, TAIL_BYTES_MAX)?;
        let records = journal::read(&tail, 0, ring, Journal::Patterns, epoch, now).records;
        items.extend(records.iter().filter_map(|(_, plain)| Item::decode(plain).ok()));
    }
    Ok(items)
}

/// The agents that are due and that a session was not told of, of those for which `is_meant` says so. Nobody reads
/// more than the file's head where there are none.
///
/// # Errors
/// When something is there and can't be read.
pub fn due(
    host: &HostFolder,
    ring: &Ring,
    session: Number,
    is_meant: impl Fn(Agent) -> bool,
    now: u64,
) -> io::Result<Vec<Report>> {
    let file = Pieces::open(&host.path.join(FILE))?;
    let Some(hints) = file.as_ref().and_then(|file| Hints::open(file, ring, now)) else {
        return Ok(Vec::new());
    };
    let is_new = |report: &&Report| is_meant(report.agent) && !report.was_told(session);
    let mut due: Vec<Report> = hints.due().iter().filter(is_new).cloned().collect();
    if due.is_empty() {
        return Ok(due);
    }
    for item in since(host, ring, Some(&hints), now)? {
        match item {
            Item::Acked(acked) => due.retain(|report| report.agent != acked.agent),
            Item::Suggested(told) if told.session == session => {
                due.retain(|report| report.agent.bit() & told.agents == 0);
            }
            _ => {}
        }
    }
    Ok(due)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::shape::{ErrorClass, Tool};
    use crate::crypto::{HostId, Secret};
    use crate::learn::judge::forms_of;
    use crate::learn::{Streak, Streaks};

    const NOON: u64 = 1_767_268_800;

    fn ring() -> Ring {
        let host = HostId::parse("cs-0123456789abcdef").expect("an id");
        Ring::new(host, 1, Epoch::of(NOON), Secret::take(&mut [7; 32]))
    }

    fn form(line: &str) -> Form {
        forms_of(line)[0]
    }

    fn streak(day: u16) -> Streak {
        let sessions = vec![Number(1), Number(2), Number(3)];
        Streak { sessions, class: ErrorClass::CommandNotFound, day, said: Vec::new() }
    }

    /// Every program of the vocabulary has failed in every one of some projects.
    fn full(projects: u16) -> State {
        let mut streaks = Streaks::default();
        for code in 0..Tool::COUNT {
            let form = Form { tool: Tool::from_code(code).expect("a tool"), ..form("ls") }.without_flags();
            for project in 1..=projects {
                streaks.put((Number(project), form), streak(code % 100));
            }
        }
        State { streaks, ..State::default() }
    }

    fn file(state: &State) -> Vec<u8> {
        let ring = ring();
        let (epoch, key) = ring.newest_key(Context::Knowledge);
        build(state, vec![(epoch, 77)], (epoch, &key), [9; 32], NOON)
    }

    #[test]
    fn each_form_is_found_and_no_other() {
        let state = full(2);
        let bytes = file(&state);
        let hints = Hints::open(bytes.as_slice(), &ring(), NOON).expect("opened");
        assert_eq!(hints.read(Epoch::of(NOON)), 77);
        for ((project, form), streak) in state.streaks.iter().step_by(97) {
            let found = hints.of(*project, &[*form], NOON).expect("read");
            let own = found.streaks.iter().find(|(key, _)| **key == (*project, *form));
            assert_eq!(own.map(|(_, streak)| streak), Some(streak));
            assert!(found.hint_rows() < 64, "{} in one bucket", found.hint_rows());
            assert!(
                hints
                    .of(Number(3), &[*form], NOON)
                    .expect("read")
                    .streaks
                    .before(Number(3), Number(9), &[*form], 1)
                    .is_none()
            );
        }
    }

    #[test]
    fn what_is_damaged_or_of_another_ring_says_nothing() {
        let bytes = file(&full(1));
        let form = form("pytest");
        for at in (0..START_BYTES + 400).chain([bytes.len() - 1]) {
            let mut other = bytes.clone();
            other[at] ^= 1;
            let hints = Hints::open(other.as_slice(), &ring(), NOON);
            let _ = hints.map(|hints| hints.of(Number(1), &[form], NOON));
            let cut = Hints::open(&bytes[..at], &ring(), NOON);
            let _ = cut.map(|hints| hints.of(Number(1), &[form], NOON));
        }
        let host = HostId::parse("cs-0123456789abcdef").expect("an id");
        let stranger = Ring::new(host, 1, Epoch::of(NOON), Secret::take(&mut [8; 32]));
        assert!(Hints::open(bytes.as_slice(), &stranger, NOON).is_none());
    }
}
