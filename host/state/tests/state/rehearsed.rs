//! An author's tests run over a database of the SDK, which is to refuse what the host refuses, and nothing else.

use std::collections::BTreeSet;

use platform_guest_sdk::{prelude::*, testing::Harness};
use platform_state::{Kind, Patience, SqlError};

use crate::given::{Given, LIMITS, given, none, soon};

struct Author;

#[challenge(name = "author")]
impl Author {
    #[any]
    fn any(_: &Request) -> Result<()> {
        Ok(())
    }
}

const SCHEMA: &str = "
    CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT UNIQUE);
    CREATE TABLE child (a INTEGER REFERENCES t (a));
    CREATE INDEX i ON child (a);
    CREATE VIEW v AS SELECT a FROM t;
    CREATE TRIGGER g AFTER INSERT ON t BEGIN INSERT INTO child VALUES (new.a); END;
    INSERT INTO t VALUES (1, 'x');";

/// Each with whether both take it.
const STATEMENTS: &[(&str, bool)] = &[
    ("SELECT 1", true),
    ("SELECT count(*) FROM t", true),
    ("INSERT INTO t (b) VALUES ('y')", true),
    ("INSERT INTO t (b) VALUES ('x')", false),
    ("INSERT OR REPLACE INTO t (b) VALUES ('y')", true),
    (
        "INSERT INTO t (b) VALUES ('x') ON CONFLICT DO UPDATE SET b = 'z' RETURNING a",
        true,
    ),
    ("UPDATE t SET b = 'y' RETURNING *", true),
    ("DELETE FROM t", false),
    ("DELETE FROM child", true),
    ("INSERT INTO child VALUES (7)", false),
    (
        "WITH n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 9) SELECT * FROM n",
        true,
    ),
    ("EXPLAIN SELECT * FROM t", true),
    ("EXPLAIN QUERY PLAN SELECT * FROM t", true),
    ("VALUES (1), (2)", true),
    ("CREATE TABLE x (a)", true),
    ("CREATE TABLE IF NOT EXISTS t (a)", true),
    ("CREATE TABLE x AS SELECT * FROM t", true),
    ("CREATE TABLE x (a) STRICT", false),
    ("CREATE TABLE x (a INTEGER) STRICT", true),
    ("CREATE TABLE x (a INTEGER PRIMARY KEY AUTOINCREMENT)", true),
    ("CREATE UNIQUE INDEX x ON t (b, a)", true),
    ("CREATE INDEX x ON t (lower(b)) WHERE a > 1", true),
    ("CREATE VIEW x AS SELECT * FROM v", true),
    (
        "CREATE TRIGGER x INSTEAD OF INSERT ON v BEGIN SELECT 1; END",
        true,
    ),
    ("ALTER TABLE t RENAME TO x", true),
    ("ALTER TABLE t RENAME COLUMN b TO c", true),
    ("ALTER TABLE t ADD COLUMN c DEFAULT 7", true),
    ("ALTER TABLE child DROP COLUMN a", false),
    ("DROP TRIGGER g", true),
    ("DROP VIEW v", true),
    ("DROP INDEX i", true),
    ("DROP TABLE child", true),
    ("DROP TABLE none", false),
    ("ANALYZE", true),
    ("ANALYZE t", true),
    ("REINDEX", true),
    ("REINDEX i", true),
    ("VACUUM", false),
    ("VACUUM INTO '/tmp/x'", false),
    ("ATTACH ':memory:' AS x", false),
    ("ATTACH 'x.sqlite3' AS x", false),
    ("DETACH main", false),
    ("BEGIN", false),
    ("BEGIN IMMEDIATE", false),
    ("COMMIT", false),
    ("END", false),
    ("ROLLBACK", false),
    ("CREATE TEMP TABLE x (a)", false),
    ("CREATE TEMP VIEW x AS SELECT 1", false),
    (
        "CREATE TEMP TRIGGER x AFTER INSERT ON t BEGIN SELECT 1; END",
        false,
    ),
    ("CREATE TABLE temp.x (a)", false),
    ("CREATE TABLE TEMP.x AS SELECT 1", false),
    ("CREATE VIEW temp.x AS SELECT 1", false),
    ("CREATE INDEX temp.x ON t (a)", false),
    (
        "CREATE TRIGGER temp.x AFTER INSERT ON t BEGIN SELECT 1; END",
        false,
    ),
    ("PRAGMA temp.user_version = 7", false),
    ("INSERT INTO sqlite_temp_schema VALUES (1, 2, 3, 4, 5)", false),
    ("UPDATE sqlite_temp_schema SET sql = ''", false),
    ("CREATE VIRTUAL TABLE x USING fts5(a)", false),
    ("CREATE VIRTUAL TABLE x USING rtree(a, b, c)", false),
    ("CREATE VIRTUAL TABLE x USING dbstat", false),
    ("SELECT * FROM json_each('[1, 2]')", true),
    ("SELECT count(*) FROM dbstat", true),
    ("SELECT * FROM pragma_table_info('t')", true),
    ("SELECT * FROM pragma_database_list", false),
    ("SELECT * FROM pragma_user_version", true),
    ("SELECT * FROM sqlite_schema", true),
    ("SELECT * FROM sqlite_temp_schema", true),
    ("UPDATE sqlite_schema SET sql = ''", false),
    ("INSERT INTO sqlite_schema VALUES (1, 2, 3, 4, 5)", false),
    ("DELETE FROM sqlite_schema", false),
    ("DROP TABLE sqlite_schema", false),
    ("CREATE TABLE sqlite_x (a)", false),
    ("CREATE TABLE platform_x (a)", false),
    ("CREATE TABLE PLATFORM_x (a)", false),
    ("CREATE TABLE platformx (a)", true),
    ("CREATE INDEX platform_x ON t (a)", false),
    ("CREATE VIEW platform_x AS SELECT 1", false),
    (
        "CREATE TRIGGER platform_x AFTER INSERT ON t BEGIN SELECT 1; END",
        false,
    ),
    ("ALTER TABLE t RENAME TO platform_x", false),
    ("ALTER TABLE t/**/RENAME/*x*/TO\n[Platform_X]", false),
    ("ALTER TABLE t RENAME TO platform", true),
    ("ALTER TABLE t RENAME TO my_platform", true),
    ("SELECT * FROM platform_blobs", false),
    ("SELECT count(*) FROM platform_blobs", false),
    (
        "SELECT a FROM t WHERE EXISTS (SELECT 1 FROM Platform_blobs)",
        false,
    ),
    ("DELETE FROM platform_blobs", false),
    ("DROP TABLE platform_blobs", false),
    ("PRAGMA table_info(platform_blobs)", true),
    ("SELECT 'platform_blobs'", true),
    ("SELECT 1 AS platform_x", true),
    ("SELECT \"text\"", false),
    ("SELECT load_extension('x')", false),
    ("SELECT fts3_tokenizer('x')", false),
    ("SELECT sqlite_version()", true),
    (
        "SELECT random(), changes(), last_insert_rowid(), total_changes()",
        true,
    ),
    (
        "SELECT instr('abc', 'b'), replace('abc', 'b', 'x'), trim(' x '), ltrim('x', 'x'), rtrim('x')",
        true,
    ),
    ("SELECT instr('abc')", false),
    ("SELECT none(1)", false),
    (
        "SELECT json_extract('{\"a\":1}', '$.a'), '{\"a\":1}' ->> 'a'",
        true,
    ),
    ("SELECT strftime('%Y', 'now'), unixepoch()", true),
    ("SELECT sum(a) OVER (ORDER BY a) FROM t", true),
    ("SELECT group_concat(b), string_agg(b, ',') FROM t", true),
    ("SELECT 'a' REGEXP 'a'", false),
    ("SELECT 'a' MATCH 'a'", false),
    ("SELECT 'a' LIKE 'A', 'a' GLOB 'a'", true),
    ("SELECT 1; SELECT 2", false),
    ("", false),
    ("-- nothing", false),
    ("nonsense", false),
    ("SELECT ?1", false),
];

