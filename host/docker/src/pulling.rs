//! How far a pull has come, summed up from what an engine says of each layer.

use std::collections::BTreeMap;

use crate::{PullProgress, limits::LAYERS};

/// How far a pull has come. Layers become known one after the other, so the total grows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PullSum {
    /// Layers that are known of.
    pub layers: u64,
    /// Layers that the engine has.
    pub layers_done: u64,
    /// Bytes that came, as they are sent.
    pub bytes: u64,
    /// Bytes of all layers whose size is known.
    pub total_bytes: u64,
}

/// Adds up. Holds a few words for each layer.
#[derive(Debug, Default)]
pub struct PullCount(BTreeMap<String, Layer>);

#[derive(Debug, Default)]
struct Layer {
    bytes: u64,
    total: u64,
    done: bool,
}

impl PullCount {
    /// Takes in a line, and gives the sum.
    pub fn add(&mut self, line: PullProgress) -> PullSum {
        let PullProgress {
            layer,
            status,
            done,
            total,
        } = line;
        let known = self.0.len();
        let is_layer = !layer.is_empty() && LAYER_WORDS.iter().any(|word| status.starts_with(word));
        if is_layer && (known < LAYERS || self.0.contains_key(&layer)) {
            let layer = self.0.entry(layer).or_default();
            match status.as_str() {
                // What is unpacked is counted in other bytes.
                "Downloading" => {
                    layer.bytes = done.unwrap_or(layer.bytes);
                    layer.total = total.unwrap_or(layer.total).max(layer.bytes);
                }
                "Already exists" | "Pull complete" => {
                    layer.bytes = layer.total;
                    layer.done = true;
                }
                "Verifying Checksum" | "Download complete" | "Extracting" => layer.bytes = layer.total,
                _ => {}
            }
        }
        self.sum()
    }

    fn sum(&self) -> PullSum {
        let layers = || self.0.values();
        let add = |sum: u64, bytes: u64| sum.saturating_add(bytes);
        PullSum {
            layers: layers().count() as u64,
            layers_done: layers().filter(|layer| layer.done).count() as u64,
            bytes: layers().map(|layer| layer.bytes).fold(0, add),
            total_bytes: layers().map(|layer| layer.total).fold(0, add),
        }
    }
}

/// What an engine says of a layer. Other lines have an id too: the tag.
const LAYER_WORDS: [&str; 8] = [
    "Already exists",
    "Pulling fs layer",
    "Waiting",
    "Downloading",
    "Verifying Checksum",
    "Download complete",
    "Extracting",
    "Pull complete",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn line(layer: &str, status: &str, bytes: Option<(u64, u64)>) -> PullProgress {
        PullProgress {
            layer: layer.into(),
            status: status.into(),
            done: bytes.map(|(done, _)| done),
            total: bytes.map(|(_, total)| total),
        }
    }

    #[test]
    fn a_pull_is_summed_up_from_what_is_said_of_its_layers() {
        let mut count = PullCount::default();
        let mut sum = PullSum::default();
        for line in [
            line("1.2.0", "Pulling from team/tours", None),
            line("aa", "Already exists", None),
            line("bb", "Pulling fs layer", None),
            line("cc", "Pulling fs layer", None),
            line("bb", "Downloading", Some((10, 100))),
            line("cc", "Downloading", Some((50, 200))),
            line("bb", "Download complete", None),
            line("bb", "Extracting", Some((3, 999))),
        ] {
            sum = count.add(line);
        }
        let expected = PullSum {
            layers: 3,
            layers_done: 1,
            bytes: 150,
            total_bytes: 300,
        };
        assert_eq!(sum, expected);
        count.add(line("bb", "Pull complete", None));
        sum = count.add(line("cc", "Pull complete", None));
        assert_eq!((sum.layers_done, sum.bytes, sum.total_bytes), (3, 300, 300));
        // An engine may say what it likes.
        count.add(line("cc", "Downloading", Some((u64::MAX, 1))));
        sum = count.add(line("bb", "Downloading", Some((u64::MAX, u64::MAX))));
        assert_eq!((sum.bytes, sum.total_bytes), (u64::MAX, u64::MAX));
    }

    #[test]
    fn an_engine_that_tells_of_ever_more_layers_fills_no_memory() {
        let mut count = PullCount::default();
        let mut sum = PullSum::default();
        for number in 0..2 * LAYERS {
            sum = count.add(line(&number.to_string(), "Waiting", None));
        }
        assert_eq!(sum.layers, LAYERS as u64);
    }
}
