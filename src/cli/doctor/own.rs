//! Looking at our own state: the store and the learning folder.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use crate::cli::engine::Context;
use crate::cli::sound;
use crate::cli::status::outside;
use crate::crypto::Ring;
use crate::doctor::own::{self, Damage, Executable, Own};
use crate::doctor::{Finding, hooks};
use crate::generation::{Cause, DocumentRecord};
use crate::knowledge::fold::{self, FoldError};
use crate::knowledge::numbers::{self, NumbersError};
use crate::knowledge::{HostFolder, KeyError, Learning, shared};
use crate::model::text::shell_path;
use crate::model::{Digest, DocumentId, Generation, Kind, limits};
use crate::root::store::UNFINISHED;
use crate::root::{Error, Scope, Side, Store, observe, swap};
use crate::sys::{clock, env, fs, process};

/// Looks at it, and adds what is wrong.
pub(super) fn look(context: &Context, found: &mut Vec<Finding>) {
    let store = Store::new(context.root.clone());
    let is_there = fs::lstat(&store.folder()).ok().flatten().is_some();
    if is_there || fs::lstat(&store.gone()).ok().flatten().is_some() {
        found.extend(own::check(&seen(context, &store)));
        if let Ok(Some(side)) = store.current_side()
            && let Err(error) = store.check_system(&side)
        {
            let finding = Finding::error("other-system", error.to_string());
            let remedy = "Give each kind of machine its own: export CLAUDE_CONFIG_DIR=~/.claude-$(uname -m)";
            found.push(finding.remedy(remedy).file(&store.folder()));
        }
    }
    if context.root.scope == Scope::User {
        learning(context, found);
    }
    // What others write there, the next apply installs.
    for source in hook_sources(&store) {
        let so = "the next cs apply installs what they write as a hook, which runs with your rights";
        let look = |path: &Path| super::look::standing(path).ok().flatten();
        found.extend(hooks::writers(&source, so, &look));
    }
    let shared = crate::cli::gitignore::shared_links(context, &store);
    let declared = store.current_side().ok().flatten().map(|side| side.manifest.state).unwrap_or_default();
    found.extend(shared.iter().map(|path| {
        let is_cs = declared.files.get(path).is_some_and(|record| record.is_cs);
        own::shared_link(&context.root.path.join(path.as_str()), is_cs)
    }));
}

/// The files that the hooks were taken from.
fn hook_sources(store: &Store) -> Vec<PathBuf> {
    let Some(side) = store.current_side().ok().flatten() else { return Vec::new() };
    let hooks = side.manifest.state.installs.into_values().filter(|install| install.kind == Kind::Hook);
    hooks
        .filter_map(|install| install.source.map(PathBuf::from))
        .filter(|source| source.is_absolute())
        .collect()
}

fn seen(context: &Context, store: &Store) -> Own {
    let mut own = Own { store: store.folder(), is_busy: is_busy(store), ..Own::default() };
    own.pending =
        store.pending().map_err(|error| words(&error)).transpose().map(|one| one.map(|pending| pending.to));
    own.current = store.current().map_err(|error| words(&error)).transpose();
    let mut contents = Contents { store, known: HashMap::new() };
    for number in store.numbers().unwrap_or_default() {
        own.generations.insert(number, contents.damage(number));
    }
    let current = own.current.as_ref().and_then(|current| current.as_ref().ok()).copied();
    own.leftovers = leftovers(store, current);
    own.open = [store.folder(), store.generations()].into_iter().filter_map(open).collect();
    own.is_without_exchange = fs::is_without_exchange(&store.root.path);
    let names = fs::list_if_there(&store.displaced("")).unwrap_or_default();
    own.displaced = names.iter().map(|name| name.to_string_lossy().into_owned()).collect();
    let Some(side) = current.and_then(|number| store.side(number).ok()) else { return own };
    let asides = side.ledger.tree.values().filter_map(|row| row.how.aside());
    let is_there = |name: &&str| fs::lstat(&store.displaced(name)).ok().flatten().is_some();
    own.displaced_there = asides.filter(is_there).map(str::to_owned).collect();
    own.ledger = Some(side.ledger.clone());
    own.executable = executable(store, &side);
    if own.pending.is_none()
        && side.manifest.cause != Cause::Uninstall
        && let Ok(outside) = outside(context, store, &side)
    {
        own.drift = outside.drift.len();
        own.put_back = outside.put_back(context);
    }
    own
}

/// What an error says of a file that is named beside it.
fn words(error: &Error) -> String {
    match error {
        Error::Format { error, .. } => error.to_string(),
        Error::Missing(_) => "is missing".to_owned(),
        other => other.to_string(),
    }
}

/// Whether another `cs` holds the lock. One that is not there is not made.
fn is_busy(store: &Store) -> bool {
    let lock = store.folder().join("lock");
    let is_there = fs::lstat(&lock).ok().flatten().is_some_and(|stat| stat.kind == fs::Kind::File);
    is_there && matches!(fs::try_lock(&lock), Ok(None))
}

