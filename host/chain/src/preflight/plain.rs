//! The checks of a hotkey's standing and of the vector, which hold with commit-reveal and without: `internal_set_weights`. With it
//! the chain makes most of them only at the reveal.

use std::collections::BTreeSet;

use super::{Facts, Judged, Rule};
use crate::{WeightsCall, held::limit_left};
use platform_domain::{BlockNumber, Netuid, Uid};

/// In about the chain's order.
pub(super) const RULES: &[Rule] = &[
    Rule {
        name: "CanNotSetRootNetworkWeights",
        hint: "subnet 0 is the root network, whose weights are set otherwise: configure another netuid",
        judge: |_, call| Ok((call.netuid != Netuid(0), format!("the netuid is {}", call.netuid))),
    },
    Rule {
        name: "SubnetNotExists",
        hint: "configure the netuid of a subnet that exists, and an endpoint of the network it is in",
        judge: |facts, call| {
            let exists = facts.exists.clone()?;
            let there = if exists { "there is" } else { "there is no" };
            Ok((exists, format!("{there} subnet {}", call.netuid)))
        },
    },
    Rule {
        name: "MechanismDoesNotExist",
        hint: "configure a mechanism that the subnet has; 0 is always there",
        judge: |facts, call| {
            facts.needs_subnet()?;
            let count = facts.mechanisms.clone()?;
            let detail = format!("mechanism {} of {count}, counted from 0", call.mechanism);
            Ok((call.mechanism.0 < count, detail))
        },
    },
    Rule {
        name: "Call",
        hint: "the runtime has no call for this that the host knows: upgrade the host",
        judge: |facts, _| {
            let commit_reveal = facts.commit_reveal.clone()?;
            let how = match commit_reveal {
                true => "commit-reveal is on, the weights are committed",
                false => "commit-reveal is off, the weights are set at once",
            };
            Ok(match &facts.call {
                Ok(name) => (true, format!("{how} by {name}")),
                Err(why) => (false, format!("{how}; {why}")),
            })
        },
    },
    Rule {
        name: "WeightVecNotEqualSize",
        hint: "a vector has one value for each UID; please report this as a bug of the host",
        judge: |_, call| {
            let (uids, values) = (call.uids.len(), call.values.len());
            Ok((uids == values, format!("{uids} UIDs and {values} values")))
        },
    },
    Rule {
        name: "UidsLengthExceedUidsInSubNet",
        hint: "the subnet has shrunk since the vector was made: make it anew",
        judge: |facts, call| {
            facts.needs_subnet()?;
            let (count, neurons) = (call.uids.len(), facts.neurons.clone()?);
            let detail = format!("{count} entries for {neurons} neurons");
            Ok((count <= usize::from(neurons), detail))
        },
    },
    Rule {
        name: "HotKeyNotRegisteredInSubNet",
        hint: "register the hotkey in the subnet, or configure the one that is registered",
        judge: |facts, call| {
            facts.needs_subnet()?;
            let (hotkey, netuid) = (facts.hotkey, call.netuid);
            Ok(match facts.registered()? {
                Some(uid) => (true, format!("{hotkey} is UID {uid} of subnet {netuid}")),
                None => (false, format!("{hotkey} has no UID in subnet {netuid}")),
            })
        },
    },
    Rule {
        name: "NotEnoughStakeToSetWeights",
        hint: "the hotkey needs more stake, its own or delegated to it; RAO are billionths of TAO",
        judge: |facts, _| {
            let uid = facts.needs_uid()?;
            if facts.owner.clone()? {
                return Ok((true, "the subnet owner's hotkey needs no stake".to_owned()));
            }
            let stakes = facts.stakes.clone()?;
            let stake = stakes.get(usize::from(uid)).copied().unwrap_or_default();
            let threshold = facts.threshold.clone()?;
            let detail = format!("a stake weight of {stake} RAO, at least {threshold} are wanted");
            Ok((stake >= threshold, detail))
        },
    },
    Rule {
        name: "IncorrectWeightVersionKey",
        hint: "the subnet's owner wants a later version of the rules: update what makes the weights, and its version key",
        judge: |facts, call| {
            facts.needs_subnet()?;
            let (least, key) = (facts.version_key.clone()?, call.version_key);
            let detail = match least {
                0 => format!("the version key is {key}, any is taken"),
                least => format!("the version key is {key}, at least {least} is wanted"),
            };
            Ok((least == 0 || key >= least, detail))
        },
    },
    Rule {
        name: "NeuronNoValidatorPermit",
        hint: "the hotkey is not among the subnet's validators: it needs more stake than the last of them, and an epoch to pass",
        judge: |facts, call| {
            let uid = facts.needs_uid()?;
            if facts.is_for_itself(call)? {
                return Ok((true, "a single weight for oneself needs no permit".to_owned()));
            }
            if facts.owner.clone()? {
                return Ok((true, "the subnet owner's hotkey needs no permit".to_owned()));
            }
            let permits = facts.permits.clone()?;
            let permit = permits.get(usize::from(uid)).copied().unwrap_or_default();
            let has = if permit { "has a" } else { "has no" };
            Ok((permit, format!("UID {uid} {has} validator permit")))
        },
    },
    Rule {
        name: "DuplicateUids",
        hint: "a vector names each UID once; please report this as a bug of the host",
        judge: |_, call| {
            let mut seen = BTreeSet::new();
            let twice = call.uids.iter().find(|uid| !seen.insert(**uid));
            Ok(match twice {
                None => (true, "each UID is there once".to_owned()),
                Some(uid) => (false, format!("UID {uid} is there more than once")),
            })
        },
    },
    Rule {
        name: "UidVecContainInvalidOne",
        hint: "the subnet has shrunk since the vector was made: make it anew",
        judge: |facts, call| {
            facts.needs_subnet()?;
            let neurons = facts.neurons.clone()?;
            Ok(match call.uids.iter().find(|uid| uid.0 >= neurons) {
                None => (true, format!("all UIDs are below {neurons}")),
                Some(uid) => (false, format!("UID {uid}, and there are {neurons} neurons")),
            })
        },
    },
    Rule {
        name: "WeightVecLengthIsLow",
        hint: "give more miners a weight, or let the policy fill the vector up",
        judge: |facts, call| {
            facts.needs_subnet()?;
            if facts.is_for_itself(call).unwrap_or_default() {
                return Ok((true, "a single weight for oneself is long enough".to_owned()));
            }
            let (least, neurons) = (facts.min_weights.clone()?, facts.neurons.clone()?);
            let (count, least) = (call.uids.len(), least.min(neurons));
            let detail = format!("{count} entries, at least {least} are wanted");
            Ok((count >= usize::from(least), detail))
        },
    },
    Rule {
        name: "MaxWeightExceeded",
        hint: "no miner may get that much of the whole: let the policy clip the largest",
        judge: max_weight,
    },
    Rule {
        name: "NoWeights",
        hint: "the chain takes a vector that gives nobody anything, and it says nothing: there is nothing to send",
        judge: |_, call| {
            let paid = call.values.iter().filter(|value| **value > 0).count();
            Ok((paid > 0, format!("{paid} entries are above zero")))
        },
    },
    Rule {
        name: "CallFiltered",
        hint: "the chain is in safe mode, which its operators have put it in: wait until it is over",
        judge: |facts, _| {
            let next = facts.next_block();
            let until = facts.safe_mode_until.clone()?.filter(|until| *until >= next.0);
            let Some(until) = until else {
                return Ok((true, "the chain is not in safe mode".to_owned()));
            };
            let listed = facts.call.clone()? == LISTED && facts.delegation.is_none();
            let detail = match listed {
                true => format!("safe mode is on until block {until}, and {LISTED} goes on"),
                false => format!("safe mode is on until block {until}"),
            };
            Ok((listed, detail))
        },
    },
];

