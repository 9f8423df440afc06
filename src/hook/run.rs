//! The shell of the bundled hooks: reads, has it decided, answers, records.
//!
//! Whatever happens, a hook exits 0 and prints nothing or one valid answer. The guard's answer comes
//! first and depends on nothing that is learned; everything after it may fail in silence.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;

use super::event::{self, Event, Kind};
use super::recall::{Before, Recall};
use super::reply::{self, Decision};
use super::{Hook, decide, health, observe};
use crate::guard::{self, Config, Scene};
use crate::knowledge::audit::{Entry, What, code_of};
use crate::knowledge::fold::Rules;
use crate::knowledge::journal::{self, Journal};
use crate::knowledge::{Learning, durations, upkeep};
use crate::learn::need::{Agent, Thresholds};
use crate::learn::{Form, judge, streak};
use crate::model::limits;
use crate::sys::{clock, env, fs, process, stdio};

/// Runs a hook on standard input and output.
#[must_use]
pub fn run(hook: Hook) -> u8 {
    // What a panic says could hold what came in.
    std::panic::set_hook(Box::new(|_| {}));
    let timer = clock::Stopwatch::start();
    let runner = Runner { hook, timer, before_us: 0, now: clock::now(), world: World::find() };
    let _ = catch_unwind(AssertUnwindSafe(|| runner.run()));
    0
}

/// What a hook knows of its surroundings without looking at more than it needs.
struct World {
    runtime: Value,
    learning: Option<Learning>,
    home: Option<String>,
}

impl World {
    fn find() -> Self {
        let executable = env::executable().ok();
        let runtime = executable.as_deref().and_then(beside).or_else(of_root).unwrap_or_default();
        let root = user_root();
        let home = env::home().and_then(|home| home.into_os_string().into_string().ok());
        Self { runtime, learning: root.as_deref().map(Learning::locate), home }
    }

    fn learns(&self) -> bool {
        self.runtime.pointer("/learning/enabled").and_then(Value::as_bool).unwrap_or(true)
    }

    /// The agents of ours that are installed: of others nobody need hear.
    fn agents(&self) -> Vec<Agent> {
        let names = self.runtime.get("agents").and_then(Value::as_array);
        names.into_iter().flatten().filter_map(|name| Agent::named(name.as_str()?)).collect()
    }
}

/// `generations/N/runtime.json`, seen from `generations/N/files/hooks/NAME`; for hooks that a fleet has in a
/// folder of its own, the one in there.
fn beside(executable: &Path) -> Option<Value> {
    let folder = executable.parent()?;
    let generation = folder.parent().and_then(Path::parent);
    let of_generation = generation.and_then(|generation| read_runtime(&generation.join("runtime.json")));
    of_generation.or_else(|| read_runtime(&folder.join("runtime.json")))
}

/// Of the user's root: for `cs hook NAME`, which may lie anywhere.
fn of_root() -> Option<Value> {
    read_runtime(&user_root()?.join("claude-sync/current/runtime.json"))
}

fn read_runtime(path: &Path) -> Option<Value> {
    let bytes = fs::read_if_there(path, limits::DOCUMENT_BYTES_MAX).ok()??;
    serde_json::from_slice(&bytes).ok()
}

/// Learning is always in the user's root, never in a project's.
fn user_root() -> Option<PathBuf> {
    let named = env::var("CLAUDE_CONFIG_DIR").map(PathBuf::from);
    named.filter(|path| path.is_absolute()).or_else(|| env::home().map(|home| home.join(".claude")))
}

struct Runner {
    hook: Hook,
    /// Of its own time: what the client takes to write and to close is the client's.
    timer: clock::Stopwatch,
    /// What it had taken before it waited for the client, in microseconds.
    before_us: u128,
    now: u64,
    world: World,
}

impl Runner {
    fn run(mut self) {
        self.before_us = self.timer.us();
        let input = stdio::read(limits::HOOK_INPUT_BYTES_MAX, limits::HOOK_INPUT_MS_MAX);
        self.timer = clock::Stopwatch::start();
        let mut event = event::parse(&input.bytes, input.is_cut);
        // There may be much of it, and all that counts is in the event.
        drop(input);
        if self.hook == Hook::IntelligentOptimizer && !event.has_kind {
            // Nobody calls it for anything else.
            event.kind = Kind::PreToolUse;
        }
        let event = Arc::new(event);
        let notes = match self.hook {
            Hook::IntelligentOptimizer => self.guard(&event),
            Hook::LearningCollector => {
                self.collect(&event);
                Vec::new()
            }
            Hook::ContextEnhancer => self.enhance(&event),
        };
        let _ = catch_unwind(AssertUnwindSafe(|| self.note(&notes)));
        if event.kind != Kind::Other && event.has_kind {
            self.time();
        }
    }

