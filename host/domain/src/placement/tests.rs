//! Placement by examples, and against its own rules for any servers and requests.

use proptest::prelude::*;

use super::*;
use crate::{Resources, UnixSeconds};

fn server(id: &str, gpus: &str, lease: &str, labels: &str) -> GpuServer {
    GpuServer {
        id: id.parse().unwrap(),
        endpoint: "unix:///var/run/docker.sock".parse().unwrap(),
        labels: labels.parse().unwrap(),
        gpus: gpus.parse().unwrap(),
        lease: lease.parse().unwrap(),
        enabled: true,
        description: None,
        created_at: UnixSeconds(1),
        updated_at: UnixSeconds(1),
    }
}

fn candidate(id: &str, gpus: &str, free: &[u16]) -> Candidate {
    Candidate {
        server: server(id, gpus, "exclusive", "zone=eu"),
        lost: false,
        free: (0..).zip(free.iter().copied()).collect(),
    }
}

fn request(pairs: &[(&str, &str)]) -> GpuRequest {
    let map: BTreeMap<_, _> = pairs
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect();
    Resources::try_from(map).unwrap().gpu.unwrap()
}

#[test]
fn a_request_goes_to_the_fullest_server_that_still_has_room() {
    let servers = [
        candidate("empty", "a100:4", &[1, 1, 1, 1]),
        candidate("half", "a100:2,h100:2", &[0, 1, 0, 1]),
        candidate("full", "a100:4", &[0, 0, 0, 0]),
        candidate("half-too", "a100:4", &[1, 1, 0, 0]),
    ];
    for (pairs, expected) in [
        (&[("gpu_count", "1")][..], "half 1"),
        (&[("gpu_count", "2")], "half 1,3"),
        (&[("gpu_count", "2"), ("gpu_kind", "a100")], "half-too 0,1"),
        (&[("gpu_count", "3")], "empty 0,1,2"),
        (&[("gpu_count", "1"), ("gpu_kind", "h100")], "half 3"),
        (&[("gpu_device_ids", "2")], "empty 2"),
        (&[("gpu_count", "1"), ("gpu_server", "empty")], "empty 0"),
        (&[("gpu_count", "1"), ("gpu_labels", "zone=eu")], "half 1"),
    ] {
        for reversed in [false, true] {
            let mut servers = servers.clone();
            if reversed {
                servers.reverse();
            }
            let Placement { server, devices } = place(&request(pairs), &servers).unwrap();
            let devices: Vec<_> = devices.iter().map(u16::to_string).collect();
            assert_eq!(format!("{server} {}", devices.join(",")), expected, "{pairs:?}");
        }
    }
}

#[test]
fn a_shared_server_gives_the_gpus_with_the_fewest_holders() {
    let shared = Candidate {
        server: server("shared", "a100:4", "shared(3)", ""),
        lost: false,
        free: [(0, 1), (1, 3), (2, 0), (3, 3)].into(),
    };
    let placement = place(&request(&[("gpu_count", "2")]), &[shared]).unwrap();
    assert_eq!(placement.devices, BTreeSet::from([1, 3]));
}

#[test]
fn where_nothing_fits_each_server_says_why() {
    let mut disabled = candidate("b", "a100:8", &[1; 8]);
    disabled.server.enabled = false;
    let lost = Candidate {
        lost: true,
        ..candidate("c", "a100:8", &[1; 8])
    };
    let servers = [candidate("a", "a100:4", &[0, 1, 0, 0]), disabled, lost];
    for (pairs, expected) in [
        (
            &[("gpu_count", "2")][..],
            "no GPU server fits: a: gpu_capacity_insufficient: wants 2, has 1 free of 4; \
             b: gpu_server_disabled: it is disabled; c: gpu_server_lost: it is out of reach",
        ),
        (
            &[("gpu_count", "1"), ("gpu_server", "x")],
            "no GPU server fits: x: gpu_server_unknown: there is no such server",
        ),
        (
            &[("gpu_device_ids", "0"), ("gpu_server", "a")],
            "no GPU server fits: a: gpu_device_taken: its GPU 0 is taken",
        ),
        (
            &[("gpu_device_ids", "4"), ("gpu_server", "a")],
            "no GPU server fits: a: gpu_device_unknown: it has no GPU 4, its 4 count from 0",
        ),
        (
            &[("gpu_device_ids", "1"), ("gpu_kind", "h100"), ("gpu_server", "a")],
            "no GPU server fits: a: gpu_kind_mismatch: its GPU 1 is a100",
        ),
        (
            &[("gpu_count", "1"), ("gpu_kind", "h100"), ("gpu_server", "a")],
            "no GPU server fits: a: gpu_kind_missing: it has no h100",
        ),
        (
            &[("gpu_count", "1"), ("gpu_labels", "zone=us"), ("gpu_server", "a")],
            "no GPU server fits: a: gpu_labels_mismatch: its label zone is another or missing",
        ),
    ] {
        let error = place(&request(pairs), &servers).unwrap_err();
        assert_eq!(error.to_string(), expected);
    }
    let none = place(&request(&[("gpu_count", "1")]), &[]).unwrap_err();
    assert_eq!(none.to_string(), "there is no GPU server");
    let many: Vec<_> = (0..30).map(|n| candidate(&format!("s{n}"), "l4", &[0])).collect();
    let many = place(&request(&[("gpu_count", "1")]), &many).unwrap_err();
    assert!(many.to_string().ends_with("; and 22 more"), "{many}");
}

