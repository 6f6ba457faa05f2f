//! How the public side serves one challenge, beyond what its manifest says.

use std::{collections::BTreeSet, fmt, num::NonZeroU32, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::{ByteSize, UpstreamAddress, text::serde_as_text};

/// What an operator decides about how a challenge is served. Everything absent is the host's default.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Serving {
    /// Where the container of the challenge listens, which somebody else runs. Components have none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<UpstreamAddress>,
    /// The largest request body of a route that declares none, up to the host's own limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_body: Option<ByteSize>,
    /// Requests a second of all clients together, and as many at one moment; unlimited when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requests_per_second: Option<NonZeroU32>,
    /// Web pages whose scripts may read its answers. When there are any, the host answers browsers' questions about it in
    /// the challenge's place.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub cors_origins: BTreeSet<CorsOrigin>,
}

/// More pages than this read one leaderboard only by mistake.
pub const MAX_CORS_ORIGINS: usize = 32;

impl Serving {
    /// Whether nothing is decided.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// Where a web page comes from, as a browser writes it into `Origin`: `https://leaderboard.example`, or `*` for every page.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CorsOrigin(String);

/// The text is no origin.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an origin is * or http(s)://HOST[:PORT] in lower case, without a path")]
pub struct CorsOriginError;

impl CorsOrigin {
    const MAX_LEN: usize = 300;
    const ANY: &str = "*";

    /// Whether this is every page.
    pub fn is_any(&self) -> bool {
        self.0 == Self::ANY
    }

    /// As it stands in a header.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for CorsOrigin {
    type Err = CorsOriginError;

    fn from_str(text: &str) -> Result<Self, CorsOriginError> {
        let host = text
            .strip_prefix("https://")
            .or_else(|| text.strip_prefix("http://"));
        let (host, port) = match host.and_then(|host| host.rsplit_once(':')) {
            Some((host, port)) if !port.ends_with(']') => (Some(host), Some(port)),
            _ => (host, None),
        };
        // A browser compares byte by byte: what it never writes would never match.
        let sign = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || b".-[]:".contains(&c);
        let host = host.is_some_and(|host| !host.is_empty() && host.bytes().all(sign));
        let port = port.is_none_or(|port| port.parse::<u16>().is_ok_and(|number| number.to_string() == port));
        if text.len() <= Self::MAX_LEN && (text == Self::ANY || host && port) {
            Ok(Self(text.to_owned()))
        } else {
            Err(CorsOriginError)
        }
    }
}

impl fmt::Display for CorsOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

serde_as_text!(CorsOrigin);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_what_a_browser_writes() {
        for good in [
            "*",
            "https://a.example",
            "http://localhost:3000",
            "http://[::1]:8080",
            "http://[::1]",
        ] {
            assert_eq!(
                good.parse::<CorsOrigin>().map(|it| it.to_string()),
                Ok(good.to_owned())
            );
        }
        for bad in [
            "",
            "null",
            "a.example",
            "https://",
            "https://a.example/",
            "https://A.example",
            "https://a.example:",
            "https://a.example:080",
            "https://a.example:70000",
            "https://u@a.example",
            "https://a.example\r\nx",
            "**",
            "https://*.example",
        ] {
            assert_eq!(bad.parse::<CorsOrigin>(), Err(CorsOriginError), "{bad:?}");
        }
        assert!(
            format!("https://{}", "a".repeat(300))
                .parse::<CorsOrigin>()
                .is_err()
        );
    }

    #[test]
    fn what_is_not_decided_is_not_written() {
        assert_eq!(serde_json::to_string(&Serving::default()).unwrap(), "{}");
        assert_eq!(serde_json::from_str::<Serving>("{}").unwrap(), Serving::default());
        assert!(
            serde_json::from_str::<Serving>(r#"{"cors":[]}"#).is_err(),
            "a typing error is told"
        );
    }
}
