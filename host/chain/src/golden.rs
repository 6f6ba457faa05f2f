//! Byte for byte against what a real node said: metadata, keys, payloads, extrinsics and events recorded
//! from a subtensor network at spec version 461 (see `testdata/README.md`).

mod calls;

use platform_domain::{BlockHash, BlockNumber, Hotkey, MechanismId, Netuid, Uid};
use platform_keys::{Keypair, verify};
use serde_json::Value as Json;
use subxt::{
    Metadata, SubstrateConfig,
    config::{
        DefaultExtrinsicParamsBuilder,
        substrate::{AccountId32, MultiSignature},
    },
    ext::{
        scale_decode::DecodeAsType,
        scale_encode::EncodeAsType,
        scale_value::{Composite, Value},
    },
    transactions::DynamicPayload,
};

use crate::{
    ChainError, DispatchFailure, WeightsCall,
    commit::{commit_call, payload},
    compose::encode,
    extrinsic::{HotkeySigner, RawCall, blake2_256, sign},
    outcome,
    proxy::proxy_call,
    rpc::{RuntimeVersion, to_h256},
    runtime::{PALLET, Runtime},
    subnet::{Selection, storage_index},
    weights::{Arguments, plain_call},
};

const METADATA: &[u8] = include_bytes!(concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../devnet/metadata/spec-461-v15.scale"
));
const GOLDEN: &str = include_str!("../testdata/golden-461.json");

fn golden() -> Json {
    serde_json::from_str(GOLDEN).unwrap()
}

fn text(json: &Json) -> &str {
    json.as_str().unwrap()
}

fn bytes(json: &Json) -> Vec<u8> {
    hex::decode(text(json).trim_start_matches("0x")).unwrap()
}

fn genesis() -> BlockHash {
    text(&golden()["genesis_hash"]).parse().unwrap()
}

fn runtime() -> Runtime {
    let version = RuntimeVersion {
        name: "node-subtensor".to_owned(),
        spec: 461,
        transaction: 1,
    };
    Runtime::new(Metadata::decode_from(METADATA).unwrap(), version, genesis()).unwrap()
}

/// The recorded metadata with other bytes in one place after a name.
fn changed(name: &str, from: &[u8], to: &[u8]) -> Metadata {
    let mut bytes = METADATA.to_vec();
    let find = |bytes: &[u8], what: &[u8]| bytes.windows(what.len()).position(|window| window == what);
    let named = find(&bytes, name.as_bytes()).unwrap();
    let at = named + find(&bytes[named..], from).unwrap();
    bytes[at..at + to.len()].copy_from_slice(to);
    Metadata::decode_from(&bytes).unwrap()
}

#[test]
fn a_runtime_of_another_network_is_refused() {
    let version = || RuntimeVersion {
        name: "other".to_owned(),
        spec: 1,
        transaction: 1,
    };
    // A list of two bytes: 42, and then 13116.
    let polymesh = changed("SS58Prefix", &[8, 42, 0], &[8, 0x3c, 0x33]);
    let refused = Runtime::new(polymesh, version(), genesis()).unwrap_err();
    assert!(matches!(refused, ChainError::Prefix(13116)), "{refused:?}");
    // Where the pallet is described: its name, and that of its storage.
    let renamed = changed("SubtensorModule\u{1}<S", b"SubtensorModule", b"SubtensorModulo");
    let refused = Runtime::new(renamed, version(), genesis()).unwrap_err();
    assert!(
        matches!(&refused, ChainError::NotSubtensor(name) if name == "other"),
        "{refused:?}"
    );
}

fn call(mechanism: u8, uids: &[u16], values: &[u16], version_key: u64) -> WeightsCall {
    WeightsCall {
        netuid: Netuid(1),
        mechanism: MechanismId(mechanism),
        uids: uids.iter().copied().map(Uid).collect(),
        values: values.to_vec(),
        version_key,
    }
}

fn from_call_data(runtime: &Runtime, data: &[u8]) -> DynamicPayload<Composite<()>> {
    runtime.codec().transactions().from_call_data_bytes(data).unwrap()
}

