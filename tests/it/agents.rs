//! From calls to an agent that somebody asks: the hooks count, a fold finds that it is enough, the next prompt is told
//! once, the agent reads its brief, and an answer ends it.

use claude_sync::hook::reply::CONTEXT_CHARS_MAX;
use serde_json::{Value, json};

use crate::hooked::{Input, call, command, installed, payload, shell};
use crate::sandbox::{NOON, Ran, Sandbox};
use crate::scenarios::is_thorough;

const DAY: u64 = 86_400;

/// An event of a session, `days` after the first day.
fn hook(sandbox: &Sandbox, name: &str, mut event: Value, session: &str, days: u64) -> Option<String> {
    event["session_id"] = session.into();
    event["transcript_path"] = format!("/home/u/.claude/projects/p/{session}.jsonl").into();
    let mut command = command(sandbox, name, "");
    command.env("CS_NOW", (NOON + days * DAY).to_string());
    let said = call(command, Input::Bytes(event.to_string().into_bytes()), name)?;
    said["additionalContext"].as_str().map(str::to_owned)
}

fn after(sandbox: &Sandbox, line: &str, failed: Option<&str>, session: &str, days: u64) {
    let kind = if failed.is_some() { "PostToolUseFailure" } else { "PostToolUse" };
    let mut event = shell(kind, line);
    if let Some(error) = failed {
        event["error"] = error.into();
    }
    assert_eq!(hook(sandbox, "learning-collector", event, session, days), None);
}

fn gone(sandbox: &Sandbox, program: &str, session: &str, days: u64) {
    let error = format!("Exit code 127\n/bin/bash: line 1: {program}: command not found");
    after(sandbox, &format!("{program} secret-canary"), Some(&error), session, days);
}

fn prompt(sandbox: &Sandbox, text: &str, session: &str, days: u64) -> Option<String> {
    let event = payload("UserPromptSubmit", json!({"prompt": text}));
    hook(sandbox, "context-enhancer", event, session, days)
}

fn start(sandbox: &Sandbox, session: &str, days: u64) -> Option<String> {
    hook(sandbox, "context-enhancer", payload("SessionStart", json!({"source": "startup"})), session, days)
}

fn cs(sandbox: &Sandbox, args: &[&str], days: u64) -> Ran {
    let mut command = sandbox.command(args);
    command.env("CS_NOW", (NOON + days * DAY).to_string());
    crate::sandbox::ran(command.output().expect("cs runs"))
}

fn fold(sandbox: &Sandbox, days: u64) {
    cs(sandbox, &["hook", "upkeep"], days).ok();
}

fn agent(sandbox: &Sandbox, name: &str, days: u64) -> Value {
    let status = cs(sandbox, &["agents", "status", "--json"], days).ok().json();
    let all = status["agents"].as_array().expect("agents");
    all.iter().find(|own| own["name"] == name).unwrap_or_else(|| panic!("{name}")).clone()
}

const DETECTIVE: &str = "troubleshooting-detective";

