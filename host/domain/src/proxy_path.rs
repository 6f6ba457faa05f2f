//! The path of a miner's request inside a challenge. A private route cannot be represented.

use std::{borrow::Cow, fmt, str::FromStr};

/// The part of a public URL after `/challenges/{slug}`, without the query, exactly as the client wrote
/// it. That it exists proves that no way to read it, percent-decoded up to `MAX_DECODINGS` times, names
/// `/health`, `/version`, `/internal` or anything below.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProxyPath(String);

/// The path may not be proxied: it is private, or it is written so that it could be read as a private one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Proxy path is not allowed")]
pub struct BlockedPath;

/// Everything below it is private, not only itself.
const INTERNAL: &str = "internal";
/// What may be between two names of a path.
const SEPARATORS: [&[char]; 2] = [&['/'], &['/', '\\']];
/// What may end a name before the next separator.
const ENDS_OF_NAMES: [&[char]; 2] = [&[], &[';']];
/// A server that decodes once is normal, one behind a proxy decodes twice; one more for luck.
const MAX_DECODINGS: usize = 3;

impl ProxyPath {
    /// More than any router needs; keeps the checks below cheap.
    pub const MAX_LEN: usize = 8192;

    /// The path as the client wrote it; begins with `/`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The segments after the leading slash, percent-decoded once: what routes are matched against.
    pub fn segments(&self) -> Vec<String> {
        let path = self.0.strip_prefix('/').unwrap_or(&self.0);
        let text = |s| String::from_utf8_lossy(&decode_once(str::as_bytes(s))).into_owned();
        path.split('/').map(text).collect()
    }
}

impl FromStr for ProxyPath {
    type Err = BlockedPath;

    fn from_str(raw: &str) -> Result<Self, BlockedPath> {
        if raw.len() > Self::MAX_LEN {
            return Err(BlockedPath);
        }
        let mut reading = Cow::Borrowed(raw.as_bytes());
        for _ in 0..=MAX_DECODINGS {
            if is_private(&reading)? {
                return Err(BlockedPath);
            }
            match decode_once(&reading) {
                next if next.as_ref() == reading.as_ref() => break,
                next => reading = Cow::Owned(next.into_owned()),
            }
        }
        Ok(Self(if raw.starts_with('/') {
            raw.to_owned()
        } else {
            format!("/{raw}")
        }))
    }
}

