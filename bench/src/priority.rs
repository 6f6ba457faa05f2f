//! The place of a thread in the machine's queue for its processors, relative to the one it began with. Not permitted to
//! everyone; what is refused is left as it is.

use std::time::Duration;

use rustix::process::getpriority_process;

/// Far enough that who is before is served at once.
const STEP: i32 = 10;
/// The shortest turn that Linux knows. Whoever wants a shorter one than the thread that runs takes its place when it
/// wakes up; between equals it waits for the turn to end, whatever their priorities.
const SHORT: Duration = Duration::from_micros(100);

/// For a client whose own waiting must not be measured.
pub(crate) fn before_others() {
    if let Ok(now) = getpriority_process(None) {
        place(libc::SCHED_OTHER, now.saturating_sub(STEP).max(-20), SHORT);
    }
}

/// For a client that would otherwise take the time of those who are measured. A processor that runs only such threads
/// counts as idle, for the system's decision where to run the others.
pub(crate) fn after_others() {
    place(libc::SCHED_IDLE, 0, Duration::ZERO);
}

#[expect(unsafe_code, reason = "a system call that no library offers in a safe form")]
fn place(policy: libc::c_int, nice: i32, turn: Duration) {
    const THIS_THREAD: libc::pid_t = 0;
    const NO_FLAGS: libc::c_uint = 0;
    let attributes = libc::sched_attr {
        size: size_of::<libc::sched_attr>().try_into().unwrap_or(0),
        sched_policy: policy.try_into().unwrap_or(0),
        sched_flags: 0,
        sched_nice: nice,
        sched_priority: 0,
        sched_runtime: turn.as_nanos().try_into().unwrap_or(u64::MAX),
        sched_deadline: 0,
        sched_period: 0,
    };
    // SAFETY: the kernel reads as many bytes of the attributes as they say they have, writes nothing, and changes
    // nothing but when this thread runs.
    unsafe {
        libc::syscall(
            libc::SYS_sched_setattr,
            THIS_THREAD,
            &raw const attributes,
            NO_FLAGS,
        );
    }
}
