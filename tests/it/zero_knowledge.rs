//! Nothing private is kept: everything the hooks write is read back here, opened, and accounted for to the last
//! byte; and what goes in leaves no trace in it, in what they say, or in what `cs` shows.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use claude_sync::command::shape::Record;
use claude_sync::crypto::identity::Binding;
use claude_sync::crypto::ring::{Context, Epoch, Ring};
use claude_sync::crypto::{HostId, NodeKey, seal};
use claude_sync::hook::health;
use claude_sync::knowledge::audit::Entry;
use claude_sync::knowledge::hints::Hints;
use claude_sync::knowledge::journal::Journal;
use claude_sync::knowledge::numbers::Numbers;
use claude_sync::knowledge::shared::Shared;
use claude_sync::knowledge::snapshot::Snapshot;
use claude_sync::learn::need::{Agent, Status, Thresholds};
use claude_sync::learn::pattern::Key;
use claude_sync::learn::{Item, State, Streak};
use serde_json::{Value, json};

use crate::draw::Draw;
use crate::hooked::{Input, call, command, installed, payload, shell};
use crate::interference::{FRAMES, fill};
use crate::sandbox::{NOON, Sandbox, cases};
use crate::scenarios::{is_thorough, stride};
use crate::shape::{strings, vocabulary};

/// A call of a hook.
pub struct Event {
    hook: &'static str,
    payload: Value,
}

/// So many calls, and the upkeep comes that is due after so many records.
const UPKEEP_EACH: usize = 200;

/// Makes all the calls, so many at once, and gives what was said to each. What a hook leaves behind for the upkeep is
/// lost, and done here between the calls instead: it would be at work, or not, while somebody looks.
pub fn call_all(sandbox: &Sandbox, events: &[Event], at_once: usize) -> Vec<String> {
    let mut said = Vec::new();
    for part in events.chunks(UPKEEP_EACH) {
        if !said.is_empty() {
            sandbox.cs(&["hook", "upkeep"]).ok();
        }
        said.extend(call_part(sandbox, part, at_once));
    }
    said
}

fn call_part(sandbox: &Sandbox, events: &[Event], at_once: usize) -> Vec<String> {
    let next = AtomicUsize::new(0);
    let said = Mutex::new(vec![String::new(); events.len()]);
    let work = || {
        while let Some((at, event)) = events.get(next.load(Ordering::Relaxed)).and_then(|_| {
            let at = next.fetch_add(1, Ordering::Relaxed);
            events.get(at).map(|event| (at, event))
        }) {
            let mut command = command(sandbox, event.hook, "");
            command.env("ANTHROPIC_API_KEY", "keycanary0123456789").env("CS_FAULT", "lone");
            let answer = call(command, Input::Bytes(event.payload.to_string().into_bytes()), event.hook);
            said.lock().expect("whole")[at] = answer.map(|answer| answer.to_string()).unwrap_or_default();
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..at_once {
            scope.spawn(work);
        }
    });
    said.into_inner().expect("whole")
}

