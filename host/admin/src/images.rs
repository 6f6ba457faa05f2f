//! Fetching an image over HTTP, for as long as that takes: a line of JSON every moment, and one at the end.
//!
//! Whoever hangs up ends it: the engine gives up, and nothing is written down. What a challenge is to run is said afterwards, by
//! the digest that was told here.

use std::{convert::Infallible, pin::Pin, time::Duration};

use axum::{
    body::{Body, Bytes},
    extract::State,
    http::header::CONTENT_TYPE,
    response::{IntoResponse as _, Response},
};
use futures_util::stream;
use platform_admin_types::{PullImage, PullProgressView, PullRecord};
use platform_domain::ImageRef;
use platform_registry::{PullSum, RegistryError};
use tokio::{
    sync::watch,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use crate::{AdminState, ApiError, Json};

/// What is known by then is an answer with a status of its own: an image that is there, or an engine that is not.
const AT_ONCE: Duration = Duration::from_millis(500);
/// Between two lines.
const TOLD_EVERY: Duration = Duration::from_millis(500);

type Pulling = Pin<Box<dyn Future<Output = Result<ImageRef, RegistryError>> + Send>>;

/// A fetch that is under way.
struct UnderWay {
    /// `None` after its end was told.
    pulling: Option<Pulling>,
    sum: watch::Receiver<PullSum>,
    stop: CancellationToken,
}

pub(crate) async fn pull(
    State(state): State<AdminState>,
    Json(pull): Json<PullImage>,
) -> Result<Response, ApiError> {
    let PullImage {
        image,
        resources,
        challenge,
    } = pull;
    let resources = match (resources, challenge) {
        (Some(resources), _) => resources,
        (None, Some(slug)) => state.registry.challenge_get(&slug).await?.resources,
        (None, None) => Default::default(),
    };
    let (told, sum) = watch::channel(PullSum::default());
    let registry = state.registry;
    let mut pulling: Pulling = Box::pin(async move {
        let tell = |sum| {
            told.send_replace(sum);
        };
        registry.image_pull(&image, &resources, tell).await
    });
    let body = match timeout(AT_ONCE, &mut pulling).await {
        Ok(ended) => Body::from(line(&PullRecord::Done { image: ended? })),
        Err(_) => Body::from_stream(lines(UnderWay {
            pulling: Some(pulling),
            sum,
            stop: state.stop,
        })),
    };
    Ok(([(CONTENT_TYPE, "application/x-ndjson")], body).into_response())
}

fn lines(under_way: UnderWay) -> impl stream::Stream<Item = Result<Bytes, Infallible>> {
    stream::unfold(under_way, async |mut under_way| {
        let pulling = under_way.pulling.as_mut()?;
        let record = tokio::select! {
            biased;
            () = under_way.stop.cancelled() => return None,
            ended = pulling => {
                under_way.pulling = None;
                match ended {
                    Ok(image) => PullRecord::Done { image },
                    Err(error) => {
                        let (status, error) = ApiError::from(error).into_parts();
                        PullRecord::Failed { status: status.as_u16(), error }
                    }
                }
            }
            () = sleep(TOLD_EVERY) => PullRecord::Progress(progress(&under_way.sum.borrow())),
        };
        Some((Ok(line(&record)), under_way))
    })
}

fn progress(sum: &PullSum) -> PullProgressView {
    let PullSum {
        layers,
        layers_done,
        bytes,
        total_bytes,
    } = *sum;
    PullProgressView {
        layers,
        layers_done,
        bytes,
        total_bytes,
    }
}

fn line(record: &PullRecord) -> Bytes {
    // Numbers and texts have a form in JSON, and memory takes what is written to it.
    let mut line = serde_json::to_vec(record).unwrap_or_default();
    line.push(b'\n');
    line.into()
}

#[cfg(test)]
mod tests;
