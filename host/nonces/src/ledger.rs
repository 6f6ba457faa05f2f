//! The table of used nonces, and how many there are of each key.

use std::{
    collections::HashMap,
    fs::{self, OpenOptions},
    os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _},
    path::Path,
};

use platform_domain::{Hotkey, UnixSeconds};
use rusqlite::{Connection, ToSql, Transaction, TransactionBehavior, params};
use tokio::sync::oneshot;

use crate::{
    Limits, NonceError, OpenError, Use,
    limits::{NONCES_PURGED, RETRY_OF_ONE, RETRY_OF_STRANGERS},
    writer::Order,
};

const FILE_MODE: u32 = 0o600;
/// What the file is, as its `user_version` says.
const VERSION: i32 = 1;
/// `forgotten_at` is the last second in which the nonce is remembered.
const SCHEMA: &str = "
    CREATE TABLE nonces (
        hotkey BLOB NOT NULL, nonce BLOB NOT NULL, forgotten_at INTEGER NOT NULL, registered INTEGER NOT NULL,
        PRIMARY KEY (hotkey, nonce)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX nonces_forgotten_at ON nonces (forgotten_at);
";

pub(crate) struct Ledger {
    connection: Connection,
    limits: Limits,
    counts: Counts,
    /// The latest time seen: a clock that is set back must not bring forgotten nonces to life.
    latest: UnixSeconds,
}

/// How many are in the table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Counts {
    by_hotkey: HashMap<Hotkey, u32>,
    of_strangers: u32,
}

/// What a transaction changes in the counts: a key, whether the subnet knows it, and whether it is one more or one less.
type Changes = Vec<(Hotkey, bool, Change)>;
type Answers = Vec<(oneshot::Sender<Result<(), NonceError>>, Result<(), NonceError>)>;

#[derive(Clone, Copy)]
enum Change {
    More,
    Less,
}

impl Ledger {
    /// Opens or creates the file, and counts what is in it.
    pub(crate) fn open(path: &Path, limits: Limits) -> Result<Self, OpenError> {
        let file = |source| OpenError::File {
            path: path.to_owned(),
            source,
        };
        let mut new = OpenOptions::new();
        new.read(true).append(true).create(true).mode(FILE_MODE);
        new.open(path).map_err(file)?;
        fs::set_permissions(path, fs::Permissions::from_mode(FILE_MODE)).map_err(file)?;
        let database = |source| OpenError::Database {
            path: path.to_owned(),
            source,
        };
        let connection = Connection::open(path).map_err(database)?;
        if !prepare(&connection).map_err(database)? {
            return Err(OpenError::Newer {
                path: path.to_owned(),
            });
        }
        let counts = Counts::read(&connection).map_err(database)?;
        Ok(Self {
            connection,
            limits,
            counts,
            latest: UnixSeconds(0),
        })
    }

    /// Does all orders in one transaction and answers them when it is on disk; those that are not answered were not done.
    /// `purge`: removes some of what is to be forgotten too, and says whether there may be more.
    pub(crate) fn work(&mut self, orders: &mut Vec<Order>, purge: bool) -> rusqlite::Result<bool> {
        let (mut changes, mut answers) = (Changes::new(), Answers::new());
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut all = || {
            for order in orders.drain(..) {
                match order {
                    Order::Reserve { now, used, answer } => {
                        self.latest = self.latest.max(now);
                        let done = reserve(&transaction, &self.limits, &self.counts, self.latest, &used)?;
                        if done.is_ok() {
                            self.counts.change(&used.hotkey, used.registered, Change::More);
                            changes.push((used.hotkey, used.registered, Change::More));
                        }
                        answers.push((answer, done));
                    }
                    Order::Release { hotkey, nonce } => {
                        let sql = "DELETE FROM nonces WHERE hotkey = ?1 AND nonce = ?2 RETURNING hotkey, registered";
                        removed(
                            &transaction,
                            sql,
                            params![hotkey.as_bytes(), nonce.as_bytes()],
                            |it| {
                                self.counts.change(&it.0, it.1, Change::Less);
                                changes.push((it.0, it.1, Change::Less));
                            },
                        )?;
                    }
                }
            }
            let mut old = 0;
            if purge {
                let sql = "DELETE FROM nonces WHERE (hotkey, nonce) IN
                           (SELECT hotkey, nonce FROM nonces WHERE forgotten_at < ?1 ORDER BY forgotten_at LIMIT ?2)
                           RETURNING hotkey, registered";
                removed(
                    &transaction,
                    sql,
                    params![seconds(self.latest), NONCES_PURGED],
                    |it| {
                        self.counts.change(&it.0, it.1, Change::Less);
                        changes.push((it.0, it.1, Change::Less));
                        old += 1;
                    },
                )?;
            }
            Ok(old >= NONCES_PURGED)
        };
        let done = all().and_then(|more| transaction.commit().map(|()| more));
        match &done {
            Ok(_) => {
                for (answer, done) in answers {
                    // Nobody listens any more: the request is gone, its nonce is used.
                    drop(answer.send(done));
                }
            }
            Err(_) => {
                for (hotkey, registered, change) in changes {
                    self.counts.change(&hotkey, registered, change.undone());
                }
            }
        }
        done
    }
}

