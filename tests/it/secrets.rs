//! Secrets as values: in the document in plain, and nowhere else.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use serde_json::{Value, json};

use crate::sandbox::{Ran, Sandbox, ran};

const APPLY: &[&str] = &["apply", "--yes", "--profile", "dotfiles/claude-sync.toml"];

/// A secret as people choose it: nothing tells that it is one.
const WEAK: &str = "hunter2";

fn with(sandbox: &Sandbox, args: &[&str], env: &[(&str, &str)]) -> Ran {
    ran(sandbox.command(args).envs(env.iter().copied()).output().expect("cs runs"))
}

fn value(sandbox: &Sandbox, path: &str) -> Value {
    serde_json::from_str(&sandbox.read(path)).expect("JSON")
}

/// The files below `folder` that have one of these texts in them.
pub fn holding(folder: &Path, texts: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().map(|entry| entry.expect("an entry")) {
        let path = entry.path();
        let kind = entry.file_type().expect("a type");
        if kind.is_dir() {
            found.extend(holding(&path, texts));
        } else if kind.is_file() {
            let bytes = fs::read(&path).expect("readable");
            let text = String::from_utf8_lossy(&bytes);
            found.extend(
                texts
                    .iter()
                    .filter(|own| text.contains(**own))
                    .map(|own| format!("{}: {own}", path.display())),
            );
        }
    }
    found
}

#[track_caller]
fn assert_nowhere(sandbox: &Sandbox, texts: &[&str]) {
    let found = holding(&sandbox.root().join("claude-sync"), texts);
    assert!(found.is_empty(), "{found:#?}");
}

/// Neither stdout nor stderr of any command that looks has the text.
#[track_caller]
fn assert_silent(sandbox: &Sandbox, texts: &[&str], env: &[(&str, &str)]) {
    let commands: &[&[&str]] = &[
        &["plan"],
        &["plan", "--explain"],
        &["plan", "--json"],
        &["plan", "--no-secrets"],
        &["status"],
        &["status", "--json"],
        &["verify", "-v"],
        &["why", "env"],
        &["why", "env", "--json"],
        &["why", "mcpServers"],
        &["capture", "--dry-run", "--undeclared"],
        &["capture", "--dry-run", "--undeclared", "--json"],
        &["doctor"],
        &["generations"],
        &["diff", "1"],
        &["diff", "1", "--json"],
        &["uninstall", "--dry-run"],
        &["uninstall", "--dry-run", "--json"],
    ];
    for args in commands {
        let ran = with(sandbox, args, env);
        for text in texts {
            assert!(!ran.out.contains(text) && !ran.err.contains(text), "{args:?}: {text}: {ran}");
        }
    }
}

const PROFILE: &str = r#"
[settings]
model = "opus"
env.FOO = { env = "FOO" }
[mcp.github]
url = "https://example.org/mcp"
headers.Authorization = { file = "secrets/token", prefix = "Bearer " }
"#;

const USERS: &str =
    "{\n  \"env\": {\n    \"FOO\": \"swordfish\",\n    \"BAR\": \"x\"\n  },\n  \"theme\": \"dark\"\n}\n";

fn prepared() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox
        .write(".claude/settings.json", USERS)
        .write(".claude.json", "{\n  \"numStartups\": 3\n}\n")
        .write("dotfiles/secrets/token", "correct-horse\n")
        .profile(PROFILE);
    for file in [".claude/settings.json", ".claude.json"] {
        fs::set_permissions(sandbox.path(file), fs::Permissions::from_mode(0o600)).expect("chmod");
    }
    sandbox
}

