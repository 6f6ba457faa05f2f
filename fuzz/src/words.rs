//! Texts with a meaning, among those that have none: a fuzzer finds `%2569nternal` sooner when it has the pieces.

use arbitrary::{Arbitrary, Result, Unstructured};

/// A name of a header.
#[derive(Arbitrary, Debug)]
pub(crate) enum Name {
    Known(Known),
    /// Of the host's own family.
    Own(u8),
    Any(Vec<u8>),
}

/// One that some side treats in a way of its own, or that others nominate.
#[derive(Debug)]
pub(crate) struct Known(&'static str);

/// A value of a header.
#[derive(Arbitrary, Debug)]
pub(crate) enum Value {
    Any(Vec<u8>),
    Number(u32),
    /// Names, as in `Connection`, and what is between them.
    Names(Vec<(Name, Between)>),
    Long(u16),
}

/// What is between two names of a list.
#[derive(Debug)]
pub(crate) struct Between(&'static str);

const NAMES: [&str; 37] = [
    "forwarded",
    "x-real-ip",
    "x_hotkey",
    "X_Forwarded_For",
    "connection",
    "keep-alive",
    "proxy-connection",
    "proxy-authenticate",
    "proxy-authorization",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "authorization",
    "x-admin-token",
    "host",
    "expect",
    "x-request-id",
    "x-hotkey",
    "x-signature",
    "x-nonce",
    "x-timestamp",
    "content-length",
    "content-type",
    "content-encoding",
    "cookie",
    "set-cookie",
    "accept",
    "X-A",
    "x-a",
    "x-b",
    "x-aa",
    "date",
    "server",
    "vary",
    "retry-after",
    "location",
];
const BETWEEN: [&str; 6] = [",", ", ", " ,\t", ",,", ";", " "];

impl Name {
    pub(crate) fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Known(Known(name)) => (*name).into(),
            Self::Own(number) => format!(
                "x-platform-{}",
                ["proxy", "challenge-slug", "a"][usize::from(number % 3)]
            )
            .into(),
            Self::Any(bytes) => bytes.clone(),
        }
    }
}

impl Value {
    pub(crate) fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Any(bytes) => bytes.clone(),
            Self::Number(number) => number.to_string().into(),
            Self::Names(names) => {
                let each = names
                    .iter()
                    .map(|(name, between)| [name.bytes(), between.0.into()].concat());
                each.flatten().collect()
            }
            Self::Long(length) => vec![b'x'; usize::from(*length)],
        }
    }
}

impl<'a> Arbitrary<'a> for Known {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        u.choose(&NAMES).map(|name| Self(name))
    }
}

impl<'a> Arbitrary<'a> for Between {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        u.choose(&BETWEEN).map(|between| Self(between))
    }
}

/// Headers of one hop by RFC 9110 and by custom.
pub(crate) const ONE_HOP: [&str; 9] = [
    "connection",
    "keep-alive",
    "proxy-connection",
    "proxy-authenticate",
    "proxy-authorization",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Headers as pairs, the names in lower case.
pub(crate) type Headers = Vec<(String, Vec<u8>)>;

/// Without those of one hop, those that `Connection` nominates, and those that `more` says.
pub(crate) fn without_one_hop(headers: &Headers, more: impl Fn(&str) -> bool) -> Headers {
    let mut gone: Vec<Vec<u8>> = ONE_HOP.map(|name| name.as_bytes().to_vec()).to_vec();
    for (_, value) in headers.iter().filter(|(name, _)| name == "connection") {
        let listed = value.split(|byte| *byte == b',');
        let trimmed = listed.map(|name| {
            let blank = |byte: &u8| matches!(byte, b' ' | b'\t');
            let from = name.iter().position(|byte| !blank(byte)).unwrap_or(name.len());
            let to = name
                .iter()
                .rposition(|byte| !blank(byte))
                .map_or(from, |at| at + 1);
            name[from..to].to_ascii_lowercase()
        });
        gone.extend(trimmed);
    }
    let stays = |name: &String| !gone.iter().any(|it| it == name.as_bytes()) && !more(name);
    headers.iter().filter(|(name, _)| stays(name)).cloned().collect()
}

/// Every value of each name in order; the order of different names says nothing in HTTP.
pub(crate) fn by_name(mut headers: Headers) -> Headers {
    headers.sort_by(|(one, _), (other, _)| one.cmp(other));
    headers
}
