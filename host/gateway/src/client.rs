//! Who a request comes from, as far as an address tells: the peer of the connection, or the client that a trusted proxy
//! names.

use std::net::{IpAddr, SocketAddr};

use http::{
    HeaderMap, HeaderValue,
    header::{AsHeaderName, HOST},
    request::Parts,
};
use ipnet::IpNet;

pub(crate) const FORWARDED_FOR: &str = "x-forwarded-for";
pub(crate) const FORWARDED_PROTO: &str = "x-forwarded-proto";
pub(crate) const FORWARDED_HOST: &str = "x-forwarded-host";
const PLAIN: &str = "http";
const SECURE: &str = "https";

/// Who is at the other end of the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Its address.
    pub address: IpAddr,
    /// Whether it speaks TLS.
    pub secure: bool,
}

impl From<IpAddr> for Peer {
    fn from(address: IpAddr) -> Self {
        Self {
            address,
            secure: false,
        }
    }
}

/// The proxies whose word counts for where a request came from. Anybody can write these headers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrustedProxies(Vec<IpNet>);

/// Where a request came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Client {
    /// Its address; an IPv4 address in the form of an IPv6 one is the IPv4 address.
    pub(crate) address: IpAddr,
    /// `http` or `https`, as the client spoke to whoever it spoke to.
    pub(crate) proto: &'static str,
    /// The authority that it asked for.
    pub(crate) host: Option<HeaderValue>,
    /// Whether this is one of the proxies, speaking for itself.
    pub(crate) trusted: bool,
}

impl TrustedProxies {
    /// These networks, and nobody else.
    pub fn new(networks: impl IntoIterator<Item = IpNet>) -> Self {
        Self(networks.into_iter().collect())
    }

    /// Whether this address is one of theirs.
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }

    /// From the right, where each proxy adds who it was asked by: the first that is none of the proxies. What stands left of
    /// it was written by that client, and is not believed.
    pub(crate) fn client(&self, peer: Peer, parts: &Parts) -> Client {
        let Peer { address, secure } = peer;
        let (peer, spoken) = (address.to_canonical(), if secure { SECURE } else { PLAIN });
        let own = |address| Client {
            address,
            proto: spoken,
            host: authority(parts),
            trusted: self.contains(address),
        };
        if !self.contains(peer) {
            return own(peer);
        }
        let mut address = peer;
        for hop in hops(&parts.headers) {
            // A proxy that writes something else is believed in what it says of itself only.
            let Some(hop) = hop else { break };
            address = hop;
            if !self.contains(hop) {
                break;
            }
        }
        let proto = match last(&parts.headers, FORWARDED_PROTO).map(HeaderValue::as_bytes) {
            Some(b"https") => SECURE,
            Some(_) => PLAIN,
            None => spoken,
        };
        Client {
            proto,
            host: last(&parts.headers, FORWARDED_HOST)
                .cloned()
                .or_else(|| authority(parts)),
            ..own(address)
        }
    }
}

/// The addresses in `X-Forwarded-For`, the nearest first; `None` for what is no address.
fn hops(headers: &HeaderMap) -> impl Iterator<Item = Option<IpAddr>> {
    let lines: Vec<_> = headers.get_all(FORWARDED_FOR).iter().collect();
    let lines = lines.into_iter().rev();
    lines.flat_map(|line| {
        let hops = line.as_bytes().rsplit(|byte| *byte == b',');
        hops.map(|hop| address(std::str::from_utf8(hop).ok()?.trim()))
    })
}

/// With or without a port, as proxies write it.
fn address(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']'));
    let address = bare.unwrap_or(text).parse::<IpAddr>();
    let address = address.or_else(|_| text.parse::<SocketAddr>().map(|it| it.ip()));
    address.ok().map(|address| address.to_canonical())
}

/// The nearest proxy's word.
fn last(headers: &HeaderMap, name: impl AsHeaderName) -> Option<&HeaderValue> {
    headers.get_all(name).iter().next_back()
}

