//! Asking the engine of a GPU server how it is. What comes of it is written down: a server that does not answer is lost, and
//! what is held there has expired; one that answers is found.

use std::time::Duration;

use platform_docker::{Description, EngineError, Gpus, Swarm};
use platform_domain::{GpuServer, GpuServerId, Timestamp, UnixSeconds};
use platform_fleet::FleetError;
use platform_store::{gpu_leases, gpu_servers};

use super::{GpuServerSeen, GpuServers, KeptCertificates};
use crate::{
    GpuServerError,
    limits::{CERTIFICATE_WARNING, GPU_SERVER_SECOND_TRY},
    reconciler::now,
};

/// A server, and what its engine says.
#[derive(Debug)]
pub struct GpuServerHealth {
    /// What is known of it after it was asked.
    pub seen: GpuServerSeen,
    /// When it was asked.
    pub checked_at: UnixSeconds,
    /// What its engine says of itself, or why it says nothing.
    pub engine: Result<Description, FleetError>,
    /// What an operator should look at. All but one keep nothing from being started.
    pub warnings: Vec<GpuServerWarning>,
}

/// What is not as it should be, though it may work.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GpuServerWarning {
    /// Containers may make any system call.
    #[error("the engine filters no system calls (seccomp), so what runs there is kept apart less well")]
    NoSeccomp,
    /// Limits that would have no effect.
    #[error("the engine's machine cannot limit {}", .0.join(", "))]
    CannotLimit(Vec<&'static str>),
    /// Only a container that asks for a GPU shows whether there is one.
    #[error(
        "the engine tells nothing of GPUs: with NVIDIA's hook alone that is usual, otherwise it can give none"
    )]
    GpusUntold,
    /// Either number is wrong.
    #[error("the engine tells of {told} GPUs, and {declared} are declared")]
    OtherNumber {
        /// By the engine.
        told: usize,
        /// By the operator.
        declared: u16,
    },
    /// Containers there cannot be reached.
    #[error(
        "no container is started there, because none could be reached: name an image in [docker] relay_image"
    )]
    NoRelay,
    /// The engine takes nothing of the host when it has ended.
    #[error("the host's certificate for the engine {} {}", if *.over { "has ended at" } else { "ends at" }, moment(*.at))]
    CertificateEnds {
        /// When.
        at: UnixSeconds,
        /// Whether that is over.
        over: bool,
    },
}

impl GpuServers {
    /// Asks the engine of a server, and once more when it does not answer: a lost server costs its challenges a start
    /// elsewhere. A host that cannot show who it is, for its own key or certificates fail, says nothing about the server.
    pub async fn health(&self, id: &GpuServerId) -> Result<GpuServerHealth, GpuServerError> {
        let before = self.get(id).await?.server;
        let mut engine = self.describe(id).await;
        if matches!(&engine, Err(FleetError::Engine(error)) if may_pass(error)) {
            tokio::time::sleep(GPU_SERVER_SECOND_TRY).await;
            engine = self.describe(id).await;
        }
        match &engine {
            Ok(_) => self.found(before).await?,
            Err(FleetError::Engine(_)) => self.lost(before).await?,
            Err(FleetError::NoServer(_)) => return Err(GpuServerError::NotFound(id.clone())),
            Err(_) => {}
        }
        let (seen, checked_at) = (self.get(id).await?, now());
        let mut warnings = warnings(&seen, engine.as_ref().ok(), checked_at);
        if (engine.as_ref().is_ok_and(is_manager) || seen.server.endpoint.is_elsewhere())
            && !self.fleet.has_relays()
        {
            warnings.push(GpuServerWarning::NoRelay);
        }
        Ok(GpuServerHealth {
            warnings,
            seen,
            checked_at,
            engine,
        })
    }

    async fn describe(&self, id: &GpuServerId) -> Result<Description, FleetError> {
        Ok(self.fleet.engines().of(id).await?.describe().await?)
    }

    async fn found(&self, asked: GpuServer) -> Result<(), GpuServerError> {
        let (id, wake) = (asked.id.clone(), self.wake());
        let found = self.store.write("gpu_server_found", move |connection| {
            match gpu_servers::get(connection, &asked.id)? {
                Some(row) if row.lost_at.is_some() && row.server.endpoint == asked.endpoint => {
                    gpu_servers::found(connection, &asked.id)?;
                    Ok::<_, GpuServerError>(Some(wake))
                }
                Some(_) | None => Ok(None),
            }
        });
        if let Some(wake) = found.await? {
            drop(wake);
            tracing::info!(gpu_server.id = %id, "The GPU server answers again");
        }
        Ok(())
    }

