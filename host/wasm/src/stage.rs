//! Where a call runs: in front, and when it takes long in the back, on threads that come after all others.
//!
//! A guest gives its thread back at every tick, but until then whoever is next waits, and with some guests that
//! compute for seconds everybody waits for some ticks at every step. So a call that has computed for a tick goes on
//! in a runtime of its own whose threads the system runs after others. Most calls never see it. Calls over a data
//! directory block their thread, and so have one of their own; as there is one at a time for each challenge, they
//! stay in front.

use std::{
    future::{Future, poll_fn},
    num::NonZero,
    panic::AssertUnwindSafe,
    pin::Pin,
    task::Poll,
    thread::available_parallelism,
};

use futures_util::FutureExt as _;
use tokio::{
    runtime::{Builder, Handle, Runtime},
    task::spawn_blocking,
};
use tokio_util::task::AbortOnDropHandle;

use crate::{CallError, cpu};

/// The threads in the back.
pub(crate) struct Back(Option<Runtime>);

/// A call that has not begun. In a box of its own from the start: it is large, and what waits for it is moved often.
pub(crate) struct Call<T>(Pin<Box<dyn Future<Output = Result<T, CallError>> + Send>>);

/// How much nicer than those in front: a third of what they get when both want to run is enough to end in time, and
/// whoever wakes up in front goes first.
const BEHIND: i32 = 5;

impl Back {
    /// As many threads as there are processors, so that what nobody else uses can be used.
    pub(crate) fn new() -> std::io::Result<Self> {
        let behind = || {
            if let Err(error) = rustix::process::nice(BEHIND) {
                tracing::warn!(%error, "long calls run with the priority of all others");
            }
        };
        let runtime = Builder::new_multi_thread()
            .worker_threads(available_parallelism().map_or(1, NonZero::get))
            .thread_name("wasm-back")
            .on_thread_start(behind)
            .enable_all()
            .build()?;
        Ok(Self(Some(runtime)))
    }

    /// Runs a call where it was asked for, as long as it is short. Dropping the future stops it.
    pub(crate) async fn run<T: Send + 'static>(&self, mut call: Call<T>) -> Result<T, CallError> {
        if let Some(answer) = first(&mut call).await {
            return answer;
        }
        match self.handle() {
            Some(back) => AbortOnDropHandle::new(back.spawn(call.0))
                .await
                .unwrap_or_else(gone),
            None => call.0.await,
        }
    }

    /// `None` only while the host ends.
    fn handle(&self) -> Option<Handle> {
        self.0.as_ref().map(|runtime| runtime.handle().clone())
    }
}

impl Drop for Back {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            // Without waiting: this may be a thread that serves others. Calls end at their next tick.
            runtime.shutdown_background();
        }
    }
}

/// Runs a call where it was asked for, however long it takes. Dropping the future stops it.
pub(crate) async fn run_in_front<T>(call: Call<T>) -> Result<T, CallError> {
    call.0.await
}

/// Runs a call on a thread of its own, which the system treats like all others. Dropping the future does not stop it.
pub(crate) async fn run_apart<T: Send + 'static>(call: Call<T>) -> Result<T, CallError> {
    let front = Handle::current();
    spawn_blocking(move || front.block_on(call.0))
        .await
        .unwrap_or_else(gone)
}

