//! Base × observed × desired → steps with reasons. Pure.
//!
//! Planning decides everything; applying only converges to what was planned. A plan goes
//! through [`mod@check`], which shares nothing with the planner, before anything is touched.

pub mod check;
pub mod observed;
pub mod runtime;
pub mod secrets;
pub mod tree;
pub mod veil;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::document::claude::{self, Voiding};
use crate::document::text::fault_at;
use crate::document::{Action, Bases, FaultKind, Found, LettingGo, MergeInput, Merged, Refusal, merge_found};
use crate::generation::{Cause, State};
use crate::model::key::dotted;
use crate::model::text::shell_path;
use crate::model::{
    Declared, DocumentId, DocumentLedger, Generation, How, Key, Kind, Ledger, ManagedPath, Origin, Row,
    SHARED_HOOKS, Secrets, Want, limits,
};
pub use check::{CheckedPlan, check};
pub use observed::{Observation, Observed, ObservedDocument};
pub use runtime::Setting;
pub use tree::{Conflict, Skipped, TreeChange, TreeStep};
pub use veil::Veil;

/// What was applied last.
#[derive(Debug, Clone, Copy)]
pub struct Base<'a> {
    pub generation: Generation,
    pub state: &'a State,
    pub ledger: &'a Ledger,
}

/// Everything a plan is a function of.
#[derive(Debug, Clone, Copy)]
pub struct PlanInput<'a> {
    pub base: Option<Base<'a>>,
    /// The number the new generation would get.
    pub next: Generation,
    pub observed: &'a Observed,
    pub desired: &'a State,
    pub cause: Cause,
    pub on_conflict: OnConflict,
    /// The root as commands spell it, absolute.
    pub root: &'a str,
    pub home: Option<&'a str>,
    /// What was found at the sources of declared secrets. One that is missing is told by its mark where it
    /// can be, and differs from everything otherwise: such a plan is for looking at.
    pub secrets: &'a Secrets,
}

/// What to do about a path that exists and is not ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnConflict {
    /// Plan nothing, list them all.
    #[default]
    Refuse,
    /// Move it aside; it comes back.
    Backup,
    /// Take it over where the content is the same; refuse the others.
    Adopt,
    /// Leave it, and leave out what was declared there.
    Skip,
}

/// What will be done, and why.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    pub from: Option<Generation>,
    pub to: Generation,
    pub cause: Cause,
    pub steps: Vec<TreeStep>,
    pub documents: BTreeMap<DocumentId, DocumentPlan>,
    /// What is declared and left out, because somebody else's stays in its place.
    pub skipped: Vec<Skipped>,
    /// Paths that are taken. A plan with any is what would be done but for them, to look at: it is never checked,
    /// and so never carried out.
    pub conflicts: Vec<Conflict>,
    /// What the bundled hooks go by from now on, where that is something else than in the base.
    pub runtime: Vec<Setting>,
    /// The desired state, less what was skipped.
    pub state: State,
    /// What will be owned afterwards.
    pub ledger: Ledger,
    /// Something is remembered differently, even if no byte outside `claude-sync/` changes.
    pub is_news: bool,
    pub warnings: Vec<String>,
}

/// One document's part.
#[derive(Debug, Clone, PartialEq)]
pub struct DocumentPlan {
    /// The text the plan was made for; `None`: no file.
    pub before: Option<String>,
    pub merged: Merged,
    /// Why the client ignores the file before and after: something of the user's that we
    /// have no business to correct, but every reason to mention.
    pub voiding: Option<Voiding>,
    /// What of it nobody is shown.
    pub veil: Veil,
}

impl DocumentPlan {
    /// Whether the file changes.
    #[must_use]
    pub fn is_edit(&self) -> bool {
        self.before != self.merged.text
    }
}

