//! What appears in the root: agents, commands, skills, rules, output styles and other files.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use super::builtin;
use super::condition::expand;
use super::diagnostic::{Report, Spot, named};
use super::frontmatter::{self, Of};
use super::names::{self, PLACES, Place};
use super::remote::within;
use super::tree::{self, Entry, Node, Table};
use super::{FileRead, ReadError, Target, World};
use crate::model::{Content, FileSpec, Install, InstallMode, Kind, ManagedPath, limits};

/// What is rendered so far, and who has which path.
pub(super) struct Out<'a> {
    pub world: &'a dyn World,
    pub report: &'a mut Report,
    /// `mode` at the top of the profile, else the target's.
    mode: InstallMode,
    /// Of what only this machine can run.
    own_mode: InstallMode,
    files: BTreeMap<ManagedPath, FileSpec>,
    installs: BTreeMap<ManagedPath, Install>,
    /// By path in lower case: on macOS two that differ in case only are one.
    claims: HashMap<String, Spot>,
    /// Every folder above a claim, and a claim in it.
    above: HashMap<String, Spot>,
}

/// A source, read once: what is checked is what is installed.
pub(super) struct SourceFile {
    pub path: PathBuf,
    pub bytes: Vec<u8>,
    /// Somebody may run it.
    pub executable: bool,
}

impl<'a> Out<'a> {
    pub fn new(world: &'a dyn World, tables: &Table, target: &Target, report: &'a mut Report) -> Self {
        let mode = mode_of(tables).unwrap_or(target.mode);
        Self {
            world,
            report,
            mode,
            own_mode: if target.mode == InstallMode::Copy { InstallMode::Link } else { mode },
            files: BTreeMap::new(),
            installs: BTreeMap::new(),
            claims: HashMap::new(),
            above: HashMap::new(),
        }
    }

    pub fn finish(self) -> (BTreeMap<ManagedPath, FileSpec>, BTreeMap<ManagedPath, Install>) {
        (self.files, self.installs)
    }

    pub fn mode(&self, table: &Table) -> InstallMode {
        mode_of(table).unwrap_or(self.mode)
    }

    /// The mode of a bundled hook: where copies are to be shared, it is none of them, since it is
    /// this machine's `cs` itself.
    pub fn own_mode(&self, table: &Table) -> InstallMode {
        mode_of(table).unwrap_or(self.own_mode)
    }

    pub fn spec(&self, path: &ManagedPath) -> Option<&FileSpec> {
        self.files.get(path)
    }

    pub fn file(&mut self, path: ManagedPath, spec: FileSpec) {
        self.files.insert(path, spec);
    }

    pub fn install(
        &mut self,
        path: &ManagedPath,
        kind: Kind,
        mode: InstallMode,
        source: Option<&Path>,
        at: Spot,
    ) {
        let source = source.map(|path| path.display().to_string());
        let install = Install { kind, mode, folder: false, source, origin: self.report.origin(at) };
        self.installs.insert(path.clone(), install);
    }

    /// Takes `path` for the entry at `at`, if nobody has it, nothing above it and nothing below it.
    pub fn claim(&mut self, path: &ManagedPath, folder: bool, at: Spot) -> bool {
        let lower = path.as_str().to_lowercase();
        let parents = || lower.match_indices('/').map(|(end, _)| &lower[..end]);
        let same = self.claims.get(&lower).map(|spot| (*spot, "is declared twice"));
        let below = parents()
            .find_map(|parent| self.claims.get(parent))
            .map(|spot| (*spot, "lies below another entry"));
        let above = self.above.get(&lower).map(|spot| (*spot, "has another entry below it"));
        if let Some((first, what)) = same.or(below).or(above) {
            let first = self.report.origin(first);
            let what =
                if folder && what.starts_with("has") { "is a folder with another entry in it" } else { what };
            self.report
                .error(at, format!("{} {what}", named(path.as_str())))
                .help(format!("the other one is at {first}"));
            return false;
        }
        let parents: Vec<String> = parents().map(str::to_owned).collect();
        for parent in parents {
            self.above.entry(parent).or_insert(at);
        }
        self.claims.insert(lower, at);
        true
    }

