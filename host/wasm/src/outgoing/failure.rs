//! Why an exchange came to nothing, as `wasi:http` has it.

use std::{error::Error as StdError, io};

use wasmtime_wasi_http::Error;

/// While the answer's head was waited for; `headers` is how large it may be.
pub(super) fn of_exchange(error: &hyper::Error, headers: u64) -> Error {
    if let Some(Error::HttpRequestBodySize(size)) = cause::<Error>(error) {
        return Error::HttpRequestBodySize(*size);
    }
    match error {
        _ if error.is_parse_too_large() => {
            Error::HttpResponseHeaderSectionSize(Some(u32::try_from(headers).unwrap_or(u32::MAX)))
        }
        _ if error.is_incomplete_message() || error.is_closed() || error.is_canceled() => {
            Error::ConnectionTerminated
        }
        _ if cause::<io::Error>(error).is_some() => Error::ConnectionTerminated,
        _ => Error::HttpProtocolError,
    }
}

/// While the answer's body was read.
pub(super) fn of_body(error: &hyper::Error) -> Error {
    match cause::<io::Error>(error).map(io::Error::kind) {
        Some(io::ErrorKind::UnexpectedEof) => Error::HttpResponseIncomplete,
        Some(io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput) => Error::HttpProtocolError,
        Some(_) => Error::ConnectionTerminated,
        None => Error::HttpResponseIncomplete,
    }
}

fn cause<T: StdError + 'static>(error: &hyper::Error) -> Option<&T> {
    let mut next = error.source();
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        next = error.source();
    }
    None
}

/// The name of an error in the contract of `wasi:http`: what an operator reads.
pub(super) fn name(error: &Error) -> &'static str {
    match error {
        Error::DnsTimeout => "DNS-timeout",
        Error::DnsError { .. } => "DNS-error",
        Error::DestinationUnavailable => "destination-unavailable",
        Error::DestinationIpProhibited => "destination-IP-prohibited",
        Error::DestinationIpUnroutable => "destination-IP-unroutable",
        Error::ConnectionRefused => "connection-refused",
        Error::ConnectionTerminated => "connection-terminated",
        Error::ConnectionTimeout => "connection-timeout",
        Error::ConnectionReadTimeout => "connection-read-timeout",
        Error::ConnectionLimitReached => "connection-limit-reached",
        Error::TlsProtocolError => "TLS-protocol-error",
        Error::TlsCertificateError => "TLS-certificate-error",
        Error::TlsAlertReceived { .. } => "TLS-alert-received",
        Error::HttpRequestDenied => "HTTP-request-denied",
        Error::HttpRequestBodySize(_) => "HTTP-request-body-size",
        Error::HttpRequestMethodInvalid => "HTTP-request-method-invalid",
        Error::HttpRequestUriInvalid => "HTTP-request-URI-invalid",
        Error::HttpRequestHeaderSectionSize(_) => "HTTP-request-header-section-size",
        Error::HttpResponseIncomplete => "HTTP-response-incomplete",
        Error::HttpResponseHeaderSectionSize(_) => "HTTP-response-header-section-size",
        Error::HttpResponseBodySize(_) => "HTTP-response-body-size",
        Error::HttpResponseTimeout => "HTTP-response-timeout",
        Error::HttpProtocolError => "HTTP-protocol-error",
        Error::ConfigurationError => "configuration-error",
        _ => "internal-error",
    }
}
