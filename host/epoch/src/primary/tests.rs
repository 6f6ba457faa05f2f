//! The client against hosts on real sockets that tell the truth, lie, stall or are something else.

use std::{future::Future, net::SocketAddr, sync::Arc, time::Instant};

use platform_domain::{BlockNumber, Digest, RawWeight, Uid, UnixSeconds};
use platform_fallback::{Document, Entry, Subject};
use platform_keys::Keypair;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::Mutex,
    task::JoinSet,
};

use super::*;

const GENESIS: BlockHash = BlockHash([1; 32]);
/// Longer than any machine takes for what ends by itself.
const PATIENCE: Duration = Duration::from_secs(20);

/// Where nothing listens: a port that was free once may be another test's by now.
const NOBODY: &str = "127.0.0.1:1";

/// A server that does one thing with each connection, after it has read the head of a request.
struct Server {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
    _tasks: JoinSet<()>,
}

impl Server {
    async fn start<F: Future<Output = ()> + Send>(
        answer: impl Fn(usize, TcpStream) -> F + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&asked);
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let Some(head) = read_head(&mut stream).await else {
                    continue;
                };
                let nth = {
                    let mut seen = seen.lock().await;
                    seen.push(head);
                    seen.len()
                };
                answer(nth, stream).await;
            }
        });
        Self {
            address,
            asked,
            _tasks: tasks,
        }
    }

    /// Answers every request with these bytes.
    async fn saying(answer: impl Into<Vec<u8>>) -> Self {
        let answer: Arc<[u8]> = answer.into().into();
        Self::start(move |_, mut stream| {
            let answer = Arc::clone(&answer);
            async move { drop(stream.write_all(&answer).await) }
        })
        .await
    }

    /// Tells a document as a host would.
    async fn telling(signed: &Signed) -> Self {
        Self::saying(ok("application/json", &signed.to_json().unwrap())).await
    }

    async fn ask(&self) -> Result<Taken, PrimaryError> {
        ask(&config(self.address)).await
    }
}

/// `None` when the connection ends before the head does.
async fn read_head(stream: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    String::from_utf8(head).ok()
}

fn ok(kind: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!("HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\n\r\n");
    [head.as_bytes(), body].concat()
}

fn status(line: &str) -> Vec<u8> {
    format!("HTTP/1.1 {line}\r\ncontent-length: 0\r\n\r\n").into_bytes()
}

fn key() -> Keypair {
    Keypair::from_seed([7; 32])
}

fn config(address: SocketAddr) -> PrimaryConfig {
    PrimaryConfig {
        url: format!("http://{address}"),
        plain: false,
        hotkey: key().hotkey(),
        max_age: Duration::from_secs(3600),
        epochs_behind: 1,
        deadline: PATIENCE,
    }
}

async fn ask(config: &PrimaryConfig) -> Result<Taken, PrimaryError> {
    let slug = "tsp".parse().unwrap();
    let sought = Sought {
        genesis: GENESIS,
        netuid: Netuid(7),
        mechanism: MechanismId(0),
        numbering: "tempo",
        epoch: EpochId(9),
        slug: &slug,
    };
    Primary::new(config.clone()).unwrap().weights(&sought).await
}

fn now() -> u64 {
    UnixSeconds::from(SystemTime::now()).0
}

fn document() -> Document {
    Document {
        block: BlockNumber(3240),
        computed_at: UnixSeconds(now() - 60),
        epoch: EpochId(9),
        expires_at: UnixSeconds(now() + 3600),
        genesis: GENESIS,
        mechanism: MechanismId(0),
        netuid: Netuid(7),
        numbering: "tempo".into(),
        subject: subject("tsp"),
    }
}

fn subject(slug: &str) -> Subject {
    Subject::Challenge {
        component: Some(Digest::of(b"component")),
        slug: slug.parse().unwrap(),
        weights: vec![Entry::new(Hotkey::from_bytes([1; 32]), 0.25).unwrap()],
    }
}

fn signed(document: Document) -> Signed {
    Signed::sign(document, &key()).unwrap()
}