impl Plan {
    /// Nothing to do and nothing to remember.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
            && self.conflicts.is_empty()
            && !self.documents.values().any(DocumentPlan::is_edit)
            && !self.is_news
    }

    /// Paths of ours from which somebody has taken what was there.
    #[must_use]
    pub fn missing(&self) -> Vec<ManagedPath> {
        let is_missing = |step: &&TreeStep| {
            step.is_drift && step.change == TreeChange::Create || step.change == TreeChange::Forget
        };
        self.steps.iter().filter(is_missing).map(|step| step.path.clone()).collect()
    }

    /// Counts for the summary: what is added, changed, removed, and how much of it is drift.
    #[must_use]
    pub fn tally(&self) -> Tally {
        let mut tally = Tally::default();
        for step in &self.steps {
            tally.count(step.change.sign(), step.is_drift);
        }
        for document in self.documents.values() {
            for change in &document.merged.changes {
                let sign = match change.action {
                    Action::Add => Sign::Create,
                    Action::Override | Action::Update | Action::Restore | Action::Reassert => Sign::Change,
                    Action::Remove | Action::RemoveDangling => Sign::Remove,
                    Action::Coincide | Action::Adopt | Action::Release | Action::Leave => continue,
                };
                tally.count(sign, change.action == Action::Reassert);
            }
        }
        tally
    }
}

/// Terraform's three signs, "taken over as it is", and "left alone".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sign {
    Create,
    Change,
    Remove,
    Adopt,
    Leave,
}

/// How many of each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    pub added: usize,
    pub changed: usize,
    pub removed: usize,
    pub drifted: usize,
}

impl Tally {
    fn count(&mut self, sign: Sign, is_drift: bool) {
        match sign {
            Sign::Create => self.added += 1,
            Sign::Change => self.changed += 1,
            Sign::Remove => self.removed += 1,
            Sign::Adopt | Sign::Leave => {}
        }
        self.drifted += usize::from(is_drift);
    }
}

/// Why there is no plan. All of them are found, not just the first.
#[derive(Debug, Clone, PartialEq)]
pub enum Problem {
    /// A path is taken.
    Conflict(Conflict),
    /// A document can't be merged into.
    Document(DocumentId, Refusal),
    /// The merged document would be ignored by the client, whole; and where what makes it so is declared, if it is.
    Void(DocumentId, Voiding, Option<Origin>),
}

/// Why a plan can't be carried out, with all of it that could be, where nothing but paths that are taken stands in
/// the way.
#[derive(Debug)]
pub struct Blocked {
    pub problems: Vec<Problem>,
    pub plan: Option<Box<Plan>>,
}

/// Plans.
///
/// # Errors
/// Every reason why not.
pub fn plan(input: &PlanInput<'_>) -> Result<Plan, Blocked> {
    let mut state = input.desired.clone();
    let tree = tree::plan(input, &mut state);
    let mut problems: Vec<Problem> = tree.conflicts.iter().cloned().map(Problem::Conflict).collect();
    let letting_go = match input.cause {
        Cause::Uninstall => LettingGo::Uninstall,
        Cause::Apply | Cause::Rollback { .. } => LettingGo::Undeclared,
    };
    let mut documents = BTreeMap::new();
    let gone = gone_hooks(input, &state);
    let mut ledger = Ledger { tree: tree.rows, folders: tree.folders, documents: BTreeMap::new(), gone };
    let leaving = leaving_commands(input, &state);
    let returning: Vec<String> = input
        .base
        .into_iter()
        .flat_map(|base| base.ledger.returning(&ledger))
        .map(|path| format!("{}/{path}", input.root))
        .collect();
    let going = Going { letting_go, leaving: &leaving, returning: &returning };
    for id in document_ids(input, &state) {
        match plan_document(input, &state, id, going) {
            Ok(document) => {
                if document.merged.ledger.rows.is_empty() && document.merged.ledger.containers.is_empty() {
                    ledger.documents.remove(&id);
                } else {
                    ledger.documents.insert(id, document.merged.ledger.clone());
                }
                documents.insert(id, document);
            }
            Err(problem) => problems.push(problem),
        }
    }
    if problems.len() > tree.conflicts.len() {
        return Err(Blocked { problems, plan: None });
    }
    let is_news =
        input.base.is_none_or(|base| !base.state.is_same(&state) || !is_same_ledger(base.ledger, &ledger));
    let mut warnings: Vec<String> = documents.values().flat_map(lints).collect();
    warnings.extend(documents.keys().filter_map(|id| open_to_others(input, &state, *id)));
    warnings.extend(documents.iter().filter_map(|(id, own)| read_only(input, *id, own)));
    warnings.extend(tree.warnings);
    let runtime = match (input.base, input.cause) {
        (Some(base), Cause::Apply | Cause::Rollback { .. }) => {
            runtime::changes(&base.state.runtime, &state.runtime)
        }
        _ => Vec::new(),
    };
    let plan = Plan {
        from: input.base.map(|base| base.generation),
        to: input.next,
        cause: input.cause,
        steps: tree.steps,
        skipped: tree.skipped,
        conflicts: tree.conflicts,
        runtime,
        documents,
        state,
        ledger,
        is_news,
        warnings,
    };
    match problems.is_empty() {
        true => Ok(plan),
        false => Err(Blocked { problems, plan: Some(Box::new(plan)) }),
    }
}

