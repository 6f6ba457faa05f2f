//! Whose services there are, also where only a part of one is left by a host that was killed.

use std::collections::BTreeSet;

use bollard::query_parameters::{ListNetworksOptions, ListSecretsOptions, ListServicesOptions};
use platform_domain::Slug;

use crate::{Engine, EngineError, Owner, SLUG, labels::filter, limits::QUESTION, refusal::Subject};

impl Engine {
    /// The challenges of this owner that have anything in this swarm: services, secrets or networks.
    pub async fn swarm_slugs(&self, owner: &Owner) -> Result<BTreeSet<Slug>, EngineError> {
        let docker = self.docker().await?;
        let filters = Some(filter(owner, None));
        let services = ListServicesOptions {
            filters: filters.clone(),
            ..ListServicesOptions::default()
        };
        let services = docker.list_services(Some(services));
        let services = self.within(QUESTION, Subject::Engine, services).await?;
        let secrets = ListSecretsOptions {
            filters: filters.clone(),
        };
        let secrets = docker.list_secrets(Some(secrets));
        let secrets = self.within(QUESTION, Subject::Engine, secrets).await?;
        let networks = docker.list_networks(Some(ListNetworksOptions { filters }));
        let networks = self.within(QUESTION, Subject::Engine, networks).await?;
        let services = services.into_iter().filter_map(|it| it.spec?.labels);
        let secrets = secrets.into_iter().filter_map(|it| it.spec?.labels);
        let networks = networks.into_iter().filter_map(|it| it.labels);
        let labels = services.chain(secrets).chain(networks);
        Ok(labels
            .filter_map(|labels| labels.get(SLUG)?.parse().ok())
            .collect())
    }
}
