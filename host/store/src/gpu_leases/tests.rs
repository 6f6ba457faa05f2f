//! Leases against a real database; any sequence of what may happen to them is in `machine`.

mod machine;

use platform_domain::{Resources, place};

use super::*;
use crate::{
    Store,
    challenges::tests::{challenge, database},
    gpu_servers::tests::server,
};

const NOW: UnixSeconds = UnixSeconds(1_800_000_000);

pub(super) fn placement(server: &str, devices: &[u16]) -> Placement {
    Placement {
        server: server.parse().unwrap(),
        devices: devices.iter().copied().collect(),
    }
}

fn take(connection: &Connection, id: &str, holder: &str, at: &Placement) -> Result<GpuLease, StoreError> {
    acquire(
        connection,
        &id.parse().unwrap(),
        &holder.parse().unwrap(),
        at,
        NOW,
    )
}

fn refusal(result: Result<GpuLease, StoreError>) -> LeaseRefused {
    match result {
        Err(StoreError::Lease(refused)) => refused,
        other => panic!("{other:?}"),
    }
}

fn with_servers() -> Connection {
    let connection = database();
    for slug in ["prism", "tsp"] {
        challenges::insert(&connection, &challenge(slug)).unwrap();
    }
    gpu_servers::insert(&connection, &server("a", "a100:4", "exclusive")).unwrap();
    gpu_servers::insert(&connection, &server("b", "l4:1", "shared(2)")).unwrap();
    connection
}

#[test]
fn a_lease_is_given_once_and_given_back_once() {
    let connection = with_servers();
    let at = placement("a", &[1, 3]);
    let lease = take(&connection, "1", "tsp", &at).unwrap();
    assert_eq!((&lease.devices, lease.state), (&at.devices, LeaseState::Held));
    assert_eq!(take(&connection, "1", "tsp", &at).unwrap(), lease, "asked again");
    assert_eq!(get(&connection, &lease.id).unwrap(), Some(lease.clone()));
    assert_eq!(
        of_server(&connection, &lease.server).unwrap(),
        std::slice::from_ref(&lease)
    );
    assert_eq!(
        of_challenge(&connection, &lease.holder).unwrap(),
        std::slice::from_ref(&lease)
    );
    assert_eq!(of_challenge(&connection, &"prism".parse().unwrap()).unwrap(), []);
    let free = free_slots(&connection, &lease.server).unwrap();
    assert_eq!(free, [(0, 1), (1, 0), (2, 1), (3, 0)].into());
    assert!(release(&connection, &lease.id).unwrap());
    assert!(!release(&connection, &lease.id).unwrap());
    let free = free_slots(&connection, &lease.server).unwrap();
    assert_eq!(free, (0..4).map(|device| (device, 1)).collect());
}

#[test]
fn a_lease_that_cannot_be_is_refused_with_its_reason_and_nothing_of_it_is_written() {
    let connection = with_servers();
    take(&connection, "1", "tsp", &placement("a", &[1])).unwrap();
    gpu_servers::insert(&connection, &server("off", "l4", "exclusive")).unwrap();
    gpu_servers::disable(&connection, &"off".parse().unwrap(), NOW).unwrap();
    gpu_servers::insert(&connection, &server("lost", "l4", "exclusive")).unwrap();
    expire_of_server(&connection, &"lost".parse().unwrap(), NOW).unwrap();
    let a = || "a".parse().unwrap();
    for (id, holder, at, expected) in [
        (
            "2",
            "tsp",
            placement("x", &[0]),
            LeaseRefused::UnknownServer("x".parse().unwrap()),
        ),
        (
            "2",
            "tsp",
            placement("off", &[0]),
            LeaseRefused::Disabled("off".parse().unwrap()),
        ),
        (
            "2",
            "tsp",
            placement("lost", &[0]),
            LeaseRefused::Lost("lost".parse().unwrap()),
        ),
        (
            "2",
            "gone",
            placement("a", &[0]),
            LeaseRefused::UnknownChallenge("gone".parse().unwrap()),
        ),
        ("2", "tsp", placement("a", &[]), LeaseRefused::NoDevices),
        (
            "2",
            "tsp",
            placement("a", &[0, 4]),
            LeaseRefused::UnknownDevice {
                server: a(),
                device: 4,
            },
        ),
        (
            "2",
            "tsp",
            placement("a", &[0, 1]),
            LeaseRefused::Taken {
                server: a(),
                device: 1,
            },
        ),
        (
            "1",
            "tsp",
            placement("a", &[0]),
            LeaseRefused::OtherLease("1".parse().unwrap()),
        ),
        (
            "1",
            "prism",
            placement("a", &[1]),
            LeaseRefused::OtherLease("1".parse().unwrap()),
        ),
        (
            "1",
            "tsp",
            placement("b", &[0]),
            LeaseRefused::OtherLease("1".parse().unwrap()),
        ),
    ] {
        assert_eq!(refusal(take(&connection, id, holder, &at)), expected);
        assert_eq!(list(&connection).unwrap().len(), 1);
        let leased: u32 = connection
            .query_row("SELECT count(*) FROM gpu_leased", [], |row| row.get(0))
            .unwrap();
        assert_eq!(leased, 1);
    }
}

