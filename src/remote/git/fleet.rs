//! A git repository as the place where hosts leave what they tell: one ref for each, which only its host writes.
//!
//! `refs/cs/hosts/ID` names a commit without a parent, whose tree has one file, `bundle`; beside it, where this host
//! knows of another one that its own ref does not tell the truth of it, `shown`: bundles by which that one finds out. So a
//! repository holds what is told now and no history, nobody merges anything, and two hosts never wait for one another. What is in the refs is
//! believed no more than anything else that comes in: a bundle is signed, and its ref is only where it was found.

use std::collections::BTreeMap;
use std::path::Path;

use super::said::{Unpushed, telling, unpushed};
use super::{Error, Git, Names, far_side, text, well};
use crate::model::printable;
use crate::sys::{fs, stdio};

/// Where hosts are, in the repository and here.
const HOSTS: &str = "refs/cs/hosts/";
const THEIRS: &str = "refs/cs/theirs/";
/// The files in each commit.
const FILE: &str = "bundle";
const SHOWN: &str = "shown";

/// So many bundles of others are shown at most.
pub const SHOWN_MAX: usize = 8;

/// What was found under a host's ref.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// Its own, and those that it shows of others.
    Bundle(Vec<u8>, Vec<Vec<u8>>),
    /// There is none, or it is larger than any can be.
    None(String),
}

/// What a host leaves there.
#[derive(Debug)]
pub struct Left {
    /// What it tells, signed.
    pub bundle: Vec<u8>,
    /// What others told, that they are to find out about.
    pub shown: Vec<Vec<u8>>,
    /// The day that the commit is of, since 1970.
    pub day: u16,
}

/// So long a repository is waited for where nobody is there who could be asked something.
const NETWORK_MS: u64 = 120_000;

