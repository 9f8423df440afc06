//! What people stumbled over who had never seen `cs`, each as they met it.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::sandbox::{Ran, Sandbox, coverage, ran};

const AGENT: &str = "---\nname: x\ndescription: d\n---\nOne.\n";

fn change(sandbox: &Sandbox, edit: impl FnOnce(&mut Value)) {
    let mut value: Value = serde_json::from_str(&sandbox.read(".claude/settings.json")).expect("JSON");
    edit(&mut value);
    sandbox.write(".claude/settings.json", serde_json::to_string_pretty(&value).expect("JSON"));
}

/// Writes a file in place, whatever its mode: as root does, and an editor that puts the mode back.
fn in_place(sandbox: &Sandbox, path: &str, text: &str) {
    let path = sandbox.path(path);
    let mode = fs::metadata(&path).expect("there").permissions();
    let mut open = mode.clone();
    std::os::unix::fs::PermissionsExt::set_mode(&mut open, 0o644);
    fs::set_permissions(&path, open).expect("chmod");
    fs::write(&path, text).expect("written");
    fs::set_permissions(&path, mode).expect("chmod");
}

/// `cs` on a terminal, with these answers. `script` gives it one.
pub fn on_a_terminal(sandbox: &Sandbox, args: &str, answers: &str) -> Ran {
    let mut command = Command::new("script");
    command
        .args(["-qec", &format!("{} {args}", env!("CARGO_BIN_EXE_cs")), "/dev/null"])
        .env_clear()
        .env("HOME", sandbox.home())
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .env("TERM", "dumb")
        .env("NO_COLOR", "1")
        .envs(coverage())
        .current_dir(sandbox.home())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().expect("script runs");
    std::io::Write::write_all(&mut child.stdin.take().expect("piped"), answers.as_bytes()).expect("answered");
    ran(child.wait_with_output().expect("it ends"))
}

/// One agent, applied, and what others then add to the settings.
fn with_news() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox
        .write("dotfiles/agents/x.md", AGENT)
        .write(".claude/settings.json", "{\n  \"theirs\": 1\n}\n")
        .profile("settings.env.A = \"1\"\n[agents.x]\nsource = \"agents/x.md\"\n");
    sandbox.apply();
    change(&sandbox, |settings| {
        settings["model"] = json!("haiku");
        settings["permissions"] = json!({"allow": ["Bash(git:*)", "Bash(make:*)"]});
        settings["enabledPlugins"] = json!({"a@b": true});
    });
    sandbox
}

#[test]
fn what_others_added_is_told_until_somebody_went_through_it() {
    let sandbox = with_news();
    let told = "4         model, permissions.allow, enabledPlugins.\"a@b\" changed outside cs   cs capture";
    let told = told.replace("4         ", "4   ");
    assert!(sandbox.cs(&["status"]).ok().out.contains(&format!("undeclared  {told}")));
    assert!(sandbox.cs(&["status", "--short"]).ok().out.contains("?4"));
    assert_eq!(sandbox.cs(&["status", "--json"]).ok().json()["undeclared"].as_array().map(Vec::len), Some(4));
    assert!(sandbox.cs(&["plan"]).ok().out.contains("4 changes outside cs are declared nowhere: model,"));
    // An apply in between is about something else.
    sandbox.profile("settings.env.A = \"2\"\n[agents.x]\nsource = \"agents/x.md\"\n");
    sandbox.cs(&["apply", "--yes"]).ok();
    assert!(sandbox.cs(&["status"]).ok().out.contains(&told));
    sandbox.cs(&["capture"]).code(1);
    assert!(sandbox.cs(&["status"]).ok().out.contains(&told), "nobody was there");
    sandbox.cs(&["capture", "--only", "model", "--yes"]).ok();
    assert!(sandbox.cs(&["status"]).ok().out.contains("undeclared  3 "));
    let said = on_a_terminal(&sandbox, "capture", "n\nx\ny\nn\n").ok();
    assert!(said.out.contains("[y]es [n]o [a]ll the rest [q]uit"), "{said}");
    assert!(said.out.contains("~/dotfiles/claude-sync.toml:"), "{said}");
    let profile = sandbox.read("dotfiles/claude-sync.toml");
    assert!(
        profile.contains("Bash(make:*)") && !profile.contains("git") && !profile.contains("a@b"),
        "{profile}"
    );
    assert!(!sandbox.cs(&["status"]).ok().out.contains("undeclared"), "what was declined is known");
    assert_eq!(sandbox.cs(&["capture", "--dry-run"]).ok().out, "Nothing was changed outside cs.\n");
    let all = sandbox.cs(&["capture", "--dry-run", "--undeclared"]).ok();
    assert!(all.out.contains("a@b") && all.out.contains("theirs"), "{all}");
}

