//! A database in a directory of its own, and short ways to ask it.

use std::time::Duration;

use platform_state::{Bounds, Changes, Database, Parameters, Rows, SqlError, SqlLimits, Value};
use tempfile::TempDir;

pub(crate) struct Given {
    pub(crate) database: Database,
    pub(crate) dir: TempDir,
}

pub(crate) const LIMITS: SqlLimits = SqlLimits {
    database: 4 << 20,
    sql: 64 << 10,
    value: 1 << 20,
    rows: 1_000,
    result: 1 << 20,
    memory: 32 << 20,
    readers: 2,
};

pub(crate) fn soon() -> Bounds {
    Bounds::wall(Duration::from_secs(20))
}

pub(crate) fn given(limits: SqlLimits) -> Given {
    let dir = tempfile::tempdir().unwrap();
    let database = Database::open(&dir.path().join("state/database.sqlite3"), &limits).unwrap();
    Given { database, dir }
}

pub(crate) fn none() -> Parameters {
    Parameters::Positional(Vec::new())
}

pub(crate) fn values(values: impl Into<Vec<Value>>) -> Parameters {
    Parameters::Positional(values.into())
}

pub(crate) fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

impl Given {
    pub(crate) async fn execute(&self, sql: &str, parameters: Parameters) -> Result<Changes, SqlError> {
        self.database.execute(sql, &parameters, soon()).await
    }

    pub(crate) async fn query(&self, sql: &str, parameters: Parameters) -> Result<Rows, SqlError> {
        match self.database.query(sql, &parameters, soon()).await? {
            Some(rows) => Ok(rows),
            None => self.database.query_and_write(sql, &parameters, soon()).await,
        }
    }

    pub(crate) async fn script(&self, sql: &str) -> Result<(), SqlError> {
        self.database.script(sql, soon()).await
    }

    /// The only value of the only row.
    pub(crate) async fn one(&self, sql: &str) -> Value {
        let rows = self.query(sql, none()).await.unwrap();
        assert_eq!(rows.values.len(), 1, "{rows:?}");
        rows.values[0].clone()
    }
}