#[test]
fn a_secret_is_in_the_document_and_nowhere_else() {
    let sandbox = prepared();
    let before = sandbox.tree();
    let env = &[("FOO", WEAK)];
    let ran = with(&sandbox, APPLY, env).ok();
    assert!(!ran.out.contains(WEAK) && !ran.out.contains("swordfish") && !ran.out.contains("horse"), "{ran}");
    assert_eq!(value(&sandbox, ".claude/settings.json")["env"], json!({"FOO": WEAK, "BAR": "x"}));
    let server = &value(&sandbox, ".claude.json")["mcpServers"]["github"];
    assert_eq!(server["headers"], json!({"Authorization": "Bearer correct-horse"}));
    let texts = [WEAK, "swordfish", "correct-horse"];
    assert_nowhere(&sandbox, &texts);
    assert_silent(&sandbox, &texts, env);
    // Without the variable all that only looks works as well.
    assert_silent(&sandbox, &texts, &[]);
    assert!(sandbox.cs(&["verify"]).ok().out.contains("nothing wrong"));
    assert!(sandbox.cs(&["status"]).ok().out.contains("drift       none"));
    let why = sandbox.cs(&["why", "env.FOO"]).ok();
    insta::assert_snapshot!(why.out, @r"env.FOO   set by cs in generation 1 over your value, a secret, which comes back, declared in claude-sync.toml:5; a secret, from $FOO");

    // Once more: nothing, not even a new salt.
    let store = || fs::read_dir(sandbox.path(".claude/claude-sync/generations")).expect("there").count();
    let ran = with(&sandbox, APPLY, env).ok();
    assert!(ran.out.contains("Up to date: generation 1"), "{ran}");
    assert_eq!(store(), 1);

    // Uninstall needs none of the sources, and gives every byte back.
    fs::remove_file(sandbox.path("dotfiles/secrets/token")).expect("removed");
    sandbox.cs(&["uninstall", "--yes"]).ok();
    assert_eq!(sandbox.tree(), before);
    assert_eq!(sandbox.read(".claude.json"), "{\n  \"numStartups\": 3\n}\n");
    assert_nowhere(&sandbox, &texts);
}

