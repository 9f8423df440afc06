//! Learning from the client's transcripts: the same as the hooks would have learned, each call once, whatever the
//! files hold.

use std::fs;

use serde_json::{Value, json};

use crate::crash::KILLED;
use crate::hooked::{Input, call, command, installed, shell};
use crate::sandbox::{Sandbox, ran};
use crate::scenarios::by_wish;
use crate::session::snapshots;

const GONE: &str = "Exit code 127\n/bin/bash: line 1: npm: command not found";

/// 2026-01-01T12:00:00Z, the sandbox's clock, in the client's words so many minutes before.
fn time(minutes_before: u64) -> String {
    let minutes = 14 * 24 * 60 + 12 * 60 - minutes_before;
    let (day, hour, minute) = (minutes / 1440 + 18, minutes / 60 % 24, minutes % 60);
    let (month, day, year) = if day > 31 { (1, day - 31, 2026) } else { (12, day, 2025) };
    format!("{year}-{month:02}-{day:02}T{hour:02}:{minute:02}:00.123Z")
}

/// A call and its result, as the client writes them.
fn lines(session: &str, id: usize, line: &str, failed: Option<&str>, minutes_before: u64) -> String {
    let at = time(minutes_before);
    let asked = json!({"type": "assistant", "sessionId": session, "timestamp": at, "cwd": "/home/u/secret-project",
        "message": {"role": "assistant", "content": [
            {"type": "tool_use", "id": format!("t{id}"), "name": "Bash", "input": {"command": line}}]}});
    let came = json!({"type": "user", "sessionId": session, "timestamp": at, "message": {"role": "user", "content": [
        {"type": "tool_result", "tool_use_id": format!("t{id}"), "is_error": failed.is_some(),
         "content": failed.unwrap_or("fine")}]}});
    format!("{asked}\n{came}\n")
}

fn transcript(sandbox: &Sandbox, project: &str, session: &str, text: &str) {
    sandbox.write(&format!(".claude/projects/{project}/{session}.jsonl"), text);
}

/// A form that failed in three sessions, and what else there is in a transcript.
fn three_sessions(sandbox: &Sandbox) {
    for (at, session) in ["a", "b", "c"].iter().enumerate() {
        let minutes = 3_000 - 100 * at as u64;
        let text = json!({"type": "summary", "summary": "Nobody's business"}).to_string()
            + "\n"
            + &lines(session, 1, "git status", None, minutes)
            + &lines(session, 2, "cd app && npm ci", Some(GONE), minutes - 1);
        transcript(sandbox, "-home-u-app", session, &text);
    }
}

/// What a hook says before a command.
fn before(sandbox: &Sandbox, line: &str, (project, session): (&str, &str)) -> Option<String> {
    let mut event = shell("PreToolUse", line);
    event["session_id"] = session.into();
    event["transcript_path"] = format!("/home/u/.claude/projects/{project}/{session}.jsonl").into();
    let name = "intelligent-optimizer";
    let said = call(command(sandbox, name, ""), Input::Bytes(event.to_string().into_bytes()), name)?;
    said["additionalContext"].as_str().map(str::to_owned)
}

fn import(sandbox: &Sandbox) -> Value {
    sandbox.cs(&["learn", "import", "--json"]).ok().json()
}

fn figures(told: &Value) -> (u64, u64, u64, u64) {
    let of = |name: &str| told[name].as_u64().expect("a number");
    (of("calls"), of("known"), of("old"), of("damaged"))
}

