//! What the pool refuses, in the node's words, and what the pallet refuses, in the chain's order.

use jsonrpsee::types::ErrorObjectOwned;
use platform_devnet::{Genesis, SubnetGenesis};
use platform_domain::{Hotkey, Netuid};
use platform_keys::Keypair;

use crate::wallet::{Draft, Fixture, NETUID, genesis, key, mechanism_weights, set_weights, uneven_weights};

fn parts(error: &ErrorObjectOwned) -> (i32, &str, String) {
    let data = error.data().map(|data| data.get().trim_matches('"').to_owned());
    (error.code(), error.message(), data.unwrap_or_default())
}

fn good() -> Vec<u8> {
    set_weights(&[(1, 1), (2, 1)])
}

#[tokio::test]
async fn a_forged_or_stale_extrinsic_is_refused_in_the_nodes_words() {
    type Forge = fn(&Draft) -> Vec<u8>;
    const BAD: (i32, &str) = (1010, "Transaction has a bad signature");
    const ANCIENT: (i32, &str) = (1010, "Transaction has an ancient birth block");
    let cases: [(&str, Forge, (i32, &str)); 12] = [
        (
            "another spec version",
            |d| {
                Draft {
                    spec: 460,
                    ..d.clone()
                }
                .sign(&key(0))
            },
            BAD,
        ),
        (
            "another transaction version",
            |d| {
                Draft {
                    transaction_version: 2,
                    ..d.clone()
                }
                .sign(&key(0))
            },
            BAD,
        ),
        (
            "another genesis",
            |d| {
                Draft {
                    genesis: [1; 32],
                    ..d.clone()
                }
                .sign(&key(0))
            },
            BAD,
        ),
        (
            "another birth block",
            |d| {
                Draft {
                    birth: [1; 32],
                    ..d.clone()
                }
                .sign(&key(0))
            },
            BAD,
        ),
        (
            "another signer",
            |d| d.with_signature(&key(1).hotkey(), key(0).sign(&d.payload())),
            BAD,
        ),
        (
            "a signed tip that differs",
            |d| Draft { tip: 1, ..d.clone() }.with_signature(&key(0).hotkey(), key(0).sign(&d.payload())),
            BAD,
        ),
        (
            "another call",
            |d| {
                let other = Draft {
                    call: set_weights(&[(1, 2), (2, 1)]),
                    ..d.clone()
                };
                other.with_signature(&key(0).hotkey(), key(0).sign(&d.payload()))
            },
            BAD,
        ),
        (
            "no signature",
            |d| d.with_signature(&key(0).hotkey(), [0; 64]),
            BAD,
        ),
        // Period 64, phase 63: born in a block that is still to come.
        (
            "a birth to come",
            |d| {
                Draft {
                    era: vec![0xf5, 0x03],
                    ..d.clone()
                }
                .sign(&key(0))
            },
            ANCIENT,
        ),
        (
            "a used nonce",
            |d| {
                Draft {
                    nonce: 0,
                    ..d.clone()
                }
                .sign(&key(0))
            },
            (1010, "Transaction is outdated"),
        ),
        (
            "a metadata hash",
            |d| {
                Draft {
                    metadata_mode: 1,
                    ..d.clone()
                }
                .sign(&key(0))
            },
            (1011, "CannotLookup"),
        ),
        ("the same rate", |d| d.sign(&key(0)), (1010, "Custom error: 6")),
    ];
    let fixture = Fixture::new().await;
    fixture.include(&key(0), good()).await.unwrap();
    let draft = fixture.draft(&key(0), good()).await;
    for (name, forge, expected) in cases {
        let error = fixture.submit(&forge(&draft)).await.expect_err(name);
        let (code, message, data) = parts(&error);
        assert_eq!((code, data.as_str()), expected, "{name}");
        let text = if code == 1010 {
            "Invalid Transaction"
        } else {
            "Unknown Transaction Validity"
        };
        assert_eq!(message, text, "{name}");
    }
    assert_eq!(fixture.node.accepted_extrinsics().len(), 1);
}

