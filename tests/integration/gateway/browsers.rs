//! What browsers and other readers of the public side are told: who may read an answer, and which challenges there are.

use platform_tests::TestHost;
use serde_json::{Value, json};

use super::{
    line::{Line, Message},
    stage::{Stage, TARGETS, image, run_container},
    upstream::Upstream,
};

const SITE: &str = "https://board.example";
const ASKED: &str =
    "Access-Control-Request-Method: POST\r\nAccess-Control-Request-Headers: x-hotkey, content-type\r\n";
/// What a challenge is configured with, and nobody is to read.
const MARKERS: [&str; 3] = ["marker-env", "marker-note", "marker-nested"];

async fn ask(host: &TestHost, method: &str, target: &str, more: &str) -> Message {
    let mut line = Line::connect(&host.public).await;
    line.write(format!(
        "{method} {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{more}\r\n"
    ))
    .await;
    line.answer(method).await.unwrap()
}

/// Every header about other sites, in their order.
fn shared(answer: &Message) -> Vec<(String, String)> {
    let headers = answer.headers().into_iter();
    let mut found: Vec<_> = headers
        .filter(|(name, _)| name.starts_with("access-control-") || name == "vary")
        .collect();
    found.sort();
    found
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

async fn serving(stage: &Stage, serving: Value) {
    let mut for_container = serving.clone();
    for_container["address"] = json!(format!("http://{}", stage.container.at));
    for (slug, serving) in [("echo", serving), ("box", for_container)] {
        let patch = serde_json::from_value(json!({ "serving": serving })).unwrap();
        stage
            .host
            .admin
            .challenge_patch(&slug.parse().unwrap(), &patch)
            .await
            .unwrap();
        stage.host.running(slug).await;
    }
}

#[tokio::test]
async fn by_default_the_host_says_nothing_of_other_sites() {
    let stage = Stage::start().await;
    let origin = format!("Origin: {SITE}\r\n");
    for slug in TARGETS {
        let target = format!("/challenges/{slug}/x");
        let answer = ask(&stage.host, "GET", &target, &origin).await;
        assert_eq!((answer.status(), shared(&answer)), (200, vec![]), "{slug}");
        // The question is the challenge's, too.
        let answer = ask(&stage.host, "OPTIONS", &target, &format!("{origin}{ASKED}")).await;
        assert_eq!((answer.status(), shared(&answer)), (200, vec![]), "{slug}");
        let refused = ask(
            &stage.host,
            "GET",
            &format!("/challenges/{slug}/internal"),
            &origin,
        )
        .await;
        assert_eq!((refused.status(), shared(&refused)), (403, vec![]));
    }
    assert_eq!(stage.container.take().len(), 2);
    // What it says itself passes.
    stage.container.says(|_| {
        b"HTTP/1.1 200 OK\r\nAccess-Control-Allow-Origin: *\r\nVary: accept\r\nContent-Length: 0\r\n\r\n"
            .to_vec()
    });
    let answer = ask(&stage.host, "GET", "/challenges/box/x", &origin).await;
    assert_eq!(
        shared(&answer),
        pairs(&[("access-control-allow-origin", "*"), ("vary", "accept")])
    );
}

#[tokio::test]
async fn where_the_operator_named_sites_the_host_answers_for_the_challenge() {
    let stage = Stage::start().await;
    serving(&stage, json!({"cors_origins": [SITE]})).await;
    stage.container.says(|_| {
        b"HTTP/1.1 200 OK\r\nAccess-Control-Allow-Origin: https://evil.example\r\nAccess-Control-Allow-Credentials: true\r\n\
          Content-Length: 0\r\n\r\n"
            .to_vec()
    });
    let exposed = "etag, location, retry-after, x-request-id";
    for slug in TARGETS {
        let target = format!("/challenges/{slug}/x");
        for (origin, named) in [
            (SITE, true),
            ("https://evil.example", false),
            ("http://board.example", false),
            ("https://board.example:444", false),
            ("https://board.example.evil.example", false),
            ("null", false),
        ] {
            let origin_line = format!("Origin: {origin}\r\n");
            let answer = ask(&stage.host, "GET", &target, &origin_line).await;
            let expected = if named {
                pairs(&[
                    ("access-control-allow-origin", SITE),
                    ("access-control-expose-headers", exposed),
                    ("vary", "origin"),
                ])
            } else {
                pairs(&[("vary", "origin")])
            };
            assert_eq!(
                (answer.status(), shared(&answer)),
                (200, expected),
                "{slug} {origin}"
            );
            stage.container.take();
            let preflight = ask(&stage.host, "OPTIONS", &target, &format!("{origin_line}{ASKED}")).await;
            assert_eq!(preflight.status(), 204, "{slug} {origin}");
            assert!(stage.container.take().is_empty(), "the challenge is not asked");
            let methods = preflight.all("access-control-allow-methods");
            let headers = preflight.all("access-control-allow-headers");
            if named {
                assert_eq!(preflight.all("access-control-allow-origin"), [SITE]);
                assert!(methods[0].contains("POST") && headers == ["x-hotkey, content-type"]);
            } else {
                assert!(methods.is_empty() && headers.is_empty(), "{}", preflight.text());
            }
            assert!(preflight.all("access-control-allow-credentials").is_empty());
        }
        // No question without an origin, and a refusal can be read as well as an answer.
        assert_eq!(ask(&stage.host, "OPTIONS", &target, ASKED).await.status(), 200);
        let unsigned = format!("Origin: {SITE}\r\nX-Hotkey: 5G\r\n");
        let refused = ask(&stage.host, "GET", &target, &unsigned).await;
        assert_eq!(
            (refused.status(), refused.all("access-control-allow-origin")),
            (401, vec![SITE.to_owned()])
        );
    }
    serving(&stage, json!({"cors_origins": ["*"]})).await;
    for slug in TARGETS {
        let answer = ask(
            &stage.host,
            "GET",
            &format!("/challenges/{slug}/x"),
            "Origin: null\r\n",
        )
        .await;
        assert_eq!(
            shared(&answer),
            pairs(&[
                ("access-control-allow-origin", "*"),
                ("access-control-expose-headers", exposed)
            ])
        );
    }
}

#[tokio::test]
async fn the_lists_of_challenges_say_what_is_for_everybody_and_nothing_else() {
    let (host, container) = (TestHost::start().await, Upstream::start().await);
    for list in ["/challenges", "/v1/registry"] {
        // While the host starts it knows of none, which is not the same as none.
        let known = async {
            loop {
                match ask(&host, "GET", list, "").await {
                    early if early.status() == 503 => assert_eq!(early.all("retry-after").len(), 1),
                    answer => return answer,
                }
            }
        };
        let empty = tokio::time::timeout(super::line::PATIENCE, known).await;
        let empty = empty.expect("the host starts in time");
        assert_eq!(
            (empty.status(), empty.json()["challenges"].clone()),
            (200, json!([]))
        );
    }
    let mut new = image(
        "box",
        container.at,
        json!({"max_body": "5MiB", "requests_per_second": 77}),
    );
    new.description = Some("In a box.".into());
    new.name = Some("The Box".into());
    new.version = Some("1.2.3".into());
    new.emission_percent = "12.5".parse().unwrap();
    new.metadata = serde_json::from_value(json!({
        "tagline": "tag", "docs_url": "https://docs.example", "notes": MARKERS[1], "summary": {"nested": MARKERS[2]},
    }))
    .unwrap();
    let token = run_container(&host, &new)
        .await
        .challenge_token
        .reveal()
        .to_owned();
    let env = [("WEIGHTS", "{\"marker-env\": 1}")];
    host.run_guest("echo", "echo", "10", &env).await;
    host.run_guest("hidden", "echo", "0", &[]).await;
    host.admin
        .challenge_deactivate(&"hidden".parse().unwrap())
        .await
        .unwrap();

    let mut lists = Vec::new();
    for list in ["/challenges", "/v1/registry"] {
        // It is taken down a moment after the operator's answer.
        let mut answer = ask(&host, "GET", list, "").await;
        while String::from_utf8_lossy(&answer.body).contains("hidden") {
            answer = ask(&host, "GET", list, "").await;
        }
        let text = format!("{}{}", answer.text(), String::from_utf8_lossy(&answer.body));
        let port = container.at.port().to_string();
        let state = host.state().display().to_string();
        let component = platform_tests::guest("echo").display().to_string();
        let secret = [
            &*port,
            &token,
            &token[4..],
            &state,
            &component,
            "file:",
            "127.0.0.1",
            "serving",
            "token",
            "5242880",
            "77",
        ];
        for secret in secret.iter().chain(&MARKERS) {
            assert!(!text.contains(secret), "{list} tells {secret}: {text}");
        }
        assert_eq!(answer.all("content-type"), ["application/json"]);
        let etag = answer.all("etag").remove(0);
        for (has, status) in [
            (&*etag, 304),
            (&format!("W/{etag}"), 304),
            ("*", 304),
            ("\"other\"", 200),
        ] {
            let again = ask(&host, "GET", list, &format!("If-None-Match: {has}\r\n")).await;
            assert_eq!(
                (again.status(), again.all("etag")),
                (status, vec![etag.clone()]),
                "{list} {has}"
            );
            assert_eq!(again.body.is_empty(), status == 304);
        }
        let head = ask(&host, "HEAD", list, "").await;
        assert_eq!(head.all("content-length"), [answer.body.len().to_string()]);
        for method in ["POST", "PUT", "DELETE"] {
            let refused = ask(&host, method, list, "Content-Length: 0\r\n").await;
            assert_eq!(
                (refused.status(), refused.all("allow")),
                (405, vec!["GET, HEAD".to_owned()]),
                "{method} {list}"
            );
        }
        for near in [
            format!("{list}/"),
            format!("/{list}"),
            format!("{list}%2f"),
            list.to_uppercase(),
        ] {
            assert_eq!(ask(&host, "GET", &near, "").await.status(), 404, "{near}");
        }
        lists.push(answer.json());
    }
    let [ours, theirs] = &lists[..] else {
        panic!("{lists:?}")
    };
    let shown = &ours["challenges"][0];
    for (name, value) in [
        ("slug", json!("box")),
        ("name", json!("The Box")),
        ("version", json!("1.2.3")),
        ("description", json!("In a box.")),
        ("state", json!("running")),
        ("path", json!("/challenges/box")),
        ("emission_percent", json!("12.5")),
        (
            "metadata",
            json!({"tagline": "tag", "docs_url": "https://docs.example"}),
        ),
    ] {
        assert_eq!(shown[name], value, "{name}");
    }
    assert_eq!(
        (
            &ours["challenges"][1]["slug"],
            ours["challenges"].as_array().unwrap().len()
        ),
        (&json!("echo"), 2)
    );
    let registered = &theirs["challenges"][0];
    for (name, value) in [
        ("slug", json!("box")),
        ("image", json!("registry.example/challenge:1")),
        ("status", json!("active")),
        ("public_proxy_base_path", json!("/challenges/box")),
        (
            "metadata",
            json!({"tagline": "tag", "docs_url": "https://docs.example"}),
        ),
    ] {
        assert_eq!(registered[name], value, "{name}");
    }
    // A change makes another document.
    let etag = ask(&host, "GET", "/challenges", "").await.all("etag");
    let patch = serde_json::from_value(json!({"description": "Out of it."})).unwrap();
    host.admin
        .challenge_patch(&"box".parse().unwrap(), &patch)
        .await
        .unwrap();
    let has = format!("If-None-Match: {}\r\n", etag[0]);
    let changed = async {
        while ask(&host, "GET", "/challenges", &has).await.status() == 304 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(super::line::PATIENCE, changed)
        .await
        .expect("the change is told");
}
