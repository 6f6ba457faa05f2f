//! Whom a challenge may speak to: rules that its author asks for and its operator allows. Only what both name is open.

use std::{fmt, net::IpAddr, str::FromStr};

use crate::{Destination, DestinationError, Host, HttpScheme, text::serde_as_text};

/// `https://api.example.com`, `https://*.example.org:8443` or `http://127.0.0.1:9000`: a scheme, a host or all below a
/// name, and a port, which is the scheme's own where none is written.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OutboundRule {
    /// Also of a rule for all names below one: that one.
    at: Destination,
    below: bool,
}

/// Why a text is no rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OutboundRuleError {
    /// No `://`.
    #[error("a host is written with its scheme, as in https://api.example.com")]
    NoScheme,
    /// More than scheme, host and port.
    #[error("only scheme, host and port are given: everything below a host is allowed, or nothing")]
    Path,
    /// `*` anywhere but before a name of at least two parts.
    #[error("* stands first and before a name of at least two parts, as in https://*.example.org")]
    Wildcard,
    /// Scheme, host or port.
    #[error(transparent)]
    Destination(#[from] DestinationError),
}

impl OutboundRule {
    /// Whether a request to there is open by this rule.
    pub fn allows(&self, to: &Destination) -> bool {
        self.at.scheme == to.scheme && self.at.port == to.port && self.covers(&to.host)
    }

    /// Whether there is a request that both rules allow.
    pub fn overlaps(&self, other: &Self) -> bool {
        let (ours, theirs) = (&self.at, &other.at);
        let either = match (self.below, other.below) {
            (true, true) => ours.host == theirs.host || self.covers(&theirs.host) || other.covers(&ours.host),
            (true, false) => self.covers(&theirs.host),
            (false, _) => other.covers(&ours.host),
        };
        ours.scheme == theirs.scheme && ours.port == theirs.port && either
    }

    /// Whether the rule opens this address, which would not be open behind a name: it was written itself, or it is this
    /// machine's and `localhost` was written.
    pub fn names_address(&self, address: IpAddr) -> bool {
        match &self.at.host {
            Host::Ip(named) => *named == address,
            Host::Name(name) => name == "localhost" && !self.below && address.is_loopback(),
        }
    }

    /// Whether nobody between here and there can read along: what it allows goes over TLS, or stays in this machine.
    pub fn is_confidential(&self) -> bool {
        match (self.at.scheme, &self.at.host) {
            (HttpScheme::Https, _) => true,
            (HttpScheme::Http, Host::Ip(address)) => address.is_loopback(),
            (HttpScheme::Http, Host::Name(name)) => name == "localhost" && !self.below,
        }
    }

    fn covers(&self, host: &Host) -> bool {
        match (self.below, &self.at.host, host) {
            (false, ours, theirs) => ours == theirs,
            (true, Host::Name(suffix), Host::Name(name)) => {
                let rest = name.strip_suffix(suffix.as_str());
                rest.is_some_and(|rest| rest.ends_with('.'))
            }
            (true, _, _) => false,
        }
    }
}

impl FromStr for OutboundRule {
    type Err = OutboundRuleError;

    fn from_str(text: &str) -> Result<Self, OutboundRuleError> {
        let (scheme, rest) = text.split_once("://").ok_or(OutboundRuleError::NoScheme)?;
        if rest.contains(['/', '?', '#', '\\']) {
            return Err(OutboundRuleError::Path);
        }
        let below = rest.strip_prefix("*.");
        let at = Destination::parse(scheme, below.unwrap_or(rest));
        if rest.contains('*') {
            let Ok(Destination {
                host: Host::Name(name),
                ..
            }) = &at
            else {
                return Err(OutboundRuleError::Wildcard);
            };
            if !name.contains('.') {
                return Err(OutboundRuleError::Wildcard);
            }
        }
        Ok(Self {
            at: at?,
            below: below.is_some(),
        })
    }
}

impl fmt::Display for OutboundRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Destination { scheme, .. } = self.at;
        let below = if self.below { "*." } else { "" };
        write!(f, "{}://{below}{}", scheme.as_str(), self.at.authority())
    }
}

