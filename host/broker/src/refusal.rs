//! Values that a field of the original has and no job may have.

use axum::http::StatusCode;

use crate::BrokerError;

/// The field is not there, or has one of these values.
pub(crate) fn only(field: &str, value: Option<&str>, allowed: &[&str]) -> Result<(), BrokerError> {
    match value {
        Some(value) if !allowed.contains(&value) => {
            let allowed: Vec<String> = allowed.iter().map(|value| format!("{value:?}")).collect();
            Err(BrokerError::refused(format!(
                "{field} can only be {}",
                allowed.join(" or ")
            )))
        }
        _ => Ok(()),
    }
}

impl BrokerError {
    /// As newer versions of the original have it.
    pub(crate) fn privileged() -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "privileged",
            "privileged containers are not allowed",
        )
    }
}