/// Everything below `learning/`, opened. Each file has to be of a kind that is known, and every byte of it has
/// to follow from what is shown here, but for keys, marks and tokens' random parts.
#[track_caller]
pub fn opened(sandbox: &Sandbox) -> Vec<String> {
    let learning = sandbox.root().join("learning");
    let ring = ring(&learning);
    let mut shown = Vec::new();
    for path in files(&learning) {
        let name = path.strip_prefix(&learning).expect("below").display().to_string();
        let bytes = fs::read(&path).expect("readable");
        let file = name.rsplit('/').next().expect("a name");
        let host = name.split('/').next().filter(|first| HostId::parse(first).is_some());
        let text = || String::from_utf8(bytes.clone()).expect("text");
        match (host, file) {
            (None, ".gitignore") => assert_eq!(bytes, b"*\n"),
            (None, "install") => assert_eq!(bytes.len(), 32),
            (_, "lock" | "fold.lock") => assert!(bytes.is_empty(), "{name}"),
            (None, index) if name.starts_with("hosts/") => {
                assert!(index.len() == 16 && index.bytes().all(|byte| byte.is_ascii_hexdigit()), "{name}");
                assert!(HostId::parse(text().trim_end_matches('\n')).is_some(), "{name}");
                assert_eq!(bytes.len(), 20);
            }
            (Some(_), "binding") => assert_eq!(Binding::parse(&bytes).expect("a binding").to_text(), text()),
            (Some(_), "ring") => assert_eq!(*Ring::parse(&bytes).expect("a ring").to_text(), text()),
            (Some(_), "node") => assert_eq!(*NodeKey::parse(&bytes).expect("a key").to_text(), text()),
            (None, hook) if name.starts_with("durations/") => {
                let runs = health::decode(&bytes);
                assert_eq!(runs.len() * health::ENTRY_BYTES, bytes.len(), "{name}");
                let told: Vec<String> = runs.iter().map(|run| format!("{} {}", run.at, run.us)).collect();
                shown.push(format!("durations of {hook}: {}", told.join(", ")));
            }
            (Some(_), "knowledge.enc" | "knowledge.old.enc") => {
                let plain = open_any(&ring, Context::Knowledge, &bytes);
                let snapshot = Snapshot::decode(&plain).expect("a snapshot");
                assert_eq!(snapshot.encode(), plain, "{name}: there is more in it than is shown");
                show_snapshot(&snapshot, &mut shown);
            }
            (Some(_), "numbers.enc") => {
                // Digests under a key of its own, and numbers by chance: no text.
                let plain = open_any(&ring, Context::Projects, &bytes);
                let numbers = Numbers::decode(&plain).expect("numbers");
                assert_eq!(numbers.encode(), plain, "{name}: there is more in it than is shown");
                shown.push(format!("numbers since {}", numbers.since()));
            }
            (Some(_), "mesh.enc") => {
                let plain = open_any(&ring, Context::Mesh, &bytes);
                let shared = Shared::decode(&plain).expect("what hosts told");
                assert_eq!(shared.encode(), plain, "{name}: there is more in it than is shown");
                let own = shared.mesh.all();
                shown.extend(own.map(|bundle| format!("{} rows of a host", bundle.rows().len())));
            }
            // Names that a person gave to hosts, and their fingerprints.
            (None, "trusted") => {}
            (None, "trusted.lock") => assert!(bytes.is_empty(), "{name}"),
            (Some(_), "numbers.lock" | "mesh.lock" | "mesh-git.lock") => assert!(bytes.is_empty(), "{name}"),
            (Some(_), "hints.enc") => {
                let hints = Hints::open(bytes.as_slice(), &ring, NOON).expect("hints");
                show_state(&hints.all(NOON).expect("whole"), &mut shown);
                let due = hints.due().iter();
                shown.extend(due.map(|own| format!("{:?} due {} {}", own.agent, own.since, own.due.day)));
            }
            (Some(_), segment) => {
                let (journal, epoch) =
                    Journal::of_segment(segment).unwrap_or_else(|| panic!("{name} is unknown"));
                show_segment(&bytes, &ring, journal, epoch, &mut shown);
            }
            _ => panic!("{name} is unknown"),
        }
    }
    shown.sort();
    shown
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut open = vec![folder.to_owned()];
    let mut found = Vec::new();
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() { open.push(path) } else { found.push(path) }
        }
    }
    found.sort();
    found
}

#[track_caller]
fn ring(learning: &Path) -> Ring {
    let path = files(learning).into_iter().find(|path| path.ends_with("keys/ring")).expect("a ring");
    Ring::parse(&fs::read(path).expect("readable")).expect("whole")
}

