//! A plan back to a generation, told the other way round: what has changed from that generation to
//! what is on the disk.

use serde_json::{Value, json};

use super::{
    Columns, Contents, Detail, EntryLine, Line, Same, both_contents, diff, document_diff, entry_lines, label,
    mask_veiled, shorten, told,
};
use crate::cli::output::{count, paint, style};
use crate::document::{Action, EntryChange};
use crate::generation::difference::Change;
use crate::model::{DocumentId, InstallMode, Key};
use crate::plan::{DocumentPlan, Plan, TreeChange, TreeStep, Veil};
use crate::root::Store;

/// What is different on the disk; `back` is the plan to the generation, with its `contents`.
#[must_use]
pub fn lines(back: &Plan, store: &Store, contents: Contents<'_>, detail: Detail) -> Vec<String> {
    let rows: Vec<(Line, &TreeStep)> = back
        .steps
        .iter()
        .filter_map(|step| {
            let (change, what) = step_change(&step.change)?;
            let (sign, style) = signed(change);
            let name = step.path.to_string();
            Some((Line { sign, style, name, what: what.to_owned(), origin: String::new() }, step))
        })
        .collect();
    let columns = Columns::of(rows.iter().map(|(row, _)| row));
    let mut lines = Vec::new();
    for (row, step) in &rows {
        lines.push(row.render(columns));
        if let Some((now, then)) = both_contents(step, store, back, contents) {
            lines.extend(diff(&then, &now, "      ", detail));
        }
    }
    for (id, document) in &back.documents {
        lines.extend(document_lines(*id, document, columns, detail));
    }
    lines
}

/// The same for programs, as differences between two generations are told.
#[must_use]
pub fn json(back: &Plan) -> Vec<Value> {
    let paths = back.steps.iter().filter_map(|step| {
        let (change, _) = step_change(&step.change)?;
        Some(json!({"change": change, "what": step.path}))
    });
    let entries = back.documents.iter().flat_map(|(id, document)| {
        edits(document)
            .map(move |entry| json!({"change": entry_change(entry), "what": format!("{id}  {}", entry.key)}))
    });
    paths.chain(entries).collect()
}

/// What a step back means the other way round; nothing for what is none of the generation's.
fn step_change(back: &TreeChange) -> Option<(Change, &'static str)> {
    Some(match back {
        TreeChange::Create => (Change::Removed, "not there"),
        TreeChange::MoveAside(_) => (Change::Changed, "something else is there"),
        TreeChange::Adopt(_) => (Change::Changed, "a file of yours with the same content"),
        TreeChange::Content => (Change::Changed, "content changed"),
        TreeChange::Enable => (Change::Changed, "not executable any more"),
        TreeChange::Reassert(_) => (Change::Changed, "edited outside cs"),
        TreeChange::Mode(InstallMode::Copy) => (Change::Changed, "a link instead of a copy"),
        TreeChange::Mode(InstallMode::Link) => (Change::Changed, "a copy instead of a link"),
        TreeChange::Remove => (Change::Added, "new"),
        TreeChange::Restore(_) => (Change::Changed, "cs's, over yours"),
        TreeChange::LeaveEdited => (Change::Added, "new, and edited outside cs"),
        TreeChange::Store(_) | TreeChange::Forget => return None,
    })
}

fn signed(change: Change) -> (char, anstyle::Style) {
    match change {
        Change::Added => ('+', style::ADD),
        Change::Changed => ('~', style::CHANGE),
        Change::Removed => ('-', style::REMOVE),
    }
}

fn edits(document: &DocumentPlan) -> impl Iterator<Item = &EntryChange> {
    document.merged.changes.iter().filter(|change| change.action.is_edit())
}

fn entry_change(back: &EntryChange) -> Change {
    match (&back.after, &back.before) {
        (None, _) => Change::Added,
        (_, None) => Change::Removed,
        _ => Change::Changed,
    }
}

fn document_lines(id: DocumentId, document: &DocumentPlan, columns: Columns, detail: Detail) -> Vec<String> {
    let entries: Vec<EntryLine> =
        edits(document).map(|entry| entry_line(entry, &document.veil, detail)).collect();
    let (then, now) = (&document.merged.text, &document.before);
    let change = match (then, now) {
        _ if entries.is_empty() => return Vec::new(),
        (None, Some(_)) => Change::Added,
        (Some(_), None) => Change::Removed,
        _ => Change::Changed,
    };
    let (sign, style) = signed(change);
    let what = count(entries.len(), "entry", "entries");
    let mut lines =
        vec![Line { sign, style, name: id.to_string(), what, origin: String::new() }.render(columns)];
    lines.extend(entry_lines(&entries));
    if let (Some(then), Some(now)) = (then, now) {
        // What others added is in both, and is to look as if it were.
        lines.extend(document_diff(id, [then, now], &document.veil, Same::ButForCommas, detail));
    }
    lines
}

fn entry_line(back: &EntryChange, veil: &Veil, detail: Detail) -> EntryLine {
    let (name, rest) = label(&back.key);
    let (sign, style) = signed(entry_change(back));
    let value = |value: &Value| shorten(&told(&back.key, value, veil, detail));
    let text = match (&back.key, &back.after, &back.before) {
        (Key::Value(_), Some(then), Some(now)) => format!("{} → {}", value(then), value(now)),
        (Key::Value(_), Some(only), None) | (Key::Value(_), None, Some(only)) => value(only),
        _ if detail.show_secrets => rest,
        _ => mask_veiled(&name, rest, veil),
    };
    let why = if back.action == Action::Reassert { "changed outside cs" } else { "" };
    EntryLine { sign: paint(style, sign), name, text, why: why.to_owned(), origin: String::new() }
}
