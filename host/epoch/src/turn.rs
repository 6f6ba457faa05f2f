//! The task that looks at the chain again and again, and moves what can be moved.

use platform_domain::Capability;
use platform_store::epochs;
use tokio_util::sync::CancellationToken;

use crate::{
    EpochError, Epochs, limits::METAGRAPH_MAX_AGE, moment::Moment, prepare::now, schedule::Schedule,
};

impl Epochs {
    /// Drives epochs until `stop`. A turn that fails is told once, and tried again at the next.
    pub async fn run(self, stop: CancellationToken) {
        if self.config().chain.is_none() {
            tracing::info!("no chain endpoint is configured: serving only");
            return stop.cancelled().await;
        }
        let mut told = false;
        loop {
            // Dropping a turn half-way is what a kill does, and the ledger is made for that.
            let turn = tokio::select! {
                turn = self.turn(&mut told) => turn,
                () = stop.cancelled() => return,
            };
            self.report(turn.err());
            tokio::select! {
                () = tokio::time::sleep(self.config().poll) => {}
                () = self.woken() => {}
                () = stop.cancelled() => return,
            }
        }
    }

    /// One look at the chain: what is unfinished first, then the current epoch. The first one also tells of what is recorded
    /// already.
    async fn turn(&self, told: &mut bool) -> Result<(), EpochError> {
        let chain = self.chain().await?;
        let best = chain.best_block().await?;
        self.change_status(|status| status.block = Some(best.0));
        if !*told {
            self.tell_again(chain).await?;
            *told = true;
        }
        let moment = self.moment(chain, best).await?;
        self.change_status(|status| status.epoch = Some(moment.epoch.epoch));
        let known = self.known_metagraph();
        let age = known.map(|known| best.0.0.abs_diff(known.block().0));
        if age.is_none_or(|age| age > METAGRAPH_MAX_AGE) {
            self.refresh_metagraph(chain).await?;
        }
        let begun = self.begin_due(&moment).await;
        self.drive_unfinished(chain, &moment).await.and(begun)
    }

    /// Begins the current epoch if it is to begin by itself.
    async fn begin_due(&self, moment: &Moment) -> Result<(), EpochError> {
        let due = match self.config().schedule {
            Schedule::Manual => false,
            Schedule::Tempo | Schedule::Every(_) => moment.is_open(self.config().collect_deadline),
        };
        if !due {
            return Ok(());
        }
        // A new host is not to skip its first epoch while its challenges are being registered.
        if !self.anyone_gives_weights() {
            return Err(EpochError::NobodyTakesPart);
        }
        let (epoch, block) = (moment.epoch, moment.block);
        let begin = move |connection: &_| epochs::begin(connection, &epoch, block, now());
        self.store().write("epoch_begin", begin).await?;
        Ok(())
    }

    fn anyone_gives_weights(&self) -> bool {
        self.routes()
            .current()
            .iter()
            .any(|route| route.offers(Capability::GetWeights))
    }
}
