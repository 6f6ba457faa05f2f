use std::{fs, path::PathBuf};

use platform_state::{
    BlobError, Bounds, MAX_BLOB_NAME_BYTES, MAX_BLOB_STEP, SqlError, State, StateLimits, States,
};
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

use crate::given::{LIMITS, soon};

const QUOTA: u64 = 1 << 20;

struct Kept {
    state: State,
    states: States,
    dir: TempDir,
}

async fn kept() -> Kept {
    let (dir, states) = (tempfile::tempdir().unwrap(), States::default());
    let state = states.open(dir.path(), &limits(QUOTA)).await.unwrap();
    Kept { state, states, dir }
}

fn limits(blobs: u64) -> StateLimits {
    StateLimits {
        sql: LIMITS,
        blobs,
        blob_files: 40,
    }
}

impl Kept {
    async fn put(&self, name: &str, bytes: &[u8]) -> Result<(), BlobError> {
        let mut upload = self.state.blobs().upload()?;
        for piece in bytes.chunks(1000) {
            upload.write(piece)?;
        }
        let info = upload.finish(name.to_owned(), soon()).await?;
        assert_eq!(info.sha256, *Sha256::digest(bytes));
        assert_eq!(info.size, bytes.len() as u64);
        Ok(())
    }

    async fn get(&self, name: &str) -> Result<Vec<u8>, BlobError> {
        let mut download = self.state.blobs().download(name, soon()).await?;
        let mut bytes = Vec::new();
        loop {
            match download.read(700)? {
                end if end.is_empty() => return Ok(bytes),
                piece => bytes.extend(piece),
            }
        }
    }

    async fn names(&self, prefix: &str, after: Option<&str>, most: u32) -> Vec<String> {
        let found = self
            .state
            .blobs()
            .list(prefix, after, most, soon())
            .await
            .unwrap();
        found.into_iter().map(|info| info.name).collect()
    }

    fn used(&self) -> u64 {
        self.state.blobs().usage().bytes
    }

    fn files(&self) -> Vec<PathBuf> {
        let all = fs::read_dir(self.dir.path().join("blobs")).unwrap();
        all.map(|entry| entry.unwrap().path()).collect()
    }

    /// As after a restart.
    async fn again(self) -> Self {
        let Self { state, dir, .. } = self;
        drop(state);
        let states = States::default();
        let state = states.open(dir.path(), &limits(QUOTA)).await.unwrap();
        Self { state, states, dir }
    }
}

#[tokio::test]
async fn a_blob_comes_back_as_it_was_written_and_under_its_name_alone() {
    let kept = kept().await;
    let large: Vec<u8> = (0..100_000u32).map(|n| n as u8).collect();
    kept.put("uploads/é", &large).await.unwrap();
    kept.put("empty", b"").await.unwrap();
    assert_eq!(kept.get("uploads/é").await.unwrap(), large);
    assert_eq!(kept.get("empty").await.unwrap(), b"");
    assert_eq!(kept.get("uploads").await.unwrap_err(), BlobError::NotFound);
    assert_eq!(kept.used(), 100_000);
    let info = kept
        .state
        .blobs()
        .stat("uploads/é", soon())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (info.size, info.sha256),
        (100_000, *Sha256::digest(&large).as_ref())
    );
    assert!(info.stored_at > 1_700_000_000);
    let mut download = kept.state.blobs().download("uploads/é", soon()).await.unwrap();
    download.seek(99_998).unwrap();
    assert_eq!(download.read(10).unwrap(), &large[99_998..]);
    download.seek(u64::MAX).unwrap();
    assert_eq!(download.read(10).unwrap(), b"");
    let kept = kept.again().await;
    assert_eq!(kept.get("uploads/é").await.unwrap(), large);
    assert_eq!(kept.used(), 100_000);
}

#[tokio::test]
async fn a_name_that_gets_another_blob_has_that_one_and_whoever_reads_goes_on() {
    let kept = kept().await;
    kept.put("a", b"first").await.unwrap();
    let mut download = kept.state.blobs().download("a", soon()).await.unwrap();
    kept.put("a", b"second!").await.unwrap();
    assert_eq!(download.read(100).unwrap(), b"first");
    assert_eq!(kept.get("a").await.unwrap(), b"second!");
    assert_eq!((kept.used(), kept.files().len()), (7, 1));
    assert!(kept.state.blobs().delete("a", soon()).await.unwrap());
    assert!(!kept.state.blobs().delete("a", soon()).await.unwrap());
    assert_eq!((kept.used(), kept.files().len()), (0, 0));
}

#[tokio::test]
async fn blobs_are_listed_by_prefix_page_by_page() {
    let kept = kept().await;
    for name in ["b/2", "a", "b/1", "b", "b/3", "c"] {
        kept.put(name, b"x").await.unwrap();
    }
    assert_eq!(kept.names("b/", None, 10).await, ["b/1", "b/2", "b/3"]);
    assert_eq!(kept.names("b/", Some("b/1"), 1).await, ["b/2"]);
    assert_eq!(kept.names("", None, u32::MAX).await.len(), 6);
}

