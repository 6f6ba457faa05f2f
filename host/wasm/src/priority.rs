//! The place of a thread in the system's queue for its processors.

use std::{io, time::Duration};

use rustix::process::{getpriority_process, nice};

use crate::tuning::TICK;

/// How much nicer than others: a third of what they get when both want to run is enough to end in time.
pub(crate) const BEHIND: i32 = 5;
/// The nicest there is.
const NICEST: i32 = 19;
/// How long a thread behind wants to run at a time. Whoever wants less and wakes up takes its place at once; between
/// equals the system lets the one that runs finish its turn, and looks again at the next tick of its clock, which may
/// be 4 ms later.
const TURN: Duration = TICK.saturating_mul(2);

/// Puts the calling thread behind all others, from now on: it takes a privilege to come back. Linux before 6.12 knows
/// no turns and only makes it nicer.
#[expect(unsafe_code, reason = "a system call that no library offers in a safe form")]
pub(crate) fn step_behind() -> io::Result<()> {
    const THIS_THREAD: libc::pid_t = 0;
    const NO_FLAGS: libc::c_uint = 0;
    let attributes = libc::sched_attr {
        size: size_of::<libc::sched_attr>().try_into().unwrap_or(0),
        sched_policy: libc::SCHED_OTHER.try_into().unwrap_or(0),
        sched_flags: 0,
        sched_nice: getpriority_process(None)?.saturating_add(BEHIND).min(NICEST),
        sched_priority: 0,
        sched_runtime: TURN.as_nanos().try_into().unwrap_or(u64::MAX),
        sched_deadline: 0,
        sched_period: 0,
    };
    // SAFETY: the kernel reads as many bytes of the attributes as they say they have, writes nothing, and changes
    // nothing but when this thread runs.
    let done = unsafe {
        libc::syscall(
            libc::SYS_sched_setattr,
            THIS_THREAD,
            &raw const attributes,
            NO_FLAGS,
        )
    };
    if done == 0 {
        return Ok(());
    }
    // A sandbox may know the older call only.
    nice(BEHIND)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_thread_that_steps_behind_is_behind() {
        let nice = || getpriority_process(None).unwrap();
        let here = nice();
        let there = std::thread::spawn(move || step_behind().map(|()| nice()));
        assert_eq!(there.join().unwrap().unwrap(), (here + BEHIND).min(NICEST));
    }
}
