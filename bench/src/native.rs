//! The physical limit: an axum handler with the answer of the guest `hello` and no host around it. It is a
//! process of its own (`bench native`), because the host is one: in the same process it would share threads and
//! memory with the measuring. The same server is the container that the host's gateway is measured with; there it also does
//! what such a challenge is for: it reads its database.

use std::{
    cell::OnceCell,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::Result;
use axum::{
    Json, Router,
    body::Body,
    extract::State,
    http::{HeaderMap, StatusCode},
    routing::{get, post},
};
use http_body_util::BodyExt as _;
use platform_domain::Digest;
use rusqlite::Connection;
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use tokio::net::TcpListener;

/// The word that makes this program the server.
pub(crate) const COMMAND: &str = "native";
/// Lines of the leaderboard: as many miners as a subnet has UIDs.
pub(crate) const MINERS: u32 = 256;

/// A line of the leaderboard.
#[derive(Serialize)]
struct Entry {
    hotkey: String,
    score: f64,
    submissions: u32,
}

/// Serves until it is killed; the first line on standard output is its address.
pub(crate) fn serve() -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let dir = tempfile::tempdir()?;
    let database: Arc<Path> = fill(dir.path().join("challenge.sqlite3"))?.into();
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        crate::print(&format!("http://{}/", listener.local_addr()?));
        let router = Router::new()
            .route("/hello", get(hello))
            .route("/digest", post(digest))
            .route("/leaderboard", get(leaderboard))
            .with_state(database);
        Ok(axum::serve(listener, router).await?)
    })
}

async fn hello(headers: HeaderMap) -> String {
    let name = headers.get("x-name").and_then(|name| name.to_str().ok());
    format!("hello, {}", name.unwrap_or("stranger"))
}

/// Takes a body of any size and keeps nothing of it, but can prove to have had all of it.
async fn digest(mut body: Body) -> Result<String, StatusCode> {
    let mut hash = Sha256::new();
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame.map_err(|_| StatusCode::BAD_REQUEST)?.into_data() {
            hash.update(&data);
        }
    }
    Ok(Digest::from_bytes(hash.finalize().into()).hex())
}

/// All miners, the best first.
async fn leaderboard(State(database): State<Arc<Path>>) -> Result<Json<Vec<Entry>>, StatusCode> {
    let read = read(&database);
    Ok(Json(read.map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?))
}

/// With a connection for each thread, which is as fast as it gets.
fn read(database: &Path) -> rusqlite::Result<Vec<Entry>> {
    thread_local!(static OPEN: OnceCell<Connection> = const { OnceCell::new() });
    OPEN.with(|open| {
        let connection = match open.get() {
            Some(connection) => connection,
            None => {
                let opened = Connection::open(database)?;
                open.get_or_init(|| opened)
            }
        };
        let query = "SELECT hotkey, score, submissions FROM entries ORDER BY score DESC";
        let mut statement = connection.prepare_cached(query)?;
        let rows = statement.query_map([], |row| {
            Ok(Entry {
                hotkey: row.get(0)?,
                score: row.get(1)?,
                submissions: row.get(2)?,
            })
        })?;
        rows.collect()
    })
}

fn fill(database: PathBuf) -> Result<PathBuf> {
    let connection = Connection::open(&database)?;
    connection.execute_batch(
        "PRAGMA journal_mode = WAL;
         CREATE TABLE entries (hotkey TEXT NOT NULL PRIMARY KEY, score REAL NOT NULL, submissions INTEGER NOT NULL) STRICT;
         CREATE INDEX best ON entries (score, hotkey, submissions);",
    )?;
    let mut insert = connection.prepare("INSERT INTO entries VALUES (?1, ?2, ?3)")?;
    for miner in 0..MINERS {
        let hotkey = format!("5{}", &Digest::of(&miner.to_le_bytes()).hex()[..47]);
        insert.execute((hotkey, f64::from(miner).sqrt(), miner % 17 + 1))?;
    }
    drop(insert);
    Ok(database)
}
