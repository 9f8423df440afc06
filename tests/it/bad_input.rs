//! Bad input gets a clear error, and nothing is changed.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use crate::sandbox::{Ran, Sandbox, skipped};

const PROFILE: &str = "settings.model = \"opus\"\n[hooks.h]\nevent = \"Stop\"\ncommand = \"true\"\n";

/// Applies and expects a refusal that says each of `words`, and the same tree as before.
#[track_caller]
fn refused(sandbox: &Sandbox, words: &[&str]) -> Ran {
    let before = sandbox.tree();
    let ran = sandbox.cs(&["apply", "--yes", "--profile", "dotfiles/claude-sync.toml"]).code(1);
    for word in words {
        assert!(ran.err.contains(word), "{word:?} is not in: {ran}");
    }
    assert!(ran.err.starts_with("error: ") && ran.err.contains("Nothing was changed"), "{ran}");
    assert_eq!(sandbox.tree(), before);
    ran
}

fn with_settings(text: impl AsRef<[u8]>) -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.profile(PROFILE).write(".claude/settings.json", text);
    sandbox
}

#[test]
fn settings_the_client_would_not_read() {
    let deep = format!("{{\"a\":{}{}}}", "[".repeat(10_000), "]".repeat(10_000));
    let large = format!("{{\"a\":\"{}\"}}", "x".repeat(10 << 20));
    for (text, words) in [
        ("", &["is empty"][..]),
        (
            "{\n  // my model\n  \"model\": \"x\"\n}",
            &["has a comment", "settings.json:2:3", "// my model", "^"],
        ),
        ("{\"a\": [1,]}", &["trailing comma", "settings.json:1:"]),
        ("{\"a\": }", &["is not JSON", "settings.json:1:7"]),
        ("{\"a\": 1,\n \"a\": 2}", &["the key \"a\" twice", "settings.json:2:2"]),
        ("[]", &["is a list, not an object"]),
        ("\"x\"", &["is a string, not an object"]),
        ("{\"hooks\": {\"Stop\": \"x\"}}", &["hooks.Stop", "is a string", "a list"]),
        ("{\"hooks\": []}", &["hooks in settings.json is a list"]),
        (
            "{\"hooks\": {\"PreToolUse\": [{\"matcher\": {}, \"hooks\": []}]}}",
            &["hooks.PreToolUse[0].matcher"],
        ),
        (&deep, &["levels deep"]),
        (&large, &["bytes large"]),
    ] {
        refused(&with_settings(text), words);
    }
    refused(&with_settings(b"{\"a\": \"\xff\"}"), &["is not UTF-8"]);
}

#[test]
fn a_settings_file_that_would_become_too_large() {
    let text = format!("{{\"a\":\"{}\"}}", "x".repeat((2 << 20) - 10));
    refused(&with_settings(text), &["bytes large; 2097152 is the most"]);
    // One that others have made too large is let go of all the same.
    let sandbox = with_settings("{}");
    sandbox.apply();
    let large = sandbox.read(".claude/settings.json").replacen(
        '{',
        &format!("{{\"a\":\"{}\",", "x".repeat(2 << 20)),
        1,
    );
    sandbox.write(".claude/settings.json", large);
    sandbox.cs(&["uninstall", "--yes"]).ok();
    assert!(!sandbox.read(".claude/settings.json").contains("opus"));
}

#[test]
fn a_settings_file_that_is_something_else() {
    let sandbox = Sandbox::new();
    sandbox.profile(PROFILE);
    fs::create_dir_all(sandbox.settings()).expect("a folder");
    refused(&sandbox, &["it is not a regular file"]);

    let sandbox = Sandbox::new();
    sandbox.profile(PROFILE).write(".claude/other", "");
    symlink("nowhere", sandbox.settings()).expect("a link");
    refused(&sandbox, &["leads nowhere"]);

    let sandbox = Sandbox::new();
    sandbox.profile(PROFILE).write("dotfiles/settings.json", "{}").write(".claude/other", "");
    symlink("../dotfiles/settings.json", sandbox.path(".claude/middle.json")).expect("a link");
    symlink("middle.json", sandbox.settings()).expect("a link");
    refused(&sandbox, &["a link to another link"]);

    let sandbox = with_settings("{}");
    fs::hard_link(sandbox.settings(), sandbox.path("second")).expect("a second name");
    refused(&sandbox, &["a second name"]);
}

