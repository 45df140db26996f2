//! Accounts, their points, prices and tokens.

use sqlx::SqliteConnection;

use tokio::time::Instant;

use super::{Store, StoreError, Turn, integer};
use crate::ledger::{Amount, Balance};

impl Store {
    /// Signs in: keeps `token` for `account` until `expires_at_ms`, and makes the account with the
    /// seed balance if it is new. Expired tokens are deleted.
    pub async fn sign_in(
        &self,
        account: &str,
        token: &str,
        now_ms: u64,
        expires_at_ms: u64,
    ) -> Result<(), StoreError> {
        let opening = Balance::opening(self.terms.seed_balance);
        let mut turn = self.turn(self.deadline()).await?;
        let mut changes = turn.begin().await?;
        let made = sqlx::query(
            "INSERT INTO accounts (account, balance, version) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
        )
        .bind(account)
        .bind(integer(opening.points)?)
        .bind(integer(opening.version)?)
        .execute(changes.connection())
        .await?;
        if made.rows_affected() == 1 {
            credit(changes.connection(), account, opening.points, now_ms).await?;
        }
        sqlx::query("DELETE FROM tokens WHERE expires_at <= ?")
            .bind(integer(now_ms)?)
            .execute(changes.connection())
            .await?;
        sqlx::query("INSERT INTO tokens (token, account, expires_at) VALUES (?, ?, ?)")
            .bind(token)
            .bind(account)
            .bind(integer(expires_at_ms)?)
            .execute(changes.connection())
            .await?;
        changes.commit().await
    }

    /// The account of this token; `None` for one that is unknown or has expired. Waits until
    /// `deadline` for its turn.
    pub async fn account_of(
        &self,
        token: &str,
        now_ms: u64,
        deadline: Instant,
    ) -> Result<Option<String>, StoreError> {
        let mut turn = self.turn(deadline).await?;
        let account =
            sqlx::query_scalar("SELECT account FROM tokens WHERE token = ? AND expires_at > ?")
                .bind(token)
                .bind(integer(now_ms)?)
                .fetch_optional(turn.connection())
                .await?;
        Ok(account)
    }

    /// Adds points. `None`, and nothing is changed, where the balance would pass
    /// [`MAX_POINTS`](crate::ledger::MAX_POINTS).
    pub async fn top_up(
        &self,
        account: &str,
        points: Amount,
        now_ms: u64,
    ) -> Result<Option<Balance>, StoreError> {
        let mut turn = self.turn(self.deadline()).await?;
        let mut changes = turn.begin().await?;
        let before = read_balance(changes.connection(), account).await?;
        let Some(after) = before.plus(points) else {
            return Ok(None);
        };
        write_balance(changes.connection(), account, after).await?;
        credit(changes.connection(), account, points.get(), now_ms).await?;
        changes.commit().await?;
        Ok(Some(after))
    }

    /// Sets the price of a task: from now on it is charged for no other amount.
    pub async fn set_price(
        &self,
        account: &str,
        task_id: &str,
        price: Amount,
    ) -> Result<(), StoreError> {
        let mut turn = self.turn(self.deadline()).await?;
        let mut changes = turn.begin().await?;
        sqlx::query(
            "INSERT INTO prices (account, task_id, price) VALUES (?, ?, ?)
             ON CONFLICT DO UPDATE SET price = excluded.price",
        )
        .bind(account)
        .bind(task_id)
        .bind(integer(price.get())?)
        .execute(changes.connection())
        .await?;
        changes.commit().await
    }

    /// All points that the account was ever given: the seed and the top-ups. The balance and the
    /// charges always add up to this.
    pub async fn credited(&self, account: &str) -> Result<u64, StoreError> {
        let points =
            sqlx::query_scalar("SELECT coalesce(sum(points), 0) FROM credits WHERE account = ?")
                .bind(account)
                .fetch_one(&self.pool)
                .await?;
        Ok(points)
    }
}

impl Turn {
    /// The account's balance.
    pub async fn balance(&mut self, account: &str) -> Result<Balance, StoreError> {
        Ok(read_balance(self.connection(), account).await?)
    }
}

pub(super) async fn read_balance(
    connection: &mut SqliteConnection,
    account: &str,
) -> Result<Balance, sqlx::Error> {
    let (points, version) =
        sqlx::query_as("SELECT balance, version FROM accounts WHERE account = ?")
            .bind(account)
            .fetch_one(connection)
            .await?;
    Ok(Balance { points, version })
}

pub(super) async fn write_balance(
    connection: &mut SqliteConnection,
    account: &str,
    balance: Balance,
) -> Result<(), sqlx::Error> {
    sqlx::query("UPDATE accounts SET balance = ?, version = ? WHERE account = ?")
        .bind(integer(balance.points)?)
        .bind(integer(balance.version)?)
        .bind(account)
        .execute(connection)
        .await?;
    Ok(())
}

async fn credit(
    connection: &mut SqliteConnection,
    account: &str,
    points: u64,
    now_ms: u64,
) -> Result<(), sqlx::Error> {
    sqlx::query("INSERT INTO credits (account, points, credited_at) VALUES (?, ?, ?)")
        .bind(account)
        .bind(integer(points)?)
        .bind(integer(now_ms)?)
        .execute(connection)
        .await?;
    Ok(())
}
