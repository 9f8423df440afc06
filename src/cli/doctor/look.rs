//! Looking at all the files the client reads in a root, ours or not.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::cli::engine::Context;
use crate::cli::world::Machine;
use crate::doctor::environment::{self, Version};
use crate::doctor::hooks::{self, Around};
use crate::doctor::json::{self, Kind};
use crate::doctor::markdown::{self, Text};
use crate::doctor::place::{self, End, Standing, Us, Use};
use crate::doctor::{Finding, servers, settings};
use crate::document::Outline;
use crate::model::limits;
use crate::root::Scope;
use crate::root::locate::normal;
use crate::sys::{env, fs};

/// The kernel follows no more links than that.
const HOPS_MAX: usize = 40;

/// What was looked at, and what was found.
pub(super) struct Look<'a> {
    context: &'a Context,
    machine: Machine,
    client: Option<Version>,
    us: Us,
    pub found: Vec<Finding>,
    pub looked_at: usize,
}

impl<'a> Look<'a> {
    pub fn new(context: &'a Context, client: Option<Version>) -> Self {
        let us = Us { uid: env::uid() };
        Self { context, machine: Machine::new(), client, us, found: Vec::new(), looked_at: 0 }
    }

    /// Everything in the root.
    pub fn root(&mut self) {
        let root = self.context.root.path.clone();
        self.folder(&root);
        self.environment(&root);
        let mut values = vec![self.settings(&root.join("settings.json"))];
        match self.context.root.scope.clone() {
            Scope::User => {
                let local = root.join("settings.local.json");
                if self.standing(&local).is_some() {
                    self.found.push(settings::unread().file(&local));
                }
                // Where a session is started in the home folder, it is that project's.
                self.settings(&local);
                self.state(&root);
                self.prose(&root.join("CLAUDE.md"), false);
            }
            Scope::Project(project) => {
                values.push(self.settings(&root.join("settings.local.json")));
                self.servers(&project.join(".mcp.json"), Kind::Servers);
                for file in ["CLAUDE.md", "CLAUDE.local.md", ".claude/CLAUDE.md"] {
                    self.prose(&project.join(file), false);
                }
            }
        }
        self.managed(values.into_iter().flatten());
        let agents = self.texts(&root.join("agents"));
        self.found.extend(markdown::agents(&agents));
        for folder in ["commands", "rules", "output-styles"] {
            for file in self.texts(&root.join(folder)) {
                self.found.extend(markdown::prose(&file, true));
            }
        }
        self.skills(&root.join("skills"));
    }

    /// What stands at a path; `None` when nothing does, or when that is told already.
    fn standing(&mut self, path: &Path) -> Option<Standing> {
        match standing(path) {
            Ok(standing) => standing,
            Err(error) => {
                self.unreadable(path, &error);
                None
            }
        }
    }

    fn unreadable(&mut self, path: &Path, error: &std::io::Error) {
        let (message, remedy) = match error.kind() {
            std::io::ErrorKind::PermissionDenied => (
                "you may not read it, and so Claude Code can't".to_owned(),
                format!("chmod u+r {}", place::quoted(path)),
            ),
            std::io::ErrorKind::FileTooLarge => {
                ("is too large to be looked into".to_owned(), "Look at what wrote it.".to_owned())
            }
            _ => (
                format!("can't be read: {error}"),
                "Look at what the system says of the disk (dmesg).".to_owned(),
            ),
        };
        self.found.push(Finding::error("unreadable", message).remedy(remedy).file(path));
    }

    /// Looks at a file and reads it; `None` when there is none to be read.
    fn read(&mut self, path: &Path, usage: Use, bytes_max: u64) -> Option<(Vec<u8>, Standing)> {
        let standing = self.standing(path)?;
        self.looked_at += 1;
        let found = place::check(path, &standing, usage, self.us);
        self.found.extend(found.into_iter().map(|own| own.file(path)));
        if !standing.is_file() {
            return None;
        }
        match fs::read(path, bytes_max) {
            Ok(bytes) => Some((bytes, standing)),
            Err(error) => {
                self.unreadable(path, &error);
                None
            }
        }
    }

    /// A folder has to be one, and ours alone.
    fn folder(&mut self, path: &Path) -> bool {
        let Some(standing) = self.standing(path) else { return false };
        let found = match standing.end {
            End::Folder => {
                // Whoever may write a folder may replace what is in it.
                place::check(path, &Standing { end: End::File, ..standing.clone() }, Use::Read, self.us)
            }
            End::Nothing => place::check(path, &standing, Use::Read, self.us),
            End::File | End::Other => vec![
                Finding::error("not-a-folder", "is not a folder, so Claude Code reads nothing here")
                    .remedy("Move it away."),
            ],
        };
        self.found.extend(found.into_iter().map(|own| own.file(path)));
        standing.end == End::Folder
    }

