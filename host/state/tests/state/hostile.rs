//! SQL of an enemy.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use platform_state::{Bounds, Kind, Patience, SqlLimits, Value};

use crate::given::{LIMITS, given, none, soon, values};

const FOR_EVER: &str =
    "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n";

#[tokio::test]
async fn sql_that_reaches_out_does_not_compile() {
    let given = given(LIMITS);
    given.script("CREATE TABLE t (a)").await.unwrap();
    for (sql, says) in [
        ("ATTACH '/etc/passwd' AS x", "ATTACH"),
        ("ATTACH ':memory:' AS x", "ATTACH"),
        ("DETACH main", "ATTACH"),
        ("VACUUM", ""),
        ("VACUUM INTO '/tmp/x'", ""),
        ("BEGIN", "BEGIN"),
        ("COMMIT", "BEGIN"),
        ("ROLLBACK", "BEGIN"),
        ("CREATE TEMP TABLE x (a)", "temporary"),
        ("CREATE TEMP VIEW x AS SELECT 1", "temporary"),
        ("CREATE TABLE temp.x (a)", "temporary"),
        ("CREATE VIEW temp.x AS SELECT 1", "temporary"),
        ("PRAGMA temp.user_version = 1", "temporary"),
        ("ALTER TABLE t RENAME TO \"Platform_t\"", "begins with platform_"),
        (
            "CREATE TEMP TRIGGER x AFTER INSERT ON t BEGIN SELECT 1; END",
            "temporary",
        ),
        ("CREATE VIRTUAL TABLE x USING fts5(a)", "virtual"),
        ("CREATE VIRTUAL TABLE x USING dbstat", "virtual"),
        ("SELECT load_extension('x')", "not authorized"),
        ("PRAGMA journal_mode = DELETE", "PRAGMA journal_mode with a value"),
        ("PRAGMA writable_schema = 1", "PRAGMA writable_schema"),
        ("PRAGMA max_page_count = 1000000", "PRAGMA max_page_count"),
        ("PRAGMA synchronous = 0", "PRAGMA"),
        ("PRAGMA foreign_keys = 0", "PRAGMA"),
        ("PRAGMA temp_store_directory = '/tmp'", "PRAGMA"),
        ("PRAGMA mmap_size = 1000000", "PRAGMA"),
        ("PRAGMA hard_heap_limit = 1", "PRAGMA"),
        ("PRAGMA wal_checkpoint", "PRAGMA"),
        ("PRAGMA database_list", "PRAGMA"),
        ("PRAGMA nonsense", "PRAGMA"),
        ("SELECT * FROM pragma_database_list", ""),
        ("UPDATE sqlite_schema SET sql = ''", ""),
        ("DROP TABLE sqlite_schema", ""),
        ("SELECT \"text\"", "no such column"),
    ] {
        for error in [
            given.execute(sql, none()).await.err(),
            given.query(sql, none()).await.err(),
        ] {
            let error = error.unwrap_or_else(|| panic!("{sql} is allowed"));
            assert!(error.message.contains(says), "{sql}: {error:?}");
            assert!(
                !error.message.contains(given.dir.path().to_str().unwrap()),
                "{error:?}"
            );
        }
    }
    for sql in [
        "PRAGMA user_version = 7",
        "PRAGMA table_info(t)",
        "PRAGMA integrity_check",
        "PRAGMA foreign_key_list('t')",
        "SELECT name FROM sqlite_schema",
        "SELECT * FROM pragma_table_info('t')",
        "ANALYZE",
        "REINDEX",
        "EXPLAIN QUERY PLAN SELECT * FROM t",
    ] {
        given
            .query(sql, none())
            .await
            .unwrap_or_else(|error| panic!("{sql}: {error:?}"));
    }
}

#[tokio::test]
async fn a_statement_that_never_ends_is_stopped_when_the_time_is_over() {
    static COMPUTED: AtomicBool = AtomicBool::new(false);
    let given = given(LIMITS);
    let soon_over = Bounds::wall(Duration::from_millis(30));
    let error = given
        .database
        .query(FOR_EVER, &none(), soon_over)
        .await
        .unwrap_err();
    assert_eq!(
        (error.code, error.message.as_str()),
        (9, "the call's time is over")
    );
    given.script("CREATE TABLE t (a)").await.unwrap();
    let filling = format!("INSERT INTO t {}", FOR_EVER.replace("count(*)", "x"));
    let writing = given
        .database
        .begin(Kind::Write, soon(), Patience::Wait)
        .await
        .unwrap();
    let filling = filling
        .replace("INSERT INTO t WITH", "WITH")
        .replace("SELECT x FROM n", "INSERT INTO t SELECT x FROM n");
    let error = writing.execute(&filling, &none(), soon_over).unwrap_err();
    assert_eq!(error.primary(), 9, "{error:?}");
    drop(writing);
    let computed = Bounds {
        computed_too_long: || COMPUTED.swap(true, Ordering::Relaxed),
        ..soon()
    };
    let error = given
        .database
        .query(FOR_EVER, &none(), computed)
        .await
        .unwrap_err();
    assert_eq!(error.message, "the call has computed for as long as it may");
    let cursor = given
        .database
        .cursor(FOR_EVER.into(), none(), soon(), Patience::Wait)
        .await
        .unwrap();
    let error = cursor
        .next(1, Bounds::wall(Duration::from_millis(30)))
        .await
        .unwrap_err();
    assert_eq!(error.code, 9);
    // And nothing of it is left.
    assert_eq!(given.one("SELECT count(*) FROM t").await, Value::Integer(0));
}

