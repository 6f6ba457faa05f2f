//! Weights as a person reads them.

use platform_admin_types::{AnswerView, EpochView, PreviewView, RawAnswers, RehearsalView, VectorView};
use platform_domain::Digest;
use platform_weights::Report;

use crate::{commands::chain::checks, output::table};

pub(super) fn vector(vector: &VectorView) -> String {
    let entries = vector.uids.iter().zip(&vector.weights).zip(&vector.u16);
    let rows: Vec<_> = entries
        .map(|((uid, share), u16)| [uid.to_string(), share.clone(), u16.to_string()])
        .collect();
    table(["UID", "SHARE", "U16"], &rows)
}

pub(super) fn preview(view: &PreviewView) -> String {
    let head = format!(
        "epoch {} at block {}, policy {}",
        view.epoch, view.block, view.policy
    );
    let vector = match &view.vector {
        Some(given) => vector(given),
        None => format!("no vector: {}", view.reason.as_deref().unwrap_or("unknown")),
    };
    format!("{head}\n\n{}\n\n{vector}", given(&view.answers))
}

/// What each challenge gave, one line each.
fn given<'a>(answers: impl IntoIterator<Item = &'a AnswerView>) -> String {
    let rows: Vec<_> = answers
        .into_iter()
        .map(|answer| {
            let entries = answer
                .entries
                .map_or("-".to_owned(), |entries| entries.to_string());
            [
                answer.slug.to_string(),
                answer.emission_percent.to_string(),
                entries,
                answer.source.clone(),
                answer.reason.clone().unwrap_or_default(),
            ]
        })
        .collect();
    table(
        [
            "CHALLENGE",
            "EMISSION %",
            "ENTRIES",
            "SOURCE",
            "DOES NOT COUNT BECAUSE",
        ],
        &rows,
    )
}

pub(super) fn rehearsal(view: &RehearsalView) -> String {
    let mut parts = vec![preview(&view.preview)];
    if let Some(preflight) = &view.preflight {
        parts.push(checks(preflight));
    }
    if let Some(call) = &view.call {
        let wrapped = if call.proxied { ", as a proxy" } else { "" };
        let mut text = format!("call   {}{wrapped}\nbytes  {}", call.name, call.data);
        if let (Some(round), Some(block)) = (call.round, call.reveal_block) {
            text.push_str(&format!(
                "\nsealed to round {round}; the chain reveals it from block {block} on. Each sealing gives other bytes"
            ));
        }
        parts.push(text);
    }
    parts.extend(view.error.iter().map(|error| format!("no call: {error}")));
    parts.push("nothing was recorded and nothing was sent".to_owned());
    parts.join("\n\n")
}

pub(super) fn history(epochs: &[EpochView]) -> String {
    let rows: Vec<_> = epochs
        .iter()
        .map(|view| {
            let entries = view.vector.as_ref();
            let entries = entries.map_or("-".to_owned(), |vector| vector.uids.len().to_string());
            let hash = view.extrinsic_hash;
            let hash = hash.map_or("-".to_owned(), |hash| hash.to_string());
            let (block, reason) = (view.block.to_string(), view.reason.clone().unwrap_or_default());
            [
                view.epoch.to_string(),
                block,
                view.state.clone(),
                entries,
                hash,
                reason,
            ]
        })
        .collect();
    table(
        ["EPOCH", "BLOCK", "STATE", "ENTRIES", "EXTRINSIC", "REASON"],
        &rows,
    )
}

pub(super) fn answers(answers: &RawAnswers) -> String {
    let mut parts = vec![given(answers.answers.iter().map(|one| &one.answer))];
    for one in &answers.answers {
        let head = format!(
            "{}  component {}, state {}",
            one.answer.slug,
            digest(one.answer.component),
            digest(one.answer.state)
        );
        let rows: Vec<_> = one
            .weights
            .iter()
            .flatten()
            .map(|(hotkey, score)| [hotkey.clone(), score.clone()])
            .collect();
        parts.push(format!("{head}\n{}", table(["HOTKEY", "SCORE"], &rows)));
    }
    parts.join("\n\n")
}