#[test]
fn who_quits_keeps_what_was_answered_and_is_asked_again() {
    let sandbox = with_news();
    on_a_terminal(&sandbox, "capture", "y\nq\n").ok();
    let profile = sandbox.read("dotfiles/claude-sync.toml");
    assert!(profile.contains("haiku") && !profile.contains("git"), "{profile}");
    assert!(sandbox.cs(&["status"]).ok().out.contains("undeclared  3 "));
    on_a_terminal(&sandbox, "capture", "n\na\n").ok();
    let profile = sandbox.read("dotfiles/claude-sync.toml");
    assert!(profile.contains("make") && profile.contains("a@b") && !profile.contains("git"), "{profile}");
}

#[test]
fn a_file_edited_in_place_is_captured_and_its_store_heals() {
    let sandbox = Sandbox::new();
    sandbox
        .write("dotfiles/agents/x.md", AGENT)
        .write("dotfiles/agents/y.md", AGENT.replace('x', "y"))
        .profile(
            "[agents.x]\nsource = \"agents/x.md\"\n[agents.y]\nsource = \"agents/y.md\"\nmode = \"copy\"\n",
        );
    sandbox.apply();
    sandbox.write("dotfiles/agents/z.md", AGENT.replace('x', "z"));
    let profile = sandbox.read("dotfiles/claude-sync.toml");
    sandbox.write("dotfiles/claude-sync.toml", format!("{profile}[agents.z]\nsource = \"agents/z.md\"\n"));
    sandbox.cs(&["apply", "--yes"]).ok();
    let inode = |generation: u32| {
        let path = format!(".claude/claude-sync/generations/{generation}/files/agents/x.md");
        fs::metadata(sandbox.path(&path)).expect("stored").ino()
    };
    assert_eq!(inode(1), inode(2), "shared");
    let edited = AGENT.replace("One", "Two");
    in_place(&sandbox, ".claude/agents/x.md", &edited);
    sandbox.write(".claude/agents/y.md", edited.replace('x', "y"));
    let words = "agents/x.md was edited in place";
    for command in ["status", "verify"] {
        let said = sandbox.cs(&[command]);
        assert!(said.out.contains(words) && said.out.contains("cs capture"), "{said}");
    }
    let said = sandbox.cs(&["doctor"]);
    assert!(said.out.contains("has another content than was stored, in generation 2"), "{said}");
    sandbox.cs(&["capture", "--all", "--yes"]).ok();
    assert_eq!(sandbox.read("dotfiles/agents/x.md"), edited);
    let plan = sandbox.cs(&["plan"]).ok();
    assert!(plan.out.contains("stored anew") && !plan.out.contains("drift"), "{plan}");
    assert!(!plan.out.contains("outside cs"), "{plan}");
    assert!(sandbox.cs(&["status"]).ok().out.contains("drift       none"));
    sandbox.cs(&["apply", "--yes"]).ok();
    assert_ne!(inode(3), inode(2));
    assert_eq!(sandbox.read(".claude/agents/x.md"), edited);
    assert_eq!(sandbox.cs(&["plan", "--exit-code"]).code, 0);
    sandbox.cs(&["verify"]).ok();
    // What capture has overwritten was kept before.
    fs::remove_dir_all(sandbox.path(".claude/claude-sync/generations/1/originals")).expect("kept");
    sandbox.cs(&["rollback", "1", "--yes"]).ok();
    sandbox.cs(&["rollback", "3", "--yes"]).ok();
    for generation in ["2", "4"] {
        let kept = sandbox.path(&format!(".claude/claude-sync/generations/{generation}"));
        let (originals, stored) = (kept.join("originals"), kept.join("files/agents/x.md"));
        let there = if originals.exists() { originals } else { stored };
        let gone = if there.is_dir() { fs::remove_dir_all(there) } else { fs::remove_file(there) };
        gone.expect("gone");
    }
    let refused = sandbox.cs(&["rollback", "2", "--yes"]).code(1);
    assert!(refused.err.contains("generation 2 can't be gone back to: agents/x.md"), "{refused}");
    // Where the same is still to be had, it is.
    sandbox.write("dotfiles/agents/x.md", AGENT);
    sandbox.cs(&["rollback", "2", "--yes"]).ok();
    assert_eq!(sandbox.read(".claude/agents/x.md"), AGENT);
    sandbox.cs(&["verify"]).ok();
}