/// The error with its causes.
fn said(error: &PrimaryError) -> String {
    platform_domain::with_causes(error)
}

#[tokio::test]
async fn what_the_primary_tells_of_the_challenge_is_taken() {
    let server = Server::telling(&signed(document())).await;
    let taken = server.ask().await.unwrap();
    let weight = RawWeight {
        hotkey: Hotkey::from_bytes([1; 32]).to_string(),
        score: 0.25,
    };
    let expected = Taken {
        component: Some(Digest::of(b"component")),
        epoch: EpochId(9),
        weights: vec![weight],
    };
    assert_eq!(taken, expected);
    let asked = server.asked.lock().await.join("").to_lowercase();
    assert!(
        asked.starts_with("get /v1/challenges/tsp/weights/latest http/1.1\r\n"),
        "{asked}"
    );
    assert!(asked.contains("accept: application/json") && asked.contains("cache-control: no-cache"));
    assert!(
        !asked.contains("authorization") && !asked.contains("cookie"),
        "{asked}"
    );
}

#[tokio::test]
async fn who_answers_before_the_primary_has_this_epoch_gets_the_one_before() {
    let before = Document {
        epoch: EpochId(8),
        ..document()
    };
    let server = Server::telling(&signed(before)).await;
    assert_eq!(server.ask().await.unwrap().epoch, EpochId(8));
    let strict = PrimaryConfig {
        epochs_behind: 0,
        ..config(server.address)
    };
    let refused = ask(&strict).await.unwrap_err();
    assert!(said(&refused).contains("epoch 8"), "{}", said(&refused));
}

#[tokio::test]
async fn a_document_that_is_not_of_this_primary_challenge_and_time_does_not_count() {
    let with = |change: fn(&mut Document)| {
        let mut document = document();
        change(&mut document);
        signed(document)
    };
    let posing = Signed {
        hotkey: key().hotkey(),
        ..Signed::sign(document(), &Keypair::from_seed([8; 32])).unwrap()
    };
    for (told, why) in [
        (
            Signed::sign(document(), &Keypair::from_seed([8; 32])).unwrap(),
            "signed by",
        ),
        (posing, "its signature is wrong"),
        (with(|it| it.subject = subject("other")), "another challenge"),
        (with(|it| it.netuid = Netuid(8)), "another subnet"),
        (with(|it| it.mechanism = MechanismId(1)), "another mechanism"),
        (with(|it| it.genesis = BlockHash([2; 32])), "another chain"),
        (
            with(|it| it.numbering = "every/360".into()),
            "counted as every/360",
        ),
        (
            with(|it| {
                it.subject = Subject::Final {
                    policy: "normalized".into(),
                    vector: vec![(Uid(0), u16::MAX)],
                }
            }),
            "the vector of all challenges",
        ),
        (with(|it| it.epoch = EpochId(7)), "epoch 7"),
        (with(|it| it.epoch = EpochId(10)), "epoch 10"),
        (with(|it| it.computed_at = UnixSeconds(now() - 7200)), "ago"),
        (with(|it| it.computed_at = UnixSeconds(now() + 300)), "from now"),
        (with(|it| it.expires_at = UnixSeconds(now() - 1)), "expired"),
        (
            with(|it| it.expires_at = UnixSeconds(now() + 90_000)),
            "holds for",
        ),
    ] {
        let server = Server::telling(&told).await;
        let refused = server.ask().await.unwrap_err();
        assert!(matches!(refused, PrimaryError::Refused(_)), "{why}: {refused:?}");
        assert!(said(&refused).contains(why), "{why}: {}", said(&refused));
        assert_eq!(
            server.asked.lock().await.len(),
            1,
            "{why}: another try changes nothing"
        );
    }
}

#[tokio::test]
async fn a_document_of_which_a_byte_was_changed_is_never_taken() {
    let whole = signed(document()).to_json().unwrap();
    // Every seventh byte, so that each kind of place has its turn.
    for at in (0..whole.len()).step_by(7) {
        let mut told = whole.clone();
        told[at] ^= 1;
        let server = Server::saying(ok("application/json", &told)).await;
        let refused = server.ask().await.unwrap_err();
        assert!(
            matches!(refused, PrimaryError::Refused(_)),
            "byte {at}: {refused:?}"
        );
    }
}

