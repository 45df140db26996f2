//! Verdicts as answers.

use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::number::{Seconds, Whole};
use super::observed::Outcome;
use super::problem::{Kind, Problem};
use super::request::IdempotencyKey;
use crate::ledger::{Amount, Balance, Charge, Hold, Verdict};

/// The header that says that the points had been taken before.
pub const IDEMPOTENT_REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// Points that were taken, now or earlier.
pub struct Taken {
    /// The first charge of the key.
    pub charge: Charge,
    /// The current balance.
    pub balance: Balance,
    /// Whether the points had been taken before.
    pub replayed: bool,
}

impl Taken {
    /// The charge that was made, or the problem that prevented it.
    pub fn of(verdict: Verdict) -> Result<Self, Problem> {
        match verdict {
            Verdict::Charged { charge, balance } => Ok(Self {
                charge,
                balance,
                replayed: false,
            }),
            Verdict::Replayed { charge, balance } => Ok(Self {
                charge,
                balance,
                replayed: true,
            }),
            Verdict::InsufficientBalance { balance } => Err(Problem::insufficient_balance(balance)),
            Verdict::KeyReused => Err(Problem::new(
                Kind::IdempotencyKeyReused,
                "This key was charged for another task, feature or amount.",
            )),
            Verdict::PriceMismatch { price } => Err(Problem::price_mismatch(price.get())),
            Verdict::HoldExceeded { held } => Err(Problem::new(
                Kind::HoldExceeded,
                format!("The hold is of {}.", held.get()),
            )),
        }
    }
}

impl IntoResponse for Taken {
    fn into_response(self) -> Response {
        let body = Json(ChargeDocument::new(&self.charge, self.balance));
        if self.replayed {
            let replayed = [(IDEMPOTENT_REPLAYED, HeaderValue::from_static("true"))];
            (
                StatusCode::OK,
                replayed,
                Extension(Outcome("replayed")),
                body,
            )
                .into_response()
        } else {
            (StatusCode::CREATED, Extension(Outcome("charged")), body).into_response()
        }
    }
}

/// A charge, and the balance of now.
#[derive(Serialize, ToSchema)]
#[schema(as = Charge, example = json!({
    "amount": 5,
    "balance": 115,
    "charge_id": "0e9d3c52-5a0f-4f0c-9f39-6a1c2b7f4a10",
    "charged_at": "2026-03-01T12:00:00.12Z",
    "held": 0,
    "idempotency_key": "cloud_trans:task-1",
    "version": 2,
}))]
pub struct ChargeDocument {
    /// What was taken.
    #[schema(value_type = Amount)]
    amount: u64,
    #[schema(value_type = Whole)]
    balance: u64,
    /// The server's name for the charge.
    charge_id: String,
    #[schema(format = DateTime)]
    charged_at: String,
    /// The points of the balance that are in active holds, where the server keeps holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Whole, required = false)]
    held: Option<u64>,
    #[schema(value_type = IdempotencyKey)]
    idempotency_key: String,
    /// Grows with every change of the balance, and never goes back.
    #[schema(value_type = Whole)]
    version: u64,
}

impl ChargeDocument {
    /// `balance` is that of now.
    pub fn new(charge: &Charge, balance: Balance) -> Self {
        Self {
            amount: charge.request.amount().get(),
            balance: balance.points,
            charge_id: charge.charge_id.clone(),
            charged_at: rfc3339(charge.charged_at_ms),
            held: balance.held,
            idempotency_key: charge.request.key().to_owned(),
            version: balance.version,
        }
    }
}

/// The balance alone.
#[derive(Serialize, ToSchema)]
#[schema(as = Balance, example = json!({ "balance": 120, "held": 30, "version": 17 }))]
pub struct BalanceDocument {
    /// All points, those that are held too.
    #[schema(value_type = Whole)]
    balance: u64,
    /// The points of the balance that are in active holds, where the server keeps holds: what may be
    /// spent is the rest.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Whole, required = false)]
    held: Option<u64>,
    /// Grows with every change of the balance, and when points are held or released; it never goes
    /// back. It need not grow when a hold expires.
    #[schema(value_type = Whole)]
    version: u64,
}

impl From<Balance> for BalanceDocument {
    fn from(balance: Balance) -> Self {
        Self {
            balance: balance.points,
            held: balance.held,
            version: balance.version,
        }
    }
}

/// A hold, and the balance of now.
#[derive(Serialize, ToSchema)]
#[schema(as = Hold, example = json!({
    "amount": 30,
    "balance": 120,
    "expires_at": "2026-03-01T12:03:00.12Z",
    "expires_in_s": 180,
    "held": 30,
    "idempotency_key": "cloud_trans:task-1",
    "version": 17,
}))]
pub struct HoldDocument {
    /// What is held.
    #[schema(value_type = Amount)]
    amount: u64,
    /// All points, those that are held too.
    #[schema(value_type = Whole)]
    balance: u64,
    #[schema(format = DateTime)]
    expires_at: String,
    /// How long it is held from now on, in whole seconds.
    #[schema(value_type = Seconds)]
    expires_in_s: u64,
    /// The points of the balance that are in active holds, this one's too.
    #[schema(value_type = Whole, required = true)]
    held: Option<u64>,
    #[schema(value_type = IdempotencyKey)]
    idempotency_key: String,
    /// Grows with every change of the balance, and never goes back.
    #[schema(value_type = Whole)]
    version: u64,
}

impl HoldDocument {
    /// `balance` is that of now, and `expires_in_s` counted from now on.
    pub fn new(hold: &Hold, expires_in_s: u64, balance: Balance) -> Self {
        Self {
            amount: hold.request.amount().get(),
            balance: balance.points,
            expires_at: rfc3339(hold.expires_at_ms),
            expires_in_s,
            held: balance.held,
            idempotency_key: hold.request.key().to_owned(),
            version: balance.version,
        }
    }
}

/// An instant in UTC (RFC 3339). `ms` is milliseconds since the Unix epoch; an instant that no
/// calendar holds is written as the last one that it does.
pub fn rfc3339(ms: u64) -> String {
    i64::try_from(ms)
        .ok()
        .and_then(|ms| Timestamp::from_millisecond(ms).ok())
        .unwrap_or(Timestamp::MAX)
        .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_written_in_utc() {
        assert_eq!(rfc3339(0), "1970-01-01T00:00:00Z");
        assert_eq!(rfc3339(1_790_000_000_120), "2026-09-21T14:13:20.12Z");
    }
}
