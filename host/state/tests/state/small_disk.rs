//! A disk of a few MiB, which a test can fill.

use std::{env, path::Path, process::Command};

/// Set in a process that has mounts of its own.
const INSIDE: &str = "PLATFORM_TEST_SMALL_DISK";

struct Mounted<'a>(&'a Path);

impl Drop for Mounted<'_> {
    fn drop(&mut self) {
        // Lazily: what a failed test has open does not keep it.
        let unmounted = Command::new("umount").arg("--lazy").arg(self.0).status();
        assert!(
            unmounted.is_ok_and(|status| status.success()) || std::thread::panicking(),
            "{} stays mounted",
            self.0.display()
        );
    }
}

/// Runs this with a directory that is a disk of so many KiB. Whoever may not mount one runs the whole test, which is called
/// `test`, once more where he may. Where nobody may, it says so and is over: there is no other way to a full disk.
pub(crate) fn with_small_disk(test: &str, kib: u64, run: impl FnOnce(&Path)) {
    let dir = tempfile::tempdir().unwrap();
    let mount = Command::new("mount")
        .args(["-t", "tmpfs", "-o", &format!("size={kib}k"), "tmpfs"])
        .arg(dir.path())
        .output()
        .expect("there is a command mount");
    if mount.status.success() {
        let mounted = Mounted(dir.path());
        run(mounted.0);
        return;
    }
    let why = String::from_utf8_lossy(&mount.stderr);
    let not_run = |why: &str| eprintln!("NOT RUN, because no disk can be mounted here: {why}");
    if env::var_os(INSIDE).is_some() {
        return not_run(&why);
    }
    let again = Command::new("unshare")
        .args(["--user", "--map-root-user", "--mount", "--"])
        .arg(env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(INSIDE, "1")
        .output();
    let again = again.expect("there is a command unshare");
    let told = [again.stdout, again.stderr].concat();
    let told = String::from_utf8_lossy(&told);
    match told.contains("running 1 test") {
        true => assert!(again.status.success() && told.contains("1 passed"), "{told}"),
        // It did not even begin.
        false => not_run(&format!("{why}{told}")),
    }
}
