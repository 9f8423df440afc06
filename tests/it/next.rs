//! What is told to do next works, as it is printed: whoever copies it gets there.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::process::Command;

use crate::remote::Team;
use crate::sandbox::{Ran, Sandbox, ran, skipped};

const AGENT: &str = "---\nname: x\ndescription: d\n---\nOne.\n";

/// An agent and a setting, applied.
fn applied() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox
        .write("dotfiles/agents/x.md", AGENT)
        .profile("settings.model = \"opus\"\n[agents.x]\nsource = \"agents/x.md\"\n");
    sandbox.apply();
    sandbox
}

/// Puts a file where a link of ours is, as the client does when it writes.
fn replace(sandbox: &Sandbox, path: &str, text: &str) {
    fs::remove_file(sandbox.path(path)).expect("a link");
    sandbox.write(path, text);
}

/// What `cs apply` refuses it is not said to mend.
#[test]
fn a_document_that_can_t_be_used_is_mended_first() {
    for (what, remedy) in [
        ("settings.json is not JSON", "Correct it there"),
        ("settings.json can't be written: it is a link that leads nowhere", "Remove the link"),
    ] {
        let sandbox = applied();
        if remedy == "Remove the link" {
            fs::remove_file(sandbox.settings()).expect("there");
            symlink("nowhere", sandbox.settings()).expect("a link");
        } else {
            sandbox.write(".claude/settings.json", "{ broken");
        }
        for said in [sandbox.cs(&["status"]).ok(), sandbox.cs(&["verify"]).code(1)] {
            assert!(said.out.contains(what) && said.out.contains("cs plan says what to do first"), "{said}");
            assert!(!said.out.contains("cs apply") && !said.out.contains("rendered"), "{said}");
        }
        for command in ["plan", "apply", "uninstall"] {
            let refused = sandbox.cs(&[command, "--yes"]).code(1);
            assert!(refused.err.contains(remedy) && refused.err.contains("then try again"), "{refused}");
        }
        fs::remove_file(sandbox.settings()).expect("there");
        sandbox.cs(&["apply", "--yes"]).ok();
        sandbox.cs(&["verify"]).ok();
    }
    // What is JSON, and still nothing that the client loads, is no business of an apply's either.
    let sandbox = applied();
    let void =
        sandbox.read(".claude/settings.json").replacen('{', "{\"statusLine\": {\"command\": \"x\"},", 1);
    sandbox.write(".claude/settings.json", void);
    let said = sandbox.cs(&["verify"]).code(1);
    assert!(said.out.contains("cs doctor says where, and what to do"), "{said}");
    assert!(!said.out.contains("cs apply"), "{said}");
    assert!(sandbox.cs(&["doctor"]).code(1).out.contains("statusLine.type"));
}

