//! From a block to answers, and from answers to a vector. Writes nothing.

use std::{sync::Arc, time::SystemTime};

use platform_chain::{Chain, Subnet};
use platform_domain::{BlockHash, BlockNumber, Challenge, EpochContext, EpochId, Metagraph, UnixSeconds};
use platform_store::{Answer, RecordedVector, StoreError, challenges};
use platform_weights::{ComputeRequest, Inputs, Uids};

use crate::{
    EpochError, Epochs,
    collect::Asking,
    inputs::{Collected, Computed, NoVector},
    moment::Moment,
};

/// What an epoch would record if it began now.
#[derive(Clone, Debug)]
pub struct Preview {
    /// The epoch.
    pub epoch: EpochId,
    /// The block at which the subnet was read.
    pub block: BlockNumber,
    /// That block's hash.
    pub block_hash: BlockHash,
    /// What each challenge answered, and what was taken in its place.
    pub answers: Vec<Answer>,
    /// The policy with its version.
    pub policy: String,
    /// The vector, or why there is nothing to pay or no valid vector.
    pub vector: Result<RecordedVector, String>,
    /// Whether the reason is that there is nothing to pay, which is no failure.
    pub nothing_to_pay: bool,
    /// How it came about.
    pub report: Option<serde_json::Value>,
}

/// What a collection brought.
pub(crate) struct Collection {
    pub(crate) moment: Moment,
    pub(crate) answers: Vec<Answer>,
    pub(crate) collected: Collected,
}

/// The present time.
pub(crate) fn now() -> UnixSeconds {
    SystemTime::now().into()
}

impl Epochs {
    /// What an epoch would record if it began now.
    pub(crate) async fn prepare(&self, chain: &Chain) -> Result<Preview, EpochError> {
        let Collection {
            moment,
            answers,
            collected,
        } = self.collect(chain).await?;
        let policy = collected.policy.clone();
        let (answers, computed) = compute(collected, answers).await?;
        let nothing_to_pay = matches!(computed.vector, Err(NoVector::NothingToPay(_)));
        Ok(Preview {
            epoch: moment.epoch.epoch,
            block: moment.block.0,
            block_hash: moment.block.1,
            answers,
            policy,
            vector: computed.vector.map_err(NoVector::into_reason),
            nothing_to_pay,
            report: computed
                .report
                .and_then(|report| serde_json::to_value(report).ok()),
        })
    }

    /// Reads the subnet and asks the challenges.
    pub(crate) async fn collect(&self, chain: &Chain) -> Result<Collection, EpochError> {
        let config = self.config();
        let metagraph = self.refresh_metagraph(chain).await?;
        let block = (metagraph.block(), metagraph.block_hash());
        let moment = self.moment(chain, block).await?;
        let subnet = chain.subnet(config.netuid, config.mechanism, block.1).await?;
        let asked_at = now();
        let asking = Asking {
            epoch: moment.epoch,
            context: EpochContext {
                epoch: moment.epoch.epoch,
                metagraph: Arc::clone(&metagraph),
                unix_seconds: asked_at,
            },
            routes: self.routes(),
            store: self.store().clone(),
            primary: config.primary.clone(),
            deadline: config.collect_deadline,
        };
        let challenges: Vec<Challenge> = self.store().read("epoch_challenges", challenges::list).await?;
        let answers = asking.all(challenges).await;
        let collected = Collected {
            asked_at,
            told_for: moment.told_for(subnet.commit_reveal).as_secs(),
            sealed: subnet.commit_reveal,
            policy: config.policy.version().to_owned(),
            subnet: self.subnet_inputs(&metagraph, &subnet),
        };
        Ok(Collection {
            moment,
            answers,
            collected,
        })
    }

    fn subnet_inputs(&self, metagraph: &Metagraph, subnet: &Subnet) -> ComputeRequest {
        let config = self.config();
        let inputs = Inputs {
            policy: config.policy,
            challenges: Vec::new(),
            uids: Uids::from(metagraph),
            sink: metagraph.owner().and_then(|owner| metagraph.uid_of(&owner)),
            // The chain asks a subnet that is smaller than the minimum for no more than it has.
            min_allowed_weights: subnet.min_allowed_weights.min(subnet.neurons),
            max_weight_limit: subnet.max_weight_limit,
            fallback: config.fallback.clone(),
        };
        ComputeRequest::from(&inputs)
    }
}

/// Makes the vector, on a thread for such work.
pub(crate) async fn compute(
    collected: Collected,
    answers: Vec<Answer>,
) -> Result<(Vec<Answer>, Computed), EpochError> {
    let computing = tokio::task::spawn_blocking(move || {
        let computed = collected.compute(&answers);
        (answers, computed)
    });
    Ok(computing.await.map_err(|_| StoreError::Stopping)?)
}