/// What it is refused with, if it is: the code, and of a rule the words as well.
type Refusal = Option<(i32, String)>;

fn theirs(error: Option<SqlError>) -> Refusal {
    error.map(|error| (error.primary(), shown(error.code, error.message)))
}

fn ours(error: Option<DatabaseError>) -> Refusal {
    let error = error?;
    let code = error.code().unwrap_or_else(|| panic!("{error:?}"));
    let message = match error {
        DatabaseError::Sqlite { message, .. } => message,
        other => panic!("{other:?}"),
    };
    Some((code & 0xff, shown(code, message)))
}

/// Only of what is not allowed it matters which words an author reads.
fn shown(code: i32, message: String) -> String {
    match code & 0xff {
        23 => message,
        _ => String::new(),
    }
}

/// The same database twice.
struct Pair {
    host: Given,
    sdk: Database,
}

/// How a statement is run.
const WAYS: [&str; 4] = [
    "executed",
    "queried",
    "as a script",
    "in a transaction that reads",
];

impl Pair {
    async fn new() -> Self {
        let host = given(LIMITS);
        host.script(SCHEMA).await.unwrap();
        let sdk = Harness::<Author>::new().environment().database().unwrap();
        sdk.execute_batch(SCHEMA).unwrap();
        Self { host, sdk }
    }

