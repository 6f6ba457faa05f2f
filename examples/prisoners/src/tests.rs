use platform_guest_sdk::testing::{Answer, Harness, get, post};
use serde_json::{Value, json};

use super::*;

fn state(plays: &str, on_cooperate: usize, on_defect: usize) -> Value {
    json!({ "move": plays, "on_cooperate": on_cooperate, "on_defect": on_defect })
}

fn strategy(name: &str) -> Value {
    let states = match name {
        "tit-for-tat" => vec![state("C", 0, 1), state("D", 0, 1)],
        "always-defect" => vec![state("D", 0, 0)],
        "always-cooperate" => vec![state("C", 0, 0)],
        "grim" => vec![state("C", 0, 1), state("D", 1, 1)],
        _ => panic!("{name}"),
    };
    json!({ "states": states })
}

fn enter(harness: &Harness<Prisoners>, hotkey: &str, strategy: &Value) -> Answer {
    harness.send(post("/strategies").json(strategy).caller(hotkey, Some(1)))
}

fn points(harness: &Harness<Prisoners>) -> Vec<(String, u64, u64)> {
    let board: Value = harness.send(get("/leaderboard")).json();
    let number = |value: &Value| value.as_u64().unwrap();
    let standings = board["standings"].as_array().unwrap().iter();
    standings
        .map(|it| {
            (
                it["hotkey"].as_str().unwrap().to_owned(),
                number(&it["points"]),
                number(&it["matches"]),
            )
        })
        .collect()
}

const NAMES: [&str; 4] = ["tit-for-tat", "always-defect", "always-cooperate", "grim"];

#[test]
fn everybody_plays_against_everybody_whatever_the_order() {
    // The known results of 200 rounds: 600 each for cooperation, 199 and 204 against a defector.
    let expected = [
        ("grim", 600 + 600 + 199, 3),
        ("tit-for-tat", 600 + 600 + 199, 3),
        ("always-defect", 1000 + 204 + 204, 3),
        ("always-cooperate", 600 + 600, 3),
    ];
    for turn in 0..NAMES.len() {
        let harness = Harness::new();
        for offset in 0..NAMES.len() {
            let name = NAMES[(turn + offset) % NAMES.len()];
            assert_eq!(enter(&harness, name, &strategy(name)).status(), 201);
        }
        let mut found = points(&harness);
        found.sort();
        let mut expected = expected.map(|(name, points, matches)| (name.to_owned(), points, matches));
        expected.sort();
        assert_eq!(found, expected);
    }
}

#[test]
fn a_new_strategy_takes_the_place_of_the_old_one() {
    let harness = Harness::new();
    enter(&harness, "a", &strategy("always-cooperate"));
    let entered: Value = enter(&harness, "b", &strategy("always-defect")).json();
    assert_eq!(entered, json!({ "rank": 1, "points": 1000, "matches": 1 }));
    enter(&harness, "b", &strategy("tit-for-tat"));
    let own: Value = harness.send(get("/strategy").caller("b", Some(1))).json();
    assert_eq!(own, strategy("tit-for-tat"));
    assert_eq!(points(&harness), [("a".into(), 600, 1), ("b".into(), 600, 1)]);
    let matches: Value = harness.send(get("/matches/b")).json();
    assert_eq!(
        matches,
        json!({ "matches": [{ "opponent": "a", "points": 600 }] })
    );
}

#[test]
fn what_is_no_strategy_or_comes_from_a_stranger_is_refused() {
    let harness = Harness::new();
    for (strategy, status) in [
        (json!({ "states": [] }), 422),
        (json!({ "states": vec![state("C", 0, 0); 65] }), 422),
        (json!({ "states": [state("C", 0, 1)] }), 422),
        (json!({ "states": [state("X", 0, 0)] }), 422),
        (json!({ "states": [], "more": 1 }), 422),
    ] {
        assert_eq!(enter(&harness, "a", &strategy).status(), status, "{strategy}");
    }
    let stranger = post("/strategies").json(&strategy("grim")).caller("a", None);
    assert_eq!(harness.send(stranger).status(), 403);
    assert_eq!(
        harness.send(post("/strategies").json(&strategy("grim"))).status(),
        401
    );
    assert_eq!(harness.send(get("/strategy").caller("a", Some(1))).status(), 404);
    assert_eq!(points(&harness), []);
}

#[test]
fn weights_follow_the_points() {
    let harness = Harness::<Prisoners>::new().config("POWER", "1");
    assert_eq!(harness.weights(&harness.moment()).unwrap().entries(), []);
    enter(&harness, "alone", &strategy("grim"));
    let weights = harness.weights(&harness.moment()).unwrap();
    assert_eq!(weights.entries(), [("alone".to_owned(), 1.0)]);
    enter(&harness, "victim", &strategy("always-cooperate"));
    enter(&harness, "thief", &strategy("always-defect"));
    let weights = harness.weights(&harness.moment()).unwrap();
    let score = |name: &str| {
        weights
            .entries()
            .iter()
            .find(|(hotkey, _)| hotkey == name)
            .unwrap()
            .1
    };
    assert_eq!(score("thief"), 1.0);
    assert_eq!(score("victim"), 300.0 / 602.0);
    assert_eq!(score("alone"), 399.5 / 602.0);
}