#[test]
fn a_settings_file_that_another_root_has_entries_in_is_refused() {
    for target in ["dotfiles/settings.json", ".claude/settings.json"] {
        let sandbox = with_settings("{}");
        if target.starts_with("dotfiles") {
            fs::rename(sandbox.settings(), sandbox.path(target)).expect("moved");
            symlink("../dotfiles/settings.json", sandbox.settings()).expect("a link");
        }
        fs::create_dir(sandbox.path("other")).expect("a folder");
        symlink(format!("../{target}"), sandbox.path("other/settings.json")).expect("a link");
        let apply = ["apply", "--yes", "--profile", "dotfiles/claude-sync.toml"];
        sandbox.cs(&apply).ok();
        let text = sandbox.read(target);
        let ran = sandbox.cs(&[&apply[..], &["--root", "other"]].concat()).code(1);
        for words in ["entries of another root's", "cs uninstall --root ~/.claude", "Nothing was changed"] {
            assert!(ran.err.contains(words), "{target}: {words}: {ran}");
        }
        assert_eq!(sandbox.read(target), text);
        // Who has them may go on.
        sandbox.cs(&apply).ok();
        sandbox.cs(&["uninstall", "--yes"]).ok();
        sandbox.cs(&[&apply[..], &["--root", "other"]].concat()).ok();
        sandbox.cs(&["uninstall", "--yes", "--root", "other"]).ok();
        assert_eq!(sandbox.read(target), "{}");
    }
}

#[test]
fn one_link_to_a_regular_file_is_edited_at_its_target() {
    let sandbox = Sandbox::new();
    sandbox
        .profile(PROFILE)
        .write("dotfiles/settings.json", "{ \"model\": \"mine\" }")
        .write(".claude/other", "");
    symlink("../dotfiles/settings.json", sandbox.settings()).expect("a link");
    let before = sandbox.tree();
    sandbox.apply();
    assert!(sandbox.read("dotfiles/settings.json").contains("opus"));
    assert!(sandbox.settings().is_symlink());
    sandbox.cs(&["verify"]).ok();
    sandbox.cs(&["uninstall", "--yes"]).ok();
    assert_eq!(sandbox.read("dotfiles/settings.json"), "{ \"model\": \"mine\" }");
    assert_eq!(sandbox.tree(), before);
    let left: Vec<_> = fs::read_dir(sandbox.path("dotfiles"))
        .expect("there")
        .map(|e| e.expect("entry").file_name())
        .collect();
    assert_eq!(left.len(), 2, "{left:?}");
}

#[test]
fn a_root_that_is_a_file() {
    let sandbox = Sandbox::new();
    sandbox.profile(PROFILE).write(".claude", "not a folder");
    let ran = sandbox.cs(&["apply", "--yes", "--profile", "dotfiles/claude-sync.toml"]).code(1);
    assert!(ran.err.contains("~/.claude is not a folder"), "{ran}");
    assert_eq!(sandbox.read(".claude"), "not a folder");
}

#[test]
fn a_root_that_is_not_there_is_made() {
    let sandbox = Sandbox::new();
    sandbox.profile(PROFILE);
    sandbox.apply();
    let mode = fs::metadata(sandbox.root()).expect("there").permissions().mode() & 0o777;
    assert_eq!(mode, 0o700);
    sandbox.cs(&["uninstall", "--yes", "--purge"]).ok();
    assert!(!sandbox.root().exists());
}

#[test]
fn a_root_of_somebody_else() {
    let sandbox = with_settings("{}");
    // Only the super-user can give files away.
    if std::os::unix::fs::chown(sandbox.root(), Some(65_534), None).is_err() {
        skipped("this user can't give a folder away");
        return;
    }
    let ran = sandbox.cs(&["apply", "--yes", "--profile", "dotfiles/claude-sync.toml"]).code(1);
    assert!(ran.err.contains("belongs to user 65534") && ran.err.contains("sudo"), "{ran}");
    assert_eq!(sandbox.read(".claude/settings.json"), "{}");
    assert!(!sandbox.path(".claude/claude-sync").exists());
}

#[test]
fn profiles_that_are_wrong() {
    let long = format!("[agents.{}]\ntext = \"x\"\n", "a".repeat(4096));
    for (text, words) in [
        ("modle = 1\n", &["modle", "claude-sync.toml:2:1"][..]),
        ("[hooks.h]\nevent = \"PreTolUse\"\ncommand = \"x\"\n", &["PreTolUse", "PreToolUse"]),
        ("extends = [\"claude-sync.toml\"]\n", &["claude-sync.toml"]),
        ("extends = [\"gone.toml\"]\n", &["gone.toml"]),
        ("[agents.a]\nsource = \"gone.md\"\n", &["gone.md"]),
        ("[agents.a]\ntext = \"no frontmatter\"\n", &["no frontmatter", "help: begin with"]),
        ("[agents.\"../a\"]\ntext = \"x\"\n", &["../a"]),
        ("[files.\"/etc/passwd\"]\ntext = \"x\"\n", &["absolute"]),
        ("[files.\"a\\u0000b\"]\ntext = \"x\"\n", &["control character"]),
        (&long, &["bytes long"]),
        ("[files.a]\ntext = \"x\"\n[files.A]\ntext = \"y\"\n", &["files"]),
        ("[settings.hooks]\nStop = []\n", &["[hooks"]),
        ("settings.model = 5\n", &["model", "string"]),
        ("[hooks.h]\nevent = \"Stop\"\nsource = \"plain.sh\"\n", &["executable"]),
        ("broken = \n", &["claude-sync.toml:2:"]),
    ] {
        let sandbox = Sandbox::new();
        sandbox.profile(text).write("dotfiles/plain.sh", "#!/bin/sh\n").write(".claude/settings.json", "{}");
        refused(&sandbox, words);
    }
    let sandbox = Sandbox::new();
    let ran = sandbox.cs(&["apply", "--yes", "--profile", "gone.toml"]).code(1);
    assert!(ran.err.contains("gone.toml"), "{ran}");
    let ran = sandbox.cs(&["plan", "--profile", "builtin:defalt"]).code(1);
    assert!(ran.err.contains("default"), "{ran}");
}

