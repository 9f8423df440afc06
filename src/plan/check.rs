//! A second opinion on every plan, by code that shares nothing with the planner.
//!
//! It does not ask how a plan was made, only what it would do: to the JSON values before and
//! after, to the paths it names, and to the hooks the result refers to. Whatever it finds is a
//! bug of ours, reported as one, and nothing is touched.

use std::collections::{BTreeSet, HashSet};

use serde_json::Value;

use super::{DocumentPlan, Observation, Observed, Plan};
use crate::document::hooks::meaning;
use crate::document::value::{canonical, equal};
use crate::model::{DocumentId, Key, Ledger, ManagedPath, Row, SHARED_HOOKS};

/// A plan that was checked; nothing else can be applied.
#[derive(Debug, Clone, PartialEq)]
pub struct CheckedPlan(Plan);

impl CheckedPlan {
    /// The plan.
    #[must_use]
    pub fn plan(&self) -> &Plan {
        &self.0
    }
}

/// What is wrong with a plan: a bug in the planner.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("BUG: the plan for {what} is wrong: {why}")]
pub struct Flaw {
    pub what: String,
    pub why: String,
}

/// Checks `plan` against what it was made from.
///
/// # Errors
/// The first flaw.
pub fn check(
    plan: Plan,
    base: Option<&Ledger>,
    observed: &Observed,
    root: &str,
    home: Option<&str>,
) -> Result<CheckedPlan, Flaw> {
    if let Some(conflict) = plan.conflicts.first() {
        return Err(flaw(&conflict.path, "it is taken"));
    }
    check_steps(&plan, base)?;
    for (id, document) in &plan.documents {
        let rows = |ledger: &Ledger| ledger.documents.get(id).map(|own| own.rows.clone()).unwrap_or_default();
        let mut owned: Vec<Row> = base.map(rows).unwrap_or_default();
        owned.extend(document.merged.ledger.rows.clone());
        check_document(*id, document, &owned, root, home)?;
    }
    check_hooks(&plan, observed, root, home)?;
    Ok(CheckedPlan(plan))
}

fn flaw(what: impl ToString, why: impl Into<String>) -> Flaw {
    Flaw { what: what.to_string(), why: why.into() }
}

/// Every step is at a path that is declared or was ours, and at most one per path.
fn check_steps(plan: &Plan, base: Option<&Ledger>) -> Result<(), Flaw> {
    let mut seen = BTreeSet::new();
    for step in &plan.steps {
        if !seen.insert(&step.path) {
            return Err(flaw(&step.path, "it has two steps"));
        }
        let is_declared = plan.state.installs.contains_key(&step.path);
        let was_ours = base.is_some_and(|ledger| ledger.tree.contains_key(&step.path));
        if !is_declared && !was_ours {
            return Err(flaw(&step.path, "it is neither declared nor owned"));
        }
    }
    for (path, row) in &plan.ledger.tree {
        if plan.state.install_digest(path) != Some(row.digest) {
            return Err(flaw(path, "the ledger has another content than the state"));
        }
    }
    Ok(())
}

/// The three forms of an edit agree, and everything that differs is an entry of ours.
fn check_document(
    id: DocumentId,
    document: &DocumentPlan,
    owned: &[Row],
    root: &str,
    home: Option<&str>,
) -> Result<(), Flaw> {
    let parse = |text: &str| {
        serde_json::from_str::<Value>(text.trim_start_matches('\u{feff}'))
            .map_err(|error| flaw(id, format!("a text does not parse: {error}")))
    };
    let empty = Value::Object(serde_json::Map::new());
    let before = document.before.as_deref().map_or(Ok(empty.clone()), parse)?;
    let after = document.merged.text.as_deref().map_or(Ok(empty), parse)?;
    let mut patched = before.clone();
    let patch: json_patch::Patch = serde_json::from_value(document.merged.patch.clone())
        .map_err(|error| flaw(id, format!("its patch is none: {error}")))?;
    json_patch::patch(&mut patched, &patch).map_err(|error| flaw(id, format!("its patch fails: {error}")))?;
    if !equal(&patched, &after) {
        return Err(flaw(id, "its patch and its text disagree"));
    }
    if let (Some(before), Some(after)) = (&document.before, &document.merged.text) {
        let spliced = crate::document::splice::apply(before, &document.merged.splices);
        if spliced.as_ref() != Some(after) {
            return Err(flaw(id, "its splices and its text disagree"));
        }
    }
    let lawful = Lawful { owned, root, home };
    lawful
        .same_but_ours(&mut Vec::new(), &before, &after)
        .map_err(|at| flaw(id, format!("it would change {}, which is not owned", at.join("."))))
}

