//! Calls, byte for byte.

use super::*;

#[test]
fn a_call_is_laid_out_as_the_chain_lays_it_out() {
    let runtime = runtime();
    let data = |call: &WeightsCall| encode(&runtime, &plain_call(&runtime, call).unwrap().1).unwrap();
    for (call, expected) in [
        (
            call(0, &[0, 5], &[65535, 100], 10_002_000),
            "0777010000080000050008ffff6400509e980000000000",
        ),
        (call(1, &[], &[], 0), "077701000100000000000000000000"),
    ] {
        assert_eq!(hex::encode(data(&call)), expected);
    }
    // The older call differs by name and by the argument it has not.
    let arguments = Arguments::of(&call(0, &[0, 1], &[100, 200], 0));
    let older = subxt::transactions::dynamic("SubtensorModule", "set_weights", arguments);
    let data = runtime.codec().transactions().call_data(&older).unwrap();
    assert_eq!(data, bytes(&golden()["set_weights"]["data_hex"]));
}

/// Encoded by hand after the order and types that are published for the calls of spec 425 and 461.
#[test]
fn a_commit_is_laid_out_as_the_chain_lays_it_out() {
    let runtime = runtime();
    let (name, committed) = commit_call(&runtime, &call(0, &[], &[], 0), vec![0xab; 20], 1000).unwrap();
    assert_eq!(name, "commit_timelocked_mechanism_weights");
    let expected = format!("0776010000 50{}e803000000000000 0400", "ab".repeat(20)).replace(' ', "");
    assert_eq!(hex::encode(encode(&runtime, &committed).unwrap()), expected);
    let content = payload(Hotkey::from_bytes([1; 32]), &call(0, &[0, 1], &[10, 20], 0));
    let expected = format!("80{}08000001000 80a0014000000000000000000", "01".repeat(32)).replace(' ', "");
    assert_eq!(hex::encode(&content), expected);
}

/// `Proxy.proxy(MultiAddress::Id(real), None, set_mechanism_weights(1, 0, [0, 5], [65535, 100], 10002000))`.
#[test]
fn a_proxys_call_is_laid_out_as_the_chain_lays_it_out() {
    let runtime = runtime();
    let inner = "0777010000080000050008ffff6400509e980000000000";
    let real = Hotkey::from_bytes([7; 32]);
    let proxied = encode(&runtime, &proxy_call(real, hex::decode(inner).unwrap())).unwrap();
    assert_eq!(
        hex::encode(&proxied),
        format!("100000{}00{inner}", "07".repeat(32))
    );
    // And the metadata reads it as what it is.
    let read = from_call_data(&runtime, &proxied);
    assert_eq!(runtime.codec().transactions().call_data(&read).unwrap(), proxied);
}

#[test]
fn call_data_that_the_runtime_does_not_know_is_not_signed() {
    let runtime = runtime();
    for data in [&[][..], &[7], &[255, 0], &[7, 255]] {
        assert!(RawCall::new(&runtime, data).is_err(), "{data:?}");
    }
}

#[test]
fn lists_of_different_length_and_impossible_mechanisms_make_no_call() {
    let runtime = runtime();
    let refused = |call| plain_call(&runtime, &call).map(|_| ()).unwrap_err();
    assert!(matches!(
        refused(call(0, &[0, 1], &[1], 0)),
        ChainError::Unequal { uids: 2, values: 1 }
    ));
    assert!(matches!(
        refused(call(16, &[0], &[1], 0)),
        ChainError::NoMechanism { .. }
    ));
    let beyond = WeightsCall {
        netuid: Netuid(4096),
        ..call(0, &[0], &[1], 0)
    };
    assert!(matches!(refused(beyond), ChainError::NoSubnet(Netuid(4096))));
}
