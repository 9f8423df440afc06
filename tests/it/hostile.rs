//! Whatever comes in and whatever the machine is like, a hook exits 0, says nothing or one valid answer,
//! gives away nothing, and is never silent about a destructive command it can read.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::hooked::{HOOKS, Input, call, command, feed, installed, payload, shell};
use crate::sandbox::Sandbox;
use crate::scenarios::{is_thorough, stride};

const CANARY: &str = "Qzxcanaryqzx";

/// A destructive call with something private in it.
fn destructive() -> String {
    shell("PreToolUse", &format!("rm -rf ~ # {CANARY}")).to_string()
}

/// What comes in, and whether the guard has to say something: a destructive command can be read in it, or
/// there was more than is read.
fn inputs() -> Vec<(&'static str, Vec<u8>, bool)> {
    let whole = destructive();
    let with = |more: &str| whole.replacen('{', &format!("{{{more},"), 1).into_bytes();
    let keys =
        |from: usize, to: usize| (from..to).map(|n| format!("\"k{n}\":1")).collect::<Vec<_>>().join(",");
    let long = "x".repeat(3 << 20);
    let mut last = serde_json::from_str::<Value>(&whole).expect("JSON");
    let name = last.as_object_mut().expect("an object").shift_remove("hook_event_name");
    let nameless = last.to_string();
    last["hook_event_name"] = name.expect("a name");
    vec![
        ("nothing", Vec::new(), false),
        ("blanks", b" \n\t".to_vec(), false),
        ("null", b"null".to_vec(), false),
        ("a number", b"1e400".to_vec(), false),
        ("NUL", vec![0; 4096], false),
        ("no UTF-8", vec![0xff; 4096], false),
        ("quotes", vec![b'"'; 1 << 20], false),
        ("64 MiB of nothing", vec![b' '; 64 << 20], true),
        ("3 MiB of a word", long.clone().into_bytes(), true),
        ("3 MiB of a command", whole.replace('#', &format!("# {long}")).into_bytes(), true),
        (
            "3 MiB before the command",
            whole.replace("rm -rf", &format!("echo {long}; rm -rf")).into_bytes(),
            true,
        ),
        ("64 MiB behind it", [whole.as_bytes(), &vec![b' '; 64 << 20]].concat(), true),
        ("cut", whole.as_bytes()[..whole.len() - 4].to_vec(), true),
        ("10,000 deep", with(&format!("\"a\":{}1{}", "[".repeat(10_000), "]".repeat(10_000))), true),
        (
            "10,000 objects deep",
            with(&format!("\"a\":{}1{}", "{\"a\":".repeat(10_000), "}".repeat(10_000))),
            true,
        ),
        ("10,000 open", format!("{}{whole}", "[".repeat(10_000)).into_bytes(), true),
        ("a million keys before", with(&keys(0, 1_000_000)), true),
        (
            "a million keys behind",
            whole.replacen('}', &format!(",{}}}", keys(0, 1_000_000)), 1).into_bytes(),
            true,
        ),
        ("50,000 keys", with(&keys(0, 50_000)), true),
        ("a key twice", with("\"hook_event_name\":\"PreToolUse\",\"tool_input\":{\"command\":\"ls\"}"), true),
        ("another event first", with("\"hook_event_name\":\"Later\""), true),
        (
            "the command twice",
            whole.replace("\"description\"", "\"command\":\"ls\",\"description\"").into(),
            true,
        ),
        ("a lone surrogate", whole.replace('#', "# \\ud800").into_bytes(), true),
        ("half a pair", whole.replace('#', "# \\ud83d\\u0041").into_bytes(), true),
        ("bytes that are no UTF-8", [whole.replace(CANARY, "").as_bytes(), b"\xff\xfe"].concat(), true),
        ("a NUL in the command", whole.replace('#', "\\u0000#").into_bytes(), true),
        ("a byte order mark", [b"\xef\xbb\xbf", whole.as_bytes()].concat(), true),
        ("1e400", with("\"n\":1e400"), true),
        ("a duration of 1e400", with("\"duration_ms\":1e400"), true),
        ("a cwd that is a number", with("\"cwd\":5"), true),
        ("an unknown event", whole.replace("\"PreToolUse\"", "\"LaterToolUse\"").into_bytes(), false),
        ("an event that is a number", whole.replace("\"PreToolUse\"", "5").into_bytes(), true),
        ("no event", nameless.into_bytes(), true),
        ("the event last", last.to_string().into_bytes(), true),
        ("no cwd", whole.replace("\"cwd\"", "\"cxd\"").into_bytes(), true),
        ("an unknown tool", whole.replace("\"Bash\"", "\"Frob\"").into_bytes(), false),
        ("no tool", whole.replace("\"tool_name\"", "\"tool_nome\"").into_bytes(), true),
        (
            "a command in parts",
            whole.replace("\"command\":", "\"command\":[\"rm\"],\"c\":").into_bytes(),
            true,
        ),
        ("no command", whole.replace("\"command\"", "\"commond\"").into_bytes(), true),
        ("input that is no object", shell_with(json!(["rm", "-rf", "~"])), true),
        ("input that is a text", shell_with(json!("rm -rf ~")), true),
        ("input that is null", shell_with(Value::Null), true),
        ("other words", format!("{CANARY} rm -rf ~").into_bytes(), false),
    ]
}

