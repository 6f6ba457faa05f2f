//! A runtime upgrade in the middle of a session: on the test node, and with a server that answers just the questions that signing
//! asks and counts how often its metadata is read.

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
use platform_chain::{
    Chain, ChainConfig, ChainError, Composed, Inclusion, Rejection, Retry, SignedExtrinsic, Submitter,
};
use platform_keys::verify;
use serde_json::json;

use crate::node::{call, quicknet, send, sign, start, subnet, validator};

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
        endpoints: vec![endpoint],
        rpc_timeout,
        genesis: None,
        beacon: quicknet(),
    };
    let chain = Chain::connect(config).await.unwrap();
    let submitter = Submitter::from(validator());
    let sign = async |spec_version| {
        let composed = Composed {
            call: "set_mechanism_weights",
            data: hex::decode("0777010000080000050008ffff6400509e980000000000").unwrap(),
            sealed: None,
            proxied: false,
            spec_version,
        };
        chain.sign(&submitter, &composed).await
    };
    let reads = || state.metadata_reads.load(Ordering::SeqCst);

    let before = sign(461).await.unwrap();
    assert!(is_signed_for(&before, 461));
    assert_eq!(reads(), 1);

    state.spec.store(462, Ordering::SeqCst);
    let outdated = sign(461).await.unwrap_err();
    assert!(
        matches!(
            outdated,
            ChainError::Upgraded {
                composed: 461,
                current: 462
            }
        ),
        "{outdated:?}"
    );
    let after = sign(462).await.unwrap();
    assert!(is_signed_for(&after, 462) && !is_signed_for(&after, 461));
    assert_eq!(reads(), 2);
    sign(462).await.unwrap();
    assert_eq!(reads(), 2);
    server.stop().unwrap();
}

#[tokio::test]
async fn what_was_signed_before_an_upgrade_is_refused_and_what_is_signed_after_it_is_taken() {
    let (devnet, chain) = start(subnet()).await;
    let submitter = Submitter::from(validator());
    let composed = chain.compose(&submitter, &call(&[(1, 1)])).await.unwrap();
    let before = chain.sign(&submitter, &composed).await.unwrap();
    devnet.faults().upgrade_runtime(462);
    devnet.produce_blocks(1).await;
    let refused = chain.submit(&before).await.unwrap_err();
    assert!(
        matches!(refused, ChainError::Rejected(Rejection::BadProof)),
        "{refused:?}"
    );
    assert_eq!(Retry::after(&refused), Retry::Resign);
    let outdated = chain.sign(&submitter, &composed).await.unwrap_err();
    assert!(matches!(outdated, ChainError::Upgraded { .. }), "{outdated:?}");
    assert_eq!(Retry::after(&outdated), Retry::Resign);

    let after = send(&devnet, &chain, &validator(), &call(&[(1, 1)])).await;
    let now = chain.inclusion(&after).await.unwrap();
    assert!(
        matches!(now, Inclusion::Included { outcome: Ok(()), .. }),
        "{now:?}"
    );
    assert_eq!(chain.status().await.unwrap().spec_version, 462);
    // Events of the block that upgraded are still read by the runtime that wrote them.
    let late = sign(&chain, &validator(), &call(&[(2, 1)])).await;
    devnet.faults().upgrade_runtime(463);
    chain.submit(&late).await.unwrap();
    devnet.produce_blocks(1).await;
    let now = chain.inclusion(&late).await.unwrap();
    assert!(
        matches!(now, Inclusion::Included { outcome: Ok(()), .. }),
        "{now:?}"
    );
}