    fn json(&mut self, path: &Path, kind: Kind) -> Option<Outline> {
        let (bytes, standing) = self.read(path, Use::Rewritten, limits::DOCUMENT_READ_BYTES_MAX)?;
        let mut found = Vec::new();
        let outline = json::read(&bytes, kind, &mut found);
        if kind == Kind::Settings && bytes.len() as u64 > limits::DOCUMENT_BYTES_MAX {
            let message = format!("is {} bytes large, so Claude Code ignores the whole file", bytes.len());
            found.push(
                Finding::error("json-too-large", message)
                    .remedy("Look at what wrote it: settings are small."),
            );
        }
        if let Some(outline) = &outline {
            found.extend(json::exposed(outline, &standing, &place::quoted(path)));
        }
        self.found.extend(found.into_iter().map(|own| own.file(path)));
        outline
    }

    fn settings(&mut self, path: &Path) -> Option<Value> {
        let outline = self.json(path, Kind::Settings)?;
        let project = match &self.context.root.scope {
            Scope::User => None,
            Scope::Project(project) => Some(project.as_path()),
        };
        let around = Around {
            home: self.context.home(),
            project,
            world: &self.machine,
            standing: &|path| standing(path).ok().flatten(),
            is_noexec: &fs::is_noexec,
        };
        let found = settings::check(&outline, self.client).into_iter().chain(hooks::check(&outline, around));
        self.found.extend(found.map(|own| own.file(path)).collect::<Vec<_>>());
        Some(outline.value().clone())
    }

    /// The client's own state: beside the root where that is `~/.claude`, else in it.
    fn state(&mut self, root: &Path) {
        let beside = self.context.home().filter(|home| home.join(".claude") == root);
        let beside = beside.map(|home| home.join(".claude.json"));
        for file in beside.into_iter().chain([root.join(".claude.json")]) {
            self.servers(&file, Kind::State);
        }
    }

    fn servers(&mut self, path: &Path, kind: Kind) {
        let Some(outline) = self.json(path, kind) else { return };
        let found = servers::check(&outline, &self.machine);
        self.found.extend(found.into_iter().map(|own| own.file(path)));
    }

    fn prose(&mut self, path: &Path, has_frontmatter: bool) {
        if let Some((bytes, _)) = self.read(path, Use::Read, limits::MARKDOWN_BYTES_MAX) {
            self.found.extend(markdown::prose(&Text { path: path.to_owned(), bytes }, has_frontmatter));
        }
    }

    /// The Markdown files below a folder, through links.
    fn texts(&mut self, folder: &Path) -> Vec<Text> {
        let mut texts = Vec::new();
        let mut seen = HashSet::new();
        self.texts_below(folder, 0, &mut seen, &mut texts);
        texts
    }

    fn texts_below(
        &mut self,
        folder: &Path,
        depth: usize,
        seen: &mut HashSet<PathBuf>,
        texts: &mut Vec<Text>,
    ) {
        let is_new = fs::canonical(folder).is_ok_and(|real| seen.insert(real));
        if depth > 0 && !is_new || !self.folder(folder) {
            return;
        }
        for path in self.names(folder) {
            if texts.len() >= limits::DOCTOR_FILES_MAX {
                return;
            }
            let is_folder = fs::stat(&path).ok().flatten().is_some_and(|stat| stat.kind == fs::Kind::Folder);
            if is_folder && depth < limits::DOCTOR_DEPTH_MAX {
                self.texts_below(&path, depth + 1, seen, texts);
            } else if is_markdown(&path)
                && let Some((bytes, _)) = self.read(&path, Use::Read, limits::MARKDOWN_BYTES_MAX)
            {
                texts.push(Text { path, bytes });
            }
        }
    }

    /// What is in a folder, but for hidden files.
    fn names(&mut self, folder: &Path) -> Vec<PathBuf> {
        match fs::list(folder) {
            Ok(names) => {
                let is_shown = |name: &&std::ffi::OsString| !name.to_string_lossy().starts_with('.');
                names.iter().filter(is_shown).map(|name| folder.join(name)).collect()
            }
            Err(error) => {
                self.unreadable(folder, &error);
                Vec::new()
            }
        }
    }

