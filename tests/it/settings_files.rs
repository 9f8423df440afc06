//! Real and odd settings files: what goes in comes back, byte for byte, or is refused untouched.

use std::fs;

use serde_json::{Value, json};

use crate::sandbox::{Sandbox, cases};

/// Hooks on three events, ten permissions, env, and a scalar that the file has with another value.
fn busy_profile(sandbox: &Sandbox) {
    sandbox.script("dotfiles/hooks/a.sh", "#!/bin/sh\nexit 0\n").profile(
        r#"
[settings]
model = "cs-declared-model"
permissions.allow = ["cs(1)", "cs(2)", "cs(3)", "cs(4)", "cs(5)"]
permissions.deny = ["cs(6)", "cs(7)", "cs(8)"]
permissions.ask = ["cs(9)", "cs(10)"]
env.CS_TEST = "1"
[hooks.cs-a]
event = ["PreToolUse", "PostToolUse", "Stop"]
matcher = "Bash"
source = "hooks/a.sh"
"#,
    );
}

/// Applies and uninstalls over `before`; `Ok` when it was applied and came back.
fn there_and_back(name: &str, before: &[u8]) -> Result<(), String> {
    let sandbox = Sandbox::new();
    busy_profile(&sandbox);
    sandbox.write(".claude/settings.json", before);
    let ran = sandbox.cs(&["apply", "--yes", "--profile", "dotfiles/claude-sync.toml"]);
    if ran.code != 0 {
        assert_eq!(ran.code, 1, "{name}: {ran}");
        assert_eq!(fs::read(sandbox.settings()).expect("there"), before, "{name}: refused, but changed");
        assert_eq!(sandbox.tree().len(), 1, "{name}: refused, but {:?}", sandbox.tree());
        return Err(ran.err.lines().next().unwrap_or_default().to_owned());
    }
    let after = fs::read(sandbox.settings()).expect("there");
    assert_ne!(after, before, "{name}: nothing was written");
    sandbox.cs(&["uninstall", "--yes"]).ok();
    let back = fs::read(sandbox.settings()).expect("there");
    assert_eq!(String::from_utf8_lossy(&back), String::from_utf8_lossy(before), "{name}");
    assert_eq!(sandbox.tree().len(), 1, "{name}: {:?}", sandbox.tree());
    Ok(())
}

#[test]
fn real_files_come_back_byte_for_byte() {
    let Some(cases) = cases() else { return };
    let (mut identical, mut refused) = (0, Vec::new());
    for folder in ["settings", "settings-odd"] {
        let mut files: Vec<_> =
            fs::read_dir(cases.join(folder)).expect("cases").map(|e| e.expect("entry").path()).collect();
        files.sort();
        for file in files.iter().filter(|file| file.extension().is_some_and(|e| e == "json")) {
            let name = format!("{folder}/{}", file.file_name().expect("a name").display());
            match there_and_back(&name, &fs::read(file).expect("readable")) {
                Ok(()) => identical += 1,
                Err(why) if folder == "settings" => panic!("{name} is refused: {why}"),
                Err(why) => refused.push(format!("{name}: {why}")),
            }
        }
    }
    println!("{identical} identical, {} refused:\n  {}", refused.len(), refused.join("\n  "));
    assert!(identical >= 43);
}

#[test]
fn files_of_every_shape_come_back_byte_for_byte() {
    let shapes: &[&str] = &[
        "{}",
        "{ }",
        "{\n}\n",
        "{\n\n}",
        "{}\n",
        " {} \n\n",
        "{\"model\":\"x\",\"permissions\":{\"allow\":[]},\"hooks\":{}}",
        "{\r\n\t\"model\": \"x\",\r\n\t\"hooks\": {\r\n\t\t\"Stop\": []\r\n\t}\r\n}\r\n",
        "\u{feff}{\n  \"model\": \"x\"\n}",
        "{\n  \"a\": 1,\n\n  \"b\": {\n\n  }\n\n}\n\n",
        "{\"n\": 1e2, \"big\": 12345678901234567890123, \"u\": \"\\u00e9\\/\", \"nul\": null}",
        "{\n    \"permissions\" : { \"allow\" : [ \"a\" ,\"b\"] , \"deny\":[\n] }\n}",
    ];
    for shape in shapes {
        assert_eq!(there_and_back(shape, shape.as_bytes()), Ok(()), "{shape}");
    }
}

/// The same edit, made by somebody else: on the original, and on what cs has written.
type Edit = fn(&str) -> Option<String>;

fn reprinted(
    text: &str,
    edit: impl FnOnce(&mut serde_json::Map<String, Value>) -> Option<()>,
) -> Option<String> {
    let mut value: Value = serde_json::from_str(text.trim_start_matches('\u{feff}')).ok()?;
    edit(value.as_object_mut()?)?;
    Some(serde_json::to_string_pretty(&value).expect("prints") + "\n")
}

/// By name: an edit in place, and four as programs make them, which print the whole file anew.
const EDITS: &[(&str, Edit)] = &[
    ("a key added in place", |text| {
        let at = text.find('{')? + 1;
        let is_empty = text[at..].trim_start().starts_with('}');
        (!is_empty).then(|| format!("{}\"cs-theirs\":  [ true ],{}", &text[..at], &text[at..]))
    }),
    ("a key added", |text| {
        reprinted(text, |members| {
            members.insert("cs-theirs".into(), json!({"a": [1]})).map_or(Some(()), |_| None)
        })
    }),
    ("a key removed", |text| {
        reprinted(text, |members| {
            let name = members
                .keys()
                .find(|name| !["model", "permissions", "hooks", "env"].contains(&name.as_str()))?
                .clone();
            members.shift_remove(&name).map(drop)
        })
    }),
    ("a list reordered", |text| {
        reprinted(text, |members| {
            let list = members.get_mut("permissions")?.get_mut("allow")?.as_array_mut()?;
            (list.len() > 1).then(|| list.reverse())
        })
    }),
    ("a value of ours changed", |text| {
        reprinted(text, |members| members.get_mut("model").map(|model| *model = json!("theirs-now")))
    }),
];

#[test]
fn what_others_did_in_between_is_what_remains() {
    let Some(cases) = cases() else { return };
    let mut files: Vec<_> =
        fs::read_dir(cases.join("settings")).expect("cases").map(|e| e.expect("entry").path()).collect();
    files.retain(|file| file.extension().is_some_and(|e| e == "json"));
    files.sort();
    let mut tried = vec![0; EDITS.len()];
    for file in &files {
        let before = fs::read_to_string(file).expect("readable");
        for (index, (name, edit)) in EDITS.iter().enumerate() {
            let Some(expected) = edit(&before) else { continue };
            let sandbox = Sandbox::new();
            busy_profile(&sandbox);
            sandbox.write(".claude/settings.json", &before).apply();
            let edited = edit(&sandbox.read(".claude/settings.json")).expect("the same edit");
            sandbox.write(".claude/settings.json", edited);
            sandbox.cs(&["uninstall", "--yes"]).ok();
            assert_eq!(sandbox.read(".claude/settings.json"), expected, "{name}: {}", file.display());
            tried[index] += 1;
        }
    }
    for ((name, _), count) in EDITS.iter().zip(&tried) {
        println!("{name}: {count} files, 0 mismatches");
        assert!(*count > 5, "{name}");
    }
}