#[tokio::test]
async fn a_statement_takes_no_more_memory_than_it_may() {
    let given = given(LIMITS);
    given.script("CREATE TABLE t (a)").await.unwrap();
    let numbers = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 100000000)";
    for sql in [
        format!("{numbers} SELECT x FROM n ORDER BY -x"),
        format!("{numbers} SELECT count(*) FROM (SELECT DISTINCT x FROM n)"),
        format!("{numbers} SELECT count(*) FROM (SELECT randomblob(500000) AS b FROM n ORDER BY b)"),
        format!("{numbers} SELECT x % 1000000000, count(*) FROM n GROUP BY 1 LIMIT 1"),
        format!("{numbers} INSERT INTO t SELECT randomblob(500000) FROM n ORDER BY x"),
    ] {
        let error = given.execute(&sql, none()).await.unwrap_err();
        assert!(error.message.contains("memory"), "{sql}: {error:?}");
    }
    assert_eq!(given.one("SELECT count(*) FROM t").await, Value::Integer(0));
}

#[tokio::test]
async fn a_result_has_no_more_rows_and_bytes_than_it_may_and_a_cursor_goes_on() {
    let given = given(LIMITS);
    let rows = |most: u64| {
        format!(
            "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < {most}) SELECT x FROM n"
        )
    };
    assert_eq!(
        given
            .query(&rows(LIMITS.rows), none())
            .await
            .unwrap()
            .values
            .len() as u64,
        LIMITS.rows
    );
    let error = given.query(&rows(LIMITS.rows + 1), none()).await.unwrap_err();
    assert!(
        error.code == 18 && error.message.contains("1000 rows"),
        "{error:?}"
    );
    let wide = "SELECT zeroblob(600000) UNION ALL SELECT zeroblob(600000)";
    let error = given.query(wide, none()).await.unwrap_err();
    assert!(
        error.code == 18 && error.message.contains("1048576 bytes"),
        "{error:?}"
    );
    let several = given
        .database
        .cursor(rows(5000), none(), soon(), Patience::Wait)
        .await
        .unwrap();
    assert_eq!(
        several.next(u64::MAX, soon()).await.unwrap().len() as u64,
        LIMITS.rows
    );
    let wide = format!("{wide} UNION ALL SELECT zeroblob(600000)");
    let cursor = given
        .database
        .cursor(wide, none(), soon(), Patience::Wait)
        .await
        .unwrap();
    drop(several);
    let mut steps = Vec::new();
    loop {
        match cursor.next(10, soon()).await.unwrap().len() {
            0 => break,
            length => steps.push(length),
        }
    }
    assert_eq!(steps, [2, 1]);
    drop(cursor);
    let row = "SELECT zeroblob(600000), zeroblob(600000)";
    let cursor = given
        .database
        .cursor(row.into(), none(), soon(), Patience::Wait)
        .await
        .unwrap();
    assert_eq!(cursor.next(1, soon()).await.unwrap_err().code, 18);
}

#[tokio::test]
async fn what_sqlite_counts_is_bounded() {
    let given = given(LIMITS);
    let list = |item: &str, number: usize, between: &str| vec![item; number].join(between);
    let too_deep = format!("SELECT {}1{}", "(".repeat(3000), ")".repeat(3000));
    for (sql, code) in [
        (
            format!("SELECT 1 {}", "-- x\n".repeat(LIMITS.sql as usize / 4)),
            18,
        ),
        (format!("SELECT {}", list("1", 101, "+")), 1),
        (too_deep, 1),
        (list("SELECT 1", 51, " UNION ALL "), 1),
        (format!("SELECT {}", list("1", 257, ",")), 1),
        (format!("SELECT max({})", list("1", 65, ",")), 1),
        ("SELECT ?4097".to_owned(), 1),
        (format!("SELECT 'x' LIKE '{}'", "a".repeat(257)), 1),
        ("SELECT zeroblob(1048577)".to_owned(), 18),
        ("SELECT randomblob(1048577)".to_owned(), 18),
        (format!("SELECT * FROM {}", list("(SELECT 1)", 65, ",")), 1),
    ] {
        let error = given.query(&sql, none()).await.unwrap_err();
        let shown: String = sql.chars().take(60).collect();
        assert_eq!(error.primary(), code, "{shown}: {error:?}");
    }
    let error = given
        .script(&"SELECT 1;".repeat(LIMITS.sql as usize / 9 + 1))
        .await
        .unwrap_err();
    assert_eq!(error.code, 18);
    let large = values([Value::Blob(vec![0; LIMITS.value as usize + 1])]);
    assert_eq!(given.query("SELECT ?1", large).await.unwrap_err().code, 18);
}

