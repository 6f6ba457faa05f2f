//! The database of a challenge, as an author uses it and tests it.

use platform_domain::Manifest;
use platform_guest_sdk::{
    Challenge,
    database::{Parameters, Value},
    prelude::*,
    testing::{Harness, get, post},
};

struct Scores;

#[challenge(
    name = "scores",
    migrations("migrations/0001_scores.sql", "migrations/0002_rounds.sql"),
    limits(database = "64MiB")
)]
impl Scores {
    #[post("/scores/{score}", signed)]
    fn add(request: &Request) -> Result<(u16, String)> {
        let hotkey = &request.signed_caller()?.hotkey;
        let score: f64 = request.param("score")?;
        let database = request.environment().database()?;
        match database.execute(INSERT, (hotkey, score)) {
            Err(error) if error.is_unique() => Err(Error::conflict("there is a score already")),
            other => Ok((201, other?.to_string())),
        }
    }

    #[get("/broken")]
    fn broken(request: &Request) -> Result<()> {
        let transaction = request.environment().database()?.transaction()?;
        transaction.execute(INSERT, ("5Nobody", 1))?;
        Err(Error::conflict("changed my mind"))
    }

    #[weights]
    fn weights(context: &WeightsContext) -> Result<Weights> {
        let sql = "SELECT hotkey, score FROM scores ORDER BY hotkey";
        let read = |row: &Row<'_>| Ok((row.get::<String>("hotkey")?, row.get("score")?));
        Weights::from_scores(context.environment().database()?.query_map(sql, [], read)?)
    }
}

const INSERT: &str = "INSERT INTO scores (hotkey, score) VALUES (?1, ?2)";
const COUNT: &str = "SELECT count(*) FROM scores";

fn environment() -> Environment {
    Harness::<Scores>::new().environment()
}

fn count(database: &Database) -> Result<u32, DatabaseError> {
    database.query_row(COUNT, [], |row| row.get(0))
}

#[test]
fn what_a_request_has_written_the_next_one_finds() {
    let scores = Harness::<Scores>::new();
    let add = |hotkey: &str, score: &str| {
        let request = post(&format!("/scores/{score}")).caller(hotkey, None);
        scores.send(request).status()
    };
    for (hotkey, score, status) in [
        ("5Alice", "0.5", 201),
        ("5Bob", "2", 201),
        ("5Alice", "3", 409),
        ("5Bob", "NaN", 500),
    ] {
        assert_eq!(add(hotkey, score), status, "{hotkey}");
    }
    assert_eq!(scores.send(get("/broken")).status(), 409);
    let weights = scores.weights(&scores.moment()).unwrap();
    assert_eq!(
        weights.entries(),
        [("5Alice".to_owned(), 0.5), ("5Bob".to_owned(), 2.0)]
    );
    assert_eq!(count(&scores.environment().database().unwrap()), Ok(2));
    assert_eq!(
        count(&environment().database().unwrap()),
        Ok(0),
        "every harness has its own"
    );
    let nowhere = Environment::default().database().unwrap_err().to_string();
    assert!(nowhere.contains("testing::Harness"), "{nowhere}");
}

#[test]
fn requests_that_write_at_the_same_time_wait_for_each_other() {
    let scores = Harness::<Scores>::new();
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let scores = &scores;
            scope.spawn(move || {
                for n in 0..25 {
                    let request = post("/scores/1").caller(&format!("5Miner{thread}-{n}"), None);
                    assert_eq!(scores.send(request).status(), 201);
                }
            });
        }
    });
    assert_eq!(count(&scores.environment().database().unwrap()), Ok(100));
}

#[test]
fn the_host_finds_the_migrations_in_the_manifest() {
    let manifest = Manifest::parse(Scores::MANIFEST.as_bytes()).unwrap();
    assert_eq!(manifest.migrations, Scores::MIGRATIONS);
    assert!(Scores::MIGRATIONS[1].contains("CREATE TABLE rounds"));
    assert_eq!(manifest.limits.database.unwrap().0, 64 << 20);
}

