//! Before there is anything: a host that is killed while it makes its directory.

use std::path::PathBuf;

use platform_admin_types::CollectRequest;
use platform_tests::Program;

use super::{left, life::Life};

/// More files than a first start makes, also for a moment.
const FILES: usize = 24;

#[tokio::test(flavor = "multi_thread")]
async fn a_host_killed_during_its_first_start_starts() {
    let mut met = 0;
    for files in 0..FILES {
        let dir = tempfile::tempdir().unwrap();
        let state = dir.path().join("state");
        let args = ["--json", "serve", "--state-dir", state.to_str().unwrap()];
        let ports = ["--admin-listen", "127.0.0.1:0", "--public-listen", "127.0.0.1:0"];
        let mut first = Program::saying(&[&args[..], &ports].concat());
        let so_many = async {
            while !state.exists() || left::files(&state).len() <= files {
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            () = so_many => met += 1,
            started = first.next() => assert!(started.is_some(), "it starts"),
        }
        first.kill().await;
        let life = Life::start(&state).await;
        left::age(&state.join("content"));
        let collect = CollectRequest { dry_run: false };
        life.admin.store_collect(&collect).await.unwrap();
        assert_eq!(left::unfinished(&state), Vec::<PathBuf>::new(), "after {files}");
        left::is_a_valid_layout(&state.join("content"));
        life.program.kill().await;
    }
    assert!(met > 5, "it was killed in {met} places");
}
