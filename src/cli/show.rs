//! A plan as people read it, and as programs do.

mod fields;
mod json;
mod links;
pub mod live;

pub use json::{action_word, plan_json};
use serde_json::Value;
use similar::{ChangeTag, TextDiff};

use super::output::{count, paint, style};
use crate::document::{Action, EntryChange, census};
use crate::generation::Cause;
use crate::model::{DocumentId, Generation, How, InstallMode, Key, key::dotted, printable};
use crate::plan::secrets::{HIDDEN, looks_secret, mask_line, shown};
use crate::plan::{
    Conflict, DocumentPlan, Observation, Plan, Setting, Sign, Skipped, Tally, TreeChange, TreeStep, Veil,
};
use crate::root::Store;
use crate::sys::fs;

/// How much of a plan is shown.
#[derive(Debug, Clone, Copy, Default)]
pub struct Detail {
    /// Every entry with its reason, also those nothing happens to.
    pub explain: bool,
    pub show_secrets: bool,
    /// Whole diffs, however long.
    pub verbose: bool,
}

/// Longest diff shown without `-v`, in lines.
const DIFF_LINES_MAX: usize = 40;

/// The whole plan: steps, documents, diffs, summary.
#[must_use]
pub fn plan(plan: &Plan, store: &Store, contents: Contents<'_>, detail: Detail) -> Vec<String> {
    let since = Since::of(plan);
    let mut lines = Vec::new();
    let rows: Vec<Line> = plan.steps.iter().map(|step| step_line(step, mode_of(plan, step), since)).collect();
    let skipped: Vec<Line> = plan.skipped.iter().map(skipped_line).collect();
    let taken: Vec<Line> = plan.conflicts.iter().map(|conflict| conflict_line(conflict, since)).collect();
    let columns = Columns::of(rows.iter().chain(&skipped).chain(&taken));
    for (row, step) in rows.iter().zip(&plan.steps) {
        lines.push(row.render(columns));
        lines.extend(
            links::behind(step, plan, &store.root)
                .iter()
                .map(|note| format!("      {}", paint(style::DIM, note))),
        );
        if let Some((old, new)) = both_contents(step, store, plan, contents) {
            lines.extend(diff(&old, &new, "      ", detail));
        }
    }
    for (row, skipped) in skipped.iter().zip(&plan.skipped) {
        lines.push(row.render(columns));
        lines.extend(left_out(skipped, detail));
    }
    lines.extend(taken.iter().map(|row| row.render(columns)));
    for (id, document) in &plan.documents {
        let mut told = document_lines(*id, document, since, columns, detail);
        if let Some(note) = links::through(*id, document, &store.root) {
            // Beneath what it is about.
            told.insert(1.min(told.len()), format!("      {}", paint(style::DIM, note)));
        }
        lines.extend(told);
    }
    lines.extend(runtime_lines(&plan.runtime, columns));
    lines
}

/// What is declared and left out, because somebody else's stays in its place.
#[must_use]
pub fn skipped(plan: &Plan, detail: Detail) -> Vec<String> {
    let rows: Vec<Line> = plan.skipped.iter().map(skipped_line).collect();
    let columns = Columns::of(&rows);
    let lines = rows.iter().zip(&plan.skipped);
    lines.flat_map(|(row, own)| std::iter::once(row.render(columns)).chain(left_out(own, detail))).collect()
}

/// New contents, by path below `files/`.
pub type Contents<'a> = &'a std::collections::BTreeMap<crate::model::ManagedPath, Vec<u8>>;

