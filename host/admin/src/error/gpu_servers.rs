//! Refusals about GPU servers, and what is said of engines that cannot be used.

use axum::http::StatusCode;
use platform_domain::with_causes;
use platform_registry::{EngineError, FleetError, GpuServerError};

use super::{ApiError, not_opened};

const CERTIFICATES: &str = "give three files in PEM that belong together: --tls-ca, --tls-cert and --tls-key; docs/operators/gpu.md makes some";

impl From<GpuServerError> for ApiError {
    fn from(error: GpuServerError) -> Self {
        let conflict = |code| Self::new(StatusCode::CONFLICT, code, error.to_string());
        match &error {
            GpuServerError::NotFound(id) => Self::no_such_gpu_server(id.as_str()),
            GpuServerError::Exists(_) => {
                conflict("already_exists").hint("`platform gpu-server set` changes it")
            }
            GpuServerError::TooMany => conflict("too_many").hint("remove one that is not used any more"),
            GpuServerError::Field(field) => {
                let refused = Self::invalid_field(&field.field, &field.reason);
                match field.field.starts_with("tls") {
                    true => refused.hint(CERTIFICATES),
                    false => refused,
                }
            }
            GpuServerError::InUse { field: None, .. } => conflict("in_use").hint(
                "disable the server so that nothing new comes, and deactivate those challenges or move them; \
                 if the server is gone, ask for its health first, so that what it held expires",
            ),
            GpuServerError::InUse {
                field: Some(field), ..
            } => conflict("in_use")
                .at(*field)
                .hint("deactivate those challenges first, or register what has changed as another server"),
            GpuServerError::Secret(source) => not_opened(source),
            GpuServerError::Store(_) => Self::internal(&error),
        }
    }
}

impl ApiError {
    pub(crate) fn no_such_gpu_server(id: &str) -> Self {
        let message = format!("GPU server '{id}' not found");
        Self::new(StatusCode::NOT_FOUND, "not_found", message)
            .hint("`platform gpu-server list` shows which there are")
    }
}

/// An engine that was asked something, and not for what a challenge is.
pub(super) fn engine_failed(error: &FleetError) -> ApiError {
    if let FleetError::Store(_) = error {
        return ApiError::internal(error);
    }
    let (status, code) = match error {
        FleetError::NoEngine | FleetError::NoServer(_) | FleetError::NoPlace(_) => {
            (StatusCode::CONFLICT, "no_place")
        }
        error if error.is_absence() => (StatusCode::SERVICE_UNAVAILABLE, "engine_absent"),
        _ => (StatusCode::BAD_GATEWAY, "engine_failed"),
    };
    let (message, hint) = absent(error);
    ApiError::new(status, code, message).hint(hint)
}

/// Why an engine cannot be used, and what a person can do.
pub(crate) fn absent(error: &FleetError) -> (String, &'static str) {
    let hint = match error {
        FleetError::NoCertificates(_) | FleetError::Certificates(_) => {
            "put the host's key file back, or set the certificates again: `platform gpu-server set ID --tls-ca FILE --tls-cert FILE --tls-key FILE`"
        }
        FleetError::Key(_) => {
            "put the host's key file back (secrets.key_file), for the host's user alone; if it is lost, remove what else was sealed with it and set the certificates again"
        }
        FleetError::Engine(EngineError::Absent { .. } | EngineError::Timeout(_)) => {
            "look whether Docker runs on the server and listens there, and whether a firewall is between; with tcp://, whether its certificate is for this name and of the authority that was set; with ssh://, whether `ssh USER@HOST docker version` works for the host's user"
        }
        FleetError::Engine(EngineError::Protocol(_)) => {
            "look what listens there: it is no Docker engine of version 20.10 or newer"
        }
        FleetError::OnAnotherMachine => "ask the engine of that machine: `docker stats`",
        FleetError::Engine(_) => "look into the log of Docker on the server",
        FleetError::Store(_) => {
            let _logged = ApiError::internal(error);
            return (
                "the host failed; its log says why".to_owned(),
                "look into the host's log",
            );
        }
        // The rest is about containers, which nobody has asked for.
        _ => "look at the server's record, and set its endpoint again",
    };
    (with_causes(error), hint)
}
