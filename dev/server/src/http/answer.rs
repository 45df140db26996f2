//! Verdicts as answers.

use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::observed::Outcome;
use super::problem::{Kind, Problem};
use crate::ledger::{Balance, Charge, Verdict};

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
            Verdict::PriceMismatch { price } => Err(Problem::new(
                Kind::PriceMismatch,
                format!("The price of this task is {}.", price.get()),
            )
            .with("price", price.get())),
        }
    }
}

impl IntoResponse for Taken {
    fn into_response(self) -> Response {
        let body = Json(charge_document(&self.charge, self.balance));
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

/// A charge as `POST charges` and `GET charges?key=KEY` answer it.
pub fn charge_document(charge: &Charge, balance: Balance) -> Value {
    json!({
        "charge_id": charge.charge_id,
        "idempotency_key": charge.request.key(),
        "amount": charge.request.amount().get(),
        "charged_at": rfc3339(charge.charged_at_ms),
        "balance": balance.points,
        "version": balance.version,
    })
}

/// The balance alone.
pub fn balance_document(balance: Balance) -> Value {
    json!({ "balance": balance.points, "version": balance.version })
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
