//! Commit-reveal, the second half: pulses, and what is revealed with them. A block takes a second here and so does a round, the
//! genesis of the beacon is 1000 blocks before that of the chain: block `n` writes the pulse of round 1001 + n.

use std::time::{Duration, SystemTime};

use parity_scale_codec::{Decode, Encode};
use platform_devnet::{BeaconGenesis, Clock, DevnetConfig, Hyperparameter};
use platform_domain::{BlockNumber, Netuid, Uid, UnixSeconds};
use platform_timelock::{Epochs, Payload, Pulse, Reveal, RevealPeriod, Round, Schedule};

use crate::{
    commits::{hidden, waiting},
    wallet::{Fixture, commit, key},
};

/// Tempo 10 and a reveal period of 1: what is committed before block 10 is revealed from block 10 to 19.
async fn fixture() -> Fixture {
    Fixture::of(DevnetConfig {
        genesis: hidden(),
        clock: Clock::Blocks {
            start: UnixSeconds(1_700_001_000),
            step: Duration::from_secs(1),
        },
        beacon: Some(BeaconGenesis {
            seed: [3; 32],
            genesis: UnixSeconds(1_700_000_000),
            period: 1,
        }),
        ..DevnetConfig::default()
    })
    .await
}

/// The round whose pulse block `block` writes.
fn round_of(block: u64) -> Round {
    Round::new(1001 + block).unwrap()
}

fn payload(committer: u8, weights: &[(u16, u16)], version_key: u64) -> Vec<u8> {
    Payload {
        hotkey: key(committer).hotkey(),
        weights: weights.iter().map(|(uid, weight)| (Uid(*uid), *weight)).collect(),
        version_key,
    }
    .encode()
}

/// Commits for UID 0, sealed so that the chain can open it when it has the pulse of block `block`.
async fn seal(fixture: &Fixture, mechanism: Option<u8>, content: &[u8], block: u64) {
    let beacon = fixture.node.beacon().unwrap();
    let sealed = beacon.seal(content, round_of(block)).unwrap().encode().unwrap();
    let call = commit(mechanism, &sealed, round_of(block).get(), 4);
    fixture.include(&key(0), call).await.unwrap();
}

async fn to_block(fixture: &Fixture, block: u64) {
    let left = block - fixture.node.best_block().0.0;
    fixture.node.produce_blocks(u32::try_from(left).unwrap()).await;
}

async fn rounds(fixture: &Fixture, item: &str) -> u64 {
    let value = fixture.storage(&Fixture::prefix("Drand", item)).await.unwrap();
    u64::decode(&mut value.as_slice()).unwrap()
}

/// The rounds whose pulses are stored; each is the beacon's.
async fn stored(fixture: &Fixture) -> Vec<u64> {
    let mut rounds = Vec::new();
    for key in fixture.keys(&Fixture::prefix("Drand", "Pulses")).await {
        let pulse = Pulse::decode(&fixture.storage(&key).await.unwrap()).unwrap();
        fixture.node.beacon().unwrap().verify(&pulse).unwrap();
        // `Blake2_128Concat` ends with what it hashes.
        assert!(key.ends_with(&pulse.round.get().to_le_bytes()));
        rounds.push(pulse.round.get());
    }
    rounds.sort_unstable();
    rounds
}

#[tokio::test]
async fn pulses_come_with_the_blocks_and_are_the_beacons() {
    let fixture = fixture().await;
    assert!(stored(&fixture).await.is_empty());
    fixture.node.produce_blocks(3).await;
    assert_eq!(stored(&fixture).await, [1002, 1003, 1004]);
    assert_eq!(rounds(&fixture, "LastStoredRound").await, 1004);
    assert_eq!(rounds(&fixture, "OldestStoredRound").await, 1002);
    // Phase Finalization, NewPulse with one round.
    let events = fixture.events().await;
    assert!(events.ends_with("011a0104ec0300000000000000"), "{events}");
}

#[tokio::test]
async fn a_skipped_pulse_is_missing_for_ever_and_late_ones_come_together() {
    let fixture = fixture().await;
    fixture.node.faults().skip_pulse(Round::new(1003).unwrap());
    fixture.node.produce_blocks(3).await;
    assert_eq!(stored(&fixture).await, [1002, 1004]);
    fixture.node.faults().delay_pulses();
    fixture.node.produce_blocks(3).await;
    assert_eq!(rounds(&fixture, "LastStoredRound").await, 1004);
    fixture.node.faults().resume_pulses();
    fixture.node.produce_blocks(1).await;
    assert_eq!(stored(&fixture).await, [1002, 1004, 1005, 1006, 1007, 1008]);
    assert_eq!(rounds(&fixture, "LastStoredRound").await, 1008);
}

