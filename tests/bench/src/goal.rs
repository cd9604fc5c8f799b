//! Goals and what was measured.

use crate::table::Table;

/// A figure that was aimed at.
pub(crate) struct Goal {
    what: String,
    goal: String,
    measured: String,
    met: bool,
}

impl Goal {
    /// A figure that must not be lower.
    pub(crate) fn at_least(what: impl Into<String>, limit: f64, unit: &str, measured: f64) -> Goal {
        Goal::new(what.into(), "≥", limit, unit, measured, measured >= limit)
    }

    /// A figure that must not be higher.
    pub(crate) fn at_most(what: impl Into<String>, limit: f64, unit: &str, measured: f64) -> Goal {
        Goal::new(what.into(), "≤", limit, unit, measured, measured <= limit)
    }

    /// A figure that must be higher.
    pub(crate) fn above(what: impl Into<String>, limit: f64, unit: &str, measured: f64) -> Goal {
        Goal::new(what.into(), ">", limit, unit, measured, measured > limit)
    }

    /// A figure that must be lower.
    pub(crate) fn below(what: impl Into<String>, limit: f64, unit: &str, measured: f64) -> Goal {
        Goal::new(what.into(), "<", limit, unit, measured, measured < limit)
    }

    fn new(what: String, relation: &str, limit: f64, unit: &str, measured: f64, met: bool) -> Goal {
        let decimals = if measured.abs() >= 100.0 { 0 } else { 2 };
        Goal {
            what,
            goal: format!("{relation} {limit} {unit}"),
            measured: format!("{measured:.decimals$} {unit}"),
            met,
        }
    }
}

/// All goals in one table.
pub(crate) fn table(goals: &[Goal]) -> Table {
    let mut table = Table::new(&["goal of this stage", "goal", "measured", "met"]);
    for goal in goals {
        let met = if goal.met { "yes" } else { "missed" };
        table.row([goal.what.as_str(), goal.goal.as_str(), goal.measured.as_str(), met].map(str::to_owned));
    }
    table
}
