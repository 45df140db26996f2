//! The bodies of a charge, alone or as an item of a batch, and of a hold.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};
use uuid::Uuid;

use super::number::{Seconds, Whole};
use super::openapi::text;
use super::problem::{Kind, Problem};
use super::request::IdempotencyKey;
use crate::ledger::{
    Amount, ChargeRequest, HoldRequest, InvalidCharge, MAX_ID_CHARS, MAX_KEY_BYTES, is_key,
};
use crate::store::{NewCharge, Note};

/// A charge without its key. Unknown members are ignored.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = ChargeRequest, example = json!({
    "task_id": "task-1",
    "feature": "cloud_trans",
    "amount": 5,
    "created_at": "2026-03-01T12:00:00.000Z",
    "metadata": { "file": "a.srt" },
}))]
pub struct ChargeBody {
    /// What is paid for. The same charge has the same `task_id`, `feature` and `amount`.
    task_id: Id,
    feature: Id,
    /// What the client believes to be the price: the server only checks it.
    #[schema(value_type = Amount)]
    amount: Whole,
    /// When the client made the charge. It is stored, and never compared.
    #[serde(default)]
    #[schema(format = DateTime)]
    created_at: Option<String>,
    /// Stored, and never compared.
    #[serde(default)]
    metadata: Option<BTreeMap<String, String>>,
    /// The key of the hold that it settles, where that is not its own: then it takes at most what
    /// that holds. It is never compared.
    // Unread where the server keeps no holds.
    #[serde(default)]
    #[schema(value_type = Option<IdempotencyKey>)]
    hold: Option<Value>,
}

/// The name of a task or of a feature, before it is checked.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
struct Id(String);

impl PartialSchema for Id {
    fn schema() -> RefOr<Schema> {
        text()
            .min_length(Some(1))
            .max_length(Some(MAX_ID_CHARS))
            .build()
            .into()
    }
}

impl ToSchema for Id {}

impl ChargeBody {
    /// Checks every member, but for that of the hold where none are kept, and names the charge that
    /// it may become.
    pub fn check(self, key: String, keeps_holds: bool) -> Result<NewCharge, Problem> {
        let request = ChargeRequest::new(key, self.task_id.0, self.feature.0, self.amount.0)?;
        if let Some(created_at) = &self.created_at
            && created_at.parse::<Timestamp>().is_err()
        {
            return Err(invalid("created_at must be an instant as in RFC 3339."));
        }
        let hold = match self.hold {
            Some(Value::String(key)) if keeps_holds && is_key(&key) => Some(key),
            Some(_) if keeps_holds => {
                return Err(invalid(format!(
                    "hold must be an idempotency key of 1 to {MAX_KEY_BYTES} bytes."
                )));
            }
            Some(_) | None => None,
        };
        let metadata = self
            .metadata
            .map(|metadata| serde_json::json!(metadata).to_string());
        let note = Note {
            created_at: self.created_at,
            metadata,
        };
        Ok(NewCharge {
            request,
            note,
            hold,
            charge_id: Uuid::new_v4().to_string(),
        })
    }
}

/// A hold without its key. Unknown members are ignored.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = HoldRequest, example = json!({
    "task_id": "task-1",
    "feature": "cloud_trans",
    "amount": 30,
    "expires_in_s": 180,
}))]
pub struct HoldBody {
    /// What the points are held for. The same hold has the same `task_id`, `feature` and `amount`.
    task_id: Id,
    feature: Id,
    /// What the task costs at most.
    #[schema(value_type = Amount)]
    amount: Whole,
    /// How long they are to be held from now on. The answer says what was granted.
    #[schema(value_type = Seconds)]
    expires_in_s: Whole,
}

impl HoldBody {
    /// Checks every member.
    pub fn check(self, key: String) -> Result<HoldRequest, Problem> {
        let charge = ChargeRequest::new(key, self.task_id.0, self.feature.0, self.amount.0)?;
        HoldRequest::new(charge, self.expires_in_s.0)
            .ok_or_else(|| invalid("expires_in_s must be a whole number from 1 to 2^53 - 1."))
    }
}

/// 400, with the reason.
pub fn invalid(detail: impl Into<String>) -> Problem {
    Problem::new(Kind::InvalidRequest, detail)
}

impl From<InvalidCharge> for Problem {
    fn from(error: InvalidCharge) -> Self {
        invalid(format!("{error}."))
    }
}
