//! Whether another host's word counts here and now.

use std::time::Duration;

use platform_domain::{
    BlockHash, Digest, EpochId, Hotkey, MechanismId, Netuid, RawWeight, Slug, UnixSeconds,
};

use crate::{
    Document, Entry, Refused, Signed, Subject,
    limits::{MAX_AHEAD, MAX_LIFE},
};

/// What a document must be to stand in for one challenge's answer.
#[derive(Clone, Debug)]
pub struct Expected {
    /// Whose word is taken.
    pub signer: Hotkey,
    /// Our chain.
    pub genesis: BlockHash,
    /// Our subnet.
    pub netuid: Netuid,
    /// Our mechanism.
    pub mechanism: MechanismId,
    /// The challenge.
    pub slug: Slug,
    /// How this host counts epochs.
    pub numbering: String,
    /// The epoch that the weights are for.
    pub epoch: EpochId,
    /// How many epochs they may be behind it: a host that answers first has no newer ones yet.
    pub epochs_behind: u64,
    /// How long ago they may have been computed.
    pub max_age: Duration,
}

/// A challenge's weights that count.
#[derive(Clone, Debug, PartialEq)]
pub struct Taken {
    /// The digest of the component that answered there; none for a container.
    pub component: Option<Digest>,
    /// The epoch that they are of: at most `epochs_behind` before the one that they are for.
    pub epoch: EpochId,
    /// In the order of the hotkeys' bytes.
    pub weights: Vec<RawWeight>,
}

impl Expected {
    /// The challenge's weights, if they count at this time. What they are about is looked at when it is known whose they
    /// are, and never before.
    pub fn take(&self, signed: &Signed, now: UnixSeconds) -> Result<Taken, Refused> {
        if signed.hotkey != self.signer {
            return Err(Refused::Signer {
                found: signed.hotkey,
                expected: self.signer,
            });
        }
        if !signed.is_genuine()? {
            return Err(Refused::Signature);
        }
        let document = &signed.document;
        let about = [
            (document.genesis == self.genesis, "chain"),
            (document.netuid == self.netuid, "subnet"),
            (document.mechanism == self.mechanism, "mechanism"),
        ];
        if let Some((_, what)) = about.iter().find(|(same, _)| !same) {
            return Err(Refused::About(what));
        }
        let (component, weights) = match &document.subject {
            Subject::Challenge {
                component,
                slug,
                weights,
            } if *slug == self.slug => (*component, weights),
            Subject::Challenge { .. } => return Err(Refused::About("challenge")),
            // The vector of a whole network in place of one challenge's weights would pay its miners by all the others.
            Subject::Final { .. } => return Err(Refused::About("thing: the vector of all challenges")),
        };
        self.check_epoch(document)?;
        self.check_time(document, now)?;
        let weights: Result<_, _> = weights.iter().map(Entry::raw).collect();
        Ok(Taken {
            component,
            epoch: document.epoch,
            weights: weights?,
        })
    }

    fn check_epoch(&self, document: &Document) -> Result<(), Refused> {
        if document.numbering != self.numbering {
            return Err(Refused::Numbering {
                found: document.numbering.clone(),
                expected: self.numbering.clone(),
            });
        }
        let (found, current) = (document.epoch, self.epoch);
        let behind = current.0.checked_sub(found.0);
        if behind.is_some_and(|behind| behind <= self.epochs_behind) {
            return Ok(());
        }
        Err(Refused::Epoch { found, current })
    }

    fn check_time(&self, document: &Document, now: UnixSeconds) -> Result<(), Refused> {
        let (computed, expires) = (document.computed_at.0, document.expires_at.0);
        let ahead = Duration::from_secs(computed.saturating_sub(now.0));
        if ahead > MAX_AHEAD {
            return Err(Refused::Future(ahead));
        }
        let age = Duration::from_secs(now.0.saturating_sub(computed));
        if age > self.max_age {
            return Err(Refused::Old(age));
        }
        let life = Duration::from_secs(expires.saturating_sub(computed));
        if life > MAX_LIFE {
            return Err(Refused::Life(life));
        }
        if expires <= now.0 {
            return Err(Refused::Expired);
        }
        Ok(())
    }
}
