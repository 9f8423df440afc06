//! New files of a root: which of them are somebody's, and where a profile keeps them.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{New, News, Source, of_files};
use crate::cli::engine::Context;
use crate::cli::error::CliError;
use crate::cli::found::{self, Beside, pass};
use crate::draft::{self, Draft, Edit, File, Left, Marks, litter, mark_of_file, unit};
use crate::generation::State;
use crate::model::{Digest, ManagedPath, limits};
use crate::profile::{self, ProfileRef};
use crate::remote::Policy;
use crate::root::{Side, Store};
use crate::sys::fs;

/// Files that are neither declared nor ours.
#[derive(Debug, Default)]
pub(super) struct Strange {
    pub files: Vec<File>,
    /// Those that came into a folder whose files are declared one by one, each with where its source goes.
    additions: Vec<(File, PathBuf)>,
}

/// Looks for them: those that nobody has `seen`, and those that the settings name. What can't be taken along comes
/// with why.
///
/// # Errors
/// When what is there can't be told.
pub(super) fn strange(
    context: &Context,
    (store, side): (&Store, &Side),
    declared: &State,
    seen: &Marks,
    settings: Option<&Value>,
) -> Result<(Strange, Vec<Left>), CliError> {
    let ours = Ours::of(declared, side);
    let is_seen = |path: &str| seen.contains_key(&mark_of_file(path));
    let mut passed = Vec::new();
    let is_wanted = |folder: &str| match unit(folder) {
        _ if ours.is_in_parts(folder) => true,
        _ if folder.starts_with("skills/") => !is_seen(folder),
        _ => litter(folder).is_none(),
    };
    let mut paths = found::paths(context, settings, &is_wanted, &mut passed);
    passed.retain(|left| !is_seen(&left.what));
    let mut named = Vec::new();
    if let Some(settings) = settings {
        named = found::named(context, settings);
    }
    paths.retain(|path| {
        let is_new = match ours.is_in_parts(unit(path)) {
            true => !is_seen(path),
            false => !is_seen(unit(path)) || named.contains(path),
        };
        let is_skill = unit(path) != path && !ours.is_in_parts(unit(path));
        is_new && !ours.has(path) && (is_skill || litter(path).is_none())
    });
    let is_link = |path: &String| Some((path.clone(), found::led_to(context, path)?));
    let links: Vec<(String, PathBuf)> = paths.iter().filter_map(is_link).collect();
    for (path, target) in &links {
        let shown = context.root.show(target);
        match unit(path) {
            _ if target.starts_with(store.folder()) || is_seen(unit(path)) => {}
            folder if folder != path => {
                pass(
                    &mut passed,
                    folder,
                    &format!("{path} is a link of yours, to {shown}: declare it by hand"),
                );
            }
            path => {
                pass(
                    &mut passed,
                    path,
                    &format!("it is a link of yours: declare it where it leads, {shown}"),
                );
            }
        }
    }
    // A skill is taken along whole.
    paths.retain(|path| links.iter().all(|(link, _)| unit(link) != unit(path)));
    let mut strange = Strange::default();
    for file in found::read(context, &paths, &mut passed)? {
        match ours.addition(&file.path) {
            Some(source) => strange.additions.push((file, source)),
            None => strange.files.push(file),
        }
    }
    Ok((strange, passed))
}

/// What is declared, or ours still.
struct Ours<'a> {
    declared: &'a State,
    paths: BTreeSet<&'a str>,
}

impl<'a> Ours<'a> {
    fn of(declared: &'a State, side: &'a Side) -> Self {
        let paths = declared.installs.keys().chain(side.ledger.tree.keys());
        Self { declared, paths: paths.map(ManagedPath::as_str).collect() }
    }

    fn has(&self, path: &str) -> bool {
        let mut above = path.match_indices('/').map(|(end, _)| &path[..end]);
        self.paths.contains(path) || above.any(|above| self.paths.contains(above))
    }

    /// Whether a folder's files are declared one by one: copies are.
    fn is_in_parts(&self, folder: &str) -> bool {
        let below = format!("{folder}/");
        let first = self.paths.range(below.as_str()..).next();
        folder.starts_with("skills/") && first.is_some_and(|first| first.starts_with(&below))
    }

