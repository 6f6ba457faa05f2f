//! `soak REPORT MINUTES`: what `cargo xtask soak` runs. Prints a table with a sample every minute.

use std::{process::ExitCode, time::Duration};

use anyhow::{Context as _, Result};
use platform_tests::{Footprint, soak::soak};

#[tokio::main]
async fn main() -> Result<ExitCode> {
    let mut args = std::env::args().skip(1);
    let report = args.next().context("no file for the report")?;
    let minutes: u64 = args.next().context("no number of minutes")?.parse()?;
    print_row(
        "second",
        &Footprint::default().columns().map(|(name, _)| name.to_owned()),
        "",
    );
    let minute = Duration::from_secs(60);
    let soaked = soak(minute * u32::try_from(minutes)?, minute, |second, held, what| {
        print_row(
            &second.to_string(),
            &held.columns().map(|(_, value)| value.to_string()),
            what,
        );
    })
    .await;
    std::fs::write(&report, serde_json::to_string_pretty(&soaked.report)?)?;
    for failure in &soaked.failures {
        print_line(&format!("FAILED {failure}"));
    }
    let honest = soaked.report.get("honest").context("no count of answers")?;
    print_line(&format!("honest: {honest}; report: {report}"));
    Ok(if soaked.failures.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn print_row(first: &str, columns: &[String], last: &str) {
    let columns: String = columns.iter().map(|column| format!("{column:>11}")).collect();
    print_line(&format!("{first:>7}{columns}  {last}"));
}

#[expect(clippy::print_stdout, reason = "the table is what it is run for")]
fn print_line(line: &str) {
    println!("{line}");
}
