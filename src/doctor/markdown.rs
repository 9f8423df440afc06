//! Agents, skills, commands, rules and output styles.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::Finding;
use crate::profile::judge::{self, Flaw, FlawKind, Judged};

/// A file of one of those, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    pub path: PathBuf,
    pub bytes: Vec<u8>,
}

/// What is wrong with the agents of one root: each by itself, and names that two of them have.
#[must_use]
pub fn agents(files: &[Text]) -> Vec<Finding> {
    let mut found = Vec::new();
    let mut names: BTreeMap<String, &Path> = BTreeMap::new();
    for file in files {
        let text = String::from_utf8_lossy(&file.bytes);
        let Judged { name, flaws } = judge::agent(&text);
        let is_prose = is_prose(&file.path);
        found.extend(encoding(file));
        found.extend(flaws.iter().map(|flaw| agent_flaw(flaw, &text, is_prose).file(&file.path)));
        let Some(name) = name.filter(|_| flaws.is_empty()) else { continue };
        let stem = file.path.file_stem().unwrap_or_default().to_string_lossy();
        if stem != name {
            found.push(
                Finding::note("agent-name-differs", format!("the agent in it is called {name:?}"))
                    .remedy("Nothing is wrong: Claude Code goes by that name, not by the file's.")
                    .file(&file.path),
            );
        }
        if let Some(first) = names.insert(name.clone(), &file.path) {
            let message =
                format!("{} has an agent {name:?}, too: Claude Code loads one of them", first.display());
            found.push(
                Finding::error("agent-name-twice", message)
                    .remedy("Change the `name` in one of them.")
                    .file(&file.path),
            );
        }
    }
    found
}

/// A README among the agents is meant for people.
fn is_prose(path: &Path) -> bool {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy().to_ascii_uppercase();
    ["README", "CLAUDE", "AGENTS", "INDEX", "CHANGELOG", "LICENSE"].contains(&stem.as_str())
}

fn agent_flaw(flaw: &Flaw, text: &str, is_prose: bool) -> Finding {
    let skipped = format!("{}: Claude Code skips this agent without a word", flaw.message);
    let finding = match flaw.kind {
        FlawKind::Missing if is_prose => {
            let message = "has no frontmatter: Claude Code passes over it";
            return Finding::note("agent-frontmatter-missing", message)
                .remedy("Nothing is wrong if it is meant for people.");
        }
        FlawKind::Missing => Finding::error("agent-frontmatter-missing", skipped),
        FlawKind::Broken => Finding::error("agent-frontmatter-broken", skipped),
        FlawKind::Lacks("name") => Finding::error("agent-no-name", skipped),
        FlawKind::Lacks(_) => Finding::error("agent-no-description", skipped),
    };
    finding.at(place(text, flaw.range.start)).remedy(sentence(remedy(flaw)))
}

/// What the flaw's own help says of the consequence is in the message already.
fn remedy(flaw: &Flaw) -> String {
    match flaw.kind {
        FlawKind::Lacks(key) => {
            format!("write a line `{key}: …` between the two `---`, in quotes if need be")
        }
        FlawKind::Missing | FlawKind::Broken => flaw.help.to_owned(),
    }
}

fn sentence(text: String) -> String {
    let mut chars = text.chars();
    let first = chars.next().map(char::to_uppercase);
    first.into_iter().flatten().chain(chars).chain(['.']).collect()
}

fn place(text: &str, at: usize) -> (usize, usize) {
    let before = &text[..text.floor_char_boundary(at)];
    let line = before.matches('\n').count() + 1;
    (line, before.rsplit('\n').next().unwrap_or_default().chars().count() + 1)
}

/// What is wrong with a skill's `SKILL.md`.
#[must_use]
pub fn skill(file: &Text) -> Vec<Finding> {
    let text = String::from_utf8_lossy(&file.bytes);
    let mut found: Vec<Finding> = encoding(file).into_iter().collect();
    for flaw in judge::skill(&text).flaws {
        let message = format!("{}: Claude sees the first line of the text in its place", flaw.message);
        let finding = match flaw.kind {
            FlawKind::Missing => Finding::warning("skill-frontmatter-missing", message),
            FlawKind::Broken => Finding::error(
                "skill-frontmatter-broken",
                format!("{}: Claude Code ignores the frontmatter", flaw.message),
            ),
            FlawKind::Lacks(_) => Finding::warning("skill-no-description", message),
        };
        found.push(finding.at(place(&text, flaw.range.start)).remedy(sentence(remedy(&flaw))));
    }
    found.into_iter().map(|own| own.file(&file.path)).collect()
}

/// A folder among the skills that holds none.
#[must_use]
pub fn skill_without_file(folder: &Path) -> Finding {
    Finding::error("skill-no-file", "has no SKILL.md, so Claude Code sees no skill in it")
        .remedy("Put a SKILL.md into it, or move the folder away.")
        .file(folder)
}

