//! Holds: `POST holds` and `DELETE holds?key=KEY`.

// What `utoipa::path` makes of a name in scope.
#![allow(unused_qualifications)]

use std::collections::BTreeMap;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use utoipa::IntoResponses;
use utoipa::openapi::{RefOr, Response as Answer};

use super::App;
use super::account::Account;
use super::answer::{BalanceDocument, HoldDocument};
use super::billing::OF_ANY;
use super::body::HoldBody;
use super::observed::Outcome;
use super::problem::{Kind, Problem};
use super::query::WantedKey;
use super::received::Deadline;
use super::request::{IdempotencyKey, JsonBody};
use crate::clock::now_ms;
use crate::ledger::HoldVerdict;

struct OfHold;

impl IntoResponses for OfHold {
    fn responses() -> BTreeMap<String, RefOr<Answer>> {
        let own = [
            Kind::InvalidRequest,
            Kind::InvalidJson,
            Kind::IdempotencyKeyMissing,
            Kind::IdempotencyKeyInvalid,
            Kind::InsufficientBalance,
            Kind::NotFound,
            Kind::MethodNotAllowed,
            Kind::AlreadyCharged,
            Kind::PayloadTooLarge,
            Kind::UnsupportedMediaType,
            Kind::IdempotencyKeyReused,
            Kind::NotImplemented,
        ];
        Problem::answers(&[&own[..], &OF_ANY].concat())
    }
}

/// Hold points for a charge
///
/// The charge of the same key settles the hold. Holds are optional: a server keeps them where its
/// balance has `held`. The same request while the hold is active makes it last longer; a hold that has
/// expired holds nothing.
#[utoipa::path(
    post,
    path = "/holds",
    params(IdempotencyKey, Account),
    request_body = HoldBody,
    responses(
        (status = 201, description = "Held from now on.", body = HoldDocument,
            links(("release" = (
                operation_id = "release",
                parameters(("key" = "$response.body#/idempotency_key")),
            )))),
        (status = 200, description = "Held before, by the same request: it expires when that asks \
            for, if that is later.", body = HoldDocument),
        OfHold,
    ),
)]
pub(super) async fn hold(
    State(app): State<App>,
    Account(account): Account,
    Deadline(deadline): Deadline,
    IdempotencyKey(key): IdempotencyKey,
    JsonBody(body): JsonBody<HoldBody>,
) -> Result<Response, Problem> {
    let request = body.check(key)?;
    let asked = app.store.hold(&account, &request, now_ms, deadline);
    let (status, outcome, document) = match asked.await? {
        HoldVerdict::Held {
            hold,
            expires_in_s,
            balance,
        } => (
            StatusCode::CREATED,
            "held",
            HoldDocument::new(&hold, expires_in_s, balance),
        ),
        HoldVerdict::Renewed {
            hold,
            expires_in_s,
            balance,
        } => (
            StatusCode::OK,
            "renewed",
            HoldDocument::new(&hold, expires_in_s, balance),
        ),
        HoldVerdict::InsufficientBalance { balance } => {
            return Err(Problem::insufficient_balance(balance));
        }
        HoldVerdict::KeyReused => {
            return Err(Problem::new(
                Kind::IdempotencyKeyReused,
                "This key holds points for another task, feature or amount.",
            ));
        }
        HoldVerdict::AlreadyCharged => {
            return Err(Problem::new(
                Kind::AlreadyCharged,
                "This key has been charged, and nothing is held.",
            ));
        }
    };
    Ok((status, Extension(Outcome(outcome)), Json(document)).into_response())
}

struct OfRelease;

impl IntoResponses for OfRelease {
    fn responses() -> BTreeMap<String, RefOr<Answer>> {
        let own = [
            Kind::InvalidRequest,
            Kind::NotFound,
            Kind::MethodNotAllowed,
            Kind::NotImplemented,
        ];
        Problem::answers(&[&own[..], &OF_ANY].concat())
    }
}

/// Release a hold
///
/// Afterwards nothing is held under this key, whether or not anything was.
#[utoipa::path(
    delete,
    path = "/holds",
    params(WantedKey, Account),
    responses(
        (status = 200, description = "The balance without it.", body = BalanceDocument),
        OfRelease,
    ),
)]
pub(super) async fn release(
    State(app): State<App>,
    Account(account): Account,
    Deadline(deadline): Deadline,
    WantedKey(key): WantedKey,
) -> Result<Json<BalanceDocument>, Problem> {
    let released = app
        .store
        .release(&account, &key, now_ms(), deadline)
        .await?;
    Ok(Json(BalanceDocument::from(released)))
}
