//! How a challenge does, in words.

use std::time::SystemTime;

use platform_admin_types::{BreakerState, BreakerView, IncidentList, IncidentView};
use platform_domain::UnixSeconds;

use crate::output::table;

/// One word, for lists.
pub(crate) fn breaker_word(breaker: &BreakerView) -> String {
    match &breaker.state {
        BreakerState::Closed => "closed",
        BreakerState::Open { .. } => "open",
        BreakerState::HalfOpen { .. } => "half-open",
    }
    .to_owned()
}

/// One line, with what to do.
pub(crate) fn breaker_text(breaker: &BreakerView) -> String {
    let state = match &breaker.state {
        BreakerState::Closed => "closed".to_owned(),
        BreakerState::Open { until, reason } => {
            let seconds = until.0.saturating_sub(now().0);
            format!("open for {seconds} s more: {reason}")
        }
        BreakerState::HalfOpen { reason } => format!("half-open, the next call decides: {reason}"),
    };
    match breaker.trips {
        0 => state,
        trips => format!("{state} (opened {trips} times)"),
    }
}

/// One line about an incident.
pub(crate) fn incident_text(incident: &IncidentView) -> String {
    let IncidentView {
        kind,
        function,
        text,
        first_at: _,
        last_at,
        request_id,
        count,
    } = incident;
    let ago = ago(*last_at);
    format!("{kind} of {function}, {count} times, {ago}, request {request_id}: {text}")
}

/// All that is kept.
pub(crate) fn incidents_text(list: &IncidentList) -> String {
    let rows: Vec<_> = list
        .incidents
        .iter()
        .map(|incident| {
            [
                ago(incident.last_at),
                incident.kind.to_string(),
                incident.function.to_string(),
                incident.count.to_string(),
                incident.request_id.clone(),
                incident.text.clone(),
            ]
        })
        .collect();
    let counts = list.counts.iter().filter(|(_, count)| **count > 0);
    let counts: Vec<_> = counts.map(|(kind, count)| format!("{kind} {count}")).collect();
    let counts = if counts.is_empty() {
        "nothing went wrong".to_owned()
    } else {
        counts.join(", ")
    };
    let sum = format!("since the host started: {counts}; refused as busy {}", list.busy);
    if rows.is_empty() {
        return sum;
    }
    let head = ["LAST", "KIND", "FUNCTION", "COUNT", "LAST REQUEST", "FIRST TEXT"];
    format!("{}\n\n{sum}", table(head, &rows))
}

fn ago(at: UnixSeconds) -> String {
    match now().0.saturating_sub(at.0) {
        seconds @ 0..120 => format!("{seconds} s ago"),
        seconds @ 120..7200 => format!("{} min ago", seconds / 60),
        seconds => format!("{} h ago", seconds / 3600),
    }
}

fn now() -> UnixSeconds {
    SystemTime::now().into()
}
