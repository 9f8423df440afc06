//! `cs learn schema`: what the commands of each category have come to be about, how that came about, and back.

use serde_json::{Value, json};

use super::args::Common;
use super::engine::Context;
use super::error::{CliError, exit, refused};
use super::identity::learning;
use super::output::{Output, count, paint, style};
use crate::crypto::Epoch;
use crate::knowledge::{HostFolder, fold};
use crate::learn::pattern::Tier;
use crate::learn::schema::view::Seen;
use crate::learn::schema::{About, Change, Event, Field, NotUndone, Share, WINDOW_DAYS};
use crate::learn::{Item, Schema, Undo};
use crate::sys::clock;

/// So many changes are listed, the newest.
const CHANGES_SHOWN: usize = 40;

/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// A category or sub-category by its name; all of them otherwise.
    pub category: Option<&'a str>,
    /// What has changed, and not what there is.
    pub history: bool,
    /// The number of a change to undo.
    pub undo: Option<u32>,
}

/// Runs it.
///
/// # Errors
/// When what was learned can't be read, has no such category, or there is nothing to undo.
pub fn run(common: &Common, wanted: Wanted<'_>) -> Result<u8, CliError> {
    let context = Context::new(common.clone())?;
    let (out, now) = (context.out, clock::now());
    let host = learning(&context)?.known_host()?;
    let schema = host.as_ref().map(|host| known(host, now)).transpose()?.unwrap_or_default();
    let today = u16::try_from(now / 86_400).unwrap_or(u16::MAX);
    let seen = schema.seen(today);
    match (wanted, host) {
        (Wanted { undo: Some(number), .. }, host) => undo(out, &schema, host.as_ref(), (number, today, now))?,
        (Wanted { history: true, category, .. }, _) => history(out, &schema, category)?,
        (Wanted { category, .. }, _) => show(out, &schema, &seen, (category, today))?,
    }
    Ok(exit::DONE)
}

fn known(host: &HostFolder, now: u64) -> Result<Schema, CliError> {
    let snapshot = fold::known_of(host, now)
        .map_err(|error| refused(format!("what was learned can't be read: {error}"), "cs keys status"))?;
    Ok(snapshot.state.schema)
}

fn date(day: u16) -> String {
    Epoch(day.into()).date()
}

/// What there is.
fn show(
    out: Output,
    schema: &Schema,
    seen: &[Seen],
    (wanted, today): (Option<&str>, u16),
) -> Result<(), CliError> {
    let found: Vec<&Seen> = match wanted {
        None => seen.iter().collect(),
        Some(name) => vec![find(seen, name).ok_or_else(|| unknown(seen, name))?],
    };
    out.object(&json!({
        "version": 1,
        "commands": schema.commands(today),
        "categories": found.iter().map(|seen| value(seen)).collect::<Vec<_>>(),
        "changes": schema.events().len(),
    }));
    for (at, seen) in found.iter().enumerate() {
        if at > 0 {
            out.line("");
        }
        let of = count(seen.commands as usize, "command", "commands");
        let name = paint(style::BOLD, seen.name());
        out.line(format!("{name}   version {}   {of} in {WINDOW_DAYS} days", seen.version));
        fields(out, seen, &[], (1, width(seen)));
    }
    if found.is_empty() {
        let commands = schema.commands(today) as usize;
        out.line("Nothing yet: a field is taken up once a fifth of at least 50 commands of a category have it, over three days.");
        if commands > 0 {
            out.line(format!("{} counted so far.", count(commands, "command is", "commands are")));
        }
    } else {
        let changes = count(schema.events().len(), "change", "changes");
        out.line(format!("\n{changes} so far.   cs learn schema --history   ·   --undo N takes one back"));
    }
    Ok(())
}

/// How much room the names below one take.
fn width(seen: &Seen) -> usize {
    let fields = seen.fields.iter().map(|(field, ..)| field.word().len());
    let below = seen.children.iter().map(|child| child.name().len().max(width(child)));
    fields.chain(below).max().unwrap_or_default() + 2
}

/// The fields that are news here, and the sub-categories.
fn fields(out: Output, seen: &Seen, above: &[Field], (depth, room): (usize, usize)) {
    let indent = "  ".repeat(depth);
    let wide = (room + 2).saturating_sub(indent.len());
    for (field, share, kept) in seen.fields.iter().filter(|(field, ..)| !above.contains(field)) {
        out.line(format!(
            "{indent}{:<wide$} {:>3} %   since {}",
            field.word(),
            share.percent(),
            date(kept.since)
        ));
    }
    let known: Vec<Field> =
        above.iter().copied().chain(seen.fields.iter().map(|(field, ..)| *field)).collect();
    for child in &seen.children {
        let of = count(child.commands as usize, "command", "commands");
        let since = child.kept.map(|kept| format!("   since {}", date(kept.since))).unwrap_or_default();
        let told = child.told.map(|told| format!("; {}", told_apart(told))).unwrap_or_default();
        out.line(format!("{indent}{:<wide$} {of}{told}{since}", child.name()));
        fields(out, child, &known, (depth + 1, room));
    }
}

