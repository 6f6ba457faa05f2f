//! Taking containers away with all that is theirs alone.

use std::time::Duration;

use bollard::query_parameters::RemoveContainerOptions;
use tokio::time::sleep;

use crate::{
    Engine, EngineError, Owner,
    limits::{CHANGE, REMOVALS},
    prepare::helper_of,
    refusal::Subject,
};

/// Before a volume that is in use is tried again.
const PAUSE: Duration = Duration::from_millis(200);

impl Engine {
    /// Removes a container of ours, running or not, with its secrets and with volumes that its image made. Its named volumes stay.
    /// One that is not there is no error.
    pub async fn remove(&self, owner: &Owner, container: &str) -> Result<(), EngineError> {
        let name = self.remove_one(owner, container).await?;
        for volume in self.volumes_of(owner, &name).await? {
            let mut tries = 0;
            loop {
                tries += 1;
                match self.remove_volume(owner, &volume.name).await {
                    // Whoever made it was interrupted, and an engine may still be making what it was asked for: the container, or
                    // the helper that fills its volumes.
                    Err(EngineError::InUse(_)) if tries < REMOVALS => {
                        self.remove_one(owner, &name).await?;
                        self.remove_one(owner, &helper_of(&name)).await?;
                        sleep(PAUSE).await;
                    }
                    removed => break removed?,
                }
            }
        }
        Ok(())
    }

    /// The container alone. Gives its name.
    async fn remove_one(&self, owner: &Owner, container: &str) -> Result<String, EngineError> {
        let found = match self.own(owner, container).await {
            Err(EngineError::NotFound(_)) => return Ok(container.to_owned()),
            found => found?,
        };
        let docker = self.docker().await?;
        let options = RemoveContainerOptions {
            v: true,
            force: true,
            link: false,
        };
        let removed = docker.remove_container(&found.id, Some(options));
        match self.within(CHANGE, Subject::Container(container), removed).await {
            // Somebody was faster.
            Ok(()) | Err(EngineError::NotFound(_) | EngineError::Engine { status: 409, .. }) => {
                Ok(found.name)
            }
            Err(error) => Err(error),
        }
    }
}
