//! What is wrong with our own state: the store under `claude-sync/`, and `learning/`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::Finding;
use super::place::quoted;
use crate::model::{Generation, Ledger};

/// The store as one look at it tells.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Own {
    pub store: PathBuf,
    /// Another `cs` is changing it right now: what is half done is none of anybody's faults.
    pub is_busy: bool,
    /// An apply that was interrupted; or why that can't be told.
    pub pending: Option<Result<Generation, String>>,
    /// What `current` names; or why it names nothing.
    pub current: Option<Result<Generation, String>>,
    /// Every generation, and what of it is damaged.
    pub generations: BTreeMap<Generation, Vec<Damage>>,
    /// The current generation's ledger, where it can be read.
    pub ledger: Option<Ledger>,
    /// What lies under `displaced/`: the names at its top, and which of the ledger's are there.
    pub displaced: BTreeSet<String>,
    pub displaced_there: BTreeSet<String>,
    /// Files and folders that an interrupted run left behind.
    pub leftovers: Vec<PathBuf>,
    /// Folders and files of ours that others can look into, with their modes.
    pub open: Vec<(PathBuf, u32)>,
    /// How many entries of ours changed since.
    pub drift: usize,
    /// What puts it back.
    pub put_back: String,
    /// Why the hooks' executable does not run.
    pub executable: Executable,
    /// The file system can't exchange two names.
    pub is_without_exchange: bool,
}

/// One damaged thing of a generation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    pub path: PathBuf,
    pub what: String,
    /// Its contents, rather than what says what it is.
    pub is_content: bool,
    /// Another generation has it as it was stored.
    pub is_elsewhere: bool,
}

/// The copy of `cs` that the bundled hooks are.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Executable {
    /// There is none, or nothing is wrong with it.
    #[default]
    Fine,
    /// It can't be started.
    Broken(PathBuf),
    /// Another version than the one that runs.
    Version { path: PathBuf, found: String, running: &'static str, is_older: bool },
    /// The same version, but not the same bytes.
    OtherBuild(PathBuf),
}

/// Everything that is wrong.
#[must_use]
pub fn check(own: &Own) -> Vec<Finding> {
    let mut found = Vec::new();
    if own.is_busy {
        found.push(
            Finding::note("locked", "another cs is at work here: what it is changing was not looked at")
                .remedy("Look again when it has ended.")
                .file(&own.store),
        );
    } else {
        found.extend(pending(own));
        found.extend(current(own));
        found.extend(leftovers(own));
    }
    found.extend(damage(own));
    found.extend(displaced(own));
    found.extend(sealed(own));
    found.extend(own.open.iter().map(|(path, mode)| {
        let message = format!("others can look into it (mode {mode:o})");
        Finding::error("own-open", message).remedy(format!("chmod go= {}", quoted(path))).file(path)
    }));
    found.extend(executable(&own.executable));
    if own.drift > 0 {
        let entries = if own.drift == 1 { "1 entry" } else { &format!("{} entries", own.drift) };
        found.push(
            Finding::note("drift", format!("{entries} of ours changed outside cs"))
                .remedy(format!("cs plan shows it; {}", own.put_back))
                .file(&own.store),
        );
    }
    if own.is_without_exchange {
        let message = "this file system can't exchange two names: a program that rewrites settings.json in the very \
                       moment cs does can lose its write";
        found.push(
            Finding::note("exchange-unsupported", message)
                .remedy("Apply while no session runs, or keep ~/.claude on a local disk.")
                .file(&own.store),
        );
    }
    found
}

/// Values of the user's that can't be given back.
fn sealed(own: &Own) -> impl Iterator<Item = Finding> {
    own.ledger.iter().flat_map(Ledger::sealed).map(|(id, key)| {
        let message = format!("what {key} in {id} stands on is sealed, and the key that opens it is gone");
        Finding::error("seal-key", message)
            .remedy("Put it back from a backup; without one, set the entry by hand to what it is to be: then it is yours.")
            .file(&own.store.join("seal.key"))
    })
}

