//! Answers that break off: what was said before is sent first.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use http_body::{Body, Frame, SizeHint};

/// A body whose error comes one look later than it happened. At an error the library ends the connection at once, with
/// what it has not sent yet, the head of the answer among it; a client that hears nothing at all takes the request for
/// one that was never looked at, and may send it again. Whoever has to wait for a body sends what there is.
pub(crate) struct AfterAllElse<B: Body> {
    body: B,
    error: Option<B::Error>,
}

impl<B: Body> AfterAllElse<B> {
    pub(crate) fn new(body: B) -> Self {
        Self { body, error: None }
    }
}

impl<B> Body for AfterAllElse<B>
where
    B: Body + Unpin,
    B::Error: Unpin,
{
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        if let Some(error) = self.error.take() {
            return Poll::Ready(Some(Err(error)));
        }
        match Pin::new(&mut self.body).poll_frame(context) {
            Poll::Ready(Some(Err(error))) => {
                self.error = Some(error);
                context.waker().wake_by_ref();
                Poll::Pending
            }
            polled => polled,
        }
    }

    fn is_end_stream(&self) -> bool {
        self.error.is_none() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use std::{convert::Infallible, io};

    use bytes::Bytes;
    use futures_util::stream;
    use http::Response;
    use http_body_util::StreamBody;
    use hyper::{server::conn::http1, service::service_fn};
    use hyper_util::rt::TokioIo;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};

    use super::*;

    /// What a client hears of an answer of these pieces that breaks off after them.
    async fn heard(pieces: &'static [&'static str]) -> String {
        const ROOM: usize = 1 << 16;
        let (mut client, host) = duplex(ROOM);
        let answer = service_fn(async move |_| {
            let pieces = pieces
                .iter()
                .map(|piece| Ok(Frame::data(Bytes::from_static(piece.as_bytes()))));
            let broken = [Err(io::Error::other("it broke"))];
            let body = StreamBody::new(stream::iter(pieces.chain(broken)));
            Ok::<_, Infallible>(Response::new(AfterAllElse::new(body)))
        });
        let serving = http1::Builder::new().serve_connection(TokioIo::new(host), answer);
        let asking = async {
            client
                .write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
                .await
                .unwrap();
            let mut heard = String::new();
            client.read_to_string(&mut heard).await.unwrap();
            heard
        };
        let (served, heard) = tokio::join!(serving, asking);
        assert!(served.is_err(), "the connection ends");
        heard
    }

    #[tokio::test]
    async fn what_was_said_before_an_answer_broke_off_arrives() {
        let told = heard(&[]).await;
        assert!(
            told.starts_with("HTTP/1.1 200 OK\r\n") && told.ends_with("\r\n\r\n"),
            "{told}"
        );
        let told = heard(&["one", "two"]).await;
        assert!(told.ends_with("\r\n\r\n3\r\none\r\n3\r\ntwo\r\n"), "{told}");
    }
}
