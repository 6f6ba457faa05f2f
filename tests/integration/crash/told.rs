//! What the ledger of a host that was killed says, beside what the node has.

use std::collections::BTreeMap;

use platform_devnet::Accepted;
use platform_domain::{MechanismId, Uid};
use platform_store::{Change, EpochRow, EpochState, RecordedExtrinsic, RecordedVector};
use platform_timelock::{BeaconKey, Ciphertext, Payload, Round};

use super::scene::{Kind, Ledger, SEED, Scene};
use crate::epochs::NETUID;

/// What was recorded stays, and so do signed bytes unless others were signed after them.
pub(super) fn compare(before: &EpochRow, row: &EpochRow) {
    assert!(before.step <= row.step, "{before:?}\n{row:?}");
    assert!(
        before.vector.is_none() || before.vector == row.vector,
        "{before:?}\n{row:?}"
    );
    assert!(
        before.extrinsic.is_none() || before.attempts < row.attempts || before.extrinsic == row.extrinsic,
        "{before:?}\n{row:?}"
    );
}

/// Every extrinsic that was ever signed is in the journal of one epoch and has its recorded vector; each was included once at
/// most, and one of an epoch at most; an epoch that ended well had one, and the others ended because they were late.
pub(super) fn check(scene: &Scene, ledger: &Ledger) {
    let accepted = scene.devnet.accepted_extrinsics();
    let mut signed: BTreeMap<[u8; 32], &EpochRow> = BTreeMap::new();
    for (row, journal) in ledger {
        for step in journal {
            if let Change::Submit {
                extrinsic, sealed, ..
            } = &step.what
            {
                let vector = row.vector.as_ref().expect("recorded before it was signed");
                match scene.kind {
                    Kind::Plain => assert!(sets(extrinsic, vector), "{row:?}"),
                    Kind::Sealed => {
                        let round = sealed.as_ref().unwrap()["round"].as_u64().unwrap();
                        assert_eq!(opened(scene, extrinsic, vector, round), pairs(vector), "{row:?}");
                    }
                }
                assert!(
                    signed.insert(extrinsic.hash.0, row).is_none(),
                    "signed for two epochs"
                );
            }
        }
    }
    let mut included: BTreeMap<(String, u64), Vec<&Accepted>> = BTreeMap::new();
    let mut seen = Vec::new();
    for one in &accepted {
        let row = signed
            .get(&one.hash)
            .expect("what reached the chain is in the ledger");
        assert!(!seen.contains(&one.hash), "no extrinsic was taken twice");
        seen.push(one.hash);
        if one.block.is_some() {
            let key = (row.numbering.to_string(), row.epoch.0);
            included.entry(key).or_default().push(one);
        }
    }
    let (mut well, mut late) = (0, 0);
    for (row, _) in ledger {
        let key = (row.numbering.to_string(), row.epoch.0);
        let count = included.get(&key).map_or(0, Vec::len);
        assert!(
            count <= 1,
            "{count} vectors of epoch {} reached the chain",
            row.epoch
        );
        let reason = row.reason.as_deref().unwrap_or_default();
        match row.state {
            EpochState::Finalised | EpochState::Revealed => {
                well += 1;
                assert_eq!(count, 1, "{row:?}");
                if let Some(on_chain) = &row.on_chain {
                    assert_eq!(*on_chain, pairs(row.vector.as_ref().unwrap()));
                }
            }
            // In a block of the next epoch, and revealed with that one's.
            EpochState::Failed
                if reason.starts_with("the chain revealed it together with the newer weights") =>
            {
                late += 1;
                assert!(scene.kind == Kind::Sealed && count == 1, "{row:?}");
            }
            // Too late for their epoch: the only other failure that a kill may cause.
            EpochState::Failed => {
                late += 1;
                assert!(
                    reason.starts_with("it was only") || reason.starts_with("its extrinsic was not included"),
                    "{row:?}"
                );
                assert_eq!(count, 0, "{row:?}");
            }
            EpochState::Skipped => panic!("there was somebody to pay: {row:?}"),
            _ => assert!(ledger.iter().take(2).any(|(newest, _)| newest == row), "{row:?}"),
        }
    }
    println!("{:?}: {well} epochs ended well, {late} were late", scene.kind);
    let held = scene.devnet.weights(NETUID, MechanismId(0), Uid(0));
    assert!(
        ledger.iter().any(|(row, _)| row.on_chain.as_ref() == Some(&held)),
        "{held:?}"
    );
}

fn pairs(vector: &RecordedVector) -> Vec<(Uid, u16)> {
    vector
        .uids
        .iter()
        .copied()
        .zip(vector.u16.iter().copied())
        .collect()
}

/// Whether the call in an extrinsic sets a vector: two lists in SCALE, one after the other.
fn sets(extrinsic: &RecordedExtrinsic, vector: &RecordedVector) -> bool {
    let list = |values: &mut dyn Iterator<Item = u16>| {
        let values: Vec<u8> = values.flat_map(u16::to_le_bytes).collect();
        let length = u8::try_from(values.len() / 2).unwrap() << 2;
        [&[length][..], &values].concat()
    };
    let uids = list(&mut vector.uids.iter().map(|uid| uid.0));
    let both = [uids, list(&mut vector.u16.iter().copied())].concat();
    bytes(extrinsic).windows(both.len()).any(|part| part == both)
}

/// What the chain finds in a commit when it has the pulse of its round.
fn opened(
    scene: &Scene,
    extrinsic: &RecordedExtrinsic,
    vector: &RecordedVector,
    round: u64,
) -> Vec<(Uid, u16)> {
    // Before the end of the call are the round and the version of commits.
    const AFTER: usize = 8 + 2;
    let payload = Payload {
        hotkey: scene.validator,
        weights: pairs(vector),
        version_key: 0,
    };
    let (bytes, length) = (bytes(extrinsic), payload.encode().len() + SEALED_MORE);
    let commit = &bytes[bytes.len() - AFTER - length..bytes.len() - AFTER];
    let key = BeaconKey::from_seed(&SEED).unwrap();
    let pulse = key.sign(Round::new(round).unwrap()).unwrap();
    let content = Ciphertext::decode(commit)
        .unwrap()
        .open(&pulse.signature)
        .unwrap();
    Payload::revealed(&content, &scene.validator).unwrap().weights
}

/// How much longer a commit is than what is in it.
const SEALED_MORE: usize = 244;

fn bytes(extrinsic: &RecordedExtrinsic) -> Vec<u8> {
    let digits = extrinsic.bytes.as_bytes().chunks(2);
    digits
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}
