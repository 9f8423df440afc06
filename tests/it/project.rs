//! A project's own `.claude`: what is meant for everybody is there for everybody who clones it.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use crate::sandbox::{Ran, Sandbox, ran};

/// Everything a project can share, from a profile in the project itself.
const PROFILE: &str = r#"format = 1
extends = ["builtin:guarded"]
[settings]
model = "opus"
[hooks.check]
event = "Stop"
source = "hooks/check.sh"
[agents.reviewer]
source = "agents/reviewer.md"
[commands.go]
source = "commands/go.md"
[rules.style]
text = "be plain\n"
[skills.pdf]
source = "skills/pdf"
"#;

/// What of it is a file in `.claude`, with its source below `work/claude`.
const FILES: [(&str, &str); 5] = [
    ("hooks/check", "hooks/check.sh"),
    ("agents/reviewer.md", "agents/reviewer.md"),
    ("commands/go.md", "commands/go.md"),
    ("skills/pdf/SKILL.md", "skills/pdf/SKILL.md"),
    ("skills/pdf/more/run.sh", "skills/pdf/more/run.sh"),
];

const APPLY: &[&str] = &["apply", "--yes", "--project", "work", "--profile", "work/claude/claude-sync.toml"];

fn git(sandbox: &Sandbox, folder: &str, args: &[&str]) -> String {
    let mut git = Command::new("git");
    git.args(["-c", "user.name=n", "-c", "user.email=e@x", "-c", "protocol.file.allow=always"]).args(args);
    let ran = git.current_dir(sandbox.path(folder)).env("HOME", sandbox.home()).output().expect("git runs");
    assert!(ran.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&ran.stderr));
    String::from_utf8(ran.stdout).expect("UTF-8")
}

/// A repository in `work`, with the profile and its sources in `work/claude`.
fn project() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox
        .write("work/claude/claude-sync.toml", PROFILE)
        .script("work/claude/hooks/check.sh", "#!/bin/sh\nexit 0\n")
        .write("work/claude/agents/reviewer.md", "---\nname: reviewer\ndescription: reviews\n---\nReview.\n")
        .write("work/claude/commands/go.md", "Go.\n")
        .write("work/claude/skills/pdf/SKILL.md", "---\nname: pdf\ndescription: reads\n---\n")
        .script("work/claude/skills/pdf/more/run.sh", "#!/bin/sh\n");
    git(&sandbox, "work", &["init", "-q"]);
    sandbox
}

fn apply(sandbox: &Sandbox, more: &[&str]) -> Ran {
    sandbox.cs(&[APPLY, more].concat()).ok()
}

/// The codes of what `cs doctor` finds.
fn findings(sandbox: &Sandbox, project: &str) -> Vec<String> {
    let found = sandbox.cs(&["doctor", "--json", "--project", project]).json();
    let codes = found["findings"].as_array().expect("a list").iter();
    codes
        .filter_map(|own| own["code"].as_str())
        .filter(|code| *code != "client-missing")
        .map(str::to_owned)
        .collect()
}

/// Every file below a folder, but for git's.
fn files(folder: &Path, found: &mut Vec<std::path::PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()) {
        let is_link = fs::symlink_metadata(&entry).expect("there").is_symlink();
        match entry.is_dir() && !is_link {
            true if entry.ends_with(".git") => {}
            true => files(&entry, found),
            false => found.push(entry),
        }
    }
}

#[test]
fn a_clone_has_what_the_project_shares_and_nothing_of_the_machine() {
    let sandbox = project();
    let said = apply(&sandbox, &["--gitignore"]);
    assert!(
        said.out.contains(".claude/settings.local.json and .claude/hooks/intelligent-optimizer"),
        "{said}"
    );
    assert_eq!(findings(&sandbox, "work"), [""; 0]);
    git(&sandbox, "work", &["add", "-A"]);
    git(&sandbox, "work", &["commit", "-qm", "all of it"]);
    git(&sandbox, "", &["clone", "-q", "work", "clone"]);
    for (path, source) in FILES {
        let file = sandbox.path(&format!("clone/.claude/{path}"));
        let source = sandbox.path(&format!("work/claude/{source}"));
        assert!(fs::symlink_metadata(&file).expect("there").is_file(), "{path}");
        assert_eq!(fs::read(&file).expect("readable"), fs::read(&source).expect("readable"), "{path}");
        let mode = |path: &Path| fs::metadata(path).expect("there").permissions().mode() & 0o111;
        assert_eq!(mode(&file), mode(&source), "{path}");
    }
    assert_eq!(sandbox.read("clone/.claude/rules/style.md"), "be plain\n");
    let mut found = Vec::new();
    files(&sandbox.path("clone"), &mut found);
    let home = sandbox.home().display().to_string();
    for file in found {
        assert!(!fs::symlink_metadata(&file).expect("there").is_symlink(), "{}", file.display());
        let text = String::from_utf8(fs::read(&file).expect("readable")).expect("UTF-8");
        assert!(!text.contains(&home) && !text.contains("~/work"), "{}: {text}", file.display());
    }
    assert!(!sandbox.path("clone/.claude/settings.local.json").exists());
    assert!(!sandbox.path("clone/.claude/hooks/intelligent-optimizer").exists());
    assert_eq!(findings(&sandbox, "clone"), [""; 0]);
}

