//! Headers that the host puts into requests of a challenge, which never sees them.

use http::{HeaderMap, HeaderName, HeaderValue};
use platform_domain::{Destination, Injection, Secret, SecretUse, SecretValue};

/// What a program's requests are given on their way.
#[derive(Default)]
pub(crate) struct Injected(Vec<(Injection, SecretValue)>);

impl Injected {
    /// Those of the secrets that are for requests.
    pub(crate) fn of(secrets: &[Secret]) -> Self {
        let injected = secrets.iter().filter_map(|secret| match &secret.usage {
            SecretUse::Inject(injection) => Some((injection.clone(), secret.value.clone())),
            SecretUse::Reveal => None,
        });
        Self(injected.collect())
    }

    /// Puts in what is for this destination, in place of what the challenge wrote there.
    pub(super) fn add(&self, to: &Destination, headers: &mut HeaderMap) {
        for (injection, value) in self.0.iter().filter(|(injection, _)| injection.applies(to)) {
            let header = injection.header();
            let filled = header.fill(value);
            let filled = filled.and_then(|filled| HeaderValue::from_bytes(&filled).ok());
            // Both were checked when the secret was set.
            if let (Ok(name), Some(mut value)) = (HeaderName::try_from(header.name()), filled) {
                value.set_sensitive(true);
                headers.insert(name, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(name: &str, usage: SecretUse) -> Secret {
        let value = SecretValue::new(name.to_lowercase().into_bytes());
        Secret {
            name: name.parse().unwrap(),
            usage,
            value,
        }
    }

    fn inject(to: &str, header: &str) -> SecretUse {
        SecretUse::Inject(Injection::new(to.parse().unwrap(), header.parse().unwrap()).unwrap())
    }

    #[test]
    fn a_header_is_added_for_its_hosts_alone_and_replaces_what_was_there() {
        let injected = Injected::of(&[
            secret("READ", SecretUse::Reveal),
            secret(
                "TOKEN",
                inject("https://api.example.com", "authorization: Bearer {}"),
            ),
            secret("KEY", inject("https://*.example.com", "x-api-key: {}")),
            secret("LOCAL", inject("http://127.0.0.1:9000", "authorization: {}")),
        ]);
        let sent = |scheme: &str, authority: &str| {
            let mut headers = HeaderMap::new();
            for guess in ["mine", "also mine"] {
                headers.append("authorization", HeaderValue::from_static(guess));
            }
            injected.add(&Destination::parse(scheme, authority).unwrap(), &mut headers);
            let all = |name: &str| {
                let values = headers.get_all(name).iter();
                values
                    .map(|value| value.to_str().unwrap().to_owned())
                    .collect::<Vec<_>>()
                    .join("|")
            };
            assert!(!format!("{headers:?}").contains("token"), "{headers:?}");
            (all("authorization"), all("x-api-key"))
        };
        let expected = |authorization: &str, key: &str| (authorization.to_owned(), key.to_owned());
        for (scheme, authority, authorization, key) in [
            ("https", "api.example.com", "Bearer token", "key"),
            ("https", "API.example.com.:443", "Bearer token", "key"),
            ("https", "other.example.com", "mine|also mine", "key"),
            ("https", "api.example.com:8443", "mine|also mine", ""),
            ("http", "api.example.com", "mine|also mine", ""),
            ("http", "api.example.com:443", "mine|also mine", ""),
            ("https", "example.com", "mine|also mine", ""),
            ("https", "api.example.com.evil.org", "mine|also mine", ""),
            ("http", "127.0.0.1:9000", "local", ""),
            ("http", "127.0.0.1:9001", "mine|also mine", ""),
        ] {
            assert_eq!(
                sent(scheme, authority),
                expected(authorization, key),
                "{scheme} {authority}"
            );
        }
    }
}
