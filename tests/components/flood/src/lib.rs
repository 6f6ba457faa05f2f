//! Answers and logs with more, or with worse, than a host should pass on; the path says with what, and the
//! query, when it is a number, how many bytes or pieces.

wit_bindgen::generate!({ path: "../../../wit/0.1.0", world: "routes-only" });

use std::io::Write;

use exports::platform::challenge::routes::{Error, Guest, Request, Response};

struct Flood;

/// `hello`, packed by gzip.
const GZIP: [u8; 25] = [
    0x1f, 0x8b, 0x08, 0, 0, 0, 0, 0, 0x02, 0xff, 0xcb, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0, 0x86, 0xa6, 0x10,
    0x36, 0x05, 0, 0, 0,
];

impl Guest for Flood {
    fn handle_route(request: Request) -> Result<Response, Error> {
        let amount: Option<usize> = request.query.as_deref().and_then(|query| query.parse().ok());
        let mut answer = Response {
            status: 200,
            headers: Vec::new(),
            body: b"flood".to_vec(),
        };
        let mut header = |name: &str, value: &[u8]| answer.headers.push((name.to_owned(), value.to_owned()));
        match request.path.as_str() {
            "/stdout" => write(&mut std::io::stdout(), amount.unwrap_or(64 << 20)),
            "/stderr" => write(&mut std::io::stderr(), amount.unwrap_or(64 << 20)),
            "/control" => write_control(amount.unwrap_or(1000)),
            "/one-line" => write_line(amount.unwrap_or(16 << 20)),
            "/body" => answer.body = vec![b'x'; amount.unwrap_or(64 << 20)],
            "/headers" => (0..amount.unwrap_or(100_000)).for_each(|n| header(&format!("x-{n}"), b"y")),
            "/header-large" => header("x-large", &vec![b'y'; amount.unwrap_or(1 << 20)]),
            "/header-name" => header("x y\r\nset-cookie: a", b"b"),
            "/header-utf8" => header(not_utf8().as_str(), b"b"),
            "/header-empty" => header("", b"b"),
            "/header-upper" => header("X-Upper", b"b"),
            "/header-value" => header("x-split", b"a\r\nset-cookie: b=c\r\n\r\nbody"),
            "/header-nul" => header("x-nul", b"a\0b"),
            "/header-hop" => {
                header("connection", b"upgrade");
                header("transfer-encoding", b"chunked");
                header("content-length", b"1");
                header("content-length", b"2");
                header("keep-alive", b"timeout=5");
                header("trailer", b"x-late");
            }
            "/header-nominated" => {
                header("Connection", b"close, X-Foo");
                header("x-foo", b"for one hop");
                header("x-foobar", b"for all");
            }
            "/cookies" => {
                header("set-cookie", b"a=1; Path=/");
                header("x-between", b"\xe9\xff");
                header("Set-Cookie", b"b=2, 3");
            }
            "/gzip" => {
                header("content-encoding", b"gzip");
                header("content-length", b"3");
                answer.body = GZIP.to_vec();
            }
            "/error" => return Err(Error::Internal("x".repeat(amount.unwrap_or(1 << 20)))),
            "/error-public" => return Err(Error::NotFound("x".repeat(amount.unwrap_or(1 << 20)))),
            "/error-utf8" => return Err(Error::BadRequest(not_utf8())),
            "/error-control" => return Err(Error::BadRequest("a\r\nINFO forged\u{1b}[31m".to_owned())),
            path => match path
                .strip_prefix("/status/")
                .and_then(|status| status.parse().ok())
            {
                Some(status) => answer.status = status,
                None => return Err(Error::NotFound("see the source".to_owned())),
            },
        }
        Ok(answer)
    }
}

/// Lines of 64 bytes.
fn write(stream: &mut impl Write, bytes: usize) {
    for _ in 0..bytes / 64 {
        // The host may close the stream; the flood goes on.
        let _ = stream.write_all(&[b"INFO ".as_slice(), &[b'x'; 58], b"\n"].concat());
    }
}

fn write_line(bytes: usize) {
    for _ in 0..bytes / 4096 {
        let _ = std::io::stderr().write_all(&[b'x'; 4096]);
    }
}

/// What a terminal would obey, and lines that look like another's.
fn write_control(times: usize) {
    for _ in 0..times {
        let _ = std::io::stdout().write_all(b"\x1b[2J\x1b]0;title\x07\x08\0\x9b31m\rERROR forged\n");
    }
}

/// A text that is none; a compiler's guest never has one, a hostile guest does.
fn not_utf8() -> String {
    // SAFETY: it is not sound, and nothing here looks at the text again.
    unsafe { String::from_utf8_unchecked(b"x-\xff\xfe".to_vec()) }
}

export!(Flood);