/// `1 to add, 2 to change, …`.
#[must_use]
pub fn summary(plan: &Plan) -> String {
    let Tally { added, changed, removed, drifted } = plan.tally();
    let parts = [(added, "to add"), (changed, "to change"), (removed, "to remove"), (drifted, "drifted")];
    let parts: Vec<String> = parts
        .iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, word)| format!("{number} {word}"))
        .collect();
    let is_there = |change: &EntryChange| matches!(change.action, Action::Coincide | Action::Adopt);
    let mut entries = plan.documents.values().flat_map(|document| &document.merged.changes);
    let linked = links::becoming(plan);
    let taken = (!plan.conflicts.is_empty()).then(|| format!("{} in the way", plan.conflicts.len()));
    let parts: Vec<String> = parts.into_iter().chain(taken).chain(linked.clone()).collect();
    let settings = plan.runtime.len();
    if settings > 0 && parts.is_empty() {
        return runtime_summary(plan);
    }
    let runtime = (settings > 0).then(|| count(settings, RUNTIME[0], RUNTIME[1]));
    let parts: Vec<String> = parts.into_iter().chain(runtime).collect();
    match (parts.is_empty(), linked) {
        (false, Some(linked)) if parts.len() == 1 => format!("No content changes: {linked}"),
        (false, _) => parts.join(", "),
        (true, _) if !plan.steps.is_empty() || entries.any(is_there) => {
            "Nothing to write; what is there already is remembered as declared".to_owned()
        }
        (true, _) if plan.state.installs.is_empty() && plan.state.documents.values().all(Vec::is_empty) => {
            "Nothing to write: the profile declares nothing yet".to_owned()
        }
        (true, _) => "Nothing to write; the profile is remembered".to_owned(),
    }
}

/// What the bundled hooks go by, counted.
pub const RUNTIME: [&str; 2] = ["setting of the bundled hooks", "settings of the bundled hooks"];

/// Where nothing but what the bundled hooks go by changes.
fn runtime_summary(plan: &Plan) -> String {
    let number = plan.runtime.len();
    let is_read = plan.state.files.values().any(|record| record.is_cs);
    let what = match is_read {
        true => count(number, "other setting", "other settings"),
        false => count(number, "setting is", "settings are"),
    };
    match is_read {
        true => format!("No file changes; the bundled hooks go by {what}"),
        false => {
            format!("No file changes; {what} remembered for bundled hooks, none of which is installed here")
        }
    }
}

/// How what is declared at a step's path is installed.
fn mode_of(plan: &Plan, step: &TreeStep) -> Option<InstallMode> {
    plan.state.installs.get(&step.path).map(|own| own.mode)
}

struct Line {
    sign: char,
    style: anstyle::Style,
    name: String,
    what: String,
    origin: String,
}

impl Line {
    fn render(&self, columns: Columns) -> String {
        let Self { sign, style, name, what, origin } = self;
        let sign = paint(*style, sign);
        match (what.is_empty(), origin.is_empty()) {
            (true, true) => format!("  {sign} {name}"),
            (_, true) => format!("  {sign} {}  {what}", pad(name, columns.name)),
            (_, false) => {
                let origin = paint(style::DIM, origin);
                format!("  {sign} {}  {}   {origin}", pad(name, columns.name), pad(what, columns.what))
            }
        }
    }
}

/// Widths that lines below one another have in common.
#[derive(Clone, Copy)]
struct Columns {
    name: usize,
    what: usize,
}

impl Columns {
    fn of<'a>(rows: impl IntoIterator<Item = &'a Line> + Clone) -> Self {
        let names = rows.clone().into_iter().map(|row| row.name.chars().count());
        // A long reason pushes its own origin aside, not everybody's.
        let located = rows.into_iter().filter(|row| !row.origin.is_empty());
        let whats = located.map(|row| row.what.chars().count()).filter(|width| *width <= WHAT_MAX);
        Self { name: names.max().unwrap_or(0).clamp(28, 44), what: whats.max().unwrap_or(0) }
    }
}

/// Longest reason that origins are aligned after.
const WHAT_MAX: usize = 24;

/// As wide as a terminal is that nobody has made wider.
const WIDTH: usize = 80;

fn pad(text: &str, width: usize) -> String {
    format!("{text}{}", " ".repeat(width.saturating_sub(text.chars().count())))
}

/// What a plan is told against.
#[derive(Clone, Copy)]
struct Since {
    generation: Option<Generation>,
    /// Everything goes: nobody asks why.
    is_letting_go: bool,
}

impl Since {
    fn of(plan: &Plan) -> Self {
        Self { generation: plan.from, is_letting_go: plan.cause == Cause::Uninstall }
    }
}

fn since(base: Since) -> String {
    base.generation.map(|generation| format!(" since generation {generation}")).unwrap_or_default()
}