impl fmt::Display for ProxyPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether this reading of the path is private. An unreadable one (control characters, bytes that are not
/// UTF-8, which is where overlong encodings of `/` and `.` hide) is refused.
fn is_private(reading: &[u8]) -> Result<bool, BlockedPath> {
    let text = std::str::from_utf8(reading).map_err(|_| BlockedPath)?;
    if text.chars().any(|c| c.is_control() || c == '\u{fffd}') {
        return Err(BlockedPath);
    }
    // Servers disagree on whether `\` is a slash and on whether `;` begins a parameter, which is no part of the
    // name: `/internal;x` is the `/internal` of some. One may hide the dots that the other resolves.
    // What does not occur in the text makes no reading of its own.
    let occurs = |signs: &&[char]| {
        signs
            .last()
            .is_none_or(|last| *last == '/' || text.contains(*last))
    };
    let readings = SEPARATORS.into_iter().filter(occurs);
    let mut readings =
        readings.flat_map(|it| ENDS_OF_NAMES.into_iter().filter(occurs).map(move |end| (it, end)));
    Ok(readings.any(|(separators, end)| names_private(text, separators, end)))
}

fn names_private(text: &str, separators: &[char], end_of_name: &[char]) -> bool {
    let mut resolved: Vec<&str> = Vec::new();
    for segment in text.split(separators) {
        let name = segment.split(end_of_name).next().unwrap_or_default().trim();
        match name {
            "" | "." => {}
            ".." => drop(resolved.pop()),
            name => resolved.push(name),
        }
        // A server that leaves dots alone reads `/internal/../x` as below `/internal`.
        if resolved.first().is_some_and(|first| is(first, INTERNAL)) {
            return true;
        }
    }
    matches!(resolved.as_slice(), [name] if is(name, "health") || is(name, "version"))
}

/// Whether a server that does not care about case reads the name as this word. No letter outside of ASCII becomes one
/// of these words' letters in lower case.
fn is(name: &str, word: &str) -> bool {
    name.eq_ignore_ascii_case(word)
}

/// Decodes each `%XX` once; what is not a valid escape stays as it is.
fn decode_once(bytes: &[u8]) -> Cow<'_, [u8]> {
    if !bytes.contains(&b'%') {
        return Cow::Borrowed(bytes);
    }
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((&first, tail)) = rest.split_first() {
        let digit = |at: usize| tail.get(at).and_then(|c| char::from(*c).to_digit(16));
        match (first, digit(0), digit(1)) {
            (b'%', Some(high), Some(low)) => {
                out.push(u8::try_from(high * 16 + low).unwrap_or_default());
                rest = tail.get(2..).unwrap_or_default();
            }
            _ => {
                out.push(first);
                rest = tail;
            }
        }
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_allowed_path_stays_byte_for_byte() {
        for path in [
            "/",
            "/submissions",
            "/a//b",
            "/a/../b",
            "/a%2Fb;c=d",
            "/leaderboard/",
            "/x/internal",
            "/internals",
            "/health/x",
            "/versions",
            "/%e2%82%ac",
            "/100%",
            "/%zz",
            "/x/../y/health/z",
        ] {
            assert_eq!(
                path.parse::<ProxyPath>().map(|p| p.to_string()),
                Ok(path.to_owned())
            );
        }
        assert_eq!("".parse::<ProxyPath>().unwrap().as_str(), "/");
    }

    #[test]
    fn a_private_route_is_blocked_in_every_spelling() {
        for path in [
            "/internal",
            "/internal/",
            "/internal/v1/get_weights",
            "/health",
            "/health/",
            "/version",
            "//internal/x",
            "/INTERNAL/x",
            "/Health",
            "/./internal",
            "/a/../internal/x",
            "/../internal",
            "/%69nternal",
            "/%2569nternal",
            "/%252569nternal",
            "/internal%2Fv1",
            "/internal%252fv1",
            "/a/%2e%2e/internal",
            "/a/%252e%252e/internal",
            "/internal;x=1/v1",
            "/;a/internal",
            "/\\internal",
            "/%5cinternal",
            "/a\\..\\internal",
            "/internal\\v1",
            "/x%00",
            "/%0d%0aa",
            "/%c0%afinternal",
            "/%c0%ae%c0%ae/internal",
            "/%ff",
            "/internal%20",
            "/health;",
            "/version?",
            "/%2f%2finternal",
            "/version/.",
            "/x/..;/internal",
            "/internal/..",
            "/internal/../x",
            "/a/../internal/../x",
            "/%69nternal/%2e%2e/x",
            "/internal\\..\\x",
            "/health/..;/..",
            "/health/\\../..",
        ] {
            let path = path.trim_end_matches('?');
            assert_eq!(path.parse::<ProxyPath>(), Err(BlockedPath), "{path}");
        }
        assert!("/a".repeat(ProxyPath::MAX_LEN).parse::<ProxyPath>().is_err());
    }

    proptest::proptest! {
        #[test]
        fn no_text_panics_and_what_is_allowed_is_unchanged(path in "/.{0,60}") {
            if let Ok(parsed) = path.parse::<ProxyPath>() {
                proptest::prop_assert_eq!(parsed.as_str(), path);
            }
        }

        #[test]
        fn however_often_it_is_escaped_a_private_path_stays_blocked(
            target in proptest::sample::select(vec!["/internal/v1", "/health", "/version"]),
            escaped: Vec<bool>,
            times in 0usize..=MAX_DECODINGS,
        ) {
            let mut path = target.to_owned();
            for _ in 0..times {
                let pick = |(at, byte): (usize, u8)| match escaped.get(at % escaped.len().max(1)) {
                    Some(true) if at > 0 => format!("%{byte:02x}"),
                    _ if byte == b'%' => "%25".to_owned(),
                    _ => char::from(byte).to_string(),
                };
                path = path.bytes().enumerate().map(pick).collect();
            }
            proptest::prop_assert_eq!(path.parse::<ProxyPath>(), Err(BlockedPath));
        }
    }
}