    fn say(event: &Event, decision: &Decision) {
        let text = reply::text(event.kind, decision);
        if !text.is_empty() {
            let _ = stdio::write(&text);
        }
    }

    fn guard(&self, event: &Arc<Event>) -> Vec<Entry> {
        if event.kind != Kind::PreToolUse {
            return Vec::new();
        }
        let rules = self.world.runtime.get("guard").cloned().unwrap_or_default();
        let home = self.world.home.clone().unwrap_or_default();
        let config = Config::from_json(&rules).at_home(&home);
        let scene = Scene {
            cwd: event.cwd.clone().unwrap_or_else(|| "/".to_owned()),
            home,
            temp: env::var("TMPDIR"),
        };
        let blocks = config.blocks_on_failure();
        let is_short = event.text_bytes() <= limits::GUARD_SHORT_BYTES_MAX;
        let at_once = || clock::at_once(|| decide::guard_small(event, &scene, &config));
        let judged = is_short.then(at_once).flatten().or_else(|| {
            let (own, scene, config) = (Arc::clone(event), scene.clone(), config.clone());
            clock::within(limits::GUARD_MS_MAX, move || decide::guard(&own, &scene, &config))
        });
        match judged {
            Some(Some(verdict)) => {
                Self::say(event, &decide::said(&verdict));
                let what = match verdict.decision {
                    guard::Decision::Ask => What::Asked,
                    guard::Decision::Deny => What::Denied,
                };
                let family = verdict.rule.split('/').next().unwrap_or_default();
                vec![Entry::new(self.now, what, code_of(family))]
            }
            Some(None) => {
                if decide::is_undecided(event, blocks) {
                    Self::say(event, &decide::undecided());
                } else {
                    let _ = catch_unwind(AssertUnwindSafe(|| self.warn(event)));
                }
                Vec::new()
            }
            // It took too long, or there is a bug: a person decides, since the guard could not.
            None => {
                Self::say(event, &decide::undecided());
                vec![Entry::new(self.now, What::GaveUp, 0)]
            }
        }
    }

    /// Says before a command that it has been failing, if it has.
    fn warn(&self, event: &Event) {
        let Some(command) = event.commands.first().filter(|_| decide::is_shell(event)) else { return };
        if !self.learns() {
            return;
        }
        let forms = judge::forms_of(command);
        let recall = self.recall(event).filter(|_| !forms.is_empty());
        let found =
            recall.and_then(|recall| recall.before(&forms, streak::sessions_min(&self.world.runtime)));
        match found {
            Some(Before::Here(form, streak)) => Self::say(event, &decide::streak_note(&form, &streak)),
            Some(Before::Elsewhere(form, told)) => Self::say(event, &decide::elsewhere_note(&form, &told)),
            None => {}
        }
    }

    fn recall(&self, event: &Event) -> Option<Recall> {
        Recall::open(self.world.learning.as_ref()?, event, self.now).ok()?
    }

    fn collect(&self, event: &Event) {
        if !event.kind.is_outcome() || !self.learns() {
            return;
        }
        let Some(recall) = self.recall(event) else { return };
        let host = observe::host(observe::host_type(&self.world.runtime));
        let Some(call) = observe::observe(event, host, self.now, (recall.project, recall.session)) else {
            return;
        };
        let failed: Vec<Form> = call.judged.iter().filter(|own| !own.is_ok).map(|own| own.form).collect();
        if let Some((failed, worked)) = recall.after(&failed) {
            Self::say(event, &decide::correction_note(&failed, &worked));
        }
        // What can't be written is not acknowledged, and a hook has nobody to tell.
        let kept = recall.record(call);
        if kept.is_ok_and(|kept| kept.has_passed(limits::UNFOLDED_BYTES_MAX)) {
            Self::leave_upkeep();
        }
    }

