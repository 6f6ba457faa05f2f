//! What a process holds, as Linux tells it: the measure of whether an attack left something behind.

use std::{fs, io, path::Path};

use serde_json::{Value, json};

/// One look at a process and at the directory that it keeps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Footprint {
    /// Its share of resident memory, in KiB (`Pss`).
    pub memory_kib: u64,
    /// Open file descriptors.
    pub fds: u64,
    /// Threads.
    pub threads: u64,
    /// Mappings of its address space.
    pub mappings: u64,
    /// Child processes, zombies included.
    pub children: u64,
    /// Files and directories below the state directory.
    pub files: u64,
    /// What they take on disk, in KiB.
    pub disk_kib: u64,
}

impl Footprint {
    /// Looks at the process with this id and below this directory.
    pub fn of(pid: u32, state: &Path) -> io::Result<Self> {
        let proc = Path::new("/proc").join(pid.to_string());
        let (files, disk_kib) = below(state);
        Ok(Self {
            memory_kib: number_after(&fs::read_to_string(proc.join("smaps_rollup"))?, "Pss:"),
            fds: count(&proc.join("fd"))?,
            threads: count(&proc.join("task"))?,
            mappings: fs::read_to_string(proc.join("maps"))?.lines().count() as u64,
            children: children(pid)?,
            files,
            disk_kib,
        })
    }

    /// Every number with its name, in the order of a table's columns.
    pub fn columns(&self) -> [(&'static str, u64); 7] {
        let Self {
            memory_kib,
            fds,
            threads,
            mappings,
            children,
            files,
            disk_kib,
        } = *self;
        [
            ("memory_kib", memory_kib),
            ("fds", fds),
            ("threads", threads),
            ("mappings", mappings),
            ("children", children),
            ("files", files),
            ("disk_kib", disk_kib),
        ]
    }

    /// As an object of numbers.
    pub fn to_json(&self) -> Value {
        let columns = self
            .columns()
            .map(|(name, value)| (name.to_owned(), json!(value)));
        Value::Object(columns.into_iter().collect())
    }
}

fn count(dir: &Path) -> io::Result<u64> {
    Ok(fs::read_dir(dir)?.count() as u64)
}

fn number_after(text: &str, name: &str) -> u64 {
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    let number = line.and_then(|line| line.split_whitespace().next());
    number.and_then(|number| number.parse().ok()).unwrap_or(0)
}

/// The processes whose parent this is. A process may end while it is looked at.
fn children(parent: u32) -> io::Result<u64> {
    let mut found = 0;
    for entry in fs::read_dir("/proc")? {
        let stat = fs::read_to_string(entry?.path().join("stat")).unwrap_or_default();
        // The name, in brackets, may hold anything; state and parent follow it.
        let parent_of = stat
            .rsplit_once(") ")
            .and_then(|(_, rest)| rest.split(' ').nth(1));
        found += u64::from(parent_of == Some(&parent.to_string()));
    }
    Ok(found)
}

/// Number and size of what lies below a directory. Files come and go meanwhile.
fn below(root: &Path) -> (u64, u64) {
    use std::os::unix::fs::MetadataExt as _;
    let (mut files, mut blocks) = (0, 0);
    let mut pending = vec![root.to_owned()];
    while let Some(dir) = pending.pop() {
        for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
            let Ok(metadata) = entry.metadata() else { continue };
            files += 1;
            blocks += metadata.blocks();
            if metadata.is_dir() {
                pending.push(entry.path());
            }
        }
    }
    (files, blocks / 2)
}

#[cfg(test)]
mod tests {
    use std::{
        io::{Read as _, Write as _},
        process::{Command, Stdio},
    };

    use super::*;

    #[test]
    fn what_a_process_takes_is_seen_and_what_it_gives_back_too() {
        let dir = tempfile::tempdir().unwrap();
        // Ends with this test, however that ends, and is wholly there when it has answered.
        let mut cat = Command::new("cat");
        let cat = cat.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = cat.spawn().unwrap();
        child.stdin.as_mut().unwrap().write_all(b"x").unwrap();
        child.stdout.as_mut().unwrap().read_exact(&mut [0]).unwrap();
        let look = || Footprint::of(child.id(), dir.path()).unwrap();
        let before = look();
        assert!(before.memory_kib > 0 && before.fds >= 3 && before.mappings > 3);
        assert_eq!((before.threads, before.children, before.files), (1, 0, 0));
        fs::create_dir(dir.path().join("a")).unwrap();
        fs::write(dir.path().join("a/b"), [b'x'; 10_000]).unwrap();
        let after = look();
        assert_eq!(after.files, 2);
        assert!(after.disk_kib >= 9, "{after:?}");
        let ours = Footprint::of(std::process::id(), dir.path()).unwrap();
        assert!(ours.children >= 1, "{ours:?}");
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(Footprint::of(child.id(), dir.path()).is_err());
    }
}