fn authority(parts: &Parts) -> Option<HeaderValue> {
    let asked = parts.uri.authority().map(|it| HeaderValue::from_str(it.as_str()));
    match asked {
        Some(asked) => asked.ok(),
        None => parts.headers.get(HOST).cloned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PEER: &str = "10.1.2.3";

    fn client(trusted: &[&str], peer: &str, headers: &[(&str, &str)]) -> Client {
        let trusted = TrustedProxies::new(trusted.iter().map(|network| network.parse().unwrap()));
        let mut request = http::Request::builder().uri("/challenges/tsp");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        trusted.client(
            peer.parse::<IpAddr>().unwrap().into(),
            &request.body(()).unwrap().into_parts().0,
        )
    }

    #[test]
    fn a_client_is_the_peer_or_whom_a_trusted_proxy_names() {
        for (trusted, headers, address) in [
            (&[][..], &["192.0.2.1"][..], PEER),
            (&["10.0.0.0/8"], &[], PEER),
            (&["10.0.0.0/8"], &["192.0.2.1"], "192.0.2.1"),
            // What the client wrote itself stands left of what the proxy added.
            (&["10.0.0.0/8"], &["198.51.100.7, 192.0.2.1"], "192.0.2.1"),
            (&["10.0.0.0/8"], &["198.51.100.7", "192.0.2.1"], "192.0.2.1"),
            (&["10.0.0.0/8"], &["192.0.2.1,10.9.9.9 , 10.8.8.8"], "192.0.2.1"),
            (&["10.0.0.0/8"], &["10.9.9.9"], "10.9.9.9"),
            (&["10.0.0.0/8"], &["192.0.2.1:4711"], "192.0.2.1"),
            (&["10.0.0.0/8"], &["[2001:db8::1]:4711"], "2001:db8::1"),
            (&["10.0.0.0/8"], &["[2001:db8::1]"], "2001:db8::1"),
            (&["10.0.0.0/8"], &["::ffff:192.0.2.1"], "192.0.2.1"),
            (&["10.0.0.0/8"], &["192.0.2.1, unknown"], PEER),
            (&["10.0.0.0/8"], &["192.0.2.1, unknown, 10.9.9.9"], "10.9.9.9"),
            (&["10.0.0.0/8"], &["", "192.0.2.1,"], PEER),
            (&["10.1.2.4/32"], &["192.0.2.1"], PEER),
        ] {
            let headers: Vec<_> = headers.iter().map(|value| (FORWARDED_FOR, *value)).collect();
            for peer in [PEER, "::ffff:10.1.2.3"] {
                let found = client(trusted, peer, &headers).address;
                assert_eq!(found.to_string(), address, "{trusted:?} {headers:?}");
            }
        }
    }

    #[test]
    fn scheme_and_authority_are_the_trusted_proxys_or_what_is_on_the_wire() {
        let headers = [
            ("host", "host.example"),
            (FORWARDED_PROTO, "https"),
            (FORWARDED_HOST, "public.example"),
        ];
        let of = |trusted: &[&str], headers: &[(&str, &str)]| {
            let client = client(trusted, PEER, headers);
            (
                client.proto,
                client.host.map(|host| host.to_str().unwrap().to_owned()),
                client.trusted,
            )
        };
        assert_eq!(of(&[], &headers), ("http", Some("host.example".into()), false));
        assert_eq!(
            of(&["10.0.0.0/8"], &headers),
            ("https", Some("public.example".into()), true)
        );
        assert_eq!(
            of(&["10.0.0.0/8"], &headers[..1]),
            ("http", Some("host.example".into()), true)
        );
        assert_eq!(
            of(&["10.0.0.0/8"], &[(FORWARDED_PROTO, "javascript")]),
            ("http", None, true)
        );
    }

    proptest::proptest! {
        #[test]
        fn whoever_is_not_trusted_is_its_own_address_whatever_it_writes(lines in proptest::collection::vec("[ -~]{0,40}", 0..4)) {
            let headers: Vec<_> = lines.iter().map(|line| (FORWARDED_FOR, line.as_str())).collect();
            proptest::prop_assert_eq!(client(&["192.0.2.0/24"], PEER, &headers).address.to_string(), PEER);
            // And one that is may write anything without a panic.
            client(&["10.0.0.0/8"], PEER, &headers);
        }
    }
}
