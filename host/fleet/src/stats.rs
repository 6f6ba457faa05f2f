//! What a container that runs uses.

use platform_docker::{EngineError, Stats};
use tokio::time::sleep;

use crate::{Fleet, FleetError, Running, limits::STATS_APART};

/// What a container uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Load {
    /// At the end of the time in which it was looked at.
    pub stats: Stats,
    /// Processor time within this time, in thousandths of a core; `None` where the engine does not tell its clock.
    pub milli_cpus: Option<u64>,
}

impl Fleet {
    /// Looks twice at a container: what is used of a processor shows only between two moments. One that is gone meanwhile is
    /// [`FleetError::Gone`], and of a service on another machine than the manager [`FleetError::OnAnotherMachine`].
    pub async fn stats(&self, running: &Running) -> Result<Load, FleetError> {
        let engine = self.engine(running.server.as_ref()).await?;
        let look = async || match engine.stats(&running.container).await {
            Err(EngineError::NotFound(_)) if running.service.is_some() => Err(FleetError::OnAnotherMachine),
            Err(EngineError::NotFound(_)) => Err(FleetError::Gone),
            stats => Ok(stats?),
        };
        let before = look().await?;
        sleep(STATS_APART).await;
        let stats = look().await?;
        Ok(Load {
            stats,
            milli_cpus: milli_cpus(&before, &stats),
        })
    }
}

/// Nanoseconds of processor time over milliseconds of the clock: a millionth of that is cores, a thousandth thousandths of them.
fn milli_cpus(before: &Stats, after: &Stats) -> Option<u64> {
    let millis = after.at?.millis().checked_sub(before.at?.millis())?;
    let used = after.cpu_nanos.checked_sub(before.cpu_nanos)?;
    used.checked_div(1000)?.checked_div(millis)
}

#[cfg(test)]
mod tests {
    use platform_domain::Timestamp;

    use super::*;

    #[test]
    fn the_load_is_processor_time_over_time() {
        let at = |millis: Option<u64>, cpu_nanos| Stats {
            at: millis.map(Timestamp::from_millis),
            cpu_nanos,
            ..Stats::default()
        };
        for (before, after, expected) in [
            (at(Some(1000), 0), at(Some(2000), 1_500_000_000), Some(1500)),
            (at(Some(1000), 7), at(Some(2000), 7), Some(0)),
            // An engine whose clock stands or goes back, or that was restarted, or that tells no time.
            (at(Some(1000), 0), at(Some(1000), 5), None),
            (at(Some(2000), 0), at(Some(1000), 5), None),
            (at(Some(1000), 9), at(Some(2000), 5), None),
            (at(None, 0), at(Some(1000), 5), None),
        ] {
            assert_eq!(milli_cpus(&before, &after), expected, "{before:?} {after:?}");
        }
    }
}