/// Those of a vector that is set at once.
pub(super) const UNSEALED: &[Rule] = &[Rule {
    name: "SettingWeightsTooFast",
    hint: "wait for the rate limit; a registration counts as an update",
    judge: rate_limit,
}];

/// What of ours the runtime goes on taking in safe mode (`SafeModeWhitelistedCalls`).
const LISTED: &str = "set_weights";

impl Facts {
    /// The block that the vector would be in.
    pub(super) fn next_block(&self) -> BlockNumber {
        BlockNumber(self.head.0.saturating_add(1))
    }

    pub(super) fn needs_subnet(&self) -> Result<(), String> {
        match self.exists.clone()? {
            true => Ok(()),
            false => Err("there is no such subnet".to_owned()),
        }
    }

    fn registered(&self) -> Result<Option<u16>, String> {
        Ok(self.uid.clone()?.filter(|_| self.member == Ok(true)))
    }

    fn needs_uid(&self) -> Result<u16, String> {
        self.needs_subnet()?;
        let uid = self.registered()?;
        uid.ok_or_else(|| "the hotkey is not registered".to_owned())
    }

    /// A single weight for oneself is freed from several checks.
    fn is_for_itself(&self, call: &WeightsCall) -> Result<bool, String> {
        Ok(call.uids == [Uid(self.needs_uid()?)])
    }
}

/// `block − LastUpdate ≥ WeightsSetRateLimit`, for each mechanism by itself.
pub(super) fn rate_limit(facts: &Facts, _: &WeightsCall) -> Judged {
    let (uid, limit) = (facts.needs_uid()?, facts.rate_limit.clone()?);
    let updates = facts.last_updates.clone()?;
    let last = updates.get(usize::from(uid)).copied().filter(|last| *last > 0);
    let Some(last) = last else {
        return Ok((
            true,
            format!("one update in {limit} blocks, and there was none yet"),
        ));
    };
    let next = facts.next_block();
    let left = limit_left(Some(BlockNumber(last)), limit, next.0);
    let detail = match left {
        0 => format!(
            "one update in {limit} blocks, the last was in block {last} and the next may be in {next}"
        ),
        left => format!(
            "one update in {limit} blocks, the last was in block {last}: {left} blocks too soon for {next}"
        ),
    };
    Ok((left == 0, detail))
}

/// The share of the largest in the sum, in 65535ths. What is over by the rounding of one value is let through: the chain, at
/// present, does not look.
fn max_weight(facts: &Facts, call: &WeightsCall) -> Judged {
    facts.needs_subnet()?;
    let limit = facts.max_weight.clone()?;
    let largest = call.values.iter().copied().max().unwrap_or_default();
    let sum: u64 = call.values.iter().copied().map(u64::from).sum();
    if limit == u16::MAX || sum == 0 || facts.is_for_itself(call).unwrap_or_default() {
        return Ok((
            true,
            format!("the largest value is {largest} of {sum}, which is not limited"),
        ));
    }
    let share = u64::from(largest.saturating_sub(1)) * u64::from(u16::MAX);
    let within = share <= u64::from(limit) * sum;
    let detail = format!("the largest value is {largest} of {sum}, the limit is {limit} of 65535");
    Ok((within, detail))
}
