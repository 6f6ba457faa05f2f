//! One epoch, from challenges to the chain and back.

use std::time::Duration;

use platform_admin_types::EpochView;
use platform_devnet::{Devnet, DevnetConfig, Genesis, NeuronGenesis, SubnetGenesis};
use platform_domain::{EpochId, Hotkey, MechanismId, Netuid, Uid};
use platform_keys::Keypair;
use platform_tests::{HostBuilder, Program, TestHost};
use serde_json::json;

pub(crate) const NETUID: Netuid = Netuid(3);
/// Nearly the longest that the chain has.
const LONG_TEMPO: u16 = 50_000;
const BLOCK: Duration = Duration::from_millis(50);

/// The validator is UID 0 and the miners follow.
pub(crate) async fn devnet(validator: &Keypair, miners: &[Hotkey]) -> Devnet {
    devnet_with(validator, miners, |_| ()).await
}

/// With rules of its own.
pub(crate) async fn devnet_with(
    validator: &Keypair,
    miners: &[Hotkey],
    rules: impl FnOnce(&mut SubnetGenesis),
) -> Devnet {
    let config = devnet_config(validator, miners, rules);
    Devnet::start(config).await.unwrap()
}

pub(crate) fn devnet_config(
    validator: &Keypair,
    miners: &[Hotkey],
    rules: impl FnOnce(&mut SubnetGenesis),
) -> DevnetConfig {
    let validator = NeuronGenesis {
        hotkey: validator.hotkey(),
        stake: 1_000_000_000_000,
        validator_permit: true,
    };
    let miners = miners.iter().map(|hotkey| NeuronGenesis {
        hotkey: *hotkey,
        stake: 0,
        validator_permit: false,
    });
    let owner = validator.hotkey;
    let neurons = std::iter::once(validator).chain(miners).collect();
    let mut subnet = SubnetGenesis {
        netuid: NETUID,
        neurons,
        owner,
        // One epoch of the chain for the whole of a test.
        tempo: LONG_TEMPO,
        weights_rate_limit: 0,
        ..SubnetGenesis::default()
    };
    rules(&mut subnet);
    let genesis = Genesis {
        subnets: vec![subnet],
        ..Genesis::default()
    };
    DevnetConfig {
        block_time: Some(BLOCK),
        genesis,
        ..DevnetConfig::default()
    }
}

pub(crate) fn miners(count: u8) -> Vec<Hotkey> {
    (1..=count).map(|n| Hotkey::from_bytes([n; 32])).collect()
}

pub(crate) async fn host(devnet: &Devnet, validator: &Keypair) -> TestHost {
    let mut builder = HostBuilder::default().on(devnet, NETUID, validator);
    builder.config.epoch.collect_seconds = 5;
    builder.start().await
}

