//! Checks what comes out of a guest before anyone else sees it.

use bytes::Bytes;
use http::{HeaderName, HeaderValue};
use platform_domain::{GuestError, RawWeight, Response};

use crate::{
    CallError,
    limits::{Limits, MAX_ERROR_CHARS, MAX_HOTKEY_BYTES, count, size},
    wire,
};

/// A response that an HTTP server can send as it is: 200 to 599, legal header names and values.
pub(crate) fn response(answer: wire::Response, limits: &Limits) -> Result<Response, CallError> {
    let wire::Response {
        status,
        headers,
        body,
    } = answer;
    self::status(status)?;
    at_most("bytes of body", body.len(), size(limits.body))?;
    at_most("headers", headers.len(), count(limits.headers))?;
    let header_bytes = headers.iter().map(|(name, value)| name.len() + value.len()).sum();
    at_most("bytes of headers", header_bytes, size(limits.header_bytes))?;
    for (position, (name, value)) in headers.iter().enumerate() {
        if HeaderName::from_bytes(name.as_bytes()).is_err() {
            return Err(CallError::InvalidOutput(format!(
                "the name of header {position} is not legal"
            )));
        }
        // No control characters, so no line ends: a header cannot smuggle another one.
        if HeaderValue::from_bytes(value).is_err() {
            return Err(CallError::InvalidOutput(format!(
                "the value of header {name} is not legal"
            )));
        }
    }
    Ok(Response {
        status,
        headers: headers
            .into_iter()
            .map(|(name, value)| (name, Bytes::from(value)))
            .collect(),
        body: body.into(),
    })
}

/// The entries, if there are not too many. No valid hotkey is touched: what is cut off is malformed before and
/// after.
pub(crate) fn weights(list: Vec<wire::Weight>, limits: &Limits) -> Result<Vec<RawWeight>, CallError> {
    at_most("weights", list.len(), count(limits.weights))?;
    let entry = |wire::Weight { mut hotkey, score }: wire::Weight| {
        hotkey.truncate(hotkey.floor_char_boundary(MAX_HOTKEY_BYTES));
        hotkey.shrink_to_fit();
        RawWeight { hotkey, score }
    };
    Ok(list.into_iter().map(entry).collect())
}

/// A status that ends an exchange.
pub(crate) fn status(status: u16) -> Result<(), CallError> {
    if !(200..=599).contains(&status) {
        return Err(CallError::InvalidOutput(format!(
            "the status is {status}, not 200 to 599"
        )));
    }
    Ok(())
}

/// A guest's text that can be passed on: not endless, and without control characters, with which it could forge log
/// lines.
pub(crate) fn harmless(text: &str) -> String {
    let legal = text.chars().filter(|c| !c.is_control());
    legal.take(MAX_ERROR_CHARS).collect()
}

/// An error of the guest.
pub(crate) fn error(error: wire::Error) -> CallError {
    let text = |text: String| harmless(&text);
    CallError::Guest(match error {
        wire::Error::BadRequest(why) => GuestError::BadRequest(text(why)),
        wire::Error::Unauthorized(why) => GuestError::Unauthorized(text(why)),
        wire::Error::NotFound(why) => GuestError::NotFound(text(why)),
        wire::Error::Busy(why) => GuestError::Busy(text(why)),
        wire::Error::Internal(why) => GuestError::Internal(text(why)),
    })
}

pub(crate) fn at_most(what: &'static str, found: usize, limit: usize) -> Result<(), CallError> {
    if found > limit {
        return Err(CallError::OutputTooLarge { what, limit });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(status: u16, headers: &[(&str, &str)], body: usize) -> Result<Response, String> {
        let headers = headers
            .iter()
            .map(|(name, value)| ((*name).into(), (*value).into()))
            .collect();
        let body = vec![b'x'; body];
        let answer = wire::Response {
            status,
            headers,
            body,
        };
        response(answer, &Limits::default()).map_err(|error| error.to_string())
    }

    #[test]
    fn an_answer_that_http_can_carry_passes_unchanged() {
        for status in [200, 204, 404, 599] {
            let answer = with(
                status,
                &[("X-Thing", "a"), ("x-thing", ""), ("set-cookie", "ä=1;\tb")],
                3,
            )
            .unwrap();
            assert_eq!(
                (answer.status, answer.headers.len(), answer.body.len()),
                (status, 3, 3)
            );
            assert_eq!(answer.headers[0], ("X-Thing".to_owned(), Bytes::from("a")));
        }
        assert!(with(200, &[], size(Limits::default().body)).is_ok());
    }

    #[test]
    fn an_answer_that_breaks_the_contract_is_refused_with_the_reason() {
        let limits = Limits::default();
        let many = vec![("a", "b"); count(limits.headers) + 1];
        let long = "v".repeat(size(limits.header_bytes));
        for (status, headers, body, reason) in [
            (0, &[][..], 0, "status is 0"),
            (100, &[], 0, "status is 100"),
            (101, &[], 0, "status is 101"),
            (600, &[], 0, "status is 600"),
            (65535, &[], 0, "status is 65535"),
            (200, &[("a b", "c")], 0, "name of header 0"),
            (200, &[("a", "b"), ("", "c")], 0, "name of header 1"),
            (200, &[("a\r\nset-cookie", "c")], 0, "name of header 0"),
            (200, &[("a", "b\r\nset-cookie: c=1")], 0, "value of header a"),
            (200, &[("a", "b\nc")], 0, "value of header a"),
            (200, &[("a", "b\0")], 0, "value of header a"),
            (200, &many, 0, "headers"),
            (200, &[("a", &long)], 0, "bytes of headers"),
            (200, &[], size(limits.body) + 1, "bytes of body"),
        ] {
            let error = with(status, headers, body).unwrap_err();
            assert!(error.contains(reason), "{error} should contain {reason}");
        }
    }

    #[test]
    fn a_hotkey_that_is_cut_was_none_before_and_is_none_after() {
        let hotkey = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY";
        let weight = |hotkey: String| wire::Weight { hotkey, score: 1.0 };
        let list = vec![
            weight(hotkey.into()),
            weight(hotkey.repeat(9)),
            weight("é".repeat(1000)),
        ];
        let cut: Vec<_> = weights(list, &Limits::default())
            .unwrap()
            .into_iter()
            .map(|entry| entry.hotkey)
            .collect();
        assert_eq!(cut[0], hotkey);
        assert_eq!((cut[1].len(), cut[2].len()), (MAX_HOTKEY_BYTES, MAX_HOTKEY_BYTES));
        assert!(cut[1].parse::<platform_domain::Hotkey>().is_err());
    }

    #[test]
    fn the_text_of_an_error_is_short_and_harmless() {
        let CallError::Guest(GuestError::BadRequest(text)) =
            error(wire::Error::BadRequest("a\r\nINFO forged\u{1b}[31m".into()))
        else {
            panic!("another error");
        };
        assert_eq!(text, "aINFO forged[31m");
        let long = error(wire::Error::Internal("ä".repeat(1 << 20)));
        assert_eq!(
            long.explanation().chars().count(),
            "internal: ".len() + MAX_ERROR_CHARS
        );
    }
}
