//! The record of what a challenge did wrong: bounded, in memory, and cheap enough for a flood of failures.

use std::{collections::VecDeque, sync::Arc};

use platform_domain::{CalledFunction, IncidentKind, UnixSeconds};

/// One or many calls that went wrong in the same way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Incident {
    /// How they ended.
    pub kind: IncidentKind,
    /// What was called.
    pub function: CalledFunction,
    /// What is known of the first, one line for the operator.
    pub text: Arc<str>,
    /// When the first happened.
    pub first_at: UnixSeconds,
    /// When the last happened.
    pub last_at: UnixSeconds,
    /// The request id of the last; `epoch-N` for weights.
    pub request_id: String,
    /// How many calls.
    pub count: u64,
}

/// Incidents kept of each challenge: a screen or two. Older ones are forgotten, the counters remember.
pub const MAX_INCIDENTS: usize = 64;
/// Equal incidents that follow one another within so many seconds are one with a counter: a flood is one
/// entry, and one line of the log.
const FOLD_SECONDS: u64 = 60;
/// One line on a screen.
const MAX_TEXT_CHARS: usize = 300;

/// The newest incidents of a challenge.
#[derive(Debug, Default)]
pub(crate) struct Incidents(VecDeque<Incident>);

impl Incidents {
    /// Takes one more; the incident is returned when it is not a repetition of a recent one.
    pub(crate) fn record(
        &mut self,
        now: UnixSeconds,
        (kind, function): (IncidentKind, CalledFunction),
        request_id: &str,
        text: impl FnOnce() -> String,
    ) -> Option<Incident> {
        let equal = |it: &&mut Incident| it.kind == kind && it.function == function;
        let latest = self.0.iter_mut().rev().find(equal);
        if let Some(latest) = latest.filter(|it| now.0.saturating_sub(it.last_at.0) <= FOLD_SECONDS) {
            latest.count = latest.count.saturating_add(1);
            latest.last_at = latest.last_at.max(now);
            // Into the memory that is there.
            request_id.clone_into(&mut latest.request_id);
            return None;
        }
        if self.0.len() >= MAX_INCIDENTS {
            self.0.pop_front();
        }
        let incident = Incident {
            kind,
            function,
            text: one_line(&text()).into(),
            first_at: now,
            last_at: now,
            request_id: request_id.to_owned(),
            count: 1,
        };
        self.0.push_back(incident.clone());
        Some(incident)
    }

    /// Newest first, by when they last happened.
    pub(crate) fn list(&self) -> Vec<Incident> {
        let mut list: Vec<_> = self.0.iter().rev().cloned().collect();
        list.sort_by_key(|incident| std::cmp::Reverse(incident.last_at));
        list
    }

    pub(crate) fn last(&self) -> Option<Incident> {
        // Of two in the same second the later entry.
        self.0.iter().max_by_key(|incident| incident.last_at).cloned()
    }
}

/// A guest has a say in the text: no line ends, with which it could forge lines of a log.
fn one_line(text: &str) -> String {
    let shown = |c: char| if c.is_control() { ' ' } else { c };
    text.chars().take(MAX_TEXT_CHARS).map(shown).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROUTE: CalledFunction = CalledFunction::Route;

    fn record(incidents: &mut Incidents, now: u64, kind: IncidentKind, text: &str) -> Option<Incident> {
        incidents.record(UnixSeconds(now), (kind, ROUTE), &now.to_string(), || {
            text.to_owned()
        })
    }

    #[test]
    fn equal_incidents_are_one_with_a_counter_even_when_others_come_between() {
        let mut incidents = Incidents::default();
        for now in 0..100 {
            let kind = if now % 2 == 0 {
                IncidentKind::Trap
            } else {
                IncidentKind::Deadline
            };
            let new = record(&mut incidents, now, kind, &format!("the first at {now}"));
            assert_eq!(new.is_some(), now < 2, "{now}");
        }
        let list = incidents.list();
        assert_eq!(
            list.iter().map(|it| (it.kind, it.count)).collect::<Vec<_>>(),
            [(IncidentKind::Deadline, 50), (IncidentKind::Trap, 50)]
        );
        assert_eq!(
            (&*list[1].text, list[1].first_at, list[1].last_at),
            ("the first at 0", UnixSeconds(0), UnixSeconds(98))
        );
        assert_eq!(list[1].request_id, "98");
        assert_eq!(incidents.last().unwrap().kind, IncidentKind::Deadline);
        // What comes much later is another story, and so is another function.
        assert!(record(&mut incidents, 160, IncidentKind::Trap, "").is_some());
        let weights = (IncidentKind::Trap, CalledFunction::Weights);
        assert!(
            incidents
                .record(UnixSeconds(161), weights, "epoch-7", String::new)
                .is_some()
        );
    }

    #[test]
    fn the_record_is_bounded_in_number_and_in_text() {
        let mut incidents = Incidents::default();
        for n in 0..1000 {
            record(&mut incidents, n * 100, IncidentKind::Trap, &"é\n".repeat(10_000));
        }
        let list = incidents.list();
        assert_eq!(list.len(), MAX_INCIDENTS);
        assert_eq!(list[0].first_at, UnixSeconds(99_900));
        assert!(
            list.iter()
                .all(|it| it.text.chars().count() == MAX_TEXT_CHARS && !it.text.contains('\n'))
        );
    }

    #[test]
    fn a_clock_that_is_set_back_makes_no_flood() {
        let mut incidents = Incidents::default();
        record(&mut incidents, 1_000_000, IncidentKind::Trap, "");
        for now in 0..1000 {
            assert!(record(&mut incidents, now, IncidentKind::Trap, "").is_none());
        }
        assert_eq!(incidents.list()[0].last_at, UnixSeconds(1_000_000));
    }
}
