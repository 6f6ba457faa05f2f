//! Which targets of a request line reach a challenge: private routes in no spelling, everything else as it was written.

use super::stage::{Stage, TARGETS};

/// What stands for the slug in a table.
const SLUG: &str = "{slug}";

/// What some server would read as `/internal`, `/health` or `/version` of a challenge, or as somebody else's path.
const PRIVATE: &[&str] = &[
    "/challenges/{slug}/internal",
    "/challenges/{slug}/internal/",
    "/challenges/{slug}/internal/v1/get_weights",
    "/challenges/{slug}/internal?x=1",
    "/challenges/{slug}/internal#x",
    "/challenges/{slug}/health",
    "/challenges/{slug}/health/",
    "/challenges/{slug}/version",
    "/challenges/{slug}/version?x",
    "/challenges/{slug}/version/.",
    // Case.
    "/challenges/{slug}/INTERNAL/v1",
    "/challenges/{slug}/Internal",
    "/challenges/{slug}/HeAlTh",
    "/challenges/{slug}/VERSION",
    "/challenges/{slug}/%49NTERNAL",
    // Escaped once, twice, three times, in part and as a whole.
    "/challenges/{slug}/%69nternal/v1",
    "/challenges/{slug}/%69%6e%74%65%72%6e%61%6c",
    "/challenges/{slug}/%69%6E%74%65%72%6E%61%6C/x",
    "/challenges/{slug}/%2569nternal/v1",
    "/challenges/{slug}/%252569nternal/v1",
    "/challenges/{slug}/i%256eternal",
    "/challenges/{slug}/interna%25256c",
    "/challenges/{slug}/%68ealth",
    "/challenges/{slug}/%2568ealth",
    "/challenges/{slug}/%252568ealth",
    "/challenges/{slug}/version%2f",
    "/challenges/{slug}/internal%2fv1",
    "/challenges/{slug}/internal%2Fv1",
    "/challenges/{slug}/internal%252fv1",
    "/challenges/{slug}/internal%25252fv1",
    "/challenges/{slug}/%2finternal",
    "/challenges/{slug}%2finternal",
    "/challenges/{slug}%2Fhealth",
    // Doubled slashes.
    "/challenges/{slug}//internal",
    "/challenges/{slug}///internal//v1",
    "/challenges/{slug}//health",
    "/challenges/{slug}/internal//",
    "/challenges//{slug}/internal",
    "//challenges/{slug}/internal",
    "/challenges/{slug}/%2f%2f/internal",
    // Dots.
    "/challenges/{slug}/./internal",
    "/challenges/{slug}/a/../internal",
    "/challenges/{slug}/a/b/../../internal/v1",
    "/challenges/{slug}/../internal",
    "/challenges/{slug}/../../internal",
    "/challenges/{slug}/../../../../health",
    "/challenges/{slug}/%2e/internal",
    "/challenges/{slug}/a/%2e%2e/internal",
    "/challenges/{slug}/a/.%2e/internal",
    "/challenges/{slug}/a/%2E./internal",
    "/challenges/{slug}/a/%252e%252e/internal",
    "/challenges/{slug}/a/%25252e%25252e/internal",
    "/challenges/{slug}/a%2f..%2finternal",
    "/challenges/{slug}/internal/..",
    "/challenges/{slug}/internal/../x",
    "/challenges/{slug}/internal/%2e%2e/x",
    "/challenges/./{slug}/internal",
    "/challenges/../challenges/{slug}/x",
    "/./challenges/{slug}/x",
    // Parameters.
    "/challenges/{slug}/internal;a=b",
    "/challenges/{slug}/internal;a=b/v1",
    "/challenges/{slug}/;a/internal",
    "/challenges/{slug}/health;",
    "/challenges/{slug}/health%3b",
    "/challenges/{slug}/x/..;/internal",
    "/challenges/{slug}/x/..;a=b/internal/v1",
    "/challenges/{slug};a=b/internal",
    "/challenges/{slug}/x/..%3b/internal",
    // Backslashes.
    "/challenges/{slug}/\\internal",
    "/challenges/{slug}\\internal",
    "/challenges/{slug}/internal\\v1",
    "/challenges/{slug}/a\\..\\internal",
    "/challenges/{slug}/%5cinternal",
    "/challenges/{slug}/%5Cinternal%5Cv1",
    "/challenges/{slug}/a/..%5cinternal",
    "/challenges/{slug}/%255cinternal",
    "/challenges/{slug}/internal\\..\\x",
    // What no name contains.
    "/challenges/{slug}/internal%00",
    "/challenges/{slug}/%00/internal",
    "/challenges/{slug}/x%00",
    "/challenges/{slug}/x%2500",
    "/challenges/{slug}/x%0d%0ay",
    "/challenges/{slug}/internal%0a",
    "/challenges/{slug}/internal%09",
    "/challenges/{slug}/internal%20",
    "/challenges/{slug}/%20internal",
    "/challenges/{slug}/internal%c2%a0",
    "/challenges/{slug}/internal%7f",
    "/challenges/{slug}/\0internal",
    "/challenges/{slug}/internal\t",
    "/challenges/{slug}/inter\u{7f}nal",
    // Overlong, cut off and otherwise no UTF-8.
    "/challenges/{slug}/%c0%afinternal",
    "/challenges/{slug}/%c0%ae%c0%ae/internal",
    "/challenges/{slug}/a/%e0%80%ae%e0%80%ae/internal",
    "/challenges/{slug}/%c1%a9nternal",
    "/challenges/{slug}/%f0%80%80%afinternal",
    "/challenges/{slug}/x%ff",
    "/challenges/{slug}/x%ed%a0%80",
    "/challenges/{slug}/x%25ff",
    // Other forms of a target (RFC 9112, 3.2).
    "http://x/challenges/{slug}/internal",
    "http://x/challenges/{slug}/%69nternal?q",
    "https://x/challenges/{slug}/health",
    "HTTP://X/challenges/{slug}/version",
    "http://u:p@x:1/challenges/{slug}/internal",
    "http://x/challenges/{slug}/../internal",
    "http://x//challenges/{slug}/x",
    "http://challenges/{slug}/x",
    "http://{slug}/x",
    "ftp://x/challenges/{slug}/internal",
    "x/challenges/{slug}/x",
    "challenges/{slug}/x",
    "x:80",
    "x",
    "*",
    "#/challenges/{slug}/x",
    "?/challenges/{slug}/x",
    "/",
    "/#/challenges/{slug}/x",
    "/?/challenges/{slug}/x",
    // No challenge of this name.
    "/challenges/{slug}.",
    "/challenges/{slug}%20/x",
    "/challenges/{slug}%00/x",
    "/challenges/ {slug}/x",
    "/challenges/%20{slug}/x",
    "/Challenges/{slug}/x",
    "/CHALLENGES/{slug}/x",
    "/%63hallenges/{slug}/x",
    "/challenges%2f{slug}/x",
    "/challenges\\{slug}/x",
    "\\challenges\\{slug}\\x",
    "/challenges;a/{slug}/x",
    "/v1/{slug}/x",
    "/{slug}/x",
    // The old routes, of which there are two.
    "/v1/challenges",
    "/v1/challenges/",
    "/v1/challenges/{slug}",
    "/v1/challenges/{slug}/",
    "/v1/challenges/{slug}/x",
    "/v1/challenges/{slug}/internal",
    "/v1/challenges/{slug}/health",
    "/v1/challenges/{slug}/submissions/",
    "/v1/challenges/{slug}/submissions/.",
    "/v1/challenges/{slug}/submissions/..",
    "/v1/challenges/{slug}/submissions/../../internal",
    "/v1/challenges/{slug}/submissions/..%2f..%2finternal",
    "/v1/challenges/{slug}/submissions/%2e%2e",
    "/v1/challenges/{slug}/submissions/%61bc",
    "/v1/challenges/{slug}/submissions/a/",
    "/v1/challenges/{slug}/submissions/a/b",
    "/v1/challenges/{slug}/submissions//a",
    "/v1/challenges/{slug}/submissions/a;b",
    "/v1/challenges/{slug}/submissions/a%00",
    "/v1/challenges/{slug}/submissions/a\\b",
    "/v1/challenges/{slug}/submissions;a",
    "/v1/challenges/{slug}/Submissions/a",
    "/v1/challenges/{slug}/submissions%2fa",
    "/v1/challenges/{slug}//submissions/a",
    "/v1/challenges//{slug}/submissions/a",
    "/v1/challenges/x/../{slug}/submissions/a",
    "/v1//challenges/{slug}/submissions/a",
    "/v1/Challenges/{slug}/submissions/a",
    "/V1/challenges/{slug}/submissions/a",
    "//v1/challenges/{slug}/submissions/a",
    "/v1/challenges/{slug}/submissions/é",
];

