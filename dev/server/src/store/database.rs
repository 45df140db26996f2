//! The place of the database, and how it is opened.

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use sqlx::migrate::MigrateError;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use tokio::time::{Instant, sleep};

use super::connection::Pool;

/// How long servers that start together may stand in each other's way while the tables are made.
const MIGRATE_WITHIN: Duration = Duration::from_secs(30);
const MIGRATE_PAUSE: Duration = Duration::from_millis(200);

/// The place of the database.
#[derive(Clone, Debug)]
pub enum Database {
    /// In memory: gone when the server stops.
    Memory,
    /// An SQLite file, made if it isn't there.
    File(PathBuf),
    /// A PostgreSQL database, or one that speaks its protocol.
    Postgres(Box<PgConnectOptions>),
}

impl FromStr for Database {
    type Err = sqlx::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text {
            ":memory:" => Self::Memory,
            url if url.starts_with("postgres://") || url.starts_with("postgresql://") => {
                Self::Postgres(Box::new(url.parse()?))
            }
            path => Self::File(PathBuf::from(path)),
        })
    }
}

impl Database {
    /// Opens the database, and creates or migrates its tables.
    pub(super) async fn open(
        &self,
        decide_within: Duration,
        connections: u32,
    ) -> Result<Pool, sqlx::Error> {
        match self {
            Self::Memory => {
                open_sqlite(SqliteConnectOptions::new().in_memory(true), decide_within).await
            }
            Self::File(path) => open_sqlite(durable(path), decide_within).await,
            Self::Postgres(options) => {
                open_postgres(options.as_ref().clone(), decide_within, connections).await
            }
        }
    }
}

async fn open_sqlite(
    options: SqliteConnectOptions,
    decide_within: Duration,
) -> Result<Pool, sqlx::Error> {
    // One connection: writers queue up in order, instead of waking each other with busy timers,
    // and a database in memory stays one database.
    let pool = SqlitePoolOptions::new()
        .max_connections(1)
        .idle_timeout(None)
        .max_lifetime(None)
        .acquire_timeout(decide_within)
        .connect_with(options.foreign_keys(true).busy_timeout(decide_within))
        .await?;
    sqlx::migrate!("migrations/sqlite").run(&pool).await?;
    Ok(Pool::Sqlite(pool))
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

async fn open_postgres(
    options: PgConnectOptions,
    decide_within: Duration,
    connections: u32,
) -> Result<Pool, sqlx::Error> {
    let options = options.application_name("tollbox-server");
    migrate_postgres(&options).await?;
    // The database ends by itself what this server has given up, or left behind when it died. By
    // SET, and not by start-up options, which connection poolers refuse.
    let limits = format!(
        "SET statement_timeout = {0}; SET idle_in_transaction_session_timeout = {0}",
        decide_within.as_millis()
    );
    let pool = PgPoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(decide_within)
        // A broken connection is noticed by its first statement, which is tried again.
        .test_before_acquire(false)
        .after_connect(move |connection, _| {
            let limits = limits.clone();
            Box::pin(async move { connection.execute(AssertSqlSafe(limits)).await.map(drop) })
        })
        .connect_with(options)
        .await?;
    Ok(Pool::Postgres(pool))
}

/// Over a connection of its own, which has no time limits, and says why there is none.
///
/// sqlx locks migrations by an advisory lock, which not every database has that speaks PostgreSQL's
/// protocol. Without it, of servers that start together one makes the tables, and the others fail
/// and look again.
async fn migrate_postgres(options: &PgConnectOptions) -> Result<(), sqlx::Error> {
    let mut migrator = sqlx::migrate!("migrations/postgres");
    migrator.set_locking(false);
    let mut connection = PgConnection::connect_with(options).await?;
    let deadline = Instant::now() + MIGRATE_WITHIN;
    loop {
        match migrator.run(&mut connection).await {
            Err(MigrateError::Execute(_) | MigrateError::ExecuteMigration(..))
                if Instant::now() < deadline =>
            {
                sleep(MIGRATE_PAUSE).await;
            }
            ended => {
                ended?;
                return connection.close().await;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use sqlx::SqliteConnection;

    use super::*;
    use crate::ledger::{ChargeRequest, HoldRequest, HoldVerdict, Terms};
    use crate::metrics::Metrics;
    use crate::store::Store;

    #[tokio::test]
    async fn a_database_from_before_holds_is_migrated_with_what_it_has() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger.sqlite");
        let mut old = SqliteConnection::connect_with(&durable(&path))
            .await
            .unwrap();
        let mut migrator = sqlx::migrate!("migrations/sqlite");
        migrator.migrations.to_mut().truncate(1);
        migrator.run(&mut old).await.unwrap();
        old.execute("INSERT INTO accounts (account, balance, version) VALUES ('alice', 70, 9)")
            .await
            .unwrap();
        old.close().await.unwrap();

        let terms = Terms {
            seed_balance: 120,
            key_ttl_ms: None,
        };
        let limit = Duration::from_secs(30);
        let database = Database::File(path);
        let store = Store::open(&database, terms, true, limit, 1, Metrics::default()).await;
        let store = store.unwrap();
        let charge = ChargeRequest::new("k", "t", "f", 30).unwrap();
        let request = HoldRequest::new(charge, 60).unwrap();
        let held = store.hold("alice", &request, || 0, store.deadline()).await;
        let HoldVerdict::Held { balance, .. } = held.unwrap() else {
            panic!("there are enough points");
        };
        assert_eq!(
            (balance.points, balance.held, balance.version),
            (70, Some(30), 10)
        );
        store.close().await;
    }
}
