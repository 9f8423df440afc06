//! Commands in what is told, with the flags that were typed: what one copies must be about the same root.

use std::path::Path;

use super::args::Common;
use crate::model::text::{shell_path, shell_word};

/// Commands that are about a root, and whether they go by a profile.
const COMMANDS: &[(&str, bool)] = &[
    ("apply", true),
    ("capture", true),
    ("plan", true),
    ("status", true),
    ("diff", false),
    ("doctor", false),
    ("generations", false),
    ("init", false),
    ("recover", false),
    ("rollback", false),
    ("uninstall", false),
    ("verify", false),
    ("why", false),
];

/// The text with `--profile`, `--root` and `--project` behind each command of ours in it that lacks them. What
/// lies under the `home` is written so.
#[must_use]
pub fn carry(common: &Common, home: Option<&Path>, text: &str) -> String {
    if common.profile.is_none() && common.root.is_none() && common.project.is_none() {
        return text.to_owned();
    }
    let mut told = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("cs ") {
        let is_word = !rest[..at].ends_with(|c: char| c.is_alphanumeric() || "-_/.".contains(c));
        let (before, after) = rest.split_at(at + "cs ".len());
        told.push_str(before);
        rest = after;
        let end = after.find(|c: char| !c.is_ascii_lowercase()).unwrap_or(after.len());
        let found = COMMANDS.iter().find(|(name, _)| is_word && *name == &after[..end]);
        if let Some((name, is_profiled)) = found {
            rest = &after[end..];
            told.push_str(name);
            told.push_str(&flags(common, home, *is_profiled, own(rest)));
        }
    }
    told + rest
}

/// What of the text belongs to a command that it begins in.
fn own(text: &str) -> &str {
    let ends = ["`", "\n", "·", ";", ". ", ": ", " or ", " and "];
    let end = ends.iter().filter_map(|end| text.find(end)).min();
    &text[..end.unwrap_or(text.len())]
}

/// The flags that were typed and are not there.
fn flags(common: &Common, home: Option<&Path>, is_profiled: bool, there: &str) -> String {
    let path = |path: &Option<std::path::PathBuf>| path.as_ref().map(|path| shell_path(path, home));
    // `builtin:NAME` and `git+URL` are under no home.
    let profile = common.profile.as_ref().filter(|_| is_profiled);
    let profile = profile.map(|profile| match profile.starts_with('/') {
        true => shell_path(Path::new(profile), home),
        false => shell_word(profile),
    });
    let all = [("--profile", profile), ("--root", path(&common.root)), ("--project", path(&common.project))];
    // Which folder it is about is said once.
    let is_placed = there.contains("--root") || there.contains("--project");
    let missing = all.into_iter().filter(|(flag, _)| match *flag {
        "--profile" => !there.contains(flag),
        _ => !is_placed,
    });
    missing.filter_map(|(flag, value)| Some(format!(" {flag} {}", value?))).collect()
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::cli::args::Cli;

    fn common(args: &[&str]) -> Common {
        Cli::parse_from([&["cs", "status"], args].concat()).common
    }

    #[test]
    fn a_command_to_copy_is_about_the_same_root() {
        let work = common(&["--project=work", "--profile", "a b.toml"]);
        for (text, told) in [
            ("cs apply", "cs apply --profile 'a b.toml' --project work"),
            ("Back: cs rollback 1 --yes", "Back: cs rollback --project work 1 --yes"),
            ("`cs generations` lists them.", "`cs generations --project work` lists them."),
            (
                "cs why x · cs plan --profile builtin:default for a first look",
                "cs why --project work x · cs plan --project work --profile builtin:default for a first look",
            ),
            (
                "Run cs as that user; the next cs undoes it. docs plan",
                "Run cs as that user; the next cs undoes it. docs plan",
            ),
            ("cs uninstall --project other", "cs uninstall --project other"),
            ("cs uninstall --root ~/.claude", "cs uninstall --root ~/.claude"),
            ("cs keys status", "cs keys status"),
        ] {
            assert_eq!(carry(&work, None, text), told);
            assert_eq!(carry(&work, None, told), told, "twice");
            assert_eq!(carry(&common(&[]), None, text), text);
        }
        assert_eq!(carry(&common(&["--root", "/r"]), None, "cs diff"), "cs diff --root /r");
        let typed = common(&["--root=/home/me/r", "--profile", "/home/me/a b/x.toml"]);
        let told = carry(&typed, Some(Path::new("/home/me")), "cs plan");
        assert_eq!(told, "cs plan --profile ~/'a b/x.toml' --root ~/r");
    }
}
