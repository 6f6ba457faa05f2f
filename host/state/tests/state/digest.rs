use platform_state::{Database, MAX_HASHED, SqlLimits};

use crate::given::{LIMITS, given, none};

#[tokio::test]
async fn a_digest_is_of_what_is_kept_and_not_of_how() {
    let given = given(LIMITS);
    given.script("CREATE TABLE t (x)").await.unwrap();
    let digest = async |database: &Database| database.digest().await.unwrap().expect("small enough");
    let first = digest(&given.database).await;
    assert_eq!(digest(&given.database).await, first, "reading changes nothing");
    given.execute("INSERT INTO t VALUES (1)", none()).await.unwrap();
    let second = digest(&given.database).await;
    assert_ne!(second, first);
    // When the last connection is closed, the log goes into the file.
    let (path, dir) = (given.dir.path().join("state/database.sqlite3"), given.dir);
    drop(given.database);
    let again = Database::open(&path, &LIMITS).unwrap();
    assert_eq!(digest(&again).await, second);
    again
        .execute("UPDATE t SET x = 2", &none(), crate::given::soon())
        .await
        .unwrap();
    assert_ne!(digest(&again).await, second);
    drop(dir);
}

#[tokio::test]
async fn a_database_is_hashed_up_to_a_size_and_not_beyond() {
    let given = given(SqlLimits {
        database: 2 * MAX_HASHED,
        ..LIMITS
    });
    given.script("CREATE TABLE t (x)").await.unwrap();
    const STEP: u64 = 900_000;
    let mut rows = 0;
    while given.database.digest().await.unwrap().is_some() {
        let insert = format!("INSERT INTO t VALUES (zeroblob({STEP}))");
        given.execute(&insert, none()).await.unwrap();
        rows += 1;
    }
    // Beside the rows there are a few pages of the host's and of the tree's own.
    assert!(
        (MAX_HASHED - 2 * STEP..MAX_HASHED + STEP).contains(&(rows * STEP)),
        "{rows}"
    );
}
