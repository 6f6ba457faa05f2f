//! The table of active challenges: the one value in which the public and the private side meet.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use platform_domain::{Capability, Digest, EmissionPercent, RouteRule, Serving, Slug};

use crate::{Publisher, Reader, Target, snapshot::channel};

/// An active challenge.
#[derive(Clone, Debug)]
pub struct Route {
    /// Its name in URLs.
    pub slug: Slug,
    /// What answers.
    pub target: Target,
    /// The public routes it declared; none means that every path that is not private is open.
    pub rules: Vec<RouteRule>,
    /// What its operator decided about how it is served.
    pub serving: Serving,
    /// What anybody may know of it.
    pub about: About,
    /// What it does for the host.
    pub capabilities: BTreeSet<Capability>,
    /// Its part of the emission.
    pub emission_percent: EmissionPercent,
    /// The digest of the component's bytes, recorded with every epoch; `None` for a container.
    pub component: Option<Digest>,
}

/// What anybody may know of a challenge: nothing of what it is configured with, and nothing of where it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct About {
    /// Its name for people.
    pub name: String,
    /// Its own version.
    pub version: String,
    /// One sentence.
    pub description: Option<String>,
    /// What runs, as a reference to a registry that others can reach too; `None` for files of this host.
    pub reference: Option<String>,
    /// What its operator wants to be read, such as links.
    pub metadata: serde_json::Map<String, serde_json::Value>,
}

/// All active challenges at one moment. Never changes: a new table takes its place.
#[derive(Clone, Debug, Default)]
pub struct RouteTable {
    routes: BTreeMap<Slug, Arc<Route>>,
    /// Whether the registry has been read for it.
    known: bool,
}

/// The reconciler's end.
pub type RoutePublisher = Publisher<Arc<RouteTable>>;
/// Everyone else's end.
pub type RouteReader = Reader<Arc<RouteTable>>;

/// Both ends, with an empty table that is not known yet: [`RouteTable::is_known`].
pub fn route_channel() -> (RoutePublisher, RouteReader) {
    channel(Arc::default())
}

impl Route {
    /// Whether it does this for the host.
    pub fn offers(&self, capability: Capability) -> bool {
        self.capabilities.contains(&capability)
    }
}

impl RouteTable {
    /// Whether the host has read which challenges are active. Until then the table is empty and says nothing:
    /// a challenge that is not in it may be there in a moment.
    pub fn is_known(&self) -> bool {
        self.known
    }

    /// Finds an active challenge.
    pub fn get(&self, slug: &Slug) -> Option<&Arc<Route>> {
        self.routes.get(slug)
    }

    /// Every active challenge in the order of the slugs.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Arc<Route>> {
        self.routes.values()
    }

    /// How many challenges are active.
    pub fn len(&self) -> usize {
        self.routes.len()
    }

    /// Whether no challenge is active.
    pub fn is_empty(&self) -> bool {
        self.routes.is_empty()
    }
}

/// Of two routes with one slug the later stays; the registry has each slug once.
impl FromIterator<Route> for RouteTable {
    fn from_iter<I: IntoIterator<Item = Route>>(routes: I) -> Self {
        routes.into_iter().map(Arc::new).collect()
    }
}

/// The same of routes that other tables have too: a change of one challenge costs nothing for the others.
impl FromIterator<Arc<Route>> for RouteTable {
    fn from_iter<I: IntoIterator<Item = Arc<Route>>>(routes: I) -> Self {
        let routes = routes
            .into_iter()
            .map(|route| (route.slug.clone(), route))
            .collect();
        Self { routes, known: true }
    }
}

#[cfg(test)]
mod tests {
    use platform_domain::{BlockHash, BlockNumber, EpochContext, EpochId, Metagraph, Netuid, UnixSeconds};

    use super::*;
    use crate::CallError;

    fn route(slug: &str) -> Route {
        Route {
            slug: slug.parse().unwrap(),
            target: Target::Down("no such file".into()),
            rules: vec![],
            serving: Serving::default(),
            about: About::default(),
            capabilities: BTreeSet::from([Capability::GetWeights]),
            emission_percent: "12.5".parse().unwrap(),
            component: None,
        }
    }

    #[test]
    fn a_table_is_found_by_slug_and_listed_in_order() {
        let table: RouteTable = ["tsp", "echo"].map(route).into_iter().collect();
        assert!(
            table
                .get(&"tsp".parse().unwrap())
                .is_some_and(|it| it.offers(Capability::GetWeights))
        );
        assert!(table.get(&"nim".parse().unwrap()).is_none());
        let slugs: Vec<&str> = table.iter().map(|it| it.slug.as_str()).collect();
        assert_eq!(slugs, ["echo", "tsp"]);
        assert_eq!((table.len(), table.is_empty()), (2, false));
    }

    #[test]
    fn a_reader_keeps_the_table_it_took() {
        let (publisher, reader) = route_channel();
        let before = reader.current();
        publisher.publish([route("tsp")].into_iter().collect::<RouteTable>());
        assert!(before.is_empty() && !before.is_known());
        assert_eq!((reader.current().len(), reader.current().is_known()), (1, true));
    }

    #[tokio::test]
    async fn a_challenge_that_could_not_be_started_fails_with_the_reason() {
        let at = (BlockNumber(360), BlockHash([0; 32]));
        let context = EpochContext {
            epoch: EpochId(1),
            metagraph: Arc::new(Metagraph::new(Netuid(2), at, None, vec![])),
            unix_seconds: UnixSeconds(0),
        };
        let by = tokio::time::Instant::now() + std::time::Duration::from_secs(60);
        let error = route("tsp")
            .target
            .weights(context.clone(), by)
            .await
            .unwrap_err();
        assert!(matches!(&error, CallError::Down(reason) if &**reason == "no such file"));
        let error = Target::Starting.weights(context, by).await.unwrap_err();
        assert!(matches!(error, CallError::Starting { .. }));
    }
}