fn document_ids(input: &PlanInput<'_>, state: &State) -> BTreeSet<DocumentId> {
    let owned = input.base.into_iter().flat_map(|base| base.ledger.documents.keys());
    state.documents.keys().chain(owned).copied().collect()
}

/// What comes and goes with the tree, for every document alike.
#[derive(Clone, Copy)]
struct Going<'a> {
    letting_go: LettingGo,
    leaving: &'a [String],
    returning: &'a [String],
}

fn plan_document(
    input: &PlanInput<'_>,
    state: &State,
    id: DocumentId,
    going: Going<'_>,
) -> Result<DocumentPlan, Problem> {
    let nothing = DocumentLedger::default();
    let before = input.observed.documents.get(&id).and_then(|document| document.text.clone());
    let desired = state.documents.get(&id).map(Vec::as_slice).unwrap_or_default();
    let found = Found { secrets: input.secrets, texts: &[], leaves_unknown: false };
    let merging = MergeInput {
        bases: Bases {
            current: input.base.and_then(|base| base.ledger.documents.get(&id)).unwrap_or(&nothing),
            other: None,
        },
        live: before.as_deref(),
        desired,
        adopts: state.adopts,
        letting_go: going.letting_go,
        leaving: going.leaving,
        returning: going.returning,
        home: input.home,
    };
    let merged = merge_found(&merging, found).map_err(|refusal| Problem::Document(id, refusal))?;
    if input.cause != Cause::Uninstall && id.is_settings() {
        check_size(before.as_deref(), &merged).map_err(|refusal| Problem::Document(id, refusal))?;
    }
    let voiding = match input.cause {
        // Letting go always works: what is then wrong with the file was wrong without us.
        Cause::Uninstall => None,
        Cause::Apply | Cause::Rollback { .. } => {
            id.is_settings().then(|| claude::voiding(&merged.value)).flatten()
        }
    };
    if let Some(voiding) = &voiding
        && (is_hooks(voiding) || !was_void_before(before.as_deref(), voiding))
    {
        let origin =
            if was_void_before(before.as_deref(), voiding) { None } else { origin_of(desired, voiding) };
        return Err(Problem::Void(id, voiding.clone(), origin));
    }
    let known = [merging.bases.current, &merged.ledger];
    let is_veiled = desired.iter().any(|own| !own.secrets.is_empty())
        || known.iter().flat_map(|own| &own.rows).any(|row| !row.secrets.is_empty());
    let parsed = before.as_deref().filter(|_| is_veiled).and_then(parsed);
    let veil = match is_veiled {
        true => Veil::of(desired, &known, input.secrets, [parsed.as_ref(), Some(&merged.value)]),
        false => Veil::default(),
    };
    Ok(DocumentPlan { before, merged, voiding, veil })
}

fn parsed(text: &str) -> Option<serde_json::Value> {
    serde_json::from_str(text.trim_start_matches('\u{feff}')).ok()
}

