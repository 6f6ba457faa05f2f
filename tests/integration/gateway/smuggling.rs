//! Two requests made to look like one, and one like two: whoever reads the bytes otherwise than the host does must gain nothing by
//! it. Each is sent on one connection with one more request behind it, and what the challenge saw is compared with what the bytes
//! mean by RFC 9112.

mod corpus;

use super::stage::{Stage, TARGETS};
use corpus::{
    FRAMINGS, LINES,
    Outcome::{self, Both, Once, Passed, Refused},
};

/// Never to be seen by anybody.
const HIDDEN: &str = "GET /challenges/{slug}/hidden HTTP/1.1\r\nHost: x\r\n\r\n";
const INTERNAL: &str = "GET /challenges/{slug}/internal/v1/get_weights HTTP/1.1\r\nHost: x\r\n\r\n";
/// What is sent behind each.
const LAST: &str = "GET /challenges/{slug}/last HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";

/// Sends it, and finds what became of it.
async fn outcome(stage: &Stage, slug: &str, request: &str, body: &str) -> Result<Outcome, String> {
    let (answers, seen) = stage
        .send(slug, format!("{request}{}", LAST.replace("{slug}", slug)))
        .await;
    let told = format!(
        "{:?} {seen:?}",
        answers.iter().map(super::line::Message::text).collect::<Vec<_>>()
    );
    let targets: Vec<_> = seen.iter().map(|seen| seen.target.as_str()).collect();
    let statuses: Vec<_> = answers.iter().map(super::line::Message::status).collect();
    let first = || seen[0].body == body.as_bytes();
    match (&targets[..], &statuses[..]) {
        ([], [400 | 413 | 431]) => Ok(Refused),
        (["/first"], [200]) if first() => Ok(Once("")),
        (["/first", "/last"], [200, 200]) if first() => Ok(Both("")),
        (["/last"], [status, 200]) => Ok(Passed(*status)),
        _ => Err(told),
    }
}

async fn compare(stage: &Stage, template: &str, expected: Outcome) -> Vec<String> {
    let mut wrong = Vec::new();
    for slug in TARGETS {
        for hidden in [HIDDEN, INTERNAL] {
            let hidden = hidden.replace("{slug}", slug);
            let (n, x) = (hidden.len().to_string(), format!("{:x}", hidden.len()));
            let fill = |text: &str| {
                let text = text.replace("{h}", &hidden).replace("{n}", &n).replace("{x}", &x);
                text.replace("{slug}", slug)
            };
            let (body, kind) = match expected {
                Once(body) => (body, Once("")),
                Both(body) => (body, Both("")),
                other => ("", other),
            };
            let found = outcome(stage, slug, &fill(template), &fill(body)).await;
            if found != Ok(kind) {
                wrong.push(format!(
                    "{slug}: {template:?} should be {expected:?} and is {found:?}"
                ));
            }
        }
    }
    wrong
}

#[tokio::test]
async fn a_body_ends_where_the_bytes_say_or_the_request_is_refused() {
    let stage = Stage::start().await;
    let mut wrong = Vec::new();
    for (headers, body, expected) in FRAMINGS {
        let template =
            format!("POST /challenges/{{slug}}/first HTTP/1.1\r\nHost: x\r\n{headers}\r\n\r\n{body}");
        wrong.extend(compare(&stage, &template, *expected).await);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn a_request_line_is_one_or_the_request_is_refused() {
    let stage = Stage::start().await;
    let mut wrong = Vec::new();
    for (template, expected) in LINES {
        wrong.extend(compare(&stage, template, *expected).await);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn extensions_of_chunks_have_an_end() {
    let stage = Stage::start().await;
    let (few, many) = ("a".repeat(1_000), "a".repeat(200_000));
    for (extension, expected) in [(few, Both("body")), (many, Refused)] {
        let template = format!(
            "POST /challenges/{{slug}}/first HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n4;{extension}\r\nbody\r\n0\r\n\r\n"
        );
        let wrong = compare(&stage, &template, expected).await;
        assert!(
            wrong.is_empty(),
            "{} wrong with {} bytes",
            wrong.len(),
            extension.len()
        );
    }
}
