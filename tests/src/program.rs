//! The `platform` program itself, as a process: for exit codes, standard streams and sudden death.

use std::{
    path::Path,
    process::{Output, Stdio},
};

use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    process::{Child, ChildStderr, ChildStdout, Command},
};

use crate::{host::COMPILE_WALL_MS, platform};

fn command(args: &[&str]) -> Command {
    let mut command = Command::new(platform());
    command.args(args).kill_on_drop(true);
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("PLATFORM_")) {
        command.env_remove(name);
    }
    command.env("PLATFORM_LIMITS__COMPILE_WALL_MS", COMPILE_WALL_MS.to_string());
    command
}

/// A running `platform serve` or `platform devnet`.
pub struct Program {
    child: Child,
    log: Option<tokio::io::Lines<BufReader<ChildStderr>>>,
    /// The JSON line it began with.
    pub answer: Value,
}

/// A command that goes on, and what it says.
pub struct Said {
    child: Child,
    lines: tokio::io::Lines<BufReader<ChildStdout>>,
}

impl Said {
    /// The next line, as soon as it is there; `None` at the end.
    pub async fn next(&mut self) -> Option<String> {
        self.lines.next_line().await.unwrap()
    }

    /// Ends it as a power cut does.
    pub async fn kill(mut self) {
        self.child.kill().await.unwrap();
    }

    /// Waits until it has ended, and tells whether that is well.
    pub async fn end(mut self) -> bool {
        self.child.wait().await.unwrap().success()
    }
}

impl Program {
    /// Starts it and waits for its line. Its log goes to this test's standard error.
    pub async fn start(args: &[&str]) -> Self {
        Self::start_with(args, Stdio::inherit()).await
    }

    /// The same, with its log in a file.
    pub async fn start_logging_to(args: &[&str], file: &Path) -> Self {
        let log = std::fs::File::create(file).unwrap();
        Self::start_with(args, log.into()).await
    }

    /// The same, with its log for [`Program::logs`]. Whoever does not read it stops the program in the end.
    pub async fn start_logged(args: &[&str]) -> Self {
        Self::start_with(args, Stdio::piped()).await
    }

    async fn start_with(args: &[&str], log: Stdio) -> Self {
        let mut child = command(&["--json"])
            .args(args)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .unwrap();
        let log = child.stderr.take().map(|log| BufReader::new(log).lines());
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .await
            .unwrap();
        let answer = serde_json::from_str(&line).unwrap_or_else(|_| panic!("no start: {line:?}"));
        Self { child, log, answer }
    }

    /// Starts a command that goes on, for its lines on standard output. It ends when dropped.
    pub fn saying(args: &[&str]) -> Said {
        let mut child = command(args)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let out = child.stdout.take().unwrap();
        Said {
            child,
            lines: BufReader::new(out).lines(),
        }
    }

    /// Waits until a line of the log contains this.
    pub async fn logs(&mut self, text: &str) {
        self.logs_all(&[text]).await;
    }

    /// Waits until one line of the log contains all of these.
    pub async fn logs_all(&mut self, texts: &[&str]) {
        let log = self.log.as_mut().expect("started with its log");
        while let Some(line) = log.next_line().await.unwrap() {
            if texts.iter().all(|text| line.contains(text)) {
                return;
            }
        }
        panic!("the program ended before it logged {texts:?}");
    }

    /// The number of the process.
    pub fn id(&self) -> u32 {
        self.child.id().expect("it runs")
    }

    /// Ends it as a power cut does.
    pub async fn kill(mut self) {
        self.child.kill().await.unwrap();
    }

    /// Runs a command to its end with this standard input.
    pub async fn run(args: &[&str], input: &str) -> Output {
        let (input_end, out) = (Stdio::piped(), Stdio::piped());
        let mut child = command(args)
            .stdin(input_end)
            .stdout(out)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        // A program that refuses its arguments reads nothing.
        drop(stdin.write_all(input.as_bytes()).await);
        drop(stdin);
        child.wait_with_output().await.unwrap()
    }
}
