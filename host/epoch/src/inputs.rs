//! What the ledger keeps of a collection beside the answers, and the computation that makes a vector of both. Pure: an epoch
//! that is computed again, after a restart or by whoever checks it, comes to the same vector.

use platform_domain::{UnixSeconds, with_causes};
use platform_store::{Answer, RecordedVector, Source};
use platform_weights::{
    AnswerSource, ChallengeAnswer, ComputeRequest, Inputs, Outcome, Payout, Policy, Report, Vector, aggregate,
};
use serde::{Deserialize, Serialize};

/// The subnet as an epoch takes it: all that its vector depends on but for the answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Collected {
    /// When the challenges were asked.
    pub(crate) asked_at: UnixSeconds,
    /// For how many seconds from then on the weights are told to other hosts.
    pub(crate) told_for: u64,
    /// Whether the chain takes commits, and keeps them sealed until a later epoch. An older host did not write it down.
    #[serde(default)]
    pub(crate) sealed: bool,
    /// The policy with its version.
    pub(crate) policy: String,
    /// The inputs of the vector, without the challenges.
    pub(crate) subnet: ComputeRequest,
}

/// What an epoch comes to.
#[derive(Clone, Debug)]
pub(crate) struct Computed {
    /// The vector, or why there is none.
    pub(crate) vector: Result<RecordedVector, NoVector>,
    /// How it came about; an error has no report.
    pub(crate) report: Option<Report>,
}

/// Why there is no vector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum NoVector {
    /// Nobody is to be paid, which is no failure.
    NothingToPay(String),
    /// The chain would take none that these answers come to.
    Invalid(String),
}

impl Collected {
    /// Makes the vector. Big-number arithmetic on hostile input: bounded, but not for a thread that serves requests.
    pub(crate) fn compute(self, answers: &[Answer]) -> Computed {
        let policy: Policy = match self.policy.parse() {
            Ok(policy) => policy,
            Err(_) => {
                let policy = self.policy;
                let reason =
                    format!("it was collected under the policy {policy}, which this version does not have");
                return Computed {
                    vector: Err(NoVector::Invalid(reason)),
                    report: None,
                };
            }
        };
        match aggregate(&self.inputs(policy, answers)) {
            Ok(Outcome { payout, report }) => Computed {
                vector: match payout {
                    Payout::Vector(vector) => Ok(recorded(vector)),
                    Payout::Empty(empty) => Err(NoVector::NothingToPay(empty.to_string())),
                },
                report: Some(report),
            },
            Err(error) => Computed {
                vector: Err(NoVector::Invalid(with_causes(&error))),
                report: None,
            },
        }
    }
}

impl Collected {
    /// Everything that the vector was computed from, as `weights compute` reads it. `None` for a policy of another version.
    pub(crate) fn request(self, answers: &[Answer]) -> Option<ComputeRequest> {
        let policy = self.policy.parse().ok()?;
        Some(ComputeRequest::from(&self.inputs(policy, answers)))
    }

    fn inputs(self, policy: Policy, answers: &[Answer]) -> Inputs {
        Inputs {
            challenges: challenges(answers),
            ..self.subnet.into_inputs(policy)
        }
    }
}

impl NoVector {
    /// The reason.
    pub(crate) fn into_reason(self) -> String {
        match self {
            Self::NothingToPay(reason) | Self::Invalid(reason) => reason,
        }
    }
}

/// One for each challenge: the answer that counts, or its own, with what became of the others.
fn challenges(answers: &[Answer]) -> Vec<ChallengeAnswer> {
    let of_one = answers.chunk_by(|a, b| a.slug == b.slug);
    of_one.filter_map(challenge).collect()
}

fn challenge(tried: &[Answer]) -> Option<ChallengeAnswer> {
    let taken = tried.iter().position(|answer| answer.refused.is_none());
    let answer = tried.get(taken.unwrap_or(0))?;
    let others = tried
        .iter()
        .enumerate()
        .filter(|(at, _)| *at != taken.unwrap_or(0));
    let earlier = others.filter_map(|(_, other)| {
        let reason = other.refused.as_ref()?;
        Some(match other.source {
            Source::Live => reason.clone(),
            Source::Primary(hotkey) => format!("the primary {hotkey}: {reason}"),
            Source::LastGood(epoch) => format!("the answer of epoch {epoch}: {reason}"),
        })
    });
    let (weights, refused) = (&answer.weights, &answer.refused);
    Some(ChallengeAnswer {
        slug: answer.slug.clone(),
        emission_percent: answer.emission_percent,
        // An answer that is invalid is given as it came: the report then counts its entries.
        answer: weights.clone().ok_or_else(|| refused.clone().unwrap_or_default()),
        source: match answer.source {
            Source::Live => AnswerSource::Live,
            Source::Primary(hotkey) => AnswerSource::Primary { hotkey },
            Source::LastGood(epoch) => AnswerSource::LastGood { epoch },
        },
        earlier: earlier.collect(),
    })
}

fn recorded(vector: Vector) -> RecordedVector {
    let Vector { uids, weights, u16 } = vector;
    RecordedVector {
        uids,
        weights: weights.iter().map(ToString::to_string).collect(),
        u16,
    }
}