fn params(recorded: &Json) -> DefaultExtrinsicParamsBuilder<SubstrateConfig> {
    let builder = DefaultExtrinsicParamsBuilder::new().nonce(recorded["nonce"].as_u64().unwrap());
    match recorded["era"].as_object() {
        None => builder.immortal(),
        Some(era) => {
            let birth: BlockHash = match recorded["era_birth_block_hash"].as_str() {
                Some(hash) => hash.parse().unwrap(),
                // The recorded extrinsic's signature is made up, so no birth hash is in it.
                None => BlockHash([0; 32]),
            };
            let (period, current) = (era["period"].as_u64().unwrap(), era["current"].as_u64().unwrap());
            builder.mortal_from_unchecked(period, current, to_h256(birth))
        }
    }
}

#[test]
fn the_recorded_payloads_are_what_we_sign() {
    let runtime = runtime();
    for recorded in golden()["signature_payloads"].as_array().unwrap() {
        let call = from_call_data(&runtime, &bytes(&recorded["call_data_hex"]));
        let transactions = runtime.codec().transactions();
        let signable = transactions
            .create_signable_offline(&call, params(recorded).build())
            .unwrap();
        assert_eq!(
            signable.signer_payload().unwrap(),
            bytes(&recorded["payload_hex"])
        );
    }
}

#[test]
fn the_recorded_extrinsics_are_what_we_send() {
    let runtime = runtime();
    for recorded in golden()["extrinsics"].as_array().unwrap() {
        let call = from_call_data(&runtime, &bytes(&recorded["call_data_hex"]));
        let account = AccountId32(bytes(&recorded["public_key_hex"]).try_into().unwrap());
        let signature = MultiSignature::Sr25519(bytes(&recorded["signature_hex"]).try_into().unwrap());
        let transactions = runtime.codec().transactions();
        let mut signable = transactions
            .create_signable_offline(&call, params(recorded).build())
            .unwrap();
        let signed = signable
            .sign_with_account_and_signature(&account, &signature)
            .unwrap();
        assert_eq!(signed.encoded(), bytes(&recorded["extrinsic_hex"]));
        assert_eq!(
            blake2_256(signed.encoded()).to_vec(),
            bytes(&recorded["extrinsic_hash"])
        );
    }
}

#[test]
fn extrinsics_of_a_recorded_block_have_the_hashes_the_chain_gave_them() {
    let block = &golden()["block"];
    let pairs = block["extrinsics"]
        .as_array()
        .unwrap()
        .iter()
        .zip(block["hashes"].as_array().unwrap());
    for (extrinsic, hash) in pairs {
        assert_eq!(blake2_256(&bytes(extrinsic)).to_vec(), bytes(hash));
    }
}

#[test]
fn our_own_extrinsic_is_mortal_and_its_signature_verifies_over_the_payload() {
    let runtime = runtime();
    let key = Keypair::from_seed([7; 32]);
    let data = hex::decode("0777010000080000050008ffff6400509e980000000000").unwrap();
    let call = RawCall::new(&runtime, &data).unwrap();
    let birth = (BlockNumber(1000), BlockHash([9; 32]));
    let signed = sign(&runtime, &HotkeySigner(&key), &call, 7, birth).unwrap();
    assert_eq!(
        (signed.nonce, signed.birth, signed.expires),
        (7, birth.0, BlockNumber(1128))
    );

    let call = hex::decode("0777010000080000050008ffff6400509e980000000000").unwrap();
    let extra = hex::decode("86061c0000").unwrap();
    let implicit = [
        &461_u32.to_le_bytes()[..],
        &1_u32.to_le_bytes(),
        &genesis().0,
        &birth.1.0,
        &[0],
    ]
    .concat();
    let head = [&[0x84, 0][..], key.hotkey().as_bytes(), &[1]].concat();
    let body = signed.bytes.strip_prefix(&[0x01, 0x02][..]).map(<[u8]>::to_vec);
    let body = body.unwrap_or_else(|| signed.bytes[2..].to_vec());
    assert_eq!(body[..head.len()], head);
    let (signature, rest) = body[head.len()..].split_at(64);
    assert_eq!(rest, [&extra[..], &call].concat());
    let payload = [&call[..], &extra, &implicit].concat();
    assert!(verify(&key.hotkey(), &payload, signature.try_into().unwrap()));
}

