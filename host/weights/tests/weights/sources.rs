//! Whose answer counts, whom to pay when nobody is paid, and what goes to the sink.

use std::num::NonZeroU32;

use platform_domain::{EpochId, Hotkey, Uid};
use platform_weights::{
    AnswerSource, AnswerStatus, Empty, Fallback, FallbackKind, FixedWeights, Inputs, MAX_EARLIER,
    MAX_REASON_CHARS, Payout, Policy, Report, SinkReason, WeightsError, check_answer,
};

use crate::given::*;

fn parts(report: &Report) -> Vec<(SinkReason, Option<String>, String)> {
    let parts = &report.sink.as_ref().unwrap().parts;
    let shown = |share: platform_weights::Share| share.to_string().trim_end_matches('0').to_owned();
    parts
        .iter()
        .map(|part| {
            (
                part.reason,
                part.slug.as_ref().map(ToString::to_string),
                shown(part.share),
            )
        })
        .collect()
}

fn nothing_to_pay(fallback: Fallback) -> Inputs {
    Inputs {
        fallback,
        ..epoch(Policy::Normalized, vec![failed("one", "100", "down")])
    }
}

fn fixed(weights: &[(Hotkey, u32)]) -> Fallback {
    let pairs = weights
        .iter()
        .map(|(hotkey, weight)| (*hotkey, NonZeroU32::new(*weight).unwrap()));
    Fallback::Vector(FixedWeights::new(pairs).unwrap())
}

#[test]
fn the_source_of_an_answer_changes_the_report_and_no_number() {
    let challenge = || answered("one", "100", &[(at(1), 1.0), (at(2), 3.0)]);
    let live = aggregate(&epoch(Policy::Normalized, vec![challenge()]));
    let source = AnswerSource::LastGood { epoch: EpochId(41) };
    let mut stale = challenge();
    stale.source = source;
    stale.earlier = vec!["the challenge trapped\nand more".to_owned(); 9];
    let got = aggregate(&epoch(Policy::Normalized, vec![stale]));
    assert_eq!(got.payout, live.payout);
    let challenge = &got.report.challenges[0];
    assert_eq!(challenge.source, Some(source));
    assert_eq!(
        challenge.earlier,
        vec!["the challenge trapped and more"; MAX_EARLIER]
    );
    assert!(got.report.uids.iter().all(|uid| uid.from[0].source == source));
    assert_eq!(live.report.challenges[0].source, Some(AnswerSource::Live));
}

#[test]
fn a_challenge_that_nobody_answered_for_has_no_source_and_all_the_reasons() {
    let mut challenge = failed("one", "100", "it trapped");
    challenge.earlier = vec!["the primary's document is too old".to_owned(), "x".repeat(400)];
    let report = aggregate(&epoch(Policy::Normalized, vec![challenge])).report;
    let got = &report.challenges[0];
    assert_eq!((got.status, got.source), (AnswerStatus::Failed, None));
    assert_eq!(got.reason.as_deref(), Some("it trapped"));
    assert_eq!(got.earlier[0], "the primary's document is too old");
    assert_eq!(got.earlier[1].len(), MAX_REASON_CHARS);
}

#[test]
fn an_answer_is_checked_alone_as_the_epoch_checks_it() {
    let answer = |scores: &[(Hotkey, f64)]| answered("one", "1", scores).answer.unwrap();
    assert_eq!(check_answer(&answer(&[])), Ok(()));
    assert_eq!(check_answer(&answer(&[(at(1), f64::NAN), (at(2), -1.0)])), Ok(()));
    let error = check_answer(&answer(&[(at(1), 1.0), (at(1), 1.0)])).unwrap_err();
    assert!(error.to_string().contains("twice"));
}

#[test]
fn with_nothing_to_pay_the_fallback_decides_and_the_report_says_so() {
    let skipped = aggregate(&nothing_to_pay(Fallback::Skip));
    assert_eq!(skipped.payout, Payout::Empty(Empty::NoAnswers));
    assert_eq!(skipped.report.fallback.unwrap().used, FallbackKind::Skip);

    let sunk = nothing_to_pay(Fallback::Sink);
    assert_eq!(rows(&vector(&sunk)), [(9, "1.".to_owned(), 65535)]);
    let report = aggregate(&sunk).report;
    assert_eq!(
        report.empty.as_deref(),
        Some("no challenge answered with a positive score")
    );
    assert_eq!(report.fallback.as_ref().unwrap().used, FallbackKind::Sink);
    assert_eq!(parts(&report), [(SinkReason::Fallback, None, "1.".to_owned())]);
    assert_eq!(report.sink_excess().to_string(), "1.000000000000000000");

    // A third of what is registered; a tie is rounded to even.
    let fixed = nothing_to_pay(fixed(&[(at(1), 1), (at(2), 2), (key(99), 7), (key(98), 7)]));
    let rows = rows(&vector(&fixed));
    assert_eq!(
        rows.iter().map(|row| (row.0, row.2)).collect::<Vec<_>>(),
        [(1, 32768), (2, 65535)]
    );
    let report = aggregate(&fixed).report;
    assert_eq!(report.sink, None);
    let used = report.fallback.unwrap();
    assert_eq!((used.used, used.unknown_count), (FallbackKind::Vector, 2));
    assert_eq!(used.unknown, [key(98), key(99)]);
    assert_eq!(report.uids[0].share.to_string(), "0.333333333333333333");
    assert_eq!(report.uids[0].paid.to_string(), "0.333333333333333333");
    assert!(report.uids[0].from.is_empty());
}

