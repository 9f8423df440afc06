//! The system's git, asked so that nothing but git answers.

mod fleet;
mod said;

use std::path::{Path, PathBuf};

pub use fleet::{Found, Left, SHOWN_MAX};

use super::Error;
use crate::model::printable;
use crate::profile::is_commit;
use crate::profile::remote::Remote;
use crate::sys::process::{Call, Ended, Talk};
use crate::sys::{fs, stdio};

/// What would make git look elsewhere than where it is told.
const ELSEWHERE: [&str; 13] = [
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_NAMESPACE",
    "GIT_EXEC_PATH",
    "GIT_COMMON_DIR",
    "GIT_CONFIG_PARAMETERS",
    "GIT_CONFIG_COUNT",
    "GIT_GRAFT_FILE",
    "GIT_SHALLOW_FILE",
    "GIT_DEFAULT_HASH",
];

/// Configuration that a user may have and that has no place here: programs that git would start by itself,
/// objects that were not looked at, housekeeping in the background, and what would be told about this machine.
const PLAIN: [&str; 22] = [
    "-c",
    "core.hooksPath=/dev/null",
    "-c",
    "core.fsmonitor=false",
    "-c",
    "fetch.fsckObjects=true",
    "-c",
    "fetch.recurseSubmodules=false",
    "-c",
    "gc.auto=0",
    "-c",
    "maintenance.auto=false",
    // A server that says nothing more is given up: apply holds the lock meanwhile.
    "-c",
    "http.lowSpeedLimit=1",
    "-c",
    "http.lowSpeedTime=30",
    "-c",
    "push.pushOption=",
    "-c",
    "i18n.commitEncoding=UTF-8",
    "-c",
    "transfer.advertiseSID=false",
];

/// What the far side is started with where that is a program on this machine: it goes by the configuration of the
/// repository, which is of whoever can write there. Of that, what names programs; what changes a working tree, and so
/// runs its filters; and housekeeping.
const FAR: [&str; 8] = [
    "core.hooksPath=/dev/null",
    "core.alternateRefsCommand=true",
    "core.fsmonitor=false",
    "core.sshCommand=false",
    "receive.denyCurrentBranch=refuse",
    "receive.autoGC=false",
    "gc.auto=0",
    "maintenance.auto=false",
];

/// How names are made of contents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Names {
    Sha1,
    Sha256,
}

impl Names {
    fn of(object: &str) -> Self {
        if object.len() == 64 { Self::Sha256 } else { Self::Sha1 }
    }

    const fn word(self) -> &'static str {
        match self {
            Self::Sha1 => "sha1",
            Self::Sha256 => "sha256",
        }
    }
}

/// One file of a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blob {
    pub kind: BlobKind,
    pub bytes: u64,
    object: String,
}

/// What git keeps of a file beside its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BlobKind {
    File,
    Program,
    /// A symbolic link.
    Link,
    /// Another repository.
    Module,
}

/// A bare repository that holds what was fetched.
#[derive(Debug, Clone)]
pub struct Git {
    folder: PathBuf,
}

impl Git {
    /// The one in `folder`, made if it is not there.
    ///
    /// # Errors
    /// When it can't be made, or there is no git.
    pub fn open(folder: &Path) -> Result<Self, Error> {
        let git = Self { folder: folder.to_owned() };
        if fs::stat(&folder.join("HEAD"))?.is_none() {
            if let Some(above) = folder.parent() {
                super::make_cache(above)?;
            }
            git.make(Names::Sha1)?;
        }
        Ok(git)
    }

    /// Makes it, whatever else the configuration or the environment want: one that names its objects in another way can
    /// take none of the other side's.
    fn make(&self, names: Names) -> Result<(), Error> {
        let format = format!("init.defaultObjectFormat={}", names.word());
        let args = ["-c", &format, "init", "--quiet", "--bare", "--template=", "--", &*text(&self.folder)];
        // A git that knows of one way alone has no such option.
        let made = call().args(args).env("GIT_DEFAULT_HASH", Some(names.word())).run().map_err(no_git)?;
        well(made).map(drop).map_err(|said| Error::Git { what: "init".to_owned(), said })
    }

