//! A request that is being put together.

use std::time::Duration;

use serde::Serialize;

use super::{HttpError, Outgoing, Response, border};

/// A request that is being put together. What is wrong with it is told when it is sent.
#[derive(Debug)]
#[must_use = "it is not sent yet"]
pub struct Request {
    client: border::Client,
    outgoing: Outgoing,
    failed: Option<HttpError>,
}

impl Request {
    pub(super) fn new(client: border::Client, method: &str, url: String) -> Self {
        let outgoing = Outgoing {
            method: method.to_ascii_uppercase(),
            url,
            headers: Vec::new(),
            body: Vec::new(),
            timeout: None,
        };
        Self {
            client,
            outgoing,
            failed: None,
        }
    }

    /// With one more header. The host sets `Host` itself, and takes none that is for one hop.
    pub fn header(mut self, name: &str, value: impl Into<Vec<u8>>) -> Self {
        let header = (name.to_ascii_lowercase(), value.into());
        self.outgoing.headers.push(header);
        self
    }

    /// With this body.
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.outgoing.body = body.into();
        self
    }

    /// With this value as a JSON body.
    pub fn json(self, value: &(impl Serialize + ?Sized)) -> Self {
        match serde_json::to_vec(value) {
            Ok(body) => self.header("content-type", "application/json").body(body),
            Err(error) => Self {
                failed: Some(HttpError::Invalid(format!("the body: {error}"))),
                ..self
            },
        }
    }

    /// Waits at most so long for the connection, for the head of the answer, and for each next piece of its body; less where
    /// the operator's limits are lower.
    pub fn timeout(mut self, time: Duration) -> Self {
        self.outgoing.timeout = Some(time);
        self
    }

    /// Sends it, and waits for the head of the answer.
    pub fn send(self) -> Result<Response, HttpError> {
        match self.failed {
            Some(error) => Err(error),
            None => self.client.send(self.outgoing),
        }
    }
}
