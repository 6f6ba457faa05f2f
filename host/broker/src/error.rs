//! Every refusal of the broker, and the one place where it becomes HTTP: the original's `detail`, and beside it a word for programs.

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use platform_domain::with_causes;
use platform_jobs::{JobError, NotAdmitted};
use serde_json::json;
use std::time::Duration;

use crate::limits::{AGAIN, MESSAGE};

/// An answer that is not a success.
#[derive(Debug)]
pub(crate) struct BrokerError {
    status: StatusCode,
    code: &'static str,
    message: String,
    retry_after: Option<Duration>,
}

impl BrokerError {
    pub(crate) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        let mut message = message.into();
        if let Some((end, _)) = message.char_indices().nth(MESSAGE) {
            // What is wrong with a body may be shown as a whole, with all its megabytes.
            message.truncate(end);
        }
        Self {
            status,
            code,
            message,
            retry_after: None,
        }
    }

    pub(crate) fn no_slug() -> Self {
        Self::new(StatusCode::BAD_REQUEST, "missing_slug", "missing challenge slug")
    }

    pub(crate) fn unknown() -> Self {
        NotAdmitted::Unknown.into()
    }

    pub(crate) fn no_such_path() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", "Not Found")
    }

    pub(crate) fn method_not_allowed() -> Self {
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "method_not_allowed",
            "Method Not Allowed",
        )
    }

    pub(crate) fn too_large(most: usize) -> Self {
        let message = format!("the body has more than {most} bytes, or broke off");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", message)
    }

    pub(crate) fn slow_body() -> Self {
        Self::new(
            StatusCode::REQUEST_TIMEOUT,
            "body_timeout",
            "the body took too long",
        )
    }

    pub(crate) fn still_reading() -> Self {
        let message = "another body of this challenge is being read";
        Self::new(StatusCode::TOO_MANY_REQUESTS, "busy", message).later(AGAIN)
    }

    /// Not JSON, or not what this route takes.
    pub(crate) fn malformed(error: &serde_json::Error) -> Self {
        Self::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "invalid_body",
            error.to_string(),
        )
    }

    /// What no job may have.
    pub(crate) fn refused(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "refused", message)
    }

    fn later(mut self, retry_after: Duration) -> Self {
        self.retry_after = Some(retry_after);
        self
    }

    /// The story is for the operator.
    fn internal(story: &(dyn std::error::Error + 'static)) -> Self {
        tracing::error!(error = %with_causes(story), "A request to the broker failed");
        let message = "the host failed; its log says why";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", message)
    }
}

impl From<NotAdmitted> for BrokerError {
    fn from(error: NotAdmitted) -> Self {
        let (status, code) = match &error {
            NotAdmitted::Unknown => (StatusCode::UNAUTHORIZED, "unknown_challenge"),
            NotAdmitted::Token => (StatusCode::UNAUTHORIZED, "unauthorized"),
            NotAdmitted::Capability => (StatusCode::FORBIDDEN, "not_granted"),
            NotAdmitted::NotActive => (StatusCode::FORBIDDEN, "not_active"),
            NotAdmitted::Store(source) => return Self::internal(source),
        };
        Self::new(status, code, error.to_string())
    }
}

impl From<JobError> for BrokerError {
    fn from(error: JobError) -> Self {
        let (status, code) = match &error {
            JobError::Refused(refused) => {
                return Self::new(StatusCode::BAD_REQUEST, "refused", with_causes(refused));
            }
            JobError::Busy { retry_after, .. } => {
                let busy = Self::new(
                    StatusCode::TOO_MANY_REQUESTS,
                    "docker_quota_exceeded",
                    error.to_string(),
                );
                return busy.later(*retry_after);
            }
            JobError::Conflict(_) => (StatusCode::CONFLICT, "conflict"),
            JobError::NotFound => (StatusCode::NOT_FOUND, "not_found"),
            JobError::NoChallenge(_) => return Self::unknown(),
            JobError::Failed(_) => (StatusCode::BAD_GATEWAY, "failed"),
            JobError::Cancelled => (StatusCode::CONFLICT, "cancelled"),
            JobError::Lost => (StatusCode::GONE, "lost"),
            JobError::Stopping => (StatusCode::SERVICE_UNAVAILABLE, "stopping"),
            JobError::Store(source) => return Self::internal(source),
        };
        Self::new(status, code, error.to_string())
    }
}

impl IntoResponse for BrokerError {
    fn into_response(self) -> Response {
        let Self {
            status,
            code,
            message,
            retry_after,
        } = self;
        let body = json!({ "detail": message, "error": { "code": code, "message": message } });
        let mut response = (status, Json(body)).into_response();
        if status == StatusCode::UNAUTHORIZED {
            let bearer = HeaderValue::from_static("Bearer");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, bearer);
        }
        if let Some(after) = retry_after {
            let seconds = HeaderValue::from(after.as_secs().max(1));
            response.headers_mut().insert(header::RETRY_AFTER, seconds);
        }
        response
    }
}
