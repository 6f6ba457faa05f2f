//! Makes a machine ready: the Wasm target of the pinned toolchain, and from Debian's packages what guests with
//! C inside and the tests need. What is there already is not touched; a machine that is ready is only looked
//! at.

use std::{
    env,
    path::Path,
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result, bail, ensure};

use crate::{
    guests::{TARGET, WASI_HEADERS},
    python,
    workspace::{self, root, say},
};

/// Something from outside cargo.
struct Tool {
    what: &'static str,
    presence: Presence,
    /// The package of Debian 12 and its descendants.
    package: &'static str,
}

/// How a tool shows that it is there.
enum Presence {
    /// A program on the `PATH` or a file; one of these is enough.
    AnyOf(&'static [&'static str]),
    /// It has to be tried.
    Works(fn() -> bool),
}

/// A linker, `ar` and the C library of this machine are not among them: without these nobody gets here.
const TOOLS: [Tool; 11] = [
    Tool {
        what: "the C compiler for guests",
        presence: Presence::AnyOf(&["clang"]),
        package: "clang",
    },
    Tool {
        what: "C headers for guests",
        presence: Presence::AnyOf(&WASI_HEADERS),
        package: "wasi-libc",
    },
    Tool {
        what: "the registry that the tests push to",
        presence: Presence::AnyOf(&["docker-registry"]),
        package: "docker-registry",
    },
    Tool {
        what: "a second reader of OCI layouts, for the tests",
        presence: Presence::AnyOf(&["skopeo"]),
        package: "skopeo",
    },
    Tool {
        what: "a second reader of keys and signatures, for the tests",
        presence: Presence::AnyOf(&["openssl"]),
        package: "openssl",
    },
    Tool {
        what: "the engine that the tests run containers on",
        presence: Presence::AnyOf(&["dockerd", "/usr/sbin/dockerd"]),
        package: "docker.io",
    },
    Tool {
        what: "the packet filter that the engine writes",
        presence: Presence::AnyOf(&["iptables", "/usr/sbin/iptables"]),
        package: "iptables",
    },
    Tool {
        what: "the way to engines on other machines",
        presence: Presence::AnyOf(&["ssh"]),
        package: "openssh-client",
    },
    Tool {
        what: "what relays to containers on other machines are made of, for the tests",
        presence: Presence::AnyOf(&["/bin/busybox", "/usr/bin/busybox"]),
        package: "busybox-static",
    },
    Tool {
        what: "the other end of that way, for the tests",
        presence: Presence::AnyOf(&["/usr/sbin/sshd"]),
        package: "openssh-server",
    },
    Tool {
        what: "a Python with virtual environments, for the guest in Python",
        presence: Presence::Works(|| python::interpreter().is_some()),
        package: "python3-venv",
    },
];
const OF_THE_BENCHMARK: [Tool; 2] = [
    Tool {
        what: "the load of the benchmark",
        presence: Presence::AnyOf(&["wrk"]),
        package: "wrk",
    },
    Tool {
        what: "the proxy that the benchmark compares with",
        // Debian keeps it where only root looks.
        presence: Presence::AnyOf(&["nginx", "/usr/sbin/nginx"]),
        package: "nginx-light",
    },
];

/// Everything but what only the benchmark needs.
pub(crate) fn run() -> Result<()> {
    ensure_target()?;
    ensure_tools(&TOOLS)
}

/// What the benchmark needs beside.
pub(crate) fn ensure_benchmark() -> Result<()> {
    ensure_tools(&OF_THE_BENCHMARK)
}

/// The toolchain file asks for the target too, but rustup may be told not to install by itself.
fn ensure_target() -> Result<()> {
    if has_target()? {
        return Ok(());
    }
    if !is_present("rustup") {
        bail!(
            "this Rust has no {TARGET} and there is no rustup to add it; \
             docs/challenge-authors.md says how to get it without network access to rustup's server"
        );
    }
    let mut add = Command::new("rustup");
    workspace::run(
        &format!("adding the target {TARGET}"),
        add.args(["target", "add", TARGET]).current_dir(root()),
    )?;
    ensure!(
        has_target()?,
        "rustup added {TARGET} to another toolchain than {} uses",
        root().display()
    );
    Ok(())
}

fn has_target() -> Result<bool> {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let printed = Command::new(rustc)
        .args(["--print", "target-libdir", "--target", TARGET])
        .current_dir(root())
        .stderr(Stdio::inherit())
        .output()
        .context("starting rustc")?;
    ensure!(printed.status.success(), "rustc does not know {TARGET}");
    let folder = String::from_utf8(printed.stdout).context("reading rustc's answer")?;
    Ok(Path::new(folder.trim()).is_dir())
}

fn ensure_tools(tools: &[Tool]) -> Result<()> {
    let missing: Vec<&Tool> = tools.iter().filter(|tool| !tool.is_present()).collect();
    for Tool { what, package, .. } in &missing {
        say(&format!("missing: {what}; Debian has it as {package}"));
    }
    if missing.is_empty() {
        return Ok(());
    }
    if !is_present("apt-get") {
        say(
            "this is not Debian: install the same by other means. For C in guests any clang with WASI headers \
             will do, for example the WASI SDK; set CC_wasm32_wasip2, AR_wasm32_wasip2 and CFLAGS_wasm32_wasip2",
        );
        // Whatever does not need it works all the same.
        return Ok(());
    }
    let packages: Vec<&str> = missing.iter().map(|tool| tool.package).collect();
    let mut install = apt_get(&["install", "--yes", "--no-install-recommends"])?;
    // The lists may be absent, as in a fresh container, or too old.
    if workspace::run("installing packages", install.args(&packages)).is_err() {
        workspace::run("updating the lists of packages", &mut apt_get(&["update"])?)?;
        workspace::run("installing packages", &mut install)?;
    }
    match missing.iter().find(|tool| !tool.is_present()) {
        None => Ok(()),
        Some(tool) => bail!("the package {} did not bring {}", tool.package, tool.what),
    }
}

fn apt_get(args: &[&str]) -> Result<Command> {
    let id = Command::new("id")
        .arg("-u")
        .output()
        .context("asking who runs this")?;
    let is_root = String::from_utf8_lossy(&id.stdout).trim() == "0";
    if !is_root && !is_present("sudo") {
        bail!("apt-get needs root, and there is no sudo: run `cargo xtask setup` as root once");
    }
    let mut command = Command::new(if is_root { "env" } else { "sudo" });
    command
        .args(["DEBIAN_FRONTEND=noninteractive", "apt-get", "--quiet"])
        .args(args);
    Ok(command)
}

impl Tool {
    fn is_present(&self) -> bool {
        // Set by hand: another compiler with headers of its own.
        let by_hand = ["CC_wasm32_wasip2", "CFLAGS_wasm32_wasip2"].map(|name| env::var_os(name).is_some());
        match (self.package, by_hand) {
            ("clang", [true, _]) | ("wasi-libc", [true, _] | [_, true]) => true,
            _ => match self.presence {
                Presence::AnyOf(names) => names.iter().any(|name| is_present(name)),
                Presence::Works(works) => works(),
            },
        }
    }
}

fn is_present(name: &str) -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    // Joining an absolute path gives that path.
    env::split_paths(&path).any(|folder| folder.join(name).exists())
}
