//! Where the host puts a secret into requests of a challenge: in which header, and on the way to whom.

use std::{fmt, str::FromStr};

use zeroize::Zeroizing;

use crate::{Destination, OutboundRule, SecretValue, text::serde_as_text};

/// `authorization: Bearer {}`: a header, with a place for the secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeaderTemplate {
    /// In lower case.
    name: String,
    before: String,
    after: String,
}

/// Why a text is no header with a place for a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeaderTemplateError {
    /// No name that a header can have.
    #[error("a header begins with its name and a colon, as in `authorization: Bearer {{}}`")]
    Name,
    /// A header of the connection, which is the host's.
    #[error("the header {0} belongs to the connection and carries no secret")]
    Connection(&'static str),
    /// Not exactly one place for the secret.
    #[error("the secret's place is written {{}}, once, as in `authorization: Bearer {{}}`")]
    Place,
    /// Something that a header cannot have, or too much.
    #[error("around the secret there are at most {MAX_TEMPLATE} bytes of printable ASCII")]
    Text,
}

/// A header for requests to some hosts. That there is one proves that nobody between could read it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Injection {
    to: OutboundRule,
    header: HeaderTemplate,
}

/// The rule leads over a network in clear.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a secret is sent over https, or over http to this machine (127.0.0.1, [::1], localhost); {0} is neither"
)]
pub struct InClear(OutboundRule);

/// The longest names of headers that there are have half of that.
const MAX_HEADER_NAME: usize = 64;
/// `Bearer `, a user or a name of a key.
const MAX_TEMPLATE: usize = 256;
/// What says how a message is read, where it goes or what becomes of the connection.
const OF_THE_CONNECTION: [&str; 13] = [
    "connection",
    "content-length",
    "expect",
    "host",
    "http2-settings",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

impl HeaderTemplate {
    /// The header's name in lower case.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The header's value with the secret in its place; `None` when a header cannot carry it.
    pub fn fill(&self, secret: &SecretValue) -> Option<Zeroizing<Vec<u8>>> {
        let secret = secret.reveal();
        if !secret.iter().copied().all(is_printable) {
            return None;
        }
        // At once in its size: a vector that grows leaves copies behind.
        let size = self.before.len() + secret.len() + self.after.len();
        let mut value = Zeroizing::new(Vec::with_capacity(size));
        value.extend_from_slice(self.before.as_bytes());
        value.extend_from_slice(secret);
        value.extend_from_slice(self.after.as_bytes());
        Some(value)
    }
}

impl Injection {
    /// A header for requests that the rule allows, if nobody between can read them.
    pub fn new(to: OutboundRule, header: HeaderTemplate) -> Result<Self, InClear> {
        match to.is_confidential() {
            true => Ok(Self { to, header }),
            false => Err(InClear(to)),
        }
    }

    /// Which requests.
    pub const fn to(&self) -> &OutboundRule {
        &self.to
    }

    /// Which header.
    pub const fn header(&self) -> &HeaderTemplate {
        &self.header
    }

    /// Whether a request to there has the header.
    pub fn applies(&self, to: &Destination) -> bool {
        self.to.allows(to)
    }

    /// Whether there is a request in which both would be the same header.
    pub fn collides(&self, other: &Self) -> bool {
        self.header.name == other.header.name && self.to.overlaps(&other.to)
    }
}

const fn is_printable(byte: u8) -> bool {
    matches!(byte, b' '..=b'~')
}

fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

impl FromStr for HeaderTemplate {
    type Err = HeaderTemplateError;

    fn from_str(text: &str) -> Result<Self, HeaderTemplateError> {
        let (name, template) = text.split_once(':').ok_or(HeaderTemplateError::Name)?;
        let name = name.to_ascii_lowercase();
        if !(1..=MAX_HEADER_NAME).contains(&name.len()) || !name.bytes().all(is_token) {
            return Err(HeaderTemplateError::Name);
        }
        if let Some(name) = OF_THE_CONNECTION.into_iter().find(|known| *known == name) {
            return Err(HeaderTemplateError::Connection(name));
        }
        let template = template.trim_matches(' ');
        let (before, after) = template.split_once("{}").ok_or(HeaderTemplateError::Place)?;
        if after.contains("{}") {
            return Err(HeaderTemplateError::Place);
        }
        if template.len() > MAX_TEMPLATE || !template.bytes().all(is_printable) {
            return Err(HeaderTemplateError::Text);
        }
        Ok(Self {
            name,
            before: before.to_owned(),
            after: after.to_owned(),
        })
    }
}

impl fmt::Display for HeaderTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, before, after } = self;
        write!(f, "{name}: {before}{{}}{after}")
    }
}

