//! A modest load that does not adapt: requests begin when they are due, whether earlier ones are answered or not,
//! and the time of one that could not leave in time counts from when it was due. A client that waits for its answer first would ask a slow
//! server less often, and hide how slow it is.

use std::{thread, time::Duration};

use anyhow::{Result, anyhow, ensure};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep_until},
};

use crate::{
    http::Connection,
    numbers::{Samples, millis},
    priority,
};

/// Requests due in a second: the victim is used, and the machine is not busy with it.
const RATE: usize = 250;
/// Enough that an answer that takes tenths of a second does not keep the next request from leaving in time.
const CONNECTIONS: usize = 64;

/// Sends so many requests and returns the milliseconds that each took.
pub(crate) async fn run(base: &str, path: &str, requests: usize) -> Result<Samples> {
    let (base, path) = (base.to_owned(), path.to_owned());
    // A thread of its own, for its priority.
    let thread = thread::spawn(move || {
        priority::before_others();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        runtime.block_on(send_all(&base, &path, requests))
    });
    let joined = tokio::task::spawn_blocking(|| thread.join()).await?;
    joined.map_err(|_| anyhow!("the load panicked"))?
}

async fn send_all(base: &str, path: &str, requests: usize) -> Result<Samples> {
    let mut lanes = JoinSet::new();
    let period = Duration::from_secs(1) / u32::try_from(RATE)?;
    let start = Instant::now() + period;
    for lane in 0..CONNECTIONS {
        let (mut connection, path) = (Connection::to(base)?, path.to_owned());
        lanes.spawn(async move {
            let mut times = Vec::new();
            for number in (lane..requests).step_by(CONNECTIONS) {
                let mut begun = start + period * u32::try_from(number)?;
                if begun > Instant::now() {
                    sleep_until(begun).await;
                    // The clock that woke this client has ticks of a millisecond; they are not the server's.
                    begun = Instant::now();
                }
                let status = connection.send("GET", &path).await?;
                ensure!(status == 200, "the victim answers with status {status}");
                times.push(millis(begun.elapsed()));
            }
            Ok::<_, anyhow::Error>(times)
        });
    }
    let mut samples = Samples::default();
    while let Some(times) = lanes.join_next().await {
        samples.extend(times??);
    }
    Ok(samples)
}
