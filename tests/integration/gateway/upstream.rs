//! A container, as far as the host can tell: HTTP/1.1 over a socket, without a library that would tidy up. It writes down what it
//! is sent and answers what it is told to.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinSet,
    time::timeout,
};

use super::line::{Line, Message, PATIENCE};

/// What it says to a request, byte for byte.
type Reply = Arc<dyn Fn(&Message) -> Vec<u8> + Send + Sync>;

/// One that answers by itself. Ends when dropped.
pub(crate) struct Upstream {
    pub(crate) at: SocketAddr,
    seen: Arc<Mutex<Vec<Message>>>,
    reply: Arc<Mutex<Reply>>,
    _tasks: JoinSet<()>,
}

/// One whose every word the test says.
pub(crate) struct Listening(TcpListener);

impl Upstream {
    pub(crate) async fn start() -> Self {
        let listener = Listening::bind().await;
        let seen = Arc::<Mutex<Vec<Message>>>::default();
        let plain: Reply = Arc::new(|_| b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nseen".to_vec());
        let reply = Arc::new(Mutex::new(plain));
        let (at, writes, says) = (listener.at(), seen.clone(), reply.clone());
        let mut _tasks = JoinSet::new();
        _tasks.spawn(async move {
            let mut lines = JoinSet::new();
            loop {
                let (stream, _) = listener.0.accept().await.unwrap();
                let (writes, says) = (writes.clone(), says.clone());
                lines.spawn(async move {
                    let mut line = Line::new(stream);
                    while let Some(request) = line.request_of_the_host().await {
                        let reply = says.lock().unwrap().clone();
                        let answer = reply(&request);
                        if request.whole {
                            writes.lock().unwrap().push(request);
                        }
                        line.write(answer).await;
                    }
                });
            }
        });
        Self {
            at,
            seen,
            reply,
            _tasks,
        }
    }

    /// From now on it says this.
    pub(crate) fn says(&self, reply: impl Fn(&Message) -> Vec<u8> + Send + Sync + 'static) {
        *self.reply.lock().unwrap() = Arc::new(reply);
    }

    /// What it was sent as a whole since it was last asked.
    pub(crate) fn take(&self) -> Vec<Message> {
        std::mem::take(&mut self.seen.lock().unwrap())
    }
}

impl Upstream {
    /// The last that it was sent as a whole.
    pub(crate) fn last(&self) -> Message {
        self.seen.lock().unwrap().last().cloned().expect("a request")
    }
}

impl Listening {
    pub(crate) async fn bind() -> Self {
        Self(TcpListener::bind("127.0.0.1:0").await.unwrap())
    }

    /// Also for whoever is in a container.
    pub(crate) async fn bind_outside() -> Self {
        Self(TcpListener::bind("0.0.0.0:0").await.unwrap())
    }

    pub(crate) fn at(&self) -> SocketAddr {
        self.0.local_addr().unwrap()
    }

    /// The next connection, however long it takes.
    pub(crate) async fn next(&self) -> TcpStream {
        self.0.accept().await.unwrap().0
    }

    /// The next connection.
    pub(crate) async fn accept(&self) -> Line {
        let accepted = timeout(PATIENCE, self.0.accept()).await;
        Line::new(accepted.expect("the host connects").unwrap().0)
    }
}

impl Line {
    /// A connection without a request is kept by the host for as long as it likes.
    async fn request_of_the_host(&mut self) -> Option<Message> {
        self.wait().await.then_some(())?;
        self.request().await
    }
}
