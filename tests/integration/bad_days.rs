//! Epochs on a chain that goes away, changes its mind or refuses.

use std::time::Duration;

use platform_admin_types::EpochView;
use platform_chain::{Chain, ChainConfig, Submitter, WeightsCall};
use platform_devnet::{Devnet, SubnetGenesis};
use platform_domain::{BlockHash, BlockNumber, EpochId, Hotkey, MechanismId, Uid};
use platform_keys::Keypair;
use platform_store::{EpochRow, RecordedExtrinsic, Step, Store, StoreError, epochs};
use platform_tests::{HostBuilder, TestHost};
use platform_timelock::BeaconConfig;

use crate::epochs::{NETUID, devnet, devnet_config, devnet_with, ended, host, miners, scores, submit};

/// Far more blocks in an epoch of the chain than a test sees, unless it makes them.
const PERIOD: u64 = 1000;
const MAIN: MechanismId = MechanismId(0);

/// A validator with two miners, the first of whom gets everything, on a host of its own.
struct Scene {
    devnet: Devnet,
    host: TestHost,
}

async fn scene(rules: impl FnOnce(&mut SubnetGenesis)) -> Scene {
    let (validator, miners) = (Keypair::generate().unwrap(), miners(2));
    let with_period = |subnet: &mut SubnetGenesis| {
        subnet.tempo = PERIOD as u16;
        rules(subnet);
    };
    let devnet = devnet_with(&validator, &miners, with_period).await;
    let host = HostBuilder::default()
        .on(&devnet, NETUID, &validator)
        .start()
        .await;
    run(&host, miners[0]).await;
    Scene { devnet, host }
}

async fn run(host: &TestHost, miner: Hotkey) {
    let weights = scores(&[(&miner, 1.0)]);
    host.run_guest("good", "echo", "10", &[("WEIGHTS", &weights)])
        .await;
}

