//! Two hundred steps of an operator, of people who meddle with the engine, and of a host that is killed, in an order that nobody
//! thought of; and then everything is as it is wanted, and nothing is left.

use std::{
    collections::BTreeSet,
    time::{Duration, SystemTime},
};

use platform_domain::{LeaseState, Slug};
use platform_fleet::Wish;
use tokio::time::timeout;

use crate::{
    scene::{LONG, OTHER_IMAGE, Scene, challenge},
    servers::{all_back, engines, leases, listed, nothing_runs_without_its_lease, servers, toggle},
};

const STEPS: usize = 200;
const CHALLENGES: usize = 3;

/// A generator of its own (SplitMix64), so that a seed that was printed gives the same steps again.
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % u64::try_from(most).unwrap()).unwrap()
    }
}

fn wish(scene: &Scene, slug: &Slug, variant: usize) -> Wish {
    let mut wish = scene.wish();
    wish.slug = slug.clone();
    wish.data = variant & 1 == 0;
    if variant & 2 != 0 {
        wish.image = OTHER_IMAGE.parse().unwrap();
    }
    if variant & 4 != 0 {
        wish.env.insert("MISBEHAVE".into(), "exit".into());
    }
    if variant & 8 != 0 {
        wish.resources = serde_json::from_str(r#"{"gpu_count":"1"}"#).unwrap();
    }
    wish
}

/// Somebody meddles with one of the containers.
fn meddle(scene: &Scene, dice: &mut Dice, command: &[&str]) {
    let engine = engines().into_iter().nth(dice.below(3)).unwrap();
    let all = scene.listed_on(engine, "container");
    if let Some(name) = all.get(dice.below(all.len().max(1))) {
        // It may be in a state in which that is refused, or gone by now.
        drop(engine.cli(&[command, &[name]].concat()).output());
    }
}

#[tokio::test]
async fn whatever_happens_what_is_wanted_runs_in_the_end_and_nothing_is_left() {
    let seed = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs();
    println!("seed {seed}");
    let (mut scene, mut dice) = (Scene::new(), Dice(seed));
    let slugs: Vec<Slug> = (0..CHALLENGES)
        .map(|at| format!("{}-{at}", scene.slug).parse().unwrap())
        .collect();
    for slug in &slugs {
        challenge(&scene, slug).await;
    }
    servers(&scene).await;
    for _ in 0..STEPS {
        let slug = slugs[dice.below(CHALLENGES)].clone();
        match dice.below(9) {
            // A start may be refused for what its container is; it is never half done.
            0 | 1 => drop(scene.fleet.start(&wish(&scene, &slug, dice.below(16))).await),
            // The host is killed in the middle of it, or wants something else by then.
            2 => {
                let moment = Duration::from_millis(u64::try_from(dice.below(400)).unwrap());
                let wish = wish(&scene, &slug, dice.below(16));
                drop(timeout(moment, scene.fleet.start(&wish)).await);
                scene.again();
            }
            3 => scene.fleet.stop(&slug).await.unwrap(),
            4 => meddle(&scene, &mut dice, &["rm", "--force"]),
            5 => meddle(&scene, &mut dice, &["kill"]),
            6 => meddle(&scene, &mut dice, &["pause"]),
            7 => toggle(&scene, dice.below(2)),
            _ => {
                let wanted: BTreeSet<Slug> = slugs.iter().filter(|_| dice.below(2) == 0).cloned().collect();
                scene.fleet.tidy(|slug| wanted.contains(slug)).await.unwrap();
            }
        }
        // A container and its successor, and a helper that fills a volume; and what runs on servers that were lost.
        assert!(listed(&scene, "container").len() <= 7 * CHALLENGES);
        nothing_runs_without_its_lease(&scene).await;
    }
    all_back(&scene);
    // Finds those that are back.
    scene.fleet.tidy(|slug| slugs.contains(slug)).await.unwrap();
    for (at, slug) in slugs.iter().enumerate() {
        let started = timeout(LONG, scene.fleet.start(&wish(&scene, slug, 8 * (at % 2)))).await;
        started.unwrap().unwrap();
    }
    scene.fleet.tidy(|slug| slugs.contains(slug)).await.unwrap();
    for what in ["container", "network"] {
        let all = listed(&scene, what);
        assert_eq!(all.len(), CHALLENGES, "{what}: {all:?}");
    }
    let states: Vec<_> = leases(&scene)
        .await
        .into_iter()
        .map(|lease| lease.state)
        .collect();
    assert_eq!(states, [LeaseState::Held; CHALLENGES / 2]);
    scene.fleet.tidy(|_| false).await.unwrap();
    assert!(leases(&scene).await.is_empty() && listed(&scene, "network").is_empty());
    for slug in &slugs {
        scene.fleet.purge(slug).await.unwrap();
    }
    for what in ["container", "network", "volume"] {
        assert!(
            listed(&scene, what).is_empty(),
            "{what}: {:?}",
            listed(&scene, what)
        );
    }
}
