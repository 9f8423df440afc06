//! From a request to a checked plan, and from there to the disk: what plan, apply, rollback,
//! uninstall, status and verify have in common.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::args::{self, Common};
use super::error::{CliError, refused};
use super::output::Output;
use super::secrets::Programs;
use super::world::Machine;
use crate::generation::{Cause, ProfileRecord, State};
use crate::model::{Content, Digest, DocumentId, Generation, InstallMode, ManagedPath, Secrets};
use crate::plan::secrets::mask_values;
use crate::plan::{self, Base, CheckedPlan, Observed, OnConflict, PlanInput, check};
use crate::profile::lock::Lock;
use crate::profile::{self, Diagnostic, Elsewhere, FromElsewhere, ProfileRef, Remote, Rendered, Target};
use crate::remote::{self, Policy, Remotes, Used};
use crate::root::stage::{Staging, stage};
use crate::root::store::Durability;
use crate::root::transaction::{self, Applied, Recovered};
use crate::root::{LockedRoot, Root, Scope, Side, Store, locate, observe};
use crate::sys::{env, fs, process};

/// The name of the file with the pins.
pub const LOCK: &str = "claude-sync.lock";

/// What every command starts from.
#[derive(Debug)]
pub struct Context {
    pub common: Common,
    pub out: Output,
    pub root: Root,
}

/// A profile, rendered for a root and ready to plan with.
#[derive(Debug)]
pub struct Wanted {
    pub which: ProfileRef,
    /// Nobody named it: it was found lying here.
    pub found: bool,
    pub record: ProfileRecord,
    pub state: State,
    pub contents: BTreeMap<ManagedPath, Vec<u8>>,
    pub facts: BTreeMap<String, bool>,
    pub warnings: Vec<Diagnostic>,
    /// Bundled hooks that are declared and left out: the user's own root runs them here already.
    pub left_out: BTreeSet<String>,
    /// The repositories it was read from.
    pub remotes: Vec<Used>,
    /// What of it comes from them.
    pub elsewhere: FromElsewhere,
    /// Each of them that it builds on, by itself: what it comes to where nothing of it is left out or changed.
    pub alone: Vec<Result<Wanted, CliError>>,
}

impl Wanted {
    /// Looks up the secrets that are declared: see [`super::secrets`].
    ///
    /// # Errors
    /// When one can't be had.
    pub fn look_up(
        &mut self,
        context: &Context,
        base: Option<&Side>,
        programs: Programs,
    ) -> Result<Secrets, CliError> {
        let applied: Vec<&State> = base.iter().map(|side| &side.manifest.state).collect();
        super::secrets::look_up(context, &mut self.state, &applied, programs)
    }
}

/// A plan with what it was made from.
#[derive(Debug)]
pub struct Planned {
    pub checked: CheckedPlan,
    pub observed: Observed,
}

impl Context {
    /// As the flags say.
    ///
    /// # Errors
    /// When there is no root to be found.
    pub fn new(common: Common) -> Result<Self, CliError> {
        let out = Output::new(&common);
        let root = Root::locate(common.root.as_deref(), common.project.as_deref())?;
        Ok(Self { common, out, root })
    }

    /// Text with commands for people to type next, with the flags that say what this one was about.
    #[must_use]
    pub fn spell(&self, command: &str) -> String {
        super::hint::carry(&self.common, self.home(), command)
    }

    /// The home folder, for showing paths.
    #[must_use]
    pub fn home(&self) -> Option<&Path> {
        self.root.home.as_deref()
    }

    /// The store, for reading.
    ///
    /// # Errors
    /// When the root is somebody else's or no folder.
    pub fn store(&self) -> Result<Store, CliError> {
        self.root.check()?;
        Ok(Store::new(self.root.clone()))
    }