#[test]
fn what_failed_before_the_first_day_is_told_on_it_once() {
    let sandbox = installed();
    three_sessions(&sandbox);
    let told = sandbox.cs(&["learn", "import"]).ok();
    insta::assert_snapshot!(told.out, @r"
    Learned from 6 calls, 6 of them shell commands, of 3 sessions in 1 project.

    Nothing of what was said or written is kept, only which kinds of commands ran and how that went. What is known now: cs learn show
    ");
    let said = before(&sandbox, "npm ci", ("-home-u-app", "new"));
    insta::assert_snapshot!(said.unwrap_or_default(), @"`npm ci` failed in the last 3 sessions here (command not found), and has not worked since.");
    assert_eq!(before(&sandbox, "npm ci", ("-home-u-app", "new")), None, "once");
    assert_eq!(before(&sandbox, "npm ci", ("-home-u-other", "new")), None, "another project");
}

#[test]
fn each_call_is_learned_once() {
    let sandbox = installed();
    three_sessions(&sandbox);
    let dry = sandbox.cs(&["learn", "import", "--dry-run", "--json"]).ok();
    assert_eq!(figures(&serde_json::from_str(&dry.out).expect("an object")), (6, 0, 0, 0));
    assert_eq!(figures(&import(&sandbox)), (6, 0, 0, 0));
    assert_eq!(figures(&import(&sandbox)), (0, 6, 0, 0));
    // A transcript goes on; another is of an agent's, beside its session; one is of weeks ago.
    let more = sandbox.read(".claude/projects/-home-u-app/c.jsonl") + &lines("c", 3, "ls", None, 9);
    transcript(&sandbox, "-home-u-app", "c", &more);
    transcript(&sandbox, "-home-u-app/c/subagents", "agent-1", &lines("c", 4, "ls", None, 100));
    assert_eq!(figures(&import(&sandbox)), (2, 6, 0, 0));
    assert_eq!(runs(&sandbox), ["cd 3", "git status 3", "ls 2", "npm ci 3"]);
    let known = sandbox.cs(&["learn", "export"]).ok().json();
    assert_eq!(known["streaks"][0]["sessions"], 3);
}

#[test]
fn what_the_hooks_recorded_is_not_learned_again() {
    let sandbox = installed();
    // The session goes on under the hooks.
    let mut event = shell("PostToolUseFailure", "npm ci");
    event["session_id"] = "live".into();
    event["transcript_path"] = "/home/u/.claude/projects/-home-u-app/live.jsonl".into();
    event["error"] = GONE.into();
    let name = "learning-collector";
    call(command(&sandbox, name, ""), Input::Bytes(event.to_string().into_bytes()), name);
    let text = lines("live", 1, "npm ci", Some(GONE), 60) + &lines("live", 2, "npm ci", Some(GONE), 0);
    transcript(&sandbox, "-home-u-app", "live", &text);
    // Of a session that the hooks never saw, all counts, also what is newer than they are.
    transcript(&sandbox, "-home-u-app", "other", &lines("other", 1, "npm ci", Some(GONE), 0));
    assert_eq!(figures(&import(&sandbox)), (2, 1, 0, 0));
}

#[test]
fn what_has_worked_since_is_no_streak() {
    let sandbox = installed();
    let mut event = shell("PostToolUse", "npm ci");
    event["session_id"] = "live".into();
    event["transcript_path"] = "/home/u/.claude/projects/-home-u-app/live.jsonl".into();
    let name = "learning-collector";
    call(command(&sandbox, name, ""), Input::Bytes(event.to_string().into_bytes()), name);
    three_sessions(&sandbox);
    assert_eq!(figures(&import(&sandbox)), (6, 0, 0, 0));
    assert_eq!(before(&sandbox, "npm ci", ("-home-u-app", "new")), None);
}

#[test]
fn bad_transcripts_are_passed_over() {
    let sandbox = installed();
    three_sessions(&sandbox);
    let good = lines("x", 1, "git status", None, 50);
    let cut = &good[..good.len() - 40];
    let old = lines("x", 2, "ls", None, 0).replace("2026-01-01", "2025-06-01");
    let folder = ".claude/projects/-home-u-bad";
    for (name, text) in [
        ("cut.jsonl", cut.to_owned()),
        ("nonsense.jsonl", "not JSON\n\u{0}\n[1]\n".to_owned()),
        ("empty.jsonl", String::new()),
        ("old.jsonl", old),
        ("future.jsonl", lines("x", 3, "ls", None, 0).replace("2026-01-01", "2031-01-01")),
        (
            "versions.jsonl",
            "{\"type\": \"user\", \"message\": \"tool_result\"}\n{\"tool_use\": null}\n".to_owned(),
        ),
        ("notes.txt", good.clone()),
    ] {
        sandbox.write(&format!("{folder}/{name}"), text);
    }
    std::os::unix::fs::symlink("/dev/zero", sandbox.path(&format!("{folder}/link.jsonl"))).expect("a link");
    fs::create_dir(sandbox.path(&format!("{folder}/folder.jsonl"))).expect("a folder");
    let told = import(&sandbox);
    assert_eq!(figures(&told), (6, 0, 1, 5), "{told}");
    assert_eq!((&told["unread"], &told["future"]), (&json!([]), &json!(1)));
    let nowhere = sandbox.cs(&["learn", "import", "--from", "nowhere"]);
    assert_eq!(nowhere.code, 1, "{nowhere}");
    assert!(nowhere.err.contains("there are no transcripts"), "{nowhere}");
}

#[test]
fn what_is_not_where_or_as_it_should_be_is_said() {
    let sandbox = installed();
    let one = lines("x", 1, "git status", None, 50);
    // Another way to write the time, a mark before the first line, and no time at all.
    let odd = "\u{feff}".to_owned()
        + &one.replace("Z\"", "+00:00\"")
        + &lines("x", 2, "ls", None, 49).replace("timestamp", "when")
        + &lines("x", 3, "ls", None, 48).replace(".123Z", "-01:00");
    transcript(&sandbox, "-home-u-odd", "x", &odd);
    let told = import(&sandbox);
    assert_eq!(figures(&told), (2, 0, 0, 1), "{told}");
    let told = sandbox.cs(&["learn", "import", "--from", ".claude/projects/-home-u-odd"]).code(1);
    assert!(
        told.err.contains("as a project's folder has") && told.err.contains("cs learn import --from"),
        "{told}"
    );
    let told = sandbox.cs(&["learn", "import", "--from", ".claude/settings.json"]).code(1);
    assert!(told.err.contains("is no folder") && !told.err.contains("doctor"), "{told}");
    fs::create_dir(sandbox.path("none")).expect("a folder");
    let told = sandbox.cs(&["learn", "import", "--from", "none"]).ok();
    assert!(told.out.starts_with("There is no transcript of the last "), "{told}");
}

#[test]
fn what_is_known_is_shown_and_nothing_else() {
    let sandbox = installed();
    three_sessions(&sandbox);
    let text = lines("d", 1, "pip install /home/ann/secret-wheel", Some("Exit code 1\nx: No such file"), 300)
        + &lines("d", 2, "uv pip install secret-package", None, 299)
        + &lines("d", 3, "frobnicate --password hunter2", None, 298);
    transcript(&sandbox, "-home-u-other", "d", &text);
    import(&sandbox);
    let shown = sandbox.cs(&["learn", "show", "--all"]).ok();
    snapshots().bind(|| insta::assert_snapshot!("learned", sandbox.tidy(&shown.out)));
    let exported = sandbox.cs(&["learn", "export"]).ok().out;
    for word in ["secret", "hunter2", "ann", "frobnicate", "home-u", "business"] {
        assert!(!exported.contains(word) && !shown.out.contains(word), "{word}");
    }
    let one = sandbox.cs(&["learn", "show", "npm", "--all"]).ok();
    assert!(!one.out.contains("git status"), "{one}");
}

#[test]
fn what_is_forgotten_does_not_come_back() {
    let sandbox = installed();
    three_sessions(&sandbox);
    transcript(&sandbox, "-home-u-other", "d", &lines("d", 1, "git status", None, 300));
    import(&sandbox);
    let asked = sandbox.cs(&["learn", "forget", "npm ci"]);
    assert_eq!(asked.code, 1, "{asked}");
    sandbox.cs(&["learn", "forget", "npm ci", "--yes"]).ok();
    assert_eq!(before(&sandbox, "npm ci", ("-home-u-app", "new")), None);
    assert!(!runs(&sandbox).iter().any(|form| form.starts_with("npm")));
    // The snapshot is lost, and its predecessor has to serve.
    let host = fs::read_dir(sandbox.root().join("learning")).expect("listed").flatten();
    let host =
        host.map(|entry| entry.path()).find(|path| path.join("knowledge.enc").exists()).expect("a host");
    fs::write(host.join("knowledge.enc"), "nonsense").expect("written");
    assert!(!runs(&sandbox).iter().any(|form| form.starts_with("npm")));
    assert_eq!(figures(&import(&sandbox)), (0, 7, 0, 0), "nor by reading them again");
    sandbox.cs(&["learn", "forget", "--all", "--yes"]).ok();
    assert_eq!(runs(&sandbox), [""; 0]);
    assert_eq!(figures(&import(&sandbox)), (7, 0, 0, 0), "all of it may be learned anew");
}

fn runs(sandbox: &Sandbox) -> Vec<String> {
    let known = sandbox.cs(&["learn", "export"]).ok().json();
    let rows = known["patterns"].as_array().expect("rows").clone();
    let row = |row: &Value| format!("{} {}", row["form"].as_str().unwrap_or_default(), row["runs"]);
    let mut rows: Vec<String> = rows.iter().map(row).collect();
    rows.sort();
    rows
}

/// Dies at every call that changes something, of `args`; then does it again, and looks.
fn killed_anywhere(sandbox: &Sandbox, args: &[&str], check: impl Fn(&Sandbox, &str)) {
    sandbox.keep("ready");
    for n in (1..).step_by(by_wish([1, 3, 9])) {
        sandbox.fresh("ready");
        let mut command = sandbox.command(args);
        let died = ran(command.env("CS_FAULT", format!("kill:{n}")).output().expect("cs runs"));
        if died.code == 0 {
            println!("{args:?}: fewer than {n} points, 0 others");
            assert!(n > 30, "it changes more than that");
            return;
        }
        assert_eq!(died.code, KILLED, "{died}");
        sandbox.cs(args).ok();
        check(sandbox, &format!("{args:?} killed at {n}"));
    }
}

#[test]
fn an_import_killed_anywhere_learns_each_call_once() {
    let sandbox = installed();
    three_sessions(&sandbox);
    killed_anywhere(&sandbox, &["learn", "import"], |sandbox, what| {
        assert_eq!(runs(sandbox), ["cd 3", "git status 3", "npm ci 3"], "{what}");
        assert_eq!(figures(&import(sandbox)), (0, 6, 0, 0), "{what}");
    });
}

#[test]
fn forgetting_killed_anywhere_can_be_finished() {
    let sandbox = installed();
    three_sessions(&sandbox);
    import(&sandbox);
    killed_anywhere(&sandbox, &["learn", "forget", "npm ci", "--yes"], |sandbox, what| {
        assert_eq!(runs(sandbox), ["cd 3", "git status 3"], "{what}");
    });
}

/// What the journals had of it is gone with the key that opened them.
#[test]
fn what_is_forgotten_goes_with_its_key() {
    let sandbox = installed();
    let mut event = shell("PostToolUse", "npm ci");
    event["session_id"] = "live".into();
    let name = "learning-collector";
    call(command(&sandbox, name, ""), Input::Bytes(event.to_string().into_bytes()), name);
    let epochs = |sandbox: &Sandbox| sandbox.cs(&["keys", "--json"]).ok().json()["epochs"].clone();
    let before = epochs(&sandbox);
    sandbox.cs(&["learn", "forget", "npm ci", "--yes"]).ok();
    let after = epochs(&sandbox);
    let after = after.as_array().expect("a list");
    assert!(
        after.len() == 1 && !before.as_array().expect("a list").contains(&after[0]),
        "{before} {after:?}"
    );
    let segments = sandbox.tree().into_iter().filter(|line| line.contains("patterns_"));
    assert_eq!(segments.collect::<Vec<_>>(), [""; 0]);
}
