//! Generations: there and back again, with edits by hand in between.

use serde_json::{Value, json};

use crate::sandbox::Sandbox;

fn profile(sandbox: &Sandbox, name: &str, text: &str) {
    sandbox.write(&format!("dotfiles/{name}.toml"), format!("format = 1\n{text}"));
}

/// Three profiles over one settings file: a scalar they all displace, a permission and a hook each.
fn three() -> Sandbox {
    let sandbox = Sandbox::new();
    for name in ["a", "b", "c"] {
        sandbox.script(&format!("dotfiles/hooks/{name}.sh"), &format!("#!/bin/sh\necho {name}\n"));
        let text = format!(
            "settings.model = \"{name}\"\nsettings.permissions.allow = [\"Bash({name})\"]\n\
             [hooks.{name}]\nevent = \"Stop\"\nsource = \"hooks/{name}.sh\"\n\
             [hooks.shared]\nevent = \"Stop\"\nmatcher = \"x\"\nsource = \"hooks/{name}.sh\"\n"
        );
        profile(&sandbox, name, &text);
    }
    sandbox.write(".claude/settings.json", "{\n  \"model\": \"mine\",\n  \"theme\": \"dark\"\n}\n");
    sandbox
}

fn apply(sandbox: &Sandbox, name: &str) {
    sandbox.cs(&["apply", "--yes", "--profile", &format!("dotfiles/{name}.toml")]).ok();
}

fn settings(sandbox: &Sandbox) -> Value {
    serde_json::from_str(&sandbox.read(".claude/settings.json")).expect("JSON")
}

/// What is there when profile `name` is applied and the user has added nothing but `extra`.
#[track_caller]
fn assert_is(sandbox: &Sandbox, name: &str, extra: &Value) {
    let hook = |matcher: Option<&str>, file: &str| {
        let mut group = json!({"hooks": [{"type": "command", "command": format!("~/.claude/hooks/{file}")}]});
        if let Some(matcher) = matcher {
            group["matcher"] = json!(matcher);
        }
        group
    };
    let mut found = settings(sandbox);
    let groups = found["hooks"]["Stop"].as_array().cloned().unwrap_or_default();
    assert_eq!(groups.len(), 2, "{found}");
    assert!(groups.contains(&hook(None, name)) && groups.contains(&hook(Some("x"), "shared")), "{found}");
    found.as_object_mut().expect("an object").remove("hooks");
    let mut expected =
        json!({"model": name, "theme": "dark", "permissions": {"allow": [format!("Bash({name})")]}});
    for (key, value) in extra.as_object().expect("an object") {
        expected[key] = value.clone();
    }
    assert_eq!(found, expected);
    for hook in [name, "shared"] {
        assert_eq!(sandbox.read(&format!(".claude/hooks/{hook}")), format!("#!/bin/sh\necho {name}\n"));
    }
    let others = ["a", "b", "c"].into_iter().filter(|other| *other != name);
    for other in others {
        assert!(!sandbox.path(&format!(".claude/hooks/{other}")).exists(), "{other}");
    }
}

#[test]
fn there_and_back_again_with_a_hand_edit_kept() {
    let sandbox = three();
    let original = sandbox.read(".claude/settings.json");
    for name in ["a", "b", "c"] {
        apply(&sandbox, name);
        assert_is(&sandbox, name, &json!({}));
    }
    sandbox.cs(&["rollback", "1", "--yes"]).ok();
    assert_is(&sandbox, "a", &json!({}));
    // By hand: a key of one's own, and the theme.
    let edited = sandbox.read(".claude/settings.json").replace("\"dark\"", "\"light\"");
    sandbox.write(".claude/settings.json", edited.replacen('{', "{\n  \"mine\": true,", 1));
    apply(&sandbox, "b");
    assert_is(&sandbox, "b", &json!({"theme": "light", "mine": true}));
    sandbox.cs(&["rollback", "--yes"]).ok();
    assert_is(&sandbox, "a", &json!({"theme": "light", "mine": true}));
    sandbox.cs(&["verify"]).ok();
    // The displaced value is still the user's own, after all of it.
    sandbox.cs(&["uninstall", "--yes"]).ok();
    let expected = original.replace("\"dark\"", "\"light\"").replacen('{', "{\n  \"mine\": true,", 1);
    assert_eq!(sandbox.read(".claude/settings.json"), expected);
}