fn step_line(step: &TreeStep, mode: Option<InstallMode>, base: Since) -> Line {
    let (sign, style) = match (step.change.sign(), step.is_drift) {
        (Sign::Create, false) => ('+', style::ADD),
        (Sign::Change, false) => ('~', style::CHANGE),
        (Sign::Remove, _) => ('-', style::REMOVE),
        (Sign::Create | Sign::Change, true) => ('!', style::DRIFT),
        (Sign::Adopt | Sign::Leave, _) => ('=', style::DIM),
    };
    Line {
        sign,
        style,
        name: step.path.to_string(),
        what: step_words(step, mode, base),
        origin: step.origin.as_ref().map(ToString::to_string).unwrap_or_default(),
    }
}

fn skipped_line(skipped: &Skipped) -> Line {
    Line {
        sign: '=',
        style: style::DIM,
        name: skipped.path.to_string(),
        what: format!("skipped: {} is there", skipped.found.describe()),
        origin: skipped.origin.to_string(),
    }
}

/// A path that is taken: nothing is done there, nor anywhere else before it is decided what.
fn conflict_line(conflict: &Conflict, base: Since) -> Line {
    let found = conflict.describe();
    let what = match (conflict.identical, conflict.is_parent, conflict.was_ours) {
        (true, ..) => format!("in the way: {found} with the same content"),
        (_, true, _) => format!("in the way: {found}, where a folder has to be"),
        (_, _, true) => format!("in the way: {found}, put there by others{}", since(base)),
        _ => format!("in the way: {found}"),
    };
    let origin = conflict.origin.to_string();
    Line { sign: 'x', style: style::ERROR, name: conflict.path.clone(), what, origin }
}

/// What the bundled hooks go by from now on.
fn runtime_lines(settings: &[Setting], columns: Columns) -> Vec<String> {
    if settings.is_empty() {
        return Vec::new();
    }
    let what = count(settings.len(), "setting", "settings");
    let head = Line {
        sign: '~',
        style: style::CHANGE,
        name: "the bundled hooks".to_owned(),
        what,
        origin: String::new(),
    };
    let line = |own: &Setting| {
        let value = |value: &Value| printable(&shorten(&value.to_string()));
        let (sign, text) = match (&own.before, &own.after) {
            (Some(before), Some(after)) => {
                (paint(style::CHANGE, '~'), format!("{} → {}", value(before), value(after)))
            }
            (None, Some(after)) => (paint(style::ADD, '+'), value(after)),
            (before, None) => (paint(style::REMOVE, '-'), before.as_ref().map(value).unwrap_or_default()),
        };
        EntryLine { sign, name: printable(&own.name), text, why: String::new(), origin: String::new() }
    };
    let entries: Vec<EntryLine> = settings.iter().map(line).collect();
    std::iter::once(head.render(columns)).chain(entry_lines(&entries)).collect()
}

/// The entries that are left out with a path.
fn left_out(skipped: &Skipped, detail: Detail) -> Vec<String> {
    let line = |(_, key): &(DocumentId, Key)| {
        let (name, rest) = label(key);
        let text = if detail.show_secrets { rest } else { mask_bare(&name, rest) };
        let why = format!("left out: it would run {}", skipped.path);
        EntryLine { sign: paint(style::DIM, '='), name, text, why, origin: String::new() }
    };
    entry_lines(&skipped.entries.iter().map(line).collect::<Vec<_>>())
}

/// Why, in words.
fn step_words(step: &TreeStep, mode: Option<InstallMode>, base: Since) -> String {
    match &step.change {
        TreeChange::Create if step.is_drift => format!("removed outside cs{}; made again", since(base)),
        TreeChange::Create => "new".to_owned(),
        TreeChange::MoveAside(_) if step.is_drift => {
            format!("replaced outside cs{}; that is moved aside and comes back", since(base))
        }
        TreeChange::MoveAside(_) if matches!(step.found, Observation::Link { digest: Some(_), .. }) => {
            "new, in the place of a link of yours".to_owned()
        }
        TreeChange::MoveAside(_) => {
            format!("new; {} is moved aside and comes back", thing(step))
        }
        TreeChange::Adopt(_) if step.was_ours => "as declared, in a file of its own: linked again".to_owned(),
        TreeChange::Adopt(_) => match (&step.found, mode) {
            (Observation::Link { .. }, _) => "the same, in the place of a link of yours".to_owned(),
            (_, Some(InstallMode::Link)) => "the same is there: becomes a link to it".to_owned(),
            _ => "the same is there: taken over".to_owned(),
        },
        TreeChange::Content => "content changed".to_owned(),
        TreeChange::Enable => format!("not executable any more{}; made so again", since(base)),
        TreeChange::Reassert(name) => {
            format!("edited outside cs{}; the edit is kept in claude-sync/displaced/{name}", since(base))
        }
        TreeChange::Store(_) => "edited, and declared so by now: stored anew".to_owned(),
        TreeChange::Mode(InstallMode::Copy) => "becomes a copy, from a link".to_owned(),
        TreeChange::Mode(InstallMode::Link) => "becomes a link, from a copy".to_owned(),
        TreeChange::Remove if base.is_letting_go => String::new(),
        TreeChange::Remove => "no longer declared".to_owned(),
        TreeChange::Restore(name) => {
            let edited = if Generation::is_edited(name) { ", as it was last edited" } else { "" };
            let why = if base.is_letting_go { "" } else { "no longer declared; " };
            format!("{why}what was there before comes back{edited}")
        }
        TreeChange::LeaveEdited => "edited outside cs, so it stays, as a regular file of yours".to_owned(),
        TreeChange::Forget if step.found == Observation::Absent => REMOVED.to_owned(),
        TreeChange::Forget => "changed outside cs, so it is yours now".to_owned(),
    }
}

