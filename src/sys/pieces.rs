//! A file of which only pieces are read.

use std::io::{self, BufRead as _, BufReader, Read as _};
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

    /// Calls `each` with every line, without its end, and how many bytes it took. Of one that is longer than `bytes_max`
    /// only so many bytes are given. What has no end yet, because somebody is writing it, is a line as well.
    ///
    /// # Errors
    /// When it can't be read.
    pub fn lines(self, bytes_max: u64, mut each: impl FnMut(&[u8], u64)) -> io::Result<()> {
        let mut reader = BufReader::with_capacity(256 << 10, self.0);
        let mut line = Vec::new();
        loop {
            line.clear();
            let mut bytes = reader.by_ref().take(bytes_max).read_until(b'\n', &mut line)? as u64;
            if bytes == 0 {
                return Ok(());
            }
            if line.last() == Some(&b'\n') {
                line.pop();
            } else {
                bytes += reader.skip_until(b'\n')? as u64;
            }
            each(&line, bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_have_a_length_at_most() {
        let temp = tempfile::tempdir().expect("a folder");
        let path = temp.path().join("x");
        crate::sys::fs::write_new(&path, b"one\n\nlonger line\nlast", 0o600).expect("written");
        let mut lines = Vec::new();
        let pieces = Pieces::open(&path).expect("opened").expect("there");
        pieces
            .lines(5, |line, bytes| lines.push((String::from_utf8_lossy(line).into_owned(), bytes)))
            .expect("read");
        let of = |text: &str, bytes| (text.to_owned(), bytes);
        assert_eq!(lines, [of("one", 4), of("", 1), of("longe", 12), of("last", 4)]);
    }
}
