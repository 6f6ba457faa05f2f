//! The example challenges as many miners play them at the same time.

use platform_keys::Keypair;
use platform_tests::{HostBuilder, TestHost, client};
use serde_json::{Value, json};

use crate::{
    epochs::{NETUID, devnet},
    signed::{answer, now, sign},
};

const MINERS: usize = 32;

/// Sends until the host has room: sixty-four requests at once are more than it lets in.
async fn send(host: &TestHost, key: &Keypair, slug: &str, path: &str, body: &Value) -> (u16, Value) {
    loop {
        match answer(sign(host, key, slug, path, now(), body.clone())).await {
            (503 | 429, _) => tokio::task::yield_now().await,
            answer => return answer,
        }
    }
}

async fn board(host: &TestHost, slug: &str) -> Value {
    answer(client().get(host.url(slug, "/leaderboard"))).await.1
}

/// A machine of some states that no other miner has.
fn strategy(number: usize) -> Value {
    let states = number % 5 + 1;
    let state = |index: usize| {
        json!({
            "move": if (number >> index).is_multiple_of(2) { "C" } else { "D" },
            "on_cooperate": (index + number) % states,
            "on_defect": (index + 1) % states,
        })
    };
    json!({ "states": (0..states).map(state).collect::<Vec<_>>() })
}

#[tokio::test(flavor = "multi_thread")]
async fn thirty_two_miners_play_two_games_at_once_and_nothing_is_lost() {
    let validator = Keypair::generate().unwrap();
    let miners: Vec<_> = (0..MINERS).map(|_| Keypair::generate().unwrap()).collect();
    let hotkeys: Vec<_> = miners.iter().map(Keypair::hotkey).collect();
    let devnet = devnet(&validator, &hotkeys).await;
    let mut host = HostBuilder::default()
        .on(&devnet, NETUID, &validator)
        .start()
        .await;
    host.run_guest("prisoners", "prisoners", "50", &[]).await;
    let tsp = [("SEED", "test"), ("CITIES", "9"), ("ROUND_SECONDS", "4000000000")];
    host.run_guest("tsp", "tsp", "50", &tsp).await;
    // The host has read the subnet then, and knows who is registered.
    host.admin.weights_preview().await.unwrap();
    let instance = answer(client().get(host.url("tsp", "/instance"))).await.1;

    let play = |number: usize| {
        let (host, key, round) = (&host, &miners[number], instance["round"].clone());
        async move {
            let mut tour: Vec<_> = (0..9).collect();
            tour.rotate_left(number % 9);
            tour.swap(0, number % 7);
            let tour = json!({ "round": round, "tour": tour });
            let (one, two) = (strategy(number), strategy(number));
            tokio::join!(
                send(host, key, "tsp", "/submissions", &tour),
                send(host, key, "prisoners", "/strategies", &one),
                send(host, key, "prisoners", "/strategies", &two),
            )
        }
    };
    let played = futures_util::future::join_all((0..MINERS).map(play)).await;
    for (tour, one, two) in played {
        assert_eq!(tour.0, 201, "{tour:?}");
        for entered in [one, two] {
            // The other strategy of the same miner may take its place before it is ranked.
            assert!(matches!(entered.0, 201 | 409), "{entered:?}");
        }
    }
    let tours = board(&host, "tsp").await;
    assert_eq!(tours["entries"].as_array().unwrap().len(), MINERS);
    let prisoners = board(&host, "prisoners").await;
    let standings = prisoners["standings"].as_array().unwrap();
    assert_eq!(standings.len(), MINERS);
    for standing in standings {
        assert_eq!(standing["matches"], json!(MINERS - 1), "{standing}");
    }
    // What the same strategies give in any order.
    let alone = expected(&miners);
    for standing in standings {
        let hotkey = standing["hotkey"].as_str().unwrap();
        assert_eq!(standing["points"], json!(alone[hotkey]), "{standing}");
    }
    let preview = host.admin.weights_preview().await.unwrap();
    let paid = preview.vector.unwrap().uids.len();
    assert!(paid > MINERS / 2, "{paid}");

    host.restart().await;
    host.running("prisoners").await;
    assert_eq!(board(&host, "prisoners").await, prisoners);
}

/// The points of everybody, played here: the rules of the example in a dozen lines.
fn expected(miners: &[Keypair]) -> serde_json::Map<String, Value> {
    let field = |strategy: &Value, state: usize, field: &str| {
        usize::try_from(strategy["states"][state][field].as_u64().unwrap()).unwrap()
    };
    let cooperates = |strategy: &Value, state: usize| strategy["states"][state]["move"] == "C";
    let points = |one: &Value, two: &Value| {
        let (mut at, mut other, mut points) = (0, 0, 0);
        for _ in 0..200 {
            let (mine, theirs) = (cooperates(one, at), cooperates(two, other));
            points += match (mine, theirs) {
                (true, true) => 3,
                (false, true) => 5,
                (true, false) => 0,
                (false, false) => 1,
            };
            at = field(one, at, if theirs { "on_cooperate" } else { "on_defect" });
            other = field(two, other, if mine { "on_cooperate" } else { "on_defect" });
        }
        points
    };
    let all = (0..miners.len()).map(|mine| {
        let others = (0..miners.len()).filter(|other| *other != mine);
        let sum: u32 = others
            .map(|other| points(&strategy(mine), &strategy(other)))
            .sum();
        (miners[mine].hotkey().to_string(), json!(sum))
    });
    all.collect()
}
