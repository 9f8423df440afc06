//! What a profile may ask of the machine, answered by `sys`.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::profile::{FileRead, ReadError, World};
use crate::sys::{env, fs};

/// The machine cs runs on.
#[derive(Debug)]
pub struct Machine {
    host: String,
}

impl Machine {
    /// Looks up what never changes while cs runs.
    #[must_use]
    pub fn new() -> Self {
        Self { host: env::host() }
    }
}

impl Default for Machine {
    fn default() -> Self {
        Self::new()
    }
}

fn read_error(path: &Path, error: &std::io::Error) -> ReadError {
    match error.kind() {
        ErrorKind::NotFound | ErrorKind::NotADirectory => ReadError::NotFound,
        ErrorKind::IsADirectory => ReadError::IsFolder,
        ErrorKind::FileTooLarge => {
            let bytes = fs::stat(path).ok().flatten().map_or(0, |stat| stat.size);
            ReadError::TooLarge { bytes }
        }
        ErrorKind::PermissionDenied => ReadError::Other("you may not read it".to_owned()),
        _ => ReadError::Other(error.to_string()),
    }
}

impl World for Machine {
    fn read(&self, path: &Path, bytes_max: u64) -> Result<FileRead, ReadError> {
        let (bytes, stat) = fs::read_with_stat(path, bytes_max).map_err(|error| read_error(path, &error))?;
        Ok(FileRead { bytes, executable: stat.mode & 0o111 != 0 })
    }

    fn walk(&self, folder: &Path) -> Result<Vec<PathBuf>, ReadError> {
        match fs::stat(folder) {
            Ok(Some(stat)) if stat.kind == fs::Kind::Folder => {}
            Ok(Some(_)) => return Err(ReadError::Other("it is not a folder".to_owned())),
            _ => return Err(ReadError::NotFound),
        }
        fs::walk(folder).map_err(|error| read_error(folder, &error))
    }

    fn exists(&self, path: &Path) -> bool {
        fs::stat(path).ok().flatten().is_some()
    }

    fn program(&self, name: &str) -> bool {
        env::program(name).is_some()
    }

    fn env(&self, name: &str) -> Option<String> {
        env::var(name)
    }

    fn home(&self) -> Option<PathBuf> {
        env::home()
    }

    fn os(&self) -> &str {
        env::os()
    }

    fn arch(&self) -> &str {
        env::arch()
    }

    fn host(&self) -> &str {
        &self.host
    }

    fn canonical(&self, path: &Path) -> PathBuf {
        fs::canonical(path).unwrap_or_else(|_| crate::root::locate::normal(path))
    }
}
