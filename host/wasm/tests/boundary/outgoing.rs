//! Requests that a challenge sends, against servers that behave in every way. The table is the one that authors read.

use std::{
    collections::BTreeSet,
    io,
    sync::{Arc, Mutex},
    time::Duration,
};

use platform_domain::{Grant, OutboundRule};
use platform_wasm::{CallError, ComponentError, Limits, Program, ProgramSpec};

use crate::{
    host::{Host, built, get, spec},
    ledger::ask,
    outgoing_rows::{MORE_ROWS, ROWS},
    world::{PUBLIC, World},
};

/// Long enough for a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

fn limits(limits: &mut Limits) {
    limits.http_connect_ms = 1_000;
    limits.http_exchange_ms = 1_500;
    limits.http_request.0 = 64 << 10;
    limits.http_response.0 = 64 << 10;
    limits.http_headers.0 = 8 << 10;
    limits.http_requests = 5;
    limits.http_concurrent = 3;
    limits.http_total = 4;
}

fn allowed() -> BTreeSet<OutboundRule> {
    let hosts = [
        "http://api.example.com",
        "http://api.example.com:81",
        "https://api.example.com",
        "https://api.example.com:8443",
        "https://wrong.example.com",
        "http://*.example.org:8080",
        "http://intern.example.com",
        "http://both.example.com",
        "http://turning.example.com",
        "http://unknown.example.com",
        "http://localhost:9000",
        "http://127.0.0.1:9000",
        "http://allowed.example.com",
    ];
    hosts.map(|host| host.parse().unwrap()).into()
}

async fn load(host: &Host, change: impl FnOnce(&mut ProgramSpec)) -> Program {
    let component = built("courier");
    let mut spec = ProgramSpec {
        grants: [Grant::OutgoingHttp].into(),
        outbound: allowed(),
        secrets: Vec::new(),
        route_deadline: PATIENCE,
        ..spec(&component)
    };
    change(&mut spec);
    host.engine.load(component, spec).await.unwrap()
}

async fn courier() -> (World, Host, Program) {
    let world = World::new().await;
    let host = Host::in_world(world.network(), limits);
    let program = load(&host, |_| ()).await;
    (world, host, program)
}

