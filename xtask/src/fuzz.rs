//! `cargo xtask fuzz`: looks for inputs that break what strangers can reach, or gives one again to what it broke.
//!
//! Coverage comes from cargo-fuzz on the pinned stable toolchain; the sanitizers would need another one, and there is
//! one `unsafe` in the host. Everything that is built, found or remembered stays below the target directory; what is
//! in `fuzz/seeds` is where each search begins.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Mutex,
    thread,
    time::Instant,
};

use anyhow::{Context as _, Result, bail, ensure};

use crate::{
    prepare,
    tally::Tally,
    tools::CargoTool,
    workspace::{cargo, in_root, root, run, say, target_dir},
};

/// Files in `fuzz/fuzz_targets`.
pub(crate) const TARGETS: [&str; 6] = ["request", "claim", "response", "manifest", "sql", "text"];
/// For each target, when nobody says otherwise: what a change may cost.
pub(crate) const SECONDS: u32 = 60;
const CARGO_FUZZ: CargoTool = CargoTool {
    name: "cargo-fuzz",
    version: "0.13.2",
    arguments: &[],
};
/// An input that takes longer is a finding: the slowest that is allowed fills a whole body.
const SLOWEST_SECONDS: u32 = 20;
/// More would be a leak. The pool of the engine and the counters take a part of it.
const MOST_MEMORY_MIB: u32 = 3072;
/// Longer inputs find nothing that shorter ones do not, only later.
const LONGEST_INPUT: u32 = 16 << 10;

/// The command line: `[--seconds N] [TARGET [FILE]]`.
pub(crate) fn command(args: &[&str]) -> Result<()> {
    let (seconds, args) = match args {
        ["--seconds", number, rest @ ..] => (number.parse().context("--seconds takes a whole number")?, rest),
        rest => (SECONDS, rest),
    };
    let targets = match args {
        [] => &TARGETS[..],
        [target, ..] => {
            let known = TARGETS.iter().position(|known| known == target);
            let at = known.with_context(|| format!("the targets are {}", TARGETS.join(", ")))?;
            TARGETS.get(at..=at).unwrap_or_default()
        }
    };
    let fuzzer = Fuzzer::build(&prepare()?)?;
    match args {
        [] | [_] => {
            let mut tally = Tally::default();
            fuzzer.search(targets, seconds, &mut tally)?;
            ensure!(tally.all_passed(), "inputs were found that break something");
            Ok(())
        }
        [target, file] => {
            let file = fs::canonicalize(file).with_context(|| format!("no file {file}"))?;
            run("what it says", fuzzer.fuzz("fmt", target).arg(&file))?;
            run("giving it again", fuzzer.fuzz("run", target).arg(&file))
        }
        _ => bail!("one target, and one file for it"),
    }
}

/// Everything that a search needs.
pub(crate) struct Fuzzer {
    /// cargo-fuzz itself.
    program: PathBuf,
    guests: PathBuf,
    /// Below the target directory.
    dir: PathBuf,
}

impl Fuzzer {
    /// Installs cargo-fuzz, unless it is there, and builds all targets.
    pub(crate) fn build(guests: &Path) -> Result<Self> {
        let target_dir = target_dir()?;
        let fuzzer = Self {
            program: cargo_fuzz()?,
            guests: guests.to_owned(),
            dir: target_dir.join("fuzz"),
        };
        // cargo-fuzz would write a lock anew that is stale.
        let manifest = root().join("fuzz/Cargo.toml");
        let mut fetch = cargo(&["fetch", "--locked", "--quiet", "--manifest-path"]);
        run("what the fuzz targets are locked to", fetch.arg(manifest))?;
        let mut build = fuzzer.command("build");
        run("building the fuzz targets", &mut build)?;
        Ok(fuzzer)
    }

