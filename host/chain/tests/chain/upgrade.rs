//! A runtime upgrade in the middle of a session. The test node has one runtime only, so here a server answers
//! just the questions that signing asks, and changes its spec version in between.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use jsonrpsee::{
    RpcModule,
    server::{Server, ServerHandle},
    types::ErrorObjectOwned,
};
use parity_scale_codec::Encode;
use platform_chain::{Chain, ChainConfig, SignedExtrinsic};
use platform_keys::verify;
use serde_json::json;

use crate::node::{call, validator};

const METADATA: &[u8] = include_bytes!("../../../devnet/metadata/spec-461-v15.scale");
const HASH: [u8; 32] = [0x11; 32];

/// What the server is at, and how often its metadata was read.
struct Upgrading {
    spec: AtomicU32,
    metadata_reads: AtomicU32,
}

type Answer = Result<serde_json::Value, ErrorObjectOwned>;

fn hex_text(bytes: &[u8]) -> String {
    format!("0x{}", hex::encode(bytes))
}

/// Answers `state_call`: metadata in version 15 and in no other.
fn metadata(state: &Upgrading, function: &str, arguments: &str) -> String {
    assert_eq!(function, "Metadata_metadata_at_version");
    let found = (arguments == "0x0f000000").then(|| {
        state.metadata_reads.fetch_add(1, Ordering::SeqCst);
        METADATA.to_vec()
    });
    hex_text(&found.encode())
}

async fn serve(state: Arc<Upgrading>) -> (String, ServerHandle) {
    let header = json!({
        "parentHash": hex_text(&[0; 32]),
        "number": "0x3e8",
        "stateRoot": hex_text(&[0; 32]),
        "extrinsicsRoot": hex_text(&[0; 32]),
        "digest": { "logs": [] },
    });
    let mut module = RpcModule::from_arc(state);
    for hash in ["chain_getBlockHash", "chain_getFinalizedHead"] {
        module.register_method(hash, |_, _, _| hex_text(&HASH)).unwrap();
    }
    let header = move |_: jsonrpsee::types::Params<'_>, _: &Upgrading, _: &_| header.clone();
    module.register_method("chain_getHeader", header).unwrap();
    let version = |_: jsonrpsee::types::Params<'_>, state: &Upgrading, _: &_| json!({ "specVersion": state.spec.load(Ordering::SeqCst), "transactionVersion": 1 });
    module
        .register_method("state_getRuntimeVersion", version)
        .unwrap();
    let metadata = |params: jsonrpsee::types::Params<'_>, state: &Upgrading, _: &_| -> Answer {
        let (function, arguments, _): (String, String, Option<String>) = params.parse()?;
        Ok(metadata(state, &function, &arguments).into())
    };
    module.register_method("state_call", metadata).unwrap();
    // Commit-reveal is off.
    module
        .register_method("state_getStorage", |_, _, _| "0x00")
        .unwrap();
    module
        .register_method("system_accountNextIndex", |_, _, _| 7)
        .unwrap();

    let server = Server::builder().build("127.0.0.1:0").await.unwrap();
    let endpoint = format!("ws://{}", server.local_addr().unwrap());
    (endpoint, server.start(module))
}

/// Whether the extrinsic is signed for this spec version.
fn is_signed_for(signed: &SignedExtrinsic, spec: u32) -> bool {
    // Two bytes of length, version, address type, account, signature type, signature; era, nonce, tip, mode.
    let (head, rest) = signed.bytes.split_at(2 + 1 + 1 + 32 + 1 + 64);
    let (extra, call) = rest.split_at(5);
    assert_eq!(extra, [0x86, 0x06, 7 << 2, 0, 0]);
    let signature = head[head.len() - 64..].try_into().unwrap();
    let implicit = [&spec.to_le_bytes()[..], &1_u32.to_le_bytes(), &HASH, &HASH, &[0]].concat();
    verify(
        &validator().hotkey(),
        &[call, extra, &implicit].concat(),
        signature,
    )
}

#[tokio::test]
async fn after_an_upgrade_the_metadata_is_read_again_and_the_new_version_is_signed() {
    let state = Arc::new(Upgrading {
        spec: AtomicU32::new(461),
        metadata_reads: AtomicU32::new(0),
    });
    let (endpoint, server) = serve(Arc::clone(&state)).await;
    let rpc_timeout = Duration::from_secs(10);
    let config = ChainConfig {
        endpoint,
        rpc_timeout,
        genesis: None,
    };
    let chain = Chain::connect(config).await.unwrap();
    let sign = async || chain.sign_weights(&validator(), &call(&[(1, 1)])).await.unwrap();
    let reads = || state.metadata_reads.load(Ordering::SeqCst);

    let before = sign().await;
    assert!(is_signed_for(&before, 461));
    assert_eq!(reads(), 1);

    state.spec.store(462, Ordering::SeqCst);
    let after = sign().await;
    assert!(is_signed_for(&after, 462) && !is_signed_for(&after, 461));
    assert_eq!(reads(), 2);
    sign().await;
    assert_eq!(reads(), 2);
    server.stop().unwrap();
}
