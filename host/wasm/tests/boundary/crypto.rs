//! What the host computes for a challenge: the same as whoever computes it himself, and in bounds.

use std::time::{Duration, Instant};

use blake2::{
    Blake2b, Blake2b512, Digest,
    digest::consts::{U16, U32},
};
use platform_domain::{Grant, Ss58Address};
use platform_keys::{Keypair, verify_ed25519, verify_sr25519};
use platform_wasm::{CallError, ComponentError, Program, ProgramSpec};
use proptest::{
    prelude::{Strategy as _, any},
    strategy::Just,
    test_runner::{Config, TestRunner},
};
use sha2::Sha256;

use crate::host::{Host, built, get, spec};

/// Long enough for a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

async fn load(host: &Host) -> Program {
    let component = built("notary");
    let spec = ProgramSpec {
        grants: [Grant::Crypto].into(),
        route_deadline: PATIENCE,
        ..spec(&component)
    };
    host.engine.load(component, spec).await.unwrap()
}

async fn call(program: &Program, path: &str, body: &[u8]) -> Result<String, CallError> {
    let mut request = get(path);
    request.body = body.to_vec().into();
    let answer = program.handle_route(request).await?;
    Ok(String::from_utf8(answer.body.to_vec()).unwrap())
}

async fn ask(program: &Program, path: &str, body: impl AsRef<[u8]>) -> String {
    call(program, path, body.as_ref()).await.unwrap()
}

fn line(parts: [&[u8]; 3]) -> String {
    parts.map(hex::encode).join(" ")
}