fn pending(own: &Own) -> Option<Finding> {
    let finding = match own.pending.as_ref()? {
        Ok(to) => Finding::error("pending", format!("an apply of generation {to} was interrupted"))
            .remedy("cs recover"),
        Err(why) => Finding::error("pending-damaged", why.clone()).remedy("cs recover --back"),
    };
    Some(finding.file(&own.store.join("pending")))
}

fn current(own: &Own) -> Option<Finding> {
    // What is pending decides which one is current.
    if own.pending.is_some() {
        return None;
    }
    let finding = match &own.current {
        None if own.generations.len() <= 1 => return None,
        None => {
            let message = "is missing, and there are generations: nobody knows which one counts";
            Finding::error("current-missing", message)
        }
        Some(Ok(number)) if own.generations.contains_key(number) => return None,
        Some(Ok(number)) => {
            Finding::error("current-dangling", format!("leads to generation {number}, which is not there"))
        }
        Some(Err(why)) => Finding::error("current-damaged", why.clone()),
    };
    Some(
        finding
            .remedy("cs recover --back makes the newest generation current that can be read")
            .file(&own.store.join("current")),
    )
}

fn leftovers(own: &Own) -> Vec<Finding> {
    // While something is pending they are part of it.
    if own.pending.is_some() {
        return Vec::new();
    }
    let finding = |path: &PathBuf| {
        Finding::warning("leftover", "was left behind by a run that was interrupted")
            .remedy("cs recover")
            .file(path)
    };
    own.leftovers.iter().map(finding).collect()
}

fn damage(own: &Own) -> Vec<Finding> {
    let current = own.current.as_ref().and_then(|current| current.as_ref().ok());
    let all = own.generations.iter().flat_map(|(number, damage)| damage.iter().map(move |one| (number, one)));
    let told = all.map(|(number, Damage { path, what, is_content, is_elsewhere })| {
        let is_current = current == Some(number);
        let message = format!("{what}, in generation {number}");
        let code = if *is_content { "content-damaged" } else { "generation-damaged" };
        let finding = match is_current {
            true => Finding::error(code, message),
            false if *is_elsewhere => {
                Finding::note(code, format!("{message}: a rollback takes it from elsewhere"))
            }
            false => Finding::warning(code, format!("{message}: there is no way back to it")),
        };
        let remedy = match (is_current, is_content) {
            (true, true) => {
                "cs capture keeps it if somebody edited it; cs apply stores what is declared anew".to_owned()
            }
            (true, false) => {
                "cs recover --back makes the newest generation current that can be read".to_owned()
            }
            (false, _) => "cs generations prune takes it away in time; nothing else needs it".to_owned(),
        };
        finding.remedy(remedy).file(path)
    });
    told.collect()
}

fn displaced(own: &Own) -> Vec<Finding> {
    let Some(ledger) = &own.ledger else { return Vec::new() };
    let named: BTreeMap<&str, &str> =
        ledger.tree.iter().filter_map(|(path, row)| Some((row.how.aside()?, path.as_str()))).collect();
    let folder = own.store.join("displaced");
    let missing =
        named.iter().filter(|(name, _)| !own.displaced_there.contains(**name)).map(|(name, path)| {
            let message = format!("is gone: it stood at {path} before cs, and can't come back from here");
            Finding::error("displaced-missing", message)
                .remedy("Bring it back from a backup of your own, if you want it.")
                .file(&folder.join(name))
        });
    let missing: Vec<Finding> = missing.collect();
    let is_wanted = |top: &str| {
        let has_generation =
            Generation::parse(top).is_some_and(|number| own.generations.contains_key(&number));
        has_generation || named.keys().any(|name| name.split('/').next() == Some(top))
    };
    let orphans = own.displaced.iter().filter(|top| !is_wanted(top)).map(|top| {
        let path = folder.join(top);
        Finding::warning("displaced-orphan", "holds files of yours that cs no longer knows a place for")
            .remedy(format!("Take out what you need, then: rm -r {}", quoted(&path)))
            .file(&path)
    });
    missing.into_iter().chain(orphans).collect()
}

