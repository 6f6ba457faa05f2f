use platform_state::{Kind, Parameters, Patience, Value};

use crate::given::{LIMITS, given, none, soon, text, values};

#[tokio::test]
async fn every_type_of_value_comes_back_as_it_went_in() {
    let given = given(LIMITS);
    given
        .script("CREATE TABLE t (id INTEGER PRIMARY KEY, v ANY) STRICT")
        .await
        .unwrap();
    let all = [
        Value::Null,
        Value::Integer(i64::MIN),
        Value::Real(-0.1),
        Value::Real(f64::INFINITY),
        text("zürich \u{0} \u{10ffff}"),
        text(""),
        Value::Blob(vec![0, 255]),
        Value::Blob(Vec::new()),
    ];
    for (index, value) in all.iter().enumerate() {
        let changes = given
            .execute("INSERT INTO t (v) VALUES (?1)", values([value.clone()]))
            .await
            .unwrap();
        assert_eq!((changes.rows, changes.last_rowid), (1, index as i64 + 1));
    }
    let rows = given.query("SELECT v FROM t ORDER BY id", none()).await.unwrap();
    assert_eq!(rows.columns, ["v"]);
    assert_eq!(rows.values, all);
    given
        .execute(
            "INSERT INTO t (id, v) VALUES (100, ?1)",
            values([Value::Real(f64::NAN)]),
        )
        .await
        .unwrap();
    assert_eq!(given.one("SELECT v FROM t WHERE id = 100").await, Value::Null);
}

#[tokio::test]
async fn parameters_are_numbered_or_named_and_all_of_them_are_given() {
    let given = given(LIMITS);
    let sql = "SELECT :b - :a";
    let named = |list: &[(&str, i64)]| {
        Parameters::Named(
            list.iter()
                .map(|(name, value)| ((*name).to_owned(), Value::Integer(*value)))
                .collect(),
        )
    };
    let rows = given.query(sql, named(&[(":a", 1), (":b", 3)])).await.unwrap();
    assert_eq!(rows.values, [Value::Integer(2)]);
    let rows = given
        .query("SELECT ?2 - ?1", values([Value::Integer(1), Value::Integer(3)]))
        .await
        .unwrap();
    assert_eq!(rows.values, [Value::Integer(2)]);
    for wrong in [
        named(&[(":a", 1)]),
        named(&[(":a", 1), (":a", 2)]),
        named(&[(":a", 1), ("b", 2)]),
        values([Value::Null]),
        values([Value::Null, Value::Null, Value::Null]),
    ] {
        let error = given.query(sql, wrong.clone()).await.unwrap_err();
        assert_eq!(error.code, 25, "{wrong:?}: {error:?}");
    }
}

#[tokio::test]
async fn text_that_is_not_utf8_is_an_error_with_a_way_out() {
    let given = given(LIMITS);
    let error = given
        .query("SELECT CAST(x'ff' AS TEXT) AS bad", none())
        .await
        .unwrap_err();
    assert_eq!(error.code, 20);
    assert_eq!(
        error.message,
        "the text in column bad is not UTF-8; read it with CAST(bad AS BLOB)"
    );
    let rows = given
        .query("SELECT CAST(CAST(x'ff' AS TEXT) AS BLOB)", none())
        .await
        .unwrap();
    assert_eq!(rows.values, [Value::Blob(vec![255])]);
}

#[tokio::test]
async fn an_error_says_what_is_wrong_in_the_words_of_sqlite() {
    let given = given(LIMITS);
    given
        .script("CREATE TABLE t (a INTEGER UNIQUE NOT NULL)")
        .await
        .unwrap();
    given.execute("INSERT INTO t VALUES (1)", none()).await.unwrap();
    for (sql, code, says) in [
        ("SELEC 1", 1, "syntax error at byte 0"),
        ("SELECT x", 1, "no such column: x at byte 7"),
        ("INSERT INTO t VALUES (1)", 2067, "UNIQUE constraint failed: t.a"),
        (
            "INSERT INTO t VALUES (NULL)",
            1299,
            "NOT NULL constraint failed: t.a",
        ),
        ("SELECT 1; SELECT 2", 21, "execute-batch"),
        ("SELECT 1\0", 21, "a NUL in the SQL at byte 8"),
    ] {
        let error = given.execute(sql, none()).await.unwrap_err();
        assert!(
            error.code == code && error.message.contains(says),
            "{sql}: {error:?}"
        );
    }
    assert_eq!(given.one("SELECT count(*) FROM t").await, Value::Integer(1));
}

