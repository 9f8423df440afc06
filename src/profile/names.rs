//! Where a named entry goes in the root, and which names it may not have.

use crate::model::{Kind, ManagedPath, PathError};

/// A section whose entries become files.
pub(super) struct Place {
    pub section: &'static str,
    pub kind: Kind,
    folder: &'static str,
    suffix: &'static str,
}

const fn place(section: &'static str, kind: Kind, folder: &'static str, suffix: &'static str) -> Place {
    Place { section, kind, folder, suffix }
}

/// Every section whose entries become files, but for the hooks.
pub(super) const PLACES: [Place; 6] = [
    place("agents", Kind::Agent, "agents/", ".md"),
    place("commands", Kind::Command, "commands/", ".md"),
    place("skills", Kind::Skill, "skills/", ""),
    place("rules", Kind::Rule, "rules/", ".md"),
    place("output-styles", Kind::OutputStyle, "output-styles/", ".md"),
    place("files", Kind::File, "", ""),
];

/// Why a name is refused, and what to write instead.
pub(super) struct Refusal {
    pub why: String,
    pub help: Option<String>,
}

/// The path of `[section.name]` in the root.
pub(super) fn path(section: &str, name: &str) -> Result<ManagedPath, Refusal> {
    let known = PLACES.iter().find(|place| place.section == section);
    let (folder, suffix) = match known {
        Some(place) => (place.folder, place.suffix),
        None => ("hooks/", ""),
    };
    if section != "files" {
        simple(section, name, suffix)?;
    }
    ManagedPath::new([folder, name, suffix].concat()).map_err(|error| refusal(&error))
}

/// The names that [`path`] takes, as a regular expression for editors; it lets through a few more.
pub(super) fn pattern(section: &str) -> Option<String> {
    if section == "files" {
        return Some(r"^(?!.*(^|/)\.{0,2}(/|$))[^\\]+$".to_owned());
    }
    let suffix = PLACES.iter().find(|place| place.section == section).map(|place| place.suffix);
    if suffix.is_none() && section != "hooks" {
        return None;
    }
    let not_twice = match suffix {
        Some(".md") => r"(?!.*\.[mM][dD]$)",
        _ => "",
    };
    Some(format!(r"^(?!-)(?!\.{{1,2}}$){not_twice}[^/\\]+$"))
}

/// A name is one component: no `/`, and nothing a command line could take for an option.
fn simple(section: &str, name: &str, suffix: &str) -> Result<(), Refusal> {
    let refuse = |why: &str, help: Option<String>| Err(Refusal { why: why.to_owned(), help });
    if name.is_empty() {
        return refuse("it is empty", None);
    }
    if name.starts_with('/') {
        return refuse("it is absolute", None);
    }
    if name.contains('/') {
        return refuse("it holds a `/`", Some(format!("put it in a folder with [files.\"{section}/…\"]")));
    }
    if matches!(name, "." | "..") {
        return refuse("it would leave the folder or mean nothing", None);
    }
    if name.starts_with('-') {
        return refuse("it starts with `-`, as options do", None);
    }
    if !suffix.is_empty() && name.to_ascii_lowercase().ends_with(suffix) {
        let bare = &name[..name.len() - suffix.len()];
        return refuse(&format!("`{suffix}` is added by itself"), Some(format!("write [{section}.{bare}]")));
    }
    Ok(())
}

fn refusal(error: &PathError) -> Refusal {
    Refusal { why: error.to_string(), help: None }
}