/// `31 % fail, others 4 %`
fn told_apart((about, own, rest): (About, Share, Share)) -> String {
    let what = match about {
        About::Failing => "fail",
        About::Taking(Tier::Long) => "take over two minutes",
        About::Taking(_) => "take over eight seconds",
    };
    format!("{} % {what}, others {} %", own.percent(), rest.percent())
}

fn find<'a>(seen: &'a [Seen], name: &str) -> Option<&'a Seen> {
    let is_it = |seen: &Seen| seen.name() == name || (seen.path.is_empty() && seen.category.word() == name);
    seen.iter().find_map(|seen| if is_it(seen) { Some(seen) } else { find(&seen.children, name) })
}

fn names(seen: &[Seen]) -> Vec<String> {
    seen.iter().flat_map(|seen| [vec![seen.name()], names(&seen.children)].concat()).collect()
}

fn unknown(seen: &[Seen], name: &str) -> CliError {
    let names = names(seen);
    let hint = match names.is_empty() {
        true => "Nothing has a schema yet: cs learn schema says what it takes.".to_owned(),
        false => format!("There are {}.", names.join(", ")),
    };
    refused(format!("no category `{name}` has a schema"), hint)
}

fn value(seen: &Seen) -> Value {
    let Seen { version, commands, fields, kept, told, children, .. } = seen;
    let fields = fields.iter().map(|(field, share, kept)| {
        json!({"name": field.word(), "commands": share.hit, "share": ratio(*share), "since": date(kept.since),
            "event": kept.event})
    });
    json!({
        "name": seen.name(),
        "category": seen.category.word(),
        "schema_version": version,
        "commands": commands,
        "since": kept.map(|kept| date(kept.since)),
        "event": kept.map(|kept| kept.event),
        "told_apart_by": told.map(|(about, own, rest)| json!({"about": word(about), "share": ratio(own),
            "others": ratio(rest)})),
        "fields": fields.collect::<Vec<_>>(),
        "sub_categories": children.iter().map(value).collect::<Vec<_>>(),
    })
}

fn word(about: About) -> &'static str {
    match about {
        About::Failing => "failing",
        About::Taking(Tier::Long) => "over_two_minutes",
        About::Taking(_) => "over_eight_seconds",
    }
}

/// In thousandths, as a fraction.
fn ratio(share: Share) -> f64 {
    (f64::from(share.hit) * 1000.0 / f64::from(share.of.max(1))).round() / 1000.0
}

/// What has changed.
fn history(out: Output, schema: &Schema, wanted: Option<&str>) -> Result<(), CliError> {
    let is_meant = |event: &&Event| {
        let whole = crate::learn::schema::field::name(event.category, &[]);
        wanted.is_none_or(|name| {
            [event.name(), event.name_below(), whole].iter().any(|own| own == name)
                || event.category.word() == name
        })
    };
    let events: Vec<&Event> = schema.events().iter().rev().filter(is_meant).collect();
    if let Some(name) = wanted.filter(|_| events.is_empty()) {
        return Err(refused(format!("nothing has changed about `{name}`"), "cs learn schema --history"));
    }
    out.object(&json!({
        "version": 1,
        "changes": events.iter().map(|event| event_value(event)).collect::<Vec<_>>(),
    }));
    if events.is_empty() {
        out.line("Nothing has changed yet.");
        return Ok(());
    }
    let shown = if out.verbose { events.len() } else { CHANGES_SHOWN };
    let left = events.len().saturating_sub(shown);
    let events = events.into_iter().take(shown);
    let told: Vec<_> = events.map(|event| (event, (what(event), why(event)))).collect();
    let wide = told.iter().map(|(_, (what, _))| what.chars().count()).max().unwrap_or_default();
    for (event, (what, why)) in &told {
        let undone = event.undone.map(|by| format!("   undone by {by}")).unwrap_or_default();
        let line = format!("{:>4}  {}  {what:<wide$}  {why}{undone}", event.number, date(event.day));
        out.line(if event.undone.is_some() { paint(style::DIM, line) } else { line });
    }
    if left > 0 {
        out.line(paint(
            style::DIM,
            format!("      and {}: --verbose", count(left, "older change", "older changes")),
        ));
    }
    Ok(())
}

/// What happened, in a few words.
fn what(event: &Event) -> String {
    let (name, below) = (event.name(), event.name_below());
    match event.change {
        Change::Taken { field, .. } => format!("{name} gains {}", field.word()),
        Change::Dropped { field, .. } => format!("{name} drops {}", field.word()),
        Change::Split { .. } => format!("{below} splits off {name}"),
        Change::Joined { .. } => format!("{below} goes back to {name}"),
        Change::Lapsed => format!("{name} is let go"),
        Change::Undone { event, .. } => format!("{event} is undone"),
    }
}

