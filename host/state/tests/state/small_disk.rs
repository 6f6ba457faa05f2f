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
/// `test`, once more where he may; without any way the test fails.
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
    assert!(env::var_os(INSIDE).is_none(), "no disk can be mounted: {why}");
    let again = Command::new("unshare")
        .args(["--user", "--map-root-user", "--mount", "--"])
        .arg(env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(INSIDE, "1")
        .output();
    let again = again.unwrap_or_else(|error| panic!("this test needs root or unshare: {why}{error}"));
    let told = [again.stdout, again.stderr].concat();
    let told = String::from_utf8_lossy(&told);
    assert!(
        again.status.success() && told.contains("1 passed"),
        "this test needs root, or user namespaces: {why}{told}"
    );
}
