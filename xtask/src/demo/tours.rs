//! What the demo's miners do: tours of different quality through the instance they were given.

use anyhow::{Context as _, Result};
use serde_json::Value;

type City = (i64, i64);

/// Miner `skill` of several: the first takes the cities as they come, the next go to the nearest city from
/// another start each, the better ones also untangle crossings, for as many rounds as they are skilled.
pub(crate) fn tour(instance: &Value, skill: usize) -> Result<Vec<usize>> {
    let cities = cities(instance)?;
    let mut tour: Vec<usize> = (0..cities.len()).collect();
    if skill > 0 {
        tour = nearest_neighbour(&cities, skill % cities.len().max(1));
    }
    for _ in 0..skill.saturating_sub(2) {
        untangle(&cities, &mut tour);
    }
    Ok(tour)
}

fn cities(instance: &Value) -> Result<Vec<City>> {
    let list = instance
        .get("cities")
        .and_then(Value::as_array)
        .context("the instance has no cities")?;
    let city = |value: &Value| Some((value.get(0)?.as_i64()?, value.get(1)?.as_i64()?));
    list.iter()
        .map(|value| city(value).context("a city is not a pair of integers"))
        .collect()
}

fn distance(cities: &[City], a: usize, b: usize) -> i64 {
    match (cities.get(a), cities.get(b)) {
        (Some(a), Some(b)) => (a.0 - b.0).pow(2) + (a.1 - b.1).pow(2),
        _ => i64::MAX,
    }
}

fn nearest_neighbour(cities: &[City], start: usize) -> Vec<usize> {
    let mut left: Vec<usize> = (0..cities.len()).filter(|city| *city != start).collect();
    let mut tour = vec![start];
    let mut here = start;
    while let Some(at) =
        (0..left.len()).min_by_key(|at| left.get(*at).map(|city| distance(cities, here, *city)))
    {
        here = left.swap_remove(at);
        tour.push(here);
    }
    tour
}

/// One round of 2-opt: a stretch that shortens the tour when turned round is turned round.
fn untangle(cities: &[City], tour: &mut [usize]) {
    let length = |a: usize, b: usize| (distance(cities, a, b) as f64).sqrt();
    for from in 1..tour.len() {
        for to in from + 1..tour.len() {
            let next = if to + 1 == tour.len() { 0 } else { to + 1 };
            let city = |at: usize| tour.get(at).copied().unwrap_or_default();
            let (a, b, c, d) = (city(from - 1), city(from), city(to), city(next));
            let shorter = length(a, c) + length(b, d) + 1e-9 < length(a, b) + length(c, d);
            if let (true, Some(stretch)) = (shorter, tour.get_mut(from..=to)) {
                stretch.reverse();
            }
        }
    }
}
