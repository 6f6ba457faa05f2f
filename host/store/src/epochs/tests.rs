//! The ledger as a whole: what it keeps, what it refuses, and that nothing reads all of it.

mod machine;

use platform_domain::{Digest, EpochId, Hotkey, MechanismId, Netuid, RawWeight, Uid};
use serde_json::json;

use super::*;
use crate::{
    Numbering, RecordedExtrinsic, RecordedVector, Store,
    answer::{Answer, Source},
};

const NOW: UnixSeconds = UnixSeconds(1_800_000_000);
const BLOCK: (BlockNumber, BlockHash) = (BlockNumber(5), BlockHash([9; 32]));

fn lane() -> Lane {
    Lane {
        genesis: BlockHash([1; 32]),
        netuid: Netuid(1),
        mechanism: MechanismId(0),
    }
}

fn epoch(number: u64) -> EpochKey {
    counted(Numbering::Tempo, number)
}

fn counted(numbering: Numbering, number: u64) -> EpochKey {
    EpochKey {
        lane: lane(),
        numbering,
        epoch: EpochId(number),
    }
}

fn vector() -> RecordedVector {
    RecordedVector {
        uids: vec![Uid(0)],
        weights: vec!["1".into()],
        u16: vec![65535],
    }
}

fn extrinsic(nonce: u64) -> RecordedExtrinsic {
    RecordedExtrinsic {
        bytes: "00".into(),
        hash: BlockHash([2; 32]),
        nonce,
        birth: BlockNumber(5),
        expires: BlockNumber(133),
        hotkey: Some(Hotkey::from_bytes([6; 32])),
    }
}

fn collecting() -> Step {
    Step::Collect {
        block: (BlockNumber(6), BlockHash([8; 32])),
        policy: "normalized/1".into(),
        inputs: json!({"uids": {}}),
    }
}

fn recording() -> Step {
    let report = json!({"a": 1});
    Step::Record {
        vector: vector(),
        report,
    }
}

fn submitting(sealed: Option<serde_json::Value>) -> Step {
    Step::Submit {
        extrinsic: extrinsic(1),
        call: "set_weights".into(),
        sealed,
    }
}

fn answer(slug: &str, source: Source, refused: Option<&str>) -> Answer {
    let weights = vec![
        RawWeight {
            hotkey: "5F".into(),
            score: f64::INFINITY,
        },
        RawWeight {
            hotkey: String::new(),
            score: 0.1,
        },
    ];
    Answer {
        slug: slug.parse().unwrap(),
        source,
        component: Some(Digest::of(b"component")),
        state: Some(Digest::of(b"state")),
        emission_percent: "12.5".parse().unwrap(),
        weights: Some(weights),
        refused: refused.map(str::to_owned),
    }
}

async fn at<T: Send + 'static>(
    work: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
) -> T {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(&dir.path().join("host.sqlite3")).unwrap();
    store.write("test", work).await.unwrap()
}

fn recorded(connection: &Connection, key: &EpochKey) -> Result<EpochRow, StoreError> {
    let row = begin(connection, key, BLOCK, NOW)?;
    let row = collect(connection, &row, collecting(), &[], NOW)?;
    advance(connection, &row, recording(), NOW)
}

