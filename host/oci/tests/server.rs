//! A small HTTP server that says whatever a test wants.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex},
    time::Duration,
};

use platform_domain::ComponentRef;

use crate::given::reference;

/// What the server does to a request.
pub(crate) enum Answer {
    /// Status line and headers, then the body; `content-length` is added unless there is one.
    Plain(&'static str, String, Vec<u8>),
    /// A chunked body that ends when the client has enough.
    Endless(&'static str, String),
    /// Fewer bytes than announced.
    Short(usize, Vec<u8>),
    /// A byte, a pause, a byte.
    Drip(Duration, Vec<u8>),
    /// The connection ends without a word.
    Silence,
}

type Handler = dyn Fn(&str, &str) -> Answer + Send + Sync;

pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Server {
    /// Serves until the test process ends. The handler gets the path and the whole request.
    pub(crate) fn start(handler: impl Fn(&str, &str) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (log, handler): (_, Arc<Handler>) = (requests.clone(), Arc::new(handler));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (log, handler) = (log.clone(), handler.clone());
                std::thread::spawn(move || serve(stream, &log, &*handler));
            }
        });
        Self { address, requests }
    }

    pub(crate) fn reference(&self) -> ComponentRef {
        reference(format!("{}/echo:1", self.address))
    }

    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

fn serve(mut stream: TcpStream, log: &Mutex<Vec<String>>, handler: &Handler) -> Option<()> {
    let mut head = String::new();
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    while !head.ends_with("\r\n\r\n") {
        (reader.read_line(&mut head).ok()? > 0).then_some(())?;
    }
    let path = head.split(' ').nth(1)?.to_owned();
    let length = head.to_lowercase();
    let length = length
        .split("content-length: ")
        .nth(1)
        .and_then(|rest| rest.lines().next()?.parse().ok());
    let mut body = vec![0; length.unwrap_or_default()];
    reader.read_exact(&mut body).ok()?;
    head.push_str(&String::from_utf8_lossy(&body));
    log.lock().unwrap().push(path.clone());
    let mut send = |text: &[u8]| stream.write_all(text).ok();
    match handler(&path, &head) {
        Answer::Plain(status, headers, body) => {
            let length = format!("content-length: {}\r\n", body.len());
            let length = if headers.contains("content-length") {
                ""
            } else {
                &length
            };
            send(format!("HTTP/1.1 {status}\r\n{headers}{length}connection: close\r\n\r\n").as_bytes())?;
            send(&body)
        }
        Answer::Short(announced, body) => {
            send(format!("HTTP/1.1 200 OK\r\ncontent-length: {announced}\r\n\r\n").as_bytes())?;
            send(&body)
        }
        Answer::Silence => None,
        Answer::Drip(pause, body) => {
            send(format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len()).as_bytes())?;
            body.iter().try_for_each(|byte| {
                send(&[*byte])?;
                std::thread::sleep(pause);
                Some(())
            })
        }
        Answer::Endless(status, headers) => {
            send(format!("HTTP/1.1 {status}\r\n{headers}transfer-encoding: chunked\r\n\r\n").as_bytes())?;
            let chunk = [b"10000\r\n".as_slice(), &[b' '; 0x10000], b"\r\n"].concat();
            while send(&chunk).is_some() {}
            None
        }
    }
}
