//! The checks of a commit: those that the chain makes of it, and those that nobody would make before the reveal fails.

use platform_timelock::{Ciphertext, limits::MAX_COMMIT};

use super::{Rule, plain::rate_limit};
use crate::{
    commit::COMMIT_REVEAL_VERSION,
    limits::{CLOCK_DIFFERENCE_MAX, PENDING_COMMITS_MAX},
    preflight::{Facts, SealedFacts},
};

/// In about the chain's order.
pub(super) const RULES: &[Rule] = &[
    Rule {
        name: "IncorrectCommitRevealVersion",
        hint: "the chain has another form of commits than this host makes: upgrade the host",
        judge: |facts, _| {
            let version = facts.sealed()?.version.clone()?;
            let detail =
                format!("the chain takes version {version}, this host makes {COMMIT_REVEAL_VERSION}");
            Ok((version == COMMIT_REVEAL_VERSION, detail))
        },
    },
    Rule {
        name: "CommittingWeightsTooFast",
        hint: "wait for the rate limit; a registration counts as an update",
        judge: rate_limit,
    },
    Rule {
        name: "TooManyUnrevealedCommits",
        hint: "wait for the next epoch, and find out what else commits with this hotkey",
        judge: |facts, _| {
            facts.needs_subnet()?;
            let waiting = facts.sealed()?.waiting.clone()?;
            let detail = format!(
                "{waiting} commits of the hotkey wait in this epoch, of at most {PENDING_COMMITS_MAX}"
            );
            Ok((waiting < PENDING_COMMITS_MAX, detail))
        },
    },
    Rule {
        name: "CommitSize",
        hint: "give fewer miners a weight",
        judge: |facts, _| {
            let size = facts.sealed()?.payload.saturating_add(Ciphertext::OVERHEAD);
            Ok((
                size <= MAX_COMMIT,
                format!("{size} bytes when sealed, of at most {MAX_COMMIT}"),
            ))
        },
    },
    Rule {
        name: "Schedule",
        hint: "the subnet has no epoch that would reveal a commit of now: see what its owner has set for tempo and reveal period",
        judge: |facts, _| {
            facts.needs_subnet()?;
            Ok(match &facts.sealed()?.reveal {
                Ok((round, epoch, first)) => (
                    true,
                    format!("committed in epoch {epoch}, revealed from block {first} with round {round}"),
                ),
                Err(why) => (false, why.clone()),
            })
        },
    },
    Rule {
        name: "InvalidRevealRound",
        hint: "the round is out already: check the host's clock and the beacon in the configuration",
        judge: |facts, _| {
            let sealed = facts.sealed()?;
            let ((round, ..), last) = (sealed.reveal.clone()?, sealed.last_stored_round.clone()?);
            let detail = format!("sealed to round {round}, the chain has pulses up to {last}");
            Ok((round >= last, detail))
        },
    },
    Rule {
        name: "Beacon",
        hint: "the beacon in the configuration is not the one whose pulses this chain stores: quicknet on the main network",
        judge: |facts, _| {
            Ok(match &facts.sealed()?.rehearsal {
                Ok(Some(round)) => (
                    true,
                    format!("a trial with the chain's pulse of round {round} was opened"),
                ),
                Ok(None) => return Err("the chain has no pulse yet to try with".to_owned()),
                Err(why) => (false, why.clone()),
            })
        },
    },
    Rule {
        name: "Clock",
        hint: "",
        // A chain that stands still looks the same as a clock that is ahead, so this is never a failure.
        judge: |facts, _| {
            let (difference, is_older) = facts.sealed()?.clock.clone()?;
            let seconds = difference.as_secs();
            let detail = match is_older {
                true => format!("the best block is {seconds} s old by the host's clock"),
                false => format!("the host's clock is {seconds} s behind the best block"),
            };
            match difference <= CLOCK_DIFFERENCE_MAX {
                true => Ok((true, detail)),
                false => Err(format!(
                    "{detail}: either the clock is wrong, or the chain or the node stands still"
                )),
            }
        },
    },
];

impl Facts {
    fn sealed(&self) -> Result<&SealedFacts, String> {
        let sealed = self.sealed.as_ref();
        sealed.ok_or_else(|| "commit-reveal is off".to_owned())
    }
}
