use std::time::Duration;

use platform_state::{Kind, Patience, Rehearsal, StateError, Value};

use crate::given::{Given, LIMITS, given, none, soon};

const TIME: Duration = Duration::from_secs(10);

async fn migrate(given: &Given, list: &[&str], rehearsal: Rehearsal) -> Result<usize, StateError> {
    let list: Vec<_> = list.iter().map(|&sql| sql.to_owned()).collect();
    given.database.migrate(&list, TIME, rehearsal).await
}

const FIRST: &str = "CREATE TABLE t (a); INSERT INTO t VALUES (1)";
const SECOND: &str = "ALTER TABLE t ADD COLUMN b; UPDATE t SET b = a + 1";

#[tokio::test]
async fn each_migration_is_applied_once_and_in_order() {
    let given = given(LIMITS);
    assert_eq!(migrate(&given, &[FIRST], Rehearsal::Keep).await.unwrap(), 1);
    assert_eq!(migrate(&given, &[FIRST], Rehearsal::Keep).await.unwrap(), 0);
    assert_eq!(
        migrate(&given, &[FIRST, SECOND], Rehearsal::Keep).await.unwrap(),
        1
    );
    assert_eq!(given.one("SELECT b FROM t").await, Value::Integer(2));
    assert_eq!(
        migrate(&given, &[FIRST], Rehearsal::Keep).await.unwrap(),
        0,
        "an older version"
    );
    assert_eq!(migrate(&given, &[], Rehearsal::Keep).await.unwrap(), 0);
}

#[tokio::test]
async fn a_rehearsal_leaves_nothing() {
    let given = given(LIMITS);
    assert_eq!(
        migrate(&given, &[FIRST, SECOND], Rehearsal::Undo).await.unwrap(),
        2
    );
    assert_eq!(given.query("SELECT b FROM t", none()).await.unwrap_err().code, 1);
    assert_eq!(
        migrate(&given, &[FIRST, SECOND], Rehearsal::Keep).await.unwrap(),
        2
    );
}

#[tokio::test]
async fn a_migration_that_fails_or_was_changed_leaves_everything_as_it_was() {
    let given = given(LIMITS);
    let error = migrate(&given, &[FIRST, "CREATE TABLE t (a)"], Rehearsal::Keep)
        .await
        .unwrap_err();
    assert!(
        matches!(&error, StateError::Migration { number: 2, all: 2, source } if source.message.contains("exists"))
    );
    assert_eq!(given.query("SELECT * FROM t", none()).await.unwrap_err().code, 1);
    migrate(&given, &[FIRST], Rehearsal::Keep).await.unwrap();
    let error = migrate(&given, &["CREATE TABLE t (a)", SECOND], Rehearsal::Keep)
        .await
        .unwrap_err();
    assert!(
        matches!(error, StateError::MigrationChanged { number: 1 }),
        "{error:?}"
    );
    for denied in ["COMMIT", "ATTACH 'x' AS y", "DROP TABLE platform_migrations"] {
        let error = migrate(&given, &[FIRST, denied], Rehearsal::Keep)
            .await
            .unwrap_err();
        assert!(
            matches!(&error, StateError::Migration { number: 2, source, .. } if source.code == 23),
            "{error:?}"
        );
    }
}

#[tokio::test]
async fn a_migration_waits_for_a_transaction_and_not_for_ever() {
    let given = given(LIMITS);
    let writing = given
        .database
        .begin(Kind::Write, soon(), Patience::Wait)
        .await
        .unwrap();
    let list = [FIRST.to_owned()];
    let short = Duration::from_millis(20);
    let error = given
        .database
        .migrate(&list, short, Rehearsal::Keep)
        .await
        .unwrap_err();
    assert!(
        matches!(&error, StateError::History(source) if source.code == 5),
        "{error:?}"
    );
    drop(writing);
    let for_ever =
        "CREATE TABLE t AS WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT x FROM n";
    let list = [for_ever.to_owned()];
    let error = given
        .database
        .migrate(&list, short, Rehearsal::Keep)
        .await
        .unwrap_err();
    assert!(
        matches!(&error, StateError::Migration { source, .. } if source.code == 9 || source.code == 13),
        "{error:?}"
    );
    assert_eq!(migrate(&given, &[FIRST], Rehearsal::Keep).await.unwrap(), 1);
}