#[test]
fn another_secret_is_a_change_and_the_old_one_is_forgotten() {
    let sandbox = prepared();
    with(&sandbox, APPLY, &[("FOO", WEAK)]).ok();
    let next = &[("FOO", "tr0ub4dor")];
    let plan = with(&sandbox, &["plan"], next).ok();
    insta::assert_snapshot!(sandbox.tidy(&plan.out), @r#"
    Profile  ~/dotfiles/claude-sync.toml
    Root     ~/.claude  at generation 1

      ~ settings.json                 1 entry, 3 others untouched
          ~ env.FOO  (secret) → another

        @@ settings.json @@
            {
              "env": {
        -       "FOO": (secret),
        +       "FOO": (secret),
                "BAR": "x"
              },

    1 to change.   cs apply   ·   cs plan --explain
    "#);
    let shown = with(&sandbox, &["plan", "--show-secrets"], next).ok();
    assert!(shown.out.contains("\"hunter2\" → \"tr0ub4dor\""), "{shown}");
    // Not looked up there is nothing to be seen.
    let blind = with(&sandbox, &["plan", "--no-secrets", "--exit-code"], &[]).ok();
    assert!(blind.out.contains("No secret was looked up"), "{blind}");
    with(&sandbox, &["apply", "--yes"], next).ok();
    assert_eq!(value(&sandbox, ".claude/settings.json")["env"]["FOO"], "tr0ub4dor");
    let texts = [WEAK, "swordfish", "tr0ub4dor", "correct-horse"];
    assert_nowhere(&sandbox, &texts);
    assert_silent(&sandbox, &texts, next);
    insta::assert_snapshot!(sandbox.cs(&["diff", "1", "2"]).ok().out, @r#"  ~ settings.json  env.FOO  "(secret: $FOO)" → another"#);

    // Of an entry with more in it, the field is named.
    sandbox.write("dotfiles/secrets/token", "correct-pony\n");
    let plan = with(&sandbox, &["plan"], next).ok();
    insta::assert_snapshot!(plan.out.lines().filter(|line| line.contains("github")).collect::<String>(),
        @"      ~ mcpServers.github  headers.Authorization changed (secret)");
    assert!(plan.out.contains("only the secret is another"), "{plan}");
    assert!(!plan.out.contains("pony") && !plan.out.contains("horse"), "{plan}");
    let json = with(&sandbox, &["plan", "--json"], next).ok().json();
    assert_eq!(json["entries"][0]["fields"], json!(["headers.Authorization"]), "{json}");
    let more = sandbox.read("dotfiles/claude-sync.toml") + "timeout = 9\n";
    sandbox.write("dotfiles/claude-sync.toml", more);
    let plan = with(&sandbox, &["plan"], next).ok();
    assert!(plan.out.contains("headers.Authorization changed (secret), timeout new"), "{plan}");
    assert!(!plan.out.contains("only the secret"), "{plan}");
    sandbox.write("dotfiles/secrets/token", "correct-horse\n").profile(PROFILE);

    // Back: by what is there, or by the sources, which have another value now.
    let ran = with(&sandbox, &["rollback", "1", "--yes"], &[]).ok();
    assert!(ran.out.contains("Up to date") && ran.err.contains("env.FOO can't be looked up now"), "{ran}");
    let ran = with(&sandbox, &["rollback", "1", "--yes"], next).ok();
    assert!(ran.out.contains("Up to date") && ran.err.is_empty(), "the same sources give the same: {ran}");
    // Where neither has it, not at all.
    let settings = sandbox.read(".claude/settings.json");
    sandbox.write(".claude/settings.json", settings.replace("tr0ub4dor", "by-hand"));
    let refused = with(&sandbox, &["rollback", "1", "--yes"], &[]).code(1);
    sandbox.write(".claude/settings.json", settings);
    insta::assert_snapshot!(refused.err, @r"
    error: a secret can't be had
      env.FOO  (claude-sync.toml:5)
        the environment has no FOO
        Set it: export FOO=…

    Nothing was changed. Other generations to go back to: cs generations. To let go of everything, which takes no secrets: cs uninstall
    ");
    with(&sandbox, &["rollback", "1", "--yes"], &[("FOO", WEAK)]).ok();
    assert_eq!(value(&sandbox, ".claude/settings.json")["env"]["FOO"], WEAK);
    sandbox.cs(&["uninstall", "--yes"]).ok();
    assert_eq!(sandbox.read(".claude/settings.json"), USERS);
}

/// All that can't be had are named at once, with the place and the remedy, and nothing is touched.
#[test]
fn a_secret_that_cannot_be_had_refuses_the_apply() {
    let sandbox = Sandbox::new();
    sandbox.write(".claude/settings.json", USERS).write("dotfiles/empty", "\n").script("dotfiles/fails", "#!/bin/sh\necho hunter2\necho 'gpg: no key' >&2\nexit 2\n").profile(
        "[settings]\nenv.A = { env = \"NOT_SET\" }\nenv.B = { file = \"nowhere\" }\nenv.C = { file = \"empty\" }\n\
         env.D = { command = [\"./fails\", \"now\"] }\nenv.E = { command = [\"no-such-program\"] }\n",
    );
    let before = sandbox.tree();
    let refused = sandbox.cs(APPLY).code(1);
    insta::assert_snapshot!(refused.err, @r"
    error: 3 secrets can't be had
      env.A  (claude-sync.toml:3)
        the environment has no NOT_SET
        Set it: export NOT_SET=…
      env.B  (claude-sync.toml:4)
        there is no file ~/dotfiles/nowhere
        Put it there, or name another file: paths are relative to the profile.
      env.C  (claude-sync.toml:5)
        ~/dotfiles/empty is empty
        Put something there, or take the entry out of the profile.

    Nothing was changed. What can be told without secrets: cs plan --profile dotfiles/claude-sync.toml --no-secrets
    ");
    assert_eq!(sandbox.tree(), before);
    let json =
        sandbox.cs(&["apply", "--yes", "--json", "--profile", "dotfiles/claude-sync.toml"]).code(1).json();
    assert_eq!(json["success"], false);
    // With those in place it is the programs' turn.
    sandbox.write("dotfiles/nowhere", "b").write("dotfiles/empty", "c");
    let refused = with(&sandbox, APPLY, &[("NOT_SET", "a")]).code(1);
    insta::assert_snapshot!(refused.err, @r"
    warning: settings.json holds a secret, and its mode (644) lets others read it: chmod go= ~/.claude/settings.json
    error: 2 secrets can't be had
      env.D  (claude-sync.toml:6)
        `./fails now` failed (exit status: 2)
          gpg: no key
        Run it yourself in ~/dotfiles, and try again when it prints the secret.
      env.E  (claude-sync.toml:7)
        `no-such-program` can't be started: there is no such program
        Run it yourself in ~/dotfiles, and try again when it prints the secret.

    Nothing was changed. What can be told without secrets: cs plan --profile dotfiles/claude-sync.toml --no-secrets
    ");
    assert!(!refused.out.contains(WEAK), "{refused}");
    assert_eq!(sandbox.tree(), before);
    sandbox.cs(&["plan", "--no-secrets", "--profile", "dotfiles/claude-sync.toml"]).ok();
}

/// A program that nobody agreed to is not run by a plan; one that was applied is.
#[test]
fn a_program_runs_when_it_was_agreed_to() {
    let sandbox = Sandbox::new();
    sandbox
        .script("dotfiles/show", "#!/bin/sh\necho run >> ../ran\nprintf '%s\\n' \"of $1\"\n")
        .profile("[settings]\nenv.A = { command = [\"./show\", \"a b\"] }\n");
    let runs = || fs::read_to_string(sandbox.path("ran")).unwrap_or_default().lines().count();
    let profile = ["--profile", "dotfiles/claude-sync.toml"];
    let plan = sandbox.cs(&[&["plan"][..], &profile].concat()).ok();
    insta::assert_snapshot!(sandbox.tidy(&plan.out), @r"
    Profile  ~/dotfiles/claude-sync.toml
    Root     ~/.claude  (nothing of cs's there yet)

      + settings.json                 1 entry
          + env.A  (secret)

    env.A is what `./show a b` prints; it is run when you apply  (claude-sync.toml:3)

    1 to add.   cs apply --profile dotfiles/claude-sync.toml   ·   cs plan --profile dotfiles/claude-sync.toml --explain
    ");
    let plan = sandbox.cs(&[&["plan", "--json"][..], &profile].concat()).ok().json();
    assert_eq!((plan["pending"].clone(), plan["secrets"][0]["known"].clone()), (json!(true), json!(false)));
    sandbox.cs(&[&["apply"][..], &profile].concat()).code(1);
    assert_eq!(runs(), 0, "nobody has said yes");
    sandbox.cs(APPLY).ok();
    assert_eq!((runs(), value(&sandbox, ".claude/settings.json")["env"]["A"].clone()), (1, json!("of a b")));
    assert!(sandbox.cs(&["plan"]).ok().out.contains("Up to date"));
    assert_eq!(runs(), 2);
    for args in [
        &["status"][..],
        &["verify"],
        &["why", "env.A"],
        &["capture", "--dry-run"],
        &["plan", "--no-secrets"],
    ] {
        sandbox.cs(args).ok();
    }
    assert_eq!(runs(), 2, "what looks runs nothing");
}

#[test]
fn a_saved_plan_holds_no_secret_and_is_stale_when_it_changed() {
    let sandbox = prepared();
    let plan = ["plan", "--out", "saved", "--profile", "dotfiles/claude-sync.toml"];
    with(&sandbox, &plan, &[("FOO", WEAK)]).ok();
    assert!(!sandbox.read("saved").contains(WEAK) && !sandbox.read("saved").contains("horse"));
    let stale = with(&sandbox, &["apply", "saved"], &[("FOO", "other")]).code(1);
    assert!(stale.err.contains("env.FOO is another secret now"), "{stale}");
    with(&sandbox, &["apply", "saved"], &[("FOO", WEAK)]).ok();
    assert_eq!(value(&sandbox, ".claude/settings.json")["env"]["FOO"], WEAK);
}

#[test]
fn a_drifted_secret_is_seen_and_never_captured() {
    let sandbox = prepared();
    let env = &[("FOO", WEAK)];
    with(&sandbox, APPLY, env).ok();
    let mut settings = value(&sandbox, ".claude/settings.json");
    settings["env"]["FOO"] = json!("opensesame");
    // The same text under another name is no less a secret.
    settings["env"]["COPY"] = json!("correct-horse");
    settings["env"]["AUTH"] = json!("Bearer correct-horse");
    settings["model"] = json!("sonnet");
    sandbox.write(".claude/settings.json", serde_json::to_string_pretty(&settings).expect("JSON") + "\n");
    let mut servers = value(&sandbox, ".claude.json");
    servers["mcpServers"]["github"]["url"] = json!("https://example.org/v2");
    servers["mcpServers"]["github"]["headers"]["Authorization"] = json!("Bearer opensesame");
    sandbox.write(".claude.json", serde_json::to_string_pretty(&servers).expect("JSON") + "\n");
    let status = sandbox.cs(&["status"]).ok();
    assert!(status.out.contains("env.FOO changed outside cs"), "{status}");
    let texts = [WEAK, "opensesame", "swordfish"];
    assert_silent(&sandbox, &texts, env);
    let capture = sandbox.cs(&["capture", "--all", "--yes"]).ok();
    insta::assert_snapshot!(sandbox.tidy(&capture.out), @r#"
      ! model               "opus" → "sonnet"   ~/dotfiles/claude-sync.toml:4
      ! mcpServers.github   url changed         ~/dotfiles/claude-sync.toml:7
      = env.FOO             it is declared as a secret: change it where it comes from, or declare it otherwise
      = mcpServers.github   it is declared as a secret: change it where it comes from, or declare it otherwise
      = env.AUTH            it looks like a secret
      = env.COPY            it says what is declared as a secret elsewhere

      ~/dotfiles/claude-sync.toml

            [settings]
        -   model = "opus"
        +   model = "sonnet"
            env.FOO = { env = "FOO" }
            [mcp.github]
        -   url = "https://example.org/mcp"
        +   url = "https://example.org/v2"
            headers.Authorization = { file = "secrets/token", prefix = "Bearer " }

    Kept: 2 entries in 1 file.   cs apply stores it
    "#);
    let profile = sandbox.read("dotfiles/claude-sync.toml");
    assert!(
        !texts.iter().any(|text| profile.contains(text)) && !profile.contains("Bearer correct"),
        "{profile}"
    );
    assert!(profile.contains("https://example.org/v2") && profile.contains("sonnet"), "{profile}");
    assert!(
        profile.contains("headers.Authorization = { file = \"secrets/token\", prefix = \"Bearer \" }"),
        "{profile}"
    );
    with(&sandbox, &["apply", "--yes"], env).ok();
    assert_eq!(value(&sandbox, ".claude/settings.json")["env"]["FOO"], WEAK);
    assert_nowhere(&sandbox, &[WEAK, "opensesame", "swordfish"]);
}

/// What the user had and what looks like a secret is sealed too, where nothing is declared as one.
#[test]
fn displaced_values_that_look_secret_lie_sealed_and_come_back() {
    let sandbox = Sandbox::new();
    let token = "ghp_0123456789abcdefABCDEF";
    let users = format!("{{\n  \"env\": {{ \"GH_TOKEN\": \"{token}\" }},\n  \"model\": \"opus\"\n}}\n");
    sandbox
        .write(".claude/settings.json", &users)
        .profile("[settings]\nenv.GH_TOKEN = \"none\"\nmodel = \"sonnet\"\n");
    sandbox.apply();
    assert_nowhere(&sandbox, &[token]);
    let key = sandbox.path(".claude/claude-sync/seal.key");
    let mode = fs::metadata(&key).expect("made").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let ledger = value(&sandbox, ".claude/claude-sync/current/ledger.json");
    assert_eq!(ledger["format"], 2, "an older cs would not give it back");
    let before = fs::read(&key).expect("a key");

    // Without the key: said beforehand, and refused where it is needed; nothing is lost meanwhile.
    fs::remove_file(&key).expect("removed");
    let verify = sandbox.cs(&["verify"]).code(1);
    insta::assert_snapshot!(verify.out, @r"
      ✗ settings.json  what env.GH_TOKEN stands on is sealed, and the key is gone: put claude-sync/seal.key back from a backup
    1 fault of 4 checked.
    ");
    assert!(sandbox.cs(&["doctor"]).out.contains("the key that opens it is gone"));
    let refused = sandbox.cs(&["uninstall", "--yes"]).code(1);
    insta::assert_snapshot!(refused.err, @r"
    error: what env.GH_TOKEN in settings.json stands on can't be given back: it is sealed, and the key is gone

    Nothing was changed. Put claude-sync/seal.key back from a backup. Without one: set env.GH_TOKEN in settings.json to what you want there; then it is yours, and stays.
    ");
    sandbox.profile("[settings]\nenv.GH_TOKEN = \"none\"\nmodel = \"haiku\"\n");
    sandbox.cs(&["apply", "--yes"]).ok();
    assert!(!key.exists(), "a new one would open nothing");
    sandbox.profile("[settings]\nenv.GH_TOKEN = \"none\"\nmodel = \"haiku\"\nenv.B_TOKEN = \"x\"\n");
    let settings =
        sandbox.read(".claude/settings.json").replace("{ \"GH", "{ \"B_TOKEN\": \"mine-as-well\", \"GH");
    sandbox.write(".claude/settings.json", settings);
    let refused = sandbox.cs(&["apply", "--yes"]).code(1);
    insta::assert_snapshot!(refused.err, @r"
    error: the key that seals what cs displaced is not there, or is none, and something is sealed with it

      ~/.claude/claude-sync/seal.key

    Nothing was changed. Put it back from a backup. `cs verify` names what is sealed with it, and what to do without.
    ");

    // With it again everything comes back.
    fs::write(&key, before).expect("written");
    sandbox.cs(&["apply", "--yes"]).ok();
    sandbox.cs(&["uninstall", "--yes"]).ok();
    let settings = value(&sandbox, ".claude/settings.json");
    assert_eq!(settings["env"], json!({"B_TOKEN": "mine-as-well", "GH_TOKEN": token}));
}

/// What an older `cs` wrote is read, and given back.
#[test]
fn a_ledger_of_the_first_format_is_read() {
    let sandbox = Sandbox::new();
    let users = "{\"env\":{\"GH_TOKEN\":\"ghp_0123456789abcdefABCDEF\"}}\n";
    sandbox.write(".claude/settings.json", users).profile("[settings]\nenv.GH_TOKEN = \"none\"\n");
    sandbox.apply();
    let path = ".claude/claude-sync/generations/1/ledger.json";
    let mut ledger = value(&sandbox, path);
    ledger["format"] = json!(1);
    ledger["ledger"]["documents"]["settings.json"]["rows"][0]["how"] =
        json!({"replaced": {"text": "\"ghp_0123456789abcdefABCDEF\"", "place": null}});
    sandbox.write(path, ledger.to_string());
    fs::remove_file(sandbox.path(".claude/claude-sync/seal.key")).expect("removed");
    assert!(sandbox.cs(&["apply", "--yes"]).ok().out.contains("Up to date"));
    sandbox.profile("[settings]\nenv.GH_TOKEN = \"other\"\n");
    sandbox.cs(&["apply", "--yes"]).ok();
    assert!(
        holding(&sandbox.path(".claude/claude-sync/generations/2"), &["ghp_"]).is_empty(),
        "sealed from now on"
    );
    sandbox.cs(&["uninstall", "--yes"]).ok();
    assert_eq!(sandbox.read(".claude/settings.json"), users);
}

#[test]
fn a_file_that_others_read_is_said_and_keeps_its_mode() {
    let sandbox = prepared();
    fs::set_permissions(sandbox.settings(), fs::Permissions::from_mode(0o644)).expect("chmod");
    let ran = with(&sandbox, APPLY, &[("FOO", WEAK)]).ok();
    assert!(ran.err.contains("its mode (644) lets others read it: chmod go= "), "{ran}");
    assert_eq!(fs::metadata(sandbox.settings()).expect("there").permissions().mode() & 0o777, 0o644);
    // One that we make is the user's alone.
    let sandbox = prepared();
    fs::remove_file(sandbox.settings()).expect("removed");
    let ran = with(&sandbox, APPLY, &[("FOO", WEAK)]).ok();
    assert!(!ran.err.contains("lets others"), "{ran}");
    assert_eq!(fs::metadata(sandbox.settings()).expect("there").permissions().mode() & 0o777, 0o600);
}

/// A line of a document that can't be read is shown without what stands in it.
#[test]
fn a_fault_does_not_quote_a_secret() {
    let sandbox = prepared();
    with(&sandbox, APPLY, &[("FOO", WEAK)]).ok();
    let broken =
        sandbox.read(".claude/settings.json").replace(&format!("\"{WEAK}\","), &format!("\"{WEAK}\",,"));
    sandbox.write(".claude/settings.json", &broken);
    for args in
        [&["plan"][..], &["apply", "--yes"], &["status"], &["uninstall", "--yes"], &["plan", "--json"]]
    {
        let ran = with(&sandbox, args, &[("FOO", WEAK)]);
        assert!(!ran.out.contains(WEAK) && !ran.err.contains(WEAK), "{args:?}: {ran}");
    }
}

/// Of a generation that is damaged nothing tells what its document was before: it is merged, and the user's
/// values are there.
#[test]
fn a_damaged_generation_with_secrets_can_be_left() {
    for file in ["manifest.json", "ledger.json"] {
        let sandbox = prepared();
        with(&sandbox, APPLY, &[("FOO", WEAK)]).ok();
        sandbox.profile(&PROFILE.replace("\"opus\"", "\"haiku\""));
        with(&sandbox, APPLY, &[("FOO", "tr0ub4dor")]).ok();
        sandbox.write(&format!(".claude/claude-sync/generations/2/{file}"), "");
        sandbox.cs(&["recover", "--back"]).ok();
        assert_nowhere(&sandbox, &[WEAK, "tr0ub4dor", "swordfish", "correct-horse"]);
        sandbox.profile(PROFILE);
        with(&sandbox, APPLY, &[("FOO", WEAK)]).ok();
        let settings = value(&sandbox, ".claude/settings.json");
        assert_eq!(settings["env"], json!({"FOO": WEAK, "BAR": "x"}), "{file}");
        assert_eq!(settings["theme"], "dark");
        sandbox.cs(&["verify"]).ok();
    }
}

/// In a project a secret goes into the file that is not committed, and into no other.
#[test]
fn a_projects_secrets_are_not_in_what_it_commits() {
    let sandbox = Sandbox::new();
    sandbox
        .write("work/.git/HEAD", "")
        .profile("[settings]\nmodel = \"opus\"\nenv.FOO = { env = \"FOO\" }\n");
    let args = ["apply", "--yes", "--profile", "dotfiles/claude-sync.toml", "--project", "work"];
    with(&sandbox, &args, &[("FOO", WEAK)]).ok();
    assert_eq!(value(&sandbox, "work/.claude/settings.json"), json!({"model": "opus"}));
    assert_eq!(value(&sandbox, "work/.claude/settings.local.json"), json!({"env": {"FOO": WEAK}}));
    sandbox.profile("[mcp.x]\ncommand = \"x\"\nenv = { A = { env = \"FOO\" } }\n");
    let refused = with(&sandbox, &args, &[("FOO", WEAK)]).code(1);
    assert!(refused.err.contains("a secret can't go into a project's .mcp.json"), "{refused}");
}

#[test]
fn managed_settings_hold_no_secrets() {
    let sandbox = prepared();
    let args = ["build", "--managed", "--profile", "dotfiles/claude-sync.toml"];
    let refused = with(&sandbox, &args, &[("FOO", WEAK)]).code(1);
    insta::assert_snapshot!(refused.err, @r"
    error: managed settings hold no secrets, since they are rolled out in plain
      env.FOO  is $FOO  (claude-sync.toml:5)

    Nothing was written. Each machine puts them in when it applies a profile of its own; for the key to log in with there is `apiKeyHelper`.
    ");
}
