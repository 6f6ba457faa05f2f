//! The requests of one connection: how many are in flight, and what becomes of one whose answer nobody takes. HTTP/2 gives each
//! answer a window of its own, so a client can leave one lying and go on with others; the socket does not tell.

use std::{
    cell::Cell,
    future::{Future, poll_fn},
    pin::{Pin, pin},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::SeqCst},
    },
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::rt::Executor;
use pin_project_lite::pin_project;
use tokio::time::{Instant, Sleep, sleep};

use crate::limits::{ANSWER_PIECE, LEAST_TAKEN};

/// What a connection has in flight.
#[derive(Debug)]
pub(crate) struct Activity {
    begun: Instant,
    running: AtomicUsize,
    /// Nanoseconds from `begun` to the last end of a request.
    ended: AtomicU64,
    /// Requests that come now are not waited for.
    closed: AtomicBool,
}

/// A request in flight.
pub(crate) struct Running(Arc<Activity>);

impl Activity {
    pub(crate) fn new(begun: Instant) -> Self {
        Self {
            begun,
            running: AtomicUsize::new(0),
            ended: AtomicU64::new(0),
            closed: AtomicBool::new(false),
        }
    }

    /// A request begins; of HTTP/1, which has its own idea of when one ends, this is all that is told.
    pub(crate) fn begin(&self) {
        self.running.fetch_add(1, SeqCst);
    }

    fn running(self: &Arc<Self>) -> Option<Running> {
        if self.closed.load(SeqCst) {
            return None;
        }
        self.begin();
        Some(Running(Arc::clone(self)))
    }

    /// From now on, only what is in flight already counts.
    pub(crate) fn close(&self) {
        self.closed.store(true, SeqCst);
    }

    /// Since when there is nothing in flight.
    pub(crate) fn quiet_since(&self) -> Option<Instant> {
        (self.running.load(SeqCst) == 0).then(|| self.begun + Duration::from_nanos(self.ended.load(SeqCst)))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let Self(activity) = self;
        let ended = u64::try_from(activity.begun.elapsed().as_nanos()).unwrap_or(u64::MAX);
        activity.ended.fetch_max(ended, SeqCst);
        activity.running.fetch_sub(1, SeqCst);
    }
}

/// Runs the requests of one connection of HTTP/2.
#[derive(Clone)]
pub(crate) struct Streams {
    pub(crate) activity: Arc<Activity>,
    /// In which so much of an answer has to be taken.
    pub(crate) write: Duration,
}

impl<F: Future<Output = ()> + Send + 'static> Executor<F> for Streams {
    #[expect(
        clippy::disallowed_methods,
        reason = "ends with its connection, which tells each of its streams"
    )]
    fn execute(&self, request: F) {
        drop(tokio::spawn(patient(
            request,
            self.write,
            self.activity.running(),
        )));
    }
}

/// What the body of an answer did when it was last asked.
#[derive(Clone, Copy)]
enum Asked {
    Nothing,
    /// It waits for the service.
    Waits,
    /// It gave so many bytes, of which the last now wait for the client.
    Gave(usize),
}

thread_local! {
    /// Of the request that is polled at this moment. The library that does it has no place for this.
    static ASKED: Cell<Asked> = const { Cell::new(Asked::Nothing) };
}

/// Gives a request up when its answer waits for the client for too long. Dropping it resets its stream.
async fn patient(request: impl Future<Output = ()>, write: Duration, _counts: Option<Running>) {
    let mut request = pin!(request);
    // Since the client was last fast enough: until when, and the bytes that were given since.
    let mut stalled: Option<(Pin<Box<Sleep>>, usize)> = None;
    poll_fn(move |context| {
        ASKED.set(Asked::Nothing);
        if request.as_mut().poll(context).is_ready() {
            return Poll::Ready(());
        }
        match (ASKED.get(), &mut stalled) {
            (Asked::Nothing, _) => {}
            (Asked::Waits, stalled) => *stalled = None,
            (Asked::Gave(bytes), Some((end, given))) => {
                *given = given.saturating_add(bytes);
                if *given >= LEAST_TAKEN {
                    *given = 0;
                    end.as_mut().reset(Instant::now() + write);
                }
            }
            (Asked::Gave(_), stalled) => *stalled = Some((Box::pin(sleep(write)), 0)),
        }
        match &mut stalled {
            Some((end, _)) => end.as_mut().poll(context),
            None => Poll::Pending,
        }
    })
    .await;
}

/// Several pieces may be given while a request is polled once.
fn gave(bytes: usize) {
    ASKED.set(match ASKED.get() {
        Asked::Gave(before) => Asked::Gave(before.saturating_add(bytes)),
        Asked::Nothing | Asked::Waits => Asked::Gave(bytes),
    });
}

pin_project! {
    /// A body in pieces of a frame. The library takes as much as a body gives at once, and is then done with it however little
    /// the client takes.
    pub(crate) struct Pieces<B> {
        #[pin]
        body: B,
        rest: Bytes,
    }
}

impl<B> Pieces<B> {
    pub(crate) fn new(body: B) -> Self {
        Self {
            body,
            rest: Bytes::new(),
        }
    }
}

impl<B: Body<Data = Bytes>> Body for Pieces<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let this = self.project();
        if this.rest.is_empty() {
            match this.body.poll_frame(context) {
                Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                    Ok(data) => *this.rest = data,
                    Err(frame) => {
                        gave(0);
                        return Poll::Ready(Some(Ok(frame)));
                    }
                },
                Poll::Ready(end) => {
                    gave(0);
                    return Poll::Ready(end);
                }
                Poll::Pending => {
                    ASKED.set(Asked::Waits);
                    return Poll::Pending;
                }
            }
        }
        let piece = this.rest.split_to(this.rest.len().min(ANSWER_PIECE));
        gave(piece.len());
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let (of_body, rest) = (self.body.size_hint(), u64::try_from(self.rest.len()));
        let rest = rest.unwrap_or(u64::MAX);
        let mut hint = SizeHint::new();
        hint.set_lower(of_body.lower().saturating_add(rest));
        if let Some(upper) = of_body.upper() {
            hint.set_upper(upper.saturating_add(rest));
        }
        hint
    }
}