#[test]
fn generations_are_numbered_listed_and_told_apart() {
    let sandbox = three();
    apply(&sandbox, "a");
    apply(&sandbox, "b");
    sandbox.cs(&["rollback", "1", "--yes"]).ok();
    let list = sandbox.cs(&["generations", "--json"]).ok().json();
    let rows: Vec<_> = list["generations"]
        .as_array()
        .expect("rows")
        .iter()
        .map(|row| (row["generation"].clone(), row["cause"].clone()))
        .collect();
    let rollback = json!({"rollback": {"of": 1}});
    assert_eq!(rows, [(json!(3), rollback), (json!(2), json!("apply")), (json!(1), json!("apply"))]);
    assert_eq!(list["current"], 3);
    let same = sandbox.cs(&["diff", "1", "3", "--json"]).ok().json();
    assert_eq!(same["differences"], json!([]));
    let differences = sandbox.cs(&["diff", "1", "2", "--json"]).ok().json();
    let what: Vec<_> = differences["differences"]
        .as_array()
        .expect("rows")
        .iter()
        .map(|row| row["what"].as_str().expect("text").to_owned())
        .collect();
    assert!(
        what.contains(&"hooks/shared".to_owned()) && what.contains(&"settings.json  model".to_owned()),
        "{what:?}"
    );
    assert!(sandbox.cs(&["diff", "3"]).ok().out.contains("is generation 3"));
    assert!(sandbox.cs(&["diff", "2", "live"]).ok().out.contains("- hooks/b"));
}

