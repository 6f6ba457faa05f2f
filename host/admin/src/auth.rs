//! The operator's token, checked before anything else is looked at.

use axum::{
    extract::{Request, State},
    http::{HeaderMap, header::AUTHORIZATION},
    middleware::Next,
    response::Response,
};
use platform_domain::{PlainToken, TokenHash};

use crate::ApiError;

/// What the original platform's tools send.
const X_ADMIN_TOKEN: &str = "x-admin-token";

/// Lets a request pass that carries the token in either header.
pub(crate) async fn require(
    State(expected): State<TokenHash>,
    request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    if offered(request.headers()).any(|token| expected.verifies(&token)) {
        Ok(next.run(request).await)
    } else {
        Err(ApiError::unauthorized())
    }
}

fn offered(headers: &HeaderMap) -> impl Iterator<Item = PlainToken> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let bearer = text(AUTHORIZATION.as_str()).and_then(|value| {
        let (scheme, token) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then_some(token)
    });
    [bearer, text(X_ADMIN_TOKEN)]
        .into_iter()
        .flatten()
        .map(PlainToken::from_text)
}
