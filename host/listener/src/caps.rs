//! How many connections a network has. The accept loop owns the counts, so nothing is locked; the end of a connection's task is
//! what gives its place back, whichever way it ends.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
};

use ipnet::IpNet;
use tokio::task::Id;

/// Of IPv6, everybody has a network of 64 bits.
const NETWORK_BITS: u32 = 64;

/// Whoever is counted as one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Network(IpAddr);

impl Network {
    fn of(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V6(address) => {
                Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << (u128::BITS - NETWORK_BITS))).into()
            }
            address => address,
        })
    }
}

/// The counts. Networks without a connection are not kept.
#[derive(Debug)]
pub(crate) struct Caps {
    exempt: Vec<IpNet>,
    most: usize,
    counts: HashMap<Network, usize>,
    tasks: HashMap<Id, Network>,
}

/// A place for a connection, which its task takes.
#[derive(Debug)]
#[must_use]
pub(crate) struct Place(Option<Network>);

impl Caps {
    pub(crate) fn new(most: usize, exempt: Vec<IpNet>) -> Self {
        Self {
            exempt,
            most,
            counts: HashMap::new(),
            tasks: HashMap::new(),
        }
    }

    /// Whether there is a place for one more of this address's network.
    pub(crate) fn place(&self, address: IpAddr) -> Option<Place> {
        let canonical = address.to_canonical();
        if self.exempt.iter().any(|network| network.contains(&canonical)) {
            return Some(Place(None));
        }
        let network = Network::of(canonical);
        let taken = self.counts.get(&network).copied().unwrap_or_default();
        (taken < self.most).then_some(Place(Some(network)))
    }

    /// A connection's task has begun.
    pub(crate) fn take(&mut self, place: Place, task: Id) {
        if let Place(Some(network)) = place {
            *self.counts.entry(network).or_default() += 1;
            self.tasks.insert(task, network);
        }
    }

    /// A connection's task has ended.
    pub(crate) fn release(&mut self, task: Id) {
        let Some(network) = self.tasks.remove(&task) else {
            return;
        };
        if let Some(count) = self.counts.get_mut(&network) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                self.counts.remove(&network);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::task::JoinSet;

    use super::*;

    #[tokio::test]
    async fn a_network_has_its_places_and_gets_them_back() {
        let mut caps = Caps::new(1, vec!["10.0.0.0/8".parse().unwrap()]);
        let mut tasks = JoinSet::new();
        let mut take = |caps: &mut Caps, address: &str| {
            let place = caps.place(address.parse().unwrap())?;
            let id = tasks.spawn(async {}).id();
            caps.take(place, id);
            Some(id)
        };
        let first = take(&mut caps, "192.0.2.1").unwrap();
        for (address, there_is) in [
            ("192.0.2.1", false),
            ("::ffff:192.0.2.1", false),
            ("192.0.2.2", true),
            ("2001:db8::1", true),
            ("2001:db8::ffff:ffff:ffff:ffff", false),
            ("2001:db8:0:1::1", true),
            ("10.1.2.3", true),
            ("10.1.2.3", true),
            ("::ffff:10.1.2.3", true),
        ] {
            assert_eq!(take(&mut caps, address).is_some(), there_is, "{address}");
        }
        caps.release(first);
        caps.release(first);
        assert!(take(&mut caps, "192.0.2.1").is_some());
        while let Some(ended) = tasks.join_next_with_id().await {
            caps.release(ended.unwrap().0);
        }
        assert!(
            caps.counts.is_empty() && caps.tasks.is_empty(),
            "nothing is kept of those who left"
        );
    }
}
