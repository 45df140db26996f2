//! Accounts, their points, prices and tokens.

use super::connection::{Connection, on};
use super::text::{digest, read, written};
use super::{integer, unsigned};
use crate::ledger::{Amount, Balance};

const BALANCE: &str = "SELECT balance, version FROM accounts WHERE account = $1";
const LOCKED_BALANCE: &str = "SELECT balance, version FROM accounts WHERE account = $1 FOR UPDATE";
const BALANCE_AND_HELD: &str = "SELECT balance, version,
            (SELECT CAST(coalesce(sum(amount), 0) AS BIGINT) FROM holds
             WHERE account = $1 AND expires_at > $2)
     FROM accounts WHERE account = $1";

/// The balance as it was last committed, and what is held of it.
pub(super) async fn read_balance(
    connection: Connection<'_>,
    account: &str,
    now_ms: u64,
) -> Result<Balance, sqlx::Error> {
    let now_ms = integer(now_ms)?;
    let (points, version, held) = on!(connection, |c| {
        sqlx::query_as(BALANCE_AND_HELD)
            .bind(written(account))
            .bind(now_ms)
            .fetch_one(c)
            .await
    })?;
    Ok(Balance {
        held: Some(unsigned(held)?),
        ..balance((points, version))?
    })
}

/// The balance, which no other transaction changes until this one ends. It comes first in every
/// transaction that reads more of an account: those that wait here see what was committed meanwhile.
/// SQLite has the whole file locked already.
///
/// What is held is read after it: PostgreSQL's `FOR UPDATE` reads the locked row anew after a wait,
/// and all other tables as they were before.
pub(super) async fn lock_balance(
    connection: Connection<'_>,
    account: &str,
) -> Result<Balance, sqlx::Error> {
    let row = match connection {
        Connection::Sqlite(c) => {
            sqlx::query_as(BALANCE)
                .bind(written(account))
                .fetch_one(c)
                .await?
        }
        Connection::Postgres(c) => {
            sqlx::query_as(LOCKED_BALANCE)
                .bind(written(account))
                .fetch_one(c)
                .await?
        }
    };
    balance(row)
}

fn balance((points, version): (i64, i64)) -> Result<Balance, sqlx::Error> {
    Ok(Balance {
        points: unsigned(points)?,
        held: None,
        version: unsigned(version)?,
    })
}

/// Writes the balance `after`, where that of before is still `before`: whoever has locked it knows
/// that it is, and this doesn't rely on that.
pub(super) async fn write_balance(
    connection: Connection<'_>,
    account: &str,
    before: Balance,
    after: Balance,
) -> Result<(), sqlx::Error> {
    let (points, version) = (integer(after.points)?, integer(after.version)?);
    let known = integer(before.version)?;
    let written = on!(connection, |c| {
        sqlx::query(
            "UPDATE accounts SET balance = $2, version = $3 WHERE account = $1 AND version = $4",
        )
        .bind(written(account))
        .bind(points)
        .bind(version)
        .bind(known)
        .execute(c)
        .await
        .map(|done| done.rows_affected())
    })?;
    match written {
        1 => Ok(()),
        _ => Err(sqlx::Error::RowNotFound),
    }
}

/// Makes the account if it is new, and says whether it is.
pub(super) async fn open_account(
    connection: Connection<'_>,
    account: &str,
    opening: Balance,
) -> Result<bool, sqlx::Error> {
    let (points, version) = (integer(opening.points)?, integer(opening.version)?);
    let made = on!(connection, |c| {
        sqlx::query(
            "INSERT INTO accounts (account, balance, version) VALUES ($1, $2, $3)
             ON CONFLICT DO NOTHING",
        )
        .bind(written(account))
        .bind(points)
        .bind(version)
        .execute(c)
        .await
        .map(|made| made.rows_affected())
    })?;
    Ok(made == 1)
}

/// Notes the points that made the balance `after`.
pub(super) async fn credit(
    connection: Connection<'_>,
    account: &str,
    after: Balance,
    points: u64,
    now_ms: u64,
) -> Result<(), sqlx::Error> {
    let (version, points, now_ms) = (integer(after.version)?, integer(points)?, integer(now_ms)?);
    on!(connection, |c| {
        sqlx::query(
            "INSERT INTO credits (account, version, points, credited_at) VALUES ($1, $2, $3, $4)",
        )
        .bind(written(account))
        .bind(version)
        .bind(points)
        .bind(now_ms)
        .execute(c)
        .await
        .map(drop)
    })
}

pub(super) async fn sum_credits(
    connection: Connection<'_>,
    account: &str,
) -> Result<u64, sqlx::Error> {
    let points: i64 = on!(connection, |c| {
        sqlx::query_scalar(
            "SELECT CAST(coalesce(sum(points), 0) AS BIGINT) FROM credits WHERE account = $1",
        )
        .bind(written(account))
        .fetch_one(c)
        .await
    })?;
    unsigned(points)
}

pub(super) async fn keep_token(
    connection: Connection<'_>,
    account: &str,
    token: &str,
    expires_at_ms: u64,
) -> Result<(), sqlx::Error> {
    let expires_at_ms = integer(expires_at_ms)?;
    on!(connection, |c| {
        sqlx::query(
            "INSERT INTO tokens (token, account, expires_at) VALUES ($1, $2, $3)
             ON CONFLICT DO NOTHING",
        )
        .bind(token)
        .bind(written(account))
        .bind(expires_at_ms)
        .execute(c)
        .await
        .map(drop)
    })
}

pub(super) async fn forget_tokens(
    connection: Connection<'_>,
    account: &str,
    now_ms: u64,
) -> Result<(), sqlx::Error> {
    let now_ms = integer(now_ms)?;
    on!(connection, |c| {
        sqlx::query("DELETE FROM tokens WHERE account = $1 AND expires_at <= $2")
            .bind(written(account))
            .bind(now_ms)
            .execute(c)
            .await
            .map(drop)
    })
}

pub(super) async fn account_of_token(
    connection: Connection<'_>,
    token: &str,
    now_ms: u64,
) -> Result<Option<String>, sqlx::Error> {
    let now_ms = integer(now_ms)?;
    let account: Option<String> = on!(connection, |c| {
        sqlx::query_scalar("SELECT account FROM tokens WHERE token = $1 AND expires_at > $2")
            .bind(token)
            .bind(now_ms)
            .fetch_optional(c)
            .await
    })?;
    Ok(account.as_deref().map(read))
}

pub(super) async fn write_price(
    connection: Connection<'_>,
    account: &str,
    task_id: &str,
    price: Amount,
) -> Result<(), sqlx::Error> {
    let price = integer(price.get())?;
    on!(connection, |c| {
        sqlx::query(
            "INSERT INTO prices (account, task_digest, task_id, price) VALUES ($1, $2, $3, $4)
             ON CONFLICT (account, task_digest) DO UPDATE SET price = excluded.price",
        )
        .bind(written(account))
        .bind(digest(task_id))
        .bind(written(task_id))
        .bind(price)
        .execute(c)
        .await
        .map(drop)
    })
}