#[test]
fn an_edit_in_place_that_is_not_kept_is_undone_and_the_way_back_stays() {
    let sandbox = Sandbox::new();
    sandbox.write("dotfiles/agents/x.md", AGENT).profile("[agents.x]\nsource = \"agents/x.md\"\n");
    sandbox.apply();
    sandbox.profile("settings.model = \"opus\"\n[agents.x]\nsource = \"agents/x.md\"\n");
    sandbox.cs(&["apply", "--yes"]).ok();
    in_place(&sandbox, ".claude/agents/x.md", "Two.\n");
    sandbox.cs(&["apply", "--yes"]).ok();
    assert_eq!(sandbox.read(".claude/agents/x.md"), AGENT);
    assert_eq!(sandbox.read(".claude/claude-sync/displaced/3/agents/x.md"), "Two.\n");
    sandbox.cs(&["rollback", "1", "--yes"]).ok();
    assert_eq!(sandbox.read(".claude/agents/x.md"), AGENT);
    sandbox.cs(&["verify"]).ok();
}

#[test]
fn an_editor_that_replaces_the_link_is_captured_too() {
    let sandbox = Sandbox::new();
    sandbox.write("dotfiles/agents/x.md", AGENT).profile("[agents.x]\nsource = \"agents/x.md\"\n");
    sandbox.apply();
    fs::remove_file(sandbox.path(".claude/agents/x.md")).expect("a link");
    sandbox.write(".claude/agents/x.md", AGENT.replace("One", "Two"));
    sandbox.cs(&["capture", "--all", "--yes"]).ok();
    let plan = sandbox.cs(&["plan"]).ok();
    assert!(plan.out.contains("linked again") && !plan.out.contains("drift"), "{plan}");
    sandbox.cs(&["apply", "--yes"]).ok();
    assert!(fs::symlink_metadata(sandbox.path(".claude/agents/x.md")).expect("there").is_symlink());
    assert_eq!(sandbox.cs(&["plan", "--exit-code"]).code, 0);
}

#[test]
fn a_link_of_the_users_own_is_told_and_comes_back() {
    let sandbox = Sandbox::new();
    sandbox
        .write("dotfiles/agents/x.md", AGENT)
        .profile("adopt = true\n[agents.x]\nsource = \"agents/x.md\"\n");
    fs::create_dir_all(sandbox.path(".claude/agents")).expect("a folder");
    symlink("../../dotfiles/agents/x.md", sandbox.path(".claude/agents/x.md")).expect("a link");
    let before = sandbox.tree();
    let profile = ["--profile", "dotfiles/claude-sync.toml"];
    let plan = sandbox.cs(&[&["plan"], &profile[..]].concat()).ok();
    assert!(
        plan.out.contains(
            "your link led to ~/dotfiles/agents/x.md, which stays; cs uninstall puts the link back"
        ),
        "{plan}"
    );
    sandbox.apply();
    assert_ne!(sandbox.tree(), before);
    sandbox.cs(&["uninstall", "--yes"]).ok();
    assert_eq!(sandbox.tree(), before);
    // Killed anywhere, it is there or back.
    sandbox.cs(&["uninstall", "--purge", "--yes"]).ok();
    sandbox.keep("linked");
    for n in 1..60 {
        sandbox.fresh("linked");
        let mut command = sandbox.command(&[&["apply", "--yes"], &profile[..]].concat());
        command.env("CS_FAULT", format!("kill:{n}"));
        let _ = command.output().expect("cs runs");
        sandbox.cs(&["recover"]);
        sandbox.cs(&["uninstall", "--yes"]).ok();
        assert_eq!(sandbox.tree(), before, "killed at {n}");
    }
}

#[test]
fn a_slip_in_a_table_of_the_clients_is_told() {
    let sandbox = Sandbox::new();
    sandbox.profile(
        "[settings]\npermissions.alow = [\"x\"]\nsandbox.network.alowedDomains = []\nstatusLine = { type = \"command\", command = \"true\", paddin = 1 }\n\
         env.ALOW = \"free\"\n",
    );
    let said = sandbox.cs(&["plan", "--profile", "dotfiles/claude-sync.toml"]).ok();
    for meant in ["`allow`", "`allowedDomains`", "`padding`"] {
        assert!(said.err.contains(&format!("did you mean {meant}?")), "{said}");
    }
    assert!(!said.err.contains("ALOW"), "{said}");
}

