//! Challenges that speak HTTP themselves: bodies go to them and come from them piece by piece.

use std::{
    error::Error,
    future::Future as _,
    pin::Pin,
    sync::{Arc, OnceLock},
    task::{Context, Poll, ready},
    time::Duration,
};

use axum::{body::Body, response::Response};
use bytes::Bytes;
use http::{Method, StatusCode};
use http_body::{Body as HttpBody, Frame, SizeHint};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use platform_domain::{Request, with_causes};
use platform_runtime::{BodyError, CallError, Entrance, RequestBody, ResponseBody, Target};
use tokio::time::{Instant, Sleep, sleep_until};

use crate::{
    answer::{has_body, head},
    body::Held,
    breaking::AfterAllElse,
    in_flight::Place,
    limits::Limits,
    refusal::Refusal,
};

/// A client's body while the challenge reads it.
pub(crate) struct Arriving {
    body: RequestBody,
    ended: Ended,
}

/// Why it ended before its end, if it did.
#[derive(Clone, Default)]
struct Ended(Arc<OnceLock<BodyError>>);

struct Bounded {
    body: Limited<Body>,
    ended: Ended,
    patience: Option<Patience>,
}

/// How long a client may keep a challenge waiting that does not look after that itself. The time in which the challenge does not
/// read is not the client's.
struct Patience {
    /// For one piece, and for all before as many bytes have come as `bytes`; as long again for as many more.
    time: Duration,
    bytes: usize,
    received: usize,
    waited: Duration,
    /// Since when a piece is waited for.
    waiting: Option<(Instant, Pin<Box<Sleep>>)>,
}

#[derive(Debug, thiserror::Error)]
#[error("the client let too much time pass")]
struct TooSlow;

/// No body, but as long as another one was, if that is known.
struct Counted(Option<u64>);

impl Arriving {
    /// Of at most so many bytes.
    pub(crate) fn new(body: Body, limit: usize, target: &Target, limits: &Limits) -> Self {
        let ended = Ended::default();
        // A component's calls are ended by whoever runs them.
        let patience = matches!(target, Target::Container(_)).then(|| Patience::new(limits));
        let body = Bounded {
            body: Limited::new(body, limit),
            ended: ended.clone(),
            patience,
        };
        let body = body.boxed_unsync();
        Self { body, ended }
    }

    /// What is there already keeps its room for as long as it is there.
    pub(crate) fn whole(held: Held) -> Self {
        let body = match held {
            Held::InMemory(body, room) => {
                let body = Full::new(body).map_frame(move |frame| {
                    let _held = &room;
                    frame
                });
                body.map_err(|never| match never {}).boxed_unsync()
            }
            Held::OnDisk(body) => body.into_body().boxed_unsync(),
        };
        Self {
            body,
            ended: Ended::default(),
        }
    }
}

/// Asks the challenge, and passes on what it says while it says it. The client keeps its places for as long.
pub(crate) async fn ask(
    (target, entrance): (&Target, Entrance),
    request: Request<()>,
    Arriving { body, ended }: Arriving,
    places: [Option<Place>; 2],
) -> Result<Response, Refusal> {
    let (id, is_head) = (request.id.clone(), request.method == Method::HEAD.as_str());
    let answer = target.handle_http(request.with_body(body), entrance).await;
    // Whatever the challenge made of that, it is the client who has to know.
    match ended.0.get() {
        Some(BodyError::TooLarge) => return Err(Refusal::BodyTooLarge),
        Some(BodyError::TooSlow) => return Err(Refusal::BodyTimeout),
        Some(BodyError::Broken) => return Err(Refusal::BodyBroken),
        None => {}
    }
    let answer = answer.map_err(Refusal::Call)?;
    if !is_head && StatusCode::from_u16(answer.status).is_ok_and(has_body) {
        return pass(id, answer, places);
    }
    let (answer, body) = answer.take_body();
    let told = length(&answer.headers);
    let mut response = head(answer)?;
    // Not passed on, and read to its end all the same: to let go of it would stop the challenge.
    let read = drain(body).await.map_err(Refusal::Call)?;
    *response.body_mut() = Body::new(Counted(match target {
        // What HTTP sends to `HEAD` has no body to be counted.
        Target::Container(_) => told,
        _ => Some(read),
    }));
    Ok(response)
}

