//! How a node's transaction pool says no. The codes and texts are those of Substrate's `author` RPC and of
//! `InvalidTransaction`; the custom numbers are those of subtensor's `CustomTransactionError`.

/// Why the pool refused an extrinsic. Nothing has been included by that answer, except where a variant says
/// that it may already have been: then [`crate::Chain::inclusion`] tells.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// The nonce is used up. After a repeated submission: by this very extrinsic, perhaps.
    #[error(
        "its nonce is outdated: a block has one with that nonce, perhaps this very extrinsic; look for it, else sign anew"
    )]
    Outdated,
    /// An earlier nonce is missing.
    #[error("its nonce is in the future: an earlier one is not in a block yet; try again in the next block")]
    Future,
    /// Another extrinsic with this nonce is in the pool.
    #[error(
        "another extrinsic with the same nonce is in the pool, and none outbids another: wait until it is in a block or has \
         expired; does something else sign with this hotkey?"
    )]
    PriorityTooLow,
    /// The signature does not fit: another key, another chain, a runtime upgraded after signing, or the
    /// mortality is over. The birth block is not sent but worked out from the height, so past its last block
    /// an extrinsic seems to be born later, at a block that was not signed.
    #[error(
        "its signature does not verify under the current runtime: the runtime was upgraded after signing, or it is too old; \
         sign anew"
    )]
    BadProof,
    /// The birth block is older than the hashes that the chain keeps, or not there yet for this node.
    #[error("the chain does not know its birth block: it is too old, or the node is behind; sign anew")]
    Expired,
    /// The pool has dealt with these bytes a short while ago: found them invalid, or saw them included.
    #[error(
        "the pool has banned it for a while: it was invalid or included a short while ago; look for it and wait"
    )]
    Banned,
    /// The pool is full.
    #[error("the pool is full: try again in the next block, or another endpoint")]
    PoolFull,
    /// The account cannot pay the fee.
    #[error("the account cannot pay the fee; weights are free, so is this call something else?")]
    Payment,
    /// A check of subtensor's own.
    #[error("{name} (custom error {0}){hint}", name = custom_name(*.0), hint = custom_hint(*.0))]
    Custom(u8),
    /// Anything else, with the node's own words, shortened.
    #[error("{text} ({code})")]
    Other {
        /// The JSON-RPC error code.
        code: i32,
        /// The node's text.
        text: String,
    },
}

/// `POOL_INVALID_TX`; the reason is in the error's data.
const INVALID: i32 = 1010;
const BANNED: i32 = 1012;
const ALREADY_IMPORTED: i32 = 1013;
const PRIORITY_TOO_LOW: i32 = 1014;
const IMMEDIATELY_DROPPED: i32 = 1016;
/// `POOL_FUTURE_TX`: the pool keeps no extrinsics of the future at all.
const FUTURE: i32 = 1021;
/// The codes of the `author` RPC; others are errors of the transport or of the node.
const AUTHOR: std::ops::RangeInclusive<i32> = 1000..=1099;

/// How `InvalidTransaction::Custom` is written into the error's data.
const CUSTOM_PREFIX: &str = "Custom error: ";

impl Rejection {
    /// Subtensor: the stake is below the chain's threshold for setting weights.
    pub const STAKE_TOO_LOW: Self = Self::Custom(1);
    /// Subtensor: weights were set too short a while ago.
    pub const RATE_LIMITED: Self = Self::Custom(6);
    /// Subtensor: the round of a commit is out already.
    pub const INVALID_REVEAL_ROUND: Self = Self::Custom(15);
    /// Subtensor: the hotkey is not registered in the subnet.
    pub const NOT_REGISTERED: Self = Self::Custom(19);

    /// Reads an error of `author_submitExtrinsic`. `Ok` when it means that the pool already has these bytes,
    /// `None` when it is not a verdict on the extrinsic.
    pub(crate) fn of(code: i32, message: &str, data: Option<&str>) -> Option<Result<(), Self>> {
        Some(Err(match code {
            ALREADY_IMPORTED => return Some(Ok(())),
            INVALID => Self::of_invalid(data.unwrap_or(message)),
            BANNED => Self::Banned,
            PRIORITY_TOO_LOW => Self::PriorityTooLow,
            IMMEDIATELY_DROPPED => Self::PoolFull,
            FUTURE => Self::Future,
            code if AUTHOR.contains(&code) => {
                let text = match data {
                    Some(data) => format!("{message}: {data}"),
                    None => message.to_owned(),
                };
                Self::Other { code, text }
            }
            _ => return None,
        }))
    }

