//! Every command that the README shows is run, in its order, on what the README declares.

use std::fs;
use std::path::Path;

use crate::sandbox::Sandbox;

/// The blocks of the README marked as `kind`.
fn blocks(kind: &str) -> Vec<String> {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).expect("a README");
    let mut blocks = Vec::new();
    let mut rest = text.as_str();
    while let Some(start) = rest.find(&format!("```{kind}\n")) {
        let inner = &rest[start + kind.len() + 4..];
        let end = inner.find("```").expect("it is closed");
        blocks.push(inner[..end].to_owned());
        rest = &inner[end + 3..];
    }
    blocks
}

#[test]
fn its_commands_do_what_they_are_shown_for() {
    let sandbox = Sandbox::new();
    sandbox
        .script(".claude/hooks/notify", "#!/bin/sh\n")
        .write(".claude/agents/mine.md", "---\nname: mine\ndescription: d\n---\n")
        .write(
            ".claude/settings.json",
            "{ \"model\": \"opus\", \"permissions\": { \"allow\": [\"Bash(ls:*)\"] } }\n",
        );
    let mut count = 0;
    let mut is_from_nothing = false;
    for line in blocks("console").iter().flat_map(|block| block.lines()) {
        let Some(command) = line.strip_prefix("$ ") else { continue };
        // The profile of the README comes behind the first apply of what `init` made.
        if command.starts_with("cs plan --profile") && count > 1 && !is_from_nothing {
            is_from_nothing = true;
            let profile = blocks("toml").into_iter().find(|text| text.contains("[hooks.format-rust]"));
            sandbox
                .write("dotfiles/claude/claude-sync.toml", profile.expect("a profile"))
                .script("dotfiles/claude/hooks/format-rust.sh", "#!/bin/sh\n")
                .write("dotfiles/claude/agents/reviewer.md", "---\nname: r\ndescription: d\n---\n");
        }
        // There is nobody here to say yes.
        let asks = ["cs apply", "cs rollback"].iter().any(|asking| command.starts_with(asking));
        let ran = sandbox.shell(&format!("{command}{}", if asks { " --yes" } else { "" }));
        assert_eq!(ran.code, 0, "{command}\n{ran}");
        count += 1;
    }
    assert!(is_from_nothing && count >= 10, "{count} commands");
}

/// What a clone is tried with, by the executable that cargo has built already.
#[test]
fn what_a_clone_is_tried_with_leaves_nothing() {
    let sandbox = Sandbox::new();
    let mine = "{ \"model\": \"opus\" }";
    sandbox.write(".claude/settings.json", mine);
    let mut count = 0;
    // Those that want a second machine are run in `mesh`.
    let alone = blocks("sh").into_iter().filter(|block| !block.contains("cs trust"));
    for line in alone.collect::<Vec<_>>().iter().flat_map(|block| block.lines()) {
        match line.strip_prefix("cargo run --release -- ") {
            Some(args) => {
                sandbox.cs(&args.split(' ').collect::<Vec<_>>()).ok();
                count += 1;
            }
            None => assert_eq!(line, "cargo test", "nobody runs this"),
        }
    }
    assert_eq!((sandbox.read(".claude/settings.json"), count), (mine.to_owned(), 2));
}

/// Every page that the README leads to is there, and so is what the pages lead to.
#[test]
fn its_links_lead_somewhere() {
    let project = Path::new(env!("CARGO_MANIFEST_DIR"));
    let pages = ["README.md", "COMPARISON.md", "SECURITY.md", "CONTRIBUTING.md", "CHANGELOG.md"];
    for page in pages.map(|name| if name == "README.md" { name.into() } else { format!(".github/{name}") }) {
        let text = fs::read_to_string(project.join(&page)).expect("a page");
        let folder = project.join(&page).parent().expect("a folder").to_owned();
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            if link.contains("://") {
                continue;
            }
            let (file, heading) =
                link.split_once('#').map_or((link, None), |(file, name)| (file, Some(name)));
            assert!(folder.join(file).exists(), "{page}: {link}");
            if let Some(heading) = heading {
                let there = fs::read_to_string(folder.join(file)).expect("a page");
                let called =
                    |line: &str| line.trim_start_matches('#').trim().to_lowercase().replace(' ', "-");
                let is_there = there.lines().any(|line| line.starts_with('#') && called(line) == heading);
                assert!(is_there, "{page}: {link}");
            }
        }
    }
}
