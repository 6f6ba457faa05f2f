//! Other servers, as processes. Each is started the way its documentation says and ends with its value here.

use std::{
    io::{BufRead as _, BufReader, Read},
    path::Path,
    process::{Child, Command, Stdio},
    thread,
};

use anyhow::{Context as _, Result};
use platform_tests::guest;

use crate::native;

/// A running server.
pub(crate) struct Peer {
    child: Child,
    /// `http://127.0.0.1:PORT`
    pub(crate) url: String,
}

impl Peer {
    /// The axum handler.
    pub(crate) fn native() -> Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        let child = command.arg(native::COMMAND).stdout(Stdio::piped()).spawn();
        let mut child = child.context("starting the axum server")?;
        let stdout = child.stdout.take().context("no standard output")?;
        Self::announced(child, stdout)
    }

    /// `wasmtime serve` with its own defaults: a pool, an instance for each request. The guest is Rust and its
    /// standard library wants `wasi:cli`, which has to be asked for.
    pub(crate) fn wasmtime(program: &Path) -> Result<Self> {
        let mut command = Command::new(program);
        command.args(["serve", "-Scli", "--addr", "127.0.0.1:0"]);
        let child = command.arg(guest("hello-http")).stderr(Stdio::piped()).spawn();
        let mut child = child.with_context(|| format!("starting {}", program.display()))?;
        let stderr = child.stderr.take().context("no standard error")?;
        Self::announced(child, stderr)
    }

    /// Waits for the line with the address. What comes after it is read and forgotten, so that a server that
    /// has something to say does not wait for a reader.
    fn announced(child: Child, output: impl Read + Send + 'static) -> Result<Self> {
        // First, so that whatever goes wrong now ends the process.
        let mut peer = Self {
            child,
            url: String::new(),
        };
        let mut lines = BufReader::new(output).lines();
        for line in lines.by_ref() {
            let line = line?;
            if let Some((_, address)) = line.split_once("http://") {
                peer.url = format!("http://{}", address.trim_end_matches('/'));
                thread::spawn(move || lines.for_each(drop));
                return Ok(peer);
            }
        }
        anyhow::bail!("a server ended before it served")
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // It may be gone already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
