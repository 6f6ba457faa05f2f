//! Nonces over the border of the crate: used once, also over a restart, and within bounds.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{path::PathBuf, time::Duration};

use platform_domain::{Digest, Hotkey, UnixSeconds};
use platform_nonces::{Limits, NonceError, Nonces, OpenError, Use};

struct Scene {
    dir: tempfile::TempDir,
    limits: Limits,
    nonces: Option<Nonces>,
}

impl Scene {
    fn new(limits: Limits) -> Self {
        let mut scene = Self {
            dir: tempfile::tempdir().unwrap(),
            limits,
            nonces: None,
        };
        scene.start();
        scene
    }

    fn file(&self) -> PathBuf {
        self.dir.path().join("nonces.sqlite3")
    }

    fn start(&mut self) {
        self.nonces = None;
        self.nonces = Some(Nonces::open(&self.file(), self.limits).unwrap());
    }

    /// Keys from 100 on are strangers.
    async fn reserve(&self, now: u64, key: u8, nonce: &str, expires: u64) -> Result<(), NonceError> {
        let used = used(key, nonce, expires);
        let nonces = self.nonces.as_ref().unwrap();
        nonces.reserve(UnixSeconds(now), used).await.map(drop)
    }

    async fn release(&self, now: u64, key: u8, nonce: &str, expires: u64) {
        let used = used(key, nonce, expires);
        let nonces = self.nonces.as_ref().unwrap();
        nonces.reserve(UnixSeconds(now), used).await.unwrap().release();
    }
}

fn used(key: u8, nonce: &str, expires: u64) -> Use {
    Use {
        hotkey: Hotkey::from_bytes([key; 32]),
        nonce: Digest::of(nonce.as_bytes()),
        expires: UnixSeconds(expires),
        registered: key < 100,
    }
}

fn small() -> Limits {
    Limits {
        kept: Duration::from_secs(1000),
        of_one_hotkey: 3,
        of_strangers: 4,
    }
}

#[tokio::test]
async fn a_nonce_is_used_once_by_each_key_also_after_a_restart() {
    let mut it = Scene::new(Limits::default());
    for _ in 0..2 {
        let first = it.reserve(1000, 1, "a", 1300).await;
        assert!(first == Ok(()) || first == Err(NonceError::Used));
        assert_eq!(it.reserve(1000, 1, "a", 1300).await, Err(NonceError::Used));
        assert_eq!(
            it.reserve(1001, 1, "a", 1301).await,
            Err(NonceError::Used),
            "another time makes it no other"
        );
        it.start();
    }
    assert_eq!(it.reserve(1000, 2, "a", 1300).await, Ok(()), "another key");
    assert_eq!(it.reserve(1000, 1, "b", 1300).await, Ok(()));
}

#[tokio::test]
async fn a_key_of_the_subnet_is_remembered_for_a_day_and_a_stranger_while_its_signature_counts() {
    let it = Scene::new(Limits::default());
    assert_eq!(it.reserve(1000, 1, "a", 1300).await, Ok(()));
    assert_eq!(it.reserve(1000, 100, "a", 1300).await, Ok(()));
    assert_eq!(it.reserve(1300, 1, "a", 1600).await, Err(NonceError::Used));
    assert_eq!(it.reserve(1300, 100, "a", 1600).await, Err(NonceError::Used));
    assert_eq!(
        it.reserve(87_400, 1, "a", 87_700).await,
        Err(NonceError::Used),
        "its last second"
    );
}

#[tokio::test]
async fn what_is_old_is_removed_and_its_room_given_back() {
    let mut it = Scene::new(small());
    for nonce in ["a", "b", "c"] {
        assert_eq!(it.reserve(1000, 1, nonce, 1300).await, Ok(()));
    }
    let retry = |it: &Result<(), NonceError>| matches!(it, Err(NonceError::TooFast { retry_after }) if !retry_after.is_zero());
    assert!(retry(&it.reserve(1000, 1, "d", 1300).await));
    it.start();
    assert!(
        retry(&it.reserve(1000, 1, "d", 1300).await),
        "counted anew at a start"
    );
    assert_eq!(
        it.reserve(1000, 1, "a", 1300).await,
        Err(NonceError::Used),
        "a replay is told so all the same"
    );
    assert_eq!(
        it.reserve(1000, 2, "d", 1300).await,
        Ok(()),
        "nobody else is kept out"
    );
    // A start looks through what is old with its first order, and answers the second by what is left.
    it.start();
    assert_eq!(it.reserve(2001, 2, "e", 2300).await, Ok(()));
    assert_eq!(it.reserve(2001, 1, "a", 2300).await, Ok(()));
}

