//! Commit-reveal, the first half: what is filed, and what is refused.

use parity_scale_codec::{Decode, Encode};
use platform_devnet::Genesis;
use platform_keys::Keypair;

use crate::wallet::{Fixture, blake2_256, commit, genesis, key, set_weights};

/// `(who, block, ciphertext, round)`, as the chain keeps them.
type Queue = Vec<([u8; 32], u64, Vec<u8>, u64)>;

/// The subnet of most tests with commit-reveal, and no limit on how often.
pub(crate) fn hidden() -> Genesis {
    let mut genesis = genesis();
    genesis.subnets[0].commit_reveal = true;
    genesis.subnets[0].weights_rate_limit = 0;
    genesis
}

/// What waits, by storage index and epoch.
pub(crate) async fn waiting(fixture: &Fixture) -> Vec<((u16, u64), Queue)> {
    let mut found = Vec::new();
    let prefix = Fixture::prefix("SubtensorModule", "TimelockedWeightCommits");
    for key in fixture.keys(&prefix).await {
        // `Twox64Concat` twice: eight bytes of hash before each part.
        let index = u16::decode(&mut &key[40..42]).unwrap();
        let epoch = u64::decode(&mut &key[50..]).unwrap();
        let queue = fixture.storage(&key).await.unwrap();
        found.push(((index, epoch), Queue::decode(&mut queue.as_slice()).unwrap()));
    }
    found.sort();
    found
}

#[tokio::test]
async fn a_commit_is_filed_under_its_epoch_and_announced() {
    let fixture = Fixture::with(hidden()).await;
    let who = *key(0).hotkey().as_bytes();
    fixture
        .include(&key(0), commit(None, b"sealed", 77, 4))
        .await
        .unwrap();
    assert_eq!(
        waiting(&fixture).await,
        [((1, 0), vec![(who, 1, b"sealed".to_vec(), 77)])]
    );
    let hash = blake2_256(b"sealed");
    // Event 0x6c of pallet 7: who, storage index, hash, round; then success, Normal and free.
    let expected = [
        vec![0, 1, 0, 0, 0, 7, 0x6c],
        (who, 1_u16, hash, 77_u64).encode(),
        vec![0],
    ]
    .concat();
    let events = fixture.events().await;
    assert!(events.contains(&hex::encode(expected)), "{events}");
    assert!(events.ends_with("000100000000000000000100"), "{events}");

    // The second mechanism has an index of its own, and the tenth block is already of the next epoch.
    fixture.node.produce_blocks(8).await;
    fixture
        .include(&key(0), commit(Some(1), b"more", 78, 4))
        .await
        .unwrap();
    let filed: Vec<_> = waiting(&fixture).await.into_iter().map(|(key, _)| key).collect();
    assert_eq!(filed, [(1, 0), (4097, 1)]);
}

/// Each row breaks one rule and all that come after it, so that the order shows.
#[tokio::test]
async fn commits_are_refused_in_the_chains_order() {
    let mut open = hidden();
    open.stake_threshold = 0;
    let mut plain = open.clone();
    plain.subnets[0].commit_reveal = false;
    let stranger = key(50);
    let rows: [(&str, u8, &Genesis, &Keypair, Vec<u8>); 4] = [
        (
            "MechanismDoesNotExist",
            74,
            &plain,
            &stranger,
            commit(Some(2), b"", 9, 3),
        ),
        (
            "CommitRevealDisabled",
            54,
            &plain,
            &stranger,
            commit(Some(1), b"", 9, 3),
        ),
        (
            "IncorrectCommitRevealVersion",
            111,
            &open,
            &stranger,
            commit(None, b"", 9, 3),
        ),
        (
            "HotKeyNotRegisteredInSubNet",
            4,
            &open,
            &stranger,
            commit(None, b"", 9, 4),
        ),
    ];
    for (name, error, genesis, signer, call) in rows {
        let fixture = Fixture::with(genesis.clone()).await;
        fixture.include(signer, call).await.unwrap();
        failed(&fixture, name, error).await;
        assert!(waiting(&fixture).await.is_empty(), "{name}");
    }
}

/// The last event is that of extrinsic 1, which failed with an error of pallet 7.
async fn failed(fixture: &Fixture, name: &str, error: u8) {
    let events = fixture.events().await;
    let expected = format!("0001000000000103{:02x}{error:02x}0000000000000100", 7);
    assert!(events.ends_with(&expected), "{name}: {events}");
}

#[tokio::test]
async fn commits_keep_the_rate_limit_in_the_block_and_not_in_the_pool() {
    let mut genesis = hidden();
    genesis.subnets[0].weights_rate_limit = 3;
    let fixture = Fixture::with(genesis).await;
    let send = async |block| {
        fixture
            .include(&key(0), commit(None, b"sealed", 9, 4))
            .await
            .unwrap();
        assert_eq!(fixture.node.best_block().0.0, block);
    };
    send(1).await;
    send(2).await;
    failed(&fixture, "CommittingWeightsTooFast", 81).await;
    send(3).await;
    failed(&fixture, "CommittingWeightsTooFast", 81).await;
    send(4).await;
    assert_eq!(waiting(&fixture).await[0].1.len(), 2);
}

#[tokio::test]
async fn an_eleventh_commit_of_an_epoch_is_refused_and_one_of_another_hotkey_is_not() {
    let mut genesis = hidden();
    genesis.subnets[0].tempo = 100;
    let fixture = Fixture::with(genesis).await;
    for _ in 0..10 {
        fixture
            .include(&key(0), commit(None, b"sealed", 9, 4))
            .await
            .unwrap();
    }
    assert_eq!(waiting(&fixture).await[0].1.len(), 10);
    fixture
        .include(&key(0), commit(None, b"sealed", 9, 4))
        .await
        .unwrap();
    failed(&fixture, "TooManyUnrevealedCommits", 77).await;
    fixture
        .include(&key(1), commit(None, b"sealed", 9, 4))
        .await
        .unwrap();
    assert_eq!(waiting(&fixture).await[0].1.len(), 11);
}

#[tokio::test]
async fn a_commit_of_five_thousand_bytes_is_taken_and_a_longer_one_does_not_decode() {
    let fixture = Fixture::with(hidden()).await;
    fixture
        .include(&key(0), commit(None, &[7; 5000], 9, 4))
        .await
        .unwrap();
    assert_eq!(waiting(&fixture).await[0].1[0].2.len(), 5000);
    let error = fixture.include(&key(0), commit(None, &[7; 5001], 9, 4)).await;
    assert_eq!(error.unwrap_err().code(), 1002);
}

#[tokio::test]
async fn commits_without_stake_never_reach_a_block() {
    let fixture = Fixture::with(hidden()).await;
    let error = fixture
        .include(&key(2), commit(None, b"sealed", 9, 4))
        .await
        .unwrap_err();
    assert!(
        error.data().unwrap().get().contains("Custom error: 1"),
        "{error:?}"
    );
}

#[tokio::test]
async fn plain_weights_are_refused_where_weights_are_committed() {
    let fixture = Fixture::with(hidden()).await;
    fixture
        .include(&key(0), set_weights(&[(1, 1), (2, 1)]))
        .await
        .unwrap();
    failed(&fixture, "CommitRevealEnabled", 53).await;
    assert_eq!(fixture.weights(0, 0), []);
}