fn shell_with(input: Value) -> Vec<u8> {
    payload("PreToolUse", json!({"tool_name": "Bash", "tool_input": input})).to_string().into_bytes()
}

/// Nothing of what came in is in a file of ours, in the clear.
#[track_caller]
fn assert_nothing_kept(sandbox: &Sandbox, what: &str) {
    let mut open = vec![sandbox.root().join("learning")];
    while let Some(path) = open.pop() {
        if path.is_dir() {
            open.extend(fs::read_dir(&path).expect("a folder").map(|entry| entry.expect("an entry").path()));
        } else if path.is_file() {
            let bytes = fs::read(&path).unwrap_or_default();
            let has = bytes.windows(CANARY.len()).any(|window| window == CANARY.as_bytes());
            assert!(!has, "{what}: {}", path.display());
        }
    }
}

#[test]
fn any_input_is_answered_validly_and_what_destroys_is_not_passed_in_silence() {
    let sandbox = installed();
    let mut calls = 0;
    for (what, bytes, is_said) in inputs() {
        for hook in HOOKS {
            let what = format!("{hook}, {what}");
            let answer = call(command(&sandbox, hook, ""), Input::Bytes(bytes.clone()), &what);
            assert!(!answer.as_ref().is_some_and(|answer| answer.to_string().contains(CANARY)), "{what}");
            let is_guard = hook == "intelligent-optimizer";
            assert_eq!(answer.is_some(), is_guard && is_said, "{what}: {answer:?}");
            calls += 1;
        }
    }
    assert_nothing_kept(&sandbox, "all of them");
    println!("{calls} calls");
}

/// However much stands before it: what can't be followed is asked about.
#[test]
fn a_destructive_command_behind_very_much_else_is_not_passed_in_silence() {
    let sandbox = installed();
    let many = |text: &str, count: usize| text.repeat(count);
    let commands = [
        format!("rm {}-rf ~", many("a ", 300)),
        format!("rm -rf {}~", many("a ", 6_000)),
        format!("rm -rf {}~", many("a ", 20_000)),
        format!("echo {}\nrm -rf ~", many("a ", 20_000)),
        format!("{}rm -rf ~", many("a;", 9_000)),
        format!("{}rm -rf ~", many("x=aaaaaaaaaaaaaaaa;", 10_000)),
        format!("{}sh -c 'rm -rf ~'", many("echo b | ", 5_000)),
        format!("a=({}); rm -rf ~", many("a ", 20_000)),
        format!("echo {}{{}} | xargs -I{{}} rm -rf {{}} ~", many("a", 3_000)),
        format!("{{ {}rm -rf ~; }} <<E\n{}\nE", many("a;", 200), many("x", 100_000)),
        format!("{}rm -rf ~", many("cd a;", 100)),
        format!("ls {}; rm -rf ~", many(">b ", 1_000)),
    ];
    for command_text in &commands {
        let event = shell("PreToolUse", command_text).to_string().into_bytes();
        let what = &command_text[command_text.len() - 40..];
        let answer = call(command(&sandbox, "intelligent-optimizer", ""), Input::Bytes(event), what);
        assert!(answer.is_some(), "{what}: {} bytes, in silence", command_text.len());
    }
    // A few hundred files are nothing unusual.
    let event =
        shell("PreToolUse", &format!("git add {}", many("src/a.rs ", 2_000))).to_string().into_bytes();
    assert_eq!(call(command(&sandbox, "intelligent-optimizer", ""), Input::Bytes(event), "git add"), None);
}

/// With the real clock: what never ends is what the hook's own deadline is for.
#[test]
fn input_that_never_ends_holds_no_hook() {
    let sandbox = installed();
    let whole = destructive();
    let open = whole[..whole.len() - 10].to_owned();
    for hook in HOOKS {
        let is_guard = hook == "intelligent-optimizer";
        for (what, input) in [
            ("an open pipe", Input::Unclosed(Vec::new())),
            ("half an event and an open pipe", Input::Unclosed(open.clone().into_bytes())),
            ("an event and an open pipe", Input::Unclosed(whole.clone().into_bytes())),
            ("letters without end", Input::Endless(Vec::new())),
            ("a command without end", Input::Endless(open.clone().into_bytes())),
        ] {
            let mut command = command(&sandbox, hook, "");
            command.env_remove("CS_NOW");
            let answer = call(command, input, &format!("{hook}, {what}"));
            assert_eq!(answer.is_some(), is_guard, "{hook}, {what}: {answer:?}");
        }
    }
    assert_nothing_kept(&sandbox, "without end");
}

