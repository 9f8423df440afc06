//! The part of a plan that is links and copies in the root.

use std::collections::{BTreeMap, BTreeSet};

use super::{Base, Observation, OnConflict, PlanInput, Sign, runs, shares};
use crate::generation::{Cause, State};
use crate::model::{
    Declared, Digest, DocumentId, Install, InstallMode, Key, ManagedPath, Origin, TreeHow, TreeRow,
};

mod folder;

/// One path's change, and why.
#[derive(Debug, Clone, PartialEq)]
pub struct TreeStep {
    pub path: ManagedPath,
    pub change: TreeChange,
    /// What is there now.
    pub found: Observation,
    /// What is there was put there by us, or in the place of ours.
    pub was_ours: bool,
    /// Somebody else changed what we had put there.
    pub is_drift: bool,
    /// Where it is declared, if it is.
    pub origin: Option<Origin>,
}

/// What happens at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TreeChange {
    /// Nothing is there: it is made.
    Create,
    /// What is there is moved to `claude-sync/displaced/NAME`, and it is made.
    MoveAside(String),
    /// The same content is there: moved aside, and ours from now on.
    Adopt(String),
    /// The content behind it changes.
    Content,
    /// It can't be run any more, and is to be.
    Enable,
    /// It was edited through the link; the edit is kept under this name.
    Reassert(String),
    /// It was edited, and that is what is declared by now: stored, in a file that no other generation has. Where
    /// something stood there first, the edit is kept under this name, to come back in its stead.
    Store(Option<String>),
    /// A link becomes a copy, or the other way round.
    Mode(InstallMode),
    /// It goes.
    Remove,
    /// It goes and what was there before comes back from this name.
    Restore(String),
    /// Edited by others and no longer declared: it becomes a regular file with their content.
    LeaveEdited,
    /// No longer declared, and no longer ours: somebody has put something else there or
    /// removed it. Nothing is done.
    Forget,
}

impl TreeChange {
    /// Its sign in a plan.
    #[must_use]
    pub fn sign(&self) -> Sign {
        match self {
            Self::Create | Self::MoveAside(_) => Sign::Create,
            Self::Adopt(_) | Self::Store(_) => Sign::Adopt,
            Self::Content | Self::Enable | Self::Reassert(_) | Self::Mode(_) => Sign::Change,
            Self::Remove | Self::Restore(_) => Sign::Remove,
            Self::LeaveEdited | Self::Forget => Sign::Leave,
        }
    }
}

/// A path that is taken.
#[derive(Debug, Clone, PartialEq)]
pub struct Conflict {
    /// Relative to the root.
    pub path: String,
    pub found: Observation,
    /// It has the declared content: `--on-conflict adopt` would do.
    pub identical: bool,
    /// It stands where a folder has to be.
    pub is_parent: bool,
    /// It was ours and somebody has replaced it.
    pub was_ours: bool,
    pub origin: Origin,
}

impl Conflict {
    /// What is there, in words.
    #[must_use]
    pub fn describe(&self) -> String {
        match (&self.found, self.is_parent) {
            // Where a folder has to be, nobody looked closer.
            (Observation::Other, true) => "no folder".to_owned(),
            (found, _) => found.describe(),
        }
    }
}

/// A declared path that stays somebody else's.
#[derive(Debug, Clone, PartialEq)]
pub struct Skipped {
    pub path: ManagedPath,
    /// What is there.
    pub found: Observation,
    pub origin: Origin,
    /// Declared entries that would run it, and are left out with it.
    pub entries: Vec<(DocumentId, Key)>,
}

/// The links' and copies' part of a plan.
#[derive(Debug, Default)]
pub struct TreePlan {
    pub steps: Vec<TreeStep>,
    pub skipped: Vec<Skipped>,
    /// Every path that is taken; nothing is planned at it or below it.
    pub conflicts: Vec<Conflict>,
    pub rows: BTreeMap<ManagedPath, TreeRow>,
    pub folders: Vec<String>,
    pub warnings: Vec<String>,
}

/// The text of the link at `path`: into the tree of whatever generation is current.
#[must_use]
pub fn link_text(path: &ManagedPath) -> String {
    ["../".repeat(path.depth()).as_str(), "claude-sync/current/files/", path.as_str()].concat()
}

/// The text of a link pinned to one generation.
#[must_use]
pub fn pinned_link_text(path: &ManagedPath, generation: crate::model::Generation) -> String {
    format!("{}claude-sync/generations/{generation}/files/{path}", "../".repeat(path.depth()))
}

