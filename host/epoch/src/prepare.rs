//! From a block to a vector: read the subnet, ask the challenges, aggregate. Writes nothing.

use std::time::SystemTime;

use platform_chain::{Chain, Subnet};
use platform_domain::{
    BlockHash, BlockNumber, Challenge, EpochContext, EpochId, Metagraph, UnixSeconds, with_causes,
};
use platform_store::{Answer, RecordedVector, StoreError, challenges};
use platform_weights::{ChallengeAnswer, Inputs, Outcome, Payout, Uids, Vector, aggregate};

use crate::{EpochError, Epochs, collect::collect};

/// What an epoch would record if it began now.
#[derive(Clone, Debug)]
pub struct Preview {
    /// The epoch.
    pub epoch: EpochId,
    /// The block at which the subnet was read.
    pub block: BlockNumber,
    /// That block's hash.
    pub block_hash: BlockHash,
    /// What each challenge answered.
    pub answers: Vec<Answer>,
    /// The policy with its version.
    pub policy: &'static str,
    /// The vector, or why there is nothing to pay or no valid vector.
    pub vector: Result<RecordedVector, String>,
    /// Whether the reason is that there is nothing to pay, which is no failure.
    pub nothing_to_pay: bool,
    /// How it came about.
    pub report: Option<serde_json::Value>,
}

/// The present time.
pub(crate) fn now() -> UnixSeconds {
    SystemTime::now().into()
}

impl Epochs {
    /// Reads the subnet, asks the challenges and aggregates.
    pub(crate) async fn prepare(&self, chain: &Chain) -> Result<Preview, EpochError> {
        let config = self.config();
        let metagraph = self.refresh_metagraph(chain).await?;
        let (block, block_hash) = (metagraph.block(), metagraph.block_hash());
        let subnet = chain.subnet(config.netuid, config.mechanism, block_hash).await?;
        let epoch = config.epoch_at(block);
        let context = EpochContext {
            epoch,
            metagraph: metagraph.clone(),
            unix_seconds: now(),
        };
        let challenges: Vec<Challenge> = self.store().read("epoch_challenges", challenges::list).await?;
        let answers = collect(challenges, self.routes(), context, config.collect_deadline).await;
        let inputs = inputs(config.policy, &answers, &metagraph, &subnet);
        // Big-number arithmetic on hostile input: bounded, but not for a thread that serves requests.
        let outcome = tokio::task::spawn_blocking(move || aggregate(&inputs))
            .await
            .map_err(|_| StoreError::Stopping)?;
        let (vector, nothing_to_pay, report) = match outcome {
            Ok(Outcome {
                payout: Payout::Vector(vector),
                report,
            }) => (Ok(recorded(vector)), false, serde_json::to_value(report).ok()),
            Ok(Outcome {
                payout: Payout::Empty(empty),
                report,
            }) => (Err(empty.to_string()), true, serde_json::to_value(report).ok()),
            Err(error) => (Err(with_causes(&error)), false, None),
        };
        let policy = config.policy.version();
        Ok(Preview {
            epoch,
            block,
            block_hash,
            answers,
            policy,
            vector,
            nothing_to_pay,
            report,
        })
    }
}

fn inputs(
    policy: platform_weights::Policy,
    answers: &[Answer],
    metagraph: &Metagraph,
    subnet: &Subnet,
) -> Inputs {
    let challenges = answers
        .iter()
        .map(
            |Answer {
                 slug,
                 component: _,
                 emission_percent,
                 weights,
             }| ChallengeAnswer {
                slug: slug.clone(),
                emission_percent: *emission_percent,
                answer: weights.clone(),
            },
        )
        .collect();
    Inputs {
        policy,
        challenges,
        uids: Uids::from(metagraph),
        sink: metagraph.owner().and_then(|owner| metagraph.uid_of(&owner)),
        // The chain asks a subnet that is smaller than the minimum for no more than it has.
        min_allowed_weights: subnet.min_allowed_weights.min(subnet.neurons),
        max_weight_limit: subnet.max_weight_limit,
    }
}

fn recorded(vector: Vector) -> RecordedVector {
    let Vector { uids, weights, u16 } = vector;
    RecordedVector {
        uids,
        weights: weights.iter().map(ToString::to_string).collect(),
        u16,
    }
}
