//! `POST charges/batch`: many charges in one request, each a charge of its own.

use std::collections::BTreeSet;

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use serde_json::{Value, json};

use super::App;
use super::account::Account;
use super::answer::{Taken, rfc3339};
use super::billing::charge_now;
use super::body::{ChargeBody, invalid};
use super::problem::{Kind, Problem};
use super::received::Deadline;
use super::request::JsonBody;
use crate::ledger::{ChargeRequest, Verdict};
use crate::store::{Note, Turn};

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
    // One turn for all items: a look-up in between would not see the charges under way.
    let mut turn = app.store.turn(deadline).await?;
    let mut results = Vec::with_capacity(charges.len());
    let mut broken = false;
    for item in charges {
        let key = item["idempotency_key"].clone();
        let mut result = charge_item(&mut turn, &account, item, &mut broken).await;
        result["idempotency_key"] = key;
        results.push(result);
    }
    // Points may have been taken by now, so an error must not say that none were.
    let balance = turn.balance(&account).await.map_err(|error| {
        tracing::error!("{error}");
        Problem::new(Kind::InternalError, "The balance could not be read.")
    })?;
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

async fn charge_item(turn: &mut Turn, account: &str, item: Value, broken: &mut bool) -> Value {
    let (request, note) = match checked(item) {
        Ok(checked) => checked,
        Err(problem) => return refused("rejected", problem),
    };
    if *broken {
        // The time is up, or a failing database would delay the client at every item.
        let untried = Problem::new(
            Kind::ServiceUnavailable,
            "Not tried; an earlier item failed.",
        );
        return refused("retry", untried);
    }
    match charge_now(turn, account, &request, &note).await {
        Ok(verdict) => settled(verdict),
        Err(error) => {
            *broken = true;
            refused("retry", error.into())
        }
    }
}

fn checked(item: Value) -> Result<(ChargeRequest, Note), Problem> {
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