#[test]
fn a_profile_that_was_only_found_is_not_applied_unasked() {
    let sandbox = Sandbox::new();
    sandbox
        .write("claude-sync.toml", "format = 1\nsettings.model = \"opus\"\n")
        .write(".claude/settings.json", "{}");
    let ran = sandbox.cs(&["apply", "--yes"]).code(1);
    assert!(ran.err.contains("only found") && ran.err.contains("--profile"), "{ran}");
    assert_eq!(sandbox.read(".claude/settings.json"), "{}");
    sandbox.cs(&["apply", "--yes", "--profile", "claude-sync.toml"]).ok();
    assert!(sandbox.cs(&["apply"]).ok().out.contains("Up to date"));
}

#[test]
fn our_own_files_damaged_or_newer() {
    let current = ".claude/claude-sync/current";
    let manifest = ".claude/claude-sync/generations/1/manifest.json";
    let ledger = ".claude/claude-sync/generations/1/ledger.json";
    let pending = ".claude/claude-sync/pending";
    for (file, text, words) in [
        (manifest, "{\"format\": 3, \"new\": true}", &["manifest.json", "newer cs", "Update cs"][..]),
        (manifest, "{\"format\": 1", &["manifest.json", "damaged"]),
        (ledger, "", &["ledger.json", "damaged"]),
        (ledger, "{\"format\": 99}", &["ledger.json", "newer cs"]),
        (pending, "{\"format\": 3}", &["pending", "newer cs"]),
        (pending, "garbage", &["pending", "damaged"]),
    ] {
        let sandbox = with_settings("{}");
        sandbox.apply();
        let settings = sandbox.read(".claude/settings.json");
        if sandbox.path(file).exists() {
            fs::remove_file(sandbox.path(file)).expect("removed");
        }
        sandbox.write(file, text).profile("settings.model = \"haiku\"\n");
        refused(&sandbox, words);
        assert_eq!(sandbox.read(".claude/settings.json"), settings);
        assert_eq!(sandbox.read(file), text, "a file we can't read was rewritten");
    }
    let sandbox = with_settings("{}");
    sandbox.apply();
    fs::remove_file(sandbox.path(current)).expect("there");
    symlink("generations/7", sandbox.path(current)).expect("a link");
    let before = sandbox.tree();
    let ran = sandbox.cs(&["apply", "--yes", "--profile", "dotfiles/claude-sync.toml"]).code(1);
    assert!(ran.err.contains("generation 7 does not exist"), "{ran}");
    assert_eq!(sandbox.tree(), before);
}

#[test]
fn a_root_that_another_kind_of_machine_applied_last() {
    let sandbox = with_settings("{}");
    sandbox.apply();
    let manifest = ".claude/claude-sync/generations/1/manifest.json";
    let other = sandbox
        .read(manifest)
        .replace("\"os\":\"linux\"", "\"os\":\"macos\"")
        .replace("\"os\":\"macos\"", "\"os\":\"plan9\"");
    fs::remove_file(sandbox.path(manifest)).expect("there");
    sandbox.write(manifest, other).profile("settings.model = \"haiku\"\n");
    refused(&sandbox, &["plan9", "CLAUDE_CONFIG_DIR"]);
}

#[test]
fn nobody_to_ask() {
    let sandbox = with_settings("{}");
    let ran = sandbox.cs(&["apply", "--profile", "dotfiles/claude-sync.toml"]).code(1);
    assert!(ran.err.contains("no terminal to ask on") && ran.err.contains("--yes"), "{ran}");
    assert_eq!(sandbox.read(".claude/settings.json"), "{}");
}

#[test]
fn usage_errors_exit_with_2() {
    let sandbox = Sandbox::new();
    sandbox.cs(&["aply"]).code(2);
    sandbox.cs(&["generations", "prune"]).code(2);
    sandbox.cs(&["rollback", "0"]).code(1);
    sandbox.cs(&["--version"]).ok();
    let object = sandbox.cs(&["aply", "--json"]).code(2).json();
    assert_eq!((object["success"].as_bool(), object["exit_code"].as_u64()), (Some(false), Some(2)));
    let ran = sandbox.cs(&["apply", "claude-sync.toml"]).code(1);
    assert!(ran.err.contains("cs apply --profile claude-sync.toml"), "{ran}");
}
