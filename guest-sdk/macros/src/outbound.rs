//! The servers that `outbound("...")` names. What is obviously none is a compile error; the host reads them once more.

use std::net::{IpAddr, Ipv6Addr};

use syn::{
    Error, LitStr, Result, parenthesized,
    parse::{Parse, ParseStream},
};

use crate::options::comma;

/// The servers as they were written.
#[derive(Default)]
pub(crate) struct Outbound(pub(crate) Vec<String>);

/// As many as the host takes.
const MAX_SERVERS: usize = 64;

impl Parse for Outbound {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let inside;
        parenthesized!(inside in input);
        let mut servers: Vec<String> = Vec::new();
        while !inside.is_empty() {
            let literal: LitStr = inside.parse()?;
            let refuse = |reason| Err(Error::new(literal.span(), reason));
            let server = literal.value();
            if let Err(reason) = check(&server) {
                return refuse(reason);
            }
            if servers
                .iter()
                .any(|earlier| earlier.eq_ignore_ascii_case(&server))
            {
                return refuse("written twice");
            }
            if servers.len() == MAX_SERVERS {
                return refuse("a challenge names 64 servers at most");
            }
            servers.push(server);
            comma(&inside)?;
        }
        Ok(Self(servers))
    }
}

fn check(server: &str) -> std::result::Result<(), &'static str> {
    let Some((scheme, rest)) = server.split_once("://") else {
        return Err("write it with its scheme: \"https://api.example.com\"");
    };
    if !["http", "https"]
        .iter()
        .any(|known| scheme.eq_ignore_ascii_case(known))
    {
        return Err("the scheme is http or https");
    }
    if rest.contains(['/', '?', '#', '\\']) {
        return Err("only scheme, host and port: take out the path");
    }
    if rest.contains('@') {
        return Err("a user is no part of a server: send it as a header");
    }
    let (below, authority) = match rest.strip_prefix("*.") {
        Some(rest) => (true, rest),
        None => (false, rest),
    };
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (authority, None),
    };
    if port.is_some_and(|port| !port.parse::<u16>().is_ok_and(|port| port > 0)) {
        return Err("the port is a number from 1 to 65535");
    }
    if let Some(address) = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        let known = !below && address.parse::<Ipv6Addr>().is_ok();
        return if known {
            Ok(())
        } else {
            Err("that is no IPv6 address")
        };
    }
    let name = host.strip_suffix('.').unwrap_or(host);
    let address = host.parse::<IpAddr>().is_ok();
    if authority.contains('*') || (below && (address || !name.contains('.'))) {
        return Err("* stands first and before a name of at least two parts: \"https://*.example.org\"");
    }
    let label = |label: &str| {
        let plain = label
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
        plain && !label.is_empty()
    };
    match name.split('.').all(label) {
        true => Ok(()),
        false => Err(
            "the host is a name of letters, digits, hyphens and dots, or an address; of other alphabets xn--…",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_obviously_no_server_is_refused_with_what_to_do() {
        for good in [
            "https://api.example.com",
            "HTTPS://Api.Example.com.:443",
            "https://*.example.org:8443",
            "http://127.0.0.1:9000",
            "http://[::1]:80",
            "http://localhost",
            "https://xn--bcher-kva.example",
        ] {
            assert_eq!(check(good), Ok(()), "{good}");
        }
        for (bad, says) in [
            ("api.example.com", "with its scheme"),
            ("", "with its scheme"),
            ("ftp://example.com", "http or https"),
            ("https://example.com/", "take out the path"),
            ("https://example.com?x", "take out the path"),
            ("https://user@example.com", "a user is no part"),
            ("https://", "the host is a name"),
            ("https://a..example", "the host is a name"),
            ("https://bücher.example", "the host is a name"),
            ("https://a b", "the host is a name"),
            ("https://example.com:", "the port"),
            ("https://example.com:0", "the port"),
            ("https://example.com:65536", "the port"),
            ("https://example.com:x", "the port"),
            ("https://[::1", "the"),
            ("https://[x]", "IPv6"),
            ("https://*", "* stands first"),
            ("https://*.com", "* stands first"),
            ("https://*.com.", "* stands first"),
            ("https://*.127.0.0.1", "* stands first"),
            ("https://*example.com", "* stands first"),
            ("https://a.*.example.com", "* stands first"),
            ("https://*.*.example.com", "* stands first"),
        ] {
            let error = check(bad).unwrap_err();
            assert!(error.contains(says), "{bad}: {error}");
        }
        let parsed = |text: &str| syn::parse_str::<Outbound>(text).map_err(|error| error.to_string());
        let twice = parsed(r#"("https://a.example", "https://A.example")"#);
        assert_eq!(twice.err().as_deref(), Some("written twice"));
        assert_eq!(
            parsed(r#"("https://a.example", "http://b.example",)"#)
                .unwrap()
                .0
                .len(),
            2
        );
        assert!(parsed(r#"["https://a.example"]"#).is_err());
    }
}
