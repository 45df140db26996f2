//! Charges in the database, each made in one transaction.

use sqlx::SqliteConnection;

use super::accounts::{read_balance, write_balance};
use super::{Store, StoreError, Turn, integer};
use crate::ledger::{
    Amount, Balance, Charge, ChargeRequest, Decision, Known, Terms, Verdict, decide, remembers,
};

/// Members that a client sends along with a charge: stored, never read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Note {
    /// When the client made the charge, RFC 3339.
    pub created_at: Option<String>,
    /// A JSON object of strings.
    pub metadata: Option<String>,
}

/// A charge as the database holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The charge.
    pub charge: Charge,
    /// How often its key was sent, whatever the verdict.
    pub requests: u64,
}

impl Turn {
    /// Charges `request` to `account` in one transaction, or says why not. `charge_id` names the
    /// charge if this makes one.
    pub async fn charge(
        &mut self,
        account: &str,
        request: &ChargeRequest,
        note: &Note,
        now_ms: u64,
        charge_id: String,
    ) -> Result<Verdict, StoreError> {
        let terms = self.terms;
        let mut changes = self.begin().await?;
        let connection = changes.connection();
        count_request(connection, account, request.key()).await?;
        let balance = read_balance(connection, account).await?;
        let latest = latest_charge(connection, account, request.key()).await?;
        let remembered =
            latest.filter(|charge| remembers(terms.key_ttl_ms, charge.charged_at_ms, now_ms));
        let known = Known {
            balance,
            charged: remembered.as_ref(),
            price: price(connection, account, request.task_id()).await?,
        };
        let verdict = match decide(known, request) {
            Decision::Charge { after } => {
                let charge = Charge {
                    charge_id,
                    request: request.clone(),
                    charged_at_ms: now_ms,
                };
                forget_key(terms, connection, account, request.key(), now_ms).await?;
                insert_charge(connection, account, &charge, note).await?;
                write_balance(connection, account, after).await?;
                Verdict::Charged {
                    charge,
                    balance: after,
                }
            }
            Decision::Replay { charge } => Verdict::Replayed {
                charge: charge.clone(),
                balance,
            },
            Decision::KeyReused => Verdict::KeyReused,
            Decision::PriceMismatch { price } => Verdict::PriceMismatch { price },
            Decision::InsufficientBalance => Verdict::InsufficientBalance { balance },
        };
        changes.commit().await?;
        Ok(verdict)
    }

    /// The latest charge with this key, and the balance of the same moment. Look-ups outlive the
    /// memory of keys.
    ///
    /// Takes the write lock, so that a transaction of another process on the same file ends first.
    pub async fn lookup(
        &mut self,
        account: &str,
        key: &str,
    ) -> Result<Option<(Charge, Balance)>, StoreError> {
        let mut snapshot = self.begin().await?;
        let Some(charge) = latest_charge(snapshot.connection(), account, key).await? else {
            return Ok(None);
        };
        let balance = read_balance(snapshot.connection(), account).await?;
        Ok(Some((charge, balance)))
    }
}

impl Store {
    /// Every charge of the account, newest first, and the balance of the same moment.
    pub async fn charges(&self, account: &str) -> Result<(Vec<Record>, Balance), StoreError> {
        let mut snapshot = self.pool.begin().await?;
        let rows: Vec<(String, String, String, String, u64, u64, u64)> = sqlx::query_as(
            "SELECT charge_id, idempotency_key, task_id, feature, amount, charged_at, requests
             FROM charges JOIN requests USING (account, idempotency_key)
             WHERE account = ? ORDER BY id DESC",
        )
        .bind(account)
        .fetch_all(&mut *snapshot)
        .await?;
        let records = rows
            .into_iter()
            .map(
                |(charge_id, key, task_id, feature, amount, charged_at_ms, requests)| {
                    let request = stored(ChargeRequest::new(key, task_id, feature, amount))?;
                    let charge = Charge {
                        charge_id,
                        request,
                        charged_at_ms,
                    };
                    Ok(Record { charge, requests })
                },
            )
            .collect::<Result<_, sqlx::Error>>()?;
        let balance = read_balance(&mut snapshot, account).await?;
        Ok((records, balance))
    }
}

/// Makes room in the unique index for a new charge of an expired key. It checks the time again, so
/// that the index stays an independent check of the decision.
async fn forget_key(
    terms: Terms,
    connection: &mut SqliteConnection,
    account: &str,
    key: &str,
    now_ms: u64,
) -> Result<(), sqlx::Error> {
    let Some(key_ttl_ms) = terms.key_ttl_ms else {
        return Ok(());
    };
    sqlx::query(
        "UPDATE charges SET remembered = 0
         WHERE account = ? AND idempotency_key = ? AND remembered = 1 AND charged_at <= ?",
    )
    .bind(account)
    .bind(key)
    .bind(integer(now_ms.saturating_sub(key_ttl_ms))?)
    .execute(connection)
    .await?;
    Ok(())
}

async fn latest_charge(
    connection: &mut SqliteConnection,
    account: &str,
    key: &str,
) -> Result<Option<Charge>, sqlx::Error> {
    let row: Option<(String, String, String, u64, u64)> = sqlx::query_as(
        "SELECT charge_id, task_id, feature, amount, charged_at FROM charges
         WHERE account = ? AND idempotency_key = ? ORDER BY id DESC LIMIT 1",
    )
    .bind(account)
    .bind(key)
    .fetch_optional(connection)
    .await?;
    row.map(|(charge_id, task_id, feature, amount, charged_at_ms)| {
        Ok(Charge {
            charge_id,
            request: stored(ChargeRequest::new(key, task_id, feature, amount))?,
            charged_at_ms,
        })
    })
    .transpose()
}

async fn price(
    connection: &mut SqliteConnection,
    account: &str,
    task_id: &str,
) -> Result<Option<Amount>, sqlx::Error> {
    let price: Option<u64> =
        sqlx::query_scalar("SELECT price FROM prices WHERE account = ? AND task_id = ?")
            .bind(account)
            .bind(task_id)
            .fetch_optional(connection)
            .await?;
    Ok(price.and_then(Amount::new))
}

async fn count_request(
    connection: &mut SqliteConnection,
    account: &str,
    key: &str,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO requests (account, idempotency_key, requests) VALUES (?, ?, 1)
         ON CONFLICT DO UPDATE SET requests = requests + 1",
    )
    .bind(account)
    .bind(key)
    .execute(connection)
    .await?;
    Ok(())
}

async fn insert_charge(
    connection: &mut SqliteConnection,
    account: &str,
    charge: &Charge,
    note: &Note,
) -> Result<(), sqlx::Error> {
    let request = &charge.request;
    sqlx::query(
        "INSERT INTO charges (charge_id, account, idempotency_key, task_id, feature, amount,
                              created_at, metadata, charged_at, remembered)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 1)",
    )
    .bind(&charge.charge_id)
    .bind(account)
    .bind(request.key())
    .bind(request.task_id())
    .bind(request.feature())
    .bind(integer(request.amount().get())?)
    .bind(&note.created_at)
    .bind(&note.metadata)
    .bind(integer(charge.charged_at_ms)?)
    .execute(connection)
    .await?;
    Ok(())
}

/// The error of a row that breaks the rules, and so was not written by this server.
fn stored<T, E>(checked: Result<T, E>) -> Result<T, sqlx::Error>
where
    E: std::error::Error + Send + Sync + 'static,
{
    checked.map_err(|error| sqlx::Error::Decode(Box::new(error)))
}
