//! What a profile may ask of the machine, answered by `sys`.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::profile::{FileRead, ReadError, Remote, World};
use crate::remote::Remotes;
use crate::sys::{env, fs};

/// The machine cs runs on.
#[derive(Debug)]
pub struct Machine {
    host: String,
    /// The repositories that a profile may ask for; none where nobody should go to the network.
    remotes: Option<Remotes>,
}

impl Machine {
    /// Looks up what never changes while cs runs.
    #[must_use]
    pub fn new() -> Self {
        Self { host: env::host(), remotes: None }
    }

    /// With repositories.
    #[must_use]
    pub fn reaching(remotes: Remotes) -> Self {
        Self { remotes: Some(remotes), ..Self::new() }
    }

    /// The repositories.
    #[must_use]
    pub fn remotes(&self) -> Option<&Remotes> {
        self.remotes.as_ref()
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
        if let Some(read) = self.remotes.as_ref().and_then(|remotes| remotes.read(path, bytes_max)) {
            return read;
        }
        let (bytes, stat) = fs::read_with_stat(path, bytes_max).map_err(|error| read_error(path, &error))?;
        Ok(FileRead { bytes, executable: stat.mode & 0o111 != 0 })
    }

    fn walk(&self, folder: &Path) -> Result<Vec<PathBuf>, ReadError> {
        if let Some(walked) = self.remotes.as_ref().and_then(|remotes| remotes.walk(folder)) {
            return walked;
        }
        match fs::stat(folder) {
            Ok(Some(stat)) if stat.kind == fs::Kind::Folder => {}
            Ok(Some(_)) => return Err(ReadError::Other("it is not a folder".to_owned())),
            _ => return Err(ReadError::NotFound),
        }
        fs::walk(folder).map_err(|error| read_error(folder, &error))
    }

    fn exists(&self, path: &Path) -> bool {
        if let Some(exists) = self.remotes.as_ref().and_then(|remotes| remotes.exists(path)) {
            return exists;
        }
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

    fn remote(&self, remote: &Remote) -> Result<PathBuf, ReadError> {
        let Some(remotes) = &self.remotes else {
            return Err(ReadError::Other(format!("{} can't be reached from here", remote.repository())));
        };
        let told = |error: crate::remote::Error| ReadError::Other(format!("{error}; {}", error.remedy()));
        remotes.tree(remote).map_err(told)
    }
}
