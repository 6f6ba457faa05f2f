//! This crate against bytes recorded from a real node at spec 461; `tests/golden-461.json` names the source.

use parity_scale_codec::Encode;
use platform_domain::Hotkey;
use platform_keys::verify;
use scale_value::Value as Scale;
use serde_json::Value;

use crate::{
    block::{Header, to_hex},
    calls::{Call, SetWeights},
    events::{Events, MANDATORY, Phase},
    extrinsic::{Era, Signed},
    metadata::Metadata,
};

fn golden() -> Value {
    serde_json::from_str(include_str!("../tests/golden-461.json")).unwrap()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

fn bytes(value: &Value) -> Vec<u8> {
    hex::decode(text(value).trim_start_matches("0x")).unwrap()
}

fn hash(value: &Value) -> [u8; 32] {
    bytes(value).try_into().unwrap()
}

/// A storage parameter: a number or an address.
fn parameter(value: &Value) -> Scale {
    match value.as_u64() {
        Some(number) => Scale::u128(number.into()),
        None => Scale::from_bytes(text(value).parse::<Hotkey>().unwrap().as_bytes()),
    }
}

#[test]
fn storage_keys_are_those_of_the_node() {
    let metadata = Metadata::load().unwrap();
    for entry in golden()["storage_keys"].as_array().unwrap() {
        let item = (text(&entry["pallet"]), text(&entry["storage_function"]));
        let parts: Vec<Scale> = entry["params"]
            .as_array()
            .unwrap()
            .iter()
            .map(parameter)
            .collect();
        assert_eq!(
            to_hex(metadata.key(item, parts).unwrap()),
            text(&entry["key_hex"]),
            "{item:?}"
        );
    }
}

#[test]
fn a_header_hashes_as_recorded() {
    let golden = golden();
    let header = &golden["block"]["header"];
    let number = u32::from_str_radix(text(&header["number"]).trim_start_matches("0x"), 16).unwrap();
    let decoded = Header {
        parent: hash(&header["parentHash"]),
        number,
        state_root: hash(&header["stateRoot"]),
        extrinsics_root: hash(&header["extrinsicsRoot"]),
        digest: header["digest"]["logs"]
            .as_array()
            .unwrap()
            .iter()
            .map(bytes)
            .collect(),
    };
    assert_eq!(to_hex(decoded.hash()), text(&golden["block"]["hash"]));
    assert_eq!(decoded.json(), *header);
}

#[test]
fn recorded_extrinsics_decode_to_what_was_signed() {
    let metadata = Metadata::load().unwrap();
    for entry in golden()["extrinsics"].as_array().unwrap() {
        let decoded = Signed::decode(&metadata, &bytes(&entry["extrinsic_hex"])).unwrap();
        assert_eq!(decoded.signer.as_bytes(), &hash(&entry["public_key_hex"]));
        assert_eq!(
            decoded.signature.unwrap().to_vec(),
            bytes(&entry["signature_hex"])
        );
        assert_eq!(u64::from(decoded.nonce), entry["nonce"].as_u64().unwrap());
        assert_eq!(to_hex(decoded.hash), text(&entry["extrinsic_hash"]));
        assert_eq!((decoded.call, decoded.metadata_hash), (Call::Other, false));
        let era = match entry["era"]["period"].as_u64() {
            Some(period) => Era::Mortal {
                period,
                phase: 66 % period,
            },
            None => Era::Immortal,
        };
        assert_eq!(decoded.era, era);
    }
}

#[test]
fn payloads_are_those_of_the_node() {
    let metadata = Metadata::load().unwrap();
    let golden = golden();
    let genesis = hash(&golden["genesis_hash"]);
    for entry in golden["signature_payloads"].as_array().unwrap() {
        let mortal = entry["era"]["period"].is_u64();
        let era: &[u8] = if mortal { &[0x25, 0x00] } else { &[0x00] };
        let nonce = u8::try_from(entry["nonce"].as_u64().unwrap() << 2).unwrap();
        let call = bytes(&entry["call_data_hex"]);
        let parts = [
            &[0x84, 0x00],
            [7; 32].as_slice(),
            &[0x01],
            &[9; 64],
            era,
            &[nonce, 0, 0],
            &call,
        ];
        let decoded = Signed::decode(&metadata, &parts.concat().encode()).unwrap();
        let birth = if mortal {
            hash(&entry["era_birth_block_hash"])
        } else {
            genesis
        };
        assert_eq!(
            to_hex(decoded.payload(&metadata, metadata.version(), &genesis, &birth)),
            text(&entry["payload_hex"])
        );
    }
}

#[test]
fn a_recorded_signature_fits_its_payload() {
    let metadata = Metadata::load().unwrap();
    let golden = golden();
    let genesis = hash(&golden["genesis_hash"]);
    let decoded = Signed::decode(&metadata, &bytes(&golden["signed_extrinsic_hex"])).unwrap();
    let payload = decoded.payload(&metadata, metadata.version(), &genesis, &genesis);
    assert!(verify(&decoded.signer, &payload, &decoded.signature.unwrap()));
    let elsewhere = decoded.payload(&metadata, metadata.version(), &[0; 32], &genesis);
    assert!(!verify(&decoded.signer, &elsewhere, &decoded.signature.unwrap()));
}

#[test]
fn a_weights_call_decodes_to_its_arguments() {
    let metadata = Metadata::load().unwrap();
    let decode = |call: &[u8]| {
        let parts = [
            &[0x84, 0x00],
            [7; 32].as_slice(),
            &[0x01],
            &[9; 64],
            &[0, 0, 0, 0],
            call,
        ];
        Signed::decode(&metadata, &parts.concat().encode()).map(|decoded| decoded.call)
    };
    let plain = SetWeights {
        netuid: 1,
        mechanism: 0,
        dests: vec![0, 1],
        weights: vec![100, 200],
        version_key: 0,
        by_mechanism: false,
    };
    assert_eq!(
        decode(&bytes(&golden()["set_weights"]["data_hex"])),
        Ok(Call::SetWeights(plain))
    );
    // Netuid 1, mechanism 0, UIDs 0 and 5, 65535 and 100, version 10002000.
    let call = hex::decode("0777010000080000050008ffff6400509e980000000000").unwrap();
    let mechanism = SetWeights {
        netuid: 1,
        mechanism: 0,
        dests: vec![0, 5],
        weights: vec![65535, 100],
        version_key: 10_002_000,
        by_mechanism: true,
    };
    assert_eq!(decode(&call), Ok(Call::SetWeights(mechanism)));
}

#[test]
fn recorded_events_decode_and_ours_have_their_shape() {
    let metadata = Metadata::load().unwrap();
    let ty = metadata.value_type(crate::items::EVENTS);
    let decode = |bytes: &[u8]| {
        let mut rest = bytes;
        let decoded = scale_value::scale::decode_as_type(&mut rest, ty, metadata.types()).unwrap();
        assert!(rest.is_empty(), "left {rest:?}");
        decoded.remove_context().to_string()
    };
    assert!(decode(&bytes(&golden()["events_hex"])).contains("ExtrinsicSuccess"));

    let mut events = Events::default();
    events
        .success(&metadata, Phase::ApplyExtrinsic(0), MANDATORY)
        .unwrap();
    events
        .weights_set(&metadata, Phase::ApplyExtrinsic(1), (4097, 3))
        .unwrap();
    events
        .failed(
            &metadata,
            Phase::ApplyExtrinsic(2),
            crate::events::FREE,
            ("SubtensorModule", "SettingWeightsTooFast"),
        )
        .unwrap();
    let shown = decode(&events.finish());
    for part in [
        "Mandatory",
        "WeightsSet",
        "4097",
        "ExtrinsicFailed",
        // Pallet 7, error 29: what this runtime calls it.
        "index: 7, error: (29, 0, 0, 0)",
    ] {
        assert!(shown.contains(part), "{part} is not in {shown}");
    }
}
