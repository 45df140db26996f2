//! The ledger in SQLite: accounts, charges, prices and tokens, in a file or in memory.

mod accounts;
#[cfg(test)]
mod agreement;
mod charges;
mod turn;

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use tokio::time::Instant;

use crate::ledger::Terms;

pub use charges::{Note, Record};
pub use turn::Turn;

/// The place of the database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Database {
    /// In memory: gone when the server stops.
    Memory,
    /// A file, made if it isn't there.
    File(PathBuf),
}

impl FromStr for Database {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text {
            ":memory:" => Self::Memory,
            path => Self::File(PathBuf::from(path)),
        })
    }
}

/// The database. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Store {
    pool: SqlitePool,
    terms: Terms,
    decide_within: Duration,
}

impl Store {
    /// Opens the database, and creates or migrates its tables. A request that waits for its turn
    /// longer than `decide_within` is told that nothing was changed.
    pub async fn open(
        database: &Database,
        terms: Terms,
        decide_within: Duration,
    ) -> Result<Self, sqlx::Error> {
        let options = match database {
            Database::Memory => SqliteConnectOptions::new().in_memory(true),
            Database::File(path) => durable(path),
        };
        // One connection: writers queue up in order, instead of waking each other with busy timers,
        // and a database in memory stays one database.
        let pool = SqlitePoolOptions::new()
            .max_connections(1)
            .idle_timeout(None)
            .max_lifetime(None)
            .acquire_timeout(decide_within)
            .connect_with(options.foreign_keys(true).busy_timeout(decide_within))
            .await?;
        sqlx::migrate!().run(&pool).await?;
        Ok(Self {
            pool,
            terms,
            decide_within,
        })
    }

    /// Waits for the transaction under way, then closes the database.
    pub async fn close(&self) {
        self.pool.close().await;
    }

    /// Points that a new account starts with.
    pub fn seed_balance(&self) -> u64 {
        self.terms.seed_balance
    }

    /// The deadline of a request that begins now.
    pub fn deadline(&self) -> Instant {
        Instant::now() + self.decide_within
    }
}

/// WAL with `synchronous=FULL` syncs the log at every commit: a commit that was answered survives
/// a crash, of the power too (SQLite, PRAGMA synchronous).
fn durable(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
}

/// An error of the database.
#[derive(Debug)]
pub enum StoreError {
    /// Busy or broken before the commit: certainly nothing was changed.
    Unavailable(sqlx::Error),
    /// The commit itself failed: the change may have been made or not.
    Uncertain(sqlx::Error),
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        Self::Unavailable(error)
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unavailable(error) => write!(f, "the database is not available: {error}"),
            Self::Uncertain(error) => write!(f, "the commit failed: {error}"),
        }
    }
}

impl std::error::Error for StoreError {}

/// Converts to SQLite's integers, which are signed.
fn integer(value: u64) -> Result<i64, sqlx::Error> {
    i64::try_from(value).map_err(|error| sqlx::Error::Encode(Box::new(error)))
}
