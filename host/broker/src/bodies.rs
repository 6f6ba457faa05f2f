//! Reading bodies: of bounded size and in bounded time. Those with archives a few at a time, and of each challenge one, so that none
//! keeps the others waiting by being slow.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
};

use axum::body::{self, Body, Bytes, HttpBody as _};
use platform_domain::Slug;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

use crate::{
    BrokerError,
    limits::{JOB_BODIES, JOB_BODY_TIME, SMALL_BYTES},
};

/// The room for bodies.
#[derive(Clone)]
pub(crate) struct Bodies {
    reading: Arc<Mutex<BTreeSet<Slug>>>,
    places: Arc<Semaphore>,
}

/// A place for a large body, until it is taken apart.
pub(crate) struct Place {
    reading: Arc<Mutex<BTreeSet<Slug>>>,
    slug: Slug,
    _place: Option<OwnedSemaphorePermit>,
}

impl Bodies {
    pub(crate) fn new() -> Self {
        Self {
            reading: Arc::default(),
            places: Arc::new(Semaphore::new(JOB_BODIES)),
        }
    }

    /// A body that may have archives in it.
    pub(crate) async fn large(
        &self,
        slug: &Slug,
        body: Body,
        most: usize,
    ) -> Result<(Bytes, Place), BrokerError> {
        check(&body, most)?;
        let is_first = self
            .reading
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(slug.clone());
        if !is_first {
            return Err(BrokerError::still_reading());
        }
        let mut place = Place {
            reading: self.reading.clone(),
            slug: slug.clone(),
            _place: None,
        };
        let read = async {
            // Nobody closes it.
            place._place = self.places.clone().acquire_owned().await.ok();
            read(body, most).await
        };
        let bytes = timeout(JOB_BODY_TIME, read)
            .await
            .map_err(|_| BrokerError::slow_body())??;
        Ok((bytes, place))
    }

    /// Any other body.
    pub(crate) async fn small(&self, body: Body) -> Result<Bytes, BrokerError> {
        check(&body, SMALL_BYTES)?;
        let read = timeout(JOB_BODY_TIME, read(body, SMALL_BYTES));
        read.await.map_err(|_| BrokerError::slow_body())?
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut reading = self.reading.lock().unwrap_or_else(PoisonError::into_inner);
        reading.remove(&self.slug);
    }
}

/// What says that it is too large is not read at all.
fn check(body: &Body, most: usize) -> Result<(), BrokerError> {
    match body.size_hint().lower() > most as u64 {
        true => Err(BrokerError::too_large(most)),
        false => Ok(()),
    }
}

async fn read(body: Body, most: usize) -> Result<Bytes, BrokerError> {
    // A connection that breaks has nobody left to read which of the two it was.
    body::to_bytes(body, most)
        .await
        .map_err(|_| BrokerError::too_large(most))
}
