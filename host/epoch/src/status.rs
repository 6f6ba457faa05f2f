//! What the driver tells of itself.

use platform_domain::{BlockNumber, EpochId, with_causes};
use platform_store::EpochRow;
use platform_weights::Report;

use crate::{EpochError, Epochs, SinkAlarm};

/// What the driver last saw.
#[derive(Clone, Debug, Default)]
pub struct EpochsStatus {
    /// The chain's best block.
    pub block: Option<BlockNumber>,
    /// The epoch of that block.
    pub epoch: Option<EpochId>,
    /// Why the last turn did not get through, cleared by one that does.
    pub error: Option<String>,
    /// What is wrong with the newest recorded weights.
    pub alarms: Vec<SinkAlarm>,
}

impl Epochs {
    /// Looks whether recorded weights are as expected. An alarm is logged when they are `new`, and shown until there are
    /// newer ones.
    pub(crate) fn told(&self, row: &EpochRow, report: Option<&Report>, new: bool) {
        let percent = self.config().sink_alarm_percent;
        let alarm = report.and_then(|report| SinkAlarm::of(row.epoch, report, percent));
        if let Some(SinkAlarm { epoch, text }) = alarm.as_ref().filter(|_| new) {
            tracing::error!(epoch.id = %epoch, alarm = text, "the sink gets more than expected");
        }
        self.change_status(|status| status.alarms = alarm.into_iter().collect());
    }
}

/// The error as a text; logged unless it is the same as before.
pub(crate) fn reported(error: Option<EpochError>, before: Option<String>) -> Option<String> {
    let text = error.map(|error| with_causes(&error));
    if let Some(text) = text.as_ref().filter(|text| before.as_ref() != Some(*text)) {
        tracing::warn!(error = text, "the epoch does not go on, trying again");
    }
    text
}