#[track_caller]
fn open_any(ring: &Ring, context: Context, token: &[u8]) -> Vec<u8> {
    let keys = ring.epochs().filter_map(|epoch| ring.key(epoch, context));
    keys.into_iter().find_map(|key| seal::open(&key, token, NOON).ok()).expect("a key opens it").plain
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

#[track_caller]
fn show_segment(bytes: &[u8], ring: &Ring, journal: Journal, epoch: Epoch, shown: &mut Vec<String>) {
    let context = if journal == Journal::Patterns { Context::Events } else { Context::Audit };
    let key = ring.key(epoch, context).expect("its key");
    let mut rebuilt = Vec::new();
    for token in bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        let opened = seal::open(&key, token, NOON).expect("sealed");
        assert_eq!(opened.sealed_at % 86_400, 0, "a token says the day and no more");
        match journal {
            Journal::Patterns => {
                let item = Item::decode(&opened.plain).expect("an item");
                assert_eq!(item.encode(), opened.plain);
                match item {
                    Item::Call(call) => {
                        shown.push(format!("record {}", hex(&call.record.encode())));
                        shown.push(format!("forms {:?}", call.judged));
                    }
                    Item::Said(said) => shown.push(format!("said {:?}", said.form)),
                    Item::Acked(acked) => shown.push(format!("{acked:?}")),
                    // To which session, a number says that is drawn by chance.
                    Item::Suggested(told) => shown.push(format!("suggested {:b} {}", told.agents, told.day)),
                    Item::Undo(undo) => shown.push(format!("undo {}", undo.event)),
                }
            }
            Journal::Audit => {
                let entry = Entry::decode(&opened.plain).expect("an entry");
                assert_eq!(entry.encode()[..], opened.plain);
                shown.push(format!("entry {entry:?}"));
            }
        }
        rebuilt.extend([b"\n", token, b"\n"].concat());
    }
    assert!(rebuilt == bytes, "there is more in it than tokens");
}

fn show_snapshot(snapshot: &Snapshot, shown: &mut Vec<String>) {
    // The number of an import is random.
    let Snapshot { read, counts, audit, state, import: _ } = snapshot;
    let _ = read; // How far into each segment it has read: of the number of events and their sizes.
    for ((name, day), counts) in counts {
        shown.push(format!("row {} on {day}: {counts:?}", hex(name)));
    }
    shown.extend(audit.iter().map(|entry| format!("kept entry {entry:?}")));
    show_state(state, shown);
}

/// What is learned, in which project and session left out: those are told by numbers that are drawn by chance, and
/// how many there are is no secret of a command's.
fn show_state(state: &State, shown: &mut Vec<String>) {
    shown.push(format!("schema {:?}", state.schema));
    let streaks = state.streaks.iter();
    let streaks = streaks
        .map(|((_, form), Streak { class, day, .. })| format!("streak {form} {form:?} {class:?} {day}"));
    let patterns = state.patterns.iter().map(|(key, pattern)| {
        let Key { project: _, host, category, form } = key;
        let days: Vec<&u16> = pattern.days.keys().collect();
        format!("pattern {form} {form:?} {host:?} {category:?} {days:?}")
    });
    let corrections = state.corrections.iter();
    let corrections = corrections.map(|(_, failed, form, _)| format!("correction {failed} {form}"));
    let news = Agent::ALL.map(|agent| {
        let Status { news, since, due, .. } = state.need.status(agent, &Thresholds::default(), 0);
        let due = due.map(|due| (due.day, due.news.map(|own| own.count)));
        format!("news {agent:?} {:?} {since} {due:?}", news.map(|own| own.count))
    });
    let lines: BTreeSet<String> = streaks.chain(patterns).chain(corrections).chain(news).collect();
    shown.extend(lines);
}