/// The figures that decided it.
fn why(event: &Event) -> String {
    match event.change {
        Change::Taken { share, days, .. } => {
            format!("{} % of {} commands, on {days} days", share.percent(), share.of)
        }
        Change::Dropped { share, .. } | Change::Joined { share, .. } => {
            format!("{} of {} commands in {WINDOW_DAYS} days", share.hit, share.of)
        }
        Change::Split { about, with, rest, .. } => {
            format!("{} ({} and {} commands)", told_apart((about, with, rest)), with.of, rest.of)
        }
        Change::Lapsed => format!("no command in {WINDOW_DAYS} days"),
        Change::Undone { others: 0, .. } => "asked for".to_owned(),
        Change::Undone { others, .. } => {
            format!("asked for; {} with it", count(others.into(), "change", "changes"))
        }
    }
}

fn event_value(event: &Event) -> Value {
    let kind = match event.change {
        Change::Taken { .. } => "field_taken",
        Change::Dropped { .. } => "field_dropped",
        Change::Split { .. } => "sub_category_split",
        Change::Joined { .. } => "sub_category_joined",
        Change::Lapsed => "category_lapsed",
        Change::Undone { .. } => "undone",
    };
    let of = |share: Share| json!({"commands": share.hit, "of": share.of});
    let figures = match event.change {
        Change::Taken { share, days, .. } => json!({"commands": share.hit, "of": share.of, "days": days}),
        Change::Dropped { share, .. } | Change::Joined { share, .. } => of(share),
        Change::Split { about, with, rest, millibits, .. } => json!({"about": word(about), "own": of(with),
            "others": of(rest), "gain_bits": f64::from(millibits) / 1000.0}),
        Change::Lapsed => json!({}),
        Change::Undone { event, others } => json!({"change": event, "others": others}),
    };
    json!({
        "number": event.number,
        "date": date(event.day),
        "kind": kind,
        "name": event.name(),
        "category": event.category.word(),
        "schema_version": event.version,
        "field": event.change.field().map(Field::word),
        "sub_category": matches!(event.change, Change::Split { .. } | Change::Joined { .. })
            .then(|| event.name_below()),
        "figures": figures,
        "undone_by": event.undone,
    })
}

/// Undoes a change: an entry of the journal, so that whoever folds does the same at the same place.
fn undo(
    out: Output,
    schema: &Schema,
    host: Option<&HostFolder>,
    (number, today, now): (u32, u16, u64),
) -> Result<(), CliError> {
    let mut after = schema.clone();
    let (own, host) = match (after.undo(number, today), host) {
        (Ok(own), Some(host)) => (own, host),
        (Err(why), _) => return Err(not_undone(schema, number, why)),
        (Ok(_), None) => return Err(not_undone(schema, number, NotUndone::Unknown)),
    };
    let item = Item::Undo(Undo { event: number, day: today });
    super::agents::record(host, &item, now)?;
    let of = |number: u32| after.events().iter().find(|event| event.number == number);
    let others = match of(own).map(|event| event.change) {
        Some(Change::Undone { others, .. }) => usize::from(others),
        _ => 0,
    };
    let undone = of(number).expect("BUG: it was undone");
    let message = match undone.change {
        Change::Undone { event, .. } => {
            format!("{event} may come back, and does with the next day's look if the figures still say so.")
        }
        _ => format!("Undone: {}.", what(undone)),
    };
    out.object(&json!({"version": 1, "success": true, "message": message, "change": own, "undone": number,
        "others": others}));
    out.line(message);
    if others > 0 {
        out.line(format!(
            "With it went {}.",
            count(others, "change that rested on it", "changes that rested on it")
        ));
    }
    if !matches!(undone.change, Change::Undone { .. }) {
        let evidence = count(undone.change.evidence() as usize, "command", "commands");
        out.line(format!(
            "It comes back once {evidence} more speak for it; at once by cs learn schema --undo {own}"
        ));
    }
    Ok(())
}

fn not_undone(schema: &Schema, number: u32, why: NotUndone) -> CliError {
    match why {
        NotUndone::Unknown => refused(
            format!("there is no change {number}"),
            match schema.events().last() {
                Some(last) => format!("The last one is {}: cs learn schema --history", last.number),
                None => "Nothing has changed yet: cs learn schema says what it takes.".to_owned(),
            },
        ),
        NotUndone::Already(by) => {
            refused(format!("{number} is undone already, by {by}"), "cs learn schema --history")
        }
        NotUndone::Past => refused(
            format!("nothing is left of {number} to undo: what it changed has changed since"),
            "cs learn schema --history",
        ),
        NotUndone::Lapsed => {
            refused(format!("{number} let go of what nobody used any more"), "It comes again with use.")
        }
    }
}
