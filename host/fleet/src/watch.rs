//! What becomes of a container that runs.

use std::future::pending;

use platform_docker::{Endpoint, EngineError, Events, Follow, LogLines, State};
use tokio::{
    select,
    time::{Instant, sleep},
};

use crate::{
    Behind, Fleet, FleetError, Running,
    limits::{CONTAINER_LOOK_EVERY, LOST_AFTER, READY_PAUSE},
    ready::{Program, last_words},
    services,
};

impl Fleet {
    /// Ends when the container has, or is not what it was, or its engine has been out of reach for too long, and says why. Looks
    /// when the engine tells that something happens to it, and now and then all the same: so it misses nothing, whatever the
    /// engine went through.
    pub async fn lost(&self, running: &Running) -> FleetError {
        let (mut silent, mut events): (Option<Instant>, Option<Events>) = (None, None);
        loop {
            // However much happens to it.
            sleep(READY_PAUSE).await;
            select! {
                () = sleep(CONTAINER_LOOK_EVERY) => {}
                () = self.something(running, &mut events) => {}
            }
            match self.look(running).await {
                Ok(()) => silent = None,
                Err(error) if error.is_absence() => {
                    let since = *silent.get_or_insert_with(Instant::now);
                    if since.elapsed() < LOST_AFTER {
                        continue;
                    }
                    if let Some(server) = &running.server
                        && let Err(error) = self.engines().tell_lost(server).await
                    {
                        tracing::error!(gpu_server.id = %server, error = %error, "The loss of a server cannot be written down");
                    }
                    return error;
                }
                Err(error) => return error,
            }
        }
    }

    /// Ends when something happens to a container, as far as its engine tells.
    async fn something(&self, running: &Running, events: &mut Option<Events>) {
        if events.is_none() {
            *events = self.listen(running).await;
        }
        let heard = match events {
            Some(listening) => listening.next().await.is_ok(),
            None => false,
        };
        if !heard {
            // What it means is seen at the next look.
            *events = None;
            pending().await
        }
    }

    /// Not over SSH, where each listener is a login that stays; nor to a service, which may be on another machine.
    async fn listen(&self, running: &Running) -> Option<Events> {
        let engine = self.engine(running.server.as_ref()).await.ok()?;
        let listens = running.service.is_none() && !matches!(engine.endpoint(), Endpoint::Ssh { .. });
        match listens {
            true => engine.events(&running.container).await.ok(),
            false => None,
        }
    }

    /// What a container writes.
    pub async fn logs(&self, running: &Running, tail: u32, follow: Follow) -> Result<LogLines, FleetError> {
        let engine = self.engine(running.server.as_ref()).await?;
        Ok(match &running.service {
            Some(service) => engine.service_logs(service, tail, follow).await?,
            None => engine.logs(&running.container, tail, follow).await?,
        })
    }

    async fn look(&self, running: &Running) -> Result<(), FleetError> {
        let engine = self.engine(running.server.as_ref()).await?;
        if let Some(relay) = running.relay.as_ref().and_then(Behind::broken) {
            // Whatever hangs in it ends with it, and the next start finds none.
            engine.remove(self.owner(), relay).await?;
            return Err(FleetError::RelayBroken);
        }
        if let Some(service) = &running.service {
            return services::look(&engine, running, service).await;
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
                let said = last_words(&engine, Program::Container(&running.container)).await;
                Err(FleetError::Ended { code, oom, said })
            }
            State::Created | State::Halted | State::Dead => Err(FleetError::Halted),
        }
    }
}