#[test]
fn why_knows_what_our_own_output_prints() {
    let sandbox = Sandbox::new();
    sandbox.profile(
        "[settings]\npermissions.allow = [\"Bash(ls:*)\"]\nenabledPlugins.\"a@b.c\" = true\n\
         [hooks.tidy]\nevent = [\"Stop\", \"SessionEnd\"]\nmatcher = \"x\"\ncommand = \"true\"\n[mcp.gh]\ncommand = \"true\"\n",
    );
    sandbox.write(".claude/settings.json", "{\"mine\": {\"a b\": 1}}");
    sandbox.apply();
    for args in [
        &["mcp.gh"][..],
        &["mcpServers.gh"],
        &["settings.permissions.allow", "Bash(ls:*)"],
        &["permissions.allow  Bash(ls:*)"],
        &["settings.json  permissions.allow  Bash(ls:*)"],
        &["enabledPlugins.\"a@b.c\""],
        &["enabledPlugins.a@b.c"],
        &["hooks.Stop  x → true"],
        &["hooks.Stop, SessionEnd  true"],
        &["hooks.tidy"],
        &["mine.\"a b\""],
    ] {
        let said = sandbox.cs(&[&["why"], args].concat());
        assert!(
            said.code == 0 && said.out.contains("generation 1") || said.out.contains("yours"),
            "{args:?} {said}"
        );
    }
    let refused = sandbox.cs(&["why", "mcp.hg"]).code(1);
    assert!(refused.err.contains("Did you mean mcp.gh?"), "{refused}");
}

/// What lies in the root and is declared nowhere is the user's: that is said, and how it would be declared.
#[test]
fn why_knows_files_that_nobody_declared() {
    let sandbox = Sandbox::new();
    sandbox.profile("[settings]\nmodel = \"opus\"\n");
    sandbox
        .write(".claude/agents/n.md", AGENT)
        .write(".claude/skills/pdf/SKILL.md", AGENT)
        .write(".claude/hooks/fmt", "")
        .write(".claude/rules/a/b.md", "")
        .write(".claude/CLAUDE.md", "");
    sandbox.apply();
    for (asked, declared) in [
        (
            "agents/n.md",
            "copy it beside the profile as agents/n.md, with [agents.n] source = \"agents/n.md\"",
        ),
        ("agents.n", "[agents.n] source = \"agents/n.md\""),
        ("~/.claude/agents/n.md", "[agents.n] source = \"agents/n.md\""),
        ("skills/pdf/SKILL.md", "[skills.pdf] source = \"skills/pdf\""),
        ("skills.pdf", "[skills.pdf] source = \"skills/pdf\""),
        ("hooks/fmt", "[hooks.fmt] event = \"…\" and source = \"hooks/fmt\""),
        ("rules/a/b.md", "[files.\"rules/a/b.md\"] source = \"rules/a/b.md\""),
        ("CLAUDE.md", "[files.\"CLAUDE.md\"] source = \"CLAUDE.md\""),
        ("agents", "cs init DIR"),
    ] {
        let said = sandbox.cs(&["why", asked]).ok();
        assert!(
            said.out.contains("   yours, declared nowhere") && said.out.contains(declared),
            "{asked}: {said}"
        );
    }
    let json = sandbox.cs(&["why", "agents/n.md", "--json"]).ok().json();
    assert_eq!(json["entries"][0]["how"], "foreign", "{json}");
    sandbox.cs(&["why", "agents/m.md"]).code(1);
    sandbox.cs(&["why", "../dotfiles/claude-sync.toml"]).code(1);
}

