//! `cargo xtask COMMAND`: what people and machines do with this repository. Every command does its own set-up,
//! so a fresh clone needs nothing before it.

mod bench;
mod checks;
mod demo;
mod fuzz;
mod guests;
mod python;
mod setup;
mod silence;
mod soak;
mod tally;
mod tools;
mod workspace;

use std::process::ExitCode;

use anyhow::Result;

const HELP: &str = "\
cargo xtask COMMAND

  setup    make this machine ready: the wasm32-wasip2 target, and what the tests need
  guests   build the example challenges and the test components into target/guests
  demo     the main job, end to end, on free ports and in a temporary directory; --keep leaves it running
           until Ctrl-C
  test     every test, and a minute of every fuzz target; NAME runs those tests whose name contains it
  fuzz     search for inputs that break what strangers can reach, for --seconds N (60) with every target, or with
           TARGET alone; TARGET FILE gives a found input again
  bench    measure the host beside what it is compared to, print a table and write target/bench/report.json;
           NAME measures those whose name contains it, --quick only whether everything works
  soak     every hostile guest at once, for --minutes N (10), and what the host then still holds; writes
           target/soak/report.json
  docs     write docs/limits.md anew from the sources
  ci       what a change must pass: formatting, lints, documentation, tests with fuzz targets, licences
";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match run(&args) {
        Ok(code) => code,
        Err(error) => {
            workspace::say(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn run(args: &[&str]) -> Result<ExitCode> {
    match args {
        ["setup"] => {
            setup::run()?;
            tools::WKG.ensure()?;
        }
        ["guests"] => drop(prepare()?),
        ["demo"] => return demo::run(false),
        ["demo", "--keep"] => return demo::run(true),
        ["test", rest @ ..] => checks::test(rest)?,
        ["bench", rest @ ..] => bench::bench(rest)?,
        ["fuzz", rest @ ..] => fuzz::command(rest)?,
        ["soak"] => soak::soak(soak::MINUTES)?,
        ["soak", "--minutes", minutes] => soak::soak(minutes)?,
        ["docs"] => checks::docs()?,
        ["ci"] => checks::ci()?,
        [] | ["help" | "--help" | "-h"] => print_help(),
        other => {
            workspace::say(&format!("there is no `{}`", other.join(" ")));
            print_help();
            return Ok(ExitCode::from(2));
        }
    }
    Ok(ExitCode::SUCCESS)
}

#[expect(clippy::print_stdout, reason = "the answer of a command-line program")]
fn print_help() {
    print!("{HELP}");
}

/// The set-up that every command shares.
fn prepare() -> Result<std::path::PathBuf> {
    setup::run()?;
    guests::build(&workspace::root(), &workspace::target_dir()?)
}
