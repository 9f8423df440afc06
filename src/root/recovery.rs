//! What to do about a transaction that was interrupted, and about a store that was damaged.
//!
//! An apply that had arrived is finished, any other undone. What belongs to no transaction and
//! to no generation is a leftover, and goes. A `current` that is lost or leads nowhere is
//! neither: nothing is removed then, because every generation would look like a leftover.

use std::collections::{BTreeMap, BTreeSet};

use super::converge::{Course, Direction, converge, has_arrived};
use super::store::{LockedRoot, Side, Store, UNFINISHED};
use super::transaction::{
    Contents, clear_swaps, forget_generation, forget_pending, forget_texts, go_back, settle_ledger, verify,
    write_pending,
};
use super::{Error, observe, swap};
use crate::generation::{self, Cause, Manifest, Pending, State};
use crate::model::{Digest, DocumentId, Generation, Ledger, ManagedPath};
use crate::plan::Observation;
use crate::plan::tree::is_our_link;
use crate::sys::{clock, env, fs};

/// What is done about an interrupted apply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recovered {
    /// There was none.
    Nothing,
    /// It had arrived, or was asked to be finished.
    Finished(Generation),
    /// It was undone; this is current again.
    Undone { was: Generation, back_at: Option<Generation> },
}

/// Finishes or undoes what is pending, and removes what a run that died before its commit
/// left behind. Where our own files are damaged that is not guessed at, unless a person has
/// asked to go back: then the newest generation that can be read becomes current again.
///
/// # Errors
/// [`Error::Undecided`] when it can't be told or done; [`Error::Damaged`] when our own files say
/// nothing sound, and nothing was asked.
pub fn recover(locked: &LockedRoot, asked: Option<Direction>) -> Result<Recovered, Error> {
    let recovered = match open_transaction(locked, asked)? {
        None => Recovered::Nothing,
        Some(pending) => settle_pending(locked, pending, asked)?,
    };
    leftovers(locked)?;
    Ok(recovered)
}

/// The transaction that is open. A damaged one is pieced together when a person has asked to go back.
fn open_transaction(locked: &LockedRoot, asked: Option<Direction>) -> Result<Option<Pending>, Error> {
    let store = &locked.store;
    let highest = store.numbers()?.last().copied();
    let (why, to) = match store.pending() {
        Ok(Some(pending)) => return Ok(Some(pending)),
        Ok(None) => match look_at_current(store, asked) {
            Ok(()) => return Ok(None),
            // With all generations sound, what is undone is one that never was.
            Err((why, current)) => (why, current.or_else(|| highest?.next()).unwrap_or(Generation::FIRST)),
        },
        Err(why) => (why, highest.unwrap_or(Generation::FIRST)),
    };
    if why.is_newer() {
        return Err(why);
    }
    if asked != Some(Direction::Back) {
        return Err(Error::Damaged(Box::new(why)));
    }
    let from = newest_readable(store, to)?;
    if from.is_none() && store.side(to).is_err() {
        return Err(Error::Damaged(Box::new(why)));
    }
    let pending = Pending { format: generation::FORMAT_PLAIN, from, to };
    write_pending(locked, pending)?;
    Ok(Some(pending))
}

/// What is wrong with the current generation, and which one it is if that can be told. Its files
/// are only read when something is to be done about them: whoever uses them reads them anyway.
fn look_at_current(store: &Store, asked: Option<Direction>) -> Result<(), (Error, Option<Generation>)> {
    let number = match store.current().map_err(|error| (error, None))? {
        Some(number) => number,
        None if is_virgin(store).map_err(|error| (error, None))? => return Ok(()),
        None => return Err((Error::Missing(store.current_link()), None)),
    };
    let is_there = fs::lstat(&store.generation(number)).map_err(|error| (error.into(), None))?.is_some();
    match asked {
        _ if !is_there => Err((Error::NoGeneration(number), None)),
        Some(_) => store.side(number).map(drop).map_err(|error| (error, Some(number))),
        None => Ok(()),
    }
}

fn newest_readable(store: &Store, below: Generation) -> Result<Option<Generation>, Error> {
    let numbers = store.numbers()?.into_iter().rev().filter(|number| *number < below);
    let mut readable = numbers.filter(|number| store.side(*number).is_ok());
    Ok(readable.next())
}

/// As much of a damaged generation as can still be read. Without its ledger nobody knows whose the
/// things are that it moved aside: they are kept under another name.
fn salvage(locked: &LockedRoot, pending: Pending) -> Result<Side, Error> {
    let store = &locked.store;
    let ledger = store.ledger(pending.to);
    let aside = store.displaced(&pending.to.to_string());
    if ledger.is_err() && fs::lstat(&aside)?.is_some() {
        let mut names = (1u32..).map(|n| store.displaced(&format!("kept-{}-{n}", pending.to)));
        let is_free = |path: &std::path::PathBuf| fs::lstat(path).is_ok_and(|stat| stat.is_none());
        let kept = names.find(is_free).expect("BUG: there is always another number");
        fs::rename_new(&aside, &kept)?;
    }
    let hollow = || Manifest {
        format: generation::FORMAT_PLAIN,
        generation: pending.to,
        parent: pending.from,
        made_at: clock::now(),
        cause: Cause::Apply,
        profile: None,
        facts: BTreeMap::new(),
        os: env::os().to_owned(),
        arch: env::arch().to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        state: State::default(),
        documents: BTreeMap::new(),
        missing: Vec::new(),
    };
    let manifest = store.manifest(pending.to).unwrap_or_else(|_| hollow());
    Ok(Side { manifest, ledger: ledger.unwrap_or_else(|_| Ledger::default()) })
}