/// A file that its owner may not write is replaced all the same: that is said before, and its mode stays.
#[test]
fn a_read_only_document_is_told_and_keeps_its_mode() {
    let sandbox = Sandbox::new();
    let mode = |path: &str| fs::metadata(sandbox.path(path)).expect("there").permissions().mode() & 0o7777;
    sandbox.write(".claude/settings.json", "{\"theirs\": 1}\n").profile("[settings]\nmodel = \"opus\"\n");
    fs::set_permissions(sandbox.settings(), fs::Permissions::from_mode(0o444)).expect("chmod");
    let told = "settings.json is read-only (mode 444); it is replaced all the same, and its mode stays";
    let plan = sandbox.cs(&["plan", "--profile", "dotfiles/claude-sync.toml"]).ok();
    assert!(plan.err.contains(told), "{plan}");
    let applied = sandbox.apply();
    assert!(applied.err.contains(told), "{applied}");
    assert!(sandbox.read(".claude/settings.json").contains("opus"));
    assert_eq!(mode(".claude/settings.json"), 0o444);
    // Where nothing is written there is nothing to warn of.
    let again = sandbox.cs(&["plan"]).ok();
    assert!(!again.err.contains("read-only"), "{again}");
    sandbox.cs(&["uninstall", "--yes"]).ok();
    assert_eq!(sandbox.read(".claude/settings.json"), "{\"theirs\": 1}\n");
    assert_eq!(mode(".claude/settings.json"), 0o444);
}

#[test]
fn project_is_followed_by_a_folder_only_if_one_is_meant() {
    let sandbox = Sandbox::new();
    fs::create_dir_all(sandbox.path("work")).expect("a folder");
    sandbox.profile("settings.model = \"opus\"\n");
    let root = |args: &[&str]| {
        let plan = sandbox.cs(&[args, &["--json", "--profile", "dotfiles/claude-sync.toml"]].concat()).ok();
        plan.json()["root"].as_str().expect("a root").replace(&*sandbox.home().to_string_lossy(), "~")
    };
    for args in [&["--project", "plan"][..], &["plan", "--project"], &["plan", "--project", "."]] {
        assert_eq!(root(args), "~/.claude", "{args:?}");
    }
    for args in
        [&["--project", "work", "plan"][..], &["plan", "--project", "work"], &["plan", "--project=work"]]
    {
        assert_eq!(root(args), "~/work/.claude", "{args:?}");
    }
    let refused = sandbox.cs(&["plan", "--project", "wrk"]).code(2);
    assert!(refused.err.contains("`wrk` is none"), "{refused}");
    // What is to be typed next is about the same project.
    sandbox.cs(&["apply", "--yes", "--project", "work", "--profile", "dotfiles/claude-sync.toml"]).ok();
    sandbox.profile("settings.model = \"haiku\"\n");
    let said = sandbox.cs(&["apply", "--yes", "--project", "work"]).ok();
    assert!(said.out.contains("Back: cs rollback --project work"), "{said}");
    let refused = sandbox.cs(&["rollback", "1", "--project", "work"]).code(1);
    assert!(refused.err.contains("cs rollback --project work 1 --yes"), "{refused}");
    let refused = sandbox.cs(&["why", "modl", "--project", "work"]).code(1);
    assert!(refused.err.contains("Did you mean model?"), "{refused}");
}

#[test]
fn a_first_apply_that_is_refused_leaves_nothing() {
    let sandbox = Sandbox::new();
    sandbox.write("dotfiles/agents/x.md", AGENT).profile("[agents.x]\nsource = \"agents/x.md\"\n");
    let apply = |more: &[&str]| {
        sandbox.cs(&[&["apply", "--profile", "dotfiles/claude-sync.toml"], more].concat()).code(1)
    };
    apply(&[]);
    assert!(!sandbox.root().exists());
    apply(&["--root=new/root"]);
    assert!(!sandbox.path("new").exists());
    sandbox.write(".claude/agents/x.md", "Mine.\n");
    apply(&["--yes"]);
    assert!(!sandbox.path(".claude/claude-sync").exists());
    let status = sandbox.cs(&["status"]).ok();
    assert!(status.out.contains("cs init DIR") && status.out.contains("builtin:default"), "{status}");
    sandbox.profile("");
    let plan = sandbox.cs(&["plan", "--profile", "dotfiles/claude-sync.toml"]).ok();
    assert!(plan.out.contains("the profile declares nothing yet"), "{plan}");
}

#[test]
fn what_takes_the_place_of_ours_by_our_own_doing_is_no_change_of_others() {
    let sandbox = Sandbox::new();
    sandbox.profile("settings.custom.a = 1\n");
    sandbox.apply();
    sandbox.profile("settings.custom = 1\n");
    let plan = sandbox.cs(&["plan"]).ok();
    assert!(!plan.out.contains("outside cs"), "{plan}");
    assert!(plan.out.contains("no longer declared"), "{plan}");
}