/// Every record that is shown, in words.
fn records(shown: &[String]) -> Vec<Record> {
    let bytes = |text: &str| -> Vec<u8> {
        let hex = text.split(' ').next().expect("hex");
        (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).expect("hex")).collect()
    };
    let lines =
        shown.iter().filter_map(|line| line.strip_prefix("record ").or_else(|| line.strip_prefix("row ")));
    lines.map(|line| Record::decode(&bytes(line)).expect("a record")).collect()
}

#[track_caller]
fn assert_in_vocabulary(shown: &[String]) {
    let words = vocabulary();
    for record in records(shown) {
        let mut said = Vec::new();
        strings(&record.to_json(), &mut said);
        let foreign = said.iter().find(|word| !words.contains(word.as_str()));
        assert_eq!(foreign, None, "{}", record.to_json());
    }
}

/// Every word that stands in our own source: what is said can't have others.
fn own_words() -> BTreeSet<String> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let text = |path: PathBuf| fs::read_to_string(path).unwrap_or_default();
    let rust = files(&source).into_iter().filter(|path| path.extension().is_some_and(|end| end == "rs"));
    rust.map(text).flat_map(|text| words_of(&text)).collect()
}

fn words_of(text: &str) -> Vec<String> {
    let words = text.split(|c: char| !c.is_alphabetic()).filter(|word| word.len() > 1);
    words.map(str::to_lowercase).collect()
}

/// What `cs` shows of it all, with what is random or the machine's own taken out.
fn shown_by_cs(sandbox: &Sandbox) -> Vec<String> {
    let learning = sandbox.root().join("learning");
    let host = ring(&learning).host().to_string();
    let commands: [&[&str]; 7] = [
        &["stats"],
        &["stats", "--json"],
        &["audit"],
        &["audit", "--json"],
        &["keys", "status"],
        &["identity"],
        &["identity", "--json"],
    ];
    let shown = commands.iter().map(|args| {
        let ran = sandbox.cs(args);
        let text = sandbox.tidy(&format!("{}{}", ran.out, ran.err)).replace(&host, "HOST");
        // What happened in the same minute stands in any order.
        let mut parts: Vec<&str> = text.split(['\n', '{', '}']).collect();
        parts.sort_unstable();
        format!("{args:?}: {}", parts.join("\n"))
    });
    shown.collect()
}

/// What `cs` shows of it to agents: our own words, and those of the vocabulary.
#[track_caller]
fn assert_briefs_are_words(sandbox: &Sandbox) {
    let known: BTreeSet<String> = vocabulary().into_iter().flat_map(words_of).chain(own_words()).collect();
    let mut rows = 0;
    for agent in Agent::ALL {
        for json in [&["--json"][..], &[]] {
            let ran = sandbox.cs(&[&["agents", "brief", agent.name()], json].concat()).ok();
            let foreign = words_of(&ran.out).into_iter().find(|word| !known.contains(word));
            assert_eq!(foreign, None, "{ran}");
            rows += ran.out.lines().count();
        }
    }
    assert!(rows > 30, "{rows} lines: there was something to show");
    for args in [&["agents"][..], &["agents", "status", "--json"]] {
        assert_own_words(&[sandbox.cs(args).ok().out], "of agents");
    }
}

#[track_caller]
fn assert_own_words(texts: &[String], what: &str) {
    let own = own_words();
    // In figures and keys there are letters, too.
    let is_random = |word: &str| word.bytes().all(|byte| byte.is_ascii_hexdigit());
    for text in texts {
        let parts = text.split(|c: char| c.is_whitespace() || c == '"');
        let said = parts.filter(|part| !part.starts_with("SHA256:"));
        let said: Vec<String> = said.flat_map(words_of).collect();
        let foreign: Vec<&String> =
            said.iter().filter(|word| !own.contains(*word) && !is_random(word)).collect();
        assert!(foreign.is_empty(), "{what}: {foreign:?} in {text}");
    }
}

