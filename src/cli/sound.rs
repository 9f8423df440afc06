//! Contents of a generation that can't be trusted any more, and where the same can be had.
//!
//! Generations share the files that they have in common, read-only. Whoever may write all the same (root, or an
//! editor that changes modes) and writes in place, through a link of ours, changes them for all that share one.

use std::collections::BTreeMap;
use std::path::Path;

use super::engine::Context;
use super::error::{CliError, refused};
use crate::generation::FileRecord;
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
        if is_sound(&file(store, side, path), record) {
            continue;
        }
        match elsewhere(store, side.manifest.generation, path, record.digest)
            .or_else(|| source(side, path, record.digest))
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

fn file(store: &Store, side: &Side, path: &ManagedPath) -> std::path::PathBuf {
    store.generation(side.manifest.generation).join("files").join(path.as_str())
}

/// Whether a content is the one that was stored; by size and time, where those are.
fn is_sound(file: &Path, record: &FileRecord) -> bool {
    let stat = fs::lstat(file).ok().flatten();
    let is_untouched =
        stat.is_some_and(|stat| (stat.size, stat.modified_ns) == (record.bytes, record.modified_ns));
    is_untouched || read(file, record.digest).is_some()
}

/// The file's bytes, if they have this digest.
fn read(file: &Path, digest: Digest) -> Option<Vec<u8>> {
    let bytes = fs::read_if_there(file, limits::SOURCE_BYTES_MAX).ok().flatten()?;
    (Digest::of(&bytes) == digest).then_some(bytes)
}

/// Whether another generation than `than` has this content at `path`, as it was stored.
#[must_use]
pub fn is_elsewhere(store: &Store, than: Generation, path: &ManagedPath, digest: Digest) -> bool {
    elsewhere(store, than, path, digest).is_some()
}

fn elsewhere(store: &Store, than: Generation, path: &ManagedPath, digest: Digest) -> Option<Vec<u8>> {
    let numbers = store.numbers().unwrap_or_default().into_iter().rev();
    numbers.filter(|number| *number != than).find_map(|number| {
        let manifest = store.manifest(number).ok()?;
        manifest.state.files.get(path).filter(|record| record.digest == digest)?;
        read(&store.generation(number).join("files").join(path.as_str()), digest)
    })
}

/// What the profile took it from, where that is still the same.
fn source(side: &Side, path: &ManagedPath, digest: Digest) -> Option<Vec<u8>> {
    let installs = &side.manifest.state.installs;
    let (at, install) = installs.iter().find(|(at, _)| *at == path || at.contains(path))?;
    let source = Path::new(install.source.as_ref()?);
    let below = path.as_str().strip_prefix(at.as_str())?.trim_start_matches('/');
    let file = if below.is_empty() { source.to_owned() } else { source.join(below) };
    read(&file, digest)
}