/// All three hooks in a world that is not as it should be.
#[track_caller]
fn all_hooks(sandbox: &Sandbox, what: &str, before: &str, arrange: &dyn Fn(&mut Command)) {
    let events = [
        ("intelligent-optimizer", shell("PreToolUse", &format!("rm -rf ~ # {CANARY}"))),
        ("learning-collector", shell("PostToolUse", &format!("cat {CANARY}"))),
        ("context-enhancer", payload("UserPromptSubmit", json!({"prompt": CANARY}))),
    ];
    for (hook, event) in events {
        let what = format!("{hook}, {what}");
        let mut command = command(sandbox, hook, before);
        arrange(&mut command);
        let answer = call(command, Input::Bytes(event.to_string().into_bytes()), &what);
        assert!(!answer.as_ref().is_some_and(|answer| answer.to_string().contains(CANARY)), "{what}");
        assert_eq!(answer.is_some(), hook == "intelligent-optimizer", "{what}: {answer:?}");
    }
}

#[test]
fn no_home_no_room_no_descriptors_and_no_clock() {
    let sandbox = installed();
    sandbox.keep("ready");
    let none: &dyn Fn(&mut Command) = &|_| {};
    let env = |name: &'static str, value: &'static str| {
        move |command: &mut Command| {
            command.env(name, value);
        }
    };
    all_hooks(&sandbox, "as it should be", "", none);
    all_hooks(&sandbox, "no HOME", "", &|command| {
        command.env_remove("HOME");
    });
    for home in ["", "relative", "/nonexistent/home", "/"] {
        all_hooks(&sandbox, &format!("HOME={home}"), "", &env("HOME", home));
    }
    all_hooks(&sandbox, "no environment", "", &|command| {
        command.env_clear();
    });
    for now in ["0", "1", "4102444800", "18446744073709551615", "soon"] {
        all_hooks(&sandbox, &format!("CS_NOW={now}"), "", &env("CS_NOW", now));
    }
    for limits in ["ulimit -f 0", "ulimit -n 3", "ulimit -n 4", "ulimit -n 5", "ulimit -f 0; ulimit -n 3"] {
        all_hooks(&sandbox, limits, limits, none);
    }
    for closed in ["exec 2>&-", "exec 2>/dev/full"] {
        all_hooks(&sandbox, closed, closed, none);
    }
    for fault in ["error:ENOSPC:1", "error:EACCES:1", "error:EIO:1", "error:ENOSPC:2", "once:EIO:2"] {
        all_hooks(&sandbox, fault, "", &env("CS_FAULT", fault));
    }
    for at in (1..20).step_by(stride(4)) {
        let fault = format!("look:EIO:{at}");
        all_hooks(&sandbox, &fault, "", &|command| {
            command.env("CS_FAULT", &fault);
        });
    }
    assert_nothing_kept(&sandbox, "all of them");
    // Only a hook that can still write needs a place to.
    for (mode, what) in [(0o500, "read-only"), (0o000, "closed")] {
        for folder in [sandbox.root().join("learning"), sandbox.home()] {
            fs::set_permissions(&folder, fs::Permissions::from_mode(mode)).expect("chmod");
            // Who may do everything is not held up by it; others can't even find the hook in a closed home.
            if mode != 0 || folder != sandbox.home() {
                all_hooks(&sandbox, &format!("{} {what}", folder.display()), "", none);
            }
            fs::set_permissions(&folder, fs::Permissions::from_mode(0o700)).expect("chmod");
        }
    }
}

/// An answer that can't be said is no reason to end badly.
#[test]
fn nobody_who_listens() {
    let sandbox = installed();
    for before in ["exec 1>&-", "exec 1>/dev/full", "exec 1>&- 2>&-"] {
        for hook in HOOKS {
            let mut command = command(&sandbox, hook, before);
            command.stdout(Stdio::piped()).stderr(Stdio::piped());
            let ran = feed(command, Input::Bytes(destructive().into_bytes()), before);
            assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{hook}, {before}: {ran}");
        }
    }
}

/// Every file of ours below `learning/`, and what the hooks read of a generation.
fn own_files(sandbox: &Sandbox) -> Vec<PathBuf> {
    let mut open = vec![sandbox.root().join("learning")];
    let mut found = vec![sandbox.root().join("claude-sync/current/runtime.json")];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            found.push(path.clone());
            if path.is_dir() {
                open.push(path);
            }
        }
    }
    found.sort();
    found
}

