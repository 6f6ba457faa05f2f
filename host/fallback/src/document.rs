//! What is told, and its one canonical form.

use platform_domain::{
    BlockHash, BlockNumber, Digest, EpochId, Hotkey, MechanismId, Netuid, RawWeight, Slug, Uid, UnixSeconds,
};
use serde::{Deserialize, Serialize};

use crate::{DocumentError, limits::MAX_ENTRIES};

/// Before what is signed: so that no signature of a document is one of anything else that a hotkey signs.
const DOMAIN: &[u8] = b"platform-weights-v1\n";

/// Weights of one epoch. As JSON, without spaces and with the fields in the order of their names, here and in all that is
/// in it: that is the canonical form. Whoever sorts keys in any language writes the same bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Document {
    /// The block at which the subnet was read.
    pub block: BlockNumber,
    /// When they were computed.
    pub computed_at: UnixSeconds,
    /// The number of the epoch, as `numbering` says.
    pub epoch: EpochId,
    /// From when on they hold no longer.
    pub expires_at: UnixSeconds,
    /// Which chain.
    pub genesis: BlockHash,
    /// Which mechanism of the subnet.
    pub mechanism: MechanismId,
    /// Which subnet.
    pub netuid: Netuid,
    /// How the epochs are counted: `tempo`, as the chain counts those of the subnet, or `every/N`, blocks divided by N.
    pub numbering: String,
    /// Whose weights, and which.
    pub subject: Subject,
}

/// Whose weights a document has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "about", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Subject {
    /// One challenge's answer, as far as it was valid.
    Challenge {
        /// The digest of the component that answered; none for a container.
        component: Option<Digest>,
        /// The challenge.
        slug: Slug,
        /// By hotkey, in the order of their bytes.
        weights: Vec<Entry>,
    },
    /// The vector of all challenges together.
    Final {
        /// The policy that made one of many.
        policy: String,
        /// Quantised as it is submitted: pairs of UID and share of 65535, in the order of UIDs.
        vector: Vec<(Uid, u16)>,
    },
}

/// A hotkey's score.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Whose.
    pub hotkey: Hotkey,
    /// A decimal number that is finite and not negative, in the shortest form that is read back as the same.
    pub score: String,
}

impl Document {
    /// What is signed: a line that names the kind of text, and the document in its canonical form.
    pub fn signed_bytes(&self) -> Result<Vec<u8>, DocumentError> {
        let json = serde_json::to_vec(self).map_err(DocumentError::Json)?;
        Ok([DOMAIN, &json].concat())
    }

    /// Whether it is one that this host would have written: numbers in their shortest form, everything in order and once.
    pub(crate) fn check(&self) -> Result<(), DocumentError> {
        if !is_numbering(&self.numbering) {
            return Err(DocumentError::Numbering);
        }
        let (entries, ordered) = match &self.subject {
            Subject::Challenge { weights, .. } => {
                for entry in weights {
                    entry.score()?;
                }
                let keys = weights.iter().map(|entry| *entry.hotkey.as_bytes());
                (weights.len(), keys.is_sorted_by(|a, b| a < b))
            }
            Subject::Final { vector, .. } => {
                let uids = vector.iter().map(|(uid, _)| uid.0);
                (vector.len(), uids.is_sorted_by(|a, b| a < b))
            }
        };
        if entries > MAX_ENTRIES {
            return Err(DocumentError::Entries(entries));
        }
        if !ordered {
            return Err(DocumentError::Order);
        }
        Ok(())
    }
}

/// Whether it is the one text of a way to count epochs.
fn is_numbering(text: &str) -> bool {
    let every = || text.strip_prefix("every/")?.parse::<u64>().ok();
    text == "tempo" || every().is_some_and(|blocks| blocks > 0 && text == format!("every/{blocks}"))
}

impl Entry {
    /// A score that a challenge gave; `None` for what is no score.
    pub fn new(hotkey: Hotkey, score: f64) -> Option<Self> {
        let valid = score.is_finite() && score.is_sign_positive();
        valid.then(|| Self {
            hotkey,
            score: score.to_string(),
        })
    }

    fn score(&self) -> Result<f64, DocumentError> {
        let score = self
            .score
            .parse()
            .map_err(|_| DocumentError::Score(self.hotkey))?;
        match Self::new(self.hotkey, score) {
            Some(same) if same == *self => Ok(score),
            _ => Err(DocumentError::Score(self.hotkey)),
        }
    }

    /// The same as a challenge's own answer has it.
    pub fn raw(&self) -> Result<RawWeight, DocumentError> {
        Ok(RawWeight {
            hotkey: self.hotkey.to_string(),
            score: self.score()?,
        })
    }
}
