//! Where a request over HTTP goes, read once and strictly: what two programs could read differently is no destination.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    str::FromStr,
};

use crate::text::serde_as_text;

/// What a challenge may speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum HttpScheme {
    /// In the clear.
    Http,
    /// Over TLS.
    Https,
}

/// Who is spoken to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Host {
    /// A name in lower case, without a dot at its end. Names of other alphabets are as DNS has them, `xn--…`.
    Name(String),
    /// An address; IPv4 inside of IPv6 is IPv4.
    Ip(IpAddr),
}

/// Scheme, host and port of a request.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Destination {
    /// How.
    pub scheme: HttpScheme,
    /// To whom.
    pub host: Host,
    /// The default of the scheme where none was written.
    pub port: u16,
}

/// The text is no destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DestinationError {
    /// Neither `http` nor `https`.
    #[error("the scheme is http or https")]
    Scheme,
    /// A name before `@`.
    #[error("it names a user")]
    User,
    /// No name and no address, or one that others might read as something else.
    #[error(
        "the host is a name of letters, digits, hyphens and dots, an IPv4 address or an IPv6 address in brackets"
    )]
    Host,
    /// Not a number from 1 to 65535.
    #[error("the port is a number from 1 to 65535")]
    Port,
}

/// What DNS takes.
const MAX_NAME: usize = 253;
/// The same for what is between two dots.
const MAX_LABEL: usize = 63;

impl Destination {
    /// Reads a scheme and an authority.
    pub fn parse(scheme: &str, authority: &str) -> Result<Self, DestinationError> {
        let scheme = match scheme {
            _ if scheme.eq_ignore_ascii_case("http") => HttpScheme::Http,
            _ if scheme.eq_ignore_ascii_case("https") => HttpScheme::Https,
            _ => return Err(DestinationError::Scheme),
        };
        let (host, port) = read_authority(authority)?;
        let port = port.unwrap_or(scheme.default_port());
        Ok(Self { scheme, host, port })
    }

    /// What a `Host` header says: without the port where it is the scheme's own.
    pub fn authority(&self) -> String {
        let Self { scheme, host, port } = self;
        match *port == scheme.default_port() {
            true => host.to_string(),
            false => format!("{host}:{port}"),
        }
    }
}

/// Host and port, which is absent where none is written.
pub(crate) fn read_authority(authority: &str) -> Result<(Host, Option<u16>), DestinationError> {
    if authority.contains('@') {
        return Err(DestinationError::User);
    }
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => {
            let (address, port) = rest.split_once(']').ok_or(DestinationError::Host)?;
            let address: Ipv6Addr = address.parse().map_err(|_| DestinationError::Host)?;
            (Host::Ip(IpAddr::V6(address).to_canonical()), port)
        }
        None => {
            let (host, port) = authority.split_at(authority.find(':').unwrap_or(authority.len()));
            (Host::parse(host)?, port)
        }
    };
    match port.strip_prefix(':') {
        Some(digits) => Ok((host, Some(parse_port(digits)?))),
        None if port.is_empty() => Ok((host, None)),
        None => Err(DestinationError::Host),
    }
}

impl Host {
    /// A name, or an IPv4 address in its usual form. What a resolver might read as an address in another one is refused.
    pub(crate) fn parse(text: &str) -> Result<Self, DestinationError> {
        let text = text.strip_suffix('.').unwrap_or(text);
        if let Ok(address) = text.parse::<Ipv4Addr>() {
            return Ok(Self::Ip(address.into()));
        }
        let name = text.to_ascii_lowercase();
        let last = name.rsplit('.').next().unwrap_or_default();
        if name.len() > MAX_NAME || !name.split('.').all(is_label) || is_number(last) {
            return Err(DestinationError::Host);
        }
        Ok(Self::Name(name))
    }
}

fn is_label(label: &str) -> bool {
    let allowed = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_');
    (1..=MAX_LABEL).contains(&label.len()) && label.bytes().all(allowed)
}

/// As what reads URLs has it: a host whose last part is a number is an IPv4 address, in whatever notation.
fn is_number(label: &str) -> bool {
    let hex = label.strip_prefix("0x");
    label.bytes().all(|c| c.is_ascii_digit())
        || hex.is_some_and(|hex| hex.bytes().all(|c| c.is_ascii_hexdigit()))
}

fn parse_port(digits: &str) -> Result<u16, DestinationError> {
    let plain = digits.bytes().all(|c| c.is_ascii_digit());
    let port = digits.parse().ok().filter(|port| plain && *port != 0);
    port.ok_or(DestinationError::Port)
}

impl HttpScheme {
    /// Where servers listen.
    pub const fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }

    /// As in a URL.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}

impl FromStr for Host {
    type Err = DestinationError;

    /// IPv6 is in brackets, as where a port may follow; none may here.
    fn from_str(text: &str) -> Result<Self, DestinationError> {
        match read_authority(text)? {
            (host, None) => Ok(host),
            (_, Some(_)) => Err(DestinationError::Host),
        }
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Ip(IpAddr::V4(address)) => address.fmt(f),
            Self::Ip(IpAddr::V6(address)) => write!(f, "[{address}]"),
        }
    }
}