#[tokio::test]
async fn bytes_that_are_no_signed_extrinsic_are_refused() {
    let fixture = Fixture::new().await;
    let good = fixture.draft(&key(0), good()).await.sign(&key(0));
    let edit = |at: usize, byte: u8| {
        let mut bytes = good.clone();
        bytes[at] = byte;
        bytes
    };
    // Two bytes of length come first, then the version, the address's kind, the key, the signature's kind.
    let body = |bytes: &[u8]| parity_scale_codec::Encode::encode(&bytes.to_vec());
    let nested = [
        &good[2..103],
        &[0, 0, 0, 0],
        [11, 0, 4].repeat(100_000).as_slice(),
    ]
    .concat();
    for (name, bytes, code) in [
        ("nothing", vec![], 1040),
        ("a length without content", vec![0xa8], 1040),
        ("an empty body", vec![0], 1002),
        ("another version", edit(2, 0x83), 1002),
        ("an unknown kind of address", edit(3, 9), 1002),
        ("an address by index", edit(3, 1), 1011),
        ("an unknown kind of signature", edit(36, 9), 1002),
        ("a signature of another scheme", edit(36, 0), 1010),
        ("no signature", body(&[4, 0, 0]), 1011),
        (
            "an impossible era",
            body(&[&good[2..101], &[0x00, 0xff], &good[102..]].concat()),
            1002,
        ),
        ("a truncated call", body(&good[2..good.len() - 1]), 1002),
        (
            "a call with more behind it",
            body(&[&good[2..], &[0]].concat()),
            1002,
        ),
        (
            "an unknown pallet",
            body(&[&good[2..105], &[250, 0]].concat()),
            1002,
        ),
        ("batches in batches in batches", body(&nested), 1010),
    ] {
        let error = fixture.submit(&bytes).await.expect_err(name);
        assert_eq!(error.code(), code, "{name}: {error:?}");
    }
    assert!(fixture.node.accepted_extrinsics().is_empty());
}

#[tokio::test]
async fn the_pool_takes_one_extrinsic_per_account_and_nonce() {
    let fixture = Fixture::new().await;
    let draft = fixture.draft(&key(0), good()).await;
    let extrinsic = draft.sign(&key(0));
    let hash = fixture.submit(&extrinsic).await.unwrap();
    let again = fixture.submit(&extrinsic).await.unwrap_err();
    assert_eq!(parts(&again), (1013, "Transaction Already Imported", hash));
    let other = Draft {
        tip: 1_000_000,
        ..draft
    };
    let outbid = fixture.submit(&other.sign(&key(0))).await.unwrap_err();
    assert_eq!(
        (outbid.code(), outbid.message()),
        (1014, "Priority is too low: (1 vs 1)")
    );
    fixture.node.produce_blocks(1).await;
    let included = fixture.submit(&extrinsic).await.unwrap_err();
    assert_eq!(
        parts(&included),
        (1010, "Invalid Transaction", "Transaction is outdated".to_owned())
    );
}

#[tokio::test]
async fn a_mortal_extrinsic_lives_for_its_period() {
    let fixture = Fixture::new().await;
    fixture.node.produce_blocks(3).await;
    let mut draft = fixture.draft(&key(0), good()).await;
    // Period 4, phase 3: blocks 4 to 6.
    draft.era = vec![0x31, 0x00];
    draft.birth = fixture.hash_at(3).await;
    let extrinsic = draft.sign(&key(0));
    fixture.node.produce_blocks(2).await;
    draft.tip = 1;
    fixture.submit(&extrinsic).await.unwrap();
    fixture.node.produce_blocks(1).await;
    assert_eq!(fixture.weights(0, 0).len(), 2);

    let mut late = fixture.draft(&key(1), good()).await;
    (late.era, late.birth) = (draft.era, draft.birth);
    // Block 7 would be the birth of a new period, and is not there yet; later ones have another birth.
    let error = fixture.submit(&late.sign(&key(1))).await.unwrap_err();
    assert_eq!(parts(&error).2, "Transaction has an ancient birth block");
    fixture.node.produce_blocks(1).await;
    let error = fixture.submit(&late.sign(&key(1))).await.unwrap_err();
    assert_eq!(parts(&error).2, "Transaction has a bad signature");
}

#[tokio::test]
async fn too_little_stake_never_reaches_a_block_unless_it_is_the_owners() {
    let fixture = Fixture::new().await;
    for poor in [2, 50] {
        let error = fixture.include(&key(poor), good()).await.unwrap_err();
        assert_eq!(
            parts(&error),
            (1010, "Invalid Transaction", "Custom error: 1".to_owned())
        );
    }
    let mut owned = genesis();
    owned.subnets[0].owner = key(2).hotkey();
    owned.subnets[0].neurons[2].validator_permit = false;
    let fixture = Fixture::with(owned).await;
    fixture.include(&key(2), good()).await.unwrap();
    assert_eq!(
        fixture.weights(0, 2).len(),
        2,
        "the owner needs neither stake nor permit"
    );
}