const REMOVED: &str = "removed outside cs, and no longer declared";

/// What stands where ours is to be.
fn thing(step: &TreeStep) -> String {
    match &step.found {
        Observation::Link { target, .. } => format!("your link to {target}"),
        _ => "what is there".to_owned(),
    }
}

/// Old and new content of a text file that changes.
fn both_contents(
    step: &TreeStep,
    store: &Store,
    plan: &Plan,
    contents: Contents<'_>,
) -> Option<(String, String)> {
    let is_content = matches!(step.change, TreeChange::Content | TreeChange::Reassert(_));
    let old = || fs::read(&store.root.path.join(step.path.as_str()), 1 << 20).ok();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).ok().filter(|text| !text.contains('\0'));
    let is_cs = plan.state.files.get(&step.path).is_some_and(|record| record.is_cs);
    if !is_content || is_cs {
        return None;
    }
    Some((old().and_then(text)?, contents.get(&step.path).cloned().and_then(text)?))
}

/// What was there already, as declared.
fn already(changes: &[&EntryChange], before: &str, [one, many]: [&str; 2]) -> Vec<String> {
    let told =
        [(Action::Coincide, "already there: yours, and stays"), (Action::Adopt, "already there: taken over")];
    let number = |action| changes.iter().filter(|change| change.action == action).count();
    let told = told.map(|(action, words)| (number(action), words));
    let told = told.into_iter().filter(|(number, _)| *number > 0);
    told.map(|(number, words)| format!("{before}{} {words}", count(number, one, many))).collect()
}

fn document_lines(
    id: DocumentId,
    document: &DocumentPlan,
    base: Since,
    columns: Columns,
    detail: Detail,
) -> Vec<String> {
    let changes: Vec<&EntryChange> = document.merged.changes.iter().collect();
    let edits = changes.iter().filter(|change| change.action.is_edit()).count();
    let told: Vec<&EntryChange> = changes
        .iter()
        .copied()
        .filter(|change| {
            // What the profile says no longer, and is there all the same, is to be known.
            let stays = change.action == Action::Leave && !base.is_letting_go && change.before.is_some();
            change.action.is_edit() || detail.explain || change.action == Action::Release || stays
        })
        .collect();
    let mut lines = Vec::new();
    if edits == 0 && told.is_empty() {
        lines.extend(already(&changes, &format!("  = {id}  "), ["entry is", "entries are"]));
        return lines;
    }
    let (sign, style) = match (&document.before, &document.merged.text) {
        _ if !document.is_edit() => ('=', style::DIM),
        (None, Some(_)) => ('+', style::ADD),
        (Some(_), None) => ('-', style::REMOVE),
        _ => ('~', style::CHANGE),
    };
    let what = match document.is_edit() {
        true => count(edits, "entry", "entries"),
        false => "stays as it is".to_owned(),
    };
    let what = match others(document) {
        0 => what,
        1 => format!("{what}, 1 other untouched"),
        others => format!("{what}, {others} others untouched"),
    };
    lines.push(Line { sign, style, name: id.to_string(), what, origin: String::new() }.render(columns));
    let told: Vec<EntryLine> = told.iter().map(|change| entry_line(change, document, base, detail)).collect();
    lines.extend(entry_lines(&told));
    if !detail.explain {
        lines.extend(already(&changes, "      = ", ["declared entry is", "declared entries are"]));
    }
    if let (Some(before), Some(after)) = (&document.before, &document.merged.text)
        && before != after
    {
        lines.extend(document_diff(id, [before, after], &document.veil, Same::Whole, detail));
    }
    lines
}

