//! How much each kind of news weighs, and how much of it there must be before an agent is worth its tokens.

use serde_json::Value;

use super::{Agent, Counter};

/// Weights, and what they come to for each agent.
///
/// Each kind of news is weighed twice: by a weight, which says how much it matters at all, and by a factor, which
/// says how much of that concerns one agent. What counts is their product; so who doubles a weight is heard by all
/// agents, and who doubles a factor by one. The default is the mission's table (L4), as it stands there:
///
/// | | weight | learning-analyst, 50 | hpc-advisor, 30 | troubleshooting-detective, 15 |
/// |---|---|---|---|---|
/// | new-commands | 2.0 | × 1.0 = 2.0 | × 1.5 = 3.0 | |
/// | failures | 4.0 | | × 1.0 = 4.0 | × 2.0 = 8.0 |
/// | optimizations | 1.5 | × 1.2 = 1.8 | | |
/// | performance-shifts | 5.0 | × 0.8 = 4.0 | | × 1.5 = 7.5 |
/// | host-changes | 2.5 | | × 1.3 = 3.25 | |
///
/// Read as counts of events these figures call the detective after two failures, and the advisor, on a laptop, after
/// ten new commands. What makes them sane is what is counted: an event is weighed by its significance
/// ([`super::Need::hear`]), the advisor hears of work on a cluster only, and who has reported rests for a day.
#[derive(Debug, Clone, PartialEq)]
pub struct Thresholds {
    weights: [f64; Counter::COUNT],
    agents: [Row; Agent::COUNT],
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Row {
    threshold: f64,
    factors: [f64; Counter::COUNT],
}

impl Default for Thresholds {
    /// The mission's table.
    fn default() -> Self {
        let row = |threshold, factors| Row { threshold, factors };
        Self {
            weights: [2.0, 4.0, 1.5, 5.0, 2.5, 0.0],
            agents: [
                row(50.0, [1.0, 0.0, 1.2, 0.8, 0.0, 0.0]),
                row(30.0, [1.5, 1.0, 0.0, 0.0, 1.3, 0.0]),
                row(15.0, [0.0, 2.0, 0.0, 1.5, 0.0, 0.0]),
            ],
        }
    }
}

impl Thresholds {
    /// As `runtime.json` has them; what it doesn't say is as in the default table.
    #[must_use]
    pub fn from_runtime(runtime: &Value) -> Self {
        let mut table = Self::default();
        let declared = &runtime["thresholds"];
        let set = |to: &mut f64, value: &Value| {
            if let Some(number) = value.as_f64().filter(|number| number.is_finite() && *number >= 0.0) {
                *to = number;
            }
        };
        for counter in Counter::ALL {
            set(&mut table.weights[counter.place()], &declared["weights"][counter.name()]);
            for agent in Agent::ALL {
                let factor = &declared["agents"][agent.name()]["factors"][counter.name()];
                set(&mut table.agents[agent.place()].factors[counter.place()], factor);
            }
        }
        for agent in Agent::ALL {
            let threshold = &declared["agents"][agent.name()]["threshold"];
            let positive = threshold.as_f64().is_some_and(|number| number > 0.0);
            set(&mut table.agents[agent.place()].threshold, if positive { threshold } else { &Value::Null });
        }
        table
    }

    /// What one piece of news of full significance comes to for an agent.
    #[must_use]
    pub fn points(&self, agent: Agent, counter: Counter) -> f64 {
        let (weight, factor) = self.of(agent, counter);
        weight * factor
    }

    /// Weight and factor.
    #[must_use]
    pub fn of(&self, agent: Agent, counter: Counter) -> (f64, f64) {
        (self.weights[counter.place()], self.agents[agent.place()].factors[counter.place()])
    }

    /// What an agent's news must come to, before anybody has said how useful it was.
    #[must_use]
    pub fn threshold(&self, agent: Agent) -> f64 {
        self.agents[agent.place()].threshold
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// As written, and each event at its full significance: how many of one kind it takes. The detective is called by
    /// the second failure.
    #[test]
    fn the_table_as_written_comes_to_so_many_events() {
        let table = Thresholds::default();
        let takes = |agent: Agent| {
            let points = |counter: Counter| table.points(agent, counter);
            let wanted = Counter::ALL.into_iter().filter(|counter| points(*counter) > 0.0);
            let told = |counter: Counter| {
                format!("{} {}", (table.threshold(agent) / points(counter)).ceil(), counter.name())
            };
            wanted.map(told).collect::<Vec<_>>().join(", ")
        };
        insta::assert_snapshot!(takes(Agent::Analyst), @"25 new-commands, 28 optimizations, 13 performance-shifts");
        insta::assert_snapshot!(takes(Agent::Advisor), @"10 new-commands, 8 failures, 10 host-changes");
        insta::assert_snapshot!(takes(Agent::Detective), @"2 failures, 2 performance-shifts");
    }

    #[test]
    fn what_is_declared_goes_before_the_table() {
        let runtime = json!({"thresholds": {
            "weights": {"failures": 1.0, "security-events": 2.0, "new-commands": "x"},
            "agents": {
                "hpc-advisor": {"threshold": 7.0, "factors": {"security-events": 3.0, "failures": 0.0}},
                "learning-analyst": {"threshold": 0.0},
            },
        }});
        let table = Thresholds::from_runtime(&runtime);
        assert_eq!(table.threshold(Agent::Advisor).to_bits(), 7.0_f64.to_bits());
        assert_eq!(table.of(Agent::Advisor, Counter::SecurityEvents), (2.0, 3.0));
        assert_eq!(table.of(Agent::Advisor, Counter::Failures), (1.0, 0.0));
        assert_eq!(table.of(Agent::Advisor, Counter::NewCommands), (2.0, 1.5));
        assert_eq!(table.threshold(Agent::Analyst).to_bits(), 50.0_f64.to_bits());
        assert_eq!(Thresholds::from_runtime(&json!({})), Thresholds::default());
        assert_eq!(Thresholds::from_runtime(&Value::Null), Thresholds::default());
    }
}
