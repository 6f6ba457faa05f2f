//! The way from a host to a registry, which can be shut after so many bytes.

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, copy},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinSet,
};

/// Bytes that pass at once, and so how exactly it shuts.
const PIECE: usize = 1024;

/// Listens before a registry and passes on what both sides say, as long as it may.
pub(super) struct Valve {
    /// `127.0.0.1:PORT`.
    pub(super) address: String,
    /// How many bytes of the registry may have passed in all.
    allowed: watch::Sender<u64>,
    passed: watch::Receiver<u64>,
    _task: JoinSet<()>,
}

impl Valve {
    /// Open, before the registry at this address.
    pub(super) async fn before(registry: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (allowed, may) = watch::channel(u64::MAX);
        let (count, passed) = watch::channel(0);
        let mut task = JoinSet::new();
        task.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((host, _)) = listener.accept().await {
                let registry = TcpStream::connect(&registry).await.unwrap();
                connections.spawn(pass(host, registry, may.clone(), count.clone()));
            }
        });
        Self {
            address,
            allowed,
            passed,
            _task: task,
        }
    }

    /// What has passed until now.
    pub(super) fn passed(&self) -> u64 {
        *self.passed.borrow()
    }

    /// Lets everything pass.
    pub(super) fn open(&self) {
        self.allowed.send_replace(u64::MAX);
    }

    /// Lets so much pass from now on, and waits until it has.
    pub(super) async fn shut_after(&self, bytes: u64) {
        let last = self.passed() + bytes;
        self.allowed.send_replace(last);
        let mut passed = self.passed.clone();
        let all = passed.wait_for(|passed| passed + PIECE as u64 > last);
        drop(all.await.unwrap());
    }
}

/// Ends with either side.
async fn pass(host: TcpStream, registry: TcpStream, may: watch::Receiver<u64>, count: watch::Sender<u64>) {
    let ((mut from_host, to_host), (from_registry, mut to_registry)) =
        (host.into_split(), registry.into_split());
    tokio::select! {
        _ = copy(&mut from_host, &mut to_registry) => {}
        _ = answer(from_registry, to_host, may, count) => {}
    }
}

async fn answer(
    mut registry: impl tokio::io::AsyncRead + Unpin,
    mut host: impl tokio::io::AsyncWrite + Unpin,
    mut may: watch::Receiver<u64>,
    count: watch::Sender<u64>,
) -> std::io::Result<()> {
    let mut piece = [0; PIECE];
    loop {
        let read = registry.read(&mut piece).await?;
        if read == 0 {
            return Ok(());
        }
        let so_far = || *count.borrow() + read as u64;
        // Its sender lives as long as the test.
        drop(may.wait_for(|allowed| so_far() <= *allowed).await);
        host.write_all(&piece[..read]).await?;
        count.send_modify(|passed| *passed += read as u64);
    }
}
