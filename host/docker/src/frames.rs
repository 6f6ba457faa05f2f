//! How an engine sends both outputs of a container over one connection: pieces, each with a head of eight bytes that says which
//! output and how long. The library's reader holds a piece of any length in memory; this one passes on what has arrived.

use bytes::{Buf as _, Bytes, BytesMut};
use futures_util::StreamExt as _;
use http_body_util::BodyDataStream;
use hyper::body::Incoming;

const HEAD: usize = 8;

/// Which output of a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output {
    /// What it writes to its standard output.
    Stdout,
    /// What it writes to its standard error.
    Stderr,
}

/// Something of one frame.
#[derive(Debug)]
pub(crate) struct Piece {
    pub(crate) output: Output,
    pub(crate) bytes: Bytes,
    /// Whether the frame ends with it.
    pub(crate) last: bool,
}

/// The frames of one answer.
pub(crate) struct Frames {
    body: BodyDataStream<Incoming>,
    decoder: Decoder,
}

/// Makes pieces of whatever has arrived.
#[derive(Default)]
pub(crate) struct Decoder {
    /// What is put in, behind what is there.
    pub(crate) buffered: BytesMut,
    /// The output of the current frame, and how much of it is still to come.
    current: Option<(Output, usize)>,
}

/// An engine that frames differently.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the engine sends outputs of a container in a form that is not known")]
pub(crate) struct BadFrame;

impl Frames {
    pub(crate) fn new(body: Incoming) -> Self {
        Self {
            body: BodyDataStream::new(body),
            decoder: Decoder::default(),
        }
    }

    /// The next piece; `None` at the end. Can be dropped while it waits, and asked again.
    pub(crate) async fn next(&mut self) -> Result<Option<Piece>, crate::BoxError> {
        loop {
            if let Some(piece) = self.decoder.piece()? {
                return Ok(Some(piece));
            }
            match self.body.next().await {
                Some(more) => self.decoder.buffered.extend_from_slice(&more?),
                None => return Ok(None),
            }
        }
    }
}

impl Decoder {
    /// The next piece, if there is one.
    pub(crate) fn piece(&mut self) -> Result<Option<Piece>, BadFrame> {
        let (output, left) = match self.current {
            Some(current) => current,
            None => match self.head()? {
                Some(current) => current,
                None => return Ok(None),
            },
        };
        let have = left.min(self.buffered.len());
        if have == 0 && left > 0 {
            self.current = Some((output, left));
            return Ok(None);
        }
        let bytes = self.buffered.split_to(have).freeze();
        let left = left.saturating_sub(have);
        self.current = (left > 0).then_some((output, left));
        let last = left == 0;
        Ok(Some(Piece { output, bytes, last }))
    }

    /// Whether nothing is under way, so that it may end here.
    pub(crate) fn is_between(&self) -> bool {
        self.current.is_none() && self.buffered.is_empty()
    }

    fn head(&mut self) -> Result<Option<(Output, usize)>, BadFrame> {
        let Some(head) = self.buffered.first_chunk::<HEAD>() else {
            return Ok(None);
        };
        let [kind, 0, 0, 0, a, b, c, d] = *head else {
            return Err(BadFrame);
        };
        let output = match kind {
            1 => Output::Stdout,
            2 => Output::Stderr,
            _ => return Err(BadFrame),
        };
        self.buffered.advance(HEAD);
        let length = usize::try_from(u32::from_be_bytes([a, b, c, d])).map_err(|_| BadFrame)?;
        Ok(Some((output, length)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(chunks: &[&[u8]]) -> Result<Vec<(Output, Vec<u8>, bool)>, BadFrame> {
        let mut decoder = Decoder::default();
        let mut all = Vec::new();
        for chunk in chunks {
            decoder.buffered.extend_from_slice(chunk);
            while let Some(piece) = decoder.piece()? {
                all.push((piece.output, piece.bytes.to_vec(), piece.last));
            }
        }
        Ok(all)
    }

    #[test]
    fn pieces_come_through_however_they_were_cut() {
        let whole = b"\x01\0\0\0\0\0\0\x03abc\x02\0\0\0\0\0\0\0\x02\0\0\0\0\0\0\x02de";
        let expected = [
            (Output::Stdout, &b"abc"[..]),
            (Output::Stderr, b""),
            (Output::Stderr, b"de"),
        ];
        for cut in 0..whole.len() {
            let (one, other) = whole.split_at(cut);
            let mut joined: Vec<(Output, Vec<u8>)> = Vec::new();
            let mut open = false;
            for (output, bytes, last) in all(&[one, other]).unwrap() {
                match joined.last_mut().filter(|_| open) {
                    Some((_, text)) => text.extend(bytes),
                    None => joined.push((output, bytes)),
                }
                open = !last;
            }
            let joined: Vec<_> = joined
                .iter()
                .map(|(output, text)| (*output, text.as_slice()))
                .collect();
            assert_eq!(joined, expected, "{cut}");
        }
    }

    #[test]
    fn a_frame_of_four_gigabytes_is_passed_on_as_it_comes() {
        let pieces = all(&[b"\x01\0\0\0\xff\xff\xff\xffabc", b"def"]).unwrap();
        assert_eq!(pieces.len(), 2);
        assert!(pieces.iter().all(|(_, _, last)| !last));
    }

    #[test]
    fn what_is_no_frame_is_an_error() {
        for bad in [
            &b"plain text"[..],
            b"\0\0\0\0\0\0\0\0",
            b"\x03\0\0\0\0\0\0\x01a",
            b"\x01\0\0\x01\0\0\0\x01a",
        ] {
            assert!(all(&[bad]).is_err(), "{bad:?}");
        }
    }
}
