//! A challenge that answers every request with the request, exactly as the guest saw it, and pays what its
//! configuration says. It shows the smallest use of the SDK and lets the host be tested from inside.

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use platform_guest_sdk::prelude::*;
use serde_json::{Value, json};

/// The challenge.
pub struct Echo;

#[challenge(name = "echo", description = "Answers with the request.", data = none)]
impl Echo {
    #[any]
    fn echo(request: &Request) -> Result<Json<Value>> {
        let headers: Vec<_> = request
            .headers()
            .iter()
            .map(|(name, value)| (name, text(value)))
            .collect();
        let caller = request
            .caller()
            .map(|caller| json!({ "hotkey": caller.hotkey, "uid": caller.uid }));
        Ok(Json(json!({
            "method": request.method(),
            "path": request.path(),
            "query": request.raw_query(),
            "headers": headers,
            "body_base64": STANDARD.encode(request.body()),
            "caller": caller,
        })))
    }

    /// The map in the configuration's `WEIGHTS`, for example `{"5Grwva...": 1.5}`.
    #[weights]
    fn weights(context: &WeightsContext) -> Result<Weights> {
        let scores: BTreeMap<String, f64> = context.environment().config_or("WEIGHTS", BTreeMap::new())?;
        Weights::from_scores(scores)
    }
}

/// A header's value without loss: text stays, a backslash is doubled, and a byte that is not part of valid
/// UTF-8 is written `\xNN`.
fn text(value: &[u8]) -> String {
    let mut out = String::new();
    for chunk in value.utf8_chunks() {
        out.push_str(&chunk.valid().replace('\\', r"\\"));
        chunk
            .invalid()
            .iter()
            .for_each(|byte| out.push_str(&format!("\\x{byte:02x}")));
    }
    out
}

#[cfg(test)]
mod tests {
    use platform_guest_sdk::testing::{Harness, request};

    use super::*;

    #[test]
    fn the_request_comes_back_without_loss() {
        let sent = request("PATCH", "/a%2Fb//c?x=%20&y")
            .header("X-Raw", b"a\xff\\\xc3\xa9".as_slice())
            .header("x-raw", "again")
            .body([0, 255])
            .caller("5Alice", Some(7));
        let answer: Value = Harness::<Echo>::new().send(sent).json();
        let expected = json!({
            "method": "PATCH",
            "path": "/a%2Fb//c",
            "query": "x=%20&y",
            "headers": [["x-raw", r"a\xff\\é"], ["x-raw", "again"]],
            "body_base64": "AP8=",
            "caller": { "hotkey": "5Alice", "uid": 7 },
        });
        assert_eq!(answer, expected);
    }

    #[test]
    fn weights_are_those_of_the_configuration() {
        let echo = Harness::<Echo>::new();
        assert!(echo.weights(&echo.moment()).unwrap().entries().is_empty());
        let echo = echo.config("WEIGHTS", r#"{"5Bob": 2, "5Alice": 0.5}"#);
        let weights = echo.weights(&echo.moment()).unwrap();
        assert_eq!(
            weights.entries(),
            [("5Alice".to_owned(), 0.5), ("5Bob".to_owned(), 2.0)]
        );
        let echo = echo.config("WEIGHTS", "[]");
        assert!(
            echo.weights(&echo.moment())
                .unwrap_err()
                .message()
                .contains("WEIGHTS")
        );
    }
}
