//! The table of challenges' tokens, sealed: what is inside is known above, and never here.

use platform_domain::{Slug, TokenHash, UnixSeconds};
use rusqlite::{Connection, OptionalExtension as _, params};

use crate::{StoreError, columns::seconds};

/// The token of a challenge.
#[derive(Clone, Debug)]
pub struct TokenRow {
    /// The token, sealed.
    pub sealed: Vec<u8>,
    /// Which key sealed it.
    pub key_id: String,
    /// The one before it, as long as that counts too.
    pub previous: Option<PreviousToken>,
}

/// The token of a challenge before its last rotation.
#[derive(Clone, Debug)]
pub struct PreviousToken {
    /// The token, sealed.
    pub sealed: Vec<u8>,
    /// Which key sealed it.
    pub key_id: String,
    /// Its hash; `None` of a rotation by a version of the host that did not keep it.
    pub hash: Option<TokenHash>,
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
               (slug, sealed, key_id, previous, previous_key_id, previous_until, previous_hash) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
    connection.prepare_cached(sql)?.execute(params![
        slug.as_str(),
        sealed,
        key_id,
        previous.map(|previous| &previous.sealed),
        previous.map(|previous| &previous.key_id),
        until,
        previous.and_then(|previous| previous.hash.as_ref().map(|hash| *hash.as_bytes())),
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
                hash: row
                    .get::<_, Option<[u8; 32]>>("previous_hash")?
                    .map(TokenHash::from_bytes),
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
mod tests;
