//! A plan as programs read it.

use serde_json::{Value, json};

use super::{Since, fields, label, links, mask_bare, mask_veiled, mode_of, step_words};
use crate::document::Action;
use crate::model::Key;
use crate::plan::secrets::{HIDDEN, looks_secret};
use crate::plan::{Plan, Sign, Tally};
use crate::root::Root;

/// The plan for programs.
#[must_use]
pub fn plan_json(plan: &Plan, root: &Root, show_secrets: bool) -> Value {
    let steps = plan.steps.iter().map(|step| {
        let action = match step.change.sign() {
            Sign::Create => "create",
            Sign::Change => "change",
            Sign::Remove => "remove",
            Sign::Adopt => "adopt",
            Sign::Leave => "leave",
        };
        json!({"path": step.path, "action": action, "drift": step.is_drift, "notes": links::behind(step, plan, root), "reason": step_words(step, mode_of(plan, step), Since::of(plan)),
               "declared": step.origin.as_ref().map(|o| format!("{}:{}", o.file, o.line))})
    });
    let entries = plan.documents.iter().flat_map(|(id, document)| {
        document.merged.changes.iter().map(move |change| {
            let (name, rest) = label(&change.key);
            let value = |value: &Option<Value>| match value {
                Some(value) if !show_secrets && matches!(change.key, Key::Value(_)) => {
                    document.veil.value(&change.key.pointer(), &masked(&name, value))
                }
                Some(value) if !show_secrets => document.veil.value(&[], &masked(&name, value)),
                value => value.clone().unwrap_or(Value::Null),
            };
            json!({"document": id, "entry": name, "item": if rest.is_empty() { Value::Null } else if show_secrets { json!(rest) } else { json!(mask_veiled(&name, rest, &document.veil)) },
                   "action": action_word(change.action), "drift": change.action == Action::Reassert,
                   "before": value(&change.before), "after": value(&change.after),
                   "fields": fields::of(change, &document.veil, show_secrets).map(|found| found.names),
                   "declared": change.origin.as_ref().map(|o| format!("{}:{}", o.file, o.line))})
        })
    });
    let skipped = plan.skipped.iter().map(|skipped| {
        let entries = skipped.entries.iter().map(|(id, key)| {
            let (name, rest) = label(key);
            let item = if show_secrets { rest } else { mask_bare(&name, rest) };
            json!({"document": id, "entry": name, "item": item})
        });
        json!({"path": skipped.path, "found": skipped.found.describe(), "entries": entries.collect::<Vec<_>>(),
               "declared": skipped.origin.to_string()})
    });
    let conflicts = plan.conflicts.iter().map(|own| {
        json!({"path": own.path, "found": own.describe(), "identical": own.identical,
               "folder_needed": own.is_parent, "was_ours": own.was_ours, "declared": own.origin.to_string()})
    });
    let runtime =
        plan.runtime.iter().map(|own| json!({"entry": own.name, "before": own.before, "after": own.after}));
    let patches: serde_json::Map<String, Value> = plan
        .documents
        .iter()
        .filter(|(_, document)| document.is_edit())
        .map(|(id, document)| {
            let patch = &document.merged.patch;
            (id.to_string(), if show_secrets { patch.clone() } else { document.veil.patch(patch) })
        })
        .collect();
    let Tally { added, changed, removed, drifted } = plan.tally();
    json!({"version": 1, "root": root.path, "from": plan.from, "to": plan.to, "empty": plan.is_empty(),
           "paths": steps.collect::<Vec<_>>(), "entries": entries.collect::<Vec<_>>(),
           "skipped": skipped.collect::<Vec<_>>(), "conflicts": conflicts.collect::<Vec<_>>(),
           "runtime": runtime.collect::<Vec<_>>(), "patches": patches,
           "summary": {"added": added, "changed": changed, "removed": removed, "drifted": drifted},
           "warnings": plan.warnings})
}

/// The value with whatever looks like a secret taken out.
fn masked(name: &str, value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            members.iter().map(|(name, value)| (name.clone(), masked(name, value))).collect()
        }
        Value::Array(items) => items.iter().map(|value| masked(name, value)).collect(),
        value if looks_secret(name, value) => json!(HIDDEN),
        value => value.clone(),
    }
}

/// An action's name in JSON.
#[must_use]
pub fn action_word(action: Action) -> &'static str {
    match action {
        Action::Add => "create",
        Action::Override => "override",
        Action::Update => "change",
        Action::Reassert => "reassert",
        Action::Coincide => "coincide",
        Action::Adopt => "adopt",
        Action::Remove => "remove",
        Action::Restore => "restore",
        Action::Release => "release",
        Action::Leave => "leave",
        Action::RemoveDangling => "remove-dangling",
    }
}