impl Git {
    /// Runs what goes over the network; what it printed, or all that was complained of.
    fn over_network<'a>(
        &self,
        args: impl IntoIterator<Item = &'a str>,
    ) -> Result<Result<String, String>, Error> {
        let call = self.prepared().args(args);
        // A password, or a new host's key: git and ssh ask the terminal.
        let ended = if stdio::is_terminal() { call.run().map(Some) } else { call.run_within(NETWORK_MS) };
        Ok(match ended.map_err(super::no_git)? {
            Some(ended) if ended.is_well => Ok(String::from_utf8_lossy(&ended.out).into_owned()),
            Some(ended) => Err(ended.err),
            None => Err(format!("it took longer than {} s", NETWORK_MS / 1000)),
        })
    }

    /// Which commit is under each host's ref, by the name of the host; nothing is fetched.
    ///
    /// # Errors
    /// When the repository can't be reached.
    pub fn hosts(&self, url: &str) -> Result<BTreeMap<String, String>, Error> {
        let (far, all) = (far_side(url, "upload-pack"), format!("{HOSTS}*"));
        let args = ["ls-remote", "--quiet"].into_iter().chain(far.as_deref()).chain(["--", url, &all]);
        let listed = self.over_network(args)?.map_err(|said| unreachable(url, &said))?;
        let host = |line: &str| {
            let (commit, name) = line.split_once('\t')?;
            Some((name.strip_prefix(HOSTS)?.to_owned(), commit.to_owned()))
        };
        let hosts: BTreeMap<String, String> = listed.lines().filter_map(host).collect();
        if hosts.values().any(|commit| Names::of(commit) == Names::Sha256) {
            self.make_anew(Names::Sha256)?;
        }
        Ok(hosts)
    }

    /// Without anything in it, as the other side makes names.
    fn make_anew(&self, names: Names) -> Result<(), Error> {
        fs::remove_all(&self.folder)?;
        self.make(names)
    }

    /// Fetches the refs of some hosts; what is under each, by the name of the host.
    ///
    /// # Errors
    /// When the repository can't be reached or read.
    pub fn fetch_hosts(
        &self,
        url: &str,
        hosts: &[String],
        bytes_max: u64,
    ) -> Result<BTreeMap<String, Found>, Error> {
        if hosts.is_empty() {
            return Ok(BTreeMap::new());
        }
        let specs: Vec<String> = hosts.iter().map(|id| format!("+{HOSTS}{id}:{THEIRS}{id}")).collect();
        let far = far_side(url, "upload-pack");
        let args = ["fetch", "--quiet", "--no-tags", "--no-write-fetch-head"];
        let args = args.into_iter().chain(far.as_deref()).chain(["--", url]);
        self.over_network(args.chain(specs.iter().map(String::as_str)))?
            .map_err(|said| unreachable(url, &said))?;
        let mut reader = self.reader()?;
        let mut found = BTreeMap::new();
        for id in hosts {
            found.insert(id.clone(), self.found(&mut reader, &format!("{THEIRS}{id}"), bytes_max)?);
        }
        Ok(found)
    }

    fn found(
        &self,
        reader: &mut crate::sys::process::Talk,
        name: &str,
        bytes_max: u64,
    ) -> Result<Found, Error> {
        let bundle = match self.file(reader, &format!("{name}:{FILE}"), bytes_max)? {
            Ok(Some(bundle)) => bundle,
            Ok(None) => return Ok(Found::None(format!("it has no file `{FILE}`"))),
            Err(why) => return Ok(Found::None(why)),
        };
        // What can't be read of what it shows shows nothing.
        let most = (bytes_max + 4) * SHOWN_MAX as u64;
        let shown = self.file(reader, &format!("{name}:{SHOWN}"), most)?.ok().flatten().unwrap_or_default();
        Ok(Found::Bundle(bundle, apart(&shown)))
    }

    /// The bytes of a file of a commit; `None` where there is none, or why it is none that counts.
    fn file(
        &self,
        reader: &mut crate::sys::process::Talk,
        object: &str,
        bytes_max: u64,
    ) -> Result<Result<Option<Vec<u8>>, String>, Error> {
        let size = self.call(["cat-file", "-s", object])?;
        let size = String::from_utf8_lossy(&size.out).trim().parse::<u64>().ok().filter(|_| size.is_well);
        let Some(size) = size else { return Ok(Ok(None)) };
        if size > bytes_max {
            return Ok(Err(format!("it has {size} bytes, and {bytes_max} are the most")));
        }
        let answer = reader.ask(object)?;
        if !answer.ends_with(&format!(" blob {size}")) {
            return Ok(Err("it is no file".to_owned()));
        }
        let mut bytes = reader.bytes(usize::try_from(size).map_err(std::io::Error::other)? + 1)?;
        bytes.pop();
        Ok(Ok(Some(bytes)))
    }

    /// Leaves what [`Git::commit`] made of this bundle under a host's ref; which commit is there then. A repository where
    /// nothing is yet does not show before how it makes names: it may be another one.
    ///
    /// # Errors
    /// When it can't be written there.
    pub fn push_host(&self, url: &str, id: &str, commit: &str, left: &Left) -> Result<String, Error> {
        let (commit, pushed) = match self.push(url, id, commit)? {
            Err(said) if is_named_otherwise(&said) => {
                self.make_anew(match Names::of(commit) {
                    Names::Sha1 => Names::Sha256,
                    Names::Sha256 => Names::Sha1,
                })?;
                let commit = self.commit(left)?;
                let pushed = self.push(url, id, &commit)?;
                (commit, pushed)
            }
            pushed => (commit.to_owned(), pushed),
        };
        pushed.map(|()| commit).map_err(|said| match unpushed(&said) {
            Unpushed::Refused(said) => Error::PushRefused { repository: printable(url), said },
            Unpushed::Failed(said) => Error::PushFailed { repository: printable(url), said },
        })
    }

    /// Nothing else goes along, whatever the configuration says: no signature, submodule or tag. All that was complained
    /// of, where it came to nothing.
    fn push(&self, url: &str, id: &str, commit: &str) -> Result<Result<(), String>, Error> {
        let (far, spec) = (far_side(url, "receive-pack"), format!("+{commit}:{HOSTS}{id}"));
        let args =
            ["push", "--quiet", "--no-verify", "--no-signed", "--recurse-submodules=no", "--no-follow-tags"];
        let args = args.into_iter().chain(far.as_deref()).chain(["--", url, &spec]);
        Ok(self.over_network(args)?.map(drop))
    }

    /// A commit of what a host tells, and of what it shows of others. The same bytes on the same day are the same commit,
    /// whoever makes it: nothing of who that is, or of the time, is in it.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn commit(&self, Left { bundle, shown, day }: &Left) -> Result<String, Error> {
        let failed = |what: &str| {
            let what = what.to_owned();
            move |said| Error::Git { what, said }
        };
        let file = self.folder.join("cs-bundle");
        let index = self.folder.join("cs-index");
        remove(&index)?;
        let indexed = || self.prepared().env("GIT_INDEX_FILE", Some(&*text(&index)));
        let run = |args: &[&str]| indexed().args(args.iter().copied()).run().map_err(super::no_git);
        let others = together(shown);
        for (name, bytes) in [(FILE, bundle), (SHOWN, &others)] {
            if name == SHOWN && bytes.is_empty() {
                continue;
            }
            remove(&file)?;
            fs::write_new(&file, bytes, 0o600)?;
            let object = well(self.call(["hash-object", "-w", "--no-filters", "--", &*text(&file)])?)
                .map_err(failed("hash-object"))?;
            remove(&file)?;
            let entry = format!("100644,{},{name}", object.trim());
            well(run(&["update-index", "--add", "--cacheinfo", &entry])?).map_err(failed("update-index"))?;
        }
        let tree = well(run(&["write-tree"])?).map_err(failed("write-tree"))?;
        remove(&index)?;
        let date = format!("{} +0000", u64::from(*day) * 86_400);
        let mut commit = self.prepared();
        for who in ["GIT_AUTHOR", "GIT_COMMITTER"] {
            let [name, email, when] = match who {
                "GIT_AUTHOR" => ["GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "GIT_AUTHOR_DATE"],
                _ => ["GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL", "GIT_COMMITTER_DATE"],
            };
            commit = commit.env(name, Some("cs")).env(email, Some("cs@invalid")).env(when, Some(&date));
        }
        let args =
            ["-c", "commit.gpgSign=false", "commit-tree", "--no-gpg-sign", "-m", "bundle", tree.trim()];
        let made = well(commit.args(args).run().map_err(super::no_git)?).map_err(failed("commit-tree"))?;
        Ok(made.trim().to_owned())
    }
}

