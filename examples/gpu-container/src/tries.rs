//! What a container must not be able to do, tried. Each gives one line: `did: …` or `could not: …`. For the tests of the host.

use std::{
    env, fs, hint, io,
    net::{SocketAddr, TcpStream},
    os::unix::{fs as unix, process::CommandExt as _},
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

/// Tries one thing.
pub fn attempt(what: &str, rest: &[&str]) -> String {
    let outcome = match what {
        "write-root" => fs::write("/written", "x").map(|()| "wrote to /".to_owned()),
        "write" => write(rest),
        "exec-tmp" => exec_tmp(),
        "chown" => chown(),
        "chroot" => unix::chroot("/tmp").map(|()| "chroot".to_owned()),
        "setuid" => run(Command::new("/proc/self/exe").uid(0).args(["try", "nothing"])),
        "status" => Ok(status(&[
            "Uid",
            "CapInh",
            "CapPrm",
            "CapEff",
            "CapBnd",
            "CapAmb",
            "NoNewPrivs",
            "Seccomp",
        ])),
        "limits" => fs::read_to_string("/proc/self/limits").map(|text| text.replace('\n', ";")),
        "reach" => reach(rest),
        "devices" => devices(),
        "kernel" => fs::write("/proc/sys/kernel/hostname", "mine").map(|()| "renamed the machine".to_owned()),
        "processes" => processes(),
        "memory" => memory(),
        "tmp-memory" => tmp_memory(),
        "computing" => loop {
            hint::spin_loop();
        },
        "sleep" => loop {
            thread::sleep(Duration::from_secs(3600));
        },
        "flood" => flood(rest),
        "nothing" => Ok("nothing".to_owned()),
        _ => Err(io::Error::other("no such trial")),
    };
    match outcome {
        Ok(done) => format!("did: {done}"),
        Err(error) => format!("could not: {error}"),
    }
}

fn write(rest: &[&str]) -> io::Result<String> {
    let file = rest.first().copied().unwrap_or("/data/x");
    fs::write(file, "x").map(|()| format!("wrote {file}"))
}

fn exec_tmp() -> io::Result<String> {
    fs::copy(env::current_exe()?, "/tmp/copy")?;
    run(Command::new("/tmp/copy").args(["try", "nothing"]))
}

fn run(command: &mut Command) -> io::Result<String> {
    let output = command.output()?;
    Ok(format!("ran: {}", String::from_utf8_lossy(&output.stdout).trim()))
}

fn chown() -> io::Result<String> {
    fs::write("/tmp/owned", "x")?;
    unix::chown("/tmp/owned", Some(4242), Some(4242)).map(|()| "gave a file away".to_owned())
}

/// Lines of what the kernel says about this process.
fn status(names: &[&str]) -> String {
    let text = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let wanted = |line: &&str| names.iter().any(|name| line.split(':').next() == Some(name));
    let lines: Vec<String> = text
        .lines()
        .filter(wanted)
        .map(|line| line.replace('\t', " "))
        .collect();
    lines.join("; ")
}

fn reach(rest: &[&str]) -> io::Result<String> {
    let address: SocketAddr = rest
        .first()
        .copied()
        .unwrap_or_default()
        .parse()
        .map_err(io::Error::other)?;
    TcpStream::connect_timeout(&address, Duration::from_secs(3)).map(|_| format!("reached {address}"))
}

fn devices() -> io::Result<String> {
    let names = fs::read_dir("/dev")?.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let mut names: Vec<String> = names.collect();
    names.sort_unstable();
    Ok(names.join(" "))
}

/// As many as there can be.
fn processes() -> io::Result<String> {
    let mut children: Vec<Child> = Vec::new();
    let outcome = loop {
        let child = Command::new("/proc/self/exe")
            .args(["try", "sleep"])
            .stdout(Stdio::null())
            .spawn();
        match child {
            Ok(child) => children.push(child),
            Err(error) => break error,
        }
    };
    let count = children.len();
    for mut child in children {
        drop(child.kill());
        drop(child.wait());
    }
    Ok(format!("made {count} processes, then: {outcome}"))
}

/// As much as there can be.
fn memory() -> io::Result<String> {
    let mut taken: Vec<Vec<u8>> = Vec::new();
    loop {
        taken.push(vec![1; 4 << 20]);
        println!("{} MiB", hint::black_box(&taken).len() * 4);
    }
}

fn tmp_memory() -> io::Result<String> {
    let block = vec![1; 4 << 20];
    for n in 0.. {
        fs::write(format!("/tmp/{n}"), &block)
            .map_err(|error| io::Error::other(format!("after {n} blocks: {error}")))?;
    }
    Ok(String::new())
}

/// So many bytes to both outputs, in one line each.
fn flood(rest: &[&str]) -> io::Result<String> {
    let bytes: usize = rest
        .first()
        .copied()
        .unwrap_or("1000000")
        .parse()
        .map_err(io::Error::other)?;
    let text = "y".repeat(1 << 16);
    for _ in 0..bytes >> 16 {
        print!("{text}");
        eprint!("{text}");
    }
    Ok("flooded".to_owned())
}