#[tokio::test]
async fn strangers_share_a_part_and_lock_nobody_of_the_subnet_out() {
    let it = Scene::new(small());
    for key in 100..104 {
        assert_eq!(it.reserve(1000, key, "a", 1300).await, Ok(()));
    }
    assert!(matches!(
        it.reserve(1000, 104, "a", 1300).await,
        Err(NonceError::Full { .. })
    ));
    assert_eq!(it.reserve(1000, 1, "a", 1300).await, Ok(()));
}

#[tokio::test]
async fn a_nonce_that_is_released_can_be_used_again_and_leaves_no_trace() {
    let it = Scene::new(small());
    for _ in 0..10 {
        it.release(1000, 1, "a", 1300).await;
        it.release(1000, 100, "a", 1300).await;
    }
    assert_eq!(it.reserve(1000, 1, "a", 1300).await, Ok(()));
    assert_eq!(it.reserve(1000, 1, "a", 1300).await, Err(NonceError::Used));
}

#[tokio::test]
async fn a_clock_that_is_set_back_brings_no_nonce_to_life() {
    let it = Scene::new(small());
    assert_eq!(it.reserve(1000, 1, "a", 1300).await, Ok(()));
    assert_eq!(it.reserve(9000, 1, "b", 9300).await, Ok(()));
    assert_eq!(it.reserve(1000, 1, "a", 1300).await, Err(NonceError::Stale));
}

#[tokio::test]
async fn of_many_at_once_each_nonce_is_used_by_one() {
    let it = Scene::new(Limits::default());
    let nonces = it.nonces.as_ref().unwrap();
    let mut tasks = tokio::task::JoinSet::new();
    for at in 0..800_usize {
        let nonces = nonces.clone();
        let nonce = (at / 4).to_string();
        tasks.spawn(async move {
            nonces
                .reserve(UnixSeconds(1000), used(1, &nonce, 1300))
                .await
                .map(drop)
        });
    }
    let answers = tasks.join_all().await;
    assert_eq!(answers.iter().filter(|it| it.is_ok()).count(), 200);
    assert_eq!(
        answers.iter().filter(|it| **it == Err(NonceError::Used)).count(),
        600
    );
}

#[tokio::test]
async fn more_than_can_wait_are_told_so() {
    let it = Scene::new(Limits::default());
    // A reader that keeps the writer from its file: what is asked meanwhile waits.
    let other = rusqlite::Connection::open(it.file()).unwrap();
    other.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let nonces = it.nonces.as_ref().unwrap();
    let mut tasks = tokio::task::JoinSet::new();
    for at in 0..3000_usize {
        let nonces = nonces.clone();
        tasks.spawn(async move {
            nonces
                .reserve(UnixSeconds(1000), used(1, &at.to_string(), 1300))
                .await
                .map(drop)
        });
    }
    let mut refused = 0;
    while let Some(answer) = tasks.join_next().await {
        refused += usize::from(answer.unwrap() == Err(NonceError::Overloaded));
        if refused > 1000 {
            break;
        }
    }
    other.execute_batch("COMMIT").unwrap();
    assert!(refused > 1000);
    assert!(
        tasks.join_all().await.into_iter().filter(Result::is_ok).count() > 100,
        "the others are answered"
    );
}

#[tokio::test]
async fn what_cannot_be_written_is_refused_and_counts_for_nothing() {
    let it = Scene::new(small());
    let other = rusqlite::Connection::open(it.file()).unwrap();
    other
        .execute_batch("CREATE TRIGGER full BEFORE INSERT ON nonces BEGIN SELECT RAISE(ABORT, 'full'); END")
        .unwrap();
    for nonce in ["a", "b", "c", "d", "e"] {
        assert_eq!(
            it.reserve(1000, 1, nonce, 1300).await,
            Err(NonceError::Unavailable)
        );
    }
    other.execute_batch("DROP TRIGGER full").unwrap();
    assert_eq!(it.reserve(1000, 1, "a", 1300).await, Ok(()));
}

#[test]
fn a_file_that_is_no_such_database_is_refused_with_its_name() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("nonces.sqlite3");
    std::fs::write(&path, "not a database, whatever it is").unwrap();
    let error = Nonces::open(&path, Limits::default()).unwrap_err();
    assert!(matches!(error, OpenError::Database { .. }));
    assert!(error.to_string().contains("nonces.sqlite3"));
    std::fs::remove_file(&path).unwrap();
    rusqlite::Connection::open(&path)
        .unwrap()
        .pragma_update(None, "user_version", 2)
        .unwrap();
    assert!(matches!(
        Nonces::open(&path, Limits::default()).unwrap_err(),
        OpenError::Newer { .. }
    ));
}

#[test]
fn the_file_is_for_the_host_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let it = Scene::new(Limits::default());
    for file in std::fs::read_dir(it.dir.path()).unwrap() {
        let file = file.unwrap();
        assert_eq!(
            file.metadata().unwrap().permissions().mode() & 0o777,
            0o600,
            "{:?}",
            file.path()
        );
    }
}