    async fn lost(&self, asked: GpuServer) -> Result<(), GpuServerError> {
        let (id, wake) = (asked.id.clone(), self.wake());
        let lost = self.store.write("gpu_server_lost", move |connection| {
            match gpu_servers::get(connection, &asked.id)? {
                // Not one that was sent elsewhere meanwhile, and nobody has asked there yet.
                Some(row) if row.server.endpoint == asked.endpoint => {
                    let expired = gpu_leases::expire_of_server(connection, &asked.id, now())?;
                    let is_new = row.lost_at.is_none() || !expired.is_empty();
                    Ok::<_, GpuServerError>(is_new.then_some((expired.len(), wake)))
                }
                Some(_) | None => Ok(None),
            }
        });
        if let Some((expired, wake)) = lost.await? {
            drop(wake);
            tracing::warn!(gpu_server.id = %id, leases.expired = expired, "The GPU server is lost");
        }
        Ok(())
    }
}

/// Whether the same question may have another answer in a moment.
const fn may_pass(error: &EngineError) -> bool {
    matches!(error, EngineError::Absent { .. } | EngineError::Timeout(_))
}

fn is_manager(engine: &Description) -> bool {
    matches!(engine.swarm, Swarm::Manager { .. })
}

fn warnings(seen: &GpuServerSeen, engine: Option<&Description>, now: UnixSeconds) -> Vec<GpuServerWarning> {
    let mut warnings = Vec::new();
    if let Some(engine) = engine {
        if !engine.has_seccomp() {
            warnings.push(GpuServerWarning::NoSeccomp);
        }
        if !engine.cannot_limit.is_empty() {
            warnings.push(GpuServerWarning::CannotLimit(engine.cannot_limit.clone()));
        }
        let declared = seen.server.gpus.count();
        match told(&engine.gpus) {
            // Of a swarm it is all machines' together that are declared, and one of them that tells.
            Some(told) if is_manager(engine) && told < usize::from(declared) => {}
            None if is_manager(engine) => {}
            Some(told) if told != usize::from(declared) => {
                warnings.push(GpuServerWarning::OtherNumber { told, declared });
            }
            None if !engine.gpus.any_told() => warnings.push(GpuServerWarning::GpusUntold),
            Some(_) | None => {}
        }
    }
    if let Some(KeptCertificates::Readable { ends_at: Some(at) }) = seen.certificates {
        let left = Duration::from_secs(at.0.saturating_sub(now.0));
        if left < CERTIFICATE_WARNING {
            let over = at <= now;
            warnings.push(GpuServerWarning::CertificateEnds { at, over });
        }
    }
    warnings
}

/// How many GPUs an engine tells of, if it tells a number.
fn told(gpus: &Gpus) -> Option<usize> {
    let Gpus {
        nvidia_runtime: _,
        named,
        counted,
        cdi,
    } = gpus;
    // Each has one by its number, and more names for the same: `=all`, `=GPU-6c1…`, and `=0:1` for a part.
    let by_number = |name: &&String| {
        let number = name.rsplit_once('=').map(|(_, number)| number);
        number.is_some_and(|number| !number.is_empty() && number.bytes().all(|digit| digit.is_ascii_digit()))
    };
    let counts = [
        named.len(),
        usize::try_from(*counted).unwrap_or(usize::MAX),
        cdi.iter().filter(by_number).count(),
    ];
    counts.into_iter().find(|count| *count > 0)
}

fn moment(at: UnixSeconds) -> Timestamp {
    Timestamp::from_millis(at.0.saturating_mul(1000))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_gpus_is_taken_from_whichever_way_the_engine_has() {
        let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        for (named, counted, cdi, expected) in [
            (&[][..], 0, &[][..], None),
            (&["GPU-1", "GPU-2"], 0, &[], Some(2)),
            (&[], 3, &[], Some(3)),
            (
                &[],
                0,
                &["nvidia.com/gpu=0", "nvidia.com/gpu=1", "nvidia.com/gpu=all"],
                Some(2),
            ),
            (
                &[],
                0,
                &["nvidia.com/gpu=all", "nvidia.com/gpu=", "nvidia.com/gpu=0:1"],
                None,
            ),
        ] {
            let gpus = Gpus {
                nvidia_runtime: true,
                named: texts(named),
                counted,
                cdi: texts(cdi),
            };
            assert_eq!(told(&gpus), expected, "{gpus:?}");
        }
    }

    #[test]
    fn the_end_of_a_certificate_is_told_before_and_after() {
        let ends = |over| GpuServerWarning::CertificateEnds {
            at: UnixSeconds(1_767_225_600),
            over,
        };
        assert!(ends(false).to_string().contains("ends at 2026-01-01T00:00:00"));
        assert!(ends(true).to_string().contains("has ended at 2026-01-01"));
    }
}
