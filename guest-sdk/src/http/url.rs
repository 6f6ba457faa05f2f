//! A URL, taken apart. Whom it may name is decided by the host.

use super::HttpError;

/// A URL in its parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Url {
    /// Over TLS.
    pub(super) secure: bool,
    /// Host and perhaps a port.
    pub(super) authority: String,
    /// With the query.
    pub(super) path: String,
}

impl Url {
    pub(super) fn parse(text: &str) -> Result<Self, HttpError> {
        let invalid = |reason: &str| HttpError::Invalid(format!("{text:?}: {reason}"));
        let Some((scheme, rest)) = text.split_once("://") else {
            return Err(invalid(
                "a URL begins with its scheme, as in https://api.example.com/",
            ));
        };
        let secure = match scheme {
            _ if scheme.eq_ignore_ascii_case("https") => true,
            _ if scheme.eq_ignore_ascii_case("http") => false,
            _ => return Err(invalid("the scheme is http or https")),
        };
        // What follows # is for the reader of the answer.
        let rest = rest.split('#').next().unwrap_or_default();
        let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        let plain = |c: char| c.is_ascii_alphanumeric() || "-._:[]".contains(c);
        if authority.is_empty() || !authority.chars().all(plain) {
            return Err(invalid("the host is a name or an address, and perhaps a port"));
        }
        if !path.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(invalid("what is not plain ASCII is written with %"));
        }
        let path = match path.starts_with('/') {
            true => path.to_owned(),
            false => format!("/{path}"),
        };
        let authority = authority.to_owned();
        Ok(Self {
            secure,
            authority,
            path,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_taken_apart_and_always_has_a_path() {
        for (text, secure, authority, path) in [
            ("https://api.example.com", true, "api.example.com", "/"),
            ("HTTP://a.example:81/b?c=d#e", false, "a.example:81", "/b?c=d"),
            ("https://a.example?q", true, "a.example", "/?q"),
            ("http://[::1]:9/x", false, "[::1]:9", "/x"),
        ] {
            let (authority, path) = (authority.to_owned(), path.to_owned());
            let expected = Url {
                secure,
                authority,
                path,
            };
            assert_eq!(Url::parse(text), Ok(expected), "{text}");
        }
        for (text, says) in [
            ("api.example.com/x", "begins with its scheme"),
            ("ftp://api.example.com", "http or https"),
            ("https://", "the host"),
            ("https:///x", "the host"),
            ("https://user@a.example", "the host"),
            ("https://a.example\\@b.example", "the host"),
            ("https://a%2eexample", "the host"),
            ("https://a.example/a b", "with %"),
            ("https://a.example/ä", "with %"),
            ("https://a.example/\r\nx: y", "with %"),
        ] {
            let error = Url::parse(text).unwrap_err().to_string();
            assert!(error.contains(says), "{text}: {error}");
        }
    }
}