#[test]
fn what_keeps_failing_is_told_once_and_ends_with_an_answer() {
    let sandbox = installed();
    insta::assert_snapshot!(cs(&sandbox, &["agents"], 0).ok().out, @r"
    learning-analyst           0 of 50     nothing new
    hpc-advisor                -           no work on a cluster was seen
    troubleshooting-detective  0 of 15     nothing new
    ");
    gone(&sandbox, "jq", "a", 0);
    gone(&sandbox, "terraform", "a", 0);
    gone(&sandbox, "npm", "a", 0);
    after(&sandbox, "git status", None, "a", 0);
    assert_eq!(prompt(&sandbox, "hello", "a", 0), None, "a fold finds it");
    fold(&sandbox, 0);
    assert_eq!(prompt(&sandbox, " <task-notification>done", "a", 0), None, "nobody reads that");
    let said = prompt(&sandbox, "hello", "a", 0).expect("told");
    insta::assert_snapshot!(said, @"From cs: the troubleshooting-detective agent has something to look at: 3 failures today. Say so when it fits; start it only if the user wants that.");
    assert_eq!(prompt(&sandbox, "hello", "a", 0), None, "once");
    fold(&sandbox, 0);
    assert_eq!(prompt(&sandbox, "hello", "a", 0), None, "once, also after a fold");
    assert_eq!(start(&sandbox, "b", 1).as_deref(), Some(said.replace("today", "since yesterday").as_str()));
    assert_eq!(prompt(&sandbox, "hello", "b", 1), None, "once in a session");
    insta::assert_snapshot!(cs(&sandbox, &["agents"], 1).ok().out, @r"
    learning-analyst           8 of 50     4 new commands since 2026-01-01
    hpc-advisor                -           no work on a cluster was seen
    troubleshooting-detective  24 of 15    due: 3 failures since 2026-01-01

    Ask Claude for the troubleshooting-detective agent; what it would read: cs agents brief troubleshooting-detective
    ");
    let brief = cs(&sandbox, &["agents", "brief", DETECTIVE], 1).ok().out;
    let numbers = brief.split(|c: char| !c.is_ascii_digit()).filter(|number| number.len() > 2);
    let project = numbers.max_by_key(|number| number.len()).expect("a project's number").to_owned();
    // Their order is one of numbers by chance.
    let known = brief.replace(&format!("{project:<7}"), "PROJECT");
    for line in [
        "Failed, and has not worked since (sessions: up to 4 are told apart)",
        "  project  form         sessions  class              days ago",
        "  PROJECT  terraform …  1         command not found  1",
        "  PROJECT  terraform …  other  1     1       command not found",
        "  command not found  3      3",
    ] {
        assert!(known.lines().any(|own| own == line), "{line}\n{known}");
    }
    let json = cs(&sandbox, &["agents", "brief", DETECTIVE, "--json"], 1).ok().json();
    assert_eq!(json["tables"]["streaks"]["rows"][0]["class"], "command_not_found");
    assert_eq!(json["news"], json!({"failures": 3}));
    assert!(!json.to_string().contains("canary") && !brief.contains("canary"));
    let due = agent(&sandbox, DETECTIVE, 1);
    assert_eq!((&due["due"]["day"], &due["why_not"]), (&json!(NOON / DAY), &Value::Null));
    let said = cs(&sandbox, &["agents", "ack", DETECTIVE, "--useful", "yes"], 1).ok().out;
    insta::assert_snapshot!(said, @"Noted. The troubleshooting-detective has seen all there is, and is suggested again once there is news for 12 points.");
    for folds in [false, true] {
        if folds {
            fold(&sandbox, 1);
        }
        assert_eq!(prompt(&sandbox, "hello", "c", 1), None, "it is answered");
        let own = agent(&sandbox, DETECTIVE, 1);
        assert_eq!((&own["due"], &own["why_not"]), (&Value::Null, &json!("rests")));
        assert_eq!((&own["threshold"], &own["declared_threshold"]), (&json!(12.0), &json!(15.0)));
        assert_eq!(own["score"], 0.0);
        let analyst = agent(&sandbox, "learning-analyst", 1);
        assert_eq!(analyst["counters"][0]["count"], 4, "no other has seen anything");
    }
    insta::assert_snapshot!(cs(&sandbox, &["agents"], 1).ok().out, @r"
    learning-analyst           8 of 50     4 new commands since 2026-01-01
    hpc-advisor                -           no work on a cluster was seen
    troubleshooting-detective  0 of 12     rests until tomorrow

    troubleshooting-detective: its threshold was lowered from 15, by what was said of its use.
    ");
}

#[test]
fn what_nobody_answers_is_put_away_after_a_week() {
    let sandbox = installed();
    gone(&sandbox, "jq", "a", 0);
    gone(&sandbox, "npm", "a", 0);
    fold(&sandbox, 0);
    for day in 1..7 {
        fold(&sandbox, day);
        assert!(prompt(&sandbox, "hello", &format!("s{day}"), day).is_some(), "{day}");
    }
    fold(&sandbox, 7);
    assert_eq!(prompt(&sandbox, "hello", "t", 7), None);
    assert_eq!(
        agent(&sandbox, DETECTIVE, 7)["declared_threshold"],
        agent(&sandbox, DETECTIVE, 7)["threshold"]
    );
}

#[test]
fn of_an_agent_that_nobody_can_ask_nothing_is_said() {
    let sandbox = Sandbox::new();
    sandbox.profile(
        "extends = [\"builtin:learning\"]\nwithout = [\"agents.troubleshooting-detective\"]\n\
         [thresholds.agents.learning-analyst]\nthreshold = 2\n",
    );
    sandbox.apply();
    gone(&sandbox, "jq", "a", 0);
    gone(&sandbox, "npm", "a", 0);
    fold(&sandbox, 0);
    let said = prompt(&sandbox, "hello", "a", 0).expect("the threshold is lower here");
    assert!(said.contains("learning-analyst") && !said.contains(DETECTIVE), "{said}");
    let status = cs(&sandbox, &["agents"], 0).ok().out;
    assert!(status.contains("troubleshooting-detective: not installed, so no session is told."), "{status}");
}

#[test]
fn all_that_are_due_are_told_in_one_breath_and_there_is_room_for_it() {
    let sandbox = Sandbox::new();
    let low = ["learning-analyst", "hpc-advisor", DETECTIVE]
        .map(|name| format!("[thresholds.agents.{name}]\nthreshold = 1\n"));
    sandbox.profile(&format!("extends = [\"builtin:hpc\"]\n{}", low.concat()));
    sandbox.apply();
    gone(&sandbox, "sbatch", "a", 0);
    fold(&sandbox, 0);
    let start = start(&sandbox, "b", 0).expect("the kind of host");
    assert!(start.starts_with("This is a shared HPC login node") && !start.contains("agent"), "{start}");
    let said = prompt(&sandbox, "hello", "b", 0).expect("told, as there was no room before");
    insta::assert_snapshot!(said, @"From cs: agents have something to look at: learning-analyst (1 new command today), hpc-advisor (1 failure and 1 new command today), troubleshooting-detective (1 failure today). Say so when it fits; start them only if the user wants that.");
    assert!(said.chars().count() <= CONTEXT_CHARS_MAX);
}

/// A new key has come, and the fold that goes with it not yet: what was said just before is not forgotten meanwhile.
#[test]
fn an_answer_counts_also_while_keys_change() {
    let sandbox = installed();
    gone(&sandbox, "jq", "a", 0);
    gone(&sandbox, "npm", "a", 0);
    fold(&sandbox, 0);
    assert!(prompt(&sandbox, "hello", "a", 0).is_some());
    cs(&sandbox, &["keys", "rotate"], 0).ok();
    assert_eq!(prompt(&sandbox, "hello", "a", 0), None, "it was told");
    assert!(prompt(&sandbox, "hello", "b", 0).is_some(), "and this one was not");
    fold(&sandbox, 0);
    cs(&sandbox, &["agents", "ack", DETECTIVE, "--useful", "no"], 0).ok();
    cs(&sandbox, &["keys", "rotate"], 0).ok();
    assert_eq!(prompt(&sandbox, "hello", "c", 0), None, "it is answered");
}

/// Each is a process of its own, several at once, with folds between: no count is lost.
#[test]
fn counts_outlive_the_processes_that_counted() {
    let sandbox = installed();
    let rounds = if is_thorough() { 250 } else { 15 };
    let programs = ["jq", "npm", "terraform", "git"];
    for round in 0..rounds {
        std::thread::scope(|scope| {
            for program in programs {
                let (sandbox, session) = (&sandbox, format!("s{}", round / 10));
                scope.spawn(move || gone(sandbox, program, &session, 0));
            }
        });
        if round % 7 == 3 {
            fold(&sandbox, 0);
        }
    }
    let counters = |days| agent(&sandbox, "learning-analyst", days)["counters"].clone();
    for days in [0, 1, 2, 3] {
        fold(&sandbox, days);
        let counters = counters(days);
        let of = |at: usize| (counters[at]["name"].clone(), counters[at]["count"].clone());
        assert_eq!(of(0), (json!("new-commands"), json!(programs.len())), "{days}");
        assert_eq!(of(1), (json!("failures"), json!(programs.len() * rounds)), "{days}");
    }
}

#[test]
fn what_the_guard_asks_is_counted() {
    let sandbox = installed();
    for _ in 0..3 {
        let event = shell("PreToolUse", "sudo apt-get purge x");
        hook(&sandbox, "intelligent-optimizer", event, "a", 0);
    }
    let status = cs(&sandbox, &["agents", "--json"], 0).ok().json();
    assert_eq!(status["security_events"], 3);
    assert_eq!(status["agents"][0]["score"], 0.0, "by itself that weighs nothing");
}

#[test]
fn an_answer_to_nothing_is_refused_and_so_is_a_name_nobody_knows() {
    let sandbox = Sandbox::new();
    let ran = sandbox.cs(&["agents", "ack", DETECTIVE, "--useful", "yes"]).code(1);
    assert!(ran.err.contains("nothing was recorded here yet"), "{ran}");
    sandbox.cs(&["agents", "ack", DETECTIVE]).code(2);
    sandbox.cs(&["agents", "brief", "reviewer"]).code(2);
    let empty = sandbox.cs(&["agents", "brief", DETECTIVE]).ok();
    assert!(empty.out.contains("nothing for the troubleshooting-detective"), "{empty}");
    let status = sandbox.cs(&["agents", "status", "--json"]).ok().json();
    assert_eq!((&status["recorded"], &status["agents"][2]["installed"]), (&json!(false), &json!(false)));
}

/// They are agents like any other: planned, drifted, taken back, gone.
#[test]
fn the_agents_are_files_like_any_other() {
    let sandbox = installed();
    let path = ".claude/agents/learning-analyst.md";
    let text = sandbox.read(path);
    assert!(text.starts_with("---\nname: learning-analyst\n"), "{text}");
    let doctor = sandbox.cs(&["doctor"]);
    assert!(!doctor.out.contains("learning-analyst"), "{doctor}");
    std::fs::remove_file(sandbox.path(path)).expect("removed");
    let plan = sandbox.cs(&["plan"]).ok();
    assert!(plan.out.contains("! agents/learning-analyst.md"), "{plan}");
    sandbox.cs(&["apply", "--yes"]).ok();
    assert_eq!(sandbox.read(path), text);
    sandbox.cs(&["uninstall", "--yes"]).ok();
    assert!(!sandbox.path(path).exists());
}