/// Who works in a clone applies the project's profile there: what came with the clone is as declared.
#[test]
fn applying_in_a_clone_takes_over_what_is_there_and_gives_it_back() {
    let sandbox = project();
    apply(&sandbox, &["--gitignore"]);
    git(&sandbox, "work", &["add", "-A"]);
    git(&sandbox, "work", &["commit", "-qm", "all of it"]);
    git(&sandbox, "", &["clone", "-q", "work", "clone"]);
    let there = ["--yes", "--project", "clone"];
    let args = [&["apply", "--profile", "clone/claude/claude-sync.toml"][..], &there].concat();
    sandbox.cs(&args).ok();
    assert_eq!(git(&sandbox, "clone", &["status", "--porcelain"]), "");
    // What comes with a pull is as declared, too.
    let agent = "---\nname: reviewer\ndescription: reviews\n---\nReview well.\n";
    sandbox.write("clone/claude/agents/reviewer.md", agent).write("clone/.claude/agents/reviewer.md", agent);
    sandbox.cs(&args).ok();
    assert_eq!(sandbox.read("clone/.claude/agents/reviewer.md"), agent);
    sandbox.cs(&["verify", "--project", "clone"]).ok();
    git(&sandbox, "clone", &["checkout", "-q", "."]);
    sandbox.cs(&args).ok();
    sandbox.cs(&[&["uninstall"][..], &there].concat()).ok();
    assert_eq!(git(&sandbox, "clone", &["status", "--porcelain"]), "");
}

/// Whoever has a fresh clone before them is told what its profile is for, until they have applied it.
#[test]
fn a_clone_s_profile_is_pointed_out_to_who_has_another() {
    let sandbox = Sandbox::new();
    sandbox.write("clone/claude-sync.toml", "format = 1\n[settings]\neffortLevel = \"high\"\n");
    sandbox.cs(&["apply", "--yes", "--profile", "builtin:minimal"]).ok();
    let in_clone = |args: &[&str]| {
        let out = sandbox.command(args).current_dir(sandbox.path("clone")).output().expect("cs runs");
        ran(out).ok().out
    };
    let hint = "claude-sync.toml here is another profile.   cs plan --project shows it for this folder";
    for args in [["status"], ["plan"]] {
        assert!(in_clone(&args).lines().any(|line| line == hint), "{args:?}");
        assert!(!sandbox.cs(&args).ok().out.contains(hint), "elsewhere");
    }
    in_clone(&["apply", "--yes", "--profile", "claude-sync.toml", "--project"]);
    assert!(!in_clone(&["status"]).contains(hint), "it is applied");
    // One's own dotfiles, by whatever link one came there.
    sandbox.write("dots/claude-sync.toml", "format = 1\n").write("dots/mine.toml", "format = 1\n");
    std::os::unix::fs::symlink(sandbox.path("dots"), sandbox.path("link")).expect("a link");
    sandbox.cs(&["apply", "--yes", "--profile", "link/mine.toml"]).ok();
    let out = sandbox.command(&["status"]).current_dir(sandbox.path("dots")).output().expect("cs runs");
    assert!(!ran(out).ok().out.contains(hint), "it belongs to the profile in use");
}