#[tokio::test]
async fn a_query_may_write_and_return_rows() {
    let given = given(LIMITS);
    given
        .script("CREATE TABLE t (id INTEGER PRIMARY KEY, a)")
        .await
        .unwrap();
    let rows = given
        .query("INSERT INTO t (a) VALUES ('x'), ('y') RETURNING id, a", none())
        .await
        .unwrap();
    assert_eq!(rows.columns, ["id", "a"]);
    assert_eq!(
        rows.values,
        [Value::Integer(1), text("x"), Value::Integer(2), text("y")]
    );
    // Nobody reads the rows, and it happens all the same.
    let changes = given
        .execute("INSERT INTO t (a) VALUES ('z'), ('z') RETURNING id", none())
        .await
        .unwrap();
    assert_eq!((changes.rows, changes.last_rowid), (2, 4));
    assert_eq!(given.execute("SELECT 1", none()).await.unwrap().rows, 0);
}

#[tokio::test]
async fn a_script_happens_as_a_whole() {
    let given = given(LIMITS);
    given
        .script("CREATE TABLE t (a); INSERT INTO t VALUES (1); INSERT INTO t VALUES (2);")
        .await
        .unwrap();
    given
        .script("INSERT INTO t VALUES (3); INSERT INTO nowhere VALUES (4)")
        .await
        .unwrap_err();
    assert_eq!(given.one("SELECT sum(a) FROM t").await, Value::Integer(3));
    given.script("").await.unwrap();
}

#[tokio::test]
async fn a_transaction_happens_when_it_is_committed_and_not_otherwise() {
    let given = given(LIMITS);
    given.script("CREATE TABLE t (a)").await.unwrap();
    let insert = "INSERT INTO t VALUES (1)";
    let count = async || given.one("SELECT count(*) FROM t").await;

    let transaction = given
        .database
        .begin(Kind::Write, soon(), Patience::Wait)
        .await
        .unwrap();
    transaction.execute(insert, &none(), soon()).unwrap();
    let inside = transaction
        .query("SELECT count(*) FROM t", &none(), soon())
        .unwrap();
    assert_eq!(inside.values, [Value::Integer(1)]);
    assert_eq!(
        count().await,
        Value::Integer(0),
        "not seen outside before the commit"
    );
    transaction.commit(soon()).unwrap();
    assert_eq!(count().await, Value::Integer(1));

    let transaction = given
        .database
        .begin(Kind::Write, soon(), Patience::Wait)
        .await
        .unwrap();
    transaction.execute(insert, &none(), soon()).unwrap();
    drop(transaction);
    assert_eq!(count().await, Value::Integer(1), "dropped");
    let transaction = given
        .database
        .begin(Kind::Write, soon(), Patience::Wait)
        .await
        .unwrap();
    transaction.execute(insert, &none(), soon()).unwrap();
    transaction.roll_back().unwrap();
    assert_eq!(count().await, Value::Integer(1), "rolled back");

    let reading = given
        .database
        .begin(Kind::Read, soon(), Patience::Wait)
        .await
        .unwrap();
    let seen = || {
        reading
            .query("SELECT count(*) FROM t", &none(), soon())
            .unwrap()
            .values
    };
    assert_eq!(seen(), [Value::Integer(1)]);
    given.execute(insert, none()).await.unwrap();
    assert_eq!(seen(), [Value::Integer(1)], "one state of the database");
    let error = reading.execute(insert, &none(), soon()).unwrap_err();
    assert_eq!(error.primary(), 8, "{error:?}");
    let error = reading
        .query("DELETE FROM t RETURNING a", &none(), soon())
        .unwrap_err();
    assert_eq!(error.primary(), 8, "{error:?}");
    reading.commit(soon()).unwrap();
    assert_eq!(count().await, Value::Integer(2));
}

