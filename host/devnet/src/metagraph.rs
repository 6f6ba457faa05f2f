//! The selective metagraph: the fields a client asks for by index, in the shape the metadata gives.
//!
//! Indexes of fields that this node has no numbers for (emission, prices, axons, identities, …) are answered
//! `None`, as if they had not been asked for.

use scale_value::Value;

use crate::{error::MetadataError, items::*, weights::storage_index};

/// `Option<SelectiveMetagraph>` for a mechanism of a subnet, with the fields at `indexes`.
pub(crate) fn selective_metagraph(
    state: Reader<'_>,
    (netuid, mechanism): (u16, u8),
    indexes: &[u16],
) -> Result<Value, MetadataError> {
    let exists: bool = state.get(&NETWORKS_ADDED, (netuid,))?;
    let mechanisms: u8 = state.get(&MECHANISM_COUNT, (netuid,))?;
    if !exists || mechanism >= mechanisms {
        return Ok(Value::unnamed_variant("None", []));
    }
    let subnet = Subnet {
        state,
        netuid,
        mechanism,
        neurons: state.get(&SUBNETWORK_N, (netuid,))?,
    };
    let fields = FIELDS.iter().zip(0_u16..).map(|(name, index)| {
        let asked = indexes.contains(&index);
        let value = if index == NETUID {
            Value::u128(if asked { netuid.into() } else { 0 })
        } else {
            match asked.then(|| subnet.field(name)).transpose()?.flatten() {
                Some(value) => Value::unnamed_variant("Some", [value]),
                None => Value::unnamed_variant("None", []),
            }
        };
        Ok((*name, value))
    });
    let fields: Vec<(&str, Value)> = fields.collect::<Result<_, MetadataError>>()?;
    Ok(Value::unnamed_variant("Some", [Value::named_composite(fields)]))
}

/// The one field that is not optional: zero unless it is asked for.
const NETUID: u16 = 0;

/// The fields in the order of their indexes (`rpc_info/metagraph.rs` of the pallet, spec 461).
const FIELDS: [&str; 77] = [
    "netuid",
    "name",
    "symbol",
    "identity",
    "network_registered_at",
    "owner_hotkey",
    "owner_coldkey",
    "block",
    "tempo",
    "last_step",
    "blocks_since_last_step",
    "subnet_emission",
    "alpha_in",
    "alpha_out",
    "tao_in",
    "alpha_out_emission",
    "alpha_in_emission",
    "tao_in_emission",
    "pending_alpha_emission",
    "pending_root_emission",
    "subnet_volume",
    "moving_price",
    "rho",
    "kappa",
    "min_allowed_weights",
    "max_weights_limit",
    "weights_version",
    "weights_rate_limit",
    "activity_cutoff",
    "max_validators",
    "num_uids",
    "max_uids",
    "burn",
    "difficulty",
    "registration_allowed",
    "pow_registration_allowed",
    "immunity_period",
    "min_difficulty",
    "max_difficulty",
    "min_burn",
    "max_burn",
    "adjustment_alpha",
    "adjustment_interval",
    "target_regs_per_interval",
    "max_regs_per_block",
    "serving_rate_limit",
    "commit_reveal_weights_enabled",
    "commit_reveal_period",
    "liquid_alpha_enabled",
    "alpha_high",
    "alpha_low",
    "bonds_moving_avg",
    "hotkeys",
    "coldkeys",
    "identities",
    "axons",
    "active",
    "validator_permit",
    "pruning_score",
    "last_update",
    "emission",
    "dividends",
    "incentives",
    "consensus",
    "trust",
    "rank",
    "block_at_registration",
    "alpha_stake",
    "tao_stake",
    "total_stake",
    "tao_dividends_per_hotkey",
    "alpha_dividends_per_hotkey",
    "validators",
    "commitments",
    "collateral_locked",
    "collateral_min",
    "collateral_earned",
];

struct Subnet<'a> {
    state: Reader<'a>,
    netuid: u16,
    mechanism: u8,
    neurons: u16,
}

