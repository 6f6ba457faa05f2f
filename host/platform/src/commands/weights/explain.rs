//! Why a UID has the weight it has: from the chain back to each challenge's answer.

use anyhow::{Context as _, bail};
use platform_admin_types::{EpochView, RawAnswers};
use platform_domain::{BlockNumber, Digest, EpochId, Hotkey, Uid};
use platform_weights::{Report, Share, UidReport};
use serde::Serialize;

use super::text::digest;
use crate::output::table;

/// One number of a vector, and all that it is made of.
#[derive(Debug, Serialize)]
pub(super) struct Explanation {
    epoch: EpochId,
    policy: String,
    uid: Uid,
    hotkey: Option<Hotkey>,
    /// What the chain was read to hold, once it was.
    on_chain: Option<u16>,
    block: Option<BlockNumber>,
    /// What was recorded; none when it was too small for a weight.
    #[serde(rename = "u16")]
    weight: u16,
    /// Of the whole, before limit and quantisation.
    share: Share,
    /// Whether the subnet's limit for one UID cut it.
    clipped: bool,
    /// Of the vector: after the limit, and without those who get too little for a weight.
    paid: Share,
    /// The largest part of the vector gets 65535, and all others as much of that as they are of it.
    largest: Share,
    from: Vec<Part>,
    /// What it got as the sink, beside what challenges gave it.
    as_sink: Option<Share>,
}

/// What one challenge gave.
#[derive(Debug, Serialize)]
struct Part {
    slug: String,
    /// Of the whole.
    share: Share,
    /// What the challenge has to give.
    challenge_share: Share,
    source: String,
    component: Option<Digest>,
    state: Option<Digest>,
    /// What the challenge said, in its own words.
    score: Option<String>,
    /// How many others it scored.
    scored: usize,
}

impl Explanation {
    pub(super) fn of(view: &EpochView, answers: &RawAnswers, whose: &str) -> anyhow::Result<Self> {
        let report = view.report.clone().with_context(|| {
            let reason = view.reason.as_deref().unwrap_or("it is only begun");
            format!("epoch {} has no report: {reason}", view.epoch)
        })?;
        let report: Report =
            serde_json::from_value(report).context("this host wrote another kind of report")?;
        let entry = find(&report, whose)?;
        let on_chain = view.on_chain.as_ref().map(|list| {
            let found = list.iter().find(|(uid, _)| *uid == entry.uid);
            found.map_or(0, |(_, weight)| *weight)
        });
        let from = entry.from.iter().map(|given| {
            let slug = &given.slug;
            let challenge = report.challenges.iter().find(|one| one.slug == *slug);
            let answer = answers
                .answers
                .iter()
                .find(|one| one.answer.slug == *slug && one.answer.reason.is_none());
            let score = answer.and_then(|answer| {
                let address = entry.hotkey?.to_string();
                let weights = answer.weights.as_ref()?;
                let found = weights.iter().find(|(hotkey, _)| *hotkey == address);
                found.map(|(_, score)| score.clone())
            });
            Part {
                slug: slug.to_string(),
                share: given.share,
                challenge_share: challenge.map(|one| one.share).unwrap_or_default(),
                source: given.source.to_string(),
                component: answer.and_then(|answer| answer.answer.component),
                state: answer.and_then(|answer| answer.answer.state),
                score,
                scored: challenge.map_or(0, |one| one.scored),
            }
        });
        let is_sink = report
            .sink
            .as_ref()
            .is_some_and(|sink| sink.uid == Some(entry.uid));
        Ok(Self {
            epoch: view.epoch,
            policy: report.policy.clone(),
            uid: entry.uid,
            hotkey: entry.hotkey,
            on_chain,
            block: view.revealed_block.or(view.included_block),
            weight: entry.weight,
            share: entry.share,
            clipped: entry.clipped,
            paid: entry.paid,
            largest: report.uids.iter().map(|one| one.paid).max().unwrap_or_default(),
            from: from.collect(),
            as_sink: report.sink.as_ref().filter(|_| is_sink).map(|sink| sink.share),
        })
    }
}

fn find<'a>(report: &'a Report, whose: &str) -> anyhow::Result<&'a UidReport> {
    let found = match (whose.parse::<Uid>(), whose.parse::<Hotkey>()) {
        (Ok(uid), _) => report.uids.iter().find(|entry| entry.uid == uid),
        (_, Ok(hotkey)) => report.uids.iter().find(|entry| entry.hotkey == Some(hotkey)),
        _ => bail!("{whose:?} is neither a UID nor a hotkey"),
    };
    found.with_context(|| {
        format!(
            "{whose} earned nothing in this epoch: no challenge gave it a score above zero, or it was not registered; \
             `platform weights answers` has what each challenge said"
        )
    })
}

pub(super) fn text(it: &Explanation) -> String {
    let name = it.hotkey.map(|hotkey| format!(", {hotkey}")).unwrap_or_default();
    let mut lines = vec![format!("epoch {}, UID {}{name}", it.epoch, it.uid)];
    let on_chain = match (it.on_chain, it.block) {
        (Some(weight), Some(block)) => format!("{weight}, set in block {block}"),
        _ => "not read yet".to_owned(),
    };
    lines.push(format!("on the chain  {on_chain}"));
    lines.push(format!(
        "recorded      {} = 65535 · {} / {}",
        it.weight, it.paid, it.largest
    ));
    lines.push("              its part of the vector over the largest, rounded half to even".to_owned());
    let cut = if it.clipped {
        "; the subnet's limit for one UID cut it"
    } else {
        ""
    };
    lines.push(format!(
        "share         {} of the whole under {}{cut}",
        it.share, it.policy
    ));
    if let Some(share) = it.as_sink {
        lines.push(format!(
            "              of which {share} as the sink; `platform weights show` has why"
        ));
    }
    let rows: Vec<_> = it
        .from
        .iter()
        .map(|part| {
            [
                part.slug.clone(),
                part.share.to_string(),
                part.challenge_share.to_string(),
                part.score.clone().unwrap_or_else(|| "-".to_owned()),
                part.scored.to_string(),
                part.source.clone(),
            ]
        })
        .collect();
    let head = ["CHALLENGE", "GAVE IT", "HAS TO GIVE", "SCORE", "SCORES", "SOURCE"];
    lines.push(format!("\n{}", table(head, &rows)));
    for part in &it.from {
        lines.push(format!(
            "\n{}  component {}\n{}  state     {}",
            part.slug,
            digest(part.component),
            " ".repeat(part.slug.len()),
            digest(part.state)
        ));
    }
    lines.join("\n")
}
