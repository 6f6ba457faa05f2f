//! The checks of a proxy. What the chain refuses inside `Proxy.proxy` shows only in an event of a call that succeeds.

use super::{Delegation, Facts, Rule};

/// In the chain's order.
pub(super) const RULES: &[Rule] = &[
    Rule {
        name: "NotProxy",
        hint: "the hotkey must once sign Proxy.add_proxy for the key that submits, with a type that may set weights and no delay",
        judge: |facts, _| {
            Ok(match facts.found()? {
                Some(Delegation { kind, .. }) => (true, format!("there is a delegation of type {kind}")),
                None => (
                    false,
                    "the hotkey has no delegation to the key that submits".to_owned(),
                ),
            })
        },
    },
    Rule {
        name: "Unannounced",
        hint: "the delegation has a delay, so that calls must be announced: add one without a delay and remove this one",
        judge: |facts, _| {
            let delay = facts.needs_delegation()?.delay;
            Ok((
                delay == 0,
                format!("the delegation has a delay of {delay} blocks"),
            ))
        },
    },
    Rule {
        name: "ProxyType",
        hint: "the chain takes the first delegation to a key: remove it and add one of Any, NonTransfer, NonFungible or NonCritical",
        judge: |facts, _| {
            let kind = facts.needs_delegation()?.kind;
            let may = MAY_SET_WEIGHTS.contains(&kind.as_str());
            let can = if may { "may" } else { "may not" };
            Ok((may, format!("a delegation of type {kind} {can} set weights")))
        },
    },
];

/// The types that may (runtime/src/lib.rs, spec 425).
const MAY_SET_WEIGHTS: [&str; 4] = ["Any", "NonTransfer", "NonFungible", "NonCritical"];

impl Facts {
    fn found(&self) -> Result<Option<Delegation>, String> {
        let delegation = self.delegation.clone();
        delegation.unwrap_or_else(|| Err("no proxy is used".to_owned()))
    }

    fn needs_delegation(&self) -> Result<Delegation, String> {
        let found = self.found()?;
        found.ok_or_else(|| "there is no delegation".to_owned())
    }
}