#[tokio::test]
async fn what_is_not_finished_leaves_nothing_also_after_a_crash() {
    let kept = kept().await;
    kept.put("a", b"whole").await.unwrap();
    let mut upload = kept.state.blobs().upload().unwrap();
    upload.write(&[1; 5000]).unwrap();
    assert_eq!(kept.used(), 5005);
    drop(upload);
    assert_eq!((kept.used(), kept.files().len()), (5, 1));
    // What a host that is killed leaves: an unfinished file, and one whose row was never written.
    for name in ["blobs/7.new", "blobs/99", "blobs/foreign"] {
        fs::write(kept.dir.path().join(name), "left").unwrap();
    }
    let kept = kept.again().await;
    assert_eq!((kept.used(), kept.files().len()), (5, 1));
    assert_eq!(kept.get("a").await.unwrap(), b"whole");
}

#[tokio::test]
async fn all_blobs_together_have_a_quota_and_those_being_written_count() {
    let kept = kept().await;
    kept.put("a", &[0; 600_000]).await.unwrap();
    let (mut one, mut two) = (
        kept.state.blobs().upload().unwrap(),
        kept.state.blobs().upload().unwrap(),
    );
    one.write(&[0; 400_000]).unwrap();
    assert_eq!(two.write(&[0; 100_000]).unwrap_err(), BlobError::Full(QUOTA));
    two.write(&[0; 40_000]).unwrap();
    drop(one);
    two.write(&[0; 100_000]).unwrap();
    two.finish("b".into(), soon()).await.unwrap();
    assert_eq!(kept.used(), 740_000);
    // A smaller quota takes nothing away, and lets nothing in.
    let found = kept.states.open(kept.dir.path(), &limits(1000)).await.unwrap();
    assert_eq!(found.blobs().usage().limit, 1000);
    // Who only looks changes nothing.
    let looked = kept.states.join(kept.dir.path(), &limits(7)).await.unwrap();
    assert_eq!(looked.blobs().usage().limit, 1000);
    assert!(kept.put("c", b"x").await.is_err());
    assert_eq!(kept.get("a").await.unwrap().len(), 600_000);
}

#[tokio::test]
async fn a_name_has_a_length_and_a_step_has_a_size() {
    let kept = kept().await;
    for (name, good) in [
        (String::new(), false),
        ("x".repeat(MAX_BLOB_NAME_BYTES), true),
        ("x".repeat(MAX_BLOB_NAME_BYTES + 1), false),
        ("../../etc/passwd".to_owned(), true),
        ("\0".to_owned(), true),
    ] {
        assert_eq!(kept.put(&name, b"x").await.is_ok(), good, "{name:?}");
    }
    assert_eq!(kept.files().len(), 3, "names of blobs are no names of files");
    assert_eq!(kept.used(), 3);
    kept.put("large", &vec![7; QUOTA as usize - 3]).await.unwrap();
    let mut download = kept.state.blobs().download("large", soon()).await.unwrap();
    assert!(download.read(u32::MAX).unwrap().len() as u64 <= MAX_BLOB_STEP);
}

#[tokio::test]
async fn a_blob_whose_name_cannot_be_written_does_not_count() {
    let kept = kept().await;
    let mut upload = kept.state.blobs().upload().unwrap();
    upload.write(b"bytes").unwrap();
    let over = Bounds {
        until: std::time::Instant::now(),
        computed_too_long: || true,
    };
    // The database is full: nothing is named any more.
    let small = StateLimits {
        sql: platform_state::SqlLimits {
            database: 4096,
            ..LIMITS
        },
        blobs: QUOTA,
        blob_files: u64::MAX,
    };
    kept.states.open(kept.dir.path(), &small).await.unwrap();
    let mut failed: Option<BlobError> = None;
    for n in 0..2000 {
        if let Err(error) = kept.put(&format!("{n} {}", "x".repeat(400)), b"").await {
            failed = Some(error);
            break;
        }
    }
    assert!(
        matches!(failed, Some(BlobError::Sql(SqlError { code: 13, .. }))),
        "{failed:?}"
    );
    let before = kept.files().len();
    assert!(upload.finish("y".repeat(400), over).await.is_err());
    assert_eq!((kept.used(), kept.files().len()), (0, before - 1));
}

#[tokio::test]
async fn there_are_only_so_many_blobs() {
    let kept = kept().await;
    for n in 0..40 {
        kept.put(&n.to_string(), b"x").await.unwrap();
    }
    let error = kept.put("one more", b"x").await.unwrap_err();
    assert_eq!(error.to_string(), "at most 40 blobs are kept");
    kept.put("7", b"in its place").await.unwrap();
    assert_eq!((kept.used(), kept.files().len()), (51, 40));
}
