//! Sealing to a round and opening with its pulse.

use platform_timelock::{limits::MAX_COMMIT, *};
use proptest::prelude::*;

use crate::given::*;

fn sealed(content: &[u8]) -> Ciphertext {
    quicknet().seal(content, round(1_000)).unwrap()
}

#[test]
fn what_is_sealed_is_opened_by_the_pulse_of_its_round_alone() {
    let bytes = sealed(&payload(256).encode()).encode().unwrap();
    let read = Ciphertext::decode(&bytes).unwrap();
    let opened = read.open(&quicknet_1000().signature).unwrap();
    assert_eq!(Payload::revealed(&opened, &hotkey(1)).unwrap(), payload(256));
    let (key, _) = own();
    let stranger = key.sign(round(1_000)).unwrap();
    assert_eq!(read.open(&stranger.signature), Err(OpenError::Signature));
}

#[test]
fn a_commit_is_244_bytes_longer_than_what_is_in_it() {
    assert_eq!(Ciphertext::OVERHEAD, 244);
    for (miners, expected) in [
        (1, 291),
        (16, 351),
        (64, 545),
        (128, 801),
        (192, 1_057),
        (256, 1_313),
    ] {
        let bytes = sealed(&payload(miners).encode()).encode().unwrap();
        assert_eq!(bytes.len(), expected, "{miners} miners");
    }
}

#[test]
fn a_commit_has_a_size() {
    let most = MAX_COMMIT - Ciphertext::OVERHEAD;
    let bytes = sealed(&vec![0; most]).encode().unwrap();
    assert_eq!(bytes.len(), MAX_COMMIT);
    let read = Ciphertext::decode(&bytes).unwrap();
    assert_eq!(read.open(&quicknet_1000().signature).unwrap(), vec![0; most]);
    assert_eq!(
        quicknet().seal(&vec![0; most + 1], round(1_000)),
        Err(SealError::Size(most + 1))
    );
    let longer = vec![0; MAX_COMMIT + 1];
    assert_eq!(
        Ciphertext::decode(&longer),
        Err(CiphertextError::Size(MAX_COMMIT + 1))
    );
}

#[test]
fn the_same_content_is_sealed_differently_each_time() {
    let [first, second] = [(); 2].map(|()| sealed(b"weights"));
    let [one, two] = [&first, &second].map(|sealed| sealed.encode().unwrap());
    let equal = one.iter().zip(&two).filter(|(a, b)| a == b).count();
    // Lengths and the name of the cipher are in both.
    assert!(equal < 80, "{equal} bytes are the same");
}

#[test]
fn a_rehearsal_with_a_pulse_of_the_chain_finds_a_beacon_that_is_not_the_chains() {
    let content = payload(64).encode();
    quicknet().rehearse(&content, &quicknet_1000()).unwrap();
    let (key, beacon) = own();
    beacon.rehearse(&content, &key.sign(round(5)).unwrap()).unwrap();
    assert_eq!(
        beacon.rehearse(&content, &quicknet_1000()),
        Err(RehearsalError::Pulse(VerifyError::Forged(round(1_000))))
    );
    assert_eq!(
        quicknet().rehearse(&[0; MAX_COMMIT], &quicknet_1000()),
        Err(RehearsalError::Seal(SealError::Size(MAX_COMMIT)))
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn whatever_is_sealed_comes_out_as_it_was(content in prop::collection::vec(any::<u8>(), 0..600), number in 1..u64::MAX) {
        let (key, beacon) = own();
        let sealed = beacon.seal(&content, round(number)).unwrap();
        let bytes = sealed.encode().unwrap();
        prop_assert_eq!(bytes.len(), content.len() + Ciphertext::OVERHEAD);
        let read = Ciphertext::decode(&bytes).unwrap();
        prop_assert_eq!(&read, &sealed);
        let pulse = key.sign(round(number)).unwrap();
        prop_assert_eq!(read.open(&pulse.signature).unwrap(), content);
    }
}
