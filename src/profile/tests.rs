//! Tests of the whole module, on a machine in memory.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::*;
use crate::model::{Content, Declared, HookId, InstallMode, Key, Kind, ManagedPath, Origin, Want};

mod builtins;
mod composing;
mod errors;
mod hooks;
mod installs;
mod properties;
mod runtime;
mod secrets;
mod settings;
mod when;

/// A machine in memory: `linux`, `x86_64`, host `login1.cluster.edu`, home `/home/me`.
struct Machine {
    files: BTreeMap<PathBuf, (Vec<u8>, bool)>,
    programs: BTreeSet<String>,
    env: BTreeMap<String, String>,
    reads: RefCell<Vec<PathBuf>>,
}

impl Machine {
    /// With `text` as `/p/main.toml`.
    fn new(text: &str) -> Self {
        let programs = ["/bin/sh", "/usr/bin/env", "bash", "sh", "uv", "python3"].map(str::to_owned);
        let machine = Self {
            files: BTreeMap::new(),
            programs: BTreeSet::from(programs),
            env: BTreeMap::new(),
            reads: RefCell::default(),
        };
        machine.file("/p/main.toml", text)
    }

    fn file(self, path: &str, text: impl AsRef<[u8]>) -> Self {
        self.put(path, text, false)
    }

    fn script(self, path: &str, text: &str) -> Self {
        self.put(path, text, true)
    }

    fn put(mut self, path: &str, text: impl AsRef<[u8]>, executable: bool) -> Self {
        self.files.insert(PathBuf::from(path), (text.as_ref().to_vec(), executable));
        self
    }

    fn env(mut self, name: &str, value: &str) -> Self {
        self.env.insert(name.to_owned(), value.to_owned());
        self
    }

    fn render(&self) -> Result<Rendered, Vec<Diagnostic>> {
        render(&ProfileRef::parse("/p/main.toml"), &target(), self)
    }

    /// Rendered, without a warning.
    fn good(&self) -> Rendered {
        let rendered = self.render().unwrap_or_else(|found| panic!("{}", shown(&found)));
        assert_eq!(shown(&rendered.diagnostics), "");
        rendered
    }

    /// What is wrong, as people see it.
    fn bad(&self) -> String {
        shown(&self.render().expect_err("an error"))
    }

    /// The first finding's message.
    fn message(&self) -> String {
        self.render().expect_err("an error")[0].message.clone()
    }
}

impl Machine {
    fn is_folder(&self, path: &Path) -> bool {
        let path = lexical(path);
        self.files.keys().any(|file| file != &path && file.starts_with(&path))
    }
}

impl World for Machine {
    fn read(&self, path: &Path, bytes_max: u64) -> Result<FileRead, ReadError> {
        let path = lexical(path);
        self.reads.borrow_mut().push(path.clone());
        if self.is_folder(&path) {
            return Err(ReadError::IsFolder);
        }
        let (bytes, executable) = self.files.get(&path).ok_or(ReadError::NotFound)?;
        let long = bytes.len() as u64;
        if long > bytes_max {
            return Err(ReadError::TooLarge { bytes: long });
        }
        Ok(FileRead { bytes: bytes.clone(), executable: *executable })
    }

    fn walk(&self, folder: &Path) -> Result<Vec<PathBuf>, ReadError> {
        let folder = lexical(folder);
        let below: Vec<PathBuf> = self
            .files
            .keys()
            .filter_map(|path| path.strip_prefix(&folder).ok())
            .map(Path::to_owned)
            .collect();
        if below.is_empty() { Err(ReadError::NotFound) } else { Ok(below) }
    }

    fn exists(&self, path: &Path) -> bool {
        self.is_folder(path) || self.files.contains_key(&lexical(path))
    }

    fn program(&self, name: &str) -> bool {
        self.programs.contains(name)
    }

    fn env(&self, name: &str) -> Option<String> {
        self.env.get(name).cloned()
    }

    fn home(&self) -> Option<PathBuf> {
        Some(PathBuf::from("/home/me"))
    }

    fn os(&self) -> &'static str {
        "linux"
    }

    fn arch(&self) -> &'static str {
        "x86_64"
    }

    fn host(&self) -> &'static str {
        "login1.cluster.edu"
    }

    fn canonical(&self, path: &Path) -> PathBuf {
        lexical(path)
    }
}

/// Without `.` and `..`.
fn lexical(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for component in path.components() {
        match component {
            std::path::Component::ParentDir => {
                out.pop();
            }
            std::path::Component::CurDir => {}
            other => out.push(other),
        }
    }
    out
}

fn target() -> Target {
    Target {
        hooks_prefix: "~/.claude/hooks".to_owned(),
        quoted: false,
        hooks_document: DocumentId::Settings,
        settings_document: DocumentId::Settings,
        servers_document: DocumentId::Servers,
        mode: InstallMode::Link,
        project: None,
        elsewhere: Elsewhere::default(),
    }
}

fn shown(found: &[Diagnostic]) -> String {
    found.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n\n")
}

/// The entries of settings.json, one per line: `= KEY VALUE`, `? KEY DEFAULT`, `- KEY`.
fn entries(rendered: &Rendered) -> String {
    let line = |declared: &Declared| match &declared.want {
        Want::Enforced(value) if matches!(declared.key, Key::Value(_)) => {
            format!("= {} {value}", declared.key)
        }
        Want::Enforced(_) => format!("= {}", declared.key),
        Want::Default(value) => format!("? {} {value}", declared.key),
        Want::Absent => format!("- {}", declared.key),
    };
    documents(rendered).iter().map(line).collect::<Vec<_>>().join("\n")
}

fn documents(rendered: &Rendered) -> &[Declared] {
    rendered.desired.documents.get(&DocumentId::Settings).map_or(&[], Vec::as_slice)
}

fn path(text: &str) -> ManagedPath {
    ManagedPath::new(text).expect("a valid path")
}

/// The installs, one per line: kind, mode, path, origin.
fn installs(rendered: &Rendered) -> String {
    let lines = rendered.desired.installs.iter().map(|(path, install)| {
        let folder = if install.folder { "/" } else { "" };
        format!("{:?} {:?} {path}{folder} {}", install.kind, install.mode, install.origin)
    });
    lines.collect::<Vec<_>>().join("\n")
}