#[test]
fn files_of_ours_that_are_something_else() {
    let sandbox = installed();
    let upkeep = || sandbox.cs(&["hook", "upkeep"]).ok();
    all_hooks(&sandbox, "once", "", &|_| {});
    upkeep();
    all_hooks(&sandbox, "twice", "", &|_| {});
    sandbox.keep("ready");
    let files = own_files(&sandbox);
    let outside = sandbox.path("outside");
    let uid = fs::metadata(sandbox.home()).map(|metadata| std::os::unix::fs::MetadataExt::uid(&metadata));
    let is_root = uid.is_ok_and(|uid| uid == 0);
    let mut worlds = 0;
    for file in files.iter().step_by(stride(5)) {
        let kinds = [
            "damaged",
            "empty",
            "huge",
            "a link",
            "a link to nothing",
            "a folder",
            "a pipe",
            "open",
            "foreign",
        ];
        for kind in kinds {
            sandbox.fresh("ready");
            fs::create_dir_all(&outside).expect("a folder");
            fs::write(outside.join("target"), "as it was").expect("written");
            let is_folder = file.is_dir();
            if !arrange(file, kind, &outside, is_root) {
                continue;
            }
            let what = format!("{} is {kind}", file.display());
            all_hooks(&sandbox, &what, "", &|_| {});
            let ran = sandbox.cs(&["hook", "upkeep"]);
            assert_eq!((ran.code, ran.out.as_str(), ran.err.as_str()), (0, "", ""), "{what}");
            if is_thorough() {
                all_hooks(&sandbox, &format!("{what}, after upkeep"), "", &|_| {});
            }
            let target = fs::read_to_string(outside.join("target")).expect("there");
            assert_eq!(target, "as it was", "{what}: it was written through a link");
            let made: Vec<PathBuf> =
                fs::read_dir(&outside).expect("a folder").map(|entry| entry.expect("one").path()).collect();
            assert!(is_folder || made.len() == 1, "{what}: {made:?} were made behind a link");
            worlds += 1;
        }
    }
    println!("{} files, {worlds} worlds", files.len());
    assert!(worlds > 20, "{worlds}");
}

/// Puts something else in a file's place; `false` where that says nothing new.
fn arrange(file: &Path, kind: &str, outside: &Path, is_root: bool) -> bool {
    let is_folder = file.is_dir();
    let gone = || {
        if is_folder { fs::remove_dir_all(file) } else { fs::remove_file(file) }.expect("removed");
    };
    let mode = |mode| fs::set_permissions(file, fs::Permissions::from_mode(mode)).expect("chmod");
    let link = |to: &Path| std::os::unix::fs::symlink(to, file).expect("linked");
    match kind {
        "damaged" | "empty" | "huge" if is_folder => return false,
        "damaged" | "empty" | "huge" => {
            let bytes = match kind {
                "damaged" => b"\n\0damaged\n".to_vec(),
                "empty" => Vec::new(),
                _ => vec![b'a'; 3 << 20],
            };
            gone();
            fs::write(file, bytes).expect("written");
            mode(0o600);
        }
        "a link" => {
            gone();
            if is_folder { link(outside) } else { link(&outside.join("target")) }
        }
        "a link to nothing" => {
            gone();
            link(&outside.join("nothing"));
        }
        "a folder" if is_folder => return false,
        "a folder" => {
            gone();
            fs::create_dir(file).expect("a folder");
        }
        "a pipe" => {
            gone();
            let made = Command::new("mkfifo").arg(file).status().expect("mkfifo runs");
            assert!(made.success());
        }
        "open" => mode(if is_folder { 0o777 } else { 0o666 }),
        "foreign" if !is_root => return false,
        "foreign" => std::os::unix::fs::chown(file, Some(12_345), Some(12_345)).expect("chown"),
        other => unreachable!("{other}"),
    }
    true
}

/// Somebody who was stopped while he held a lock holds nobody up.
#[test]
fn a_lock_that_is_never_let_go_holds_no_hook() {
    let sandbox = installed();
    all_hooks(&sandbox, "before", "", &|_| {});
    for _ in 0..3 {
        sandbox.cs(&["hook", "upkeep"]).ok();
    }
    all_hooks(&sandbox, "before", "", &|_| {});
    let mut held = Vec::new();
    for path in own_files(&sandbox).iter().filter(|path| path.is_file()) {
        held.push(claude_sync::sys::fs::try_lock(path).expect("opened").expect("free"));
    }
    assert!(held.len() > 5, "{}", held.len());
    all_hooks(&sandbox, "all files locked", "", &|_| {});
    drop(held);
}
