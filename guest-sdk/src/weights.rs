//! The answer to "who has earned what".

use std::{collections::HashMap, hash::BuildHasher as _};

use rustc_hash::FxBuildHasher;

use crate::{Environment, Error, Result};

/// The host takes no more.
pub const MAX_WEIGHTS: usize = 4096;

/// The moment for which weights are asked: the same for every challenge of an epoch.
#[derive(Clone, Debug, Default)]
pub struct WeightsContext {
    /// The subnet.
    pub netuid: u16,
    /// The epoch's number.
    pub epoch: u64,
    /// The block at which the subnet was read.
    pub block: u64,
    /// That block's hash.
    pub block_hash: [u8; 32],
    /// The host's time when the epoch began.
    pub unix_seconds: u64,
    /// The configuration, the database and the data directory.
    pub environment: Environment,
}

/// Scores of hotkeys, on any scale: only ratios count. What the host would refuse or drop is an error here.
#[derive(Clone, Debug, Default)]
pub struct Weights {
    entries: Vec<(String, f64)>,
    /// By the hash of its hotkey the place of an entry. Not the hotkeys themselves: an instance for each call makes
    /// memory that is touched the most of what weights cost.
    ///
    /// The hash needs no random key, for which the host would have to be asked, and is quick. Whoever finds hotkeys with
    /// one hash makes this call look through its entries, of which there are [`MAX_WEIGHTS`] at most.
    places: HashMap<u64, usize, FxBuildHasher>,
}

/// A function that answers for weights.
pub type WeightsFunction = fn(&WeightsContext) -> Result<Weights>;

impl WeightsContext {
    /// The configuration, the database and the data directory.
    pub fn environment(&self) -> &Environment {
        &self.environment
    }
}

impl Weights {
    /// Nobody has earned anything.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds what one hotkey has earned. A hotkey that is there already, a score that is negative or not
    /// finite, and an entry too many are internal errors.
    pub fn push(&mut self, hotkey: impl Into<String>, score: f64) -> Result<()> {
        let hotkey = hotkey.into();
        if !score.is_finite() || score < 0.0 {
            return Err(Error::internal(format!(
                "the score of {hotkey} is {score}: not a number from 0 up"
            )));
        }
        if self.entries.len() == MAX_WEIGHTS {
            return Err(Error::internal(format!("more than {MAX_WEIGHTS} weights")));
        }
        let hash = FxBuildHasher.hash_one(&hotkey);
        let is_there = |entry: &(String, f64)| entry.0 == hotkey;
        let twice = match self.places.insert(hash, self.entries.len()) {
            None => false,
            // The same hotkey, or another one with the same hash, and then it may stand anywhere.
            Some(place) => self.entries.get(place).is_some_and(is_there) || self.entries.iter().any(is_there),
        };
        if twice {
            return Err(Error::internal(format!("{hotkey} has two weights")));
        }
        self.entries.push((hotkey, score));
        Ok(())
    }

    /// The same for many.
    pub fn from_scores<H: Into<String>>(scores: impl IntoIterator<Item = (H, f64)>) -> Result<Self> {
        let scores = scores.into_iter();
        let mut weights = Self::new();
        let expected = scores.size_hint().0.min(MAX_WEIGHTS);
        weights.entries.reserve(expected);
        weights.places.reserve(expected);
        for (hotkey, score) in scores {
            weights.push(hotkey, score)?;
        }
        Ok(weights)
    }

    /// Hotkeys and scores, in the order in which they were added.
    pub fn entries(&self) -> &[(String, f64)] {
        &self.entries
    }

    #[cfg(target_family = "wasm")]
    pub(crate) fn into_entries(self) -> Vec<(String, f64)> {
        self.entries
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_score_the_host_would_refuse_is_an_error_that_names_the_hotkey() {
        for bad in [
            f64::NAN,
            f64::INFINITY,
            f64::NEG_INFINITY,
            -1.0,
            -f64::MIN_POSITIVE,
        ] {
            let error = Weights::new().push("5Alice", bad).unwrap_err();
            assert!(
                error.status() == 500 && error.message().contains("5Alice"),
                "{error}"
            );
        }
        let twice = Weights::from_scores([("5Alice", 1.0), ("5Bob", 0.0), ("5Alice", 1.0)]);
        assert!(twice.unwrap_err().message().contains("5Alice has two weights"));
        let many = |count: usize| Weights::from_scores((0..count).map(|n| (n.to_string(), 1.0)));
        assert_eq!(many(MAX_WEIGHTS).unwrap().entries().len(), MAX_WEIGHTS);
        assert!(many(MAX_WEIGHTS + 1).is_err());
    }
}
