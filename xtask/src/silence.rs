//! Tests that never end: they are named and ended, before whoever waits for them loses patience and learns nothing.

use std::{
    collections::BTreeSet,
    fs,
    io::{self, BufRead as _, BufReader},
    process::{Child, ChildStdout, Command},
    sync::mpsc::{Receiver, RecvTimeoutError, sync_channel},
    thread,
    time::Duration,
};

use anyhow::{Result, bail};

/// The longest tests may say nothing. The slowest take some minutes on a busy machine.
pub(crate) const SILENCE: Duration = Duration::from_secs(20 * 60);
/// Lines that were not looked at yet.
const AHEAD: usize = 1_000;
/// What the test library says of a test once, after a minute.
const SLOW: &str = " has been running for over 60 seconds";

/// What tests print, line by line.
pub(crate) struct Lines {
    lines: Receiver<io::Result<Vec<u8>>>,
    limit: Duration,
    slow: BTreeSet<String>,
}

impl Lines {
    pub(crate) fn of(output: ChildStdout, limit: Duration) -> Self {
        let (said, lines) = sync_channel(AHEAD);
        thread::spawn(move || {
            let mut lines = BufReader::new(output).split(b'\n');
            lines.try_for_each(|line| said.send(line).ok())
        });
        Self {
            lines,
            limit,
            slow: BTreeSet::new(),
        }
    }

    /// The next line, nothing at the end. When none comes for too long, `tests` and what they have started are ended.
    pub(crate) fn next(&mut self, tests: &mut Child) -> Result<Option<String>> {
        let line = match self.lines.recv_timeout(self.limit) {
            Ok(line) => String::from_utf8_lossy(&line?).into_owned(),
            Err(RecvTimeoutError::Disconnected) => return Ok(None),
            Err(RecvTimeoutError::Timeout) => {
                end(tests)?;
                bail!(
                    "the tests said nothing for {:?} and were ended; these ran for over a minute: {:?}",
                    self.limit,
                    self.slow
                );
            }
        };
        self.notice(&line);
        Ok(Some(line))
    }

    fn notice(&mut self, line: &str) {
        let Some(test) = line.strip_prefix("test ") else {
            return;
        };
        if let Some(name) = test.strip_suffix(SLOW) {
            self.slow.insert(name.to_owned());
        } else if let Some((name, _)) = test.split_once(" ... ") {
            self.slow.remove(name);
        }
    }
}

/// Ends a program and those that it waits for, which would go on without it.
fn end(tests: &mut Child) -> Result<()> {
    let id = tests.id();
    let waited_for = fs::read_to_string(format!("/proc/{id}/task/{id}/children")).unwrap_or_default();
    tests.kill()?;
    tests.wait()?;
    if !waited_for.trim().is_empty() {
        let kill = format!("kill -KILL {waited_for}");
        Command::new("sh").args(["-c", &kill]).status()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::process::Stdio;

    use super::*;

    fn lines(script: &str) -> (Child, Lines) {
        let mut program = Command::new("sh");
        let started = program.args(["-c", script]).stdout(Stdio::piped()).spawn();
        let mut child = started.unwrap();
        let lines = Lines::of(child.stdout.take().unwrap(), SILENCE);
        (child, lines)
    }

    #[test]
    fn a_test_that_never_ends_is_named_and_ended() {
        let script = format!(
            "echo 'test a::slow{SLOW}'; echo 'test b::hangs{SLOW}'; echo 'test a::slow ... ok'; sleep 1000 & echo $!; wait"
        );
        let (mut child, mut lines) = lines(&script);
        let said: Vec<_> = (0..4).map(|_| lines.next(&mut child).unwrap().unwrap()).collect();
        lines.limit = Duration::from_millis(1);
        let error = lines.next(&mut child).unwrap_err().to_string();
        assert!(error.ends_with(r#": {"b::hangs"}"#), "{error}");
        assert!(child.try_wait().unwrap().is_some());
        // What it had started says so with the last line, and is gone or about to be.
        let state = fs::read_to_string(format!("/proc/{}/stat", said[3])).unwrap_or_default();
        assert!(!state.contains(") S "), "{state}");
    }

    #[test]
    fn what_ends_by_itself_is_read_to_its_end() {
        let (mut child, mut lines) = lines("echo one; echo two");
        assert_eq!(lines.next(&mut child).unwrap().as_deref(), Some("one"));
        assert_eq!(lines.next(&mut child).unwrap().as_deref(), Some("two"));
        assert!(lines.next(&mut child).unwrap().is_none());
        assert!(child.wait().unwrap().success());
    }
}
