//! Other servers, as processes. Each is started the way its documentation says and ends with its value here.

use std::{
    env, fs,
    io::{BufRead as _, BufReader, Read},
    net::{TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use platform_tests::guest;
use rustix::process::{Pid, Signal, kill_process};

use crate::native;

/// A proxy as its documentation recommends it: connections to the upstream are kept, each request has an id, and the headers
/// that tell who asks are set. As many workers as there are processors.
const NGINX: &str = "\
daemon off;
worker_processes auto;
pid {dir}/pid;
error_log stderr;
events { worker_connections 1024; }
http {
    access_log off;
    client_body_temp_path {dir}/body;
    proxy_temp_path {dir}/proxy;
    fastcgi_temp_path {dir}/fastcgi;
    uwsgi_temp_path {dir}/uwsgi;
    scgi_temp_path {dir}/scgi;
    keepalive_requests 1000000000;
    upstream container { server {upstream}; keepalive 64; keepalive_requests 1000000000; }
    server {
        listen {listen};
        location / {
            proxy_pass http://container;
            proxy_http_version 1.1;
            proxy_set_header Connection \"\";
            proxy_set_header X-Forwarded-For $remote_addr;
            proxy_set_header X-Forwarded-Proto $scheme;
            proxy_set_header X-Request-Id $request_id;
        }
    }
}
";
/// Until it accepts connections.
const NGINX_STARTS: Duration = Duration::from_secs(10);

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

    /// nginx in front of a server at this URL, with what it writes in this directory.
    pub(crate) fn nginx(dir: &Path, upstream: &str) -> Result<Self> {
        // It cannot be asked which port it has: one that was free a moment ago.
        let listen = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let upstream = upstream.trim_start_matches("http://");
        let filled = NGINX
            .replace("{dir}", &dir.display().to_string())
            .replace("{upstream}", upstream)
            .replace("{listen}", &listen.to_string());
        let config = dir.join("nginx.conf");
        fs::write(&config, filled)?;
        let path = env::var("PATH").unwrap_or_default();
        let mut command = Command::new("nginx");
        command
            .env("PATH", format!("{path}:/usr/sbin"))
            .arg("-c")
            .arg(&config);
        let peer = Self {
            child: command.spawn().context("starting nginx")?,
            url: format!("http://{listen}"),
        };
        let started = Instant::now();
        while TcpStream::connect(listen).is_err() {
            ensure!(
                started.elapsed() < NGINX_STARTS,
                "nginx does not accept connections"
            );
            thread::sleep(Duration::from_millis(10));
        }
        Ok(peer)
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
        // Asked first, because nginx has children that it has to end itself. It may be gone already.
        if let Some(pid) = Pid::from_raw(self.child.id().cast_signed()) {
            let _ = kill_process(pid, Signal::TERM);
        }
        for _ in 0..100 {
            if matches!(self.child.try_wait(), Ok(Some(_)) | Err(_)) {
                return;
            }
            thread::sleep(Duration::from_millis(10));
        }
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
