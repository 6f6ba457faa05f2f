//! What is read of a subnet.

use platform_chain::ChainError;
use platform_devnet::SubnetGenesis;
use platform_domain::{BlockHash, BlockNumber, MechanismId, Netuid, Neuron, Uid};

use crate::node::{MAIN, NETUID, call, miner, other_miner, send, start, subnet, validator};

#[tokio::test]
async fn the_metagraph_has_every_neuron_at_its_uid_and_the_owner() {
    let (devnet, chain) = start(subnet()).await;
    devnet.produce_blocks(3).await;
    let metagraph = chain.metagraph(NETUID).await.unwrap();
    assert_eq!((metagraph.block(), metagraph.block_hash()), devnet.best_block());
    assert_eq!(metagraph.netuid(), NETUID);
    assert_eq!(metagraph.owner(), Some(validator().hotkey()));
    let keys = [validator(), miner(), other_miner()].map(|key| key.hotkey());
    let stakes = [(1_000_000, true), (0, false), (0, false)];
    let neurons = keys.into_iter().zip(stakes);
    let neurons: Vec<_> = neurons
        .map(|(hotkey, (stake, validator_permit))| Neuron {
            hotkey,
            stake,
            validator_permit,
        })
        .collect();
    let found: Vec<_> = metagraph.registered().map(|(_, neuron)| *neuron).collect();
    assert_eq!(found, neurons);
    assert_eq!(metagraph.uid_of(&miner().hotkey()), Some(Uid(1)));
}

#[tokio::test]
async fn a_subnet_without_neurons_or_owner_is_read_all_the_same() {
    let (_devnet, chain) = start(SubnetGenesis {
        netuid: NETUID,
        ..SubnetGenesis::default()
    })
    .await;
    let metagraph = chain.metagraph(NETUID).await.unwrap();
    assert_eq!((metagraph.registered().count(), metagraph.owner()), (0, None));
}

#[tokio::test]
async fn the_rules_are_those_of_the_block_that_was_asked_for() {
    let (devnet, chain) = start(SubnetGenesis {
        tempo: 99,
        weights_rate_limit: 7,
        min_allowed_weights: 2,
        weights_version: 5,
        ..subnet()
    })
    .await;
    let (number, before) = chain.best_block().await.unwrap();
    assert_eq!(number, BlockNumber(0));
    let rules = chain.subnet(NETUID, MAIN, before).await.unwrap();
    assert_eq!(
        (rules.neurons, rules.tempo, rules.min_allowed_weights),
        (3, 99, 2)
    );
    assert_eq!((rules.weights_version, rules.weights_rate_limit), (5, 7));
    assert!(!rules.commit_reveal);
    assert_eq!(rules.max_weight_limit, u16::MAX);

    devnet.produce_blocks(10).await;
    let mut weights = call(&[(1, 65535), (2, 1)]);
    weights.version_key = 5;
    send(&devnet, &chain, &validator(), &weights).await;
    let (at, after) = chain.best_block().await.unwrap();
    let rules = chain.subnet(NETUID, MAIN, after).await.unwrap();
    assert_eq!(rules.last_update[0], at);
    let rules = chain.subnet(NETUID, MAIN, before).await.unwrap();
    assert_ne!(rules.last_update[0], at);
}

#[tokio::test]
async fn each_mechanism_has_its_own_weights_and_last_update() {
    const SECOND: MechanismId = MechanismId(1);
    let (devnet, chain) = start(SubnetGenesis {
        mechanisms: 2,
        ..subnet()
    })
    .await;
    devnet.produce_blocks(1).await;
    let mut weights = call(&[(2, 65535)]);
    weights.mechanism = SECOND;
    send(&devnet, &chain, &validator(), &weights).await;
    let (number, at) = chain.best_block().await.unwrap();
    let read = |mechanism| chain.weights(NETUID, mechanism, Uid(0), at);
    assert_eq!(read(SECOND).await.unwrap(), [(Uid(2), 65535)]);
    assert_eq!(read(MAIN).await.unwrap(), []);
    let second = chain.subnet(NETUID, SECOND, at).await.unwrap();
    assert_eq!((second.mechanism, second.last_update[0]), (SECOND, number));
    let main = chain.subnet(NETUID, MAIN, at).await.unwrap();
    assert_ne!(main.last_update[0], number);
    let third = chain.subnet(NETUID, MechanismId(2), at).await;
    assert!(matches!(third, Err(ChainError::NoMechanism { .. })), "{third:?}");
}

#[tokio::test]
async fn what_is_not_there_is_said_to_be_not_there() {
    let (_devnet, chain) = start(subnet()).await;
    let absent = Netuid(77);
    assert!(matches!(
        chain.metagraph(absent).await,
        Err(ChainError::NoSubnet(Netuid(77)))
    ));
    let (_, best) = chain.best_block().await.unwrap();
    let rules = chain.subnet(absent, MAIN, best).await;
    assert!(matches!(rules, Err(ChainError::NoSubnet(Netuid(77)))));
    let nowhere = BlockHash([0xab; 32]);
    let rules = chain.subnet(NETUID, MAIN, nowhere).await;
    assert!(
        matches!(rules, Err(ChainError::BlockUnavailable(block)) if block == nowhere),
        "{rules:?}"
    );
    assert_eq!(chain.weights(NETUID, MAIN, Uid(2), best).await.unwrap(), []);
}
