//! Another software for the same keys and signatures, as a process: what it makes we read, what we make it reads.

use std::{fs, path::Path, process::Command};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use platform_signatures::*;
use tempfile::TempDir;

use crate::given::*;

fn openssl(dir: &Path, args: &str) -> bool {
    let output = Command::new("openssl")
        .args(args.split_whitespace())
        .current_dir(dir)
        .output();
    let output = output.expect("openssl is missing: apt-get install openssl");
    output.status.success()
}

fn must(dir: &Path, args: &str) {
    assert!(openssl(dir, args), "openssl {args}");
}

fn read(dir: &Path, name: &str) -> Vec<u8> {
    fs::read(dir.join(name)).unwrap()
}

/// How a key is made, and how a file is signed and verified with it.
const KINDS: [(&str, &str, &str); 2] = [
    (
        "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out key.pem",
        "dgst -sha256 -sign key.pem -out signature payload",
        "dgst -sha256 -verify public.pem -signature signature payload",
    ),
    (
        "genpkey -algorithm ED25519 -out key.pem",
        "pkeyutl -sign -inkey key.pem -rawin -in payload -out signature",
        "pkeyutl -verify -pubin -inkey public.pem -rawin -in payload -sigfile signature",
    ),
];

#[test]
fn keys_of_openssl_are_read_and_each_verifies_what_the_other_signed() {
    for (make, sign, verify) in KINDS {
        let dir = TempDir::new().unwrap();
        let dir = dir.path();
        must(dir, make);
        must(dir, "pkey -in key.pem -pubout -out public.pem");
        must(dir, "pkey -in key.pem -pubout -outform DER -out public.der");
        fs::write(dir.join("payload"), payload()).unwrap();
        let public = PublicKey::from_pem(&read(dir, "public.pem")).unwrap();
        let private = plain(&read(dir, "key.pem"));
        assert_eq!(private.public(), public);
        assert_eq!(public.to_pem().as_bytes(), read(dir, "public.pem"));
        let fingerprint = platform_domain::Digest::of(&read(dir, "public.der")).hex();
        assert_eq!(public.fingerprint().to_string(), fingerprint);

        let trusted = trusting(&[("theirs", public)]);
        // With ECDSA half of them have the high form.
        for _ in 0..8 {
            must(dir, sign);
            let signature = STANDARD.encode(read(dir, "signature"));
            trusted.verify(&manifest(), &payload(), &signature).unwrap();
        }
        fs::write(dir.join("signature"), private.sign(&payload()).as_bytes()).unwrap();
        must(dir, verify);
        fs::write(dir.join("payload"), b"something else").unwrap();
        assert!(!openssl(dir, verify));
    }
}

#[test]
fn a_key_that_we_made_verifies_there() {
    for (algorithm, (_, _, verify)) in ALGORITHMS.into_iter().zip(KINDS) {
        let dir = TempDir::new().unwrap();
        let dir = dir.path();
        let key = new_key(algorithm);
        fs::write(dir.join("public.pem"), key.public().to_pem()).unwrap();
        fs::write(dir.join("payload"), payload()).unwrap();
        fs::write(dir.join("signature"), key.sign(&payload()).as_bytes()).unwrap();
        must(dir, verify);
    }
}

#[test]
fn the_older_form_of_a_private_key_is_read() {
    let dir = TempDir::new().unwrap();
    let dir = dir.path();
    must(dir, "ecparam -name prime256v1 -genkey -noout -out key.pem");
    must(dir, "ec -in key.pem -pubout -out public.pem");
    assert!(read(dir, "key.pem").starts_with(b"-----BEGIN EC PRIVATE KEY-----"));
    let public = PublicKey::from_pem(&read(dir, "public.pem")).unwrap();
    assert_eq!(plain(&read(dir, "key.pem")).public(), public);
    // A point that is written shorter is the same key.
    must(dir, "ec -in key.pem -pubout -conv_form compressed -out short.pem");
    let short = PublicKey::from_pem(&read(dir, "short.pem")).unwrap();
    assert_eq!(short.fingerprint(), public.fingerprint());
}

#[test]
fn keys_of_other_kinds_are_named_and_refused() {
    let curve = |name: &str| format!("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:{name} -out key.pem");
    let without_name = format!("{} -pkeyopt ec_param_enc:explicit", curve("P-256"));
    for (make, expected) in [
        (
            "genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out key.pem",
            "RSA",
        ),
        (
            "genpkey -algorithm RSA-PSS -pkeyopt rsa_keygen_bits:2048 -out key.pem",
            "RSA-PSS",
        ),
        (&curve("P-384"), "ECDSA on P-384"),
        (&curve("P-521"), "ECDSA on P-521"),
        (&curve("secp256k1"), "ECDSA on secp256k1"),
        (
            &curve("brainpoolP256r1"),
            "ECDSA on the curve 1.3.36.3.3.2.8.1.1.7",
        ),
        (&without_name, "ECDSA on a curve without a name"),
        ("genpkey -algorithm X25519 -out key.pem", "X25519"),
        ("genpkey -algorithm ED448 -out key.pem", "Ed448"),
    ] {
        let dir = TempDir::new().unwrap();
        let dir = dir.path();
        must(dir, make);
        must(dir, "pkey -in key.pem -pubout -out public.pem");
        let expected = KeyError::Algorithm(expected.to_owned());
        assert_eq!(
            PublicKey::from_pem(&read(dir, "public.pem")),
            Err(expected.clone()),
            "{make}"
        );
        let refused = PrivateKeyFile::from_pem(&read(dir, "key.pem")).unwrap_err();
        assert_eq!(refused, expected, "{make}");
    }
}

#[test]
fn other_files_of_openssl_are_refused_with_their_own_reason() {
    let dir = TempDir::new().unwrap();
    let dir = dir.path();
    let (make, _, _) = KINDS[0];
    must(dir, make);
    must(dir, "pkey -in key.pem -aes256 -passout pass:x -out sealed.pem");
    must(dir, "ec -in key.pem -aes256 -passout pass:x -out old.pem");
    must(dir, "ecparam -name prime256v1 -genkey -out parameters.pem");
    must(dir, "ecparam -name secp384r1 -genkey -noout -out other.pem");
    must(
        dir,
        "req -new -x509 -key key.pem -subj /CN=x -out certificate.pem",
    );
    for (name, expected) in [
        ("sealed.pem", KeyError::SealedOtherwise),
        ("old.pem", KeyError::SealedOtherwise),
        ("parameters.pem", KeyError::Several),
        ("other.pem", KeyError::Algorithm("ECDSA on P-384".to_owned())),
        ("certificate.pem", KeyError::Label("CERTIFICATE".to_owned())),
    ] {
        let file = read(dir, name);
        assert_eq!(PrivateKeyFile::from_pem(&file).unwrap_err(), expected, "{name}");
        assert!(PublicKey::from_pem(&file).is_err(), "{name}");
    }
}