/// A digest, or that there is none.
pub(super) fn digest(digest: Option<Digest>) -> String {
    digest.map_or("none".to_owned(), |digest| digest.to_string())
}

fn challenges(report: &Report) -> String {
    let rows: Vec<_> = report
        .challenges
        .iter()
        .map(|one| {
            let dropped = one.dropped.malformed_hotkey
                + one.dropped.non_finite
                + one.dropped.negative
                + one.dropped.zero;
            [
                one.slug.to_string(),
                one.emission_percent.to_string(),
                one.share.to_string(),
                one.scored.to_string(),
                dropped.to_string(),
                one.unknown.count.to_string(),
                one.source.map_or("-".to_owned(), |source| source.to_string()),
                one.earlier
                    .iter()
                    .chain(&one.reason)
                    .cloned()
                    .collect::<Vec<_>>()
                    .join("; "),
            ]
        })
        .collect();
    let head = [
        "CHALLENGE",
        "EMISSION %",
        "SHARE",
        "SCORES",
        "DROPPED",
        "UNKNOWN",
        "SOURCE",
        "FAILED BECAUSE",
    ];
    table(head, &rows)
}

fn sink(report: &Report) -> Option<String> {
    let sink = report.sink.as_ref()?;
    let uid = sink.uid.map_or("nobody".to_owned(), |uid| format!("UID {uid}"));
    let mut lines = vec![format!(
        "the sink, {uid}, gets {}; {} is given to no challenge",
        sink.share, sink.expected
    )];
    lines.extend(sink.parts.iter().map(|part| {
        let of = part
            .slug
            .as_ref()
            .map(|slug| format!(" of {slug}"))
            .unwrap_or_default();
        format!("  {}  {}{of}", part.share, part.reason)
    }));
    Some(lines.join("\n"))
}

/// What else is to be known of a vector: whom the fallback paid, and who got too little for a weight.
fn remarks(report: &Report) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(fallback) = &report.fallback {
        let why = report.empty.as_deref().unwrap_or("there was nothing to pay");
        lines.push(format!("the fallback {} was used: {why}", fallback.used));
    }
    if report.limited {
        lines.push("the subnet's limit for one UID cut the largest".to_owned());
    }
    if !report.rounded_to_zero.is_empty() {
        let uids: Vec<_> = report.rounded_to_zero.iter().map(ToString::to_string).collect();
        lines.push(format!("too little for a weight: UID {}", uids.join(", ")));
    }
    lines
}

pub(super) fn epoch(view: &EpochView) -> String {
    let mut lines = vec![format!(
        "epoch {} ({}) at block {}: {}",
        view.epoch, view.numbering, view.block, view.state
    )];
    let mut fact = |name: &str, value: Option<String>| {
        lines.extend(value.map(|value| format!("{name:<10} {value}")));
    };
    fact("reason", view.reason.clone());
    fact("policy", view.policy.clone());
    fact("call", view.call.clone());
    fact("extrinsic", view.extrinsic_hash.map(|hash| hash.to_string()));
    fact("in block", view.included_block.map(|block| block.to_string()));
    fact(
        "revealed",
        view.revealed_block.map(|block| format!("in block {block}")),
    );
    fact("trouble", view.error.clone());
    fact(
        "sealed to",
        view.sealed.as_ref().map(|sealed| {
            format!(
                "round {}, revealed from block {} on",
                sealed.round, sealed.first_block
            )
        }),
    );
    let steps = view
        .steps
        .iter()
        .map(|step| format!("{} {}", step.at, step.state));
    let steps: Vec<_> = steps.collect();
    fact("steps", (!steps.is_empty()).then(|| steps.join(", ")));
    let report = view
        .report
        .clone()
        .and_then(|report| serde_json::from_value(report).ok());
    if let Some(report) = report.as_ref() {
        lines.push(format!("\n{}", challenges(report)));
        lines.extend(sink(report).map(|sink| format!("\n{sink}")));
        lines.extend(remarks(report));
    }
    lines.extend(view.vector.iter().map(|given| format!("\n{}", vector(given))));
    lines.join("\n")
}