    fn call<'a>(&self, args: impl IntoIterator<Item = &'a str>) -> Result<Ended, Error> {
        self.prepared().args(args).run().map_err(no_git)
    }

    fn prepared(&self) -> Call {
        call().args(["--git-dir", &*text(&self.folder)])
    }

    /// The newest commit of what `remote` names, asked over the network.
    ///
    /// # Errors
    /// When it can't be reached, or names nothing.
    pub fn newest(&self, remote: &Remote) -> Result<(String, String), Error> {
        let Remote { url, reference, .. } = remote;
        if let Some(commit) = reference.as_ref().filter(|name| is_commit(name)) {
            return Ok((commit.clone(), commit.clone()));
        }
        let names = match reference {
            None => vec!["HEAD".to_owned()],
            // A tag may name an object that names the commit.
            Some(name) => vec![
                format!("refs/heads/{name}"),
                format!("refs/tags/{name}^{{}}"),
                format!("refs/tags/{name}"),
            ],
        };
        let far = far_side(url, "upload-pack");
        let asked = ["ls-remote"].into_iter().chain(far.as_deref()).chain(["--", url]);
        let asked = asked.chain(names.iter().map(String::as_str));
        let said = well(self.call(asked)?).map_err(|said| unreachable(remote, said))?;
        let lines: Vec<(&str, &str)> = said.lines().filter_map(|line| line.split_once('\t')).collect();
        let found = names.iter().find_map(|name| lines.iter().find(|(_, is)| is == name));
        let (commit, name) = found.ok_or_else(|| Error::NoSuchReference {
            repository: remote.repository(),
            reference: reference.clone().unwrap_or_else(|| "HEAD".to_owned()),
        })?;
        let name = name.strip_suffix("^{}").unwrap_or(name);
        Ok(((*commit).to_owned(), name.to_owned()))
    }

    /// Whether a commit is here.
    ///
    /// # Errors
    /// When there is no git.
    pub fn has(&self, commit: &str) -> Result<bool, Error> {
        Ok(self.call(["cat-file", "-e", &format!("{commit}^{{commit}}")])?.is_well)
    }

    /// Whether everything in a commit is what its name says: git looks at that only when it is asked.
    ///
    /// # Errors
    /// When there is no git.
    pub fn is_sound(&self, commit: &str) -> Result<bool, Error> {
        let args = ["rev-list", "--objects", "--verify-objects", "--no-walk", "--quiet", commit];
        let ended = self.call(args)?;
        // It ends well all the same, and complains.
        Ok(ended.is_well && ended.err.trim().is_empty())
    }

    /// Brings a commit here: by itself where the other side lets it be named, else with everything.
    ///
    /// # Errors
    /// When it can't be had.
    pub fn fetch(&self, remote: &Remote, commit: &str, name: Option<&str>) -> Result<(), Error> {
        let keep = format!("refs/cs/{commit}");
        let mut said = String::new();
        let named = name.map(|name| format!("+{name}:{keep}"));
        let whole = Some("+refs/*:refs/other/*".to_owned());
        let alone = Some(format!("+{commit}:{keep}"));
        let far = far_side(&remote.url, "upload-pack");
        for spec in [named, alone, whole].into_iter().flatten() {
            let args = ["fetch", "--quiet", "--no-tags", "--no-write-fetch-head"];
            let place = ["--", &remote.url, &spec];
            let fetched = self.call(args.into_iter().chain(far.as_deref()).chain(place))?;
            match well(fetched) {
                Ok(_) if self.has(commit)? => {
                    // So that nothing throws it away, whatever becomes of the names over there.
                    self.call(["update-ref", &keep, commit])?;
                    return Ok(());
                }
                Ok(_) => {}
                Err(complaint) => said = complaint,
            }
        }
        Err(if said.is_empty() || self.newest(remote).is_ok() {
            Error::Gone { repository: remote.repository(), commit: short(commit).to_owned() }
        } else {
            unreachable(remote, said)
        })
    }

    /// The files of a commit by their path.
    ///
    /// # Errors
    /// When it can't be read.
    pub fn files(&self, commit: &str) -> Result<Vec<(String, Blob)>, Error> {
        let listed = self.call(["ls-tree", "-r", "-l", "-z", "--full-tree", commit])?;
        let said = well(listed).map_err(|said| Error::Git { what: "ls-tree".to_owned(), said })?;
        Ok(said.split('\0').filter_map(blob).collect())
    }

    /// Starts reading contents.
    ///
    /// # Errors
    /// When there is no git.
    pub fn reader(&self) -> Result<Talk, Error> {
        self.prepared().args(["cat-file", "--batch"]).talk().map_err(no_git)
    }

    /// One line for each commit from one to another, the newest first.
    ///
    /// # Errors
    /// When there is no git.
    pub fn log(&self, from: &str, to: &str, most: usize) -> Result<Vec<String>, Error> {
        let most = format!("--max-count={most}");
        let range = format!("{from}..{to}");
        let said = self.call(["log", "--no-color", "--format=%h  %cs  %s", &most, &range, "--"])?;
        let said = String::from_utf8_lossy(&said.out).into_owned();
        Ok(said.lines().map(printable).collect())
    }
}

