//! Statements that are late within one instruction, where SQLite does not ask whether to go on.

use std::time::Duration;

use platform_state::{Bounds, Kind, Patience, SqlLimits, Value};

use crate::given::{LIMITS, given, none, soon};

/// Some 160 MiB.
const FILL: &str = "
    CREATE TABLE t (a);
    WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 40000)
        INSERT INTO t SELECT zeroblob(3900) FROM n;";

/// Each count is one instruction, and all of it fewer than SQLite does without asking.
fn counting() -> String {
    format!("SELECT {}", ["(SELECT count(*) FROM t)"; 7].join(", "))
}

fn late() -> Bounds {
    Bounds::wall(Duration::from_millis(1))
}

#[tokio::test]
async fn a_statement_that_is_late_within_one_instruction_is_interrupted_and_no_other_one() {
    let given = given(SqlLimits {
        database: 256 << 20,
        ..LIMITS
    });
    given.script(FILL).await.unwrap();
    let database = &given.database;
    let writing = database.begin(Kind::Write, soon(), Patience::Wait).await.unwrap();
    writing
        .execute("INSERT INTO t VALUES ('kept')", &none(), soon())
        .unwrap();
    // Waits with its rows half read, longer than they might have taken.
    let cursor = database
        .cursor("SELECT rowid FROM t".to_owned(), none(), late(), Patience::Wait)
        .await
        .unwrap();
    for _ in 0..2 {
        let error = database.query(&counting(), &none(), late()).await.unwrap_err();
        assert_eq!(
            (error.code, error.message.as_str()),
            (9, "the call's time is over")
        );
        let error = writing.query(&counting(), &none(), late()).unwrap_err();
        assert_eq!(error.code, 9, "{error:?}");
    }
    assert_eq!(cursor.next(3, soon()).await.unwrap().len(), 3);
    writing.commit(soon()).unwrap();
    let kept = "SELECT count(*) FROM t WHERE a = 'kept'";
    assert_eq!(given.one(kept).await, Value::Integer(1));
    let counted = given.query(&counting(), none()).await.unwrap();
    assert_eq!(counted.values, vec![Value::Integer(40_001); 7]);
}