#[tokio::test]
async fn an_answer_that_is_no_document_is_named_for_what_it_is() {
    let told = signed(document()).to_json().unwrap();
    let cut = told.get(..told.len() / 2).unwrap();
    type Kind = fn(&PrimaryError) -> bool;
    let cases: [(&str, Vec<u8>, Kind); 11] = [
        ("no weights", status("404 Not Found"), |it| {
            matches!(it, PrimaryError::Nothing)
        }),
        ("refused", status("403 Forbidden"), |it| {
            matches!(it, PrimaryError::Status(403))
        }),
        ("not modified", status("304 Not Modified"), |it| {
            matches!(it, PrimaryError::Moved(304))
        }),
        ("no content", status("204 No Content"), |it| {
            matches!(it, PrimaryError::Status(204))
        }),
        ("a page", ok("text/html", &told), |it| {
            matches!(it, PrimaryError::ContentType)
        }),
        ("a kind that begins so", ok("application/json-seq", &told), |it| {
            matches!(it, PrimaryError::ContentType)
        }),
        (
            "a page that says it is JSON",
            ok("application/json", b"<html>"),
            |it| matches!(it, PrimaryError::Refused(_)),
        ),
        ("half", ok("application/json", cut), |it| {
            matches!(it, PrimaryError::Refused(_))
        }),
        ("nothing", ok("application/json", b""), |it| {
            matches!(it, PrimaryError::Refused(_))
        }),
        ("deep", ok("application/json", &[b'['; 100_000]), |it| {
            matches!(it, PrimaryError::Refused(_))
        }),
        (
            "too long by its own word",
            b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 99999999999\r\n\r\n"
                .to_vec(),
            |it| matches!(it, PrimaryError::TooLarge),
        ),
    ];
    for (what, answer, is_right) in cases {
        let server = Server::saying(answer).await;
        let error = server.ask().await.unwrap_err();
        assert!(is_right(&error), "{what}: {error:?}");
        assert_eq!(server.asked.lock().await.len(), 1, "{what}");
    }
    let server = Server::saying(ok("Application/JSON; charset=utf-8", &told)).await;
    assert!(server.ask().await.is_ok(), "parameters and case are no matter");
}

#[tokio::test]
async fn what_passes_is_asked_again_and_what_stays_is_told() {
    for failure in [
        "500 Internal Server Error",
        "503 Service Unavailable",
        "429 Too Many Requests",
    ] {
        let told = ok("application/json", &signed(document()).to_json().unwrap());
        let (failing, telling) = (status(failure), Arc::<[u8]>::from(told));
        let server = Server::start(move |nth, mut stream| {
            let answer = match nth {
                1 => failing.clone().into(),
                _ => Arc::clone(&telling),
            };
            async move { drop(stream.write_all(&answer).await) }
        })
        .await;
        assert!(server.ask().await.is_ok(), "{failure}");
        assert_eq!(server.asked.lock().await.len(), 2, "{failure}");
    }
    let broken = Server::saying(status("500 Internal Server Error")).await;
    let error = broken.ask().await.unwrap_err();
    assert!(matches!(error, PrimaryError::Status(500)), "{error:?}");
    assert_eq!(broken.asked.lock().await.len(), PAUSES.len() + 1);
}

#[tokio::test]
async fn an_answer_without_end_is_left_when_it_is_too_long() {
    let server = Server::start(|_, mut stream| async move {
        let head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n";
        drop(stream.write_all(head).await);
        // Until the client has had enough.
        while stream.write_all(&[b' '; 65536]).await.is_ok() {}
    })
    .await;
    let error = server.ask().await.unwrap_err();
    assert!(matches!(error, PrimaryError::TooLarge), "{error:?}");
}

