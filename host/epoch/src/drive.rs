//! Taking a row of the ledger as far as it goes, one recorded step at a time.

use platform_chain::{Chain, ChainError};
use platform_domain::with_causes;
use platform_store::{EpochRow, EpochState, Step, epochs};
use platform_weights::Report;

use crate::{
    EpochError, Epochs,
    inputs::{Collected, NoVector},
    limits::{LATE_FINALITY, MAX_TOLD_STEPS, REVEAL_PATIENCE},
    moment::Moment,
    prepare::{Collection, compute, now},
    submit::{sealed, signed},
    verdict::ends_the_epoch,
};

/// Whether an epoch may be signed now, or an older one comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    Free,
    Waits,
}

impl Epochs {
    /// Drives every epoch that is not over, oldest first. What is signed may be in flight and is followed to its end whatever
    /// its age and however it is counted; an older epoch that was not yet signed is over, the current one replaces it.
    pub(crate) async fn drive_unfinished(&self, chain: &Chain, moment: &Moment) -> Result<(), EpochError> {
        let lane = moment.epoch.lane;
        let read = move |connection: &_| epochs::unfinished(connection, lane);
        let rows = self.store().read("epoch_unfinished", read).await?;
        let (mut first, mut order) = (Ok(()), Order::Free);
        for mut row in rows {
            // One epoch that does not go on must not keep the others from it.
            let driven = self.drive_or_end(chain, &mut row, (moment, order)).await;
            first = first.and(driven);
            if is_in_the_way(&row, moment) {
                order = Order::Waits;
            }
        }
        first
    }

    async fn drive_or_end(
        &self,
        chain: &Chain,
        row: &mut EpochRow,
        (moment, order): (&Moment, Order),
    ) -> Result<(), EpochError> {
        let unsigned = matches!(
            row.state,
            EpochState::Begun | EpochState::Collected | EpochState::Recorded
        );
        if !unsigned || !self.is_past(row, moment) {
            return self.drive(chain, row, (moment, order)).await;
        }
        let step = if row.state == EpochState::Recorded && self.submitter().is_none() {
            let reason = "no hotkey is configured, so it was recorded only".to_owned();
            let report = None;
            Step::Skip { reason, report }
        } else {
            let why = row.error.as_ref();
            let why = why.map_or(String::new(), |error| format!("; the last error was: {error}"));
            let (state, current) = (row.state, moment.epoch.epoch);
            let reason = format!("it was only {state} when epoch {current} began{why}");
            Step::Fail { reason }
        };
        *row = self.advance(row, step).await?;
        Ok(())
    }

    /// Whether another epoch is the current one.
    pub(crate) fn is_past(&self, row: &EpochRow, moment: &Moment) -> bool {
        row.numbering != moment.epoch.numbering || row.epoch < moment.epoch.epoch
    }

    async fn drive(
        &self,
        chain: &Chain,
        row: &mut EpochRow,
        (moment, order): (&Moment, Order),
    ) -> Result<(), EpochError> {
        loop {
            let next = match self.next(chain, row, (moment, order)).await {
                Ok(Some(next)) => next,
                // Nothing to do before the next block.
                Ok(None) => return Ok(()),
                Err(EpochError::Chain(error)) if ends_the_epoch(&error) => {
                    let reason = with_causes(&error);
                    self.advance(row, Step::Fail { reason }).await?
                }
                Err(error) => {
                    self.tell(row, &error).await?;
                    return Err(error);
                }
            };
            // A node that takes back what it said is asked again at the next turn, and not at once.
            let again = row.state == EpochState::Included && next.attempts == row.attempts && !next.is_over();
            let again = again && next.state != EpochState::Finalised;
            *row = next;
            if again || row.is_over() {
                return Ok(());
            }
        }
    }

    /// The row after its next step; `None` when there is none for now.
    async fn next(
        &self,
        chain: &Chain,
        row: &EpochRow,
        (moment, order): (&Moment, Order),
    ) -> Result<Option<EpochRow>, EpochError> {
        let step = match row.state {
            EpochState::Begun => return self.ask(chain, row).await,
            EpochState::Collected => return self.record(row).await.map(Some),
            EpochState::Recorded if self.submitter().is_none() || order == Order::Waits => None,
            EpochState::Recorded => self.sign(chain, row, moment).await?,
            EpochState::Submitted => match self.send(chain, row, moment).await {
                Err(EpochError::Chain(ChainError::BlockUnavailable(_))) => {
                    self.forgotten(chain, row, moment).await?
                }
                step => step?,
            },
            EpochState::Included => match self.confirm(chain, row, moment).await {
                Err(EpochError::Chain(ChainError::BlockUnavailable(_))) => {
                    self.forgotten(chain, row, moment).await?
                }
                step => step?,
            },
            EpochState::Finalised if row.sealed.is_some() => self.watch_reveal(chain, row, moment).await?,
            EpochState::Finalised | EpochState::Revealed | EpochState::Skipped | EpochState::Failed => None,
        };
        let Some(step) = step else {
            return Ok(None);
        };
        let next = self.advance(row, step).await?;
        if matches!(next.state, EpochState::Finalised | EpochState::Revealed) {
            self.publish_newest(row.lane, Some(row)).await?;
        }
        Ok(Some(next))
    }

    /// Asks the challenges, and keeps what they said with the subnet as it was. `None` when the epoch was over before that.
    async fn ask(&self, chain: &Chain, row: &EpochRow) -> Result<Option<EpochRow>, EpochError> {
        tracing::info!(epoch.id = %row.epoch, "asking the challenges for their weights");
        let Collection {
            moment,
            answers,
            collected,
        } = self.collect(chain).await?;
        if moment.epoch != row.key() {
            // Its last block went by in between; the next turn sees that it is over.
            return Ok(None);
        }
        let step = Step::Collect {
            block: moment.block,
            policy: collected.policy.clone(),
            inputs: serde_json::to_value(&collected)?,
        };
        let row = row.clone();
        let collect = move |connection: &_| epochs::collect(connection, &row, step, &answers, now());
        let next = self.store().write("epoch_collect", collect).await?;
        log(&next);
        Ok(Some(next))
    }