#[test]
fn a_container_and_the_one_that_takes_its_place_have_a_lease_each() {
    let connection = with_servers();
    let at = placement("b", &[0]);
    for id in ["old", "new"] {
        take(&connection, id, "tsp", &at).unwrap();
    }
    let full = refusal(take(&connection, "third", "prism", &at));
    assert!(
        full.to_string().starts_with("gpu_capacity_insufficient"),
        "{full}"
    );
    release(&connection, &"old".parse().unwrap()).unwrap();
    take(&connection, "third", "prism", &at).unwrap();
    assert_eq!(
        release_of_challenge(&connection, &"tsp".parse().unwrap()).unwrap(),
        1
    );
    assert_eq!(
        release_of_challenge(&connection, &"tsp".parse().unwrap()).unwrap(),
        0
    );
    assert_eq!(list(&connection).unwrap().len(), 1);
}

#[test]
fn what_is_on_a_lost_server_is_nobody_elses_until_somebody_looked() {
    let connection = with_servers();
    let a = "a".parse().unwrap();
    let (one, two) = (placement("a", &[0, 1]), placement("a", &[2]));
    take(&connection, "1", "tsp", &one).unwrap();
    take(&connection, "2", "prism", &two).unwrap();
    let expired = expire_of_server(&connection, &a, NOW).unwrap();
    let expired: Vec<_> = expired
        .iter()
        .map(|lease| (lease.id.as_str(), lease.state))
        .collect();
    assert_eq!(expired, [("1", LeaseState::Expired), ("2", LeaseState::Expired)]);
    let later = UnixSeconds(NOW.0 + 9);
    assert_eq!(expire_of_server(&connection, &a, later).unwrap(), [], "once");
    let lost_at = gpu_servers::get(&connection, &a).unwrap().unwrap().lost_at;
    assert_eq!(lost_at, Some(NOW), "since the first time");
    for (id, holder, at) in [("1", "tsp", &one), ("3", "tsp", &placement("a", &[3]))] {
        assert_eq!(
            refusal(take(&connection, id, holder, at)),
            LeaseRefused::Lost(a.clone())
        );
    }
    assert!(gpu_servers::found(&connection, &a).unwrap());
    let taken = refusal(take(&connection, "3", "tsp", &two));
    assert_eq!(
        taken,
        LeaseRefused::Taken {
            server: a.clone(),
            device: 2
        }
    );
    // One still runs, the other does not. That nothing new may begin there is no reason to stop the first.
    gpu_servers::disable(&connection, &a, NOW).unwrap();
    assert_eq!(
        take(&connection, "1", "tsp", &one).unwrap().state,
        LeaseState::Held
    );
    assert!(release(&connection, &"2".parse().unwrap()).unwrap());
    let states: Vec<_> = list(&connection)
        .unwrap()
        .iter()
        .map(|lease| lease.state)
        .collect();
    assert_eq!(states, [LeaseState::Held]);
}

