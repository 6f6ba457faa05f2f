//! Reads a body within its limits of size, time and the memory for all bodies together.

use std::sync::Arc;

use axum::body::Body;
use bytes::Bytes;
use http::{HeaderMap, header::CONTENT_LENGTH};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use platform_domain::RouteRule;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

use crate::{
    limits::{BUDGET_UNIT, Limits},
    refusal::Refusal,
};

/// Room for a body, to be held as long as the body is.
pub(crate) struct Room {
    /// The most this body may have.
    limit: usize,
    /// Held, not read: dropping it gives the memory back to the budget.
    _permit: Option<OwnedSemaphorePermit>,
}

/// The budget as a semaphore.
pub(crate) fn budget(limits: &Limits) -> Arc<Semaphore> {
    // One body of the largest size must fit, whatever was configured.
    let units = limits.body_budget.max(limits.max_body).div_ceil(BUDGET_UNIT);
    Arc::new(Semaphore::new(units.min(Semaphore::MAX_PERMITS)))
}

/// The largest body that a request may have: what its route declares, up to `most`, or the usual.
pub(crate) fn limit(limits: &Limits, rule: Option<&RouteRule>, most: usize) -> usize {
    let declared = rule.and_then(|rule| rule.max_body);
    let declared = declared.and_then(|bytes| usize::try_from(bytes).ok());
    declared.map_or(limits.max_body, |bytes| bytes.min(most))
}

/// The length that a body declares, if it does and may have it.
pub(crate) fn declared(headers: &HeaderMap, limit: usize) -> Result<Option<usize>, Refusal> {
    let declared = headers
        .get(CONTENT_LENGTH)
        .map(|value| value.to_str().ok()?.parse::<usize>().ok());
    match declared {
        Some(Some(length)) if length > limit => Err(Refusal::BodyTooLarge),
        Some(Some(length)) => Ok(Some(length)),
        Some(None) => Err(Refusal::BodyBroken),
        None => Ok(None),
    }
}

impl Room {
    /// Takes room for a body before any of it is read: as much as it declares, or as much as it may have.
    pub(crate) fn take(
        budget: &Arc<Semaphore>,
        headers: &HeaderMap,
        limit: usize,
        body: &Body,
    ) -> Result<Self, Refusal> {
        let expected = match declared(headers, limit)? {
            Some(length) => length,
            None if http_body::Body::is_end_stream(body) => 0,
            None => limit,
        };
        let units = u32::try_from(expected.div_ceil(BUDGET_UNIT)).unwrap_or(u32::MAX);
        let _permit = match units {
            0 => None,
            units => Some(
                budget
                    .clone()
                    .try_acquire_many_owned(units)
                    .map_err(|_| Refusal::Overloaded)?,
            ),
        };
        Ok(Self { limit, _permit })
    }

    /// Reads the whole body into its room.
    pub(crate) async fn fill(&self, body: Body, limits: &Limits) -> Result<Bytes, Refusal> {
        let read = timeout(limits.body_timeout, Limited::new(body, self.limit).collect()).await;
        let whole = read.map_err(|_| Refusal::BodyTimeout)?.map_err(|error| {
            if error.is::<LengthLimitError>() {
                Refusal::BodyTooLarge
            } else {
                Refusal::BodyBroken
            }
        })?;
        Ok(whole.to_bytes())
    }
}
