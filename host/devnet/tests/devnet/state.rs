//! Reading: storage at a block, runtime calls, the metagraph and the schedule.

use jsonrpsee::{core::client::ClientT, rpc_params};
use parity_scale_codec::{Compact, Decode, Encode};
use serde_json::{Value, json};

use crate::wallet::{Fixture, NETUID, key, set_weights, unhex};

/// `twox128("SubtensorModule")`.
const MODULE: &str = "0x658faa385070e074c85bf6b568cf0555";
/// `Tempo`, `Keys`.
const TEMPO: &str = "7641384bb339f3758acddfd7053d3317";
const KEYS: &str = "9f99a2ce711f3a31b2fc05604c93f179";

async fn state_call(fixture: &Fixture, function: &str, arguments: impl Encode) -> Vec<u8> {
    let arguments = format!("0x{}", hex::encode(arguments.encode()));
    let answer = fixture.call("state_call", rpc_params![function, arguments]).await;
    unhex(answer.as_str().unwrap())
}

#[tokio::test]
async fn items_are_under_the_chains_keys() {
    let fixture = Fixture::new().await;
    let tempo = fixture
        .call("state_getStorage", rpc_params![format!("{MODULE}{TEMPO}0100")])
        .await;
    assert_eq!(tempo, "0x0a00");
    assert_eq!(
        fixture
            .call("state_getStorage", rpc_params![format!("{MODULE}{TEMPO}0900")])
            .await,
        Value::Null
    );
    let prefix = format!("{MODULE}{KEYS}0100");
    let page = fixture.call("state_getKeysPaged", rpc_params![&prefix, 2]).await;
    assert_eq!(page, json!([format!("{prefix}0000"), format!("{prefix}0100")]));
    let rest = fixture
        .call("state_getKeysPaged", rpc_params![&prefix, 9, &page[1]])
        .await;
    assert_eq!(rest, json!([format!("{prefix}0200")]));
    let found = fixture
        .call("state_queryStorageAt", rpc_params![[&rest[0], &json!("0x1234")]])
        .await;
    let hotkey = format!("0x{}", hex::encode(key(2).hotkey().as_bytes()));
    assert_eq!(found[0]["changes"], json!([[rest[0], hotkey], ["0x1234", null]]));
    let error = fixture
        .client
        .request::<Value, _>("state_getKeysPaged", rpc_params!["0x", 1001])
        .await;
    assert!(
        error
            .unwrap_err()
            .to_string()
            .contains("count exceeds maximum value. value: 1001, max: 1000")
    );
}

#[tokio::test]
async fn an_older_block_answers_its_own_state_until_it_is_discarded() {
    let fixture = Fixture::new().await;
    // Weights of UID 0, index 1: the key is looked up once it is there.
    fixture.node.produce_blocks(1).await;
    let before = format!("0x{}", hex::encode(fixture.hash_at(1).await));
    let all = |hash: Option<String>| {
        fixture.call("state_getKeysPaged", rpc_params![MODULE, 1000, Value::Null, hash])
    };
    let older = all(None).await;
    fixture
        .include(&key(0), set_weights(&[(1, 1), (2, 1)]))
        .await
        .unwrap();
    let newer = all(None).await;
    let added: Vec<&Value> = newer
        .as_array()
        .unwrap()
        .iter()
        .filter(|key| !older.as_array().unwrap().contains(key))
        .collect();
    assert_eq!(added.len(), 1, "the row of weights");
    let read = |hash: Option<&String>| fixture.call("state_getStorage", rpc_params![added[0], hash]);
    assert_eq!(read(None).await, "0x080100ffff0200ffff");
    assert_eq!(read(Some(&before)).await, Value::Null);
    assert_eq!(all(Some(before.clone())).await, older);

    fixture.node.produce_blocks(300).await;
    assert_eq!(read(None).await, "0x080100ffff0200ffff");
    let gone = fixture
        .client
        .request::<Value, _>("state_getStorage", rpc_params![added[0], &before])
        .await;
    let expected = format!("Client error: UnknownBlock: State already discarded for {before}");
    assert!(gone.unwrap_err().to_string().contains(&expected));
    assert_eq!(
        fixture.call("chain_getHeader", rpc_params![&before]).await["number"],
        "0x1"
    );
    let unknown = format!("0x{}", "11".repeat(32));
    let error = fixture
        .client
        .request::<Value, _>("state_getStorage", rpc_params!["0x00", &unknown])
        .await;
    assert!(
        error
            .unwrap_err()
            .to_string()
            .contains("Header was not found in the database")
    );
}

