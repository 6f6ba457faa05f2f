//! What each challenge's answer counts as.

use std::collections::{BTreeMap, BTreeSet};

use platform_domain::Slug;

use crate::{
    AnswerStatus, ChallengeAnswer, ChallengeReport, Dropped, Inputs, MAX_CHALLENGES, MAX_EARLIER, Share,
    UnknownHotkeys, WeightsError,
    clean::clean,
    combine::{Part, Scores},
    names::Names,
    report::reason_line,
};

/// A challenge after its answer was checked.
pub(crate) struct Judged<'a> {
    challenge: &'a ChallengeAnswer,
    entries: usize,
    dropped: Dropped,
    /// `None` when the challenge counts as having answered nothing.
    scores: Option<Scores>,
    reason: Option<(AnswerStatus, String)>,
}

/// Checks every answer, ordered by slug.
pub(crate) fn judge(inputs: &Inputs) -> Result<Vec<Judged<'_>>, WeightsError> {
    if inputs.challenges.len() > MAX_CHALLENGES {
        return Err(WeightsError::TooManyChallenges(inputs.challenges.len()));
    }
    let mut by_slug: BTreeMap<&Slug, Judged<'_>> = BTreeMap::new();
    let mut twice: BTreeSet<&Slug> = BTreeSet::new();
    let mut names = Names::new(&inputs.uids);
    for challenge in &inputs.challenges {
        if by_slug
            .insert(&challenge.slug, Judged::new(challenge, &mut names))
            .is_some()
        {
            twice.insert(&challenge.slug);
        }
    }
    match twice.first() {
        Some(slug) => Err(WeightsError::DuplicateSlug((*slug).clone())),
        None => Ok(by_slug.into_values().collect()),
    }
}

impl<'a> Judged<'a> {
    fn new(challenge: &'a ChallengeAnswer, names: &mut Names<'a>) -> Self {
        let mut judged = Self {
            challenge,
            entries: challenge.answer.as_ref().map_or(0, Vec::len),
            dropped: Dropped::default(),
            scores: None,
            reason: None,
        };
        match challenge.answer.as_ref().map(|answer| clean(answer, names)) {
            Err(reason) => judged.reason = Some((AnswerStatus::Failed, reason_line(reason))),
            Ok(Err(invalid)) => judged.reason = Some((AnswerStatus::Failed, invalid.to_string())),
            Ok(Ok(cleaned)) => {
                judged.dropped = cleaned.dropped;
                if cleaned.is_empty() {
                    let reason = "the answer has no positive score".to_owned();
                    judged.reason = Some((AnswerStatus::Empty, reason));
                } else {
                    judged.scores = Some(Scores::new(cleaned));
                }
            }
        }
        judged
    }

    pub(crate) fn slug(&self) -> &'a Slug {
        &self.challenge.slug
    }

    /// As configured, in ten-thousandths of a percent.
    pub(crate) fn emission(&self) -> u64 {
        self.challenge.emission_percent.ten_thousandths()
    }

    pub(crate) fn status(&self) -> AnswerStatus {
        self.reason
            .as_ref()
            .map_or(AnswerStatus::Answered, |(status, _)| *status)
    }

    /// Whether it counts as having answered nothing.
    pub(crate) const fn is_silent(&self) -> bool {
        self.scores.is_none()
    }

    pub(crate) fn part(&self) -> Option<Part<'_>> {
        let emission = self.emission();
        let scores = self.scores.as_ref().filter(|_| emission > 0)?;
        let challenge = self.challenge;
        Some(Part {
            challenge,
            emission,
            scores,
        })
    }

    pub(crate) fn report(&self, whole: u64) -> ChallengeReport {
        let emission = self.part().map_or(0, |part| part.emission);
        let status = self.status();
        let earlier = self.challenge.earlier.iter().take(MAX_EARLIER);
        ChallengeReport {
            slug: self.challenge.slug.clone(),
            emission_percent: self.challenge.emission_percent,
            share: Share::floor(&emission.into(), &whole.into()),
            status,
            reason: self.reason.as_ref().map(|(_, reason)| reason.clone()),
            source: Some(self.challenge.source).filter(|_| status != AnswerStatus::Failed),
            earlier: earlier.map(|reason| reason_line(reason)).collect(),
            entries: self.entries,
            scored: self
                .scores
                .as_ref()
                .map_or(0, |scores| scores.known.len() + scores.unknown.count),
            dropped: self.dropped,
            unknown: self
                .scores
                .as_ref()
                .map_or_else(UnknownHotkeys::default, |s| s.unknown.clone()),
        }
    }
}
