//! The conditions of `[when."…"]`: `os(linux) and not host(login*)`.
//!
//! ```text
//! any  = all *( "or" all )
//! all  = one *( "and" one )
//! one  = "not" one | "(" any ")" | fact "(" argument ")"
//! ```
//! An argument is everything up to the closing parenthesis, or in quotes.

use std::path::{Path, PathBuf};

use super::{World, suggest};
use crate::model::fits_glob;

/// Parentheses and `not`s deeper than this are refused: nobody reads them.
const DEPTH_MAX: usize = 32;

const FACTS: [&str; 6] = ["os", "arch", "host", "env", "exists", "command"];

/// As Rust names them.
const SYSTEMS: [&str; 7] = ["linux", "macos", "windows", "freebsd", "netbsd", "openbsd", "android"];
const MACHINES: [&str; 9] =
    ["x86_64", "aarch64", "x86", "arm", "riscv64", "powerpc64", "s390x", "loongarch64", "powerpc"];

/// Other names people know them by.
const ALIASES: [(&str, &str); 6] = [
    ("darwin", "macos"),
    ("osx", "macos"),
    ("mac", "macos"),
    ("arm64", "aarch64"),
    ("amd64", "x86_64"),
    ("x64", "x86_64"),
];

/// A condition, parsed.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Condition {
    Any(Vec<Self>),
    All(Vec<Self>),
    Not(Box<Self>),
    Os(String),
    Arch(String),
    Host(String),
    Env(String, Option<String>),
    Exists(String),
    Command(String),
}

/// What is wrong with a condition, and where in its text.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Mistake {
    pub offset: usize,
    pub message: String,
    pub help: Option<String>,
}

/// Parses a condition.
pub(super) fn parse(text: &str) -> Result<Condition, Mistake> {
    let mut parser = Parser { text, at: 0, depth: 0 };
    let condition = parser.any()?;
    parser.space();
    if parser.at < text.len() {
        return Err(parser.mistake("expected `and`, `or` or the end"));
    }
    Ok(condition)
}

struct Parser<'t> {
    text: &'t str,
    at: usize,
    depth: usize,
}

impl<'t> Parser<'t> {
    fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    fn space(&mut self) {
        self.at = self.text.len() - self.rest().trim_start().len();
    }

    fn mistake(&self, message: &str) -> Mistake {
        Mistake { offset: self.at, message: message.to_owned(), help: None }
    }

    /// The word that comes next, without taking it.
    fn word(&mut self) -> &'t str {
        self.space();
        let rest = self.rest();
        &rest[..rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != '-').unwrap_or(rest.len())]
    }

    fn take(&mut self, word: &str) -> bool {
        let found = self.word() == word;
        if found {
            self.at += word.len();
        }
        found
    }

    fn any(&mut self) -> Result<Condition, Mistake> {
        let mut parts = vec![self.all()?];
        while self.take("or") {
            parts.push(self.all()?);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { Condition::Any(parts) })
    }

    fn all(&mut self) -> Result<Condition, Mistake> {
        let mut parts = vec![self.one()?];
        while self.take("and") {
            parts.push(self.one()?);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { Condition::All(parts) })
    }

    fn one(&mut self) -> Result<Condition, Mistake> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(self.mistake("this is nested too deeply"));
        }
        let condition = if self.take("not") {
            Condition::Not(Box::new(self.one()?))
        } else if self.word().is_empty() {
            self.group()?
        } else {
            self.fact()?
        };
        self.depth -= 1;
        Ok(condition)
    }

    fn group(&mut self) -> Result<Condition, Mistake> {
        if !self.rest().starts_with('(') {
            return Err(Mistake { help: Some(usage()), ..self.mistake("expected a condition") });
        }
        self.at += 1;
        let inner = self.any()?;
        self.space();
        if !self.rest().starts_with(')') {
            return Err(self.mistake("expected `)`"));
        }
        self.at += 1;
        Ok(inner)
    }

    fn fact(&mut self) -> Result<Condition, Mistake> {
        let name = self.word();
        let start = self.at;
        if !FACTS.contains(&name) {
            let near = suggest::nearest(name, FACTS).map(|near| format!("did you mean `{near}`?"));
            let help = Some(near.unwrap_or_else(usage));
            return Err(Mistake { help, ..self.mistake(&format!("unknown condition `{name}`")) });
        }
        self.at += name.len();
        self.space();
        if !self.rest().starts_with('(') {
            return Err(self.mistake(&format!("expected `(` after `{name}`")));
        }
        self.at += 1;
        let argument = self.argument()?;
        if argument.is_empty() {
            return Err(Mistake {
                offset: start,
                ..self.mistake(&format!("`{name}` needs something in its parentheses"))
            });
        }
        fact(name, argument).map_err(|(message, help)| Mistake { offset: start, message, help })
    }

    /// Everything up to `)`, or what quotes enclose before it.
    fn argument(&mut self) -> Result<&'t str, Mistake> {
        self.space();
        let rest = self.rest();
        let quote = rest.chars().next().filter(|c| matches!(c, '"' | '\''));
        let (argument, taken) = match quote {
            Some(quote) => {
                let end = rest[1..].find(quote).ok_or_else(|| self.mistake("a quote is not closed"))?;
                (&rest[1..=end], end + 2)
            }
            None => {
                let end = rest.find(')').ok_or_else(|| self.mistake("expected `)`"))?;
                (rest[..end].trim_end(), end)
            }
        };
        self.at += taken;
        self.space();
        if !self.rest().starts_with(')') {
            return Err(self.mistake("expected `)`"));
        }
        self.at += 1;
        Ok(argument)
    }
}

