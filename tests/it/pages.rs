//! The pages for people: the commands they name exist, and the changelog is of this version.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::sandbox::Sandbox;

fn project() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every page: its name and its text.
fn pages() -> Vec<(PathBuf, String)> {
    let mut names = vec![PathBuf::from("README.md"), PathBuf::from("templates/nix/README.md")];
    for entry in fs::read_dir(project().join(".github")).expect("a folder") {
        names.push(Path::new(".github").join(entry.expect("an entry").file_name()));
    }
    names.retain(|name| name.extension().is_some_and(|extension| extension == "md"));
    let read = |name: &PathBuf| fs::read_to_string(project().join(name)).expect("a page");
    names.iter().map(|name| (name.clone(), read(name))).collect()
}

#[test]
fn commands_that_pages_name_exist() {
    let help = Sandbox::new().cs(&["help"]).ok().out;
    let rows = help.lines().filter_map(|line| line.strip_prefix("  "));
    let known: BTreeSet<&str> = rows.filter_map(|row| row.split_whitespace().next()).collect();
    let (mut unknown, mut count) = (Vec::new(), 0);
    for (page, text) in pages() {
        for rest in ["`cs ", "\n$ cs "].into_iter().flat_map(|before| text.split(before).skip(1)) {
            let word: String = rest.chars().take_while(char::is_ascii_lowercase).collect();
            count += usize::from(!word.is_empty());
            if !word.is_empty() && !known.contains(word.as_str()) {
                unknown.push(format!("{}: cs {word}", page.display()));
            }
        }
    }
    assert!(unknown.is_empty() && count > 50, "{count} commands; unknown: {unknown:#?}");
}

#[test]
fn the_newest_change_is_of_this_version() {
    let text = fs::read_to_string(project().join(".github/CHANGELOG.md")).expect("a changelog");
    let heading = text.lines().find_map(|line| line.strip_prefix("## ")).expect("a version");
    assert_eq!(heading.split_whitespace().next(), Some(env!("CARGO_PKG_VERSION")));
}

/// `tests/it/readme.rs` knows these kinds; a block of another would be run by nobody.
#[test]
fn every_block_of_the_readme_is_of_a_kind_that_is_run() {
    let text = fs::read_to_string(project().join("README.md")).expect("a README");
    let fences: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("```")).collect();
    assert!(fences.iter().skip(1).step_by(2).all(|end| end.is_empty()), "one is not closed: {fences:?}");
    let unknown: Vec<_> =
        fences.iter().step_by(2).filter(|kind| !["sh", "console", "toml"].contains(kind)).collect();
    assert!(unknown.is_empty(), "{unknown:?}");
}
