//! Where a call runs: in front, or behind on threads that come after all others.
//!
//! A guest gives its thread back at every tick, but until then whoever is next waits, and with some guests that
//! compute for seconds everybody waits for some ticks at every step. So a call that has computed for long goes on
//! behind, in a runtime of its own whose threads the system runs after others, and the next calls of its program
//! begin there ([`Pace`](crate::pace::Pace)). Calls over a data directory block their thread, and so have one of their
//! own, in front or behind.

use std::{
    future::{Future, poll_fn},
    num::NonZero,
    panic::AssertUnwindSafe,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    thread::available_parallelism,
};

use futures_util::FutureExt as _;
use tokio::runtime::{Builder, Handle, Runtime};
use tokio_util::task::AbortOnDropHandle;

use crate::{CallError, pace::Paced, priority::step_behind};

/// The threads behind all others.
pub(crate) struct Back(Option<Runtime>);

/// A call that has not begun. In a box of its own from the start: it is large, and what waits for it is moved often.
pub(crate) struct Call<T>(Pin<Box<dyn Future<Output = Result<T, CallError>> + Send>>);

/// How often a thread looks for timers, in polls. Here each poll is likely to compute until its tick.
const EVENT_INTERVAL: u32 = 2;

impl Back {
    /// As many threads as there are processors, so that what nobody else uses can be used.
    pub(crate) fn new() -> std::io::Result<Self> {
        let behind = || {
            if let Err(error) = step_behind() {
                tracing::warn!(%error, "long calls run with the priority of all others");
            }
        };
        let runtime = Builder::new_multi_thread()
            .worker_threads(available_parallelism().map_or(1, NonZero::get))
            .thread_name("wasm-back")
            .on_thread_start(behind)
            .event_interval(EVENT_INTERVAL)
            .enable_all()
            .build()?;
        Ok(Self(Some(runtime)))
    }

    /// Runs a call where it was asked for, as long as it is quick. Dropping the future stops it.
    pub(crate) async fn run<T: Send + 'static>(&self, mut call: Paced<T>) -> Result<T, CallError> {
        if let Some(answer) = first(&mut call).await {
            return answer;
        }
        match self.handle() {
            Some(back) => AbortOnDropHandle::new(back.spawn(call))
                .await
                .unwrap_or_else(gone),
            None => call.await,
        }
    }

    /// Runs a call on a thread of its own. Dropping the future does not stop it, and it keeps what it runs on.
    pub(crate) async fn run_apart<T: Send + 'static>(
        self: &Arc<Self>,
        call: Paced<T>,
    ) -> Result<T, CallError> {
        match self.handle().filter(|_| call.is_slow()) {
            Some(behind) => {
                let back = self.clone();
                run_at(behind, async move {
                    let answer = call.await;
                    drop(back);
                    answer
                })
                .await
            }
            None => run_apart(call).await,
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

/// Runs a call on a thread of its own in front, however long it takes. Dropping the future does not stop it.
pub(crate) async fn run_apart<T: Send + 'static>(
    call: impl Future<Output = Result<T, CallError>> + Send + 'static,
) -> Result<T, CallError> {
    run_at(Handle::current(), call).await
}

async fn run_at<T: Send + 'static>(
    place: Handle,
    call: impl Future<Output = Result<T, CallError>> + Send + 'static,
) -> Result<T, CallError> {
    let inside = place.clone();
    place
        .spawn_blocking(move || inside.block_on(call))
        .await
        .unwrap_or_else(gone)
}