#[test]
fn what_comes_back_of_an_edit_is_said_and_true() {
    let sandbox = Sandbox::new();
    sandbox.write(".claude/settings.json", "{\n  \"model\": \"mine\"\n}\n");
    sandbox.profile("settings.model = \"opus\"\nsettings.env.A = \"1\"\n");
    sandbox.apply();
    change(&sandbox, |settings| {
        settings["model"] = json!("haiku");
        settings["env"].as_object_mut().expect("env").remove("A");
    });
    let plan = sandbox.cs(&["plan"]).ok();
    assert!(plan.out.contains("changed outside cs; that comes back"), "{plan}");
    assert!(plan.out.contains("removed outside cs since generation 1"), "{plan}");
    sandbox.cs(&["apply", "--yes"]).ok();
    sandbox.cs(&["uninstall", "--yes"]).ok();
    assert_eq!(
        sandbox.read(".claude/settings.json").replace(char::is_whitespace, ""),
        "{\"model\":\"haiku\"}"
    );
}

#[test]
fn init_reads_settings_that_it_could_not_write() {
    let sandbox = Sandbox::new();
    sandbox.write("store/settings.json", "{\"model\": \"opus\"}");
    fs::create_dir_all(sandbox.root()).expect("a folder");
    symlink("../store/link", sandbox.settings()).expect("a link");
    symlink("settings.json", sandbox.path("store/link")).expect("a link");
    let said = sandbox.cs(&["init", "dotfiles/claude"]).ok();
    assert!(sandbox.read("dotfiles/claude/claude-sync.toml").contains("model = \"opus\""));
    assert!(said.err.contains("cs apply will refuse until that is mended"), "{said}");
}

#[test]
fn a_hook_that_is_captured_stands_with_the_others() {
    let sandbox = Sandbox::new();
    sandbox.profile("[hooks.a]\nevent = \"Stop\"\ncommand = \"true\"   # fine\n\n[mcp.x]\ncommand = \"true\"\n\n# That is all.\n# [agents.x]\n");
    sandbox.apply();
    change(&sandbox, |settings| {
        settings["hooks"]["SessionEnd"] =
            json!([{"hooks": [{"type": "command", "command": "npm run tidy"}]}]);
    });
    sandbox.cs(&["capture", "--all", "--yes"]).ok();
    assert_eq!(
        sandbox.read("dotfiles/claude-sync.toml"),
        "format = 1\n[hooks.a]\nevent = \"Stop\"\ncommand = \"true\"   # fine\n\n[hooks.npm]\nevent = \"SessionEnd\"\ncommand = \"npm run tidy\"\n\n[mcp.x]\ncommand = \"true\"\n\n# That is all.\n# [agents.x]\n"
    );
}

#[test]
fn git_is_told_what_is_not_to_be_committed_and_uninstall_takes_it_back() {
    let sandbox = Sandbox::new();
    fs::create_dir_all(sandbox.path("work")).expect("a folder");
    let mut git = Command::new("git");
    git.args(["init", "-q"]).current_dir(sandbox.path("work")).env("HOME", sandbox.home());
    assert!(git.status().expect("git runs").success());
    sandbox.profile("[hooks.a]\nevent = \"Stop\"\ncommand = \"true\"\n");
    let apply = ["apply", "--yes", "--project", "work", "--profile", "dotfiles/claude-sync.toml"];
    let line = ".claude/settings.local.json";
    for original in [None, Some("target"), Some("target\n"), Some("")] {
        let file = sandbox.path("work/.gitignore");
        let _ = fs::remove_file(&file);
        if let Some(text) = original {
            sandbox.write("work/.gitignore", text);
        }
        let said = sandbox.cs(&apply).ok();
        assert!(said.out.contains(&format!("Not ignored by git: {line}")), "{said}");
        assert!(said.out.contains("cs apply --project work --gitignore"), "{said}");
        assert_eq!(fs::read_to_string(&file).ok().as_deref(), original, "only said");
        sandbox.cs(&[&apply[..], &["--gitignore"]].concat()).ok();
        assert_eq!(sandbox.read("work/.gitignore").lines().last(), Some(line));
        let again = sandbox.cs(&[&apply[..], &["--gitignore"]].concat()).ok();
        assert!(!again.out.contains("gitignore"), "{again}");
        sandbox.cs(&["uninstall", "--purge", "--yes", "--project", "work"]).ok();
        assert_eq!(fs::read_to_string(&file).ok().as_deref(), original, "back");
    }
    sandbox.write("work/.gitignore", "*.local.json\n");
    assert!(!sandbox.cs(&apply).ok().out.contains("ignored by git"));
    sandbox.cs(&["uninstall", "--purge", "--yes", "--project", "work"]).ok();
    sandbox.write("work/.gitignore", "");
    let asked =
        on_a_terminal(&sandbox, "apply --project work --profile dotfiles/claude-sync.toml", "y\ny\n").ok();
    assert!(asked.out.contains("Add .claude/settings.local.json to"), "{asked}");
    assert_eq!(sandbox.read("work/.gitignore"), format!("{line}\n"));
}

