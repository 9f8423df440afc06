//! What crashes and errors are tried on: every operation that changes a root, between two
//! states that differ in everything `cs` can own.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use serde_json::Value;

use crate::sandbox::{Ran, Sandbox, ran};

/// One operation on a prepared root.
#[derive(Clone, Copy)]
pub struct Scenario {
    pub name: &'static str,
    pub prepare: fn(&Sandbox),
    pub args: &'static [&'static str],
}

pub const FIRST: Scenario = Scenario {
    name: "first apply",
    prepare: |sandbox| generation_1(sandbox),
    args: &["apply", "--yes", "--profile", "dotfiles/claude-sync.toml", "--on-conflict", "backup"],
};

pub const APPLY: Scenario = Scenario { name: "apply", prepare: second, args: FIRST.args };

pub const ROLLBACK: Scenario = Scenario {
    name: "rollback",
    prepare: |sandbox| {
        first(sandbox);
        change(sandbox);
        sandbox.cs(FIRST.args).ok();
    },
    args: &["rollback", "1", "--yes", "--on-conflict", "backup"],
};

pub const UNINSTALL: Scenario =
    Scenario { name: "uninstall", prepare: ROLLBACK.prepare, args: &["uninstall", "--yes"] };

/// Texts that stand in documents and nowhere below `claude-sync/`, once nothing is open.
pub const SECRET_TEXTS: &[&str] =
    &["first-secret", "another-secret", "second-secret", "users-first", "users-token"];

const SECRET_USERS: &str = "{\n  \"model\": \"users\",\n  \"env\": { \"ONE\": \"users-first\", \"TWO\": \"users-second\",\n    \"API_TOKEN\": \"users-token\" }\n}\n";

/// Declared secrets over values of the user's; then one has changed, one is new, and one stands in a text.
fn secrets(sandbox: &Sandbox) {
    users(sandbox);
    sandbox
        .write(".claude/settings.json", SECRET_USERS)
        .write("original.json", SECRET_USERS)
        .write("dotfiles/one", "first-secret\n")
        .write("dotfiles/two", "second-secret\n")
        .profile("[settings]\nenv.ONE = { file = \"one\" }\nenv.API_TOKEN = \"none\"\nenv.MADE = { file = \"two\" }\n")
        .apply();
    sandbox.write("dotfiles/one", "another-secret\n").profile(
        "[settings]\nenv.ONE = { file = \"one\" }\nenv.API_TOKEN = \"none\"\nmodel = \"ours\"\n\
         deep.er = [\"x\", { file = \"one\", prefix = \"Bearer \" }]\n[defaults]\nenv.TWO = { file = \"two\" }\nenv.NEW = { file = \"two\" }\n\
         [hooks.own]\nevent = \"Stop\"\nsource = \"own.sh\"\n",
    ).script("dotfiles/own.sh", "#!/bin/sh\n");
}

pub const SECRETS: Scenario = Scenario { name: "apply with secrets", prepare: secrets, args: FIRST.args };

pub const SECRETS_BACK: Scenario = Scenario {
    name: "uninstall with secrets",
    prepare: |sandbox| {
        secrets(sandbox);
        sandbox.cs(FIRST.args).ok();
    },
    args: UNINSTALL.args,
};

/// What is declared is there already, the same byte for byte, and is taken over.
pub const ADOPT: Scenario = Scenario {
    name: "adopt",
    prepare: |sandbox| {
        users(sandbox);
        sandbox
            .write("dotfiles/agents/same.md", SAME)
            .write("dotfiles/taken.md", "the user's own\n")
            .profile(
                "[settings]\nmodel = \"ours\"\n[agents.same]\nsource = \"agents/same.md\"\nmode = \"copy\"\n\
                 [files.\"agents/taken.md\"]\nsource = \"taken.md\"\n",
            );
    },
    args: &["apply", "--yes", "--profile", "dotfiles/claude-sync.toml", "--on-conflict", "adopt"],
};

