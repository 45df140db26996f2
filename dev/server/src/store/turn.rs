//! Turns: one request at a time uses the database, and waits for that no longer than its deadline.

use sqlx::pool::PoolConnection;
use sqlx::{AssertSqlSafe, Connection, Sqlite, SqliteConnection, Transaction};
use tokio::time::{Instant, timeout_at};

use super::{Store, StoreError};
use crate::ledger::Terms;

/// A request's turn. No other request of this server uses the database meanwhile, so a look-up sees
/// every charge begun before it, and a batch as a whole.
#[derive(Debug)]
pub struct Turn {
    connection: PoolConnection<Sqlite>,
    deadline: Instant,
    pub(super) terms: Terms,
}

impl Store {
    /// Waits for the turn of a request that is to be decided by `deadline`.
    pub async fn turn(&self, deadline: Instant) -> Result<Turn, StoreError> {
        let connection = timeout_at(deadline, self.pool.acquire())
            .await
            .unwrap_or(Err(sqlx::Error::PoolTimedOut))?;
        Ok(Turn {
            connection,
            deadline,
            terms: self.terms,
        })
    }
}

impl Turn {
    /// A transaction that holds the write lock from its beginning: its reads stay true until it
    /// commits, even if other processes use the same file.
    pub(super) async fn begin(&mut self) -> Result<Changes<'_>, StoreError> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(StoreError::too_late());
        }
        let patience = format!("PRAGMA busy_timeout = {}", left.as_millis());
        sqlx::raw_sql(AssertSqlSafe(patience))
            .execute(&mut *self.connection)
            .await?;
        let transaction = self.connection.begin_with("BEGIN IMMEDIATE").await?;
        Ok(Changes {
            transaction,
            deadline: self.deadline,
        })
    }

    pub(super) fn connection(&mut self) -> &mut SqliteConnection {
        &mut self.connection
    }
}

/// Changes that are made together before the deadline, or not at all.
pub(super) struct Changes<'a> {
    transaction: Transaction<'a, Sqlite>,
    deadline: Instant,
}

impl Changes<'_> {
    pub(super) fn connection(&mut self) -> &mut SqliteConnection {
        &mut self.transaction
    }

    pub(super) async fn commit(self) -> Result<(), StoreError> {
        if Instant::now() >= self.deadline {
            self.transaction.rollback().await?;
            return Err(StoreError::too_late());
        }
        self.transaction
            .commit()
            .await
            .map_err(StoreError::Uncertain)
    }
}

impl StoreError {
    fn too_late() -> Self {
        Self::Unavailable(sqlx::Error::PoolTimedOut)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::ledger::{ChargeRequest, Verdict};
    use crate::store::{Database, Note};

    const TERMS: Terms = Terms {
        seed_balance: 120,
        key_ttl_ms: None,
    };

    async fn store() -> Store {
        let limit = Duration::from_secs(30);
        let store = Store::open(&Database::Memory, TERMS, limit).await.unwrap();
        store.sign_in("alice", "token", 0, 1).await.unwrap();
        store
    }

    async fn charge(turn: &mut Turn, key: &str) -> Result<Verdict, StoreError> {
        let request = ChargeRequest::new(key, key, "f", 5).unwrap();
        let note = Note::default();
        turn.charge("alice", &request, &note, 0, key.to_owned())
            .await
    }

    #[tokio::test]
    async fn a_charge_after_its_deadline_takes_nothing() {
        let store = store().await;
        let deadline = Instant::now() + Duration::from_secs(30);
        let mut turn = store.turn(deadline).await.unwrap();
        assert!(matches!(
            charge(&mut turn, "in-time").await,
            Ok(Verdict::Charged { .. })
        ));
        turn.deadline = Instant::now();
        assert!(matches!(
            charge(&mut turn, "late").await,
            Err(StoreError::Unavailable(_))
        ));
        assert!(matches!(
            turn.lookup("alice", "late").await,
            Err(StoreError::Unavailable(_))
        ));
        assert_eq!(turn.balance("alice").await.unwrap().points, 115);
    }

    #[tokio::test]
    async fn a_commit_after_its_deadline_is_undone() {
        let store = store().await;
        let mut turn = store.turn(store.deadline()).await.unwrap();
        let mut changes = turn.begin().await.unwrap();
        sqlx::query("UPDATE accounts SET balance = 0")
            .execute(changes.connection())
            .await
            .unwrap();
        changes.deadline = Instant::now();
        assert!(matches!(
            changes.commit().await,
            Err(StoreError::Unavailable(_))
        ));
        assert_eq!(turn.balance("alice").await.unwrap().points, 120);
    }

    #[tokio::test]
    async fn the_wait_for_a_turn_ends_at_the_deadline() {
        let store = store().await;
        let _held = store.turn(store.deadline()).await.unwrap();
        let soon = Instant::now() + Duration::from_millis(20);
        assert!(matches!(
            store.turn(soon).await,
            Err(StoreError::Unavailable(_))
        ));
    }
}
