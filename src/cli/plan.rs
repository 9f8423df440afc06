//! `cs plan`: what apply would do. Also plans that are saved, and told stale.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::args::PlanArgs;
use super::engine::{Context, Planned, Wanted, find_revision, policy, show_profile};
use super::error::{CliError, exit, refused, shown};
use super::news;
use super::output::{count, paint, style};
use super::secrets::{self, Programs};
use super::show::{self, Detail};
use crate::generation::{Cause, State, format};
use crate::model::{Digest, Mark, Secret, Secrets, text::shell_path};
use crate::plan::{Observation, Plan, Tally};
use crate::profile::ProfileRef;
use crate::root::{Side, Store};
use crate::sys::{env, fs};

/// Runs it.
///
/// # Errors
/// Whatever keeps a plan from being made.
pub fn run(context: &Context, args: &PlanArgs) -> Result<u8, CliError> {
    let store = context.store()?;
    if let Some(pending) = store.pending()? {
        context.out.warn(format!(
            "an apply of generation {} was interrupted; the next cs apply or cs recover settles it first",
            pending.to
        ));
    }
    let base = context.base(&store)?;
    let mut wanted = context.wanted(base.as_ref())?;
    if !context.out.json {
        warn(context, &wanted);
    }
    let secrets = match args.no_secrets {
        true => Secrets::default(),
        false => wanted.look_up(context, base.as_ref(), Programs::Known)?,
    };
    let detail =
        Detail { explain: args.explain, show_secrets: args.show_secrets, verbose: context.out.verbose };
    let policy = policy(args.conflict.on_conflict);
    let planned = context
        .survey(&store, base.as_ref(), &wanted.state, Cause::Apply, policy, &secrets)
        .or_else(|error| taken(context, &store, base.as_ref(), &wanted, error, detail))?;
    super::remote::announce(context, &wanted);
    let plan = planned.checked.plan();
    let is_pending = !is_nothing(plan, base.as_ref(), &wanted);
    let undeclared = base
        .as_ref()
        .map(|side| news::since(context, &store, side, &wanted.state, &planned, false))
        .transpose()?;
    let defaults: Vec<String> = match &base {
        Some(side) => news::defaults(context, &store, side, &wanted.state, &planned, false)?
            .iter()
            .map(|own| own.declared.key.to_string())
            .collect(),
        None => Vec::new(),
    };
    if let Some(file) = &args.out {
        save(file, &Saved::of(context, &wanted, &planned, args.conflict.on_conflict))?;
    }
    if context.out.json {
        let mut value = show::plan_json(plan, &context.root, args.show_secrets);
        value["secrets"] = secrets::json(&wanted.state, context.home());
        value["secrets_looked_up"] = (!args.no_secrets).into();
        value["profile"] = wanted.which.to_string().into();
        value["pending"] = is_pending.into();
        value["undeclared"] = undeclared.as_ref().map(news::listed).unwrap_or_default().into();
        value["defaults"] = defaults.clone().into();
        value["profile_warnings"] = wanted.warnings.iter().map(ToString::to_string).collect();
        context.out.object(&value);
    } else {
        print(context, &store, base.as_ref(), &wanted, plan, detail);
        if args.no_secrets && wanted.state.secrets().next().is_some() {
            context
                .out
                .line("No secret was looked up: what is there was compared with what was applied last.");
        }
        match (is_pending, &args.out) {
            (true, Some(file)) => {
                context.out.line(format!("\nSaved.   cs apply {}", shell_path(file, context.home())));
            }
            (true, None) => {
                let next = next_steps(context, &wanted, plan, args.explain);
                context.out.line(format!("{}.   {next}", show::summary(plan)));
            }
            (false, _) => {}
        }
        if let Some(hint) = base.as_ref().map(|side| context.unused_here(side)).transpose()?.flatten() {
            context.out.line(hint);
        }
        let capture = match wanted.which {
            ProfileRef::File(_) => format!("   {}", paint(style::DIM, context.spell("cs capture"))),
            // What ships with cs, or comes from elsewhere, is not written to.
            _ => String::new(),
        };
        if let Some((number, named)) = undeclared.as_ref().and_then(news::told) {
            context.out.line(format!(
                "{} outside cs {} declared nowhere: {named}.{capture}",
                count(number, "change", "changes"),
                if number == 1 { "is" } else { "are" },
            ));
        }
        if !defaults.is_empty() {
            context.out.line(format!(
                "{} changed outside cs: {}.{capture}",
                count(defaults.len(), "default was", "defaults were"),
                news::some(&defaults),
            ));
        }
    }
    Ok(if args.exit_code && is_pending { exit::PENDING } else { exit::DONE })
}

fn next_steps(context: &Context, wanted: &Wanted, plan: &Plan, is_explained: bool) -> String {
    let is_bare = wanted.state.installs.is_empty() && wanted.state.documents.values().all(Vec::is_empty);
    if is_bare && plan.tally() == Tally::default() {
        return bare(context, wanted);
    }
    let mut steps = vec![context.spell("cs apply")];
    if !is_explained {
        steps.push(context.spell("cs plan --explain"));
    }
    if plan.tally().drifted > 0 {
        steps.push("apply asserts what drifted".to_owned());
    }
    paint(style::DIM, steps.join("   ·   "))
}

