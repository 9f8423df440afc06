//! The store behind `cs learn`: which it is, what its runtime says, and what its projects are called.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::cli::engine::Context;
use crate::cli::error::{CliError, refused};
use crate::cli::identity;
use crate::command::shape::HostType;
use crate::generation::Cause;
use crate::hook::observe;
use crate::knowledge::fold::{FoldError, Foreign, Rules};
use crate::knowledge::numbers::{self, Numbers, NumbersError, Of};
use crate::knowledge::snapshot::Snapshot;
use crate::knowledge::upkeep::UpkeepError;
use crate::knowledge::{HostFolder, Learning, fold, shared};
use crate::learn::{Number, streak};
use crate::mesh::advice::View;
use crate::model::text::shell_path;
use crate::profile::ProfileRef;
use crate::root::{self, Root, Side};
use crate::sys::{clock, env, fs};

/// The profile with the hooks that learn, and the one of them that there is nothing to learn from without.
const LEARNING: &str = "builtin:learning";
const COLLECTOR: &str = "hooks/learning-collector";

/// What `cs` learned here, and where.
pub struct Store {
    pub learning: Learning,
    /// Where the client keeps its transcripts.
    pub projects: PathBuf,
    root: Root,
    runtime: Value,
}

impl Store {
    /// The user's; whatever root is meant otherwise.
    pub fn locate(context: &Context) -> Result<Self, CliError> {
        let learning = identity::learning(context)?;
        let root = Root::locate(context.common.root.as_deref(), None)?;
        let projects = root.path.join("projects");
        let runtime = root::Store::new(root.clone()).runtime()?.unwrap_or_default();
        Ok(Self { learning, projects, root, runtime })
    }

    /// What the generation that is current says to hooks and to `cs mesh`.
    pub const fn runtime(&self) -> &Value {
        &self.runtime
    }

    /// What knowledge goes by.
    pub fn rules(&self) -> Rules {
        Rules::from_runtime(&self.runtime)
    }

    pub fn host_type(&self) -> HostType {
        observe::host(observe::host_type(&self.runtime))
    }

    /// Whether the generation that is current has hooks that learn.
    pub fn is_learning(&self) -> bool {
        !self.runtime.is_null() && self.runtime.pointer("/learning/enabled").is_none_or(|own| *own == true)
    }

    /// In how many sessions something must have failed before it is told.
    pub fn streak_sessions(&self) -> usize {
        streak::sessions_min(&self.runtime)
    }

    /// What is to be done for hooks to learn here, in a sentence that ends with what to type. What is applied already
    /// is not to be lost by it.
    pub fn to_learn(&self) -> String {
        let side = root::Store::new(self.root.clone()).current_side().ok().flatten();
        let side = side.filter(|side| side.manifest.cause != Cause::Uninstall);
        let Some(Side { manifest, .. }) = side else {
            return format!("The hooks that learn: cs apply --profile {LEARNING}");
        };
        let Some(profile) = manifest.profile.map(|record| ProfileRef::parse(&record.reference)) else {
            return format!("The hooks that learn: cs apply --profile {LEARNING}");
        };
        let home = self.root.home.as_deref();
        let is_off = self.runtime.pointer("/learning/enabled").is_some_and(|own| *own == false);
        let has_hooks = manifest.state.files.keys().any(|path| path.as_str() == COLLECTOR);
        match &profile {
            _ if has_hooks && !is_off => {
                "The hooks that learn are installed: Claude Code calls them from its next session on."
                    .to_owned()
            }
            ProfileRef::File(path) if has_hooks => {
                let path = shell_path(path, home);
                format!("{path} has `[learning] enabled = false`: take that out, then: cs apply")
            }
            ProfileRef::File(path) => {
                let path = shell_path(path, home);
                format!("The hooks that learn: put \"{LEARNING}\" into `extends` of {path}, then: cs apply")
            }
            other => format!(
                "The hooks that learn want a profile of your own, with extends = [\"{other}\", \"{LEARNING}\"]: \
                 cs init --empty DIR begins one"
            ),
        }
    }

    /// The host's folder.
    pub fn host(&self) -> Result<HostFolder, CliError> {
        self.learning.known_host()?.ok_or_else(|| {
            let mut hints = Vec::new();
            if fs::lstat(&self.projects).is_ok_and(|stat| stat.is_some()) {
                hints.push("From what Claude Code has kept of earlier sessions: cs learn import".to_owned());
            }
            hints.push(self.to_learn());
            refused("nothing was learned on this machine yet", hints.join("\n"))
        })
    }

    /// All that is known, and the projects' numbers.
    pub fn known(&self) -> Result<Known, CliError> {
        let (host, now) = (self.host()?, clock::now());
        let snapshot = fold::known_of(&host, now).map_err(|error| failed(error.into()))?;
        let numbers = numbers::read(&host, &host.ring()?, now).map_err(|error| failed(error.into()))?;
        let is_damaged = fold::is_damaged(&host.path, &host.ring()?, now);
        // What is wrong with what others told, or with whom is trusted, cs mesh status and cs doctor say.
        let foreign = shared::foreign(&self.learning, &host, &host.ring()?, now).unwrap_or_default();
        Ok(Known {
            snapshot,
            is_damaged,
            numbers,
            foreign,
            today: u16::try_from(now / 86_400).unwrap_or(u16::MAX),
        })
    }

    /// The project that a folder is, as the client names it.
    pub fn project_name(folder: &Path) -> String {
        folder.to_string_lossy().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect()
    }

    /// The names of the projects that the client has transcripts of.
    pub fn project_names(&self) -> Vec<String> {
        let names = fs::list_if_there(&self.projects).unwrap_or_default();
        names.into_iter().filter_map(|name| name.into_string().ok()).collect()
    }
}

/// All that is known.
pub struct Known {
    pub snapshot: Snapshot,
    /// It can't be read: this is what its predecessor and the journals have.
    pub is_damaged: bool,
    pub numbers: Option<Numbers>,
    /// What other hosts know, where any is trusted and has told.
    pub foreign: Option<Foreign>,
    pub today: u16,
}

impl Known {
    /// What may be made of what other hosts know.
    pub fn others(&self, store: &Store) -> Option<View<'_>> {
        Some(self.foreign.as_ref()?.view(&self.snapshot.state, store.rules().host, self.today))
    }

    /// The number of the project that the working folder is in: it, or one above it.
    pub fn here(&self) -> Option<(Number, PathBuf)> {
        let folder = env::current_dir().ok()?;
        let numbers = self.numbers.as_ref()?;
        folder.ancestors().find_map(|folder| {
            Some((numbers.find(Of::Project, &Store::project_name(folder))?, folder.to_owned()))
        })
    }

    /// What the client calls a project, where its transcripts are still there.
    pub fn name(&self, store: &Store, project: Number) -> Option<String> {
        let numbers = self.numbers.as_ref()?;
        store.project_names().into_iter().find(|name| numbers.find(Of::Project, name) == Some(project))
    }
}

/// What went wrong with the store.
pub fn failed(error: UpkeepError) -> CliError {
    match error {
        UpkeepError::Key(error)
        | UpkeepError::Fold(FoldError::Key(error))
        | UpkeepError::Numbers(NumbersError::Key(error)) => error.into(),
        UpkeepError::Busy => refused(
            "another process is busy with what was learned",
            "Nothing was changed. Try again in a moment.",
        ),
        error => refused(error.to_string(), "Nothing was changed. What is wrong with it: cs doctor."),
    }
}
