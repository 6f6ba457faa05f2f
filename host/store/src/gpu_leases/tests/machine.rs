//! Any sequence of what happens to servers and leases, over two connections to one file, beside a model that knows no SQL.

use std::{mem, path::Path};

use platform_domain::GpuServer;
use proptest::prelude::*;

use super::*;
use crate::Store;

const SERVERS: [&str; 2] = ["s0", "s1"];
const HOLDERS: [&str; 3] = ["aa", "bb", "cc"];
const SHAPES: [(&str, &str); 4] = [
    ("l4:1", "exclusive"),
    ("l4:3", "exclusive"),
    ("l4:2", "shared(2)"),
    ("l4:1", "shared(3)"),
];

#[derive(Clone, Debug)]
enum Event {
    Insert(usize, usize),
    Reshape(usize, usize),
    Enable(usize),
    Disable(usize),
    Delete(usize),
    Lose(usize),
    Find(usize),
    Acquire {
        id: u8,
        holder: usize,
        server: usize,
        devices: BTreeSet<u16>,
    },
    /// Acquires once more what there is of this id.
    Again(u8),
    Release(u8),
    ReleaseOf(usize),
    DeleteHolder(usize),
}

struct ModelServer {
    shape: usize,
    enabled: bool,
    lost: bool,
}

struct ModelLease {
    holder: usize,
    server: usize,
    devices: BTreeSet<u16>,
    held: bool,
}

#[derive(Default)]
struct Model {
    servers: BTreeMap<usize, ModelServer>,
    holders: BTreeSet<usize>,
    leases: BTreeMap<u8, ModelLease>,
}

/// GPUs and holders of each.
fn shape(at: usize) -> (u16, u16) {
    [(1, 1), (3, 1), (2, 2), (1, 3)][at]
}

impl Model {
    /// An event that says what happens, whatever there is.
    fn spelled_out(&self, event: Event) -> Event {
        let Event::Again(id) = event else { return event };
        match self.leases.get(&id) {
            None => Event::Release(id),
            Some(lease) => Event::Acquire {
                id,
                holder: lease.holder,
                server: lease.server,
                devices: lease.devices.clone(),
            },
        }
    }

    fn holders_of(&self, server: usize, device: u16) -> u16 {
        let leases = self.leases.values();
        let on = leases.filter(|lease| lease.server == server && lease.devices.contains(&device));
        u16::try_from(on.count()).unwrap()
    }

    /// What happens; whether it does. A reshaping depends on which places are taken, so the model is told whether it was
    /// refused, and only says whether that may be.
    fn apply(&mut self, event: &Event, taken: bool) -> bool {
        match event {
            Event::Insert(server, shape) => {
                let new = ModelServer {
                    shape: *shape,
                    enabled: true,
                    lost: false,
                };
                let there = self.servers.contains_key(server);
                if !there {
                    self.servers.insert(*server, new);
                }
                !there
            }
            Event::Reshape(server, to) => {
                let (gpus, holders) = shape(*to);
                let used = |device| self.holders_of(*server, device);
                let fits = (0..3).all(|device| used(device) <= if device < gpus { holders } else { 0 });
                let Some(row) = self.servers.get(server) else {
                    return false;
                };
                let (before, holders_before) = shape(row.shape);
                let grows = gpus >= before && holders >= holders_before;
                let may = fits && (grows || taken);
                if may && let Some(row) = self.servers.get_mut(server) {
                    row.shape = *to;
                    row.enabled = true;
                }
                may
            }
            Event::Enable(server) => self
                .servers
                .get_mut(server)
                .map(|row| row.enabled = true)
                .is_some(),
            Event::Disable(server) => self
                .servers
                .get_mut(server)
                .map(|row| row.enabled = false)
                .is_some(),
            Event::Find(server) => self
                .servers
                .get_mut(server)
                .is_some_and(|row| mem::take(&mut row.lost)),
            Event::Delete(server) => {
                if self
                    .leases
                    .values()
                    .any(|lease| lease.server == *server && lease.held)
                {
                    return false;
                }
                self.leases.retain(|_, lease| lease.server != *server);
                self.servers.remove(server).is_some()
            }
            Event::Lose(server) => {
                let Some(row) = self.servers.get_mut(server) else {
                    return false;
                };
                row.lost = true;
                let mut some = false;
                for lease in self.leases.values_mut().filter(|lease| lease.server == *server) {
                    some |= std::mem::take(&mut lease.held);
                }
                some
            }
            Event::Acquire {
                id,
                holder,
                server,
                devices,
            } => {
                let Some(row) = self.servers.get(server) else {
                    return false;
                };
                let (gpus, holders) = shape(row.shape);
                if row.lost {
                    return false;
                }
                if let Some(lease) = self.leases.get_mut(id) {
                    let same =
                        lease.holder == *holder && lease.server == *server && lease.devices == *devices;
                    lease.held |= same;
                    return same;
                }
                let room = |device: &u16| *device < gpus && self.holders_of(*server, *device) < holders;
                let may = row.enabled
                    && self.holders.contains(holder)
                    && !devices.is_empty()
                    && devices.iter().all(room);
                if may {
                    let (holder, server, devices) = (*holder, *server, devices.clone());
                    self.leases.insert(
                        *id,
                        ModelLease {
                            holder,
                            server,
                            devices,
                            held: true,
                        },
                    );
                }
                may
            }
            Event::Release(id) | Event::Again(id) => self.leases.remove(id).is_some(),
            Event::ReleaseOf(holder) => {
                let before = self.leases.len();
                self.leases.retain(|_, lease| lease.holder != *holder);
                self.leases.len() < before
            }
            Event::DeleteHolder(holder) => {
                let holds = self.leases.values().any(|lease| lease.holder == *holder);
                !holds && self.holders.remove(holder)
            }
        }
    }
}

