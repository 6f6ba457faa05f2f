//! A miner's request, and what a handler asks of it.

use std::str::FromStr;

use serde::de::DeserializeOwned;
use serde_json::error::Category;

use crate::{Environment, Error, Result, encoding};

/// A miner's request.
#[derive(Clone, Debug, Default)]
pub struct Request {
    pub(crate) id: String,
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: Option<String>,
    pub(crate) headers: Vec<(String, Vec<u8>)>,
    pub(crate) body: Vec<u8>,
    pub(crate) caller: Option<Caller>,
    pub(crate) parameters: Vec<(&'static str, String)>,
    pub(crate) environment: Environment,
}

/// A miner whose signature over this very request the host has verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The key that signed, as an SS58 address.
    pub hotkey: String,
    /// Its UID in the subnet; none when it is not registered.
    pub uid: Option<u16>,
}

impl Request {
    /// The host's id of this request, also in its log lines.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The HTTP method in upper case.
    pub fn method(&self) -> &str {
        &self.method
    }

    /// The path inside the challenge, as the client wrote it.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// A parameter of the route's pattern, percent-decoded. One that does not parse is a 400.
    pub fn param<T: FromStr>(&self, name: &str) -> Result<T> {
        let found = self.parameters.iter().find(|(parameter, _)| *parameter == name);
        let (_, text) = found
            .ok_or_else(|| Error::internal(format!("the route's pattern has no parameter {{{name}}}")))?;
        text.parse()
            .map_err(|_| Error::bad_request(format!("{text:?} is not a valid {name}")))
    }

    /// What followed the question mark, as the client wrote it.
    pub fn raw_query(&self) -> Option<&str> {
        self.query.as_deref()
    }

    /// The query's parameters in order, decoded.
    pub fn query_pairs(&self) -> impl Iterator<Item = (String, String)> {
        let pairs = self
            .query
            .as_deref()
            .unwrap_or_default()
            .split('&')
            .filter(|pair| !pair.is_empty());
        pairs.map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (encoding::form_decoded(name), encoding::form_decoded(value))
        })
    }

    /// The first query parameter of this name, parsed; none when it is absent. One that does not parse is a
    /// 400.
    pub fn query<T: FromStr>(&self, name: &str) -> Result<Option<T>> {
        let Some((_, text)) = self.query_pairs().find(|(parameter, _)| parameter == name) else {
            return Ok(None);
        };
        let refused = |_| Error::bad_request(format!("{text:?} is not a valid {name}"));
        text.parse().map(Some).map_err(refused)
    }

    /// The headers in the order of arrival, names in lower case, values as they came.
    pub fn headers(&self) -> &[(String, Vec<u8>)] {
        &self.headers
    }

    /// The first header of this name, if it is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        encoding::header(&self.headers, name)
    }

    /// The whole body.
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// The body as JSON. What is not JSON is a 400; JSON of another shape is a 422 that names the field. The
    /// content type is not looked at.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T> {
        let mut reader = serde_json::Deserializer::from_slice(&self.body);
        let value = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
            let field = error.path().to_string();
            let inner = error.into_inner();
            match inner.classify() {
                Category::Data if field == "." => Error::unprocessable(format!("the body: {inner}")),
                Category::Data => Error::unprocessable(format!("the field {field}: {inner}")),
                _ => Error::bad_request(format!("the body is not JSON: {inner}")),
            }
        })?;
        reader
            .end()
            .map_err(|error| Error::bad_request(format!("the body is not JSON: {error}")))?;
        Ok(value)
    }

    /// Who signed the request, if anyone did.
    pub fn caller(&self) -> Option<&Caller> {
        self.caller.as_ref()
    }

    /// Who signed the request; a 401 when nobody did. Routes marked `signed` are only reached with a caller.
    pub fn signed_caller(&self) -> Result<&Caller> {
        self.caller
            .as_ref()
            .ok_or_else(|| Error::unauthorized("this needs a signed request"))
    }

    /// The configuration, the database and the data directory.
    pub fn environment(&self) -> &Environment {
        &self.environment
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(text: &str) -> Request {
        Request {
            body: text.as_bytes().to_vec(),
            ..Request::default()
        }
    }

    #[test]
    fn a_wrong_body_is_answered_with_the_name_of_the_field() {
        #[derive(serde::Deserialize)]
        struct Outer {
            #[serde(rename = "inner")]
            _inner: Vec<Inner>,
        }
        #[derive(serde::Deserialize)]
        struct Inner {
            #[serde(rename = "count")]
            _count: u8,
        }
        for (text, status, says) in [
            (r#"{"inner":[{"count":1}]}"#, 0, ""),
            (r#"{"inner":[{"count":1},{"count":"x"}]}"#, 422, "inner[1].count"),
            (r#"{"inner":[{"count":300}]}"#, 422, "inner[0].count"),
            (r#"{"inner":[{}]}"#, 422, "`count`"),
            ("[]x", 422, "the body"),
            (r#"{"inner":["#, 400, "not JSON"),
            (r#"{"inner":[]} x"#, 400, "not JSON"),
            ("", 400, "not JSON"),
        ] {
            let answer = body(text).json::<Outer>();
            let (got, message) = answer
                .err()
                .map(|e| (e.status(), e.message().to_owned()))
                .unwrap_or_default();
            assert_eq!(got, status, "{text}: {message}");
            assert!(message.contains(says), "{text}: {message}");
        }
    }

    #[test]
    fn query_parameters_are_decoded() {
        let query = Some("a=1&b=x%20y+z&c&a=2&%65=%zz&=v".to_owned());
        let request = Request {
            query,
            ..Request::default()
        };
        assert_eq!(request.query::<u8>("a").unwrap(), Some(1));
        assert_eq!(request.query::<String>("b").unwrap().as_deref(), Some("x y z"));
        assert_eq!(request.query::<String>("c").unwrap().as_deref(), Some(""));
        assert_eq!(request.query::<String>("e").unwrap().as_deref(), Some("%zz"));
        assert_eq!(request.query::<u8>("d").unwrap(), None);
        assert_eq!(request.query::<u8>("b").unwrap_err().status(), 400);
        assert_eq!(request.query_pairs().count(), 6);
    }
}