/// Brings the schema up, or says that a later program has.
fn prepare(connection: &Connection) -> rusqlite::Result<bool> {
    // WAL: a commit is one write. FULL: it is on disk when it has been answered, also when the power goes.
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "trusted_schema", false)?;
    match connection.pragma_query_value(None, "user_version", |row| row.get(0))? {
        0 => {
            connection.execute_batch(&format!(
                "BEGIN IMMEDIATE; {SCHEMA} PRAGMA user_version = {VERSION}; COMMIT"
            ))?;
            Ok(true)
        }
        version => Ok(version == VERSION),
    }
}

/// Writes a nonce down, if it may be used.
fn reserve(
    transaction: &Transaction<'_>,
    limits: &Limits,
    counts: &Counts,
    latest: UnixSeconds,
    used: &Use,
) -> rusqlite::Result<Result<(), NonceError>> {
    let &Use {
        hotkey,
        nonce,
        expires,
        registered,
    } = used;
    if expires < latest {
        return Ok(Err(NonceError::Stale));
    }
    let full = if counts.of(&hotkey) >= limits.of_one_hotkey {
        let retry_after = RETRY_OF_ONE;
        Some(NonceError::TooFast { retry_after })
    } else if !registered && counts.of_strangers >= limits.of_strangers {
        let retry_after = RETRY_OF_STRANGERS;
        Some(NonceError::Full { retry_after })
    } else {
        None
    };
    // Whoever sends the same twice is told so, also when it could not have sent another.
    if let Some(full) = full {
        let mut known =
            transaction.prepare_cached("SELECT 1 FROM nonces WHERE hotkey = ?1 AND nonce = ?2")?;
        let known = known.exists(params![hotkey.as_bytes(), nonce.as_bytes()])?;
        return Ok(Err(if known { NonceError::Used } else { full }));
    }
    let forgotten_at = match registered {
        true => expires.max(UnixSeconds(latest.0.saturating_add(limits.kept.as_secs()))),
        false => expires,
    };
    let sql = "INSERT INTO nonces (hotkey, nonce, forgotten_at, registered) VALUES (?1, ?2, ?3, ?4)
               ON CONFLICT DO NOTHING";
    let row = params![
        hotkey.as_bytes(),
        nonce.as_bytes(),
        seconds(forgotten_at),
        registered
    ];
    match transaction.prepare_cached(sql)?.execute(row)? {
        0 => Ok(Err(NonceError::Used)),
        _ => Ok(Ok(())),
    }
}

/// Runs a statement that removes rows, and tells each by its key.
fn removed(
    transaction: &Transaction<'_>,
    sql: &str,
    values: &[&dyn ToSql],
    mut each: impl FnMut((Hotkey, bool)),
) -> rusqlite::Result<()> {
    let mut statement = transaction.prepare_cached(sql)?;
    let rows = statement.query_map(values, |row| Ok((Hotkey::from_bytes(row.get(0)?), row.get(1)?)))?;
    for row in rows {
        each(row?);
    }
    Ok(())
}

/// SQLite has signed numbers; a time beyond them never comes.
fn seconds(time: UnixSeconds) -> i64 {
    i64::try_from(time.0).unwrap_or(i64::MAX)
}

impl Change {
    const fn undone(self) -> Self {
        match self {
            Self::More => Self::Less,
            Self::Less => Self::More,
        }
    }
}

impl Counts {
    fn read(connection: &Connection) -> rusqlite::Result<Self> {
        let mut counts = Self::default();
        let sql = "SELECT hotkey, count(*), sum(NOT registered) FROM nonces GROUP BY hotkey";
        let mut statement = connection.prepare(sql)?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
        for row in rows {
            let (hotkey, all, strange): (_, u32, u32) = row?;
            counts.by_hotkey.insert(Hotkey::from_bytes(hotkey), all);
            counts.of_strangers = counts.of_strangers.saturating_add(strange);
        }
        Ok(counts)
    }

    fn of(&self, hotkey: &Hotkey) -> u32 {
        self.by_hotkey.get(hotkey).copied().unwrap_or_default()
    }

    fn change(&mut self, hotkey: &Hotkey, registered: bool, change: Change) {
        let by = |count: u32| match change {
            Change::More => count.saturating_add(1),
            Change::Less => count.saturating_sub(1),
        };
        match by(self.of(hotkey)) {
            0 => drop(self.by_hotkey.remove(hotkey)),
            count => drop(self.by_hotkey.insert(*hotkey, count)),
        }
        if !registered {
            self.of_strangers = by(self.of_strangers);
        }
    }
}
