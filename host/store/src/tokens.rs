//! The table of challenges' tokens, sealed: what is inside is known above, and never here.

use platform_domain::Slug;
use rusqlite::{Connection, OptionalExtension as _, params};

use crate::StoreError;

/// The token of a challenge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenRow {
    /// The token, sealed.
    pub sealed: Vec<u8>,
    /// Which key sealed it.
    pub key_id: String,
}

/// Writes the token of a challenge in place of the one before.
pub fn put(connection: &Connection, slug: &Slug, row: &TokenRow) -> Result<(), StoreError> {
    let TokenRow { sealed, key_id } = row;
    let sql = "INSERT OR REPLACE INTO challenge_tokens (slug, sealed, key_id) VALUES (?1, ?2, ?3)";
    connection
        .prepare_cached(sql)?
        .execute(params![slug.as_str(), sealed, key_id])?;
    Ok(())
}

/// The token of a challenge, if it is kept.
pub fn get(connection: &Connection, slug: &Slug) -> Result<Option<TokenRow>, StoreError> {
    let sql = "SELECT sealed, key_id FROM challenge_tokens WHERE slug = ?1";
    let row = connection.prepare_cached(sql)?.query_row([slug.as_str()], |row| {
        Ok(TokenRow {
            sealed: row.get("sealed")?,
            key_id: row.get("key_id")?,
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
        for sealed in [vec![1], vec![2, 3]] {
            let row = TokenRow {
                sealed,
                key_id: "k".into(),
            };
            put(&connection, &record.slug, &row).unwrap();
            assert_eq!(get(&connection, &record.slug).unwrap(), Some(row));
        }
        assert!(any(&connection).unwrap());
        assert!(challenges::delete(&connection, &record.slug).unwrap());
        assert!(!any(&connection).unwrap());
    }
}
