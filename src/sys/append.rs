//! Files that many processes append to at once.
//!
//! An appender holds a shared lock while it writes, which never waits for another appender. Whoever
//! wants to remove the file takes the exclusive one and finds it free, or leaves the file for another
//! day: so what was acknowledged is in the file or was read from it. An appender may stand still at any
//! point, for days; so what it goes by is asked for once more when it has the lock.

use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use fs_err::os::unix::fs::OpenOptionsExt as _;
use rustix::fs::{FlockOperation, OFlags, flock};

use super::fault::{Gate, gate};

/// How often a file that was being removed is looked for again.
const TRIES: usize = 8;

/// Appends `bytes` in one call, making the file with `mode`; returns its size before. What comes
/// back without an error is in a file that has a name.
///
/// # Errors
/// When it can't be opened (a link in its place is not followed), is being removed, is
/// `bytes_max` large already (`FileTooLarge`), or not all was written.
pub fn append(path: &Path, bytes: &[u8], mode: u32, bytes_max: u64) -> io::Result<u64> {
    let appended = append_if(path, bytes, mode, bytes_max, || Ok(true))?;
    Ok(appended.expect("BUG: it always is"))
}

/// The same, if it still is right to do so once nobody can remove the file any more; `None` when not.
///
/// # Errors
/// As [`append`], and when that can't be told.
pub fn append_if(
    path: &Path,
    bytes: &[u8],
    mode: u32,
    bytes_max: u64,
    is_right: impl Fn() -> io::Result<bool>,
) -> io::Result<Option<u64>> {
    for _ in 0..TRIES {
        gate("open")?;
        let mut file = fs_err::OpenOptions::new()
            .append(true)
            .create(true)
            .mode(mode)
            .custom_flags(super::fs::flags(OFlags::NOFOLLOW | OFlags::NONBLOCK))
            .open(path)?;
        let is_held = flock(file.file(), FlockOperation::NonBlockingLockShared).is_ok();
        if !is_right()? {
            return Ok(None);
        }
        if !is_held {
            continue;
        }
        let metadata = file.metadata()?;
        if metadata.nlink() == 0 {
            continue;
        }
        if !metadata.is_file() {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let size = metadata.size() + bytes.len() as u64;
        if size > bytes_max || !super::fs::may_grow_to(size) {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        let written = match gate("write")? {
            Gate::DieHalfway => {
                let _ = file.write(&bytes[..bytes.len() / 2]);
                std::process::abort()
            }
            Gate::Pass => file.write(bytes)?,
        };
        // The rest after somebody else's record would be two torn ones.
        if written < bytes.len() {
            return Err(io::ErrorKind::WriteZero.into());
        }
        // Whoever can't wait any longer empties the file before it goes: what is there still, nobody read.
        let after = file.metadata()?;
        if after.nlink() == 0 && after.size() > 0 {
            continue;
        }
        return Ok(Some(metadata.size()));
    }
    Err(io::ErrorKind::ResourceBusy.into())
}

/// The last `bytes_max` bytes of a file; none where there is no file. Links are not followed, pipes not
/// waited for.
///
/// # Errors
/// Anything but "not there".
pub fn tail(path: &Path, bytes_max: u64) -> io::Result<Vec<u8>> {
    tail_from(path, 0, bytes_max)
}

/// The same of what stands from `from` on.
///
/// # Errors
/// As [`tail`].
pub fn tail_from(path: &Path, from: u64, bytes_max: u64) -> io::Result<Vec<u8>> {
    let flags = super::fs::flags(OFlags::NOFOLLOW | OFlags::NONBLOCK);
    let opened = fs_err::OpenOptions::new().read(true).custom_flags(flags).open(path);
    let mut file = match opened {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let size = metadata.size();
    file.seek(SeekFrom::Start(from.max(size.saturating_sub(bytes_max))))?;
    let mut bytes = Vec::new();
    file.take(bytes_max).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Removes a file that others append to, if it still is `bytes` long and nobody is writing to it;
/// whether it is gone.
///
/// # Errors
/// When it can't be opened or removed.
pub fn remove_if_long(path: &Path, bytes: u64) -> io::Result<bool> {
    let opened =
        fs_err::OpenOptions::new().read(true).custom_flags(super::fs::flags(OFlags::NOFOLLOW)).open(path);
    let file = match opened {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(true),
        Err(error) => return Err(error),
    };
    if flock(file.file(), FlockOperation::NonBlockingLockExclusive).is_err() {
        return Ok(false);
    }
    if file.metadata()?.size() != bytes {
        return Ok(false);
    }
    super::fs::remove_file(path)?;
    Ok(true)
}

/// Removes a file that others append to, whoever holds on to it. What it had must have been read.
///
/// # Errors
/// When it can't be emptied or removed.
pub fn remove_anyway(path: &Path) -> io::Result<()> {
    gate("truncate")?;
    let opened =
        fs_err::OpenOptions::new().write(true).custom_flags(super::fs::flags(OFlags::NOFOLLOW)).open(path);
    match opened {
        Ok(file) => file.set_len(0)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    }
    super::fs::remove_file(path)
}
