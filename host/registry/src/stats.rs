//! What a challenge that runs uses at this moment.

use std::sync::Arc;

use platform_domain::{Runs, Slug, UnixSeconds};
use platform_fleet::{FleetError, Load, Running};
use platform_wasm::{Code, Usage};

use crate::{Observed, Registry, RegistryError};

/// What a challenge uses.
#[derive(Clone, Debug)]
pub struct ChallengeStats {
    /// Since when it runs.
    pub since: UnixSeconds,
    /// Whatever it is.
    pub used: Used,
}

/// What is known of what it uses depends on what it is.
#[derive(Clone, Debug)]
pub enum Used {
    /// A component: memory and computing time are bounded for each call, and what it keeps is counted.
    Component {
        /// Its compiled code.
        code: Code,
        /// What it keeps, and what became of its requests.
        usage: Usage,
    },
    /// A container, as its engine sees it.
    Container {
        /// Which one.
        running: Arc<Running>,
        /// What it uses.
        load: Load,
    },
}

impl Registry {
    /// What a challenge uses. One that does not run uses nothing, and of one that somebody else runs nothing is known; both are
    /// refused.
    pub async fn challenge_stats(&self, slug: &Slug) -> Result<ChallengeStats, RegistryError> {
        let challenge = self.challenge_get(slug).await?;
        let Observed::Running {
            since,
            code,
            container,
        } = self.observed(slug)
        else {
            return Err(RegistryError::NotRunning(slug.clone()));
        };
        let used = match (container, challenge.runs()) {
            (Some(running), _) => Used::Container {
                load: self.load_of(slug, &running).await?,
                running,
            },
            (None, Runs::Container(_)) => return Err(RegistryError::Elsewhere(slug.clone())),
            (None, Runs::Component(_)) => Used::Component {
                code,
                usage: self.usage(slug),
            },
        };
        Ok(ChallengeStats { since, used })
    }

    async fn load_of(&self, slug: &Slug, running: &Running) -> Result<Load, RegistryError> {
        match self.loader().containers().fleet().stats(running).await {
            // It has ended, and nobody has noticed yet.
            Err(FleetError::Gone) => Err(RegistryError::NotRunning(slug.clone())),
            load => load.map_err(RegistryError::Engine),
        }
    }
}