/// Some bundles as one file: each behind the number of its bytes.
fn together(bundles: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for bundle in bundles.iter().take(SHOWN_MAX) {
        let Ok(length) = u32::try_from(bundle.len()) else { continue };
        bytes.extend(length.to_le_bytes());
        bytes.extend(bundle);
    }
    bytes
}

/// The bundles of such a file, as far as it is one.
fn apart(mut bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut bundles = Vec::new();
    while let Some((length, rest)) = bytes.split_first_chunk() {
        let length = usize::try_from(u32::from_le_bytes(*length)).unwrap_or(usize::MAX);
        let Some((bundle, rest)) = rest.split_at_checked(length).filter(|_| bundles.len() < SHOWN_MAX) else {
            break;
        };
        bundles.push(bundle.to_vec());
        bytes = rest;
    }
    bundles
}

fn unreachable(url: &str, said: &str) -> Error {
    Error::Unreachable { repository: printable(url), said: telling(said) }
}

/// Whether that is why git did not push: in its own words, in English.
fn is_named_otherwise(said: &str) -> bool {
    ["mismatched algorithms", "does not support this repository's hash algorithm"]
        .iter()
        .any(|words| said.contains(words))
}

fn remove(path: &Path) -> std::io::Result<()> {
    match fs::lstat(path)? {
        Some(_) => fs::remove_file(path),
        None => Ok(()),
    }
}
