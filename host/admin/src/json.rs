//! Reading a JSON body, with a refusal that says where and why.

use axum::{
    body::{self, HttpBody as _},
    extract::{FromRequest, Request},
    http::{StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::error::Category;

use crate::ApiError;

/// A JSON body: read strictly from a request, or written as an answer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Json<T>(pub(crate) T);

/// The largest body: environment and metadata at their own limits, with room for escapes.
const MAX_BODY_BYTES: usize = 512 << 10;

impl<T: DeserializeOwned, S: Sync> FromRequest<S> for Json<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Self, ApiError> {
        let kind = request
            .headers()
            .get(CONTENT_TYPE)
            .and_then(|value| value.to_str().ok());
        if !kind.is_some_and(is_json) {
            return Err(ApiError::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "unsupported_media_type",
                "send the body as application/json",
            ));
        }
        let too_large = || {
            let message = format!("a body has at most {MAX_BODY_BYTES} bytes");
            ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", message)
        };
        if request.body().size_hint().lower() > MAX_BODY_BYTES as u64 {
            return Err(too_large());
        }
        // A connection that breaks has nobody left to read which of the two it was.
        let bytes = body::to_bytes(request.into_body(), MAX_BODY_BYTES)
            .await
            .map_err(|_| too_large())?;
        parse(&bytes).map(Self)
    }
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        axum::Json(self.0).into_response()
    }
}

fn is_json(content_type: &str) -> bool {
    let kind = content_type
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    kind == "application/json" || (kind.starts_with("application/") && kind.ends_with("+json"))
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ApiError> {
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let path = error.path().to_string();
        refused(error.into_inner(), &path)
    })?;
    reader.end().map_err(|error| refused(error, "."))?;
    Ok(value)
}

fn refused(error: serde_json::Error, path: &str) -> ApiError {
    let text = error.to_string();
    if error.classify() != Category::Data {
        let message = format!("the body is not valid JSON: {text}");
        return ApiError::new(StatusCode::BAD_REQUEST, "malformed_json", message);
    }
    // The path says where, better than a line of a body that nobody laid out.
    let reason = text
        .rsplit_once(" at line ")
        .map_or(text.as_str(), |(reason, _)| reason);
    let named = ["missing field `", "unknown field `", "duplicate field `"]
        .into_iter()
        .find_map(|start| reason.strip_prefix(start)?.split('`').next());
    let field = match (path, named) {
        (".", Some(named)) => named.to_owned(),
        (".", None) => String::new(),
        (path, Some(named)) if !path.ends_with(named) => format!("{path}.{named}"),
        (path, _) => path.to_owned(),
    };
    ApiError::invalid_field(field, reason)
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use platform_admin_types::{CreateChallenge, PatchChallenge};

    use super::*;

    #[test]
    fn a_refusal_names_the_field_and_the_reason() {
        for (body, field, word) in [
            ("{}", "slug", "missing"),
            (r#"{"slug":"A!"}"#, "slug", "a-z"),
            (r#"{"slug":7}"#, "slug", "string"),
            (r#"{"slug":"ab","colour":1}"#, "colour", "unknown"),
            (r#"{"slug":"ab","slug":"ab"}"#, "slug", "duplicate"),
            (
                r#"{"slug":"ab","emission_percent":"101"}"#,
                "emission_percent",
                "100",
            ),
            (
                r#"{"slug":"ab","emission_percent":null}"#,
                "emission_percent",
                "decimal",
            ),
            (r#"{"slug":"ab","component":"echo"}"#, "component", "oci:"),
            (r#"{"slug":"ab","env":{"LEVEL":1}}"#, "env.LEVEL", "string"),
            (
                r#"{"slug":"ab","required_capabilities":["get_weights","fly"]}"#,
                "required_capabilities[1]",
                "fly",
            ),
            (
                r#"{"slug":"ab","resources":{"memory":"lots"}}"#,
                "resources",
                "memory",
            ),
            (r#"{"slug":"ab","metadata":[]}"#, "metadata", "map"),
            (r#"{"slug":"ab","name":null}"#, "name", "null"),
            (r#"[]"#, "", "invalid"),
        ] {
            let error = parse::<CreateChallenge>(body.as_bytes()).unwrap_err();
            let (status, detail) = error.parts();
            assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{body}");
            assert_eq!(
                detail.field.as_deref().unwrap_or_default(),
                field,
                "{body}: {detail:?}"
            );
            assert!(
                detail.message.contains(word) && !detail.message.contains("line"),
                "{body}: {detail:?}"
            );
        }
    }

    #[test]
    fn a_body_that_is_not_json_is_malformed() {
        for body in [
            "",
            "{",
            "{]",
            "{}x",
            "nul",
            "{\"name\":\"\u{0}\"}",
            "{\"name\":1e999}",
        ] {
            let error = parse::<PatchChallenge>(body.as_bytes()).unwrap_err();
            assert_eq!(error.parts().0, StatusCode::BAD_REQUEST, "{body}");
        }
        let deep = format!(r#"{{"metadata":{}"#, r#"{"a":"#.repeat(100_000));
        assert_eq!(
            parse::<PatchChallenge>(deep.as_bytes()).unwrap_err().parts().0,
            StatusCode::BAD_REQUEST
        );
        assert_eq!(
            parse::<PatchChallenge>(b"\xff").unwrap_err().parts().0,
            StatusCode::BAD_REQUEST
        );
    }

    async fn read(content_type: Option<&str>, body: String) -> Result<Json<PatchChallenge>, StatusCode> {
        let mut request = Request::builder();
        if let Some(content_type) = content_type {
            request = request.header(CONTENT_TYPE, content_type);
        }
        let request = request.body(Body::from(body)).unwrap();
        Json::from_request(request, &())
            .await
            .map_err(|error| error.parts().0)
    }

    #[tokio::test]
    async fn kind_and_size_of_the_body_are_checked_before_it_is_read() {
        for good in [
            "application/json",
            "Application/JSON; charset=utf-8",
            "application/merge-patch+json",
        ] {
            assert!(read(Some(good), "{}".into()).await.is_ok(), "{good}");
        }
        for bad in [
            None,
            Some("text/plain"),
            Some("application/x-www-form-urlencoded"),
            Some("text/json"),
        ] {
            assert_eq!(
                read(bad, "{}".into()).await.unwrap_err(),
                StatusCode::UNSUPPORTED_MEDIA_TYPE
            );
        }
        let padded = |size: usize| format!("{{}}{}", " ".repeat(size - 2));
        assert!(
            read(Some("application/json"), padded(MAX_BODY_BYTES))
                .await
                .is_ok()
        );
        let large = read(Some("application/json"), padded(MAX_BODY_BYTES + 1)).await;
        assert_eq!(large.unwrap_err(), StatusCode::PAYLOAD_TOO_LARGE);
    }
}
