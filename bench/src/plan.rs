//! What is asked for: which measures, and how thoroughly.

use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};

/// The command line.
#[derive(Debug)]
pub(crate) struct Plan {
    /// Where the report goes.
    pub(crate) report: PathBuf,
    /// The program `wasmtime`.
    pub(crate) wasmtime: PathBuf,
    /// Enough to see whether everything works, not enough to believe the numbers.
    pub(crate) quick: bool,
    /// Parts of names; all when empty.
    names: Vec<String>,
}

impl Plan {
    /// `--report DIR --wasmtime PROGRAM [--quick] [NAME…]`
    pub(crate) fn parse(mut args: impl Iterator<Item = String>) -> Result<Self> {
        let (mut report, mut wasmtime, mut quick, mut names) = (None, None, false, Vec::new());
        while let Some(arg) = args.next() {
            match arg.as_str() {
                "--report" => report = args.next().map(PathBuf::from),
                "--wasmtime" => wasmtime = args.next().map(PathBuf::from),
                "--quick" => quick = true,
                option if option.starts_with('-') => bail!("there is no option {option}"),
                _ => names.push(arg),
            }
        }
        Ok(Self {
            report: report.context("no --report")?,
            wasmtime: wasmtime.context("no --wasmtime")?,
            quick,
            names,
        })
    }

    /// Whether one of these measures is asked for, or a part of it.
    pub(crate) fn wants(&self, measures: &[&str]) -> bool {
        let is_part = |name: &String, measure: &str| {
            name.strip_prefix(measure)
                .is_some_and(|rest| rest.starts_with('/'))
        };
        measures
            .iter()
            .any(|measure| self.wants_part(measure) || self.names.iter().any(|name| is_part(name, measure)))
    }

    /// Whether this part of a measure is asked for, `MEASURE/PART`.
    pub(crate) fn wants_part(&self, name: &str) -> bool {
        self.names.is_empty() || self.names.iter().any(|asked| name.contains(asked.as_str()))
    }

    /// The first when it is to be thorough, the second when it is to be quick.
    pub(crate) fn of<T>(&self, full: T, quick: T) -> T {
        if self.quick { quick } else { full }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(args: &str) -> Result<Plan> {
        Plan::parse(args.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn a_part_of_a_name_is_enough() {
        let all = plan("--report r --wasmtime w").unwrap();
        assert!(all.wants(&["call_fresh_us"]) && all.of(2, 1) == 2);
        let some = plan("--report r --quick --wasmtime w call_ boot").unwrap();
        assert!(some.wants(&["route", "call_fresh_us"]) && some.wants(&["boot_1000_s"]));
        assert!(!some.wants(&["route_fresh_rps"]) && some.of(2, 1) == 1);
        let part = plan("--report r --wasmtime w neighbour_p99_ratio/grow").unwrap();
        assert!(part.wants(&["neighbour_p99_ratio"]) && !part.wants(&["route_fresh_rps"]));
        assert!(part.wants_part("neighbour_p99_ratio/grow") && !part.wants_part("neighbour_p99_ratio/spin"));
        assert!(plan("--quick").is_err() && plan("--report r --wasmtime w --no").is_err());
    }
}
