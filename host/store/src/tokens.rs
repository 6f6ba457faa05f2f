//! The table of challenges' tokens, sealed: what is inside is known above, and never here.

use platform_domain::{Slug, UnixSeconds};
use rusqlite::{Connection, OptionalExtension as _, params};

use crate::{StoreError, columns::seconds};

/// The token of a challenge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenRow {
    /// The token, sealed.
    pub sealed: Vec<u8>,
    /// Which key sealed it.
    pub key_id: String,
    /// The one before it, as long as that counts too.
    pub previous: Option<PreviousToken>,
}

/// The token of a challenge before its last rotation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PreviousToken {
    /// The token, sealed.
    pub sealed: Vec<u8>,
    /// Which key sealed it.
    pub key_id: String,
    /// The last second in which it counts.
    pub until: UnixSeconds,
}

/// Writes the token of a challenge in place of the one before.
pub fn put(connection: &Connection, slug: &Slug, row: &TokenRow) -> Result<(), StoreError> {
    let TokenRow {
        sealed,
        key_id,
        previous,
    } = row;
    let previous = previous.as_ref();
    let until = previous
        .map(|previous| seconds("previous_until", previous.until))
        .transpose()?;
    let sql = "INSERT OR REPLACE INTO challenge_tokens \
               (slug, sealed, key_id, previous, previous_key_id, previous_until) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    connection.prepare_cached(sql)?.execute(params![
        slug.as_str(),
        sealed,
        key_id,
        previous.map(|previous| &previous.sealed),
        previous.map(|previous| &previous.key_id),
        until,
    ])?;
    Ok(())
}

/// The token of a challenge, if it is kept.
pub fn get(connection: &Connection, slug: &Slug) -> Result<Option<TokenRow>, StoreError> {
    let sql = "SELECT * FROM challenge_tokens WHERE slug = ?1";
    let row = connection.prepare_cached(sql)?.query_row([slug.as_str()], |row| {
        let columns: (Option<Vec<u8>>, Option<String>, Option<i64>) = (
            row.get("previous")?,
            row.get("previous_key_id")?,
            row.get("previous_until")?,
        );
        let previous = match columns {
            (Some(sealed), Some(key_id), Some(until)) => Some(PreviousToken {
                sealed,
                key_id,
                until: UnixSeconds(until.cast_unsigned()),
            }),
            _ => None,
        };
        Ok(TokenRow {
            sealed: row.get("sealed")?,
            key_id: row.get("key_id")?,
            previous,
        })
    });
    Ok(row.optional()?)
}

/// Whether any is kept.
pub fn any(connection: &Connection) -> Result<bool, StoreError> {
    let sql = "SELECT EXISTS (SELECT 1 FROM challenge_tokens)";
    Ok(connection.query_row(sql, [], |row| row.get(0))?)
}

#[cfg(test)]
mod tests {
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
        assert_eq!(get(&connection, &record.slug).unwrap(), None);
        assert!(!any(&connection).unwrap());
        let before = PreviousToken {
            sealed: vec![1],
            key_id: "k".into(),
            until: UnixSeconds(7),
        };
        for (sealed, previous) in [(vec![1], None), (vec![2, 3], Some(before)), (vec![4], None)] {
            let row = TokenRow {
                sealed,
                key_id: "k".into(),
                previous,
            };
            put(&connection, &record.slug, &row).unwrap();
            assert_eq!(get(&connection, &record.slug).unwrap(), Some(row));
        }
        assert!(any(&connection).unwrap());
        assert!(challenges::delete(&connection, &record.slug).unwrap());
        assert!(!any(&connection).unwrap());
    }
}