/// Passes an answer on piece by piece.
pub(crate) fn pass(
    id: String,
    answer: platform_domain::Response<ResponseBody>,
    places: [Option<Place>; 2],
) -> Result<Response, Refusal> {
    let (answer, body) = answer.take_body();
    let mut response = head(answer)?;
    let log = move |error| {
        let _held = &places;
        tracing::warn!(
            request.id = %id, error = with_causes(&error), "a challenge did not finish its answer"
        );
        error
    };
    *response.body_mut() = Body::new(AfterAllElse::new(body.map_err(log)));
    Ok(response)
}

/// The length that an answer says its body has.
fn length(headers: &[(String, Bytes)]) -> Option<u64> {
    let (_, length) = headers
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))?;
    std::str::from_utf8(length).ok()?.parse().ok()
}

/// Reads an answer to its end, and tells its length in bytes.
async fn drain(mut body: ResponseBody) -> Result<u64, CallError> {
    let mut length = 0;
    while let Some(frame) = body.frame().await {
        length += frame?.data_ref().map_or(0, |data| data.len() as u64);
    }
    Ok(length)
}

impl Patience {
    fn new(limits: &Limits) -> Self {
        Self {
            time: limits.body_timeout,
            bytes: limits.max_body.max(1),
            received: 0,
            waited: Duration::ZERO,
            waiting: None,
        }
    }

    fn arrived(&mut self, bytes: usize) {
        self.received = self.received.saturating_add(bytes);
        if let Some((since, _)) = self.waiting.take() {
            self.waited = self.waited.saturating_add(since.elapsed());
        }
    }

    /// Ready when it is over.
    fn poll_end(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let (_, end) = self.waiting.get_or_insert_with(|| {
            let parts = u32::try_from(self.received / self.bytes).unwrap_or(u32::MAX);
            let all = self.time.saturating_mul(parts.saturating_add(1));
            let left = all.saturating_sub(self.waited).min(self.time);
            let now = Instant::now();
            (now, Box::pin(sleep_until(now + left)))
        });
        end.as_mut().poll(context)
    }
}

type Piece = Option<Result<Frame<Bytes>, Box<dyn Error + Send + Sync>>>;

impl Bounded {
    /// Passes a piece on, or the end of all patience.
    fn judge(&mut self, polled: Poll<Piece>, context: &mut Context<'_>) -> Poll<Piece> {
        let Some(patience) = &mut self.patience else {
            return polled;
        };
        match &polled {
            Poll::Ready(piece) => {
                let data = piece.as_ref().and_then(|piece| piece.as_ref().ok()?.data_ref());
                patience.arrived(data.map_or(0, Bytes::len));
                polled
            }
            Poll::Pending => patience.poll_end(context).map(|()| Some(Err(TooSlow.into()))),
        }
    }
}

impl HttpBody for Bounded {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        let error = match ready!(self.judge(polled, context)) {
            Some(Err(error)) if error.is::<TooSlow>() => BodyError::TooSlow,
            Some(Ok(frame)) if frame.is_data() => return Poll::Ready(Some(Ok(frame))),
            // Trailers are headers that nobody has looked through.
            Some(Ok(_)) | None => return Poll::Ready(None),
            Some(Err(error)) if error.is::<LengthLimitError>() => BodyError::TooLarge,
            Some(Err(_)) => BodyError::Broken,
        };
        Poll::Ready(Some(Err(*self.ended.0.get_or_init(|| error))))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl HttpBody for Counted {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        Poll::Ready(None)
    }

    fn size_hint(&self) -> SizeHint {
        self.0.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}