/// A file that gets a secret, or has one of ours, and that others may read.
fn open_to_others(input: &PlanInput<'_>, state: &State, id: DocumentId) -> Option<String> {
    let declared = state.documents.get(&id)?;
    let seen = input.observed.documents.get(&id)?;
    let is_open = seen.text.is_some() && seen.mode & 0o077 != 0;
    (is_open && declared.iter().any(|own| !own.secrets.is_empty())).then(|| {
        let path = shell_path(&seen.path, input.home.map(Path::new));
        format!("{id} holds a secret, and its mode ({:o}) lets others read it: chmod go= {path}", seen.mode)
    })
}

/// A file that is to change, and whose owner may not write it: a new one takes its place all the same.
fn read_only(input: &PlanInput<'_>, id: DocumentId, document: &DocumentPlan) -> Option<String> {
    let seen = input.observed.documents.get(&id)?;
    let is_protected = seen.text.is_some() && seen.mode & 0o200 == 0;
    (is_protected && document.is_edit()).then(|| {
        let becomes = match document.merged.text {
            Some(_) => "replaced all the same, and its mode stays",
            None => "removed all the same",
        };
        format!("{id} is read-only (mode {:o}); it is {becomes}", seen.mode)
    })
}

/// The client reads nothing of a file that is too large: neither one that is nor one that would be.
fn check_size(before: Option<&str>, merged: &Merged) -> Result<(), Refusal> {
    let sizes = [before, merged.text.as_deref()].map(|text| text.map_or(0, str::len) as u64);
    let largest = sizes.into_iter().max().unwrap_or(0);
    if largest <= limits::DOCUMENT_BYTES_MAX {
        return Ok(());
    }
    Err(Refusal::Fault(fault_at("", 0..0, FaultKind::TooLarge(largest))))
}

/// We don't add to hooks whose shape the client refuses.
fn is_hooks(voiding: &Voiding) -> bool {
    voiding.what.starts_with("hooks.")
}

/// Where a profile declares what makes a file void: the entry itself, or one that stands beside what is missing.
fn origin_of(desired: &[Declared], voiding: &Voiding) -> Option<Origin> {
    let alike = |own: &Declared| {
        let name = dotted(&own.key.pointer());
        name.bytes().zip(voiding.what.bytes()).take_while(|(a, b)| a == b).count()
    };
    let first = |name: &str| name.split(['.', '[']).next().map(str::to_owned);
    let is_beside = |own: &&Declared| {
        let is_written = !matches!(own.want, Want::Absent);
        is_written && own.key.pointer().first().cloned() == first(&voiding.what)
    };
    // The last of the best is the one that a reader finds nearest to what comes after it.
    desired.iter().filter(is_beside).max_by_key(|own| alike(own)).map(|own| own.origin.clone())
}

fn was_void_before(before: Option<&str>, voiding: &Voiding) -> bool {
    before.and_then(parsed).and_then(|value| claude::voiding(&value)).as_ref() == Some(voiding)
}

/// Meanings of the commands of hook files that leave the root, or have left it, and leave
/// nothing behind.
#[must_use]
pub fn leaving_commands(input: &PlanInput<'_>, state: &State) -> Vec<String> {
    let is_there = |path: &ManagedPath| {
        let is_ours = input.base.is_some_and(|base| base.ledger.tree.contains_key(path));
        let seen = input.observed.tree.get(path);
        !is_ours && seen.is_some_and(|seen| *seen != Observation::Absent)
    };
    let gone: Vec<ManagedPath> =
        gone_hooks(input, state).into_iter().filter(|path| !is_there(path)).collect();
    // One that a project shares is spelled otherwise.
    let declared = input.base.into_iter().flat_map(|base| base.state.documents.values().flatten());
    let spelled = declared.filter_map(|own| match &own.key {
        Key::Hook(id) if gone.iter().any(|path| shares(own, path)) => {
            Some(crate::document::hooks::meaning(&id.command, input.home))
        }
        _ => None,
    });
    let mut commands: Vec<String> = gone.iter().map(|path| format!("{}/{path}", input.root)).collect();
    commands.extend(spelled);
    commands.sort();
    commands.dedup();
    commands
}

