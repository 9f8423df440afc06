//! Contents of a generation that can't be trusted any more, and where the same can be had.
//!
//! Generations share the files that they have in common, read-only. Whoever may write all the same (root, or an
//! editor that changes modes) and writes in place, through a link of ours, changes them for all that share one.
//!
//! The source that such a content was taken from still has it, until `cs capture` writes the edit there: before
//! it does, what was stored goes into `originals/` of each generation that has lost it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::engine::Context;
use super::error::{CliError, refused};
use crate::generation::{FileRecord, State};
use crate::model::{Digest, Generation, ManagedPath, limits};
use crate::root::{Side, Store};
use crate::sys::fs;

/// What is damaged in `side`, with its bytes from another generation or from the source they came from.
///
/// # Errors
/// When some are nowhere any more: there is no way back to that generation, and the error names them.
pub fn contents(
    context: &Context,
    store: &Store,
    side: &Side,
) -> Result<BTreeMap<ManagedPath, Vec<u8>>, CliError> {
    let mut found = BTreeMap::new();
    let mut lost = Vec::new();
    for (path, record) in side.manifest.state.files.iter().filter(|(_, record)| !record.is_cs) {
        if is_sound(&file(store, side.manifest.generation, path), record) {
            continue;
        }
        let number = side.manifest.generation;
        let own = || [file(store, number, path), original(store, number, path)];
        match own()
            .iter()
            .find_map(|own| read(own, record.digest))
            .or_else(|| elsewhere(store, number, path, record.digest))
            .or_else(|| read(&source(&side.manifest.state, path)?, record.digest))
        {
            Some(bytes) => drop(found.insert(path.clone(), bytes)),
            None => lost.push(path.to_string()),
        }
    }
    if lost.is_empty() {
        return Ok(found);
    }
    let generation = side.manifest.generation;
    let hint = format!(
        "Nothing was changed. It was edited in place, and no other generation has what it was, nor has its source. \
         What the profile declares now: {}. Other generations: {}.",
        context.spell("cs apply"),
        context.spell("cs generations")
    );
    let lost = lost.join(", ");
    Err(refused(
        format!("generation {generation} can't be gone back to: {lost} is not as it was stored"),
        hint,
    ))
}

/// Keeps what generations stored of files that somebody has written into, where it stands in one of these
/// sources and nowhere else: they are about to be overwritten.
///
/// # Errors
/// When it can't be kept.
pub fn keep_originals(store: &Store, sources: &BTreeSet<&Path>) -> Result<(), CliError> {
    for number in store.numbers()? {
        let Ok(manifest) = store.manifest(number) else { continue };
        for (path, record) in manifest.state.files.iter().filter(|(_, record)| !record.is_cs) {
            let Some(source) = source(&manifest.state, path).filter(|own| sources.contains(own.as_path()))
            else {
                continue;
            };
            let kept = original(store, number, path);
            if is_sound(&file(store, number, path), record) || read(&kept, record.digest).is_some() {
                continue;
            }
            let Some(bytes) = read(&source, record.digest) else { continue };
            fs::make_folders(kept.parent().unwrap_or(Path::new("/")), 0o700)?;
            // One that was interrupted is not whole.
            fs::remove_file(&kept)?;
            fs::write_new(&kept, &bytes, 0o444)?;
        }
    }
    Ok(())
}

fn file(store: &Store, number: Generation, path: &ManagedPath) -> PathBuf {
    store.generation(number).join("files").join(path.as_str())
}

/// Where what [`file()`] had is kept, once somebody has written into that.
fn original(store: &Store, number: Generation, path: &ManagedPath) -> PathBuf {
    store.generation(number).join("originals").join(path.as_str())
}

/// Whether a content is the one that was stored; by size and time, where those are.
fn is_sound(file: &Path, record: &FileRecord) -> bool {
    let stat = fs::lstat(file).ok().flatten();
    // It could not be shared with a generation that is to run it.
    if record.executable && stat.as_ref().is_some_and(|stat| stat.mode & 0o100 == 0) {
        return false;
    }
    let is_untouched =
        stat.is_some_and(|stat| (stat.size, stat.modified_ns) == (record.bytes, record.modified_ns));
    is_untouched || read(file, record.digest).is_some()
}

/// The file's bytes, if they have this digest.
fn read(file: &Path, digest: Digest) -> Option<Vec<u8>> {
    let bytes = fs::read_if_there(file, limits::SOURCE_BYTES_MAX).ok().flatten()?;
    (Digest::of(&bytes) == digest).then_some(bytes)
}

/// Whether the content that `number` stored at `path` can be had, though its own file has another by now: the
/// generation kept it, or another has the same.
#[must_use]
pub fn is_elsewhere(store: &Store, number: Generation, path: &ManagedPath, digest: Digest) -> bool {
    read(&original(store, number, path), digest).is_some() || elsewhere(store, number, path, digest).is_some()
}

fn elsewhere(store: &Store, than: Generation, path: &ManagedPath, digest: Digest) -> Option<Vec<u8>> {
    let numbers = store.numbers().unwrap_or_default().into_iter().rev();
    numbers.filter(|number| *number != than).find_map(|number| {
        let manifest = store.manifest(number).ok()?;
        manifest.state.files.get(path).filter(|record| record.digest == digest)?;
        read(&file(store, number, path), digest).or_else(|| read(&original(store, number, path), digest))
    })
}

/// The file that the profile took it from.
fn source(state: &State, path: &ManagedPath) -> Option<PathBuf> {
    let (at, install) = state.installs.iter().find(|(at, _)| *at == path || at.contains(path))?;
    let source = Path::new(install.source.as_ref()?);
    let below = path.as_str().strip_prefix(at.as_str())?.trim_start_matches('/');
    Some(if below.is_empty() { source.to_owned() } else { source.join(below) })
}
