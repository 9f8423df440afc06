//! From a profile's name to one composed set of tables: reads, extends, takes out, applies conditions.
//!
//! Files are applied in one line, each once: what a file extends comes before it, in order, at
//! the first place it is reached. A base that two profiles share is thus a base of both, and
//! never comes back over what one of them said.

use std::collections::{BTreeMap, HashSet};
use std::path::{Component, Path, PathBuf};

use super::check;
use super::condition::{self, expand};
use super::diagnostic::{Diagnostic, Report, Severity, Source, Spot, named};
use super::grammar::FORMAT;
use super::remote::{Remote, within};
use super::tree::{self, Entry, Node, Table, Value};
use super::{ProfileRef, ReadError, World, builtin, compose, dotted, suggest};
use crate::model::limits;

/// What the files of a profile say together.
#[derive(Default)]
pub(super) struct Composed {
    pub tables: Table,
    pub files: Vec<PathBuf>,
    pub facts: BTreeMap<String, bool>,
    /// What was taken out by `without`, and where that is said.
    pub without: Vec<(String, Spot)>,
}

/// Reads a profile and everything it extends. What is wrong is in the report.
pub(super) fn compose(which: &ProfileRef, world: &dyn World, report: &mut Report) -> Composed {
    let mut loader = Loader {
        world,
        report,
        chain: Vec::new(),
        applied: HashSet::new(),
        taken: HashSet::new(),
        incomplete: false,
        out: Composed::default(),
    };
    loader.apply(which, None);
    loader.out
}

/// Where a file lies, for what it names.
struct Home {
    folder: Option<PathBuf>,
    /// The top of its repository.
    tree: Option<PathBuf>,
}

struct Loader<'a> {
    world: &'a dyn World,
    report: &'a mut Report,
    /// The files being read, outermost first: identity and name as shown.
    chain: Vec<(String, String)>,
    applied: HashSet<String>,
    /// What some `without` took out: a second one that names it is content.
    taken: HashSet<String>,
    /// A file could not be read, so `without` may rightly find nothing.
    incomplete: bool,
    out: Composed,
}