    /// The current generation, refused where another kind of system made it.
    ///
    /// # Errors
    /// When it can't be read.
    pub fn base(&self, store: &Store) -> Result<Option<Side>, CliError> {
        let side = store.current_side()?;
        if let Some(side) = &side {
            store.check_system(side)?;
        }
        Ok(side)
    }

    /// Locks the root and finishes or undoes what was interrupted.
    ///
    /// # Errors
    /// When another cs holds the lock, or recovery needs a decision.
    pub fn lock(&self, durability: args::Durability) -> Result<LockedRoot, CliError> {
        let durability = match durability {
            args::Durability::Full => Durability::Full,
            args::Durability::None => Durability::None,
        };
        let mut waiting = || self.out.note("Waiting for another cs …");
        let locked = LockedRoot::lock(self.root.clone(), durability, &mut waiting)?;
        super::recover::tell(self, transaction::recover(&locked, None)?);
        Ok(locked)
    }

    /// Which profile is meant, and whether it was merely found.
    ///
    /// # Errors
    /// When there is none.
    pub fn which(&self, base: Option<&Side>) -> Result<(ProfileRef, bool), CliError> {
        let here = env::current_dir()?;
        if let Some(text) = &self.common.profile {
            return Ok((absolute(ProfileRef::parse(text), &here), false));
        }
        if let Some(record) = base.and_then(|side| side.manifest.profile.as_ref()) {
            return Ok((ProfileRef::parse(&record.reference), false));
        }
        let in_config = self.home().map(|home| home.join(".config/claude-sync/profile.toml"));
        let found = [Some(here.join("claude-sync.toml")), in_config];
        for path in found.into_iter().flatten() {
            if fs::stat(&path)?.is_some() {
                return Ok((ProfileRef::File(path), true));
            }
        }
        Err(refused(
            "there is no profile",
            "Name one: --profile FILE, or --profile builtin:default for a first look. Without the flag cs looks for \
             ./claude-sync.toml and ~/.config/claude-sync/profile.toml.",
        ))
    }

    /// A profile in the folder we stand in that neither the user's `~/.claude` nor the folder's own was made from:
    /// what to do with it, for whoever has a fresh clone before them.
    ///
    /// # Errors
    /// When the folder can't be looked at.
    pub fn unused_here(&self, base: &Side) -> Result<Option<String>, CliError> {
        if self.common.project.is_some() || self.common.root.is_some() || self.common.profile.is_some() {
            return Ok(None);
        }
        let here = env::current_dir()?;
        let profile = here.join("claude-sync.toml");
        let used = base.manifest.profile.as_ref().map(|record| ProfileRef::parse(&record.reference));
        // By whatever links one came here: the folder of the profile in use has its own beside it.
        let is_used = match used {
            Some(ProfileRef::File(used)) => fs::canonical(&used)
                .is_ok_and(|used| fs::canonical(&here).is_ok_and(|here| used.starts_with(here))),
            _ => false,
        };
        let is_applied = fs::lstat(&here.join(".claude").join("claude-sync"))?.is_some();
        if is_used || is_applied || fs::stat(&profile)?.is_none() {
            return Ok(None);
        }
        Ok(Some(
            "claude-sync.toml here is another profile.   cs plan --project shows it for this folder"
                .to_owned(),
        ))
    }

    /// How hooks are spelled for this root.
    #[must_use]
    pub fn target(&self) -> Target {
        let hooks = self.root.path.join("hooks");
        let under_home = self.home().and_then(|home| hooks.strip_prefix(home).ok()).and_then(Path::to_str);
        let under_home = under_home.filter(|rest| is_plain(rest));
        let (hooks_document, settings_document, servers_document) = match self.root.scope {
            Scope::User => (DocumentId::Settings, DocumentId::Settings, DocumentId::Servers),
            Scope::Project(_) => {
                (DocumentId::LocalSettings, DocumentId::Settings, DocumentId::ProjectServers)
            }
        };
        let (hooks_prefix, quoted) = match under_home {
            Some(rest) => (format!("~/{rest}"), false),
            None => spelled(&hooks),
        };
        // A link would lead into what git ignores, and so nowhere in a clone.
        let mode = match self.root.scope {
            Scope::User => InstallMode::Link,
            Scope::Project(_) => InstallMode::Copy,
        };
        let project = match &self.root.scope {
            Scope::Project(project) => Some(project.clone()),
            Scope::User => None,
        };
        Target {
            project,
            hooks_prefix,
            quoted,
            hooks_document,
            settings_document,
            servers_document,
            mode,
            elsewhere: Elsewhere::default(),
        }
    }

