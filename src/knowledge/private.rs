//! Files and folders that are ours alone: never through a link, never readable by others,
//! written whole or not at all.

use std::path::{Path, PathBuf};

use super::KeyError;
use crate::crypto::ring::{Context, Ring};
use crate::crypto::seal;
use crate::model::limits;
use crate::sys::fs::{self, FileLock, Kind, Stat};
use crate::sys::{clock, env};

const FILE_MODE: u32 = 0o600;

/// How long to wait between two tries for a lock.
const LOCK_PAUSE_MS: u64 = 5;

/// The bytes of a file of ours; `None` only when there is none.
///
/// # Errors
/// Anything else, also when others may read it.
pub fn read(path: &Path) -> Result<Option<Vec<u8>>, KeyError> {
    Ok(read_with_stat(path)?.map(|(bytes, _)| bytes))
}

/// The bytes of a file of ours that may be larger than one of keys; `None` only when there is none.
///
/// # Errors
/// Anything else, also when others may read it, or when it is larger.
pub fn read_up_to(path: &Path, bytes_max: u64) -> Result<Option<Vec<u8>>, KeyError> {
    Ok(read_within(path, bytes_max)?.map(|(bytes, _)| bytes))
}

/// The bytes of a file of ours and what it is, which tells whether it was written anew since.
///
/// # Errors
/// As [`read`].
pub fn read_with_stat(path: &Path) -> Result<Option<(Vec<u8>, Stat)>, KeyError> {
    read_within(path, limits::KEY_FILE_BYTES_MAX)
}

fn read_within(path: &Path, bytes_max: u64) -> Result<Option<(Vec<u8>, Stat)>, KeyError> {
    // A look first: what opening a link fails with differs between systems.
    match fs::lstat(path)? {
        Some(stat) if stat.kind != Kind::File => {
            return Err(KeyError::NotOurs { path: path.to_owned(), wanted: "a regular file" });
        }
        _ => {}
    }
    let Some((bytes, stat)) = fs::read_no_follow(path, bytes_max)? else { return Ok(None) };
    check(path, stat)?;
    Ok(Some((bytes, stat)))
}

/// Opens what some key of the ring has sealed, the newest first; `None` where none has.
#[must_use]
pub fn open(ring: &Ring, context: Context, token: &[u8], now: u64) -> Option<Vec<u8>> {
    let epochs: Vec<_> = ring.epochs().collect();
    let opened = epochs.into_iter().rev().find_map(|epoch| {
        let key = ring.key(epoch, context)?;
        seal::open(&key, token, now).ok()
    });
    opened.map(|opened| opened.plain)
}

/// Refuses what belongs to others or is open to them.
fn check(path: &Path, stat: Stat) -> Result<(), KeyError> {
    let us = env::uid();
    if stat.uid != us {
        return Err(KeyError::ForeignOwner { path: path.to_owned(), owner: stat.uid, us });
    }
    if stat.mode & 0o077 != 0 {
        return Err(KeyError::Exposed { path: path.to_owned(), mode: stat.mode });
    }
    Ok(())
}

/// Checks that a folder is a real one, ours and closed; whether it is there.
///
/// # Errors
/// When it is something else.
pub fn check_folder(path: &Path) -> Result<bool, KeyError> {
    let Some(stat) = fs::lstat(path)? else { return Ok(false) };
    if stat.kind != Kind::Folder {
        return Err(KeyError::NotOurs { path: path.to_owned(), wanted: "a folder" });
    }
    check(path, stat).map(|()| true)
}

/// Makes a folder of ours, or closes one that is open to others.
///
/// # Errors
/// When something else is there, or it belongs to others.
pub fn make_folder(path: &Path) -> Result<(), KeyError> {
    match check_folder(path) {
        Ok(true) => Ok(()),
        Ok(false) => {
            match fs::make_private_folder(path) {
                // Another process was quicker; what it made is looked at like any other.
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
                    return match check_folder(path)? {
                        true => Ok(()),
                        false => Err(error.into()),
                    };
                }
                made => made?,
            }
            // Else a power cut could take the folder and leave what points to it.
            Ok(fs::sync(path.parent().unwrap_or(path))?)
        }
        Err(KeyError::Exposed { .. }) => Ok(fs::set_mode(path, 0o700)?),
        Err(error) => Err(error),
    }
}

/// Writes a file of ours: whole and durable, or not at all. Under a lock only.
///
/// # Errors
/// When it can't; then what was there is there still.
pub fn write(path: &Path, bytes: &[u8]) -> Result<(), KeyError> {
    replace(path, bytes, true)
}

/// The same; what is not durable is quick, and after a power cut may be what it was, or damaged.
///
/// # Errors
/// As [`write()`].
pub fn replace(path: &Path, bytes: &[u8], is_durable: bool) -> Result<(), KeyError> {
    let temporary = temporary(path);
    fs::remove_file(&temporary)?;
    fs::write_new(&temporary, bytes, FILE_MODE)?;
    if is_durable {
        fs::sync(&temporary)?;
    }
    fs::rename(&temporary, path)?;
    if is_durable {
        fs::sync(path.parent().unwrap_or(path))?;
    }
    Ok(())
}

fn temporary(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    path.with_file_name(name)
}

/// Holds a lock of ours, waiting for whoever has it.
///
/// # Errors
/// When it takes too long.
pub fn lock(path: &Path) -> Result<FileLock, KeyError> {
    let mut waited_ms = 0;
    loop {
        if let Some(lock) = fs::try_lock(path)? {
            return Ok(lock);
        }
        if waited_ms >= limits::LOCK_WAIT_MS_MAX {
            return Err(KeyError::Locked(path.to_owned()));
        }
        clock::pause_ms(LOCK_PAUSE_MS);
        waited_ms += LOCK_PAUSE_MS;
    }
}