fn record(at: usize, shape: usize) -> GpuServer {
    let (gpus, lease) = SHAPES[shape];
    server(SERVERS[at], gpus, lease)
}

/// The same on the database; whether it happened. What the caller was told by an error has not.
fn run(connection: &Connection, event: &Event) -> Result<bool, StoreError> {
    let id = |at: usize| SERVERS[at].parse().unwrap();
    let slug = |at: usize| HOLDERS[at].parse().unwrap();
    let lease = |id: u8| format!("lease-{id}").parse().unwrap();
    match event {
        Event::Insert(at, shape) => gpu_servers::insert(connection, &record(*at, *shape)).map(|()| true),
        Event::Reshape(at, shape) => gpu_servers::update(connection, &record(*at, *shape)),
        Event::Enable(at) => gpu_servers::enable(connection, &id(*at), NOW),
        Event::Disable(at) => gpu_servers::disable(connection, &id(*at), NOW),
        Event::Delete(at) => gpu_servers::delete(connection, &id(*at)),
        Event::Lose(at) => expire_of_server(connection, &id(*at), NOW).map(|expired| !expired.is_empty()),
        Event::Find(at) => gpu_servers::found(connection, &id(*at)),
        Event::Acquire {
            id: number,
            holder,
            server,
            devices,
        } => {
            let devices: Vec<_> = devices.iter().copied().collect();
            let at = placement(SERVERS[*server], &devices);
            acquire(connection, &lease(*number), &slug(*holder), &at, NOW).map(|_| true)
        }
        Event::Release(number) | Event::Again(number) => release(connection, &lease(*number)),
        Event::ReleaseOf(at) => release_of_challenge(connection, &slug(*at)).map(|count| count > 0),
        Event::DeleteHolder(at) => challenges::delete(connection, &slug(*at)),
    }
}

fn any_event() -> impl Strategy<Value = Event> {
    let (server, holder, shape) = (|| 0..SERVERS.len(), || 0..HOLDERS.len(), || 0..SHAPES.len());
    let devices = prop::collection::btree_set(0u16..4, 0..4);
    prop_oneof![
        2 => (server(), shape()).prop_map(|(server, shape)| Event::Insert(server, shape)),
        2 => (server(), shape()).prop_map(|(server, shape)| Event::Reshape(server, shape)),
        1 => server().prop_map(Event::Enable),
        1 => server().prop_map(Event::Disable),
        1 => server().prop_map(Event::Delete),
        3 => server().prop_map(Event::Lose),
        5 => server().prop_map(Event::Find),
        12 => (0u8..9, holder(), server(), devices)
            .prop_map(|(id, holder, server, devices)| Event::Acquire { id, holder, server, devices }),
        5 => (0u8..9).prop_map(Event::Again),
        3 => (0u8..9).prop_map(Event::Release),
        1 => holder().prop_map(Event::ReleaseOf),
        1 => holder().prop_map(Event::DeleteHolder),
    ]
}

