//! Charges in the database. Those of one request are made in one transaction.

use super::connection::{Connection, on};
use super::holds::{delete_expired, delete_hold};
use super::text::{digest, read, written};
use super::{integer, unsigned};
use crate::ledger::{
    Amount, Balance, Charge, ChargeRequest, Decision, Known, OfHold, Terms, Verdict, decide,
    remembers,
};

/// A charge to be made, or to be found already made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewCharge {
    /// What is charged.
    pub request: ChargeRequest,
    /// What the client sent along.
    pub note: Note,
    /// The key of the hold that it names, in place of its own.
    pub hold: Option<String>,
    /// The name of the charge if this makes one.
    pub charge_id: String,
}

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

/// In the metrics.
pub(super) fn outcome(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Charged { .. } => "charged",
        Verdict::Replayed { .. } => "replayed",
        Verdict::InsufficientBalance { .. } => "insufficient_balance",
        Verdict::KeyReused => "key_reused",
        Verdict::PriceMismatch { .. } => "price_mismatch",
        Verdict::HoldExceeded { .. } => "hold_exceeded",
    }
}

/// What came of the charges of one request.
pub(super) struct Made {
    pub verdicts: Vec<Verdict>,
    /// After them.
    pub balance: Balance,
    /// How many holds they have settled.
    pub settled: u64,
}

/// The holds of an account, for one of its charges.
struct Holds {
    /// The points in the active ones.
    held: u64,
    /// Those in the active one that the charge would settle.
    of_key: Option<Amount>,
    /// How many have expired.
    expired: u64,
}

/// An account within a transaction that has locked it.
pub(super) struct Books<'t> {
    pub connection: Connection<'t>,
    pub account: &'t str,
    pub terms: Terms,
    /// Whether holds are kept.
    pub holds: bool,
    pub now_ms: u64,
    /// The balance after the charges made so far, which is still to be written. What is held of it
    /// is known from the first of them on.
    pub balance: Balance,
    /// How many holds were settled.
    pub settled: u64,
}

impl Books<'_> {
    /// Decides one charge, and makes it if it is to be made.
    pub async fn charge(&mut self, new: &NewCharge) -> Result<Verdict, sqlx::Error> {
        let request = &new.request;
        self.count_request(request.key()).await?;
        let latest = latest_charge(self.connection.reborrow(), self.account, request.key()).await?;
        let remembered = latest
            .filter(|charge| remembers(self.terms.key_ttl_ms, charge.charged_at_ms, self.now_ms));
        let of_hold = new.hold.as_deref().unwrap_or(request.key());
        let (price, holds) = self.price_and_holds(request.task_id(), of_hold).await?;
        if holds.expired > 0 {
            delete_expired(self.connection.reborrow(), self.account, self.now_ms).await?;
        }
        self.balance.held = self.holds.then_some(holds.held);
        let balance = self.balance;
        let known = Known {
            balance,
            charged: remembered.as_ref(),
            price,
            hold: holds.of_key.filter(|_| self.holds).map(|amount| OfHold {
                amount,
                is_named: new.hold.is_some(),
            }),
        };
        Ok(match decide(known, request) {
            Decision::Charge { after } => {
                let charge = Charge {
                    charge_id: new.charge_id.clone(),
                    request: request.clone(),
                    charged_at_ms: self.now_ms,
                };
                self.forget_key(request.key()).await?;
                self.insert_charge(&charge, after, &new.note).await?;
                if known.hold.is_some() {
                    delete_hold(self.connection.reborrow(), self.account, of_hold).await?;
                    self.settled += 1;
                }
                self.balance = after;
                Verdict::Charged {
                    charge,
                    balance: after,
                }
            }
            // Made by an attempt whose commit was not confirmed.
            Decision::Replay { charge } if charge.charge_id == new.charge_id => Verdict::Charged {
                charge: charge.clone(),
                balance,
            },
            Decision::Replay { charge } => Verdict::Replayed {
                charge: charge.clone(),
                balance,
            },
            Decision::KeyReused => Verdict::KeyReused,
            Decision::PriceMismatch { price } => Verdict::PriceMismatch { price },
            Decision::HoldExceeded { held } => Verdict::HoldExceeded { held },
            Decision::InsufficientBalance => Verdict::InsufficientBalance { balance },
        })
    }

    async fn count_request(&mut self, key: &str) -> Result<(), sqlx::Error> {
        on!(self.connection.reborrow(), |c| {
            sqlx::query(
                "INSERT INTO requests (account, key_digest, requests) VALUES ($1, $2, 1)
                 ON CONFLICT (account, key_digest) DO UPDATE SET requests = requests.requests + 1",
            )
            .bind(written(self.account))
            .bind(digest(key))
            .execute(c)
            .await
            .map(drop)
        })
    }

    /// The task's price, and the account's holds as a charge sees them that would settle the one of
    /// this key: one statement, so that holds cost an account that has none no further one.
    async fn price_and_holds(
        &mut self,
        task_id: &str,
        of_hold: &str,
    ) -> Result<(Option<Amount>, Holds), sqlx::Error> {
        let now_ms = integer(self.now_ms)?;
        let (price, held, of_key, expired): (Option<i64>, i64, Option<i64>, i64) =
            on!(self.connection.reborrow(), |c| {
                sqlx::query_as(PRICE_AND_HOLDS)
                    .bind(written(self.account))
                    .bind(digest(task_id))
                    .bind(digest(of_hold))
                    .bind(now_ms)
                    .fetch_one(c)
                    .await
            })?;
        let holds = Holds {
            held: unsigned(held)?,
            of_key: stored_amount(of_key)?,
            expired: unsigned(expired)?,
        };
        Ok((stored_amount(price)?, holds))
    }

    /// Makes room in the unique index for a new charge of an expired key. It checks the time again,
    /// so that the index stays an independent check of the decision.
    async fn forget_key(&mut self, key: &str) -> Result<(), sqlx::Error> {
        let Some(key_ttl_ms) = self.terms.key_ttl_ms else {
            return Ok(());
        };
        let until = integer(self.now_ms.saturating_sub(key_ttl_ms))?;
        on!(self.connection.reborrow(), |c| {
            sqlx::query(
                "UPDATE charges SET remembered = FALSE
                 WHERE account = $1 AND key_digest = $2 AND remembered = TRUE AND charged_at <= $3",
            )
            .bind(written(self.account))
            .bind(digest(key))
            .bind(until)
            .execute(c)
            .await
            .map(drop)
        })
    }

    async fn insert_charge(
        &mut self,
        charge: &Charge,
        after: Balance,
        note: &Note,
    ) -> Result<(), sqlx::Error> {
        let request = &charge.request;
        let version = integer(after.version)?;
        let amount = integer(request.amount().get())?;
        let charged_at = integer(charge.charged_at_ms)?;
        on!(self.connection.reborrow(), |c| {
            sqlx::query(
                "INSERT INTO charges (account, version, charge_id, idempotency_key, key_digest,
                                      task_id, feature, amount, created_at, metadata, charged_at,
                                      remembered)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, TRUE)",
            )
            .bind(written(self.account))
            .bind(version)
            .bind(&charge.charge_id)
            .bind(written(request.key()))
            .bind(digest(request.key()))
            .bind(written(request.task_id()))
            .bind(written(request.feature()))
            .bind(amount)
            .bind(&note.created_at)
            .bind(&note.metadata)
            .bind(charged_at)
            .execute(c)
            .await
            .map(drop)
        })
    }
}

