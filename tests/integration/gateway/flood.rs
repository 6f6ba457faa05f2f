//! One honest client while many connections send what is refused, as fast as the machine allows.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use platform_keys::Keypair;
use tokio::{task::JoinSet, time::timeout};

use super::{
    line::{PATIENCE, connect},
    signing::Signing,
    stage::{Stage, TARGETS},
};

/// Requests of the honest client to each challenge.
const HONEST: usize = 60;
/// Connections of those who are refused; one address may have sixty-four.
const CONNECTIONS: usize = 40;
/// Requests that they send at once, without waiting for answers.
const AT_ONCE: usize = 32;
/// Refusals that each of them waits for, however soon the honest client is through.
const LEAST: usize = 256;

/// What they send, what it is refused with, and from where.
struct Flood {
    name: &'static str,
    from: &'static str,
    request: &'static str,
    status: u16,
}

/// The first and the last come from trusted proxies, which nobody counts.
static FLOODS: [Flood; 3] = [
    Flood {
        name: "private paths",
        from: "127.0.0.2",
        request: "GET /challenges/{slug}/a/%2e%2e/internal/v1 HTTP/1.1\r\nHost: x\r\n\r\n",
        status: 403,
    },
    Flood {
        name: "an address over its rate",
        from: "127.0.0.3",
        request: "GET /challenges/{slug}/x HTTP/1.1\r\nHost: x\r\n\r\n",
        status: 429,
    },
    Flood {
        name: "claims of nobody",
        from: "127.0.0.4",
        request: "POST /challenges/{slug}/x HTTP/1.1\r\nHost: x\r\nX-Hotkey: 5G\r\nContent-Length: 0\r\n\r\n",
        status: 401,
    },
];

/// Sends until it is told to stop; how many were refused, and what else was answered.
async fn flood(stage: Arc<Stage>, slug: &str, flood: &Flood, stop: Arc<AtomicBool>) -> (usize, Vec<u16>) {
    let burst = flood.request.replace("{slug}", slug).repeat(AT_ONCE);
    let (mut refused, mut others) = (0, Vec::new());
    let mut line = connect(&stage.host.public, flood.from).await;
    while !stop.load(Relaxed) || refused < LEAST {
        line.write(&burst).await;
        for _ in 0..AT_ONCE {
            let Some(answer) = line.answer("GET").await else {
                line = connect(&stage.host.public, flood.from).await;
                break;
            };
            match answer.status() == flood.status {
                true => refused += 1,
                false => others.push(answer.status()),
            }
        }
    }
    (refused, others)
}

/// The honest client's requests, one after the other, each with its time.
async fn honest(stage: &Stage, slug: &str) -> Vec<Duration> {
    let mut times = Vec::new();
    for number in 0..HONEST {
        let key = Keypair::generate().unwrap();
        let request = match number % 2 {
            0 => Signing::new(&key, slug, "/x", b"body").bytes(),
            _ => format!("GET /challenges/{slug}/x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").into(),
        };
        let begun = Instant::now();
        let asked = async {
            let mut line = connect(&stage.host.public, "127.0.0.9").await;
            line.write(request).await;
            line.answer("GET").await
        };
        let answer = timeout(PATIENCE, asked)
            .await
            .expect("an answer in time")
            .expect("an answer");
        assert_eq!(answer.status(), 200, "{number}: {}", answer.reason());
        times.push(begun.elapsed());
    }
    times.sort();
    times
}

fn told(times: &[Duration]) -> String {
    let at = |percent: usize| times[(times.len() - 1) * percent / 100];
    format!("p50 {:?}, p99 {:?}", at(50), at(99))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn whoever_is_refused_keeps_nobody_else_from_being_answered() {
    let stage = Stage::with(|builder| {
        let public = &mut builder.config.public;
        public.trusted_proxies = ["127.0.0.2/32", "127.0.0.4/32"]
            .map(|proxy| proxy.parse().unwrap())
            .into();
        // Enough for the honest one, and soon used up by the others.
        public.address_burst = 600.try_into().unwrap();
    })
    .await;
    let stage = Arc::new(stage);
    for slug in TARGETS {
        let alone = honest(&stage, slug).await;
        for kind in &FLOODS {
            let (stop, begun, mut attack) = (Arc::<AtomicBool>::default(), Instant::now(), JoinSet::new());
            for _ in 0..CONNECTIONS {
                attack.spawn(flood(stage.clone(), slug, kind, stop.clone()));
            }
            let times = honest(&stage, slug).await;
            stop.store(true, Relaxed);
            let (refused, others): (Vec<_>, Vec<_>) = attack.join_all().await.into_iter().unzip();
            let per_second = refused.iter().sum::<usize>() as f64 / begun.elapsed().as_secs_f64();
            println!(
                "{slug}, {}: {per_second:.0} refused a second; alone {}, meanwhile {}",
                kind.name,
                told(&alone),
                told(&times)
            );
            // What an address may ask is answered, also of those who ask too much.
            let others = others.concat();
            assert!(
                others.iter().all(|status| kind.status == 429 && *status == 200),
                "{}: {others:?}",
                kind.name
            );
            stage.container.take();
        }
    }
}
