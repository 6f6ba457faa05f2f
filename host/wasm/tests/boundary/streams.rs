//! A component that answers as HTTP: what goes through it piece by piece, and how that ends.

use std::{convert::Infallible, time::Duration};

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _, poll, stream};
use http_body::Frame;
use http_body_util::{BodyExt as _, Empty, Full, StreamBody};
use platform_domain::{ByteSize, Caller, Capability, GuestError, Request, Response, Uid};
use platform_wasm::{BodyError, CallError, Limits, Program, RequestBody, ResponseBody};
use tokio::sync::{mpsc, oneshot};

use crate::host::{self, DEADLINE, Host};

/// The longest that anything here may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

type Ended = oneshot::Receiver<String>;

async fn relay(host: &Host, change: impl FnOnce(&mut platform_wasm::ProgramSpec)) -> Program {
    let component = host::built("relay");
    let mut spec = host::spec(&component);
    // Where nothing waits for its end.
    spec.route_deadline = PATIENCE;
    change(&mut spec);
    host.engine.load(component, spec).await.unwrap()
}

fn request(path: &str, body: RequestBody) -> Request<RequestBody> {
    host::get(path).with_body(body)
}

fn empty() -> RequestBody {
    Empty::new()
        .map_err(|never: Infallible| match never {})
        .boxed_unsync()
}

fn full(bytes: impl Into<Bytes>) -> RequestBody {
    Full::new(bytes.into())
        .map_err(|never| match never {})
        .boxed_unsync()
}

fn streamed(pieces: impl Stream<Item = Result<Bytes, BodyError>> + Send + 'static) -> RequestBody {
    StreamBody::new(pieces.map(|piece| piece.map(Frame::data))).boxed_unsync()
}

/// The answer, and how the call has ended once it has.
async fn send(
    program: &Program,
    path: &str,
    body: RequestBody,
) -> (Result<Response<ResponseBody>, CallError>, Ended) {
    let (tell, ended) = oneshot::channel();
    let tell = move |answer: &Result<(), CallError>| {
        let _ = tell.send(
            answer
                .as_ref()
                .map_or_else(CallError::explanation, |()| "well".into()),
        );
    };
    let answer = program.handle_http(request(path, body), tell);
    (tokio::time::timeout(PATIENCE, answer).await.unwrap(), ended)
}

/// Everything that is read of an answer, and how that ended.
async fn read(mut body: ResponseBody) -> (Vec<u8>, Result<(), CallError>) {
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        match frame {
            Ok(frame) => bytes.extend_from_slice(&frame.into_data().unwrap()),
            Err(error) => return (bytes, Err(error)),
        }
    }
    (bytes, Ok(()))
}

/// The text of an answer that ends well.
async fn text(program: &Program, path: &str, body: RequestBody) -> String {
    let (answer, ended) = send(program, path, body).await;
    let (bytes, end) = read(answer.unwrap().body).await;
    end.unwrap();
    assert_eq!(ended.await.unwrap(), "well", "{path}");
    String::from_utf8(bytes).unwrap()
}

/// A call that was stopped is gone a moment later.
async fn not_busy(program: &Program) {
    let answered = async {
        loop {
            match send(program, "/seen", empty()).await.0 {
                Err(CallError::Busy { .. }) => tokio::task::yield_now().await,
                answer => return read(answer.unwrap().body).await,
            }
        }
    };
    let (_, end) = tokio::time::timeout(PATIENCE, answered).await.unwrap();
    end.unwrap();
}

#[tokio::test]
async fn it_serves_miners_and_is_asked_for_weights_like_any_other() {
    let host = Host::new();
    let program = relay(&host, |_| ()).await;
    assert!(
        program
            .capabilities()
            .iter()
            .eq(&[Capability::GetWeights, Capability::ProxyRoutes])
    );
    assert!(program.answers_http() && program.streams());
    assert_eq!(program.get_weights(host::epoch(7)).await.unwrap()[0].score, 7.0);
    let other = program.handle_route(host::get("/seen")).await;
    assert!(matches!(other, Err(CallError::Unsupported)));

    let mut signed = request("/seen", full("12345"));
    signed.headers.push(("x".into(), "again".into()));
    signed.caller = Some(Caller {
        hotkey: "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY"
            .parse()
            .unwrap(),
        uid: Some(Uid(3)),
        nonce: "nonce-01".into(),
    });
    let answer = program.handle_http(signed, |_| ()).await.unwrap();
    assert_eq!(answer.status, 200);
    assert_eq!(
        answer.headers,
        [("content-type".to_owned(), Bytes::from("text/plain"))]
    );
    let (seen, end) = read(answer.body).await;
    end.unwrap();
    assert_eq!(
        String::from_utf8(seen).unwrap(),
        "GET fixture /seen?a=b\n\
         accept: */*\n\
         x: \u{fffd}\n\
         x: again\n\
         x-platform-verified-hotkey: 5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY\n\
         x-platform-verified-uid: 3\n\
         x-platform-verified-nonce: nonce-01\n\
         5 bytes\n"
    );
    assert!(!text(&program, "/seen", empty()).await.contains("verified"));
}

