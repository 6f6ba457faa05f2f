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
mod tests;
