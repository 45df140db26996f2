//! The charge protocol, except for batches and holds.

// What `utoipa::path` makes of a name in scope.
#![allow(unused_qualifications)]

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use headers::{ETag, HeaderMapExt, IfNoneMatch};
use utoipa::openapi::path::{Parameter, ParameterIn};
use utoipa::openapi::{RefOr, Required, Response as Answer};
use utoipa::{IntoParams, IntoResponses};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::App;
use super::account::Account;
use super::answer::{BalanceDocument, ChargeDocument, Taken};
use super::batch;
use super::body::ChargeBody;
use super::holds;
use super::openapi::{parameter, text};
use super::problem::{Kind, Problem};
use super::query::WantedKey;
use super::received::Deadline;
use super::request::{IdempotencyKey, JsonBody};
use crate::clock::now_ms;

/// Everything below `/billing/v1`.
pub fn routes(keeps_holds: bool) -> OpenApiRouter<App> {
    let routes = OpenApiRouter::default()
        .routes(routes!(balance))
        .routes(routes!(lookup, charge))
        .routes(routes!(batch::charge_batch));
    if keeps_holds {
        routes.routes(routes!(holds::hold, holds::release))
    } else {
        routes
    }
}

/// What any request may be answered with.
pub(super) const OF_ANY: [Kind; 10] = [
    Kind::BillingAccountInvalid,
    Kind::Unauthorized,
    Kind::AccountMismatch,
    Kind::Forbidden,
    Kind::RequestTimeout,
    Kind::TooManyRequests,
    Kind::InternalError,
    Kind::BadGateway,
    Kind::ServiceUnavailable,
    Kind::GatewayTimeout,
];

struct Known;

impl IntoParams for Known {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let nonce = "Ignored: it keeps caches and service workers from answering.";
        let etag = "The last answer's ETag.";
        vec![
            parameter(
                "t",
                ParameterIn::Query,
                Required::False,
                nonce,
                text(),
                "x7Gq",
            ),
            parameter(
                "If-None-Match",
                ParameterIn::Header,
                Required::False,
                etag,
                text(),
                r#""v17""#,
            ),
        ]
    }
}

struct OfBalance;

impl IntoResponses for OfBalance {
    fn responses() -> BTreeMap<String, RefOr<Answer>> {
        Problem::answers(&OF_ANY)
    }
}

/// Read the balance
///
/// It changes nothing: a client finds out with it whether the server is there.
#[utoipa::path(
    get,
    path = "/balance",
    params(
        Known,
        Account,
    ),
    responses(
        (status = 200, description = "The balance.", body = BalanceDocument,
            headers(("ETag" = String, description = "Of this version, and of what is held."))),
        (status = 304, description = "It is still that of `If-None-Match`.",
            headers(("ETag" = String, description = "Of this version, and of what is held."))),
        OfBalance,
    ),
)]
async fn balance(
    State(app): State<App>,
    Account(account): Account,
    Deadline(deadline): Deadline,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let balance = app.store.balance(&account, now_ms(), deadline).await?;
    let version = balance.version;
    // Within a version a hold may expire, and the server may begin to keep holds.
    let etag = match balance.held {
        None => format!("\"v{version}\""),
        Some(held) => format!("\"v{version}-{held}\""),
    };
    let etag: ETag = etag
        .parse()
        .map_err(|_| Problem::new(Kind::InternalError, "The version makes no ETag."))?;
    let unchanged = headers
        .typed_get::<IfNoneMatch>()
        .is_some_and(|known| !known.precondition_passes(&etag));
    let mut response = if unchanged {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        Json(BalanceDocument::from(balance)).into_response()
    };
    response.headers_mut().typed_insert(etag);
    Ok(response)
}

struct OfCharge;

impl IntoResponses for OfCharge {
    fn responses() -> BTreeMap<String, RefOr<Answer>> {
        let own = [
            Kind::InvalidRequest,
            Kind::InvalidJson,
            Kind::IdempotencyKeyMissing,
            Kind::IdempotencyKeyInvalid,
            Kind::PriceMismatch,
            Kind::InsufficientBalance,
            Kind::RequestInProgress,
            Kind::PayloadTooLarge,
            Kind::UnsupportedMediaType,
            Kind::IdempotencyKeyReused,
            Kind::HoldExceeded,
        ];
        Problem::answers(&[&own[..], &OF_ANY].concat())
    }
}

/// Charge a task
///
/// One key of one account is one charge, however often and however concurrently it is sent. Only a
/// charge uses a key up: after any problem the same key may be sent again. It settles the hold of its
/// key, or the one that it names.
#[utoipa::path(
    post,
    path = "/charges",
    params(IdempotencyKey, Account),
    request_body = ChargeBody,
    responses(
        (status = 201, description = "Charged now.", body = ChargeDocument,
            links(("lookup" = (
                operation_id = "lookup",
                parameters(("key" = "$response.body#/idempotency_key")),
            )))),
        (status = 200, description = "Charged before, by the same request: the first answer's \
            `charge_id`, `amount` and `charged_at`, the balance of now.", body = ChargeDocument,
            headers(("Idempotent-Replayed" = bool, description = "`true`"))),
        OfCharge,
    ),
)]
async fn charge(
    State(app): State<App>,
    Account(account): Account,
    Deadline(deadline): Deadline,
    IdempotencyKey(key): IdempotencyKey,
    JsonBody(body): JsonBody<ChargeBody>,
) -> Result<Taken, Problem> {
    let new = body.check(key, app.store.keeps_holds())?;
    let charged = app.store.charge(&account, &new, now_ms, deadline).await?;
    Taken::of(charged)
}

struct OfLookup;

impl IntoResponses for OfLookup {
    fn responses() -> BTreeMap<String, RefOr<Answer>> {
        let own = [Kind::InvalidRequest, Kind::ChargeNotFound];
        Problem::answers(&[&own[..], &OF_ANY].concat())
    }
}

/// Look a charge up
///
/// It sees every charge that was answered or begun before it, for longer than keys are remembered.
#[utoipa::path(
    get,
    path = "/charges",
    params(WantedKey, Account),
    responses(
        (status = 200, description = "The latest charge of this key.", body = ChargeDocument),
        OfLookup,
    ),
)]
async fn lookup(
    State(app): State<App>,
    Account(account): Account,
    Deadline(deadline): Deadline,
    WantedKey(key): WantedKey,
) -> Result<Response, Problem> {
    let found = app.store.lookup(&account, &key, now_ms(), deadline);
    match found.await? {
        Some((charge, balance)) => Ok(Json(ChargeDocument::new(&charge, balance)).into_response()),
        None => Err(Problem::new(
            Kind::ChargeNotFound,
            "Nothing was taken for this key.",
        )),
    }
}
