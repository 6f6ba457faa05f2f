//! A vector of weights: the plain call that sets it, and what the chain makes of its values.

use platform_domain::{MechanismId, Netuid, Uid};
use subxt::{ext::scale_encode::EncodeAsType, transactions::DynamicPayload};

use crate::{
    ChainError,
    runtime::{PALLET, Runtime},
    subnet::storage_index,
};

/// What a validator says about the miners of a subnet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WeightsCall {
    /// The subnet.
    pub netuid: Netuid,
    /// The mechanism.
    pub mechanism: MechanismId,
    /// Whom the values are for.
    pub uids: Vec<Uid>,
    /// One for each UID; only their ratios matter, the chain scales the largest to 65535.
    pub values: Vec<u16>,
    /// The version of the rules by which they came about, at least the subnet's `weights_version`.
    pub version_key: u64,
}

/// The arguments of both calls, by the runtime's names for them. `set_weights` has no `mecid`: what a call
/// does not have is left out by name.
#[derive(EncodeAsType)]
#[encode_as_type(crate_path = "subxt::ext::scale_encode")]
pub(crate) struct Arguments {
    netuid: u16,
    mecid: u8,
    dests: Vec<u16>,
    weights: Vec<u16>,
    version_key: u64,
}

const SET_MECHANISM_WEIGHTS: &str = "set_mechanism_weights";
const SET_WEIGHTS: &str = "set_weights";

impl WeightsCall {
    /// Refuses lists of different length, and a subnet or mechanism that no chain can have.
    pub(crate) fn check(&self) -> Result<(), ChainError> {
        if self.uids.len() != self.values.len() {
            let (uids, values) = (self.uids.len(), self.values.len());
            return Err(ChainError::Unequal { uids, values });
        }
        storage_index(self.netuid, self.mechanism).map(drop)
    }

    /// The row that the chain keeps of this vector: the largest value scaled to 65535 in fixed point of 32 fractional bits, as
    /// `vec_u16_max_upscale_to_u16` does (pallets/subtensor/src/epoch/math.rs, spec 425), zeros included. A vector that has
    /// 65535 in it, or nothing but zeros, stays as it is.
    pub(crate) fn row(&self) -> Vec<(u16, u16)> {
        const FRACTION: u32 = 32;
        const MAX: u64 = u16::MAX as u64;
        let largest = self.values.iter().copied().max().map_or(0, u64::from);
        let scale = |value: u16| {
            let value = u64::from(value);
            // Above the middle the chain divides first, so as not to overflow.
            let scaled = if largest > MAX.div_ceil(2) {
                (MAX << FRACTION)
                    .checked_div(largest)
                    .map(|factor| value * factor)
            } else {
                ((value * MAX) << FRACTION).checked_div(largest)
            };
            let rounded = (scaled.unwrap_or(0) + (1 << (FRACTION - 1))) >> FRACTION;
            u16::try_from(rounded).unwrap_or(u16::MAX)
        };
        let uids = self.uids.iter().map(|uid| uid.0);
        uids.zip(self.values.iter().map(|value| scale(*value))).collect()
    }
}

impl Arguments {
    pub(crate) fn of(call: &WeightsCall) -> Self {
        Self {
            netuid: call.netuid.0,
            mecid: call.mechanism.0,
            dests: call.uids.iter().map(|uid| uid.0).collect(),
            weights: call.values.clone(),
            version_key: call.version_key,
        }
    }
}

/// The call that sets weights at once in this runtime.
pub(crate) fn plain_name(runtime: &Runtime, call: &WeightsCall) -> Result<&'static str, ChainError> {
    by_mechanism(runtime, call, SET_MECHANISM_WEIGHTS, SET_WEIGHTS)
}

/// The call that sets the weights at once: by mechanism where the runtime has them.
pub(crate) fn plain_call(
    runtime: &Runtime,
    call: &WeightsCall,
) -> Result<(&'static str, DynamicPayload<Arguments>), ChainError> {
    let name = plain_name(runtime, call)?;
    let arguments = Arguments::of(call);
    Ok((name, subxt::transactions::dynamic(PALLET, name, arguments)))
}

/// The call for mechanisms if the runtime has it, else the older one, which is for the main mechanism only.
pub(crate) fn by_mechanism(
    runtime: &Runtime,
    call: &WeightsCall,
    newer: &'static str,
    older: &'static str,
) -> Result<&'static str, ChainError> {
    call.check()?;
    let (netuid, mechanism) = (call.netuid, call.mechanism);
    if runtime.has_call((PALLET, newer)) {
        Ok(newer)
    } else if mechanism != MechanismId(0) {
        Err(ChainError::NoMechanism { netuid, mechanism })
    } else if runtime.has_call((PALLET, older)) {
        Ok(older)
    } else {
        Err(ChainError::runtime(
            older,
            format!("it has neither this call nor {newer}"),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(values: &[u16]) -> Vec<u16> {
        let call = WeightsCall {
            netuid: Netuid(1),
            mechanism: MechanismId(0),
            uids: (0..).map(Uid).take(values.len()).collect(),
            values: values.to_vec(),
            version_key: 0,
        };
        call.row().into_iter().map(|(_, value)| value).collect()
    }

    /// `test_math_vec_u16_max_upscale_to_u16` of pallets/subtensor/src/tests/math.rs, spec 425.
    #[test]
    fn the_chains_published_vectors_scale_as_published() {
        for (values, expected) in [
            (&[][..], &[][..]),
            (&[0, 0], &[0, 0]),
            (&[1], &[65535]),
            (&[0, 1], &[0, 65535]),
            (&[65534], &[65535]),
            (&[0, 1, 65534], &[0, 1, 65535]),
            (&[0, 1, 2, 3, 4, 65533, 65535], &[0, 1, 2, 3, 4, 65533, 65535]),
        ] {
            assert_eq!(row(values), expected, "{values:?}");
        }
    }
}
