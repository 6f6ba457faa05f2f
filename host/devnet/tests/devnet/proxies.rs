//! One key that sets the weights of another.

use platform_devnet::{Genesis, ProxyGenesis};
use platform_domain::BlockNumber;

use crate::wallet::{Fixture, genesis, key, mechanism_weights, set_weights};

/// `Proxy.proxy` for the key of UID 0, with the first delegation there is.
fn proxied(call: &[u8]) -> Vec<u8> {
    let real = key(0).hotkey();
    [&[16, 0, 0], real.as_bytes().as_slice(), &[0], call].concat()
}

fn with(kinds: &[(&str, u32)]) -> Genesis {
    let proxy = |(kind, delay): &(&str, u32)| ProxyGenesis {
        real: key(0).hotkey(),
        delegate: key(7).hotkey(),
        kind: (*kind).to_owned(),
        delay: *delay,
    };
    Genesis {
        proxies: kinds.iter().map(proxy).collect(),
        ..genesis()
    }
}

#[tokio::test]
async fn a_proxy_that_may_sets_the_weights_of_the_other_without_a_stake_of_its_own() {
    for kind in ["Any", "NonTransfer", "NonFungible", "NonCritical"] {
        let fixture = Fixture::with(with(&[(kind, 0)])).await;
        let call = mechanism_weights(1, 0, &[(1, 1), (2, 2)], 7);
        fixture.include(&key(7), proxied(&call)).await.unwrap();
        assert_eq!(fixture.weights(0, 0), [(1, 32768), (2, 65535)], "{kind}");
        // WeightsSet, then ProxyExecuted with Ok, then success without a fee.
        let events = fixture.events().await;
        assert!(
            events.contains("0001000000100000000001000000"),
            "{kind}: {events}"
        );
    }
}

#[tokio::test]
async fn what_fails_inside_is_in_the_event_of_a_call_that_succeeds() {
    for (kinds, call, error) in [
        // SubtensorModule (7), IncorrectWeightVersionKey (30).
        (
            &[("Any", 0)][..],
            mechanism_weights(1, 0, &[(1, 1), (2, 2)], 6),
            "0103071e000000",
        ),
        // System (0), CallFiltered (5): the type must not, also where another delegation behind it might.
        (
            &[("Staking", 0)],
            set_weights(&[(1, 1), (2, 2)]),
            "01030005000000",
        ),
        // What is no weights call, here a proxy's in a proxy's.
        (
            &[("Any", 0)],
            proxied(&set_weights(&[(1, 1), (2, 2)])),
            "01030005000000",
        ),
    ] {
        let fixture = Fixture::with(with(kinds)).await;
        fixture.include(&key(7), proxied(&call)).await.unwrap();
        let events = fixture.events().await;
        // In extrinsic 1: Proxy (16), ProxyExecuted (0), Err, Module, and which.
        let expected = format!("000100000010 00{error}").replace(' ', "");
        assert!(events.contains(&expected), "{kinds:?}: {events}");
        assert_eq!(fixture.weights(0, 0), []);
    }
}

#[tokio::test]
async fn who_is_no_proxy_or_only_of_announced_calls_fails_itself() {
    let call = proxied(&set_weights(&[(1, 1), (2, 2)]));
    // Proxy (16): NotProxy (2), Unannounced (6).
    for (kinds, error) in [(&[][..], "03100200000"), (&[("Any", 5)], "03100600000")] {
        let fixture = Fixture::with(with(kinds)).await;
        fixture.include(&key(7), call.clone()).await.unwrap();
        let events = fixture.events().await;
        assert!(events.contains(&format!("00010000000001{error}")), "{events}");
    }
}

#[tokio::test]
async fn in_safe_mode_only_the_plain_call_of_old_passes() {
    let safe = Genesis {
        safe_mode_until: Some(BlockNumber(2)),
        ..genesis()
    };
    let fixture = Fixture::with(safe).await;
    fixture
        .include(&key(0), mechanism_weights(1, 0, &[(1, 1), (2, 2)], 7))
        .await
        .unwrap();
    assert!(fixture.events().await.contains("0001000000000103000500"));
    fixture
        .include(&key(0), set_weights(&[(1, 1), (2, 2)]))
        .await
        .unwrap();
    assert_eq!(fixture.weights(0, 0).len(), 2);
    fixture.node.produce_blocks(5).await;
    fixture
        .include(&key(0), mechanism_weights(1, 0, &[(1, 2), (2, 2)], 7))
        .await
        .unwrap();
    assert_eq!(fixture.weights(0, 0), [(1, 65535), (2, 65535)]);
}
