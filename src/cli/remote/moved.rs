//! What moving a pin changes of all that a profile comes to: what somebody said yes to, against what they are asked
//! for now. Nothing is masked, and nothing left out but what is the same in both.

use std::collections::BTreeSet;

use super::{Places, said, whole_file};
use crate::cli::engine::Wanted;
use crate::cli::output::{count, paint, style};
use crate::cli::show::bare_diff;
use crate::model::{Declared, DocumentId, Install, Key, Kind, ManagedPath, printable};
use crate::profile::Switch;

/// The changes, hooks first; none where both come to the same.
pub(super) fn lines(was: &Wanted, is: &Wanted, places: &Places<'_>) -> Vec<String> {
    let mut lines = Vec::new();
    let mut part = |heading: &str, part: Vec<String>| {
        if !part.is_empty() {
            lines.push(heading.to_owned());
            lines.extend(part);
            lines.push(String::new());
        }
    };
    let is_hook = |entry: &Declared| matches!(entry.key, Key::Hook(_));
    let mut hooks = entries(was, is, places, &is_hook);
    hooks.extend(files(was, is, places, true));
    part("Hooks, which run as you", hooks);
    part("Settings and servers", entries(was, is, places, &|entry| !is_hook(entry)));
    part("Files", files(was, is, places, false));
    if was.state.runtime != is.state.runtime {
        let text = |of: &Wanted| serde_json::to_string_pretty(&of.state.runtime).expect("BUG: JSON prints");
        part("The guard, thresholds, learning, mesh", bare_diff(&text(was), &text(is), "  "));
    }
    part("How it is applied", switches(was, is, places));
    lines
}

fn signed(sign: char, text: &str) -> String {
    let style = if sign == '+' { style::ADD } else { style::REMOVE };
    format!("  {} {}", paint(style, sign), text.trim_start())
}

/// The entries that go, each before what comes in its place, and those that come.
fn entries(
    was: &Wanted,
    is: &Wanted,
    places: &Places<'_>,
    is_meant: &dyn Fn(&Declared) -> bool,
) -> Vec<String> {
    let of = |wanted: &Wanted| -> Vec<(DocumentId, Declared)> {
        let all =
            wanted.state.documents.iter().flat_map(|(id, own)| own.iter().map(|own| (*id, own.clone())));
        all.filter(|(_, own)| is_meant(own)).collect()
    };
    let (was, is) = (of(was), of(is));
    let is_same = |a: &(DocumentId, Declared), b: &(DocumentId, Declared)| {
        a.0 == b.0 && a.1.key == b.1.key && a.1.want == b.1.want
    };
    let is_of_key = |a: &(DocumentId, Declared), b: &(DocumentId, Declared)| a.0 == b.0 && a.1.key == b.1.key;
    let mut lines = Vec::new();
    for own in was.iter().filter(|own| !is.iter().any(|other| is_same(own, other))) {
        lines.push(signed('-', &said(&own.1, &places.name(&own.1.origin))));
        lines.extend(
            is.iter()
                .filter(|other| is_of_key(own, other))
                .map(|other| signed('+', &said(&other.1, &places.name(&other.1.origin)))),
        );
    }
    let new = is.iter().filter(|own| !was.iter().any(|other| is_of_key(own, other)));
    lines.extend(new.map(|own| signed('+', &said(&own.1, &places.name(&own.1.origin)))));
    lines
}

/// The installed files that differ: new ones whole, others by their lines.
fn files(was: &Wanted, is: &Wanted, places: &Places<'_>, of_hooks: bool) -> Vec<String> {
    let names: BTreeSet<&ManagedPath> = was.contents.keys().chain(is.contents.keys()).collect();
    let mut lines = Vec::new();
    for name in names {
        let (old, new) = (was.contents.get(name), is.contents.get(name));
        let (before, after) = (install(was, name), install(is, name));
        let Some((path, own)) = after.or(before) else { continue };
        if (own.kind == Kind::Hook) != of_hooks {
            continue;
        }
        let how = |of: &Wanted, own: Option<(&ManagedPath, &Install)>| {
            (own.map(|(_, own)| own.mode), of.state.files.get(name).map(|record| record.executable))
        };
        let from = source(name, path, own).map(|from| places.path(&from) + ", ").unwrap_or_default();
        let place = format!("{from}{}", places.name(&own.origin));
        let title = format!("{}   {}", printable(name.as_str()), printable(&place));
        match (old, new) {
            (Some(old), Some(new)) if old == new => {
                if how(was, before) != how(is, after) {
                    lines.push(format!("  {} {title}  put there otherwise", paint(style::CHANGE, '~')));
                }
            }
            (Some(old), Some(new)) => {
                lines.push(format!("  {} {title}", paint(style::CHANGE, '~')));
                match (std::str::from_utf8(old), std::str::from_utf8(new)) {
                    (Ok(old), Ok(new)) => lines.extend(bare_diff(old, new, "      ")),
                    _ => lines.push(format!("    │ {}, not text", count(new.len(), "byte", "bytes"))),
                }
            }
            (None, Some(new)) => {
                lines.push(signed('+', &title));
                lines.extend(whole_file(new));
            }
            (_, None) => lines.push(signed('-', &title)),
        }
    }
    lines
}

/// What a content below `files/` is installed as, and where.
fn install<'a>(wanted: &'a Wanted, name: &ManagedPath) -> Option<(&'a ManagedPath, &'a Install)> {
    let mut installs = wanted.state.installs.iter();
    installs.find(|(path, _)| *path == name || path.contains(name))
}

/// The file that a content comes from: the source of its install, or what lies below that where it is a folder.
fn source(name: &ManagedPath, path: &ManagedPath, own: &Install) -> Option<String> {
    let below = name.as_str().strip_prefix(path.as_str()).unwrap_or_default();
    own.source.as_ref().map(|source| format!("{source}{below}"))
}

/// What is said otherwise of how all of it is applied.
fn switches(was: &Wanted, is: &Wanted, places: &Places<'_>) -> Vec<String> {
    let [was, is] = [was, is].map(|of| &of.elsewhere.switches);
    let others = |of: &[Switch], than: &[Switch], sign: char| -> Vec<String> {
        let new = of.iter().filter(|own| !than.iter().any(|other| other.text == own.text));
        let line = |own: &Switch| {
            signed(sign, &format!("{}   {}", printable(&own.text), printable(&places.name(&own.origin))))
        };
        new.map(line).collect()
    };
    [others(was, is, '-'), others(is, was, '+')].concat()
}
