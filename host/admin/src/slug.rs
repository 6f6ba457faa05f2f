//! The slug in a path: one that cannot exist is not found, like one that does not.

use axum::{
    extract::{FromRequestParts, Path},
    http::request::Parts,
};
use platform_domain::Slug;

use crate::ApiError;

/// The challenge that a path names.
pub(crate) struct SlugPath(pub(crate) Slug);

/// An invalid slug is shown back up to here.
const SHOWN: usize = 80;

impl<S: Send + Sync> FromRequestParts<S> for SlugPath {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let text = Path::<String>::from_request_parts(parts, state)
            .await
            .map(|Path(text)| text);
        parse(&text.unwrap_or_default()).map(Self)
    }
}

/// A slug, or the answer to who names none.
pub(crate) fn parse(text: &str) -> Result<Slug, ApiError> {
    text.parse().map_err(|_| {
        let shown: String = text.chars().filter(|c| !c.is_control()).take(SHOWN).collect();
        ApiError::no_such_challenge(&shown)
    })
}