fn any_candidates() -> impl Strategy<Value = Vec<Candidate>> {
    let gpus = prop::collection::vec(prop::sample::select(vec!["a100", "h100"]), 1..6);
    let labels = prop::sample::select(vec!["", "zone=eu", "zone=us"]);
    let lease = prop::sample::select(vec!["exclusive", "shared(3)"]);
    // Some of what is said to be free is not there.
    let free = prop::collection::btree_map(0u16..7, 0u16..4, 0..7);
    let flags = (prop::bool::weighted(0.8), prop::bool::weighted(0.2));
    let one = (gpus, lease, labels, free, flags);
    prop::collection::vec(one, 0..6).prop_map(|all| {
        let each = all.into_iter().enumerate();
        each.map(|(at, (gpus, lease, labels, free, (enabled, lost)))| {
            let mut server = server(&format!("s{at}"), &gpus.join(","), lease, labels);
            server.enabled = enabled;
            Candidate { server, lost, free }
        })
        .collect()
    })
}

fn any_request() -> impl Strategy<Value = GpuRequest> {
    let choice = prop_oneof![
        3 => (1u16..6).prop_map(|count| ("gpu_count", count.to_string())),
        1 => prop::collection::btree_set(0u16..7, 1..4).prop_map(|ids| {
            ("gpu_device_ids", ids.iter().map(u16::to_string).collect::<Vec<_>>().join(","))
        }),
    ];
    let server = prop::option::weighted(0.2, (0..7).prop_map(|at| ("gpu_server", format!("s{at}"))));
    let kind = prop::option::of(prop::sample::select(vec!["a100", "h100", "l4"]));
    let labels = prop::option::weighted(0.3, Just("zone=eu"));
    (choice, server, kind, labels).prop_map(|(choice, server, kind, labels)| {
        let mut pairs = vec![choice];
        pairs.extend(server);
        pairs.extend(kind.map(|kind| ("gpu_kind", kind.to_owned())));
        pairs.extend(labels.map(|labels| ("gpu_labels", labels.to_owned())));
        let pairs: Vec<_> = pairs.iter().map(|(key, value)| (*key, value.as_str())).collect();
        request(&pairs)
    })
}

/// Whether these GPUs of this server are what was asked for, in the words of the documentation.
fn serves(request: &GpuRequest, candidate: &Candidate, devices: &BTreeSet<u16>) -> bool {
    let server = &candidate.server;
    let has_room = |device: &u16| candidate.free.get(device).is_some_and(|room| *room > 0);
    let is_kind = |device: &u16| {
        let kind = server.gpus.kind(*device);
        kind.is_some() && request.kind().is_none_or(|wanted| kind == Some(wanted))
    };
    let chosen = match request.choice() {
        GpuChoice::Count(count) => devices.len() == usize::from(*count),
        GpuChoice::Devices(wanted) => devices == wanted,
    };
    server.enabled
        && !candidate.lost
        && request.server().is_none_or(|id| *id == server.id)
        && request
            .labels()
            .iter()
            .all(|label| server.labels.iter().any(|has| has == label))
        && chosen
        && devices.iter().all(|device| has_room(device) && is_kind(device))
}

/// Whether any GPUs of this server would do, by trying all.
fn could_serve(request: &GpuRequest, candidate: &Candidate) -> bool {
    let count = candidate.server.gpus.count();
    (1u32..1 << count).any(|mask| {
        let devices = (0..count).filter(|device| mask & (1 << device) != 0).collect();
        serves(request, candidate, &devices)
    })
}

fn room(candidate: &Candidate) -> u32 {
    let devices = 0..candidate.server.gpus.count();
    devices
        .filter_map(|device| candidate.free.get(&device))
        .map(|room| u32::from(*room))
        .sum()
}

proptest! {
    #[test]
    fn what_fits_is_found_and_is_the_fullest_and_does_not_depend_on_the_order(
        request in any_request(),
        (candidates, shuffled) in any_candidates().prop_flat_map(|all| (Just(all.clone()), Just(all).prop_shuffle())),
    ) {
        let placed = place(&request, &candidates);
        prop_assert_eq!(&placed, &place(&request, &shuffled));
        let able: Vec<_> = candidates.iter().filter(|it| could_serve(&request, it)).collect();
        match placed {
            Ok(Placement { server, devices }) => {
                let chosen = candidates.iter().find(|it| it.server.id == server).unwrap();
                prop_assert!(serves(&request, chosen, &devices));
                prop_assert!(able.iter().all(|it| room(chosen) <= room(it)));
            }
            Err(NoPlace { misfits }) => {
                prop_assert!(able.is_empty(), "{} fits", able[0].server.id);
                let asked = candidates.iter().map(|it| &it.server.id);
                let asked: BTreeSet<_> = match request.server() {
                    Some(id) => [id].into(),
                    None => asked.collect(),
                };
                prop_assert_eq!(misfits.keys().collect::<BTreeSet<_>>(), asked);
            }
        }
    }
}
