//! The answer of a server.

use std::io;

use serde::de::DeserializeOwned;

use super::{HttpError, border};
use crate::encoding;

/// Bytes that [`Response::text`] and [`Response::json`] take.
pub const MAX_TEXT_BYTES: usize = 8 << 20;

/// What is asked of the host at once.
const PIECE: usize = 64 << 10;

/// The answer of a server: its head, and a body that still comes. To [read](io::Read) it step by step costs no memory; an
/// answer that is dropped ends the exchange.
#[derive(Debug)]
pub struct Response {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, Vec<u8>)>,
    pub(super) body: border::Body,
}

impl Response {
    /// The HTTP status. One that says that something is wrong is no error.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// The headers in order, names in lower case.
    pub fn headers(&self) -> &[(String, Vec<u8>)] {
        &self.headers
    }

    /// The first header of this name, if it is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        encoding::header(&self.headers, name)
    }

    /// The whole body, when it has at most so many bytes.
    pub fn body(mut self, most: usize) -> Result<Vec<u8>, HttpError> {
        let mut all = Vec::new();
        loop {
            let piece = self.body.read(PIECE)?;
            if piece.is_empty() {
                return Ok(all);
            }
            if piece.len() > most - all.len() {
                return Err(HttpError::TooLarge(format!(
                    "the body has more than {most} bytes"
                )));
            }
            all.extend(piece);
        }
    }

    /// The whole body as text, of at most [`MAX_TEXT_BYTES`].
    pub fn text(self) -> Result<String, HttpError> {
        let body = self.body(MAX_TEXT_BYTES)?;
        String::from_utf8(body).map_err(|_| HttpError::Content("it is not UTF-8".to_owned()))
    }

    /// The whole body as JSON, of at most [`MAX_TEXT_BYTES`]. The content type is not looked at.
    pub fn json<T: DeserializeOwned>(self) -> Result<T, HttpError> {
        let body = self.body(MAX_TEXT_BYTES)?;
        serde_json::from_slice(&body).map_err(|error| HttpError::Content(error.to_string()))
    }
}

/// With [`io::copy`] a body goes into a [blob](crate::blobs::Upload) or a file, piece by piece.
impl io::Read for Response {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if into.is_empty() {
            return Ok(0);
        }
        let piece = self.body.read(into.len().min(PIECE))?;
        let (filled, _) = into.split_at_mut(piece.len());
        filled.copy_from_slice(&piece);
        Ok(piece.len())
    }
}
