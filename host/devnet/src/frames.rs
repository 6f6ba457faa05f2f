//! Counting what a client asks: the messages in its stream of WebSocket frames (RFC 6455, sections 4 and 5).

/// What a client has sent so far, from the first byte of its connection on. Plain HTTP is not counted.
#[derive(Default)]
pub(crate) struct Requests {
    part: Part,
    count: u32,
}

/// What the next byte belongs to.
#[derive(Default)]
enum Part {
    #[default]
    Nothing,
    /// No WebSocket.
    Plain,
    /// The request that asks for the upgrade; so many bytes of the empty line after it are there.
    Handshake(usize),
    /// A frame's header, as far as it is there.
    Header(Vec<u8>),
    /// A frame's content: bytes left.
    Content(u64),
}

const HEAD_END: &[u8] = b"\r\n\r\n";
const OPCODE: u8 = 0b0000_1111;
/// The opcodes that begin a message; others continue one, or control the connection.
const TEXT: u8 = 1;
const BINARY: u8 = 2;

impl Requests {
    /// Reads on. The position at which the first message beyond the limit begins, if it is in these bytes.
    pub(crate) fn beyond(&mut self, bytes: &[u8], limit: Option<u32>) -> Option<usize> {
        for (position, byte) in bytes.iter().enumerate() {
            if self.begins_message(*byte) {
                self.count = self.count.saturating_add(1);
                if limit.is_some_and(|limit| self.count > limit) {
                    return Some(position);
                }
            }
            self.step(*byte);
        }
        None
    }

    /// The opcode is in a header's first byte, so a message is known before any of it is passed on.
    fn begins_message(&self, byte: u8) -> bool {
        matches!(&self.part, Part::Header(header) if header.is_empty())
            && matches!(byte & OPCODE, TEXT | BINARY)
    }

    fn step(&mut self, byte: u8) {
        match &mut self.part {
            Part::Nothing if byte == b'G' => self.part = Part::Handshake(0),
            Part::Nothing => self.part = Part::Plain,
            Part::Plain => {}
            Part::Handshake(matched) => {
                *matched = match HEAD_END.get(*matched) {
                    Some(expected) if *expected == byte => matched.saturating_add(1),
                    _ => usize::from(HEAD_END.first() == Some(&byte)),
                };
                if *matched == HEAD_END.len() {
                    self.part = Part::Header(Vec::new());
                }
            }
            Part::Header(header) => {
                header.push(byte);
                if let Some(length) = content_length(header) {
                    self.part = match length {
                        0 => Part::Header(Vec::new()),
                        length => Part::Content(length),
                    };
                }
            }
            Part::Content(1) => self.part = Part::Header(Vec::new()),
            Part::Content(left) => *left = left.saturating_sub(1),
        }
    }
}

/// The length of what follows a header, once the header is whole.
fn content_length(header: &[u8]) -> Option<u64> {
    const MASKED: u8 = 0b1000_0000;
    const MASK_BYTES: usize = 4;
    let second = *header.get(1)?;
    let extended = match second & !MASKED {
        126 => 2,
        127 => 8,
        _ => 0,
    };
    let mask = if second & MASKED == 0 { 0 } else { MASK_BYTES };
    if header.len() < 2 + extended + mask {
        return None;
    }
    let number = header.get(2..2 + extended)?;
    Some(match extended {
        0 => u64::from(second & !MASKED),
        _ => number
            .iter()
            .fold(0, |length, byte| length << 8 | u64::from(*byte)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(opcode: u8, content: &[u8]) -> Vec<u8> {
        let length = u16::try_from(content.len()).unwrap();
        let length = match u8::try_from(length) {
            Ok(short @ ..126) => vec![0x80 | short],
            _ => [vec![0x80 | 126], length.to_be_bytes().to_vec()].concat(),
        };
        [vec![0x80 | opcode], length, vec![9; 4], content.to_vec()].concat()
    }

    #[test]
    fn messages_are_counted_wherever_the_stream_is_cut() {
        let handshake = b"GET / HTTP/1.1\r\nUpgrade: websocket\r\n\r\n".to_vec();
        let before = [
            handshake,
            frame(TEXT, b"{}"),
            frame(9, b""),
            frame(BINARY, &[1; 300]),
        ]
        .concat();
        let stream = [before.clone(), frame(TEXT, b"{}")].concat();
        for cut in 0..stream.len() {
            let mut requests = Requests::default();
            let (first, second) = stream.split_at(cut);
            let found = requests.beyond(first, Some(2));
            let found = found.or_else(|| Some(cut + requests.beyond(second, Some(2))?));
            assert_eq!(found, Some(before.len()), "cut at {cut}");
            assert_eq!(Requests::default().beyond(&stream, Some(3)), None);
            assert_eq!(Requests::default().beyond(&stream, None), None);
        }
    }

    #[test]
    fn plain_http_is_not_counted() {
        let request = b"POST / HTTP/1.1\r\n\r\n\x81\x81\x81".repeat(9);
        assert_eq!(Requests::default().beyond(&request, Some(0)), None);
    }
}
