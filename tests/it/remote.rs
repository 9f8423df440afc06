//! Profiles from somebody's git repository: seen before they are applied, pinned, read from the commit alone.

use std::fs;
use std::process::Command;

use crate::sandbox::{Ran, Sandbox, missing};
use crate::session::snapshots;

const PROFILE: &str = r#"format = 1
extends = ["base.toml"]
[settings]
permissions.allow = ["Bash(cargo test:*)"]
[hooks.mark]
event = "Stop"
source = "hooks/mark.sh"
[agents.reviewer]
source = "agents/reviewer.md"
[skills.pdf]
source = "skills/pdf"
[mcp.docs]
command = "docs"
"#;

/// A team's repository and a person's home; `None`, and a word about it, where there is no git.
pub struct Team {
    pub sandbox: Sandbox,
}

impl Team {
    pub fn new() -> Option<Self> {
        if Command::new("git").arg("--version").output().is_err() {
            missing("git");
            return None;
        }
        let team = Self { sandbox: Sandbox::new() };
        team.git(&["init", "--quiet", "--initial-branch=main", "."]);
        team.sandbox
            .write("team/claude/claude-sync.toml", PROFILE)
            .write("team/claude/base.toml", "format = 1\n[settings]\nmodel = \"opus\"\n")
            .script("team/claude/hooks/mark.sh", "#!/bin/sh\necho one\n")
            .write("team/claude/agents/reviewer.md", "---\nname: reviewer\ndescription: d\n---\nLook.\n")
            .write("team/claude/skills/pdf/SKILL.md", "---\nname: pdf\ndescription: d\n---\n")
            .write("team/claude/skills/pdf/a/b.py", "1\n");
        team.commit("How we work");
        Some(team)
    }

    pub fn git(&self, args: &[&str]) -> String {
        let folder = self.sandbox.path("team");
        fs::create_dir_all(&folder).expect("a folder");
        let mut git = Command::new("git");
        git.args(["-c", "user.name=Team", "-c", "user.email=team@example.org"])
            .args(args)
            .current_dir(&folder);
        git.env_clear().env("PATH", "/usr/local/bin:/usr/bin:/bin").env("HOME", self.sandbox.home());
        git.env("GIT_AUTHOR_DATE", "2026-01-02T03:04:05Z").env("GIT_COMMITTER_DATE", "2026-01-02T03:04:05Z");
        let output = git.output().expect("git runs");
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("UTF-8").trim().to_owned()
    }

    /// Commits everything; the commit's name.
    pub fn commit(&self, why: &str) -> String {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--message", why]);
        self.git(&["rev-parse", "HEAD"])
    }

    pub fn url(&self) -> String {
        format!("git+file://{}", self.sandbox.path("team").display())
    }

    pub fn profile(&self) -> String {
        format!("{}#claude/claude-sync.toml", self.url())
    }

    pub fn cs(&self, args: &[&str]) -> Ran {
        self.sandbox.cs(args)
    }

    /// Applies the repository's profile, having read it.
    #[track_caller]
    fn trusted(&self) -> String {
        let commit = self.git(&["rev-parse", "HEAD"]);
        self.cs(&["apply", "--yes", "--profile", &self.profile(), "--trust", &commit]).ok();
        commit
    }

    /// From now on nobody can be reached.
    fn cut_off(&self) {
        fs::rename(self.sandbox.path("team"), self.sandbox.path("away")).expect("moved");
    }

    fn hook(&self) -> String {
        self.sandbox.read(".claude/hooks/mark")
    }
}