    /// What it is refused with, in this way, here and there.
    async fn refusal(&self, way: &str, sql: &str) -> Refusal {
        let Self { host, sdk } = self;
        let (there, here) = match way {
            "executed" => (host.execute(sql, none()).await.err(), sdk.execute(sql, []).err()),
            "queried" => (
                host.query(sql, none()).await.err(),
                sdk.query_map(sql, [], |_| Ok(())).err(),
            ),
            "as a script" => (host.script(sql).await.err(), sdk.execute_batch(sql).err()),
            _ => {
                let reading = host
                    .database
                    .begin(Kind::Read, soon(), Patience::Wait)
                    .await
                    .unwrap();
                let here = sdk.read_transaction().unwrap();
                (
                    reading.query(sql, &none(), soon()).err(),
                    here.query_map(sql, [], |_| Ok(())).err(),
                )
            }
        };
        let (there, here) = (theirs(there), ours(here));
        assert_eq!(there, here, "{sql:?}, {way}: the host and the SDK");
        there
    }
}

/// What this SQLite knows of something.
fn known(of: &str) -> Vec<String> {
    let sqlite = rusqlite::Connection::open_in_memory().unwrap();
    let mut names = sqlite.prepare(&format!("SELECT name FROM {of}")).unwrap();
    let names = names.query_map([], |row| row.get(0)).unwrap();
    names.collect::<Result<_, _>>().unwrap()
}

#[tokio::test]
async fn a_statement_is_taken_or_refused_as_in_the_host() {
    let mut otherwise = Vec::new();
    for (sql, taken) in STATEMENTS {
        for way in WAYS {
            let refusal = Pair::new().await.refusal(way, sql).await;
            if way == "executed" && refusal.is_none() != *taken {
                otherwise.push(format!("{sql}: {refusal:?}"));
            }
        }
    }
    assert!(otherwise.is_empty(), "{}", otherwise.join("\n"));
}

/// All that this SQLite knows, and some that it does not.
#[tokio::test]
async fn every_pragma_is_taken_or_refused_as_in_the_host() {
    let mut names: BTreeSet<String> = known("pragma_pragma_list").into_iter().collect();
    assert!(names.len() > 50, "{names:?}");
    names.extend(["nonsense", "Table_Info", "main.user_version", "temp.user_version"].map(str::to_owned));
    let (pair, mut taken) = (Pair::new().await, 0);
    for name in &names {
        for form in ["", " = 1", "('t')"] {
            let sql = format!("PRAGMA {name}{form}");
            for way in WAYS {
                taken += usize::from(pair.refusal(way, &sql).await.is_none());
            }
        }
    }
    assert!(
        (80..names.len() * WAYS.len()).contains(&taken),
        "{taken} of {}",
        names.len()
    );
}

/// Those that are there without having been made, but for `json_each` and the like, which SQLite first knows when they are
/// named.
#[tokio::test]
async fn every_virtual_table_is_taken_or_refused_as_in_the_host() {
    let (pair, mut taken) = (Pair::new().await, BTreeSet::new());
    for name in known("pragma_module_list") {
        let sql = format!("SELECT count(*) FROM {name}");
        if pair.refusal("queried", &sql).await.is_none() {
            taken.insert(name);
        }
    }
    taken.retain(|name| !name.starts_with("pragma_"));
    let taken: Vec<_> = taken.iter().map(String::as_str).collect();
    assert_eq!(taken, ["dbstat"]);
}
