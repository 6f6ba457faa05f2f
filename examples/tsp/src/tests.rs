use platform_guest_sdk::testing::{Harness, get, post};
use serde_json::{Value, json};

use super::*;

/// So long a round that the tests run in round 0.
const FOR_EVER: &str = "1000000000000";

fn tsp() -> Harness<Tsp> {
    Harness::new()
        .config("SEED", "test")
        .config("CITIES", "5")
        .config("ROUND_SECONDS", FOR_EVER)
}

fn submit(tsp: &Harness<Tsp>, hotkey: &str, tour: [u32; 5]) -> u64 {
    let request = post("/submissions")
        .json(&json!({ "round": 0, "tour": tour }))
        .caller(hotkey, None);
    let answer = tsp.send(request);
    assert_eq!(answer.status(), 201, "{}", answer.text());
    answer.json::<Value>()["length"].as_u64().unwrap()
}

/// Three tours of the test's map, shortest first.
fn tours(tsp: &Harness<Tsp>) -> [[u32; 5]; 3] {
    let instance: Value = tsp.send(get("/instance")).json();
    let map = Map {
        cities: serde_json::from_value(instance["cities"].clone()).unwrap(),
    };
    let mut tours = [
        [0, 1, 2, 3, 4],
        [0, 2, 1, 3, 4],
        [0, 1, 3, 2, 4],
        [0, 3, 1, 2, 4],
        [0, 2, 3, 1, 4],
    ];
    tours.sort_by_key(|tour| map.length_of(tour).unwrap());
    [tours[0], tours[2], tours[4]]
}

#[test]
fn the_shortest_tour_of_each_hotkey_counts() {
    let tsp = tsp();
    let [short, middle, long] = tours(&tsp);
    submit(&tsp, "5Alice", long);
    let middle = submit(&tsp, "5Alice", middle);
    submit(&tsp, "5Alice", long);
    submit(&tsp, "5Bob", long);
    let short = submit(&tsp, "5Bob", short);
    submit(&tsp, "5Carol", tours(&tsp)[0]);
    let board: Value = tsp.send(get("/leaderboard")).json();
    let lines: Vec<_> = board["entries"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| (&e["hotkey"], &e["length"]))
        .collect();
    assert_eq!(
        lines,
        [
            (&json!("5Bob"), &json!(short)),
            (&json!("5Carol"), &json!(short)),
            (&json!("5Alice"), &json!(middle)),
        ]
    );
    assert_eq!(
        tsp.send(get("/leaderboard?round=0")).text(),
        tsp.send(get("/leaderboard")).text()
    );
    assert_eq!(
        tsp.send(get("/leaderboard?round=18446744073709551615")).status(),
        404
    );
    let weights = tsp.weights(&tsp.moment()).unwrap();
    let ratio = short as f64 / middle as f64;
    assert_eq!(weights.entries().first(), Some(&("5Bob".to_owned(), 1.0)));
    assert_eq!(weights.entries().get(1), Some(&("5Carol".to_owned(), 1.0)));
    let (hotkey, score) = weights.entries().get(2).unwrap();
    assert_eq!(hotkey, "5Alice");
    assert!((score - ratio.powi(8)).abs() < 1e-12, "{score}");
}

#[test]
fn without_a_tour_in_the_running_round_the_last_one_counts() {
    let tsp = tsp();
    assert!(tsp.weights(&tsp.moment()).unwrap().entries().is_empty());
    submit(&tsp, "5Alice", [0, 1, 2, 3, 4]);
    let later = WeightsContext {
        unix_seconds: 5_000_000_000_000,
        ..tsp.moment()
    };
    assert_eq!(
        tsp.weights(&later).unwrap().entries(),
        [("5Alice".to_owned(), 1.0)]
    );
}

#[test]
fn what_is_no_tour_of_the_running_round_is_refused() {
    let tsp = tsp();
    let send = |body: Value| tsp.send(post("/submissions").json(&body).caller("5Alice", Some(1)));
    for (body, status) in [
        (json!({ "round": 1, "tour": [0, 1, 2, 3, 4] }), 409),
        (json!({ "round": 0, "tour": [0, 1, 2, 3, 3] }), 422),
        (json!({ "round": 0, "tour": [0, 1, 2, 3, -1] }), 422),
        (json!({ "round": 0 }), 422),
        (json!({ "round": 0, "tour": [0, 1, 2, 3, 4], "length": 1 }), 422),
    ] {
        assert_eq!(send(body.clone()).status(), status, "{body}");
    }
    let unsigned = post("/submissions").json(&json!({ "round": 0, "tour": [0, 1, 2, 3, 4] }));
    assert_eq!(tsp.send(unsigned).status(), 401);
    let large = post("/submissions")
        .body(vec![b' '; 16_385])
        .caller("5Alice", None);
    assert_eq!(tsp.send(large).status(), 413);
}

#[test]
fn a_wrong_configuration_is_told_to_the_operator() {
    for (name, value) in [("CITIES", "4"), ("CITIES", "many"), ("ROUND_SECONDS", "0")] {
        let tsp = tsp().config(name, value);
        let answer = tsp.send(get("/instance"));
        assert_eq!(answer.status(), 500);
        assert!(answer.error().unwrap().message().contains(name));
    }
    assert!(
        Harness::<Tsp>::new()
            .send(get("/instance"))
            .error()
            .unwrap()
            .message()
            .contains("SEED")
    );
}
