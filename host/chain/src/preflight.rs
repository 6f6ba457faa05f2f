//! Every check that the chain will make of a vector, made before it is sent: also those that it makes only at the reveal, where
//! it drops what does not pass without a word. The checks and their order are those of pallets/subtensor/src/subnets/weights.rs,
//! of the transaction extension, and of the reveal (spec 425).

mod facts;
mod plain;
mod proxied;
mod sealed;
#[cfg(test)]
mod tests;

use platform_domain::{BlockHash, BlockNumber};
use serde::Serialize;

use crate::{Account, Chain, ChainError, WeightsCall};

pub(crate) use facts::{Delegation, Fact, Facts, SealedFacts};

/// What the chain would say to a vector, check by check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Preflight {
    /// The best block all this was read at.
    pub block: (BlockNumber, BlockHash),
    /// Every check that applies, in about the chain's order.
    pub checks: Vec<Check>,
}

/// One check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    /// The chain's name for the error where it has one, such as `SettingWeightsTooFast`. Stable.
    pub name: &'static str,
    /// Whether it passes.
    pub verdict: Verdict,
    /// What was compared, with the numbers.
    pub detail: String,
    /// What to do; empty when it passes.
    pub hint: &'static str,
}

/// Whether a check passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It does.
    Passed,
    /// It does not: the chain would refuse the vector, or drop it at the reveal.
    Failed,
    /// It cannot be told, because another check failed before or the runtime does not say.
    Unknown,
}

/// The outcome of a check with its detail; `Err` says why there is none.
pub(crate) type Judged = Fact<(bool, String)>;

/// A check as it is written down: name, what to do when it fails, and how it is made.
pub(crate) struct Rule {
    name: &'static str,
    hint: &'static str,
    judge: fn(&Facts, &WeightsCall) -> Judged,
}

impl Preflight {
    /// Whether no check failed.
    pub fn passes(&self) -> bool {
        self.failures().next().is_none()
    }

    /// The checks that failed.
    pub fn failures(&self) -> impl Iterator<Item = &Check> {
        let checks = self.checks.iter();
        checks.filter(|check| check.verdict == Verdict::Failed)
    }
}

impl Rule {
    fn check(&self, facts: &Facts, call: &WeightsCall) -> Check {
        let (verdict, detail) = match (self.judge)(facts, call) {
            Ok((true, detail)) => (Verdict::Passed, detail),
            Ok((false, detail)) => (Verdict::Failed, detail),
            Err(why) => (Verdict::Unknown, why),
        };
        let hint = match verdict {
            Verdict::Failed => self.hint,
            Verdict::Passed | Verdict::Unknown => "",
        };
        Check {
            name: self.name,
            verdict,
            detail,
            hint,
        }
    }
}

impl Chain {
    /// Makes every check for a vector that is in the next block, whatever the earlier ones say. Who asks is a
    /// [`&Submitter`](crate::Submitter), or an [`Account`] or hotkey without its secret. Fails only when the chain cannot be
    /// asked.
    pub async fn preflight(
        &self,
        who: impl Into<Account>,
        call: &WeightsCall,
    ) -> Result<Preflight, ChainError> {
        let view = self.best_view().await?;
        let facts = view.facts(who.into(), call).await?;
        Ok(Preflight {
            block: (view.number, view.hash),
            checks: judge(&facts, call),
        })
    }
}

/// Every check that applies.
pub(crate) fn judge(facts: &Facts, call: &WeightsCall) -> Vec<Check> {
    let rules = plain::RULES.iter();
    let sealed = facts.sealed.iter().flat_map(|_| sealed::RULES);
    let unsealed = match facts.sealed {
        Some(_) => &[][..],
        None => plain::UNSEALED,
    };
    let proxied = facts.delegation.iter().flat_map(|_| proxied::RULES);
    rules
        .chain(unsealed)
        .chain(sealed)
        .chain(proxied)
        .map(|rule| rule.check(facts, call))
        .collect()
}