    /// Searches with as many targets at a time as there are cores, and counts each as a test.
    pub(crate) fn search(&self, targets: &[&'static str], seconds: u32, tally: &mut Tally) -> Result<()> {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let (waiting, tally) = (Mutex::new(targets.iter()), Mutex::new(tally));
        let next = || waiting.lock().map_or(None, |mut waiting| waiting.next());
        thread::scope(|scope| {
            let one_after_the_other = || {
                while let Some(target) = next() {
                    let passed = self.search_one(target, seconds)?;
                    if let Ok(mut tally) = tally.lock() {
                        tally.count(passed);
                    }
                }
                Ok(())
            };
            let searches: Vec<_> = (0..cores).map(|_| scope.spawn(one_after_the_other)).collect();
            for search in searches {
                search.join().unwrap_or_else(|_| bail!("a search panicked"))?;
            }
            Ok(())
        })
    }

    /// Whether nothing was found.
    fn search_one(&self, target: &str, seconds: u32) -> Result<bool> {
        let [corpus, found] = ["corpus", "found"].map(|name| self.dir.join(name).join(target));
        for folder in [&corpus, &found] {
            fs::create_dir_all(folder).with_context(|| format!("making {}", folder.display()))?;
        }
        let log = self.dir.join(format!("{target}.log"));
        let started = Instant::now();
        say(&format!("fuzzing {target} for {seconds} s"));
        let status = self
            .fuzz("run", target)
            // The first is where new inputs are kept.
            .args([&corpus, &root().join("fuzz/seeds").join(target)])
            .arg("--")
            .args([
                format!("-max_total_time={seconds}"),
                format!("-timeout={SLOWEST_SECONDS}"),
                format!("-rss_limit_mb={MOST_MEMORY_MIB}"),
                format!("-max_len={LONGEST_INPUT}"),
                format!("-artifact_prefix={}/", found.display()),
                format!("-dict={}", root().join("fuzz/words.dict").display()),
                "-print_final_stats=1".to_owned(),
            ])
            .stderr(fs::File::create(&log)?)
            .status()
            .with_context(|| format!("starting {}", self.program.display()))?;
        let text = String::from_utf8_lossy(&fs::read(&log)?).into_owned();
        if !status.success() {
            let lines: Vec<_> = text.lines().rev().take(60).collect();
            lines.iter().rev().for_each(|line| say(line));
            say(&format!(
                "{target} failed; all of it is in {}; again with: cargo xtask fuzz {target} {}/FILE",
                log.display(),
                found.display()
            ));
            return Ok(false);
        }
        say(&format!(
            "fuzzing {target}: nothing found in {:.0} s, {}",
            started.elapsed().as_secs_f64(),
            statistics(&text)
        ));
        Ok(true)
    }

    fn fuzz(&self, what: &str, target: &str) -> Command {
        let mut command = self.command(what);
        command.arg(target);
        command
    }

    /// cargo-fuzz with what a build needs; the same for a run, or it would build again.
    fn command(&self, what: &str) -> Command {
        let mut command = in_root(&self.program);
        command
            .args([
                "fuzz",
                what,
                "--sanitizer",
                "none",
                "--codegen-units",
                "16",
                "--target-dir",
            ])
            .arg(self.dir.join("build"))
            .env("RUSTC_WRAPPER", root().join("fuzz/rustc.sh"))
            .env("PLATFORM_GUESTS", &self.guests)
            .stdin(Stdio::null());
        command
    }
}

/// Where cargo-fuzz is, after it has been installed if it was nowhere.
fn cargo_fuzz() -> Result<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let mut programs = env::split_paths(&path).map(|folder| folder.join(CARGO_FUZZ.name));
    match programs.find(|program| program.is_file()) {
        Some(program) => Ok(program),
        None => CARGO_FUZZ.ensure(),
    }
}

/// How much was tried, and how much of the code that reached.
fn statistics(log: &str) -> String {
    let after = |label: &str| {
        let line = log.lines().rev().find_map(|line| line.split_once(label));
        let word = line.and_then(|(_, rest)| rest.split_whitespace().next());
        word.unwrap_or("?").to_owned()
    };
    format!(
        "{} inputs, {} a second, {} edges covered",
        after("number_of_executed_units:"),
        after("average_exec_per_sec:"),
        after(" cov:")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_of_a_search_are_read_from_its_last_lines() {
        let log = "#2\tINITED cov: 10 ft: 10 corp: 1/1b\n#90\tDONE   cov: 4711 ft: 9 corp: 4/1b exec/s: 3\n\
                   stat::number_of_executed_units: 90\nstat::average_exec_per_sec:     3\n";
        assert_eq!(statistics(log), "90 inputs, 3 a second, 4711 edges covered");
        assert_eq!(statistics(""), "? inputs, ? a second, ? edges covered");
    }
}
