//! One bridge network for each challenge: nobody else is in it.

use std::collections::{BTreeSet, HashMap};

use bollard::{
    models::{Network, NetworkCreateRequest},
    query_parameters::ListNetworksOptions,
};
use platform_domain::Slug;

use crate::{
    Engine, EngineError, Kind, Outside, Owner, SLUG,
    labels::{filter, is_ours, ours},
    limits::{CHANGE, QUESTION},
    refusal::Subject,
    spec::check_name,
};

/// Whether packets leave with the machine's address, so that answers come back.
pub(crate) const MASQUERADE: &str = "com.docker.network.bridge.enable_ip_masquerade";
/// Whether containers of one network reach each other.
pub(crate) const AMONG_THEMSELVES: &str = "com.docker.network.bridge.enable_icc";
const LOCAL: &str = "local";

/// What a network should be.
#[derive(Clone, Copy)]
struct Wanted {
    outside: Outside,
    /// Whether those in it reach each other.
    together: bool,
}

impl Engine {
    /// Makes the network of a challenge, or sees that it is as it should be. One of ours that is otherwise is made anew, as long as
    /// nobody is in it; another's is refused.
    pub async fn ensure_network(
        &self,
        owner: &Owner,
        slug: &Slug,
        name: &str,
        outside: Outside,
    ) -> Result<(), EngineError> {
        let wanted = Wanted {
            outside,
            together: false,
        };
        self.ensure_network_as(owner, slug, name, wanted).await
    }

    /// The same with a [relay](Kind::Relay) in it, which reaches the challenge: those in it, and nobody else, reach each other.
    pub async fn ensure_relayed_network(
        &self,
        owner: &Owner,
        slug: &Slug,
        name: &str,
        outside: Outside,
    ) -> Result<(), EngineError> {
        let wanted = Wanted {
            outside,
            together: true,
        };
        self.ensure_network_as(owner, slug, name, wanted).await
    }

    async fn ensure_network_as(
        &self,
        owner: &Owner,
        slug: &Slug,
        name: &str,
        wanted: Wanted,
    ) -> Result<(), EngineError> {
        check_name(name, "the name of a network")?;
        let found = self.own_networks(owner, name).await?;
        match found.first() {
            None => {}
            Some(first) if wanted.is(first) => return self.keep_first(found).await,
            Some(_) => self.remove_network(owner, name).await?,
        }
        let Wanted { outside, together } = wanted;
        let yes = |yes: bool| if yes { "true" } else { "false" }.to_owned();
        let request = NetworkCreateRequest {
            name: name.to_owned(),
            driver: Some("bridge".to_owned()),
            scope: Some(LOCAL.to_owned()),
            internal: Some(outside == Outside::Closed),
            attachable: Some(false),
            labels: Some(ours(owner, Kind::Challenge, slug).into_iter().collect()),
            options: Some(HashMap::from([
                (MASQUERADE.to_owned(), yes(outside == Outside::Open)),
                (AMONG_THEMSELVES.to_owned(), yes(together)),
            ])),
            ..NetworkCreateRequest::default()
        };
        let docker = self.docker().await?;
        let made = docker.create_network(request);
        self.within(CHANGE, Subject::Network(name), made).await?;
        // Engines before 25 make two networks of one name for two that ask at once, and then know neither by its name.
        let found = self.own_networks(owner, name).await?;
        self.keep_first(found).await
    }

    async fn keep_first(&self, networks: Vec<Network>) -> Result<(), EngineError> {
        for network in networks.into_iter().skip(1) {
            match self.remove_network_by(&network.id.unwrap_or_default()).await {
                // Whoever is in it was started in the meantime: it goes when they go.
                Ok(()) | Err(EngineError::InUse(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// The challenges of this owner that have a network, whether or not anything is in it.
    pub async fn list_networks(&self, owner: &Owner) -> Result<BTreeSet<Slug>, EngineError> {
        let docker = self.docker().await?;
        let options = ListNetworksOptions {
            filters: Some(filter(owner, Some(Kind::Challenge))),
        };
        let listed = docker.list_networks(Some(options));
        let listed = self.within(QUESTION, Subject::Engine, listed).await?;
        let slug = |network: Network| network.labels?.get(SLUG)?.parse().ok();
        Ok(listed.into_iter().filter_map(slug).collect())
    }

    /// Removes a network of ours; one that is not there is no error.
    pub async fn remove_network(&self, owner: &Owner, name: &str) -> Result<(), EngineError> {
        check_name(name, "the name of a network")?;
        for network in self.own_networks(owner, name).await? {
            self.remove_network_by(&network.id.unwrap_or_default()).await?;
        }
        Ok(())
    }

    async fn remove_network_by(&self, id: &str) -> Result<(), EngineError> {
        let docker = self.docker().await?;
        match self
            .within(CHANGE, Subject::Network(id), docker.remove_network(id))
            .await
        {
            Err(EngineError::NotFound(_)) => Ok(()),
            removed => removed,
        }
    }

    /// All with the name, in an order that all see; none may be another's.
    pub(crate) async fn own_networks(&self, owner: &Owner, name: &str) -> Result<Vec<Network>, EngineError> {
        let docker = self.docker().await?;
        let options = ListNetworksOptions {
            // Whatever contains it.
            filters: Some(HashMap::from([("name".to_owned(), vec![name.to_owned()])])),
        };
        let listed = docker.list_networks(Some(options));
        let mut found = self.within(QUESTION, Subject::Network(name), listed).await?;
        found.retain(|network| network.name.as_deref() == Some(name));
        found.sort_by(|one, other| one.id.cmp(&other.id));
        let none = HashMap::new();
        match found
            .iter()
            .all(|network| is_ours(network.labels.as_ref().unwrap_or(&none), owner))
        {
            true => Ok(found),
            false => Err(EngineError::NotOurs(format!("the network {name}"))),
        }
    }
}

impl Wanted {
    fn is(self, network: &Network) -> bool {
        let has = |option: &str| {
            let options = network.options.as_ref();
            let value = options.and_then(|options| options.get(option));
            value.is_none_or(|value| value == "true")
        };
        network.driver.as_deref() == Some("bridge")
            && network.scope.as_deref() == Some(LOCAL)
            && network.internal == Some(self.outside == Outside::Closed)
            && has(MASQUERADE) == (self.outside == Outside::Open)
            && has(AMONG_THEMSELVES) == self.together
    }
}