/// Waits until something of the host is as it should be.
async fn until(what: &str, mut is: impl AsyncFnMut() -> bool) {
    let waited = tokio::time::timeout(Duration::from_secs(30), async {
        while !is().await {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
    waited.await.unwrap_or_else(|_| panic!("not in time: {what}"));
}

async fn state(host: &TestHost, epoch: EpochId) -> EpochView {
    host.admin.weights_epoch(epoch).await.unwrap()
}

async fn error(host: &TestHost) -> String {
    host.admin
        .weights_status()
        .await
        .unwrap()
        .error
        .unwrap_or_default()
}

/// Writes into the ledger of a host that is stopped.
async fn edit(host: &TestHost, change: impl FnOnce(EpochRow) -> Step + Send + 'static) {
    let store = Store::open(&host.state().join("host.sqlite3")).unwrap();
    let edited = store.write("edit", move |connection| {
        let row = epochs::latest(connection, 1)?.remove(0);
        let step = change(row.clone());
        epochs::advance(connection, &row, step, platform_domain::UnixSeconds(2))?;
        Ok::<_, StoreError>(())
    });
    edited.await.unwrap();
}

#[tokio::test]
async fn a_subnet_that_takes_no_such_vector_ends_the_epoch_with_the_reason() {
    type Rules = fn(&mut SubnetGenesis);
    let cases: [(Rules, u8, &str); 2] = [
        (|subnet| subnet.min_allowed_weights = 2, 0, "min_allowed_weights"),
        (|_| (), 1, "no mechanism 1"),
    ];
    for (rules, mechanism, expected) in cases {
        let mut scene = scene(rules).await;
        scene.host.stop().await;
        scene
            .host
            .configure(|config| config.chain.mechanism = MechanismId(mechanism));
        scene.host.start_again().await;
        scene.host.running("good").await;
        let epoch = submit(&scene.host).await;
        let reason = epoch.reason.clone().unwrap_or_default();
        assert!(
            epoch.state == "failed" && reason.contains(expected),
            "{expected}: {epoch:?}"
        );
        // Nothing was signed, so asking again tries again, and ends the same way.
        assert_eq!(submit(&scene.host).await.reason, epoch.reason);
        assert!(scene.devnet.accepted_extrinsics().is_empty());
    }
}

#[tokio::test]
async fn the_second_mechanism_gets_its_own_vector() {
    let mut scene = scene(|subnet| subnet.mechanisms = 2).await;
    scene.host.stop().await;
    scene
        .host
        .configure(|config| config.chain.mechanism = MechanismId(1));
    scene.host.start_again().await;
    scene.host.running("good").await;
    let epoch = submit(&scene.host).await;
    assert_eq!(epoch.state, "finalised", "{:?}", epoch.reason);
    let held = |mechanism| scene.devnet.weights(NETUID, mechanism, Uid(0));
    assert_eq!(
        (held(MAIN), held(MechanismId(1))),
        (vec![], vec![(Uid(1), 65535)])
    );
}

#[tokio::test]
async fn a_node_may_come_late_but_not_back_as_another_chain() {
    let (validator, miners) = (Keypair::generate().unwrap(), miners(1));
    let config = |tempo| devnet_config(&validator, &miners, |subnet| subnet.tempo = tempo);
    let absent = Devnet::start(config(50_000)).await.unwrap();
    let listen = absent.addr();
    let host = host(&absent, &validator).await;
    absent.stop().await;
    until("the host says that it has no node", async || {
        !error(&host).await.is_empty()
    })
    .await;
    let at = |config| platform_devnet::DevnetConfig { listen, ..config };
    let devnet = Devnet::start(at(config(50_000))).await.unwrap();
    run(&host, miners[0]).await;
    until("the node is found", async || error(&host).await.is_empty()).await;
    let epoch = submit(&host).await;
    assert_eq!(epoch.state, "finalised", "{:?}", epoch.reason);
    devnet.stop().await;
    let other = Devnet::start(at(config(17))).await.unwrap();
    until("the other chain is refused", async || {
        error(&host).await.contains("genesis")
    })
    .await;
    assert!(host.admin.weights_submit().await.is_err());
    assert!(other.accepted_extrinsics().is_empty());
}

#[tokio::test]
async fn an_extrinsic_that_no_block_took_is_signed_anew_once_it_has_expired() {
    let Scene { devnet, host } = scene(|_| ()).await;
    devnet.faults().withhold_extrinsics();
    let epoch = host.admin.weights_submit().await.unwrap().epoch;
    until("it is sent", async || devnet.accepted_extrinsics().len() == 1).await;
    devnet.produce_blocks(140).await;
    until("it is signed anew", async || {
        state(&host, epoch).await.attempts == 2
    })
    .await;
    devnet.faults().release_extrinsics();
    let view = ended(&host, epoch).await;
    assert_eq!(
        (view.state.as_str(), view.attempts),
        ("finalised", 2),
        "{:?}",
        view.reason
    );
    let accepted = devnet.accepted_extrinsics();
    let included: Vec<_> = accepted.iter().map(|accepted| accepted.block.is_some()).collect();
    assert_eq!(included, [false, true]);
}

#[tokio::test]
async fn a_nonce_that_somebody_else_spent_is_replaced_when_that_is_final() {
    let Scene { devnet, mut host } = scene(|_| ()).await;
    host.stop().await;
    host.configure(|config| config.chain.hotkey_file = None);
    host.start_again().await;
    host.running("good").await;
    let epoch = host.admin.weights_submit().await.unwrap().epoch;
    until("it is recorded", async || {
        state(&host, epoch).await.state == "recorded"
    })
    .await;
    host.stop().await;

    let chain = Chain::connect(ChainConfig {
        endpoints: vec![devnet.url()],
        rpc_timeout: Duration::from_secs(10),
        genesis: None,
        beacon: BeaconConfig::default().build().unwrap(),
    });
    let chain = chain.await.unwrap();
    let call = |uid| WeightsCall {
        netuid: NETUID,
        mechanism: MAIN,
        uids: vec![Uid(uid)],
        values: vec![65535],
        version_key: 0,
    };
    let submitter = Submitter::itself(Keypair::from_file(&host.scratch().join("hotkey.json")).unwrap());
    let sign = async |uid| {
        let composed = chain.compose(&submitter, &call(uid)).await.unwrap();
        chain.sign(&submitter, &composed).await.unwrap()
    };
    let (ours, theirs) = (sign(1).await, sign(2).await);
    chain.submit(&theirs).await.unwrap();
    devnet.produce_blocks(1).await;
    let signed = RecordedExtrinsic {
        bytes: hex(&ours.bytes),
        hash: BlockHash(ours.hash),
        nonce: ours.nonce,
        birth: ours.birth,
        expires: ours.expires,
        hotkey: Some(submitter.hotkey()),
    };
    edit(&host, move |_| submit_step(signed)).await;

    let key = host.scratch().join("hotkey.json");
    host.configure(|config| config.chain.hotkey_file = Some(key));
    host.start_again().await;
    let view = ended(&host, epoch).await;
    assert_eq!(
        (view.state.as_str(), view.attempts),
        ("finalised", 2),
        "{:?}",
        view.reason
    );
    assert_eq!(devnet.weights(NETUID, MAIN, Uid(0)), [(Uid(1), 65535)]);
    assert_eq!(devnet.accepted_extrinsics().len(), 2, "theirs and one of ours");
}

fn submit_step(extrinsic: RecordedExtrinsic) -> Step {
    Step::Submit {
        extrinsic,
        call: "set_mechanism_weights".to_owned(),
        sealed: None,
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[tokio::test]
async fn an_epoch_that_cannot_go_on_does_not_stop_the_next() {
    let Scene { devnet, mut host } = scene(|_| ()).await;
    devnet.faults().withhold_extrinsics();
    let old = host.admin.weights_submit().await.unwrap().epoch;
    until("it is sent", async || devnet.accepted_extrinsics().len() == 1).await;
    host.stop().await;
    // A ledger that was meddled with.
    let broken = RecordedExtrinsic {
        bytes: "no hexadecimal".to_owned(),
        hash: BlockHash([1; 32]),
        nonce: 0,
        birth: BlockNumber(0),
        expires: BlockNumber(128),
        hotkey: None,
    };
    edit(&host, move |_| submit_step(broken)).await;
    devnet.produce_blocks(PERIOD as u32).await;
    devnet.faults().release_extrinsics();
    host.start_again().await;
    host.running("good").await;
    let epoch = submit(&host).await;
    assert!(epoch.epoch > old && epoch.state == "finalised", "{epoch:?}");
    assert_eq!(state(&host, old).await.state, "submitted");
    assert!(error(&host).await.contains("incomplete"));
}

#[tokio::test]
async fn an_old_epoch_ends_when_the_node_has_forgotten_its_blocks() {
    let Scene { devnet, mut host } = scene(|_| ()).await;
    devnet.faults().withhold_extrinsics();
    let old = host.admin.weights_submit().await.unwrap().epoch;
    until("it is sent", async || devnet.accepted_extrinsics().len() == 1).await;
    host.stop().await;
    devnet.produce_blocks(PERIOD as u32).await;
    devnet.faults().forget_final_blocks();
    host.start_again().await;
    let view = ended(&host, old).await;
    assert!(
        view.state == "failed"
            && view
                .reason
                .as_ref()
                .is_some_and(|reason| reason.contains("no longer has")),
        "{view:?}"
    );
    until("the host goes on", async || error(&host).await.is_empty()).await;
}

#[tokio::test]
async fn without_a_hotkey_an_epoch_is_recorded_and_then_skipped() {
    let Scene { devnet, mut host } = scene(|_| ()).await;
    host.stop().await;
    host.configure(|config| config.chain.hotkey_file = None);
    host.start_again().await;
    host.running("good").await;
    let epoch = host.admin.weights_submit().await.unwrap().epoch;
    until("it is recorded", async || {
        state(&host, epoch).await.state == "recorded"
    })
    .await;
    devnet.produce_blocks(PERIOD as u32).await;
    let view = ended(&host, epoch).await;
    assert!(
        view.state == "skipped" && view.vector.is_some() && view.report.is_some(),
        "{view:?}"
    );
    assert!(view.reason.unwrap().contains("no hotkey"));
}

#[tokio::test]
async fn whoever_waits_for_the_rate_limit_sees_that() {
    let Scene { devnet, host } = scene(|subnet| subnet.weights_rate_limit = PERIOD + 50).await;
    assert_eq!(submit(&host).await.state, "finalised");
    devnet.produce_blocks(PERIOD as u32 - 20).await;
    until("the next epoch", async || devnet.best_block().0.0 >= PERIOD).await;
    let epoch = host.admin.weights_submit().await.unwrap().epoch;
    until("it says why", async || error(&host).await.contains("rate limit")).await;
    let view = ended(&host, epoch).await;
    assert_eq!(
        (view.state.as_str(), view.attempts),
        ("finalised", 1),
        "{:?}",
        view.reason
    );
    until("all is well again", async || error(&host).await.is_empty()).await;
}

#[tokio::test]
async fn an_epoch_that_is_counted_otherwise_is_another_one_of_the_same_number() {
    let Scene { devnet, mut host } = scene(|_| ()).await;
    devnet.produce_blocks(PERIOD as u32).await;
    let made = submit(&host).await;
    assert_eq!((made.epoch, made.state.as_str()), (EpochId(1), "finalised"));
    assert_eq!(made.numbering, "tempo");
    host.stop().await;
    host.configure(|config| config.epoch.schedule = format!("every {PERIOD} blocks").parse().unwrap());
    host.start_again().await;
    host.running("good").await;
    let ended = submit(&host).await;
    assert_eq!(
        (ended.numbering, ended.state),
        ("every/1000".to_owned(), "finalised".to_owned())
    );
    assert_ne!(ended.extrinsic_hash, made.extrinsic_hash);
    assert_eq!(devnet.accepted_extrinsics().len(), 2);
}

#[tokio::test]
async fn on_the_worst_of_days_each_epoch_is_submitted_once() {
    let (validator, miners) = (Keypair::generate().unwrap(), miners(2));
    let devnet = devnet(&validator, &miners).await;
    let mut builder = HostBuilder::default().on(&devnet, NETUID, &validator);
    builder.config.epoch.schedule = "every 15 blocks".parse().unwrap();
    builder.config.chain.rpc_timeout_ms = 300;
    let host = builder.start().await;
    run(&host, miners[0]).await;
    for step in 0..60 {
        match step % 6 {
            0 => devnet.faults().close_connections(),
            1 => devnet.faults().lose_next_submission_answer(),
            2 => devnet.faults().hang_answers(),
            3 => devnet.faults().resume_answers(),
            // Refused when finality came first, which is as good.
            4 => drop(devnet.faults().reorg_best_block()),
            _ => {}
        }
        tokio::time::sleep(Duration::from_millis(70)).await;
    }
    let count = async || {
        let epochs = host.admin.weights_history(1000).await.unwrap().epochs;
        epochs.iter().filter(|view| view.state == "finalised").count()
    };
    let before = count().await;
    until("epochs go on", async || count().await > before + 2).await;
    let epochs = host.admin.weights_history(1000).await.unwrap().epochs;
    for accepted in devnet.accepted_extrinsics() {
        let owner = |view: &&EpochView| view.extrinsic_hash == Some(BlockHash(accepted.hash));
        let owners: Vec<_> = epochs.iter().filter(owner).collect();
        assert_eq!(owners.len(), 1, "{epochs:?}");
        assert_eq!(
            owners[0].attempts, 1,
            "nothing expired, so nothing was signed twice"
        );
    }
}
