//! From an event to what is said about it.

use super::event::Event;
use super::reply::Decision;
use crate::guard::{self, Config, Scene, Verdict};
use crate::learn::need::{Report, Thresholds};
use crate::learn::streak::SESSIONS_MAX;
use crate::learn::{Form, Streak};

/// Tools that run shell commands.
const SHELLS: [&str; 1] = ["Bash"];

/// What the guard says of a tool call, the strictest first where there are several commands.
#[must_use]
pub fn guard(event: &Event, scene: &Scene, config: &Config) -> Option<Verdict> {
    let of_commands = commands(event).filter_map(|command| guard::judge(command, scene, config));
    strictest(of_commands, event, scene, config)
}

/// The same where that takes but some milliseconds; `None` for what may take longer.
#[must_use]
pub fn guard_small(event: &Event, scene: &Scene, config: &Config) -> Option<Option<Verdict>> {
    let mut found = Vec::new();
    for command in commands(event) {
        found.extend(guard::judge_small(command, scene, config)?);
    }
    Some(strictest(found.into_iter(), event, scene, config))
}

fn commands(event: &Event) -> impl Iterator<Item = &String> {
    event.commands.iter().filter(|_| is_shell(event))
}

fn strictest(
    of_commands: impl Iterator<Item = Verdict>,
    event: &Event,
    scene: &Scene,
    config: &Config,
) -> Option<Verdict> {
    let paths = event.paths.iter().filter(|_| writes(event));
    let of_paths = paths.filter_map(|path| guard::judge_path(path, scene, config));
    of_commands.chain(of_paths).max_by_key(|verdict| verdict.decision == guard::Decision::Deny)
}

/// Whether the tool runs commands, as far as is known. One we don't know may still write a file.
#[must_use]
pub fn is_shell(event: &Event) -> bool {
    event.tool.as_deref().is_none_or(|tool| SHELLS.contains(&tool))
}

/// Whether nothing was found only because not all could be read, or because what is to run was not where it
/// is looked for. `blocks`: the profile wants a stop where the guard fails.
#[must_use]
pub fn is_undecided(event: &Event, blocks: bool) -> bool {
    let runs_unread = event.tool.is_some() && is_shell(event) && event.commands.is_empty();
    (event.is_cut && is_shell(event)) || runs_unread || (event.is_odd && blocks)
}

fn writes(event: &Event) -> bool {
    matches!(event.tool.as_deref(), Some("Edit" | "Write" | "MultiEdit" | "NotebookEdit") | None)
}

/// A verdict as it is said to the client: fixed words only, nothing of what came in.
#[must_use]
pub fn said(verdict: &Verdict) -> Decision {
    let Verdict { decision, rule, loss, safer, .. } = verdict;
    let reason = format!("{rule}: {loss}. Safer: {safer}. Don't try the same in another form.");
    match decision {
        guard::Decision::Ask => Decision::Ask(reason),
        guard::Decision::Deny => Decision::Deny(reason),
    }
}

/// What is said where the guard could not tell.
#[must_use]
pub fn undecided() -> Decision {
    Decision::Ask("guard/undecided: cs could not tell what this does; look at it yourself".to_owned())
}

/// What is said before a form that failed in session after session.
#[must_use]
pub fn streak_note(form: &Form, streak: &Streak) -> Decision {
    let sessions = streak.sessions.len();
    let class = streak.class.text().map(|text| format!(" ({text})")).unwrap_or_default();
    Decision::Context(format!(
        "`{form}` failed in the last {sessions} sessions here{class}, and has not worked since."
    ))
}

/// What is said before a form that failed in session after session on other machines: a session stands for each.
#[must_use]
pub fn elsewhere_note(form: &Form, told: &Streak) -> Decision {
    let machines = told.sessions.len();
    let more = if machines == SESSIONS_MAX { " or more" } else { "" };
    let class = told.class.text().map(|text| format!(" ({text})")).unwrap_or_default();
    Decision::Context(format!(
        "`{form}` failed in session after session on {machines}{more} other machines of this user{class}, and has not \
         worked there since."
    ))
}

/// What is said after a failure that other sessions found a way around.
#[must_use]
pub fn correction_note(failed: &Form, worked: &Form) -> Decision {
    Decision::Context(format!("In other sessions here, `{worked}` worked after `{failed}` had failed."))
}

/// What a session should know from its start: the kind of host, where that changes what to do.
#[must_use]
pub fn session_context(host_type: Option<&str>) -> Option<&'static str> {
    (host_type? == "hpc").then_some(
        "This is a shared HPC login node: run anything long, parallel or memory-hungry through the scheduler \
         (sbatch, srun), not here; large files belong on scratch, not in the home folder.",
    )
}

/// Of an agent's news, so many kinds are named.
const NEWS_MAX: usize = 2;

/// What is said of agents that have something to look at; `None` where it is nothing that could be named.
#[must_use]
pub fn agents_note(due: &[Report], thresholds: &Thresholds, today: u16) -> Option<String> {
    let told = due.iter().filter_map(|report| {
        let news = report.news(thresholds).into_iter().take(NEWS_MAX);
        let news: Vec<String> = news.map(|(counter, number)| counter.count(number)).collect();
        let when = match today.saturating_sub(report.since) {
            0 => "today".to_owned(),
            1 => "since yesterday".to_owned(),
            days => format!("in {days} days"),
        };
        (!news.is_empty()).then(|| (report.agent.name(), format!("{} {when}", news.join(" and "))))
    });
    let told: Vec<(&str, String)> = told.collect();
    let (what, it) = match told.as_slice() {
        [] => return None,
        [(name, news)] => (format!("the {name} agent has something to look at: {news}"), "it"),
        several => {
            let each: Vec<String> = several.iter().map(|(name, news)| format!("{name} ({news})")).collect();
            (format!("agents have something to look at: {}", each.join(", ")), "them")
        }
    };
    Some(format!("From cs: {what}. Say so when it fits; start {it} only if the user wants that."))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether a command is small, and what is said of it; both ways say the same.
    fn both(command: &str) -> (bool, Option<Verdict>) {
        let event =
            Event { commands: vec![command.to_owned()], tool: Some("Bash".to_owned()), ..Event::default() };
        let scene = Scene { cwd: "/p".to_owned(), home: "/home/ann".to_owned(), temp: None };
        let whole = guard(&event, &scene, &Config::default());
        let small = guard_small(&event, &scene, &Config::default());
        assert!(small.as_ref().is_none_or(|small| *small == whole), "{command}: {small:?}");
        (small.is_some(), whole)
    }

    #[test]
    fn what_is_small_is_judged_the_same() {
        let commands =
            ["ls", "sudo rm -rf /", "git push --force && cargo test | tail", "f(){ rm -rf /srv; }; f", ""];
        for command in commands {
            assert!(both(command).0, "{command}");
        }
    }

    #[test]
    fn a_short_text_that_comes_to_much_is_not_small() {
        let mut functions = "f0(){ rm -rf /srv; };".to_owned();
        for n in 1..12 {
            functions.push_str(&format!("f{n}(){{ f{0};f{0}; }};", n - 1));
        }
        let (is_small, whole) = both(&format!("{functions}f11"));
        assert!(functions.len() < 300 && !is_small && whole.is_some(), "{whole:?}");
        assert!(!both(&"xargs ".repeat(600)).0);
    }
}
