//! A key that sets the weights of a hotkey that is not on this machine.

use platform_chain::{
    Account, Chain, Inclusion, Retry, RevealState, SignedExtrinsic, Submitter, WeightsCall,
};
use platform_devnet::{Devnet, DevnetConfig, ProxyGenesis};
use platform_domain::{BlockNumber, Uid};
use platform_keys::Keypair;

use crate::{
    node::{MAIN, NETUID, call, config, failure, subnet, validator},
    sealed::{Committed, begin, hidden, outcome, timed},
};

fn proxy() -> Submitter {
    Submitter {
        key: Keypair::from_seed([7; 32]),
        real: Some(validator().hotkey()),
    }
}

fn with(config: DevnetConfig, kinds: &[(&str, u32)]) -> DevnetConfig {
    let delegation = |(kind, delay): &(&str, u32)| ProxyGenesis {
        real: validator().hotkey(),
        delegate: proxy().key.hotkey(),
        kind: (*kind).to_owned(),
        delay: *delay,
    };
    let mut config = config;
    config.genesis.proxies = kinds.iter().map(delegation).collect();
    config
}

async fn send(devnet: &Devnet, chain: &Chain, call: &WeightsCall) -> SignedExtrinsic {
    let composed = chain.compose(&proxy(), call).await.unwrap();
    assert!(composed.proxied);
    let signed = chain.sign(&proxy(), &composed).await.unwrap();
    chain.submit(&signed).await.unwrap();
    devnet.produce_blocks(1).await;
    signed
}

async fn failures(chain: &Chain, call: &WeightsCall) -> Vec<&'static str> {
    let preflight = chain.preflight(&proxy(), call).await.unwrap();
    preflight.failures().map(|check| check.name).collect()
}

#[tokio::test]
async fn a_proxy_sets_the_weights_of_the_hotkey() {
    let (devnet, chain) = begin(with(config(subnet()), &[("Any", 0)])).await;
    assert_eq!(failures(&chain, &call(&[(1, 1)])).await, [""; 0]);
    let signed = send(&devnet, &chain, &call(&[(1, 1)])).await;
    let now = chain.inclusion(&signed).await.unwrap();
    assert!(
        matches!(now, Inclusion::Included { outcome: Ok(()), .. }),
        "{now:?}"
    );
    assert_eq!(devnet.weights(NETUID, MAIN, Uid(0)), [(Uid(1), 65535)]);
    assert_eq!(devnet.accepted_extrinsics()[0].signer, proxy().key.hotkey());
}

#[tokio::test]
async fn a_proxy_commits_and_the_payload_is_the_hotkeys() {
    let (devnet, chain) = begin(with(timed(hidden()), &[("NonTransfer", 0)])).await;
    let vector = call(&[(2, 65535)]);
    assert_eq!(failures(&chain, &vector).await, [""; 0]);
    let composed = chain.compose(&proxy(), &vector).await.unwrap();
    let signed = chain.sign(&proxy(), &composed).await.unwrap();
    chain.submit(&signed).await.unwrap();
    devnet.produce_blocks(3).await;
    let committed = Committed {
        sealed: composed.sealed.unwrap(),
        block: BlockNumber(1),
        signed,
    };
    let (_, state) = outcome(&devnet, &chain, &vector, &committed).await;
    assert!(
        matches!(state, RevealState::Revealed { block: Some(_) }),
        "{state:?}"
    );
}

#[tokio::test]
async fn what_fails_inside_a_proxys_call_is_the_outcome_though_the_call_succeeds() {
    let mut strict = subnet();
    strict.weights_version = 5;
    let (devnet, chain) = begin(with(config(strict), &[("Any", 0)])).await;
    assert_eq!(
        failures(&chain, &call(&[(1, 1)])).await,
        ["IncorrectWeightVersionKey"]
    );
    let signed = send(&devnet, &chain, &call(&[(1, 1)])).await;
    assert_eq!(
        failure(&chain, &signed).await,
        "SubtensorModule.IncorrectWeightVersionKey"
    );
    assert_eq!(devnet.weights(NETUID, MAIN, Uid(0)), []);
}

#[tokio::test]
async fn who_may_not_act_for_the_hotkey_is_told_so_before_and_after() {
    for (kinds, check, error) in [
        (&[][..], "NotProxy", "Proxy.NotProxy"),
        (&[("Any", 9)], "Unannounced", "Proxy.Unannounced"),
        (&[("Staking", 0)], "ProxyType", "System.CallFiltered"),
        // The chain takes the first by type: Owner comes before NonTransfer.
        (
            &[("NonTransfer", 0), ("Owner", 0)],
            "ProxyType",
            "System.CallFiltered",
        ),
    ] {
        let (devnet, chain) = begin(with(config(subnet()), kinds)).await;
        assert_eq!(failures(&chain, &call(&[(1, 1)])).await, [check]);
        let signed = send(&devnet, &chain, &call(&[(1, 1)])).await;
        assert_eq!(failure(&chain, &signed).await, error);
        let Inclusion::Included {
            outcome: Err(failed), ..
        } = chain.inclusion(&signed).await.unwrap()
        else {
            panic!("it should have failed");
        };
        assert_ne!(Retry::after(&failed), Retry::NextBlock, "the nonce is spent");
    }
}

#[test]
fn a_submitter_shows_addresses_only_and_knows_whose_weights_they_are() {
    let (itself, proxy) = (Submitter::from(validator()), proxy());
    assert_eq!(itself.hotkey(), validator().hotkey());
    assert_eq!(proxy.hotkey(), validator().hotkey());
    assert_eq!(Account::from(&itself), Account::from(validator().hotkey()));
    assert_eq!(Account::from(&proxy).proxy, Some(proxy.key.hotkey()));
    let shown = format!("{proxy:?}");
    assert!(shown.contains(&validator().hotkey().to_string()) && !shown.contains("07, 07"));
}