serde_as_text!(Host);

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme.as_str(), self.authority())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(authority: &str) -> Result<String, DestinationError> {
        Destination::parse("http", authority).map(|it| it.to_string())
    }

    #[test]
    fn what_is_the_same_reads_the_same() {
        for (authority, expected) in [
            ("example.com", "http://example.com"),
            ("EXAMPLE.com.", "http://example.com"),
            ("example.com:80", "http://example.com"),
            ("example.com:0080", "http://example.com"),
            ("example.com:8080", "http://example.com:8080"),
            ("localhost:9000", "http://localhost:9000"),
            ("xn--bcher-kva.example", "http://xn--bcher-kva.example"),
            ("127.0.0.1:9000", "http://127.0.0.1:9000"),
            ("127.0.0.1.", "http://127.0.0.1"),
            ("[::1]:443", "http://[::1]:443"),
            ("[0:0::1]", "http://[::1]"),
            ("[::ffff:127.0.0.1]", "http://127.0.0.1"),
        ] {
            assert_eq!(read(authority).unwrap(), expected, "{authority}");
        }
        let tls = Destination::parse("HTTPS", "example.com:443").unwrap();
        assert_eq!((tls.to_string().as_str(), tls.port), ("https://example.com", 443));
    }

    #[test]
    fn what_others_could_read_differently_is_refused() {
        use DestinationError::{Host, Port, User};
        for (authority, expected) in [
            ("", Host),
            (".", Host),
            ("a..b", Host),
            ("user@example.com", User),
            ("example.com@127.0.0.1", User),
            ("example.com:80@127.0.0.1", User),
            ("example.com\\.evil", Host),
            ("example.com/path", Host),
            ("http://example.com", Port),
            ("example.com?x", Host),
            ("example.com#x", Host),
            ("example%2ecom", Host),
            ("example.com%00", Host),
            ("ex ample.com", Host),
            ("bücher.example", Host),
            ("１２７.0.0.1", Host),
            ("127。0。0。1", Host),
            ("2130706433", Host),
            ("0x7f000001", Host),
            ("0x7f.1", Host),
            ("0x", Host),
            ("127.1", Host),
            ("0177.0.0.1", Host),
            ("127.0.0.01", Host),
            ("1.2.3.4.5", Host),
            ("256.1.1.1", Host),
            ("::1", Host),
            ("[::1", Host),
            ("[fe80::1%25eth0]", Host),
            ("[127.0.0.1]", Host),
            ("[::1]x", Host),
            ("example.com:", Port),
            ("example.com:0", Port),
            ("example.com:+80", Port),
            ("example.com:65536", Port),
            ("example.com:80:80", Port),
        ] {
            assert_eq!(read(authority), Err(expected), "{authority}");
        }
        assert!(read(&"a".repeat(64)).is_err());
        assert!(read(&["a.".repeat(126), "aa".to_owned()].concat()).is_err());
        assert_eq!(Destination::parse("ftp", "x"), Err(DestinationError::Scheme));
    }

    #[test]
    fn a_host_alone_is_written_as_it_is_read() {
        for (text, written) in [
            ("GPU1.example.", "gpu1.example"),
            ("10.0.0.7", "10.0.0.7"),
            ("[fd00:0::7]", "[fd00::7]"),
        ] {
            let host: super::Host = text.parse().unwrap();
            assert_eq!(host.to_string(), written);
            assert_eq!(written.parse::<super::Host>(), Ok(host));
        }
        for bad in [
            "",
            "gpu1:80",
            "fd00::7",
            "me@gpu1",
            "gpu 1",
            "[fd00::7]:80",
            "http://gpu1",
        ] {
            assert!(bad.parse::<super::Host>().is_err(), "{bad}");
        }
    }

    proptest! {
        /// What libraries for URLs make of the same text is the same, or nothing.
        #[test]
        fn nobody_reads_another_host_or_port(authority in r"[aAxX0127fe.:@/\\%\[\]?# -]{0,20}|([a-z0-9]{1,3}[.]){1,3}[a-z0-9x]{1,4}[.]?(:[0-9]{1,5})?") {
            if let Ok(ours) = Destination::parse("http", &authority) {
                let host = ours.host.to_string();
                if let Ok(url) = url::Url::parse(&format!("http://{authority}/path")) {
                    let theirs = url.host_str().unwrap();
                    let theirs = theirs.strip_suffix('.').unwrap_or(theirs);
                    // IPv4 inside of IPv6 is written as IPv6 there.
                    if !theirs.starts_with("[::ffff:") {
                        prop_assert_eq!(theirs, &host);
                    }
                    prop_assert_eq!(url.port_or_known_default(), Some(ours.port));
                    prop_assert_eq!((url.username(), url.password(), url.path()), ("", None, "/path"));
                }
                if let Ok(uri) = format!("http://{authority}/path").parse::<http::Uri>() {
                    let theirs = uri.host().unwrap().to_ascii_lowercase();
                    let theirs = theirs.strip_suffix('.').unwrap_or(&theirs);
                    if !theirs.starts_with('[') {
                        prop_assert_eq!(theirs, &host);
                    }
                    prop_assert_eq!(uri.port_u16().unwrap_or(80), ours.port);
                }
            }
        }

        #[test]
        fn what_is_written_reads_as_it_was(authority in r"([a-z0-9-]{1,5}[.]){0,3}[a-z]{1,4}(:[1-9][0-9]{0,3})?") {
            let destination = Destination::parse("https", &authority).unwrap();
            prop_assert_eq!(&Destination::parse("https", &destination.authority()).unwrap(), &destination);
        }
    }
}
