//! Where a node is. Providers put their customers' keys into path, query or user name, so only scheme, host and port are
//! ever shown.

use std::{error::Error, fmt};

use platform_domain::with_causes;

use crate::ChainError;

/// A node's WebSocket address.
#[derive(Clone)]
pub(crate) struct Endpoint {
    url: String,
    /// `wss://host:port`.
    shown: String,
    /// What is in the address beside that.
    hidden: Vec<String>,
}

/// An error whose own text might have shown the address.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Concealed(String);

/// Shorter parts of an address are in many texts, and are no keys.
const HIDDEN_MIN: usize = 4;

impl Endpoint {
    /// What is said instead of a text that shows too much.
    pub(crate) const WITHHELD: &str =
        "the details are withheld, because they have a part of the endpoint's address in them";

    pub(crate) fn new(url: String) -> Result<Self, ChainError> {
        let (scheme, rest) = ["ws://", "wss://"]
            .into_iter()
            .find_map(|scheme| Some((scheme, url.strip_prefix(scheme)?)))
            .ok_or(ChainError::Endpoint)?;
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        let (user, host) = authority.rsplit_once('@').unwrap_or(("", authority));
        if host.is_empty() || url.chars().any(|c| c.is_whitespace() || c.is_control()) {
            return Err(ChainError::Endpoint);
        }
        let shown = format!("{scheme}{host}");
        let parts = user.split(':').chain(path.split(['/', '?', '#', '&', '=']));
        let hidden = parts.filter(|part| part.len() >= HIDDEN_MIN).map(str::to_owned);
        let hidden = hidden.collect();
        Ok(Self { url, shown, hidden })
    }

    /// The whole address, for connecting only.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// An error's text with its causes, unless it has a part of the address in it, or another address, to which the
    /// node may have sent the key on.
    pub(crate) fn conceal(&self, error: &(dyn Error + 'static)) -> Concealed {
        let text = with_causes(error);
        Concealed(match text.contains("://") || self.shows(&text) {
            true => Self::WITHHELD.to_owned(),
            false => text,
        })
    }

    /// Whether a text has a part of the address in it that is not to be shown.
    pub(crate) fn shows(&self, text: &str) -> bool {
        self.hidden.iter().any(|part| text.contains(part))
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Endpoint({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_scheme_host_and_port_are_shown() {
        for (url, shown) in [
            ("wss://entry.example:443/v1/SECRET", "wss://entry.example:443"),
            ("ws://127.0.0.1:9944", "ws://127.0.0.1:9944"),
            ("wss://user:SECRET@node.example?key=SECRET", "wss://node.example"),
            ("ws://a@b@[::1]:1/x#SECRET", "ws://[::1]:1"),
        ] {
            let endpoint = Endpoint::new(url.to_owned()).unwrap();
            assert_eq!(endpoint.to_string(), shown);
            assert!(!format!("{endpoint:?}").contains("SECRET"));
            assert_eq!(endpoint.url(), url);
        }
    }

    #[test]
    fn an_error_that_repeats_the_address_is_withheld() {
        let endpoint =
            Endpoint::new("wss://user:PASSWORD@node.example/v1/SECRET?key=OTHER".to_owned()).unwrap();
        for text in [
            "rejected by /v1/SECRET",
            "key OTHER is unknown",
            "PASSWORD is wrong",
            "redirected to https://elsewhere.example/x",
        ] {
            let concealed = endpoint.conceal(&std::io::Error::other(text)).to_string();
            assert!(concealed.contains("withheld"), "{concealed}");
        }
        let refused = endpoint.conceal(&std::io::Error::other("connection refused by v1"));
        assert_eq!(refused.to_string(), "connection refused by v1");
    }

    #[test]
    fn what_is_no_address_of_a_node_is_refused() {
        for url in [
            "",
            "http://x",
            "wss:/x",
            "ws://",
            "ws:///path",
            "ws://user@/",
            "ws://a b",
            "ws://a\n",
        ] {
            assert!(
                matches!(Endpoint::new(url.to_owned()), Err(ChainError::Endpoint)),
                "{url:?}"
            );
        }
    }
}