#[tokio::test]
async fn the_metagraph_has_what_is_asked_for() {
    let fixture = Fixture::new().await;
    fixture
        .include(&key(0), set_weights(&[(1, 1), (2, 1)]))
        .await
        .unwrap();
    // Netuid, hotkeys, permits, last updates.
    let function = "SubnetInfoRuntimeApi_get_selective_metagraph";
    let answer = state_call(&fixture, function, (NETUID, vec![0_u16, 52, 57, 59])).await;
    let some = [vec![1], Compact(NETUID).encode()].concat();
    let hotkeys: Vec<[u8; 32]> = (0..3).map(|seed| *key(seed).hotkey().as_bytes()).collect();
    let expected = [
        some,
        vec![0; 51],
        Some(hotkeys).encode(),
        vec![0; 4],
        Some(vec![true, false, true]).encode(),
        vec![0],
        Some(vec![Compact(1_u64), Compact(0), Compact(0)]).encode(),
        vec![0; 17],
    ];
    assert_eq!(hex::encode(answer), hex::encode(expected.concat()));

    let function = "SubnetInfoRuntimeApi_get_selective_mechagraph";
    for (netuid, mechanism, exists) in [(NETUID, 1, true), (NETUID, 2, false), (9, 0, false)] {
        let every: Vec<u16> = (0..80).collect();
        let answer = state_call(&fixture, function, (netuid, mechanism as u8, every)).await;
        assert_eq!(answer.first(), Some(&u8::from(exists)), "{netuid} {mechanism}");
    }
}

#[tokio::test]
async fn epochs_run_a_tempo_apart() {
    let fixture = Fixture::new().await;
    let function = "SubnetInfoRuntimeApi_get_next_epoch_start_block";
    let next = || async {
        let answer = state_call(&fixture, function, NETUID).await;
        Option::<u64>::decode(&mut answer.as_slice()).unwrap()
    };
    assert_eq!(next().await, Some(10));
    fixture.node.produce_blocks(9).await;
    assert_eq!(next().await, Some(10));
    fixture.node.produce_blocks(1).await;
    assert_eq!(next().await, Some(20));
}

#[tokio::test]
async fn the_runtime_is_the_recorded_one() {
    let fixture = Fixture::new().await;
    let metadata = fixture.call("state_getMetadata", rpc_params![]).await;
    assert!(metadata.as_str().unwrap().starts_with("0x6d6574610f"));
    assert_eq!(
        Vec::<u32>::decode(&mut &*state_call(&fixture, "Metadata_metadata_versions", ()).await),
        Ok(vec![15])
    );
    let at_version = state_call(&fixture, "Metadata_metadata_at_version", 15_u32).await;
    let bytes = Option::<Vec<u8>>::decode(&mut at_version.as_slice())
        .unwrap()
        .unwrap();
    assert_eq!(bytes, unhex(metadata.as_str().unwrap()));
    assert_eq!(
        state_call(&fixture, "Metadata_metadata_at_version", 14_u32).await,
        [0]
    );
    let version = fixture.call("state_getRuntimeVersion", rpc_params![]).await;
    assert_eq!(
        (&version["specName"], &version["specVersion"]),
        (&json!("node-subtensor"), &json!(461))
    );
    assert_eq!(version["transactionVersion"], 1);
    let error = fixture
        .client
        .request::<Value, _>("state_call", rpc_params!["No_such", "0x"])
        .await;
    assert!(
        error
            .unwrap_err()
            .to_string()
            .contains("Exported method No_such is not found")
    );
    let error = fixture
        .client
        .request::<Value, _>("author_rotateKeys", rpc_params![])
        .await;
    assert!(error.unwrap_err().to_string().contains("Method not found"));
}

#[tokio::test]
async fn a_verdict_can_be_asked_for_without_submitting() {
    let fixture = Fixture::new().await;
    let draft = fixture.draft(&key(0), set_weights(&[(1, 1), (2, 1)])).await;
    let ask = |extrinsic: Vec<u8>| {
        let arguments = [vec![2], extrinsic, vec![0; 32]].concat();
        let arguments = format!("0x{}", hex::encode(arguments));
        fixture.call(
            "state_call",
            rpc_params!["TaggedTransactionQueue_validate_transaction", arguments],
        )
    };
    assert!(
        ask(draft.sign(&key(0)))
            .await
            .as_str()
            .unwrap()
            .starts_with("0x000100000000000000")
    );
    let forged = draft.with_signature(&key(0).hotkey(), [0; 64]);
    assert_eq!(ask(forged).await, "0x010004");
    assert!(fixture.node.accepted_extrinsics().is_empty());
}
