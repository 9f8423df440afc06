//! `cs stats`: how long the bundled hooks take, beside their budgets.

use serde_json::json;

use super::args::StatsArgs;
use super::engine::Context;
use super::error::{CliError, exit};
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
    let bytes = (health::RUNS_KEPT * health::ENTRY_BYTES) as u64;
    let mut rows = Vec::new();
    for hook in Hook::ALL {
        let runs = health::decode(&durations::tail(&learning.path, hook.name(), bytes)?);
        rows.push(Row::of(hook, &runs, clock::now()));
    }
    let is_good = rows.iter().all(Row::is_within);
    context.out.object(&json!({
        "version": 1,
        "within_budget": is_good,
        "hooks": rows.iter().map(Row::json).collect::<Vec<_>>(),
    }));
    if rows.iter().all(|row| row.runs == 0) {
        context.out.line("No bundled hook has run yet. builtin:learning installs them; Claude Code calls them from then on.");
        return Ok(exit::DONE);
    }
    context.out.line(format!(
        "{:<22} {:>6} {:>7} {:>7} {:>7} {:>10}  {:<12}  breaker",
        "hook", "runs", "p50", "p95", "p99", "budget", "µs, log2"
    ));
    for row in &rows {
        context.out.line(row.text());
    }
    let late: Vec<&str> = rows.iter().filter(|row| !row.is_within()).map(|row| row.hook.name()).collect();
    if late.is_empty() {
        context.out.line("All within budget.");
    } else {
        let word = paint(style::ERROR, "over budget");
        context
            .out
            .line(format!("{word}: {}. The machine may have been busy; look again later.", late.join(", ")));
    }
    Ok(if args.check && !is_good { exit::REFUSED } else { exit::DONE })
}

struct Row {
    hook: Hook,
    runs: usize,
    p50_us: u32,
    p95_us: u32,
    p99_us: u32,
    histogram: [usize; BARS],
    health: Health,
    is_open: bool,
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
        let percentile = |percent| health::percentile_us(&sorted, percent);
        Self {
            hook,
            runs: sorted.len(),
            p50_us: percentile(50),
            p95_us: percentile(95),
            p99_us: percentile(99),
            histogram,
            health: health::health(runs, hook.target_us()),
            is_open: health::is_open(runs, hook.target_us(), now),
        }
    }

    /// The budget is a p95 (mission H2), and the recent runs are well below it.
    fn is_within(&self) -> bool {
        self.p95_us <= self.hook.target_us() && self.health != Health::Degraded
    }

    fn text(&self) -> String {
        let ms = |us: u32| format!("{:.1}", f64::from(us) / 1_000.0);
        let budget = format!("{} ms", self.hook.target_us() / 1_000);
        let breaker = if self.is_open { "open: learning rests" } else { "closed" };
        format!(
            "{:<22} {:>6} {:>7} {:>7} {:>7} {:>10}  {:<12}  {breaker}",
            self.hook.name(),
            self.runs,
            ms(self.p50_us),
            ms(self.p95_us),
            ms(self.p99_us),
            budget,
            self.bars(),
        )
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
            "breaker": if self.is_open { "open" } else { "closed" },
        })
    }
}
