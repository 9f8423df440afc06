//! Which folder a root is, and whether we may touch it.

use std::path::{Component, Path, PathBuf};

use super::Error;
use crate::model::DocumentId;
use crate::sys::{env, fs};

/// A Claude configuration folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Root {
    /// Absolute, without `.` and `..`, links not resolved: as commands spell it.
    pub path: PathBuf,
    pub scope: Scope,
    /// The home folder, if there is one.
    pub home: Option<PathBuf>,
}

/// Whose settings they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    User,
    /// Of the project in this folder.
    Project(PathBuf),
}

impl Root {
    /// The root that is meant: `explicit`, or a project's, else `$CLAUDE_CONFIG_DIR`, else `~/.claude`.
    ///
    /// # Errors
    /// When there is no home to find it in, or no such project.
    pub fn locate(explicit: Option<&Path>, project: Option<&Path>) -> Result<Self, Error> {
        let home = env::home();
        let here = env::current_dir()?;
        let absolute = |path: &Path| normal(&here.join(path));
        let config_dir = env::var("CLAUDE_CONFIG_DIR").map(PathBuf::from);
        let (path, scope) = match (explicit, project) {
            (Some(path), _) => (absolute(path), Scope::User),
            (None, Some(project)) => {
                let project = absolute(project);
                // A root is made where there is none; a project is there before it is declared anything.
                let kind = fs::stat(&project)?.map(|stat| stat.kind);
                if kind != Some(fs::Kind::Folder) {
                    return Err(Error::NoProject { path: project, is_taken: kind.is_some() });
                }
                (project.join(".claude"), Scope::Project(project))
            }
            (None, None) => match (config_dir, &home) {
                (Some(folder), _) => (absolute(&folder), Scope::User),
                (None, Some(home)) => (home.join(".claude"), Scope::User),
                (None, None) => return Err(Error::NoHome),
            },
        };
        Ok(Self { path, scope, home })
    }

    /// Refuses what is no folder and what belongs to somebody else. A root that is not
    /// there is fine: the folder it would be made in is looked at instead.
    ///
    /// # Errors
    /// As said.
    pub fn check(&self) -> Result<(), Error> {
        let mut path = self.path.as_path();
        let stat = loop {
            if let Some(stat) = fs::stat(path)? {
                break stat;
            }
            if fs::lstat(path)?.is_some() {
                return Err(Error::NotAFolder(path.to_owned()));
            }
            path = path.parent().unwrap_or(Path::new("/"));
        };
        if stat.kind != fs::Kind::Folder {
            return Err(Error::NotAFolder(path.to_owned()));
        }
        let us = env::uid();
        let is_root_itself = path == self.path;
        if stat.uid != us && (is_root_itself || us == 0) {
            return Err(Error::ForeignOwner { path: path.to_owned(), owner: stat.uid, us });
        }
        Ok(())
    }

    /// Where a document lies, if it is no link.
    #[must_use]
    pub fn document(&self, id: DocumentId) -> PathBuf {
        let folder = match (id, &self.scope, &self.home) {
            (DocumentId::ProjectServers, Scope::Project(project), _) => project,
            // The client keeps it beside the usual root, and in any other.
            (DocumentId::Servers, Scope::User, Some(home)) if self.path == home.join(".claude") => home,
            _ => &self.path,
        };
        folder.join(id.name())
    }

    /// The path as text; what is not UTF-8 is replaced (and then matches nothing).
    #[must_use]
    pub fn text(&self) -> String {
        self.path.to_string_lossy().into_owned()
    }

    /// The home folder as text.
    #[must_use]
    pub fn home_text(&self) -> Option<String> {
        self.home.as_ref().map(|home| home.to_string_lossy().into_owned())
    }

    /// How people read a path: `~/…` under the home.
    #[must_use]
    pub fn show(&self, path: &Path) -> String {
        show(path, self.home.as_deref())
    }
}

/// A path for people: `~/…` where it is under the home.
#[must_use]
pub fn show(path: &Path, home: Option<&Path>) -> String {
    match home.and_then(|home| path.strip_prefix(home).ok()) {
        Some(rest) if rest.as_os_str().is_empty() => "~".to_owned(),
        Some(rest) => format!("~/{}", rest.display()),
        None => path.display().to_string(),
    }
}

/// Without `.` and `..`, as text says it; links are not looked at.
#[must_use]
pub fn normal(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => drop(out.pop()),
            other => out.push(other),
        }
    }
    out
}