    /// What the user's own root runs in this project, too.
    fn elsewhere(&self) -> Elsewhere {
        let user = match self.root.scope {
            Scope::Project(_) => Root::locate(None, None).ok().filter(|user| user.path != self.root.path),
            Scope::User => None,
        };
        let side = user.and_then(|user| Store::new(user).current_side().ok().flatten());
        let Some(state) = side.map(|side| side.manifest.state) else { return Elsewhere::default() };
        let bundled = state.files.iter().filter(|(_, record)| record.is_cs);
        let hooks = bundled.filter_map(|(path, _)| Some(path.as_str().strip_prefix("hooks/")?.to_owned()));
        Elsewhere { hooks: hooks.collect(), guard: state.runtime["guard"].clone() }
    }

    /// Renders the profile.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn wanted(&self, base: Option<&Side>) -> Result<Wanted, CliError> {
        self.wanted_by(base, Policy::Pinned)
    }

    /// Renders the profile with the repositories it asks for as `policy` says.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn wanted_by(&self, base: Option<&Side>, policy: Policy) -> Result<Wanted, CliError> {
        let (which, found) = self.which(base)?;
        self.check_there(&which)?;
        let machine = self.machine(&which, policy)?;
        self.render(which, found, &machine, base)
    }

    /// Refuses the profile that was applied last where it is not there any more: whoever has moved their dotfiles named
    /// it long ago.
    ///
    /// # Errors
    /// As said.
    pub fn check_there(&self, which: &ProfileRef) -> Result<(), CliError> {
        let ProfileRef::File(path) = which else { return Ok(()) };
        if self.common.profile.is_some() || fs::stat(path)?.is_some() {
            return Ok(());
        }
        Err(refused(
            format!("the profile that was applied last is not there any more: {}", self.root.show(path)),
            "Nothing was changed. If it lies elsewhere by now, name it there: cs plan --profile FILE, then cs apply \
             --profile FILE. cs rollback and cs uninstall need none.",
        ))
    }

    /// The machine for reading `which`, with the repositories that its lock pins.
    ///
    /// # Errors
    /// When the lock can't be read.
    pub fn machine(&self, which: &ProfileRef, policy: Policy) -> Result<Machine, CliError> {
        let Some(cache) = remote::cache() else { return Ok(Machine::new()) };
        let lock = match self.lock_file(which) {
            Some(path) => remote::read_lock(&path)?,
            None => Lock::default(),
        };
        Ok(Machine::reaching(Remotes::new(lock, policy, cache)))
    }

    /// Where the commits of what a profile asks for are pinned: beside it, or in the root for one that is itself
    /// from elsewhere.
    #[must_use]
    pub fn lock_file(&self, which: &ProfileRef) -> Option<PathBuf> {
        match which {
            ProfileRef::Builtin(_) => None,
            // Whoever links to their dotfiles keeps the lock there, too.
            ProfileRef::File(path) => {
                Some(fs::canonical(path).unwrap_or_else(|_| path.clone()).with_file_name(LOCK))
            }
            ProfileRef::Remote(_) => Some(Store::new(self.root.clone()).folder().join(LOCK)),
        }
    }

    /// Renders `which` as `machine` sees it.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn render(
        &self,
        which: ProfileRef,
        found: bool,
        machine: &Machine,
        base: Option<&Side>,
    ) -> Result<Wanted, CliError> {
        let target = Target { elsewhere: self.elsewhere(), ..self.target() };
        let rendered = profile::render(&which, &target, machine).map_err(CliError::Profile)?;
        let parts = rendered.asked.iter().map(|own| {
            let which = ProfileRef::Remote(own.clone());
            let part = profile::render_part(&which, &target, machine).map_err(CliError::Profile)?;
            Self::of_rendered(which, false, part, machine, None)
        });
        let alone = parts.collect();
        let wanted = Self::of_rendered(which, found, rendered, machine, base)?;
        Ok(Wanted { alone, ..wanted })
    }

    fn of_rendered(
        which: ProfileRef,
        found: bool,
        rendered: Rendered,
        machine: &Machine,
        base: Option<&Side>,
    ) -> Result<Wanted, CliError> {
        let remotes = machine.remotes().map(Remotes::used).unwrap_or_default();
        let mut desired = rendered.desired;
        let uses_cs = desired.files.values().any(|spec| spec.content == Content::RunningExecutable);
        let cs = uses_cs.then(executable_digest).transpose()?;
        let mut state = State::of(&desired, cs);
        super::secrets::recall(&mut state, base.map(|side| &side.manifest.state));
        let contents = std::mem::take(&mut desired.files)
            .into_iter()
            .filter_map(|(path, spec)| match spec.content {
                Content::Bytes(bytes) => Some((path, bytes)),
                Content::RunningExecutable | Content::Kept(_) => None,
            })
            .collect();
        let reference = which.to_string();
        let revision = match &which {
            ProfileRef::Remote(_) => remotes.first().map(|used| remote::git::short(&used.commit).to_owned()),
            _ => None,
        };
        let record = ProfileRecord { reference, revision, dirty: false };
        let (facts, warnings, left_out) = (rendered.facts, rendered.diagnostics, rendered.left_out);
        let elsewhere = rendered.elsewhere;
        let alone = Vec::new();
        Ok(Wanted {
            which,
            found,
            record,
            state,
            contents,
            facts,
            warnings,
            left_out,
            remotes,
            elsewhere,
            alone,
        })
    }

    /// Plans from `base` to `state`, to look at: secrets are told by their marks.
    ///
    /// # Errors
    /// Whatever is in the way.
    pub fn plan(
        &self,
        store: &Store,
        base: Option<&Side>,
        state: &State,
        cause: Cause,
        on_conflict: OnConflict,
    ) -> Result<Planned, CliError> {
        self.plan_with(store, base, state, cause, on_conflict, &Secrets::default())
    }

    /// Plans from `base` to `state` with the secrets that were looked up.
    ///
    /// # Errors
    /// Whatever is in the way.
    pub fn plan_with(
        &self,
        store: &Store,
        base: Option<&Side>,
        state: &State,
        cause: Cause,
        on_conflict: OnConflict,
        secrets: &Secrets,
    ) -> Result<Planned, CliError> {
        self.survey(store, base, state, cause, on_conflict, secrets).map_err(|error| match error {
            CliError::Taken { problems, .. } => CliError::Problems(problems),
            error => error,
        })
    }

    /// The same; where paths are taken, the error has what would be done but for them.
    ///
    /// # Errors
    /// Whatever is in the way.
    pub fn survey(
        &self,
        store: &Store,
        base: Option<&Side>,
        state: &State,
        cause: Cause,
        on_conflict: OnConflict,
        secrets: &Secrets,
    ) -> Result<Planned, CliError> {
        let is_veiled = state
            .secrets()
            .chain(base.into_iter().flat_map(|side| side.manifest.state.secrets()))
            .next()
            .is_some();
        let observed = observe::observe(store, base, state).map_err(|error| veiled(error, is_veiled))?;
        let observed = Observed { captured: super::news::is_captured(store, state), ..observed };
        let (root, home) = (self.root.text(), self.root.home_text());
        let input = PlanInput {
            base: base.map(|side| Base {
                generation: side.manifest.generation,
                state: &side.manifest.state,
                ledger: &side.ledger,
            }),
            next: store.next()?,
            observed: &observed,
            desired: state,
            cause,
            on_conflict,
            root: &root,
            home: home.as_deref(),
            secrets,
        };
        let plan = plan::plan(&input).map_err(|plan::Blocked { mut problems, plan }| {
            problems.iter_mut().for_each(|problem| veil(problem, is_veiled));
            match plan {
                Some(plan) => CliError::Taken { problems, plan },
                None => Self::locate_problems(problems, &observed),
            }
        })?;
        let checked = check(plan, base.map(|side| &side.ledger), &observed, &root, home.as_deref())?;
        Ok(Planned { checked, observed })
    }

    /// A fault in a document is told with the file's path.
    fn locate_problems(mut problems: Vec<plan::Problem>, observed: &Observed) -> CliError {
        use crate::document::Refusal;
        if let [plan::Problem::Document(id, Refusal::Fault(fault))] = problems.as_mut_slice() {
            let path = observed.documents.get(id).map(|document| document.path.clone()).unwrap_or_default();
            let (id, fault) = (*id, Box::new(fault.clone()));
            return CliError::Root(crate::root::Error::Document { id, path, fault });
        }
        CliError::Problems(problems)
    }

    /// Stages and commits a plan.
    ///
    /// # Errors
    /// When it fails; then nothing has changed, or the error says what will be done about it.
    pub fn carry_out(
        &self,
        locked: &LockedRoot,
        base: Option<&Side>,
        work: &Work<'_>,
    ) -> Result<Applied, CliError> {
        if super::secrets::is_open(&work.planned.checked.plan().state) {
            return Err(CliError::Bug("a secret was not looked up".to_owned()));
        }
        let needs_cs = work.planned.checked.plan().state.files.values().any(|record| record.is_cs);
        let executable = needs_cs.then(env::executable).transpose()?;
        let staging = Staging {
            plan: &work.planned.checked,
            base,
            contents: work.contents,
            from: work.from,
            executable: executable.as_deref(),
            observed: &work.planned.observed.documents,
            profile: work.profile.clone(),
            facts: work.facts.clone(),
        };
        let staged = stage(locked, &staging)?;
        Ok(transaction::commit(locked, base, staged)?)
    }
}

