//! The table against a real database in memory.

use platform_domain::Placement;

use super::*;
use crate::{
    challenges::{
        self,
        tests::{challenge, database},
    },
    gpu_leases,
};

pub(crate) fn server(id: &str, gpus: &str, lease: &str) -> GpuServer {
    GpuServer {
        id: id.parse().unwrap(),
        endpoint: "tcp://gpu1.example:2376".parse().unwrap(),
        labels: "zone=eu,rack=7".parse().unwrap(),
        gpus: gpus.parse().unwrap(),
        lease: lease.parse().unwrap(),
        enabled: true,
        description: Some("In the 'cellar' \u{1f680}".into()),
        created_at: UnixSeconds(1),
        updated_at: UnixSeconds(2),
    }
}

fn id(text: &str) -> GpuServerId {
    text.parse().unwrap()
}

fn lease(connection: &Connection, lease: &str, holder: &str, server: &str, device: u16) {
    let placement = Placement {
        server: id(server),
        devices: [device].into(),
    };
    let holder = holder.parse().unwrap();
    gpu_leases::acquire(
        connection,
        &lease.parse().unwrap(),
        &holder,
        &placement,
        UnixSeconds(5),
    )
    .unwrap();
}

#[test]
fn a_server_comes_back_as_it_was_written_and_goes_once() {
    let connection = database();
    let (one, two) = (
        server("b", "a100:2,h100:1", "exclusive"),
        server("a", "l4", "shared(4)"),
    );
    for record in [&one, &two] {
        insert(&connection, record).unwrap();
        let again = insert(&connection, record).unwrap_err();
        assert!(matches!(again, StoreError::GpuServerExists(taken) if taken == record.id));
    }
    let found = list(&connection).unwrap();
    let records: Vec<_> = found.iter().map(|row| (&row.server, row.lost_at)).collect();
    assert_eq!(records, [(&two, None), (&one, None)]);
    assert!(delete(&connection, &one.id).unwrap());
    assert!(!delete(&connection, &one.id).unwrap());
    assert_eq!(get(&connection, &one.id).unwrap(), None);
    assert!(!update(&connection, &one).unwrap());
    assert_eq!(gpu_leases::free_slots(&connection, &one.id).unwrap(), [].into());
}

#[test]
fn a_server_is_replaced_and_switched_on_and_off() {
    let connection = database();
    insert(&connection, &server("a", "l4", "exclusive")).unwrap();
    let now = UnixSeconds(9);
    assert!(disable(&connection, &id("a"), now).unwrap());
    let off = get(&connection, &id("a")).unwrap().unwrap().server;
    assert_eq!((off.enabled, off.updated_at), (false, now));
    assert!(enable(&connection, &id("a"), now).unwrap());
    assert!(get(&connection, &id("a")).unwrap().unwrap().server.enabled);
    let mut other = server("a", "h100:8", "shared(2)");
    other.endpoint = "ssh://docker@gpu2:2222".parse().unwrap();
    other.description = None;
    assert!(update(&connection, &other).unwrap());
    assert_eq!(get(&connection, &id("a")).unwrap().unwrap().server, other);
    let free = gpu_leases::free_slots(&connection, &id("a")).unwrap();
    assert_eq!(free, (0..8).map(|device| (device, 2)).collect());
    for nobody in [enable, disable] {
        assert!(!nobody(&connection, &id("x"), now).unwrap());
    }
    assert!(!found(&connection, &id("x")).unwrap());
}

#[test]
fn what_is_used_does_not_go_and_its_users_are_named() {
    let connection = database();
    for slug in ["prism", "tsp"] {
        challenges::insert(&connection, &challenge(slug)).unwrap();
    }
    insert(&connection, &server("a", "l4:3", "shared(2)")).unwrap();
    lease(&connection, "1", "tsp", "a", 2);
    lease(&connection, "2", "prism", "a", 2);
    let says = |result: Result<bool, StoreError>| result.unwrap_err().to_string();
    for less in [server("a", "l4:2", "shared(2)"), server("a", "l4:1", "exclusive")] {
        assert_eq!(
            says(update(&connection, &less)),
            "GPU server a is used by prism, tsp"
        );
    }
    let narrower = server("a", "l4:3", "exclusive");
    assert_eq!(
        says(update(&connection, &narrower)),
        "GPU server a is used by prism"
    );
    assert_eq!(
        says(delete(&connection, &id("a"))),
        "GPU server a is used by prism, tsp"
    );
    assert_eq!(
        says(challenges::delete(&connection, &"tsp".parse().unwrap())),
        "challenge 'tsp' has leases of GPU server a"
    );
    assert_eq!(
        get(&connection, &id("a")).unwrap().unwrap().server.gpus.count(),
        3
    );
    // Nor by who does not ask.
    for sql in [
        "DELETE FROM gpu_servers",
        "DELETE FROM gpu_slots",
        "DELETE FROM challenges",
    ] {
        assert!(connection.execute(sql, []).is_err(), "{sql}");
    }
    gpu_leases::release(&connection, &"2".parse().unwrap()).unwrap();
    assert!(update(&connection, &narrower).unwrap());
    // A lost server takes what was there with it.
    gpu_leases::expire_of_server(&connection, &id("a"), UnixSeconds(6)).unwrap();
    assert!(delete(&connection, &id("a")).unwrap());
    assert_eq!(gpu_leases::list(&connection).unwrap(), []);
    assert!(challenges::delete(&connection, &"tsp".parse().unwrap()).unwrap());
}

#[test]
fn what_lets_the_host_speak_to_an_engine_goes_with_the_server() {
    let connection = database();
    let row = |sealed: &[u8]| GpuServerTls {
        sealed: sealed.to_vec(),
        key_id: "k".into(),
    };
    assert!(
        put_tls(&connection, &id("a"), &row(&[1])).is_err(),
        "there is no such server"
    );
    insert(&connection, &server("a", "l4", "exclusive")).unwrap();
    assert_eq!(tls(&connection, &id("a")).unwrap(), None);
    for sealed in [&[1][..], &[2, 3]] {
        put_tls(&connection, &id("a"), &row(sealed)).unwrap();
        assert_eq!(tls(&connection, &id("a")).unwrap(), Some(row(sealed)));
    }
    assert!(delete_tls(&connection, &id("a")).unwrap());
    assert!(!delete_tls(&connection, &id("a")).unwrap());
    put_tls(&connection, &id("a"), &row(&[1])).unwrap();
    assert!(any_tls(&connection).unwrap());
    assert!(delete(&connection, &id("a")).unwrap());
    assert!(!any_tls(&connection).unwrap());
}

#[test]
fn a_damaged_row_is_named() {
    let connection = database();
    insert(&connection, &server("a", "l4", "exclusive")).unwrap();
    for (spoilt, column) in [
        ("UPDATE gpu_servers SET endpoint = 'http://gpu1:2375'", "endpoint"),
        (
            "UPDATE gpu_servers SET endpoint = 'unix:///run/x', gpus = 'l4:0'",
            "gpus",
        ),
        ("UPDATE gpu_servers SET gpus = 'l4', lease = 'shared'", "lease"),
        (
            "UPDATE gpu_servers SET lease = 'exclusive', labels = '[]'",
            "labels",
        ),
    ] {
        connection.execute(spoilt, []).unwrap();
        let error = list(&connection).unwrap_err();
        assert!(
            matches!(&error, StoreError::Row { table: "gpu server", column: found, .. } if *found == column),
            "{error:?}"
        );
    }
}