serde_as_text!(OutboundRule);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rule(text: &str) -> OutboundRule {
        text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    fn allowed(rule_text: &str, scheme: &str, authority: &str) -> bool {
        Destination::parse(scheme, authority).is_ok_and(|to| rule(rule_text).allows(&to))
    }

    #[test]
    fn a_rule_is_scheme_host_and_port() {
        for (written, shown) in [
            ("https://api.example.com", "https://api.example.com"),
            ("HTTPS://Api.Example.COM.:443", "https://api.example.com"),
            ("https://*.example.org:8443", "https://*.example.org:8443"),
            ("http://127.0.0.1:9000", "http://127.0.0.1:9000"),
            ("http://[::1]", "http://[::1]"),
            ("http://localhost:80", "http://localhost"),
        ] {
            assert_eq!(rule(written).to_string(), shown);
            assert_eq!(rule(shown), rule(written));
        }
        use OutboundRuleError::{NoScheme, Path, Wildcard};
        for (text, error) in [
            ("api.example.com", NoScheme),
            ("", NoScheme),
            ("https://example.com/", Path),
            ("https://example.com?x", Path),
            ("https://example.com\\", Path),
            ("https://*", Wildcard),
            ("https://*.com", Wildcard),
            ("https://*.com.", Wildcard),
            ("https://*.127.0.0.1", Wildcard),
            ("https://*example.com", Wildcard),
            ("https://a.*.example.com", Wildcard),
            ("https://*.*.example.com", Wildcard),
            ("https://example.com:*", Wildcard),
            ("ftp://example.com", DestinationError::Scheme.into()),
            ("https://user@example.com", DestinationError::User.into()),
            ("https://", DestinationError::Host.into()),
            ("https://example.com:0", DestinationError::Port.into()),
            ("https://2130706433", DestinationError::Host.into()),
        ] {
            assert_eq!(text.parse::<OutboundRule>(), Err(error), "{text}");
        }
    }

    #[test]
    fn a_request_is_allowed_by_its_final_authority() {
        for (authority, expected) in [
            ("api.example.com", true),
            ("API.Example.com.:443", true),
            ("api.example.com:8443", false),
            ("example.com", false),
            ("x.api.example.com", false),
            ("evilapi.example.com", false),
            ("api.example.com.evil.org", false),
            ("user@api.example.com", false),
            ("api.example.com@evil.org", false),
            ("api.example.com\\@evil.org", false),
            ("api%2eexample.com", false),
        ] {
            assert_eq!(
                allowed("https://api.example.com", "https", authority),
                expected,
                "{authority}"
            );
        }
        assert!(!allowed("https://api.example.com", "http", "api.example.com:443"));
        let below = "https://*.example.org:8443";
        for (authority, expected) in [
            ("a.example.org:8443", true),
            ("a.b.example.org:8443", true),
            ("example.org:8443", false),
            ("evilexample.org:8443", false),
            (".example.org:8443", false),
            ("a.example.org", false),
        ] {
            assert_eq!(allowed(below, "https", authority), expected, "{authority}");
        }
        assert!(allowed("http://127.0.0.1:9000", "http", "127.0.0.1:9000"));
        assert!(allowed(
            "http://127.0.0.1:9000",
            "http",
            "[::ffff:127.0.0.1]:9000"
        ));
        for odd in [
            "127.1:9000",
            "2130706433:9000",
            "0x7f.0.0.1:9000",
            "localhost:9000",
        ] {
            assert!(!allowed("http://127.0.0.1:9000", "http", odd), "{odd}");
        }
    }

    #[test]
    fn an_address_is_named_by_itself_and_loopback_by_localhost() {
        let names = |rule_text: &str, address: &str| rule(rule_text).names_address(address.parse().unwrap());
        assert!(names("http://10.0.0.1", "10.0.0.1"));
        assert!(names("http://[::1]", "::1"));
        assert!(names("http://localhost", "127.0.0.1") && names("http://localhost", "::1"));
        assert!(!names("http://localhost", "10.0.0.1"));
        assert!(!names("http://10.0.0.1", "10.0.0.2"));
        assert!(!names("http://*.sub.localhost", "127.0.0.1"));
        assert!(!names("http://intern.example.com", "10.0.0.1"));
    }

    proptest! {
        /// Two rules overlap if one names what the other allows, and who asks first does not matter.
        #[test]
        fn rules_that_allow_the_same_overlap(
            ours in r"https?://([*][.])?[ab][.]([ab][.])?com",
            theirs in r"https?://([*][.])?[ab][.]([ab][.])?com",
            authority in r"([ab][.]){1,3}com",
        ) {
            let (ours, theirs) = (rule(&ours), rule(&theirs));
            let to = Destination::parse("https", &authority).unwrap();
            prop_assert_eq!(ours.overlaps(&theirs), theirs.overlaps(&ours));
            prop_assert!(ours.overlaps(&ours));
            if ours.allows(&to) && theirs.allows(&to) {
                prop_assert!(ours.overlaps(&theirs));
            }
        }
    }
}