/// Which lines of two texts are the same.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Same {
    Whole,
    /// A comma that came or went at a line's end because of its neighbour is none of the line's.
    ButForCommas,
}

fn document_diff(
    id: DocumentId,
    [old, new]: [&str; 2],
    veil: &Veil,
    same: Same,
    detail: Detail,
) -> Vec<String> {
    // One with long lines says nothing of where in them something changed.
    let spread = [old, new].map(|text| is_dense(text).then(|| printed(text)).flatten());
    let is_spread = spread.iter().any(Option::is_some);
    let name = if is_spread { format!("@@ {id}, with an entry a line @@") } else { format!("@@ {id} @@") };
    // Its commas are ours.
    let same = if is_spread { Same::ButForCommas } else { same };
    let texts = [old, new].map(|text| match is_spread {
        true => printed(text).unwrap_or_else(|| text.to_owned()),
        false => text.to_owned(),
    });
    let masked = [veil.lines(&texts[0]), veil.lines(&texts[1])];
    let line = |side: usize, number: usize, _: &str| masked[side].get(number).cloned().unwrap_or_default();
    let mut lines = vec![String::new(), format!("    {}", paint(style::DIM, name))];
    lines.extend(diff_with([&texts[0], &texts[1]], "    ", same, detail, &line));
    lines
}

/// Longest that lines are on average before a document is shown as if it were printed anew, in bytes.
const LINE_BYTES_MAX: usize = 160;

fn is_dense(text: &str) -> bool {
    text.len() > LINE_BYTES_MAX * text.lines().count().max(1)
}

/// A document as the client would print it.
fn printed(text: &str) -> Option<String> {
    let value: Value = serde_json::from_str(text.trim_start_matches('\u{feff}')).ok()?;
    serde_json::to_string_pretty(&value).ok().map(|text| text + "\n")
}

/// An entry's name in two columns: where it is, and which of the things there it is.
fn label(key: &Key) -> (String, String) {
    match key {
        Key::Value(pointer) => (dotted(pointer), String::new()),
        Key::Element { list, value: Value::String(text) } => (dotted(list), printable(text)),
        Key::Element { list, value } => (dotted(list), value.to_string()),
        Key::Hook(id) if id.matcher.is_empty() => (format!("hooks.{}", id.event), printable(&id.command)),
        Key::Hook(id) => {
            (format!("hooks.{}", id.event), printable(&format!("{} → {}", id.matcher, id.command)))
        }
    }
}

/// One entry of a document: where it is, what happens to it, and why.
struct EntryLine {
    sign: String,
    name: String,
    text: String,
    why: String,
    origin: String,
}

/// Entries below one another. Where they are declared, and a reason that has no room beside its
/// entry, stand below it.
fn entry_lines(entries: &[EntryLine]) -> Vec<String> {
    let wide = |text: &str| text.chars().count();
    let name_width = entries.iter().map(|entry| wide(&entry.name)).max().unwrap_or(0).min(32);
    let start = |entry: &EntryLine| "      + ".len() + name_width.max(wide(&entry.name)) + 2;
    let fits = |entry: &EntryLine, text: usize| {
        entry.origin.is_empty() && start(entry) + text + 3 + wide(&entry.why) <= WIDTH
    };
    let beside = entries.iter().filter(|entry| !entry.why.is_empty() && fits(entry, wide(&entry.text)));
    let text_width = beside.map(|entry| wide(&entry.text)).max().unwrap_or(0);
    let origin_width = entries.iter().map(|entry| wide(&entry.origin)).max().unwrap_or(0);
    let mut lines = Vec::new();
    for entry in entries {
        let EntryLine { sign, name, text, why, origin } = entry;
        let head = format!("      {sign} {}  ", pad(name, name_width));
        if origin.is_empty() && why.is_empty() {
            lines.push(format!("{head}{text}").trim_end().to_owned());
        } else if fits(entry, text_width.max(wide(text))) {
            lines.push(format!("{head}{}   {}", pad(text, text_width), paint(style::DIM, why)));
        } else {
            let origin = if origin.is_empty() { String::new() } else { pad(origin, origin_width) + "   " };
            lines.push(format!("{head}{text}").trim_end().to_owned());
            lines.push(format!("        {}", paint(style::DIM, format!("{origin}{why}").trim_end())));
        }
    }
    lines
}

