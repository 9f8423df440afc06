//! Files that somebody puts into a root after `cs`: `status` tells of them, `capture` declares them.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use serde_json::json;

use crate::newcomer::on_a_terminal;
use crate::sandbox::Sandbox;

fn agent(name: &str) -> String {
    format!("---\nname: {name}\ndescription: d\n---\nI am {name}.\n")
}

/// One agent of the profile's, kept below `src/`, and one of the user's own that was there before.
fn applied() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox
        .write("dotfiles/src/agents/x.md", agent("x"))
        .write(".claude/agents/mine.md", agent("mine"))
        .write(".claude/settings.json", "{}\n")
        .profile("settings.env.A = \"1\"\n\n[agents.x]\nsource = \"src/agents/x.md\"\n");
    sandbox.apply();
    assert_eq!(sandbox.cs(&["capture", "--dry-run"]).ok().out, "Nothing was changed outside cs.\n");
    sandbox
}

/// The root's files as they are read, by path, whether through a link or not.
fn contents(sandbox: &Sandbox, paths: &[&str]) -> Vec<String> {
    paths.iter().map(|path| sandbox.read(&format!(".claude/{path}"))).collect()
}

#[test]
fn files_of_every_kind_are_found_declared_and_taken_over() {
    let sandbox = applied();
    sandbox
        .write(".claude/agents/new.md", agent("new"))
        .write(".claude/commands/hi.md", "Hi.\n")
        .write(".claude/commands/git/commit.md", "Commit.\n")
        .write(".claude/rules/r.md", "Be brief.\n")
        .write(".claude/output-styles/s.md", "---\nname: s\ndescription: d\n---\n")
        .write(".claude/CLAUDE.md", "Remember.\n")
        .write(".claude/skills/pdf/SKILL.md", agent("pdf"))
        .script(".claude/skills/pdf/scripts/a.sh", "#!/bin/sh\n")
        .script(".claude/hooks/n.sh", "#!/bin/sh\n");
    let settings = sandbox.read(".claude/settings.json").replace(
        "\"1\"}",
        "\"1\"},\"hooks\":{\"Stop\":[{\"hooks\":[{\"type\":\"command\",\"command\":\"~/.claude/hooks/n.sh\"}]}]}",
    );
    let settings = settings.replace("\"1\"\n  }", "\"1\"\n  },\n  \"hooks\": {\"Stop\":[{\"hooks\":[{\"type\":\"command\",\"command\":\"~/.claude/hooks/n.sh\"}]}]}");
    assert!(settings.contains("n.sh"), "{settings}");
    sandbox.write(".claude/settings.json", settings);
    let files = [
        "agents/new.md",
        "commands/hi.md",
        "commands/git/commit.md",
        "rules/r.md",
        "output-styles/s.md",
        "CLAUDE.md",
        "skills/pdf/SKILL.md",
        "skills/pdf/scripts/a.sh",
        "hooks/n.sh",
        "settings.json",
    ];
    let (before, read) = (sandbox.tree(), contents(&sandbox, &files));

    let status = sandbox.cs(&["status"]).ok();
    assert!(
        status.out.contains("drift       none\nundeclared  8   hooks.Stop, CLAUDE.md, agents/new.md, "),
        "{status}"
    );
    assert!(status.out.contains(", … new or changed outside cs   cs capture\n"), "{status}");
    assert_eq!(sandbox.cs(&["status", "--short"]).ok().out, "cs 1 ?8\n");
    assert!(
        sandbox.cs(&["plan"]).ok().out.contains("8 changes outside cs are declared nowhere: hooks.Stop,")
    );

    let dry = sandbox.cs(&["capture", "--dry-run"]).ok();
    assert!(
        dry.out.contains("! agents/new.md ") && dry.out.contains("copied to ~/dotfiles/src/agents/new.md\n"),
        "{dry}"
    );
    assert!(!sandbox.path("dotfiles/src/agents/new.md").exists());
    sandbox.cs(&["capture", "--all", "--yes"]).ok();
    assert_eq!(sandbox.tree(), before);
    let profile = sandbox.read("dotfiles/claude-sync.toml");
    for table in [
        "[hooks.\"n.sh\"]\nevent = \"Stop\"\nsource = \"hooks/n.sh\"\n",
        "[agents.new]\nsource = \"src/agents/new.md\"\n",
        "[commands.hi]\nsource = \"commands/hi.md\"\n",
        "[files.\"commands/git/commit.md\"]\nsource = \"commands/git/commit.md\"\n",
        "[rules.r]\nsource = \"rules/r.md\"\n",
        "[output-styles.s]\nsource = \"output-styles/s.md\"\n",
        "[files.\"CLAUDE.md\"]\nsource = \"CLAUDE.md\"\n",
        "[skills.pdf]\nsource = \"skills/pdf\"\n",
    ] {
        assert!(profile.contains(table), "{table} in {profile}");
    }
    for script in ["dotfiles/hooks/n.sh", "dotfiles/skills/pdf/scripts/a.sh"] {
        let mode = fs::metadata(sandbox.path(script)).expect("there").permissions().mode();
        assert_eq!(mode & 0o111, 0o111, "{script}");
    }

    let status = sandbox.cs(&["status"]).ok();
    assert!(
        status.out.contains("drift       none\ncaptured    9   changes are declared by now   cs apply"),
        "{status}"
    );
    assert!(!status.out.contains("undeclared") && !status.out.contains("not applied"), "{status}");
    let plan = sandbox.cs(&["plan"]).ok();
    assert!(plan.out.contains("No content changes: 8 files and folders become links"), "{plan}");
    sandbox.cs(&["apply", "--yes"]).ok();
    assert_eq!(contents(&sandbox, &files), read);
    let link = |path: &str| fs::symlink_metadata(sandbox.path(path)).expect("there").is_symlink();
    assert!(link(".claude/agents/new.md") && link(".claude/skills/pdf") && !link(".claude/agents/mine.md"));
    assert_eq!(sandbox.cs(&["plan", "--exit-code"]).ok().out, "Up to date: generation 2.\n");
    assert_eq!(sandbox.cs(&["capture", "--dry-run"]).ok().out, "Nothing was changed outside cs.\n");
    // What was there before cs is offered when it is asked for.
    let all = sandbox.cs(&["capture", "--undeclared", "--dry-run"]).ok();
    assert!(all.out.contains("! agents/mine.md   new") && all.out.matches("  ! ").count() == 1, "{all}");

    sandbox.cs(&["uninstall", "--purge", "--yes"]).ok();
    let ours = |line: &&String| !line.starts_with("agents/x.md") && !line.starts_with("settings.json");
    let kept = |tree: &[String]| tree.iter().filter(ours).cloned().collect::<Vec<_>>();
    assert_eq!(kept(&sandbox.tree()), kept(&before));
}

