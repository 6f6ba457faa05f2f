//! A request as it goes out.

use std::time::Duration;

use serde::de::DeserializeOwned;

use super::{HttpError, url::Url};
use crate::encoding;

/// A request as it goes out: what a test's [`answering`](../testing/struct.Harness.html#method.answering) is asked.
#[derive(Clone, Debug)]
pub struct Outgoing {
    pub(super) method: String,
    pub(super) url: String,
    pub(super) headers: Vec<(String, Vec<u8>)>,
    pub(super) body: Vec<u8>,
    pub(super) timeout: Option<Duration>,
}

impl Outgoing {
    /// The method, in upper case.
    pub fn method(&self) -> &str {
        &self.method
    }

    /// The whole URL, as it was given.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The headers in order, names in lower case.
    pub fn headers(&self) -> &[(String, Vec<u8>)] {
        &self.headers
    }

    /// The first header of this name, if it is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        encoding::header(&self.headers, name)
    }

    /// The whole body.
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// The body as JSON.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_slice(&self.body)
    }

    /// How long the server may take, if it was said.
    pub fn timeout(&self) -> Option<Duration> {
        self.timeout
    }

    /// Where it goes. Adds the length of a body that does not say it itself.
    pub(super) fn complete(&mut self) -> Result<Url, HttpError> {
        if !self.body.is_empty() && self.header("content-length").is_none() {
            let length = self.body.len().to_string();
            self.headers.push(("content-length".to_owned(), length.into()));
        }
        Url::parse(&self.url)
    }
}