#[test]
fn what_the_profile_makes_void_is_said_of_the_profile() {
    let sandbox = Sandbox::new();
    sandbox.profile("[settings]\nstatusLine.command = \"true\"\npermisions.allow = [\"x\"]\n");
    let refused = sandbox.cs(&["plan", "--profile", "dotfiles/claude-sync.toml"]).code(1);
    for told in [
        "error: by the profile statusLine.type is missing, and Claude Code would ignore the whole settings.json",
        "  ~/dotfiles/claude-sync.toml:3",
        "Declare statusLine.type, too: Claude Code wants \"command\" there.",
        // What else there is to say of the profile is said all the same, and once.
        "warning: the client knows no setting `permisions`\n  ~/dotfiles/claude-sync.toml:4:1",
    ] {
        assert!(refused.err.contains(told), "{told}: {refused}");
    }
    let refused = sandbox.cs(&["apply", "--yes", "--profile", "dotfiles/claude-sync.toml"]).code(1);
    assert_eq!(refused.err.matches("warning:").count(), 1, "{refused}");
    // What was void before is the user's doing, and is said of the file.
    sandbox.write(".claude/settings.json", "{\"statusLine\": {\"command\": \"x\"}}");
    sandbox.profile("settings.model = \"opus\"\n");
    let plan = sandbox.cs(&["plan", "--profile", "dotfiles/claude-sync.toml"]).ok();
    assert!(plan.err.contains("warning: statusLine.type is missing, so Claude Code ignores"), "{plan}");
}

#[test]
fn a_server_s_fields_that_do_nothing_are_told() {
    let sandbox = Sandbox::new();
    sandbox.profile(
        "[mcp.a]\nurl = \"https://a.example.org\"\nenv.A = \"x\"\n[mcp.b]\ncommand = \"b\"\nheaders.B = \"x\"\n",
    );
    let plan = sandbox.cs(&["plan", "--profile", "dotfiles/claude-sync.toml"]).ok();
    for (line, told) in [(4, "[mcp.a] has a `url`, and `env`"), (7, "[mcp.b] has a `command`, and `headers`")]
    {
        let told = format!("warning: {told} does nothing there\n  ~/dotfiles/claude-sync.toml:{line}:1");
        assert!(plan.err.contains(&told), "{told}: {plan}");
    }
}

#[test]
fn going_back_to_where_one_is_says_so() {
    let sandbox = Sandbox::new();
    sandbox.profile("settings.model = \"opus\"\n");
    sandbox.apply();
    let said = sandbox.cs(&["rollback", "1", "--yes"]).ok();
    assert!(
        said.out.starts_with("Generation 1 is current already") && said.out.contains("nothing to do"),
        "{said}"
    );
    change(&sandbox, |settings| settings["model"] = json!("haiku"));
    let said = sandbox.cs(&["rollback", "1"]).code(1);
    let told = "Generation 1 is current already; what changed since, outside cs, goes back to it\n";
    assert!(said.out.starts_with(told), "{said}");
}

#[test]
fn an_entry_of_anothers_is_no_difference_for_its_comma() {
    let sandbox = Sandbox::new();
    sandbox.profile("settings.permissions.allow = [\"A\"]\n");
    sandbox.apply();
    change(&sandbox, |settings| settings["permissions"]["allow"] = json!(["A", "Mine"]));
    sandbox.profile("settings.permissions.allow = [\"A\", \"B\"]\n");
    sandbox.cs(&["apply", "--yes"]).ok();
    let diff = sandbox.cs(&["diff", "1"]).ok();
    assert!(diff.out.contains("+ permissions.allow  B") && diff.out.contains("        \"Mine\","), "{diff}");
    assert!(!diff.out.contains("-       \"Mine\""), "generation 1 had no such thing: {diff}");
}

