//! How well an endpoint does, and when it may be asked again. No clock and no network in here.

use std::time::{Duration, Instant};

use platform_domain::{BlockNumber, UnixSeconds};
use serde::Serialize;

use crate::limits::{BACKOFF_FIRST, BACKOFF_MAX, BEHIND_MAX};

/// How an endpoint does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct EndpointHealth {
    /// Scheme, host and port; the rest of an address may be a provider's key.
    pub endpoint: String,
    /// Whether questions go to it at present.
    pub current: bool,
    /// Whether it is of use.
    pub state: EndpointState,
    /// Failures since its last answer.
    pub failures: u32,
    /// When it last answered.
    pub last_success: Option<UnixSeconds>,
    /// In how many milliseconds its last answer came.
    pub latency_ms: Option<u64>,
    /// Its best block when it was last asked for it.
    pub best: Option<BlockNumber>,
    /// How many blocks that was behind the highest that any endpoint had.
    pub behind: Option<u64>,
    /// Seconds until it is tried again of its own accord.
    pub retry_in_seconds: Option<u64>,
    /// Why it last failed.
    pub error: Option<String>,
}

/// Whether an endpoint is of use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum EndpointState {
    /// It has not been asked anything.
    Untried,
    /// It answers.
    Healthy,
    /// It answers, but its head is far behind that of another endpoint.
    Behind,
    /// It failed and is left alone for a while.
    Waiting,
    /// It is of another chain, or no node of Bittensor's.
    Refused,
}

/// What went wrong with an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// No connection, or no answer in time.
    Unreachable,
    /// A node that must not be asked.
    WrongChain,
}

/// The record of one endpoint.
#[derive(Clone, Debug, Default)]
pub(crate) struct Health {
    failures: u32,
    refused: bool,
    last_success: Option<UnixSeconds>,
    latency: Option<Duration>,
    pub(crate) best: Option<BlockNumber>,
    retry_at: Option<Instant>,
    error: Option<String>,
}

impl Health {
    /// It answered.
    pub(crate) fn succeeded(&mut self, latency: Duration, now: UnixSeconds) {
        let best = self.best;
        *self = Self {
            last_success: Some(now),
            latency: Some(latency),
            best,
            ..Self::default()
        };
    }

    /// It did not.
    pub(crate) fn failed(&mut self, fault: Fault, error: String, now: Instant) {
        self.failures = self.failures.saturating_add(1);
        self.refused = fault == Fault::WrongChain;
        let wait = if self.refused {
            BACKOFF_MAX
        } else {
            let doubled = 1_u32.checked_shl(self.failures.saturating_sub(1));
            let wait = doubled.and_then(|times| BACKOFF_FIRST.checked_mul(times));
            wait.map_or(BACKOFF_MAX, |wait| wait.min(BACKOFF_MAX))
        };
        self.retry_at = now.checked_add(wait);
        self.error = Some(error);
    }

    /// When it may be asked again, if that is not now.
    pub(crate) fn waits_until(&self, now: Instant) -> Option<Instant> {
        self.retry_at.filter(|at| *at > now)
    }

    /// Blocks behind the highest head.
    pub(crate) fn behind(&self, highest: Option<BlockNumber>) -> Option<u64> {
        Some(highest?.0.saturating_sub(self.best?.0))
    }

    pub(crate) fn is_far_behind(&self, highest: Option<BlockNumber>) -> bool {
        self.behind(highest).is_some_and(|behind| behind > BEHIND_MAX)
    }

    pub(crate) fn show(
        &self,
        endpoint: String,
        current: bool,
        highest: Option<BlockNumber>,
        now: Instant,
    ) -> EndpointHealth {
        let waits = self.waits_until(now);
        let state = if self.refused {
            EndpointState::Refused
        } else if self.failures > 0 {
            EndpointState::Waiting
        } else if self.last_success.is_none() {
            EndpointState::Untried
        } else if self.is_far_behind(highest) {
            EndpointState::Behind
        } else {
            EndpointState::Healthy
        };
        EndpointHealth {
            endpoint,
            current,
            state,
            failures: self.failures,
            last_success: self.last_success,
            latency_ms: self
                .latency
                .map(|latency| u64::try_from(latency.as_millis()).unwrap_or(u64::MAX)),
            best: self.best,
            behind: self.behind(highest),
            retry_in_seconds: waits.map(|at| at.saturating_duration_since(now).as_secs()),
            error: self.error.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_doubles_up_to_the_longest_and_ends_with_an_answer() {
        let (mut health, now) = (Health::default(), Instant::now());
        let mut waits = Vec::new();
        for _ in 0..70 {
            health.failed(Fault::Unreachable, "why".to_owned(), now);
            waits.push(health.waits_until(now).unwrap().duration_since(now).as_secs());
        }
        assert_eq!(waits[..8], [1, 2, 4, 8, 16, 32, 60, 60]);
        assert_eq!(waits.last(), Some(&60));
        assert_eq!(health.waits_until(now + BACKOFF_MAX), None);
        health.succeeded(Duration::from_millis(7), UnixSeconds(9));
        assert_eq!(health.waits_until(now), None);
        let shown = health.show("ws://a".to_owned(), true, None, now);
        assert_eq!(
            (shown.failures, shown.latency_ms, shown.error),
            (0, Some(7), None)
        );
        assert_eq!(shown.state, EndpointState::Healthy);
    }

    #[test]
    fn a_node_of_another_chain_is_left_alone_for_the_longest_at_once() {
        let (mut health, now) = (Health::default(), Instant::now());
        health.failed(Fault::WrongChain, "why".to_owned(), now);
        let shown = health.show("ws://a".to_owned(), false, None, now);
        assert_eq!(
            (shown.state, shown.retry_in_seconds),
            (EndpointState::Refused, Some(60))
        );
    }

    #[test]
    fn a_head_may_lag_by_as_much_as_allowed_and_no_more() {
        let mut health = Health::default();
        health.succeeded(Duration::ZERO, UnixSeconds(1));
        assert!(!health.is_far_behind(Some(BlockNumber(1000))), "nobody asked it");
        health.best = Some(BlockNumber(100));
        assert!(!health.is_far_behind(Some(BlockNumber(100 + BEHIND_MAX))));
        assert!(health.is_far_behind(Some(BlockNumber(101 + BEHIND_MAX))));
        let shown = health.show("ws://a".to_owned(), true, Some(BlockNumber(111)), Instant::now());
        assert_eq!((shown.state, shown.behind), (EndpointState::Behind, Some(11)));
    }
}