    /// The path that the string `node` names, relative to the profile it is written in.
    pub fn resolve(&mut self, node: &Node) -> Option<PathBuf> {
        let text = node.text()?;
        let source = self.report.source(node.at.source);
        let tree = source.and_then(|source| source.tree.clone());
        let folder = source.and_then(|source| source.folder.clone());
        let Some(folder) = folder else {
            self.report.error(node.at, "a built-in profile has no files beside it").help("use `text`");
            return None;
        };
        if text.contains('\0') {
            self.report.error(node.at, "a path can't hold a NUL");
            return None;
        }
        let Some(tree) = tree else { return Some(expand(text, self.world, Some(&folder))) };
        let path = within(&tree, &folder, text);
        if path.is_none() {
            self.report
                .error(node.at, format!("{} leads out of the repository", named(text)))
                .help("a profile from elsewhere installs what lies beside it, and nothing of this machine");
        }
        path
    }

    /// Reads the file that the string `node` names.
    pub fn read(&mut self, node: &Node) -> Option<SourceFile> {
        let path = self.resolve(node)?;
        let FileRead { bytes, executable } = self.read_at(&path, node)?;
        Some(SourceFile { path, bytes, executable })
    }

    fn read_at(&mut self, path: &Path, node: &Node) -> Option<FileRead> {
        match self.world.read(path, limits::SOURCE_BYTES_MAX) {
            Ok(file) => Some(file),
            Err(error) => {
                self.unreadable(path, &error, node);
                None
            }
        }
    }

    fn unreadable(&mut self, path: &Path, error: &ReadError, node: &Node) {
        let shown = path.display().to_string();
        let finding = self.report.error(node.at, format!("can't read {}: {error}", named(&shown)));
        if *error == ReadError::NotFound {
            finding.help("a source is relative to the profile it is written in");
        }
    }
}

fn mode_of(table: &Table) -> Option<InstallMode> {
    tree::text(table, "mode")
        .map(|(mode, _)| if mode == "copy" { InstallMode::Copy } else { InstallMode::Link })
}

/// Renders every section of files but the hooks; the names of the agents, as the client knows them.
pub(super) fn render(tables: &Table, out: &mut Out<'_>) -> BTreeSet<String> {
    let mut agents = HashMap::new();
    for place in &PLACES {
        for (name, entry) in tree::table(tables, place.section).into_iter().flatten() {
            // Names were checked when the file was read.
            if let (Ok(path), Some(table)) = (names::path(place.section, name), entry.node.table()) {
                one(place, name, &path, entry, table, &mut agents, out);
            }
        }
    }
    agents.into_keys().collect()
}

fn one(
    place: &Place,
    name: &str,
    path: &ManagedPath,
    entry: &Entry,
    table: &Table,
    agents: &mut HashMap<String, Spot>,
    out: &mut Out<'_>,
) {
    let given: Vec<&str> =
        ["source", "text", "builtin"].into_iter().filter(|key| table.contains_key(*key)).collect();
    if given.len() != 1 {
        let what = match given.as_slice() {
            [one, other, ..] => format!("both a `{one}` and a `{other}`"),
            _ => "no source".to_owned(),
        };
        out.report
            .error(entry.at, format!("[{}.{name}] has {what}", place.section))
            .help("give it a `source`, a path relative to the profile, or its `text` itself");
        return;
    }
    // Of an agent that ships with cs the text is known by its name.
    let (source, text) = (table.get("source"), table.get("text").or_else(|| table.get("builtin")));
    if place.kind == Kind::Skill {
        return folder(place, path, entry, table, out);
    }
    let content = match content(place.kind, source, text, table.contains_key("builtin"), out) {
        Some(Given::File(content)) => content,
        Some(Given::Folder) => return folder(place, path, entry, table, out),
        None => return,
    };
    if place.kind == Kind::Agent {
        agent(&content, agents, out);
    }
    if out.claim(path, false, entry.at) {
        let mode = out.mode(table);
        out.install(path, place.kind, mode, content.path.as_deref(), entry.at);
        let executable = place.kind == Kind::File && content.executable;
        out.file(path.clone(), FileSpec { content: Content::Bytes(content.bytes), executable });
    }
}

/// A content, and what findings about it point at.
struct Found {
    path: Option<PathBuf>,
    bytes: Vec<u8>,
    executable: bool,
    at: Spot,
}

/// What an entry's source turned out to be.
enum Given {
    File(Found),
    Folder,
}

