//! A disk without room, which no quota foresaw: everything that is refused is told so, and nothing is lost.

use std::{fs, io, path::Path, time::Duration};

use platform_state::{
    BlobError, Bucket, Change, Kind, Parameters, Patience, SqlError, SqlLimits, State, StateLimits, States,
    Value,
};

use crate::{
    given::{LIMITS, none, soon, text, values},
    small_disk::with_small_disk,
};

const DISK_KIB: u64 = 8 << 10;
/// What is given back later.
const BALLAST: usize = 3 << 20;
const ROW: usize = 20 << 10;

/// More than there is.
fn limits() -> StateLimits {
    StateLimits {
        sql: SqlLimits {
            database: 1 << 30,
            ..LIMITS
        },
        blobs: 1 << 30,
        blob_files: 1_000,
    }
}

/// What the row with this number says.
fn row(number: i64) -> Value {
    text(&format!("{number} ").repeat(ROW / 6))
}

async fn insert(state: &State, number: i64) -> Result<(), SqlError> {
    let row = values([Value::Integer(number), row(number)]);
    let sql = "INSERT INTO rows (number, text) VALUES (?1, ?2)";
    state.database().execute(sql, &row, soon()).await.map(drop)
}

async fn query(state: &State, sql: &str, parameters: &Parameters) -> Vec<Value> {
    let rows = state.database().query(sql, parameters, soon()).await;
    rows.unwrap().unwrap().values
}

/// Every row that was committed is there and says what it said, and nothing else is.
async fn check(state: &State, committed: &[i64]) {
    let numbers = query(state, "SELECT number FROM rows ORDER BY number", &none()).await;
    let expected: Vec<_> = committed.iter().copied().map(Value::Integer).collect();
    assert_eq!(numbers, expected);
    for number in committed {
        let found = values([Value::Integer(*number)]);
        let found = query(state, "SELECT text FROM rows WHERE number = ?1", &found).await;
        assert_eq!(found, [row(*number)], "{number}");
    }
    let whole = query(state, "PRAGMA integrity_check", &none()).await;
    assert_eq!(whole, [text("ok")]);
}

/// A refusal of a full disk, which says nothing of the host's files.
fn assert_full(error: &SqlError, disk: &Path) {
    assert_eq!(error.primary(), 13, "{error:?}");
    assert!(!error.message.contains(disk.to_str().unwrap()), "{error:?}");
}

async fn fill_and_go_on(disk: &Path) {
    let dir = disk.join("state");
    let state = States::default().open(&dir, &limits()).await.unwrap();
    let database = state.database();
    database
        .script(
            "CREATE TABLE rows (number INTEGER PRIMARY KEY, text TEXT) STRICT",
            soon(),
        )
        .await
        .unwrap();
    let mut upload = state.blobs().upload().unwrap();
    upload.write(b"small").unwrap();
    upload.finish("kept".to_owned(), soon()).await.unwrap();
    let bucket = Bucket::open(database, "b").unwrap();
    bucket.set("kept", b"1", soon()).await.unwrap();
    let ballast = disk.join("ballast");
    fs::write(&ballast, vec![b'x'; BALLAST]).unwrap();

    // Row by row, until there is no more room; then everything that writes is refused, again and again.
    let mut committed = Vec::new();
    let refused = loop {
        let number = committed.len() as i64;
        match insert(&state, number).await {
            Ok(()) => committed.push(number),
            Err(error) => break error,
        }
    };
    assert_full(&refused, disk);
    assert!(committed.len() > 50, "{}", committed.len());
    for number in 1_000..1_020 {
        assert_full(&insert(&state, number).await.unwrap_err(), disk);
    }
    let writing = database.begin(Kind::Write, soon(), Patience::Wait).await.unwrap();
    let failed = (2_000..2_500).find_map(|number| {
        let row = values([Value::Integer(number), row(number)]);
        writing
            .execute("INSERT INTO rows VALUES (?1, ?2)", &row, soon())
            .err()
    });
    match failed {
        Some(error) => {
            assert!(matches!(error.primary(), 13 | 4), "{error:?}");
            drop(writing);
        }
        None => assert_full(&writing.commit(soon()).unwrap_err(), disk),
    }
    let large = vec![b'x'; 1 << 20];
    let refused = bucket.set("large", &large[..ROW * 10], soon()).await;
    assert_full(&refused.unwrap_err(), disk);
    let changes = vec![
        Change::Set("x".to_owned(), large[..ROW * 10].to_vec()),
        Change::Delete("kept".to_owned()),
    ];
    assert_full(&bucket.apply(&changes, soon()).await.unwrap_err(), disk);
    let mut upload = state.blobs().upload().unwrap();
    let failed = (0..20).find_map(|_| upload.write(&large).err());
    assert!(
        matches!(failed, Some(BlobError::Host(io::ErrorKind::StorageFull))),
        "{failed:?}"
    );
    assert!(upload.finish("kept".to_owned(), soon()).await.is_err());

    // What was committed is read beside all of that.
    check(&state, &committed).await;
    assert_eq!(bucket.get("kept", soon()).await.unwrap(), Some(b"1".to_vec()));
    assert_eq!(
        state
            .blobs()
            .download("kept", soon())
            .await
            .unwrap()
            .read(100)
            .unwrap(),
        b"small"
    );

    // Closed and opened while there is still no room, if that can be done, and surely when there is some.
    drop(state);
    match States::default().open(&dir, &limits()).await {
        Ok(state) => check(&state, &committed).await,
        Err(error) => println!("not opened: {error:?}"),
    }
    fs::remove_file(ballast).unwrap();
    let state = States::default().open(&dir, &limits()).await.unwrap();
    check(&state, &committed).await;
    for number in 3_000..3_020 {
        insert(&state, number).await.unwrap();
        committed.push(number);
    }
    let mut upload = state.blobs().upload().unwrap();
    upload.write(&large).unwrap();
    upload.finish("kept".to_owned(), soon()).await.unwrap();
    check(&state, &committed).await;
    state.database().retire(Duration::ZERO);
}

#[test]
fn a_full_disk_loses_nothing_and_is_told_as_one() {
    let test = "full_disk::a_full_disk_loses_nothing_and_is_told_as_one";
    with_small_disk(test, DISK_KIB, |disk| {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(fill_and_go_on(disk));
    });
}