#[test]
fn it_is_shown_whole_before_anybody_says_yes() {
    let Some(team) = Team::new() else { return };
    let profile = team.profile();
    let before = team.sandbox.tree();
    let plan = team.cs(&["plan", "--profile", &profile]).ok();
    assert!(plan.err.contains("not pinned yet"), "{plan}");
    // --yes was said to cs, not to somebody else's hooks.
    let refused = team.cs(&["apply", "--yes", "--profile", &profile]).code(1);
    let shown = format!("{}{}", refused.out, refused.err);
    snapshots().bind(|| insta::assert_snapshot!("from-elsewhere", team.sandbox.tidy(&shown)));
    for wrong in ["0000000", "", &team.git(&["rev-parse", "--short=12", "HEAD"])] {
        team.cs(&["apply", "--yes", "--profile", &profile, "--trust", wrong]).code(1);
    }
    assert!(!team.sandbox.root().join("hooks").exists());
    assert_eq!(team.sandbox.tree().len(), before.len());

    let commit = team.trusted();
    assert_eq!(team.hook(), "#!/bin/sh\necho one\n");
    assert!(team.sandbox.path(".claude/skills/pdf/a/b.py").exists());
    let settings = team.sandbox.read(".claude/settings.json");
    assert!(settings.contains("opus") && settings.contains("cargo test"), "{settings}");
    assert!(team.sandbox.read(".claude/claude-sync/claude-sync.lock").contains(&commit));
    team.cs(&["plan", "--exit-code"]).ok();
    assert!(team.cs(&["apply", "--yes"]).ok().out.contains("Up to date"));
    assert!(team.cs(&["status"]).ok().out.contains(&commit[..7]));
    team.cs(&["verify"]).ok();
}

#[test]
fn a_pin_stays_until_it_is_moved() {
    let Some(team) = Team::new() else { return };
    team.trusted();
    team.sandbox.script("team/claude/hooks/mark.sh", "#!/bin/sh\necho two\n");
    let new = team.commit("Say two");
    team.cs(&["plan", "--exit-code"]).ok();
    assert!(team.cs(&["apply", "--yes"]).ok().out.contains("Up to date"));

    let seen = team.cs(&["update", "--dry-run"]).ok();
    assert!(
        seen.out.contains("Say two")
            && seen.out.contains("+   echo two")
            && seen.out.contains("-   echo one"),
        "{seen}"
    );
    let refused = team.cs(&["update", "--yes"]).code(1);
    assert!(refused.err.contains(&format!("cs update --trust {new}")), "{refused}");
    // A name that means none is no answer about any.
    let unknown = team.cs(&["update", "nothing-like-it"]).code(1);
    assert!(
        unknown.err.contains("no remote profile has \"nothing-like-it\" in its name")
            && unknown.err.contains(&format!("There is only {}", team.url())),
        "{unknown}"
    );
    assert!(team.cs(&["update", "team", "--dry-run"]).ok().out.contains("Say two"));
    assert!(team.cs(&["update", &team.profile(), "--dry-run"]).ok().out.contains("Say two"));
    team.cs(&["plan", "--exit-code"]).ok();

    team.cs(&["update", "--trust", &new]).ok();
    team.cs(&["plan", "--exit-code"]).code(3);
    assert_eq!(team.hook(), "#!/bin/sh\necho one\n");
    team.cs(&["apply", "--yes"]).ok();
    assert_eq!(team.hook(), "#!/bin/sh\necho two\n");
    let again = team.cs(&["update"]).ok();
    assert!(again.out.contains(&new[..7]), "{again}");
    team.cs(&["rollback", "1", "--yes"]).ok();
    assert_eq!(team.hook(), "#!/bin/sh\necho one\n");
    // A commit that changes nothing here is named all the same, once it is pinned.
    team.cs(&["apply", "--yes"]).ok();
    team.sandbox.write("team/README", "hello");
    let same = team.commit("Say hello");
    team.cs(&["update", "--trust", &same]).ok();
    team.cs(&["apply", "--yes"]).ok();
    assert!(team.cs(&["status"]).ok().out.contains(&same[..7]));
}