/// As an older cs left it: links, which nobody else can follow.
#[test]
fn a_project_full_of_links_becomes_copies() {
    let sandbox = project();
    sandbox
        .write("work/.claude/skills/pdf/SKILL.md", "the team's own\n")
        .write("work/.claude/skills/pdf/mine", "mine\n");
    let links = PROFILE.replacen("format = 1\n", "format = 1\nmode = \"link\"\n", 1);
    sandbox.write("work/claude/claude-sync.toml", &links);
    apply(&sandbox, &["--on-conflict", "backup"]);
    let before = git(&sandbox, "work", &["status", "--porcelain", "-uall"]);
    assert!(before.contains(".claude/skills/pdf\n"), "{before}");
    let told = findings(&sandbox, "work");
    assert_eq!(told, ["link-not-shared"; 6]);
    sandbox.write("work/claude/claude-sync.toml", PROFILE);
    let plan = sandbox.cs(&["plan", "--project", "work"]).ok();
    assert!(plan.out.contains("~ skills/pdf/more/run.sh"), "{plan}");
    assert!(plan.out.contains("becomes a copy, from a link"), "{plan}");
    apply(&sandbox, &["--gitignore"]);
    for (path, source) in FILES {
        assert!(
            fs::symlink_metadata(sandbox.path(&format!("work/.claude/{path}"))).expect("there").is_file(),
            "{path}"
        );
        assert_eq!(
            sandbox.read(&format!("work/.claude/{path}")),
            sandbox.read(&format!("work/claude/{source}"))
        );
    }
    assert_eq!(sandbox.read("work/.claude/skills/pdf/mine"), "mine\n", "what the link hid is there again");
    assert_eq!(findings(&sandbox, "work"), [""; 0]);
    sandbox.cs(&["verify", "--project", "work"]).ok();
    assert!(apply(&sandbox, &[]).out.contains("Up to date"));
    sandbox.cs(&["uninstall", "--yes", "--project", "work"]).ok();
    assert_eq!(sandbox.read("work/.claude/skills/pdf/SKILL.md"), "the team's own\n");
    assert_eq!(sandbox.read("work/.claude/skills/pdf/mine"), "mine\n");
    assert!(!sandbox.path("work/.claude/skills/pdf/more").exists());
    assert!(!sandbox.path("work/.claude/agents").exists());
}

/// Links, copies, and back to the generation with links: each is whole.
#[test]
fn going_back_to_links_and_forth_to_copies() {
    let sandbox = project();
    let links = PROFILE.replacen("format = 1\n", "format = 1\nmode = \"link\"\n", 1);
    sandbox.write("work/claude/claude-sync.toml", &links);
    apply(&sandbox, &[]);
    sandbox.write("work/claude/claude-sync.toml", PROFILE);
    apply(&sandbox, &[]);
    sandbox.cs(&["rollback", "--yes", "--project", "work"]).ok();
    let is_link = |path: &str| fs::symlink_metadata(sandbox.path(path)).expect("there").is_symlink();
    assert!(is_link("work/.claude/skills/pdf") && is_link("work/.claude/agents/reviewer.md"));
    sandbox.cs(&["verify", "--project", "work"]).ok();
    sandbox.cs(&["rollback", "2", "--yes", "--project", "work"]).ok();
    assert!(!is_link("work/.claude/skills/pdf") && !is_link("work/.claude/skills/pdf/SKILL.md"));
    sandbox.cs(&["verify", "--project", "work"]).ok();
    sandbox.cs(&["uninstall", "--yes", "--purge", "--project", "work"]).ok();
    assert!(!sandbox.path("work/.claude").exists());
}

#[test]
fn a_copy_that_was_edited_is_drift_and_can_be_captured() {
    let sandbox = project();
    apply(&sandbox, &[]);
    sandbox.write("work/.claude/skills/pdf/SKILL.md", "---\nname: pdf\ndescription: reads well\n---\n");
    sandbox.write("work/.claude/skills/pdf/theirs", "somebody's own\n");
    sandbox.cs(&["verify", "--project", "work"]).code(1);
    let status = sandbox.cs(&["status", "--project", "work"]).ok();
    assert!(status.out.contains("skills/pdf/SKILL.md was edited outside cs"), "{status}");
    sandbox.cs(&["capture", "--only", "*SKILL.md", "--yes", "--project", "work"]).ok();
    assert!(sandbox.read("work/claude/skills/pdf/SKILL.md").contains("reads well"));
    apply(&sandbox, &[]);
    sandbox.cs(&["verify", "--project", "work"]).ok();
    // Taken out of the profile, ours goes and nothing else.
    let less = PROFILE.split("[skills.pdf]").next().expect("a part").to_owned();
    sandbox.write("work/claude/claude-sync.toml", less);
    apply(&sandbox, &[]);
    assert!(!sandbox.path("work/.claude/skills/pdf/SKILL.md").exists());
    assert_eq!(sandbox.read("work/.claude/skills/pdf/theirs"), "somebody's own\n");
}

