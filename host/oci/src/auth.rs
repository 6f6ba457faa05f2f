//! What a registry wants to see: the first answer says it. Public ones want an anonymous token.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use platform_domain::SecretValue;
use reqwest::header::{HeaderMap, HeaderValue, WWW_AUTHENTICATE};
use serde::Deserialize;

/// What the headers `WWW-Authenticate` ask for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Challenge {
    /// A token from there.
    Bearer { realm: String, service: Option<String> },
    /// Name and password.
    Basic,
}

/// What a token service answers; the two names mean the same.
#[derive(Deserialize)]
pub(crate) struct TokenAnswer {
    token: Option<String>,
    access_token: Option<String>,
}

impl TokenAnswer {
    pub(crate) fn into_token(self) -> Option<String> {
        self.token.or(self.access_token)
    }
}

/// The header with a name and a password; `None` for what is no text.
pub(crate) fn basic(username: &str, password: &SecretValue) -> Option<HeaderValue> {
    let pair = [username.as_bytes(), b":", password.reveal()].concat();
    sensitive(format!("Basic {}", BASE64_STANDARD.encode(pair)))
}

/// The header with a token; `None` for what cannot stand in one.
pub(crate) fn bearer(token: &str) -> Option<HeaderValue> {
    sensitive(format!("Bearer {token}"))
}

fn sensitive(text: String) -> Option<HeaderValue> {
    let mut value = HeaderValue::try_from(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

impl Challenge {
    /// What an answer asks for; a token where there is a choice.
    pub(crate) fn of(headers: &HeaderMap) -> Option<Self> {
        let texts = headers.get_all(WWW_AUTHENTICATE).iter();
        let mut asked: Vec<_> = texts
            .filter_map(|value| Self::parse(value.to_str().ok()?))
            .collect();
        asked.sort_by_key(|challenge| *challenge == Self::Basic);
        asked.into_iter().next()
    }

    /// Reads one header; `None` when it asks for something else.
    fn parse(header: &str) -> Option<Self> {
        let header = header.trim();
        let (scheme, mut rest) = header.split_once(' ').unwrap_or((header, ""));
        if scheme.eq_ignore_ascii_case("basic") {
            return Some(Self::Basic);
        }
        if !scheme.eq_ignore_ascii_case("bearer") {
            return None;
        }
        let (mut realm, mut service) = (None, None);
        while let Some((name, after)) = rest.split_once('=') {
            let name = name.trim_start_matches([',', ' ']);
            let (value, after) = match after.strip_prefix('"') {
                Some(quoted) => quoted.split_once('"')?,
                None => after.split_once(',').unwrap_or((after, "")),
            };
            match name.to_ascii_lowercase().as_str() {
                "realm" => realm = Some(value.to_owned()),
                "service" => service = Some(value.to_owned()),
                _ => {}
            }
            rest = after;
        }
        Some(Self::Bearer {
            realm: realm?,
            service,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_challenge_says_where_tokens_are_given() {
        let table = [
            (
                r#"Bearer realm="https://auth.example/token",service="reg.example",scope="repository:a/b:pull,push""#,
                Some(("https://auth.example/token", Some("reg.example"))),
            ),
            (
                "bearer realm=https://a.example/t, error=x",
                Some(("https://a.example/t", None)),
            ),
            (r#"Negotiate realm="x""#, None),
            ("Bearer", None),
            (r#"Bearer service="x""#, None),
            (r#"Bearer realm="x"#, None),
            ("", None),
        ];
        for (header, expected) in table {
            let expected = expected.map(|(realm, service)| Challenge::Bearer {
                realm: realm.to_owned(),
                service: service.map(str::to_owned),
            });
            assert_eq!(Challenge::parse(header), expected, "{header}");
        }
        for header in [r#"Basic realm="x""#, "basic", " BASIC realm=x"] {
            assert_eq!(Challenge::parse(header), Some(Challenge::Basic), "{header}");
        }
    }

    #[test]
    fn a_token_is_preferred_and_what_is_shown_is_not_shown_to_others() {
        let mut headers = HeaderMap::new();
        assert_eq!(Challenge::of(&headers), None);
        headers.append(WWW_AUTHENTICATE, HeaderValue::from_static("Basic"));
        assert_eq!(Challenge::of(&headers), Some(Challenge::Basic));
        headers.append(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=x"));
        assert!(matches!(Challenge::of(&headers), Some(Challenge::Bearer { .. })));
        let value = basic("ann", &SecretValue::new(b"pass".to_vec())).unwrap();
        assert_eq!(value, "Basic YW5uOnBhc3M=");
        assert_eq!(format!("{value:?}"), "Sensitive");
        assert!(bearer("a\nb").is_none());
    }
}