#[tokio::test]
async fn what_follows_in_a_transaction_that_sqlite_ended_does_not_happen_by_itself() {
    let given = given(LIMITS);
    given.script("CREATE TABLE t (a UNIQUE)").await.unwrap();
    let transaction = given
        .database
        .begin(Kind::Write, soon(), Patience::Wait)
        .await
        .unwrap();
    let execute = |sql| transaction.execute(sql, &none(), soon());
    execute("INSERT INTO t VALUES (1)").unwrap();
    assert_eq!(
        execute("INSERT OR ROLLBACK INTO t VALUES (1)").unwrap_err().code,
        2067
    );
    let error = execute("INSERT INTO t VALUES (2)").unwrap_err();
    assert_eq!(error.code, 516, "{error:?}");
    assert!(transaction.commit(soon()).is_err());
    assert_eq!(given.one("SELECT count(*) FROM t").await, Value::Integer(0));
}

#[tokio::test]
async fn savepoints_work_inside_a_transaction_and_leave_none_outside() {
    let given = given(LIMITS);
    given.script("CREATE TABLE t (a)").await.unwrap();
    let transaction = given
        .database
        .begin(Kind::Write, soon(), Patience::Wait)
        .await
        .unwrap();
    for sql in [
        "INSERT INTO t VALUES (1)",
        "SAVEPOINT s",
        "INSERT INTO t VALUES (2)",
        "ROLLBACK TO s",
        "RELEASE s",
    ] {
        transaction.execute(sql, &none(), soon()).unwrap();
    }
    transaction.commit(soon()).unwrap();
    assert_eq!(given.one("SELECT sum(a) FROM t").await, Value::Integer(1));
    for sql in ["SAVEPOINT s", "SAVEPOINT s"] {
        let error = given.execute(sql, none()).await.unwrap_err();
        assert!(error.message.contains("needs a transaction"), "{error:?}");
        given.query(sql, none()).await.unwrap_err();
    }
    given.execute("INSERT INTO t VALUES (5)", none()).await.unwrap();
    assert_eq!(given.one("SELECT sum(a) FROM t").await, Value::Integer(6));
}

#[tokio::test]
async fn a_cursor_goes_through_any_number_of_rows() {
    let given = given(LIMITS);
    let sql = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 5000) SELECT x, 'row' AS r FROM n";
    let cursor = given
        .database
        .cursor(sql.to_owned(), none(), soon(), Patience::Wait)
        .await
        .unwrap();
    assert_eq!(cursor.columns(), ["x", "r"]);
    let (mut rows, mut steps) = (0, 0);
    loop {
        let step = cursor.next(700, soon()).await.unwrap();
        if step.is_empty() {
            break;
        }
        assert_eq!(step[0], Value::Integer(rows + 1));
        rows += step.len() as i64 / 2;
        steps += 1;
    }
    assert_eq!((rows, steps), (5000, 8));
    let wrong = given
        .database
        .cursor("SELECT".into(), none(), soon(), Patience::Wait)
        .await;
    assert_eq!(wrong.err().unwrap().code, 1);
    let writes = given
        .database
        .cursor("DELETE FROM platform_kv".into(), none(), soon(), Patience::Wait)
        .await;
    assert_eq!(writes.err().unwrap().code, 23);
    given.script("CREATE TABLE t (a)").await.unwrap();
    let writes = given
        .database
        .cursor("DELETE FROM t".into(), none(), soon(), Patience::Wait)
        .await;
    assert_eq!(writes.err().unwrap().message, "a cursor only reads");
}

#[tokio::test]
async fn an_error_in_the_middle_of_a_cursor_is_told_and_ends_it() {
    let given = given(LIMITS);
    let sql = "SELECT 'a' UNION ALL SELECT CAST(x'ff' AS TEXT)";
    let cursor = given
        .database
        .cursor(sql.to_owned(), none(), soon(), Patience::Wait)
        .await
        .unwrap();
    assert_eq!(cursor.next(1, soon()).await.unwrap(), [text("a")]);
    assert_eq!(cursor.next(1, soon()).await.unwrap_err().code, 20);
}