#[tokio::test(flavor = "multi_thread")]
async fn known_signatures_hold() {
    let (host, pair) = (Host::new(), Keypair::from_seed([7; 32]));
    let program = load(&host).await;
    // By a wallet of Bittensor, for the guide of miners.
    let key: platform_domain::Hotkey = "5DfhGyQdFobKM8NsWvEeAKk5EQQgYe9AydgJ7rMB6E1EqRzV"
        .parse()
        .unwrap();
    let guide = include_str!("../../../../docs/miners.md");
    let message = guide
        .lines()
        .find(|line| line.starts_with("platform-upload-v1:2:tsp:POST"));
    let signature = "7ad58a802c83583ff1639ac44668a4afe739b37db1b1b623be55fc7c4d914d0a\
                     2b8e1c6b30efaeb099c6f004366d22f5da0e7893bc7472e95e44e8f358fd5d8a";
    let theirs = line([
        key.as_bytes(),
        message.unwrap().as_bytes(),
        &hex::decode(signature).unwrap(),
    ]);
    let ours = line([pair.hotkey().as_bytes(), b"", &pair.sign(b"")]);
    let wrapped = line([pair.hotkey().as_bytes(), b"a", &pair.sign(b"<Bytes>a</Bytes>")]);
    let answers = ask(&program, "/sr25519", [theirs, ours, wrapped].join("\n")).await;
    assert_eq!(answers, "true\ntrue\nfalse");
    // The second test of RFC 8032, and with another last byte.
    let line = "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c 72 \
                92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da\
                085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c";
    assert_eq!(
        ask(&program, "/ed25519", format!("{line}00\n{line}01")).await,
        "true\nfalse"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn known_hashes_and_addresses_are_given() {
    let host = Host::new();
    let program = load(&host).await;
    // FIPS 180-4 and RFC 7693 have "abc"; the others are what b2sum and sha256sum say.
    for (hash, body, expected) in [
        (
            "sha256",
            "abc",
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        ),
        (
            "sha256",
            "",
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        ),
        ("blake2b128", "abc", "cf4ab791c62b8d2b2109c90275287816"),
        (
            "blake2b256",
            "abc",
            "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319",
        ),
        (
            "blake2b512",
            "abc",
            "ba80a53f981c4d0d6a2797b69f12f6e94c212f14685ac4b74b12bb6fdbffa2d1\
             7d87c5392aab792dc252d5de4533cc9518d38aa8dbf1925ab92386edd4009923",
        ),
    ] {
        assert_eq!(ask(&program, &format!("/{hash}"), body).await, expected, "{hash}");
    }
    let alice = "d43593c715fdd31c61141abd04a99fd6822c8558854ccde39a5684e7a56da27d";
    let far = "44d5a3ac156335ea99d33a83c57c7146c40c8e2260a8a4adf4e7a86256454651";
    let accounts = format!("42 {alice}\n0 {alice}\n4242 {far}");
    let addresses = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY\n\
                     15oF4uVJwmo4TdGW7VfQxNLavjCXviqxT9S1MgbjMNHr6Sp5\n\
                     mHm8k9Emsvyfp3piCauSH684iA6NakctF8dySQcX94GDdrJrE";
    assert_eq!(ask(&program, "/encode", &accounts).await, addresses);
    assert_eq!(ask(&program, "/decode", addresses).await, accounts);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_another_length_is_nothing_and_never_a_failure() {
    let (host, pair) = (Host::new(), Keypair::from_seed([7; 32]));
    let program = load(&host).await;
    let (key, signature) = (pair.hotkey().as_bytes().to_vec(), pair.sign(b"").to_vec());
    let of_length = |bytes: &[u8], length| bytes.iter().copied().cycle().take(length).collect::<Vec<_>>();
    let keys = (0..100).map(|length| line([&of_length(&key, length), b"", &signature]));
    let signatures = (0..200).map(|length| line([&key, b"", &of_length(&signature, length)]));
    let lines: Vec<_> = keys.chain(signatures).collect();
    for (path, holding) in [("/sr25519", 2), ("/ed25519", 0)] {
        let answers = ask(&program, path, lines.join("\n")).await;
        assert_eq!(answers.lines().count(), 300, "{path}");
        assert_eq!(answers.matches("true").count(), holding, "{path}");
    }
    let accounts = (0..100).map(|length| format!("42 {}", hex::encode(of_length(&key, length))));
    let accounts: Vec<_> = accounts.chain([format!("16384 {}", hex::encode(&key))]).collect();
    let answers = ask(&program, "/encode", accounts.join("\n")).await;
    assert_eq!(
        (answers.lines().count(), answers.matches("none").count()),
        (101, 100)
    );
    let address = pair.hotkey().to_string();
    let addresses: Vec<_> = (0..100)
        .map(|length| String::from_utf8(of_length(address.as_bytes(), length)).unwrap())
        .chain(["é".repeat(20), "1".repeat(1 << 20)])
        .collect();
    let answers = ask(&program, "/decode", addresses.join("\n")).await;
    assert_eq!(
        (answers.lines().count(), answers.matches("none").count()),
        (102, 101)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_host_computes_what_others_compute() {
    let host = Host::new();
    let program = load(&host).await;
    let ask = |path: &str, body: Vec<u8>| {
        let asked = ask(&program, path, body);
        tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(asked))
    };
    let mut runner = TestRunner::new(Config {
        cases: 64,
        failure_persistence: None,
        ..Config::default()
    });
    // Whether the key, the message or the signature is changed afterwards, and where.
    let change = proptest::option::of((0..3_usize, any::<usize>(), 1..=u8::MAX));
    let strategy = (
        any::<[u8; 32]>(),
        any::<Vec<u8>>(),
        change,
        0..20_000_u16,
        any::<bool>(),
    )
        .prop_flat_map(|it| {
            (
                Just(it),
                proptest::string::string_regex("[1-9A-Za-z]{0,52}").unwrap(),
            )
        });
    let agree = runner.run(&strategy, |((seed, message, change, prefix, old), text)| {
        let pair = Keypair::from_seed(seed);
        let (key, signature) = match old {
            true => {
                use ed25519_dalek::{Signer as _, SigningKey};
                let pair = SigningKey::from_bytes(&seed);
                (pair.verifying_key().to_bytes(), pair.sign(&message).to_bytes())
            }
            false => (*pair.hotkey().as_bytes(), pair.sign(&message)),
        };
        let mut parts = [key.to_vec(), message.clone(), signature.to_vec()];
        if let Some((which, at, bits)) = change
            && !parts[which].is_empty()
        {
            let at = at % parts[which].len();
            parts[which][at] ^= bits;
        }
        let parts = parts.each_ref().map(Vec::as_slice);
        let [key, message, signature] = parts;
        let expected = [
            ("/sr25519", verify_sr25519(key, message, signature)),
            ("/ed25519", verify_ed25519(key, message, signature)),
        ];
        for (path, expected) in expected {
            assert_eq!(ask(path, line(parts).into()), expected.to_string(), "{path}");
        }
        for (path, expected) in [
            ("/blake2b128", hex::encode(Blake2b::<U16>::digest(message))),
            ("/blake2b256", hex::encode(Blake2b::<U32>::digest(message))),
            ("/blake2b512", hex::encode(Blake2b512::digest(message))),
            ("/sha256", hex::encode(Sha256::digest(message))),
        ] {
            assert_eq!(ask(path, message.to_vec()), expected, "{path}");
        }
        let address = Ss58Address::new(prefix, seed).map(|address| address.to_string());
        let encoded = ask("/encode", format!("{prefix} {}", hex::encode(seed)).into());
        assert_eq!(encoded, address.clone().unwrap_or("none".to_owned()));
        for text in address.iter().chain([&text]) {
            let decoded = text
                .parse::<Ss58Address>()
                .map(|it| format!("{} {}", it.prefix(), hex::encode(it.key())));
            let decoded = decoded.unwrap_or("none".to_owned());
            assert_eq!(ask("/decode", format!("{text}\n").into()), decoded, "{text}");
        }
        Ok(())
    });
    agree.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_message_is_hashed_in_pieces_and_one_that_is_too_long_is_refused() {
    let host = Host::with(|limits| limits.transfer = platform_domain::ByteSize(4 << 20));
    let program = load(&host).await;
    for size in [0, 1 << 20, (1 << 20) + 1, (3 << 20) + 7] {
        let zeros = vec![0; size];
        let answer = ask(&program, &format!("/sha256/{size}"), "").await;
        assert_eq!(answer, hex::encode(Sha256::digest(&zeros)), "{size}");
        let answer = ask(&program, &format!("/blake2b512/{size}"), "").await;
        assert_eq!(answer, hex::encode(Blake2b512::digest(&zeros)), "{size}");
    }
    for path in ["/sha256/5000000", "/for-ever/sr25519/5000000"] {
        let error = call(&program, path, b"").await.unwrap_err();
        assert!(
            matches!(error, CallError::OutputTooLarge { .. }),
            "{path}: {error:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_host_computes_is_the_calls_own_computing() {
    let host = Host::with(|limits| limits.route_cpu_ms = 100);
    let program = load(&host).await;
    for path in [
        "/for-ever/sr25519/64",
        "/for-ever/sha256/64",
        "/for-ever/sr25519/4000000",
        "/for-ever/sha256/16000000",
    ] {
        let began = Instant::now();
        let error = call(&program, path, b"").await.unwrap_err();
        assert!(matches!(error, CallError::Computed(_)), "{path}: {error:?}");
        assert!(began.elapsed() < PATIENCE / 2, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_grant_it_is_refused_by_its_name() {
    let (host, component) = (Host::new(), built("notary"));
    let spec = ProgramSpec {
        grants: [Grant::Metagraph].into(),
        ..spec(&component)
    };
    let error = host.engine.load(component, spec).await.err().unwrap();
    assert!(
        matches!(error, ComponentError::NotGranted(Grant::Crypto)),
        "{error:?}"
    );
}
