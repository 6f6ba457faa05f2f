//! What a host that was killed left on an engine.

use platform_domain::UnixSeconds;

use crate::{Engine, EngineError, Kind, OF, Owner, UNTIL};

/// What was removed, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reaped {
    /// Jobs and helpers whose time is over.
    pub containers: Vec<String>,
    /// Volumes of containers that are gone.
    pub volumes: Vec<String>,
}

impl Engine {
    /// Removes jobs and helpers of this owner whose time is over, and volumes with secrets or input whose container is gone. Whatever is
    /// under way has its time still before it, so this can be called at any moment, from any process. Challenges and their
    /// data are never touched.
    pub async fn reap(&self, owner: &Owner, now: UnixSeconds) -> Result<Reaped, EngineError> {
        let is_over = |until: Option<&String>| {
            let until = until.and_then(|until| until.parse().ok());
            until.is_some_and(|until: u64| until < now.0)
        };
        let mut reaped = Reaped::default();
        for kind in [Kind::Helper, Kind::Job] {
            for name in self.list(owner, kind).await? {
                let found = match self.inspect(&name).await {
                    Err(EngineError::NotFound(_)) => continue,
                    found => found?,
                };
                if is_over(found.labels.get(UNTIL)) {
                    self.remove(owner, &found.id).await?;
                    reaped.containers.push(name);
                }
            }
        }
        for volume in self.list_volumes(owner).await? {
            let (Some(of), true) = (volume.labels.get(OF), is_over(volume.labels.get(UNTIL))) else {
                continue;
            };
            match self.inspect(of).await {
                Err(EngineError::NotFound(_)) => {}
                Err(error) => return Err(error),
                Ok(_) => continue,
            }
            match self.remove_volume(owner, &volume.name).await {
                Ok(()) => reaped.volumes.push(volume.name),
                // Its container was made a moment ago.
                Err(EngineError::InUse(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(reaped)
    }
}
