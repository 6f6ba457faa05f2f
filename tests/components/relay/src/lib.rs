//! Answers as HTTP, in good and in bad ways, by its path; some take a number after it.

wit_bindgen::generate!({ path: "../../../wit/0.1.0", world: "weights-only" });

mod answer;

use std::fmt::Write as _;

use answer::{Answer, PIECE};
use exports::platform::challenge::weights::{EpochContext, Error, Guest as Weigh, Weight};
use wasip2::{
    clocks::monotonic_clock::subscribe_duration,
    exports::http::incoming_handler::Guest,
    http::types::{ErrorCode, IncomingRequest, Method, ResponseOutparam},
    io::streams::{InputStream, StreamError},
};

struct Relay;

export!(Relay);
wasip2::http::proxy::export!(Relay);

#[unsafe(link_section = "platform:manifest")]
#[used]
static MANIFEST: [u8; include_bytes!("../manifest.json").len()] = *include_bytes!("../manifest.json");

impl Weigh for Relay {
    fn get_weights(context: EpochContext) -> Result<Vec<Weight>, Error> {
        Ok(vec![Weight {
            hotkey: "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY".to_owned(),
            score: context.epoch as f64,
        }])
    }
}

impl Guest for Relay {
    fn handle(request: IncomingRequest, out: ResponseOutparam) {
        let path = request.path_with_query().unwrap_or_default();
        let path = path.split('?').next().unwrap_or_default();
        let mut parts = path.trim_start_matches('/').split('/');
        let wish = parts.next().unwrap_or_default();
        let number = parts.next().and_then(|text| text.parse().ok()).unwrap_or(0);
        match wish {
            "seen" | "signed" => Answer::begin(out, 200, 0).all(seen(&request).as_bytes()),
            "echo" => echo(&request, out),
            "count" | "small" => count(&request, out),
            // Not one byte of what it is sent.
            "unread" => Answer::begin(out, 200, 0).all(b"done"),
            "flood" => flood(Answer::begin(out, 200, 0), number),
            "status" => Answer::begin(out, u16::try_from(number).unwrap_or(0), 0).all(b""),
            "headers" => Answer::begin(out, 200, number).all(b""),
            // Sent and waited for: whoever reads has it before anything else happens.
            "cut" => {
                let mut answer = Answer::begin(out, 200, 0);
                answer.write(b"first");
                panic!("in the middle");
            }
            "unfinished" => {
                let mut answer = Answer::begin(out, 200, 0);
                answer.write(b"first");
                answer.forget();
            }
            "finished-and-broken" => {
                Answer::begin(out, 200, 0).all(b"all of it");
                panic!("too late");
            }
            "stuck" => {
                let mut answer = Answer::begin(out, 200, 0);
                answer.write(b"first");
                sleep(u64::MAX);
            }
            "asleep" => sleep(u64::MAX),
            "slowly" => slowly(Answer::begin(out, 200, 0), number),
            "error" => ResponseOutparam::set(out, Err(ErrorCode::InternalError(Some("not\r\ntoday".into())))),
            "silent" => drop(out),
            _ => Answer::begin(out, 404, 0).all(b"no such wish"),
        }
    }
}

fn sleep(nanoseconds: u64) {
    subscribe_duration(nanoseconds).block();
}

/// What it knows of a request, line by line.
fn seen(request: &IncomingRequest) -> String {
    let method = match request.method() {
        Method::Get => "GET".to_owned(),
        Method::Post => "POST".to_owned(),
        other => format!("{other:?}"),
    };
    let (path, authority) = (request.path_with_query(), request.authority());
    let mut text = format!("{method} {} {}\n", authority.unwrap_or_default(), path.unwrap_or_default());
    for (name, value) in request.headers().entries() {
        let _ = writeln!(text, "{name}: {}", String::from_utf8_lossy(&value));
    }
    let mut length = 0;
    let _ = read(request, |piece| length += piece.len());
    let _ = writeln!(text, "{length} bytes");
    text
}

/// Passes each piece of a body on; the error is the library's word for why it ended.
fn read(request: &IncomingRequest, mut each: impl FnMut(&[u8])) -> Result<(), String> {
    let body = request.consume().map_err(|()| "taken twice".to_owned())?;
    let stream = body.stream().map_err(|()| "taken twice".to_owned())?;
    pieces(&stream, &mut each)
}

fn pieces(stream: &InputStream, each: &mut dyn FnMut(&[u8])) -> Result<(), String> {
    loop {
        match stream.blocking_read(PIECE as u64) {
            Ok(piece) => each(&piece),
            Err(StreamError::Closed) => return Ok(()),
            Err(StreamError::LastOperationFailed(error)) => return Err(error.to_debug_string()),
        }
    }
}

/// Gives back what comes while it comes.
fn echo(request: &IncomingRequest, out: ResponseOutparam) {
    let mut answer = Answer::begin(out, 200, 0);
    let read = read(request, |piece| answer.write(piece));
    answer.finish();
    read.expect("the body comes to its end");
}

/// Reads to the end, then tells how long it was, or why it ended.
fn count(request: &IncomingRequest, out: ResponseOutparam) {
    let mut length = 0;
    let text = match read(request, |piece| length += piece.len()) {
        Ok(()) => length.to_string(),
        Err(error) => format!("after {length}: {error}"),
    };
    Answer::begin(out, 200, 0).all(text.as_bytes());
}

fn flood(mut answer: Answer, mut left: usize) {
    let piece = [b'x'; PIECE];
    while left > 0 && answer.is_open() {
        let length = left.min(PIECE);
        answer.write(&piece[..length]);
        left -= length;
    }
    answer.finish();
}

/// So many bytes, one every ten milliseconds.
fn slowly(mut answer: Answer, bytes: usize) {
    for _ in 0..bytes {
        answer.write(b"x");
        sleep(10_000_000);
    }
    answer.finish();
}
