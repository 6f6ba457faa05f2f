//! Whether a manifest asks for a host, as the host of challenges compares it. The rules were checked when they were
//! compiled.

use crate::http::url::Url;

/// Whether this rule names where the URL leads.
pub(super) fn asked_for(rule: &str, url: &Url) -> bool {
    let Some((scheme, rest)) = rule.split_once("://") else {
        return false;
    };
    let secure = scheme.eq_ignore_ascii_case("https");
    let (below, rest) = match rest.strip_prefix("*.") {
        Some(rest) => (true, rest),
        None => (false, rest),
    };
    let (ours, theirs) = (place(rest, secure), place(&url.authority, url.secure));
    let (Some((name, port)), Some((asked, asked_port))) = (ours, theirs) else {
        return false;
    };
    let named = match below {
        true => asked.strip_suffix(&name).is_some_and(|rest| rest.ends_with('.')),
        false => asked == name,
    };
    secure == url.secure && port == asked_port && named
}

/// A host in lower case without a dot at its end, and its port.
fn place(authority: &str, secure: bool) -> Option<(String, u16)> {
    let (host, port) = match authority.rsplit_once(':') {
        // Inside of brackets it is a part of an address.
        Some((host, port)) if !port.ends_with(']') => (host, port.parse().ok()?),
        _ => (authority, if secure { 443 } else { 80 }),
    };
    let host = host.strip_suffix('.').unwrap_or(host);
    Some((host.to_ascii_lowercase(), port))
}

#[cfg(test)]
mod tests {
    use platform_domain::{Destination, OutboundRule};

    use super::*;

    #[test]
    fn a_rule_opens_what_it_opens_in_the_host() {
        let rules = [
            "https://api.example.com",
            "HTTPS://Api.Example.COM.:443",
            "http://api.example.com",
            "https://*.example.org:8443",
            "https://*.example.org",
            "http://127.0.0.1:9000",
            "http://[::1]",
            "http://localhost:9000",
        ];
        let urls = [
            "https://api.example.com/x",
            "https://API.example.com.:443",
            "http://api.example.com:443",
            "http://api.example.com",
            "https://api.example.com:8443",
            "https://evilapi.example.com",
            "https://api.example.com.evil.org",
            "https://example.org:8443",
            "https://a.example.org:8443",
            "https://a.b.Example.org:8443",
            "https://aexample.org:8443",
            "https://a.example.org",
            "http://127.0.0.1:9000",
            "http://127.0.0.1",
            "http://[::1]:80/",
            "http://[::1]",
            "http://localhost:9000",
            "http://localhost",
        ];
        let mut opened = 0;
        for rule in rules {
            let theirs: OutboundRule = rule.parse().unwrap();
            for url in urls {
                let url = Url::parse(url).unwrap();
                let scheme = if url.secure { "https" } else { "http" };
                let to = Destination::parse(scheme, &url.authority).unwrap();
                assert_eq!(asked_for(rule, &url), theirs.allows(&to), "{rule} {url:?}");
                opened += usize::from(asked_for(rule, &url));
            }
        }
        assert!(opened > rules.len(), "{opened}");
    }
}
