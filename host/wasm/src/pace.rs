//! How long a program's calls compute, which decides where its next one begins: in front, or behind all others.
//!
//! Where a guest that computes for a few milliseconds is called again and again, it would hold the threads in front
//! for most of the time without ever being there for long. So it is the program that is remembered, not the call.

use std::{
    future::Future,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
    task::{Context, Poll},
    time::Duration,
};

use crate::{CallError, cpu::Stretch, stage::Call};

/// A call that computes longer is slow. Most answer in a tenth of it, those that ask a database in half; who has to
/// wait for a few of these hardly feels it.
const SLOW: Duration = Duration::from_micros(500);
/// As many quick calls in a row make a slow program a quick one again: with one it would be enough to call something
/// quick in between.
const QUICK_IN_A_ROW: u32 = 32;

/// The pace of a program.
#[derive(Default)]
pub(crate) struct Pace {
    /// Quick calls that are missing until the program is quick.
    missing: AtomicU32,
}

/// A call whose computing counts for its program's pace, also when it is dropped before its end.
pub(crate) struct Paced<T> {
    call: Call<T>,
    pace: Arc<Pace>,
    computed: Duration,
}

impl Pace {
    /// Whether one of the last calls was slow.
    pub(crate) fn is_slow(&self) -> bool {
        self.missing.load(Relaxed) > 0
    }

    fn slow(&self) {
        self.missing.store(QUICK_IN_A_ROW, Relaxed);
    }

    fn quick(&self) {
        // Calls that end at the same time may count as one: it is no exact number.
        let missing = self.missing.load(Relaxed);
        if missing > 0 {
            self.missing.store(missing - 1, Relaxed);
        }
    }
}

impl<T> Paced<T> {
    pub(crate) fn new(call: Call<T>, pace: &Arc<Pace>) -> Self {
        Self {
            call,
            pace: pace.clone(),
            computed: Duration::ZERO,
        }
    }

    /// Whether it belongs behind all others: by what it has done itself, or by what others of its program did.
    pub(crate) fn is_slow(&self) -> bool {
        self.pace.is_slow()
    }
}

impl<T> Future for Paced<T> {
    type Output = Result<T, CallError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let stretch = Stretch::begin();
        let polled = Pin::new(&mut self.call).poll(context);
        self.computed = self.computed.saturating_add(stretch.end());
        if self.computed > SLOW {
            // Without waiting for its end: others of its program begin meanwhile.
            self.pace.slow();
        }
        polled
    }
}

impl<T> Drop for Paced<T> {
    fn drop(&mut self) {
        if self.computed <= SLOW {
            self.pace.quick();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cpu::Clock;

    fn compute(time: Duration) {
        let started = Clock::Thread.now();
        while Clock::Thread.now() - started < time {
            std::hint::spin_loop();
        }
    }

    fn call(pace: &Arc<Pace>, work: fn()) -> Paced<()> {
        let call = Call::new(async move {
            work();
            tokio::task::yield_now().await;
            Ok(())
        });
        Paced::new(call, pace)
    }

    #[tokio::test]
    async fn a_program_is_slow_from_its_first_slow_call_until_many_were_quick() {
        let pace = Arc::new(Pace::default());
        call(&pace, || ()).await.unwrap();
        assert!(!pace.is_slow());
        call(&pace, || compute(2 * SLOW)).await.unwrap();
        for _ in 0..QUICK_IN_A_ROW {
            assert!(pace.is_slow());
            call(&pace, || ()).await.unwrap();
        }
        assert!(!pace.is_slow());
    }

    #[tokio::test]
    async fn waiting_is_not_slow_and_hanging_up_is_no_excuse() {
        let pace = Arc::new(Pace::default());
        call(&pace, || std::thread::sleep(4 * SLOW)).await.unwrap();
        assert!(!pace.is_slow());
        let mut slow = call(&pace, || compute(2 * SLOW));
        assert!(futures_util::poll!(&mut slow).is_pending());
        assert!(slow.is_slow() && pace.is_slow());
        drop(slow);
        assert!(pace.is_slow());
    }
}
