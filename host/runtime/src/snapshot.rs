//! A value with one writer and many readers, who take the whole value as it is now and never wait.

use std::sync::Arc;

use platform_domain::Metagraph;
use tokio::sync::watch;

/// The writing end. There is one.
#[derive(Debug)]
pub struct Publisher<T>(watch::Sender<T>);

/// A reading end.
#[derive(Clone, Debug)]
pub struct Reader<T>(watch::Receiver<T>);

/// The publisher is gone, the value will never change again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("nobody publishes this value any more")]
pub struct PublisherGone;

/// Publishes the subnet as it was last read.
pub type MetagraphPublisher = Publisher<Option<Arc<Metagraph>>>;
/// Reads the subnet as it was last read; `None` until then.
pub type MetagraphReader = Reader<Option<Arc<Metagraph>>>;

/// Both ends for the subnet, which has not been read yet.
pub fn metagraph_channel() -> (MetagraphPublisher, MetagraphReader) {
    channel(None)
}

pub(crate) fn channel<T>(initial: T) -> (Publisher<T>, Reader<T>) {
    let (sender, receiver) = watch::channel(initial);
    (Publisher(sender), Reader(receiver))
}

impl<T> Publisher<T> {
    /// Replaces the value for every reader, present or not.
    pub fn publish(&self, value: impl Into<T>) {
        self.0.send_replace(value.into());
    }

    /// Another reading end.
    pub fn reader(&self) -> Reader<T> {
        Reader(self.0.subscribe())
    }
}

impl<T: Clone> Reader<T> {
    /// The value now. What the caller holds does not change under it.
    pub fn current(&self) -> T {
        self.0.borrow().clone()
    }

    /// The same end as tokio has it, for those who cannot know this crate.
    pub fn into_inner(self) -> watch::Receiver<T> {
        self.0
    }

    /// Waits until a value is published that this reader has not waited for, and takes it.
    pub async fn changed(&mut self) -> Result<T, PublisherGone> {
        self.0.changed().await.map_err(|_| PublisherGone)?;
        Ok(self.0.borrow_and_update().clone())
    }

    /// Waits until the value, which may be the present one, fulfils a condition, and takes it.
    pub async fn wait_for(&mut self, condition: impl FnMut(&T) -> bool) -> Result<T, PublisherGone> {
        let found = self.0.wait_for(condition).await.map_err(|_| PublisherGone)?;
        Ok(found.clone())
    }
}

#[cfg(test)]
mod tests {
    use platform_domain::{BlockHash, BlockNumber, Netuid};

    use super::*;

    #[tokio::test]
    async fn a_reader_sees_the_last_subnet_and_is_woken_by_the_next() {
        let (publisher, mut reader) = metagraph_channel();
        assert_eq!(reader.current(), None);
        let at = |block| {
            Arc::new(Metagraph::new(
                Netuid(2),
                (BlockNumber(block), BlockHash([0; 32])),
                None,
                vec![],
            ))
        };
        publisher.publish(at(7));
        assert_eq!(reader.changed().await, Ok(Some(at(7))));
        publisher.publish(at(8));
        publisher.publish(at(9));
        let ninth = reader
            .wait_for(|it| it.as_ref().is_some_and(|it| it.block() == BlockNumber(9)))
            .await;
        assert_eq!(ninth, Ok(Some(at(9))));
        assert_eq!(publisher.reader().current(), Some(at(9)));
        drop(publisher);
        assert_eq!(reader.current(), Some(at(9)));
        assert_eq!(reader.changed().await, Err(PublisherGone));
    }
}
