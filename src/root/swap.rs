//! Replacing a document that other programs may be rewriting at the same moment.
//!
//! The new bytes lie ready beside the document, in its swap file. One look at the document says
//! whether it is still the file they were made from; then the two names are exchanged: at
//! one instant the new bytes are there and the old ones in the swap file, where a second look
//! finds whatever was written between the first look and the exchange. If it is not the
//! file that was seen, both are exchanged back and the document is merged again. Where the file
//! system can't exchange, the look and a rename have to do, and a write that falls
//! between the two is lost.
//!
//! What this can't do, because the other program takes no lock and we can give it none:
//! - It reads, we exchange, it renames: *our* entries are gone (or ones that we let go are back),
//!   none of its own. While the transaction is open that is found and merged again
//!   (`documents`); afterwards it is drift, and an entry it brings back is its own.
//! - It renames in the microsecond between look and exchange, and reads again in the few until
//!   the exchange back: what it reads lacks its own last write, and if it writes that, the entry
//!   is lost. Only a program that rewrites without rest does that: 1 entry in 18,000 was, and
//!   none where it paused for half a millisecond. A lease on the new file would close
//!   this, on Linux only and at the price of stopping the other program; so would
//!   replaying its change on what it writes next, by guessing. Neither is worth it.
//! - It has the file open and writes into it: after the exchange that goes to the swap file. The
//!   client and careful editors write beside and rename.

use std::path::{Path, PathBuf};

use super::Error;
use crate::model::Digest;
use crate::sys::fs;

/// The swap file of a document.
#[must_use]
pub fn path_of(document: &Path) -> PathBuf {
    let name = document.file_name().unwrap_or_default().to_string_lossy();
    document.with_file_name(format!(".{name}.cs-swap"))
}

/// Writes the swap file anew.
///
/// # Errors
/// When it can't.
pub fn prepare(document: &Path, bytes: &[u8], mode: u32) -> Result<(), Error> {
    let swap = path_of(document);
    if fs::lstat(&swap)?.is_some() {
        fs::remove_file(&swap)?;
    }
    Ok(fs::write_new(&swap, bytes, mode)?)
}

/// A document's bytes as they were seen, and the file they were seen in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    pub bytes: Vec<u8>,
    pub mode: u32,
    stat: fs::Stat,
}

impl Seen {
    /// Of the bytes.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest::of(&self.bytes)
    }
}

/// Reads a file; `None` when it is not there.
///
/// # Errors
/// When it can't be read.
pub fn see(path: &Path) -> Result<Option<Seen>, Error> {
    let found = fs::read_with_stat_if_there(path, u64::MAX)?;
    Ok(found.map(|(bytes, stat)| Seen { bytes, mode: stat.mode, stat }))
}

/// How a replacement went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Swapped {
    Done,
    /// Somebody has written the document since it was seen; what they wrote is in place.
    Moved,
}

/// Puts `want` in place of what was `seen`; `None` is "no file", for both. The swap file
/// afterwards holds what was replaced.
///
/// # Errors
/// When the swap file can't be written or a name can't be changed.
pub fn swap(document: &Path, seen: Option<&Seen>, want: Option<&[u8]>, mode: u32) -> Result<Swapped, Error> {
    let aside = path_of(document);
    if let Some(bytes) = want {
        let is_ready = see(&aside)?.is_some_and(|ready| ready.bytes == bytes && ready.mode == mode);
        if !is_ready {
            prepare(document, bytes, mode)?;
        }
    }
    match (seen, want) {
        (None, None) => Ok(Swapped::Done),
        (None, Some(_)) => match fs::rename_new(&aside, document) {
            Ok(()) => Ok(Swapped::Done),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(Swapped::Moved),
            Err(error) => Err(error.into()),
        },
        (Some(seen), None) if !is_unchanged(document, seen)? => Ok(Swapped::Moved),
        (Some(seen), None) => {
            match fs::rename(document, &aside) {
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Swapped::Moved),
                result => result?,
            }
            if is_same(see(&aside)?.as_ref(), seen) {
                return Ok(Swapped::Done);
            }
            // If a newer one has come meanwhile, that stays.
            match fs::rename_new(&aside, document) {
                Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => Err(error.into()),
                _ => Ok(Swapped::Moved),
            }
        }
        (Some(seen), Some(want)) => replace(document, &aside, seen, want),
    }
}

fn replace(document: &Path, aside: &Path, seen: &Seen, want: &[u8]) -> Result<Swapped, Error> {
    // Whoever wrote it while we merged is found here, without anything having been shown.
    if !is_unchanged(document, seen)? {
        return Ok(Swapped::Moved);
    }
    match fs::exchange(document, aside) {
        Ok(true) => {}
        Ok(false) => return look_and_rename(document, aside, seen),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Swapped::Moved),
        Err(error) => return Err(error.into()),
    }
    // The quick look first: until the exchange back, others can read what lacks their entry.
    if is_unchanged(aside, seen)? && is_same(see(aside)?.as_ref(), seen) {
        return Ok(Swapped::Done);
    }
    // What came out is newer than what we merged: back with it.
    fs::exchange(document, aside)?;
    let is_ours = see(aside)?.is_some_and(|back| back.bytes == want);
    if !is_ours {
        // A third one came between the two exchanges: it is the newest.
        fs::exchange(document, aside)?;
    }
    Ok(Swapped::Moved)
}

fn look_and_rename(document: &Path, aside: &Path, seen: &Seen) -> Result<Swapped, Error> {
    if !is_same(see(document)?.as_ref(), seen) {
        return Ok(Swapped::Moved);
    }
    fs::rename(aside, document)?;
    Ok(Swapped::Done)
}

/// Whether a name still has the file that was seen, as far as one call can tell.
fn is_unchanged(path: &Path, seen: &Seen) -> Result<bool, Error> {
    let key = |stat: &fs::Stat| (stat.device, stat.inode, stat.size, stat.modified_ns);
    Ok(fs::lstat(path)?.is_some_and(|stat| key(&stat) == key(&seen.stat)))
}

fn is_same(found: Option<&Seen>, seen: &Seen) -> bool {
    found.is_some_and(|found| found.stat.inode == seen.stat.inode && found.bytes == seen.bytes)
}

/// Removes the swap file; for when its content is no longer needed.
///
/// # Errors
/// When it can't.
pub fn clear(document: &Path) -> Result<(), Error> {
    let swap = path_of(document);
    if fs::lstat(&swap)?.is_some() {
        fs::remove_file(&swap)?;
    }
    Ok(())
}