/// Links, as a project had them, in the state that copies are made from: one is edited through its link, one has
/// a file of somebody's own put into it, one stands on a folder of the user's, and one loses a file.
fn links(sandbox: &Sandbox) {
    users(sandbox);
    generation_1(sandbox);
    let skill = |name: &str| format!("---\nname: {name}\ndescription: ours\n---\n");
    sandbox
        .write("dotfiles/skills/taken/SKILL.md", skill("taken"))
        .write("dotfiles/skills/taken/ours", "ours\n")
        .write("dotfiles/skills/less/SKILL.md", skill("less"))
        .write("dotfiles/skills/less/goes/x", "goes\n")
        .script("dotfiles/skills/less/run.sh", "#!/bin/sh\n")
        .profile(LINKS)
        .cs(FIRST.args)
        .ok();
    edit(sandbox, "skills/loose/more/deep.md", "edited by hand\n");
    edit(sandbox, "agents/a.md", &agent("a", "edited by hand"));
    sandbox.write(".claude/skills/less/own", "of somebody's own\n");
    fs::remove_file(sandbox.path("dotfiles/skills/less/goes/x")).expect("removed");
    sandbox.write("dotfiles/skills/less/comes/x", "comes\n");
    sandbox.profile(&format!("mode = \"copy\"\n{LINKS}"));
}

const LINKS: &str = r#"
[settings]
model = "declared-one"
[hooks.stays]
event = ["PreToolUse", "Stop"]
source = "hooks/stays.sh"
[agents.a]
source = "agents/a.md"
[skills.loose]
source = "skills/loose"
[skills.taken]
source = "skills/taken"
[skills.less]
source = "skills/less"
"#;

/// Links become copies.
pub const COPIES: Scenario = Scenario { name: "links become copies", prepare: links, args: FIRST.args };

/// Copies become links again.
pub const LINKED_AGAIN: Scenario = Scenario {
    name: "copies become links",
    prepare: |sandbox| {
        links(sandbox);
        sandbox.cs(FIRST.args).ok();
    },
    args: ROLLBACK.args,
};

/// Links that stand on files of the user's were edited through, and what they say is declared by now.
pub const EDITED: Scenario = Scenario {
    name: "edits that are declared",
    prepare: |sandbox| {
        users(sandbox);
        generation_1(sandbox);
        let was = ".claude/agents/a.md";
        sandbox.write(was, agent("a", "the user's own")).cs(FIRST.args).ok();
        edit(sandbox, "agents/a.md", &agent("a", "edited by hand"));
        let profile = sandbox.read("dotfiles/claude-sync.toml");
        sandbox
            .write("dotfiles/agents/a.md", agent("a", "edited by hand"))
            .write("dotfiles/more.md", agent("more", "more"))
            .write("dotfiles/claude-sync.toml", profile + "[agents.more]\nsource = \"more.md\"\n");
    },
    args: FIRST.args,
};

/// And that is what comes back.
pub const EDITED_GO: Scenario = Scenario {
    name: "uninstall of edits that are declared",
    prepare: |sandbox| {
        (EDITED.prepare)(sandbox);
        sandbox.cs(EDITED.args).ok();
    },
    args: UNINSTALL.args,
};

/// Copies that were links go, and what the links stood on comes back.
pub const COPIES_GO: Scenario = Scenario {
    name: "uninstall of copies that were links",
    prepare: LINKED_AGAIN.prepare,
    args: UNINSTALL.args,
};

/// What was taken over comes back.
pub const LET_GO: Scenario = Scenario {
    name: "uninstall of what was adopted",
    prepare: |sandbox| {
        (ADOPT.prepare)(sandbox);
        sandbox.cs(ADOPT.args).ok();
    },
    args: UNINSTALL.args,
};

/// Ours, which stood on what was taken over, was removed by somebody: what it stood on comes back all the same.
pub const REMOVED_GO: Scenario = Scenario {
    name: "uninstall of what was adopted and removed",
    prepare: |sandbox| {
        (LET_GO.prepare)(sandbox);
        for path in ["agents/taken.md", "agents/same.md"] {
            fs::remove_file(sandbox.root().join(path)).expect("removed");
        }
    },
    args: UNINSTALL.args,
};

pub const PURGE: Scenario = Scenario {
    name: "uninstall --purge",
    prepare: |sandbox| {
        (ROLLBACK.prepare)(sandbox);
        sandbox.write(".claude/learning/knowledge", "learned");
    },
    args: &["uninstall", "--yes", "--purge"],
};

/// What the user had before anything was applied.
const USERS: &str = r#"{
  "model": "users",
  "theme": "dark",
  "cleanupPeriodDays": 30,
  "permissions": { "allow": ["U(1)", "A(2)"], "deny": [] },
  "hooks": {
    "Stop": [{ "hooks": [{ "type": "command", "command": "~/.claude/hooks/mine" }] }]
  }
}
"#;