/// A line of a document that has secrets in it is quoted without any of its values: it can't be told which
/// they are.
fn veil(problem: &mut plan::Problem, is_veiled: bool) {
    if let (plan::Problem::Document(_, crate::document::Refusal::Fault(fault)), true) = (problem, is_veiled) {
        fault.source_line = mask_values(&fault.source_line);
    }
}

fn veiled(mut error: crate::root::Error, is_veiled: bool) -> crate::root::Error {
    if let (crate::root::Error::Document { fault, .. }, true) = (&mut error, is_veiled) {
        fault.source_line = mask_values(&fault.source_line);
    }
    error
}

/// Whether a path means the same to a shell, unquoted.
fn is_plain(path: &str) -> bool {
    path.chars().all(|c| c.is_ascii_alphanumeric() || "/._-+@".contains(c))
}

/// A folder outside the home, for hooks' commands, and whether these are to be quoted.
fn spelled(folder: &Path) -> (String, bool) {
    let text = folder.to_string_lossy().into_owned();
    let quoted = !is_plain(&text);
    (text, quoted)
}

/// Everything in one document, with hooks in `folder`.
#[must_use]
pub fn target_in(folder: &Path) -> Target {
    let (hooks_prefix, quoted) = spelled(folder);
    let document = DocumentId::Settings;
    Target {
        hooks_prefix,
        quoted,
        hooks_document: document,
        settings_document: document,
        servers_document: DocumentId::Servers,
        mode: InstallMode::Link,
        project: None,
        elsewhere: Elsewhere::default(),
    }
}

