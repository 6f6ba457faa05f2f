//! The place of a thread in the machine's queue for its processors, relative to the one it began with. Linux counts it
//! for each thread, although the calls speak of processes. Not permitted to everyone; what is refused is left as it
//! is.

use rustix::process::{getpriority_process, setpriority_process};

/// Far enough that who is before is served at once.
const STEP: i32 = 10;

/// For a client whose own waiting must not be measured.
pub(crate) fn before_others() {
    place(-STEP);
}

/// For a client that would otherwise take the time of those who are measured.
pub(crate) fn after_others() {
    place(STEP);
}

fn place(step: i32) {
    if let Ok(now) = getpriority_process(None) {
        let _ = setpriority_process(None, now + step);
    }
}
