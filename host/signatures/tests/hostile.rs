//! Bytes of strangers: whatever they are, the answer is an error and no panic.

use platform_signatures::*;
use proptest::{collection::vec, prelude::*, sample::Index};

use crate::given::*;

/// Files to begin with.
const FILES: [&[u8]; 6] = [
    golden!("cosign1.pub"),
    golden!("plain-p256.key"),
    golden!("plain-ed25519.key"),
    golden!("sealed-ed25519.key"),
    golden!("statement.bundle.json"),
    golden!("cosign1.payload.json"),
];

const LABELS: [&str; 4] = [
    "PUBLIC KEY",
    "PRIVATE KEY",
    "EC PRIVATE KEY",
    "ENCRYPTED SIGSTORE PRIVATE KEY",
];

fn read_as_everything(bytes: &[u8]) {
    let key = PublicKey::from_pem(golden!("cosign1.pub")).unwrap();
    let trusted = trusting(&[("theirs", key)]);
    let _ = PublicKey::from_pem(bytes);
    let _ = PrivateKeyFile::from_pem(bytes);
    let _ = Payload::parse(bytes);
    let _ = trusted.verify_bundle(&manifest(), bytes);
    let text = String::from_utf8_lossy(bytes);
    let _ = trusted.verify(&manifest(), bytes, &text);
    let _ = text.parse::<KeyName>();
}

/// A part of a file is replaced.
fn changed(file: &[u8], begin: Index, length: usize, with: &[u8]) -> Vec<u8> {
    let begin = begin.index(file.len());
    let end = (begin + length).min(file.len());
    [&file[..begin], with, &file[end..]].concat()
}

proptest! {
    #[test]
    fn whatever_is_read_is_an_error_at_worst(bytes in any::<Vec<u8>>()) {
        read_as_everything(&bytes);
        for label in LABELS {
            read_as_everything(&pem(label, &bytes));
        }
    }

    #[test]
    fn whatever_becomes_of_a_good_file_is_an_error_at_worst(
        file in 0..FILES.len(),
        begin in any::<Index>(),
        length in 0_usize..64,
        with in vec(any::<u8>(), 0..64),
    ) {
        read_as_everything(&changed(FILES[file], begin, length, &with));
    }

    #[test]
    fn whatever_becomes_of_the_der_of_a_key_is_an_error_at_worst(
        begin in any::<Index>(),
        length in 0_usize..8,
        with in vec(any::<u8>(), 0..8),
    ) {
        use base64::{Engine as _, engine::general_purpose::STANDARD};
        for (file, label) in FILES.iter().zip(LABELS).take(3) {
            let text = str::from_utf8(file).unwrap();
            let base64: String = text.lines().filter(|line| !line.starts_with('-')).collect();
            let der = STANDARD.decode(base64).unwrap();
            let der = changed(&der, begin, length, &with);
            read_as_everything(&pem(label, &der));
            read_as_everything(&pem("PRIVATE KEY", &der));
        }
    }

    #[test]
    fn whatever_is_given_as_a_signature_counts_for_nothing(bytes in vec(any::<u8>(), 0..80)) {
        use base64::{Engine as _, engine::general_purpose::STANDARD};
        for key in ALGORITHMS.map(new_key) {
            let trusted = trusting(&[("alice", key.public())]);
            prop_assert!(trusted.verify(&manifest(), &payload(), &STANDARD.encode(&bytes)).is_err());
        }
    }
}
