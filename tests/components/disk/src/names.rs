//! Attempts to move, to link and to remove what must stay where it is.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    path::Path,
};

use serde_json::{Map, Value};

/// What an operator may have made, and lets nobody write to.
const READ_ONLY: &str = "/data/read-only";
/// The same, a directory with one file.
const LOCKED: &str = "/data/locked";

/// Names of what is above or outside, or the root itself.
const NOT_MINE: [&str; 14] = [
    "/",
    "..",
    "/data",
    "/data/",
    "/data/.",
    "/data/..",
    "/data/../..",
    "/data/../data",
    "/data/inner/../..",
    "/data/inner/../../outside",
    "/data/./.././outside",
    "/data//..//outside",
    "/data/inner/../../../../../../etc/outside",
    "/outside",
];

/// Each attempt with `ok` or the error.
pub(crate) fn attempts() -> io::Result<Value> {
    let mut report = Map::new();
    let mut tell = |what: String, result: io::Result<()>| {
        let text = result.map_or_else(|error| error.to_string(), |()| "ok".to_owned());
        report.insert(what, Value::from(text));
    };
    fs::create_dir_all("/data/inner/full")?;
    fs::write("/data/inner/full/file", "full")?;
    for name in NOT_MINE {
        fs::write("/data/mine", "mine")?;
        tell(format!("rename a file to {name}"), fs::rename("/data/mine", name));
        tell(
            format!("rename a directory to {name}"),
            fs::rename("/data/inner", name),
        );
        tell(format!("rename {name} to a file"), fs::rename(name, "/data/mine"));
        tell(format!("link to {name}"), fs::hard_link("/data/mine", name));
        tell(format!("make {name}"), fs::create_dir(name));
        tell(format!("write {name}"), fs::write(name, "x"));
        tell(
            format!("open {name}"),
            OpenOptions::new().write(true).open(name).map(drop),
        );
        tell(format!("remove the file {name}"), fs::remove_file(name));
        tell(format!("remove the directory {name}"), fs::remove_dir(name));
    }
    let locked = format!("{LOCKED}/file");
    for (what, result) in [
        (
            "rename a file to a directory",
            fs::rename("/data/mine", "/data/inner"),
        ),
        (
            "rename a directory to a file",
            fs::rename("/data/inner", "/data/mine"),
        ),
        (
            "rename a directory into itself",
            fs::rename("/data/inner", "/data/inner/full/inner"),
        ),
        (
            "rename a directory to a full one",
            fs::rename("/data/inner", "/data/inner/full"),
        ),
        ("remove a full directory", fs::remove_dir("/data/inner/full")),
        (
            "write /data/read-only",
            OpenOptions::new().append(true).open(READ_ONLY).map(drop),
        ),
        (
            "truncate /data/read-only",
            OpenOptions::new()
                .write(true)
                .truncate(true)
                .open(READ_ONLY)
                .map(drop),
        ),
        (
            "rename a file to one in /data/locked",
            fs::copy("/data/mine", "/data/copy").and_then(|_| fs::rename("/data/copy", &locked)),
        ),
        (
            "rename a file into /data/locked",
            fs::rename("/data/mine", format!("{LOCKED}/new")),
        ),
        ("remove a file of /data/locked", fs::remove_file(&locked)),
        (
            "write a file of /data/locked",
            fs::write(format!("{LOCKED}/written"), "x"),
        ),
        (
            "write through a reading handle",
            File::open("/data/inner/full/file").and_then(|mut file| file.write_all(b"x")),
        ),
        (
            "cut off through a reading handle",
            File::open("/data/inner/full/file").and_then(|file| file.set_len(0)),
        ),
        (
            "write to a directory",
            File::open("/data/inner").and_then(|mut file| file.write_all(b"x")),
        ),
    ] {
        tell(what.to_owned(), result);
    }
    let _ = fs::remove_file("/data/copy");
    fs::write("/data/mine", "mine")?;
    ladder(&mut tell);
    Ok(Value::Object(report))
}

/// Links one above the other, the lowest leading outside.
fn ladder(tell: &mut impl FnMut(String, io::Result<()>)) {
    for (step, target) in ["/etc", "..", "step-1/..", "step-2/../..", "../../../etc/passwd"]
        .iter()
        .enumerate()
    {
        let link = format!("/data/step-{step}");
        #[expect(
            deprecated,
            reason = "the one way to make a symbolic link in stable std on WASI"
        )]
        tell(format!("step {step} to {target}"), fs::soft_link(target, &link));
        tell(
            format!("hard step {step} to {target}"),
            fs::hard_link(target, &link),
        );
        tell(
            format!("through step {step}"),
            fs::read_dir(Path::new(&link).join("..")).map(drop),
        );
    }
}