fn open(path: PathBuf) -> Option<(PathBuf, u32)> {
    let stat = fs::lstat(&path).ok().flatten()?;
    (stat.kind == fs::Kind::Folder && stat.mode & 0o077 != 0).then_some((path, stat.mode))
}

/// What runs that were interrupted leave: the next `cs` removes it.
fn leftovers(store: &Store, current: Option<Generation>) -> Vec<PathBuf> {
    let below = fs::list_if_there(&store.generations()).unwrap_or_default();
    let is_left = |name: &str| match Generation::parse(name) {
        Some(number) => current.is_some_and(|current| number > current),
        None => name == ".staging" || name.starts_with(".gone-"),
    };
    let mut found: Vec<PathBuf> = below
        .iter()
        .filter(|name| is_left(&name.to_string_lossy()))
        .map(|name| store.generations().join(name))
        .collect();
    found.extend(UNFINISHED.map(|name| store.folder().join(name)));
    found.extend(current.map(|number| store.generation(number).join("ledger.new")));
    found.push(store.gone());
    for id in DocumentId::ALL {
        found.push(swap::path_of(&store.root.path.join(id.name())));
        found.extend(observe::observe_document(store, id).ok().map(|document| swap::path_of(&document.path)));
    }
    found.retain(|path| fs::lstat(path).ok().flatten().is_some());
    found.dedup();
    found
}

/// Reads every content of every generation; one that they share, once.
struct Contents<'a> {
    store: &'a Store,
    known: HashMap<(u64, u64), Digest>,
}

impl Contents<'_> {
    fn damage(&mut self, number: Generation) -> Vec<Damage> {
        let mut found = Vec::new();
        let form = |name: &str, error: &Error| Damage {
            path: self.store.generation(number).join(name),
            what: words(error),
            is_content: false,
            is_elsewhere: false,
        };
        let manifest = self.store.manifest(number).map_err(|error| found.push(form("manifest.json", &error)));
        let ledger = self.store.ledger(number).map_err(|error| found.push(form("ledger.json", &error)));
        drop(ledger);
        let Ok(manifest) = manifest else { return found };
        let folder = self.store.generation(number);
        for (path, record) in &manifest.state.files {
            // What cs itself weighs depends on how it was built.
            let bytes_max = if record.is_cs { u64::MAX - 1 } else { limits::SOURCE_BYTES_MAX };
            let damage = self.content(&folder.join("files").join(path.as_str()), record.digest, bytes_max);
            let is_elsewhere = damage.is_some()
                && !record.is_cs
                && sound::is_elsewhere(self.store, number, path, record.digest);
            found.extend(damage.map(|damage| Damage { is_elsewhere, ..damage }));
        }
        // Of the client's own state nothing is kept, and of what has secrets in it what was seen, without them.
        let is_seen = |number: Generation, id: &DocumentId| {
            let path = self.store.generation(number).join("documents").join(format!("{id}.seen"));
            fs::lstat(&path).ok().flatten().is_some()
        };
        // A document that was taken away leaves nothing to be seen: whether it had secrets the generation before tells.
        let was_seen = |id: &DocumentId, record: &DocumentRecord| {
            let parent = manifest.parent.filter(|_| record.after.is_none());
            parent.is_some_and(|parent| {
                is_seen(parent, id) || fs::lstat(&self.store.generation(parent)).ok().flatten().is_none()
            })
        };
        let is_kept = |(id, record): &(&DocumentId, &DocumentRecord)| {
            id.is_settings() && !is_seen(number, id) && !was_seen(id, record)
        };
        let kept: Vec<_> = manifest.documents.iter().filter(is_kept).collect();
        for (id, record) in kept {
            for (name, digest) in [("before", record.before), ("after", record.after)] {
                let path = folder.join("documents").join(format!("{id}.{name}"));
                let wanted = digest.map(|digest| (digest, limits::DOCUMENT_READ_BYTES_MAX * 2));
                found.extend(wanted.and_then(|(digest, max)| self.content(&path, digest, max)));
            }
        }
        found
    }

    fn content(&mut self, path: &Path, wanted: Digest, bytes_max: u64) -> Option<Damage> {
        let damage = |what: &str| {
            let (path, what) = (path.to_owned(), what.to_owned());
            Some(Damage { path, what, is_content: true, is_elsewhere: false })
        };
        let stat = match fs::lstat(path) {
            Ok(Some(stat)) => stat,
            Ok(None) => return damage("is missing"),
            Err(_) => return damage("can't be read"),
        };
        let key = (stat.device, stat.inode);
        let digest = match self.known.get(&key) {
            Some(digest) => *digest,
            None => match fs::read(path, bytes_max) {
                Ok(bytes) => Digest::of(&bytes),
                Err(_) => return damage("can't be read"),
            },
        };
        self.known.insert(key, digest);
        if digest == wanted { None } else { damage("has another content than was stored") }
    }
}