#[test]
fn what_is_not_to_be_declared_is_not_offered() {
    let sandbox = applied();
    sandbox
        .write(".claude/agents/bad.md", "no frontmatter\n")
        .write(".claude/agents/good.md~", "backup")
        .write(".claude/agents/.good.md.swp", "backup")
        .write(".claude/hooks/#n#", "backup")
        .write(".claude/hooks/node_modules/x/index.js", "made")
        .write(".claude/plugins/p/agents/theirs.md", agent("theirs"))
        .write(".claude/rules/token.md", "x\nexport API_TOKEN=\"ghp_0123456789abcdefghijABCDEF\"\n")
        .write(".claude/rules/taken.md", "Mine.\n")
        .write("dotfiles/rules/taken.md", "Another's.\n")
        .write("dots/linked.md", "Linked.\n");
    fs::File::create(sandbox.path(".claude/rules/large.md"))
        .and_then(|file| file.set_len(65 << 20))
        .expect("made");
    fs::create_dir_all(sandbox.path(".claude/commands")).expect("a folder");
    symlink("../../dots/linked.md", sandbox.path(".claude/commands/linked.md")).expect("a link");
    let before = sandbox.read("dotfiles/claude-sync.toml");
    assert!(
        !sandbox.cs(&["status"]).ok().out.contains("undeclared"),
        "what can't be captured is not promised"
    );
    let said = sandbox.cs(&["capture", "--all", "--yes"]).ok();
    let mut told: Vec<&str> = said.out.lines().filter(|line| line.starts_with("  = ")).collect();
    told.sort_unstable();
    let why = [
        ("agents/bad.md", "there is no frontmatter between two lines `---` at the top"),
        ("commands/linked.md", "it is a link of yours: declare it where it leads, ~/dots/linked.md"),
        ("rules/large.md", "it is larger than 64 MiB"),
        ("rules/taken.md", "~/dotfiles/rules/taken.md is there already, with something else in it"),
        ("rules/token.md", "it looks as if it held a secret, in line 2"),
    ];
    assert_eq!(told.len(), why.len(), "{said}");
    for ((what, why), line) in why.iter().zip(told) {
        assert!(line.starts_with(&format!("  = {what} ")) && line.ends_with(why), "{line}");
    }
    assert_eq!(sandbox.read("dotfiles/claude-sync.toml"), before);
    // One that can be kept is, and the others stay.
    sandbox.write(".claude/agents/good.md", agent("good"));
    sandbox.cs(&["capture", "--all", "--yes"]).ok();
    assert_eq!(
        sandbox.read("dotfiles/claude-sync.toml"),
        format!("{before}\n[agents.good]\nsource = \"src/agents/good.md\"\n")
    );
    assert_eq!(sandbox.cs(&["capture", "--dry-run"]).ok().out, "Nothing was changed outside cs.\n");
}

