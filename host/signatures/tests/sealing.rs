//! Private keys with a password.

use platform_signatures::{limits::*, *};

use crate::given::*;

const LABEL: &str = "ENCRYPTED SIGSTORE PRIVATE KEY";

fn with(kdf: &str, params: &str, cipher: &str, nonce: &str) -> Vec<u8> {
    let json = format!(
        r#"{{"kdf":{{"name":"{kdf}","params":{params},"salt":"AAAA"}},"cipher":{{"name":"{cipher}","nonce":"{nonce}"}},"ciphertext":"AAAA"}}"#
    );
    pem(LABEL, json.as_bytes())
}

const NONCE: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

#[test]
fn what_is_sealed_opens_with_its_password_and_no_other() {
    for algorithm in ALGORITHMS {
        let key = new_key(algorithm);
        let file = key.to_sealed_pem(b"correct horse").unwrap();
        assert!(file.starts_with("-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----\n"));
        let sealed = sealed(file.as_bytes());
        assert_eq!(sealed.unseal(b"correct horse").unwrap().public(), key.public());
        for wrong in ["", "Correct horse"] {
            assert_eq!(sealed.unseal(wrong.as_bytes()).unwrap_err(), SealError::Password);
        }
    }
}

#[test]
fn the_same_key_is_sealed_differently_each_time() {
    let key = new_key(Algorithm::P256);
    assert_ne!(key.to_sealed_pem(b"").unwrap(), key.to_sealed_pem(b"").unwrap());
}

/// All of them are refused when the file is read: before a password is asked for, and before scrypt takes its memory.
#[test]
fn what_a_file_asks_of_scrypt_is_bounded_before_anything_is_taken() {
    let params = |n: &str, r: &str, p: &str| format!(r#"{{"N":{n},"r":{r},"p":{p}}}"#);
    let beyond = (MAX_SCRYPT_N * 2).to_string();
    for (n, r, p) in [
        (beyond.as_str(), "8", "1"),
        ("2147483648", "8", "1"),
        ("0", "8", "1"),
        ("1", "8", "1"),
        ("16384", "8", "1"),
        ("65535", "8", "1"),
        ("98304", "8", "1"),
        ("65536", "0", "1"),
        ("65536", "9", "1"),
        ("65536", "4294967295", "1"),
        ("65536", "8", "0"),
        ("65536", "8", "4294967295"),
    ] {
        let file = with("scrypt", &params(n, r, p), "nacl/secretbox", NONCE);
        let refused = PrivateKeyFile::from_pem(&file).unwrap_err();
        assert_eq!(
            refused,
            KeyError::Sealing("other parameters of scrypt"),
            "{n} {r} {p}"
        );
    }
    for (n, r, p) in [
        ("-1", "8", "1"),
        ("65536.0", "8", "1"),
        ("1e999", "8", "1"),
        ("4294967296", "8", "1"),
        ("\"65536\"", "8", "1"),
        ("65536", "8", "18446744073709551616"),
    ] {
        let file = with("scrypt", &params(n, r, p), "nacl/secretbox", NONCE);
        assert_eq!(
            PrivateKeyFile::from_pem(&file).unwrap_err(),
            KeyError::Damaged,
            "{n} {r} {p}"
        );
    }
    let file = with(
        "scrypt",
        &params(&MAX_SCRYPT_N.to_string(), "8", "1"),
        "nacl/secretbox",
        NONCE,
    );
    assert_eq!(sealed(&file).unseal(b"").unwrap_err(), SealError::Password);
}

#[test]
fn other_ways_of_sealing_are_named() {
    let params = r#"{"N":65536,"r":8,"p":1}"#;
    let other_function = KeyError::Sealing("another function than scrypt");
    let other_cipher = KeyError::Sealing("another cipher than nacl/secretbox");
    for (kdf, cipher, nonce, expected) in [
        ("argon2id", "nacl/secretbox", NONCE, other_function),
        ("scrypt", "aes-256-gcm", NONCE, other_cipher),
        ("scrypt", "nacl/secretbox", "AAAA", KeyError::Damaged),
        ("scrypt", "nacl/secretbox", "", KeyError::Damaged),
        ("scrypt", "nacl/secretbox", "?", KeyError::Damaged),
    ] {
        let file = with(kdf, params, cipher, nonce);
        assert_eq!(PrivateKeyFile::from_pem(&file).unwrap_err(), expected);
    }
}

/// The strongest sealing that cosign's library knows; from the tests of secure-systems-lab/go-securesystemslib (MIT), where
/// no key is in it.
#[test]
fn a_password_that_is_right_for_something_else_than_a_key_is_told_apart() {
    let json = r#"{"kdf":{"name":"scrypt","params":{"N":131072,"r":8,"p":1},"salt":"m38E3kouJTtiheLQN22NQ8DTito5hrjpUIskqcd375k="},"cipher":{"name":"nacl/secretbox","nonce":"Y6PM13yA+o44pE/W1ZBwczeGnTV/m9Zc"},"ciphertext":"6H8sqj1K6B6yDjtH5AQ6lbFigg/C2yDDJc4rYJ79w9aVPImFIPI="}"#;
    let sealed = sealed(&pem(LABEL, json.as_bytes()));
    let opened = sealed.unseal(b"supersecret").unwrap_err();
    assert_eq!(opened, SealError::Key(KeyError::Damaged));
    assert_eq!(sealed.unseal(b"supersecre").unwrap_err(), SealError::Password);
}
