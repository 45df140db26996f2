//! The ledger in a database: accounts, charges, holds, prices and tokens, in SQLite or PostgreSQL.

mod accounts;
#[cfg(test)]
mod agreement;
mod attempts;
mod charges;
mod connection;
mod database;
mod error;
mod holds;
mod text;
mod turn;

use std::time::Duration;

use tokio::time::Instant;

use crate::ledger::Terms;
use crate::metrics::Metrics;
use connection::{Pool, by};
use error::Again;
use turn::Turns;

pub use charges::{NewCharge, Note, Record};
pub use database::Database;
pub use error::StoreError;

/// The database. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Store {
    pool: Pool,
    turns: Turns,
    terms: Terms,
    holds: bool,
    decide_within: Duration,
    metrics: Metrics,
}

impl Store {
    /// Opens the database, and creates or migrates its tables. Without `holds` those that are there
    /// count for nothing. A request that waits for its turn longer than `decide_within` is told that
    /// nothing was changed. `connections` is the most that are open to PostgreSQL at a time.
    pub async fn open(
        database: &Database,
        terms: Terms,
        holds: bool,
        decide_within: Duration,
        connections: u32,
        metrics: Metrics,
    ) -> Result<Self, sqlx::Error> {
        for again in Again::ALL {
            metrics.expect_retries(again.reason());
        }
        Ok(Self {
            pool: database.open(decide_within, connections).await?,
            turns: Turns::default(),
            terms,
            holds,
            decide_within,
            metrics,
        })
    }

    /// Waits for the transactions under way, then closes the database.
    pub async fn close(&self) {
        self.pool.close().await;
    }

    /// Whether the database answers by `deadline`.
    pub async fn ping(&self, deadline: Instant) -> Result<(), StoreError> {
        let mut session = self.pool.acquire(deadline).await?;
        by(deadline, session.ping()).await
    }

    /// Notes the connections that there are now.
    pub fn count_connections(&self) {
        let (all, idle) = self.pool.size();
        self.metrics.connections(all.saturating_sub(idle), idle);
    }

    /// Points that a new account starts with.
    pub fn seed_balance(&self) -> u64 {
        self.terms.seed_balance
    }

    /// Whether holds are kept.
    pub fn keeps_holds(&self) -> bool {
        self.holds
    }

    /// The deadline of a request that begins now.
    pub fn deadline(&self) -> Instant {
        Instant::now() + self.decide_within
    }
}

/// Converts to SQL's integers, which are signed.
fn integer(value: u64) -> Result<i64, sqlx::Error> {
    i64::try_from(value).map_err(|error| sqlx::Error::Encode(Box::new(error)))
}

/// Converts from SQL's integers.
fn unsigned(value: i64) -> Result<u64, sqlx::Error> {
    u64::try_from(value).map_err(|error| sqlx::Error::Decode(Box::new(error)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A store in memory, in which alice has 120 points.
    pub async fn store() -> Store {
        let terms = Terms {
            seed_balance: 120,
            key_ttl_ms: None,
        };
        let limit = Duration::from_secs(30);
        let store = Store::open(&Database::Memory, terms, true, limit, 1, Metrics::default()).await;
        let store = store.unwrap();
        store.sign_in("alice", "token", 0, 1).await.unwrap();
        store
    }
}
