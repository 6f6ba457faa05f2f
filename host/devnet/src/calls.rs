//! The calls that this node carries out, decoded by the names that their arguments have in the metadata.
//!
//! Only the arguments of weights calls are decoded. Other calls are refused whatever they say, and not walking
//! them keeps calls nested thousands deep from mattering.

use parity_scale_codec::Decode;
use platform_timelock::limits::MAX_COMMIT;

use crate::{extrinsic::NotSigned, items::Account, metadata::Metadata};

/// What is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Call {
    SetWeights(SetWeights),
    CommitTimelocked(CommitTimelocked),
    Proxy(Proxied),
    /// Anything else: included, and fails there.
    Other,
}

/// The arguments of `set_weights` (mechanism 0) and `set_mechanism_weights`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct SetWeights {
    pub(crate) netuid: u16,
    pub(crate) mechanism: u8,
    pub(crate) dests: Vec<u16>,
    pub(crate) weights: Vec<u16>,
    pub(crate) version_key: u64,
    /// Which of the two it is.
    pub(crate) by_mechanism: bool,
}

/// The arguments of `commit_timelocked_weights` (mechanism 0) and `commit_timelocked_mechanism_weights`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct CommitTimelocked {
    pub(crate) netuid: u16,
    pub(crate) mechanism: u8,
    /// At most [`MAX_COMMIT`] bytes, which nobody has looked at.
    pub(crate) commit: Vec<u8>,
    pub(crate) reveal_round: u64,
    pub(crate) version: u16,
}

/// The arguments of `Proxy.proxy`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Proxied {
    pub(crate) real: Account,
    /// The `ProxyType` that it must be.
    pub(crate) forced: Option<u8>,
    /// A weights call, or anything else: also another proxy's.
    pub(crate) call: Box<Call>,
}

/// `MultiAddress::Id`; the lookup knows no other.
const ADDRESS_ID: u8 = 0;

impl Call {
    pub(crate) fn decode(metadata: &Metadata, bytes: &[u8]) -> Result<Self, NotSigned> {
        match metadata.call_name(bytes) {
            Some(("Proxy", "proxy")) => Proxied::decode(metadata, bytes.get(2..).unwrap_or_default()),
            _ => Self::decode_plain(metadata, bytes),
        }
    }

    /// Any call but a proxy's, so that these are not nested.
    fn decode_plain(metadata: &Metadata, bytes: &[u8]) -> Result<Self, NotSigned> {
        let &[pallet, call, ref rest @ ..] = bytes else {
            return Err(NotSigned::Malformed);
        };
        let (pallet, call) = metadata.call(pallet, call).ok_or(NotSigned::Malformed)?;
        let fields = call.fields.iter();
        let names = fields.map(|field| field.name.as_deref().unwrap_or_default());
        match (pallet, call.name.as_str()) {
            ("SubtensorModule", "set_weights" | "set_mechanism_weights") => {
                SetWeights::decode(names, rest).map(Self::SetWeights)
            }
            ("SubtensorModule", "commit_timelocked_weights" | "commit_timelocked_mechanism_weights") => {
                CommitTimelocked::decode(names, rest).map(Self::CommitTimelocked)
            }
            _ => Ok(Self::Other),
        }
    }
}

impl Proxied {
    fn decode(metadata: &Metadata, mut rest: &[u8]) -> Result<Call, NotSigned> {
        let (mut kind, mut real, mut forced) = (0, Account::default(), None);
        take(&mut rest, &mut kind)?;
        if kind != ADDRESS_ID {
            return Ok(Call::Other);
        }
        take(&mut rest, &mut real)?;
        take(&mut rest, &mut forced)?;
        let call = Box::new(Call::decode_plain(metadata, rest)?);
        Ok(Call::Proxy(Self { real, forced, call }))
    }
}

impl SetWeights {
    fn decode<'a>(names: impl Iterator<Item = &'a str>, mut rest: &[u8]) -> Result<Self, NotSigned> {
        let mut call = Self::default();
        for name in names {
            match name {
                "netuid" => take(&mut rest, &mut call.netuid)?,
                "mecid" => {
                    call.by_mechanism = true;
                    take(&mut rest, &mut call.mechanism)?;
                }
                "dests" => take(&mut rest, &mut call.dests)?,
                "weights" => take(&mut rest, &mut call.weights)?,
                "version_key" => take(&mut rest, &mut call.version_key)?,
                _ => return Err(NotSigned::Malformed),
            }
        }
        ended(rest, call)
    }
}

impl CommitTimelocked {
    fn decode<'a>(names: impl Iterator<Item = &'a str>, mut rest: &[u8]) -> Result<Self, NotSigned> {
        let mut call = Self::default();
        for name in names {
            match name {
                "netuid" => take(&mut rest, &mut call.netuid)?,
                "mecid" => take(&mut rest, &mut call.mechanism)?,
                "commit" => take(&mut rest, &mut call.commit)?,
                "reveal_round" => take(&mut rest, &mut call.reveal_round)?,
                "commit_reveal_version" => take(&mut rest, &mut call.version)?,
                _ => return Err(NotSigned::Malformed),
            }
        }
        // A `BoundedVec`: the runtime's decoder gives up on more.
        if call.commit.len() > MAX_COMMIT {
            return Err(NotSigned::Malformed);
        }
        ended(rest, call)
    }
}

fn take<V: Decode>(rest: &mut &[u8], value: &mut V) -> Result<(), NotSigned> {
    *value = V::decode(rest).map_err(|_| NotSigned::Malformed)?;
    Ok(())
}

fn ended<V>(rest: &[u8], call: V) -> Result<V, NotSigned> {
    match rest {
        [] => Ok(call),
        _ => Err(NotSigned::Malformed),
    }
}
