//! The border to the host, which sends. Only in Wasm.

use std::time::Duration;

use wasip2::{
    http::{
        outgoing_handler,
        types::{
            ErrorCode, Fields, FutureIncomingResponse, IncomingBody, IncomingResponse, Method, OutgoingBody,
            OutgoingRequest, RequestOptions, Scheme, http_error_code,
        },
    },
    io::streams::{InputStream, StreamError},
};

use super::{HttpError, Outgoing, Response, url::Url};
use crate::Environment;

/// What the host takes of a body at once.
const PIECE: usize = 4096;

#[derive(Clone, Debug)]
pub(super) struct Client;

/// A body that comes. In this order: what is inside goes first.
#[derive(Debug)]
pub(super) struct Body {
    stream: InputStream,
    _body: IncomingBody,
    _response: IncomingResponse,
}

impl Client {
    pub(super) fn open(_: &Environment) -> Self {
        Self
    }

    pub(super) fn send(&self, mut outgoing: Outgoing) -> Result<Response, HttpError> {
        let url = outgoing.complete()?;
        let sent = send(&outgoing, &url)?;
        let response = head(&sent)?;
        let (status, headers) = (response.status(), response.headers().entries());
        let gone = |()| HttpError::Broken("the host has no body".to_owned());
        let body = response.consume().map_err(gone)?;
        let stream = body.stream().map_err(gone)?;
        Ok(Response {
            status,
            headers,
            body: Body {
                stream,
                _body: body,
                _response: response,
            },
        })
    }
}

impl Body {
    /// The next bytes, at most so many; none at the end.
    pub(super) fn read(&mut self, most: usize) -> Result<Vec<u8>, HttpError> {
        loop {
            return match self.stream.blocking_read(most as u64) {
                // It only means that there are none yet.
                Ok(piece) if piece.is_empty() => continue,
                Ok(piece) => Ok(piece),
                Err(StreamError::Closed) => Ok(Vec::new()),
                Err(StreamError::LastOperationFailed(error)) => Err(match http_error_code(&error) {
                    Some(code) => code.into(),
                    None => HttpError::Broken(error.to_debug_string()),
                }),
            };
        }
    }
}

fn send(outgoing: &Outgoing, url: &Url) -> Result<FutureIncomingResponse, HttpError> {
    let request = request(outgoing, url)?;
    if outgoing.body.is_empty() {
        return Ok(outgoing_handler::handle(request, options(outgoing.timeout))?);
    }
    let gone = |()| HttpError::Broken("the host takes no body".to_owned());
    let body = request.body().map_err(gone)?;
    let sent = outgoing_handler::handle(request, options(outgoing.timeout))?;
    let written = {
        let stream = body.write().map_err(gone)?;
        let mut pieces = outgoing.body.chunks(PIECE);
        pieces.all(|piece| stream.blocking_write_and_flush(piece).is_ok())
    };
    // Whoever stops listening has an answer, or an error, that says why.
    if written {
        drop(OutgoingBody::finish(body, None));
    }
    Ok(sent)
}

fn request(outgoing: &Outgoing, url: &Url) -> Result<OutgoingRequest, HttpError> {
    let fields = Fields::new();
    for (name, value) in &outgoing.headers {
        let set = fields.append(name, value);
        set.map_err(|error| HttpError::Invalid(format!("the header {name}: {}", word(&error))))?;
    }
    let invalid = |what: &'static str| move |()| HttpError::Invalid(format!("the {what} is none"));
    let request = OutgoingRequest::new(fields);
    request
        .set_method(&method(&outgoing.method))
        .map_err(invalid("method"))?;
    let scheme = if url.secure { Scheme::Https } else { Scheme::Http };
    request.set_scheme(Some(&scheme)).map_err(invalid("scheme"))?;
    request
        .set_authority(Some(&url.authority))
        .map_err(invalid("host"))?;
    request
        .set_path_with_query(Some(&url.path))
        .map_err(invalid("path"))?;
    Ok(request)
}

