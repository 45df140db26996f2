//! The charge protocol, except for batches.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use headers::{ETag, HeaderMapExt, IfNoneMatch};
use uuid::Uuid;

use super::account::Account;
use super::answer::{Taken, balance_document, charge_document};
use super::batch::charge_batch;
use super::body::ChargeBody;
use super::problem::{Kind, Problem};
use super::query::WantedKey;
use super::received::Deadline;
use super::request::{IdempotencyKey, JsonBody};
use super::{App, not_allowed, not_found};
use crate::clock::now_ms;
use crate::ledger::{ChargeRequest, Verdict};
use crate::store::{Note, StoreError, Turn};

/// Everything below `/billing/v1`.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/balance", get(balance))
        .route("/charges", get(lookup).post(charge))
        .route("/charges/batch", post(charge_batch))
        .method_not_allowed_fallback(not_allowed)
        .fallback(not_found)
}

/// `GET balance`.
async fn balance(
    State(app): State<App>,
    Account(account): Account,
    Deadline(deadline): Deadline,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let balance = app.store.turn(deadline).await?.balance(&account).await?;
    let etag: ETag = format!("\"v{}\"", balance.version)
        .parse()
        .map_err(|_| Problem::new(Kind::InternalError, "The version makes no ETag."))?;
    let unchanged = headers
        .typed_get::<IfNoneMatch>()
        .is_some_and(|known| !known.precondition_passes(&etag));
    let mut response = if unchanged {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        Json(balance_document(balance)).into_response()
    };
    response.headers_mut().typed_insert(etag);
    Ok(response)
}

/// `POST charges`.
async fn charge(
    State(app): State<App>,
    Account(account): Account,
    Deadline(deadline): Deadline,
    IdempotencyKey(key): IdempotencyKey,
    JsonBody(body): JsonBody<ChargeBody>,
) -> Result<Taken, Problem> {
    let (request, note) = body.check(key)?;
    let mut turn = app.store.turn(deadline).await?;
    Taken::of(charge_now(&mut turn, &account, &request, &note).await?)
}

/// Makes a charge now, under a new charge id.
pub(super) async fn charge_now(
    turn: &mut Turn,
    account: &str,
    request: &ChargeRequest,
    note: &Note,
) -> Result<Verdict, StoreError> {
    let charge_id = Uuid::new_v4().to_string();
    turn.charge(account, request, note, now_ms(), charge_id)
        .await
}

/// `GET charges?key=KEY`.
async fn lookup(
    State(app): State<App>,
    Account(account): Account,
    Deadline(deadline): Deadline,
    WantedKey(key): WantedKey,
) -> Result<Response, Problem> {
    let mut turn = app.store.turn(deadline).await?;
    match turn.lookup(&account, &key).await? {
        Some((charge, balance)) => Ok(Json(charge_document(&charge, balance)).into_response()),
        None => Err(Problem::new(
            Kind::ChargeNotFound,
            "Nothing was taken for this key.",
        )),
    }
}
