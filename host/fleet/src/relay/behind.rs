//! A relay that is there, and the ways through it.

use std::{
    fmt, io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use platform_docker::EngineError;
use platform_domain::{GpuServerId, UpstreamAddress};
use platform_upstream::{Dial, Dialing, Duplex, Limits, Upstream};

use crate::{Fleet, FleetError, limits::RELAY_CONNECT};

/// A relay that runs. Cheap to clone.
#[derive(Clone)]
pub struct Relay(Arc<Inner>);

struct Inner {
    fleet: Fleet,
    server: GpuServerId,
    /// Its id on the engine.
    container: String,
    /// It does not run, or nothing can be started in it.
    broken: AtomicBool,
}

/// One address behind a relay. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Behind {
    relay: Relay,
    address: SocketAddr,
}

/// Nothing was connected, and why.
#[derive(Debug, thiserror::Error)]
#[error("there is no way through the relay")]
struct NoWay(#[source] FleetError);

impl Relay {
    pub(super) fn new(fleet: Fleet, server: GpuServerId, container: String) -> Self {
        Self(Arc::new(Inner {
            fleet,
            server,
            container,
            broken: AtomicBool::new(false),
        }))
    }

    /// A way to what listens at an address of the network that the relay is in.
    pub fn to(&self, address: SocketAddr) -> Behind {
        let relay = self.clone();
        Behind { relay, address }
    }

    async fn dial(self, address: SocketAddr) -> io::Result<Box<dyn Duplex>> {
        let no_way = |error| io::Error::other(NoWay(error));
        // Looked up each time: its certificates may have been renewed.
        let engine = self.0.fleet.engines().of(&self.0.server).await;
        match engine.map_err(no_way)?.dial(&self.0.container, address).await {
            Ok(dialed) => Ok(Box::new(dialed)),
            Err(error) => {
                if matches!(error, EngineError::NotFound(_)) {
                    self.0.broken.store(true, Ordering::Relaxed);
                }
                Err(no_way(error.into()))
            }
        }
    }
}

impl Behind {
    /// A client of what listens there, which is told that it is at `address`. A connection takes longer than by TCP.
    pub fn upstream(&self, address: UpstreamAddress, limits: Limits) -> Upstream {
        let connect = RELAY_CONNECT;
        Upstream::over(Arc::new(self.clone()), address, Limits { connect, ..limits })
    }

    /// The id of the relay, if nothing comes through it any more, so that it has to be made anew.
    pub(crate) fn broken(&self) -> Option<&str> {
        let Inner {
            container, broken, ..
        } = &*self.relay.0;
        broken.load(Ordering::Relaxed).then_some(container)
    }
}

impl Dial for Behind {
    fn dial(&self) -> Dialing {
        Box::pin(self.relay.clone().dial(self.address))
    }
}

impl PartialEq for Relay {
    fn eq(&self, other: &Self) -> bool {
        (&self.0.server, &self.0.container) == (&other.0.server, &other.0.container)
    }
}

impl Eq for Relay {}

impl fmt::Debug for Relay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Relay({} on {})", self.0.container, self.0.server)
    }
}
