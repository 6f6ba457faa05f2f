//! What is to be reached. A measure that is not here is for information.

use crate::report::Measure;

/// A measure and its target.
pub(crate) struct Goal {
    pub(crate) name: &'static str,
    pub(crate) target: Target,
}

#[derive(Clone, Copy)]
pub(crate) enum Target {
    RatioAtLeast(f64),
    RatioAtMost(f64),
    ValueAtMost(f64),
}

use Target::{RatioAtLeast, RatioAtMost, ValueAtMost};

pub(crate) const GOALS: [Goal; 22] = [
    goal("route_fresh_rps", RatioAtLeast(4.0)),
    goal("route_fresh_vs_native", RatioAtLeast(0.45)),
    goal("route_warm_vs_native", RatioAtLeast(0.65)),
    goal("proxy_container_vs_direct", RatioAtLeast(0.5)),
    goal("signed_rps", RatioAtLeast(0.5)),
    goal("upload_64mib_rss_mb", ValueAtMost(64.0)),
    goal("idle_1000_conn_mb", ValueAtMost(40.0)),
    goal("flood_p99_ratio", RatioAtMost(3.0)),
    goal("call_fresh_us", RatioAtMost(0.4)),
    goal("call_warm_us", RatioAtMost(0.2)),
    goal("weights_256_us", RatioAtMost(0.6)),
    goal("first_request_ms", RatioAtMost(0.05)),
    goal("boot_1000_s", RatioAtMost(20.0)),
    goal("rss_1000_mb", ValueAtMost(300.0)),
    goal("neighbour_p99_ratio", RatioAtMost(2.0)),
    goal("sqlite_point_us", RatioAtMost(4.0)),
    goal("sqlite_txn_us", RatioAtMost(2.0)),
    goal("kv_get_us", RatioAtMost(1.5)),
    goal("backup_mb_s", RatioAtLeast(0.3)),
    goal("aggregate_64x4096_ms", RatioAtMost(10.0)),
    goal("aggregate_entry_ns", RatioAtMost(1.0)),
    goal("verify_sr25519_us", RatioAtMost(2.0)),
];

const fn goal(name: &'static str, target: Target) -> Goal {
    Goal { name, target }
}

impl Goal {
    pub(crate) fn of(name: &str) -> Option<&'static Self> {
        GOALS.iter().find(|goal| goal.name == name)
    }
}

impl Target {
    /// The target as text, and whether the measure reaches it.
    pub(crate) fn verdict(self, measure: &Measure) -> (String, &'static str) {
        let (text, reached) = match self {
            RatioAtLeast(least) => (format!("ratio >= {least}"), measure.ratio().map(|it| it >= least)),
            RatioAtMost(most) => (format!("ratio <= {most}"), measure.ratio().map(|it| it <= most)),
            ValueAtMost(most) => (format!("value <= {most}"), Some(measure.value <= most)),
        };
        let reached = match reached {
            Some(true) => "yes",
            Some(false) => "no",
            None => "",
        };
        (text, reached)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_goal_is_explained_where_people_look_for_it() {
        let text = include_str!("../../docs/performance.md");
        for Goal { name, target } in &GOALS {
            let (RatioAtLeast(number) | RatioAtMost(number) | ValueAtMost(number)) = target;
            let row = text
                .lines()
                .find(|line| line.starts_with(&format!("| `{name}` |")));
            let row = row.unwrap_or_else(|| panic!("docs/performance.md has no row for {name}"));
            assert!(row.ends_with(&format!(" {number} |")), "{row}");
        }
    }
}