/// What is written, and what the challenge is asked for.
const ALLOWED: &[(&str, &str)] = &[
    ("/challenges/{slug}", "/"),
    ("/challenges/{slug}/", "/"),
    ("/challenges/{slug}?", "/?"),
    ("/challenges/{slug}?a=b", "/?a=b"),
    ("/challenges/{slug}/?a=b", "/?a=b"),
    ("/challenges/{slug}//", "//"),
    ("/challenges/{slug}/a", "/a"),
    ("/challenges/{slug}/a/", "/a/"),
    ("/challenges/{slug}/a//b", "/a//b"),
    ("/challenges/{slug}/a/./b", "/a/./b"),
    ("/challenges/{slug}/a/../b", "/a/../b"),
    ("/challenges/{slug}/..", "/.."),
    // It leads nowhere else: what a challenge gets is below its own root.
    ("/challenges/{slug}/../{slug}/internal", "/../{slug}/internal"),
    ("/challenges/{slug}/a/%2e%2e/b", "/a/%2e%2e/b"),
    ("/challenges/{slug}/a%2Fb", "/a%2Fb"),
    ("/challenges/{slug}/a%2fb", "/a%2fb"),
    ("/challenges/{slug}/a%252fb", "/a%252fb"),
    ("/challenges/{slug}/a;b=c/d;e", "/a;b=c/d;e"),
    ("/challenges/{slug}/a\\b", "/a\\b"),
    ("/challenges/{slug}/%7e~%7E", "/%7e~%7E"),
    ("/challenges/{slug}/%", "/%"),
    ("/challenges/{slug}/%zz%2", "/%zz%2"),
    ("/challenges/{slug}/100%25", "/100%25"),
    ("/challenges/{slug}/a%20b+c", "/a%20b+c"),
    ("/challenges/{slug}/%e2%82%ac", "/%e2%82%ac"),
    ("/challenges/{slug}/a:b@c!$&'()*,=", "/a:b@c!$&'()*,="),
    ("/challenges/{slug}/.well-known/x", "/.well-known/x"),
    ("/challenges/{slug}/internals", "/internals"),
    ("/challenges/{slug}/internal-x/v1", "/internal-x/v1"),
    ("/challenges/{slug}/x/internal/v1", "/x/internal/v1"),
    ("/challenges/{slug}/x/health", "/x/health"),
    ("/challenges/{slug}/healthy", "/healthy"),
    ("/challenges/{slug}/health/x", "/health/x"),
    ("/challenges/{slug}/version/1", "/version/1"),
    ("/challenges/{slug}/versions", "/versions"),
    ("/challenges/{slug}/challenges/{slug}/x", "/challenges/{slug}/x"),
    ("/challenges/{slug}/v1/weights/latest", "/v1/weights/latest"),
    (
        "/challenges/{slug}/a?b=/internal&c=../health",
        "/a?b=/internal&c=../health",
    ),
    ("/challenges/{slug}/a?x=%20&y==&x=2&&", "/a?x=%20&y==&x=2&&"),
    ("/challenges/{slug}/a?b?c", "/a?b?c"),
    ("/challenges/{slug}/a?%00%0d%0a%ff", "/a?%00%0d%0a%ff"),
    ("/challenges/{slug}/a?b%23c", "/a?b%23c"),
    ("/challenges/{slug}/a?q=[1]{2}|3^4`5\\6", "/a?q=[1]{2}|3^4`5\\6"),
    // A fragment is nobody's business.
    ("/challenges/{slug}/a#b", "/a"),
    ("/challenges/{slug}/a?b#c", "/a?b"),
    ("/challenges/{slug}/a?b#/../internal", "/a?b"),
    // Absolute forms.
    ("http://x/challenges/{slug}/a?b", "/a?b"),
    ("https://x:1/challenges/{slug}/a%2Fb", "/a%2Fb"),
    ("http://internal/challenges/{slug}/a", "/a"),
    ("http://u:p@[::1]:9/challenges/{slug}", "/"),
];