/// The copy of `cs` behind the bundled hooks: it is called by its own name, which records nothing.
fn executable(store: &Store, side: &Side) -> Executable {
    let Some((path, record)) = side.manifest.state.files.iter().find(|(_, record)| record.is_cs) else {
        return Executable::Fine;
    };
    let path = store.generation(side.manifest.generation).join("files").join(path.as_str());
    let said = process::asked(&path, "cs", &["--version"], limits::SELF_TEST_MS_MAX).ok().flatten();
    let Some(found) = said.as_deref().and_then(|said| said.trim().strip_prefix("cs ")) else {
        return Executable::Broken(path);
    };
    let running = env!("CARGO_PKG_VERSION");
    if found != running {
        let numbers = |version: &str| -> Vec<u64> {
            version.split(['.', '-', '+']).map_while(|part| part.parse().ok()).collect()
        };
        let is_older = numbers(found) < numbers(running);
        return Executable::Version { path, found: found.to_owned(), running, is_older };
    }
    let is_same = env::executable().and_then(|own| {
        let size = fs::stat(&own)?.map(|stat| stat.size);
        Ok(size == Some(record.bytes) && Digest::of(&fs::read(&own, u64::MAX - 1)?) == record.digest)
    });
    if is_same.unwrap_or(true) { Executable::Fine } else { Executable::OtherBuild(path) }
}

/// Keys, journals and the snapshot, as far as reading them tells.
fn learning(context: &Context, found: &mut Vec<Finding>) {
    let learning = Learning::locate(&context.root.path);
    let folder = learning.path.clone();
    if fs::lstat(&folder).ok().flatten().is_none() {
        return;
    }
    let opened: Vec<_> = open(folder.clone()).into_iter().collect();
    found.extend(own::check(&Own { open: opened, ..Own::default() }));
    let tell = |error: &KeyError| own::learning(&folder, error.to_string(), error.remedy());
    let host = match learning.known_host() {
        Ok(Some(host)) => host,
        Ok(None) => return,
        Err(error) => return found.push(tell(&error)),
    };
    let ring = match host.ring() {
        Ok(ring) => ring,
        Err(error) => return found.push(tell(&error)),
    };
    if let Err(error) = host.node().map(drop).and_then(|()| host.binding().map(drop)) {
        found.push(tell(&error));
    }
    if shared::is_lost(&host, &ring, clock::now()).unwrap_or_default() {
        let message = "what other hosts told can't be read any more".to_owned();
        found.push(own::learning(
            &host.path.join("mesh.enc"),
            message,
            "cs mesh sync: they tell it again".to_owned(),
        ));
    }
    let known = shared::read(&host, &ring, clock::now()).unwrap_or_default();
    if known.twin_since().is_some() {
        let finding = Finding::error("key-in-two-hands", shared::TWIN).remedy(shared::TWIN_REMEDY);
        found.push(finding.file(&host.path.join("keys/node")));
    }
    match shared::trusted(&learning) {
        Ok(_) => {}
        Err(error) => {
            let remedy = "correct that line, or remove it: until then nothing that other hosts told is said"
                .to_owned();
            found.push(own::learning(&shared::trusted_path(&learning), error.to_string(), remedy));
        }
    }
    kept(&host, &ring, found);
    match fold::known(&host.path, &ring, clock::now()) {
        Ok((_, folded)) => found.extend(own::journals(&host.path, folded.damaged)),
        Err(FoldError::Key(error)) => found.push(tell(&error)),
        Err(error) => {
            let remedy = "cs keys status; what was learned before is in the copy beside it".to_owned();
            found.push(own::learning(&host.path, error.to_string(), remedy));
        }
    }
}

/// Whether hooks can keep what they learn, and what they kept can be read.
fn kept(host: &HostFolder, ring: &Ring, found: &mut Vec<Finding>) {
    let now = clock::now();
    let folder = shell_path(&host.path, None);
    if !fs::is_writable(&host.path) {
        let message = "can't be written to, so hooks learn nothing".to_owned();
        let remedy = format!("chmod u+rwx {folder}; if it is somebody else's: ls -ld {folder}");
        found.push(own::learning(&host.path, message, remedy));
    }
    if fold::is_damaged(&host.path, ring, now) {
        let message = "can't be read: what its predecessor and the journals still have serves".to_owned();
        let remedy =
            "A copy of yours may take its place; without one, nothing is to be done: it is set aside soon, \
                      and a new one written."
                .to_owned();
        found.push(own::learning(&host.path.join(fold::SNAPSHOT), message, remedy));
    }
    let aside = host.path.join(fold::UNREADABLE);
    if fs::lstat(&aside).ok().flatten().is_some() {
        let remedy = format!("Once it is of no use to you: rm {}", shell_path(&aside, None));
        found.push(own::set_aside(&aside, remedy));
    }
    if matches!(numbers::read(host, ring, now), Err(NumbersError::Damaged)) {
        let path = numbers::path(host);
        let message = "is damaged: which project is which can't be told".to_owned();
        let remedy = format!(
            "A copy of yours may take its place; without one: rm {}. Projects are numbered anew then, and of what was \
             learned in them no hook speaks there.",
            shell_path(&path, None)
        );
        found.push(own::learning(&path, message, remedy));
    }
}