#[tokio::test]
async fn each_piece_comes_back_before_the_next_is_sent() {
    let host = Host::new();
    let program = relay(&host, |_| ()).await;
    let (send_piece, mut pieces) = mpsc::channel(1);
    let pieces = stream::poll_fn(move |context| pieces.poll_recv(context));
    let (answer, ended) = send(&program, "/echo", streamed(pieces)).await;
    let mut body = answer.unwrap().body;
    for number in 0..100 {
        let piece = Bytes::from(format!("piece {number}"));
        send_piece.send(Ok(piece.clone())).await.unwrap();
        let back = body.frame().await.unwrap().unwrap().into_data().unwrap();
        assert_eq!(back, piece);
    }
    drop(send_piece);
    assert!(body.frame().await.is_none());
    assert_eq!(ended.await.unwrap(), "well");
}

#[tokio::test]
async fn more_than_a_guest_has_memory_goes_through_it() {
    let host = Host::with(|limits| {
        limits.streamed_body = ByteSize(128 << 20);
        // Time that a busy machine takes from a call while it computes counts.
        limits.route_cpu_ms = 60_000;
    });
    let program = relay(&host, |spec| spec.memory = ByteSize(4 << 20)).await;
    let piece = Bytes::from(vec![7; 1 << 20]);
    let pieces = move || streamed(stream::iter(vec![Ok(piece.clone()); 64]));
    assert_eq!(text(&program, "/count", pieces()).await, (64 << 20).to_string());
    assert_eq!(text(&program, "/echo", pieces()).await.len(), 64 << 20);
}

#[tokio::test]
async fn an_answer_that_cannot_be_passed_on_is_none() {
    let host = Host::new();
    let program = relay(&host, |_| ()).await;
    for (path, expected) in [
        ("/status/100", "the status is 100"),
        ("/status/999", "the status is 999"),
        ("/headers/100", "too large: headers, the limit is 100"),
        ("/silent", "without having set an answer"),
        ("/status/9", "crashed"),
        // Its words, without what would make two lines of them.
        ("/error", "InternalError(Some(\"not\\r\\ntoday\"))"),
    ] {
        let (answer, ended) = send(&program, path, empty()).await;
        let error = answer.map(|answer| answer.status).unwrap_err();
        assert!(
            error.explanation().contains(expected),
            "{path}: {}",
            error.explanation()
        );
        assert_eq!(ended.await.unwrap(), error.explanation(), "{path}");
        if path == "/error" {
            assert!(matches!(error, CallError::Guest(GuestError::Internal(_))));
        }
    }
    for path in ["/status/200", "/status/204", "/status/599", "/headers/99"] {
        assert_eq!(text(&program, path, empty()).await, "", "{path}");
    }
}

#[tokio::test]
async fn an_answer_that_was_cut_off_never_looks_like_a_whole_one() {
    let host = Host::with(|limits| limits.streamed_body = ByteSize(10_000));
    for instances in ["per-call", "warm(1)"] {
        let program = relay(&host, |spec| spec.instances = instances.parse().unwrap()).await;
        for (path, most, expected) in [
            ("/cut", 5, "crashed"),
            ("/unfinished", 5, "did not finish its body"),
            ("/finished-and-broken", 9, "crashed"),
            (
                "/flood/10001",
                10_000,
                "too large: bytes of body, the limit is 10000",
            ),
            (
                "/flood/1000000000",
                10_000,
                "too large: bytes of body, the limit is 10000",
            ),
        ] {
            let (answer, ended) = send(&program, path, empty()).await;
            let (bytes, end) = read(answer.unwrap().body).await;
            let error = end.expect_err(path).explanation();
            assert!(error.contains(expected) && bytes.len() <= most, "{path}: {error}");
            assert_eq!(ended.await.unwrap(), error, "{path}");
        }
        assert_eq!(text(&program, "/flood/10000", empty()).await.len(), 10_000);
    }
}

#[tokio::test]
async fn a_body_that_ends_too_early_is_no_whole_one_for_the_guest_either() {
    let host = Host::new();
    let program = relay(&host, |_| ()).await;
    for error in [BodyError::TooLarge, BodyError::TooSlow, BodyError::Broken] {
        let body = || streamed(stream::iter([Ok(Bytes::from("12345")), Err(error)]));
        let counted = text(&program, "/count", body()).await;
        assert!(counted.starts_with("after 5: "), "{error:?}: {counted}");
        let (answer, ended) = send(&program, "/echo", body()).await;
        let (bytes, end) = read(answer.unwrap().body).await;
        assert!(bytes == b"12345" && end.is_err(), "{error:?}");
        assert!(ended.await.unwrap().contains("crashed"), "{error:?}");
    }
    // One that is not read at all keeps nobody up.
    let endless = streamed(stream::repeat(Ok(Bytes::from("x"))));
    assert_eq!(text(&program, "/unread", endless).await, "done");
}