#[test]
fn a_fallback_is_not_used_while_there_is_something_to_pay() {
    let mut inputs = epoch(Policy::Normalized, vec![answered("one", "1", &[(at(3), 5e-324)])]);
    inputs.fallback = fixed(&[(at(1), 1)]);
    let outcome = aggregate(&inputs);
    assert_eq!(outcome.report.fallback, None);
    assert_eq!(rows(&vector(&inputs)), [(3, "1.".to_owned(), 65535)]);
    // The other policy pays the sink before there is ever nothing to pay.
    inputs = Inputs {
        policy: Policy::Absolute,
        challenges: Vec::new(),
        ..inputs
    };
    assert_eq!(aggregate(&inputs).report.fallback, None);
    assert_eq!(vector(&inputs).uids, [uid(9)]);
}

#[test]
fn a_fallback_that_cannot_be_paid_is_an_error_with_a_hint() {
    let mut inputs = nothing_to_pay(Fallback::Sink);
    inputs.sink = None;
    let error = platform_weights::aggregate(&inputs).unwrap_err();
    assert_eq!(error, WeightsError::NoFallbackSink(Empty::NoAnswers));
    assert!(
        error.to_string().contains("register the sink's hotkey"),
        "{error}"
    );
    let error = platform_weights::aggregate(&nothing_to_pay(fixed(&[(key(99), 1)]))).unwrap_err();
    assert_eq!(error, WeightsError::NoFallbackHotkey(Empty::NoAnswers));
}

#[test]
fn a_fallback_is_held_to_the_subnets_rules_like_any_vector() {
    let mut inputs = nothing_to_pay(fixed(&[(at(1), 1), (at(2), 1_000_000)]));
    assert_eq!(aggregate(&inputs).report.rounded_to_zero, [uid(1)]);
    inputs.min_allowed_weights = 2;
    let error = platform_weights::aggregate(&inputs).unwrap_err();
    assert_eq!(error, WeightsError::TooFewWeights { got: 1, min: 2 });
    inputs.max_weight_limit = 40_000;
    let outcome = aggregate(&inputs);
    let told: Vec<_> = outcome
        .report
        .uids
        .iter()
        .map(|uid| (uid.clipped, uid.weight))
        .collect();
    assert_eq!(told, [(false, 41836), (true, 65535)]);
    inputs.fallback = Fallback::Sink;
    let error = platform_weights::aggregate(&inputs).unwrap_err();
    assert!(matches!(
        error,
        WeightsError::LimitUnreachable {
            needed: 2,
            got: 1,
            ..
        }
    ));
}

#[test]
fn the_sink_is_told_of_every_part_and_the_parts_sum_to_its_share() {
    let challenges = vec![
        failed("down", "10", "trapped"),
        answered("mute", "5", &[(at(1), 0.0)]),
        answered("open", "30", &[(at(1), 1.0), (key(99), 2.0)]),
        answered("zero", "0", &[(key(99), 1.0)]),
    ];
    let report = aggregate(&epoch(Policy::Absolute, challenges)).report;
    let one = |slug: &str| Some(slug.to_owned());
    let expected = [
        (SinkReason::Unassigned, None, "0.55".to_owned()),
        (SinkReason::Failed, one("down"), "0.1".to_owned()),
        (SinkReason::Empty, one("mute"), "0.05".to_owned()),
        (SinkReason::UnknownHotkeys, one("open"), "0.2".to_owned()),
    ];
    assert_eq!(parts(&report), expected);
    let sink = report.sink.as_ref().unwrap();
    assert_eq!(
        (sink.uid, sink.share.to_string()),
        (Some(Uid(9)), "0.900000000000000000".to_owned())
    );
    assert_eq!(sink.expected.to_string(), "0.550000000000000000");
    assert_eq!(report.sink_excess().to_string(), "0.350000000000000000");
    assert_eq!(report.reached.to_string(), "0.100000000000000000");
}

#[test]
fn thirds_in_the_sink_are_rounded_so_that_they_still_sum() {
    let third = [(at(1), 1.0), (key(99), 2.0)];
    let challenges = vec![answered("one", "50", &third), answered("two", "50", &third)];
    let report = aggregate(&epoch(Policy::Absolute, challenges)).report;
    let sink = report.sink.as_ref().unwrap();
    let units: Vec<_> = sink.parts.iter().map(|part| part.share.units()).collect();
    assert_eq!(sink.share.units(), 666_666_666_666_666_666);
    assert_eq!(units, [333_333_333_333_333_333; 2]);
    assert_eq!(report.sink_excess(), sink.share);
}
