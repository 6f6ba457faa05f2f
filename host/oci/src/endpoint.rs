//! Where a registry is, whether it is spoken to in plain, and whom it may send us on to.

use std::net::IpAddr;

use reqwest::Url;

/// The address of a registry.
#[derive(Clone, Debug)]
pub(crate) struct Endpoint {
    base: Url,
}

/// Whether this `HOST[:PORT]` never leaves the machine.
pub(crate) fn is_loopback(registry: &str) -> bool {
    Url::parse(&format!("http://{registry}/")).is_ok_and(|url| is_loopback_url(&url))
}

fn is_loopback_url(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

impl Endpoint {
    /// Of a registry's name; `None` when it is no name. Docker Hub is the one whose name is not its address.
    pub(crate) fn new(registry: &str, plain: bool) -> Option<Self> {
        let scheme = if plain { "http" } else { "https" };
        let host = match registry {
            "docker.io" => "registry-1.docker.io",
            other => other,
        };
        let base = Url::parse(&format!("{scheme}://{host}/v2/")).ok()?;
        Some(Self { base })
    }

    /// Whether it is spoken to without encryption.
    pub(crate) fn is_plain(&self) -> bool {
        self.base.scheme() == "http"
    }

    /// A path below the API's root.
    pub(crate) fn url(&self, path: &str) -> Option<Url> {
        self.base.join(path).ok()
    }

    /// Whether an address is the registry's own.
    pub(crate) fn is_own(&self, url: &Url) -> bool {
        self.base.scheme() == url.scheme()
            && self.base.host_str() == url.host_str()
            && self.base.port_or_known_default() == url.port_or_known_default()
    }

    /// Encrypted addresses always. Unencrypted ones only from a registry that is spoken to in plain: on the
    /// loopback interface to others there, and else to itself.
    pub(crate) fn may_follow(&self, url: &Url) -> bool {
        match url.scheme() {
            "https" => true,
            "http" if self.is_plain() => {
                self.is_own(url) || (is_loopback_url(&self.base) && is_loopback_url(url))
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_is_for_the_loopback_interface_alone() {
        for loopback in [
            "127.0.0.1:5000",
            "localhost",
            "localhost:5000",
            "[::1]:5000",
            "127.8.9.1",
        ] {
            assert!(is_loopback(loopback), "{loopback}");
        }
        for other in [
            "registry.example",
            "localhost.example:5000",
            "127.0.0.1.example",
            "10.0.0.1:5000",
            "[::2]",
            "",
        ] {
            assert!(!is_loopback(other), "{other}");
        }
    }

    #[test]
    fn a_redirect_never_leads_to_an_unencrypted_address_elsewhere() {
        for (registry, plain, url, expected) in [
            ("registry.example", false, "https://storage.example/x", true),
            ("registry.example", false, "http://storage.example/x", false),
            ("registry.example", false, "http://registry.example/x", false),
            ("registry.example", false, "http://127.0.0.1:1/x", false),
            ("127.0.0.1:5000", false, "http://127.0.0.1:1/x", false),
            ("127.0.0.1:5000", true, "http://storage.example/x", false),
            ("127.0.0.1:5000", true, "http://127.0.0.1:1/x", true),
            ("127.0.0.1:5000", true, "ftp://127.0.0.1/x", false),
            ("registry.example", true, "http://registry.example/x", true),
            ("registry.example", true, "http://registry.example:81/x", false),
            ("registry.example", true, "http://127.0.0.1:1/x", false),
            ("registry.example", true, "https://storage.example/x", true),
        ] {
            let endpoint = Endpoint::new(registry, plain).unwrap();
            let followed = endpoint.may_follow(&Url::parse(url).unwrap());
            assert_eq!(followed, expected, "{registry} {plain} {url}");
        }
    }
}