#[tokio::test]
async fn a_schema_cannot_be_made_a_bomb() {
    let given = given(LIMITS);
    let tables: String = (0..1_100).map(|n| format!("CREATE TABLE t{n} (a);")).collect();
    assert!(given.script(&tables).await.is_err());
    let mut views = "CREATE VIEW v0 AS SELECT 1 AS x;".to_owned();
    for n in 1..24 {
        views += &format!(
            "CREATE VIEW v{n} AS SELECT x FROM v{p} UNION ALL SELECT x FROM v{p};",
            p = n - 1
        );
    }
    given.script(&views).await.unwrap();
    let error = given.query("SELECT count(*) FROM v23", none()).await.unwrap_err();
    assert!(matches!(error.primary(), 1 | 9 | 7 | 18), "{error:?}");
    given.script("CREATE TABLE t (a); CREATE TRIGGER g AFTER INSERT ON t BEGIN INSERT INTO t VALUES (new.a + 1); END").await.unwrap();
    // Triggers do not fire themselves.
    assert_eq!(
        given
            .execute("INSERT INTO t VALUES (1)", none())
            .await
            .unwrap()
            .rows,
        1
    );
    let chain: String = (0..20)
        .map(|n| format!("CREATE TABLE c{n} (a); CREATE TRIGGER h{n} AFTER INSERT ON c{n} BEGIN INSERT INTO c{} VALUES (1); END;", n + 1))
        .collect();
    given
        .script(&format!("{chain} CREATE TABLE c20 (a)"))
        .await
        .unwrap();
    let error = given
        .execute("INSERT INTO c0 VALUES (1)", none())
        .await
        .unwrap_err();
    assert!(error.message.contains("nested too deep"), "{error:?}");
}

#[tokio::test]
async fn a_full_database_says_so_and_can_make_room() {
    let given = given(SqlLimits {
        database: 256 << 10,
        ..LIMITS
    });
    given
        .script("CREATE TABLE t (id INTEGER PRIMARY KEY, a)")
        .await
        .unwrap();
    let insert = "INSERT INTO t (a) VALUES (zeroblob(20000))";
    let mut rows = 0;
    let error = loop {
        match given.execute(insert, none()).await {
            Ok(_) => rows += 1,
            Err(error) => break error,
        }
        assert!(rows < 100);
    };
    assert_eq!(
        (error.code, error.message.as_str()),
        (13, "the database is full: it may have 256KiB")
    );
    assert_eq!(given.one("SELECT count(*) FROM t").await, Value::Integer(rows));
    given.execute("DELETE FROM t WHERE id < 4", none()).await.unwrap();
    given.execute(insert, none()).await.unwrap();
    assert_eq!(
        given.one("PRAGMA integrity_check").await,
        crate::given::text("ok")
    );
}

#[tokio::test]
async fn whoever_reads_for_ever_does_not_make_the_log_grow_for_ever() {
    let given = given(SqlLimits {
        database: 64 << 20,
        ..LIMITS
    });
    given
        .script("CREATE TABLE t (id INTEGER PRIMARY KEY, a); INSERT INTO t VALUES (1, 0)")
        .await
        .unwrap();
    let reading = given
        .database
        .begin(Kind::Read, soon(), Patience::Wait)
        .await
        .unwrap();
    reading.query("SELECT * FROM t", &none(), soon()).unwrap();
    let error = loop {
        if let Err(error) = given
            .execute("UPDATE t SET a = randomblob(1000000)", none())
            .await
        {
            break error;
        }
    };
    assert_eq!(error.primary(), 5, "{error:?}");
    let usage = given.database.usage();
    assert!(usage.bytes < (64 << 20) + (8 << 20), "{usage:?}");
    drop(reading);
    given.execute("UPDATE t SET a = 1", none()).await.unwrap();
    assert!(
        given.database.usage().bytes < 16 << 20,
        "{:?}",
        given.database.usage()
    );
}

#[tokio::test]
async fn statements_that_take_long_to_prepare_are_stopped_too() {
    let given = given(LIMITS);
    let columns = |n: usize| {
        format!(
            "CREATE TABLE j{n} (a, b, c); CREATE INDEX ja{n} ON j{n} (a, b); CREATE INDEX jb{n} ON j{n} (b, c);"
        )
    };
    given
        .script(&(0..60).map(columns).collect::<String>())
        .await
        .unwrap();
    let tables: Vec<_> = (0..60).map(|n| format!("j{n}")).collect();
    let terms: Vec<_> = (1..60).map(|n| format!("j{n}.a = j{}.b", n - 1)).collect();
    let sql = format!(
        "SELECT count(*) FROM {} WHERE {}",
        tables.join(","),
        terms.join(" AND ")
    );
    let started = Instant::now();
    // Whether it can be prepared in time or not: it does not go on for long.
    let _ = given
        .database
        .query(&sql, &none(), Bounds::wall(Duration::from_millis(200)))
        .await;
    assert!(started.elapsed().as_secs() < 10, "{:?}", started.elapsed());
}