impl Loader<'_> {
    /// Applies one file on top of what is there; `asked` is where another file asks for it.
    fn apply(&mut self, which: &ProfileRef, asked: Option<Spot>) {
        let (id, shown) = self.identity(which);
        if self.refuse_cycle(&id, &shown, asked) || !self.applied.insert(id.clone()) {
            return;
        }
        let source = self.read(which, &shown, asked);
        self.apply_source(source, id, shown);
    }

    fn apply_source(&mut self, source: Option<Source>, id: String, shown: String) {
        let Some(source) = source else {
            self.incomplete = true;
            return;
        };
        let home = Home { folder: source.folder.clone(), tree: source.tree.clone() };
        let number = self.report.add(source);
        match tree::parse(number, self.report) {
            Some(tables) if self.format(&tables, number) => {
                self.chain.push((id, shown));
                self.layers(tables, &home);
                self.chain.pop();
            }
            _ => self.incomplete = true,
        }
    }

    fn identity(&self, which: &ProfileRef) -> (String, String) {
        let shown = which.to_string();
        match which {
            ProfileRef::Builtin(_) => (shown.clone(), shown),
            ProfileRef::File(path) => (self.world.canonical(path).display().to_string(), shown),
            // As its neighbours in the repository are known: one file, however it is asked for.
            ProfileRef::Remote(remote) => {
                let tree = remote.check().is_ok().then(|| self.world.remote(remote).ok()).flatten();
                let path = tree.and_then(|tree| within(&tree, &tree, &remote.path));
                (path.map_or_else(|| shown.clone(), |path| path.display().to_string()), shown)
            }
        }
    }

    /// Whether the chain would bite its tail, or is too long to be meant.
    fn refuse_cycle(&mut self, id: &str, shown: &str, asked: Option<Spot>) -> bool {
        let Some(at) = asked else { return false };
        if let Some(from) = self.chain.iter().position(|(open, _)| open == id) {
            let mut names: Vec<&str> = self.chain[from..].iter().map(|(_, name)| name.as_str()).collect();
            names.push(shown);
            let chain = names.join(" → ");
            self.report
                .error(at, format!("{} extends itself", named(shown)))
                .help(format!("the chain is {chain}"));
            return true;
        }
        if self.chain.len() >= limits::EXTENDS_DEPTH_MAX {
            let most = limits::EXTENDS_DEPTH_MAX;
            self.report.error(at, format!("profiles extend each other more than {most} deep"));
            return true;
        }
        false
    }

    fn read(&mut self, which: &ProfileRef, shown: &str, asked: Option<Spot>) -> Option<Source> {
        match which {
            ProfileRef::Builtin(name) => match builtin(name) {
                Some(text) => {
                    let mut source = Source::new(shown, text, None);
                    let asker = asked.and_then(|spot| self.report.source(spot.source));
                    source.elsewhere = asker.is_some_and(|asker| asker.elsewhere);
                    Some(source)
                }
                None => {
                    let names = suggest::listed(super::builtin_names());
                    let help = match suggest::nearest(name, super::builtin_names()) {
                        Some(near) => format!("did you mean `builtin:{near}`?"),
                        None => format!("there are {names}"),
                    };
                    self.fail(
                        shown,
                        asked,
                        &format!("there is no built-in profile {}", named(name)),
                        Some(help),
                    )
                }
            },
            ProfileRef::File(path) => self.read_file(path, shown, asked, None),
            ProfileRef::Remote(remote) => self.read_remote(remote, shown, asked),
        }
    }

    fn read_remote(&mut self, remote: &Remote, shown: &str, asked: Option<Spot>) -> Option<Source> {
        if let Err(wrong) = remote.check() {
            let message = format!("{} is no remote profile: {}", named(shown), wrong.why);
            return self.fail(shown, asked, &message, Some(wrong.help));
        }
        let tree = match self.world.remote(remote) {
            Ok(tree) => tree,
            Err(error) => return self.fail(shown, asked, &error.to_string(), None),
        };
        let path = within(&tree, &tree, &remote.path)?;
        self.read_file(&path, shown, asked, Some(tree))
    }

    fn read_file(
        &mut self,
        path: &Path,
        shown: &str,
        asked: Option<Spot>,
        tree: Option<PathBuf>,
    ) -> Option<Source> {
        let bytes = match self.world.read(path, limits::PROFILE_BYTES_MAX) {
            Ok(file) => file.bytes,
            Err(error) => {
                let help = matches!(error, ReadError::IsFolder).then(|| "name the file in it".to_owned());
                return self.fail(
                    shown,
                    asked,
                    &format!("can't read the profile {}: {error}", named(shown)),
                    help,
                );
            }
        };
        self.out.files.push(path.to_owned());
        let folder = Some(path.parent().unwrap_or(Path::new("")).to_owned());
        match String::from_utf8(bytes) {
            Ok(text) => {
                let mut source = Source::new(shown, &text, folder);
                source.elsewhere = tree.is_some();
                source.tree = tree;
                Some(source)
            }
            Err(error) => {
                let at = error.utf8_error().valid_up_to();
                let text = String::from_utf8_lossy(error.as_bytes()).into_owned();
                let source = Source::new(shown, &text, folder);
                self.report.push(source.at(Severity::Error, at..at, "this is not UTF-8"));
                None
            }
        }
    }

    fn fail(
        &mut self,
        shown: &str,
        asked: Option<Spot>,
        message: &str,
        help: Option<String>,
    ) -> Option<Source> {
        let finding = match asked {
            Some(at) => self.report.error(at, message),
            None => self.report.push(Diagnostic::about_file(Severity::Error, shown, message)),
        };
        finding.help = help;
        None
    }

    /// Whether the file is in a format this program reads.
    fn format(&mut self, tables: &Table, number: u32) -> bool {
        let top = Spot { source: number, start: 0, end: 0 };
        let Some(entry) = tables.get("format") else {
            self.report
                .error(top, "the profile doesn't say its format")
                .help(format!("write `format = {FORMAT}` as its first line"));
            return true;
        };
        match entry.node.value {
            Value::Integer(found) if found > FORMAT => {
                self.report
                    .error(
                        entry.node.at,
                        format!("this profile is of format {found}; this cs reads up to {FORMAT}"),
                    )
                    .help("it was written for a newer cs: update cs");
                false
            }
            _ => true,
        }
    }

    /// The unconditional tables, then those under each condition that holds.
    fn layers(&mut self, mut tables: Table, home: &Home) {
        let conditional = tables.remove("when");
        check::layer(&mut tables, true, self.report);
        let extends = tables.remove("extends");
        for node in extends.iter().flat_map(|entry| entry.node.one_or_many()) {
            self.extend(node, home);
        }
        tables.remove("format");
        self.overlay(tables);
        let Some(entry) = conditional else { return };
        if let (true, Value::Table(conditions)) =
            (check::table_expected(&"when", &entry, self.report), entry.node.value)
        {
            for (text, entry) in conditions {
                self.conditional(&text, entry, home.folder.as_deref());
            }
        }
    }

    fn extend(&mut self, node: &Node, home: &Home) {
        let Some(text) = node.text() else { return };
        let Home { folder, tree } = home;
        let folder = folder.as_deref();
        let which = match (ProfileRef::parse(text), folder) {
            (ProfileRef::File(_), Some(folder)) if tree.is_some() => {
                return self.extend_within(node, text, folder, tree.as_deref());
            }
            // Or one yes would be said to repositories that nobody has named.
            (ProfileRef::Remote(_), _) if tree.is_some() => {
                self.report
                    .error(node.at, "a profile from a repository can't build on another repository")
                    .help("extend both in a profile of your own");
                return;
            }
            (ProfileRef::File(_), None) => {
                self.report.error(node.at, "a built-in profile can extend built-in profiles only");
                return;
            }
            (ProfileRef::File(_), Some(_)) => ProfileRef::File(tidy(&expand(text, self.world, folder))),
            (builtin, _) => builtin,
        };
        self.apply(&which, Some(node.at));
    }

    /// A profile of the same repository.
    fn extend_within(&mut self, node: &Node, text: &str, folder: &Path, tree: Option<&Path>) {
        let Some(path) = tree.and_then(|tree| within(tree, folder, text)) else {
            self.report.error(node.at, format!("{} leads out of the repository", named(text)));
            return;
        };
        let shown = path.display().to_string();
        let spot = Some(node.at);
        let id = shown.clone();
        if self.refuse_cycle(&id, &shown, spot) || !self.applied.insert(id.clone()) {
            return;
        }
        let source = self.read_file(&path, &shown, spot, tree.map(Path::to_owned));
        self.apply_source(source, id, shown);
    }

    fn conditional(&mut self, text: &str, entry: Entry, folder: Option<&Path>) {
        let path = format!("when.{text:?}");
        if !check::table_expected(&path, &entry, self.report) {
            return;
        }
        let Value::Table(mut tables) = entry.node.value else { return };
        check::layer(&mut tables, false, self.report);
        match condition::parse(text) {
            Ok(condition) => {
                let holds = condition.holds(self.world, folder);
                self.out.facts.insert(text.to_owned(), holds);
                if holds {
                    self.overlay(tables);
                }
            }
            Err(mistake) => {
                // Past the opening quote; right unless the name has escapes in it.
                let offset = u32::try_from(mistake.offset).unwrap_or_default() + 1;
                let start = (entry.at.start + offset).min(entry.at.end.saturating_sub(1));
                let at = Spot { start, end: start + 1, ..entry.at };
                self.report.error(at, format!("in the condition: {}", mistake.message)).help = mistake.help;
            }
        }
    }

    /// Puts one layer on what is there: first what it takes out, then what it says.
    fn overlay(&mut self, mut tables: Table) {
        let without = tables.remove("without");
        for node in without.iter().flat_map(|entry| entry.node.one_or_many()) {
            self.take_out(node);
        }
        compose::merge(&mut self.out.tables, tables);
    }

    fn take_out(&mut self, node: &Node) {
        let Some(text) = node.text() else { return };
        let (path, element) = match dotted::key_and_element(text) {
            Ok(parts) => parts,
            Err(why) => {
                self.report.error(node.at, format!("{} is no dotted key: {why}", named(text)));
                return;
            }
        };
        if compose::take(&mut self.out.tables, &path, element) {
            self.taken.insert(text.to_owned());
            self.out.without.push((text.to_owned(), node.at));
        } else if !self.incomplete && !self.taken.contains(text) {
            let help = self.nearest_declared(&path, element);
            self.report.error(node.at, format!("{} takes nothing out", named(text))).help = Some(help);
        }
    }

    /// What was probably meant by a path that names nothing.
    fn nearest_declared(&self, path: &[String], element: Option<&str>) -> String {
        let exists = |path: &[String]| compose::take(&mut self.out.tables.clone(), path, element);
        let mut under_settings = vec!["settings".to_owned()];
        under_settings.extend_from_slice(path);
        if exists(&under_settings) {
            return format!("did you mean `{}`?", crate::model::key::dotted(&under_settings));
        }
        let mut table = &self.out.tables;
        for (at, name) in path.iter().enumerate() {
            let Some(entry) = table.get(name) else {
                let Some(near) = suggest::nearest(name, table.keys().map(String::as_str)) else { break };
                let mut meant = path[..at].to_vec();
                meant.push(near.to_owned());
                return format!("did you mean `{}`?", crate::model::key::dotted(&meant));
            };
            let Some(next) = entry.node.table() else { break };
            table = next;
        }
        "what is extended declares no such thing; a path starts at a table of the profile, as `hooks.NAME` \
         or `settings.permissions.allow: ELEMENT`"
            .to_owned()
    }
}

/// Without `.` components: they help nobody who reads the path.
fn tidy(path: &Path) -> PathBuf {
    path.components().filter(|component| !matches!(component, Component::CurDir)).collect()
}