/// The user's files: some of them where the second generation wants to be.
fn users(sandbox: &Sandbox) {
    sandbox
        .write(".claude/settings.json", USERS)
        .script(".claude/hooks/mine", "#!/bin/sh\nexit 0\n")
        .write(".claude/agents/taken.md", "the user's own\n")
        .write(".claude/agents/same.md", SAME)
        .write(".claude/skills/taken/SKILL.md", "---\nname: taken\ndescription: mine\n---\n")
        .write(".claude/skills/taken/deep/x", "x")
        .write("elsewhere/command.md", "elsewhere\n");
    fs::create_dir_all(sandbox.path(".claude/commands")).expect("a folder");
    symlink("../../elsewhere/command.md", sandbox.path(".claude/commands/taken.md")).expect("a link");
    fs::set_permissions(sandbox.path(".claude/agents/taken.md"), fs::Permissions::from_mode(0o600))
        .expect("chmod");
}

const SAME: &str = "---\nname: same\ndescription: the same in both\n---\nsame\n";

fn agent(name: &str, text: &str) -> String {
    format!("---\nname: {name}\ndescription: an agent\n---\n{text}\n")
}

/// Ready for the first apply, over nothing at all.
fn generation_1(sandbox: &Sandbox) {
    sandbox
        .script("dotfiles/hooks/stays.sh", "#!/bin/sh\n# one\nexit 0\n")
        .script("dotfiles/hooks/goes.sh", "#!/bin/sh\nexit 0\n")
        .script("dotfiles/hooks/edited.sh", "#!/bin/sh\nexit 0\n")
        .write("dotfiles/agents/a.md", agent("a", "one"))
        .write("dotfiles/agents/old.md", agent("old", "old"))
        .write("dotfiles/agents/kept.md", agent("kept", "kept"))
        .write("dotfiles/agents/replaced.md", agent("replaced", "ours"))
        .write("dotfiles/files/edited.txt", "as written\n")
        .write("dotfiles/skills/loose/SKILL.md", "---\nname: loose\ndescription: ours\n---\n")
        .write("dotfiles/skills/loose/more/deep.md", "deep\n")
        .write("dotfiles/files/copied.txt", "copied one\n")
        .write("dotfiles/files/switch.txt", "link, then copy\n")
        .write("dotfiles/files/back.txt", "copy, then link\n")
        .profile(
            r#"
[settings]
model = "declared-one"
permissions.allow = ["A(1)", "A(2)", "A(3)"]
env.CS = "1"
[hooks.stays]
event = ["PreToolUse", "Stop"]
matcher = "Bash"
source = "hooks/stays.sh"
[hooks.goes]
event = "PostToolUse"
source = "hooks/goes.sh"
[hooks.edited]
event = "PostToolUse"
source = "hooks/edited.sh"
[agents.a]
source = "agents/a.md"
[agents.old]
source = "agents/old.md"
[agents.kept]
source = "agents/kept.md"
[agents.replaced]
source = "agents/replaced.md"
[files."edited.txt"]
source = "files/edited.txt"
mode = "copy"
[skills.loose]
source = "skills/loose"
[files."made/by/us.txt"]
source = "files/copied.txt"
[files."copied.txt"]
source = "files/copied.txt"
mode = "copy"
[files."switch.txt"]
source = "files/switch.txt"
[files."back.txt"]
source = "files/back.txt"
mode = "copy"
"#,
        );
}

/// Generation 1 is applied over the user's files.
fn first(sandbox: &Sandbox) {
    users(sandbox);
    generation_1(sandbox);
    sandbox.apply();
}

/// Generation 1 is applied; then a hook that is about to be undeclared, an agent that stays and
/// a copy are edited by hand, one link is replaced by a file, and the profile says
/// something else in every respect.
fn second(sandbox: &Sandbox) {
    first(sandbox);
    edit(sandbox, "hooks/edited", "#!/bin/sh\n# edited by hand\nexit 0\n");
    edit(sandbox, "skills/loose/more/deep.md", "edited by hand\n");
    edit(sandbox, "agents/kept.md", &agent("kept", "edited by hand"));
    edit(sandbox, "edited.txt", "edited by hand\n");
    let replaced = sandbox.path(".claude/agents/replaced.md");
    fs::remove_file(&replaced).expect("removed");
    fs::write(&replaced, "in place of the link\n").expect("written");
    change(sandbox);
}