/// The content of a file.
///
/// # Errors
/// When it can't be read.
pub fn content(reader: &mut Talk, blob: &Blob) -> std::io::Result<Vec<u8>> {
    let answer = reader.ask(&blob.object)?;
    if !answer.ends_with(&format!(" blob {}", blob.bytes)) {
        return Err(std::io::Error::other(format!("git says of it: {answer}")));
    }
    let mut bytes = reader.bytes(usize::try_from(blob.bytes).map_err(std::io::Error::other)? + 1)?;
    bytes.pop();
    Ok(bytes)
}

/// `MODE blob OBJECT SIZE\tPATH`
fn blob(line: &str) -> Option<(String, Blob)> {
    let (what, path) = line.split_once('\t')?;
    let mut words = what.split_ascii_whitespace();
    let kind = match words.next()? {
        "100755" => BlobKind::Program,
        "120000" => BlobKind::Link,
        "160000" => BlobKind::Module,
        _ => BlobKind::File,
    };
    let object = words.nth(1)?.to_owned();
    let bytes = words.next().and_then(|bytes| bytes.parse().ok()).unwrap_or_default();
    Some((path.to_owned(), Blob { kind, bytes, object }))
}

fn call() -> Call {
    let mut call = Call::new("git").args(PLAIN);
    for name in ELSEWHERE {
        call = call.env(name, None);
    }
    // Whatever the configuration allows: no transport that runs a program of its own choosing.
    call = call.env("GIT_ALLOW_PROTOCOL", Some("https:http:ssh:git:file")).env("LC_ALL", Some("C"));
    // An object is what its name says, not what something in the cache says in its place.
    call = call.env("GIT_NO_REPLACE_OBJECTS", Some("1"));
    // What is not there is not fetched from where a repository says.
    call = call.env("GIT_NO_LAZY_FETCH", Some("1"));
    if !stdio::is_terminal() {
        call = call.env("GIT_TERMINAL_PROMPT", Some("0"));
    }
    call
}

/// The option for a far side that is started on this machine. Elsewhere it runs with the rights of whoever keeps the
/// repository, and often may be called by its name alone.
fn far_side(url: &str, service: &str) -> Option<String> {
    let is_here = url.starts_with('/') || url.starts_with("file:");
    let settings = || FAR.map(|setting| format!("-c {setting} ")).concat();
    is_here.then(|| format!("--{service}=git {}{service}", settings()))
}

/// What it printed, or why there is nothing.
fn well(ended: Ended) -> Result<String, String> {
    if ended.is_well {
        return Ok(String::from_utf8_lossy(&ended.out).into_owned());
    }
    Err(said::telling(&ended.err))
}

fn unreachable(remote: &Remote, said: String) -> Error {
    Error::Unreachable { repository: remote.repository(), said }
}

fn no_git(error: std::io::Error) -> Error {
    match error.kind() {
        std::io::ErrorKind::NotFound => Error::NoGit,
        _ => Error::Io(error),
    }
}

fn text(path: &Path) -> std::borrow::Cow<'_, str> {
    path.to_string_lossy()
}

/// A commit's name for people.
#[must_use]
pub fn short(commit: &str) -> &str {
    commit.get(..7).unwrap_or(commit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listed_file_is_what_git_says() {
        let (path, file) = blob("100755 blob abc123      17\thooks/a b.sh").expect("a file");
        assert_eq!((path.as_str(), file.bytes, file.object.as_str()), ("hooks/a b.sh", 17, "abc123"));
        assert_eq!(file.kind, BlobKind::Program);
        assert_eq!(blob("120000 blob abc 1\tx").expect("a link").1.kind, BlobKind::Link);
        assert_eq!(blob("160000 commit abc       -\tx").expect("a module").1.kind, BlobKind::Module);
        assert_eq!(blob(""), None);
    }
}