/// Where a profile declares nothing, and takes nothing away: applying is not what comes next.
fn bare(context: &Context, wanted: &Wanted) -> String {
    let next = match &wanted.which {
        ProfileRef::File(path) => format!(
            "Add an entry to {}, or make a profile of what is there: cs init DIR",
            shell_path(path, context.home())
        ),
        _ => "Make a profile of what is there: cs init DIR".to_owned(),
    };
    paint(style::DIM, context.spell(&next))
}

/// Whether applying would write nothing at all: same state, same profile, nothing drifted.
#[must_use]
pub fn is_nothing(plan: &Plan, base: Option<&Side>, wanted: &Wanted) -> bool {
    let same_profile = base.and_then(|side| side.manifest.profile.as_ref()).is_some_and(|record| {
        let is_moved = record.reference.starts_with("git+") && record.revision != wanted.record.revision;
        record.reference == wanted.record.reference && !is_moved
    });
    plan.is_empty() && same_profile
}

/// Where paths are taken: all that would be done otherwise is shown first, with them in it.
///
/// # Errors
/// The same.
pub fn taken(
    context: &Context,
    store: &Store,
    base: Option<&Side>,
    wanted: &Wanted,
    error: CliError,
    detail: Detail,
) -> Result<Planned, CliError> {
    if let CliError::Taken { plan, .. } = &error {
        print(context, store, base, wanted, plan, detail);
        context.out.line(format!("{}.", show::summary(plan)));
    }
    Err(error)
}

/// What the profile's reader has to remark: before whatever else there is to say, also where that is a refusal.
pub fn warn(context: &Context, wanted: &Wanted) {
    wanted.warnings.iter().for_each(|found| context.out.note(shown(found, context.home())));
}

/// Header, steps, entries and diffs.
pub fn print(
    context: &Context,
    store: &Store,
    base: Option<&Side>,
    wanted: &Wanted,
    plan: &Plan,
    detail: Detail,
) {
    let out = context.out;
    if is_nothing(plan, base, wanted) {
        let at = base.map(|side| format!(": generation {}", side.manifest.generation)).unwrap_or_default();
        out.line(format!("Up to date{at}."));
        out.lines(&show::skipped(plan, detail));
        return;
    }
    if out.is_silent() {
        return;
    }
    let mut record = wanted.record.clone();
    find_revision(&wanted.which, &mut record);
    out.line(format!("Profile  {}", show_profile(&record, context.home())));
    let at = match base {
        Some(side) => format!("  at generation {}", side.manifest.generation),
        None => "  (nothing of cs's there yet)".to_owned(),
    };
    out.line(format!("Root     {}{at}", context.root.show(&context.root.path)));
    out.line("");
    let lines = show::plan(plan, store, &wanted.contents, detail);
    out.lines(&lines);
    if !lines.is_empty() {
        out.line("");
    }
    if !wanted.left_out.is_empty() {
        let names = wanted.left_out.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
        let said = format!("Left out, since your own root runs it in every project: {names}");
        out.line(paint(style::DIM, said));
        out.line("");
    }
    let waiting = secrets::waiting(&wanted.state, context.home());
    if !waiting.is_empty() {
        out.lines(&waiting);
        out.line("");
    }
    for warning in &plan.warnings {
        out.warn(warning);
    }
}

/// A plan on disk: what it was made from, in digests, so that anything that moved since is
/// seen and named.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Saved {
    format: u32,
    root: String,
    profile: String,
    on_conflict: String,
    from: Option<u64>,
    /// What is declared, by name.
    declared: BTreeMap<String, String>,
    /// What was there, by name.
    preconditions: BTreeMap<String, String>,
    /// The marks of the secrets that were looked up, by name: they are looked up anew when it is applied.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    secrets: BTreeMap<String, Mark>,
}

impl Saved {
    fn of(
        context: &Context,
        wanted: &Wanted,
        planned: &Planned,
        on_conflict: super::args::OnConflict,
    ) -> Self {
        let mut preconditions = BTreeMap::new();
        for (path, seen) in &planned.observed.tree {
            preconditions.insert(path.to_string(), fingerprint(seen));
        }
        for (id, document) in &planned.observed.documents {
            let digest = document
                .text
                .as_ref()
                .map_or("absent".to_owned(), |text| Digest::of(text.as_bytes()).to_string());
            preconditions.insert(id.to_string(), digest);
        }
        Self {
            format: format(wanted.state.secrets().next().is_some()),
            root: context.root.text(),
            profile: wanted.which.to_string(),
            on_conflict: format!("{on_conflict:?}").to_lowercase(),
            from: planned.checked.plan().from.map(crate::model::Generation::get),
            declared: declared(&wanted.state),
            preconditions,
            secrets: marks(&wanted.state),
        }
    }

    /// The profile it was made from.
    #[must_use]
    pub fn profile(&self) -> &str {
        &self.profile
    }

