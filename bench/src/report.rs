//! What was measured: the table for people, `report.json` for programs, and beside it what the machine was.

use std::{fs, path::Path, process::Command};

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use crate::goals::Goal;

/// One number, mostly beside another one from the same minutes.
#[derive(Clone, Debug)]
pub(crate) struct Measure {
    /// A name of the table of goals, or one with a part behind a slash.
    pub(crate) name: String,
    pub(crate) value: f64,
    pub(crate) unit: &'static str,
    pub(crate) baseline: Option<f64>,
}

impl Measure {
    pub(crate) fn new(name: impl Into<String>, value: f64, unit: &'static str) -> Self {
        Self {
            name: name.into(),
            value,
            unit,
            baseline: None,
        }
    }

    pub(crate) fn over(mut self, baseline: f64) -> Self {
        self.baseline = Some(baseline);
        self
    }

    pub(crate) fn ratio(&self) -> Option<f64> {
        self.baseline.map(|baseline| self.value / baseline)
    }

    fn to_json(&self) -> Value {
        json!({
            "name": self.name, "value": self.value, "unit": self.unit,
            "baseline": self.baseline, "ratio": self.ratio(),
        })
    }

    fn row(&self) -> String {
        let or_nothing = |number: Option<f64>| number.map_or("-".to_owned(), short);
        let goal = Goal::of(&self.name);
        let (target, reached) = goal.map_or_else(Default::default, |goal| goal.target.verdict(self));
        format!(
            "{:<32} {:>10} {:<6} {:>10} {:>8}  {target:<14} {reached}",
            self.name,
            short(self.value),
            self.unit,
            or_nothing(self.baseline),
            or_nothing(self.ratio()),
        )
    }
}

/// The table, a line for each measure.
pub(crate) fn table(measures: &[Measure]) -> String {
    let mut lines = vec![format!(
        "{:<32} {:>10} {:<6} {:>10} {:>8}  {:<14} reached",
        "measure", "value", "unit", "baseline", "ratio", "target"
    )];
    lines.extend(measures.iter().map(Measure::row));
    lines.join("\n")
}

/// Writes `report.json` into the directory, and `machine.json` with what a reader must know besides.
pub(crate) fn write(dir: &Path, measures: &[Measure], machine: &Value) -> Result<()> {
    fs::create_dir_all(dir).with_context(|| format!("making {}", dir.display()))?;
    let report: Vec<Value> = measures.iter().map(Measure::to_json).collect();
    fs::write(dir.join("report.json"), serde_json::to_vec_pretty(&report)?)?;
    fs::write(dir.join("machine.json"), serde_json::to_vec_pretty(machine)?)?;
    Ok(())
}

/// Where and when it was measured.
pub(crate) fn machine(quick: bool) -> Value {
    let first_line = |command: &mut Command| {
        let output = command.output().ok()?;
        let text = String::from_utf8(output.stdout).ok()?;
        text.lines().next().map(str::to_owned)
    };
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu.lines().find_map(|line| line.strip_prefix("model name"));
    json!({
        "cpu": model.map(|text| text.trim_start_matches([' ', '\t', ':'])),
        "cores": std::thread::available_parallelism().ok().map(usize::from),
        "kernel": first_line(Command::new("uname").arg("-r")),
        "commit": first_line(Command::new("git").args(["rev-parse", "HEAD"])),
        "load_before": load(),
        "quick": quick,
    })
}

/// How many were at work in the last minute, others of this machine included.
pub(crate) fn load() -> Option<f64> {
    let text = fs::read_to_string("/proc/loadavg").ok()?;
    text.split(' ').next()?.parse().ok()
}

/// Three digits are more than a measurement is worth.
fn short(number: f64) -> String {
    match number.abs() {
        1000.0.. => format!("{number:.0}"),
        100.0.. => format!("{number:.1}"),
        1.0.. => format!("{number:.2}"),
        _ => format!("{number:.3}"),
    }
}