#[tokio::test]
async fn weights_are_revealed_in_the_first_block_of_their_epoch_that_has_the_pulse_behind_it() {
    let fixture = fixture().await;
    seal(&fixture, None, &payload(0, &[(1, 100), (2, 50)], 7), 12).await;
    seal(&fixture, Some(1), &payload(0, &[(0, 9), (1, 9)], 7), 5).await;
    to_block(&fixture, 9).await;
    assert_eq!(fixture.weights(1, 0), [], "the pulse is there, the epoch is not");
    to_block(&fixture, 12).await;
    assert_eq!(fixture.weights(1, 0), [(0, 65535), (1, 65535)]);
    assert_eq!(
        fixture.weights(0, 0),
        [],
        "the epoch is there, the pulse came with this block"
    );
    assert_eq!(waiting(&fixture).await.len(), 1);
    to_block(&fixture, 13).await;
    assert_eq!(fixture.weights(0, 0), [(1, 65535), (2, 32768)]);
    assert!(waiting(&fixture).await.is_empty());
    // Phase Initialization: WeightsSet with index 1 and UID 0, TimelockedWeightsRevealed with index 1 and the hotkey.
    let hotkey = hex::encode(key(0).hotkey().as_bytes());
    let expected = format!("020705010000000002076d0100{hotkey}00");
    let events = fixture.events().await;
    assert!(events.contains(&expected), "{events}");
}

#[tokio::test]
async fn of_several_commits_of_an_epoch_the_last_one_counts() {
    let fixture = fixture().await;
    seal(&fixture, None, &payload(0, &[(1, 1), (2, 2)], 7), 5).await;
    seal(&fixture, None, &payload(0, &[(1, 2), (2, 1)], 7), 5).await;
    to_block(&fixture, 10).await;
    assert_eq!(fixture.weights(0, 0), [(1, 65535), (2, 32768)]);
}

#[tokio::test]
async fn a_commit_in_the_block_of_an_epoch_is_revealed_an_epoch_later() {
    let fixture = fixture().await;
    to_block(&fixture, 9).await;
    seal(&fixture, None, &payload(0, &[(1, 1), (2, 2)], 7), 15).await;
    to_block(&fixture, 19).await;
    assert_eq!(fixture.weights(0, 0), []);
    to_block(&fixture, 20).await;
    assert_eq!(fixture.weights(0, 0), [(1, 32768), (2, 65535)]);
}

#[tokio::test]
async fn a_commit_whose_pulse_never_comes_waits_for_its_epoch_and_is_deleted_after_it() {
    let fixture = fixture().await;
    fixture.node.faults().skip_pulse(round_of(12));
    seal(&fixture, None, &payload(0, &[(1, 1), (2, 2)], 7), 12).await;
    to_block(&fixture, 19).await;
    assert_eq!(waiting(&fixture).await.len(), 1);
    to_block(&fixture, 20).await;
    assert!(waiting(&fixture).await.is_empty());
    assert_eq!(fixture.weights(0, 0), []);
}

#[tokio::test]
async fn what_the_chain_cannot_open_or_use_is_dropped_without_a_word() {
    let good = [(1, 1), (2, 2)];
    let cases = [
        ("another's hotkey", payload(1, &good, 7)),
        ("an old version key", payload(0, &good, 6)),
        ("too few weights", payload(0, &[(1, 1)], 7)),
        ("a UID twice", payload(0, &[(1, 1), (1, 2)], 7)),
        ("no payload", vec![0xff; 9]),
    ];
    for (case, content) in cases {
        let fixture = fixture().await;
        seal(&fixture, None, &content, 5).await;
        to_block(&fixture, 9).await;
        let quiet = fixture.events().await.len();
        assert_eq!(waiting(&fixture).await.len(), 1, "{case}");
        to_block(&fixture, 10).await;
        assert!(waiting(&fixture).await.is_empty(), "{case}");
        assert_eq!(fixture.events().await.len(), quiet, "{case}: no event");
        assert_eq!(fixture.weights(0, 0), [], "{case}");
    }
    // Sealed to one round, committed with another; and no ciphertext at all.
    let fixture = fixture().await;
    let beacon = fixture.node.beacon().unwrap();
    let sealed = beacon.seal(&payload(0, &good, 7), round_of(4)).unwrap();
    for sealed in [sealed.encode().unwrap(), b"nothing".to_vec()] {
        let call = commit(None, &sealed, round_of(5).get(), 4);
        fixture.include(&key(0), call).await.unwrap();
    }
    to_block(&fixture, 10).await;
    assert!(waiting(&fixture).await.is_empty());
    assert_eq!(fixture.weights(0, 0), []);
}