    /// The conflict policy it was made with.
    #[must_use]
    pub fn on_conflict(&self) -> super::args::OnConflict {
        use super::args::OnConflict;
        match self.on_conflict.as_str() {
            "backup" => OnConflict::Backup,
            "adopt" => OnConflict::Adopt,
            "skip" => OnConflict::Skip,
            _ => OnConflict::Refuse,
        }
    }

    /// Refuses when anything has moved since the plan was saved, naming what.
    ///
    /// # Errors
    /// As said.
    pub fn check_fresh(
        &self,
        context: &Context,
        wanted: &Wanted,
        planned: &Planned,
        secrets: &Secrets,
    ) -> Result<(), CliError> {
        let now = Self::of(context, wanted, planned, self.on_conflict());
        let mut moved = Vec::new();
        if now.root != self.root {
            moved.push(format!("it was made for {}", self.root));
        }
        if now.from != self.from {
            let show = |from: Option<u64>| from.map_or("none".to_owned(), |n| n.to_string());
            moved.push(format!("the current generation was {} and is {}", show(self.from), show(now.from)));
        }
        moved.extend(differences("declared differently", &self.declared, &now.declared));
        moved.extend(differences("changed on disk", &self.preconditions, &now.preconditions));
        for (declared, secret) in wanted.state.secrets() {
            let name = secrets::name(&declared.key, secret);
            let text = secrets.get(&secret.source).map(|found| secret.text(found));
            if let (Some(mark), Some(text)) = (self.secrets.get(&name), text)
                && !mark.fits(&text)
            {
                moved.push(format!("{name} is another secret now"));
            }
        }
        if moved.is_empty() {
            return Ok(());
        }
        Err(refused(
            format!("the saved plan is stale\n  {}", moved.join("\n  ")),
            "Nothing was changed. Make it anew: cs plan --out FILE.",
        ))
    }
}

fn fingerprint(seen: &Observation) -> String {
    match seen {
        Observation::File { digest, mode } => format!("file {mode:o} {digest}"),
        Observation::Link { target, digest } => {
            format!("link {target} {}", digest.map_or("dangling".to_owned(), |digest| digest.to_string()))
        }
        other => other.describe(),
    }
}

fn declared(state: &State) -> BTreeMap<String, String> {
    let mut declared = BTreeMap::new();
    for path in state.installs.keys() {
        let digest = state.install_digest(path).map(|digest| digest.to_string()).unwrap_or_default();
        declared.insert(path.to_string(), digest);
    }
    for (id, entries) in &state.documents {
        for entry in entries {
            let mut want = serde_json::to_string(&entry.want).expect("BUG: our own types serialize");
            // Their marks are compared by what they fit.
            for Secret { at, source, prefix, suffix, origin: _, mark: _ } in &entry.secrets {
                let own = serde_json::to_string(&(at, source, prefix, suffix));
                want.push_str(&own.expect("BUG: our own types serialize"));
            }
            declared.insert(format!("{id}  {}", entry.key), Digest::of(want.as_bytes()).to_string());
        }
    }
    declared.insert("runtime.json".to_owned(), Digest::of(state.runtime.to_string().as_bytes()).to_string());
    declared
}

fn marks(state: &State) -> BTreeMap<String, Mark> {
    let marked =
        state.secrets().map(|(own, secret)| Some((secrets::name(&own.key, secret), secret.mark.clone()?)));
    marked.flatten().collect()
}

fn differences(how: &str, was: &BTreeMap<String, String>, is: &BTreeMap<String, String>) -> Vec<String> {
    let names: std::collections::BTreeSet<&String> = was.keys().chain(is.keys()).collect();
    names
        .into_iter()
        .filter(|name| was.get(*name) != is.get(*name))
        .map(|name| format!("{name} {how}"))
        .collect()
}

fn save(file: &Path, saved: &Saved) -> Result<(), CliError> {
    let text = serde_json::to_vec_pretty(saved).expect("BUG: our own types serialize");
    fs::remove_file(file)?;
    Ok(fs::write_new(file, &text, 0o600)?)
}

/// Reads a saved plan.
///
/// # Errors
/// When it is none; with what was meant, where that was a project's folder (`after_project`: the word before it was
/// `--project`, which takes only a folder that is there).
pub fn load(file: &Path, after_project: bool) -> Result<Saved, CliError> {
    if file.extension().is_some_and(|extension| extension == "toml") {
        let hint = format!("Did you mean: cs apply --profile {}", shell_path(file, env::home().as_deref()));
        return Err(refused(format!("{} is a profile, not a saved plan", file.display()), hint));
    }
    if after_project && fs::stat(file)?.is_none_or(|stat| stat.kind != fs::Kind::File) {
        let hint = format!(
            "Was it meant for --project? cs apply --project={}",
            shell_path(file, env::home().as_deref())
        );
        return Err(refused(format!("{} is no saved plan", file.display()), hint));
    }
    let text = fs::read(file, 64 << 20)?;
    crate::generation::read(&text).map_err(|error| {
        refused(format!("{} {error}", file.display()), "It should be a file that `cs plan --out` wrote.")
    })
}