/// Whether a link's text is one of ours for `path`: current or pinned.
#[must_use]
pub fn is_our_link(path: &ManagedPath, target: &str) -> bool {
    let up = "../".repeat(path.depth());
    let Some(rest) = target.strip_prefix(up.as_str()).and_then(|rest| rest.strip_prefix("claude-sync/"))
    else {
        return false;
    };
    let tail = rest.strip_prefix("current").or_else(|| {
        let (number, tail) = rest
            .strip_prefix("generations/")?
            .split_at_checked(rest.strip_prefix("generations/")?.find('/')?)?;
        crate::model::Generation::parse(number).map(|_| tail)
    });
    tail.and_then(|tail| tail.strip_prefix("/files/")) == Some(path.as_str())
}

/// What is seen at a path, in terms of what we put there.
#[derive(Debug, PartialEq)]
enum Seen {
    Absent,
    AsWritten,
    Edited,
    Foreign { identical: bool },
}

fn see(path: &ManagedPath, row: Option<&TreeRow>, wanted: Option<Digest>, found: &Observation) -> Seen {
    match (found, row) {
        (Observation::Absent, _) => Seen::Absent,
        (Observation::Link { target, digest }, row) if is_our_link(path, target) => match (row, digest) {
            (Some(row), Some(digest)) if *digest != row.digest => Seen::Edited,
            _ => Seen::AsWritten,
        },
        (Observation::File { digest, .. }, Some(row)) if row.mode == InstallMode::Copy => {
            if *digest == row.digest { Seen::AsWritten } else { Seen::Edited }
        }
        (
            Observation::File { digest, .. }
            | Observation::Tree { digest }
            | Observation::Link { digest: Some(digest), .. },
            _,
        ) => Seen::Foreign { identical: Some(*digest) == wanted },
        _ => Seen::Foreign { identical: false },
    }
}

/// Plans the tree, and takes out of `state` what is skipped.
pub fn plan(input: &PlanInput<'_>, state: &mut State) -> TreePlan {
    let mut planner = Planner { input, plan: TreePlan::default() };
    let mut paths = Vec::new();
    planner.folders(state);
    for (path, install) in &state.installs {
        if planner.wanted(path, install, state) == Outcome::Skipped {
            paths.push(path.clone());
        }
    }
    for path in paths {
        let found = planner.found(&path);
        planner.plan.skipped.extend(skip(input, state, path, found));
    }
    planner.leaving(state);
    let mut plan = planner.plan;
    let blocked: Vec<String> =
        plan.conflicts.iter().filter(|own| own.is_parent).map(|own| format!("{}/", own.path)).collect();
    plan.steps.retain(|step| !blocked.iter().any(|folder| step.path.as_str().starts_with(folder)));
    plan
}

/// Leaves out what was declared at a path that stays somebody else's, and the hooks that
/// would run it.
fn skip(input: &PlanInput<'_>, state: &mut State, path: ManagedPath, found: Observation) -> Option<Skipped> {
    let origin = state.installs.remove(&path)?.origin;
    state.files.retain(|file, _| *file != path && !path.contains(file));
    let command = format!("{}/{path}", input.root);
    let mut entries = Vec::new();
    let is_left_out = |own: &Declared| runs(own, &command, input.home) || shares(own, &path);
    for (id, declared) in &mut state.documents {
        let leaving = declared.iter().filter(|declared| is_left_out(declared));
        entries.extend(leaving.map(|declared| (*id, declared.key.clone())));
        declared.retain(|declared| !is_left_out(declared));
    }
    Some(Skipped { path, found, origin, entries })
}

#[derive(Debug, PartialEq)]
enum Outcome {
    Planned,
    Skipped,
}

struct Planner<'a> {
    input: &'a PlanInput<'a>,
    plan: TreePlan,
}

