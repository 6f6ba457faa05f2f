//! A door in front of a registry, behind which nothing goes on until it is opened.

use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinSet,
};

/// Closed until it is told otherwise. Ends when dropped.
pub(crate) struct Gate {
    /// `127.0.0.1:PORT`.
    pub(crate) address: String,
    open: watch::Sender<bool>,
    waiting: watch::Receiver<u32>,
    _task: JoinSet<()>,
}

impl Gate {
    pub(crate) async fn before(registry: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (open, opened) = watch::channel(false);
        let (came, waiting) = watch::channel(0);
        let mut task = JoinSet::new();
        task.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((mut client, _)) = listener.accept().await {
                came.send_modify(|count| *count += 1);
                let (mut opened, registry) = (opened.clone(), registry.clone());
                connections.spawn(async move {
                    if opened.wait_for(|open| *open).await.is_err() {
                        return;
                    }
                    let mut server = TcpStream::connect(registry).await.unwrap();
                    drop(copy_bidirectional(&mut client, &mut server).await);
                });
            }
        });
        Self {
            address,
            open,
            waiting,
            _task: task,
        }
    }

    /// Waits until somebody stands before it.
    pub(crate) async fn somebody(&self) {
        self.waiting.clone().wait_for(|count| *count > 0).await.unwrap();
    }

    pub(crate) fn open(&self) {
        self.open.send_replace(true);
    }
}
