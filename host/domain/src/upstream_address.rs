//! Where a challenge that speaks HTTP over the network listens.

use std::{fmt, str::FromStr};

use crate::{Destination, DestinationError, Host, text::serde_as_text};

/// `http://challenge-tsp:8000`: a host and a port, which is 80 where none is written. Nothing else: what is asked of it
/// comes with each request.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UpstreamAddress(Destination);

/// Why a text is no address of a challenge.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UpstreamAddressError {
    /// Longer than any name with a port.
    #[error("an address has at most {} bytes", UpstreamAddress::MAX_LEN)]
    TooLong,
    /// Not in the clear, or no scheme at all. Challenges are on networks of the host's own.
    #[error("an address begins with http://, as in http://challenge-tsp:8000")]
    Scheme,
    /// More than host and port.
    #[error(
        "only host and port are given, as in http://challenge-tsp:8000: no path, no query and no fragment"
    )]
    Path,
    /// The host or the port.
    #[error(transparent)]
    Destination(#[from] DestinationError),
}

impl UpstreamAddress {
    /// The longest name that DNS takes, with the scheme before it and a port and a slash after it.
    pub const MAX_LEN: usize = 272;

    /// Who is connected to.
    pub const fn host(&self) -> &Host {
        &self.0.host
    }

    /// Where it listens.
    pub const fn port(&self) -> u16 {
        self.0.port
    }

    /// What a `Host` header says: without the port where it is 80.
    pub fn authority(&self) -> String {
        self.0.authority()
    }
}

impl FromStr for UpstreamAddress {
    type Err = UpstreamAddressError;

    fn from_str(text: &str) -> Result<Self, UpstreamAddressError> {
        if text.len() > Self::MAX_LEN {
            return Err(UpstreamAddressError::TooLong);
        }
        let (scheme, rest) = text.split_once("://").ok_or(UpstreamAddressError::Scheme)?;
        if !scheme.eq_ignore_ascii_case("http") {
            return Err(UpstreamAddressError::Scheme);
        }
        let authority = rest.strip_suffix('/').unwrap_or(rest);
        if authority.contains(['/', '?', '#', '\\']) {
            return Err(UpstreamAddressError::Path);
        }
        Ok(Self(Destination::parse(scheme, authority)?))
    }
}

impl fmt::Display for UpstreamAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

serde_as_text!(UpstreamAddress);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_written_as_it_is_read() {
        for (text, written, authority) in [
            ("http://127.0.0.1:8000", "http://127.0.0.1:8000", "127.0.0.1:8000"),
            (
                "http://challenge-tsp:8000/",
                "http://challenge-tsp:8000",
                "challenge-tsp:8000",
            ),
            ("HTTP://Challenge_TSP", "http://challenge_tsp", "challenge_tsp"),
            ("http://tsp.internal:80", "http://tsp.internal", "tsp.internal"),
            ("http://[::1]:8000", "http://[::1]:8000", "[::1]:8000"),
        ] {
            let address: UpstreamAddress = text.parse().unwrap();
            assert_eq!(address.to_string(), written);
            assert_eq!(address.authority(), authority);
            assert_eq!(written.parse::<UpstreamAddress>().unwrap(), address);
            let json = serde_json::to_string(&address).unwrap();
            assert_eq!(json, format!("{written:?}"));
            assert_eq!(serde_json::from_str::<UpstreamAddress>(&json).unwrap(), address);
        }
    }

    #[test]
    fn a_malformed_address_is_refused_with_its_reason() {
        use UpstreamAddressError::{Path, Scheme};
        let destination = UpstreamAddressError::Destination;
        for (text, expected) in [
            ("", Scheme),
            ("challenge-tsp:8000", Scheme),
            ("https://challenge-tsp", Scheme),
            ("unix:///run/tsp", Scheme),
            ("http://tsp/internal", Path),
            ("http://tsp//", Path),
            ("http://tsp/?x", Path),
            ("http://tsp?x", Path),
            ("http://tsp#x", Path),
            ("http://tsp\\x", Path),
            ("http://", destination(DestinationError::Host)),
            ("http:///", destination(DestinationError::Host)),
            ("http://t sp", destination(DestinationError::Host)),
            ("http://tsp\r\nx: y", destination(DestinationError::Host)),
            ("http://2130706433", destination(DestinationError::Host)),
            ("http://user@tsp", destination(DestinationError::User)),
            ("http://user:word@tsp", destination(DestinationError::User)),
            ("http://tsp:", destination(DestinationError::Port)),
            ("http://tsp:0", destination(DestinationError::Port)),
            ("http://tsp:65536", destination(DestinationError::Port)),
        ] {
            assert_eq!(text.parse::<UpstreamAddress>(), Err(expected), "{text}");
        }
        assert_eq!(
            format!("http://{}", "a".repeat(300)).parse::<UpstreamAddress>(),
            Err(UpstreamAddressError::TooLong)
        );
    }

    #[test]
    fn the_longest_name_that_dns_takes_fits() {
        let name = ["a".repeat(63), "b".repeat(63), "c".repeat(63), "d".repeat(61)].join(".");
        let text = format!("http://{name}:65535/");
        assert!(text.parse::<UpstreamAddress>().is_ok(), "{}", text.len());
    }
}
