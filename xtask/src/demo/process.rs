//! Programs of the demo: started, asked, and ended with it.

use std::{
    io::{BufRead as _, BufReader},
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;

use super::stop::Stop;

/// The `platform` program, and how to reach the host it talks to.
pub(crate) struct Platform {
    pub(crate) program: PathBuf,
    pub(crate) admin: Option<(String, PathBuf)>,
    /// Once it is asked for, nothing more is run.
    pub(crate) stop: Stop,
}

/// A program in the background; ended when this is dropped.
pub(crate) struct Background {
    child: Child,
}

/// The longest a program may take until it says where it listens.
const START_DEADLINE: Duration = Duration::from_secs(30);
/// How often a wait looks whether it is over.
const POLL: Duration = Duration::from_millis(50);

impl Platform {
    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.arg("--json").args(args);
        // The demo is what it is, whatever the person's shell has set.
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("PLATFORM_") {
                command.env_remove(name);
            }
        }
        if let Some((url, token)) = &self.admin {
            command
                .arg("--admin-url")
                .arg(url)
                .arg("--admin-token-file")
                .arg(token);
        }
        command
    }

    /// Runs one command and reads its JSON answer.
    pub(crate) fn ask(&self, args: &[&str]) -> Result<Value> {
        ensure!(!self.stop.is_asked(), "stopped");
        let output = self
            .command(args)
            .stdin(Stdio::null())
            .output()
            .context("cannot start platform")?;
        if !output.status.success() {
            bail!(
                "platform {} failed: {}",
                args.join(" "),
                String::from_utf8_lossy(&output.stderr).trim()
            );
        }
        serde_json::from_slice(&output.stdout)
            .with_context(|| format!("platform {} gave no JSON", args.join(" ")))
    }

    /// Starts a command that stays, with its log in a file, and reads the one JSON line it begins with.
    pub(crate) fn start(&self, args: &[&str], log: &std::path::Path) -> Result<(Background, Value)> {
        let log_file = std::fs::File::create(log)?;
        let mut child = self
            .command(args)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log_file)
            .spawn()
            .context("cannot start platform")?;
        let stdout = child.stdout.take().context("no standard output")?;
        let background = Background { child };
        let (sender, receiver) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let mut line = String::new();
            drop(BufReader::new(stdout).read_line(&mut line));
            drop(sender.send(line));
        });
        let line = receiver.recv_timeout(START_DEADLINE).unwrap_or_default();
        let text = || std::fs::read_to_string(log).unwrap_or_default();
        let answer = serde_json::from_str(&line)
            .with_context(|| format!("platform {} did not start: {}", args.join(" "), text()))?;
        Ok((background, answer))
    }
}

impl Background {
    /// Waits until the program ends by itself or the demo shall.
    pub(crate) fn wait(&mut self, stop: &Stop) -> Result<()> {
        while !stop.is_asked() && self.child.try_wait()?.is_none() {
            std::thread::sleep(POLL);
        }
        Ok(())
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Asks until the answer fits, for a bounded time.
pub(crate) fn until(
    what: &str,
    deadline: Duration,
    mut ask: impl FnMut() -> Result<Option<Value>>,
) -> Result<Value> {
    let started = Instant::now();
    loop {
        if let Some(value) = ask()? {
            return Ok(value);
        }
        if started.elapsed() > deadline {
            bail!("{what} did not happen within {} s", deadline.as_secs());
        }
        std::thread::sleep(POLL);
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn a_signal_ends_the_wait_and_dropping_ends_the_program() {
        let child = Command::new("sleep").arg("1000").spawn().unwrap();
        let process = format!("/proc/{}", child.id());
        let mut background = Background { child };
        let stop = Stop::on_signals().unwrap();
        assert!(!stop.is_asked());
        signal_hook::low_level::raise(signal_hook::consts::SIGHUP).unwrap();
        background.wait(&stop).unwrap();
        assert!(Path::new(&process).exists());
        drop(background);
        assert!(!Path::new(&process).exists());
    }
}