#[test]
fn storage_keys_and_values_are_the_recorded_ones() {
    let (runtime, golden) = (runtime(), golden());
    for recorded in golden["storage_keys"].as_array().unwrap() {
        let keys: Vec<u16> = recorded["params"]
            .as_array()
            .unwrap()
            .iter()
            .map(number)
            .collect();
        let key = runtime
            .storage_key((PALLET, text(&recorded["storage_function"])), keys)
            .unwrap();
        assert_eq!(key, bytes(&recorded["key_hex"]), "{recorded}");
    }
    let value = |at: usize| {
        let recorded = &golden["storage_values"][at];
        let raw = recorded["raw_hex"].as_str().map(|_| bytes(&recorded["raw_hex"]));
        (text(&recorded["storage_function"]).to_owned(), raw)
    };
    let (entry, raw) = value(0);
    assert_eq!(
        runtime
            .storage_value::<u16>((PALLET, &entry), raw.as_deref())
            .unwrap(),
        100
    );
    let (entry, raw) = value(2);
    assert_eq!(raw, None);
    assert!(!runtime.storage_value::<bool>((PALLET, &entry), None).unwrap());
    // Where a subnet has said nothing, commit-reveal is on.
    assert!(
        runtime
            .storage_value::<bool>((PALLET, "CommitRevealWeightsEnabled"), None)
            .unwrap()
    );
}

fn number(json: &Json) -> u16 {
    u16::try_from(json.as_u64().unwrap()).unwrap()
}

#[test]
fn weights_of_a_mechanism_are_stored_beside_those_of_the_subnet() {
    let index = |netuid, mechanism| storage_index(Netuid(netuid), MechanismId(mechanism)).ok();
    assert_eq!(index(1, 0), Some(1));
    assert_eq!(index(1, 1), Some(4097));
    assert_eq!(index(4095, 15), Some(u16::MAX));
    assert_eq!((index(4096, 0), index(0, 16)), (None, None));
    let key = runtime()
        .storage_key((PALLET, "Weights"), (4097_u16, 2_u16))
        .unwrap();
    assert!(hex::encode(key).ends_with("01100200"));
}

#[test]
fn bytes_that_do_not_fit_the_metadata_are_refused() {
    let runtime = runtime();
    for (entry, raw) in [
        ("Tempo", &[1][..]),
        ("Tempo", &[1, 2, 3]),
        ("Weights", &[255]),
        ("NoSuch", &[]),
    ] {
        let refused = runtime.storage_value::<u16>((PALLET, entry), Some(raw));
        assert!(
            matches!(refused, Err(ChainError::Runtime { .. })),
            "{entry} {raw:?}"
        );
    }
}

#[derive(DecodeAsType)]
#[decode_as_type(crate_path = "subxt::ext::scale_decode")]
struct Hyperparams {
    tempo: u16,
    weights_rate_limit: u64,
    max_weights_limit: u16,
    commit_reveal_weights_enabled: bool,
}

const HYPERPARAMS: (&str, &str) = ("SubnetInfoRuntimeApi", "get_subnet_hyperparams");

#[test]
fn a_recorded_answer_of_the_subnet_api_is_read_by_field_names() {
    let (runtime, golden) = (runtime(), golden());
    let recorded = &golden["subnet_hyperparams"];
    let (function, arguments) = runtime.api_call(HYPERPARAMS, (1_u16,)).unwrap();
    assert_eq!(function, "SubnetInfoRuntimeApi_get_subnet_hyperparams");
    assert_eq!(arguments, bytes(&recorded["encoded_params_hex"]));
    let raw = bytes(&recorded["raw_hex"]);
    let found: Option<Hyperparams> = runtime.api_answer(HYPERPARAMS, &raw).unwrap();
    let found = found.unwrap();
    assert_eq!((found.tempo, found.weights_rate_limit), (100, 100));
    assert_eq!(
        (found.max_weights_limit, found.commit_reveal_weights_enabled),
        (65535, true)
    );
}