fn entry_line(change: &EntryChange, document: &DocumentPlan, base: Since, detail: Detail) -> EntryLine {
    let (veil, comes_back) = (&document.veil, comes_back(change, document));
    let (name, rest) = label(&change.key);
    let (sign, style) = match change.action {
        Action::Add => ('+', style::ADD),
        Action::Override | Action::Update | Action::Restore => ('~', style::CHANGE),
        Action::Reassert => ('!', style::DRIFT),
        Action::Remove | Action::RemoveDangling => ('-', style::REMOVE),
        Action::Coincide | Action::Adopt | Action::Release | Action::Leave => ('=', style::DIM),
    };
    let value = |value: &Option<Value>| match value {
        Some(value) => shorten(&told(&change.key, value, veil, detail)),
        None => "(absent)".to_owned(),
    };
    let is_value = matches!(change.key, Key::Value(_));
    let parts = fields::of(change, veil, detail.show_secrets);
    let is_secret_only = parts.as_ref().is_some_and(|parts| parts.is_secret_only);
    let text = match (is_value, change.action) {
        (false, _) if detail.show_secrets => rest,
        (false, _) => mask_veiled(name.as_str(), rest, veil),
        (true, Action::Add) => value(&change.after),
        (true, Action::Remove | Action::RemoveDangling) => value(&change.before),
        (true, Action::Coincide | Action::Adopt | Action::Release | Action::Leave) => value(&change.before),
        (true, _) if parts.is_some() => parts.map(|parts| parts.text).unwrap_or_default(),
        (true, _) => match (value(&change.before), value(&change.after)) {
            (before, after) if before == HIDDEN && after == HIDDEN => format!("{HIDDEN} → another"),
            (before, after) => format!("{before} → {after}"),
        },
    };
    let why = match change.action {
        Action::Add if detail.explain => "declared, and not there".to_owned(),
        Action::Add => String::new(),
        Action::Update if change.after.is_none() => "declared to be absent".to_owned(),
        Action::Update if comes_back => "yours until now; it comes back when you let go of cs".to_owned(),
        Action::Update if is_secret_only => "only the secret is another".to_owned(),
        Action::Update if detail.explain => "declared differently now".to_owned(),
        Action::Update => String::new(),
        Action::Override if change.after.is_none() => {
            "declared to be absent; it comes back when you let go".to_owned()
        }
        Action::Override => "overrides your value; it comes back when you let go".to_owned(),
        Action::Reassert if change.before.is_none() => format!("removed outside cs{}", since(base)),
        Action::Reassert if comes_back => "changed outside cs; that comes back when you let go".to_owned(),
        Action::Reassert => format!("changed outside cs{}", since(base)),
        Action::Remove if base.is_letting_go => String::new(),
        Action::Remove => "no longer declared".to_owned(),
        Action::Restore if base.is_letting_go => "your value comes back".to_owned(),
        Action::Restore => "no longer declared; your value comes back".to_owned(),
        Action::Coincide => "already there: yours, and stays".to_owned(),
        Action::Adopt => "already there: taken over".to_owned(),
        Action::Release if change.before.is_none() => REMOVED.to_owned(),
        Action::Release => "changed outside cs, so it is yours now".to_owned(),
        Action::Leave if base.is_letting_go => "stays: it was yours".to_owned(),
        Action::Leave => "no longer declared; stays: it was yours before the profile had it".to_owned(),
        Action::RemoveDangling => "runs a hook of cs's that is gone".to_owned(),
    };
    let origin = change.origin.as_ref().filter(|_| detail.explain).map(ToString::to_string);
    EntryLine { sign: paint(style, sign), name, text, why, origin: origin.unwrap_or_default() }
}

/// A value for people's eyes; what stands where a secret is declared is none, whatever it looks like.
fn told(key: &Key, value: &Value, veil: &Veil, detail: Detail) -> String {
    let name = dotted(&key.pointer());
    if detail.show_secrets || veil.is_clear() || !matches!(key, Key::Value(_)) {
        return shown(&name, value, detail.show_secrets);
    }
    shown(&name, &veil.value(&key.pointer(), value), false)
}