    /// Makes the vector of what is kept, and fixes it. Neither a challenge nor the chain is asked.
    async fn record(&self, row: &EpochRow) -> Result<EpochRow, EpochError> {
        let key = row.key();
        let read = move |connection: &_| {
            let row = epochs::get(connection, &key)?;
            let inputs = row.and_then(|row| row.inputs);
            Ok::<_, EpochError>((inputs, epochs::collected(connection, &key)?))
        };
        let (inputs, answers) = self.store().read("epoch_collected", read).await?;
        let collected: Collected = serde_json::from_value(inputs.ok_or(EpochError::Ledger(row.epoch))?)?;
        let (answers, computed) = compute(collected.clone(), answers).await?;
        let report = computed.report.as_ref().map(serde_json::to_value).transpose()?;
        let step = match (computed.vector, report) {
            (Ok(vector), report) => Step::Record {
                vector,
                report: report.unwrap_or_default(),
            },
            (Err(NoVector::NothingToPay(reason)), report) => Step::Skip { reason, report },
            (Err(NoVector::Invalid(reason)), _) => Step::Fail { reason },
        };
        let row = self.advance(row, step).await?;
        if row.state == EpochState::Recorded {
            self.told(&row, computed.report.as_ref(), true);
            if self.may_tell(&row, &collected) {
                self.publish(&row, &collected, &answers);
            }
        }
        Ok(row)
    }

    /// What follows when the node has thrown away the blocks that would tell whether the extrinsic was included. While it may
    /// still be, there is nothing to do but to ask again.
    async fn forgotten(
        &self,
        chain: &Chain,
        row: &EpochRow,
        moment: &Moment,
    ) -> Result<Option<Step>, EpochError> {
        let extrinsic = signed(row)?;
        let (finalised, _) = chain.finalised_block().await?;
        if finalised < extrinsic.expires {
            return Ok(None);
        }
        match self.sign_anew(chain, row, moment).await? {
            Some(Step::Fail { .. }) if self.is_past(row, moment) => {
                let reason = "the node no longer has the blocks that would tell whether its extrinsic was \
                              included";
                Ok(Some(Step::Fail {
                    reason: reason.to_owned(),
                }))
            }
            step => Ok(step),
        }
    }

    /// Writes down why an epoch does not go on: once for each reason, however often it is tried.
    async fn tell(&self, row: &EpochRow, error: &EpochError) -> Result<(), EpochError> {
        let text = with_causes(error);
        let key = row.key();
        let tell = move |connection: &_| {
            // As it is now: the row in hand may have moved a step before the error.
            let Some(row) = epochs::get(connection, &key)?.filter(|row| !row.is_over()) else {
                return Ok(());
            };
            if row.error.as_ref() != Some(&text) && row.step < MAX_TOLD_STEPS {
                epochs::advance(connection, &row, Step::Trouble { error: text }, now())?;
            }
            Ok::<_, EpochError>(())
        };
        self.store().write("epoch_trouble", tell).await
    }

    async fn advance(&self, row: &EpochRow, step: Step) -> Result<EpochRow, EpochError> {
        let row = row.clone();
        let advance = move |connection: &_| epochs::advance(connection, &row, step, now());
        let next = self.store().write("epoch_advance", advance).await?;
        log(&next);
        Ok(next)
    }

    /// Tells everyone what is to be told of the weights that are recorded, as a start does that finds some.
    pub(crate) async fn tell_again(&self, chain: &Chain) -> Result<(), EpochError> {
        let lane = self.lane(chain);
        let read = move |connection: &_| epochs::newest_recorded(connection, lane);
        if let Some(mut row) = self.store().read("epoch_newest", read).await? {
            let report: Option<Report> = row.report.take().and_then(|it| serde_json::from_value(it).ok());
            self.told(&row, report.as_ref(), false);
        }
        self.publish_newest(lane, None).await
    }
}

/// Whether a newer epoch has to wait for what becomes of this one. What the chain keeps of a hotkey is its last update: with a
/// newer one, nobody could tell any more whether an older extrinsic was included or an older commit revealed. None is waited
/// for longer than it takes.
fn is_in_the_way(row: &EpochRow, moment: &Moment) -> bool {
    let next = moment.block.0.0.saturating_add(1);
    match row.state {
        EpochState::Submitted | EpochState::Included => row
            .extrinsic
            .as_ref()
            .is_some_and(|extrinsic| next <= extrinsic.expires.0.saturating_add(LATE_FINALITY)),
        EpochState::Finalised => {
            let patience = REVEAL_PATIENCE.min(moment.timing.length() / 2);
            sealed(row).ok().flatten().is_some_and(|sealed| {
                let first = sealed.first_block.0;
                (first..=first.saturating_add(patience)).contains(&next)
            })
        }
        _ => false,
    }
}

fn log(row: &EpochRow) {
    let hash = row.extrinsic.as_ref().map(|extrinsic| extrinsic.hash.to_string());
    let entries = row.vector.as_ref().map(|vector| vector.uids.len());
    if row.state == EpochState::Failed {
        tracing::error!(epoch.id = %row.epoch, reason = row.reason, "the epoch failed");
    } else {
        tracing::info!(epoch.id = %row.epoch, epoch.state = %row.state, entries, extrinsic = hash, reason = row.reason, "the epoch moved");
    }
}