fn settle_pending(
    locked: &LockedRoot,
    pending: Pending,
    asked: Option<Direction>,
) -> Result<Recovered, Error> {
    let store = &locked.store;
    let undecided = |error: Error| Error::Undecided { to: pending.to, why: error.to_string() };
    let new = match store.side(pending.to) {
        Err(error) if asked == Some(Direction::Back) && !error.is_newer() => salvage(locked, pending)?,
        side => side.map_err(undecided)?,
    };
    let old = pending.from.map(|number| store.side(number)).transpose().map_err(undecided)?;
    let old = old.as_ref();
    let direction = match asked {
        Some(direction) => direction,
        None if has_arrived(locked, old, &new).map_err(undecided)? => Direction::Forward,
        None => Direction::Back,
    };
    match direction {
        Direction::Back => {
            go_back(locked, old, &new).map_err(undecided)?;
            Ok(Recovered::Undone { was: pending.to, back_at: pending.from })
        }
        Direction::Forward => {
            go_on(locked, old, &new).map_err(undecided)?;
            Ok(Recovered::Finished(pending.to))
        }
    }
}

fn go_on(locked: &LockedRoot, old: Option<&Side>, new: &Side) -> Result<(), Error> {
    let ledger = converge(locked, Course { old, new, direction: Direction::Forward })?;
    verify(locked, new, &ledger, Contents::Unknown)?;
    settle_ledger(locked, new, &ledger)?;
    forget_pending(locked)?;
    forget_texts(locked, new.manifest.generation)?;
    clear_swaps(locked, new)
}

/// Without a `pending`, a staging folder, a generation past the current one that nobody committed,
/// and swap files are leftovers.
fn leftovers(locked: &LockedRoot) -> Result<(), Error> {
    let store = &locked.store;
    fs::remove_all(&store.gone())?;
    for name in fs::list(&store.generations())? {
        let is_going = name.to_str().is_some_and(|name| name == ".staging" || name.starts_with(".gone-"));
        if is_going {
            fs::remove_all(&store.generations().join(name))?;
        }
    }
    let current = store.current()?;
    if current.is_some() || is_virgin(store)? {
        for number in uncommitted(store, current)? {
            forget_generation(locked, number)?;
        }
    }
    if let Some(current) = current {
        fs::remove_all(&store.generation(current).join("ledger.new"))?;
        forget_texts(locked, current)?;
    }
    for name in UNFINISHED {
        fs::remove_all(&store.folder().join(name))?;
    }
    for id in DocumentId::ALL {
        swap::clear(&store.root.document(id))?;
        if let Ok(document) = observe::observe_document(store, id) {
            swap::clear(&document.path)?;
        }
    }
    Ok(())
}

/// Numbers past the current one: of generations, and of what was kept for one.
fn uncommitted(store: &Store, current: Option<Generation>) -> Result<BTreeSet<Generation>, Error> {
    let mut numbers: BTreeSet<Generation> = store.numbers()?.into_iter().collect();
    let kept = fs::list_if_there(&store.displaced(""))?;
    numbers.extend(kept.iter().filter_map(|name| Generation::parse(name.to_str()?)));
    numbers.retain(|number| current.is_none_or(|current| *number > current));
    Ok(numbers)
}

/// Whether nothing was ever committed, as opposed to: `current` was lost. Then there is at most
/// the first generation, and nothing of it is in the root.
fn is_virgin(store: &Store) -> Result<bool, Error> {
    match store.numbers()?.as_slice() {
        [] => Ok(true),
        [Generation::FIRST] => {
            let Ok(side) = store.side(Generation::FIRST) else { return Ok(true) };
            let is_linked = |path: &ManagedPath| -> Result<bool, Error> {
                let seen = observe::observe_path(store, Some(&side.manifest.state), path)?;
                Ok(matches!(seen, Observation::Link { target, .. } if is_our_link(path, &target)))
            };
            for path in side.ledger.tree.keys() {
                if is_linked(path)? {
                    return Ok(false);
                }
            }
            for (id, own) in &side.ledger.documents {
                let Ok(document) = observe::observe_document(store, *id) else { return Ok(false) };
                let digest = document.text.map(|text| Digest::of(text.as_bytes()));
                if digest == own.wrote && side.manifest.documents.contains_key(id) {
                    return Ok(false);
                }
            }
            Ok(true)
        }
        _ => Ok(false),
    }
}