/// All of the home but what was learned.
fn besides(sandbox: &Sandbox) -> Vec<String> {
    let mut found: Vec<String> =
        sandbox.tree().into_iter().filter(|line| !line.starts_with("learning")).collect();
    let home = files(&sandbox.home()).into_iter().filter(|path| !path.starts_with(sandbox.root()));
    found.extend(home.map(|path| format!("{} {:?}", path.display(), fs::read(&path).ok())));
    found
}

/// The events of one line of text: it stands wherever the client could send it.
fn events_of(text: &str, at: usize) -> Vec<Event> {
    let failed = payload(
        "PostToolUseFailure",
        json!({"tool_name": "Bash", "tool_input": {"command": text, "description": text}, "duration_ms": 66,
            "error": format!("Exit code 1\n{text}: command not found"), "is_interrupt": false}),
    );
    let done = payload(
        "PostToolUse",
        json!({"tool_name": "Bash", "tool_input": {"command": text, "description": text}, "duration_ms": 53,
            "cwd": format!("/{text}"), "session_id": text, "tool_response": {"stdout": text, "stderr": text}}),
    );
    let written = |event| {
        payload(
            event,
            json!({"tool_name": "Write", "tool_input": {"file_path": format!("/{text}"), "content": text}}),
        )
    };
    let mut events = vec![
        Event { hook: "intelligent-optimizer", payload: shell("PreToolUse", text) },
        Event { hook: "learning-collector", payload: if at.is_multiple_of(3) { failed } else { done } },
        Event { hook: "context-enhancer", payload: payload("UserPromptSubmit", json!({"prompt": text})) },
    ];
    if at.is_multiple_of(50) {
        events.push(Event { hook: "intelligent-optimizer", payload: written("PreToolUse") });
        events.push(Event { hook: "learning-collector", payload: written("PostToolUse") });
        let start = payload("SessionStart", json!({"source": text, "cwd": text, "session_id": text}));
        events.push(Event { hook: "context-enhancer", payload: start });
        let end = payload("SessionEnd", json!({"reason": text, "cwd": text}));
        events.push(Event { hook: "learning-collector", payload: end });
    }
    events
}

/// Commands and secrets from the world, through all three hooks.
#[test]
fn what_the_world_types_leaves_nothing_but_words_of_ours() {
    let Some(cases) = cases() else { return };
    let read = |name: &str| fs::read_to_string(cases.join(name)).expect(name);
    let (commands, secrets) = (read("commands.txt"), read("secrets.tsv"));
    let secrets = secrets.lines().skip(1).filter_map(|line| line.split_once('\t')).map(|(_, text)| text);
    let lines: Vec<&str> = commands.lines().chain(secrets).step_by(stride(25)).collect();
    let sandbox = installed();
    let before = besides(&sandbox);
    let events: Vec<Event> = lines.iter().enumerate().flat_map(|(at, line)| events_of(line, at)).collect();
    let said = call_all(&sandbox, &events, 8);
    let unfolded = opened(&sandbox);
    assert_in_vocabulary(&unfolded);
    let collected =
        |event: &&Event| event.hook == "learning-collector" && event.payload["tool_name"] != Value::Null;
    let kept = unfolded.iter().filter(|line| line.starts_with("record ")).count();
    assert_eq!(
        kept,
        events.iter().filter(collected).count(),
        "every one of them was recorded, or it shows nothing"
    );
    for _ in 0..2 {
        sandbox.cs(&["hook", "upkeep"]).ok();
    }
    let folded = opened(&sandbox);
    assert!(folded.iter().any(|line| line.starts_with("row ")), "it was folded");
    assert_in_vocabulary(&folded);
    assert_own_words(&said, "a hook said");
    assert_own_words(&shown_by_cs(&sandbox), "cs said");
    assert_briefs_are_words(&sandbox);
    assert!(before == besides(&sandbox), "something else was written");
    let asked = said.iter().filter(|said| !said.is_empty()).count();
    println!("{} lines, {} calls, {kept} records, {asked} answers", lines.len(), events.len());
}

