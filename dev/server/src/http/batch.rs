//! `POST charges/batch`: many charges in one request, each a charge of its own.

// What `utoipa::path` makes of a name in scope.
#![allow(unused_qualifications)]

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::time::Instant;
use utoipa::openapi::schema::{ArrayBuilder, Ref};
use utoipa::openapi::{RefOr, Response as Answer};
use utoipa::{IntoResponses, ToSchema};

use super::App;
use super::account::Account;
use super::answer::{Taken, rfc3339};
use super::billing::OF_ANY;
use super::body::{ChargeBody, invalid};
use super::number::Whole;
use super::problem::{Kind, Problem};
use super::received::Deadline;
use super::request::{IdempotencyKey, JsonBody};
use crate::clock::now_ms;
use crate::ledger::{Amount, Verdict};
use crate::store::NewCharge;

/// How long a batch that was not decided in time waits for the balance that its answer has.
const BALANCE_WITHIN: Duration = Duration::from_secs(1);

/// The most charges in one batch.
const MAX_ITEMS: usize = 100;

/// Several charges.
#[derive(Deserialize, ToSchema)]
#[schema(as = BatchRequest, example = json!({
    "charges": [
        {
            "idempotency_key": "cloud_trans:task-1",
            "task_id": "task-1",
            "feature": "cloud_trans",
            "amount": 5,
            "created_at": "2026-03-01T12:00:00.000Z",
        },
    ],
}))]
pub(super) struct Batch {
    /// Each `idempotency_key` once.
    // They stay unread at first: a bad one must not spoil the others.
    #[schema(schema_with = items)]
    charges: Vec<Value>,
}

fn items() -> ArrayBuilder {
    ArrayBuilder::new()
        .items(Ref::from_schema_name(Item::name()))
        .min_items(Some(1))
        .max_items(Some(MAX_ITEMS))
}

/// A charge with its key.
#[derive(Deserialize, ToSchema)]
#[schema(as = BatchItem)]
pub(super) struct Item {
    #[schema(value_type = IdempotencyKey)]
    idempotency_key: String,
    #[serde(flatten)]
    body: ChargeBody,
}

/// What became of the items, in the order sent, and the balance of now.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "results": [
        {
            "idempotency_key": "cloud_trans:task-1",
            "status": "charged",
            "charge_id": "0e9d3c52-5a0f-4f0c-9f39-6a1c2b7f4a10",
            "amount": 5,
            "charged_at": "2026-03-01T12:00:00.12Z",
            "replayed": false,
        },
        {
            "idempotency_key": "cloud_trans:task-2",
            "status": "declined",
            "problem": {
                "type": "insufficient-balance",
                "title": "There are not enough points",
                "status": 402,
                "detail": "The balance is 115.",
                "balance": 115,
                "held": 0,
                "version": 2,
            },
        },
    ],
    "balance": 115,
    "held": 0,
    "version": 2,
}))]
struct BatchResult {
    results: Vec<ItemResult>,
    #[schema(value_type = Whole)]
    balance: u64,
    /// The points of the balance that are in active holds, where the server keeps holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Whole, required = false)]
    held: Option<u64>,
    /// Grows with every change of the balance, and never goes back.
    #[schema(value_type = Whole)]
    version: u64,
}

/// What became of an item. `idempotency_key` is the item's own.
#[derive(Serialize, ToSchema)]
#[serde(tag = "status", rename_all = "snake_case")]
enum ItemResult {
    /// Charged, now or before.
    Charged {
        #[schema(value_type = IdempotencyKey)]
        idempotency_key: Value,
        charge_id: String,
        #[schema(value_type = Amount)]
        amount: u64,
        #[schema(format = DateTime)]
        charged_at: String,
        /// Whether it had been charged before.
        replayed: bool,
    },
    /// Nothing was taken: not enough points, or the server's own reason.
    Declined {
        #[schema(value_type = IdempotencyKey)]
        idempotency_key: Value,
        #[schema(value_type = Problem)]
        problem: Value,
    },
    /// Nothing was taken: the item itself is wrong.
    Rejected {
        /// As it was sent, whatever that was.
        idempotency_key: Value,
        #[schema(value_type = Problem)]
        problem: Value,
    },
    /// Undecided within the time: to be sent again.
    Retry {
        #[schema(value_type = IdempotencyKey)]
        idempotency_key: Value,
        #[schema(value_type = Problem)]
        problem: Value,
    },
}

