//! What is sent, and what it means.

use Outcome::{Both, Once, Passed, Refused};

/// What becomes of a request, and of the one behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The host refuses it and closes; nothing is seen.
    Refused,
    /// It is seen with this body, and the host closes.
    Once(&'static str),
    /// It is seen with this body, and so is the one behind it.
    Both(&'static str),
    /// The host refuses it, knows where it ends, and answers the one behind it.
    Passed(u16),
}

/// Header lines of a request with what follows the head. `{h}` is the hidden request, `{n}` its length and `{x}` that in
/// hexadecimal.
pub(crate) const FRAMINGS: &[(&str, &str, Outcome)] = &[
    ("Content-Length: 4", "body", Both("body")),
    ("Content-Length: {n}", "{h}", Both("{h}")),
    (
        "Transfer-Encoding: chunked",
        "{x}\r\n{h}\r\n0\r\n\r\n",
        Both("{h}"),
    ),
    // Both framings: the chunks count, and nothing after them is read (6.3).
    (
        "Content-Length: 5\r\nTransfer-Encoding: chunked",
        "0\r\n\r\n{h}",
        Once(""),
    ),
    (
        "Content-Length: 6\r\nTransfer-Encoding: chunked",
        "0\r\n\r\nG",
        Once(""),
    ),
    (
        "Content-Length: {n}\r\nTransfer-Encoding: chunked",
        "0\r\n\r\n{h}",
        Once(""),
    ),
    (
        "Transfer-Encoding: chunked\r\nContent-Length: 4",
        "{x}\r\n{h}\r\n0\r\n\r\n",
        Once("{h}"),
    ),
    (
        "Transfer-Encoding: chunked\r\nContent-Length: 0",
        "{x}\r\n{h}\r\n0\r\n\r\n",
        Once("{h}"),
    ),
    (
        "transfer-encoding: CHUNKED\r\ncontent-length: 4",
        "{x}\r\n{h}\r\n0\r\n\r\n",
        Once("{h}"),
    ),
    // Chunks by another spelling.
    (
        "Transfer-Encoding:chunked",
        "4\r\nbody\r\n0\r\n\r\n",
        Both("body"),
    ),
    (
        "Transfer-Encoding:\tchunked\t ",
        "4\r\nbody\r\n0\r\n\r\n",
        Both("body"),
    ),
    (
        "TRANSFER-ENCODING: ChUnKeD",
        "4\r\nbody\r\n0\r\n\r\n",
        Both("body"),
    ),
    // Codings below the chunks would be lost on the way: the end is known, and the host says that it cannot.
    (
        "Transfer-Encoding: gzip, chunked",
        "{x}\r\n{h}\r\n0\r\n\r\n",
        Passed(501),
    ),
    (
        "Transfer-Encoding: chunked, chunked",
        "{x}\r\n{h}\r\n0\r\n\r\n",
        Passed(501),
    ),
    (
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
        "{x}\r\n{h}\r\n0\r\n\r\n",
        Passed(501),
    ),
    (
        "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked",
        "{x}\r\n{h}\r\n0\r\n\r\n",
        Passed(501),
    ),
    (
        "Transfer-Encoding: identity, chunked",
        "{x}\r\n{h}\r\n0\r\n\r\n",
        Passed(501),
    ),
    (
        "Transfer-Encoding: , chunked",
        "{x}\r\n{h}\r\n0\r\n\r\n",
        Passed(501),
    ),
    // Or nearly so.
    ("Transfer-Encoding : chunked", "0\r\n\r\n{h}", Refused),
    ("Transfer-Encoding\t: chunked", "0\r\n\r\n{h}", Refused),
    ("Transfer-Encoding: xchunked", "{h}", Refused),
    ("Transfer-Encoding: chunkedx", "{h}", Refused),
    ("Transfer-Encoding: chunked;q=1", "{h}", Refused),
    ("Transfer-Encoding: \"chunked\"", "{h}", Refused),
    ("Transfer-Encoding: \u{b}chunked", "{h}", Refused),
    ("Transfer-Encoding: chunked\0", "{h}", Refused),
    ("Transfer-Encoding:", "{h}", Refused),
    ("Transfer-Encoding: ,", "{h}", Refused),
    ("Transfer-Encoding: identity", "{h}", Refused),
    ("Transfer-Encoding: gzip", "{h}", Refused),
    ("Transfer-Encoding: chunked, identity", "0\r\n\r\n{h}", Refused),
    ("Transfer-Encoding: chunked, gzip", "0\r\n\r\n{h}", Refused),
    (
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
        "0\r\n\r\n{h}",
        Refused,
    ),
    (
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: x",
        "0\r\n\r\n{h}",
        Refused,
    ),
    (
        "Content-Length: 4\r\nTransfer-Encoding: identity",
        "body{h}",
        Refused,
    ),
    ("Content-Length: 4\r\nTransfer-Encoding: x", "body{h}", Refused),
    ("Transfer-Encoding:\r\n chunked", "0\r\n\r\n{h}", Refused),
    (" Transfer-Encoding: chunked", "0\r\n\r\n{h}", Refused),
    ("Transfer-\r\n Encoding: chunked", "0\r\n\r\n{h}", Refused),
    ("Transfer-Encoding\0: chunked", "0\r\n\r\n{h}", Refused),
    // Another header altogether.
    (
        "Transfer_Encoding: chunked\r\nContent-Length: 5",
        "0\r\n\r\n",
        Both("0\r\n\r\n"),
    ),
    (
        "Transfer-Encoding-: chunked\r\nContent-Length: 5",
        "0\r\n\r\n",
        Both("0\r\n\r\n"),
    ),
    ("Content_Length: 0\r\nContent-Length: {n}", "{h}", Both("{h}")),
    // Lengths.
    ("Content-Length: 4\r\nContent-Length: 4", "body", Both("body")),
    ("Content-Length: 04", "body", Both("body")),
    ("Content-Length:\t4 ", "body", Both("body")),
    ("Content-Length: 4\r\nContent-Length: 5", "body{h}", Refused),
    ("Content-Length: 0\r\nContent-Length: {n}", "{h}", Refused),
    ("Content-Length: {n}\r\nContent-Length: 0", "{h}", Refused),
    ("Content-Length: 5, 5", "hello{h}", Refused),
    ("Content-Length: 5, 6", "hello{h}", Refused),
    ("Content-Length: 0,{n}", "{h}", Refused),
    ("Content-Length: +4", "body{h}", Refused),
    ("Content-Length: -4", "body{h}", Refused),
    ("Content-Length: -1", "{h}", Refused),
    ("Content-Length: 0x4", "body{h}", Refused),
    ("Content-Length: 4h", "body{h}", Refused),
    ("Content-Length: 4.0", "body{h}", Refused),
    ("Content-Length: 4e0", "body{h}", Refused),
    ("Content-Length: 4 4", "body{h}", Refused),
    ("Content-Length: 4;", "body{h}", Refused),
    ("Content-Length: \"4\"", "body{h}", Refused),
    ("Content-Length:", "{h}", Refused),
    ("Content-Length: four", "{h}", Refused),
    ("Content-Length: \u{664}", "{h}", Refused),
    ("Content-Length: 18446744073709551615", "{h}", Refused),
    ("Content-Length: 18446744073709551616", "{h}", Refused),
    ("Content-Length: 18446744073709551620", "body{h}", Refused),
    ("Content-Length: 99999999999999999999999999999999", "{h}", Refused),
    ("Content-Length: 999999999999", "{h}", Refused),
    ("Content-Length : 4", "body{h}", Refused),
    ("Content-Length\0: 4", "body{h}", Refused),
    ("Content-Length: 4\0", "body{h}", Refused),
    ("Content-Length: \r\n 4", "body{h}", Refused),
    // Lines.
    ("X-Folded: a\r\n Content-Length: 4", "body{h}", Refused),
    (
        "X-Folded: a\r\n\tTransfer-Encoding: chunked",
        "0\r\n\r\n{h}",
        Refused,
    ),
    ("X-Return: a\rContent-Length: 4", "body{h}", Refused),
    ("X-Return: a\r\r\nContent-Length: 4", "body{h}", Refused),
    ("X-Nul: a\0b", "{h}", Refused),
    ("X-Bell: a\u{7}b", "{h}", Refused),
    ("X Y: a", "{h}", Refused),
    ("X\u{e9}: a", "{h}", Refused),
    ("X(): a", "{h}", Refused),
    (": a", "{h}", Refused),
    ("X", "{h}", Refused),
    ("GET /challenges/{slug}/hidden HTTP/1.1", "{h}", Refused),
    // A line may end without a return (2.2).
    ("X-Line: a\nContent-Length: 4", "body", Both("body")),
    ("X-Line: a\nContent-Length: 4\nX: b", "body", Both("body")),
    (
        "X-Line: a\nTransfer-Encoding: chunked\r\nContent-Length: 4",
        "{x}\r\n{h}\r\n0\r\n\r\n",
        Once("{h}"),
    ),
    // Chunks.
    (
        "Transfer-Encoding: chunked",
        "2;a=b\r\nbo\r\n2;\"\"\r\ndy\r\n0;a\r\n\r\n",
        Both("body"),
    ),
    (
        "Transfer-Encoding: chunked",
        "000004\r\nbody\r\n000\r\n\r\n",
        Both("body"),
    ),
    (
        "Transfer-Encoding: chunked",
        "0\r\nX-Late: 1\r\nContent-Length: 9\r\n\r\n",
        Both(""),
    ),
    (
        "Transfer-Encoding: chunked",
        "0\r\nTransfer-Encoding: chunked\r\n\r\n",
        Both(""),
    ),
    ("Transfer-Encoding: chunked", "\r\n0\r\n\r\n{h}", Refused),
    ("Transfer-Encoding: chunked", ";a\r\n{h}", Refused),
    ("Transfer-Encoding: chunked", "x\r\n{h}", Refused),
    (
        "Transfer-Encoding: chunked",
        "0x4\r\nbody\r\n0\r\n\r\n{h}",
        Refused,
    ),
    (
        "Transfer-Encoding: chunked",
        "-1\r\nbody\r\n0\r\n\r\n{h}",
        Refused,
    ),
    (
        "Transfer-Encoding: chunked",
        "+4\r\nbody\r\n0\r\n\r\n{h}",
        Refused,
    ),
    (
        "Transfer-Encoding: chunked",
        " 4\r\nbody\r\n0\r\n\r\n{h}",
        Refused,
    ),
    (
        "Transfer-Encoding: chunked",
        "4 4\r\nbody\r\n0\r\n\r\n{h}",
        Refused,
    ),
    (
        "Transfer-Encoding: chunked",
        "4_\r\nbody\r\n0\r\n\r\n{h}",
        Refused,
    ),
    ("Transfer-Encoding: chunked", "4\nbody\r\n0\r\n\r\n{h}", Refused),
    ("Transfer-Encoding: chunked", "4\rbody\r\n0\r\n\r\n{h}", Refused),
    ("Transfer-Encoding: chunked", "4\r\nbodyXX0\r\n\r\n{h}", Refused),
    ("Transfer-Encoding: chunked", "4\r\nbody0\r\n\r\n{h}", Refused),
    ("Transfer-Encoding: chunked", "3\r\nbody\r\n0\r\n\r\n{h}", Refused),
    (
        "Transfer-Encoding: chunked",
        "4;a\nb\r\nbody\r\n0\r\n\r\n{h}",
        Refused,
    ),
    (
        "Transfer-Encoding: chunked",
        "4;a\rb\r\nbody\r\n0\r\n\r\n{h}",
        Refused,
    ),
    ("Transfer-Encoding: chunked", "10000000000000000\r\n{h}", Refused),
    (
        "Transfer-Encoding: chunked",
        "10000000000000004\r\nbody\r\n0\r\n\r\n{h}",
        Refused,
    ),
    ("Transfer-Encoding: chunked", "fffffffffffffffff\r\n{h}", Refused),
    // What is of the connection cannot be taken from it by naming it.
    (
        "Connection: Content-Length\r\nContent-Length: {n}",
        "{h}",
        Both("{h}"),
    ),
    (
        "Connection: Transfer-Encoding\r\nTransfer-Encoding: chunked",
        "{x}\r\n{h}\r\n0\r\n\r\n",
        Both("{h}"),
    ),
    ("Connection: close\r\nContent-Length: 4", "body{h}", Once("body")),
    // Other protocols, and steps of this one.
    (
        "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\nContent-Length: 4",
        "body",
        Both("body"),
    ),
    (
        "Connection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: {n}",
        "{h}",
        Both("{h}"),
    ),
    (
        "Connection: Upgrade\r\nUpgrade: TLS/1.2\r\nContent-Length: {n}",
        "{h}",
        Both("{h}"),
    ),
    ("Expect: 100-continue\r\nContent-Length: 4", "body", Both("body")),
    (
        "Expect: 100-continue\r\nTransfer-Encoding: chunked",
        "{x}\r\n{h}\r\n0\r\n\r\n",
        Both("{h}"),
    ),
];

/// Whole requests.
pub(crate) const LINES: &[(&str, Outcome)] = &[
    // A body is one by its framing, whatever the method.
    (
        "GET /challenges/{slug}/first HTTP/1.1\r\nHost: x\r\nContent-Length: {n}\r\n\r\n{h}",
        Both("{h}"),
    ),
    (
        "GET /challenges/{slug}/first HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n{x}\r\n{h}\r\n0\r\n\r\n",
        Both("{h}"),
    ),
    (
        "DELETE /challenges/{slug}/first HTTP/1.1\r\nHost: x\r\nContent-Length: {n}\r\n\r\n{h}",
        Both("{h}"),
    ),
    (
        "OPTIONS /challenges/{slug}/first HTTP/1.1\r\nHost: x\r\nContent-Length: {n}\r\n\r\n{h}",
        Both("{h}"),
    ),
    (
        "GET http://x/challenges/{slug}/first HTTP/1.1\r\nHost: y\r\nContent-Length: {n}\r\n\r\n{h}",
        Both("{h}"),
    ),
    (
        "\r\nPOST /challenges/{slug}/first HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody",
        Both("body"),
    ),
    (
        "\r\n\r\n\r\nPOST /challenges/{slug}/first HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody",
        Both("body"),
    ),
    (
        "POST /challenges/{slug}/first HTTP/1.1\nHost: x\nContent-Length: 4\n\nbody",
        Both("body"),
    ),
    // Nobody is to guess which site is meant.
    (
        "POST /challenges/{slug}/first HTTP/1.1\r\nContent-Length: {n}\r\n\r\n{h}",
        Refused,
    ),
    ("GET http://x/challenges/{slug}/first HTTP/1.1\r\n\r\n", Refused),
    // The host's own refusals know where a request ends.
    (
        "TRACE /challenges/{slug}/first HTTP/1.1\r\nHost: x\r\nContent-Length: {n}\r\n\r\n{h}",
        Passed(405),
    ),
    (
        "post /challenges/{slug}/first HTTP/1.1\r\nHost: x\r\nContent-Length: {n}\r\n\r\n{h}",
        Passed(405),
    ),
    (
        "GET /challenges/{slug}/internal HTTP/1.1\r\nHost: x\r\nContent-Length: {n}\r\n\r\n{h}",
        Passed(403),
    ),
    (
        "GET /nothing HTTP/1.1\r\nHost: x\r\nContent-Length: {n}\r\n\r\n{h}",
        Passed(404),
    ),
    (
        "GET /health HTTP/1.1\r\nHost: x\r\nContent-Length: {n}\r\n\r\n{h}",
        Passed(200),
    ),
    (
        "GET /challenges HTTP/1.1\r\nHost: x\r\nContent-Length: {n}\r\n\r\n{h}",
        Passed(200),
    ),
    (
        "GET /v1/registry HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n{x}\r\n{h}\r\n0\r\n\r\n",
        Passed(200),
    ),
    (
        "GET /v1/weights/latest HTTP/1.1\r\nHost: x\r\nContent-Length: {n}\r\n\r\n{h}",
        Passed(404),
    ),
    // Versions.
    (
        "POST /challenges/{slug}/first HTTP/1.0\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody{h}",
        Once("body"),
    ),
    (
        "POST /challenges/{slug}/first HTTP/1.0\r\nHost: x\r\nConnection: keep-alive\r\nContent-Length: 4\r\n\r\nbody",
        Both("body"),
    ),
    (
        "POST /challenges/{slug}/first HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n{x}\r\n{h}\r\n0\r\n\r\n",
        Refused,
    ),
    (
        "POST /challenges/{slug}/first HTTP/1.0\r\nHost: x\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n{h}",
        Refused,
    ),
    ("GET /challenges/{slug}/first\r\n{h}", Refused),
    ("GET /challenges/{slug}/first\r\n\r\n{h}", Refused),
    ("GET /challenges/{slug}/first HTTP/0.9\r\n\r\n{h}", Refused),
    (
        "GET /challenges/{slug}/first HTTP/1.2\r\nHost: x\r\n\r\n{h}",
        Refused,
    ),
    (
        "GET /challenges/{slug}/first HTTP/2.0\r\nHost: x\r\n\r\n{h}",
        Refused,
    ),
    (
        "GET /challenges/{slug}/first http/1.1\r\nHost: x\r\n\r\n{h}",
        Refused,
    ),
    (
        "GET /challenges/{slug}/first HTTP/1.1x\r\nHost: x\r\n\r\n{h}",
        Refused,
    ),
    (
        "GET /challenges/{slug}/first HTTP/11\r\nHost: x\r\n\r\n{h}",
        Refused,
    ),
    (
        "GET /challenges/{slug}/first HTTP/1.1 \r\nHost: x\r\n\r\n{h}",
        Refused,
    ),
    // The line.
    (
        "GET  /challenges/{slug}/first HTTP/1.1\r\nHost: x\r\n\r\n{h}",
        Refused,
    ),
    (
        "GET /challenges/{slug}/first  HTTP/1.1\r\nHost: x\r\n\r\n{h}",
        Refused,
    ),
    (
        "GET\t/challenges/{slug}/first\tHTTP/1.1\r\nHost: x\r\n\r\n{h}",
        Refused,
    ),
    (
        " GET /challenges/{slug}/first HTTP/1.1\r\nHost: x\r\n\r\n{h}",
        Refused,
    ),
    (
        "GET /challenges/{slug}/first HTTP/1.1 /challenges/{slug}/hidden HTTP/1.1\r\nHost: x\r\n\r\n{h}",
        Refused,
    ),
    (
        "GET /challenges/{slug}/first\rHTTP/1.1\r\nHost: x\r\n\r\n{h}",
        Refused,
    ),
    (
        "GET /challenges/{slug}/first\0 HTTP/1.1\r\nHost: x\r\n\r\n{h}",
        Refused,
    ),
    (
        "G\0T /challenges/{slug}/first HTTP/1.1\r\nHost: x\r\n\r\n{h}",
        Refused,
    ),
    (
        "G(T /challenges/{slug}/first HTTP/1.1\r\nHost: x\r\n\r\n{h}",
        Refused,
    ),
    (
        " /challenges/{slug}/first HTTP/1.1\r\nHost: x\r\n\r\n{h}",
        Refused,
    ),
    ("/challenges/{slug}/first HTTP/1.1\r\nHost: x\r\n\r\n{h}", Refused),
    ("GET HTTP/1.1\r\nHost: x\r\n\r\n{h}", Refused),
    (
        "GET challenges/{slug}/first HTTP/1.1\r\nHost: x\r\n\r\n{h}",
        Refused,
    ),
    // Whom it is for (3.2).
    (
        "POST /challenges/{slug}/first HTTP/1.1\r\nHost: x\r\nHost: y\r\nContent-Length: {n}\r\n\r\n{h}",
        Passed(400),
    ),
];