const LATEST_CHARGE: &str = "SELECT charge_id, task_id, feature, amount, charged_at FROM charges
     WHERE account = $1 AND key_digest = $2 ORDER BY version DESC LIMIT 1";

const PRICE_AND_HOLDS: &str = "SELECT
         (SELECT price FROM prices WHERE account = $1 AND task_digest = $2),
         CAST(coalesce(sum(CASE WHEN expires_at > $4 THEN amount END), 0) AS BIGINT),
         CAST(sum(CASE WHEN expires_at > $4 AND key_digest = $3 THEN amount END) AS BIGINT),
         count(CASE WHEN expires_at <= $4 THEN 1 END)
     FROM holds WHERE account = $1";

pub(super) async fn latest_charge(
    connection: Connection<'_>,
    account: &str,
    key: &str,
) -> Result<Option<Charge>, sqlx::Error> {
    let row: Option<(String, String, String, i64, i64)> = on!(connection, |c| {
        sqlx::query_as(LATEST_CHARGE)
            .bind(written(account))
            .bind(digest(key))
            .fetch_optional(c)
            .await
    })?;
    row.map(|(charge_id, task_id, feature, amount, charged_at)| {
        stored_charge(charge_id, key, &task_id, &feature, amount, charged_at)
    })
    .transpose()
}

pub(super) async fn all_charges(
    connection: Connection<'_>,
    account: &str,
) -> Result<Vec<Record>, sqlx::Error> {
    let rows: Vec<(String, String, String, String, i64, i64, i64)> = on!(connection, |c| {
        sqlx::query_as(
            "SELECT charge_id, idempotency_key, task_id, feature, amount, charged_at,
                    requests.requests
             FROM charges JOIN requests USING (account, key_digest)
             WHERE account = $1 ORDER BY version DESC",
        )
        .bind(written(account))
        .fetch_all(c)
        .await
    })?;
    rows.into_iter()
        .map(
            |(charge_id, key, task_id, feature, amount, charged_at, requests)| {
                Ok(Record {
                    charge: stored_charge(
                        charge_id,
                        &read(&key),
                        &task_id,
                        &feature,
                        amount,
                        charged_at,
                    )?,
                    requests: unsigned(requests)?,
                })
            },
        )
        .collect()
}

