//! The schema's history: an append-only list. The position of an entry is the schema version that it
//! leads to, so entries are never edited, removed or reordered once released.

use rusqlite::{Connection, TransactionBehavior};

use crate::StoreError;

/// Every migration, oldest first. A new one is one more line.
const MIGRATIONS: &[&str] = &[
    include_str!("../../../migrations/0001_challenges.sql"),
    include_str!("../../../migrations/0002_epochs.sql"),
    include_str!("../../../migrations/0003_epoch_indexes.sql"),
    include_str!("../../../migrations/0005_breakers.sql"),
    include_str!("../../../migrations/0006_instances.sql"),
    include_str!("../../../migrations/0007_grants.sql"),
    include_str!("../../../migrations/0008_outbound.sql"),
    include_str!("../../../migrations/0009_secrets.sql"),
    include_str!("../../../migrations/0010_versions.sql"),
    include_str!("../../../migrations/0011_trust.sql"),
    include_str!("../../../migrations/0012_ledger.sql"),
    include_str!("../../../migrations/0013_on_failure.sql"),
    include_str!("../../../migrations/0014_serving.sql"),
    include_str!("../../../migrations/0015_tokens.sql"),
    include_str!("../../../migrations/0016_gpu.sql"),
    include_str!("../../../migrations/0017_jobs.sql"),
    include_str!("../../../migrations/0018_containers.sql"),
    include_str!("../../../migrations/0019_token_overlap.sql"),
    include_str!("../../../migrations/0020_gpu_jobs.sql"),
    include_str!("../../../migrations/0021_gpu_server_address.sql"),
    include_str!("../../../migrations/0022_images.sql"),
];

/// Brings the schema to the newest version: all missing steps or none.
pub(crate) fn migrate(connection: &mut Connection) -> Result<(), StoreError> {
    migrate_with(connection, MIGRATIONS)
}