fn method(name: &str) -> Method {
    match name {
        "GET" => Method::Get,
        "HEAD" => Method::Head,
        "POST" => Method::Post,
        "PUT" => Method::Put,
        "PATCH" => Method::Patch,
        "DELETE" => Method::Delete,
        "OPTIONS" => Method::Options,
        other => Method::Other(other.to_owned()),
    }
}

/// A host that does not know one of them waits as long as it does otherwise.
fn options(timeout: Option<Duration>) -> Option<RequestOptions> {
    let nanoseconds = u64::try_from(timeout?.as_nanos()).unwrap_or(u64::MAX);
    let options = RequestOptions::new();
    let _ = options.set_connect_timeout(Some(nanoseconds));
    let _ = options.set_first_byte_timeout(Some(nanoseconds));
    let _ = options.set_between_bytes_timeout(Some(nanoseconds));
    Some(options)
}

fn head(sent: &FutureIncomingResponse) -> Result<IncomingResponse, HttpError> {
    sent.subscribe().block();
    match sent.get() {
        Some(Ok(answer)) => Ok(answer?),
        _ => Err(HttpError::Broken("the host has no answer".to_owned())),
    }
}

/// By what the author can do about it.
impl From<ErrorCode> for HttpError {
    fn from(code: ErrorCode) -> Self {
        use ErrorCode as Code;
        let text = word(&code);
        match code {
            Code::HttpRequestDenied | Code::DestinationIpProhibited | Code::ConnectionLimitReached => {
                Self::Refused(text)
            }
            Code::HttpRequestMethodInvalid
            | Code::HttpRequestUriInvalid
            | Code::HttpRequestUriTooLong
            | Code::HttpRequestLengthRequired => Self::Invalid(text),
            Code::DnsError(_)
            | Code::DestinationNotFound
            | Code::DestinationUnavailable
            | Code::DestinationIpUnroutable
            | Code::ConnectionRefused
            | Code::TlsProtocolError
            | Code::TlsCertificateError
            | Code::TlsAlertReceived(_) => Self::NotConnected(text),
            Code::DnsTimeout
            | Code::ConnectionTimeout
            | Code::ConnectionReadTimeout
            | Code::ConnectionWriteTimeout
            | Code::HttpResponseTimeout => Self::TimedOut(text),
            Code::HttpRequestBodySize(_)
            | Code::HttpRequestHeaderSectionSize(_)
            | Code::HttpRequestHeaderSize(_)
            | Code::HttpRequestTrailerSectionSize(_)
            | Code::HttpRequestTrailerSize(_)
            | Code::HttpResponseBodySize(_)
            | Code::HttpResponseHeaderSectionSize(_)
            | Code::HttpResponseHeaderSize(_)
            | Code::HttpResponseTrailerSectionSize(_)
            | Code::HttpResponseTrailerSize(_) => Self::TooLarge(text),
            _ => Self::Broken(text),
        }
    }
}

/// The contract's name of a case: `HTTP-request-denied` of `ErrorCode::HttpRequestDenied`.
fn word(case: &impl std::fmt::Debug) -> String {
    let text = format!("{case:?}");
    let name = text.split_once("::").map_or(text.as_str(), |(_, name)| name);
    let name = name.split(['(', ' ', '{']).next().unwrap_or_default();
    let mut words: Vec<String> = Vec::new();
    for letter in name.chars() {
        match words.last_mut() {
            Some(word) if !letter.is_ascii_uppercase() => word.push(letter),
            _ => words.push(letter.to_ascii_lowercase().to_string()),
        }
    }
    for word in &mut words {
        if matches!(word.as_str(), "http" | "dns" | "ip" | "tls" | "uri") {
            word.make_ascii_uppercase();
        }
    }
    words.join("-")
}
