//! A real engine of its own: Debian's `dockerd` with its data, its socket and its containers in a directory of its own, which ends
//! with this value and, because a shell watches, also with a test that is killed.
//!
//! Engines on one machine share its packet filter, and each that starts writes it anew. So of those that have one only one runs
//! at a time in one process; others are started with [`Filter::None`] and run nothing with a network, or with [`Filter::Apart`].

use std::{
    fs::File,
    io::{BufRead as _, BufReader, Write as _},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        atomic::{AtomicU32, Ordering},
        mpsc,
    },
    time::Duration,
};

use tempfile::TempDir;

/// How long an engine may take to start.
const STARTING: Duration = Duration::from_secs(120);

/// Whether an engine writes the packet filter of this machine.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Filter {
    Own,
    None,
    /// That of a network of its own, which nothing leads to but what a test lays. Everything in it ends with the engine.
    Apart,
}

/// A running `dockerd`.
pub(crate) struct TestEngine {
    /// A shell, which restarts the engine for each line of its input, and ends it when that ends.
    pub(crate) watcher: Child,
    /// `unix://…`.
    pub(crate) endpoint: String,
    /// `127.0.0.1:PORT`, if it was told to listen there.
    pub(crate) tcp: Option<String>,
    dir: TempDir,
}

impl TestEngine {
    pub(crate) fn start() -> Self {
        Self::start_with(Filter::Own, &[])
    }

    /// With more of its own options.
    pub(crate) fn start_with(filter: Filter, more: &[&str]) -> Self {
        Self::start_in(TempDir::new().unwrap(), filter, more)
    }

    /// The same, and it takes itself for one that has GPUs: it finds the hook of NVIDIA's toolkit, which does nothing. A container that
    /// asks for some runs, and finds in `NVIDIA_VISIBLE_DEVICES` what the hook would have read there.
    pub(crate) fn start_with_hook(filter: Filter, more: &[&str]) -> Self {
        let dir = TempDir::new().unwrap();
        let hook = dir.path().join("bin/nvidia-container-runtime-hook");
        std::fs::create_dir(hook.parent().unwrap()).unwrap();
        std::fs::write(&hook, "#!/bin/sh\nexec cat > /dev/null\n").unwrap();
        std::fs::set_permissions(&hook, std::fs::Permissions::from_mode(0o755)).unwrap();
        Self::start_in(dir, filter, more)
    }