    /// Where the source of a file goes that came into such a folder: beside those of the others.
    fn addition(&self, path: &str) -> Option<PathBuf> {
        let folder = unit(path);
        let rest = path.strip_prefix(folder)?.strip_prefix('/')?;
        self.declared.installs.iter().find_map(|(own, install)| {
            let below = own.as_str().strip_prefix(folder)?.strip_prefix('/')?;
            let source = install.source.as_ref().filter(|source| !source.starts_with("git+"))?;
            Some(Path::new(source.strip_suffix(below)?).join(rest))
        })
    }
}

/// The marks of all that is there, but for what is ours alone.
///
/// # Errors
/// When what is ours can't be told.
pub(super) fn marks(context: &Context, store: &Store, settings: Option<&Value>) -> Result<Marks, CliError> {
    let side = store.current_side()?;
    let paths = found::paths(context, settings, &|_| true, &mut Vec::new());
    let rows = side.iter().flat_map(|side| &side.ledger.tree);
    // What others stand on comes back one day, and is known then.
    let made: BTreeSet<&str> =
        rows.filter(|(_, row)| row.how.aside().is_none()).map(|(path, _)| path.as_str()).collect();
    let is_made = |path: &str| made.contains(path);
    let there = paths.iter().filter(|path| !is_made(path));
    let there =
        there.filter(|path| fs::lstat(&context.root.path.join(path)).is_ok_and(|stat| stat.is_some()));
    let marks = there.flat_map(|path| [path.as_str(), unit(path)]).map(mark_of_file);
    Ok(marks.chain([of_files()]).map(|mark| (mark, Digest::of(b""))).collect())
}

/// Where the profile keeps what: its folder, and what its own entries say.
struct Place<'a> {
    profile: PathBuf,
    folder: PathBuf,
    declared: &'a State,
}

impl Place<'_> {
    /// The source of a path, relative to the profile: beside others of its kind, else under the same path.
    fn source(&self, path: &str) -> String {
        let (kind, rest) = path.split_once('/').unwrap_or(("", path));
        let mut others = self.declared.installs.iter().filter_map(|(own, install)| {
            let below = own.as_str().strip_prefix(kind)?.strip_prefix('/')?;
            let source = Path::new(install.source.as_ref()?).strip_prefix(&self.folder).ok()?;
            // A folder that is not called as it is in the root says nothing of where others lie.
            let base = source.to_str()?.strip_suffix(below)?;
            (Path::new(&install.origin.file) == self.profile).then(|| base.to_owned())
        });
        match others.next().filter(|_| !kind.is_empty()) {
            Some(base) => base + rest,
            None => path.to_owned(),
        }
    }
}

/// What of a draft can be declared, each with its sources beside the profile; the rest is told with why.
///
/// # Errors
/// When the profile can't be read.
pub(super) fn place(
    context: &Context,
    side: &Side,
    declared: &State,
    draft: &Draft,
    (strange, mut left): (Strange, Vec<Left>),
) -> Result<News, CliError> {
    let which = context.which(Some(side)).map(|(which, _)| which);
    let profile = match which {
        Ok(ProfileRef::File(profile)) => fs::canonical(&profile).unwrap_or(profile),
        // Nothing can be written there, but what is new can be told.
        _ => PathBuf::new(),
    };
    let folder = profile.parent().unwrap_or(Path::new("")).to_owned();
    let place = Place { profile, folder, declared };
    let mut new = Vec::new();
    for (what, edit, source) in draft.edits(|path| place.source(path)) {
        let is_file = source.as_ref().is_some_and(|source| *source == what);
        let mut sources = Vec::new();
        if let Some(source) = source.filter(|_| place.profile.is_absolute()) {
            let to = place.folder.join(place.source(&source));
            let inside = strange.files.iter().filter_map(|file| {
                let rest = file.path.strip_prefix(source.as_str())?;
                match rest.strip_prefix('/') {
                    Some(rest) => Some((to.join(rest), file)),
                    None => rest.is_empty().then(|| (to.clone(), file)),
                }
            });
            match copied(context, inside) {
                Ok(copied) => sources = copied,
                Err(why) => {
                    pass(&mut left, &what, &why);
                    continue;
                }
            }
        }
        new.push(New { what, edit: Some(edit), sources, is_file });
    }
    for (file, to) in &strange.additions {
        match copied(context, std::iter::once((to.clone(), file))) {
            Ok(sources) => new.push(New { what: file.path.clone(), edit: None, sources, is_file: true }),
            Err(why) => pass(&mut left, &file.path, &why),
        }
    }
    check(context, &place.profile, &mut new, &mut left)?;
    Ok(News { new, left })
}