/// Hook files of ours that are not there after this plan: those that leave, and those that left.
fn gone_hooks(input: &PlanInput<'_>, state: &State) -> Vec<ManagedPath> {
    let Some(base) = input.base else { return Vec::new() };
    let is_hook = |path: &ManagedPath| base.state.installs.get(path).is_none_or(|i| i.kind == Kind::Hook);
    let leaves = |path: &&ManagedPath| is_hook(path) && base.ledger.tree[*path].how.aside().is_none();
    let known = base.ledger.gone.iter();
    let leaving = base.ledger.tree.keys().filter(leaves).filter(|path| !base.ledger.gone.contains(path));
    let mut gone: Vec<ManagedPath> =
        known.chain(leaving).filter(|path| !state.installs.contains_key(*path)).cloned().collect();
    let surplus = gone.len().saturating_sub(limits::GONE_HOOKS_MAX);
    gone.split_off(surplus)
}

/// Whether two ledgers own the same; what a whole file's digest was does not count.
fn is_same_ledger(a: &Ledger, b: &Ledger) -> bool {
    // That a default is the user's now is seen anew each time, and no reason for a generation.
    let plain = |row: &Row| match row.how {
        How::Released => Row { how: How::Added, ..row.clone() },
        _ => row.clone(),
    };
    let documents = |ledger: &Ledger| -> Vec<_> {
        let own = |(id, document): (&DocumentId, &DocumentLedger)| {
            (*id, document.rows.iter().map(plain).collect::<Vec<_>>(), document.containers.clone())
        };
        ledger.documents.iter().map(own).collect()
    };
    a.tree == b.tree && a.folders == b.folders && documents(a) == documents(b)
}

/// What the merged result would surprise its owner with.
fn lints(document: &DocumentPlan) -> Vec<String> {
    let value = &document.merged.value;
    let list = |name: &str| -> Vec<&str> {
        let list = value.pointer(&format!("/permissions/{name}")).and_then(serde_json::Value::as_array);
        list.into_iter().flatten().filter_map(serde_json::Value::as_str).collect()
    };
    let denied: BTreeSet<&str> = list("deny").into_iter().collect();
    let defeated = |rule: &&str| denied.contains(rule) || denied.contains(tool_of(rule));
    let ours = |rule: &&str| {
        document.merged.ledger.rows.iter().any(|row| {
            matches!(&row.key, Key::Element { list, value }
                if row.wrote.is_some() && list.first().is_some_and(|name| name == "permissions") && value == *rule)
        })
    };
    let void = document.voiding.iter().map(|Voiding { what, wanted, found }| {
        format!("{what} is {found}, so Claude Code ignores the whole settings file; it wants {wanted} there")
    });
    let defeated_rules = list("allow")
        .into_iter()
        .filter(defeated)
        .filter(|rule| ours(rule) || denied.iter().any(|denied| denied == rule && ours(denied)))
        .map(|rule| format!("permissions.allow {rule} has no effect: permissions.deny has it too"));
    void.chain(defeated_rules).collect()
}

/// `Bash` of `Bash(ls:*)`: denying a whole tool defeats every allow of it.
fn tool_of(rule: &str) -> &str {
    rule.split('(').next().unwrap_or(rule)
}

/// Whether the entry is how a project shares the hook file at `path`.
#[must_use]
pub fn shares(declared: &Declared, path: &ManagedPath) -> bool {
    let name = path.as_str().strip_prefix("hooks/");
    let is_shared = matches!(&declared.key, Key::Hook(id) if id.command.starts_with(SHARED_HOOKS));
    is_shared && name.is_some() && declared.origin.hook.as_deref() == name
}

/// Whether the declared entry is one that a skipped or missing hook file would leave dangling.
#[must_use]
pub fn runs(declared: &Declared, command: &str, home: Option<&str>) -> bool {
    matches!((&declared.key, &declared.want), (Key::Hook(id), Want::Enforced(_))
        if crate::document::hooks::meaning(&id.command, home) == command)
}