/// What both must agree on, and what must hold whatever happened.
fn check(connection: &Connection, model: &Model) {
    let found = list(connection).unwrap();
    let found: Vec<_> = found
        .iter()
        .map(|lease| {
            (
                lease.id.as_str(),
                lease.holder.as_str(),
                lease.server.as_str(),
                &lease.devices,
                lease.state,
            )
        })
        .collect();
    let names: Vec<_> = model.leases.keys().map(|id| format!("lease-{id}")).collect();
    let expected: Vec<_> = names
        .iter()
        .zip(model.leases.values())
        .map(|(id, lease)| {
            let state = if lease.held {
                LeaseState::Held
            } else {
                LeaseState::Expired
            };
            (
                id.as_str(),
                HOLDERS[lease.holder],
                SERVERS[lease.server],
                &lease.devices,
                state,
            )
        })
        .collect();
    assert_eq!(found, expected);
    let rows = gpu_servers::list(connection).unwrap();
    assert_eq!(rows.len(), model.servers.len());
    for (row, (at, server)) in rows.iter().zip(&model.servers) {
        assert_eq!(row.server.id.as_str(), SERVERS[*at]);
        assert_eq!(
            (row.server.enabled, row.lost_at.is_some()),
            (server.enabled, server.lost)
        );
        let (gpus, holders) = shape(server.shape);
        let free = (0..gpus).map(|device| (device, holders - model.holders_of(*at, device)));
        assert_eq!(free_slots(connection, &row.server.id).unwrap(), free.collect());
    }
    let count = |sql| connection.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
    let taken: usize = model.leases.values().map(|lease| lease.devices.len()).sum();
    assert_eq!(
        count("SELECT count(*) FROM gpu_leased"),
        i64::try_from(taken).unwrap(),
        "a place without a lease"
    );
    assert_eq!(count("SELECT count(*) FROM pragma_foreign_key_check"), 0);
}

/// A host that runs, and another process at the same file, such as the command line.
fn open(path: &Path) -> [Store; 2] {
    [Store::open(path).unwrap(), Store::open(path).unwrap()]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(160))]

    #[test]
    fn no_place_has_two_holders_and_nothing_is_left_behind(events in prop::collection::vec((any_event(), any::<bool>()), 1..60)) {
        let dir = tempfile::tempdir().unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let stores = open(&dir.path().join("registry.sqlite3"));
        let mut model = Model { holders: (0..HOLDERS.len()).collect(), ..Model::default() };
        runtime.block_on(async {
            let insert = |connection: &Connection| {
                HOLDERS.iter().try_for_each(|slug| challenges::insert(connection, &challenge(slug)))
            };
            stores[0].write("insert", insert).await.unwrap();
            // So that few events are wasted on what is not there.
            let begin = [1, 2].into_iter().enumerate();
            let begin = begin.map(|(server, shape)| (Event::Insert(server, shape), false));
            for (event, second) in begin.chain(events) {
                let event = model.spelled_out(event);
                let [store, other] = if second { [&stores[1], &stores[0]] } else { [&stores[0], &stores[1]] };
                let doing = event.clone();
                let done = store.write("event", move |connection| run(connection, &doing)).await;
                if let Err(StoreError::Transaction { .. } | StoreError::Statement(_) | StoreError::Row { .. }) = done {
                    panic!("{event:?}: {done:?}");
                }
                let done = done.unwrap_or(false);
                assert_eq!(model.apply(&event, done), done, "{event:?}");
                // By the other connection: what was answered is there for everybody.
                model = other
                    .read("check", move |connection| {
                        check(connection, &model);
                        Ok::<_, StoreError>(model)
                    })
                    .await
                    .unwrap();
            }
            // Whatever happened, once all is stopped and given back, all goes.
            let clear = |connection: &Connection| {
                for slug in HOLDERS {
                    release_of_challenge(connection, &slug.parse().unwrap())?;
                    challenges::delete(connection, &slug.parse().unwrap())?;
                }
                for id in SERVERS {
                    gpu_servers::delete(connection, &id.parse().unwrap())?;
                }
                let left = "SELECT (SELECT count(*) FROM gpu_slots) + (SELECT count(*) FROM gpu_leased) \
                            + (SELECT count(*) FROM gpu_leases)";
                Ok::<i64, StoreError>(connection.query_row(left, [], |row| row.get(0))?)
            };
            assert_eq!(stores[0].write("clear", clear).await.unwrap(), 0);
        });
    }
}
