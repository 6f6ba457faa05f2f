//! The alarm for a sink that gets more than the configuration leaves to it: then a challenge is broken or pays strangers.

use platform_domain::EpochId;
use platform_weights::{Report, Share, SinkPart, SinkReason};

/// The sink gets more than is expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SinkAlarm {
    /// The epoch whose vector it is.
    pub epoch: EpochId,
    /// How much of the whole, how much is expected, and why it is more.
    pub text: String,
}

/// Units of a share that are a hundredth of a percent.
const HUNDREDTH: u64 = Share::ONE / 10_000;

impl SinkAlarm {
    /// An alarm if the sink gets more than so many percent of the whole beyond what is expected. With 100 there is never one.
    pub(crate) fn of(epoch: EpochId, report: &Report, percent: u8) -> Option<Self> {
        let sink = report.sink.as_ref()?;
        if sink.excess().units() <= u64::from(percent).saturating_mul(100 * HUNDREDTH) {
            return None;
        }
        let unexpected = sink
            .parts
            .iter()
            .filter(|part| part.reason != SinkReason::Unassigned);
        let parts: Vec<String> = unexpected.map(why).collect();
        let (share, expected) = (percents(sink.share), percents(sink.expected));
        let text = format!(
            "the sink gets {share} of the emission and {expected} is expected: {}",
            parts.join(", ")
        );
        Some(Self { epoch, text })
    }
}

fn why(part: &SinkPart) -> String {
    let share = percents(part.share);
    let slug = part
        .slug
        .as_ref()
        .map_or_else(|| "a challenge".to_owned(), |slug| format!("'{slug}'"));
    match part.reason {
        SinkReason::Failed => format!("{share} because {slug} failed"),
        SinkReason::Empty => format!("{share} because {slug} gave nobody a score"),
        SinkReason::UnknownHotkeys => {
            format!("{share} because {slug} gave it to hotkeys that are not registered")
        }
        SinkReason::Fallback => format!("{share} because there was nobody to pay"),
        SinkReason::Unassigned => format!("{share} that no challenge has"),
    }
}

/// In percent with two decimal places, rounded down.
fn percents(share: Share) -> String {
    let hundredths = share.units() / HUNDREDTH;
    format!("{}.{:02} %", hundredths / 100, hundredths % 100)
}

#[cfg(test)]
mod tests {
    use platform_domain::{RawWeight, Uid};
    use platform_weights::{ChallengeAnswer, Fallback, Inputs, NO_LIMIT, Policy, Uids, aggregate};

    use super::*;

    fn report() -> Report {
        let miner = platform_domain::Hotkey::from_bytes([1; 32]);
        let good = vec![RawWeight {
            hotkey: miner.to_string(),
            score: 1.0,
        }];
        let challenge = |slug: &str, percent: &str, answer| {
            ChallengeAnswer::live(slug.parse().unwrap(), percent.parse().unwrap(), answer)
        };
        let inputs = Inputs {
            policy: Policy::Absolute,
            challenges: vec![
                challenge("tsp", "60", Ok(good)),
                challenge("nim", "12.5", Err("it crashed".to_owned())),
            ],
            uids: Uids::new([(miner, Uid(1))]).unwrap(),
            sink: Some(Uid(0)),
            min_allowed_weights: 1,
            max_weight_limit: NO_LIMIT,
            fallback: Fallback::Skip,
        };
        aggregate(&inputs).unwrap().report
    }

    #[test]
    fn an_excess_is_told_when_it_is_more_than_allowed_and_not_when_it_is_as_much() {
        let alarm = |percent| SinkAlarm::of(EpochId(7), &report(), percent);
        let text =
            "the sink gets 40.00 % of the emission and 27.50 % is expected: 12.50 % because 'nim' failed";
        let told = alarm(12).unwrap();
        assert_eq!((told.epoch, told.text.as_str()), (EpochId(7), text));
        assert_eq!(alarm(0), Some(told));
        assert_eq!((alarm(13), alarm(100)), (None, None));
    }
}
