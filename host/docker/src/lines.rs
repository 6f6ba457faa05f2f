//! JSON, one object in each line, for as long as an engine has something to say. The library parses an unfinished line anew with
//! every piece that comes; here a line is parsed once, when it is there, and has a length.

use bytes::BytesMut;
use futures_util::StreamExt as _;
use http_body_util::BodyDataStream;
use hyper::body::Incoming;
use serde::de::DeserializeOwned;

use crate::{Engine, EngineError, limits::TOLD_LINE};

/// The lines of one answer.
pub(crate) struct Lines {
    body: BodyDataStream<Incoming>,
    buffered: BytesMut,
    /// Up to where no end of a line was found.
    searched: usize,
}

impl Lines {
    pub(crate) fn new(body: Incoming) -> Self {
        Self {
            body: BodyDataStream::new(body),
            buffered: BytesMut::new(),
            searched: 0,
        }
    }

    /// The next one; `None` at the end. Can be dropped while it waits, and asked again.
    pub(crate) async fn next<T: DeserializeOwned>(
        &mut self,
        engine: &Engine,
    ) -> Result<Option<T>, EngineError> {
        loop {
            let rest = self.buffered.get(self.searched..).unwrap_or_default();
            if let Some(at) = rest.iter().position(|c| *c == b'\n') {
                let line = self.buffered.split_to(self.searched + at + 1);
                self.searched = 0;
                if line.trim_ascii().is_empty() {
                    continue;
                }
                return serde_json::from_slice(&line)
                    .map(Some)
                    .map_err(EngineError::protocol);
            }
            self.searched = self.buffered.len();
            if self.searched > TOLD_LINE {
                return Err(EngineError::protocol("a line has no end"));
            }
            match self.body.next().await {
                Some(Ok(more)) => self.buffered.extend_from_slice(&more),
                Some(Err(error)) => return Err(engine.failed(error)),
                None => return Ok(None),
            }
        }
    }
}
