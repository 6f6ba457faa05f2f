//! What became of a challenge's requests, for its operator: numbers, and lines of the log that name hosts and nothing else.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use platform_domain::Slug;
use wasmtime_wasi_http::Error;

use super::failure::name;
use crate::{
    Limits,
    log_budget::{LogBudget, Verdict},
};

/// Of one program.
pub(crate) struct Ledger {
    slug: Slug,
    pub(super) answered: AtomicU64,
    pub(super) refused: AtomicU64,
    pub(super) failed: AtomicU64,
    /// Hosts are what the guest says they are, as often as it likes.
    lines: Mutex<LogBudget>,
}

/// Of one exchange.
#[derive(Clone)]
pub(super) struct Tally {
    pub(super) ledger: Arc<Ledger>,
    pub(super) request_id: Arc<str>,
    /// As it was read; never more of the request.
    pub(super) host: String,
}

impl Ledger {
    pub(crate) fn new(slug: Slug, limits: &Limits) -> Self {
        Self {
            slug,
            answered: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            lines: Mutex::new(LogBudget::full(limits, Instant::now())),
        }
    }
}

impl Tally {
    pub(super) fn answered(&self) {
        self.ledger.answered.fetch_add(1, Ordering::Relaxed);
    }

    /// Before anything was sent.
    pub(super) fn refused(&self, error: &Error) {
        self.ledger.refused.fetch_add(1, Ordering::Relaxed);
        self.log("a request of the challenge was refused", error);
    }

    pub(super) fn failed(&self, error: &Error) {
        self.ledger.failed.fetch_add(1, Ordering::Relaxed);
        self.log("a request of the challenge failed", error);
    }

    fn log(&self, what: &'static str, error: &Error) {
        let (slug, host) = (self.ledger.slug.as_str(), self.host.as_str());
        let verdict = {
            let mut lines = self.ledger.lines.lock().unwrap_or_else(PoisonError::into_inner);
            lines.judge(host.len() as u64, Instant::now())
        };
        match verdict {
            Verdict::Pass => {}
            Verdict::PassAfter(dropped) => {
                tracing::warn!({ challenge.slug = slug, log.dropped = dropped }, "failed requests were not logged");
            }
            Verdict::DropFirst => {
                tracing::warn!(
                    { challenge.slug = slug },
                    "too many requests fail, they are not logged for now"
                );
                return;
            }
            Verdict::Drop => return,
        }
        let (request, code) = (&*self.request_id, name(error));
        tracing::info!(
            { challenge.slug = slug, request.id = request, outgoing.host = host, outgoing.error = code },
            "{what}"
        );
    }
}
