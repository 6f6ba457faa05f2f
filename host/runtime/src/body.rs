//! The body of an answer, whoever gives it.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use platform_upstream::UpstreamBody;

use crate::{CallError, container};

/// What a challenge says after the head of its answer, piece by piece.
pub enum ResponseBody {
    /// Of a component.
    Wasm(platform_wasm::ResponseBody),
    /// Of a container.
    Container(UpstreamBody),
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = CallError;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, CallError>>> {
        match self.get_mut() {
            Self::Wasm(body) => Pin::new(body)
                .poll_frame(context)
                .map(|frame| frame.map(|frame| frame.map_err(CallError::from))),
            Self::Container(body) => Pin::new(body)
                .poll_frame(context)
                .map(|frame| frame.map(|frame| frame.map_err(container::failed))),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Wasm(body) => body.is_end_stream(),
            Self::Container(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Wasm(body) => body.size_hint(),
            Self::Container(body) => body.size_hint(),
        }
    }
}