#[test]
fn a_transaction_happens_when_it_is_committed_and_not_otherwise() {
    let environment = environment();
    let database = environment.database().unwrap();
    let begin = || {
        let transaction = database.transaction().unwrap();
        assert_eq!(transaction.execute(INSERT, ("5Alice", 1)).unwrap(), 1);
        let seen: u32 = transaction.query_row(COUNT, [], |row| row.get(0)).unwrap();
        assert_eq!(
            (seen, count(&database)),
            (1, Ok(0)),
            "only inside before the commit"
        );
        transaction
    };
    drop(begin());
    begin().rollback().unwrap();
    let transaction = begin();
    for error in [
        database.execute(INSERT, ("5Bob", 1)).err(),
        database.execute_batch("DELETE FROM scores").err(),
        database
            .query_row("DELETE FROM scores RETURNING 1", [], |_| Ok(()))
            .err(),
        database.transaction().err(),
    ] {
        assert_eq!(
            error.and_then(|error| error.code()),
            Some(21),
            "it would wait for itself"
        );
    }
    transaction.commit().unwrap();
    assert_eq!(count(&database), Ok(1));

    let reading = database.read_transaction().unwrap();
    let seen = || {
        reading
            .query_map("SELECT hotkey FROM scores", [], |row| row.get::<String>(0))
            .unwrap()
    };
    assert_eq!(seen(), ["5Alice"]);
    database.execute(INSERT, ("5Bob", 1)).unwrap();
    assert_eq!(seen(), ["5Alice"], "one state of the database");
    for error in [
        reading.execute("DELETE FROM scores", []).err(),
        reading.execute_batch("DELETE FROM scores").err(),
        reading
            .query_row("DELETE FROM scores RETURNING 1", [], |_| Ok(()))
            .err(),
    ] {
        assert_eq!(error.and_then(|error| error.code()), Some(8));
    }
}

#[test]
fn what_follows_in_a_transaction_that_sqlite_ended_does_not_happen_by_itself() {
    let environment = environment();
    let database = environment.database().unwrap();
    let transaction = database.transaction().unwrap();
    transaction.execute(INSERT, ("5Alice", 1)).unwrap();
    let or_rollback = INSERT.replace("INSERT", "INSERT OR ROLLBACK");
    assert!(
        transaction
            .execute(&or_rollback, ("5Alice", 1))
            .unwrap_err()
            .is_unique()
    );
    assert_eq!(
        transaction.execute(INSERT, ("5Bob", 1)).unwrap_err().code(),
        Some(516)
    );
    assert!(transaction.commit().is_err());
    assert_eq!(count(&database), Ok(0));
}

#[test]
fn a_cursor_goes_through_any_number_of_rows() {
    let environment = environment();
    let database = environment.database().unwrap();
    let numbers = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < ?1) \
                   SELECT x, 'row' AS name FROM n";
    for most in [1, 255, 256, 257, 1000] {
        let mut cursor = database.cursor(numbers, [most]).unwrap();
        assert_eq!(cursor.columns(), ["x", "name"]);
        let mut rows = 0;
        while let Some(row) = cursor.next().unwrap() {
            rows += 1;
            assert_eq!((row.get("X"), row.get::<&str>(1)), (Ok(rows), Ok("row")));
        }
        assert_eq!(rows, most);
        assert!(cursor.next().unwrap().is_none());
    }
    let mut endless = database.cursor(numbers, [i64::MAX]).unwrap();
    assert!(endless.next().unwrap().is_some());
    let mut broken = database.cursor("SELECT CAST(x'ff' AS TEXT) AS bad", []).unwrap();
    let message = broken.next().unwrap_err().to_string();
    assert!(message.contains("read it with CAST(bad AS BLOB)"), "{message}");
    let third = database.cursor("SELECT 1", []).unwrap_err().to_string();
    assert!(third.contains("at most 2 cursors"), "{third}");
    drop(broken);
    for (sql, code) in [("SELEC 1", 1), ("DELETE FROM scores", 21), ("SELECT ?1", 25)] {
        let error = database.cursor(sql, []).err();
        assert_eq!(error.and_then(|error| error.code()), Some(code), "{sql}");
    }
}

#[test]
fn a_statement_says_what_it_has_done() {
    let environment = environment();
    let database = environment.database().unwrap();
    let insert = "INSERT OR IGNORE INTO rounds (number, data) VALUES (?1, ?2)";
    assert_eq!(database.insert(insert, params![7, None::<f64>]), Ok(7));
    assert_eq!(database.insert(insert, (7, "again")).optional(), Ok(None));
    assert_eq!(database.insert(insert, (None::<i64>, "next")), Ok(8));
    assert_eq!(database.execute("UPDATE rounds SET data = number", []), Ok(2));
    assert_eq!(database.execute("SELECT 1", []), Ok(0));
    let none = database.query_row("SELECT 1 FROM rounds WHERE number = 9", [], |row| {
        row.get::<i64>(0)
    });
    assert_eq!(none, Err(DatabaseError::NoRows));
    let returned = database.query_map("DELETE FROM rounds RETURNING number", [], |row| {
        row.get::<u8>("number")
    });
    assert_eq!(returned, Ok(vec![7, 8]));
    database
        .execute_batch("INSERT INTO rounds (number) VALUES (1); INSERT INTO nowhere VALUES (1)")
        .unwrap_err();
    let rounds: i64 = database
        .query_row("SELECT count(*) FROM rounds", [], |row| row.get(0))
        .unwrap();
    assert_eq!(rounds, 0, "a script happens as a whole");
}

