//! The clock behind epoch interruption: one thread per engine, which ends with it.

use std::{
    io,
    sync::mpsc::{RecvTimeoutError, Sender, channel},
    thread::{self, JoinHandle},
};

use wasmtime::Engine;

use crate::tuning::TICK;

/// Advances the engine's epoch every [`TICK`] until it is dropped; the drop waits for the thread.
pub(crate) struct Ticker {
    /// Closing the channel is the sign to stop.
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Ticker {
    pub(crate) fn start(engine: Engine) -> io::Result<Self> {
        let (stop, stopped) = channel::<()>();
        let thread = thread::Builder::new().name("wasm-ticker".into()).spawn(move || {
            while let Err(RecvTimeoutError::Timeout) = stopped.recv_timeout(TICK) {
                engine.increment_epoch();
            }
        })?;
        Ok(Self {
            stop: Some(stop),
            thread: Some(thread),
        })
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // It only counts: it cannot have panicked.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_thread_is_gone_after_the_drop() {
        let engine = Engine::default();
        let weak = engine.weak();
        let ticker = Ticker::start(engine).unwrap();
        assert!(weak.upgrade().is_some(), "the thread has the engine");
        drop(ticker);
        assert!(weak.upgrade().is_none());
    }
}
