//! Small answers that the host itself asks for.

use bytes::{Bytes, BytesMut};
use http::StatusCode;
use http_body::Body as _;
use http_body_util::BodyExt as _;
use platform_domain::Request;
use tokio::time::Instant;

use crate::{client::Upstream, error::UpstreamError, exchange::Patience, request, sending::Outgoing};

impl Upstream {
    /// The whole body of the answer to `GET path`, of which only status 200 and at most so many bytes count. `path` may have a
    /// query. Waits until the deadline instead of the times that clients' requests have, and takes no place from them.
    pub async fn get_json(
        &self,
        path: &str,
        headers: Vec<(String, Bytes)>,
        most_bytes: usize,
        deadline: Instant,
    ) -> Result<Bytes, UpstreamError> {
        let inner = self.inner();
        let (path, query) = match path.split_once('?') {
            Some((path, query)) => (path, Some(query.to_owned())),
            None => (path, None),
        };
        let request = Request {
            id: String::new(),
            method: "GET".to_owned(),
            path: path.to_owned(),
            query,
            headers,
            body: Outgoing::empty(),
            caller: None,
        };
        let request = request::to_http(&inner.authority, request)?;
        let left = deadline.saturating_duration_since(Instant::now());
        let patience = Patience {
            head: left,
            idle: left,
            whole: left,
        };
        let answer = inner.answer(request, None, patience).await?;
        if answer.status != StatusCode::OK.as_u16() {
            return Err(UpstreamError::Status(answer.status));
        }
        let mut body = answer.body;
        let announced = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
        if announced > most_bytes {
            return Err(UpstreamError::AnswerTooLarge(most_bytes));
        }
        let mut whole = BytesMut::new();
        while let Some(frame) = body.frame().await {
            let Ok(data) = frame?.into_data() else { continue };
            if whole.len().saturating_add(data.len()) > most_bytes {
                return Err(UpstreamError::AnswerTooLarge(most_bytes));
            }
            whole.extend_from_slice(&data);
        }
        Ok(whole.freeze())
    }
}