    /// In a directory in whose `bin` it finds programs before all others.
    pub(crate) fn start_in(dir: TempDir, filter: Filter, more: &[&str]) -> Self {
        let at = |name: &str| dir.path().join(name).display().to_string();
        let socket = at("docker.sock");
        // Networks of a swarm are not compared with those of other engines.
        static STARTED: AtomicU32 = AtomicU32::new(0);
        let nth = std::process::id().wrapping_mul(7) + STARTED.fetch_add(1, Ordering::Relaxed);
        let pool = format!("base=10.{}.0.0/16,size=28", 64 + nth % 190);
        // Its containerd is its child. There is no bridge but those of tests' networks: `docker0` would be everybody's.
        let mut options = vec![
            ("--data-root", at("data")),
            ("--exec-root", at("exec")),
            ("--pidfile", at("pid")),
            ("--host", format!("unix://{socket}")),
            ("--bridge", "none".to_owned()),
            ("--default-address-pool", pool),
            ("--shutdown-timeout", "1".to_owned()),
        ];
        if filter == Filter::None {
            options.extend([
                ("--iptables=false", String::new()),
                ("--ip-forward=false", String::new()),
            ]);
        }
        let words = options
            .into_iter()
            .flat_map(|(name, value)| [name.to_owned(), value]);
        let before: &[&str] = match filter {
            Filter::Own | Filter::None => &[],
            Filter::Apart => &[
                "unshare",
                "--net",
                "sh",
                "-c",
                "ip link set lo up && exec \"$@\"",
                "apart",
            ],
        };
        let watcher = Command::new("sh")
            .args([
                "-c",
                r#""$@" & engine=$!; while read -r _; do kill $engine; wait $engine; "$@" & engine=$!; done
                kill $engine; wait $engine; umount -l "$DIR/data" 2> /dev/null; rm -rf "$DIR""#,
            ])
            .arg("watcher")
            .args(before)
            .arg("dockerd")
            .args(words.filter(|word| !word.is_empty()))
            .args(more)
            .env("DIR", dir.path())
            // Where Debian keeps it, and not everybody looks; and what was put there for it.
            .env(
                "PATH",
                format!(
                    "{}:{}:/usr/sbin:/sbin",
                    at("bin"),
                    std::env::var("PATH").unwrap_or_default()
                ),
            )
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn();
        let mut watcher = watcher.unwrap();
        let (said, heard) = mpsc::channel();
        let mut log = File::create(dir.path().join("log")).unwrap();
        let lines = BufReader::new(watcher.stderr.take().unwrap()).lines();
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                drop(writeln!(log, "{line}"));
                drop(said.send(line));
            }
        });
        let (mut tcp, mut local) = (None, false);
        let mut last = String::from("dockerd is missing: apt-get install docker.io iptables");
        while !local || (tcp.is_none() && more.contains(&"--host")) {
            let line = heard.recv_timeout(STARTING);
            let line = line.unwrap_or_else(|_| panic!("dockerd did not start: {last}"));
            assert!(!line.ends_with("dockerd: not found"), "{last}");
            let listens = line.split("API listen on ").nth(1);
            match listens.map(|at| at.trim_end_matches('"').to_owned()) {
                Some(at) if at.starts_with('/') => local = true,
                Some(at) => tcp = Some(at),
                None => last = line,
            }
        }
        Self {
            watcher,
            endpoint: format!("unix://{socket}"),
            tcp,
            dir,
        }
    }

    /// Docker's own command line, for what the crate does not do.
    pub(crate) fn cli(&self, args: &[&str]) -> Command {
        let mut command = Command::new("docker");
        command
            .args(["--host", &self.endpoint])
            .args(args)
            .env("DOCKER_CONFIG", self.dir.path().join("client"))
            .env_remove("DOCKER_HOST")
            .env_remove("DOCKER_CONTEXT");
        command
    }

    /// Runs it, and gives what it prints.
    pub(crate) fn docker(&self, args: &[&str]) -> String {
        let output = self
            .cli(args)
            .output()
            .expect("docker is missing: apt-get install docker.io");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
        assert!(
            output.status.success(),
            "docker {args:?}: {}",
            text(&output.stderr)
        );
        text(&output.stdout)
    }

    /// An image with one program in it and nothing else, made without a network. `changes` are lines of a Dockerfile.
    pub(crate) fn import(&self, program: &Path, changes: &[&str], name: &str) {
        self.import_into(tar::Builder::new(Vec::new()), program, changes, name);
    }

    /// The same, with a directory that belongs to somebody.
    pub(crate) fn import_with_directory(
        &self,
        program: &Path,
        (directory, uid): (&str, u64),
        changes: &[&str],
        name: &str,
    ) {
        let mut tar = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::Directory);
        header.set_mode(0o755);
        header.set_uid(uid);
        header.set_gid(uid);
        header.set_size(0);
        tar.append_data(&mut header, directory, std::io::empty()).unwrap();
        self.import_into(tar, program, changes, name);
    }

    /// An image for relays: BusyBox as `sh`, `nc` and `sleep`.
    pub(crate) fn import_relay(&self, name: &str) {
        let program = Path::new("/bin/busybox");
        let program = if program.exists() {
            program
        } else {
            Path::new("/usr/bin/busybox")
        };
        assert!(
            program.exists(),
            "busybox is missing: apt-get install busybox-static"
        );
        let mut tar = tar::Builder::new(Vec::new());
        for link in ["bin/nc", "bin/sh", "bin/sleep"] {
            let mut header = tar::Header::new_gnu();
            header.set_entry_type(tar::EntryType::Symlink);
            header.set_mode(0o777);
            header.set_size(0);
            tar.append_link(&mut header, link, "/busybox").unwrap();
        }
        self.import_into(tar, program, &["CMD [\"sleep\", \"1\"]"], name);
    }

    fn import_into(&self, mut tar: tar::Builder<Vec<u8>>, program: &Path, changes: &[&str], name: &str) {
        let file = program.file_name().unwrap();
        tar.append_path_with_name(program, file).unwrap();
        let changes = changes.iter().flat_map(|change| ["--change", change]);
        let args: Vec<&str> = ["import"].into_iter().chain(changes).chain(["-", name]).collect();
        let mut child = self
            .cli(&args)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .expect("docker is missing: apt-get install docker.io");
        let tar = tar.into_inner().unwrap();
        child.stdin.take().unwrap().write_all(&tar).unwrap();
        assert!(child.wait().unwrap().success());
    }

    /// Its process, by which its network is known.
    pub(crate) fn process(&self) -> String {
        std::fs::read_to_string(self.dir().join("pid"))
            .unwrap()
            .trim()
            .to_owned()
    }

    pub(crate) fn dir(&self) -> &Path {
        self.dir.path()
    }
}

impl Drop for TestEngine {
    fn drop(&mut self) {
        drop(self.watcher.stdin.take());
        drop(self.watcher.wait());
    }
}

/// Builds `examples/gpu-container` once, statically, into `target` and gives the program. `repository` is the root of this one.
pub(crate) fn gpu_container(repository: &Path, target: &Path) -> PathBuf {
    let target = target.join("gpu-container");
    let built = Command::new("cargo")
        .args(["build", "--release", "--locked", "--quiet"])
        // Where its own configuration is.
        .current_dir(repository.join("examples/gpu-container"))
        .env("CARGO_TARGET_DIR", &target)
        .env_remove("RUSTFLAGS")
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .env_remove("CARGO_BUILD_TARGET")
        .status();
    assert!(built.unwrap().success(), "examples/gpu-container does not build");
    target.join("x86_64-unknown-linux-gnu/release/gpu-container")
}
