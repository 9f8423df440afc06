//! Learning from the transcripts that the client keeps, so that the first day is not empty.
//!
//! Only files named `*.jsonl` below the client's `projects/` are read. What is kept of a call is what a hook would have
//! kept. What the hooks have recorded themselves, what an earlier import has taken, and what is older than knowledge is
//! kept, is passed over.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::fold::{Change, Rules};
use super::imported::{self, Imported};
use super::numbers::{self, Numbers, Of};
use super::snapshot::Snapshot;
use super::upkeep::{self, UpkeepError};
use super::{HostFolder, Learning, fold};
use crate::command::shape::HostType;
use crate::crypto::Ring;
use crate::learn::transcript::{Called, Reader};
use crate::learn::{Number, Observed};
use crate::model::limits;
use crate::sys::pieces::Pieces;
use crate::sys::{fs, random};

/// What an import came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    pub transcripts: usize,
    pub projects: usize,
    pub sessions: usize,
    /// Calls that were learned from, and how many of these were shell commands.
    pub calls: usize,
    pub commands: usize,
    /// Calls that are older than knowledge is kept.
    pub old: usize,
    /// Calls that the hooks have recorded, or an earlier import has taken.
    pub known: usize,
    /// Calls that are dated days ahead.
    pub future: usize,
    /// Lines that are no JSON, and results without a time.
    pub damaged: usize,
    /// Files and folders that could not be read.
    pub unread: Vec<String>,
}

/// What is imported, and how.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// The client's folder of projects.
    pub projects: &'a Path,
    pub host: HostType,
    /// What knowledge goes by: what is older than it is kept is passed over.
    pub rules: &'a Rules,
    /// Whether it is only looked what there is.
    pub is_dry: bool,
}

/// A call, with where its session's and project's names stand.
struct Row {
    at: u64,
    project: usize,
    session: usize,
    call: Observed,
}

/// Names in the order they came.
#[derive(Default)]
struct Names {
    places: BTreeMap<String, usize>,
}

impl Names {
    fn place(&mut self, name: &str) -> usize {
        let next = self.places.len();
        match self.places.get(name) {
            Some(place) => *place,
            None => *self.places.entry(name.to_owned()).or_insert(next),
        }
    }

    fn list(&self) -> Vec<&str> {
        let mut names = vec![""; self.places.len()];
        self.places.iter().for_each(|(name, place)| names[*place] = name);
        names
    }
}

/// What is known before anything is read.
struct Before {
    numbers: Option<Numbers>,
    imported: Imported,
    now: u64,
    /// The first second that counts.
    from: u64,
}

impl Before {
    /// Whether the hooks have recorded it.
    fn is_recorded(&self, session: &str, at: u64) -> bool {
        let Some(numbers) = &self.numbers else { return false };
        at / 60 >= u64::from(numbers.since()) && numbers.may_have(Of::Session, session)
    }
}

/// All that was read.
#[derive(Default)]
struct Read {
    report: Report,
    rows: Vec<Row>,
    projects: Names,
    sessions: Names,
    /// By transcript, the time of its last call.
    until: BTreeMap<String, u32>,
}

/// The transcripts below a folder of projects: their paths in it, and their sizes. `unread`: folders that are closed.
fn transcripts(projects: &Path, from: u64, unread: &mut Vec<String>) -> std::io::Result<Vec<(String, u64)>> {
    if fs::stat(projects)?.is_none() {
        return Ok(Vec::new());
    }
    let mut found = Vec::new();
    let closed = |below: &Path, error| {
        if below == Path::new("") {
            return Err(error);
        }
        unread.push(below.display().to_string());
        Ok(())
    };
    for below in fs::walk_past(projects, closed)? {
        let Some(name) = below.to_str().filter(|name| name.ends_with(".jsonl") && name.contains('/')) else {
            continue;
        };
        let Some(stat) = fs::lstat(&projects.join(&below))?.filter(|stat| stat.kind == fs::Kind::File) else {
            continue;
        };
        // Nobody has written to it since anything in it was of interest.
        let is_old = u64::try_from(stat.modified_ns / 1_000_000_000).is_ok_and(|at| at < from);
        if !is_old {
            found.push((name.to_owned(), stat.size));
        }
    }
    Ok(found)
}

