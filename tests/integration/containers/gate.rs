//! A way to an engine at which it is seen how many requests go by, and one of them stopped.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering::SeqCst},
    },
};

use tokio::{
    io::{AsyncReadExt as _, copy, copy_bidirectional, sink},
    net::{UnixListener, UnixStream},
    sync::Notify,
    task::JoinSet,
};

/// What becomes of the request at which the gate closes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stopped {
    /// The engine never hears of it.
    Before,
    /// The engine does it, and nobody hears of that.
    After,
}

/// Open until it is told. Ends with this value.
pub(crate) struct Gate {
    pub(crate) path: PathBuf,
    inner: Arc<Inner>,
    _going: JoinSet<()>,
}

#[derive(Default)]
struct Inner {
    /// Requests until it closes for one; 0: never.
    left: AtomicU32,
    after: AtomicU32,
    reached: Notify,
}

impl Gate {
    pub(crate) fn open(path: PathBuf, engine: &Path) -> Self {
        let (listener, inner) = (UnixListener::bind(&path).unwrap(), Arc::new(Inner::default()));
        let (engine, shared) = (engine.to_owned(), Arc::clone(&inner));
        let mut going = JoinSet::new();
        going.spawn(async move {
            let mut each = JoinSet::new();
            loop {
                let (host, _) = listener.accept().await.unwrap();
                each.spawn(Arc::clone(&shared).pass(host, engine.clone()));
                while each.try_join_next().is_some() {}
            }
        });
        Self {
            path,
            inner,
            _going: going,
        }
    }

    /// Closes for the request that is the `nth` from now.
    pub(crate) fn close_at(&self, nth: u32, stopped: Stopped) {
        self.inner
            .after
            .store(u32::from(stopped == Stopped::After), SeqCst);
        self.inner.left.store(nth, SeqCst);
    }

    pub(crate) fn stay_open(&self) {
        self.inner.left.store(0, SeqCst);
    }

    /// That request has come.
    pub(crate) async fn closed(&self) {
        self.inner.reached.notified().await;
    }
}

impl Inner {
    /// One connection, which is one request.
    async fn pass(self: Arc<Self>, mut host: UnixStream, engine: PathBuf) {
        let counted = self.left.fetch_update(SeqCst, SeqCst, |left| left.checked_sub(1));
        let is_it = counted == Ok(1);
        if is_it && self.after.load(SeqCst) == 0 {
            self.reached.notify_one();
            // Until the host is dead.
            drop(copy(&mut host, &mut sink()).await);
            return;
        }
        let Ok(mut engine) = UnixStream::connect(engine).await else {
            return;
        };
        if !is_it {
            drop(copy_bidirectional(&mut host, &mut engine).await);
            return;
        }
        let (mut from_engine, mut to_engine) = engine.split();
        tokio::select! {
            _ = copy(&mut host, &mut to_engine) => {}
            _ = from_engine.read_u8() => {}
        }
        self.reached.notify_one();
        drop(copy(&mut host, &mut sink()).await);
    }
}
