//! Reads a body within its limits of size, time and the memory for all bodies together.

use std::sync::Arc;

use axum::body::Body;
use bytes::Bytes;
use http::{HeaderMap, header::CONTENT_LENGTH};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use platform_domain::{ByteSize, Digest, RouteRule};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, timeout},
};

use crate::{
    limits::{BUDGET_UNIT, Limits},
    refusal::Refusal,
    spool::{Spool, Spooled},
};

/// A body that is there as a whole.
pub(crate) enum Held {
    /// With the room that it takes.
    InMemory(Bytes, Room),
    OnDisk(Spooled),
}

/// Room for a body in memory, to be held as long as the body is.
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

/// The largest body that a request may have: what its route declares, or else what the operator has decided for the challenge, up to
/// `most`, or the usual.
pub(crate) fn limit(
    limits: &Limits,
    rule: Option<&RouteRule>,
    decided: Option<ByteSize>,
    most: usize,
) -> usize {
    let declared = rule.and_then(|rule| rule.max_body);
    let declared = declared.or(decided.map(|size| size.0));
    let declared = declared.map(|bytes| usize::try_from(bytes).unwrap_or(usize::MAX));
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

impl Held {
    /// Takes room for a body of at most so many bytes before any of it is read, and then reads it.
    pub(crate) async fn read(
        (budget, spool, limits): (&Arc<Semaphore>, &Spool, &Limits),
        expected: Option<usize>,
        limit: usize,
        body: Body,
    ) -> Result<Self, Refusal> {
        if expected.unwrap_or(limit) <= limits.max_body {
            let room = Room::take(budget, expected, limit, &body)?;
            let body = room.fill(body, limits).await?;
            return Ok(Self::InMemory(body, room));
        }
        let expected = expected.unwrap_or(limit);
        let room = spool.take(expected)?;
        // As slow as a client may be with the largest body that is held in memory.
        let times = u32::try_from(expected.div_ceil(limits.max_body.max(1))).unwrap_or(u32::MAX);
        let by = Instant::now() + limits.body_timeout.saturating_mul(times);
        spool.fill(body, limit, room, by).await.map(Self::OnDisk)
    }

    /// Of all of it.
    pub(crate) fn digest(&self) -> Digest {
        match self {
            Self::InMemory(body, _) => Digest::of(body),
            Self::OnDisk(body) => body.digest(),
        }
    }
}

impl Room {
    /// Takes room for a body before any of it is read: as much as it declares, or as much as it may have.
    pub(crate) fn take(
        budget: &Arc<Semaphore>,
        declared: Option<usize>,
        limit: usize,
        body: &Body,
    ) -> Result<Self, Refusal> {
        let expected = match declared {
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