impl Read {
    fn file(
        &mut self,
        projects: &Path,
        name: &str,
        before: &Before,
        host: HostType,
        mut progress: impl FnMut(u64),
    ) {
        let project = self.projects.place(name.split('/').next().unwrap_or_default());
        let stem = name.rsplit('/').next().unwrap_or_default().trim_end_matches(".jsonl");
        let known_until = before.imported.until(name).map(u64::from);
        let mut reader = Reader::default();
        let mut until = known_until.unwrap_or(0);
        let read = Pieces::open(&projects.join(name)).and_then(|pieces| {
            let Some(pieces) = pieces else { return Ok(()) };
            pieces.lines(limits::TRANSCRIPT_LINE_BYTES_MAX, |line, bytes| {
                for called in reader.line(line) {
                    let session = if called.session.is_empty() { stem } else { &called.session };
                    if called.at > before.now + 86_400 {
                        self.report.future += 1;
                    } else if called.at < before.from {
                        self.report.old += 1;
                    } else if known_until.is_some_and(|until| called.at <= until)
                        || before.is_recorded(session, called.at)
                    {
                        self.report.known += 1;
                    } else {
                        until = until.max(called.at);
                        let session = self.sessions.place(session);
                        self.take(&called, project, session, host);
                    }
                }
                progress(bytes);
            })
        });
        self.report.transcripts += 1;
        self.report.damaged += reader.damaged;
        if read.is_err() {
            self.report.unread.push(name.to_owned());
        } else if let Some(until) = u32::try_from(until).ok().filter(|until| *until > 0) {
            self.until.insert(name.to_owned(), until);
        }
    }

    fn take(&mut self, called: &Called, project: usize, session: usize, host: HostType) {
        let call = called.observe(host, Number::UNKNOWN, Number::UNKNOWN);
        self.report.calls += 1;
        self.report.commands += usize::from(call.record.shape.is_some());
        self.rows.push(Row { at: called.at, project, session, call });
    }
}

/// The change that a fold makes: it takes in what was read.
struct TakeIn {
    calls: Vec<Observed>,
    import: u64,
}

impl Change for TakeIn {
    fn change(&self, snapshot: &mut Snapshot) {
        snapshot.take_in(&self.calls, self.import);
    }
}

/// Imports. `progress` is told how many bytes of how many were read, after each line.
///
/// # Errors
/// When something can't be read or written; nothing was learned then.
pub fn import(
    learning: &Learning,
    wanted: Wanted<'_>,
    now: u64,
    mut progress: impl FnMut(u64, u64),
) -> Result<Report, UpkeepError> {
    let known = if wanted.is_dry { learning.known_host()? } else { Some(learning.enrol(now)?.host) };
    let before = before(known.as_ref(), &wanted, now)?;
    let (mut read, mut done) = (Read::default(), 0);
    let files = transcripts(wanted.projects, before.from, &mut read.report.unread)?;
    let all = files.iter().map(|(_, bytes)| bytes).sum();
    for (name, _) in &files {
        read.file(wanted.projects, name, &before, wanted.host, |bytes| {
            done += bytes;
            progress(done, all);
        });
    }
    let used = |of: fn(&Row) -> usize| read.rows.iter().map(of).collect::<BTreeSet<_>>().len();
    read.report.projects = used(|row| row.project);
    read.report.sessions = used(|row| row.session);
    let Some(host) = known.filter(|_| !wanted.is_dry && !read.rows.is_empty()) else {
        return Ok(read.report);
    };
    // A call's place among the others is its time; where that is the same, as it was read.
    read.rows.sort_by_key(|row| row.at);
    let import = u64::from_le_bytes(random::bytes()?) | 1;
    let mut report = read.report.clone();
    upkeep::with(learning, &host, wanted.rules, now, |ring| {
        let table = table(&host, ring, now)?;
        let is_of_others = |name: &String| table.until(name) != before.imported.until(name);
        if read.until.keys().any(is_of_others) {
            return Err(UpkeepError::Busy);
        }
        let projects = numbers::give(&host, ring, Of::Project, &read.projects.list(), now)?;
        let sessions = numbers::give(&host, ring, Of::Session, &read.sessions.list(), now)?;
        let calls = read.rows.into_iter().map(|row| {
            let (project, session) = (projects[row.project], sessions[row.session]);
            Observed { project, session, ..row.call }
        });
        let calls = calls.collect();
        let until = read.until.iter().map(|(name, until)| (name.as_str(), *until));
        imported::write(&host, ring, &table.with(import, until), now)?;
        Ok(TakeIn { calls, import })
    })?;
    report.unread.sort();
    Ok(report)
}

fn table(host: &HostFolder, ring: &Ring, now: u64) -> Result<Imported, UpkeepError> {
    let table = imported::read(host, ring, now)?;
    let (snapshot, _) = fold::known(&host.path, ring, now)?;
    Ok(match table {
        Some(table) => table.at(snapshot.import),
        None => Imported::new(random::bytes()?),
    })
}

fn before(host: Option<&HostFolder>, wanted: &Wanted<'_>, now: u64) -> Result<Before, UpkeepError> {
    let from =
        (now / 86_400).saturating_sub(u64::from(wanted.rules.retention_days).saturating_sub(1)) * 86_400;
    let Some(host) = host else {
        return Ok(Before { numbers: None, imported: Imported::new([0; 32]), now, from });
    };
    let ring = host.ring()?;
    let numbers = match numbers::read(host, &ring, now) {
        Ok(numbers) => numbers,
        Err(numbers::NumbersError::Damaged) => None,
        Err(error) => return Err(error.into()),
    };
    Ok(Before { numbers, imported: table(host, &ring, now)?, now, from })
}