#[tokio::test]
async fn the_form_from_before_commits_named_their_hotkey_is_still_revealed() {
    let fixture = fixture().await;
    let legacy = (vec![1_u16, 2], vec![3_u16, 3], 7_u64).encode();
    seal(&fixture, None, &legacy, 5).await;
    to_block(&fixture, 10).await;
    assert_eq!(fixture.weights(0, 0), [(1, 65535), (2, 65535)]);
}

#[tokio::test]
async fn a_version_key_that_is_raised_after_the_commit_drops_it() {
    let fixture = fixture().await;
    seal(&fixture, None, &payload(0, &[(1, 1), (2, 2)], 7), 5).await;
    let raise = Hyperparameter::WeightsVersion(8);
    fixture.node.owner_sets(Netuid(1), raise).unwrap();
    to_block(&fixture, 10).await;
    assert!(waiting(&fixture).await.is_empty());
    assert_eq!(fixture.weights(0, 0), []);
}

#[tokio::test]
async fn a_round_that_is_out_is_refused_by_the_pool() {
    let fixture = fixture().await;
    to_block(&fixture, 5).await;
    let last = round_of(5).get();
    let old = fixture
        .include(&key(0), commit(None, b"sealed", last - 1, 4))
        .await;
    let error = old.unwrap_err();
    assert!(
        error.data().unwrap().get().contains("Custom error: 15"),
        "{error:?}"
    );
    fixture
        .include(&key(0), commit(None, b"sealed", last, 4))
        .await
        .unwrap();
    assert_eq!(waiting(&fixture).await.len(), 1);
}

/// The number that an item of subnet 1 holds.
async fn of_subnet<V: Decode + Into<u64>>(fixture: &Fixture, item: &str) -> u64 {
    let prefix = Fixture::prefix("SubtensorModule", item);
    let key = [prefix, 1_u16.to_le_bytes().to_vec()].concat();
    let value = fixture.storage(&key).await.unwrap();
    V::decode(&mut value.as_slice()).unwrap().into()
}

/// What a client foresees from what it reads.
async fn foreseen(fixture: &Fixture) -> Reveal {
    let head = fixture.node.best_block().0;
    let schedule = Schedule::Epochs(Epochs {
        head,
        last_epoch_block: BlockNumber(of_subnet::<u64>(fixture, "LastEpochBlock").await),
        pending_epoch_at: BlockNumber(of_subnet::<u64>(fixture, "PendingEpochAt").await),
        epoch_index: of_subnet::<u64>(fixture, "SubnetEpochIndex").await,
        tempo: u16::try_from(of_subnet::<u16>(fixture, "Tempo").await).unwrap(),
        blocks_since_last_step: of_subnet::<u64>(fixture, "BlocksSinceLastStep").await,
    });
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_001_000 + head.0);
    let (period, second) = (RevealPeriod::new(1).unwrap(), Duration::from_secs(1));
    let beacon = fixture.node.beacon().unwrap();
    schedule.reveal(period, beacon, now, second).unwrap()
}

#[tokio::test]
async fn a_commit_of_any_block_is_revealed_in_the_epoch_that_a_client_foresees() {
    let fixture = fixture().await;
    for head in [1, 7, 8, 9, 10, 23, 40] {
        let before = fixture.node.best_block().0.0;
        to_block(&fixture, before + head).await;
        let foreseen = foreseen(&fixture).await;
        let sealed = fixture.node.beacon().unwrap().seal(
            &payload(0, &[(1, u16::try_from(head).unwrap()), (2, 100)], 7),
            foreseen.round,
        );
        let call = commit(None, &sealed.unwrap().encode().unwrap(), foreseen.round.get(), 4);
        fixture.include(&key(0), call).await.unwrap();
        let filed = waiting(&fixture).await;
        assert_eq!(filed.len(), 1);
        assert_eq!(filed[0].0, (1, foreseen.committed_in.0));
        // By the formula the second block after the first has the pulse, so the third reveals.
        let first = foreseen.first_block.0;
        to_block(&fixture, first + 2).await;
        assert_eq!(waiting(&fixture).await.len(), 1, "{foreseen:?}");
        to_block(&fixture, first + 3).await;
        assert!(waiting(&fixture).await.is_empty(), "{foreseen:?}");
        assert_eq!(
            fixture.weights(0, 0)[0].1,
            u16::try_from((head * 65535 + 50) / 100).unwrap()
        );
    }
}

#[tokio::test]
async fn the_beacon_is_described_where_the_chain_describes_its_own() {
    let fixture = fixture().await;
    let stored = fixture
        .storage(&Fixture::prefix("Drand", "BeaconConfig"))
        .await
        .unwrap();
    let (key, period, genesis) = <(Vec<u8>, u32, u32)>::decode(&mut stored.as_slice()).unwrap();
    assert_eq!(key, fixture.node.beacon().unwrap().public_key().as_bytes());
    assert_eq!((period, genesis), (1, 1_700_000_000));
}