/// A plan with what it needs to be carried out.
#[derive(Debug)]
pub struct Work<'a> {
    pub planned: &'a Planned,
    pub contents: &'a BTreeMap<ManagedPath, Vec<u8>>,
    pub from: Option<&'a Side>,
    pub profile: Option<ProfileRecord>,
    pub facts: BTreeMap<String, bool>,
}

fn absolute(which: ProfileRef, here: &Path) -> ProfileRef {
    match which {
        ProfileRef::File(path) => ProfileRef::File(locate::normal(&here.join(path))),
        // A folder beside us, for short.
        ProfileRef::Remote(remote) if remote.url.starts_with('.') => {
            let url = locate::normal(&here.join(&remote.url)).display().to_string();
            ProfileRef::Remote(Remote { url, ..remote })
        }
        other => other,
    }
}

/// Digest and size of the running executable.
///
/// # Errors
/// When it can't be read.
pub fn executable_digest() -> Result<(Digest, u64), CliError> {
    let bytes = fs::read(&env::executable()?, u64::MAX - 1)?;
    Ok((Digest::of(&bytes), bytes.len() as u64))
}

/// Asks git for the commit a profile is at. Starts two processes, so only for what is shown
/// or kept.
pub fn find_revision(which: &ProfileRef, record: &mut ProfileRecord) {
    let ProfileRef::File(path) = which else { return };
    let Some(folder) = path.parent() else { return };
    let is_repository =
        folder.ancestors().any(|above| fs::lstat(&above.join(".git")).ok().flatten().is_some());
    if !is_repository {
        return;
    }
    let revision = process::output("git", &["rev-parse", "--short", "HEAD"], folder);
    record.revision = revision.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
    if record.revision.is_some() {
        // Whoever unpacked an archive may have a `.git/config` of others, which can name a program to be asked.
        let quiet = ["-c", "core.fsmonitor=false", "--no-optional-locks", "status", "--porcelain", "."];
        let changes = process::output("git", &quiet, folder);
        record.dirty = changes.is_some_and(|text| !text.trim().is_empty());
    }
}