/// The user's own root runs its hooks in every project: a second collector would count everything twice. A guard with
/// rules of its own stays.
#[test]
fn bundled_hooks_that_the_user_has_are_left_out_of_a_project() {
    let sandbox = project();
    sandbox.profile("extends = [\"builtin:learning\"]\n").apply();
    sandbox.write("work/claude/claude-sync.toml", "format = 1\nextends = [\"builtin:learning\"]\n");
    let said = apply(&sandbox, &[]);
    assert!(said.out.contains("Left out, since your own root runs it in every project: "), "{said}");
    assert!(
        !sandbox.path("work/.claude/hooks").exists()
            && !sandbox.path("work/.claude/settings.local.json").exists()
    );
    let own = "format = 1\nextends = [\"builtin:learning\"]\n[guard]\ngit = \"deny\"\n";
    sandbox.write("work/claude/claude-sync.toml", own);
    apply(&sandbox, &[]);
    let hooks = fs::read_dir(sandbox.path("work/.claude/hooks")).expect("a folder");
    let names: Vec<_> = hooks.map(|own| own.expect("an entry").file_name()).collect();
    assert_eq!(names, ["intelligent-optimizer"]);
    sandbox.cs(&["uninstall", "--yes"]).ok();
    apply(&sandbox, &[]);
    assert!(sandbox.path("work/.claude/hooks/learning-collector").exists(), "nobody else runs it now");
}

/// A hook that the team has decided on is wired in what is committed, and by a path that every clone has.
#[test]
fn a_shared_hook_runs_in_every_clone() {
    let sandbox = project();
    let mine = "{\n  \"theirs\": 1\n}\n";
    let shared = PROFILE.replace("event = \"Stop\"\n", "event = \"Stop\"\nshared = true\n");
    sandbox
        .write("work/.claude/settings.json", mine)
        .write("work/claude/claude-sync.toml", &shared)
        .script("work/claude/hooks/check.sh", "#!/bin/sh\necho checked\n");
    apply(&sandbox, &["--gitignore"]);
    let entry = "\"\\\"$CLAUDE_PROJECT_DIR\\\"/.claude/hooks/check\"";
    assert!(sandbox.read("work/.claude/settings.json").contains(entry));
    let local = || sandbox.read("work/.claude/settings.local.json");
    assert!(
        local().contains("hooks/intelligent-optimizer") && !local().contains("hooks/check"),
        "{}",
        local()
    );
    assert!(apply(&sandbox, &[]).out.contains("Up to date: generation 1."));
    assert!(sandbox.cs(&["plan", "--project", "work"]).ok().out.starts_with("Up to date"));
    sandbox.cs(&["verify", "--project", "work"]).ok();
    assert_eq!(findings(&sandbox, "work"), [""; 0]);
    let status = sandbox.cs(&["status", "--project", "work"]).ok();
    assert!(status.out.contains("1 bundled, 1 yours, all runnable"), "{status}");
    let why = sandbox.cs(&["why", "hooks.check", "--project", "work"]).ok();
    assert!(why.out.contains("hooks.Stop"), "{why}");
    git(&sandbox, "work", &["add", "-A"]);
    git(&sandbox, "work", &["commit", "-qm", "all of it"]);
    git(&sandbox, "", &["clone", "-q", "work", "clone"]);

    // Whoever clones it has it, and need not have cs.
    assert!(sandbox.read("clone/.claude/settings.json").contains(entry));
    let clone: serde_json::Value =
        serde_json::from_str(&sandbox.read("clone/.claude/settings.json")).expect("JSON");
    let command = clone["hooks"]["Stop"][0]["hooks"][0]["command"].as_str().expect("a command");
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", command]).env("CLAUDE_PROJECT_DIR", sandbox.path("clone")).current_dir("/");
    assert_eq!(shell.output().expect("sh runs").stdout, b"checked\n");
    assert_eq!(findings(&sandbox, "clone"), [""; 0]);
    let there = ["--yes", "--project", "clone"];
    sandbox.cs(&[&["apply", "--profile", "clone/claude/claude-sync.toml"][..], &there].concat()).ok();
    assert_eq!(git(&sandbox, "clone", &["status", "--porcelain"]), "");
    sandbox.cs(&[&["uninstall"][..], &there].concat()).ok();
    assert_eq!(git(&sandbox, "clone", &["status", "--porcelain"]), "");

    // Others who may write it could make everybody run something else.
    let copy = sandbox.path("work/.claude/hooks/check");
    fs::set_permissions(&copy, fs::Permissions::from_mode(0o757)).expect("chmod");
    assert!(findings(&sandbox, "work").contains(&"hook-writable-by-others".to_owned()));
    fs::set_permissions(&copy, fs::Permissions::from_mode(0o755)).expect("chmod");

    // One's own again, and back.
    sandbox.write("work/claude/claude-sync.toml", PROFILE);
    apply(&sandbox, &[]);
    assert!(local().contains("hooks/check") && !sandbox.read("work/.claude/settings.json").contains("hooks"));
    sandbox.cs(&["rollback", "--yes", "--project", "work"]).ok();
    assert!(!local().contains("hooks/check") && sandbox.read("work/.claude/settings.json").contains(entry));
    sandbox.cs(&["verify", "--project", "work"]).ok();
    sandbox.cs(&["uninstall", "--yes", "--project", "work"]).ok();
    assert_eq!(sandbox.read("work/.claude/settings.json"), mine);
    assert!(!copy.exists());
}

