//! Weights that one host tells another, and what counts when a challenge gives none: hosts on a test node, over real HTTP.

use platform_admin_types::PatchChallenge;
use platform_devnet::{Devnet, NeuronGenesis};
use platform_domain::{EpochId, Hotkey, Slug};
use platform_keys::Keypair;
use platform_tests::{HostBuilder, TestHost, client};
use serde_json::{Value, json};

use crate::epochs::{NETUID, devnet_with, ended, host, miners, scores, submit};

/// A node with two validators: the first owns the subnet, the second comes after the miners.
async fn two_validators(miners: &[Hotkey]) -> (Keypair, Keypair, Devnet) {
    let (first, second) = (Keypair::generate().unwrap(), Keypair::generate().unwrap());
    let neuron = NeuronGenesis {
        hotkey: second.hotkey(),
        stake: 1_000_000_000_000,
        validator_permit: true,
    };
    let devnet = devnet_with(&first, miners, |subnet| subnet.neurons.push(neuron)).await;
    (first, second, devnet)
}

async fn fetch(host: &TestHost, path: &str) -> (u16, Value) {
    let answer = client()
        .get(format!("{}{path}", host.public))
        .send()
        .await
        .unwrap();
    let status = answer.status().as_u16();
    (status, answer.json().await.unwrap())
}

