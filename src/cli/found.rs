//! The files of a root that a profile may declare, as they lie there: what `cs init` takes along, and what `cs
//! capture` finds new.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::engine::Context;
use super::error::CliError;
use super::world::Machine;
use crate::draft::{self, File, Left};
use crate::model::limits;
use crate::profile::{FileRead, ReadError, Remote, World};
use crate::root::locate;
use crate::sys::fs;

/// Folders of a root in which people keep what Claude Code reads.
const FOLDERS: [&str; 6] = ["hooks", "agents", "commands", "skills", "rules", "output-styles"];

/// The paths that may be declared, with `/` between names: what lies in the folders, and what the settings name.
/// A folder in one of them that is not `wanted` is not looked into. What can't be looked into goes to `passed`.
pub fn paths(
    context: &Context,
    settings: Option<&Value>,
    wanted: &dyn Fn(&str) -> bool,
    passed: &mut Vec<Left>,
) -> Vec<String> {
    let root = &context.root.path;
    let mut paths: Vec<String> = Vec::new();
    for name in FOLDERS {
        match fs::lstat(&root.join(name)).ok().flatten().map(|stat| stat.kind) {
            Some(fs::Kind::Folder) => {
                if let Err(error) = below(root, name, wanted, &mut paths) {
                    pass(passed, name, &format!("it can't be read: {error}"));
                }
            }
            Some(fs::Kind::Link) => pass(passed, name, "it is a link: declare it where it leads"),
            _ => {}
        }
    }
    paths.push("CLAUDE.md".to_owned());
    paths.extend(settings.into_iter().flat_map(|settings| named(context, settings)));
    paths.sort();
    paths.dedup();
    paths
}

/// The files of the root that the settings name.
#[must_use]
pub fn named(context: &Context, settings: &Value) -> Vec<String> {
    let (root, home) = (context.root.text(), context.root.home_text());
    let mut named = Vec::new();
    texts(settings, &mut |text| named.extend(draft::named_in(text, &root, home.as_deref())));
    named
}

fn below(
    root: &Path,
    name: &str,
    wanted: &dyn Fn(&str) -> bool,
    paths: &mut Vec<String>,
) -> std::io::Result<()> {
    for entry in fs::list(&root.join(name))? {
        let Some(path) = entry.to_str().map(|entry| format!("{name}/{entry}")) else { continue };
        let full = root.join(&path);
        match fs::lstat(&full)?.map(|stat| stat.kind) {
            Some(fs::Kind::Folder) if wanted(&path) => {
                let below = fs::walk(&full)?;
                paths.extend(below.iter().filter_map(|file| Some(format!("{path}/{}", file.to_str()?))));
            }
            Some(fs::Kind::Folder) | None => {}
            Some(_) => paths.push(path),
        }
    }
    Ok(())
}

/// The files at those of the paths that are any. What can't be taken along goes to `passed`.
///
/// # Errors
/// When what is there can't be told.
pub fn read(context: &Context, paths: &[String], passed: &mut Vec<Left>) -> Result<Vec<File>, CliError> {
    let mut files = Vec::new();
    for path in paths {
        let full = context.root.path.join(path);
        let Some(stat) = fs::stat(&full)?.filter(|stat| stat.kind == fs::Kind::File) else {
            if let Some(target) = led_to(context, path) {
                let why = match fs::stat(&full)? {
                    Some(_) => "it is a link to a folder: declare it where it leads".to_owned(),
                    None => format!("it is a link to {}, where nothing is", context.root.show(&target)),
                };
                pass(passed, path, &why);
            }
            continue;
        };
        match fs::read(&full, limits::SOURCE_BYTES_MAX) {
            Ok(bytes) => {
                files.push(File { path: path.clone(), bytes, executable: stat.mode & 0o111 != 0 });
            }
            Err(error) if error.kind() == std::io::ErrorKind::FileTooLarge => {
                let mib = limits::SOURCE_BYTES_MAX >> 20;
                pass(passed, path, &format!("it is larger than {mib} MiB"));
            }
            Err(error) => pass(passed, path, &format!("it can't be read: {error}")),
        }
    }
    Ok(files)
}

/// Where the file at `path` is taken from, if that is a link.
#[must_use]
pub fn led_to(context: &Context, path: &str) -> Option<PathBuf> {
    let full = context.root.path.join(path);
    let target = fs::read_link(&full).ok()?;
    Some(locate::normal(&full.parent()?.join(target)))
}

/// Notes what stays where it is, and why.
pub fn pass(passed: &mut Vec<Left>, what: &str, why: &str) {
    passed.push(Left { what: what.to_owned(), why: why.to_owned() });
}

/// Every text in a value.
fn texts(value: &Value, visit: &mut dyn FnMut(&str)) {
    match value {
        Value::String(text) => visit(text),
        Value::Array(items) => items.iter().for_each(|item| texts(item, visit)),
        Value::Object(members) => members.values().for_each(|member| texts(member, visit)),
        _ => {}
    }
}

/// The machine as it will be when a profile and its sources are written.
#[derive(Debug)]
pub struct Beside<'a> {
    machine: Machine,
    files: BTreeMap<PathBuf, (&'a [u8], bool)>,
}

impl<'a> Beside<'a> {
    /// With the text of the profile at a path, and each of the sources where it will be.
    pub fn new(
        machine: Machine,
        (profile, text): (&Path, &'a [u8]),
        sources: impl Iterator<Item = (PathBuf, &'a File)>,
    ) -> Self {
        let sources = sources.map(|(path, file)| (path, (file.bytes.as_slice(), file.executable)));
        let mut files: BTreeMap<PathBuf, (&[u8], bool)> = sources.collect();
        files.insert(profile.to_owned(), (text, false));
        Self { machine, files }
    }
}

impl World for Beside<'_> {
    fn read(&self, path: &Path, bytes_max: u64) -> Result<FileRead, ReadError> {
        match self.files.get(path) {
            Some((bytes, executable)) => Ok(FileRead { bytes: bytes.to_vec(), executable: *executable }),
            None if self.files.keys().any(|file| file.starts_with(path)) => Err(ReadError::IsFolder),
            None => self.machine.read(path, bytes_max),
        }
    }

    fn walk(&self, folder: &Path) -> Result<Vec<PathBuf>, ReadError> {
        let mut below: Vec<PathBuf> =
            self.files.keys().filter_map(|file| Some(file.strip_prefix(folder).ok()?.to_owned())).collect();
        if below.is_empty() {
            return self.machine.walk(folder);
        }
        // What lies there already stays there.
        below.extend(self.machine.walk(folder).unwrap_or_default());
        below.sort();
        below.dedup();
        Ok(below)
    }

    fn exists(&self, path: &Path) -> bool {
        self.files.keys().any(|file| file.starts_with(path)) || self.machine.exists(path)
    }

    fn program(&self, name: &str) -> bool {
        self.machine.program(name)
    }

    fn env(&self, name: &str) -> Option<String> {
        self.machine.env(name)
    }

    fn home(&self) -> Option<PathBuf> {
        self.machine.home()
    }

    fn os(&self) -> &str {
        self.machine.os()
    }

    fn arch(&self) -> &str {
        self.machine.arch()
    }

    fn host(&self) -> &str {
        self.machine.host()
    }

    fn canonical(&self, path: &Path) -> PathBuf {
        if self.files.contains_key(path) { path.to_owned() } else { self.machine.canonical(path) }
    }

    fn remote(&self, remote: &Remote) -> Result<PathBuf, ReadError> {
        self.machine.remote(remote)
    }
}