/// Writes through whatever is there, as an editor does.
fn edit(sandbox: &Sandbox, path: &str, text: &str) {
    let path = sandbox.path(&format!(".claude/{path}"));
    let mode = fs::metadata(&path).expect("there").permissions().mode();
    fs::set_permissions(&path, fs::Permissions::from_mode(mode | 0o200)).expect("chmod");
    fs::write(&path, text).expect("written");
}

/// The profile of the second generation.
fn change(sandbox: &Sandbox) {
    sandbox
        .script("dotfiles/hooks/stays.sh", "#!/bin/sh\n# two\nexit 0\n")
        .script("dotfiles/hooks/comes.sh", "#!/bin/sh\nexit 0\n")
        .write("dotfiles/agents/a.md", agent("a", "two"))
        .write("dotfiles/agents/new.md", agent("new", "new"))
        .write("dotfiles/agents/taken.md", agent("taken", "ours"))
        .write("dotfiles/agents/same.md", SAME)
        .write("dotfiles/commands/taken.md", "ours\n")
        .write("dotfiles/skills/taken/SKILL.md", "---\nname: taken\ndescription: ours\n---\n")
        .write("dotfiles/files/copied.txt", "copied two\n")
        .profile(
            r#"
unset = ["cleanupPeriodDays"]
[settings]
model = "declared-two"
permissions.allow = ["A(1)", "A(4)"]
permissions.deny = ["D(1)"]
env.OTHER = "2"
[hooks.stays]
event = ["PreToolUse", "Stop"]
matcher = "Bash|Edit"
source = "hooks/stays.sh"
[hooks.comes]
event = "SessionStart"
source = "hooks/comes.sh"
[agents.a]
source = "agents/a.md"
[agents.new]
source = "agents/new.md"
[agents.kept]
source = "agents/kept.md"
[agents.replaced]
source = "agents/replaced.md"
[files."edited.txt"]
source = "files/edited.txt"
mode = "copy"
[agents.taken]
source = "agents/taken.md"
[agents.same]
source = "agents/same.md"
mode = "copy"
[commands.taken]
source = "commands/taken.md"
[skills.taken]
source = "skills/taken"
[files."copied.txt"]
source = "files/copied.txt"
mode = "copy"
[files."switch.txt"]
source = "files/switch.txt"
mode = "copy"
[files."back.txt"]
source = "files/back.txt"
"#,
        );
}

/// A scenario's root before and after, and what settings.json was before there was any `cs`.
pub struct Bench {
    pub sandbox: Sandbox,
    pub scenario: Scenario,
    pub old: Vec<String>,
    pub new: Vec<String>,
    pub original: Value,
    durability: Option<&'static str>,
}

impl Bench {
    /// Prepares it, and runs the operation once to know the new state.
    pub fn new(scenario: Scenario, durability: Option<&'static str>) -> Self {
        let sandbox = Sandbox::new();
        (scenario.prepare)(&sandbox);
        sandbox.keep("ready");
        let has_users = sandbox.path(".claude/hooks/mine").exists();
        let original = if has_users { USERS } else { "{}" };
        let own = fs::read_to_string(sandbox.path("original.json"));
        let mut bench = Self {
            old: sandbox.tree(),
            new: Vec::new(),
            original: serde_json::from_str(own.as_deref().unwrap_or(original)).expect("JSON"),
            sandbox,
            scenario,
            durability,
        };
        bench.run(&[]).ok();
        bench.new = bench.sandbox.tree();
        assert_ne!(bench.old, bench.new);
        bench
    }

    /// Runs the operation.
    pub fn run(&self, env: &[(&str, &str)]) -> Ran {
        self.cs(self.scenario.args, env)
    }

    /// Runs `cs` with the bench's durability, where the command knows it.
    pub fn cs(&self, args: &[&str], env: &[(&str, &str)]) -> Ran {
        let mut args = args.to_vec();
        if let Some(durability) = self.durability
            && ["apply", "rollback", "uninstall", "recover"].contains(&args[0])
        {
            args.extend(["--durability", durability]);
        }
        ran(self.sandbox.command(&args).envs(env.iter().copied()).output().expect("cs runs"))
    }