async fn patch(host: &TestHost, slug: &str, fields: Value) {
    let slug: Slug = slug.parse().unwrap();
    let patch: PatchChallenge = serde_json::from_value(fields).unwrap();
    host.admin.challenge_patch(&slug, &patch).await.unwrap();
    host.running(slug.as_str()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_cannot_run_a_challenge_takes_that_ones_weights_from_its_primary() {
    let miners = miners(2);
    let (first, second, devnet) = two_validators(&miners).await;
    let primary = host(&devnet, &first).await;
    let weights = scores(&[(&miners[0], 1.0), (&miners[1], 3.0)]);
    primary
        .run_guest("judge", "echo", "60", &[("WEIGHTS", &weights)])
        .await;
    let other = scores(&[(&miners[0], 1.0)]);
    primary
        .run_guest("other", "echo", "40", &[("WEIGHTS", &other)])
        .await;

    assert_eq!(fetch(&primary, "/v1/weights/latest").await.0, 404);
    let told = submit(&primary).await;
    let (status, of_all) = fetch(&primary, "/v1/weights/latest").await;
    assert_eq!((status, &of_all["hotkey"]), (200, &json!(first.hotkey())));
    assert_eq!(of_all["document"]["epoch"], json!(told.epoch));
    let (status, judge) = fetch(&primary, "/v1/challenges/judge/weights/latest").await;
    assert_eq!(
        (status, &judge["document"]["subject"]["slug"]),
        (200, &json!("judge"))
    );

    let mut builder = HostBuilder::default().on(&devnet, NETUID, &second);
    builder.config.epoch.collect_seconds = 5;
    builder.config.primary.url = Some(primary.public.clone());
    builder.config.primary.hotkey = Some(first.hotkey());
    let secondary = builder.start().await;
    secondary
        .run_guest("judge", "echo", "100", &[("WEIGHTS", "[]")])
        .await;
    patch(&secondary, "judge", json!({ "on_failure": "primary" })).await;
    let epoch = submit(&secondary).await;
    assert_eq!((epoch.state.as_str(), &epoch.reason), ("finalised", &None));
    // Of the challenge alone, not of the primary's whole vector.
    let vector = epoch.vector.unwrap();
    assert_eq!(vector.u16, [21845, 65535]);
    let answers = secondary
        .admin
        .weights_answers(epoch.epoch)
        .await
        .unwrap()
        .answers;
    let sources: Vec<_> = answers.iter().map(|one| one.answer.source.clone()).collect();
    assert_eq!(
        sources,
        ["live".to_owned(), format!("primary/{}", first.hotkey())]
    );
    assert!(answers[0].answer.reason.is_some() && answers[1].answer.reason.is_none());
    // What was taken from elsewhere is not told as if it were this host's.
    assert_eq!(
        fetch(&secondary, "/v1/challenges/judge/weights/latest").await.0,
        404
    );
    assert_eq!(fetch(&secondary, "/v1/weights/latest").await.0, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_good_answer_counts_for_as_many_epochs_as_the_rule_says() {
    let (validator, miners) = (Keypair::generate().unwrap(), miners(2));
    let devnet = devnet_with(&validator, &miners, |subnet| subnet.tempo = 40).await;
    let host = host(&devnet, &validator).await;
    let weights = scores(&[(&miners[0], 1.0), (&miners[1], 3.0)]);
    host.run_guest("judge", "echo", "60", &[("WEIGHTS", &weights)])
        .await;
    patch(&host, "judge", json!({ "on_failure": "last-good:1" })).await;
    let good = next(&host, None).await;
    patch(&host, "judge", json!({ "env": { "WEIGHTS": "[]" } })).await;
    let kept = next(&host, Some(good.0)).await;
    assert_eq!((kept.1.as_str(), &kept.2), ("finalised", &good.2));
    let source = format!("last-good/{}", good.0);
    let answers = host.admin.weights_answers(kept.0).await.unwrap().answers;
    let found = answers.iter().find(|one| one.answer.reason.is_none());
    assert_eq!(found.unwrap().answer.source, source);
    let gone = next(&host, Some(kept.0)).await;
    // Two epochs after the answer, unless the machine took an epoch longer.
    assert_eq!((gone.1.as_str(), gone.2), ("skipped", None));
}

/// The next epoch to its end: number, state and vector.
async fn next(host: &TestHost, after: Option<EpochId>) -> (EpochId, String, Option<Vec<u16>>) {
    let begun = tokio::time::timeout(std::time::Duration::from_secs(60), async {
        loop {
            match host.admin.weights_submit().await {
                Ok(view) if after.is_none_or(|after| view.epoch > after) => return view.epoch,
                // The one before, or one that is about to end.
                _ => tokio::time::sleep(std::time::Duration::from_millis(20)).await,
            }
        }
    });
    let view = ended(host, begun.await.expect("an epoch begins in time")).await;
    (view.epoch, view.state, view.vector.map(|vector| vector.u16))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sink_that_gets_more_than_is_expected_is_an_alarm_until_it_does_not() {
    let (validator, miners) = (Keypair::generate().unwrap(), miners(2));
    let devnet = devnet_with(&validator, &miners, |subnet| subnet.tempo = 40).await;
    let mut builder = HostBuilder::default().on(&devnet, NETUID, &validator);
    builder.config.epoch.policy = "absolute".parse().unwrap();
    builder.config.epoch.sink_alarm_percent = 30;
    let host = builder.start().await;
    let (known, stranger) = (
        scores(&[(&miners[0], 1.0)]),
        scores(&[(&Hotkey::from_bytes([9; 32]), 1.0)]),
    );
    host.run_guest("judge", "echo", "50", &[("WEIGHTS", &stranger)])
        .await;
    let first = next(&host, None).await;
    let alarms = host.admin.weights_status().await.unwrap().alarms;
    assert!(alarms.len() == 1 && alarms[0].contains("'judge'"), "{alarms:?}");
    patch(&host, "judge", json!({ "env": { "WEIGHTS": known } })).await;
    next(&host, Some(first.0)).await;
    assert_eq!(
        host.admin.weights_status().await.unwrap().alarms,
        Vec::<String>::new()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_chain_will_say_is_told_beforehand_and_a_rehearsal_sends_nothing() {
    let (validator, miners) = (Keypair::generate().unwrap(), miners(1));
    let devnet = devnet_with(&validator, &miners, |_| ()).await;
    let host = host(&devnet, &validator).await;
    host.run_guest(
        "judge",
        "echo",
        "50",
        &[("WEIGHTS", &scores(&[(&miners[0], 1.0)]))],
    )
    .await;
    let status = host.admin.chain_status().await.unwrap();
    assert_eq!(
        (status.ss58_prefix, status.hotkey),
        (42, Some(validator.hotkey()))
    );
    assert!(status.nodes.len() == 1 && status.nodes[0].current && status.nodes[0].state == "healthy");
    let metagraph = host.admin.chain_metagraph().await.unwrap();
    assert_eq!(
        (metagraph.owner, metagraph.neurons.len()),
        (Some(validator.hotkey()), 2)
    );
    let preflight = host.admin.chain_preflight().await.unwrap();
    assert!(preflight.passed && preflight.epoch.is_none(), "{preflight:?}");
    let rehearsal = host.admin.weights_rehearse().await.unwrap();
    let call = rehearsal.call.unwrap();
    assert_eq!(call.name, "set_mechanism_weights");
    // Pallet 7, call 119, subnet 3, mechanism 0, one UID, which is 1, with 65535.
    assert!(
        call.data
            .starts_with("0x0777030000040100 04ffff".replace(' ', "").as_str()),
        "{}",
        call.data
    );
    assert!(host.admin.weights_history(1).await.unwrap().epochs.is_empty());
    assert!(devnet.accepted_extrinsics().is_empty());

    // A stranger's hotkey: everything is checked, and what is wrong has its name.
    let stranger = HostBuilder::default()
        .on(&devnet, NETUID, &Keypair::generate().unwrap())
        .start()
        .await;
    let preflight = stranger.admin.chain_preflight().await.unwrap();
    let failed: Vec<_> = preflight
        .checks
        .iter()
        .filter(|check| check.verdict == "failed")
        .collect();
    assert!(
        failed
            .iter()
            .any(|check| check.name == "HotKeyNotRegisteredInSubNet" && check.hint.is_some()),
        "{failed:?}"
    );
}
