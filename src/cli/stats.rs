//! `cs stats`: how long the bundled hooks take, beside their budgets.

use serde_json::json;

use super::args::StatsArgs;
use super::engine::Context;
use super::error::{CliError, exit};
use super::learn;
use super::output::{paint, style};
use crate::hook::Hook;
use crate::hook::health::{self, Health, Run};
use crate::knowledge::{Learning, durations};
use crate::sys::clock;

/// Runs it.
///
/// # Errors
/// When the figures can't be read.
pub fn run(context: &Context, args: &StatsArgs) -> Result<u8, CliError> {
    let learning = Learning::locate(&context.root.path);
    let rows = rows(&learning)?;
    let is_good = rows.iter().all(Row::is_within);
    context.out.object(&json!({
        "version": 1,
        "within_budget": is_good,
        "hooks": rows.iter().map(Row::json).collect::<Vec<_>>(),
    }));
    if rows.iter().all(|row| row.runs == 0) {
        let side = context.store()?.current_side().ok().flatten();
        let is_there = side.is_some_and(|side| side.manifest.state.files.values().any(|own| own.is_cs));
        context.out.line(match is_there {
            true => {
                "No bundled hook has run yet: Claude Code calls them from its next session on.".to_owned()
            }
            false => {
                let next = learn::store::Store::locate(context)?.to_learn();
                format!("No bundled hook has run yet. {}", context.spell(&next))
            }
        });
        return Ok(exit::DONE);
    }
    context
        .out
        .line(format!("{:<22} {:>6} {:>7} {:>7} {:>7} {:>9}", "hook", "runs", "p50", "p95", "p99", "budget"));
    for row in &rows {
        context.out.line(row.text());
    }
    let remarks: Vec<String> = rows.iter().filter_map(Row::remark).collect();
    for remark in &remarks {
        context.out.line(remark);
    }
    if is_good {
        let but = if remarks.is_empty() { "" } else { " all the same" };
        context.out.line(format!("All within budget{but}."));
    } else {
        let word = paint(style::ERROR, "Over budget.");
        context.out.line(format!(
            "{word} If the machine was busy, look again when it isn't: the last 1,000 runs count."
        ));
    }
    Ok(if args.check && !is_good { exit::REFUSED } else { exit::DONE })
}

/// The bundled hooks' figures, in the order of [`Hook::ALL`].
///
/// # Errors
/// When they can't be read.
pub(super) fn rows(learning: &Learning) -> Result<Vec<Row>, CliError> {
    let bytes = (health::RUNS_KEPT * health::ENTRY_BYTES) as u64;
    let row = |hook: Hook| -> Result<Row, CliError> {
        let runs = health::decode(&durations::tail(&learning.path, hook.name(), bytes)?);
        Ok(Row::of(hook, &runs, clock::now()))
    };
    Hook::ALL.into_iter().map(row).collect()
}

/// What there is to say of one hook.
pub(super) struct Row {
    pub hook: Hook,
    pub runs: usize,
    p50_us: u32,
    p95_us: u32,
    p99_us: u32,
    histogram: [usize; BARS],
    health: Health,
    /// The mean of the recent runs, and the slowest of them.
    mean_us: u32,
    worst_us: u32,
    rests_s: u64,
}

/// The histogram's bars: below 512 µs, and then each twice as long.
const BARS: usize = 10;

impl Row {
    fn of(hook: Hook, runs: &[Run], now: u64) -> Self {
        let mut sorted: Vec<u32> = runs.iter().map(|run| run.us).collect();
        sorted.sort_unstable();
        let mut histogram = [0; BARS];
        for us in &sorted {
            let bar = (us >> 9).checked_ilog2().map_or(0, |log| log as usize + 1);
            histogram[bar.min(BARS - 1)] += 1;
        }
        let recent = health::recent(runs);
        let total: u64 = recent.iter().map(|run| u64::from(run.us)).sum();
        let percentile = |percent| health::percentile_us(&sorted, percent);
        Self {
            hook,
            runs: sorted.len(),
            p50_us: percentile(50),
            p95_us: percentile(95),
            p99_us: percentile(99),
            histogram,
            health: health::health(runs, hook.target_us()),
            mean_us: u32::try_from(total / recent.len().max(1) as u64).unwrap_or(u32::MAX),
            worst_us: recent.iter().map(|run| run.us).max().unwrap_or(0),
            rests_s: health::rests_s(runs, hook.target_us(), now),
        }
    }

    /// The budget is a p95 (mission H2), and the recent runs are well below it.
    pub fn is_within(&self) -> bool {
        self.p95_us <= self.hook.target_us() && self.health != Health::Degraded
    }

    fn text(&self) -> String {
        let runs = if self.runs < 1_000 {
            self.runs.to_string()
        } else {
            format!("{},{:03}", self.runs / 1_000, self.runs % 1_000)
        };
        let text = format!(
            "{:<22} {runs:>6} {:>7} {:>7} {:>7} {:>9}  {}",
            self.hook.name(),
            self.figure(self.p50_us),
            self.figure(self.p95_us),
            self.figure(self.p99_us),
            self.budget(),
            self.bars(),
        );
        text.trim_end().to_owned()
    }

    fn budget(&self) -> String {
        format!("{} ms", self.hook.target_us() / 1_000)
    }

    /// What is to be said besides the figures: why it is over budget, and what follows from late runs.
    fn remark(&self) -> Option<String> {
        let (name, budget) = (self.hook.name(), self.budget());
        let why = match self.health {
            Health::Degraded => {
                format!(
                    "the last {} runs took {} ms on average; its budget is {budget}",
                    health::RUNS_RECENT,
                    ms(self.mean_us)
                )
            }
            Health::Late => {
                format!("one of the last {} runs took {} ms", health::RUNS_RECENT, ms(self.worst_us))
            }
            Health::Good if !self.is_within() => {
                format!("one run in twenty took {} ms or more; its budget is {budget}", ms(self.p95_us))
            }
            Health::Good => return None,
        };
        let rest = match self.rests_s {
            0 => String::new(),
            seconds @ ..100 => format!(" Its learned part rests for {seconds} s more."),
            seconds => format!(" Its learned part rests for {} min more.", seconds.div_ceil(60)),
        };
        Some(format!("{}: {why}.{rest}", paint(style::WARNING, name)))
    }

    /// The 95th percentile, as a person reads it.
    pub fn p95(&self) -> String {
        self.figure(self.p95_us)
    }

    fn figure(&self, us: u32) -> String {
        if self.runs == 0 { "–".to_owned() } else { ms(us) }
    }

    fn bars(&self) -> String {
        const LEVELS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
        let most = self.histogram.iter().copied().max().unwrap_or(0).max(1);
        let level = |count: usize| if count == 0 { ' ' } else { LEVELS[(count * 7).div_ceil(most).min(7)] };
        self.histogram.iter().map(|count| level(*count)).collect()
    }

    fn json(&self) -> serde_json::Value {
        json!({
            "hook": self.hook.name(),
            "runs": self.runs,
            "p50_us": self.p50_us,
            "p95_us": self.p95_us,
            "p99_us": self.p99_us,
            "budget_us": self.hook.target_us(),
            "within_budget": self.is_within(),
            "histogram": self.histogram,
            "health": match self.health {
                Health::Good => "good",
                Health::Late => "late",
                Health::Degraded => "degraded",
            },
            "breaker": if self.rests_s > 0 { "open" } else { "closed" },
        })
    }
}

/// Milliseconds to a tenth.
fn ms(us: u32) -> String {
    format!("{:.1}", f64::from(us) / 1_000.0)
}
