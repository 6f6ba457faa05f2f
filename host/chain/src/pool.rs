//! Several endpoints of one chain, in the operator's order. A request goes to the current one. When that cannot be reached, is
//! of another chain or lags far behind another, the next usable one becomes current and stays so until it fails in turn.
//!
//! A question is put to each usable endpoint in turn, each time within the deadline, and again over a new connection where the old
//! one turns out to be broken. A submission goes to the next one
//! only when it certainly was not sent: afterwards nobody knows what the first node made of it, and whether to send it again
//! is for the caller to find out from the chain. When every endpoint has failed lately, the one whose wait ends first is tried
//! at once, because somebody is asking.

use std::{
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    time::{Duration, Instant, SystemTime},
};

use platform_domain::{BlockHash, BlockNumber, UnixSeconds};
use serde::Deserialize;
use subxt::rpcs::{
    Error as RpcError,
    client::{RawRpcFuture, RawRpcSubscription, RawValue, RpcClientT},
};
use tokio::task::JoinSet;

use crate::{
    EndpointHealth,
    endpoint::Endpoint,
    health::{Fault, Health},
    limits::SURVEY_EVERY,
    link::{Link, LinkError, NoAnswer},
};

/// The ways to the chain.
pub(crate) struct Pool {
    links: Vec<Link>,
    record: Mutex<Record>,
}

struct Record {
    current: usize,
    health: Vec<Health>,
}

/// A block's header, as far as it matters here.
#[derive(Deserialize)]
struct Header {
    number: String,
}

/// What submits; nothing else changes anything.
const SUBMIT: &str = "author_submitExtrinsic";

impl Pool {
    pub(crate) fn new(endpoints: Vec<Endpoint>, deadline: Duration, genesis: Option<BlockHash>) -> Self {
        let genesis = Arc::new(genesis.map_or_else(OnceLock::new, OnceLock::from));
        let link = |endpoint| Link::new(endpoint, deadline, Arc::clone(&genesis));
        let links: Vec<_> = endpoints.into_iter().map(link).collect();
        let health = vec![Health::default(); links.len()];
        let record = Mutex::new(Record { current: 0, health });
        Self { links, record }
    }

    fn record(&self) -> MutexGuard<'_, Record> {
        // Every change is whole after each statement.
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn request(&self, method: &str, params: Option<Box<RawValue>>) -> Result<Box<RawValue>, RpcError> {
        let candidates = self.record().candidates(Instant::now());
        let mut first_error: Option<RpcError> = None;
        for index in candidates {
            let Some(link) = self.links.get(index) else {
                continue;
            };
            match self.attempt(index, link, method, params.clone()).await {
                Ok(answer) => return Ok(answer),
                Err(NoAnswer { error, sent }) => {
                    let no_repeat = sent && method == SUBMIT;
                    if no_repeat || !matches!(error, RpcError::Client(_)) {
                        return Err(error);
                    }
                    // That a node is away passes; that another one is of the wrong chain does not.
                    let keep = first_error
                        .as_ref()
                        .is_some_and(|kept| fault(kept) == Fault::Unreachable);
                    if !keep {
                        first_error = Some(error);
                    }
                }
            }
        }
        Err(first_error
            .unwrap_or_else(|| RpcError::Client(Box::new(LinkError::Lost("there is no endpoint".into())))))
    }

    async fn attempt(
        &self,
        index: usize,
        link: &Link,
        method: &str,
        params: Option<Box<RawValue>>,
    ) -> Result<Box<RawValue>, NoAnswer> {
        let begun = Instant::now();
        let mut answer = link.request(method, params.clone()).await;
        // A connection that has been closed while nobody spoke is often noticed only now, and the endpoint is well.
        if method != SUBMIT && answer.as_ref().is_err_and(NoAnswer::is_broken_connection) {
            answer = link.request(method, params).await;
        }
        match &answer {
            Err(NoAnswer {
                error: error @ RpcError::Client(client),
                ..
            }) => {
                let text = link.endpoint().conceal(client.as_ref()).to_string();
                tracing::warn!(chain.endpoint = %link.endpoint(), chain.method = method, error = text, "an endpoint of the chain failed");
                self.record().failed(index, fault(error), text);
            }
            Ok(_) | Err(_) => {
                if self.record().succeeded(index, begun.elapsed()) {
                    tracing::info!(chain.endpoint = %link.endpoint(), "questions to the chain go to this endpoint now");
                }
            }
        }
        answer
    }

    /// Asks every endpoint that may be asked for its head.
    pub(crate) async fn survey(self: &Arc<Self>) {
        let mut asked = JoinSet::new();
        for index in 0..self.links.len() {
            if self.record().may_ask(index, Instant::now()) {
                let pool = Arc::clone(self);
                asked.spawn(async move { pool.look(index).await });
            }
        }
        while asked.join_next().await.is_some() {}
    }

    async fn look(&self, index: usize) {
        let Some(link) = self.links.get(index) else {
            return;
        };
        let begun = Instant::now();
        match link.request("chain_getHeader", None).await {
            Ok(answer) => {
                let header: Option<Header> = serde_json::from_str(answer.get()).ok();
                let number = header
                    .and_then(|header| u64::from_str_radix(header.number.trim_start_matches("0x"), 16).ok());
                self.record().saw(index, begun.elapsed(), number.map(BlockNumber));
            }
            Err(NoAnswer {
                error: error @ RpcError::Client(_),
                ..
            }) => {
                let RpcError::Client(client) = &error else { return };
                let text = link.endpoint().conceal(client.as_ref()).to_string();
                self.record().failed(index, fault(&error), text);
            }
            Err(_) => {}
        }
    }

