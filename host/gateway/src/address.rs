//! From a request line to a challenge and the path inside it. The text stays as the client wrote it: a
//! decoded path could not be handed on byte for byte.

use platform_domain::{ProxyPath, Slug};
use platform_runtime::Entrance;

use crate::{limits::MAX_SUBMISSION_ID, refusal::Refusal};

/// What a public path names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Address {
    pub(crate) slug: Slug,
    /// Inside the challenge.
    pub(crate) path: ProxyPath,
    /// By which of its doors.
    pub(crate) entrance: Entrance,
}

/// Where everything that a challenge serves is.
const CHALLENGES: &str = "/challenges/";
/// The routes that miners' clients of the platform before this one know.
const SUBMISSIONS: (&str, &str) = ("/v1/challenges/", "/submissions");

impl Address {
    /// Splits a raw public path. A private path is refused before anybody looks whether the challenge exists, so
    /// the answer tells nothing about it.
    pub(crate) fn parse(path: &str) -> Result<Self, Refusal> {
        if let Some(rest) = path.strip_prefix(SUBMISSIONS.0) {
            return submissions(rest);
        }
        let rest = path.strip_prefix(CHALLENGES).ok_or(Refusal::NotFound)?;
        let at = rest.find('/').unwrap_or(rest.len());
        let (slug, inner) = rest.split_at(at);
        let path = inner.parse().map_err(|_| Refusal::PathNotAllowed)?;
        let slug = slug.parse().map_err(|_| Refusal::ChallengeNotFound)?;
        let entrance = Entrance::Routes;
        Ok(Self { slug, path, entrance })
    }
}

/// `{slug}/submissions` and `{slug}/submissions/{id}`, and nothing else.
fn submissions(rest: &str) -> Result<Address, Refusal> {
    let (slug, inner) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let id = inner.strip_prefix(SUBMISSIONS.1).ok_or(Refusal::NotFound)?;
    // No sign of it means anything to whoever reads a path.
    let sign = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_');
    let plain = |id: &str| (1..=MAX_SUBMISSION_ID).contains(&id.len()) && id.bytes().all(sign);
    if !id.is_empty() && !id.strip_prefix('/').is_some_and(plain) {
        return Err(Refusal::NotFound);
    }
    Ok(Address {
        slug: slug.parse().map_err(|_| Refusal::ChallengeNotFound)?,
        path: inner.parse().map_err(|_| Refusal::PathNotAllowed)?,
        entrance: Entrance::Submissions,
    })
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
            let found = Address::parse(path).unwrap();
            assert_eq!(
                (found.slug.as_str(), found.path.as_str()),
                (slug, inner),
                "{path}"
            );
            assert_eq!(found.entrance, Entrance::Routes);
        }
        for (path, inner) in [
            ("/v1/challenges/tsp/submissions", "/submissions"),
            ("/v1/challenges/tsp/submissions/7a-_Z", "/submissions/7a-_Z"),
        ] {
            let found = Address::parse(path).unwrap();
            assert_eq!(
                (found.slug.as_str(), found.path.as_str()),
                ("tsp", inner),
                "{path}"
            );
            assert_eq!(found.entrance, Entrance::Submissions);
        }
    }

    #[test]
    fn what_is_not_a_challenges_path_is_not_found_and_a_private_one_not_allowed() {
        let long = format!("/v1/challenges/tsp/submissions/{}", "a".repeat(129));
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
            ("/v1/challenges", 404),
            ("/v1/challenges/tsp", 404),
            ("/v1/challenges/tsp/submissions/", 404),
            ("/v1/challenges/tsp/submissions/..", 404),
            ("/v1/challenges/tsp/submissions/.", 404),
            ("/v1/challenges/tsp/submissions/a/b", 404),
            ("/v1/challenges/tsp/submissions/..%2f..%2finternal", 404),
            ("/v1/challenges/tsp/submissions/a?", 404),
            ("/v1/challenges/tsp/submissionsx", 404),
            ("/v1/challenges/tsp/health", 404),
            ("/v1/challenges/TSP/submissions", 404),
            (&long, 404),
        ] {
            assert_eq!(
                Address::parse(path).unwrap_err().status().as_u16(),
                status,
                "{path}"
            );
        }
    }
}