/// Polls a call until it has ended or belongs behind.
async fn first<T>(call: &mut Paced<T>) -> Option<Result<T, CallError>> {
    poll_fn(|context| {
        if call.is_slow() {
            return Poll::Ready(None);
        }
        match call.poll_unpin(context) {
            Poll::Ready(answer) => Poll::Ready(Some(answer)),
            Poll::Pending if call.is_slow() => Poll::Ready(None),
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

impl<T> Future for Call<T> {
    type Output = Result<T, CallError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.as_mut().poll(context)
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
    use crate::{cpu::Clock, pace::Pace, priority::BEHIND};

    fn thread_name() -> Option<String> {
        thread::current().name().map(ToOwned::to_owned)
    }

    fn is_behind(name: &Option<String>) -> bool {
        name.as_deref() == Some("wasm-back")
    }

    /// Gives its thread back so often, after computing for so long each time, and tells which threads it saw.
    fn computing(turns: u32, turn: Duration) -> Call<Vec<Option<String>>> {
        Call::new(async move {
            let mut seen = vec![thread_name()];
            for _ in 0..turns {
                let started = Clock::Thread.now();
                while Clock::Thread.now() - started < turn {
                    std::hint::spin_loop();
                }
                tokio::task::yield_now().await;
                seen.push(thread_name());
            }
            Ok(seen)
        })
    }

    const SOME: Duration = Duration::from_millis(1);

    #[tokio::test]
    async fn a_quick_call_stays_and_a_slow_one_goes_on_behind_and_the_next_begins_there() {
        let (back, pace) = (Back::new().unwrap(), Arc::new(Pace::default()));
        let here = thread_name();
        let run = async |turns, turn| {
            let call = Paced::new(computing(turns, turn), &pace);
            back.run(call).await.unwrap()
        };
        let seen = run(2, Duration::ZERO).await;
        assert!(seen.iter().all(|name| *name == here), "{seen:?}");
        let seen = run(2, SOME).await;
        assert!(seen[0] == here && is_behind(&seen[1]), "{seen:?}");
        let seen = run(2, Duration::ZERO).await;
        assert!(seen.iter().all(is_behind), "{seen:?}");
    }

    #[tokio::test]
    async fn calls_over_files_have_threads_of_their_own_and_slow_programs_behind() {
        let (back, pace) = (Arc::new(Back::new().unwrap()), Arc::new(Pace::default()));
        let here = thread_name();
        let run = async || {
            let call = Paced::new(computing(2, SOME), &pace);
            back.run_apart(call).await.unwrap()
        };
        let seen = run().await;
        assert!(
            seen.iter().all(|name| *name != here && !is_behind(name)),
            "{seen:?}"
        );
        let seen = run().await;
        assert!(seen.iter().all(is_behind), "{seen:?}");
    }

    #[tokio::test]
    async fn a_call_over_files_keeps_what_it_runs_on() {
        let (back, pace) = (Arc::new(Back::new().unwrap()), Arc::new(Pace::default()));
        back.run(Paced::new(computing(2, SOME), &pace)).await.unwrap();
        let (tell, told) = tokio::sync::oneshot::channel();
        let call = Call::new(async move {
            tokio::time::sleep(SOME).await;
            let _ = tell.send(thread_name());
            Ok(())
        });
        let mut running = Box::pin(async move { back.run_apart(Paced::new(call, &pace)).await });
        assert!(futures_util::poll!(&mut running).is_pending());
        drop(running);
        assert!(is_behind(&told.await.unwrap()));
    }

    #[tokio::test]
    async fn a_panic_of_the_host_is_the_error_of_that_call() {
        async fn broken() -> Result<(), CallError> {
            if Handle::try_current().is_ok() {
                panic!("a host function went wrong");
            }
            Ok(())
        }
        let (back, pace) = (Back::new().unwrap(), Arc::default());
        assert!(matches!(
            back.run(Paced::new(Call::new(broken()), &pace)).await,
            Err(CallError::Host(_))
        ));
        assert!(matches!(
            run_apart(Call::new(broken())).await,
            Err(CallError::Host(_))
        ));
    }

    #[tokio::test]
    async fn whoever_wants_to_compute_goes_before_those_behind() {
        let (back, pace) = (Arc::new(Back::new().unwrap()), Arc::new(Pace::default()));
        back.run(Paced::new(computing(2, SOME), &pace)).await.unwrap();
        let niceness = || {
            let call = Call::new(async {
                rustix::process::getpriority_process(None).map_err(|error| CallError::Host(error.to_string()))
            });
            Paced::new(call, &pace)
        };
        let here = rustix::process::getpriority_process(None).unwrap();
        let expected = (here + BEHIND).min(19);
        assert_eq!(back.run(niceness()).await.unwrap(), expected);
        assert_eq!(back.run_apart(niceness()).await.unwrap(), expected);
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
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            let _ = ended.0.send(true);
            Ok(())
        }
        let (back, pace) = (Arc::new(Back::new().unwrap()), Arc::default());
        for apart in [true, false] {
            let (tell, told) = std::sync::mpsc::channel();
            let call = Paced::new(Call::new(work(Ended(tell))), &pace);
            let soon = Duration::from_millis(4);
            let waited = if apart {
                tokio::time::timeout(soon, back.run_apart(call)).await
            } else {
                tokio::time::timeout(soon, back.run(call)).await
            };
            assert!(waited.is_err());
            let started = Instant::now();
            let whole = told.recv_timeout(Duration::from_secs(20)).unwrap();
            assert_eq!(whole, apart, "after {:?}", started.elapsed());
        }
    }
}
