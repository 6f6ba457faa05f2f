//! The long-lived tasks of the process and how they end: when one ends for any reason, all do.

use std::{fs::File, future::Future, time::Duration};

use anyhow::Context as _;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// In-flight requests may take this long to finish after a stop; more than the default route deadline.
const GRACE: Duration = Duration::from_secs(15);

/// The long-lived tasks, each with its name.
pub struct Tasks {
    set: JoinSet<(&'static str, anyhow::Result<()>)>,
    stop: CancellationToken,
    /// Dropped after the tasks: as long as one of them runs, the state directory is taken.
    lock: Option<File>,
}

impl Tasks {
    /// No tasks yet. Cancelling `stop` from anywhere ends them all.
    pub fn new(stop: CancellationToken) -> Self {
        Self {
            set: JoinSet::new(),
            stop,
            lock: None,
        }
    }

    /// Keeps a lock until the last task has ended.
    pub(crate) fn hold(&mut self, lock: File) {
        self.lock = Some(lock);
    }

    /// Starts a task.
    pub fn start(
        &mut self,
        name: &'static str,
        task: impl Future<Output = anyhow::Result<()>> + Send + 'static,
    ) {
        self.set.spawn(async move { (name, task.await) });
    }

    /// Waits for the stop or for the first task to end, which is an error: long tasks do not end by
    /// themselves. Then gives the others a grace period and drops what is left.
    pub async fn run(mut self) -> anyhow::Result<()> {
        let outcome = tokio::select! {
            // First, because a stop also ends the tasks: what ended after it ended in order.
            biased;
            () = self.stop.cancelled() => Ok(()),
            ended = self.set.join_next() => match ended {
                Some(Ok((name, Ok(())))) => Err(anyhow::anyhow!("the task {name} ended by itself")),
                Some(Ok((name, Err(error)))) => Err(error.context(format!("the task {name} failed"))),
                Some(Err(panic)) => Err(anyhow::Error::new(panic).context("a task panicked")),
                None => Ok(()),
            },
        };
        self.stop.cancel();
        let drained = tokio::time::timeout(GRACE, async {
            while let Some(ended) = self.set.join_next().await {
                match ended {
                    Ok((name, Err(error))) => {
                        tracing::warn!(task = name, error = %format!("{error:#}"), "stopped with an error")
                    }
                    Ok((name, Ok(()))) => tracing::debug!(task = name, "stopped"),
                    Err(panic) => tracing::warn!(error = %panic, "a task panicked while stopping"),
                }
            }
        });
        if drained.await.is_err() {
            tracing::warn!(
                seconds = GRACE.as_secs(),
                "some tasks did not stop in time and are dropped"
            );
        }
        outcome
    }
}

/// Cancels `stop` on SIGINT or SIGTERM.
pub(crate) async fn stop_on_signal(stop: CancellationToken) -> anyhow::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot listen for SIGINT")?;
    let mut terminate = signal(SignalKind::terminate()).context("cannot listen for SIGTERM")?;
    tokio::select! {
        _ = interrupt.recv() => tracing::info!("SIGINT, stopping"),
        _ = terminate.recv() => tracing::info!("SIGTERM, stopping"),
        () = stop.cancelled() => {}
    }
    stop.cancel();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_long_task_that_ends_stops_the_others_and_names_itself() {
        let stop = CancellationToken::new();
        let mut tasks = Tasks::new(stop.clone());
        tasks.start("steady", async move {
            stop.cancelled().await;
            Ok(())
        });
        tasks.start("brittle", async { anyhow::bail!("broken") });
        let error = tasks.run().await.unwrap_err();
        assert_eq!(format!("{error:#}"), "the task brittle failed: broken");
    }

    #[tokio::test]
    async fn a_cancelled_token_is_an_orderly_stop() {
        let stop = CancellationToken::new();
        let mut tasks = Tasks::new(stop.clone());
        let seen = stop.clone();
        tasks.start("steady", async move {
            seen.cancelled().await;
            Ok(())
        });
        stop.cancel();
        assert!(tasks.run().await.is_ok());
    }
}