fn content(
    kind: Kind,
    source: Option<&Entry>,
    text: Option<&Entry>,
    is_builtin: bool,
    out: &mut Out<'_>,
) -> Option<Given> {
    if let Some(entry) = text {
        let text = entry.node.text()?;
        let text = if is_builtin { builtin::agent(text)? } else { text };
        let bytes = text.as_bytes().to_vec();
        return Some(Given::File(Found { path: None, bytes, executable: false, at: entry.node.at }));
    }
    let node = &source?.node;
    let path = out.resolve(node)?;
    match out.world.read(&path, limits::SOURCE_BYTES_MAX) {
        Ok(FileRead { bytes, executable }) => {
            Some(Given::File(Found { path: Some(path), bytes, executable, at: node.at }))
        }
        Err(ReadError::IsFolder) if kind == Kind::File => Some(Given::Folder),
        Err(error) => {
            out.unreadable(&path, &error, node);
            None
        }
    }
}

/// The client takes an agent's name from its frontmatter and skips what it can't read.
fn agent(content: &Found, agents: &mut HashMap<String, Spot>, out: &mut Out<'_>) {
    let Some(name) = frontmatter::check(Of::Agent, content.path.as_deref(), &content.bytes, content.at, out)
    else {
        return;
    };
    if let Some(first) = agents.insert(name.clone(), content.at) {
        let first = out.report.origin(first);
        out.report
            .error(content.at, format!("two agents are named {} in their frontmatter", named(&name)))
            .help(format!("the client loads one of them only; the other one is at {first}"));
    }
}

/// A folder is linked as one; copied, each of its files is an install of its own.
fn folder(place: &Place, path: &ManagedPath, entry: &Entry, table: &Table, out: &mut Out<'_>) {
    let mode = out.mode(table);
    let Some(files) = folder_files(place, path, table, out) else { return };
    let base = match table.get("source") {
        Some(source) => out.resolve(&source.node),
        None => None,
    };
    let linked = mode == InstallMode::Link;
    if linked {
        if !out.claim(path, true, entry.at) {
            return;
        }
        out.install(path, place.kind, mode, base.as_deref(), entry.at);
        if let Some(install) = out.installs.get_mut(path) {
            install.folder = true;
        }
    }
    for (below, spec, source) in files {
        if !linked {
            if !out.claim(&below, false, entry.at) {
                continue;
            }
            out.install(&below, place.kind, mode, source.as_deref(), entry.at);
        }
        out.file(below, spec);
    }
}

type FolderFile = (ManagedPath, FileSpec, Option<PathBuf>);

fn folder_files(
    place: &Place,
    path: &ManagedPath,
    table: &Table,
    out: &mut Out<'_>,
) -> Option<Vec<FolderFile>> {
    if let Some(entry) = table.get("text") {
        let bytes = entry.node.text()?.as_bytes().to_vec();
        frontmatter::check(Of::Skill, None, &bytes, entry.node.at, out);
        let below = ManagedPath::new(format!("{path}/SKILL.md")).ok()?;
        return Some(vec![(below, FileSpec { content: Content::Bytes(bytes), executable: false }, None)]);
    }
    let node = &table.get("source")?.node;
    let base = out.resolve(node)?;
    let names = match out.world.walk(&base) {
        Ok(names) => names,
        Err(error) => {
            out.unreadable(&base, &error, node);
            return None;
        }
    };
    if place.kind == Kind::Skill && !names.iter().any(|name| name == Path::new("SKILL.md")) {
        let shown = base.display().to_string();
        out.report
            .error(node.at, format!("{} has no SKILL.md", named(&shown)))
            .help("a skill is a folder with a SKILL.md in it");
        return None;
    }
    if names.is_empty() {
        out.report.error(node.at, format!("{} holds no files", named(&base.display().to_string())));
    }
    Some(names.iter().filter_map(|name| folder_file(place, path, &base, name, node, out)).collect())
}

fn folder_file(
    place: &Place,
    path: &ManagedPath,
    base: &Path,
    name: &Path,
    node: &Node,
    out: &mut Out<'_>,
) -> Option<FolderFile> {
    let below = match name.to_str().map(|name| ManagedPath::new(format!("{path}/{name}"))) {
        Some(Ok(below)) => below,
        refused => {
            let why =
                refused.and_then(Result::err).map_or("it is not UTF-8".to_owned(), |error| error.to_string());
            let shown = name.display().to_string();
            out.report.error(node.at, format!("{} in it can't be managed: {why}", named(&shown)));
            return None;
        }
    };
    let source = base.join(name);
    let FileRead { bytes, executable } = out.read_at(&source, node)?;
    if place.kind == Kind::Skill && name == Path::new("SKILL.md") {
        frontmatter::check(Of::Skill, Some(&source), &bytes, node.at, out);
    }
    Some((below, FileSpec { content: Content::Bytes(bytes), executable }, Some(source)))
}
