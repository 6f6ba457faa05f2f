//! The table against a real database in memory.

use super::*;
use crate::challenges::{
    self,
    tests::{challenge, database},
};

#[test]
fn a_token_is_kept_for_its_challenge_and_goes_with_it() {
    let connection = database();
    let record = challenge("gpu");
    challenges::insert(&connection, &record).unwrap();
    assert!(get(&connection, &record.slug).unwrap().is_none());
    assert!(!any(&connection).unwrap());
    let before = |hash| PreviousToken {
        sealed: vec![1],
        key_id: "k".into(),
        hash,
        until: UnixSeconds(7),
    };
    let hash = TokenHash::from_bytes([7; 32]);
    for (sealed, previous) in [
        (vec![1], None),
        (vec![2, 3], Some(before(Some(hash)))),
        (vec![2, 3], Some(before(None))),
        (vec![4], None),
    ] {
        let row = TokenRow {
            sealed,
            key_id: "k".into(),
            previous,
        };
        put(&connection, &record.slug, &row).unwrap();
        let kept = get(&connection, &record.slug).unwrap().unwrap();
        let parts = |row: &TokenRow| {
            let previous = row.previous.clone();
            let previous = previous.map(|it| {
                (
                    it.sealed,
                    it.key_id,
                    it.hash.map(|hash| *hash.as_bytes()),
                    it.until,
                )
            });
            (row.sealed.clone(), row.key_id.clone(), previous)
        };
        assert_eq!(parts(&kept), parts(&row));
    }
    assert!(any(&connection).unwrap());
    assert!(challenges::delete(&connection, &record.slug).unwrap());
    assert!(!any(&connection).unwrap());
}
