//! The charge protocol, except for batches.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use headers::{ETag, HeaderMapExt, IfNoneMatch};

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
    let balance = app.store.balance(&account, deadline).await?;
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
    let new = body.check(key)?;
    let charged = app.store.charge(&account, &new, now_ms(), deadline).await?;
    Taken::of(charged)
}

/// `GET charges?key=KEY`.
async fn lookup(
    State(app): State<App>,
    Account(account): Account,
    Deadline(deadline): Deadline,
    WantedKey(key): WantedKey,
) -> Result<Response, Problem> {
    match app.store.lookup(&account, &key, deadline).await? {
        Some((charge, balance)) => Ok(Json(charge_document(&charge, balance)).into_response()),
        None => Err(Problem::new(
            Kind::ChargeNotFound,
            "Nothing was taken for this key.",
        )),
    }
}