    /// Looks at all endpoints from time to time.
    pub(crate) async fn watch(self: Arc<Self>) {
        loop {
            tokio::time::sleep(SURVEY_EVERY).await;
            self.survey().await;
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.links.len()
    }

    /// How each endpoint does, in the operator's order.
    pub(crate) fn health(&self) -> Vec<EndpointHealth> {
        let (record, now) = (self.record(), Instant::now());
        let highest = record.highest(now);
        let pairs = self.links.iter().zip(&record.health).enumerate();
        pairs
            .map(|(index, (link, health))| {
                health.show(link.endpoint().to_string(), index == record.current, highest, now)
            })
            .collect()
    }
}

impl Record {
    /// The head that the others are measured by: the highest of those that answer; of three and more the second, so that one alone
    /// cannot claim a height that leaves all others behind.
    fn highest(&self, now: Instant) -> Option<BlockNumber> {
        let answers = self
            .health
            .iter()
            .filter(|health| health.waits_until(now).is_none());
        let mut heads: Vec<_> = answers.filter_map(|health| health.best).collect();
        heads.sort_unstable();
        if heads.len() > 2 {
            heads.pop();
        }
        heads.pop()
    }

    fn may_ask(&self, index: usize, now: Instant) -> bool {
        let health = self.health.get(index);
        health.is_some_and(|health| health.waits_until(now).is_none())
    }

    /// Whom to ask, in order: the current one, then the others; those far behind come last.
    fn candidates(&self, now: Instant) -> Vec<usize> {
        let highest = self.highest(now);
        let mut may: Vec<_> = (0..self.health.len())
            .filter(|index| self.may_ask(*index, now))
            .collect();
        let far = |index: usize| {
            let health = self.health.get(index);
            health.is_some_and(|health| health.is_far_behind(highest))
        };
        may.sort_by_key(|index| (far(*index), *index != self.current, *index));
        if may.is_empty() {
            let waits = |index: &usize| self.health.get(*index).and_then(|health| health.waits_until(now));
            may.extend((0..self.health.len()).min_by_key(waits));
        }
        may
    }

    /// Whether it became the current one by that.
    fn succeeded(&mut self, index: usize, latency: Duration) -> bool {
        if let Some(health) = self.health.get_mut(index) {
            health.succeeded(latency, UnixSeconds::from(SystemTime::now()));
        }
        std::mem::replace(&mut self.current, index) != index
    }

    fn saw(&mut self, index: usize, latency: Duration, best: Option<BlockNumber>) {
        if let Some(health) = self.health.get_mut(index) {
            health.succeeded(latency, UnixSeconds::from(SystemTime::now()));
            health.best = best.or(health.best);
        }
    }

    fn failed(&mut self, index: usize, fault: Fault, error: String) {
        if let Some(health) = self.health.get_mut(index) {
            health.failed(fault, error, Instant::now());
        }
    }
}

fn fault(error: &RpcError) -> Fault {
    let RpcError::Client(client) = error else {
        return Fault::Unreachable;
    };
    match client.downcast_ref::<LinkError>() {
        Some(LinkError::Genesis { .. } | LinkError::Prefix(_) | LinkError::Runtime(_)) => Fault::WrongChain,
        _ => Fault::Unreachable,
    }
}

/// What [`subxt::rpcs::RpcClient`] drives.
pub(crate) struct Requests(pub(crate) Arc<Pool>);

impl RpcClientT for Requests {
    fn request_raw<'a>(
        &'a self,
        method: &'a str,
        params: Option<Box<RawValue>>,
    ) -> RawRpcFuture<'a, Box<RawValue>> {
        Box::pin(self.0.request(method, params))
    }

    fn subscribe_raw<'a>(
        &'a self,
        _: &'a str,
        _: Option<Box<RawValue>>,
        _: &'a str,
    ) -> RawRpcFuture<'a, RawRpcSubscription> {
        Box::pin(async { Err(RpcError::Client(Box::new(LinkError::NoSubscriptions))) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Endpoints with these heads, the first of which is the current one.
    fn record(heads: &[u64]) -> Record {
        let health = |best: &u64| {
            let mut health = Health::default();
            health.best = Some(BlockNumber(*best));
            health
        };
        Record {
            current: 0,
            health: heads.iter().map(health).collect(),
        }
    }

    #[test]
    fn one_that_claims_a_height_alone_leaves_nobody_behind() {
        let now = Instant::now();
        for (heads, order) in [
            (&[100, 101, 4_000_000_000][..], &[0, 1, 2][..]),
            (&[100, 200, 201], &[1, 2, 0]),
            (&[100, 200], &[1, 0]),
        ] {
            assert_eq!(record(heads).candidates(now), order, "{heads:?}");
        }
    }

    #[test]
    fn the_head_of_one_that_no_longer_answers_counts_for_nothing() {
        let (now, mut record) = (Instant::now(), record(&[100, 200]));
        record.failed(1, Fault::Unreachable, "closed".to_owned());
        assert_eq!(record.candidates(now), [0]);
        assert_eq!(record.highest(now), Some(BlockNumber(100)));
    }
}
