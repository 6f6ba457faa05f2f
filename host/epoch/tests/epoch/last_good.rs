//! A challenge that does not run, and what its rule takes in its place.

use std::collections::{BTreeMap, BTreeSet};

use platform_domain::{
    Artifact, BlockHash, BlockNumber, Capability, Challenge, DataMode, Digest, EpochId, Hotkey,
    PinnedComponent, PlainToken, RawWeight, Resources, Status, Uid, UnixSeconds,
};
use platform_epoch::{Answer, AnsweredBy, EpochRow, EpochState};
use platform_store::{EpochKey, Lane, Numbering, Step, StoreError, challenges, epochs};
use platform_weights::{AnswerSource, Fallback, Report};

use crate::scene::{MAIN, NETUID, Scene, TEMPO, miner};

fn challenge(rule: &str, created_at: UnixSeconds) -> Challenge {
    let token = PlainToken::from_random([7; 32]);
    Challenge {
        slug: "tsp".parse().unwrap(),
        name: "TSP".into(),
        artifact: Artifact::Component(PinnedComponent {
            reference: "registry.example/tsp:1".parse().unwrap(),
            manifest: None,
            component: Digest::of(b"component"),
        }),
        fallback: None,
        version: "1.0.0".into(),
        emission_percent: "50".parse().unwrap(),
        on_failure: rule.parse().unwrap(),
        serving: Default::default(),
        status: Status::Active,
        capabilities: BTreeSet::from([Capability::GetWeights]),
        data: DataMode::Exclusive,
        instances: "per-call".parse().unwrap(),
        grants: BTreeSet::new(),
        outbound: BTreeSet::new(),
        trust: None,
        follow: false,
        loosened: BTreeSet::new(),
        resources: Resources::try_from(BTreeMap::new()).unwrap(),
        volumes: BTreeMap::new(),
        env: BTreeMap::new(),
        secrets: BTreeSet::new(),
        description: None,
        metadata: serde_json::Map::new(),
        token_hash: token.hash(),
        token_hint: token.hint(),
        created_at,
        updated_at: UnixSeconds(2),
    }
}

/// What the challenge said for an epoch, everything to one hotkey.
fn said(miner: Hotkey, refused: Option<&str>) -> Answer {
    Answer {
        slug: "tsp".parse().unwrap(),
        source: AnsweredBy::Live,
        component: Some(Digest::of(b"component")),
        state: None,
        emission_percent: "7".parse().unwrap(),
        weights: Some(vec![RawWeight {
            hotkey: miner.to_string(),
            score: 1.0,
        }]),
        refused: refused.map(str::to_owned),
    }
}

/// An epoch, at least the third, in which the challenge does not run: two and one epochs ago it answered this.
async fn with_answers(rule: &'static str, before: [(u64, Numbering, Answer); 2]) -> (Scene, EpochRow) {
    with_answers_of_one_registered_at(UnixSeconds(1), rule, before).await
}

async fn with_answers_of_one_registered_at(
    created_at: UnixSeconds,
    rule: &'static str,
    before: [(u64, Numbering, Answer); 2],
) -> (Scene, EpochRow) {
    let mut scene = Scene::begin(|_| ()).await;
    scene.restart(|config| config.fallback = Fallback::Skip).await;
    scene.devnet.produce_blocks(3 * u32::from(TEMPO)).await;
    let current = scene.epochs.preview().await.unwrap().epoch;
    let genesis = genesis_of(&scene).await;
    let write = move |connection: &_| {
        challenges::insert(connection, &challenge(rule, created_at))?;
        for (back, numbering, answer) in &before {
            let key = EpochKey {
                lane: Lane {
                    genesis,
                    netuid: NETUID,
                    mechanism: MAIN,
                },
                numbering: *numbering,
                epoch: EpochId(current.0 - back),
            };
            let block = (BlockNumber(1), BlockHash([1; 32]));
            let row = epochs::begin(connection, &key, block, UnixSeconds(1))?;
            let collect = Step::Collect {
                block,
                policy: "normalized/1".to_owned(),
                inputs: serde_json::Value::Null,
            };
            let row = epochs::collect(
                connection,
                &row,
                collect,
                std::slice::from_ref(answer),
                UnixSeconds(2),
            )?;
            let reason = "of another time".to_owned();
            epochs::advance(connection, &row, Step::Fail { reason }, UnixSeconds(3))?;
        }
        Ok::<_, StoreError>(())
    };
    scene.store.write("prepare", write).await.unwrap();
    let row = scene.request().await;
    assert_eq!(row.epoch, current);
    let row = scene.over(current).await;
    (scene, row)
}

async fn genesis_of(scene: &Scene) -> BlockHash {
    let chain = platform_chain::Chain::connect(scene.config.chain.clone().unwrap());
    chain.await.unwrap().genesis()
}

fn report(row: &EpochRow) -> Report {
    serde_json::from_value(row.report.clone().unwrap()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_newest_answer_that_counted_stands_in_and_the_report_says_so() {
    let before = [
        (2, Numbering::Tempo, said(miner(1), None)),
        (1, Numbering::Tempo, said(miner(2), None)),
    ];
    let (_scene, row) = with_answers("last-good:1", before).await;
    assert_eq!(row.state, EpochState::Finalised, "{row:?}");
    assert_eq!(row.on_chain, Some(vec![(Uid(2), 65535)]));
    let report = report(&row);
    let epoch = EpochId(row.epoch.0 - 1);
    assert_eq!(
        report.challenges[0].source,
        Some(AnswerSource::LastGood { epoch })
    );
    // By what it is to get now, not then; and with the reason why its own does not count.
    assert_eq!(report.challenges[0].emission_percent, "50".parse().unwrap());
    assert_eq!(report.challenges[0].earlier, ["it does not run"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_too_old_or_did_not_count_or_is_counted_otherwise_stands_in_for_nothing() {
    let before = [
        (2, Numbering::Tempo, said(miner(1), None)),
        (
            1,
            Numbering::Tempo,
            said(miner(2), Some("it named a hotkey twice")),
        ),
    ];
    let (_scene, row) = with_answers("last-good:1", before).await;
    assert_eq!(row.state, EpochState::Skipped, "{row:?}");
    let before = [
        (1, Numbering::Every(40), said(miner(1), None)),
        (2, Numbering::Blocks, said(miner(2), None)),
    ];
    let (_scene, row) = with_answers("last-good:2", before).await;
    assert_eq!(row.state, EpochState::Skipped, "{row:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_rule_a_challenge_that_fails_has_no_weights() {
    let before = [
        (2, Numbering::Tempo, said(miner(1), None)),
        (1, Numbering::Tempo, said(miner(2), None)),
    ];
    let (_scene, row) = with_answers("zero", before).await;
    assert_eq!(row.state, EpochState::Skipped, "{row:?}");
    assert_eq!(
        report(&row).challenges[0].reason.as_deref(),
        Some("it does not run")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_another_challenge_of_that_name_answered_stands_in_for_nothing() {
    let before = [2, 1].map(|back| (back, Numbering::Tempo, said(miner(1), None)));
    for (registered, state) in [(1, EpochState::Finalised), (2, EpochState::Skipped)] {
        let registered = UnixSeconds(registered);
        let (_, row) = with_answers_of_one_registered_at(registered, "last-good:2", before.clone()).await;
        assert_eq!(row.state, state, "{row:?}");
    }
}
