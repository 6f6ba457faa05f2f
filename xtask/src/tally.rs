//! Running tests and counting them: `cargo test` ends each of its many programs with a count of its own.

use std::process::{Command, Stdio};

use anyhow::{Context as _, Result};

use crate::{
    silence::{Lines, SILENCE},
    workspace::say,
};

/// How many tests ended how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    passed: u64,
    failed: u64,
    ignored: u64,
}

impl Tally {
    /// Runs tests, passes on what they print, and adds what they count. Whether all of them passed.
    pub(crate) fn run(&mut self, what: &str, command: &mut Command) -> Result<bool> {
        say(what);
        let started = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn();
        let mut child = started.with_context(|| format!("{what}: cannot start cargo"))?;
        let stdout = child.stdout.take().context("no standard output")?;
        let mut lines = Lines::of(stdout, SILENCE);
        while let Some(line) = lines.next(&mut child)? {
            print(&line);
            self.add(&line);
        }
        Ok(child.wait()?.success())
    }

    /// Adds something that is no test of cargo's.
    pub(crate) fn count(&mut self, passed: bool) {
        if passed {
            self.passed += 1;
        } else {
            self.failed += 1;
        }
    }

    /// Whether nothing that was counted failed.
    pub(crate) fn all_passed(self) -> bool {
        self.failed == 0
    }

    /// The last line of a run.
    pub(crate) fn print(self) {
        let Self {
            passed,
            failed,
            ignored,
        } = self;
        print(&format!("{passed} passed, {failed} failed, {ignored} skipped"));
    }

    fn add(&mut self, line: &str) {
        let Some((_, counts)) = line
            .strip_prefix("test result: ")
            .and_then(|rest| rest.split_once(". "))
        else {
            return;
        };
        for count in counts.split("; ") {
            match count.split_once(' ') {
                Some((number, "passed")) => self.passed += number.parse::<u64>().unwrap_or(0),
                Some((number, "failed")) => self.failed += number.parse::<u64>().unwrap_or(0),
                Some((number, "ignored")) => self.ignored += number.parse::<u64>().unwrap_or(0),
                _ => {}
            }
        }
    }
}

#[expect(clippy::print_stdout, reason = "what the tests print")]
fn print(line: &str) {
    println!("{line}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_program_of_a_test_run_is_counted() {
        let mut tally = Tally::default();
        for line in [
            "running 3 tests",
            "test result: ok. 17 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.50s",
            "test a ... ok",
            "test result: FAILED. 2 passed; 3 failed; 0 ignored; 0 measured; 0 filtered out; finished in 5.97s",
        ] {
            tally.add(line);
        }
        assert_eq!(
            tally,
            Tally {
                passed: 19,
                failed: 3,
                ignored: 1
            }
        );
    }
}