fn usage() -> String {
    "conditions are os(…), arch(…), host(…), env(NAME) or env(NAME=…), exists(PATH) and command(NAME)"
        .to_owned()
}

fn fact(name: &str, argument: &str) -> Result<Condition, (String, Option<String>)> {
    let owned = argument.to_owned();
    Ok(match name {
        "os" => Condition::Os(known(argument, "operating system", &SYSTEMS)?),
        "arch" => Condition::Arch(known(argument, "architecture", &MACHINES)?),
        "host" => Condition::Host(owned),
        "env" => match argument.split_once('=') {
            Some((name, glob)) => Condition::Env(name.trim().to_owned(), Some(glob.trim().to_owned())),
            None => Condition::Env(owned, None),
        },
        "exists" => Condition::Exists(owned),
        _ => Condition::Command(owned),
    })
}

/// A misspelt system would be silently false everywhere.
fn known(name: &str, what: &str, all: &[&'static str]) -> Result<String, (String, Option<String>)> {
    if all.contains(&name) {
        return Ok(name.to_owned());
    }
    let alias = ALIASES.iter().find(|(alias, _)| name.eq_ignore_ascii_case(alias)).map(|(_, name)| *name);
    let near = alias.filter(|n| all.contains(n)).or_else(|| suggest::nearest(name, all.iter().copied()));
    let help = near.map(|near| format!("did you mean `{near}`?"));
    Err((
        format!("unknown {what} `{name}`"),
        Some(help.unwrap_or_else(|| format!("it is {}", suggest::listed(all.iter().copied())))),
    ))
}

impl Condition {
    /// Whether it holds; relative paths are relative to `folder`.
    pub fn holds(&self, world: &dyn World, folder: Option<&Path>) -> bool {
        match self {
            Self::Any(parts) => parts.iter().any(|part| part.holds(world, folder)),
            Self::All(parts) => parts.iter().all(|part| part.holds(world, folder)),
            Self::Not(part) => !part.holds(world, folder),
            Self::Os(name) => world.os() == name,
            Self::Arch(name) => world.arch() == name,
            Self::Host(glob) => is_host(glob, world.host()),
            Self::Env(name, None) => world.env(name).is_some(),
            Self::Env(name, Some(glob)) => world.env(name).is_some_and(|value| fits_glob(glob, &value)),
            Self::Exists(path) => world.exists(&expand(path, world, folder)),
            Self::Command(name) => world.program(name),
        }
    }
}

/// Host names ignore case; a pattern may mean the whole name or what is before its first dot.
fn is_host(glob: &str, host: &str) -> bool {
    let (glob, host) = (glob.to_lowercase(), host.to_lowercase());
    let short = host.split('.').next().unwrap_or_default();
    fits_glob(&glob, &host) || fits_glob(&glob, short)
}

/// A path as profiles write it: `~/…`, absolute, or relative to the profile.
pub(super) fn expand(text: &str, world: &dyn World, folder: Option<&Path>) -> PathBuf {
    let below_home = text.strip_prefix('~').filter(|rest| rest.is_empty() || rest.starts_with('/'));
    match below_home.and_then(|rest| Some((rest, world.home()?))) {
        Some((rest, home)) => home.join(rest.trim_start_matches('/')),
        _ => folder.map_or_else(|| PathBuf::from(text), |folder| folder.join(text)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn and_binds_tighter_than_or() {
        let parsed = parse("os(linux) or os(macos) and not arch(x86_64)").expect("valid");
        let Condition::Any(parts) = parsed else { panic!("{parsed:?}") };
        assert!(matches!(parts[1], Condition::All(_)));
    }

    #[test]
    fn arguments_keep_what_they_hold() {
        assert_eq!(parse("env( A = b c* )"), Ok(Condition::Env("A".into(), Some("b c*".into()))));
        assert_eq!(parse("exists(\"/a (b)\")"), Ok(Condition::Exists("/a (b)".into())));
    }

    #[test]
    fn mistakes_are_located() {
        let at =
            |text: &str| parse(text).map_err(|mistake| (mistake.offset, mistake.message)).expect_err(text);
        assert_eq!(at(""), (0, "expected a condition".to_owned()));
        assert_eq!(at("os(linux) os(macos)").0, 10);
        assert_eq!(at("os(linux) and").0, 13);
        assert_eq!(at("os(linux").0, 3);
        assert_eq!(at("(os(linux)").0, 10);
        assert_eq!(at("not hots(x)").0, 4);
        assert_eq!(at("os()").0, 0);
        assert_eq!(at("os(darwin)").1, "unknown operating system `darwin`");
        assert!(parse(&"(".repeat(100_000)).is_err());
        assert!(parse(&"not ".repeat(100_000)).is_err());
    }
}