serde_as_text!(HeaderTemplate);

#[cfg(test)]
mod tests {
    use super::*;

    fn header(text: &str) -> HeaderTemplate {
        text.parse().unwrap()
    }

    fn filled(template: &str, secret: &[u8]) -> Option<String> {
        let value = header(template).fill(&SecretValue::new(secret.to_vec()))?;
        Some(String::from_utf8(value.to_vec()).unwrap())
    }

    #[test]
    fn a_header_has_one_place_for_the_secret() {
        for (written, shown) in [
            ("authorization: Bearer {}", "authorization: Bearer {}"),
            ("X-Api-Key:{}", "x-api-key: {}"),
            ("Cookie:  session={}; a=b ", "cookie: session={}; a=b"),
        ] {
            assert_eq!(header(written).to_string(), shown);
            assert_eq!(header(shown), header(written));
        }
        use HeaderTemplateError::{Connection, Name, Place, Text};
        for (text, error) in [
            ("", Name),
            ("Bearer {}", Name),
            (": {}", Name),
            ("a b: {}", Name),
            ("a\r\nb: {}", Name),
            ("é: {}", Name),
            (&format!("{}: {{}}", "a".repeat(65)), Name),
            ("Host: {}", Connection("host")),
            ("Transfer-Encoding: {}", Connection("transfer-encoding")),
            ("Content-Length: {}", Connection("content-length")),
            ("Proxy-Authorization: Basic {}", Connection("proxy-authorization")),
            ("authorization: Bearer", Place),
            ("authorization: {} {}", Place),
            ("authorization: { }", Place),
            ("authorization: Bearer {}\r\nx: y", Text),
            ("authorization: é{}", Text),
            (&format!("a: {}{{}}", "b".repeat(255)), Text),
        ] {
            assert_eq!(text.parse::<HeaderTemplate>(), Err(error), "{text:?}");
        }
    }

    #[test]
    fn what_a_header_cannot_carry_is_not_put_into_one() {
        assert_eq!(filled("a: Bearer {};", b"x y~").unwrap(), "Bearer x y~;");
        for secret in [&b"a\n"[..], b"a\r\nb: c", b"\0", b"\x7f", "é".as_bytes(), b"\t"] {
            assert_eq!(filled("a: {}", secret), None, "{secret:?}");
        }
    }

    #[test]
    fn a_secret_never_leaves_this_machine_in_clear() {
        for (rule, expected) in [
            ("https://api.example.com", true),
            ("https://*.example.org:8443", true),
            ("http://127.0.0.1:9000", true),
            ("http://127.8.9.1", true),
            ("http://[::1]:9000", true),
            ("http://localhost", true),
            ("http://api.example.com", false),
            ("http://10.0.0.1", false),
            ("http://localhost.example.com", false),
            ("http://*.sub.localhost", false),
        ] {
            let injection = Injection::new(rule.parse().unwrap(), header("a: {}"));
            assert_eq!(injection.is_ok(), expected, "{rule}");
        }
    }

    #[test]
    fn two_secrets_in_the_same_header_of_a_request_collide() {
        let injection = |to: &str, name: &str| {
            Injection::new(to.parse().unwrap(), header(&format!("{name}: {{}}"))).unwrap()
        };
        let first = injection("https://*.example.com", "authorization");
        assert!(first.collides(&injection("https://api.example.com", "Authorization")));
        assert!(!first.collides(&injection("https://api.example.com", "x-api-key")));
        assert!(!first.collides(&injection("https://api.example.org", "authorization")));
    }
}
