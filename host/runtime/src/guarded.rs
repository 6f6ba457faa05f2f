//! A program together with its challenge's health: every call goes through the breaker and into the record.

use std::sync::Arc;

use platform_domain::{
    CalledFunction, Caller, Digest, EpochContext, IncidentKind, RawWeight, Request, Response,
};
use platform_wasm::{CallError as Wasm, Program, RequestBody, ResponseBody};
use tokio::time::{Instant, timeout_at};

use crate::{
    CallError, Health,
    breaker::{Outcome, Voice},
    health::Pass,
};

/// A program whose calls are watched. Cheap to clone.
#[derive(Clone)]
pub struct Guarded {
    program: Arc<Program>,
    health: Arc<Health>,
}

impl Guarded {
    /// Watches the calls of a program. The health is the challenge's: its next program gets the same.
    pub fn new(program: Arc<Program>, health: Arc<Health>) -> Self {
        Self { program, health }
    }

    /// What answers; another program is another challenge to its callers.
    pub fn program(&self) -> &Arc<Program> {
        &self.program
    }

    /// Whether the breaker would let a route be called now. Says so before a request costs anything.
    pub(crate) fn may_ask(&self) -> Result<(), CallError> {
        let retry_after = |retry_after| CallError::Suspended { retry_after };
        self.health.may_ask().map_err(retry_after)
    }

    pub(crate) async fn handle(&self, request: Request) -> Result<Response, CallError> {
        let pass = self.admit(request.caller.as_ref())?;
        let request_id = request.id.clone();
        let answer = self.program.handle_route(request).await;
        self.settle(pass, &request_id, &answer);
        Ok(answer?)
    }

    /// The same for a program that answers as HTTP. What became of the call is known when the answer has been read.
    pub(crate) async fn handle_http(
        &self,
        request: Request<RequestBody>,
    ) -> Result<Response<ResponseBody>, CallError> {
        let pass = self.admit(request.caller.as_ref())?;
        let (this, request_id) = (self.clone(), request.id.clone());
        let ended = move |answer: &Result<(), Wasm>| this.settle(pass, &request_id, answer);
        Ok(self.program.handle_http(request, ended).await?)
    }

    /// The breaker's leave for a call of a route.
    fn admit(&self, caller: Option<&Caller>) -> Result<Pass, CallError> {
        let retry_after = |retry_after| CallError::Suspended { retry_after };
        self.health.admit(voice(caller)).map_err(retry_after)
    }

    /// A call of a route has ended: what there is to write down, and what the breaker hears.
    fn settle<T>(&self, pass: Pass, request_id: &str, answer: &Result<T, Wasm>) {
        self.note_disk(CalledFunction::Route, request_id);
        pass.end(match answer {
            Ok(_) => Outcome::Answered,
            Err(error) => note(&self.health, CalledFunction::Route, request_id, error),
        });
    }

    /// Of what it keeps in the host. That it cannot be read is for the log: the weights do not depend on it.
    pub(crate) async fn state_digest(&self) -> Option<Digest> {
        match self.program.state_digest().await {
            Ok(digest) => digest,
            Err(error) => {
                tracing::warn!(%error, "a challenge's state cannot be hashed");
                None
            }
        }
    }

    /// Not through the breaker: an epoch asks once an hour, what miners send must not keep it from that, and
    /// what it learns is not told to the breaker either. A call that `by` ends is the challenge's to answer for;
    /// one whose asker went away is nobody's.
    pub(crate) async fn weights(
        &self,
        epoch: EpochContext,
        by: Instant,
    ) -> Result<Vec<RawWeight>, CallError> {
        let request_id = format!("epoch-{}", epoch.epoch);
        let answer = timeout_at(by, self.program.get_weights(epoch)).await;
        self.note_disk(CalledFunction::Weights, &request_id);
        let Ok(answer) = answer else {
            let (kind, function) = (IncidentKind::Deadline, CalledFunction::Weights);
            let text = || CallError::Overdue.to_string();
            self.health.record(kind, function, &request_id, text);
            return Err(CallError::Overdue);
        };
        if let Err(error) = &answer {
            note(&self.health, CalledFunction::Weights, &request_id, error);
        }
        Ok(answer?)
    }

    /// Writes down that a call found no room, also when it came to terms with that and answered. The breaker
    /// does not hear of it: what else there is may well be served.
    fn note_disk(&self, function: CalledFunction, request_id: &str) {
        if let Some(full) = self.program.disk_full(request_id) {
            let text = || full.to_string();
            self.health
                .record(IncidentKind::DiskFull, function, request_id, text);
        }
    }
}

fn voice(caller: Option<&Caller>) -> Voice {
    caller
        .and_then(|caller| caller.uid)
        .map_or(Voice::Anyone, Voice::Miner)
}

/// Writes down what the challenge is to blame for.
fn note(health: &Health, function: CalledFunction, request_id: &str, error: &Wasm) -> Outcome {
    let kind = match error {
        Wasm::Guest(_) => return Outcome::Answered,
        Wasm::Busy { .. } => {
            health.record_busy();
            return Outcome::Nothing;
        }
        Wasm::SlowClient(_) | Wasm::Unsupported | Wasm::Host(_) => return Outcome::Nothing,
        Wasm::Deadline(_) | Wasm::Computed(_) => IncidentKind::Deadline,
        Wasm::OutOfMemory { .. } => IncidentKind::OutOfMemory,
        Wasm::Trapped(_) => IncidentKind::Trap,
        Wasm::OutputTooLarge { .. } => IncidentKind::OutputTooLarge,
        Wasm::InvalidOutput(_) => IncidentKind::InvalidOutput,
    };
    health.record(kind, function, request_id, || error.explanation());
    if kind.stopped_it() {
        Outcome::Failed
    } else {
        Outcome::Answered
    }
}