#[test]
fn parameters_are_given_in_many_ways_and_all_of_them_are() {
    let environment = environment();
    let database = environment.database().unwrap();
    let sql = "SELECT :a - :b";
    let difference = |params: Parameters| database.query_row(sql, params, |row| row.get::<i64>(0));
    assert_eq!(database.query_row(sql, [3, 1], |row| row.get(0)), Ok(2));
    assert_eq!(database.query_row(sql, (3_u8, 1_i64), |row| row.get(0)), Ok(2));
    assert_eq!(database.query_row(sql, params![3, 1], |row| row.get(0)), Ok(2));
    assert_eq!(
        database.query_row(sql, named_params! { ":b": 1, ":a": 3 }, |row| row.get(0)),
        Ok(2)
    );
    assert_eq!(
        difference(Parameters::Positional(vec![Value::Integer(3), Value::Integer(1)])),
        Ok(2)
    );
    for (wrong, says) in [
        (database.execute(sql, ()), "2 parameters, 0 values"),
        (database.execute(sql, [1, 2, 3]), "2 parameters, 3 values"),
        (
            database.execute(sql, named_params! { ":a": 1, ":a": 1 }),
            "given twice",
        ),
        (
            database.execute(sql, named_params! { ":a": 1, "b": 1 }),
            "no parameter \"b\"",
        ),
        (
            database.execute(sql, (1, u64::MAX)),
            "parameter 2: 18446744073709551615 is more than",
        ),
        (
            database.execute(sql, named_params! { ":a": u64::MAX }),
            "parameter :a: 1844",
        ),
    ] {
        let error = wrong.unwrap_err().to_string();
        assert!(error.contains(says), "{error}");
    }
}

#[test]
fn an_error_has_the_code_and_the_words_of_the_host() {
    let environment = environment();
    let database = environment.database().unwrap();
    database.execute(INSERT, ("5Alice", 1)).unwrap();
    for (sql, code, says) in [
        ("SELEC 1", 1, "syntax error at byte 0"),
        ("SELECT \"x\"", 1, "no such column"),
        ("SELECT 1; SELECT 2", 21, "execute_batch"),
        ("SELECT 1\0", 21, "a NUL in the SQL at byte 8"),
        ("SAVEPOINT s", 21, "needs a transaction"),
        (
            "INSERT INTO scores VALUES ('5Alice', 1)",
            1555,
            "UNIQUE constraint failed: scores.hotkey",
        ),
        (
            "INSERT INTO scores VALUES ('5Bob', NULL)",
            1299,
            "NOT NULL constraint failed",
        ),
        (
            "INSERT INTO scores VALUES ('5Bob', 'x')",
            3091,
            "cannot store TEXT value in REAL column",
        ),
        (
            "INSERT INTO rounds VALUES (1, '5Bob', 1)",
            787,
            "FOREIGN KEY constraint failed",
        ),
        ("BEGIN", 23, "a transaction is begun by its function"),
        ("ATTACH 'x' AS y", 23, "ATTACH"),
        ("CREATE TEMP TABLE t (a)", 23, "a temporary table"),
        ("CREATE VIRTUAL TABLE t USING fts5(a)", 23, "a virtual table"),
        ("SELECT * FROM platform_kv", 23, "platform_"),
        (
            "PRAGMA journal_mode = DELETE",
            23,
            "PRAGMA journal_mode with a value",
        ),
    ] {
        let error = database.execute(sql, []).unwrap_err();
        assert_eq!(error.code(), Some(code), "{sql}: {error}");
        assert!(error.to_string().contains(says), "{sql}: {error}");
        assert_eq!(error.is_constraint(), code & 0xff == 19, "{sql}");
        assert_eq!(error.is_unique(), code == 1555, "{sql}");
        assert_eq!(error.is_denied(), code == 23, "{sql}");
    }
    assert_eq!(count(&database), Ok(1));
}
