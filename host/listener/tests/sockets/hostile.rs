//! HTTP/2 against clients that mean harm. Each loses its connection and nobody else anything.

use platform_listener::Options;
use tokio::{io::AsyncWriteExt as _, net::TcpSocket};

use crate::{
    frames::{
        CANCEL, CONTINUATION, END_STREAM, ENHANCE_YOUR_CALM, GET_HELD, GET_LARGE, GET_NEVER, GET_QUICK,
        HEADERS, PREFACE, REFUSED_STREAM, RESET, SETTINGS, WINDOW, all, beginning, frame, next, request,
    },
    server::{Server, server, short},
};

/// Sends and expects to be told to calm down.
async fn too_much(server: &Server, what: Vec<u8>) {
    let mut client = server.connect().await;
    // The host may close before all is sent.
    drop(client.write_all(&[beginning(), what].concat()).await);
    let frames = all(&mut client).await;
    let reason = frames.last().and_then(|frame| frame.reason());
    assert_eq!(reason, Some(ENHANCE_YOUR_CALM), "{frames:?}");
    assert!(server.answers().await);
}

#[tokio::test]
async fn streams_that_are_reset_as_soon_as_opened_end_the_connection() {
    let server = server(Options::default()).await;
    let pair = |stream| [request(stream, GET_NEVER), frame(RESET, 0, stream, &CANCEL)].concat();
    too_much(
        &server,
        (0..200).flat_map(|number| pair(2 * number + 1)).collect(),
    )
    .await;
}

#[tokio::test]
async fn streams_that_the_host_has_to_reset_end_the_connection() {
    let server = server(Options::default()).await;
    // A window that is opened too far is an error of the stream, which the host then resets.
    let bad = |stream| {
        [
            request(stream, GET_NEVER),
            frame(WINDOW, 0, stream, &[0x7f, 0xff, 0xff, 0xff]),
        ]
        .concat()
    };
    too_much(
        &server,
        (0..1100).flat_map(|number| bad(2 * number + 1)).collect(),
    )
    .await;
}

#[tokio::test]
async fn a_head_without_end_ends_the_connection() {
    let server = server(Options::default()).await;
    let begin = frame(HEADERS, END_STREAM, 1, GET_QUICK);
    let empty = frame(CONTINUATION, 0, 1, b"").repeat(50);
    too_much(&server, [&*begin, &empty].concat()).await;
    // A header of one name and 16 KiB, over and over.
    let header = [b"\x00\x01x\x7f\x81\x7f", &[b'x'; 16 * 1024][..]].concat();
    let mut long = begin;
    for part in header.repeat(20).chunks(16 * 1024) {
        long.extend(frame(CONTINUATION, 0, 1, part));
    }
    too_much(&server, long).await;
}

#[tokio::test]
async fn streams_beyond_the_cap_are_refused_and_the_others_answered() {
    let server = server(Options::default()).await;
    let streams = (0..101).flat_map(|number| request(2 * number + 1, GET_HELD));
    let mut client = server.send(&beginning()).await;
    client.write_all(&streams.collect::<Vec<_>>()).await.unwrap();
    let refused = loop {
        let frame = next(&mut client).await.expect("the connection stays");
        assert_ne!(frame.kind, HEADERS, "nobody is let through yet");
        if frame.kind == RESET {
            break frame;
        }
    };
    assert_eq!((refused.stream, refused.reason()), (201, Some(REFUSED_STREAM)));
    server.gate.add_permits(100);
    let mut answered = 0;
    while answered < 100 {
        let frame = next(&mut client).await.expect("the connection stays");
        answered += usize::from(frame.kind == HEADERS);
    }
}

#[tokio::test]
async fn a_client_without_a_whole_request_is_dropped_however_it_waits() {
    let server = server(short()).await;
    let half = frame(HEADERS, END_STREAM, 1, &GET_QUICK[..4]);
    let mut after_another = request(1, GET_QUICK);
    after_another.extend(frame(HEADERS, END_STREAM, 3, &GET_QUICK[..4]));
    let cut = request(1, GET_QUICK)[..12].to_vec();
    let ping = frame(6, 0, 0, &[0; 8]);
    for what in [vec![], half, after_another, cut, ping] {
        let mut client = server.send(&[beginning(), what].concat()).await;
        all(&mut client).await;
    }
    let mut client = server.send(PREFACE).await;
    all(&mut client).await;
}

#[tokio::test]
async fn a_client_that_makes_room_for_everything_and_reads_nothing_is_dropped() {
    let server = server(Options {
        connections: 1,
        ..short()
    })
    .await;
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let mut deaf = socket.connect(server.address).await.unwrap();
    let most = [0x7f, 0xff, 0xff, 0xff];
    let windows = frame(SETTINGS, 0, 0, &[&[0, 4][..], &most].concat());
    let room = frame(WINDOW, 0, 0, &[0x7f, 0xff, 0, 0]);
    let requests = (0..50)
        .flat_map(|number| request(2 * number + 1, GET_LARGE))
        .collect();
    deaf.write_all(&[PREFACE.to_vec(), windows, room, requests].concat())
        .await
        .unwrap();
    // There is one place, so this is answered when the other has lost it.
    assert!(server.answers().await);
}
