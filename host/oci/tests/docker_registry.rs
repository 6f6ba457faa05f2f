//! A real registry process.

use std::{
    fs,
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
};

use tempfile::TempDir;

/// Debian's `docker-registry` with its content in a directory of its own; dies with this value.
pub(crate) struct Registry {
    child: Child,
    /// `127.0.0.1:PORT`.
    pub(crate) address: String,
    _dir: TempDir,
}

impl Registry {
    pub(crate) fn start() -> Self {
        Self::start_in(TempDir::new().unwrap(), "")
    }

    /// With more of its configuration, whose first lines belong to `http`.
    pub(crate) fn start_in(dir: TempDir, more: &str) -> Self {
        let config = dir.path().join("config.yml");
        let root = dir.path().join("content");
        let text = format!(
            "version: 0.1\nlog:\n  formatter: json\nstorage:\n  filesystem:\n    rootdirectory: {}\nhttp:\n  addr: 127.0.0.1:0\n{more}",
            root.display()
        );
        fs::write(&config, text).unwrap();
        let child = Command::new("docker-registry")
            .arg("serve")
            .arg(&config)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn();
        let mut child = child.expect("docker-registry is missing: apt-get install docker-registry");
        // It says which port it was given; the rest is read so that it never waits for us.
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let address = lines.find_map(|line| {
            let line = line.ok()?;
            let (_, rest) = line.split_once("listening on ")?;
            Some(rest.split(['"', ',']).next()?.trim().to_owned())
        });
        std::thread::spawn(move || lines.for_each(drop));
        let address = address.expect("docker-registry ended before it listened");
        Self {
            child,
            address,
            _dir: dir,
        }
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
