//! What other hosts are told: each challenge's own answer, and the vector of all, signed with this host's hotkey.

use platform_domain::{Hotkey, UnixSeconds, with_causes};
use platform_fallback::{Document, DocumentError, Entry, Signed, Subject, limits::MAX_LIFE};
use platform_keys::Keypair;
use platform_runtime::{ToldWeights, WeightsBoard};
use platform_store::{Answer, EpochRow, EpochState, Lane, Source, epochs};
use serde::Deserialize as _;

use crate::{EpochError, Epochs, inputs::Collected, prepare::now};

impl Epochs {
    /// Whether an epoch's weights are no secret. Where the chain keeps them sealed, others are not to copy them before it opens
    /// them; what is never revealed is never told.
    pub(crate) fn may_tell(&self, row: &EpochRow, collected: &Collected) -> bool {
        let open = match row.state {
            EpochState::Revealed => true,
            // The chain took no commit after all.
            EpochState::Finalised => row.sealed.is_none(),
            _ => false,
        };
        open || !collected.sealed || self.config().tell_sealed
    }

    /// Puts the weights of the newest epoch on the board that may be told. After a step of one of them only if it is that one, and
    /// it was a secret until now: signed again, the same document would have other bytes.
    pub(crate) async fn publish_newest(
        &self,
        lane: Lane,
        before: Option<&EpochRow>,
    ) -> Result<(), EpochError> {
        let this = self.clone();
        let since = UnixSeconds(now().0.saturating_sub(MAX_LIFE.as_secs()));
        let read = move |connection: &_| {
            // An older host kept no inputs, so there is nothing to tell of its epochs.
            let collected = |row: &EpochRow| Collected::deserialize(row.inputs.as_ref()?).ok();
            let may = |row: &EpochRow| collected(row).is_some_and(|it| this.may_tell(row, &it));
            let Some(row) = epochs::newest_recorded_that(connection, lane, since, may)? else {
                return Ok(None);
            };
            let answers = epochs::collected(connection, &row.key())?;
            Ok::<_, EpochError>(collected(&row).map(|collected| (row, collected, answers)))
        };
        if let Some((row, collected, answers)) = self.store().read("epoch_told", read).await? {
            let told = before.is_some_and(|it| it.key() != row.key() || self.may_tell(it, &collected));
            if !told {
                self.publish(&row, &collected, &answers);
            }
        }
        Ok(())
    }

    /// Puts an epoch's weights on the board in place of those before. Without a key there is nobody to sign them.
    pub(crate) fn publish(&self, row: &EpochRow, collected: &Collected, answers: &[Answer]) {
        let Some(submitter) = self.submitter() else {
            return;
        };
        match board(row, collected, answers, &submitter.key) {
            Ok(board) => self.board().publish(board),
            Err(error) => {
                let error = with_causes(&error);
                tracing::error!(epoch.id = %row.epoch, error, "other hosts cannot be told of the weights");
            }
        }
    }
}

/// The documents of one epoch. Of a challenge only what is its own, of this epoch: what was taken from elsewhere in its place is
/// not passed on as if this host had computed it.
fn board(
    row: &EpochRow,
    collected: &Collected,
    answers: &[Answer],
    key: &Keypair,
) -> Result<WeightsBoard, DocumentError> {
    let expires_at = UnixSeconds(collected.asked_at.0.saturating_add(collected.told_for));
    if expires_at <= now() {
        return Ok(WeightsBoard::default());
    }
    let told = |subject| -> Result<ToldWeights, DocumentError> {
        let document = Document {
            block: row.block,
            computed_at: collected.asked_at,
            epoch: row.epoch,
            expires_at,
            genesis: row.lane.genesis,
            mechanism: row.lane.mechanism,
            netuid: row.lane.netuid,
            numbering: row.numbering.to_string(),
            subject,
        };
        Ok(ToldWeights::new(
            Signed::sign(document, key)?.to_json()?,
            expires_at,
        ))
    };
    let of_all = match &row.vector {
        Some(vector) => Some(told(Subject::Final {
            policy: collected.policy.clone(),
            vector: crate::confirm::pairs(vector),
        })?),
        None => None,
    };
    let own = answers.iter().filter(|answer| answer.source == Source::Live);
    let mut challenges = Vec::new();
    for answer in own {
        let Some(weights) = answer.counted() else {
            continue;
        };
        // What no host would count is left out, as the vector leaves it out.
        let parsed = weights.iter().filter_map(|weight| {
            let hotkey: Hotkey = weight.hotkey.parse().ok()?;
            Entry::new(hotkey, weight.score)
        });
        let mut weights: Vec<Entry> = parsed.collect();
        weights.sort_by(|a, b| a.hotkey.as_bytes().cmp(b.hotkey.as_bytes()));
        let (slug, component) = (answer.slug.clone(), answer.component);
        let subject = Subject::Challenge {
            component,
            slug: slug.clone(),
            weights,
        };
        challenges.push((slug, told(subject)?));
    }
    Ok(WeightsBoard::new(of_all, challenges))
}
