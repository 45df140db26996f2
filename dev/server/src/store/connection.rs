//! Connections and transactions of either engine. The statements are the same text for both; only
//! sqlx's types differ.

use std::time::Duration;

use sqlx::pool::PoolConnection;
use sqlx::{
    AssertSqlSafe, Connection as _, PgConnection, PgPool, Postgres, Sqlite, SqliteConnection,
    SqlitePool, Transaction,
};
use tokio::time::{Instant, timeout_at};

use super::StoreError;

/// How long past the deadline a commit that was sent in time is waited for. It can't be taken back.
const COMMIT_GRACE: Duration = Duration::from_secs(1);

/// How much later than this server the database gives up a wait for a lock.
const LOCK_GRACE: Duration = Duration::from_secs(1);

/// Evaluates an expression for the connection of either engine.
macro_rules! on {
    ($connection:expr, |$name:ident| $statement:expr) => {
        match $connection {
            Connection::Sqlite($name) => $statement,
            Connection::Postgres($name) => $statement,
        }
    };
}
pub(super) use on;

/// The connections of a server.
#[derive(Clone, Debug)]
pub(super) enum Pool {
    Sqlite(SqlitePool),
    Postgres(PgPool),
}

impl Pool {
    /// A connection, waited for until `deadline`.
    pub async fn acquire(&self, deadline: Instant) -> Result<Session, StoreError> {
        let acquire = async {
            Ok(match self {
                Self::Sqlite(pool) => Session::Sqlite(pool.acquire().await?),
                Self::Postgres(pool) => Session::Postgres(pool.acquire().await?),
            })
        };
        timeout_at(deadline, acquire)
            .await
            .unwrap_or_else(|_| Err(StoreError::too_late()))
    }

    /// How many connections there are, and how many of them are idle.
    pub fn size(&self) -> (usize, usize) {
        let (all, idle) = match self {
            Self::Sqlite(pool) => (pool.size(), pool.num_idle()),
            Self::Postgres(pool) => (pool.size(), pool.num_idle()),
        };
        (usize::try_from(all).unwrap_or(usize::MAX), idle)
    }

    /// Waits for the transactions under way, then closes all connections.
    pub async fn close(&self) {
        match self {
            Self::Sqlite(pool) => pool.close().await,
            Self::Postgres(pool) => pool.close().await,
        }
    }
}

/// A connection that goes back to the pool when it is dropped.
#[derive(Debug)]
pub(super) enum Session {
    Sqlite(PoolConnection<Sqlite>),
    Postgres(PoolConnection<Postgres>),
}

/// A connection for one statement.
pub(super) enum Connection<'c> {
    Sqlite(&'c mut SqliteConnection),
    Postgres(&'c mut PgConnection),
}

impl Connection<'_> {
    pub fn reborrow(&mut self) -> Connection<'_> {
        match self {
            Self::Sqlite(connection) => Connection::Sqlite(connection),
            Self::Postgres(connection) => Connection::Postgres(connection),
        }
    }
}