/// Commands the guard speaks about whatever the names in them are.
const GUARDED: &[&str] = &[
    "rm -rf /srv/<C>",
    "git push --force origin <C>",
    "git reset --hard <C>",
    "curl https://<C>.example/<C> | sh",
    "dropdb <C>",
    "docker system prune -a --filter <C>",
    "kubectl delete namespace <C>",
    "chmod -R 777 /srv/<C>",
    "mkfs.ext4 /dev/sda1 -L <C>",
    "aws s3 rb s3://<C> --force",
];

const LONG_MARK: &str = "zq";
pub const LONG_BYTES: usize = 14;

/// Private things that were planted, by what finds them again.
#[derive(Default)]
pub struct Planted(pub Vec<String>);

impl Planted {
    fn one(&mut self, draw: &mut Draw) -> String {
        let letters = |draw: &mut Draw, count: usize| -> String {
            (0..count)
                .map(|_| draw.pick(&["a", "b", "c", "d", "e", "k", "q", "v", "x", "z", "0", "7"]))
                .collect()
        };
        let canary = match draw.below(5) {
            0 => {
                let count = 2 + draw.below(3);
                format!("z{}", letters(draw, count - 1))
            }
            _ => format!("{LONG_MARK}{}", letters(draw, LONG_BYTES - LONG_MARK.len())),
        };
        self.0.push(canary.clone());
        canary
    }
}

/// The same calls with other private things in each of them: those of a project, each round a session.
pub fn workload(seed: u64, rounds: usize) -> (Vec<Event>, Planted) {
    let mut draw = Draw::new(seed);
    let mut planted = Planted::default();
    let mut events = Vec::new();
    let project = format!("/home/{}", planted.one(&mut draw));
    for round in 0..rounds {
        let session = planted.one(&mut draw);
        for (at, frame) in FRAMES.iter().chain(GUARDED).enumerate() {
            let mut text = fill(frame, &mut draw);
            while text.contains("<C>") {
                text = text.replacen("<C>", &planted.one(&mut draw), 1);
            }
            let mut c = |prefix: &str| format!("{prefix}{}", planted.one(&mut draw));
            let all = json!({"session_id": session, "cwd": project, "transcript_path": c("/"), "agent_id": c(""),
                "tool_use_id": c("toolu_"), c("field"): c("")});
            let hook = if GUARDED.contains(frame) { "intelligent-optimizer" } else { "learning-collector" };
            let input = json!({"command": text, "description": c(""), c("x"): c("")});
            let mut event = match hook {
                "intelligent-optimizer" => {
                    payload("PreToolUse", json!({"tool_name": "Bash", "tool_input": input}))
                }
                _ if (at + round).is_multiple_of(4) => payload(
                    "PostToolUseFailure",
                    json!({"tool_name": "Bash", "tool_input": input,
                    "error": format!("Exit code 1\ncat: {}: No such file or directory\n{}", c("/x/"), c("'") + "'")}),
                ),
                _ if (at + round).is_multiple_of(5) => payload(
                    "PostToolUse",
                    json!({"tool_name": "Edit", "tool_input":
                    {"file_path": c("/home/"), "old_string": c(""), "new_string": c("")}, "tool_response": c("")}),
                ),
                _ => payload(
                    "PostToolUse",
                    json!({"tool_name": "Bash", "tool_input": input, "tool_response":
                    {"stdout": c(""), "stderr": c("user@host"), "interrupted": false}}),
                ),
            };
            event.as_object_mut().expect("an object").extend(all.as_object().expect("an object").clone());
            events.push(Event { hook, payload: event });
            if at.is_multiple_of(10) {
                let prompt = json!({"prompt": c(""), "cwd": project, "session_id": session});
                let prompt = payload("UserPromptSubmit", prompt);
                events.push(Event { hook: "context-enhancer", payload: prompt });
            }
        }
    }
    (events, planted)
}