fn migrate_with(connection: &mut Connection, migrations: &[&str]) -> Result<(), StoreError> {
    let failed = |source| StoreError::Transaction {
        name: "migrate",
        source,
    };
    // Exclusive, so that of two processes that start at once one migrates and the other finds it done.
    let transaction = connection
        .transaction_with_behavior(TransactionBehavior::Exclusive)
        .map_err(failed)?;
    let found: i64 = transaction.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    let known = i64::try_from(migrations.len()).unwrap_or(i64::MAX);
    let done = usize::try_from(found)
        .ok()
        .filter(|done| *done <= migrations.len());
    let Some(missing) = done.and_then(|done| migrations.get(done..)) else {
        return Err(StoreError::FutureSchema { found, known });
    };
    for sql in missing {
        transaction.execute_batch(sql)?;
    }
    if !missing.is_empty() {
        transaction.pragma_update(None, "user_version", known)?;
        tracing::info!(
            schema.from = found,
            schema.to = known,
            "The database schema was migrated"
        );
    }
    transaction.commit().map_err(failed)
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::*;

    fn version(connection: &Connection) -> i64 {
        connection
            .query_row("PRAGMA user_version", [], |row| row.get(0))
            .unwrap()
    }

    #[test]
    fn an_empty_file_gets_the_newest_schema_and_a_second_run_changes_nothing() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate(&mut connection).unwrap();
        migrate(&mut connection).unwrap();
        assert_eq!(version(&connection), i64::try_from(MIGRATIONS.len()).unwrap());
        let rows: i64 = connection
            .query_row("SELECT count(*) FROM challenges", [], |row| row.get(0))
            .unwrap();
        assert_eq!(rows, 0);
    }

    #[test]
    fn an_older_schema_gets_only_the_missing_steps() {
        let mut connection = Connection::open_in_memory().unwrap();
        let steps = ["CREATE TABLE a (x) ", "CREATE TABLE b (x)"];
        migrate_with(&mut connection, &steps[..1]).unwrap();
        connection.execute("INSERT INTO a VALUES (1)", []).unwrap();
        migrate_with(&mut connection, &steps).unwrap();
        assert_eq!(version(&connection), 2);
        let kept: i64 = connection
            .query_row("SELECT count(*) FROM a, b RIGHT JOIN a AS c", [], |row| {
                row.get(0)
            })
            .unwrap();
        assert_eq!(kept, 1);
    }

    #[test]
    fn a_challenge_of_an_older_host_has_an_instance_per_call() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate_with(&mut connection, &MIGRATIONS[..4]).unwrap();
        let old = "INSERT INTO challenges VALUES ('tsp', 'TSP', 'image', 'r.example/x', NULL, NULL, '1', '0', \
            'draft', '[]', 'none', '{}', '{}', '{}', '[]', NULL, '{}', zeroblob(32), '', 0, 0)";
        connection.execute(old, []).unwrap();
        migrate(&mut connection).unwrap();
        let challenges = crate::challenges::list(&connection).unwrap();
        assert_eq!(challenges[0].instances, platform_domain::Instances::PerCall);
        assert_eq!(challenges[0].grants, platform_domain::Grant::usual());
        assert!(challenges[0].outbound.is_empty());
        assert_eq!(challenges[0].on_failure, platform_domain::FailureRule::ZERO);
    }

    #[test]
    fn what_an_older_record_asks_of_gpus_can_be_read_or_is_taken_out() {
        for (before, after) in [
            (r#"{"memory":"1GiB"}"#, r#"{"memory":"1GiB"}"#),
            (r#"{"gpu_count":"2"}"#, r#"{"gpu_count":"2"}"#),
            (
                r#"{"gpus":"64","gpu_server":"a-1.b"}"#,
                r#"{"gpu_count":"64","gpu_server":"a-1.b"}"#,
            ),
            (r#"{"gpu_device_ids":"3, 0"}"#, r#"{"gpu_device_ids":"0,3"}"#),
            (
                r#"{"gpu_count":"1","gpu_capabilities":"gpu, compute"}"#,
                r#"{"gpu_capabilities":"compute,gpu","gpu_count":"1"}"#,
            ),
            (r#"{"gpu_count":"two","memory":"1GiB"}"#, r#"{"memory":"1GiB"}"#),
            (r#"{"gpu_count":"0"}"#, "{}"),
            (r#"{"gpu_count":""}"#, "{}"),
            (r#"{"gpu_count":"65"}"#, "{}"),
            (r#"{"gpu_count":"18446744073709551617"}"#, "{}"),
            (r#"{"gpu_count":"1","gpus":"2"}"#, "{}"),
            (r#"{"gpu_count":"1","gpu_device_ids":"0,1"}"#, "{}"),
            (r#"{"gpu_device_ids":"0,0"}"#, "{}"),
            (r#"{"gpu_device_ids":""}"#, "{}"),
            (r#"{"gpu_device_ids":"0 1"}"#, "{}"),
            (r#"{"gpu_device_ids":"64"}"#, "{}"),
            (r#"{"gpu_device_ids":"GPU-8f2b"}"#, "{}"),
            (r#"{"gpu_server":"a"}"#, "{}"),
            (r#"{"gpu_count":"1","gpu_server":".."}"#, "{}"),
            (r#"{"gpu_count":"1","gpu_server":"a b"}"#, "{}"),
            (r#"{"gpu_count":"1","gpu_capabilities":"fly"}"#, "{}"),
            (r#"{"gpu_count":"1","gpu_capabilities":""}"#, "{}"),
        ] {
            let mut connection = Connection::open_in_memory().unwrap();
            migrate_with(&mut connection, &MIGRATIONS[..14]).unwrap();
            // With today's columns, which the host of that time did not have.
            let [added, taken] = [
                include_str!("../../../migrations/0018_containers.sql"),
                "ALTER TABLE challenges DROP COLUMN loosened; ALTER TABLE challenges DROP COLUMN fallback_image;",
            ];
            connection.execute_batch(added).unwrap();
            crate::challenges::insert(&connection, &crate::challenges::tests::challenge("tsp")).unwrap();
            connection.execute_batch(taken).unwrap();
            connection
                .execute("UPDATE challenges SET resources = ?1", [before])
                .unwrap();
            migrate(&mut connection).unwrap();
            let challenges = crate::challenges::list(&connection).unwrap();
            assert_eq!(
                serde_json::to_string(&challenges[0].resources).unwrap(),
                after,
                "{before}"
            );
        }
    }

    #[test]
    fn an_older_ledger_is_carried_over_with_its_answers() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate_with(&mut connection, &MIGRATIONS[..10]).unwrap();
        connection.pragma_update(None, "foreign_keys", true).unwrap();
        let genesis = format!("0x{}", "11".repeat(32));
        for (epoch, state) in [(1, "finalised"), (2, "signed"), (3, "begun")] {
            let old = "INSERT INTO epochs (genesis, netuid, mechanism, epoch, state, block, block_hash, began_at, \
                       updated_at, vector, attempts, extrinsic) VALUES (?1, 3, 0, ?2, ?3, 7, ?1, ?2, 9, ?4, 1, ?5)";
            let vector = r#"{"uids":[1],"weights":["1"],"u16":[65535]}"#;
            let extrinsic =
                format!(r#"{{"bytes":"00","hash":"{genesis}","nonce":1,"birth":5,"expires":133}}"#);
            connection
                .execute(old, (&genesis, epoch, state, vector, extrinsic))
                .unwrap();
            let answer = "INSERT INTO epoch_answers VALUES (?1, 3, 0, ?2, 'tsp', NULL, '5', ?3, ?4)";
            let (weights, reason) = match epoch {
                1 => (Some(r#"[["5F","1.0"]]"#), None),
                _ => (None, Some("late")),
            };
            connection
                .execute(answer, (&genesis, epoch, weights, reason))
                .unwrap();
        }
        migrate(&mut connection).unwrap();
        let rows = crate::epochs::latest(&connection, 10).unwrap();
        let states: Vec<_> = rows.iter().map(|row| row.state.as_str()).collect();
        assert_eq!(states, ["begun", "submitted", "finalised"]);
        assert!(
            rows.iter()
                .all(|row| row.numbering == crate::Numbering::Blocks && row.step == 1)
        );
        let journal = crate::epochs::journal(&connection, &rows[1].key()).unwrap();
        assert_eq!(journal[0].what, crate::Change::CarriedOver {});
        let answers = crate::epochs::collected(&connection, &rows[2].key()).unwrap();
        assert_eq!(
            (answers.len(), answers[0].counted().map(<[_]>::len)),
            (1, Some(1))
        );
        // What was under way goes on.
        let reason = "late".to_owned();
        let fail = crate::Step::Fail { reason };
        crate::epochs::advance(&connection, &rows[1], fail, platform_domain::UnixSeconds(10)).unwrap();
        assert_eq!(
            crate::epochs::unfinished(&connection, rows[0].lane)
                .unwrap()
                .len(),
            1
        );
        let broken: i64 = connection
            .query_row("SELECT count(*) FROM pragma_foreign_key_check", [], |row| {
                row.get(0)
            })
            .unwrap();
        assert_eq!(broken, 0);
    }

    #[test]
    fn a_step_that_fails_leaves_the_schema_as_it_was() {
        let mut connection = Connection::open_in_memory().unwrap();
        let error = migrate_with(&mut connection, &["CREATE TABLE a (x)", "CREATE TABLE a (x)"]).unwrap_err();
        assert!(matches!(error, StoreError::Statement(_)), "{error:?}");
        assert_eq!(version(&connection), 0);
        migrate_with(&mut connection, &["CREATE TABLE a (x)"]).unwrap();
    }

    #[test]
    fn a_schema_from_the_future_is_refused_untouched() {
        for future in [i64::try_from(MIGRATIONS.len()).unwrap() + 1, -1] {
            let mut connection = Connection::open_in_memory().unwrap();
            connection.pragma_update(None, "user_version", future).unwrap();
            let error = migrate(&mut connection).unwrap_err();
            assert!(
                matches!(error, StoreError::FutureSchema { found, .. } if found == future),
                "{error:?}"
            );
            assert_eq!(version(&connection), future);
        }
    }

    #[test]
    fn every_migration_file_is_in_the_list_in_the_order_of_its_number() {
        let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../migrations");
        let mut files: Vec<_> = fs::read_dir(directory)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        files.sort();
        let contents: Vec<_> = files
            .iter()
            .map(|file| fs::read_to_string(file).unwrap())
            .collect();
        assert_eq!(files.len(), MIGRATIONS.len(), "{files:?}");
        assert!(
            contents == MIGRATIONS,
            "the list has other contents or another order than {files:?}"
        );
        // Each number once, ascending. Numbers are given out before the files are there, so one may be missing.
        let mut last = 0;
        for file in &files {
            let name = file.file_name().unwrap().to_str().unwrap();
            let number: u32 = name.get(..4).unwrap().parse().unwrap();
            assert!(
                number > last && name.get(4..5) == Some("_") && name.ends_with(".sql"),
                "{name}"
            );
            last = number;
        }
    }
}