#[test]
fn what_took_the_place_of_ours_is_moved_aside_by_the_command_that_is_named() {
    for (root, spelled) in [(None, "cs apply"), (Some("other"), "cs apply --root other")] {
        let sandbox = applied();
        let mut flags = Vec::new();
        if let Some(root) = root {
            flags = vec!["--root", root];
            let apply = ["apply", "--yes", "--profile", "dotfiles/claude-sync.toml", "--root", root];
            sandbox.cs(&apply).ok();
        }
        let with = |args: &[&'static str]| sandbox.cs(&[args, &flags].concat());
        let path = format!("{}/agents/x.md", root.unwrap_or(".claude"));
        replace(&sandbox, &path, "---\nname: x\ndescription: d\n---\nTwo.\n");
        let next = format!("{spelled} --on-conflict backup puts back what is declared");
        for said in [with(&["status"]).ok(), with(&["verify"]).code(1), with(&["doctor"])] {
            assert!(said.out.contains(&next), "{said}");
        }
        with(&["apply", "--yes"]).code(1);
        with(&["apply", "--yes", "--on-conflict", "backup"]).ok();
        with(&["verify"]).ok();
        assert_eq!(sandbox.read(&path), AGENT);
        // What is only gone is in nobody's way.
        fs::remove_file(sandbox.path(&path)).expect("a link");
        let next = format!("{spelled} puts back what is declared");
        for said in [with(&["status"]).ok(), with(&["verify"]).code(1), with(&["doctor"])] {
            assert!(said.out.contains(&next), "{said}");
        }
        with(&["apply", "--yes"]).ok();
        with(&["verify"]).ok();
    }
}

/// What can't be read declares nothing that could be put back.
#[test]
fn without_its_profile_nothing_is_put_back() {
    let sandbox = applied();
    sandbox.profile("settings.modl = 1\nbroken = \n").write(".claude/settings.json", "{}");
    for said in [sandbox.cs(&["status"]).ok(), sandbox.cs(&["verify"]).code(1)] {
        assert!(said.out.contains("cs plan says what to do first"), "{said}");
        assert!(!said.out.contains("cs apply"), "{said}");
    }
    sandbox.cs(&["plan"]).code(1);
}

/// Runs the command that stands behind `words` at the end of what was told.
#[track_caller]
fn copied(sandbox: &Sandbox, told: &Ran, words: &str) -> Ran {
    let (_, next) = told.err.rsplit_once(words).unwrap_or_else(|| panic!("{words:?} is not in: {told}"));
    sandbox.shell(next.lines().next().unwrap_or_default())
}

/// What was said with a command is not lost where it is to be typed anew.
#[test]
fn a_command_to_be_typed_again_is_all_of_it() {
    let sandbox = Sandbox::new();
    sandbox
        .write("dotfiles/agents/x.md", AGENT)
        .profile("[agents.x]\nsource = \"agents/x.md\"\n")
        .write(".claude/agents/x.md", "Mine.\n");
    let apply = ["apply", "--profile", "dotfiles/claude-sync.toml", "--on-conflict", "backup"];
    let refused = sandbox.cs(&apply).code(1);
    let plan =
        "Look at it with cs plan --profile dotfiles/claude-sync.toml --on-conflict backup, then: cs apply ";
    assert!(refused.err.contains(plan), "{refused}");
    copied(&sandbox, &refused, "then: ").ok();
    assert_eq!(sandbox.read(".claude/agents/x.md"), AGENT);
}

#[test]
fn a_yes_to_others_hooks_is_whole_and_said_again() {
    let Some(team) = Team::new() else { return };
    let (profile, commit) = (team.profile(), team.git(&["rev-parse", "HEAD"]));
    let apply = |trust: &str| team.cs(&["apply", "--profile", &profile, "--trust", trust]).code(1);
    for (wrong, why) in [
        (&commit[..7], "is not enough: it takes the whole id of the commit."),
        (&"0".repeat(40), "names another commit."),
    ] {
        let refused = apply(wrong);
        assert!(refused.err.contains(&format!("Nothing was changed. --trust {wrong} {why}")), "{refused}");
        assert!(refused.err.contains("nobody has said yes to"), "{refused}");
    }
    assert!(!team.sandbox.root().exists());
    // The plan wants a yes, too, and that one may be said beforehand.
    let refused = apply(&commit);
    assert!(refused.err.contains("this wants a yes"), "{refused}");
    copied(&team.sandbox, &refused, "then: ").ok();
    team.cs(&["verify"]).ok();
    team.sandbox.script("team/claude/hooks/mark.sh", "#!/bin/sh\necho two\n");
    let new = team.commit("Say two");
    let refused = team.cs(&["update", "team", "--trust", &new[..12]]).code(1);
    assert!(refused.err.contains("takes the whole id of the commit"), "{refused}");
    assert!(refused.err.contains(&format!("then: cs update team --trust {new}")), "{refused}");
    copied(&team.sandbox, &refused, "then: ").ok();
    team.cs(&["apply", "--yes"]).ok();
    // As it is where nothing was said at all.
    team.sandbox.script("team/claude/hooks/mark.sh", "#!/bin/sh\necho three\n");
    team.commit("Say three");
    let refused = team.cs(&["update"]).code(1);
    copied(&team.sandbox, &refused, "then: ").ok();
    team.cs(&["apply", "--yes"]).ok();
    assert!(team.sandbox.read(".claude/hooks/mark").contains("three"));
}

/// Whoever has nothing yet is told how to have it: without losing what is applied already.
#[test]
fn the_hooks_that_learn_are_there_after_what_is_told() {
    let asks = [&["learn", "show"][..], &["mesh", "status"], &["mesh", "sync", "--ssh", "bee"]];
    let told = |sandbox: &Sandbox| {
        let said = asks.map(|args| sandbox.cs(args).code(1).err);
        assert!(said.iter().all(|own| *own == said[0]), "{said:?}");
        let acked = sandbox.cs(&["agents", "ack", "hpc-advisor", "--useful", "yes"]).code(1).err;
        assert_eq!(acked.lines().last(), said[0].lines().last());
        said[0].clone()
    };
    let learns = |sandbox: &Sandbox| {
        assert!(sandbox.path(".claude/hooks/learning-collector").exists());
        sandbox.cs(&["learn", "show"]).ok();
        sandbox.cs(&["mesh", "status"]).ok();
    };
    // A fresh machine: there are no sessions to learn from either.
    let sandbox = Sandbox::new();
    let said = told(&sandbox);
    assert!(said.ends_with("\n\nThe hooks that learn: cs apply --profile builtin:learning\n"), "{said}");
    assert!(sandbox.cs(&["stats"]).ok().out.contains("learn: cs apply --profile builtin:learning"));
    fs::create_dir_all(sandbox.path(".claude/projects")).expect("a folder");
    assert!(told(&sandbox).contains("earlier sessions: cs learn import\n"), "{}", told(&sandbox));
    sandbox.cs(&["learn", "import", "--dry-run"]).ok();
    sandbox.shell("cs apply --profile builtin:learning --yes").ok();
    learns(&sandbox);
    assert!(sandbox.cs(&["stats"]).ok().out.contains("Claude Code calls them from its next session on."));
    fs::remove_dir_all(sandbox.path(".claude/learning")).expect("there");
    assert!(told(&sandbox).contains("Claude Code calls them from its next session on."));

    // A profile of one's own stays the one that is applied.
    let sandbox = applied();
    let said = told(&sandbox);
    let next = "put \"builtin:learning\" into `extends` of ~/dotfiles/claude-sync.toml, then: cs apply\n";
    assert!(said.ends_with(next), "{said}");
    let own = sandbox.read("dotfiles/claude-sync.toml");
    let own = own.replace("format = 1\n", "format = 1\nextends = [\"builtin:learning\"]\n");
    sandbox.write("dotfiles/claude-sync.toml", &own);
    sandbox.shell("cs apply --yes").ok();
    learns(&sandbox);
    assert!(sandbox.path(".claude/agents/x.md").exists());
    // Who has said no to it is told where.
    fs::remove_dir_all(sandbox.path(".claude/learning")).expect("there");
    sandbox.write("dotfiles/claude-sync.toml", format!("{own}[learning]\nenabled = false\n"));
    sandbox.shell("cs apply --yes").ok();
    let said = told(&sandbox);
    assert!(said.contains("~/dotfiles/claude-sync.toml has `[learning] enabled = false`"), "{said}");

    let sandbox = Sandbox::new();
    sandbox.cs(&["apply", "--yes", "--profile", "builtin:default"]).ok();
    let said = told(&sandbox);
    let next = "extends = [\"builtin:default\", \"builtin:learning\"]: cs init --empty DIR begins one\n";
    assert!(said.ends_with(next), "{said}");
}

/// The first steps between machines, on one that has nothing yet.
#[test]
fn a_fresh_machine_can_trust_and_be_trusted() {
    let sandbox = Sandbox::new();
    let other = "SHA256:ujx+DO0HSW9DLAOuEb0VXUB+vDagWLfylbKG1d2AsRQ";
    // What is refused makes nothing.
    sandbox.cs(&["trust", "add", &other[..20], "bee"]).code(1);
    sandbox.cs(&["trust", "revoke", "bee"]).code(1);
    assert!(!sandbox.root().exists());
    sandbox.cs(&["trust", "add", other, "bee"]).ok();
    let mode = |path: &str| fs::metadata(sandbox.path(path)).expect("there").permissions().mode() & 0o777;
    assert_eq!([".claude", ".claude/learning", ".claude/learning/hosts"].map(mode), [0o700; 3]);
    assert_eq!(mode(".claude/learning/.gitignore"), 0o600);
    assert_eq!(sandbox.read(".claude/learning/.gitignore"), "*\n");
    assert!(sandbox.cs(&["trust", "list"]).ok().out.contains(other));

    let said = sandbox.cs(&["identity"]).ok();
    let next = "fingerprint  none yet: the key that has one is made by   ";
    let (_, next) = said.out.split_once(next).unwrap_or_else(|| panic!("{said}"));
    let adopted = sandbox.shell(next.lines().next().unwrap_or_default()).ok();
    assert!(adopted.out.contains("fingerprint  SHA256:"), "{adopted}");
    assert!(sandbox.cs(&["identity"]).ok().out.contains("fingerprint  SHA256:"));
    let said = sandbox.cs(&["mesh", "status"]).ok();
    assert!(said.out.contains("bee") && said.out.contains("has told nothing yet"), "{said}");
    // So it is with the hooks that learn.
    let sandbox = Sandbox::new();
    sandbox.cs(&["apply", "--yes", "--profile", "builtin:learning"]).ok();
    assert!(sandbox.cs(&["identity"]).ok().out.contains("fingerprint  SHA256:"));
}

/// A slip in a path is no matter of the disk.
#[test]
fn a_path_that_leads_nowhere_is_to_be_looked_at() {
    let sandbox = Sandbox::new();
    sandbox.write("dotfiles/file", "");
    let is_not_there = "It is not there, or no folder that it could be in: look whether the path is right.";
    for (args, next) in [
        (&["apply", "/nope.plan"][..], is_not_there),
        (&["init", "/proc/x"], is_not_there),
        (&["plan", "--profile", "builtin:default", "--out", "nope/x"], is_not_there),
        (&["init", "dotfiles/file/x"], "move it away, or take another path"),
        (&["apply", "dotfiles"], "It is a folder, and should be a file: look whether the path is right."),
        (&["apply", "--project", "nofolder"], "Was it meant for --project? cs apply --project=nofolder"),
    ] {
        let refused = sandbox.cs(args).code(1);
        assert!(refused.err.contains(next) && !refused.err.contains("dmesg"), "{refused}");
    }
}

#[test]
fn dotfiles_that_were_moved_are_named_where_they_are() {
    let sandbox = applied();
    fs::rename(sandbox.path("dotfiles"), sandbox.path("moved")).expect("moved");
    for command in ["plan", "apply", "capture", "update"] {
        let refused = sandbox.cs(&[command]).code(1);
        let told =
            "error: the profile that was applied last is not there any more: ~/dotfiles/claude-sync.toml\n";
        assert!(refused.err.starts_with(told), "{refused}");
        assert!(refused.err.contains("cs plan --profile FILE, then cs apply --profile FILE."), "{refused}");
    }
    assert!(sandbox.cs(&["status"]).ok().out.contains("cs plan says why"));
    sandbox.cs(&["plan", "--profile", "moved/claude-sync.toml"]).ok();
    sandbox.cs(&["apply", "--yes", "--profile", "moved/claude-sync.toml"]).ok();
    sandbox.cs(&["plan"]).ok();
    fs::rename(sandbox.path("moved"), sandbox.path("away")).expect("moved");
    sandbox.cs(&["rollback", "--yes"]).ok();
    sandbox.cs(&["uninstall", "--yes"]).ok();
}

/// To root every folder is open, but not to a root without its privileges.
fn as_a_user(sandbox: &Sandbox, args: &[&str]) -> Option<Ran> {
    let own = sandbox.command(args);
    let is_root = fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0);
    let mut command = match is_root {
        true => Command::new("setpriv"),
        false => Command::new(own.get_program()),
    };
    if is_root {
        command.args(["--inh-caps=-all", "--bounding-set=-all", "--"]).arg(own.get_program());
    }
    let variables = own.get_envs().filter_map(|(name, value)| Some((name, value?)));
    command.args(own.get_args()).env_clear().envs(variables).current_dir(sandbox.home());
    let output = command.output().ok().map(ran).filter(|ran| !matches!(ran.code, 126 | 127));
    if output.is_none() {
        skipped("root can't do without its privileges here");
    }
    output
}