/// Polls a call until it has ended or has computed for so long that it belongs in the back.
async fn first<T>(call: &mut Call<T>) -> Option<Result<T, CallError>> {
    poll_fn(|context| {
        let polled = call.0.as_mut().poll(context);
        match polled {
            Poll::Ready(answer) => Poll::Ready(Some(answer)),
            Poll::Pending if cpu::takes_long() => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

impl<T: 'static> Call<T> {
    /// Even a panic of the host is only this call's error.
    pub(crate) fn new(call: impl Future<Output = Result<T, CallError>> + Send + 'static) -> Self {
        let call = AssertUnwindSafe(call).catch_unwind();
        Self(Box::pin(call.map(|ended| {
            ended.unwrap_or_else(|_| Err(CallError::Host("a host function panicked".into())))
        })))
    }
}

fn gone<T>(why: impl std::fmt::Display) -> Result<T, CallError> {
    Err(CallError::Host(why.to_string()))
}

#[cfg(test)]
mod tests {
    use std::{
        thread,
        time::{Duration, Instant},
    };

    use super::*;
    use crate::cpu::{Clock, Metered};

    fn thread_name() -> Option<String> {
        thread::current().name().map(ToOwned::to_owned)
    }

    /// Computes, with a tick whenever it gives its thread back, and tells which threads it saw.
    async fn compute(ticks: u32) -> Result<Vec<Option<String>>, CallError> {
        let mut seen = vec![thread_name()];
        for _ in 0..ticks {
            assert!(!cpu::tick(), "there is time");
            tokio::task::yield_now().await;
            seen.push(thread_name());
        }
        Ok(seen)
    }

    fn metered(ticks: u32) -> Call<Vec<Option<String>>> {
        Call::new(Metered::new(
            Clock::Polled,
            Duration::from_secs(60),
            Box::pin(compute(ticks)),
        ))
    }

    #[tokio::test]
    async fn a_short_call_stays_and_a_long_one_goes_on_in_the_back() {
        let back = Back::new().unwrap();
        let here = thread_name();
        let is_back = |name: &Option<String>| name.as_deref() == Some("wasm-back");
        let seen = back.run(metered(1)).await.unwrap();
        assert!(seen.iter().all(|name| *name == here), "{seen:?}");
        let seen = back.run(metered(5)).await.unwrap();
        assert!(seen[0] == here && is_back(&seen[5]), "{seen:?}");

        let seen = run_apart(metered(5)).await.unwrap();
        assert!(
            seen.iter().all(|name| *name != here && !is_back(name)),
            "{seen:?}"
        );
    }

    #[tokio::test]
    async fn a_panic_of_the_host_is_the_error_of_that_call() {
        async fn broken() -> Result<(), CallError> {
            if Handle::try_current().is_ok() {
                panic!("a host function went wrong");
            }
            Ok(())
        }
        let back = Back::new().unwrap();
        assert!(matches!(
            back.run(Call::new(broken())).await,
            Err(CallError::Host(_))
        ));
        assert!(matches!(
            run_apart(Call::new(broken())).await,
            Err(CallError::Host(_))
        ));
    }

    #[tokio::test]
    async fn whoever_wants_to_compute_goes_before_the_back() {
        let back = Back::new().unwrap();
        let niceness = back
            .run(Call::new(async {
                tokio::task::yield_now().await;
                for _ in 0..3 {
                    cpu::tick();
                    tokio::task::yield_now().await;
                }
                rustix::process::getpriority_process(None).map_err(|error| CallError::Host(error.to_string()))
            }))
            .await
            .unwrap();
        let here = rustix::process::getpriority_process(None).unwrap();
        assert_eq!(niceness, (here + BEHIND).min(19));
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_call_over_files_goes_on_when_nobody_waits_and_others_stop() {
        struct Ended(std::sync::mpsc::Sender<bool>);
        impl Drop for Ended {
            fn drop(&mut self) {
                let _ = self.0.send(false);
            }
        }
        async fn work(ended: Ended) -> Result<(), CallError> {
            for _ in 0..20 {
                cpu::tick();
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            let _ = ended.0.send(true);
            Ok(())
        }
        let back = Back::new().unwrap();
        for apart in [true, false] {
            let (tell, told) = std::sync::mpsc::channel();
            let waited = if apart {
                tokio::time::timeout(Duration::from_millis(4), run_apart(Call::new(work(Ended(tell))))).await
            } else {
                tokio::time::timeout(Duration::from_millis(4), back.run(Call::new(work(Ended(tell))))).await
            };
            assert!(waited.is_err());
            let started = Instant::now();
            let whole = told.recv_timeout(Duration::from_secs(20)).unwrap();
            assert_eq!(whole, apart, "after {:?}", started.elapsed());
        }
    }
}
