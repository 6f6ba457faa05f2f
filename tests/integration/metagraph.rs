//! The subnet on its way from the chain to a challenge.

use std::time::Duration;

use platform_domain::Uid;
use platform_keys::Keypair;
use platform_tests::{TestHost, client};

use crate::epochs::{devnet_with, host, miners, submit};

async fn ask(host: &TestHost, path: &str) -> (u16, String) {
    let answer = client().get(host.url("census", path)).send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

#[tokio::test]
async fn a_challenge_sees_the_subnet_and_pays_by_its_stakes() {
    let (validator, miners) = (Keypair::generate().unwrap(), miners(2));
    let devnet = devnet_with(&validator, &miners, |subnet| {
        subnet.neurons[1].stake = 3_000_000_000_000;
        subnet.neurons[2].stake = 500_000_000_000;
    })
    .await;
    let host = host(&devnet, &validator).await;
    host.run_guest("census", "census", "100", &[]).await;
    let read = tokio::time::timeout(Duration::from_secs(60), async {
        while ask(&host, "/subnet").await.0 != 200 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    read.await.expect("the host reads the subnet in time");
    let neurons = [
        format!("0 {} 1000000000000 true", validator.hotkey()),
        format!("1 {} 3000000000000 false", miners[0]),
        format!("2 {} 500000000000 false", miners[1]),
    ];
    assert_eq!(ask(&host, "/neurons").await, (200, neurons.join("\n")));
    let uid = format!("/uid/{}", miners[1]);
    assert_eq!(ask(&host, &uid).await, (200, "Some(2)".to_owned()));
    let epoch = submit(&host).await;
    assert_eq!(epoch.state, "finalised", "{:?}", epoch.reason);
    let vector = epoch.vector.unwrap();
    assert_eq!(
        (vector.uids, vector.u16),
        (vec![Uid(0), Uid(1), Uid(2)], vec![21845, 65535, 10922])
    );
}

#[tokio::test]
async fn a_host_without_a_chain_says_that_it_has_read_nothing() {
    let host = TestHost::start().await;
    host.run_guest("census", "census", "0", &[]).await;
    let (status, answer) = ask(&host, "/neurons").await;
    assert!(
        status == 400 && answer.contains("not read yet"),
        "{status} {answer}"
    );
}
