//! What is inside a commit.

use platform_domain::{Hotkey, Uid};
use platform_timelock::*;
use proptest::prelude::*;

use crate::given::*;

/// Of the reference: hotkey of ones, UIDs 0 and 1, values 10 and 20, version 0.
const KNOWN: &str = concat!(
    "80",
    "0101010101010101010101010101010101010101010101010101010101010101",
    "0800000100",
    "080a001400",
    "0000000000000000"
);

fn known() -> Payload {
    Payload {
        hotkey: hotkey(1),
        weights: vec![(Uid(0), 10), (Uid(1), 20)],
        version_key: 0,
    }
}

#[test]
fn weights_are_written_as_the_chain_reads_them() {
    assert_eq!(hex::encode(known().encode()), KNOWN);
    assert_eq!(Payload::decode(&hex::decode(KNOWN).unwrap()), Ok(known()));
}

#[test]
fn the_chain_takes_them_from_their_hotkey_alone() {
    let bytes = known().encode();
    assert_eq!(Payload::revealed(&bytes, &hotkey(1)), Ok(known()));
    assert_eq!(
        Payload::revealed(&bytes, &hotkey(2)),
        Err(PayloadError::Committer(hotkey(1)))
    );
}

#[test]
fn the_chain_takes_the_older_form_and_what_follows() {
    let older = &known().encode()[33..];
    assert_eq!(
        Payload::revealed(older, &hotkey(9)),
        Ok(Payload {
            hotkey: hotkey(9),
            ..known()
        })
    );
    let longer = [known().encode().as_slice(), b"and more"].concat();
    assert_eq!(Payload::revealed(&longer, &hotkey(1)), Ok(known()));
    assert!(matches!(Payload::decode(&longer), Err(PayloadError::Scale(_))));
    assert!(Payload::decode(older).is_err());
}

#[test]
fn lists_that_do_not_belong_together_are_refused() {
    let bytes = |hotkey: usize, uids: &[u16], values: &[u16]| {
        let list = |list: &[u16]| {
            let mut bytes = vec![u8::try_from(list.len() * 4).unwrap()];
            bytes.extend(list.iter().flat_map(|number| number.to_le_bytes()));
            bytes
        };
        let mut all = vec![u8::try_from(hotkey * 4).unwrap()];
        all.extend(vec![1; hotkey]);
        all.extend(list(uids));
        all.extend(list(values));
        all.extend([0; 8]);
        all
    };
    assert_eq!(
        Payload::decode(&bytes(32, &[0, 1], &[10])),
        Err(PayloadError::Lengths { uids: 2, values: 1 })
    );
    assert_eq!(
        Payload::revealed(&bytes(32, &[], &[10]), &hotkey(1)),
        Err(PayloadError::Lengths { uids: 0, values: 1 })
    );
    assert_eq!(
        Payload::decode(&bytes(31, &[0], &[10])),
        Err(PayloadError::Hotkey(31))
    );
}

#[test]
fn a_length_without_its_bytes_takes_no_memory() {
    for prefix in ["03ffffffff", "feffffff", "13ffffffffffffffff"] {
        let bytes = hex::decode(prefix).unwrap();
        assert!(Payload::decode(&bytes).is_err());
        assert!(Payload::revealed(&bytes, &hotkey(1)).is_err());
    }
}

proptest! {
    #[test]
    fn weights_come_back_as_they_were(
        key: [u8; 32], weights in prop::collection::vec((any::<u16>(), any::<u16>()), 0..400), version_key: u64
    ) {
        let hotkey = Hotkey::from_bytes(key);
        let weights = weights.into_iter().map(|(uid, value)| (Uid(uid), value)).collect();
        let payload = Payload { hotkey, weights, version_key };
        let bytes = payload.encode();
        let lists = if payload.weights.len() < 64 { 0 } else { 2 };
        prop_assert_eq!(bytes.len(), 43 + 4 * payload.weights.len() + lists);
        prop_assert_eq!(Payload::decode(&bytes).unwrap(), payload.clone());
        prop_assert_eq!(Payload::revealed(&bytes, &hotkey).unwrap(), payload);
    }
}
