//! A host that starts again with many challenges whose code is compiled.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use platform_domain::Slug;
use platform_tests::{TestHost, client, multiply};

const MANY: usize = 60;
/// Compiling all of them in an unoptimised build on a busy machine.
const PATIENCE: Duration = Duration::from_secs(300);

/// The files of compiled code. One that is made again is another file, or was written at another time: the number of a
/// file that is gone may be given again.
fn code(state: &Path) -> BTreeMap<PathBuf, (u64, i64, i64)> {
    let entries = fs::read_dir(state.join("compiled")).unwrap().map(Result::unwrap);
    let code = entries.filter(|entry| entry.path().extension().is_some_and(|it| it == "cwasm"));
    let identity = |entry: fs::DirEntry| {
        let found = entry.metadata().unwrap();
        (entry.path(), (found.ino(), found.mtime(), found.mtime_nsec()))
    };
    code.map(identity).collect()
}

async fn status(host: &TestHost, slug: &Slug) -> u16 {
    let answer = client().get(host.url(slug.as_str(), "/")).send().await.unwrap();
    answer.status().as_u16()
}

/// Asks until the answer is 200; until then it may only be "later".
async fn answers(host: &TestHost, slug: &Slug) {
    let asking = async {
        loop {
            match status(host, slug).await {
                200 => return,
                503 => tokio::time::sleep(Duration::from_millis(5)).await,
                other => panic!("{slug}: {other}"),
            }
        }
    };
    tokio::time::timeout(PATIENCE, asking)
        .await
        .expect("it answers in time");
}

#[tokio::test]
async fn a_host_that_starts_again_compiles_nothing_but_what_is_damaged() {
    let mut host = TestHost::start().await;
    host.run_guest("many", "routes-only", "0", &[]).await;
    host.stop().await;
    let slugs = multiply(&host.state(), "many", MANY).await;
    host.start_again().await;
    for slug in &slugs {
        answers(&host, slug).await;
    }
    let compiled = code(&host.state());
    assert_eq!(compiled.len(), MANY + 1);

    host.restart().await;
    for slug in &slugs {
        answers(&host, slug).await;
    }
    assert_eq!(code(&host.state()), compiled, "nothing is compiled again");

    host.stop().await;
    let (damaged, before) = compiled.first_key_value().unwrap();
    let mut bytes = fs::read(damaged).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(damaged, bytes).unwrap();
    host.start_again().await;
    for slug in &slugs {
        answers(&host, slug).await;
    }
    let original: Slug = "many".parse().unwrap();
    answers(&host, &original).await;
    let mut now = code(&host.state());
    assert_ne!(
        now.insert(damaged.clone(), *before),
        Some(*before),
        "it was made again"
    );
    assert_eq!(now, compiled, "and nothing else was");
}
