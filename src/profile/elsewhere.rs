//! What of a profile comes from a repository: by files, and by the places of entries that files of one's own have
//! only had a hand in. Whoever is asked to trust a repository is shown all of that and nothing else.

use std::collections::BTreeSet;

use super::diagnostic::{Report, Spot};
use super::tree::{Entry, Node, Table, Value};
use crate::model::Origin;

/// What comes from repositories.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FromElsewhere {
    /// Files, as origins name them: those of repositories, and built-in profiles that these build on.
    files: BTreeSet<String>,
    /// File and line of entries that are one's own by their origin, and have something of theirs in them.
    mixed: BTreeSet<(String, usize)>,
    /// Something of theirs is in what the bundled hooks go by.
    pub runtime: bool,
    /// What they say of how all of it is applied, which shows in no entry.
    pub switches: Vec<Switch>,
}

/// A key at the top of a profile that decides how the rest is applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Switch {
    /// As it is written, and what it does: `adopt = true: …`.
    pub text: String,
    pub origin: Origin,
}

impl FromElsewhere {
    /// Whether something of a repository is in what is declared there.
    #[must_use]
    pub fn is_in(&self, origin: &Origin) -> bool {
        self.is_whole(origin) || self.mixed.contains(&(origin.file.clone(), origin.line))
    }

    /// Whether it stands in a repository's file. An element of a set stands in one place, so for it that is all.
    #[must_use]
    pub fn is_whole(&self, origin: &Origin) -> bool {
        self.files.contains(&origin.file)
    }

    /// Of composed tables.
    pub(super) fn of(tables: &Table, without: &[(String, Spot)], report: &Report) -> Self {
        let mut found = Self::default();
        for (section, entry) in tables {
            match section.as_str() {
                "settings" | "defaults" | "unset" => found.leaves(entry, report),
                "hooks" | "mcp" => found.named(entry, report),
                section if super::section(section).is_some() => found.named(entry, report),
                "guard" | "thresholds" | "learning" | "mesh" => found.runtime |= found.spots(entry, report),
                _ => found.switch(section, entry, report),
            }
        }
        for (what, at) in without {
            if report.source(at.source).is_some_and(|source| source.elsewhere) {
                let text = format!("without {what:?}: it is taken out, whoever has declared it");
                let origin = report.origin(*at);
                found.files.insert(origin.file.clone());
                found.switches.push(Switch { text, origin });
            }
        }
        found
    }

    fn switch(&mut self, name: &str, entry: &Entry, report: &Report) {
        if !self.spots(entry, report) {
            return;
        }
        let value = entry.node.to_json();
        let does = match (name, value.as_str(), value.as_bool()) {
            ("adopt", _, Some(true)) => ": what is there, and as declared, is taken over",
            ("adopt", ..) => ": what is there, and as declared, stays yours",
            ("mode", Some("copy"), _) => ": files are copied",
            ("mode", Some(_), _) => ": files are linked",
            _ => "",
        };
        let origin = report.origin(entry.at);
        self.switches.push(Switch { text: format!("{name} = {value}{does}"), origin });
    }

    /// Entries that are declared one by one, whatever is in them.
    fn named(&mut self, section: &Entry, report: &Report) {
        for (_, entry) in section.node.table().into_iter().flatten() {
            self.spots(entry, report);
        }
    }

    /// What is a value of its own, below.
    fn leaves(&mut self, entry: &Entry, report: &Report) {
        match &entry.node.value {
            Value::Table(table) => table.values().for_each(|entry| self.leaves(entry, report)),
            _ => drop(self.spots(entry, report)),
        }
    }

    /// Looks at every place in an entry; whether one is theirs.
    fn spots(&mut self, entry: &Entry, report: &Report) -> bool {
        let mut spots = vec![entry.at];
        places(&entry.node, &mut spots);
        let mut own = Vec::new();
        for spot in &spots {
            let origin = report.origin(*spot);
            match report.source(spot.source).is_some_and(|source| source.elsewhere) {
                true => drop(self.files.insert(origin.file)),
                false => own.push((origin.file, origin.line)),
            }
        }
        let is_theirs = own.len() < spots.len();
        if is_theirs {
            self.mixed.extend(own);
        }
        is_theirs
    }
}

fn places(node: &Node, spots: &mut Vec<Spot>) {
    spots.push(node.at);
    match &node.value {
        Value::List(items) => items.iter().for_each(|item| places(item, spots)),
        Value::Table(table) => {
            for (_, entry) in table {
                spots.push(entry.at);
                places(&entry.node, spots);
            }
        }
        _ => {}
    }
}
