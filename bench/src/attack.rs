//! Those who call a hostile guest, again and again, in every way that the matrix of attacks knows.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
};

use anyhow::{Result, anyhow};
use platform_tests::attacks::ATTACKS;
use tokio::{sync::oneshot, task::JoinSet};

use crate::{http::Connection, priority};

/// A few: many would fill queues, which is another question.
const CONNECTIONS: usize = 4;

/// Attackers at work.
pub(crate) struct Attackers {
    /// Closing it is the sign to stop.
    stop: oneshot::Sender<()>,
    ended: Arc<AtomicU64>,
    thread: JoinHandle<Result<()>>,
}

impl Attackers {
    /// Sends them to one challenge of the host at this address.
    pub(crate) fn start(base: &str, slug: &str) -> Self {
        let (stop, stopped) = oneshot::channel();
        let ended = Arc::new(AtomicU64::new(0));
        let (base, slug, count) = (base.to_owned(), slug.to_owned(), ended.clone());
        // A thread of its own, for its priority.
        let thread = thread::spawn(move || {
            priority::after_others();
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?;
            runtime.block_on(attack_until(stopped, &base, &slug, &count))
        });
        Self { stop, ended, thread }
    }

    /// Hangs up in the middle of what they do. Tells how many attacks had ended.
    pub(crate) fn stop(self) -> Result<u64> {
        drop(self.stop);
        self.thread
            .join()
            .map_err(|_| anyhow!("the attackers panicked"))??;
        Ok(self.ended.load(Ordering::Relaxed))
    }
}

async fn attack_until(
    stopped: oneshot::Receiver<()>,
    base: &str,
    slug: &str,
    ended: &Arc<AtomicU64>,
) -> Result<()> {
    let attacks = ATTACKS.iter().filter(|attack| attack.slug == slug);
    let requests: Vec<&str> = attacks.map(|attack| attack.request).collect();
    let mut lanes = JoinSet::new();
    for lane in 0..CONNECTIONS {
        let mut connection = Connection::to(base)?;
        let mut mine = requests.clone();
        // Each begins elsewhere, so that different attacks run at the same time.
        mine.rotate_left(lane * requests.len() / CONNECTIONS);
        let (slug, ended) = (slug.to_owned(), ended.clone());
        lanes.spawn(async move {
            for request in mine.iter().cycle() {
                let (method, path) = request.split_once(' ').unwrap_or(("GET", request));
                // Whatever comes of it: whether it is right is the matrix's question.
                drop(
                    connection
                        .send(method, &format!("/challenges/{slug}{path}"))
                        .await,
                );
                ended.fetch_add(1, Ordering::Relaxed);
            }
        });
    }
    // Nothing is ever sent: the sender goes away.
    drop(stopped.await);
    Ok(())
}
