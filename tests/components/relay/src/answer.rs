//! An answer that is written step by step.

use wasip2::{
    http::types::{Fields, OutgoingBody, OutgoingResponse, ResponseOutparam},
    io::streams::OutputStream,
};

/// What the host takes of a body at once.
pub const PIECE: usize = 4096;

pub struct Answer {
    // A child of the body, so it goes first.
    stream: Option<OutputStream>,
    body: OutgoingBody,
    open: bool,
}

impl Answer {
    /// The head: a status, and so many headers besides the usual one.
    pub fn begin(out: ResponseOutparam, status: u16, headers: usize) -> Self {
        let mut fields = vec![("content-type".to_owned(), b"text/plain".to_vec())];
        fields.extend((0..headers).map(|number| (format!("x-{number}"), b"v".to_vec())));
        let fields = Fields::from_list(&fields).expect("legal headers");
        let response = OutgoingResponse::new(fields);
        response.set_status_code(status).expect("a legal status");
        let body = response.body().expect("taken once");
        ResponseOutparam::set(out, Ok(response));
        let stream = body.write().expect("taken once");
        Self { stream: Some(stream), body, open: true }
    }

    /// One piece after the other, each sent before the next.
    pub fn write(&mut self, bytes: &[u8]) {
        for piece in bytes.chunks(PIECE) {
            let stream = self.stream.as_ref().expect("until the end");
            self.open = self.open && stream.blocking_write_and_flush(piece).is_ok();
        }
    }

    /// Whether anybody still reads.
    pub fn is_open(&self) -> bool {
        self.open
    }

    pub fn all(mut self, bytes: &[u8]) {
        self.write(bytes);
        self.finish();
    }

    pub fn finish(mut self) {
        drop(self.stream.take());
        let finished = OutgoingBody::finish(self.body, None);
        assert!(finished.is_ok() || !self.open, "as long as announced");
    }

    /// Neither finished nor given up.
    pub fn forget(self) {
        std::mem::forget(self);
    }
}
