//! `POST charges/batch`: many charges in one request, each a charge of its own.

use std::collections::BTreeSet;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::App;
use super::account::Account;
use super::answer::{Taken, rfc3339};
use super::body::{ChargeBody, invalid};
use super::problem::{Kind, Problem};
use super::received::Deadline;
use super::request::JsonBody;
use crate::clock::now_ms;
use crate::ledger::Verdict;
use crate::store::NewCharge;

/// How long a batch that was not decided in time waits for the balance that its answer has.
const BALANCE_WITHIN: Duration = Duration::from_secs(1);

/// The most charges in one batch.
const MAX_ITEMS: usize = 100;

/// The items stay unread at first: a bad one must not spoil the others.
#[derive(Deserialize)]
pub(super) struct Batch {
    charges: Vec<Value>,
}

#[derive(Deserialize)]
struct Item {
    idempotency_key: String,
    #[serde(flatten)]
    body: ChargeBody,
}

pub(super) async fn charge_batch(
    State(app): State<App>,
    Account(account): Account,
    Deadline(deadline): Deadline,
    JsonBody(Batch { charges }): JsonBody<Batch>,
) -> Result<Json<Value>, Problem> {
    check_whole(&charges)?;
    let keys: Vec<_> = charges
        .iter()
        .map(|item| item["idempotency_key"].clone())
        .collect();
    let items: Vec<_> = charges.into_iter().map(checked).collect();
    let good: Vec<_> = items.iter().flatten().cloned().collect();
    let charged = app.store.charge_all(&account, &good, now_ms(), deadline);
    let (verdicts, balance, untried) = match charged.await {
        Ok((verdicts, balance)) => {
            let untried = Problem::new(Kind::ServiceUnavailable, "Not tried; the time was up.");
            (verdicts, balance, untried)
        }
        Err(error) => {
            let problem = Problem::from(error);
            let balance = app.store.balance(&account, Instant::now() + BALANCE_WITHIN);
            // Where points may have been taken, no answer says that none were.
            let balance = balance.await.map_err(|_| problem.clone())?;
            (Vec::new(), balance, problem)
        }
    };
    let mut verdicts = verdicts.into_iter();
    let results: Vec<_> = items
        .into_iter()
        .zip(keys)
        .map(|(item, key)| {
            let mut result = match item.map(|_| verdicts.next()) {
                Ok(Some(verdict)) => settled(verdict),
                Ok(None) => refused("retry", untried.clone()),
                Err(problem) => refused("rejected", problem),
            };
            result["idempotency_key"] = key;
            result
        })
        .collect();
    Ok(Json(json!({
        "results": results,
        "balance": balance.points,
        "version": balance.version,
    })))
}

/// The problem that makes the whole batch wrong, so that none of its items is charged.
fn check_whole(charges: &[Value]) -> Result<(), Problem> {
    if charges.is_empty() || charges.len() > MAX_ITEMS {
        return Err(invalid(format!("A batch has 1 to {MAX_ITEMS} charges.")));
    }
    let mut seen = BTreeSet::new();
    let mut keys = charges
        .iter()
        .filter_map(|item| item["idempotency_key"].as_str());
    match keys.find(|key| !seen.insert(*key)) {
        Some(_) => Err(invalid("A batch has each idempotency_key once.")),
        None => Ok(()),
    }
}

fn checked(item: Value) -> Result<NewCharge, Problem> {
    let item: Item = serde_json::from_value(item).map_err(|error| invalid(format!("{error}.")))?;
    item.body.check(item.idempotency_key)
}

fn settled(verdict: Verdict) -> Value {
    let status = match verdict {
        Verdict::InsufficientBalance { .. } => "declined",
        Verdict::KeyReused | Verdict::PriceMismatch { .. } => "rejected",
        Verdict::Charged { .. } | Verdict::Replayed { .. } => "charged",
    };
    match Taken::of(verdict) {
        Ok(Taken {
            charge, replayed, ..
        }) => json!({
            "status": status,
            "charge_id": charge.charge_id,
            "amount": charge.request.amount().get(),
            "charged_at": rfc3339(charge.charged_at_ms),
            "replayed": replayed,
        }),
        Err(problem) => refused(status, problem),
    }
}

fn refused(status: &str, problem: Problem) -> Value {
    json!({ "status": status, "problem": problem.document() })
}
