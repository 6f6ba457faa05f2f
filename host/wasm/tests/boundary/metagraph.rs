//! The subnet as a challenge sees it: one block for a whole call, whatever the host reads meanwhile.

use std::{sync::Arc, time::Duration};

use platform_domain::{EpochContext, EpochId, Grant, Hotkey, Metagraph, Neuron, UnixSeconds};
use platform_wasm::{CallError, ComponentError, Program, ProgramSpec};
use tokio::sync::watch;

use crate::{
    host::{Host, built, spec, subnet},
    ledger::ask,
};

/// Long enough for a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

type Publisher = watch::Sender<Option<Arc<Metagraph>>>;

async fn load(host: &Host, instances: &str) -> (Publisher, Program) {
    let component = built("census");
    let (publisher, metagraph) = watch::channel(None);
    let spec = ProgramSpec {
        grants: Grant::usual(),
        metagraph,
        instances: instances.parse().unwrap(),
        route_deadline: PATIENCE,
        ..spec(&component)
    };
    (publisher, host.engine.load(component, spec).await.unwrap())
}

fn neuron(number: u64) -> Neuron {
    let mut key = [0; 32];
    key[..8].copy_from_slice(&number.to_le_bytes());
    Neuron {
        hotkey: Hotkey::from_bytes(key),
        stake: number << 40,
        validator_permit: number == 1,
    }
}

fn epoch(block: u64, neurons: Vec<Neuron>) -> EpochContext {
    EpochContext {
        epoch: EpochId(1),
        metagraph: subnet(block, neurons),
        unix_seconds: UnixSeconds(0),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_challenge_sees_who_is_in_the_subnet() {
    let host = Host::new();
    let (publisher, program) = load(&host, "per-call").await;
    // The second UID has no key.
    publisher.send_replace(Some(subnet(7, vec![neuron(1), neuron(0), neuron(3)])));
    let [first, third] = [1, 3].map(|number| neuron(number).hotkey);
    let rows = [
        format!("0 {first} 1099511627776 true"),
        format!("2 {third} 3298534883328 false"),
    ];
    let unknown = neuron(9).hotkey;
    for (path, expected) in [
        (
            "/subnet",
            format!("1 7 {:?} Some({:?})", [7; 32], first.to_string()),
        ),
        ("/neurons", rows.join("\n")),
        ("/neuron/0", rows[0].clone()),
        ("/neuron/1", "none".to_owned()),
        ("/neuron/2", rows[1].clone()),
        ("/neuron/65535", "none".to_owned()),
        (&format!("/uid/{third}"), "Some(2)".to_owned()),
        (&format!("/uid/{unknown}"), "None".to_owned()),
        (&format!("/uid/{}", neuron(0).hotkey), "None".to_owned()),
        ("/uid/x", "None".to_owned()),
    ] {
        assert_eq!(ask(&program, path, "").await.unwrap(), expected, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn before_the_subnet_is_read_every_question_is_answered_so() {
    let host = Host::new();
    let (publisher, program) = load(&host, "warm(1)").await;
    let address = neuron(1).hotkey.to_string();
    let paths = [
        "/subnet",
        "/neurons",
        "/neuron/0",
        &format!("/uid/{address}"),
        "/uid/x",
    ];
    for path in paths {
        let error = ask(&program, path, "").await.unwrap_err();
        assert!(error.contains("not read yet"), "{path}: {error}");
    }
    publisher.send_replace(Some(subnet(7, vec![neuron(1)])));
    for path in paths {
        ask(&program, path, "").await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_sees_one_block_and_the_next_one_the_next() {
    let host = Host::new();
    for instances in ["per-call", "warm(1)"] {
        let (publisher, program) = load(&host, instances).await;
        publisher.send_replace(Some(subnet(1, vec![])));
        let watching = ask(&program, "/watch/100", "");
        let mut watching = std::pin::pin!(watching);
        let mut block = 1;
        let seen = loop {
            tokio::select! {
                seen = &mut watching => break seen.unwrap(),
                () = tokio::time::sleep(Duration::from_millis(1)) => {
                    block += 1;
                    publisher.send_replace(Some(subnet(block, vec![])));
                }
            }
        };
        assert!(block > 2, "{block}");
        assert_eq!(seen, "[1]", "{instances}, of {block}");
        let seen = ask(&program, "/watch/1", "").await.unwrap();
        assert_eq!(seen, format!("[{block}]"), "{instances}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn weights_are_of_the_epochs_block_however_often_they_are_asked_for() {
    let host = Host::new();
    let (publisher, program) = load(&host, "per-call").await;
    let context = epoch(7, vec![neuron(1), neuron(2)]);
    // Not read at all, read later, and the subnet has changed.
    for latest in [None, Some(subnet(8, vec![neuron(5)])), Some(subnet(9, vec![]))] {
        publisher.send_replace(latest);
        let weights = program.get_weights(context.clone()).await.unwrap();
        let weights: Vec<_> = weights.into_iter().map(|it| (it.hotkey, it.score)).collect();
        let expected = [1, 2]
            .map(neuron)
            .map(|it| (it.hotkey.to_string(), it.stake as f64));
        assert_eq!(weights, expected);
    }
    assert_eq!(ask(&program, "/watch/1", "").await.unwrap(), "[9]");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_subnet_is_written_once_and_read_by_all() {
    const MANY: u64 = 4096;
    let host = Host::new();
    let (publisher, program) = load(&host, "per-call").await;
    let neurons: Vec<_> = (1..=MANY).map(neuron).collect();
    publisher.send_replace(Some(subnet(7, neurons.clone())));
    let answer = ask(&program, "/neurons", "").await.unwrap();
    let addresses = answer.lines().map(|line| line.split(' ').nth(1).unwrap());
    assert!(addresses.eq(neurons.iter().map(|neuron| neuron.hotkey.to_string())));
    let answers = futures_util::future::join_all((0..4).map(|_| ask(&program, "/count", ""))).await;
    assert!(
        answers.iter().all(|answer| answer.as_deref() == Ok("4096")),
        "{answers:?}"
    );
    let weights = program.get_weights(epoch(7, neurons)).await.unwrap();
    assert_eq!(weights.len(), 4096);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_grant_it_is_refused_and_with_it_no_database_is_made() {
    let host = Host::new();
    let component = built("census");
    let mut without = spec(&component);
    without.grants = [Grant::Crypto].into();
    let error = host.engine.load(component.clone(), without).await.err().unwrap();
    assert!(
        matches!(error, ComponentError::NotGranted(Grant::Metagraph)),
        "{error:?}"
    );
    let mut with = spec(&component);
    with.grants = [Grant::Metagraph].into();
    let program = host.engine.load(component, with).await.unwrap();
    assert_eq!(program.usage().state, None);
    let error = program.handle_route(crate::host::get("/subnet")).await;
    assert!(matches!(error, Err(CallError::Guest(_))), "{error:?}");
}