fn executable(executable: &Executable) -> Option<Finding> {
    Some(match executable {
        Executable::Fine => return None,
        Executable::Broken(path) => {
            Finding::error("executable-broken", "can't be started, so no bundled hook runs")
                .remedy("cs apply puts the running cs in its place")
                .file(path)
        }
        Executable::Version { path, found, running, is_older: true } => {
            let message = format!("is cs {found}, older than the one that runs ({running})");
            Finding::warning("executable-old", message)
                .remedy("cs apply brings the hooks up to date")
                .file(path)
        }
        Executable::Version { path, found, running, is_older: false } => {
            let message = format!("is cs {found}, newer than the one that runs ({running})");
            Finding::warning("executable-new", message).remedy("Update cs on this machine.").file(path)
        }
        Executable::OtherBuild(path) => {
            Finding::note("executable-other", "is another build of cs than the one that runs")
                .remedy("cs apply makes them one")
                .file(path)
        }
    })
}

/// A failure of keys or of what was learned, with the remedy it brings itself.
#[must_use]
pub fn learning(folder: &Path, message: String, remedy: String) -> Finding {
    Finding::error("learning-damaged", message).remedy(remedy).file(folder)
}

/// A snapshot that could not be read.
#[must_use]
pub fn set_aside(path: &Path, remedy: String) -> Finding {
    let message =
        "could not be read, so it was set aside: what its predecessor and the journals did not have is lost";
    Finding::warning("learning-lost", message).remedy(remedy).file(path)
}

/// A link of ours in a project that git does not ignore.
#[must_use]
pub fn shared_link(path: &Path, is_cs: bool) -> Finding {
    let message = "leads into claude-sync/, which git ignores: in a clone of this project it leads nowhere";
    let forget =
        format!("cs apply --gitignore; if it is committed already, also git rm --cached {}", quoted(path));
    let remedy = match is_cs {
        // It is the cs of this machine: no copy of it is anything to anybody else.
        true => forget,
        false => format!(
            "cs apply makes it a copy, unless its profile says mode = \"link\"; to keep it for yourself: {forget}"
        ),
    };
    Finding::warning("link-not-shared", message).remedy(remedy).file(path)
}

