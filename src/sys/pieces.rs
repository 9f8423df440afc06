//! A file of which only pieces are read.

use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use fs_err::os::unix::fs::OpenOptionsExt as _;
use rustix::fs::OFlags;

/// An open file.
#[derive(Debug)]
pub struct Pieces(fs_err::File);

impl Pieces {
    /// Opens a file; `None` where there is none. Links are not followed, pipes not waited for.
    ///
    /// # Errors
    /// Anything but "not there".
    pub fn open(path: &Path) -> io::Result<Option<Self>> {
        let flags = super::fs::flags(OFlags::NOFOLLOW | OFlags::NONBLOCK);
        match fs_err::OpenOptions::new().read(true).custom_flags(flags).open(path) {
            Ok(file) => Ok(Some(Self(file))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// So many bytes from a place on.
    ///
    /// # Errors
    /// When there are fewer, or they can't be read.
    pub fn read_at(&self, offset: u64, count: usize) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; count];
        self.0.file().read_exact_at(&mut bytes, offset)?;
        Ok(bytes)
    }
}
