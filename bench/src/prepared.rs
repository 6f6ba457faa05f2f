//! A load of requests that differ and were written out before: every connection sends its own, each as soon as the
//! one before is answered. `wrk` would have to make them while the clock runs.

use std::thread;

use anyhow::{Result, anyhow, ensure};
use tokio::{task::JoinSet, time::Instant};

use crate::http::Connection;

/// As many as `wrk` has.
pub(crate) const CONNECTIONS: usize = 32;
const OK: u16 = 200;

/// Sends them over [`CONNECTIONS`] connections from one thread, and tells how many were answered in a second. All must be
/// answered 200.
pub(crate) async fn load(base: &str, requests: Vec<Vec<u8>>) -> Result<f64> {
    let base = base.to_owned();
    // A thread of its own, as `wrk` is a process of its own.
    let thread = thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        runtime.block_on(send_all(&base, requests))
    });
    let joined = tokio::task::spawn_blocking(|| thread.join()).await?;
    joined.map_err(|_| anyhow!("the load panicked"))?
}

async fn send_all(base: &str, requests: Vec<Vec<u8>>) -> Result<f64> {
    let (count, mut lanes) = (requests.len(), Vec::new());
    for _ in 0..CONNECTIONS {
        let mut connection = Connection::to(base)?;
        // Connects.
        ensure!(connection.send("GET", "/health").await? == OK);
        lanes.push((connection, Vec::new()));
    }
    for (number, request) in requests.into_iter().enumerate() {
        if let Some((_, mine)) = lanes.get_mut(number % CONNECTIONS) {
            mine.push(request);
        }
    }
    let (mut tasks, started) = (JoinSet::new(), Instant::now());
    for (mut connection, mine) in lanes {
        tasks.spawn(async move {
            for request in mine {
                let status = connection.send_bytes(&request).await?;
                ensure!(status == OK, "a request is answered with status {status}");
            }
            anyhow::Ok(())
        });
    }
    while let Some(done) = tasks.join_next().await {
        done??;
    }
    let count = u32::try_from(count)?;
    Ok(f64::from(count) / started.elapsed().as_secs_f64())
}