impl Subnet<'_> {
    fn field(&self, name: &str) -> Result<Option<Value>, MetadataError> {
        let (state, key) = (self.state, (self.netuid,));
        Ok(Some(match name {
            "owner_hotkey" => account(state.get(&SUBNET_OWNER_HOTKEY, key)?),
            "owner_coldkey" => account(state.get(&SUBNET_OWNER, key)?),
            "block" => number(state.get(&BLOCK_NUMBER, ())?),
            "tempo" => number(state.get(&TEMPO, key)?),
            "last_step" => number(state.get(&LAST_EPOCH_BLOCK, key)?),
            "blocks_since_last_step" => number(state.get(&BLOCKS_SINCE_LAST_STEP, key)?),
            "min_allowed_weights" => number(state.get(&MIN_ALLOWED_WEIGHTS, key)?),
            "max_weights_limit" => number(state.get(&MAX_WEIGHTS_LIMIT, key)?),
            "weights_version" => number(state.get(&WEIGHTS_VERSION, key)?),
            "weights_rate_limit" => number(state.get(&WEIGHTS_RATE_LIMIT, key)?),
            "num_uids" => number(self.neurons),
            "max_uids" => number(state.get(&MAX_ALLOWED_UIDS, key)?),
            "commit_reveal_weights_enabled" => Value::bool(state.get(&COMMIT_REVEAL, key)?),
            "commit_reveal_period" => number(state.get(&REVEAL_PERIOD, key)?),
            "hotkeys" => list(self.hotkeys()?.into_iter().map(account)),
            "coldkeys" => {
                let owners = self.hotkeys()?.into_iter().map(|key| state.get(&OWNER, (key,)));
                list(owners.collect::<Result<Vec<_>, _>>()?.into_iter().map(account))
            }
            "active" => list(state.get(&ACTIVE, key)?.into_iter().map(Value::bool)),
            "validator_permit" => list(self.permits()?.into_iter().map(Value::bool)),
            "last_update" => {
                let index = (storage_index(self.netuid, self.mechanism),);
                list(state.get(&LAST_UPDATE, index)?.into_iter().map(number))
            }
            "block_at_registration" => list(self.per_uid(&BLOCK_AT_REGISTRATION)?.into_iter().map(number)),
            "alpha_stake" | "total_stake" => list(self.stakes()?.into_iter().map(number)),
            "tao_stake" => list((0..self.neurons).map(|_| number(0_u64))),
            "validators" => {
                let permits = (0_u16..).zip(self.permits()?);
                list(permits.filter(|(_, permit)| *permit).map(|(uid, _)| number(uid)))
            }
            _ => return Ok(None),
        }))
    }

    fn per_uid<V: parity_scale_codec::Decode>(&self, item: &Item<V>) -> Result<Vec<V>, MetadataError> {
        (0..self.neurons)
            .map(|uid| self.state.get(item, (self.netuid, uid)))
            .collect()
    }

    fn hotkeys(&self) -> Result<Vec<Account>, MetadataError> {
        self.per_uid(&KEYS)
    }

    fn permits(&self) -> Result<Vec<bool>, MetadataError> {
        self.state.get(&VALIDATOR_PERMIT, (self.netuid,))
    }

    fn stakes(&self) -> Result<Vec<u64>, MetadataError> {
        let hotkeys = self.hotkeys()?.into_iter();
        hotkeys
            .map(|hotkey| self.state.get(&TOTAL_HOTKEY_ALPHA, (hotkey, self.netuid)))
            .collect()
    }
}

fn account(bytes: Account) -> Value {
    Value::from_bytes(bytes)
}

fn number(value: impl Into<u128>) -> Value {
    Value::u128(value.into())
}

fn list(values: impl IntoIterator<Item = Value>) -> Value {
    Value::unnamed_composite(values)
}

#[cfg(test)]
mod tests {
    use crate::metadata::Metadata;
    use scale_info::TypeDef;

    #[test]
    fn the_indexes_are_the_order_of_the_runtimes_fields() {
        let metadata = Metadata::load().unwrap();
        let mut types = metadata.types().types.iter();
        let found = types.find(|ty| {
            ty.ty
                .path
                .segments
                .last()
                .is_some_and(|name| name == "SelectiveMetagraph")
        });
        let TypeDef::Composite(composite) = &found.unwrap().ty.type_def else {
            panic!("not a struct");
        };
        let names: Vec<&str> = composite
            .fields
            .iter()
            .filter_map(|field| field.name.as_deref())
            .collect();
        assert_eq!(names, super::FIELDS);
    }
}
