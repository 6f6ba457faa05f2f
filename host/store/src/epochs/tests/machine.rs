//! Any sequence of steps: the ledger takes those that follow, refuses the others, and its journal is the row.

use proptest::prelude::*;

use super::*;
use crate::{migrations::migrate, step::digest};

/// The state machine in words, independent of the code's own: from, step, to. `sealed` is a commit that is final.
const FOLLOWS: [(&str, &str, &str); 31] = [
    ("begun", "collect", "collected"),
    ("begun", "skip", "skipped"),
    ("begun", "fail", "failed"),
    ("begun", "trouble", "begun"),
    ("collected", "record", "recorded"),
    ("collected", "skip", "skipped"),
    ("collected", "fail", "failed"),
    ("collected", "trouble", "collected"),
    ("recorded", "submit", "submitted"),
    ("recorded", "skip", "skipped"),
    ("recorded", "fail", "failed"),
    ("recorded", "trouble", "recorded"),
    ("submitted", "submit", "submitted"),
    ("submitted", "include", "included"),
    ("submitted", "finalise", "finalised"),
    ("submitted", "fail", "failed"),
    ("submitted", "trouble", "submitted"),
    ("included", "submit", "submitted"),
    ("included", "include", "included"),
    ("included", "drop", "submitted"),
    ("included", "finalise", "finalised"),
    ("included", "fail", "failed"),
    ("included", "trouble", "included"),
    ("sealed", "submit", "submitted"),
    ("sealed", "reveal", "revealed"),
    ("sealed", "fail", "failed"),
    ("sealed", "trouble", "finalised"),
    ("skipped unsigned", "reopen", "begun"),
    ("failed unsigned", "reopen", "begun"),
    // Nothing follows these.
    ("finalised", "", ""),
    ("revealed", "", ""),
];

fn any_step() -> impl Strategy<Value = Step> {
    let block =
        || (1u64..1000).prop_map(|block| (BlockNumber(block), BlockHash([block.to_le_bytes()[0]; 32])));
    let word = || "[a-z]{1,8}";
    let sealed = proptest::option::of((1u64..100).prop_map(|round| json!({ "round": round })));
    let on_chain = || proptest::collection::vec((0u16..9, 1u16..).prop_map(|(uid, w)| (Uid(uid), w)), 0..4);
    prop_oneof![
        3 => (block(), word()).prop_map(|(block, policy)| Step::Collect { block, policy, inputs: json!([block.0]) }),
        3 => word().prop_map(|report| Step::Record { vector: vector(), report: report.into() }),
        3 => (0u64..9, sealed).prop_map(|(nonce, sealed)| Step::Submit {
            extrinsic: extrinsic(nonce), call: "c".into(), sealed
        }),
        2 => block().prop_map(|(block, hash)| Step::Include(block, hash)),
        1 => Just(Step::Drop),
        2 => proptest::option::of(on_chain()).prop_map(|on_chain| Step::Finalise { on_chain }),
        2 => (1u64..9, on_chain()).prop_map(|(block, on_chain)| Step::Reveal {
            block: Some(BlockNumber(block)), on_chain
        }),
        1 => (word(), proptest::option::of(Just(json!(2)))).prop_map(|(reason, report)| Step::Skip { reason, report }),
        1 => word().prop_map(|reason| Step::Fail { reason }),
        1 => block().prop_map(|block| Step::Reopen { block }),
        1 => word().prop_map(|error| Step::Trouble { error }),
    ]
}

fn place(row: &EpochRow) -> String {
    match row.state {
        EpochState::Finalised if row.sealed.is_some() => "sealed".to_owned(),
        state @ (EpochState::Skipped | EpochState::Failed) if row.extrinsic.is_none() => {
            format!("{state} unsigned")
        }
        state => state.to_string(),
    }
}

/// The row that a journal leads to, without its trees; and the digests that these must have.
fn replay(connection: &Connection, key: &EpochKey) -> (EpochRow, Option<Digest>, Option<Digest>) {
    let (mut inputs, mut report) = (None, None);
    let mut row = EpochRow {
        lane: key.lane,
        numbering: key.numbering,
        epoch: key.epoch,
        state: EpochState::Begun,
        step: 0,
        block: BlockNumber(0),
        block_hash: BlockHash([0; 32]),
        began_at: UnixSeconds(0),
        updated_at: UnixSeconds(0),
        policy: None,
        inputs: None,
        vector: None,
        report: None,
        attempts: 0,
        call: None,
        extrinsic: None,
        sealed: None,
        included: None,
        on_chain: None,
        revealed: None,
        error: None,
        reason: None,
    };
    for step in journal(connection, key).unwrap() {
        assert_eq!(step.seq, row.step + 1);
        match &step.what {
            Change::Collect { inputs: digest, .. } => inputs = Some(*digest),
            Change::Record { report: digest, .. } => report = Some(*digest),
            Change::Skip { report: digest, .. } => report = digest.or(report),
            Change::Reopen { .. } => (inputs, report) = (None, None),
            _ => {}
        }
        row = step.what.applied_to(row, step.state, step.at);
    }
    (row, inputs, report)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    #[test]
    fn steps_follow_or_are_refused_and_the_journal_replays_to_the_row(steps in proptest::collection::vec(any_step(), 1..40)) {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate(&mut connection).unwrap();
        // A row and its first step need each other.
        connection.execute_batch("BEGIN").unwrap();
        let key = epoch(3);
        let mut row = begin(&connection, &key, BLOCK, NOW).unwrap();
        let mut now = NOW;
        for step in steps {
            now.0 += 1;
            let (from, name) = (place(&row), step.name());
            let to = FOLLOWS.iter().find(|(a, b, _)| *a == from && *b == name).map(|(_, _, to)| *to);
            // As a transaction that fails leaves nothing behind, so must a step that is refused.
            let taken = advance(&connection, &row, step, now);
            match (taken, to) {
                (Ok(next), Some(to)) => {
                    prop_assert_eq!(next.state.as_str(), to);
                    if row.vector.is_some() && name != "reopen" {
                        prop_assert_eq!(&next.vector, &row.vector);
                    }
                    row = next;
                }
                (Err(StoreError::EpochMoved { .. }), None) => {}
                (taken, to) => prop_assert!(false, "{from} {name}: {taken:?}, not {to:?}"),
            }
            let kept = get(&connection, &key).unwrap().unwrap();
            prop_assert_eq!(&kept, &row);
            let (replayed, inputs, report) = replay(&connection, &key);
            prop_assert_eq!(kept.inputs.as_ref().map(digest), inputs);
            prop_assert_eq!(kept.report.as_ref().map(digest), report);
            prop_assert_eq!(EpochRow { inputs: None, report: None, ..kept }, replayed);
        }
        connection.execute_batch("COMMIT").unwrap();
    }
}
