//! What becomes of a container that runs.

use platform_docker::{EngineError, Follow, LogLines, State};
use tokio::time::{Instant, sleep};

use crate::{
    Behind, Fleet, FleetError, Running,
    limits::{CONTAINER_LOOK_EVERY, LOST_AFTER},
    ready::last_words,
};

impl Fleet {
    /// Ends when the container has, or is not what it was, or its engine has been out of reach for too long, and says why. Looks
    /// now and then instead of listening: so it misses nothing, whatever the engine went through.
    pub async fn lost(&self, running: &Running) -> FleetError {
        let mut silent: Option<Instant> = None;
        loop {
            sleep(CONTAINER_LOOK_EVERY).await;
            match self.look(running).await {
                Ok(()) => silent = None,
                Err(error) if error.is_absence() => {
                    let since = *silent.get_or_insert_with(Instant::now);
                    if since.elapsed() < LOST_AFTER {
                        continue;
                    }
                    if let Some(server) = &running.server
                        && let Err(error) = self.tell_lost(server, true).await
                    {
                        tracing::error!(gpu_server.id = %server, error = %error, "The loss of a server cannot be written down");
                    }
                    return error;
                }
                Err(error) => return error,
            }
        }
    }

    /// What a container writes.
    pub async fn logs(&self, running: &Running, tail: u32, follow: Follow) -> Result<LogLines, FleetError> {
        let engine = self.engine(running.server.as_ref()).await?;
        Ok(engine.logs(&running.container, tail, follow).await?)
    }

    async fn look(&self, running: &Running) -> Result<(), FleetError> {
        let engine = self.engine(running.server.as_ref()).await?;
        if let Some(relay) = running.relay.as_ref().and_then(Behind::broken) {
            // Whatever hangs in it ends with it, and the next start finds none.
            engine.remove(self.owner(), relay).await?;
            return Err(FleetError::RelayBroken);
        }
        let seen = match engine.inspect(&running.container).await {
            Err(EngineError::NotFound(_)) => return Err(FleetError::Gone),
            seen => seen?,
        };
        match seen.state {
            State::Running => {
                let host = running.address.host().to_string();
                let same = |ip: std::net::IpAddr| ip.to_string() == host.trim_matches(['[', ']']);
                // Somebody has started it anew, and it listens elsewhere.
                if seen.address.is_some_and(same) {
                    Ok(())
                } else {
                    Err(FleetError::Moved)
                }
            }
            State::Exited { code, oom } => {
                let said = last_words(&engine, &running.container).await;
                Err(FleetError::Ended { code, oom, said })
            }
            State::Created | State::Halted | State::Dead => Err(FleetError::Halted),
        }
    }
}