/// An element or a hook's command, unless it holds a secret that is declared, or what looks like one.
fn mask_veiled(name: &str, text: String, veil: &Veil) -> String {
    if veil.hides(&text) { HIDDEN.to_owned() } else { mask_bare(name, text) }
}

/// An element or a hook's command, unless it holds a secret.
fn mask_bare(name: &str, text: String) -> String {
    if looks_secret(name, &Value::from(text.as_str())) { "(secret)".to_owned() } else { text }
}

fn shorten(text: &str) -> String {
    const WIDE: usize = 60;
    if text.chars().count() <= WIDE {
        text.to_owned()
    } else {
        text.chars().take(WIDE - 1).collect::<String>() + "…"
    }
}

/// How many entries of the file stay as they are.
fn others(document: &DocumentPlan) -> usize {
    let before = document.before.as_deref().map(|text| text.trim_start_matches('\u{feff}'));
    let before = before.and_then(|text| serde_json::from_str::<Value>(text).ok());
    before.map_or(0, |before| census::untouched(&before, &document.merged.value))
}

/// Whether what is there now is what comes back when the entry is let go.
fn comes_back(change: &EntryChange, document: &DocumentPlan) -> bool {
    let mut rows = document.merged.ledger.rows.iter();
    let how = rows.find(|row| row.key == change.key).map(|row| &row.how);
    let before = match how {
        Some(How::Replaced(before)) => serde_json::from_str::<Value>(&before.text).ok(),
        _ => None,
    };
    before.is_some() && before == change.before
}

/// Unified hunks, indented, with secrets masked.
#[must_use]
pub fn diff(old: &str, new: &str, indent: &str, detail: Detail) -> Vec<String> {
    diff_with([old, new], indent, Same::Whole, detail, &|_, _, text| mask_line(text))
}

/// Unified hunks of what somebody else wrote: whole, with nothing masked, and nothing that steers a terminal.
#[must_use]
pub fn bare_diff(old: &str, new: &str, indent: &str) -> Vec<String> {
    let detail = Detail { verbose: true, ..Detail::default() };
    diff_with([old, new], indent, Same::Whole, detail, &|_, _, text| text.to_owned())
}

/// Unified hunks; `masked` gives a line of the old text (0) or the new one (1) by its number, from 0.
fn diff_with(
    texts: [&str; 2],
    indent: &str,
    same: Same,
    detail: Detail,
    masked: &dyn Fn(usize, usize, &str) -> String,
) -> Vec<String> {
    let originals = texts.map(|text| text.split_inclusive('\n').collect::<Vec<_>>());
    let compared = originals.each_ref().map(|lines| match same {
        Same::Whole => lines.clone(),
        Same::ButForCommas => lines.iter().map(|line| line.trim_end().trim_end_matches(',')).collect(),
    });
    let diff = TextDiff::from_slices(&compared[0], &compared[1]);
    let mut lines = Vec::new();
    for (index, group) in diff.grouped_ops(2).iter().enumerate() {
        if index > 0 {
            lines.push(format!("{indent}{}", paint(style::DIM, "⋮")));
        }
        for change in group.iter().flat_map(|op| diff.iter_changes(op)) {
            let (side, number) = match (change.old_index(), change.new_index()) {
                (_, Some(number)) => (1, number),
                (number, None) => (0, number.unwrap_or_default()),
            };
            let text = originals[side].get(number).copied().unwrap_or_default();
            let text = text.trim_end_matches(['\n', '\r']);
            let text = if detail.show_secrets { text.to_owned() } else { masked(side, number, text) };
            let text = printable(&text);
            let line = match change.tag() {
                ChangeTag::Delete => paint(style::REMOVE, format!("-   {text}")),
                ChangeTag::Insert => paint(style::ADD, format!("+   {text}")),
                ChangeTag::Equal => format!("    {text}"),
            };
            lines.push(format!("{indent}{line}").trim_end().to_owned());
        }
    }
    if lines.len() > DIFF_LINES_MAX && !detail.verbose {
        let more = lines.len() - DIFF_LINES_MAX;
        lines.truncate(DIFF_LINES_MAX);
        lines.push(format!("{indent}{}", paint(style::DIM, format!("… {more} more lines (-v)"))));
    }
    lines
}