/// What may differ between two values.
struct Lawful<'a> {
    owned: &'a [Row],
    root: &'a str,
    home: Option<&'a str>,
}

impl Lawful<'_> {
    /// `Err` with the place of the first difference that no owned entry explains.
    fn same_but_ours(&self, at: &mut Vec<String>, before: &Value, after: &Value) -> Result<(), Vec<String>> {
        if equal(before, after) || self.owns_value(at) {
            return Ok(());
        }
        let is_set = self.owned.iter().any(|row| matches!(&row.key, Key::Element { list, .. } if list == at));
        let is_event = at.len() == 2 && at[0] == "hooks";
        match (before, after) {
            (Value::Object(a), Value::Object(b)) => {
                let names: BTreeSet<&String> = a.keys().chain(b.keys()).collect();
                for name in names {
                    at.push(name.clone());
                    // A container that appears or goes is judged by what is in it.
                    let other = a.get(name).or(b.get(name)).expect("BUG: one of them has it");
                    let nothing = match other {
                        Value::Object(_) => Value::Object(serde_json::Map::new()),
                        Value::Array(_) => Value::Array(Vec::new()),
                        _ => Value::Null,
                    };
                    let (a, b) = (a.get(name), b.get(name));
                    let is_new_scalar =
                        (a.is_none() || b.is_none()) && !other.is_object() && !other.is_array();
                    if is_new_scalar && !self.owns_value(at) {
                        return Err(at.clone());
                    }
                    self.same_but_ours(at, a.unwrap_or(&nothing), b.unwrap_or(&nothing))?;
                    at.pop();
                }
                Ok(())
            }
            (Value::Array(a), Value::Array(b)) if is_event => self.same_groups(at, a, b),
            (Value::Array(a), Value::Array(b)) if is_set => self.same_elements(at, a, b),
            _ => Err(at.clone()),
        }
    }

    /// An entry at this very pointer, or at one above it (a whole object displaced).
    fn owns_value(&self, at: &[String]) -> bool {
        self.owned.iter().any(|row| matches!(&row.key, Key::Value(own) if at.starts_with(own)))
    }

    /// The elements that are not ours are the same, in the same order.
    fn same_elements(&self, at: &[String], a: &[Value], b: &[Value]) -> Result<(), Vec<String>> {
        let ours: HashSet<String> = self
            .owned
            .iter()
            .filter_map(|row| match &row.key {
                Key::Element { list, value } if list == at => Some(canonical(value)),
                _ => None,
            })
            .collect();
        let is_ours = |value: &Value| ours.contains(&canonical(value));
        let mut a = a.iter().filter(|value| !is_ours(value));
        let mut b = b.iter().filter(|value| !is_ours(value));
        let is_same = a.by_ref().all(|a| b.next().is_some_and(|b| equal(a, b))) && b.next().is_none();
        if is_same { Ok(()) } else { Err(at.to_vec()) }
    }

    /// Without our hooks, and groups that only held those, the groups are the same.
    fn same_groups(&self, at: &[String], a: &[Value], b: &[Value]) -> Result<(), Vec<String>> {
        let (a, b) = (self.without_ours(&at[1], a), self.without_ours(&at[1], b));
        if equal(&Value::Array(a), &Value::Array(b)) { Ok(()) } else { Err(at.to_vec()) }
    }

    fn without_ours(&self, event: &str, groups: &[Value]) -> Vec<Value> {
        let mut kept = Vec::new();
        for group in groups {
            let mut group = group.clone();
            let matcher =
                group.get("matcher").and_then(Value::as_str).filter(|m| *m != "*").unwrap_or("").to_owned();
            if let Some(entries) = group.get_mut("hooks").and_then(Value::as_array_mut) {
                let all = entries.len();
                entries.retain(|entry| !self.owns_hook(event, &matcher, entry));
                if entries.is_empty() && all > 0 {
                    continue;
                }
            }
            kept.push(group);
        }
        kept
    }

    fn owns_hook(&self, event: &str, matcher: &str, entry: &Value) -> bool {
        let Some(command) = entry.get("command").and_then(Value::as_str) else { return false };
        let command = meaning(command, self.home);
        // Whatever runs a file of ours is ours to take away with it.
        let runs_ours = command.strip_prefix(self.root).is_some_and(|rest| rest.starts_with("/hooks/"));
        // What a project shares is spelled so that it is found wherever the project lies.
        let is_shared = command.starts_with(SHARED_HOOKS);
        runs_ours
            || self.owned.iter().any(|row| {
                matches!(&row.key, Key::Hook(id) if (is_shared || id.event == event && id.matcher == matcher)
                    && meaning(&id.command, self.home) == command)
            })
    }
}

