//! Keeping what is in memory, the hotkey above all, out of files and of other processes' sight.

use std::io;

use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};

/// From now on a crash of this process leaves no core dump, and other processes of the same user can neither trace it
/// nor read its memory. The limit alone would not do: a system that pipes dumps to a program ignores it. Programs
/// that are started later are subject to the limit but may be traced.
///
/// Files below `/proc/self` that only their owner may open belong to root afterwards, `pagemap` among them, which the
/// engine opens to find written pages: so this comes after the engine is made.
pub(crate) fn keep_out_of_dumps() -> io::Result<()> {
    let none = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    setrlimit(Resource::Core, none)?;
    Ok(set_dumpable_behavior(DumpableBehavior::NotDumpable)?)
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use rustix::process::{dumpable_behavior, getrlimit};

    use super::*;

    const IN_CHILD: &str = "PLATFORM_TEST_DUMPS";

    /// In a process of its own, because there is no way back.
    #[test]
    fn afterwards_there_are_no_dumps_of_this_process() {
        if std::env::var_os(IN_CHILD).is_some() {
            keep_out_of_dumps().unwrap();
            assert_eq!(dumpable_behavior().unwrap(), DumpableBehavior::NotDumpable);
            let limit = getrlimit(Resource::Core);
            assert_eq!((limit.current, limit.maximum), (Some(0), Some(0)));
            return;
        }
        let mut child = Command::new(std::env::current_exe().unwrap());
        child.args([
            "--exact",
            "memory::tests::afterwards_there_are_no_dumps_of_this_process",
        ]);
        let output = child.env(IN_CHILD, "1").output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && text.contains("1 passed"), "{text}");
    }
}
