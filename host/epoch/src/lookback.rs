//! What the ledger has of an epoch, for whoever traces a number or computes it again.

use platform_domain::EpochId;
use platform_store::{Answer, EpochRow, epochs};
use platform_weights::ComputeRequest;

use crate::{EpochError, Epochs, inputs::Collected};

impl Epochs {
    /// What each challenge answered, as it came; `None` when there was no such epoch.
    pub async fn answers(&self, epoch: EpochId) -> Result<Option<Vec<Answer>>, EpochError> {
        let Some(row) = self.get(epoch).await? else {
            return Ok(None);
        };
        self.answers_of(&row).await.map(Some)
    }

    /// All that an epoch's vector was computed from; `None` when there was no such epoch or nothing was collected in it.
    pub async fn inputs(&self, epoch: EpochId) -> Result<Option<ComputeRequest>, EpochError> {
        let Some(row) = self.get(epoch).await? else {
            return Ok(None);
        };
        let Some(collected) = row.inputs.clone() else {
            return Ok(None);
        };
        let collected: Collected =
            serde_json::from_value(collected).map_err(|_| EpochError::Ledger(epoch))?;
        let answers = self.answers_of(&row).await?;
        Ok(collected.request(&answers))
    }

    async fn answers_of(&self, row: &EpochRow) -> Result<Vec<Answer>, EpochError> {
        let key = row.key();
        let read = move |connection: &_| epochs::collected(connection, &key);
        Ok(self.store().read("epoch_answers", read).await?)
    }
}