/// What names a shared hook goes with its file, and is not there without it.
#[test]
fn a_shared_hook_that_is_not_there_is_not_named() {
    let sandbox = project();
    let shared = PROFILE.replace("event = \"Stop\"\n", "event = \"Stop\"\nshared = true\n");
    let settings = || sandbox.read("work/.claude/settings.json");
    sandbox.write("work/claude/claude-sync.toml", &shared).write("work/.claude/hooks/check", "mine");
    let skipped = apply(&sandbox, &["--on-conflict", "skip"]);
    assert!(skipped.out.contains("left out: it would run hooks/check"), "{skipped}");
    assert!(!settings().contains("hooks/check"));
    fs::remove_file(sandbox.path("work/.claude/hooks/check")).expect("removed");
    apply(&sandbox, &[]);
    // Edited, it reads as somebody else's; once the file is gone, it would run nothing.
    let edited = settings().replace("\"Stop\"", "\"SubagentStop\"");
    sandbox.write("work/.claude/settings.json", edited);
    sandbox.write("work/claude/claude-sync.toml", PROFILE.replace("[hooks.check]", "[hooks.other]"));
    apply(&sandbox, &[]);
    assert!(!settings().contains("hooks/check"), "{}", settings());
    // Nowhere but in a project.
    sandbox.write("work/claude/claude-sync.toml", &shared);
    let user = sandbox.cs(&["plan", "--profile", "work/claude/claude-sync.toml"]).code(1);
    assert!(user.err.contains("[hooks.check] can't be shared: this is no project's root"), "{user}");
}

/// In a project what is there, and as declared, is taken over without a question. So it is given back without one.
#[test]
fn what_nobody_asked_to_be_taken_over_stays() {
    let sandbox = Sandbox::new();
    let text = "---\nname: a\ndescription: d\n---\nMine.\n";
    sandbox.write("w/.claude/agents/a.md", text).write("w/a.md", text).write("w/.git/HEAD", "ref: x\n");
    let with = "format = 1\n[agents.a]\nsource = \"a.md\"\n[agents.b]\ntext = \"---\\nname: b\\ndescription: d\\n---\\n\"\n";
    sandbox.write("w/p.toml", with);
    let cs = |args: &[&str]| sandbox.cs(&[args, &["--project", "w", "--yes"]].concat());
    cs(&["apply", "--profile", "w/p.toml"]).ok();
    sandbox.write("w/p.toml", "format = 1\n");
    let apply = cs(&["apply"]).ok();
    assert!(apply.out.contains("no longer declared; what was there before comes back"), "{apply}");
    assert_eq!(sandbox.read("w/.claude/agents/a.md"), text);
    cs(&["rollback"]).ok();
    let gone = sandbox.cs(&["uninstall", "--dry-run", "--project", "w"]).ok();
    assert!(gone.out.contains("takes it from everybody who has the repository"), "{gone}");
    cs(&["uninstall"]).ok();
    assert_eq!(sandbox.read("w/.claude/agents/a.md"), text);
    // Taken over again, and removed by a pull that has also taken it out of the profile: it stays so.
    sandbox.write("w/p.toml", with);
    cs(&["apply", "--profile", "w/p.toml"]).ok();
    fs::remove_file(sandbox.path("w/.claude/agents/a.md")).expect("removed");
    sandbox.write("w/p.toml", "format = 1\n");
    cs(&["apply"]).ok();
    assert!(!sandbox.path("w/.claude/agents/a.md").exists());
    let dry = sandbox.cs(&["uninstall", "--purge", "--dry-run", "--project", "w"]).ok();
    assert!(dry.out.contains("all generations"), "{dry}");
    cs(&["uninstall", "--purge"]).ok();
    // Of what was kept for somebody, git is not to take anything along.
    let ignore = sandbox.path("w/.claude/claude-sync-displaced/.gitignore");
    assert_eq!(fs::read_to_string(ignore).expect("there"), "*\n");
}
