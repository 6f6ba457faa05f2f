//! The map of a round and the length of a tour through it.

use std::collections::HashSet;

use platform_guest_sdk::prelude::*;
use sha2::{Digest as _, Sha256};

/// Coordinates are below this, so that a distance fits 15 bits and a tour 64 with room to spare.
const GRID: u16 = 10_000;
const DEFAULT_CITIES: usize = 100;
/// Fewer have one tour but for direction; more do not fit the largest body.
const CITIES: std::ops::RangeInclusive<usize> = 5..=1000;

/// Cities on a grid, no two in one place.
pub(crate) struct Map {
    pub(crate) cities: Vec<[u16; 2]>,
}

impl Map {
    /// The map that the configuration's seed gives this round.
    pub(crate) fn of_round(environment: &Environment, round: u64) -> Result<Self> {
        let count = environment.config_or("CITIES", DEFAULT_CITIES)?;
        if !CITIES.contains(&count) {
            return Err(Error::internal("CITIES must be 5 to 1000"));
        }
        Ok(Self::draw(&environment.config::<String>("SEED")?, round, count))
    }

    /// Reads pairs of coordinates from the stream SHA-256(seed hash, round, 0), SHA-256(seed hash, round, 1), ...
    /// and leaves out a place that is taken.
    fn draw(seed: &str, round: u64, count: usize) -> Self {
        let seed = Sha256::digest(seed);
        let blocks = (0_u64..).flat_map(|block| {
            let hash = Sha256::new().chain_update(seed);
            let hash = hash
                .chain_update(round.to_be_bytes())
                .chain_update(block.to_be_bytes());
            <[u8; 32]>::from(hash.finalize())
        });
        let mut bytes = blocks;
        let mut coordinate = || {
            loop {
                let drawn = u16::from_be_bytes([bytes.next()?, bytes.next()?]);
                // The rest of the division would make low coordinates more likely.
                if drawn < u16::MAX / GRID * GRID {
                    return Some(drawn % GRID);
                }
            }
        };
        let mut taken = HashSet::new();
        let mut cities = Vec::with_capacity(count);
        while let (true, Some(x), Some(y)) = (cities.len() < count, coordinate(), coordinate()) {
            if taken.insert([x, y]) {
                cities.push([x, y]);
            }
        }
        Self { cities }
    }

    /// The length of the closed tour, each leg rounded to a whole number. A tour names every city once.
    pub(crate) fn length_of(&self, tour: &[u32]) -> Result<u64> {
        if tour.len() != self.cities.len() {
            let text = format!(
                "the tour has {} cities, the map {}",
                tour.len(),
                self.cities.len()
            );
            return Err(Error::unprocessable(text));
        }
        let mut unvisited: Vec<Option<[u16; 2]>> = self.cities.iter().copied().map(Some).collect();
        let mut path = Vec::with_capacity(tour.len());
        for city in tour {
            let slot = usize::try_from(*city)
                .ok()
                .and_then(|index| unvisited.get_mut(index));
            let slot = slot.ok_or_else(|| Error::unprocessable(format!("there is no city {city}")))?;
            let place = slot
                .take()
                .ok_or_else(|| Error::unprocessable(format!("city {city} is visited twice")))?;
            path.push(place);
        }
        let next = path.iter().cycle().skip(1);
        Ok(path.iter().zip(next).map(|(from, to)| distance(*from, *to)).sum())
    }
}

/// The Euclidean distance rounded to the nearest whole number (`EUC_2D` of TSPLIB), in integers: the square
/// root is at least `floor + 1/2` exactly when the square exceeds `floor * floor + floor`.
fn distance([x1, y1]: [u16; 2], [x2, y2]: [u16; 2]) -> u64 {
    let (dx, dy) = (u64::from(x1.abs_diff(x2)), u64::from(y1.abs_diff(y2)));
    let square = dx * dx + dy * dy;
    let floor = square.isqrt();
    if square > floor * floor + floor {
        floor + 1
    } else {
        floor
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_distance_is_that_of_tsplib() {
        for dx in 0..200 {
            for dy in 0..200 {
                let exact = f64::from(u32::from(dx) * u32::from(dx) + u32::from(dy) * u32::from(dy)).sqrt();
                assert_eq!(
                    distance([dx, 7], [0, 7 + dy]),
                    (exact + 0.5).floor() as u64,
                    "{dx} {dy}"
                );
            }
        }
        assert_eq!(distance([0, 0], [9999, 9999]), 14141);
    }

    #[test]
    fn a_round_has_the_same_map_for_ever() {
        let map = Map::draw("seed", 7, 50);
        assert_eq!(map.cities, Map::draw("seed", 7, 50).cities);
        assert_eq!(map.cities.get(..3), Map::draw("seed", 7, 3).cities.get(..));
        assert_ne!(map.cities, Map::draw("seed", 8, 50).cities);
        assert_ne!(map.cities, Map::draw("other", 7, 50).cities);
        let places: HashSet<_> = map.cities.iter().collect();
        assert_eq!(places.len(), 50);
        assert!(map.cities.iter().flatten().all(|coordinate| *coordinate < GRID));
    }

    #[test]
    fn a_tour_names_every_city_once() {
        let map = Map {
            cities: vec![[0, 0], [0, 3], [4, 3], [4, 0], [2, 1]],
        };
        assert_eq!(map.length_of(&[0, 1, 2, 3, 4]).unwrap(), 3 + 4 + 3 + 2 + 2);
        for bad in [
            &[0, 1, 2, 3][..],
            &[0, 1, 2, 3, 3],
            &[0, 1, 2, 3, 5],
            &[0, 1, 2, 3, 4, 0],
            &[],
        ] {
            assert_eq!(map.length_of(bad).unwrap_err().status(), 422, "{bad:?}");
        }
    }
}
