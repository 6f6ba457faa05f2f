//! Several statements that happen together or not at all.

use super::{DatabaseError, Params, Row, border};

/// A transaction. Dropped before its [`commit`](Self::commit), or ended with its call, it is rolled back.
#[derive(Debug)]
#[must_use = "what is not committed is rolled back"]
pub struct Transaction {
    inner: border::Transaction,
}

impl Transaction {
    pub(super) fn new(inner: border::Transaction) -> Self {
        Self { inner }
    }

    /// As [`Database::execute`](super::Database::execute).
    pub fn execute(&self, sql: &str, params: impl Params) -> Result<u64, DatabaseError> {
        Ok(self.inner.execute(sql, params.into_parameters()?)?.rows)
    }

    /// As [`Database::insert`](super::Database::insert).
    pub fn insert(&self, sql: &str, params: impl Params) -> Result<i64, DatabaseError> {
        self.inner.execute(sql, params.into_parameters()?)?.rowid()
    }

    /// As [`Database::query_row`](super::Database::query_row), and sees what the transaction has changed.
    pub fn query_row<T>(
        &self,
        sql: &str,
        params: impl Params,
        read: impl FnOnce(&Row<'_>) -> Result<T, DatabaseError>,
    ) -> Result<T, DatabaseError> {
        self.inner.query(sql, params.into_parameters()?)?.first(read)
    }

    /// As [`Database::query_map`](super::Database::query_map), and sees what the transaction has changed.
    pub fn query_map<T>(
        &self,
        sql: &str,
        params: impl Params,
        read: impl FnMut(&Row<'_>) -> Result<T, DatabaseError>,
    ) -> Result<Vec<T>, DatabaseError> {
        self.inner.query(sql, params.into_parameters()?)?.all(read)
    }

    /// Runs a script of statements. When one fails, those before it have happened: roll back, or commit them.
    pub fn execute_batch(&self, sql: &str) -> Result<(), DatabaseError> {
        self.inner.script(sql)
    }

    /// Makes it last, also through a loss of power.
    pub fn commit(self) -> Result<(), DatabaseError> {
        self.inner.commit()
    }

    /// Undoes it.
    pub fn rollback(self) -> Result<(), DatabaseError> {
        self.inner.rollback()
    }
}