#[tokio::test]
async fn whoever_sends_elsewhere_is_not_followed() {
    let honest = Server::telling(&signed(document())).await;
    for line in [
        "301 Moved",
        "302 Found",
        "303 See Other",
        "307 Temporary",
        "308 Permanent",
    ] {
        let location = format!("http://{}/v1/challenges/tsp/weights/latest", honest.address);
        let moved = format!("HTTP/1.1 {line}\r\nlocation: {location}\r\ncontent-length: 0\r\n\r\n");
        let server = Server::saying(moved).await;
        let error = server.ask().await.unwrap_err();
        assert!(matches!(error, PrimaryError::Moved(_)), "{line}: {error:?}");
    }
    assert!(honest.asked.lock().await.is_empty());
}

#[tokio::test]
async fn whoever_takes_too_long_is_left_at_the_deadline() {
    // One says nothing; one sends a byte now and then, for ever.
    let silent = Server::start(|_, stream| async move {
        std::future::pending::<()>().await;
        drop(stream);
    })
    .await;
    let dripping = Server::start(|_, mut stream| async move {
        let head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 1000000\r\n\r\n";
        drop(stream.write_all(head).await);
        while stream.write_all(b" ").await.is_ok() {
            sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
    for server in [silent, dripping] {
        let hasty = PrimaryConfig {
            deadline: Duration::from_millis(300),
            ..config(server.address)
        };
        let began = Instant::now();
        let error = ask(&hasty).await.unwrap_err();
        assert!(matches!(error, PrimaryError::Deadline(_)), "{error:?}");
        assert!(began.elapsed() < PATIENCE);
    }
}

#[tokio::test]
async fn a_host_that_is_not_there_or_breaks_off_cannot_be_reached() {
    let broken = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 10\r\n\r\n{";
    let breaking = Server::saying(broken).await;
    let nonsense = Server::saying("SSH-2.0-OpenSSH_9.9\r\n").await;
    let gone = NOBODY.parse().unwrap();
    for address in [breaking.address, nonsense.address, gone] {
        let error = ask(&config(address)).await.unwrap_err();
        assert!(matches!(error, PrimaryError::Unreachable(_)), "{error:?}");
        assert!(!said(&error).contains("/v1/"), "{}", said(&error));
    }
    // It answers, and not in TLS.
    let plain = Server::telling(&signed(document())).await;
    let encrypted = PrimaryConfig {
        url: format!("https://{}", plain.address),
        ..config(plain.address)
    };
    let error = timeout(
        PATIENCE,
        ask(&PrimaryConfig {
            deadline: Duration::from_secs(2),
            ..encrypted
        }),
    )
    .await;
    let error = error.unwrap().unwrap_err();
    assert!(
        matches!(error, PrimaryError::Unreachable(_) | PrimaryError::Deadline(_)),
        "{error:?}"
    );
}

#[test]
fn only_an_address_that_may_be_asked_is_one() {
    let made = |url: &str, plain| {
        let address = SocketAddr::from(([127, 0, 0, 1], 1));
        Primary::new(PrimaryConfig {
            url: url.into(),
            plain,
            ..config(address)
        })
    };
    for url in [
        "https://primary.example",
        "https://primary.example/",
        "https://primary.example:8443",
        "https://[2001:db8::1]:8443",
        "http://127.0.0.1:8081",
        "http://localhost:8081",
        "http://[::1]:8081",
    ] {
        assert!(made(url, false).is_ok(), "{url}");
    }
    for url in [
        "",
        "primary.example",
        "primary.example:8081",
        "https://",
        "http://primary.example",
        "http://localhost.example",
        "http://127.0.0.1.example",
        "http://10.0.0.1",
        "ws://127.0.0.1",
        "file:///etc/passwd",
        "https://primary.example/path",
        "https://primary.example/?x",
        "https://primary.example/#x",
        "https://alice@primary.example",
        "https://alice:secret@primary.example",
    ] {
        let error = made(url, false).unwrap_err();
        assert!(matches!(error, PrimaryError::Address), "{url}: {error:?}");
        assert!(!said(&error).contains("secret"));
    }
    assert!(made("http://primary.example", true).is_ok());
    assert!(made("ftp://primary.example", true).is_err());
}
