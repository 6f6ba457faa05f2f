//! The weights that this host tells whoever asks: ready bytes, made elsewhere, that the public side hands out as they are.

use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;
use platform_domain::{Digest, Slug, UnixSeconds};

use crate::{Publisher, Reader, snapshot::channel};

/// A document as it goes over the wire. What it says is the business of whoever wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToldWeights {
    bytes: Bytes,
    etag: String,
    expires_at: UnixSeconds,
}

/// The newest document of each kind at one moment. Never changes: a new board takes its place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WeightsBoard {
    of_all: Option<Arc<ToldWeights>>,
    challenges: BTreeMap<Slug, Arc<ToldWeights>>,
}

/// The end of whoever makes the documents.
pub type WeightsPublisher = Publisher<Arc<WeightsBoard>>;
/// Everyone else's end.
pub type WeightsReader = Reader<Arc<WeightsBoard>>;

/// Both ends, with an empty board.
pub fn weights_channel() -> (WeightsPublisher, WeightsReader) {
    channel(Arc::default())
}

impl ToldWeights {
    /// A document of these bytes, JSON, that says of itself that it holds until then.
    pub fn new(bytes: impl Into<Bytes>, expires_at: UnixSeconds) -> Self {
        let bytes = bytes.into();
        Self {
            etag: format!("\"{}\"", Digest::of(&bytes)),
            bytes,
            expires_at,
        }
    }

    /// The bytes; another copy costs nothing.
    pub fn bytes(&self) -> Bytes {
        self.bytes.clone()
    }

    /// A strong entity tag with its quotes: other bytes have another one.
    pub fn etag(&self) -> &str {
        &self.etag
    }

    /// From when on it holds no longer.
    pub fn expires_at(&self) -> UnixSeconds {
        self.expires_at
    }
}

impl WeightsBoard {
    /// A board of the vector of all challenges, if there is one, and of each challenge's own weights. Of two documents of
    /// one challenge the later stays.
    pub fn new(
        of_all: Option<ToldWeights>,
        challenges: impl IntoIterator<Item = (Slug, ToldWeights)>,
    ) -> Self {
        Self {
            of_all: of_all.map(Arc::new),
            challenges: challenges
                .into_iter()
                .map(|(slug, told)| (slug, Arc::new(told)))
                .collect(),
        }
    }

    /// The vector of all challenges, if it holds at this time.
    pub fn of_all(&self, now: UnixSeconds) -> Option<&Arc<ToldWeights>> {
        self.of_all.as_ref().filter(|told| told.expires_at > now)
    }

    /// A challenge's own weights, if they hold at this time.
    pub fn of_challenge(&self, slug: &Slug, now: UnixSeconds) -> Option<&Arc<ToldWeights>> {
        self.challenges.get(slug).filter(|told| told.expires_at > now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_there_until_it_expires() {
        let told = |text: &'static str, until| ToldWeights::new(text, UnixSeconds(until));
        let slug: Slug = "tsp".parse().unwrap();
        let board = WeightsBoard::new(Some(told("all", 10)), [(slug.clone(), told("tsp", 20))]);
        let bytes = |found: Option<&Arc<ToldWeights>>| found.map(|told| told.bytes());
        for (now, of_all, of_tsp) in [
            (0, Some("all"), Some("tsp")),
            (9, Some("all"), Some("tsp")),
            (10, None, Some("tsp")),
            (20, None, None),
            (u64::MAX, None, None),
        ] {
            let now = UnixSeconds(now);
            assert_eq!(bytes(board.of_all(now)), of_all.map(Bytes::from));
            assert_eq!(bytes(board.of_challenge(&slug, now)), of_tsp.map(Bytes::from));
        }
        assert_eq!(board.of_challenge(&"nim".parse().unwrap(), UnixSeconds(0)), None);
    }

    #[test]
    fn other_bytes_have_another_tag_and_the_same_ones_the_same() {
        let tag = |text: &'static str, until| ToldWeights::new(text, UnixSeconds(until)).etag().to_owned();
        assert_eq!(tag("a", 1), tag("a", 2));
        assert_ne!(tag("a", 1), tag("b", 1));
        assert_eq!(
            tag("", 1),
            format!(
                "\"sha256:{}\"",
                "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
            )
        );
    }

    #[test]
    fn a_reader_keeps_the_board_it_took() {
        let (publisher, reader) = weights_channel();
        let before = reader.current();
        publisher.publish(WeightsBoard::new(Some(ToldWeights::new("x", UnixSeconds(9))), []));
        assert_eq!(*before, WeightsBoard::default());
        assert!(reader.current().of_all(UnixSeconds(0)).is_some());
    }
}