    /// Whether the tree is as before (`false`) or as after (`true`) the operation.
    pub fn side(&self, what: &str) -> bool {
        let tree = self.sandbox.tree();
        if tree == self.new {
            return true;
        }
        assert!(tree == self.old, "{what}: neither\n{}", difference(&self.old, &self.new, &tree));
        false
    }

    /// Nothing that only an unfinished run has is left in `claude-sync`.
    pub fn check_tidy(&self, what: &str) {
        let store = self.sandbox.root().join("claude-sync");
        let secrets = crate::secrets::holding(&store, SECRET_TEXTS);
        assert!(secrets.is_empty(), "{what}: {secrets:#?}");
        let names = |folder: &str| -> Vec<String> {
            let Ok(entries) = fs::read_dir(store.join(folder)) else { return Vec::new() };
            let mut names: Vec<_> =
                entries.map(|e| e.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
            names.sort();
            names
        };
        let known = [
            "current",
            "displaced",
            "generations",
            "lock",
            ".gitignore",
            "made-root",
            "seal.key",
            "seen.json",
            "gitignore.json",
        ];
        for name in names("") {
            assert!(known.contains(&name.as_str()), "{what}: claude-sync/{name} is left over");
        }
        let current = fs::read_link(store.join("current")).ok();
        let current = current.and_then(|link| link.file_name()?.to_str()?.parse::<u64>().ok()).unwrap_or(0);
        for folder in ["generations", "displaced"] {
            for name in names(folder) {
                let is_known = name.parse::<u64>().is_ok_and(|number| number <= current);
                assert!(is_known, "{what}: claude-sync/{folder}/{name} is left over ({current} is current)");
            }
        }
        for number in names("generations") {
            for name in names(&format!("generations/{number}")) {
                assert!(!name.ends_with(".new"), "{what}: generations/{number}/{name} is left over");
            }
        }
    }

    /// Every hook of settings.json that lies in the root can be run at this very instant.
    pub fn check_hooks(&self, what: &str) {
        let Ok(text) = fs::read_to_string(self.sandbox.settings()) else { return };
        let settings: Value =
            serde_json::from_str(&text).unwrap_or_else(|error| panic!("{what}: {error}\n{text}"));
        for command in commands(&settings) {
            let Some(relative) = command.strip_prefix("~/.claude/") else { continue };
            let path = self.sandbox.root().join(relative);
            let mode = fs::metadata(&path).map(|metadata| metadata.permissions().mode());
            assert!(mode.is_ok_and(|mode| mode & 0o111 != 0), "{what}: {command} is not there to be run");
        }
    }
}

/// The command of every hook.
pub fn commands(settings: &Value) -> Vec<String> {
    let events = settings["hooks"].as_object().into_iter().flat_map(|events| events.values());
    let groups = events.filter_map(Value::as_array).flatten();
    let entries = groups.filter_map(|group| group["hooks"].as_array()).flatten();
    entries.filter_map(|entry| entry["command"].as_str()).map(str::to_owned).collect()
}

/// What a tree has that neither state has, and what it lacks of each.
pub fn difference(old: &[String], new: &[String], found: &[String]) -> String {
    let missing = |from: &[String]| -> Vec<String> {
        from.iter().filter(|line| !found.contains(line)).cloned().collect()
    };
    let surplus: Vec<_> = found.iter().filter(|line| !old.contains(line) && !new.contains(line)).collect();
    format!(
        "in none: {surplus:#?}\nof the old, missing: {:#?}\nof the new, missing: {:#?}",
        missing(old),
        missing(new)
    )
}

/// Whether to try everything; CI does.
pub fn is_thorough() -> bool {
    std::env::var_os("CS_THOROUGH").is_some_and(|value| !value.is_empty())
}

/// Whether even what takes half an hour is wanted: `CS_THOROUGH=all`.
pub fn is_all() -> bool {
    std::env::var("CS_THOROUGH").is_ok_and(|how| how == "all")
}

/// How much of something long: with `CS_THOROUGH=all`, on CI, and otherwise.
pub fn by_wish<T>([all, ci, otherwise]: [T; 3]) -> T {
    match is_thorough() {
        _ if is_all() => all,
        true => ci,
        false => otherwise,
    }
}

/// Each `step`-th, or each when everything is wanted.
pub fn stride(step: usize) -> usize {
    if is_thorough() { 1 } else { step }
}