/// What the host logs meanwhile, of all tests.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// As the guest prints a code, without what is between the letters.
fn plain(text: &str) -> String {
    text.chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|c| c.to_ascii_lowercase())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_row_of_the_table_is_as_it_says() {
    let (world, _host, program) = courier().await;
    let mut wrong = Vec::new();
    for (what, sees, order, expected) in ROWS {
        let (path, body) = order.split_once('\n').unwrap();
        let body = body.replace("LARGE", &"x".repeat(8 << 10));
        let answer = ask(&program, path, &body).await.unwrap();
        let code = sees.split('`').nth(1).unwrap_or_default();
        if !plain(&answer).contains(&plain(code)) || !answer.to_ascii_lowercase().contains(expected) {
            wrong.push(format!("{what}: {sees}, but {answer}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    world.quiet().await;
    let public = world
        .seen
        .lock()
        .unwrap()
        .dialed
        .iter()
        .all(|to| to.ip().to_string() == PUBLIC || to.port() == 9000);
    assert!(public);
}

#[test]
fn the_table_is_the_one_of_the_documentation() {
    let docs = include_str!("../../../../docs/authors/capabilities.md");
    let section = docs
        .split("\n## ")
        .find(|part| part.starts_with("Outgoing HTTP"))
        .unwrap();
    let told: Vec<_> = section
        .lines()
        .skip_while(|line| !line.starts_with("| what happens"))
        .skip(2)
        .take_while(|line| line.starts_with('|'))
        .collect();
    let rows = ROWS
        .iter()
        .map(|(what, sees, ..)| (*what, *sees))
        .chain(MORE_ROWS);
    let rows: Vec<_> = rows.map(|(what, sees)| format!("| {what} | {sees} |")).collect();
    assert_eq!(told, rows, "\n{}", rows.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_server_gets_is_what_was_compared() {
    let (_world, _host, program) = courier().await;
    for (order, line) in [
        ("GET http API.example.COM.:80 /a?b=c", "GET /a?b=c HTTP/1.1"),
        ("GET http API.example.COM.:80 /a", "host: api.example.com"),
        ("GET http a.example.org:8080 ?x", "GET /?x HTTP/1.1"),
        ("GET http a.example.org:8080 /", "host: a.example.org:8080"),
        (
            "GET http 127.0.0.1:9000 //evil.example.net/",
            "GET //evil.example.net/ HTTP/1.1",
        ),
        ("GET http [::ffff:127.0.0.1]:9000 /", "host: 127.0.0.1:9000"),
    ] {
        let answer = ask(&program, "/send", order).await.unwrap();
        assert!(answer.lines().any(|got| got.ends_with(line)), "{order}: {answer}");
        assert_eq!(plain(&answer).matches("host").count(), 1, "{order}: {answer}");
    }
    // Paths that are no paths, and headers that are not the guest's.
    for path in ["http://evil.example.net/", "evil", "*", "@evil.example.net/"] {
        let answer = ask(&program, "/send", &format!("GET http api.example.com {path}"))
            .await
            .unwrap();
        assert!(answer.contains("path refused"), "{path}: {answer}");
    }
    for name in [
        "Host",
        "connection",
        "Proxy-Authorization",
        "proxy-anything",
        "transfer-encoding",
        "te",
        "upgrade",
    ] {
        let order = format!("GET http api.example.com /\nheader {name}: x");
        let answer = ask(&program, "/send", &order).await.unwrap();
        assert!(answer.contains("Forbidden"), "{name}: {answer}");
    }
    for (authority, scheme) in [
        ("user:secret@api.example.com", "http"),
        ("2130706433:9000", "http"),
        ("127.1:9000", "http"),
        ("0x7f.0.0.1:9000", "http"),
        ("[::1]:9000", "http"),
        ("api.example.com", "ftp"),
    ] {
        let answer = ask(&program, "/send", &format!("GET {scheme} {authority} /"))
            .await
            .unwrap();
        assert!(answer.starts_with("error "), "{authority}: {answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_goes_to_the_address_that_was_checked_and_the_next_is_checked_again() {
    let (world, _host, program) = courier().await;
    let order = "GET http turning.example.com /";
    let first = ask(&program, "/send", order).await.unwrap();
    assert!(first.starts_with("200 "), "{first}");
    let second = ask(&program, "/send", order).await.unwrap();
    assert!(second.contains("DestinationIpProhibited"), "{second}");
    let seen = world.seen.lock().unwrap();
    assert_eq!(seen.looked_up, ["turning.example.com"; 2]);
    assert_eq!(seen.dialed, [format!("{PUBLIC}:80").parse().unwrap()]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_call_does_not_wait_for_ends_with_it() {
    let world = World::new().await;
    let host = Host::in_world(world.network(), |it| {
        limits(it);
        it.http_exchange_ms = 600_000;
    });
    for instances in ["per-call", "warm(1)"] {
        let program = load(&host, |spec| spec.instances = instances.parse().unwrap()).await;
        // More often than there are places.
        for _ in 0..3 {
            for path in ["/drop", "/forget"] {
                let answer = ask(&program, path, "GET http api.example.com /never")
                    .await
                    .unwrap();
                assert!(answer.starts_with(path.get(1..4).unwrap()), "{answer}");
                world.quiet().await;
            }
            for kept in ["/pause", "/endless"] {
                let order = format!("GET http api.example.com {kept}");
                assert_eq!(ask(&program, "/head", &order).await.unwrap(), "200");
                world.quiet().await;
            }
        }
        let answer = ask(&program, "/send", "GET http api.example.com /")
            .await
            .unwrap();
        assert!(answer.starts_with("200 "), "{instances}: {answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_ends_takes_its_exchange_with_it() {
    let world = World::new().await;
    let host = Host::in_world(world.network(), |it| it.http_exchange_ms = 600_000);
    let program = load(&host, |spec| spec.route_deadline = Duration::from_millis(500)).await;
    let order = "GET http api.example.com /never";
    let mut request = get("/send");
    request.body = order.into();
    let late = program.handle_route(request.clone()).await;
    assert!(matches!(late, Err(CallError::Deadline(_))), "{late:?}");
    world.quiet().await;
    // And one that its caller gives up.
    let program = load(&host, |_| ()).await;
    tokio::select! {
        answer = program.handle_route(request) => panic!("{answer:?}"),
        () = world.busy(1) => {}
    }
    world.quiet().await;
}

/// On one thread: whoever waited and kept it would wait for ever.
#[tokio::test]
async fn a_call_that_waits_computes_nothing_and_gives_its_thread_back() {
    let world = World::new().await;
    let host = Host::in_world(world.network(), |it| it.route_cpu_ms = 200);
    let program = load(&host, |_| ()).await;
    let order = "GET http api.example.com /later";
    let calls = (0..4).map(|_| ask(&program, "/send", order));
    for answer in futures_util::future::join_all(calls).await {
        assert_eq!(answer.unwrap(), "200 7 at last");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_of_any_kind_stop_at_their_bound() {
    let (world, _host, program) = courier().await;
    for (order, says) in [
        ("GET http api.example.com /announced", "HttpResponseBodySize"),
        ("GET http api.example.com /endless", "HttpResponseBodySize"),
        (
            "GET http api.example.com /one-long-header",
            "HttpResponseHeaderSectionSize",
        ),
        (
            "POST http api.example.com /upload\nbody 65537",
            "HttpRequestBodySize",
        ),
        (
            "POST http api.example.com /upload\nheader content-length: 65537\nbody 65537",
            "HttpRequestBodySize",
        ),
        ("POST http api.example.com /upload\nbody 65536", "200 5 taken"),
    ] {
        let answer = ask(&program, "/send", order).await.unwrap();
        assert!(answer.contains(says), "{order}: {answer}");
    }
    // The words of an error, and nothing of where it arose.
    let answer = ask(&program, "/send", "GET http api.example.com /half")
        .await
        .unwrap();
    assert!(answer.ends_with("incomplete HTTP response"), "{answer}");
    world.quiet().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn all_challenges_share_the_places_of_the_host() {
    let world = World::new().await;
    let host = Host::in_world(world.network(), |it| {
        limits(it);
        it.http_exchange_ms = 600_000;
    });
    let [first, second] = [load(&host, |_| ()).await, load(&host, |_| ()).await];
    let never = "GET http api.example.com /never\ntimes 3";
    let held = async {
        tokio::join!(ask(&first, "/at-once", never), async {
            world.busy(3).await;
            ask(
                &second,
                "/at-once",
                "GET http api.example.com /never\ntimes 2\nfirst-byte 100",
            )
            .await
            .unwrap()
        })
    };
    let mut held = std::pin::pin!(held);
    let answer = tokio::time::timeout(Duration::from_secs(5), &mut held).await;
    assert!(answer.is_err(), "the first still waits");
    world.busy(3).await;
    let refused = second.usage().outbound.unwrap();
    assert_eq!((refused.refused, refused.failed), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_hosts_it_is_refused_by_name_and_with_none_of_its_own_it_runs_and_is_denied() {
    let world = World::new().await;
    let host = Host::in_world(world.network(), limits);
    let component = built("courier");
    let without = ProgramSpec {
        grants: Grant::usual(),
        ..spec(&component)
    };
    let error = host.engine.load(component, without).await.err().unwrap();
    assert!(
        matches!(error, ComponentError::NotGranted(Grant::OutgoingHttp)),
        "{error:?}"
    );
    assert!(
        error.to_string().contains("wasi:http/outgoing-handler"),
        "{error}"
    );
    for outbound in ["", "https://elsewhere.example.com"] {
        let outbound = outbound.parse().into_iter().collect();
        let program = load(&host, |spec| spec.outbound = outbound).await;
        let answer = ask(&program, "/send", "GET http api.example.com /")
            .await
            .unwrap();
        assert!(answer.contains("HttpRequestDenied"), "{answer}");
        assert_eq!(program.usage().outbound.unwrap().refused, 1);
    }
    assert!(world.seen.lock().unwrap().looked_up.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_operator_reads_of_a_request_its_host_and_why_it_failed_and_nothing_else() {
    let world = World::new().await;
    let host = Host::in_world(world.network(), limits);
    let program = load(&host, |spec| spec.slug = "whisper".parse().unwrap()).await;
    let log = Log::default();
    let written = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_writer(move || written.clone())
        .with_ansi(false)
        .finish();
    // Calls go from thread to thread.
    tracing::subscriber::set_global_default(subscriber).unwrap();
    for host in [
        "denied.example.com",
        "user@denied.example.com",
        "intern.example.com",
        "api.example.com",
    ] {
        for path in ["/early", "/half", "/hello"] {
            let order = format!("GET http {host} {path}?secret=1\nheader x-secret: 1");
            ask(&program, "/send", &order).await.unwrap();
        }
    }
    world.quiet().await;
    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    let own = log.lines().filter(|line| line.contains("whisper"));
    let log = own.collect::<Vec<_>>().join("\n");
    for (host, code, times) in [
        ("denied.example.com", "HTTP-request-denied", 3),
        ("no host", "HTTP-request-URI-invalid", 3),
        ("intern.example.com", "destination-IP-prohibited", 3),
        ("api.example.com", "connection-terminated", 1),
        ("api.example.com", "HTTP-response-incomplete", 1),
    ] {
        let lines = log
            .lines()
            .filter(|line| line.contains(host) && line.contains(code));
        assert_eq!(lines.count(), times, "{host} {code}\n{log}");
    }
    for never in ["secret", "user", "hello", "early"] {
        assert!(!log.contains(never), "{never}\n{log}");
    }
    assert_eq!(log.lines().count(), 11, "{log}");
    let usage = program.usage().outbound.unwrap();
    assert_eq!((usage.answered, usage.refused, usage.failed), (2, 9, 2));
    assert!(usage.asked.contains(&"http://api.example.com".parse().unwrap()));
}
