//! What comes back: a challenge's answer as HTTP, and in the log what became of a request.

use std::error::Error;

use axum::{body::Body, response::Response};
use http::{Method, StatusCode, header::CONTENT_LENGTH};
use http_body::Body as _;
use platform_domain::{GuestError, Slug, with_causes};
use platform_nonces::NonceError;
use platform_runtime::CallError;

use crate::{headers, refusal::Refusal, request_id::RequestId};

pub(crate) fn to_response(answer: platform_domain::Response) -> Result<Response, Refusal> {
    let (answer, body) = answer.take_body();
    let mut response = head(answer)?;
    if has_body(response.status()) {
        *response.body_mut() = Body::from(body);
    }
    Ok(response)
}

/// The answer without its body.
pub(crate) fn head(answer: platform_domain::Response<()>) -> Result<Response, Refusal> {
    let broken = |error: &dyn Error| Refusal::Call(CallError::Failed(with_causes(error)));
    let status = StatusCode::from_u16(answer.status).map_err(|error| broken(&error))?;
    let headers = headers::to_client(answer.headers).map_err(|error| broken(&error))?;
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    Ok(response)
}

/// The length is told here, because an answer to `HEAD` has the length of the body that it does not have.
pub(crate) fn with_length(method: &Method, mut response: Response) -> Response {
    let length = response.body().size_hint().exact();
    if let Some(length) = length.filter(|_| has_body(response.status())) {
        response.headers_mut().insert(CONTENT_LENGTH, length.into());
    }
    if method == Method::HEAD {
        *response.body_mut() = Body::empty();
    }
    response
}

/// Whether HTTP lets this status have a body.
pub(crate) fn has_body(status: StatusCode) -> bool {
    !status.is_informational()
        && !matches!(
            status,
            StatusCode::NO_CONTENT | StatusCode::RESET_CONTENT | StatusCode::NOT_MODIFIED
        )
}

/// Once for each refusal. What a client did wrong is its own affair; what a challenge did is the operator's.
pub(crate) fn log(id: &RequestId, slug: Option<&Slug>, refusal: &Refusal) {
    let slug = slug.map(Slug::as_str);
    let status = refusal.status().as_u16();
    match refusal {
        // The challenge did answer: what the client asked for was wrong, or it said that it is busy.
        Refusal::Call(CallError::Guest(error)) if !matches!(error, GuestError::Internal(_)) => {
            tracing::debug!(
                request.id = %id, challenge.slug = slug, http.status = status, error = %error,
                "a challenge refused a request"
            )
        }
        Refusal::Call(error @ CallError::Starting { .. }) => tracing::debug!(
            request.id = %id, challenge.slug = slug, http.status = status, error = %error,
            "a request came too early"
        ),
        Refusal::Call(error @ CallError::SlowClient(_)) => tracing::debug!(
            request.id = %id, challenge.slug = slug, http.status = status, error = %error,
            "a client was too slow"
        ),
        Refusal::Call(CallError::Suspended { .. }) => tracing::debug!(
            request.id = %id, challenge.slug = slug, http.status = status, "a suspended challenge was asked"
        ),
        Refusal::Call(error) => tracing::warn!(
            request.id = %id, challenge.slug = slug, http.status = status, error = with_causes(error),
            "a challenge did not answer a request"
        ),
        Refusal::Spool(error) => tracing::error!(
            request.id = %id, challenge.slug = slug, http.status = status, error = %error,
            "an upload cannot be kept"
        ),
        Refusal::Overloaded | Refusal::Nonce(NonceError::Full { .. } | NonceError::Overloaded) => {
            tracing::warn!(
                request.id = %id, challenge.slug = slug, http.status = status, reason = %refusal,
                "the host could not take a request"
            )
        }
        _ => tracing::debug!(
            request.id = %id, challenge.slug = slug, http.status = status, reason = %refusal,
            "a request was refused"
        ),
    }
}
