//! A flood of requests that the host refuses. It does not adapt: every millisecond a few more are sent, whether those
//! before were answered or not, as bytes that were written out before and several in one piece. So it costs little of the
//! machine that it shares with the host.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, anyhow, ensure};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpStream, tcp::OwnedReadHalf},
    sync::oneshot,
    task::JoinSet,
    time::MissedTickBehavior,
};

use crate::priority;

/// Requests in a second.
pub(crate) const RATE: usize = TICKS * BURST;
const TICKS: usize = 1000;
const TICK: Duration = Duration::from_millis(1);
/// Sent in one piece.
const BURST: usize = 10;
/// Of which each gets a burst in turn.
const CONNECTIONS: usize = 8;
/// How every answer begins.
const ANSWER: &[u8] = b"HTTP/1.1 ";

/// The flood.
pub(crate) struct Flood {
    /// Closing it is the sign to stop.
    stop: oneshot::Sender<()>,
    counts: Arc<Counts>,
    begun: Instant,
    thread: JoinHandle<Result<()>>,
}

/// Answers, by what they say.
#[derive(Default)]
struct Counts {
    refused: AtomicU64,
    others: AtomicU64,
}

/// What came of it.
pub(crate) struct Refused {
    /// In a second.
    pub(crate) rate: f64,
    /// Answers that were no refusals, of 100.
    pub(crate) others_percent: f64,
}

impl Flood {
    /// Sends this request again and again to the host at this address, which is expected to refuse it with this status.
    pub(crate) fn start(base: &str, request: &str, status: &'static str) -> Self {
        let (stop, stopped) = oneshot::channel();
        let counts = Arc::<Counts>::default();
        let (base, burst, count) = (base.to_owned(), request.repeat(BURST), counts.clone());
        // A thread of its own, for its priority.
        let thread = thread::spawn(move || {
            priority::after_others();
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?;
            runtime.block_on(send_until(stopped, &base, burst.as_bytes(), status, &count))
        });
        Self {
            stop,
            counts,
            begun: Instant::now(),
            thread,
        }
    }

    /// Stops, and tells what came of it.
    pub(crate) fn stop(self) -> Result<Refused> {
        let (took, count) = (self.begun.elapsed(), |of: &AtomicU64| of.load(Ordering::Relaxed));
        let (refused, others) = (count(&self.counts.refused), count(&self.counts.others));
        drop(self.stop);
        self.thread.join().map_err(|_| anyhow!("the flood panicked"))??;
        ensure!(refused > 0, "nothing is refused");
        Ok(Refused {
            rate: refused as f64 / took.as_secs_f64(),
            others_percent: 100.0 * others as f64 / (refused + others) as f64,
        })
    }
}

async fn send_until(
    mut stopped: oneshot::Receiver<()>,
    base: &str,
    burst: &[u8],
    status: &'static str,
    counts: &Arc<Counts>,
) -> Result<()> {
    let address = base.strip_prefix("http://").context("no http address")?;
    let (mut writers, mut readers) = (Vec::new(), JoinSet::new());
    for _ in 0..CONNECTIONS {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let (reader, writer) = stream.into_split();
        writers.push(writer);
        readers.spawn(count(reader, status, counts.clone()));
    }
    let mut tick = tokio::time::interval(TICK);
    // What could not leave in time leaves later.
    tick.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut turn = 0;
    loop {
        tokio::select! {
            biased;
            // Nothing is ever sent: the sender goes away.
            _ = &mut stopped => return Ok(()),
            Some(ended) = readers.join_next() => ended??,
            _ = tick.tick() => {
                turn = (turn + 1) % CONNECTIONS;
                if let Some(writer) = writers.get_mut(turn) {
                    writer.write_all(burst).await?;
                }
            }
        }
    }
}

/// Counts answers, of which nothing but the status is looked at.
async fn count(mut reader: OwnedReadHalf, status: &'static str, counts: Arc<Counts>) -> Result<()> {
    let mut read = Vec::with_capacity(64 << 10);
    loop {
        ensure!(reader.read_buf(&mut read).await? > 0, "the host hangs up");
        let mut left = read.as_slice();
        while let Some(at) = left.windows(ANSWER.len()).position(|some| some == ANSWER) {
            let begun = left.get(at..).unwrap_or_default();
            let Some((answer, rest)) = begun.split_at_checked(ANSWER.len() + status.len()) else {
                break;
            };
            let of = match answer.ends_with(status.as_bytes()) {
                true => &counts.refused,
                false => &counts.others,
            };
            of.fetch_add(1, Ordering::Relaxed);
            left = rest;
        }
        // The beginning of an answer may be in two pieces.
        let kept = left.len().min(ANSWER.len() + status.len() - 1);
        let end = read.len();
        read.drain(..end - kept);
    }
}