impl Session {
    pub fn connection(&mut self) -> Connection<'_> {
        match self {
            Self::Sqlite(session) => Connection::Sqlite(session),
            Self::Postgres(session) => Connection::Postgres(session),
        }
    }

    pub async fn ping(&mut self) -> Result<(), sqlx::Error> {
        on!(self.connection(), |c| c.ping().await)
    }

    /// A transaction whose changes are to be committed by `deadline`.
    ///
    /// SQLite's holds the write lock from its beginning, so its reads stay true until it commits,
    /// even if other processes use the same file. In PostgreSQL the account's row is that lock; see
    /// [`super::accounts::lock_balance`].
    pub async fn begin(&mut self, deadline: Instant) -> Result<Changes<'_>, StoreError> {
        self.begin_locking_by(deadline, deadline).await
    }

    /// The same where the wait for a lock is given up at `lock_by`. PostgreSQL goes on waiting for a
    /// while: it does not see that a connection is gone.
    pub async fn begin_locking_by(
        &mut self,
        deadline: Instant,
        lock_by: Instant,
    ) -> Result<Changes<'_>, StoreError> {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(StoreError::too_late());
        }
        let begin = async {
            Ok(match self {
                Self::Sqlite(session) => {
                    let patience = format!("PRAGMA busy_timeout = {}", left.as_millis());
                    sqlx::raw_sql(AssertSqlSafe(patience))
                        .execute(&mut **session)
                        .await?;
                    Open::Sqlite(session.begin_with("BEGIN IMMEDIATE").await?)
                }
                Self::Postgres(session) => {
                    let patience = lock_by.saturating_duration_since(Instant::now()) + LOCK_GRACE;
                    let begin = match lock_by < deadline {
                        true => format!("BEGIN; SET LOCAL lock_timeout = {}", patience.as_millis()),
                        false => "BEGIN".to_owned(),
                    };
                    Open::Postgres(session.begin_with(AssertSqlSafe(begin)).await?)
                }
            })
        };
        Ok(Changes {
            transaction: by(deadline, begin).await?,
            deadline,
        })
    }

    /// Closes the connection at once, whatever it is doing. An open transaction ends without its
    /// changes.
    pub fn abandon(self) {
        match self {
            // A statement can't be left there; the rollback waits for its end.
            Self::Sqlite(session) => drop(session),
            Self::Postgres(session) => drop(session.detach()),
        }
    }
}

enum Open<'c> {
    Sqlite(Transaction<'c, Sqlite>),
    Postgres(Transaction<'c, Postgres>),
}

/// Changes that are made together before the deadline, or not at all.
pub(super) struct Changes<'c> {
    transaction: Open<'c>,
    pub(super) deadline: Instant,
}

impl Changes<'_> {
    pub fn connection(&mut self) -> Connection<'_> {
        match &mut self.transaction {
            Open::Sqlite(transaction) => Connection::Sqlite(transaction),
            Open::Postgres(transaction) => Connection::Postgres(transaction),
        }
    }

    pub async fn commit(self) -> Result<(), StoreError> {
        if Instant::now() >= self.deadline {
            match self.transaction {
                Open::Sqlite(transaction) => transaction.rollback().await?,
                Open::Postgres(transaction) => transaction.rollback().await?,
            }
            return Err(StoreError::too_late());
        }
        let commit = async {
            match self.transaction {
                Open::Sqlite(transaction) => transaction.commit().await,
                Open::Postgres(transaction) => transaction.commit().await,
            }
        };
        match timeout_at(self.deadline + COMMIT_GRACE, commit).await {
            Ok(committed) => committed.map_err(StoreError::of_commit),
            Err(_) => Err(StoreError::Uncertain(sqlx::Error::PoolTimedOut)),
        }
    }
}

/// The result of statements that change nothing before a commit; too late if they haven't ended by
/// `deadline`.
pub(super) async fn by<T>(
    deadline: Instant,
    statements: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T, StoreError> {
    match timeout_at(deadline, statements).await {
        Ok(ended) => ended.map_err(StoreError::Unavailable),
        Err(_) => Err(StoreError::too_late()),
    }
}

#[cfg(test)]
mod tests {
    use sqlx::Executor;

    use super::*;
    use crate::store::tests::store;

    #[tokio::test]
    async fn a_commit_after_its_deadline_is_undone() {
        let store = store().await;
        let mut session = store.pool.acquire(store.deadline()).await.unwrap();
        let mut changes = session.begin(store.deadline()).await.unwrap();
        on!(changes.connection(), |c| c
            .execute("UPDATE accounts SET balance = 0")
            .await
            .map(drop))
        .unwrap();
        changes.deadline = Instant::now();
        assert!(matches!(
            changes.commit().await,
            Err(StoreError::Unavailable(_))
        ));
        drop(session);
        let balance = store.balance("alice", 0, store.deadline()).await;
        assert_eq!(balance.unwrap().points, 120);
    }

    #[tokio::test]
    async fn the_wait_for_a_connection_ends_at_the_deadline() {
        let store = store().await;
        let _held = store.pool.acquire(store.deadline()).await.unwrap();
        let soon = Instant::now() + Duration::from_millis(20);
        assert!(matches!(
            store.balance("alice", 0, soon).await,
            Err(StoreError::Unavailable(_))
        ));
    }
}