/// Every hook of ours in the result is one whose file will be there.
fn check_hooks(plan: &Plan, observed: &Observed, root: &str, home: Option<&str>) -> Result<(), Flaw> {
    let prefix = format!("{root}/");
    let shared = SHARED_HOOKS.trim_end_matches("hooks/");
    for document in plan.documents.values() {
        for row in &document.merged.ledger.rows {
            let Key::Hook(id) = &row.key else { continue };
            let command = meaning(&id.command, home);
            let rest = command.strip_prefix(&prefix).or_else(|| command.strip_prefix(shared));
            let Some(path) = rest.and_then(|rest| ManagedPath::new(rest).ok()) else {
                continue;
            };
            let will_be = plan.ledger.tree.contains_key(&path)
                || plan.ledger.tree.keys().any(|folder| folder.contains(&path));
            let is_there = !matches!(observed.tree.get(&path), None | Some(Observation::Absent));
            if !will_be && !is_there && path.as_str().starts_with("hooks/") && is_managed(plan, &path) {
                return Err(flaw(&path, "a hook would be named that is not there"));
            }
        }
    }
    Ok(())
}

/// A `command = "…"` hook may name any file; only those we install are ours to promise.
fn is_managed(plan: &Plan, path: &ManagedPath) -> bool {
    plan.steps.iter().any(|step| step.path == *path)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::*;
    use crate::generation::{Cause, State};
    use crate::model::{Declared, Generation, HookId, Origin, Want};
    use crate::plan::{ObservedDocument, OnConflict, PlanInput, TreeChange, TreeStep, plan};

    const SETTINGS: &str = r#"{"theme": "dark", "permissions": {"allow": ["Bash(ls)"]},
        "hooks": {"Stop": [{"hooks": [{"type": "command", "command": "mine"}]}]}}"#;

    fn declared() -> Vec<Declared> {
        let at = |key, want| Declared {
            key,
            want: Want::Enforced(want),
            origin: Origin::default(),
            secrets: Vec::new(),
        };
        let list = vec!["permissions".to_owned(), "allow".to_owned()];
        let hook = json!({"type": "command", "command": "ours"});
        vec![
            at(Key::Value(vec!["model".into()]), json!("opus")),
            at(Key::Element { list, value: json!("Bash(pwd)") }, json!("Bash(pwd)")),
            at(Key::Hook(HookId::new("Stop", None, "ours")), hook),
        ]
    }

    /// A sound plan over [`SETTINGS`], and what it was made from.
    fn sound() -> (Plan, Observed) {
        let document = ObservedDocument { text: Some(SETTINGS.to_owned()), ..ObservedDocument::default() };
        let observed =
            Observed { documents: BTreeMap::from([(DocumentId::Settings, document)]), ..Observed::default() };
        let state =
            State { documents: BTreeMap::from([(DocumentId::Settings, declared())]), ..State::default() };
        let plan = plan(&PlanInput {
            base: None,
            next: Generation::FIRST,
            observed: &observed,
            desired: &state,
            cause: Cause::Apply,
            on_conflict: OnConflict::Refuse,
            root: "/home/me/.claude",
            home: Some("/home/me"),
            secrets: &crate::model::Secrets::default(),
        });
        (plan.expect("plans"), observed)
    }

    /// The flaw found in a sound plan after `change`.
    fn flaw_after(change: impl FnOnce(&mut Plan)) -> Option<String> {
        let (mut plan, observed) = sound();
        change(&mut plan);
        check(plan, None, &observed, "/home/me/.claude", Some("/home/me")).err().map(|flaw| flaw.to_string())
    }

    /// The flaw found when the planner also did `edit` to the document, in all its forms.
    fn flaw_after_edit(edit: impl Fn(&mut Value)) -> Option<String> {
        flaw_after(|plan| {
            let document = plan.documents.get_mut(&DocumentId::Settings).expect("planned");
            let mut value = document.merged.value.clone();
            edit(&mut value);
            document.merged.patch = json!([{"op": "replace", "path": "", "value": value}]);
            let text = value.to_string();
            document.merged.splices =
                vec![crate::document::Splice { at: 0, removed: SETTINGS.to_owned(), inserted: text.clone() }];
            document.merged.text = Some(text);
        })
    }

    #[test]
    fn a_sound_plan_passes() {
        assert_eq!(flaw_after(|_| ()), None);
        assert_eq!(flaw_after_edit(|_| ()), None);
        // What is ours may be anywhere among what is not.
        assert_eq!(flaw_after_edit(|v| v["permissions"]["allow"] = json!(["Bash(pwd)", "Bash(ls)"])), None);
    }

    #[test]
    fn touching_what_is_not_owned_is_found() {
        let edits: [fn(&mut Value); 9] = [
            |v| v["theme"] = json!("light"),
            |v| drop(v.as_object_mut().map(|members| members.shift_remove("theme"))),
            |v| v["stowaway"] = json!(1),
            |v| v["stowaway"] = json!({"deep": [1]}),
            |v| v["permissions"]["allow"] = json!(["Bash(pwd)"]),
            |v| v["permissions"]["allow"] = json!(["Bash(ls)", "Bash(pwd)", "Bash(rm)"]),
            |v| v["permissions"]["deny"] = json!(["Bash(ls)"]),
            |v| v["hooks"]["Stop"][0]["hooks"][0]["command"] = json!("other"),
            |v| v["hooks"]["Start"] = json!([{"hooks": [{"type": "command", "command": "other"}]}]),
        ];
        for (index, edit) in edits.iter().enumerate() {
            let flaw = flaw_after_edit(edit);
            assert!(flaw.as_deref().is_some_and(|flaw| flaw.contains("not owned")), "edit {index}: {flaw:?}");
        }
    }

    #[test]
    fn forms_that_disagree_are_found() {
        let document = |plan: &mut Plan| {
            let document = plan.documents.get_mut(&DocumentId::Settings).expect("planned");
            std::mem::replace(&mut document.merged.patch, json!([]))
        };
        let flaw = flaw_after(|plan| drop(document(plan)));
        assert!(flaw.is_some_and(|flaw| flaw.contains("its patch and its text disagree")));
        let flaw = flaw_after(|plan| {
            plan.documents.get_mut(&DocumentId::Settings).expect("planned").merged.splices.clear();
        });
        assert!(flaw.is_some_and(|flaw| flaw.contains("its splices and its text disagree")));
    }

    #[test]
    fn steps_that_nobody_declared_are_found() {
        let step = || TreeStep {
            path: ManagedPath::new("agents/stowaway.md").expect("valid"),
            change: TreeChange::Create,
            found: Observation::Absent,
            was_ours: false,
            is_drift: false,
            origin: None,
        };
        let flaw = flaw_after(|plan| plan.steps.push(step()));
        assert!(flaw.is_some_and(|flaw| flaw.contains("neither declared nor owned")));
    }
}
