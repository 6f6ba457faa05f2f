//! The host killed while challenges write: what a miner was told is stored is there afterwards, in the host's database
//! and in the guest's own, and an archive that was made meanwhile can be put back.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use platform_admin_types::{ArchiveRequest, Client};
use platform_domain::{PlainToken, Slug};
use platform_tests::{Program, client, new_challenge};
use serde_json::{Value, json};
use tokio::task::JoinSet;

/// How often the host is killed.
const KILLS: u64 = 200;
/// Challenges that write: one half over the host's database, the other over their own.
const WRITERS: usize = 8;
/// What takes longer got lost with the host: a request that is handed to a connection in the moment in which that ends is
/// never answered (hyperium/hyper#4122).
const PATIENCE: Duration = Duration::from_secs(20);
/// An archive is made in each so many lives of the host.
const ARCHIVE_EVERY: u64 = 20;

/// A challenge, and what is known of it.
struct Writer {
    slug: Slug,
    /// Writes that were sent, and those that were answered.
    sent: AtomicU64,
    stored: AtomicU64,
}

impl Writer {
    fn new(number: usize) -> Self {
        let guest = if number.is_multiple_of(2) {
            "ledger"
        } else {
            "disk"
        };
        Self {
            slug: format!("{guest}-{number}").parse().unwrap(),
            sent: AtomicU64::new(0),
            stored: AtomicU64::new(0),
        }
    }

    fn guest(&self) -> &str {
        self.slug.as_str().split('-').next().unwrap()
    }

    fn write_path(&self) -> &'static str {
        if self.guest() == "ledger" {
            "/commit/x"
        } else {
            "/database/transactions/1"
        }
    }

    /// Writes until the host is gone.
    async fn write(&self, public: &str, over: &AtomicBool) {
        let url = format!("{public}/challenges/{}{}", self.slug, self.write_path());
        let client = client();
        while !over.load(Ordering::Relaxed) {
            self.sent.fetch_add(1, Ordering::Relaxed);
            match client.post(&url).timeout(PATIENCE).send().await {
                Ok(answer) if answer.status().is_success() => {
                    self.stored.fetch_add(1, Ordering::Relaxed);
                }
                Ok(answer) => {
                    let status = answer.status();
                    let text = answer.text().await.unwrap_or_default();
                    assert!(status == 503 || text.is_empty(), "{}: {status} {text}", self.slug);
                }
                Err(_) => return,
            }
        }
    }

    /// Rows that are there, after SQLite has looked at all of the file.
    async fn rows(&self, public: &str) -> u64 {
        let url = |path: &str| format!("{public}/challenges/{}{path}", self.slug);
        let client = client();
        if self.guest() == "disk" {
            let answer = client
                .get(url("/database"))
                .send()
                .await
                .unwrap()
                .text()
                .await
                .unwrap();
            let seen: Value = serde_json::from_str(&answer).unwrap_or_else(|_| panic!("{answer}"));
            assert_eq!(seen["integrity"], "ok", "{}", self.slug);
            return seen["rows"].as_u64().unwrap();
        }
        let ask = async |sql: &'static str| {
            let answer = client.post(url("/query")).body(sql).send().await.unwrap();
            answer.text().await.unwrap()
        };
        assert_eq!(ask("PRAGMA integrity_check").await, "ok", "{}", self.slug);
        ask("SELECT count(*) FROM entries").await.parse().unwrap()
    }
}

async fn start(config: &Path, state: &Path) -> (Program, Client, String) {
    let log = state.parent().unwrap().join("log");
    let program = Program::start_logging_to(&["serve", "--config", config.to_str().unwrap()], &log).await;
    let token = std::fs::read_to_string(state.join("admin.token")).unwrap();
    let admin = program.answer["admin"].as_str().unwrap();
    let client = Client::new(admin, PlainToken::from_text(&token)).unwrap();
    let public = program.answer["public"].as_str().unwrap().to_owned();
    (program, client, public)
}

