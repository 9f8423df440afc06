//! Where the durations of hooks lie: `learning/durations/NAME`, plain, in entries of a fixed size.

use std::io;
use std::path::{Path, PathBuf};

use crate::sys::{append, fs};

fn file(learning: &Path, hook: &str) -> PathBuf {
    learning.join("durations").join(hook)
}

/// Appends one entry; a file that has grown to `bytes_max` is cut back to its last `bytes_kept`.
///
/// # Errors
/// When it can't be written. An entry that comes while the file is cut back may be lost: durations
/// are figures, not records.
pub fn add(learning: &Path, hook: &str, entry: &[u8], bytes_kept: u64, bytes_max: u64) -> io::Result<()> {
    let path = file(learning, hook);
    let before = match append::append(&path, entry, 0o600, bytes_max * 2) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            // The folder of learning is made by an apply; without it there is nothing to keep.
            if fs::lstat(learning)?.is_none() {
                return Ok(());
            }
            match fs::make_folder(&learning.join("durations"), 0o700) {
                // Another hook was quicker.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                made => made?,
            }
            append::append(&path, entry, 0o600, bytes_max * 2)?
        }
        other => other?,
    };
    if before >= bytes_max { cut_back(&path, bytes_kept) } else { Ok(()) }
}

fn cut_back(path: &Path, bytes_kept: u64) -> io::Result<()> {
    let bytes = append::tail(path, bytes_kept)?;
    let temporary = path.with_extension("new");
    // Another hook may be doing the same: whoever made the file does it.
    match fs::write_new(&temporary, &bytes, 0o600) {
        Ok(()) => fs::rename(&temporary, path),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            // Or it was killed while it did. The next one gets through.
            fs::remove_file(&temporary)
        }
        Err(error) => Err(error),
    }
}

/// The file's last `bytes_max` bytes; none where there is no file.
///
/// # Errors
/// When it can't be read.
pub fn tail(learning: &Path, hook: &str, bytes_max: u64) -> io::Result<Vec<u8>> {
    append::tail(&file(learning, hook), bytes_max)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_entries_are_kept() {
        let temp = tempfile::tempdir().expect("a folder");
        for number in 0..100_u64 {
            add(temp.path(), "hook", &number.to_le_bytes(), 80, 160).expect("written");
        }
        let bytes = tail(temp.path(), "hook", 1_000).expect("read");
        assert!(bytes.len() <= 168 && bytes.ends_with(&99_u64.to_le_bytes()), "{}", bytes.len());
        let absent = temp.path().join("absent");
        add(&absent, "hook", b"x", 80, 160).expect("nothing is made");
        assert_eq!(fs::lstat(&absent).expect("told"), None);
    }
}
