//! Files that are keys, and files that are not.

use platform_signatures::{limits::*, *};

use crate::given::*;

#[test]
fn a_key_pair_that_is_made_signs_and_is_read_again() {
    for algorithm in ALGORITHMS {
        let key = new_key(algorithm);
        assert_eq!(key.algorithm(), algorithm);
        let public = PublicKey::from_pem(key.public().to_pem().as_bytes()).unwrap();
        assert_eq!(public, key.public());
        assert_eq!(public.fingerprint(), key.public().fingerprint());
        assert_ne!(public.fingerprint(), new_key(algorithm).public().fingerprint());
        assert_eq!(public.verify(b"a", &key.sign(b"a")), Ok(()));
        assert_eq!(public.verify(b"b", &key.sign(b"a")), Err(SignatureError::Other));
        let stranger = new_key(algorithm).sign(b"a");
        assert_eq!(public.verify(b"a", &stranger), Err(SignatureError::Other));
    }
    let [p256, ed25519] = ALGORITHMS.map(new_key);
    assert_eq!(
        p256.public().verify(b"a", &ed25519.sign(b"a")),
        Err(SignatureError::Form)
    );
    assert_eq!(
        ed25519.public().verify(b"a", &p256.sign(b"a")),
        Err(SignatureError::Form)
    );
}

#[test]
fn a_file_that_is_no_public_key_is_refused_with_its_own_reason() {
    let good = new_key(Algorithm::P256).public().to_pem();
    let [first, second] = [(); 2].map(|()| new_key(Algorithm::Ed25519).public().to_pem());
    let cases: Vec<(Vec<u8>, KeyError)> = vec![
        (b"".to_vec(), KeyError::NoPem),
        (b"garbage".to_vec(), KeyError::NoPem),
        (good.as_bytes()[..good.len() - 30].to_vec(), KeyError::NoPem),
        (
            good.replace("BEGIN PUBLIC", "BEGIN OTHER").into_bytes(),
            KeyError::NoPem,
        ),
        (good.replace('M', "\0").into_bytes(), KeyError::NoPem),
        (format!("{first}{second}").into_bytes(), KeyError::Several),
        (golden!("sealed-32768-hello.key").to_vec(), KeyError::Private),
        (golden!("plain-p256.key").to_vec(), KeyError::Private),
        (pem("EC PRIVATE KEY", b"x"), KeyError::Private),
        (
            pem("CERTIFICATE", b"x"),
            KeyError::Label("CERTIFICATE".to_owned()),
        ),
        (pem("RSA PUBLIC KEY", b"x"), KeyError::Algorithm("RSA".to_owned())),
        (pem("PUBLIC KEY", b""), KeyError::NoPem),
        (pem("PUBLIC KEY", b"garbage"), KeyError::Damaged),
    ];
    for (file, expected) in cases {
        let text = String::from_utf8_lossy(&file).into_owned();
        assert_eq!(PublicKey::from_pem(&file).unwrap_err(), expected, "{text}");
        assert!(expected.hint().ends_with('.'));
    }
}

#[test]
fn a_file_that_is_no_private_key_is_refused_with_its_own_reason() {
    let public = new_key(Algorithm::P256).public().to_pem();
    let old = "-----BEGIN EC PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\nAAAA\n-----END EC PRIVATE KEY-----\n";
    let cases: Vec<(Vec<u8>, KeyError)> = vec![
        (b"".to_vec(), KeyError::NoPem),
        (public.into_bytes(), KeyError::Public),
        (old.as_bytes().to_vec(), KeyError::SealedOtherwise),
        (pem("ENCRYPTED PRIVATE KEY", b"x"), KeyError::SealedOtherwise),
        (
            pem("RSA PRIVATE KEY", b"x"),
            KeyError::Algorithm("RSA".to_owned()),
        ),
        (
            pem("OPENSSH PRIVATE KEY", b"x"),
            KeyError::Label("OPENSSH PRIVATE KEY".to_owned()),
        ),
        (pem("PRIVATE KEY", b"garbage"), KeyError::Damaged),
        (pem("EC PRIVATE KEY", b"garbage"), KeyError::Damaged),
        (
            pem("ENCRYPTED SIGSTORE PRIVATE KEY", b"garbage"),
            KeyError::Damaged,
        ),
    ];
    for (file, expected) in cases {
        let text = String::from_utf8_lossy(&file).into_owned();
        assert_eq!(PrivateKeyFile::from_pem(&file).unwrap_err(), expected, "{text}");
    }
}

#[test]
fn comments_and_other_line_ends_are_no_harm_and_too_much_is_not_looked_at() {
    let key = new_key(Algorithm::P256).public();
    let pem = key.to_pem();
    let comment = "x".repeat(MAX_KEY_PEM - pem.len() - 1);
    let files = [
        pem.trim_end().to_owned(),
        pem.replace('\n', "\r\n"),
        format!("the key of Alice\n\n{pem}"),
        format!("{comment}\n{pem}"),
    ];
    for file in files {
        assert_eq!(PublicKey::from_pem(file.as_bytes()), Ok(key.clone()), "{file}");
    }
    let large = format!("{comment}x\n{pem}");
    assert_eq!(PublicKey::from_pem(large.as_bytes()), Err(KeyError::TooLarge));
    assert_eq!(
        PrivateKeyFile::from_pem(large.as_bytes()).unwrap_err(),
        KeyError::TooLarge
    );
}

#[test]
fn a_point_that_is_on_no_curve_or_signs_for_everybody_is_damaged() {
    let p256 = "3059301306072a8648ce3d020106082a8648ce3d030107034200";
    let ed25519 = "302a300506032b6570032100";
    for (head, point) in [
        (p256, format!("04{}", "01".repeat(64))),
        (p256, "00".repeat(65)),
        (ed25519, format!("01{}", "00".repeat(31))),
        (ed25519, "00".repeat(32)),
        (ed25519, format!("ed{}7f", "ff".repeat(30))),
    ] {
        let der = hex::decode(format!("{head}{point}")).unwrap();
        assert_eq!(
            PublicKey::from_pem(&pem("PUBLIC KEY", &der)),
            Err(KeyError::Damaged),
            "{point}"
        );
    }
}

#[test]
fn nothing_of_a_private_key_is_shown() {
    for algorithm in ALGORITHMS {
        assert_eq!(
            format!("{:?}", new_key(algorithm)),
            format!("PrivateKey({algorithm}, …)")
        );
    }
    let file = PrivateKeyFile::from_pem(golden!("sealed-ed25519.key")).unwrap();
    assert_eq!(format!("{file:?}"), "Sealed(SealedKey(Sealed(…)))");
    let file = PrivateKeyFile::from_pem(golden!("plain-ed25519.key")).unwrap();
    assert_eq!(format!("{file:?}"), "Plain(PrivateKey(Ed25519, …))");
}