/// Waits until all of them answer.
async fn running(writers: &[Writer], public: &str) {
    for writer in writers {
        let url = format!("{public}/challenges/{}/database", writer.slug);
        let asked = async {
            while client().get(&url).send().await.unwrap().status() == 503 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), asked)
            .await
            .expect("it runs");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_is_killed_two_hundred_times_loses_nothing_that_was_committed() {
    let dir = tempfile::tempdir().unwrap();
    let (state, config, archive) = (
        dir.path().join("state"),
        dir.path().join("platform.toml"),
        dir.path().join("archive.tar"),
    );
    let text = format!(
        "state_dir = {}\n[admin]\nlisten = \"127.0.0.1:0\"\n[public]\nlisten = \"127.0.0.1:0\"\n",
        json!(state),
    );
    std::fs::write(&config, text).unwrap();
    let writers: Arc<[Writer]> = (0..WRITERS).map(Writer::new).collect();
    let (mut program, mut admin, mut public) = start(&config, &state).await;
    for writer in writers.iter() {
        let new = new_challenge(writer.slug.as_str(), writer.guest(), "0", &[]);
        admin.challenge_create(&new).await.unwrap();
    }
    let request = |challenges| ArchiveRequest {
        file: archive.clone(),
        challenges,
    };
    let mut archived = vec![0; WRITERS];
    for kill in 0..KILLS {
        running(&writers, &public).await;
        let over = Arc::new(AtomicBool::new(false));
        let mut writing: JoinSet<()> = (0..WRITERS)
            .map(|number| {
                let (writers, over, public) = (writers.clone(), over.clone(), public.clone());
                async move { writers[number].write(&public, &over).await }
            })
            .collect();
        if kill % ARCHIVE_EVERY == ARCHIVE_EVERY - 1 {
            let _ = std::fs::remove_file(&archive);
            archived = writers
                .iter()
                .map(|writer| writer.stored.load(Ordering::Relaxed))
                .collect();
            let made = admin.state_backup(&request(None)).await;
            let log = || std::fs::read_to_string(dir.path().join("log")).unwrap_or_default();
            let made = made.unwrap_or_else(|error| panic!("{error:?}\n{}", log()));
            assert_eq!(made.challenges.len(), WRITERS);
        }
        // Anywhere between the first write and some hundred.
        tokio::time::sleep(Duration::from_millis(kill * 7919 % 60)).await;
        program.kill().await;
        over.store(true, Ordering::Relaxed);
        while let Some(written) = writing.join_next().await {
            written.unwrap();
        }
        (program, admin, public) = start(&config, &state).await;
    }
    running(&writers, &public).await;
    let (mut rows, mut written) = (Vec::new(), 0);
    for writer in writers.iter() {
        let (sent, stored) = (
            writer.sent.load(Ordering::Relaxed),
            writer.stored.load(Ordering::Relaxed),
        );
        let found = writer.rows(&public).await;
        assert!(
            (stored..=sent).contains(&found),
            "{}: {found} of {stored} to {sent}",
            writer.slug
        );
        // A busy machine gives each of them a write in some lives only, and to one of them more than to another.
        assert!(stored > 0, "{} never wrote", writer.slug);
        written += stored;
        rows.push(found);
    }
    assert!(written > KILLS, "they hardly wrote: {written} rows");
    // And back to the last archive.
    for writer in writers.iter() {
        admin.challenge_deactivate(&writer.slug).await.unwrap();
    }
    let restored = admin.state_restore(&request(None)).await.unwrap();
    assert_eq!(restored.challenges.len(), WRITERS);
    for (number, writer) in writers.iter().enumerate() {
        admin.challenge_activate(&writer.slug).await.unwrap();
        let found = writer.rows(&public).await;
        let expected = archived[number]..=rows[number];
        assert!(
            expected.contains(&found),
            "{}: {found} not in {expected:?}",
            writer.slug
        );
    }
    program.kill().await;
}