#[test]
fn what_was_declined_is_no_news_and_what_was_kept_is_ours() {
    let sandbox = applied();
    sandbox.write(".claude/agents/a.md", agent("a")).write(".claude/agents/b.md", agent("b"));
    on_a_terminal(&sandbox, "capture", "n\ny\n").ok();
    let status = sandbox.cs(&["status"]).ok();
    assert!(
        !status.out.contains("undeclared") && status.out.contains("captured    1   change is"),
        "{status}"
    );
    sandbox.write(".claude/agents/a.md", agent("a") + "More.\n");
    assert!(!sandbox.cs(&["status"]).ok().out.contains("undeclared"), "it is the user's, who may change it");
    sandbox.cs(&["apply", "--yes"]).ok();
    // Another capture in between does not take back what was agreed to.
    sandbox.write(".claude/agents/c.md", agent("c"));
    sandbox.cs(&["capture", "--all", "--yes"]).ok();
    sandbox.write(".claude/agents/d.md", agent("d"));
    sandbox.cs(&["capture", "--all", "--yes"]).ok();
    sandbox.cs(&["apply", "--yes"]).ok();
    assert_eq!(sandbox.cs(&["plan", "--exit-code"]).code, 0);
    // Kept in the profile, and then taken out of it: it goes, as what init took over does.
    let profile =
        sandbox.read("dotfiles/claude-sync.toml").replace("[agents.b]\nsource = \"src/agents/b.md\"\n", "");
    sandbox.write("dotfiles/claude-sync.toml", profile);
    sandbox.cs(&["apply", "--yes"]).ok();
    assert!(
        !sandbox.path(".claude/agents/b.md").exists() && sandbox.path("dotfiles/src/agents/b.md").exists()
    );
    sandbox.write(".claude/agents/b.md", agent("b"));
    sandbox.cs(&["uninstall", "--purge", "--yes"]).ok();
    for name in ["a", "b", "c", "d"] {
        assert!(sandbox.read(&format!(".claude/agents/{name}.md")).starts_with(&agent(name)));
    }
}

#[test]
fn a_project_has_news_of_its_own() {
    let sandbox = Sandbox::new();
    sandbox
        .write("work/claude/agents/x.md", agent("x"))
        .write("work/claude/skills/pdf/SKILL.md", agent("pdf"))
        .write("work/claude/skills/pdf/a.py", "1\n")
        .write(
            "work/claude/claude-sync.toml",
            "format = 1\n[agents.x]\nsource = \"agents/x.md\"\n[skills.pdf]\nsource = \"skills/pdf\"\n",
        );
    let cs = |args: &[&str]| sandbox.cs(&[args, &["--project", "work"]].concat());
    cs(&["apply", "--yes", "--profile", "work/claude/claude-sync.toml"]).ok();
    sandbox
        .write("work/.claude/agents/y.md", agent("y"))
        .write("work/.claude/skills/new/SKILL.md", agent("new"))
        .write("work/.claude/skills/pdf/b.py", "2\n");
    let status = cs(&["status"]).ok();
    assert!(status.out.contains("undeclared  3   agents/y.md, skills/new, skills/pdf/b.py "), "{status}");
    cs(&["capture", "--all", "--yes"]).ok();
    assert_eq!(sandbox.read("work/claude/skills/pdf/b.py"), "2\n");
    let status = cs(&["status"]).ok();
    assert!(status.out.contains("captured    3   changes are declared by now"), "{status}");
    cs(&["apply", "--yes"]).ok();
    assert_eq!(cs(&["plan", "--exit-code"]).code, 0);
    assert!(!fs::symlink_metadata(sandbox.path("work/.claude/agents/y.md")).expect("there").is_symlink());
    // Of a folder that is copied a file may go, and then all of it.
    fs::remove_file(sandbox.path("work/.claude/skills/pdf/a.py")).expect("there");
    cs(&["capture", "--all", "--yes"]).ok();
    assert!(!sandbox.path("work/claude/skills/pdf/a.py").exists());
    assert!(cs(&["status"]).ok().out.contains("drift       none"));
    cs(&["apply", "--yes"]).ok();
    fs::remove_dir_all(sandbox.path("work/.claude/skills/pdf")).expect("there");
    let said = cs(&["capture", "--all", "--yes"]).ok();
    assert!(said.out.contains("! skills/pdf   removed"), "{said}");
    assert!(!sandbox.read("work/claude/claude-sync.toml").contains("skills.pdf"));
    cs(&["apply", "--yes"]).ok();
    assert_eq!(cs(&["plan", "--exit-code"]).code, 0);
}

