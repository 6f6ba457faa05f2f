//! What a failure means for an epoch: whether it may still come to something, by the chain client's table.

use platform_chain::{ChainError, Check, DispatchFailure, Preflight, Retry};

/// What a preflight comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The chain would take it.
    Go,
    /// Not now; the text says why.
    Wait(String),
    /// Not in this epoch; the text says why.
    Never(String),
}

impl Verdict {
    /// The checks that failed, each with its name, what was compared and what to do. One that cannot pass in this epoch
    /// decides.
    pub(crate) fn of(preflight: &Preflight) -> Self {
        let tell = |checks: Vec<&Check>| {
            let told = checks.iter().map(|check| {
                let Check {
                    name, detail, hint, ..
                } = check;
                match hint.is_empty() {
                    true => format!("{name}: {detail}"),
                    false => format!("{name}: {detail}; {hint}"),
                }
            });
            told.collect::<Vec<_>>().join(" | ")
        };
        let (waits, nevers): (Vec<_>, Vec<_>) = preflight.failures().partition(|check| may_pass(check));
        match (waits.is_empty(), nevers.is_empty()) {
            (_, false) => Self::Never(tell(nevers)),
            (false, true) => Self::Wait(tell(waits)),
            (true, true) => Self::Go,
        }
    }
}

/// Whether a check that fails now may pass in a later block of the same epoch: checks have the names of the chain's errors.
fn may_pass(check: &Check) -> bool {
    let error = DispatchFailure {
        pallet: Some("SubtensorModule".to_owned()),
        name: check.name.to_owned(),
    };
    may_still_come(Retry::after(&error))
}

/// Whether the same vector may still be taken in this epoch.
pub(crate) const fn may_still_come(retry: Retry) -> bool {
    match retry {
        Retry::Now | Retry::NextBlock | Retry::Resign | Retry::WhenLimitIsOver => true,
        Retry::NextEpoch | Retry::Never => false,
    }
}

/// Whether trying again cannot help: the subnet, the vector or the configured beacon is at fault, not the connection or the
/// node. What is wrong with the node or the endpoint may be put right while the epoch waits.
pub(crate) fn ends_the_epoch(error: &ChainError) -> bool {
    match error {
        ChainError::CommitRevealVersion(_)
        | ChainError::NoSubnet(_)
        | ChainError::NoMechanism { .. }
        | ChainError::Rehearsal(_)
        | ChainError::Unequal { .. } => true,
        ChainError::Seal(_) | ChainError::Schedule(_) => !may_still_come(Retry::after(error)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use platform_domain::{BlockHash, BlockNumber};

    use super::*;

    fn preflight(failed: &[&'static str]) -> Preflight {
        let check = |name: &&'static str| Check {
            name,
            verdict: platform_chain::Verdict::Failed,
            detail: "5 of 9".to_owned(),
            hint: "wait",
        };
        Preflight {
            block: (BlockNumber(1), BlockHash([0; 32])),
            checks: failed.iter().map(check).collect(),
        }
    }

    #[test]
    fn a_rate_limit_delays_and_a_missing_permit_ends_whatever_else_fails() {
        assert_eq!(Verdict::of(&preflight(&[])), Verdict::Go);
        for name in ["SettingWeightsTooFast", "CommittingWeightsTooFast"] {
            let told = format!("{name}: 5 of 9; wait");
            assert_eq!(Verdict::of(&preflight(&[name])), Verdict::Wait(told));
        }
        let told = "NeuronNoValidatorPermit: 5 of 9; wait".to_owned();
        for failed in [
            &["NeuronNoValidatorPermit"][..],
            &["SettingWeightsTooFast", "NeuronNoValidatorPermit"],
        ] {
            assert_eq!(Verdict::of(&preflight(failed)), Verdict::Never(told.clone()));
        }
        let both = preflight(&["TooManyUnrevealedCommits", "Beacon"]);
        assert!(matches!(Verdict::of(&both), Verdict::Never(told) if told.contains(" | Beacon: ")));
    }
}