#[test]
fn a_place_is_chosen_from_what_is_there() {
    let connection = with_servers();
    take(&connection, "1", "tsp", &placement("a", &[0])).unwrap();
    let request = |json: &str| serde_json::from_str::<Resources>(json).unwrap().gpu.unwrap();
    let choose = |json: &str| place(&request(json), &candidates(&connection).unwrap());
    assert_eq!(choose(r#"{"gpu_count":"1"}"#), Ok(placement("b", &[0])));
    assert_eq!(choose(r#"{"gpu_count":"3"}"#), Ok(placement("a", &[1, 2, 3])));
    expire_of_server(&connection, &"a".parse().unwrap(), NOW).unwrap();
    let none = choose(r#"{"gpu_count":"3"}"#).unwrap_err().to_string();
    assert!(
        none.contains("a: gpu_server_lost") && none.contains("b: gpu_capacity_insufficient"),
        "{none}"
    );
}

/// From two processes, with many tasks each, who all saw the same GPUs free.
#[tokio::test(flavor = "multi_thread")]
async fn of_many_who_ask_at_once_as_many_get_a_place_as_there_are() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("registry.sqlite3");
    let stores = [Store::open(&path).unwrap(), Store::open(&path).unwrap()];
    let insert = |connection: &Connection| {
        challenges::insert(connection, &challenge("tsp"))?;
        gpu_servers::insert(connection, &server("a", "l4:4", "shared(3)"))
    };
    stores[0].write("insert", insert).await.unwrap();
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..40 {
        let store = stores[number % 2].clone();
        tasks.spawn(async move {
            let acquire = move |connection: &Connection| {
                let at = placement("a", &[0, 1 + u16::try_from(number % 3).unwrap()]);
                take(connection, &number.to_string(), "tsp", &at)
            };
            store.write("acquire", acquire).await
        });
    }
    let answers = tasks.join_all().await;
    let (given, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(Result::is_ok);
    assert_eq!(given.len(), 3, "GPU 0, which all want, has three places");
    for refused in refused {
        assert!(matches!(refusal(refused), LeaseRefused::Taken { device: 0, .. }));
    }
    let kept = stores[1].read("list", list).await.unwrap();
    let mut given: Vec<_> = given.into_iter().map(Result::unwrap).collect();
    given.sort_by(|one, other| one.id.cmp(&other.id));
    assert_eq!(kept, given);
}

#[test]
fn the_database_itself_refuses_a_second_holder() {
    let connection = with_servers();
    take(&connection, "1", "tsp", &placement("a", &[0])).unwrap();
    take(&connection, "2", "prism", &placement("a", &[1])).unwrap();
    take(&connection, "3", "prism", &placement("b", &[0])).unwrap();
    for (values, why) in [
        ("'a', 0, 0, '2'", "the place is taken"),
        ("'a', 0, 1, '2'", "there is no second place on this GPU"),
        ("'a', 4, 0, '2'", "there is no such GPU"),
        ("'a', 2, 0, 'x'", "there is no such lease"),
        ("'a', 2, 0, '3'", "the lease is of another server"),
        ("'b', 0, 1, '3'", "the lease has a place on this GPU"),
    ] {
        let sql = format!("INSERT INTO gpu_leased (server, device, slot, lease) VALUES ({values})");
        assert!(connection.execute(&sql, []).is_err(), "{why}");
    }
    for sql in [
        "UPDATE gpu_leased SET device = 0 WHERE lease = '2'",
        "UPDATE gpu_leases SET server = 'b' WHERE id = '1'",
    ] {
        assert!(connection.execute(sql, []).is_err(), "{sql}");
    }
}

#[test]
fn half_a_lease_is_damage_and_named() {
    let connection = with_servers();
    take(&connection, "1", "tsp", &placement("a", &[0])).unwrap();
    connection.execute("DELETE FROM gpu_leased", []).unwrap();
    let error = list(&connection).unwrap_err();
    assert!(
        matches!(
            &error,
            StoreError::Row {
                table: "gpu lease",
                column: "devices",
                ..
            }
        ),
        "{error:?}"
    );
}

#[test]
fn a_lease_of_a_job_says_so_and_is_held_again_when_its_container_was_seen() {
    let connection = with_servers();
    let tsp: Slug = "tsp".parse().unwrap();
    let job: JobId = "0123456789abcdef0123456789abcdef".parse().unwrap();
    let own = take(&connection, "1", "tsp", &placement("a", &[0])).unwrap();
    let id = "2".parse().unwrap();
    let at = placement("a", &[1, 2]);
    let lease = acquire_for_job(&connection, &id, (&tsp, &job), &at, NOW).unwrap();
    assert_eq!(lease.job.as_ref(), Some(&job));
    assert_eq!(of_jobs(&connection).unwrap(), std::slice::from_ref(&lease));
    assert_eq!(of_challenge(&connection, &tsp).unwrap(), [own, lease.clone()]);
    // Nobody else gets these, and the challenge does not go before it.
    let taken = take(&connection, "3", "prism", &placement("a", &[2]));
    assert!(matches!(refusal(taken), LeaseRefused::Taken { .. }));
    assert!(challenges::delete(&connection, &tsp).is_err());
    let state = || get(&connection, &id).unwrap().unwrap().state;
    assert!(!hold_again(&connection, &id).unwrap());
    expire_of_server(&connection, &lease.server, NOW).unwrap();
    assert!(!hold_again(&connection, &id).unwrap(), "the server is still lost");
    assert_eq!(state(), LeaseState::Expired);
    gpu_servers::found(&connection, &lease.server).unwrap();
    assert!(hold_again(&connection, &id).unwrap());
    assert_eq!(state(), LeaseState::Held);
    assert!(release(&connection, &id).unwrap());
    assert_eq!(of_jobs(&connection).unwrap(), []);
}