pub(crate) async fn ended(host: &TestHost, epoch: EpochId) -> EpochView {
    let waited = tokio::time::timeout(Duration::from_secs(60), async {
        loop {
            let view = host.admin.weights_epoch(epoch).await.unwrap();
            if view.ended {
                return view;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    waited.await.expect("the epoch ends in time")
}

pub(crate) async fn submit(host: &TestHost) -> EpochView {
    let begun = host.admin.weights_submit().await.unwrap();
    ended(host, begun.epoch).await
}

pub(crate) fn scores(scores: &[(&Hotkey, f64)]) -> String {
    let map: serde_json::Map<_, _> = scores
        .iter()
        .map(|(hotkey, score)| (hotkey.to_string(), json!(score)))
        .collect();
    serde_json::Value::from(map).to_string()
}

#[tokio::test]
async fn the_recorded_vector_is_what_the_chain_then_holds() {
    let (validator, miners) = (Keypair::generate().unwrap(), miners(3));
    let devnet = devnet(&validator, &miners).await;
    let host = host(&devnet, &validator).await;
    let unknown = Hotkey::from_bytes([99; 32]);
    let first = scores(&[(&miners[0], 1.0), (&miners[1], 3.0)]);
    let second = scores(&[(&miners[2], 2.0), (&unknown, 100.0)]);
    host.run_guest("first", "echo", "75", &[("WEIGHTS", &first)])
        .await;
    host.run_guest("second", "echo", "25", &[("WEIGHTS", &second)])
        .await;

    let preview = host.admin.weights_preview().await.unwrap();
    let epoch = submit(&host).await;
    assert_eq!((epoch.state.as_str(), &epoch.reason), ("finalised", &None));
    assert_eq!(epoch.vector, preview.vector);
    let vector = epoch.vector.unwrap();
    // first: 0.75 as 1:3. second: of 0.25 only 2/102 reaches a registered miner.
    assert_eq!(
        (vector.uids, vector.u16),
        (vec![Uid(1), Uid(2), Uid(3)], vec![21845, 65535, 571])
    );
    let held = devnet.weights(NETUID, MechanismId(0), Uid(0));
    assert_eq!(Some(held), epoch.on_chain);
    assert_eq!(devnet.accepted_extrinsics().len(), 1);
}

#[tokio::test]
async fn a_challenge_that_fails_costs_its_own_part_and_is_reported() {
    let (validator, miners) = (Keypair::generate().unwrap(), miners(2));
    let devnet = devnet(&validator, &miners).await;
    let host = host(&devnet, &validator).await;
    host.run_guest(
        "good",
        "echo",
        "10",
        &[("WEIGHTS", &scores(&[(&miners[0], 1.0)]))],
    )
    .await;
    host.run_guest("crashes", "trap", "30", &[]).await;
    host.run_guest("hangs", "spin", "30", &[]).await;
    host.run_guest("lies", "garbage-weights", "30", &[("MODE", "duplicate")])
        .await;
    let epoch = submit(&host).await;
    assert_eq!(epoch.state, "finalised", "{:?}", epoch.reason);
    assert_eq!(epoch.on_chain, Some(vec![(Uid(1), 65535)]));
    let report = epoch.report.unwrap();
    let told: Vec<_> = report["challenges"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (&one["slug"], &one["status"]))
        .collect();
    let expected = [
        ("crashes", "failed"),
        ("good", "answered"),
        ("hangs", "failed"),
        ("lies", "failed"),
    ];
    assert_eq!(
        told,
        expected
            .map(|(slug, status)| (json!(slug), json!(status)))
            .iter()
            .map(|(a, b)| (a, b))
            .collect::<Vec<_>>()
    );
    for one in report["challenges"].as_array().unwrap() {
        assert!(
            one["status"] == "answered" || one["reason"].as_str().is_some_and(|reason| !reason.is_empty()),
            "{one}"
        );
    }
    let (number, token) = (epoch.epoch.to_string(), host.state().join("admin.token"));
    let at = [
        "--admin-url",
        &host.admin_url,
        "--admin-token-file",
        token.to_str().unwrap(),
    ];
    let shown = Program::run(&[&at[..], &["weights", "show", &number]].concat(), "").await;
    let shown = String::from_utf8(shown.stdout).unwrap();
    for part in [
        "crashes",
        "the challenge crashed",
        "no answer within 5 s",
        "twice",
    ] {
        assert!(shown.contains(part), "{shown}");
    }
    // One line each: a crash's stack is for the log.
    for answer in host.admin.weights_preview().await.unwrap().answers {
        let reason = answer.reason.unwrap_or_default();
        assert!(!reason.contains('\n'), "{reason}");
    }
}

#[tokio::test]
async fn an_asker_that_goes_away_is_not_held_against_the_challenges() {
    let (validator, miners) = (Keypair::generate().unwrap(), miners(1));
    let devnet = devnet(&validator, &miners).await;
    let host = host(&devnet, &validator).await;
    host.run_guest("hangs", "spin", "30", &[]).await;
    let gone = tokio::time::timeout(Duration::from_secs(2), host.admin.weights_preview()).await;
    assert!(gone.is_err(), "{gone:?}");
    let waited = host.admin.weights_preview().await.unwrap();
    assert_eq!(waited.answers[0].reason.as_deref(), Some("no answer within 5 s"));
    let slug = "hangs".parse().unwrap();
    let found = host.admin.challenge_incidents(&slug).await.unwrap().incidents;
    let told: Vec<_> = found.iter().map(|it| (it.text.as_str(), it.count)).collect();
    assert_eq!(told, [("the epoch did not wait any longer", 1)]);
}

#[tokio::test]
async fn asking_twice_in_one_epoch_submits_once_also_after_a_restart() {
    let (validator, miners) = (Keypair::generate().unwrap(), miners(2));
    let devnet = devnet(&validator, &miners).await;
    let mut host = host(&devnet, &validator).await;
    host.run_guest(
        "good",
        "echo",
        "10",
        &[("WEIGHTS", &scores(&[(&miners[0], 1.0)]))],
    )
    .await;
    let first = submit(&host).await;
    host.restart().await;
    let second = submit(&host).await;
    assert_eq!(
        (first.epoch, first.extrinsic_hash),
        (second.epoch, second.extrinsic_hash)
    );
    assert_eq!(devnet.accepted_extrinsics().len(), 1);
    assert_eq!(host.admin.weights_history(10).await.unwrap().epochs.len(), 1);
}

#[tokio::test]
async fn with_nothing_to_pay_the_epoch_is_skipped_and_says_why() {
    let (validator, miners) = (Keypair::generate().unwrap(), miners(1));
    let devnet = devnet(&validator, &miners).await;
    let host = host(&devnet, &validator).await;
    let epoch = submit(&host).await;
    assert_eq!(epoch.state, "skipped");
    assert!(epoch.reason.unwrap().contains("no challenge"));
    assert!(devnet.accepted_extrinsics().is_empty());
}

#[tokio::test]
async fn an_epoch_that_ended_unsigned_begins_anew_when_it_is_asked_for() {
    let (validator, miners) = (Keypair::generate().unwrap(), miners(1));
    let devnet = devnet(&validator, &miners).await;
    let host = host(&devnet, &validator).await;
    let skipped = submit(&host).await;
    assert_eq!(skipped.state, "skipped");
    let weights = scores(&[(&miners[0], 1.0)]);
    host.run_guest("good", "echo", "10", &[("WEIGHTS", &weights)])
        .await;
    let again = submit(&host).await;
    assert_eq!((again.epoch, again.state.as_str()), (skipped.epoch, "finalised"));
    assert_eq!(submit(&host).await.extrinsic_hash, again.extrinsic_hash);
    assert_eq!(devnet.accepted_extrinsics().len(), 1);
}

#[tokio::test]
async fn the_first_epoch_waits_for_a_challenge_and_then_begins_by_itself() {
    let (validator, miners) = (Keypair::generate().unwrap(), miners(1));
    let devnet = devnet(&validator, &miners).await;
    let mut builder = HostBuilder::default().on(&devnet, NETUID, &validator);
    builder.config.epoch.schedule = "tempo".parse().unwrap();
    let host = builder.start().await;
    let told = tokio::time::timeout(Duration::from_secs(60), async {
        while host.admin.weights_status().await.unwrap().error.is_none() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    told.await.expect("the status says what it waits for");
    assert!(host.admin.weights_history(1).await.unwrap().epochs.is_empty());
    let weights = scores(&[(&miners[0], 1.0)]);
    host.run_guest("good", "echo", "10", &[("WEIGHTS", &weights)])
        .await;
    let begun = host.admin.weights_submit().await.unwrap();
    assert_eq!(ended(&host, begun.epoch).await.state, "finalised");
    assert_eq!(devnet.accepted_extrinsics().len(), 1);
}

#[tokio::test]
async fn what_the_chain_refuses_is_told_by_its_name() {
    let (validator, miners) = (Keypair::generate().unwrap(), miners(1));
    // Registered, but as a miner: no permit.
    let devnet = devnet(&Keypair::generate().unwrap(), &[validator.hotkey(), miners[0]]).await;
    let host = host(&devnet, &validator).await;
    host.run_guest(
        "good",
        "echo",
        "10",
        &[("WEIGHTS", &scores(&[(&miners[0], 1.0)]))],
    )
    .await;
    let epoch = submit(&host).await;
    assert_eq!(epoch.state, "failed");
    assert!(
        epoch
            .reason
            .as_deref()
            .unwrap()
            .contains("NeuronNoValidatorPermit"),
        "{:?}",
        epoch.reason
    );
}

#[tokio::test]
async fn a_lost_answer_to_the_submission_does_not_submit_twice() {
    let (validator, miners) = (Keypair::generate().unwrap(), miners(1));
    let devnet = devnet(&validator, &miners).await;
    let host = host(&devnet, &validator).await;
    host.run_guest(
        "good",
        "echo",
        "10",
        &[("WEIGHTS", &scores(&[(&miners[0], 1.0)]))],
    )
    .await;
    devnet.faults().lose_next_submission_answer();
    let epoch = submit(&host).await;
    assert_eq!(epoch.state, "finalised", "{:?}", epoch.reason);
    assert_eq!((epoch.attempts, devnet.accepted_extrinsics().len()), (1, 1));
}

#[tokio::test]
async fn without_a_chain_the_host_serves_and_says_that_there_is_none() {
    let host = TestHost::start().await;
    let refused = host.admin.weights_preview().await.unwrap_err().to_string();
    assert!(refused.contains("no chain endpoint"), "{refused}");
    assert!(host.admin.weights_history(10).await.unwrap().epochs.is_empty());
}
