//! The anonymous token that public registries want: the first answer says where to get one.

use serde::Deserialize;

/// A `WWW-Authenticate: Bearer …` header.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Challenge {
    pub(crate) realm: String,
    pub(crate) service: Option<String>,
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

impl Challenge {
    /// Reads the header; `None` when it does not ask for a bearer token.
    pub(crate) fn parse(header: &str) -> Option<Self> {
        let (scheme, mut rest) = header.trim().split_once(' ')?;
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
        Some(Self {
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
            (r#"Basic realm="x""#, None),
            (r#"Bearer service="x""#, None),
            (r#"Bearer realm="x"#, None),
            ("", None),
        ];
        for (header, expected) in table {
            let expected = expected.map(|(realm, service)| Challenge {
                realm: realm.to_owned(),
                service: service.map(str::to_owned),
            });
            assert_eq!(Challenge::parse(header), expected, "{header}");
        }
    }
}
