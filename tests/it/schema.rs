//! The schema for editors: fresh, and judged by who reads it. Python's `jsonschema` holds it against the
//! specification, and taplo is what editors ask.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::sandbox::{Sandbox, missing};

fn file() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("profiles/claude-sync.schema.json")
}

/// `CS_FREEZE=1 cargo test --test it schema` writes it anew.
#[test]
fn the_schema_that_ships_is_the_one_cs_prints() {
    let sandbox = Sandbox::new();
    let printed = sandbox.cs(&["schema"]).ok();
    assert_eq!(printed.err, "");
    assert_eq!(
        sandbox.cs(&["schema", "--quiet", "--json"]).ok().out,
        printed.out,
        "it is what was asked for"
    );
    assert_eq!(sandbox.tree(), Vec::<String>::new(), "it needs no root and makes none");
    if std::env::var_os("CS_FREEZE").is_some() {
        fs::write(file(), &printed.out).expect("written");
    }
    let ships = fs::read_to_string(file()).unwrap_or_default();
    assert!(ships == printed.out, "it is stale: CS_FREEZE=1 cargo test --test it schema");
}

/// A profile with every table there is, and the files it names.
fn whole(sandbox: &Sandbox) -> String {
    sandbox
        .script("dotfiles/hook.sh", "#!/bin/sh\n")
        .write("dotfiles/base.toml", "format = 1\n[commands.gone]\ntext = \"\"\n[settings]\nmodel = \"a\"\n")
        .write("dotfiles/reviewer.md", "---\nname: r\ndescription: d\n---\n")
        .write("dotfiles/dig/SKILL.md", "---\nname: dig\ndescription: d\n---\n");
    r#"format = 1
extends = ["builtin:learning", "base.toml"]
without = ["commands.gone", "settings.model"]
mode = "copy"
[settings]
model = "opus"
anything.else = { the = ["client", 1, true, 0.5] }
env.A = "1"
env.S = { env = "HOME", prefix = "a", suffix = "b" }
env.F = { file = "reviewer.md" }
companyAnnouncements = ["hello", { command = ["./hook.sh", "x"] }]
permissions.allow = ["Bash(ls:*)"]
permissions.defaultMode = "plan"
[defaults]
"$schema" = "https://json.schemastore.org/claude-code-settings.json"
cleanupPeriodDays = 10
[unset]
env.B = true
permissions.deny = ["Bash(curl:*)"]
sandbox.network.allowedDomains = ["example.org"]
[hooks.script]
event = ["PreToolUse", "Stop"]
matcher = ""
source = "hook.sh"
timeout = 0.5
if = "Bash(git *)"
on-failure = "block"
status-message = "looking"
async = true
async-rewake = false
mode = "link"
[hooks.command]
event = "DirectoryAdded"
command = "true"
args = ["a"]
shell = "bash"
[hooks.intelligent-optimizer]
timeout = 2
[agents.reviewer]
source = "reviewer.md"
[commands."two words"]
text = ""
[skills.dig]
source = "dig"
[rules.r]
text = "Be kind."
[output-styles.terse]
text = "---\nname: terse\ndescription: Few words\n---\nBe terse."
[files."any/path.md"]
text = "x"
[mcp.github]
url = { env = "HOME" }
headers.Authorization = { env = "HOME", prefix = "Bearer " }
[mcp.local]
command = "npx"
args = ["-k", { env = "HOME" }]
env.K = { file = "reviewer.md" }
[guard]
default = "ask"
git = "off"
exceptions = ["filesystem/delete-outside-project"]
paths = ["~/scratch"]
on-failure = "allow"
[learning]
enabled = false
retention-days = 365
host-type = "hpc"
[thresholds.weights]
failures = 4
[thresholds.agents.mine]
threshold = 1.5
factors = { failures = 0 }
[when."os(linux) and not env(CI)"]
without = []
settings.env.TMPDIR = "/scratch"
guard.cloud = "deny"
[when."os(macos)".hooks.other]
event = "Stop"
command = "true"
"#
    .to_owned()
}

/// What the checker refuses and the schema, too. Below a first line with the format.
const BAD: &[&str] = &[
    "settngs = {}",
    "guard = 1",
    "mode = \"hardlink\"",
    "extends = \"builtin:team\"",
    "extends = [\"\"]",
    "without = [1]",
    "settings = []",
    "settings.hooks = {}",
    "defaults.mcpServers = {}",
    "unset.hooks = true",
    "unset.model = false",
    "unset = [1]",
    "settings.model = 5",
    "settings.env.A = 1",
    "settings.env.A = { env = \"A\", file = \"b\" }",
    "settings.env.A = { command = \"pass show x\" }",
    "settings.env.A = { env = \"A\", prefx = \"x\" }",
    "settings.permissions.allow = [{ env = \"A\" }]",
    "settings.permissions.allow = [1]",
    "settings.permissions.defaultMode = \"yolo\"",
    "mcp.github.env.A = \"x\"",
    "[hooks.x]\nevent = \"PreToolUs\"\ncommand = \"true\"",
    "[hooks.x]\nevent = [\"Stop\", \"Stopp\"]\ncommand = \"true\"",
    "[hooks.x]\nevent = \"Stop\"\ncommand = \"\"",
    "[hooks.x]\nevent = \"Stop\"\ncommand = \"true\"\ntimeout = 0",
    "[hooks.x]\nevent = \"Stop\"\ncommand = \"true\"\ntimeout = \"5\"",
    "[hooks.x]\nevent = \"Stop\"\ncommand = \"true\"\nmatcher = [\"Edit\"]",
    "[hooks.x]\nevent = \"Stop\"\ncommand = \"true\"\nonFailure = \"block\"",
    "[hooks.x]\nevent = \"Stop\"\nbuiltin = \"intelligent\"",
    "[hooks.-x]\nevent = \"Stop\"\ncommand = \"true\"",
    "[hooks]\nx = \"true\"",
    "[agents.\"a.md\"]\ntext = \"---\\nname: a\\ndescription: d\\n---\\n\"",
    "[commands.\"a/b\"]\ntext = \"\"",
    "[commands.\"\"]\ntext = \"\"",
    "[rules.a]\ntext = 1",
    "[files.\"../x\"]\ntext = \"\"",
    "[files.\"/x\"]\ntext = \"\"",
    "[guard]\ngit = \"no\"",
    "[guard]\nfiles = \"ask\"",
    "[guard]\npaths = \"~/x\"",
    "[learning]\nretention-days = 0",
    "[learning]\nenabled = 1",
    "[thresholds.weights]\nfailures = -1",
    "[thresholds.agents.mine]\nthreshold = 0",
    "[when.\"os(linux)\"]\nextends = []",
    "[when.\"os(linux)\".guard]\ngit = \"no\"",
    "when.\"os(linux)\" = true",
];

