//! A host that is killed while it tries and applies the migration of another version.

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use platform_admin_types::UpdateChallenge;
use platform_domain::{Digest, Slug};
use platform_tests::new_challenge;

use super::{
    life::{Life, digest_of},
    scene::quicker,
};
use crate::migrating::ledger;

/// At so many moments, evenly spread over what follows the compilation: the migration, tried and applied.
const KILLS: u32 = 10;
/// Rows that a migration makes: enough to be cut off in the middle.
const ROWS: &str = "20000";

fn slug() -> Slug {
    "ledger".parse().unwrap()
}

/// Changes what is there and adds something.
fn migration(number: usize) -> String {
    format!(
        "UPDATE entries SET amount = amount + 1; CREATE TABLE made_{number} (x, y); \
         INSERT INTO made_{number} WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {ROWS}) \
         SELECT i, 'row ' || i FROM n"
    )
}

fn update(dir: &Path, migrations: &[String]) -> (Digest, UpdateChallenge) {
    let migrations: Vec<_> = migrations.iter().map(String::as_str).collect();
    let component = ledger(&migrations);
    let file = dir.join(format!("{}.wasm", migrations.len()));
    fs::write(&file, &component).unwrap();
    let (grant, by) = Default::default();
    let component_ref = format!("file:{}", file.display()).parse().unwrap();
    let change = UpdateChallenge {
        component: component_ref,
        grant,
        by,
        version: None,
    };
    (Digest::of(&component), change)
}

/// How many migrations the database has seen, by each of their traces.
async fn seen(life: &Life, most: usize) -> usize {
    let ask = async |sql: String| life.post(&slug(), "/query", sql).await;
    assert_eq!(ask("PRAGMA integrity_check".into()).await, "ok");
    let made = "SELECT count(*) FROM sqlite_schema WHERE name LIKE 'made_%'";
    let seen = ask(made.into()).await;
    assert_eq!(
        ask("SELECT amount FROM entries".into()).await,
        seen,
        "all or nothing"
    );
    let seen = seen.parse().unwrap();
    assert!(seen <= most);
    if let Some(last) = usize::checked_sub(seen, 1) {
        assert_eq!(ask(format!("SELECT count(*) FROM made_{last}")).await, ROWS);
    }
    seen
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_killed_during_a_migration_has_all_of_it_or_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let state = dir.path().join("state");
    let mut life = Life::start(&state).await;
    let new = new_challenge("ledger", "ledger", "0", &[]);
    life.admin.challenge_create(&new).await.unwrap();
    life.running(&slug()).await.unwrap();
    let first = "INSERT INTO entries VALUES (1, 0, 'first')".to_owned();
    assert_eq!(life.post(&slug(), "/execute", first).await, "1 1");

    let mut migrations = Vec::new();
    let (mut takes, mut cut_off) = (Duration::ZERO, 0);
    for kill in 0..=KILLS {
        let old = digest_of(&life.running(&slug()).await.unwrap());
        migrations.push(migration(migrations.len()));
        let (next, change) = update(dir.path(), &migrations);
        let (admin, of, digest) = (life.admin.clone(), slug(), next.hex());
        let updating = admin.challenge_update(&of, &change);
        let of_it = ["a component is compiled", &digest];
        let compiled = life.program.logs_all(&of_it);
        if takes.is_zero() {
            let compiled = async {
                compiled.await;
                Instant::now()
            };
            let (updated, compiled) = tokio::join!(updating, compiled);
            updated.unwrap();
            takes = compiled.elapsed();
        } else {
            let moment = async {
                compiled.await;
                tokio::time::sleep(takes * kill / KILLS).await;
            };
            let promised = tokio::select! {
                ended = updating => ended.map(|_| true).unwrap(),
                () = moment => false,
            };
            cut_off += u32::from(!promised);
            if promised {
                takes = quicker(takes);
            }
            life.program.kill().await;
            life = Life::start(&state).await;
            let found = digest_of(&life.running(&slug()).await.unwrap());
            let expected = match () {
                () if found == next => migrations.len(),
                () if found == old && !promised => migrations.len() - 1,
                () => panic!("{found} is neither {old} nor {next}"),
            };
            assert_eq!(seen(&life, migrations.len()).await, expected);
            life.admin.challenge_update(&slug(), &change).await.unwrap();
        }
        assert_eq!(seen(&life, migrations.len()).await, migrations.len());
    }
    assert!(cut_off > KILLS / 4, "only {cut_off} were cut off");
}
