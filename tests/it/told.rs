//! What plan and apply say of what they would do, of what is in the way, and of what changes in no file; and that
//! asking leaves nothing behind.

use std::io::{Read as _, Write as _};
use std::process::{Child, Command, Stdio};

use serde_json::json;

use crate::sandbox::{Sandbox, ran};

const PROFILE: &str = "dotfiles/claude-sync.toml";

/// All there is in the home: paths, kinds, modes, where links lead, contents.
fn everything(sandbox: &Sandbox) -> String {
    let text =
        "find . -printf '%p %y %m %l\\n' | sort; find . -type f -print0 | sort -z | xargs -0 -r sha256sum";
    let mut shell = Command::new("sh");
    let output = shell.args(["-c", text]).current_dir(sandbox.home()).output().expect("sh runs");
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// `cs` on a terminal, which has asked its question; what it has said until then.
fn asking(sandbox: &Sandbox, args: &str) -> (Child, String) {
    let mut command = Command::new("script");
    command
        .args(["-qec", &format!("{} {args}", env!("CARGO_BIN_EXE_cs")), "/dev/null"])
        .env_clear()
        .envs([("TERM", "dumb"), ("NO_COLOR", "1"), ("PATH", "/usr/local/bin:/usr/bin:/bin")])
        .env("HOME", sandbox.home())
        .current_dir(sandbox.home())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    let mut child = command.spawn().expect("script runs");
    let mut said = Vec::new();
    let mut byte = [0];
    let out = child.stdout.as_mut().expect("piped");
    while !said.ends_with(b"[y/N] ") && out.read(&mut byte).expect("readable") > 0 {
        said.push(byte[0]);
    }
    (child, String::from_utf8(said).expect("UTF-8"))
}

/// Types that, and waits for the end.
fn typing(mut child: Child, keys: &str) -> String {
    child.stdin.take().expect("piped").write_all(keys.as_bytes()).expect("typed");
    ran(child.wait_with_output().expect("it ends")).out
}

#[test]
fn whoever_does_not_say_yes_finds_everything_as_it_was() {
    for is_there in [true, false] {
        let sandbox = Sandbox::new();
        sandbox.profile("settings.model = \"opus\"\n[files.x]\ntext = \"x\"\n").write("work/README", "hello");
        if is_there {
            sandbox.write(".claude/settings.json", "{}\n").write("work/.claude/settings.json", "{}\n");
        }
        let before = everything(&sandbox);
        for project in ["", " --project work"] {
            let args = format!("apply --profile {PROFILE}{project}");
            // No, nothing, the end of the input, Ctrl-C.
            for keys in ["n\n", "\n", "\u{4}", "\u{3}"] {
                let (child, said) = asking(&sandbox, &args);
                assert!(said.contains("settings.json") && said.ends_with("Apply? [y/N] "), "{said}");
                assert_eq!(everything(&sandbox), before, "while it asks");
                typing(child, keys);
                assert_eq!(everything(&sandbox), before, "{keys:?}");
            }
            let (child, _) = asking(&sandbox, &args);
            let said = typing(child, "y\n");
            assert!(said.contains("Generation 1 is current"), "{said}");
            let there: &[&str] = if project.is_empty() { &[] } else { &["--project", "work"] };
            sandbox.cs(&[&["uninstall", "--yes", "--purge"][..], there].concat()).ok();
            assert_eq!(everything(&sandbox), before);
        }
    }
}

/// Nothing is locked while somebody thinks: what they said yes to has to be what is done.
#[test]
fn a_yes_is_to_what_was_shown() {
    let sandbox = Sandbox::new();
    sandbox.profile("settings.model = \"opus\"\n").write(".claude/settings.json", "{}\n");
    let (child, _) = asking(&sandbox, &format!("apply --profile {PROFILE}"));
    sandbox.write(".claude/settings.json", "{\"model\": \"haiku\"}\n");
    let before = everything(&sandbox);
    let said = typing(child, "y\n");
    let [_, anew] = said.split("has changed since this was shown").collect::<Vec<_>>()[..] else {
        panic!("{said}")
    };
    assert!(anew.contains("\"haiku\" → \"opus\"") && anew.contains("Nothing was changed."), "{said}");
    assert_eq!(everything(&sandbox), before);
    // So it is where another cs was first.
    let (child, _) = asking(&sandbox, &format!("apply --profile {PROFILE}"));
    sandbox.apply();
    let said = typing(child, "y\n");
    assert!(said.contains("has changed since this was shown"), "{said}");
    assert!(said.contains("Up to date: generation 1."), "{said}");
}

#[test]
fn what_is_in_the_way_is_shown_in_the_whole_plan() {
    let sandbox = Sandbox::new();
    sandbox
        .profile(
            "settings.model = \"x\"\n[files.a]\ntext = \"a\"\n[files.b]\ntext = \"b\"\n[files.\"c/d\"]\ntext = \"d\"\n\
             [files.fine]\ntext = \"x\"\n",
        )
        .write(".claude/a", "mine")
        .write(".claude/b", "b")
        .write(".claude/c", "where a folder has to be");
    let before = everything(&sandbox);
    for command in ["plan", "apply"] {
        let told = sandbox.cs(&[command, "--profile", PROFILE]).code(1);
        if command == "plan" {
            insta::assert_snapshot!(format!("{}---\n{}", told.out, told.err), @r#"
            Profile  ~/dotfiles/claude-sync.toml
            Root     ~/.claude  (nothing of cs's there yet)

              + fine                          new                  claude-sync.toml:9
              x c                             in the way: no folder, where a folder has to be   claude-sync.toml:7
              x a                             in the way: a file   claude-sync.toml:3
              x b                             in the way: a file with the same content   claude-sync.toml:5
              + settings.json                 1 entry
                  + model  "x"

            2 to add, 3 in the way.
            ---
            error: 3 paths are taken by something that is not cs's

              c  is no folder  where a folder has to be  (claude-sync.toml:7)
              a  is a file  (claude-sync.toml:3)
              b  is a file  with the same content  (claude-sync.toml:5)

            Nothing was changed. cs only puts things into real folders: move that away, or make it a folder. Move aside what is there, and get it back on uninstall: --on-conflict backup. Leave it, and leave out what was declared there: --on-conflict skip. What has the same content can be taken over, where nothing else is in the way: --on-conflict adopt.
            "#);
        }
        assert!(told.out.contains("  x a ") && told.out.contains("  + fine"), "{told}");
        let json = sandbox.cs(&[command, "--json", "--profile", PROFILE]).code(1).json();
        let paths: Vec<&str> = json["conflicts"]
            .as_array()
            .expect("a list")
            .iter()
            .filter_map(|own| own["path"].as_str())
            .collect();
        assert_eq!(paths, ["c", "a", "b"], "{json}");
        assert_eq!(json["conflicts"][2]["identical"], true);
        assert_eq!(json["plan"]["paths"][0]["path"], "fine");
        assert_eq!(json["plan"]["entries"][0]["entry"], "model");
        assert_eq!((&json["success"], &json["exit_code"]), (&json!(false), &json!(1)));
    }
    assert_eq!(sandbox.cs(&["plan", "-q", "--exit-code", "--profile", PROFILE]).code(1).out, "");
    assert_eq!(everything(&sandbox), before);
    // What others put in the place of ours is one of the plan's lines, too.
    sandbox.profile("settings.model = \"x\"\n[files.b]\ntext = \"b\"\n");
    std::fs::remove_file(sandbox.path(".claude/b")).expect("removed");
    sandbox.apply();
    std::fs::remove_file(sandbox.path(".claude/b")).expect("removed");
    sandbox.write(".claude/b", "theirs").profile("settings.model = \"y\"\n[files.b]\ntext = \"b\"\n");
    let told = sandbox.cs(&["plan"]).code(1);
    assert!(told.out.contains("in the way: a file, put there by others since generation 1"), "{told}");
    assert!(told.out.contains("\"x\" → \"y\"") && told.out.contains("1 to change, 1 in the way."), "{told}");
}

/// What the bundled hooks go by lies in no file of anybody's, and is said all the same.
#[test]
fn what_the_bundled_hooks_go_by_is_said() {
    let sandbox = Sandbox::new();
    let profile = |more: &str| {
        sandbox.profile(&format!("extends = [\"builtin:guarded\"]\n{more}"));
    };
    profile("[guard]\ngit = \"ask\"\n");
    sandbox.apply();
    profile("[guard]\ngit = \"deny\"\npaths = [\"~/scratch\"]\n");
    let told = sandbox.cs(&["plan"]).ok();
    insta::assert_snapshot!(sandbox.tidy(&told.out), @r#"
    Profile  ~/dotfiles/claude-sync.toml
    Root     ~/.claude  at generation 1

      ~ the bundled hooks             2 settings
          ~ guard.git    "ask" → "deny"
          + guard.paths  ["~/scratch"]

    No file changes; the bundled hooks go by 2 other settings.   cs apply   ·   cs plan --explain
    "#);
    let json = sandbox.cs(&["plan", "--json"]).ok().json();
    assert_eq!(json["runtime"][0], json!({"entry": "guard.git", "before": "ask", "after": "deny"}));
    let told = sandbox.cs(&["apply", "--yes"]).ok();
    assert!(told.out.contains("(from 1).  2 settings of the bundled hooks, "), "{told}");
    assert!(sandbox.cs(&["apply", "--yes"]).ok().out.contains("Up to date: generation 2."));
    // Back is a change as well.
    let told = sandbox.cs(&["rollback", "--yes"]).ok();
    assert!(told.out.contains("2 settings of the bundled hooks"), "{told}");
    // Beside something else it is counted with it.
    profile("settings.model = \"x\"\n[guard]\ngit = \"deny\"\n");
    let told = sandbox.cs(&["plan"]).ok();
    assert!(told.out.contains("1 to add, 1 setting of the bundled hooks."), "{told}");
    // Where none of them is, nothing goes by it.
    sandbox.profile("[learning]\nretention-days = 10\n").apply();
    sandbox.profile("[learning]\nretention-days = 11\n");
    let told = sandbox.cs(&["plan"]).ok();
    assert!(told.out.contains("learning.retention-days  10 → 11"), "{told}");
    assert!(told.out.contains("none of which is installed"), "{told}");
}

/// A permission that somebody takes for withdrawn is not to stay in silence.
#[test]
fn what_stays_although_it_is_declared_no_longer_is_said() {
    let sandbox = Sandbox::new();
    sandbox.profile("[settings]\npermissions.allow = [\"Bash(a)\"]\n").apply();
    let settings = json!({"permissions": {"allow": ["Bash(a)", "Bash(rm:*)"]}});
    sandbox.write(".claude/settings.json", settings.to_string());
    sandbox.cs(&["capture", "--all", "--yes"]).ok();
    sandbox.apply();
    sandbox.profile("[settings]\npermissions.allow = [\"Bash(a)\"]\n");
    for said in [sandbox.cs(&["plan"]).ok(), sandbox.apply()] {
        let told = "  = settings.json                 stays as it is, 2 others untouched\n      = permissions.allow  Bash(rm:*)\n        \
            no longer declared; stays: it was yours before the profile had it\n";
        assert!(said.out.contains(told), "{said}");
    }
    assert!(sandbox.read(".claude/settings.json").contains("Bash(rm:*)"));
    let said = sandbox.cs(&["uninstall", "--yes"]).ok();
    assert!(!said.out.contains("stays"), "{said}");
}

#[test]
fn a_settings_file_that_is_a_link_is_told_where_it_leads() {
    let sandbox = Sandbox::new();
    sandbox.write("dots/settings.json", "{\"a\": 1}\n");
    std::fs::create_dir_all(sandbox.root()).expect("made");
    std::os::unix::fs::symlink("../dots/settings.json", sandbox.settings()).expect("a link");
    sandbox.profile("[settings]\nmodel = \"opus\"\n");
    let note = "      it is a link of yours: what changes is ~/dots/settings.json, and the link stays\n";
    let said = sandbox.cs(&["plan", "--profile", "dotfiles/claude-sync.toml"]).ok();
    assert!(said.out.contains(note), "{said}");
    sandbox.apply();
    assert!(sandbox.read("dots/settings.json").contains("opus"));
    assert!(sandbox.settings().is_symlink());
    // Where nothing changes nothing is said.
    assert!(!sandbox.cs(&["plan"]).ok().out.contains("it is a link"));
    assert!(sandbox.cs(&["uninstall", "--dry-run"]).ok().out.contains(note));
}