/// Lines of journals that could not be read.
#[must_use]
pub fn journals(folder: &Path, damaged: usize) -> Option<Finding> {
    let lines = match damaged {
        0 => return None,
        1 => "1 line".to_owned(),
        n => format!("{n} lines"),
    };
    let finding = Finding::note("journal-damaged", format!("{lines} of the journals can't be read"));
    Some(finding.remedy("Nothing is to be done: the others count, and these go with their day.").file(folder))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Digest, InstallMode, ManagedPath, TreeHow, TreeRow};

    fn number(n: u64) -> Generation {
        Generation::new(n).expect("a number")
    }

    fn sound() -> Own {
        Own {
            store: "/r/claude-sync".into(),
            current: Some(Ok(number(2))),
            generations: [(number(1), Vec::new()), (number(2), Vec::new())].into(),
            ledger: Some(Ledger::default()),
            ..Own::default()
        }
    }

    fn codes(own: &Own) -> Vec<&'static str> {
        let found = check(own);
        assert!(found.iter().all(|one| one.file.is_some() && !one.remedy.is_empty()), "{found:?}");
        found.iter().map(|one| one.code).collect()
    }

    #[test]
    fn a_sound_store_and_none_at_all_are_fine() {
        assert!(codes(&sound()).is_empty());
        assert!(codes(&Own::default()).is_empty());
    }

    #[test]
    fn a_transaction_that_is_open_explains_what_lies_about() {
        let leftovers = vec![PathBuf::from("/r/claude-sync/generations/.staging")];
        let pending = Own { pending: Some(Ok(number(3))), leftovers, ..sound() };
        assert_eq!(codes(&pending), ["pending"]);
        assert_eq!(codes(&Own { is_busy: true, ..pending.clone() }), ["locked"]);
        assert_eq!(codes(&Own { pending: None, ..pending.clone() }), ["leftover"]);
        assert_eq!(codes(&Own { pending: Some(Err("is damaged".into())), ..pending }), ["pending-damaged"]);
    }

    #[test]
    fn a_current_that_leads_nowhere_is_told() {
        assert_eq!(codes(&Own { current: Some(Ok(number(7))), ..sound() }), ["current-dangling"]);
        assert_eq!(codes(&Own { current: Some(Err("is no link".into())), ..sound() }), ["current-damaged"]);
        assert_eq!(codes(&Own { current: None, ..sound() }), ["current-missing"]);
        let first = Own { current: None, generations: [(number(1), Vec::new())].into(), ..sound() };
        assert!(codes(&first).is_empty(), "an apply that never was");
    }

    #[test]
    fn damage_is_worse_where_it_is_current() {
        let damage = |is_content| Damage {
            path: "/x".into(),
            what: "is damaged".into(),
            is_content,
            is_elsewhere: false,
        };
        let with = |n, is_content| {
            let mut own = sound();
            own.generations.insert(number(n), vec![damage(is_content)]);
            let found = check(&own);
            (found[0].code, found[0].severity.word())
        };
        assert_eq!(with(2, true), ("content-damaged", "error"));
        assert_eq!(with(2, false), ("generation-damaged", "error"));
        assert_eq!(with(1, true), ("content-damaged", "warning"));
    }

    #[test]
    fn what_was_displaced_is_looked_for_and_nothing_else_lies_there() {
        let mut own = sound();
        let row = TreeRow {
            mode: InstallMode::Link,
            digest: Digest::of(b""),
            how: TreeHow::MovedAside("1/agents/a.md".into()),
        };
        own.ledger = Some(Ledger {
            tree: [(ManagedPath::new("agents/a.md").expect("valid"), row)].into(),
            ..Ledger::default()
        });
        assert_eq!(codes(&own), ["displaced-missing"]);
        own.displaced_there.insert("1/agents/a.md".into());
        own.displaced = ["1".into(), "2".into()].into();
        assert!(codes(&own).is_empty());
        own.displaced.insert("kept-3-1".into());
        own.displaced.insert("9".into());
        assert_eq!(codes(&own), ["displaced-orphan", "displaced-orphan"]);
    }

    #[test]
    fn the_rest_is_told_as_it_is() {
        assert_eq!(codes(&Own { open: vec![("/r/claude-sync".into(), 0o755)], ..sound() }), ["own-open"]);
        assert_eq!(
            codes(&Own { drift: 2, is_without_exchange: true, ..sound() }),
            ["drift", "exchange-unsupported"]
        );
        let path = PathBuf::from("/x");
        let version =
            |is_older| Executable::Version { path: "/x".into(), found: "1".into(), running: "2", is_older };
        for (executable, code) in [
            (Executable::Broken(path.clone()), "executable-broken"),
            (version(true), "executable-old"),
            (version(false), "executable-new"),
            (Executable::OtherBuild(path), "executable-other"),
        ] {
            assert_eq!(codes(&Own { executable, ..sound() }), [code]);
        }
        assert_eq!(journals(Path::new("/l"), 0), None);
        assert!(journals(Path::new("/l"), 1).is_some_and(|own| own.message.starts_with("1 line ")));
        assert_eq!(learning(Path::new("/l"), "m".into(), "r".into()).code, "learning-damaged");
    }
}