#[test]
fn a_document_in_one_line_is_shown_entry_by_entry() {
    let sandbox = Sandbox::new();
    let rules: Vec<String> = (0..40).map(|n| format!("Bash(x{n}:*)")).collect();
    let settings =
        json!({"permissions": {"allow": rules}, "env": {"A_TOKEN": "sk-0123456789abcdefgh"}}).to_string();
    sandbox
        .write(".claude/settings.json", &settings)
        .profile("settings.permissions.allow = [\"Bash(ls:*)\"]\n");
    let plan = sandbox.cs(&["plan", "--profile", "dotfiles/claude-sync.toml"]).ok();
    assert!(plan.out.contains("@@ settings.json, with an entry a line @@"), "{plan}");
    assert!(
        plan.out.contains("+         \"Bash(ls:*)\"\n")
            && !plan.out.contains("-  ")
            && plan.out.lines().all(|line| line.len() < 160),
        "{plan}"
    );
    assert!(!plan.out.contains("sk-0"), "{plan}");
    sandbox.apply();
    assert_eq!(sandbox.read(".claude/settings.json").lines().count(), 1, "the file stays as it was");
}

#[test]
fn a_profile_that_declares_nothing_has_something_else_next() {
    let sandbox = Sandbox::new();
    sandbox.write("my dotfiles/x.toml", "format = 1\n");
    let profile = sandbox.path("my dotfiles/x.toml").display().to_string();
    let plan = sandbox.cs(&["plan", "--profile", &profile]).ok();
    let told = "the profile declares nothing yet.   Add an entry to ~/'my dotfiles/x.toml', or make a profile of what is \
                there: cs init DIR";
    assert!(plan.out.contains(told) && !plan.out.contains("cs apply"), "{plan}");
    // Nothing would be done, so nobody is asked.
    let applied = sandbox.cs(&["apply", "--profile", &profile]).ok();
    assert!(
        applied.out.contains("From now on cs plan and cs apply go by it.\nGeneration 1 is current"),
        "{applied}"
    );
    assert!(!sandbox.settings().exists() && sandbox.cs(&["apply"]).ok().out.contains("Up to date"));
    // The same under another name is only remembered, too; what the guard goes by is more than that.
    sandbox.write("my dotfiles/y.toml", "format = 1\n");
    sandbox.cs(&["apply", "--profile", "my dotfiles/y.toml"]).ok();
    sandbox.write("my dotfiles/y.toml", "format = 1\nguard.git = \"off\"\n");
    sandbox.cs(&["apply"]).code(1);
    sandbox.cs(&["uninstall", "--yes", "--purge"]).ok();
    // One form of a path in all that is to be copied.
    sandbox.write("my dotfiles/x.toml", "format = 1\nsettings.model = \"opus\"\n");
    let plan = sandbox.cs(&["plan", "--profile", &profile]).ok();
    assert!(plan.out.contains("cs apply --profile ~/'my dotfiles/x.toml'   ·"), "{plan}");
    let init = sandbox.cs(&["init", "--empty", "my dotfiles/new"]).ok();
    assert!(init.out.contains("Next: cs plan --profile ~/'my dotfiles/new/claude-sync.toml'"), "{init}");
}

#[test]
fn each_answer_is_explained_and_the_whole_change_shown() {
    let sandbox = Sandbox::new();
    let long = (0..60).map(|n| format!("line {n}")).collect::<Vec<_>>().join("\n") + "\n";
    sandbox
        .write("dotfiles/agents/x.md", format!("{AGENT}{long}"))
        .profile("[agents.x]\nsource = \"agents/x.md\"\n");
    sandbox.apply();
    fs::remove_file(sandbox.path(".claude/agents/x.md")).expect("a link");
    sandbox.write(".claude/agents/x.md", format!("{AGENT}{}", long.replace("line", "row")));
    let said = on_a_terminal(&sandbox, "capture", "?\nd\ny\n").ok();
    let [short, rest] = said.out.splitn(2, "[d]iff [?]: ").collect::<Vec<_>>()[..] else { panic!("{said}") };
    assert!(short.contains("-   line 3") && short.contains("more lines (-v)"), "{said}");
    assert!(rest.contains("q   ask no more") && rest.contains("+   row 59"), "{said}");
    assert!(sandbox.read("dotfiles/agents/x.md").ends_with("row 59\n"));
}
