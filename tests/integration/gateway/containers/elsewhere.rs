//! A container on another machine: the engine of a GPU server over TLS, and nothing else of it. What runs there passes each connection
//! on to this process, so that the test says every word of the challenge.

use std::{path::Path, time::Duration};

use platform_admin_types::ClientError;
use platform_domain::Uid;
use platform_keys::Keypair;
use platform_tests::{TestHost, client};
use serde_json::json;

use super::far::{far, next};
use crate::{
    containers::scene::{LONG, authority, challenge, container, engine, on_engine, running, seen},
    epochs::{devnet, host, miners},
    gateway::line::Line,
    gpu_servers::server,
};

const RELAY: &str = "test.local/relay:1";
const FORWARDS: &str = "test.local/forwards:1";
/// To the machine, which has the first address of its network of sixteen.
const SCRIPT: &str = "ip=$(/busybox tail -n 1 /etc/hosts | /busybox cut -f 1); last=${ip##*.}; \
    exec /busybox nc -ll -p 8000 -e /busybox nc ${ip%.*}.$((last / 16 * 16 + 1)) $BACK";
/// Larger than anything on the way holds.
const UPLOAD: usize = 5 << 20;
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

async fn ask(host: &TestHost, request: &str) -> Line {
    let mut line = Line::connect(&host.public).await;
    line.write(request).await;
    line
}

#[tokio::test(flavor = "multi_thread")]
async fn a_container_on_another_machine_is_asked_over_its_engine_alone() {
    let busybox = ["/bin/busybox", "/usr/bin/busybox"].map(Path::new);
    let busybox = busybox.into_iter().find(|path| path.exists());
    let entry = json!(["/busybox", "sh", "-c", SCRIPT]);
    engine().import(busybox.unwrap(), &[&format!("ENTRYPOINT {entry}")], FORWARDS);
    engine().import_relay(RELAY);
    let (validator, miners) = (Keypair::generate().unwrap(), miners(2));
    let devnet = devnet(&validator, &miners).await;
    let mut host = host(&devnet, &validator).await;
    let weights = json!({miners[0].to_string(): 1.0, miners[1].to_string(): 3});
    let (port, mut handed, _tasks) = far(weights).await;

    let endpoint = format!("tcp://{}", engine().tcp.as_deref().unwrap());
    let there = server("gpu-1", &endpoint, Some(authority().client()));
    host.admin.gpu_server_create(&there).await.unwrap();
    let new = challenge(
        "far",
        json!({
            "image": FORWARDS, "resources": {"gpu_count": "2"}, "env": {"BACK": port.to_string()},
            "serving": {"max_body": "16MiB"}, "data": "none", "emission_percent": "100",
        }),
    );
    // Nothing is begun that could not be reached.
    let refused = host.admin.challenge_create(&new).await.unwrap_err();
    assert!(
        matches!(&refused, ClientError::Refused { message, .. } if message.contains("[docker] relay_image")),
        "{refused:?}"
    );
    let health = host.admin.gpu_server_health(&there.id).await.unwrap();
    let warned = |warnings: &[String]| warnings.iter().any(|it| it.contains("[docker] relay_image"));
    assert!(warned(&health.warnings), "{:?}", health.warnings);
    host.configure(|config| {
        config.docker.relay_image = Some(RELAY.parse().unwrap());
        config.docker.ready_seconds = 30;
    });
    host.restart().await;
    let health = host.admin.gpu_server_health(&there.id).await.unwrap();
    assert!(!warned(&health.warnings), "{:?}", health.warnings);

    host.admin.challenge_create(&new).await.unwrap();
    let first = running(&host, "far").await;
    assert_eq!(first.server, Some(there.id.clone()));
    assert_eq!(on_engine("far").len(), 2, "and the relay");

    // A body that is larger than anything on the way holds, and an answer as large.
    let body: Vec<u8> = (0..UPLOAD).map(|at| (at % 251) as u8).collect();
    let upload = client().post(host.url("far", "/upload")).body(body.clone());
    let upload = async {
        let answer = upload.send().await.unwrap();
        let (status, body) = (answer.status(), answer.bytes().await.unwrap());
        assert_eq!(
            status,
            200,
            "{}",
            String::from_utf8_lossy(&body[..body.len().min(1000)])
        );
        body
    };
    let taken = async {
        let mut line = next(&mut handed, "/upload").await;
        let body = line.exactly(UPLOAD).await;
        // Else the next request could meet the hang-up.
        let head = format!("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {UPLOAD}\r\n\r\n");
        line.write(head).await;
        line.write(&body).await;
        line
    };
    let (answer, line) = tokio::join!(upload, taken);
    assert!(answer == body, "{} bytes", answer.len());
    drop(line);

    // Events, each before there is another.
    let mut client = ask(&host, "GET /challenges/far/events HTTP/1.1\r\nHost: x\r\n\r\n").await;
    let mut line = next(&mut handed, "/events").await;
    line.write("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
        .await;
    assert_eq!(client.head().await.unwrap().status(), 200);
    for number in 0..5 {
        let event = format!("data: {number}\n\n");
        line.write(format!("{:x}\r\n{event}\r\n", event.len())).await;
        assert_eq!(client.chunk().await.unwrap(), event.as_bytes());
    }
    // A client that goes takes its request with it.
    drop(client);
    let told = async {
        while line.is_open() {
            line.write("1\r\na\r\n").await;
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(LONG, told).await.unwrap();

    // A WebSocket, which the challenge ends.
    let opening = format!(
        "GET /challenges/far/socket HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {KEY}\r\n\r\n"
    );
    let mut client = ask(&host, &opening).await;
    let mut line = next(&mut handed, "/socket").await;
    line.write(format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {ACCEPT}\r\n\r\nhi"
    ))
    .await;
    assert_eq!(client.head().await.unwrap().status(), 101);
    assert_eq!(client.exactly(2).await, b"hi");
    client.write("there").await;
    assert_eq!(line.exactly(5).await, b"there");
    drop(line);
    assert_eq!(client.rest().await, b"");

    // Weights.
    let preview = host.admin.weights_preview().await.unwrap();
    assert_eq!(preview.answers[0].reason, None);
    let vector = preview.vector.unwrap();
    assert_eq!(
        (vector.uids, vector.u16),
        (vec![Uid(1), Uid(2)], vec![21845, 65535])
    );

    // A host that restarts restarts neither, and whoever ends the relay only delays what comes next.
    host.restart().await;
    assert_eq!(running(&host, "far").await.id, first.id);
    let relay = engine().docker(&[
        "ps",
        "--quiet",
        "--filter",
        "label=platform.component=relay",
        "--filter",
        "label=platform.challenge.slug=far",
    ]);
    engine().docker(&["kill", &relay]);
    let again = async {
        while host.admin.weights_preview().await.unwrap().answers[0]
            .reason
            .is_some()
        {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(LONG, again).await.unwrap();
    let view = seen(&host, "far", |view| container(view).is_some()).await;
    assert_eq!(container(&view).unwrap().id, first.id);

    let slug = "far".parse().unwrap();
    host.admin.challenge_deactivate(&slug).await.unwrap();
    // Its GPUs are given back when its container is gone.
    let gone = async {
        while host.admin.gpu_server_delete(&there.id).await.is_err() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(LONG, gone).await.unwrap();
    assert!(on_engine("far").is_empty(), "neither it nor its relay");
}
