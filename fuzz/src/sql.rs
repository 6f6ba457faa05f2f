//! A challenge's database as a guest may ask it: any value, any SQL. Values come back as they went in; whatever is asked,
//! the host's own keys in the same file are as they were, and the next one is answered.

use std::{
    cell::RefCell,
    time::{Duration, Instant},
};

use arbitrary::Arbitrary;
use platform_state::{
    Bounds, Bucket, Database, Kind, Parameters, Patience, SqlError, SqlLimits, Transaction, Value,
};
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};

/// What a guest does.
#[derive(Arbitrary, Debug)]
pub enum Step {
    /// Sends values, and stores them.
    Values(Vec<Sent>),
    /// Runs a statement with these, by position.
    Execute(String, Vec<Sent>),
    /// The same for its rows, by name.
    Query(String, Vec<(String, Sent)>),
    /// Runs a script, in a transaction that is left open.
    Script(String),
}

/// A value of each type.
#[derive(Arbitrary, Clone, Debug)]
pub enum Sent {
    /// `NULL`
    Null,
    /// `INTEGER`
    Integer(i64),
    /// `REAL`
    Real(f64),
    /// `TEXT`
    Text(String),
    /// `BLOB`
    Blob(Vec<u8>),
}

const LIMITS: SqlLimits = SqlLimits {
    database: 4 << 20,
    sql: 16 << 10,
    value: 64 << 10,
    rows: 1_000,
    result: 1 << 20,
    memory: 32 << 20,
    readers: 2,
};
/// Of one statement. Functions go through values without a look at the clock, so some of them take a little longer.
const TIME: Duration = Duration::from_millis(50);
/// All that is overrun, on a busy machine.
const LONGEST: Duration = Duration::from_secs(5);
/// What the host keeps beside the guest's tables.
const GUARD: &[u8] = b"of the host";
/// `SQLITE_FULL`
const FULL: i32 = 13;

struct Given {
    runtime: Runtime,
    database: Database,
    guard: Bucket,
    /// What [`Given::names`] tells at the beginning.
    names: Vec<Value>,
    _dir: TempDir,
}

thread_local! {
    /// Opening one for each input would be most of the work.
    static GIVEN: RefCell<Option<Given>> = const { RefCell::new(None) };
}

/// Does the steps, one after the other.
pub fn check(steps: Vec<Step>) {
    GIVEN.with_borrow_mut(|kept| {
        let mut given = kept.take().unwrap_or_else(Given::new);
        for step in steps {
            let began = Instant::now();
            let full = given.step(step);
            assert!(began.elapsed() < LONGEST, "{:?}", began.elapsed());
            given.check();
            if full {
                given = Given::new();
            }
        }
        *kept = Some(given);
    });
}

impl Given {
    fn new() -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
        let database = Database::open(&dir.path().join("database.sqlite3"), &LIMITS).expect("a database");
        let guard = Bucket::open(&database, "guard").expect("a bucket");
        runtime
            .block_on(guard.set("key", GUARD, bounds()))
            .expect("the host writes");
        let mut given = Self {
            runtime,
            database,
            guard,
            names: Vec::new(),
            _dir: dir,
        };
        given.names = given.names();
        given
    }

    /// Whether the database is full.
    fn step(&self, step: Step) -> bool {
        let database = &self.database;
        let done = match step {
            Step::Values(values) => {
                let values: Vec<_> = values.into_iter().take(64).map(Value::from).collect();
                self.round_trip(&values)
            }
            Step::Execute(sql, values) => {
                let parameters = Parameters::Positional(values.into_iter().map(Value::from).collect());
                self.runtime
                    .block_on(database.execute(&sql, &parameters, bounds()))
                    .map(drop)
            }
            Step::Query(sql, values) => {
                let values = values.into_iter().map(|(name, value)| (name, value.into()));
                let parameters = Parameters::Named(values.collect());
                self.runtime
                    .block_on(database.query(&sql, &parameters, bounds()))
                    .map(drop)
            }
            Step::Script(sql) => self.begin().and_then(|open| open.script(&sql, bounds())),
        };
        done.is_err_and(|error| error.code == FULL)
    }

    fn begin(&self) -> Result<Transaction, SqlError> {
        let begun = self.database.begin(Kind::Write, bounds(), Patience::Wait);
        self.runtime.block_on(begun)
    }

    /// Through a statement and through a table, in a transaction that is not committed.
    fn round_trip(&self, values: &[Value]) -> Result<(), SqlError> {
        let open = self.begin()?;
        open.execute("CREATE TABLE round_trip (v ANY) STRICT", &none(), bounds())?;
        for value in values {
            let one = Parameters::Positional(vec![value.clone()]);
            let sent = open.query("SELECT ?1", &one, bounds())?;
            assert_eq!(sent.values, [stored(value)]);
            let insert = "INSERT INTO round_trip VALUES (?1)";
            assert_eq!(open.execute(insert, &one, bounds())?.rows, 1);
        }
        let all = open.query("SELECT v FROM round_trip ORDER BY rowid", &none(), bounds())?;
        let expected: Vec<_> = values.iter().map(stored).collect();
        assert_eq!(all.values, expected);
        Ok(())
    }

    /// Nothing of what was done reaches the host's own tables or takes their names, nothing is beside the quota, and the
    /// database answers.
    fn check(&self) {
        let kept = self.runtime.block_on(self.guard.get("key", bounds()));
        assert_eq!(kept.expect("the host reads").as_deref(), Some(GUARD));
        let one = self.runtime.block_on(self.database.query("SELECT 1", &none(), bounds()));
        let one = one.expect("it answers").expect("it reads");
        assert_eq!(one.values, [Value::Integer(1)]);
        assert_eq!(self.names(), self.names);
    }

    /// How many things have a name of the host's, and how many are temporary, on the connection that writes.
    fn names(&self) -> Vec<Value> {
        let names = "SELECT count(*), (SELECT count(*) FROM sqlite_temp_schema) FROM sqlite_schema \
                     WHERE lower(name) GLOB 'platform_*'";
        let none = none();
        let names = self.database.query_and_write(names, &none, bounds());
        self.runtime.block_on(names).expect("the host reads").values
    }
}

fn bounds() -> Bounds {
    Bounds::wall(TIME)
}

fn none() -> Parameters {
    Parameters::Positional(Vec::new())
}

/// SQLite has no not-a-number.
fn stored(value: &Value) -> Value {
    match value {
        Value::Real(number) if number.is_nan() => Value::Null,
        other => other.clone(),
    }
}

impl From<Sent> for Value {
    fn from(sent: Sent) -> Self {
        match sent {
            Sent::Null => Self::Null,
            Sent::Integer(number) => Self::Integer(number),
            Sent::Real(number) => Self::Real(number),
            Sent::Text(text) => Self::Text(text),
            Sent::Blob(bytes) => Self::Blob(bytes),
        }
    }
}