    fn skills(&mut self, folder: &Path) {
        if !self.folder(folder) {
            return;
        }
        for path in self.names(folder) {
            let file = path.join("SKILL.md");
            match self.standing(&path).map(|standing| standing.end) {
                Some(End::Folder) if self.standing(&file).is_none() => {
                    self.looked_at += 1;
                    self.found.push(markdown::skill_without_file(&path));
                }
                Some(End::Folder) => {
                    if let Some((bytes, _)) = self.read(&file, Use::Read, limits::MARKDOWN_BYTES_MAX) {
                        self.found.extend(markdown::skill(&Text { path: file, bytes }));
                    }
                }
                Some(End::Nothing) => drop(self.read(&path, Use::Read, 0)),
                Some(End::File) if is_markdown(&path) => {
                    self.looked_at += 1;
                    self.found.push(markdown::skill_not_in_folder(&path));
                }
                Some(End::File | End::Other) | None => {}
            }
        }
    }

    /// Where the client would look, started from here.
    fn environment(&mut self, root: &Path) {
        if self.context.root.scope != Scope::User {
            return;
        }
        let real = |path: PathBuf| fs::canonical(&path).unwrap_or(path);
        let here = env::current_dir().unwrap_or_default();
        let config_dir = env::var("CLAUDE_CONFIG_DIR").map(|dir| real(normal(&here.join(dir))));
        let default = self.context.home().map(|home| real(home.join(".claude")));
        let finding = environment::folder(&real(root.to_owned()), config_dir.as_deref(), default.as_deref());
        self.found.extend(finding);
    }

    /// The administrator's settings beside ours.
    fn managed(&mut self, ours: impl Iterator<Item = Value>) {
        let folder = env::managed_folder();
        let more = folder.join("managed-settings.d");
        let dropped = fs::list_if_there(&more).unwrap_or_default();
        let dropped = dropped
            .iter()
            .map(|name| more.join(name))
            .filter(|path| path.extension() == Some(OsStr::new("json")));
        let mut managed = Vec::new();
        for file in [folder.join("managed-settings.json")].into_iter().chain(dropped) {
            // What we may not read is not ours to judge.
            let Ok(Some(bytes)) = fs::read_if_there(&file, limits::DOCUMENT_READ_BYTES_MAX) else { continue };
            self.looked_at += 1;
            if let Some(outline) = json::read(&bytes, Kind::Settings, &mut Vec::new()) {
                managed.push((file, outline.value().clone()));
            }
        }
        for ours in ours {
            self.found.extend(environment::managed(&ours, &managed));
        }
    }
}

fn is_markdown(path: &Path) -> bool {
    path.extension() == Some(OsStr::new("md"))
}

/// What stands at a path, hop by hop.
pub(super) fn standing(path: &Path) -> std::io::Result<Option<Standing>> {
    let Some(mut own) = fs::lstat(path)? else { return Ok(None) };
    let mut hops = Vec::new();
    let mut at = path.to_owned();
    while own.kind == fs::Kind::Link && hops.len() < HOPS_MAX {
        let target = fs::read_link(&at)?;
        at = normal(&at.parent().unwrap_or(Path::new("/")).join(target));
        hops.push(at.clone());
        match fs::lstat(&at)? {
            Some(next) => own = next,
            None => break,
        }
    }
    // Not what our own reading of the links says, but the system's. A circle is nothing.
    let end = fs::stat(path).or_else(|error| match error.kind() {
        std::io::ErrorKind::PermissionDenied => Err(error),
        _ => Ok(None),
    })?;
    let Some(stat) = end else {
        let (end, nobody) = (End::Nothing, 0);
        let standing = Standing {
            hops,
            end,
            mode: nobody,
            uid: nobody,
            gid: nobody,
            is_replaceable: false,
            is_reachable: false,
        };
        return Ok(Some(standing));
    };
    let end = match stat.kind {
        fs::Kind::File => End::File,
        fs::Kind::Folder => End::Folder,
        fs::Kind::Link | fs::Kind::Other => End::Other,
    };
    let folder = at.parent().unwrap_or(Path::new("/"));
    let is_replaceable = !at.starts_with("/nix/store") && fs::is_writable(folder);
    Ok(Some(Standing {
        hops,
        end,
        mode: stat.mode,
        uid: stat.uid,
        gid: stat.gid,
        is_replaceable,
        is_reachable: is_reachable(&at),
    }))
}

/// Whether every folder above lets others through.
fn is_reachable(path: &Path) -> bool {
    let lets_through =
        |stat: fs::Stat| stat.mode & 0o001 != 0 || stat.mode & 0o010 != 0 && stat.gid != stat.uid;
    let real = fs::canonical(path).unwrap_or_else(|_| path.to_owned());
    real.ancestors().skip(1).all(|above| fs::stat(above).ok().flatten().is_some_and(lets_through))
}