impl Planner<'_> {
    fn base(&self) -> Option<Base<'_>> {
        self.input.base
    }

    fn row(&self, path: &ManagedPath) -> Option<TreeRow> {
        self.base().and_then(|base| base.ledger.tree.get(path)).cloned()
    }

    fn found(&self, path: &ManagedPath) -> Observation {
        self.input.observed.tree.get(path).cloned().unwrap_or(Observation::Absent)
    }

    /// Folders that are needed and not there will be ours; ours that are no longer needed go
    /// when they are empty.
    fn folders(&mut self, state: &State) {
        let needed: BTreeMap<&str, &Origin> = state
            .installs
            .iter()
            .flat_map(|(path, install)| path.parents().map(move |parent| (parent, &install.origin)))
            .collect();
        let ours: BTreeSet<&str> = self
            .input
            .base
            .into_iter()
            .flat_map(|base| base.ledger.folders.iter().map(String::as_str))
            .collect();
        let mut folders = BTreeSet::new();
        // The root itself stays ours if we made it.
        folders.extend(ours.get("").copied());
        for (folder, origin) in needed {
            let link =
                ManagedPath::new(format!("{folder}/x")).ok().and_then(|path| self.unfolds(&path, state));
            if let Some((link, row)) = link {
                if !self.is_given_back(&link, &row, folder) {
                    folders.insert(folder);
                }
                continue;
            }
            match self.input.observed.folders.get(folder).unwrap_or(&Observation::Absent) {
                Observation::Absent => drop(folders.insert(folder)),
                Observation::Folder => folders.extend(ours.get(folder).copied()),
                found => self.plan.conflicts.push(Conflict {
                    path: folder.to_owned(),
                    found: found.clone(),
                    identical: false,
                    is_parent: true,
                    was_ours: false,
                    origin: origin.clone(),
                }),
            }
        }
        if self.input.observed.folders.get("") == Some(&Observation::Absent) {
            folders.insert("");
        }
        self.plan.folders = folders.into_iter().map(str::to_owned).collect();
    }

    fn wanted(&mut self, path: &ManagedPath, install: &Install, state: &State) -> Outcome {
        let row = self.row(path);
        let found = self.found(path);
        let digest = state.install_digest(path).expect("BUG: every install has content");
        let aside = self.input.next.aside(path.as_str());
        let had = row.as_ref().map(|row| row.how.clone());
        if let Some(link) = self.unfolds(path, state) {
            let (how, change) = self.unfolded(path, &link, digest, aside);
            let is_drift = matches!(change, TreeChange::Reassert(_));
            let origin = Some(install.origin.clone());
            self.plan.steps.push(TreeStep {
                path: path.clone(),
                change,
                found,
                was_ours: true,
                is_drift,
                origin,
            });
            self.plan.rows.insert(path.clone(), TreeRow { mode: install.mode, digest, how });
            return Outcome::Planned;
        }
        let folded = if install.folder && row.is_none() { self.folds(path, &found) } else { None };
        // What was captured and has changed since is drift, though nobody has taken it over yet.
        let is_changed = self.input.observed.captured.contains(path) && !found.shows(digest);
        let was_ours = row.is_some() || folded.is_some() || is_changed;
        let is_folded = folded.is_some();
        let (how, change) = match folded.unwrap_or_else(|| see(path, row.as_ref(), Some(digest), &found)) {
            Seen::AsWritten if is_folded => (TreeHow::Added, Some(TreeChange::Mode(InstallMode::Link))),
            Seen::Absent => (TreeHow::Added, Some(TreeChange::Create)),
            Seen::AsWritten => {
                let how = had.unwrap_or(TreeHow::Added);
                let change = match &row {
                    None => Some(TreeChange::Create),
                    Some(row) if row.mode != install.mode => Some(TreeChange::Mode(install.mode)),
                    Some(row) if row.digest != digest => Some(TreeChange::Content),
                    // The link is right but nothing is behind it any more.
                    Some(_) if matches!(found, Observation::Link { digest: None, .. }) => {
                        Some(TreeChange::Content)
                    }
                    Some(_) if self.input.observed.disabled.contains(path) => Some(TreeChange::Enable),
                    Some(_) => None,
                };
                (how, change)
            }
            Seen::Edited
                if found.shows(digest) && row.as_ref().is_some_and(|row| row.mode == install.mode) =>
            {
                let how = had.unwrap_or(TreeHow::Added);
                // What stood there first is older than what somebody has written since: that is what comes back.
                let kept = how.aside().is_some().then(|| self.input.next.edited(path.as_str()));
                let how = match (how, kept.clone()) {
                    (TreeHow::MovedAside(_), Some(name)) => TreeHow::MovedAside(name),
                    (TreeHow::Adopted(_), Some(name)) => TreeHow::Adopted(name),
                    (how, _) => how,
                };
                (how, Some(TreeChange::Store(kept)))
            }
            Seen::Edited => (had.unwrap_or(TreeHow::Added), Some(TreeChange::Reassert(aside))),
            Seen::Foreign { identical } => match self.input.on_conflict {
                // Nothing changes for anybody: so it is in a clone of a project, where what is declared is committed.
                OnConflict::Refuse
                    if identical
                        && install.mode == InstallMode::Copy
                        && matches!(found, Observation::File { .. }) =>
                {
                    (TreeHow::Adopted(aside.clone()), Some(TreeChange::Adopt(aside)))
                }
                _ if identical && (was_ours || self.is_taken_over(path)) => {
                    (TreeHow::Adopted(aside.clone()), Some(TreeChange::Adopt(aside)))
                }
                OnConflict::Backup => {
                    (TreeHow::MovedAside(aside.clone()), Some(TreeChange::MoveAside(aside)))
                }
                OnConflict::Skip => return Outcome::Skipped,
                OnConflict::Refuse | OnConflict::Adopt => {
                    self.plan.conflicts.push(Conflict {
                        path: path.to_string(),
                        found,
                        identical,
                        is_parent: false,
                        was_ours,
                        origin: install.origin.clone(),
                    });
                    return Outcome::Planned;
                }
            },
        };
        if let Some(change) = change {
            let found = self.found(path);
            let is_drift = was_ours
                && matches!(
                    change,
                    TreeChange::Create
                        | TreeChange::Enable
                        | TreeChange::Reassert(_)
                        | TreeChange::MoveAside(_)
                );
            let origin = Some(install.origin.clone());
            self.plan.steps.push(TreeStep { path: path.clone(), change, found, was_ours, is_drift, origin });
        }
        self.plan.rows.insert(path.clone(), TreeRow { mode: install.mode, digest, how });
        Outcome::Planned
    }

    /// Whether somebody wants what is there and as declared to be ours. (What has replaced ours and is as declared is
    /// an edit that was captured: nothing is lost by a link.)
    fn is_taken_over(&self, path: &ManagedPath) -> bool {
        self.input.desired.adopts
            || self.input.observed.captured.contains(path)
            || self.input.on_conflict == OnConflict::Adopt
    }

    /// What we own and the profile no longer has.
    fn leaving(&mut self, state: &State) {
        let Some(base) = self.input.base else { return };
        for (path, row) in &base.ledger.tree {
            if state.installs.contains_key(path) {
                continue;
            }
            if Self::is_regrouped(path, state) {
                self.plan.warnings.extend(self.left_behind(path, row, state));
                continue;
            }
            let is_uninstall = self.input.cause == Cause::Uninstall;
            let change = match (see(path, Some(row), None, &self.found(path)), &row.how) {
                (Seen::AsWritten, TreeHow::MovedAside(name)) => TreeChange::Restore(name.clone()),
                (Seen::AsWritten, TreeHow::Adopted(name)) if is_uninstall => {
                    TreeChange::Restore(name.clone())
                }
                (Seen::AsWritten, _) => TreeChange::Remove,
                (Seen::Edited, _) => TreeChange::LeaveEdited,
                (Seen::Absent | Seen::Foreign { .. }, _) => TreeChange::Forget,
            };
            let is_theirs = matches!(change, TreeChange::LeaveEdited | TreeChange::Forget);
            if let Some(name) = row.how.aside().filter(|_| is_theirs) {
                self.plan.warnings.push(format!(
                    "{path} was changed by others, so what was there first stays in claude-sync/displaced/{name}"
                ));
            }
            let found = self.found(path);
            // What is neither there nor declared has come to where it was going.
            let is_drift = is_theirs && found != Observation::Absent;
            let step = TreeStep { path: path.clone(), change, found, was_ours: true, is_drift, origin: None };
            self.plan.steps.push(step);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_lead_from_their_folder_to_the_current_generation() {
        let path = ManagedPath::new("a/b/c").expect("valid");
        assert_eq!(link_text(&path), "../../claude-sync/current/files/a/b/c");
        assert_eq!(
            link_text(&ManagedPath::new("CLAUDE.md").expect("valid")),
            "claude-sync/current/files/CLAUDE.md"
        );
        let twelve = crate::model::Generation::new(12).expect("not 0");
        assert!(is_our_link(&path, &link_text(&path)));
        assert!(is_our_link(&path, &pinned_link_text(&path, twelve)));
        for other in [
            "",
            "/x",
            "../../claude-sync/current/files/a/b/d",
            "../claude-sync/current/files/a/b/c",
            "../../claude-sync/generations/x/files/a/b/c",
            "../../claude-sync/generations/12",
        ] {
            assert!(!is_our_link(&path, other), "{other}");
        }
    }
}