#[tokio::test]
async fn a_second_begin_finds_the_row_of_the_same_numbering_only() {
    at(|connection| {
        let first = recorded(connection, &epoch(3))?;
        let again = begin(connection, &epoch(3), (BlockNumber(7), BlockHash([7; 32])), NOW)?;
        assert_eq!(again, first);
        assert_eq!((again.vector, again.block), (Some(vector()), BlockNumber(6)));
        let other = begin(connection, &counted(Numbering::Every(360), 3), BLOCK, NOW)?;
        assert_eq!((other.state, other.vector), (EpochState::Begun, None));
        assert_eq!(unfinished(connection, lane())?.len(), 2);
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_commit_that_is_final_is_not_over_and_may_be_made_anew() {
    at(|connection| {
        let plain = recorded(connection, &epoch(1))?;
        let plain = advance(connection, &plain, submitting(None), NOW)?;
        let finalise = |on_chain| Step::Finalise { on_chain };
        let plain = advance(connection, &plain, finalise(Some(vec![(Uid(0), 65535)])), NOW)?;
        assert!(plain.is_over());

        let sealed = recorded(connection, &epoch(2))?;
        let sealed = advance(connection, &sealed, submitting(Some(json!({"round": 1}))), NOW)?;
        let sealed = advance(
            connection,
            &sealed,
            Step::Include(BlockNumber(8), BlockHash([4; 32])),
            NOW,
        )?;
        let sealed = advance(connection, &sealed, finalise(None), NOW)?;
        let left: Vec<_> = unfinished(connection, lane())?
            .iter()
            .map(|row| row.epoch.0)
            .collect();
        assert_eq!(left, [2]);
        let again = advance(connection, &sealed, submitting(Some(json!({"round": 9}))), NOW)?;
        assert_eq!((again.attempts, again.included), (2, None));
        let again = advance(connection, &again, finalise(None), NOW)?;
        let (block, on_chain) = (Some(BlockNumber(20)), vec![(Uid(0), 65535)]);
        let revealed = advance(connection, &again, Step::Reveal { block, on_chain }, NOW)?;
        assert_eq!(get(connection, &epoch(2))?, Some(revealed));
        assert!(unfinished(connection, lane())?.is_empty());
        assert_eq!(
            newest_recorded(connection, lane())?.map(|row| row.epoch),
            Some(EpochId(2))
        );
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn who_has_read_an_old_row_moves_nothing() {
    at(|connection| {
        let row = begin(connection, &epoch(3), BLOCK, NOW)?;
        let trouble = |error: &str| Step::Trouble { error: error.into() };
        let told = advance(connection, &row, trouble("no node"), NOW)?;
        assert_eq!(told.error.as_deref(), Some("no node"));
        let late = advance(connection, &row, trouble("no node"), NOW);
        assert!(matches!(
            late,
            Err(StoreError::EpochMoved { step: "trouble", .. })
        ));
        let on = advance(connection, &told, collecting(), NOW)?;
        assert_eq!((on.error, on.step), (None, 3));
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn answers_are_kept_as_they_came_and_the_last_good_one_is_found() {
    at(|connection| {
        let hotkey = Hotkey::from_bytes([7; 32]);
        let first = [
            answer("echo", Source::Live, Some("twice")),
            answer("echo", Source::Primary(hotkey), Some("too old")),
            answer("echo", Source::LastGood(EpochId(3)), None),
            answer("tsp", Source::Live, None),
        ];
        for number in [5, 6] {
            let row = begin(connection, &epoch(number), BLOCK, NOW)?;
            collect(connection, &row, collecting(), &first, NOW)?;
        }
        assert_eq!(collected(connection, &epoch(5))?, first);
        let (echo, tsp) = ("echo".parse().unwrap(), "tsp".parse().unwrap());
        let good = |slug, number, back| {
            let found = last_good(connection, &epoch(number), slug, back)?;
            Ok::<_, StoreError>(found.map(|(epoch, _)| epoch.0))
        };
        // What was taken from elsewhere is not taken from again.
        assert_eq!(good(&echo, 7, 100)?, None);
        assert_eq!(
            [good(&tsp, 7, 1)?, good(&tsp, 8, 1)?, good(&tsp, 8, 2)?],
            [Some(6), None, Some(6)]
        );
        assert_eq!(good(&tsp, 4, 100)?, None, "a later epoch is none before");
        let elsewhere = counted(Numbering::Every(1), 7);
        assert_eq!(last_good(connection, &elsewhere, &tsp, 100)?, None);
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn what_began_anew_keeps_what_was_answered_before() {
    at(|connection| {
        let row = begin(connection, &epoch(3), BLOCK, NOW)?;
        let row = collect(
            connection,
            &row,
            collecting(),
            &[answer("echo", Source::Live, None)],
            NOW,
        )?;
        let reason = "nothing to pay".to_owned();
        let row = advance(
            connection,
            &row,
            Step::Skip {
                reason,
                report: Some(json!(1)),
            },
            NOW,
        )?;
        let row = advance(connection, &row, Step::Reopen { block: BLOCK }, NOW)?;
        assert_eq!((&row.inputs, &row.report, &row.reason), (&None, &None, &None));
        assert_eq!(get(connection, &epoch(3))?.as_ref(), Some(&row));
        collect(
            connection,
            &row,
            collecting(),
            &[answer("tsp", Source::Live, None)],
            NOW,
        )?;
        assert_eq!(collected(connection, &epoch(3))?[0].slug.as_str(), "tsp");
        let all: i64 = connection.query_row("SELECT count(*) FROM epoch_answers", [], |row| row.get(0))?;
        assert_eq!(all, 2);
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn the_database_itself_refuses_to_rewrite_the_ledger() {
    at(|connection| {
        let row = recorded(connection, &epoch(3))?;
        let row = advance(connection, &row, submitting(None), NOW)?;
        let reason = "late".to_owned();
        advance(connection, &row, Step::Fail { reason }, NOW)?;
        let stepped = "INSERT INTO epoch_steps SELECT genesis, netuid, mechanism, numbering, epoch, step + 1, 1, 'failed', \
                       '{}', NULL FROM epochs; UPDATE epochs SET step = step + 1, state = 'failed'";
        for (sql, refusal) in [
            ("DELETE FROM epochs", "the ledger only grows"),
            ("DELETE FROM epoch_steps", "the ledger only grows"),
            ("UPDATE epoch_steps SET at = 0", "the journal is not rewritten"),
            ("UPDATE epochs SET attempts = 9", "by a step"),
            ("UPDATE epochs SET step = step + 1", "by a step"),
            (&format!("{stepped}, vector = '{{}}'"), "does not change"),
            (&format!("{stepped}, inputs = NULL"), "does not change"),
            ("INSERT OR REPLACE INTO epochs SELECT * FROM epochs", "begins once"),
            ("INSERT OR REPLACE INTO epoch_steps SELECT * FROM epoch_steps", "in order"),
        ] {
            connection.execute_batch("SAVEPOINT one")?;
            let refused = connection.execute_batch(sql).unwrap_err().to_string();
            assert!(refused.contains(refusal), "{sql}: {refused}");
            connection.execute_batch("ROLLBACK TO one; RELEASE one")?;
        }
        connection.execute_batch(stepped)?;
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn lists_leave_out_what_is_large_and_nothing_reads_the_whole_ledger() {
    at(|connection| {
        recorded(connection, &epoch(3))?;
        for one in [latest(connection, 10)?, unfinished(connection, lane())?].concat() {
            assert_eq!((one.vector, one.inputs, one.report), (Some(vector()), None, None));
        }
        let whole = newest_recorded(connection, lane())?.expect("the row");
        assert!(whole.report.is_some() && whole.inputs.is_some());
        for (sql, index) in [
            (LATEST, "INDEX epochs_by_age"),
            (UNFINISHED, "INDEX epochs_unfinished"),
            (RECORDED, "INDEX epochs_recorded"),
            (ANY, "INDEX epochs_by_number"),
            (ONE, "PRIMARY KEY"),
            (journal::JOURNAL, "PRIMARY KEY"),
            (answers::COLLECTED, "PRIMARY KEY"),
            (answers::GOOD, "INDEX epoch_answers_good"),
        ] {
            let mut plan = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}"))?;
            let count = plan.parameter_count();
            let steps: Vec<String> = plan
                .query_map(rusqlite::params_from_iter(vec![1; count]), |row| {
                    row.get("detail")
                })?
                .collect::<Result<_, _>>()?;
            let by_index = |step: &String| step.contains(index) || step.contains("SCALAR SUBQUERY");
            assert!(!steps.is_empty() && steps.iter().all(by_index), "{steps:?}");
        }
        Ok(())
    })
    .await;
}