/// Text, and whether it is a profile.
fn cases(sandbox: &Sandbox) -> Vec<(String, bool)> {
    let mut cases: Vec<(String, bool)> = vec![(whole(sandbox), true)];
    cases.extend(BAD.iter().map(|text| (format!("format = 1\n{text}\n"), false)));
    cases.extend(
        ["", "format = 0\n", "format = 2\n", "format = \"1\"\n"].map(|text| (text.to_owned(), false)),
    );
    for entry in fs::read_dir(file().parent().expect("a folder")).expect("profiles") {
        let path = entry.expect("an entry").path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            cases.push((fs::read_to_string(path).expect("text"), true));
        }
    }
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let readme = fs::read_to_string(readme).expect("text");
    let blocks = readme.split("```toml\n").skip(1).map(|rest| rest.split("```").next().unwrap_or_default());
    cases.extend(blocks.filter(|text| text.contains("format = ")).map(|text| (text.to_owned(), true)));
    assert!(cases.iter().filter(|(_, good)| *good).count() > 5, "the README's profile is gone");
    cases
}

/// The samples are what they say they are.
#[test]
fn what_the_schema_refuses_cs_refuses() {
    let sandbox = Sandbox::new();
    for (text, _) in cases(&sandbox).iter().filter(|(_, good)| !good) {
        sandbox.write("dotfiles/bad.toml", text);
        let ran = sandbox.cs(&["plan", "--profile", "dotfiles/bad.toml"]).code(1);
        assert!(ran.err.starts_with("error: the profile has"), "{text}\n{ran}");
    }
    sandbox.write("dotfiles/whole.toml", whole(&sandbox));
    sandbox.cs(&["plan", "--profile", "dotfiles/whole.toml"]).ok();
}

/// Checks the schema itself, then says of each instance whether it keeps to it.
const PYTHON: &str = "
import json, sys
import jsonschema
given = json.load(sys.stdin)
kind = jsonschema.validators.validator_for(given['schema'], None)
assert kind is jsonschema.Draft7Validator, kind
kind.check_schema(given['schema'])
judge = kind(given['schema'])
print(json.dumps([[error.message for error in judge.iter_errors(case)] for case in given['cases']]))
";

#[test]
fn the_specification_s_validator_tells_profiles_from_others() {
    let has = Command::new("python3").args(["-c", "import jsonschema"]).stderr(Stdio::null()).status();
    if !has.is_ok_and(|status| status.success()) {
        return missing("python3 with the package `jsonschema`");
    }
    let sandbox = Sandbox::new();
    let cases = cases(&sandbox);
    let json_of =
        |text: &str| toml::from_str::<Value>(text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    let instances: Vec<Value> = cases.iter().map(|(text, _)| json_of(text)).collect();
    let given = json!({ "schema": sandbox.cs(&["schema"]).ok().json(), "cases": instances });
    let mut python = Command::new("python3")
        .args(["-c", PYTHON])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python3 runs");
    let mut input = python.stdin.take().expect("a pipe");
    input.write_all(given.to_string().as_bytes()).expect("written");
    drop(input);
    let output = python.wait_with_output().expect("ended");
    assert!(output.status.success(), "see above");
    let errors: Vec<Vec<String>> = serde_json::from_slice(&output.stdout).expect("a list for each");
    assert_eq!(errors.len(), cases.len());
    for ((text, good), errors) in cases.iter().zip(&errors) {
        assert_eq!(errors.is_empty(), *good, "{text}\n{errors:?}");
    }
    println!("{} cases", cases.len());
}

#[test]
fn taplo_tells_profiles_from_others() {
    if Command::new("taplo").arg("--version").stdout(Stdio::null()).status().is_err() {
        return missing("taplo");
    }
    let sandbox = Sandbox::new();
    let schema = sandbox.path("claude-sync.schema.json");
    fs::write(&schema, sandbox.cs(&["schema"]).ok().out).expect("written");
    for (text, good) in cases(&sandbox) {
        sandbox.write("case.toml", &text);
        let output = Command::new("taplo")
            .args(["check", "--no-auto-config", "--schema"])
            .arg(format!("file://{}", schema.display()))
            .arg(sandbox.path("case.toml"))
            .output()
            .expect("taplo runs");
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.success(), good, "{text}\n{said}");
    }
}
