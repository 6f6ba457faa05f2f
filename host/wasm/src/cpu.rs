//! How long a call computes, apart from how long it waits: time counts while its future is being polled.
//!
//! The clock is of the wall for calls on the host's own threads, which give their thread back at every tick: a
//! clock of the processor would be a system call before and after each of millions of short calls. Calls that
//! have a thread of their own block it when they read or write files, so theirs is the clock of the processor.

use std::{
    cell::Cell,
    future::Future,
    pin::Pin,
    sync::OnceLock,
    task::{Context, Poll},
    time::{Duration, Instant},
};

use rustix::time::{ClockId, clock_gettime};

/// What is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Clock {
    /// Time that passes while the call is polled.
    Polled,
    /// Time that this thread was on a processor.
    Thread,
}

/// A call that is measured while it runs.
pub(crate) struct Metered<F> {
    clock: Clock,
    /// What it may still use.
    left: Duration,
    call: F,
}

thread_local! {
    /// Of the call that this thread polls: its clock and when it has used up what it may.
    static END: Cell<(Clock, Duration)> = const { Cell::new((Clock::Polled, Duration::MAX)) };
    /// What others have computed for it during this poll.
    static CHARGED: Cell<Duration> = const { Cell::new(Duration::ZERO) };
    /// When this thread last looked at its clock, and what that showed.
    static MARK: Cell<Option<(Duration, Duration)>> = const { Cell::new(None) };
}

/// What the call that this thread polls may still compute.
pub(crate) fn left() -> Duration {
    let (clock, end) = END.get();
    end.saturating_sub(clock.now())
}

/// Something computed for so long for the call that this thread polls, on another thread.
pub(crate) fn charge(time: Duration) {
    let (clock, end) = END.get();
    END.set((clock, end.saturating_sub(time)));
    CHARGED.set(CHARGED.get().saturating_add(time));
}

/// Time that a thread was on a processor, for many short stretches: exact to [`FINE`], which makes it cheap.
pub(crate) struct Stretch {
    began: Duration,
}

/// The clock of the processor is a system call, so it is looked at when so much time has passed.
const FINE: Duration = Duration::from_micros(100);

impl Clock {
    pub(crate) fn now(self) -> Duration {
        static START: OnceLock<Instant> = OnceLock::new();
        match self {
            Self::Polled => START.get_or_init(Instant::now).elapsed(),
            Self::Thread => {
                let time = clock_gettime(ClockId::ThreadCPUTime);
                let part = |number| u64::try_from(number).unwrap_or(0);
                Duration::from_secs(part(time.tv_sec)) + Duration::from_nanos(part(time.tv_nsec))
            }
        }
    }
}

/// A tick of the clock during the call that this thread is polling: whether it has computed for as long as it may.
pub(crate) fn tick() -> bool {
    let (clock, end) = END.get();
    clock.now() >= end
}

impl Stretch {
    pub(crate) fn begin() -> Self {
        let began = Clock::Polled.now();
        match MARK.get() {
            Some((looked, _)) if began.saturating_sub(looked) <= FINE => {}
            _ => MARK.set(Some((began, Clock::Thread.now()))),
        }
        Self { began }
    }

    /// What was computed, at most [`FINE`] more than it was.
    pub(crate) fn end(self) -> Duration {
        let passed = Clock::Polled.now().saturating_sub(self.began);
        match MARK.get() {
            // Others were on the processor meanwhile, perhaps.
            Some((_, then)) if passed > FINE => passed.min(Clock::Thread.now().saturating_sub(then)),
            _ => passed,
        }
    }
}

impl<F> Metered<F> {
    /// Measures a call that may compute for so long.
    pub(crate) fn new(clock: Clock, limit: Duration, call: F) -> Self {
        Self {
            clock,
            left: limit,
            call,
        }
    }
}

impl<F: Future + Unpin> Future for Metered<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let began = self.clock.now();
        END.set((self.clock, began.saturating_add(self.left)));
        CHARGED.set(Duration::ZERO);
        let polled = Pin::new(&mut self.call).poll(context);
        if polled.is_pending() {
            let computed = self.clock.now().saturating_sub(began) + CHARGED.get();
            self.left = self.left.saturating_sub(computed);
        }
        polled
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use super::*;

    /// Computes or waits in turn, so often, and tells after how many turns it was told to stop.
    async fn work(turns: u32, turn: impl AsyncFn()) -> u32 {
        for done in 0..turns {
            turn().await;
            if tick() {
                return done;
            }
        }
        turns
    }

    fn compute(time: Duration) {
        let started = Clock::Thread.now();
        while Clock::Thread.now() - started < time {
            std::hint::spin_loop();
        }
    }

    #[tokio::test]
    async fn computing_counts_over_all_polls_and_waiting_does_not() {
        const SOME: Duration = Duration::from_millis(4);
        for clock in [Clock::Polled, Clock::Thread] {
            let computing = pin!(work(20, async || {
                compute(SOME);
                tokio::task::yield_now().await;
            }));
            let turns = Metered::new(clock, 5 * SOME, computing).await;
            assert!((1..=5).contains(&turns), "{clock:?}: {turns}");
            let waiting = pin!(work(20, async || tokio::time::sleep(SOME).await));
            assert_eq!(Metered::new(clock, 10 * SOME, waiting).await, 20, "{clock:?}");
        }
    }

    #[tokio::test]
    async fn what_others_compute_for_a_call_counts() {
        for clock in [Clock::Polled, Clock::Thread] {
            let charging = pin!(work(20, async || {
                charge(Duration::from_secs(1));
                tokio::task::yield_now().await;
            }));
            let turns = Metered::new(clock, Duration::from_millis(5_500), charging).await;
            assert_eq!(turns, 5, "{clock:?}");
            let left = pin!(async { left() });
            let left = Metered::new(clock, Duration::from_secs(9), left).await;
            assert!((8..=9).contains(&left.as_secs()), "{clock:?}: {left:?}");
        }
    }

    #[tokio::test]
    async fn a_thread_that_blocks_does_not_compute() {
        let blocked = pin!(work(1, async || std::thread::sleep(Duration::from_millis(20))));
        assert_eq!(
            Metered::new(Clock::Thread, Duration::from_millis(10), blocked).await,
            1
        );
        let blocked = pin!(work(1, async || std::thread::sleep(Duration::from_millis(20))));
        assert_eq!(
            Metered::new(Clock::Polled, Duration::from_millis(10), blocked).await,
            0
        );
    }
}
