//! What a command could destroy, decided on what it would run.
//!
//! [`judge`] reads the command with [`command::parse`] and asks each family about each simple command
//! in it. The gravest answer counts: what can't be meant is denied, what loses something is asked
//! about, and everything else is silence, which leaves the decision to the client. Nothing here looks
//! for patterns in the text: `grep 'rm -rf /'` searches, and `$'\x72m' -rf /` deletes.
//!
//! A family is a file: rules, and the tables or functions that find them.

mod cloud;
mod config;
mod containers;
mod databases;
mod devices;
mod filesystem;
mod git;
mod packages;
mod permissions;
mod place;
mod remote_code;
mod secrets;
mod table;
#[cfg(test)]
mod tests;

use crate::command::{self, Script, Simple};
use crate::model::limits;

pub use config::{Answer, Config, FAMILY_NAMES};
pub use place::Scene;
use table::Call;

/// What to do about a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Decision {
    /// The user decides.
    Ask,
    /// It can't be meant.
    Deny,
}

/// Why a command is not just run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    pub decision: Decision,
    /// Family and name: `filesystem/delete-outside-project`.
    pub rule: &'static str,
    /// What could be lost.
    pub loss: &'static str,
    /// What to do instead.
    pub safer: &'static str,
    /// The path or command it is about; for the person at the terminal only, never kept.
    pub subject: Option<String>,
}

/// What is known about a class of commands.
#[derive(Debug)]
struct Rule {
    id: &'static str,
    loss: &'static str,
    safer: &'static str,
    decision: Decision,
}

const fn ask(id: &'static str, loss: &'static str, safer: &'static str) -> Rule {
    Rule { id, loss, safer, decision: Decision::Ask }
}

const fn deny(id: &'static str, loss: &'static str, safer: &'static str) -> Rule {
    Rule { id, loss, safer, decision: Decision::Deny }
}

impl Rule {
    /// The rule applied to something.
    fn on(&'static self, subject: impl Into<String>) -> Found {
        Found { rule: self, subject: Some(subject.into()), path: None }
    }

    /// The rule applied to a path, which the profile may except.
    fn on_path(&'static self, path: &str) -> Found {
        Found { rule: self, subject: Some(path.to_owned()), path: Some(path.to_owned()) }
    }
}

/// A rule that a command falls under.
#[derive(Debug)]
struct Found {
    rule: &'static Rule,
    subject: Option<String>,
    path: Option<String>,
}

/// Finds what one command of a script falls under.
type Family = fn(&Call, &Context) -> Option<Found>;

const FAMILIES: &[Family] = &[
    filesystem::find,
    git::find,
    devices::find,
    permissions::find,
    databases::find,
    containers::find,
    cloud::find,
    packages::find,
    remote_code::find,
    secrets::find,
];

/// What a family needs to know besides the command.
#[derive(Debug)]
struct Context<'a> {
    script: &'a Script,
    scene: &'a Scene,
    config: &'a Config,
}

static UNDECIDED: Rule = ask(
    "guard/undecided",
    "a command this long or intricate could not be followed to its end",
    "split it into commands that say what they do",
);

/// What is to be said about `command`; `None` is silence.
#[must_use]
pub fn judge(command: &str, scene: &Scene, config: &Config) -> Option<Verdict> {
    judge_script(&command::parse(command), scene, config)
}

/// As [`judge`] does, where that takes but some milliseconds; `None` for what may take longer.
#[must_use]
pub fn judge_small(command: &str, scene: &Scene, config: &Config) -> Option<Option<Verdict>> {
    let script = command::parse(command);
    let words: usize = script.commands.iter().map(|simple| simple.words.len() + 8).sum();
    let is_small = words <= limits::GUARD_SMALL_WORDS_MAX && !script.is_undecided;
    is_small.then(|| judge_script(&script, scene, config))
}

fn judge_script(script: &Script, scene: &Scene, config: &Config) -> Option<Verdict> {
    let context = Context { script, scene, config };
    let mut worst: Option<Verdict> = None;
    let mut take = |found: Option<Found>| {
        let verdict = found.and_then(|found| answer(found, config));
        if verdict.as_ref().map(|v| v.decision) > worst.as_ref().map(|v| v.decision) {
            worst = verdict;
        }
        worst.as_ref().is_some_and(|verdict| verdict.decision == Decision::Deny)
    };
    if script.is_bomb {
        take(Some(remote_code::BOMB.on(":")));
    }
    for simple in &script.commands {
        if take(one(simple, &context)) {
            break;
        }
    }
    if script.is_undecided && worst.is_none() {
        // Silence would let anything hide behind a text that is long enough.
        worst = by_words(script, &context).or_else(|| answer(UNDECIDED.on("the whole command"), config));
    }
    worst
}

fn one(simple: &Simple, context: &Context) -> Option<Found> {
    let call = Call::new(simple);
    let mut worst: Option<Found> = None;
    for family in FAMILIES {
        if let Some(found) = family(&call, context) {
            // A family that is off does not hide another's answer.
            let is_heard = answer_of(found.rule, context.config).is_some();
            if is_heard && worst.as_ref().is_none_or(|worst| worst.rule.decision < found.rule.decision) {
                worst = Some(found);
            }
        }
    }
    worst
}

/// How many places of a text that can't be followed are looked at.
const PLACES_MAX: usize = 4_096;

/// Where structure was lost, each word may begin a command.
fn by_words(script: &Script, context: &Context) -> Option<Verdict> {
    let mut left = PLACES_MAX;
    for simple in &script.commands {
        // Without its words, of which there may be very many: it is copied for each place.
        let frame = simple.frame();
        for start in 1..simple.words.len() {
            if !table::is_known(&command::name_of(&simple.words[start].text)) {
                continue;
            }
            left = left.checked_sub(1)?;
            let words = simple.words[start..].iter().take(64).cloned().collect();
            let rest = Simple { words, ..frame.clone() };
            if let Some(verdict) = one(&rest, context).and_then(|found| answer(found, context.config)) {
                return Some(verdict);
            }
        }
    }
    None
}

fn answer_of(rule: &Rule, config: &Config) -> Option<Decision> {
    config.decide(rule.id, rule.decision)
}

fn answer(found: Found, config: &Config) -> Option<Verdict> {
    let Found { rule, subject, path } = found;
    if path.is_some_and(|path| config.is_excepted_path(&path)) {
        return None;
    }
    let decision = answer_of(rule, config)?;
    Some(Verdict { decision, rule: rule.id, loss: rule.loss, safer: rule.safer, subject })
}

/// What is to be said about writing the file at `path`.
#[must_use]
pub fn judge_path(path: &str, scene: &Scene, config: &Config) -> Option<Verdict> {
    let path = place::absolute(path, scene)?;
    answer(filesystem::written(&path, scene, config)?, config)
}