/// What is written where; or why nothing is.
fn copied<'f>(
    context: &Context,
    files: impl Iterator<Item = (PathBuf, &'f File)>,
) -> Result<Vec<Source>, String> {
    let mut sources = Vec::new();
    for (path, file) in files {
        let shown = context.root.show(&path);
        if locate(&path).starts_with(&context.root.path) {
            return Err(format!("its source would be {shown}, which is the file itself: declare it by hand"));
        }
        match fs::read_if_there(&path, limits::SOURCE_BYTES_MAX) {
            Ok(Some(bytes)) if bytes == file.bytes => {}
            Ok(None) => {
                let bytes = Some(file.bytes.clone());
                sources.push(Source { path, bytes, executable: file.executable });
            }
            _ => return Err(format!("{shown} is there already, with something else in it")),
        }
    }
    Ok(sources)
}

/// A path with the links above it followed, as far as it is there.
fn locate(path: &Path) -> PathBuf {
    let there = path.ancestors().find_map(|above| Some((above, fs::canonical(above).ok()?)));
    match there {
        Some((above, real)) => real.join(path.strip_prefix(above).unwrap_or(Path::new(""))),
        None => path.to_owned(),
    }
}

/// Leaves out what the profile's own check would refuse: an agent without a name, a table that is there already.
fn check(
    context: &Context,
    profile: &Path,
    new: &mut Vec<New>,
    left: &mut Vec<Left>,
) -> Result<(), CliError> {
    let is_tried =
        |new: &New| new.is_file || !new.sources.is_empty() || matches!(new.edit, Some(Edit::Append(_)));
    if !profile.is_absolute() || !new.iter().any(is_tried) {
        return Ok(());
    }
    let text = fs::read(profile, limits::PROFILE_BYTES_MAX)?;
    let text = String::from_utf8_lossy(&text).into_owned();
    let tried: Vec<&New> = new.iter().filter(|own| is_tried(own)).collect();
    if refusal(context, profile, &text, &tried).is_none() {
        return Ok(());
    }
    // One by one, to see which of them it is.
    let mut kept: Vec<New> = Vec::new();
    for own in std::mem::take(new) {
        let why = is_tried(&own).then(|| {
            let tried: Vec<&New> = kept.iter().filter(|own| is_tried(own)).chain([&own]).collect();
            refusal(context, profile, &text, &tried)
        });
        match why.flatten() {
            Some(why) => pass(left, &own.what, &why),
            None => kept.push(own),
        }
    }
    *new = kept;
    Ok(())
}

/// Why a profile with these in it would not be one.
fn refusal(context: &Context, profile: &Path, text: &str, tried: &[&New]) -> Option<String> {
    let edits: Vec<Edit> = tried.iter().filter_map(|own| own.edit.clone()).collect();
    let text = match draft::edit(text, &edits) {
        Ok(text) => text,
        Err(error) => return Some(error.to_string()),
    };
    let sources = tried.iter().flat_map(|own| &own.sources).map(|source| {
        let (path, bytes) = (String::new(), source.bytes.clone().unwrap_or_default());
        (source.path.clone(), File { path, bytes, executable: source.executable })
    });
    let sources: Vec<(PathBuf, File)> = sources.collect();
    let which = ProfileRef::File(profile.to_owned());
    let machine = context.machine(&which, Policy::Offline).ok()?;
    let sources = sources.iter().map(|(path, file)| (path.clone(), file));
    let world = Beside::new(machine, (profile, text.as_bytes()), sources);
    let rendered = profile::render(&which, &context.target(), &world);
    let errors = rendered.err()?;
    errors.into_iter().find(|found| found.severity == profile::Severity::Error).map(|error| error.message)
}