/// The name of a profile for people, with its revision.
#[must_use]
pub fn show_profile(record: &ProfileRecord, home: Option<&Path>) -> String {
    let name = match record.reference.strip_prefix("builtin:").or(record.reference.strip_prefix("git+")) {
        Some(_) => record.reference.clone(),
        None => locate::show(&PathBuf::from(&record.reference), home),
    };
    if let (true, Some(commit)) = (record.reference.starts_with("git+"), &record.revision) {
        return format!("{}  (at {commit})", record.reference);
    }
    match (&record.revision, record.dirty) {
        (Some(revision), false) => format!("{name}  (git {revision}, clean)"),
        (Some(revision), true) => format!("{name}  (git {revision}, with changes not committed)"),
        (None, _) => name,
    }
}

/// What a conflict flag means to the planner.
#[must_use]
pub fn policy(flag: args::OnConflict) -> OnConflict {
    match flag {
        args::OnConflict::Refuse => OnConflict::Refuse,
        args::OnConflict::Backup => OnConflict::Backup,
        args::OnConflict::Adopt => OnConflict::Adopt,
        args::OnConflict::Skip => OnConflict::Skip,
    }
}

/// A generation's number as typed.
///
/// # Errors
/// Usage, when it is 0.
pub fn number(typed: u64) -> Result<Generation, CliError> {
    Generation::new(typed).ok_or_else(|| CliError::Usage("generations are numbered from 1".to_owned()))
}

/// What recovery did, as a value for programs.
#[must_use]
pub fn recovered_json(recovered: Recovered) -> serde_json::Value {
    match recovered {
        Recovered::Nothing => serde_json::Value::Null,
        Recovered::Finished(generation) => serde_json::json!({"finished": generation}),
        Recovered::Undone { was, back_at } => serde_json::json!({"undone": was, "back_at": back_at}),
    }
}
