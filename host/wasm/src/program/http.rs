//! Calls of a component that answers through `wasi:http/incoming-handler`.

use std::sync::Arc;

use http_body_util::BodyExt as _;
use platform_domain::{Request, Response};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio_util::{either::Either, task::AbortOnDropHandle};

use super::Program;
use crate::{
    CallError, RequestBody, ResponseBody,
    admission::Permit,
    call,
    cpu::Clock,
    incoming::{self, Exchange},
    pace::Paced,
    stage::Call,
};

/// Who may wait for clients.
pub(super) struct Streams {
    /// All programs.
    all: Arc<Semaphore>,
    /// This one.
    own: Arc<Semaphore>,
}

impl Streams {
    pub(super) fn new(all: Arc<Semaphore>, most: usize) -> Self {
        let own = Arc::new(Semaphore::new((most / 2).max(1)));
        Self { all, own }
    }

    /// At once or not at all: a queue behind slow clients would stand still.
    fn take(&self) -> Option<[OwnedSemaphorePermit; 2]> {
        let take = |room: &Arc<Semaphore>| room.clone().try_acquire_owned().ok();
        Some([take(&self.own)?, take(&self.all)?])
    }
}

impl Program {
    /// Whether it answers by [`Program::handle_http`] and not by [`Program::handle_route`].
    pub fn answers_http(&self) -> bool {
        self.shared.contract.handle.is_some()
    }

    /// Whether bodies pass through it piece by piece. They do not where calls run one at a time: all of them would wait
    /// for one slow client.
    pub fn streams(&self) -> bool {
        self.answers_http() && self.shared.setup.files.is_none()
    }

    /// Asks the challenge to answer a miner as HTTP. `ended` hears how the call ended, which may be long after its answer
    /// began. Dropping the future or the answer's body stops a call that keeps nothing; others run on.
    pub async fn handle_http(
        &self,
        request: Request<RequestBody>,
        ended: impl FnOnce(&Result<(), CallError>) + Send + 'static,
    ) -> Result<Response<ResponseBody>, CallError> {
        let Some(function) = self.shared.contract.handle else {
            return Err(CallError::Unsupported);
        };
        let shared = self.shared.clone();
        let limits = shared.setup.limits.clone();
        let streams = self.streams();
        let busy = || CallError::Busy {
            retry_after: limits.retry_after(),
        };
        let places = match streams {
            true => Some(self.streams.take().ok_or_else(busy)?),
            false => None,
        };
        let exchange = Exchange::default();
        let request_id = request.id.clone();
        let request = incoming::convert(request, &shared.slug, &exchange)?;
        let Permit { mut turn, slots } = self.queue.route().await?;
        let blocks = shared.setup.blocks();
        let times = self.route.on(if blocks { Clock::Thread } else { Clock::Polled });
        let (tell, told) = oneshot::channel();
        let seen = exchange.clone();
        let call = Call::new(async move {
            let mut kept = shared.resume(&mut turn);
            let (request, heard) = ((&*request_id, request), (&seen, tell));
            let answer = call::handle_http(&shared, &function, request, times, heard, &mut kept).await;
            shared.put_back(kept, &mut turn);
            if let Some(turn) = &mut turn {
                turn.end(&answer);
            }
            drop((slots, places));
            answer
        });
        let (call, back) = (Paced::new(call, &self.pace), self.back.clone());
        let running = async move {
            let answer = match blocks {
                true => back.run_apart(call).await,
                false => back.run(call).await,
            };
            ended(&answer);
            answer
        };
        #[expect(
            clippy::disallowed_methods,
            reason = "ends with the answer's body that keeps its handle, or with the call's deadline"
        )]
        let task = tokio::spawn(running);
        let running = match blocks {
            true => Either::Right(task),
            false => Either::Left(AbortOnDropHandle::new(task)),
        };
        match told.await {
            Ok(begun) if streams => {
                let most = limits.streamed_body;
                Ok(incoming::attach(begun, running, exchange, most))
            }
            Ok(begun) => whole(incoming::attach(begun, running, exchange, limits.body)).await,
            // It has ended, or soon will, without an answer that could be passed on.
            Err(_) => Err(match running.await {
                Ok(Err(error)) => error,
                Ok(Ok(())) => CallError::Host("a call has ended well without an answer".to_owned()),
                Err(error) => incoming::gone(&error),
            }),
        }
    }
}

/// The answer when all of it is there, and the call has ended.
async fn whole(answer: Response<ResponseBody>) -> Result<Response<ResponseBody>, CallError> {
    let Response {
        status,
        headers,
        body,
    } = answer;
    let body = ResponseBody::whole(body.collect().await?.to_bytes());
    Ok(Response {
        status,
        headers,
        body,
    })
}
