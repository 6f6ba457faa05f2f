//! What containers answer that is too late or too much, while others are served.

use std::time::{Duration, Instant};

use platform_admin_types::AnswerView;
use platform_tests::{Served, client};
use serde_json::json;

use super::scene::{challenge, engine, gone};

const HUGE: u64 = 1 << 30;
/// What a host that keeps a few pieces of an answer grows by at most, in KiB; an answer that was kept would be sixteen times as much.
const GROWTH_KIB: u64 = 64 << 10;
/// Of the thirty seconds in which an answer has to begin, and a busy machine.
const OVERDUE: Duration = Duration::from_secs(50);

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_never_comes_and_one_without_an_end_cost_neither_memory_nor_others_nor_weights() {
    let more = format!(
        "[docker]\nendpoint = {:?}\nready_seconds = 20\n",
        engine().endpoint
    );
    let served = Served::start(&more).await;
    let slugs = ["hang-later", "huge-later", "good-always"];
    let new = |slug: &str| {
        challenge(
            slug,
            json!({"env": {"MISBEHAVE": slug}, "emission_percent": "10"}),
        )
    };
    served.run_all(slugs.map(new)).await;
    assert_eq!(served.send("GET", "good-always/gpus").await.status, 200);

    let begun = Instant::now();
    let hangs = async {
        let answer = served.send("GET", "hang-later/gpus").await;
        (answer.status, begun.elapsed())
    };
    let pours = async {
        let before = served.footprint().memory_kib;
        let url = format!("{}/challenges/huge-later/gpus", served.public);
        let mut answer = client().get(url).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        let (mut got, mut most, mut next) = (0, before, 0);
        while let Some(piece) = answer.chunk().await.unwrap() {
            got += piece.len() as u64;
            if got >= next {
                most = most.max(served.footprint().memory_kib);
                next = got + (64 << 20);
            }
        }
        assert_eq!(got, HUGE);
        assert!(most - before < GROWTH_KIB, "{before} KiB became {most}");
        assert_eq!(served.send("GET", "good-always/gpus").await.status, 200);
        let preview = served.admin.weights_preview().await.unwrap();
        let after = served.footprint().memory_kib;
        assert!(
            after.saturating_sub(before) < GROWTH_KIB,
            "{before} KiB became {after}"
        );
        preview.answers
    };
    let ((status, after), answers) = tokio::join!(hangs, pours);
    assert_eq!(status, 504);
    assert!(after < OVERDUE, "{after:?}");
    let of = |slug: &str| answers.iter().find(|one| one.slug.as_str() == slug).unwrap();
    let AnswerView { entries, reason, .. } = of("huge-later");
    assert!(
        entries.is_none() && reason.as_ref().unwrap().contains("1048576"),
        "{reason:?}"
    );
    for slug in ["hang-later", "good-always"] {
        assert_eq!(of(slug).reason, None, "{slug}");
    }
    for slug in slugs {
        served
            .admin
            .challenge_deactivate(&slug.parse().unwrap())
            .await
            .unwrap();
        gone(engine(), slug).await;
    }
}