    /// Slow work is somebody else's: a process that outlives us.
    fn leave_upkeep() {
        if let Ok(executable) = env::executable() {
            let _ = process::detach(&executable, "cs", &["hook", "upkeep"]);
        }
    }

    fn enhance(&self, event: &Event) -> Vec<Entry> {
        let is_start = event.kind == Kind::SessionStart;
        let context =
            if is_start { decide::session_context(observe::host_type(&self.world.runtime)) } else { None };
        // The client speaks itself when a task of its own has ended.
        let is_prompt = event.kind == Kind::UserPromptSubmit && !event.is_synthetic;
        let suggest = || self.suggest(event, context);
        let suggested =
            (is_start || is_prompt).then(|| catch_unwind(AssertUnwindSafe(suggest)).ok()).flatten();
        let said = suggested.flatten().or_else(|| context.map(str::to_owned));
        Self::say(event, &said.map_or(Decision::Silent, Decision::Context));
        if is_start {
            Self::leave_upkeep();
        }
        Vec::new()
    }

    /// What there is to say of agents that have something to look at, behind what is said anyway; `None` where there
    /// is nothing, or no room: the next prompt has some.
    fn suggest(&self, event: &Event, context: Option<&str>) -> Option<String> {
        let installed = self.world.agents();
        if installed.is_empty() || !self.learns() {
            return None;
        }
        let recall = self.recall(event)?;
        let due = recall.due(&installed)?;
        let today = u16::try_from(self.now / 86_400).unwrap_or(u16::MAX);
        let thresholds = Thresholds::from_runtime(&self.world.runtime);
        let note = decide::agents_note(&due, &thresholds, today)?;
        let said = context.into_iter().chain([note.as_str()]).collect::<Vec<_>>().join(" ");
        let has_room = said.chars().count() <= reply::CONTEXT_CHARS_MAX;
        (has_room && recall.suggested(&due)).then_some(said)
    }

    /// Whether the learned part is done at all: it is declared, there was time, and the recent runs
    /// were not late.
    fn learns(&self) -> bool {
        let is_late = self.us() > u128::from(self.hook.target_us()) / 2;
        self.world.learns() && !is_late && !self.is_open()
    }

    /// How long it has been at work, in microseconds. On a busy machine it also waits for a processor, more often
    /// than not for longer than it works: that is no reason to rest, and to rest makes it no shorter.
    fn us(&self) -> u128 {
        let us = self.before_us + self.timer.us();
        let is_long = us > u128::from(self.hook.target_us()) / 2;
        if is_long { us.saturating_sub(clock::waited_us()) } else { us }
    }

    fn is_open(&self) -> bool {
        let Some(learning) = &self.world.learning else { return false };
        let bytes = (health::RUNS_RECENT * health::ENTRY_BYTES) as u64;
        let tail = durations::tail(&learning.path, self.hook.name(), bytes).unwrap_or_default();
        health::is_open(&health::decode(&tail), self.hook.target_us(), self.now)
    }

    fn write(&self, journal: Journal, plain: &[u8]) {
        let host = self.world.learning.as_ref().and_then(|learning| learning.known_host().ok()?);
        // What can't be written is not acknowledged, and a hook has nobody to tell.
        let _ = host.map(|host| journal::record(&host, journal, plain, self.now));
    }

    fn note(&self, notes: &[Entry]) {
        for note in notes {
            self.write(Journal::Audit, &note.encode());
        }
    }

    fn time(&self) {
        let Some(learning) = &self.world.learning else { return };
        let run = health::Run { at: self.now, us: u32::try_from(self.us()).unwrap_or(u32::MAX) };
        let bytes = |runs: usize| (runs * health::ENTRY_BYTES) as u64;
        let (kept, max) = (bytes(health::RUNS_KEPT), bytes(health::RUNS_MAX));
        let _ = durations::add(&learning.path, self.hook.name(), &run.encode(), kept, max);
    }
}

/// The slow work: rotation, fold, expiry. Started by a session's start, in a process of its own.
#[must_use]
pub fn upkeep() -> u8 {
    std::panic::set_hook(Box::new(|_| {}));
    process::leave_folder();
    let _ = catch_unwind(|| {
        let world = World::find();
        let Some(learning) = world.learning.as_ref().filter(|_| world.learns()) else { return };
        let _ = upkeep::run(learning, &Rules::from_runtime(&world.runtime), clock::now());
    });
    0
}