/// Each row breaks one rule and all that come after it, so that the order shows.
#[tokio::test]
async fn the_pallet_refuses_in_the_chains_order() {
    let everything = Genesis {
        stake_threshold: 0,
        ..genesis()
    };
    let mut hidden = everything.clone();
    hidden.subnets[0].commit_reveal = true;
    let mut root = everything.clone();
    root.subnets.push(SubnetGenesis {
        netuid: Netuid(0),
        ..SubnetGenesis::default()
    });
    let call = |netuid, mechanism, dests: &[u16], values: &[u16], version| {
        uneven_weights(netuid, mechanism, dests, values, version)
    };
    let rows: [(&str, u8, &Genesis, &Keypair, Vec<u8>); 12] = [
        (
            "CommitRevealEnabled",
            53,
            &hidden,
            &key(50),
            call(NETUID, 9, &[9, 9, 9, 9], &[1], 0),
        ),
        (
            "CanNotSetRootNetworkWeights",
            47,
            &root,
            &key(50),
            call(0, 9, &[9, 9, 9, 9], &[1], 0),
        ),
        (
            "WeightVecNotEqualSize",
            16,
            &everything,
            &key(50),
            call(NETUID, 9, &[9, 9, 9, 9], &[1], 0),
        ),
        (
            "MechanismDoesNotExist",
            74,
            &everything,
            &key(50),
            call(NETUID, 2, &[9; 4], &[1; 4], 0),
        ),
        (
            "UidsLengthExceedUidsInSubNet",
            32,
            &everything,
            &key(50),
            call(NETUID, 0, &[9; 4], &[1; 4], 0),
        ),
        (
            "HotKeyNotRegisteredInSubNet",
            4,
            &everything,
            &key(50),
            call(NETUID, 0, &[9], &[1], 0),
        ),
        (
            "IncorrectWeightVersionKey",
            30,
            &everything,
            &key(1),
            call(NETUID, 0, &[9, 9], &[1, 1], 6),
        ),
        (
            "NeuronNoValidatorPermit",
            15,
            &everything,
            &key(1),
            call(NETUID, 0, &[9, 9], &[1, 1], 7),
        ),
        (
            "DuplicateUids",
            17,
            &everything,
            &key(0),
            call(NETUID, 0, &[9, 9], &[1, 1], 7),
        ),
        (
            "UidVecContainInvalidOne",
            18,
            &everything,
            &key(0),
            call(NETUID, 0, &[3], &[1], 7),
        ),
        (
            "WeightVecLengthIsLow",
            19,
            &everything,
            &key(0),
            call(NETUID, 0, &[1], &[1], 7),
        ),
        (
            "WeightVecLengthIsLow",
            19,
            &everything,
            &key(0),
            call(NETUID, 0, &[], &[], 7),
        ),
    ];
    for (name, error, genesis, signer, call) in rows {
        let fixture = Fixture::with(genesis.clone()).await;
        fixture.include(signer, call).await.unwrap();
        let events = fixture.events().await;
        // Extrinsic 1: ExtrinsicFailed with DispatchError::Module, pallet 7, then Normal and free.
        let expected = format!("00010000000001030 7{error:02x}0000000000000100").replace(' ', "");
        assert!(events.contains(&expected), "{name}: {events}");
        assert!(
            fixture.weights(0, 0).is_empty() && fixture.weights(0, 1).is_empty(),
            "{name}"
        );
    }
}

#[tokio::test]
async fn a_single_weight_for_oneself_needs_neither_permit_nor_length() {
    let fixture = Fixture::new().await;
    fixture.include(&key(1), set_weights(&[(1, 9)])).await.unwrap();
    assert_eq!(fixture.weights(0, 1), [(1, 65535)]);
}

#[tokio::test]
async fn the_rate_limit_ends_exactly_when_the_chains_does() {
    let fixture = Fixture::new().await;
    fixture.include(&key(0), good()).await.unwrap();
    // Updated in block 1 with a limit of 5: block 6 is the first that may.
    fixture.node.produce_blocks(3).await;
    let error = fixture.include(&key(0), good()).await.unwrap_err();
    assert_eq!(parts(&error).2, "Custom error: 6");
    fixture.node.produce_blocks(1).await;
    fixture
        .include(&key(0), mechanism_weights(NETUID, 0, &[(0, 5), (2, 5)], 8))
        .await
        .unwrap();
    assert_eq!(fixture.weights(0, 0), [(0, 65535), (2, 65535)]);
}

#[tokio::test]
async fn a_signer_of_zeroes_is_refused() {
    let fixture = Fixture::new().await;
    let draft = fixture.draft(&key(0), good()).await;
    let nobody = Hotkey::from_bytes([0; 32]);
    let error = fixture
        .submit(&draft.with_signature(&nobody, [1; 64]))
        .await
        .unwrap_err();
    assert_eq!(error.code(), 1010);
}
