//! The challenge's own schema: a list of migrations that only grows, each applied once and in order before a version
//! of the challenge that brings it answers anybody.

use std::time::Duration;

use sha2::{Digest as _, Sha256};

use crate::{Bounds, Database, Patience, SqlError, StateError, Transaction, transaction::Kind};

/// What is to become of the migrations that are applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rehearsal {
    /// They are undone again: it was to be seen whether they work.
    Undo,
    /// They stay.
    Keep,
}

impl Database {
    /// Brings the schema to where `migrations` ends, all missing steps or none, and says how many there were. What was
    /// applied before must be the beginning of the list, or the list the beginning of that: an older version of the
    /// challenge runs on a newer schema. Waits for the transaction that is being written.
    pub async fn migrate(
        &self,
        migrations: &[String],
        time: Duration,
        rehearsal: Rehearsal,
    ) -> Result<usize, StateError> {
        let bounds = Bounds::wall(time);
        if self.applied(migrations, bounds).await? >= migrations.len() {
            return Ok(0);
        }
        let begun = tokio::time::timeout(time, self.begin(Kind::Write, bounds, Patience::Wait)).await;
        let late = |_| SqlError::new(rusqlite::ffi::SQLITE_BUSY, "another transaction is being written");
        let transaction = begun
            .map_err(late)
            .and_then(|begun| begun)
            .map_err(StateError::History)?;
        let applied = check(&transaction, migrations, bounds)?;
        let missing = migrations.get(applied..).unwrap_or_default();
        for (index, sql) in missing.iter().enumerate() {
            let number = applied + index + 1;
            let step = transaction
                .script(sql, bounds)
                .and_then(|()| transaction.remember(number, sql, bounds));
            step.map_err(|source| StateError::Migration {
                number,
                all: migrations.len(),
                source,
            })?;
        }
        match rehearsal {
            Rehearsal::Undo => transaction.roll_back(),
            Rehearsal::Keep => transaction.commit(bounds),
        }
        .map_err(StateError::History)?;
        Ok(missing.len())
    }

    /// How many migrations were applied.
    async fn applied(&self, migrations: &[String], bounds: Bounds) -> Result<usize, StateError> {
        let reading = self
            .begin(Kind::Read, bounds, Patience::Wait)
            .await
            .map_err(StateError::History)?;
        check(&reading, migrations, bounds)
    }
}

/// Compares what was applied with what there is, and says how many were applied.
fn check(transaction: &Transaction, migrations: &[String], bounds: Bounds) -> Result<usize, StateError> {
    let applied = transaction.history(bounds).map_err(StateError::History)?;
    for (index, (before, now)) in applied.iter().zip(migrations).enumerate() {
        if before[..] != Sha256::digest(now)[..] {
            return Err(StateError::MigrationChanged { number: index + 1 });
        }
    }
    Ok(applied.len())
}