#[test]
fn a_difference_to_the_disk_goes_from_then_to_now() {
    let sandbox = Sandbox::new();
    let version = |model: &str, agent: &str, more: &str| {
        let agent = format!("---\nname: a\ndescription: d\n---\n{agent}\n");
        sandbox.write("dotfiles/a.md", agent).profile(&format!(
            "settings.model = \"{model}\"\n[agents.a]\nsource = \"a.md\"\n[settings.env]\n{more}\n"
        ));
        sandbox.apply();
    };
    version("sonnet", "Before.", "GONE = \"1\"");
    version("opus", "After.", "NEW = \"1\"");
    let said = sandbox.cs(&["diff", "1"]).ok().out;
    for words in [
        "From generation 1 to the disk as it is:",
        "-   Before.",
        "+   After.",
        "~ model     \"sonnet\" → \"opus\"",
        "- env.GONE  \"1\"",
        "+ env.NEW   \"1\"",
        "-       \"GONE\": \"1\"",
        "+       \"NEW\": \"1\"",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
    let json = sandbox.cs(&["diff", "1", "--json"]).ok().json();
    assert_eq!((&json["a"], &json["b"]), (&json!(1), &json!("live")));
    let differences = json["differences"].as_array().expect("a list");
    for (change, what) in [
        ("changed", "agents/a.md"),
        ("changed", "settings.json  model"),
        ("removed", "settings.json  env.GONE"),
        ("added", "settings.json  env.NEW"),
    ] {
        assert!(differences.contains(&json!({"change": change, "what": what})), "{what}: {json}");
    }
}

#[test]
fn why_knows_what_the_profile_calls_things() {
    let sandbox = Sandbox::new();
    sandbox
        .script("dotfiles/h.sh", "#!/bin/sh\n")
        .write("dotfiles/a.md", "---\nname: a\ndescription: d\n---\nDo.\n")
        .profile(
            "[hooks.format-rust]\nevent = [\"Stop\", \"PreToolUse\"]\nsource = \"h.sh\"\n\
             [hooks.chime]\nevent = [\"Stop\", \"Notification\"]\ncommand = \"printf '\\\\a'\"\n\
             [hooks.watch]\nevent = \"PreToolUse\"\nbuiltin = \"intelligent-optimizer\"\n\
             [agents.a]\nsource = \"a.md\"\n[files.\"notes/x.txt\"]\ntext = \"x\"\n",
        );
    sandbox.apply();
    let said = sandbox.cs(&["why", "hooks.format-rust"]).ok().out;
    for words in ["hooks/format-rust   added", "hooks.Stop  ~/.claude", "hooks.PreToolUse  ~/.claude"] {
        assert!(said.contains(words), "{words}: {said}");
    }
    assert!(sandbox.cs(&["why", "agents.a"]).ok().out.starts_with("agents/a.md   added"));
    assert!(sandbox.cs(&["why", "files.notes/x.txt"]).ok().out.starts_with("notes/x.txt   added"));
    assert_eq!(sandbox.cs(&["why", "hooks.Stop"]).ok().out.lines().count(), 2);
    // A hook without a file of its own is known by its entries alone.
    let chime = sandbox.cs(&["why", "hooks.chime"]).ok().out;
    let lines: Vec<&str> = chime.lines().collect();
    assert!(lines.iter().all(|line| line.contains("printf")) && lines.len() == 2, "{chime}");
    assert!(
        lines[0].starts_with("hooks.Stop  ") && lines[0].ends_with("declared in claude-sync.toml:5"),
        "{chime}"
    );
    let command = sandbox.cs(&["why", "hooks.chime", "printf '\\a'"]).ok().out;
    assert_eq!(command, chime);
    sandbox.cs(&["why", "hooks.chime", "printf"]).code(1);
    assert!(
        sandbox
            .cs(&["why", "hooks.watch"])
            .ok()
            .out
            .starts_with("hooks.PreToolUse  ~/.claude/hooks/intelligent-optimizer")
    );
    sandbox.cs(&["why", "hooks.other"]).code(1);
}

#[test]
fn pruning_keeps_the_current_its_parent_and_what_is_pinned() {
    let sandbox = three();
    for _ in 0..3 {
        apply(&sandbox, "a");
        apply(&sandbox, "b");
    }
    sandbox.cs(&["generations", "pin", "2"]).ok();
    let pruned = sandbox.cs(&["generations", "prune", "--keep", "1", "--json"]).ok().json();
    assert_eq!(pruned["removed"], json!([1, 3, 4]));
    sandbox.cs(&["verify"]).ok();
    sandbox.cs(&["generations", "unpin", "2"]).ok();
    let pruned = sandbox.cs(&["generations", "prune", "--keep", "0", "--json"]).ok().json();
    assert_eq!(pruned["removed"], json!([2]));
    sandbox.cs(&["rollback", "--yes"]).ok();
    assert_is(&sandbox, "a", &json!({}));
    let past = sandbox.cs(&["rollback", "1", "--yes"]).code(1);
    assert!(past.err.contains("generation 1 does not exist"), "{past}");
}

#[test]
fn there_is_no_way_back_past_the_oldest() {
    let sandbox = three();
    apply(&sandbox, "a");
    let past = sandbox.cs(&["rollback", "--yes"]).code(1);
    assert!(past.err.contains("the oldest there is"), "{past}");
    let nothing = Sandbox::new();
    for command in
        [&["rollback", "--yes"][..], &["generations", "pin", "1"], &["generations", "prune", "--keep", "1"]]
    {
        assert!(nothing.cs(command).code(1).err.contains("nothing was ever applied"), "{command:?}");
        assert!(!nothing.root().exists(), "{command:?} made the root");
    }
}

#[test]
fn a_damaged_file_is_not_rolled_back_to() {
    let sandbox = three();
    apply(&sandbox, "a");
    apply(&sandbox, "b");
    let stored = sandbox.path(".claude/claude-sync/generations/1/files/hooks/a");
    std::fs::remove_file(&stored).expect("removed");
    std::fs::write(&stored, "#!/bin/sh\nrm -rf /\n").expect("written");
    let source = sandbox.read("dotfiles/hooks/a.sh");
    sandbox.write("dotfiles/hooks/a.sh", "#!/bin/sh\necho other\n");
    let refused = sandbox.cs(&["rollback", "1", "--yes"]).code(1);
    assert!(refused.err.contains("hooks/a is not as it was stored"), "{refused}");
    assert_is(&sandbox, "b", &json!({}));
    // What it was taken from is as good.
    sandbox.write("dotfiles/hooks/a.sh", source);
    sandbox.cs(&["rollback", "1", "--yes"]).ok();
    assert_is(&sandbox, "a", &json!({}));
}

#[test]
fn the_second_apply_writes_nothing_at_all() {
    let sandbox = three();
    apply(&sandbox, "a");
    let before = times(&sandbox);
    let again = sandbox.cs(&["apply", "--yes"]).ok();
    assert_eq!(again.out, "Up to date: generation 1.\n");
    assert_eq!(times(&sandbox), before);
    sandbox.cs(&["plan", "--exit-code"]).ok();
    assert_eq!(times(&sandbox), before);
}

/// Name, modification and change time of everything below the root.
fn times(sandbox: &Sandbox) -> Vec<(String, i64, i64, i64, i64)> {
    use std::os::unix::fs::MetadataExt as _;
    let mut found = Vec::new();
    let mut open = vec![sandbox.root()];
    while let Some(path) = open.pop() {
        let m = std::fs::symlink_metadata(&path).expect("there");
        found.push((path.display().to_string(), m.mtime(), m.mtime_nsec(), m.ctime(), m.ctime_nsec()));
        if m.is_dir() {
            open.extend(std::fs::read_dir(&path).expect("folder").map(|entry| entry.expect("entry").path()));
        }
    }
    found.sort();
    found
}

#[test]
fn a_saved_plan_is_applied_exactly_or_refused_as_stale() {
    let sandbox = three();
    sandbox.cs(&["plan", "--profile", "dotfiles/a.toml", "--out", "saved"]).ok();
    sandbox.cs(&["apply", "saved"]).ok();
    assert_is(&sandbox, "a", &json!({}));
    let stale = sandbox.cs(&["apply", "saved"]).code(1);
    assert!(
        stale.err.contains("stale") && stale.err.contains("the current generation was none and is 1"),
        "{stale}"
    );
    sandbox.cs(&["plan", "--profile", "dotfiles/b.toml", "--out", "saved"]).ok();
    sandbox.script("dotfiles/hooks/b.sh", "#!/bin/sh\necho other\n");
    let edited = sandbox.read(".claude/settings.json").replace("dark", "light");
    sandbox.write(".claude/settings.json", edited);
    let stale = sandbox.cs(&["apply", "saved"]).code(1);
    assert!(
        stale.err.contains("hooks/b declared differently")
            && stale.err.contains("settings.json changed on disk"),
        "{stale}"
    );
    assert_eq!(settings(&sandbox)["model"], "a");
}

#[test]
fn a_default_that_the_user_changed_is_no_reason_for_a_generation() {
    let sandbox = Sandbox::new();
    sandbox.write(".claude/settings.json", "{}").profile("[defaults]\ncleanupPeriodDays = 9\n");
    sandbox.apply();
    let edited = sandbox.read(".claude/settings.json").replace('9', "10");
    sandbox.write(".claude/settings.json", &edited);
    sandbox.cs(&["plan", "--exit-code"]).ok();
    assert!(sandbox.apply().out.contains("Up to date: generation 1"));
    sandbox.cs(&["verify"]).ok();
    sandbox.cs(&["uninstall", "--yes"]).ok();
    assert_eq!(settings(&sandbox), json!({"cleanupPeriodDays": 10}));
}
