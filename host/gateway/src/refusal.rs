//! Every answer that the host gives in place of a challenge, and the only place where one becomes HTTP:
//! `{"error":{"code":"…","message":"…"},"detail":"…"}`. `detail` is where the clients of the platform before this one look for
//! the message.

use std::{io, time::Duration};

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use http::{HeaderValue, StatusCode, header};
use platform_domain::GuestError;
use platform_nonces::NonceError;
use platform_runtime::{CallError, STARTING_RETRY};
use serde::Serialize;

use crate::limits::{MAX_GUEST_TEXT, OVERLOADED_RETRY};

/// Why a request got no answer from a challenge. `Display` is the message that the client reads, but for
/// [`Refusal::Call`].
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("Not found")]
    NotFound,
    #[error("Proxy path is not allowed")]
    PathNotAllowed,
    #[error("The host is starting")]
    HostStarting,
    #[error("Challenge not found")]
    ChallengeNotFound,
    #[error("No weights at this time")]
    NoWeights,
    #[error("Route not found")]
    RouteNotFound,
    #[error("Method not allowed")]
    MethodNotAllowed { allow: String },
    #[error("repeated host")]
    HostRepeated,
    #[error("transfer coding not supported")]
    TransferCoding,
    #[error("invalid sec-websocket-key")]
    WebSocketKey,
    #[error("URI too long")]
    UriTooLong,
    #[error("Request headers too large")]
    HeadersTooLarge,
    #[error("Request body too large")]
    BodyTooLarge,
    #[error("The body did not arrive in time")]
    BodyTimeout,
    #[error("The body could not be read")]
    BodyBroken,
    #[error("Too many uploads at this time")]
    Overloaded,
    #[error("the upload cannot be kept")]
    Spool(#[source] io::Error),
    #[error("missing {0}")]
    HeaderMissing(&'static str),
    #[error("repeated {0}")]
    HeaderRepeated(&'static str),
    #[error("invalid {0}")]
    HeaderInvalid(&'static str),
    #[error("invalid timestamp")]
    TimestampInvalid,
    #[error("stale signature")]
    SignatureStale,
    #[error("invalid signature")]
    SignatureInvalid,
    #[error("signature version 2 is required")]
    SignatureVersion,
    #[error("unknown hotkey")]
    HotkeyUnknown,
    #[error("blocked uid")]
    UidBlocked,
    #[error("metagraph unavailable")]
    MetagraphUnavailable,
    #[error("too many requests from this address")]
    AddressTooFast { retry_after: Duration },
    #[error("too many requests by this hotkey")]
    HotkeyTooFast { retry_after: Duration },
    #[error("too many requests to this challenge")]
    ChallengeTooFast { retry_after: Duration },
    #[error("too many requests at once")]
    TooManyAtOnce,
    #[error(transparent)]
    Nonce(#[from] NonceError),
    #[error("the call failed")]
    Call(#[source] CallError),
}

/// What a client is told.
struct Answer {
    status: StatusCode,
    code: &'static str,
    message: String,
    retry_after: Option<Duration>,
}

impl Refusal {
    pub(crate) fn status(&self) -> StatusCode {
        self.answer().status
    }

    fn answer(&self) -> Answer {
        let (status, code, retry_after) = match self {
            Self::NotFound => (StatusCode::NOT_FOUND, "not_found", None),
            Self::PathNotAllowed => (StatusCode::FORBIDDEN, "path_not_allowed", None),
            Self::HostStarting => (StatusCode::SERVICE_UNAVAILABLE, "starting", Some(STARTING_RETRY)),
            Self::ChallengeNotFound => (StatusCode::NOT_FOUND, "challenge_not_found", None),
            Self::NoWeights => (StatusCode::NOT_FOUND, "weights_not_found", None),
            Self::RouteNotFound => (StatusCode::NOT_FOUND, "route_not_found", None),
            Self::MethodNotAllowed { .. } => (StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", None),
            Self::HostRepeated | Self::WebSocketKey => (StatusCode::BAD_REQUEST, "bad_request", None),
            Self::TransferCoding => (StatusCode::NOT_IMPLEMENTED, "transfer_coding", None),
            Self::UriTooLong => (StatusCode::URI_TOO_LONG, "uri_too_long", None),
            Self::HeadersTooLarge => (
                StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
                "headers_too_large",
                None,
            ),
            Self::BodyTooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", None),
            Self::BodyTimeout => (StatusCode::REQUEST_TIMEOUT, "body_timeout", None),
            Self::BodyBroken => (StatusCode::BAD_REQUEST, "body_broken", None),
            Self::Overloaded | Self::Spool(_) => (
                StatusCode::SERVICE_UNAVAILABLE,
                "overloaded",
                Some(OVERLOADED_RETRY),
            ),
            Self::HeaderMissing(_) => (StatusCode::UNAUTHORIZED, "missing_header", None),
            Self::HeaderRepeated(_) => (StatusCode::UNAUTHORIZED, "repeated_header", None),
            Self::HeaderInvalid(_) => (StatusCode::UNAUTHORIZED, "invalid_header", None),
            Self::TimestampInvalid => (StatusCode::UNAUTHORIZED, "invalid_timestamp", None),
            Self::SignatureStale => (StatusCode::UNAUTHORIZED, "stale_signature", None),
            Self::SignatureInvalid => (StatusCode::UNAUTHORIZED, "invalid_signature", None),
            Self::SignatureVersion => (StatusCode::UNAUTHORIZED, "signature_version", None),
            Self::HotkeyUnknown => (StatusCode::UNAUTHORIZED, "unknown_hotkey", None),
            Self::UidBlocked => (StatusCode::UNAUTHORIZED, "blocked_uid", None),
            Self::MetagraphUnavailable => (StatusCode::UNAUTHORIZED, "metagraph_unavailable", None),
            Self::AddressTooFast { retry_after }
            | Self::HotkeyTooFast { retry_after }
            | Self::ChallengeTooFast { retry_after } => (
                StatusCode::TOO_MANY_REQUESTS,
                "too_many_requests",
                Some(*retry_after),
            ),
            Self::TooManyAtOnce => (
                StatusCode::TOO_MANY_REQUESTS,
                "too_many_requests",
                Some(OVERLOADED_RETRY),
            ),
            Self::Nonce(error) => nonce_answer(error),
            Self::Call(error) => return call_answer(error),
        };
        Answer {
            status,
            code,
            message: self.to_string(),
            retry_after,
        }
    }
}

fn nonce_answer(error: &NonceError) -> (StatusCode, &'static str, Option<Duration>) {
    match error {
        NonceError::Used => (StatusCode::CONFLICT, "nonce_already_used", None),
        NonceError::Stale => (StatusCode::UNAUTHORIZED, "stale_signature", None),
        NonceError::TooFast { retry_after } => (
            StatusCode::TOO_MANY_REQUESTS,
            "too_many_requests",
            Some(*retry_after),
        ),
        NonceError::Full { retry_after } => {
            (StatusCode::SERVICE_UNAVAILABLE, "overloaded", Some(*retry_after))
        }
        NonceError::Overloaded | NonceError::Unavailable => (
            StatusCode::SERVICE_UNAVAILABLE,
            "overloaded",
            Some(OVERLOADED_RETRY),
        ),
    }
}

/// What a client learns of a failed call: what the challenge said to it, never why it broke.
fn call_answer(error: &CallError) -> Answer {
    let answer = |status, code, message: &str| Answer {
        status,
        code,
        message: message.chars().take(MAX_GUEST_TEXT).collect(),
        retry_after: None,
    };
    let busy = |message, retry_after| Answer {
        retry_after: Some(retry_after),
        ..answer(StatusCode::SERVICE_UNAVAILABLE, "busy", message)
    };
    match error {
        CallError::Guest(GuestError::BadRequest(text)) => {
            answer(StatusCode::BAD_REQUEST, "bad_request", text)
        }
        CallError::Guest(GuestError::Unauthorized(text)) => {
            answer(StatusCode::UNAUTHORIZED, "unauthorized", text)
        }
        CallError::Guest(GuestError::NotFound(text)) => answer(StatusCode::NOT_FOUND, "not_found", text),
        CallError::Guest(GuestError::Busy(text)) => busy(text, OVERLOADED_RETRY),
        CallError::Guest(GuestError::Internal(_)) => answer(
            StatusCode::INTERNAL_SERVER_ERROR,
            "challenge_error",
            "Challenge error",
        ),
        CallError::Busy { retry_after } => busy("Challenge is busy", *retry_after),
        CallError::Starting { retry_after } => Answer {
            retry_after: Some(*retry_after),
            ..answer(
                StatusCode::SERVICE_UNAVAILABLE,
                "starting",
                "Challenge is starting",
            )
        },
        CallError::Suspended { retry_after } => Answer {
            retry_after: Some(*retry_after),
            ..answer(
                StatusCode::SERVICE_UNAVAILABLE,
                "suspended",
                "Challenge is suspended for now",
            )
        },
        CallError::Deadline(_) | CallError::Overdue => answer(
            StatusCode::GATEWAY_TIMEOUT,
            "challenge_timeout",
            "Challenge did not answer in time",
        ),
        CallError::SlowClient(_) => answer(
            StatusCode::REQUEST_TIMEOUT,
            "body_timeout",
            "The body did not arrive in time",
        ),
        CallError::Unsupported => answer(
            StatusCode::NOT_FOUND,
            "challenge_not_found",
            "Challenge not found",
        ),
        CallError::Down(_) | CallError::Failed(_) => answer(
            StatusCode::BAD_GATEWAY,
            "challenge_unavailable",
            "Challenge unavailable",
        ),
    }
}

/// The body of a refusal. `detail` is where clients of the platform before this one look.
#[derive(Serialize)]
struct Told<'a> {
    detail: &'a str,
    error: Error<'a>,
}

#[derive(Serialize)]
struct Error<'a> {
    code: &'static str,
    message: &'a str,
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let Answer {
            status,
            code,
            message,
            retry_after,
        } = self.answer();
        let body = Told {
            detail: &message,
            error: Error {
                code,
                message: &message,
            },
        };
        let mut response = (status, Json(body)).into_response();
        let headers = response.headers_mut();
        if let Some(wait) = retry_after {
            // Rounded up: a client that waits as told must not come too early.
            let seconds = wait
                .as_secs()
                .saturating_add(u64::from(wait.subsec_nanos() > 0))
                .max(1);
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if let Self::MethodNotAllowed { allow } = self
            && let Ok(allow) = HeaderValue::try_from(allow)
        {
            headers.insert(header::ALLOW, allow);
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(refusal: Refusal) -> (u16, Option<String>, String) {
        let message = refusal.answer().message;
        let response = refusal.into_response();
        let retry = response
            .headers()
            .get("retry-after")
            .map(|it| it.to_str().unwrap().to_owned());
        (response.status().as_u16(), retry, message)
    }

    #[test]
    fn a_failed_call_is_answered_by_its_kind_and_tells_nothing_of_the_inside() {
        let secret = "SELECT secret";
        let guest = |error: fn(String) -> GuestError| CallError::Guest(error("say".into()));
        let table = [
            (guest(GuestError::BadRequest), 400, None, "say"),
            (guest(GuestError::Unauthorized), 401, None, "say"),
            (guest(GuestError::NotFound), 404, None, "say"),
            (guest(GuestError::Busy), 503, Some("1"), "say"),
            (
                CallError::Guest(GuestError::Internal(secret.into())),
                500,
                None,
                "Challenge error",
            ),
            (
                CallError::Busy {
                    retry_after: Duration::from_millis(2001),
                },
                503,
                Some("3"),
                "Challenge is busy",
            ),
            (
                CallError::Busy {
                    retry_after: Duration::ZERO,
                },
                503,
                Some("1"),
                "Challenge is busy",
            ),
            (
                CallError::Deadline(Duration::from_secs(5)),
                504,
                None,
                "Challenge did not answer in time",
            ),
            (
                CallError::Starting {
                    retry_after: Duration::from_secs(2),
                },
                503,
                Some("2"),
                "Challenge is starting",
            ),
            (
                CallError::Suspended {
                    retry_after: Duration::from_millis(1500),
                },
                503,
                Some("2"),
                "Challenge is suspended for now",
            ),
            (CallError::Unsupported, 404, None, "Challenge not found"),
            (CallError::Down(secret.into()), 502, None, "Challenge unavailable"),
            (
                CallError::Failed(secret.into()),
                502,
                None,
                "Challenge unavailable",
            ),
        ];
        for (error, status, retry, message) in table {
            let shown = format!("{error:?}");
            let expected = (status, retry.map(str::to_owned), message.to_owned());
            assert_eq!(seen(Refusal::Call(error)), expected, "{shown}");
        }
    }

    #[test]
    fn a_challenges_text_is_cut() {
        let (_, _, message) = seen(Refusal::Call(CallError::Guest(GuestError::BadRequest(
            "é".repeat(100_000),
        ))));
        assert_eq!(message.chars().count(), MAX_GUEST_TEXT);
    }
}