#[test]
fn a_folder_that_is_closed_is_opened() {
    let sandbox = applied();
    sandbox.profile("settings.model = \"haiku\"\n");
    fs::set_permissions(sandbox.root(), fs::Permissions::from_mode(0o555)).expect("chmod");
    let Some(refused) = as_a_user(&sandbox, &["apply", "--yes"]) else { return };
    assert!(refused.code == 1 && refused.err.contains("its folder is read-only"), "{refused}");
    let next = "Nothing was changed. Open the folder: ";
    assert!(refused.err.ends_with(&format!("{next}chmod u+w ~/.claude\n")), "{refused}");
    copied(&sandbox, &refused, next).ok();
    as_a_user(&sandbox, &["apply", "--yes"]).expect("as before").ok();
    assert!(sandbox.read(".claude/settings.json").contains("haiku"));
}

#[test]
fn a_project_is_there_and_no_other_folder_is_named_beside_it() {
    let sandbox = Sandbox::new();
    sandbox.profile("settings.model = \"opus\"\n").write("file", "");
    let apply = ["apply", "--yes", "--profile", "dotfiles/claude-sync.toml"];
    let with = |more: &[&str]| sandbox.cs(&[&apply[..], more].concat());
    let refused = with(&["--project", "./my work"]).code(1);
    assert!(refused.err.starts_with("error: there is no folder ~/my work\n"), "{refused}");
    assert!(refused.err.contains("Look whether the path is right"), "{refused}");
    assert!(!sandbox.path("my work").exists());
    copied(&sandbox, &refused, "for a new project: ").ok();
    with(&["--project", "./my work"]).ok();
    assert!(sandbox.path("my work/.claude/settings.json").exists());
    let refused = with(&["--project", "./file"]).code(1);
    assert!(refused.err.starts_with("error: there is no folder ~/file\n"), "{refused}");
    assert!(refused.err.contains("It is something else") && !refused.err.contains("mkdir"), "{refused}");
    // One would win in silence.
    let before = sandbox.tree();
    for args in [["--root", "other", "--project", "./my work"], ["--project", "./my work", "--root", "other"]]
    {
        let refused = with(&args).code(2);
        assert!(
            refused.err.contains("--root and --project both say which folder this is about"),
            "{refused}"
        );
    }
    let early = ["--root", "other", "status", "--project=my work", "--json"];
    assert_eq!(sandbox.cs(&early).code(2).json()["exit_code"], 2);
    assert!(!sandbox.path("other").exists() && sandbox.tree() == before);
}