/// Between a capture and the apply that takes it over the file is the user's still, and changes as they like.
#[test]
fn what_was_captured_and_edited_again_is_captured_again() {
    let sandbox = applied();
    sandbox
        .write(".claude/agents/a.md", agent("a"))
        .write(".claude/commands/b.md", "B.\n")
        .write(".claude/skills/pdf/SKILL.md", agent("pdf"));
    sandbox.cs(&["capture", "--all", "--yes"]).ok();
    sandbox.write(".claude/agents/a.md", agent("a") + "More.\n");
    sandbox.write(".claude/skills/pdf/SKILL.md", agent("pdf") + "More.\n");
    fs::remove_file(sandbox.path(".claude/commands/b.md")).expect("there");
    assert!(sandbox.cs(&["apply", "--yes"]).code(1).err.contains("cs capture"));
    sandbox.cs(&["capture", "--all", "--yes"]).ok();
    assert!(sandbox.read("dotfiles/src/agents/a.md").ends_with("More.\n"));
    assert!(!sandbox.read("dotfiles/claude-sync.toml").contains("commands"));
    let before = sandbox.tree();
    sandbox.cs(&["apply", "--yes"]).ok();
    assert!(sandbox.read(".claude/agents/a.md").ends_with("More.\n"));
    assert_eq!(sandbox.cs(&["plan", "--exit-code"]).code, 0);
    sandbox.cs(&["uninstall", "--purge", "--yes"]).ok();
    let theirs = |line: &&String| line.starts_with("agents/a.md") || line.starts_with("skills");
    let kept = |tree: &[String]| tree.iter().filter(theirs).cloned().collect::<Vec<_>>();
    assert_eq!(kept(&sandbox.tree()), kept(&before));
}

/// A file that says what is declared as a secret elsewhere would publish it.
#[test]
fn a_file_with_a_declared_secret_in_it_is_not_copied() {
    let sandbox = Sandbox::new();
    sandbox.write("dotfiles/token", "hunter2").profile("settings.env.A_TOKEN = { file = \"token\" }\n");
    sandbox.apply();
    sandbox.write(".claude/commands/a.md", "Log in as ada, with `hunter2`.\n");
    let said = sandbox.cs(&["capture", "--all", "--yes"]).ok();
    assert!(said.out.contains("= commands/a.md   it says what is declared as a secret elsewhere"), "{said}");
    assert!(!sandbox.path("dotfiles/commands").exists());
}

/// What an older `cs` remembers says nothing of files: those that are there when it is known are nobody's news.
#[test]
fn a_memory_without_files_makes_no_news_of_them() {
    let sandbox = applied();
    sandbox.write(".claude/claude-sync/seen.json", "{\"format\":1,\"marks\":{}}\n");
    assert!(!sandbox.cs(&["status"]).ok().out.contains("undeclared"));
    sandbox.profile("settings.env.A = \"2\"\n\n[agents.x]\nsource = \"src/agents/x.md\"\n");
    sandbox.cs(&["apply", "--yes"]).ok();
    sandbox.write(".claude/agents/new.md", agent("new"));
    assert_eq!(sandbox.cs(&["status", "--json"]).ok().json()["undeclared"], json!(["agents/new.md"]));
}

#[test]
fn capture_is_not_named_where_it_can_write_to_nothing() {
    let sandbox = Sandbox::new();
    sandbox.cs(&["apply", "--yes", "--profile", "builtin:default"]).ok();
    sandbox.write(".claude/agents/new.md", agent("new"));
    for command in ["status", "plan"] {
        let said = sandbox.cs(&[command]).ok();
        assert!(said.out.contains("agents/new.md") && !said.out.contains("cs capture"), "{said}");
    }
    // Nor where the profile can't be read.
    let sandbox = applied();
    let settings = sandbox.read(".claude/settings.json").replace("\"1\"", "\"2\"");
    sandbox.write(".claude/settings.json", settings).profile("nonsense = 1\n");
    let status = sandbox.cs(&["status"]).ok();
    assert!(
        status.out.contains("env.A changed outside cs") && !status.out.contains("cs capture"),
        "{status}"
    );
}
