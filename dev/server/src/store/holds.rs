//! Holds in the database. What changes them has the account's row locked, as a charge has.

use super::connection::{Connection, on};
use super::text::{digest, read, written};
use super::{StoreError, integer, unsigned};
use crate::ledger::{ChargeRequest, Hold, HoldVerdict};

/// In the metrics.
pub(super) fn outcome(tried: &Result<HoldVerdict, StoreError>) -> &'static str {
    match tried {
        Ok(HoldVerdict::Held { .. }) => "held",
        Ok(HoldVerdict::Renewed { .. }) => "renewed",
        Ok(HoldVerdict::InsufficientBalance { .. }) => "insufficient_balance",
        Ok(HoldVerdict::KeyReused) => "key_reused",
        Ok(HoldVerdict::AlreadyCharged) => "already_charged",
        Err(StoreError::Unavailable(_)) => "unavailable",
        Err(StoreError::Uncertain(_)) => "uncertain",
    }
}

pub(super) async fn active_hold(
    connection: Connection<'_>,
    account: &str,
    key: &str,
    now_ms: u64,
) -> Result<Option<Hold>, sqlx::Error> {
    let now_ms = integer(now_ms)?;
    let row: Option<(String, String, i64, i64)> = on!(connection, |c| {
        sqlx::query_as(
            "SELECT task_id, feature, amount, expires_at FROM holds
             WHERE account = $1 AND key_digest = $2 AND expires_at > $3",
        )
        .bind(written(account))
        .bind(digest(key))
        .bind(now_ms)
        .fetch_optional(c)
        .await
    })?;
    row.map(|(task_id, feature, amount, expires_at)| {
        let request = ChargeRequest::new(key, read(&task_id), read(&feature), unsigned(amount)?)
            .map_err(|error| sqlx::Error::Decode(Box::new(error)))?;
        Ok(Hold {
            request,
            expires_at_ms: unsigned(expires_at)?,
        })
    })
    .transpose()
}

pub(super) async fn insert_hold(
    connection: Connection<'_>,
    account: &str,
    hold: &Hold,
) -> Result<(), sqlx::Error> {
    let request = &hold.request;
    let amount = integer(request.amount().get())?;
    let expires_at = integer(hold.expires_at_ms)?;
    on!(connection, |c| {
        sqlx::query(
            "INSERT INTO holds (account, key_digest, task_id, feature, amount, expires_at)
             VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind(written(account))
        .bind(digest(request.key()))
        .bind(written(request.task_id()))
        .bind(written(request.feature()))
        .bind(amount)
        .bind(expires_at)
        .execute(c)
        .await
        .map(drop)
    })
}

pub(super) async fn renew_hold(
    connection: Connection<'_>,
    account: &str,
    hold: &Hold,
) -> Result<(), sqlx::Error> {
    let expires_at = integer(hold.expires_at_ms)?;
    on!(connection, |c| {
        sqlx::query("UPDATE holds SET expires_at = $3 WHERE account = $1 AND key_digest = $2")
            .bind(written(account))
            .bind(digest(hold.request.key()))
            .bind(expires_at)
            .execute(c)
            .await
            .map(drop)
    })
}

pub(super) async fn delete_hold(
    connection: Connection<'_>,
    account: &str,
    key: &str,
) -> Result<(), sqlx::Error> {
    on!(connection, |c| {
        sqlx::query("DELETE FROM holds WHERE account = $1 AND key_digest = $2")
            .bind(written(account))
            .bind(digest(key))
            .execute(c)
            .await
            .map(drop)
    })
}

/// Whatever counts on the points of expired holds deletes these first: then no server whose clock is
/// behind finds them active again, and what is held stays within the balance. It also makes room for a
/// new hold of the same key.
pub(super) async fn delete_expired(
    connection: Connection<'_>,
    account: &str,
    now_ms: u64,
) -> Result<(), sqlx::Error> {
    let now_ms = integer(now_ms)?;
    on!(connection, |c| {
        sqlx::query("DELETE FROM holds WHERE account = $1 AND expires_at <= $2")
            .bind(written(account))
            .bind(now_ms)
            .execute(c)
            .await
            .map(drop)
    })
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;
    use crate::ledger::{HoldRequest, Verdict};
    use crate::store::tests::store;
    use crate::store::{NewCharge, Note};

    fn charge(key: &str) -> ChargeRequest {
        ChargeRequest::new(key, "t", "f", 120).unwrap()
    }

    fn new_charge(key: &str) -> NewCharge {
        NewCharge {
            request: charge(key),
            note: Note::default(),
            hold: None,
            charge_id: "c".to_owned(),
        }
    }

    #[tokio::test]
    async fn a_hold_that_expires_before_a_charge_has_its_turn_is_not_in_its_way() {
        let store = store().await;
        let request = HoldRequest::new(charge("k"), 1).unwrap();
        let held = store.hold("alice", &request, || 0, store.deadline()).await;
        assert!(matches!(held, Ok(HoldVerdict::Held { .. })));
        let turn = store.attempts_on("alice", store.deadline()).await.unwrap();
        let (new, now_ms) = (new_charge("other"), AtomicU64::new(999));
        let clock = || now_ms.load(Ordering::Relaxed);
        let (charged, ()) = tokio::join!(
            store.charge("alice", &new, clock, store.deadline()),
            async {
                now_ms.store(1_000, Ordering::Relaxed);
                drop(turn);
            }
        );
        assert!(matches!(charged.unwrap(), Verdict::Charged { .. }));
    }

    #[tokio::test]
    async fn a_released_hold_is_not_there_for_a_clock_that_is_behind() {
        let store = store().await;
        let request = HoldRequest::new(charge("k"), 1).unwrap();
        let held = store.hold("alice", &request, || 0, store.deadline()).await;
        assert!(matches!(held, Ok(HoldVerdict::Held { .. })));
        let released = store.release("alice", "k", 1_000, store.deadline()).await;
        assert_eq!(released.unwrap().held, Some(0));
        let behind = store.balance("alice", 999, store.deadline()).await;
        assert_eq!(behind.unwrap().held, Some(0));
    }

    #[tokio::test]
    async fn a_hold_whose_points_were_taken_is_not_renewed_by_a_clock_that_is_behind() {
        let store = store().await;
        let request = HoldRequest::new(charge("k"), 1).unwrap();
        let hold = async |now_ms| {
            let deadline = store.deadline();
            let held = store.hold("alice", &request, || now_ms, deadline).await;
            held.unwrap()
        };
        assert!(matches!(hold(0).await, HoldVerdict::Held { .. }));
        let new = new_charge("other");
        let charged = store
            .charge("alice", &new, || 1_000, store.deadline())
            .await;
        assert!(matches!(charged.unwrap(), Verdict::Charged { .. }));
        let again = hold(999).await;
        assert!(
            matches!(again, HoldVerdict::InsufficientBalance { balance } if balance.held == Some(0)),
            "{again:?}"
        );
    }
}
