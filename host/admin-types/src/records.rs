//! Answers that go on: a record of JSON on each line, for as long as there is something to tell.

use std::{marker::PhantomData, time::Duration};

use bytes::{Bytes, BytesMut};
use http::StatusCode;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use serde::de::DeserializeOwned;

use crate::ClientError;

/// Records as they come.
#[derive(Debug)]
pub struct RecordStream<T> {
    body: Incoming,
    /// Read and not yet taken apart.
    buffer: BytesMut,
    address: String,
    records: PhantomData<fn() -> T>,
}

/// Who hears nothing for so long has lost the host.
const LONGEST_SILENCE: Duration = Duration::from_secs(60);
/// Far above the longest line of a log with all of its characters escaped.
const MAX_RECORD: usize = 1 << 20;

impl<T: DeserializeOwned> RecordStream<T> {
    pub(crate) fn new((body, address): (Incoming, String)) -> Self {
        Self {
            body,
            buffer: BytesMut::new(),
            address,
            records: PhantomData,
        }
    }

    /// The next record, as soon as there is one; `None` when there are no more, because the host stops for instance.
    pub async fn next(&mut self) -> Result<Option<T>, ClientError> {
        let foreign = || ClientError::Foreign {
            status: StatusCode::OK,
        };
        loop {
            match self.line() {
                Some(line) if line.trim_ascii().is_empty() => {}
                Some(line) => return serde_json::from_slice(&line).map(Some).map_err(|_| foreign()),
                None if self.buffer.len() > MAX_RECORD => return Err(foreign()),
                None => match self.read().await? {
                    Some(bytes) => self.buffer.extend_from_slice(&bytes),
                    None => return Ok(None),
                },
            }
        }
    }

    /// The host hung up where it should have gone on.
    pub(crate) fn lost(&self, why: &'static str) -> ClientError {
        ClientError::Unreachable {
            address: self.address.clone(),
            source: why.into(),
        }
    }

    /// Takes a whole line from what was read.
    fn line(&mut self) -> Option<BytesMut> {
        let end = self.buffer.iter().position(|byte| *byte == b'\n')?;
        Some(self.buffer.split_to(end + 1))
    }

    async fn read(&mut self) -> Result<Option<Bytes>, ClientError> {
        match tokio::time::timeout(LONGEST_SILENCE, self.body.frame()).await {
            Err(_) => Err(self.lost("it has said nothing for a minute")),
            Ok(Some(Err(error))) => Err(ClientError::Unreachable {
                address: self.address.clone(),
                source: error.into(),
            }),
            Ok(Some(Ok(frame))) => Ok(Some(frame.into_data().unwrap_or_default())),
            Ok(None) => Ok(None),
        }
    }
}