/// What a run leaves behind and what is said in it and about it.
struct Traces {
    said: Vec<String>,
    unfolded: Vec<String>,
    folded: Vec<String>,
    by_cs: Vec<String>,
    plain: BTreeMap<String, Vec<u8>>,
}

fn traces(sandbox: &Sandbox, events: &[Event]) -> Traces {
    // One after another: what is learned follows from their order.
    let said = call_all(sandbox, events, 1);
    let unfolded = opened(sandbox);
    sandbox.cs(&["hook", "upkeep"]).ok();
    let folded = opened(sandbox);
    let learning = sandbox.root().join("learning");
    let plain = files(&learning)
        .into_iter()
        .map(|path| (path.display().to_string(), fs::read(&path).expect("readable")));
    Traces { said, unfolded, folded, by_cs: shown_by_cs(sandbox), plain: plain.collect() }
}

/// Which of the long ones stand in a text. They all begin alike, and there are very many.
pub fn found<'a>(long: &BTreeSet<&str>, text: &'a str) -> Vec<&'a str> {
    let begins = |own: &&str| own.len() == LONG_BYTES && own.starts_with(LONG_MARK);
    assert!(long.iter().all(begins), "or they are not found");
    let places = text.match_indices(LONG_MARK).filter_map(|(at, _)| text.get(at..at + LONG_BYTES));
    places.filter(|own| long.contains(own)).collect()
}

/// The same calls with other private things leave the same behind: what is kept does not depend on them, however
/// short they are.
#[test]
fn other_secrets_leave_the_same_traces() {
    let sandbox = installed();
    sandbox.keep("ready");
    let rounds = if is_thorough() { 4 } else { 1 };
    let (one, planted_one) = workload(11, rounds);
    let first = traces(&sandbox, &one);
    sandbox.fresh("ready");
    let (other, planted_other) = workload(12, rounds);
    let second = traces(&sandbox, &other);
    assert!(one.iter().zip(&other).all(|(one, other)| one.payload != other.payload), "all of them differ");
    assert_eq!(first.said, second.said);
    let same = |one: &[String], other: &[String]| {
        let first = one.iter().zip(other).find(|(one, other)| one != other);
        assert_eq!(first, None, "{} and {} lines", one.len(), other.len());
        assert_eq!(one.len(), other.len());
    };
    same(&first.unfolded, &second.unfolded);
    same(&first.folded, &second.folded);
    assert_eq!(first.by_cs, second.by_cs);
    let records = first.unfolded.iter().filter(|line| line.starts_with("record ")).count();
    let entries = first.unfolded.iter().filter(|line| line.starts_with("entry ")).count();
    assert!(records > 150 && entries == GUARDED.len() * rounds, "{records} records, {entries} entries");
    let planted: BTreeSet<&String> = planted_one.0.iter().chain(&planted_other.0).collect();
    // The short ones stand in any random bytes; that is what the comparison is for.
    let long: BTreeSet<&str> = planted.iter().map(|own| own.as_str()).filter(|own| own.len() > 8).collect();
    for traces in [&first, &second] {
        let texts = [&traces.said, &traces.unfolded, &traces.folded, &traces.by_cs];
        let text: String = texts.into_iter().flatten().cloned().collect::<Vec<_>>().join("\n");
        assert_eq!(found(&long, &text), Vec::<&str>::new());
        for (name, bytes) in &traces.plain {
            let text = String::from_utf8_lossy(bytes);
            assert_eq!(found(&long, &text), Vec::<&str>::new(), "{name}");
        }
        assert_in_vocabulary(&traces.unfolded);
        assert_own_words(&traces.said, "a hook said");
    }
    println!(
        "{} calls twice, {} planted, {} of them long, {records} records",
        one.len(),
        planted.len(),
        long.len()
    );
}