/// What somebody has said yes to is not asked about again: a moved pin is shown by what it changes, and nothing of
/// one's own is said to come from there.
#[test]
fn an_update_shows_what_changes_and_nothing_else() {
    let Some(team) = Team::new() else { return };
    let commit = team.git(&["rev-parse", "HEAD"]);
    let own = "[settings]\nenv.MINE = \"1\"\n[hooks.mine]\nevent = \"Stop\"\ncommand = \"mine\"\n";
    team.sandbox
        .write("dotfiles/claude-sync.toml", format!("format = 1\nextends = [\"{}\"]\n{own}", team.profile()));
    team.cs(&["apply", "--yes", "--profile", "dotfiles/claude-sync.toml", "--trust", &commit]).ok();
    team.sandbox
        .script("team/claude/hooks/mark.sh", "#!/bin/sh\necho two\u{1b}[2K\n")
        .write("team/claude/base.toml", "format = 1\n[settings]\nmodel = \"haiku\"\n")
        .write("team/claude/skills/pdf/new.py", "hello\n")
        .write(
            "team/claude/claude-sync.toml",
            PROFILE
                .replace(
                    "[mcp.docs]\ncommand = \"docs\"",
                    "[hooks.new]\nevent = \"Stop\"\ncommand = \"new\"\n[guard]\ngit = \"off\"",
                )
                .replace("[agents.reviewer]\nsource = \"agents/reviewer.md\"\n", ""),
        );
    let new = team.commit("Change this and that");
    let seen = team.cs(&["update", "-q", "--dry-run"]).ok();
    insta::assert_snapshot!(team.sandbox.tidy(&seen.out), @r#"
    Hooks, which run as you
      + hooks.Stop  new  {"type":"command","command":"new"}   claude/claude-sync.toml:10
      ~ hooks/mark   claude/hooks/mark.sh, claude/claude-sync.toml:5
              #!/bin/sh
          -   echo one
          +   echo two�[2K

    Settings and servers
      - model = "opus"   claude/base.toml:3
      + model = "haiku"   claude/base.toml:3
      - mcpServers.docs = {"command":"docs"}   claude/claude-sync.toml:12

    Files
      - agents/reviewer.md   claude/agents/reviewer.md, claude/claude-sync.toml:8
      + skills/pdf/new.py   claude/skills/pdf/new.py, claude/claude-sync.toml:8
        │ hello

    The guard, thresholds, learning, mesh
          {
      -     "format": 1
      +     "format": 1,
      +     "guard": {
      +       "git": "off"
      +     }
          }
    "#);
    let json = team.cs(&["update", "--dry-run", "--json"]).ok().json();
    assert!(json["changes"].to_string().contains("hooks.Stop  new"), "{json}");
    assert!(!seen.out.contains("MINE") && !seen.out.contains("mine"), "{seen}");
    team.cs(&["update", "--yes"]).code(1);
    team.cs(&["update", "--trust", &new]).ok();
    // Where the one that was pinned can't be had, everything is shown.
    team.sandbox.write(
        "dotfiles/claude-sync.lock",
        team.sandbox.read("dotfiles/claude-sync.lock").replace(&new, &"0".repeat(40)),
    );
    let whole = team.cs(&["update", "--dry-run"]).ok();
    assert!(
        whole.out.contains("which you have not said yes to") && whole.out.contains("git\": \"off"),
        "{whole}"
    );
    assert!(!whole.out.contains("MINE"), "{whole}");
    // What changes nothing here says so.
    team.sandbox.write(
        "dotfiles/claude-sync.lock",
        team.sandbox.read("dotfiles/claude-sync.lock").replace(&"0".repeat(40), &new),
    );
    team.sandbox.write("team/README", "hello");
    team.commit("Say hello");
    let same = team.cs(&["update", "--dry-run"]).ok();
    assert!(same.out.contains("Nothing of it changes what the profile comes to here."), "{same}");
}

/// What a repository says at the top of its profile shows in no entry, and decides about all of them: also about
/// what one's own file has declared before.
#[test]
fn how_it_is_applied_is_shown() {
    let Some(team) = Team::new() else { return };
    let text = "format = 1\nadopt = true\nwithout = [\"settings.permissions.deny: Bash(curl:*)\"]\n\
                [settings]\nmodel = \"opus\"\n";
    team.sandbox.write("team/claude/claude-sync.toml", text);
    let commit = team.commit("Take over");
    let own = format!("format = 1\nmode = \"link\"\nextends = [\"base.toml\", \"{}\"]\n", team.profile());
    let base =
        "format = 1\nmode = \"link\"\n[settings]\npermissions.deny = [\"Bash(curl:*)\", \"Bash(wget:*)\"]\n";
    team.sandbox.write("dotfiles/claude-sync.toml", &own).write("dotfiles/base.toml", base);
    let apply = ["apply", "-q", "--yes", "--profile", "dotfiles/claude-sync.toml"];
    let seen = team.cs(&apply).code(1);
    insta::assert_snapshot!(team.sandbox.tidy(&seen.out.replace(&commit[..7], "COMMIT")), @r#"
    From git+file://SANDBOX/home/team at COMMIT, which you have not said yes to:

    Settings and servers
      model = "opus"   claude-sync.toml:5

    How it is applied
      adopt = true: what is there, and as declared, is taken over   claude-sync.toml:2
      without "settings.permissions.deny: Bash(curl:*)": it is taken out, whoever has declared it   claude-sync.toml:3
    "#);
    team.cs(&[&apply[..], &["--trust", &commit]].concat()).ok();
    // One's own is not said to come from there; theirs, when it comes to be said, is.
    let text = text.replace("adopt = true\n", "mode = \"copy\"\n");
    team.sandbox.write("team/claude/claude-sync.toml", text);
    team.commit("Copy");
    team.sandbox.write("dotfiles/claude-sync.toml", own.replace("mode = \"link\"\n", ""));
    let seen = team.cs(&["update", "-q", "--dry-run"]).ok();
    insta::assert_snapshot!(seen.out, @r#"
    How it is applied
      - adopt = true: what is there, and as declared, is taken over   claude/claude-sync.toml:2
      + mode = "copy": files are copied   claude/claude-sync.toml:2
    "#);
}

/// Two files of one name are told apart by where they are.
#[test]
fn an_update_names_files_by_their_place_in_the_repository() {
    let Some(team) = Team::new() else { return };
    let hook = |name: &str| format!("[hooks.{name}]\nevent = \"Stop\"\nsource = \"hooks/{name}/run.sh\"\n");
    team.sandbox
        .write("team/claude/claude-sync.toml", format!("format = 1\n{}{}", hook("x"), hook("y")))
        .script("team/claude/hooks/x/run.sh", "#!/bin/sh\n")
        .script("team/claude/hooks/y/run.sh", "#!/bin/sh\n");
    team.commit("Two of a name");
    team.trusted();
    team.sandbox.script("team/claude/hooks/y/run.sh", "#!/bin/sh\necho\n");
    team.commit("Say something");
    let seen = team.cs(&["update", "-q", "--dry-run"]).ok();
    assert!(seen.out.contains("~ hooks/y   claude/hooks/y/run.sh, claude/claude-sync.toml:5\n"), "{seen}");
    assert!(!seen.out.contains("hooks/x"), "{seen}");
}

#[test]
fn once_fetched_it_needs_nobody() {
    let Some(team) = Team::new() else { return };
    team.trusted();
    team.sandbox.write("dotfiles/own.toml", format!("format = 1\nextends = [\"{}\"]\n", team.profile()));
    let commit = team.git(&["rev-parse", "HEAD"]);
    team.cs(&["apply", "--yes", "--profile", "dotfiles/own.toml", "--trust", &commit]).ok();
    team.cut_off();
    fs::write(team.sandbox.root().join("settings.json"), "{}").expect("written");
    team.cs(&["plan", "--exit-code"]).code(3);
    team.cs(&["apply", "--yes"]).ok();
    let update = team.cs(&["update"]).code(1);
    assert!(update.err.contains("can't be reached"), "{update}");

    // Without what was fetched it says so; going back and letting go need neither.
    fs::remove_dir_all(team.sandbox.path(".cache")).expect("there");
    let plan = team.cs(&["plan"]).code(1);
    assert!(plan.err.contains("can't be reached"), "{plan}");
    team.cs(&["status"]).ok();
    team.cs(&["rollback", "--yes"]).ok();
    team.cs(&["uninstall", "--yes", "--purge"]).ok();
    assert!(!team.sandbox.root().join("hooks/mark").exists());
    assert!(!team.sandbox.path(".cache").exists());
}

#[test]
fn what_was_fetched_can_be_lost() {
    let Some(team) = Team::new() else { return };
    let old = team.trusted();
    team.sandbox.write("team/claude/base.toml", "format = 1\n[settings]\nmodel = \"other\"\n");
    team.commit("Another model");
    fs::remove_dir_all(team.sandbox.path(".cache")).expect("there");
    team.cs(&["plan", "--exit-code"]).ok();
    // And when the commit is nowhere any more, that is said.
    team.git(&["checkout", "--quiet", "--orphan", "anew"]);
    let new = team.commit("Forget everything");
    team.git(&["branch", "--quiet", "--delete", "--force", "main"]);
    team.git(&["reflog", "expire", "--expire=now", "--all"]);
    team.git(&["gc", "--quiet", "--prune=now"]);
    fs::remove_dir_all(team.sandbox.path(".cache")).expect("there");
    let gone = team.cs(&["plan"]).code(1);
    assert!(gone.err.contains(&old[..7]) && gone.err.contains("cs update"), "{gone}");
    team.cs(&["update", "--trust", &new]).ok();
    team.cs(&["apply", "--yes"]).ok();
    assert!(team.sandbox.read(".claude/settings.json").contains("other"));
}

#[test]
fn a_profile_of_ones_own_builds_on_it() {
    let Some(team) = Team::new() else { return };
    let first = team.git(&["rev-parse", "HEAD"]);
    team.git(&["tag", "--annotate", "--message", "one", "v1"]);
    team.sandbox.script("team/claude/hooks/mark.sh", "#!/bin/sh\necho two\n");
    team.commit("Say two");
    let text = format!(
        "format = 1\nextends = [\"{}?ref=v1#claude/claude-sync.toml\"]\n[settings]\nmodel = \"mine\"\n",
        team.url()
    );
    team.sandbox.write("dotfiles/claude-sync.toml", text);
    team.cs(&["apply", "--yes", "--profile", "dotfiles/claude-sync.toml"]).code(1);
    team.cs(&["apply", "--yes", "--profile", "dotfiles/claude-sync.toml", "--trust", &first]).ok();
    assert_eq!(team.hook(), "#!/bin/sh\necho one\n");
    assert!(team.sandbox.read(".claude/settings.json").contains("mine"));
    let lock = team.sandbox.read("dotfiles/claude-sync.lock");
    assert!(lock.contains(&first) && lock.contains("v1"), "{lock}");
    // On the next machine the lock's word is enough: it came with the person's own repository.
    fs::remove_dir_all(team.sandbox.root()).expect("there");
    fs::remove_dir_all(team.sandbox.path(".cache")).expect("there");
    team.sandbox.apply();
    assert_eq!(team.hook(), "#!/bin/sh\necho one\n");
    // What was edited here can't be taken to where it comes from.
    fs::remove_file(team.sandbox.path(".claude/agents/reviewer.md")).expect("there");
    team.sandbox.write(".claude/agents/reviewer.md", "---\nname: reviewer\ndescription: d\n---\nMine.\n");
    let captured = team.cs(&["capture", "--all", "--yes"]);
    assert!(format!("{captured}").contains("it comes from git+"), "{captured}");
    for damaged in ["format = 2\n", "format = 1\n[[remote]]\n", "no"] {
        team.sandbox.write("dotfiles/claude-sync.lock", damaged);
        let refused = team.cs(&["plan"]).code(1);
        assert!(refused.err.contains("claude-sync.lock"), "{refused}");
    }
}

#[test]
fn it_reaches_nothing_outside_its_repository() {
    let Some(team) = Team::new() else { return };
    team.sandbox.write("secret.md", "---\nname: s\ndescription: d\n---\nprivate\n");
    let home = team.sandbox.home().display().to_string();
    let sources = [
        "../../secret.md".to_owned(),
        "../../../secret.md".to_owned(),
        format!("{home}/secret.md"),
        "~/secret.md".to_owned(),
        "link.md".to_owned(),
    ];
    std::os::unix::fs::symlink(team.sandbox.path("secret.md"), team.sandbox.path("team/claude/link.md"))
        .expect("a link");
    for source in sources {
        let text = format!("format = 1\n[agents.s]\nsource = {source:?}\n");
        team.sandbox.write("team/claude/claude-sync.toml", text);
        team.commit("Try");
        let refused = team.cs(&["plan", "--profile", &team.profile()]).code(1);
        assert!(!format!("{refused}").contains("private"), "{refused}");
        assert!(refused.err.contains("repository") || refused.err.contains("link"), "{source}: {refused}");
    }
    for secret in ["env = \"HOME\"", "file = \"~/secret.md\"", "command = [\"cat\", \"secret.md\"]"] {
        let text = format!("format = 1\n[mcp.x]\ncommand = \"x\"\nenv.TOKEN = {{ {secret} }}\n");
        team.sandbox.write("team/claude/claude-sync.toml", text);
        team.commit("Try");
        let refused = team.cs(&["plan", "--profile", &team.profile()]).code(1);
        assert!(refused.err.contains("a secret of this machine"), "{secret}: {refused}");
    }
    for extends in ["../../dotfiles/x.toml", "/etc/x.toml", "~/x.toml", "git+file:///x", "git+https://h/x"] {
        let text = format!("format = 1\nextends = [{extends:?}]\n");
        team.sandbox.write("team/claude/claude-sync.toml", text);
        team.commit("Try");
        let refused = team.cs(&["plan", "--profile", &team.profile()]).code(1);
        assert!(refused.err.contains("claude-sync.toml:2"), "{extends}: {refused}");
    }
}

#[test]
fn no_name_makes_git_run_a_program() {
    let Some(team) = Team::new() else { return };
    let mark = team.sandbox.path("ran");
    for name in [
        format!("git+--upload-pack=touch {}", mark.display()),
        format!("git+--upload-pack=touch${{IFS}}{}", mark.display()),
        format!("git+ext::sh -c touch% {}", mark.display()),
        format!("git+ext::touch%20{}", mark.display()),
        format!("git+ssh://-oProxyCommand=touch${{IFS}}{}/x", mark.display()),
        "git+https://me:secret@example.org/x".to_owned(),
        "git+".to_owned(),
    ] {
        let refused = team.cs(&["plan", "--profile", &name]).code(1);
        assert!(refused.err.contains("is no remote profile"), "{name}: {refused}");
        assert!(!refused.err.contains("secret"), "{refused}");
    }
    // Nor does the repository: its own hooks and configuration stay there.
    for hook in ["post-checkout", "pre-receive", "post-merge", "reference-transaction"] {
        team.sandbox
            .script(&format!("team/.git/hooks/{hook}"), &format!("#!/bin/sh\ntouch {}\n", mark.display()));
    }
    team.trusted();
    assert!(!mark.exists());
    let unknown = format!("{}?ref=nowhere#claude/claude-sync.toml", team.url());
    let refused = team.cs(&["plan", "--profile", &unknown]).code(1);
    assert!(refused.err.contains("no branch or tag nowhere"), "{refused}");
    let absent = format!("{}#claude/other.toml", team.url());
    let refused = team.cs(&["plan", "--profile", &absent]).code(1);
    assert!(refused.err.contains("no such file"), "{refused}");
}

/// What could be said yes to without having been seen.
#[test]
fn nothing_hides_from_whoever_is_asked() {
    let Some(team) = Team::new() else { return };
    let text = r#"format = 1
[guard]
git = "off"
[hooks.mark]
event = "Stop"
source = "hooks/mark.sh"
[hooks.sly]
event = "Stop"
command = "bash"
args = ["-c", "hidden-in-args"]
[mcp.sly]
command = "sh"
args = ["-c", "hidden-by-a-mask # Bearer abcdefgh12"]
[settings]
permissions.allow = ["Bash(a\u001b[2K)"]
[when."exists(~/go)"]
hooks.later = { event = "Stop", command = "hidden-by-a-condition" }
"#;
    team.sandbox.write("team/claude/claude-sync.toml", text);
    let commit = team.commit("Look like nothing");
    let own = format!("format = 1\nextends = [\"{}\"]\n[hooks.mark]\ntimeout = 5\n", team.profile());
    team.sandbox.write("dotfiles/claude-sync.toml", own);
    let apply = ["apply", "-q", "--yes", "--profile", "dotfiles/claude-sync.toml"];
    let seen = team.cs(&apply).code(1);
    for hidden in ["hidden-in-args", "hidden-by-a-mask", "echo one", "\"off\""] {
        assert!(seen.out.contains(hidden), "{hidden}: {seen}");
    }
    assert!(!seen.out.contains('\u{1b}'), "{seen}");
    let plan = team.cs(&["plan", "--profile", "dotfiles/claude-sync.toml"]).ok();
    assert!(!plan.out.contains('\u{1b}'), "{plan}");
    team.cs(&[&apply[..], &["--trust", &commit]].concat()).ok();
    // The condition comes to hold: what nobody has seen is asked about, also after going back.
    let other = team.sandbox.read("dotfiles/claude-sync.toml").replace("timeout = 5", "timeout = 6");
    team.sandbox.write("dotfiles/claude-sync.toml", other);
    team.cs(&["apply", "--yes"]).ok();
    team.cs(&["rollback", "--yes"]).ok();
    team.sandbox.write("go/x", "");
    let asked = team.cs(&["apply", "--yes"]).code(1);
    assert!(asked.out.contains("hidden-by-a-condition"), "{asked}");
}

/// What is one's own is not said to come from there; what one's own file has a hand in is, and which file is meant.
#[test]
fn only_what_comes_from_there_is_shown_as_theirs() {
    let Some(team) = Team::new() else { return };
    let text = r#"format = 1
extends = ["builtin:minimal", "sub/base.toml"]
[settings]
permissions.allow = ["Bash(theirs)"]
companyAnnouncements = ["theirs-in-a-list"]
[hooks.both]
event = "Stop"
command = "theirs-with-a-timeout"
[mcp.both]
command = "theirs"
env.B = "theirs-with-my-command"
"#;
    team.sandbox.write("team/claude/claude-sync.toml", text).write(
        "team/claude/sub/base.toml",
        "format = 1\n[settings]\nmodel = \"theirs\"\nenv.A = \"theirs\"\n",
    );
    let commit = team.commit("More than one file");
    let own = format!(
        "format = 1\nextends = [\"base.toml\", \"{}\"]\n{}",
        team.profile(),
        r#"[settings]
permissions.allow = ["Bash(mine)"]
companyAnnouncements = ["mine-in-a-list"]
model = "mine"
[hooks.both]
timeout = 5
[mcp.both]
command = "mine"
[hooks.mine]
event = "Stop"
command = "mine"
[agents.mine]
text = "---\nname: mine\ndescription: d\n---\n"
[guard]
git = "off"
"#
    );
    team.sandbox
        .write("dotfiles/claude-sync.toml", own)
        .write("dotfiles/base.toml", "format = 1\n[settings]\nenv.MINE = \"1\"\n");
    let seen = team.cs(&["apply", "-q", "--yes", "--profile", "dotfiles/claude-sync.toml"]).code(1);
    assert!(seen.err.contains("nobody has said yes"), "{seen}");
    insta::assert_snapshot!(team.sandbox.tidy(&seen.out.replace(&commit[..7], "COMMIT")), @r#"
    From git+file://SANDBOX/home/team at COMMIT, which you have not said yes to:

    Hooks, which run as you
      hooks.Stop  theirs-with-a-timeout  {"type":"command","command":"theirs-with-a-timeout","timeout":5}   ~/dotfiles/claude-sync.toml:7

    Settings and servers
      env.A = "theirs"   base.toml:4
      permissions.allow  Bash(theirs)   claude/claude-sync.toml:4
      companyAnnouncements = ["theirs-in-a-list","mine-in-a-list"]   ~/dotfiles/claude-sync.toml:5
      mcpServers.both = {"command":"mine","env":{"B":"theirs-with-my-command"}}   ~/dotfiles/claude-sync.toml:9

    In git+file://SANDBOX/home/team#claude/claude-sync.toml, and left out or changed by your profile; it counts as soon as yours lets it:

    Hooks, which run as you
      hooks.Stop  theirs-with-a-timeout  {"type":"command","command":"theirs-with-a-timeout"}   claude-sync.toml:6

    Settings and servers
      model = "theirs"   base.toml:3
      companyAnnouncements = ["theirs-in-a-list"]   claude-sync.toml:5
      mcpServers.both = {"command":"theirs","env":{"B":"theirs-with-my-command"}}   claude-sync.toml:9
    "#);
}

/// What was fetched is what was committed, whatever became of it since.
#[test]
fn what_was_fetched_is_not_believed() {
    let Some(team) = Team::new() else { return };
    team.trusted();
    let script = team.git(&["rev-parse", "HEAD:claude/hooks/mark.sh"]);
    team.cut_off();
    let caches = team.sandbox.path(".cache/claude-sync/git");
    let cache = fs::read_dir(caches).expect("there").next().expect("one").expect("entry").path();
    let git = |args: &[&str]| {
        let ran = Command::new("git").arg("--git-dir").arg(&cache).args(args).output().expect("git runs");
        assert!(ran.status.success(), "{args:?}: {}", String::from_utf8_lossy(&ran.stderr));
        String::from_utf8(ran.stdout).expect("UTF-8").trim().to_owned()
    };
    fs::write(team.sandbox.path("evil"), "#!/bin/sh\necho evil\n").expect("written");
    let evil = git(&["hash-object", "-w", &team.sandbox.path("evil").display().to_string()]);
    git(&["replace", &script, &evil]);
    team.cs(&["plan", "--exit-code"]).ok();
    // A file under another's name.
    let object = |name: &str| cache.join("objects").join(&name[..2]).join(&name[2..]);
    let packs = fs::read_dir(cache.join("objects/pack")).expect("there");
    for pack in packs
        .map(|entry| entry.expect("entry").path())
        .filter(|path| path.extension().is_some_and(|e| e == "pack"))
    {
        let away = team.sandbox.path("away.pack");
        fs::rename(&pack, &away).expect("moved");
        let file = fs::File::open(&away).expect("there");
        let status = Command::new("git")
            .arg("--git-dir")
            .arg(&cache)
            .args(["unpack-objects", "-q"])
            .stdin(file)
            .status();
        assert!(status.expect("git runs").success());
    }
    let _ = fs::remove_file(object(&script));
    fs::copy(object(&evil), object(&script)).expect("copied");
    let damaged = team.cs(&["plan"]).code(1);
    assert!(damaged.err.contains("can't be reached"), "{damaged}");
}