#[test]
fn a_selective_metagraph_is_read_by_field_names() {
    const METHOD: &str = "get_selective_metagraph";
    let runtime = runtime();
    let types = runtime.metadata().types();
    let api = runtime
        .metadata()
        .runtime_api_trait_by_name("SubnetInfoRuntimeApi")
        .unwrap();
    let output = api.method_by_name(METHOD).unwrap().output_ty();
    let some = |value| Value::unnamed_variant("Some", [value]);
    let accounts = [[1; 32], [2; 32]].map(|key: [u8; 32]| Value::from_bytes(key));
    let fields = selective_metagraph_fields(types, output).map(|name| {
        let value = match name {
            "netuid" => Value::u128(1),
            "owner_hotkey" => some(Value::from_bytes([1; 32])),
            "tempo" => some(Value::u128(360)),
            "hotkeys" => some(Value::unnamed_composite(accounts.clone())),
            "validator_permit" => some(Value::unnamed_composite([true, false].map(Value::bool))),
            "total_stake" => some(Value::unnamed_composite([1 << 60, 0_u128].map(Value::u128))),
            "last_update" => some(Value::unnamed_composite([0_u128, 1 << 40].map(Value::u128))),
            "commit_reveal_weights_enabled" => some(Value::bool(false)),
            _ => Value::unnamed_variant("None", []),
        };
        (name, value)
    });
    let raw = some(Value::named_composite(fields))
        .encode_as_type(output, types)
        .unwrap();
    let found: Option<Selection> = runtime
        .api_answer(("SubnetInfoRuntimeApi", METHOD), &raw)
        .unwrap();
    let found = found.unwrap();
    assert_eq!((found.owner_hotkey, found.tempo), (Some([1; 32]), Some(360)));
    assert_eq!(found.hotkeys, Some(vec![[1; 32], [2; 32]]));
    assert_eq!(found.last_update, Some(vec![0, 1 << 40]));
    assert_eq!(found.validator_permit, Some(vec![true, false]));
    assert_eq!(found.total_stake, Some(vec![1 << 60, 0]));
    assert_eq!(
        (found.commit_reveal_weights_enabled, found.num_uids),
        (Some(false), None)
    );
    let none: Option<Selection> = runtime
        .api_answer(("SubnetInfoRuntimeApi", METHOD), &[0])
        .unwrap();
    assert!(none.is_none());
}

/// The names of the fields of the `Option`'s inner struct.
fn selective_metagraph_fields(
    types: &scale_info::PortableRegistry,
    option: u32,
) -> impl Iterator<Item = &str> {
    let inner = types.resolve(option).unwrap().type_params[0].ty.unwrap().id;
    match &types.resolve(inner).unwrap().type_def {
        scale_info::TypeDef::Composite(composite) => composite
            .fields
            .iter()
            .map(|field| field.name.as_deref().unwrap()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_recorded_success_is_told_from_a_failure_and_errors_have_their_names() {
    let (runtime, golden) = (runtime(), golden());
    let raw = bytes(&golden["events"]["raw_hex"]);
    let index = u32::from(number(&golden["events"]["extrinsic_index"]));
    assert_eq!(outcome::read(&runtime, raw.clone(), index).unwrap(), Ok(()));
    assert!(matches!(
        outcome::read(&runtime, raw, 9),
        Err(ChainError::Runtime { .. })
    ));

    // One record: phase ApplyExtrinsic(3), System.ExtrinsicFailed, the error, two weights, class, fee, topics.
    let failed = |error: &str| {
        let raw = hex::decode(format!("04000300000000 01{error}0000000000").replace(' ', "")).unwrap();
        outcome::read(&runtime, raw, 3).unwrap().unwrap_err()
    };
    let named = |pallet: Option<&str>, name: &str| DispatchFailure {
        pallet: pallet.map(str::to_owned),
        name: name.to_owned(),
    };
    let too_fast = failed("03071d000000");
    assert_eq!(too_fast, named(Some("SubtensorModule"), "SettingWeightsTooFast"));
    assert_eq!(too_fast.to_string(), "SubtensorModule.SettingWeightsTooFast");
    assert_eq!(failed("02"), named(None, "BadOrigin"));
    assert_eq!(failed("0700"), named(None, "Token.FundsUnavailable"));
    assert_eq!(failed("02").to_string(), "BadOrigin");
}

#[test]
fn addresses_are_the_recorded_ones() {
    for pair in golden()["ss58"].as_array().unwrap() {
        let key = Hotkey::from_bytes(bytes(&pair["public_key_hex"]).try_into().unwrap());
        assert_eq!(key.to_string(), text(&pair["address"]));
    }
}