#[tokio::test]
async fn who_let_the_time_pass_is_told_apart() {
    let host = Host::new();
    let program = relay(&host, |spec| spec.route_deadline = DEADLINE).await;
    let silent = || streamed(stream::pending());
    for (path, body) in [("/asleep", empty()), ("/asleep", silent())] {
        let (answer, ended) = send(&program, path, body).await;
        assert!(matches!(answer, Err(CallError::Deadline(_))), "{path}");
        assert!(ended.await.unwrap().contains("did not answer"), "{path}");
    }
    // The client waits for a second piece.
    let (answer, _ended) = send(&program, "/stuck", empty()).await;
    let (bytes, end) = read(answer.unwrap().body).await;
    assert!(
        bytes == b"first" && matches!(end, Err(CallError::Deadline(_))),
        "{end:?}"
    );
    // The guest waits for a body.
    let (answer, ended) = send(&program, "/count", silent()).await;
    assert!(matches!(answer, Err(CallError::SlowClient(_))));
    assert!(ended.await.unwrap().contains("the client"));
    // And for somebody to read.
    let (answer, ended) = send(&program, "/flood/100000000", empty()).await;
    let mut body = answer.unwrap().body;
    assert!(body.frame().await.unwrap().is_ok());
    assert!(ended.await.unwrap().contains("the client"));
    let (_, end) = read(body).await;
    assert!(matches!(end, Err(CallError::SlowClient(_))), "{end:?}");
}

#[tokio::test]
async fn a_call_that_nobody_waits_for_is_stopped_and_its_place_is_free() {
    let host = Host::with(|limits| limits.streamed_routes = 2);
    let program = relay(&host, |_| ()).await;
    for path in ["/stuck", "/flood/100000000"] {
        let (answer, ended) = send(&program, path, empty()).await;
        let answer = answer.unwrap();
        let (refused, _) = send(&program, "/seen", empty()).await;
        let expected = Limits::default().retry_after();
        assert!(
            matches!(refused, Err(CallError::Busy { retry_after }) if retry_after == expected),
            "{path}"
        );
        drop(answer);
        // Nobody hears of its end: it has none.
        assert!(ended.await.is_err(), "{path}");
        not_busy(&program).await;
    }
    // Nor does it go on when nobody waits for its head.
    let mut waiting = Box::pin(send(&program, "/asleep", empty()));
    assert!(poll!(&mut waiting).is_pending());
    drop(waiting);
    not_busy(&program).await;
}

#[tokio::test]
async fn streams_leave_places_to_those_that_do_not_wait_for_clients() {
    let host = Host::with(|limits| limits.streamed_routes = 4);
    let programs = [
        relay(&host, |_| ()).await,
        relay(&host, |_| ()).await,
        relay(&host, |_| ()).await,
    ];
    let mut open = Vec::new();
    for program in &programs[..2] {
        for _ in 0..2 {
            open.push(send(program, "/stuck", empty()).await.0.unwrap());
        }
    }
    // All are taken, and of the first two programs each has its share.
    for program in &programs {
        let (answer, _) = send(program, "/seen", empty()).await;
        assert!(matches!(answer, Err(CallError::Busy { .. })));
    }
    let other = host.load(crate::guests::whole()).await;
    assert!(host::ask(&other, "/echo me").await.is_ok());
    open.pop();
    let (answer, _) = send(&programs[0], "/seen", empty()).await;
    assert!(
        matches!(answer, Err(CallError::Busy { .. })),
        "its own share is taken"
    );
    not_busy(&programs[2]).await;
}

#[tokio::test]
async fn over_files_no_client_keeps_others_waiting() {
    let host = Host::with(|limits| limits.body = ByteSize(10_000));
    let dir = host.dir.path().join("state/data");
    let program = relay(&host, |spec| spec.data_dir = Some(dir)).await;
    assert!(program.answers_http() && !program.streams());
    let (first, ended) = send(&program, "/flood/10000", empty()).await;
    assert_eq!(ended.await.unwrap(), "well", "nobody has read any of it");
    assert_eq!(
        text(&program, "/echo", full("x".repeat(9_999))).await.len(),
        9_999
    );
    let (bytes, end) = read(first.unwrap().body).await;
    assert!(bytes.len() == 10_000 && end.is_ok());
    let (answer, _) = send(&program, "/flood/10001", empty()).await;
    assert!(matches!(
        answer,
        Err(CallError::OutputTooLarge { limit: 10_000, .. })
    ));
    let (answer, _) = send(&program, "/cut", empty()).await;
    assert!(matches!(answer, Err(CallError::Trapped(_))));
}

#[tokio::test]
async fn a_kept_instance_answers_one_after_the_other() {
    let host = Host::new();
    let program = relay(&host, |spec| spec.instances = "warm(1)".parse().unwrap()).await;
    for path in [
        "/seen",
        "/error",
        "/seen",
        "/unfinished",
        "/seen",
        "/cut",
        "/seen",
    ] {
        let (answer, ended) = send(&program, path, full("body")).await;
        let seen = match answer {
            Ok(answer) => String::from_utf8(read(answer.body).await.0).unwrap(),
            Err(error) => error.explanation(),
        };
        assert!(path != "/seen" || seen.ends_with("4 bytes\n"), "{seen}");
        assert_eq!(ended.await.unwrap() == "well", path == "/seen", "{path}");
    }
}
