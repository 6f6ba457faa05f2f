//! From a request line to a challenge and the path inside it. The text stays as the client wrote it: a
//! decoded path could not be handed on byte for byte.

use platform_domain::{ProxyPath, Slug};

use crate::refusal::Refusal;

/// Splits a raw public path. A private path is refused before anybody looks whether the challenge exists, so
/// the answer tells nothing about it.
pub(crate) fn parse(path: &str) -> Result<(Slug, ProxyPath), Refusal> {
    let rest = path.strip_prefix("/challenges/").ok_or(Refusal::NotFound)?;
    let at = rest.find('/').unwrap_or(rest.len());
    let (slug, inner) = rest.split_at(at);
    let inner = inner.parse().map_err(|_| Refusal::PathNotAllowed)?;
    let slug = slug.parse().map_err(|_| Refusal::ChallengeNotFound)?;
    Ok((slug, inner))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_split_and_not_changed() {
        for (path, slug, inner) in [
            ("/challenges/tsp", "tsp", "/"),
            ("/challenges/tsp/", "tsp", "/"),
            ("/challenges/tsp/a//b", "tsp", "/a//b"),
            ("/challenges/tsp/a%2Fb;c=d", "tsp", "/a%2Fb;c=d"),
            ("/challenges/tsp//a/", "tsp", "//a/"),
            ("/challenges/tsp/challenges/nim", "tsp", "/challenges/nim"),
        ] {
            let (found, rest) = parse(path).unwrap();
            assert_eq!((found.as_str(), rest.as_str()), (slug, inner), "{path}");
        }
    }

    #[test]
    fn what_is_not_a_challenges_path_is_not_found_and_a_private_one_not_allowed() {
        for (path, status) in [
            ("/", 404),
            ("*", 404),
            ("/challenges", 404),
            ("/challenges/", 404),
            ("/challenges//tsp", 404),
            ("/challenges/TSP/x", 404),
            ("/challenges/%74sp/x", 404),
            ("/challenges/..%2ftsp/x", 404),
            ("/Challenges/tsp/x", 404),
            ("//challenges/tsp/x", 404),
            ("/challenges/tsp/health", 403),
            ("/challenges/tsp/%69nternal/v1", 403),
            ("/challenges/tsp/../../health", 403),
            ("/challenges/no slug/internal", 403),
        ] {
            assert_eq!(parse(path).unwrap_err().status().as_u16(), status, "{path}");
        }
    }
}
