//! As much of HTTP/1.1 as a challenge behind its host needs: one request for each connection, bounded in size, time and number.

use std::{
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    net::{Ipv4Addr, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

const HEAD_BYTES: u64 = 16 * 1024;
const BODY_BYTES: usize = 64 * 1024;
const CONNECTIONS: usize = 64;
const PATIENCE: Duration = Duration::from_secs(10);

/// A request. Names of headers are in lower case.
pub struct Request {
    pub method: String,
    pub path: String,
    headers: Vec<(String, String)>,
}

/// An answer with a JSON body.
pub struct Answer {
    pub status: u16,
    pub body: String,
    /// Zeros after the body, for whoever misbehaves.
    pub padding: u64,
}

impl Request {
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut found = self.headers.iter().filter(|(found, _)| found == name);
        let first = found.next();
        first.map(|(_, value)| value.as_str())
    }
}

impl Answer {
    pub fn new(status: u16, body: impl Into<String>) -> Self {
        let (body, padding) = (body.into(), 0);
        Self {
            status,
            body,
            padding,
        }
    }
}

/// Serves until the listener fails.
pub fn serve(port: u16, answer: impl Fn(&Request) -> Answer + Send + Sync + 'static) -> io::Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, port))?;
    println!("listening at {port}");
    let answer = Arc::new(answer);
    let open = Arc::new(AtomicUsize::new(0));
    for stream in listener.incoming() {
        let Ok(stream) = stream else { continue };
        if open.fetch_add(1, Ordering::AcqRel) >= CONNECTIONS {
            open.fetch_sub(1, Ordering::AcqRel);
            continue;
        }
        let (answer, open_too) = (Arc::clone(&answer), Arc::clone(&open));
        let spawned = thread::Builder::new().spawn(move || {
            // Whoever hangs up in the middle is nobody's problem.
            drop(exchange(&stream, answer.as_ref()));
            open_too.fetch_sub(1, Ordering::AcqRel);
        });
        if spawned.is_err() {
            open.fetch_sub(1, Ordering::AcqRel);
        }
    }
    Ok(())
}

fn exchange(mut stream: &TcpStream, answer: &dyn Fn(&Request) -> Answer) -> io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let answer = match read(stream)? {
        Some(request) => answer(&request),
        None => Answer::new(400, r#"{"detail":"not a request"}"#),
    };
    let length = answer.body.len() as u64 + answer.padding;
    let head = format!(
        "HTTP/1.1 {} -\r\ncontent-type: application/json\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n",
        answer.status
    );
    stream.write_all(head.as_bytes())?;
    stream.write_all(answer.body.as_bytes())?;
    io::copy(&mut io::repeat(0).take(answer.padding), &mut stream)?;
    stream.flush()
}

/// `None`: not HTTP, or too much of it.
fn read(stream: &TcpStream) -> io::Result<Option<Request>> {
    let mut reader = BufReader::new(stream).take(HEAD_BYTES);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let mut words = line.split_ascii_whitespace();
    let (Some(method), Some(target), Some("HTTP/1.1" | "HTTP/1.0")) =
        (words.next(), words.next(), words.next())
    else {
        return Ok(None);
    };
    let path = target.split('?').next().unwrap_or_default().to_owned();
    let method = method.to_owned();
    let mut headers = Vec::new();
    loop {
        line.clear();
        reader.read_line(&mut line)?;
        let Some(text) = line.strip_suffix("\r\n") else {
            return Ok(None);
        };
        if text.is_empty() {
            break;
        }
        let Some((name, value)) = text.split_once(':') else {
            return Ok(None);
        };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let request = Request {
        method,
        path,
        headers,
    };
    let length = request.header("content-length").unwrap_or("0").parse::<usize>();
    match length {
        // Read, so that the other side sees our answer and not a reset; nothing here looks at a body.
        Ok(length) if length <= BODY_BYTES => {
            reader.set_limit(length as u64);
            io::copy(&mut reader, &mut io::sink())?;
            Ok(Some(request))
        }
        _ => Ok(None),
    }
}

/// A text as JSON has it.
pub fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c < ' ' => quoted.push_str(&format!("\\u{:04x}", c as u32)),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}