fn get(target: &str, slug: &str) -> String {
    let target = target.replace(SLUG, slug);
    format!("GET {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
}

#[tokio::test]
async fn no_spelling_of_a_private_route_reaches_a_challenge() {
    let stage = Stage::start().await;
    let mut wrong = Vec::new();
    for slug in TARGETS {
        for target in PRIVATE {
            let (answer, seen) = stage.single(slug, get(target, slug)).await;
            if seen.is_some() || !matches!(answer.status(), 400 | 403 | 404) {
                wrong.push(format!("{slug} {target:?}: {} {seen:?}", answer.status()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn everything_else_reaches_it_byte_for_byte() {
    let stage = Stage::start().await;
    for slug in TARGETS {
        for (target, expected) in ALLOWED {
            let (answer, seen) = stage.single(slug, get(target, slug)).await;
            assert_eq!(answer.status(), 200, "{slug} {target:?}: {}", answer.reason());
            let seen = seen.unwrap();
            assert_eq!(seen.target, expected.replace(SLUG, slug), "{slug} {target:?}");
            assert_eq!((seen.method.as_str(), seen.body.as_slice()), ("GET", &[][..]));
        }
    }
}

#[tokio::test]
async fn what_became_of_a_submission_is_asked_by_the_old_path() {
    let stage = Stage::start().await;
    let long = "a".repeat(128);
    for (slug, before) in [("echo", ""), ("box", "/v1")] {
        for id in [
            "a",
            "7a-_Z",
            "0123456789abcdef",
            &long,
            "a?b=../../internal",
            "a?",
        ] {
            let target = format!("/v1/challenges/{slug}/submissions/{id}");
            let (answer, seen) = stage.single(slug, get(&target, slug)).await;
            assert_eq!(answer.status(), 200, "{target}");
            assert_eq!(
                seen.unwrap().target,
                format!("{before}/submissions/{id}"),
                "{target}"
            );
        }
        let longer = format!("/v1/challenges/{slug}/submissions/{long}a");
        assert_eq!(stage.single(slug, get(&longer, slug)).await.0.status(), 404);
        // To hand something in takes a signature, and nothing else is done here.
        for (method, one, status) in [
            ("POST", "", 401),
            ("GET", "", 405),
            ("PUT", "", 405),
            ("POST", "/a", 405),
            ("DELETE", "/a", 405),
            ("OPTIONS", "/a", 405),
        ] {
            let request = format!(
                "{method} /v1/challenges/{slug}/submissions{one} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
            );
            let (answer, seen) = stage.single(slug, request).await;
            assert_eq!((answer.status(), seen), (status, None), "{slug} {method} {one}");
        }
    }
}