/// A file among the skills, which are folders.
#[must_use]
pub fn skill_not_in_folder(file: &Path) -> Finding {
    let name = file.file_stem().unwrap_or_default().to_string_lossy();
    Finding::error("skill-not-in-folder", "is a file: Claude Code looks for skills in folders")
        .remedy(format!("Make it {name}/SKILL.md."))
        .file(file)
}

/// What is wrong with a file whose frontmatter is optional: a command, a rule, an output style, a CLAUDE.md.
#[must_use]
pub fn prose(file: &Text, has_frontmatter: bool) -> Vec<Finding> {
    let mut found: Vec<Finding> = encoding(file).into_iter().collect();
    let text = String::from_utf8_lossy(&file.bytes);
    if text.trim_start_matches('\u{feff}').trim().is_empty() {
        found.push(
            Finding::warning("file-empty", "is empty, so Claude Code reads nothing here")
                .remedy("Write something into it, or remove it."),
        );
    }
    let broken = judge::skill(&text).flaws.into_iter().find(|flaw| flaw.kind == FlawKind::Broken);
    if let Some(flaw) = broken.filter(|_| has_frontmatter) {
        let message = format!("{}: Claude Code ignores the frontmatter", flaw.message);
        let at = place(&text, flaw.range.start);
        found.push(Finding::error("frontmatter-broken", message).at(at).remedy(sentence(remedy(&flaw))));
    }
    found.into_iter().map(|own| own.file(&file.path)).collect()
}

fn encoding(file: &Text) -> Option<Finding> {
    let valid = std::str::from_utf8(&file.bytes).err()?.valid_up_to();
    let before = String::from_utf8_lossy(&file.bytes[..valid]);
    let finding = Finding::warning("not-utf8", "is not UTF-8: Claude reads marks in place of what is not")
        .at(place(&before, valid))
        .remedy("Save it as UTF-8.");
    Some(finding.file(&file.path))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(path: &str, text: impl AsRef<[u8]>) -> Text {
        Text { path: path.into(), bytes: text.as_ref().to_owned() }
    }

    fn codes(found: &[Finding]) -> Vec<&'static str> {
        assert!(found.iter().all(|own| own.file.is_some() && !own.remedy.is_empty()), "{found:?}");
        found.iter().map(|own| own.code).collect()
    }

    #[test]
    fn agents_that_are_skipped_are_told() {
        for (content, expected, place) in [
            ("# x\n", &["agent-frontmatter-missing"][..], (1, 1)),
            ("---\nname: a\ndescription: x: y\n  z\n---\n", &["agent-frontmatter-broken"], (3, 1)),
            ("---\ndescription: x\n---\n", &["agent-no-name"], (1, 1)),
            ("---\nname: a\n---\n", &["agent-no-description"], (1, 1)),
            ("---\n---\n", &["agent-no-name", "agent-no-description"], (1, 1)),
        ] {
            let found = agents(&[text("/a.md", content)]);
            assert_eq!(codes(&found), expected, "{content}");
            assert_eq!(found[0].place, Some(place), "{content}");
        }
        let readme = agents(&[text("/README.md", "# Agents\n")]);
        assert_eq!(readme[0].severity, super::super::Severity::Note);
    }

    #[test]
    fn one_name_for_two_agents_is_told() {
        let agent = |path: &str| text(path, "---\nname: a\ndescription: x\n---\n");
        assert!(agents(&[agent("/a.md")]).is_empty());
        assert_eq!(codes(&agents(&[agent("/a.md"), agent("/sub/a.md")])), ["agent-name-twice"]);
        assert_eq!(codes(&agents(&[agent("/b.md")])), ["agent-name-differs"]);
    }

    #[test]
    fn skills_and_prose_are_read_like_the_client_reads_them() {
        assert_eq!(codes(&skill(&text("/SKILL.md", "x"))), ["skill-frontmatter-missing"]);
        assert_eq!(codes(&skill(&text("/SKILL.md", "---\nname: a\n---\n"))), ["skill-no-description"]);
        let broken = "---\nname: a\ndescription: \"x\" y\n  z: w\n---\n";
        assert_eq!(codes(&skill(&text("/SKILL.md", broken))), ["skill-frontmatter-broken"]);
        assert_eq!(codes(&prose(&text("/c.md", broken), true)), ["frontmatter-broken"]);
        assert!(prose(&text("/c.md", broken), false).is_empty());
        assert!(prose(&text("/c.md", "Do it.\n"), true).is_empty());
        assert_eq!(codes(&prose(&text("/c.md", " \n"), true)), ["file-empty"]);
        assert_eq!(codes(&prose(&text("/c.md", b"a\nb\xff"), true)), ["not-utf8"]);
        assert_eq!(
            codes(&[skill_without_file(Path::new("/s")), skill_not_in_folder(Path::new("/s.md"))]),
            ["skill-no-file", "skill-not-in-folder"]
        );
    }
}
