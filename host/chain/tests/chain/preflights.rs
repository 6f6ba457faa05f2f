//! What a preflight foresees is what then happens, by the same name.

use platform_chain::{ChainError, Rejection, Verdict, WeightsCall};
use platform_devnet::{Devnet, DevnetConfig, RuntimeAge, SubnetGenesis};
use platform_domain::{MechanismId, Netuid, Uid};
use platform_keys::Keypair;

use crate::{
    node::{call, config, connect, failure, miner, refused, send, sign, start, strict, subnet, validator},
    sealed::begin,
};

async fn failures(chain: &platform_chain::Chain, key: &Keypair, call: &WeightsCall) -> Vec<&'static str> {
    let preflight = chain.preflight(key.hotkey(), call).await.unwrap();
    preflight.failures().map(|check| check.name).collect()
}

#[tokio::test]
async fn every_check_that_fails_in_a_block_is_foreseen_by_name() {
    let (devnet, chain, good) = strict().await;
    assert_eq!(failures(&chain, &validator(), &good).await, [""; 0]);
    for (key, call, name) in refused(&good) {
        assert_eq!(failures(&chain, &key, &call).await, [name]);
        let signed = send(&devnet, &chain, &key, &call).await;
        assert_eq!(failure(&chain, &signed).await, format!("SubtensorModule.{name}"));
    }
}

#[tokio::test]
async fn what_the_pool_refuses_is_foreseen() {
    let mut config = config(SubnetGenesis {
        owner: miner().hotkey(),
        weights_rate_limit: 50,
        ..subnet()
    });
    config.genesis.stake_threshold = 1_000_001;
    let devnet = Devnet::start(config).await.unwrap();
    let chain = connect(&devnet).await.unwrap();
    assert_eq!(
        failures(&chain, &validator(), &call(&[(1, 1)])).await,
        ["NotEnoughStakeToSetWeights"]
    );
    // The owner needs no stake and no permit, but has to wait like everybody.
    assert_eq!(failures(&chain, &miner(), &call(&[(2, 1)])).await, [""; 0]);
    send(&devnet, &chain, &miner(), &call(&[(2, 1)])).await;
    let signed = sign(&chain, &miner(), &call(&[(2, 1)])).await;
    for blocks in [48, 1] {
        assert_eq!(
            failures(&chain, &miner(), &call(&[(2, 1)])).await,
            ["SettingWeightsTooFast"]
        );
        let refused = chain.submit(&signed).await.unwrap_err();
        assert!(
            matches!(&refused, ChainError::Rejected(why) if *why == Rejection::RATE_LIMITED),
            "{refused:?}"
        );
        devnet.produce_blocks(blocks).await;
    }
    assert_eq!(failures(&chain, &miner(), &call(&[(2, 1)])).await, [""; 0]);
    chain.submit(&signed).await.unwrap();
}

#[tokio::test]
async fn a_preflight_goes_on_after_the_first_failure_and_says_what_it_cannot_tell() {
    let (_devnet, chain) = start(subnet()).await;
    let bad = WeightsCall {
        netuid: Netuid(77),
        mechanism: MechanismId(200),
        uids: vec![Uid(1), Uid(1)],
        values: vec![0],
        version_key: 0,
    };
    let preflight = chain.preflight(validator().hotkey(), &bad).await.unwrap();
    assert_eq!(preflight.block, chain.best_block().await.unwrap());
    let failed: Vec<_> = preflight.failures().map(|check| check.name).collect();
    for name in [
        "SubnetNotExists",
        "WeightVecNotEqualSize",
        "DuplicateUids",
        "NoWeights",
    ] {
        assert!(failed.contains(&name), "{failed:?}");
    }
    let unknown = preflight
        .checks
        .iter()
        .filter(|check| check.verdict == Verdict::Unknown);
    assert!(unknown.count() > 3, "{preflight:?}");
    assert!(!preflight.passes());
}

#[tokio::test]
async fn an_old_runtime_takes_the_plain_call_without_a_mechanism() {
    let old = DevnetConfig {
        runtime: RuntimeAge::Old,
        ..config(subnet())
    };
    let (devnet, chain) = begin(old).await;
    assert_eq!(failures(&chain, &validator(), &call(&[(1, 1)])).await, [""; 0]);
    let composed = chain
        .compose(validator().hotkey(), &call(&[(1, 1)]))
        .await
        .unwrap();
    assert_eq!(composed.call, "set_weights");
    assert!(composed.data.starts_with(&[7, 0, 1, 0]));
    send(&devnet, &chain, &validator(), &call(&[(1, 1)])).await;
    let (_, best) = devnet.best_block();
    let row = chain
        .weights(Netuid(1), MechanismId(0), Uid(0), best)
        .await
        .unwrap();
    assert_eq!(row, [(Uid(1), 65535)]);
    let elsewhere = WeightsCall {
        mechanism: MechanismId(1),
        ..call(&[(1, 1)])
    };
    assert!(
        failures(&chain, &validator(), &elsewhere)
            .await
            .contains(&"MechanismDoesNotExist")
    );
}