    fn of_invalid(text: &str) -> Self {
        let custom = text.strip_prefix(CUSTOM_PREFIX).and_then(|n| n.parse().ok());
        match (custom, text) {
            (Some(number), _) => Self::Custom(number),
            (_, "Transaction is outdated") => Self::Outdated,
            (_, "Transaction will be valid in the future") => Self::Future,
            (_, "Transaction has a bad signature") => Self::BadProof,
            (_, "Transaction has an ancient birth block") => Self::Expired,
            (_, text) if text.starts_with("Inability to pay some fees") => Self::Payment,
            (_, text) => Self::Other {
                code: INVALID,
                text: text.to_owned(),
            },
        }
    }
}

const fn custom_name(number: u8) -> &'static str {
    match number {
        0 => "a coldkey swap is announced",
        1 => "the stake is below the chain's threshold",
        6 => "the rate limit is exceeded",
        15 => "the reveal round is invalid",
        16 => "there is no such commit",
        17 => "the commit is not in its reveal range",
        18 => "the lists differ in length",
        19 => "the hotkey is not registered in the subnet",
        21 => "the coldkey swap is disputed",
        255 => "a bad request",
        _ => "refused by the runtime",
    }
}

/// What to do about it.
const fn custom_hint(number: u8) -> &'static str {
    match number {
        0 | 21 => ": the coldkey's owner must settle the swap first",
        1 => ": the hotkey needs more stake, its own or delegated to it",
        6 => ": wait until the limit is over; a registration counts as an update",
        15 => ": the round is out already; compose anew, and check the clock and the configured beacon",
        19 => ": register the hotkey in the subnet",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_verdict_of_the_pool_has_its_type() {
        let invalid = |data| {
            Rejection::of(1010, "Invalid Transaction", Some(data))
                .unwrap()
                .unwrap_err()
        };
        for (data, expected) in [
            ("Transaction is outdated", Rejection::Outdated),
            ("Transaction will be valid in the future", Rejection::Future),
            ("Transaction has a bad signature", Rejection::BadProof),
            ("Transaction has an ancient birth block", Rejection::Expired),
            (
                "Inability to pay some fees (e.g. account balance too low)",
                Rejection::Payment,
            ),
            ("Custom error: 1", Rejection::STAKE_TOO_LOW),
            ("Custom error: 6", Rejection::RATE_LIMITED),
            ("Custom error: 19", Rejection::NOT_REGISTERED),
            ("Custom error: 255", Rejection::Custom(255)),
            (
                "Custom error: 256",
                Rejection::Other {
                    code: 1010,
                    text: "Custom error: 256".to_owned(),
                },
            ),
        ] {
            assert_eq!(invalid(data), expected, "{data}");
        }
        for (code, expected) in [
            (1012, Rejection::Banned),
            (1014, Rejection::PriorityTooLow),
            (1016, Rejection::PoolFull),
            (1021, Rejection::Future),
        ] {
            assert_eq!(
                Rejection::of(code, "text", Some("data")),
                Some(Err(expected)),
                "{code}"
            );
        }
        let other = Rejection::Other {
            code: 1002,
            text: "Verification Error: why".to_owned(),
        };
        assert_eq!(
            Rejection::of(1002, "Verification Error", Some("why")),
            Some(Err(other))
        );
    }

    #[test]
    fn what_the_pool_already_has_is_not_rejected_and_other_errors_are_no_verdict() {
        assert_eq!(
            Rejection::of(1013, "Transaction Already Imported", None),
            Some(Ok(()))
        );
        for code in [-32601, -32603, 0, 4003] {
            assert_eq!(Rejection::of(code, "text", None), None, "{code}");
        }
    }

    #[test]
    fn a_custom_error_is_named_where_its_meaning_is_known() {
        assert_eq!(
            Rejection::RATE_LIMITED.to_string(),
            "the rate limit is exceeded (custom error 6): wait until the limit is over; a registration counts as an update"
        );
        assert_eq!(
            Rejection::Custom(77).to_string(),
            "refused by the runtime (custom error 77)"
        );
    }
}
