//! Sends what it is told to, and tells what came of it. The first line of the body is `METHOD SCHEME AUTHORITY PATH`, or
//! `METHOD SCHEME AUTHORITY` for no path at all; each further line is one more wish.

wit_bindgen::generate!({ path: "../../../wit/0.1.0", world: "routes-only" });

mod order;

use exports::platform::challenge::routes::{Error, Guest, Request, Response};
use order::Order;
use wasip2::{
    http::{
        outgoing_handler,
        types::{
            ErrorCode, Fields, FutureIncomingResponse, IncomingBody, IncomingResponse, OutgoingBody,
            OutgoingRequest, RequestOptions, http_error_code,
        },
    },
    io::streams::{OutputStream, StreamError},
};

struct Courier;

/// Asks for every kind of host that the tests know.
#[unsafe(link_section = "platform:manifest")]
#[used]
static MANIFEST: [u8; include_bytes!("../manifest.json").len()] = *include_bytes!("../manifest.json");

/// What the host takes of a body at once.
const PIECE: usize = 4096;

/// What came of a request; the error is a word of the contract, and the first of the text.
type Answer = Result<String, String>;

impl Guest for Courier {
    fn handle_route(request: Request) -> Result<Response, Error> {
        let text = String::from_utf8_lossy(&request.body).into_owned();
        let order = Order::read(&text).map_err(Error::BadRequest)?;
        let answer = match request.path.as_str() {
            "/send" => send(&order).and_then(|sent| receive(sent, &order)),
            // All at once, then each answer.
            "/at-once" => at_once(&order),
            // One after the other: how far it gets.
            "/one-by-one" => one_by_one(&order),
            // Not interested any more.
            "/drop" => send(&order).map(|sent| {
                drop(sent);
                "dropped".to_owned()
            }),
            // Of this call, and never given back.
            "/forget" => send(&order).map(|sent| {
                std::mem::forget(sent);
                "forgotten".to_owned()
            }),
            // Waits for the head, and leaves the body where it is.
            "/head" => send(&order).and_then(head).map(|response| {
                let status = response.status();
                std::mem::forget(response.consume());
                std::mem::forget(response);
                status.to_string()
            }),
            _ => return Err(Error::NotFound("see the source".to_owned())),
        };
        Ok(Response {
            status: 200,
            headers: Vec::new(),
            body: answer
                .unwrap_or_else(|error| format!("error {error}"))
                .into_bytes(),
        })
    }
}

fn at_once(order: &Order) -> Answer {
    let sent: Vec<_> = (0..order.times).map(|_| send(order)).collect();
    let answers = sent
        .into_iter()
        .map(|sent| sent.and_then(|sent| receive(sent, order)));
    let answers: Vec<_> = answers
        .map(|answer| answer.unwrap_or_else(|error| error))
        .collect();
    Ok(answers.join("\n"))
}

fn one_by_one(order: &Order) -> Answer {
    for done in 0..order.times {
        if let Err(error) = send(order).and_then(|sent| receive(sent, order)) {
            return Ok(format!("{done} then {error}"));
        }
    }
    Ok(format!("{} and no end", order.times))
}

fn send(order: &Order) -> Result<FutureIncomingResponse, String> {
    let fields = Fields::new();
    for (name, value) in &order.headers {
        let set = fields.append(name, value.as_bytes());
        set.map_err(|error| format!("header {name}: {error:?}"))?;
    }
    let request = OutgoingRequest::new(fields);
    let refused = |what: &str| format!("{what} refused by the types");
    request
        .set_method(&order.method)
        .map_err(|()| refused("method"))?;
    request
        .set_scheme(Some(&order.scheme))
        .map_err(|()| refused("scheme"))?;
    request
        .set_authority(Some(&order.authority))
        .map_err(|()| refused("authority"))?;
    request
        .set_path_with_query(order.path.as_deref())
        .map_err(|()| refused("path"))?;
    let options = RequestOptions::new();
    for (set, time) in [
        (
            RequestOptions::set_connect_timeout as fn(&_, _) -> _,
            order.connect,
        ),
        (RequestOptions::set_first_byte_timeout, order.first_byte),
        (RequestOptions::set_between_bytes_timeout, order.between_bytes),
    ] {
        set(&options, time).map_err(|()| refused("option"))?;
    }
    let body = request.body().map_err(|()| refused("body"))?;
    let sent = outgoing_handler::handle(request, Some(options)).map_err(named)?;
    let written = {
        let stream = body.write().map_err(|()| refused("stream"))?;
        write(&stream, order.body)
    };
    // Whoever stops listening has an answer, or an error, that says why.
    if written {
        drop(OutgoingBody::finish(body, None));
    }
    Ok(sent)
}

fn write(stream: &OutputStream, mut left: usize) -> bool {
    while left > 0 {
        let piece = left.min(PIECE);
        if stream.blocking_write_and_flush(&vec![b'x'; piece]).is_err() {
            return false;
        }
        left -= piece;
    }
    true
}

fn head(sent: FutureIncomingResponse) -> Result<IncomingResponse, String> {
    sent.subscribe().block();
    match sent.get() {
        Some(Ok(answer)) => answer.map_err(named),
        other => Err(format!("no answer: {other:?}")),
    }
}

fn receive(sent: FutureIncomingResponse, order: &Order) -> Answer {
    let response = head(sent)?;
    let mut told = response.status().to_string();
    for name in &order.show {
        let values = response.headers().get(name);
        let values: Vec<_> = values
            .iter()
            .map(|value| String::from_utf8_lossy(value))
            .collect();
        told = format!("{told} {name}={}", values.join(","));
    }
    let body = response.consume().map_err(|()| "body consumed".to_owned())?;
    let (mut length, mut start) = (0, Vec::new());
    {
        let stream = body.stream().map_err(|()| "stream taken".to_owned())?;
        loop {
            match stream.blocking_read(64 << 10) {
                Ok(piece) => {
                    length += piece.len();
                    let room = 200_usize.saturating_sub(start.len());
                    start.extend(piece.into_iter().take(room));
                }
                Err(StreamError::Closed) => break,
                Err(StreamError::LastOperationFailed(error)) => {
                    let text = error.to_debug_string();
                    let code = http_error_code(&error).map(named);
                    return Err(format!("after {length} bytes: {code:?} {text}"));
                }
            }
        }
    }
    drop(IncomingBody::finish(body));
    Ok(format!("{told} {length} {}", String::from_utf8_lossy(&start)))
}

fn named(error: ErrorCode) -> String {
    format!("{error:?}")
}

export!(Courier);