struct OfBatch;

impl IntoResponses for OfBatch {
    fn responses() -> BTreeMap<String, RefOr<Answer>> {
        let own = [
            Kind::InvalidRequest,
            Kind::InvalidJson,
            Kind::NotFound,
            Kind::MethodNotAllowed,
            Kind::PayloadTooLarge,
            Kind::UnsupportedMediaType,
            Kind::NotImplemented,
        ];
        Problem::answers(&[&own[..], &OF_ANY].concat())
    }
}

/// Charge up to 100 tasks
///
/// Each item is a charge of its own: a wrong one doesn't spoil the others. Batches are optional: 404,
/// 405 or 501 says that the server has none, and the client sends one charge at a time. A batch that
/// is too large (413) is halved.
#[utoipa::path(
    post,
    path = "/charges/batch",
    params(Account),
    request_body = Batch,
    responses(
        (status = 200, description = "One result an item.", body = BatchResult),
        OfBatch,
    ),
)]
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
    let keeps_holds = app.store.keeps_holds();
    let items: Vec<_> = charges
        .into_iter()
        .map(|item| checked(item, keeps_holds))
        .collect();
    let good: Vec<_> = items.iter().flatten().cloned().collect();
    let charged = app.store.charge_all(&account, &good, now_ms, deadline);
    let (verdicts, balance, untried) = match charged.await {
        Ok((verdicts, balance)) => {
            let untried = Problem::new(Kind::ServiceUnavailable, "Not tried; the time was up.");
            (verdicts, balance, untried)
        }
        Err(error) => {
            let problem = Problem::from(error);
            let soon = Instant::now() + BALANCE_WITHIN;
            let balance = app.store.balance(&account, now_ms(), soon);
            // Where points may have been taken, no answer says that none were.
            let balance = balance.await.map_err(|_| problem.clone())?;
            (Vec::new(), balance, problem)
        }
    };
    let mut verdicts = verdicts.into_iter();
    let results: Vec<_> = items
        .into_iter()
        .zip(keys)
        .map(
            |(item, idempotency_key)| match item.map(|_| verdicts.next()) {
                Ok(Some(verdict)) => settled(idempotency_key, verdict),
                Ok(None) => ItemResult::Retry {
                    idempotency_key,
                    problem: untried.clone().document(),
                },
                Err(problem) => ItemResult::Rejected {
                    idempotency_key,
                    problem: problem.document(),
                },
            },
        )
        .collect();
    Ok(Json(json!(BatchResult {
        results,
        balance: balance.points,
        held: balance.held,
        version: balance.version,
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

fn checked(item: Value, keeps_holds: bool) -> Result<NewCharge, Problem> {
    let item: Item = serde_json::from_value(item).map_err(|error| invalid(format!("{error}.")))?;
    item.body.check(item.idempotency_key, keeps_holds)
}

fn settled(idempotency_key: Value, verdict: Verdict) -> ItemResult {
    let is_declined = matches!(verdict, Verdict::InsufficientBalance { .. });
    match Taken::of(verdict) {
        Ok(Taken {
            charge, replayed, ..
        }) => ItemResult::Charged {
            idempotency_key,
            charge_id: charge.charge_id,
            amount: charge.request.amount().get(),
            charged_at: rfc3339(charge.charged_at_ms),
            replayed,
        },
        Err(problem) => {
            let problem = problem.document();
            if is_declined {
                ItemResult::Declined {
                    idempotency_key,
                    problem,
                }
            } else {
                ItemResult::Rejected {
                    idempotency_key,
                    problem,
                }
            }
        }
    }
}