/// The charge of a row. One that breaks the rules was not written by this server.
fn stored_charge(
    charge_id: String,
    key: &str,
    task_id: &str,
    feature: &str,
    amount: i64,
    charged_at: i64,
) -> Result<Charge, sqlx::Error> {
    let request = ChargeRequest::new(key, read(task_id), read(feature), unsigned(amount)?)
        .map_err(|error| sqlx::Error::Decode(Box::new(error)))?;
    Ok(Charge {
        charge_id,
        request,
        charged_at_ms: unsigned(charged_at)?,
    })
}

fn stored_amount(points: Option<i64>) -> Result<Option<Amount>, sqlx::Error> {
    Ok(points.map(unsigned).transpose()?.and_then(Amount::new))
}

#[cfg(test)]
mod tests {
    use sqlx::AssertSqlSafe;
    use tokio::time::Instant;

    use super::*;
    use crate::store::StoreError;
    use crate::store::tests::store;

    fn charge(key: &str) -> NewCharge {
        NewCharge {
            request: ChargeRequest::new(key, key, "f", 5).unwrap(),
            note: Note::default(),
            hold: None,
            charge_id: format!("id of {key}"),
        }
    }

    #[tokio::test]
    async fn a_charge_after_its_deadline_takes_nothing() {
        let store = store().await;
        let late = Instant::now();
        assert!(matches!(
            store.charge("alice", &charge("k"), || 0, late).await,
            Err(StoreError::Unavailable(_))
        ));
        assert!(matches!(
            store.lookup("alice", "k", 0, late).await,
            Err(StoreError::Unavailable(_))
        ));
        let balance = store.balance("alice", 0, store.deadline()).await;
        assert_eq!(balance.unwrap().points, 120);
    }

    #[tokio::test]
    async fn a_batch_keeps_what_it_has_done_when_its_time_runs_out() {
        let store = store().await;
        let all = [charge("k1"), charge("k2"), charge("k3")];
        // Less than is kept for the commit.
        let soon = Instant::now() + store.time_to_commit() / 2;
        let (verdicts, balance) = store.charge_all("alice", &all, || 0, soon).await.unwrap();
        assert!(matches!(verdicts[..], [Verdict::Charged { .. }]));
        assert_eq!(balance.points, 115);
        let kept = store.balance("alice", 0, store.deadline()).await;
        assert_eq!(kept.unwrap(), balance);
    }

    #[tokio::test]
    async fn an_attempt_after_an_unconfirmed_commit_finds_its_own_charge_made() {
        let store = store().await;
        let (new, deadline) = (charge("k"), store.deadline());
        let first = store.charge("alice", &new, || 0, deadline).await.unwrap();
        assert!(matches!(first, Verdict::Charged { .. }));
        let again = store.charge("alice", &new, || 1, deadline).await.unwrap();
        assert_eq!(again, first);
        let other = NewCharge {
            charge_id: "another request's".to_owned(),
            ..new
        };
        let replayed = store.charge("alice", &other, || 2, deadline).await.unwrap();
        assert!(matches!(replayed, Verdict::Replayed { .. }));
    }

    #[tokio::test]
    async fn sqlite_finds_a_key_without_reading_the_accounts_other_charges() {
        let store = store().await;
        let mut session = store.pool.acquire(store.deadline()).await.unwrap();
        let plan: (i64, i64, i64, String) = on!(session.connection(), |c| {
            sqlx::query_as(AssertSqlSafe(format!("EXPLAIN QUERY PLAN {LATEST_CHARGE}")))
                .bind("alice")
                .bind(digest("k"))
                .fetch_one(c)
                .await
        })
        .unwrap();
        assert!(plan.3.contains("account=? AND key_digest=?"), "{}", plan.3);
    }

    #[tokio::test]
    async fn sqlite_finds_holds_without_reading_those_of_other_accounts() {
        let store = store().await;
        let mut session = store.pool.acquire(store.deadline()).await.unwrap();
        let plan: Vec<(i64, i64, i64, String)> = on!(session.connection(), |c| {
            sqlx::query_as(AssertSqlSafe(format!(
                "EXPLAIN QUERY PLAN {PRICE_AND_HOLDS}"
            )))
            .bind("alice")
            .bind(digest("t"))
            .bind(digest("k"))
            .bind(0)
            .fetch_all(c)
            .await
        })
        .unwrap();
        let of_holds: Vec<_> = plan
            .iter()
            .map(|(.., detail)| detail.as_str())
            .filter(|detail| detail.contains("holds"))
            .collect();
        assert_eq!(of_holds.len(), 1, "{plan:?}");
        for detail in of_holds {
            assert!(detail.starts_with("SEARCH"), "{detail}");
            assert!(detail.contains("account=?"), "{detail}");
        }
    }
}
